"""An idea that a person brings to a study, from a file or in words; the template stays as it is."""

import hashlib
import json
import re
import unicodedata
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.idea import MAX_BYTES, Idea, idea_of, ideas_of

MAX_TITLE = 100
_NAME_WORDS = 6
_MAX_NAME = 60


def from_file(path: Path) -> tuple[Idea, ...]:
    """The ideas of a JSON file: an entry of ideas.json, or a list of them. Raises UsageError naming what is wrong."""
    try:
        text = read_text(path.resolve(), MAX_BYTES)
        entry = json.loads(text)
    except UnreadableFile as error:
        missing = str(error) if path.exists() else "does not exist"
        raise UsageError(f"--idea-file {path} {missing}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--idea-file {path} is not valid JSON: {error}") from None
    ideas = (
        ideas_of(text, f"--idea-file {path}") if isinstance(entry, list) else (idea_of(entry, f"--idea-file {path}"),)
    )
    if not ideas:
        raise UsageError(f"--idea-file {path} holds no idea")
    if len({idea.name for idea in ideas}) < len(ideas):
        raise UsageError(f"--idea-file {path} holds two ideas of one name")
    return ideas


def from_text(text: str) -> Idea:
    """An idea from a person's words: they are the experiment, their first sentence the title, its words the name."""
    said = text.strip()
    if not said:
        raise UsageError("--idea-text is empty: say in words what to try")
    first = re.split(r"(?<=[.!?])\s|\n", said, maxsplit=1)[0].rstrip(".") or said
    title = first if len(first) <= MAX_TITLE else first[: MAX_TITLE - 3].rsplit(" ", 1)[0] + "..."
    return Idea(_name(first), title, said)


def _name(text: str) -> str:
    """Words in lower-case ASCII; for a text that has none, a name from its hash."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)[:_NAME_WORDS]
    return "_".join(words)[:_MAX_NAME].strip("_") or f"idea_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
