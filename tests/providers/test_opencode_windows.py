"""OpenCode's windows, of the API and of the console's pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, places, replaced, survives
from tests.providers.test_opencode import (
    GO_PLAN,
    WORKSPACE,
    api,
    five_hour,
    judged,
    monthly,
    page,
    weekly,
    windows,
)
from tests.support import NOW, d, payload, utc
from usagecli.errors import PayloadError
from usagecli.model import Quota, Status, Usage
from usagecli.providers._opencode.usage import usage
from usagecli.providers._opencode.windows import Subscription, read_api, read_page

ANSWERS = ["go", "go_spent", "go_unused", "go_old"]


# -- Go, of the API ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "quotas"),
    [
        (
            "go",
            (
                five_hour(1, "2026-11-21T11:40:00"),
                weekly(57, "2026-11-23T00:00:00"),
                monthly(83, "2026-12-04T09:21:07"),
            ),
        ),
        (
            "go_spent",
            (
                five_hour(12, "2026-11-21T11:40:00"),
                weekly(57, "2026-11-23T00:00:00"),
                monthly(100, "2026-12-04T09:21:07", reached=True),
            ),
        ),
        (
            "go_unused",
            (
                five_hour(0, "2026-11-21T13:00:00"),
                weekly(0, "2026-11-23T00:00:00"),
                monthly(0, "2026-12-20T08:00:00"),
            ),
        ),
        (
            "go_old",
            (
                five_hour(40, "2026-11-21T09:00:00"),
                weekly(8, "2026-11-23T00:00:00"),
                monthly(3, "2026-12-11T17:45:12"),
            ),
        ),
    ],
)
def test_go_of_the_api(case: str, quotas: tuple[Quota, ...]) -> None:
    workspace = None if case == "go_old" else WORKSPACE
    assert api(case) == Subscription(quotas=quotas, workspace=workspace)
    assert usage(now=NOW, go=api(case)) == Usage(quotas=quotas, account=workspace, plan=GO_PLAN)


def test_one_means_one_percent() -> None:
    (rolling, *_) = api("go").quotas
    assert (rolling.used, rolling.remaining) == (d(1), d(99))
    assert (rolling.percent_used, rolling.percent_remaining) == (d(1), d(99))


def sent(name: str = "rolling", **fields: Any) -> Quota:
    """The window that is read where the recorded answer has these fields instead."""
    body = payload("opencode/go")
    body["usage"][name] |= fields
    return next(quota for quota in read_api(body).quotas if quota.window_seconds == 18000)


@pytest.mark.parametrize(
    ("percent", "used"),
    [
        ("57", d(57)),
        (0.5, d("0.5")),
        (0, d(0)),
        (100, d(100)),
        (-1, None),
        (None, None),
        (True, None),
        ("NaN", None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_a_percent_as_it_may_be_sent(percent: object, used: Decimal | None) -> None:
    """What is none is unknown, never 0."""
    assert sent(percent=percent) == five_hour(str(used) if used is not None else None, "2026-11-21T11:40:00")


@pytest.mark.parametrize(
    ("resets_at", "expected"),
    [
        ("2026-11-21T11:40:00.999Z", "2026-11-21T11:40:00"),
        ("2026-11-21T11:40:00Z", "2026-11-21T11:40:00"),
        ("2026-11-21T13:40:00+02:00", "2026-11-21T11:40:00"),
        (1795261200, "2026-11-21T11:40:00"),
        (1795261200512, "2026-11-21T11:40:00"),
        ("soon", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_reset_in_whole_seconds(resets_at: object, expected: str | None) -> None:
    assert sent(resetsAt=resets_at) == five_hour(1, expected)


@pytest.mark.parametrize(
    ("status", "expected"), [("rate-limited", "exhausted"), ("ok", "low"), (None, "low")]
)
def test_a_window_that_is_said_to_be_spent_is_spent(status: str | None, expected: Status) -> None:
    """Whatever percent came with it."""
    body = payload("opencode/go")
    body["usage"]["monthly"] |= {"status": status, "percent": 99}
    statuses, document = judged(usage(now=NOW, go=read_api(body)))
    assert statuses == {"five_hour": "ok", "weekly": "ok", "monthly": expected}
    assert document == expected


def test_a_spent_window_without_a_figure() -> None:
    assert sent(percent=None, status="rate-limited") == five_hour(None, "2026-11-21T11:40:00", reached=True)


@pytest.mark.parametrize("missing", ["rolling", "weekly", "monthly"])
@pytest.mark.parametrize("value", [None, {}, [], "ok", "absent"])
def test_a_window_that_is_missing_is_absent(missing: str, value: object) -> None:
    body = payload("opencode/go")
    body["usage"][missing] = value
    if value == "absent":
        del body["usage"][missing]
    id_ = {"rolling": "five_hour"}.get(missing, missing)
    assert read_api(body).quotas == tuple(quota for quota in api("go").quotas if quota.id != id_)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({}, "usage"),
        ({"usage": None}, "usage"),
        ({"usage": []}, "usage"),
        ({"usage": {}}, "usage"),
        ({"usage": {"rolling": None, "weekly": None, "monthly": None}}, "usage"),
        ({"usage": {"rolling": {"status": "ok", "percent": None}}}, "usage"),
        (payload("opencode/side_branch"), "usage"),
        (payload("opencode/error_403"), "usage"),
    ],
)
def test_an_answer_of_another_shape_names_the_field(body: object, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        read_api(body)


# -- Go and Black, of the console -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "page_go",
            Subscription(
                quotas=(
                    five_hour(12, "2026-11-21T10:32:00"),
                    weekly(44, "2026-11-23T10:00:00"),
                    monthly(31, "2026-12-01T18:00:00"),
                ),
                use_balance=False,
            ),
        ),
        (
            "page_go_spent",
            Subscription(
                quotas=(
                    five_hour(1, "2026-11-21T13:00:00"),
                    weekly(44, "2026-11-23T10:00:00"),
                    monthly(99, "2026-12-01T18:00:00", reached=True),
                ),
                use_balance=True,
            ),
        ),
        ("page_go_other_member", Subscription(mine=False)),
        ("page_go_none", None),
        (
            "server_black",
            Subscription(
                quotas=(five_hour(64, "2026-11-21T09:00:00"), weekly(20, "2026-11-23T08:00:00")),
                use_balance=False,
            ),
        ),
        ("server_none", None),
    ],
)
def test_windows_of_the_console(case: str, expected: Subscription | None) -> None:
    assert read_page(page(case), NOW) == expected


def test_seconds_count_from_the_answer_in_whole_ones() -> None:
    found = read_page(page("page_go"), NOW + timedelta(seconds=59.9))
    assert found is not None
    assert found.quotas[0].resets_at == utc("2026-11-21T10:32:59")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rollingUsage:$R[28]={", "rollingUsage:{"),
        ("rollingUsage:$R[28]={", "rollingUsage: $R[7] = $R[28] = { "),
        ("mine:!0,", "mine:true,"),
        ("mine:!0,", ""),
        ("usagePercent:12", 'usagePercent:"12"'),
        ("{status:", "{note:null,when:new Date(0),status:"),
    ],
)
def test_spellings_of_the_same_page(old: str, new: str) -> None:
    text = page("page_go")
    assert old in text
    assert read_page(text.replace(old, new), NOW) == windows("page_go")


def test_the_object_that_tells_whose_it_is_is_that_of_go() -> None:
    """A page may hold Black's beside it."""
    assert read_page(page("server_black") + page("page_go"), NOW) == windows("page_go")


def test_a_reset_of_the_console_that_is_none() -> None:
    text = page("page_go").replace("resetInSec:9120", "resetInSec:null").replace("180000", "-5")
    found = read_page(text, NOW)
    assert found is not None
    assert [quota.resets_at for quota in found.quotas] == [None, None, utc("2026-12-01T18:00:00")]


def test_windows_without_any_figure_are_an_error() -> None:
    text = page("page_go").replace("usagePercent", "percent")
    with pytest.raises(PayloadError, match="^rollingUsage: "):
        read_page(text, NOW)


# -- any answer at all ------------------------------------------------------------------------------


@given(st.data())
def test_any_json_at_any_place(data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"opencode/{data.draw(st.sampled_from(ANSWERS))}")))
    survives(lambda: usage(now=NOW, go=read_api(body)))


@given(ANY_JSON)
def test_any_json(body: object) -> None:
    survives(lambda: usage(now=NOW, go=read_api(body)))


@pytest.mark.parametrize("case", ANSWERS)
def test_null_at_every_place(case: str) -> None:
    body = payload(f"opencode/{case}")
    for place in places(body):
        survives(lambda place=place: usage(now=NOW, go=read_api(replaced(body, place, None))))  # type: ignore[misc]
