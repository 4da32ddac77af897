"""Cursor's answers, one by one. How it is asked: test_cursor_fetch.py; logins: test_cursor_credentials.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError, Unavailable
from usagecli.model import Balance, Quota, Service, Spend, Usage, plan
from usagecli.providers._cursor import team
from usagecli.providers._cursor.period import as_summary
from usagecli.providers._cursor.usage import Extras, parse

START, END = utc("2026-11-05T20:45:42"), utc("2026-12-05T20:45:42")
CYCLE: dict[str, Any] = {"window_seconds": 30 * 86400, "resets_at": END}
TOTAL: dict[str, Any] = {"id": "total", "label": "Included usage", "unit": "percent", "limit": d(100)}
AUTO: dict[str, Any] = {"id": "auto", "label": "Cursor models", "scope": "cursor_models", "unit": "percent"}
API: dict[str, Any] = {"id": "api", "label": "Other models", "scope": "other_models", "unit": "percent"}
POOL: dict[str, Any] = {"limit": d(100), "partial": True}


def usd(id_: str, label: str, used: str, limit: str, **more: Any) -> Quota:
    return Quota(id=id_, label=label, unit="usd", used=d(used), limit=d(limit), **more)


def spent(id_: str, label: str, amount: str, since: Any = START, until: Any = END) -> Spend:
    return Spend(id=id_, label=label, unit="usd", amount=d(amount), since=since, until=until)


SUMMARY = Usage(
    quotas=(
        Quota(used=d("30.6"), **TOTAL, **CYCLE),
        Quota(used=d("12.25"), **AUTO, **POOL, **CYCLE),
        Quota(used=d(58), **API, **POOL, **CYCLE),
        usd("on_demand", "On-demand", "3.50", "50.00", judged=False, **CYCLE),
    ),
    spend=(spent("included", "Included usage", "40.60"),),
    plan=plan("Pro+"),
    source="oauth",
)
BARELY = Usage(
    quotas=(
        # Percent, and no fractions: 0.44 is less than half a percent.
        Quota(used=d("0.44"), **TOTAL, **CYCLE),
        Quota(used=d("0.36"), **AUTO, **POOL, **CYCLE),
        Quota(used=d("0.52"), **API, **POOL, **CYCLE),
    ),
    spend=(spent("included", "Included usage", "0.86"),),
    plan=plan("Pro"),
    source="oauth",
)
MONTH: dict[str, Any] = {"window_seconds": 30 * 86400, "resets_at": utc("2026-12-01T00:00:00")}
ENTERPRISE = Usage(
    quotas=(
        usd("overall", "Personal cap", "73.84", "100.00", **MONTH),
        usd("pooled", "Team pool", "5648.00", "20000.00", scope="team", **MONTH),
    ),
    plan=plan("Enterprise"),
    source="oauth",
)
TEAM_CYCLE: dict[str, Any] = {"window_seconds": 30 * 86400, "resets_at": utc("2026-12-10T12:00:00")}
TEAM = Usage(
    quotas=(
        Quota(used=d(100), **TOTAL, **TEAM_CYCLE),
        usd("team_on_demand", "Team on-demand", "500.00", "500.00", scope="team", judged=False, **TEAM_CYCLE),
    ),
    spend=(
        spent("included", "Included usage", "20.00", utc("2026-11-10T12:00:00"), utc("2026-12-10T12:00:00")),
        spent("on_demand", "On-demand", "12.34", utc("2026-11-10T12:00:00"), utc("2026-12-10T12:00:00")),
    ),
    plan=plan("Team"),
    source="oauth",
    overage_reached=True,
)
FREE = Usage(
    quotas=(
        Quota(used=d(30), **TOTAL, **CYCLE),
        Quota(used=d(20), **AUTO, **POOL, **CYCLE),
        Quota(used=d(40), **API, **POOL, **CYCLE),
    ),
    spend=(spent("included", "Included usage", "0.00"),),
    plan=plan("Free"),
    source="oauth",
)
CASES = {"summary": SUMMARY, "barely_used": BARELY, "enterprise": ENTERPRISE, "team": TEAM, "free": FREE}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(payload(f"cursor/{case}")) == CASES[case]


def read(individual: Any = None, extras: Extras | None = None, **more: Any) -> Usage:
    """A summary with these blocks of one person."""
    body = {**payload("cursor/summary"), "individualUsage": individual or {}, **more}
    return parse(body, extras=extras)


def ids(usage: Usage) -> list[str]:
    return [quota.id for quota in usage.quotas]


# -- the headline -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "used"),
    [
        (
            {"totalPercentUsed": 30.6, "autoPercentUsed": 1, "apiPercentUsed": 2, "used": 1, "limit": 2},
            "30.6",
        ),
        ({"totalPercentUsed": 0, "autoPercentUsed": 9, "apiPercentUsed": 9}, "0"),
        ({"autoPercentUsed": 10, "apiPercentUsed": 25, "used": 1, "limit": 2}, "17.5"),
        ({"autoPercentUsed": 10, "apiPercentUsed": None, "used": 1, "limit": 2}, "10"),
        ({"apiPercentUsed": "25"}, "25"),
        ({"used": 500, "limit": 2000}, "25"),
        ({"used": 5000, "limit": 2000}, "100"),
        ({"totalPercentUsed": 104.2}, "100"),
        ({"totalPercentUsed": -3}, "0"),
        ({"totalPercentUsed": True, "used": 500, "limit": 2000}, "25"),
        # `breakdown.total` is what was used, and no limit.
        ({"used": 500, "limit": 2000, "breakdown": {"total": 500}}, "25"),
        ({"used": 0, "limit": 2000, "remaining": 1500}, "25"),
    ],
)
def test_which_figure_is_the_headline(block: dict[str, Any], used: str) -> None:
    first = read({"plan": block}).quotas[0]
    assert (first.id, first.used, first.limit, first.percent_used) == ("total", d(used), d(100), d(used))


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-11-05T20:45:42.000Z", "2026-12-05T20:45:42.000Z", 2592000),
        (None, "2026-12-05T20:45:42.000Z", None),
        ("2026-11-05T20:45:42.000Z", None, None),
        ("1793911542000", "1796503542000", 2592000),
        ("2026-12-05T20:45:42.000Z", "2026-11-05T20:45:42.000Z", None),
    ],
)
def test_the_cycle(start: Any, end: Any, seconds: int | None) -> None:
    found = read({"plan": {"totalPercentUsed": 1}}, billingCycleStart=start, billingCycleEnd=end).quotas[0]
    assert found.window_seconds == seconds
    assert (found.resets_at is None) == (end is None)


@pytest.mark.parametrize("plan_", [None, {}, {"enabled": True, "used": 0, "limit": 0}, {"limit": None}])
def test_a_cap_or_pool_stands_in_for_a_plan_without_figures(plan_: Any) -> None:
    """Such members must not look as if nothing was used."""
    overall = {"enabled": True, "used": 7384, "limit": 10000, "remaining": 2616}
    found = read({"plan": plan_, "overall": overall}, teamUsage={"pooled": {"used": 100, "limit": 400}})
    assert ids(found) == ["overall", "pooled"]
    assert [quota.percent_used for quota in found.quotas] == [d("73.84"), d(25)]


@pytest.mark.parametrize("plan_", [{"totalPercentUsed": 3}, {"limit": 2000, "used": 4}])
def test_beside_a_plan_neither_is_shown(plan_: Any) -> None:
    block = {"used": 1, "limit": 2}
    assert ids(read({"plan": plan_, "overall": block}, teamUsage={"pooled": block})) == ["total"]


@pytest.mark.parametrize(
    ("individual", "unlimited"),
    [
        ({}, True),
        ({"plan": {"enabled": True, "used": 4, "limit": 0}}, True),
        ({"plan": {"used": 4, "limit": None}}, True),
        ({"plan": {"totalPercentUsed": 4}}, False),
        ({"plan": {"used": 4, "limit": 10}}, False),
    ],
)
def test_unlimited_only_where_there_is_no_figure(individual: Any, unlimited: bool) -> None:
    (total,) = read(individual, isUnlimited=True).quotas
    assert (total.id, total.unlimited, total.percent_used is None) == ("total", unlimited, unlimited)


def test_a_cap_is_a_limit_of_the_unlimited() -> None:
    assert ids(read({"overall": {"used": 1, "limit": 2}}, isUnlimited=True)) == ["overall"]


# -- on-demand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "quota", "spend"),
    [
        ({"enabled": True, "used": 350, "limit": 5000, "remaining": 4650}, ("3.50", "50.00", "46.50"), None),
        ({"used": 350, "limit": 5000}, ("3.50", "50.00", "46.50"), None),
        # A 0 beside a remainder is not meant.
        ({"used": 0, "limit": 5000, "remaining": 4000}, ("10.00", "50.00", "40.00"), None),
        ({"used": True, "limit": "5000", "remaining": "4000"}, ("10.00", "50.00", "40.00"), None),
        ({"used": 6000, "limit": 5000, "remaining": 0}, ("60.00", "50.00", "0"), None),
        ({"enabled": False, "used": 0, "limit": 5000}, None, None),
        ({"enabled": True, "used": 350, "limit": None, "remaining": None}, None, "3.50"),
        ({"enabled": True, "used": 350, "limit": 0}, None, "3.50"),
        ({"enabled": True, "used": 0, "limit": None}, None, None),
    ],
)
def test_on_demand(block: Any, quota: tuple[str, str, str] | None, spend: str | None) -> None:
    found = read({"plan": {"totalPercentUsed": 1}, "onDemand": block})
    quotas = [(q.used, q.limit, q.remaining) for q in found.quotas if q.id == "on_demand"]
    assert quotas == ([tuple(map(d, quota))] if quota else [])
    assert [s.amount for s in found.spend] == ([d(spend)] if spend else [])


@pytest.mark.parametrize("left", [0, 4000])
def test_on_demand_is_judged_where_nothing_else_is(left: int) -> None:
    block = {"used": 5000 - left, "limit": 5000, "remaining": left}
    found = read({"onDemand": block}, teamUsage={"onDemand": block})
    assert [(quota.id, quota.judged) for quota in found.quotas] == [
        ("on_demand", True),
        ("team_on_demand", True),
    ]
    assert found.overage_reached == (left == 0)


def test_spent_on_demand_stops_nothing_beside_a_plan() -> None:
    spent_ = {"used": 5000, "limit": 5000, "remaining": 0}
    found = read({"plan": {"totalPercentUsed": 1}, "onDemand": spent_})
    assert assess.judged(found, Service(name="cursor", provider="cursor"))[1] == "ok"


# -- what stands beside it --------------------------------------------------------------------------


def test_an_older_plan_counts_requests() -> None:
    """The percentages beside them mean nothing."""
    found = parse(payload("cursor/summary"), extras=Extras(requests=payload("cursor/requests")))
    assert found.quotas[0] == Quota(
        id="requests", label="Requests", unit="requests", used=d(142), limit=d(500), resets_at=END
    )
    assert ids(found) == ["requests", "on_demand"]


def test_beside_an_older_plan_s_requests_only_the_percentages_go() -> None:
    for case, kept in (("enterprise", ["overall", "pooled"]), ("summary", [])):
        found = parse(payload(f"cursor/{case}"), extras=Extras(requests=payload("cursor/requests")))
        assert [id_ for id_ in ids(found) if "on_demand" not in id_] == ["requests", *kept]
    unlimited = {"isUnlimited": True, "individualUsage": {"overall": {"used": 5}}}
    found = parse(unlimited, extras=Extras(requests=payload("cursor/requests")))
    assert ids(found) == ["requests", "overall"]


@pytest.mark.parametrize(
    ("model", "figures"),
    [
        ({"numRequestsTotal": None, "numRequests": 7, "maxRequestUsage": 500}, (d(7), d(500))),
        ({"numRequests": 7, "maxRequestUsage": "500"}, (d(7), d(500))),
        ({"numRequests": 7, "maxRequestUsage": 0}, None),
        ({"numRequests": 7, "maxRequestUsage": None}, None),
        ({"maxRequestUsage": 500}, None),
    ],
)
def test_which_requests_count(model: Any, figures: Any) -> None:
    first = parse(payload("cursor/summary"), extras=Extras(requests={"gpt-4": model})).quotas[0]
    assert (first.used, first.limit) == (figures or (d("30.6"), d(100)))


@pytest.mark.parametrize(
    ("start", "reset"),
    [
        ("2026-11-05T20:45:42.000Z", "2026-12-05T20:45:42"),
        ("2026-12-05T00:00:00Z", "2027-01-05T00:00:00"),
        ("2027-01-31T10:00:00Z", "2027-02-28T10:00:00"),
    ],
)
def test_requests_come_back_a_month_after_their_start(start: str, reset: str) -> None:
    body = {**payload("cursor/summary"), "billingCycleEnd": None}
    told = {**payload("cursor/requests"), "startOfMonth": start}
    assert parse(body, extras=Extras(requests=told)).quotas[0].resets_at == utc(reset)


@pytest.mark.parametrize("change", [{"hasNonZeroIncludedLimit": False}, {"usagePercent": None}])
def test_grok_bot_s_week(change: dict[str, Any]) -> None:
    grok = payload("cursor/grok")
    found = parse(payload("cursor/summary"), extras=Extras(grok=grok)).quotas[3]
    assert found == Quota(
        id="grok_bot",
        label="Grok Bot",
        unit="percent",
        used=d("37.5"),
        limit=d(100),
        window_seconds=604800,
        resets_at=utc("2026-11-25T00:00:00"),
        partial=True,
    )
    assert "grok_bot" not in ids(parse(payload("cursor/summary"), extras=Extras(grok={**grok, **change})))


@pytest.mark.parametrize(
    ("grants", "stripe", "amount"),
    [
        ({"totalCents": "5000", "usedCents": "1250"}, {"customerBalance": "-1999"}, "57.49"),
        ({"totalCents": "5000", "usedCents": "1250"}, None, "37.50"),
        (None, {"customerBalance": -1999}, "19.99"),
        # A positive balance is owed, and a negative sum is nothing.
        ({"totalCents": "100", "usedCents": "0"}, {"customerBalance": 700}, "1.00"),
        ({"totalCents": "100", "usedCents": "500"}, None, None),
        ({"hasCreditGrants": False}, {"customerBalance": 0}, None),
        (None, None, None),
    ],
)
def test_credits(grants: Any, stripe: Any, amount: str | None) -> None:
    found = parse(payload("cursor/summary"), extras=Extras(grants=grants, stripe=stripe)).balances
    assert found == (
        (Balance(id="credits", label="Credits", unit="usd", amount=d(amount)),) if amount else ()
    )


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("free", "Free"),
        ("hobby", "Hobby"),
        ("express", "Start"),
        ("free_trial", "Pro Trial"),
        ("pro", "Pro"),
        ("pro_student", "Pro"),
        ("pro_plus", "Pro+"),
        ("ultra", "Ultra"),
        ("team", "Team"),
        ("enterprise", "Enterprise"),
        ("something_new", "something_new"),
    ],
)
def test_plans(type_: str, name: str) -> None:
    assert read({"plan": {"used": 1}}, membershipType=type_).plan == plan(name)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        (None, "body"),
        ({}, "individualUsage"),
        ({"individualUsage": {}, "teamUsage": {}}, "individualUsage"),
        ({"individualUsage": {"plan": {}}, "membershipType": "pro"}, "individualUsage"),
    ],
)
def test_an_answer_without_any_block_is_none(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(body)


# -- the other API ----------------------------------------------------------------------------------


def test_the_other_api_says_the_same() -> None:
    found = parse(as_summary(payload("cursor/period"), payload("cursor/plan_info")))
    assert found == SUMMARY


@pytest.mark.parametrize(
    ("spend", "figures"),
    [
        ({"individualLimit": 5000, "individualUsed": 10, "pooledLimit": 9}, ("0.10", "50.00")),
        ({"pooledLimit": 9000, "individualUsed": 0, "pooledUsed": 20, "totalSpend": 30}, ("0.20", "90.00")),
        ({"individualLimit": 0, "pooledLimit": 9000, "totalSpend": 30}, ("0.30", "90.00")),
        ({"individualLimit": 5000, "individualRemaining": 4000}, ("10.00", "50.00")),
        ({"individualLimit": 5000}, ("0.00", "50.00")),
        ({"totalSpend": 30}, None),
        (None, None),
    ],
)
def test_on_demand_of_the_other_api(spend: Any, figures: tuple[str, str] | None) -> None:
    body = {**payload("cursor/period"), "spendLimitUsage": spend}
    found = [(q.used, q.limit) for q in parse(as_summary(body)).quotas if q.id == "on_demand"]
    assert found == ([tuple(map(d, figures))] if figures else [])


def test_what_is_used_of_the_plan_may_follow_from_what_is_left() -> None:
    body = {"planUsage": {"limit": 2000, "remaining": 500}}
    found = parse(as_summary(body))
    assert (found.quotas[0].used, found.spend[0].amount) == (d(75), d(15))


@pytest.mark.parametrize("change", [{"enabled": False}, {"planUsage": None}, {"planUsage": {}}])
def test_no_active_plan(change: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="no active plan"):
        as_summary({**payload("cursor/period"), **change})


@pytest.mark.parametrize("body", [[], None, {"planUsage": {"note": "x"}}])
def test_an_unreadable_answer_of_the_other_api(body: Any) -> None:
    with pytest.raises(PayloadError):
        as_summary(body)


# -- a team -----------------------------------------------------------------------------------------

MEMBERS = Usage(
    quotas=(
        # Limits cap what goes beyond the plan.
        usd("member:ada@example.com", "ada@example.com", "15.00", "20", partial=True),
    ),
    spend=(
        spent("team_total", "Team total", "67.34", until=None),
        spent("team_on_demand", "Team on-demand", "15.00", until=None),
    ),
    plan=plan("Team"),
)
OLDER = Usage(
    quotas=(
        usd("member:ada@example.com", "ada@example.com", "15.00", "30", partial=True),
        # What of it goes beyond the plan is not told.
        Quota(id="member:ben@example.com", label="ben@example.com", unit="usd", limit=d(25), partial=True),
    ),
    spend=(spent("team_total", "Team total", "79.50", until=None),),
    plan=plan("Team"),
)


@pytest.mark.parametrize(("case", "expected"), [("spend", MEMBERS), ("spend_older", OLDER)])
def test_a_team(case: str, expected: Usage) -> None:
    assert team.parse([payload(f"cursor/{case}")]) == expected


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        ({"effectivePerUserLimitDollars": 20, "monthlyLimitDollars": 50, "hardLimitOverrideDollars": 9}, 20),
        ({"monthlyLimitDollars": 50, "hardLimitOverrideDollars": 9}, 50),
        ({"monthlyLimitDollars": None, "hardLimitOverrideDollars": 9}, 9),
        ({"hardLimitOverrideDollars": 0}, None),
        ({}, None),
    ],
)
def test_which_limit_of_a_member_counts(limits: Any, limit: int | None) -> None:
    row = {"email": "ada@example.com", "spendCents": 100, "overallSpendCents": 900, **limits}
    found = team.parse([{"teamMemberSpend": [row]}]).quotas
    assert [quota.limit for quota in found] == ([] if limit is None else [d(limit)])


def test_pages_of_a_team_are_added() -> None:
    found = team.parse([payload("cursor/spend"), payload("cursor/spend")])
    assert [spend.amount for spend in found.spend] == [d("134.68"), d("30.00")]


@pytest.mark.parametrize(
    "body",
    [[], {}, {"teamMemberSpend": {}}, {"teamMemberSpend": [7]}, {"teamMemberSpend": [{"spendCents": "x"}]}],
)
def test_an_unreadable_team(body: Any) -> None:
    with pytest.raises(PayloadError):
        team.parse([body])


# -- anything ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_any_json_at_any_place_is_read_or_refused(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"cursor/{case}")))
    survives(lambda: parse(body))


@given(
    requests=mutated(payload("cursor/requests")),
    grok=mutated(payload("cursor/grok")),
    grants=mutated(payload("cursor/grants")),
    stripe=ANY_JSON,
)
def test_whatever_stands_beside_it(requests: Any, grok: Any, grants: Any, stripe: Any) -> None:
    extras = Extras(requests=requests, grok=grok, grants=grants, stripe=stripe)
    before = copy.deepcopy(payload("cursor/summary"))
    assert survives(lambda: parse(before, extras=extras)) is not None


@given(body=mutated(payload("cursor/spend")))
def test_any_team_is_read_or_refused(body: Any) -> None:
    survives(lambda: team.parse([body]))


@given(body=mutated(payload("cursor/period")))
def test_any_answer_of_the_other_api_is_read_or_refused(body: Any) -> None:
    def read_() -> Usage:
        try:
            return parse(as_summary(body))
        except Unavailable:
            raise PayloadError("planUsage: none") from None

    survives(read_)
