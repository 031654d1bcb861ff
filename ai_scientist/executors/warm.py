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
from ai_scientist.lab import Command, Limits
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
        self.forked = 0  # runs so far that were not cold ones

    def close(self) -> None:
        """End the parents."""
        while self._parents:
            self._parents.pop().close()

    def _start(self, command: Command, limits: Limits, answers: int) -> Child:
        parent = self._parent(command)
        forked = parent.fork(command, limits, self._grace, answers) if parent else None
        self.forked += forked is not None
        return forked or super()._start(command, limits, answers)

    def _parent(self, command: Command) -> "_Parent | None":
        """One that this run can be forked from, started now if need be; None where it has to be a cold run."""
        modules = _prepared(command)
        if not modules or command.confined is None:
            return None
        wanted = _Kind.of(command.confined, command.own, command.environment)
        for parent in self._parents:
            if parent.kind == wanted:
                return parent if set(parent.modules) <= set(modules) else None
        while len(self._parents) >= MAX_PARENTS:
            self._parents.pop(0).close()
        self._parents.append(_Parent(wanted, command.confined, modules, self._grace))
        return self._parents[-1]


def _prepared(command: Command) -> tuple[str, ...]:
    """What can be imported ahead for this command; nothing where it must be a cold one."""
    it = command.confined
    if it is None or it.folder != it.root:  # plot.py: it has a folder of its own, laid out anew each time
        return ()
    if "PYTHONPATH" in command.environment or any(path.is_symlink() for path in it.visible):
        return ()
    try:
        return first_imports(read_text(command.folder / command.own[0], MAX_CODE_BYTES))
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
    def of(it: Confinement, own: tuple[str, ...], environment: Mapping[str, str]) -> "_Kind":
        return _Kind(own[0], dict(environment), it.root, it.python, it.readable, it.network, it.gpu)


class _Parent:
    """A warmed parent: started at once, asked later."""

    def __init__(self, kind: _Kind, confinement: Confinement, modules: tuple[str, ...], grace: float) -> None:
        self.kind = kind
        self.modules = modules
        self._ready: bool | None = None
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

    def fork(self, command: Command, limits: Limits, grace: float, answers: int) -> Child | None:
        """A run that waits for the word to begin; None where the parent is not fit for it."""
        if self._ready is None:
            self._ready = self._is_ready()
        if not self._ready or command.confined is None:
            return None
        pipes = [os.pipe() for _ in range(3)]
        (go, go_on), (out, write_out), (err, write_err) = pipes
        theirs = [go, write_out, write_err]
        request = _request(command, command.confined, limits, grace)
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [*theirs, answers])
            pid = self._forked()
        except OSError:
            self._ready = False
            for descriptor in (go_on, out, err):
                os.close(descriptor)
            return None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return _Forked(pid, os.fdopen(go_on, "wb"), os.fdopen(out, "rb", 0), os.fdopen(err, "rb", 0))

    def _is_ready(self) -> bool:
        self._control.settimeout(WARMING_SECONDS)
        try:
            answer = json.loads(self._control.recv(10_000))
        except (OSError, ValueError):
            return False
        self._control.settimeout(FORKING_SECONDS)
        return not answer["unsafe"]

    def _forked(self) -> int:
        """Which process it is: the kernel says so, in our own numbers. Raises OSError where none answers."""
        content, ancillary, _, _ = self._control.recvmsg(100, socket.CMSG_SPACE(CREDENTIALS.size))
        for level, kind, data in ancillary:
            if content and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return int(CREDENTIALS.unpack(data)[0])
        raise OSError("the warmed parent is gone")


def _request(command: Command, confinement: Confinement, limits: Limits, grace: float) -> dict[str, object]:
    max_file, max_data = file_and_data_limits(limits)
    return {
        "arguments": command.own,
        "folder": str(confinement.folder),
        "root": str(confinement.root),
        "visible": [str(path) for path in confinement.visible],
        "writable": [str(path) for path in confinement.writable],
        "scratch_bytes": confinement.scratch_bytes,
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
