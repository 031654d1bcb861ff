"""Numbers that count or name something and are no results: "4 heads", "2-layer", "top-5", "p = 0.2"."""

from collections.abc import Sequence

from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token, is_a, token_at

_PRICES = ("cost", "costs")
_COMPARED = ("go", "than", "reference", "weak", "metric")


def is_label(found: Sequence[Token], it: Given) -> bool:
    """Whether a number counts or names something."""
    before, after = token_at(found, it.index - 1), token_at(found, it.index + 1)
    if it.kind == "ratio" and not it.number.times:
        return is_a(after, "setting")  # "halving the width"
    if (
        is_a(before, "bound")
        or (is_a(before, "setting") and not _is_price(before, it))
        or (before is not None and before.kind == "word" and len(before.text) == 1)
    ):
        return True
    if is_a(before, "by") and not it.number.percent and is_a(token_at(found, it.index - 2), "word"):
        return True  # "divide by 0.693"
    return (
        _is_argument(found, it.index)
        or _is_counted(found, it, after)
        or _is_hyphened(found, it, before, after)
        or _is_set(found, it, before)
        or _are_times(found, it)
    )


def _is_price(before: Token | None, it: Given) -> bool:
    """ "costs 8 to 10 percent"."""
    return before is not None and before.text.lower() in _PRICES and (it.number.percent or it.number.points)


def _is_counted(found: Sequence[Token], it: Given, after: Token | None) -> bool:
    """ "4 heads"."""
    counted = after is not None and after.kind in ("word", "setting") and after.text.lower() != "that"
    return counted and it.kind != "ratio" and not (it.number.percent and is_a(token_at(found, it.index + 2), "go"))


def _is_hyphened(found: Sequence[Token], it: Given, before: Token | None, after: Token | None) -> bool:
    """ "2-layer", "top-5"."""
    if it.kind != "range" and after and after.kind == "hyphen" and after.start == found[it.index].end:
        return True
    behind = before is not None and before.kind == "hyphen" and before.end == found[it.index].start
    return behind and is_a(token_at(found, it.index - 2), "word", "setting", "measure")


def _is_set(found: Sequence[Token], it: Given, before: Token | None) -> bool:
    """ "p = 0.2"."""
    named = token_at(found, it.index - 2)
    return is_a(before, "equals") and not is_a(named, "metric", "measure", "run", "dataset", "close")


def _are_times(found: Sequence[Token], it: Given) -> bool:
    """ "we ran it 3 times": no comparison."""
    if it.kind != "ratio" or not found[it.index].text.endswith("times"):
        return False
    before, after = found[max(0, it.index - 4) : it.index], found[it.index + 1 : it.index + 6]
    return not any(
        token.kind in _COMPARED or token.text.lower() in ("that", "factor") for token in (*before, *after)
    ) and not any(token.kind == "as" for token in after)


def _is_argument(found: Sequence[Token], index: int) -> bool:
    """ "uniform(-0.1, 0.1)": within brackets that stand right behind a word."""
    at = index - 1
    while at >= 0 and found[at].kind in ("number", "comma", "equals", "word", "setting", "function", "hyphen"):
        at -= 1
    named = at < 1 or found[at - 1].kind not in ("metric", "dataset", "measure", "weak")
    return at >= 0 and found[at].value == "call" and named
