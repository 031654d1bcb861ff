"""Comparing one measurement with another: difference, and whether the seeds are evidence for it."""

import math
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from ai_scientist.metrics import Measurement

Verdict = Literal["better", "worse", "different", "no clear difference", "identical", "not tested"]
SIGNIFICANCE = 0.05
MIN_SEEDS = 3


@dataclass(frozen=True)
class Comparison:
    """`difference` is this mean minus the reference's; `percent` of the reference's mean, None where that is 0.

    `verdict`: "better" or "worse" ("different" where the metric has no direction) where Welch's t test over the seeds
    finds p < 0.05, "no clear difference" where it does not, "identical" for equal means, "not tested" with fewer than
    3 seeds.
    """

    reference: int
    difference: float
    percent: float | None
    verdict: Verdict


def compare(this: Measurement, other: Measurement, reference: int, better: str | None) -> Comparison:
    """`this` against `other`, which run `reference` measured; `better` is "lower", "higher" or None."""
    difference = this.mean - other.mean
    percent = 100 * difference / abs(other.mean) if other.mean else None
    return Comparison(reference, difference, percent, _verdict(this, other, better))


def _verdict(this: Measurement, other: Measurement, better: str | None) -> Verdict:
    if this.mean == other.mean:
        return "identical"
    if min(len(this.values), len(other.values)) < MIN_SEEDS:
        return "not tested"
    if _p_value(this.values, other.values) >= SIGNIFICANCE:
        return "no clear difference"
    if better is None:
        return "different"
    return "better" if (this.mean < other.mean) == (better == "lower") else "worse"


def _p_value(these: tuple[float, ...], others: tuple[float, ...]) -> float:
    """Two-sided p of Welch's t test (Welch 1947); 0 where neither side varies and the means differ."""
    from scipy.stats import ttest_ind_from_stats  # half a second to import: only where it is needed

    if len(set(these)) == len(set(others)) == 1:
        return 0.0
    spread = [(mean(values), stdev(values), len(values)) for values in (these, others)]
    p = float(ttest_ind_from_stats(*spread[0], *spread[1], equal_var=False).pvalue)
    return 1.0 if math.isnan(p) else p
