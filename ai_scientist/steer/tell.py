"""Tell a study something in your own words: it stands in the next prompt, as yours, and in the journal."""

import argparse

from ai_scientist.errors import UsageError
from ai_scientist.steer.study import add_folder, study_in

MAX_CHARACTERS = 10_000


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_folder(parser)
    parser.add_argument("text", metavar="TEXT", help="what the agent is to read")


def run(given: argparse.Namespace) -> int:
    """Give the order; the exit code."""
    if not given.text.strip():
        raise UsageError("there is nothing to tell: the text is empty")
    if len(given.text) > MAX_CHARACTERS:
        raise UsageError(f"the text has {len(given.text):,} characters; at most {MAX_CHARACTERS:,} go into a prompt")
    study = study_in(given.folder)
    later = "" if study.runs else " once the study is resumed"
    return study.order("tell", f"it will be in the next prompt{later}", given.text.strip())
