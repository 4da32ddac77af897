"""Answers that were recorded: a descriptor asks them as it would ask the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from usagecli.client import Answer
from usagecli.declarative.asking import Call
from usagecli.errors import Unavailable


def answer(body: Any, at: datetime, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A recorded answer with a JSON body."""
    told = {name.lower(): value for name, value in (headers or {}).items()}
    return Answer(
        status=status, headers=told, body=json.dumps(body).encode(), host="recorded.example.com", at=at
    )


class Recorded:
    """A `Send` that gives each request its answers in order, and keeps what was asked in `calls`."""

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self.answers = answers
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Answer:
        """Raises Unavailable where there is no further answer."""
        self.calls.append(call)
        found = self.answers.get(call.request.name, ())
        if call.number >= len(found):
            raise Unavailable(
                f"no recorded answer for the request {call.request.name}",
                hint=f"give one: --payload {call.request.name}=FILE",
            )
        return found[call.number]
