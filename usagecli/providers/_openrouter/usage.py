"""OpenRouter's answers -> `Usage`. Amounts are US dollars; counts of free models are requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota, Spend, Usage, plan

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_DAY_S = 86_400

# The reset word of a key's cap: the window's length and the field that counts its use. A month
# has no fixed length.
_PERIODS: Mapping[str | None, tuple[int | None, str]] = {
    "daily": (_DAY_S, "usage_daily"),
    "weekly": (7 * _DAY_S, "usage_weekly"),
    "monthly": (None, "usage_monthly"),
    None: (None, "usage"),
}


def parse(
    key: Any,
    *,
    now: datetime,
    credits_: Any = None,
    activity: Any = None,
    keys: Iterable[Any] = (),
    told: bool = False,
    managed: bool = False,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the bodies of `/key`, `/credits`, `/activity` and the pages of `/keys` to `Usage`.

    Shape of the first: {"data": {"limit": 60, "limit_remaining": 41.37, "limit_reset": "weekly",
    "usage": 214.92, "usage_daily": 2.4, ...}}; dollars. The others may be None or of any shape:
    they cost their own entries only. `told`: the key was given as a management key; `managed`: the
    other bodies were read with one. Raises PayloadError naming the field.
    """
    data = key_data(key)
    own = is_management(data, told=told)
    quotas = (_key_limit(data, now, management=own), _free_models(data, now))
    balance, balance_note = _credits(credits_, data, managed=managed or own)
    past, past_note = _activity(activity, now)
    return Usage(
        quotas=tuple(quota for quota in quotas if quota),
        balances=(balance,) if balance else (),
        spend=(*(() if own else _spend(data, now)), *past),
        account=_account(data, keys),
        plan=_plan(data.get("is_free_tier")),
        notes=(*notes, *(note for note in (balance_note, past_note) if note)),
        contract=_contract(data),
    )


def key_data(key: Any) -> Mapping[str, Any]:
    """The object in the body of `/key`. Raises PayloadError."""
    return wire.mapping(wire.mapping(key, "body").get("data"), "data")


def is_management(data: Mapping[str, Any], *, told: bool) -> bool:
    """What `/key` says of itself; where it does not, as which sort of key it was given."""
    flags = (data.get("is_management_key"), data.get("is_provisioning_key"))
    return next((flag for flag in flags if isinstance(flag, bool)), told)


def names_of(page: Any, label: str) -> list[str | None]:
    """The names (None: without one) of the keys with this label on a page of `/keys`."""
    rows = map(wire.as_mapping, wire.as_rows(wire.as_mapping(page).get("data")))
    return [wire.as_text(row.get("name")) for row in rows if wire.as_text(row.get("label")) == label]


def _account(data: Mapping[str, Any], keys: Iterable[Any]) -> str | None:
    label = wire.as_text(data.get("label"))
    if label is None:
        return None
    names = [name for page in keys for name in names_of(page, label)]
    # Labels are masked, so two keys may share one: then neither name is sure.
    return (names[0] if len(names) == 1 else None) or label


def _plan(free_tier: Any) -> Mapping[str, Any] | None:
    if not isinstance(free_tier, bool):
        return None
    return plan("Free tier" if free_tier else "Pay as you go")


def _key_limit(data: Mapping[str, Any], now: datetime, *, management: bool) -> Quota | None:
    if _unlimited(data):
        if management:
            return None
        used = wire.as_number(data.get("usage"))
        return Quota(id="key_limit", label="Key limit", unit="usd", unlimited=True, used=used)
    limit = wire.as_number(data.get("limit"))
    if limit is None or limit < 0:
        return None
    word, window, field = _period(data)
    used, remaining = _use(data, limit, field)
    percent = None
    if used is not None and limit > 0:
        percent = min(_HUNDRED, used / limit * _HUNDRED)
    elif used is not None and used > 0:
        percent = _HUNDRED
    return Quota(
        id="key_limit",
        label=f"Key limit ({word})" if word and word in _PERIODS else "Key limit",
        unit="usd",
        used=used,
        limit=limit,
        remaining=remaining,
        percent_used=percent,
        window_seconds=window,
        resets_at=_resets_at(word, now),
    )


def _unlimited(data: Mapping[str, Any]) -> bool:
    """A null is an answer here: no cap. A field that is not there is none."""
    return "limit" in data and data["limit"] is None


def _period(data: Mapping[str, Any]) -> tuple[str | None, int | None, str]:
    """The reset word, the window's length and the use field; no field counts an unknown period."""
    word = data.get("limit_reset")
    if word is not None:
        word = word.strip().lower() if isinstance(word, str) else "?"
    window, field = _PERIODS.get(word, (None, ""))
    return word, window, field


def _resets_at(word: str | None, now: datetime) -> datetime | None:
    if word == "daily":
        return wire.day_start(now, 1)
    if word == "weekly":
        return wire.day_start(now, 7 - now.weekday())
    return wire.month_start(now, 1) if word == "monthly" else None


def _use(data: Mapping[str, Any], limit: Decimal, field: str) -> tuple[Decimal | None, Decimal | None]:
    """Used and remaining of the current period; never from the lifetime use of a cap that resets."""
    counted = wire.as_number(data.get(field))
    if limit == 0:
        return counted, _ZERO
    left = wire.as_number(data.get("limit_remaining"))
    if left is not None:
        left = max(_ZERO, min(limit, left))
        return limit - left, left
    return counted, None if counted is None else max(_ZERO, limit - counted)


def _free_models(data: Mapping[str, Any], now: datetime) -> Quota | None:
    block = wire.as_mapping(data.get("free_model_daily_requests"))
    used, limit, remaining = (wire.as_number(block.get(name)) for name in ("used", "limit", "remaining"))
    if used is None and limit is None and remaining is None:
        return None
    if limit is not None and limit < 0:  # no limit that anything can be left of
        limit = remaining = None
    return Quota(
        id="free_model_daily",
        label="Free models",
        unit="requests",
        scope=":free models",
        used=used,
        limit=limit,
        remaining=None if remaining is None else max(_ZERO, remaining),
        window_seconds=_DAY_S,
        resets_at=wire.day_start(now, 1),
        partial=True,
    )


def _credits(body: Any, key: Mapping[str, Any], *, managed: bool) -> tuple[Balance | None, str | None]:
    """The prepaid balance, or what keeps it from being shown; neither where it was not read."""
    if body is None:
        return None, None
    data = wire.as_mapping(wire.as_mapping(body).get("data"))
    bought, used = wire.as_number(data.get("total_credits")), wire.as_number(data.get("total_usage"))
    if bought is None or used is None:
        return None, "credits could not be read: the answer lacks a figure"
    never_bought = bought == 0 and used == 0
    # To an ordinary key the endpoint has answered zeros on funded accounts.
    if never_bought and not managed:
        return None, "the prepaid balance needs a management key"
    balance = Balance(
        id="credits",
        label="Credits",
        unit="usd",
        # Not clamped: a debt is real and stops even free models.
        amount=bought - used,
        stops=True,
        # An account that has never paid still runs free models.
        judged=not never_bought or key.get("is_free_tier") is False,
    )
    return balance, None


def _spend(data: Mapping[str, Any], now: datetime) -> list[Spend]:
    """Use by period, then the same paid elsewhere through the user's own provider keys (BYOK)."""
    starts = {
        "daily": ("Today", wire.day_start(now)),
        "weekly": ("This week", wire.day_start(now, -now.weekday())),
        "monthly": ("This month", wire.month_start(now)),
        "total": ("All time", None),
    }
    found = []
    for prefix, suffix, id_prefix in (("usage", "", ""), ("byok_usage", " (own keys)", "byok_")):
        for name, (label, since) in starts.items():
            amount = wire.as_number(data.get(prefix if name == "total" else f"{prefix}_{name}"))
            if amount is None or (id_prefix and amount <= 0):
                continue
            found.append(
                Spend(id=id_prefix + name, label=label + suffix, unit="usd", amount=amount, since=since)
            )
    return found


def _activity(body: Any, now: datetime) -> tuple[list[Spend], str | None]:
    """The last 30 completed UTC days (today is not among them), and what is amiss with them."""
    if body is None:
        return [], None
    rows = wire.as_mapping(body).get("data")
    if not isinstance(rows, list):
        return [], "activity could not be read: the answer holds no list"
    figures = [wire.as_number(wire.as_mapping(row).get("usage")) for row in rows]
    amounts = [figure for figure in figures if figure is not None]
    own = sum(
        (wire.as_number(wire.as_mapping(row).get("byok_usage_inference")) or _ZERO for row in rows), _ZERO
    )
    since, until = wire.day_start(now, -30), wire.day_start(now)
    entries = {
        # No rows are no use; rows of which none can be read are unknown use.
        "last_30_days": ("Last 30 days", sum(amounts, _ZERO) if amounts or not rows else None),
        "byok_last_30_days": ("Last 30 days (own keys)", own if own > 0 else None),
    }
    missing = len(rows) - len(amounts)
    return [
        Spend(id=name, label=label, unit="usd", amount=amount, since=since, until=until)
        for name, (label, amount) in entries.items()
        if amount is not None
    ], f"activity: {missing} of {len(rows)} entries could not be read" if missing else None


def _contract(data: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that older dashboards read, null where they would have crashed or shown a zero."""
    unlimited = _unlimited(data)
    limit = wire.as_number(data.get("limit"))
    left = None if unlimited else wire.as_number(data.get("limit_remaining"))
    percent = left / limit * _HUNDRED if limit is not None and left is not None and limit > 0 else None
    low: bool | None
    if percent is not None:
        low = percent < 10
    elif limit is not None and limit <= 0:
        used = wire.as_number(data.get(_period(data)[2]))
        low = used is not None and used > 0
    else:
        # Unlimited is never low; a cap of which nothing else is known is not judged.
        low = False if unlimited else None
    return {
        "totalLimit": _plain(limit),
        "remaining": _plain(left),
        "resetPeriod": wire.as_text(data.get("limit_reset", "N/A")),
        "usage": _plain(wire.as_number(data.get("usage"))),
        "usageDaily": _plain(wire.as_number(data.get("usage_daily"))),
        "usageWeekly": _plain(wire.as_number(data.get("usage_weekly"))),
        "usageMonthly": _plain(wire.as_number(data.get("usage_monthly"))),
        "percentRemaining": None if percent is None else float(round(percent, 1)),
        "warningLowBudget": low,
    }


def _plain(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
