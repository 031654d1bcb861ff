"""Against which run something is said: as the sentence names it, else as its section does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ai_scientist.claims.assertion import Assertion
from ai_scientist.claims.given import Given
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.scopes import Said, Scope
from ai_scientist.claims.tokens import Token

_PARTICULAR = ("metric", "dataset", "number", "measure", "weak", "ratio", "percent")


@dataclass
class Comparisons:
    """The runs that the sections of one study's notes compare with; `measured`: every run with results.

    `sections`: section -> all that it names; `_last`: the section and what it named last; `_topic`: the sentence that
    says what is compared in general, "mixed results compared to Run 2", and that run.
    """

    measured: tuple[int, ...]
    sections: dict[int | None, list[Said]] = field(default_factory=dict)
    _last: tuple[int | None, tuple[Said, ...]] = (None, ())
    _topic: tuple[Sentence, tuple[Said, ...]] | None = None

    def foresee(self, section: int | None, found: Sequence[Token]) -> None:
        """Note what a sentence of a section compares with, before any is read."""
        self.sections.setdefault(section, []).extend(_named(found))

    def remember(self, sentence: Sentence, found: Sequence[Token]) -> None:
        """The runs that a section last compared with: a sentence that names none may mean them."""
        section, named = sentence.run, _named(found)
        before, kept = self._last
        self._last = (section, named or (kept if before == section else ()))
        if named and not any(token.kind in _PARTICULAR for token in found):
            self._topic = (sentence, named)

    def topic(self, sentence: Sentence) -> tuple[Said, ...]:
        """The one run that a paragraph or list said that it compares with, if nothing else was named since."""
        if self._topic is None:
            return ()
        said, named = self._topic
        about = said.run == sentence.run and sentence.context[: len(said.context)] == said.context
        near = sentence.block == said.block or (sentence.item and (said.item or said.line < sentence.line))
        single = len(named) == 1 and isinstance(named[0], tuple) and len(named[0]) == 1
        return named if about and near and single and self._last == (sentence.run, named) else ()

    def of(self, plain: Assertion, scope: Scope, *, apart: bool) -> Iterator[Assertion]:
        """The assertion, once for every run that it is compared with; values of other runs as theirs."""
        foreign = [it for it in plain.given if it.kind == "value" and it.runs and not self._means(it.runs, plain.run)]
        own = tuple(it for it in plain.given if it not in foreign)
        for it in foreign:
            for run in self.resolved(it.runs, plain.run):
                yield replace(plain, run=run, given=(replace(it, olds=()),), way=None, most=None)
        plain = replace(plain, given=own)
        relative = any(it.kind != "value" or it.olds for it in own)
        if plain.way is None and not relative:
            if own or (plain.most and not foreign):
                yield plain
        elif own or not apart:
            if plain.most:  # "0.46 (-55% vs. baseline), the best of all runs"
                yield replace(plain, given=(), way=None)
            yield from self._relative(replace(plain, most=None), scope)

    def _relative(self, plain: Assertion, scope: Scope) -> Iterator[Assertion]:
        """A direction or change, once for every run that is named, else once for the runs that may be meant."""
        own = plain.given
        tagged = [old.runs for it in own for old in it.olds] + [it.against for it in own]
        said = [runs for runs in tagged if runs not in ((), "unknown")]
        around = scope.references if scope.explicit or not said else ()
        named, stated = self._runs((*around, *said), plain.run), self._runs(around, plain.run)
        unsaid = any(old.runs in ((), "unknown") for it in own for old in it.olds)
        if not named or (not scope.explicit and not said):
            likely = self._likely(plain, named, paired=unsaid)
            if likely:
                yield replace(plain, references=likely, strict=False)
        elif "some" in scope.references or (plain.way == "same" and "earlier" in scope.references):
            for reference in named:  # "comparable to previous runs": to some of them
                yield replace(plain, references=(reference,), given=(), some=True)
        else:
            many = len(named) > 1 and "earlier" in scope.references
            values = tuple(it for it in own if many and it.kind == "value" and not it.olds)
            if values:  # "lower than in all previous runs: 0.4"
                yield replace(plain, given=values, way=None, apart=True)
            rest = tuple(it for it in own if it not in values)
            against = {reference: self._against(rest, reference, plain.run) for reference in named}
            first = _rises(against[named[0]])
            for reference, given in against.items():
                other = first is not None and _rises(given) == (not first)  # "sooner (3393, 4200 before, 906 in Run 1)"
                way = None if other and reference not in stated else plain.way
                yield replace(plain, references=(reference,), given=given, way=way)

    def _against(self, given: tuple[Given, ...], reference: int, run: int) -> tuple[Given, ...]:
        """The numbers that are said against one of several runs."""
        kept = (
            replace(it, olds=tuple(old for old in it.olds if self._is_old(old.runs, reference, run))) for it in given
        )
        others = {it.index for it in given if it.olds and it.kind in ("old", "change")}
        return tuple(
            it for it in kept if (it.olds or it.index not in others) and self._is_old(it.against, reference, run)
        )

    def _likely(self, plain: Assertion, named: tuple[int, ...], *, paired: bool) -> tuple[int, ...]:
        """The runs that may be meant where none is named: those of the section, the baseline, the run before."""
        run, section = plain.run, plain.sentence.run
        if not run:
            return named
        last, said = self._last
        carried = self._runs(said, run) if section is not None and last == section else ()
        whole = self._runs(self.sections.get(section, ()), run) if section is not None else ()
        before = [it for it in reversed(self.measured) if it < run and (section is not None or plain.given)]
        outside = () if section in (None, run) else (section,)
        usual = (*named, *carried, *(whole if len(whole) == 1 else ()), 0, *(before if paired else before[:1]))
        return tuple(it for it in dict.fromkeys((*usual, *outside)) if it != run)

    def _runs(self, said: Sequence[Said], run: int) -> tuple[int, ...]:
        """The runs that are meant, without the one that is spoken of."""
        return tuple(it for it in dict.fromkeys(it for one in said for it in self.resolved(one, run)) if it != run)

    def resolved(self, said: Said, run: int) -> tuple[int, ...]:
        """The numbers of the runs that "previous", "earlier" or "others" mean for a run."""
        if isinstance(said, tuple):
            return said
        before = tuple(it for it in self.measured if it < run)
        return {"previous": before[-1:], "earlier": before, "some": before, "unknown": ()}.get(
            said, tuple(it for it in self.measured if it != run)
        )

    def _means(self, said: Said, run: int) -> bool:
        return said == "unknown" or run in self.resolved(said, run)

    def _is_old(self, said: Said, reference: int, run: int) -> bool:
        return not said or reference in self.resolved(said, run)


def _rises(given: Sequence[Given]) -> bool | None:
    """Whether the new value of a pair is the higher one; None where no two values are said."""
    pairs = [(it.number.value, it.olds[0].number.value) for it in given if it.kind == "value" and it.olds]
    return pairs[0][0] > pairs[0][1] if pairs else None


def _named(found: Sequence[Token]) -> tuple[Said, ...]:
    return tuple(token.value for token in found if token.kind == "reference")
