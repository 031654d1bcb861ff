"""Kills studies: a program that tests run, since a killed orchestrator cannot be inside the test's own process.

    python killing.py PLACE KIND [EVENT...]
    python killing.py PLACE paid MODEL
    python killing.py PLACE random KILLS SEED

For every event of the study's journal the first starts the study in PLACE/<number>, kills it with SIGKILL at that event
(KIND "after": just after the event is written; "torn": in the middle of writing it), and resumes it. Orders in
./control wait in the inbox of each study from its beginning. The second asks MODEL, and kills at the end of each turn,
before it is in the journal: its reply is paid for. The third kills studies again and again at random times.
aider is imported once; each study is a fork. A line a study says its number, the kills (or how it was killed), and the
exit code in the end.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ai_scientist import launch, planning, session
from ai_scientist.agents.aider_agent import AiderAgent
from ai_scientist.flags import parse
from ai_scientist.study.events import Event
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import Entry, Journal, encode


class FatalJournal(Journal):
    """A journal whose process is killed at one of its events."""

    kind = "after"
    at = 0

    def append(self, event: Event) -> Entry:
        number = len(self.entries) + 1
        if number == self.at and self.kind == "torn":
            line = encode(Entry(self.entries[-1].time, event), number)
            os.write(self._file.fileno(), line[: len(line) // 2])
        if number == self.at and self.kind != "after":
            os.kill(os.getpid(), signal.SIGKILL)
        entry = super().append(event)
        if number == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return entry


def study(place: Path, kind: str, at: int, voice: tuple[str, ...] = ("--recording", "recording")) -> bool:
    """Begin a study in `place` that is killed at event `at` (0: never)."""
    flags = parse(["--idea", "learning_rate", *voice, "--templates-dir", "templates", "--max-runs", "2"])
    template, idea = launch.find("learning_rate", launch.templates(flags))
    setup = planning.plan(flags, template, idea)
    folder = StudyFolder(place / "study")
    folder.root.mkdir(parents=True)
    if Path("control").is_dir():
        shutil.copytree("control", folder.control)
    journal = FatalJournal(folder.journal, create=True)
    journal.kind, journal.at = kind, at
    with journal:
        return session.start(journal, folder, template, setup)


def in_a_fork(work: Callable[..., bool], *arguments: object, seconds: float | None = None) -> int:
    """The exit code of `work(*arguments)` in a child process, -9 if it was killed, by itself or after `seconds`."""
    child = os.fork()
    if child == 0:
        log = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(0 if work(*arguments) else 1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def resumed(place: Path) -> bool:
    return launch.main(["--resume", str(place / "study")]) == 0


def at_every_event(place: Path, kind: str, only: list[int]) -> None:
    """One study for each event of the journal (or for `only` some), killed there and resumed."""
    print("undisturbed", in_a_fork(study, place / "0", kind, 0), flush=True)
    events = len((place / "0" / "study" / "journal.jsonl").read_bytes().splitlines())
    for at in only or range(2, events + 1):
        killed = in_a_fork(study, place / str(at), kind, at)
        print(at, killed, in_a_fork(resumed, place / str(at)), flush=True)


def at_every_paid_reply(place: Path, model: str) -> None:
    """One study for each turn, killed when its reply is kept and its edit applied, and resumed."""
    voice = ("--model", model)
    print("undisturbed", in_a_fork(study, place / "0", "", 0, voice), flush=True)
    events = (place / "0" / "study" / "journal.jsonl").read_bytes().splitlines()
    for at in (number for number, line in enumerate(events, 1) if b'"TurnEnded"' in line):
        killed = in_a_fork(study, place / str(at), "before", at, voice)
        print(at, killed, in_a_fork(resumed, place / str(at)), flush=True)


def at_random_times(place: Path, kills: int, seed: int) -> None:
    """Studies that are killed again and again, at times drawn by the seed, until so many kills are reached."""
    begun_at = time.monotonic()
    print("undisturbed", in_a_fork(study, place / "0", "", 0), flush=True)
    longest = max(1.5, 0.75 * (time.monotonic() - begun_at))  # on a busy machine, too, a study gets on between kills
    rng, done, number = random.Random(seed), 0, 0
    while done < kills:
        number += 1
        exit_code, killed = -9, 0
        while exit_code == -9:
            journal = place / str(number) / "study" / "journal.jsonl"
            begun = journal.exists() and journal.read_bytes().count(b"\n") > 0
            if not begun:
                shutil.rmtree(place / str(number), ignore_errors=True)
            seconds = rng.uniform(0.05, longest)
            if begun:
                exit_code = in_a_fork(resumed, place / str(number), seconds=seconds)
            else:
                exit_code = in_a_fork(study, place / str(number), "", 0, seconds=seconds)
            killed += exit_code == -9
        done += killed
        print(number, killed, exit_code, flush=True)


if __name__ == "__main__":
    AiderAgent.preload()
    if sys.argv[2] == "random":
        at_random_times(Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[2] == "paid":
        at_every_paid_reply(Path(sys.argv[1]), sys.argv[3])
    else:
        at_every_event(Path(sys.argv[1]), sys.argv[2], [int(number) for number in sys.argv[3:]])
