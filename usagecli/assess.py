"""Usage + thresholds -> statuses, of every quota and balance, the report, the snapshot, the exit.

The one place that judges. Null (None) never worsens anything, and a missing figure is judged by
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli.errors import ExitCode
from usagecli.model import Balance, Failure, Quota, Report, Service, Status, Usage

DEFAULT_LOW_BELOW = Decimal(10)
# An error ranks below low, so that a known shortage is never masked.
_RANK: dict[Status, int] = {"ok": 0, "error": 1, "low": 2, "exhausted": 3}


def worst(statuses: Iterable[Status | None]) -> Status:
    """The gravest of them; `ok` where nothing is judged."""
    return max((status or "ok" for status in statuses), key=lambda status: _RANK[status], default="ok")


def threshold(
    quota_id: str, override: Decimal | None, service: Service, defaults: Mapping[str, Decimal]
) -> Decimal:
    """Below how many percent left a quota is low: command line, service, config's defaults, 10."""
    if override is not None:
        return override
    for told in (service.low_below, defaults):
        found = told.get(quota_id, told.get("default"))
        if found is not None:
            return found
    return DEFAULT_LOW_BELOW


def quota_status(quota: Quota, low_below: Decimal) -> Status | None:
    """`exhausted`, `low`, `ok`, or None where the figures allow no judgement."""
    if not quota.judged:
        return None
    if quota.reached:
        return "exhausted"
    if quota.unlimited:
        return "ok"
    if quota.limit is not None and quota.limit <= 0:
        # 0 of 0 says nothing; use where nothing is allowed says that it is over.
        return "exhausted" if quota.used is not None and quota.used > 0 else None
    if quota.remaining is not None:
        if quota.remaining <= 0:
            return "exhausted"
    elif quota.percent_remaining is not None and quota.percent_remaining <= 0:
        return "exhausted"
    if quota.percent_remaining is None:
        return None if quota.remaining is None else "ok"
    return "low" if quota.percent_remaining < low_below else "ok"


def balance_status(balance: Balance, low_balance: Decimal | None, *, alone: bool) -> Status | None:
    """`alone`: the report has no quota at all, so that nothing else is known to pay for the work."""
    if not balance.judged:
        return None
    if balance.reached:
        return "exhausted"
    if balance.unlimited:
        return "ok"
    if balance.amount is None:
        return None
    if balance.amount <= 0 and stops(balance, alone=alone):
        return "exhausted"
    return "low" if low_balance is not None and balance.amount < low_balance else "ok"


def stops(balance: Balance, *, alone: bool) -> bool:
    """Whether the work stops where nothing is left of it; `alone` as in `balance_status`."""
    return alone if balance.stops is None else balance.stops


def judged(
    usage: Usage,
    service: Service,
    *,
    override: Decimal | None = None,
    defaults: Mapping[str, Decimal] | None = None,
) -> tuple[Usage, Status]:
    """The usage with a status on every quota and balance, and the status of the whole."""
    quotas = []
    weights: list[Status | None] = [
        "exhausted" if usage.stopped else None,
        "low" if usage.partly_stopped else None,
    ]
    for quota in usage.quotas:
        status = (
            None
            if quota.id in service.ignore
            else quota_status(quota, threshold(quota.id, override, service, defaults or {}))
        )
        quotas.append(replace(quota, status=status))
        weights.append("low" if status == "exhausted" and quota.partial else status)
    balances = []
    for balance in usage.balances:
        status = (
            None
            if balance.id in service.ignore
            else balance_status(balance, service.low_balance, alone=not usage.quotas)
        )
        balances.append(replace(balance, status=status))
        weights.append(status)
    return replace(usage, quotas=tuple(quotas), balances=tuple(balances)), worst(weights)


def aged(usage: Usage, fetched_at: datetime, now: datetime, contract: Mapping[str, Any]) -> Usage:
    """A usage read earlier, as far as it still holds.

    A window whose reset has passed since is unknown, neither spent nor full, and so is what the
    provider concluded from it: the account's stops, and the provider's own keys (`contract` is what
    they hold while nothing is known).
    """
    quotas = tuple(
        replace(
            quota,
            used=None,
            remaining=None,
            percent_used=None,
            percent_remaining=None,
            resets_at=None,
            reached=False,
        )
        if quota.resets_at is not None and fetched_at < quota.resets_at <= now
        else quota
        for quota in usage.quotas
    )
    if quotas == usage.quotas:
        return usage
    note = "a window was reset since these figures were read; what is used of it is not known"
    return replace(
        usage,
        quotas=quotas,
        stopped=False,
        partly_stopped=False,
        contract=dict(contract),
        notes=(*usage.notes, note),
    )


def kept(usage: Usage, before: Usage | None, fetched_at: datetime | None) -> Usage:
    """The usage with the balances that its answer is silent on, as they were before.

    `before` is the last report of the same account and `fetched_at` when it was read. A note says
    how old such a balance is.
    """
    if before is None or not usage.untold:
        return usage
    own = {balance.id for balance in usage.balances}
    old = tuple(
        replace(balance, as_of=balance.as_of or fetched_at)
        for balance in before.balances
        if balance.id in usage.untold - own
    )
    notes = tuple(
        f"{balance.label.lower()} are as of {balance.as_of:%Y-%m-%d %H:%M} UTC: this answer is silent on them"
        for balance in old
    )
    return replace(usage, balances=usage.balances + old, notes=usage.notes + notes)


def report(
    service: Service,
    *,
    usage: Usage | None,
    fetched_at: datetime | None,
    stale: bool,
    failure: Failure | None,
    override: Decimal | None,
    defaults: Mapping[str, Decimal],
) -> Report:
    """Everything known of one service, judged."""
    status: Status = "ok"
    if usage is not None:
        usage, status = judged(usage, service, override=override, defaults=defaults)
    if failure is not None:
        status = worst((status, "error"))
    quotas = usage.quotas if usage is not None else ()
    return Report(
        service=service,
        status=status,
        usage=usage,
        fetched_at=fetched_at,
        stale=stale,
        failure=failure,
        low_below={quota.id: threshold(quota.id, override, service, defaults) for quota in quotas},
    )


def exit_code(reports: Iterable[Report]) -> ExitCode:
    """1 where anything is low or exhausted, else 3 where anything (or all) is unknown, else 0."""
    statuses = {report.status for report in reports}
    if statuses & {"low", "exhausted"}:
        return ExitCode.LOW
    return ExitCode.OK if statuses == {"ok"} else ExitCode.UNKNOWN
