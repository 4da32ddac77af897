"""Wire values: what is read, and what is refused."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.support import NOW, d, utc
from usagecli import wire
from usagecli.errors import PayloadError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, d(0)),
        (12.5, d("12.5")),
        ("12.5", d("12.5")),
        (" 7 ", d(7)),
        ("-3", d(-3)),
        (".5", d("0.5")),
        ("1e3", d(1000)),
        (1e-300, d(0)),
    ],
)
def test_numbers_and_numeric_text_are_numbers(value: Any, expected: Decimal) -> None:
    assert wire.as_number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "NaN",
        "Infinity",
        "1,000",
        "0x10",
        "1_000",
        "٣",
        "bad",
        [],
        {},
        math.nan,
        math.inf,
    ]
    + [-math.inf, 1e300, 10**400, -(10**20), "1e99", "9" * 50],
)
def test_everything_else_is_no_number(value: Any) -> None:
    assert wire.as_number(value) is None
    with pytest.raises(PayloadError, match="^usage: expected a number"):
        wire.number({"usage": value}, "usage")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-21T08:00:00Z", NOW),
        ("2026-11-21T08:00:00.987654+00:00", NOW),
        ("2026-11-21T10:00:00+02:00", NOW),
        ("2026-11-21T08:00:00", NOW),
        ("2026-11-21", utc("2026-11-21T00:00:00")),
        (1795248000, NOW),
        (1795248000000, NOW),
        (1795248000.9, NOW),
        ("1795248000", NOW),
    ],
)
def test_instants_are_utc_in_whole_seconds(value: Any, expected: Any) -> None:
    assert wire.as_instant(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        -5,
        "",
        "soon",
        "2026-13-45",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        True,
        [],
        1e18,
    ],
)
def test_everything_else_is_no_instant(value: Any) -> None:
    assert wire.as_instant(value) is None


def test_text_is_fit_for_one_line_of_a_terminal() -> None:
    assert wire.as_text("  Pro\x1b[31m\n plan\u202e ") == "Pro [31m plan"
    assert wire.as_text("x" * 500) == "x" * 200
    assert wire.as_text("プロ") == "プロ"
    nothings: list[Any] = [None, "", " \n", 5, [], "\x00"]
    for nothing in nothings:
        assert wire.as_text(nothing) is None


@pytest.mark.parametrize("seconds", [-1, "bad", None, 1e12])
def test_a_silly_wait_is_no_instant(seconds: Any) -> None:
    assert wire.later(NOW, seconds) is None


def test_a_wait_counts_from_the_answer() -> None:
    assert wire.later(NOW + timedelta(microseconds=7), 90.7) == NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("months", "expected"),
    [(0, "2026-11-01"), (1, "2026-12-01"), (2, "2027-01-01"), (-10, "2026-01-01"), (-11, "2025-12-01")],
)
def test_months_pass_the_year(months: int, expected: str) -> None:
    assert wire.month_start(NOW, months) == utc(f"{expected}T00:00:00")


def test_a_day_begins_at_midnight_utc() -> None:
    assert wire.day_start(NOW, 1) == utc("2026-11-22T00:00:00")


def test_a_slug_is_fit_for_an_id() -> None:
    assert wire.slug("GPT-5.3 Codex (Spark)!") == "gpt_5_3_codex_spark"


@given(ANY_JSON)
def test_no_value_breaks_the_lenient_readers(value: Any) -> None:
    found = wire.as_number(value)
    assert found is None or (found.is_finite() and abs(found) <= d("1e15"))
    instant = wire.as_instant(value)
    assert instant is None or (instant.microsecond == 0 and instant.utcoffset() == timedelta(0))
    text = wire.as_text(value)
    assert text is None or (text == text.strip() and "\x1b" not in text and 0 < len(text) <= 200)
    assert isinstance(wire.as_whole(value), int | None)
    assert (wire.as_count(value) or 0) >= 0


@given(st.text())
def test_any_text_becomes_one_safe_line(value: str) -> None:
    text = wire.as_text(value) or ""
    assert "\x1b" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "count"), [("7.5", Decimal("7.5")), (0, Decimal(0)), (-1, None), ("-0.1", None), (True, None)]
)
def test_nothing_that_counts_is_below_0(value: Any, count: Decimal | None) -> None:
    assert wire.as_count(value) == count


def test_the_strict_readers_name_field_and_kind() -> None:
    with pytest.raises(PayloadError, match="^data: expected an object, got a list$"):
        wire.mapping([], "data")
    with pytest.raises(PayloadError, match="^limits: expected a list, got nothing$"):
        wire.rows(None, "limits")
