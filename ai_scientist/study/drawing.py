"""Running plot.py: in a folder of its own that shows it the study folder, so that it need not write elsewhere."""

import re
import shutil
from pathlib import Path

from ai_scientist import folders, notes, plotting
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import Lab
from ai_scientist.study.events import PlotEnded, PlotOutcome, Setup
from ai_scientist.study.execution import Record, run_plot
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.state import State
from ai_scientist.study.steps import DrawPlots

MAX_PLOTS = 500
MAX_PLOT_BYTES = 50_000_000
MAX_CODE_BYTES = 5_000_000
MAX_NAME = 100
# What a plot's name is rid of: it goes into prompts, notes and pages.
_UNUSUAL = re.compile(r"[^\w.-]")


def draw(step: DrawPlots, state: State, setup: Setup, lab: Lab, record: Record) -> PlotEnded:
    """Run plot.py, take its PNG files over into the study folder, and see whether they show every finished run."""
    lab.screen.doing("plot.py", 0, step.attempt, None)
    lay_out(lab.folder)
    done = run_plot(lab, setup, step.attempt, record)
    outcome: PlotOutcome = done.outcome
    feedback = done.feedback
    drawn = _drawn(lab.folder.plot_output)
    if drawn:
        _take_over(drawn, lab.folder)
    _tidy(lab.folder)
    if outcome == "ok" and not drawn:
        outcome = "no_plots"
    elif outcome == "ok" and (missing := _missing(lab.folder, state)):
        outcome, feedback = "missing_labels", f"these finished runs are not in `labels`: {missing}."
    plots = tuple(path.name for path in lab.folder.plots())
    return PlotEnded(step.attempt, outcome, done.seconds, feedback, plots, "")


def lay_out(folder: StudyFolder) -> None:
    """A fresh folder with plot.py and links to what else the study folder shows to its code."""
    folders.remove(folder.plot_output)
    folder.plot_output.mkdir()
    for path in folder.shown():
        if path.name != folder.plot.name:
            (folder.plot_output / path.name).symlink_to(Path("..") / path.name)
    shutil.copyfile(folder.plot, folder.plot_output / folder.plot.name)


def _drawn(place: Path) -> list[Path]:
    """The PNG files of a run of plot.py that may be taken over: regular, and of a size that a plot has."""
    found = [path for path in sorted(place.glob("*.png")) if path.is_file() and not path.is_symlink()]
    return [path for path in found[:MAX_PLOTS] if path.stat().st_size <= MAX_PLOT_BYTES]


def _take_over(drawn: list[Path], folder: StudyFolder) -> None:
    for old in folder.plots():
        old.unlink()
    for path in drawn:
        path.replace(folder.root / f"{_UNUSUAL.sub('_', path.stem)[:MAX_NAME]}.png")


def _tidy(folder: StudyFolder) -> None:
    """Leave what plot.py printed and made, without the links and the copy that were laid out for it."""
    for path in folder.plot_output.iterdir():
        if path.is_symlink() or path.name == folder.plot.name:
            folders.remove(path)  # plot.py may have put a folder in its own place


def _missing(folder: StudyFolder, state: State) -> str:
    try:
        code = read_text(folder.plot, MAX_CODE_BYTES)
    except UnreadableFile:
        code = ""
    return ", ".join(f"run_{run}" for run in notes.unlabelled(plotting.labels(code), code, state.metrics))
