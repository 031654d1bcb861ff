"""What is to be done: studies to be begun, or to be gone on with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ai_scientist import foreign, planning, session
from ai_scientist.errors import AIScientistError, StudyError, UsageError
from ai_scientist.flags import Flags
from ai_scientist.lab import Usage
from ai_scientist.study.events import Setup
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import read_journal, spent_seconds
from ai_scientist.study.state import State, fold
from ai_scientist.surroundings import Surroundings
from ai_scientist.template import Template, read_template

NOTHING = Usage()


@dataclass(frozen=True)
class Job:
    """A study: a new one of a `template`, or the interrupted one in `folder`. `setup` is what it is begun with, or was.

    `before`: what was spent on it already (tokens and cost, seconds of work, seconds of running).
    """

    flags: Flags
    setup: Setup
    template: Template | None = None
    folder: Path | None = None
    before: tuple[Usage, float, float] = (NOTHING, 0.0, 0.0)

    @property
    def name(self) -> str:
        """What the study is called on the screen."""
        return self.setup.idea.name

    def work(self, around: Surroundings) -> bool:
        """Do it; whether the study is complete."""
        if self.template is not None:
            return session.begin(self.flags, self.template, self.setup, around)
        assert self.folder is not None
        return session.resume(self.flags, self.folder, around)


def resumable(flags: Flags, root: Path) -> tuple[list[Job], list[AIScientistError]]:
    """(the studies in `root`, or in the folders in it, that can be gone on with; why others cannot).

    Nothing where it holds no studies. Raises UsageError where all of them have ended, the error of one where none of
    the others can be gone on with.
    """
    found = list(_studies(root))
    jobs: list[Job] = []
    damaged: list[AIScientistError] = []
    for folder in found:
        try:
            jobs += unended(flags, folder)
        except (StudyError, UsageError) as error:  # its neighbours are gone on with all the same
            damaged.append(error)
    if damaged and not jobs:
        raise damaged[0]
    if found and not jobs:
        raise UsageError(f"--resume {root}: each of its {len(found)} studies has ended; nothing is left to do")
    return jobs, damaged


def unended(flags: Flags, folder: Path) -> list[Job]:
    """The study in the folder, if there is one that can be gone on with."""
    if not StudyFolder(folder).journal.is_file():
        return []
    foreign.refuse_links(StudyFolder(folder))
    state, seconds = _read(folder)
    if state.setup is None or state.ended is not None:
        return []
    setup = planning.changed(state.setup, flags, read_template(folder))
    return [Job(flags, setup, folder=folder, before=(state.usage, *seconds))]


def _studies(root: Path) -> Iterator[Path]:
    for pattern in ("*", "*/*"):
        yield from sorted(path.parent for path in root.glob(f"{pattern}/{StudyFolder(root).journal.name}"))


def _read(folder: Path) -> tuple[State, tuple[float, float]]:
    entries = read_journal(StudyFolder(folder).journal)
    return fold(entry.event for entry in entries), spent_seconds(entries)
