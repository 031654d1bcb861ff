"""The parts of a sentence, each with at most one direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ai_scientist.claims.statements import HEADS, end_of, new_statement
from ai_scientist.claims.tokens import NAMES, Token, outer

_VERBS = ("is", "are", "was", "were", "do", "does", "did", "not", "has", "had")
_NAMED = (*NAMES, "reference", "all", "both", "others", "weak")


@dataclass(frozen=True)
class Clause:
    """A part of a sentence: the places of its tokens, [begin, end)."""

    begin: int
    end: int

    def of(self, found: Sequence[Token]) -> list[Token]:
        """Its tokens."""
        return list(found[self.begin : self.end])


def clauses(found: Sequence[Token]) -> list[Clause]:
    """The parts in order; what stands in brackets stays with what is before it."""
    outside = outer(found)
    heads = [at for at, token in enumerate(found) if outside[at] and _is_head(found, at)]
    cuts = {cut for one, other in pairwise(heads) if (cut := _between(found, outside, one, other)) is not None}
    for at, token in enumerate(found):
        strong = (_is_strong(token) and _own_statement(found, at)) or _introduces(found, at)
        if outside[at] and strong and not _near(found, cuts, at):
            cuts.add(at)
    for at, token in enumerate(found):
        if (
            outside[at]
            and token.kind in ("comma", "split")
            and not _near(found, cuts, at)
            and new_statement(found, at, cuts)
        ):
            cuts.add(at)
    cuts |= _concession(found, outside, cuts)
    edges = [0, *(cut + 1 for cut in sorted(cuts)), len(found)]
    return [Clause(begin, end) for begin, end in pairwise(edges) if end > begin]


def _concession(found: Sequence[Token], outside: Sequence[bool], cuts: set[int]) -> set[int]:
    """ "While a is better calibrated (0.03 instead of 0.04), the error grew on b": cut at the comma."""
    if not found or found[0].value != "strong":
        return set()
    commas = [at for at in range(len(found)) if outside[at] and found[at].kind == "comma" and not _in_list(found, at)]
    near = commas and not any(cut <= commas[0] for cut in cuts)
    named = commas and any(it.kind in ("dataset", "run") for it in found[: commas[0]])
    return {commas[0]} if near and named else set()


def _is_head(found: Sequence[Token], at: int) -> bool:
    """Whether a token says a direction: "fell", "similar to", "from A to B"."""
    compared = found[at].kind == "than" and found[at].value in ("same", "up", "down")
    return found[at].kind in HEADS or compared or _goes_from(found, at)


def _goes_from(found: Sequence[Token], at: int) -> bool:
    """ "went from A to B", without a direction before it."""
    if found[at].kind != "from" or any(token.kind == "go" for token in found[max(0, at - 3) : at]):
        return False
    return any(token.kind == "number" for token in found[at + 1 : at + 4])


def _is_strong(token: Token) -> bool:
    return token.kind in ("semicolon", "dash") or token.value == "strong"


def _between(found: Sequence[Token], outside: Sequence[bool], one: int, other: int) -> int | None:
    """Where to cut between two directions; None where they belong together."""
    separators = [
        at
        for at in range(one + 1, other)
        if outside[at] and found[at].kind in ("comma", "split", "semicolon", "dash") and not _in_list(found, at)
    ]
    separators = separators or [at for at in range(one + 1, other) if outside[at] and _at_a_price(found, at)]
    if not separators or _is_apposition(found, one, other, separators[-1]):
        return None
    if (
        found[other].kind == "from"
        and separators[-1] == other - 1
        and not any(it.kind == "number" for it in found[one:other])
    ):
        return None  # "went down on x, from A to B"
    strong = [at for at in separators if _is_strong(found[at])]
    return strong[-1] if strong else _before_its_value(found, separators, one, other)


def _before_its_value(found: Sequence[Token], separators: Sequence[int], one: int, other: int) -> int:
    """ "17% more than Run 1, and 89 s on b, 5% more than Run 2": a second direction belongs to its value."""
    last = separators[-1]
    earlier = [at for at in separators if at < last - 1]
    lead = found[last + 1 : other]
    joined = {it.kind for it in lead} <= {"number", "function", "bound", "split", "unit"}
    sized = found[other].kind != "go" or any(it.kind == "number" for it in lead)
    if (
        not earlier
        or not joined
        or not sized
        or not (_compares(found[one : earlier[-1]]) or found[other].kind == "than")
    ):
        return last
    behind = found[earlier[-1] + 1 : last]
    kinds = {it.kind for it, plain in zip(behind, outer(behind), strict=True) if plain}
    return earlier[-1] if "number" in kinds and kinds & {"metric", "dataset", "weak"} else last


def _at_a_price(found: Sequence[Token], at: int) -> bool:
    """ "a lower loss at 3.5% more time"."""
    rest = [it.kind for it in found[at + 1 : at + 3]]
    joins = found[at].text.lower()
    return (joins == "at" and rest in (["number", "go"], ["ratio", "prep"], ["go", "than"])) or (
        joins in ("for", "against", "with") and rest == ["number", "go"]
    )


def _in_list(found: Sequence[Token], at: int) -> bool:
    """Whether a comma or "and" stands between two names of the same kind."""
    if _is_strong(found[at]):
        return False
    if [it.kind for it in (*found[at - 1 : at], *found[at + 1 : at + 2])] == ["number", "number"]:
        return True  # "2.7% and 1.8% lower"
    before = next(
        (it for it in reversed(found[:at]) if it.kind not in ("split", "comma", "function", "prep", "hyphen")), None
    )
    after = next(
        (it for it in found[at + 1 :] if it.kind not in ("split", "comma", "function", "prep", "hyphen")), None
    )
    if before is None or after is None or before.kind not in _NAMED:
        return False
    following = found[at + 1 : at + 5]
    listed = before.kind == after.kind or {before.kind, after.kind} == {"run", "reference"}
    if after.kind == "run" and before.kind == "reference":
        return False
    goes_on = any(it.kind == "go" for it in following[:3]) and after.kind == "metric"
    return listed and not goes_on


def _is_apposition(found: Sequence[Token], one: int, other: int, cut: int) -> bool:
    """ "fell from A to B, a 9% decrease": the second direction only gives the first a number."""
    if _is_strong(found[cut]) and found[cut].kind != "dash":
        return False
    lead = found[cut + 1 : other]
    rest = found[other + 1 : other + 4]
    if any(it.kind in ("metric", "dataset", "run", "all", "weak", "measure") for it in lead):
        return False
    numbered = any(it.kind in ("number", "ratio") for it in found[one + 1 : cut])
    follows = next((it.kind for it in rest if it.kind not in ("function", "prep", "bound")), None)
    named = any(it.kind in ("metric", "dataset", "measure", "weak") for it in found[other + 1 : end_of(found, other)])
    gives = (bool(lead) and lead[-1].kind in ("number", "ratio")) or follows in ("number", "ratio")
    agrees = found[one].kind == "go" and found[other].kind == "go"
    if _compares(found[one:cut]) and _compares(found[other : end_of(found, other)]):
        return False  # "58% fewer than the baseline and 35% fewer than Run 1"
    return agrees and gives and not named and (numbered or found[cut].kind == "comma")


def _compares(some: Sequence[Token]) -> bool:
    return any(it.kind in ("than", "reference") for it in some)


def _near(found: Sequence[Token], cuts: set[int], at: int) -> bool:
    return any(abs(cut - at) <= 1 for cut in cuts)


def _introduces(found: Sequence[Token], at: int) -> bool:
    """ "The first is preferable: the second needs 36% more steps": nothing is claimed before the colon."""
    before, after = found[:at], found[at + 1 :]
    if found[at].kind != "colon" or not any(it.kind in ("number", *HEADS) for it in after):
        return False
    stated = any(it.kind == "word" for it in before) and any(it.text.lower() in _VERBS for it in before)
    if all(
        {"reference"} < kinds and kinds & set(HEADS)
        for kinds in ({it.kind for it in before}, {it.kind for it in after})
    ):
        return True  # "sooner than all earlier runs: half of the steps of the baseline on a"
    if any(it.kind in ("number", "ratio", *HEADS) for it in before):
        return False
    return stated or any(it.kind == "some" for it in before)


def _own_statement(found: Sequence[Token], cut: int) -> bool:
    """Whether both sides of a strong separator say something of what they name."""
    sides = ({token.kind for token in found[:cut]}, {token.kind for token in found[cut + 1 :]})
    says = all(kinds & {"number", *HEADS} for kinds in sides)
    other = found[cut].value == "strong" and all("metric" in kinds for kinds in sides) and bool(sides[0] & set(HEADS))
    named = all(kinds & {"metric", "dataset", "run", "weak", "measure", "reference"} for kinds in sides)
    timed = all(kinds & {"metric", "weak"} for kinds in sides) and any("weak" in kinds for kinds in sides)
    speaks = found[cut].value == "strong" and timed and any(kinds & set(HEADS) for kinds in sides)
    concedes = found[cut].value == "strong" and not sides[0] & {"number", *HEADS} and "metric" in sides[1]
    concedes = concedes and bool(sides[0] & {"dataset", "run"}) and {"go", "dataset"} <= sides[1]
    return other or speaks or concedes or (says and named)
