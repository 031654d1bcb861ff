"""The study folder: the one place that knows what lies where in it."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ai_scientist import folders
from ai_scientist.errors import UsageError

METRICS = "final_info.json"
NOTES = "notes.txt"
EDITABLE = ("experiment.py", "plot.py", NOTES)
# What of a template is not the experiment's: lists of ideas, recordings, results, and what belongs to write-ups.
NOT_SEEDED = (
    "ideas.json",
    "seed_ideas.json",
    "ideas_transcripts",
    "recordings",
    "run_*",
    "latex",
    "__pycache__",
    ".*",
    "*.png",
)


@dataclass(frozen=True)
class StudyFolder:
    """Every path of a study. Nothing else in the package puts a file's name together."""

    root: Path

    @property
    def experiment(self) -> Path:
        return self.root / "experiment.py"

    @property
    def plot(self) -> Path:
        return self.root / "plot.py"

    @property
    def notes(self) -> Path:
        return self.root / NOTES

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def transcript(self) -> Path:
        return self.root / "transcript.jsonl"

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def results_md(self) -> Path:
        """The result tables to be read; like results_csv written by the orchestrator alone."""
        return self.root / "results.md"

    @property
    def results_csv(self) -> Path:
        return self.root / "results.csv"

    @property
    def control(self) -> Path:
        """The inbox for what a person asks of the study while it runs."""
        return self.root / "control"

    def order(self, id_: str) -> Path:
        return self.control / f"{id_}.json"

    def orders(self) -> tuple[Path, ...]:
        """The files in the inbox, oldest first; those that are being written are not among them."""
        return tuple(sorted(path for path in self.control.glob("*.json") if not path.name.startswith(".")))

    @property
    def report(self) -> Path:
        """The page that shows the study."""
        return self.root / "report.html"

    def run(self, number: int) -> Path:
        """The folder that run `number` writes to."""
        return self.root / f"run_{number}"

    def code_of_run(self, number: int) -> Path:
        """The copy of experiment.py as run `number` ran it."""
        return self.root / f"run_{number}.py"

    def metrics(self, number: int) -> Path:
        return self.run(number) / METRICS

    def output(self, folder: Path) -> tuple[Path, Path]:
        """Where standard output and standard error of a command go."""
        return folder / "stdout.log", folder / "stderr.log"

    @property
    def smoke(self) -> Path:
        """The folder that a smoke run writes to; there only while it runs."""
        return self.root / "smoke"

    @property
    def plot_output(self) -> Path:
        """The folder that plot.py runs in, and its output."""
        return self.root / "plot_output"

    @property
    def jobs(self) -> Path:
        """What jobs of a cluster are handed over in; there only while they are."""
        return self.root / ".jobs"

    def shown(self) -> tuple[Path, ...]:
        """What the code of a study may see in its folder: everything but records, tables, evidence and plots."""
        return tuple(
            path
            for path in sorted(self.root.iterdir())
            if path not in self.owned and not path.name.startswith(".") and path.suffix != ".png"
        )

    @property
    def owned(self) -> set[Path]:
        """What the orchestrator alone writes: records, tables, evidence. No template brings it, no run sees it."""
        records = {self.journal, self.transcript, self.log, self.results_md, self.results_csv, self.report}
        return {*records, self.plot_output, self.smoke, self.control, self.failed}

    def beside(self) -> tuple[Path, ...]:
        """What came with the template and its runs may read beside experiment.py: data, other modules."""
        known = {self.root / name for name in (*EDITABLE, "prompt.json", "template.toml")}
        return tuple(
            path for path in self.shown() if path not in known and not re.fullmatch(r"run_\d+(\.py)?", path.name)
        )

    def strange(self) -> Iterator[Path]:
        """Links in the folder and in its repository, which no study has: what is written there would go elsewhere."""
        for path in sorted(self.root.iterdir()):
            if path.is_symlink() or (path.name == ".git" and not path.is_dir()):
                yield path
        for entry in folders.walk(self.root / ".git"):
            if entry.is_symlink():
                yield Path(entry.path)

    def plots(self) -> tuple[Path, ...]:
        """The PNG files beside plot.py, by name; links are not plots."""
        return tuple(sorted(path for path in self.root.glob("*.png") if path.is_file() and not path.is_symlink()))

    def kept(self) -> Iterator[Path]:
        """The regular files that are history: code, notes, tables, and of what runs leave their results alone."""
        for entry in folders.walk(self.root, enter=self._is_kept):
            if entry.is_file(follow_symlinks=False) and self._is_kept(entry):
                yield Path(entry.path)
        for path in sorted(self.root.glob(f"run_*/{METRICS}")):
            if path.is_file() and not path.is_symlink() and not path.parent.is_symlink():
                yield path

    def _is_kept(self, entry: os.DirEntry[str]) -> bool:
        path = Path(entry.path)
        ours = {self.journal, self.transcript, self.log, self.report, self.control}
        ours |= {self.smoke, self.plot_output, self.failed}
        of_a_run = path.parent == self.root and path.name.startswith("run_") and entry.is_dir(follow_symlinks=False)
        generated = path.name == "__pycache__" or path.suffix == ".png" or path.name.startswith(".")
        return not (path in ours or of_a_run or generated)

    @property
    def failed(self) -> Path:
        """The evidence of attempts that failed."""
        return self.root / "failed"

    def failed_attempt(self, run: int, attempt: int) -> Path:
        """Where the code and the output of a failed attempt of a run are kept."""
        return self.failed / f"run_{run}_attempt_{attempt}"

    def set_aside(self, folder: Path, target: Path) -> Path:
        """Move what an attempt left to the target, or `target_2` and so on: evidence is never overwritten."""
        number, free = 1, target
        while free.exists():
            number += 1
            free = target.with_name(f"{target.name}_{number}")
        free.parent.mkdir(exist_ok=True)
        folder.rename(free)
        return free


def study_folders(results: Path) -> tuple[Path, ...]:
    """The folders of the studies in a results folder, `<template>/<study>`, by name."""
    return tuple(sorted(path.parent for path in results.glob("*/*/journal.jsonl")))


def index_of(results: Path) -> Path:
    """The page that lists the studies of a results folder."""
    return results / "index.html"


def create(results: Path, template: str, idea: str, now: datetime) -> StudyFolder:
    """A new, empty folder `results/<template>/<YYYYmmdd_HHMMSS>_<idea>/`; a second one in the same second gets `_2`."""
    name = f"{now:%Y%m%d_%H%M%S}_{idea}"
    number = 1
    while True:
        root = results / template / (name if number == 1 else f"{name}_{number}")
        try:
            root.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise UsageError(f"cannot create {root}: {error.strerror}; choose another --results-dir") from None
        else:
            return StudyFolder(root)


def copy_template(source: Path, root: Path) -> None:
    """Copy what of a template belongs to a study into the study folder; links that lead out of it are left out."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        strange = {name for name in names if not _is_own(Path(folder, name), source)}
        return strange | _not_seeded(folder, names, source)

    shutil.copytree(source, root, ignore=left_out, dirs_exist_ok=True)


def leading_out(template: Path) -> list[Path]:
    """What of a template is no file or folder of its own: links that lead out of it, above all."""
    found = []
    for folder, inner, files in os.walk(template):
        inner[:] = sorted(set(inner) - _not_seeded(folder, inner, template))
        names = sorted({*inner, *files} - _not_seeded(folder, files, template))
        found += [Path(folder, name) for name in names if not _is_own(Path(folder, name), template)]
    return found


def _not_seeded(folder: str, names: list[str], template: Path) -> set[str]:
    ours = {name for name in names if Path(folder, name) in StudyFolder(template).owned | {template / NOTES}}
    return ours | set(shutil.ignore_patterns(*NOT_SEEDED)(folder, names))


def _is_own(path: Path, template: Path) -> bool:
    """A file or a folder of the template, or a link to such a file: one to a folder could lead round in a circle."""
    try:
        inside = Path(os.path.realpath(path)).is_relative_to(template.resolve())  # of a circle resolve() would raise
    except OSError:  # it may not be looked at
        return False
    return inside and (path.is_file() or (path.is_dir() and not path.is_symlink()))
