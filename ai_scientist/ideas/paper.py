"""A paper as a literature service knows it, with its text made harmless: titles and abstracts are anybody's text."""

import re
from dataclasses import dataclass
from typing import Any

from ai_scientist.ideas.plain import one_line

MAX_TITLE, MAX_ABSTRACT = 300, 1500  # characters


@dataclass(frozen=True)
class Paper:
    """`url` is the service's page of it, made from its identifier there; `year` is None where it is not known."""

    source: str
    title: str
    abstract: str
    year: int | None
    url: str

    @property
    def key(self) -> str:
        """What the same paper has in common in two services: its title, letters and digits only."""
        return re.sub(r"[\W_]", "", self.title.lower())


def paper(source: str, url: str, title: Any, abstract: Any, year: Any) -> Paper | None:
    """A paper from what a service sent, None where that has no title."""
    name = one_line(title, MAX_TITLE) if isinstance(title, str) else ""
    if not name:
        return None
    text = one_line(abstract, MAX_ABSTRACT) if isinstance(abstract, str) else ""
    known = year if isinstance(year, int) and 1000 < year < 3000 else None
    return Paper(source, name, text, known, url)
