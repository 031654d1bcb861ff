"""The loop of a study: fold the journal, take the next step, write down what happened, until nothing is left to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

from ai_scientist import folders
from ai_scientist.errors import StudyError
from ai_scientist.files import write_text
from ai_scientist.lab import Lab, RunningId
from ai_scientist.study.baseline import code_hash
from ai_scientist.study.events import Event, Setup, StudyResumed, StudyStarted
from ai_scientist.study.folder import NOTES, copy_template
from ai_scientist.study.history import History
from ai_scientist.study.journal import Journal
from ai_scientist.study.orders import heeded
from ai_scientist.study.state import State, fold
from ai_scientist.study.steps import DONE, next_step
from ai_scientist.study.take import take
from ai_scientist.template import Template
from ai_scientist.yardstick.seal import seal


def pursue(journal: Journal, lab: Lab, follow: Callable[[Event, State], None]) -> State:
    """Work on a started study until it is done. Whatever interrupts this leaves a study that `resume` goes on with."""

    def record(event: Event) -> None:
        journal.append(event)
        follow(event, fold(journal.events))

    def current() -> State:
        return fold(journal.events)

    while (step := next_step(state := heeded(current, lab, record))) is not DONE:
        record(take(step, state, lab, record))
    return state


def seed(journal: Journal, template: Template, root: Path, setup: Setup) -> None:
    """Fill a new study folder from its template, seal the yardstick, and begin its history and its journal.

    Raises StudyError where something cannot be copied.
    """
    try:
        copy_template(template.folder, root)
        write_text(root / NOTES, f"# Title: {setup.idea.title}\n")
    except OSError as error:
        first = error.args[0][0] if isinstance(error, shutil.Error) else error
        raise StudyError(f"cannot seed {root}: {first}. Make space, or choose another --results-dir.") from None
    history = History(root)
    history.create()
    commit = history.commit(f"Seed {setup.idea.name} from template {setup.template}")
    sealed = seal(root, template.protected)
    journal.append(StudyStarted(setup, code_hash(root / "experiment.py"), commit, sealed))


def resume(journal: Journal, lab: Lab, setup: Setup, end_left: Callable[[RunningId], bool]) -> None:
    """Bring an interrupted study back to its last event: no process of it left, its files those of that commit."""
    state = fold(journal.events)
    started = state.process
    if started is not None:
        if end_left(started.process):
            lab.screen.say("An experiment of the interrupted study was still running; it has been ended.")
        folders.remove(lab.folder.jobs)
        left = lab.folder.run(started.run)
        if started.run >= 0 and left.exists():
            aside = lab.folder.failed_attempt(started.run, started.attempt)
            lab.folder.set_aside(left, aside.with_name(f"{aside.name}_interrupted"))
    History(lab.folder.root).restore(state.commit)
    journal.append(StudyResumed(setup))
