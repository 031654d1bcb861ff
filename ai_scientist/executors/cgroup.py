"""Limits that the kernel holds: a control group (version 2) for each run, where the orchestrator may make one.

What polling sees half a second late, memory.max and pids.max hold at once: files in memory and threads included. It may
be used where the orchestrator's own group is delegated to it (`systemd-run --user --scope -p Delegate=yes ...`, a
container of its own) and holds no process but its own; elsewhere `make` gives None, and polling has to do.
Documentation/admin-guide/cgroup-v2.rst of Linux says what the files mean.
"""

import contextlib
import fcntl
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ai_scientist.lab import ExitReason, Limits

ROOT = Path("/sys/fs/cgroup")
SYSTEMD = Path("/run/systemd/system")  # it is there where systemd runs: sd_booted(3)
WANTED = ("memory", "pids")
OWN, RUN = "ai-scientist", "ai-scientist-run-"
END_SECONDS = 5.0
LOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Group:
    """The control group of one run. `lock`: its open folder, locked for as long as its orchestrator lives."""

    path: Path
    lock: int

    def take_in(self, pid: int) -> None:
        """Put a process in, with all that it will start. Raises OSError where the kernel refuses it."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def reached(self) -> ExitReason | None:
        """The limit that was reached: memory (the kernel ended the run), or processes (a fork was refused)."""
        if _count(self.path / "memory.events", "oom"):  # oom_kill counts a machine without memory, too
            return "memory"
        return "processes" if _count(self.path / "pids.events", "max") else None

    def end(self) -> None:
        """Kill what is left in it, and remove it."""
        deadline = time.monotonic() + END_SECONDS
        while self.path.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                break
            with contextlib.suppress(OSError):
                (self.path / "cgroup.kill").write_text("1")
            time.sleep(0.01)
        os.close(self.lock)


def make(limits: Limits, threads: int, root: Path = ROOT, membership: Path = Path("/proc/self/cgroup")) -> Group | None:
    """A group with these limits, `threads` being the most tasks; None where there is none to be had here."""
    try:
        base = _base(root, membership)
        if base is None:
            return None
        with _locked(base):  # one at a time: a group that is not locked yet looks like one that was left
            _tidy(base)
            path = Path(tempfile.mkdtemp(prefix=RUN, dir=base))
            group = Group(path, _lock(path))
    except (OSError, psutil.Error):
        return None
    try:
        _limit(group.path, limits, threads)
    except OSError:
        group.end()
        return None
    return group


def _limit(path: Path, limits: Limits, threads: int) -> None:
    (path / "cgroup.max.descendants").write_text("0")  # a group within would keep this one from being removed
    if limits.memory_bytes is not None:
        (path / "memory.max").write_text(str(limits.memory_bytes))
        (path / "memory.oom.group").write_text("1")
        with contextlib.suppress(OSError):  # a kernel without swap has no such file
            (path / "memory.swap.max").write_text("0")
    if limits.processes is not None:
        (path / "pids.max").write_text(str(threads))


def is_used(root: Path = ROOT, membership: Path = Path("/proc/self/cgroup")) -> bool:
    """Whether runs get a control group here."""
    try:
        return _base(root, membership) is not None
    except (OSError, psutil.Error):
        return False


def how_held() -> str:
    """How memory and tasks of runs are limited here, for a person."""
    return "held by control groups" if is_used() else "polled"


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
    if not is_delegated(base):
        return None
    if set(WANTED) <= set((base / "cgroup.subtree_control").read_text().split()):
        return base
    members = {int(pid) for pid in (base / "cgroup.procs").read_text().split()}
    if not members <= _ours():
        return None
    (base / OWN).mkdir(exist_ok=True)
    for pid in members:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            (base / OWN / "cgroup.procs").write_text(str(pid))
    (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in WANTED))
    return base


def is_delegated(group: Path, systemd: Path = SYSTEMD) -> bool:
    """Whether a group that can be written may be divided. Root can write all: systemd marks those it has given away."""
    if os.geteuid() != 0 or not systemd.is_dir():
        return True
    for name in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False


def _ours() -> set[int]:
    """This process, what it started, and what does nothing but wait for it (the shell or make that started it)."""
    own = psutil.Process()
    above = list(itertools.takewhile(lambda it: len(it.children()) == 1, own.parents()))
    return {own.pid, *(it.pid for it in above), *(it.pid for it in own.children(recursive=True))}


def _tidy(base: Path) -> None:
    """Remove the groups of orchestrators that were killed: no living one has them locked."""
    for path in base.glob(f"{RUN}*"):
        with contextlib.suppress(OSError):
            Group(path, _lock(path)).end()


def _lock(folder: Path, seconds: float = 0.0) -> int:
    """The open folder, locked until it is closed. Raises OSError where another has it locked for so long."""
    deadline = time.monotonic() + seconds
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise
            time.sleep(0.01)
        else:
            return descriptor


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _lock(folder, LOCK_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _count(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
