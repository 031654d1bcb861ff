"""A chat whose replies are values: each is checked against a pydantic type, and what is wrong with it is fed back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.lab import Turn, Usage
from ai_scientist.prompts import render

MAX_REPLIES = 3
_MAX_KEPT = 20_000  # of a reply in the chat that goes on: garbage is not paid for again and again
_MAX_READ = 500_000
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Unusable:
    """No reply could be used; `why` says what was wrong with the last one."""

    why: str


class Chat:
    """One conversation with a model, which begins with what the system prompt says. `usage` is what it took so far."""

    def __init__(self, model: LanguageModel, turn: Turn, system: str) -> None:
        self._model = model
        self._turn = turn
        self._messages: list[dict[str, str]] = [{"role": "system", "content": system}]
        self._index = 0
        self.usage = Usage()

    def ask(self, said: str, kind: type[T], complaint: Callable[[T], str] = lambda _: "") -> T | Unusable:
        """The reply as a `kind` of which `complaint` says "", or Unusable after MAX_REPLIES. Raises ProviderError."""
        why = ""
        for _ in range(MAX_REPLIES):
            reply = self._reply(said, schema_of(kind))
            value = read(reply, kind)
            if not isinstance(value, Unusable) and not (wrong := complaint(value)):
                return value
            why = value.why if isinstance(value, Unusable) else wrong
            said = render("structured_invalid", why=why)
        return Unusable(why)

    def _reply(self, said: str, schema: Mapping[str, Any]) -> Reply:
        self._messages.append({"role": "user", "content": said})
        reply = self._model.reply(Request(self._turn, self._index, tuple(self._messages), said, schema))
        self._index += 1
        self.usage += reply.usage
        self._messages.append({"role": "assistant", "content": reply.text[:_MAX_KEPT] or "(nothing)"})
        return reply


def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a flat type as providers take it: every field is required, and there are no others."""
    properties = kind.model_json_schema()["properties"]
    plain = {
        name: {key: value for key, value in field.items() if key not in ("title", "default")}
        for name, field in properties.items()
    }
    return {"type": "object", "properties": plain, "required": list(plain), "additionalProperties": False}


def read(reply: Reply, kind: type[T]) -> T | Unusable:
    """The JSON object of a reply, alone or amid other text (a model without structured output), as a `kind`."""
    if reply.finish_reason == "length":
        return Unusable("it was cut off at the output limit; be shorter")
    if reply.finish_reason == "withheld":
        return Unusable("it was withheld by the provider's filter")
    start = reply.text.find("{")
    if start < 0 or len(reply.text) > _MAX_READ:
        return Unusable("it is not a JSON object")
    try:
        return kind.model_validate(json.JSONDecoder().raw_decode(reply.text, start)[0])
    except ValidationError as error:
        return Unusable("; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors()[:5]))
    except (ValueError, RecursionError) as error:
        return Unusable(f"it is not valid JSON: {str(error)[:200]}")
