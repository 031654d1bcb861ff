"""How certain a reading is: where another is as near, a contradiction is none."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.lexicon import english, spoken
from ai_scientist.claims.seeing import meant
from ai_scientist.claims.subject import DIGITS, digits
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Vocabulary

MAX_WORDS = 55
"""A sentence of more words is read wrongly about as often as rightly: nothing in it is contradicted."""
Place = tuple[int, str, str]
"""Run, dataset, metric."""


def is_doubtful(it: Assertion, assertions: Sequence[Assertion], words: Vocabulary) -> bool:
    """Whether what an assertion is said of is not certain enough for a contradiction."""
    prose = "" if it.sentence.table else it.sentence.text.partition("{")[0]
    long = len(prose.split()) > MAX_WORDS
    return long or not it.sure or belongs_elsewhere(it, assertions, words)


def names_another(inside: Iterable[Token], run: int, words: Vocabulary) -> bool:
    """Whether a part of a sentence has a word that only the name of another run has: "the wide model needed 45 s"."""
    labels = {number: set(spoken(label.lower())) for number, label in words.results.labels.items()}
    own = labels.get(run, set()) | english().function
    others = {word for number, label in labels.items() if number != run for word in label}
    said = takewhile(lambda token: token.kind != "maybe", _without_references(list(inside)))
    words_said = {word for token in said if token.kind in ("word", "setting") for word in token.text.lower().split()}
    return bool(words_said & (others - own))


def _without_references(inside: Sequence[Token]) -> Iterable[Token]:
    """The tokens but those that only say what is compared with: "than that of the wide model in Run 4"."""
    passed = ("word", "prep", "function", "setting")
    for at, token in enumerate(inside):
        rest = next((it.kind for it in inside[at:] if it.kind not in passed), "")
        before = next((it.kind for it in reversed(inside[:at]) if it.kind not in passed), "")
        if not (before == "than" and rest == "reference"):
            yield token


def are_interleaved(inside: Sequence[Token]) -> bool:
    """Whether runs and datasets, or datasets and metrics, take turns: each is then said of its own."""
    for one, other in (("run", "dataset"), ("dataset", "metric")):
        turns = [token.kind for token in inside if token.kind in (one, other)]
        changes = sum(before != after for before, after in pairwise(turns))
        different = all(len({token.value for token in inside if token.kind == kind}) > 1 for kind in (one, other))
        if changes > 2 or (changes > 1 and different):
            return different
    return False


def compares_both_ways(inside: Sequence[Token]) -> bool:
    """ "0.34 (better than the baseline, worse than Run 3)": two directions, and which is of which run is not clear."""
    ways = {token.value for token in inside if token.kind == "go"}
    opposed = any({one, other} <= ways for one, other in (("up", "down"), ("better", "worse"), ("faster", "slower")))
    return opposed and len({token.value for token in inside if token.kind == "reference"}) > 1


def ranks_runs(inside: Sequence[Token]) -> bool:
    """ "Run 5 (0.97) < Run 2 (0.98) < Run 0 (0.99)", "all runs except Run 1": which is against which is not clear."""
    kinds = [token.kind for token in inside]
    valued = sum(
        kinds[at] in ("run", "reference") and kinds[at + 1 : at + 3] == ["open", "number"] for at in range(len(kinds))
    )
    others = any(token.kind == "reference" and token.value == "others" for token in inside)
    return valued > 2 or (others and "except" in kinds)


def has_run_as_object(inside: Sequence[Token], section: int | None) -> bool:
    """ "It is well ahead with the settings of Run 1": a run behind the verb is hardly what a sentence speaks of."""
    kinds = [token.kind for token in inside]
    at = next((at for at, kind in enumerate(kinds) if kind == "run" and "number" not in kinds[max(0, at - 4) : at]), 0)
    verbs = ("is", "was", "are", "were", "does", "did", "has", "had")
    foreign = section is not None and at > 0 and inside[at].value != (section,)
    return foreign and any(token.text.lower() in verbs for token in inside[:at])


def belongs_elsewhere(it: Assertion, assertions: Sequence[Assertion], words: Vocabulary) -> bool:
    """Whether its number is that of another run, dataset or metric of the sentence, of which none is said.

    Two numbers that are exchanged are not: then something is said of both.
    """
    said = [one.number for one in it.given if one.kind == "value" and digits(one.number) >= DIGITS]
    taken = {place for other in assertions if other.given for place in _places(other)}
    own = set(_places(it))
    free = {place for place in _named(assertions) if place not in own | taken}
    fits = any(number.fits(words.results.mean(*place)) for number in said for place in free)
    return fits or _holds_elsewhere(it, assertions, words)


def _holds_elsewhere(it: Assertion, assertions: Sequence[Assertion], words: Vocabulary) -> bool:
    """Whether a change or a pair of values is that of other things in the sentence, of which no number is said."""
    numbers = [number for one in it.given for number in (one.number, *(old.number for old in one.olds))]
    relative = any(one.kind != "value" or one.olds for one in it.given)
    if not it.references or not relative or max(map(digits, numbers)) < DIGITS - 1:
        return False
    taken = {
        (place, run) for other in assertions if other.given for place in _places(other) for run in other.references
    }
    against = {it.references[0]}
    if not any(one.against for one in it.given):  # "39.7% longer than Run 4" leaves no doubt
        against |= {run for other in assertions if other.strict for run in other.references}
    free = [
        (place, run) for place in _named(assertions) for run in against if run != place[0] and (place, run) not in taken
    ]
    return any(
        meant(replace(it, run=place[0], dataset=place[1], metrics=(place[2],)), run, words).verdict == "verified"
        for place, run in free
    )


def _places(it: Assertion) -> Iterable[Place]:
    return [(it.run, it.dataset, metric) for metric in it.metrics]


def _named(assertions: Sequence[Assertion]) -> Iterable[Place]:
    """Every combination of what the assertions of a sentence are of."""
    runs = {run for it in assertions for run in (it.run, it.sentence.run) if run is not None}
    datasets = {it.dataset for it in assertions}
    metrics = {name for it in assertions for name in it.metrics}
    return [(run, dataset, metric) for run in runs for dataset in datasets for metric in metrics]
