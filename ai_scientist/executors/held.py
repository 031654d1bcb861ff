"""What a tree of processes holds beside its own memory and the files in its folders: Linux only, by /proc.

Files in memory (memfd, a private /tmp or /dev/shm, shared memory) and files that were deleted while they are open take
memory and disk that neither the size of a process nor a walk through its folder shows.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

PRIVATE = ("tmp", "dev/shm")  # file systems in memory that a sandbox gives to its processes
MAX_DESCRIPTORS = 20_000


@dataclass(frozen=True)
class Held:
    """`memory_bytes` of files in memory, `disk_bytes` of deleted files, and how many threads there are."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    threads: int = 0


def held(tree: Iterable[psutil.Process]) -> Held:
    """What these processes hold now; what cannot be seen (they end, or are another user's) counts as nothing."""
    processes = [process.pid for process in tree]
    private = dict(found for pid in processes for found in _private(pid))
    files = {(it.st_dev, it.st_ino): (it, where) for it, where in _open_files(processes) if it.st_dev not in private}
    in_memory = {Path("/dev/shm").stat().st_dev} if Path("/dev/shm").is_dir() else set()
    memory, disk = sum(private.values()), 0
    for entry, where in files.values():
        if where.startswith("/memfd:") or entry.st_dev in in_memory:
            memory += entry.st_blocks * 512
        elif entry.st_nlink == 0:
            disk += entry.st_blocks * 512
    return Held(memory, disk, sum(map(_threads, processes)))


def _private(pid: int) -> Iterator[tuple[int, int]]:
    """(device, bytes used) of the file systems in memory that are not the machine's."""
    for name in PRIVATE:
        with contextlib.suppress(OSError):
            path = f"/proc/{pid}/root/{name}"
            device, ours = os.stat(path).st_dev, os.stat(f"/{name}").st_dev  # noqa: PTH116
            if device != ours and device != os.stat(f"/proc/{pid}/root").st_dev:  # noqa: PTH116
                of = os.statvfs(path)
                yield device, (of.f_blocks - of.f_bfree) * of.f_frsize


def _open_files(processes: Iterable[int]) -> Iterator[tuple[os.stat_result, str]]:
    seen = 0
    for pid in processes:
        folder = f"/proc/{pid}/fd"
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208
                seen += 1
                if seen > MAX_DESCRIPTORS:
                    return
                with contextlib.suppress(OSError):
                    entry = os.stat(f"{folder}/{name}")  # noqa: PTH116
                    if stat.S_ISREG(entry.st_mode):
                        yield entry, os.readlink(f"{folder}/{name}")  # noqa: PTH115


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
    except OSError:
        return 0
