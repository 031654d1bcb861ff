"""Folders that others filled: walked, copied, disarmed and removed, however deep they are; no link is followed."""

import contextlib
import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ai_scientist.errors import MachineError

MAX_DEPTH = 64
MAX_ENTRIES = 200_000


class Overgrown(MachineError):
    """A folder is too deep or has too many files to be walked to its end; `why` says so without naming it."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} has {why}; remove what is not needed.")
        self.why = why


def walk(folder: Path, enter: Callable[[os.DirEntry[str]], bool] = lambda _: True) -> Iterator[os.DirEntry[str]]:
    """Every entry beneath a folder, a folder before what is in it; those that `enter` refuses are not entered.

    What cannot be read is passed over. Raises Overgrown at more than 64 levels or 200,000 entries.
    """
    counted = 0
    waiting = [(str(folder), 1)]
    while waiting:
        place, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Overgrown(folder, f"folders nested more than {MAX_DEPTH} deep")
        for entry in _entries(place, folder):
            counted += 1
            if counted > MAX_ENTRIES:
                raise Overgrown(folder, f"more than {MAX_ENTRIES:,} files and folders")
            yield entry
            if entry.is_dir(follow_symlinks=False) and enter(entry):
                waiting.append((entry.path, depth + 1))


def copy(source: Path, target: Path) -> None:
    """Copy a folder's regular files; links and special files are left out, and what git would take for its own.

    Raises Overgrown, and OSError where something cannot be read or written.
    """
    source.stat()
    target.mkdir()
    for entry in walk(source, enter=lambda it: not _is_for_git(it.name)):
        if _is_for_git(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            (target / Path(entry.path).relative_to(source)).mkdir()
        elif entry.is_file(follow_symlinks=False):
            shutil.copyfile(entry.path, target / Path(entry.path).relative_to(source), follow_symlinks=False)


def disarm(folder: Path) -> None:
    """Rename what git would obey in a folder (.git, .gitattributes, ...) to _git...: its settings can name programs.

    The folder itself can be read by us then, whatever was made of its rights.
    """
    if folder.is_symlink():
        return
    folder.chmod(0o755)
    found: list[Path] = []
    with contextlib.suppress(Overgrown):
        for entry in walk(folder, enter=lambda it: not _is_for_git(it.name)):
            found += [Path(entry.path)] if _is_for_git(entry.name) else []
    for path in found:
        names = (path.with_name("_" * number + path.name[1:]) for number in itertools.count(1))
        path.rename(next(name for name in names if not os.path.lexists(name)))


def remove(folder: Path) -> None:
    """Delete a folder, if it is there, however deep it is: each folder is moved to the top before it is emptied."""
    if not os.path.lexists(folder):
        return
    with tempfile.TemporaryDirectory(prefix=".removed_", dir=folder.parent) as grave:
        numbered = (Path(grave, str(number)) for number in itertools.count())
        waiting = [folder.rename(next(numbered))]
        while waiting:
            place = waiting.pop()
            if place.is_symlink() or not place.is_dir():
                place.unlink()
                continue
            place.chmod(0o700)
            with os.scandir(place) as entries:
                within = list(entries)
            for entry in within:
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.path, 0o700)  # noqa: PTH101 - moving a folder writes to it
                    waiting.append(Path(entry.path).rename(next(numbered)))
                else:
                    os.unlink(entry.path)  # noqa: PTH108
            place.rmdir()


def _entries(place: str, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise Overgrown(folder, "folders whose whole names are too long") from None
        return []


def _is_for_git(name: str) -> bool:
    return name.lower().startswith(".git")
