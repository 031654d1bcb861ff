"""The study that a subcommand is about: where it stands, and whether a process works on it."""

import argparse
import fcntl
import sys
from dataclasses import dataclass
from pathlib import Path

from ai_scientist.errors import StudyError, UsageError
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import read_journal
from ai_scientist.study.orders import Action, give
from ai_scientist.study.state import State, fold


@dataclass(frozen=True)
class Study:
    """A study that is not over, as it stands now. `runs`: a process works on it."""

    folder: StudyFolder
    state: State
    runs: bool

    def order(self, action: Action, said: str, text: str = "", run: int = 0) -> int:
        """Give the order and say what becomes of it; the exit code. Raises StudyError where nobody would take it up."""
        if not self.runs and action != "tell":
            raise StudyError(f"{self.folder.root} is not running; to go on: ai-scientist resume {self.folder.root}")
        give(self.folder, action, text, run)
        sys.stdout.write(f"{said}\n")
        return 0


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Declare the argument FOLDER."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the study's folder")


def study_in(root: Path) -> Study:
    """The study in a folder. Raises UsageError where there is none, StudyError where it is over."""
    folder = StudyFolder(root.absolute())
    if not folder.journal.is_file():
        raise UsageError(f"{root} is not a study: it has no {folder.journal.name}")
    state = fold(entry.event for entry in read_journal(folder.journal))
    if state.ended:
        raise StudyError(f"{root} is over: there is nothing left to steer")
    return Study(folder, state, _is_worked_on(folder.journal))


def _is_worked_on(journal: Path) -> bool:
    """Whether a process holds the journal; a shared lock that is let go at once tells."""
    with journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
