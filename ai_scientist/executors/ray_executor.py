"""Calls on a Ray cluster: each an actor of its own, found again by its name.

An actor belongs to the process that made it: where that is killed, Ray ends the actor, and the supervisor beneath it
ends what ran there. Nothing goes on that nobody waits for.
"""

import contextlib
import os
import signal
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ai_scientist.errors import MachineError, UsageError
from ai_scientist.executors.cluster import JobLost
from ai_scientist.interrupts import SIGNALS
from ai_scientist.lab import Engine, JobId

NAMESPACE = "ai-scientist"
ADDRESS = "RAY_ADDRESS"  # Ray's own variable: what a process connects to that is told nothing else
SHARED = "AI_SCIENTIST_RAY"  # the cluster that a batch has started for its studies
TICK_SECONDS = 0.5
END_SECONDS = 12.0  # for an actor to end what it runs, before it is killed
LINES_KEPT = 1000
AT_A_TIME = 4  # calls that an actor answers at once: the run, what it printed, its end


class Ended(Exception):
    """Raised within the actor: its caller wants it to end."""


class Seat:
    """The actor: calls the function in one thread, and answers in others."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._unwanted = False
        self._over = threading.Event()

    def call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        try:
            return function(*arguments, self._lines.append, self._heed)
        finally:
            self._over.set()

    def news(self) -> list[str]:
        """The lines since the last time."""
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def end(self) -> None:
        """Have the call end what it runs, and wait for that."""
        self._unwanted = True
        self._over.wait(END_SECONDS)

    def _heed(self) -> None:
        if self._unwanted:
            raise Ended


class RayCalls:
    """Calls on the cluster of an engine, or on one that is started on this machine and ends with this process."""

    def __init__(self, engine: Engine) -> None:
        self._ray = connect(engine.address)
        self._place = place_of(engine)
        gpus = engine.gpus if engine.gpus is not None else int(self._ray.cluster_resources().get("GPU", 0) > 0)
        self._options = {"num_cpus": engine.cpus or 1, "num_gpus": gpus, "max_concurrency": AT_A_TIME}

    def call(
        self,
        place: Path,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        seconds: float,
        started: Callable[[JobId], None],
        output: Callable[[str], None],
        heed: Callable[[], None],
    ) -> Any:
        name = f"run-{uuid.uuid4().hex}"
        started(JobId("ray", name, self._place))
        try:
            actor = self._ray.remote(Seat).options(name=name, **self._options).remote()
            try:
                self._news(actor, heed)  # answered as soon as it has a place
                return self._called(actor, function, arguments, output, heed)
            finally:
                self._ray.kill(actor)
        except self._ray.exceptions.RayError as error:
            raise JobLost(_why(error)) from None

    def _called(
        self,
        actor: Any,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        output: Callable[[str], None],
        heed: Callable[[], None],
    ) -> Any:
        done, over = actor.call.remote(function, arguments), False
        try:
            while not over:
                over = bool(self._ray.wait([done], timeout=TICK_SECONDS)[0])
                heed()
                for line in self._news(actor, heed):
                    output(line)
        finally:
            if not over:
                with contextlib.suppress(self._ray.exceptions.RayError):
                    self._ray.get(actor.end.remote(), timeout=END_SECONDS)
        return self._ray.get(done)

    def _news(self, actor: Any, heed: Callable[[], None]) -> list[str]:
        news = actor.news.remote()
        while not self._ray.wait([news], timeout=TICK_SECONDS)[0]:
            heed()
        return list(self._ray.get(news))


def place_of(engine: Engine) -> str:
    """The address of the engine's cluster, "" for one that is started here."""
    return engine.address or os.environ.get(ADDRESS, "")


def end(job: JobId) -> bool:
    """End the actor of an interrupted study if it is still there; whether it was."""
    if not job.place:  # on a cluster that ended with the process that started it
        return False
    try:
        ray = connect(job.place)
    except MachineError:  # where no cluster is, no actor of it is either
        return False
    try:
        ray.kill(ray.get_actor(job.name, namespace=NAMESPACE))
    except ValueError:
        return False
    return True


def connect(address: str) -> Any:
    """Ray, connected once in a process: to this address, else to RAY_ADDRESS, else to a cluster that is started here.

    Raises UsageError where Ray is not installed, MachineError where there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError('--executor ray needs Ray: pip install "ai-scientist[ray]"') from None
    if ray.is_initialized():
        return ray
    known = address or os.environ.get(ADDRESS, "")
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        ray.init(
            address=known or os.environ.get(SHARED) or "local",
            namespace=NAMESPACE,
            include_dashboard=None if known or SHARED in os.environ else False,
            configure_logging=False,
            log_to_driver=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise MachineError(f"cannot connect to Ray at {known or 'this machine'}: {_first_line(error)}") from None
    finally:
        for number, handler in before.items():  # Ray takes SIGTERM for itself
            signal.signal(number, handler)
    return ray


def share(address: str) -> None:
    """Start or join the cluster, so that the processes that this one starts find it by their environment."""
    ray = connect(address)
    os.environ[SHARED] = ray.get_runtime_context().gcs_address


def _why(error: Exception) -> str:
    cause = getattr(error, "cause", None)
    return _first_line(cause if isinstance(cause, MachineError) else error)


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]
