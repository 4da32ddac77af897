"""Alerts under test: one OpenRouter key of 60 dollars whose rest moves, and a config with rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests.accounts import key
from tests.cli import configure, openrouter
from tests.support import Reply, Server, serve

# What is left of the key at 5, 12, 16 and 50 percent.
LOW, SHORT, CLOSE, FINE = 3, 7.2, 9.6, 30
RESETS = "resets Mon 00:00"


@contextmanager
def alerting(left: float = FINE, *names: str, **root: Any) -> Iterator[Server]:
    """The server, and a config with such services (all of one account) and these keys beside them."""
    with serve({"/key": Reply(key(left))}) as server:
        write(server, *names, **root)
        yield server


def write(server: Server, *names: str, **root: Any) -> None:
    """Write the config anew."""
    path = configure([openrouter(server.url, name) for name in names or ("work",)])
    body = {**yaml.safe_load(path.read_text(encoding="utf-8")), **root}
    path.write_text(yaml.safe_dump(body), encoding="utf-8")


def leave(server: Server, left: float) -> None:
    """From now on so much is left."""
    server.routes["/key"] = Reply(key(left))


def break_down(server: Server) -> None:
    """From now on the server has a problem of its own."""
    server.routes["/key"] = Reply({}, 500)
