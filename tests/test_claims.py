"""The check of notes: every claim bound to what it speaks of, and to the results."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_scientist.claims.check import check
from ai_scientist.claims.folder import results_of
from ai_scientist.claims.model import Claim, Results
from ai_scientist.metrics import Measurement
from benchmarks.claims import LABELLED, Score, compared

DIFFUSION = results_of(LABELLED / "diffusion")


def claims(text: str) -> list[Claim]:
    return list(check(text, DIFFUSION))


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ai_scientist", "claims", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study folder of another system: results with only means, names of runs only in plot.py, no notes yet."""
    return shutil.copytree(LABELLED / "diffusion", tmp_path / "study", ignore=shutil.ignore_patterns("labelled.txt"))


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


def test_a_column_of_changes_is_from_one_run_to_the_next_and_each_row_is_a_claim() -> None:
    head = "## Summary\nEval loss:\n\n| Dataset | Run 2 | Run 3 | Change |\n|---|---:|---:|---:|\n"
    rows = "| circle | 0.3712 | **0.4119** | +11.0% |\n| line | 0.7418 | 0.7506 | -1.2% |\n| Mean | 0.5 | 0.6 | +9% |"
    found = [
        (it.line, it.text, it.run, it.dataset, it.reference, it.direction, it.verdict) for it in claims(head + rows)
    ]
    one, other, _ = rows.splitlines()
    assert found == [
        (6, one, 3, "circle", 2, "higher", "verified"),
        (7, other, 3, "line", 2, "lower", "contradicted"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "| | circle | line |\n|---|---|---|\n| Run 2 | 0.3712 | 0.7418 |\n| Run 3 | 0.4119 | 0.7506 |\n"
        "| Change | +11.0% | +2.2% |",
        "| Dataset | Eval loss: Run 2 -> Run 3 |\n|---|---|\n| circle | 0.3712 -> 0.4119 |\n"
        "| line | 0.7418 -> 0.7560 |",
        "| Run | circle eval loss | vs. Run 2 | line eval loss | vs. Run 2 |\n|---|---|---|---|---|\n"
        "| 3 | 0.4119 | +11.0% | 0.7560 | +1.2% |",
    ],
)
def test_runs_datasets_and_metrics_may_stand_in_rows_or_columns(table: str) -> None:
    found = [(it.run, it.dataset, it.metric, it.reference, it.direction, it.verdict) for it in claims(table)]
    common = ("eval_loss", 2, "higher")
    assert found == [(3, "circle", *common, "verified"), (3, "line", *common, "contradicted")]


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


def test_the_labelled_set_is_read_as_well_as_we_promise() -> None:
    total = Score()
    for folder in LABELLED.iterdir():
        total.add(compared(folder)[0])
    assert sum(total.labelled.values()) >= 300
    assert total.precision("contradicted") >= 0.95
    assert total.recall("contradicted") >= 0.9


@pytest.mark.parametrize(("fell", "verdict"), [("fell", "contradicted"), ("rose", "verified")])
def test_what_a_paragraph_compares_with_holds_for_its_sentences(fell: str, verdict: str) -> None:
    text = f"## Run 3: Wider network\nMixed results compared to Run 2. On line, the eval loss {fell}."
    assert [(it.reference, it.verdict) for it in claims(text) if it.metric] == [(2, verdict)]


def test_a_denial_is_false_only_where_the_seeds_are_evidence() -> None:
    results = results_of(LABELLED / "diff_activation")
    said = [f"The {it} on line compared to the baseline." for it in ("KL did not fall", "training time did not rise")]
    chance, evidence = check("## Run 2: Sine activation\n" + " ".join(said), results)
    assert (chance.metric, chance.verdict) == ("kl_divergence", "not_checkable")
    assert "no evidence of a difference" in chance.why
    assert (evidence.metric, evidence.verdict) == ("training_time", "contradicted")


@pytest.mark.parametrize(("run", "verdict"), [(2, "verified"), (3, "contradicted")])
def test_a_superlative_of_all_runs_is_compared_with_none_of_them(run: int, verdict: str) -> None:
    (claim,) = claims(f"## Conclusion\nRun {run} has the lowest eval loss of all runs on dino.")
    assert (claim.run, claim.reference, claim.direction, claim.verdict) == (run, None, "lower", verdict)


@pytest.mark.parametrize(
    "sentence",
    [
        "Lower KL divergence values indicate a better fit.",
        "As the learning rate increases, the eval loss on circle decreases.",
        "The decrease in eval loss was less pronounced than in Run 2.",
        "Reducing the eval loss on circle remains an open problem.",
        "The ratio of eval loss to training time dropped.",
        "In the second half of training the eval loss on moons falls again.",
    ],
)
def test_what_is_said_of_no_run_is_no_claim(sentence: str) -> None:
    assert [it for it in claims(f"## Run 4: Cosine noise schedule\n{sentence}") if it.metric] == []


WORDS = """circle|dino|eval loss|KL|decreased|from|to|by|than|Run 2|the baseline|0.4119|13.7%|\u00b1|twice|{'circle': {|
on all datasets|compared to|not|may|and|but|respectively|the lowest|'eval_loss': |}|## Run 3: Wider network|
- |:|, |. |(|)"""
NOTES = st.lists(st.sampled_from([*WORDS.split("|"), "|", " "]) | st.text(max_size=8), max_size=60).map("".join)


@given(notes=NOTES)
@settings(deadline=2000)
def test_any_text_gives_claims_of_its_own_lines(notes: str) -> None:
    lines = len(notes.splitlines())
    for claim in claims(notes):
        assert 1 <= claim.line <= lines
        assert claim.verdict in ("verified", "contradicted", "unsupported", "not_checkable")
        json.dumps(claim.as_json(), allow_nan=False)


NAME = st.text(max_size=6) | st.sampled_from(["step_val_acc_99", "a_b", "_", "9", "loss", "x_per_sec", "t\u00e9st"])


@given(names=st.tuples(NAME, NAME, NAME), mean=st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=2000, max_examples=60)
def test_any_names_and_values_of_results_are_checked(names: tuple[str, str, str], mean: float) -> None:
    dataset, metric, label = names
    measured = {dataset: {metric: Measurement(mean)}}
    results = Results({0: measured, 1: measured}, labels={1: label})
    said = f"{metric} on {dataset} fell from {mean} to 3 ({label}), twice the baseline's."
    notes = f"## Run 1: {label}\n{said}\n| {metric} | 1 |"
    for claim in check(notes, results):
        json.dumps(claim.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    "piece",
    ["a", "9", "(", "|", "[", "{", "'", ". ", "1,", "# ", "** ", "_", "9% ", "Run 1 ", "The loss fell. ", "\n- a:"],
)
def test_a_hundred_kilobytes_of_the_same_take_seconds_at_most(piece: str) -> None:
    piece = piece.replace("\\t", " ").replace("\\n", "\n")
    began = time.process_time()
    claims("## Run 3: Wider network\n" + piece * (100_000 // len(piece)) + " loss 0.4")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\x00\x01", "is no text"), (b"loss 0.4\n" * 200_000, "bytes long"), (None, "was not written")],
)
def test_notes_that_cannot_be_read_are_one_clear_line(folder: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (folder / "notes.txt").write_bytes(content)
    done = command(folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr


def test_what_is_printed_does_not_steer_the_terminal(folder: Path) -> None:
    (folder / "notes.txt").write_text("## Run 3: x\nOn circle the eval loss was 0.9, \x1b\x07 it was.\n")
    done = command(folder)
    assert "contradicted: On circle" in done.stdout
    assert not set("\x1b\x07") & set(done.stdout)


@pytest.mark.parametrize("content", ["{", "[]", '{"circle": {"means": {"eval_loss": null}}}', '{"circle": 3}'])
def test_a_folder_whose_results_cannot_be_read_is_one_clear_line(folder: Path, content: str) -> None:
    (folder / "notes.txt").write_text("")
    for path in folder.glob("run_*/final_info.json"):
        path.write_text(content)
    done = command(folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no results" in done.stderr


def test_results_without_deviation_or_direction_are_those_of_other_systems(folder: Path) -> None:
    (folder / "run_3" / "final_info.json").write_text(
        json.dumps({"circle": {"means": {"eval_loss_mean": 0.4, "kl_divergence_mean": None}}})
    )
    found = check(
        "## Run 3\nOn circle the eval loss was 0.4 \u00b1 0.01, better than the baseline.", results_of(folder)
    )
    assert [(it.reference, it.direction, it.verdict) for it in found] == [(0, "lower", "unsupported")]


@pytest.mark.parametrize(
    "text",
    [
        "We raised the learning rate from 1e-3 to 3e-3 and used 4 layers of width 512.",
        "A wider network might reduce the eval loss on circle to 0.2.",
        "Plots:\n1. `loss.png`: the eval loss on circle falls from 0.9 to 0.1.",
        "Does the eval loss fall below 0.1?",
    ],
)
def test_settings_guesses_questions_and_plots_are_not_checked(text: str) -> None:
    assert {claim.verdict for claim in claims(f"## Run 3: Wider network\n{text}\n")} <= {"not_checkable"}


@pytest.mark.parametrize(
    ("said", "verdicts"),
    [
        ("Compared to the baseline, the steps to 99% validation accuracy fell on all three modular tasks.", "vvv"),
        ("Compared to the baseline, the steps to 99% validation accuracy rose on all easy tasks.", "n"),
        ("Averaged over runs 1 to 4, step_val_acc_99 on x_div_y is 12.5.", "n"),
        ("With uniform(-0.1, 0.1), step_val_acc_99 on x_div_y was lower than the baseline.", "v"),
        ("The validation loss on x_div_y fell. Divide by 0.693 for bits.", "vn"),
        ("Unlike Run 0, which raised the validation loss on x_div_y, this run lowered it.", "n"),
        ("The variance of the validation loss on x_div_y rose.", ""),
        ("The base model needed 1800 steps on x_div_y.", "n"),
    ],
)
def test_what_is_said_of_things_unnamed_is_not_contradicted(said: str, verdicts: str) -> None:
    measured = {
        name: {"step_val_acc_99": Measurement(mean), "final_val_loss": Measurement(mean / 1000)}
        for name, mean in {"x_div_y": 900.0, "x_minus_y": 950.0, "x_plus_y": 400.0, "permutation": 7500.0}.items()
    }
    base = {name: {key: Measurement(2 * it.mean) for key, it in found.items()} for name, found in measured.items()}
    base["permutation"] = measured["permutation"]
    better: dict[str, Literal["lower", "higher"] | None] = {"step_val_acc_99": "lower", "final_val_loss": "lower"}
    results = Results({0: base, 1: measured}, better, {0: "Base"})
    assert "".join(claim.verdict[0] for claim in check(f"## Run 1: Wide\n{said}", results)) == verdicts


def test_a_number_says_which_metric_is_meant() -> None:
    means = {"eval_loss": Measurement(0.4336), "training_time": Measurement(37.5)}
    found = check(
        "## Run 1: Wide\ncircle: 0.4336 (-1.5% vs baseline)",
        Results(
            {0: {"circle": {"eval_loss": Measurement(0.44), "training_time": Measurement(30.0)}}, 1: {"circle": means}}
        ),
    )
    assert [(claim.metric, claim.reference, claim.direction, claim.verdict) for claim in found] == [
        ("eval_loss", 0, "lower", "verified")
    ]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("ndcg_at_10", "NDCG@10"),
        ("ndcg_at_10", "NDCG"),
        ("hit_rate_at_10", "HR@10"),
        ("hit_rate_at_10", "hit rate"),
        ("recall_at_20", "Recall@20"),
        ("mean_iou", "mIoU"),
        ("mean_iou", "intersection over union"),
        ("dice_score", "Dice"),
        ("top1_accuracy", "top-1 accuracy"),
        ("boundary_f1", "boundary F1"),
        ("expected_calibration_error", "ECE"),
    ],
)
def test_the_names_of_a_new_field_are_understood_as_people_write_them(metric: str, said: str) -> None:
    results = Results({run: {"a": {metric: Measurement(0.1 + run), "other": Measurement(1.0)}} for run in (0, 1)})
    found = check(f"## Run 1: Wide\nThe {said} fell on a compared to the baseline.", results)
    assert [(it.metric, it.direction, it.verdict) for it in found] == [(metric, "lower", "contradicted")]


@pytest.mark.parametrize(
    ("metric", "higher"), [("ndcg_at_10", True), ("hit_rate", True), ("mrr", True), ("hd95", False)]
)
def test_which_way_usual_metrics_are_better_is_known(metric: str, higher: bool) -> None:
    results = Results({run: {"a": {metric: Measurement(0.1 + run)}} for run in (0, 1)})
    (claim,) = check(f"## Run 1: Wide\nThe {metric} improved on a compared to the baseline.", results)
    assert claim.verdict == ("verified" if higher else "contradicted")
