"""Trying again when a provider has a passing fault: exponential backoff with full jitter, Retry-After honoured."""

import math
import random
import threading
import time
from collections.abc import Callable

from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.errors import ProviderUnavailable
from ai_scientist.lab import Usage

BASE_SECONDS = 1.0
MAX_SECONDS = 60.0
HEED_SECONDS = 0.5
REQUEST_SECONDS = 660.0  # a little more than the time-out of the clients beneath


class Retrying:
    """A model that is asked again after a ProviderUnavailable, for at most `minutes`, and says so.

    `left()` are the seconds that the study still has (it raises LimitReached where none are left), `bound` those that a
    reply may take in all. `heed` is called twice a second while it waits; what it raises ends the waiting.

    The wait after try n is drawn from [0, min(MAX_SECONDS, BASE_SECONDS * 2**n)] (Amazon's "full jitter": many studies
    do not come back at once), and is at least what the provider asked for by Retry-After. The last wait is cut to what
    is left of the time, so that a model is always asked once more at its end.
    """

    def __init__(
        self,
        model: LanguageModel,
        minutes: float,
        say: Callable[[str], None],
        rng: random.Random | None = None,
        *,
        left: Callable[[], float] = lambda: math.inf,
        bound: float = REQUEST_SECONDS,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self._heed = heed
        self._left = left
        self._bound = bound
        self._model = model
        self._seconds = 60 * minutes
        self._say = say
        self._rng = rng or random.Random()
        self.name = model.name

    def ceiling(self, request: Request) -> Usage:
        return self._model.ceiling(request)

    def reply(self, request: Request) -> Reply:
        begun, tries = time.monotonic(), 0
        while True:
            tries += 1
            try:
                return self._asked(request)
            except ProviderUnavailable as error:
                spent = time.monotonic() - begun
                left = min(self._seconds - spent, self._left())
                if left <= (error.retry_after or 0.0):
                    raise ProviderUnavailable(
                        f"{error} It was tried {tries} times in {spent:.0f} s (--retry-for). Go on when it is back."
                    ) from error
                wait = min(left, self._wait(tries, error.retry_after))
                self._say(f"{error} Trying again in {wait:.0f} s ({tries} so far) ...")
            self._rest(wait)

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._heed()
            time.sleep(min(left, HEED_SECONDS))

    def _asked(self, request: Request) -> Reply:
        """Ask, and give up where a server drips its reply byte by byte: time-outs below us are for each byte."""
        answers: list[Reply | BaseException] = []

        def ask() -> None:
            try:
                answers.append(self._model.reply(request))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                answers.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(min(self._bound, self._left()))
        if not answers:
            self._left()  # raises where it is the study's time that is over
            raise ProviderUnavailable(f"{self.name} did not finish its reply in {self._bound:.0f} s.")
        (answer,) = answers
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _wait(self, tries: int, asked: float | None) -> float:
        return max(asked or 0.0, self._rng.uniform(0, min(MAX_SECONDS, BASE_SECONDS * 2**tries)))
