"""Follow a study that another process works on: each event as it comes, and how far the run is.

The journal is only read. It ends when the study does, or with Ctrl-C, which does not touch the study.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ai_scientist.report.study import Study
    from ai_scientist.study.state import State

POLL_SECONDS = 0.5
# A journal that says nothing for so long may be one that nobody writes any more.
QUIET_SECONDS = 2.0

Doing = Callable[[str], None]
"""Takes what is being done now, again and again."""


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a study folder")


def run(given: argparse.Namespace) -> int:
    """0 where the study ended complete, else 1. Raises UsageError for a folder without a journal."""
    from rich.console import Console

    from ai_scientist.report.study import read_study

    study = read_study(given.folder)
    if not study.folder.journal.is_file():
        raise UsageError(f"{given.folder} cannot be followed: it has no {study.folder.journal.name}")
    console = Console(highlight=False)
    with _shown(console) as doing:
        for line in follow(study, doing):
            console.print(line, markup=False, soft_wrap=True)
    return 0 if read_study(given.folder).standing == "complete" else 1


def follow(study: "Study", doing: Doing) -> Iterator[str]:
    """A line for each event, those so far first, until the study ends or no process works on it any more."""
    from ai_scientist.console import wording
    from ai_scientist.console.screens import clean
    from ai_scientist.report.ledger import local
    from ai_scientist.report.standing import MEANING, is_locked, standing
    from ai_scientist.study.journal import read_journal
    from ai_scientist.study.state import State, after

    state, told, since = State(), 0, time.monotonic()
    while True:
        entries = read_journal(study.folder.journal)
        for entry in entries[told:]:
            state = after(state, entry.event)
            if text := wording.line(entry.event, state, study.template):
                yield clean(f"{local(entry.time)} {text}")
        if told != len(entries):
            told, since = len(entries), time.monotonic()
        if state.ended or state.stopped:
            return
        if time.monotonic() - since > QUIET_SECONDS and not is_locked(study.folder.journal):
            yield MEANING[standing(study.folder.journal, state)]
            return
        if entries:
            seconds = (datetime.now(UTC) - entries[-1].time).total_seconds()
            doing(clean(f"{_doing(study, state)}, {wording.duration(seconds)}"))
        time.sleep(POLL_SECONDS)


def _doing(study: "Study", state: "State") -> str:
    """The command that runs, with its last line of progress; else that the agent works."""
    from ai_scientist.console.screens import MAX_SHOWN, PROGRESS, percent
    from ai_scientist.files import tail

    process, folder = state.process, study.folder
    if process is None:
        return "agent at work"
    if process.run < 0:
        return "plot.py"
    place = folder.smoke if folder.smoke.is_dir() else folder.run(process.run)
    lines = tail(folder.output(place)[0], 4_000).splitlines()
    found = next((match for line in reversed(lines) if (match := PROGRESS.fullmatch(line))), None)
    progress = f" {percent(found):.0f}% {(found.group(3) or '')[:MAX_SHOWN]}" if found else ""
    return f"{'smoke ' if place == folder.smoke else ''}run {process.run}, attempt {process.attempt}{progress}"


@contextmanager
def _shown(console: "Console") -> Iterator[Doing]:
    """Where what is being done is shown: a line that changes in a terminal, a line every half minute elsewhere."""
    from rich.markup import escape

    from ai_scientist.console.screens import PLAIN_SECONDS

    if console.is_terminal:
        with console.status("") as status:
            yield lambda text: status.update(escape(text))
        return
    quiet_until = time.monotonic() + PLAIN_SECONDS

    def said(text: str) -> None:
        nonlocal quiet_until
        if time.monotonic() >= quiet_until:
            quiet_until = time.monotonic() + PLAIN_SECONDS
            console.print(f"  {text}", markup=False, soft_wrap=True)

    yield said
