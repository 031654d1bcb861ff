"""What can only be told of a template by running it: its experiment twice, and plot.py, in the sandbox."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ai_scientist.check import Finding, error, warning
from ai_scientist.compare import MIN_SEEDS
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.hints import hint
from ai_scientist.lab import Limits, Task
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics, seeds_matter
from ai_scientist.sandbox import Confinement, Sandbox
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.drawing import lay_out
from ai_scientist.study.execution import Executed, bound, execute
from ai_scientist.study.folder import StudyFolder, copy_template
from ai_scientist.template import TIMING, Profile, Template

WATCH = Path(__file__).parent / "watch"
WATCHED = "network.log"


@dataclass(frozen=True)
class Trial:
    """With what a template is tried. `say` tells a person what is being done."""

    template: Template
    profile: Profile
    python: str
    sandbox: Sandbox
    data: tuple[str, ...]
    network: bool
    gpu: bool
    limits: Limits
    say: Callable[[str], None]

    @property
    def experiment(self) -> str:
        return str(self.template.folder / "experiment.py")

    @property
    def plot(self) -> str:
        return str(self.template.folder / "plot.py")


def tried(trial: Trial) -> list[Finding]:
    """Everything that is found by running the experiment into two folders, and plot.py on what is there then."""
    with tempfile.TemporaryDirectory(prefix="ai-scientist-check-") as place:
        folder = StudyFolder(Path(place).resolve() / "study")
        copy_template(trial.template.folder, folder.root)
        return list(_experiment(trial, folder))


def _experiment(trial: Trial, folder: StudyFolder) -> Iterator[Finding]:
    first = _baseline(trial, folder, 0)
    if isinstance(first, Finding):
        yield first
        return
    yield from _network(folder.run(0), trial.experiment)
    yield from _results(trial, first)
    second = _baseline(trial, folder, 1)
    if isinstance(second, Finding):
        yield replace(second, message=f"it works with --out_dir=run_0, but not with --out_dir=run_1: {second.message}")
        return
    yield from _repeated(trial, first, second)
    yield from _plots(trial, folder)


def _baseline(trial: Trial, folder: StudyFolder, run: int) -> Metrics | Finding:
    trial.say(f"experiment.py --out_dir=run_{run} (profile {trial.profile.name}) ...")
    done = _run(trial, folder, ("experiment.py", f"--out_dir=run_{run}"), folder.run(run), trial.limits)
    if done.outcome == "timed_out":
        advice = "give template.toml a profile smoke that takes seconds, or raise --run-timeout"
        message = f"did not end within {trial.limits.seconds:g} s, so that nothing more could be tried; {advice}"
        return warning(trial.experiment, 0, "baseline", message)
    if done.outcome != "ok":
        advice = hint(done.feedback, trial.python, network=trial.network)
        said = "\n".join(filter(None, (f"fails ({done.outcome.replace('_', ' ')}):", _indented(done.feedback), advice)))
        return error(trial.experiment, _line(done.feedback, "experiment.py"), "baseline", said)
    try:
        return read_metrics(folder.metrics(run))
    except InvalidMetrics as problem:
        return error(trial.experiment, 0, "final-info", f"ends well, but {problem}")


def _run(trial: Trial, folder: StudyFolder, own: tuple[str, ...], out: Path, limits: Limits) -> Executed:
    out.mkdir(exist_ok=True)
    place = folder.plot_output if out == folder.plot_output else folder.root
    readable = (*map(Path, trial.data), WATCH)
    confinement = Confinement(
        folder.shown(), (out,), readable, trial.python, folder.root, place, network=trial.network, gpu=trial.gpu
    )
    watching = {"PYTHONPATH": str(WATCH), "AI_SCIENTIST_WATCH": str(out / WATCHED)}
    variables = {**trial.profile.environment, **watching}
    task = Task(own, variables, confinement, sandboxed=trial.sandbox.name != NoSandbox.name)
    return execute(LocalExecutor(), bound(task, trial.sandbox), limits)


def _network(out: Path, file: str) -> Iterator[Finding]:
    try:
        noted = read_text(out / WATCHED, 1_000_000)
    except UnreadableFile:
        return
    seen: dict[int, str] = {}
    for attempt in noted.splitlines():
        line, _, wanted = attempt.partition(" ")
        seen.setdefault(int(line) if line.isdecimal() else 0, wanted)
    for number, wanted in seen.items():
        message = f"tries to use the network ({wanted:.100}), which runs do not have; ship what it needs as a file"
        yield warning(file, number, "network", message)


def _results(trial: Trial, metrics: Metrics) -> Iterator[Finding]:
    """Whether the results hold what verdicts need, and what template.toml says of them."""
    settings = str(trial.template.folder / "template.toml")
    known = {name for measured in metrics.values() for name in measured}
    if trial.template.primary and trial.template.primary not in known:
        message = f'primary = "{trial.template.primary}" is no metric of final_info.json ({", ".join(sorted(known))})'
        yield error(settings, 0, "metrics", message)
    for name in trial.template.metrics:
        if name not in known:
            yield error(settings, 0, "metrics", f"[metrics.{name}] is no metric of final_info.json; correct the name")
    values = [it.values for measured in metrics.values() for it in measured.values()]
    seeds = min(map(len, values))
    if seeds < MIN_SEEDS:
        message = (
            f'gives {seeds or "no"} values a seed in "final_info_dict"; with fewer than {MIN_SEEDS} nothing can be '
            f"said of a difference"
        )
        yield warning(trial.experiment, 0, "seeds", message)
    elif not seeds_matter(_untimed(metrics)):
        message = "all seeds give the same values: seed the data, the first weights and the batches by the seed"
        yield error(trial.experiment, 0, "seeds-matter", message)


def _repeated(trial: Trial, first: Metrics, second: Metrics) -> Iterator[Finding]:
    if {it: [*first[it]] for it in first} != {it: [*second[it]] for it in second}:
        yield error(
            trial.experiment, 0, "repeats", "writes other datasets or metrics when it is run again; fix their names"
        )
        return
    changed = [
        f"{metric} of {dataset}"
        for dataset, measured in _untimed(first).items()
        for metric, it in measured.items()
        if it != second[dataset][metric]
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        message = (
            f"gives other results when it is run again ({', '.join(changed[:3])}{more}): seed random, numpy and torch "
            f"at the start of every training, and iterate over no set"
        )
        yield error(trial.experiment, 0, "repeats", message)


def _untimed(metrics: Metrics) -> Metrics:
    return {
        dataset: {name: it for name, it in measured.items() if not TIMING.search(name)}
        for dataset, measured in metrics.items()
    }


def _plots(trial: Trial, folder: StudyFolder) -> Iterator[Finding]:
    trial.say("plot.py ...")
    lay_out(folder)
    limits = replace(trial.limits, seconds=min(trial.limits.seconds, 600.0))
    done = _run(trial, folder, ("plot.py",), folder.plot_output, limits)
    yield from _network(folder.plot_output, trial.plot)
    if done.outcome != "ok":
        said = f"fails on the baseline ({done.outcome.replace('_', ' ')}):\n{_indented(done.feedback)}"
        yield error(trial.plot, _line(done.feedback, "plot.py"), "plot", said)
    elif not any(path.is_file() and not path.is_symlink() for path in folder.plot_output.glob("*.png")):
        yield error(trial.plot, 0, "plot", "writes no PNG file beside itself; let it save its plots there")


def _line(feedback: str, name: str) -> int:
    """The last line of the script that a traceback names."""
    lines = re.findall(rf'File "[^"\n]*{re.escape(name)}", line (\d+)', feedback)
    return int(lines[-1]) if lines else 0


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
