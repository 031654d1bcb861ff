"""Runs on a cluster, whichever its engine: sent there and back, and sent again where a node is lost."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ai_scientist import __version__, inside
from ai_scientist.errors import MachineError
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.executors.remote import carry_out, pack, receive
from ai_scientist.lab import CPU, Command, Engine, Exit, JobId, Limits, RunningId
from ai_scientist.machine import Machine, hardware, probe
from ai_scientist.sandbox.choose import choose

JOBS = 3  # that a run may be sent as before the study stops: a node that is lost is not the run's fault


RETURN_SECONDS = 120.0  # of a job's own time limit


class JobLost(Exception):
    """A job has no result, for a reason that is not the run's; `str` says it. Caught here, never shown as it is."""


class Calls(Protocol):
    """The engine of a cluster: it calls a function of this package on one of its machines."""

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
        """What `function(*arguments, output, heed)` returns there, with these callbacks or such as act the same.

        `place` is a folder of ours for what the engine must keep, `seconds` what the call may take. `started` is called
        before the job is submitted, `heed` several times a second: what it raises ends the job and is passed on.
        Raises JobLost where the job ended without a result, MachineError where it cannot be submitted.
        """
        ...


class ClusterExecutor:
    """Carries runs out on a cluster. What needs no device, plot.py above all, is done on this machine."""

    def __init__(self, calls: Calls, engine: Engine) -> None:
        self._calls = calls
        self._engine = engine
        self._here = LocalExecutor()

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        if command.task is None or not command.computes:
            return self._here.run(command, limits, started, output)
        if minutes := dict(self._engine.options).get("time"):  # the run ends in time to bring its folder back
            limits = replace(limits, seconds=min(limits.seconds, 60.0 * int(minutes) - RETURN_SECONDS))
        place, parcel = command.task.confinement.root, pack(command.task, limits, self._engine.cpus)

        def once() -> Exit:
            done = self._calls.call(place, carry_out, (parcel,), limits.seconds, started, output, command.heed)
            try:
                return receive(done, command)
            except MachineError as error:
                raise JobLost(str(error)) from None

        return insisted(once, command.say)


Result = TypeVar("Result")


def insisted(once: Callable[[], Result], say: Callable[[str], None]) -> Result:
    """The result, of up to three jobs. Raises MachineError where the last is lost as well."""
    for number in range(1, JOBS + 1):
        try:
            return once()
        except JobLost as lost:
            if number == JOBS:
                raise MachineError(
                    f"the cluster lost {JOBS} jobs in a row, the last so: {lost} Nothing is held against a run. "
                    f"Look at the nodes, then go on."
                ) from None
            say(f"a job was lost, and is sent again, to another node if there is one: {lost}")
    raise AssertionError


@dataclass(frozen=True)
class Node:
    """What runs find on a machine of the cluster, asked there. `problem` says why none can be done, "" if they can."""

    name: str
    machine: Machine
    hardware: str
    sandbox: str
    version: str
    problem: str


def look(python: str, sandboxed: bool, torch: bool, output: Callable[[str], None], heed: Callable[[], None]) -> Node:
    """Look at this machine as one that is to do runs. Raises UsageError and MachineError as for runs here."""
    machine = probe(python)
    sandbox = choose(allow_none=not sandboxed)
    problem = inside.problem(python, sandbox, machine.device) if torch or machine.device != CPU else ""
    return Node(socket.gethostname(), machine, hardware(), sandbox.name, __version__, problem)


def checked(node: Node) -> Node:
    """The node, if runs can be done there. Raises MachineError where they cannot."""
    if node.problem:
        raise MachineError(f"{node.name}: {node.problem}")
    if node.version != __version__:
        raise MachineError(f"{node.name} has ai-scientist {node.version}, and here is {__version__}: install the same.")
    return node
