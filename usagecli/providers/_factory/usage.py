"""Factory's answers -> `Usage`: shares in percent, the balance in US cents, allowances in tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, SourceKind, Usage, plan

_HUNDRED, _ZERO = Decimal(100), Decimal(0)
# Key in the answer -> id, label, seconds. The month is 30 rolling days.
_WINDOWS = {
    "fiveHour": ("five_hour", "5-hour", 5 * 3600),
    "weekly": ("weekly", "Weekly", 7 * 86400),
    "monthly": ("monthly", "Monthly", 30 * 86400),
}
_CORE = "core"
_POOLS = {"standard": "Standard tokens", "premium": "Premium tokens"}
_UNLIMITED_ABOVE = 10**12
# Allowances of standard tokens, in the order in which they are tried.
_PLANS = ((200_000_000, "Max"), (20_000_000, "Pro"))


def by_rate(limits: Any) -> bool:
    """Whether the organization is on token-rate limits; others are asked for their month's tokens."""
    return wire.mapping(limits, "body").get("usesTokenRateLimitsBilling") is True


def parse(
    limits: Any,
    *,
    now: datetime,
    tokens: Any = None,
    me: Any = None,
    account: str | None = None,
    notes: tuple[str, ...] = (),
    source: SourceKind = "api",
) -> Usage:
    """Map `/api/billing/limits` (and what else was asked) to `Usage`.

    Shape: {"usesTokenRateLimitsBilling": true, "limits": {"standard": {"fiveHour": {"usedPercent": 21.5,
    "windowEnd": "2026-11-21T12:40:00.000Z", "secondsRemaining": 9900}, "weekly", "monthly"}, "core"},
    "extraUsageBalanceCents": 1250}; `tokens`: {"usage": {"endDate": 1796083200000, "standard":
    {"orgTotalTokensUsed", "totalAllowance", "usedRatio"}, "premium"}}. Raises PayloadError.
    """
    body = wire.mapping(limits, "body")
    if by_rate(body):
        quotas, guess = tuple(_windows(body, now)), None
        if not quotas:
            raise PayloadError("limits: Factory's answer holds no window")
    else:
        usage = wire.mapping(wire.mapping(tokens, "body").get("usage"), "usage")
        quotas, guess = tuple(_pools(usage)), _plan_by_allowance(usage)
        if not quotas:
            notes = (*notes, "the organization has no allowance of tokens")
    known = wire.as_mapping(me)
    name = _plan_name(known) or guess
    return Usage(
        quotas=quotas,
        balances=tuple(_balances(body)),
        account=_account(known, account),
        plan=plan(name) if name else None,
        notes=notes,
        source=source,
    )


# -- token-rate limits --------------------------------------------------------------------------------


def _windows(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    limits = wire.mapping(body.get("limits"), "limits")
    for pool in ("standard", _CORE):
        windows = wire.as_mapping(limits.get(pool))
        for key in _WINDOWS:
            if windows.get(key) is not None:
                field = f"limits.{pool}.{key}"
                yield _window(wire.mapping(windows[key], field), pool, key, now)


def _window(window: Mapping[str, Any], pool: str, key: str, now: datetime) -> Quota:
    used = wire.number(window, "usedPercent", f"limits.{pool}.{key}.usedPercent")
    end, left = wire.as_instant(window.get("windowEnd")), wire.as_number(window.get("secondsRemaining"))
    resets_at = end if end is not None and end > now else None
    if resets_at is None and left is not None and left > 0:
        resets_at = wire.later(now, int(left))
    elif resets_at is None and end is not None:
        # It has been reset since, and nothing was used after that.
        used = _ZERO
    id_, label, seconds = _WINDOWS[key]
    return Quota(
        id=f"core_{id_}" if pool == _CORE else id_,
        label=f"Core {label.lower()}" if pool == _CORE else label,
        scope=_CORE if pool == _CORE else None,
        unit="percent",
        used=max(_ZERO, used),
        limit=_HUNDRED,
        window_seconds=seconds,
        resets_at=resets_at,
    )


def _balances(body: Mapping[str, Any]) -> Iterator[Balance]:
    cents = wire.as_number(body.get("extraUsageBalanceCents"))
    if cents is not None:
        yield Balance(id="extra_usage", label="Extra usage", unit="usd", amount=cents / _HUNDRED)


# -- the older form: the month's tokens of an organization --------------------------------------------


def _pools(usage: Mapping[str, Any]) -> Iterator[Quota]:
    for key, label in _POOLS.items():
        pool = wire.as_mapping(usage.get(key))
        limit, unlimited = wire.as_number(pool.get("totalAllowance")), _is_unlimited(pool)
        if not unlimited and (limit is None or limit <= 0):
            continue
        # What went beyond the allowance is in it already.
        used, ratio = wire.as_count(pool.get("orgTotalTokensUsed")), wire.as_count(pool.get("usedRatio"))
        yield Quota(
            id=key,
            label=label,
            unit="tokens",
            used=used,
            limit=limit,
            unlimited=unlimited,
            percent_used=ratio * _HUNDRED if used is None and ratio is not None else None,
            resets_at=wire.as_instant(usage.get("endDate")),
        )


def _is_unlimited(pool: Mapping[str, Any]) -> bool:
    allowance = pool.get("totalAllowance")
    # Beyond what counts as a figure elsewhere.
    if isinstance(allowance, str) and re.fullmatch(r"\d{1,30}", allowance.strip(), re.ASCII):
        allowance = int(allowance)
    return isinstance(allowance, int | float) and allowance > _UNLIMITED_ABOVE


def _plan_by_allowance(usage: Mapping[str, Any]) -> str | None:
    pool = wire.as_mapping(usage.get("standard"))
    allowance = wire.as_number(pool.get("totalAllowance"))
    if allowance is None or _is_unlimited(pool):
        return None
    return next((name for least, name in _PLANS if allowance >= least), None)


# -- who it is ----------------------------------------------------------------------------------------


def _plan_name(me: Mapping[str, Any]) -> str | None:
    subscription = wire.as_mapping(wire.as_mapping(me.get("organization")).get("subscription"))
    named = wire.as_mapping(wire.as_mapping(subscription.get("orbSubscription")).get("plan")).get("name")
    return wire.as_text(named) or wire.as_text(subscription.get("factoryTier"))


def _account(me: Mapping[str, Any], account: str | None) -> str | None:
    email = wire.as_text(wire.as_mapping(me.get("userProfile")).get("email"))
    return email or account or wire.as_text(wire.as_mapping(me.get("organization")).get("name"))
