"""The grokking template, run as a study runs it: the real scripts, in a folder of their own, at the smoke size."""

import ctypes
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest

TEMPLATE = Path(__file__).parents[1] / "templates" / "grokking"
DATASETS = ("x_div_y", "x_minus_y", "x_plus_y", "permutation")
METRICS = ("final_train_loss", "final_val_loss", "final_train_acc", "final_val_acc", "step_val_acc_99")
CURVES = ("train_loss", "val_loss", "train_acc", "val_acc")


def start(folder: Path, *command: str, profile: str = "smoke") -> subprocess.Popen[str]:
    """A script of a study folder in a process group of its own, on the CPU."""
    # One thread: two threads of tiny operations on a busy core wait for each other most of the time.
    one_thread = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment = os.environ | one_thread | {"AI_SCIENTIST_PROFILE": profile}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *command: str, profile: str = "smoke") -> subprocess.CompletedProcess[str]:
    with start(folder, *command, profile=profile) as process:
        try:
            stdout, stderr = process.communicate(timeout=50)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def survivors(group: int) -> list[psutil.Process]:
    """The processes of a group that still run."""
    alive = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return alive


def make_study(folder: Path, old: str = "", new: str = "") -> Path:
    """A study folder, with one edit of experiment.py if asked."""
    folder.mkdir(exist_ok=True)
    for name in ("cpu.py", "plot.py"):
        shutil.copy(TEMPLATE / name, folder)
    code = (TEMPLATE / "experiment.py").read_text(encoding="utf-8")
    if old:
        assert code.count(old) == 1
        code = code.replace(old, new)
    (folder / "experiment.py").write_text(code, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def baseline(study: Path) -> subprocess.CompletedProcess[str]:
    done = run(study, "experiment.py", "--out_dir=run_0")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def info(study: Path, baseline: subprocess.CompletedProcess[str]) -> dict[str, dict[str, dict[str, object]]]:
    return json.loads((study / "run_0" / "final_info.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grokking_experiment", TEMPLATE / "experiment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_final_info_holds_every_metric_of_every_dataset_and_seed(info):
    assert tuple(info) == DATASETS
    for entry in info.values():
        assert set(entry) == {"means", "stderrs", "final_info_dict"}
        assert tuple(entry["means"]) == tuple(f"{metric}_mean" for metric in METRICS)
        assert tuple(entry["stderrs"]) == tuple(f"{metric}_stderr" for metric in METRICS)
        assert tuple(entry["final_info_dict"]) == METRICS
        assert all(len(values) == 3 for values in entry["final_info_dict"].values())
        assert np.isfinite([*entry["means"].values(), *entry["stderrs"].values()]).all()


def test_means_and_standard_errors_are_those_of_the_seeds(info):
    for entry in info.values():
        for metric, values in entry["final_info_dict"].items():
            assert entry["means"][f"{metric}_mean"] == pytest.approx(np.mean(values))
            assert entry["stderrs"][f"{metric}_stderr"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))


def test_a_run_leaves_only_its_results(study, info):
    assert sorted(path.name for path in (study / "run_0").iterdir()) == ["all_results.npz", "final_info.json"]


def test_the_same_seeds_give_the_same_file(study, info):
    done = run(study, "experiment.py", "--out_dir=again/run_0")
    assert done.returncode == 0, done.stderr
    assert (study / "again/run_0/final_info.json").read_bytes() == (study / "run_0/final_info.json").read_bytes()


def test_trainings_one_after_the_other_give_the_same_file(monkeypatch, study, info):
    monkeypatch.setenv("AI_SCIENTIST_TRAININGS", "one by one")
    done = run(study, "experiment.py", "--out_dir=serial/run_0")
    assert done.returncode == 0, done.stderr
    assert (study / "serial/run_0/final_info.json").read_bytes() == (study / "run_0/final_info.json").read_bytes()


def test_seeds_differ(info):
    for entry in info.values():
        assert len(set(entry["final_info_dict"]["final_val_loss"])) == 3


def test_progress_can_be_parsed_and_ends_at_the_total(baseline):
    lines = [line for line in baseline.stdout.splitlines() if line.startswith("progress")]
    matches = [re.fullmatch(r"progress (\d+)/(\d+)(?: (.*))?", line) for line in lines]
    assert all(matches)
    done = [int(match[1]) for match in matches]
    assert done == sorted(done)
    assert (done[-1], {match[2] for match in matches}) == (240, {"240"})


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_halves_are_disjoint_and_cover_the_table(experiment, dataset):
    settings = experiment.PROFILES["smoke"]
    data = experiment.make_data(dataset, settings, seed=1)
    train = {tuple(tokens) for tokens in data.train_tokens.tolist()}
    val = {tuple(tokens) for tokens in data.val_tokens.tolist()}
    symbols = 6 if dataset == "permutation" else 7
    entries = 42 if dataset == "x_div_y" else symbols**2
    assert len(train) == len(data.train_answers) == entries // 2
    assert len(val) == len(data.val_answers) == entries - entries // 2
    assert not train & val
    assert max(token for tokens in train | val for token in tokens) == data.vocabulary - 1 == symbols + 1


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_seed_gives_one_split_and_another_seed_another(experiment, dataset):
    settings = experiment.PROFILES["smoke"]
    first, same, other = (experiment.make_data(dataset, settings, seed).train_tokens.tolist() for seed in (0, 0, 1))
    assert first == same
    assert sorted(first) != sorted(other)


@pytest.mark.parametrize(
    ("dataset", "law"),
    [
        ("x_div_y", lambda x, y, answer: answer * y % 7 == x),
        ("x_minus_y", lambda x, y, answer: (answer + y) % 7 == x),
        ("x_plus_y", lambda x, y, answer: (x + y) % 7 == answer),
    ],
)
def test_modular_answers_are_right(experiment, dataset, law):
    entries, symbols = experiment.make_table(dataset, experiment.PROFILES["smoke"])
    assert symbols == 7
    assert all(law(*entry) for entry in entries)


def test_permutations_compose_as_a_group_that_does_not_commute(experiment):
    entries, symbols = experiment.make_table("permutation", experiment.PROFILES["smoke"])
    product = {(x, y): answer for x, y, answer in entries}
    elements = range(symbols)
    assert all(product[0, x] == product[x, 0] == x for x in elements)
    triples = itertools.product(elements, repeat=3)
    assert all(product[product[x, y], z] == product[x, product[y, z]] for x, y, z in triples)
    assert any(product[x, y] != product[y, x] for x in elements for y in elements)


@pytest.mark.parametrize("positions", [1, 2, 4])
def test_a_block_gives_the_last_positions_of_the_whole_and_none_sees_its_future(experiment, positions):
    torch = experiment.torch
    torch.manual_seed(0)
    block = experiment.Block(16, 2)
    x = torch.randn(3, 4, 16)
    whole = block(x, 4)
    assert torch.allclose(block(x, positions), whole[:, -positions:], atol=1e-5)
    x[:, 2:] += 1
    assert torch.allclose(block(x, 4)[:, :2], whole[:, :2], atol=1e-5)
    assert not torch.allclose(block(x, 4)[:, 3], whole[:, 3], atol=1e-2)


def test_an_unknown_profile_is_one_line_and_exit_code_2(study):
    done = run(study, "experiment.py", "--out_dir=run_9", profile="huge")
    assert done.returncode == 2
    assert done.stderr == "AI_SCIENTIST_PROFILE is 'huge', but must be one of: full, quick, smoke\n"
    assert not (study / "run_9").exists()


def test_an_unknown_way_to_train_is_one_line_and_exit_code_2(monkeypatch, study):
    monkeypatch.setenv("AI_SCIENTIST_TRAININGS", "at once")
    done = run(study, "experiment.py", "--out_dir=run_9")
    assert done.returncode == 2
    assert done.stderr.startswith("AI_SCIENTIST_TRAININGS is 'at once', but must be one of: together, one by one")
    assert not (study / "run_9").exists()


def test_an_initialiser_for_matrices_fails_on_vectors_with_a_traceback_into_the_script(tmp_path):
    study = make_study(
        tmp_path,
        "        self.initialise_weights()\n",
        "        [nn.init.xavier_uniform_(p) for p in self.parameters()]\n",
    )
    done = run(study, "experiment.py", "--out_dir=run_1")
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert re.search(r'experiment\.py", line \d+, in train', done.stderr)
    assert re.search(r'experiment\.py", line \d+, in __init__', done.stderr)
    assert "ValueError: Fan in and fan out can not be computed" in done.stderr.splitlines()[-1]
    assert not list((study / "run_1").iterdir())


def test_one_failing_training_ends_the_others_at_once(tmp_path):
    failing = 'if seed == 0:\n            raise RuntimeError("planted")\n        time.sleep(60)'
    study = make_study(tmp_path, "loss.backward()", failing)
    process = start(study, "experiment.py", "--out_dir=run_1")
    _, stderr = process.communicate(timeout=25)
    assert process.returncode == 1
    assert stderr.rstrip().endswith("RuntimeError: planted")
    assert not survivors(process.pid)


def test_a_training_that_dies_without_a_word_fails_the_run(tmp_path):
    done = run(make_study(tmp_path, "loss.backward()", "os._exit(7)"), "experiment.py", "--out_dir=run_1")
    assert done.returncode == 1
    assert "a training process ended with exit code 7" in done.stderr


def test_a_killed_run_leaves_no_training_behind(tmp_path):
    study = make_study(tmp_path, "loss.backward()", 'print("waiting", flush=True)\n        time.sleep(60)')
    process = start(study, "experiment.py", "--out_dir=run_1")
    while "waiting" not in process.stdout.readline():
        pass
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while (left := survivors(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL) if left else None
    process.communicate()
    assert not left


def test_a_loss_that_is_no_number_fails_at_once(tmp_path):
    study = make_study(tmp_path, "        loss.backward()", "        (loss * math.nan).backward()")
    done = run(study, "experiment.py", "--out_dir=run_1")
    assert done.returncode == 1
    assert "FloatingPointError: at step 10 train_loss is nan" in done.stderr


PRODUCTS = """
import torch
from experiment import PROFILES, Transformer
from cpu import take_faster_kernels

def gradients():
    torch.manual_seed(0)
    model = Transformer(PROFILES["full"], 99, 97)
    model(torch.randint(99, (64, 4))).square().sum().backward()
    return [parameter.grad for parameter in model.parameters()]

torch.set_num_threads(1)
before = gradients()
kept = take_faster_kernels()
print("none" if kept is None else "kept")
a, b = torch.randn(6, 8), torch.randn(8, 6)
for a, b in ((a, b), (b, a), (b.t(), a.t()), (a[::2, ::2], b[::2, ::2])):
    assert torch.allclose(a @ b, (a.double() @ b.double()).float(), atol=1e-5)
    assert torch.allclose(torch.addmm(b[0], a, b, alpha=2), b[0] + 2 * (a @ b), atol=1e-5)
assert torch.equal(torch.tensor([[2]]) @ torch.tensor([[3]]), torch.tensor([[6]]))
assert (torch.empty(2, 0) @ torch.empty(0, 3)).tolist() == [[0, 0, 0]] * 2
worst = max(float((a - b).norm() / a.norm().clamp(min=1)) for a, b in zip(before, gradients()))
assert worst < 1e-4, worst
del kept
assert all(map(torch.equal, before, gradients()))
"""


ATTENTION = """
import torch
from cpu import take_faster_kernels
from torch.nn.functional import scaled_dot_product_attention as attention

def results(inputs, mask, options):
    inputs = [it.clone().requires_grad_() for it in inputs]
    mixed = attention(*inputs, mask, **options)
    return [mixed, *torch.autograd.grad(mixed.square().sum(), inputs)]

def drawn(batch, length, context, width=8):
    return torch.randn(batch, 2, length, width), *torch.randn(2, batch, 2, context, width)

causal = torch.ones(4, 4, dtype=torch.bool).tril()
one_row = torch.tensor([[True, False, True, True]])
cases = [
    (drawn(8, 4, 4), causal, {}),
    (drawn(8, 4, 4), one_row, {"scale": 0.3}),
    (drawn(6, 3, 5), None, {"is_causal": True}),
    (drawn(8, 1, 4), None, {}),
    (drawn(7, 4, 4), causal, {}),  # no two of seven can be joined
    (drawn(8, 20, 20), None, {"is_causal": True}),  # too long
    (drawn(8, 4, 4), torch.randn(4, 4), {}),
    (drawn(8, 4, 4), causal.expand(8, 2, 4, 4), {}),
    ([*drawn(8, 4, 4)[:2], torch.randn(8, 2, 4, 3)], None, {}),
    ([it[0] for it in drawn(8, 4, 4)], causal, {}),
    ([it.double() for it in drawn(8, 4, 4)], causal, {}),
]
before = [results(*case) for case in cases]
kept = take_faster_kernels()
print("none" if kept is None else "kept")
for case, expected in zip(cases, before):
    for a, b in zip(results(*case), expected, strict=True):
        assert a.shape == b.shape and torch.allclose(a, b, atol=1e-5), case
torch.manual_seed(0)
dropped = attention(*cases[0][0], dropout_p=0.5)
torch.manual_seed(0)
del kept
assert torch.equal(dropped, attention(*cases[0][0], dropout_p=0.5))
"""


@pytest.mark.parametrize("program", [PRODUCTS, ATTENTION], ids=["products", "attention"])
def test_faster_kernels_compute_what_pytorchs_own_do_up_to_rounding(program):
    done = run(TEMPLATE, "-W", "error", "-c", program)
    assert done.returncode == 0, done.stderr
    if done.stdout == "none\n":
        pytest.skip("other kernels would win nothing on this processor")


MEMORY = """
import resource
import torch
from cpu import keep_memory

def faults():
    torch.ones(2_000_000).add(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(2_000_000).add(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults())
keep_memory()
print(faults())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library than glibc")
def test_memory_that_is_kept_is_not_given_anew_by_the_kernel(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")  # which large tensors meet otherwise, too, now and then
    done = run(TEMPLATE, "-c", MEMORY)
    assert done.returncode == 0, done.stderr
    given_anew, kept = map(int, done.stdout.split())
    assert kept < given_anew / 10


def test_plot_draws_each_curve_of_each_dataset_and_passes_over_a_missing_run(study, info):
    code = (study / "plot.py").read_text(encoding="utf-8")
    (study / "plot.py").write_text(code.replace('"Baseline",', '"Baseline", "run_7": "Never run",'), encoding="utf-8")
    done = run(study, "plot.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "plot.py: run_7 is left out: it has no all_results.npz\n"
    plots = {path.name: path.read_bytes() for path in study.glob("*.png")}
    assert set(plots) == {f"{curve}_{dataset}.png" for curve in CURVES for dataset in DATASETS}
    assert all(content.startswith(b"\x89PNG") for content in plots.values())
