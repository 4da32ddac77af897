"""The history -> how fast the quotas and balances of a service went lately.

Read once a fetch and kept in the cache beside the report: a run from the cache opens no SQLite.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from usagecli import log, pace
from usagecli.model import Balance, Quota, Rates
from usagecli.storage import database, history

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.model import Service, Usage

# A forecast is not worth a long wait for another run's lock.
_WAIT_S = 0.2
# sqlite3 lets other threads run after every row: many that read at once do little but take turns.
_READING = threading.Lock()


def read(machine: Machine, service: Service, account: str, usage: Usage, at: datetime) -> Rates:
    """The rates as of this usage, read at `at`; none where the history cannot be read.

    `account` names the account as the history does.
    """
    path = history.path_of(machine)
    if not os.path.exists(path):
        return Rates()
    try:
        with (
            contextlib.closing(database.reader(path, history.MIGRATIONS, wait_s=_WAIT_S)) as opened,
            _READING,
        ):
            past = history.History(opened)
            own = (service.name, service.provider, account)
            series = {(one.kind, one.name): one.id for one in past.series(own)}
            return Rates(
                quotas=dict(_quotas(past, series, usage, at)),
                balances=dict(_balances(past, series, usage, at)),
            )
    # Damage can also show as a text or a number that is none.
    except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        log.debug(f"{path}: {error}; {service.name} has no recent rates")
        return Rates()


_Ids = dict[tuple[history.Kind, str], int]


def _quotas(past: history.History, series: _Ids, usage: Usage, at: datetime) -> Iterator[tuple[str, float]]:
    for quota in usage.quotas:
        known = series.get(("quota", quota.id))
        window, resets_at, newest = quota.window_seconds, quota.resets_at, _percent(quota, at)
        if known is None or window is None or resets_at is None or newest is None:
            continue
        earlier = (
            pace.Reading(sample.at, sample.percent, sample.limit)
            for sample in past.samples(known, int(newest.at - pace.recent_s(window)), int(newest.at))
            if sample.percent is not None
        )
        rate = pace.quota_rate(newest, earlier, window_s=window, resets_at=resets_at.timestamp())
        if rate is not None:
            yield quota.id, rate


def _balances(past: history.History, series: _Ids, usage: Usage, at: datetime) -> Iterator[tuple[str, float]]:
    for balance in usage.balances:
        known, newest = series.get(("balance", balance.id)), _amount(balance, at)
        if known is None or newest is None:
            continue
        since = int(newest.at - pace.BALANCE_RECENT_S)
        earlier = (
            pace.Reading(sample.at, sample.remaining)
            for sample in past.samples(known, since, int(newest.at))
            if sample.remaining is not None
        )
        rate = pace.balance_rate(newest, earlier)
        if rate is not None:
            yield balance.id, rate


def _percent(quota: Quota, at: datetime) -> pace.Reading | None:
    if quota.percent_used is None:
        return None
    limit = None if quota.limit is None else float(quota.limit)
    return pace.Reading(at.timestamp(), float(quota.percent_used), limit)


def _amount(balance: Balance, at: datetime) -> pace.Reading | None:
    # One of an earlier report says nothing of now.
    if balance.amount is None or balance.as_of is not None:
        return None
    return pace.Reading(at.timestamp(), float(balance.amount))
