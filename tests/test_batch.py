"""Many ideas at once: each study is as if it were alone, and what they share is shared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from conftest import GOOD, PLAIN, SILENT, Bench, processes_in, wait_for
from providers import Answer, serving
from rich.console import Console

from ai_scientist import launch
from ai_scientist.batch.batch import pursue_all
from ai_scientist.batch.board import Board, Row
from ai_scientist.batch.machines import Machines, machines
from ai_scientist.batch.purse import Purse
from ai_scientist.budget import Budget
from ai_scientist.errors import UsageError
from ai_scientist.executors.pinned import pinned
from ai_scientist.flags import parse
from ai_scientist.lab import Command, Usage
from ai_scientist.machine import Machine
from ai_scientist.study.events import AttemptStarted, BaselineMeasured, Stopped
from ai_scientist.study.journal import read_journal
from ai_scientist.study.state import State, fold

ROOT = Path(__file__).parent.parent
BOTH = ("--idea", "more_steps", "--max-runs", "2")


def _states(bench: Bench) -> dict[str, State]:
    """Idea -> the state of its study."""
    paths = sorted(bench.results.glob("tiny/*/journal.jsonl"))
    states = [fold(entry.event for entry in read_journal(path)) for path in paths]
    return {state.setup.idea.name: state for state in states if state.setup}


def _complete(state: State) -> bool:
    return bool(state.ended and state.ended.complete)


@pytest.fixture
def slow(bench: Bench) -> Iterator[Path]:
    """A file beside the results: as long as it is there, the tiny experiment does not end."""
    file = bench.root / "slow"
    file.touch()
    with (bench.template / "experiment.py").open("a") as code:
        code.write("    import time\n    while os.path.exists('../../../slow'): time.sleep(0.05)\n")
    yield file
    file.unlink(missing_ok=True)


def _started(bench: Bench, *flags: str) -> subprocess.Popen:
    """Both ideas by the launcher in a process of its own, without a sandbox so that their runs see the file."""
    command = [sys.executable, str(ROOT / "launch_scientist.py"), "--idea", "learning_rate", *BOTH]
    command += ["--recording", str(bench.record(GOOD)), "--templates-dir", "templates", "--no-sandbox", *flags]
    process = subprocess.Popen(command, cwd=bench.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(lambda: bool(list(bench.results.glob("tiny/*/run_0/final_info.json"))), 60)
    return process


def test_all_are_done_and_the_baseline_is_measured_once(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study(GOOD, *BOTH) == 0
    states = _states(bench)
    assert sorted(states) == ["learning_rate", "more_steps"]
    assert all(_complete(state) for state in states.values())
    baselines = [state.baseline for state in states.values()]
    assert sorted(baseline.cached for baseline in baselines if isinstance(baseline, BaselineMeasured)) == [False, True]
    out = capsys.readouterr().out
    assert "For 2 of 2 ideas no model is asked" in out
    assert out.count("study complete") == 2


def test_all_flag_means_every_idea_of_the_template(bench: Bench) -> None:
    folder = bench.record(GOOD)
    places = ["--templates-dir", str(bench.root / "templates"), "--results-dir", str(bench.results)]
    assert launch.main(["--all", "--template", "tiny", "--recording", str(folder), "--max-runs", "2", *places]) == 0
    assert sorted(_states(bench)) == ["learning_rate", "more_steps"]


def test_runs_on_one_device_do_not_overlap(bench: Bench) -> None:
    with (bench.template / "experiment.py").open("a") as code:
        code.write("    import time\n    print('B', time.time())\n    time.sleep(0.2)\n    print('E', time.time())\n")
    assert bench.study(GOOD, *BOTH) == 0
    spans = []
    for log in bench.results.glob("tiny/2*/run_[12]/stdout.log"):
        begun, ended = (float(line.split()[1]) for line in log.read_text().splitlines() if line[:2] in ("B ", "E "))
        spans.append((begun, ended))
    spans.sort()
    assert len(spans) == 4
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


def test_failing_study_does_not_harm_its_neighbour(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    turn = "{% if idea.name == 'more_steps' %}{{ 1 / 0 }}{% endif %}" + GOOD["run_1.attempt_1"]
    assert bench.study({**GOOD, "run_1.attempt_1": turn}, *BOTH) == 1
    states = _states(bench)
    assert _complete(states["learning_rate"])
    assert states["more_steps"].stopped
    out = capsys.readouterr().out
    assert f"--resume {bench.results / 'tiny'}" in out
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.results / "tiny")]) == 0
    assert _complete(_states(bench)["more_steps"])


def test_study_that_is_killed_does_not_harm_its_neighbour(bench: Bench, slow: Path) -> None:
    process = _started(bench)
    victim = next(it for it in psutil.Process(process.pid).children(recursive=True) if _journal(it))
    killed = Path(_journal(victim)).parent.name
    victim.kill()
    slow.unlink()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert "its process died" in out
    states = _states(bench)
    assert [name for name, state in states.items() if not _complete(state)] == [killed.split("_", 2)[2]]


class Late:
    """What a process that is handed it takes a minute to receive."""

    def __reduce__(self) -> tuple[Callable[[float], None], tuple[float]]:
        return time.sleep, (60.0,)


def test_study_that_is_stopped_before_its_work_began_did_not_die(capsys: pytest.CaptureFixture) -> None:
    board = Board([Row("early"), Row("waiting")], Console(width=200), None)  # type: ignore[arg-type]
    assert not pursue_all([Late(), Late()], Machines(in_flight=1), Purse(Budget(max_hours=0.5 / 3600)), board)  # type: ignore[list-item]
    said = capsys.readouterr().out
    assert "early: stopped before its work began: --max-hours" in said
    assert "died" not in said
    assert said.count("not begun") == 2


def _journal(process: psutil.Process) -> str:
    try:
        return next((file.path for file in process.open_files() if file.path.endswith("journal.jsonl")), "")
    except psutil.Error:
        return ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_stops_all_resumably_and_one_command_goes_on(
    bench: Bench, slow: Path, number: signal.Signals, capsys: pytest.CaptureFixture
) -> None:
    process = _started(bench)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert not processes_in(bench.results)
    assert [state.stopped for state in _states(bench).values()] == ["interrupted"] * 2
    slow.unlink()
    assert launch.main(["--resume", str(bench.results)]) == 0
    assert all(_complete(state) for state in _states(bench).values())
    assert launch.main(["--resume", str(bench.results)]) == 2
    assert "nothing is left to do" in capsys.readouterr().err


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_ideas_that_were_not_begun_are_named(bench: Bench, slow: Path, parallel: str) -> None:
    ideas = [{"Name": name, "Title": "T", "Experiment": "E"} for name in ("learning_rate", "more_steps", "third")]
    (bench.template / "ideas.json").write_text(json.dumps(ideas))
    process = _started(bench, "--idea", "third", "--parallel", parallel)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    named = "third" if parallel == "2" else "more_steps, third"
    assert f"--resume does not know of them: {named}." in out


def test_damaged_study_is_passed_over_and_the_others_are_gone_on_with(
    bench: Bench, capsys: pytest.CaptureFixture
) -> None:
    assert bench.study(SILENT, *BOTH) == 1
    damaged, _ = sorted(bench.results.glob("tiny/*/journal.jsonl"), key=lambda path: "more_steps" in path.parent.name)
    damaged.write_text(damaged.read_text().replace("learning_rate", "learning_rat"))
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.results / "tiny")]) == 1
    assert "is damaged" in capsys.readouterr().err
    damaged.unlink()
    assert _complete(_states(bench)["more_steps"])


def test_every_interruption_is_one_and_is_in_the_journal(bench: Bench) -> None:
    """By the batch, by SIGTERM and by the terminal at once, at random times: each journal says why it stopped."""
    bench.record(GOOD)
    command = [sys.executable, str(Path(__file__).parent / "interrupting.py"), str(bench.results), "8", "1"]
    done = subprocess.run(command, cwd=bench.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [line.split()[1] for line in done.stdout.splitlines()]
    assert set(said) <= {"Stopped", "StudyEnded", "NoneType"}, done.stdout  # NoneType: it was not begun yet
    assert said.count("Stopped") >= 4
    assert not processes_in(bench.results)


def test_batch_that_is_killed_leaves_nothing_running(bench: Bench, slow: Path) -> None:
    process = _started(bench)
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not processes_in(bench.results), 30)
    slow.unlink()
    assert launch.main(["--resume", str(bench.results / "tiny")]) == 0
    assert all(_complete(state) for state in _states(bench).values())


def test_limits_hold_over_all_studies_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer(text) for text in PLAIN.values() for _ in range(2)]
    with serving("openai", answers) as provider:
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        assert bench.launch("--model", provider.model, *BOTH, "--max-tokens", "24000") == 1
    states = _states(bench)
    spent = [state.usage.prompt_tokens + state.usage.completion_tokens for state in states.values()]
    assert 0 < sum(spent) <= 24000
    reasons = [event.reason for event in _events(bench) if isinstance(event, Stopped)]
    assert reasons
    assert all("--max-tokens 24,000" in reason for reason in reasons)


def test_refused_key_stops_all_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with serving("openai", [Answer("")]) as provider:
        provider.ready = Answer(status=401, error="bad key", kind="invalid_api_key")
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        assert bench.launch("--model", provider.model, *BOTH, "--parallel", "1") == 1
        assert provider.checks == 1
        assert "Not begun, since it would be the same: more_steps" in capsys.readouterr().out
        own = ("--template", "tiny", "--idea-text", "Try another seed.")
        assert bench.launch("--model", provider.model, *BOTH, *own, "--parallel", "2") == 1
        assert provider.checks <= 3  # the first and the second were asked at once, the third never was
    assert "key" in capsys.readouterr().out


def _events(bench: Bench) -> list:
    return [entry.event for path in bench.results.glob("tiny/*/journal.jsonl") for entry in read_journal(path)]


def test_hours_hold_over_all_studies_together(bench: Bench, slow: Path) -> None:
    assert bench.study(GOOD, *BOTH, "--no-sandbox", "--max-hours", "0.004") == 1
    assert not processes_in(bench.results)
    reasons = [event.reason for event in _events(bench) if isinstance(event, Stopped)]
    assert len(reasons) == 2
    assert all("--max-hours" in reason for reason in reasons)


def test_purse_counts_what_is_reserved_and_what_runs() -> None:
    now = [0.0]
    purse = Purse(Budget(max_tokens=100, max_gpu_hours=1), clock=lambda: now[0])
    assert purse.reserve(0, Usage(1, 40, 20)) == ""
    assert "max-tokens" in purse.reserve(1, Usage(1, 30, 11))
    purse.settle(0, Usage(1, 10, 5))
    assert purse.reserve(1, Usage(1, 30, 11)) == ""
    purse.starts(0, ("0", "1"))
    now[0] = 1700.0
    assert purse.spent() == (1700.0, 3400.0)
    assert purse.used_up(for_gpu=True) == ""
    now[0] = 1800.0
    assert "max-gpu-hours" in purse.used_up(for_gpu=True)
    purse.forget(0)
    now[0] = 5000.0
    assert purse.spent() == (5000.0, 3600.0)


def test_run_sees_its_devices_only() -> None:
    command = Command(["x"], Path(), {"OMP_NUM_THREADS": "8", "CUDA_VISIBLE_DEVICES": "0,1,2,3"}, Path(), Path())
    assert pinned(command, ("1", "3"), 2).environment == {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "1,3"}
    assert pinned(command, ("cpu",), 16).environment == command.environment


@pytest.mark.parametrize(
    ("given", "gpus", "said"),
    [
        (["--gpus", "0"], (), "there is no such GPU"),
        (["--gpus", "0,7"], ("0", "1"), "--gpus 7"),
        (["--gpus-per-run", "3"], ("0", "1"), "there are only 2"),
    ],
)
def test_devices_that_are_not_there(given: list[str], gpus: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        machines(parse(["--idea", "x", *given]), Machine("GPU" if gpus else "cpu", gpus, {}))


def test_devices_are_those_of_the_machine_or_those_that_are_named() -> None:
    machine = Machine("GPU", ("0", "1", "2", "3"), {})
    assert machines(parse(["--idea", "x"]), machine).devices == ("0", "1", "2", "3")
    some = machines(parse(["--idea", "x", "--gpus", "1,3", "--gpus-per-run", "2", "--runs-per-gpu", "2"]), machine)
    assert (some.devices, some.devices_per_run, some.runs_per_device) == (("1", "3"), 2, 2)
    assert machines(parse(["--idea", "x"]), Machine("cpu", (), {})).devices == ("cpu",)
    assert Machine("cpu", (), {}).kind == "cpu"
    assert machines(parse(["--idea", "x"]), Machine("cpu", (), {})).threads == len(os.sched_getaffinity(0))


def test_parallel_1_is_one_after_the_other(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert bench.study(GOOD, *BOTH, "--parallel", "1") == 0
    first, second = sorted(bench.results.glob("tiny/2*/journal.jsonl"))
    ended, begun = read_journal(first)[-1].time, read_journal(second)[0].time
    assert ended < begun
    assert len([event for event in _events(bench) if isinstance(event, AttemptStarted)]) == 5 + 2
