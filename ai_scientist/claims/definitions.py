"""What the notes themselves say that a word means: "the grokking point (95% validation accuracy)"."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings


def defined(found: Sequence[Token]) -> dict[str, Meanings]:
    """A word that may mean several metrics -> those that stand in brackets behind it."""
    return {
        one.text.lower(): other.value
        for (one, sign), (_, other) in pairwise(pairwise(found))
        if one.kind == other.kind == "metric" and sign.kind == "open" and set(other.value) < set(one.value)
    }


def meaning(found: Sequence[Token], known: Mapping[str, Meanings]) -> list[Token]:
    """The tokens, with such words as they were defined."""
    return [
        replace(it, value=known[it.text.lower()]) if it.kind == "metric" and it.text.lower() in known else it
        for it in found
    ]
