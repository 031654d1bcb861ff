"""Write the report of a study, or of every study in a results folder with its index.

`ai-scientist report FOLDER` takes any study folder: old, unfinished, damaged, or of another system.
"""

import argparse
import os
import sys
from pathlib import Path

from ai_scientist.errors import MachineError, UsageError


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a study folder, or a results folder with studies")
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")


def run(given: argparse.Namespace) -> int:
    """0. Raises UsageError for a folder that holds no study."""
    from ai_scientist.report.browser import open_where_there_is_a_screen

    try:
        path = _write(given.folder)
    except OSError as error:
        raise MachineError(f"the report cannot be written: {error}. Make space, or the folder writable.") from None
    sys.stdout.write(f"{path}\n")
    if not given.no_open:
        open_where_there_is_a_screen(path, os.environ, terminal=sys.stdout.isatty())
    return 0


def _write(folder: Path) -> Path:
    from ai_scientist.report.index import results_of, write_index
    from ai_scientist.report.writing import write_report
    from ai_scientist.study.folder import study_folders

    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    studies = study_folders(folder)
    if studies:
        for study in studies:
            write_report(study)
        return write_index(folder)
    path = write_report(folder)
    results = results_of(folder.absolute())
    if results is not None:
        write_index(results)
    return path
