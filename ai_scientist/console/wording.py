"""The words for what happened: one line an event, the same on the screen and in the log."""

import shlex
from collections import Counter
from collections.abc import Sequence

from ai_scientist import foreign
from ai_scientist.console import outcomes
from ai_scientist.facts import rows
from ai_scientist.lab import Usage
from ai_scientist.prompts import number, signed
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
from ai_scientist.study.state import State
from ai_scientist.template import Template
from ai_scientist.yardstick import suspicion


def to_resume(folder: object, setup: Setup | None) -> str:
    """The command that goes on with a study, or with all in a folder that were begun alike."""
    return shlex.join(
        ["python", "launch_scientist.py", "--resume", str(folder), *(foreign.words(setup) if setup else ())]
    )


def to_rerun(folder: object, setup: Setup, *which: str) -> str:
    """The command that executes runs of a study again as they were executed."""
    network = ["--allow-network"] if setup.network else []
    return shlex.join(["ai-scientist", "rerun", str(folder), *which, *network, *foreign.words_for_runs(setup)])


def not_begun(names: Sequence[str]) -> str:
    """That --resume does not know of these ideas."""
    return f"Not begun, so that --resume does not know of them: {', '.join(names)}. Name them again to begin them."


def line(event: Event, state: State, template: Template) -> str:
    """What an event says to a person; `state` is the state after it. "" for what is not worth a line."""
    match event:
        case StudyStarted():
            return f"study started: {event.setup.idea.title}"
        case StudyResumed():
            return f"study resumed after {len(state.turns)} turns and {len(state.attempts)} attempts"
        case ModelAnswered():
            return ""
        case BaselineMeasured() if event.origin:
            source = outcomes.baseline(event)
            return f"run 0 (baseline) {source}, not measured here: {means(state, template, 0)}"
        case BaselineMeasured():
            source = outcomes.baseline(event)
            measured = means(state, template, 0) + _odd(suspicion.in_results(0, state.metrics))
            return f"run 0 (baseline) {source}, {duration(event.seconds)} of running: {measured}"
        case TurnEnded():
            return _turn(event)
        case AttemptStarted():
            return ""
        case StartedCold():
            return f"run {event.run} is started anew, not forked: {event.why}"
        case Steered():
            return _order(event.order)
        case RunApproved():
            return f"{outcomes.attempt_name(event.run, event.attempt)}: a person lets it run"
        case AttemptEnded(outcome="skipped" | "refused"):
            why = f": {last_line(event.feedback)}" if event.outcome == "refused" else ""
            return f"{outcomes.attempt_name(event.run, event.attempt)} {outcomes.attempt(event)}{why}"
        case AttemptEnded():
            return _attempt(event, state, template)
        case PlotEnded(outcome="ok"):
            return f"plot.py drew {len(event.plots)} plots in {duration(event.seconds)}"
        case PlotEnded():
            why = last_line(event.feedback)
            return f"{outcomes.attempt_name(-1, event.attempt)}: {outcomes.plots(event.outcome)}; {why}"
        case Stopped():
            return f"stopped: {event.reason}"
        case StudyEnded():
            return "study complete" if event.complete else "study ended incomplete: " + "; ".join(event.remarks)


def _order(order: Order) -> str:
    what = {
        "tell": f"says, for the next prompt: {order.text}",
        "pause": "asks for a pause before the next step (ai-scientist resume goes on)",
        "resume": "lets it go on",
        "stop": "asks to stop",
        "stop-after-run": "asks to stop after this run",
        "skip-run": f"skips run {order.run}",
    }
    return f"a person {what[order.action]}"


def _turn(event: TurnEnded) -> str:
    edit = " ".join([outcomes.edit(event.status), ", ".join(event.files)]).strip()
    detail = f"; {last_line(event.detail)}" if event.status in ("malformed", "forbidden") else ""
    wrong = Counter(claim.verdict for claim in event.claims)
    claims = f"; in the notes: {', '.join(f'{n} {verdict}' for verdict, n in wrong.items())}" if wrong else ""
    finished = "; the agent is finished" if event.finished else ""
    return f"{outcomes.turn_name(event.turn)}: {edit}{detail}{claims}{finished} · {spent(event.usage)}"


def _attempt(event: AttemptEnded, state: State, template: Template) -> str:
    name = outcomes.attempt_name(event.run, event.attempt)
    if event.outcome != "ok":
        gone = "; given up" if event.run in state.given_up else ""
        return f"{name} {outcomes.attempt(event)} after {duration(event.seconds)}{gone}: {last_line(event.feedback)}"
    return f"{name} done in {duration(event.seconds)}: {means(state, template, event.run)}{_odd(event.flags)}"


def _odd(flags: tuple[str, ...]) -> str:
    return f"; odd: {'; '.join(flags)}" if flags else ""


def means(state: State, template: Template, run: int) -> str:
    """The primary metric of each dataset, or the first one where the template names none, with the verdicts."""
    shown, seen = [], set()
    for row in rows(state, template, run):
        if row.dataset in seen or (template.primary and row.metric != template.primary):
            continue
        seen.add(row.dataset)
        change = f" ({signed(row.baseline.difference)}, {row.baseline.verdict})" if row.baseline else ""
        metric = "" if template.primary else f" {row.metric}"
        shown.append(f"{row.dataset}{metric} {number(row.mean)}{change}")
    return f"{template.primary}: {', '.join(shown)}" if template.primary and shown else ", ".join(shown)


def spent(usage: Usage) -> str:
    """Tokens and cost in words."""
    if not usage.prompt_tokens and not usage.completion_tokens:
        return "no tokens" if usage.cost == 0 else cost(usage)
    return f"{usage.prompt_tokens:,} tokens in{cached(usage)}, {usage.completion_tokens:,} out, {cost(usage)}"


def cached(usage: Usage) -> str:
    """The share of the prompts that the provider read from its cache, "" for none."""
    return f" ({usage.cached_tokens / usage.prompt_tokens:.0%} from the cache)" if usage.cached_tokens else ""


def cost(usage: Usage) -> str:
    """USD, or that the price is not known."""
    return "price unknown" if usage.cost is None else f"${usage.cost:.2f}" if usage.cost >= 1 else f"${usage.cost:.4f}"


def duration(seconds: float) -> str:
    """Seconds in words: "9.5 s", "1 min 32 s", "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def last_line(text: str) -> str:
    """The last line that says something, cut to 200 characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
