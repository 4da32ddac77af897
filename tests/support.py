"""What the tests share: recorded payloads, a machine of their own, and a server on loopback."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from usagecli import credentials, options, registry
from usagecli.client import Ask, Transport
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Service

PAYLOADS = Path(__file__).parent / "payloads"
GOLDEN = Path(__file__).parent / "golden"
# The instant of every recorded answer: a Saturday morning.
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def payload(name: str) -> Any:
    """A recorded answer: `payload("codex/plus")` reads tests/payloads/codex/plus.json."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"), parse_constant=lambda _: None)


def golden(name: str) -> str:
    """What a formatter should print, as it stands in tests/golden, without the last line end."""
    return (GOLDEN / name).read_text(encoding="utf-8").removesuffix("\n")


def d(text: str | int) -> Decimal:
    """A Decimal from its text."""
    return Decimal(text)


def utc(text: str) -> datetime:
    """`utc("2026-12-01T00:00:00")`, aware."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_machine(home: Path, env: Mapping[str, str] | None = None, **changes: Any) -> Machine:
    """A machine whose home is a temporary directory and whose clock stands at NOW."""
    given: dict[str, Any] = {
        "env": dict(env or {}),
        "home": str(home),
        "config_dir": str(home / ".config" / "usagecli"),
        "cache_dir": str(home / ".cache" / "usagecli"),
        "data_dir": str(home / ".local" / "share" / "usagecli"),
        "platform": "linux",
        "clock": lambda: NOW,
        **changes,
    }
    return Machine(**given)


def make_ask(
    provider: str,
    machine: Machine,
    *,
    secret: str | Mapping[str, str] | None = None,
    base_url: str | None = None,
    given: Mapping[str, Any] | None = None,
    timeout_s: float = 5.0,
    named: bool = True,
) -> Ask:
    """What a provider's `fetch` is given, found the way a run finds it.

    `secret` is the service's `credential` (a map for several parts), None the usual places;
    `given` are the service's options.
    """
    parts = {"": secret} if isinstance(secret, str) else secret
    service = Service(
        name=provider,
        provider=provider,
        credential={part: CredentialSource("value", text) for part, text in parts.items()} if parts else None,
        base_url=base_url,
        options=given or {},
        named=named,
    )
    found = registry.get(provider)
    return Ask(
        service=service,
        descriptor=found.descriptor,
        credential=credentials.find(found, service, machine),
        options=options.resolve(found.descriptor, service, machine)[0],
        machine=machine,
        transport=Transport(timeout_s=timeout_s),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that a test server got. Header names are in lower case."""

    path: str
    query: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""

    def json(self) -> Any:
        """The body that came with it."""
        return json.loads(self.body)


@dataclass(slots=True)
class Reply:
    """What a test server answers: a JSON value, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


# A route: a reply, several (one a request, the last for ever), or a function that writes it all.
Route = Reply | list[Reply] | Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A real HTTP server on loopback that answers by path and remembers what it was asked."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.routes = dict(routes)
        self.seen: list[Seen] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def do_POST(self) -> None:
                outer.answer(self)

            def do_PUT(self) -> None:
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                # A client that hangs up is what some tests are about, and stderr is the run's.
                if not isinstance(sys.exc_info()[1], OSError):
                    super().handle_error(request, client_address)

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path, _, query = handler.path.partition("?")
        self.seen.append(
            Seen(
                path=path,
                query=query,
                headers={k.lower(): v for k, v in handler.headers.items()},
                method=handler.command,
                body=handler.rfile.read(int(handler.headers.get("Content-Length") or 0)),
            )
        )
        route = self.routes.get(path, Reply({"error": "no such route"}, 404))
        if callable(route) and not isinstance(route, Reply):
            route(handler)
            return
        if isinstance(route, list):
            reply = route.pop(0) if len(route) > 1 else route[0]
        else:
            assert isinstance(route, Reply)
            reply = route
        data = reply.data()
        handler.send_response(reply.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **reply.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]


@contextmanager
def serve(routes: Mapping[str, Route]) -> Iterator[Server]:
    """A running `Server`; gone at the end of the block."""
    server = Server(routes)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
