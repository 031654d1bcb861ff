"""What is likeliest meant where a sentence leaves it open: a reference, or one of the metrics that a word can mean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.given import Given
from ai_scientist.claims.seeing import meant
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_USUAL = 3
"""How much says that the run is meant that is usually meant where none is named."""
_BY_NUMBER, _BY_WAY = 4, 2
"""How much says that a run is meant that a number, or a direction, holds against."""


def likelier(assertions: Sequence[Assertion], words: Vocabulary) -> list[Assertion]:
    """The assertions; where no reference is named, first the one that most of the sentence holds against.

    Where two numbers or more hold against a single run, the others are said against that run, too.
    """
    holds: Counter[tuple[int, int]] = Counter()
    counted: Counter[tuple[int, int]] = Counter()
    for it in assertions:
        for run in () if it.strict else it.references:
            said = _evidence(it, run, words)
            holds[it.run, run] += said
            counted[it.run, run] += said == _BY_NUMBER
    return [it if it.strict else _ordered(it, holds, counted) for it in assertions]


def _ordered(it: Assertion, holds: Counter[tuple[int, int]], counted: Counter[tuple[int, int]]) -> Assertion:
    """An assertion with its references, the likeliest first; with that alone, where numbers leave no other."""
    usual = it.references[0]
    order = sorted(it.references, key=lambda run: -holds[it.run, run] - _USUAL * (run == usual))
    others = sum(counted[it.run, run] > 1 for run in order[1:])
    only = counted[it.run, order[0]] > 1 and not others and bool(it.given)
    only = only and not any(one.olds for one in it.given)  # both values of a pair say enough
    return replace(it, references=tuple(order[:1] if only else order), strict=it.strict or only)


def _evidence(it: Assertion, reference: int, words: Vocabulary) -> int:
    """How much says that an assertion is meant against a run: that its numbers, or only the old ones, or its direction
    hold."""
    if meant(it, reference, words).verdict == "verified":
        return _BY_NUMBER if it.given else _BY_WAY
    olds = tuple(Given(one.index, old.number) for one in it.given for old in one.olds)
    return _BY_NUMBER if olds and _holds(replace(it, run=reference, given=olds), words) else 0


def narrowed(assertions: Sequence[Assertion], words: Vocabulary) -> list[Assertion]:
    """The assertions; of several metrics that a word can mean, the one that the sentence's numbers are values of."""
    fitting: dict[tuple[int, str, Meanings], set[str]] = {}
    for it in assertions:
        values = tuple(replace(one, olds=()) for one in it.given if one.kind == "value")
        right = {name for name in it.metrics if values and _holds(replace(it, metrics=(name,), given=values), words)}
        fitting.setdefault((it.run, it.dataset, it.metrics), set()).update(right)
    result = []
    for it in assertions:
        right = fitting[it.run, it.dataset, it.metrics]
        result.append(replace(it, metrics=tuple(right)) if len(right) == 1 else it)
    return result


def _holds(it: Assertion, words: Vocabulary) -> bool:
    """Whether its values hold, whatever else is said."""
    return meant(replace(it, way=None, most=None), None, words).verdict == "verified"
