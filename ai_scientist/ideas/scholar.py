"""Semantic Scholar's Academic Graph API: GET /graph/v1/paper/search, https://api.semanticscholar.org/api-docs/graph.

Parameters `query` (plain text; a hyphen finds nothing), `fields`, `limit` (to 100), `offset`. The answer holds `total`,
`offset`, `next` where there is more, and `data`. Without a key all users share one pool; with one (`x-api-key`) it is 1
request a second. 429 says that there were too many.
"""

import os
import re
from collections.abc import Callable
from typing import Any

from ai_scientist.errors import LiteratureUnavailable, UsageError
from ai_scientist.ideas.paper import Paper, paper
from ai_scientist.ideas.web import Web

NAME = "Semantic Scholar"
BASE = "https://api.semanticscholar.org"
PAUSE = 1.0  # seconds
_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_PAGE, _MAX_PAGES = 100, 3


def service(say: Callable[[str], None], patience: float) -> Web:
    """Semantic Scholar, or what S2_API_BASE names, with the key in S2_API_KEY, if any."""
    key = os.environ.get("S2_API_KEY", "")
    if not re.fullmatch(r"[!-~]*", key):
        raise UsageError("S2_API_KEY holds a space or a character that no key has: set it anew, or unset it")
    base = os.environ.get("S2_API_BASE") or BASE
    pause = PAUSE if base == BASE else 0.0  # another server has limits of its own
    return Web(NAME, base, say, pause=pause, patience=patience, headers={"x-api-key": key} if key else {})


def search(web: Web, query: str, wanted: int) -> tuple[Paper, ...]:
    """The papers that it finds most relevant, at most `wanted`. Raises LiteratureUnavailable."""
    found: list[Paper] = []
    offset = 0
    for _ in range(_MAX_PAGES):
        limit = min(_PAGE, wanted - len(found))
        asked = {
            "query": query,
            "fields": "title,abstract,year",
            "limit": str(limit),
            "offset": str(offset),
        }
        answer = web.get("/graph/v1/paper/search", asked)
        data = answer.get("data", []) if isinstance(answer, dict) and "total" in answer else None
        if not isinstance(data, list):
            raise LiteratureUnavailable(f"{NAME}: an answer without a list of papers")
        found += [each for entry in data if (each := _paper(entry))]
        more = answer.get("next")
        if len(found) >= wanted or not isinstance(more, int) or more <= offset:
            break
        offset = more
    return tuple(found[:wanted])


def _paper(entry: Any) -> Paper | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("paperId"), str) or not _ID.fullmatch(entry["paperId"]):
        return None
    url = f"https://www.semanticscholar.org/paper/{entry['paperId']}"
    return paper(NAME, url, entry.get("title"), entry.get("abstract"), entry.get("year"))
