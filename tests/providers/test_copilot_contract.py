"""Copilot's own keys of the document, from either source; and that no odd answer brings a report down."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, places, replaced, survives
from tests.providers.test_copilot import PERIOD, REPORTS, of_items, usage_of
from tests.providers.test_copilot_user import ANSWERS, body_of
from tests.support import NOW, d, payload
from usagecli.formatters.json import document
from usagecli.model import Failure, Report, Service, Usage
from usagecli.providers._copilot.billing import CREDITS, REQUESTS, parse, read
from usagecli.providers._copilot.contract import EMPTY
from usagecli.providers._copilot.user import parse as parse_user
from usagecli.providers._copilot.user import wants_organization
from usagecli.providers.copilot import DESCRIPTOR

TOTALS = (
    "includedUsed",
    "includedRemaining",
    "includedPercentUsed",
    "grossUsed",
    "netOverage",
    "billedAmount",
    "unit",
)
NOTHING = dict.fromkeys(TOTALS)


def printed(usage: Usage | None, failure: Failure | None = None) -> dict[str, Any]:
    """The document as it is printed."""
    service = Service(name="copilot", provider="copilot")
    report = Report(service=service, status="ok", usage=usage, fetched_at=NOW, failure=failure)
    body: dict[str, Any] = json.loads(json.dumps(document(report), allow_nan=False))
    return body


def totals(usage: Usage) -> dict[str, Any]:
    found: dict[str, Any] = usage.contract["totals"]
    assert tuple(found) == TOTALS
    return found


# -- its keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REPORTS)
def test_the_keys_of_a_report(case: str) -> None:
    body = printed(usage_of(case, monthly_credits=d(7000) if case.startswith("ai") else None))
    assert list(body)[-4:] == ["user", "timePeriod", "totals", "usageItems"]
    assert tuple(body["totals"]) == TOTALS
    assert (body["user"], body["timePeriod"], body["fetchedAt"]) == (
        "octo-sample",
        PERIOD,
        "2026-11-21T08:00:00Z",
    )


@pytest.mark.parametrize("case", ANSWERS)
def test_the_keys_of_a_client_s_answer(case: str) -> None:
    body = printed(parse_user(payload(f"copilot/{case}")))
    assert list(body)[-4:] == ["user", "timePeriod", "totals", "usageItems"]
    assert tuple(body["totals"]) == TOTALS
    assert (body["timePeriod"], body["usageItems"]) == (None, [])


def test_the_keys_of_a_failure() -> None:
    body = printed(None, Failure(kind="auth", message="refused"))
    assert DESCRIPTOR.contract == EMPTY
    assert {key: body[key] for key in EMPTY} == {
        "user": None,
        "timePeriod": None,
        "totals": NOTHING,
        "usageItems": [],
    }


def test_the_sample_of_the_contract() -> None:
    body = printed(usage_of("premium_requests", monthly_limit=d(300)))
    assert body["plan"] == {"name": "Copilot Pro", "renewsAt": None, "monthlyLimit": 300.0}
    assert body["totals"] == {
        "includedUsed": 42.5,
        "includedRemaining": 257.5,
        "includedPercentUsed": 14.2,
        "grossUsed": 42.5,
        "netOverage": 0.0,
        "billedAmount": 0.0,
        "unit": "premium_requests",
    }


# -- from the reports -------------------------------------------------------------------------------


def test_items_and_period_are_passed_through_as_they_are() -> None:
    items = [{"unitType": "user-months", "own": {"deep": [1, None, "x"]}}, {"discountQuantity": 1}, None, 5]
    body = {"timePeriod": {"year": 2026, "month": 3, "day": 9, "more": True}, "usageItems": items}
    usage = parse([read(body, REQUESTS)], now=NOW, login="octo-sample")
    assert (printed(usage)["timePeriod"], printed(usage)["usageItems"]) == (body["timePeriod"], items)


def test_no_number_without_end_is_printed() -> None:
    usage = of_items({"discountQuantity": float("inf"), "grossQuantity": float("nan"), "netQuantity": 1e300})
    (item,) = printed(usage)["usageItems"]
    assert item == {"discountQuantity": None, "grossQuantity": None, "netQuantity": 1e300}
    assert totals(usage)["includedUsed"] == 0


@pytest.mark.parametrize(
    ("limit", "monthly", "left", "percent"),
    [
        (None, 300.0, 200.0, 33.3),
        ("300", 300.0, 200.0, 33.3),
        ("150.005", 150.0, 50.005, 66.7),  # rounded only where it is shown
        ("1500.126", 1500.13, 1400.126, 6.7),
        ("100", 100.0, 0.0, 100.0),
        ("50", 50.0, 0.0, 100.0),
    ],
)
def test_the_limit_of_requests(limit: str | None, monthly: float, left: float, percent: float) -> None:
    usage = of_items(
        {"discountQuantity": 100}, unit=REQUESTS, monthly_limit=Decimal(limit) if limit else None
    )
    assert usage.plan == {"name": "Copilot Pro", "renewsAt": None, "monthlyLimit": monthly}
    assert (totals(usage)["includedRemaining"], totals(usage)["includedPercentUsed"]) == (left, percent)


@pytest.mark.parametrize("monthly_limit", [None, d(300)])
def test_what_is_left_of_credits_is_never_reckoned_from_requests(monthly_limit: Decimal | None) -> None:
    usage = usage_of("ai_credits", "premium_requests_empty", monthly_limit=monthly_limit)
    assert usage.plan == {"name": None, "renewsAt": None, "monthlyLimit": None}
    assert totals(usage) == {
        "includedUsed": 1500.0,
        "includedRemaining": None,
        "includedPercentUsed": None,
        "grossUsed": 1520.5,
        "netOverage": 20.5,
        "billedAmount": 0.205,
        "unit": "ai_credits",
    }


@pytest.mark.parametrize(
    ("cases", "monthly_credits", "unit"),
    [
        (["ai_credits", "premium_requests_empty"], None, "ai_credits"),
        (["ai_credits_empty", "premium_requests"], d(1500), "premium_requests"),
        (["ai_credits", "premium_requests"], d(1500), "premium_requests"),
        (["ai_credits"], None, "ai_credits"),
        (["ai_credits_empty", "premium_requests_empty"], None, "premium_requests"),
        (["ai_credits_empty", "premium_requests_empty"], d(1500), "ai_credits"),
    ],
)
def test_the_unit_says_which_report_speaks(
    cases: list[str], monthly_credits: Decimal | None, unit: str
) -> None:
    usage = usage_of(*cases, monthly_credits=monthly_credits)
    assert totals(usage)["unit"] == unit
    assert unit in [quota.id for quota in usage.quotas]


# -- from the clients' endpoint ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "figures"),
    [
        ({"entitlement": 1500, "remaining": 500, "quota_remaining": 500.25}, (999.75, 500.25, 66.7)),
        ({"entitlement": 1500, "remaining": 500}, (1000.0, 500.0, 66.7)),
        ({"entitlement": 1500, "remaining": 500, "quota_remaining": "bad"}, (1000.0, 500.0, 66.7)),
        ({"entitlement": "1500", "remaining": "500"}, (1000.0, 500.0, 66.7)),
        # Neither below 0 nor above the entitlement.
        ({"entitlement": 1500, "remaining": -40, "percent_remaining": -2.7}, (1500.0, 0.0, 100.0)),
        ({"entitlement": 1500, "remaining": 1600}, (0.0, 1600.0, 0.0)),
    ],
)
def test_totals_of_the_premium_bucket(bucket: dict[str, Any], figures: tuple[float, ...]) -> None:
    usage = parse_user(body_of(**bucket))
    expected = {**NOTHING, **dict(zip(TOTALS, figures, strict=False)), "unit": "ai_credits"}
    assert totals(usage) == expected
    assert usage.plan == {"name": None, "renewsAt": None, "monthlyLimit": 1500.0}


@pytest.mark.parametrize(
    ("bucket", "monthly"),
    [
        ({"unlimited": True, "entitlement": 300, "remaining": 5}, None),
        ({"entitlement": -1, "remaining": -1}, None),
        ({"entitlement": 0, "credits_used": 7.5}, None),
        ({"entitlement": 0, "percent_remaining": 100}, None),
        ({"percent_remaining": 40}, None),
        ({"entitlement": 300, "percent_remaining": 40}, 300.0),
        ({}, None),
    ],
)
def test_no_totals_are_invented(bucket: dict[str, Any], monthly: float | None) -> None:
    usage = parse_user(body_of(**bucket))
    assert totals(usage) == NOTHING
    assert usage.plan == {"name": None, "renewsAt": None, "monthlyLimit": monthly}


def test_totals_are_of_no_other_bucket() -> None:
    assert totals(parse_user(body_of("chat", entitlement=200, remaining=50))) == NOTHING


@pytest.mark.parametrize(("by_tokens", "unit"), [(True, "ai_credits"), (False, "premium_requests")])
def test_the_unit_of_the_totals(by_tokens: bool, unit: str) -> None:
    body = body_of(entitlement=300, remaining=50, token_based_billing=by_tokens)
    assert totals(parse_user(body))["unit"] == unit


# -- whatever comes ---------------------------------------------------------------------------------

# Where a plan has a single source of figures, the answer is nothing without it.
LOST: dict[str, tuple[tuple[str, ...], ...]] = {
    "user_pro_requests": (("quota_snapshots",),),
    "user_free": (("quota_snapshots",),),
    "user_free_old": (("limited_user_quotas",), ("monthly_quotas",)),
    "user_seat_bare": (("token_based_billing",),),
}


@pytest.mark.parametrize(
    ("case", "path"), [(case, path) for case in ANSWERS for path in places(payload(f"copilot/{case}"))]
)
def test_null_at_any_place(case: str, path: tuple[Any, ...]) -> None:
    body = replaced(payload(f"copilot/{case}"), path, None)
    usage = survives(lambda: parse_user(body))
    assert (usage is None) == (path in ((), *LOST.get(case, ())))


@pytest.mark.parametrize("case", ANSWERS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_answer(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"copilot/{case}")))
    summary = data.draw(mutated(payload("copilot/org_summary")) | ANY_JSON)
    wants_organization(body)
    usage = survives(lambda: parse_user(body, organization=summary, login="octo-sample"))
    if usage is not None:
        printed(usage)


@pytest.mark.parametrize("case", REPORTS)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_any_report_can_be_printed(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"copilot/{case}")))
    unit = CREDITS if case.startswith("ai_credits") else REQUESTS
    options: dict[str, Any] = {"monthly_credits": d(1500) if unit == CREDITS else None}
    usage = survives(lambda: parse([read(body, unit)], now=NOW, login="octo-sample", **options))
    if usage is not None:
        printed(usage)
