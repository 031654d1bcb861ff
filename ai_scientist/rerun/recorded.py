"""What a study recorded of its runs, as far as it takes to execute one again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.metrics import InvalidMetrics, Metrics, read_metrics
from ai_scientist.study.events import AttemptEnded, BaselineMeasured, Setup, StudyResumed, StudyStarted
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.history import History
from ai_scientist.study.journal import read_journal


@dataclass(frozen=True)
class Recorded:
    """A finished run: its results, the commit that holds its code, and the setup that was in force.

    `changed`: run_N/final_info.json is not what the journal recorded. `origin`: where a baseline was brought from.
    """

    run: int
    metrics: Metrics
    commit: str
    setup: Setup
    changed: bool
    origin: str = ""


def recorded(root: Path) -> Mapping[int, Recorded]:
    """Run number -> what was recorded of it. Raises UsageError where `root` is no study, or no run finished."""
    folder = StudyFolder(root)
    if not folder.journal.is_file():
        raise UsageError(f"{root} is not a study: it has no {folder.journal.name}")
    found: dict[int, Recorded] = {}
    setup: Setup | None = None
    for entry in read_journal(folder.journal):
        event = entry.event
        if isinstance(event, StudyStarted | StudyResumed):
            setup = event.setup
        elif setup is not None and isinstance(event, BaselineMeasured):
            found[0] = _of(folder, 0, event.metrics, event.commit, setup, event.origin)
        elif setup is not None and isinstance(event, AttemptEnded) and event.metrics is not None:
            found[event.run] = _of(folder, event.run, event.metrics, event.commit, setup)
    if not found:
        raise UsageError(f"{root} has no finished run to execute again")
    return found


def _of(folder: StudyFolder, run: int, metrics: Metrics, commit: str, setup: Setup, origin: str = "") -> Recorded:
    if not History(folder.root).knows(commit):
        raise UsageError(f"{folder.root}: its git history does not hold commit {commit[:10]}, the code of run {run}")
    try:
        changed = read_metrics(folder.metrics(run)) != metrics
    except InvalidMetrics:
        changed = True
    return Recorded(run, metrics, commit, setup, changed, origin)
