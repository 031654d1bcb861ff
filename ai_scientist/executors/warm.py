"""Runs forked from a warmed, sandboxed parent that has imported torch, where that is safe; else cold ones.

The parent (parent.py) is started for the first run that can use it, and ends with the study; one that dies after it has
forked runs is replaced. A run of it is furnished with name spaces and mounts of its own, as bubblewrap would
(warmed/confining.py), and followed and ended by the same code as a cold one.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ai_scientist import folders
from ai_scientist.executors.imports import first_imports
from ai_scientist.executors.local import GRACE_SECONDS, UNWATCHED, Child, LocalExecutor
from ai_scientist.executors.parent import WARMED, Kind, Parent
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import Command, Exit, Limits, RunningId, Task
from ai_scientist.sandbox import Confinement
from ai_scientist.sandbox.bubblewrap import Bubblewrap

MAX_PARENTS = 2  # profiles share one, unless they set what is the machine's to say (SHARED of study/execution.py)
MAX_RESTARTS = 3
MAX_CODE_BYTES = 5_000_000


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
        self._parents: list[Parent] = []
        self._told: set[str] = set()
        self._restarts = 0
        self._forked_from: Parent | None = None  # the run that is going on, if it is a forked one
        self.forked = 0  # runs so far that were not cold ones

    def close(self) -> None:
        """End the parents."""
        while self._parents:
            self._parents.pop().close()

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        """Run to the end; a run whose parent dies under it is done again from its beginning, as a cold one."""
        done = super().run(command, limits, started, output)
        parent = self._forked_from
        if parent is None or command.cold is None or done.detail != UNWATCHED or not parent.has_died():
            return done
        command.cold("the warmed parent died under it, so that it is done again")
        for out in command.writable:
            folders.remove(out)
            out.mkdir()
        return super().run(replace(command, cold=None), limits, started, output)

    def _start(self, command: Command, limits: Limits, answers: int) -> Child:
        self._forked_from = None
        forked = self._fork(command, limits, answers)
        self.forked += forked is not None
        return forked or super()._start(command, limits, answers)

    def _fork(self, command: Command, limits: Limits, answers: int) -> Child | None:
        """The run, forked; None where it has to be a cold one, which is told where its parent is there."""
        task = command.task
        if command.cold is None or task is None or not _can_be_forked(task.confinement):
            return None
        modules = _imports(task)
        parent = self._parent(task, command.environment, modules)
        if parent is None:
            return None
        forked = parent.fork(task, modules, limits, self._grace, answers)
        if not isinstance(forked, str):
            self._forked_from = parent
            return forked
        if self._is_replaced(parent):
            self._parent(task, command.environment, modules)
            command.cold(f"{forked}; another one is started for later runs")
        elif forked not in self._told:
            self._told.add(forked)
            command.cold(f"{forked}; so may be later runs")
        return None

    def _is_replaced(self, parent: Parent) -> bool:
        """Drop a parent that has died after it forked runs; one that dies before would do so again and again."""
        if not (parent.gone and parent.forked) or self._restarts == MAX_RESTARTS:
            return False
        self._restarts += 1
        self._parents.remove(parent)
        parent.close()
        return True

    def _parent(self, task: Task, environment: Mapping[str, str], modules: tuple[str, ...]) -> Parent | None:
        """That of such runs, started now if need be; None where it would have nothing to import."""
        wanted = Kind.of(task, environment)
        for parent in self._parents:
            if parent.kind == wanted:
                return parent
        if not modules:
            return None
        while len(self._parents) >= MAX_PARENTS:
            self._parents.pop(0).close()
        self._parents.append(Parent(wanted, task.confinement, modules, self._grace))
        return self._parents[-1]


def _can_be_forked(it: Confinement) -> bool:
    if it.folder != it.root:  # plot.py: it has a folder of its own, laid out anew each time
        return False
    return not any(path.is_symlink() for path in it.visible)


def _imports(task: Task) -> tuple[str, ...]:
    """What can be imported ahead."""
    try:
        return first_imports(read_text(task.confinement.folder / task.arguments[0], MAX_CODE_BYTES))
    except UnreadableFile:
        return ()
