"""One study as it always was, several at once: which of the two, and what they share."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

from rich.console import Console

from ai_scientist import inside, planning, session
from ai_scientist.batch import batch
from ai_scientist.batch.board import Board, Row
from ai_scientist.batch.jobs import Job, resumable, unended
from ai_scientist.batch.machines import Machines, machines
from ai_scientist.batch.machines import jobs as cluster_jobs
from ai_scientist.batch.purse import Purse
from ai_scientist.console import wording
from ai_scientist.errors import UsageError
from ai_scientist.executors import cgroup
from ai_scientist.executors.choose import engine_for, share
from ai_scientist.flags import Flags
from ai_scientist.idea import Idea
from ai_scientist.ideas.plain import one_line
from ai_scientist.lab import CPU, Usage
from ai_scientist.machine import probe
from ai_scientist.preloading import loading
from ai_scientist.sandbox.choose import choose
from ai_scientist.sandbox.none import NoSandbox
from ai_scientist.study.folder import StudyFolder
from ai_scientist.surroundings import alone
from ai_scientist.template import Template


def begin(flags: Flags, wanted: Sequence[tuple[Template, Idea]]) -> bool:
    """Pursue ideas; whether all of their studies are complete."""
    return _work([Job(flags, planning.plan(flags, template, idea), template) for template, idea in wanted], flags)


def resume(flags: Flags, root: Path) -> bool:
    """Go on with the interrupted study in a folder, or with every one that is in it; whether all are complete."""
    jobs, damaged = resumable(flags, root)
    for error in damaged:
        sys.stderr.write(f"launch_scientist.py: passed over: {one_line(str(error), 1000)}\n")
    if jobs := jobs or unended(flags, root):
        return _work(jobs, flags) and not damaged
    return session.resume(flags, root, alone(flags.gpus))


def _work(jobs: list[Job], flags: Flags) -> bool:
    if len(jobs) > 1 and flags.parallel != 1:
        return _side_by_side(jobs, flags)
    with loading():
        where = _verified(jobs, flags)
        chosen = where.devices[: where.devices_per_run] if flags.gpus or flags.gpus_per_run else None
        return _one_by_one(jobs, chosen if where.devices != (CPU,) else None)


def _one_by_one(jobs: Sequence[Job], gpus: tuple[str, ...] | None) -> bool:
    """Whether all are complete. What those that follow would meet, too, ends it."""
    of_all: list[str] = []
    complete = []
    for number, job in enumerate(jobs, 1):
        around = replace(alone(gpus), of_all=of_all.append)
        left = ", ".join(other.name for other in jobs[number:])
        try:
            complete.append(job.work(around))
        except KeyboardInterrupt:
            if not_begun := [other.name for other in jobs[number:] if other.folder is None]:
                around.console.print(wording.not_begun(not_begun), markup=False, soft_wrap=True)
            raise
        if of_all and left:
            around.console.print(f"Not begun, since it would be the same: {left}", markup=False, soft_wrap=True)
            return False
    return all(complete)


def _side_by_side(jobs: list[Job], flags: Flags) -> bool:
    setup = jobs[0].setup
    where = _verified(jobs, flags)
    if any(job.setup.approve for job in jobs):
        raise UsageError("--approve asks in this terminal, one study at a time: say --parallel 1")
    console = Console(highlight=False)
    held = cgroup.how_held()  # asked here first: a member could not tell the others from strangers
    _greet(jobs, where, held, console)
    share(engine_for(flags, setup.engine))
    budget = planning.changed_budget(setup.budget, flags)
    board = Board([Row(job.name, folder=str(job.folder or "")) for job in jobs], console, setup)
    return batch.pursue_all(jobs, where, Purse(budget, _before(jobs)), board)


def _verified(jobs: Sequence[Job], flags: Flags) -> Machines:
    """The devices that runs are given, after a look at what each interpreter finds of them inside the sandbox.

    On a cluster a job has looked, before there was a setup.
    """
    setup = jobs[0].setup
    engine = engine_for(flags, setup.engine)
    if engine.name != "local":
        return cluster_jobs(engine, flags.parallel, setup.device)
    where = machines(flags, probe(setup.python))
    for job in {job.setup.python: job for job in jobs}.values():
        home = job.template.folder if job.template else job.folder
        assert home is not None
        inside.verify(job.setup, choose(allow_none=job.setup.sandbox == NoSandbox.name), StudyFolder(home).experiment)
    return where


def _before(jobs: Sequence[Job]) -> tuple[Usage, float, float]:
    """What was spent on resumed studies. They were worked on side by side: of their hours the most count."""
    usage = reduce(lambda total, job: total + job.before[0], jobs, Usage())
    return usage, max(job.before[1] for job in jobs), sum(job.before[2] for job in jobs)


def _greet(jobs: Sequence[Job], where: Machines, held: str, console: Console) -> None:
    setup = jobs[0].setup
    recorded = sum(bool(job.setup.recording) for job in jobs)
    if recorded:
        console.print(
            f"For {recorded} of {len(jobs)} ideas no model is asked: a recording answers in its place. For a real "
            f"model set {planning.KEY}, or name any with --model.",
            style="yellow",
        )
    share = f", {where.runs_per_device} runs on each at once" if where.runs_per_device > 1 else ""
    console.print(
        f"{len(jobs)} ideas, runs on {', '.join(where.devices)} ({setup.device}){share}; limits hold for all together\n"
        f"sandbox: {choose(allow_none=setup.sandbox == NoSandbox.name).describe()}"
        + (f"; memory and tasks {held}" if setup.engine.name == "local" else ""),
        markup=False,
    )
