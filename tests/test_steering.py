"""A person steers a running study from another terminal: real processes, real runs, each order heeded exactly once."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import GOOD, Bench, add_notes, block, processes_in, rate, wait_for
from providers import Answer, serving

from ai_scientist import launch
from ai_scientist.__main__ import main
from ai_scientist.study.events import (
    AttemptEnded,
    AttemptStarted,
    RunApproved,
    Steered,
    Stopped,
    StudyEnded,
    TurnEnded,
)
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import Entry, Journal, read_journal, spent_seconds
from ai_scientist.study.orders import Order, give, heeded, waiting
from ai_scientist.study.state import State, after

ROOT = Path(__file__).parent.parent
KILLING = Path(__file__).parent / "killing.py"
HANGS = GOOD | {
    "run_1.attempt_1": rate("0.1", '0.2; __import__("time").sleep(100)')
    + add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled."),
    "run_2.attempt_1": rate("0.1", "0.4") + add_notes("The rate is doubled.", "Skipped.\n\n## Run 2: rate 0.4\nMore."),
    "notes.attempt_1": add_notes("## Run 2: rate 0.4\nMore.", "It helps.\n\n## Conclusion\nFaster."),
    "plot.attempt_1": block(
        "plot.py", 'labels = {"run_0": "Baseline"}', 'labels = {"run_0": "Baseline", "run_2": "rate 0.4"}'
    ),
}


@pytest.fixture
def start(bench: Bench) -> Callable[..., subprocess.Popen[str]]:
    """Launch a study in a process of its own."""

    def launched(*flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "launch_scientist.py"), *flags]
        return subprocess.Popen(command, cwd=bench.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return launched


def new(bench: Bench, replies: dict[str, str], *flags: str) -> list[str]:
    recording = str(bench.record(replies))
    return [
        "--idea",
        "learning_rate",
        "--templates-dir",
        "templates",
        "--max-runs",
        "2",
        "--recording",
        recording,
        *flags,
    ]


def happened(bench: Bench, kind: type, **about: object) -> bool:
    """Whether an event of that kind, with these fields, is in the journal."""
    journals = list(bench.results.glob("tiny/*/journal.jsonl"))
    events = [entry.event for entry in read_journal(journals[0])] if journals else []
    return any(isinstance(it, kind) and all(getattr(it, key) == value for key, value in about.items()) for it in events)


def test_tell_pause_skip_and_resume_a_running_study(
    bench: Bench, start: Callable, capsys: pytest.CaptureFixture
) -> None:
    process = start(*new(bench, HANGS))
    wait_for(lambda: happened(bench, AttemptStarted, run=1), 60)
    folder = str(bench.folder)
    assert main(["tell", folder, "try 0.4 next"]) == 0
    assert main(["pause", folder]) == 0
    assert main(["skip-run", folder]) == 0
    wait_for(lambda: happened(bench, AttemptEnded, outcome="skipped"))
    wait_for(lambda: any(event.order.action == "pause" for event in bench.of(Steered)))
    assert not processes_in(bench.folder / "run_1")
    time.sleep(1)
    assert len(bench.of(TurnEnded)) == 1  # it waits
    capsys.readouterr()
    assert main(["status"]) == 0
    assert "\tpaused\t" in capsys.readouterr().out
    assert not (bench.folder / "run_1").exists()
    assert (bench.folder / "failed" / "run_1_attempt_1" / "experiment.py").is_file()
    assert main(["resume", folder]) == 0
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "was skipped" in out
    assert "failed for good" not in out
    assert "Run 1 was skipped" in (bench.folder / "results.md").read_text()
    prompt = bench.sent()["run_2.attempt_1"]
    assert "skipped run 1" in prompt
    assert "\n> try 0.4 next\n" in prompt
    assert "try 0.4 next" not in bench.sent()["notes.attempt_1"]
    assert bench.of(StudyEnded)[0].remarks == ("run 1 was skipped",)
    assert sorted(event.order.action for event in bench.of(Steered)) == ["pause", "resume", "skip-run", "tell"]
    assert not list((bench.folder / "control").iterdir())


def test_stop_at_once_and_after_the_run(bench: Bench, start: Callable) -> None:
    gate = bench.root / "gate"
    gate.touch()
    code = (bench.template / "experiment.py").read_text()
    gated = f'while LEARNING_RATE == 0.2 and os.path.exists("{gate}"):\n    __import__("time").sleep(0.05)\n'
    (bench.template / "experiment.py").write_text(code.replace("\ndef train(", f"\n{gated}\n\ndef train("))
    process = start(*new(bench, GOOD, "--no-sandbox"))
    wait_for(lambda: happened(bench, AttemptStarted, run=1), 60)
    folder = str(bench.folder)
    assert main(["stop", folder]) == 0
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1, out
    assert "stopped: a person asked it to stop." in out
    assert not processes_in(bench.folder)
    assert main(["pause", folder]) == 1

    process = start("--resume", folder)
    wait_for(lambda: len(bench.of(AttemptStarted)) == 3, 60)
    assert main(["stop", folder, "--after-run"]) == 0
    time.sleep(0.5)
    assert process.poll() is None
    gate.unlink()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1, out
    assert [attempt.outcome for attempt in bench.of(AttemptEnded)] == ["ok"]
    assert [event.reason for event in bench.of(Stopped)][-1] == "a person asked it to stop after the run."

    assert main(["tell", folder, "be careful"]) == 0
    assert main(["resume", folder]) == 0  # in this process, as --resume does
    assert "be careful" in bench.sent()["run_2.attempt_1"]
    assert main(["tell", folder, "more"]) == 1  # it is over


def test_stop_does_not_wait_out_a_fault_of_the_provider(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        wait_for(lambda: "Trying again" in "".join(log.read_text() for log in bench.results.glob("tiny/*/log.txt")), 60)
        assert main(["stop", str(bench.folder)]) == 0

    away = Answer(status=503, error="away", headers={"retry-after": "100"})
    with serving("openai", [away]) as provider, ThreadPoolExecutor(1) as pool:
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        stopping = pool.submit(stop)
        begun = time.monotonic()
        assert bench.launch("--model", provider.model) == 1
        stopping.result()
    assert time.monotonic() - begun < 60
    assert bench.of(Stopped)[-1].reason == "a person asked it to stop."


@pytest.mark.parametrize(("kind", "at"), [("after", ("2", "4")), ("torn", ("2",))])
def test_order_is_heeded_once_whenever_it_is_killed(bench: Bench, kind: str, at: tuple[str, ...]) -> None:
    """Killed as the order is written to the journal, and as the turn that tells of it ends."""
    bench.record(GOOD)
    give(StudyFolder(bench.root), "tell", "look at the wide points")
    command = [sys.executable, str(KILLING), str(bench.root / "place"), kind, *at]
    done = subprocess.run(command, capture_output=True, text=True, cwd=bench.root, timeout=200, check=False)
    log = (bench.root / "output.log").read_text()
    first, *kills = done.stdout.splitlines()
    assert first == "undisturbed 0", log
    assert [line.split()[1:] for line in kills] == [["-9", "0"]] * len(at), log
    for number in ("0", *at):
        study = bench.root / "place" / number / "study"
        events = [entry.event for entry in read_journal(study / "journal.jsonl")]
        assert sum(isinstance(event, Steered) for event in events) == 1
        said = [json.loads(line)["said"] for line in (study / "transcript.jsonl").read_text().splitlines()]
        assert ["look at the wide points" in prompt for prompt in said] == [True] + [False] * (len(said) - 1)
        assert not waiting(StudyFolder(study))


def test_words_wait_where_the_reply_is_there_already(tmp_path: Path) -> None:
    """A reply from before an interruption answers a prompt that did not hold them: they are for the one after."""
    folder = StudyFolder(tmp_path)
    give(folder, "tell", "later")
    events: list[Steered] = []

    def current() -> State:
        state = State()
        for event in events:
            state = after(state, event)
        return state

    lab = SimpleNamespace(folder=folder, answered=lambda turn: turn == 1)
    assert heeded(current, lab, events.append).told == ()
    assert len(waiting(folder)) == 1
    lab.answered = lambda turn: False
    assert heeded(current, lab, events.append).told == ("later",)
    assert not waiting(folder)


def test_pause_is_no_time_of_work() -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    events = {0: Stopped(""), 10: Steered(Order("1", "pause")), 100: Steered(Order("2", "resume")), 103: Stopped("")}
    entries = [Entry(begun + timedelta(seconds=second), event) for second, event in events.items()]
    assert spent_seconds(entries)[0] == 13
    assert spent_seconds(entries[:2], begun + timedelta(seconds=50))[0] == 10


def test_what_lies_in_the_inbox_and_is_no_order_is_passed_over(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    give(folder, "pause")
    (folder.control / "0.json").write_text('{"id": "other", "action": "stop"}')
    (folder.control / "1.json").write_text("{")
    (folder.control / "2.json").symlink_to("/etc/passwd")
    (folder.control / "3.json").mkdir()
    os.mkfifo(folder.control / "4.json")
    assert [order.action for order in waiting(folder)] == ["pause"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tell", "nowhere", "x"], 2, "nowhere is not a study"),
        (["tell", "STUDY", "  "], 2, "the text is empty"),
        (["tell", "STUDY", "x" * 10_001], 2, "at most 10,000"),
        (["pause", "STUDY"], 1, "is not running; to go on: ai-scientist resume"),
        (["stop", "STUDY", "--after-run"], 1, "is not running"),
        (["skip-run", "STUDY"], 1, "is not running"),
    ],
)
def test_wrong_order_is_one_clear_line(
    bench: Bench, capsys: pytest.CaptureFixture, arguments: list[str], code: int, said: str
) -> None:
    study = bench.root / "study"
    study.mkdir()
    Journal(study / "journal.jsonl", create=True).__exit__()
    assert main(["study" if word == "STUDY" else word for word in arguments]) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (study / "control").exists()


class Terminal:
    """A program in a terminal, and a person who reads and types there."""

    def __init__(self, *command: str, folder: Path) -> None:
        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.seen = ""

    def answer(self, question: str, text: str) -> None:
        """Wait for a question that was not there before, and type."""
        start = len(self.seen)
        wait_for(lambda: self._read() and question in self.seen[start:], 60)
        os.write(self._own, text.encode() + b"\n")

    def end(self) -> int:
        wait_for(lambda: self._read() and self.process.poll() is not None, 60)
        os.close(self._own)
        return self.process.returncode

    def _read(self) -> bool:
        if select.select([self._own], [], [], 0)[0]:
            try:
                self.seen += os.read(self._own, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                self.process.wait()
        return True


def test_approve_asks_shows_the_change_and_feeds_a_no_back(bench: Bench) -> None:
    replies = GOOD | {
        "run_1.attempt_1": rate("0.1", "9.9")
        + add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled."),
        "run_1.attempt_2": rate("9.9", "0.2"),
    }
    flags = new(bench, replies, "--approve")
    person = Terminal(sys.executable, str(ROOT / "launch_scientist.py"), *flags, folder=bench.root)
    person.answer("Run it?", "what?")
    person.answer("Run it?", "")
    person.answer("Run it?", "n")
    person.answer("Why not?", "9.9 diverges, double it")
    person.answer("Run it?", "y")
    person.answer("Run it?", "s")
    assert person.end() == 1
    assert "-LEARNING_RATE = 0.1" in person.seen
    assert "+LEARNING_RATE = 9.9" in person.seen
    assert [attempt.outcome for attempt in bench.of(AttemptEnded)] == ["refused", "ok"]
    assert [(event.run, event.attempt) for event in bench.of(RunApproved)] == [(1, 2)]
    assert "read your edit and said no" in bench.sent()["run_1.attempt_2"]
    assert "\n> 9.9 diverges, double it\n" in bench.sent()["run_1.attempt_2"]
    assert bench.of(Stopped)[-1].reason == "a person asked it to stop before the run."
    assert launch.main(["--resume", str(bench.folder), "--no-approve"]) == 0


def test_approve_without_a_terminal_is_bad_input(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study(GOOD, "--approve") == 2
    err = capsys.readouterr().err
    assert "--approve asks a person before each run, in a terminal, and this is none" in err
    assert err.count("\n") == 1
    assert not bench.results.exists()
