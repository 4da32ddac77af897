"""From when until when: days, instants, and what does not go together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.process import posix
from tests.support import NOW, utc
from usagecli.history.span import Moment, Span, Wanted

END = NOW + timedelta(seconds=1)


def moment(text: str) -> Any:
    return Moment().convert(text, None, None)


def span(**given: Any) -> Span:
    texts = {key: moment(value) if isinstance(value, str) else value for key, value in given.items()}
    return Wanted(**texts).span(NOW)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's zone, one hour ahead of UTC in winter and two in summer."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        ({}, NOW - timedelta(days=7) + timedelta(seconds=1), END),
        ({"days": 2}, END - timedelta(days=2), END),
        ({"hours": 5}, END - timedelta(hours=5), END),
        ({"since": "2026-11-20T06:30Z"}, utc("2026-11-20T06:30:00"), END),
        ({"since": "2026-11-20T06:30:15.5+01:00"}, utc("2026-11-20T05:30:15"), END),
        (
            {"since": "2026-11-18T00:00Z", "until": "2026-11-19T00:00Z"},
            utc("2026-11-18T00:00"),
            utc("2026-11-19T00:00"),
        ),
        ({"days": 2, "until": "2026-11-19T12:00Z"}, utc("2026-11-17T12:00"), utc("2026-11-19T12:00")),
        (
            {"since": "2026-11-20T00:00Z", "until": "2030-01-01T00:00Z"},
            utc("2026-11-20T00:00"),
            utc("2030-01-01T00:00"),
        ),
    ],
)
def test_spans(given: Any, since: datetime, until: datetime) -> None:
    assert span(**given) == Span(since, until)


@posix
@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        ({"since": "2026-11-18", "until": "2026-11-19"}, "2026-11-17T23:00:00", "2026-11-19T23:00:00"),
        ({"since": "20261118", "until": "20261118"}, "2026-11-17T23:00:00", "2026-11-18T23:00:00"),
        (
            {"since": "2026-11-18T10:00", "until": "2026-11-18T11:00"},
            "2026-11-18T09:00:00",
            "2026-11-18T10:00:00",
        ),
        # The day on which summer ends has 25 hours.
        ({"since": "2026-10-25", "until": "2026-10-25"}, "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
    ],
)
def test_days_and_bare_instants_are_those_of_this_machine(given: Any, since: str, until: str) -> None:
    assert span(**given) == Span(utc(since), utc(until))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"hours": 1, "days": 1}, "give --hours or --days, not both"),
        ({"hours": 1, "since": "2026-11-18"}, "give --hours or --since, not both"),
        ({"days": 1, "since": "2026-11-18"}, "give --days or --since, not both"),
        ({"since": "2026-11-20", "until": "2026-11-19"}, "it ends before it begins"),
        ({"since": "2027-01-01"}, "it ends before it begins"),
        ({"since": "2026-11-20T10:00Z", "until": "2026-11-20T10:00Z"}, "it ends before it begins"),
    ],
)
def test_what_does_not_go_together(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        span(**given)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-11-31",
        "0001-01-01",
        "9999-12-31",
        "1970-12-31T00:00Z",
        "12",
        "2026-11-20T25:00",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter):
        moment(text)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        found = moment(text)
    except click.BadParameter:
        return
    assert isinstance(found, date)


@given(found=st.dates(date(1971, 1, 1), date(2900, 12, 31)))
def test_every_day_has_a_beginning_and_an_end(found: date) -> None:
    since, until = Wanted(since=found, until=found).span(NOW)
    assert timedelta(hours=22) < until - since < timedelta(hours=26)


@given(hours=st.none() | st.integers(1, 876000), days=st.none() | st.integers(1, 36500))
def test_however_long_it_is(hours: int | None, days: int | None) -> None:
    if hours is None or days is None:
        found = Wanted(hours=hours, days=days).span(NOW)
        assert found.since < found.until == END
