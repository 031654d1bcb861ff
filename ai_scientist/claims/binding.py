"""From sentences to assertions: which run, dataset and metric each part of a sentence speaks of, against which run."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.clauses import Clause, clauses, outer
from ai_scientist.claims.directions import directed
from ai_scientist.claims.gate import are_interleaved, names_another
from ai_scientist.claims.given import Given
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.references import referring
from ai_scientist.claims.roles import roles
from ai_scientist.claims.scopes import Said, Scope, beneath, subjects, within
from ai_scientist.claims.senses import tokens
from ai_scientist.claims.sharing import (
    are_listed,
    by_part,
    in_order,
    is_of,
    metric_before,
    separate,
    shares,
    taken,
)
from ai_scientist.claims.subject import is_bound, is_counted, metrics_in, unnamed_in
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.vocabulary import Vocabulary
from ai_scientist.claims.wording import (
    as_change,
    compares_datasets,
    is_elliptic,
    is_linked,
    most_of,
    way_of,
)

_PRONOUN = re.compile(r"^(?:it|its|they|their|here|this)\b|\b(?:this|it) (?:is|was|represents|means)\b", re.IGNORECASE)
MAX_CHARACTERS = 4000
"""A longer sentence is no prose; it is passed over, so that no text takes long."""


class Binder:
    """Turns the sentences of one study's notes, in order, into assertions."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words = vocabulary
        self._measured = tuple(sorted(vocabulary.results.metrics))
        self._compared: tuple[int | None, tuple[Said, ...]] = (None, ())
        self._last = Scope()
        self._headings: dict[tuple[str, int | None], list[Token]] = {}

    def tokens(self, text: str, section: int | None) -> list[Token]:
        """The tokens of a text, with the runs that it compares with marked."""
        if len(text) > MAX_CHARACTERS:
            return []
        return referring(directed(tokens(text, self._words)), section)

    def _heading(self, text: str, section: int | None) -> list[Token]:
        """The tokens of a heading, which stands above many sentences."""
        if (text, section) not in self._headings:
            self._headings[text, section] = self.tokens(text, section)
        return self._headings[text, section]

    def assertions(self, sentence: Sentence) -> list[Assertion]:
        """Everything that a sentence asserts and that can be checked."""
        if sentence.text.rstrip().endswith("?"):
            return []
        found = self.tokens(sentence.text, sentence.run)
        return list(self._read(sentence, found))

    def _read(self, sentence: Sentence, found: list[Token]) -> Iterator[Assertion]:
        known = self._words.datasets
        given, parts = roles(found), clauses(found)
        scope = Scope(() if sentence.run is None else (sentence.run,))
        for text in sentence.context:
            scope = beneath(scope, self._heading(text, sentence.run), sentence.run, known)
        if _PRONOUN.search(sentence.text[:120]):
            scope = self._before(scope)
        way: str | None = None
        for at, clause in enumerate(parts):
            scope = within(scope, found, parts, at, sentence.run, known)
            goes_on = at > 0 and found[clause.begin - 1].value != "strong" and is_elliptic(found, clause)
            goes_on = goes_on and found[clause.begin].text.lower() != "where"
            way = way_of(found, clause) or (way if goes_on else None)
            own = [it for it in given if clause.begin <= it.index < clause.end]
            if not scope.metrics or any(token.kind == "weak" for token in clause.of(found)):
                metrics = metrics_in(self._words, found, clause, scope, way, own) or unnamed_in(
                    self._words, found, clause, scope, way, own
                )
                scope = replace(scope, metrics=metrics)
            yield from self._of_clause(sentence, found, clause, scope, way, own)
            named = tuple(old.runs for it in own for old in it.olds if old.runs not in ((), "unknown"))
            if named and not scope.references:
                scope = replace(scope, references=named, explicit=True)
        self._remember(sentence, found)

    def _before(self, scope: Scope) -> Scope:
        """The scope of a sentence that begins with "it" or "this": what the last one spoke of."""
        return replace(
            scope,
            runs=scope.runs or self._last.runs[:1],
            datasets=self._last.datasets or scope.datasets,
            metrics=self._last.metrics or scope.metrics,
            certain=bool(self._last.datasets) or scope.certain,
        )

    def _remember(self, sentence: Sentence, found: Sequence[Token]) -> None:
        """The runs that this section last compared with: a sentence that names none may mean them."""
        section, before = self._compared
        self._last = beneath(Scope(), found, None, self._words.datasets)
        named = tuple(token.value for token in found if token.kind == "reference")
        kept = before if section == sentence.run else ()
        self._compared = (sentence.run, named or kept)

    def _of_clause(
        self, sentence: Sentence, found: list[Token], clause: Clause, scope: Scope, way: str | None, given: list[Given]
    ) -> Iterator[Assertion]:
        inside = clause.of(found)
        if not inside or any(token.kind in ("some", "midway") for token in inside):
            return
        if compares_datasets(inside):
            way, scope = None, replace(scope, references=())
        most = most_of(inside)
        given = [it for it in given if not _is_excepted(found, clause, it)]
        given, unmeasured = self._apart(found, clause, given)
        yield from self._unmeasured(sentence, scope, unmeasured)
        metrics = separate(found, clause, metrics_in(self._words, found, clause, scope, way, given), given)
        counted = [
            it for it in given if it.kind == "value" and not it.olds and is_counted(self._words, inside, it, metrics)
        ]
        if counted:
            meant = self._words.of_kind("step")
            yield from self._placed(sentence, found, clause, replace(scope, metrics=(meant,)), None, None, counted)
            given = [it for it in given if it not in counted]
        given = [as_change(found, it) if way else it for it in given]
        given = [
            it for it in given if it.kind != "value" or it.olds or is_bound(self._words, found, clause, it, metrics)
        ]
        if not scope.runs or not metrics or (way is None and most is None and not given):
            return
        yield from self._placed(sentence, found, clause, replace(scope, metrics=metrics), way, most, given)

    def _apart(
        self, found: Sequence[Token], clause: Clause, given: list[Given]
    ) -> tuple[list[Given], list[tuple[str, Given]]]:
        """(numbers of what was measured, values of measures that no run has)."""
        theirs = []
        for it in given:
            _, token = metric_before(found, it, clause.begin)
            if it.kind == "value" and token is not None and token.kind == "measure" and is_linked(found, it):
                theirs.append((str(token.value), it))
        return [it for it in given if it not in [other for _, other in theirs]], theirs

    def _unmeasured(self, sentence: Sentence, scope: Scope, unmeasured: list[tuple[str, Given]]) -> Iterator[Assertion]:
        for name, it in unmeasured:
            for run in it.runs if isinstance(it.runs, tuple) and it.runs else scope.runs:
                for dataset in scope.datasets if scope.certain else ("",):
                    yield Assertion(sentence, run, dataset, (name,), given=(it,))

    def _placed(
        self,
        sentence: Sentence,
        found: list[Token],
        clause: Clause,
        scope: Scope,
        way: str | None,
        most: str | None,
        given: list[Given],
    ) -> Iterator[Assertion]:
        places = range(clause.begin, clause.end)
        named = [at for at in places if found[at].kind == "dataset"]
        more = {name for at in named for name in found[at].value} < set(scope.datasets)
        by_dataset = shares(found, given, named, some=more)
        if not named and scope.certain:
            by_dataset = in_order(given, scope.datasets)
        by_run = shares(found, [it for it in given if not it.runs], subjects(found, clause, sentence.run))
        by_metric = self._by_metric(found, clause, given) | by_part(given, scope.metrics)
        mixed = are_interleaved(clause.of(found)) or (most is not None and len(scope.runs) > 1)
        for run in scope.runs:
            for meanings in scope.metrics:
                for dataset in scope.datasets or self._words.datasets:
                    own = [
                        it
                        for it in given
                        if is_of(by_dataset, it, (dataset,))
                        and is_of(by_metric, it, meanings)
                        and is_of(by_run, it, (run,), within=True)
                    ]
                    others = [
                        it for it in given if it not in own and it.kind in ("value", "change", "difference", "ratio")
                    ]
                    elsewhere = taken(by_dataset, (dataset,)) and not more
                    apart = bool(others) and not own and (elsewhere or taken(by_metric, meanings))
                    certain = scope.certain or len(self._words.datasets) == 1
                    sure = not names_another(clause.of(found), run, self._words) and not mixed
                    said = None if _is_beside(found, clause, own, others) else way
                    plain = Assertion(
                        sentence, run, dataset, meanings, way=said, given=tuple(own), most=most,
                        certain=certain and not scope.part, part=scope.part, sure=sure,
                    )  # fmt: skip
                    yield from self._compared_with(plain, scope, apart)

    def _by_metric(
        self, found: Sequence[Token], clause: Clause, given: Sequence[Given]
    ) -> dict[int, tuple[object, ...]]:
        named = [at for at in range(clause.begin, clause.end) if found[at].kind == "metric"]
        shared = shares(found, given, named)
        if len({found[at].value for at in named}) < 2:
            return shared
        for it in given:
            said, token = metric_before(found, it, clause.begin)
            zipped = len(shared.get(it.index, ())) == 1 and are_listed(found, named)
            if it.kind == "value" and said == "metric" and token is not None and not zipped:
                shared[it.index] = (token.value,)
        return shared

    def _compared_with(self, plain: Assertion, scope: Scope, apart: bool) -> Iterator[Assertion]:
        """The assertion, once for every run that it is compared with; values of other runs as theirs."""
        foreign = [it for it in plain.given if it.kind == "value" and it.runs and not self._means(it.runs, plain.run)]
        own = tuple(it for it in plain.given if it not in foreign)
        for it in foreign:
            for run in self._resolved(it.runs, plain.run):
                yield replace(plain, run=run, given=(replace(it, olds=()),), way=None, most=None)
        plain = replace(plain, given=own)
        said = [old.runs for it in own for old in it.olds if old.runs] + [it.against for it in own if it.against]
        relative = any(it.kind != "value" or it.olds for it in own)
        if plain.way is None and not relative:
            if own or (plain.most and not foreign):
                yield plain
            return
        if apart and not own:
            return
        named = tuple(dict.fromkeys(run for it in (*scope.references, *said) for run in self._resolved(it, plain.run)))
        named = tuple(run for run in named if run != plain.run)
        unsaid = any(old.runs in ((), "unknown") for it in own for old in it.olds)
        if not named or (not scope.explicit and not said):
            section = () if plain.sentence.run in (None, plain.run) else (plain.sentence.run,)
            likely = dict.fromkeys(
                (*((0,) if unsaid and plain.run else ()), *named, *self._likely(plain.run, paired=unsaid), *section)
            )
            if likely:
                yield replace(plain, references=tuple(likely), strict=False)
            return
        if plain.way == "same" and "earlier" in scope.references:
            yield replace(plain, references=tuple(reversed(named)), strict=False)  # "comparable to previous runs"
            return
        for reference in named:
            yield replace(plain, references=(reference,), given=self._against(own, reference, plain.run))

    def _against(self, given: tuple[Given, ...], reference: int, run: int) -> tuple[Given, ...]:
        """The numbers that are said against one of several runs."""
        kept = (
            replace(it, olds=tuple(old for old in it.olds if self._is_old(old.runs, reference, run))) for it in given
        )
        return tuple(it for it in kept if (it.kind != "old" or it.olds) and self._is_old(it.against, reference, run))

    def _likely(self, run: int, *, paired: bool) -> tuple[int, ...]:
        """The runs that may be meant where none is named: the baseline, those of the section, the run before."""
        section, said = self._compared
        carried = [it for one in said for it in self._resolved(one, run)] if section is not None else []
        before = [it for it in reversed(self._measured) if it < run]
        likely = dict.fromkeys((0, *carried, *(before if paired else before[:1])))
        return tuple(it for it in likely if it != run and run)

    def _resolved(self, said: Said, run: int) -> tuple[int, ...]:
        if isinstance(said, tuple):
            return said
        before = tuple(it for it in self._measured if it < run)
        return {"previous": before[-1:], "earlier": before, "unknown": ()}.get(
            said, tuple(it for it in self._measured if it != run)
        )

    def _means(self, said: Said, run: int) -> bool:
        return said == "unknown" or run in self._resolved(said, run)

    def _is_old(self, said: Said, reference: int, run: int) -> bool:
        return not said or reference in self._resolved(said, run)


def _is_excepted(found: Sequence[Token], clause: Clause, it: Given) -> bool:
    """ "fell on a, but not on b, where it is 0.4": a number of what is left out."""
    before = found[clause.begin : it.index]
    at = next((place for place, token in enumerate(before) if token.kind == "except"), None)
    return at is not None and it.kind == "value" and any(token.kind == "dataset" for token in before[at:])


def _is_beside(found: Sequence[Token], clause: Clause, own: Sequence[Given], others: Sequence[Given]) -> bool:
    """ "a took 89 s (14% more) and b 82 s": the direction stands in brackets with a number of another dataset."""
    outside = outer(found)
    goes = [at for at in range(clause.begin, clause.end) if found[at].kind == "go"]
    if not goes or any(outside[at] for at in goes) or not own:
        return False
    return all(outside[it.index] for it in own) and any(not outside[it.index] for it in others)
