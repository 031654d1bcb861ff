"""What --ray-address and --slurm-options may say. Light: it is imported with the flags."""

import argparse
import re

# Options of sbatch that make a job what it must be: one process that leaves its result where it is looked for.
OURS = {
    *("job-name", "output", "error", "array", "wrap", "open-mode", "signal", "export", "nodes", "ntasks", "requeue"),
    *("chdir", "input", "parsable", "wait", "dependency"),
}
SHORTEST = 5  # minutes


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
