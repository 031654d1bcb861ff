"""Taking the steps of a study: each does one thing in the world and returns the event that records it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ai_scientist import folders, notes, tables
from ai_scientist.errors import StudyError
from ai_scientist.files import write_text
from ai_scientist.lab import Lab
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics
from ai_scientist.study import baseline
from ai_scientist.study.approval import decide
from ai_scientist.study.drawing import draw
from ai_scientist.study.ending import ending
from ai_scientist.study.events import (
    AttemptEnded,
    BaselineMeasured,
    Event,
    Outcome,
    PlotEnded,
    RunApproved,
    Setup,
    TurnEnded,
)
from ai_scientist.study.execution import SKIPPED, Executed, Record, run_experiment, within_budget
from ai_scientist.study.folder import METRICS
from ai_scientist.study.history import History
from ai_scientist.study.state import State, after
from ai_scientist.study.steps import AskAgent, AskPerson, DrawPlots, End, MeasureBaseline, RunExperiment, SkipRun, Step
from ai_scientist.study.turns import take_turn
from ai_scientist.yardstick import suspicion

SMOKE_SECONDS = 300.0
FULL_BYTES = 1_000_000


def take(step: Step, state: State, lab: Lab, record: Record) -> Event:
    """Do a step and return its event. `record` takes what must be in the journal before the step is over."""
    assert state.setup is not None
    within_budget(lab, state.setup)
    match step:
        case MeasureBaseline():
            return _measure_baseline(state, state.setup, lab, record)
        case AskAgent():
            event = take_turn(step, state, lab)
            return _committed(event, state, lab, f"Turn {step.turn.number}: {step.turn.key}, {event.status}")
        case RunExperiment():
            return _run_experiment(step, state, state.setup, lab, record)
        case AskPerson():
            decided = decide(step, state, lab)
            return decided if isinstance(decided, RunApproved) else _committed(decided, state, lab, _title_of(decided))
        case SkipRun():
            code = baseline.code_hash(lab.folder.experiment)
            skipped = AttemptEnded(step.run, step.attempt, "skipped", 0.0, None, SKIPPED, code, "")
            return _committed(skipped, state, lab, _title_of(skipped))
        case DrawPlots():
            drawn = draw(step, state, state.setup, lab, record)
            return _committed(drawn, state, lab, f"Plots, attempt {step.attempt}: {drawn.outcome}")
        case End():
            tables.write(lab.folder, state, lab.template)  # once more: plot.py names the runs
            History(lab.folder.root).commit("Result tables")
            return ending(state)
    raise AssertionError(f"{step} cannot be taken")


def _measure_baseline(state: State, setup: Setup, lab: Lab, record: Record) -> Event:
    metrics, seconds, cached = baseline.measure(lab, setup, record)
    profile = f"{setup.profile} ({setup.profile_description})" if setup.profile_description else setup.profile
    write_text(lab.folder.notes, notes.header(setup.idea, profile, setup.device, metrics))
    event = BaselineMeasured(metrics, seconds, cached, "", setup.baseline)
    tables.write(lab.folder, after(state, event), lab.template)
    history = History(lab.folder.root)
    commit = history.commit("Baseline")
    history.tag("run_0")
    return replace(event, commit=commit)


def _run_experiment(step: RunExperiment, state: State, setup: Setup, lab: Lab, record: Record) -> Event:
    code = baseline.code_hash(lab.folder.experiment)
    copy = lab.folder.code_of_run(step.run)
    shutil.copyfile(lab.folder.experiment, copy)
    out, event = _attempt(step, state, setup, lab, record)
    if event.outcome in ("crashed", "no_results"):
        _blame_a_full_disk(lab.folder.root)
    event = _flagged(replace(event, code=code), state, setup, lab)
    if event.outcome != "ok":
        aside = lab.folder.set_aside(out, lab.folder.failed_attempt(step.run, step.attempt))
        copy.rename(aside / "experiment.py")
    event = _committed(event, state, lab, _title_of(event))
    if event.outcome == "ok":
        History(lab.folder.root).tag(out.name)
    return event


def _blame_a_full_disk(root: Path) -> None:
    """Raises StudyError where a run failed and its disk is full: the agent cannot mend that."""
    if shutil.disk_usage(root).free < FULL_BYTES:
        raise StudyError(f"the disk of {root} is full, and a run failed. Make space, then --resume.")


def _title_of(event: AttemptEnded) -> str:
    return f"Run {event.run}, attempt {event.attempt}: {event.outcome}"


def _attempt(step: RunExperiment, state: State, setup: Setup, lab: Lab, record: Record) -> tuple[Path, AttemptEnded]:
    """(the folder with what is left, how it ended): first the smoke run, if there is one, then the full run."""
    if setup.smoke is not None:
        failed = _smoke(step, state, setup, lab, record)
        if failed is not None:
            return lab.folder.smoke, failed
    expected = state.baseline.seconds if state.baseline else None
    lab.screen.doing(f"run {step.run}", step.run, step.attempt, expected)
    limits = within_budget(lab, setup)
    done = run_experiment(lab, setup, step.run, step.attempt, record, limits)
    out = lab.folder.run(step.run)
    return out, _judged(step, done, out, state)


def _smoke(step: RunExperiment, state: State, setup: Setup, lab: Lab, record: Record) -> AttemptEnded | None:
    """Go through the whole script with a few steps: what would only fail at the end of a long run fails here.

    None where it went well, or took too long to be a smoke run: then the full run decides.
    """
    folders.remove(lab.folder.smoke)
    lab.screen.doing(f"smoke run {step.run}", step.run, step.attempt, None)
    limits = within_budget(lab, setup)
    limits = replace(limits, seconds=min(limits.seconds, SMOKE_SECONDS))
    done = run_experiment(lab, setup, step.run, step.attempt, record, limits, smoke=True)
    event = _judged(step, done, lab.folder.smoke, state)
    if event.outcome in ("ok", "timed_out"):
        folders.remove(lab.folder.smoke)
        return None
    return replace(event, smoke=True)


def _judged(step: RunExperiment, done: Executed, out: Path, state: State) -> AttemptEnded:
    outcome: Outcome = "skipped" if done.skipped else done.outcome
    event = AttemptEnded(step.run, step.attempt, outcome, done.seconds, None, done.feedback, "", "")
    if done.outcome != "ok":
        return event
    try:
        return replace(event, metrics=read_metrics(out / METRICS, state.metrics[0]))
    except InvalidMetrics as error:
        return replace(event, outcome="no_results", feedback=str(error))


def _flagged(event: AttemptEnded, state: State, setup: Setup, lab: Lab) -> AttemptEnded:
    """The event with what looks odd about the code and the results."""
    if event.metrics is None or state.baseline is None:
        return event
    before, now = History(lab.folder.root).text(lab.folder.experiment.name, "run_0"), lab.folder.experiment.read_bytes()
    flags = (
        *suspicion.in_code(
            before,
            now.decode(errors="replace"),
            setup.idea,
            tuple(state.seal.definitions),
            tuple(_names(state.metrics[0])),
        ),
        *suspicion.in_results(event.run, state.metrics | {event.run: event.metrics}),
        *suspicion.in_time(event.run, event.seconds, state.baseline.seconds),
    )
    return replace(event, flags=flags)


def _names(metrics: Metrics) -> set[str]:
    return {name for measured in metrics.values() for name in measured}


Committed = TypeVar("Committed", TurnEnded, AttemptEnded, PlotEnded)


def _committed(event: Committed, state: State, lab: Lab, message: str) -> Committed:
    """The event with its commit; where it gives a run up, experiment.py goes back to the last code that worked.

    The result tables are written anew where there is a result, or a run without one, more.
    """
    history = History(lab.folder.root)
    then = after(state, event)
    if then.given_up != state.given_up:
        history.restore_file(lab.folder.experiment.name, f"run_{max(state.metrics)}")
    if (then.given_up, len(then.metrics)) != (state.given_up, len(state.metrics)):
        tables.write(lab.folder, then, lab.template)
    return replace(event, commit=history.commit(message))
