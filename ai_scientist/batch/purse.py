"""What a whole batch may spend: the limits of a study, held over all of its studies together."""

import time
from collections.abc import Callable, Sequence

from ai_scientist.budget import Budget
from ai_scientist.errors import LimitReached
from ai_scientist.lab import Usage


class Purse:
    """Adds up what the studies took, and what they are about to take; `devices` are GPUs, or none.

    `before` is what was spent on resumed studies: usage, hours of work, GPU seconds.
    """

    def __init__(
        self,
        budget: Budget,
        before: tuple[Usage, float, float] = (Usage(), 0.0, 0.0),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._usage, self._worked, self._ran = before
        self._clock = clock
        self._begun = clock()
        self._reserved: dict[int, Usage] = {}
        self._running: dict[int, tuple[float, int]] = {}  # study -> (since when, how many devices)

    @property
    def usage(self) -> Usage:
        """What all replies took."""
        return self._usage

    def reserve(self, study: int, ceiling: Usage) -> str:
        """Set aside what a request may take at most: "", or why it may not be sent."""
        try:
            self._budget.check_request(sum(self._reserved.values(), self._usage), ceiling)
        except LimitReached as error:
            return str(error)
        self._reserved[study] = ceiling
        return ""

    def settle(self, study: int, usage: Usage) -> None:
        """The request that was set aside for is over, and took this."""
        self._reserved.pop(study, None)
        self._usage += usage

    def starts(self, study: int, devices: Sequence[str]) -> None:
        """A run begins on these devices."""
        self._running[study] = (self._clock(), len(devices))

    def ends(self, study: int) -> None:
        """Its run is over, or the study is: what is set aside for it is free."""
        since, devices = self._running.pop(study, (self._clock(), 0))
        self._ran += (self._clock() - since) * devices

    def forget(self, study: int) -> None:
        """The study is over, however it ended."""
        self.ends(study)
        self._reserved.pop(study, None)

    def spent(self) -> tuple[float, float]:
        """(seconds of work on the batch, device seconds of its runs, those that still run included)."""
        now = self._clock()
        running = sum((now - since) * devices for since, devices in self._running.values())
        return self._worked + now - self._begun, self._ran + running

    def used_up(self, *, for_gpu: bool) -> str:
        """ "" as long as there is time left, else which limit is reached."""
        try:
            self._budget.seconds_left(*self.spent(), for_gpu=for_gpu)
        except LimitReached as error:
            return str(error)
        return ""
