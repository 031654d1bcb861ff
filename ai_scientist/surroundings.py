"""Where a study is done: by itself in this process, or as one of several."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.transcript import Transcript
from ai_scientist.budget import Budgeted
from ai_scientist.console.screens import Log, PlainScreen, screen_for
from ai_scientist.executors.choose import executor_for
from ai_scientist.executors.warm import WarmExecutor
from ai_scientist.lab import Executor
from ai_scientist.study.events import Setup
from ai_scientist.study.journal import Journal, spent_seconds
from ai_scientist.template import Template


@dataclass(frozen=True)
class Surroundings:
    """What is different where a study is one of several: a study that is alone has its own console, machine and budget.

    `limited` puts the limits of what is spent before a live model, `spent` tells the seconds worked and run so far,
    `why` the reason of an interruption. `of_all` hears of an error that the other studies would meet, too. `warms`: the
    executor keeps warmed parents for runs, which `close` ends.
    """

    console: Console
    screen: Callable[[Log, Template, Console], PlainScreen]
    executor: Callable[[Setup], Executor]
    limited: Callable[[LanguageModel, Setup, Transcript], LanguageModel]
    spent: Callable[[Journal], tuple[float, float]]
    why: Callable[[], str]
    of_all: Callable[[str], None] = lambda _: None
    warms: bool = False
    close: Callable[[], None] = lambda: None


def alone(gpus: tuple[str, ...] | None = None) -> Surroundings:
    """The surroundings of a study that is done by itself, in this process; `gpus`: its runs see only these."""
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal  # a terminal wraps between words, a file keeps its lines whole
    executor = WarmExecutor()
    return Surroundings(
        console,
        screen_for(console),
        lambda setup: executor_for(setup.engine, executor, gpus),
        lambda model, setup, transcript: Budgeted(model, setup.budget, lambda: transcript.spent),
        lambda journal: spent_seconds(journal.entries, datetime.now(UTC)),
        lambda: "interrupted",
        warms=True,
        close=executor.close,
    )
