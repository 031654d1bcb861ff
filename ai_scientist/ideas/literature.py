"""What the literature services find for some queries, together, with a cache on disk."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from ai_scientist.errors import LiteratureUnavailable
from ai_scientist.files import UnreadableFile, read_text, write_bytes
from ai_scientist.ideas import openalex, scholar
from ai_scientist.ideas.paper import Paper
from ai_scientist.ideas.web import MAX_BYTES, Web

WANTED = 20  # papers a query and service
Search = Callable[[Web, str, int], tuple[Paper, ...]]


@dataclass(frozen=True)
class Consulted:
    """One service: how many papers it found, as of when (the oldest answer, ISO 8601), and why it gave none, if so."""

    name: str
    papers: int
    as_of: str
    failure: str


@dataclass(frozen=True)
class Found:
    """What all services found, without repetitions, in the order of their relevance, and how each of them did."""

    papers: tuple[Paper, ...]
    sources: tuple[Consulted, ...]


@dataclass(frozen=True)
class _Answer:
    """What one service found for one query, as it is kept."""

    service: str
    query: str
    date: AwareDatetime
    papers: tuple[Paper, ...]


class Library:
    """Both services, asked one query after the other. Answers up to `max_age` old are taken from `folder`."""

    def __init__(self, services: Sequence[tuple[Web, Search]], folder: Path, max_age: timedelta) -> None:
        self._services = services
        self._folder = folder
        self._max_age = max_age

    def find(self, queries: Sequence[str]) -> Found:
        """All that the services know. A service that cannot be asked is told in its `failure`, never raised."""
        found = [self._consult(web, search, queries) for web, search in self._services]
        unique: dict[str, Paper] = {}
        for paper in (paper for papers, _ in found for paper in papers):
            if not (paper.key in unique and (unique[paper.key].abstract or not paper.abstract)):
                unique[paper.key] = paper  # in its first place, but from a service that has its abstract
        return Found(tuple(unique.values()), tuple(consulted for _, consulted in found))

    def _consult(self, web: Web, search: Search, queries: Sequence[str]) -> tuple[list[Paper], Consulted]:
        papers: dict[str, Paper] = {}
        dates, failure = [], ""
        for query in map(plain_query, queries):
            try:
                answer = self._answer(web, search, query)
            except LiteratureUnavailable as error:
                failure = str(error)
                continue
            papers |= {paper.key: paper for paper in answer.papers if paper.key not in papers}
            dates.append(answer.date)
        as_of = f"{min(dates):%Y-%m-%dT%H:%M:%SZ}" if dates else ""
        return list(papers.values()), Consulted(web.name, len(papers), as_of, failure)

    def _answer(self, web: Web, search: Search, query: str) -> _Answer:
        key = hashlib.sha256(json.dumps([web.name, web.base, query, WANTED]).encode()).hexdigest()
        path = self._folder / f"{key}.json"
        if kept := self._kept(path):
            return kept
        answer = _Answer(web.name, query, datetime.now(UTC), search(web, query, WANTED))
        with suppress(OSError):  # a cache that cannot be written only costs time
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, _answers().dump_json(answer))
        return answer

    def _kept(self, path: Path) -> _Answer | None:
        try:
            answer: _Answer = _answers().validate_json(read_text(path, MAX_BYTES))
        except (UnreadableFile, ValidationError):
            return None
        return answer if timedelta(0) <= datetime.now(UTC) - answer.date <= self._max_age else None


@contextmanager
def library(say: Callable[[str], None], folder: Path, max_age: timedelta, patience: float) -> Iterator[Library]:
    """Semantic Scholar and OpenAlex."""
    with ExitStack() as stack:
        services = [
            (stack.enter_context(service.service(say, patience)), service.search) for service in (scholar, openalex)
        ]
        yield Library(services, folder, max_age)


def plain_query(text: str) -> str:
    """Words only, in lower case, at most 20: no service's query language applies, no hyphen hides a result."""
    return " ".join(re.findall(r"[^\W_]+", text.lower())[:20])


@cache
def _answers() -> TypeAdapter[Any]:
    return TypeAdapter(_Answer)
