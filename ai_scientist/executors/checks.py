"""Which limit a command has reached: of time, life, output, processes, memory, disk."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from ai_scientist.executors import tree
from ai_scientist.executors.capture import Capture
from ai_scientist.executors.cgroup import Group
from ai_scientist.executors.held import Held, held
from ai_scientist.folders import Overgrown
from ai_scientist.lab import ExitReason, Limits

MEASURE_SECONDS = 0.5
DISK_SECONDS = 2.0
THREADS_A_PROCESS = 8  # for each process that a run may have: numeric libraries make as many as there are cores
Reached = tuple[ExitReason, str]
"""The limit that ended a command, and what to say of it."""


class Checks:
    """Measures one command, beneath the supervisor `pid`. `seen`: the processes that it last had."""

    def __init__(self, limits: Limits, writable: Sequence[Path], pid: int, begun: float) -> None:
        self._limits = limits
        self._writable = writable
        self._pid = pid
        self._begun = begun
        self._life, self._alive = (0, 0.0), begun
        self._held = Held()
        self.seen: list[psutil.Process] = []

    def each(self, capture: Capture) -> Iterator[Reached | None]:
        """The limit that is reached now, if one is; asked again and again."""
        measured = walked = self._begun
        while True:
            now = time.monotonic()
            reached = self._out_of_time(now) or self._too_much_printed(capture)
            if reached is None and now - measured > MEASURE_SECONDS:
                measured = now
                self.seen = tree.members(self._pid) or self.seen  # empty: the supervisor is gone
                used = tree.use(self.seen)
                reached = self._stalled(now, capture.total, used) or self._too_many(used) or self._too_much_used(used)
            if reached is None and now - walked > DISK_SECONDS:
                walked = now
                self._held = held(self.seen)
                reached = self.too_much_written()
            yield reached

    def too_much_written(self) -> Reached | None:
        """Whether more lies in its folders than may be; they are walked through for it."""
        limit = self._limits.disk_bytes
        if limit is None:
            return None
        try:
            written = tree.disk_bytes(self._writable) + self._held.disk_bytes
        except Overgrown as error:
            return "disk", f"Its folder has {error.why}."
        if written <= limit:
            return None
        return "disk", f"It wrote {written:,} bytes to its folder; the limit is {limit:,}."

    def _out_of_time(self, now: float) -> Reached | None:
        seconds = self._limits.seconds
        return ("timed_out", f"It was ended after {seconds:g} seconds.") if now - self._begun > seconds else None

    def _too_much_printed(self, capture: Capture) -> Reached | None:
        return ("output", f"It printed more than {self._limits.output_bytes:,} bytes.") if capture.over else None

    def _stalled(self, now: float, printed: int, used: tree.Use) -> Reached | None:
        if (printed, used.cpu_seconds) != self._life:
            self._life, self._alive = (printed, used.cpu_seconds), now
        limit = self._limits.stall_seconds
        if limit is None or now - self._alive <= limit:
            return None
        return "stalled", f"It neither printed anything nor used the processor for {limit:g} s."

    def _too_many(self, used: tree.Use) -> Reached | None:
        limit, count = self._limits.processes, used.processes - 1
        if limit is None:
            return None
        if count > limit:
            return "processes", f"It had {count} processes; at most {limit} are allowed."
        if self._held.threads > THREADS_A_PROCESS * limit:
            return "processes", f"It had {self._held.threads} threads; at most {THREADS_A_PROCESS * limit} are allowed."
        return None

    def _too_much_used(self, used: tree.Use) -> Reached | None:
        limit = self._limits.memory_bytes
        if limit is None or used.resident_bytes + self._held.memory_bytes <= limit:
            return None
        memory = tree.memory_bytes(self.seen, self._held.memory_bytes)
        return ("memory", f"It used {memory:,} bytes of memory; the limit is {limit:,}.") if memory > limit else None


def held_by_the_kernel(group: Group, limits: Limits) -> Reached | None:
    """The limit of its control group that a command which failed has run into."""
    reason = group.reached()
    if reason == "memory" and limits.memory_bytes is not None:
        return reason, f"It used more memory than {limits.memory_bytes:,} bytes, the limit."
    if reason == "processes" and limits.processes is not None:  # else it was a limit around all of us
        return reason, f"It had more processes and threads than the limit of {limits.processes} allows."
    return None
