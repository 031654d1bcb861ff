"""Reading files that others wrote, and writing ours so that a crash leaves the old or the new one, never half."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ai_scientist.errors import StudyError

MAX_RECORD_BYTES = 1_000_000_000


class UnreadableFile(ValueError):
    """Why a file is not read; completes a sentence that begins with the file's name."""


def read_text(path: Path, max_bytes: int) -> str:
    """The file as text, invalid UTF-8 replaced and a mark of Windows at its start left out, see read_bytes."""
    return read_bytes(path, max_bytes).decode("utf-8-sig", errors="replace")


def not_utf8(content: bytes) -> int:
    """The first line that is no UTF-8, 0 where all is."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 0


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The file's content; UnreadableFile where it is missing, special, a link or too large."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise UnreadableFile(f"is {size:,} bytes long; at most {max_bytes:,} are read")
        return file.read(max_bytes)


def tail(path: Path, max_bytes: int = 200_000) -> str:
    """The end of a regular file as text, "" where there is none."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - max_bytes))
            return file.read(max_bytes).decode("utf-8", errors="replace")
    except UnreadableFile:
        return ""


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, see write_bytes."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write by a temporary name beside it and a rename; on disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # a link that lies there is not written through
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def open_regular(path: Path) -> BinaryIO:
    """Open without following a symbolic link and without blocking on a FIFO, and judge by the opened descriptor.

    What lies at the name may be changed by a hostile program at any time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UnreadableFile("was not written") from None
    except OSError as error:
        raise UnreadableFile(f"cannot be opened as a regular file: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFile("is not a regular file")
    return os.fdopen(descriptor, "rb")


def whole_lines(path: Path) -> bytes:
    """The lines of a record of a study; a torn last one is passed over.

    Raises FileNotFoundError where there is none, StudyError where it is no regular file or too large.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(path)
    try:
        content = read_bytes(path, MAX_RECORD_BYTES)
    except UnreadableFile as error:
        raise StudyError(f"{path} {error}.") from None
    return content[: content.rfind(b"\n") + 1]
