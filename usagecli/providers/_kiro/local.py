"""What Kiro's editor wrote down of its usage: in its state, and in the log of its requests.

Both are brought into the shape of the reply that `usage.parse` reads.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import ProviderError
from usagecli.providers import _sqlite, _vscode

if TYPE_CHECKING:
    from usagecli.machine import Machine

_AGENT, _USAGE = "kiro.kiroAgent", "kiro.resourceNotifications.usageState"
_LOG = ("logs", "*", "window*", "exthost", "kiro.kiroAgent", "q-client.log")
_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d+ \[info\] (\{.*)")
_COMMAND = "GetUsageLimitsCommand"
# Of the newest logs, and of the end of each.
_MAX_LOGS = 10
_MAX_TAIL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Figures as a reply, and when they were true."""

    reply: Mapping[str, Any]
    written_at: datetime
    origin: str


def newest(machine: Machine) -> Told | None:
    """The newest figures of the editor; None where there are none, or none that can be read."""
    try:
        state = _in_state(machine)
    except ProviderError:
        state = None
    found = [told for told in (_in_log(machine), state) if told is not None]
    return max(found, key=lambda told: told.written_at, default=None)


# -- the state --------------------------------------------------------------------------------------


def _in_state(machine: Machine) -> Told | None:
    path = _vscode.state_file(machine, "Kiro")
    text = _sqlite.values(path, (_AGENT,), machine, "Kiro's state").get(_AGENT, "")
    usage = wire.as_mapping(wire.as_mapping(_json(text)).get(_USAGE))
    at = wire.as_instant(usage.get("timestamp"))
    rows = [wire.as_mapping(row) for row in wire.as_rows(usage.get("usageBreakdowns"))]
    if not rows or at is None:
        return None
    reply = {"usageBreakdownList": [_row(row) for row in rows]}
    return Told(reply=reply, written_at=at, origin=machine.short(path))


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One allowance: {"type": "CREDIT", "currentUsage", "usageLimit", "resetDate", "freeTrialUsage"}."""
    trial = wire.as_mapping(row.get("freeTrialUsage"))
    status = {"freeTrialStatus": "ACTIVE", "freeTrialExpiry": trial.get("expiryDate")} if trial else {}
    reset = wire.as_instant(row.get("resetDate"))
    return {
        "resourceType": row.get("type"),
        "currentUsage": row.get("currentUsage"),
        "usageLimit": row.get("usageLimit"),
        "nextDateReset": reset.isoformat() if reset else None,
        "freeTrialInfo": {**trial, **status},
    }


# -- the log ----------------------------------------------------------------------------------------


def _in_log(machine: Machine) -> Told | None:
    """The newest line of all logs: a window that was opened later may have asked earlier."""
    from glob import escape, glob

    folder = _vscode.app_folder(machine, "Kiro")
    paths = sorted(glob(os.path.join(escape(folder), *_LOG)), key=_changed, reverse=True)[:_MAX_LOGS]
    found = [told for path in paths if (told := _last(path, machine)) is not None]
    return max(found, key=lambda told: told.written_at, default=None)


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _last(path: str, machine: Machine) -> Told | None:
    """The last reply in a log. Its lines tell the time of this machine."""
    for line in reversed(_tail(path).splitlines()):
        match = _LINE.fullmatch(line.rstrip()) if _COMMAND in line else None
        body = wire.as_mapping(_json(match[2])) if match else {}
        output = body.get("output")
        if match is None or body.get("commandName") != _COMMAND or not isinstance(output, dict):
            continue
        try:
            at = datetime.fromisoformat(match[1]).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            continue
        return Told(reply=output, written_at=at, origin=machine.short(path))
    return None


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _MAX_TAIL))
            return file.read(_MAX_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
