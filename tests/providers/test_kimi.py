"""Kimi's answers, of Kimi Code and of the Open Platform. Logins and requests: test_kimi_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError, Unavailable
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers._kimi import platform
from usagecli.providers._kimi.code import as_usages, parse, with_balance

WEEK = {"id": "weekly", "label": "Weekly", "window_seconds": 604800}
FIVE: dict[str, Any] = {"id": "five_hour", "label": "5-hour", "window_seconds": 18000}
MONTH_END = utc("2026-12-16T00:00:00")
EXTRA = Balance(id="extra_usage", label="Extra usage", unit="usd", amount=d("13.5"))


def percent(used: str, resets: Any, **more: Any) -> Quota:
    return Quota(unit="percent", used=d(used), limit=d(100), resets_at=resets, **more)


def counted(used: str, limit: str, resets: Any, **more: Any) -> Quota:
    return Quota(unit="requests", used=d(used), limit=d(limit), resets_at=resets, **more)


def monthly(used: str) -> Quota:
    return percent(used, MONTH_END, id="monthly", label="Monthly")


def monthly_code(used: str) -> Quota:
    return percent(used, MONTH_END, id="monthly_code", label="Monthly, code", scope="code")


def cap(used: str | None, limit: str, unit: str = "usd") -> Quota:
    spent = None if used is None else d(used)
    return Quota(
        id="extra_usage_cap", label="Extra usage cap", unit=unit, used=spent, limit=d(limit), judged=False
    )


CASES = {
    "counts": Usage(
        quotas=(
            percent("4", utc("2026-11-21T11:17:42"), **FIVE),
            percent("37", utc("2026-11-26T03:17:42"), **WEEK),
            cap("6.5", "50"),
        ),
        balances=(EXTRA,),
        plan=plan("Advanced", parallelRequests=30),
    ),
    "ratios": Usage(
        quotas=(
            percent("11.84", utc("2026-11-21T12:05:10"), **FIVE),
            percent("42", utc("2026-11-24T00:00:00"), **WEEK),
            monthly("30.5"),
            monthly_code("21"),
        ),
    ),
    "requests": Usage(
        quotas=(
            counted("212", "200", utc("2026-11-21T09:00:00"), **FIVE),
            counted("1024", "1024", utc("2026-11-24T00:00:00"), **WEEK),
            counted(
                "0",
                "500",
                utc("2026-11-21T10:00:00"),
                id="window_86400",
                label="1-day",
                window_seconds=86400,
            ),
        ),
        plan=plan("Basic"),
    ),
    "stuck": Usage(
        quotas=(
            percent("55", utc("2026-11-21T12:05:10"), **FIVE),
            percent("9", utc("2026-11-24T00:00:01"), **WEEK),
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(payload(f"kimi/{case}"), now=NOW) == CASES[case]


def test_the_web_console() -> None:
    body = as_usages(payload("kimi/console"), payload("kimi/stats"))
    assert parse(body, now=NOW, source="cookie") == Usage(
        quotas=(
            percent("4", utc("2026-11-21T11:17:42"), **FIVE),
            percent("42", utc("2026-11-26T03:17:42"), **WEEK),
            monthly("31"),
            monthly_code("20"),
        ),
        source="cookie",
    )


def test_the_web_console_without_the_pools() -> None:
    found = parse(as_usages(payload("kimi/console")), now=NOW).quotas
    assert [(quota.id, quota.used) for quota in found] == [("five_hour", d(4)), ("weekly", d(37))]


def test_a_week_that_is_switched_off_is_none() -> None:
    stats = {"ratelimitCode7d": {"ratio": 0.9, "enabled": False}}
    assert parse(as_usages(payload("kimi/console"), stats), now=NOW).quotas[1].used == d(37)


@pytest.mark.parametrize("body", [{}, {"usages": {}}, {"usages": []}, {"usages": [{"scope": "FEATURE_X"}]}])
def test_the_web_console_without_kimi_code(body: Any) -> None:
    with pytest.raises(PayloadError, match="^usages: "):
        as_usages(body)


# -- counts -----------------------------------------------------------------------------------------


def week(**detail: Any) -> Quota:
    (found,) = parse({"usage": detail}, now=NOW).quotas
    return found


@pytest.mark.parametrize(
    ("detail", "used", "left"),
    [
        ({"limit": "100", "used": "37", "remaining": "63"}, "37", "63"),
        ({"limit": 100, "used": 37}, "37", "63"),
        # The server leaves zeros out.
        ({"limit": "100", "remaining": "100"}, "0", "100"),
        ({"limit": "100", "used": "100"}, "100", "0"),
        ({"limit": "100"}, None, None),
        ({"limit": "100", "used": "120"}, "120", "0"),
        ({"limit": "100", "remaining": "130"}, "0", "100"),
        ({"limit": "100", "used": "-4"}, "0", "100"),
    ],
)
def test_used_and_left(detail: dict[str, Any], used: str | None, left: str | None) -> None:
    found = week(**detail)
    expected = (None if used is None else d(used), None if left is None else d(left))
    assert (found.used, found.remaining) == expected


def test_more_than_all() -> None:
    assert week(limit="100", used="120").percent_used == d(120)


def test_nothing_of_nothing_is_not_judged() -> None:
    usage = parse({"usage": {"limit": "0", "used": "0"}}, now=NOW)
    judged, status = assess.judged(usage, Service(name="kimi", provider="kimi"))
    assert (judged.quotas[0].status, status) == (None, "ok")


@pytest.mark.parametrize(("limit", "unit"), [("100", "percent"), (100, "percent"), ("1024", "requests")])
def test_the_unit(limit: Any, unit: str) -> None:
    assert week(limit=limit, used="1").unit == unit


@pytest.mark.parametrize(
    ("told", "resets"),
    [
        ({"resetTime": "2026-11-24T00:00:00.123456789Z"}, "2026-11-24T00:00:00"),
        ({"reset_at": "2026-11-24T00:00:00Z"}, "2026-11-24T00:00:00"),
        ({"resetAt": "2026-11-24T00:00:00Z"}, "2026-11-24T00:00:00"),
        ({"reset_time": "2026-11-24T00:00:00Z"}, "2026-11-24T00:00:00"),
        ({"reset_in": 60}, "2026-11-21T08:01:00"),
        ({"resetIn": "60"}, "2026-11-21T08:01:00"),
        ({"ttl": 60}, "2026-11-21T08:01:00"),
        ({"resetTime": "soon", "ttl": 60}, "2026-11-21T08:01:00"),
        ({}, None),
    ],
)
def test_the_reset_in_all_its_spellings(told: dict[str, Any], resets: str | None) -> None:
    assert week(limit="100", used="1", **told).resets_at == (utc(resets) if resets else None)


@pytest.mark.parametrize(
    ("duration", "unit", "id_", "label", "seconds"),
    [
        (300, "TIME_UNIT_MINUTE", "five_hour", "5-hour", 18000),
        (5, "TIME_UNIT_HOUR", "five_hour", "5-hour", 18000),
        ("7", "TIME_UNIT_DAY", "weekly", "Weekly", 604800),
        (1, "TIME_UNIT_WEEK", "weekly", "Weekly", 604800),
        (10080, "TIME_UNIT_MINUTE", "weekly", "Weekly", 604800),
        (90, "TIME_UNIT_MINUTE", "window_5400", "90-minute", 5400),
        (36, "TIME_UNIT_HOUR", "window_129600", "36-hour", 129600),
        (30, "TIME_UNIT_DAY", "window_2592000", "30-day", 2592000),
    ],
)
def test_windows_are_told_by_their_length(
    duration: Any, unit: str, id_: str, label: str, seconds: int
) -> None:
    row = {"window": {"duration": duration, "timeUnit": unit}, "detail": {"limit": "100", "used": "1"}}
    (found,) = parse({"limits": [row]}, now=NOW).quotas
    assert (found.id, found.label, found.window_seconds) == (id_, label, seconds)


@pytest.mark.parametrize(
    "window",
    [
        None,
        {},
        {"duration": 5},
        {"duration": 0, "timeUnit": "TIME_UNIT_DAY"},
        {"duration": 5, "timeUnit": "TIME_UNIT_EON"},
    ],
)
def test_a_window_of_no_known_length_is_left_out(window: Any) -> None:
    row = {"window": window, "detail": {"limit": "100", "used": "1"}}
    with pytest.raises(PayloadError, match="^limits: "):
        parse({"limits": [row]}, now=NOW)
    usage = parse({"limits": [row], "usage": {"limit": "100", "used": "1"}}, now=NOW)
    assert [quota.id for quota in usage.quotas] == ["weekly"]
    assert usage.notes == ("a limit is left out: Kimi tells no length of its window",)


# -- a count and a share of the same window ---------------------------------------------------------


def both(ratio: Any, used: str, apart_s: int = 0, **pools: Any) -> Usage:
    return parse(
        {
            "usage": {"limit": "100", "used": used, "resetTime": f"2026-11-24T00:00:{apart_s:02}Z"},
            "usages": {"limit_7d": {"used_ratio": ratio, "reset_time": "2026-11-24T00:00:00Z"}, **pools},
        },
        now=NOW,
    )


@pytest.mark.parametrize(
    ("ratio", "used", "apart", "shown"),
    [
        (0.42, "37", 0, "42"),
        (0, "37", 0, "37"),
        (0.0, "37", 2, "37"),
        (0, "37", 3, "0"),
        (0, "0", 0, "0"),
        (0.001, "37", 0, "0.1"),
        (None, "37", 0, "37"),
    ],
)
def test_which_of_the_two_is_shown(ratio: Any, used: str, apart: int, shown: str) -> None:
    usage = both(ratio, used, apart)
    assert [(quota.id, quota.used) for quota in usage.quotas] == [("weekly", d(shown))]
    assert usage.notes == ()


def test_a_stuck_share_of_an_account_with_pools_is_told() -> None:
    usage = both(0, "100", limit_month_total={"used_ratio": 0.1})
    assert [(quota.id, quota.used) for quota in usage.quotas] == [("weekly", d(100)), ("monthly", d(10))]
    assert usage.notes == ("Kimi tells a share of 0 beside a count of weekly: the count is shown",)


# -- the wallet -------------------------------------------------------------------------------------


def wallet(**told: Any) -> Usage:
    base = {"balance": {"type": "BOOSTER", "amount": "2000000000", "amountLeft": "1350000000"}}
    return parse({"usage": {"limit": "100", "used": "1"}, "boosterWallet": {**base, **told}}, now=NOW)


@pytest.mark.parametrize(
    ("balance", "amount"),
    [
        ({"type": "BOOSTER", "amount": "2000000000", "amountLeft": "1000000"}, "0.01"),
        ({"type": "BOOSTER", "amount": "2000000000"}, "0"),
        ({"type": "BALANCE_BOOSTER", "amount": "2000000000", "amountLeft": "1000000"}, "0.01"),
        ({"type": "BOOSTER", "amount": "0", "amountLeft": "5"}, None),
        ({"type": "BOOSTER"}, None),
        ({"type": "OTHER", "amount": "2000000000", "amountLeft": "1000000"}, None),
        (None, None),
    ],
)
def test_what_is_in_the_wallet(balance: Any, amount: str | None) -> None:
    found = [entry.amount for entry in wallet(balance=balance).balances]
    assert found == ([] if amount is None else [d(amount)])


@pytest.mark.parametrize(
    ("enabled", "limit", "used", "expected"),
    [
        (True, {"currency": "USD", "priceInCents": "5000"}, {"priceInCents": "650"}, cap("6.5", "50")),
        (True, {"currency": "CNY", "priceInCents": "5000"}, {"currency": "USD"}, cap("0", "50", "cny")),
        (True, {"priceInCents": "5000"}, None, cap(None, "50")),
        (True, {"priceInCents": "0"}, {"priceInCents": "650"}, None),
        (True, {}, {"priceInCents": "650"}, None),
        (True, None, {"priceInCents": "650"}, None),
        (False, {"priceInCents": "5000"}, {"priceInCents": "650"}, None),
        (None, {"priceInCents": "5000"}, {"priceInCents": "650"}, None),
    ],
)
def test_the_cap(enabled: Any, limit: Any, used: Any, expected: Quota | None) -> None:
    usage = wallet(monthlyChargeLimitEnabled=enabled, monthlyChargeLimit=limit, monthlyUsed=used)
    assert usage.quotas[1:] == (() if expected is None else (expected,))


def test_a_spent_cap_is_overflow() -> None:
    cents = {"currency": "USD", "priceInCents": "5000"}
    usage = wallet(monthlyChargeLimitEnabled=True, monthlyChargeLimit=cents, monthlyUsed=cents)
    assert usage.overage_reached
    assert assess.judged(usage, Service(name="kimi", provider="kimi"))[1] == "ok"


@pytest.mark.parametrize(
    ("limit", "used", "unit"),
    [("CNY", "USD", "cny"), (None, "EUR", "eur"), (None, None, "usd"), ("?", "EUR", "eur"), (7, None, "usd")],
)
def test_the_wallet_s_currency(limit: Any, used: Any, unit: str) -> None:
    usage = wallet(monthlyChargeLimit={"currency": limit}, monthlyUsed={"currency": used})
    assert [entry.unit for entry in usage.balances] == [unit]


# -- what is needed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "usage"),
        ({"user": {}, "usage": None, "limits": None, "usages": None}, "usage"),
        ({"limits": []}, "limits"),
        ({"usage": {}, "usages": []}, "limits"),
    ],
)
def test_an_answer_that_says_nothing(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(body, now=NOW)


@pytest.mark.parametrize(
    ("level", "name"),
    [
        ("LEVEL_BASIC", "Basic"),
        ("LEVEL_STANDARD", "Standard"),
        ("LEVEL_ADVANCED", "Advanced"),
        ("LEVEL_PRO", "Pro"),
        ("LEVEL_PREMIUM", "Premium"),
    ],
)
def test_levels(level: str, name: str) -> None:
    body = {"user": {"membership": {"level": level}}, "usage": {"limit": "100", "used": "1"}}
    assert parse(body, now=NOW).plan == plan(name)


# -- the Open Platform ------------------------------------------------------------------------------


def moonshot(amount: str, unit: str = "usd", **more: Any) -> Balance:
    return Balance(id="moonshot", label="Platform balance", unit=unit, amount=d(amount), **more)


@pytest.mark.parametrize(
    ("case", "unit", "expected"),
    [
        ("balance", "usd", moonshot("31.207")),
        ("balance", "cny", moonshot("31.207", "cny")),
        ("balance_debt", "usd", moonshot("0")),
    ],
)
def test_the_balance(case: str, unit: str, expected: Balance) -> None:
    assert platform.parse(payload(f"kimi/{case}"), unit=unit).balances == (expected,)


@pytest.mark.parametrize(
    ("voucher", "cash", "notes"),
    [
        (5.0, 26.207, ("Platform balance: 5.00 voucher, 26.21 cash",)),
        ("5", "-3.1", ("Platform balance: 5.00 voucher, 3.10 cash owed",)),
        (0, 0, ()),
        (None, 26.207, ()),
        (5.0, "x", ()),
    ],
)
def test_what_the_balance_is_made_of(voucher: Any, cash: Any, notes: tuple[str, ...]) -> None:
    data = {"available_balance": 31.207, "voucher_balance": voucher, "cash_balance": cash}
    alone = platform.parse({"code": 0, "data": data, "status": True}, unit="usd")
    assert alone.notes == with_balance(CASES["ratios"], alone).notes == notes


@pytest.mark.parametrize(
    "body", [{"code": 5, "data": None}, {"code": 0, "status": False}, {"code": "x", "data": {}}]
)
def test_a_balance_that_is_refused_in_a_200(body: Any) -> None:
    with pytest.raises(Unavailable, match="^the Kimi Open Platform tells no balance"):
        platform.parse(body, unit="usd")


@pytest.mark.parametrize(
    "body", [[], {"code": 0}, {"code": 0, "data": {}}, {"data": {"available_balance": "x"}}]
)
def test_a_balance_that_cannot_be_read(body: Any) -> None:
    with pytest.raises(PayloadError, match=r"^(body|data|data\.available_balance): expected"):
        platform.parse(body, unit="usd")


@pytest.mark.parametrize("amount", ["0", "-2"])
def test_an_empty_balance_stops_only_where_it_stands_alone(amount: str) -> None:
    service = Service(name="kimi", provider="kimi")
    assert assess.judged(Usage(balances=(moonshot(amount),)), service)[1] == "exhausted"
    beside = with_balance(CASES["ratios"], Usage(balances=(moonshot(amount),)))
    assert beside.balances == (moonshot(amount, judged=False),)
    assert assess.judged(beside, service)[1] == "ok"


# -- whatever stands in it --------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_any_json_anywhere(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"kimi/{case}")))
    survives(lambda: parse(body, now=NOW))


@given(data=st.data())
def test_any_json_of_the_console(data: st.DataObject) -> None:
    usages, stats = data.draw(mutated(payload("kimi/console"))), data.draw(mutated(payload("kimi/stats")))
    survives(lambda: parse(as_usages(usages, stats), now=NOW))


@given(body=mutated(payload("kimi/balance")) | ANY_JSON)
def test_any_json_of_the_platform(body: Any) -> None:
    def read() -> Usage:
        try:
            return platform.parse(body, unit="usd")
        except Unavailable:
            return Usage()

    survives(read)


@given(ratio=st.integers(0, 1000), count=st.integers(0, 100), apart=st.integers(0, 9))
def test_there_is_one_quota_a_window(ratio: int, count: int, apart: int) -> None:
    (found,) = both(ratio / 1000, str(count), apart).quotas
    assert found.used in (d(ratio) / 10, d(count))
    assert found.used == d(ratio) / 10 or ratio == 0
