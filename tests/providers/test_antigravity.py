"""Antigravity's answers, one by one. How it is asked: test_antigravity_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import d, payload, utc
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Usage, plan
from usagecli.providers._antigravity import usage
from usagecli.providers._antigravity.usage import report, summary

FIVE, WEEK = 18000, 604800


def left(
    id_: str, label: str, scope: str | None, remaining: str, resets_at: str | None, seconds: int | None
) -> Quota:
    return Quota(
        id=id_,
        label=label,
        scope=scope,
        unit="percent",
        used=d(100) - d(remaining),
        limit=d(100),
        remaining=d(remaining),
        window_seconds=seconds,
        resets_at=utc(resets_at) if resets_at else None,
    )


SUMMARY = (
    left("gemini_weekly", "Gemini weekly limit", "gemini", "87", "2026-11-27T08:00:00", WEEK),
    left("gemini_5h", "Gemini 5-hour limit", "gemini", "42", "2026-11-21T11:39:34", FIVE),
    left(
        "claude_gpt_weekly", "Claude and GPT weekly limit", "claude_gpt", "100", "2026-11-28T07:00:00", WEEK
    ),
    left("claude_gpt_5h", "Claude and GPT 5-hour limit", "claude_gpt", "99.5", "2026-11-21T12:52:10", FIVE),
)
FREE = (
    left("gemini_weekly", "Gemini weekly limit", "gemini", "0", "2026-11-27T08:00:00", WEEK),
    left("claude_gpt_weekly", "Claude and GPT weekly limit", "claude_gpt", "50", None, WEEK),
    left("3p-image-weekly", "Images", "Claude and GPT models", "25", None, WEEK),
)


@pytest.mark.parametrize(("case", "expected"), [("summary", SUMMARY), ("summary_free", FREE)])
def test_the_pools(case: str, expected: tuple[Quota, ...]) -> None:
    assert summary(payload(f"antigravity/{case}")) == expected


@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: {"response": body},
        lambda body: {"summary": body},
        lambda body: {"quotaSummary": body},
        lambda body: {"code": 0, **body},
        lambda body: {"code": "OK", "message": "", "response": body},
        lambda body: {"code": "0", **body},
    ],
)
def test_wrappers(wrap: Any) -> None:
    assert summary(wrap(payload("antigravity/summary"))) == SUMMARY


def bucket(id_: Any = "gemini-5h", **more: Any) -> tuple[Quota, ...]:
    return summary({"groups": [{"displayName": "Gemini Models", "buckets": [{"bucketId": id_, **more}]}]})


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ({"remainingFraction": 0.42}, "58"),
        ({"remainingFraction": 0}, "100"),
        ({"remainingFraction": 1}, "0"),
        ({"remainingFraction": 1.5}, "0"),
        ({"remainingFraction": -0.1}, "100"),
        # Not rounded: that is for the table.
        ({"remainingFraction": 0.123456}, "87.6544"),
        ({"remaining": {"remainingFraction": 0.25}}, "75"),
        ({"remaining": {"case": "remainingFraction", "value": 0.5}}, "50"),
        ({"remainingFraction": 0.1, "remaining": {"remainingFraction": 0.9}}, "90"),
    ],
)
def test_a_fraction(told: dict[str, Any], used: str) -> None:
    (found,) = bucket(**told)
    assert (found.used, found.remaining, found.percent_used) == (d(used), d(100) - d(used), d(used))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"remainingFraction": None},
        {"remainingFraction": "0.5"},
        {"remainingFraction": True},
        {"remaining": 0.5},
        {"remaining": {"case": "other", "value": 0.5}},
        {"remainingFraction": 0.5, "disabled": True},
    ],
)
def test_a_bucket_without_a_usable_fraction_is_left_out(told: dict[str, Any]) -> None:
    """An answer without any is one all the same, and says nothing of exhaustion."""
    assert bucket(**told) == ()


def test_one_bad_bucket_costs_no_other() -> None:
    body = payload("antigravity/summary")
    body["groups"][0]["buckets"][:1] = [
        7,
        None,
        {"bucketId": None, "remainingFraction": 0.1},
        {"remainingFraction": 0.1},
    ]
    body["groups"].insert(0, "x")
    assert summary(body) == SUMMARY[1:]


def test_of_the_same_bucket_twice_the_first_counts() -> None:
    body = payload("antigravity/summary")
    body["groups"][1]["buckets"].append({"bucketId": "gemini-5h", "remainingFraction": 0.01})
    assert summary(body) == SUMMARY


@pytest.mark.parametrize(
    ("id_", "window", "seconds"),
    [
        ("gemini-5H", "5h", FIVE),
        ("Gemini-5h", "weekly", WEEK),
        ("gemini-5h-x", "daily", None),
        ("new", None, None),
    ],
)
def test_another_bucket_stands_for_itself(id_: str, window: Any, seconds: int | None) -> None:
    found = bucket(id_, window=window, remainingFraction=0.5, displayName="Some Limit")
    assert found == (left(id_, "Some Limit", "Gemini Models", "50", None, seconds),)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"groups": {}},
        {"response": {}},
        {"code": 7, "message": "x", "groups": []},
        {"code": "permission_denied", "groups": []},
        {"response": {"code": 5, "groups": []}},
        {"code": False, "groups": []},
    ],
)
def test_what_is_no_summary(body: Any) -> None:
    with pytest.raises(PayloadError):
        summary(body)


def test_no_groups_at_all_is_an_answer() -> None:
    assert summary({"groups": []}) == ()


# -- by the models ----------------------------------------------------------------------------------

MODELS = {
    "gemini": (d("0.6"), utc("2026-11-21T11:39:34")),
    "claude_gpt": (d("0.3"), utc("2026-11-21T12:52:10")),
}


def test_the_fullest_visible_model_of_each_pool() -> None:
    """Internal ones, autocomplete, and those without a fraction say nothing."""
    assert usage.models(payload("antigravity/models")) == MODELS


@pytest.mark.parametrize(("paid", "seconds"), [(True, FIVE), (False, None)])
def test_a_pool_of_models(paid: bool, seconds: int | None) -> None:
    assert usage.pools(MODELS, paid=paid) == (
        left("gemini", "Gemini models", "gemini", "60", "2026-11-21T11:39:34", seconds),
        left("claude_gpt", "Claude and GPT models", "claude_gpt", "30", "2026-11-21T12:52:10", seconds),
    )


@pytest.mark.parametrize(
    ("model", "pool"),
    [
        ({"displayName": "GEMINI 3"}, "gemini"),
        ({"label": "Gemini 3"}, "gemini"),
        ({"displayName": "Claude", "label": "Gemini"}, "claude_gpt"),
        ({"model": "MODEL_GEMINI"}, None),
        ({}, None),
    ],
)
def test_which_pool_a_model_draws_on(model: dict[str, Any], pool: str | None) -> None:
    row = {**model, "quotaInfo": {"remainingFraction": 0.5}}
    assert list(usage.models({"models": {"m": row}})) == ([pool] if pool else [])


@pytest.mark.parametrize("body", [{}, [], {"models": []}])
def test_unreadable_models(body: Any) -> None:
    with pytest.raises(PayloadError):
        usage.models(body)


def test_the_gemini_pool_by_its_buckets() -> None:
    assert usage.buckets(payload("antigravity/buckets")) == {
        "gemini": (d("0.84"), utc("2026-11-22T02:48:06"))
    }
    assert usage.buckets({}) == {}


def test_the_local_server_s_models() -> None:
    status = payload("antigravity/user_status")
    pools = {
        "gemini": (d("0.6"), utc("2026-11-21T11:39:34")),
        "claude_gpt": (d("0.9"), utc("2026-11-21T12:52:10")),
    }
    assert usage.configs(status) == pools
    assert usage.configs(status["userStatus"]["cascadeModelConfigData"]) == pools
    assert usage.configs({}) == {}


# -- plan and credits -------------------------------------------------------------------------------


def test_a_whole_report() -> None:
    loaded = payload("antigravity/loaded")
    assert report(SUMMARY, loaded=loaded, account="dev@example.com", notes=("x",)) == Usage(
        quotas=SUMMARY,
        balances=(
            Balance(id="google_one_ai", label="Google One AI credits", unit="credits", amount=d(1000)),
        ),
        account="dev@example.com",
        plan=plan("Google AI Pro"),
        notes=("x",),
        source="oauth",
    )


@pytest.mark.parametrize(
    ("loaded", "name", "expected", "paid"),
    [
        ({"paidTier": {"id": "g1-pro-tier", "name": "A"}, "currentTier": {"name": "B"}}, None, "A", True),
        ({"paidTier": {"id": "free-tier"}, "currentTier": {"name": "B"}}, None, "B", False),
        ({"currentTier": {"id": "standard-tier", "name": "B"}}, None, "B", False),
        ({}, "C", "C", False),
        (None, None, None, False),
    ],
)
def test_the_plan(loaded: Any, name: str | None, expected: str | None, paid: bool) -> None:
    assert report((), loaded=loaded, name=name).plan == (plan(expected) if expected else None)
    assert usage.is_paid(loaded) is paid


# -- anything ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["summary", "summary_free"])
@given(data=st.data())
def test_any_summary_is_read_or_refused(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"antigravity/{case}")))
    survives(lambda: report(summary(body)))


@given(
    body=mutated(payload("antigravity/models")),
    buckets=mutated(payload("antigravity/buckets")),
    loaded=mutated(payload("antigravity/loaded")),
)
def test_any_models_are_read_or_refused(body: Any, buckets: Any, loaded: Any) -> None:
    def read() -> Usage:
        pools = usage.models(body) | usage.buckets(buckets)
        return report(usage.pools(pools, paid=usage.is_paid(loaded)), loaded=loaded)

    survives(read)


@given(body=mutated(payload("antigravity/user_status")))
def test_any_status_is_read(body: Any) -> None:
    survives(lambda: report(usage.pools(usage.configs(body), paid=False)))
