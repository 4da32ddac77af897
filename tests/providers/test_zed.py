"""Zed's answers. Logins and requests: test_zed_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import d, payload, utc
from usagecli.errors import PayloadError
from usagecli.model import Quota, Usage, plan
from usagecli.providers.zed import parse


def predictions(used: str, limit: str | None, **more: Any) -> Quota:
    return Quota(
        id="edit_predictions",
        label="Edit predictions",
        unit="requests",
        used=d(used),
        limit=None if limit is None else d(limit),
        **more,
    )


CASES = {
    "free": Usage(
        quotas=(predictions("730", "2000", resets_at=utc("2026-12-03T00:00:00")),),
        account="ada",
        plan=plan("Free"),
        source="oauth",
    ),
    "pro_unlimited": Usage(
        quotas=(predictions("41", None, unlimited=True, resets_at=utc("2026-11-24T12:00:00")),),
        account="grace",
        plan=plan("Pro Trial"),
        notes=("Zed has overdue invoices for this account",),
        source="oauth",
    ),
    "spent": Usage(
        quotas=(predictions("2000", "2000"),), account="Lin", plan=plan("Team Plus"), source="oauth"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(payload(f"zed/{case}")) == CASES[case]


def read(limit: Any, used: Any = 10, **more: Any) -> Usage:
    told = {"usage": {"edit_predictions": {"used": used, "limit": limit}}, **more}
    return parse({"user": {}, "plan": told})


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (40, predictions("10", "40")),
        ({"limited": 40}, predictions("10", "40")),
        ("unlimited", predictions("10", None, unlimited=True)),
        # Not told: neither 0 nor without end.
        (None, predictions("10", None)),
    ],
)
def test_a_limit_comes_in_three_forms(limit: Any, expected: Quota) -> None:
    assert read(limit).quotas == (expected,)


def test_no_use_is_below_0() -> None:
    with pytest.raises(PayloadError, match=r"^plan\.usage\.edit_predictions\.used: "):
        read(40, -1)


@pytest.mark.parametrize("limit", [{}, {"limited": None}, {"limited": -1}, -1, "endless", True, [40]])
def test_no_other_form_is_a_limit(limit: Any) -> None:
    with pytest.raises(PayloadError, match=r"^plan\.usage\.edit_predictions\.limit: "):
        read(limit)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("zed_free", "Free"),
        ("zed_pro", "Pro"),
        ("zed_pro_trial", "Pro Trial"),
        ("zed_business", "Business"),
        ("zed_vip", "VIP"),
        ("zed_student", "Student"),
        ("zed_big_team", "Big Team"),
        ("other", "Other"),
    ],
)
def test_plans(told: str, name: str) -> None:
    assert read(1, plan_v3=told).plan == plan(name)


@pytest.mark.parametrize("told", [None, "", "zed_", 7])
def test_no_plan(told: Any) -> None:
    assert read(1, plan_v3=told).plan is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "plan"),
        ({"plan": {}}, "plan.usage"),
        ({"plan": {"usage": {}}}, "plan.usage.edit_predictions"),
        ({"plan": {"usage": {"edit_predictions": {"limit": 5}}}}, "plan.usage.edit_predictions.used"),
    ],
)
def test_what_is_missing_is_named(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        parse(body)


@pytest.mark.parametrize("told", [False, None, "true", 1])
def test_only_true_means_overdue(told: Any) -> None:
    assert read(1, has_overdue_invoices=told).notes == ()


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_any_json_anywhere(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"zed/{case}")))
    survives(lambda: parse(body))


@given(used=st.integers(0, 10**9), limit=st.integers(1, 10**9))
def test_used_and_left_make_the_limit(used: int, limit: int) -> None:
    (found,) = read({"limited": limit}, used).quotas
    assert found.remaining == max(0, limit - used)
    assert found.percent_used == pytest.approx(d(used) / d(limit) * 100, abs=d("0.00001"))
