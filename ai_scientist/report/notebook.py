"""notes.txt with its claims marked: each sentence that says something of the results carries what was measured."""

import re
from collections import Counter
from dataclasses import dataclass

from ai_scientist.claims.model import Claim, Verdict
from ai_scientist.prompts import number
from ai_scientist.report.study import Study

# A sentence with several claims is marked by the first of these that one of them has.
GRAVITY: tuple[Verdict, ...] = ("contradicted", "unsupported", "verified", "not_checkable")


@dataclass(frozen=True)
class Source:
    """What a claim was checked against, in words."""

    verdict: str
    text: str


@dataclass(frozen=True)
class Piece:
    """Text of the notes; `verdict` is "" where it claims nothing."""

    text: str
    verdict: str = ""
    sources: tuple[Source, ...] = ()
    heading: bool = False


@dataclass(frozen=True)
class Wrong:
    """A claim that the results contradict or do not support."""

    line: int
    verdict: str
    text: str
    why: str


@dataclass(frozen=True)
class Notebook:
    """`counts` has the verdicts with how many claims have them."""

    pieces: tuple[Piece, ...]
    counts: tuple[tuple[str, int], ...]
    wrong: tuple[Wrong, ...]


def notebook(study: Study, most: int) -> Notebook:
    """The notes of a study; what is longer than `most` characters is cut at a line."""
    notes = study.notes if len(study.notes) <= most else study.notes[:most].rpartition("\n")[0]
    counted = Counter(claim.verdict for claim in study.claims)
    left_out = len(study.notes) - len(notes)
    said = f"\n[... {left_out:,} characters left out here; notes.txt has them ...]" if left_out else ""
    return Notebook(
        (*pieces(notes, study.claims), Piece(said)),
        tuple((_words(verdict), counted[verdict]) for verdict in GRAVITY if counted[verdict]),
        tuple(
            Wrong(claim.line, _words(claim.verdict), claim.text[:500], _source(claim).text)
            for claim in study.claims
            if claim.verdict in ("contradicted", "unsupported")
        ),
    )


def pieces(notes: str, claims: tuple[Claim, ...]) -> list[Piece]:
    """The notes cut at the sentences that claim something; those that are not found as they stand are passed over."""
    starts = [0, *(match.end() for match in re.finditer("\n", notes))]
    sentences: dict[tuple[int, str], list[Claim]] = {}
    for claim in claims:
        sentences.setdefault((claim.line, claim.text), []).append(claim)
    cut, at = [], 0
    for (line, text), found in sorted(sentences.items(), key=lambda item: item[0][0]):
        if line > len(starts):
            break
        match = _where(text, notes, max(at, starts[line - 1]))
        if match:
            cut += [*_unmarked(notes[at : match.start()]), _marked(match.group(), found)]
            at = match.end()
    return [*cut, *_unmarked(notes[at:])]


def _unmarked(text: str) -> list[Piece]:
    """Text that claims nothing, its headings apart."""
    parts = re.split(r"^(#{1,6}[ \t].{0,100})$", text, flags=re.MULTILINE)
    return [Piece(part, heading=bool(number % 2)) for number, part in enumerate(parts) if part]


def _where(text: str, notes: str, start: int) -> re.Match[str] | None:
    """Where a sentence stands, its lines wrapped in whatever way."""
    words = text.split()
    if not words:
        return None
    return re.compile(r"[\s|>#*-]+".join(map(re.escape, words))).search(notes, start, start + 2 * len(text) + 200)


def _marked(text: str, claims: list[Claim]) -> Piece:
    verdict = next(verdict for verdict in GRAVITY if any(claim.verdict == verdict for claim in claims))
    ordered = sorted(claims, key=lambda claim: GRAVITY.index(claim.verdict))
    return Piece(text, verdict, tuple(dict.fromkeys(map(_source, ordered))))


def _source(claim: Claim) -> Source:
    said = claim.why
    if not said and claim.actual is not None:
        said = f"{claim.metric} of run {claim.run} on {claim.dataset} is {number(claim.actual)}"
    return Source(_words(claim.verdict), said or "nothing is measured that it could be checked against")


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")
