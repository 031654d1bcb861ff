"""The answer of a study in one table: runs by datasets for the primary metric, the best marked, with verdicts."""

import math
from collections import Counter
from dataclasses import dataclass

from ai_scientist.compare import MIN_SEEDS, SIGNIFICANCE, UNTESTED, Comparison, of_few_seeds
from ai_scientist.metrics import Measurement
from ai_scientist.prompts import number, probability, signed, uncertain
from ai_scientist.report.study import Study


@dataclass(frozen=True)
class Cell:
    """A mean with its error; `change` in percent of the baseline, `order` is what it is sorted by."""

    value: str
    order: float
    change: str
    verdict: str
    detail: str
    best: bool


@dataclass(frozen=True)
class Row:
    """A run. `cells` has None where it did not measure a dataset; `failure` says why it has none at all."""

    run: int
    name: str
    cells: tuple[Cell | None, ...]
    failure: str = ""


@dataclass(frozen=True)
class Answer:
    """`sentence` sums the table up; `meaning` says how to read it."""

    metric: str
    better: str
    datasets: tuple[str, ...]
    rows: tuple[Row, ...]
    sentence: str
    meaning: str


def answer(study: Study) -> Answer:
    """The table of a study; without rows where nothing was measured yet."""
    metric = study.primary
    values = {
        run: {dataset: found[metric] for dataset, found in measured.items() if metric in found}
        for run, measured in study.results.metrics.items()
    }
    datasets = tuple(dict.fromkeys(dataset for found in values.values() for dataset in found))
    best = {dataset: _best(study, values, dataset) for dataset in datasets}
    rows = [
        Row(run, study.name(run), tuple(_cell(study, run, it, found.get(it), best[it]) for it in datasets))
        for run, found in values.items()
    ]
    rows += [Row(run, study.name(run), (), failure) for run, failure in without_results(study)]
    return Answer(
        study.template.label(metric),
        {"lower": "lower is better", "higher": "higher is better"}.get(study.better(metric) or "", ""),
        datasets,
        tuple(sorted(rows, key=lambda row: row.run)),
        _sentence(study),
        _best_marked(best) + _meaning(study),
    )


def without_results(study: Study) -> list[tuple[int, str]]:
    """(run, why it has no results) of every run that was tried and has none."""
    state, measured = study.state, study.results.metrics
    tried = {attempt.run for attempt in state.attempts} | set(state.given_up)
    if state.process and state.process.run >= 0:
        tried.add(state.process.run)
    if not state.setup:
        tried = {int(it.name[4:]) for it in study.folder.root.glob("run_*") if it.is_dir() and it.name[4:].isdecimal()}
    said = []
    for run in sorted(tried - set(measured)):
        if state.process is not None and state.process.run == run:
            said.append((run, "running" if study.standing == "running" else "cut short"))
        else:
            said.append((run, state.fates.get(run, "no results")))
    return said


def interval(it: Comparison) -> str:
    """The 95% interval of a difference, "" where nothing was tested."""
    return (
        f"[{signed(_short(it.low))}, {signed(_short(it.high))}]" if it.low is not None and it.high is not None else ""
    )


def difference(it: Comparison) -> str:
    """A difference with its percentage, to four significant digits."""
    percent = f" ({it.percent:+.1f}%)" if it.percent else ""
    return signed(_short(it.difference)) + percent


def p_value(it: Comparison) -> str:
    """The corrected p value, "" where nothing was tested."""
    return probability(it.corrected) if it.corrected is not None else ""


def _short(value: float | None) -> float:
    return float(f"{value or 0.0:.4g}")


def _best(study: Study, values: dict[int, dict[str, Measurement]], dataset: str) -> float | None:
    """The best mean of a dataset; None where no direction is better, or all are the same."""
    means = {found[dataset].mean for found in values.values() if dataset in found}
    better = study.better(study.primary)
    if better is None or len(means) < 2:
        return None
    return min(means) if better == "lower" else max(means)


def _best_marked(best: dict[str, float | None]) -> str:
    return "★ best mean of the dataset. " if any(it is not None for it in best.values()) else ""


def _cell(study: Study, run: int, dataset: str, it: Measurement | None, best: float | None) -> Cell | None:
    if it is None:
        return None
    found = study.comparisons.get((run, dataset, study.primary))
    seeds = f"{len(it.values)} seeds" if it.values else "seeds not given"
    detail = [seeds] if found is None else [f"{difference(found)} against the baseline"]
    if found and interval(found):
        detail += [f"95% interval {interval(found)}", f"p = {p_value(found)}", seeds]
    verdict = found.verdict if found else ""
    change = f"{found.percent:+.1f}%" if found and found.percent else ""
    return Cell(uncertain(it.mean, it.stderr), it.mean, change, verdict, ", ".join(detail), it.mean == best)


def _sentence(study: Study) -> str:
    """How many runs there are, and what the comparisons of the primary metric say."""
    runs = [run for run in study.results.metrics if run]
    fates = Counter(study.state.fates.values())
    said = f"{len(runs)} {'run' if len(runs) == 1 else 'runs'} measured"
    said += "".join(f", {number} {fate}" for fate, number in sorted(fates.items()))
    found = [it for (_, _, metric), it in study.comparisons.items() if metric == study.primary]
    verdicts = Counter(it.verdict for it in found)
    few = f" {of_few_seeds(found)}".rstrip()
    if not verdicts:
        return said + "."
    if len(verdicts) == 1:
        verdict = next(iter(verdicts))
        return f"{said}. {verdicts.total()} comparisons with the baseline, the verdict of all: {verdict}.{few}"
    counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return f"{said}. Of {verdicts.total()} comparisons with the baseline: {counted}.{few}"


def _meaning(study: Study) -> str:
    if not study.comparisons:
        return f"Mean ± standard error over the seeds{'' if 0 in study.results.metrics else '; there is no baseline'}."
    test = "t test paired by seed" if study.template.paired else "Welch's t test"
    untested = any(it.verdict == UNTESTED for it in study.comparisons.values())
    said = f" {UNTESTED[0].upper()}{UNTESTED[1:]}: fewer than {MIN_SEEDS} seeds, or seeds that change nothing."
    return (
        f"Mean ± standard error over the seeds. Verdicts against the baseline by {test} at {SIGNIFICANCE:.0%}, "
        f"Holm-corrected over all {sum(it.p is not None for it in study.comparisons.values())} tests of the study."
        f"{said if untested else ''}"
    )


def best_result(study: Study) -> tuple[str, float | None, str]:
    """(in words, effect, verdict) of the best run against the baseline on any dataset, by the primary metric.

    The effect is Hedges' g, above 0 in the better direction. Verdicts of better come first, then the largest effect; a
    difference where no seed varies has none, and comes before all. A percentage would not do: near 0 it is large for
    nothing. "" where there is nothing to compare.
    """
    better = study.better(study.primary)
    sign = -1 if better == "lower" else 1
    found = [
        (it.verdict == "better", _strength(it, sign), sign * it.difference, run, dataset, it)
        for (run, dataset, metric), it in study.comparisons.items()
        if metric == study.primary
    ]
    if not found or better is None:
        return "", None, ""
    *_, run, dataset, it = max(found, key=lambda entry: entry[:3])
    effect = None if it.effect is None else sign * it.effect
    name = study.name(run) or f"run {run}"
    mean = study.results.metrics[run][dataset][study.primary].mean
    before = study.results.metrics[0][dataset][study.primary].mean
    return f"{name}, {dataset}: {number(_short(mean))} from {number(_short(before))}", effect, it.verdict


def _strength(it: Comparison, sign: int) -> float:
    if it.effect is not None:
        return sign * it.effect
    return sign * math.copysign(math.inf, it.difference) if it.p == 0 else 0.0
