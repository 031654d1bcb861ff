"""Taking a turn of the coding agent: what it is asked, what it may change, and what notes.txt says after it."""

import re
import time
from dataclasses import replace

from ai_scientist import notes, plotting
from ai_scientist.claims.check import check
from ai_scientist.claims.model import Claim, Results
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import Edit, Lab, Turn
from ai_scientist.study import baseline
from ai_scientist.study.asking import prompt_for
from ai_scientist.study.events import TurnEnded
from ai_scientist.study.folder import EDITABLE
from ai_scientist.study.history import History
from ai_scientist.study.state import State
from ai_scientist.study.steps import AskAgent
from ai_scientist.yardstick.seal import broken

MAX_NOTES_BYTES = 5_000_000
# What is kept of the false claims of a turn; the others are found again once these are corrected.
MAX_CLAIMS = 40
MAX_CLAIM_TEXT = 500
_FINISHED = re.compile(r"\W*I am finished\W*", re.IGNORECASE)


def take_turn(step: AskAgent, state: State, lab: Lab) -> TurnEnded:
    """Ask the agent, judge its edit, and see what notes.txt says now. The event has no commit yet."""
    assert state.setup is not None
    turn = step.turn
    prompt = prompt_for(turn, state, lab.template)
    lab.screen.doing(_title(step, state), turn.run, turn.attempt, None)
    started = time.monotonic()
    edit = _allowed(lab.agent.edit(prompt, turn), turn, state, lab)
    lab.screen.spoken(turn, prompt, edit.reply)
    text = _notes_text(lab)
    plots = [path.name for path in lab.folder.plots()]
    describing = turn.purpose == "describe" or state.turns_for("describe")
    undescribed, phantoms = notes.plot_names(text, plots) if describing else ((), ())
    return TurnEnded(
        turn,
        edit.status,
        edit.files,
        edit.detail,
        said_finished(edit.reply),
        baseline.code_hash(lab.folder.experiment),
        edit.usage,
        time.monotonic() - started,
        "",
        notes.missing_sections(text, _notes_then(state, lab)),
        undescribed,
        phantoms,
        () if state.setup.claims == "off" else _false_claims(text, state, lab),
    )


def _allowed(edit: Edit, turn: Turn, state: State, lab: Lab) -> Edit:
    """The edit; or, where it changed what it may not, a forbidden one, with all files as they were before."""
    said = _trespass(edit, turn, state, lab) if edit.status == "applied" else ""
    if not said:
        return edit
    history = History(lab.folder.root)
    for name in EDITABLE:
        history.restore_file(name, state.commit)
    return replace(edit, status="forbidden", files=(), detail=said)


def _trespass(edit: Edit, turn: Turn, state: State, lab: Lab) -> str:
    """What an edit changed that it may not, in words for the agent; "" where there is nothing."""
    assert state.setup is not None
    notes_txt = lab.folder.notes.name
    others = [name for name in edit.files if name != notes_txt]
    if turn.purpose == "claims" and others:
        return (
            f"It edits {', '.join(others)}; only {notes_txt} may be edited now. All files are as they were before it."
        )
    changes = broken(state.seal, lab.folder.root, state.setup.idea.may_change)
    if not changes:
        return ""
    return (
        f"It changes the yardstick, which is sealed so that runs can be compared: {'; '.join(changes)}. All files are "
        "as they were before the reply. Test the idea without touching these, and send the other edits again."
    )


def _false_claims(text: str, state: State, lab: Lab) -> tuple[Claim, ...]:
    """What notes.txt says and the results contradict, first, and what no measurement supports."""
    better = {name: metric.better for name, metric in lab.template.metrics.items()}
    said = {name: metric.label for name, metric in lab.template.metrics.items()}
    names = plotting.run_names(lab.folder.plot)
    claims = check(text, Results(state.metrics, better, names, lab.template.primary, said))
    wrong = [claim for verdict in ("contradicted", "unsupported") for claim in claims if claim.verdict == verdict]
    return tuple(replace(claim, text=claim.text[:MAX_CLAIM_TEXT]) for claim in wrong[:MAX_CLAIMS])


def said_finished(reply: str) -> bool:
    """Whether the last line of a reply that says anything is "I am finished", alone."""
    lines = [line for line in reply.splitlines() if line.strip()]
    return bool(lines) and bool(_FINISHED.fullmatch(lines[-1]))


def _notes_then(state: State, lab: Lab) -> dict[int, str]:
    """What notes.txt said when each finished run ended; nothing once plots are drawn.

    A section that stays without results, though it was asked for, does not make a study incomplete.
    """
    if state.plots:
        return dict.fromkeys((attempt.run for attempt in state.good), "")
    history = History(lab.folder.root)
    return {attempt.run: history.text(lab.folder.notes.name, attempt.commit) for attempt in state.good}


def _notes_text(lab: Lab) -> str:
    try:
        return read_text(lab.folder.notes, MAX_NOTES_BYTES)
    except UnreadableFile:
        return ""


def _title(step: AskAgent, state: State) -> str:
    match step.turn.purpose:
        case "run" if step.turn.attempt > 1:
            return f"agent mends run {step.turn.run}"
        case "run":
            return (
                "agent plans and edits run 1" if not state.turns else f"agent reads results, edits run {step.turn.run}"
            )
        case "notes":
            return "agent completes notes.txt"
        case "plot":
            return "agent edits plot.py"
        case "claims":
            return "agent corrects notes.txt"
    return "agent describes the plots"
