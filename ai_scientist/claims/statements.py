"""What a part of a sentence says of its own, so that a comma or "and" before it ends the part before."""

from collections.abc import Sequence

from ai_scientist.claims.tokens import Token, outer

HEADS = ("go", "ratio", "most", "top")
"""Kinds of tokens that say a direction."""


def new_statement(found: Sequence[Token], at: int, cuts: set[int]) -> bool:
    """ "an accuracy of 1.0, with a faster convergence": a value before, and a direction of something else after."""
    begin = max((cut + 1 for cut in cuts if cut < at), default=0)
    if (
        _goes_on(found, begin, at)
        or _has_own_subject(found, begin, at)
        or _has_own_metric(found, begin, at)
        or _has_own_verb(found, begin, at)
        or _has_own_most(found, begin, at)
        or _is_midway(found, begin, at)
    ):
        return True
    end = next(
        (it for it in range(at + 1, len(found)) if found[it].kind in ("comma", "semicolon", "open") or it in cuts),
        len(found),
    )
    before, after = {it.kind for it in found[begin:at]}, [it.kind for it in found[at + 1 : end]]
    if (
        before & {"go", "ratio", "than", "from"}
        or not {"number", "metric"} <= before
        or (found[begin:at][-1].kind in ("number", "unit") and found[at].kind == "split")
    ):
        return False
    return "go" in after and bool({"metric", "weak"} & set(after))


def _goes_on(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "stays near 1.0 on a and b, and jumps to 0.9 on c": a direction of another dataset."""
    rest, before = _rest(found, at), {it.kind for it in found[begin:at]}
    return (
        bool(rest)
        and rest[0].kind == "go"
        and any(it.kind == "dataset" for it in rest)
        and {"number", "dataset"} <= before
        and not before & {"go", "ratio", "from"}
    )


def _has_own_metric(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "time went up by 12% and latency by 7%": a metric and a number on either side."""
    rest, before = _rest(found, at), {it.kind for it in found[begin:at]}
    plain = {it.kind for it, is_plain in zip(found[begin:at], outer(found[begin:at]), strict=True) if is_plain}
    named = next((it.kind for it in rest if it.kind not in ("function", "prep", "dataset")), None)
    if "both" in before and not before & set(HEADS):
        return False  # "both the loss (0.1) and the accuracy (0.9) are"
    timed = named == "weak" and any(it.kind in ("unit", "metric") for it in rest)
    if not (named == "metric" or timed) or not before & {"metric", "unit"} or ("than" in plain and "metric" in before):
        return False
    return bool(before & {"number", "ratio"}) and any(it.kind in ("number", "ratio") for it in rest)


def _has_own_verb(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "..., and for x it is 0.4": a value of another dataset that only stands beside a comparison."""
    rest, before = _rest(found, at), {it.kind for it in found[begin:at]}
    kinds = {it.kind for it in rest}
    if _acts(rest) and before & {*HEADS, "number"}:
        return True
    verb = any(it.text.lower() in ("is", "was", "reaches", "reached") for it in rest)
    return verb and {"dataset", "number"} <= kinds and "go" not in kinds and "number" in before


def _acts(rest: Sequence[Token]) -> bool:
    """ "..., and the x task does not reach it": a dataset that something new is said of."""
    if not rest or rest[0].kind != "dataset":
        return False
    verb = next((it for it in rest[1:] if it.text.lower() not in ("task", "dataset", "corpus")), None)
    return verb is not None and (verb.kind == "word" or verb.text.lower() in ("does", "did", "is", "was", "has", "had"))


def _has_own_most(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "..., and Run 4 the best on circle": another run with a superlative."""
    rest, before = _rest(found, at), {it.kind for it in found[begin:at]}
    if rest and {"run", "most"} <= before and {"run", "most"} <= {it.kind for it in rest}:
        return True  # "the highest on a belongs to Run 3, the highest on b to Run 5"
    if "run" not in before or not rest or rest[0].kind != "run":
        return False
    elliptic = bool({"most", "top"} & before) and [it.kind for it in rest[1:3]] == ["prep", "dataset"]
    return elliptic or any(it.kind in ("most", "top") for it in rest)


def _is_midway(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "falls to 0.142, and the threshold is crossed at step 4697": from the middle of training, without a metric."""
    before, rest = {it.kind for it in found[begin:at]}, {it.kind for it in _rest(found, at)}
    return {"metric", "number"} <= before and "midway" in rest and not rest & {"metric", "go", "dataset"}


def _has_own_subject(found: Sequence[Token], begin: int, at: int) -> bool:
    """ "a needs 48% fewer steps and b has a loss of 0.4": another dataset with another metric."""
    rest, before = _rest(found, at), found[begin:at]
    named = [it for it in before if it.kind == "metric"]
    other = [it for it in rest if it.kind == "metric"]
    if (
        not rest
        or rest[0].kind != "dataset"
        or not named
        or not other
        or not any(it.kind == "dataset" for it in before)
    ):
        return False
    said = all(any(it.kind in ("number", "go", "ratio") for it in side) for side in (before, rest))
    return said and named[-1].value != other[0].value


def _rest(found: Sequence[Token], at: int) -> Sequence[Token]:
    """What stands between a separator and the next."""
    begin = at + 1
    while begin < len(found) and found[begin].kind in ("comma", "split"):
        begin += 1
    return found[begin : end_of(found, begin - 1)]


def end_of(found: Sequence[Token], begin: int) -> int:
    return next(
        (at for at in range(begin + 1, len(found)) if found[at].kind in ("comma", "semicolon", "split")), len(found)
    )
