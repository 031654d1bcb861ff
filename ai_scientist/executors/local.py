"""Commands on this machine, each under a supervisor of its own, within limits, and nothing left of it at the end."""

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

import psutil

from ai_scientist.errors import MachineError
from ai_scientist.executors import cgroup, tree
from ai_scientist.executors.capture import Capture
from ai_scientist.executors.cgroup import Group
from ai_scientist.executors.checks import THREADS_A_PROCESS, Checks, Reached, held_by_the_kernel
from ai_scientist.lab import Command, Exit, Limits, ProcessId, RunningId

SUPERVISOR = Path(__file__).with_name("supervisor.py")
GRACE_SECONDS = 5.0
TICK_SECONDS = 0.25
UNWATCHED = "It killed the process that watched over it."
SPARE_SECONDS = 3.0  # beyond the grace, before the orchestrator kills what the supervisor should have ended


class LocalExecutor:
    """Runs commands as processes of this machine. Several may run at once, in threads."""

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        """Run to the end. Raises MachineError where the program cannot be started, or its output not be written.

        Whatever interrupts this (Ctrl-C, an exception of a callback) first ends everything that the command started.
        """
        if shutil.which(command.arguments[0], path=command.environment.get("PATH")) is None:
            raise MachineError(f"there is no program {command.arguments[0]}; check --python.")
        with contextlib.ExitStack() as stack:
            capture = stack.enter_context(_capture(command, limits, output))
            running = _Running(command, limits, self._grace, self._start)
            try:
                started(running.id)
                return running.watch(capture)
            except OSError as error:
                raise MachineError(f"cannot follow {command.arguments[0]}: {error.strerror or error}.") from error
            finally:
                running.end()

    def _start(self, command: Command, limits: Limits, answers: int) -> "Child":
        """The command under its supervisor, which waits for the word to begin."""
        numbers = map(str, (*file_and_data_limits(limits), answers, int(command.init)))
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), str(self._grace), *numbers, "--", *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(answers,),
            start_new_session=True,
        )


class Child(Protocol):
    """A supervisor: it begins at a first byte on its standard input, and ends all that it started when that closes."""

    @property
    def pid(self) -> int: ...
    @property
    def stdin(self) -> IO[bytes] | None: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    @property
    def stderr(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None:
        """0 where it has ended and seen everything to its end, None where it has not ended."""
        ...

    def wait(self) -> int:
        """Return when it has ended."""
        ...


def file_and_data_limits(limits: Limits) -> tuple[int, int]:
    """The bytes of each file and of each process's data, -1 for no limit, as the supervisor takes them."""
    return (
        -1 if limits.disk_bytes is None else limits.disk_bytes,
        -1 if limits.memory_bytes is None else limits.memory_bytes,
    )


def _is_supervised(pid: int) -> bool:
    """Whether it is a supervisor or beneath one: the journal of another could name any process of ours."""
    try:
        process = psutil.Process(pid)
        words = [word for it in (process, *process.parents()) for word in it.cmdline()]
    except psutil.Error:
        return False
    return any(word.endswith(f"/{SUPERVISOR.parent.name}/{SUPERVISOR.name}") for word in words)


def end_orphan(process: ProcessId, grace: float = GRACE_SECONDS) -> bool:
    """End the supervisor of an interrupted study and all beneath it, if it is that very process; whether it was there.

    A supervisor whose orchestrator has died is at it already: it gets its grace before it is killed.
    """
    if not tree.is_alive(process) or not _is_supervised(process.pid):
        return False
    beneath = tree.members(process.pid)
    deadline = time.monotonic() + grace + SPARE_SECONDS
    while tree.is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    tree.kill(member for member in beneath if member.is_running())
    return True


class _Running:
    """One command while it runs."""

    def __init__(
        self, command: Command, limits: Limits, grace: float, start: Callable[[Command, Limits, int], Child]
    ) -> None:
        self._command = command
        self._limits = limits
        self._grace = grace
        self._reached: Reached | None = None
        self._ending: float | None = None
        self._status, status = os.pipe()
        try:
            self._process = start(command, limits, status)
        finally:
            os.close(status)
        self._begun = time.monotonic()
        self.id = tree.identify(self._process.pid)
        self._group = _grouped(limits, self._process.pid)
        self._checks = Checks(limits, command.writable, self._process.pid, self._begun)

    def watch(self, capture: Capture) -> Exit:
        """Let the command go, follow it to its end, and say how it ended."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"g")
            self._process.stdin.flush()
        checks = self._checks.each(capture)
        with selectors.DefaultSelector() as selector:
            for name in ("stdout", "stderr"):
                selector.register(getattr(self._process, name), selectors.EVENT_READ, name)
            while selector.get_map() and not self._is_overdue():
                self._command.heed()
                for key, _ in selector.select(TICK_SECONDS):
                    if not capture.read(key.fd, key.data):
                        selector.unregister(key.fileobj)
                if self._reached is None and (reached := next(checks)):
                    self._reached = reached
                    self._ask_to_end()
        return self._exit()

    def end(self) -> None:
        """See that nothing is left, even if Ctrl-C comes again and again."""
        deadline = time.monotonic() + self._grace + SPARE_SECONDS
        self._ask_to_end()
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(0.01)
        with contextlib.suppress(KeyboardInterrupt):
            if self._process.poll() != 0:  # the supervisor itself was killed, or hangs
                tree.kill([*self._checks.seen, *tree.members(self._process.pid)])
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        self._process.wait()
        with contextlib.suppress(OSError):
            os.close(self._status)
        if self._group:
            self._group.end()

    def _ask_to_end(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def _is_overdue(self) -> bool:
        """Whether everything should have ended by now, and output is still held open by something unseen."""
        if self._ending is None and (self._reached or self._process.poll() is not None):
            self._ending = time.monotonic()
        return self._ending is not None and time.monotonic() > self._ending + self._grace + SPARE_SECONDS

    def _exit(self) -> Exit:
        self._process.wait()
        seconds = time.monotonic() - self._begun
        first = os.read(self._status, 10_000).partition(b"\n")[0]  # why it could not be started comes before its end
        said = json.loads(first or b"{}")
        if "error" in said:
            raise MachineError(f"cannot start {said['error']}; check --python.")
        code = os.waitstatus_to_exitcode(said["status"]) if "status" in said else -9
        self._reached = self._reached or self._checks.too_much_written()  # it may have been quicker than the checks
        if self._group and code:
            self._reached = self._reached or held_by_the_kernel(self._group, self._limits)
        if self._reached is not None:
            reason, detail = self._reached
            return Exit(reason, code, seconds, detail)
        return Exit("exited", code, seconds, "" if "status" in said else UNWATCHED)


def _grouped(limits: Limits, pid: int) -> Group | None:
    """A control group around a supervisor that has not begun, where one is to be had."""
    group = cgroup.make(limits, THREADS_A_PROCESS * (limits.processes or 0))
    if group is None:
        return None
    try:
        group.take_in(pid)
    except OSError:
        group.end()
        return None
    return group


@contextlib.contextmanager
def _capture(command: Command, limits: Limits, output: Callable[[str], None]) -> Iterator[Capture]:
    try:
        capture = Capture(command.stdout, command.stderr, limits.output_bytes, output)
    except OSError as error:
        raise MachineError(f"cannot write {error.filename}: {error.strerror}.") from None
    with capture:
        yield capture
