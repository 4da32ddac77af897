"""Cursor's answers about one person -> `Usage`. Amounts come in US cents, percentages in percent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, SourceKind, Spend, Usage, plan

_HUNDRED, _ZERO, _CENT = Decimal(100), Decimal(0), Decimal("0.01")
_PLANS = {
    "free": "Free",
    "hobby": "Hobby",
    "express": "Start",
    "free_trial": "Pro Trial",
    "pro": "Pro",
    "pro_student": "Pro",
    "pro_plus": "Pro+",
    "ultra": "Ultra",
    "team": "Team",
    "enterprise": "Enterprise",
}
_BLOCKS = (("individualUsage", ("plan", "onDemand", "overall")), ("teamUsage", ("onDemand", "pooled")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Bodies of the answers without which the report still stands; None where they were not read."""

    requests: Any = None
    grok: Any = None
    grants: Any = None
    stripe: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cycle:
    start: datetime | None
    end: datetime | None

    @property
    def seconds(self) -> int | None:
        return _between(self.start, self.end)


def checked(summary: Any) -> Mapping[str, Any]:
    """The summary, if it says anything of any allowance. Raises PayloadError."""
    body = wire.mapping(summary, "body")
    told = any(_block(body, whose, name) for whose, names in _BLOCKS for name in names)
    if not told and body.get("isUnlimited") is not True:
        raise PayloadError("individualUsage: Cursor's answer holds no usage")
    return body


def parse(
    summary: Any,
    *,
    extras: Extras | None = None,
    account: str | None = None,
    source: SourceKind = "oauth",
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map a `usage-summary` (or what `period.as_summary` makes of the other API) to `Usage`.

    Shape: {"billingCycleStart": "2026-11-05T20:45:42.000Z", "billingCycleEnd", "membershipType",
    "isUnlimited", "individualUsage": {"plan": {"used": 4060, "limit": 7000, "remaining",
    "autoPercentUsed": 12.25, "apiPercentUsed", "totalPercentUsed"}, "onDemand": {"enabled", "used",
    "limit", "remaining"}, "overall"}, "teamUsage": {"onDemand", "pooled"}}. Raises PayloadError.
    """
    body, extras = checked(summary), extras or Extras()
    cycle = _Cycle(
        start=wire.as_instant(body.get("billingCycleStart")), end=wire.as_instant(body.get("billingCycleEnd"))
    )
    requests = _requests(wire.as_mapping(extras.requests), cycle)
    included = tuple(_included(body, cycle))
    if requests:
        included = (requests, *(quota for quota in included if quota.id not in _PERCENTS))
    grok = _grok(wire.as_mapping(extras.grok))
    main = (*included, grok) if grok else included
    overflow = tuple(_overflow(body, cycle))
    credits_ = _credits(wire.as_mapping(extras.grants), wire.as_mapping(extras.stripe))
    return Usage(
        # What is paid beyond the plan stops nothing where the plan itself is told.
        quotas=(*main, *(replace(quota, judged=not main) for quota in overflow)),
        balances=(Balance(id="credits", label="Credits", unit="usd", amount=credits_),) if credits_ else (),
        spend=tuple(_spend(body, cycle)),
        account=account,
        plan=_plan(body),
        notes=notes,
        source=source,
        overage_reached=any(quota.remaining == 0 for quota in overflow),
    )


# -- what the plan includes ---------------------------------------------------------------------------


def _included(body: Mapping[str, Any], cycle: _Cycle) -> Iterator[Quota]:
    block = _block(body, "individualUsage", "plan")
    total, auto, api = _total(block), *(wire.as_number(block.get(f"{pool}PercentUsed")) for pool in _POOLS)
    if total is not None:
        yield _percent("total", "Included usage", total, cycle)
    # A pool stops only the models that draw on it.
    for id_, (label, scope), used in zip(_POOLS, _POOLS.values(), (auto, api), strict=True):
        if used is not None:
            yield replace(_percent(id_, label, used, cycle), scope=scope, partial=True)
    limit = wire.as_number(block.get("limit"))
    if total is not None or (limit is not None and limit > 0):
        return
    shared = [
        _money(id_, label, scope, _block(body, whose, id_), cycle)
        for id_, label, scope, whose in (
            ("overall", "Personal cap", None, "individualUsage"),
            ("pooled", "Team pool", "team", "teamUsage"),
        )
    ]
    found = [quota for quota in shared if quota is not None]
    yield from found
    if body.get("isUnlimited") is True and not any(quota.limit for quota in found):
        yield Quota(id="total", label="Included usage", unit="percent", unlimited=True, resets_at=cycle.end)


_POOLS = {"auto": ("Cursor models", "cursor_models"), "api": ("Other models", "other_models")}
# What means nothing beside an older plan's requests.
_PERCENTS = ("total", *_POOLS)


def _total(block: Mapping[str, Any]) -> Decimal | None:
    """The headline: a blend of the pools, which is not `used / limit`."""
    total = wire.as_number(block.get("totalPercentUsed"))
    if total is not None:
        return total
    pools = [wire.as_number(block.get(f"{pool}PercentUsed")) for pool in _POOLS]
    known = [pool for pool in pools if pool is not None]
    if known:
        return sum(known, _ZERO) / len(known)
    used, limit = _used(block), wire.as_number(block.get("limit"))
    return used / limit * _HUNDRED if used is not None and limit is not None and limit > 0 else None


def _percent(id_: str, label: str, used: Decimal, cycle: _Cycle) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        # Overage shows up as on-demand spend.
        used=min(_HUNDRED, max(_ZERO, used)),
        limit=_HUNDRED,
        window_seconds=cycle.seconds,
        resets_at=cycle.end,
    )


def _money(id_: str, label: str, scope: str | None, block: Mapping[str, Any], cycle: _Cycle) -> Quota | None:
    used, limit = _used(block), wire.as_number(block.get("limit"))
    if block.get("enabled") is False or (used is None and limit is None):
        return None
    return Quota(
        id=id_,
        label=label,
        scope=scope,
        unit="usd",
        used=_usd(used),
        limit=_usd(limit),
        window_seconds=cycle.seconds,
        resets_at=cycle.end,
    )


def _requests(body: Mapping[str, Any], cycle: _Cycle) -> Quota | None:
    """The quota of an older plan, beside which the percentages mean nothing."""
    model = wire.as_mapping(body.get("gpt-4"))
    limit = wire.as_number(model.get("maxRequestUsage"))
    used = wire.as_number(model.get("numRequestsTotal"))
    used = wire.as_number(model.get("numRequests")) if used is None else used
    if limit is None or limit <= 0 or used is None or used < 0:
        return None
    start = wire.as_instant(body.get("startOfMonth"))
    return Quota(
        id="requests",
        label="Requests",
        unit="requests",
        used=used,
        limit=limit,
        resets_at=cycle.end or (start and _month_later(start)),
    )


def _grok(body: Mapping[str, Any]) -> Quota | None:
    used = wire.as_number(body.get("usagePercent"))
    if body.get("hasNonZeroIncludedLimit") is not True or used is None:
        return None
    start = wire.as_instant(body.get("currentPeriodStart"))
    week = _Cycle(start=start, end=wire.as_instant(body.get("nextResetTimestampUtc")))
    return replace(_percent("grok_bot", "Grok Bot", used, week), partial=True)


# -- what is paid beyond it ---------------------------------------------------------------------------


def _overflow(body: Mapping[str, Any], cycle: _Cycle) -> Iterator[Quota]:
    for id_, label, scope, whose in (
        ("on_demand", "On-demand", None, "individualUsage"),
        ("team_on_demand", "Team on-demand", "team", "teamUsage"),
    ):
        block = _block(body, whose, "onDemand")
        quota = _money(id_, label, scope, block, cycle) if _is_capped(block) else None
        if quota is not None:
            yield quota


def _spend(body: Mapping[str, Any], cycle: _Cycle) -> Iterator[Spend]:
    included = _used(_block(body, "individualUsage", "plan"))
    if included is not None:
        yield _spent("included", "Included usage", included, cycle)
    block = _block(body, "individualUsage", "onDemand")
    used = _used(block)
    if used is not None and used > 0 and not _is_capped(block):
        yield _spent("on_demand", "On-demand", used, cycle)


def _spent(id_: str, label: str, cents: Decimal, cycle: _Cycle) -> Spend:
    amount = (cents / _HUNDRED).quantize(_CENT)
    return Spend(id=id_, label=label, unit="usd", amount=amount, since=cycle.start, until=cycle.end)


def _is_capped(block: Mapping[str, Any]) -> bool:
    limit = wire.as_number(block.get("limit"))
    return limit is not None and limit > 0


def _credits(grants: Mapping[str, Any], stripe: Mapping[str, Any]) -> Decimal | None:
    """What grants and the prepaid balance still pay for; None where that is nothing."""
    total, used = (wire.as_number(grants.get(name)) or _ZERO for name in ("totalCents", "usedCents"))
    prepaid = wire.as_number(stripe.get("customerBalance")) or _ZERO
    # A negative balance is in the customer's favour.
    found = _usd(max(_ZERO, total - used + max(_ZERO, -prepaid)))
    return found or None


# -- wire ---------------------------------------------------------------------------------------------


def _block(body: Mapping[str, Any], whose: str, name: str) -> Mapping[str, Any]:
    return wire.as_mapping(wire.as_mapping(body.get(whose)).get(name))


def _used(block: Mapping[str, Any]) -> Decimal | None:
    """What is used; a 0 beside a remainder below the limit is not meant."""
    used, limit, left = (wire.as_number(block.get(name)) for name in ("used", "limit", "remaining"))
    if not used and limit is not None and left is not None:
        used = limit - left
    return None if used is None else max(_ZERO, used)


def _usd(cents: Decimal | None) -> Decimal | None:
    return None if cents is None else (cents / _HUNDRED).quantize(_CENT)


def _plan(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    name = wire.as_text(body.get("membershipType"))
    return plan(_PLANS.get(name.lower(), name)) if name else None


def _between(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None or end <= start:
        return None
    return round((end - start).total_seconds())


def _month_later(start: datetime) -> datetime:
    """The same day and hour of the next month, or its last day."""
    import calendar

    first = wire.month_start(start, 1)
    last = calendar.monthrange(first.year, first.month)[1]
    return start.replace(year=first.year, month=first.month, day=min(start.day, last))
