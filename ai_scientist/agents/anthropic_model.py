"""Claude by Anthropic's own client: the only module that imports it. Used where a reply is to fit a JSON schema."""

import os
import warnings
from dataclasses import replace
from typing import Any

from ai_scientist.agents.litellm_model import REQUEST_SECONDS, LiteLLMModel, Price, failure, finished, tokens
from ai_scientist.agents.model import Reply, Request
from ai_scientist.errors import AuthenticationFailed, ProviderUnavailable
from ai_scientist.lab import Usage

_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


class AnthropicModel:
    """A Claude model, `claude-...` or `anthropic/claude-...`, at Anthropic or at ANTHROPIC_API_BASE.

    A schema is sent as `output_config.format`, Anthropic's structured outputs, which constrain what the model can say.
    Prices come from litellm's list; `price` replaces what it says.
    """

    def __init__(self, name: str, timeout: float = REQUEST_SECONDS, price: Price | None = None) -> None:
        self.name = name
        self._timeout = timeout
        self._listed = LiteLLMModel(name, timeout, price)

    def check(self) -> None:
        """Raise AuthenticationFailed where there is no key."""
        if not any(os.environ.get(key) for key in _KEYS):
            raise AuthenticationFailed(f"{self.name} needs a key: set {_KEYS[0]}.")

    @property
    def price(self) -> Price | None:
        """What is paid for it; None where that is not known."""
        return self._listed.price

    def ceiling(self, request: Request) -> Usage:
        return self._listed.ceiling(request)

    def reply(self, request: Request) -> Reply:
        import anthropic  # takes seconds

        base = os.environ.get("ANTHROPIC_API_BASE") or None  # litellm's variable; ANTHROPIC_BASE_URL the client knows
        try:
            with (
                warnings.catch_warnings(),
                anthropic.Anthropic(base_url=base, timeout=self._timeout, max_retries=0) as it,
            ):
                warnings.simplefilter("ignore", DeprecationWarning)  # of models that will be withdrawn some day
                message = it.messages.create(**self._sent(request))
        except (anthropic.AnthropicError, ValueError) as error:  # ValueError: a body that is no JSON
            if request.schema is not None and "output_config" in str(error):  # an older model: the prompt must do
                return self.reply(replace(request, schema=None))
            raise failure(self.name, error) from error
        if not isinstance(message, anthropic.types.Message) or not isinstance(message.content, list):
            raise ProviderUnavailable(f"{self.name} sent something else than a message.")
        return self._reply(message, request)

    def _sent(self, request: Request) -> dict[str, Any]:
        system = "\n\n".join(message["content"] for message in request.messages if message["role"] == "system")
        sent: dict[str, Any] = {
            "model": self.name.removeprefix("anthropic/"),
            "max_tokens": self._listed.max_tokens,
            "messages": [dict(message) for message in request.messages if message["role"] != "system"],
        }
        if system:
            sent["system"] = system
        if request.schema is not None:
            sent["output_config"] = {"format": {"type": "json_schema", "schema": dict(request.schema)}}
        return sent

    def _reply(self, message: Any, request: Request) -> Reply:
        text = "".join(block.text for block in message.content if block.type == "text")
        if not text and message.stop_reason not in ("max_tokens", "refusal"):
            raise ProviderUnavailable(f"{self.name} sent an empty reply.")
        took = getattr(message, "usage", None)
        prompt, completion = getattr(took, "input_tokens", 0) or 0, getattr(took, "output_tokens", 0) or 0
        if prompt < 1 or completion < 1:  # not told: an over-estimate, so that limits hold
            prompt, completion = self.ceiling(request).prompt_tokens, tokens(text)
        cost = self.price.of(prompt, completion) if self.price else None
        usage = Usage(1, prompt, completion, 0, cost)
        return Reply(text, finished(message.stop_reason), usage)
