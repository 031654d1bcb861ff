"""Running experiment.py and plot.py: the command, its environment, and what its end means."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ai_scientist import folders
from ai_scientist.errors import LimitReached, UsageError
from ai_scientist.feedback import failure_text
from ai_scientist.files import tail
from ai_scientist.lab import CPU, Command, Executor, Exit, Lab, Limits, RunningId, Task
from ai_scientist.sandbox import Confinement, Sandbox
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.secrets import mask
from ai_scientist.study.events import AttemptStarted, Event, Setup, StartedCold
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.orders import NO_RUN, RunSkipped, while_running
from ai_scientist.template import check_environment

Record = Callable[[Event], None]

SKIPPED = "The person who follows the study skipped this run."

# What of the orchestrator's environment a run may see. No key, token or credential is among them.
PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
# What a template may say of a run that is the machine's to say in the end: executors/pinned.py has the last word.
SHARED = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
ENV = "/usr/bin/env"
OUT_OF_TIME = "the time for the whole study (--max-hours, --max-gpu-hours) is used up; what ran was ended"


@dataclass(frozen=True)
class Executed:
    """How a command of the study ended; `feedback` is for the agent, "" where it ended well.

    `skipped`: a person had the run stopped.
    """

    outcome: Literal["ok", "crashed", "timed_out", "stopped"]
    seconds: float
    feedback: str
    skipped: bool = False


def within_budget(lab: Lab, setup: Setup) -> Limits:
    """The limits of a run, its time no longer than what is left of the study's; LimitReached where none is left."""
    left = setup.budget.seconds_left(*lab.spent(), for_gpu=setup.device != CPU)
    return replace(setup.limits, seconds=min(setup.limits.seconds, left))


def run_experiment(
    lab: Lab, setup: Setup, run: int, attempt: int, record: Record, limits: Limits, *, smoke: bool = False
) -> Executed:
    """`python experiment.py --out_dir=run_N` in the study folder, its output in the run's folder.

    A smoke run has another profile and another folder. Raises LimitReached where the time of the whole study ended it.
    """
    out = lab.folder.smoke if smoke else lab.folder.run(run)
    variables = (setup.smoke or {}) if smoke else setup.environment
    arguments = ("experiment.py", f"--out_dir={out.name}")
    started = lambda it: record(AttemptStarted(run, attempt, it))  # noqa: E731
    cold = lambda why: record(StartedCold(run, attempt, why))  # noqa: E731
    begun = time.monotonic()
    try:
        heed = lambda: while_running(lab.folder, run, record)  # noqa: E731
        done = _execute(lab, setup, arguments, out, variables, limits, started, heed, cold=cold)
    except RunSkipped:
        return Executed("stopped", time.monotonic() - begun, SKIPPED, skipped=True)
    if done.outcome == "timed_out" and not smoke and limits.seconds < setup.limits.seconds:
        raise LimitReached(OUT_OF_TIME)
    return done


def run_plot(lab: Lab, setup: Setup, attempt: int, record: Record) -> Executed:
    """`python plot.py` in the folder that was laid out for it."""
    place = lab.folder.plot_output
    limits = within_budget(lab, setup)
    limits = replace(limits, seconds=min(limits.seconds, setup.plot_timeout))
    started = lambda it: record(AttemptStarted(-1, attempt, it))  # noqa: E731
    heed = lambda: while_running(lab.folder, NO_RUN, record)  # noqa: E731
    done = _execute(lab, setup, ("plot.py",), place, setup.environment, limits, started, heed, folder=place)
    if done.outcome == "timed_out" and limits.seconds < setup.plot_timeout:
        raise LimitReached(OUT_OF_TIME)
    return done


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """What a run's supervisor and sandbox are started with: the allow-list, quiet threads on exactly our cores.

    Of the template's `own` variables only those that mean nothing to these programs; the others are set inside.
    """
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {
        **passed,
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        # Waiting threads that sleep instead of spinning: oversubscribed cores slow down far less.
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
        **{name: own[name] for name in SHARED if name in own},
    }


def set_inside(own: Mapping[str, str]) -> tuple[str, ...]:
    """The words before a confined command that give it the template's variables: they must steer nothing outside.

    Raises UsageError for what cannot be a variable: they may come from the journal of another.
    """
    try:
        check_environment(own)
    except ValueError as error:
        raise UsageError(str(error)) from None
    words = [f"{name}={value}" for name, value in own.items() if name not in SHARED]
    return (ENV, *words) if words else ()


def _execute(
    lab: Lab,
    setup: Setup,
    own: tuple[str, ...],
    out: Path,
    variables: Mapping[str, str],
    limits: Limits,
    started: Callable[[RunningId], None],
    heed: Callable[[], None],
    folder: Path | None = None,
    cold: Callable[[str], None] | None = None,
) -> Executed:
    out.mkdir(exist_ok=True)
    confinement = Confinement(
        lab.folder.shown(),
        (out,),
        tuple(Path(data) for data in setup.data),
        setup.python,
        lab.folder.root,
        folder or lab.folder.root,
        network=setup.network,
        gpu=setup.device != CPU,
    )
    task = Task(own, variables, confinement, sandboxed=lab.sandbox.name != NoSandbox.name)
    command = replace(bound(task, lab.sandbox), heed=heed, say=lab.screen.say, cold=cold if setup.warm else None)
    return execute(lab.executor, command, limits, started, lab.screen.output)


def bound(task: Task, sandbox: Sandbox) -> Command:
    """The task as a command of this machine: the interpreter, confined, its output in the folder that it may write to.

    Raises UsageError as `set_inside` does.
    """
    it = task.confinement
    stdout, stderr = StudyFolder(it.root).output(it.writable[0])
    return Command(
        sandbox.wrap((*set_inside(task.variables), it.python, *task.arguments), it),
        it.folder,
        {**sandbox.environment(), **environment(task.variables)},
        stdout,
        stderr,
        it.writable[:1],
        init=sandbox.init,
        computes=it.folder == it.root,  # plot.py has a folder of its own, and needs no device
        task=task,
    )


def execute(
    executor: Executor,
    command: Command,
    limits: Limits,
    started: Callable[[RunningId], None] = lambda _: None,
    output: Callable[[str], None] = lambda _: None,
) -> Executed:
    """Have a bound task executed, and say how it ended."""
    ended = executor.run(command, limits, started, output)
    for out in command.writable:
        folders.disarm(out)
    own = command.task.arguments[:1] if command.task else ()
    return _judge(ended, tail(command.stdout), tail(command.stderr), own)


def _judge(ended: Exit, stdout: str, stderr: str, own: tuple[str, ...]) -> Executed:
    text = mask(failure_text(stdout, stderr, own))
    if ended.reason == "timed_out":
        return Executed("timed_out", ended.seconds, text)
    if ended.reason != "exited":
        return Executed("stopped", ended.seconds, ended.detail)
    number = -ended.code if ended.code < 0 else ended.code - 128  # a sandbox says 128 + signal, as shells do
    if number > 0:
        return Executed("crashed", ended.seconds, f"{text}\n(ended by signal {number})")
    return Executed("crashed", ended.seconds, text) if ended.code else Executed("ok", ended.seconds, "")
