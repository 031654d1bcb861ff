"""From sentences to assertions: which run, dataset and metric each part of a sentence speaks of, against which run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.clauses import Clause, clauses
from ai_scientist.claims.comparisons import Comparisons
from ai_scientist.claims.definitions import defined, meaning
from ai_scientist.claims.directions import directed
from ai_scientist.claims.given import Given
from ai_scientist.claims.placing import Part, placed
from ai_scientist.claims.pronouns import CHANGE, PRONOUN, THERE, THESE
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.references import referring
from ai_scientist.claims.roles import roles
from ai_scientist.claims.scopes import Scope, beneath, within
from ai_scientist.claims.senses import tokens
from ai_scientist.claims.sharing import (
    metric_before,
    separate,
)
from ai_scientist.claims.subject import has_unit, is_bound, is_counted, metrics_in, unnamed_in
from ai_scientist.claims.tokens import Token
from ai_scientist.claims.units import in_unit
from ai_scientist.claims.vocabulary import Meanings, Vocabulary
from ai_scientist.claims.wording import (
    as_change,
    as_differences,
    as_excess,
    compares_datasets,
    is_elliptic,
    is_headless,
    is_linked,
    most_of,
    way_of,
)

MAX_CHARACTERS = 4000
"""A longer sentence is no prose; it is passed over, so that no text takes long."""


class Binder:
    """Turns the sentences of one study's notes, in order, into assertions."""

    def __init__(self, vocabulary: Vocabulary, sentences: Iterable[Sentence]) -> None:
        self._words = vocabulary
        self._last, self._block = Scope(), 0
        self._known: dict[tuple[str, int | None], list[Token]] = {}
        self._defined: dict[str, Meanings] = {}
        self._comparisons = Comparisons(tuple(sorted(vocabulary.results.metrics)))
        written = list(sentences)
        for it in written:
            self._defined |= defined(self.tokens(it.text, it.run))
        for it in written:
            self._comparisons.foresee(it.run, self.tokens(it.text, it.run))

    def tokens(self, text: str, section: int | None) -> list[Token]:
        """The tokens of a sentence or heading, with the runs that it compares with marked."""
        if len(text) > MAX_CHARACTERS:
            return []
        if (text, section) not in self._known:
            self._known[text, section] = referring(directed(tokens(self._words.parted(text), self._words)), section)
        return meaning(self._known[text, section], self._defined)

    def assertions(self, sentence: Sentence) -> list[Assertion]:
        """Everything that a sentence asserts and that can be checked."""
        if sentence.text.rstrip().endswith("?"):
            return []
        found = self.tokens(sentence.text, sentence.run)
        if sentence.title:
            self._remember(sentence, found)
            return []
        return [it for it in self._read(sentence, found) if it.most or not sentence.drawn]

    def _read(self, sentence: Sentence, found: list[Token]) -> Iterator[Assertion]:
        given, parts = roles(found), clauses(found)
        scope = self._around(sentence, found)
        way: str | None = None
        for at, clause in enumerate(parts):
            before, scope = scope, within(scope, found, parts, at, sentence.run, self._words.datasets)
            scope = _contrasted(before, scope, sentence.run)
            goes_on = at > 0 and found[clause.begin - 1].value != "strong" and is_elliptic(found, clause)
            goes_on = goes_on and found[clause.begin].text.lower() != "where"
            way = way_of(found, clause) or (way if goes_on and not (way or "").startswith("not ") else None)
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

    def _around(self, sentence: Sentence, found: list[Token]) -> Scope:
        """What a sentence speaks of before it names anything: its section, the headings, the sentence before."""
        scope = Scope(() if sentence.run is None else (sentence.run,))
        for text in sentence.context:
            scope = beneath(scope, self.tokens(text, sentence.run), sentence.run, self._words.datasets)
        there = THERE.search(sentence.text) is not None
        single = len(self._last.datasets) == 1 and there
        scope = replace(scope, part=scope.part or (there and not single))
        if single or (THESE.search(sentence.text) and self._last.datasets):
            scope = replace(scope, datasets=self._last.datasets, certain=True)
        if not scope.runs and len(self._last.runs) == 1 and is_headless(found):
            scope = replace(scope, runs=self._last.runs)
        if PRONOUN.search(sentence.text[:120]) and not sentence.drawn:
            scope = self._before(scope)
        elif self._continues(sentence, scope, found):
            scope = replace(scope, metrics=self._last.metrics)
        change = CHANGE.match(sentence.text[:80])
        if change and not any(token.kind == "metric" for token in found):
            scope = self._goes_on(scope, named=change[1] is not None)
        topic = self._comparisons.topic(sentence)
        if topic:
            scope = replace(scope, references=topic, explicit=not any(token.kind == "reference" for token in found))
        return scope

    def _continues(self, sentence: Sentence, scope: Scope, found: Sequence[Token]) -> bool:
        """ "The small dataset a also declined, from 0.4 to 0.3.": of the one metric of the sentence before."""
        kinds = {token.kind for token in found}
        near = self._block == sentence.block and not scope.metrics and len(self._last.metrics) == 1
        return near and {"dataset", "number"} <= kinds and not kinds & {"metric", "measure", "weak", "setting", "word"}

    def _before(self, scope: Scope) -> Scope:
        """The scope of a sentence that begins with "it" or "this": what the last one spoke of."""
        return replace(
            scope,
            runs=scope.runs or self._last.runs[:1],
            datasets=self._last.datasets or scope.datasets,
            metrics=self._last.metrics or scope.metrics,
            certain=bool(self._last.datasets) or scope.certain,
        )

    def _goes_on(self, scope: Scope, *, named: bool) -> Scope:
        """ "The increase is 5% on a": of the metric, and against the run, of the sentence before."""
        last = self._last
        single = len(last.references) == 1 and not named
        return replace(
            scope,
            metrics=last.metrics or scope.metrics,
            references=last.references if single else scope.references,
            explicit=single or scope.explicit,
        )

    def _remember(self, sentence: Sentence, found: Sequence[Token]) -> None:
        self._block = sentence.block
        runs = self._last.runs if is_headless(found) else ()
        self._last = beneath(Scope(runs), found, None, self._words.datasets)
        if not self._last.metrics and any(token.kind == "unit" and token.value == "step" for token in found):
            self._last = replace(self._last, metrics=tuple(filter(None, [self._words.of_kind("step")])))
        self._comparisons.remember(sentence, found)

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
            part = Part(sentence, found, clause, replace(scope, metrics=(meant,)))
            yield from self._placed(part, None, None, counted)
            given = [it for it in given if it not in counted]
        given = [in_unit(self._words, found, it, metrics) for it in given]
        given = as_differences(given) if way else given
        given = [as_change(found, it) if way else as_excess(found, it) for it in given]
        given = [
            it
            for it in given
            if ((it.olds or it.against) and has_unit(self._words, it, metrics))
            or it.kind not in ("value", "difference")
            or is_bound(self._words, found, clause, it, metrics)
        ]
        if not scope.runs or not metrics or (way is None and most is None and not given):
            return
        yield from self._placed(Part(sentence, found, clause, replace(scope, metrics=metrics)), way, most, given)

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

    def _placed(self, part: Part, way: str | None, most: str | None, given: list[Given]) -> Iterator[Assertion]:
        for plain, apart in placed(part, way, most, given, self._words):
            yield from self._comparisons.of(plain, part.scope, apart=apart)


def _contrasted(before: Scope, scope: Scope, section: int | None) -> Scope:
    """ "The baseline had a loss of 0.4; in this run it fell to 0.3": against the run before."""
    apart = section is not None and scope.runs == (section,) and section not in before.runs
    return replace(scope, references=(before.runs,), explicit=True) if apart and not scope.references else scope


def _is_excepted(found: Sequence[Token], clause: Clause, it: Given) -> bool:
    """ "fell on a, but not on b, where it is 0.4": a number of what is left out."""
    before = found[clause.begin : it.index]
    at = next((place for place, token in enumerate(before) if token.kind == "except"), len(before))
    rest = before[at:]
    return (
        it.kind == "value"
        and any(token.kind == "dataset" for token in rest)
        and not any(token.kind in ("go", "metric") for token in rest)
    )
