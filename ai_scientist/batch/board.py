"""One table for all studies of a batch, live in a terminal; plain lines, each with its idea's name, elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ai_scientist.batch import messages
from ai_scientist.console import wording
from ai_scientist.lab import Usage
from ai_scientist.study.events import Setup

WAITING, QUEUED = "waits", "waits for a device"
NOTHING = Usage()


@dataclass(frozen=True)
class Row:
    """What is shown of a study."""

    name: str
    state: str = WAITING
    percent: float | None = None
    last: str = ""
    folder: str = ""
    usage: Usage = NOTHING
    complete: bool = False
    over: bool = False


class Board:
    """The screen of a batch; `all_complete` is known at the end. The others' `setup` is like this one."""

    def __init__(self, rows: Sequence[Row], console: Console, setup: Setup) -> None:
        self._setup = setup
        self._rows = list(rows)
        self._console = console
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Board":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @property
    def all_complete(self) -> bool:
        """Whether every study is complete."""
        return all(row.complete for row in self._rows)

    def show(self, number: int, message: messages.Message) -> None:
        """Take over what a study's process says."""
        row = self._rows[number]
        match message:
            case messages.Began():
                row = replace(row, folder=message.folder)
            case messages.Doing():
                row = replace(row, state=message.text, percent=None)
            case messages.Advanced():
                row = replace(row, percent=message.percent)
            case messages.Want():
                row = replace(row, state=f"{row.state} ({QUEUED})", percent=None)
            case messages.Release():
                row = replace(row, percent=None)
            case messages.Settle():
                row = replace(row, usage=row.usage + message.usage)
            case messages.Said():
                row = replace(row, last=message.text)
                self._say(row.name, message.text)
            case messages.Ended():
                state = "complete" if message.complete else "incomplete"
                row = replace(row, state=state, percent=None, complete=message.complete, over=True)
                if message.message and message.message != row.last.removeprefix("stopped: "):
                    self._say(row.name, message.message)
        self._rows[number] = row

    def gone(self, number: int, code: int | None, stopped: str = "") -> None:
        """A study's process is at its end; `stopped` is why the batch had it ended, where it did."""
        row = self._rows[number]
        if row.over:
            return
        if stopped and not row.folder:  # asked to end before it could listen, and say so itself
            self._say(row.name, f"stopped before its work began: {stopped}")
            self._rows[number] = replace(row, state="not begun", percent=None, over=True)
        else:
            self._say(row.name, f"its process died (exit code {code}); --resume goes on with it")
            self._rows[number] = replace(row, state="died", percent=None, over=True)

    def close(self, usage: Usage, seconds: float) -> None:
        """The table as it is at the end, and what all cost together."""
        self._rows = [replace(row, state="not begun") if row.state == WAITING else row for row in self._rows]
        self._console.print(self._table(final=True))
        self._console.print(f"cost: {wording.spent(usage)}; {wording.duration(seconds)}", highlight=False)
        if not self.all_complete:
            homes = {str(Path(row.folder).parent) for row in self._rows if row.folder and not row.complete}
            for home in sorted(homes):
                self._console.print(
                    f"Everything done so far is kept. Go on with all that is incomplete: "
                    f"{wording.to_resume(home, self._setup)}",
                    soft_wrap=True,
                    markup=False,
                    highlight=False,
                )
        if not_begun := [row.name for row in self._rows if not (row.folder or row.complete)]:
            self._console.print(wording.not_begun(not_begun), soft_wrap=True, markup=False, highlight=False)

    def _say(self, name: str, text: str) -> None:
        line = f"{datetime.now():%H:%M:%S} {name}: {text}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _table(self, *, final: bool = False) -> Table:
        table = Table(box=None if not final else Table().box, pad_edge=False)
        for column in ("idea", "state", *(() if final else ("",)), "cost", *(("folder",) if final else ())):
            table.add_column(column, overflow="fold" if column == "folder" else "ellipsis", no_wrap=column != "folder")
        for row in self._rows:
            style = "green" if row.complete else "red" if row.over else ""
            cells = [Text(row.name), Text(row.state, style=style)]
            if not final:
                cells.append(_bar(row))  # type: ignore[arg-type]
            cells.append(Text(wording.cost(row.usage) if row.usage.requests else ""))
            if final:
                cells.append(Text(_shown(row.folder)))
            table.add_row(*cells)
        return table


def _bar(row: Row) -> ProgressBar | Text:
    return Text("") if row.percent is None else ProgressBar(100, row.percent, width=20)


def _shown(folder: str) -> str:
    path, here = Path(folder), Path.cwd()
    return str(path.relative_to(here)) if folder and path.is_relative_to(here) else folder
