"""Small logs of both agents, written line by line, and what `usagecli tokens` counts of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cli import run

DAY = "2026-11-20"
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MODEL, OTHER_MODEL = "gpt-5.5", "gpt-6-sol"
OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
PROJECT = "/home/me/src/api"

Line = dict[str, Any] | bytes


def stamp(minutes: float = 0) -> str:
    """A time stamp so many minutes after the start."""
    moment = START + timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def uuid7(minutes: float = 0, tail: int = 1) -> str:
    """A UUID of version 7, made so many minutes after the start."""
    at = int((START + timedelta(minutes=minutes)).timestamp() * 1000)
    digits = f"{at:012x}7000{tail:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def written(path: Path, lines: Iterable[Line], end: str = "\n") -> Path:
    """A log of these lines (bytes stand as they are), with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        line if isinstance(line, bytes) else json.dumps(line, separators=(",", ":")).encode()
        for line in lines
    ]
    path.write_bytes(b"\n".join(parts) + end.encode() if parts else b"")
    return path


# -- Codex ------------------------------------------------------------------------------------------


def rollout(home: Path, lines: Iterable[Line], name: str = "rollout-a", **more: Any) -> Path:
    """A rollout among the active ones of this home."""
    return written(home / ".codex" / "sessions" / "2026" / "11" / "20" / f"{name}.jsonl", lines, **more)


def line(kind: str, payload: dict[str, Any], minutes: float = 0) -> dict[str, Any]:
    return {"timestamp": stamp(minutes), "type": kind, "payload": payload}


def meta(thread: str = "thread-a", minutes: float = 0, **more: Any) -> dict[str, Any]:
    payload = {"id": thread, "timestamp": stamp(minutes), "cwd": PROJECT, "source": "cli", **more}
    return line("session_meta", payload, minutes)


def turn(model: str | None = MODEL, minutes: float = 0, **more: Any) -> dict[str, Any]:
    return line("turn_context", {"cwd": PROJECT, **({"model": model} if model else {}), **more}, minutes)


def vector(input_: int, cached: int = 0, output: int = 0, reasoning: int = 0, **more: int) -> dict[str, int]:
    return {
        "input_tokens": input_,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": input_ + output,
        **more,
    }


def counted(
    total: dict[str, int] | None, last: dict[str, int] | None, minutes: float = 0, **more: Any
) -> dict[str, Any]:
    """A line of counters; a vector that is None is left out."""
    vectors = {"total_token_usage": total, "last_token_usage": last}
    info = {name: held for name, held in vectors.items() if held is not None}
    return line("event_msg", {"type": "token_count", "info": info, "rate_limits": None, **more}, minutes)


def responses(*sizes: int, minutes: float = 0, before: int = 0, step: float = 1) -> list[dict[str, Any]]:
    """Responses of so many input tokens (and as many tenths of output), the counters going on."""
    lines, total = [], before
    for index, size in enumerate(sizes):
        total += size
        lines.append(
            counted(vector(total, 0, total // 10), vector(size, 0, size // 10), minutes + index * step)
        )
    return lines


# -- Claude Code ------------------------------------------------------------------------------------


def transcript(home: Path, lines: Iterable[Line], name: str = "session-a", **more: Any) -> Path:
    """A transcript of this home."""
    return written(home / ".claude" / "projects" / "-home-me-src-api" / f"{name}.jsonl", lines, **more)


def usage(input_: int = 0, output: int = 0, read: int = 0, written: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens": input_,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": output,
        **more,
    }


def row(
    message: str | None = "msg_1",
    held: dict[str, Any] | None = None,
    minutes: float = 0,
    *,
    model: str = OPUS,
    content: Sequence[Any] = (),
    **more: Any,
) -> dict[str, Any]:
    """A row of a response; a keyword that is None leaves that key out."""
    keys: dict[str, Any] = {
        "type": "assistant",
        "timestamp": stamp(minutes),
        "sessionId": "session-a",
        "cwd": PROJECT,
        "requestId": f"req_of_{message}",
        "uuid": f"uuid-{minutes}",
        **more,
    }
    keys["message"] = {
        **({"id": message} if message is not None else {}),
        "role": "assistant",
        "model": model,
        "content": list(content),
        "usage": usage(10, 1) if held is None else held,
    }
    return {key: value for key, value in keys.items() if value is not None}


# -- what is counted --------------------------------------------------------------------------------


def report(view: str = "daily", *options: str, code: int = 0) -> Any:
    """The document of a view, in UTC."""
    outcome = run("tokens", *([view] if view else []), "--json", "--timezone", "UTC", *options)
    assert outcome.code == code, outcome.err
    return outcome.document


def classes(figures: dict[str, Any]) -> tuple[int, int, int, int]:
    """Input, cache read, cache write, output."""
    keys = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens")
    first, second, third, fourth = (figures[key] for key in keys)
    assert figures["totalTokens"] == first + second + third + fourth
    return first, second, third, fourth


def totals(*options: str) -> tuple[int, int, int, int]:
    """The four classes over all."""
    return classes(report("daily", *options)["totals"])


def by(view: str, *options: str) -> dict[Any, int]:
    """The total tokens of each row of a view."""
    return {next(iter(row.values())): row["totalTokens"] for row in report(view, *options)["rows"]}
