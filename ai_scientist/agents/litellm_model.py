"""Real models, by litellm: the only module that calls it. Provider failures become the project's own exceptions."""

import os
from typing import Any

from ai_scientist.agents.model import Reply, Request
from ai_scientist.errors import (
    AuthenticationFailed,
    ContextFull,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    UnknownModel,
)
from ai_scientist.lab import Usage

MAX_OUTPUT_TOKENS = 16_384
UNKNOWN_OUTPUT_TOKENS = 8_192
REQUEST_SECONDS = 600.0
_NO_CREDIT = ("credit balance", "insufficient_quota", "exceeded your current quota", "billing")


class LiteLLMModel:
    """A model by the name that litellm knows, `openai/NAME` for a server at OPENAI_API_BASE included."""

    def __init__(self, name: str, timeout: float = REQUEST_SECONDS) -> None:
        self.name = name
        self._timeout = timeout

    def reply(self, request: Request) -> Reply:
        litellm = load()
        try:
            response = litellm.completion(
                model=self.name,
                messages=[dict(message) for message in request.messages],
                max_tokens=self._max_tokens(litellm),
                timeout=self._timeout,
                num_retries=0,
                max_retries=0,
                **self._key(),
            )
        except Exception as error:  # whatever litellm raises is a failure of the provider
            raise failure(self.name, error) from error
        return self._reply(litellm, response)

    def _reply(self, litellm: Any, response: Any) -> Reply:
        choice = response.choices[0] if response.choices else None
        text = (choice.message.content or "") if choice else ""
        if choice is None or (not text and choice.finish_reason != "length"):
            raise ProviderUnavailable(f"{self.name} sent an empty reply.")
        return Reply(text, "length" if choice.finish_reason == "length" else "stop", self._usage(litellm, response))

    def _usage(self, litellm: Any, response: Any) -> Usage:
        usage = getattr(response, "usage", None)
        details = getattr(usage, "prompt_tokens_details", None)
        return Usage(
            1,
            getattr(usage, "prompt_tokens", 0) or 0,
            getattr(usage, "completion_tokens", 0) or 0,
            getattr(details, "cached_tokens", 0) or 0,
            self._cost(litellm, response),
        )

    def _cost(self, litellm: Any, response: Any) -> float | None:
        if self.name not in litellm.model_cost and self.name.partition("/")[2] not in litellm.model_cost:
            return None
        return float(litellm.completion_cost(completion_response=response, model=self.name))

    def _max_tokens(self, litellm: Any) -> int:
        known = litellm.model_cost.get(self.name) or litellm.model_cost.get(self.name.partition("/")[2]) or {}
        limit = known.get("max_output_tokens") or UNKNOWN_OUTPUT_TOKENS
        return min(int(limit), MAX_OUTPUT_TOKENS)

    def _key(self) -> dict[str, str]:
        """A local server needs no key, but the client insists on one."""
        local = self.name.startswith("openai/") and os.environ.get("OPENAI_API_BASE")
        return {"api_key": "none"} if local and not os.environ.get("OPENAI_API_KEY") else {}


def load() -> Any:
    """litellm, imported when it is first needed (it takes seconds), quiet and without its own network look-ups."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    return litellm


def failure(name: str, error: Exception) -> ProviderError:
    """What a failure of litellm's means for the study."""
    from litellm import exceptions as those

    said = " ".join(str(error).split())[:300]
    lowered = said.lower()
    status = getattr(error, "status_code", None)
    if any(sign in lowered for sign in _NO_CREDIT):
        return QuotaExhausted(f"{name}: the account's credit or quota is used up: {said} Top it up, then --resume.")
    if (
        isinstance(error, those.ContextWindowExceededError)
        or "context length" in lowered
        or "prompt is too long" in lowered
    ):
        return ContextFull(f"{name}: the chat no longer fits the model's context: {said}")
    if isinstance(error, those.AuthenticationError) or status in (401, 403) or "permission_error" in lowered:
        return AuthenticationFailed(f"{name}: the provider refuses the key: {said} Set the right key, then --resume.")
    if isinstance(error, those.NotFoundError) or status == 404 or "llm provider not provided" in lowered:
        return UnknownModel(f"{name}: the provider does not know this model: {said} Choose another --model.")
    if isinstance(error, those.BadRequestError) or status in (400, 413, 422):
        return ProviderError(f"{name}: the provider refuses the request: {said}")
    return ProviderUnavailable(f"{name}: {type(error).__name__}: {said}")
