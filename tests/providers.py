"""Loopback servers that speak the OpenAI and the Anthropic protocol, with replies and faults as a test wants them."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Protocol = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class Answer:
    """A good reply, or with `status` an error whose body is `error`; `fault` breaks the exchange itself."""

    text: str = ""
    cut: bool = False
    status: int = 200
    error: str = ""
    kind: str = "error"
    headers: dict[str, str] = field(default_factory=dict)
    fault: Literal["", "drop", "broken", "slow", "drip", "empty", "half", "html"] = ""
    usage: tuple[int, int] | None = (1000, 100)
    finish: str = ""
    cache: tuple[int, int] = (0, 0)  # of the prompt, beside `usage`: tokens read from the cache, and written to it


@dataclass
class Provider:
    """A running server: where it is, what it will answer (the last answer is repeated), and what it was sent."""

    protocol: Protocol
    answers: list[Answer]
    url: str = ""
    ready: Answer = field(default_factory=lambda: Answer("ready"))
    checks: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, request: dict[str, Any]) -> Answer:
        """The first check of the connection is answered as `ready` says, what follows in the order of `answers`."""
        if "check of the connection" in str(request):
            self.checks += 1
            return self.ready
        self.requests.append(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead litellm here."""
        if self.protocol == "openai":
            return {"OPENAI_API_BASE": f"{self.url}/v1", "OPENAI_API_KEY": "sk-test-1234567890"}
        return {"ANTHROPIC_API_BASE": self.url, "ANTHROPIC_API_KEY": "sk-ant-test-1234567890"}

    @property
    def model(self) -> str:
        """A model of the protocol whose price litellm knows."""
        return "openai/gpt-4o-mini" if self.protocol == "openai" else "claude-sonnet-4-5"


@contextmanager
def serving(
    protocol: Protocol, answers: Sequence[Answer], kind: Callable[[Protocol, list[Answer]], Provider] = Provider
) -> Iterator[Provider]:
    """A provider on a free port of the loopback interface."""
    provider = kind(protocol, list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            _answer(self, provider, provider.answer_to(json.loads(body)))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, provider: Provider, answer: Answer) -> None:
    if answer.fault == "drop":
        handler.close_connection = True
        handler.connection.close()
        return
    if answer.fault == "slow":
        provider.released.wait(30)
        handler.close_connection = True
        return
    body = _body(provider, answer)
    length = len(body)
    if answer.fault in ("broken", "half"):
        body = body[: length // 2]
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.send_header("content-type", "text/html" if answer.fault == "html" else "application/json")
    handler.send_header("content-length", str(length if answer.fault == "half" else len(body)))
    handler.end_headers()
    if answer.fault == "drip":
        _drip(handler, provider, body)
        return
    handler.wfile.write(body)
    handler.close_connection = True


def _drip(handler: BaseHTTPRequestHandler, provider: Provider, body: bytes) -> None:
    with contextlib.suppress(OSError):
        for byte in body:
            handler.wfile.write(bytes([byte]))
            if provider.released.wait(0.2):
                break
    handler.close_connection = True


def _body(provider: Provider, answer: Answer) -> bytes:
    if answer.fault == "html":
        return b"<html><body>502 Bad Gateway</body></html>"
    if answer.status != 200:
        content: dict[str, Any] = {"error": {"type": answer.kind, "message": answer.error, "code": answer.kind}}
        return json.dumps({"type": "error"} | content).encode()
    text = "" if answer.fault == "empty" else answer.text
    if provider.protocol == "openai":
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        choice["finish_reason"] = answer.finish or ("length" if answer.cut else "stop")
        usage = {}
        if answer.usage:
            prompt, completion = answer.usage
            whole = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
            usage = {"usage": whole}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "choices": [choice]}
        return json.dumps(whole | usage).encode()
    whole = {"id": "x", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    whole |= {"content": [{"type": "text", "text": text}], "stop_sequence": None}
    whole |= {"stop_reason": answer.finish or ("max_tokens" if answer.cut else "end_turn")}
    prompt, completion = answer.usage or (0, 0)
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    usage = dict(zip(names, (prompt, completion, *answer.cache), strict=True))
    return json.dumps(whole | {"usage": usage}).encode()
