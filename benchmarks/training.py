"""Steps a second of the grokking template's training, beside the way the field's reference script trains.

`python -m benchmarks.training` trains at the size of the profile `full` for a few hundred steps, evaluation included,
both ways in turn with the same number of threads: once with templates/grokking/experiment.py, once with a stand-in that
is written here and does what the reference does: it draws each entry by itself through a DataLoader, computes every
position of every block by nn.MultiheadAttention, and every 10 steps evaluates 8 freshly drawn batches.
`--reference SCRIPT` times a script with that script's functions `run(out_dir, dataset, seed)` and `evaluate` instead.

A step's CPU time is that of all its threads. Nothing that comes before the first evaluation counts.
"""

import argparse
import importlib.util
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

EXPERIMENT = Path(__file__).parent.parent / "templates" / "grokking" / "experiment.py"
DATASET = "x_div_y"
ROW = "{:<28}{:>8}{:>10}{:>14}{:>16}{:>16}\n"


class Over(BaseException):
    """Enough steps are measured; experiment.py catches every Exception of a training."""


class Clock:
    """Called at each evaluation, `every` steps after the last; ends the training after `steps` measured steps."""

    def __init__(self, steps: int, every: int = 10) -> None:
        self.every, self.left = every, steps // every + 1
        self.marks: list[tuple[float, float]] = []

    def __call__(self, *_: object) -> None:
        """Note the time. Raises Over at the end."""
        self.marks.append((time.perf_counter(), time.process_time()))
        self.left -= 1
        if self.left == 0:
            raise Over

    def measured(self) -> tuple[int, float, float]:
        """(steps, seconds, CPU seconds) between the first evaluation and the last."""
        (start, cpu), (end, cpu_end) = self.marks[0], self.marks[-1]
        return (len(self.marks) - 1) * self.every, end - start, cpu_end - cpu


def timed(training: Callable[[Clock], object], steps: int) -> tuple[int, float, float]:
    """What the clock says of a training."""
    clock = Clock(steps)
    try:
        training(clock)
    except Over:
        return clock.measured()
    raise SystemExit(f"the training was over before {steps} steps were measured")


def loaded(script: Path) -> Any:
    """The script as a module; it reads no flags."""
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{script} is no Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Parent:
    """What a training process of experiment.py talks to: it gives one job, and takes the time at each evaluation."""

    def __init__(self, job: tuple[str, int], clock: Clock) -> None:
        self.jobs, self.clock = iter([job]), clock

    def recv(self) -> tuple[str, int] | None:
        return next(self.jobs, None)

    def send(self, message: tuple[Any, ...]) -> None:
        if message[0] != "step":
            raise SystemExit(f"experiment.py: {message}")
        self.clock()


# ---------------------------------------------------------------------------------------------------------------------
# Three ways to train


def ours(steps: int, threads: int) -> list[tuple[int, float, float]]:
    """experiment.py as a run does it on a CPU: a process of one thread for each thread given."""
    experiment = loaded(EXPERIMENT)
    settings = replace(experiment.PROFILES["full"], steps=steps + 1000)
    context = multiprocessing.get_context("fork")

    def one(seed: int, results: Any) -> None:
        results.put(timed(lambda clock: experiment.work(settings, Parent((DATASET, seed), clock)), steps))

    results = context.SimpleQueue()
    processes = [context.Process(target=one, args=(seed, results)) for seed in range(threads)]
    for process in processes:
        process.start()
    measured = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return measured


def reference(script: Path, steps: int, threads: int) -> list[tuple[int, float, float]]:
    """A script of the field's layout: one process, whose `evaluate` is called every 10 steps."""
    module = loaded(script)
    module.torch.set_num_threads(threads)
    evaluate = module.evaluate

    def training(clock: Clock) -> None:
        def evaluated(*given: Any) -> Any:
            result = evaluate(*given)
            clock()
            return result

        module.evaluate = evaluated
        with tempfile.TemporaryDirectory() as folder:
            module.run(folder, DATASET, 0)

    return [timed(training, steps)]


def stand_in(steps: int, threads: int) -> list[tuple[int, float, float]]:
    """What the reference does, written anew, at the same settings, on the same table."""
    import torch
    from torch import nn

    experiment = loaded(EXPERIMENT)
    settings = experiment.PROFILES["full"]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    entries, symbols = experiment.make_table(DATASET, settings)
    random.shuffle(entries)
    half = len(entries) // 2

    class Drawn(torch.utils.data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
        def __init__(self, entries: list[tuple[int, int, int]]) -> None:
            self.entries = entries

        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            while True:
                x, y, answer = random.choice(self.entries)
                yield torch.tensor([x, symbols, y, symbols + 1]), torch.tensor(answer)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(settings.width, settings.heads)
            self.wide = nn.Linear(settings.width, 4 * settings.width)
            self.narrow = nn.Linear(4 * settings.width, settings.width)
            self.norms = nn.ModuleList(nn.LayerNorm(settings.width) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = torch.full((len(x), len(x)), -torch.inf).triu(1)
            x = self.norms[0](x + self.attention(x, x, x, attn_mask=hidden)[0])
            return self.norms[1](x + self.narrow(nn.functional.gelu(self.wide(x))))  # type: ignore[no-any-return]

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(symbols + 2, settings.width)
            self.positions = nn.Embedding(4, settings.width)
            self.blocks = nn.Sequential(*(Block() for _ in range(settings.layers)))
            self.head = nn.Sequential(nn.LayerNorm(settings.width), nn.Linear(settings.width, symbols))

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:  # [batch, 4] -> [batch, symbols]
            x = (self.tokens(tokens) + self.positions.weight).transpose(0, 1)
            return self.head(self.blocks(x))[-1]  # type: ignore[no-any-return]

    model = Model()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(step / settings.warmup_steps, 1))
    train, val = (
        torch.utils.data.DataLoader(Drawn(part), batch_size=settings.batch_size)
        for part in (entries[:half], entries[half:])
    )

    def score(batches: Any, count: int, learning: bool) -> tuple[float, float]:
        loss = torch.zeros(())
        right = torch.zeros(())
        for tokens, answers in itertools.islice(batches, count):
            logits = model(tokens)
            this = nn.functional.cross_entropy(logits, answers)
            if learning:
                optimizer.zero_grad()
                this.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            loss += this.detach()
            right += (logits.argmax(-1) == answers).float().mean()
        return float(loss / count), float(right / count)

    def training(clock: Clock) -> None:
        while True:
            model.train()
            score(train, 10, learning=True)
            model.eval()
            with torch.no_grad():
                score(val, 8, learning=False)
            clock()

    return [timed(training, steps)]


# ---------------------------------------------------------------------------------------------------------------------
# The comparison


def measure(way: str, given: argparse.Namespace, threads: int) -> tuple[float, float]:
    """(steps a second of all trainings together, milliseconds of CPU a step) of a way, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--way", way, "--steps", str(given.steps)]
    command += ["--threads", str(threads), *(["--reference", str(given.reference)] if given.reference else [])]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    trainings = json.loads(done.stdout.splitlines()[-1])
    rate = sum(steps / seconds for steps, seconds, _ in trainings)
    return rate, 1e3 * sum(cpu for *_, cpu in trainings) / sum(steps for steps, *_ in trainings)


def table(given: argparse.Namespace) -> Iterator[str]:
    """Medians of the repeats, which take turns so that a busy machine is busy for both."""
    theirs = given.reference.name if given.reference else "stand-in for the reference"
    yield ROW.format("", "threads", "steps/s", "ms a step", "CPU ms a step", "ratio steps/s")
    for threads in given.threads:
        ways: dict[str, list[tuple[float, float]]] = {way: [] for way in ("reference", "ours")}
        for _ in range(given.repeats):
            for way, measured in ways.items():
                measured.append(measure(way, given, threads))
        base = median(rate for rate, _ in ways["reference"])
        for way, measured in ways.items():
            rate, cpu = (median(values) for values in zip(*measured, strict=True))
            name = theirs if way == "reference" else "experiment.py"
            yield ROW.format(name, threads, f"{rate:.1f}", f"{1e3 / rate:.1f}", f"{cpu:.1f}", f"{rate / base:.2f}")
            yield "".join(f"    {rate:.1f} steps/s, {cpu:.1f} CPU ms\n" for rate, cpu in measured)


def main() -> int:
    """Print the table, or with --way the raw figures of one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="steps to measure, a multiple of 10 (100)")
    parser.add_argument("--repeats", type=int, default=3, help="how often each way is measured (3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads to compare at (1 2)")
    parser.add_argument("--reference", type=Path, metavar="SCRIPT", help="a reference script, in place of the stand-in")
    parser.add_argument("--way", choices=("ours", "reference"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.way:
        for line in table(given):
            sys.stdout.write(line)
            sys.stdout.flush()
        return 0
    (threads,) = given.threads
    if given.way == "ours":
        trainings = ours(given.steps, threads)
    elif given.reference:
        trainings = reference(given.reference, given.steps, threads)
    else:
        trainings = stand_in(given.steps, threads)
    sys.stdout.write(json.dumps(trainings) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
