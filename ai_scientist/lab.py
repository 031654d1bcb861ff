"""The seams of a study: where the world begins, and the values that cross there.

A `Lab` is the frozen bundle of seams that a study is done with: the coding agent, the executor of commands, the
sandbox that they run in, and the screen on which a person follows it, each a protocol.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ai_scientist.sandbox import Confinement, Sandbox
from ai_scientist.study.folder import StudyFolder
from ai_scientist.template import Template

# The device of a machine without a GPU.
CPU = "cpu"

EditStatus = Literal["applied", "unchanged", "malformed", "forbidden"]
EngineName = Literal["local", "ray", "slurm"]
ExitReason = Literal["exited", "timed_out", "stalled", "memory", "output", "processes", "disk"]


@dataclass(frozen=True)
class Turn:
    """Which call of the coding agent this is; recordings and transcripts find their replies by it.

    `number` counts the turns of the study from 1. `purpose` says what is asked for ("run", "notes", "plot",
    "describe", "claims"); `run` and `attempt` are the run spoken of (0 where none is) and the how-manieth try this is.
    """

    number: int
    purpose: str
    run: int
    attempt: int

    @property
    def key(self) -> str:
        """The name of the turn in recordings, "run_2.attempt_1" or "plot.attempt_1", say."""
        about = f"run_{self.run}" if self.purpose == "run" else self.purpose
        return f"{about}.attempt_{self.attempt}"


@dataclass(frozen=True)
class Usage:
    """What a turn took: requests sent, tokens, and USD (None where the model's price is not known)."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= it < math.inf for it in vars(self).values() if it is not None):
            raise ValueError(f"{self} is no usage: it would make room in a budget")

    def __add__(self, other: "Usage") -> "Usage":
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            cost,
        )


@dataclass(frozen=True)
class Edit:
    """What a turn changed on disk: all of a reply's blocks or, unless `status` is "applied", nothing.

    `files` are the files that changed, `detail` says in words for the agent what was wrong, `reply` is the last reply.
    """

    status: EditStatus
    files: tuple[str, ...]
    detail: str
    reply: str
    usage: Usage


@dataclass(frozen=True)
class Limits:
    """What a command may take; None is no limit. Bytes and seconds."""

    seconds: float
    stall_seconds: float | None = None
    memory_bytes: int | None = None
    output_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None


@dataclass(frozen=True)
class ProcessId:
    """A process beyond doubt: a pid is used again, a pid with its start time (clock ticks since boot) is not."""

    pid: int
    started: int


@dataclass(frozen=True)
class JobId:
    """A job on a cluster, by the name that it was given before it was submitted, and where that name is known.

    `place` is the address of a Ray cluster, "" for one that lives and dies with its study, or a job's folder of Slurm.
    """

    engine: EngineName
    name: str
    place: str


RunningId = ProcessId | JobId
"""What an interrupted study left running is found by."""


@dataclass(frozen=True)
class Engine:
    """Where runs are carried out: on this machine, or by the engine of a cluster.

    `address` is that of a Ray cluster ("": one is started here), `options` are for Slurm's sbatch; `gpus` and `cpus`
    are what each run is given, None for what the engine gives by itself.
    """

    name: EngineName = "local"
    address: str = ""
    options: tuple[tuple[str, str], ...] = ()
    gpus: int | None = None
    cpus: int | None = None


@dataclass(frozen=True)
class Task:
    """What a command of a study is before it is tied to a machine: the interpreter's arguments, and what it may do.

    `variables` are the template's own, and hold inside the sandbox alone; the rest of the environment belongs to the
    machine, and so does the sandbox.
    """

    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    confinement: Confinement
    sandboxed: bool


@dataclass(frozen=True)
class Exit:
    """How a command ended. `code` is negative for a signal, as in subprocess; `detail` names the limit reached."""

    reason: ExitReason
    code: int
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Command:
    """A command to be executed: its arguments, where, with which environment, and where its output goes.

    `writable` are the folders that it writes to, for the limit of the disk. `init`: its first process belongs to a
    sandbox, and would take the others with it, so that it is spared when they are asked to end. `computes`: it needs
    the device for itself.

    `heed` is called several times a second while it runs; what it raises ends the command and is passed on. `say` takes
    a line for the person. `task` is the same for any machine, None where it belongs to this one.

    `cold`, where it is given: an executor may fork the task from a parent that it keeps warm. It is told why where that
    should be and is not so, once for each reason.
    """

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    stdout: Path
    stderr: Path
    writable: Sequence[Path] = field(default=())
    init: bool = False
    heed: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda _: None
    computes: bool = False
    task: Task | None = None
    cold: Callable[[str], None] | None = None


class CodingAgent(Protocol):
    """Changes the files of a study as a prompt asks."""

    def edit(self, prompt: str, turn: Turn) -> Edit:
        """Do one turn. Raises ProviderError where the model's side fails; never for what the model writes."""
        ...


class Executor(Protocol):
    """Executes commands: on this machine, or on another."""

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        """Run to the end. `started` is called before the command is let go, `output` with each whole line of stdout.

        On a cluster `started` is called again for a job that takes the place of one that was lost with its node.
        Raises MachineError where the machine or the cluster fails; never for what the command does.
        """
        ...


class Screen(Protocol):
    """Where a person follows a study."""

    def doing(self, text: str, run: int, attempt: int, expected_seconds: float | None) -> None:
        """Something that takes a while begins: a turn, or an attempt of a run (0 and 0 where it is none)."""
        ...

    def spoken(self, turn: Turn, prompt: str, reply: str) -> None:
        """A turn is over: what was asked and what the agent replied."""
        ...

    def output(self, line: str) -> None:
        """A line that the running experiment printed."""
        ...

    def say(self, text: str) -> None:
        """A line for the person and the log."""
        ...

    def ask(self, question: str) -> str | None:
        """What the person answers in the terminal; None at its end."""
        ...


@dataclass(frozen=True)
class Lab:
    """What a study is done with. `cache` is the folder for measured baselines.

    `spent` tells the seconds that were worked on the study so far, and those of them in which its runs ran.
    `answered` tells whether the reply to the turn of that number is there already, from before an interruption.
    """

    agent: CodingAgent
    executor: Executor
    screen: Screen
    template: Template
    folder: StudyFolder
    cache: Path
    sandbox: Sandbox
    spent: Callable[[], tuple[float, float]]
    answered: Callable[[int], bool] = lambda _: False
