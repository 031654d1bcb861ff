"""The facts of a study as plain data: what prompts, recordings and the closing table may speak of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from ai_scientist.compare import Comparison, Key, Verdict, against_baseline, compare, judged_alone
from ai_scientist.metrics import Measurement, seeds_matter
from ai_scientist.study.state import State
from ai_scientist.template import Template


@dataclass(frozen=True)
class Row:
    """One metric of one dataset in one run, compared with the baseline and with the finished run before."""

    run: int
    dataset: str
    metric: str
    label: str
    mean: float
    stderr: float | None
    seeds: int
    baseline: Comparison | None
    previous: Comparison | None


@dataclass(frozen=True)
class Revised:
    """A verdict against the baseline that a later run changed."""

    run: int
    dataset: str
    metric: str
    before: Verdict
    now: Verdict


def rows(state: State, template: Template, run: int) -> tuple[Row, ...]:
    """The rows of a finished run, in the order of its file; those that a reference lacks are not compared with it.

    Against the baseline the verdict is corrected for all comparisons of the study so far, against the run before not.
    """
    metrics = state.metrics
    earlier = max((number for number in metrics if number < run), default=0)
    seeded = seeds_matter(metrics[run]) and seeds_matter(metrics[earlier])
    better = _directions(template)
    baseline = against_baseline(metrics, better, paired=template.paired) if run else {}

    def previous(dataset: str, metric: str, measurement: Measurement) -> Comparison | None:
        other = metrics[earlier].get(dataset, {}).get(metric)
        if not earlier or other is None:
            return None
        it = compare(measurement, other, earlier, paired=template.paired, seeded=seeded)
        return judged_alone(it, better.get(metric))

    return tuple(
        Row(
            run,
            dataset,
            metric,
            template.label(metric),
            measurement.mean,
            measurement.stderr,
            len(measurement.values),
            baseline.get((run, dataset, metric)),
            previous(dataset, metric, measurement),
        )
        for dataset, measured in metrics[run].items()
        for metric, measurement in measured.items()
    )


def revised(state: State, template: Template, last: int) -> tuple[Revised, ...]:
    """Verdicts of earlier runs that the results of run `last` changed, because there is more to correct for."""

    def judged(end: int) -> Mapping[Key, Comparison]:
        metrics = {run: it for run, it in state.metrics.items() if run < end}
        return against_baseline(metrics, _directions(template), paired=template.paired)

    then, now = judged(last) if last else {}, judged(last + 1)
    return tuple(
        Revised(*key, it.verdict, now[key].verdict) for key, it in then.items() if it.verdict != now[key].verdict
    )


def _directions(template: Template) -> dict[str, Literal["lower", "higher"] | None]:
    return {name: metric.better for name, metric in template.metrics.items()}


def facts(state: State, template: Template) -> dict[str, object]:
    """What a recording may speak of; `runs`: run number -> dataset -> metric -> row; `last`: the newest run.

    `revised`: every verdict that was told after its run and does not hold any more.
    """
    assert state.setup is not None
    measured: dict[int, dict[str, dict[str, object]]] = {}
    for run in state.metrics:
        for row in rows(state, template, run):
            measured.setdefault(run, {}).setdefault(row.dataset, {})[row.metric] = asdict(row)
    return {
        "idea": asdict(state.setup.idea),
        "profile": state.setup.profile,
        "device": state.setup.device,
        "runs": measured,
        "revised": [asdict(it) for run in state.metrics for it in revised(state, template, run)],
        "last": max(measured, default=0),
        "plots": list(state.plots[-1].plots) if state.plots else [],
        "directions": _directions(template),
    }
