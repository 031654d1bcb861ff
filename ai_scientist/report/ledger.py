"""The ledger: everything that was tried, in order, whatever came of it. Nothing is left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ai_scientist.console import outcomes, wording
from ai_scientist.report.study import Study
from ai_scientist.study.events import (
    AttemptEnded,
    AttemptStarted,
    BaselineMeasured,
    Event,
    ModelAnswered,
    PlotEnded,
    RunApproved,
    StartedCold,
    Steered,
    Stopped,
    StudyEnded,
    StudyResumed,
    StudyStarted,
    TurnEnded,
)
from ai_scientist.study.journal import Entry

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class Item:
    """One line. `outcome` is a word or two, `detail` the rest; `order` is the time that it is sorted by."""

    time: str
    order: float
    what: str
    outcome: str
    tone: Tone
    seconds: float | None
    took: str
    detail: str


def ledger(study: Study, most: int) -> tuple[Item, ...]:
    """A line for every event of the journal that says something; details are cut to `most` characters."""
    return tuple(
        item for number in range(len(study.entries)) if (item := _item(study.entries[number:], study, most)) is not None
    )


def _item(entries: Sequence[Entry], study: Study, most: int) -> Item | None:
    entry = entries[0]
    told = _told(entry.event) or _interrupted(entries, study)
    if told is None:
        return None
    what, outcome, tone, seconds, detail = told
    took = wording.duration(seconds) if seconds is not None else ""
    return Item(local(entry.time), entry.time.timestamp(), what, outcome, tone, seconds, took, detail[:most])


Told = tuple[str, str, Tone, float | None, str]
"""(what, outcome, tone, seconds, detail)."""


def _told(event: Event) -> Told | None:
    match event:
        case StudyStarted():
            return "study", "started", "plain", None, f"commit {event.commit[:10]}"
        case StudyResumed():
            return "study", "resumed", "plain", None, ""
        case ModelAnswered():
            return "model", "answered", "plain", None, wording.spent(event.usage)
        case BaselineMeasured():
            seconds = None if event.origin else event.seconds
            return "run 0 (baseline)", outcomes.baseline(event), "good", seconds, ""
        case TurnEnded():
            return _turn(event)
        case AttemptEnded():
            return _attempt(event)
        case PlotEnded():
            good = event.outcome == "ok"
            outcome = f"{len(event.plots)} plots" if good else outcomes.plots(event.outcome)
            detail = wording.last_line(event.feedback)
            return outcomes.attempt_name(-1, event.attempt), outcome, "good" if good else "bad", event.seconds, detail
        case StartedCold():
            return outcomes.attempt_name(event.run, event.attempt), "started anew, not forked", "plain", None, event.why
        case Steered():
            return "person", event.order.action, "plain", None, event.order.text
        case RunApproved():
            return "person", f"approves {outcomes.attempt_name(event.run, event.attempt)}", "plain", None, ""
        case Stopped():
            return "study", "stopped", "bad", None, event.reason
        case StudyEnded():
            outcome = "complete" if event.complete else "incomplete"
            return "study", outcome, "good" if event.complete else "bad", None, "; ".join(event.remarks)
        case AttemptStarted():
            return None


def _turn(event: TurnEnded) -> Told:
    detail = ", ".join(event.files) if event.status == "applied" else event.detail
    tone: Tone = "plain" if event.status == "applied" or event.finished else "bad"
    said = "; says that it is finished" if event.finished else ""
    told = f"{detail}{said}".removeprefix("; ")
    return outcomes.turn_name(event.turn), outcomes.edit(event.status), tone, event.seconds, told


def _attempt(event: AttemptEnded) -> Told:
    good = event.outcome == "ok"
    detail = "; ".join(event.flags) if good else wording.last_line(event.feedback)
    what = outcomes.attempt_name(event.run, event.attempt)
    return what, outcomes.attempt(event), "good" if good else "bad", event.seconds, detail


def _interrupted(entries: Sequence[Entry], study: Study) -> Told | None:
    """A command that was started and of which nothing more is told: it was cut short, or it is running."""
    event = entries[0].event
    if not isinstance(event, AttemptStarted):
        return None
    what = outcomes.attempt_name(event.run, event.attempt)
    if len(entries) == 1 and study.standing == "running":
        return what, "running", "plain", None, ""
    following = entries[1].event if len(entries) > 1 else None
    if following is None or isinstance(following, Stopped | StudyResumed):
        return what, "cut short", "bad", None, ""
    return None


def local(moment: datetime) -> str:
    """A moment in this machine's time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
