"""Real models, by loopback servers: what is sent, what is understood, and what each failure becomes."""

import email.utils
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from conftest import GOOD, PLAIN, Bench, rate
from providers import Answer, Protocol, Provider, serving

from ai_scientist import launch
from ai_scientist.agents.anthropic_model import AnthropicModel
from ai_scientist.agents.litellm_model import LiteLLMModel, Price
from ai_scientist.agents.model import Reply, Request
from ai_scientist.agents.retry import Retrying
from ai_scientist.errors import (
    AuthenticationFailed,
    ContextFull,
    LimitReached,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    UnknownModel,
)
from ai_scientist.lab import Turn, Usage
from ai_scientist.study.events import Stopped, StudyEnded, TurnEnded

REQUEST = Request(Turn(1, "run", 1, 1), 0, ({"role": "system", "content": "s"}, {"role": "user", "content": "u"}), "u")
PROTOCOLS = pytest.mark.parametrize("protocol", ["openai", "anthropic"])
CLIENTS = pytest.mark.parametrize(
    ("protocol", "client"),
    [("openai", LiteLLMModel), ("anthropic", LiteLLMModel), ("anthropic", AnthropicModel)],
    ids=["openai", "anthropic", "anthropic by its own client"],
)
Client = type[LiteLLMModel] | type[AnthropicModel]


@contextmanager
def provided(protocol: Protocol, *answers: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with serving(protocol, answers) as provider:
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)
        yield provider


def _reply(
    protocol: Protocol, client: Client, answer: Answer, monkeypatch: pytest.MonkeyPatch, timeout: float = 20
) -> tuple[Reply, Provider]:
    with provided(protocol, answer, monkeypatch=monkeypatch) as provider:
        return client(provider.model, timeout).reply(REQUEST), provider


@CLIENTS
def test_reply_with_its_tokens_and_cost(protocol: Protocol, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    reply, provider = _reply(protocol, client, Answer("hello"), monkeypatch)
    assert (reply.text, reply.finish_reason) == ("hello", "stop")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1000, 100)
    price = {"openai": (0.15, 0.60), "anthropic": (3.0, 15.0)}[protocol]  # USD a million tokens, as published
    assert reply.usage.cost == pytest.approx((1000 * price[0] + 100 * price[1]) / 1e6)
    (sent,) = provider.requests
    assert "temperature" not in sent
    assert sent["max_tokens"] >= 8192
    assert not sent.get("stream")


@CLIENTS
def test_cut_reply_is_known_as_cut(protocol: Protocol, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    reply, _ = _reply(protocol, client, Answer("half an ans", cut=True), monkeypatch)
    assert reply.finish_reason == "length"


@CLIENTS
@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        (Answer(status=401, error="invalid x-api-key", kind="authentication_error"), AuthenticationFailed),
        (Answer(status=403, error="not allowed to use this", kind="permission_error"), AuthenticationFailed),
        (Answer(status=404, error="model: no such model", kind="not_found_error"), UnknownModel),
        (
            Answer(status=400, error="Your credit balance is too low to access the API.", kind="invalid_request_error"),
            QuotaExhausted,
        ),
        (Answer(status=429, error="You exceeded your current quota.", kind="insufficient_quota"), QuotaExhausted),
        (
            Answer(
                status=400, error="prompt is too long: 250000 tokens > 200000 maximum", kind="invalid_request_error"
            ),
            ContextFull,
        ),
        (
            Answer(
                status=400, error="This model's maximum context length is 8192 tokens", kind="context_length_exceeded"
            ),
            ContextFull,
        ),
        (Answer(status=400, error="Input is too long for requested model.", kind="validation"), ContextFull),
        (Answer(status=400, error="the request exceeds the available context size", kind="exceeded"), ContextFull),
        (Answer(status=413, error="request too large", kind="request_too_large"), ContextFull),
        (Answer(status=402, error="payment required", kind="payment"), QuotaExhausted),
        (Answer(status=500, error="error in the billing service", kind="api_error"), ProviderUnavailable),
        (Answer(status=429, error="You exceeded your current quota: 50 RPM per minute", kind="x"), ProviderUnavailable),
        (Answer(status=429, error="slow down", kind="rate_limit_error"), ProviderUnavailable),
        (Answer(status=500, error="internal", kind="api_error"), ProviderUnavailable),
        (Answer(status=529, error="Overloaded", kind="overloaded_error"), ProviderUnavailable),
        (Answer(status=503, error="unavailable", kind="api_error"), ProviderUnavailable),
        (Answer(status=400, error="this field is not allowed", kind="invalid_request_error"), ProviderError),
        (Answer(fault="drop"), ProviderUnavailable),
        (Answer("hello", fault="broken"), ProviderUnavailable),
        (Answer("hello", fault="half"), ProviderUnavailable),
        (Answer(fault="empty"), ProviderUnavailable),
        (Answer(fault="html"), ProviderUnavailable),
        (Answer(fault="html", status=502), ProviderUnavailable),
    ],
    ids=lambda value: f"{value.status}-{value.fault or value.kind}" if isinstance(value, Answer) else "",
)
def test_failure_surfaces_as_what_it_is(
    protocol: Protocol, client: Client, answer: Answer, becomes: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    with provided(protocol, answer, monkeypatch=monkeypatch) as provider:
        with pytest.raises(ProviderError) as error:
            client(provider.model, 20).reply(REQUEST)
        assert type(error.value) is becomes
        assert len(provider.requests) == 1  # nothing beneath us tries again on its own
        assert "sk-" not in str(error.value)


@CLIENTS
@pytest.mark.parametrize("usage", [(0, 0), (-500, -10), None])  # None: OpenAI's protocol may leave it out
def test_usage_that_is_not_told_is_over_estimated(
    protocol: Protocol, client: Client, usage: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provided(protocol, Answer("hello there", usage=usage), monkeypatch=monkeypatch) as provider:
        took = client(provider.model, 20).reply(REQUEST).usage
    assert took.prompt_tokens == client(provider.model, 20).ceiling(REQUEST).prompt_tokens
    assert took.completion_tokens >= 3
    assert took.cost


@CLIENTS
def test_withheld_reply_is_known_as_withheld(
    protocol: Protocol, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = {"openai": "content_filter", "anthropic": "refusal"}[protocol]
    with provided(protocol, Answer("I can", finish=reason), monkeypatch=monkeypatch) as provider:
        assert client(provider.model, 20).reply(REQUEST).finish_reason == "withheld"


@CLIENTS
def test_provider_that_knows_no_schemas_is_asked_without(
    protocol: Protocol, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = "output_config" if client is AnthropicModel else "response_format"
    refusal = Answer(status=400, error=f"{field}: not supported by this model", kind="invalid_request_error")
    request = replace(REQUEST, schema={"type": "object", "properties": {}, "additionalProperties": False})
    with provided(protocol, refusal, Answer("{}"), monkeypatch=monkeypatch) as provider:
        assert client(provider.model, 20).reply(request).text == "{}"
        first, second = provider.requests
        assert (field in first or protocol == "anthropic", field in second) == (True, False)


def test_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", Answer("hello", fault="drip"), monkeypatch=monkeypatch) as provider:
        model = Retrying(LiteLLMModel(provider.model, 20), 0.01 / 60, lambda _: None, bound=1)
        with pytest.raises(ProviderUnavailable, match="did not finish its reply in 1 s"):
            model.reply(REQUEST)


def test_waits_end_with_the_time_of_the_study() -> None:
    class Down:
        name = "down"

        def ceiling(self, request: Request) -> Usage:
            return Usage()

        def reply(self, request: Request) -> Reply:
            raise ProviderUnavailable("down")

    left = iter([5.0, 5.0, 0.05, 0.05])

    def seconds_left() -> float:
        if (seconds := next(left, None)) is None:
            raise LimitReached("--max-hours are used up")
        return seconds

    with pytest.raises((LimitReached, ProviderUnavailable)):
        Retrying(Down(), 30, lambda _: None, random.Random(1), left=seconds_left).reply(REQUEST)
    assert next(left, None) is None


@pytest.mark.parametrize("ahead", [5, -5])
def test_retry_after_may_be_a_date(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    when = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    busy = Answer(status=429, error="slow", kind="rate_limit_error", headers={"retry-after": when})
    with provided("openai", busy, monkeypatch=monkeypatch) as provider, pytest.raises(ProviderUnavailable) as error:
        LiteLLMModel(provider.model, 20).reply(REQUEST)
    assert error.value.retry_after is not None
    assert max(0, ahead) - 2 <= error.value.retry_after <= max(0, ahead)


@CLIENTS
def test_silent_server_is_given_up(protocol: Protocol, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderUnavailable):
        _reply(protocol, client, Answer(fault="slow"), monkeypatch, timeout=1)


def test_unknown_price_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", Answer("hello"), monkeypatch=monkeypatch):
        assert LiteLLMModel("openai/my-own-model", 20).reply(REQUEST).usage.cost is None


def test_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", Answer("hello"), monkeypatch=monkeypatch):
        monkeypatch.delenv("OPENAI_API_KEY")
        assert LiteLLMModel("openai/my-own-model", 20).reply(REQUEST).text == "hello"


def test_missing_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(AuthenticationFailed):
        LiteLLMModel("claude-sonnet-4-5", 5).reply(REQUEST)


@PROTOCOLS
def test_whole_study_with_a_live_model(bench: Bench, protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Answer(text) for text in PLAIN.values()]
    with provided(protocol, *answers, monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model, "--max-runs", "2") == 0
    assert bench.of(StudyEnded) == [StudyEnded(True)]
    usage = bench.state.usage
    assert (usage.requests, usage.prompt_tokens, usage.completion_tokens) == (
        6,
        6000,
        600,
    )  # the check of the connection and five turns
    assert usage.cost
    assert "You study gradient descent on tiny problems." in str(provider.requests[0])
    # The chat goes on: the fifth request holds what was said and replied in the first.
    assert "Plan: two rates." in str(provider.requests[4])


def test_refused_key_stops_resumably(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    refused = Answer(status=401, error="invalid x-api-key", kind="authentication_error")
    with provided("anthropic", refused, monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model) == 1
    screen = capsys.readouterr().out
    assert "refuses the key" in screen
    assert "--resume" in screen
    assert not bench.of(TurnEnded)


def test_cut_reply_is_not_applied_by_halves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided(
        "openai", Answer(GOOD["run_1.attempt_1"], cut=True), Answer(status=401), monkeypatch=monkeypatch
    ) as provider:
        assert bench.launch("--model", provider.model) == 1
    (turn,) = bench.of(TurnEnded)
    assert turn.status == "malformed"
    assert "cut off" in turn.detail
    assert "## Run 1" not in (bench.folder / "notes.txt").read_text()


def test_key_is_in_no_file_of_the_study(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    leak = rate("0.1", "0.2\nimport os\nprint(sorted(os.environ.items()), open('/proc/self/environ').read())")
    with provided(
        "anthropic", Answer(leak), Answer(status=401, error="sk-ant-test-1234567890 is wrong"), monkeypatch=monkeypatch
    ) as provider:
        bench.launch("--model", provider.model)
    assert "OMP_NUM_THREADS" in (bench.folder / "run_1" / "stdout.log").read_text()
    for path in bench.folder.rglob("*"):
        if path.is_file():
            assert b"sk-ant-test" not in path.read_bytes(), path


def test_passing_faults_are_waited_out_and_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    faults = [
        Answer(status=429, error="slow down", kind="rate_limit_error", headers={"retry-after": "1"}),
        Answer(fault="drop"),
        Answer(status=529, error="Overloaded", kind="overloaded_error"),
    ]
    answers = [*faults, *(Answer(text) for text in PLAIN.values())]
    with provided("anthropic", *answers, monkeypatch=monkeypatch) as provider:
        begun = time.monotonic()
        assert bench.launch("--model", provider.model, "--max-runs", "2") == 0
    assert time.monotonic() - begun >= 1  # as the provider asked by Retry-After
    screen = capsys.readouterr().out
    assert screen.count("Trying again in") == 3
    assert bench.state.usage.requests == 6  # what failed was not paid


def test_lasting_fault_stops_resumably_after_retry_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("openai", Answer(status=500, error="internal"), monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model, "--max-runs", "2", "--retry-for", "0.03") == 1
        assert len(provider.requests) >= 2
        reason = bench.of(Stopped)[0].reason
        assert "--retry-for" in reason
        provider.answers = [Answer(status=500)] * len(provider.requests) + [Answer(text) for text in PLAIN.values()]
        assert launch.main(["--resume", str(bench.folder), "--retry-for", "1"]) == 0


def test_full_context_shortens_the_chat_and_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Answer(status=400, error="prompt is too long: 250000 tokens > 200000 maximum", kind="invalid_request_error")
    texts = list(PLAIN.values())
    answers = [Answer(texts[0]), Answer(texts[1]), full, full, *(Answer(text) for text in texts[2:])]
    with provided("anthropic", *answers, monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model, "--max-runs", "2") == 0
    whole, shorter, shortest = (str(request) for request in provider.requests[2:5])
    assert "has become too long" not in whole
    assert "has become too long" in shorter
    assert "It helped." in shorter  # the last turn is still there
    assert "has become too long" in shortest
    assert "It helped." not in shortest
    # What the journal knows is in it: the plan, and the results of the finished runs.
    assert "Plan: two rates." in shortest
    assert f"{bench.state.metrics[1]['narrow']['loss'].mean:.6g}" in shortest


def test_context_that_is_full_all_the_same_stops_resumably(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Answer(status=400, error="prompt is too long: 250000 tokens > 200000 maximum", kind="invalid_request_error")
    with provided("anthropic", full, monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model) == 1
    assert "no longer fits the model's context" in bench.of(Stopped)[0].reason


def test_retrying_asks_once_more_at_the_end_of_its_time() -> None:
    class Down:
        name = "down"
        asked = 0

        def ceiling(self, request: Request) -> Usage:
            return Usage()

        def reply(self, request: Request) -> Reply:
            self.asked += 1
            raise ProviderUnavailable("down")

    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    model = Down()
    with pytest.raises(ProviderUnavailable, match="tried 2 times"):
        Retrying(model, 0.1 / 60, lambda _: None, Longest()).reply(REQUEST)
    assert model.asked == 2


CACHING = replace(REQUEST, stable=(0,))


def test_claude_is_told_what_to_cache_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with provided("anthropic", Answer("hello"), monkeypatch=monkeypatch) as provider:
        LiteLLMModel(provider.model, 20).reply(CACHING)
    assert provider.requests[0]["system"] == [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    assert "cache_control" not in str(provider.requests[0]["messages"])
    with provided("openai", Answer("hello"), monkeypatch=monkeypatch) as provider:
        LiteLLMModel(provider.model, 20).reply(CACHING)
    assert "cache_control" not in str(provider.requests)


@pytest.mark.parametrize("price", [None, Price(3.0, 15.0)], ids=["listed price", "given price"])
def test_cached_tokens_are_counted_and_paid_for(price: Price | None, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer("hello", usage=(100, 50), cache=(8000, 2000))
    with provided("anthropic", answer, monkeypatch=monkeypatch) as provider:
        usage = LiteLLMModel(provider.model, 20, price).reply(CACHING).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (10_100, 50, 8000)
    read = 0.1 if price is None else 1  # what a cached token costs is not given: no less is counted than is paid
    assert usage.cost == pytest.approx((3.0 * (100 + read * 8000 + 1.25 * 2000) + 15.0 * 50) / 1e6, rel=1e-3)


def test_ceiling_allows_for_the_price_of_writing_to_the_cache() -> None:
    model = LiteLLMModel("claude-sonnet-4-5", 20)
    long = replace(CACHING, messages=({"role": "system", "content": "x" * 1_000_000},))
    plain, marked = model.ceiling(replace(long, stable=())).cost, model.ceiling(long).cost
    assert plain is not None
    assert marked is not None
    assert marked - plain == pytest.approx(0.25 * 3.0 * 1_000_000 / 2.5 / 1e6)


def test_turns_of_a_study_begin_with_what_was_cached_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Up to the last mark of the chat, the next request says the same; transcript and summary know of it, too."""
    answers = [Answer(PLAIN[key], usage=(100, 50), cache=(900, 0)) for key in PLAIN]
    with provided("anthropic", *answers, monkeypatch=monkeypatch) as provider:
        assert bench.launch("--model", provider.model, "--max-runs", "2") == 0
    first, second, third = ([*it["system"], *it["messages"]] for it in provider.requests[:3])
    assert _marked(first)
    chat = _marked(second)[1]  # after the system prompt and the examples: what was said and replied in the first turn
    assert PLAIN["run_1.attempt_1"][:10] in str(second[chat])
    assert [_bare(it) for it in third[: chat + 1]] == [_bare(it) for it in second[: chat + 1]]
    assert "cache_control" not in (bench.folder / "transcript.jsonl").read_text()
    said = capsys.readouterr().out
    assert "(75% from the cache)" in said  # of 6 requests the check of the connection read nothing from it
    assert "(75% from the cache)" in (bench.folder / "report.html").read_text()


def _marked(messages: list[dict]) -> list[int]:
    return [place for place, message in enumerate(messages) if "cache_control" in str(message)]


def _bare(message: dict) -> str:
    """What a message says, without the mark."""
    content = message.get("content") or [message]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)
