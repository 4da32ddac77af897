"""Cost Management's answers: the month's spend, and budgets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.fuzz import mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Spend, Usage
from usagecli.providers._azure_openai import cost

SERVICE = Service(name="azure", provider="azure-openai")
MONTH = utc("2026-11-01T00:00:00")


def rows(case: str) -> list[Any]:
    found: list[Any] = payload(f"azure-openai/{case}")["value"]
    return found


def spent(case: str | Any, *names: str) -> list[Spend]:
    body = payload(f"azure-openai/{case}")["properties"] if isinstance(case, str) else case
    return cost.spend([body], now=NOW, names=names)


def page(*found: Any, columns: tuple[str, ...] = ("Cost", "ServiceName", "Currency")) -> Any:
    return {"columns": [{"name": name} for name in columns], "rows": list(found)}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("cost", [Spend(id="monthly", label="This month", unit="usd", amount=d("20.00"), since=MONTH)]),
        (
            "cost_eur",
            [Spend(id="monthly", label="This month (EUR)", unit="eur", amount=d("10.25"), since=MONTH)],
        ),
        ("cost_empty", []),
    ],
)
def test_the_month_s_cost(case: str, expected: list[Spend]) -> None:
    assert spent(case) == expected


def test_money_of_different_currencies_is_never_added() -> None:
    found = spent(page([1, "OpenAI", "usd"], [2, "OpenAI", "GBP"], [3, "OpenAI", "USD"]))
    assert [(spend.id, spend.unit, spend.amount) for spend in found] == [
        ("monthly", "usd", d(4)),
        ("monthly_gbp", "gbp", d(2)),
    ]


@pytest.mark.parametrize(
    ("service", "counts"),
    [
        ("Cognitive Services", True),
        ("AZURE OPENAI", True),
        ("Microsoft Foundry", True),
        ("foundry models", True),
        ("Marketplace AI", True),
        ("marketplace ai", True),
        ("Marketplace AI Extra", False),
        ("Storage", False),
        (None, False),
    ],
)
def test_which_services_count(service: Any, counts: bool) -> None:
    assert bool(spent(page([1, service, "USD"]), "Marketplace AI")) == counts


def test_pages_of_cost_are_added_up_and_refunds_count() -> None:
    found = cost.spend([page([5, "OpenAI", "USD"]), page([-2, "OpenAI", "USD"])], now=NOW, names=())
    assert [spend.amount for spend in found] == [3]


@pytest.mark.parametrize(
    "columns", [("PreTaxCost", "ServiceName", "Currency"), ("COST", "servicename", "currency")]
)
def test_columns_are_found_by_their_names(columns: tuple[str, ...]) -> None:
    assert spent(page([1, "OpenAI", "USD"], columns=columns))[0].amount == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "columns"),
        ({"columns": [], "rows": []}, "columns"),
        (page(columns=("Cost", "Currency")), "columns"),
        ({**page(), "rows": None}, "rows"),
        (page([1, "OpenAI"]), "rows"),
        (page("x"), "rows"),
        (page([None, "OpenAI", "USD"]), "rows"),
        (page([1, "OpenAI", None]), "rows"),
        (page([1, "OpenAI", "dollars"]), "rows"),
    ],
)
def test_a_cost_that_cannot_be_read_is_no_cost(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        spent(body)


def budget(name: str, covers: str, unit: str, used_: str, limit: int) -> Quota:
    return Quota(
        id=f"budget/{name}",
        label=f"Budget {name} ({covers})",
        unit=unit,
        used=d(used_),
        limit=d(limit),
        judged=False,
    )


def test_budgets() -> None:
    assert cost.budgets(rows("budgets"), ()) == [
        budget("all", "whole subscription", "usd", "120.5", 600),
        budget("models", "Azure OpenAI", "eur", "130.25", 100),
        budget("team", "filtered, not only Azure OpenAI", "usd", "120.5", 600),
    ]


def test_a_budget_stops_nothing() -> None:
    usage = Usage(quotas=tuple(cost.budgets(rows("budgets"), ())))
    judged, weight = assess.judged(usage, SERVICE)
    assert [quota.percent_used for quota in judged.quotas][1] == d("130.25")
    assert ({quota.status for quota in judged.quotas}, weight) == ({None}, "ok")


@pytest.mark.parametrize(
    ("told", "covers"),
    [
        (None, "whole subscription"),
        ({}, "whole subscription"),
        ({"dimensions": {"name": "ServiceName", "operator": "In", "values": ["Own AI"]}}, "Azure OpenAI"),
        ({"dimensions": {"name": "ServiceName", "values": ["OpenAI", "Storage"]}}, "filtered"),
        ({"dimensions": {"name": "ServiceName", "operator": "NotIn", "values": ["OpenAI"]}}, "filtered"),
        ({"dimensions": {"name": "ServiceName", "operator": "In", "values": []}}, "filtered"),
        ({"tags": {"name": "team", "values": ["OpenAI"]}}, "filtered"),
        ("OpenAI", "filtered"),
    ],
)
def test_what_a_budget_covers(told: Any, covers: str) -> None:
    row = rows("budgets")[0]
    row["properties"]["filter"] = told
    (quota,) = cost.budgets([row], ["own ai"])
    assert quota.label.startswith(f"Budget all ({covers}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"currentSpend": None}, ("usd", None, 600)),
        ({"currentSpend": {"amount": "1.5", "unit": None}}, ("usd", d("1.5"), 600)),
        ({"amount": None}, ("usd", d("120.5"), None)),
    ],
)
def test_a_budget_that_lacks_a_figure(change: dict[str, Any], expected: tuple[Any, ...]) -> None:
    row = rows("budgets")[0]
    row["properties"] |= change
    (quota,) = cost.budgets([row], ())
    assert (quota.unit, quota.used, quota.limit) == expected
    row["properties"] |= {"amount": None, "currentSpend": None}
    assert cost.budgets([row], ()) == []


# -- whatever comes ---------------------------------------------------------------------------------


@given(body=mutated(payload("azure-openai/cost")["properties"]), told=mutated(rows("budgets")))
@settings(max_examples=150, deadline=None)
def test_any_money(body: Any, told: Any) -> None:
    found = body if isinstance(body, dict) else {}
    budgets = told if isinstance(told, list) else [told]
    survives(lambda: Usage(spend=tuple(cost.spend([found], now=NOW, names=()))))
    survives(lambda: Usage(quotas=tuple(cost.budgets(budgets, ()))))
