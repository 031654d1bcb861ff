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
from ai_scientist.executors.held import Held, held
from ai_scientist.folders import Overgrown
from ai_scientist.lab import Command, Exit, ExitReason, Limits, ProcessId, RunningId

SUPERVISOR = Path(__file__).with_name("supervisor.py")
GRACE_SECONDS = 5.0
TICK_SECONDS = 0.25
MEASURE_SECONDS = 0.5
DISK_SECONDS = 2.0
THREADS_A_PROCESS = 8  # for each process that a run may have: numeric libraries make as many as there are cores
SPARE_SECONDS = 3.0  # beyond the grace, before the orchestrator kills what the supervisor should have ended
Reached = tuple[ExitReason, str]
"""The limit that ended a command, and what to say of it."""


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


def end_orphan(process: ProcessId, grace: float = GRACE_SECONDS) -> bool:
    """End the supervisor of an interrupted study and all beneath it, if it is that very process; whether it was there.

    A supervisor whose orchestrator has died is at it already: it gets its grace before it is killed.
    """
    if not tree.is_alive(process):
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
        self._seen: list[psutil.Process] = []
        self._held = Held()
        self._ending: float | None = None
        self._status, status = os.pipe()
        try:
            self._process = start(command, limits, status)
        finally:
            os.close(status)
        self._begun = time.monotonic()
        self._life, self._alive = (0, 0.0), self._begun
        self.id = tree.identify(self._process.pid)
        self._group = _grouped(limits, self._process.pid)

    def watch(self, capture: Capture) -> Exit:
        """Let the command go, follow it to its end, and say how it ended."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"g")
            self._process.stdin.flush()
        checks = self._checks(capture)
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
                tree.kill([*self._seen, *tree.members(self._process.pid)])
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
        self._reached = self._reached or self._too_much_written()  # it may have been quicker than the checks
        self._reached = self._reached or self._held_by_the_kernel(code)
        if self._reached is not None:
            reason, detail = self._reached
            return Exit(reason, code, seconds, detail)
        detail = "" if "status" in said else "It killed the process that watched over it."
        return Exit("exited", code, seconds, detail)

    def _held_by_the_kernel(self, code: int) -> Reached | None:
        """The limit of its control group that it ran into, if it failed."""
        reason, limits = self._group.reached() if self._group and code else None, self._limits
        if reason == "memory" and limits.memory_bytes is not None:
            return reason, f"It used more memory than {limits.memory_bytes:,} bytes, the limit."
        if reason == "processes" and limits.processes is not None:  # else it was a limit around all of us
            return reason, f"It had more processes and threads than the limit of {limits.processes} allows."
        return None

    def _checks(self, capture: Capture) -> Iterator[Reached | None]:
        """The limit that is reached now, if one is; asked again and again."""
        measured = walked = self._begun
        while True:
            now = time.monotonic()
            reached = self._out_of_time(now) or self._too_much_printed(capture)
            if reached is None and now - measured > MEASURE_SECONDS:
                measured = now
                self._seen = tree.members(self._process.pid) or self._seen  # empty: the supervisor is gone
                used = tree.use(self._seen)
                reached = self._stalled(now, capture.total, used) or self._too_many(used) or self._too_much_used(used)
            if reached is None and now - walked > DISK_SECONDS:
                walked = now
                self._held = held(self._seen)
                reached = self._too_much_written()
            yield reached

    def _out_of_time(self, now: float) -> Reached | None:
        seconds = self._limits.seconds
        return ("timed_out", f"It was ended after {seconds:g} seconds.") if now - self._begun > seconds else None

    def _too_much_printed(self, capture: Capture) -> Reached | None:
        return ("output", f"It printed more than {self._limits.output_bytes:,} bytes.") if capture.over else None

    def _stalled(self, now: float, printed: int, used: tree.Use) -> Reached | None:
        if (printed, used.cpu_seconds) != self._life:
            self._life, self._alive = (printed, used.cpu_seconds), now
        limit = self._limits.stall_seconds
        if limit is None or now - self._alive <= limit:
            return None
        return "stalled", f"It neither printed anything nor used the processor for {limit:g} s."

    def _too_many(self, used: tree.Use) -> Reached | None:
        limit, count = self._limits.processes, used.processes - 1
        if limit is None:
            return None
        if count > limit:
            return "processes", f"It had {count} processes; at most {limit} are allowed."
        if self._held.threads > THREADS_A_PROCESS * limit:
            return "processes", f"It had {self._held.threads} threads; at most {THREADS_A_PROCESS * limit} are allowed."
        return None

    def _too_much_used(self, used: tree.Use) -> Reached | None:
        limit = self._limits.memory_bytes
        if limit is None or used.resident_bytes + self._held.memory_bytes <= limit:
            return None
        memory = tree.memory_bytes(self._seen, self._held.memory_bytes)
        return ("memory", f"It used {memory:,} bytes of memory; the limit is {limit:,}.") if memory > limit else None

    def _too_much_written(self) -> Reached | None:
        limit = self._limits.disk_bytes
        if limit is None:
            return None
        try:
            written = tree.disk_bytes(self._command.writable) + self._held.disk_bytes
        except Overgrown as error:
            return "disk", f"Its folder has {error.why}."
        if written <= limit:
            return None
        return "disk", f"It wrote {written:,} bytes to its folder; the limit is {limit:,}."


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
