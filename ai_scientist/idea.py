"""Ideas: reading a template's `ideas.json`, and finding one by its name."""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text

MAX_BYTES = 5_000_000
# A name becomes part of a folder's name: letters, digits, "_", "-" and "." inside, at most 100 characters.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Idea:
    """A hypothesis to test, with the ratings (1-10) that its author gave it, 0 where none.

    `may_change` are the sealed files and definitions of the template that this idea is allowed to change.
    """

    name: str
    title: str
    experiment: str
    interestingness: int = 0
    feasibility: int = 0
    novelty: int = 0
    may_change: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The idea with the field names of ideas.json."""
        fields = asdict(self)
        may_change = list(fields.pop("may_change"))
        return {name.capitalize(): value for name, value in fields.items()} | (
            {"may_change": may_change} if may_change else {}
        )


def read_ideas(path: Path) -> tuple[Idea, ...]:
    """All ideas of an ideas.json. Raises UsageError naming the file and the entry that is wrong."""
    try:
        entries = json.loads(read_text(path, MAX_BYTES))
    except UnreadableFile as error:
        raise UsageError(f"{path} {error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(entries, list):
        raise UsageError(f"{path} must be a list of ideas")
    return tuple(_idea(entry, f"{path}: idea {number}") for number, entry in enumerate(entries, 1))


def _idea(entry: Any, where: str) -> Idea:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is not an object")
    texts = {field: entry.get(field) for field in ("Name", "Title", "Experiment")}
    for field, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f'{where} needs a text in "{field}"')
    name = str(texts["Name"])
    if not NAME.fullmatch(name):
        raise UsageError(f'{where}: "{name:.60}" is no usable name: letters, digits, "_", "-" and "." only')
    ratings = {field: entry.get(field, 0) for field in ("Interestingness", "Feasibility", "Novelty")}
    whole = {field.lower(): int(value) if isinstance(value, int | float) else 0 for field, value in ratings.items()}
    may_change = entry.get("may_change", [])
    if not isinstance(may_change, list) or not all(isinstance(it, str) for it in may_change):
        raise UsageError(f'{where}: "may_change" must be a list of names')
    return Idea(name, str(texts["Title"]), str(texts["Experiment"]), **whole, may_change=tuple(may_change))


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence that names the ideas nearest to `name`, for an error message."""
    known = list(dict.fromkeys(names))
    folded = {known_name.lower(): known_name for known_name in known}
    close = [folded[match] for match in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.4)]
    if not close:
        return "See --list-ideas."
    return "Did you mean " + " or ".join(close) + "?"
