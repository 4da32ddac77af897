"""Days, weeks and hours in any zone, those with a changed clock among them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.process import posix, process
from tests.tokens.logs import by, report, row, transcript, usage
from usagecli.machine import here

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
    "Antarctica/Troll",
]


def at(*moments: str | datetime) -> list[dict[str, Any]]:
    """A request of one token at each of these moments."""
    texts = [
        moment if isinstance(moment, str) else moment.isoformat(timespec="milliseconds") for moment in moments
    ]
    return [
        {**row(f"msg_{number}", usage(1)), "timestamp": moment.replace("+00:00", "Z")}
        for number, moment in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("zone", "moments", "days", "hours"),
    [
        # The clock goes forward at 01:00 UTC: that day has 23 hours, and none that is the third.
        (
            "Europe/Berlin",
            ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z")
            + ("2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"),
            {"2026-03-28": 1, "2026-03-29": 4, "2026-03-30": 1},
            {0: 2, 1: 1, 3: 1, 23: 2},
        ),
        # It goes back: 25 hours, the third of them twice.
        (
            "Europe/Berlin",
            ("2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")
            + ("2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"),
            {"2026-10-24": 1, "2026-10-25": 4, "2026-10-26": 1},
            {0: 2, 2: 2, 23: 2},
        ),
        (
            "America/New_York",
            ("2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z")
            + ("2026-11-02T04:59:59Z", "2026-11-02T05:00:00Z"),
            {"2026-10-31": 1, "2026-11-01": 4, "2026-11-02": 1},
            {0: 2, 1: 2, 23: 2},
        ),
        # By half an hour, at 15:00 UTC: the hour from 1 to 2 has an hour and a half.
        (
            "Australia/Lord_Howe",
            ("2026-04-04T12:59:59Z", "2026-04-04T13:00:00Z", "2026-04-04T14:59:59Z", "2026-04-04T15:15:00Z")
            + ("2026-04-05T13:29:59Z", "2026-04-05T13:30:00Z"),
            {"2026-04-04": 1, "2026-04-05": 4, "2026-04-06": 1},
            {0: 2, 1: 2, 23: 2},
        ),
        # At midnight itself, so that this day begins at 1.
        (
            "America/Santiago",
            ("2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z", "2026-09-07T02:59:59Z", "2026-09-07T03:00:00Z"),
            {"2026-09-05": 1, "2026-09-06": 2, "2026-09-07": 1},
            {0: 1, 1: 1, 23: 2},
        ),
        (
            "Asia/Kathmandu",
            ("2026-11-20T18:14:59.999Z", "2026-11-20T18:15:00Z"),
            {"2026-11-20": 1, "2026-11-21": 1},
            {0: 1, 23: 1},
        ),
    ],
    ids=["forward", "back", "New York", "half an hour", "at midnight", "quarters"],
)
def test_days_and_hours_where_the_clock_changes(
    own_home: Path, zone: str, moments: tuple[str, ...], days: dict[str, int], hours: dict[int, int]
) -> None:
    transcript(own_home, at(*moments))
    assert by("daily", "--timezone", zone) == days
    assert by("hours", "--timezone", zone) == hours


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(
        st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
        min_size=1,
        max_size=20,
    ),
    zone=st.sampled_from(ZONES),
)
def test_every_request_is_on_its_day_in_any_zone(own_home: Path, moments: list[datetime], zone: str) -> None:
    transcript(own_home, at(*moments))
    there = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    asked = ("--files-only", "--timezone", zone)
    weeks = Counter((moment.date() - timedelta(moment.weekday())).isoformat() for moment in there)
    assert by("daily", *asked) == Counter(moment.date().isoformat() for moment in there)
    assert by("weekly", *asked) == weeks
    assert by("monthly", *asked) == Counter(f"{moment:%Y-%m}" for moment in there)
    assert by("hours", *asked) == Counter(moment.hour for moment in there)


def test_a_week_begins_where_the_user_says(own_home: Path) -> None:
    transcript(own_home, at("2026-11-14T12:00:00Z", "2026-11-15T12:00:00Z", "2026-11-16T12:00:00Z"))
    found = {start: by("weekly", "--week-starts", start) for start in ("monday", "sunday", "saturday")}
    assert found == {
        "monday": {"2026-11-09": 2, "2026-11-16": 1},
        "sunday": {"2026-11-08": 1, "2026-11-15": 2},
        "saturday": {"2026-11-14": 3},
    }


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the clock."""

    def set_to(text: str) -> None:
        now = datetime.fromisoformat(text)
        monkeypatch.setattr("usagecli.cli.here", lambda: replace(here(), clock=lambda: now))

    return set_to


class TestToday:
    LOG = at("2026-11-21T09:30:00Z", "2026-11-21T10:30:00Z")

    @pytest.mark.parametrize(
        ("zone", "now", "day", "tokens"),
        [
            ("Pacific/Kiritimati", "2026-11-21T09:59:00+00:00", "2026-11-21", 1),
            ("Pacific/Kiritimati", "2026-11-21T10:01:00+00:00", "2026-11-22", 1),
            ("Pacific/Pago_Pago", "2026-11-21T10:59:00+00:00", "2026-11-20", 2),
            ("Pacific/Pago_Pago", "2026-11-21T11:01:00+00:00", "2026-11-21", 0),
            ("UTC", "2026-11-21T11:01:00+00:00", "2026-11-21", 2),
        ],
    )
    def test_it_is_todays_in_the_zone(
        self,
        own_home: Path,
        clock: Callable[[str], None],
        zone: str,
        now: str,
        day: str,
        tokens: int,
    ) -> None:
        transcript(own_home, self.LOG)
        clock(now)
        today = report("", "--timezone", zone)["today"]
        assert (today["day"], today["totalTokens"]) == (day, tokens)

    def test_an_answer_of_yesterday_there_is_none(self, own_home: Path, clock: Callable[[str], None]) -> None:
        transcript(own_home, self.LOG)
        days = []
        for minute in ("09:59", "10:01"):
            clock(f"2026-11-21T{minute}:00+00:00")
            days.append(report("", "--timezone", "Pacific/Kiritimati")["today"]["day"])
        assert days == ["2026-11-21", "2026-11-22"]

    def test_a_clock_that_was_set_back(self, own_home: Path, clock: Callable[[str], None]) -> None:
        transcript(own_home, self.LOG)
        found = []
        for day in ("2026-11-21", "2026-11-19", "2026-11-21"):
            clock(f"{day}T12:00:00+00:00")
            document = report("")
            found.append((document["today"]["totalTokens"], document["yearToDate"]["totalTokens"]))
        # What is still to come is in no year to date, but in the log.
        assert found == [(2, 2), (0, 0), (2, 2)]
        assert by("daily") == {"2026-11-21": 2}


@posix
@pytest.mark.parametrize(
    ("zone", "name", "day"),
    [
        ("America/Los_Angeles", "America/Los_Angeles", "2026-11-19"),
        (":Asia/Tokyo", "Asia/Tokyo", "2026-11-20"),
        ("XYZ+9", "XYZ+9", "2026-11-19"),
        ("XYZ-9", "XYZ-9", "2026-11-20"),
    ],
)
def test_the_machines_own_zone_may_have_no_name(own_home: Path, zone: str, name: str, day: str) -> None:
    transcript(own_home, at("2026-11-20T03:00:00Z"))
    outcome = process("tokens", "daily", "--json", env={"TZ": zone})
    document = json.loads(outcome.out)
    assert (document["timezone"], document["rows"][0]["day"]) == (name, day)
