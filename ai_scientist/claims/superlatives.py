"""Superlatives of which is said among what: "the lowest of all runs", "the best validation loss so far"."""

from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.lexicon import english
from ai_scientist.claims.tokens import Token

_AMONG = ("otherruns", "sofar")
_REACH = 14
"""How many words may stand between a superlative and what it is among."""
_OWNED = ("belongs", "belong", "belonged", "goes", "went", "comes", "came")
_DRAWN = ("bar", "bars", "point", "box", "value", "values", "result", "results")


def superlatives(found: Sequence[Token]) -> list[Token]:
    """The tokens, with every superlative among all runs as a "top", and those runs as "ofall"."""
    found = _owned(found)
    result: list[Token] = []
    tops = {
        top: at for at, token in enumerate(found) if token.kind in _AMONG and (top := _before(found, at)) is not None
    }
    ends = set(tops.values())
    for at, token in enumerate(found):
        if at in tops and token.kind == "metric":  # "the best validation loss of all runs"
            result += [Token("top", token.start, token.start, token.text.split()[0], _way(token)), token]
        elif at in tops:
            result.append(replace(token, kind="top"))
        elif token.kind in _AMONG and (at in ends or token.kind == "sofar"):
            result.append(replace(token, kind="ofall" if at in ends else "function"))
        elif token.kind == "go" and token.text.lower() in ("wins", "won") and not _beats(found, at):
            result.append(replace(token, kind="top"))
        else:
            result.append(token)
    return result


def _owned(found: Sequence[Token]) -> list[Token]:
    """ "The lowest loss belongs to Run 3", "comes from Run 3": it is that of the run; "the lowest bar": of a plot."""
    result = list(found)
    for at, token in enumerate(found):
        before, after = found[max(0, at - 2) : at], found[at + 1 : at + 2]
        top = any(it.kind == "most" for it in found[:at])
        owner = top and token.kind in ("to", "from") and bool(after) and after[0].kind == "run"
        if owner and before and before[-1].text.lower() in _OWNED:
            result[at - 1 : at + 1] = [replace(it, kind="function", value=None) for it in found[at - 1 : at + 1]]
        elif owner and before and before[-1].kind == "dataset":  # "..., the highest on b to Run 5"
            result[at] = replace(token, kind="function", value=None)
        drawn = before and before[-1].kind == "most" and token.text.lower() in _DRAWN
        if drawn or (token.text.lower() in ("bar", "bars") and any(it.kind == "most" for it in found)):
            result[at] = replace(token, kind="function", value=None)
    return result


def _beats(found: Sequence[Token], at: int) -> bool:
    """ "wins against the baseline": a comparison."""
    return any(token.kind in ("than", "over", "run", "previous", "earlier") for token in found[at + 1 : at + 4])


def _before(found: Sequence[Token], at: int) -> int | None:
    """The place of the superlative that belongs to a word for all runs."""
    for place in range(at - 1, max(-1, at - _REACH), -1):
        token = found[place]
        if token.kind == "most" or (token.kind == "metric" and _way(token)):
            return place
        if token.kind in ("than", "semicolon", "dash", "go", "maybe", "over") or token.value == "strong":
            return None
    return None


def _way(token: Token) -> str | None:
    """The direction of a superlative that is part of a metric's name."""
    meaning = english().lexicon.by_first.get(token.text.split()[0].lower(), {}).get((token.text.split()[0].lower(),))
    return str(meaning.value) if meaning is not None and meaning.kind == "most" else None
