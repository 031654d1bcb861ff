"""Real models, by litellm: the only module that calls it. Provider failures become the project's own exceptions."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ai_scientist.agents.model import FinishReason, Reply, Request
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
# English and code take 3 to 4 bytes a token; fewer make the estimate of a prompt an over-estimate.
BYTES_A_TOKEN = 2.5
# Anthropic's price of a prompt token that goes into its cache, in prices of one that does not. One read from it: 0.1.
CACHE_WRITE = 1.25
EPHEMERAL = {"type": "ephemeral"}  # kept for five minutes from its last use
_NO_CREDIT = ("credit balance", "insufficient_quota", "exceeded your current quota", "billing")
# Said whatever the status: litellm does not pass on a 402 of Anthropic's.
_PAYMENT = ("payment required", "billing_error")
_RATE = ("per minute", "per second", "per hour", "/min", "rpm", "tpm")
# What providers and local servers say of a prompt that is too long.
_TOO_LONG = (
    *("context length", "context limit", "context window", "context size", "prompt is too long", "input is too long"),
    *("maximum context", "too many tokens", "request_too_large", "request too large"),
)
_WHOLE = ("stop", "end_turn", "stop_sequence", "eos", "tool_calls", "tool_use")


@dataclass(frozen=True)
class Price:
    """USD a million tokens, of the prompt and of the reply."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of so many tokens in USD."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class LiteLLMModel:
    """A model by the name that litellm knows, `openai/NAME` for a server at OPENAI_API_BASE included.

    `price` replaces what litellm knows of the model's price.
    """

    def __init__(self, name: str, timeout: float = REQUEST_SECONDS, price: Price | None = None) -> None:
        self.name = name
        self._timeout = timeout
        self._price = price

    def check(self) -> None:
        """Raise UnknownModel or AuthenticationFailed for what can be told without asking the provider."""
        litellm = load()
        try:
            litellm.get_llm_provider(self.name)
        except litellm.exceptions.BadRequestError:
            raise UnknownModel(
                f"--model {self.name}: litellm does not know whose model that is; say openai/{self.name}, for instance."
            ) from None
        missing = litellm.validate_environment(self.name)["missing_keys"]
        if missing and not self._key():
            raise AuthenticationFailed(f"{self.name} needs a key: set {', '.join(missing)}.")

    @property
    def price(self) -> Price | None:
        """What is paid for it; None where that is not known."""
        known = self._known()
        if self._price is not None or "input_cost_per_token" not in known:
            return self._price
        return Price(1e6 * known["input_cost_per_token"], 1e6 * known["output_cost_per_token"])

    @property
    def max_tokens(self) -> int:
        """The output limit that is sent with each request."""
        return min(int(self._known().get("max_output_tokens") or UNKNOWN_OUTPUT_TOKENS), MAX_OUTPUT_TOKENS)

    def ceiling(self, request: Request) -> Usage:
        prompt = sum(tokens(message["content"]) for message in request.messages)
        price = self.price
        paid = math.ceil(prompt * CACHE_WRITE) if self._marks(request) else prompt
        return Usage(1, prompt, self.max_tokens, 0, price.of(paid, self.max_tokens) if price else None)

    def reply(self, request: Request) -> Reply:
        litellm = load()
        try:
            response = litellm.completion(
                model=self.name,
                messages=self._messages(request),
                max_tokens=self.max_tokens,
                timeout=self._timeout,
                num_retries=0,
                max_retries=0,
                **_format(request),
                **self._key(),
            )
        except Exception as error:  # whatever litellm raises is a failure of the provider
            if request.schema is not None and "response_format" in str(error):  # not known there: the prompt must do
                return self.reply(replace(request, schema=None))
            raise failure(self.name, error) from error
        choice = response.choices[0] if response.choices else None
        text = (choice.message.content or "") if choice else ""
        if choice is None or (not text and choice.finish_reason != "length"):
            raise ProviderUnavailable(f"{self.name} sent an empty reply.")
        return Reply(text, finished(choice.finish_reason), self._usage(litellm, response, request, text))

    def _usage(self, litellm: Any, response: Any, request: Request, text: str) -> Usage:
        """What the provider says it took; where it says nothing, or nonsense, an over-estimate, so that limits hold."""
        usage = getattr(response, "usage", None)
        details = getattr(usage, "prompt_tokens_details", None)
        prompt, completion = getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0
        if prompt < 1 or completion < 1:
            prompt, completion = self.ceiling(request).prompt_tokens, tokens(text)
            return Usage(1, prompt, completion, 0, self.price.of(prompt, completion) if self.price else None)
        if self._price is not None:
            written = _at_least_none(details, "cache_creation_tokens")  # what is read from the cache counts in full
            cost: float | None = self._price.of(prompt + math.ceil((CACHE_WRITE - 1) * written), completion)
        elif self.price is None:
            cost = None
        else:  # litellm knows what cached tokens cost
            cost = max(0.0, float(litellm.completion_cost(completion_response=response, model=self.name)))
        return Usage(1, prompt, completion, _at_least_none(details, "cached_tokens"), cost)

    def _marks(self, request: Request) -> set[int]:
        """The messages that are marked for the provider's cache: Claude's alone; others cache by themselves or not."""
        return set(request.stable) if is_claude(self.name) else set()

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        marks = self._marks(request)
        return [
            {"role": it["role"], "content": [{"type": "text", "text": it["content"], "cache_control": EPHEMERAL}]}
            if place in marks and it["content"].strip()
            else dict(it)
            for place, it in enumerate(request.messages)
        ]

    def _known(self) -> dict[str, Any]:
        prices = load().model_cost
        known: dict[str, Any] = prices.get(self.name) or prices.get(self.name.partition("/")[2]) or {}
        return known

    def _key(self) -> dict[str, str]:
        """A local server needs no key, but the client insists on one."""
        local = self.name.startswith("openai/") and os.environ.get("OPENAI_API_BASE")
        return {"api_key": "none"} if local and not os.environ.get("OPENAI_API_KEY") else {}


def is_claude(name: str) -> bool:
    """Whether litellm's name of a model means Claude at Anthropic; at other providers it has a prefix of theirs."""
    return name.startswith(("claude", "anthropic/"))


def tokens(text: str) -> int:
    """An over-estimate of a text's tokens."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN)


def _at_least_none(details: object, name: str) -> int:
    """A number of tokens that a provider tells; less than none would make room in a budget."""
    return max(0, getattr(details, name, 0) or 0)


def finished(reason: str | None) -> FinishReason:
    """How a reply ended: whole, cut at the output limit, or withheld (a content filter, a refusal)."""
    if reason in ("length", "max_tokens"):
        return "length"
    return "stop" if reason is None or reason in _WHOLE else "withheld"


def _format(request: Request) -> dict[str, Any]:
    if request.schema is None:
        return {}
    shape = {"name": "reply", "schema": dict(request.schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": shape}}


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
    """What an exception of litellm's, or of a provider's own client, means for us."""
    from litellm import exceptions as those

    said = " ".join(str(error).split())[:300]
    lowered = said.lower()
    status = getattr(error, "status_code", None)
    is_of_rate = status == 429 and any(sign in lowered for sign in _RATE)
    is_of_ours = status is None or status < 500
    if (
        status == 402
        or any(sign in lowered for sign in _PAYMENT)
        or (is_of_ours and not is_of_rate and any(sign in lowered for sign in _NO_CREDIT))
    ):
        return QuotaExhausted(f"{name}: the account's credit or quota is used up: {said} Top it up, then go on.")
    too_long = is_of_ours and any(sign in lowered for sign in _TOO_LONG)
    if isinstance(error, those.ContextWindowExceededError) or status == 413 or too_long:
        return ContextFull(f"{name}: the chat no longer fits the model's context: {said}")
    if isinstance(error, those.AuthenticationError) or status in (401, 403) or "permission_error" in lowered:
        return AuthenticationFailed(f"{name}: the provider refuses the key: {said} Set the right key, then go on.")
    if isinstance(error, those.NotFoundError) or status == 404 or "llm provider not provided" in lowered:
        return UnknownModel(f"{name}: the provider does not know this model: {said} Choose another --model.")
    if isinstance(error, those.BadRequestError) or status in (400, 413, 422):
        return ProviderError(f"{name}: the provider refuses the request: {said}")
    return ProviderUnavailable(f"{name}: {type(error).__name__}: {said}", _retry_after(error))


def _retry_after(error: Exception) -> float | None:
    """The seconds of a Retry-After header, or until its date (RFC 9110, section 10.2.3)."""
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", None) or {}
    headers = getattr(error, "litellm_response_headers", None) or headers
    said = headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
