"""Which prompt a turn begins with: the state of the study, put into the words of `prompts/`."""

import re
from collections.abc import Mapping

from ai_scientist import facts
from ai_scientist.lab import Turn
from ai_scientist.prompts import render
from ai_scientist.study.corrections import to_correct
from ai_scientist.study.events import AttemptEnded, Setup, TurnEnded
from ai_scientist.study.state import State
from ai_scientist.template import Template
from ai_scientist.yardstick import suspicion

MAX_PLAN = 3000


def prompt_for(turn: Turn, state: State, template: Template) -> str:
    """The prompt of a turn, with what a person told the study since the last one.

    Raises jinja2's UndefinedError where a prompt names what is not given.
    """
    prompt = _about(turn, state, template)
    return prompt + "\n" + render("told", texts=state.told) if state.told else prompt


def _about(turn: Turn, state: State, template: Template) -> str:
    assert state.setup is not None
    match turn.purpose:
        case "run" if turn.attempt > 1:
            return _again(turn, state, state.setup)
        case "run":
            return _first(turn, state, state.setup, template)
        case "notes":
            return _notes(state, template)
        case "plot":
            return _plot(turn, state, state.setup)
        case "claims":
            return _claims(state)
        case _:
            return _describe(turn, state)


def _first(turn: Turn, state: State, setup: Setup, template: Template) -> str:
    """The first prompt for a run: the idea, the results of the run before, or that it is given up."""
    remaining = setup.max_runs - turn.run + 1
    if not state.turns:
        return render(
            "run_first",
            idea=setup.idea,
            task=template.task,
            profile=setup.profile,
            profile_description=setup.profile_description,
            device=setup.device,
            rows=facts.rows(state, template, 0),
            flags=suspicion.in_results(0, state.metrics),
            metrics=template.metrics,
            sealed=[name for name in (*state.seal.files, *state.seal.definitions) if name not in setup.idea.may_change],
            may_change=setup.idea.may_change,
            max_runs=setup.max_runs,
            max_attempts=setup.max_attempts,
            timeout=setup.limits.seconds,
            baseline_seconds=_baseline_seconds(state),
            network=setup.network,
            run=turn.run,
        )
    good = max(state.metrics)
    if turn.run - 1 in state.given_up:
        return render(
            "run_after_failure",
            failed=turn.run - 1,
            skipped=turn.run - 1 in state.skipped,
            max_attempts=setup.max_attempts,
            good=good,
            remaining=remaining,
            run=turn.run,
        )
    return render("run_next", run=turn.run, remaining=remaining, **_results(state, template, good))


def _results(state: State, template: Template, run: int) -> Mapping[str, object]:
    metrics = state.metrics
    return {
        "last": run,
        "flags": next((attempt.flags for attempt in state.good if attempt.run == run), ()),
        "rows": facts.rows(state, template, run),
        "revised": facts.revised(state, template, run),
        "previous": max((number for number in metrics if number < run), default=0),
        "missing_datasets": [dataset for dataset in metrics[0] if dataset not in metrics[run]],
    }


def _again(turn: Turn, state: State, setup: Setup) -> str:
    """A run was tried and failed, or was not started because its edit changed nothing."""
    last = state.turns_for("run")[-1]
    attempt = _attempt_of(last, state)
    about = {"run": turn.run, "max_attempts": setup.max_attempts}
    if attempt is None:
        return render(
            "run_unedited",
            status=last.status,
            detail=last.detail,
            same_as=(state.codes or {}).get(last.code) if last.files else None,
            attempt=turn.attempt,
            **about,
        )
    return render(
        "run_failed",
        attempt=attempt.attempt,
        outcome=attempt.outcome,
        feedback=attempt.feedback,
        timeout=setup.limits.seconds,
        smoke=attempt.smoke,
        baseline_seconds=_baseline_seconds(state),
        **about,
    )


def _baseline_seconds(state: State) -> float:
    """0 where it is not known."""
    return state.baseline.seconds if state.baseline else 0.0


def _attempt_of(turn: TurnEnded, state: State) -> AttemptEnded | None:
    wanted = (turn.turn.run, turn.turn.attempt)
    return next((attempt for attempt in state.attempts if (attempt.run, attempt.attempt) == wanted), None)


def _notes(state: State, template: Template) -> str:
    last = state.turns[-1]
    asked = state.turns_for("notes")
    told = state.shown == state.good[-1].run
    results = (
        _results(state, template, state.good[-1].run)
        if not told
        else {"rows": (), "revised": (), "last": 0, "previous": 0, "flags": ()}
    )
    missing = last.missing_sections if told else tuple(run for run in last.missing_sections if run != results["last"])
    return render(
        "notes",
        missing=missing,
        missing_rows={run: facts.rows(state, template, run) for run in missing},
        detail=asked[-1].detail if asked else "",
        failed=state.untold_failure,
        skipped=state.untold_failure in state.skipped,
        **results,
    )


def _claims(state: State) -> str:
    """The false claims with the facts; the second time, what was wrong with the first correction."""
    last = state.turns[-1]
    again = last.turn.purpose == "claims"
    return render("claims", claims=to_correct(state.turns), again=again, detail=last.detail if again else "")


def _plot(turn: Turn, state: State, setup: Setup) -> str:
    asked = state.turns_for("plot")
    drawn = state.plots[-1] if state.plots and state.plots[-1].attempt == turn.attempt - 1 else None
    problem = "" if turn.attempt == 1 else drawn.outcome if drawn else "unedited"
    return render(
        "plot",
        problem=problem,
        detail=drawn.feedback if drawn else asked[-1].detail if asked else "",
        timeout=setup.plot_timeout,
        attempt=turn.attempt,
        max_attempts=setup.max_attempts,
        runs=sorted(state.metrics),
    )


def _describe(turn: Turn, state: State) -> str:
    last = state.turns[-1]
    asked = state.turns_for("describe")
    return render(
        "describe",
        again=turn.attempt > 1,
        plots=state.plots[-1].plots,
        undescribed=last.undescribed,
        phantoms=last.phantoms,
        detail=asked[-1].detail if asked else "",
    )


def summary_of(state: State, template: Template, first_reply: str) -> str:
    """What takes the place of a chat that has become too long: the plan, the rules, and the results so far."""
    assert state.setup is not None
    return render(
        "summary",
        idea=state.setup.idea,
        task=template.task,
        plan=re.sub(r"^```.*?^```$", "", first_reply, flags=re.MULTILINE | re.DOTALL).strip()[:MAX_PLAN],
        max_runs=state.setup.max_runs,
        runs={run: facts.rows(state, template, run) for run in sorted(state.metrics)},
        fates=state.fates,
    )
