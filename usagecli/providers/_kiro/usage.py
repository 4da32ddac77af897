"""Kiro's reply about usage -> `Usage`. Counts are credits, of older accounts requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, SourceKind, Spend, Usage, plan

_ZERO, _CENT = Decimal(0), Decimal("0.01")
_CREDIT, _REQUEST = "CREDIT", "AGENTIC_REQUEST"
_KINDS = {_CREDIT: ("Credits", "credits"), _REQUEST: ("Agentic requests", "requests")}
# What a reset may be: these years, in seconds.
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2015, 2100))
_LIST = "usageBreakdownList"


def parse(reply: Any, *, source: SourceKind = "oauth") -> Usage:
    """Map a reply of `getUsageLimits` to `Usage`. Raises PayloadError naming the field.

    Shape: {"nextDateReset": 1.7961696E9, "overageConfiguration": {"overageStatus": "ENABLED"},
    "subscriptionInfo": {"subscriptionTitle"}, "userInfo": {"email"}, "usageBreakdownList":
    [{"resourceType": "CREDIT", "currentUsage", "usageLimit", "currentOverages", "overageCap",
    "overageCharges", "overageRate", "currency", "bonuses": [...], "freeTrialInfo": {...}}]}; counts
    have a twin `...WithPrecision`. What is used includes the overage.
    """
    body = wire.mapping(reply, "body")
    entry = _entry(body)
    main, overages = _main(entry, _reset(body, entry))
    bonuses = wire.as_rows(entry.get("bonuses"))
    overage = _overage(body, entry, main, overages)
    title = wire.as_text(wire.as_mapping(body.get("subscriptionInfo")).get("subscriptionTitle"))
    return Usage(
        quotas=(main, *_trial(entry), *_bonuses(bonuses), *overage),
        spend=tuple(_spend(entry, main)),
        account=wire.as_text(wire.as_mapping(body.get("userInfo")).get("email")),
        plan=plan(title) if title else None,
        notes=("what the plan's figure counts as used also holds what bonus credits paid for",)
        if bonuses
        else (),
        source=source,
    )


def still(usage: Usage, now: datetime) -> Usage:
    """Figures that were written down earlier, without what has come back or expired since."""
    quotas = tuple(quota for quota in usage.quotas if quota.resets_at is None or quota.resets_at > now)
    if len(quotas) == len(usage.quotas):
        return usage
    note = "what has been reset or has expired since is left out: open Kiro once"
    return replace(usage, quotas=quotas, notes=(*usage.notes, note))


# -- the plan ---------------------------------------------------------------------------------------


def _entry(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The allowance that counts: of credits, beside which others say nothing, else of requests."""
    rows = [wire.mapping(row, f"{_LIST}[]") for row in wire.rows(body.get(_LIST), _LIST)]
    credits_ = [row for row in rows if row.get("resourceType") == _CREDIT]
    if len(credits_) > 1:
        raise PayloadError(f"{_LIST}: holds {len(credits_)} entries of credits")
    requests = [row for row in rows if row.get("resourceType") == _REQUEST]
    if not credits_ and not requests:
        raise PayloadError(f"{_LIST}: holds no allowance that is known")
    return (credits_ or requests)[0]


def _main(entry: Mapping[str, Any], reset: datetime | None) -> tuple[Quota, Decimal]:
    """The plan's quota, and what was used beyond it."""
    used, limit = (_count(entry, name) for name in ("currentUsage", "usageLimit"))
    overages = _count(entry, "currentOverages", absent=_ZERO)
    if overages > used:
        raise PayloadError("currentOverages: more than what is used at all")
    label, unit = _KINDS[entry["resourceType"]]
    quota = Quota(id="credits", label=label, unit=unit, used=used - overages, limit=limit, resets_at=reset)
    return quota, overages


def _count(entry: Mapping[str, Any], name: str, absent: Decimal | None = None) -> Decimal:
    """A count that the report cannot do without: the exact twin, where it is there."""
    if absent is not None and wire.first(entry, f"{name}WithPrecision", name) is None:
        return absent
    found = _figure(entry, name)
    if found is None or found < 0:
        raise PayloadError(f"{name}: expected a count")
    return found


def _figure(entry: Mapping[str, Any], name: str) -> Decimal | None:
    exact = wire.as_number(entry.get(f"{name}WithPrecision"))
    return wire.as_number(entry.get(name)) if exact is None else exact


def _reset(body: Mapping[str, Any], entry: Mapping[str, Any]) -> datetime | None:
    """The reset, of which the entry knows best: epoch seconds, in a log ISO 8601.

    Raises PayloadError for one that is no plausible instant.
    """
    value = next((told for told in (entry, body) if told.get("nextDateReset") is not None), {}).get(
        "nextDateReset"
    )
    if value is None:
        return None
    seconds = wire.as_number(value)
    found = wire.as_instant(value)
    if found is None or (seconds is not None and not _FIRST <= seconds <= _LAST):
        raise PayloadError("nextDateReset: no plausible instant in seconds")
    return found


# -- what else pays ---------------------------------------------------------------------------------


def _trial(entry: Mapping[str, Any]) -> Iterator[Quota]:
    trial = wire.as_mapping(entry.get("freeTrialInfo"))
    if trial.get("freeTrialStatus") == "ACTIVE":
        yield from _extra("trial", "Trial credits", trial, trial.get("freeTrialExpiry"))


def _bonuses(rows: list[Any]) -> Iterator[Quota]:
    active = [row for row in map(wire.as_mapping, rows) if row.get("status") == "ACTIVE"]
    for number, row in enumerate(active, 1):
        id_ = "bonus" if number == 1 else f"bonus_{number}"
        name = wire.as_text(row.get("displayName")) or "Bonus credits"
        label = name if number == 1 else f"{name} {number}"
        yield from _extra(id_, label, row, wire.first(row, "expiresAt", "expiryDate"))


def _extra(id_: str, label: str, body: Mapping[str, Any], expiry: Any) -> Iterator[Quota]:
    used, limit = (_figure(body, name) for name in ("currentUsage", "usageLimit"))
    if used is not None and limit is not None and used >= 0 and limit >= 0:
        yield Quota(
            id=id_, label=label, unit="credits", used=used, limit=limit, resets_at=wire.as_instant(expiry)
        )


def _overage(
    body: Mapping[str, Any], entry: Mapping[str, Any], main: Quota, used: Decimal
) -> tuple[Quota, ...]:
    status = wire.as_mapping(body.get("overageConfiguration")).get("overageStatus")
    cap = _figure(entry, "overageCap")
    if status != "ENABLED" or cap is None or cap <= 0:
        return ()
    return (
        Quota(id="overage", label="Overage", unit=main.unit, used=used, limit=cap, resets_at=main.resets_at),
    )


def _spend(entry: Mapping[str, Any], main: Quota) -> Iterator[Spend]:
    """What the overage costs; its label says at most how much that can be."""
    charges = wire.as_number(entry.get("overageCharges"))
    currency = entry.get("currency")
    known = isinstance(currency, str) and re.fullmatch("[A-Za-z]{3}", currency)
    if charges is None or charges <= 0 or not known:
        return
    cap, rate = _figure(entry, "overageCap"), wire.as_number(entry.get("overageRate"))
    most = cap * rate if cap is not None and rate is not None and cap > 0 and rate > 0 else None
    label = "Overage" if most is None else f"Overage (at most {most.quantize(_CENT):f})"
    yield Spend(id="overage", label=label, unit=str(currency).lower(), amount=charges, until=main.resets_at)
