"""Results that are not prose: dicts as Python prints them, and tables."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.given import Given
from ai_scientist.claims.numbers import numbers
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.roles import roles
from ai_scientist.claims.senses import tokens
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_DATASET = re.compile(r"['\"]([\w\- ]{1,80})['\"]\s{0,9}:\s{0,9}\{([^{}]*)")
_ENTRY = re.compile(r"['\"]([\w\- ]{1,80})['\"]\s{0,9}:\s{0,9}([+-]?\d[\w.+-]{0,40})")


def from_dict(sentence: Sentence, words: Vocabulary) -> tuple[list[Assertion], str]:
    """(what a dict form claims, the sentence without it)."""
    if sentence.run is None or "{" not in sentence.text:
        return [], sentence.text
    claims = []
    for match in _DATASET.finditer(sentence.text):
        for entry in _ENTRY.finditer(match[2]):
            metric = entry[1].removesuffix("_mean")
            found = numbers(entry[2])
            if found and match[1] in words.datasets and metric in words.metrics:
                claims.append(
                    Assertion(
                        sentence,
                        sentence.run,
                        match[1],
                        (metric,),
                        given=(Given(match.start(2) + entry.start(), found[0][2]),),
                    )
                )
    return claims, re.sub(r"\{.*\}?", " ", sentence.text, flags=re.DOTALL) if claims else sentence.text


@dataclass(frozen=True)
class _Names:
    """What a row or column names; `before`: the run that a column like "Run 0 → Run 3" goes from."""

    run: int | None = None
    dataset: str | None = None
    metric: Meanings | None = None
    change: bool = False
    before: int | None = None

    def over(self, other: "_Names") -> "_Names":
        """These names, and those of the other where there are none."""
        return _Names(
            other.run if self.run is None else self.run,
            self.dataset or other.dataset,
            self.metric or other.metric,
            self.change or other.change,
            other.before if self.before is None else self.before,
        )


def from_table(sentence: Sentence, words: Vocabulary) -> Iterator[Assertion]:
    """What the cells of a table claim: its rows and columns name datasets, metrics or runs; the rest is around it."""
    rows = [row for row in sentence.table if not all(re.fullmatch(r":?-{1,80}:?|", cell) for cell in row)]
    if not rows:
        return
    head, rows = rows[0], rows[1:]
    around = _Names(run=sentence.run)
    for text in sentence.context:
        around = _names(text, words).over(around)
    around = _names(head[0], words).over(around)
    columns = _with_metrics([_names(cell, words, is_head=True) for cell in head])
    for row in rows:
        beside = around
        for column, cell in enumerate(row[: len(columns)]):
            named = _names(cell, words, is_run=_counts_runs(head[column]))
            if named != _Names() and (column == 0 or named.run is not None or not numbers(cell)):
                beside = named.over(beside)
                continue
            yield from _cell(sentence, cell, columns[column].over(beside), words)


def _with_metrics(columns: list[_Names]) -> list[_Names]:
    """ "steps | vs. baseline": a change without a metric is of that of the column before."""
    result: list[_Names] = []
    for column in columns:
        last = result[-1].metric if result and column.change and not column.metric else None
        result.append(replace(column, metric=last) if last else column)
    return result


def _counts_runs(title: str) -> bool:
    return bool(re.fullmatch(r"\W*(?:run|run no\.?|#|experiment|no\.?)\W*", title, re.IGNORECASE))


def _cell(sentence: Sentence, cell: str, names: _Names, words: Vocabulary) -> Iterator[Assertion]:
    found = tokens(cell, words)
    given = roles(found)
    if names.run is None or not names.dataset or not names.metric or not given:
        return
    value = given[0]
    if value.olds:
        reference = (0 if names.before is None else names.before,)
        if names.run not in reference:
            pair = replace(value, olds=tuple(replace(old, runs=()) for old in value.olds), runs=())
            yield Assertion(sentence, names.run, names.dataset, names.metric, reference, given=(pair,))
        return
    only = (
        names.change or value.kind not in ("value",) or (value.number.percent and not _in_percent(names.metric, words))
    )
    negative = value.number.value < 0 and any(words.may_be_negative(name) for name in names.metric)
    if only or (value.number.signed and not negative):
        change = replace(
            value, kind="change" if value.number.percent or names.change else "difference", way=_sign(value)
        )
        if names.run:
            yield Assertion(sentence, names.run, names.dataset, names.metric, (0,), given=(change,))
        return
    yield Assertion(sentence, names.run, names.dataset, names.metric, given=(replace(value, runs=(), olds=()),))


def _in_percent(metric: Meanings, words: Vocabulary) -> bool:
    return any(words.is_fraction(name) or words.better(name) == "higher" for name in metric)


def _sign(it: Given) -> str | None:
    return ("down" if it.number.value < 0 else "up") if it.number.signed else it.way


def _names(text: str, words: Vocabulary, *, is_head: bool = False, is_run: bool = False) -> _Names:
    """What a cell or a line above names."""
    found = tokens(text, words)

    def first(*kinds: str) -> Token | None:
        return next((token for token in found if token.kind in kinds), None)

    run, dataset, metric = first("run"), first("dataset", "unknown"), first("metric", "measure")
    number = run.value[0] if run else None
    runs = [token for token in found if token.kind == "run"] if is_head and "arrow" in _kinds(found) else []
    before, number = (runs[0].value[0], runs[1].value[0]) if len(runs) == 2 else (None, number)
    if is_run and re.fullmatch(r"\W*\d{1,3}\W*", text):
        number = int(re.sub(r"\D", "", text))
    named = dataset.value[0] if dataset and dataset.kind == "dataset" else dataset.value if dataset else None
    if metric is None and is_head:
        metric = first("weak")
    if metric is None and is_head and any(token.text.lower() == "time" for token in found):
        metric = Token("metric", 0, 0, text, words.called("training")) if words.called("training") else None
    meant = metric.value if metric and metric.kind in ("metric", "weak") else (metric.value,) if metric else None
    change = (
        is_head
        and bool(re.search(r"\u0394|%|change|improve|vs|diff|reduc|relative", text, re.IGNORECASE))
        and not re.search(r"acc|99", text)
    )
    if change and number == 0:
        number = None  # "vs. baseline": the column is not of that run
    return _Names(number, named, meant, change, before)


def _kinds(found: Iterable[Token]) -> set[str]:
    return {token.kind for token in found}
