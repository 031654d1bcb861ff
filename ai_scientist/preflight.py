"""What is checked and said before the first turn, so that what can fail fails in the first seconds."""

import shutil
from pathlib import Path

from ai_scientist.agents.litellm_model import LiteLLMModel
from ai_scientist.agents.model import LanguageModel, Request
from ai_scientist.console import wording
from ai_scientist.errors import MachineError, ProviderError, UsageError
from ai_scientist.executors import cgroup
from ai_scientist.flags import GIGABYTE
from ai_scientist.lab import CPU, Turn, Usage
from ai_scientist.prompts import render
from ai_scientist.study.events import Setup
from ai_scientist.study.folder import EDITABLE

MIN_FREE_BYTES = GIGABYTE
# For the estimate of the cost: what a reply takes, and how many turns there are beside those of the runs.
REPLY_TOKENS = 1500
OTHER_TURNS = 3
SYSTEM_TOKENS = 3000
WARM = "forked from a parent that has imported what they import first, each in a sandbox of its own (--cold-runs: anew)"
COLD = "each started anew"


def check(setup: Setup, results: Path, model: LiteLLMModel | None) -> None:
    """Raise what is wrong with the machine, the model's name, key or price, as far as can be told without asking it."""
    try:
        place = next(folder for folder in (results, *results.parents) if folder.exists())
    except OSError as error:
        raise UsageError(f"--results-dir {results!s:.100}: {error.strerror}") from None
    free = shutil.disk_usage(place).free
    if free < MIN_FREE_BYTES:
        raise MachineError(f"only {free / GIGABYTE:.1f} GB are free in {place}; make space or choose --results-dir.")
    if shutil.which("git") is None:
        raise MachineError("git is not installed. Debian, Ubuntu: sudo apt install git")
    if model is None:
        return
    try:
        model.check()
    except ProviderError as error:
        raise UsageError(str(error)) from None
    if model.price is None and setup.budget.max_cost is not None:
        raise UsageError(
            f"--max-cost cannot be kept for {model.name}: its price is not known. Give --price-in and --price-out, or "
            f"limit it by --max-tokens"
        )


def ask(model: LanguageModel) -> Usage:
    """The first request, of a few tokens: it fails here if the key or the model's name is refused."""
    said = render("preflight")
    return model.reply(Request(Turn(0, "preflight", 0, 1), 0, ({"role": "user", "content": said},), said)).usage


def plan(
    setup: Setup, folder: Path, model: LiteLLMModel | None, baseline_seconds: float | None, sandbox: str
) -> list[str]:
    """The plan in lines for a person: size, limits, estimated time and cost."""
    budget, limits, known = setup.budget, setup.limits, setup.versions
    caps = [
        f"{limits.seconds:g} s an attempt",
        f"{(limits.memory_bytes or 0) / GIGABYTE:.1f} GB memory",
        f"{limits.processes} processes",
        f"{(limits.disk_bytes or 0) / GIGABYTE:g} GB disk",
        *([f"memory and tasks {cgroup.how_held()}"] if setup.engine.name == "local" else []),
    ]
    whole = {
        "USD": budget.max_cost,
        "tokens": budget.max_tokens,
        "hours": budget.max_hours,
        "GPU hours" if setup.device != CPU else "GPU hours (none are used on the cpu)": budget.max_gpu_hours,
    }
    totals = [f"{value:g} {unit}" for unit, value in whole.items() if value is not None]
    return [
        f"python:  {known.get('python', '?')}, torch {known.get('torch') or 'not installed'} ({setup.python})",
        f"plan:    up to {setup.max_runs} runs of up to {setup.max_attempts} attempts; {_time(setup, baseline_seconds)}"
        + _cost(setup, folder, model),
        f"limits:  {', '.join(caps)}; in all: {', '.join(totals) or 'none'}",
        *([f"data:    {', '.join(map(repr, setup.data))}, which the runs can read"] if setup.data else []),
        f"runs:    {WARM if setup.warm else COLD}",
        f"sandbox: {sandbox}" + (" EXCEPT THE NETWORK (--allow-network)" if setup.network else ""),
    ]


def _time(setup: Setup, baseline_seconds: float | None) -> str:
    if baseline_seconds is None:
        return "the baseline is measured first"
    return f"about {wording.duration(setup.max_runs * baseline_seconds)} of running, by this machine's baseline"


def _cost(setup: Setup, folder: Path, model: LiteLLMModel | None) -> str:
    """A rough estimate: each turn sends the system prompt, the files and the chat so far."""
    if model is None:
        return "; no cost"
    if model.price is None:
        return "; cost unknown (litellm knows no price for this model): tokens are counted"
    turns = setup.max_runs + OTHER_TURNS
    files = sum((folder / name).stat().st_size for name in EDITABLE if (folder / name).exists()) // 4
    prompt = turns * (SYSTEM_TOKENS + files) + REPLY_TOKENS * turns * turns
    return f"; about ${model.price.of(prompt, turns * REPLY_TOKENS):.2f}"
