"""Limits that the kernel holds: a control group (version 2) for each run, where the orchestrator may make one.

What polling sees half a second late, memory.max and pids.max hold at once: files in memory and threads included. It may
be used where the orchestrator's own group is delegated to it (`systemd-run --user --scope -p Delegate=yes ...`, a
container of its own) and holds no process but its own; elsewhere `make` gives None, and polling has to do.
Documentation/admin-guide/cgroup-v2.rst of Linux says what the files mean.
"""

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from ai_scientist.lab import ExitReason, Limits

ROOT = Path("/sys/fs/cgroup")
WANTED = ("memory", "pids")
OWN, RUN = "ai-scientist", "ai-scientist-run"
END_SECONDS = 5.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Group:
    """The control group of one run."""

    path: Path

    def take_in(self, pid: int) -> None:
        """Put a process in, with all that it will start. Raises OSError where the kernel refuses it."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def reached(self) -> ExitReason | None:
        """The limit that was reached: memory (the kernel ended the run), or processes (a fork was refused)."""
        if _count(self.path / "memory.events", "oom_kill"):
            return "memory"
        return "processes" if _count(self.path / "pids.events", "max") else None

    def end(self) -> None:
        """Kill what is left in it, and remove it."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + END_SECONDS
        while self.path.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.01)


def make(limits: Limits, threads: int, root: Path = ROOT, membership: Path = Path("/proc/self/cgroup")) -> Group | None:
    """A group with these limits, `threads` being the most tasks; None where there is none to be had here."""
    try:
        base = _base(root, membership)
        if base is None:
            return None
        _tidy(base)
        group = Group(base / f"{RUN}-{os.getpid()}-{next(_numbers)}")
        group.path.mkdir()
    except OSError:
        return None
    try:
        if limits.memory_bytes is not None:
            (group.path / "memory.max").write_text(str(limits.memory_bytes))
            (group.path / "memory.oom.group").write_text("1")
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                (group.path / "memory.swap.max").write_text("0")
        if limits.processes is not None:
            (group.path / "pids.max").write_text(str(threads))
    except OSError:
        group.end()
        return None
    return group


def is_used(root: Path = ROOT, membership: Path = Path("/proc/self/cgroup")) -> bool:
    """Whether runs get a control group here."""
    try:
        return _base(root, membership) is not None
    except OSError:
        return False


def _base(root: Path, membership: Path) -> Path | None:
    """The orchestrator's own group, ready for groups beneath it; None where it is not its own.

    A group with processes cannot have groups beneath it that limit memory: the orchestrator moves into one of its own.
    """
    lines = [line for line in membership.read_text().splitlines() if line.startswith("0::/")]
    if not lines:
        return None
    base = root / lines[0].removeprefix("0::/")
    base = base.parent if base.name == OWN else base
    if not set(WANTED) <= set((base / "cgroup.controllers").read_text().split()) or not os.access(base, os.W_OK):
        return None
    if set(WANTED) <= set((base / "cgroup.subtree_control").read_text().split()):
        return base
    members = {int(pid) for pid in (base / "cgroup.procs").read_text().split()}
    if not members <= _ours():
        return None
    (base / OWN).mkdir(exist_ok=True)
    for pid in members:
        (base / OWN / "cgroup.procs").write_text(str(pid))
    (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in WANTED))
    return base


def _ours() -> set[int]:
    """This process, what it started, and what does nothing but wait for it (the shell or make that started it)."""
    own = psutil.Process()
    above = list(itertools.takewhile(lambda it: len(it.children()) == 1, own.parents()))
    return {own.pid, *(it.pid for it in above), *(it.pid for it in own.children(recursive=True))}


def _tidy(base: Path) -> None:
    """Remove the groups of orchestrators that were killed."""
    for path in base.glob(f"{RUN}-*-*"):
        if not psutil.pid_exists(int(path.name.split("-")[-2])):
            Group(path).end()


def _count(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
