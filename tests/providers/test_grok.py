"""Grok's answers, and the log that holds them. How it is asked: test_grok_fetch.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import NOW, PAYLOADS, d, payload, utc
from usagecli import assess
from usagecli.errors import NotConfigured, PayloadError
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers._grok.log import Logged, last_answer
from usagecli.providers._grok.usage import from_log, parse

WEEK_END = utc("2026-11-24T08:12:40")
PERIOD = {"type": "USAGE_PERIOD_TYPE_WEEKLY", "end": "2026-11-24T08:12:40.501200+00:00"}
LOG = PAYLOADS / "grok" / "unified.jsonl"


def weekly(used: str, end: Any = WEEK_END) -> Quota:
    return Quota(
        id="weekly",
        label="Weekly",
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=604800,
        resets_at=end,
    )


def monthly(used: str, end: Any) -> Quota:
    return Quota(id="monthly", label="Monthly", unit="percent", used=d(used), limit=d(100), resets_at=end)


def on_demand(used: str | None, limit: str) -> Quota:
    spent = None if used is None else d(used)
    return Quota(id="on_demand", label="On-demand", unit="usd", used=spent, limit=d(limit), judged=False)


def prepaid(amount: str) -> Balance:
    return Balance(id="prepaid", label="Prepaid", unit="usd", amount=d(amount))


CASES = {
    "weekly": Usage(
        quotas=(weekly("37.4"), on_demand("1.5", "20")), balances=(prepaid("8.25"),), source="oauth"
    ),
    "untouched": Usage(quotas=(weekly("0", utc("2026-11-27T08:00:00")),), plan=plan("Free"), source="oauth"),
    "monthly": Usage(
        quotas=(monthly("100", utc("2026-12-01T00:00:00")), on_demand("10", "10")),
        balances=(prepaid("5"),),
        plan=plan("X Premium+"),
        source="oauth",
        overage_reached=True,
    ),
    "older": Usage(
        quotas=(monthly("100", utc("2026-12-05T00:00:00")), on_demand("4.5", "20")), source="oauth"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(payload(f"grok/{case}")) == CASES[case]


def read(**config: Any) -> Usage:
    return parse({"config": config})


# -- the pool ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "quota"),
    [
        # A percentage wins over the older figures.
        (
            {
                "creditUsagePercent": 5,
                "currentPeriod": PERIOD,
                "monthlyLimit": {"val": 100},
                "used": {"val": 50},
            },
            weekly("5"),
        ),
        # Without one the older figures do, where there is a limit among them.
        ({"currentPeriod": PERIOD, "monthlyLimit": {"val": 400}, "used": {"val": 100}}, weekly("25")),
        ({"currentPeriod": PERIOD, "monthlyLimit": {"val": 400}, "used": {"val": 900}}, weekly("100")),
        ({"currentPeriod": PERIOD, "monthlyLimit": {"val": 400}, "used": {}}, weekly("0")),
        # Without those too it is 0: proto3 leaves a 0 out.
        ({"currentPeriod": PERIOD, "monthlyLimit": {}, "used": {"val": 100}}, weekly("0")),
        ({"currentPeriod": PERIOD}, weekly("0")),
        ({"creditUsagePercent": -3, "currentPeriod": PERIOD}, weekly("0")),
        ({"creditUsagePercent": "12.5", "currentPeriod": PERIOD}, weekly("12.5")),
        ({"creditUsagePercent": 7, "currentPeriod": {"type": PERIOD["type"]}}, weekly("7", None)),
        # Neither: the older monthly form.
        (
            {
                "monthlyLimit": {"val": 200},
                "used": {"val": 50},
                "billingPeriodEnd": "2026-12-05T00:00:00+00:00",
            },
            monthly("25", utc("2026-12-05T00:00:00")),
        ),
        ({"monthlyLimit": {"val": 200}, "used": {}}, monthly("0", None)),
    ],
)
def test_the_pool(config: dict[str, Any], quota: Quota) -> None:
    assert read(**config).quotas == (quota,)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        (None, "2026-12-05T00:00:00Z"),
        ({"type": "USAGE_PERIOD_TYPE_DAILY", "end": PERIOD["end"]}, "2026-12-05T00:00:00Z"),
        ({"type": "USAGE_PERIOD_TYPE_DAILY", "end": PERIOD["end"]}, None),
        ({"type": ["odd"]}, None),
    ],
)
def test_a_period_of_another_kind(period: Any, end: str | None) -> None:
    (found,) = read(creditUsagePercent=40, currentPeriod=period, billingPeriodEnd=end).quotas
    expected = None if end is None else utc("2026-12-05T00:00:00")
    assert (found.id, found.window_seconds, found.resets_at, found.used) == ("plan", None, expected, d(40))


def test_what_is_used_of_an_older_limit_may_be_unknown() -> None:
    (found,) = read(monthlyLimit={"val": 200}).quotas
    assert (found.id, found.used, found.percent_used) == ("monthly", None, None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "body: "),
        ({}, "config: "),
        ({"config": None}, "config: "),
        ({"config": {}}, "config: "),
        ({"config": [1]}, "config: "),
        ({"config": {"onDemandCap": {"val": 100}}}, "creditUsagePercent: "),
        ({"config": {"monthlyLimit": {"val": 0}, "used": {"val": 0}}}, "creditUsagePercent: "),
        ({"config": {"currentPeriod": {}, "prepaidBalance": {"val": 5}}}, "creditUsagePercent: "),
        ({"config": {"creditUsagePercent": "much", "currentPeriod": PERIOD}}, "creditUsagePercent: "),
        ({"config": {"creditUsagePercent": True, "currentPeriod": PERIOD}}, "creditUsagePercent: "),
    ],
)
def test_an_answer_that_says_nothing(body: Any, told: str) -> None:
    with pytest.raises(PayloadError, match=f"^{told}"):
        parse(body)


# -- money beyond it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "quota"),
    [
        ({"onDemandCap": {"val": 0}, "onDemandUsed": {"val": 100}}, None),
        ({"onDemandCap": {}}, None),
        ({"onDemandCap": {"val": 500}, "onDemandUsed": {}}, on_demand("0", "5")),
        ({"onDemandCap": {"val": 500}}, on_demand(None, "5")),
        ({"onDemandCap": {"val": 500}, "onDemandUsed": {"val": -1}}, on_demand(None, "5")),
        (
            {"onDemandCap": {"val": 500}, "used": {"val": 90}, "monthlyLimit": {"val": 50}},
            on_demand("0.4", "5"),
        ),
        ({"onDemandCap": {"val": 500}, "used": {"val": 9}, "monthlyLimit": {"val": 50}}, on_demand("0", "5")),
    ],
)
def test_on_demand(config: dict[str, Any], quota: Quota | None) -> None:
    found = read(creditUsagePercent=1, currentPeriod=PERIOD, **config).quotas[1:]
    assert found == (() if quota is None else (quota,))


@pytest.mark.parametrize(
    ("holder", "amount"),
    [({"val": 825}, "8.25"), ({"val": -825}, "8.25"), ({"val": 0}, None), ({}, None), (None, None)],
)
def test_the_sign_of_a_prepaid_balance_means_nothing(holder: Any, amount: str | None) -> None:
    found = read(creditUsagePercent=1, currentPeriod=PERIOD, prepaidBalance=holder).balances
    assert found == (() if amount is None else (prepaid(amount),))


@pytest.mark.parametrize(
    ("percent", "used", "status"), [(100, 0, "exhausted"), (20, 2000, "ok"), (95, 0, "low")]
)
def test_the_pool_is_judged_alone(percent: int, used: int, status: str) -> None:
    usage = read(
        creditUsagePercent=percent,
        currentPeriod=PERIOD,
        onDemandCap={"val": 2000},
        onDemandUsed={"val": used},
        prepaidBalance={"val": 10000},
    )
    assert assess.judged(usage, Service(name="grok", provider="grok"))[1] == status


@pytest.mark.parametrize(
    ("settings", "config", "beside", "name"),
    [
        ({"subscription_tier_display": "SuperGrok Heavy"}, "Free", "Free", "SuperGrok Heavy"),
        ({"subscription_tier_display": None}, "SuperGrok", "Free", "SuperGrok"),
        (None, None, "X Premium+", "X Premium+"),
    ],
)
def test_the_plan(settings: Any, config: Any, beside: Any, name: str) -> None:
    body = {"config": {"creditUsagePercent": 1, "subscriptionTier": config}, "subscriptionTier": beside}
    assert parse(body, settings=settings).plan == plan(name)


# -- the log ----------------------------------------------------------------------------------------


def test_the_newest_answer_of_the_log() -> None:
    """Past lines that only mention it, hold nothing, or are half written."""
    found = last_answer(str(LOG))
    assert found is not None
    assert from_log(found, now=NOW) == Usage(
        quotas=(weekly("61.5"),),
        plan=plan("SuperGrok"),
        notes=("as Grok was told on 2026-11-20 at 10:11 UTC; what was used elsewhere since is not in it",),
        source="local",
        as_of=utc("2026-11-20T10:11:12"),
    )


@pytest.mark.parametrize("noise", [0, 60 << 10, 200 << 10, 1 << 20])
def test_the_log_is_read_backwards_as_far_as_needed(tmp_path: Path, noise: int) -> None:
    line = LOG.read_bytes().split(b"\n")[1]
    path = tmp_path / "unified.jsonl"
    path.write_bytes(b'{"msg": "start"}\n' + line + b"\n" + (b'{"msg": "x"}\n' * (noise // 13)))
    found = last_answer(str(path))
    assert found is not None
    assert found.at == utc("2026-11-20T10:11:12")


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff\xfe", b'"billing: fetched credits config"\n[1]\n'])
def test_a_log_without_an_answer(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "unified.jsonl"
    path.write_bytes(text)
    assert last_answer(str(path)) is None
    assert last_answer(str(tmp_path)) is None
    assert last_answer(str(tmp_path / "none")) is None


def test_a_week_that_is_over_is_unknown() -> None:
    body = payload("grok/weekly")
    logged = Logged(body=body, at=utc("2026-11-20T10:11:12"))
    assert from_log(logged, now=utc("2026-11-24T08:12:39")).quotas[0].used == d("37.4")
    with pytest.raises(NotConfigured, match=r"are of 2026-11-20, of a period that is over$"):
        from_log(logged, now=WEEK_END)


# -- whatever stands in it --------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_any_json_anywhere(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"grok/{case}")))
    usage = survives(lambda: parse(body, settings=data.draw(ANY_JSON)))
    if usage is not None:
        pool = usage.quotas[0]
        assert pool.used is None or 0 <= pool.used <= 100


@given(percent=st.integers(0, 150), limit=st.integers(1, 10**6), used=st.integers(0, 10**6))
def test_the_share_is_never_beyond_the_whole(percent: int, limit: int, used: int) -> None:
    told = read(creditUsagePercent=percent, currentPeriod=PERIOD).quotas[0]
    assert told.percent_used == min(percent, 100)
    derived = read(monthlyLimit={"val": limit}, used={"val": used}).quotas[0]
    assert derived.percent_used is not None
    assert derived.percent_used == pytest.approx(d(min(100, used / limit * 100).__str__()), abs=d("0.00001"))
