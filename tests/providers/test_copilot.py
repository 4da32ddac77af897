"""GitHub's billing reports, one by one. What Copilot's own clients are told: test_copilot_user.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, places, replaced, sound, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Spend, Status, Usage
from usagecli.providers._copilot.billing import CREDITS, REQUESTS, organization_spend, parse, read

SERVICE = Service(name="copilot", provider="copilot")
NOVEMBER, DECEMBER = utc("2026-11-01T00:00:00"), utc("2026-12-01T00:00:00")
PERIOD = {"year": 2026, "month": 11}
ASSUMED = "an allowance of 300 requests a month is assumed; the option monthly_limit sets it"
NOT_TOLD = "GitHub's report does not tell the allowance; the option monthly_credits sets it"
EMPTY = "GitHub's report of this month is empty: nothing was used yet, or an organization pays the seat"
REPORTS = (
    "ai_credits",
    "ai_credits_spellings",
    "ai_credits_empty",
    "premium_requests",
    "premium_requests_spent",
    "premium_requests_empty",
)


def unit_of(case: str) -> str:
    return CREDITS if case.startswith("ai_credits") else REQUESTS


def usage_of(*cases: str, now: datetime = NOW, **given_: Any) -> Usage:
    """What the recorded reports say together."""
    reports = [read(payload(f"copilot/{case}"), unit_of(case)) for case in cases]
    return parse(reports, now=now, login="octo-sample", **given_)


def of_items(*items: Any, unit: str = CREDITS, now: datetime = NOW, **given_: Any) -> Usage:
    """What a report of November with these items says."""
    body = {"timePeriod": PERIOD, "user": "octo-sample", "usageItems": list(items)}
    return parse([read(body, unit)], now=now, login="octo-sample", **given_)


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


def overage(amount: str) -> tuple[Spend, ...]:
    return (
        Spend(id="overage", label="Overage", unit="usd", amount=d(amount), since=NOVEMBER, until=DECEMBER),
    )


def contract_of(case: str, *totals: Any) -> dict[str, Any]:
    names = ("includedUsed", "includedRemaining", "includedPercentUsed", "grossUsed", "netOverage")
    return {
        "user": "octo-sample",
        "timePeriod": PERIOD,
        "totals": dict(zip((*names, "billedAmount", "unit"), (*totals, unit_of(case)), strict=True)),
        "usageItems": payload(f"copilot/{case}")["usageItems"],
    }


def plan_of(name: str | None, limit: float | None) -> dict[str, Any]:
    return {"name": name, "renewsAt": None, "monthlyLimit": limit}


CREDITS_SPENT = Quota(
    id="ai_credits",
    label="AI credits",
    unit="credits",
    used=d(1500),
    limit=d(1500),
    remaining=d(0),
    percent_used=d(100),
    percent_remaining=d(0),
    resets_at=DECEMBER,
)
REQUESTS_OPEN = Quota(
    id="premium_requests",
    label="Premium requests",
    unit="requests",
    used=d("42.5"),
    limit=d(300),
    remaining=d("257.5"),
    percent_used=d("14.166667"),
    percent_remaining=d("85.833333"),
    resets_at=DECEMBER,
)
# A report cannot know what is left without the allowance.
CREDITS_OPEN = Quota(
    id="ai_credits", label="AI credits", unit="credits", used=d("300.2501"), resets_at=DECEMBER
)
REQUESTS_SPENT = replace(
    REQUESTS_OPEN, used=d(300), remaining=d(0), percent_used=d(100), percent_remaining=d(0)
)
NOTHING_USED = Quota(
    id="premium_requests",
    label="Premium requests",
    unit="requests",
    used=d(0),
    limit=d(300),
    percent_used=d(0),
    resets_at=DECEMBER,
)


@pytest.mark.parametrize(
    ("cases", "options", "expected", "weight"),
    [
        (
            ["ai_credits", "premium_requests_empty"],
            {"monthly_credits": d(1500)},
            Usage(
                quotas=(CREDITS_SPENT,),
                spend=overage("0.205"),
                account="octo-sample",
                plan=plan_of(None, 1500.0),
                contract=contract_of("ai_credits", 1500.0, 0.0, 100.0, 1520.5, 20.5, 0.205),
            ),
            "exhausted",
        ),
        (
            ["ai_credits_spellings", "premium_requests_empty"],
            {},
            Usage(
                quotas=(CREDITS_OPEN,),
                spend=overage("0"),
                account="octo-sample",
                plan=plan_of(None, None),
                notes=(NOT_TOLD,),
                contract=contract_of("ai_credits_spellings", 300.2501, None, None, 300.2501, 0.0, 0.0),
            ),
            "ok",
        ),
        (
            ["ai_credits_empty", "premium_requests"],
            {},
            Usage(
                quotas=(REQUESTS_OPEN,),
                spend=overage("0"),
                account="octo-sample",
                plan=plan_of("Copilot Pro", 300.0),
                notes=(ASSUMED,),
                contract=contract_of("premium_requests", 42.5, 257.5, 14.2, 42.5, 0.0, 0.0),
            ),
            "ok",
        ),
        (
            ["ai_credits_empty", "premium_requests_spent"],
            {"monthly_limit": d(300)},
            Usage(
                quotas=(REQUESTS_SPENT,),
                spend=overage("1.5"),
                account="octo-sample",
                plan=plan_of("Copilot Pro", 300.0),
                contract=contract_of("premium_requests_spent", 300.0, 0.0, 100.0, 337.5, 37.5, 1.5),
            ),
            "exhausted",  # also where paid requests go on
        ),
        (
            ["ai_credits_empty", "premium_requests_empty"],
            {},
            Usage(
                quotas=(NOTHING_USED,),
                spend=overage("0"),
                account="octo-sample",
                plan=plan_of("Copilot Pro", 300.0),
                notes=(EMPTY, ASSUMED),
                contract=contract_of("premium_requests_empty", 0.0, 300.0, 0.0, 0.0, 0.0, 0.0),
            ),
            "ok",
        ),
        (
            ["ai_credits_empty", "premium_requests_empty"],
            {"monthly_credits": d(7000), "monthly_limit": d(1500)},
            Usage(
                quotas=(
                    Quota(
                        id="ai_credits",
                        label="AI credits",
                        unit="credits",
                        used=d(0),
                        limit=d(7000),
                        percent_used=d(0),
                        resets_at=DECEMBER,
                    ),
                ),
                spend=overage("0"),
                account="octo-sample",
                plan=plan_of(None, 7000.0),
                notes=(EMPTY,),
                contract=contract_of("ai_credits_empty", 0.0, 7000.0, 0.0, 0.0, 0.0, 0.0),
            ),
            "ok",
        ),
        (
            # The month of a change-over: two quotas, one overage, and the older billing in the contract.
            ["ai_credits", "premium_requests_spent"],
            {"monthly_credits": d(1500), "monthly_limit": d(300)},
            Usage(
                quotas=(CREDITS_SPENT, REQUESTS_SPENT),
                spend=overage("1.705"),
                account="octo-sample",
                plan=plan_of("Copilot Pro", 300.0),
                contract=contract_of("premium_requests_spent", 300.0, 0.0, 100.0, 337.5, 37.5, 1.5),
            ),
            "exhausted",
        ),
    ],
)
def test_parse(cases: list[str], options: dict[str, Any], expected: Usage, weight: Status) -> None:
    assert usage_of(*cases, **options) == expected
    assert status(expected) == weight


# -- a report that cannot be read -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "ai_credits report"),
        ([], "ai_credits report"),
        ("<html>", "ai_credits report"),
        ({}, "usageItems"),
        ({"message": "Not Found"}, "usageItems"),
        ({"user": "octo-sample", "usageItems": {}}, "usageItems"),
        ({"user": "octo-sample", "usageItems": "none"}, "usageItems"),
    ],
)
def test_read_names_the_broken_field(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        read(body, CREDITS)


@pytest.mark.parametrize("more", [{}, {"usageItems": None}, {"usageItems": []}])
def test_absent_items_are_none(more: dict[str, Any]) -> None:
    report = read({"timePeriod": PERIOD, **more}, REQUESTS)
    assert report.items == ()
    assert parse([report], now=NOW, login="octo-sample").contract["usageItems"] == []


# -- which items count ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["ai-credits", "credits", "ai-units", "AICredits", "AI_Credits", "AI Units"]
)
def test_every_spelling_of_a_credit(spelling: str) -> None:
    usage = of_items({"unitType": spelling, "discountQuantity": 4})
    assert [(quota.id, quota.used) for quota in usage.quotas] == [("ai_credits", d(4))]


@pytest.mark.parametrize("other", ["user-months", "minutes", "requests", "", 5, [], True])
def test_other_units_are_no_credits(other: Any) -> None:
    usage = of_items(
        {"unitType": other, "discountQuantity": 9, "netAmount": 9},
        {"unitType": "credits", "discountQuantity": 4},
    )
    assert (usage.quotas[0].used, usage.spend[0].amount) == (d(4), d(0))


@pytest.mark.parametrize("other", ["user-months", "ai-credits", "", 5, [], True])
def test_other_units_are_no_requests(other: Any) -> None:
    items = [{"unitType": other, "discountQuantity": 9}, {"unitType": "Requests", "discountQuantity": 4}]
    assert of_items(*items, unit=REQUESTS).quotas[0].used == 4


@pytest.mark.parametrize("unit", [CREDITS, REQUESTS])
def test_an_item_without_a_unit_is_of_its_report(unit: str) -> None:
    """Each report carries only the items of its own billing."""
    usage = of_items({"discountQuantity": 4}, None, "text", 7, unit=unit)
    assert [(quota.id, quota.used) for quota in usage.quotas] == [(unit, d(4))]


def test_a_licence_fee_alone_is_an_empty_report() -> None:
    """The fee of a seat is no usage: the month is empty, and the credits speak."""
    fee = {"unitType": "user-months", "discountQuantity": 1, "netAmount": 19}
    reports = [
        read(payload("copilot/ai_credits"), CREDITS),
        read({"timePeriod": PERIOD, "usageItems": [fee]}, REQUESTS),
    ]
    usage = parse(reports, now=NOW, login="octo-sample")
    assert [quota.id for quota in usage.quotas] == ["ai_credits"]
    assert usage.contract["totals"]["unit"] == "ai_credits"


# -- sums and rounding ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "much", True, [], float("nan"), float("inf"), "NaN"])
@pytest.mark.parametrize("field", ["discountQuantity", "grossQuantity", "netQuantity", "netAmount"])
def test_a_number_that_is_none_counts_nothing(field: str, value: Any) -> None:
    good = {"discountQuantity": 4, "grossQuantity": 5, "netQuantity": 1, "netAmount": 0.01}
    assert _sums(of_items(good, {**good, field: value})) == {**_doubled(good), field: good[field]}
    assert _sums(of_items(good, {k: v for k, v in good.items() if k != field})) == {
        **_doubled(good),
        field: good[field],
    }


def _doubled(item: dict[str, Any]) -> dict[str, Any]:
    return {name: 2 * value for name, value in item.items()}


def _sums(usage: Usage) -> dict[str, Any]:
    totals = usage.contract["totals"]
    assert usage.quotas[0].used == d(str(totals["includedUsed"]))
    assert usage.spend[0].amount == d(str(totals["billedAmount"]))
    names = {"discountQuantity": "includedUsed", "grossQuantity": "grossUsed", "netQuantity": "netOverage"}
    return {name: totals[key] for name, key in names.items()} | {"netAmount": totals["billedAmount"]}


def test_a_number_as_text_counts() -> None:
    assert of_items({"discountQuantity": "4.5"}).quotas[0].used == d("4.5")


def test_it_is_the_sum_that_is_rounded() -> None:
    """Each of these alone would be rounded away."""
    items = [{"discountQuantity": 0.00004, "netAmount": 0.00004}] * 5
    usage = of_items(*items, monthly_credits=d(1))
    assert (usage.quotas[0].used, usage.spend[0].amount) == (d("0.0002"), d("0.0002"))


def test_the_overage_of_both_reports_is_rounded_once() -> None:
    reports = [
        read({"usageItems": [{"netAmount": 0.00004}]}, CREDITS),
        read({"usageItems": [{"netAmount": 0.00002}]}, REQUESTS),
    ]
    assert parse(reports, now=NOW, login="octo-sample").spend[0].amount == d("0.0001")


@pytest.mark.parametrize(
    ("used", "percent", "remaining", "weight"),
    [
        (124.999999999, "41.666667", "175", "ok"),
        (271, "90.333333", "29", "low"),
        (300, "100", "0", "exhausted"),
        (450, "100", "0", "exhausted"),  # never above 100 here
    ],
)
def test_what_is_left_of_the_allowance(used: float, percent: str, remaining: str, weight: Status) -> None:
    usage = of_items({"discountQuantity": used}, unit=REQUESTS)
    quota = usage.quotas[0]
    assert (quota.percent_used, quota.remaining, status(usage)) == (d(percent), d(remaining), weight)


def test_without_an_allowance_nobody_judges_the_credits() -> None:
    quota = of_items({"discountQuantity": 9999}).quotas[0]
    assert (quota.limit, quota.remaining, quota.percent_used, quota.percent_remaining) == (None,) * 4
    assert assess.quota_status(quota, d(10)) is None


# -- the month --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "resets_at"),
    [
        ("2026-11-01T00:00:00", DECEMBER),
        ("2026-11-30T23:59:59", DECEMBER),
        ("2026-10-31T23:59:59", None),
        ("2026-12-01T00:00:00", None),
    ],
)
def test_only_the_current_month_is_reset(now: str, resets_at: datetime | None) -> None:
    assert usage_of("ai_credits", now=utc(now)).quotas[0].resets_at == resets_at


def test_december_ends_with_the_year() -> None:
    body = {"timePeriod": {"year": "2026", "month": 12.0}, "usageItems": [{}]}
    usage = parse([read(body, CREDITS)], now=utc("2026-12-31T12:00:00"), login="octo-sample")
    assert usage.quotas[0].resets_at == usage.spend[0].until == utc("2027-01-01T00:00:00")


@pytest.mark.parametrize(
    "period",
    [None, {}, [], "2026-11", {"year": 2026}, {"month": 11}, {"year": 2026, "month": 13}]
    + [{"year": 2026, "month": 0}, {"year": 10**9, "month": 1}, {"year": None, "month": None}],
)
def test_without_a_month_no_instant_is_invented(period: Any) -> None:
    usage = parse([read({"timePeriod": period, "usageItems": [{}]}, CREDITS)], now=NOW, login="octo-sample")
    assert (usage.quotas[0].resets_at, usage.spend[0].since, usage.spend[0].until) == (None, None, None)


def test_the_overage_takes_its_month_from_the_report_that_knows_it() -> None:
    reports = [
        read({"usageItems": [{}]}, CREDITS),
        read({"timePeriod": PERIOD, "usageItems": [{}]}, REQUESTS),
    ]
    spend = parse(reports, now=NOW, login="octo-sample").spend[0]
    assert (spend.since, spend.until) == (NOVEMBER, DECEMBER)


@pytest.mark.parametrize("user", [None, "", " ", 5])
def test_the_account_is_the_login_that_was_asked_for_unless_the_report_names_it(user: Any) -> None:
    report = read({"user": user, "usageItems": [{}]}, CREDITS)
    assert parse([report], now=NOW, login="octo-asked").account == "octo-asked"
    assert usage_of("ai_credits").account == "octo-sample"


# -- an organisation's summary ----------------------------------------------------------------------


def test_an_organization_s_credits() -> None:
    assert list(organization_spend(payload("copilot/org_summary"))) == [
        Spend(
            id="org_credits",
            label="Organization's credits",
            unit="credits",
            amount=d("42450.5"),
            since=NOVEMBER,
            until=DECEMBER,
        ),
        Spend(
            id="org_overage",
            label="Organization's overage",
            unit="usd",
            amount=d("32.505"),
            since=NOVEMBER,
            until=DECEMBER,
        ),
    ]


@pytest.mark.parametrize(
    "summary",
    [
        None,
        [],
        {},
        {"usageItems": None},
        {"usageItems": [None, "x", 5]},
        {"usageItems": [{"product": "Actions", "unitType": "minutes", "grossQuantity": 5}]},
        {"usageItems": [{"product": "Models", "unitType": "credits", "grossQuantity": 5}]},
        {"usageItems": [{"product": "Copilot", "unitType": "user-months", "grossQuantity": 5}]},
        {"usageItems": [{"product": None, "unitType": "credits", "grossQuantity": 5}]},
        {"usageItems": [{"product": "Copilot", "grossQuantity": 5}]},
    ],
)
def test_a_summary_without_copilot_s_credits(summary: Any) -> None:
    assert list(organization_spend(summary)) == []


def test_a_summary_without_a_month() -> None:
    item = {"product": "copilot ai credits", "unitType": "ai-credits", "grossQuantity": 5}
    found = list(organization_spend({"usageItems": [item]}))
    assert [(spend.amount, spend.since, spend.until) for spend in found] == [
        (d(5), None, None),
        (d(0), None, None),
    ]


# -- whatever comes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "path"), [(case, path) for case in REPORTS for path in places(payload(f"copilot/{case}"))]
)
def test_null_at_any_place(case: str, path: tuple[Any, ...]) -> None:
    body = replaced(payload(f"copilot/{case}"), path, None)
    usage = survives(
        lambda: parse([read(body, unit_of(case))], now=NOW, login="x", monthly_credits=_wanted(case))
    )
    assert (usage is None) == (path == ()), "only the object itself is needed"


def _wanted(case: str) -> Any:
    return d(1500) if unit_of(case) == CREDITS else None


@pytest.mark.parametrize("case", REPORTS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_report(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"copilot/{case}")))
    other = data.draw(mutated(payload("copilot/premium_requests_empty")) | ANY_JSON)

    def both() -> Usage:
        return parse(
            [read(body, CREDITS), read(other, REQUESTS)], now=NOW, login="x", monthly_credits=d(1500)
        )

    survives(both)


@given(summary=mutated(payload("copilot/org_summary")) | ANY_JSON)
@settings(max_examples=150, deadline=None)
def test_any_summary(summary: Any) -> None:
    sound(Usage(spend=tuple(organization_spend(summary))))
