"""Which day it was, and where: the zone that days are counted in."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from usagecli.errors import ConfigError

if TYPE_CHECKING:
    from usagecli.machine import Machine

LOCAL = "local"
# What days and hours are counted in: no zone has an hour that begins within one.
QUARTER_MS = 900_000
_LINKED = "/etc/localtime"


def local_name(machine: Machine) -> str:
    """What the machine's own zone is called; `local` where nothing says it."""
    if machine.demo:
        return "UTC"
    named = machine.get("TZ") or os.path.realpath(_LINKED).partition("/zoneinfo/")[2]
    return named.removeprefix(":") or LOCAL


class Zone:
    """A zone: a name to show, and the calendar day and hour of an instant there."""

    def __init__(self, name: str, *, given: bool = True) -> None:
        """Raises ConfigError for a name that was given and is not known."""
        self.name = name
        self._tz = self._find(name, given=given)
        self._days: dict[int, tuple[date, int]] = {}

    @staticmethod
    def _find(name: str, *, given: bool) -> tzinfo | None:
        if name.upper() == "UTC":
            return UTC
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(name)
        except (ValueError, OSError, LookupError):
            if given:
                told = "there is no such zone; give one like Europe/Berlin, or UTC"
                raise ConfigError(f"--timezone: {name}: {told}") from None
            # The system knows what its own zone is, whatever it is called.
            return None

    def quarter(self, quarter: int) -> tuple[date, int]:
        """Day and hour of a quarter of an hour, counted from 1970."""
        found = self._days.get(quarter)
        if found is None:
            moment = datetime.fromtimestamp(quarter * QUARTER_MS // 1000, UTC).astimezone(self._tz)
            found = self._days[quarter] = (moment.date(), moment.hour)
        return found

    def today(self, now: datetime) -> date:
        return now.astimezone(self._tz).date()


def week_of(day: date, start: int) -> date:
    """The first day of the day's week, which starts on that weekday (0: Monday)."""
    return day - timedelta((day.weekday() - start) % 7)
