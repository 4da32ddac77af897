"""Logs of coding agents for `usagecli --demo tokens`: recorded ones, moved to end today."""

from __future__ import annotations

import os
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.machine import Machine

_FOLDER = os.path.join(os.path.dirname(__file__), "logs")
# The last day that something was recorded on.
_LAST_DAY = date(2026, 11, 21)
_PLACES = {"codex": (".codex", "sessions"), "claude": (".claude", "projects")}
_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\d(?=T\d\d:)")


def place(machine: Machine) -> None:
    """Put the logs where the agents would have them below this home."""
    moved = machine.clock().date() - _LAST_DAY
    for agent, place in _PLACES.items():
        source = os.path.join(_FOLDER, agent)
        target = os.path.join(machine.home, *place)
        for folder, _, names in os.walk(source):
            below = os.path.join(target, os.path.relpath(folder, source))
            os.makedirs(below, exist_ok=True)
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text = file.read()
                with open(os.path.join(below, name), "w", encoding="utf-8", newline="\n") as file:
                    file.write(_INSTANT.sub(lambda found: _later(found[0], moved), text))


def _later(day: str, moved: timedelta) -> str:
    return (datetime.fromisoformat(day) + moved).date().isoformat()
