"""The two screens: a live view for a terminal, plain lines for everything else. Both write the study's log."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from ai_scientist.console import wording
from ai_scientist.errors import StudyError
from ai_scientist.lab import Turn
from ai_scientist.secrets import mask
from ai_scientist.study.events import Event
from ai_scientist.study.state import State
from ai_scientist.template import Template

# How an experiment reports its progress on stdout: "progress 1200/7500 x_plus_y seed 0: val_acc 0.31".
PROGRESS = re.compile(r"progress (\d{1,15})/(\d{1,15})(?: (.*))?")
PLAIN_SECONDS = 30.0
MAX_SHOWN = 200
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Text of a run, a model or a provider without secrets and without control characters that steer a terminal."""
    return _CONTROL.sub("", mask(text))


class Log:
    """log.txt: the readable log, a line an event, and every prompt and reply."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> None:
        """Append a line with the time of day."""
        try:
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {mask(text)}\n")
        except OSError as error:
            raise StudyError(f"cannot write {self.path}: {error.strerror}. Make space, then --resume.") from None

    def spoken(self, turn: Turn, prompt: str, reply: str) -> None:
        """Append a prompt and its reply."""
        rule = "-" * 30
        self.write(f"turn {turn.number}\n{rule} prompt {rule}\n{prompt}\n{rule} reply {rule}\n{reply}\n{rule}{rule}")


class PlainScreen:
    """Plain lines, for a file or a pipe: each event, and the progress of a run every half minute."""

    def __init__(self, log: Log, template: Template, console: Console) -> None:
        self._log = log
        self._template = template
        self._console = console
        self._quiet_until = 0.0

    def __enter__(self) -> "PlainScreen":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def doing(self, text: str, run: int, attempt: int, expected_seconds: float | None) -> None:
        about = f", about {wording.duration(expected_seconds)}" if expected_seconds else ""
        self._quiet_until = time.monotonic() + PLAIN_SECONDS
        self._print(f"{title(text, attempt)}{about} ...")

    def spoken(self, turn: Turn, prompt: str, reply: str) -> None:
        self._log.spoken(turn, prompt, reply)

    def output(self, line: str) -> None:
        if time.monotonic() >= self._quiet_until and (match := PROGRESS.fullmatch(clean(line))):
            self._quiet_until = time.monotonic() + PLAIN_SECONDS
            self._print(f"  {percent(match):.0f}% {(match.group(3) or '')[:MAX_SHOWN]}")

    def say(self, text: str) -> None:
        self._print(clean(text))
        self._log.write(text)

    def ask(self, question: str) -> str | None:
        """What the person answers in the terminal; None at its end."""
        try:
            return self._console.input(question, markup=False)
        except EOFError:
            return None

    def follow(self, event: Event, state: State) -> None:
        """Show an event."""
        if text := wording.line(event, state, self._template):
            self.say(text)

    def _print(self, text: str) -> None:
        self._console.print(f"{datetime.now():%H:%M:%S} {text}", markup=False, highlight=False, soft_wrap=True)


class LiveScreen(PlainScreen):
    """A live view: the events so far above, and below what is being done, how far it is, what it printed and cost."""

    def __init__(self, log: Log, template: Template, console: Console) -> None:
        super().__init__(log, template, console)
        self._progress = Progress(
            TextColumn("[bold cyan]{task.description}"), BarColumn(), TaskProgressColumn(), _TimeLeft(), console=console
        )
        self._task = self._progress.add_task("", total=None)
        self._last = ""
        self._spent = ""
        self._live = Live(get_renderable=self._view, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def doing(self, text: str, run: int, attempt: int, expected_seconds: float | None) -> None:
        self._last = ""
        self._progress.reset(self._task, total=None, description=title(text, attempt), expected=expected_seconds)

    def output(self, line: str) -> None:
        text = clean(line)
        if match := PROGRESS.fullmatch(text):
            self._progress.update(self._task, completed=int(match.group(1)), total=int(match.group(2)) or None)
            text = match.group(3) or ""
        if text:
            self._last = text[:MAX_SHOWN]

    def ask(self, question: str) -> str | None:
        self._live.stop()
        try:
            return super().ask(question)
        finally:
            self._live.start()

    def follow(self, event: Event, state: State) -> None:
        super().follow(event, state)
        self._spent = wording.spent(state.usage)

    def _view(self) -> RenderableType:
        footer = Text.assemble((self._last, "default"), ("   " if self._last else ""), (self._spent, "dim"))
        return Group(Text(""), self._progress, footer)

    def _print(self, text: str) -> None:
        self._console.print(f"[dim]{datetime.now():%H:%M:%S}[/dim] {escape(text)}", highlight=False)


class _TimeLeft(ProgressColumn):
    """The time that went by, and the time left: from the reported progress, else from what the baseline took."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        expected = task.fields.get("expected")
        if task.total and task.completed:
            left: float | None = elapsed * (task.total - task.completed) / task.completed
        else:
            left = max(0.0, expected - elapsed) if expected else None
        text = wording.duration(elapsed)
        return Text(text if left is None else f"{text}, about {wording.duration(left)} left", style="dim")


def title(text: str, attempt: int) -> str:
    """What is being done, with the attempt where it is not the first."""
    return f"{text}, attempt {attempt}" if attempt > 1 and not text.startswith("agent") else text


def percent(match: re.Match[str]) -> float:
    """How much of a progress line's total is done, at most 100."""
    total = int(match.group(2))
    return min(100.0, 100 * int(match.group(1)) / total) if total else 0.0


def screen_for(console: Console) -> Callable[[Log, Template, Console], PlainScreen]:
    """The live view in a terminal, plain lines elsewhere."""
    return LiveScreen if console.is_terminal else PlainScreen
