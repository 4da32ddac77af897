"""From when until when: days and instants as they are given, in the zone of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import click

_DEFAULT = timedelta(days=7)


class Span(NamedTuple):
    """Aware UTC, in whole seconds; `until` is exclusive."""

    since: datetime
    until: datetime


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A day (2026-11-21) or an instant (2026-11-21T08:00, with or without an offset)."""

    name = "day or instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | datetime:
        if isinstance(value, date):
            return value
        try:
            found: date | datetime = date.fromisoformat(value)
        except ValueError:
            found = self._instant(value, param, ctx)
        # Beyond these, not every system knows its zone.
        if not 1971 <= found.year <= 2900:
            self.fail(f"{value!r} is of no year from 1971 to 2900", param, ctx)
        return found

    def _instant(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-11-21, nor 2026-11-21T08:00", param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The span as it was asked for; None for what was not."""

    hours: int | None = None
    days: int | None = None
    since: date | datetime | None = None
    until: date | datetime | None = None

    def span(self, now: datetime) -> Span:
        """The span at that instant. Raises ValueError, saying what does not go together."""
        given = [name for name in ("hours", "days", "since") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give --{given[0]} or --{given[1]}, not both")
        # The reading of this very second belongs to it.
        until = (
            _end(self.until) if self.until is not None else now.replace(microsecond=0) + timedelta(seconds=1)
        )
        if self.since is not None:
            since = _start(self.since)
        elif self.hours is not None:
            since = until - timedelta(hours=self.hours)
        else:
            since = until - (_DEFAULT if self.days is None else timedelta(days=self.days))
        if since >= until:
            raise ValueError("it ends before it begins: --since must be before --until, and not ahead")
        return Span(since, until)


def _start(given: date | datetime) -> datetime:
    if isinstance(given, datetime):
        # One without an offset is of this machine's zone.
        return given.astimezone(UTC).replace(microsecond=0)
    return datetime(given.year, given.month, given.day).astimezone().astimezone(UTC)


def _end(given: date | datetime) -> datetime:
    """A day is meant as a whole."""
    return _start(given if isinstance(given, datetime) else given + timedelta(days=1))
