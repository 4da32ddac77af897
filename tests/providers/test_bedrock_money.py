"""What Cost Explorer and AWS Budgets say of Bedrock, and every rule of reading it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support import NOW, d, payload, utc
from usagecli.model import Quota, Spend
from usagecli.providers._bedrock.money import budget_quotas, cost_period, month_cost

NOVEMBER = utc("2026-11-01T00:00:00")


def group(key: Any, amount: Any = "1.5", unit: Any = "USD") -> dict[str, Any]:
    return {"Keys": [key], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": unit}}}


def cost(*groups: Any) -> tuple[list[Spend], str | None]:
    return month_cost([{"ResultsByTime": [{"Groups": list(groups), "Total": {}}]}], NOW)


def month(amount: str, unit: str = "usd", id_: str = "monthly") -> Spend:
    return Spend(id=id_, label="This month (Bedrock)", unit=unit, amount=d(amount), since=NOVEMBER)


def test_the_recorded_cost() -> None:
    """Models of other vendors are billed beside Bedrock; sums are exact."""
    assert month_cost([payload("bedrock/cost")], NOW) == ([month("112.4500")], None)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (NOW, "2026-11-01", "2026-11-22"),
        (utc("2026-11-01T00:00:00"), "2026-11-01", "2026-11-02"),
        (utc("2026-12-31T23:59:00"), "2026-12-01", "2027-01-01"),
    ],
)
def test_the_month_s_cost_ends_tomorrow(now: datetime, start: str, end: str) -> None:
    assert cost_period(now) == {"Start": start, "End": end}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([group("Amazon Bedrock", "0.1"), group("X (AMAZON BEDROCK EDITION)", "0.2")], [month("0.3")]),
        ([group("Amazon Bedrock", "10"), group("amazon bedrock", "-2.5")], [month("7.5")]),
        ([group("AWS Lambda", "9")], [month("0")]),
        ([], [month("0")]),
        ([group("Amazon Bedrock", "7", "CNY")], [month("7", "cny")]),
        (
            [group("Amazon Bedrock", "7", "CNY"), group("Bedrock", "2")],
            [month("7", "cny", "monthly_cny"), month("2", "usd", "monthly_usd")],
        ),
        ([group("AWS Lambda", "x"), None, {"Keys": None}, {"Keys": [None, 7]}], [month("0")]),
    ],
)
def test_cost_by_service(groups: Any, expected: list[Spend]) -> None:
    assert cost(*groups) == (expected, None)


@pytest.mark.parametrize(
    ("amount", "unit"), [(None, "USD"), ("x", "USD"), ("NaN", "USD"), ("1", None), ("1", "Hrs.")]
)
def test_a_cost_with_a_figure_missing_is_no_cost(amount: Any, unit: Any) -> None:
    note = "the cost could not be read: a figure of Cost Explorer is missing"
    assert cost(group("Amazon Bedrock", "5"), group("Bedrock", amount, unit)) == ([], note)


@pytest.mark.parametrize(
    "page", [{}, {"ResultsByTime": []}, {"ResultsByTime": None}, {"ResultsByTime": [{}]}, None]
)
def test_a_month_without_an_answer_is_not_zero(page: Any) -> None:
    note = "the cost could not be read: Cost Explorer gave no figure for this month"
    assert month_cost([page], NOW) == ([], note)


def budget(id_: str, told: str, used: str | None, limit: str | None, unit: str = "usd") -> Quota:
    return Quota(
        id=f"budget/{id_}",
        label=f"Budget {id_} ({told})",
        unit=unit,
        used=d(used) if used else None,
        limit=d(limit) if limit else None,
    )


def test_the_recorded_budgets() -> None:
    assert budget_quotas([payload("bedrock/budgets")]) == [
        budget("ai-monthly", "monthly, Service: Amazon Bedrock", "112.45", "500.0"),
        budget("team", "quarterly, LINKED_ACCOUNT: 123456789012", "880.0", "900.0"),
    ]


FIFTY = {"Amount": "50", "Unit": "USD"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, budget("b", "all costs", "50", "50")),
        ({"CostFilters": {}, "FilterExpression": None}, budget("b", "all costs", "50", "50")),
        (
            {"FilterExpression": {"And": [{"Dimensions": {}}, {"Tags": {}}]}},
            budget("b", "some costs", "50", "50"),
        ),
        (
            {"FilterExpression": {"Tags": {"Key": "team", "Values": ["a", "b"]}}},
            budget("b", "team: a, b", "50", "50"),
        ),
        (
            {"CostFilters": {"Service": ["A"], "Region": ["x"]}},
            budget("b", "Service: A; Region: x", "50", "50"),
        ),
        ({"BudgetLimit": None}, budget("b", "all costs", "50", None)),
        ({"CalculatedSpend": None}, budget("b", "all costs", None, "50")),
        (
            {"BudgetLimit": {"Amount": "50", "Unit": "EUR"}},
            budget("b", "all costs", None, "50", "eur"),
        ),
        ({"BudgetType": "USAGE"}, None),
        ({"BudgetName": None}, None),
        ({"BudgetLimit": None, "CalculatedSpend": None}, None),
    ],
)
def test_budgets(more: dict[str, Any], expected: Quota | None) -> None:
    row = {"BudgetName": "b", "BudgetType": "COST", "BudgetLimit": FIFTY}
    row |= {"CalculatedSpend": {"ActualSpend": FIFTY}, **more}
    assert budget_quotas([{"Budgets": [row, row, None]}, {}]) == ([expected] if expected else [])
