"""Claude's answers, one by one. Money: test_claude_money.py. How it is asked: test_claude_fetch.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import mutated, places, replaced, sound, survives
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Spend, Status, Usage
from usagecli.providers._claude.usage import parse

SERVICE = Service(name="claude", provider="claude")
FIVE_HOURS, WEEK = 18000, 604800
SOON, MIDWEEK = utc("2026-11-21T11:30:00"), utc("2026-11-25T17:00:00")
CASES = [
    "max",
    "pro",
    "enterprise_usage",
    "enterprise_usage_spent",
    "enterprise_member_cap",
    "legacy",
    "named_windows",
    "web_usage",
]
NO_NUMBERS: list[Any] = [None, "", "soon", "NaN", True, [], {}, -1]


def percent(id_: str, label: str, used: str | int, resets_at: datetime | None, **more: Any) -> Quota:
    return Quota(id=id_, label=label, unit="percent", used=d(used), limit=d(100), resets_at=resets_at, **more)


def five_hour(used: str | int, resets_at: datetime | None = SOON, **more: Any) -> Quota:
    return percent("five_hour", "5-hour limit", used, resets_at, window_seconds=FIVE_HOURS, **more)


def weekly(used: str | int, resets_at: datetime | None = MIDWEEK, **more: Any) -> Quota:
    return percent("weekly", "Weekly limit", used, resets_at, window_seconds=WEEK, **more)


def part(id_: str, scope: str, used: str | int, resets_at: datetime | None = MIDWEEK) -> Quota:
    return percent(id_, f"Weekly ({scope})", used, resets_at, scope=scope, window_seconds=WEEK, partial=True)


def extra_usage(used: str | int, limit: str | int, unit: str = "usd", **more: Any) -> Quota:
    return Quota(id="extra_usage", label="Extra usage", unit=unit, used=d(used), limit=d(limit), **more)


def extra_spend(amount: str | int, unit: str = "usd") -> Spend:
    return Spend(id="extra_usage", label="Extra usage", unit=unit, amount=d(amount))


LEGACY_WEEK = utc("2026-11-24T03:59:59")
EXPECTED: dict[str, tuple[Usage, Status]] = {
    "max": (
        Usage(
            quotas=(
                five_hour(23, partial=True),
                weekly(51, partial=True),
                part("weekly_fable", "Fable", 77),
                extra_usage("13.15", 40, partial=True),
            ),
            source="oauth",
        ),
        "ok",
    ),
    "pro": (
        Usage(
            quotas=(five_hour(8, utc("2026-11-21T12:10:00")), weekly("96.5", utc("2026-11-24T09:00:00"))),
            source="oauth",
        ),
        "low",
    ),
    "enterprise_usage": (Usage(quotas=(extra_usage("412.5", 500),), source="oauth"), "ok"),
    "enterprise_usage_spent": (
        Usage(
            quotas=(extra_usage("21.63", 20, reached=True),),
            source="oauth",
            stopped=True,
            overage_reached=True,
            notes=("extra usage is off: spend_limit_reached",),
        ),
        "exhausted",
    ),
    "enterprise_member_cap": (Usage(quotas=(five_hour(42), weekly(12)), source="oauth"), "ok"),
    "legacy": (
        Usage(
            quotas=(
                five_hour(100, utc("2026-11-21T09:59:59"), partial=True),
                weekly(35, LEGACY_WEEK, partial=True),
                part("weekly_opus", "Opus", "62.5", LEGACY_WEEK),
                part("weekly_sonnet", "Sonnet", 0, None),
                part("weekly_cowork", "Cowork", 11, LEGACY_WEEK),
                part("weekly_oauth_apps", "OAuth apps", 4, LEGACY_WEEK),
            ),
            spend=(extra_spend("2.63"),),
            source="oauth",
        ),
        "low",
    ),
    "named_windows": (
        Usage(
            quotas=(
                five_hour(3),
                weekly(19),
                percent("tangelo", "tangelo", 100, MIDWEEK, partial=True),
                Quota(
                    id="iguana_necktie",
                    label="iguana_necktie",
                    unit="usd",
                    used=d("77.35"),
                    limit=d(250),
                    remaining=d("172.65"),
                    percent_used=d("30.94"),
                    resets_at=utc("2026-12-01T00:00:00"),
                    partial=True,
                ),
                percent("omelette_promotional", "omelette_promotional", 0, MIDWEEK, partial=True),
            ),
            spend=(extra_spend("5.4", "eur"),),
            source="oauth",
        ),
        "low",
    ),
    "web_usage": (
        Usage(quotas=(five_hour(64), weekly(12), part("weekly_claude_fable_1", "Fable", 5)), source="oauth"),
        "ok",
    ),
}


def window(used: Any, resets_at: Any = None, **more: Any) -> dict[str, Any]:
    return {"utilization": used, "resets_at": resets_at, **more}


def entry(kind: str, used: Any, resets_at: Any = None, **model: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "percent": used,
        "resets_at": resets_at,
        "scope": {"model": model} if model else None,
    }


def scoped(used: Any, name: Any, id_: Any = None) -> dict[str, Any]:
    return entry("weekly_scoped", used, display_name=name, id=id_)


def ids(usage: Usage) -> list[str]:
    return [quota.id for quota in usage.quotas]


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    expected, weight = EXPECTED[case]
    usage = parse(payload(f"claude/{case}"))
    assert usage == expected
    assert status(usage) == weight


@pytest.mark.parametrize("body", [None, [], "<html>", 7, True])
def test_parse_names_the_broken_field(body: Any) -> None:
    with pytest.raises(PayloadError, match="^body: "):
        parse(body)


def test_no_window_and_no_money_is_a_report_without_figures() -> None:
    assert parse({}) == Usage(source="oauth")
    assert status(parse({})) == "ok"


# -- the windows of the plan ------------------------------------------------------------------------


@pytest.mark.parametrize("used", [0, 0.5, 33.333333, 99.9, 100, 104.2, "23.0"])
def test_a_utilization_is_a_percentage_as_it_stands(used: Any) -> None:
    """Never a fraction of 1, and what remains is never below nothing."""
    (found,) = parse({"seven_day": window(used)}).quotas
    number = Decimal(str(used))
    assert (found.used, found.percent_used, found.limit) == (number, number, d(100))
    assert found.remaining == max(Decimal(0), 100 - number)


@pytest.mark.parametrize(
    ("resets_at", "expected"),
    [
        ("2026-11-21T11:30:00.999999+00:00", "2026-11-21T11:30:00"),
        ("2026-11-21T13:30:00+02:00", "2026-11-21T11:30:00"),
        ("2026-11-21T11:30:00Z", "2026-11-21T11:30:00"),
        ("2026-11-21T11:30:00", "2026-11-21T11:30:00"),
        (1795260600, "2026-11-21T11:30:00"),
        (1795260600000, "2026-11-21T11:30:00"),
        (1795260600.75, "2026-11-21T11:30:00"),
        ("1795260600", "2026-11-21T11:30:00"),
        *[(broken, None) for broken in (*NO_NUMBERS, 0, "2026-13-45")],
    ],
)
def test_when_a_window_resets(resets_at: Any, expected: str | None) -> None:
    usage = parse(
        {"five_hour": window(5, resets_at), "limits": [{**scoped(5, "Fable"), "resets_at": resets_at}]}
    )
    assert [found.resets_at for found in usage.quotas] == [utc(expected) if expected else None] * 2


@pytest.mark.parametrize("used", NO_NUMBERS)
def test_a_window_without_a_figure_is_left_out(used: Any) -> None:
    """Not shown as 0 %, nor taken from `limits`: the answer does have the window."""
    body = {"five_hour": window(used), "seven_day": window(5), "limits": [entry("session", 40)]}
    assert parse(body).quotas == (weekly(5, None),)


@pytest.mark.parametrize(
    "named", [{}, {"five_hour": None, "seven_day": None}, {"five_hour": [], "seven_day": 3}]
)
def test_without_named_windows_the_limits_say_it(named: dict[str, Any]) -> None:
    limits = [entry("weekly_all", 51, "2026-11-25T17:00:00Z"), entry("session", 23, "2026-11-21T11:30:00Z")]
    assert parse({**named, "limits": limits}).quotas == (five_hour(23), weekly(51))


def test_a_named_window_wins_over_the_limits() -> None:
    body = {"five_hour": window(23.4), "limits": [entry("session", 23), entry("weekly_all", 51)]}
    assert parse(body).quotas == (five_hour("23.4", None), weekly(51, None))


@pytest.mark.parametrize("used", NO_NUMBERS)
def test_an_entry_of_limits_without_a_figure_costs_itself_only(used: Any) -> None:
    limits = [entry("session", used), scoped(used, "Fable"), entry("weekly_all", 51), scoped(7, "Opus")]
    assert parse({"limits": limits}).quotas == (weekly(51, None), part("weekly_opus", "Opus", 7, None))


@pytest.mark.parametrize("limits", [None, {}, "none", [None, 3, [], "x", {}], [{"kind": ["session"]}]])
def test_limits_of_another_shape(limits: Any) -> None:
    assert parse({"five_hour": window(5), "limits": limits}).quotas == (five_hour(5, None),)


def test_enterprise_without_windows_has_no_bars_of_nothing() -> None:
    assert ids(parse(payload("claude/enterprise_usage"))) == ["extra_usage"]


# -- windows of a part of the work ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "id_", "slug"),
    [
        ("Fable", None, "fable"),
        ("Fable 2.1 (preview)", None, "fable_2_1_preview"),
        ("Fable", "claude-fable-2", "claude_fable_2"),
        ("Fable", "", "fable"),
        ("Fable", 5, "fable"),
        ("Fable", "···", "fable"),
    ],
)
def test_a_scoped_window_is_named_after_its_model(name: str, id_: Any, slug: str) -> None:
    assert parse({"limits": [scoped(7, name, id_)]}).quotas == (part(f"weekly_{slug}", name, 7, None),)


def test_a_group_says_nothing_more() -> None:
    plain = parse({"limits": [scoped(7, "Fable")]})
    assert parse({"limits": [{**scoped(7, "Fable"), "group": "weekly"}]}) == plain


@pytest.mark.parametrize(
    "entry_",
    [
        scoped(7, None),
        scoped(7, " "),
        scoped(7, 12),
        scoped(7, "···"),
        scoped(7, "All models"),
        scoped(7, "All Models", "claude-all"),
        scoped(7, "Everything", "all-models"),
        {"kind": "weekly_scoped", "percent": 7},
        {"kind": "weekly_scoped", "percent": 7, "scope": {"model": None, "surface": "web"}},
        {"kind": "weekly_scoped", "percent": 7, "scope": []},
        entry("monthly_scoped", 7, display_name="Fable"),
    ],
)
def test_what_is_no_window_of_one_model(entry_: dict[str, Any]) -> None:
    assert parse({"limits": [entry_, scoped(3, "Opus")]}).quotas == (part("weekly_opus", "Opus", 3, None),)


def test_of_the_same_model_twice_the_first_counts() -> None:
    usage = parse({"limits": [scoped(7, "Fable"), scoped(99, "FABLE"), scoped(3, "Opus")]})
    assert [(found.id, found.used) for found in usage.quotas] == [
        ("weekly_fable", d(7)),
        ("weekly_opus", d(3)),
    ]


@pytest.mark.parametrize(
    ("key", "id_", "scope"),
    [
        ("seven_day_opus", "weekly_opus", "Opus"),
        ("seven_day_sonnet", "weekly_sonnet", "Sonnet"),
        ("seven_day_cowork", "weekly_cowork", "Cowork"),
        ("seven_day_routines", "weekly_cowork", "Cowork"),
        ("seven_day_oauth_apps", "weekly_oauth_apps", "OAuth apps"),
    ],
)
@pytest.mark.parametrize("used", [0, 41.5])
def test_weekly_windows_under_keys_of_their_own(key: str, id_: str, scope: str, used: float) -> None:
    assert parse({key: window(used)}).quotas == (part(id_, scope, str(used), None),)


@pytest.mark.parametrize("used", NO_NUMBERS)
def test_cowork_under_either_of_its_keys(used: Any) -> None:
    routines = {"seven_day_routines": window(30)}
    expected = (part("weekly_cowork", "Cowork", 30, None),)
    assert parse({"seven_day_cowork": window(used), **routines}).quotas == expected
    assert parse({**routines, "seven_day_cowork": window(20)}).quotas[0].used == 20


@pytest.mark.parametrize(("name", "id_"), [("Opus", None), ("opus", "claude-opus-5")])
def test_the_limits_win_over_a_model_s_own_key(name: str, id_: str | None) -> None:
    body = {"seven_day_opus": window(10), "seven_day_sonnet": window(4), "limits": [scoped(60, name, id_)]}
    assert [(found.scope, found.used) for found in parse(body).quotas] == [(name, d(60)), ("Sonnet", d(4))]


def test_a_model_s_own_key_stands_in_for_a_broken_entry() -> None:
    body = {"seven_day_opus": window(10), "limits": [scoped(None, "Opus")]}
    assert parse(body).quotas == (part("weekly_opus", "Opus", 10, None),)


# -- windows under other names ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (window(0.1), True),
        (window(0, "2026-11-25T17:00:00Z"), True),
        (window(0), False),
        (window(None, "2026-11-25T17:00:00Z"), False),
        (window("n/a", "2026-11-25T17:00:00Z"), False),
        (window(True, "2026-11-25T17:00:00Z"), False),
        ({}, False),
        (None, False),
        ([window(7)], False),
        ("7", False),
    ],
)
def test_a_window_of_an_unknown_name_is_shown_once_it_was_used_or_begun(found: Any, shown: bool) -> None:
    usage = parse({"cinder_cove": found})
    assert ids(usage) == (["cinder_cove"] if shown else [])
    assert all((q.label, q.scope, q.window_seconds) == ("cinder_cove", None, None) for q in usage.quotas)


@pytest.mark.parametrize(
    "key", ["seven_day_omelette", "seven_day_breakdown", "cedar_ember", "spend", "extra_usage"]
)
def test_what_is_no_window_of_its_own(key: str) -> None:
    assert parse({key: window(50, "2026-11-25T17:00:00Z")}) == Usage(source="oauth")


@pytest.mark.parametrize(
    ("used", "left", "expected"),
    [
        (77.5, 172.5, ("77.5", "172.5", "31")),
        (77.5, None, ("77.5", "172.5", "31")),
        (275, -25, ("275", "0", "110")),
        (None, 172.5, (None, "172.5", "30")),
        (None, None, (None, None, "30")),
        ("?", "?", (None, None, "30")),
    ],
)
def test_a_window_in_dollars(used: Any, left: Any, expected: tuple[str | None, ...]) -> None:
    dollars = {"limit_dollars": 250, "used_dollars": used, "remaining_dollars": left}
    (found,) = parse({"iguana_necktie": window(30, **dollars)}).quotas
    assert (found.unit, found.limit) == ("usd", d(250))
    assert (found.used, found.remaining, found.percent_used) == tuple(
        None if text is None else d(text) for text in expected
    )


@pytest.mark.parametrize("limit", [*NO_NUMBERS, 0])
def test_without_a_limit_in_dollars_the_percentage_counts(limit: Any) -> None:
    body = {"tangelo": window(30, limit_dollars=limit, used_dollars=75)}
    assert parse(body).quotas == (percent("tangelo", "tangelo", 30, None, partial=True),)


# -- the plan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscription", "tier", "seat", "name"),
    [
        ("max", "default_claude_max_20x", None, "Max 20x"),
        ("max", "default_claude_max_5x", None, "Max 5x"),
        ("max", None, None, "Max"),
        ("pro", "default_claude_pro", None, "Pro"),
        ("team", "default_raven", None, "Team"),
        ("enterprise", None, None, "Enterprise"),
        (None, "default_claude_max_5x", None, "Max 5x"),
        (None, "default_claude_pro", None, "Pro"),
        (None, "default_claude_Team", None, "Team"),
        (None, "claude_enterprise", None, "Enterprise"),
        (None, "default_free", None, "Free"),
        (None, "default_raven", None, None),
        (None, None, None, None),
        (None, "default_claude_max_5x", "team_standard", "Team Standard"),
        (None, None, "team_tier_1", "Team Premium"),
        (None, "default_claude_max_5x", "team_tier_9", "Max 5x"),
    ],
)
def test_the_plan(subscription: str | None, tier: str | None, seat: str | None, name: str | None) -> None:
    expected = None if name is None else {"name": name, "renewsAt": None}
    assert parse({}, subscription=subscription, tier=tier, seat=seat).plan == expected


# -- whatever it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_any_field_may_be_null(case: str) -> None:
    recorded = payload(f"claude/{case}")
    for path in places(recorded)[1:]:
        usage = parse(replaced(recorded, path, None))
        sound(usage)
        # Nothing new is made of what is missing, least of all a window of which nothing is used.
        before = EXPECTED[case][0].quotas
        assert len(usage.quotas) <= len(before)
        assert {q.id for q in usage.quotas if q.used == 0} <= {q.id for q in before if q.used == 0}


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_answer(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"claude/{case}")))
    survives(lambda: parse(body))
