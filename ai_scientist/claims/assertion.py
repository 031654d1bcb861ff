"""What a part of a sentence asserts."""

from dataclasses import dataclass

from ai_scientist.claims.given import Given
from ai_scientist.claims.reading import Sentence
from ai_scientist.claims.vocabulary import Meanings


@dataclass(frozen=True)
class Assertion:
    """One thing that is said of a run, dataset and metric; `metrics` are the meanings that its word can have.

    `references` are the runs that it may be compared with, the likeliest first; `strict`: just the first is meant.
    `way` is a direction, or one after "not "; `most`: that of a superlative. `certain` is False where no dataset is
    named: it may hold for some only; `part`: it is said of some that are not named.
    `sure` is False where its words may be said of another run; `some`: it may hold against some of several runs only;
    `apart`: a value that belongs to no single one of several comparisons.
    """

    sentence: Sentence
    run: int
    dataset: str
    metrics: Meanings
    references: tuple[int, ...] = ()
    strict: bool = True
    way: str | None = None
    given: tuple[Given, ...] = ()
    certain: bool = True
    part: bool = False
    sure: bool = True
    most: str | None = None
    some: bool = False
    apart: bool = False
