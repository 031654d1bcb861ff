"""End the run that is going on, with all its processes, and let the study go on with the next one."""

import argparse

from ai_scientist.errors import StudyError
from ai_scientist.steer.study import add_folder, study_in


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_folder(parser)


def run(given: argparse.Namespace) -> int:
    """Give the order; the exit code."""
    study = study_in(given.folder)
    if study.runs and not study.state.pending:
        what = "the baseline" if study.state.baseline is None else "plot.py or the agent"
        raise StudyError(f"no run is going on that could be skipped ({what} is at work); see ai-scientist stop --help")
    run = study.state.run
    return study.order("skip-run", f"run {run} is skipped; what it left is kept in failed/", run=run)
