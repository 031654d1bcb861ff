"""Whether results that were measured again are those that were recorded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ai_scientist.compare import SIGNIFICANCE, compare, holm
from ai_scientist.metrics import Measurement, Metrics
from ai_scientist.template import TIMING

Verdict = Literal["same", "within noise", "different"]
# Relative. Floats of 32 bits have seven digits, and sums in another order, on other threads or devices, lose the last.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Repeated:
    """One metric, as it was recorded and as it is now; None where one of the two has no such metric.

    `verdict`: "same" for equal values of every seed. "within noise" where they differ by ROUNDING at most, or where
    Welch's t test over the seeds, at 5% after Holm's correction over everything that was repeated (compare.py), gives
    no evidence of a difference; that takes three seeds. Else "different". `timing`: its name says that it measures the
    machine's speed, so that a difference says nothing about the run.
    """

    run: int
    dataset: str
    metric: str
    recorded: Measurement | None
    again: Measurement | None
    verdict: Verdict
    timing: bool

    @property
    def counts(self) -> bool:
        """Whether the run was not reproduced, by this metric."""
        return self.verdict == "different" and not self.timing


def judged(pairs: Mapping[int, tuple[Metrics, Metrics]]) -> Sequence[Repeated]:
    """Run number -> (recorded, measured again), judged metric by metric in the recorded order."""
    found, p = [], []
    for run, (before, now) in pairs.items():
        names = {**_names(before), **_names(now)}
        for dataset, metric in names:
            this, that = before.get(dataset, {}).get(metric), now.get(dataset, {}).get(metric)
            verdict, tested = _verdict(this, that)
            found.append(Repeated(run, dataset, metric, this, that, verdict, bool(TIMING.search(metric))))
            p.append(tested)
    corrected = iter(holm([it for it in p if it is not None]))
    return [
        it if tested is None else replace(it, verdict="different" if next(corrected) < SIGNIFICANCE else "within noise")
        for it, tested in zip(found, p, strict=True)
    ]


def _names(metrics: Metrics) -> dict[tuple[str, str], None]:
    return {(dataset, metric): None for dataset, measured in metrics.items() for metric in measured}


def _verdict(this: Measurement | None, that: Measurement | None) -> tuple[Verdict, float | None]:
    """The verdict, and the p value on which it hangs, None where it is settled without."""
    if this is None or that is None:
        return "different", None
    if (this.mean, this.values) == (that.mean, that.values):
        return "same", None
    if _close((this.mean, *this.values), (that.mean, *that.values)):
        return "within noise", None
    return "different", compare(that, this, 0).p


def _close(these: Sequence[float], those: Sequence[float]) -> bool:
    return len(these) == len(those) and all(
        math.isclose(a, b, rel_tol=ROUNDING) for a, b in zip(these, those, strict=True)
    )
