"""Codex's rollouts (`sessions/**/rollout-*.jsonl`): lines -> Log.

Only `token_count` lines carry usage: `last_token_usage` is one response, `total_token_usage` the sum
over the thread. The same counters are written again and again; a thread that was forked begins with
a copy of its parent's lines under new time stamps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from usagecli.tokens.ask import STANDARD
from usagecli.tokens.events import UNKNOWN, UNREADABLE, Count, Event, Log, decoded, text
from usagecli.tokens.lines import Filter
from usagecli.tokens.times import milliseconds, uuid_milliseconds

PROVIDER = "codex"

# What a line is, from its head as Codex writes it.
_HEAD = re.compile(
    rb'\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)")?'
)
_KINDS = frozenset((b"session_meta", b"turn_context"))
_EVENTS = frozenset((b"token_count", b"task_started", b"thread_settings_applied"))
# Input, cached (within input), output, reasoning (within output), and written (within input): the
# first four tell whether counters have moved, the last is not in every log.
_Vector = tuple[int, int, int, int, int]
_TOTALS = b'"total_token_usage":{'
_NOTHING: _Vector = (0, 0, 0, 0, 0)


def _judge(data: bytes, start: int, end: int) -> bool | None:
    found = _HEAD.match(data, start, end)
    if found is None:
        return None
    kind, event = found.groups()
    # An event whose payload does not begin with its type may be any.
    return kind in _KINDS or (kind == b"event_msg" and (event is None or event in _EVENTS))


FILTER = Filter(
    judge=_judge,
    markers=tuple(b'"%b"' % name for name in sorted(_KINDS | _EVENTS)),
    dull=b'"response_item"',
    sure=b'"type":"event_msg","payload":{"type":"token_count"',
)


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_output_tokens: Count = 0


class _Info(msgspec.Struct, gc=False):
    total_token_usage: _Usage | None = None
    last_token_usage: _Usage | None = None
    model: Any = None


class _Payload(msgspec.Struct, gc=False):
    type: Any = None
    info: _Info | None = None
    model: Any = None
    cwd: Any = None
    id: Any = None
    timestamp: Any = None
    forked_from_id: Any = None
    source: Any = None
    turn_id: Any = None
    started_at: Any = None
    thread_settings: Any = None


class _Line(msgspec.Struct, gc=False):
    type: Any = None
    timestamp: Any = None
    payload: _Payload | None = None


_LINE = msgspec.json.Decoder(_Line)


def read(lines: Iterable[bytes], name: str) -> Log:
    """The requests of one rollout. `name`: the thread's id where no line says it."""
    reader = _Reader(Log(provider=PROVIDER, events=[], thread=name))
    dropped = reader.log.dropped
    for line in lines:
        if reader.is_repeated(line):
            dropped.repeated += 1
            continue
        try:
            found = decoded(line, _LINE)
        except UNREADABLE:
            reader.written = b""
            dropped.damaged += 1
            continue
        payload = found.payload
        if payload is None:
            continue
        if found.type == "event_msg":
            if payload.type == "token_count":
                if payload.info is not None:
                    reader.count(found.timestamp, payload, payload.info)
            elif payload.type == "task_started":
                reader.turn(payload)
            elif payload.type == "thread_settings_applied":
                reader.settings(payload)
        elif found.type == "turn_context":
            reader.turn(payload)
            reader.context(payload)
        elif found.type == "session_meta":
            reader.meta(payload)
    reader.finish()
    return reader.log


@dataclass(slots=True)
class _Reader:
    """What is known on the way through a rollout."""

    log: Log
    model: str = ""
    project: str = ""
    tier: str = STANDARD
    before: _Vector | None = None
    metas: int = 0
    created: int | None = None
    inherited_turns: bool = False
    # The totals as they were last written in a line that counts: whole ones after a damaged line do.
    written: bytes = b""

    def is_repeated(self, line: bytes) -> bool:
        """Whether the line has the same totals in the same words: four in ten have."""
        start = line.find(_TOTALS)
        if start < 0:
            return False
        before, self.written = self.written, line[start : line.find(b"}", start)]
        return self.written == before

    def meta(self, payload: _Payload) -> None:
        """The first says what the thread is; further ones came with the history of another."""
        self.metas += 1
        self.project = text(payload.cwd) or self.project
        log = self.log
        if self.metas == 1:
            log.thread = text(payload.id) or log.thread
            self.created = uuid_milliseconds(log.thread) or milliseconds(payload.timestamp)
            log.parent = text(payload.forked_from_id)
            log.spawner = _spawner(payload.source)
        elif not log.parent and text(payload.id) != log.thread:
            log.parent = text(payload.id)

    def context(self, payload: _Payload) -> None:
        """The model and the directory from here on."""
        self.model = text(payload.model) or self.model
        self.project = text(payload.cwd) or self.project

    def settings(self, payload: _Payload) -> None:
        """The service tier from here on."""
        settings = payload.thread_settings
        tier = text(settings.get("service_tier")) if type(settings) is dict else ""
        self.tier = STANDARD if tier in ("", "default", "auto") else tier

    def turn(self, payload: _Payload) -> None:
        """A turn begins; the first that is no older than the thread ends the copied history."""
        if self.log.own_from >= 0 or self.created is None:
            return
        began = uuid_milliseconds(text(payload.turn_id))
        if began is None and type(payload.started_at) is int:
            # In whole seconds: the last moment of it.
            began = payload.started_at * 1000 + 999
        if began is None:
            return
        if began >= self.created:
            self.log.own_from = len(self.log.events)
        else:
            self.inherited_turns = True

    def count(self, timestamp: Any, payload: _Payload, info: _Info) -> None:
        """One line of counters: a request, unless they have not moved."""
        at = milliseconds(timestamp)
        if at is None:
            self.written = b""
            self.log.dropped.damaged += 1
            return
        total = None if info.total_token_usage is None else _vector(info.total_token_usage)
        before = self.before
        if total is not None:
            if before is not None and total[:4] == before[:4]:
                self.log.dropped.repeated += 1
                return
            self.before = total
        if info.last_token_usage is not None:
            used = _vector(info.last_token_usage)
        elif total is not None:
            used = _difference(total, before or _NOTHING)
        else:
            return
        input_, cached, output, reasoning, written = used
        if not (input_ or output or cached or written):
            return
        if cached > input_:
            cached = input_
        if written > input_ - cached:
            written = input_ - cached
        model = self.model or text(payload.model) or text(info.model) or UNKNOWN
        key, log = total or used, self.log
        log.events.append(
            Event(
                at,
                f"{key[0]} {key[1]} {key[2]} {key[3]}",
                log.thread,
                "",
                self.project,
                model,
                self.tier,
                input_ - cached - written,
                cached,
                written,
                0,
                output,
                reasoning if reasoning < output else output,
            )
        )

    def finish(self) -> None:
        """Settle where the thread's own requests begin."""
        log = self.log
        if not log.parent:
            log.own_from = 0
        elif log.own_from < 0 and self.inherited_turns:
            log.own_from = len(log.events)


def _spawner(source: Any) -> str:
    for name in ("subagent", "thread_spawn"):
        source = source.get(name) if type(source) is dict else None
    return text(source.get("parent_thread_id")) if type(source) is dict else ""


def _vector(usage: _Usage) -> _Vector:
    return (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_output_tokens,
        usage.cache_write_input_tokens,
    )


def _difference(total: _Vector, before: _Vector) -> _Vector:
    """What came on top; where a counter went down they began anew."""
    parts = tuple(new - old for new, old in zip(total, before, strict=True))
    return total if min(parts) < 0 else parts  # type: ignore[return-value]
