"""What the cells of a table name, and the numbers in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai_scientist.claims.given import Given
from ai_scientist.claims.lexicon import spoken
from ai_scientist.claims.roles import roles
from ai_scientist.claims.senses import tokens
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Meanings, Vocabulary

_CHANGE = re.compile(r"\u0394|\bdelta|change|improve|\bvs|diff|reduc|relative|gain|compared", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()]*better[^()]*\)", re.IGNORECASE)
_CONTENT = ("word", "setting", "number", "unit")


@dataclass(frozen=True)
class Names:
    """What a cell or a line above a table names.

    `before`: the run that is compared with; `change`: it is about how far something went; `way`: where it says which
    way; `percent`: its numbers are in percent; `foreign`: it speaks of something else than all this.
    """

    run: int | None = None
    dataset: str | None = None
    metric: Meanings | None = None
    before: int | None = None
    change: bool = False
    way: str | None = None
    percent: bool = False
    foreign: bool = False

    def over(self, other: "Names") -> "Names":
        """These names, and those of the other where there are none."""
        return Names(
            other.run if self.run is None else self.run,
            self.dataset or other.dataset,
            self.metric or other.metric,
            other.before if self.before is None else self.before,
            self.change or other.change,
            self.way or other.way,
            self.percent or other.percent,
        )

    @property
    def any(self) -> bool:
        """Whether it names a run, dataset or metric."""
        return self.run is not None or bool(self.dataset or self.metric)

    @property
    def is_whole(self) -> bool:
        """Whether it names all three."""
        return self.run is not None and bool(self.dataset and self.metric)


def names(text: str, words: Vocabulary, *, is_head: bool = False, is_run: bool = False) -> Names:
    """What a cell names, or a line above the table; `is_run`: a bare number is that of a run."""
    found = tokens(_ASIDE.sub("", text), words)
    run, before = _runs(found)
    if run is not None and before is None and any(it.kind == "word" for it in found):
        run = _called(text, words)
    if is_run and re.fullmatch(r"\W*\d{1,3}\W*", text):
        run = int(re.sub(r"\D", "", text))
    dataset, metric = _first(found, "dataset", "unknown"), _metric(found, text, words, is_head=is_head)
    named = dataset.value[0] if dataset and dataset.kind == "dataset" else dataset.value if dataset else None
    plain = _ASIDE.sub("", _without(text, found))
    go = next((str(it.value) for it in found if it.kind == "go" and it.value != "same"), None)
    percent = "%" in plain and not _in_percent(metric or (), words)
    change = is_head and (bool(_CHANGE.search(plain)) or go is not None or percent)
    if change and run == 0 and before is None:
        run, before = None, 0  # "baseline change": the column is not of that run
    known = Names(run, named, metric, before, change, go if change else None, "%" in plain)
    return replace(known, foreign=not (known.any or change) and any(it.kind in _CONTENT for it in found))


def number_in(cell: str, words: Vocabulary) -> Given | None:
    """The first number of a cell in its role."""
    given = roles(tokens(re.sub(r"(?<=\d)\*+|\*\*|__|`", "", cell), words))
    return given[0] if given else None


def is_change(it: Given, of: Names, words: Vocabulary) -> bool:
    """Whether a number in a cell is a change: by the cell's names, its sign, or a percent sign that no value has."""
    if of.change or it.olds or it.kind != "value" or (it.number.percent and not _in_percent(of.metric or (), words)):
        return True
    negative = it.number.value < 0 and any(words.may_be_negative(name) for name in of.metric or ())
    return it.number.signed and not negative


def _runs(found: Sequence[Token]) -> tuple[int | None, int | None]:
    """(run, the run that it is compared with): "Run 3 vs. Run 2", "Run 0 -> Run 3", "vs. baseline"."""
    places = [at for at, token in enumerate(found) if token.kind == "run"]
    if not places:
        return None, None
    kinds = [token.kind for token in found]
    first, last = found[places[0]].value[0], found[places[-1]].value[0]
    if "than" in kinds and kinds.index("than") < places[-1]:
        return (first if kinds.index("than") > places[0] else None), last
    return (last, first) if "arrow" in kinds and len(places) == 2 else (first, None)


def _called(text: str, words: Vocabulary) -> int | None:
    """The one run whose name has all words of a cell and fewest others: "Cosine + EMA" beside "Cosine"."""
    said = {word for word in spoken(text.lower()) if not word.isdigit()} - {"run"}
    labels = {run: set(spoken(label.lower())) for run, label in words.results.labels.items()}
    numbered = [run for run in labels if re.search(rf"\brun[ _]?{run}\b", text, re.IGNORECASE)]
    more = {run: len(label - said) for run, label in labels.items() if said <= label}
    least = [run for run, count in more.items() if count == min(more.values())]
    return numbered[0] if len(numbered) == 1 else least[0] if len(least) == 1 else None


def _metric(found: Sequence[Token], text: str, words: Vocabulary, *, is_head: bool) -> Meanings | None:
    metric = _first(found, "metric", "measure") or (_first(found, "weak") if is_head else None)
    if metric is None and is_head and any(token.text.lower() == "time" for token in found):
        return words.called("training") or None
    return metric if metric is None else metric.value if metric.kind != "measure" else (metric.value,)


def _first(found: Sequence[Token], *kinds: str) -> Token | None:
    return next((token for token in found if token.kind in kinds), None)


def _without(text: str, found: Sequence[Token]) -> str:
    """A text without its names of metrics, whose percent signs are no unit."""
    for token in reversed(found):
        if token.kind == "metric":
            text = text[: token.start] + text[token.end :]
    return text


def _in_percent(metric: Meanings, words: Vocabulary) -> bool:
    return any(words.is_fraction(name) or words.better(name) == "higher" for name in metric)
