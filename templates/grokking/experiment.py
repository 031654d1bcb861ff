"""Grokking: small transformers that learn arithmetic tables by heart first, and understand them much later.

One run trains a decoder-only transformer on four tables, each with several seeds, on half of the table's entries, and
follows how well it answers the other half (Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small
Algorithmic Datasets", arXiv:2201.02177):

    x_div_y, x_minus_y, x_plus_y    x / y, x - y, x + y modulo a prime
    permutation                     the composition of two permutations

    python experiment.py --out_dir=run_0

writes run_0/final_info.json (the metrics) and run_0/all_results.npz (the curves that plot.py draws). The environment
variable AI_SCIENTIST_PROFILE chooses the size: full (the paper's), quick (minutes on a laptop) or smoke (does it run?).

The model, its initialisation, the optimizer, the schedule and the training loop are there to be changed. The constants,
the data, evaluation, metrics and results stay as they are, so that runs can be compared.
"""

import argparse
import itertools
import json
import math
import multiprocessing
import multiprocessing.connection
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# ---------------------------------------------------------------------------------------------------------------------
# Constants


@dataclass(frozen=True)
class Settings:
    """The size of a run. Lengths of time are counted in optimizer steps."""

    modulus: int  # a prime; the modular tables have modulus**2 entries (x_div_y: without the column y = 0)
    permuted: int  # how many things the permutations permute
    layers: int
    width: int
    heads: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int  # the learning rate rises linearly over these first steps
    cooldown_steps: int  # and falls linearly to 0 over these last ones, which takes away spikes at the end
    steps: int
    train_fraction: float = 0.5


PROFILES = {
    "full": Settings(
        modulus=97,
        permuted=5,
        layers=2,
        width=128,
        heads=4,
        batch_size=512,
        learning_rate=1e-3,
        weight_decay=0.5,
        warmup_steps=50,
        cooldown_steps=0,
        steps=7500,
    ),
    "quick": Settings(
        modulus=47,
        permuted=4,
        layers=1,
        width=64,
        heads=4,
        batch_size=512,
        learning_rate=3e-3,
        weight_decay=1.0,
        warmup_steps=10,
        cooldown_steps=400,
        steps=2400,
    ),
    "smoke": Settings(
        modulus=7,
        permuted=3,
        layers=2,
        width=16,
        heads=2,
        batch_size=16,
        learning_rate=1e-3,
        weight_decay=0.5,
        warmup_steps=2,
        cooldown_steps=2,
        steps=20,
    ),
}
DATASETS = ("x_div_y", "x_minus_y", "x_plus_y", "permutation")
SEEDS = (0, 1, 2)
METRICS = ("final_train_loss", "final_val_loss", "final_train_acc", "final_val_acc", "step_val_acc_99")
CURVES = ("train_loss", "val_loss", "train_acc", "val_acc")
EVALUATE_EVERY = 10  # steps; also the resolution of step_val_acc_99
SUBSET = 256  # how many entries of each half the curves look at: all of them every ten steps would double the time

# ---------------------------------------------------------------------------------------------------------------------
# Data


@dataclass(frozen=True)
class Data:
    """A table, split. Tokens are int64 [entries, 4] (x, operator, y, equals sign), answers int64 [entries]."""

    symbols: int  # the answers are 0 ... symbols - 1
    vocabulary: int  # the symbols, the operator and the equals sign
    train_tokens: Tensor
    train_answers: Tensor
    val_tokens: Tensor
    val_answers: Tensor


def make_table(dataset: str, settings: Settings) -> tuple[list[tuple[int, int, int]], int]:
    """All entries (x, y, answer) of a dataset's table, and the number of its symbols."""
    if dataset == "permutation":
        elements = list(itertools.permutations(range(settings.permuted)))
        number = {element: index for index, element in enumerate(elements)}
        entries = [
            (number[x], number[y], number[tuple(x[i] for i in y)])  # y first, then x
            for x, y in itertools.product(elements, repeat=2)
        ]
        return entries, len(elements)
    p = settings.modulus
    answer = {
        "x_div_y": lambda x, y: x * pow(y, -1, p) % p,
        "x_minus_y": lambda x, y: (x - y) % p,
        "x_plus_y": lambda x, y: (x + y) % p,
    }[dataset]
    divisors = range(1, p) if dataset == "x_div_y" else range(p)
    return [(x, y, answer(x, y)) for x in range(p) for y in divisors], p


def make_data(dataset: str, settings: Settings, seed: int, device: str = "cpu") -> Data:
    """The table of a dataset, split at random by a generator of its own: a seed's split is the same in every run."""
    entries, symbols = make_table(dataset, settings)
    random.Random(seed).shuffle(entries)
    operator, equals = symbols, symbols + 1
    tokens = torch.tensor([(x, operator, y, equals) for x, y, _ in entries], device=device)
    answers = torch.tensor([answer for _, _, answer in entries], device=device)
    half = int(settings.train_fraction * len(entries))
    return Data(symbols, symbols + 2, tokens[:half], answers[:half], tokens[half:], answers[half:])


# ---------------------------------------------------------------------------------------------------------------------
# Model


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each added to its input and normalised afterwards."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attention_out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, positions: int) -> Tensor:
        """From [batch, length, width] to [batch, positions, width]: what the last `positions` positions become."""
        last = x[:, -positions:]
        x = self.attention_norm(last + self.attend(last, x))
        return self.feed_forward_norm(x + self.feed_forward(x))

    def attend(self, x: Tensor, context: Tensor) -> Tensor:
        """Attention from each position of x, the end of `context`, to the positions of `context` up to itself."""
        (batch, length, width), positions = context.shape, x.shape[1]
        query = self.query(x).view(batch, positions, self.heads, -1).transpose(1, 2)
        key = self.key(context).view(batch, length, self.heads, -1).transpose(1, 2)
        value = self.value(context).view(batch, length, self.heads, -1).transpose(1, 2)
        visible = None  # the last position sees everything
        if positions > 1:
            visible = torch.ones(positions, length, dtype=torch.bool, device=x.device).tril(length - positions)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, positions, width))


class Transformer(nn.Module):
    """Reads x, operator, y, equals sign; answers at the equals sign."""

    def __init__(self, settings: Settings, vocabulary: int, symbols: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, settings.width)
        self.position_embedding = nn.Embedding(4, settings.width)
        self.blocks = nn.ModuleList(Block(settings.width, settings.heads) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, symbols)
        self.initialise_weights()

    def initialise_weights(self) -> None:
        """Draw all weights: PyTorch's defaults.

        Linear: uniform within 1/sqrt(inputs), weights and biases. Embedding: standard normal. LayerNorm: 1 and 0.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding | nn.LayerNorm):
                module.reset_parameters()

    def forward(self, tokens: Tensor) -> Tensor:
        """From tokens [batch, 4] to the logits of the answer [batch, symbols]."""
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.position_embedding.weight[:length]
        for block in self.blocks[:-1]:
            x = block(x, positions=length)
        x = self.blocks[-1](x, positions=1)  # only the last position answers: the rest would be computed for nothing
        return self.head(self.norm(x[:, -1]))


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation and metrics


@torch.no_grad()
def evaluate(model: nn.Module, tokens: Tensor, answers: Tensor) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (0 to 1) on all the entries given."""
    model.eval()
    loss = correct = 0.0
    for some_tokens, some_answers in zip(tokens.split(1024), answers.split(1024), strict=True):
        logits = model(some_tokens)
        loss += nn.functional.cross_entropy(logits, some_answers, reduction="sum").item()
        correct += (logits.argmax(dim=-1) == some_answers).sum().item()
    model.train()
    return loss / len(answers), correct / len(answers)


class Measured:
    """What one training measures.

    Curves: loss and accuracy on the first SUBSET entries of each half (the halves are shuffled), every EVALUATE_EVERY
    steps. step_val_acc_99: the first evaluated step at which the accuracy on the *whole* held-out half exceeds 0.99,
    else the number of steps of the profile. The whole half is only evaluated where its subset is above 0.9.
    final_*: loss and accuracy on the whole of each half when training is over.
    """

    def __init__(self, data: Data, settings: Settings) -> None:
        self.data = data
        self.settings = settings
        self.step_val_acc_99: int | None = None
        self.curves: dict[str, list[float]] = {name: [] for name in ("step", *CURVES)}

    def check(self, model: nn.Module, step: int) -> str:
        """Evaluate after `step` steps; returns a line for people. Raises FloatingPointError where the loss is gone."""
        data = self.data
        train_loss, train_acc = evaluate(model, data.train_tokens[:SUBSET], data.train_answers[:SUBSET])
        val_loss, val_acc = evaluate(model, data.val_tokens[:SUBSET], data.val_answers[:SUBSET])
        if not math.isfinite(train_loss + val_loss):
            raise FloatingPointError(f"at step {step} train_loss is {train_loss} and val_loss is {val_loss}")
        point = (step, train_loss, val_loss, train_acc, val_acc)
        for curve, value in zip(self.curves.values(), point, strict=True):
            curve.append(value)
        if self.step_val_acc_99 is None and val_acc > 0.9:
            _, whole_val_acc = evaluate(model, data.val_tokens, data.val_answers)
            self.step_val_acc_99 = step if whole_val_acc > 0.99 else None
        return f"step {step}: train_acc {train_acc:.2f} val_acc {val_acc:.2f}"

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """The five METRICS of the training, which is over."""
        train_loss, train_acc = evaluate(model, self.data.train_tokens, self.data.train_answers)
        val_loss, val_acc = evaluate(model, self.data.val_tokens, self.data.val_answers)
        step = self.settings.steps if self.step_val_acc_99 is None else self.step_val_acc_99
        return dict(zip(METRICS, (train_loss, val_loss, train_acc, val_acc, step), strict=True))


# ---------------------------------------------------------------------------------------------------------------------
# Training


def make_optimizer(
    model: nn.Module, settings: Settings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with the paper's betas, and a learning rate that warms up, stays, and cools down."""
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )

    def factor(step: int) -> float:
        rising = (step + 1) / (settings.warmup_steps + 1)
        falling = (settings.steps - step) / (settings.cooldown_steps + 1)
        return min(1.0, rising, falling)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def train(
    dataset: str,
    seed: int,
    settings: Settings,
    device: str,
    report: Callable[[int, str], None],
    join: Callable[[nn.Module], nn.Module] = lambda model: model,
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Train one model; returns its metrics and its curves. `report(step, text)` is called at each evaluation.

    `join(model)` is that model. On a GPU it then computes together with those of the other trainings (together.py).
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    data = make_data(dataset, settings, seed, device)
    model = join(Transformer(settings, data.vocabulary, data.symbols).to(device))
    optimizer, schedule = make_optimizer(model, settings)
    # A generator of its own, so that two runs see the same batches even when they draw their weights differently.
    order = torch.Generator(device).manual_seed(seed)
    measured = Measured(data, settings)

    for step in range(1, settings.steps + 1):
        batch = torch.randint(len(data.train_answers), (settings.batch_size,), generator=order, device=device)
        loss = nn.functional.cross_entropy(model(data.train_tokens[batch]), data.train_answers[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % EVALUATE_EVERY == 0:
            report(step, measured.check(model, step))

    return measured.metrics(model), measured.curves


# ---------------------------------------------------------------------------------------------------------------------
# The run: all trainings, in processes on a CPU, as one program on a GPU

Job = tuple[str, int]  # dataset, seed
Result = tuple[dict[str, float], dict[str, list[float]]]  # metrics, curves


class Progress:
    """Prints `progress DONE/TOTAL text`, in steps of all trainings together, at most twice a second."""

    def __init__(self, jobs: Iterable[Job], steps: int) -> None:
        self.steps = steps
        self.done = dict.fromkeys(jobs, 0)
        self.printed = -math.inf

    def update(self, job: Job, step: int, text: str) -> None:
        self.done[job] = step
        if time.monotonic() > self.printed + 0.5:
            self.show(f"{job[0]} seed {job[1]} {text}")

    def finished(self, job: Job, metrics: dict[str, float]) -> None:
        self.done[job] = self.steps
        print(f"finished {job[0]} seed {job[1]}:", *(f"{k} {v:.5g}" for k, v in metrics.items()), flush=True)
        if min(self.done.values()) == self.steps:
            self.show("all trainings finished")

    def show(self, text: str) -> None:
        self.printed = time.monotonic()
        print(f"progress {sum(self.done.values())}/{len(self.done) * self.steps} {text}", flush=True)


def train_one_by_one(jobs: list[Job], settings: Settings, device: str, progress: Progress) -> list[Result]:
    """The results of all jobs, in their order, one training after the other in this process."""
    results = []
    for job in jobs:
        results.append(train(*job, settings, device, partial(progress.update, job)))
        progress.finished(job, results[-1][0])
    return results


def train_as_one(jobs: list[Job], settings: Settings, device: str, progress: Progress) -> list[Result]:
    """The results of all jobs, in their order, from models that compute as one; one after the other if they cannot."""
    from together import Apart, train_together

    def train_joined(job: Job, join: Callable[[nn.Module], nn.Module]) -> Result:
        result = train(*job, settings, device, partial(progress.update, job), join)
        progress.finished(job, result[0])
        return result

    try:
        results, how = train_together(jobs, train_joined)
    except Apart as reason:
        print(f"one training at a time, as they cannot be computed together: {reason}", flush=True)
        return train_one_by_one(jobs, settings, device, Progress(jobs, settings.steps))
    print(how, flush=True)
    return results


def train_side_by_side(jobs: list[Job], settings: Settings, workers: int, progress: Progress) -> list[Result]:
    """The results of all jobs, in their order, from `workers` processes with one thread each.

    Two processes of one thread do nearly twice the work of one process with two. They are forked, which spares each of
    them the import of torch; this process must not have run a tensor operation before (its threads would be missing).
    """
    context = multiprocessing.get_context("fork")
    waiting = iter(jobs)
    running = {}
    for _ in range(workers):
        pipe, theirs = context.Pipe()
        process = context.Process(target=work, args=(settings, theirs), daemon=True)
        process.start()
        theirs.close()  # then the worker holds the only copy, and its end can be seen
        pipe.send(next(waiting, None))
        running[pipe] = process
    results: dict[Job, Result] = {}
    while running:
        for pipe in multiprocessing.connection.wait(running):
            try:
                kind, job, *message = pipe.recv()
            except (EOFError, ConnectionResetError):
                process = running.pop(pipe)
                process.join()
                if process.exitcode != 0:
                    raise ChildProcessError(f"a training process ended with exit code {process.exitcode}") from None
                continue
            if kind == "step":
                progress.update(job, *message)
            elif kind == "finished":
                pipe.send(next(waiting, None))
                results[job] = message[0]
                progress.finished(job, results[job][0])
            else:  # the other trainings end with this process, as they are its daemons
                sys.exit(f"{job[0]} seed {job[1]} failed:\n{message[0]}")
    return [results[job] for job in jobs]


def work(settings: Settings, pipe: multiprocessing.connection.Connection) -> None:
    """A training process: does one job after the other, until it gets None."""
    from cpu import keep_memory, take_faster_kernels

    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    keep_memory()
    kernels = None
    if settings.width >= 128:  # smaller ones keep the kernels that the published numbers were measured with
        kernels = take_faster_kernels()  # noqa: F841 - as long as it is kept
    for job in iter(pipe.recv, None):
        try:
            result = train(*job, settings, "cpu", lambda step, text, job=job: pipe.send(("step", job, step, text)))
        except Exception:  # noqa: BLE001 - the parent prints it, once, and ends the run
            pipe.send(("failed", job, traceback.format_exc().rstrip()))
            return
        pipe.send(("finished", job, result))


def end_with_parent() -> None:
    """A killed run must not leave trainings behind."""
    multiprocessing.parent_process().join()
    os._exit(1)


# ---------------------------------------------------------------------------------------------------------------------
# Results


def summarise(trainings: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Mean, standard error of the mean (std(ddof=1)/sqrt(n); 0 for one seed) and each seed's value of every metric."""
    values = {name: [training[name] for training in trainings] for name in trainings[0]}
    n = len(trainings)
    return {
        "means": {f"{name}_mean": float(np.mean(v)) for name, v in values.items()},
        "stderrs": {
            f"{name}_stderr": float(np.std(v, ddof=1) / math.sqrt(n)) if n > 1 else 0.0 for name, v in values.items()
        },
        "final_info_dict": values,
    }


def write_results(folder: Path, jobs: list[Job], results: list[Result]) -> None:
    """Write all_results.npz (arrays named dataset.seed.curve) and final_info.json, each renamed into place."""
    arrays = {
        f"{dataset}.{seed}.{name}": np.asarray(curve, dtype=np.int64 if name == "step" else np.float32)
        for (dataset, seed), (_, curves) in zip(jobs, results, strict=True)
        for name, curve in curves.items()
    }
    np.savez_compressed(folder / "unfinished.npz", **arrays)
    (folder / "unfinished.npz").replace(folder / "all_results.npz")
    metrics: dict[str, list[dict[str, float]]] = {}
    for (dataset, _), (measured, _) in zip(jobs, results, strict=True):
        metrics.setdefault(dataset, []).append(measured)
    info = {dataset: summarise(trainings) for dataset, trainings in metrics.items()}
    (folder / "unfinished.json").write_text(json.dumps(info, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "unfinished.json").replace(folder / "final_info.json")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train small transformers on arithmetic tables until they grok.")
    parser.add_argument("--out_dir", type=Path, default=Path("run_0"), help="folder for the results")
    out_dir = parser.parse_args().out_dir
    device = "cuda" if torch.cuda.is_available() else "cpu"
    profile = os.environ.get("AI_SCIENTIST_PROFILE") or ("full" if device == "cuda" else "quick")
    if profile not in PROFILES:
        parser.exit(2, f"AI_SCIENTIST_PROFILE is {profile!r}, but must be one of: {', '.join(PROFILES)}\n")
    settings = PROFILES[profile]
    jobs = [(dataset, seed) for dataset in DATASETS for seed in SEEDS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cores, len(jobs))
    ways = {
        "together": lambda: train_as_one(jobs, settings, device, progress),
        "one by one": lambda: train_one_by_one(jobs, settings, device, progress),
        "processes": lambda: train_side_by_side(jobs, settings, workers, progress),
    }
    way = os.environ.get("AI_SCIENTIST_TRAININGS") or ("together" if device == "cuda" else "processes")
    if way not in ways or (way, device) == ("processes", "cuda"):
        parser.exit(2, f"AI_SCIENTIST_TRAININGS is {way!r}, but must be one of: {', '.join(ways)} (only on a CPU)\n")
    out_dir.mkdir(parents=True, exist_ok=True)
    at_once = f", {workers} at a time" if way == "processes" else f", {way}"
    print(f"profile {profile} on {device}: {len(jobs)} trainings of {settings.steps} steps{at_once}", flush=True)
    progress = Progress(jobs, settings.steps)
    if device == "cuda":
        # The same seed shall give the same numbers. cuBLAS wants to know that before its first use.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # takes time, and nothing here reads such memory
        torch.backends.cuda.enable_mem_efficient_sdp(False)  # its backward pass adds up in any order
    results = ways[way]()
    write_results(out_dir, jobs, results)


if __name__ == "__main__":
    main()
