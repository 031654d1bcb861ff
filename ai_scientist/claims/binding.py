"""From sentences to assertions: which run, dataset and metric each part of a sentence speaks of, against which run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.roles import Given, roles
from ai_scientist.claims.tokens import Token, tokens
from ai_scientist.claims.vocabulary import Vocabulary

Way = Literal[
    "up", "down", "better", "worse", "faster", "slower", "same", "not better", "not worse", "not up", "not down"
]
_NEGATED: dict[str, Way] = {
    "up": "not up",
    "down": "not down",
    "better": "not better",
    "worse": "not worse",
    "faster": "not better",
    "slower": "not worse",
}
_WEAK = re.compile(r"grok|converg|generali", re.IGNORECASE)
_FIRM = re.compile(r"speed|time|steps|delay", re.IGNORECASE)
Meanings = tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """What a part of a sentence speaks of. `certain`: it says for which datasets; `every`: against each reference."""

    runs: tuple[int, ...] = ()
    datasets: tuple[str, ...] = ()
    metrics: tuple[Meanings, ...] = ()
    references: tuple[int, ...] = ()
    certain: bool = False
    every: bool = False
    inherited: bool = False


@dataclass(frozen=True)
class Assertion:
    """One thing that is said of a run, dataset and metric; `metrics` are the meanings that its word can have.

    `references` are the runs that it is compared with, empty where none is named; `loose`: those of a heading above,
    any of which may be meant; `carried`: runs that the section compared with before. `certain` is False where no dataset is named: it may hold for some only.
    """

    sentence: Sentence
    run: int
    dataset: str
    metrics: Meanings
    references: tuple[int, ...]
    way: Way | None
    given: Given | None = None
    certain: bool = True
    loose: bool = False
    carried: tuple[int, ...] = ()


class Binder:
    """Turns sentences into assertions, with the words of one study."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words = vocabulary
        self._names = vocabulary.run_patterns()
        self._measured = tuple(sorted(vocabulary.results.metrics))
        self._carried: tuple[int | None, tuple[int, ...]] = (None, ())

    def assertions(self, sentence: Sentence) -> list[Assertion]:
        """Everything that a sentence asserts and that can be checked."""
        if sentence.text.rstrip().endswith("?"):
            return []
        found = self._tokens(sentence.text)
        clauses = _clauses(found)
        scope = self._outer(sentence, found)
        carried = self._carry(sentence, found)
        result: list[Assertion] = []
        for index, clause in enumerate(clauses):
            later = [token for other in clauses[index + 1 :] for token in other]
            scope = self._scope(clause, later, scope)
            if any(token.kind == "maybe" for token in clause):
                continue
            result += [replace(it, carried=carried) for it in self._clause(sentence, clause, scope)]
        return result

    def _carry(self, sentence: Sentence, found: list[Token]) -> tuple[int, ...]:
        """The runs that this section has compared with so far: a sentence that names none may mean one of them."""
        section, runs = self._carried
        runs = runs if section == sentence.run else ()
        _, references = _runs_of(found)
        runs = tuple(dict.fromkeys((*runs, *references)))
        self._carried = (sentence.run, runs)
        return tuple(run for run in runs if run != sentence.run)

    def _tokens(self, text: str) -> list[Token]:
        return tokens(text, self._words, self._names)

    def _outer(self, sentence: Sentence, found: list[Token]) -> Scope:
        """What the section and the headings above say, and the run that the sentence is about as a whole."""
        scope = Scope((sentence.run,) if sentence.run is not None else ())
        for text in sentence.context:
            group = self._tokens(text)
            subjects, references = _runs_of(group)
            datasets, every = _datasets_of(group, self._words.datasets)
            about = subjects and subjects != (0,) and (sentence.run is None or len(text.split()) <= 6)
            scope = Scope(
                subjects if about else scope.runs,
                datasets or scope.datasets,
                _metrics_of(group) or scope.metrics,
                references or self._earlier(group, scope.runs) or scope.references,
                bool(datasets) or scope.certain,
                every or scope.every,
                True,
            )
        subjects, _ = _runs_of(found)
        if subjects and not scope.runs:
            scope = replace(scope, runs=subjects[:1])
        return scope

    def _earlier(self, group: Iterable[Token], runs: tuple[int, ...]) -> tuple[int, ...]:
        """The runs that "the previous run(s)" means."""
        said = next((token.text.lower() for token in group if token.kind == "previous"), None)
        if said is None or not runs:
            return ()
        if "other" in said:
            return tuple(run for run in self._measured if run not in runs)
        before = tuple(run for run in self._measured if run < min(runs))
        return (
            before
            if re.search(
                r"all|both|every|any|(?:run|attempt|experiment|approache|result|method|variant|model|schedule)s$", said
            )
            else before[-1:]
        )

    def _scope(self, clause: list[Token], later: list[Token], outer: Scope) -> Scope:
        subjects, references = _runs_of(clause)
        datasets, _ = _datasets_of(clause, self._words.datasets)
        runs = subjects or outer.runs
        own = references or self._earlier(clause, runs)
        ahead = own or _runs_of(later)[1] or self._earlier(later, runs)
        named = ahead or outer.references
        previous = [token.text.lower() for token in clause if token.kind == "previous"]
        return Scope(
            runs,
            datasets or outer.datasets,
            _metrics_of(clause) or outer.metrics,
            tuple(run for run in named if run not in runs),
            bool(datasets) or outer.certain,
            not previous or any(re.match("all|both|every|any|each", it) for it in previous),
            not ahead and outer.inherited,
        )

    def _clause(self, sentence: Sentence, clause: list[Token], scope: Scope) -> list[Assertion]:
        goes = [token for token in clause if token.kind == "go"]
        given = roles(sentence.text, clause)
        way = _way(clause, goes[0]) if goes else _ratio_way(clause)
        metrics = scope.metrics
        if way not in ("faster", "slower") and not _in_steps(sentence.text, given):
            metrics = tuple(it for it in metrics if not _is_weak(it, clause))
        if not _metrics_of(clause) and way in ("faster", "slower") and not _speedy(metrics, self._words):
            metrics = self._speeds()
        if not scope.runs or not metrics or (way is None and not given):
            return []
        if way in ("up", "down") and not _metrics_of(clause) and not given and not _has_subject(clause, scope):
            return []
        return list(self._placed(sentence, clause, replace(scope, metrics=metrics), way, given))

    def _speeds(self) -> tuple[Meanings, ...]:
        steps = tuple(name for name in self._words.metrics if self._words.kind(name) == "step")
        return (steps,) if steps else ()

    def _placed(
        self, sentence: Sentence, clause: list[Token], scope: Scope, way: Way | None, given: list[Given]
    ) -> Iterable[Assertion]:
        datasets = scope.datasets or self._words.datasets
        certain = scope.certain or len(self._words.datasets) == 1
        named = [token for token in clause if token.kind == "dataset"]
        by_dataset = _assign(sentence.text, given, [(it, it.value[0]) for it in named], list(scope.datasets))
        by_metric = _assign(
            sentence.text, given, [(it, it.value) for it in clause if it.kind == "metric"], list(scope.metrics)
        )
        subjects = [(it, it.value[0]) for it in clause if it.kind == "run" and it.value[0] in scope.runs]
        by_run = _assign(sentence.text, given, subjects, list(scope.runs))
        for run in scope.runs:
            for meanings in scope.metrics:
                for dataset in datasets:
                    plain = Assertion(
                        sentence,
                        run,
                        dataset,
                        meanings,
                        scope.references,
                        way,
                        None,
                        certain,
                        scope.inherited or not scope.every,
                    )
                    own = [
                        it
                        for it in given
                        if _is_of(by_dataset, it, dataset)
                        and _is_of(by_metric, it, meanings)
                        and _is_of(by_run, it, run)
                    ]
                    own = [
                        it
                        for it in own
                        if not it.runs
                        or it.kind != "value"
                        or run in it.runs
                        or not set(it.runs) <= set(self._measured)
                    ]
                    foreign = [it for it in given if it.kind == "value" and it.runs and run not in it.runs]
                    for it in own:
                        references = it.references or plain.references
                        loose = not it.references and (plain.loose or it.kind == "pair")
                        way_here = _own_way(clause, it, way)
                        yield replace(plain, given=it, references=references, way=way_here, loose=loose)
                    for it in foreign:
                        if _is_of(by_dataset, it, dataset) and _is_of(by_metric, it, meanings) and run == scope.runs[0]:
                            yield from (
                                replace(plain, run=other, given=it, references=(), way=None) for other in it.runs
                            )
                    if not own and way is not None and not (given and _taken(by_dataset, dataset)):
                        yield plain


def _assign(text: str, given: list[Given], named: list[tuple[Token, object]], scope: list[object]) -> dict[int, object]:
    """Number -> the dataset, metric or run that it stands beside; numbers that are said of all are not in it."""
    if len({value for _, value in named}) < 2:
        if len(scope) >= 2 and len(given) == len(scope) and not named:
            return {it.start: value for it, value in zip(given, scope, strict=True)}
        return {}
    found: dict[int, object] = {}
    for it in given:
        after = next((pair for pair in named if pair[0].start >= it.end), None)
        joins = after and re.fullmatch(
            r"[^,;]{0,22}?\b(?:on|for|in|of|with)\s+(?:the\s+)?['\"`]?", text[it.end : after[0].start]
        )
        before = [pair for pair in named if pair[0].end <= it.start]
        if after and joins:
            found[it.start] = after[1]
        elif before:
            found[it.start] = before[-1][1]
        elif after:
            found[it.start] = after[1]
    order = list(dict.fromkeys(value for _, value in named))
    last_named, first_number = max(pair[0].end for pair in named), min((it.start for it in given), default=0)
    apart = last_named <= first_number or all(it.end <= named[0][0].start for it in given)
    if apart and len(given) == len(order):
        return {it.start: value for it, value in zip(given, order, strict=True)}
    if apart and len(given) % len(order) == 0 and len(given) > len(order):
        return {it.start: order[index % len(order)] for index, it in enumerate(given)}
    if apart and len(given) == 1:
        adjacent = text[last_named:first_number]
        return {} if not re.fullmatch(r"\s*\(?", adjacent) or "(" not in adjacent else found
    return found


def _is_of(assigned: dict[int, object], it: Given, value: object) -> bool:
    return it.start not in assigned or assigned[it.start] == value


def _taken(assigned: dict[int, object], value: object) -> bool:
    return value in assigned.values()


def _own_way(clause: Sequence[Token], it: Given, way: Way | None) -> Way | None:
    """The direction that stands beside a number, "(9.9% decrease)", before that of the clause."""
    if it.kind not in ("percent", "difference", "ratio"):
        return way
    for token in clause:
        if token.kind == "go" and token.value != "same" and 0 <= token.start - it.end <= 3:
            return token.value  # type: ignore[no-any-return]
    if it.number.signed and way in (None, "better", "worse"):
        return "down" if it.number.value < 0 else "up"
    return way


def _clauses(found: list[Token]) -> list[list[Token]]:
    """Parts of a sentence with at most one direction each; what stands in brackets stays with what is before it."""
    depth, outside = 0, []
    for token in found:
        depth += (token.kind == "open") - (token.kind == "close")
        outside.append(depth <= 0 and token.kind != "close")
    goes = [i for i, token in enumerate(found) if token.kind in ("go", "ratio") and outside[i]]
    cuts: list[int] = []
    for left, right in pairwise(goes):
        between = [i for i in range(left + 1, right) if found[i].kind == "split" and outside[i]]
        strong = [i for i in between if found[i].value]
        if between and not _one_phrase(found, left, right):
            cuts.append((strong or between)[-1])
    for i, token in enumerate(found):
        if token.kind == "split" and outside[i] and token.value and i not in cuts and _own_statement(found, i):
            cuts.append(i)
    edges = [0, *(cut + 1 for cut in sorted(cuts)), len(found)]
    return [found[a:b] for a, b in pairwise(edges) if b > a]


def _one_phrase(found: list[Token], left: int, right: int) -> bool:
    """ "improved from A to B, a 9% decrease": the second direction belongs to a number of the first."""
    between = found[left + 1 : right]
    kinds = [token.kind for token in between]
    return (
        "metric" not in kinds
        and "dataset" not in kinds
        and bool(between)
        and between[-1].kind == "number"
        and "number" in kinds[:-1]
    )


def _own_statement(found: list[Token], cut: int) -> bool:
    """Whether both sides of a strong separator give numbers to something that they name."""
    before, after = found[:cut], found[cut + 1 :]
    sides = [{token.kind for token in side} for side in (before, after)]
    return (
        all("number" in kinds and kinds & {"metric", "dataset", "run"} for kinds in sides)
        and found[cut].text.strip(" ,") != "with"
    )


def _way(clause: list[Token], go: Token) -> Way:
    negated = any(token.kind == "not" and token.start < go.start and go.start - token.end < 30 for token in clause)
    if negated and go.value != "same":
        return _NEGATED[go.value]
    return go.value  # type: ignore[no-any-return]


def _ratio_way(clause: list[Token]) -> Way | None:
    ratio = next((token for token in clause if token.kind == "ratio"), None)
    if ratio is None:
        return None
    return "down" if ratio.value == "0.5" else "up"


def _runs_of(group: Sequence[Token]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(runs that something is said of, runs that they are compared with)."""
    subjects: list[int] = []
    references: list[int] = []
    comparing = inside = False
    for index, token in enumerate(group):
        last = group[index - 1] if index else None
        inside = token.kind == "open" or (inside and token.kind != "close")
        if token.kind == "than":
            comparing = True
        elif token.kind == "run":
            beaten = last is not None and last.kind == "go" and last.value in ("better", "worse", "same")
            numbered = last is not None and last.kind == "number"
            tagged = inside and any(it.kind == "number" for it in group[:index])
            if comparing or beaten:
                references.extend(token.value)
            elif not (numbered or tagged):
                subjects.extend(token.value)
        elif token.kind in ("go", "metric") or (
            token.kind == "split" and token.text.strip(" ,") not in ("and", "", "or")
        ):
            comparing = False
    if 0 in subjects and len(subjects) > 1 and not references:
        subjects = [run for run in subjects if run]
        references = [0]
    elif subjects == [0] and not references and any(token.kind == "go" for token in group):
        first = next(token for token in group if token.kind == "run" and 0 in token.value)
        if any(token.kind == "go" and token.start < first.start for token in group):
            return (), (0,)
    return tuple(dict.fromkeys(subjects)), tuple(dict.fromkeys(references))


def _datasets_of(group: Sequence[Token], known: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """(datasets that are named, or all where it says so; whether it says so)."""
    excluded: list[str] = []
    named: list[str] = []
    leaving_out = False
    for token in group:
        if token.kind == "except":
            leaving_out = True
        elif token.kind == "dataset":
            (excluded if leaving_out else named).extend(token.value)
        elif token.kind in ("go", "metric"):
            leaving_out = False
    if excluded and not named:
        return tuple(name for name in known if name not in excluded), True
    if named:
        return tuple(dict.fromkeys(named)), False
    said = [token.text.lower() for token in group if token.kind == "all"]
    whole = [
        it for it in said if not re.search(r"other|remaining", it) and (not it.startswith("both") or len(known) == 2)
    ]
    return (known, True) if whole else ((), False)


def _metrics_of(group: Iterable[Token]) -> tuple[Meanings, ...]:
    return tuple(dict.fromkeys(token.value for token in group if token.kind == "metric"))


def _in_steps(text: str, given: Iterable[Given]) -> bool:
    return any(re.match(r"\s*(?:\w+ )?(?:steps|updates|iterations)", text[it.end :]) for it in given)


def _is_weak(meanings: Meanings, clause: Iterable[Token]) -> bool:
    texts = [token.text for token in clause if token.kind == "metric" and token.value == meanings]
    return bool(texts) and all(_WEAK.search(text) and not _FIRM.search(text) for text in texts)


def _speedy(metrics: tuple[Meanings, ...], words: Vocabulary) -> bool:
    return any(words.kind(name) != "other" for meanings in metrics for name in meanings)


def _has_subject(clause: Iterable[Token], scope: Scope) -> bool:
    """Whether a direction without a metric of its own can be about the metric that was named before."""
    return bool(scope.metrics) and any(token.kind in ("dataset", "run", "all", "than") for token in clause)
