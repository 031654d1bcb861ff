"""What the literature says of an idea: papers near to it and, with a model, a verdict that rests on some of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.structured import Chat, Unusable
from ai_scientist.idea import Idea
from ai_scientist.ideas import similar
from ai_scientist.ideas.literature import Found, Library, plain_query
from ai_scientist.ideas.paper import Paper
from ai_scientist.ideas.plain import one_line
from ai_scientist.lab import Turn
from ai_scientist.prompts import render

SHOWN, LISTED, MAX_QUERIES, MAX_REASON = 25, 10, 4, 1_000
Verdict = Literal["novel", "close", "known", "unknown"]


class Queries(BaseModel):
    """What to search for."""

    queries: list[str]


class Judgement(BaseModel):
    """The model's verdict, with the ids of the papers that it rests on."""

    reason: str
    verdict: Literal["novel", "close", "known"]
    papers: list[str]


def check(idea: Idea, task: str, number: int, library: Library, model: LanguageModel | None) -> dict[str, Any]:
    """The `novelty_check` of ideas.json. Raises what the model's side raises; of the services nothing."""
    chat = Chat(model, Turn(number, "novelty", 0, 1), render("novelty/system")) if model else None
    queries = _queries(idea, task, chat)
    found = library.find(queries)
    nearest = _nearest(idea, found.papers)
    verdict, reason, papers = _verdict(idea, nearest, found, chat)
    return {
        "verdict": verdict,
        "reason": reason,
        "papers": [_listed(paper) for paper in papers],
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "model": model.name if model else None,
        "cost": _rounded(chat.usage.cost) if chat else 0,
        "queries": queries,
        "sources": [asdict(source) for source in found.sources],
    }


def _queries(idea: Idea, task: str, chat: Chat | None) -> list[str]:
    """The title, the words of the name, and what the model adds."""
    own = [idea.title, idea.name]
    if chat is not None:
        asked = chat.ask(render("novelty/queries", idea=idea, task=task, most=MAX_QUERIES), Queries)
        own += [] if isinstance(asked, Unusable) else asked.queries[:MAX_QUERIES]
    return [query for query in dict.fromkeys(map(plain_query, own)) if query]


def _nearest(idea: Idea, papers: Sequence[Paper]) -> list[Paper]:
    """The papers that share most of their words with the idea, the nearest first."""
    alike = similar.similarities(similar.text(idea), [f"{paper.title} {paper.abstract}" for paper in papers])
    order = sorted(range(len(papers)), key=lambda place: -alike[place])
    return [papers[place] for place in order]


def _verdict(idea: Idea, nearest: list[Paper], found: Found, chat: Chat | None) -> tuple[Verdict, str, list[Paper]]:
    lost = "; ".join(source.failure for source in found.sources if source.failure)
    if not nearest:
        return "unknown", f"no paper was found ({lost or 'the services answered, with nothing'})", []
    if chat is None:
        return "unknown", "no model was asked; these are the nearest papers", nearest[:LISTED]
    shown = {f"P{place}": paper for place, paper in enumerate(nearest[:SHOWN], 1)}
    judged = chat.ask(
        render("novelty/judge", idea=idea, papers=_quoted(shown)), Judgement, lambda it: _complaint(it, shown)
    )
    if isinstance(judged, Unusable):
        return "unknown", f"the model gave no usable verdict: {one_line(judged.why, 300)}", nearest[:LISTED]
    papers = [shown[name] for name in dict.fromkeys(judged.papers)]
    reason = one_line(judged.reason, MAX_REASON)
    if judged.verdict == "novel" and lost:  # what was not looked at cannot be ruled out
        return "unknown", f"not all services could be asked ({lost}). What was found: {reason}", papers
    return judged.verdict, reason, papers


def _complaint(judged: Judgement, shown: dict[str, Paper]) -> str:
    if invented := [name for name in judged.papers if name not in shown]:
        return f"papers: {', '.join(map(repr, invented[:5]))[:200]} is not in the list; name only papers from it, as P1"
    if not judged.papers:
        return "papers: name the papers that the verdict rests on, for novel the nearest ones"
    return "" if one_line(judged.reason, MAX_REASON) else "reason is empty"


def _quoted(shown: dict[str, Paper]) -> str:
    """One JSON object a line: whatever a title or abstract says, it cannot look like anything else."""
    return "\n".join(
        json.dumps(
            {"id": name, "title": paper.title, "year": paper.year, "abstract": paper.abstract}, ensure_ascii=False
        )
        for name, paper in shown.items()
    )


def _listed(paper: Paper) -> dict[str, Any]:
    return {"title": paper.title, "year": paper.year, "url": paper.url, "source": paper.source}


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 6)
