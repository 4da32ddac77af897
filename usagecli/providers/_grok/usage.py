"""Grok's billing answer -> `Usage`. The share comes in percent, money in US cents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import NotConfigured, PayloadError
from usagecli.local import as_told
from usagecli.model import Balance, Quota, Usage, plan
from usagecli.providers._grok.log import Logged

_HUNDRED, _ZERO = Decimal(100), Decimal(0)
_WEEK_S = 7 * 86400
# The type of a period -> id, label and length of its quota.
_PERIODS: dict[str, tuple[str, str, int | None]] = {
    "USAGE_PERIOD_TYPE_WEEKLY": ("weekly", "Weekly", _WEEK_S),
    "USAGE_PERIOD_TYPE_MONTHLY": ("monthly", "Monthly", None),
}
_MONTHLY = _PERIODS["USAGE_PERIOD_TYPE_MONTHLY"]
_OTHER: tuple[str, str, int | None] = ("plan", "Plan credits", None)


def parse(body: Any, *, settings: Any = None, account: str | None = None) -> Usage:
    """Map an answer of `/billing?format=credits` (and of `/settings`) to `Usage`.

    Shape: {"config": {"creditUsagePercent": 37.4, "currentPeriod": {"type", "start", "end"},
    "onDemandCap": {"val": 2000}, "onDemandUsed", "prepaidBalance", "monthlyLimit", "used",
    "billingPeriodEnd"}, "subscriptionTier"}. A percentage of 0 is left out. Raises PayloadError.
    """
    answer = wire.mapping(body, "body")
    config = answer.get("config")
    if not config:
        raise PayloadError("config: Grok's answer says nothing")
    config = wire.mapping(config, "config")
    on_demand = _on_demand(config)
    return Usage(
        quotas=(_pool(config), *((on_demand,) if on_demand else ())),
        balances=tuple(_prepaid(config)),
        account=account,
        plan=_plan(config, answer, wire.as_mapping(settings)),
        source="oauth",
        overage_reached=on_demand is not None and on_demand.remaining == 0,
    )


def from_log(logged: Logged, *, now: datetime) -> Usage:
    """The same of an answer in Grok's log, as far as it still holds.

    Raises PayloadError; NotConfigured where the period that it speaks of is over.
    """
    usage = parse(logged.body)
    quotas = tuple(quota for quota in usage.quotas if not _is_over(quota, now))
    if not quotas or not quotas[0].judged:
        raise NotConfigured(
            f"the last figures in Grok's log are of {logged.at:%Y-%m-%d}, of a period that is over",
            hint="use grok once, or sign in: grok login",
        )
    return replace(usage, quotas=quotas, notes=(as_told("Grok", logged.at),), source="local", as_of=logged.at)


def _is_over(quota: Quota, now: datetime) -> bool:
    return quota.resets_at is not None and quota.resets_at <= now


def _pool(config: Mapping[str, Any]) -> Quota:
    """The plan's own credits."""
    percent = None
    if config.get("creditUsagePercent") is not None:
        percent = wire.number(config, "creditUsagePercent")
    period, limit = wire.as_mapping(config.get("currentPeriod")), _val(config, "monthlyLimit")
    of_limit = _share(_val(config, "used"), limit)
    if not period and percent is None:
        if limit is None or limit <= 0:
            raise PayloadError("creditUsagePercent: Grok's answer holds no percentage, period or limit")
        return _quota(_MONTHLY, of_limit, wire.as_instant(config.get("billingPeriodEnd")))
    told = period.get("type")
    kind = _PERIODS.get(told, _OTHER) if isinstance(told, str) else _OTHER
    if percent is None:
        # Here alone a missing figure is 0: the percentage is left out where it is 0.
        percent = _ZERO if of_limit is None else of_limit
    end = config.get("billingPeriodEnd") if kind is _OTHER else period.get("end")
    return _quota(kind, percent, wire.as_instant(end))


def _quota(kind: tuple[str, str, int | None], percent: Decimal | None, end: datetime | None) -> Quota:
    id_, label, seconds = kind
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        used=None if percent is None else min(_HUNDRED, max(_ZERO, percent)),
        limit=_HUNDRED,
        window_seconds=seconds,
        resets_at=end,
    )


def _on_demand(config: Mapping[str, Any]) -> Quota | None:
    """What is paid beyond the plan, against its cap: overflow, which stops nothing while credits last."""
    cap = _val(config, "onDemandCap")
    if cap is None or cap <= 0:
        return None
    used = _val(config, "onDemandUsed")
    if used is None:
        spent, limit = _val(config, "used"), _val(config, "monthlyLimit")
        used = None if spent is None or limit is None else max(_ZERO, spent - limit)
    return Quota(
        id="on_demand",
        label="On-demand",
        unit="usd",
        used=None if used is None or used < 0 else used / _HUNDRED,
        limit=cap / _HUNDRED,
        judged=False,
    )


def _prepaid(config: Mapping[str, Any]) -> Iterator[Balance]:
    cents = _val(config, "prepaidBalance")
    if cents:
        # Its sign differs between accounts.
        yield Balance(id="prepaid", label="Prepaid", unit="usd", amount=abs(cents) / _HUNDRED)


def _share(used: Decimal | None, limit: Decimal | None) -> Decimal | None:
    if used is None or limit is None or limit <= 0:
        return None
    return used / limit * _HUNDRED


def _val(config: Mapping[str, Any], name: str) -> Decimal | None:
    """The number in {"val": ...}, cents; an empty object is 0, none at all unknown."""
    holder = config.get(name)
    if not isinstance(holder, dict):
        return None
    return wire.as_number(holder.get("val", 0))


def _plan(*places: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config, answer, settings = places
    told = (
        settings.get("subscription_tier_display"),
        config.get("subscriptionTier"),
        answer.get("subscriptionTier"),
    )
    name = next((text for value in told if (text := wire.as_text(value))), None)
    return plan(name) if name else None
