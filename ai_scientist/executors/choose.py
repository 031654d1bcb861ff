"""Which executor carries runs out, and who ends what an interrupted study left. Engines are imported when chosen."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ai_scientist.errors import UsageError
from ai_scientist.executors.local import LocalExecutor, end_orphan
from ai_scientist.executors.options import OF_AN_ENGINE
from ai_scientist.executors.pinned import Pinned
from ai_scientist.flags import Flags
from ai_scientist.lab import Engine, Executor, JobId, RunningId

if TYPE_CHECKING:
    from ai_scientist.executors.cluster import Calls, Node

LOOK_SECONDS = 600.0  # for torch to be imported from a slow file system, and more


def engine_for(flags: Flags, before: Engine) -> Engine:
    """The engine that the flags ask for, else that of before. Raises UsageError for flags of another engine."""
    name = flags.executor or before.name
    before = before if name == before.name else Engine()
    for other, flag in OF_AN_ENGINE.items():
        if getattr(flags, flag) is not None and other != name:
            raise UsageError(f"--{flag.replace('_', '-')} belongs to --executor {other}")
    if name == "local":
        if flags.cpus_per_run:
            raise UsageError("--cpus-per-run is for a cluster (--executor ray or slurm); here runs share what there is")
        return Engine()
    if flags.gpus or flags.runs_per_gpu:
        raise UsageError(
            f"gpus and runs-per-gpu are for this machine; for {name} use --gpus-per-run (if a configuration file says "
            f"them, give --executor {name} here)"
        )
    return Engine(
        name,
        flags.ray_address or before.address,
        flags.slurm_options or before.options,
        flags.gpus_per_run or before.gpus,
        flags.cpus_per_run or before.cpus,
    )


def executor_for(engine: Engine, here: LocalExecutor, gpus: Sequence[str] | None = None) -> Executor:
    """The executor of an engine; `here` runs see these GPUs alone. Raises UsageError for a missing extra."""
    if engine.name == "local":
        return Pinned(here, gpus) if gpus else here
    from ai_scientist.executors.cluster import ClusterExecutor

    return ClusterExecutor(_calls(engine), engine)


@cache
def node_of(
    engine: Engine, python: str, place: Path, say: Callable[[str], None], *, sandboxed: bool, torch: bool
) -> "Node":
    """What runs will find on the cluster: a job looks, once. Raises MachineError where they cannot be done there."""
    from ai_scientist.executors.cluster import checked, insisted, look

    say(f"looking at a node of the cluster (--executor {engine.name}); this waits until there is room on one ...")
    nothing = lambda _=None: None  # noqa: E731
    arguments = (python, sandboxed, torch)
    calls = _calls(engine)
    return checked(insisted(lambda: calls.call(place, look, arguments, LOOK_SECONDS, nothing, nothing, nothing), say))


def share(engine: Engine) -> None:
    """Before other processes are started that will use the engine: those of Ray shall use one cluster together."""
    if engine.name == "ray":
        from ai_scientist.executors import ray_executor

        ray_executor.share(engine.address)


def _calls(engine: Engine) -> "Calls":
    if engine.name == "slurm":
        from ai_scientist.executors.slurm_executor import SlurmCalls

        return SlurmCalls(engine)
    from ai_scientist.executors.ray_executor import RayCalls

    return RayCalls(engine)


def end_left(running: RunningId, engine: Engine) -> bool:
    """End what an interrupted study left running, here or on its cluster; whether it was still there.

    A Ray cluster is connected to only where `engine`, in force now, names it: the record may be another's. Ray ends by
    itself what belongs to a process that is gone.
    """
    if not isinstance(running, JobId):
        return end_orphan(running)
    if running.engine == "slurm":
        from ai_scientist.executors import slurm_executor

        return slurm_executor.end(running)
    from ai_scientist.executors import ray_executor

    return engine.name == "ray" and running.place == ray_executor.place_of(engine) and ray_executor.end(running)
