"""The result tables of a study, `results.md` and `results.csv`: every run, dataset and metric against the baseline.

Written by the orchestrator from the journal: neither the agent nor a run has a part in them. Names of datasets, metrics
and runs come from model-written code, and cannot leave their cell.
"""

import csv
import io
import re
from collections.abc import Iterator

from ai_scientist import plotting
from ai_scientist.compare import MIN_SEEDS, UNTESTED
from ai_scientist.facts import Row, rows
from ai_scientist.files import write_text
from ai_scientist.prompts import signed, uncertain
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.state import State
from ai_scientist.template import Metric, Template

COLUMNS = (
    *("run", "name", "dataset", "metric", "mean", "stderr", "n"),
    *("difference", "percent", "low", "high", "p", "p_corrected", "effect", "verdict"),
)
_HEAD = "| run | name | dataset | mean ± standard error | n | difference | 95% interval | effect | verdict |"
MAX_NAME = 80


def write(folder: StudyFolder, state: State, template: Template) -> None:
    """Write both tables, each whole or not at all."""
    names = {0: "Baseline"} | plotting.run_names(folder.plot)
    measured = [row for run in sorted(state.metrics) for row in rows(state, template, run)]
    write_text(folder.results_csv, as_csv(measured, names))
    write_text(folder.results_md, as_markdown(measured, names, state, template))


def as_csv(measured: list[Row], names: dict[int, str]) -> str:
    """A line a row under COLUMNS, numbers in full; `difference` to `effect` are empty where nothing was compared."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in measured:
        it = row.baseline
        compared = (
            [it.difference, it.percent, it.low, it.high, it.p, it.corrected, it.effect, it.verdict] if it else [""] * 8
        )
        name, dataset, metric = map(_plain, (names.get(row.run, ""), row.dataset, row.metric))
        table.writerow([row.run, name, dataset, metric, row.mean, row.stderr, row.seeds or "", *compared])
    return text.getvalue()


def as_markdown(measured: list[Row], names: dict[int, str], state: State, template: Template) -> str:
    """A table a metric, the primary one first."""
    metrics = dict.fromkeys(row.metric for row in measured)
    ordered = sorted(metrics, key=lambda metric: metric != template.primary)
    return "\n".join([*_introduction(measured, state, template), *_sections(ordered, measured, names, template)])


def _introduction(measured: list[Row], state: State, template: Template) -> Iterator[str]:
    assert state.setup is not None
    tested = sum(row.baseline is not None and row.baseline.p is not None for row in measured)
    how = "Student's t test, paired by seed" if template.paired else "Welch's t test"
    yield f"# Results: {_cell(state.setup.idea.title)}\n"
    yield (
        f"Mean ± standard error over n seeds. Against the baseline (run 0): the difference with its 95% interval, the "
        f"effect size (Hedges' g), and a verdict by {how} at 5%, after Holm's correction over all {tested} comparisons "
        f'of the study. "{UNTESTED}": fewer than {MIN_SEEDS} seeds, or seeds that change nothing.\n'
    )
    for run, fate in state.fates.items():
        yield f"Run {run} {fate} and has no results.\n"


def _sections(metrics: list[str], measured: list[Row], names: dict[int, str], template: Template) -> Iterator[str]:
    for metric in metrics:
        about = template.metrics.get(metric, Metric())
        better = f" ({about.better} is better)" if about.better else ""
        label = f": {_cell(about.label)}" if about.label else ""
        yield f"## {_cell(metric)}{label}{better}\n"
        yield _HEAD
        yield "|" + "---|" * (_HEAD.count("|") - 1)
        for row in measured:
            if row.metric == metric:
                yield _line(row, names)
        yield ""


def _line(row: Row, names: dict[int, str]) -> str:
    it = row.baseline
    interval = f"{signed(it.low)} to {signed(it.high)}" if it and it.low is not None and it.high is not None else ""
    percent = f" ({it.percent:+.1f}%)" if it and it.percent is not None else ""
    cells = (
        str(row.run),
        _cell(names.get(row.run, "")),
        _cell(row.dataset),
        uncertain(row.mean, row.stderr),
        str(row.seeds or ""),
        f"{signed(it.difference)}{percent}" if it else "",
        interval,
        signed(round(it.effect, 2)) if it and it.effect is not None else "",
        it.verdict if it else "",
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Untrusted text as text of one Markdown cell: one line, no markup, nothing that a browser takes for HTML."""
    line = " ".join(text.split())[:MAX_NAME]
    return re.sub(r"([\\`*_\[\]<>|&#!])", r"\\\1", "".join(it for it in line if it.isprintable()))


def _plain(text: str) -> str:
    """Untrusted text for a cell that spreadsheets open: one line, and never a formula."""
    line = "".join(it for it in " ".join(text.split())[:MAX_NAME] if it.isprintable())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
