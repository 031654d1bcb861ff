"""What the words of a clause say: a direction, a superlative, that something was counted."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ai_scientist.claims.clauses import Clause
from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token, outer

CHANGES = (
    "increase",
    "decrease",
    "reduction",
    "drop",
    "improvement",
    "gain",
    "rise",
    "slowdown",
    "speedup",
    "degradation",
)
"""What "the increase is 5%" and "smaller on b" are said of: a change."""
_NEEDED = {"need", "needs", "needed", "needing", "take", "takes", "took", "taking", "require", "requires", "required"}


def way_of(found: Sequence[Token], clause: Clause) -> str | None:
    outside = outer(found)
    goes = [at for at in range(clause.begin, clause.end) if found[at].kind == "go"]
    at = next((it for it in goes if outside[it]), next((it for it in goes if not outside[it]), None))
    if at is not None:
        go = found[at]
        before = found[max(clause.begin, at - 4) : at]
        begin = max((place + 1 for place, it in enumerate(before) if it.kind in ("colon", "semicolon")), default=0)
        negated = any(token.kind == "not" for token in before[begin:])
        return f"not {go.value}" if negated and go.value != "same" else str(go.value)
    inside = clause.of(found)
    than = next((token for token in inside if token.kind == "than" and token.value != "-"), None)
    if than is not None:
        return str(than.value)
    said = zip(inside, [*inside[1:], None], strict=True)
    ratio = next((it for it, after in said if it.kind == "ratio" and not (after and after.kind == "setting")), None)
    if ratio is None or (
        not any(token.kind in ("than", "reference", "as", "run") for token in inside) and ratio.text[-1:] not in "ds"
    ):
        return None
    return "down" if ratio.value.value < 1 else "up"


def most_of(inside: Iterable[Token]) -> str | None:
    return next((token.value for token in inside if token.kind in ("most", "top")), None)


def is_headless(found: Sequence[Token]) -> bool:
    """ "Also the highest accuracy on every dataset.": what has it was named before."""
    return bool(found) and found[0].kind in ("most", "top") and not any(it.kind == "run" for it in found)


def is_longer(inside: Iterable[Token]) -> bool:
    return any(
        token.kind == "go" and token.text.lower().startswith(("longer", "short", "length", "as long"))
        for token in inside
    )


def is_taken(inside: Iterable[Token]) -> bool:
    """ "x took 31% longer": what is longer is a time."""
    return any(token.text.lower() in _NEEDED for token in inside)


def is_needed(inside: Sequence[Token]) -> bool:
    """ "needed 4200 steps", "x: 4200 steps": steps that were counted, not set."""
    at = next(place for place, token in enumerate(inside) if token.kind == "number")
    before = inside[:at]
    if any(token.text.lower() in _NEEDED for token in before):
        return True
    plain = all(token.kind in ("dataset", "colon", "prep", "function", "comma", "run") for token in before)
    return plain and not (before and before[-1].text.lower() in ("for", "within", "over", "at", "of"))


def is_linked(found: Sequence[Token], it: Given) -> bool:
    """ "the FID was 12.4", not "a loss at the 5% quantile"."""
    before = found[it.index - 1] if it.index else None
    kinds = ("was", "function", "colon", "open", "equals", "to", "dataset", "measure")
    return before is not None and (before.kind in kinds or before.text.lower() == "of")


def is_elliptic(found: Sequence[Token], clause: Clause) -> bool:
    """ "..., on moons from 0.10 to 0.07": numbers, but no direction or metric of its own."""
    kinds = {token.kind for token in clause.of(found)}
    verb = any(token.text.lower() in ("is", "are", "reached", "reaches") for token in clause.of(found))
    if verb or kinds & {"go", "weak", "most", "top", "ratio", "measure", "word", "was"}:
        return False
    by = any(token.text.lower() == "by" or token.kind in ("from", "to") for token in clause.of(found))
    return bool(kinds & {"from", "number"}) and ("metric" not in kinds or by)


def compares_datasets(inside: Sequence[Token]) -> bool:
    """ "earlier than the other datasets": one dataset against another."""
    for at, token in enumerate(inside):
        following = [it for it in inside[at + 1 : at + 4] if it.kind not in ("function", "prep", "split")]
        if token.kind == "than" and following and following[0].kind in ("others", "dataset", "all", "both"):
            return True
    return False


def as_differences(given: list[Given]) -> list[Given]:
    """ "higher by 0.34 on a, 0.30 on b": the plain values behind a difference may be such, too."""
    first = next((at for at, it in enumerate(given) if it.kind == "difference"), len(given))
    return [
        replace(it, kind="difference", loose=True)
        if at > first and it.kind == "value" and not (it.olds or it.runs or it.number.percent)
        else it
        for at, it in enumerate(given)
    ]


def as_excess(found: Sequence[Token], it: Given) -> Given:
    """ "at 40.8% over the baseline", where nothing else says which way."""
    over = it.kind == "change" and it.way is None and bool(it.against) and found[it.index + 1].kind == "over"
    return replace(it, way="up") if over else it


def as_change(found: Sequence[Token], it: Given) -> Given:
    """Percent beside a direction are a change, "decreased on circle (18.7%)", if not said to be reached."""
    before = found[it.index - 1] if it.index else None
    reached = before is not None and (
        before.kind == "to" or before.text.lower() in ("of", "at", "is", "was", "reached")
    )
    if (
        reached and before is not None and before.text.lower() in ("is", "was")
    ):  # "is 7% (a), 1% (b) above that of Run 3"
        rest = [token.kind for token in found[it.index + 1 :]]
        reached = not (rest[:1] == ["open"] and "go" in rest and rest[rest.index("go") + 1 :][:2] != [])
    passed = ("function", "prep", "was", "dataset", "metric", "split", "comma", "number")
    noun = next((token for token in reversed(found[: it.index - 1]) if token.kind not in passed), None)
    reached = reached and not (noun is not None and noun.text.lower() in CHANGES)
    if it.kind != "value" or it.olds or not it.number.percent or reached:
        return it
    return replace(it, kind="change", loose=True)
