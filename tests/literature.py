"""A loopback server that behaves as Semantic Scholar's and OpenAlex's search do: pages, limits, faults."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Fault = Literal["drop", "slow", "broken", "half", "html", "huge", "shape"]


@dataclass(frozen=True)
class Trouble:
    """An answer that is none: an HTTP status with headers, or a fault of the exchange."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass
class Service:
    """One of the two. `papers` are (title, abstract) that every query finds; troubles come first, the last for ever."""

    papers: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    lasting: bool = False
    requests: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    page_limit: int = 100

    def trouble(self) -> Trouble | None:
        if not self.troubles:
            return None
        return self.troubles[0] if self.lasting else self.troubles.pop(0)


@dataclass
class Literature:
    """A running server with both services."""

    url: str
    scholar: Service = field(default_factory=Service)
    openalex: Service = field(default_factory=Service)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def environment(self) -> dict[str, str]:
        return {"S2_API_BASE": self.url, "OPENALEX_API_BASE": self.url}


@contextmanager
def literature() -> Iterator[Literature]:
    """Both services on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, served)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Literature(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, served: Literature) -> None:
    handler.close_connection = True
    parts = urlsplit(handler.path)
    asked = dict(parse_qsl(parts.query))
    known = {"/graph/v1/paper/search": (served.scholar, _scholar), "/works": (served.openalex, _openalex)}
    if parts.path not in known:
        _send(handler, 404, b"{}")
        return
    service, page = known[parts.path]
    service.requests.append((asked, {name.lower(): value for name, value in handler.headers.items()}))
    trouble = service.trouble()
    if trouble is None:
        _send(handler, 200, json.dumps(page(service, asked)).encode())
    elif trouble.fault == "drop":
        handler.connection.close()
    elif trouble.fault == "slow":
        served.released.wait(30)
    elif trouble.fault is not None:
        body = json.dumps(page(service, asked)).encode()
        faulty = {"broken": body[: len(body) // 2], "half": body[: len(body) // 2], "html": b"<html>502</html>"}
        faulty |= {"huge": b'{"x": "' + b"x" * 11_000_000 + b'"}', "shape": b'{"message": "Internal"}'}
        length = len(body) if trouble.fault == "half" else None
        _send(handler, 200, faulty[trouble.fault], length=length)
    else:
        message = {"message": "Too Many Requests. Please wait and try again.", "code": str(trouble.status)}
        _send(handler, trouble.status, json.dumps(message).encode(), trouble.headers)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def _scholar(service: Service, asked: dict[str, str]) -> dict[str, Any]:
    offset, limit = int(asked.get("offset", 0)), min(int(asked.get("limit", 100)), service.page_limit)
    whole = [
        {"paperId": f"{number:040x}", "title": title, "abstract": abstract or None, "year": 2000 + number}
        for number, (title, abstract) in enumerate(service.papers)
    ]
    answer = {"total": len(whole), "offset": offset, "data": whole[offset : offset + limit]}
    return answer | ({"next": offset + limit} if offset + limit < len(whole) else {})


def _openalex(service: Service, asked: dict[str, str]) -> dict[str, Any]:
    size, page = int(asked.get("per_page", 25)), int(asked.get("page", 1))
    whole = [
        {
            "id": f"https://openalex.org/W{number}",
            "display_name": title,
            "publication_year": 2000 + number,
            "abstract_inverted_index": _inverted(abstract) if abstract else None,
        }
        for number, (title, abstract) in enumerate(service.papers)
    ]
    shown = whole[(page - 1) * size : page * size]
    return {"meta": {"count": len(whole), "page": page, "per_page": size}, "results": shown}


def _inverted(text: str) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for place, word in enumerate(text.split()):
        index.setdefault(word, []).append(place)
    return index
