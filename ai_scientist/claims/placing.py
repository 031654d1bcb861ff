"""Which numbers of a part of a sentence are said of which run, dataset and metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.clauses import Clause
from ai_scientist.claims.gate import are_interleaved, compares_both_ways, has_run_as_object, names_another, ranks_runs
from ai_scientist.claims.given import Given
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.scopes import Scope, subjects
from ai_scientist.claims.sharing import (
    Shares,
    are_listed,
    by_part,
    grouped,
    in_order,
    is_of,
    metric_before,
    shares,
    taken,
)
from ai_scientist.claims.tokens import Token, outer
from ai_scientist.claims.vocabulary import Vocabulary

_NUMBERS = ("value", "change", "difference", "ratio")


@dataclass(frozen=True)
class Part:
    """A part of a sentence, its tokens and what it speaks of."""

    sentence: Sentence
    found: list[Token]
    clause: Clause
    scope: Scope

    @property
    def inside(self) -> list[Token]:
        """The tokens of the part alone."""
        return self.clause.of(self.found)

    def places(self, kind: str) -> list[int]:
        """The places of its tokens of a kind."""
        return [at for at in range(self.clause.begin, self.clause.end) if self.found[at].kind == kind]


@dataclass(frozen=True)
class _Shared:
    """Place of a number -> the datasets, metrics and runs that it is said of; `more`: not all datasets are named."""

    by_dataset: Shares
    by_metric: Shares
    by_run: Shares
    more: bool


def placed(
    part: Part, way: str | None, most: str | None, given: list[Given], words: Vocabulary
) -> Iterator[tuple[Assertion, bool]]:
    """(assertion, whether other things alone have the numbers) for every run, metric and dataset of a part."""
    shared, scope = _shared(part, given), part.scope
    tagged = _are_tagged(given, scope.runs)
    mixed = _is_mixed(part, given, most, shared) and not tagged
    for run in scope.runs:
        for meanings in scope.metrics:
            for dataset in scope.datasets or words.datasets:
                own = [
                    it
                    for it in given
                    if is_of(shared.by_dataset, it, (dataset,))
                    and is_of(shared.by_metric, it, meanings)
                    and is_of(shared.by_run, it, (run,), within=True)
                    and (not tagged or run in it.runs)
                ]
                others = [it for it in given if it not in own and it.kind in _NUMBERS]
                elsewhere = taken(shared.by_dataset, (dataset,)) and not shared.more
                apart = bool(others) and not own and (elsewhere or taken(shared.by_metric, meanings))
                certain = (scope.certain or len(words.datasets) == 1) and not scope.part
                sure = not names_another(part.inside, run, words) and not mixed
                said = _way(part, way, own, others)
                yield (
                    Assertion(
                        part.sentence, run, dataset, meanings, way=said, given=tuple(own), most=most,
                        certain=certain, part=scope.part, sure=sure,
                    ),
                    apart,
                )  # fmt: skip


def _shared(part: Part, given: list[Given]) -> _Shared:
    found, scope = part.found, part.scope
    named = part.places("dataset")
    more = {name for at in named for name in found[at].value} < set(scope.datasets)
    by_metric = _by_metric(part, given) | by_part(given, scope.metrics)
    by_dataset = shares(found, given, named, some=more)
    if () in by_dataset.values():  # "a and b reach 99%, at steps 870 and 920": in order for each metric
        parts = grouped(given, by_metric)
        by_dataset = {at: names for some in parts for at, names in shares(found, some, named, some=more).items()}
    if not named and scope.certain:
        by_dataset = in_order(given, scope.datasets)
    by_run = shares(found, [it for it in given if not it.runs], subjects(found, part.clause, part.sentence.run))
    return _Shared(by_dataset, by_metric, by_run, more)


def _is_mixed(part: Part, given: Sequence[Given], most: str | None, shared: _Shared) -> bool:
    """Whether what is said of which run or dataset is not clear."""
    inside, several = part.inside, len(part.scope.runs) > 1
    return (
        are_interleaved(inside)
        or compares_both_ways(inside)
        or has_run_as_object(inside, part.sentence.run)
        or ranks_runs(inside)
        or (several and len(given) > 1 and not shared.by_run)
        or (several and most is not None)
    )


def _are_tagged(given: Sequence[Given], runs: Sequence[int]) -> bool:
    """ "by 64% (Run 1), 37% (Run 2) and 70% (Run 3)": a run stands behind every change."""
    changes = all(it.kind == "change" and isinstance(it.runs, tuple) and it.runs for it in given)
    return changes and len(given) > 1 and {run for it in given for run in it.runs} == set(runs)


def _by_metric(part: Part, given: Sequence[Given]) -> Shares:
    found, named = part.found, part.places("metric")
    shared = shares(found, given, named)
    if len({found[at].value for at in named}) < 2:
        return shared
    for it in given:
        said, token = metric_before(found, it, part.clause.begin)
        zipped = len(shared.get(it.index, ())) == 1 and are_listed(found, named)
        if it.kind == "value" and said == "metric" and token is not None and not zipped:
            shared[it.index] = (token.value,)
    return shared


def _way(part: Part, way: str | None, own: Sequence[Given], others: Sequence[Given]) -> str | None:
    """The direction of a dataset's numbers: none, or their own, where directions stand in brackets only."""
    outside, goes = outer(part.found), part.places("go")
    if not goes or any(outside[at] for at in goes) or not own:
        return way
    if all(outside[it.index] for it in own) and any(not outside[it.index] for it in others):
        return None  # "a took 89 s (14% more) and b 82 s"
    said = {it.way for it in own if it.way}
    return said.pop() if len(said) == 1 else way  # "a was 0.3 (4% higher) and b 0.2 (7% lower)"
