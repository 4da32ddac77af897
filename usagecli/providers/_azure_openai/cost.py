"""Cost Management's rows -> this month's spend; its budgets -> quotas that stop nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Spend

# Not filtered by service: under which name the models are billed changed over time.
QUERY: Mapping[str, Any] = {
    "type": "ActualCost",
    "timeframe": "MonthToDate",
    "dataset": {
        "granularity": "None",
        "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
        "grouping": [{"type": "Dimension", "name": "ServiceName"}],
    },
}
_OURS = ("cognitive services", "openai", "foundry")
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


def is_ours(service: Any, names: Iterable[str] = ()) -> bool:
    """Whether models are billed under that ServiceName; `names` are further ones of the user's."""
    text = str(service).strip().lower()
    return any(word in text for word in _OURS) or text in {name.lower() for name in names}


def spend(pages: Iterable[Mapping[str, Any]], *, now: datetime, names: Iterable[str]) -> list[Spend]:
    """One entry a currency; none where no row is of a service of ours. Raises PayloadError.

    Shape of a page: {"columns": [{"name": "Cost"}, {"name": "ServiceName"}, {"name": "Currency"}],
    "rows": [[12.34, "Cognitive Services", "USD"]]}, the columns in any order.
    """
    names, sums = list(names), dict[str, Decimal]()
    for page in pages:
        for amount, service, currency in _cells(page):
            if not is_ours(service, names):
                continue
            cost = wire.as_number(amount)
            if cost is None or not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
                raise PayloadError("rows: expected a cost and its currency")
            sums[currency.lower()] = sums.get(currency.lower(), Decimal(0)) + cost
    return [
        Spend(
            id="monthly" if unit == "usd" or len(sums) == 1 else f"monthly_{unit}",
            label="This month" if unit == "usd" else f"This month ({unit.upper()})",
            unit=unit,
            amount=amount,
            since=wire.month_start(now),
        )
        for unit, amount in sums.items()
    ]


def _cells(page: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    columns = wire.rows(page.get("columns"), "columns")
    titles = [str(wire.as_mapping(column).get("name")).lower() for column in columns]
    # Its name depends on the agreement with Microsoft.
    cost = "cost" if "cost" in titles else "pretaxcost"
    places = []
    for title in (cost, "servicename", "currency"):
        if title not in titles:
            raise PayloadError(f"columns: there is none called {title}")
        places.append(titles.index(title))
    for row in wire.rows(page.get("rows"), "rows"):
        cells = wire.rows(row, "rows")
        if len(cells) < len(titles):
            raise PayloadError("rows: one is shorter than the columns")
        yield cells[places[0]], cells[places[1]], cells[places[2]]


def budgets(rows: Iterable[Any], names: Iterable[str]) -> list[Quota]:
    """The budgets of category Cost, which may be overrun. `rows`: those of Azure's list.

    Shape: {"name": "team", "properties": {"amount": 600.0, "category": "Cost", "currentSpend":
    {"amount": 120.5, "unit": "USD"}, "filter": {...}}}.
    """
    names, found = list(names), dict[str, Quota]()
    for row in map(wire.as_mapping, rows):
        name, told = wire.as_text(row.get("name")), wire.as_mapping(row.get("properties"))
        current = wire.as_mapping(told.get("currentSpend"))
        used, limit = wire.as_number(current.get("amount")), wire.as_number(told.get("amount"))
        if name is None or str(told.get("category")).lower() != "cost" or (used is None and limit is None):
            continue
        unit = str(current.get("unit"))
        quota = Quota(
            id=f"budget/{name}",
            label=f"Budget {name} ({_covers(told.get('filter'), names)})",
            unit=unit.lower() if _CURRENCY.fullmatch(unit) else "usd",
            used=used,
            limit=limit,
            judged=False,
        )
        found.setdefault(quota.id, quota)
    return list(found.values())


def _covers(told: Any, names: list[str]) -> str:
    """What a budget counts: everything, unless its filter leaves only services of ours."""
    if not told:
        return "whole subscription"
    parts = [told, *wire.as_rows(wire.as_mapping(told).get("and"))]
    dimensions = (wire.as_mapping(wire.as_mapping(part).get("dimensions")) for part in parts)
    for dimension in dimensions:
        services = wire.as_rows(dimension.get("values"))
        named = dimension.get("name") == "ServiceName" and dimension.get("operator") in (None, "In")
        if named and services and all(is_ours(service, names) for service in services):
            return "Azure OpenAI"
    return "filtered, not only Azure OpenAI"
