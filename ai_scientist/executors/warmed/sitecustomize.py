"""The warmed parent: `python experiment.py` that has imported torch, and forks a run whenever it is asked to.

Python imports this module before it begins with its program. It imports what AI_SCIENTIST_WARM names, and then waits:
for each request it forks, and the child goes on from here as the program it was started as, in name spaces of its
own and without any power (confining.py). The parent runs nothing that a model wrote, never comes back from here, and
makes no tensor and no thread. Standard library only.

Each run has three processes beneath this one: a supervisor (supervisor.py), the first process of a process name space,
which only collects others, and the program.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import confining

VARIABLE = "AI_SCIENTIST_WARM"
MAX_REQUEST = 200_000


class Begun(BaseException):
    """Leads a run out of the loop of its parent."""


def serve(control: socket.socket, supervisor: ModuleType) -> None:
    """Fork a run for every request until the orchestrator closes its end. Returns in a run alone."""
    while True:
        content, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, 4)
        if not content:
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.wait()  # a run that goes on sees for itself that the orchestrator is gone, and has its grace
            os._exit(0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # the supervisor of the run before
                pass
        if os.fork() == 0:
            begun = False
            try:
                supervise(json.loads(content), descriptors, control, supervisor)
            except Begun:
                begun = True
            finally:
                if not begun:
                    os._exit(1)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def supervise(request: dict[str, Any], descriptors: list[int], control: socket.socket, supervisor: ModuleType) -> None:
    """Be the supervisor of a run. Raises Begun in the run."""
    go, out, err, answers = descriptors
    os.dup2(go, 0)
    os.close(go)

    def begin() -> int:
        confining.new_processes()
        child: int = os.fork()
        if child == 0:
            os.setsid()
            first_process(request, (out, err, answers), supervisor)
        os.close(out)
        os.close(err)
        return child

    control.send(b"forked")  # with it the kernel tells the orchestrator which process this is
    control.close()
    supervisor.supervise(begin, float(request["grace"]), answers, True)
    os._exit(0)


def first_process(request: dict[str, Any], descriptors: tuple[int, int, int], supervisor: ModuleType) -> None:
    """Furnish the name spaces, fork the program, and collect whatever loses its parent, until the program has ended."""
    out, err, answers = descriptors
    try:
        confining.die_with_parent()
        confining.furnish(request["root"], request["visible"], request["writable"], request["scratch_bytes"])
        confining.become_powerless()
        child = os.fork()
    except OSError as error:
        supervisor.report(answers, {"error": f"{error.filename}: {error.strerror}"})
        os._exit(127)
    if child == 0:
        become_the_program(request, out, err, supervisor)
        raise Begun
    os.closerange(1, 4096)
    while True:
        process, status = os.wait()
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def become_the_program(request: dict[str, Any], out: int, err: int, supervisor: ModuleType) -> None:
    """What executing the program would have done: descriptors, signals, limits, arguments, and fresh random states."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 4096)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    confining.dumpable()
    supervisor.limit(supervisor.resource.RLIMIT_CORE, 0)
    supervisor.limit(supervisor.resource.RLIMIT_FSIZE, request["max_file"])
    supervisor.limit(supervisor.resource.RLIMIT_DATA, request["max_data"])
    os.chdir(request["folder"])
    os.environ.update(request["variables"])
    sys.argv[:] = request["arguments"]
    sys.orig_argv[:] = [sys.orig_argv[0], *request["arguments"]]
    if configured := os.environ.get("MPLCONFIGDIR"):
        with contextlib.suppress(OSError):
            os.makedirs(configured, exist_ok=True)  # noqa: PTH103
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.seed()


def unsafe() -> str:
    """Why this process must not be forked, "" where it may."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "CUDA is initialised"
    if child := os.fork():  # before a fork OpenBLAS ends its threads; whatever else made one would be cut off
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
        os.waitpid(child, 0)
        return f"it has {threads} threads" if threads > 1 else ""
    os._exit(0)


def import_all(modules: list[str]) -> set[str]:
    """Import these, and say which environment variables were looked for: a run would be given those too late."""
    asked: set[str] = set()
    look_up = os._Environ.__getitem__

    def noting(environment: Any, name: Any) -> Any:
        asked.add(str(name))
        return look_up(environment, name)

    os._Environ.__getitem__ = noting  # type: ignore[method-assign]
    for name in modules:
        with contextlib.suppress(ImportError):  # of `from torch import Tensor` torch.Tensor is no module
            importlib.import_module(name)
    os._Environ.__getitem__ = look_up  # type: ignore[method-assign]
    return asked


def main() -> None:
    """Become the warmed parent; returns in runs."""
    given = json.loads(os.environ.pop(VARIABLE))
    del os.environ["PYTHONPATH"]
    sys.path.remove(os.path.dirname(__file__))  # noqa: PTH120
    control = socket.socket(fileno=given["control"])
    control.set_inheritable(False)
    spec = importlib.util.spec_from_file_location("supervisor", Path(__file__).parent.parent / "supervisor.py")
    assert spec is not None
    assert spec.loader is not None
    supervisor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(supervisor)
    asked = import_all(given["modules"])
    gc.collect()
    gc.freeze()  # what is imported is not looked through again: not by a run, and not when it ends
    for number in supervisor.IGNORED:  # its end comes by its control, or with its supervisor's
        signal.signal(number, signal.SIG_IGN)
    control.send(json.dumps({"unsafe": unsafe(), "asked": sorted(asked)}).encode())
    serve(control, supervisor)


if VARIABLE in os.environ:
    main()
