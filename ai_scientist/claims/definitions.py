"""What the notes themselves say that a word means: "the grokking point (95% validation accuracy)"."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings

_ALIAS = re.compile(r"\b([A-Za-z]\w{1,20})[\"'`]? {0,2}(?:below |here )?(?:=|:=) {0,2}[\"'`]?([A-Za-z]\w{2,80})\b")


def aliases(notes: str, metrics: Sequence[str]) -> dict[str, str]:
    """What the notes say that they call a metric: "t99" of "t99 = step_val_acc_99"."""
    found = (match for match in _ALIAS.finditer(notes) if match[1] not in metrics and match[2] in metrics)
    return {match[1]: match[2] for match in found}


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
