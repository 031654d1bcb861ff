"""Runs that see the devices that they were given, and no other."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ai_scientist.lab import CPU, Command, Executor, Exit, Limits, RunningId


def pinned(command: Command, devices: Sequence[str], threads: int | None = None) -> Command:
    """The command on these devices ("cpu", or GPUs as in CUDA_VISIBLE_DEVICES), with at most so many threads."""
    own = dict(command.environment)
    if CPU not in devices:
        own["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    if threads is not None:
        asked = own.get("OMP_NUM_THREADS", "")  # the template's, which may be anything
        own["OMP_NUM_THREADS"] = str(min(threads, int(asked)) if asked.isdecimal() else threads)
    return replace(command, environment=own)


class Pinned:
    """An executor whose runs see these devices."""

    def __init__(self, executor: Executor, devices: Sequence[str]) -> None:
        self._executor = executor
        self._devices = devices

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        return self._executor.run(pinned(command, self._devices), limits, started, output)
