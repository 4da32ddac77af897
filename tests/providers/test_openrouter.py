"""OpenRouter's answers, one by one. The rest: test_openrouter_contract.py, test_openrouter_fetch.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Spend, Status, Usage
from usagecli.providers._openrouter.usage import parse
from usagecli.providers.openrouter import DESCRIPTOR

SERVICE = Service(name="router", provider="openrouter")
NEXT_DAY = utc("2026-11-22T00:00:00")
TODAY, MONDAY, FIRST = utc("2026-11-21T00:00:00"), utc("2026-11-16T00:00:00"), utc("2026-11-01T00:00:00")
PAST: dict[str, Any] = {"unit": "usd", "since": utc("2026-10-22T00:00:00"), "until": TODAY}
MISSING = object()


def spend(daily: str, weekly: str, monthly: str, total: str) -> tuple[Spend, ...]:
    return (
        Spend(id="daily", label="Today", unit="usd", amount=d(daily), since=TODAY),
        Spend(id="weekly", label="This week", unit="usd", amount=d(weekly), since=MONDAY),
        Spend(id="monthly", label="This month", unit="usd", amount=d(monthly), since=FIRST),
        Spend(id="total", label="All time", unit="usd", amount=d(total)),
    )


def free_models(used: str | int, limit: str | int, remaining: str | int) -> Quota:
    return Quota(
        id="free_model_daily",
        label="Free models",
        unit="requests",
        scope=":free models",
        used=d(used),
        limit=d(limit),
        remaining=d(remaining),
        window_seconds=86400,
        resets_at=NEXT_DAY,
        partial=True,
    )


WEEKLY = Usage(
    quotas=(
        Quota(
            id="key_limit",
            label="Key limit (weekly)",
            unit="usd",
            used=d("18.63"),
            limit=d(60),
            remaining=d("41.37"),
            percent_used=d("31.05"),
            percent_remaining=d("68.95"),
            window_seconds=604800,
            resets_at=utc("2026-11-23T00:00:00"),
        ),
        free_models(7, 1000, 993),
    ),
    spend=(
        *spend("2.4", "18.63", "55.08", "214.92"),
        Spend(id="byok_weekly", label="This week (own keys)", unit="usd", amount=d("0.4"), since=MONDAY),
        Spend(id="byok_monthly", label="This month (own keys)", unit="usd", amount=d("1.2"), since=FIRST),
        Spend(id="byok_total", label="All time (own keys)", unit="usd", amount=d("3.1")),
    ),
    account="sk-or-v1-fak...9ab",
    plan={"name": "Pay as you go", "renewsAt": None},
    contract={
        "totalLimit": 60,
        "remaining": 41.37,
        "resetPeriod": "weekly",
        "usage": 214.92,
        "usageDaily": 2.4,
        "usageWeekly": 18.63,
        "usageMonthly": 55.08,
        "percentRemaining": 69.0,
        "warningLowBudget": False,
    },
)
# Slightly overdrawn: nothing remains, and no more than the limit is used.
SPENT = Usage(
    quotas=(
        Quota(
            id="key_limit",
            label="Key limit (monthly)",
            unit="usd",
            used=d(500),
            limit=d(500),
            remaining=d(0),
            percent_used=d(100),
            percent_remaining=d(0),
            resets_at=utc("2026-12-01T00:00:00"),
        ),
    ),
    spend=spend("12.400001", "98.63", "500.002418", "2114.920113"),
    account="sk-or-v1-fak...9ab",
    plan={"name": "Pay as you go", "renewsAt": None},
    contract={
        "totalLimit": 500,
        "remaining": -0.002418,
        "resetPeriod": "monthly",
        "usage": 2114.920113,
        "usageDaily": 12.400001,
        "usageWeekly": 98.63,
        "usageMonthly": 500.002418,
        "percentRemaining": 0.0,
        "warningLowBudget": True,
    },
)
UNLIMITED = Usage(
    quotas=(
        Quota(id="key_limit", label="Key limit", unit="usd", unlimited=True, used=d("0.75")),
        free_models(50, 50, 0),
    ),
    spend=spend("0", "0", "0.25", "0.75"),
    account="sk-or-v1-fak...unl",
    plan={"name": "Free tier", "renewsAt": None},
    contract={
        "totalLimit": None,
        "remaining": None,
        "resetPeriod": None,
        "usage": 0.75,
        "usageDaily": 0,
        "usageWeekly": 0,
        "usageMonthly": 0.25,
        "percentRemaining": None,
        "warningLowBudget": False,
    },
)
MANAGEMENT = Usage(
    account="sk-or-v1-fak...mgt",
    plan={"name": "Pay as you go", "renewsAt": None},
    contract={**UNLIMITED.contract, "usage": 0, "usageMonthly": 0},
)


def body(case: str = "key_weekly", **changes: Any) -> Any:
    """A recorded `/key` with some fields changed or, as MISSING, left out."""
    data = {**payload(f"openrouter/{case}")["data"], **changes}
    return {"data": {name: value for name, value in data.items() if value is not MISSING}}


def read(case: str = "key_weekly", *, now: datetime = NOW, **changes: Any) -> Usage:
    return parse(body(case, **changes), now=now)


def key_limit(*, now: datetime = NOW, **changes: Any) -> Quota | None:
    return next((quota for quota in read(now=now, **changes).quotas if quota.id == "key_limit"), None)


def figures(quota: Quota | None) -> tuple[Any, ...]:
    """Used, remaining and the two percentages."""
    assert quota is not None
    return quota.used, quota.remaining, quota.percent_used, quota.percent_remaining


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        ("key_weekly", WEEKLY, "ok"),
        ("key_monthly_spent", SPENT, "exhausted"),
        ("key_unlimited", UNLIMITED, "low"),
        ("key_management", MANAGEMENT, "ok"),
    ],
)
def test_parse(case: str, expected: Usage, weight: Status) -> None:
    assert read(case) == expected
    assert status(expected) == weight


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (None, "body"),
        ([], "body"),
        ("<html>", "body"),
        ({}, "data"),
        ({"data": None}, "data"),
        ({"data": []}, "data"),
        ({"error": {"code": 401}}, "data"),
    ],
)
def test_parse_names_the_broken_field(key: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(key, now=NOW)


def test_an_empty_object_is_a_report_without_figures() -> None:
    assert parse({"data": {}}, now=NOW) == Usage(
        contract={**DESCRIPTOR.contract, "resetPeriod": "N/A", "warningLowBudget": None}
    )


# -- the key's cap ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "label", "window", "resets_at"),
    [
        ("daily", "Key limit (daily)", 86400, "2026-11-22"),
        ("weekly", "Key limit (weekly)", 604800, "2026-11-23"),
        ("monthly", "Key limit (monthly)", None, "2026-12-01"),
        (None, "Key limit", None, None),
        (MISSING, "Key limit", None, None),
        ("yearly", "Key limit", None, None),
        (7, "Key limit", None, None),
    ],
)
def test_the_reset_period(word: Any, label: str, window: int | None, resets_at: str | None) -> None:
    quota = key_limit(limit_reset=word)
    assert quota is not None
    expected = None if resets_at is None else utc(f"{resets_at}T00:00:00")
    assert (quota.label, quota.window_seconds, quota.resets_at) == (label, window, expected)
    assert quota.scope is None


@pytest.mark.parametrize(
    ("now", "word", "expected"),
    [
        ("2026-11-23T00:00:00", "weekly", "2026-11-30"),  # a Monday's own midnight begins the week
        ("2026-11-22T23:59:59", "weekly", "2026-11-23"),
        ("2026-12-31T23:59:59", "monthly", "2027-01-01"),
        ("2026-12-31T23:59:59", "daily", "2027-01-01"),
        ("2028-02-28T12:00:00", "daily", "2028-02-29"),
    ],
)
def test_resets_are_at_midnight_utc(now: str, word: str, expected: str) -> None:
    quota = key_limit(limit_reset=word, now=utc(now))
    assert quota is not None
    assert quota.resets_at == utc(f"{expected}T00:00:00")


@pytest.mark.parametrize(
    ("word", "used"),
    [
        ("daily", "2.4"),
        ("weekly", "18.63"),
        ("monthly", "55.08"),
        (None, "214.92"),
        (MISSING, "214.92"),
    ],
)
@pytest.mark.parametrize("left", [None, MISSING, "soon", True, []])
def test_without_a_remainder_the_period_s_own_use_counts(word: Any, used: str, left: Any) -> None:
    quota = key_limit(limit=400, limit_reset=word, limit_remaining=left)
    percent = d(used) / 4
    assert figures(quota) == (d(used), 400 - d(used), percent, 100 - percent)


def test_use_beyond_the_limit_leaves_nothing_and_no_more_than_all_of_it_used() -> None:
    assert figures(key_limit(limit=10, limit_remaining=None)) == (d("18.63"), d(0), d(100), d(0))


@pytest.mark.parametrize("left", [41.37, 0])
def test_lifetime_use_is_never_the_use_of_a_cap_that_resets(left: float) -> None:
    quota = key_limit(limit_remaining=left, usage=99999, usage_weekly=MISSING)
    assert quota is not None
    assert quota.used == 60 - Decimal(str(left))


@pytest.mark.parametrize("changes", [{"usage_weekly": MISSING}, {"usage_weekly": None}, {"limit_reset": "?"}])
def test_neither_remainder_nor_use_is_unknown(changes: dict[str, Any]) -> None:
    usage = read(limit_remaining=None, **changes)
    assert figures(usage.quotas[0]) == (None, None, None, None)
    assert usage.quotas[0].limit == 60
    assert assess.judged(usage, SERVICE)[0].quotas[0].status is None


@pytest.mark.parametrize(
    ("left", "used", "remaining"),
    [
        (0, "60", "0"),
        (-0.31, "60", "0"),
        (60, "0", "60"),
        (75, "0", "60"),
        (0.000001, "59.999999", "0.000001"),
    ],
)
def test_the_remainder_lies_between_nothing_and_the_limit(left: float, used: str, remaining: str) -> None:
    assert figures(key_limit(limit_remaining=left))[:2] == (d(used), d(remaining))


@pytest.mark.parametrize(
    ("left", "expected"), [(6, "ok"), (5.999999, "low"), (0.000001, "low"), (0, "exhausted")]
)
def test_how_the_cap_is_judged(left: float, expected: Status) -> None:
    assert status(read(limit_remaining=left)) == expected


@pytest.mark.parametrize(
    ("used", "percent", "expected"),
    [(0.01, d(100), "exhausted"), (0, None, None), (MISSING, None, None)],
)
def test_a_limit_of_nothing(used: Any, percent: Decimal | None, expected: Status | None) -> None:
    usage = read(limit=0, limit_remaining=0, limit_reset="daily", usage_daily=used)
    known = None if used is MISSING else Decimal(str(used))
    rest = None if percent is None else d(0)
    assert figures(usage.quotas[0]) == (known, d(0), percent, rest)
    assert assess.judged(usage, SERVICE)[0].quotas[0].status == expected


@pytest.mark.parametrize("limit", [MISSING, -1, "much", True, [], {}])
def test_no_limit_that_can_be_read_is_no_quota(limit: Any) -> None:
    usage = read(limit=limit)
    assert [quota.id for quota in usage.quotas] == ["free_model_daily"]
    assert usage.spend == WEEKLY.spend


def test_an_unlimited_key_is_neither_low_nor_exhausted() -> None:
    usage = read(limit=None, limit_remaining=None, usage=99999, free_model_daily_requests=MISSING)
    (quota,) = usage.quotas
    assert (quota.unlimited, quota.used, quota.limit, quota.remaining) == (True, d(99999), None, None)
    assert status(usage) == "ok"


def test_an_unlimited_key_of_unknown_use() -> None:
    assert key_limit(limit=None, usage=None) == Quota(
        id="key_limit", label="Key limit", unit="usd", unlimited=True
    )


def test_byok_does_not_count_as_use_of_the_cap_by_our_own_sums() -> None:
    assert key_limit(include_byok_in_limit=True, byok_usage_weekly=30) == WEEKLY.quotas[0]


@pytest.mark.parametrize("block", [None, MISSING, {"requests": "20", "interval": 10}, "none", 5])
def test_the_deprecated_rate_limit_is_ignored(block: Any) -> None:
    assert read(rate_limit=block) == WEEKLY


# -- free models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [MISSING, None, {}, [], 7, {"used": None, "limit": "?", "remaining": []}])
def test_no_block_of_free_models_is_no_quota(block: Any) -> None:
    assert read(free_model_daily_requests=block).quotas == WEEKLY.quotas[:1]


def test_free_models_show_what_was_said() -> None:
    """Not recomputed: an exempt account sees figures that do not add up."""
    quota = read(free_model_daily_requests={"used": 80, "limit": 50, "remaining": 20}).quotas[1]
    assert (quota.used, quota.limit, quota.remaining) == (d(80), d(50), d(20))


@pytest.mark.parametrize(
    ("block", "remaining"),
    [
        ({"used": 7, "limit": 50}, 43),
        ({"used": 52, "limit": 50, "remaining": -2}, 0),
        ({"used": 7, "limit": -1, "remaining": -1}, None),
        ({"remaining": 3}, 3),
    ],
)
def test_odd_blocks_of_free_models(block: Any, remaining: int | None) -> None:
    assert read(free_model_daily_requests=block).quotas[1].remaining == remaining


def test_spent_free_models_alone_never_make_the_account_exhausted() -> None:
    usage = read(free_model_daily_requests={"used": 1000, "limit": 1000, "remaining": 0})
    judged, weight = assess.judged(usage, SERVICE)
    assert judged.quotas[1].status == "exhausted"
    assert weight == "low"


# -- credits ----------------------------------------------------------------------------------------


def credits_of(bought: Any, used: Any, *, managed: bool = False, **changes: Any) -> Usage:
    answer = {"data": {"total_credits": bought, "total_usage": used}}
    return parse(body(**changes), now=NOW, credits_=answer, managed=managed)


@pytest.mark.parametrize("managed", [True, False])
def test_credits(managed: bool) -> None:
    usage = parse(body(), now=NOW, credits_=payload("openrouter/credits"), managed=managed)
    assert usage.balances == (
        Balance(id="credits", label="Credits", unit="usd", amount=d("32.65"), stops=True),
    )
    assert usage.notes == ()


@pytest.mark.parametrize(
    ("bought", "used", "amount", "expected"),
    [(10, 10, "0", "exhausted"), (10, 10.25, "-0.25", "exhausted"), (10, 9.999999, "0.000001", "ok")],
)
@pytest.mark.parametrize("managed", [True, False])
def test_a_spent_balance_stops_the_account(
    bought: float, used: float, amount: str, expected: Status, managed: bool
) -> None:
    """Whatever the key's cap still allows; and a debt is shown as it is."""
    usage = credits_of(bought, used, managed=managed)
    assert usage.balances[0].amount == d(amount)
    assert status(usage) == expected


def test_zeros_to_an_ordinary_key_are_no_balance() -> None:
    usage = parse(body(), now=NOW, credits_=payload("openrouter/credits_zero"))
    assert usage.balances == ()
    assert usage.notes == ("the prepaid balance needs a management key",)
    assert status(usage) == "ok"


@pytest.mark.parametrize("free_tier", [True, MISSING])
def test_an_account_that_never_bought_credits_is_shown_and_not_judged(free_tier: Any) -> None:
    usage = credits_of(0, 0, managed=True, is_free_tier=free_tier)
    judged, weight = assess.judged(usage, SERVICE)
    assert (judged.balances[0].amount, judged.balances[0].status) == (d(0), None)
    assert weight == "ok"


def test_a_paying_account_without_credits_is_exhausted() -> None:
    assert status(credits_of(0, 0, managed=True, is_free_tier=False)) == "exhausted"


def test_a_free_tier_account_in_debt_is_exhausted() -> None:
    assert status(credits_of(0, 0.01, managed=True, is_free_tier=True)) == "exhausted"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"data": None},
        {"data": {}},
        {"data": {"total_credits": 5}},
        {"data": {"total_usage": 5}},
        {"data": {"total_credits": None, "total_usage": 0}},
        {"data": {"total_credits": 5, "total_usage": "x"}},
    ],
)
def test_credits_without_both_figures_are_left_out(answer: Any) -> None:
    usage = parse(body(), now=NOW, credits_=answer, managed=True)
    assert usage.balances == ()
    assert usage.notes == ("credits could not be read: the answer lacks a figure",)
    assert usage.quotas == WEEKLY.quotas


# -- spend ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "entry"),
    [("usage_daily", "daily"), ("usage_weekly", "weekly"), ("usage_monthly", "monthly"), ("usage", "total")],
)
@pytest.mark.parametrize("value", [MISSING, None, "much", True])
def test_a_missing_figure_is_no_entry(field: str, entry: str, value: Any) -> None:
    """Nor a zero: the others stay."""
    left = tuple(spend for spend in WEEKLY.spend if spend.id != entry)
    assert read(**{field: value}).spend == left


def test_no_use_at_all_is_an_entry() -> None:
    assert read(usage_daily=0).spend[0].amount == 0


@pytest.mark.parametrize("value", [0, -1, None, MISSING, "x"])
def test_own_provider_keys_are_shown_only_where_they_cost(value: Any) -> None:
    names = ("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly")
    assert read(**dict.fromkeys(names, value)).spend == WEEKLY.spend[:4]


def test_own_provider_keys_today() -> None:
    found = {spend.id: spend for spend in read(byok_usage_daily=0.1).spend}
    assert found["byok_daily"] == Spend(
        id="byok_daily", label="Today (own keys)", unit="usd", amount=d("0.1"), since=TODAY
    )


def test_on_a_monday_the_week_has_just_begun() -> None:
    now = utc("2026-11-16T00:00:01")
    assert read(now=now).spend[1].since == MONDAY


def test_activity_is_the_sum_of_the_last_30_completed_days() -> None:
    usage = parse(body(), now=NOW, activity=payload("openrouter/activity"), managed=True)
    assert usage.spend == (
        *WEEKLY.spend,
        Spend(id="last_30_days", label="Last 30 days", amount=d("1.500004"), **PAST),
        Spend(id="byok_last_30_days", label="Last 30 days (own keys)", amount=d("0.37"), **PAST),
    )


def activity(*rows: Any) -> tuple[list[tuple[str, Decimal]], tuple[str, ...]]:
    usage = parse(body("key_management"), now=NOW, activity={"data": list(rows)})
    return [(spend.id, spend.amount) for spend in usage.spend], usage.notes


def test_no_activity_is_no_spend() -> None:
    assert activity() == ([("last_30_days", d(0))], ())


def test_activity_without_own_keys_has_no_entry_for_them() -> None:
    assert activity({"usage": 2}, {"usage": 1, "byok_usage_inference": 0}) == ([("last_30_days", d(3))], ())


def test_broken_activity_costs_its_own_rows_and_is_said() -> None:
    rows = [{"usage": 2}, None, {"usage": "x", "byok_usage_inference": 0.5}]
    assert activity(*rows) == (
        [("last_30_days", d(2)), ("byok_last_30_days", d("0.5"))],
        ("activity: 2 of 3 entries could not be read",),
    )


def test_activity_of_which_nothing_can_be_read_is_not_zero() -> None:
    assert activity({"cost": 2}) == ([], ("activity: 1 of 1 entries could not be read",))


@pytest.mark.parametrize("answer", [[], {}, "x", {"data": None}, {"data": {}}])
def test_activity_of_another_shape_is_left_out(answer: Any) -> None:
    usage = parse(body(), now=NOW, activity=answer)
    assert usage.spend == WEEKLY.spend
    assert usage.notes == ("activity could not be read: the answer holds no list",)


# -- management keys --------------------------------------------------------------------------------


def test_a_management_key_with_a_cap_of_its_own_shows_it() -> None:
    usage = read(is_management_key=True)
    assert usage.quotas == WEEKLY.quotas
    assert usage.spend == ()


def test_a_management_key_shows_the_account_s_balance() -> None:
    usage = parse(body("key_management"), now=NOW, credits_=payload("openrouter/credits_zero"))
    assert [balance.amount for balance in usage.balances] == [0]


@pytest.mark.parametrize(
    ("flag", "twin", "told", "managing"),
    [
        (True, False, False, True),
        (False, True, True, False),  # a management key's place, with an ordinary key in it
        (MISSING, True, False, True),  # the name that it had before
        (None, False, True, False),
        (MISSING, MISSING, True, True),
        (MISSING, "yes", False, False),
    ],
)
def test_what_a_key_says_of_itself_wins(flag: Any, twin: Any, told: bool, managing: bool) -> None:
    key = body(is_management_key=flag, is_provisioning_key=twin)
    assert parse(key, now=NOW, told=told).spend == (() if managing else WEEKLY.spend)
