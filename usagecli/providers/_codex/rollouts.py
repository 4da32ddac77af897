"""The newest rate limits in Codex's own session logs -> `Usage`.

Source: the protocol and the rollout recorder of github.com/openai/codex, read 2026-11. A session is
a file of JSON lines below `sessions/YYYY/MM/DD`; with every answer comes an event that carries what
the server said of the plan's windows, and never whose plan it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.local import Local, standing
from usagecli.model import Usage, unique
from usagecli.providers._codex import credentials
from usagecli.providers._codex.contract import EMPTY, contract
from usagecli.providers._codex.credits import balances
from usagecli.providers._codex.usage import plan_name
from usagecli.providers._codex.windows import core_quotas, windows

if TYPE_CHECKING:
    from usagecli.credentials import Credential
    from usagecli.machine import Machine
    from usagecli.model import Service

_MARK = b'"token_count"'
# How many files are read, and how many names are looked at to find the ones last written.
_FILES, _LISTED = 10, 300
# How much of a file's end is read: first little; a session that said nothing in all of it is passed over.
_TAILS = (64 << 10, 256 << 10, 8 << 20)
_USUAL_MINUTES = (300, 10_080)


def recall(service: Service, credential: Credential | None, machine: Machine) -> Local | None:
    """What stands in for the service's own answer; None where it may be another account's."""
    if service.credential is not None:
        return None
    home = credentials.home(machine)
    login = os.path.join(home, "auth.json")
    if credential is not None and credential.origin != machine.short(login):
        return None
    found = newest(home, machine.clock())
    if found is None:
        return None
    usage, at = found
    if credential is not None:
        usage = replace(usage, account=credential.facts.get("email") or credential.account_id)
    try:
        # Before its last change the file may have held another login.
        if at.timestamp() <= os.stat(login).st_mtime:
            return None
    except OSError:
        pass
    return standing(usage, at, machine.clock(), "Codex", EMPTY)


def newest(home: str, now: datetime) -> tuple[Usage, datetime] | None:
    """The newest figures below a Codex home, and when Codex was sent them; None where there are none.

    Sessions run side by side, so that the file written last need not hold the newest figure.
    """
    best: tuple[Usage, datetime] | None = None
    for changed, path in _last_written(home):
        if best is not None and changed < best[1].timestamp():
            break
        for line in _backwards(path):
            found = parse(line)
            if found is not None and found[1] <= now:
                if best is None or found[1] > best[1]:
                    best = found
                break
    return best


def parse(line: bytes) -> tuple[Usage, datetime] | None:
    """One line of a log: its figures and its time; None for any other line. Never raises.

    Shape: {"timestamp": ISO, "payload": {"type": "token_count", "rate_limits": {"limit_id": "codex",
    "primary": {"used_percent": 36.5, "window_minutes": 300, "resets_at": EPOCH}, "secondary": ...,
    "credits": {...}, "plan_type": "plus"}}}
    """
    try:
        body = wire.as_mapping(json.loads(line))
    except (ValueError, RecursionError):
        # The last line may be cut off: Codex is writing it.
        return None
    payload = wire.as_mapping(body.get("payload"))
    at = wire.as_instant(body.get("timestamp"))
    limits = wire.as_mapping(payload.get("rate_limits"))
    if payload.get("type") != "token_count" or at is None or limits.get("limit_id") not in (None, "codex"):
        return None
    reached = limits.get("rate_limit_reached_type") is not None
    block = {
        "allowed": not reached,
        "limit_reached": reached,
        **{slot: _as_answered(limits.get(slot)) for slot in ("primary", "secondary")},
    }
    found = windows(block, at)
    if not found:
        return None
    usage = Usage(
        quotas=unique(core_quotas(found)),
        balances=tuple(balances({"credits": limits.get("credits")})),
        plan=plan_name(limits.get("plan_type")),
        source="local",
        stopped=reached,
        contract=contract(limits, block),
    )
    return usage, at


def _as_answered(sent: Any) -> Mapping[str, Any] | None:
    """A logged window in the shape that the server's own answer has."""
    if not isinstance(sent, dict):
        return None
    minutes = wire.as_number(sent.get("window_minutes"))
    return {
        "used_percent": sent.get("used_percent"),
        "limit_window_seconds": None if minutes is None else _usual(int(minutes)) * 60,
        "reset_at": sent.get("resets_at"),
        "reset_after_seconds": sent.get("resets_in_seconds"),
    }


def _usual(minutes: int) -> int:
    """Older versions wrote 299 and 10079."""
    return next((usual for usual in _USUAL_MINUTES if abs(minutes - usual) * 20 <= usual), minutes)


# -- files ------------------------------------------------------------------------------------------


def _last_written(home: str) -> list[tuple[float, str]]:
    """The last files that were written, the newest first, each with its time."""
    found = []
    for path in _paths(home):
        try:
            found.append((os.stat(path).st_mtime, path))
        except OSError:
            continue
        if len(found) >= _LISTED:
            break
    return sorted(found, reverse=True)[:_FILES]


def _paths(home: str) -> Iterator[str]:
    """Session logs, those of the latest days first. Compressed ones are not read."""
    pending = [(os.path.join(home, "archived_sessions"), 0), (os.path.join(home, "sessions"), 3)]
    while pending:
        folder, depth = pending.pop()
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        if depth:
            pending += [(os.path.join(folder, name), depth - 1) for name in names]
            continue
        yield from (os.path.join(folder, name) for name in reversed(names) if name.endswith(".jsonl"))


def _backwards(path: str) -> Iterator[bytes]:
    """The lines of a log that may hold figures, the last first; nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            end = size
            for tail in _TAILS:
                start = max(0, size - tail)
                file.seek(start)
                lines = file.read(end - start).split(b"\n")
                # The first is only a part of one, which the next longer piece has whole.
                first = lines[0] if start else b""
                yield from (line for line in reversed(lines[1:] if start else lines) if _MARK in line)
                if not start:
                    return
                end = start + len(first)
    except OSError:
        return
