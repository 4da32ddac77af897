"""Claude Code's transcripts (`projects/**/*.jsonl`): lines -> Log.

A response is a row for each of its content blocks, all with the same `message.id` and with usage that
grows towards the last; of those the one with the highest output counts. The four counters are
disjoint. Only rows of type `assistant` are requests: `toolUseResult` and `progress` repeat what
stands in a sub-agent's own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from usagecli.tokens.ask import STANDARD
from usagecli.tokens.events import PICO, UNKNOWN, UNREADABLE, Event, Log, count, decoded, text
from usagecli.tokens.lines import Filter
from usagecli.tokens.times import milliseconds

PROVIDER = "claude"
SYNTHETIC = "<synthetic>"
_ADVICE = "advisor_message"

# The keys of a row up to its type, where that comes before anything nested.
_TYPE = re.compile(rb'\{(?:"\w+":(?:"[^"\\]*"|null|true|false|\d+),)*?"type":"(?P<type>[^"\\]*)"', re.DOTALL)
# Shorter lines are searched for the marker as fast as their type is found.
_LONG = 1024


# A request of more dollars is not real.
_LARGEST_COST = 10_000


def _judge(data: bytes, start: int, end: int) -> bool | None:
    if end - start < _LONG:
        return None
    found = _TYPE.match(data, start, end)
    return False if found is not None and found["type"] != b"assistant" else None


FILTER = Filter(judge=_judge, markers=(b'"usage"',))


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    output_tokens: Any = None
    cache_creation: Any = None
    output_tokens_details: Any = None
    speed: Any = None
    iterations: Any = None


class _Message(msgspec.Struct, gc=False):
    id: Any = None
    model: Any = None
    usage: _Usage | None = None


class _Row(msgspec.Struct, gc=False):
    type: Any = None
    timestamp: Any = None
    message: _Message | None = None
    requestId: Any = None  # noqa: N815
    sessionId: Any = None  # noqa: N815
    uuid: Any = None
    cwd: Any = None
    costUSD: Any = None  # noqa: N815
    isApiErrorMessage: Any = None  # noqa: N815
    forkedFrom: Any = None  # noqa: N815


class _Kind(msgspec.Struct):
    type: Any = None


_decode = msgspec.json.Decoder(_Row).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode


def read(lines: Iterable[bytes], name: str) -> Log:
    """The requests of one transcript. `name`: what the project is called where no row says it."""
    log = Log(provider=PROVIDER, events=[])
    best: dict[tuple[str, str, str], tuple[int, int, _Row]] = {}
    dropped = log.dropped
    for line in lines:
        try:
            row = decoded(line, _decode)
        except UNREADABLE:
            dropped.damaged += _is_damaged(line)
            continue
        message = row.message
        if row.type != "assistant" or message is None or message.usage is None or row.isApiErrorMessage:
            continue
        if message.model == SYNTHETIC:
            dropped.synthetic += 1
            continue
        at = milliseconds(row.timestamp)
        if at is None:
            dropped.damaged += 1
            continue
        session, request = text(row.sessionId), text(row.requestId)
        key = (
            text(message.id) or request or text(row.uuid) or f"{session} {row.timestamp}",
            session,
            request,
        )
        output = count(message.usage.output_tokens)
        held = best.get(key)
        if held is not None:
            dropped.repeated += 1
            if held[0] >= output:
                continue
        best[key] = (output, at, row)
    for key, (_, at, row) in best.items():
        log.events.extend(_events(key, at, row, name))
    return log


def _is_damaged(line: bytes) -> bool:
    """Whether a row that could not be read is damaged, and not merely of a kind without usage."""
    try:
        return bool(decoded(line, _decode_kind).type == "assistant")
    except UNREADABLE:
        return True


def _events(key: tuple[str, str, str], at: int, row: _Row, name: str) -> Iterator[Event]:
    """The request of a row, and those that it made of an adviser on the way."""
    message = row.message
    assert message is not None
    assert message.usage is not None
    usage = message.usage
    id_, session, request = key
    where = (session, request, text(row.cwd) or name)
    copied = row.forkedFrom is not None
    cost = _picodollars(row.costUSD)
    found = _event(at, id_, where, text(message.model), usage, copied)
    if found is not None:
        yield found if cost < 0 else msgspec.structs.replace(found, cost=cost)
    if type(usage.iterations) is list and usage.iterations:
        for number, (model, advice) in enumerate(_advice(usage.iterations), 1):
            found = _event(at, f"{id_}#{number}", where, model, advice, copied)
            if found is not None:
                yield found


def _event(
    at: int, key: str, where: tuple[str, str, str], model: str, usage: _Usage, copied: bool
) -> Event | None:
    """The request that this usage is of; None where all of its counters are 0."""
    input_, output = count(usage.input_tokens), count(usage.output_tokens)
    read_, written = count(usage.cache_read_input_tokens), count(usage.cache_creation_input_tokens)
    if not (input_ or output or read_ or written):
        return None
    split, hourly = usage.cache_creation, 0
    if type(split) is dict:
        # Without the split all of it is the short kind.
        hourly = min(count(split.get("ephemeral_1h_input_tokens")), written)
    details = usage.output_tokens_details
    thought = count(details.get("thinking_tokens")) if type(details) is dict else 0
    session, request, project = where
    return Event(
        at,
        key,
        session,
        request,
        project,
        model or UNKNOWN,
        "fast" if usage.speed == "fast" else STANDARD,
        input_,
        read_,
        written - hourly,
        hourly,
        output,
        min(thought, output),
        -1,
        copied,
    )


def _advice(iterations: list[Any]) -> Iterator[tuple[str, _Usage]]:
    """Model and usage of what was asked of another model; the row's own usage leaves it out."""
    for entry in iterations:
        if type(entry) is dict and entry.get("type") == _ADVICE:
            usage = {name: entry.get(name) for name in _Usage.__struct_fields__ if name != "iterations"}
            yield text(entry.get("model")), _Usage(**usage)


def _picodollars(value: Any) -> int:
    if isinstance(value, (int, float)) and 0 <= value < _LARGEST_COST:
        return round(value * PICO)
    return -1
