"""A run that travels: packed with the files of its study here, done in the sandbox of another machine, unpacked here.

What comes back was made by model-written code: regular files and folders of bounded size are taken, nothing else.
"""

import contextlib
import fcntl
import io
import os
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

import psutil

from ai_scientist import folders
from ai_scientist.errors import MachineError
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.executors.pinned import pinned
from ai_scientist.lab import CPU, Command, Exit, Limits, Task
from ai_scientist.sandbox.choose import choose
from ai_scientist.study.execution import bound
from ai_scientist.study.folder import StudyFolder

MAX_BYTES = 2_000_000_000  # of an archive: it is held in memory on both sides
MEMORY_SHARE = 0.9  # of what the machine or the job has; the rest is for what carries the run there
_PLACE = "ai-scientist-run-"


@dataclass(frozen=True)
class Parcel:
    """A task with the study's files that it may see, as a tar archive; paths of `task` are those of the sender.

    `cpus` is how many threads it may use, None for all cores that it finds.
    """

    task: Task
    limits: Limits
    files: bytes
    cpus: int | None = None


@dataclass(frozen=True)
class Returned:
    """How the run ended, and its folder as a tar archive."""

    exit: Exit
    folder: bytes


def pack(task: Task, limits: Limits, cpus: int | None) -> Parcel:
    """Raises MachineError where the study has more files than can be sent."""
    it = task.confinement
    files, left_out = _archive((path for path in it.visible if path not in it.writable), it.root)
    if left_out:
        raise MachineError(
            f"the files of {it.root} are more than can be sent to another machine ({MAX_BYTES:,} bytes): {left_out} "
            f"has no room. Put large data where each machine sees it, and name it by --data or in template.toml."
        )
    return Parcel(task, limits, files, cpus)


def carry_out(parcel: Parcel, output: Callable[[str], None], heed: Callable[[], None]) -> Returned:
    """Do the run on this machine. Raises MachineError for what this machine lacks, and what `heed` raises."""
    it = parcel.task.confinement
    for needed in (it.python, *map(str, it.readable)):
        if not os.path.exists(needed):  # noqa: PTH110 - a path as it was named elsewhere
            raise MachineError(f"{socket.gethostname()} has no {needed}; it must lie there on each machine.")
    with _place() as root:
        _unpack(parcel.files, root)
        out = root / it.writable[0].relative_to(it.root)
        visible = tuple(sorted(root.iterdir()))
        out.mkdir()
        own = replace(it, visible=visible, writable=(out,), root=root, folder=root)
        task = replace(parcel.task, confinement=own)
        command = replace(bound(task, choose(allow_none=not task.sandboxed)), heed=heed)
        if parcel.cpus is not None:
            command = pinned(command, (CPU,), parcel.cpus)
        ended = LocalExecutor().run(command, _limits_here(parcel.limits), lambda _: None, output)
        logs = StudyFolder(root).output(out)
        others = sorted(path for path in out.iterdir() if path not in logs)
        files, left_out = _archive((*logs, *others), out)
    if left_out and ended.reason == "exited":
        ended = replace(
            ended, reason="disk", detail=f"Its folder has more than {MAX_BYTES:,} bytes, or too many files."
        )
    return Returned(ended, files)


def receive(returned: object, command: Command) -> Exit:
    """Put the folder of the run in its place, and say how it ended.

    Raises MachineError where this is no result: an engine can call a job done that was cancelled.
    """
    out = command.writable[0]
    if not isinstance(returned, Returned):
        raise MachineError("the job ended without a result.")
    folders.remove(out)
    out.mkdir()
    _unpack(returned.folder, out)
    if not command.stdout.is_file() or not command.stderr.is_file():
        raise MachineError("the job's result has no output files.")
    return returned.exit


def _archive(paths: Iterable[Path], root: Path) -> tuple[bytes, str]:
    """(regular files and folders as a tar archive, the name of the first that there was no room for, or "").

    Links and special files are left out, and so is what a confined run keeps for its temporary files.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in _files(paths):
            if path.name == ".scratch" or not _travels(path):
                continue
            size = path.stat().st_size if path.is_file() else 0
            if buffer.tell() + size > MAX_BYTES:
                return buffer.getvalue(), str(path.relative_to(root))
            member = archive.gettarinfo(path, str(path.relative_to(root)))
            if member.isdir():
                archive.addfile(member)
            elif member.isreg():
                with path.open("rb") as file:
                    archive.addfile(member, file)
    return buffer.getvalue(), ""


def _travels(path: Path) -> bool:
    return (path.is_file() or path.is_dir()) and not path.is_symlink() and os.access(path, os.R_OK)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from (Path(entry.path) for entry in folders.walk(path))


def _unpack(content: bytes, target: Path) -> None:
    """Write the regular files and folders of an archive beneath an empty folder; anything else is left out.

    Raises MachineError for an archive that is damaged, has a name that leads elsewhere, or grows beyond the limit.
    """
    room = MAX_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, member in enumerate(archive):
                parts = PurePosixPath(member.name).parts
                room -= member.size
                if number >= folders.MAX_ENTRIES or len(parts) > folders.MAX_DEPTH or room < 0:
                    raise MachineError("an archive holds more than is taken from another machine.")
                if not parts or member.name.startswith("/") or ".." in parts or "\0" in member.name:
                    raise MachineError(f"an archive names {member.name[:200]!r}, which leads elsewhere.")
                if member.isdir():
                    target.joinpath(*parts).mkdir(exist_ok=True)
                elif member.isreg() and (file := archive.extractfile(member)):
                    _write(target.joinpath(*parts), file)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise MachineError(f"an archive from another machine cannot be unpacked: {error}.") from None


def _write(path: Path, content: IO[bytes]) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)


def _limits_here(limits: Limits) -> Limits:
    """The limits of a run that hold on this machine, which may be smaller than the one that set them."""
    memory = psutil.virtual_memory().total
    with contextlib.suppress(KeyError, ValueError):
        memory = min(memory, int(os.environ["SLURM_MEM_PER_NODE"]) << 20)  # MiB, for a job that asked for memory
    own = int(MEMORY_SHARE * memory)
    return replace(
        limits,
        memory_bytes=own if limits.memory_bytes is None else min(limits.memory_bytes, own),
        disk_bytes=MAX_BYTES if limits.disk_bytes is None else min(limits.disk_bytes, MAX_BYTES),
    )


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """A folder of this run's own on this machine. What runs left whose process was killed goes first."""
    base = Path(tempfile.gettempdir()).resolve()
    for left in base.glob(f"{_PLACE}*"):
        with contextlib.suppress(OSError), (left / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folders.remove(left)
    place = Path(tempfile.mkdtemp(prefix=_PLACE, dir=base))
    try:
        with (place / "new").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (place / "new").rename(place / "lock")  # held from the moment at which it is there
            root = place / "study"
            root.mkdir()
            yield root
    finally:
        folders.remove(place)
