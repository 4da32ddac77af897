"""Mistral's answers -> `Usage`. Spend is what was used times its price; nothing is rounded before the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Spend, Usage, plan

_HUNDRED = Decimal(100)
_CURRENCY = re.compile(r"[a-z]{3}")
_PRICES = "prices"
_NOT_FOR_KEYS = "Vibe's share of the month is not given to keys: only the web console shows it"

_Prices = Mapping[tuple[str, str], Decimal]


def parse(usage: Any, *, whoami: Any = None) -> Usage:
    """Map a month's usage, and where it was answered the plan of Vibe. Raises PayloadError.

    Shape: {"completion": {"models": {NAME: {"input": [{"billing_metric", "billing_group", "value",
    "value_paid"}]}}}, ..., "prices": [{"billing_metric", "billing_group", "price": "5.1E-6"}],
    "currency": "EUR", "start_date", "end_date"}; categories nest to different depths.
    """
    body = wire.mapping(usage, "body")
    currency = _currency(body)
    amount, notes = _amount(body, _prices(body))
    month = None if amount is None else _month(body, currency, amount)
    name = _plan_name(wire.as_mapping(whoami))
    return Usage(spend=(month,) if month else (), plan=plan(name) if name else None, notes=notes)


def parse_plan(whoami: Any) -> Usage:
    """Map {"plan_type": "CHAT", "plan_name": "INDIVIDUAL"}. Raises PayloadError."""
    name = _plan_name(wire.mapping(whoami, "body"))
    if name is None:
        raise PayloadError("plan_name: expected a text")
    return Usage(plan=plan(name), notes=(_NOT_FOR_KEYS,))


def parse_console(usage: Any, *, credits_: Any, vibe: Any, notes: tuple[str, ...] = ()) -> Usage:
    """Map what the console asks: a month's usage, and what came of the two other calls.

    Shapes: {"wallet_amount", "credit_notes_amount", "ongoing_usage_balance", "currency"} and [{"result":
    {"data": {"json": {"usage_percentage": 41.5, "reset_at": "..."}}}}]. Raises PayloadError.
    """
    found = parse(usage)
    balance, quota = _credits(wire.as_mapping(credits_)), _vibe(vibe)
    return replace(
        found,
        balances=(balance,) if balance else (),
        quotas=(quota,) if quota else (),
        notes=(*found.notes, *notes),
        source="cookie",
    )


# -- spend ------------------------------------------------------------------------------------------


def _currency(body: Mapping[str, Any]) -> str:
    currency = body.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency.lower()):
        raise PayloadError("currency: expected a currency such as EUR")
    return currency.lower()


def _prices(body: Mapping[str, Any]) -> _Prices:
    """The price of each metric and group; of several the first."""
    found: dict[tuple[str, str], Decimal] = {}
    for index, row in enumerate(wire.rows(body.get(_PRICES), _PRICES)):
        field = f"{_PRICES}[{index}]"
        price = wire.mapping(row, field)
        key = _key(price)
        # A metric whose price is not told has none: its use is left out.
        if key is not None and price.get("price") is not None:
            found.setdefault(key, wire.number(price, "price", f"{field}.price"))
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, str] | None:
    metric, group = row.get("billing_metric"), row.get("billing_group")
    return (metric, group) if isinstance(metric, str) and isinstance(group, str) else None


def _amount(body: Mapping[str, Any], prices: _Prices) -> tuple[Decimal | None, tuple[str, ...]]:
    """The sum of what has a price (None where nothing that was used has one), a warning of the rest."""
    total, priced, unpriced = Decimal(0), 0, 0
    for category, row in _entries(body):
        name = "value" if row.get("value_paid") is None else "value_paid"
        value = wire.number(row, name, f"{category}.{name}")
        key = _key(row)
        price = prices.get(key) if key else None
        if price is not None:
            total += value * price
            priced += 1
        elif value:
            unpriced += 1
    if not unpriced:
        return total, ()
    told = "1 entry" if unpriced == 1 else f"{unpriced} entries"
    return total if priced else None, (f"left out for want of a price: {told} of the usage",)


def _entries(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every entry of every category, however deep its lists stand, and the category's name."""
    stack = [(name, value) for name, value in body.items() if name != _PRICES]
    while stack:
        category, node = stack.pop()
        if isinstance(node, list):
            stack += [(category, inner) for inner in node]
        elif isinstance(node, dict) and "billing_metric" in node:
            yield category, node
        elif isinstance(node, dict):
            stack += [(category, inner) for inner in node.values()]


def _month(body: Mapping[str, Any], currency: str, amount: Decimal) -> Spend:
    since, until = (wire.as_instant(body.get(key)) for key in ("start_date", "end_date"))
    return Spend(id="monthly", label="This month", unit=currency, amount=amount, since=since, until=until)


# -- plan, credits, Vibe ----------------------------------------------------------------------------


def _plan_name(whoami: Mapping[str, Any]) -> str | None:
    name = wire.as_text(whoami.get("plan_name"))
    return name.replace("_", " ").title() if name else None


def _credits(body: Mapping[str, Any]) -> Balance | None:
    names = ("wallet_amount", "credit_notes_amount", "ongoing_usage_balance")
    wallet, notes, ongoing = (wire.as_number(body.get(name)) for name in names)
    currency = body.get("currency")
    if wallet is None or notes is None or ongoing is None or not isinstance(currency, str):
        return None
    if not _CURRENCY.fullmatch(currency.lower()):
        return None
    amount = max(Decimal(0), wallet + notes - ongoing)
    return Balance(id="credits", label="Credits", unit=currency.lower(), amount=amount)


def _vibe(batch: Any) -> Quota | None:
    rows = wire.as_rows(batch)
    result = wire.as_mapping(wire.as_mapping(rows[0] if rows else None).get("result"))
    body = wire.as_mapping(wire.as_mapping(result.get("data")).get("json"))
    used = wire.as_number(body.get("usage_percentage"))
    if used is None or used < 0:
        return None
    return Quota(
        id="vibe_monthly",
        label="Vibe (monthly)",
        unit="percent",
        used=used,
        limit=_HUNDRED,
        resets_at=wire.as_instant(body.get("reset_at")),
    )
