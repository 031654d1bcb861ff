"""Interrupts members of a batch: a program that tests run, since a signal must not reach the test's own process.

    python interrupting.py PLACE COUNT SEED

Studies are begun in PLACE/results as members of a batch, each in a fork, and interrupted at times drawn by the seed, as
by Ctrl-C in a terminal: the reason by the pipe, SIGTERM, the terminal's own SIGINT, in any order. Each is gone on with
and interrupted again until it is complete. A line a time: the exit code, the last event, and its reason.
"""

import multiprocessing
import os
import random
import signal
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from ai_scientist import launch, planning
from ai_scientist.agents.aider_agent import AiderAgent
from ai_scientist.batch import messages
from ai_scientist.batch.jobs import Job
from ai_scientist.batch.member import Stop, pursue
from ai_scientist.flags import parse
from ai_scientist.study.events import Event, Stopped, StudyEnded
from ai_scientist.study.journal import read_journal

REASON = "the test wants it so"


def follow(pipe: Connection, process: BaseProcess, seconds: float, order: list[str]) -> int:
    """Be the batch of one member, interrupt it after so many seconds, and wait for its end; its exit code."""
    end, left = time.monotonic() + seconds, list(order)
    while True:
        if pipe.poll(0 if left and time.monotonic() > end else 0.01):
            try:
                said = pipe.recv()
            except (EOFError, ConnectionResetError):
                break
            answer = {messages.Want: ("cpu",), messages.Reserve: "", messages.AskSpent: (0.0, 0.0)}.get(type(said))
            if answer is not None:
                pipe.send(answer)
        elif left and time.monotonic() > end:
            interrupt(pipe, process, left.pop(0))
    process.join()
    return process.exitcode or 0


def interrupt(pipe: Connection, process: BaseProcess, how: str) -> None:
    try:
        if how == "pipe":
            pipe.send(Stop(REASON))
        elif process.pid:
            os.kill(process.pid, signal.SIGTERM if how == "term" else signal.SIGINT)
    except (BrokenPipeError, ProcessLookupError):
        pass  # it has ended


def last(folder: Path | None) -> Event | None:
    """The last event of a study's journal; None where it was not begun."""
    entries = read_journal(folder / "journal.jsonl") if folder else ()
    return entries[-1].event if entries else None


def at_random_times(results: Path, count: int, seed: int) -> None:
    given = ["--idea", "learning_rate", "--recording", "recording", "--max-runs", "2", "--no-sandbox"]
    flags = parse([*given, "--templates-dir", "templates", "--results-dir", str(results)])
    template, idea = launch.find("learning_rate", launch.templates(flags))
    fresh = job = Job(flags, planning.plan(flags, template, idea), template)
    context, rng, over, done = multiprocessing.get_context("fork"), random.Random(seed), set[Path](), 0
    while done < count:
        ours, theirs = context.Pipe()
        process = context.Process(target=pursue, args=(job, theirs, 1, dict(os.environ)))
        process.start()
        theirs.close()
        order = ["pipe", "term", "int"]
        rng.shuffle(order)
        code = follow(ours, process, rng.uniform(0.0, 2.5), order)
        folder = next(iter({path.parent for path in results.glob("tiny/*/journal.jsonl")} - over), None)
        event = last(folder)
        print(code, type(event).__name__, getattr(event, "reason", ""), flush=True)
        done += not isinstance(event, StudyEnded)
        if folder and not isinstance(event, Stopped):
            over.add(folder)
        job = Job(flags, fresh.setup, folder=folder) if folder and isinstance(event, Stopped) else fresh


if __name__ == "__main__":
    AiderAgent.preload()
    at_random_times(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
