"""List all studies of a results folder: idea, state, best result against the baseline, cost, time, claims verified."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from ai_scientist.report.index import Row

ROOM = 130  # columns of a terminal that the table takes

COLUMNS = ("study", "state", "runs", "best result against the baseline", "effect", "cost", "time", "claims verified")
STYLES = {
    "complete": "green",
    "running": "cyan",
    "paused": "cyan",
    "incomplete": "yellow",
    "stopped": "yellow",
    "broken off": "red",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("--results-dir", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(given: argparse.Namespace) -> int:
    """0. Raises UsageError where there is no such folder."""
    from ai_scientist.report.index import index

    if not given.results_dir.is_dir():
        raise UsageError(f"--results-dir {given.results_dir}: there is no such folder")
    rows = index(given.results_dir)
    if given.json:
        sys.stdout.write(json.dumps({"studies": [row.as_json() for row in rows]}, indent=1) + "\n")
    elif not rows:
        sys.stdout.write(f"no study in {given.results_dir}\n")
    elif sys.stdout.isatty():
        _table(rows)
    else:
        sys.stdout.write("\n".join("\t".join(line) for line in (COLUMNS, *map(_cells, rows))) + "\n")
    return 0


def _cells(row: "Row") -> tuple[str, ...]:
    from ai_scientist.console.screens import clean

    effect = f"{row.effect_in_words} {row.verdict}".strip()
    cells = (row.folder, row.standing, str(row.runs), row.best, effect, row.paid, row.took, row.claimed)
    return tuple(" ".join(clean(cell).split()) for cell in cells)


def _table(rows: "tuple[Row, ...]") -> None:
    """A table where there is room for one, else a few lines a study."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if console.width < ROOM:
        for row in rows:
            console.print(*_lines(row), sep="\n", soft_wrap=True)
        return
    table = Table(show_edge=False, pad_edge=False)
    for name in COLUMNS:
        right, whole = name in ("runs", "cost", "time"), name in ("state", "cost", "time")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        study, standing, *others = _cells(row)
        table.add_row(Text(study), Text(standing, style=STYLES.get(standing, "")), *map(Text, others))
    console.print(table)


def _lines(row: "Row") -> "list[Text]":
    from rich.text import Text

    study, standing, runs, best, _, paid, took, claims = _cells(row)
    about = f", {runs} {'run' if runs == '1' else 'runs'}, {paid}, {took}"
    about += f", claims verified: {claims}" if claims else ""
    lines = [Text(study, style="bold"), Text("  ") + Text(standing, style=STYLES.get(standing, "")) + Text(about)]
    effect = f" (effect {row.effect_in_words})" if row.effect_in_words else ""
    return [*lines, Text(f"  best: {best}, {row.verdict}{effect}")] if best else lines
