"""Limits of a whole study, and what is checked before anything is spent."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import GOOD, PLAIN, Bench, add_notes, block, rate
from hypothesis import given
from hypothesis import strategies as st
from providers import Answer, Provider, serving

from ai_scientist import launch
from ai_scientist.agents.model import Reply, Request
from ai_scientist.agents.transcript import Recorded, Transcript
from ai_scientist.budget import Budget
from ai_scientist.errors import LimitReached, StudyError
from ai_scientist.lab import Turn, Usage
from ai_scientist.study.events import (
    AttemptEnded,
    AttemptStarted,
    Stopped,
    StudyEnded,
    StudyResumed,
    StudyStarted,
    TurnEnded,
)
from ai_scientist.study.journal import read_journal

ANSWERS = [Answer(text) for text in PLAIN.values()]

amounts = st.floats(0, 1e6)


@given(limit=st.floats(1e-6, 1e6), spent=amounts, most=amounts)
def test_nothing_is_sent_that_could_cost_more_than_is_left(limit: float, spent: float, most: float) -> None:
    budget = Budget(max_cost=limit)
    if spent + most > limit:
        with pytest.raises(LimitReached):
            budget.check_request(Usage(cost=spent), Usage(cost=most))
    else:
        budget.check_request(Usage(cost=spent), Usage(cost=most))


def test_tokens_and_hours_and_gpu_hours() -> None:
    with pytest.raises(LimitReached, match="max-tokens"):
        Budget(max_tokens=100).check_request(Usage(1, 50, 10), Usage(1, 30, 11))
    Budget(max_tokens=100).check_request(Usage(1, 50, 10), Usage(1, 30, 10))
    with pytest.raises(LimitReached, match="price"):
        Budget(max_cost=1).check_request(Usage(), Usage(cost=None))
    budget = Budget(max_hours=2, max_gpu_hours=1)
    assert budget.seconds_left(3600, 1800, for_gpu=True) == 1800
    assert budget.seconds_left(3600, 1800, for_gpu=False) == 3600
    with pytest.raises(LimitReached, match="max-gpu-hours"):
        budget.seconds_left(3600, 3600, for_gpu=True)
    with pytest.raises(LimitReached, match="max-hours"):
        budget.seconds_left(7200, 0, for_gpu=False)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with serving("openai", ANSWERS) as provider:
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        yield provider


@pytest.mark.parametrize("flags", [("--max-tokens", "24000"), ("--max-cost", "0.0117")])
def test_limit_stops_before_the_turn_that_could_exceed_it_and_a_higher_one_goes_on(
    bench: Bench, provider: Provider, flags: tuple[str, str], capsys: pytest.CaptureFixture
) -> None:
    assert bench.launch("--model", provider.model, "--max-runs", "2", *flags) == 1
    screen = capsys.readouterr().out
    assert flags[0] in screen
    assert bench.of(Stopped)
    sent = len(provider.requests)
    assert 1 <= sent < 5
    assert len(bench.of(TurnEnded)) == sent
    assert launch.main(["--resume", str(bench.folder), flags[0], "1000000"]) == 0
    assert len(provider.requests) == 5
    assert bench.of(StudyEnded) == [StudyEnded(True)]


def test_unknown_price_refuses_a_limit_of_cost_unless_it_is_given(
    bench: Bench, provider: Provider, capsys: pytest.CaptureFixture
) -> None:
    model = ("--model", "openai/my-own", "--max-runs", "2")
    assert bench.launch(*model, "--max-cost", "5") == 2
    assert "--price-in" in capsys.readouterr().err
    assert bench.launch(*model, "--max-cost", "5", "--price-in", "2", "--price-out", "10") == 0
    assert bench.state.usage.cost == pytest.approx(6 * (1000 * 2 + 100 * 10) / 1e6)


def test_unknown_price_is_said_at_the_start(bench: Bench, provider: Provider, capsys: pytest.CaptureFixture) -> None:
    assert bench.launch("--model", "openai/my-own", "--max-runs", "2") == 0
    screen = capsys.readouterr().out
    assert "cost unknown" in screen
    assert "6,000 tokens in" in screen


def test_run_gets_no_more_time_than_the_study_has(bench: Bench) -> None:
    slow = block("experiment.py", "LEARNING_RATE = 0.1", "LEARNING_RATE = 0.2\nimport time\ntime.sleep(60)")
    assert bench.study(GOOD | {"run_1.attempt_1": slow}, "--max-runs", "2", "--max-hours", "0.002") == 1
    assert "time for the whole study" in bench.of(Stopped)[0].reason
    assert not bench.of(AttemptEnded)  # it is not the agent's failure
    assert launch.main(["--resume", str(bench.folder), "--max-hours", "0.0001"]) == 1
    assert "--max-hours 0.0001 are used up" in bench.of(Stopped)[1].reason


def test_key_that_is_refused_is_found_before_the_baseline(bench: Bench, provider: Provider) -> None:
    provider.ready = Answer(status=401, error="bad key", kind="invalid_api_key")
    assert bench.launch("--model", provider.model) == 1
    assert provider.checks == 1
    assert not bench.of(AttemptStarted)


def test_plan_is_said_before_the_first_turn(bench: Bench, provider: Provider, capsys: pytest.CaptureFixture) -> None:
    bench.launch("--model", provider.model, "--max-runs", "2", "--max-hours", "3", "--max-cost", "7")
    screen = capsys.readouterr().out
    start = screen[: screen.index("baseline ...")]
    for said in (
        "openai/gpt-4o-mini",
        "usual, on cpu",
        "up to 2 runs",
        "about $0.",
        "7 USD, 3 hours",
        "sandbox:",
        "torch",
    ):
        assert said in start


def test_defaults_come_from_the_configuration_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(bench.root / "config"))
    (bench.root / "config" / "ai-scientist").mkdir(parents=True)
    (bench.root / "config" / "ai-scientist" / "config.toml").write_text("max-runs = 2\nmax-attempts = 2\n")
    (bench.root / "pyproject.toml").write_text("[tool.ai-scientist]\nmax-attempts = 3\nrun_timeout = 77.5\n")
    assert bench.study(GOOD) == 0
    setup = bench.of(StudyStarted)[0].setup
    assert (setup.max_runs, setup.max_attempts, setup.limits.seconds) == (2, 3, 77.5)


def test_configuration_does_not_change_a_study_that_is_resumed(bench: Bench) -> None:
    replies = dict(GOOD)
    last = replies.pop("describe.attempt_1")
    assert bench.study(replies, "--max-runs", "2", "--max-hours", "5") == 1
    (bench.root / "recording" / "describe.attempt_1.md.j2").write_text(last)
    settings = 'max-runs = 1\nmax-hours = 1\nprofile = "short"\nmodel = "claude-opus-4-6"\n'
    (bench.root / "pyproject.toml").write_text(f"[tool.ai-scientist]\n{settings}")
    assert launch.main(["--resume", str(bench.folder)]) == 0
    resumed = bench.of(StudyResumed)[0].setup
    assert (resumed.max_runs, resumed.budget.max_hours) == (2, 5)


def test_recording_that_is_typed_goes_before_a_model_that_is_configured(bench: Bench) -> None:
    (bench.root / "pyproject.toml").write_text('[tool.ai-scientist]\nmodel = "claude-opus-4-6"\n')
    assert bench.study(GOOD, "--max-runs", "2") == 0


def test_plot_gets_no_more_time_than_the_study_has(bench: Bench) -> None:
    """The runs are done at once, then plot.py would sleep for longer than the study may take."""
    slow = block("plot.py", 'labels = {"run_0": "Baseline"}', "import time\ntime.sleep(60)\nlabels = {}")
    assert bench.study({**GOOD, "plot.attempt_1": slow}, "--max-runs", "2", "--max-hours", str(12 / 3600)) == 1
    assert "time for the whole study" in bench.of(Stopped)[0].reason


@pytest.mark.parametrize("content", ["max-rnus = 2", "max-runs = true", "idea = 'x'", "= 2", "max-runs = [1]"])
def test_wrong_configuration_is_one_clear_line(bench: Bench, content: str, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "pyproject.toml").write_text(f"[tool.ai-scientist]\n{content}\n")
    assert bench.study(GOOD) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[tool.ai-scientist]\nmax-runs = 0\n", "by a configuration file: argument --max-runs"),
        ("[tool]\nai-scientist = 3\n", "ai-scientist = 3 is no table"),
        ("tool = 3\n", "tool = 3 is no table"),
    ],
)
def test_wrong_value_is_told_to_stand_in_a_file(
    bench: Bench, content: str, said: str, capsys: pytest.CaptureFixture
) -> None:
    (bench.root / "pyproject.toml").write_text(content)
    try:
        code: object = bench.study(GOOD)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    assert said in capsys.readouterr().err


SMOKE = '\n[profiles.smoke]\ndescription = "2 steps"\nenvironment = { TINY_STEPS = "2" }\n'


def _with_smoke(bench: Bench) -> None:
    with (bench.template / "template.toml").open("a") as file:
        file.write(SMOKE)


def test_smoke_run_finds_what_would_fail_at_the_end(bench: Bench) -> None:
    """The edit fails only when the results are written; the full run, which would leave a file, is never begun."""
    _with_smoke(bench)
    full = 'if STEPS > 2:\n    open("full_run_was_begun", "w")\n'
    late = block("experiment.py", "        json.dump(info, file)", "        json.dump(inof, file)")
    replies = GOOD | {
        "run_1.attempt_1": block("experiment.py", "SEEDS = 3", f"SEEDS = 3\n{full}") + late + rate("0.1", "0.2"),
        "run_1.attempt_2": block("experiment.py", "        json.dump(inof, file)", "        json.dump(info, file)")
        + block("experiment.py", f"SEEDS = 3\n{full}", "SEEDS = 3")
        + add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled."),
    }
    assert bench.study(replies, "--max-runs", "2") == 0
    first = bench.of(AttemptEnded)[0]
    assert (first.outcome, first.smoke) == ("crashed", True)
    assert not (bench.folder / "full_run_was_begun").exists()
    assert "trial of the whole script" in bench.sent()["run_1.attempt_2"]
    assert (bench.folder / "failed" / "run_1_attempt_1" / "stderr.log").exists()
    assert not (bench.folder / "smoke").exists()


def test_results_are_those_of_the_full_run(bench: Bench) -> None:
    bench.study(GOOD, "--max-runs", "2")
    plain = (bench.folder / "run_1" / "final_info.json").read_bytes()
    bench.folder.rename(bench.root / "plain")
    _with_smoke(bench)
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert (bench.folder / "run_1" / "final_info.json").read_bytes() == plain


@pytest.mark.parametrize(
    ("flags", "greedy", "told"),
    [
        (("--max-output", "0.001"), "print('x' * 10_000_000)", "printed more than"),
        (("--stall-timeout", "1.5"), "import time; time.sleep(60)", "neither printed anything"),
        (
            ("--max-disk", "0.02"),
            "import time\nfor i in range(9): open(f'run_1/{i}', 'wb').write(bytes(9**7)); time.sleep(.6)",
            "wrote",
        ),
        (
            ("--max-processes", "20"),
            "import os, time\nfor _ in range(40): os.fork() or time.sleep(9) or os._exit(0)\ntime.sleep(9)",
            "processes",
        ),
        (
            ("--max-memory", "0.3"),
            "import os, time\n[os.fork() for _ in range(3)]\nx = b'x' * 9**8 * 2\ntime.sleep(9)",
            "memory",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_greedy_run_is_stopped_and_told_why(bench: Bench, flags: tuple[str, str], greedy: str, told: str) -> None:
    edit = block("experiment.py", "LEARNING_RATE = 0.1", f"LEARNING_RATE = 0.1\n{greedy}")
    assert bench.study({"run_1.attempt_1": edit}, *flags) == 1  # the recording ends there
    (attempt,) = bench.of(AttemptEnded)
    assert attempt.outcome in ("stopped", "crashed")
    assert told in attempt.feedback or "MemoryError" in attempt.feedback


def test_disk_without_room_is_found_at_once(bench: Bench, small_disk: Path, capsys: pytest.CaptureFixture) -> None:
    (small_disk / "ballast").write_bytes(bytes(200_000_000))
    assert bench.study(GOOD, "--results-dir", str(small_disk / "results")) == 1
    assert "make space" in capsys.readouterr().err
    assert not (small_disk / "results").exists()


def test_full_disk_stops_with_a_message_and_goes_on_when_there_is_room(
    bench: Bench, small_disk: Path, capsys: pytest.CaptureFixture
) -> None:
    """The run itself fills the disk, and hides the failure: what cannot be written then is ours."""
    room = bench.root / "there_is_room"
    filler = (
        f"import os\nif not os.path.exists({str(room)!r}):\n    try:\n"
        f"        open('run_1/big', 'wb').write(bytes(1_200_000_000))\n    except OSError:\n        os._exit(0)"
    )
    replies = GOOD | {
        "run_1.attempt_1": block("experiment.py", "LEARNING_RATE = 0.1", f"{filler}\nLEARNING_RATE = 0.2")
        + add_notes("Description: Baseline results.", "## Run 1: rate 0.2\nThe rate is doubled."),
    }
    assert bench.study(replies, "--max-runs", "2", "--no-sandbox", "--results-dir", str(small_disk)) == 1
    screen = capsys.readouterr().out
    assert "ake space" in screen, screen
    assert "--resume" in screen
    (study,) = [path.parent for path in small_disk.glob("tiny/*/journal.jsonl")]
    assert not [e for e in read_journal(study / "journal.jsonl") if isinstance(e.event, AttemptEnded)]
    for big in study.rglob("big"):
        big.unlink()
    room.touch()
    assert launch.main(["--resume", str(study), "--no-sandbox"]) == 0


def test_reply_that_could_not_be_kept_is_not_asked_for(small_disk: Path) -> None:
    asked = []

    class Model:
        name = "model"

        def ceiling(self, request: Request) -> Usage:
            return Usage()

        def reply(self, request: Request) -> Reply:
            asked.append(request)
            return Reply("x" * 1_000_000, "stop", Usage())

    transcript = Transcript(small_disk / "transcript.jsonl")
    model = Recorded(Model(), transcript)
    requests = [Request(Turn(number, "run", number, 1), 0, (), "") for number in (1, 2)]
    model.reply(requests[0])
    with contextlib.suppress(OSError), (small_disk / "full").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1_000_000))
    with pytest.raises(StudyError, match=r"No space left on device. Make space, then --resume"):
        model.reply(requests[1])
    assert len(asked) == 1
    (small_disk / "full").unlink()
    model.reply(requests[1])
    assert [path.name for path in small_disk.iterdir()] == ["transcript.jsonl"]
