"""What carries Codex beyond its windows: credits, free resets, spend controls, and the headers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.test_codex import MISSING, WHOLE, body, cap, free_resets, quota, read, status, wallet
from tests.support import NOW, d, payload, utc
from usagecli.model import Balance, Quota, Usage
from usagecli.providers._codex.usage import parse

# -- credits ----------------------------------------------------------------------------------------


def bought(block: Any) -> tuple[Balance, ...]:
    return read("nothing", credits=block).balances


def credits_block(**changes: Any) -> dict[str, Any]:
    found = {"has_credits": True, "unlimited": False, "balance": "831.25", **changes}
    return {name: value for name, value in found.items() if value is not MISSING}


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({}, "831.25"),
        ({"balance": 831.25}, "831.25"),
        ({"balance": "0"}, "0"),
        ({"balance": "-2.5"}, "-2.5"),
        ({"has_credits": False, "balance": "3"}, "3"),
        ({"has_credits": None, "balance": 3}, "3"),
    ],
)
def test_bought_credits(changes: dict[str, Any], amount: str) -> None:
    assert bought(credits_block(**changes)) == (wallet(amount),)


@pytest.mark.parametrize(
    "balance", [None, MISSING, "", "many", [], ["5"], {}, True, float("nan"), "Infinity"]
)
def test_a_balance_that_is_not_told_is_none_of_zero(balance: Any) -> None:
    """Members of a workspace have credits whose number they are not shown."""
    assert bought(credits_block(balance=balance)) == ()


@pytest.mark.parametrize("has_credits", [False, None, MISSING, "true", 1])
@pytest.mark.parametrize("balance", ["0", 0, "-1"])
def test_where_nothing_was_bought_there_is_no_balance(has_credits: Any, balance: Any) -> None:
    assert bought(credits_block(has_credits=has_credits, balance=balance)) == ()


@pytest.mark.parametrize(
    ("balance", "amount"), [(None, "0"), ("x", "0"), ("999", "999"), (MISSING, "0"), ("0", "0")]
)
@pytest.mark.parametrize("has_credits", [True, False])
def test_unlimited_credits(balance: Any, amount: str, has_credits: bool) -> None:
    (found,) = bought(credits_block(unlimited=True, balance=balance, has_credits=has_credits))
    assert (found.unlimited, found.amount) == (True, d(amount))


def test_a_zero_wallet_beside_an_open_plan_is_fine() -> None:
    assert status(read(credits=credits_block(balance="0"))) == "ok"
    assert status(read("nothing", credits=credits_block(balance="0"))) == "exhausted", "nothing else pays"


# -- free resets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (2, 2), ("3", 3)])
def test_free_resets_are_counted_and_not_judged(count: Any, expected: int) -> None:
    usage = read("nothing", rate_limit_reset_credits={"available_count": count})
    assert usage.balances == (free_resets(expected),)
    assert status(usage) == "ok"


@pytest.mark.parametrize("count", [None, MISSING, -1, "x", True, []])
def test_free_resets_that_are_not_told(count: Any) -> None:
    block = {} if count is MISSING else {"available_count": count}
    assert read("nothing", rate_limit_reset_credits=block).balances == ()


def lapses(*grants: Any) -> tuple[str, ...]:
    return parse(body(), now=NOW, resets={"credits": list(grants)}).notes


def grant(expires_at: Any, status_: str = "available") -> dict[str, Any]:
    return {"id": "RateLimitResetCredit_fake", "status": status_, "expires_at": expires_at}


def test_the_next_free_reset_to_lapse_is_named() -> None:
    usage = parse(body(), now=NOW, resets=payload("codex/reset_credits"))
    assert usage.notes == ("the next free reset lapses on 2026-12-01",)
    assert usage.balances == WHOLE["plus"].balances


@pytest.mark.parametrize(
    ("grants", "day"),
    [
        ([grant(1796083200)], "2026-12-01"),
        ([grant(1796083200000)], "2026-12-01"),
        ([grant("2026-11-21T07:59:59Z"), grant("2026-12-24T00:00:00Z")], "2026-12-24"),
        ([None, "x", grant("soon"), grant("2026-12-24T00:00:00Z")], "2026-12-24"),
        ([grant("2026-11-22T00:00:00Z", "redeemed"), grant("2026-11-23T00:00:00Z", "redeeming")], None),
        ([grant("2026-11-21T08:00:00Z")], None),  # now
        ([grant(None)], None),
        ([], None),
    ],
)
def test_only_free_resets_that_are_to_be_had_lapse(grants: list[Any], day: str | None) -> None:
    assert lapses(*grants) == (() if day is None else (f"the next free reset lapses on {day}",))


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"credits": None}, {"credits": {}}])
def test_free_resets_of_another_shape_are_left_out(answer: Any) -> None:
    assert parse(body(), now=NOW, resets=answer).notes == ()


# -- caps on paid use -------------------------------------------------------------------------------


LIMIT: dict[str, Any] = {"limit": "400", "used": "125.5", "remaining": "274.5", "used_percent": 31}
INDIVIDUAL = cap("individual", "individual", "125.5", "400", resets_at=None)


def caps(**control: Any) -> tuple[Quota, ...]:
    return read("nothing", spend_control=control).quotas


@pytest.mark.parametrize(
    ("changes", "used", "remaining", "percent"),
    [
        ({}, "125.5", "274.5", "31.375"),
        ({"limit": 400, "used": 125.5}, "125.5", "274.5", "31.375"),
        ({"limit": "10", "used": "10.72", "used_percent": 107}, "10.72", "0", "107.2"),
        ({"used": "0"}, "0", "400", "0"),
        ({"used": "-3"}, "0", "400", "0"),
        ({"used": None}, None, "274.5", "31"),
        ({"used": "x", "remaining": None, "used_percent": "31.5"}, None, None, "31.5"),
        ({"used": None, "remaining": "-4"}, None, "0", "31"),
        ({"used": None, "used_percent": None, "remaining_percent": 80}, None, "274.5", "20"),
        ({"used": None, "used_percent": "x", "remaining_percent": 180}, None, "274.5", None),
        ({"used": None, "used_percent": None, "remaining": None}, None, None, None),
    ],
)
def test_figures_of_a_cap(
    changes: dict[str, Any], used: str | None, remaining: str | None, percent: str | None
) -> None:
    """The amounts are more exact than the service's own percentages, which stand in for them."""
    (found,) = caps(individual_limit={**LIMIT, **changes})
    told = [None if text is None else d(text) for text in (used, remaining, percent)]
    assert [found.used, found.remaining, found.percent_used] == told
    assert (found.unit, found.window_seconds) == ("credits", None)


@pytest.mark.parametrize("limit", [None, "x", "0", 0, -5, MISSING, [], True, float("nan"), "Infinity"])
def test_a_limit_of_nothing_is_no_cap(limit: Any) -> None:
    found = {name: value for name, value in {**LIMIT, "limit": limit}.items() if value is not MISSING}
    assert caps(individual_limit=found) == ()


@pytest.mark.parametrize("sent", [250, 250.0, "250"])
def test_an_individual_limit_as_a_bare_number_is_the_limit_alone(sent: Any) -> None:
    assert caps(individual_limit=sent) == (cap("individual", "individual", None, "250", resets_at=None),)


NAMES = ("workspace_default", "role_budget", "workspace_shared", "group_default", "group_shared")


@pytest.mark.parametrize("name", NAMES)
def test_every_cap_has_an_id_of_its_own(name: str) -> None:
    sent = {"group_id": "grp-17", "details": LIMIT} if name.startswith("group") else LIMIT
    label = name.replace("_", " ")
    assert caps(**{f"{name}_limit": sent}) == (cap(name, label, "125.5", "400", resets_at=None),)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sent", [None, 250, "250", [], {}, {"details": 7}, {"details": None}])
def test_other_caps_are_objects(name: str, sent: Any) -> None:
    assert caps(**{f"{name}_limit": sent, "individual_limit": LIMIT}) == (INDIVIDUAL,)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"reset_at": 1796083200, "reset_after_seconds": 5}, "2026-12-01T00:00:00"),
        ({"resets_at": "1796083200"}, "2026-12-01T00:00:00"),
        ({"resets_at": "2026-12-01T00:00:00Z"}, "2026-12-01T00:00:00"),
        ({"reset_at": 0, "reset_after_seconds": 3600}, "2026-11-21T09:00:00"),
        ({}, None),
    ],
)
def test_when_a_cap_starts_anew(told: dict[str, Any], expected: str | None) -> None:
    (found,) = caps(individual_limit={**LIMIT, **told})
    assert found.resets_at == (utc(expected) if expected else None)


@pytest.mark.parametrize(
    ("root", "in_block", "in_control", "limit"),
    [
        (100, 200, 300, "100"),
        (None, 200, 300, "200"),
        (None, {"limit": "200"}, {"limit": "300"}, "200"),
        (None, None, 300, "300"),
        # One that cannot be used hides no other.
        ({}, {"limit": 0}, 300, "300"),
    ],
)
@pytest.mark.parametrize("spelling", ["rate_limit", "rate_limits"])
def test_where_the_individual_limit_stands(
    root: Any, in_block: Any, in_control: Any, limit: str, spelling: str
) -> None:
    answer = {
        "individual_limit": root,
        spelling: {"individual_limit": in_block},
        "spend_control": {"individual_limit": in_control},
    }
    assert [quota.limit for quota in parse(answer, now=NOW).quotas] == [d(limit)]


@pytest.mark.parametrize("name", ["individual", *NAMES])
def test_the_cap_that_is_reached_is_marked(name: str) -> None:
    answer = body("enterprise_usage_based")
    control = {**answer["spend_control"], "role_budget_limit": LIMIT}
    answer["spend_control"] = {**control, "reached": True, "reached_limit_type": name}
    usage = parse(answer, now=NOW)
    assert [quota.id for quota in usage.quotas if quota.reached] == [f"spend_control_{name}"]


@pytest.mark.parametrize(
    "control",
    [
        {"reached": False, "reached_limit_type": "individual"},
        {"reached": True, "reached_limit_type": None},
        {"reached": True, "reached_limit_type": ["individual"]},
        {"reached": True, "reached_limit_type": "brand_new"},
        {"reached": True},
    ],
)
def test_no_cap_is_marked_that_is_not_named(control: dict[str, Any]) -> None:
    assert caps(individual_limit=LIMIT, **control) == (INDIVIDUAL,)


CAPPED: list[dict[str, Any]] = [
    {"spend_control": {"reached": True}},
    {"credits": {"has_credits": True, "balance": None, "overage_limit_reached": True}},
]


@pytest.mark.parametrize("changes", CAPPED)
@pytest.mark.parametrize("case", ["plus", "plus_weekly_only", "team_spend_reached", "legacy"])
def test_a_reached_cap_beside_an_open_window_is_low(case: str, changes: dict[str, Any]) -> None:
    """Also where no cap has figures."""
    usage = read(case, **changes)
    assert (usage.stopped, usage.partly_stopped, status(usage)) == (False, True, "low")
    assert usage.notes == ("paid use has reached its cap",)


@pytest.mark.parametrize("changes", CAPPED)
def test_a_reached_cap_where_nothing_is_included_stops_the_account(changes: dict[str, Any]) -> None:
    usage = read("nothing", **changes)
    assert (usage.stopped, usage.partly_stopped, status(usage)) == (True, False, "exhausted")
    assert usage.notes == ("paid use has reached its cap",)


@pytest.mark.parametrize("changes", CAPPED)
def test_a_block_without_windows_is_no_usage_based_workspace(changes: dict[str, Any]) -> None:
    assert status(read("nothing", rate_limit={"allowed": True}, **changes)) == "low"


@pytest.mark.parametrize("case", ["plus", "enterprise_usage_based"])
def test_a_full_cap_alone_does_not_exhaust_the_account(case: str) -> None:
    usage = read(case, spend_control={"reached": False, "individual_limit": {"limit": 10, "used": 12}})
    assert status(usage) == "low"


def test_only_a_reached_overage_counts_for_the_pool() -> None:
    assert [read(**changes).overage_reached for changes in CAPPED] == [False, True]


# -- the month of a workspace member ----------------------------------------------------------------


def month(used: Any = "125.5", **cap_: Any) -> Any:
    return {
        "current_month_usage": used,
        "effective_monthly_limit": {"limit": "400", "enforcement_mode": "HARD_CAP", **cap_},
    }


def monthly(answer: Any) -> tuple[Quota, ...]:
    usage = parse(body("business_member"), now=NOW, monthly=answer)
    assert usage.quotas[:2] == WHOLE["business_member"].quotas
    return usage.quotas[2:]


@pytest.mark.parametrize(
    ("answer", "used"),
    [
        (payload("codex/monthly_usage"), "125.5"),
        (month(125.5, limit=400), "125.5"),
        (month(-3), "0"),
        (month(None), None),
        (month("x"), None),
        (month(450, enforcement_mode="SOFT_CAP"), "450"),
        (month(enforcement_mode=None), "125.5"),
    ],
)
def test_the_month_of_a_member(answer: Any, used: str | None) -> None:
    assert monthly(answer) == (cap("monthly", "monthly", used, "400", resets_at=None),)


@pytest.mark.parametrize(
    "answer",
    [
        *(month(limit=limit) for limit in (0, -1, None, "x")),
        *(month(enforcement_mode=mode) for mode in ("none", "OFF", "Disabled", "no_limit", "NO_LIMIT")),
        {"current_month_usage": 5},
        {"current_month_usage": 5, "effective_monthly_limit": 400},
        [],
        "x",
        None,
    ],
)
def test_a_month_without_a_cap(answer: Any) -> None:
    assert monthly(answer) == ()


# -- headers ----------------------------------------------------------------------------------------

HEADERS = {
    "x-codex-primary-used-percent": "37.5",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": "1795259550",
    "x-codex-secondary-used-percent": "64",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-after-seconds": "410400",
    "x-codex-bengalfox-primary-used-percent": "8",
    "x-codex-bengalfox-primary-window-minutes": "15",
    "x-codex-bengalfox-limit-name": "Spark",
    "x-codex-credits-has-credits": "True",
    "x-codex-credits-unlimited": "0",
    "x-codex-credits-balance": "12.5",
    "x-codex-plan-type": "plus",
    "x-codex-active-limit": "codex",
    "x-codex-promo-message": "hello",
}
FROM_HEADERS = Usage(
    quotas=(
        quota("five_hour", "5-hour limit", "37.5", 18_000, "2026-11-21T11:12:30"),
        quota("weekly", "Weekly limit", 64, 604_800, "2026-11-26T02:00:00"),
        Quota(
            id="codex_bengalfox_window_900s",
            label="Spark",
            unit="percent",
            scope="Spark",
            used=d(8),
            limit=d(100),
            window_seconds=900,
            partial=True,
        ),
    ),
    balances=(wallet("12.5"),),
    plan={"name": "Plus", "renewsAt": None},
)


def told(answer: Any, **changes: str) -> Usage:
    headers = {**HEADERS, **{f"x-codex-{name.replace('_', '-')}": text for name, text in changes.items()}}
    return parse(answer, now=NOW, headers=headers)


def test_headers_stand_in_for_what_the_body_lacks() -> None:
    usage = told({})
    assert (usage.quotas, usage.balances, usage.plan) == (
        FROM_HEADERS.quotas,
        FROM_HEADERS.balances,
        FROM_HEADERS.plan,
    )
    assert usage.contract == parse({}, now=NOW).contract, "the provider's own keys are the body's"


@pytest.mark.parametrize("case", ["plus", "pro_monthly", "review_as_additional", "team_spend_reached"])
def test_what_the_body_says_beats_the_headers(case: str) -> None:
    usage, plain = told(body(case)), read(case)
    assert usage.quotas[:2] == plain.quotas[:2]
    assert usage.plan == plain.plan
    assert usage.contract == plain.contract
    assert ("credits" in {b.id for b in usage.balances}) == (case == "plus")


def test_the_flags_of_the_body_mark_the_windows_of_the_headers() -> None:
    usage = told({"rate_limit": {"limit_reached": True}}, primary_used_percent="100")
    assert [quota.id for quota in usage.quotas if quota.reached] == ["five_hour"]


def test_windows_of_the_headers_are_included_ones() -> None:
    assert status(told({"spend_control": {"reached": True}})) == "low"


def test_a_reached_type_in_the_headers() -> None:
    usage = told({}, rate_limit_reached_type="workspace_member_credits_depleted")
    assert (usage.stopped, usage.notes) == (True, ("stopped: workspace member credits depleted",))


@pytest.mark.parametrize("zeros", [{}, {"x-codex-primary-window-minutes": "0"}])
def test_a_window_of_zeros_in_the_headers_is_none(zeros: dict[str, str]) -> None:
    assert parse({}, now=NOW, headers={"x-codex-primary-used-percent": "0", **zeros}).quotas == ()


def test_an_unused_window_in_the_headers_is_one() -> None:
    assert told({}, primary_used_percent="0.0").quotas[0].used == 0


@pytest.mark.parametrize("text", ["", "yes", "NaN"])
def test_unreadable_headers_cost_themselves_only(text: str) -> None:
    usage = told({}, primary_used_percent=text, credits_balance=text, secondary_window_minutes=text)
    assert [quota.id for quota in usage.quotas] == ["weekly", "codex_bengalfox_window_900s"]
    assert usage.balances == ()


@pytest.mark.parametrize(
    ("changes", "amounts"),
    [
        ({"credits_has_credits": "1"}, ["12.5"]),
        ({"credits_has_credits": "false", "credits_balance": "0"}, []),
        ({"credits_unlimited": "true", "credits_balance": ""}, ["0"]),
        ({"credits_has_credits": "x", "credits_unlimited": "x"}, []),
    ],
)
def test_credits_in_the_headers(changes: dict[str, str], amounts: list[str]) -> None:
    assert [balance.amount for balance in told({}, **changes).balances] == [d(text) for text in amounts]
