"""A week of readings for `usagecli --demo history`: made up backwards from what the demo answers now.

What is random is seeded by the names, and days and nights are counted from now, so that every run
shows the same. Whatever the live answer says stands last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zlib import crc32

from usagecli import assess
from usagecli.collect import Collector, Result, Rules, Target
from usagecli.model import Balance, Failure, Quota, Service, Usage
from usagecli.storage import history

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.machine import Machine

_SPAN, _STEP = timedelta(days=7), timedelta(minutes=30)
_ROUND = timedelta(minutes=5)
# The hours before now, modulo a day, in which hardly anybody works.
_NIGHT = range(9, 18)
# One service was down, this long ago and for as many hours.
_DOWN, _DOWN_SINCE, _DOWN_UNTIL = "claude", timedelta(days=3, hours=6), timedelta(days=3, hours=2)
_OUTAGE = Failure(kind="unavailable", message="api.anthropic.com answered 503 (service unavailable)")
# Of what a balance holds now: what the week took of it, and what came in between, and when.
_SPENT, _TOPPED_UP, _TOP_UP_AGO = Decimal("0.6"), Decimal("0.5"), timedelta(days=2, hours=3)
_ZERO = Decimal(0)


def place(machine: Machine, config: Config) -> None:
    """Ask the demo's services, and record a week that leads up to what they answer."""
    targets = [Target(service=service) for service in config.services or ()]
    results = Collector(machine, Rules()).run(targets)
    now = machine.clock()
    past = [live for result in results for live in _past(result, now)]
    with history.opened(machine) as opened:
        opened.record(past)


def _past(result: Result, now: datetime) -> Iterator[history.Live]:
    """Every reading of the service, oldest first, the live one last."""
    figures = _Figures(result.usage, result.service, now) if result.usage is not None else None
    steps = _SPAN // _STEP
    for step in range(steps, -1, -1):
        at = now - step * _STEP
        ago = now - at
        is_down = result.service.name == _DOWN and _DOWN_UNTIL < ago <= _DOWN_SINCE
        failure = _OUTAGE if is_down else result.failure
        usage = figures.at(at) if figures is not None and step else result.usage
        report = assess.report(
            result.service,
            usage=None if failure else usage,
            fetched_at=None if failure else at,
            stale=False,
            failure=failure,
            override=None,
            defaults={},
        )
        yield history.Live(result.account, at, report)


class _Figures:
    """The figures of one service at any instant of the past week."""

    def __init__(self, usage: Usage, service: Service, now: datetime) -> None:
        self.usage, self.now = usage, now
        ids = {quota.id for quota in usage.quotas} | {balance.id for balance in usage.balances}
        self.work = {id_: _Work(f"{service.name}/{id_}", now) for id_ in ids}

    def at(self, at: datetime) -> Usage:
        return replace(
            self.usage,
            quotas=tuple(self._quota(quota, at) for quota in self.usage.quotas),
            balances=tuple(self._balance(balance, at) for balance in self.usage.balances),
        )

    def _quota(self, quota: Quota, at: datetime) -> Quota:
        end = quota.used if quota.used is not None else quota.percent_used
        if end is None or quota.unlimited:
            return quota
        begins, resets_at, peak = self._window(quota, at, end)
        share = self.work[quota.id].share(begins, at, min(resets_at or self.now, self.now))
        used = _rounded(peak * share, quota.unit, end)
        is_counted = quota.used is not None
        return replace(
            quota,
            used=used if is_counted else None,
            remaining=None,
            percent_used=None if is_counted else used,
            percent_remaining=None,
            resets_at=resets_at,
        )

    def _window(self, quota: Quota, at: datetime, end: Decimal) -> tuple[datetime, datetime | None, Decimal]:
        """Where the window of that instant begins and ends, and what was used of it in the end."""
        if quota.resets_at is None:
            return self.now - 2 * _SPAN, None, end
        length = timedelta(seconds=quota.window_seconds or 30 * 86400)
        # Seconds pass between the answer and here; they are not to move what is rounded.
        reset = self.now + round((quota.resets_at - self.now) / _ROUND) * _ROUND
        windows = -((at - reset) // length) - 1
        resets_at = reset - windows * length
        if not windows:
            return resets_at - length, resets_at, end
        # An earlier window ended as full as chance had it.
        limit = quota.limit if quota.limit is not None else Decimal(100)
        share = 0.25 + 0.73 * _chance(f"{self.work[quota.id].seed}/window/{windows}")
        return resets_at - length, resets_at, limit * Decimal(str(round(share, 3)))

    def _balance(self, balance: Balance, at: datetime) -> Balance:
        if balance.amount is None or balance.unlimited:
            return balance
        share = self.work[balance.id].share(self.now - _SPAN, at, self.now)
        amount = balance.amount * (1 + _SPENT * (1 - share))
        if at < self.now - _TOP_UP_AGO:
            amount -= balance.amount * _TOPPED_UP
        return replace(balance, amount=_rounded(amount, balance.unit, balance.amount))


class _Work:
    """How work was spread over the past: by day, in bursts, and hardly at night."""

    def __init__(self, seed: str, now: datetime) -> None:
        self.seed, self.now = seed, now
        # What was done in the last 0, 1, 2 ... hours.
        self._sums = [0.0]

    def share(self, begins: datetime, at: datetime, ends: datetime) -> Decimal:
        """How much of the work of that time was done by then, 0 to 1."""
        begun, by_then, in_all = (self._later(when) for when in (begins, at, ends))
        done = (begun - by_then) / (begun - in_all) if begun > in_all else 0.0
        return Decimal(str(round(min(1.0, done), 6)))

    def _later(self, at: datetime) -> float:
        """What was done from then until now."""
        ago = (self.now - at).total_seconds() / 3600
        hour = int(ago)
        while len(self._sums) <= hour:
            self._sums.append(self._sums[-1] + self._pace(len(self._sums) - 1))
        return self._sums[hour] + (ago - hour) * self._pace(hour)

    def _pace(self, hour: int) -> float:
        """The work of an hour, counted back from now."""
        return 0.02 if hour % 24 in _NIGHT else 0.2 + _chance(f"{self.seed}/{hour}")


def _chance(seed: str) -> float:
    """From 0 to 1, always the same for the same text."""
    return crc32(seed.encode()) / 0xFFFFFFFF


def _rounded(value: Decimal, unit: str, live: Decimal) -> Decimal:
    """In whole counts, of credits and minutes where the live figure is one."""
    whole = unit in ("percent", "requests", "tokens", "messages")
    whole = whole or (unit in ("credits", "minutes") and live == live.to_integral_value())
    return max(_ZERO, value.quantize(Decimal("1" if whole else "0.01")))
