"""Kills studies: a program that tests run, since a killed orchestrator cannot be inside the test's own process.

    python killing.py PLACE KIND

For every event of the study's journal it starts the study in PLACE/<number>, kills it with SIGKILL at that event (KIND
"after": just after the event is written; "torn": in the middle of writing it), and resumes it. aider is imported once;
each study is a fork.
"""

import os
import signal
import sys
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


def study(place: Path, kind: str, at: int) -> bool:
    """Begin a study in `place` that is killed at event `at` (0: never)."""
    flags = parse(
        ["--idea", "learning_rate", "--recording", "recording", "--templates-dir", "templates", "--max-runs", "2"]
    )
    template, idea = launch.find("learning_rate", launch.templates(flags))
    setup = planning.plan(flags, template, idea)
    folder = StudyFolder(place / "study")
    folder.root.mkdir(parents=True)
    journal = FatalJournal(folder.journal, create=True)
    journal.kind, journal.at = kind, at
    with journal:
        return session.start(journal, folder, template, setup)


def in_a_fork(work: object, *arguments: object) -> int:
    """The exit code of `work(*arguments)` in a child process, negative for a signal."""
    child = os.fork()
    if child == 0:
        log = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(0 if work(*arguments) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def resumed(place: Path) -> bool:
    return launch.main(["--resume", str(place / "study")]) == 0


def main(place: Path, kind: str) -> None:
    AiderAgent.preload()
    print("undisturbed", in_a_fork(study, place / "0", kind, 0), flush=True)
    events = len((place / "0" / "study" / "journal.jsonl").read_bytes().splitlines())
    for at in range(2, events + 1):
        killed = in_a_fork(study, place / str(at), kind, at)
        print(at, killed, in_a_fork(resumed, place / str(at)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
