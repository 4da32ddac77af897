"""Grok's own log: the billing answers that its command line got, a line each.

The newest stand at the end, and a line may be half written: the log is read backwards, as little
of it as will do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from usagecli import wire

_MESSAGE = "billing: fetched credits config"
_MARK = _MESSAGE.encode()
# Tried one after another, then the whole file; Grok starts a new one at 5 MB.
_TAILS = (64 << 10, 256 << 10)
_MAX_FILE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An answer as it stands in the log: `body` in the shape of the endpoint's, `at` when Grok got it."""

    body: Mapping[str, Any]
    at: datetime


def last_answer(path: str) -> Logged | None:
    """The newest answer that says anything; None where there is none, or no log that can be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            for length in (*(tail for tail in _TAILS if tail < size), min(size, _MAX_FILE)):
                found = next(_answers(_tail(file, size, length)), None)
                if found is not None:
                    return found
    except OSError:
        pass
    return None


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    """The last so many bytes, from the first whole line on."""
    file.seek(size - length)
    data = file.read(length)
    return data if length >= size else data.partition(b"\n")[2]


def _answers(data: bytes) -> Iterator[Logged]:
    """The answers, newest first."""
    for line in reversed(data.split(b"\n")):
        found = _answer(line) if _MARK in line else None
        if found is not None:
            yield found


def _answer(line: bytes) -> Logged | None:
    try:
        entry = wire.as_mapping(json.loads(line, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return None
    at, context = wire.as_instant(entry.get("ts")), wire.as_mapping(entry.get("ctx"))
    if entry.get("msg") != _MESSAGE or at is None or not wire.as_mapping(context.get("config")):
        return None
    return Logged(body=context, at=at)
