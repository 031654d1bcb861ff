"""Fixtures: a place with the tiny template, and a way to launch a study with the replies that a test gives."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ai_scientist import launch
from ai_scientist.study.events import Event
from ai_scientist.study.journal import Entry, encode, read_journal
from ai_scientist.study.state import State, fold

TINY = Path(__file__).parent / "templates" / "tiny"


def block(file: str, search: str, replace: str) -> str:
    """A SEARCH/REPLACE block."""
    return f"{file}\n```python\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n```\n"


def rate(old: str, new: str) -> str:
    """An edit of the learning rate."""
    return block("experiment.py", f"LEARNING_RATE = {old}", f"LEARNING_RATE = {new}")


def add_notes(after: str, text: str) -> str:
    """An edit that adds text to notes.txt after a line."""
    return block("notes.txt", after, f"{after}\n\n{text}")


def processes_in(folder: Path) -> list[psutil.Process]:
    """The living processes that work in a folder or beneath it."""
    found = psutil.process_iter(["cwd", "status"])
    return [it for it in found if str(it.info["cwd"]).startswith(str(folder)) and it.info["status"] != "zombie"]


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Return when the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def rewritten(study: Path, change: Callable[[Event], Event]) -> None:
    """The study's journal with its events changed, with right checksums."""
    path = study / "journal.jsonl"
    entries = read_journal(path)
    path.write_bytes(b"".join(encode(Entry(it.time, change(it.event)), n) for n, it in enumerate(entries, 1)))


@dataclass(frozen=True)
class Bench:
    """A folder with templates and results, and what a test does there."""

    root: Path

    @property
    def template(self) -> Path:
        return self.root / "templates" / "tiny"

    @property
    def results(self) -> Path:
        return self.root / "results"

    def record(self, replies: Mapping[str, str]) -> Path:
        """A recording with these replies, by turn key."""
        folder = self.root / "recording"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for key, reply in replies.items():
            (folder / f"{key}.md.j2").write_text(reply)
        return folder

    def launch(self, *flags: str, idea: str = "learning_rate") -> int:
        """Launch a study in this place; its exit code."""
        places = ("--templates-dir", str(self.root / "templates"), "--results-dir", str(self.results))
        return launch.main(["--idea", idea, *places, *flags])

    def study(self, replies: Mapping[str, str], *flags: str) -> int:
        """Launch a study whose agent gives these replies; its exit code."""
        return self.launch("--recording", str(self.record(replies)), *flags)

    @property
    def folder(self) -> Path:
        """The one study folder there is."""
        (found,) = [path.parent for path in self.results.glob("tiny/*/journal.jsonl")]
        return found

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(entry.event for entry in read_journal(self.folder / "journal.jsonl"))

    @property
    def state(self) -> State:
        return fold(self.events)

    def of(self, kind: type) -> list:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def sent(self) -> dict[str, str]:
        """What the agent was told, by turn key (the last request of each turn)."""
        lines = (self.folder / "transcript.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        about = [f"run_{r['run']}" if r["purpose"] == "run" else r["purpose"] for r in records]
        return {f"{who}.attempt_{r['attempt']}": r["said"] for who, r in zip(about, records, strict=True)}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The tiny template in a place of its own, with no key in the environment."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TINY, tmp_path / "templates" / "tiny")
    return Bench(tmp_path)


@pytest.fixture
def small_disk(bench: Bench) -> Iterator[Path]:
    """A file system of its own with little more than the room that preflight asks for."""
    place = bench.root / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1100m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (that needs root)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


GOOD = {
    "run_1.attempt_1": "Plan: two rates.\n"
    + rate("0.1", "0.2")
    + add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled."),
    "run_2.attempt_1": "It helped.\n"
    + rate("0.2", "0.4")
    + add_notes(
        "The rate is doubled.",
        "Results: loss {{ runs[1]['narrow'].loss.mean }}.\n\n## Run 2: rate 0.4\nThe rate is doubled once more.",
    ),
    "notes.attempt_1": add_notes(
        "The rate is doubled once more.", "Results: loss {{ runs[2]['narrow'].loss.mean }}.\n\n## Conclusion\nFaster."
    ),
    "plot.attempt_1": block(
        "plot.py",
        'labels = {"run_0": "Baseline"}',
        'labels = {"run_0": "Baseline", "run_1": "rate 0.2", "run_2": "rate 0.4"}',
    ),
    "describe.attempt_1": add_notes(
        "Faster.", "## Plots\n- loss_narrow.png: loss, one bar a run.\n- loss_wide.png: the same for the wide points."
    ),
}
"""Replies that make a complete study of two runs."""

PLAIN = {
    **GOOD,
    "run_2.attempt_1": GOOD["run_2.attempt_1"].replace("{{ runs[1]['narrow'].loss.mean }}", "lower"),
    "notes.attempt_1": GOOD["notes.attempt_1"].replace("{{ runs[2]['narrow'].loss.mean }}", "lower"),
}
"""The same without templates, as a live model would say it."""

SILENT = {"describe.attempt_1": ""}
"""An agent that has no reply for the first run."""

WRONG = "On narrow the loss is higher than that of the baseline."
RIGHT = "On narrow the loss is lower than that of the baseline."
LYING = GOOD | {"run_2.attempt_1": GOOD["run_2.attempt_1"].replace("\n\n## Run 2", f"\n{WRONG}\n\n## Run 2")}
CORRECTED = LYING | {"claims.attempt_1": block("notes.txt", WRONG, RIGHT)}
"""A study of two runs whose agent corrects a claim when it is told."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study with a crash, a contradicted claim and plots; for all tests that only read one."""
    place = tmp_path_factory.mktemp("finished")
    shutil.copytree(TINY, place / "templates" / "tiny")
    bench = Bench(place)
    replies = {
        **{("run_1.attempt_2" if key == "run_1.attempt_1" else key): reply for key, reply in GOOD.items()},
        "run_1.attempt_1": rate("0.1", "0.1 / 0"),
        "run_1.attempt_2": GOOD["run_1.attempt_1"].replace("= 0.1\n", "= 0.1 / 0\n"),
        "notes.attempt_1": add_notes(
            "The rate is doubled once more.",
            "The loss on narrow is higher than the baseline.\n\n## Conclusion\nFaster.",
        ),
    }
    assert bench.study(replies, "--max-runs", "2", "--claims", "warn") == 0
    return bench.folder
