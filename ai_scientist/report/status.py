"""List all studies of a results folder: idea, state, best result against the baseline, cost, time, claims verified."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.errors import UsageError

if TYPE_CHECKING:
    from ai_scientist.report.index import Row

COLUMNS = ("study", "state", "runs", "best result against the baseline", "change", "cost", "time", "claims verified")
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

    change = f"{row.change_in_words} {row.verdict}".strip()
    cells = (row.folder, row.standing, str(row.runs), row.best, change, row.paid, row.took, row.claimed)
    return tuple(" ".join(clean(cell).split()) for cell in cells)


def _table(rows: "tuple[Row, ...]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in ("runs", "cost", "time") else "left", overflow="fold")
    for row in rows:
        study, standing, *others = _cells(row)
        table.add_row(Text(study), Text(standing, style=STYLES.get(standing, "")), *map(Text, others))
    Console(highlight=False).print(table)
