"""What a study's process and the batch say to each other over their pipe."""

from dataclasses import dataclass

from ai_scientist.lab import Usage


@dataclass(frozen=True)
class Want:
    """A run is ready: the answer, when one is free, is the names of its devices, a tuple."""


@dataclass(frozen=True)
class Release:
    """The run is over."""


@dataclass(frozen=True)
class Reserve:
    """A request that may take `ceiling` is about to be sent: the answer is "", or the limit that forbids it."""

    ceiling: Usage


@dataclass(frozen=True)
class Settle:
    """What the reserved request took in the end."""

    usage: Usage


@dataclass(frozen=True)
class AskSpent:
    """The answer is (seconds that were worked on the batch, device seconds in which its runs ran)."""


@dataclass(frozen=True)
class Began:
    """The study has its folder."""

    folder: str


@dataclass(frozen=True)
class Doing:
    """Something that takes a while begins."""

    text: str
    expected_seconds: float | None


@dataclass(frozen=True)
class Advanced:
    """How far the run is: percent, and what it says of it."""

    percent: float
    text: str


@dataclass(frozen=True)
class Said:
    """A line for the person."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The study's process is at its end; `message` says what went wrong, `of_all` what the others will meet, too."""

    complete: bool
    message: str = ""
    of_all: str = ""


Message = Want | Release | Reserve | Settle | AskSpent | Began | Doing | Advanced | Said | Ended
