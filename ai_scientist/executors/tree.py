"""A process and everything beneath it: what it uses, and its end."""

import contextlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from ai_scientist import folders
from ai_scientist.lab import ProcessId


@dataclass(frozen=True)
class Use:
    """What a tree of processes uses now. `cpu_seconds` only tells whether it is alive: ended processes drop out."""

    processes: int
    resident_bytes: int
    cpu_seconds: float


def identify(pid: int) -> ProcessId:
    """The process with its start time: clock ticks since boot, or hundredths of seconds since 1970 without /proc."""
    return ProcessId(pid, _started(pid))


def is_alive(process: ProcessId) -> bool:
    """Whether that very process is there (a zombie is not)."""
    try:
        return _started(process.pid) == process.started and psutil.Process(process.pid).status() != "zombie"
    except (OSError, psutil.NoSuchProcess):
        return False


def members(pid: int) -> list[psutil.Process]:
    """The process and its descendants; empty where it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def use(tree: Iterable[psutil.Process]) -> Use:
    """What these processes use together, shared memory counted once for each."""
    count, resident, cpu = 0, 0, 0.0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            with process.oneshot():
                times = process.cpu_times()
                resident += process.memory_info().rss
            cpu += times.user + times.system
            count += 1
    return Use(count, resident, cpu)


def memory_bytes(tree: Iterable[psutil.Process], held: int = 0) -> int:
    """The memory of these processes, shared pages divided among those that share them; slower than `use`.

    `held` are the bytes of files in memory: what of them is mapped is counted by the processes already.
    """
    own = shared = 0
    for process in tree:
        with contextlib.suppress(psutil.Error, OSError):
            proportional, mapped = _proportional(process)
            own += proportional - mapped
            shared += mapped
    return own + max(shared, held)


def _proportional(process: psutil.Process) -> tuple[int, int]:
    """(proportional set size, the part of it that is files in memory), proc(5), smaps_rollup."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except FileNotFoundError:
        return process.memory_info().rss, 0
    sizes = {words[0]: 1024 * int(words[1]) for line in lines[1:] if len(words := line.split()) == 3}
    return sizes["Pss:"], sizes.get("Pss_Shmem:", 0)


def disk_bytes(places: Iterable[Path]) -> int:
    """The bytes that the files beneath these folders take on disk; holes of sparse files take none.

    Raises Overgrown where there are too many to be measured, or too deep.
    """
    total = 0
    for entry in itertools.chain.from_iterable(map(folders.walk, places)):
        with contextlib.suppress(OSError):
            total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def kill(tree: Iterable[psutil.Process], seconds: float = 5.0) -> None:
    """SIGKILL these processes and whatever is beneath them, and see them gone, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    known = {process.pid: process for process in tree}
    while time.monotonic() < deadline:
        for process in list(known.values()):
            with contextlib.suppress(psutil.Error):
                known.update({child.pid: child for child in process.children(recursive=True)})
        for process in known.values():
            with contextlib.suppress(psutil.Error):
                process.kill()
        _, alive = psutil.wait_procs(list(known.values()), timeout=0.2)
        if not alive:
            return
        known = {process.pid: process for process in alive}


def _started(pid: int) -> int:
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return int(psutil.Process(pid).create_time() * 100)
    return int(content.rpartition(b")")[2].split()[19])  # field 22, see proc(5)
