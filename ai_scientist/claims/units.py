"""Numbers in another unit than that of the metric: "9 minutes" of a time in seconds, "1.9 GB" of a memory in MB."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.given import Given
from ai_scientist.claims.tokens import Token, is_a, token_at
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60}
_SECONDS |= {"hour": 3600, "hours": 3600}
_MEGABYTES = {"kb": 0.001, "mb": 1, "mib": 1, "gb": 1000, "gib": 1024}


def in_unit(words: Vocabulary, found: Sequence[Token], it: Given, metrics: Sequence[Meanings]) -> Given:
    """A number in the unit of the metrics, where both say theirs."""
    after = token_at(found, it.last + 1)
    if after is None or not is_a(after, "unit") or it.number.percent or not metrics:
        return it
    factors = {_factor(words, after.text.lower(), name) for some in metrics for name in some}
    factor = factors.pop() if len(factors) == 1 else 1.0
    if factor == 1.0:
        return it
    olds = tuple(replace(old, number=old.number.scaled(factor)) for old in it.olds)
    return replace(it, number=it.number.scaled(factor), olds=olds)


def _factor(words: Vocabulary, unit: str, metric: str) -> float:
    """How many of a metric's units one of those that are said is."""
    name = metric.lower()
    if words.kind(metric) == "time" and unit in _SECONDS:
        own = next((factor for end, factor in _SECONDS.items() if name.endswith(f"_{end}")), 1)
        return _SECONDS[unit] / own
    size = re.search(r"_([kmg]i?b)$", name)
    return _MEGABYTES[unit] / _MEGABYTES[size[1]] if size and size[1] in _MEGABYTES and unit in _MEGABYTES else 1.0
