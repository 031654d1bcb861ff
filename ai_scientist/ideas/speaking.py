"""The model that `ai-scientist ideas` asks: with its limits, its retries, and every reply on disk before it is used."""

import argparse
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ai_scientist.agents.anthropic_model import AnthropicModel
from ai_scientist.agents.litellm_model import LiteLLMModel, Price, is_claude
from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.retry import Retrying
from ai_scientist.agents.transcript import Recorded, Transcript
from ai_scientist.budget import Budget, Budgeted
from ai_scientist.errors import MachineError, ProviderError, UsageError
from ai_scientist.flags import DEFAULT_MODEL
from ai_scientist.planning import KEY
from ai_scientist.template import Template

TRANSCRIPTS = "ideas_transcripts"


def model_for(given: argparse.Namespace, template: Template, say: Callable[[str], None]) -> LanguageModel:
    """The model that the flags ask for. Raises UsageError where there is no key, or no price for --max-cost."""
    if not given.model and not os.environ.get(KEY):
        raise UsageError(f"no model to ask: set {KEY}, or name another one with --model")
    if (given.price_in is None) != (given.price_out is None):
        raise UsageError("--price-in and --price-out belong together")
    name = given.model or DEFAULT_MODEL
    price = Price(given.price_in, given.price_out) if given.price_in is not None else None
    live = AnthropicModel(name, price=price) if is_claude(name) else LiteLLMModel(name, price=price)
    try:
        live.check()
    except ProviderError as error:
        raise UsageError(str(error)) from None
    if live.price is None and given.max_cost is not None:
        raise UsageError(
            f"--max-cost cannot be kept for {name}: its price is not known. Give --price-in and --price-out, or "
            f"limit it by --max-tokens"
        )
    transcript = Transcript(_transcript(template.folder))
    budget = Budget(given.max_cost, given.max_tokens)
    return Recorded(Budgeted(Retrying(live, given.retry_for, say), budget, lambda: transcript.spent), transcript)


def _transcript(folder: Path) -> Path:
    """A transcript of this process's own, beside the ideas."""
    try:
        (folder / TRANSCRIPTS).mkdir(exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot create {folder / TRANSCRIPTS}: {error.strerror}.") from None
    return folder / TRANSCRIPTS / f"{datetime.now():%Y%m%d_%H%M%S_%f}_{os.getpid()}.jsonl"
