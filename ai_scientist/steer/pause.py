"""Pause a running study before its next step. What is going on (a run, a reply) comes to its end first."""

import argparse

from ai_scientist.steer.study import add_folder, study_in


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_folder(parser)


def run(given: argparse.Namespace) -> int:
    """Give the order; the exit code."""
    said = f"it pauses before its next step; go on with: ai-scientist resume {given.folder}"
    return study_in(given.folder).order("pause", said)
