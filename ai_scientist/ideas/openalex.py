"""OpenAlex: GET /works?search=..., https://developers.openalex.org.

Parameters `search` (AND, OR, NOT and quotes have a meaning there), `per_page` (to 100), `page`, `select`, `api_key`
(optional; without one a small daily allowance), `mailto`. The answer holds `meta` and `results`; an abstract comes as
an inverted index, word to positions. 403 says slow down, 429 that the day's allowance is used up.
"""

import os
import re
from collections.abc import Callable
from typing import Any

from ai_scientist.errors import LiteratureUnavailable
from ai_scientist.ideas.paper import Paper, paper
from ai_scientist.ideas.web import Web

NAME = "OpenAlex"
BASE = "https://api.openalex.org"
_ID = re.compile(r"https://openalex\.org/W\d{1,15}")
_PAGE, _MAX_PAGES = 100, 3
_MAX_WORDS = 2_000


def service(say: Callable[[str], None], patience: float) -> Web:
    """OpenAlex, or what OPENALEX_API_BASE names, with OPENALEX_API_KEY and OPENALEX_MAILTO, if they are set."""
    settings = {"api_key": os.environ.get("OPENALEX_API_KEY"), "mailto": os.environ.get("OPENALEX_MAILTO")}
    parameters = {name: value for name, value in settings.items() if value}
    base = os.environ.get("OPENALEX_API_BASE") or BASE
    return Web(NAME, base, say, pause=0.1, patience=patience, parameters=parameters, busy=frozenset({403}))


def search(web: Web, query: str, wanted: int) -> tuple[Paper, ...]:
    """The works that it finds most relevant, at most `wanted`. Raises LiteratureUnavailable."""
    size = min(_PAGE, wanted)
    fields = "id,display_name,publication_year,abstract_inverted_index"
    found: list[Paper] = []
    for page in range(1, _MAX_PAGES + 1):
        answer = web.get("/works", {"search": query, "per_page": str(size), "page": str(page), "select": fields})
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list):
            raise LiteratureUnavailable(f"{NAME}: an answer without a list of works")
        found += [each for entry in results if (each := _paper(entry))]
        if len(found) >= wanted or len(results) < size:
            break
    return tuple(found[:wanted])


def _paper(entry: Any) -> Paper | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not _ID.fullmatch(entry["id"]):
        return None
    abstract = abstract_of(entry.get("abstract_inverted_index"))
    return paper(NAME, entry["id"], entry.get("display_name"), abstract, entry.get("publication_year"))


def abstract_of(index: Any) -> str:
    """The text of an inverted index, "" for what is none."""
    if not isinstance(index, dict):
        return ""
    places = [
        (place, word)
        for word, places in index.items()
        if isinstance(places, list)
        for place in places[:_MAX_WORDS]
        if isinstance(place, int)
    ]
    return " ".join(word for _, word in sorted(places)[:_MAX_WORDS])
