"""Kiro's replies, and what its programs tell by themselves. How it is asked: test_kiro_fetch.py."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import NotConfigured, PayloadError
from usagecli.model import Quota, Service, Spend, Usage, plan
from usagecli.providers._kiro import program
from usagecli.providers._kiro.usage import parse, still

RESET = utc("2026-12-02T00:00:00")
WARNED = ("what the plan's figure counts as used also holds what bonus credits paid for",)


def quota(
    id_: str, label: str, used: str, limit: str, resets_at: Any = RESET, unit: str = "credits"
) -> Quota:
    return Quota(id=id_, label=label, unit=unit, used=d(used), limit=d(limit), resets_at=resets_at)


POWER = Usage(
    quotas=(
        # Overage is no part of it: all of the plan is used, and not 104 %.
        quota("credits", "Credits", "1000.00", "1000.0"),
        quota("overage", "Overage", "40.25", "1000.0"),
    ),
    spend=(Spend(id="overage", label="Overage (at most 40.00)", unit="usd", amount=d("1.61"), until=RESET),),
    account="ada@example.com",
    plan=plan("KIRO POWER"),
    source="oauth",
)
FREE = Usage(
    quotas=(
        quota("credits", "Credits", "12.5", "50"),
        quota("trial", "Trial credits", "110.75", "500", utc("2026-12-12T00:00:00")),
        quota("bonus", "Welcome", "20.5", "100", utc("2026-12-15T00:00:00")),
        quota("bonus_2", "Bonus credits 2", "1", "10", utc("2026-12-20T00:00:00")),
    ),
    plan=plan("KIRO FREE"),
    notes=WARNED,
    source="oauth",
)
REQUESTS = Usage(
    quotas=(quota("credits", "Agentic requests", "250", "1000", unit="requests"),),
    plan=plan("Q DEVELOPER PRO"),
    source="oauth",
)
CASES = {"power": POWER, "free": FREE, "requests": REQUESTS}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(payload(f"kiro/{case}")) == CASES[case]


def entry(case: str = "power", **change: Any) -> dict[str, Any]:
    """A recorded reply with these fields of its one allowance."""
    reply = payload(f"kiro/{case}")
    return {**reply, "usageBreakdownList": [{**reply["usageBreakdownList"][0], **change}]}


def without(reply: dict[str, Any], *names: str) -> dict[str, Any]:
    (row,) = reply["usageBreakdownList"]
    return {**reply, "usageBreakdownList": [{k: v for k, v in row.items() if k not in names}]}


# -- the plan ---------------------------------------------------------------------------------------


def test_the_exact_twin_wins() -> None:
    assert parse(entry(currentUsageWithPrecision="1040.75")).quotas[0].used == d("1000.50")
    rough = without(
        entry(), "currentUsageWithPrecision", "currentOveragesWithPrecision", "usageLimitWithPrecision"
    )
    assert parse(rough).quotas[0].used == d(1000)


def test_a_spent_plan_is_exhausted_whatever_else_pays() -> None:
    judged, weight = assess.judged(parse(payload("kiro/power")), Service(name="kiro", provider="kiro"))
    assert ([found.status for found in judged.quotas], weight) == (["exhausted", "ok"], "exhausted")


def test_use_may_pass_the_limit_where_bonuses_paid() -> None:
    bonus = {"currentUsage": 100, "usageLimit": 100, "status": "EXHAUSTED"}
    found = parse(entry("free", currentUsageWithPrecision=70, bonuses=[bonus]))
    assert (found.quotas[0].used, found.quotas[0].percent_used, found.notes) == (d(70), d(140), WARNED)


def test_a_plan_of_nothing_has_no_percentage() -> None:
    first = parse(entry("free", usageLimit=0, usageLimitWithPrecision=0)).quotas[0]
    assert (first.limit, first.percent_used) == (d(0), None)


def test_beside_credits_nothing_else_counts() -> None:
    reply = payload("kiro/power")
    requests = payload("kiro/requests")["usageBreakdownList"][0]
    both = {**reply, "usageBreakdownList": [requests, *reply["usageBreakdownList"], {"resourceType": "SPEC"}]}
    assert parse(both) == POWER


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (1.7961696e9, 1.7970336e9, "2026-12-12T00:00:00"),
        (1.7961696e9, None, "2026-12-02T00:00:00"),
        (None, 1.7961696e9, "2026-12-02T00:00:00"),
        ("2026-12-01T00:00:00.000Z", None, "2026-12-01T00:00:00"),
        (None, None, None),
    ],
)
def test_the_entry_s_reset_wins(outer: Any, inner: Any, expected: str | None) -> None:
    found = parse({**entry(nextDateReset=inner), "nextDateReset": outer}).quotas[0]
    assert found.resets_at == (expected and utc(expected))


@pytest.mark.parametrize(
    "change",
    [
        {"nextDateReset": 1796169600000},
        {"nextDateReset": 0},
        {"nextDateReset": -5},
        {"nextDateReset": 1.7e8},
        {"nextDateReset": "soon"},
        {"nextDateReset": True},
        {"currentUsageWithPrecision": -1},
        {"currentUsageWithPrecision": None, "currentUsage": None},
        {"currentUsageWithPrecision": None, "currentUsage": "many"},
        {"usageLimitWithPrecision": -1},
        {"usageLimitWithPrecision": None, "usageLimit": None},
        {"currentOveragesWithPrecision": 1040.5},
        {"currentOveragesWithPrecision": -1},
    ],
)
def test_figures_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match="^(nextDateReset|currentUsage|usageLimit|currentOverages): "):
        parse(entry(**change))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        None,
        {},
        [7],
        [{"resourceType": "SPEC", "currentUsage": 1, "usageLimit": 2}],
        payload("kiro/power")["usageBreakdownList"] * 2,
    ],
)
def test_a_list_that_cannot_be(rows: Any) -> None:
    with pytest.raises(PayloadError, match="^usageBreakdownList"):
        parse({**payload("kiro/power"), "usageBreakdownList": rows})


# -- what else pays ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cap", "ids"),
    [
        ("ENABLED", 1000, ["credits", "overage"]),
        ("ENABLED", 0, ["credits"]),
        ("ENABLED", None, ["credits"]),
        ("DISABLED", 1000, ["credits"]),
        (None, 1000, ["credits"]),
    ],
)
def test_overage(status: Any, cap: Any, ids: list[str]) -> None:
    """It is taken off the plan's figure in any case."""
    reply = entry(overageCapWithPrecision=cap, overageCap=cap)
    found = parse({**reply, "overageConfiguration": {"overageStatus": status}})
    assert [entry_.id for entry_ in found.quotas] == ids
    assert found.quotas[0].used == d(1000)


@pytest.mark.parametrize(
    ("change", "label", "unit"),
    [
        ({}, "Overage (at most 40.00)", "usd"),
        ({"currency": "EUR"}, "Overage (at most 40.00)", "eur"),
        ({"overageRate": None}, "Overage", "usd"),
        ({"overageCapWithPrecision": 0}, "Overage", "usd"),
        ({"overageCharges": 0}, None, None),
        ({"overageCharges": None}, None, None),
        ({"currency": None}, None, None),
        ({"currency": "credits"}, None, None),
    ],
)
def test_what_the_overage_costs(change: dict[str, Any], label: Any, unit: Any) -> None:
    found = parse(entry(**change)).spend
    assert [(spend.label, spend.unit, spend.amount) for spend in found] == (
        [(label, unit, d("1.61"))] if label else []
    )


@pytest.mark.parametrize(
    "trial",
    [
        None,
        {},
        {"freeTrialStatus": "EXPIRED", "currentUsage": 1, "usageLimit": 2},
        {"freeTrialStatus": "ACTIVE"},
    ],
)
def test_no_trial(trial: Any) -> None:
    assert "trial" not in [found.id for found in parse(entry("free", freeTrialInfo=trial)).quotas]


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_any_json_at_any_place_is_read_or_refused(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"kiro/{case}")))
    survives(lambda: still(parse(body), NOW))


# -- figures that were written down earlier ---------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "ids"),
    [
        ("2026-12-01T23:59:59", ["credits", "trial", "bonus", "bonus_2"]),
        ("2026-12-02T00:00:00", ["trial", "bonus", "bonus_2"]),
        ("2026-12-15T00:00:00", ["bonus_2"]),
    ],
)
def test_what_came_back_or_expired_since_is_left_out(now: str, ids: list[str]) -> None:
    found = still(FREE, utc(now))
    assert [entry_.id for entry_ in found.quotas] == ids
    assert (found.notes == WARNED) == (len(ids) == 4)


# -- what kiro-cli prints ---------------------------------------------------------------------------

BOX = """\x1b[38;5;141m
╭──────────────────────────────────────────────────────────────────╮
│ Estimated Usage | resets on 2026-12-01 | KIRO PRO                │
│                                                                  │
│ 🎁 Bonus credits: 20.5/500 credits used, expires in 9 days       │
│ Credits (\x1b[1m1,012.25\x1b[0m of 2,000 covered in plan)        │
│ ████████████████████░░░░░░░░░░░░░░░░░░░░░ 50%                    │
│ Overages: Enabled billed at $0.04 per request                    │
╰──────────────────────────────────────────────────────────────────╯
"""


def test_the_box_of_kiro_cli() -> None:
    assert program.parse(BOX) == Usage(
        quotas=(
            quota("credits", "Credits", "1012.25", "2000", utc("2026-12-01T00:00:00")),
            quota("bonus", "Bonus credits", "20.5", "500", None),
        ),
        plan=plan("KIRO PRO"),
        source="local",
    )


@pytest.mark.parametrize(
    ("text", "plan_", "reset"),
    [
        ("Credits (0.00 of 50 covered in plan)", None, None),
        (
            "Estimated Usage | resets on soon | KIRO FREE\nCredits (0.00 of 50 covered in plan)",
            "KIRO FREE",
            None,
        ),
    ],
)
def test_a_box_without_ornaments(text: str, plan_: str | None, reset: Any) -> None:
    found = program.parse(text)
    assert found.quotas == (quota("credits", "Credits", "0.00", "50", reset),)
    assert found.plan == (plan(plan_) if plan_ else None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("error: You are not logged in, please log in with kiro-cli login", NotConfigured),
        ("Welcome to Kiro!", PayloadError),
        ("", PayloadError),
    ],
)
def test_a_text_without_figures(text: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        program.parse(text)


@given(
    text=st.lists(
        st.sampled_from([*BOX.split(" "), "\n", "\x1b[1m", "999999999999999999999"]), max_size=40
    ).map(" ".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(NotConfigured):
        survives(lambda: program.parse(text))
