"""What a study may spend in all, checked before it is spent: USD, tokens, hours, GPU hours."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.errors import LimitReached
from ai_scientist.lab import Usage


@dataclass(frozen=True)
class Budget:
    """The limits of a study; None is no limit. Hours are of work on the study: pauses before --resume do not count."""

    max_cost: float | None = None
    max_tokens: int | None = None
    max_hours: float | None = None
    max_gpu_hours: float | None = None

    def check_request(self, spent: Usage, ceiling: Usage) -> None:
        """Raise LimitReached where a request that may take `ceiling` could exceed what is left after `spent`."""
        used = spent.prompt_tokens + spent.completion_tokens
        most = ceiling.prompt_tokens + ceiling.completion_tokens
        if self.max_tokens is not None and used + most > self.max_tokens:
            raise LimitReached(
                f"the next request could take {most:,} tokens; {used:,} of --max-tokens {self.max_tokens:,} are used"
            )
        if self.max_cost is None:
            return
        if spent.cost is None or ceiling.cost is None:
            raise LimitReached(
                "--max-cost cannot be kept: the price of a reply is not known; give --price-in, --price-out"
            )
        if spent.cost + ceiling.cost > self.max_cost:
            raise LimitReached(
                f"the next request could cost ${ceiling.cost:.4f}; ${spent.cost:.4f} of --max-cost {self.max_cost:g} "
                f"are spent"
            )

    def seconds_left(self, worked: float, on_gpu: float, *, for_gpu: bool) -> float:
        """The seconds that a run may still take; infinite without a limit. Raises LimitReached where none are left."""
        left = math.inf if self.max_hours is None else 3600 * self.max_hours - worked
        if left <= 0:
            raise LimitReached(f"--max-hours {self.max_hours:g} are used up")
        if for_gpu and self.max_gpu_hours is not None:
            gpu_left = 3600 * self.max_gpu_hours - on_gpu
            if gpu_left <= 0:
                raise LimitReached(f"--max-gpu-hours {self.max_gpu_hours:g} are used up")
            left = min(left, gpu_left)
        return left


class Budgeted:
    """A model that is not asked where the answer could exceed the budget."""

    def __init__(self, model: LanguageModel, budget: Budget, spent: Callable[[], Usage]) -> None:
        self._model = model
        self._budget = budget
        self._spent = spent
        self.name = model.name

    def ceiling(self, request: Request) -> Usage:
        return self._model.ceiling(request)

    def reply(self, request: Request) -> Reply:
        self._budget.check_request(self._spent(), self._model.ceiling(request))
        return self._model.reply(request)
