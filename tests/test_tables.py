"""results.md, results.csv, written by the orchestrator alone, and the closing table of the terminal."""

import csv
import json
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from conftest import GOOD, SILENT, Bench, block
from rich.console import Console

from ai_scientist import launch
from ai_scientist.compare import Comparison
from ai_scientist.console.summary import show
from ai_scientist.facts import Row
from ai_scientist.metrics import Measurement
from ai_scientist.study.events import AttemptEnded, BaselineMeasured, TurnEnded
from ai_scientist.study.folder import StudyFolder
from ai_scientist.study.state import State
from ai_scientist.tables import as_csv, as_markdown
from ai_scientist.template import Template

TWO = ("--max-runs", "2")


def _rows(text: str) -> dict[tuple[str, str, str], dict[str, str]]:
    return {(row["run"], row["dataset"], row["metric"]): row for row in csv.DictReader(StringIO(text))}


def _git(bench: Bench, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(bench.folder), *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_every_run_dataset_and_metric_is_listed_as_it_was_measured(bench: Bench) -> None:
    assert bench.study(GOOD, *TWO) == 0
    rows = _rows((bench.folder / "results.csv").read_text())
    assert len(rows) == 3 * 2 * 2
    means = [json.loads((bench.folder / f"run_{run}" / "final_info.json").read_text()) for run in range(3)]
    for (run, dataset, metric), row in rows.items():
        mean, baseline = (means[number][dataset]["means"][f"{metric}_mean"] for number in (int(run), 0))
        assert (float(row["mean"]), row["n"]) == (mean, "3")
        if run != "0":
            assert float(row["difference"]) == mean - baseline
            assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
    assert rows["1", "narrow", "loss"]["verdict"] == "better"
    assert rows["1", "narrow", "weight"]["verdict"] == "different"
    assert rows["0", "wide", "loss"]["verdict"] == ""
    assert rows["2", "wide", "loss"]["name"] == "rate 0.4"
    read = (bench.folder / "results.md").read_text()
    assert read.index("## loss: squared error (lower is better)") < read.index("## weight: fitted weight")
    assert "| 2 | rate 0.4 | wide | " in read


def test_tables_are_written_with_the_baseline_and_each_run_and_committed(bench: Bench) -> None:
    bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, *TWO)  # stops: there is no second reply
    for tag, runs in {"run_0": {"0"}, "run_1": {"0", "1"}}.items():
        assert {run for run, _, _ in _rows(_git(bench, "show", f"{tag}:results.csv"))} == runs
    assert {run for run, _, _ in _rows((bench.folder / "results.csv").read_text())} == {"0", "1"}
    assert not _git(bench, "status", "--porcelain")


def test_tables_are_right_after_a_resume_whatever_was_done_to_them(bench: Bench) -> None:
    bench.study({"run_1.attempt_1": GOOD["run_1.attempt_1"]}, *TWO)
    (bench.folder / "results.csv").write_text("run,mean\n1,42\n")
    (bench.folder / "results.md").unlink()
    bench.record(GOOD)
    assert launch.main(["--resume", str(bench.folder)]) == 0
    assert {run for run, _, _ in _rows((bench.folder / "results.csv").read_text())} == {"0", "1", "2"}
    assert "| 1 | rate 0.2 |" in (bench.folder / "results.md").read_text()


def test_agent_cannot_edit_the_tables(bench: Bench) -> None:
    first = block("results.csv", "run,name", "run,nickname") + GOOD["run_1.attempt_1"]
    replies = GOOD | {"run_1.attempt_1": first, "run_1.attempt_2": GOOD["run_1.attempt_1"]}
    assert bench.study(replies, *TWO) == 0
    assert bench.of(TurnEnded)[0].status == "forbidden"
    assert (bench.folder / "results.csv").read_text().startswith("run,name,dataset")


def test_failed_run_is_said(bench: Bench) -> None:
    bad = block("experiment.py", "LEARNING_RATE = 0.2", "LEARNING_RATE = broken")
    bench.study(GOOD | {"run_2.attempt_1": bad}, "--max-runs", "3", "--max-attempts", "1")
    assert "Run 2 failed for good" in (bench.folder / "results.md").read_text()


@pytest.mark.parametrize(
    "name", ["a|b", "a\n| 9 | b", "<script>alert(1)</script>", "=cmd()", "[x](http://x)", "a\x1b[2J"]
)
def test_no_name_leaves_its_cell(bench: Bench, name: str) -> None:
    bench.study(SILENT, *TWO)
    state, template = bench.state, launch.read_template(bench.template)
    row = Row(1, name, name, name, 1.0, 0.1, 3, Comparison(0, 1.0, None, "no evidence"), None)
    line = next(it for it in as_markdown([row], {1: name}, state, template).splitlines() if it.startswith("| 1 |"))
    assert line.replace("\\|", "").count("|") == 10
    assert not any(sign in line for sign in ("\x1b", " <", " [x]"))
    (_, cells) = csv.reader(StringIO(as_csv([row], {1: name})))
    assert not cells[1].startswith("=")
    assert all(cell.isprintable() for cell in cells)


def test_closing_tables_fit_the_terminal_and_take_no_name_for_markup(tmp_path: Path) -> None:
    names = [f"a_long_dataset_name[/b]_{number}" for number in range(8)]
    metrics = {name: {"loss": Measurement(1.0, 0.1, (0.9, 1.0, 1.1))} for name in names}
    run = AttemptEnded(1, 1, "ok", 1.0, metrics, "", "", "")
    state = State(baseline=BaselineMeasured(metrics, 1.0, False, ""), attempts=(run,))
    console = Console(width=80, file=StringIO())
    show(console, StudyFolder(tmp_path), state, Template(tmp_path, "", "", primary="loss"), 1.0)
    lines = console.file.getvalue().splitlines()
    assert sum("│   1 │" in line for line in lines) == 2
    assert all(line.count("no evidence") == 4 for line in lines if "evidence" in line)
    assert not any("…" in line for line in lines)
