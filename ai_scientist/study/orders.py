"""What a person asks of a study while it runs: orders in its inbox, a file each, heeded exactly once.

The journal is locked by the process that works on the study, so an order is a file in `control/`, written whole or not
at all. That process takes it up between two steps (to stop, or to skip a run, while a run is going on, too): it writes
the order to the journal and then removes the file. A file whose order is in the journal already is only removed, so
that being killed in between changes nothing.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from ai_scientist.errors import StoppedByPerson
from ai_scientist.files import UnreadableFile, read_text, write_text
from ai_scientist.study.folder import StudyFolder

if TYPE_CHECKING:
    from ai_scientist.lab import Lab
    from ai_scientist.study.execution import Record
    from ai_scientist.study.state import State

MAX_BYTES = 100_000
POLL_SECONDS = 0.3
NO_RUN = -1  # plot.py, or waiting for a provider: it can be stopped, and not skipped
Action = Literal["tell", "pause", "resume", "stop", "stop-after-run", "skip-run"]


@dataclass(frozen=True)
class Order:
    """One order. `id` is the name of its file and sorts by time; `text` is for "tell".

    `run` is the run that was worked on as it was given, 0 for the baseline: for "skip-run" and "stop-after-run".
    """

    id: str
    action: Action
    text: str = ""
    run: int = 0


class RunSkipped(Exception):
    """A person wants the run to end that is going on, and the study to go on with the next one."""


def give(folder: StudyFolder, action: Action, text: str = "", run: int = 0) -> None:
    """Put an order into the inbox of a study."""
    order = Order(f"{time.time_ns():020}-{os.getpid()}", action, text, run)
    folder.control.mkdir(exist_ok=True)
    write_text(folder.order(order.id), json.dumps(asdict(order)))


def waiting(folder: StudyFolder) -> list[Order]:
    """The orders in the inbox, oldest first; what is no order is passed over."""
    found = []
    for path in folder.orders():
        try:
            order = TypeAdapter(Order).validate_json(read_text(path, MAX_BYTES))
        except (UnreadableFile, ValidationError):
            continue
        if order.id == path.stem:
            found.append(order)
    return found


def heeded(current: Callable[[], "State"], lab: "Lab", record: "Record") -> "State":
    """The state after the orders that wait, before the next step; where one says so, only once it may go on.

    Raises StoppedByPerson where the study is to stop here.
    """
    while not (state := current()).ended:
        for order in waiting(lab.folder):
            if order.action == "tell" and lab.answered(len(state.turns) + 1):
                continue  # the reply to the next prompt is there since before an interruption: it is for the one after
            _take_up(order, current(), lab.folder, record)
        state = current()
        if state.last_run is not None and state.baseline and (state.over or state.run > state.last_run):
            raise StoppedByPerson("a person asked it to stop after the run.")
        if not state.paused:
            break
        time.sleep(POLL_SECONDS)
    return state


def while_running(folder: StudyFolder, run: int, record: "Record") -> None:
    """Look for what ends a run, or a waiting, at once. Raises StoppedByPerson, or RunSkipped for that very run."""
    from ai_scientist.study.events import Steered

    for order in waiting(folder):
        if order.action == "stop" or (order.action == "skip-run" and order.run == run > 0):
            record(Steered(order))
            folder.order(order.id).unlink(missing_ok=True)
            raise StoppedByPerson("a person asked it to stop.") if order.action == "stop" else RunSkipped


def _take_up(order: Order, state: "State", folder: StudyFolder, record: "Record") -> None:
    from ai_scientist.study.events import Steered

    known = order.id in state.orders
    if not known:
        record(Steered(order))
    folder.order(order.id).unlink(missing_ok=True)
    if order.action == "stop" and not known:
        raise StoppedByPerson("a person asked it to stop.")
