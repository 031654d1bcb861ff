"""The check of notes: every number and comparison in them, with a verdict."""

from dataclasses import replace

from ai_scientist.claims.binding import Binder
from ai_scientist.claims.grids import from_dict, from_table
from ai_scientist.claims.judging import judge
from ai_scientist.claims.model import Claim, Results
from ai_scientist.claims.reading import headings, sentences
from ai_scientist.claims.vocabulary import Vocabulary, labels_of


def check(notes: str, results: Results) -> tuple[Claim, ...]:
    """The claims of notes.txt in order, each checked against the results. Names of runs come from headings, too."""
    labels = {**labels_of(headings(notes)), **results.labels}
    words = Vocabulary(replace(results, labels=labels))
    binder = Binder(words)
    found: list[Claim] = []
    for sentence in sentences(notes):
        if sentence.table:
            found += judge(list(from_table(sentence, words)), words)
            continue
        listed, rest = from_dict(sentence, words)
        found += judge(listed, words)
        found += judge(binder.assertions(replace(sentence, text=rest)), words)
    return tuple(found)
