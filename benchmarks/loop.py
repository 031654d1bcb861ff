"""What the loop costs around an idea whose model and experiments take no time: `make bench`.

A study of 8 turns and 6 runs (the baseline among them) with the sandbox on, started from the command line as people
start it. Its times are read from its journal and transcript, processor time from the operating system.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path

from ai_scientist.agents.transcript import read_transcript
from ai_scientist.machine import hardware, probe
from ai_scientist.study.events import AttemptEnded, AttemptStarted, BaselineMeasured, PlotEnded, StudyEnded, TurnEnded
from ai_scientist.study.journal import Entry, read_journal

HERE = Path(__file__).parent
LAUNCHER = HERE.parent / "launch_scientist.py"


@dataclass(frozen=True)
class Times:
    """Seconds. `startup`: from python to the first turn's reply; `loop`: from there to the end of the study.

    `turn`, `run` and `plot` are medians of what one takes, from the event before it to its own (a run: from its start
    on). `processor`: user and system time of everything, `total`: until the process has ended.
    """

    startup: float
    loop: float
    total: float
    baseline: float
    turn: float
    run: float
    plot: float
    processor: float


def measure(flags: list[str]) -> Times:
    """Do the study once, in a place of its own."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, LAUNCHER, "--idea", "instant", "--recording", _recording(), "--no-open"]
        command += ["--templates-dir", HERE / "templates", "--results-dir", place, *flags]
        cpu, begun, wall = _processor(), time.monotonic(), time.time()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        total, cpu = time.monotonic() - begun, _processor() - cpu
        (journal,) = Path(place).glob("*/*/journal.jsonl")
        entries = read_journal(journal)
        first = _moment(read_transcript(journal.with_name("transcript.jsonl"))[0].time)
    assert sum(isinstance(entry.event, TurnEnded) for entry in entries) == 8
    assert sum(isinstance(entry.event, AttemptEnded) for entry in entries) == 5
    assert isinstance(entries[-1].event, StudyEnded)
    baseline, turn, run, plot = (_median(entries, it) for it in (BaselineMeasured, TurnEnded, AttemptEnded, PlotEnded))
    return Times(first - wall, entries[-1].time.timestamp() - first, total, baseline, turn, run, plot, cpu)


def _recording() -> Path:
    return HERE / "templates" / "instant" / "recordings" / "instant"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _median(entries: tuple[Entry, ...], kind: type) -> float:
    """The median seconds from what came before to an event of a kind, without the first turn, which waits for aider."""
    steps = [it for it in entries if not isinstance(it.event, AttemptStarted)]
    took = [
        (now.time - before.time).total_seconds()
        for before, now in itertools.pairwise(steps)
        if isinstance(now.event, kind) and not (isinstance(now.event, TurnEnded) and now.event.turn.number == 1)
    ]
    return statistics.median(took)


def _processor() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="studies of each kind (3)")
    given, flags = parser.parse_known_args()
    sys.stdout.write(f"{hardware()}; load {os.getloadavg()[0]:.1f}; {probe(sys.executable).versions}\n")
    names = [field.name for field in fields(Times)]
    sys.stdout.write("".join(f"{name:>11}" for name in ["", *names]) + "\n")
    taken = [measure(flags) for _ in range(given.repeat)]
    medians = [statistics.median(it) for it in zip(*map(astuple, taken), strict=True)]
    sys.stdout.write(f"{'median':>11}" + "".join(f"{seconds:11.2f}" for seconds in medians) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
