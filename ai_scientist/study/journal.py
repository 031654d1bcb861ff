"""The journal: the only truth about what happened in a study, one JSON event a line, append-only, fsynced, checksummed.

A line is `{"sum":"<crc32 of the rest>","number":N,"time":"<ISO 8601, UTC>","event":"<class>","data":{...}}`.
"""

import fcntl
import itertools
import json
import os
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from ai_scientist.errors import StudyError
from ai_scientist.files import whole_lines
from ai_scientist.interrupts import held_back
from ai_scientist.secrets import mask_in
from ai_scientist.study.events import AttemptStarted, Event, Steered, StudyResumed

LOOKING_SECONDS = 0.2
# What a study goes by: words of our own, names and places. A password "crashed" must not make a journal unreadable.
NEVER_MASKED = {
    *("outcome", "status", "purpose", "action", "name", "code", "commit", "seal", "files", "plots", "process"),
    *("template", "profile", "device", "sandbox", "python", "model", "recording", "baseline", "origin", "data"),
    *("environment", "smoke", "versions"),
}
_HEAD = len('{"sum":"00000000",')


@dataclass(frozen=True)
class Entry:
    """An event with the moment at which it was written."""

    time: datetime
    event: Event


class Journal:
    """The journal of one study, open and locked: a second process that opens it gets a StudyError.

    Opening drops a torn last line (a write that a crash cut short); other damage is a StudyError that names the line.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        try:
            self._file = path.open("xb+" if create else "rb+", buffering=0)
        except FileNotFoundError:
            raise StudyError(f"{path.parent} is not a study: it has no {path.name}.") from None
        except OSError as error:
            raise StudyError(f"cannot open {path}: {error.strerror}.") from None
        try:
            self._lock(path)
            self._entries = self._load(path)
        except StudyError:
            self._file.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        return tuple(entry.event for entry in self._entries)

    def append(self, event: Event) -> Entry:
        """Write an event; it is on disk when this returns, or StudyError is raised and the journal is as it was.

        A signal that comes meanwhile is held back until then.
        """
        with held_back():
            return self._append(event)

    def _append(self, event: Event) -> Entry:
        entry = Entry(datetime.now(UTC), event)
        line = encode(entry, len(self._entries) + 1)
        end = self._file.tell()
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            self._forget_after(end)
            raise StudyError(f"cannot write the journal: {error.strerror}. Make space, then --resume.") from None
        self._entries.append(entry)
        return entry

    def _lock(self, path: Path) -> None:
        """Take the lock; whoever only looks whether a study is running holds it for an instant, and is waited for."""
        end = time.monotonic() + LOOKING_SECONDS
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StudyError(f"another process is working on {path.parent}; wait for it or end it.") from None
                time.sleep(0.01)

    def _forget_after(self, end: int) -> None:
        os.ftruncate(self._file.fileno(), end)
        os.lseek(self._file.fileno(), end, os.SEEK_SET)

    def _load(self, path: Path) -> list[Entry]:
        content = self._file.readall()
        whole = content[: content.rfind(b"\n") + 1]
        self._file.seek(len(whole))
        self._file.truncate()
        return [decode(line, number, path) for number, line in enumerate(whole.splitlines(keepends=True), 1)]


def read_journal(path: Path) -> tuple[Entry, ...]:
    """The entries of a journal without opening it for work: a torn last line is passed over, nothing is changed.

    Raises FileNotFoundError where there is none, StudyError where it is damaged or no regular file.
    """
    lines = whole_lines(path).splitlines(keepends=True)
    return tuple(decode(line, number, path) for number, line in enumerate(lines, 1))


def encode(entry: Entry, number: int) -> bytes:
    """An entry as a line of the journal."""
    name = type(entry.event).__name__
    data = mask_in(_adapters()[name].dump_python(entry.event, mode="json"), spared=NEVER_MASKED)
    record = {"number": number, "time": entry.time.isoformat(), "event": name, "data": data}
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    rest = text[1:].encode("utf-8", "backslashreplace")
    return b'{"sum":"%08x",' % zlib.crc32(rest) + rest + b"\n"


def decode(line: bytes, number: int, path: Path) -> Entry:
    """The entry of a line. Raises StudyError where checksum, number or shape are not right."""
    rest = line[_HEAD:-1]
    if line[:_HEAD] != b'{"sum":"%08x",' % zlib.crc32(rest):
        raise StudyError(f"{path}, line {number}, is damaged (its checksum is wrong). Restore the file from a backup.")
    try:
        record = json.loads(b"{" + rest)
        event = _adapters()[record["event"]].validate_python(record["data"])
        moment = datetime.fromisoformat(record["time"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise StudyError(f"{path}, line {number}, is of another version of ai-scientist: {error}") from None
    if record["number"] != number:
        raise StudyError(f"{path}, line {number}, is numbered {record['number']}: a line is missing or doubled.")
    return Entry(moment, event)


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    return {kind.__name__: TypeAdapter(kind) for kind in get_args(Event)}


def spent_seconds(entries: Sequence[Entry], now: datetime | None = None) -> tuple[float, float]:
    """(seconds of work on a study until `now`, those of them in which a command ran); pauses do not count.

    The time between an interruption and --resume is a pause, and so is what a person asks for; what was worked in
    between and not written down is lost.
    """
    worked = ran = 0.0
    for before, following in itertools.pairwise(entries):
        if not isinstance(following.event, StudyResumed) and not _pauses(before.event):
            seconds = max(0.0, (following.time - before.time).total_seconds())  # a clock can be set back
            worked += seconds
            ran += seconds if isinstance(before.event, AttemptStarted) else 0.0
    if now is not None and entries and not _pauses(entries[-1].event):
        worked += max(0.0, (now - entries[-1].time).total_seconds())
    return worked, ran


def _pauses(event: Event) -> bool:
    return isinstance(event, Steered) and event.order.action == "pause"
