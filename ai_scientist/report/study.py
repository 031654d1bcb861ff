"""A study as it lies in its folder: read and never changed, with whatever is missing or damaged said in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from ai_scientist.agents.transcript import Exchange, read_transcript
from ai_scientist.claims.check import check
from ai_scientist.claims.folder import MAX_NOTES_BYTES, results_of
from ai_scientist.claims.model import Claim, Results
from ai_scientist.claims.reading import headings
from ai_scientist.compare import Comparison, Key, against_baseline
from ai_scientist.errors import MachineError, StudyError, UsageError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.report.standing import WORKED_ON, Standing, standing
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.history import History
from ai_scientist.study.journal import Entry, read_journal, spent_seconds
from ai_scientist.study.state import State, fold
from ai_scientist.template import Template, read_template

Better = Literal["lower", "higher"] | None


@dataclass(frozen=True)
class Study:
    """What is known of a study. `gaps` say what is missing or cannot be read; without a journal the state is empty."""

    folder: StudyFolder
    entries: tuple[Entry, ...]
    state: State
    exchanges: tuple[Exchange, ...]
    template: Template
    results: Results
    notes: str
    claims: tuple[Claim, ...]
    comparisons: Mapping[Key, Comparison]
    standing: Standing
    gaps: tuple[str, ...]

    @property
    def title(self) -> str:
        """The idea's title; without a journal, that of the notes or the folder's name."""
        if self.state.setup:
            return self.state.setup.idea.title
        first = self.notes.partition("\n")[0]
        return first.removeprefix("# Title:").strip() if first.startswith("# Title:") else self.folder.root.name

    @property
    def primary(self) -> str:
        """The metric that the answer is given by: the template's, else the first of the first dataset."""
        metrics = self.results.metrics
        names = [name for measured in metrics.values() for values in measured.values() for name in values]
        return self.template.primary if self.template.primary in names or not names else names[0]

    def better(self, metric: str) -> Better:
        """Which way a metric is better, None where nobody says."""
        return self.results.better.get(metric)

    def name(self, run: int) -> str:
        """What a run is called in plot.py or, failing that, in the notes."""
        return self.results.labels.get(run, "Baseline" if run == 0 else "")

    def seconds(self, now: datetime | None = None) -> float:
        """What was worked on it so far."""
        return spent_seconds(self.entries, now if self.standing in WORKED_ON else None)[0]


def read_study(root: Path) -> Study:
    """Read a study folder of ours or of another system. Raises UsageError where nothing of a study is in it."""
    if not root.is_dir():
        raise UsageError(f"{root} is no folder")
    folder = StudyFolder(root.absolute())
    gaps: list[str] = []
    entries = _journal(folder, gaps)
    state = _folded(entries, gaps)
    template = _template(folder, gaps)
    notes = _notes(folder, gaps)
    results = _results(folder, state, template, notes, gaps)
    if not (entries or results.metrics or notes or folder.journal.exists()):
        raise UsageError(f"{root} is no study: it has no journal.jsonl, no run_N/final_info.json and no notes.txt")
    return Study(
        folder,
        entries,
        state,
        _exchanges(folder, gaps),
        template,
        results,
        notes,
        check(notes, results) if results.metrics else (),
        against_baseline(results.metrics, results.better, paired=template.paired) if 0 in results.metrics else {},
        standing(folder.journal, state),
        tuple(gaps),
    )


def code_of(study: Study, run: int) -> str | None:
    """experiment.py as a run ran it: the copy beside the run, else what the history holds; None where it is lost."""
    try:
        return read_text(study.folder.code_of_run(run), MAX_NOTES_BYTES)
    except UnreadableFile:
        pass
    if not (study.folder.root / ".git").is_dir():
        return None
    try:
        return History(study.folder.root).text(study.folder.experiment.name, study.folder.run(run).name)
    except MachineError:
        return None


def failed_code(study: Study, run: int, attempt: int) -> str | None:
    """experiment.py as a failed attempt ran it; None where it is lost."""
    try:
        return read_text(study.folder.failed_attempt(run, attempt) / study.folder.experiment.name, MAX_NOTES_BYTES)
    except UnreadableFile:
        return None


def _journal(folder: StudyFolder, gaps: list[str]) -> tuple[Entry, ...]:
    try:
        return read_journal(folder.journal)
    except FileNotFoundError:
        gaps.append("There is no journal.jsonl: attempts that failed, cost and time are not known.")
    except (OSError, StudyError) as error:
        gaps.append(f"The journal is not used: {error}")
    return ()


def _folded(entries: tuple[Entry, ...], gaps: list[str]) -> State:
    try:
        return fold(entry.event for entry in entries)
    except StudyError as error:
        gaps.append(f"The journal is not used: {error}")
        return State()


def _template(folder: StudyFolder, gaps: list[str]) -> Template:
    try:
        return read_template(folder.root)
    except UsageError as error:
        gaps.append(f"The template's settings are not known: {error}")
        return Template(folder.root, "", "")


def _results(folder: StudyFolder, state: State, template: Template, notes: str, gaps: list[str]) -> Results:
    """Those of the journal where there is one; else those of the files that the runs left. Names also from headings."""
    try:
        found = results_of(folder.root)
    except UsageError as error:
        found = Results({}, {name: metric.better for name, metric in template.metrics.items()})
        if not state.setup:
            gaps.append(f"{error}.")
    found = replace(found, labels={**headings(notes), **found.labels})
    return replace(found, metrics=state.metrics) if state.setup else found


def _notes(folder: StudyFolder, gaps: list[str]) -> str:
    try:
        return read_text(folder.notes, MAX_NOTES_BYTES)
    except UnreadableFile as error:
        gaps.append(f"notes.txt {error}.")
        return ""


def _exchanges(folder: StudyFolder, gaps: list[str]) -> tuple[Exchange, ...]:
    try:
        return read_transcript(folder.transcript)
    except FileNotFoundError:
        gaps.append("There is no transcript.jsonl: the conversation is not known.")
    except (OSError, StudyError) as error:
        gaps.append(f"The conversation is not shown: {error}")
    return ()
