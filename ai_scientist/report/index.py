"""All studies of a results folder in one table: a page, and plain data for the terminal and for machines."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ai_scientist.console import wording
from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text, write_bytes
from ai_scientist.prompts import signed
from ai_scientist.report.answer import best_result
from ai_scientist.report.html import render
from ai_scientist.report.ledger import local
from ai_scientist.report.standing import Standing, is_locked
from ai_scientist.report.study import Study, read_study
from ai_scientist.study.folder import StudyFolder, index_of, study_folders

MARK = '<meta name="generator" content="ai-scientist">'


@dataclass(frozen=True)
class Row:
    """A study. `cost` is in USD, None where a price is not known.

    `effect` is Hedges' g of the best result, above 0 in the better direction, None where it cannot be told. `claims`
    counts the verdicts of the claims in the notes. `folder` and `report` ("" where there is none) are relative to the
    results folder.
    """

    folder: str
    report: str
    template: str
    idea: str
    title: str
    standing: Standing
    started: str
    runs: int
    best: str
    effect: float | None
    verdict: str
    cost: float | None
    seconds: float
    claims: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The fields that `ai-scientist status --json` gives."""
        return asdict(self)

    @property
    def took(self) -> str:
        """The time of work in words."""
        return wording.duration(self.seconds)

    @property
    def paid(self) -> str:
        """The cost in words."""
        return "unknown" if self.cost is None else f"${self.cost:.2f}" if self.cost else "$0"

    @property
    def effect_in_words(self) -> str:
        """The effect size with its sign."""
        return "" if self.effect is None else signed(float(f"{self.effect:.3g}"))

    @property
    def claimed(self) -> str:
        """How many claims are verified, and how many are not."""
        total = sum(self.claims.values()) - self.claims.get("not_checkable", 0)
        if not total:
            return ""
        wrong = [f"{self.claims[it]} {it}" for it in ("contradicted", "unsupported") if self.claims.get(it)]
        return ", ".join([f"{self.claims.get('verified', 0)} of {total}", *wrong])


def index(results: Path) -> tuple[Row, ...]:
    """A row for each study of a results folder, the newest first."""
    rows = [_row(results, folder, _version(StudyFolder(folder))) for folder in study_folders(results)]
    return tuple(sorted(rows, key=lambda row: (row.started, row.folder), reverse=True))


def results_of(folder: Path) -> Path | None:
    """The results folder that a study lies in; None where the folder two above it has no index page of ours."""
    results = folder.parent.parent
    return results if _is_ours(index_of(results)) else None


def write_index(results: Path) -> Path:
    """Write index.html of a results folder. A page of that name that is not ours is a UsageError, and stays."""
    path = index_of(results)
    if path.exists() and not _is_ours(path):
        raise UsageError(f"{path} was not written by AI Scientist, and is left as it is; the index is not written")
    write_bytes(path, render("index.html.j2", rows=index(results), written=local(datetime.now(UTC))))
    return path


def _is_ours(path: Path) -> bool:
    try:
        return MARK in read_text(path, 100_000_000)[:10_000]
    except UnreadableFile:
        return False


def _version(folder: StudyFolder) -> tuple[Any, ...]:
    """What changes when a study changes, so that the others are not read again."""
    files = [path.stat() for path in (folder.journal, folder.notes, folder.plot) if path.is_file()]
    return (
        *((it.st_ino, it.st_mtime_ns, it.st_size) for it in files),
        is_locked(folder.journal),
        folder.report.is_file(),
    )


@lru_cache(maxsize=10_000)
def _row(results: Path, folder: Path, _: tuple[Any, ...]) -> Row:
    return row(read_study(folder), results)


def row(study: Study, results: Path) -> Row:
    """What the table says of a study."""
    best, effect, verdict = best_result(study)
    setup = study.state.setup
    folder = study.folder.root
    place = folder.relative_to(results.absolute())
    return Row(
        str(place),
        str(place / study.folder.report.name) if study.folder.report.is_file() else "",
        setup.template if setup else folder.parent.name,
        setup.idea.name if setup else "",
        study.title,
        study.standing,
        local(study.entries[0].time) if study.entries else "",
        len([run for run in study.results.metrics if run]),
        best,
        effect,
        verdict,
        study.state.usage.cost,
        study.seconds(),
        dict(Counter(claim.verdict for claim in study.claims)),
    )
