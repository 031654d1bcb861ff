"""The flags of devices, Ray and Slurm, and what they may say. Light: it is imported with the other flags."""

import argparse
import re
from typing import get_args

from ai_scientist.amounts import count
from ai_scientist.lab import EngineName

# What of a configuration file holds for --resume: where runs are done, not how a study is done.
OF_THE_MACHINE = {"parallel", "gpus", "gpus_per_run", "runs_per_gpu"}
OF_AN_ENGINE = {"ray": "ray_address", "slurm": "slurm_options"}
# Options of sbatch that make a job what it must be: one process that leaves its result where it is looked for.
OURS = {
    *("job-name", "output", "error", "array", "wrap", "open-mode", "signal", "export", "nodes", "ntasks", "requeue"),
    *("chdir", "input", "parsable", "wait", "dependency"),
}
SHORTEST = 5  # minutes


def add_devices(parser: argparse.ArgumentParser) -> None:
    """The flags that say where runs are done, and on what."""
    add = parser.add_argument
    add("--parallel", type=count, metavar="N", help="studies in flight at once (default: 8 a device; 1: one by one)")
    add("--gpus", type=gpus, metavar="0,1", help="the GPUs that runs are given (default: all that are visible)")
    add("--gpus-per-run", type=count, metavar="N", help="GPUs of each run (default: 1)")
    add("--runs-per-gpu", type=count, metavar="N", help="runs that share a GPU, or the CPU (default: 1)")
    add("--executor", choices=get_args(EngineName), help="where runs are done: here (local, default), ray or slurm")
    add(
        "--ray-address",
        type=ray_address,
        metavar="HOST:PORT",
        help="a Ray cluster (default: RAY_ADDRESS, or one here)",
    )
    add(
        "--slurm-options",
        type=slurm_options,
        metavar="KEY=VALUE,...",
        help="of sbatch: partition=gpu,gres=gpu:1,mem=32G",
    )
    add("--cpus-per-run", type=count, metavar="N", help="processor cores of each run on a cluster")


def of_others(executor: EngineName) -> set[str]:
    """What a configuration file says for other executors than the one that is asked for now."""
    others = {flag for engine, flag in OF_AN_ENGINE.items() if engine != executor}
    return others | ({"cpus_per_run"} if executor == "local" else {"gpus", "runs_per_gpu"})


def gpus(text: str) -> tuple[str, ...]:
    """Names of GPUs. Raises ArgumentTypeError for anything else."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(re.fullmatch(r"[A-Za-z0-9-]+", name) for name in names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f'"{text}" is no list of GPUs, like 0,1')
    return names


def ray_address(text: str) -> str:
    """The address of a Ray cluster. Raises ArgumentTypeError for anything else."""
    if not re.fullmatch(r"auto|(ray://)?[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a Ray cluster, like 10.0.0.1:6379 or auto")
    if text.startswith("ray://"):
        raise argparse.ArgumentTypeError(
            "Ray's client (ray://) cannot be used: give the address of the cluster, HOST:6379 say"
        )
    return text


def slurm_options(text: str) -> tuple[tuple[str, str], ...]:
    """Options of sbatch by their long names; a comma within a value is one unless KEY= follows it.

    Raises ArgumentTypeError for what is none, for what could be more than an option, and for those that are ours.
    """
    pairs = [part.partition("=") for part in re.split(r",(?=[a-z][a-z-]*=)", text)]
    for key, _, value in pairs:
        if not re.fullmatch(r"[a-z][a-z-]*", key) or not re.fullmatch(r"[\w.:/@%+*,\[\]&|!()-]+", value, re.ASCII):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of options of sbatch, like partition=gpu,gres=gpu:1")
        if key in OURS:
            raise argparse.ArgumentTypeError(f'"{key}" is set by AI Scientist itself; leave it out')
        if key == "time" and not (value.isdecimal() and int(value) >= SHORTEST):
            raise argparse.ArgumentTypeError(f"time={value}: give whole minutes, at least {SHORTEST}")
    return tuple(sorted({key: value for key, _, value in pairs}.items()))
