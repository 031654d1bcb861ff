"""How a study ended: what is not as it should be, and what a reader must know."""

from ai_scientist.claims.model import Claim
from ai_scientist.study.events import StudyEnded
from ai_scientist.study.state import State
from ai_scientist.yardstick import suspicion

MAX_LISTED = 10


def ending(state: State) -> StudyEnded:
    """How the study ended, with everything that is not as it should be."""
    last = state.turns[-1]
    remarks = [*(f"run {run} {fate}" for run, fate in state.fates.items()), *_about_the_yardstick(state)]
    if state.baseline and state.baseline.origin:
        remarks.append(f"the baseline was not measured here but taken from {state.baseline.origin}")
    remarks += _about_the_claims(last.claims)
    remarks += [f"it came too late for a prompt: {text}" for text in state.told]
    problems = []
    if not state.good:
        problems.append("no run finished")
    elif not state.plots or state.plots[-1].outcome != "ok":
        problems.append("plot.py does not draw what it should")
    if last.missing_sections:
        problems.append("notes.txt has no section for run " + ", ".join(map(str, last.missing_sections)))
    if last.undescribed:
        problems.append("notes.txt does not describe " + ", ".join(last.undescribed))
    if last.phantoms:
        problems.append("notes.txt names plots that do not exist: " + ", ".join(last.phantoms))
    return StudyEnded(not problems, (*problems, *remarks))


def _about_the_claims(claims: tuple[Claim, ...]) -> list[str]:
    """What notes.txt still says wrongly, each contradicted claim by its line."""
    contradicted = [claim for claim in claims if claim.verdict == "contradicted"]
    unsupported = len(claims) - len(contradicted)
    said = [
        f'notes.txt, line {claim.line}, is contradicted: "{claim.text:.160}". {claim.why}' for claim in contradicted
    ]
    more = len(said) - MAX_LISTED
    return [
        *said[:MAX_LISTED],
        *([f"notes.txt has {more} more contradicted claims"] if more > 0 else []),
        *([f"notes.txt makes {unsupported} claims that no measurement supports"] if unsupported else []),
    ]


def _about_the_yardstick(state: State) -> list[str]:
    """What touched or may have touched the measuring: allowed changes, forbidden edits, odd runs."""
    assert state.setup is not None
    allowed = ", ".join(state.setup.idea.may_change)
    return [
        *([f"the idea may change what is sealed otherwise: {allowed}"] if allowed else []),
        *(f"turn {turn.turn.number} was put back. {turn.detail}" for turn in state.turns if turn.status == "forbidden"),
        *suspicion.in_results(0, {0: state.metrics[0]}),
        *(f"run {attempt.run}: {flag}" for attempt in state.good for flag in attempt.flags),
    ]
