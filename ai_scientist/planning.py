"""From flags to the setup of a study: who answers, what runs it, and its limits. What can be wrong is found here."""

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ai_scientist import __version__, foreign
from ai_scientist.agents.transcript import Replay
from ai_scientist.budget import Budget
from ai_scientist.environments import interpreter_again, interpreter_for, key_of
from ai_scientist.errors import RecordingError, UsageError
from ai_scientist.executors import warm
from ai_scientist.executors.choose import engine_for, node_of
from ai_scientist.files import not_utf8
from ai_scientist.flags import DEFAULT_MODEL, GIGABYTE, Flags
from ai_scientist.idea import Idea
from ai_scientist.inside import uses_torch
from ai_scientist.lab import Engine, Limits
from ai_scientist.machine import Machine, hardware, probe
from ai_scientist.metrics import InvalidMetrics, read_metrics
from ai_scientist.outside import data_again, declared_data, further_data, guarded, network, self_contained
from ai_scientist.sandbox.choose import choose
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.events import LOCAL, Setup
from ai_scientist.study.folder import METRICS, StudyFolder
from ai_scientist.template import CODE, SMOKE, Template
from ai_scientist.yardstick.seal import seal

KEY = "ANTHROPIC_API_KEY"


def plan(flags: Flags, template: Template, idea: Idea) -> Setup:
    """What a new study is started with. Raises UsageError for what can be seen to be wrong before it begins."""
    _known_to_the_seal(idea, template)
    self_contained(template)
    _in_utf8(template)
    model, recording = _voice(flags, template, idea)
    data = (*declared_data(template), *further_data(flags.data))
    python = interpreter_for(template, flags.python, _say)  # last: it may install packages
    engine = engine_for(flags, LOCAL)
    machine, sandbox, works_on = _node(
        engine, python, template.folder, flags.results_dir, sandboxed=not flags.no_sandbox
    )
    profile = template.profile(flags.profile, machine.kind)
    trial = template.profiles.get(SMOKE)
    return Setup(
        idea=idea,
        template=template.name,
        profile=profile.name,
        profile_description=profile.description,
        environment=profile.environment,
        device=machine.device,
        model=model,
        recording=recording,
        python=python,
        max_runs=flags.value("max_runs"),
        max_attempts=flags.value("max_attempts"),
        limits=_limits(flags),
        plot_timeout=flags.value("plot_timeout"),
        budget=Budget(flags.max_cost, flags.max_tokens, flags.max_hours, flags.max_gpu_hours),
        retry_minutes=flags.value("retry_for"),
        price=_price(flags),
        smoke=trial.environment if trial and profile.name != SMOKE else None,
        sandbox=sandbox,
        network=guarded(engine, network(template, allowed=flags.allow_network)),
        data=data,
        versions={"ai-scientist": __version__, "environment": key_of(python), **machine.versions, **_named(engine)},
        claims=flags.value("claims"),
        baseline=str(_baseline(flags.baseline)) if flags.baseline else "",
        approve=_approve(asked=bool(flags.approve)),
        hardware=works_on,
        warm=_warm(engine, flags, sandbox, python),
        engine=engine,
    )


def changed(setup: Setup, flags: Flags, template: Template) -> Setup:
    """The setup of an interrupted study with the flags that --resume was given in place of its own.

    `template` is read from the study folder: an environment that is no longer in the cache is made anew. Raises
    UsageError for what such a folder, which may be another's, does not decide alone.
    """
    begun_here = foreign.begun_here(StudyFolder(template.folder))
    if not begun_here:
        foreign.refuse(template.folder, setup, flags)
    own = foreign.own_template(setup.template, flags.templates_dir)
    names = ("max_runs", "max_attempts", "plot_timeout", "claims")
    same = {name: value for name in names if (value := getattr(flags, name))}
    given: dict[str, Any] = dict(same)
    given["budget"] = changed_budget(setup.budget, flags)
    given["limits"] = replace(_whole(setup.limits, flags), **_given_limits(flags))
    given["retry_minutes"] = flags.retry_for or setup.retry_minutes
    given["price"] = _price(flags) or (setup.price if begun_here and flags.model in (None, setup.model) else None)
    given["approve"] = _approve(asked=setup.approve if flags.approve is None else flags.approve)
    given["data"] = data_again(template.folder, setup.data, flags.data, own, known=setup.data if begun_here else ())
    given["python"] = interpreter_again(setup.python, flags.python, template, own, _say)
    given |= _moved(setup, flags, template, given["python"])
    if flags.model or flags.recording:
        given |= {"model": flags.model or "", "recording": str(_recording(flags.recording) if flags.recording else "")}
    given["warm"] = _warm(given["engine"], flags, given["sandbox"], given["python"])
    return replace(setup, **given)


def _warm(engine: Engine, flags: Flags, sandbox: str, python: str) -> bool:
    return engine.name == "local" and not flags.cold_runs and warm.possible(sandbox, python)


def _moved(setup: Setup, flags: Flags, template: Template, python: str) -> dict[str, Any]:
    """Where the runs of a resumed study are done from now on. Raises UsageError where they could not be compared."""
    engine, before = engine_for(flags, setup.engine), setup.engine.name
    sandboxed = not flags.no_sandbox  # none only where it is said again
    guarded(engine, setup.network)
    if engine.name == before == "local":
        return {"engine": engine, "sandbox": choose(allow_none=not sandboxed).name, "hardware": hardware()}
    if engine.name == before:
        kept = sandboxed and setup.sandbox != NoSandbox.name
        return {"engine": engine, "sandbox": setup.sandbox if kept else choose(allow_none=not sandboxed).name}
    machine, sandbox, works_on = _node(engine, python, template.folder, template.folder, sandboxed=sandboxed)
    if machine.device != setup.device:
        raise UsageError(
            f"--executor {engine.name}: runs there would use {machine.device}, those before used {setup.device}, and "
            f"could not be compared; go on with --executor {before}, or begin anew"
        )
    return {"engine": engine, "sandbox": sandbox, "hardware": works_on}


def _node(engine: Engine, python: str, code: Path, place: Path, *, sandboxed: bool) -> tuple[Machine, str, str]:
    """(what the interpreter finds where runs are done, the sandbox there, the hardware there)."""
    if engine.name == "local":
        return probe(python), choose(allow_none=not sandboxed).name, hardware()
    torch = uses_torch(StudyFolder(code).experiment)
    node = node_of(engine, python, place.absolute(), _say, sandboxed=sandboxed, torch=torch)
    return node.machine, node.sandbox, node.hardware


def _named(engine: Engine) -> dict[str, str]:
    """The engine among the versions: a baseline that was measured elsewhere is another one."""
    return {} if engine.name == "local" else {"engine": engine.name}


def changed_budget(budget: Budget, flags: Flags) -> Budget:
    """The limits of a whole study, those that are given in place of its own."""
    names = ("max_cost", "max_tokens", "max_hours", "max_gpu_hours")
    return replace(budget, **{name: value for name in names if (value := getattr(flags, name))})


def _approve(*, asked: bool) -> bool:
    if asked and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--approve asks a person before each run, in a terminal, and this is none: use --no-approve")
    return asked


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _in_utf8(template: Template) -> None:
    """Raises UsageError for code that the agent could not edit."""
    for name in CODE:
        path = template.folder / name
        if line := not_utf8(path.read_bytes()):
            raise UsageError(f"{path}, line {line}, is not UTF-8, in which the agent edits: save the file as UTF-8")


def _known_to_the_seal(idea: Idea, template: Template) -> None:
    """Raises UsageError for a sealed name that is not there, and for one in may_change that nothing seals."""
    sealed = seal(template.folder, template.protected)
    unknown = [name for name in idea.may_change if name not in sealed.files and name not in sealed.definitions]
    if unknown:
        raise UsageError(
            f"idea {idea.name} may change {', '.join(unknown)}, which template {template.name} does not seal"
        )


def _baseline(folder: Path) -> Path:
    """The folder of a run_0 that was measured elsewhere. Raises UsageError where its results cannot be used."""
    try:
        read_metrics(folder / METRICS)
    except InvalidMetrics as error:
        raise UsageError(f"--baseline {folder}: {error}") from None
    return folder.resolve()


def _limits(flags: Flags) -> Limits:
    return Limits(
        flags.value("run_timeout"),
        flags.value("stall_timeout"),
        int(GIGABYTE * flags.value("max_memory")),
        int(GIGABYTE * flags.value("max_output")),
        flags.value("max_processes"),
        int(GIGABYTE * flags.value("max_disk")),
    )


def _whole(limits: Limits, flags: Flags) -> Limits:
    """The limits of a study that goes on; in place of one that is none, as no study has them, what flags or we say."""
    ours = vars(_limits(flags))
    return Limits(**{name: it if it and math.isfinite(it) else ours[name] for name, it in vars(limits).items()})


def _given_limits(flags: Flags) -> Mapping[str, Any]:
    whole = _limits(flags)
    fields = {
        "run_timeout": "seconds",
        "stall_timeout": "stall_seconds",
        "max_memory": "memory_bytes",
        "max_output": "output_bytes",
        "max_processes": "processes",
        "max_disk": "disk_bytes",
    }
    return {field: getattr(whole, field) for flag, field in fields.items() if getattr(flags, flag) is not None}


def _price(flags: Flags) -> tuple[float, float] | None:
    return None if flags.price_in is None or flags.price_out is None else (flags.price_in, flags.price_out)


def _voice(flags: Flags, template: Template, idea: Idea) -> tuple[str, str]:
    """(model, recording): what was asked for, else Claude if there is a key, else the recording of the idea."""
    if flags.recording:
        return "", str(_recording(flags.recording))
    if flags.model or os.environ.get(KEY):
        return flags.model or DEFAULT_MODEL, ""
    # A recording answers for the idea that it was made for, not for another one of the same name.
    shipped = template.recording(idea.name) if any(idea.same_as(other) for other in template.ideas()) else None
    if shipped is None:
        recorded = [other.name for other in template.ideas() if template.recording(other.name)]
        raise UsageError(
            f"no model for {idea.name}: set {KEY}, or name one with --model. Without a key these ideas of template "
            f"{template.name} can be tried by a recording: {', '.join(recorded) or 'none'}"
        )
    return "", str(shipped.absolute())


def _recording(path: Path) -> Path:
    """The recording or transcript that answers. Raises UsageError where it is none, before anything is measured."""
    if path.is_file():
        try:
            Replay(path)
        except RecordingError as error:
            raise UsageError(f"--recording: {error}") from None
    elif not path.is_dir():
        raise UsageError(f"--recording {path}: there is no such file or folder")
    elif not any(path.glob("*.md.j2")):
        raise UsageError(
            f"--recording {path} holds no replies (run_1.attempt_1.md.j2 and so on); of a study name its "
            "transcript.jsonl"
        )
    return path.absolute()
