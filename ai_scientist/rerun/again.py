"""Executing a recorded run again, in a folder of its own: the study is read and never written."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ai_scientist import __version__, foreign
from ai_scientist.environments import interpreter_again, key_of
from ai_scientist.errors import UsageError
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.lab import CPU, Task
from ai_scientist.machine import probe
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics
from ai_scientist.outside import data_again
from ai_scientist.places import TEMPLATES
from ai_scientist.rerun.recorded import Recorded
from ai_scientist.sandbox import Confinement, Sandbox
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.events import Setup
from ai_scientist.study.execution import bound, execute
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.history import History
from ai_scientist.template import read_template


@dataclass(frozen=True)
class Rerun:
    """A recorded run laid out in a folder of its own, and with what it is executed again."""

    recorded: Recorded
    folder: StudyFolder
    python: str
    sandbox: Sandbox


def laid_out(study: Path, it: Recorded, place: Path, python: str, sandbox: Sandbox) -> Rerun:
    """The files of the run's commit in `place`, without its results: they must never be read as the new ones."""
    folder = StudyFolder(place)
    for path, content in History(study).files(it.commit):
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    shutil.rmtree(folder.run(it.run), ignore_errors=True)
    return Rerun(it, folder, python, sandbox)


def executed(rerun: Rerun) -> Metrics | str:
    """The metrics that the run measures now, or, in words, why there are none."""
    folder, setup, number = rerun.folder, rerun.recorded.setup, rerun.recorded.run
    out = folder.run(number)
    out.mkdir()
    confinement = Confinement(
        folder.shown(),
        (out,),
        tuple(map(Path, setup.data)),
        rerun.python,
        folder.root,
        folder.root,
        network=setup.network,
        gpu=setup.device != CPU,
    )
    own = ("experiment.py", f"--out_dir={out.name}")
    task = Task(own, setup.environment, confinement, sandboxed=rerun.sandbox.name != NoSandbox.name)
    done = execute(LocalExecutor(), bound(task, rerun.sandbox), setup.limits)
    if done.outcome != "ok":
        return f"{done.outcome.replace('_', ' ')}\n{done.feedback}"
    try:
        return read_metrics(folder.metrics(number))
    except InvalidMetrics as error:
        return str(error)


def differences(rerun: Rerun) -> list[str]:
    """What is not as it was when the study was done, in words: versions, device, interpreter, sandbox, data."""
    setup, machine = rerun.recorded.setup, probe(rerun.python)
    now = {"ai-scientist": __version__, "environment": key_of(rerun.python), **machine.versions}
    names = dict.fromkeys((*setup.versions, *now))
    said = [
        f"{name} {setup.versions.get(name) or 'none'}, now {now.get(name) or 'none'}"
        for name in names
        if setup.versions.get(name, "") != now.get(name, "")
    ]
    rest = {
        "device": (setup.device, machine.device),
        "interpreter": (setup.python, rerun.python),
        "sandbox": (setup.sandbox, rerun.sandbox.name),
    }
    said += [f"{name} {before}, now {after}" for name, (before, after) in rest.items() if before != after]
    return [*said, *(f"data {path} is gone" for path in setup.data if not Path(path).exists())]


def allowed(study: Path, setup: Setup, *, python: str, readable: Sequence[Path], network: bool) -> str:
    """The interpreter that executes a run again: the one named by `python`, "" for that of the study.

    Raises UsageError for what a study folder, which may be another's, does not decide alone: another interpreter than
    this one, packages to be installed, data, the network.
    """
    if setup.network and not network:
        raise UsageError(f"the runs of {study} use the network: allow it with --allow-network")
    own = foreign.own_template(setup.template, TEMPLATES)
    data_again(study, setup.data, readable, own)
    return interpreter_again(setup.python, python or None, read_template(study), own, _say)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
