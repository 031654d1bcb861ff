"""Whether a study is being worked on: from the end of its journal, and from the lock that a working process holds."""

import fcntl
from pathlib import Path
from typing import Literal

from ai_scientist.files import UnreadableFile, open_regular
from ai_scientist.study.state import State

Standing = Literal["running", "paused", "complete", "incomplete", "stopped", "broken off", "no journal"]

MEANING: dict[Standing, str] = {
    "running": "A process is working on it.",
    "paused": "A process waits with it until a person lets it go on: ai-scientist resume FOLDER.",
    "complete": "It ended with everything that a study should have.",
    "incomplete": "It ended, but something is missing.",
    "stopped": "It was stopped and can be resumed.",
    "broken off": "No process is working on it, and it did not say why it ended: it was killed. It can be resumed.",
    "no journal": "It has no journal that can be read: what happened is told from the files that are there.",
}

WORKED_ON: tuple[Standing, ...] = ("running", "paused")


def standing(journal: Path, state: State) -> Standing:
    """How a study stands. `state` is the fold of its journal, which may be empty."""
    if state.ended:
        return "complete" if state.ended.complete else "incomplete"
    if state.stopped:
        return "stopped"
    if is_locked(journal):
        return "paused" if state.paused and state.process is None else "running"
    return "broken off" if state.setup else "no journal"


def is_locked(journal: Path) -> bool:
    """Whether a process works on the journal: tried with a shared lock, let go at once, which Journal waits for."""
    try:
        with open_regular(journal) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, UnreadableFile):
        return False
    return False
