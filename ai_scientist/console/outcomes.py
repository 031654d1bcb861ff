"""The words for what was tried and how it came out: the same on the screen, in the log and in the report."""

from ai_scientist.lab import Turn
from ai_scientist.study.events import AttemptEnded, BaselineMeasured

_EDITS = {
    "applied": "edit applied",
    "unchanged": "no edit",
    "malformed": "edit malformed",
    "forbidden": "edit forbidden and put back",
}
_OUTCOMES = {
    "ok": "measured",
    "crashed": "crashed",
    "timed_out": "ran out of time",
    "stopped": "was stopped",
    "skipped": "was skipped",
    "refused": "was refused by a person",
    "no_results": "left no valid results",
    "no_plots": "wrote no PNG file",
    "missing_labels": "left finished runs out of `labels`",
}


def attempt_name(run: int, attempt: int) -> str:
    """Which attempt; a run below 0 is plot.py."""
    return f"{'plot.py' if run < 0 else f'run {run}'}, attempt {attempt}"


def turn_name(turn: Turn) -> str:
    """Which turn, and what it is about."""
    return f"turn {turn.number} ({f'run {turn.run}' if turn.purpose == 'run' else turn.purpose})"


def edit(status: str) -> str:
    """What became of an edit."""
    return _EDITS[status]


def attempt(event: AttemptEnded) -> str:
    """How an attempt of a run ended."""
    return _OUTCOMES[event.outcome] + (" in its smoke run" if event.smoke else "")


def plots(outcome: str) -> str:
    """How an attempt of plot.py that did not go well ended."""
    return _OUTCOMES[outcome]


def baseline(event: BaselineMeasured) -> str:
    """Where the results of the baseline are from."""
    return f"taken from {event.origin}" if event.origin else "taken from the cache" if event.cached else "measured"
