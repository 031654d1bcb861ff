"""A number of a sentence in its role."""

from dataclasses import dataclass
from typing import Literal

from ai_scientist.claims.numbers import Number

Kind = Literal["value", "old", "change", "difference", "ratio", "range"]


@dataclass(frozen=True)
class Old:
    """The value that a new one is compared with, and the runs or the word ("previous") that it is said to be of."""

    number: Number
    runs: tuple[int, ...] | str = ()


@dataclass(frozen=True)
class Given:
    """A number of a sentence in its role; `index` is its place among the tokens, `last` that of
    the last number that belongs to it.

    A "change" is in percent; "old" is a value of the run compared with. `olds` are the old values of a new one, `error`
    what follows a ±, `runs` those that the number itself is said to be of, `other` the upper end of a range.
    `part`: "train", "val" or "test" where it stands behind the number. `against`: the run that only this change is
    measured from.
    `loose`: it may be a value as well as a change. `way`: the direction that its own words say.
    """

    index: int
    number: Number
    kind: Kind = "value"
    last: int = 0
    olds: tuple[Old, ...] = ()
    error: Number | None = None
    runs: tuple[int, ...] | str = ()
    other: Number | None = None
    against: tuple[int, ...] | str = ()
    unit: str = ""
    part: str = ""
    loose: bool = False
    way: str | None = None
