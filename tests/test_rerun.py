"""`ai-scientist rerun`: a run again from its commit, each metric beside the recorded one, the study untouched."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import GOOD, Bench, rewritten

from ai_scientist.__main__ import main
from ai_scientist.metrics import Measurement
from ai_scientist.rerun.judging import judged
from ai_scientist.study.events import AttemptEnded, Event, StudyStarted

Change = Callable[[dict], None]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A complete study of two runs, made once."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("finished")
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        patch.chdir(place)
        shutil.copytree(Path(__file__).parent / "templates" / "tiny", place / "templates" / "tiny")
        bench = Bench(place)
        assert bench.study(GOOD, "--max-runs", "2") == 0
        yield bench.folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(finished, tmp_path / "study", symlinks=True))


def rerun(study: Path, *flags: str) -> int:
    """The exit code of a rerun into a folder beside the study."""
    return main(["rerun", str(study), "--out", str(study.parent / "again"), *flags])


def contents(study: Path) -> dict[str, bytes]:
    return {str(path.relative_to(study)): path.read_bytes() for path in study.rglob("*") if path.is_file()}


def test_run_is_the_same_from_its_commit_and_the_study_untouched(study: Path, capsys: pytest.CaptureFixture) -> None:
    before = contents(study)
    assert rerun(study, "--run", "1") == 0
    said = capsys.readouterr().out
    assert "environment: as recorded" in said
    assert "4 same" in said
    assert contents(study) == before
    place = study.parent / "again" / "rerun_1"
    assert "LEARNING_RATE = 0.2" in (place / "experiment.py").read_text()
    assert (place / "run_1" / "final_info.json").read_bytes() == (study / "run_1" / "final_info.json").read_bytes()


def test_whole_study_beside_it_without_out(study: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["rerun", str(study), "--all"]) == 0
    assert "12 same" in capsys.readouterr().out
    (place,) = study.parent.glob("rerun_*_study")
    assert {path.name for path in place.iterdir()} == {"rerun_0", "rerun_1", "rerun_2"}


def test_changed_recorded_number_is_different(study: Path, capsys: pytest.CaptureFixture) -> None:
    def forged(event: Event) -> Event:
        if isinstance(event, AttemptEnded) and event.run == 1:
            event.metrics["narrow"]["loss"] = Measurement(0.5, 0.01, (0.49, 0.5, 0.51))  # type: ignore[index]
        return event

    rewritten(study, forged)
    assert rerun(study, "--run", "1") == 1
    said = capsys.readouterr().out
    assert "1 different" in said
    assert "3 same" in said
    assert "final_info.json is not what the journal recorded" in said


def test_changed_results_file_is_said(study: Path, capsys: pytest.CaptureFixture) -> None:
    path = study / "run_2" / "final_info.json"
    info = json.loads(path.read_text())
    info["wide"]["means"]["weight_mean"] = 9.0
    path.write_text(json.dumps(info))
    assert rerun(study, "--run", "2") == 1
    assert "run_2/final_info.json is not what the journal recorded" in capsys.readouterr().out


def test_run_that_fails_now_is_said(study: Path, capsys: pytest.CaptureFixture) -> None:
    def elsewhere(event: Event) -> Event:
        if isinstance(event, StudyStarted):
            event.setup.environment["TINY_STEPS"] = "many"  # type: ignore[index]
        return event

    rewritten(study, elsewhere)
    assert rerun(study, "--run", "1") == 1
    said = capsys.readouterr().out
    assert "did not finish: crashed" in said
    assert "invalid literal for int()" in said


def test_other_environment_is_named(study: Path, capsys: pytest.CaptureFixture) -> None:
    def older(event: Event) -> Event:
        if isinstance(event, StudyStarted):
            event.setup.versions["numpy"] = "1.0.0"  # type: ignore[index]
        return event

    rewritten(study, older)
    assert rerun(study, "--run", "0") == 0
    said = capsys.readouterr().out
    assert "environment: not as recorded" in said
    assert "numpy 1.0.0, now 1.26.4" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--run", "7"), "has no finished run 7 (it has: 0, 1, 2)"),
        (("--run", "1", "--python", "no-such-python"), "there is no such program"),
        ((), "one of the arguments --run --all is required"),
        (("--run", "one"), "invalid int value"),
        (("--run", "1", "--out", "."), "cannot create ."),
    ],
)
def test_bad_input_is_one_line_and_2(
    study: Path, capsys: pytest.CaptureFixture, flags: tuple[str, ...], said: str
) -> None:
    try:
        code = rerun(study, *flags)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    error = capsys.readouterr().err.strip()
    assert code == 2
    assert said in error
    assert "\n" not in error


def _no_history(study: Path) -> None:
    shutil.rmtree(study / ".git")


def _other_history(study: Path) -> None:
    shutil.rmtree(study / ".git")
    subprocess.run(["git", "init", "--quiet", str(study)], check=True)


def _no_journal(study: Path) -> None:
    (study / "journal.jsonl").unlink()


def _no_run(study: Path) -> None:
    path = study / "journal.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_history, "git history does not hold commit"),
        (_other_history, "git history does not hold commit"),
        (_no_journal, "is not a study"),
        (_no_run, "has no finished run"),
    ],
)
def test_study_without_what_it_takes_is_one_line_and_2(
    study: Path, capsys: pytest.CaptureFixture, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(study)
    assert rerun(study, "--run", "1") == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("how", ["journal", "template", "requirements"])
def test_interpreter_in_a_study_of_another_is_not_started(
    study: Path, capsys: pytest.CaptureFixture, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are its packages installed, where the interpreter that it names is not here."""
    evil = study.parent / "python"
    evil.write_text(f"#!/bin/sh\ntouch {study.parent}/owned\n")
    evil.chmod(0o755)
    if how == "template":
        (study / "template.toml").write_text(f'python = "{evil}"\n' + (study / "template.toml").read_text())
    if how == "requirements":
        (study / "requirements.txt").write_text("evil\n")
        monkeypatch.setenv("XDG_CACHE_HOME", str(study.parent / "cache"))
    _started_with(study, python=str(evil if how == "journal" else study.parent / "gone"))
    assert rerun(study, "--run", "1") == 2
    assert "name the interpreter to go on with by --python" in capsys.readouterr().err
    assert not (study.parent / "again").exists()
    assert not (study.parent / "cache").exists()
    assert rerun(study, "--run", "1", "--python", sys.executable) == 0
    assert not (study.parent / "owned").exists()


def test_data_that_a_study_of_another_names_is_not_shown(study: Path, capsys: pytest.CaptureFixture) -> None:
    private = study.parent / "private"
    private.mkdir()
    _started_with(study, data=(str(private),))
    assert rerun(study, "--run", "1") == 2
    assert f"would read {private}" in capsys.readouterr().err
    assert rerun(study, "--run", "1", "--data", str(private)) == 0


def _started_with(study: Path, **fields: object) -> None:
    def trap(event: Event) -> Event:
        return replace(event, setup=replace(event.setup, **fields)) if isinstance(event, StudyStarted) else event  # type: ignore[arg-type]

    rewritten(study, trap)


def _metrics(*values: float, name: str = "loss") -> dict[str, dict[str, Measurement]]:
    return {"d": {name: Measurement(sum(values) / len(values), None, values)}}


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (_metrics(1.0, 2.0, 3.0), _metrics(1.0, 2.0, 3.0), "same"),
        (_metrics(1.0, 2.0, 3.0), _metrics(1.1, 1.8, 3.2), "within noise"),
        (_metrics(1.0, 2.0, 3.0), _metrics(7.0, 8.0, 9.0), "different"),
        (_metrics(2.0, 2.0, 2.0), _metrics(2.0000001, 2.0, 2.0), "within noise"),
        (_metrics(2.0, 2.0, 2.0), _metrics(2.1, 2.1, 2.1), "different"),
        (_metrics(1.0), _metrics(1.1), "different"),
        (_metrics(1.0), _metrics(1.1, name="other"), "different"),
    ],
)
def test_verdicts(before: dict, now: dict, verdict: str) -> None:
    found = judged({1: (before, now)})
    assert {it.verdict for it in found} == {verdict}
    assert all(it.counts == (verdict == "different") for it in found)


def test_timing_is_told_and_does_not_count() -> None:
    (it,) = judged({1: (_metrics(1.0, 1.1, 1.2, name="train_seconds"), _metrics(9.0, 9.1, 9.2, name="train_seconds"))})
    assert (it.verdict, it.timing, it.counts) == ("different", True, False)
