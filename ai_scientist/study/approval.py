"""--approve: a person sees what the agent changed before it is run, and says yes, no with a reason, or stop."""

import difflib

from ai_scientist.errors import StoppedByPerson
from ai_scientist.files import read_text
from ai_scientist.lab import Lab
from ai_scientist.study.baseline import code_hash
from ai_scientist.study.events import AttemptEnded, RunApproved
from ai_scientist.study.history import History
from ai_scientist.study.state import State
from ai_scientist.study.steps import AskPerson

MAX_BYTES = 5_000_000


def decide(step: AskPerson, state: State, lab: Lab) -> RunApproved | AttemptEnded:
    """Show the change since the last code that worked, and ask. Raises StoppedByPerson where that is the answer."""
    good = max(state.metrics)
    lab.screen.say(f"run {step.run}, attempt {step.attempt}, changes experiment.py of run {good}:")
    for line in _difference(lab, good):
        lab.screen.say(line)
    while True:
        said = lab.screen.ask("Run it? y(es), n(o) with a reason for the agent, s(top): ")
        answer = "stop" if said is None else said.strip().lower()
        if answer in ("y", "yes"):
            return RunApproved(step.run, step.attempt)
        if answer in ("n", "no"):
            reason = (lab.screen.ask("Why not? ") or "").strip()
            code = code_hash(lab.folder.experiment)
            return AttemptEnded(step.run, step.attempt, "refused", 0.0, None, reason or "(no reason given)", code, "")
        if answer in ("s", "stop"):
            raise StoppedByPerson("a person asked it to stop before the run.")


def _difference(lab: Lab, good: int) -> list[str]:
    before = History(lab.folder.root).text(lab.folder.experiment.name, f"run_{good}").splitlines()
    now = read_text(lab.folder.experiment, MAX_BYTES).splitlines()
    return [line.rstrip("\n") for line in difflib.unified_diff(before, now, f"run {good}", "now", lineterm="")]
