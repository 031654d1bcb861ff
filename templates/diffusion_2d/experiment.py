"""Diffusion in the plane: denoising diffusion models that learn to draw points on four shapes.

One run trains a small network on four sets of points, each with several seeds, and lets it draw points of its own
(Ho et al. 2020, "Denoising Diffusion Probabilistic Models", arXiv:2006.11239):

    circle, line, moons    a circle, a line segment, two interleaved half circles
    butterfly              the first turn of a curve with crossing loops (Fay 1989, "The Butterfly Curve")

    python experiment.py --out_dir=run_0

writes run_0/final_info.json (the metrics) and run_0/all_results.npz (the curves and points that plot.py draws). The
environment variable AI_SCIENTIST_PROFILE chooses the size: full (for a GPU), quick (a minute on a laptop) or smoke
(does it run?).

The noise schedule, the denoiser, the loss, the optimizer, the training loop and the sampler are there to be changed.
The constants, the data, evaluation, metrics and results stay as they are, so that runs can be compared.
"""

import argparse
import copy
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
from scipy.spatial import cKDTree
from torch import Tensor, nn

# ---------------------------------------------------------------------------------------------------------------------
# Constants


@dataclass(frozen=True)
class Settings:
    """The size of a run."""

    timesteps: int  # of the diffusion, from data (t = 0) to noise (t = timesteps - 1)
    width: int
    layers: int
    batch_size: int
    learning_rate: float  # falls to 0 along half a cosine
    ema_decay: float  # of the averaged weights, an optimizer step
    steps: int  # of the optimizer


PROFILES = {
    "full": Settings(
        timesteps=250,
        width=256,
        layers=4,
        batch_size=1024,
        learning_rate=1e-3,
        ema_decay=0.999,
        steps=20_000,
    ),
    "quick": Settings(
        timesteps=100,
        width=128,
        layers=3,
        batch_size=256,
        learning_rate=3e-3,
        ema_decay=0.995,
        steps=2500,
    ),
    "smoke": Settings(
        timesteps=20,
        width=16,
        layers=2,
        batch_size=16,
        learning_rate=1e-3,
        ema_decay=0.9,
        steps=100,
    ),
}
DATASETS = ("circle", "line", "moons", "butterfly")
SEEDS = (0, 1, 2, 3, 4)
METRICS = ("training_time", "eval_loss", "inference_time", "kl_divergence")
TRAIN_POINTS = 8192
EVAL_POINTS = 8192  # held-out points, and as many samples
SAMPLE_BATCH = 2048  # how many samples are drawn at a time
EVAL_SEED = 2020  # of the held-out points and their noise, which are the same in every run and for every seed
NOISE = 0.06  # standard deviation of the points about their shape, whose coordinates have a variance of about 1
NEIGHBOURS = 3  # the k of the estimate of kl_divergence: more of them vary less, but blur what is fine
RECORD_EVERY = 50  # optimizer steps; the training loss is averaged over so many

# ---------------------------------------------------------------------------------------------------------------------
# Data


@dataclass(frozen=True)
class Data:
    """Points of one shape, float32 [points, 2]."""

    train: Tensor
    held_out: Tensor


def butterfly(n: int, rng: np.random.Generator) -> np.ndarray:
    """n points, uniform by length, on r = exp(sin a) - 2 cos 4a + sin((2a - pi)/24)^5, a from 0 to 2 pi, [n, 2]."""
    angle = np.linspace(0, 2 * np.pi, 20_001)
    radius = np.exp(np.sin(angle)) - 2 * np.cos(4 * angle) + np.sin((2 * angle - np.pi) / 24) ** 5
    curve = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    where = rng.uniform(0, length[-1], n)
    return np.stack([np.interp(where, length, curve[:, 0]), np.interp(where, length, curve[:, 1])], axis=1)


def make_points(dataset: str, n: int, seed: int) -> np.ndarray:
    """n points of a shape, float32 [n, 2], with mean about 0 and a mean variance of the coordinates of about 1."""
    rng = np.random.default_rng([seed, DATASETS.index(dataset)])
    if dataset == "circle":
        angle = rng.uniform(0, 2 * np.pi, n)
        points = math.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    elif dataset == "line":
        points = rng.uniform(-1, 1, n)[:, None] * np.array([[2.0, 1.4]])
    elif dataset == "moons":
        angle = rng.uniform(0, np.pi, n)
        upper = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1)
        points = 1.42 * np.where(rng.integers(2, size=n)[:, None] == 0, upper, -upper)
    else:
        points = 0.72 * (butterfly(n, rng) - np.array([[0.0, 0.64]]))
    return (points + NOISE * rng.standard_normal((n, 2))).astype(np.float32)


def make_data(dataset: str, seed: int, device: str = "cpu") -> Data:
    """Training points that depend on the seed, and held-out points that are the same for all."""
    train, held_out = make_points(dataset, TRAIN_POINTS, seed), make_points(dataset, EVAL_POINTS, EVAL_SEED)
    return Data(torch.from_numpy(train).to(device), torch.from_numpy(held_out).to(device))


# ---------------------------------------------------------------------------------------------------------------------
# Diffusion


def make_betas(timesteps: int) -> Tensor:
    """The noise schedule: how much variance of noise each timestep adds, float64 [timesteps], each between 0 and 1.

    Ho et al.'s line from 0.0001 to 0.02 over 1000 timesteps; of fewer timesteps, each adds as much more.
    """
    scale = 1000 / timesteps
    return torch.linspace(scale * 0.0001, min(scale * 0.02, 0.999), timesteps, dtype=torch.float64)


class Diffusion:
    """Adds noise to points step by step, and takes it away again. Its tensors are float32 [timesteps].

    After timestep t a point is signal[t] * point + sigma[t] * noise, with signal^2 + sigma^2 = 1.
    """

    def __init__(self, betas: Tensor, device: str = "cpu") -> None:
        if not bool(((betas > 0) & (betas < 1)).all()):
            raise ValueError(f"betas must lie between 0 and 1, but go from {betas.min():.6g} to {betas.max():.6g}")
        alphas = 1 - betas
        kept = torch.cumprod(alphas, dim=0)  # the share of a point's variance that is left: "alpha bar"
        kept_before = torch.cat([kept.new_ones(1), kept[:-1]])
        self.timesteps = len(betas)
        self.kept = kept.float().to(device)
        self.signal = kept.sqrt().float().to(device)
        self.sigma = (1 - kept).sqrt().float().to(device)
        # The distribution of a point one timestep earlier, given the clean point and the noisy one (equation 7).
        self.clean_share = (kept_before.sqrt() * betas / (1 - kept)).float().to(device)
        self.noisy_share = (alphas.sqrt() * (1 - kept_before) / (1 - kept)).float().to(device)
        self.step_sigma = (betas * (1 - kept_before) / (1 - kept)).sqrt().float().to(device)

    def add_noise(self, points: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Points [n, 2] after timesteps t [n], with standard normal noise [n, 2] (equation 4)."""
        return self.signal[t, None] * points + self.sigma[t, None] * noise

    def predict_noise(self, model: nn.Module, noisy: Tensor, t: Tensor) -> Tensor:
        """The noise [n, 2] in points [n, 2] at timesteps t [n]; what else a model predicts is to be converted here."""
        return model(noisy, t)

    def loss(self, model: nn.Module, points: Tensor) -> Tensor:
        """Mean squared error of the predicted noise at random timesteps (equation 14, "simple")."""
        t = torch.randint(self.timesteps, (len(points),), device=points.device)
        noise = torch.randn_like(points)
        return nn.functional.mse_loss(self.predict_noise(model, self.add_noise(points, noise, t), t), noise)

    def sample(self, model: nn.Module, n: int, generator: torch.Generator) -> Tensor:
        """n new points [n, 2]: from noise, one timestep after the other (algorithm 2).

        As in Ho et al.'s code the clean point is predicted and kept within the range of the data, here -3 to 3.
        """
        device = generator.device
        points = torch.randn(n, 2, generator=generator, device=device)
        for step in reversed(range(self.timesteps)):
            t = torch.full((n,), step, device=device)
            noise = self.predict_noise(model, points, t)
            clean = ((points - self.sigma[step] * noise) / self.signal[step]).clamp(-3, 3)
            points = self.clean_share[step] * clean + self.noisy_share[step] * points
            if step > 0:
                points += self.step_sigma[step] * torch.randn(n, 2, generator=generator, device=device)
        return points


# ---------------------------------------------------------------------------------------------------------------------
# Model


class Denoiser(nn.Module):
    """Predicts the noise in points from the noisy points and their timesteps, both as sines and cosines."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.timesteps = settings.timesteps
        self.register_buffer("point_frequencies", 2.0 ** torch.arange(-1, 4) * math.pi / 2)
        self.register_buffer("time_frequencies", 2.0 ** torch.arange(0, 5) * math.pi / 2)
        inputs = 2 + 4 * len(self.point_frequencies) + 2 * len(self.time_frequencies)
        self.read = nn.Linear(inputs, settings.width)
        self.layers = nn.ModuleList(nn.Linear(settings.width, settings.width) for _ in range(settings.layers))
        self.head = nn.Linear(settings.width, 2)

    def forward(self, noisy: Tensor, t: Tensor) -> Tensor:
        """From points [n, 2] at timesteps t [n] to the noise in them [n, 2]."""
        places = (noisy[:, :, None] * self.point_frequencies).flatten(1)
        times = ((t[:, None] + 1) / self.timesteps) * self.time_frequencies
        x = self.read(torch.cat([noisy, places.sin(), places.cos(), times.sin(), times.cos()], dim=1))
        for layer in self.layers:
            x = x + nn.functional.silu(layer(x))
        return self.head(x)


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation and metrics


@torch.no_grad()
def evaluate(diffusion: Diffusion, model: nn.Module, held_out: Tensor) -> float:
    """Mean squared error of the noise predicted for all held-out points at eight timesteps each, with fixed noise.

    The timesteps are those of the run's own schedule: another schedule is another task, easier or harder.
    """
    generator = torch.Generator().manual_seed(EVAL_SEED)
    total = 0.0
    for part in range(8):
        noise = torch.randn(len(held_out), 2, generator=generator).to(held_out.device)
        t = (torch.arange(len(held_out), device=held_out.device) * 8 + part) % diffusion.timesteps
        error = diffusion.predict_noise(model, diffusion.add_noise(held_out, noise, t), t) - noise
        total += error.square().mean().item()
    return total / 8


def kl_divergence(p: np.ndarray, q: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Estimate of the Kullback-Leibler divergence KL(P || Q) in nats, from points p [n, d] of P and q [m, d] of Q.

    d/n * sum_i log(nu_i / rho_i) + log(m / (n - 1)), where rho_i is the distance from p_i to its k-th nearest neighbour
    among the other points of p, and nu_i that to its k-th nearest among q (Perez-Cruz 2008, "Kullback-Leibler
    Divergence Estimation of Continuous Distributions"; Wang et al. 2009, "Divergence Estimation for Multidimensional
    Densities Via k-Nearest-Neighbor Distances"). About 0, and possibly a little below, where P equals Q; too
    low where much of P lies far from all points of q, or where Q is finer than the distances between the points.
    """
    (n, d), m = p.shape, len(q)
    rho = cKDTree(p).query(p, [k + 1])[0]  # a point is its own nearest neighbour
    nu = cKDTree(q).query(p, [k])[0]
    return float(d * np.mean(np.log(nu / rho)) + math.log(m / (n - 1)))


def clock(device: str) -> float:
    """Seconds: of this process's work on a CPU, which other programs hardly change, of the time of day with a GPU."""
    return time.perf_counter() if device == "cuda" else time.process_time()


@torch.no_grad()
def measure(
    diffusion: Diffusion, model: nn.Module, data: Data, seed: int, training_time: float
) -> tuple[dict[str, float], np.ndarray]:
    """The four METRICS of a training, which is over, and the points that the model drew, float32 [EVAL_POINTS, 2].

    training_time and inference_time (of drawing EVAL_POINTS points) in seconds by `clock`. kl_divergence: from the
    held-out points to the model's. Raises FloatingPointError where a point is not finite.
    """
    model.eval()
    eval_loss = evaluate(diffusion, model, data.held_out)
    device = data.held_out.device.type
    generator = torch.Generator(device).manual_seed(seed)
    started = clock(device)
    parts = [diffusion.sample(model, SAMPLE_BATCH, generator) for _ in range(EVAL_POINTS // SAMPLE_BATCH)]
    samples = torch.cat(parts).cpu().numpy()
    inference_time = clock(device) - started
    if samples.shape != (EVAL_POINTS, 2):
        raise ValueError(f"sample gave an array of shape {samples.shape}, not {(EVAL_POINTS, 2)}")
    if lost := int((~np.isfinite(samples)).any(axis=1).sum()):
        raise FloatingPointError(f"{lost} of {EVAL_POINTS} samples are not finite")
    divergence = kl_divergence(data.held_out.cpu().numpy(), samples)
    return dict(zip(METRICS, (training_time, eval_loss, inference_time, divergence), strict=True)), samples


# ---------------------------------------------------------------------------------------------------------------------
# Training


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the model's: average = decay * average + (1 - decay) * model."""
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def make_optimizer(
    model: nn.Module, settings: Settings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Adam, and a learning rate that falls to 0 along half a cosine."""
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)


def set_seeds(seed: int) -> None:
    """Seed every generator that a training may use."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train(
    dataset: str, seed: int, settings: Settings, device: str, report: Callable[[int, str], None]
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Train one model; returns its metrics and what plot.py draws. `report(step, text)` is called now and then."""
    set_seeds(seed)
    data = make_data(dataset, seed, device)
    diffusion = Diffusion(make_betas(settings.timesteps), device)
    model = Denoiser(settings).to(device)
    average = copy.deepcopy(model)
    optimizer, schedule = make_optimizer(model, settings)
    # A generator of its own, so that two runs see the same batches even when they draw their noise differently.
    order = torch.Generator(device).manual_seed(seed)
    curve: list[tuple[int, float]] = []
    recent = torch.zeros((), device=device)
    started = clock(device)

    for step in range(1, settings.steps + 1):
        batch = torch.randint(TRAIN_POINTS, (settings.batch_size,), generator=order, device=device)
        loss = diffusion.loss(model, data.train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        update_average(average, model, settings.ema_decay)
        recent += loss.detach()
        if step % RECORD_EVERY == 0:
            curve.append((step, recent.item() / RECORD_EVERY))
            recent.zero_()
            if not math.isfinite(curve[-1][1]):
                raise FloatingPointError(f"at step {step} train_loss is {curve[-1][1]}")
            report(step, f"train_loss {curve[-1][1]:.4f}")

    training_time = clock(device) - started
    metrics, samples = measure(diffusion, average, data, seed, training_time)
    steps, losses = zip(*curve, strict=True)
    drawn = {
        "step": np.array(steps),
        "train_loss": np.array(losses, dtype=np.float32),
        "kept": diffusion.kept.cpu().numpy(),
        "samples": samples,
    }
    return metrics, drawn


# ---------------------------------------------------------------------------------------------------------------------
# The run: all trainings, side by side on a CPU, one after the other on a GPU

Job = tuple[str, int]  # dataset, seed
Result = tuple[dict[str, float], dict[str, np.ndarray]]  # metrics, what plot.py draws


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
    """Write all_results.npz and final_info.json, each renamed into place.

    Arrays: dataset.seed.step, .train_loss (the curve), .kept (alpha bar of each timestep), .samples; dataset.held_out.
    """
    arrays = {
        f"{dataset}.{seed}.{name}": array
        for (dataset, seed), (_, drawn) in zip(jobs, results, strict=True)
        for name, array in drawn.items()
    }
    arrays |= {f"{dataset}.held_out": make_points(dataset, EVAL_POINTS, EVAL_SEED) for dataset in DATASETS}
    np.savez_compressed(folder / "unfinished.npz", **arrays)
    (folder / "unfinished.npz").replace(folder / "all_results.npz")
    metrics: dict[str, list[dict[str, float]]] = {}
    for (dataset, _), (measured, _) in zip(jobs, results, strict=True):
        metrics.setdefault(dataset, []).append(measured)
    info = {dataset: summarise(trainings) for dataset, trainings in metrics.items()}
    (folder / "unfinished.json").write_text(json.dumps(info, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "unfinished.json").replace(folder / "final_info.json")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train diffusion models that draw points on four shapes.")
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
        results = train_one_by_one(jobs, settings, device, progress)
    else:
        results = train_side_by_side(jobs, settings, workers, progress)
    write_results(out_dir, jobs, results)


if __name__ == "__main__":
    main()
