"""Many ideas at once: a process a study, devices given out by the scheduler, one purse, one table."""

import multiprocessing
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from ai_scientist.batch import messages
from ai_scientist.batch.board import Board
from ai_scientist.batch.jobs import Job
from ai_scientist.batch.machines import Machines
from ai_scientist.batch.member import Stop, pursue
from ai_scientist.batch.purse import Purse
from ai_scientist.batch.scheduler import STUDIES_A_DEVICE, Scheduler
from ai_scientist.interrupts import held_back, no_more
from ai_scientist.lab import CPU
from ai_scientist.secrets import variables

TICK_SECONDS = 0.5
SAFE_PATH = "PYTHONSAFEPATH"
# What the members share: imported once, before they are forked.
PRELOADED = ["ai_scientist.batch.member", "ai_scientist.batch.preloaded"]


def pursue_all(jobs: Sequence[Job], machines: Machines, purse: Purse, board: Board) -> bool:
    """Work on all studies; whether every one of them is complete. Ctrl-C stops them all, resumably."""
    batch = _Batch(jobs, machines, purse, board)
    interrupted = False
    with board:
        try:
            batch.work()
        except KeyboardInterrupt:
            no_more()
            interrupted = True
            batch.stop("interrupted")
            batch.work()
    board.close(purse.usage, purse.spent()[0])
    if interrupted:
        raise KeyboardInterrupt
    return board.all_complete


class _Batch:
    def __init__(self, jobs: Sequence[Job], machines: Machines, purse: Purse, board: Board) -> None:
        self._jobs = jobs
        self._machines = machines
        self._purse = purse
        self._board = board
        in_flight = machines.in_flight or STUDIES_A_DEVICE * len(machines.devices) * machines.runs_per_device
        self._scheduler = Scheduler(
            machines.devices,
            len(jobs),
            in_flight,
            runs_per_device=machines.runs_per_device,
            devices_per_run=machines.devices_per_run,
        )
        self._members: dict[Connection, tuple[int, BaseProcess]] = {}
        self._stopped = ""  # why, once it is stopped
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        _started_safely()

    def work(self) -> None:
        """Return when every study has ended."""
        while True:
            with held_back():
                for number in self._scheduler.begin():
                    self._begin(number)
            if not self._members:
                return
            ready = wait(list(self._members), TICK_SECONDS)
            with held_back():  # a message read by halves, a member that nobody knows of: neither could be stopped
                self._answer_all(ready)

    def _answer_all(self, ready: Iterable[object]) -> None:
        for pipe in ready:
            assert isinstance(pipe, Connection)
            self._hear(pipe)
        for number, devices in self._scheduler.give():
            self._purse.starts(number, devices)
            self._answer(number, devices)
        if reason := self._purse.used_up(for_gpu=self._machines.devices != (CPU,)):
            self.stop(reason)

    def stop(self, reason: str) -> None:
        """Begin nothing more, and let each member stop resumably."""
        if self._stopped:
            return
        self._stopped = reason
        self._scheduler.stop()
        for pipe, (_, process) in self._members.items():
            with suppress(OSError):
                pipe.send(Stop(reason))
            process.terminate()

    def _begin(self, number: int) -> None:
        ours, theirs = self._context.Pipe()
        arguments = (self._jobs[number], theirs, self._machines.threads, variables())
        process = self._context.Process(target=pursue, args=arguments)
        process.start()
        theirs.close()
        self._members[ours] = (number, process)

    def _hear(self, pipe: Connection) -> None:
        number, process = self._members[pipe]
        try:
            message: messages.Message = pipe.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            del self._members[pipe]
            self._scheduler.end(number)
            self._purse.forget(number)
            self._board.gone(number, process.exitcode, self._stopped)
            return
        self._board.show(number, message)
        match message:
            case messages.Want():
                self._scheduler.want(number)
            case messages.Release():
                self._scheduler.release(number)
                self._purse.ends(number)
            case messages.Reserve():
                self._answer(number, self._purse.reserve(number, message.ceiling))
            case messages.Settle():
                self._purse.settle(number, message.usage)
            case messages.Ended() if message.of_all:
                self.stop(message.of_all)
            case messages.AskSpent():
                self._answer(number, self._purse.spent())

    def _answer(self, number: int, answer: Any) -> None:
        for pipe, (other, _) in self._members.items():
            if other == number:
                with suppress(OSError):  # it is gone: its end of the pipe says so next
                    pipe.send(answer)


def _started_safely() -> None:
    """Start what members are forked from, which is a `python -c`: it must import nothing of the folder we are in."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop(SAFE_PATH)
        if before is not None:
            os.environ[SAFE_PATH] = before
