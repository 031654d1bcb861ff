"""The state of a study: a pure fold over its journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from ai_scientist.errors import StudyError
from ai_scientist.lab import Usage
from ai_scientist.metrics import Measurement
from ai_scientist.study.events import (
    AttemptEnded,
    AttemptStarted,
    BaselineMeasured,
    Event,
    ModelAnswered,
    PlotEnded,
    RunApproved,
    Setup,
    StartedCold,
    Steered,
    Stopped,
    StudyEnded,
    StudyResumed,
    StudyStarted,
    TurnEnded,
)
from ai_scientist.study.orders import Order
from ai_scientist.yardstick.seal import NO_SEAL, Seal

NO_USAGE = Usage()


@dataclass(frozen=True)
class State:
    """What is known after the events so far.

    `run` is the number of the run that is worked on now and `tries` the turns that were spent on it. `pending`: an
    edit waits to be run; `finished`: the agent has planned its last run; `over`: no run is to come; `given_up`: the
    runs that failed for good. `codes` maps the hash of every experiment.py that was run to its run. `shown` is the
    last run whose results the agent was told. `process` is an attempt that was started and has not ended.

    Of a person's orders: `orders` are the ids of all, `told` what the next prompt is to say, `last_run` the run after
    which to stop, `skip` that the edit that waits is not to be run, `approved` that it may be.
    """

    setup: Setup | None = None
    seal: Seal = NO_SEAL
    baseline: BaselineMeasured | None = None
    turns: tuple[TurnEnded, ...] = ()
    attempts: tuple[AttemptEnded, ...] = ()
    plots: tuple[PlotEnded, ...] = ()
    run: int = 1
    tries: int = 0
    pending: bool = False
    finished: bool = False
    over: bool = False
    given_up: tuple[int, ...] = ()
    shown: int = 0
    codes: Mapping[str, int] | None = None
    commit: str = ""
    usage: Usage = NO_USAGE
    process: AttemptStarted | None = None
    orders: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    paused: bool = False
    last_run: int | None = None
    skip: bool = False
    approved: bool = False
    stopped: str = ""
    ended: StudyEnded | None = None

    @property
    def good(self) -> tuple[AttemptEnded, ...]:
        """The attempt of each finished run, without the baseline."""
        return tuple(attempt for attempt in self.attempts if attempt.outcome == "ok")

    @property
    def metrics(self) -> dict[int, Mapping[str, Mapping[str, Measurement]]]:
        """Run number -> metrics, the baseline as run 0."""
        measured = {0: self.baseline.metrics} if self.baseline else {}
        return measured | {attempt.run: attempt.metrics for attempt in self.good if attempt.metrics is not None}

    @property
    def skipped(self) -> tuple[int, ...]:
        """The runs that a person skipped; they are among those that are given up."""
        return tuple(attempt.run for attempt in self.attempts if attempt.outcome == "skipped")

    @property
    def fates(self) -> Mapping[int, str]:
        """What became of the runs that are given up."""
        return {run: "was skipped" if run in self.skipped else "failed for good" for run in self.given_up}

    @property
    def untold_failure(self) -> int | None:
        """The last run, where it is given up and no prompt has said so yet."""
        last = self.given_up[-1] if self.given_up else None
        told = self.turns_for("notes") or self.turns_for("run")[-1:]
        return last if told and told[-1].turn.purpose == "run" and told[-1].turn.run == last else None

    def turns_for(self, purpose: str) -> tuple[TurnEnded, ...]:
        """The turns with that purpose, oldest first."""
        return tuple(turn for turn in self.turns if turn.turn.purpose == purpose)


def fold(events: Iterable[Event]) -> State:
    """The state after the events, oldest first."""
    return reduce(after, events, State())


def after(state: State, event: Event) -> State:
    """The state after one more event."""
    match event:
        case StudyStarted():
            return replace(state, setup=event.setup, seal=event.seal, commit=event.commit, codes={event.code: 0})
        case StudyResumed():
            return replace(state, setup=event.setup, stopped="", paused=False, last_run=None)
        case ModelAnswered():
            return replace(state, usage=state.usage + event.usage)
        case BaselineMeasured():
            return replace(state, baseline=event, commit=event.commit, process=None)
        case TurnEnded():
            return _after_turn(state, event)
        case AttemptStarted():
            return replace(state, process=event)
        case StartedCold():
            return state
        case Steered():
            return _after_order(state, event.order)
        case RunApproved():
            return replace(state, approved=True)
        case AttemptEnded():
            return _after_attempt(state, event)
        case PlotEnded():
            return replace(state, plots=(*state.plots, event), commit=event.commit, process=None)
        case Stopped():
            return replace(state, stopped=event.reason)
        case StudyEnded():
            return replace(state, ended=event)


def _after_turn(state: State, event: TurnEnded) -> State:
    told = event.turn.purpose != "claims"  # a correction tells no results
    shown = max((attempt.run for attempt in state.good), default=0) if told else state.shown
    state = replace(
        state, turns=(*state.turns, event), usage=state.usage + event.usage, commit=event.commit, shown=shown, told=()
    )
    if event.turn.purpose != "run":
        return state
    state = replace(state, tries=state.tries + 1)
    if event.status == "applied" and event.code not in (state.codes or {}):
        return replace(state, pending=True, finished=state.finished or event.finished)
    if event.finished and event.status in ("applied", "unchanged"):
        failed = any(attempt.run == state.run for attempt in state.attempts)
        return replace(_next_run(state, given_up=failed), over=True)
    return _next_run(state, given_up=True) if state.tries >= _setup(state).max_attempts else state


def _after_attempt(state: State, event: AttemptEnded) -> State:
    state = replace(
        state,
        attempts=(*state.attempts, event),
        pending=False,
        skip=False,
        approved=False,
        codes={**(state.codes or {}), event.code: event.run},
        commit=event.commit,
        process=None,
    )
    if event.outcome == "ok":
        return _next_run(state, given_up=False)
    over = event.outcome == "skipped" or state.tries >= _setup(state).max_attempts
    return _next_run(state, given_up=True) if over else state


def _after_order(state: State, order: Order) -> State:
    state = replace(state, orders=(*state.orders, order.id))
    match order.action:
        case "tell":
            return replace(state, told=(*state.told, order.text))
        case "pause" | "resume":
            return replace(state, paused=order.action == "pause")
        case "stop-after-run":
            return replace(state, last_run=order.run)
        case "skip-run" if order.run == state.run and state.pending:
            return replace(state, skip=True)
    return state


def _next_run(state: State, *, given_up: bool) -> State:
    return replace(
        state,
        run=state.run + 1,
        tries=0,
        given_up=(*state.given_up, state.run) if given_up else state.given_up,
        over=state.finished or state.run >= _setup(state).max_runs,
    )


def _setup(state: State) -> Setup:
    if state.setup is None:
        raise StudyError("The journal does not begin with the start of the study; it cannot be used.")
    return state.setup
