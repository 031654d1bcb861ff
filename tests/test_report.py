"""Reports, the index, `status`, `report` and `watch`, of studies in whatever state. What is seen: test_browser.py."""

import html
import itertools
import json
import os
import pty
import random
import re
import shutil
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import GOOD, Bench, block, wait_for
from hypothesis import given
from hypothesis import strategies as st

from ai_scientist.__main__ import main
from ai_scientist.claims.check import check
from ai_scientist.claims.model import Results
from ai_scientist.machine import hardware
from ai_scientist.metrics import Measurement
from ai_scientist.report.answer import answer, best_result
from ai_scientist.report.diff import compare
from ai_scientist.report.index import index
from ai_scientist.report.notebook import pieces
from ai_scientist.report.runs import runs
from ai_scientist.report.study import read_study
from ai_scientist.report.surroundings import again
from ai_scientist.report.text import plain
from ai_scientist.report.writing import write_report
from ai_scientist.study.events import AttemptStarted, Stopped, StudyStarted
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.journal import Journal, read_journal

code = st.text(st.sampled_from("ab1 \t\n\r\f'\"#<&\\\x1b\0\u202eé="), max_size=60)
COMMAND = [sys.executable, "-m", "ai_scientist"]


def png(path: Path, size: int) -> None:
    """A PNG file of about `size` bytes that cannot be compressed."""
    rows = b"".join(b"\0" + random.Random(line).randbytes(3000) for line in range(size // 3000))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 1000, size // 3000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study, to be changed."""
    return shutil.copytree(finished, tmp_path / "results" / "tiny" / "study")


def begun(copied: Path, events: int) -> Path:
    """The study as it was after some events, with no process at it."""
    entries = read_journal(copied / "journal.jsonl")
    (copied / "journal.jsonl").unlink()
    with Journal(copied / "journal.jsonl", create=True) as journal:
        for entry in entries[:events]:
            journal.append(entry.event)
    return copied


def text_of(folder: Path) -> str:
    """What the report of a folder says, with its marks."""
    return write_report(folder).read_text()


def test_report_is_there_when_the_study_ends_and_says_so(finished: Path) -> None:
    content = (finished / "report.html").read_text()
    assert ">complete</span>" in content
    assert "ZeroDivisionError" in content
    assert "failed/run_1_attempt_1" in content
    assert hardware() in content
    assert (finished.parent.parent / "index.html").is_file()


def test_report_follows_the_study(bench: Bench) -> None:
    lasting = block("experiment.py", "LEARNING_RATE = 0.1", "import time\ntime.sleep(100)\nLEARNING_RATE = 0.2")
    recording = str(bench.record(GOOD | {"run_1.attempt_1": lasting}))
    flags = ["--idea", "learning_rate", "--templates-dir", "templates", "--recording", recording]
    study = subprocess.Popen([*COMMAND, "launch", *flags], stdout=subprocess.DEVNULL)
    try:
        wait_for(
            lambda: any("run 1, attempt 1, is running" in it.read_text() for it in bench.results.rglob("report.html"))
        )
        assert ">running</span>" in (bench.folder / "report.html").read_text()
        assert index(bench.results)[0].standing == "running"
    finally:
        study.terminate()
        study.wait()
    assert ">stopped</span>" in (bench.folder / "report.html").read_text()


def test_runs_see_no_report(finished: Path) -> None:
    assert StudyFolder(finished).report not in StudyFolder(finished).shown()


@pytest.mark.parametrize("events", range(14))
def test_report_of_a_study_at_any_point(events: int, copied: Path) -> None:
    folder = begun(copied, events)
    standing = "broken off" if events else "no journal"
    assert f">{standing}</span>" in text_of(folder)


def test_standing_is_told_by_the_lock_and_the_last_event(copied: Path) -> None:
    folder = begun(copied, 5)
    with Journal(folder / "journal.jsonl") as journal:
        assert read_study(folder).standing == "running"
        journal.append(Stopped("interrupted"))
    assert read_study(folder).standing == "stopped"


def test_missing_and_damaged_pieces_are_said(copied: Path) -> None:
    (copied / "journal.jsonl").write_bytes(
        (copied / "journal.jsonl").read_bytes().replace(b"StudyStarted", b"StudyStartet")
    )
    (copied / "transcript.jsonl").write_text("nothing\n")
    for name in ("notes.txt", "prompt.json"):
        (copied / name).unlink()
    shutil.rmtree(copied / ".git")
    content = text_of(copied)
    for said in (
        "line 1, is damaged",
        "no transcript",
        "notes.txt was not written",
        "prompt.json",
        "code of run 0 is not kept",
    ):
        assert said in content
    assert "0.1033" in content


def test_folder_of_another_system(tmp_path: Path) -> None:
    for run, loss in enumerate((0.5, 0.25)):
        (tmp_path / f"run_{run}").mkdir()
        (tmp_path / f"run_{run}" / "final_info.json").write_text(json.dumps({"data": {"means": {"loss_mean": loss}}}))
    (tmp_path / "notes.txt").write_text("# Title: Of elsewhere\n## Run 1: half\nThe loss is 0.25.\n")
    content = text_of(tmp_path)
    assert "<h1>Of elsewhere</h1>" in content
    assert "no journal.jsonl" in content
    assert "loss of run 1 on data is 0.25" in content


def test_folder_that_is_no_study_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for command in (
        ["report", str(tmp_path)],
        ["watch", str(tmp_path)],
        ["status", "--results-dir", str(tmp_path / "none")],
    ):
        assert main(command) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_code_of_a_run_that_failed_for_good_is_shown_and_why_another_was_not_started(bench: Bench) -> None:
    replies = {"run_1.attempt_1": block("experiment.py", "LEARNING_RATE = 0.1", "LEARNING_RATE = broken")}
    replies |= {"run_2.attempt_1": "I would rather not.", "notes.attempt_1": "Nothing."}
    assert bench.study(replies, "--max-runs", "2", "--max-attempts", "1") == 1
    _, failed, unstarted = runs(read_study(bench.folder), 1000)
    assert (failed.before, failed.diff.added, failed.diff.removed) == (0, 1, 1)
    assert unstarted.diff.remark.startswith("It was never started")


def test_run_that_was_cut_short_is_called_so(copied: Path) -> None:
    events = [entry.event for entry in read_journal(copied / "journal.jsonl")]
    started = next(number for number, it in enumerate(events) if isinstance(it, AttemptStarted) and it.run == 1)
    begun(copied, started + 1)
    assert answer(read_study(copied)).rows[1].failure == "cut short"


def test_commands_of_the_report_name_what_the_study_was_begun_with(copied: Path) -> None:
    entries = read_journal(copied / "journal.jsonl")
    (copied / "journal.jsonl").unlink()
    with Journal(copied / "journal.jsonl", create=True) as journal:
        for entry in entries[:-1]:
            event = entry.event
            if isinstance(event, StudyStarted):
                event = replace(event, setup=replace(event.setup, sandbox="none", python="/opt/other/bin/python"))
            journal.append(event)
    lines = [it.line for it in again(read_study(copied))]
    flags = "--no-sandbox --python /opt/other/bin/python"
    assert f"ai-scientist rerun {copied} --run 2 {flags}" in lines
    assert f"python launch_scientist.py --resume {copied} {flags}" in lines


def test_claims_of_long_notes_are_marked(copied: Path) -> None:
    notes = copied / "notes.txt"
    text = notes.read_text()
    few = text_of(copied).count('class="claim ')
    notes.write_text(text * (300_000 // len(text)))
    assert text_of(copied).count('class="claim ') > 100 * few
    notes.write_text(text * (1_100_000 // len(text)))
    assert "bytes long; at most 1,000,000 are read" in text_of(copied)


def test_page_stays_under_five_megabytes(copied: Path) -> None:
    for number, size in enumerate((2_000_000, 1_500_000, 400_000)):
        png(copied / f"plot_{number}.png", size)
    (copied / "notes.txt").write_text('The "loss" of <run 1> is 77 & more.\n' * 20_000)
    for run in range(3):
        (copied / f"run_{run}" / "stdout.log").write_text('"' * 3_000_000)
    content = text_of(copied)
    assert len(content.encode()) < 5_000_000
    assert "plot_0.png</a>: not shown here" in content
    assert 'alt="Plot plot_1.png"' in content
    assert "characters left out here" in content


def test_file_that_is_no_picture_is_not_shown(copied: Path) -> None:
    (copied / "page.png").write_text("<script>")
    (copied / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2**31 - 1, 2**31 - 1))
    content = text_of(copied)
    assert "it is no PNG file" in content
    assert "pixels large" in content


def test_report_that_cannot_be_written_does_not_stop_the_study(bench: Bench) -> None:
    (bench.template / "report.html").mkdir()
    (bench.template / "report.html" / "kept").touch()
    bench.results.mkdir()
    (bench.results / "index.html").write_text("a page of somebody else")
    assert bench.study(GOOD, "--max-runs", "2") == 0
    assert "the report is not written" in (bench.folder / "log.txt").read_text()
    assert (bench.results / "index.html").read_text() == "a page of somebody else"


def test_report_of_a_results_folder_writes_every_page(copied: Path, capsys: pytest.CaptureFixture) -> None:
    (copied / "report.html").unlink()
    results = copied.parent.parent
    assert main(["report", str(results)]) == 0
    assert capsys.readouterr().out == f"{results / 'index.html'}\n"
    assert 'href="./tiny/study/report.html"' in (results / "index.html").read_text()


def test_status_lists_studies(copied: Path, capsys: pytest.CaptureFixture) -> None:
    results = copied.parent.parent
    assert main(["status", "--results-dir", str(results), "--json"]) == 0
    (study,) = json.loads(capsys.readouterr().out)["studies"]
    assert (study["folder"], study["standing"], study["runs"]) == ("tiny/study", "complete", 2)
    assert study["best"] == "rate 0.4, narrow: 2.837e-05 from 0.1033"
    assert study["claims"]["contradicted"] == 1
    assert main(["status", "--results-dir", str(results)]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("study\tstate")
    assert line.startswith("tiny/study\tcomplete\t2\t")


def study_of(place: Path, seeds: dict[int, dict[str, list[float]]]) -> Path:
    """A folder with results and no journal; the loss is the primary metric."""
    for run, losses in seeds.items():
        (place / f"run_{run}").mkdir(parents=True)
        info = {
            dataset: {"means": {"loss_mean": sum(them) / len(them)}, "final_info_dict": {"loss": them}}
            for dataset, them in losses.items()
        }
        (place / f"run_{run}" / "final_info.json").write_text(json.dumps(info))
    (place / "template.toml").write_text('primary = "loss"\n[metrics.loss]\nbetter = "lower"\n')
    return place


def test_best_result_is_not_that_with_the_largest_percentage(tmp_path: Path) -> None:
    before = {"near_zero": [0.001, 0.002, 0.003], "clear": [5.0, 5.01, 5.02]}
    after = {"near_zero": [-0.004, -0.005, -0.006], "clear": [4.5, 4.51, 4.52]}
    said, effect, verdict = best_result(read_study(study_of(tmp_path, {0: before, 1: after})))
    assert (said, verdict) == ("run 1, clear: 4.51 from 5.01", "better")
    assert effect == pytest.approx(40)


def test_status_of_a_narrow_terminal_is_lines_and_not_a_table(copied: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "80"}
    command = [*COMMAND, "status", "--results-dir", str(copied.parent.parent)]
    subprocess.run(command, env=environment, stdout=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    first, second, third = re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines()
    assert first == "tiny/study"
    assert second.startswith("  complete, 2 runs, $0, ")
    assert third.startswith("  best: rate 0.4, narrow: 2.837e-05 from 0.1033, ")


def test_watch_follows_until_the_study_ends(copied: Path) -> None:
    entries = read_journal(copied / "journal.jsonl")
    folder = begun(copied, 3)
    command = [*COMMAND, "watch", str(folder)]
    with (
        Journal(folder / "journal.jsonl") as journal,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching,
    ):
        assert "study started" in watching.stdout.readline()
        for entry in entries[3:]:
            journal.append(entry.event)
        said = watching.stdout.read()
        assert watching.wait() == 0
    assert "run 1, attempt 1 crashed" in said
    assert said.endswith("study complete\n")


def test_watch_ends_when_nobody_works_on_the_study(copied: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["watch", str(begun(copied, 5))]) == 1
    assert "it was killed. It can be resumed" in capsys.readouterr().out


def test_page_is_opened_only_before_a_screen(copied: Path, tmp_path: Path) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)

    def is_opened(*flags: str, **variables: str) -> bool:
        seen.unlink(missing_ok=True)
        ours, theirs = pty.openpty()
        screen = {"PATH": os.environ["PATH"], "BROWSER": f"{browser} %s", "DISPLAY": ":9", **variables}
        subprocess.run([*COMMAND, "report", str(copied), *flags], env=screen, stdout=theirs, check=True)
        os.close(ours)
        os.close(theirs)
        return seen.exists()

    assert is_opened()
    assert seen.read_text() == f"{(copied / 'report.html').as_uri()}\n"
    assert not is_opened("--no-open")
    assert not is_opened(CI="true")
    assert not is_opened(DISPLAY="")


def test_diff_shows_lines_that_are_new_gone_and_changed() -> None:
    found = compare("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 20\nc = 3\nd = '<b>'\n")
    (block,) = found.blocks
    assert [line.kind for line in block] == ["same", "changed", "same", "new"]
    assert (found.added, found.removed) == (2, 1)
    assert "&lt;b&gt;" in block[-1].new.code
    assert "".join(part for part in block[1].new.code.striptags().split()) == "b=20"


@given(code, code)
def test_diff_of_any_code_shows_its_lines_as_they_are(old: str, new: str) -> None:
    before, after = ([*plain(text).split("\n"), ""] for text in (old, new))
    for line in itertools.chain.from_iterable(compare(old, new).blocks):
        for side, lines in ((line.old, before), (line.new, after)):
            assert html.unescape(re.sub("<[^>]*>", "", side.code)) == (lines[side.number - 1] if side.number else "")


@given(
    st.lists(st.sampled_from(["The loss of run 1 is 0.5.", "## Run 1: a", "- it is\n  lower", "7% <b>"]), max_size=9)
)
def test_marks_change_nothing_of_the_notes(lines: list[str]) -> None:
    notes = "\n".join(lines)
    claims = check(notes, Results({run: {"data": {"loss": Measurement(value)}} for run, value in enumerate((1, 0.5))}))
    assert "".join(piece.text for piece in pieces(notes, claims)) == notes


def test_plain_text_keeps_what_people_read() -> None:
    assert plain("a\tb\nc\x1b[1;31md\x1b[0me\x1b]0;t\x07f\x00g\u202eh é 漢 ± 😀") == "a\tb\ncdefgh é 漢 ± 😀"
