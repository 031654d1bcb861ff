"""Runs forked from a warmed, sandboxed parent that has imported torch, where that is safe; else cold ones.

The parent is `python experiment.py` under bubblewrap, held back before its first line (warmed/sitecustomize.py). It is
started for the first run that can use it, and ends with the study. A run of it is furnished with name spaces and mounts
of its own, as bubblewrap would (warmed/confining.py), and followed and ended by the same code as a cold one.
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ai_scientist.executors.imports import first_imports
from ai_scientist.executors.local import GRACE_SECONDS, SUPERVISOR, Child, LocalExecutor, file_and_data_limits
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import Command, Limits, Task
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.bubblewrap import Bubblewrap

WARMED = Path(__file__).with_name("warmed")
VARIABLE = "AI_SCIENTIST_WARM"
WARMING_SECONDS = 120
FORKING_SECONDS = 20
MAX_PARENTS = 2  # one for the study's profile and one for the smoke profile
MAX_CODE_BYTES = 5_000_000
CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)


def possible(sandbox: str, python: str) -> bool:
    """Whether runs can be forked: under bubblewrap, with our own interpreter, whose packages we trust as our own."""
    return sandbox == Bubblewrap.name and python == sys.executable and _works()


@cache
def _works() -> bool:
    with TemporaryDirectory(prefix="ai-scientist-") as place:
        root = Path(place).resolve()
        confinement = Confinement((), (), (WARMED,), sys.executable, root, root)
        trial = [sys.executable, "-I", "-S", str(WARMED / "confining.py"), str(root)]
        command = Bubblewrap().wrap_parent(trial, confinement)
        try:
            return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False


class WarmExecutor(LocalExecutor):
    """Forks the runs that can be forked. To be closed at the end."""

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        super().__init__(grace)
        self._parents: list[_Parent] = []
        self._told: set[str] = set()
        self.forked = 0  # runs so far that were not cold ones

    def close(self) -> None:
        """End the parents."""
        while self._parents:
            self._parents.pop().close()

    def _start(self, command: Command, limits: Limits, answers: int) -> Child:
        forked = self._fork(command, limits, answers)
        self.forked += forked is not None
        return forked or super()._start(command, limits, answers)

    def _fork(self, command: Command, limits: Limits, answers: int) -> Child | None:
        """The run, forked; None where it has to be a cold one, which is told where its parent is there."""
        task = command.task
        if command.cold is None or task is None or not _can_be_forked(task.confinement, command.environment):
            return None
        modules = _imports(task)
        parent = self._parent(task, command.environment, modules)
        forked = parent.fork(task, modules, limits, self._grace, answers) if parent else None
        if not isinstance(forked, str):
            return forked
        if forked not in self._told:
            self._told.add(forked)
            command.cold(forked)
        return None

    def _parent(self, task: Task, environment: Mapping[str, str], modules: tuple[str, ...]) -> "_Parent | None":
        """That of such runs, started now if need be; None where it would have nothing to import."""
        wanted = _Kind.of(task, environment)
        for parent in self._parents:
            if parent.kind == wanted:
                return parent
        if not modules:
            return None
        while len(self._parents) >= MAX_PARENTS:
            self._parents.pop(0).close()
        self._parents.append(_Parent(wanted, task.confinement, modules, self._grace))
        return self._parents[-1]


def _can_be_forked(it: Confinement, environment: Mapping[str, str]) -> bool:
    if it.folder != it.root:  # plot.py: it has a folder of its own, laid out anew each time
        return False
    return "PYTHONPATH" not in environment and not any(path.is_symlink() for path in it.visible)


def _imports(task: Task) -> tuple[str, ...]:
    """What can be imported ahead."""
    try:
        return first_imports(read_text(task.confinement.folder / task.arguments[0], MAX_CODE_BYTES))
    except UnreadableFile:
        return ()


@dataclass(frozen=True)
class _Kind:
    """What two runs must have in common to be forked from one parent: all but the code and the run's folder."""

    program: str
    environment: Mapping[str, str]
    root: Path
    python: str
    readable: tuple[Path, ...]
    network: bool
    gpu: bool

    @staticmethod
    def of(task: Task, environment: Mapping[str, str]) -> "_Kind":
        it = task.confinement
        return _Kind(task.arguments[0], dict(environment), it.root, it.python, it.readable, it.network, it.gpu)


class _Parent:
    """A warmed parent: started at once, asked later."""

    def __init__(self, kind: _Kind, confinement: Confinement, modules: tuple[str, ...], grace: float) -> None:
        self.kind = kind
        self.modules = modules
        self._unfit: str | None = None  # "" where it has shown that it can fork runs, else why it cannot
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        given = json.dumps({"control": theirs.fileno(), "modules": modules})
        within = Confinement(
            (),
            (),
            (*confinement.readable, WARMED, SUPERVISOR),
            kind.python,
            kind.root,
            kind.root,
            kind.network,
            kind.gpu,
            confinement.scratch_bytes,
        )
        command = Bubblewrap().wrap_parent([kind.python, kind.program], within)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        numbers = map(str, (grace, -1, -1, nowhere, 1))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISOR), *numbers, "--", *command],
                cwd=kind.root,
                env={**kind.environment, VARIABLE: given, "PYTHONPATH": str(WARMED)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(nowhere, theirs.fileno()),
                start_new_session=True,
            )
        finally:
            os.close(nowhere)
            theirs.close()
        assert self._process.stdin
        self._process.stdin.write(b"g")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it and all that is beneath it."""
        self._control.close()
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def fork(self, task: Task, modules: tuple[str, ...], limits: Limits, grace: float, answers: int) -> "_Forked | str":
        """A run that imports these modules first, and waits for the word to begin; else why it has to be a cold one."""
        if self._unfit is None:
            self._unfit = self._why_unfit()
        if self._unfit:
            return self._unfit
        if not set(self.modules) <= set(modules):
            return "it does not begin with the imports that the warmed parent has made"
        pipes = [os.pipe() for _ in range(3)]
        (go, go_on), (out, write_out), (err, write_err) = pipes
        theirs = [go, write_out, write_err]
        request = _request(task, limits, grace)
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [*theirs, answers])
            pid = self._forked()
        except OSError:
            self._unfit = "the warmed parent is gone or does not answer"
            for descriptor in (go_on, out, err):
                os.close(descriptor)
            return self._unfit
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return _Forked(pid, os.fdopen(go_on, "wb"), os.fdopen(out, "rb", 0), os.fdopen(err, "rb", 0))

    def _why_unfit(self) -> str:
        """Wait until it is warm; nothing where it is safe to fork."""
        self._control.settimeout(WARMING_SECONDS)
        try:
            unsafe = str(json.loads(self._control.recv(10_000))["unsafe"])
        except (OSError, ValueError):
            return "the warmed parent did not get ready"
        self._control.settimeout(FORKING_SECONDS)
        return f"the warmed parent is not safe to fork: {unsafe}" if unsafe else ""

    def _forked(self) -> int:
        """Which process it is: the kernel says so, in our own numbers. Raises OSError where none answers."""
        content, ancillary, _, _ = self._control.recvmsg(100, socket.CMSG_SPACE(CREDENTIALS.size))
        for level, kind, data in ancillary:
            if content and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return int(CREDENTIALS.unpack(data)[0])
        raise OSError("the warmed parent is gone")


def _request(task: Task, limits: Limits, grace: float) -> dict[str, object]:
    max_file, max_data = file_and_data_limits(limits)
    it = task.confinement
    return {
        "arguments": task.arguments,
        "folder": str(it.folder),
        "root": str(it.root),
        "visible": [str(path) for path in it.visible],
        "writable": [str(path) for path in it.writable],
        "scratch_bytes": it.scratch_bytes,
        "grace": grace,
        "max_file": max_file,
        "max_data": max_data,
    }


class _Forked:
    """The supervisor of a forked run, as if it were a child of ours (subprocess.Popen)."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO, stderr: BinaryIO) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._handle: int | None = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self) -> int:
        return self._wait(None) or 0

    def _wait(self, milliseconds: int | None) -> int | None:
        if self._handle is None:
            return 0
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not poll.poll(milliseconds):
            return None
        os.close(self._handle)
        self._handle = None
        return 0
