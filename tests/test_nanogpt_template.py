"""The nanogpt template, run as a study runs it: the real scripts, in a folder of their own, at the smoke size."""

import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ai_scientist.agents.model import Request
from ai_scientist.agents.recording import Recording
from ai_scientist.claims.check import check
from ai_scientist.claims.model import Results
from ai_scientist.compare import against_baseline
from ai_scientist.lab import Turn
from ai_scientist.metrics import Measurement, Metrics
from ai_scientist.template import read_template

TEMPLATE = Path(__file__).parents[1] / "templates" / "nanogpt"
RECORDING = TEMPLATE / "recordings" / "learning_rate_schedule_nanogpt"
DATASETS = ("opticks", "sqlite")
TIMES = ("total_train_time", "inference_tokens_per_second")
METRICS = ("final_train_loss", "best_val_loss", "val_bits_per_byte", *TIMES)


def run(folder: Path, *command: str, profile: str = "smoke") -> subprocess.CompletedProcess[str]:
    """A script of a study folder, on the CPU; one thread, since two of tiny operations mostly wait for each other."""
    variables = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "AI_SCIENTIST_PROFILE": profile}
    command = (sys.executable, *command)
    return subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False
    )


def make_study(folder: Path, old: str = "", new: str = "") -> Path:
    """A study folder, with one edit of experiment.py if asked."""
    shutil.copytree(TEMPLATE / "data", folder / "data")
    shutil.copy(TEMPLATE / "plot.py", folder)
    code = (TEMPLATE / "experiment.py").read_text(encoding="utf-8")
    assert not old or code.count(old) == 1
    (folder / "experiment.py").write_text(code.replace(old, new) if old else code, encoding="utf-8")
    return folder


def read_info(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads((folder / "final_info.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its baseline."""
    folder = make_study(tmp_path_factory.mktemp("study"))
    done = run(folder, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"progress 120/120 .*", done.stdout.splitlines()[-1])
    return folder


@pytest.fixture(scope="module")
def experiment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nanogpt_experiment", TEMPLATE / "experiment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.torch.set_num_threads(1)
    return module


def test_final_info_holds_every_metric_of_every_text_and_seed(study: Path) -> None:
    info = read_info(study / "run_0")
    assert tuple(info) == DATASETS
    for entry in info.values():
        assert tuple(entry["final_info_dict"]) == METRICS
        for metric, values in entry["final_info_dict"].items():
            assert len(values) == 3
            assert entry["means"][f"{metric}_mean"] == pytest.approx(np.mean(values))
            assert entry["stderrs"][f"{metric}_stderr"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
        assert len(set(entry["final_info_dict"]["val_bits_per_byte"])) == 3
        assert min(entry["final_info_dict"]["inference_tokens_per_second"]) > 0


def test_a_run_leaves_its_results_and_what_the_models_write(study: Path) -> None:
    assert sorted(path.name for path in (study / "run_0").iterdir()) == [
        "all_results.npz",
        "final_info.json",
        "samples.txt",
    ]
    samples = (study / "run_0" / "samples.txt").read_text(encoding="utf-8")
    assert re.findall(r"^--- (\w+), seed (\d)$", samples, re.MULTILINE) == [(d, s) for d in DATASETS for s in "012"]


def test_the_same_seeds_give_the_same_results_but_for_times(study: Path) -> None:
    done = run(study, "experiment.py", "--out_dir=again/run_0")
    assert done.returncode == 0, done.stderr
    first, again = read_info(study / "run_0"), read_info(study / "again" / "run_0")
    for dataset in DATASETS:
        for metric in set(METRICS) - set(TIMES):
            assert again[dataset]["final_info_dict"][metric] == first[dataset]["final_info_dict"][metric]
    assert (study / "again/run_0/samples.txt").read_bytes() == (study / "run_0/samples.txt").read_bytes()
    with np.load(study / "run_0/all_results.npz") as one, np.load(study / "again/run_0/all_results.npz") as other:
        assert set(one) == set(other)
        assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_text_is_split_without_loss_and_read_back(experiment: ModuleType, dataset: str) -> None:
    content = (TEMPLATE / "data" / f"{dataset}.txt").read_bytes()
    text = experiment.read_text(dataset, 64)
    tokens = np.concatenate([text.train.numpy(), text.val.numpy()])
    assert bytes(np.frombuffer(text.symbols, dtype=np.uint8)[tokens]) == content
    assert 0.09 < len(text.val) / len(content) <= 0.1
    assert text.write(text.val) == content[-len(text.val) :].decode(errors="replace")


def test_windows_predict_every_held_out_byte_once(experiment: ModuleType) -> None:
    text = experiment.read_text("opticks", 64)
    windows = experiment.windows(text.val, 64)
    assert windows[:, 1:].flatten().tolist() == text.val[1:].tolist()
    assert windows[:, 0].tolist() == text.val[:-1:64].tolist()


def test_bits_per_byte_of_known_predictions(experiment: ModuleType) -> None:
    """Equal odds for all symbols need log2 of their number, fixed odds the cross-entropy of the held-out text."""
    torch = experiment.torch
    text = experiment.read_text("sqlite", 64)

    class Fixed(torch.nn.Module):
        def __init__(self, logits: Any) -> None:
            super().__init__()
            self.logits = logits

        def forward(self, tokens: Any) -> Any:
            return self.logits.expand(*tokens.shape, -1)

    def measured(logits: Any) -> float:
        return experiment.bits_per_byte(experiment.evaluate(Fixed(logits), experiment.windows(text.val, 64)))

    symbols = len(text.symbols)
    assert measured(torch.zeros(symbols)) == pytest.approx(math.log2(symbols), rel=1e-5)
    odds = (np.bincount(text.train.numpy(), minlength=symbols) + 1) / (len(text.train) + symbols)
    expected = -np.log2(odds)[text.val.numpy()[1:]].mean()
    assert measured(torch.tensor(np.log(odds), dtype=torch.float32)) == pytest.approx(expected, rel=1e-5)


def test_no_position_sees_its_future(experiment: ModuleType) -> None:
    torch = experiment.torch
    torch.manual_seed(0)
    model = experiment.GPT(experiment.PROFILES["smoke"], 50).eval()
    tokens = torch.randint(50, (2, 16))
    other = tokens.clone()
    other[:, 8:] = (other[:, 8:] + 1) % 50
    with torch.no_grad():
        assert torch.allclose(model(tokens)[:, :8], model(other)[:, :8], atol=1e-6)
        assert not torch.allclose(model(tokens)[:, 8:], model(other)[:, 8:], atol=1e-3)


def test_a_short_training_beats_the_frequencies_of_the_bytes(experiment: ModuleType) -> None:
    smoke = experiment.PROFILES["smoke"]
    settings = replace(smoke, width=32, context=32, batch_size=16, steps=150, evaluate_every=50, dropout=0)
    metrics, curves, _ = experiment.train("opticks", 0, settings, "cpu", lambda step, text: None)
    text = experiment.read_text("opticks", 32)
    odds = np.bincount(text.train.numpy(), minlength=len(text.symbols)) / len(text.train)
    assert metrics["val_bits_per_byte"] < -np.log2(odds)[text.val.numpy()].mean() - 0.3
    assert curves["val_loss"] == sorted(curves["val_loss"], reverse=True)
    assert metrics["best_val_loss"] == curves["val_loss"][-1]
    assert curves["learning_rate"] == [settings.learning_rate] * 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("loss.backward()", "(loss * math.nan).backward()", "FloatingPointError: at step 10 train_loss is nan"),
        ("        return tokens\n", "        return tokens[:, :-1]\n", "ValueError: generate returned"),
        ("loss.backward()", "os._exit(7)", "a training process ended with exit code 7"),
    ],
)
def test_what_an_edit_breaks_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    done = run(make_study(tmp_path, old, new), "experiment.py", "--out_dir=run_1")
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "run_1" / "final_info.json").exists()


def test_an_unknown_profile_is_one_line_and_exit_code_2(study: Path) -> None:
    done = run(study, "experiment.py", "--out_dir=run_9", profile="huge")
    assert done.returncode == 2
    assert done.stderr == "AI_SCIENTIST_PROFILE is 'huge', but must be one of: full, quick, smoke\n"


def test_plot_draws_every_curve_and_passes_over_a_missing_run(study: Path) -> None:
    code = (study / "plot.py").read_text(encoding="utf-8")
    (study / "plot.py").write_text(code.replace('"Baseline",', '"Baseline", "run_7": "Never run",'), encoding="utf-8")
    done = run(study, "plot.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "plot.py: run_7 is left out: it has no results\n"
    curves = {f"{curve}_{dataset}.png" for curve in ("train_loss", "val_loss") for dataset in DATASETS}
    bars = {"val_bits_per_byte.png", "inference_tokens_per_second.png"}
    assert {path.name for path in study.glob("*.png")} == curves | bars


def test_a_text_of_ones_own_is_prepared_learned_and_drawn(tmp_path: Path) -> None:
    study = make_study(tmp_path, 'DATASETS = ("opticks", "sqlite")', 'DATASETS = ("mine",)')
    (tmp_path / "one.txt").write_bytes("Grüße an alle.\r\n".encode() * 500)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("two", "The end. " * 1000)
    done = run(study, "data/prepare.py", "mine", "one.txt", "two.zip", "--first-bytes", "12000")
    assert done.returncode == 0, done.stderr
    content = (study / "data" / "mine.txt").read_bytes()
    assert content == ("Grüße an alle.\n".encode() * 500 + b"The end. " * 1000)[:12000]
    assert f"{len(content):,} bytes, {len(set(content))} different ones." in done.stdout
    done = run(study, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 0, done.stderr
    assert tuple(read_info(study / "run_0")) == ("mine",)
    assert run(study, "plot.py").returncode == 0
    assert (study / "val_loss_mine.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mine", "missing.txt"), "missing.txt: No such file or directory"),
        (("mine", "short.txt"), "5 bytes are too few: a text needs at least 10,000"),
        (("../mine", "short.txt"), "'../mine' cannot be a dataset's name: small letters, digits and _ only"),
        (("mine", "short.txt", "--first-bytes", "0"), "--first-bytes must be at least 1"),
        (("mine", "several.zip"), "several.zip: the archive holds 2 files; unpack it and name those that you want"),
    ],
)
def test_wrong_input_of_prepare_is_one_line_and_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(TEMPLATE / "data" / "prepare.py", tmp_path / "data")
    (tmp_path / "short.txt").write_text("short")
    with zipfile.ZipFile(tmp_path / "several.zip", "w") as archive:
        archive.writestr("one", "1")
        archive.writestr("two", "2")
    done = run(tmp_path, "data/prepare.py", *arguments)
    assert (done.returncode, done.stderr) == (2, f"prepare.py: {said}\n")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["prepare.py"]


def test_a_text_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    study = make_study(tmp_path, 'DATASETS = ("opticks", "sqlite")', 'DATASETS = ("lost",)')
    done = run(study, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 1
    assert "lost.txt is missing or shorter than 160 bytes; data/prepare.py makes it" in done.stderr


def test_ideas_are_complete_and_one_is_recorded() -> None:
    ideas = read_template(TEMPLATE).ideas()
    assert len(ideas) >= 8
    assert [idea.name for idea in ideas if (TEMPLATE / "recordings" / idea.name).is_dir()] == [RECORDING.name]


def _measured(differences: dict[str, float], noise: float) -> dict[int, Metrics]:
    """Results of six runs, each further from the baseline than the one before, up to these differences."""

    def values(metric: str, dataset: str, run: int) -> tuple[float, ...]:
        start = {"total_train_time": 30.0, "inference_tokens_per_second": 1500.0}.get(metric, 2.0)
        shift = 0.0 if metric in TIMES else differences[dataset] * (0.8 + 0.04 * run) * (run > 0)
        seeds = (0.011, -0.004, 0.002)
        return tuple(start + shift + each + noise * each * (run + index) for index, each in enumerate(seeds))

    def measure(metric: str, dataset: str, run: int) -> Measurement:
        each = values(metric, dataset, run)
        return Measurement(float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(3)), each)

    return {r: {d: {m: measure(m, d, r) for m in METRICS} for d in DATASETS} for r in range(6)}


def _facts(metrics: dict[int, Metrics]) -> dict[str, object]:
    """What the recording sees of these results, compared as a study compares them."""
    better = {name: metric.better for name, metric in read_template(TEMPLATE).metrics.items()}
    compared = against_baseline(metrics, better, paired=True)
    runs = {
        run: {
            dataset: {
                metric: {
                    "mean": it.mean,
                    "stderr": it.stderr,
                    "baseline": asdict(compared[run, dataset, metric]) if run else None,
                }
                for metric, it in measured.items()
            }
            for dataset, measured in datasets.items()
        }
        for run, datasets in metrics.items()
    }
    return {"runs": runs, "revised": [], "plots": ["val_loss_opticks.png", "summary_schedules.png"]}


@pytest.mark.parametrize(
    ("differences", "noise", "said", "unsaid"),
    [
        ((-0.2, -0.3), 0.01, "evidence that run 4 is better", "higher than"),
        ((0.2, 0.3), 0.01, "evidence that run 4 is worse", "lower than"),
        ((-0.2, 0.3), 0.01, "evidence that run 4 is worse", "no evidence that"),
        ((-0.2, -0.2), 3.0, "would pass if it were the only one", "there is evidence that"),
        ((-0.001, 0.002), 2.0, "Three seeds are no evidence", "there is evidence that"),
        ((0.0, 0.0), 0.0, "the same as the baseline", "lower than"),
    ],
)
def test_the_recorded_notes_say_what_the_results_say(
    differences: tuple[float, float], noise: float, said: str, unsaid: str
) -> None:
    metrics = _measured(dict(zip(DATASETS, differences, strict=True)), noise)
    recording = Recording(RECORDING, lambda: _facts(metrics))
    turns = [Turn(number, "run", number, 1) for number in range(1, 6)]
    turns += [Turn(6, purpose, 5, 1) for purpose in ("notes", "plot", "describe")]
    replies = {turn.key: recording.reply(Request(turn, 0, (), "")).text for turn in turns}
    parts = [replies[f"run_{number}.attempt_1"] for number in range(1, 6)] + [replies["notes.attempt_1"]]
    added = [part.partition("notes.txt\n")[2].partition("=======\n")[2].partition(">>>>>>> ")[0] for part in parts]
    notes = re.sub(r"Run \d has not been run yet\.\n", "", "".join(added))
    assert notes.count("\n## Run ") == 5
    assert said in notes
    assert unsaid not in notes
    claims = check(notes, Results(metrics, {m: read_template(TEMPLATE).metrics[m].better for m in METRICS}))
    assert len([claim for claim in claims if claim.verdict == "verified"]) > 50
    assert [claim.text for claim in claims if claim.verdict in ("contradicted", "unsupported")] == []
    assert "`summary_schedules.png`: " in replies["describe.attempt_1"]
