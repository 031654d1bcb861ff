"""Faults of the machine that are not shown elsewhere: see docs/reliability.md for the whole list."""

import re
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from conftest import GOOD, Bench

from ai_scientist import launch
from ai_scientist.study.folder import create

ROOT = Path(__file__).parent.parent


def test_two_studies_of_one_second_have_two_folders(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5)
    folders = [create(tmp_path, "tiny", "idea", now).root.name for _ in range(3)]
    assert folders == ["20260102_030405_idea", "20260102_030405_idea_2", "20260102_030405_idea_3"]


def test_folder_that_becomes_read_only_stops_resumably(
    bench: Bench, small_disk: Path, capsys: pytest.CaptureFixture
) -> None:
    results = ("--results-dir", str(small_disk))
    assert bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, "--max-runs", "2", *results) == 1
    (study,) = [path.parent for path in small_disk.glob("tiny/*/journal.jsonl")]
    bench.record(GOOD)
    capsys.readouterr()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert launch.main(["--resume", str(study)]) == 1
    assert "Read-only file system" in capsys.readouterr().err
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert launch.main(["--resume", str(study)]) == 0


def test_every_test_that_the_documentation_names_is_there() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text()
    named = set(re.findall(r"\btest_[a-z_0-9]+(?!\.py)\b", text)) - set(re.findall(r"\b(test_\w+)\.py", text))
    code = "\n".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert {name for name in named if f"def {name}(" not in code} == set()
    assert len(named) > 30


def test_study_folder_is_not_touched_by_git_settings_of_the_user(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    home = bench.root / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(bench.root / "elsewhere"))
    assert bench.study(GOOD, "--max-runs", "2") == 0
    log = subprocess.run(
        ["git", "-C", str(bench.folder), "log", "--format=%an"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert set(log.stdout.split("\n")) == {"AI Scientist", ""}
