"""transcript.jsonl: every request and its reply, written before the reply has any effect."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ai_scientist.agents.model import NO_CORRECTION, FinishReason, LanguageModel, Reply, Request
from ai_scientist.errors import RecordingError, StudyError
from ai_scientist.files import MAX_RECORD_BYTES, whole_lines
from ai_scientist.interrupts import held_back
from ai_scientist.lab import Turn, Usage
from ai_scientist.secrets import mask_in

MAX_REPLY_BYTES = 4_000_000  # of a reply as JSON; aider_agent.py takes no longer one


@dataclass(frozen=True)
class Exchange:
    """One request with its reply, as a line of the file. `turn` is the turn's number."""

    time: str
    turn: int
    purpose: str
    run: int
    attempt: int
    index: int
    model: str
    messages: tuple[dict[str, str], ...]
    said: str
    reply: str
    finish_reason: FinishReason
    usage: Usage

    @property
    def key(self) -> tuple[str, int]:
        """What a replay finds it by."""
        return Turn(self.turn, self.purpose, self.run, self.attempt).key, self.index

    def as_reply(self) -> Reply:
        """The reply as the model gave it."""
        return Reply(self.reply, self.finish_reason, self.usage)


class Transcript:
    """The transcript of a study, open for work. A torn last line is dropped; other damage is a StudyError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
        self._exchanges = list(_parsed(whole, path))

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges, oldest first."""
        return tuple(self._exchanges)

    @property
    def spent(self) -> Usage:
        """What all exchanges took together."""
        return sum((exchange.usage for exchange in self._exchanges), Usage())

    def find(self, request: Request) -> Exchange | None:
        """The exchange that was already paid for at this place of the study."""
        turn = request.turn
        wanted = (turn.number, turn.purpose, turn.run, turn.attempt, request.index)
        for exchange in self._exchanges:
            if (exchange.turn, exchange.purpose, exchange.run, exchange.attempt, exchange.index) == wanted:
                return exchange
        return None

    def make_room(self, request: Request) -> None:
        """Take the room on the disk that a request and its reply will need, before it is paid for.

        Raises StudyError where there is none.
        """
        size = MAX_REPLY_BYTES + 2 * sum(len(message["content"].encode()) for message in request.messages)
        try:
            with self._room.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            self._room.unlink(missing_ok=True)
            raise self._unwritable(error) from None

    @property
    def _room(self) -> Path:
        return self._path.with_name(f".{self._path.name}.room")

    def _unwritable(self, error: OSError) -> StudyError:
        return StudyError(f"cannot write {self._path}: {error.strerror}. Make space, then --resume.")

    def append(self, request: Request, reply: Reply, model: str) -> None:
        """Write an exchange; it is on disk when this returns. Raises StudyError where it cannot be written."""
        self._room.unlink(missing_ok=True)
        turn = request.turn
        exchange = Exchange(
            datetime.now(UTC).isoformat(),
            turn.number,
            turn.purpose,
            turn.run,
            turn.attempt,
            request.index,
            model,
            tuple(dict(message) for message in request.messages),
            request.said,
            reply.text,
            reply.finish_reason,
            reply.usage,
        )
        content = mask_in(asdict(exchange), spared=("time", "purpose", "model", "role", "finish_reason"))
        line = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            with held_back(), self._path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        self._exchanges.append(exchange)

    def history(self, turns: Iterable[int]) -> list[dict[str, str]]:
        """The chat so far: what was said and replied in these turns, in order."""
        return [
            message
            for number in turns
            for exchange in self._exchanges
            if exchange.turn == number
            for message in (
                {"role": "user", "content": exchange.said},
                {"role": "assistant", "content": exchange.reply},
            )
        ]


class Recorded:
    """A model whose replies are in the transcript before they are used; what was paid for is taken from there."""

    def __init__(self, model: LanguageModel, transcript: Transcript) -> None:
        self._model = model
        self._transcript = transcript
        self.name = model.name

    def ceiling(self, request: Request) -> Usage:
        return Usage() if self._transcript.find(request) else self._model.ceiling(request)

    def reply(self, request: Request) -> Reply:
        paid = self._transcript.find(request)
        if paid is not None:
            return paid.as_reply()
        self._transcript.make_room(request)
        reply = self._model.reply(request)
        self._transcript.append(request, reply, self.name)
        return reply


class Replay:
    """Answers from the transcript of another study, by what each turn is for; RecordingError where it is none."""

    def __init__(self, path: Path) -> None:
        self.name = f"replay:{path.name}"
        self._path = path
        try:
            if path.stat().st_size > MAX_RECORD_BYTES:
                raise RecordingError(f"{path} is longer than {MAX_RECORD_BYTES:,} bytes; it is not read.")
            exchanges = read_transcript(Path(os.path.realpath(path)))  # a person may name a link
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}.") from None
        except StudyError as error:
            raise RecordingError(str(error)) from None
        if not exchanges:
            raise RecordingError(f"{path} holds no exchange with a model.")
        self._replies = {exchange.key: exchange.as_reply() for exchange in exchanges}

    def ceiling(self, request: Request) -> Usage:
        return Usage()

    def reply(self, request: Request) -> Reply:
        key = (request.turn.key, request.index)
        if key not in self._replies and request.turn.purpose == "claims":
            return NO_CORRECTION
        if key not in self._replies:
            raise RecordingError(
                f"{self._path} has no reply {request.index + 1} for {request.turn.key}: this study went another way "
                f"than the recorded one. Go on with a real model: --resume FOLDER --model NAME."
            )
        return self._replies[key]


def read_transcript(path: Path) -> tuple[Exchange, ...]:
    """The exchanges of a transcript without opening it for work: a torn last line is passed over.

    Raises FileNotFoundError where there is none, StudyError where it is damaged or no regular file.
    """
    return _parsed(whole_lines(path), path)


def _parsed(content: bytes, path: Path) -> tuple[Exchange, ...]:
    return tuple(_exchange(line, f"{path}, line {number}") for number, line in enumerate(content.splitlines(), 1))


def _exchange(line: bytes, where: str) -> Exchange:
    try:
        exchange: Exchange = _adapter().validate_python(json.loads(line))
    except (ValueError, RecursionError, ValidationError):
        raise StudyError(f"{where}, is not an exchange with a model: the file is damaged or no transcript.") from None
    return exchange


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Exchange)
