"""Recordings: a folder of reply templates that answer in a model's place, over what the study really measured."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ai_scientist.agents.model import NO_CORRECTION, Reply, Request
from ai_scientist.errors import RecordingError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.lab import Usage

MAX_CHARACTERS = 1_000_000
MAX_BYTES = 10_000_000


class Recording:
    """Answers a turn with `<turn key>.md.j2` of its folder, rendered over `facts()` at that moment.

    The second request of a turn (aider's complaint about the first reply) is answered by `<turn key>.reply_2.md.j2`,
    and so on. Recordings are untrusted: rendered in jinja2's sandbox, they see the facts and their own folder only.
    """

    def __init__(self, folder: Path, facts: Callable[[], Mapping[str, object]]) -> None:
        self.name = f"recording:{folder.name}"
        self._folder = folder
        self._facts = facts
        self._environment = ImmutableSandboxedEnvironment(
            loader=FunctionLoader(self._source),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def _source(self, name: str) -> str | None:
        """The text of a file of the folder; None where there is none, or where a link leads out of it."""
        path = Path(os.path.realpath(self._folder / name))  # of a circle resolve() would raise
        if not path.is_relative_to(self._folder.resolve()) or not path.exists():
            return None
        try:
            return read_text(path, MAX_BYTES)
        except UnreadableFile as error:
            raise RecordingError(f"the recording's {path} {error}") from None

    def ceiling(self, request: Request) -> Usage:
        return Usage()

    def reply(self, request: Request) -> Reply:
        name = request.turn.key + (f".reply_{request.index + 1}" if request.index else "") + ".md.j2"
        try:
            template = self._environment.get_template(name)
            text = template.render(**self._facts())
        except TemplateNotFound as error:
            if error.name == name and request.turn.purpose == "claims":
                return NO_CORRECTION
            raise RecordingError(
                f"the recording {self._folder} has no {error.name}, so no reply for {request.turn.key}: this study "
                f"went another way than the recorded one. Go on with a real model: --resume FOLDER --model NAME."
            ) from None
        except (TemplateError, TypeError, ValueError, KeyError, ArithmeticError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            place = f", line {line}" if line else ""
            raise RecordingError(f"the recording's {self._folder / name}{place} cannot be rendered: {error}") from None
        if len(text) > MAX_CHARACTERS:
            raise RecordingError(f"{self._folder / name} renders to more than {MAX_CHARACTERS:,} characters.")
        return Reply(text, "stop", Usage(requests=1))
