"""Ideas: reading a template's `ideas.json`, and finding one by its name."""

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text

MAX_BYTES = 5_000_000
# A name becomes part of a folder's name: letters, digits, "_", "-" and "." inside, at most 100 characters.
_FIELDS = ("Name", "Title", "Experiment", "Interestingness", "Feasibility", "Novelty", "may_change")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Idea:
    """A hypothesis to test, with the ratings (1-10) that its author gave it, 0 where none.

    `may_change` are the sealed files and definitions of the template that this idea is allowed to change. `more` is
    what else its entry says: who generated it, what a novelty check found, the keys of other systems.
    """

    name: str
    title: str
    experiment: str
    interestingness: int = 0
    feasibility: int = 0
    novelty: int = 0
    may_change: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def same_as(self, other: "Idea") -> bool:
        """Whether the other one is about the same experiment under the same name; ratings and notes do not count."""
        return (self.name, self.title, self.experiment) == (other.name, other.title, other.experiment)

    def as_json(self) -> dict[str, Any]:
        """The idea with the field names of ideas.json."""
        fields = asdict(self)
        more, may_change = fields.pop("more"), list(fields.pop("may_change"))
        entry = {name.capitalize(): value for name, value in fields.items()}
        return entry | ({"may_change": may_change} if may_change else {}) | dict(more)


def read_ideas(path: Path) -> tuple[Idea, ...]:
    """All ideas of an ideas.json. Raises UsageError naming the file and the entry that is wrong."""
    try:
        return ideas_of(read_text(path, MAX_BYTES), str(path))
    except UnreadableFile as error:
        raise UsageError(f"{path} {error}") from None


def ideas_of(text: str, where: str) -> tuple[Idea, ...]:
    """All ideas of the text of an ideas.json. Raises UsageError that begins with `where`."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not valid JSON: {error}") from None
    if not isinstance(entries, list):
        raise UsageError(f"{where} must be a list of ideas")
    return tuple(idea_of(entry, f"{where}: idea {number}") for number, entry in enumerate(entries, 1))


def idea_of(entry: Any, where: str) -> Idea:
    """The idea of one entry. Raises UsageError that begins with `where`."""
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is not an object")
    texts = {key: entry.get(key) for key in ("Name", "Title", "Experiment")}
    for key, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f'{where} needs a text in "{key}"')
    name = str(texts["Name"])
    if not NAME.fullmatch(name):
        raise UsageError(f'{where}: "{name:.60}" is no usable name: letters, digits, "_", "-" and "." only')
    ratings = {key: entry.get(key, 0) for key in ("Interestingness", "Feasibility", "Novelty")}
    whole = {key.lower(): _rating(value) for key, value in ratings.items()}
    may_change = entry.get("may_change", [])
    if not isinstance(may_change, list) or not all(isinstance(it, str) for it in may_change):
        raise UsageError(f'{where}: "may_change" must be a list of names')
    more = {key: value for key, value in entry.items() if key not in _FIELDS}
    return Idea(name, str(texts["Title"]), str(texts["Experiment"]), **whole, may_change=tuple(may_change), more=more)


def _rating(value: Any) -> int:
    """A whole number; 0 for what is none (JSON may say 1e999, and ratings of other systems may be words)."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence that names the ideas nearest to `name`, for an error message."""
    known = list(dict.fromkeys(names))
    folded = {known_name.lower(): known_name for known_name in known}
    close = [folded[match] for match in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.4)]
    if not close:
        return "See --list-ideas."
    return "Did you mean " + " or ".join(close) + "?"
