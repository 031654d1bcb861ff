"""The check of notes: every number and comparison in them, with a verdict."""

from dataclasses import replace

from ai_scientist.claims.binding import Binder
from ai_scientist.claims.definitions import aliases
from ai_scientist.claims.grids import from_dict
from ai_scientist.claims.judging import judge
from ai_scientist.claims.model import Claim, Results
from ai_scientist.claims.numbers import numbers
from ai_scientist.claims.reading import Sentence, headings, sentences
from ai_scientist.claims.tables import from_table
from ai_scientist.claims.vocabulary import Vocabulary


def check(notes: str, results: Results) -> tuple[Claim, ...]:
    """The claims of notes.txt in order, each checked against the results. Names of runs come from headings, too."""
    labels = {**headings(notes), **results.labels}
    words = Vocabulary(replace(results, labels=labels))
    words = replace(words, aliases=aliases(notes, words.metrics))
    written = list(sentences(notes))
    binder = Binder(words, [it for it in written if not it.table])
    found: list[Claim] = []
    for sentence in written:
        if sentence.table:
            found += judge(list(from_table(sentence, words)), words)
            continue
        listed, rest = from_dict(sentence, words)
        claims = judge(listed, words) + judge(binder.assertions(replace(sentence, text=rest)), words)
        found += claims or _settings(sentence)
    return tuple(found)


def _settings(sentence: Sentence) -> list[Claim]:
    """One claim that cannot be checked for a sentence whose numbers are of nothing that was measured."""
    said = [number.value for _, _, number in numbers(sentence.text)]
    if not said:
        return []
    told = (sentence.line, sentence.text, sentence.run, None, None, None, None, said[0], None)
    return [Claim(*told, "not_checkable", "it speaks of no metric")]
