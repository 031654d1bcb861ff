"""`ai-scientist new`: what it makes passes the check and runs a study; what it cannot make is one clear line."""

import pytest
from conftest import TINY, Bench, add_notes, block

from ai_scientist.__main__ import main

OWN = '''\
#!/usr/bin/env python3
"""Estimates the mean of noisy numbers."""

from __future__ import annotations

import json
import os
import random

COUNT = 10


def estimate(seed: int) -> float:
    rng = random.Random(seed)
    scale = float(open("scale.txt").read())
    return sum(rng.gauss(0, scale) for _ in range(COUNT)) / COUNT


print("estimating")
mean = estimate(int(os.environ.get("SEED", 0)))
open("left.txt", "w").write(str(mean))
print(json.dumps({"error": abs(mean)}))
'''


def _checked(folder: str, capsys: pytest.CaptureFixture) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["check", folder])
    return code, capsys.readouterr().out


def test_new_template_passes_the_check_without_a_warning(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert main(["new", "mine"]) == 0
    assert "ai-scientist check templates/mine" in capsys.readouterr().out
    assert _checked("templates/mine", capsys) == (0, "templates/mine: 0 errors, 0 warnings\n")


def test_new_template_makes_a_study(bench: Bench) -> None:
    assert main(["new", "mine"]) == 0
    replies = {
        "run_1.attempt_1": block("experiment.py", "LEARNING_RATE = 0.1", "LEARNING_RATE = 0.3")
        + add_notes("Description: Baseline results.", "## Run 1: rate 0.3\nThree times the rate."),
        "notes.attempt_1": add_notes("Three times the rate.", "It learns faster."),
        "plot.attempt_1": block(
            "plot.py", 'labels = {"run_0": "Baseline"}', 'labels = {"run_0": "Baseline", "run_1": "rate 0.3"}'
        ),
        "describe.attempt_1": add_notes("It learns faster.", "test_loss.png and test_accuracy.png: bars, one a run."),
    }
    flags = ("--template", "mine", "--max-runs", "1", "--recording", str(bench.record(replies)))
    assert bench.launch(*flags) == 0


def test_script_that_keeps_the_contract_is_taken_as_it_is(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    assert main(["new", "mine", "--from", str(TINY / "experiment.py")]) == 0
    assert "taken as it is" in capsys.readouterr().out
    made = bench.root / "templates" / "mine"
    assert (made / "experiment.py").read_bytes() == (TINY / "experiment.py").read_bytes()
    assert _checked("templates/mine", capsys)[0] == 0


def test_any_script_runs_once_a_seed(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "own.py").write_text(OWN)
    assert main(["new", "mine", "--from", "own.py"]) == 0
    assert "must still" not in capsys.readouterr().out
    made = bench.root / "templates" / "mine"
    (made / "scale.txt").write_text("2.0")
    code, out = _checked("templates/mine", capsys)
    assert code == 0, out
    assert "smoke" in out  # the one warning: the script has no short size yet
    assert (made / "experiment.py").read_text().replace(
        "\nimport adapter  # added by ai-scientist: runs this script once a seed, see adapter.py\n\n"
        "adapter.once_a_seed(__file__)\n\n",
        "",
    ) == OWN


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("print(json.dumps({", "str(json.dumps({", "must print its metrics as its last line"),
        ('os.environ.get("SEED", 0)', "0", "all seeds give the same values"),
        ("estimate(int", "estimate(1 / 0 + int", "ZeroDivisionError"),
    ],
)
def test_what_a_script_lacks_is_said(
    bench: Bench, capsys: pytest.CaptureFixture, old: str, new: str, said: str
) -> None:
    assert OWN.count(old) == 1
    (bench.root / "own.py").write_text(OWN.replace(old, new))
    assert main(["new", "mine", "--from", "own.py"]) == 0
    (bench.root / "templates" / "mine" / "scale.txt").write_text("2.0")
    code, out = _checked("templates/mine", capsys)
    assert code == 1
    assert said in out


def test_what_must_be_added_is_said_when_it_is_made(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "own.py").write_text("loss = 1\n")
    assert main(["new", "mine", "--from", "own.py"]) == 0
    out = capsys.readouterr().out
    assert 'int(os.environ.get("SEED", 0))' in out
    assert 'print(json.dumps({"loss": loss})) as its last line' in out
    assert "need no arguments" not in out


def test_script_with_arguments_that_writes_its_own_file_is_told_so(bench: Bench, capsys: pytest.CaptureFixture) -> None:
    (bench.root / "own.py").write_text("import argparse, json\njson.dump({'loss': 1}, open('own.json', 'w'))\n")
    assert main(["new", "mine", "--from", "own.py"]) == 0
    out = capsys.readouterr().out
    assert "need no arguments" in out
    assert 'print(json.dumps({"loss": loss})) as its last line' in out


def test_script_of_windows_is_wrapped(bench: Bench) -> None:
    (bench.root / "own.py").write_bytes(b"\xef\xbb\xbfloss = 1\r\n")
    assert main(["new", "mine", "--from", "own.py"]) == 0
    made = (bench.root / "templates" / "mine" / "experiment.py").read_bytes()
    assert made.endswith(b"loss = 1\n")
    assert b"\r" not in made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny"], "is there already"),
        (["../mine"], "no usable name"),
        (["mine", "--from", "nowhere.py"], "--from nowhere.py: there is no such file"),
        (["mine", "--from", "broken.py"], "is not valid Python"),
        (["mine", "--from", "latin.py"], "line 2 is not UTF-8"),
        (["mine", "--templates-dir", "/dev/null"], "cannot make /dev/null/mine"),
    ],
)
def test_bad_input_makes_nothing(bench: Bench, capsys: pytest.CaptureFixture, arguments: list[str], said: str) -> None:
    (bench.root / "broken.py").write_text("def (")
    (bench.root / "latin.py").write_bytes(b"loss = 1\n# caf\xe9\n")
    before = sorted(bench.root.rglob("*"))
    assert main(["new", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert sorted(bench.root.rglob("*")) == before
