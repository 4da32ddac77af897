"""Claude Code's transcripts (`projects/**/*.jsonl`): lines -> Log.

A response is a row for each of its content blocks, all with the same `message.id` and with usage that
grows towards the last; of those the one with the highest output counts. The four counters are
disjoint. Only rows of type `assistant` are requests: `toolUseResult` and `progress` repeat what
stands in a sub-agent's own file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from usagecli.tokens.ask import STANDARD
from usagecli.tokens.events import PICO, UNKNOWN, UNREADABLE, Count, Event, Log, decoded, mended, text
from usagecli.tokens.lines import Filter
from usagecli.tokens.times import milliseconds

PROVIDER = "claude"
SYNTHETIC = "<synthetic>"
_ADVICE = "advisor_message"

# How far from its beginning a row has its type, if that stands before its message.
_HEAD = 512


def _judge(data: bytes, start: int, end: int) -> bool | None:
    at = data.find(b'"type":"', start, min(start + _HEAD, end))
    # Before the first inner object it is the row's own.
    if at < 0 or data.find(b"{", start + 1, at) >= 0:
        return None
    return data.startswith(b'assistant"', at + 8)


FILTER = Filter(judge=_judge, markers=(b'"assistant"',))
# A request of more dollars is not real.
_LARGEST_COST = 10_000


class _Split(msgspec.Struct, gc=False):
    ephemeral_1h_input_tokens: Count = 0


class _Details(msgspec.Struct, gc=False):
    thinking_tokens: Count = 0


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_read_input_tokens: Count = 0
    output_tokens: Count = 0
    cache_creation: _Split | None = None
    output_tokens_details: _Details | None = None
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


_ROW = msgspec.json.Decoder(_Row)
_KIND = msgspec.json.Decoder(_Kind)


def read(lines: Iterable[bytes], name: str) -> Log:
    """The requests of one transcript. `name`: what the project is called where no row says it."""
    log = Log(provider=PROVIDER, events=[])
    best: dict[tuple[str, str, str], tuple[int, int, _Row]] = {}
    dropped = log.dropped
    for line in lines:
        try:
            row = decoded(line, _ROW)
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
        output = message.usage.output_tokens
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
        return bool(decoded(line, _KIND).type == "assistant")
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
    input_, output = usage.input_tokens, usage.output_tokens
    read_, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    if not (input_ or output or read_ or written):
        return None
    # Without the split all of it is the short kind.
    hourly = min(usage.cache_creation.ephemeral_1h_input_tokens, written) if usage.cache_creation else 0
    thought = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0
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
            try:
                usage = msgspec.convert(mended(entry), _Usage)
            except msgspec.ValidationError:
                continue
            yield text(entry.get("model")), usage


def _picodollars(value: Any) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST_COST:
        return round(value * PICO)
    return -1
