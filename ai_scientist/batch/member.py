"""One study of a batch, in a process of its own: what it shares with the others, it asks for over its pipe."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from rich.console import Console

from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.batch import messages
from ai_scientist.batch.jobs import Job
from ai_scientist.console.screens import PROGRESS, Log, PlainScreen, clean, percent, title
from ai_scientist.errors import AIScientistError, LimitReached
from ai_scientist.executors.choose import executor_for
from ai_scientist.executors.local import LocalExecutor
from ai_scientist.executors.pinned import pinned
from ai_scientist.interrupts import held_back, interrupt, interruptible, no_more
from ai_scientist.lab import Command, Executor, Exit, Limits, RunningId, Usage
from ai_scientist.surroundings import Surroundings
from ai_scientist.template import Template

ADVANCE_SECONDS = 0.5


def pursue(job: Job, pipe: Connection, threads: int, environment: dict[str, str]) -> None:
    """The main function of the process. Its `environment` is the batch's, not that of the process it is forked from."""
    threading.Thread(target=_stop_with_the_batch, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    line = Line(pipe)
    complete, message = False, ""
    of_all: list[str] = []
    with open(os.devnull, "w") as nowhere, interruptible():  # noqa: PTH123
        console = Console(file=nowhere)
        around = Surroundings(
            console,
            lambda log, template, console: MemberScreen(log, template, console, line),
            lambda setup: Queued(executor_for(setup.engine, LocalExecutor()), line, threads),
            lambda model, setup, _: Shared(model, line),
            lambda _: line.ask(messages.AskSpent()),
            line.why_stopped,
            of_all.append,
        )
        try:
            complete = job.work(around)
        except AIScientistError as error:
            message = str(error)
        except KeyboardInterrupt:
            message = line.why_stopped()
        finally:
            no_more()
    line.tell(messages.Ended(complete, message, "".join(of_all)))
    sys.exit(0 if complete else 1)


def _stop_with_the_batch() -> None:
    """Where the batch itself was killed, its members stop, resumably."""
    batch = multiprocessing.parent_process()
    assert batch is not None
    batch.join()
    os.kill(os.getpid(), signal.SIGTERM)


class Line:
    """A member's end of the pipe. Where the other end is gone, that is an interruption."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._stopped = ""

    def tell(self, message: messages.Message) -> None:
        """Say something that needs no answer."""
        with held_back(), suppress(OSError):
            self._pipe.send(message)

    def ask(self, message: messages.Message) -> Any:
        """Say something, and wait for the answer."""
        self.tell(message)
        try:
            self._pipe.poll(None)
            with held_back():  # a message that is read by halves would make nonsense of the next
                answer = self._pipe.recv()
        except (EOFError, OSError):
            interrupt()
        if isinstance(answer, Stop):
            self._stopped = answer.reason
            interrupt()
        return answer

    def why_stopped(self) -> str:
        """The reason that the batch gave for an interruption."""
        with suppress(EOFError, OSError):
            while not self._stopped and self._pipe.poll():
                said = self._pipe.recv()
                self._stopped = said.reason if isinstance(said, Stop) else ""
        return self._stopped or "interrupted"


@dataclass(frozen=True)
class Stop:
    """From the batch to a member, before it is interrupted: why."""

    reason: str


class Queued:
    """An executor whose runs wait for a device, and see no other."""

    def __init__(self, executor: Executor, line: Line, threads: int) -> None:
        self._executor = executor
        self._line = line
        self._threads = threads

    def run(
        self,
        command: Command,
        limits: Limits,
        started: Callable[[RunningId], None],
        output: Callable[[str], None],
    ) -> Exit:
        if not command.computes:
            return self._executor.run(command, limits, started, output)
        devices = self._line.ask(messages.Want())
        try:
            return self._executor.run(pinned(command, devices, self._threads), limits, started, output)
        finally:
            self._line.tell(messages.Release())


class Shared:
    """A model that is asked only where the batch has money for it."""

    def __init__(self, model: LanguageModel, line: Line) -> None:
        self._model = model
        self._line = line
        self.name = model.name

    def ceiling(self, request: Request) -> Usage:
        return self._model.ceiling(request)

    def reply(self, request: Request) -> Reply:
        if refused := self._line.ask(messages.Reserve(self._model.ceiling(request))):
            raise LimitReached(refused)
        took = Usage()
        try:
            reply = self._model.reply(request)
            took = reply.usage
        finally:
            self._line.tell(messages.Settle(took))
        return reply


class MemberScreen(PlainScreen):
    """Shows a study to the batch."""

    def __init__(self, log: Log, template: Template, console: Console, line: Line) -> None:
        super().__init__(log, template, console)
        self._line = line
        self._advanced = 0.0
        line.tell(messages.Began(str(log.path.parent)))

    def doing(self, text: str, run: int, attempt: int, expected_seconds: float | None) -> None:
        self._line.tell(messages.Doing(title(text, attempt), expected_seconds))

    def output(self, line: str) -> None:
        if time.monotonic() < self._advanced + ADVANCE_SECONDS:
            return
        if match := PROGRESS.fullmatch(clean(line)):
            self._advanced = time.monotonic()
            self._line.tell(messages.Advanced(percent(match), (match.group(3) or "")[:200]))

    def _print(self, text: str) -> None:
        self._line.tell(messages.Said(text))
