"""The server of the demo: it answers from `payloads/SERVICE.json`, by path.

A payload file maps a path below the service to `{"status": 200, "body": ...}`. So that resets lie
ahead whenever the demo runs, a text in a body may be an instant: `@iso+8100` and `@epoch+8100` are
8100 seconds from now, `@next_month` the first of the next month, `@year` and `@month` today's.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any

from usagecli import wire

_FOLDER = os.path.join(os.path.dirname(__file__), "payloads")
_INSTANT = re.compile(r"@(iso|epoch)([+-]\d+)")


class DemoServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """On a free port of loopback. Not HTTPServer: that asks the name server who we are."""

    daemon_threads = True
    # A test or a user may start many in a row.
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A run that has hung up is no trouble of the user's, whose stderr this is.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        service, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        self._answer(service, rest)

    def _answer(self, service: str, rest: str) -> None:
        answer = _answers(service).get(f"/{rest}", {"status": 404, "body": {"error": "not recorded"}})
        body = filled(answer["body"], datetime.now(UTC))
        # XML is recorded as the text that it is.
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(answer["status"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        # Read, so that closing the connection does not reset it under the answer.
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        # AWS tells what is asked by a header, in older services by a form, and not by the path.
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if form.startswith("Action="):
            operation = form.removeprefix("Action=").partition("&")[0]
        if operation:
            self._answer(self.path.strip("/"), operation)
        else:
            self.do_GET()

    def log_message(self, *args: object) -> None:
        """Quiet: stderr is the user's."""


def filled(value: Any, now: datetime) -> Any:
    """The recorded value with its instants put in."""
    if isinstance(value, dict):
        return {key: filled(inner, now) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, now) for inner in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    if value == "@next_month":
        return wire.month_start(now, 1).strftime("%Y-%m-%dT%H:%M:%SZ")
    if value in ("@year", "@month"):
        return now.year if value == "@year" else now.month
    match = _INSTANT.fullmatch(value)
    if match is None:
        return value
    then = (now + timedelta(seconds=int(match[2]))).replace(microsecond=0)
    return then.isoformat() if match[1] == "iso" else int(then.timestamp())


@cache
def _answers(service: str) -> dict[str, Any]:
    # Names come from the demo's own config; a path of another shape is not recorded.
    path = os.path.join(_FOLDER, f"{wire.slug(service)}.json")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return dict(json.load(file))
