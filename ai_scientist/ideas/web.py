"""Asking a literature service over HTTP: politely, patiently for a while, and never trusting what comes back."""

import json
import math
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpx

from ai_scientist.errors import LiteratureUnavailable

TRIES = 6
BASE_SECONDS, MAX_SECONDS = 1.0, 60.0
MAX_BYTES = 10_000_000  # Semantic Scholar's own limit of an answer
_BUSY = frozenset({408, 425, 429})


class Web:
    """One service at `base`. Requests begin at least `pause` seconds apart.

    What passes (the statuses of `busy`, 5xx, time-outs, dropped connections, answers cut to broken JSON) is asked for
    again, up to TRIES times, after a wait drawn from [0, min(MAX_SECONDS, BASE_SECONDS * 2**n)] ("full jitter"), or as
    long as Retry-After says, in all no longer than `patience` seconds. Then it is LiteratureUnavailable, at once for
    every later request, too.
    """

    def __init__(
        self,
        name: str,
        base: str,
        say: Callable[[str], None],
        *,
        pause: float,
        patience: float,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        busy: frozenset[int] = _BUSY,
        timeout: float = 30.0,
    ) -> None:
        self.name = name
        self.base = base.rstrip("/")
        self._say = say
        self.pause = pause
        self._patience = patience
        self._parameters = dict(parameters or {})
        self._busy = busy | _BUSY
        self._timeout = timeout
        self._client = httpx.Client(headers={"user-agent": "ai-scientist", **(headers or {})}, timeout=timeout)
        self._next = 0.0
        self._lost = ""

    def __enter__(self) -> "Web":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, parameters: Mapping[str, str]) -> Any:
        """The JSON of an answer. Raises LiteratureUnavailable."""
        left, tried = self._patience, 0
        while not self._lost:
            tried += 1
            try:
                return self._once(path, parameters)
            except _PassingFault as fault:
                wait = self._wait(tried, fault.asked, left)
                if wait is None:
                    self._lost = f"{self.name}: {fault} (tried {tried} times)"
                    break
                self._say(f"{self.name}: {fault}. Trying again in {wait:.0f} s ({tried} so far) ...")
            left -= wait
            time.sleep(wait)
        raise LiteratureUnavailable(self._lost)

    def _wait(self, tried: int, asked: float, left: float) -> float | None:
        """The seconds to wait before the next try; None where there is none."""
        if tried == TRIES or asked > left or left <= 0:
            return None
        return min(left, max(asked, random.uniform(0, min(MAX_SECONDS, BASE_SECONDS * 2**tried))))

    def _once(self, path: str, parameters: Mapping[str, str]) -> Any:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self.pause
        try:
            with self._client.stream(
                "GET", f"{self.base}{path}", params={**parameters, **self._parameters}
            ) as response:
                status = response.status_code
                if status in self._busy or status >= 500:
                    raise _PassingFault(f"HTTP {status}", _retry_after(response.headers.get("retry-after", "")))
                if status != 200:
                    raise LiteratureUnavailable(f"{self.name}: HTTP {status}")
                return json.loads(self._body(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The name of the error only: its text may hold the whole URL, and so a key.
            raise _PassingFault(f"{type(error).__name__} at {self.base}") from None
        except (ValueError, RecursionError):
            raise _PassingFault("an answer that is no JSON") from None

    def _body(self, response: httpx.Response) -> bytes:
        body, end = bytearray(), time.monotonic() + 2 * self._timeout
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise LiteratureUnavailable(f"{self.name}: an answer of more than {MAX_BYTES:,} bytes")
            if time.monotonic() > end:  # the client's own limit is for each piece
                raise _PassingFault("an answer without end")
        return bytes(body)


class _PassingFault(Exception):
    """May be gone at the next try; `asked` are the seconds that the service asks for, 0 where it does not say."""

    def __init__(self, why: str, asked: float = 0.0) -> None:
        super().__init__(why)
        self.asked = asked


def _retry_after(value: str) -> float:
    """The seconds of a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3); 0 for none that is one."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 0.0
