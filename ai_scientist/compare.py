"""Comparing runs: differences with their uncertainty, and whether the seeds are evidence for them."""

import math
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import mean, variance
from typing import Literal

from ai_scientist.metrics import Measurement, Metrics, seeds_matter

Verdict = Literal["better", "worse", "different", "no evidence", "nothing can be said"]
UNTESTED: Verdict = "nothing can be said"
SIGNIFICANCE = 0.05
MIN_SEEDS = 3
MAX_KEPT = 10_000
_FILTERS = threading.Lock()  # the filters of warnings are those of the process, and a report is written beside a study


@dataclass(frozen=True)
class Comparison:
    """`difference` is this mean minus the reference's; `percent` of the reference's mean, None where that is 0.

    `low` and `high` bound the difference with 95% confidence; `p` is two-sided, `corrected` is p after Holm's
    correction over all comparisons of the study; `effect` is Hedges' g. They are None where nothing was tested: with
    fewer than 3 seeds on a side, seeds that are not given, or seeds that change nothing of a whole run. `paired`:
    tested by the differences of equal seeds.

    `verdict`: "better" or "worse" ("different" where the metric has no direction) where the corrected p is below 5%,
    "no evidence" where it is not, "nothing can be said" where nothing was tested.
    """

    reference: int
    difference: float
    percent: float | None
    verdict: Verdict
    low: float | None = None
    high: float | None = None
    p: float | None = None
    corrected: float | None = None
    effect: float | None = None
    paired: bool = False


Key = tuple[int, str, str]
"""Run, dataset, metric."""


def preload() -> None:
    """Import what tests are done with, which takes half a second."""
    import scipy.stats  # noqa: F401


def against_baseline(
    metrics: Mapping[int, Metrics], better: Mapping[str, str | None], *, paired: bool
) -> dict[Key, Comparison]:
    """Every run, dataset and metric that the baseline has too, against it; Holm's correction is over all of them."""
    seeded = {run: seeds_matter(measured) for run, measured in metrics.items()}
    found = {
        (run, dataset, metric): compare(
            measurement, metrics[0][dataset][metric], 0, paired=paired, seeded=seeded[run] and seeded[0]
        )
        for run, measured in metrics.items()
        if run
        for dataset, values in measured.items()
        for metric, measurement in values.items()
        if metric in metrics[0].get(dataset, {})
    }
    tested = {key: it.p for key, it in found.items() if it.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {key: _judged(it, corrected.get(key), better.get(key[2])) for key, it in found.items()}


def compare(
    this: Measurement, other: Measurement, reference: int, *, paired: bool = False, seeded: bool = True
) -> Comparison:
    """`this` against `other`, which run `reference` measured; tested as far as it can be, and not yet judged.

    `seeded`: the seeds of both runs change something. Where they do not, repeating them is no evidence.
    """
    difference = this.mean - other.mean
    percent = 100 * difference / abs(other.mean) if other.mean else None
    plain = Comparison(reference, difference, percent, UNTESTED)
    if not seeded or min(len(this.values), len(other.values)) < MIN_SEEDS:
        return plain
    paired = paired and len(this.values) == len(other.values)
    p, low, high = _test(this.values, other.values, difference, paired=paired)
    return replace(plain, p=p, low=low, high=high, effect=_effect(this.values, other.values), paired=paired)


def of_few_seeds(comparisons: Iterable[Comparison]) -> str:
    """A sentence on those without evidence that would pass if each were the only one: more seeds would tell."""
    alone = sum(it.verdict == "no evidence" and it.p is not None and it.p < SIGNIFICANCE for it in comparisons)
    if not alone:
        return ""
    return f"Taken alone {alone} of those without evidence would pass at {SIGNIFICANCE:.0%}: more seeds would tell."


def judged_alone(comparison: Comparison, better: str | None) -> Comparison:
    """The comparison with its verdict as if it were the only one, without a correction."""
    return _judged(comparison, comparison.p, better)


def holm(p: Sequence[float]) -> list[float]:
    """The p values after Holm's step-down correction (Holm 1979, Scand. J. Statist. 6:65), in their order."""
    corrected = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = highest
    return corrected


def _judged(it: Comparison, corrected: float | None, better: str | None) -> Comparison:
    if corrected is None:
        return it
    verdict: Verdict = "no evidence"
    if corrected < SIGNIFICANCE and better is None:
        verdict = "different"
    elif corrected < SIGNIFICANCE:
        verdict = "better" if (it.difference < 0) == (better == "lower") else "worse"
    return replace(it, corrected=corrected, verdict=verdict)


@lru_cache(MAX_KEPT)  # prompts, tables and the report ask for the same again after every run
def _test(
    these: tuple[float, ...], others: tuple[float, ...], difference: float, *, paired: bool
) -> tuple[float, float | None, float | None]:
    """(p, low, high) by Welch's t test (Welch 1947), or Student's for pairs.

    Where neither side varies from seed to seed the difference is certain: the interval is a point, p 0, or 1 for equal
    values. Where the test has no finite answer p is 1 and there is no interval.
    """
    from scipy.stats import ttest_ind, ttest_rel  # see preload

    varies = [a - b for a, b in zip(these, others, strict=True)] if paired else None
    if len(set(varies)) == 1 if varies else len(set(these)) == len(set(others)) == 1:
        return (0.0 if difference else 1.0), difference, difference
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of values that hardly vary: the result is right as it is
        test = ttest_rel(these, others) if paired else ttest_ind(these, others, equal_var=False)
        interval = test.confidence_interval(1 - SIGNIFICANCE)
    if not all(map(math.isfinite, (test.statistic, test.pvalue, interval.low, interval.high))):
        return 1.0, None, None
    return float(test.pvalue), float(interval.low), float(interval.high)


def _effect(these: tuple[float, ...], others: tuple[float, ...]) -> float | None:
    """Hedges' g: the difference in pooled standard deviations, corrected for few seeds (Hedges 1981); None for 0."""
    n, m = len(these), len(others)
    pooled = math.sqrt(((n - 1) * variance(these) + (m - 1) * variance(others)) / (n + m - 2))
    if not pooled:
        return None
    return (1 - 3 / (4 * (n + m) - 9)) * (mean(these) - mean(others)) / pooled
