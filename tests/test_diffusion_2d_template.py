"""The diffusion_2d template, run as a study runs it, at the smoke size; its parts against answers that are known."""

import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ai_scientist.agents.model import Request
from ai_scientist.agents.recording import Recording
from ai_scientist.idea import Idea
from ai_scientist.lab import Turn
from ai_scientist.template import read_template
from ai_scientist.yardstick import suspicion
from ai_scientist.yardstick.seal import broken, seal

TEMPLATE = Path(__file__).parents[1] / "templates" / "diffusion_2d"
RECORDING = TEMPLATE / "recordings" / "noise_schedules_diffusion_2d"
DATASETS = ("circle", "line", "moons", "butterfly")
METRICS = ("training_time", "eval_loss", "inference_time", "kl_divergence")
PLOTS = {"samples.png", "train_loss.png", "kl_divergence.png"}
BLOCKS = re.compile(r"experiment\.py\n```python\n<<<<<<< SEARCH\n(.*?)=======\n(.*?)>>>>>>> REPLACE", re.DOTALL)


def run(folder: Path, *command: str, profile: str = "smoke") -> subprocess.CompletedProcess[str]:
    one_thread = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment = os.environ | one_thread | {"AI_SCIENTIST_PROFILE": profile}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def make_study(folder: Path, old: str = "", new: str = "") -> Path:
    """A study folder, with one edit of experiment.py if asked."""
    folder.mkdir(exist_ok=True)
    shutil.copy(TEMPLATE / "plot.py", folder)
    code = (TEMPLATE / "experiment.py").read_text(encoding="utf-8")
    if old:
        assert code.count(old) == 1
        code = code.replace(old, new)
    (folder / "experiment.py").write_text(code, encoding="utf-8")
    return folder


def results(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    return json.loads((folder / "final_info.json").read_text(encoding="utf-8"))


def without_times(folder: Path) -> dict[tuple[str, str], object]:
    return {
        (dataset, metric): values
        for dataset, entry in results(folder).items()
        for metric, values in entry["final_info_dict"].items()
        if not metric.endswith("_time")
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_study(tmp_path_factory.mktemp("study"))
    done = run(folder, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def experiment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diffusion_2d_experiment", TEMPLATE / "experiment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    # As the template's own processes do: two threads of tiny operations wait for each other most of the time.
    module.torch.set_num_threads(1)
    return module


# The contract


def test_final_info_holds_every_metric_of_every_dataset_and_seed(study):
    info = results(study / "run_0")
    assert tuple(info) == DATASETS
    for entry in info.values():
        assert set(entry) == {"means", "stderrs", "final_info_dict"}
        assert tuple(entry["final_info_dict"]) == METRICS
        for metric, values in entry["final_info_dict"].items():
            assert len(values) == 5
            assert entry["means"][f"{metric}_mean"] == pytest.approx(np.mean(values))
            assert entry["stderrs"][f"{metric}_stderr"] == pytest.approx(np.std(values, ddof=1) / math.sqrt(5))


def test_arrays_hold_curves_schedules_and_points_and_need_no_pickle(study):
    with np.load(study / "run_0" / "all_results.npz", allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays}
    per_seed = {"step": (2,), "train_loss": (2,), "kept": (20,), "samples": (8192, 2)}
    wanted = {f"{d}.{seed}.{name}": shape for d in DATASETS for seed in range(5) for name, shape in per_seed.items()}
    assert shapes == wanted | {f"{dataset}.held_out": (8192, 2) for dataset in DATASETS}
    assert sorted(path.name for path in (study / "run_0").iterdir()) == ["all_results.npz", "final_info.json"]


def test_the_same_seeds_give_the_same_numbers_side_by_side_and_one_by_one(tmp_path, study):
    serial = make_study(tmp_path, '    if device == "cuda":\n', "    if True:\n")
    done = run(serial, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 0, done.stderr
    assert without_times(serial / "run_0") == without_times(study / "run_0")
    with np.load(serial / "run_0/all_results.npz") as ours, np.load(study / "run_0/all_results.npz") as others:
        assert all(np.array_equal(ours[name], others[name]) for name in others)


def test_seeds_differ(study):
    assert all(len(set(values)) == 5 for values in without_times(study / "run_0").values())


def test_progress_can_be_parsed_and_ends_at_the_total(study):
    lines = [line for line in (study / "stdout").read_text().splitlines() if line.startswith("progress")]
    done = [int(re.fullmatch(r"progress (\d+)/2000(?: .*)?", line)[1]) for line in lines]
    assert done == sorted(done)
    assert done[-1] == 2000


def test_an_unknown_profile_is_one_line_and_exit_code_2(study):
    done = run(study, "experiment.py", "--out_dir=run_9", profile="huge")
    assert done.returncode == 2
    assert done.stderr == "AI_SCIENTIST_PROFILE is 'huge', but must be one of: full, quick, smoke\n"
    assert not (study / "run_9").exists()


def test_a_loss_that_is_no_number_fails_with_one_traceback_into_the_script(tmp_path):
    study = make_study(tmp_path, "        loss.backward()", "        (loss * math.nan).backward()")
    done = run(study, "experiment.py", "--out_dir=run_1")
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert re.search(r'experiment\.py", line \d+, in train', done.stderr)
    assert done.stderr.splitlines()[-1].startswith("FloatingPointError: at step 50 train_loss is nan")
    assert not list((study / "run_1").iterdir())


def test_plot_draws_its_plots_and_passes_over_a_missing_run(study):
    code = (study / "plot.py").read_text(encoding="utf-8")
    (study / "plot.py").write_text(code.replace('"Baseline",', '"Baseline", "run_7": "Never run",'), encoding="utf-8")
    done = run(study, "plot.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "plot.py: run_7 is left out: it has no all_results.npz\n"
    plots = {path.name: path.read_bytes() for path in study.glob("*.png")}
    assert set(plots) == PLOTS
    assert all(content.startswith(b"\x89PNG") for content in plots.values())


# The data


@pytest.mark.parametrize("dataset", DATASETS)
def test_points_have_about_unit_variance_and_only_training_points_depend_on_the_seed(experiment, dataset):
    one, same, other = (experiment.make_data(dataset, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.train, same.train)
    assert not np.array_equal(one.train, other.train)
    assert np.array_equal(one.held_out, other.held_out)
    assert one.held_out.abs().max() < 2.7  # the sampler keeps points within -3 to 3
    assert one.train.mean(dim=0).abs().max() < 0.05
    assert one.train.var(dim=0).mean().item() == pytest.approx(1, abs=0.05)


# The estimate of the divergence


def gaussian_kl(mean: np.ndarray, scale: np.ndarray) -> float:
    """KL(N(0, I) || N(mean, diag(scale^2))), in nats."""
    return float(np.sum(np.log(scale) + (1 + mean**2) / (2 * scale**2) - 0.5))


@pytest.mark.parametrize(
    ("mean", "scale"),
    [((0, 0), (1, 1)), ((1, 0), (1, 1)), ((0, 0), (2, 2)), ((0, 0), (0.7, 0.7)), ((0.5, -1), (1.5, 0.8))],
)
def test_kl_divergence_of_gaussians_is_the_known_one(experiment, mean, scale):
    rng = np.random.default_rng(1)
    mean, scale = np.array(mean), np.array(scale)
    p, q = rng.standard_normal((8192, 2)), mean + scale * rng.standard_normal((8192, 2))
    true = gaussian_kl(mean, scale)
    assert experiment.kl_divergence(p, q) == pytest.approx(true, abs=0.03 + 0.05 * true)


def test_kl_divergence_has_a_direction(experiment):
    rng = np.random.default_rng(1)
    p, q = rng.standard_normal((8192, 2)), 2 * rng.standard_normal((8192, 2))
    assert experiment.kl_divergence(q, p) > 1.4 * experiment.kl_divergence(p, q)


# Diffusion, training and the average


def test_noise_that_is_known_is_taken_away_again(experiment):
    """With the best possible denoiser for Gaussian data, samples have the data's mean and width."""
    torch = experiment.torch
    diffusion = experiment.Diffusion(experiment.make_betas(200))
    mean, width = torch.tensor([0.5, -1.0]), 0.5

    def best(noisy, t):
        signal, sigma = diffusion.signal[t, None], diffusion.sigma[t, None]
        return sigma * (noisy - signal * mean) / ((signal * width) ** 2 + sigma**2)

    samples = diffusion.sample(best, 8192, torch.Generator().manual_seed(0))
    assert torch.allclose(samples.mean(dim=0), mean, atol=0.03)
    assert torch.allclose(samples.std(dim=0), torch.tensor(width), atol=0.02)


def test_noise_is_added_as_the_schedule_says_until_nearly_nothing_is_left(experiment):
    torch = experiment.torch
    diffusion = experiment.Diffusion(experiment.make_betas(100))
    points, noise, t = torch.ones(100, 2), torch.zeros(100, 2), torch.arange(100)
    signal = diffusion.add_noise(points, noise, t)[:, 0]
    sigma = diffusion.add_noise(noise, points, t)[:, 0]
    assert torch.allclose(signal**2 + sigma**2, torch.ones(100))
    assert (signal.diff() < 0).all()
    assert signal[0] > 0.999
    assert signal[-1] < 0.01


def test_the_average_of_the_weights_forgets_at_its_decay(experiment):
    torch = experiment.torch
    average, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    before = [parameter.detach().clone() for parameter in average.parameters()]
    for _ in range(3):
        experiment.update_average(average, model, 0.9)
    for slow, start, fast in zip(average.parameters(), before, model.parameters(), strict=True):
        assert torch.allclose(slow, 0.9**3 * start + (1 - 0.9**3) * fast)


def test_a_model_learns_its_shape(experiment):
    small = replace(experiment.PROFILES["smoke"], timesteps=50, width=64, batch_size=128, learning_rate=3e-3, steps=600)
    still = replace(small, learning_rate=0.0, steps=50)
    trained, untrained = (experiment.train("moons", 0, it, "cpu", lambda *_: None)[0] for it in (small, still))
    assert trained["kl_divergence"] < 0.5 * untrained["kl_divergence"]
    assert trained["eval_loss"] < 0.5 * untrained["eval_loss"]


# The recording


def edited(code: str, reply: str) -> str:
    for search, new in BLOCKS.findall(reply):
        assert code.count(search) == 1
        code = code.replace(search, new)
    return code


def test_edits_of_the_recording_keep_the_seal_and_only_the_mistake_fails(tmp_path, experiment):
    template = read_template(TEMPLATE)
    code = now = (TEMPLATE / "experiment.py").read_text(encoding="utf-8")
    (tmp_path / "experiment.py").write_text(code, encoding="utf-8")
    sealed = seal(tmp_path, template.protected)
    assert len(sealed.definitions) == len(template.protected.definitions)
    idea = next(idea for idea in template.ideas() if idea.name == RECORDING.name)
    schedules = []
    for reply in sorted(RECORDING.glob("run_*.j2")):
        before, now = now, edited(now, reply.read_text(encoding="utf-8"))
        assert now != before
        (tmp_path / "experiment.py").write_text(now, encoding="utf-8")
        assert broken(sealed, tmp_path) == ()
        assert suspicion.in_code(code, now, idea, tuple(sealed.definitions), METRICS) == ()
        scope = dict(vars(experiment))
        exec(now[now.index("def make_betas") : now.index("class Diffusion")], scope)
        schedules.append(scope["make_betas"](100))
    assert len(schedules) == 6
    with pytest.raises(ValueError, match=r"betas must lie between 0 and 1, but go from 0\.0\d+ to 1$"):
        experiment.Diffusion(schedules[0])
    for betas in schedules[1:]:
        kept = experiment.Diffusion(betas).kept
        assert kept[0] > 0.99
        assert kept[-1] < 0.01


def row(mean: float, baseline: float, verdict: str) -> dict[str, object]:
    difference = mean - baseline
    comparison = {"difference": difference, "percent": 100 * difference / baseline, "verdict": verdict}
    return {"mean": mean, "stderr": 0.01, "baseline": comparison}


def given_facts() -> dict[str, object]:
    """All runs alike: better on circle, worse on moons, lower without evidence on line, equal on butterfly."""
    told = {
        "circle": (0.1, "better"),
        "line": (0.19, "no evidence"),
        "moons": (0.4, "worse"),
        "butterfly": (0.2, "no evidence"),
    }
    others = {metric: row(1.0, 1.0, "no evidence") for metric in METRICS}
    measured = {
        dataset: others | {"kl_divergence": row(mean, 0.2, verdict)} for dataset, (mean, verdict) in told.items()
    }
    baseline = {dataset: others | {"kl_divergence": row(0.2, 0.2, "no evidence")} for dataset in told}
    plots = sorted([*PLOTS, "summary_schedules.png"])
    revised = [{"run": 2, "dataset": "circle", "metric": "kl_divergence", "before": "better", "now": "no evidence"}]
    return {"runs": {0: baseline} | dict.fromkeys(range(1, 6), measured), "plots": plots, "revised": revised}


def reply(purpose: str, number: int = 0) -> str:
    request = Request(Turn(1, purpose, number, 1), 0, (), "")
    return Recording(RECORDING, given_facts).reply(request).text


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_notes_of_a_run_say_what_was_measured(number):
    text = reply("run", number)
    assert "- circle: kl_divergence 0.1 ± 0.01, lower than the baseline's by 50.0% (better)." in text
    assert "- moons: kl_divergence 0.4 ± 0.01, higher than the baseline's by 100.0% (worse)." in text
    assert "- butterfly: kl_divergence 0.2 ± 0.01, the same as the baseline's." in text
    assert re.search(r"is lower than the baseline's on circle, with evidence", text)
    assert re.search(r"is higher than the baseline's on moons, with evidence", text)
    assert "On line its mean kl_divergence is lower than the baseline's, without evidence." in text
    assert "On butterfly its kl_divergence is the same as the baseline's." in text


def test_conclusion_and_plots_follow_from_the_facts():
    conclusion, described = reply("notes"), reply("describe")
    assert "- circle: run 1 (cosine), kl_divergence 0.1 ± 0.01, against 0.2 ± 0.01 of the baseline." in conclusion
    assert "- moons: the baseline, kl_divergence 0.2 ± 0.01." in conclusion
    assert 'The verdict of run 2 on circle, better when it was noted, is "no evidence" now' in conclusion
    assert all(f"- `{plot}`: " in described for plot in given_facts()["plots"])


def test_there_are_ideas_enough():
    ideas = read_template(TEMPLATE).ideas()
    assert len({idea.name for idea in ideas}) == len(ideas) >= 8
    assert all(isinstance(idea, Idea) and "Run 5:" in idea.experiment for idea in ideas)
