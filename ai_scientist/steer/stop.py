"""Stop a running study: at once, as Ctrl-C does, or after the run that is worked on. It can be resumed.

A reply that the model is writing is waited for: it is paid for, and kept. A provider's fault is not waited out.
"""

import argparse

from ai_scientist.steer.study import add_folder, study_in


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_folder(parser)
    parser.add_argument("--after-run", action="store_true", help="let the run that is worked on come to its end first")


def run(given: argparse.Namespace) -> int:
    """Give the order; the exit code."""
    study = study_in(given.folder)
    run = study.state.run if study.state.baseline else 0
    resume = f"go on with: ai-scientist resume {given.folder}"
    if given.after_run:
        said = f"it stops after {f'run {study.state.run}' if run else 'the baseline'}; {resume}"
        return study.order("stop-after-run", said, run=run)
    return study.order("stop", f"it stops; {resume}")
