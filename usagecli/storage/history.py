"""How quotas and balances moved: every live report, in one SQLite file of the data directory.

A row a quota or balance and instant, and one a service and instant for how asking went. Nothing here
ever stops or spoils a report: what goes wrong is a warning.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from usagecli import log
from usagecli.storage.database import connect, is_damage, put_aside, transaction
from usagecli.storage.migrations import MIGRATIONS as MIGRATIONS

if TYPE_CHECKING:
    from usagecli.config import Keep
    from usagecli.machine import Machine
    from usagecli.model import Balance, Quota, Report

_T = TypeVar("_T")

NAME = "history.sqlite"
# How long a report may be held up by another run that is writing.
_WAIT_S = 0.5
_HOUR, _DAY = 3600, 86400
# What nothing is left of.
_EMPTY = (
    "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE series = series.id)",
    "DELETE FROM services WHERE NOT EXISTS (SELECT 1 FROM series WHERE service = services.id)"
    " AND NOT EXISTS (SELECT 1 FROM outcomes WHERE service = services.id)",
)

Kind = Literal["quota", "balance"]


class Series(NamedTuple):
    """A quota or balance over time. `account` tells accounts of one service apart and names nobody;
    `name` is the id of the quota or balance, `window` its length in seconds."""

    id: int
    service: str
    provider: str
    account: str
    kind: Kind
    name: str
    label: str
    scope: str | None
    unit: str
    window: int | None


class Sample(NamedTuple):
    """One reading, at whole seconds since 1970. `percent` is of what is used, 0 to 100 or more; of a
    balance `remaining` is its amount and all else None."""

    at: int
    used: float | None
    limit: float | None
    remaining: float | None
    percent: float | None
    resets_at: int | None
    source: str


class Outcome(NamedTuple):
    """How asking a service went. `error` is the kind of the failure, None after an answer."""

    service: str
    provider: str
    account: str
    at: int
    status: str
    error: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Live:
    """A report that was fetched in this run, and when. `account` names the account as the cache does."""

    account: str
    at: datetime
    report: Report


def live(account: str, report: Report, now: datetime) -> Live:
    """The report, as of its answer; where there was none, as of now."""
    return Live(account, now if report.failure else report.fetched_at or now, report)


class History:
    """An open history. Its methods raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def close(self) -> None:
        self._database.close()

    @property
    def database(self) -> sqlite3.Connection:
        """The open file, for what else is kept in it."""
        return self._database

    # -- writing ---------------------------------------------------------------------------------

    def record(self, reports: Sequence[Live]) -> None:
        """Keep these, all or none; the same once more changes nothing."""
        with transaction(self._database):
            for live in reports:
                self._record(live)

    def _record(self, live: Live) -> None:
        report, at = live.report, int(live.at.timestamp())
        service = self._service(report.service.name, report.service.provider, live.account)
        failure, usage = report.failure, report.usage
        told = (failure.kind, failure.message) if failure else (None, None)
        self._database.execute(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)", (service, at, report.status, *told)
        )
        if failure is not None or usage is None:
            # The figures beside an error are old ones.
            return
        for quota in usage.quotas:
            figures = _figures(quota)
            if figures is not None:
                series = self._series(service, "quota", quota, quota.window_seconds)
                self._sample(series, Sample(at, *figures, source=usage.source))
        for balance in usage.balances:
            # One of an earlier report was recorded with that.
            amount = _number(balance.amount)
            if amount is not None and balance.as_of is None:
                series = self._series(service, "balance", balance, None)
                self._sample(series, Sample(at, None, None, amount, None, None, usage.source))

    def _service(self, *key: str) -> int:
        insert = "INSERT OR IGNORE INTO services (name, provider, account) VALUES (?, ?, ?)"
        self._database.execute(insert, key)
        select = "SELECT id FROM services WHERE name = ? AND provider = ? AND account = ?"
        return int(self._database.execute(select, key).fetchone()[0])

    def _series(self, service: int, kind: Kind, of: Quota | Balance, window: int | None) -> int:
        row = self._database.execute(
            "INSERT INTO series (service, kind, name, label, scope, unit, window)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (service, kind, name) DO UPDATE"
            " SET label = excluded.label, scope = excluded.scope, unit = excluded.unit,"
            " window = excluded.window RETURNING id",
            (service, kind, of.id, of.label, of.scope, of.unit, window),
        )
        return int(row.fetchone()[0])

    def _sample(self, series: int, sample: Sample) -> None:
        insert = "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self._database.execute(insert, (series, *sample))

    def prune(self, keep: Keep, now: datetime) -> int:
        """Thin out what is older than the config wants it whole: the rows that went.

        Of an hour, later of a day, the last sample stays; of outcomes only the young ones.
        """
        at = int(now.timestamp())
        full, hourly, daily = (
            at - days * _DAY for days in (keep.full_days, keep.hourly_days, keep.daily_days)
        )
        before = self._database.total_changes
        with transaction(self._database):
            for length, until, since in ((_HOUR, full, hourly), (_DAY, min(full, hourly), daily)):
                self._database.execute(
                    "DELETE FROM samples WHERE at < ? AND at >= ? AND EXISTS (SELECT 1 FROM samples AS later"
                    " WHERE later.series = samples.series AND later.at > samples.at"
                    " AND later.at < (samples.at / ? + 1) * ?)",
                    (until, since, length, length),
                )
            self._database.execute("DELETE FROM samples WHERE at < ?", (daily,))
            self._database.execute("DELETE FROM outcomes WHERE at < ?", (max(full, daily),))
            gone = self._database.total_changes - before
            for empty in _EMPTY:
                self._database.execute(empty)
            self._database.execute("INSERT OR REPLACE INTO state VALUES ('pruned', ?)", (str(at),))
        return gone

    def pruned_at(self) -> int:
        """When it was last thinned out, in seconds since 1970; 0 for never."""
        row = self._database.execute("SELECT value FROM state WHERE name = 'pruned'").fetchone()
        return 0 if row is None else int(row[0])

    def compact(self) -> None:
        """Give back the room of what went."""
        self._database.execute("VACUUM")

    # -- reading ---------------------------------------------------------------------------------

    def series(self, owner: tuple[str, str, str] | None = None) -> list[Series]:
        """Everything that was ever recorded and is still there, in the order in which it appeared; of
        the `owner` (service, provider, account) alone, if given."""
        of = "" if owner is None else "WHERE (services.name, provider, account) = (?, ?, ?) "
        rows = self._database.execute(
            "SELECT series.id, services.name, provider, account, kind, series.name, label, scope, unit,"  # noqa: S608
            f" window FROM series JOIN services ON services.id = service {of}ORDER BY services.id, series.id",
            owner or (),
        )
        return [Series(*row) for row in rows]

    def latest(self) -> dict[tuple[str, str, str], int]:
        """When each account (service, provider, account) was read last."""
        rows = self._database.execute(
            "SELECT services.name, provider, account,"
            " max((SELECT max(at) FROM samples WHERE samples.series = series.id))"
            " FROM series JOIN services ON services.id = service GROUP BY services.id"
        )
        return {(service, provider, account): at or 0 for service, provider, account, at in rows}

    def samples(self, series: int, since: int, until: int | None = None) -> list[Sample]:
        """The readings from `since` on and before `until`, oldest first."""
        rows = self._database.execute(
            'SELECT at, used, "limit", remaining, percent, resets_at, source FROM samples'
            " WHERE series = ? AND at >= ? AND at < ? ORDER BY at",
            (series, since, 1 << 62 if until is None else until),
        )
        return [Sample(*row) for row in rows]

    def outcomes(self, since: int, until: int | None = None) -> list[Outcome]:
        """How asking went, oldest first."""
        rows = self._database.execute(
            "SELECT name, provider, account, at, status, error, message FROM outcomes"
            " JOIN services ON services.id = service WHERE at >= ? AND at < ? ORDER BY at, services.id",
            (since, 1 << 62 if until is None else until),
        )
        return [Outcome(*row) for row in rows]


_Figures = tuple[float | None, float | None, float | None, float | None, int | None]


def _figures(quota: Quota) -> _Figures | None:
    """Used, limit, remaining, percent and reset; None where nothing of its use is known."""
    if quota.used is None and quota.remaining is None and quota.percent_used is None:
        return None
    return (
        _number(quota.used),
        _number(quota.limit),
        _number(quota.remaining),
        _number(quota.percent_used),
        None if quota.resets_at is None else int(quota.resets_at.timestamp()),
    )


def _number(value: Decimal | None) -> float | None:
    if value is None or not value.is_finite():
        return None
    found = float(value)
    return found if math.isfinite(found) else None


# -- the file ---------------------------------------------------------------------------------------


def path_of(machine: Machine) -> str:
    """Where the history is."""
    return os.path.join(machine.data_dir, NAME)


@contextlib.contextmanager
def opened(machine: Machine) -> Iterator[History]:
    """The history, made where there is none. Raises sqlite3.Error and OSError.

    A damaged one is put aside, and said so.
    """
    os.makedirs(machine.data_dir, mode=0o700, exist_ok=True)
    path = path_of(machine)
    try:
        database = _connected(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        put_aside(path, error)
        database = _connected(path)
    with contextlib.closing(History(database)) as history:
        yield history


def _connected(path: str) -> sqlite3.Connection:
    # A lost last sample is no harm: waiting for the disk would be.
    return connect(path, MIGRATIONS, wait_s=_WAIT_S, pragmas=("journal_mode = WAL", "synchronous = NORMAL"))


def attempt(machine: Machine, action: Callable[[History], _T], without: str) -> _T | None:
    """What the action gives; None where the history cannot be used, which is told: `without` says what
    follows from it."""
    path = path_of(machine)
    try:
        with opened(machine) as history:
            return action(history)
    except OSError as error:
        log.warn(f"{path}: {error.strerror}; {without}")
    except sqlite3.Error as error:
        if is_damage(error):
            # It shows only on the way: the next run begins a new file.
            with contextlib.suppress(sqlite3.OperationalError):
                put_aside(path, error)
        else:
            log.warn(f"{path}: {error}; {without}")
    # Damage within a text, or a number that no column holds.
    except (UnicodeError, OverflowError, TypeError) as error:
        log.warn(f"{path}: holds or was given what cannot be read ({type(error).__name__}); {without}")
    return None


def keep_reports(machine: Machine, keep: Keep, reports: Sequence[Live]) -> None:
    """Record what was fetched in this run; once a day, thin out what is old."""

    def action(history: History) -> None:
        history.record(reports)
        now = machine.clock()
        # A clock that was set back is no reason never to prune again.
        if not 0 <= now.timestamp() - history.pruned_at() < _DAY:
            history.prune(keep, now)

    if reports and keep.enabled:
        attempt(machine, action, "this run is not in the history")
