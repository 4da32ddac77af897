"""A server with one account for each state that a service can be in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cli import KEY, configure, openrouter
from tests.support import Reply, Route, Server, serve


def key(left: float, **more: Any) -> dict[str, Any]:
    """OpenRouter's answer for a key of 60 dollars with so much left."""
    return {"data": {**KEY["data"], "limit_remaining": left, **more}}


ROUTES: dict[str, Route] = {
    "/fine/key": Reply(key(30)),
    "/other/key": Reply(key(45)),
    "/low/key": Reply(key(3)),
    "/spent/key": Reply(key(0)),
    "/refused/key": Reply({}, 401),
}


@contextmanager
def accounts(*names: str, **defaults: Any) -> Iterator[Server]:
    """The server, and a config with those accounts as services of these names."""
    with serve(ROUTES) as server:
        configure([openrouter(f"{server.url}/{name}", name) for name in names], **defaults)
        yield server
