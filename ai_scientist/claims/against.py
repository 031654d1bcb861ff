"""From which run a change in brackets is measured, where the words around it say so."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token, is_a, token_at

_SPLIT = ("semicolon", "dash", "colon")


def measured_from(found: Sequence[Token], given: Sequence[Given]) -> list[Given]:
    """The numbers, with the runs that a change is measured from where only its neighbours say them."""
    result: list[Given] = []
    for it in given:
        if it.kind == "change" and not it.against and is_a(token_at(found, it.index - 1), "open"):
            it = replace(it, against=_named_before(found, it) or _as_before(found, result, it))
        result.append(it)
    return _in_position(found, result)


def _in_position(found: Sequence[Token], given: list[Given]) -> list[Given]:
    """ "a 1810 (-58% vs baseline, -50% vs Run 1), b 2370 (-49%, -43%)": each against the run in its place before."""
    result = list(given)
    groups: dict[int, list[int]] = {}
    for at, it in enumerate(given):
        if it.kind == "change" and it.number.signed and (opened := _bracket(found, it.index)):
            groups.setdefault(opened, []).append(at)
    brackets = list(groups.values())
    for before, after in pairwise(brackets):
        if len(before) == len(after) > 1 and result[after[-1]].against == ():
            for one, other in zip(before, after, strict=True):
                result[other] = replace(result[other], against=result[one].against)
    return result


def _bracket(found: Sequence[Token], index: int) -> int:
    """Where the bracket opens in which a token stands; 0 outside."""
    for at in range(index, 0, -1):
        if found[at].kind in ("open", "close"):
            return at if found[at].kind == "open" else 0
    return 0


def _named_before(found: Sequence[Token], it: Given) -> tuple[int, ...] | str:
    """ "down from 0.45 in the baseline (9% lower) and down from 0.42 in Run 2": the run that the bracket follows."""
    named, old = token_at(found, it.index - 2), token_at(found, it.index - 4)
    if named is None or named.kind != "reference" or old is None or old.kind != "number":
        return ()
    return named.value if isinstance(named.value, tuple) else str(named.value)


def _as_before(found: Sequence[Token], given: Sequence[Given], it: Given) -> tuple[int, ...] | str:
    """ "474 s on a (+15% over the baseline), 605 s on b (+13%)": the run of the bracket before."""
    last = next((one for one in reversed(given) if one.kind == "change"), None)
    if last is None or not (last.number.signed and it.number.signed) or not is_a(found[last.index - 1], "open"):
        return ()
    return () if any(token.kind in _SPLIT for token in found[last.index : it.index]) else last.against
