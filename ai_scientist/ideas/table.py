"""A template's ideas for people (a table, plain lines where there is no terminal) and for programs (JSON)."""

import json
from typing import TextIO

from ai_scientist.idea import Idea
from ai_scientist.ideas.plain import one_line

_HEADINGS = ("idea", "int.", "feas.", "nov.", "literature", "title")


def show(ideas: tuple[Idea, ...], out: TextIO) -> None:
    """The ideas with their ratings, the verdict of a novelty check, if any, and their titles."""
    rows = [_row(idea) for idea in ideas]
    if out.isatty():
        _show_table(rows, out)
        return
    for row in [_HEADINGS, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, _widths(rows), strict=False)]
        out.write("  ".join([*cells, row[-1]]) + "\n")


def as_json(ideas: tuple[Idea, ...]) -> str:
    """All that the file says of them."""
    return json.dumps([idea.as_json() for idea in ideas], indent=1, ensure_ascii=False) + "\n"


def _show_table(rows: list[tuple[str, ...]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading, width in zip(_HEADINGS[:-1], _widths(rows), strict=True):
        table.add_column(heading, min_width=width)  # a name is there to be copied whole
    for name, *others, title in rows:
        table.add_row(Text.assemble(name, "\n", (title, "dim")), *map(Text, others))
    Console(file=out).print(table)


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """Of every column but the last one, the title's."""
    return [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(len(_HEADINGS) - 1)]


def _row(idea: Idea) -> tuple[str, ...]:
    check = idea.more.get("novelty_check")
    verdict = check.get("verdict") if isinstance(check, dict) else None
    ratings = [str(rating) if rating else "-" for rating in (idea.interestingness, idea.feasibility, idea.novelty)]
    found = one_line(verdict, 20) if isinstance(verdict, str) else "-"
    return idea.name, *ratings, found, one_line(idea.title, 200)
