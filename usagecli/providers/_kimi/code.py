"""Kimi Code's answers -> `Usage`: counts in texts, shares from 0 to 1, money in cents and 1e-8 units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, SourceKind, Usage, plan

_HUNDRED, _ZERO = Decimal(100), Decimal(0)
_FIVE_HOURS_S, _WEEK_S = 5 * 3600, 7 * 86400
_UNITS = {
    "TIME_UNIT_MINUTE": 60,
    "TIME_UNIT_HOUR": 3600,
    "TIME_UNIT_DAY": 86400,
    "TIME_UNIT_WEEK": 7 * 86400,
}
# Key among the ratios -> id, label, scope, seconds.
_RATIOS: dict[str, tuple[str, str, str | None, int | None]] = {
    "limit_5h": ("five_hour", "5-hour", None, _FIVE_HOURS_S),
    "limit_7d": ("weekly", "Weekly", None, _WEEK_S),
    "limit_month_total": ("monthly", "Monthly", None, None),
    "limit_month_code": ("monthly_code", "Monthly, code", "code", None),
}
_WALLET_UNITS = Decimal(10**8)
# The second as an earlier version of the vendor's client knew it.
_WALLET_TYPES = ("BOOSTER", "BALANCE_BOOSTER")
_SAME_RESET = timedelta(seconds=2)
_NO_LENGTH = "a limit is left out: Kimi tells no length of its window"
_STUCK = "Kimi tells a share of 0 beside a count of {label}: the count is shown"


def parse(payload: Any, *, now: datetime, source: SourceKind = "api", notes: tuple[str, ...] = ()) -> Usage:
    """Map a `/usages` body to `Usage`.

    Shape: {"user": {"membership": {"level": "LEVEL_ADVANCED"}}, "usage": {"limit": "100", "used": "37",
    "remaining": "63", "resetTime"}, "limits": [{"window": {"duration": 300, "timeUnit":
    "TIME_UNIT_MINUTE"}, "detail": {...}}], "usages": {"limit_5h": {"used_ratio": 0.1184, "reset_time"},
    "limit_7d", "limit_month_total", "limit_month_code"}, "parallel": {"limit": "30"}, "boosterWallet"}.
    Zeros are left out. Raises PayloadError.
    """
    body = wire.mapping(payload, "body")
    if all(body.get(name) is None for name in ("usage", "limits", "usages")):
        raise PayloadError("usage: Kimi's answer holds neither usage, limits nor usages")
    counts, ratios = _counts(body, now), _ratios(wire.as_mapping(body.get("usages")))
    quotas, stuck = _merged(counts, ratios)
    wallet = wire.as_mapping(body.get("boosterWallet"))
    balance, cap = _wallet(wallet)
    if not quotas and balance is None:
        raise PayloadError("limits: Kimi's answer holds no limit")
    return Usage(
        quotas=(*quotas, *((cap,) if cap else ())),
        balances=(balance,) if balance else (),
        plan=_plan(body),
        notes=(*notes, *stuck, *_left_out(body)),
        source=source,
        overage_reached=cap is not None and cap.remaining == 0,
    )


def as_usages(usages: Any, stats: Any = None) -> dict[str, Any]:
    """The web console's two answers in the shape of `/usages`. Raises PayloadError.

    There `usages` is a list, and the shares stand under other names.
    """
    rows = [wire.as_mapping(row) for row in wire.rows(wire.mapping(usages, "body").get("usages"), "usages")]
    coding = next((row for row in rows if row.get("scope") == "FEATURE_CODING"), None)
    if coding is None:
        raise PayloadError("usages: Kimi's answer holds none of Kimi Code")
    told = wire.as_mapping(stats)
    pool, week = (wire.as_mapping(told.get(key)) for key in ("subscriptionBalance", "ratelimitCode7d"))
    shares = {
        "limit_7d": (week.get("ratio") if week.get("enabled") is True else None, week.get("resetTime")),
        "limit_month_total": (pool.get("amountUsedRatio"), pool.get("expireTime")),
        "limit_month_code": (pool.get("kimiCodeUsedRatio"), pool.get("expireTime")),
    }
    return {
        "usage": coding.get("detail"),
        "limits": coding.get("limits"),
        "usages": {
            key: {"used_ratio": ratio, "reset_time": end}
            for key, (ratio, end) in shares.items()
            if ratio is not None
        },
    }


# -- windows ------------------------------------------------------------------------------------------


def _counts(body: Mapping[str, Any], now: datetime) -> dict[str, Quota]:
    """The counted windows by id; of the same id twice the first."""
    found: dict[str, Quota] = {}
    for seconds, detail in _details(body):
        quota = _count(seconds, detail, now)
        if quota is not None:
            found.setdefault(quota.id, quota)
    return found


def _details(body: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each window's length and figures: `usage` is the week, and names no length."""
    yield _WEEK_S, wire.as_mapping(body.get("usage"))
    for row in wire.as_rows(body.get("limits")):
        limit = wire.as_mapping(row)
        seconds = _seconds(wire.as_mapping(limit.get("window")))
        if seconds is not None:
            yield seconds, wire.as_mapping(limit.get("detail"))


def _left_out(body: Mapping[str, Any]) -> Iterator[str]:
    limits = map(wire.as_mapping, wire.as_rows(body.get("limits")))
    if any(limit and _seconds(wire.as_mapping(limit.get("window"))) is None for limit in limits):
        yield _NO_LENGTH


def _seconds(window: Mapping[str, Any]) -> int | None:
    duration, unit = wire.as_whole(window.get("duration")), window.get("timeUnit")
    seconds = _UNITS.get(unit) if isinstance(unit, str) else None
    return None if duration is None or duration <= 0 or seconds is None else duration * seconds


def _count(seconds: int, detail: Mapping[str, Any], now: datetime) -> Quota | None:
    limit, used, left = (wire.as_number(detail.get(name)) for name in ("limit", "used", "remaining"))
    if used is None and left is not None and limit is not None:
        used = limit - left
    if limit is None and used is None:
        return None
    id_, label = _named(seconds)
    return Quota(
        id=id_,
        label=label,
        # The older plans count requests; since then the count is a percentage.
        unit="percent" if limit == _HUNDRED else "requests",
        used=None if used is None else max(_ZERO, used),
        limit=limit,
        window_seconds=seconds,
        resets_at=_reset(detail, now),
    )


def _named(seconds: int) -> tuple[str, str]:
    known = next(((id_, label) for id_, label, _, length in _RATIOS.values() if length == seconds), None)
    if known is not None:
        return known
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return f"window_{seconds}", f"{seconds // size}-{name}"
    raise AssertionError("unreachable")  # pragma: no cover - all lengths are of whole minutes


def _reset(detail: Mapping[str, Any], now: datetime) -> datetime | None:
    told = wire.as_instant(wire.first(detail, "resetTime", "reset_at", "resetAt", "reset_time"))
    return told or wire.later(now, wire.first(detail, "reset_in", "resetIn", "ttl"))


def _ratios(usages: Mapping[str, Any]) -> dict[str, Quota]:
    """The pools that are told as shares, by id."""
    found = {}
    for key, (id_, label, scope, seconds) in _RATIOS.items():
        pool = wire.as_mapping(usages.get(key))
        ratio = wire.as_number(pool.get("used_ratio"))
        if ratio is not None:
            found[id_] = Quota(
                id=id_,
                label=label,
                scope=scope,
                unit="percent",
                used=max(_ZERO, ratio * _HUNDRED),
                limit=_HUNDRED,
                window_seconds=seconds,
                resets_at=wire.as_instant(pool.get("reset_time")),
            )
    return found


def _merged(
    counts: Mapping[str, Quota], ratios: Mapping[str, Quota]
) -> tuple[tuple[Quota, ...], tuple[str, ...]]:
    """One quota a window: the share, but where it is stuck at 0 the count; and notes on those."""
    stuck = [id_ for id_ in ratios if id_ in counts and _is_stuck(ratios[id_], counts[id_])]
    chosen = {**counts, **ratios, **{id_: counts[id_] for id_ in stuck}}
    order = (*(id_ for id_, *_ in _RATIOS.values()), *counts)
    quotas = tuple(chosen[id_] for id_ in dict.fromkeys(order) if id_ in chosen)
    # Of accounts with a monthly pool it is not certain which of the two is right.
    told = stuck if "monthly" in ratios else []
    return quotas, tuple(_STUCK.format(label=counts[id_].label.lower()) for id_ in told)


def _is_stuck(ratio: Quota, count: Quota) -> bool:
    if ratio.used or not count.used or ratio.resets_at is None or count.resets_at is None:
        return False
    return abs(ratio.resets_at - count.resets_at) <= _SAME_RESET


# -- what is paid beyond the plan ---------------------------------------------------------------------


def _wallet(wallet: Mapping[str, Any]) -> tuple[Balance | None, Quota | None]:
    """What is left of the extra-usage wallet, and the month's cap on it."""
    held = wire.as_mapping(wallet.get("balance"))
    amount = wire.as_number(held.get("amount"))
    if held.get("type") not in _WALLET_TYPES or amount is None or amount <= 0:
        return None, None
    unit = _currency(wallet)
    left = wire.as_number(held.get("amountLeft", 0))
    balance = Balance(
        id="extra_usage",
        label="Extra usage",
        unit=unit,
        amount=None if left is None else left / _WALLET_UNITS,
    )
    cap = _money(wallet.get("monthlyChargeLimit"))
    if wallet.get("monthlyChargeLimitEnabled") is not True or cap is None or cap <= 0:
        return balance, None
    return balance, Quota(
        id="extra_usage_cap",
        label="Extra usage cap",
        unit=unit,
        used=_money(wallet.get("monthlyUsed")),
        limit=cap,
        judged=False,
    )


def _currency(wallet: Mapping[str, Any]) -> str:
    for name in ("monthlyChargeLimit", "monthlyUsed"):
        told = wire.as_mapping(wallet.get(name)).get("currency")
        if isinstance(told, str) and re.fullmatch("[A-Za-z]{3}", told):
            return told.lower()
    return "usd"


def _money(holder: Any) -> Decimal | None:
    """{"priceInCents": "5000"} in whole units; a 0 is left out."""
    if not isinstance(holder, dict):
        return None
    cents = wire.as_number(holder.get("priceInCents", 0))
    return None if cents is None else cents / _HUNDRED


# -- the membership -----------------------------------------------------------------------------------


def _plan(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The level, and how many requests may run at the same time."""
    user = wire.as_mapping(body.get("user"))
    level = wire.as_text(wire.as_mapping(user.get("membership")).get("level"))
    name = level.removeprefix("LEVEL_").replace("_", " ").capitalize().strip() if level else None
    parallel = wire.as_whole(wire.as_mapping(body.get("parallel")).get("limit"))
    more = {} if parallel is None else {"parallelRequests": parallel}
    return plan(name or None, **more) if name or more else None


def with_balance(usage: Usage, platform: Usage) -> Usage:
    """The report with the Open Platform's balance, which pays for nothing of Kimi Code."""
    balances = tuple(replace(balance, judged=not usage.quotas) for balance in platform.balances)
    return replace(usage, balances=(*usage.balances, *balances), notes=(*usage.notes, *platform.notes))
