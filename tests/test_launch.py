"""The launcher's flags: each acts, and a bad value is one clear line and exit code 2."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import GOOD, Bench, processes_in, wait_for

from ai_scientist import launch
from ai_scientist.__main__ import main as module_main
from ai_scientist.study.events import StudyStarted

ROOT = Path(__file__).parent.parent


def _error(capsys: pytest.CaptureFixture) -> str:
    """The one line that was said; anything more is a failure."""
    out, err = capsys.readouterr()
    assert err.count("\n") == 1, err
    assert not out
    return err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--idea-text TEXT, --resume FOLDER or --list-ideas"),
        (["--idea", "x", "--max-runs", "0"], "--max-runs"),
        (["--idea", "x", "--max-ru", "1"], "unrecognized arguments: --max-ru"),
        (["--idea", "x", "--max-runs", "many"], '"many" is not a whole number'),
        (["--idea", "x", "--max-attempts", "-1"], "--max-attempts"),
        (["--idea", "x", "--run-timeout", "0"], "--run-timeout"),
        (["--idea", "x", "--run-timeout", "nan"], "--run-timeout"),
        (["--idea", "x", "--max-memory", "1e300"], "--max-memory"),
        (["--idea", "x", "--plot-timeout", "soon"], "--plot-timeout"),
        (["--idea", "x", "--resume", "y"], "leave those flags out"),
        (["--idea-text", "x", "--resume", "y"], "leave those flags out"),
        (["--idea", "x", "--model", "m", "--recording", "r"], "exclude each other"),
        (["--idea", "x", "--model", ""], "--model: it is empty"),
        (["--idea", "x", "--data="], "--data: it is empty"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_bad_flag(flags: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as exit_:
        launch.main(flags)
    assert exit_.value.code == 2
    assert said in _error(capsys)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--idea", "learning_rat"], "Did you mean learning_rate?"),
        (["--idea", "learning_rate"], "set ANTHROPIC_API_KEY"),
        (["--idea", "learning_rate", "--template", "tinny"], "Did you mean tiny?"),
        (["--idea", "learning_rate", "--recording", "recording", "--profile", "huge"], "it has: usual, short"),
        (["--idea", "learning_rate", "--recording", "nowhere"], "no such file or folder"),
        (["--idea", "learning_rate", "--recording", "templates"], "holds no replies"),
        (["--idea", "learning_rate", "--recording", "templates/tiny/prompt.json"], "line 1, is not an exchange"),
        (["--idea", "learning_rate", "--recording", "empty"], "holds no exchange"),
        (["--idea", "learning_rate", "--recording", "recording", "--python", "no-such-python"], "no such program"),
        (["--idea", "learning_rate", "--recording", "recording", "--python", "/bin/false"], "no working Python"),
        (["--idea", "learning_rate", "--model", "nobodys-model"], "litellm does not know"),
        (["--idea", "learning_rate", "--model", "claude-opus-4-6"], "set ANTHROPIC_API_KEY"),
        (["--idea", "learning_rate", "--recording", "recording", "--results-dir", "x" * 300], "File name too long"),
        (["--idea", "learning_rate", "--recording", "recording", "--data", "/"], "which holds your home directory"),
        (["--idea", "learning_rate", "--recording", "recording", "--data", "/proc"], "not data but the machine"),
        (["--idea", "learning_rate", "--templates-dir", "nowhere"], "no template found"),
        (["--idea", "learning_rate", "--recording", "recording", "--results-dir", "/dev/null/x"], "cannot create"),
    ],
)
def test_bad_value(bench: Bench, flags: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    bench.record(GOOD)
    (bench.root / "empty").touch()
    places = [] if "--templates-dir" in flags else ["--templates-dir", "templates"]
    assert launch.main([*places, *flags]) == 2
    assert not bench.results.exists()
    assert said in _error(capsys)


def test_code_that_the_agent_could_not_edit(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    code = bench.template / "experiment.py"
    code.write_bytes(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + code.read_bytes())
    assert bench.study(GOOD) == 2
    assert "experiment.py, line 2, is not UTF-8" in _error(capsys)


def test_resume_of_what_is_no_study(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert launch.main(["--resume", "nowhere"]) == 2
    assert "no such folder" in _error(capsys)
    assert launch.main(["--resume", str(bench.template)]) == 2
    assert "is not a study" in _error(capsys)


def test_reader_that_goes_away_is_no_traceback() -> None:
    command = [sys.executable, str(ROOT / "launch_scientist.py"), "--list-ideas"]
    done = subprocess.run(f"{shlex.join(command)} | true", shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_idea_in_two_templates_needs_a_choice(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    import shutil

    shutil.copytree(bench.template, bench.root / "templates" / "other")
    assert bench.launch() == 2
    assert "--template (other, tiny)" in _error(capsys)
    assert bench.study(GOOD, "--max-runs", "2", "--template", "tiny") == 0


def test_all_of_nothing_is_said(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.template / "ideas.json").write_text("[]")
    assert launch.main(["--templates-dir", "templates", "--all"]) == 2
    assert "there is no idea to pursue" in _error(capsys)
    (bench.template / "prompt.json").unlink()
    assert launch.main(["--templates-dir", "templates", "--all"]) == 2
    assert "Passed over: template templates/tiny has no prompt.json" in _error(capsys)


def test_list_ideas(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert launch.main(["--templates-dir", "templates", "--list-ideas"]) == 0
    out = capsys.readouterr().out
    assert "learning_rate" in out
    assert "What more steps do" in out


def test_several_ideas_are_pursued_in_order(bench: Bench) -> None:
    assert bench.study(GOOD, "--max-runs", "2", "--idea", "more_steps") == 0
    studies = sorted(
        path.name.split("_", 2)[2] for path in bench.results.glob("tiny/*_*_*") if "baselines" not in str(path)
    )
    assert studies == ["learning_rate", "more_steps"]


def test_python_flag_chooses_the_interpreter(bench: Bench) -> None:
    interpreter = bench.root / "my_python"
    interpreter.write_text(f'#!/bin/sh\necho used >> {bench.root}/used\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    assert bench.study(GOOD, "--max-runs", "2", "--no-sandbox", "--python", str(interpreter)) == 0
    assert len((bench.root / "used").read_text().splitlines()) == 1 + 3 + 1  # probe, three runs, plot.py


def test_limits_are_in_the_journal(bench: Bench) -> None:
    bench.study(GOOD, "--max-runs", "2", "--max-attempts", "3", "--run-timeout", "50", "--plot-timeout", "20")
    setup = bench.of(StudyStarted)[0].setup
    assert (setup.max_runs, setup.max_attempts, setup.limits.seconds, setup.plot_timeout) == (2, 3, 50, 20)


def test_shipped_recording_answers_where_there_is_no_key(bench: Bench) -> None:
    bench.record(GOOD).rename(bench.template / "recordings_")
    (bench.template / "recordings").mkdir()
    (bench.template / "recordings_").rename(bench.template / "recordings" / "learning_rate")
    assert bench.launch("--max-runs", "2") == 0


@pytest.mark.parametrize("flag", ["--help", "--list-ideas"])
def test_answers_without_loading_the_heavy_packages(flag: str) -> None:
    code = (
        "import sys; from ai_scientist.launch import main\n"
        f"try: main([{flag!r}])\nexcept SystemExit: pass\n"
        "print('HEAVY', sorted({'aider', 'litellm', 'torch', 'rich', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "HEAVY []" in done.stdout


def test_module_and_launcher_are_the_same(capsys: pytest.CaptureFixture) -> None:
    assert module_main(["launch", "--list-ideas"]) == 0
    assert "tiny" not in capsys.readouterr().out
    with pytest.raises(SystemExit) as exit_:
        module_main(["no-such-command"])
    assert exit_.value.code == 2


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT] * 3])
def test_ctrl_c_stops_resumably(bench: Bench, signals: list[signal.Signals]) -> None:
    """Once, or again and again while it is stopping: the run is ended, the journal is whole, the study goes on."""
    recording = bench.record(GOOD)
    slow = "    import os, time\n    while os.path.exists('../../../slow'): time.sleep(0.1)\n"
    with (bench.template / "experiment.py").open("a") as file:
        file.write(slow)
    (bench.root / "slow").touch()
    command = [sys.executable, str(ROOT / "launch_scientist.py"), "--idea", "learning_rate"]
    command += [
        "--recording",
        str(recording),
        "--templates-dir",
        "templates",
        "--max-runs",
        "2",
        "--idea",
        "more_steps",
        "--parallel",
        "1",
    ]
    process = subprocess.Popen(command, cwd=bench.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(lambda: bool(list(bench.results.glob("tiny/*/run_0/final_info.json"))), 60)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.05)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1, out
    assert not processes_in(bench.folder)
    if len(signals) == 1:
        assert "stopped: interrupted" in out
        assert f"--resume {bench.folder.relative_to(bench.root)}" in out
    (bench.root / "slow").unlink()
    assert launch.main(["--resume", str(bench.folder)]) == 0
