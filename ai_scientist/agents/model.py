"""The seam inside the agent: a language model as one method from a request to a reply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ai_scientist.lab import Turn, Usage

Message = Mapping[str, str]
"""`role` ("system", "user" or "assistant") and `content`."""


FinishReason = Literal["stop", "length", "withheld"]


@dataclass(frozen=True)
class Request:
    """What is asked: the whole chat in `messages`, of which `said` is what is new (our prompt, or aider's complaint).

    `index` counts the requests of the turn from 0. `schema` is the JSON schema that the reply is to fit (None: prose);
    a model that knows no such thing ignores it, so the prompt says it too, and the reply is checked. `stable` are the
    places in `messages` up to which a later request will begin with the same: what is worth a provider's caching.
    """

    turn: Turn
    index: int
    messages: tuple[Message, ...]
    said: str
    schema: Mapping[str, Any] | None = None
    stable: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What was answered. `finish_reason` "length": it was cut at the model's output limit; "withheld": by a filter."""

    text: str
    finish_reason: FinishReason
    usage: Usage


# A recording has no reply to a check that was not made when it was recorded: its notes stay as they are.
NO_CORRECTION = Reply("(This recording corrects nothing.)", "stop", Usage(requests=1))


class LanguageModel(Protocol):
    """Answers requests. `name` is for people and the transcript."""

    @property
    def name(self) -> str: ...

    def ceiling(self, request: Request) -> Usage:
        """The most that answering could take, for limits: an over-estimate. `cost` is None where no price is known."""
        ...

    def reply(self, request: Request) -> Reply:
        """Answer. Raises a ProviderError where there is no usable answer."""
        ...
