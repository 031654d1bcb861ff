"""A small GPT that learns to write, byte by byte, in the manner of one text.

One run trains decoder-only transformers on the first nine tenths of each text, one a seed, and follows how well they
predict the last tenth:

    opticks    Isaac Newton, Opticks, the fourth edition of 1730
    sqlite     btree.c of the SQLite database: C code with long comments

    python experiment.py --out_dir=run_0

writes run_0/final_info.json (the metrics), run_0/all_results.npz (the curves that plot.py draws) and run_0/samples.txt
(what the models write). The environment variable AI_SCIENTIST_PROFILE chooses the size: full (for a GPU), quick (for a
laptop) or smoke (does it run?). data/prepare.py adds a text of your own.

The model, its optimizer, the schedule of the learning rate, the batches and the training loop are there to be changed.
The constants, the texts, evaluation, metrics and results stay as they are, so that runs can be compared.
"""

import argparse
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

    layers: int
    width: int
    heads: int
    context: int  # how many bytes the model sees at once
    batch_size: int
    learning_rate: float
    weight_decay: float
    dropout: float
    warmup_steps: int  # the learning rate rises linearly over these first steps
    steps: int
    evaluate_every: int  # steps
    curve_windows: int  # how many windows of each part the curves look at
    generated: int  # how many bytes are written to measure the speed


PROFILES = {
    "full": Settings(
        layers=6,
        width=384,
        heads=6,
        context=256,
        batch_size=64,
        learning_rate=1e-3,
        weight_decay=0.1,
        dropout=0.2,
        warmup_steps=50,
        steps=1000,
        evaluate_every=50,
        curve_windows=128,
        generated=1000,
    ),
    "quick": Settings(
        layers=2,
        width=64,
        heads=4,
        context=64,
        batch_size=16,
        learning_rate=3e-3,
        weight_decay=0.1,
        dropout=0.0,
        warmup_steps=50,
        steps=1200,
        evaluate_every=50,
        curve_windows=128,
        generated=300,
    ),
    "smoke": Settings(
        layers=2,
        width=16,
        heads=2,
        context=16,
        batch_size=4,
        learning_rate=3e-3,
        weight_decay=0.1,
        dropout=0.1,
        warmup_steps=3,
        steps=20,
        evaluate_every=10,
        curve_windows=4,
        generated=20,
    ),
}
DATASETS = ("opticks", "sqlite")  # data/<name>.txt
SEEDS = (0, 1, 2)
METRICS = (
    "final_train_loss",
    "best_val_loss",
    "val_bits_per_byte",
    "total_train_time",
    "inference_tokens_per_second",
)
CURVES = ("train_loss", "val_loss", "learning_rate")
HELD_OUT = 0.1  # the end of each text
DATA = Path(__file__).parent / "data"

# ---------------------------------------------------------------------------------------------------------------------
# Data


@dataclass(frozen=True)
class Text:
    """A text as numbers: `train` and `val` are int64 [bytes], each number an index into `symbols`.

    A token is a byte of the text in UTF-8; `symbols` are the bytes that occur in it. `val` is a whole number of windows
    long, and one more.
    """

    symbols: bytes
    train: Tensor
    val: Tensor

    def write(self, tokens: Tensor) -> str:
        """The text that tokens [length] stand for."""
        return bytes(self.symbols[token] for token in tokens.tolist()).decode(errors="replace")


def read_text(dataset: str, context: int, device: str = "cpu") -> Text:
    """data/<dataset>.txt, its end held out. Exits with a line for people where it is missing or too short."""
    path = DATA / f"{dataset}.txt"
    content = path.read_bytes() if path.is_file() else b""
    held_out = int(HELD_OUT * len(content)) // context * context + 1
    if held_out == 1:
        sys.exit(f"{path} is missing or shorter than {10 * context} bytes; data/prepare.py makes it")
    symbols = bytes(sorted(set(content)))
    number = np.zeros(256, dtype=np.int64)
    number[list(symbols)] = np.arange(len(symbols))
    tokens = torch.from_numpy(number[np.frombuffer(content, dtype=np.uint8)]).to(device)
    return Text(symbols, tokens[:-held_out], tokens[-held_out:])


def windows(tokens: Tensor, context: int) -> Tensor:
    """The text cut into windows [windows, context + 1]; the last token of one is the first of the next.

    So every token but the first is predicted exactly once, from the tokens before it in its window.
    """
    return tokens.unfold(0, context + 1, context)


# ---------------------------------------------------------------------------------------------------------------------
# Model


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each on its normalised input and added to it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.width
        self.heads = settings.heads
        self.dropout = settings.dropout
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward_in = nn.Linear(width, 4 * width)
        self.feed_forward_out = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """From [batch, length, width] to the same."""
        x = x + self.drop(self.attend(self.attention_norm(x)))
        hidden = nn.functional.gelu(self.feed_forward_in(self.feed_forward_norm(x)))
        return x + self.drop(self.feed_forward_out(hidden))

    def attend(self, x: Tensor) -> Tensor:
        """Attention from each position to itself and those before it."""
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.query_key_value(x).split(width, dim=-1)
        )
        dropout = self.dropout if self.training else 0.0
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))

    def drop(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.dropout, self.training)


class GPT(nn.Module):
    """Predicts at each position the token that comes next."""

    def __init__(self, settings: Settings, vocabulary: int) -> None:
        super().__init__()
        self.context = settings.context
        self.dropout = settings.dropout
        self.token_embedding = nn.Embedding(vocabulary, settings.width)
        self.position_embedding = nn.Embedding(settings.context, settings.width)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, vocabulary, bias=False)
        self.head.weight = self.token_embedding.weight  # tied: what a token looks like is how it is answered
        self.initialise_weights()

    def initialise_weights(self) -> None:
        """Matrices from a normal distribution of standard deviation 0.02, biases 0, LayerNorm 1 and 0.

        Those that end in the residual stream are smaller by 1/sqrt(2 * layers), so that it does not grow with depth
        (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                into_residual = name.endswith(("attention_out.weight", "feed_forward_out.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.blocks)) if into_residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """From tokens [batch, length], length at most the context, to logits [batch, length, vocabulary]."""
        x = self.token_embedding(tokens) + self.position_embedding.weight[: tokens.shape[1]]
        x = nn.functional.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    @torch.no_grad()
    def generate(self, tokens: Tensor, new: int, draw: torch.Generator) -> Tensor:
        """Tokens [batch, length] with `new` more, drawn one by one from the model's distribution."""
        for _ in range(new):
            logits = self(tokens[:, -self.context :])[:, -1]
            following = torch.multinomial(logits.softmax(dim=-1), 1, generator=draw)
            tokens = torch.cat((tokens, following), dim=1)
        return tokens


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation and metrics


@torch.no_grad()
def evaluate(model: nn.Module, some_windows: Tensor) -> float:
    """Mean cross-entropy, in nats a byte, of all but the first token of each window [windows, length]."""
    model.eval()
    loss = 0.0
    for batch in some_windows.split(64):
        logits = model(batch[:, :-1])
        loss += nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
    model.train()
    return loss / some_windows[:, 1:].numel()


def bits_per_byte(loss: float) -> float:
    """Nats a byte in bits a byte: what an arithmetic coder that asks the model would need for each byte of the text."""
    return loss / math.log(2)


def now(device: str) -> float:
    """Seconds on a clock, once the device has done all that it was told to do."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


@torch.no_grad()
def measure_speed(model: nn.Module, text: Text, settings: Settings, seed: int) -> tuple[float, str]:
    """(tokens a second of one continued text, the fastest of three times; what the model wrote).

    The text to be continued is the beginning of the held-out part, half a context long.
    """
    device = text.val.device.type
    start = text.val[None, : settings.context // 2]
    model.eval()
    fastest = math.inf
    for _ in range(3):
        draw = torch.Generator(device).manual_seed(seed)
        began = now(device)
        tokens = model.generate(start, settings.generated, draw)
        fastest = min(fastest, now(device) - began)
    model.train()
    if tokens.shape != (1, start.shape[1] + settings.generated):
        raise ValueError(f"generate returned {list(tokens.shape)}, not {settings.generated} tokens more")
    return settings.generated / fastest, text.write(tokens[0])


class Measured:
    """What one training measures.

    Curves: the loss on `curve_windows` windows of each part, spread evenly over it, every `evaluate_every` steps and
    after the last. final_train_loss: the last point of the training part's curve. best_val_loss: the lowest point of
    the held-out part's curve. val_bits_per_byte: on the whole held-out part when training is over. total_train_time:
    seconds of training, evaluations left out. inference_tokens_per_second: see measure_speed.
    """

    def __init__(self, text: Text, settings: Settings, seed: int) -> None:
        self.text = text
        self.settings = settings
        self.seed = seed
        self.device = text.val.device.type
        self.windows = [
            every[torch.linspace(0, len(every) - 1, settings.curve_windows, device=every.device).long()]
            for every in (windows(text.train, settings.context), windows(text.val, settings.context))
        ]
        self.curves: dict[str, list[float]] = {name: [] for name in ("step", *CURVES)}
        self.seconds = 0.0
        self.resumed = now(self.device)

    def check(self, model: nn.Module, step: int, learning_rate: float) -> str:
        """Evaluate after `step` steps; returns a line for people. Raises FloatingPointError where the loss is gone."""
        self.seconds += now(self.device) - self.resumed
        train_loss, val_loss = (evaluate(model, some) for some in self.windows)
        if not math.isfinite(train_loss + val_loss):
            raise FloatingPointError(f"at step {step} train_loss is {train_loss} and val_loss is {val_loss}")
        for curve, value in zip(self.curves.values(), (step, train_loss, val_loss, learning_rate), strict=True):
            curve.append(value)
        self.resumed = now(self.device)
        return f"step {step}: train_loss {train_loss:.3f} val_loss {val_loss:.3f}"

    def metrics(self, model: nn.Module) -> tuple[dict[str, float], str]:
        """The five METRICS of the training, which is over, and what the model writes."""
        val_loss = evaluate(model, windows(self.text.val, self.settings.context))
        speed, sample = measure_speed(model, self.text, self.settings, self.seed)
        values = (
            self.curves["train_loss"][-1],
            min(self.curves["val_loss"]),
            bits_per_byte(val_loss),
            self.seconds,
            speed,
        )
        return dict(zip(METRICS, values, strict=True)), sample


# ---------------------------------------------------------------------------------------------------------------------
# Training


def make_optimizer(
    model: nn.Module, settings: Settings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW, weight decay on matrices only, and a learning rate that warms up and stays."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=(0.9, 0.99),
        fused=True,
    )

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / (settings.warmup_steps + 1))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def draw_batch(tokens: Tensor, settings: Settings, order: torch.Generator) -> Tensor:
    """Windows [batch_size, context + 1] from random places of the text."""
    starts = torch.randint(
        len(tokens) - settings.context, (settings.batch_size, 1), generator=order, device=tokens.device
    )
    return tokens[starts + torch.arange(settings.context + 1, device=tokens.device)]


def train(
    dataset: str, seed: int, settings: Settings, device: str, report: Callable[[int, str], None]
) -> tuple[dict[str, float], dict[str, list[float]], str]:
    """Train one model; returns its metrics, its curves and what it writes. `report(step, text)`: at each evaluation."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    text = read_text(dataset, settings.context, device)
    model = GPT(settings, len(text.symbols)).to(device)
    compiled = torch.compile(model) if device == "cuda" else model  # on a CPU compiling takes longer than it saves
    optimizer, schedule = make_optimizer(model, settings)
    # A generator of its own, so that two runs see the same batches even when they draw their weights differently.
    order = torch.Generator(device).manual_seed(seed)
    measured = Measured(text, settings, seed)

    for step in range(1, settings.steps + 1):
        batch = draw_batch(text.train, settings, order)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = compiled(batch[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        learning_rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
        if step % settings.evaluate_every == 0 or step == settings.steps:
            report(step, measured.check(model, step, learning_rate))

    metrics, sample = measured.metrics(model)
    return metrics, measured.curves, sample


# ---------------------------------------------------------------------------------------------------------------------
# The run: all trainings, side by side on a CPU, one after the other on a GPU

Job = tuple[str, int]  # dataset, seed
Result = tuple[dict[str, float], dict[str, list[float]], str]  # metrics, curves, sample


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
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
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
    """Write samples.txt, all_results.npz (arrays named dataset.seed.curve) and final_info.json, renamed into place."""
    samples = [
        f"--- {dataset}, seed {seed}\n{text}\n" for (dataset, seed), (_, _, text) in zip(jobs, results, strict=True)
    ]
    (folder / "samples.txt").write_text("\n".join(samples), encoding="utf-8")
    arrays = {
        f"{dataset}.{seed}.{name}": np.asarray(curve, dtype=np.int64 if name == "step" else np.float32)
        for (dataset, seed), (_, curves, _) in zip(jobs, results, strict=True)
        for name, curve in curves.items()
    }
    np.savez_compressed(folder / "unfinished.npz", **arrays)
    (folder / "unfinished.npz").replace(folder / "all_results.npz")
    metrics: dict[str, list[dict[str, float]]] = {}
    for (dataset, _), (measured, _, _) in zip(jobs, results, strict=True):
        metrics.setdefault(dataset, []).append(measured)
    info = {dataset: summarise(trainings) for dataset, trainings in metrics.items()}
    (folder / "unfinished.json").write_text(json.dumps(info, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "unfinished.json").replace(folder / "final_info.json")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train small GPTs on texts, byte by byte.")
    parser.add_argument("--out_dir", type=Path, default=Path("run_0"), help="folder for the results")
    out_dir = parser.parse_args().out_dir
    device = "cuda" if torch.cuda.is_available() else "cpu"
    profile = os.environ.get("AI_SCIENTIST_PROFILE") or ("full" if device == "cuda" else "quick")
    if profile not in PROFILES:
        parser.exit(2, f"AI_SCIENTIST_PROFILE is {profile!r}, but must be one of: {', '.join(PROFILES)}\n")
    settings = PROFILES[profile]
    out_dir.mkdir(parents=True, exist_ok=True)

    jobs = [(dataset, seed) for dataset in DATASETS for seed in SEEDS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = 1 if device == "cuda" else min(cores, len(jobs))
    size = f"{len(jobs)} trainings of {settings.steps} steps, {workers} at a time"
    print(f"profile {profile} on {device}: {size}", flush=True)
    progress = Progress(jobs, settings.steps)
    if device == "cuda":
        # The same seed shall give the same numbers. cuBLAS wants to know that before its first use.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # takes time, and nothing here reads such memory
        torch.backends.cuda.enable_mem_efficient_sdp(False)  # its backward pass adds up in any order
        results = train_one_by_one(jobs, settings, device, progress)
    else:
        results = train_side_by_side(jobs, settings, workers, progress)
    write_results(out_dir, jobs, results)


if __name__ == "__main__":
    main()
