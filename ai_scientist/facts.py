"""The facts of a study as plain data: what prompts, recordings and the closing table may speak of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ai_scientist.compare import Comparison, compare
from ai_scientist.metrics import Measurement
from ai_scientist.study.state import State
from ai_scientist.template import Metric, Template


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


def rows(state: State, template: Template, run: int) -> tuple[Row, ...]:
    """The rows of a finished run, in the order of its file; those that a reference lacks are not compared with it."""
    metrics = state.metrics
    earlier = max((number for number in metrics if number < run), default=0)
    return tuple(
        Row(
            run,
            dataset,
            metric,
            _meaning(template, metric).label or metric,
            measurement.mean,
            measurement.stderr,
            len(measurement.values),
            _against(metrics, 0, dataset, metric, measurement, template) if run else None,
            _against(metrics, earlier, dataset, metric, measurement, template) if earlier else None,
        )
        for dataset, measured in metrics[run].items()
        for metric, measurement in measured.items()
    )


def facts(state: State, template: Template) -> dict[str, object]:
    """What a recording may speak of; `runs`: run number -> dataset -> metric -> row; `last`: the newest run."""
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
        "last": max(measured, default=0),
        "plots": list(state.plots[-1].plots) if state.plots else [],
        "directions": {name: metric.better for name, metric in template.metrics.items()},
    }


def _against(
    metrics: Mapping[int, Mapping[str, Mapping[str, Measurement]]],
    reference: int,
    dataset: str,
    metric: str,
    measurement: Measurement,
    template: Template,
) -> Comparison | None:
    other = metrics[reference].get(dataset, {}).get(metric)
    return compare(measurement, other, reference, _meaning(template, metric).better) if other else None


def _meaning(template: Template, metric: str) -> Metric:
    return template.metrics.get(metric, Metric())
