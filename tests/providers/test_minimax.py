"""MiniMax's answers, one by one. How it is asked and where keys stand: test_minimax_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.model import Quota, Service, Usage, plan
from usagecli.providers._minimax.credentials import CHINA, GLOBAL
from usagecli.providers._minimax.usage import parse

SERVICE = Service(name="minimax", provider="minimax")
FIVE_HOURS_END, DAY_END, WEEK_END = (
    utc("2026-11-21T10:00:00"),
    utc("2026-11-22T00:00:00"),
    utc("2026-11-23T00:00:00"),
)
GENERAL: dict[str, Any] = {
    "id": "general:interval",
    "label": "general (5 hours)",
    "scope": "general",
    "window_seconds": 18000,
    "resets_at": FIVE_HOURS_END,
}
WEEKLY: dict[str, Any] = {
    "id": "general:weekly",
    "label": "general (weekly)",
    "scope": "general",
    "window_seconds": 604800,
    "resets_at": WEEK_END,
}


def percent(used: str, **more: Any) -> Quota:
    return Quota(unit="percent", used=d(used), limit=d(100), **more)


def counted(used: str, limit: str, **more: Any) -> Quota:
    return Quota(unit="requests", used=d(used), limit=d(limit), **more)


def of(name: str, window: str = "interval") -> dict[str, Any]:
    told = GENERAL if window == "interval" else WEEKLY
    return {**told, "id": f"{name}:{window}", "label": told["label"].replace("general", name), "scope": name}


PERCENT = Usage(quotas=(percent("37", **GENERAL), percent("12", **WEEKLY)))
WEB_SESSION = Usage(
    quotas=(
        counted("600", "1500", percent_used=d(40), **GENERAL),
        percent("99", reached=True, **WEEKLY),
        counted(
            "2",
            "3",
            percent_used=d("66.6"),
            **{
                **of("video"),
                "label": "video (daily)",
                "window_seconds": 86400,
                "resets_at": DAY_END,
            },
        ),
        Quota(unit="percent", unlimited=True, **of("video", "weekly")),
    ),
    plan=plan("Token Plan Max"),
)
OLDER = Usage(quotas=(counted("300", "1500", **of("MiniMax-M2")),))


def read(body: Any) -> Usage:
    return parse(body, region=GLOBAL)


def bucket(**change: Any) -> dict[str, Any]:
    """The general bucket, its weekly window left out."""
    row = payload("minimax/percent")["model_remains"][1]
    kept = {name: value for name, value in row.items() if "weekly" not in name}
    return {**kept, **{f"current_interval_{name}": value for name, value in change.items()}}


def only(**change: Any) -> Quota:
    (quota,) = read({"model_remains": [bucket(**change)]}).quotas
    return quota


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        ("percent", PERCENT, "ok"),
        ("older", OLDER, "ok"),
        ("no_plan", Usage(notes=("MiniMax reported no windows of a plan",)), "ok"),
    ],
)
def test_parse(case: str, expected: Usage, weight: str) -> None:
    assert read(payload(f"minimax/{case}")) == expected
    assert assess.judged(expected, SERVICE)[1] == weight


def test_a_web_session_holds_the_same_inside_data_and_names_the_plan() -> None:
    # 600 of 1500 are what is used where 60 % are left, and 3000 of 15000 fit neither reading of 1 %.
    assert read(payload("minimax/web_session")) == WEB_SESSION
    assert assess.judged(WEB_SESSION, SERVICE)[1] == "exhausted"


def test_general_comes_first() -> None:
    rows = payload("minimax/web_session")["data"]["model_remains"]
    for given_ in (rows, rows[::-1]):
        scopes = [quota.scope for quota in read({"model_remains": given_}).quotas]
        assert scopes == ["general", "general", "video", "video"]


# -- counts and percentages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "count", "left", "expected"),
    [
        # Without a percentage the count is what is left.
        (1500, 1200, None, counted("300", "1500", **GENERAL)),
        (1500, 0, None, counted("1500", "1500", **GENERAL)),
        (1500, 1600, None, counted("0", "1500", **GENERAL)),
        # With one, whichever agrees with it within a point.
        (1000, 630, 63, counted("370", "1000", percent_used=d(37), **GENERAL)),
        (1000, 620, 63, counted("380", "1000", percent_used=d(37), **GENERAL)),
        (1000, 370, 63, counted("370", "1000", percent_used=d(37), **GENERAL)),
        (1000, 380, "63", counted("380", "1000", percent_used=d(37), **GENERAL)),
        (1000, 500, 50, counted("500", "1000", percent_used=d(50), **GENERAL)),
        # Counts that agree with neither are ignored.
        (1000, 619, 63, percent("37", **GENERAL)),
        (1000, 381, 63, percent("37", **GENERAL)),
        (1000, -1, 0, percent("100", **GENERAL)),
        (1000, None, 63, percent("37", **GENERAL)),
        # Counts of 0 beside a percentage are normal.
        (0, 0, 63, percent("37", **GENERAL)),
        (None, None, "63", percent("37", **GENERAL)),
        (0, 0, 0, percent("100", **GENERAL)),
        (0, 0, 120, percent("0", **GENERAL)),
        (0, 0, 62.5, percent("37.5", **GENERAL)),
    ],
)
def test_what_is_used(total: Any, count: Any, left: Any, expected: Quota) -> None:
    assert only(total_count=total, usage_count=count, remaining_percent=left) == expected


@pytest.mark.parametrize(
    ("total", "count"), [(0, 0), (None, None), (0, 5), (None, 5), (1500, None), (1500, -3)]
)
def test_a_window_that_nothing_is_told_of_is_left_out(total: Any, count: Any) -> None:
    row = bucket(total_count=total, usage_count=count, remaining_percent=None)
    assert read({"model_remains": [row]}).quotas == ()


def test_an_absent_weekly_window_is_not_0_percent_left() -> None:
    assert [quota.id for quota in read({"model_remains": [bucket()]}).quotas] == ["general:interval"]


@pytest.mark.parametrize("key", ["interval_boost_permille", "interval_boost_permill"])
def test_a_boost_enlarges_what_is_shown_and_no_percentage(key: str) -> None:
    row = {**bucket(total_count=1000, usage_count=630, remaining_percent=63), key: 1500}
    (quota,) = read({"model_remains": [row]}).quotas
    assert (quota.used, quota.limit, quota.remaining) == (d(555), d(1500), d(945))
    assert (quota.percent_used, quota.percent_remaining) == (d(37), d(63))
    row = {**bucket(), key: 1500}
    assert read({"model_remains": [row]}).quotas == (percent("37", **GENERAL),)


@pytest.mark.parametrize("boost", [None, 0, -5, "x", True])
def test_a_boost_that_is_none(boost: Any) -> None:
    row = {**bucket(total_count=1000, usage_count=630), "interval_boost_permille": boost}
    assert read({"model_remains": [row]}).quotas[0].limit == 1000


# -- status -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [63, 1, None])
def test_status_2_is_exhausted_whatever_the_percentage(left: Any) -> None:
    quota = only(status=2, remaining_percent=left)
    assert (quota.reached, quota.percent_remaining) == (True, None if left is None else d(left))
    assert assess.quota_status(quota, d(10)) == "exhausted"


def test_a_percentage_of_0_is_exhausted_whatever_the_counts() -> None:
    quota = only(total_count=1000, usage_count=4, remaining_percent=0)
    assert (quota.unit, quota.remaining, quota.percent_remaining) == ("requests", d(4), d(0))
    assert assess.quota_status(quota, d(10)) == "exhausted"


@pytest.mark.parametrize("left", [63, 0, None])
def test_status_3_is_unlimited_and_has_no_percentage(left: Any) -> None:
    quota = only(status=3, remaining_percent=left)
    assert (quota.unlimited, quota.percent_used, quota.used) == (True, None, None)
    assert assess.quota_status(quota, d(10)) == "ok"


@pytest.mark.parametrize(
    ("interval", "weekly", "totals", "ids"),
    [
        (3, 3, (0, 0), []),
        (3, 3, (None, None), []),
        (3, 3, (5, 0), ["general:interval", "general:weekly"]),
        (3, 1, (0, 0), ["general:interval", "general:weekly"]),
    ],
)
def test_a_bucket_that_is_not_in_the_plan(interval: int, weekly: int, totals: Any, ids: list[str]) -> None:
    row = {
        **payload("minimax/percent")["model_remains"][1],
        "current_interval_status": interval,
        "current_weekly_status": weekly,
        "current_interval_total_count": totals[0],
        "current_weekly_total_count": totals[1],
    }
    assert [quota.id for quota in read({"model_remains": [row]}).quotas] == ids


@pytest.mark.parametrize(
    ("start", "end", "seconds", "label"),
    [
        (1795237200000, 1795255200000, 18000, "general (5 hours)"),
        (1795219200000, 1795305600000, 86400, "general (daily)"),
        (1795219200000, 1795222800000, 3600, "general (interval)"),
        (1795305600000, 1795219200000, None, "general (interval)"),
        (None, 1795255200000, None, "general (interval)"),
        ("x", 1795255200000, None, "general (interval)"),
    ],
)
def test_a_window_is_as_long_as_its_bounds_say(start: Any, end: Any, seconds: Any, label: str) -> None:
    row = {**bucket(), "start_time": start, "end_time": end}
    (quota,) = read({"model_remains": [row]}).quotas
    assert (quota.window_seconds, quota.label) == (seconds, label)


def test_a_week_without_bounds_is_a_week() -> None:
    row = {**bucket(), "current_weekly_remaining_percent": 20}
    _, weekly = read({"model_remains": [row]}).quotas
    assert (weekly.window_seconds, weekly.resets_at, weekly.percent_used) == (604800, None, d(80))


# -- errors -----------------------------------------------------------------------------------------


def nested(code: Any, **more: Any) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": "it says why"}, **more}


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (payload("minimax/wrong_key"), AuthError, r"^MiniMax refused the key \(1004\): login fail"),
        (nested(1004), AuthError, r"^MiniMax refused the key \(1004\): it says why$"),
        (nested("1004", model_remains=[]), AuthError, r"\(1004\)"),
        (nested(2061), AuthError, r"^the model is not in the plan of this key \(2061\): it says why$"),
        (nested(1028), RateLimited, r"^the quota is used up \(1028\): it says why$"),
        (nested(1030, model_remains=[]), RateLimited, r"\(1030\)"),
        (nested(1000), Unavailable, r"^MiniMax answered with an error \(1000\): it says why$"),
        ({"status_code": 1013}, Unavailable, r"\(1013\)$"),
        ({"data": nested(1013, model_remains=[])}, Unavailable, r"\(1013\)"),
        (nested(0), PayloadError, "^model_remains: expected a list, got nothing$"),
        ({}, PayloadError, "^model_remains: "),
        ({"model_remains": {}}, PayloadError, "^model_remains: "),
        ({"model_remains": [7]}, PayloadError, r"^model_remains\[0\]: "),
        ({"model_remains": [{}]}, PayloadError, r"^model_remains\[0\].model_name: "),
        (
            {"model_remains": [bucket(remaining_percent="n/a")]},
            PayloadError,
            r"^model_remains\[0\].current_interval_remaining_percent: expected a number",
        ),
        (
            {"model_remains": [bucket(total_count=True)]},
            PayloadError,
            r"^model_remains\[0\].current_interval_total_count: expected a number",
        ),
        ([], PayloadError, "^body: "),
    ],
)
def test_errors(body: Any, kind: type[ProviderError], message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        read(body)
    assert type(caught.value) is kind


@pytest.mark.parametrize("code", [1028, 1030])
def test_a_spent_quota_with_rows_is_data(code: int) -> None:
    row = bucket(status=2, remaining_percent=0)
    (quota,) = read(nested(code, model_remains=[row])).quotas
    assert (quota.percent_used, quota.reached) == (d(100), True)


def test_a_refusal_names_the_other_site() -> None:
    with pytest.raises(AuthError) as caught:
        parse(payload("minimax/wrong_key"), region=CHINA)
    assert caught.value.hint == (
        "it must be a Token Plan's key (sk-cp-...): copy it again from "
        "https://platform.minimaxi.com/user-center/payment/coding-plan; "
        "for an account at minimax.io set the option region: global"
    )


@pytest.mark.parametrize("case", ["percent", "web_session", "older"])
@given(data=st.data())
def test_any_json_anywhere(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"minimax/{case}")))
    try:
        survives(lambda: read(body))
    except (AuthError, RateLimited, Unavailable) as error:
        assert error.message


@given(left=st.decimals(0, 100, places=3), total=st.integers(0, 10**6), count=st.integers(0, 10**6))
def test_the_percentage_is_the_authority(left: Any, total: int, count: int) -> None:
    quota = only(remaining_percent=str(left), total_count=total, usage_count=count)
    assert (quota.percent_used, quota.percent_remaining) == (d(100) - left, left)
