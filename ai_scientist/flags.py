"""The flags of the launcher. A bad value is one clear line and exit code 2."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ai_scientist.places import TEMPLATES

RUN_TIMEOUT = 7200.0
PLOT_TIMEOUT = 600.0
MAX_RUNS = 5
MAX_ATTEMPTS = 4


class Parser(argparse.ArgumentParser):
    """argparse with one line for an error, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


@dataclass(frozen=True)
class Flags:
    """What was asked for. None: not given, so that --resume keeps what the study was started with."""

    idea: list[str]
    template: str | None
    templates_dir: Path
    results_dir: Path
    model: str | None
    recording: Path | None
    profile: str | None
    max_runs: int | None
    max_attempts: int | None
    run_timeout: float | None
    plot_timeout: float | None
    python: str | None
    resume: Path | None
    list_ideas: bool


def parse(arguments: list[str] | None) -> Flags:
    """The flags; exits with code 2 and one line where they are wrong."""
    parser = Parser(
        prog="launch_scientist.py",
        description="Pursue research ideas: edit the experiment, run it, read the results, plot, write notes.",
    )
    _add(parser)
    flags = Flags(**vars(parser.parse_args(arguments)))
    if not (flags.idea or flags.resume or flags.list_ideas):
        parser.error("say what to do: --idea NAME, --resume FOLDER or --list-ideas")
    if flags.resume and (flags.idea or flags.profile or flags.template):
        parser.error("--resume goes on with the idea, template and profile of its study; leave those flags out")
    if flags.model and flags.recording:
        parser.error("--model and --recording exclude each other")
    return flags


def _add(parser: Parser) -> None:
    add = parser.add_argument
    add("--idea", action="append", default=[], metavar="NAME", help="an idea to pursue; may be given several times")
    add("--template", metavar="NAME", help="look for the idea in this template only")
    add("--templates-dir", type=Path, default=TEMPLATES, metavar="DIR", help="where the templates are")
    add("--results-dir", type=Path, default=Path("results"), metavar="DIR", help="where studies go (default: results)")
    add("--model", metavar="NAME", help="the model, by litellm's name: claude-opus-4-6, openai/NAME, ...")
    add("--recording", type=Path, metavar="PATH", help="a recording's folder or a transcript.jsonl, instead of a model")
    add("--profile", metavar="NAME", help="the size of the experiment (default: the template's for this device)")
    add("--max-runs", type=_count, metavar="N", help=f"runs of a study (default: {MAX_RUNS})")
    add(
        "--max-attempts",
        type=_count,
        metavar="N",
        help=f"attempts of each run and of plot.py (default: {MAX_ATTEMPTS})",
    )
    add("--run-timeout", type=_seconds, metavar="SECONDS", help=f"limit of an attempt (default: {RUN_TIMEOUT:.0f})")
    add("--plot-timeout", type=_seconds, metavar="SECONDS", help=f"limit of plot.py (default: {PLOT_TIMEOUT:.0f})")
    add("--python", metavar="PATH", help="the interpreter that runs experiment.py and plot.py (default: this one)")
    add("--resume", type=Path, metavar="FOLDER", help="go on with an interrupted study")
    add("--list-ideas", action="store_true", help="list the ideas of all templates")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 1 to 1000')
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of seconds above 0')
    return seconds
