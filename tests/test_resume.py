"""A study that is killed goes on where it was, whatever moment it was killed at."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import CORRECTED, GOOD, PLAIN, Bench, processes_in, wait_for
from providers import Answer, Provider, serving

from ai_scientist import launch
from ai_scientist.study.events import AttemptEnded, BaselineMeasured, StudyResumed, TurnEnded
from ai_scientist.study.journal import read_journal
from ai_scientist.study.state import fold

KILLING = Path(__file__).parent / "killing.py"


def _outcome(study: Path) -> dict[str, object]:
    """What must be the same, however often a study was killed."""
    events = [entry.event for entry in read_journal(study / "journal.jsonl")]
    state = fold(events)
    records = [json.loads(line) for line in (study / "transcript.jsonl").read_text().splitlines()]
    code = ("experiment.py", "plot.py", "run_1.py", "run_2.py")
    files = (*code, "notes.txt", "results.md", "results.csv", "run_1/final_info.json", "loss_wide.png")
    return {
        "turns": [(event.turn, event.status) for event in events if isinstance(event, TurnEnded)],
        "attempts": [(event.run, event.attempt, event.outcome) for event in state.attempts],
        "baselines": sum(isinstance(event, BaselineMeasured) for event in events),
        "ended": state.ended,
        "paid": [(record["turn"], record["index"]) for record in records],
        "files": {name: (study / name).read_bytes() for name in files},
    }


@pytest.mark.parametrize("kind", ["after", "torn"])
def test_killed_at_every_event(bench: Bench, kind: str) -> None:
    bench.record(CORRECTED)
    place = bench.root / "place"
    command = [sys.executable, str(KILLING), str(place), kind]
    done = subprocess.run(command, capture_output=True, text=True, cwd=bench.root, timeout=280, check=False)
    first, *kills = done.stdout.splitlines()
    log = (bench.root / "output.log").read_text()
    assert first == "undisturbed 0", done.stderr + log
    undisturbed = _outcome(place / "0" / "study")
    assert len(kills) >= 14
    for line in kills:
        at, killed, exit_code = line.split()
        assert (killed, exit_code) == ("-9", "0"), f"{line}\n{log}"
        assert _outcome(place / at / "study") == undisturbed, f"killed {kind} event {at}"
    assert not processes_in(place)


def test_killed_a_hundred_times_at_random(bench: Bench) -> None:
    """The end is that of an undisturbed study: the same turns, each paid once, the same runs and notes."""
    bench.record(GOOD)
    with (bench.template / "experiment.py").open("a") as file:
        file.write("    import time; time.sleep(0.3)\n")  # so that some kills fall into a run
    place = bench.root / "place"
    command = [sys.executable, str(KILLING), str(place), "random", "100", "2026"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=bench.root, timeout=290, check=False)
    first, *studies = [line.split() for line in done.stdout.splitlines()]
    log = (bench.root / "output.log").read_text()
    assert first == ["undisturbed", "0"], done.stderr + log
    undisturbed = _outcome(place / "0" / "study")
    assert sum(int(killed) for _, killed, _ in studies) >= 100, done.stderr + log
    for number, _, exit_code in studies:
        assert exit_code == "0", log
        assert _outcome(place / number / "study") == undisturbed, f"study {number}"
    assert list(place.glob("*/study/failed/*_interrupted*")), "no kill fell into a run"
    wait_for(lambda: not processes_in(place))


class Watchful(Provider):
    """Answers by how many of its answers a request repeats: one that is asked for again would be the same."""

    def answer_to(self, request: dict[str, Any]) -> Answer:
        if "check of the connection" in str(request):
            self.checks += 1
            return self.ready
        self.requests.append(request)
        before = [json.dumps(message) for message in request["messages"] if message["role"] == "assistant"]
        return self.answers[sum(any(json.dumps(it.text)[1:-1] in said for said in before) for it in self.answers)]


def test_paid_reply_is_never_asked_for_again(bench: Bench) -> None:
    """Killed between each reply and the end of its turn, as the provider sees it: it is asked once for each turn."""
    place = bench.root / "place"
    with serving("openai", [Answer(text) for text in PLAIN.values()], Watchful) as provider:
        environment = {**os.environ, **provider.environment}
        command = [sys.executable, str(KILLING), str(place), "paid", provider.model]
        done = subprocess.run(command, capture_output=True, text=True, cwd=bench.root, env=environment, check=False)
    first, *studies = [line.split() for line in done.stdout.splitlines()]
    log = (bench.root / "output.log").read_text()
    assert first == ["undisturbed", "0"], done.stderr + log
    assert [(killed, exit_code) for _, killed, exit_code in studies] == [("-9", "0")] * len(PLAIN), log
    assert len(provider.requests) == len(PLAIN) * (1 + len(studies))
    assert provider.checks == 1 + len(studies)


def test_torn_last_line_of_the_transcript_is_asked_again(bench: Bench) -> None:
    assert bench.study({key: GOOD[key] for key in ("run_1.attempt_1",)}, "--max-runs", "2") == 1
    with (bench.folder / "transcript.jsonl").open("a") as file:
        file.write('{"turn": 2, "purpose": "ru')
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.folder)]) == 0


def test_stopped_study_says_why_and_goes_on_without_repeating(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study({key: GOOD[key] for key in ("run_1.attempt_1", "run_2.attempt_1")}, "--max-runs", "2") == 1
    assert "no reply for" in capsys.readouterr().out
    before = bench.events
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.folder)]) == 0
    after = bench.events
    assert after[: len(before)] == before
    assert isinstance(after[len(before)], StudyResumed)
    assert [attempt.run for attempt in bench.of(AttemptEnded)] == [1, 2]


def test_complete_study_has_nothing_to_resume(bench: Bench) -> None:
    assert bench.study(GOOD, "--max-runs", "2") == 0
    turns = len(bench.of(TurnEnded))
    assert launch.main(["--resume", str(bench.folder)]) == 0
    assert len(bench.of(TurnEnded)) == turns


def test_edits_made_by_hand_between_are_not_lost(bench: Bench) -> None:
    """What a person changed in an interrupted study is put aside by git, not thrown away."""
    assert bench.study({key: GOOD[key] for key in ("run_1.attempt_1",)}, "--max-runs", "2") == 1
    with (bench.folder / "notes.txt").open("a") as file:
        file.write("by hand\n")
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.folder)]) == 0
    git = ["git", "-C", str(bench.folder)]
    stash = subprocess.run(
        [*git, "log", "--all", "-p", "--format=%s"], capture_output=True, text=True, check=True
    ).stdout
    assert "+by hand" in stash
