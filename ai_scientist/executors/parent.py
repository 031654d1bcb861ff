"""A warmed parent: `python experiment.py` under bubblewrap, held back before its first line (sitecustomize.py)."""

import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ai_scientist.executors.local import SUPERVISOR, file_and_data_limits
from ai_scientist.lab import Limits, Task
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.bubblewrap import Bubblewrap
from ai_scientist.study.execution import SHARED

WARMED = Path(__file__).with_name("warmed")
VARIABLE = "AI_SCIENTIST_WARM"
WARMING_SECONDS = 120
FORKING_SECONDS = 20
ENDING_SECONDS = 2
GONE = "the warmed parent is gone or does not answer"
MAX_ANSWER = 200_000
CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)
# Read when the interpreter starts or a native library is loaded: given to a forked run it would come too late.
EARLY = re.compile(
    r"PYTHON|LD_|LANG|LC_|TZ$|GLIBC_|MALLOC_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|GOTO_|BLIS_|NPY_|ATEN_|DNNL_|ONEDNN_|TORCH"
    r"|PYTORCH|CUDA|CUBLAS|CUDNN|NVIDIA|NCCL|HIP_|HSA_|ROC|GPU_"
)


@dataclass(frozen=True)
class Kind:
    """What two runs must have in common to be forked from one parent: all but the code and the run's folder."""

    program: str
    environment: Mapping[str, str]
    root: Path
    python: str
    readable: tuple[Path, ...]
    network: bool
    gpu: bool

    @staticmethod
    def of(task: Task, environment: Mapping[str, str]) -> "Kind":
        it = task.confinement
        return Kind(task.arguments[0], dict(environment), it.root, it.python, it.readable, it.network, it.gpu)


class Parent:
    """A warmed parent: started at once, asked later. `gone`: it has died, or does not answer."""

    def __init__(self, kind: Kind, confinement: Confinement, modules: tuple[str, ...], grace: float) -> None:
        self.kind = kind
        self.forked = 0  # runs so far
        self.gone = False
        self._modules = modules
        self._asked: frozenset[str] = frozenset()  # the variables that its imports have looked for
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

    def has_died(self) -> bool:
        """Whether it is gone; waited for a little, as what ran in it is noticed first."""
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        self.gone, self._unfit = True, GONE
        return True

    def fork(self, task: Task, modules: tuple[str, ...], limits: Limits, grace: float, answers: int) -> "Forked | str":
        """A run that imports these modules first, and waits for the word to begin; else why it has to be a cold one."""
        if self._unfit is None:
            self._unfit = self._why_unfit()
        if self._unfit:
            return self._unfit
        if not set(self._modules) <= set(modules):
            return "it does not begin with the imports that the warmed parent has made"
        if early := sorted(name for name in _later(task) if EARLY.match(name) or name in self._asked):
            return f"the template sets {early[0]}, which is read before a run is forked"
        pipes = [os.pipe() for _ in range(3)]
        (go, go_on), (out, write_out), (err, write_err) = pipes
        theirs = [go, write_out, write_err]
        request = _request(task, limits, grace)
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [*theirs, answers])
            pid = self._forked()
        except OSError:
            self.gone, self._unfit = True, GONE
            for descriptor in (go_on, out, err):
                os.close(descriptor)
            return self._unfit
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.forked += 1
        return Forked(pid, os.fdopen(go_on, "wb"), os.fdopen(out, "rb", 0), os.fdopen(err, "rb", 0))

    def _why_unfit(self) -> str:
        """Wait until it is warm; nothing where it is safe to fork."""
        self._control.settimeout(WARMING_SECONDS)
        try:
            answer = json.loads(self._control.recv(MAX_ANSWER))
            unsafe, self._asked = str(answer["unsafe"]), frozenset(answer["asked"])
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


def _later(task: Task) -> dict[str, str]:
    """The template's variables that a run is given after it was forked: the parent, which has power, sees none."""
    return {name: value for name, value in task.variables.items() if name not in SHARED}


def _request(task: Task, limits: Limits, grace: float) -> dict[str, object]:
    max_file, max_data = file_and_data_limits(limits)
    it = task.confinement
    return {
        "arguments": task.arguments,
        "variables": _later(task),
        "folder": str(it.folder),
        "root": str(it.root),
        "visible": [str(path) for path in it.visible],
        "writable": [str(path) for path in it.writable],
        "scratch_bytes": it.scratch_bytes,
        "grace": grace,
        "max_file": max_file,
        "max_data": max_data,
    }


class Forked:
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
