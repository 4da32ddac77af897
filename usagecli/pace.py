"""Where use leads: of a quota until its reset, of a balance until it is gone.

Pure arithmetic on readings and instants. Everything is as of the reading, so that the same report
gives the same pace for as long as it is shown. What cannot be said honestly is None: too little has been
seen, the figures are old, or the allowance is not one that fills up evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from usagecli.model import Balance, Drain, Pace, Quota, Rates, Usage, six_decimals

_DAY = 86400
# Below both of these nothing is said of a window; of one in which nothing is used, below the third.
_LEAST_S, _LEAST_GONE, _LEAST_UNUSED = 180, 0.05, 0.25
# The recent part of a window, how many readings it must have, and how much of it they must span.
_RECENT, _LEAST_READINGS, _LEAST_SPANNED = 0.2, 3, 0.75
# A percentage that falls by no more is rounding; by more, a reset or another limit.
_NOISE = 1.0
# Balances have no window: a week has every kind of day, and a day every hour.
BALANCE_RECENT_S, _BALANCE_SPANNED_S = 7 * _DAY, _DAY
_LONGEST_DAYS = 3650


class Reading(NamedTuple):
    """A percentage used, or the amount of a balance, at seconds since 1970. `limit` is the quota's."""

    at: float
    value: float
    limit: float | None = None


def recent_s(window_s: float) -> float:
    """How far back the recent use of such a window goes. Whole days where it can: nights count too."""
    span = window_s * _RECENT
    return max(1, round(span / _DAY)) * _DAY if span >= _DAY else span


def quota_rate(
    newest: Reading, earlier: Iterable[Reading], *, window_s: float, resets_at: float
) -> float | None:
    """Percent a day, by what was read in the recent part of this window; None where that is too little.

    A fall ends what counts (the window began again early), and so does another limit. Readings from
    after the newest (the clock was set back) are left out.
    """
    recent = recent_s(window_s)
    since = max(resets_at - window_s, newest.at - recent)
    run = [newest]
    for reading in sorted((r for r in earlier if since <= r.at < newest.at), key=_when, reverse=True):
        if reading.limit != newest.limit or reading.value > run[-1].value + _NOISE:
            break
        run.append(reading)
    spanned = newest.at - run[-1].at
    if len(run) < _LEAST_READINGS or spanned < max(_LEAST_S, recent * _LEAST_SPANNED):
        return None
    return max(0.0, newest.value - run[-1].value) / spanned * _DAY


def balance_rate(newest: Reading, earlier: Iterable[Reading]) -> float | None:
    """How much of it goes a day, by what was read in the last week; a rise is a top-up, no use."""
    since = newest.at - BALANCE_RECENT_S
    run = [*sorted((r for r in earlier if since <= r.at < newest.at), key=_when), newest]
    spanned = newest.at - run[0].at
    if len(run) < _LEAST_READINGS or spanned < _BALANCE_SPANNED_S:
        return None
    return sum(_falls(run)) / spanned * _DAY


def _when(reading: Reading) -> float:
    return reading.at


def _falls(run: Sequence[Reading]) -> Iterable[float]:
    return (max(0.0, run[i].value - run[i + 1].value) for i in range(len(run) - 1))


def forecast(usage: Usage, rates: Rates, at: datetime, now: datetime) -> Usage:
    """The usage, read at `at`, with the pace of every quota and balance of which it is known."""
    return replace(
        usage,
        quotas=tuple(
            replace(quota, pace=quota_pace(quota, rates.quotas.get(quota.id), at, now))
            for quota in usage.quotas
        ),
        balances=tuple(
            replace(balance, pace=balance_pace(balance, rates.balances.get(balance.id), at, now))
            for balance in usage.balances
        ),
    )


def quota_pace(quota: Quota, per_day: float | None, at: datetime, now: datetime) -> Pace | None:
    """Where the quota, read at `at`, leads; `per_day` is its recent use in percent, None if unknown.

    One that is used up does not last, by the average of its window, and has no instant at which it
    runs out: that has passed.
    """
    if quota.window_seconds is None or quota.resets_at is None or quota.percent_used is None:
        return None
    window, reset, read = float(quota.window_seconds), quota.resets_at.timestamp(), at.timestamp()
    begun, gone = reset - window, read - (reset - window)
    if quota.refill is not None or not begun <= read <= now.timestamp() < reset:
        return None
    used, spent = float(quota.percent_used), _is_spent(quota)
    least = _LEAST_GONE if used > 0 else _LEAST_UNUSED
    if used < 0 or gone < max(_LEAST_S, window * least):
        return None
    if spent:
        used = max(used, 100.0)
    by_history = per_day is not None and not spent
    rate = per_day / _DAY if per_day is not None and by_history else used / gone
    leads_to = used + rate * (reset - read)
    if not math.isfinite(leads_to):
        return None
    projected = six_decimals(Decimal(leads_to))
    lasts = projected <= 100
    return Pace(
        basis="history" if by_history else "window",
        expected_percent_used=six_decimals(Decimal(gone / window * 100)),
        projected_percent_used=projected,
        runs_out_at=None if lasts or spent else _instant(read + (100 - used) / rate, now, reset),
        lasts=lasts,
    )


def _is_spent(quota: Quota) -> bool:
    nothing_left = quota.remaining is not None and quota.remaining <= 0
    return quota.reached or nothing_left or (quota.percent_used is not None and quota.percent_used >= 100)


def balance_pace(balance: Balance, per_day: float | None, at: datetime, now: datetime) -> Drain | None:
    """Where the balance, read at `at`, leads; `per_day` is its recent use in its unit."""
    if per_day is None or balance.unlimited or balance.reached or balance.as_of is not None or at > now:
        return None
    if balance.amount is None or balance.amount <= 0:
        return None
    use = six_decimals(Decimal(per_day))
    if not use or balance.amount / use > _LONGEST_DAYS:
        return Drain(per_day=use, days_left=None, runs_out_at=None)
    days = six_decimals(balance.amount / use)
    return Drain(per_day=use, days_left=days, runs_out_at=_instant(at.timestamp() + float(days) * _DAY, now))


def _instant(seconds: float, now: datetime, last: float = math.inf) -> datetime:
    """That instant in whole seconds, no earlier than now and no later than `last`."""
    return datetime.fromtimestamp(min(math.ceil(max(seconds, now.timestamp())), last), UTC)
