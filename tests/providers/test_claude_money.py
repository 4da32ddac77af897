"""What Claude's users pay beyond the plan, and what then stops the account."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, sound
from tests.providers.test_claude import (
    NO_NUMBERS,
    SERVICE,
    extra_spend,
    extra_usage,
    scoped,
    status,
    window,
)
from tests.support import d, payload
from usagecli import assess
from usagecli.model import Balance, Quota, Spend
from usagecli.providers._claude.usage import parse


def extra(used: Any, limit: Any, **more: Any) -> dict[str, Any]:
    return {"is_enabled": True, "used_credits": used, "monthly_limit": limit, **more}


def spend(used: Any, limit: Any, **more: Any) -> dict[str, Any]:
    """Amounts in pence; None: not told."""
    told = {"used": used, "limit": limit}
    amounts = {
        key: None if minor is None else {"amount_minor": minor, "currency": "GBP", "exponent": 2}
        for key, minor in told.items()
    }
    return {"enabled": True, **amounts, **more}


# -- extra usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places_", "used", "limit"),
    [(2, "13.15", "40"), (0, "1315", "4000"), (3, "1.315", "4"), (None, "13.15", "40"), (-1, "13.15", "40")],
)
def test_amounts_are_minor_units(places_: Any, used: str, limit: str) -> None:
    body = {"extra_usage": extra(1315.0, 4000, decimal_places=places_)}
    assert parse(body).quotas == (extra_usage(used, limit),)


def test_decimal_places_may_be_missing() -> None:
    assert parse({"extra_usage": extra("1315", "4000")}).quotas == (extra_usage("13.15", 40),)


@pytest.mark.parametrize(
    ("currency", "unit"),
    [("USD", "usd"), ("EUR", "eur"), ("gbp", "gbp"), (None, "usd"), ("", "usd"), (7, "usd")],
)
def test_a_currency_stands_in_the_unit(currency: Any, unit: str) -> None:
    usage = parse({"extra_usage": extra(1315, 4000, currency=currency)})
    assert usage.quotas == (extra_usage("13.15", 40, unit),)
    usage = parse({"extra_usage": extra(1315, None, currency=currency)})
    assert usage.spend == (extra_spend("13.15", unit),)


def test_use_beyond_the_cap_is_real_money() -> None:
    """Its own percentage stops at 100, although more was spent."""
    (found,) = parse({"extra_usage": extra(2163, 2000, utilization=100.0)}).quotas
    assert (found.used, found.percent_used, found.remaining) == (d("21.63"), d("108.15"), d(0))


@pytest.mark.parametrize(
    ("extra_", "quotas", "spends"),
    [
        (extra(1315, 4000), (extra_usage("13.15", 40),), ()),
        (extra(1315, 4000, is_enabled=None), (extra_usage("13.15", 40),), ()),
        (extra(1315, 4000, is_enabled=False), (), (extra_spend("13.15"),)),
        (extra(0, 4000, is_enabled=False), (), ()),
        (extra(None, 4000, is_enabled=False), (), ()),
        (extra(1315, None), (), (extra_spend("13.15"),)),
        (extra(0, None), (), (extra_spend(0),)),
        (extra(0, None, is_enabled=None), (), (extra_spend(0),)),
        (extra(1315, None, is_enabled=False), (), (extra_spend("13.15"),)),
        (extra(0, None, is_enabled=False), (), ()),
        (extra(None, None), (), ()),
        (extra(1315, 0), (), (extra_spend("13.15"),)),
        (extra(0, 0), (), ()),
        (extra(0, -1), (), ()),
        (extra(-5, None), (), ()),
        (extra(1315, "much"), (), (extra_spend("13.15"),)),
    ],
)
def test_extra_usage_is_a_quota_where_it_has_a_cap(
    extra_: dict[str, Any], quotas: tuple[Quota, ...], spends: tuple[Spend, ...]
) -> None:
    usage = parse({"extra_usage": extra_})
    assert (usage.quotas, usage.spend) == (quotas, spends)


def test_a_cap_without_its_use_is_unknown_not_empty() -> None:
    found = assess.judged(parse({"extra_usage": extra(None, 4000, utilization=50)}), SERVICE)[0].quotas[0]
    assert (found.limit, found.used, found.percent_used, found.remaining) == (d(40), None, None, None)
    assert found.status is None


GBP = extra_usage("7", 20, "gbp")


@pytest.mark.parametrize("empty", [None, {}, [], {"is_enabled": None}, extra(None, None), extra("?", None)])
def test_without_amounts_the_spend_says_it(empty: Any) -> None:
    body = {"extra_usage": empty, "spend": spend(700, 2000)}
    overage = {"used_credits": 1, "monthly_credit_limit": 2}
    assert parse(body, overage=overage).quotas == (GBP,)


def test_an_amount_of_extra_usage_wins_over_the_spend() -> None:
    usage = parse({"extra_usage": extra(1315, None), "spend": spend(700, 2000)})
    assert (usage.quotas, usage.spend) == ((), (extra_spend("13.15"),))


@pytest.mark.parametrize(
    ("spend_", "quotas", "spends"),
    [
        (spend(700, None), (), (extra_spend(7, "gbp"),)),
        (spend(700, 2000, enabled=False), (), (extra_spend(7, "gbp"),)),
        (spend(0, 2000, enabled=False), (), ()),
        (spend(700, 2000, enabled=None), (GBP,), ()),
        (spend(None, 2000), (Quota(id="extra_usage", label="Extra usage", unit="gbp", limit=d(20)),), ()),
        ({"used": {"amount_minor": 700, "exponent": 0}}, (), (extra_spend(700),)),
        (spend(None, None), (), ()),
    ],
)
def test_what_the_spend_says(
    spend_: dict[str, Any], quotas: tuple[Quota, ...], spends: tuple[Spend, ...]
) -> None:
    usage = parse({"spend": spend_})
    assert (usage.quotas, usage.spend) == (quotas, spends)


@pytest.mark.parametrize(
    "empty",
    [{}, {"extra_usage": extra(None, None, is_enabled=None), "spend": spend(None, None, enabled=None)}],
)
@pytest.mark.parametrize(
    ("enabled", "limit", "quotas", "spends"),
    [
        (True, 5000, (extra_usage("12.5", 50, "eur"),), ()),
        (None, 5000, (extra_usage("12.5", 50, "eur"),), ()),
        (False, 5000, (), (extra_spend("12.5", "eur"),)),
        (True, None, (), (extra_spend("12.5", "eur"),)),
    ],
)
def test_last_of_all_claude_ai_s_own_cap(
    empty: Any, enabled: Any, limit: Any, quotas: tuple[Quota, ...], spends: tuple[Spend, ...]
) -> None:
    overage = {**payload("claude/web_overage"), "is_enabled": enabled, "monthly_credit_limit": limit}
    usage = parse(empty, overage=overage)
    assert (usage.quotas, usage.spend) == (quotas, spends)


# -- what stops the account -------------------------------------------------------------------------

OPEN = [
    extra(0, 4000),
    extra(3999, 4000),
    extra(1315, None),
    extra(None, None),
    extra(1315, 4000, spend_limit_reached=False, disabled_reason=None),
]
OFF = [
    None,
    extra(None, None, is_enabled=None),
    extra(0, 4000, is_enabled=None),
    extra(0, 4000, is_enabled=False),
    extra(1315, None, is_enabled=False),
    extra(0, 4000, is_enabled="yes"),
    extra(0, 4000, disabled_reason="org_level_disabled"),
    extra(None, 4000),
    extra(0, "much"),
    extra(0, 0),
]
SPENT = [
    extra(4000, 4000),
    extra(4120, 4000),
    extra(1315, 4000, spend_limit_reached=True),
    extra(1315, 4000, disabled_reason="out_of_credits"),
    extra(1315, None, disabled_reason="out_of_credits"),
    extra(1315, None, disabled_reason="spend_limit_reached"),
    extra(1315, 4000, is_enabled=False, disabled_reason="out_of_credits"),
    extra(5, 0),
]


@pytest.mark.parametrize("full", [100, 104.5])
@pytest.mark.parametrize("windows", [("five_hour", "seven_day"), ("seven_day", "five_hour"), ("five_hour",)])
def test_a_full_window_stops_the_account_unless_extra_usage_carries_on(
    windows: tuple[str, ...], full: float
) -> None:
    body = {windows[0]: window(full), **{key: window(5) for key in windows[1:]}}
    assert {status(parse({**body, "extra_usage": extra_})) for extra_ in OPEN} == {"low"}
    assert {status(parse({**body, "extra_usage": extra_})) for extra_ in (*OFF, *SPENT)} == {"exhausted"}
    carried = assess.judged(parse({**body, "extra_usage": OPEN[0]}), SERVICE)[0]
    assert "exhausted" in [found.status for found in carried.quotas]


@pytest.mark.parametrize("extra_", SPENT)
def test_spent_extra_usage_stops_a_plan_of_money_only(extra_: dict[str, Any]) -> None:
    usage = parse({"five_hour": None, "seven_day": None, "limits": [], "extra_usage": extra_})
    assert status(usage) == "exhausted"
    assert (usage.stopped, usage.overage_reached) == (True, True)


@pytest.mark.parametrize(
    "extra_", [*OPEN, *OFF, extra(None, None, is_enabled=False, disabled_reason="out_of_credits")]
)
def test_extra_usage_that_is_only_off_or_open_stops_no_plan_of_money(extra_: Any) -> None:
    usage = parse({"extra_usage": extra_})
    assert not usage.stopped
    assert not usage.overage_reached
    assert status(usage) in ("ok", "low")


@pytest.mark.parametrize("extra_", SPENT)
def test_spent_extra_usage_beside_an_open_window_is_at_most_low(extra_: dict[str, Any]) -> None:
    usage, weight = assess.judged(parse({"five_hour": window(5), "extra_usage": extra_}), SERVICE)
    cap = next((found for found in usage.quotas if found.id == "extra_usage"), None)
    assert weight == ("ok" if cap is None else "low")
    assert cap is None or cap.status == "exhausted"
    assert usage.overage_reached


@pytest.mark.parametrize(
    "more",
    [
        {"limits": [scoped(100, "Fable")]},
        {"seven_day_opus": window(100)},
        {"seven_day_oauth_apps": window(100)},
        {"tangelo": window(100)},
        {"iguana_necktie": window(100, limit_dollars=250, used_dollars=250)},
    ],
)
@pytest.mark.parametrize("core", [{"five_hour": window(5), "seven_day": window(5)}, {}])
def test_a_full_window_of_a_part_stops_only_that_part(more: dict[str, Any], core: dict[str, Any]) -> None:
    usage, weight = assess.judged(parse({**core, **more}), SERVICE)
    assert usage.quotas[-1].status == "exhausted"
    assert weight == "low"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, True),
        ({"five_hour": window(100), "seven_day": window(5)}, True),
        ({"five_hour": window(99.9)}, False),
    ],
)
def test_why_extra_usage_is_off_is_told_where_it_would_help(body: dict[str, Any], told: bool) -> None:
    note = "extra usage is off: org_level_disabled"
    for part_ in (
        {"extra_usage": extra(0, 9, disabled_reason="org_level_disabled")},
        {"spend": spend(0, 9, disabled_reason="org_level_disabled")},
    ):
        assert parse({**body, **part_}).notes == ((note,) if told else ())


# -- what only claude.ai says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "balances"),
    [
        (
            payload("claude/web_prepaid"),
            (Balance(id="prepaid", label="Prepaid", unit="eur", amount=d("-4.2")),),
        ),
        ({"amount": "1550"}, (Balance(id="prepaid", label="Prepaid", unit="usd", amount=d("15.5")),)),
        ({"amount": 0, "currency": None}, (Balance(id="prepaid", label="Prepaid", unit="usd", amount=d(0)),)),
        ({"amount": None, "currency": "USD"}, ()),
        ({}, ()),
        (None, ()),
        ([], ()),
    ],
)
def test_prepaid(body: Any, balances: tuple[Balance, ...]) -> None:
    assert parse({}, prepaid_=body).balances == balances


@pytest.mark.parametrize("amount", [0, -420])
def test_no_prepaid_money_beside_an_open_window_is_nothing_to_worry_about(amount: int) -> None:
    assert status(parse({"five_hour": window(5)}, prepaid_={"amount": amount})) == "ok"


def runs(used: Any, limit: int) -> Quota:
    return Quota(
        id="routine_runs",
        label="Routine runs",
        unit="requests",
        used=used,
        limit=d(limit),
        window_seconds=86400,
        partial=True,
    )


@pytest.mark.parametrize(
    ("body", "quotas"),
    [
        (payload("claude/web_run_budget"), (runs(d(2), 15),)),
        ({"limit": 15, "used": 2}, (runs(d(2), 15),)),
        ({"limit": "15"}, (runs(None, 15),)),
        ({"limit": "15", "used": "?"}, (runs(None, 15),)),
        *[({"limit": broken, "used": "2"}, ()) for broken in NO_NUMBERS],
        (None, ()),
    ],
)
def test_routine_runs(body: Any, quotas: tuple[Quota, ...]) -> None:
    assert parse({}, routines=body).quotas == quotas


def test_spent_routine_runs_stop_only_themselves() -> None:
    usage, weight = assess.judged(parse({}, routines={"limit": "15", "used": "15"}), SERVICE)
    assert (usage.quotas[0].status, weight) == ("exhausted", "low")


WEB = {"overage": "web_overage", "prepaid_": "web_prepaid", "routines": "web_run_budget"}


@pytest.mark.parametrize("name", WEB)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_anything_beside_the_windows_costs_its_own_entries_only(name: str, data: st.DataObject) -> None:
    answer = data.draw(mutated(payload(f"claude/{WEB[name]}")) | ANY_JSON)
    given_: dict[str, Any] = {name: answer}
    usage, alone = parse(payload("claude/web_usage"), **given_), parse(payload("claude/web_usage"))
    sound(usage)
    assert [(q.id, q.used) for q in usage.quotas[:3]] == [(q.id, q.used) for q in alone.quotas]
