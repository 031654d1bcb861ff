"""What a study does next: a pure function of its state."""

from dataclasses import dataclass

from ai_scientist.lab import Turn
from ai_scientist.study.corrections import to_correct
from ai_scientist.study.state import State

# How often missing sections of notes.txt, and again missing descriptions of plots, are asked for once more.
MAX_REMINDERS = 2


@dataclass(frozen=True)
class Start:
    """Seed the folder."""


@dataclass(frozen=True)
class MeasureBaseline:
    """Take run_0 from the cache, or run it."""


@dataclass(frozen=True)
class AskAgent:
    """Do this turn of the coding agent."""

    turn: Turn


@dataclass(frozen=True)
class RunExperiment:
    """Run experiment.py as it is."""

    run: int
    attempt: int


@dataclass(frozen=True)
class AskPerson:
    """Ask the person who follows the study whether experiment.py may run as it is."""

    run: int
    attempt: int


@dataclass(frozen=True)
class SkipRun:
    """Give the run up without running it: a person wants it so."""

    run: int
    attempt: int


@dataclass(frozen=True)
class DrawPlots:
    """Run plot.py as it is."""

    attempt: int


@dataclass(frozen=True)
class End:
    """Say how the study ended."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""


DONE = Done()
Step = Start | MeasureBaseline | AskAgent | AskPerson | SkipRun | RunExperiment | DrawPlots | End | Done


def next_step(state: State) -> Step:
    """The step that follows, the same for the same journal in every process."""
    if state.ended:
        return DONE
    if state.setup is None:
        return Start()
    if state.baseline is None:
        return MeasureBaseline()
    if correction := _claims_step(state):
        return correction
    if not state.over:
        return _run_step(state)
    if not state.good:
        return End()
    return _notes_step(state) or _plot_step(state) or _describe_step(state) or End()


def _run_step(state: State) -> Step:
    assert state.setup is not None
    if not state.pending:
        return _ask(state, "run", state.tries + 1, state.run)
    if state.skip:
        return SkipRun(state.run, state.tries)
    if state.setup.approve and not state.approved:
        return AskPerson(state.run, state.tries)
    return RunExperiment(state.run, state.tries)


def _ask(state: State, purpose: str, attempt: int, run: int = 0) -> AskAgent:
    return AskAgent(Turn(len(state.turns) + 1, purpose, run, attempt))


def _claims_step(state: State) -> Step | None:
    """What notes.txt says wrongly is corrected before the study goes on."""
    assert state.setup is not None
    if state.setup.claims != "fix" or not to_correct(state.turns):
        return None
    return _ask(state, "claims", len(state.turns_for("claims")) + 1)


def _notes_step(state: State) -> Step | None:
    """Every finished run gets a section; what came of the last run goes to the agent before the plots are asked for."""
    if state.turns_for("plot"):
        return None
    asked = len(state.turns_for("notes"))
    told = state.shown == state.good[-1].run and state.untold_failure is None
    if (told and not state.turns[-1].missing_sections) or asked > MAX_REMINDERS:
        return None
    return _ask(state, "notes", asked + 1)


def _plot_step(state: State) -> Step | None:
    """plot.py is edited and run until its plots are right, at most `max_attempts` times."""
    assert state.setup is not None
    turns = state.turns_for("plot")
    drawn = {plot.attempt: plot.outcome for plot in state.plots}
    if turns and turns[-1].status == "applied" and "plot.py" in turns[-1].files and len(turns) not in drawn:
        return DrawPlots(len(turns))
    if (turns and drawn.get(len(turns)) == "ok") or len(turns) >= state.setup.max_attempts:
        return None
    return _ask(state, "plot", len(turns) + 1)


def _describe_step(state: State) -> Step | None:
    """notes.txt describes every plot there is and names none that there is not."""
    if not (state.plots and state.plots[-1].plots):
        return None
    asked = state.turns_for("describe")
    last = state.turns[-1]  # that of the description, or one that corrected it
    if asked and (len(asked) > MAX_REMINDERS or not (last.undescribed or last.phantoms)):
        return None
    return _ask(state, "describe", len(asked) + 1)
