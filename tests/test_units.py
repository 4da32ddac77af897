"""Figures as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW, d, utc
from usagecli.formatters import units


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "usd", "-"),
        ("158.61", "usd", "$158.61"),
        ("500", "usd", "$500"),
        ("1234567.891", "usd", "$1,234,567.89"),
        ("12.5", "eur", "€12.50"),
        ("12.5", "chf", "12.50 CHF"),
        ("-3.5", "usd", "-$3.50"),
        ("-7", "chf", "-7 CHF"),
        ("0.0042", "usd", "$0.0042"),
        ("0.00001", "usd", "$0.0000"),
        ("-0.00001", "usd", "$0.0000"),
        ("0", "usd", "$0"),
        ("1234", "requests", "1,234"),
        ("1499.996", "credits", "1,500"),
        ("42.25", "credits", "42.25"),
        ("-0.001", "credits", "0"),
        ("12345678", "tokens", "12.3M"),
        ("12000", "tokens", "12k"),
        ("950", "tokens", "950"),
        ("1200000000", "tokens", "1.2B"),
        ("28", "percent", "28 %"),
        ("45", "minutes", "45m"),
        ("8370", "minutes", "139.5h"),
        ("45000", "minutes", "750h"),
        ("12.345", "kwh", "12.34 kWh"),
    ],
)
def test_amount(value: str | None, unit: str, text: str) -> None:
    assert units.amount(None if value is None else d(value), unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("0", "0 %"),
        ("0.01", "<0.1 %"),
        ("0.4", "0.4 %"),
        ("63.84", "63.8 %"),
        ("99.94", "99.9 %"),
        ("99.96", ">99.9 %"),
        ("100", "100 %"),
        ("107.2", "107.2 %"),
    ],
)
def test_percent_is_never_rounded_to_all_or_nothing(value: str | None, text: str) -> None:
    assert units.percent(None if value is None else d(value)) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, "-"),
        (NOW - timedelta(seconds=1), "now"),
        (NOW, "now"),
        (NOW + timedelta(seconds=20), "in 1m"),
        (NOW + timedelta(minutes=41), "in 41m"),
        (NOW + timedelta(hours=2), "in 2h"),
        (NOW + timedelta(hours=2, minutes=15), "in 2h 15m"),
        (NOW + timedelta(hours=23, minutes=59), "in 23h 59m"),
        (NOW + timedelta(days=1), "Sun 08:00"),
        (utc("2026-11-27T09:00:00"), "Fri 09:00"),
        (NOW + timedelta(days=7), "28 Nov"),
        (utc("2026-12-01T00:00:00"), "1 Dec"),
        (utc("2027-11-01T00:00:00"), "1 Nov 2027"),
    ],
)
def test_reset(at: datetime | None, text: str) -> None:
    assert units.reset(at, NOW, NOW.tzinfo) == text


def test_a_reset_is_told_in_the_zone_of_the_reader() -> None:
    at = utc("2026-11-27T23:30:00")
    assert units.reset(at, NOW, ZoneInfo("Asia/Tokyo")) == "Sat 08:30"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "1m"),
        (timedelta(hours=5), "5h"),
        (timedelta(days=7), "7d"),
        (timedelta(days=3, hours=4, minutes=5), "3d 4h"),
    ],
)
def test_span(length: timedelta, text: str) -> None:
    assert units.span(length) == text


@given(
    st.decimals(-(10**15), 10**15, allow_nan=False, places=6),
    st.sampled_from(("usd", "chf", "tokens", "credits", "percent")),
)
def test_any_amount_has_a_text(value: Decimal, unit: str) -> None:
    text = units.amount(value, unit)
    assert text
    assert "E" not in text.upper().removesuffix("B").removesuffix("CHF")
    assert text.count("-") <= 1
