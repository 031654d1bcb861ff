"""What a study was done with: limits and sandbox in force, the machine, versions, hashes, and how to do it again."""

import shlex
from dataclasses import dataclass

from ai_scientist.console import wording
from ai_scientist.report.standing import WORKED_ON
from ai_scientist.report.study import Study
from ai_scientist.study.events import StudyStarted
from ai_scientist.study.steps import DONE, next_step


@dataclass(frozen=True)
class Fact:
    """A name and what is known of it."""

    name: str
    value: str


@dataclass(frozen=True)
class Command:
    """A command line and what it does."""

    line: str
    purpose: str


def at_a_glance(study: Study) -> tuple[Fact, ...]:
    """The few facts that stand at the top: cost, time, who answered, how large the experiment was."""
    setup, state = study.state.setup, study.state
    if setup is None:
        return (Fact("runs", str(len([run for run in study.results.metrics if run]))),)
    usage = state.usage
    worked = wording.duration(study.seconds())
    tokens = f"{usage.prompt_tokens:,} in{wording.cached(usage)}, {usage.completion_tokens:,} out"
    return (
        Fact("cost", wording.cost(usage) if usage.cost != 0 else "$0"),
        Fact("tokens", tokens if usage.prompt_tokens or usage.completion_tokens else "none"),
        Fact("time", worked),
        Fact("model", setup.model or "none: a recording answers"),
        Fact("profile", setup.profile),
        Fact("device", setup.device),
        Fact("turns", str(len(state.turns))),
        Fact("attempts", str(len(state.attempts))),
    )


def limits(study: Study) -> tuple[Fact, ...]:
    """Limits and sandbox in force."""
    setup = study.state.setup
    if setup is None:
        return ()
    limits, budget = setup.limits, setup.budget
    return (
        Fact("sandbox", setup.sandbox if setup.sandbox != "none" else "none: runs could do what the user can"),
        Fact("network", "allowed" if setup.network else "none"),
        Fact("data that runs may read", ", ".join(setup.data) or "none beyond the study"),
        Fact("runs", f"at most {setup.max_runs}, {setup.max_attempts} attempts each"),
        Fact("time of an attempt", wording.duration(limits.seconds)),
        Fact("time without output or work", _seconds(limits.stall_seconds)),
        Fact("time of plot.py", wording.duration(setup.plot_timeout)),
        Fact("memory", _gigabytes(limits.memory_bytes)),
        Fact("output", _gigabytes(limits.output_bytes)),
        Fact("disk", _gigabytes(limits.disk_bytes)),
        Fact("processes", f"{limits.processes:,}" if limits.processes else "no limit"),
        Fact("cost of the study", f"${budget.max_cost:g}" if budget.max_cost is not None else "no limit"),
        Fact("tokens of the study", f"{budget.max_tokens:,}" if budget.max_tokens is not None else "no limit"),
        Fact("hours of the study", _hours(budget.max_hours)),
        Fact("GPU hours of the study", _hours(budget.max_gpu_hours)),
    )


def environment(study: Study) -> tuple[Fact, ...]:
    """The machine, versions, seeds, and the hashes that name code and history."""
    setup = study.state.setup
    if setup is None:
        return ()
    started = next(entry.event for entry in study.entries if isinstance(entry.event, StudyStarted))
    return (
        Fact("template", setup.template),
        Fact("profile", f"{setup.profile}: {setup.profile_description}".removesuffix(": ")),
        *(Fact(f"variable {name}", value) for name, value in setup.environment.items()),
        Fact("device", setup.device),
        Fact("hardware", setup.hardware or "not recorded"),
        *(Fact(name, version) for name, version in setup.versions.items() if version),
        Fact("interpreter", setup.python),
        Fact("seeds", _seeds(study)),
        Fact("template's experiment.py", f"sha256 {started.code}"),
        Fact("last commit", study.state.commit),
        *(Fact(f"sealed file {name}", f"sha256 {value[:16]}") for name, value in study.state.seal.files.items()),
        *(Fact(f"sealed {name}", f"sha256 {value[:16]}") for name, value in study.state.seal.definitions.items()),
        Fact("the idea may change", ", ".join(setup.idea.may_change) or "nothing that is sealed"),
    )


def again(study: Study) -> tuple[Command, ...]:
    """The commands that reproduce the study, or go on with it."""
    folder = shlex.quote(str(study.folder.root))
    commands = []
    runs = [run for run in study.results.metrics if run]
    setup = study.state.setup
    if setup and runs:
        commands += [
            Command(
                wording.to_rerun(study.folder.root, setup, "--run", str(runs[-1])),
                "runs it again from its commit, in a new folder, and compares each metric with the recorded one",
            ),
            Command(wording.to_rerun(study.folder.root, setup, "--all"), "the same for every run"),
        ]
    if setup and next_step(study.state) is not DONE and study.standing not in WORKED_ON:
        commands.append(Command(wording.to_resume(study.folder.root, setup), "goes on where the study stands"))
    if (study.folder.root / ".git").is_dir():
        commands.append(Command(f"git -C {folder} log -p", "the study's history, a commit a step"))
    if study.results.metrics and study.notes:
        commands.append(Command(f"ai-scientist claims {folder}", "checks the notes against the results"))
    return (*commands, Command(f"ai-scientist report {folder}", "writes this page anew"))


def _seeds(study: Study) -> str:
    measured = [found for run in study.results.metrics.values() for found in run.values()]
    counts = {len(it.values) for found in measured for it in found.values()} - {0}
    paired = "; the same in every run, and compared in pairs" if study.template.paired else ""
    return f"{', '.join(map(str, sorted(counts)))} for each dataset{paired}" if counts else "not given by the runs"


def _seconds(seconds: float | None) -> str:
    return "no limit" if seconds is None else wording.duration(seconds)


def _gigabytes(size: int | None) -> str:
    return "no limit" if size is None else f"{size / 1e9:.3g} GB"


def _hours(hours: float | None) -> str:
    return "no limit" if hours is None else f"{hours:g} h"
