"""Which devices the runs of a batch are given."""

import os
from dataclasses import dataclass

from ai_scientist.batch.scheduler import STUDIES_A_DEVICE
from ai_scientist.errors import UsageError
from ai_scientist.flags import Flags
from ai_scientist.lab import CPU, Engine
from ai_scientist.machine import Machine


@dataclass(frozen=True)
class Machines:
    """The devices that runs are given, and how many runs share one. `in_flight` None: as many as keep them busy."""

    devices: tuple[str, ...] = (CPU,)
    devices_per_run: int = 1
    runs_per_device: int = 1
    in_flight: int | None = None

    @property
    def threads(self) -> int:
        """The processor's cores for each run, where all devices are busy."""
        runs = max(1, len(self.devices) * self.runs_per_device // self.devices_per_run)
        return max(1, len(os.sched_getaffinity(0)) // runs)


def jobs(engine: Engine, parallel: int | None, device: str) -> Machines:
    """What a batch asks of a cluster: a job for each study in flight; which device it gets is the engine's affair."""
    room = parallel or STUDIES_A_DEVICE
    return Machines((CPU if device == CPU else engine.name,), runs_per_device=room, in_flight=room)


def machines(flags: Flags, machine: Machine) -> Machines:
    """What the flags say of the devices of this machine. Raises UsageError for a device that is not there."""
    gpus = flags.gpus or machine.gpus or (CPU,)
    missing = [name for name in flags.gpus or () if name not in machine.gpus]
    if missing:
        known = ", ".join(machine.gpus) or "none, as the torch of --python sees it"
        raise UsageError(f"--gpus {', '.join(missing)}: there is no such GPU (there are: {known})")
    each = flags.value("gpus_per_run")
    if each > len(gpus):
        raise UsageError(f"--gpus-per-run {each}: there are only {len(gpus)} (see --gpus)")
    return Machines(gpus, each, flags.value("runs_per_gpu"), flags.parallel)
