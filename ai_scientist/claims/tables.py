"""Tables: their rows and columns name runs, datasets and metrics in any arrangement; some columns are changes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.cells import Names, is_change, names, number_in
from ai_scientist.claims.given import Given, Old
from ai_scientist.claims.numbers import numbers
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.subject import fitting
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_RULE = re.compile(r":?-{1,80}:?|")


@dataclass(frozen=True)
class _Cell:
    """A number in a table with what it is of; `row` is the place of its row, `said` the row as a sentence."""

    said: Sentence
    row: int
    column: int
    of: Names
    it: Given


def from_table(sentence: Sentence, words: Vocabulary) -> Iterator[Assertion]:
    """What the cells of a table claim: its rows and columns name datasets, metrics or runs; the rest is around it."""
    cells = _measured(_cells(sentence, words), words)
    changes = [cell for cell in cells if is_change(cell.it, cell.of, words)]
    values = [cell for cell in cells if cell not in changes]
    above = [run for text in sentence.context for run in _all_runs(text, words)]
    found: list[Assertion] = []
    used: list[_Cell] = []
    for cell in changes:
        beside = _beside(cell, values)
        pair = _pair(cell, beside, above)
        if pair is not None and cell.of.dataset and cell.of.metric:
            found.append(_change(cell, beside, *pair))
            used += beside if len(beside) == 2 else ()
    found += [
        _value(it) for it in values if it not in used and it.of.run is not None and it.of.dataset and it.of.metric
    ]
    yield from sorted(found, key=lambda it: it.sentence.line)


def _cells(sentence: Sentence, words: Vocabulary) -> Iterator[_Cell]:
    """Every number with what its row, its column, and the lines above the table name."""
    lines = sentence.text.splitlines()
    rows = [(at, row) for at, row in enumerate(sentence.table) if not all(_RULE.fullmatch(cell) for cell in row)]
    if not rows:
        return
    head = rows[0][1]
    around = Names(run=sentence.run)
    for text in sentence.context:
        around = replace(names(text, words), before=None).over(around)
    around = names(head[0], words).over(around)
    columns = _inherited([names(cell, words, is_head=True) for cell in head])
    firsts = [names(row[0], words, is_head=True, is_run=_counts_runs(head[0])) for _, row in rows[1:]]
    first = Names()
    for (at, row), own in zip(rows[1:], firsts, strict=True):
        first = own if row[0] else first
        if own.foreign or (row[0] and not (own.any or own.change) and any(it.any for it in firsts)):
            continue
        beside = first.over(around)
        said = replace(sentence, line=sentence.line + at, text=lines[at].strip())
        for column, cell in enumerate(row[: len(columns)]):
            named = names(cell, words, is_run=_counts_runs(head[column]))
            if named.any and (column == 0 or named.run is not None or not numbers(cell)):
                beside = named.over(beside)
            elif column and not columns[column].foreign and (it := number_in(cell, words)) is not None:
                yield _Cell(said, at, column, columns[column].over(beside), it)


def _inherited(columns: Sequence[Names]) -> list[Names]:
    """ "steps | vs. baseline": a change that does not say of what is of that of the column before."""
    result: list[Names] = []
    for column in columns:
        last = result[-1] if result and column.change else Names()
        result.append(
            replace(column, metric=column.metric or last.metric, dataset=column.dataset or last.dataset)
            if column.change
            else column
        )
    return result


def _measured(cells: Iterator[_Cell], words: Vocabulary) -> list[_Cell]:
    """The cells; where no name tells the metric, that which alone fits most of them."""
    found = list(cells)
    if any(cell.of.metric for cell in found):
        return found
    votes: dict[Meanings, int] = {}
    for cell in found:
        if cell.of.run is not None and cell.of.dataset:
            meant = fitting(words, (_bare(cell.it),), (cell.of.run,), (cell.of.dataset,))
            for metrics in meant:
                votes[metrics] = votes.get(metrics, 0) + 1
    most = max(votes, key=lambda metrics: votes[metrics], default=None)
    if most is None or 2 * votes[most] <= len(found):
        return []
    return [replace(cell, of=replace(cell.of, metric=most)) for cell in found]


def _beside(change: _Cell, values: Sequence[_Cell]) -> list[_Cell]:
    """The values that a change may be of, in order, one a run: those of its row, else those above it in its column."""
    same = [it for it in values if (it.of.dataset, it.of.metric) == (change.of.dataset, change.of.metric)]
    row = [it for it in same if it.row == change.row and it.column < change.column]
    column = [it for it in same if it.row < change.row and it.column == change.column]
    found = row or column
    return list({it.of.run: it for it in found}.values())


def _pair(change: _Cell, beside: Sequence[_Cell], above: Sequence[int]) -> tuple[int, tuple[int, ...], bool] | None:
    """(run, those that it may be compared with, whether the first is meant for sure) of a change."""
    runs = [it.of.run for it in beside if it.of.run is not None]
    run, before = change.of.run, change.of.before
    if before is not None:
        run = run if run not in (None, before) else next((it for it in reversed(runs) if it != before), None)
        return None if run is None else (run, (before,), True)
    if len(runs) > 1:
        run, rest = runs[-1], runs[:-1]
        return run, tuple(dict.fromkeys((rest[-1] if len(rest) == 1 else rest[0], rest[-1]))), len(rest) == 1
    run = runs[0] if runs else run
    if not run:
        return None
    others = tuple(dict.fromkeys(it for it in above if it != run))
    return (run, others, True) if len(others) == 1 else (run, tuple(dict.fromkeys((0, run - 1))), False)


def _change(cell: _Cell, beside: Sequence[_Cell], run: int, references: tuple[int, ...], strict: bool) -> Assertion:
    """A change in a table as what its row says; with both values, where the table has just these two."""
    it, of = cell.it, cell.of
    if it.olds:
        given: tuple[Given, ...] = (replace(it, olds=tuple(replace(old, runs=()) for old in it.olds), runs=()),)
    else:
        number = replace(it.number, percent=it.number.percent or of.percent)
        kind = it.kind if it.kind == "ratio" else "change" if number.percent or number.points else "difference"
        given = (replace(it, kind=kind, number=number, way=_way(it, of), runs=()),)
    if len(beside) == 2:
        old, new = (beside[0], beside[1]) if beside[0].of.run in references else (beside[1], beside[0])
        given = (*given, replace(_bare(new.it), olds=(Old(old.it.number),)))
    return Assertion(cell.said, run, of.dataset or "", of.metric or (), references, strict, given=given)


def _value(cell: _Cell) -> Assertion:
    assert cell.of.run is not None
    return Assertion(cell.said, cell.of.run, cell.of.dataset or "", cell.of.metric or (), given=(_bare(cell.it),))


def _way(it: Given, of: Names) -> str | None:
    """Which way a change is said to go: none where it says 0, else by its sign, else by the column."""
    if it.number.value == 0 and it.kind != "ratio":
        return "same"
    signed = "down" if it.number.value < 0 else "up"
    return signed if it.number.signed and it.kind != "ratio" else it.way or of.way


def _bare(it: Given) -> Given:
    return replace(it, kind="value", runs=(), olds=(), way=None)


def _all_runs(text: str, words: Vocabulary) -> list[int]:
    of = names(text, words)
    return [run for run in (of.before, of.run) if run is not None]


def _counts_runs(title: str) -> bool:
    return bool(re.fullmatch(r"\W*(?:run|run no\.?|#|experiment|no\.?)\W*", title, re.IGNORECASE))
