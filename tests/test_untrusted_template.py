"""Templates from others: they bring no records, show no private folders, steer no terminal."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOOD, SILENT, Bench

from ai_scientist import launch
from ai_scientist.study.events import StudyResumed

RECORDS = ("journal.jsonl", "transcript.jsonl", "log.txt", "results.md", "report.html")


def test_records_of_another_study_are_not_seeded(bench: Bench) -> None:
    assert bench.study(GOOD, "--max-runs", "2") == 0
    for name in RECORDS:
        shutil.copy(bench.folder / name, bench.template / name)
    (bench.template / "notes.txt").mkdir()
    (bench.template / "smoke").write_text("x")
    (bench.template / "plot_output").write_text("x")
    (bench.template / "failed" / "run_1_attempt_1").mkdir(parents=True)
    shutil.rmtree(bench.results)
    other = {key: reply.replace("0.2", "0.3") for key, reply in GOOD.items()}
    assert bench.study(other, "--max-runs", "2") == 0
    assert "LEARNING_RATE = 0.3" in (bench.folder / "run_1.py").read_text()
    assert not (bench.folder / "failed").exists()


ODD: dict[str, Callable[[Path], object]] = {
    "broken link": lambda it: (it / "x").symlink_to("/nowhere"),
    "link to itself": lambda it: (it / "x").symlink_to("x"),
    "link to a folder": lambda it: (it / "x").symlink_to("."),
    "fifo": lambda it: os.mkfifo(it / "x"),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_is_no_file_of_a_template_is_one_clear_line(
    bench: Bench, make: Callable[[Path], object], capsys: pytest.CaptureFixture
) -> None:
    make(bench.template)
    assert bench.study(GOOD) == 2
    assert f"{bench.template / 'x'} is no file of the template" in capsys.readouterr().err


@pytest.mark.parametrize("data", ["/", "/proc", "/proc/self", "/dev", "~", "~/.."])
def test_template_cannot_ask_for_home_or_the_machine(bench: Bench, data: str, capsys: pytest.CaptureFixture) -> None:
    settings = bench.template / "template.toml"
    settings.write_text(f'data = ["{data}"]\n{settings.read_text()}')
    assert bench.study(GOOD) == 2
    assert "(data in template.toml), which" in capsys.readouterr().err
    assert not bench.results.exists()


def test_study_that_cannot_be_seeded_leaves_nothing(
    bench: Bench, small_disk: Path, capsys: pytest.CaptureFixture
) -> None:
    with (bench.template / "large").open("wb") as file:
        file.truncate(1_300_000_000)
    assert bench.study(GOOD, "--results-dir", str(small_disk)) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not list(small_disk.glob("*/*"))


def test_titles_cannot_steer_the_terminal(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    ideas = bench.template / "ideas.json"
    ideas.write_text(ideas.read_text().replace('"Title": "', '"Title": "\\u001b[2J\\nfolder:  /fake '))
    assert launch.main(["--list-ideas", "--templates-dir", "templates"]) == 0
    assert bench.study(SILENT, "--max-runs", "1") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\nfolder:  /fake" not in out


def test_names_are_no_markup_of_the_terminal(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    """A closing tag alone would end the study in a traceback when all was done."""
    code, settings = bench.template / "experiment.py", bench.template / "template.toml"
    code.write_text(code.read_text().replace("narrow", "[/x]"))
    settings.write_text(settings.read_text().replace('label = "', 'label = "[/y]'))
    bench.record({"run_1.attempt_1": GOOD["run_1.attempt_1"]}).rename(bench.root / "[red]recording")
    assert bench.launch("--recording", "[red]recording", "--max-runs", "1") == 1
    out = capsys.readouterr().out
    assert all(name in out for name in ("[/x]", "[/y]", "[red]recording"))


def test_error_does_not_steer_the_terminal(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    ideas = bench.template / "ideas.json"
    ideas.write_text(ideas.read_text().replace('"Title": "', '"may_change": ["\\u001b[2J"], "Title": "', 1))
    assert bench.study(GOOD) == 2
    said = capsys.readouterr().err
    assert "may change [2J, which" in said


def test_no_sandbox_is_said_again_to_go_on_without_one(bench: Bench) -> None:
    assert bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, "--max-runs", "2", "--no-sandbox") == 1
    launch.main(["--resume", str(bench.folder)])
    launch.main(["--resume", str(bench.folder), "--no-sandbox"])
    sandboxes = [event.setup.sandbox for event in bench.of(StudyResumed)]
    assert sandboxes[0] != "none"
    assert sandboxes[1] == "none"


def test_interpreter_that_only_a_journal_names_is_not_started(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    mine = bench.root / "my python"
    mine.symlink_to(sys.executable)
    assert bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, "--max-runs", "2", "--python", str(mine)) == 1
    assert f"--python '{mine}'" in capsys.readouterr().out.split("Go on with: ")[1]
    mine.unlink()
    mine.write_text(f"#!/bin/sh\ntouch {bench.root}/started\n")
    mine.chmod(0o755)
    bench.record(GOOD)
    for place in (bench.folder, bench.results):
        assert launch.main(["--resume", str(place)]) == 2
        assert "name the interpreter to go on with by --python" in capsys.readouterr().err
    assert launch.main(["--resume", str(bench.folder), "--python", sys.executable]) == 0
    assert not (bench.root / "started").exists()


def test_interpreter_that_the_own_template_names_goes_on(bench: Bench) -> None:
    mine = bench.root / "python"
    mine.symlink_to(sys.executable)
    settings = (bench.template / "template.toml").read_text()
    (bench.template / "template.toml").write_text(f'python = "{mine}"\n{settings}')
    assert bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, "--max-runs", "2") == 1
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.folder)]) == 2  # no template of that name is known there
    assert launch.main(["--resume", str(bench.folder), "--templates-dir", "templates"]) == 0


def test_command_to_go_on_says_that_there_was_no_sandbox(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    turns = {"run_1.attempt_1": GOOD["run_1.attempt_1"]}
    for ideas in ((), ("--idea", "more_steps")):
        assert bench.study(turns, "--max-runs", "2", "--no-sandbox", *ideas) == 1
        command = capsys.readouterr().out.split("--resume ")[-1]
        assert command.strip().endswith(" --no-sandbox")


@pytest.mark.parametrize(
    "settings",
    ["x = " + "[" * 3000, '[profiles.x]\nenvironment = { "A" = "' + "x" * 300_000 + '" }'],
    ids=["deep", "long variable"],
)
def test_settings_that_no_program_can_take_are_one_clear_line(
    bench: Bench, settings: str, capsys: pytest.CaptureFixture
) -> None:
    with (bench.template / "template.toml").open("a") as file:
        file.write(f"\n{settings}\n")
    assert bench.study(GOOD, "--template", "tiny") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_recording_that_would_eat_all_memory_is_one_clear_line(bench: Bench) -> None:
    assert bench.study({"run_1.attempt_1": '{{ "a" * 10**18 }}'}) == 1


def test_interpreter_that_answers_something_else_is_one_clear_line(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    python = bench.root / "python"
    python.write_text("#!/bin/sh\necho 3\n")
    python.chmod(0o755)
    assert bench.study(GOOD, "--python", str(python)) == 2
    assert "is no working Python" in capsys.readouterr().err
