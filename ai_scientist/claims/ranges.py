"""Ranges: "21-28%", "between 21% and 28%", "8 to 10 percent more"."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token, is_a, token_at

_PLAIN = ("by", "prep", "of", "function", "bound")
_SAID = (*_PLAIN, "setting", "word", "comma", "was")


def ranges(found: Sequence[Token], given: Sequence[Given]) -> list[Given]:
    """The numbers, with the two ends of every range as one."""
    result: list[Given] = []
    for it in given:
        last = result[-1] if result else None
        if last is not None and last.kind == it.kind == "value" and _joins(found, last, it):
            if last.number.value == -it.number.value and not it.number.percent:
                result.pop()  # "uniform between -0.1 and 0.1": what is drawn from, and nothing that was measured
                continue
            number = replace(last.number, percent=last.number.percent or it.number.percent)
            result[-1] = replace(it, index=last.index, kind="range", last=it.index, number=number, other=it.number)
        else:
            result.append(it)
    return result


def _joins(found: Sequence[Token], low: Given, high: Given) -> bool:
    """Whether what stands between two numbers makes them the ends of a range."""
    between = found[low.last + 1 : high.index]
    joint = [token.text.lower() for token in between if token.kind != "unit"]
    before = token_at(found, low.index - 1)
    if low.number.value > high.number.value:
        return False
    if joint in (["-"], ["\u2013"]):
        return True
    if joint == ["and"]:
        return is_a(before, "between")
    halved = high.number.percent and not low.number.percent  # "costs 8 to 10 percent"
    return joint == ["to"] and is_a(before, *(_SAID if halved else _PLAIN)) and not is_a(before, "from")
