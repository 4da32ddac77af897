"""Answers of Cost Explorer and AWS Budgets -> spend and quotas in money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota, Spend

_ZERO = Decimal(0)


def cost_period(now: datetime) -> dict[str, str]:
    """The month so far, as Cost Explorer wants it: `End` is exclusive."""
    return {"Start": f"{wire.month_start(now):%Y-%m-%d}", "End": f"{wire.day_start(now, 1):%Y-%m-%d}"}


def month_cost(pages: Iterable[Any], now: datetime) -> tuple[list[Spend], str | None]:
    """The month's cost of Bedrock from pages of GetCostAndUsage by service, and what is amiss with it.

    Shape of a page: {"ResultsByTime": [{"Groups": [{"Keys": ["Amazon Bedrock"], "Metrics":
    {"UnblendedCost": {"Amount": "12.3456", "Unit": "USD"}}}]}]}; amounts are text.
    """
    results = [wire.as_mapping(row) for page in pages for row in _rows(page, "ResultsByTime")]
    if not any(isinstance(result.get("Groups"), list) for result in results):
        return [], "the cost could not be read: Cost Explorer gave no figure for this month"
    sums: dict[str, Decimal] = {}
    for group in (group for result in results for group in _rows(result, "Groups") if _is_bedrock(group)):
        amount, unit = _money(wire.as_mapping(wire.as_mapping(group).get("Metrics")).get("UnblendedCost"))
        if amount is None or unit is None:
            return [], "the cost could not be read: a figure of Cost Explorer is missing"
        sums[unit] = sums.get(unit, _ZERO) + amount
    since = wire.month_start(now)
    return [
        Spend(
            id="monthly" if len(sums) < 2 else f"monthly_{unit}",
            label="This month (Bedrock)",
            unit=unit,
            amount=amount,
            since=since,
        )
        # A month without a row of Bedrock's cost nothing.
        for unit, amount in (sums or {"usd": _ZERO}).items()
    ], None


def budget_quotas(pages: Iterable[Any]) -> list[Quota]:
    """The budgets in money from pages of DescribeBudgets; those on hours or percentages are left out.

    Shape of a page: {"Budgets": [{"BudgetName": "ai", "BudgetType": "COST", "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "500.0", "Unit": "USD"}, "CalculatedSpend": {"ActualSpend": {...}}}]}.
    """
    found: dict[str, Quota] = {}
    for row in (wire.as_mapping(row) for page in pages for row in _rows(page, "Budgets")):
        quota = _budget(row)
        if quota is not None:
            found.setdefault(quota.id, quota)
    return list(found.values())


def _budget(row: Mapping[str, Any]) -> Quota | None:
    name = wire.as_text(row.get("BudgetName"))
    limit, unit = _money(row.get("BudgetLimit"))
    used, used_unit = _money(wire.as_mapping(row.get("CalculatedSpend")).get("ActualSpend"))
    if name is None or row.get("BudgetType") != "COST" or (unit is None and used_unit is None):
        return None
    period = (wire.as_text(row.get("TimeUnit")) or "").lower()
    told = ", ".join(word for word in (period, _filter(row)) if word)
    return Quota(
        id=f"budget/{name}",
        label=f"Budget {name} ({told})",
        unit=unit or used_unit or "",
        # Money of two currencies is not compared.
        used=used if unit in (None, used_unit) else None,
        limit=limit if unit else None,
    )


def _filter(row: Mapping[str, Any]) -> str:
    """Which costs a budget counts, in words."""
    named = dict(_filters(row))
    if named:
        return "; ".join(f"{key}: {', '.join(values)}" for key, values in named.items())
    return "some costs" if row.get("FilterExpression") or row.get("CostFilters") else "all costs"


def _filters(row: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    expression = wire.as_mapping(row.get("FilterExpression"))
    simple = wire.as_mapping(expression.get("Dimensions") or expression.get("Tags"))
    pairs = [(simple.get("Key"), simple.get("Values")), *wire.as_mapping(row.get("CostFilters")).items()]
    for key, values in pairs:
        texts = [text for value in wire.as_rows(values) if (text := wire.as_text(value))]
        name = wire.as_text(key)
        if name and texts:
            yield name, texts


def _is_bedrock(group: Any) -> bool:
    keys = wire.as_rows(wire.as_mapping(group).get("Keys"))
    # Models of other vendors are billed as "<Model> (Amazon Bedrock Edition)".
    return any("bedrock" in key.lower() for key in keys if isinstance(key, str))


def _money(value: Any) -> tuple[Decimal | None, str | None]:
    body = wire.as_mapping(value)
    unit = body.get("Unit")
    known = isinstance(unit, str) and len(unit) == 3 and unit.isascii() and unit.isalpha()
    amount = wire.as_number(body.get("Amount"))
    return (amount, unit.lower()) if known and isinstance(unit, str) else (amount, None)


def _rows(body: Any, key: str) -> list[Any]:
    return wire.as_rows(wire.as_mapping(body).get(key))
