"""Let a study go on: a paused one in its own process, a stopped one in this one, as --resume does."""

import argparse

from ai_scientist import launch
from ai_scientist.steer.study import add_folder, study_in


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_folder(parser)


def run(given: argparse.Namespace) -> int:
    """Give the order, or go on here; the exit code."""
    study = study_in(given.folder)
    if not study.runs:
        return launch.main(["--resume", str(given.folder)])
    return study.order(
        "resume", "it goes on" if study.state.paused else "it is running; a pause that is asked for ends"
    )
