"""What is printed at the end: the table of the runs, where everything lies, and what it cost."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ai_scientist import plotting
from ai_scientist.compare import MIN_SEEDS, UNTESTED, of_few_seeds
from ai_scientist.console import wording
from ai_scientist.console.screens import clean
from ai_scientist.facts import Row, rows
from ai_scientist.prompts import uncertain
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.state import State
from ai_scientist.template import Template

# Columns that the run and its name take at least, and a dataset: "no evidence" and its borders.
ROOM_FOR_NAMES, ROOM_FOR_DATASET = 20, 14
COLOURS = {"better": "green", "worse": "red", "different": "yellow"}


def show(console: Console, folder: StudyFolder, state: State, template: Template, seconds: float) -> None:
    """The closing summary of a study, complete or not."""
    if state.baseline:
        console.print(*_tables(folder, state, template, console.width))
    plots = folder.plots()
    tables = folder.results_md if state.baseline else None
    places = {
        "report": folder.report if folder.report.is_file() else None,
        "notes": folder.notes,
        "tables": tables,
        "plots": folder.root / "*.png" if plots else None,
        "folder": folder.root,
    }
    for name, path in places.items():
        if path is not None:
            extra = f" ({len(plots)} files)" if name == "plots" else ""
            console.print(f"{name + ':':8}{_shown(path)}{extra}", soft_wrap=True, highlight=False, markup=False)
    turns = f"{len(state.turns)} turns, {len(state.attempts)} attempts, {wording.duration(seconds)}"
    console.print(f"cost:   {wording.spent(state.usage)}; {turns}", highlight=False)
    for remark in state.ended.remarks if state.ended else ():
        console.print(f"note:   {clean(remark)}", highlight=False, markup=False)
    if state.ended is None:
        resume = f"Everything done so far is kept. Go on with: {wording.to_resume(_shown(folder.root), state.setup)}"
        console.print(clean(resume), highlight=False, soft_wrap=True, markup=False)


def _tables(folder: StudyFolder, state: State, template: Template, width: int) -> list[Table]:
    """A row a run, a column a dataset: the primary metric, mean ± standard error, and the verdict against run 0.

    As many datasets stand beside each other as the width has room for.
    """
    by_run = {run: _primary(rows(state, template, run), template) for run in state.metrics}
    datasets = list(by_run[0])
    label = next(iter(by_run[0].values())).label if template.primary else "first metric of each dataset"
    names = {0: "Baseline"} | plotting.run_names(folder.plot)
    most = max(1, (width - ROOM_FOR_NAMES) // ROOM_FOR_DATASET)
    tables = []
    for start in range(0, len(datasets), most):
        table = Table(title_justify="left", caption_justify="left")
        table.add_column("run", justify="right")
        table.add_column("what", overflow="fold")
        shown = datasets[start : start + most]
        for dataset in shown:
            table.add_column(Text(clean(dataset)), justify="right", overflow="fold")
        for run, cells in by_run.items():
            values = [_cell(cells[dataset]) if dataset in cells else Text("-") for dataset in shown]
            table.add_row(str(run), Text(clean(names.get(run, ""))[:40]), *values)
        for run, fate in state.fates.items():
            table.add_row(str(run), Text(fate, style="red"))
        tables.append(table)
    tables[0].title, tables[-1].caption = Text(clean(label)), _meaning(by_run)
    return tables


def _meaning(by_run: Mapping[int, Mapping[str, Row]]) -> str:
    """How the table is to be read."""
    compared = [row.baseline for cells in by_run.values() for row in cells.values() if row.baseline]
    meaning = "mean ± standard error over the seeds; verdicts against the baseline: t test, 5%, Holm-corrected"
    if any(it.verdict == UNTESTED for it in compared):
        meaning += f'; "{UNTESTED}": fewer than {MIN_SEEDS} seeds, or seeds that change nothing'
    few = of_few_seeds(compared)
    return f"{meaning}\n{few}" if few else meaning


def _primary(measured: tuple[Row, ...], template: Template) -> dict[str, Row]:
    cells: dict[str, Row] = {}
    for row in measured:
        if not template.primary or row.metric == template.primary:
            cells.setdefault(row.dataset, row)
    return cells or {row.dataset: row for row in reversed(measured)}


def _cell(row: Row) -> Text:
    verdict = row.baseline.verdict if row.baseline else ""
    return Text(f"{uncertain(row.mean, row.stderr)}\n{verdict}".strip(), style=COLOURS.get(verdict, "default"))


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
