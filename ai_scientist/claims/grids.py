"""Results that are not prose: dicts as Python prints them, and tables."""

import re
from collections.abc import Iterator

from ai_scientist.claims.binding import Assertion
from ai_scientist.claims.numbers import Number, numbers
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.roles import Given
from ai_scientist.claims.vocabulary import Vocabulary

_DATASET = re.compile(r"['\"]([\w\- ]+)['\"]\s*:\s*\{([^{}]*)")
_ENTRY = re.compile(r"['\"]([\w\- ]+)['\"]\s*:\s*([+-]?\d[\w.+-]*)")


def from_dict(sentence: Sentence, words: Vocabulary) -> tuple[list[Assertion], str]:
    """(what a dict form claims, the sentence without it)."""
    if sentence.run is None or "{" not in sentence.text:
        return [], sentence.text
    claims = []
    for match in _DATASET.finditer(sentence.text):
        if match[1] not in words.datasets:
            continue
        for entry in _ENTRY.finditer(match[2]):
            metric = entry[1].removesuffix("_mean")
            found = numbers(entry[2])
            if found and metric in words.metrics:
                claims.append(_value(sentence, sentence.run, match[1], metric, found[0][2]))
    return claims, re.sub(r"\{.*\}?", " ", sentence.text, flags=re.DOTALL) if claims else sentence.text


def from_table(sentence: Sentence, words: Vocabulary) -> Iterator[Assertion]:
    """What the cells of a table claim: its rows and columns name datasets, metrics or runs; the rest is around it."""
    head, *rows = [row for row in sentence.table if not all(re.fullmatch(r":?-{1,}:?", cell) for cell in row)]
    context = [_names(text, words) for text in sentence.context]
    for row in rows:
        for column, cell in enumerate(row[: len(head)]):
            if column == 0 and len(row) > 1:
                continue
            found = numbers(cell)
            if not found or "%" in cell or cell.lstrip().startswith(("+", "-", "−")):
                continue
            run, dataset, metric = sentence.run, None, None
            leading = [
                _names(text, words) for text in row[:column] if not numbers(text) or _names(text, words)[0] is not None
            ]
            for names in (*context, *leading, _names(head[column], words)):
                run = names[0] if names[0] is not None else run
                dataset, metric = names[1] or dataset, names[2] or metric
            if run is not None and dataset and metric:
                yield _value(sentence, run, dataset, metric, found[0][2])


def _names(text: str, words: Vocabulary) -> tuple[int | None, str | None, str | None]:
    run = re.search(r"\brun[\s_]*(\d+)", text, re.IGNORECASE)
    number = int(run[1]) if run else 0 if re.search(r"\bbaseline\b", text, re.IGNORECASE) else None
    if number is None and re.fullmatch(r"\d{1,2}", text.strip()):
        number = int(text)
    if number is None:
        number = next((runs[0] for pattern, runs in words.run_patterns() if pattern.search(text)), None)
    dataset = next((names[0] for pattern, names in words.dataset_patterns if pattern.search(text)), None)
    meant = [(len(found[0]), names) for pattern, names in words.metric_patterns if (found := pattern.search(text))]
    metric = max(meant, key=lambda it: (it[0], -len(it[1])))[1][0] if meant else None
    return number, dataset, metric


def _value(sentence: Sentence, run: int, dataset: str, metric: str, number: Number) -> Assertion:
    return Assertion(sentence, run, dataset, (metric,), (), None, Given(0, 0, number))
