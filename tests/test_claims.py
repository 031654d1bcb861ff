"""The check of notes: every claim bound to what it speaks of, and to the results."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ai_scientist.claims.check import check
from ai_scientist.claims.folder import results_of
from ai_scientist.claims.model import Claim

SET = Path(__file__).parent / "claims_set"


def claims(text: str) -> list[Claim]:
    return list(check(text, results_of(SET / "diffusion")))


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ai_scientist", "claims", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study folder of another system: results with only means, names of runs only in plot.py, no notes yet."""
    return shutil.copytree(SET / "diffusion", tmp_path / "study", ignore=shutil.ignore_patterns("labelled.txt"))


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [("0.4119", "verified"), ("0.412", "verified"), ("0.411", "verified"), ("0.4126", "contradicted")],
)
def test_a_number_is_right_if_exact_rounded_or_truncated(loss: str, verdict: str) -> None:
    (claim,) = claims(f"## Run 3: Wider network\nOn circle the eval loss was {loss}.")
    assert (claim.run, claim.dataset, claim.metric, claim.reference) == (3, "circle", "eval_loss", None)
    assert (claim.verdict, claim.actual, claim.line) == (verdict, 0.4119, 2)


@pytest.mark.parametrize(
    ("verb", "direction", "verdict"),
    [
        ("decreased", "lower", "contradicted"),
        ("increased", "higher", "verified"),
        ("improved", "lower", "contradicted"),
    ],
)
def test_a_direction_is_checked_against_the_run_that_is_named(verb: str, direction: str, verdict: str) -> None:
    (claim,) = claims(f"## Run 3: Wider network\nCompared to Run 2, the KL divergence {verb} on line.")
    assert (claim.reference, claim.direction, claim.verdict) == (2, direction, verdict)


def test_the_command_gives_json_for_machines_and_1_for_a_contradiction(folder: Path) -> None:
    (folder / "notes.txt").write_text("## Run 3: Wider network\nOn circle the eval loss was 0.9.\n")
    done = command(folder, "--json")
    (claim,) = json.loads(done.stdout)["claims"]
    told = ("line", "text", "run", "dataset", "metric", "reference", "direction", "claimed", "actual", "verdict")
    assert [claim[key] for key in told] == [
        *(2, "On circle the eval loss was 0.9.", 3, "circle", "eval_loss", None, None, 0.9, 0.4119, "contradicted")
    ]
    assert done.returncode == 1
    (folder / "notes.txt").write_text("## Run 3: Wider network\nOn circle the eval loss was 0.4119.\n")
    assert command(folder).stdout.endswith("1 claims: 1 verified\n")


def test_a_folder_without_notes_is_one_clear_line(folder: Path) -> None:
    done = command(folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "notes.txt was not written" in done.stderr
