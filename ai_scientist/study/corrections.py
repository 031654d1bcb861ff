"""Which claims of notes.txt go back to the agent: a pure function of the turns so far."""

from collections import Counter
from collections.abc import Sequence

from ai_scientist.claims.model import Claim
from ai_scientist.study.events import TurnEnded
from ai_scientist.study.folder import NOTES

MAX_CORRECTIONS = 2
Identity = tuple[str, int | None, str | None, str | None, int | None]


def to_correct(turns: Sequence[TurnEnded]) -> tuple[Claim, ...]:
    """The false claims to send back after the last turn, if it touched notes.txt or was itself to correct them.

    After each other turn they are sent back at most MAX_CORRECTIONS times, and no claim more often in the whole study:
    a model that insists is left alone, and a study has at most so many of these turns for each other one.
    """
    sent: Counter[Identity] = Counter()
    in_a_row = 0
    open_: tuple[Claim, ...] = ()
    for turn in turns:
        correcting = turn.turn.purpose == "claims"
        if correcting:
            sent.update(_identity(claim) for claim in open_)
        in_a_row = in_a_row + 1 if correcting else 0
        asked_for = (correcting or NOTES in turn.files) and in_a_row < MAX_CORRECTIONS
        left = [claim for claim in turn.claims if sent[_identity(claim)] < MAX_CORRECTIONS]
        open_ = tuple(left) if asked_for else ()
    return open_


def _identity(claim: Claim) -> Identity:
    """What makes it the same claim in a later turn; its line may have moved."""
    return claim.text, claim.run, claim.dataset, claim.metric, claim.reference
