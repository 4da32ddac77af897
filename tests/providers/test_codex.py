"""Codex's answers as a whole, and its windows. Credits and caps: test_codex_credits.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Status, Usage
from usagecli.providers._codex.usage import parse, plan_name

SERVICE = Service(name="work", provider="codex")
MISSING = object()
FIVE_HOURS, WEEK, MONTH = 18_000, 604_800, 2_592_000


def body(case: str = "plus", **changes: Any) -> dict[str, Any]:
    """A recorded answer with some fields changed or, as MISSING, left out."""
    found = {**payload(f"codex/{case}"), **changes}
    return {name: value for name, value in found.items() if value is not MISSING}


def read(case: str = "plus", **changes: Any) -> Usage:
    return parse(body(case, **changes), now=NOW)


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


def quota(
    id_: str, label: str, used: str | int, seconds: int | None, resets_at: str, **changes: Any
) -> Quota:
    given: dict[str, Any] = {"unit": "percent", "used": d(used), "limit": d(100), "window_seconds": seconds}
    return Quota(id=id_, label=label, **given, resets_at=utc(resets_at), **changes)


def cap(id_: str, label: str, used: str | None, limit: str, **changes: Any) -> Quota:
    return Quota(
        id=f"spend_control_{id_}",
        label=f"Spend limit ({label})",
        unit="credits",
        used=None if used is None else d(used),
        limit=d(limit),
        **{"resets_at": utc("2026-12-01T00:00:00"), "partial": True, **changes},
    )


def wallet(amount: str) -> Balance:
    return Balance(id="credits", label="Credits", unit="credits", amount=d(amount))


def free_resets(count: int) -> Balance:
    return Balance(id="reset_credits", label="Free resets", unit="requests", amount=d(count), judged=False)


def plan(name: str) -> dict[str, Any]:
    return {"name": name, "renewsAt": None}


FIVE_HOUR = quota("five_hour", "5-hour limit", 37, FIVE_HOURS, "2026-11-21T11:12:30")
WEEKLY = quota("weekly", "Weekly limit", 64, WEEK, "2026-11-26T02:00:00")
SPARK = "GPT-5.3-Codex-Spark"
MODEL: dict[str, Any] = {"scope": SPARK, "partial": True}
REVIEW: dict[str, Any] = {"scope": "code_review", "partial": True}
WHOLE: dict[str, Usage] = {
    "plus": Usage(
        quotas=(
            FIVE_HOUR,
            WEEKLY,
            quota("codex_bengalfox_five_hour", SPARK, 8, FIVE_HOURS, "2026-11-21T13:00:00", **MODEL),
            quota("codex_bengalfox_weekly", SPARK, 3, WEEK, "2026-11-28T08:00:00", **MODEL),
        ),
        balances=(wallet("831.25"), free_resets(1)),
        plan=plan("Plus"),
    ),
    "plus_weekly_only": Usage(
        quotas=(quota("weekly", "Weekly limit", 41, WEEK, "2026-11-26T02:00:00"),),
        balances=(free_resets(0),),
        plan=plan("Plus"),
    ),
    "plus_limit_reached": Usage(
        quotas=(
            quota("five_hour", "5-hour limit", 100, FIVE_HOURS, "2026-11-21T08:41:00", reached=True),
            WEEKLY,
        ),
        balances=(free_resets(0),),
        plan=plan("Plus"),
        stopped=True,
    ),
    "pro_monthly": Usage(
        quotas=(
            quota("monthly", "Monthly limit", "12.5", MONTH, "2026-12-05T08:00:00"),
            quota("weekly", "Weekly limit", 55, WEEK, "2026-11-24T08:00:00"),
            quota("code_review", "Code review", 100, WEEK, "2026-11-22T08:00:00", reached=True, **REVIEW),
        ),
        balances=(free_resets(0),),
        plan=plan("Pro 20x"),
    ),
    "free": Usage(
        quotas=(quota("weekly", "Weekly limit", 22, WEEK, "2026-11-25T08:00:00"),),
        balances=(free_resets(0),),
        plan=plan("Free"),
    ),
    "review_as_additional": Usage(
        quotas=(
            quota("five_hour", "5-hour limit", 5, FIVE_HOURS, "2026-11-21T10:30:00"),
            quota("weekly", "Weekly limit", 9, WEEK, "2026-11-27T02:53:20"),
            quota("code_review", "Code review", 10, FIVE_HOURS, "2026-11-21T09:00:00", **REVIEW),
            quota("code_review_weekly", "Code review (weekly)", 30, WEEK, "2026-11-22T08:00:00", **REVIEW),
            quota(
                "nightly_batch_window_86400s",
                "Nightly batch",
                50,
                86_400,
                "2026-11-21T19:06:40",
                scope="Nightly batch",
                partial=True,
            ),
        ),
        balances=(free_resets(0),),
        plan=plan("Pro 5x"),
    ),
    "team_spend_reached": Usage(
        quotas=(
            quota("five_hour", "5-hour limit", 6, FIVE_HOURS, "2026-11-21T10:30:00"),
            quota("weekly", "Weekly limit", 18, WEEK, "2026-11-24T08:00:00"),
            cap("individual", "individual", "10.72", "10", percent_used=d("107.2"), reached=True),
        ),
        balances=(free_resets(0),),
        plan=plan("Team"),
        notes=("paid use has reached its cap",),
        partly_stopped=True,
    ),
    "business_member": Usage(
        quotas=(
            quota("five_hour", "5-hour limit", 40, FIVE_HOURS, "2026-11-21T10:00:00"),
            quota("weekly", "Weekly limit", 71, WEEK, "2026-11-23T08:00:00"),
        ),
        balances=(free_resets(0),),
        plan=plan("Business"),
    ),
    "enterprise_usage_based": Usage(
        quotas=(
            cap("individual", "individual", "125.5", "400", percent_used=d("31.375")),
            cap("workspace_default", "workspace default", "125.5", "500", percent_used=d("25.1")),
            cap("workspace_shared", "workspace shared", "7549.5", "20000", percent_used=d("37.7475")),
            cap("group_default", "group default", "125.5", "300", percent_used=d("41.833333")),
            cap("group_shared", "group shared", None, "5000", percent_used=d("12")),
        ),
        balances=(wallet("12450.5"), free_resets(0)),
        plan=plan("Enterprise CBP Usage Based"),
    ),
    "enterprise_stopped": Usage(
        quotas=(
            cap("individual", "individual", "310", "400", percent_used=d("77.5")),
            cap("workspace_shared", "workspace shared", "9000", "9000", reached=True),
        ),
        balances=(wallet("0"), free_resets(0)),
        plan=plan("Self Serve Business Usage Based"),
        notes=("stopped: workspace member usage limit reached", "paid use has reached its cap"),
        stopped=True,
        overage_reached=True,
    ),
    "legacy": Usage(
        quotas=(
            quota("five_hour", "5-hour limit", 12, FIVE_HOURS, "2026-11-21T09:40:00"),
            quota("weekly", "Weekly limit", 30, WEEK, "2026-11-21T10:00:00"),
            cap("individual", "individual", None, "250", resets_at=None),
        ),
        balances=(wallet("40.5"),),
        plan=plan("Plus"),
    ),
    "nothing": Usage(plan=plan("Quorum"), untold=frozenset(("credits",))),
}
STATUSES: dict[str, Status] = {
    "plus_limit_reached": "exhausted",
    "pro_monthly": "low",
    "team_spend_reached": "low",
    "enterprise_stopped": "exhausted",
}


@pytest.mark.parametrize("case", WHOLE)
def test_parse(case: str) -> None:
    """All but the provider's own keys, which test_codex_contract.py compares."""
    usage = read(case)
    expected = WHOLE[case]
    account = None if case == "legacy" else "dev@example.com"
    assert usage == Usage(
        quotas=expected.quotas,
        balances=expected.balances,
        account=account,
        plan=expected.plan,
        notes=expected.notes,
        source="oauth",
        stopped=expected.stopped,
        partly_stopped=expected.partly_stopped,
        untold=expected.untold,
        overage_reached=expected.overage_reached,
        contract=usage.contract,
    )
    assert status(usage) == STATUSES.get(case, "ok")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([], "body: expected an object, got a list"),
        (None, "body: expected an object, got nothing"),
        ("plus", "body: expected an object, got text"),
        (body(rate_limit=[]), "rate_limit: expected an object or null"),
        (body(rate_limit="open"), "rate_limit: expected an object or null"),
        (body(rate_limit=MISSING, rate_limits=7), "rate_limit: expected an object or null"),
    ],
)
def test_what_cannot_be_read(answer: Any, message: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(answer, now=NOW)
    assert caught.value.message == message


def test_an_answer_without_figures_is_an_answer() -> None:
    usage = parse({}, now=NOW)
    assert (usage.quotas, usage.balances, usage.plan, usage.account) == ((), (), None, None)
    assert status(usage) == "ok"


BLOCKS = (
    "code_review_rate_limit",
    "additional_rate_limits",
    "credits",
    "spend_control",
    "rate_limit_reset_credits",
)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("value", [MISSING, None, [], {}, "x", 7, True])
def test_any_other_block_of_a_wrong_type_costs_itself_only(name: str, value: Any) -> None:
    usage = read(**{name: value})
    assert usage.quotas[:2] == (FIVE_HOUR, WEEKLY)
    lost = {"additional_rate_limits": 2}.get(name, 0)
    assert len(usage.quotas) == 4 - lost
    gone = {"credits": "credits", "rate_limit_reset_credits": "reset_credits"}.get(name)
    assert [b.id for b in usage.balances] == [i for i in ("credits", "reset_credits") if i != gone]


# -- windows ----------------------------------------------------------------------------------------


def window(used: Any = 20, seconds: Any = FIVE_HOURS, **more: Any) -> dict[str, Any]:
    return {"used_percent": used, "limit_window_seconds": seconds, "reset_at": 1795259550, **more}


def block(primary: Any, secondary: Any = None, **flags: Any) -> dict[str, Any]:
    given = {"allowed": True, "limit_reached": False, **flags}
    return {**given, "primary_window": primary, "secondary_window": secondary}


def core(primary: Any, secondary: Any = None, **flags: Any) -> tuple[Quota, ...]:
    rate_limit = block(primary, secondary, **flags)
    return read("nothing", rate_limit=rate_limit).quotas


@pytest.mark.parametrize(
    ("primary", "secondary", "expected"),
    [
        (window(), window(seconds=WEEK), [("five_hour", FIVE_HOURS), ("weekly", WEEK)]),
        (window(seconds=WEEK), window(), [("weekly", WEEK), ("five_hour", FIVE_HOURS)]),
        (window(seconds=WEEK), None, [("weekly", WEEK)]),
        (None, window(), [("five_hour", FIVE_HOURS)]),
        (window(seconds=MONTH), window(seconds=WEEK), [("monthly", MONTH), ("weekly", WEEK)]),
        (window(seconds=3600), None, [("window_3600s", 3600)]),
        (window(seconds=None), window(seconds=0), [("five_hour", None), ("weekly", None)]),
        (window(seconds=-5), window(seconds="x"), [("five_hour", None), ("weekly", None)]),
        (window(seconds="604800"), window(seconds=18000.0), [("weekly", WEEK), ("five_hour", FIVE_HOURS)]),
        (window(seconds=WEEK), window(seconds=WEEK), [("weekly", WEEK), ("weekly_secondary", WEEK)]),
        (window(seconds=WEEK), window(seconds=None), [("weekly", WEEK), ("weekly_secondary", None)]),
    ],
)
def test_windows_are_told_apart_by_their_length(
    primary: Any, secondary: Any, expected: list[tuple[str, int | None]]
) -> None:
    assert [(quota.id, quota.window_seconds) for quota in core(primary, secondary)] == expected


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (172_800, "2-day limit"),
        (10_800, "3-hour limit"),
        (90_000, "25-hour limit"),
        (900, "15-minute limit"),
        (61, "61-second limit"),
    ],
)
def test_a_length_of_no_name_is_its_label(seconds: int, label: str) -> None:
    assert [quota.label for quota in core(window(seconds=seconds))] == [label]


@pytest.mark.parametrize(
    ("sent", "used", "left"),
    [
        (37, "37", "63"),
        (12.3456789, "12.3456789", "87.654321"),
        ("64", "64", "36"),
        (" 64.5 ", "64.5", "35.5"),
        (0, "0", "100"),
        (107, "107", "0"),
    ],
)
def test_a_percentage_is_taken_as_it_is(sent: Any, used: str, left: str) -> None:
    (found,) = core(window(sent))
    assert (found.used, found.percent_remaining) == (d(used), d(left))
    assert found.remaining == max(d(0), 100 - d(used))


@pytest.mark.parametrize("sent", [None, "bad", "", True, [], {}, float("nan"), float("inf"), "NaN", -1])
def test_an_unreadable_percentage_drops_its_window_only(sent: Any) -> None:
    """It is never read as 0."""
    assert [quota.id for quota in core(window(sent), window(seconds=WEEK))] == ["weekly"]


@pytest.mark.parametrize("sent", [None, [], "x", 5, {}])
def test_a_window_of_another_shape_is_none(sent: Any) -> None:
    assert [quota.id for quota in core(sent, window(seconds=WEEK))] == ["weekly"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"reset_at": 1795259550, "reset_after_seconds": 60}, "2026-11-21T11:12:30"),
        ({"reset_at": "1795259550"}, "2026-11-21T11:12:30"),
        ({"reset_at": 1795259550000}, "2026-11-21T11:12:30"),  # milliseconds
        ({"reset_at": 0, "reset_after_seconds": 60}, "2026-11-21T08:01:00"),
        ({"reset_at": None, "reset_after_seconds": "60"}, "2026-11-21T08:01:00"),
        ({"reset_at": None, "reset_timestamp": 1795259550}, "2026-11-21T11:12:30"),
        ({"reset_at": 0}, None),
        ({"reset_at": "soon", "reset_after_seconds": "later"}, None),
        ({"reset_at": None, "reset_after_seconds": -60}, None),
    ],
)
def test_when_a_window_starts_anew(told: dict[str, Any], expected: str | None) -> None:
    (found,) = core(window(**told))
    assert found.resets_at == (utc(expected) if expected else None)


def test_the_old_spellings() -> None:
    old = {"primary": window(), "secondary": window(seconds=WEEK)}
    assert [quota.id for quota in read("nothing", rate_limits=old).quotas] == ["five_hour", "weekly"]


# -- what the flags mark ----------------------------------------------------------------------------


def reached(quotas: tuple[Quota, ...]) -> list[str]:
    return [quota.id for quota in quotas if quota.reached]


FLAGS = [{"limit_reached": True}, {"allowed": False}]
PAIRS = [
    (100, 64, ["five_hour"]),
    (37, 100, ["weekly"]),
    (100, 104, ["five_hour", "weekly"]),
    (37, 64, ["weekly"]),
    (99, 64, ["five_hour"]),
    (50, 50, ["five_hour"]),
]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(("primary", "secondary", "marked"), PAIRS)
def test_flags_mark_the_full_window_or_the_fullest(
    flags: dict[str, Any], primary: int, secondary: int, marked: list[str]
) -> None:
    rate_limit = block(window(primary), window(secondary, WEEK), **flags)
    usage = read("nothing", rate_limit=rate_limit)
    assert reached(usage.quotas) == marked
    assert (usage.stopped, status(usage)) == (True, "exhausted")


@pytest.mark.parametrize("flags", FLAGS)
def test_the_window_that_is_not_marked_keeps_its_own_status(flags: dict[str, Any]) -> None:
    rate_limit = block(window(100), window(64, WEEK), **flags)
    judged, _ = assess.judged(read("nothing", rate_limit=rate_limit), SERVICE)
    assert [quota.status for quota in judged.quotas] == ["exhausted", "ok"]


@pytest.mark.parametrize("flags", [{}, {"limit_reached": None, "allowed": None}, {"limit_reached": "true"}])
def test_without_flags_nothing_is_marked(flags: dict[str, Any]) -> None:
    usage = read("nothing", rate_limit=block(window(), window(100, WEEK), **flags))
    assert (usage.stopped, reached(usage.quotas)) == (False, [])
    assert status(usage) == "exhausted", "a full core window is enough"


@pytest.mark.parametrize("kind", ["rate_limit_reached", "workspace_owner_credits_depleted", "brand_new"])
def test_any_reached_type_stops_the_account(kind: str) -> None:
    usage = read(rate_limit_reached_type={"type": kind, "details": "not for the eyes of others"})
    assert (usage.stopped, reached(usage.quotas), status(usage)) == (True, ["weekly"], "exhausted")
    said = () if kind == "rate_limit_reached" else (f"stopped: {kind.replace('_', ' ')}",)
    assert usage.notes == said


@pytest.mark.parametrize("value", [{}, "rate_limit_reached", {"type": None}, []])
def test_a_reached_type_of_another_shape_stops_the_account_too(value: Any) -> None:
    usage = read("enterprise_usage_based", rate_limit_reached_type=value)
    assert (usage.stopped, usage.notes, status(usage)) == (True, (), "exhausted")


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(("primary", "secondary", "marked"), PAIRS)
def test_flags_of_a_model_s_limit_mark_its_windows(
    flags: dict[str, Any], primary: int, secondary: int, marked: list[str]
) -> None:
    rate_limit = block(window(primary), window(secondary, WEEK), **flags)
    usage = read(additional_rate_limits=[{"metered_feature": "spark", "rate_limit": rate_limit}])
    assert reached(usage.quotas) == [f"spark_{id_}" for id_ in marked]
    assert (usage.stopped, status(usage)) == (False, "low"), "the rest of the work goes on"


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(("primary", "secondary", "marked"), PAIRS)
def test_flags_of_code_review_mark_its_windows(
    flags: dict[str, Any], primary: int, secondary: int, marked: list[str]
) -> None:
    names = {"five_hour": "code_review", "weekly": "code_review_weekly"}
    usage = read(code_review_rate_limit=block(window(primary), window(secondary, WEEK), **flags))
    assert reached(usage.quotas) == [names[id_] for id_ in marked]
    assert (usage.stopped, status(usage)) == (False, "low")


# -- code review and single models ------------------------------------------------------------------


def review(usage: Usage) -> list[tuple[str, int | None]]:
    return [(quota.id, quota.window_seconds) for quota in usage.quotas if quota.scope == "code_review"]


@pytest.mark.parametrize(
    ("primary", "secondary", "expected"),
    [
        (window(seconds=WEEK), None, [("code_review", WEEK)]),
        (None, window(seconds=MONTH), [("code_review", MONTH)]),
        (window(seconds=WEEK), window(), [("code_review", FIVE_HOURS), ("code_review_weekly", WEEK)]),
        (window(seconds=WEEK), window(seconds=WEEK), [("code_review", WEEK), ("code_review_weekly", WEEK)]),
        # Of unknown length, the first is taken for the shorter one.
        (window(seconds=WEEK), window(seconds=None), [("code_review", WEEK), ("code_review_weekly", None)]),
        (window(seconds=None), window(seconds=WEEK), [("code_review", None), ("code_review_weekly", WEEK)]),
        (window(seconds=None), window(seconds=3600), [("code_review", 3600), ("code_review_weekly", None)]),
    ],
)
def test_the_shorter_review_window_comes_first(
    primary: Any, secondary: Any, expected: list[tuple[str, int | None]]
) -> None:
    assert review(read(code_review_rate_limit=block(primary, secondary))) == expected


@pytest.mark.parametrize(
    "names",
    [
        {"metered_feature": "codex_code_review"},
        {"limit_name": "Code Review"},
        {"limit_name": "Codex-Review", "metered_feature": "other"},
        {"id": "code_review_v2"},
        {"limit_id": "codex_review", "limit_name": 7},
    ],
)
def test_code_review_as_an_additional_limit(names: dict[str, Any]) -> None:
    entry = {**names, "rate_limit": block(window(seconds=WEEK))}
    usage = read(additional_rate_limits=[entry])
    assert review(usage) == [("code_review", WEEK)]
    assert len(usage.quotas) == 3


def test_code_review_of_its_own_block_is_not_mixed_with_another() -> None:
    entry = {"metered_feature": "code_review", "rate_limit": block(window(), window(seconds=WEEK))}
    own = block(window(seconds=MONTH))
    usage = read(code_review_rate_limit=own, additional_rate_limits=[entry])
    assert review(usage) == [("code_review", MONTH)]


def additional(*entries: Any) -> list[tuple[str, str, str | None]]:
    usage = read("nothing", additional_rate_limits=list(entries))
    return [(quota.id, quota.label, quota.scope) for quota in usage.quotas]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"limit_name": "Spark", "metered_feature": "gpt_5_3"}, ("gpt_5_3_five_hour", "Spark")),
        ({"limit_name": "GPT-5.3 (Spark)!"}, ("gpt_5_3_spark_five_hour", "GPT-5.3 (Spark)!")),
        ({"metered_feature": "Fast--Lane"}, ("fast_lane_five_hour", "Fast--Lane")),
        ({"limit_name": "Spark", "metered_feature": "..."}, ("spark_five_hour", "Spark")),
    ],
)
def test_names_of_additional_limits(names: dict[str, Any], expected: tuple[str, str]) -> None:
    id_, label = expected
    assert additional({**names, "rate_limit": block(window())}) == [(id_, label, label)]


def test_an_odd_additional_limit_does_not_drop_the_others() -> None:
    good = {"metered_feature": "good", "rate_limit": block(window(seconds=3600))}
    nameless = {"metered_feature": None, "limit_name": 7, "rate_limit": block(window())}
    odd = {"metered_feature": "odd", "rate_limit": "x"}
    closed = {"metered_feature": "closed", "rate_limit": None}
    assert additional(None, "x", 7, [], {}, nameless, odd, closed, good) == [
        ("good_window_3600s", "good", "good")
    ]


def test_of_the_same_id_the_first_is_kept() -> None:
    entries = [{"metered_feature": "spark", "rate_limit": block(window(used))} for used in (10, 90)]
    (found,) = read("nothing", additional_rate_limits=entries).quotas
    assert found.used == 10


# -- plan and account -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("guest", "Guest"),
        ("free", "Free"),
        ("go", "Go"),
        ("plus", "Plus"),
        ("pro", "Pro 20x"),
        ("prolite", "Pro 5x"),
        ("free_workspace", "Free Workspace"),
        ("team", "Team"),
        ("self_serve_business_usage_based", "Self Serve Business Usage Based"),
        ("self_serve_business_prolite", "Self Serve Business Prolite"),
        ("enterprise_cbp_usage_based", "Enterprise CBP Usage Based"),
        ("k12", "K12"),
        ("edu", "Edu"),
        ("hc", "Enterprise"),
        ("PLUS", "Plus"),
        ("brand_new__tier", "Brand New Tier"),
        ("_", "_"),
    ],
)
def test_names_of_plans(value: str, name: str) -> None:
    assert plan_name(value) == plan(name)


@pytest.mark.parametrize("value", [None, "", " ", 7, [], True])
def test_no_plan_is_guessed(value: Any) -> None:
    assert read(plan_type=value).plan is None
    assert parse(body(plan_type=value), now=NOW, plan_type="team").plan == plan("Team")


@pytest.mark.parametrize(
    ("email", "told", "account_id", "expected"),
    [
        ("dev@example.com", ["token@example.com", "acc-1"], "acc-2", "dev@example.com"),
        (None, ["token@example.com", "acc-1"], "acc-2", "token@example.com"),
        (7, [None, "acc-1"], "acc-2", "acc-1"),
        (MISSING, [None, None], "acc-2", "acc-2"),
        (" ", [], None, None),
        ("dev\x1b[31m@example.com", [], None, "dev [31m@example.com"),
    ],
)
def test_what_names_the_account(email: Any, told: list[str | None], account_id: Any, expected: Any) -> None:
    answer = body(email=email, account_id=account_id)
    assert parse(answer, now=NOW, account=told).account == expected
