"""Z.ai's answers, one by one. How it is asked: test_zai_fetch.py; where keys stand: test_zai_keys.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, places, replaced, sound, survives
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Spend, Status, Usage
from usagecli.providers._zai.usage import parse

SERVICE = Service(name="zai", provider="zai")
SOON, WEEK, MONTH = utc("2026-11-21T11:10:00"), utc("2026-11-26T00:00:00"), utc("2026-12-05T00:00:00")
CASES = ("credits_pro", "credits_lite_spent", "tokens_max", "tokens_idle", "tokens_older_keys", "both_plans")
FIVE_HOUR: dict[str, Any] = {"id": "five_hour", "label": "5-hour limit", "window_seconds": 18000}
WEEKLY: dict[str, Any] = {
    "id": "weekly",
    "label": "Weekly limit",
    "window_seconds": 604800,
    "resets_at": WEEK,
}
TOOLS: dict[str, Any] = {
    "id": "mcp_monthly",
    "label": "MCP tools (monthly)",
    "scope": "mcp",
    "resets_at": MONTH,
    "partial": True,
}


def percent(used: int, **more: Any) -> Quota:
    """A window of which only the percentage is told."""
    return Quota(unit="percent", used=d(used), limit=d(100), **more)


def counted(unit: str, used: int, limit: int, remaining: int, **more: Any) -> Quota:
    return Quota(unit=unit, used=d(used), limit=d(limit), remaining=d(remaining), **more)


def calls(tool: str, amount: int) -> Spend:
    return Spend(id=f"mcp:{tool}", label=tool, unit="requests", amount=d(amount))


def plan_of(name: str, renews_at: str | None = None, status: str | None = None) -> dict[str, Any]:
    return {"name": name, "renewsAt": renews_at, "status": status}


PRO = Usage(
    quotas=(
        counted("credits", 2514, 12000, 9485, resets_at=SOON, **FIVE_HOUR),
        counted("credits", 21007, 60000, 38992, **WEEKLY),
    ),
    plan=plan_of("Pro"),
)
LITE_SPENT = Usage(
    quotas=(
        counted("credits", 0, 2000, 2000, **FIVE_HOUR),
        counted("credits", 10000, 10000, 0, reached=True, **WEEKLY),
    ),
    plan=plan_of("Lite"),
)
MAX = Usage(
    quotas=(
        percent(41, resets_at=SOON, **FIVE_HOUR),
        percent(12, **WEEKLY),
        counted("requests", 318, 4000, 3682, **TOOLS),
    ),
    spend=(calls("search-prime", 300), calls("web-reader", 11), calls("zread", 7)),
    plan=plan_of("Max"),
)
IDLE = Usage(
    quotas=(
        percent(0, **FIVE_HOUR),
        percent(93, **WEEKLY),
        counted("requests", 100, 100, 0, reached=True, **TOOLS),
    ),
    plan=plan_of("Lite"),
)
OLDER_KEYS = Usage(
    quotas=(
        counted("tokens", 13628365, 40000000, 26371635, resets_at=SOON, **FIVE_HOUR),
        percent(7, **TOOLS),
    ),
    plan=plan_of("GLM Coding Lite"),
)
BOTH_PLANS = Usage(
    quotas=(
        counted("credits", 1200, 12000, 10800, resets_at=SOON, **FIVE_HOUR),
        percent(64, resets_at=SOON, **{**FIVE_HOUR, "id": "tokens_5_3", "label": "Tokens (5 hours)"}),
        counted(
            "credits",
            30000,
            120000,
            90000,
            id="credit_2_6",
            label="Credits (2 weeks)",
            window_seconds=1209600,
            resets_at=WEEK,
        ),
    ),
    plan=plan_of("Pro"),
)


def recorded(case: str) -> Any:
    """The `data` of a recorded answer."""
    return payload(f"zai/{case}")["data"]


def entry(**fields: Any) -> dict[str, Any]:
    """A 5-hour window of credits, with these fields."""
    return {"type": "CREDIT_LIMIT", "unit": 3, "number": 5, **fields}


def read(*entries: Any) -> Usage:
    return parse({"level": "pro", "limits": list(entries)})


def only(**fields: Any) -> Quota:
    """The one quota of an answer with one such entry."""
    (quota,) = read(entry(**fields)).quotas
    return quota


def figures(quota: Quota) -> tuple[Any, ...]:
    """Unit, used, limit, remaining and the percentage used."""
    return quota.unit, quota.used, quota.limit, quota.remaining, quota.percent_used


def statuses(usage: Usage) -> tuple[list[Status | None], Status]:
    judged, weight = assess.judged(usage, SERVICE)
    return [quota.status for quota in judged.quotas], weight


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        ("credits_pro", PRO, "ok"),
        ("credits_lite_spent", LITE_SPENT, "exhausted"),
        ("tokens_max", MAX, "ok"),
        ("tokens_idle", IDLE, "low"),
        ("tokens_older_keys", OLDER_KEYS, "ok"),
        ("both_plans", BOTH_PLANS, "ok"),
        ("no_limits", Usage(), "ok"),
    ],
)
def test_parse(case: str, expected: Usage, weight: Status) -> None:
    assert parse(recorded(case)) == expected
    assert statuses(expected)[1] == weight


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (None, "data"),
        ([], "data"),
        ("<html>", "data"),
        ({}, "limits"),
        ({"limits": None}, "limits"),
        ({"limits": {}}, "limits"),
        ({"limits": [None]}, r"limits\[0\]"),
        ({"limits": [entry(percentage=1), "x"]}, r"limits\[1\]"),
    ],
)
def test_parse_names_the_broken_field(data: object, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        parse(data)


# -- figures ----------------------------------------------------------------------------------------


def test_usage_is_the_limit_and_current_value_is_what_is_used() -> None:
    quota = only(usage=12000, currentValue=3000)
    assert figures(quota) == ("credits", d(3000), d(12000), d(9000), d(25))


def test_the_remainder_is_the_vendor_s_even_where_it_is_off_by_one() -> None:
    assert only(usage=12000, currentValue=2514, remaining=9485).remaining == 9485


@pytest.mark.parametrize(
    ("fields", "used", "remaining", "percent_used"),
    [
        ({"currentValue": 150}, 150, 50, 75),
        ({"remaining": 150}, 50, 150, 25),
        ({"remaining": 250}, 0, 250, 0),
        ({"percentage": 40}, None, None, 40),
        ({"remaining": 150, "percentage": 24}, 50, 150, 24),
        ({"currentValue": 50, "percentage": 24}, 50, 150, 25),
        ({"currentValue": "50", "remaining": "149"}, 50, 149, 25),
        ({"currentValue": 50, "remaining": -1}, 50, 150, 25),
        ({}, None, None, None),
    ],
)
def test_what_is_not_told_comes_from_the_other_figures(
    fields: dict[str, Any], used: int | None, remaining: int | None, percent_used: int | None
) -> None:
    assert figures(only(usage=200, **fields)) == ("credits", used, 200, remaining, percent_used)


def test_the_percentage_is_computed_rather_than_the_vendor_s_rounded_one() -> None:
    assert only(usage=12000, currentValue=2514, percentage=20).percent_used == Decimal("20.95")


def test_use_beyond_the_limit_leaves_nothing_and_is_told_in_full() -> None:
    quota = only(usage=200, currentValue=210)
    assert figures(quota) == ("credits", d(210), d(200), d(0), d(105))
    assert quota.percent_remaining == 0


@pytest.mark.parametrize("kind", ["CREDIT_LIMIT", "TOKENS_LIMIT", "TIME_LIMIT"])
@pytest.mark.parametrize("usage", [None, "NaN", "much", True, -1, []])
def test_without_a_limit_the_unit_is_percent_whatever_the_type(kind: str, usage: Any) -> None:
    quota = only(type=kind, usage=usage, currentValue=7, remaining=9, percentage=41)
    assert figures(quota) == ("percent", d(41), d(100), d(59), d(41))


@pytest.mark.parametrize(
    ("kind", "unit"), [("CREDIT_LIMIT", "credits"), ("TOKENS_LIMIT", "tokens"), ("TIME_LIMIT", "requests")]
)
def test_with_a_limit_the_type_tells_the_unit(kind: str, unit: str) -> None:
    assert only(type=kind, usage=10, currentValue=1).unit == unit


@pytest.mark.parametrize("nothing", [{}, {"percentage": None}, {"percentage": "?", "remaining": 3}])
def test_an_entry_without_any_figure_is_an_error_and_not_zero(nothing: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match=r"^limits\[1\]: neither percentage nor currentValue and usage$"):
        read(entry(percentage=1), entry(**nothing))


def test_use_alone_is_unknown_and_not_zero() -> None:
    quota = only(currentValue=7)
    assert figures(quota) == ("percent", None, d(100), None, None)
    assert assess.quota_status(quota, d(10)) is None


# -- windows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "number", "unit", "id_", "label", "window"),
    [
        ("CREDIT_LIMIT", 5, 3, "five_hour", "5-hour limit", 18000),
        ("TOKENS_LIMIT", 5, 3, "five_hour", "5-hour limit", 18000),
        ("CREDIT_LIMIT", 1, 6, "weekly", "Weekly limit", 604800),
        ("TOKENS_LIMIT", "1", "6", "weekly", "Weekly limit", 604800),
        ("TIME_LIMIT", 1, 5, "mcp_monthly", "MCP tools (monthly)", None),
        # It is the tools' budget, never the model's 5-hour window.
        ("TIME_LIMIT", 5, 3, "time_5_3", "Tool calls (5 hours)", 18000),
        ("CREDIT_LIMIT", 2, 6, "credit_2_6", "Credits (2 weeks)", 1209600),
        ("TOKENS_LIMIT", 1, 3, "tokens_1_3", "Tokens (1 hour)", 3600),
        ("CREDIT_LIMIT", 1, 5, "credit_1_5", "Credits (1 month)", None),
        # Codes that nobody has confirmed have no length.
        ("CREDIT_LIMIT", 1, 4, "credit_1_4", "Credits (1 period)", None),
        ("TOKENS_LIMIT", 3, 1, "tokens_3_1", "Tokens (3 periods)", None),
        ("CREDIT_LIMIT", None, 3, "credit_3", "Credits", None),
        ("CREDIT_LIMIT", 0, 6, "credit_6", "Credits", None),
        ("CREDIT_LIMIT", 10**9, 6, "credit_6", "Credits", None),
        ("CREDIT_LIMIT", 5, None, "credit_5", "Credits (5 periods)", None),
        ("TOKENS_LIMIT", None, "x", "tokens", "Tokens", None),
    ],
)
def test_windows_are_told_apart_by_their_length(
    kind: str, number: Any, unit: Any, id_: str, label: str, window: int | None
) -> None:
    quota = only(type=kind, number=number, unit=unit, percentage=1)
    assert (quota.id, quota.label, quota.window_seconds) == (id_, label, window)
    assert quota.scope == ("mcp" if kind == "TIME_LIMIT" else None)


def test_their_place_in_the_answer_says_nothing() -> None:
    data = recorded("tokens_max")
    turned = parse({**data, "limits": data["limits"][::-1]})
    assert turned.quotas == MAX.quotas[::-1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1795259400000, SOON),
        ("1795259400000", SOON),
        (1795259400000.9, SOON),
        (1795259400, SOON),
        (None, None),
        (0, None),
        (-1, None),
        ("soon", None),
        (True, None),
        (10**30, None),
    ],
)
def test_a_reset_is_never_made_up(value: Any, expected: object) -> None:
    assert only(percentage=0, nextResetTime=value).resets_at == expected
    assert only(percentage=0).resets_at is None


@pytest.mark.parametrize("kind", ["SESSION_LIMIT", "credit_limit", "", None, 7, ["CREDIT_LIMIT"]])
def test_limits_of_other_types_are_ignored(kind: Any) -> None:
    """Even without a figure."""
    assert read(entry(type=kind)).quotas == ()


def test_an_older_revision_names_the_type_otherwise() -> None:
    assert read({**entry(percentage=3), "type": None, "name": "TOKENS_LIMIT"}).quotas[0].id == "five_hour"


def test_one_window_in_two_kinds_is_two_quotas() -> None:
    usage = read(entry(percentage=1), *(entry(type="TOKENS_LIMIT", percentage=n) for n in (2, 3, 4)))
    assert [(quota.id, quota.used) for quota in usage.quotas] == [
        ("five_hour", d(1)),
        ("tokens_5_3", d(2)),
        ("tokens_5_3_2", d(3)),
        ("tokens_5_3_3", d(4)),
    ]


# -- judged -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"percentage": 89}, "ok"),
        ({"percentage": 90}, "ok"),
        ({"percentage": 91}, "low"),
        ({"percentage": 99}, "low"),
        ({"percentage": 100}, "exhausted"),
        # Rounded down: 100 means spent, whatever the off-by-one remainder says.
        ({"percentage": 100, "usage": 200, "currentValue": 199, "remaining": 1}, "exhausted"),
        ({"percentage": 99, "usage": 200, "currentValue": 199, "remaining": 1}, "low"),
        ({"usage": 200, "currentValue": 200}, "exhausted"),
        ({"usage": 0, "currentValue": 0}, None),
        ({"usage": 0, "currentValue": 1}, "exhausted"),
        ({"usage": 200}, None),
    ],
)
def test_how_a_window_is_judged(fields: dict[str, Any], expected: Status | None) -> None:
    assert statuses(read(entry(**fields))) == ([expected], expected or "ok")


def test_spent_tool_calls_stop_only_part_of_the_work() -> None:
    usage = read(entry(percentage=5), entry(type="TIME_LIMIT", unit=5, number=1, percentage=100))
    assert statuses(usage) == (["ok", "exhausted"], "low")


# -- tool calls, plan, balance ----------------------------------------------------------------------


def tools(*details: Any, kind: str = "TIME_LIMIT") -> tuple[Spend, ...]:
    return read(entry(type=kind, percentage=1, usageDetails=list(details))).spend


def test_the_calls_of_each_tool() -> None:
    assert tools({"modelCode": "zread", "usage": "0"}, {"modelCode": "a", "usage": 2}) == (
        calls("zread", 0),
        calls("a", 2),
    )


@pytest.mark.parametrize(
    "detail",
    [None, 7, {}, {"modelCode": "zread"}, {"modelCode": "zread", "usage": "x"}, {"usage": 3}]
    + [{"modelCode": code, "usage": 3} for code in (None, "", " ", 5)],
)
def test_a_tool_without_a_name_or_a_figure_is_left_out(detail: Any) -> None:
    assert tools(detail, {"modelCode": "a", "usage": 2}) == (calls("a", 2),)


def test_a_tool_is_listed_once() -> None:
    assert tools(*({"modelCode": "a", "usage": n} for n in (2, 3))) == (calls("a", 2),)


def test_what_other_limits_detail_is_not_counted_in_calls() -> None:
    assert tools({"modelCode": "glm", "usage": 2}, kind="CREDIT_LIMIT") == ()


SUBSCRIBED = plan_of("GLM Coding Pro", "2026-12-04T00:00:00Z", "VALID")


def test_the_subscription_names_the_plan_and_its_renewal() -> None:
    assert parse(recorded("credits_pro"), subscriptions=recorded("subscription")).plan == SUBSCRIBED


@pytest.mark.parametrize(
    ("quotas", "rows", "expected"),
    [
        ({"level": "max"}, [], plan_of("Max")),
        ({"level": "max"}, None, plan_of("Max")),
        ({"level": "max"}, "x", plan_of("Max")),
        ({"level": "max"}, [None], plan_of("Max")),
        ({"level": "max"}, [{"productName": " ", "status": "EXPIRED"}], plan_of("Max", status="EXPIRED")),
        ({"level": "maxPlus"}, [], plan_of("MaxPlus")),
        ({"level": "max", "planName": "Other"}, [], plan_of("Max")),
        ({"level": None, "planName": "glm lite"}, [], plan_of("glm lite")),
        ({"plan": "glm lite", "plan_type": "x"}, [], plan_of("glm lite")),
        ({"plan_type": "glm lite", "packageName": "x"}, [], plan_of("glm lite")),
        ({"level": 7, "packageName": "glm lite"}, [], plan_of("glm lite")),
        ({"level": ""}, [], None),
        ({}, [{"nextRenewTime": "2026-12-04"}], {**SUBSCRIBED, "name": None, "status": None}),
        ({}, [{"productName": "A", "nextRenewTime": "?"}, {"productName": "B"}], plan_of("A")),
    ],
)
def test_the_plan_s_name(quotas: dict[str, Any], rows: Any, expected: Any) -> None:
    assert parse({"limits": [], **quotas}, subscriptions=rows).plan == expected


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        (recorded("account"), "86.52"),
        (recorded("account_older"), "0"),
        ({"availableBalance": 0, "balance": 7}, "0"),
        ({"availableBalance": "12.50"}, "12.50"),
        ({"availableBalance": -3.25}, "-3.25"),
        ({"availableBalance": "NaN", "balance": 7}, "7"),
    ],
)
def test_the_balance_in_yuan(body: Any, amount: str) -> None:
    usage = parse(recorded("credits_pro"), account=body)
    assert usage.balances == (Balance(id="account", label="Account balance", unit="cny", amount=d(amount)),)
    assert (usage.quotas, usage.notes) == (PRO.quotas, ())


@pytest.mark.parametrize("body", [{}, [], "x", {"availableBalance": None, "balance": None}])
def test_a_balance_without_a_figure_is_a_note_and_not_zero(body: Any) -> None:
    usage = parse(recorded("credits_pro"), account=body, notes=("first",))
    assert usage.balances == ()
    assert usage.notes == ("first", "the balance could not be read: the answer lacks a figure")


@pytest.mark.parametrize(("case", "expected"), [("credits_pro", "ok"), ("no_limits", "exhausted")])
def test_an_empty_wallet_matters_only_where_no_plan_pays(case: str, expected: Status) -> None:
    usage = parse(recorded(case), account={"availableBalance": 0})
    assert statuses(usage)[1] == expected


# -- whatever comes ---------------------------------------------------------------------------------


def needed(data: Any, path: tuple[Any, ...]) -> bool:
    """Whether a report cannot do without that place: the limits, and a limit's only figure."""
    match path:
        case () | ("limits",) | ("limits", _):
            return True
        case ("limits", index, "percentage"):
            limit = data["limits"][index]
            return "usage" not in limit and limit.get("type") != "SESSION_LIMIT"
    return False


@pytest.mark.parametrize(
    ("case", "path"), [(case, path) for case in CASES for path in places(recorded(case))]
)
def test_null_at_any_place(case: str, path: tuple[Any, ...]) -> None:
    data = recorded(case)
    usage = survives(lambda: parse(replaced(data, path, None)))
    assert (usage is None) == needed(data, path)


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_quotas(case: str, data: st.DataObject) -> None:
    quotas = data.draw(mutated(recorded(case)))
    survives(lambda: parse(quotas))


@given(
    subscriptions=mutated(recorded("subscription")) | ANY_JSON,
    account=mutated(recorded("account")) | ANY_JSON,
)
@settings(max_examples=200, deadline=None)
def test_anything_beside_the_quotas(subscriptions: Any, account: Any) -> None:
    usage = parse(recorded("tokens_max"), subscriptions=subscriptions, account=account)
    sound(usage)
    assert (usage.quotas, usage.spend) == (MAX.quotas, MAX.spend)
