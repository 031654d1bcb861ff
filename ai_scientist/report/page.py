"""The content of report.html as plain data: what the page says, before any HTML."""

from dataclasses import dataclass
from datetime import datetime

from ai_scientist.console import wording
from ai_scientist.report.answer import Answer, answer
from ai_scientist.report.ledger import Item, ledger, local
from ai_scientist.report.notebook import Notebook, notebook
from ai_scientist.report.pictures import Picture, pictures
from ai_scientist.report.runs import Output, Run, output_in, runs
from ai_scientist.report.standing import MEANING, WORKED_ON, Standing
from ai_scientist.report.study import Study
from ai_scientist.report.surroundings import Command, Fact, again, at_a_glance, environment, limits
from ai_scientist.report.text import beginning_and_end
from ai_scientist.study.steps import DONE, next_step


@dataclass(frozen=True)
class Exchange:
    """A request and its reply; `spent` is what it took."""

    title: str
    spent: str
    said: str
    reply: str


@dataclass(frozen=True)
class Page:
    """Everything that the page shows. `remarks` are what is not as it should be; `gaps` what is missing or damaged."""

    title: str
    question: str
    standing: Standing
    standing_meaning: str
    doing: str
    remarks: tuple[str, ...]
    gaps: tuple[str, ...]
    glance: tuple[Fact, ...]
    answer: Answer
    pictures: tuple[Picture, ...]
    runs: tuple[Run, ...]
    plotting: Output | None
    notebook: Notebook
    ledger: tuple[Item, ...]
    limits: tuple[Fact, ...]
    environment: tuple[Fact, ...]
    system: str
    exchanges: tuple[Exchange, ...]
    commands: tuple[Command, ...]
    folder: str
    written: str


def page(study: Study, now: datetime, *, most: int, room: int) -> Page:
    """The page of a study: texts are cut to about `most` characters each, pictures to `room` characters together."""
    state = study.state
    setup = state.setup
    plotting = study.folder.plot_output
    messages = study.exchanges[0].messages if study.exchanges else ()
    return Page(
        study.title,
        setup.idea.experiment if setup else "",
        study.standing,
        MEANING[study.standing],
        _doing(study),
        (*((state.stopped,) if state.stopped else ()), *(state.ended.remarks if state.ended else ())),
        study.gaps,
        at_a_glance(study),
        answer(study),
        pictures(study.folder.plots(), room),
        runs(study, most),
        output_in(study, plotting, most) if plotting.is_dir() else None,
        notebook(study, 10 * most),
        ledger(study, most),
        limits(study),
        environment(study),
        next((it.get("content", "")[:most] for it in messages if it.get("role") == "system"), ""),
        _exchanges(study, most),
        again(study),
        study.folder.root.name,
        local(now),
    )


def _doing(study: Study) -> str:
    """What is being done now, "" where nobody works on the study."""
    if study.standing not in WORKED_ON or not study.state.setup:
        return ""
    if study.state.paused:
        return "paused by a person"
    process = study.state.process
    if process is not None:
        return "plot.py is running" if process.run < 0 else f"run {process.run}, attempt {process.attempt}, is running"
    step = next_step(study.state)
    return "" if step is DONE else f"next: {type(step).__name__}"


def _exchanges(study: Study, most: int) -> tuple[Exchange, ...]:
    return tuple(
        Exchange(
            f"Turn {it.turn}: {f'run {it.run}' if it.purpose == 'run' else it.purpose}, attempt {it.attempt}"
            + (f", request {it.index + 1}" if it.index else ""),
            f"{it.model} · {wording.spent(it.usage)}",
            beginning_and_end(it.said, most, study.folder.transcript.name),
            beginning_and_end(it.reply, most, study.folder.transcript.name),
        )
        for it in study.exchanges
    )
