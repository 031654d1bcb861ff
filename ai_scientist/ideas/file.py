"""Writing to a template's ideas.json: whole or not at all, one process at a time, what stands there left as it is."""

import fcntl
import json
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_scientist.errors import MachineError, UsageError
from ai_scientist.files import UnreadableFile, read_text, write_text
from ai_scientist.idea import MAX_BYTES, Idea, ideas_of
from ai_scientist.template import IDEAS

NAME = IDEAS[0]


@dataclass(frozen=True)
class _Entry:
    """One idea in the file's text, with its place there."""

    start: int
    end: int
    value: Any


def known(folder: Path) -> tuple[Idea, ...]:
    """The ideas that a template has now, none where it has no file of them. Raises UsageError for a damaged one."""
    return ideas_of(_read(folder), str(folder / NAME))


def append(folder: Path, idea: Idea, reject: Callable[[tuple[Idea, ...]], str]) -> str:
    """Add an idea to the template's ideas.json, unless `reject`, asked with all that are there now, says why not.

    "" where it was added. Where there is no ideas.json yet it begins with what seed_ideas.json says. Raises UsageError
    for a file that is damaged, MachineError where it cannot be written.
    """
    with _locked(folder):
        text = _read(folder)
        if why := reject(ideas_of(text, str(folder / NAME))):
            return why
        entries = list(_entries(text))
        added = textwrap.indent(_dumped(idea.as_json()), _indent(text, entries))
        end = entries[-1].end if entries else text.index("[") + 1
        text = f"{text[:end]}{',' if entries else ''}\n{added}{text[end:] if entries else chr(10) + ']' + chr(10)}"
        _write(folder, text)
    return ""


def note(folder: Path, name: str, notes: Mapping[str, Any]) -> bool:
    """Set keys of the idea of that name in the template's ideas.json; False where it is not there any more."""
    with _locked(folder):
        text = _read(folder)
        entries = list(_entries(text))
        for entry in entries:
            if isinstance(entry.value, dict) and entry.value.get("Name") == name:
                changed = textwrap.indent(_dumped(entry.value | dict(notes)), _indent(text, entries)).lstrip()
                _write(folder, text[: entry.start] + changed + text[entry.end :])
                return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time. The lock is on the folder: the file itself is another one after every write."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot open {folder}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(folder: Path) -> str:
    for name in IDEAS:
        path = folder / name
        if path.exists() or path.is_symlink():
            try:
                text = read_text(path, MAX_BYTES)
            except UnreadableFile as error:
                raise UsageError(f"{path} {error}") from None
            if "\ufffd" in text:
                raise UsageError(f"{path} is not UTF-8 throughout; it is not changed. Save it as UTF-8")
            ideas_of(text, str(path))  # raises for what is no list of ideas
            return text
    return "[\n]\n"


def _write(folder: Path, text: str) -> None:
    try:
        write_text(folder / NAME, text)
    except OSError as error:
        raise MachineError(f"cannot write {folder / NAME}: {error.strerror}. Nothing of it was changed.") from None


def _entries(text: str) -> Iterator[_Entry]:
    """The values of a JSON list with their places in its text, which is valid JSON."""
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return
        value, end = decoder.raw_decode(text, at)
        yield _Entry(at, end, value)
        at = end


def _indent(text: str, entries: list[_Entry]) -> str:
    """What stands before the first entry on its line, where that is only space; else two spaces."""
    before = text[: entries[0].start].rpartition("\n")[2] if entries else "  "
    return before if not before.strip() else "  "


def _dumped(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, indent=2, ensure_ascii=False)
