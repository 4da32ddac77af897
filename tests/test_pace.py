"""Pace: what can honestly be said of where use leads, and what cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support import NOW, d
from usagecli.model import Balance, Drain, Pace, Quota, Rates, Refill, Usage
from usagecli.pace import Reading, balance_pace, balance_rate, forecast, quota_pace, quota_rate, recent_s

HOUR, DAY = 3600, 86400
NOW_S = NOW.timestamp()


def quota(used: int | str | None, *, gone: float = 0.5, window: int = 5 * HOUR, **more: Any) -> Quota:
    """A window of which the share `gone` has passed at NOW."""
    given: dict[str, Any] = {
        "id": "five_hour",
        "label": "5-hour limit",
        "unit": "percent",
        "used": None if used is None else d(used),
        "limit": d(100),
        "window_seconds": window,
        "resets_at": NOW + timedelta(seconds=round(window * (1 - gone))),
        **more,
    }
    return Quota(**given)


def told(found: Quota, per_day: float | None = None, *, read: datetime = NOW) -> Pace | None:
    return quota_pace(found, per_day, read, NOW)


def pace(basis: Any, projected: str, runs_out_in: timedelta | None = None, expected: str = "50") -> Pace:
    return Pace(
        basis=basis,
        expected_percent_used=d(expected),
        projected_percent_used=d(projected),
        runs_out_at=None if runs_out_in is None else NOW + runs_out_in,
        lasts=d(projected) <= 100,
    )


# -- quotas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "per_day", "expected"),
    [
        # By the average of the window.
        (quota(30), None, pace("window", "60")),
        (quota(50), None, pace("window", "100")),
        (quota(80), None, pace("window", "160", timedelta(minutes=37, seconds=30))),
        # By the history, whatever the window says.
        (quota(80), 0.0, pace("history", "80")),
        (quota(80), 24.0 * 8, pace("history", "100")),
        (quota(10), 24.0 * 60, pace("history", "160", timedelta(hours=1, minutes=30))),
        # The average of 31 % in 6 of 7 days.
        (quota(84, gone=0.75, window=7 * DAY), None, pace("window", "112", timedelta(days=1), "75")),
    ],
)
def test_where_it_leads(found: Quota, per_day: float | None, expected: Pace) -> None:
    assert told(found, per_day) == expected


@pytest.mark.parametrize(
    "found",
    [
        quota(30, window_seconds=None),
        quota(30, resets_at=None),
        quota(None),
        quota(30, limit=None),
        quota(30, unlimited=True),
        quota(30, refill=Refill(amount=d(5), every_seconds=HOUR)),
    ],
    ids=["no length", "no reset", "nothing known", "no percentage", "unlimited", "trickles back"],
)
@pytest.mark.parametrize("per_day", [None, 24.0])
def test_nothing_is_said_of_what_has_no_window(found: Quota, per_day: float | None) -> None:
    assert told(found, per_day) is None


@pytest.mark.parametrize(
    ("found", "known"),
    [
        # 5 % of five hours are 15 minutes.
        (quota(4, gone=0.049), False),
        (quota(4, gone=0.05), True),
        # 5 % of 20 minutes are one, and three are the least.
        (quota(4, gone=0.1, window=1200), False),
        (quota(4, gone=0.15, window=1200), True),
        # A window of a minute never has three.
        (quota(4, gone=0.9, window=60), False),
        # Unused, a quarter.
        (quota(0, gone=0.24), False),
        (quota(0, gone=0.25), True),
    ],
)
@pytest.mark.parametrize("per_day", [None, 0.0])
def test_a_window_that_has_just_begun_says_nothing(found: Quota, known: bool, per_day: float | None) -> None:
    assert (told(found, per_day) is not None) is known


def test_unused_for_long_enough_it_lasts() -> None:
    assert told(quota(0)) == pace("window", "0")


@pytest.mark.parametrize("gone", [-0.2, 1.0, 1.5], ids=["not begun", "reset now", "reset passed"])
def test_a_window_that_does_not_hold_now_has_no_pace(gone: float) -> None:
    assert told(quota(30, gone=gone), 24.0) is None


def test_a_reading_of_before_the_window_or_after_now_has_no_pace() -> None:
    assert told(quota(30), 24.0, read=NOW - timedelta(hours=3)) is None
    assert told(quota(30), 24.0, read=NOW + timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("found", "projected"),
    [
        (quota(100), "200"),
        (quota(130), "260"),
        (quota(97, reached=True), "200"),
        (quota(unit="credits", used=None, limit=d(9), percent_used=d("99.6"), remaining=d(0)), "200"),
    ],
    ids=["all of it", "more than all", "the provider says so", "nothing left"],
)
@pytest.mark.parametrize("per_day", [None, 0.0])
def test_what_is_used_up_does_not_last_and_has_run_out_before(
    found: Quota, projected: str, per_day: float | None
) -> None:
    assert told(found, per_day) == replace(pace("window", projected), runs_out_at=None)


def test_it_runs_out_no_earlier_than_now() -> None:
    """An older reading may have it run out before; then that is about now."""
    read = NOW - timedelta(hours=2)
    found = told(quota(90), 24.0 * 60, read=read)
    assert found is not None
    assert found.runs_out_at == NOW


def test_the_same_reading_gives_the_same_pace_later() -> None:
    now, found = NOW + timedelta(minutes=5), quota(80)
    early, late = told(found), quota_pace(found, None, NOW, now)
    assert early is not None
    assert late == early


@pytest.mark.parametrize("seconds", [10**12, 10**30])
def test_absurd_lengths_are_survived(seconds: int) -> None:
    found = told(quota(30, window_seconds=seconds))
    assert found is not None
    assert found.lasts


def test_what_no_number_holds_is_not_known() -> None:
    assert told(quota("1e308")) is None


# -- how fast a quota goes --------------------------------------------------------------------------


def minutes(*readings: tuple[float, float]) -> list[Reading]:
    """Readings so many minutes ago."""
    return [Reading(NOW_S - ago * 60, value, 100.0) for ago, value in readings]


def rate(value: float, *earlier: tuple[float, float], left: float = 2.5 * HOUR) -> float | None:
    """Percent an hour of a five-hour window by these readings; its recent part is an hour."""
    newest = Reading(NOW_S, value, 100.0)
    found = quota_rate(newest, minutes(*earlier), window_s=5 * HOUR, resets_at=NOW_S + left)
    return None if found is None else round(found / 24, 6)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (rate(40, (60, 20), (30, 30)), 20),
        (rate(40, (45, 25), (30, 30)), 20),
        (rate(40, (60, 40), (30, 40)), 0),
        # In any order, some of them twice.
        (rate(40, (30, 30), (60, 20), (30, 30), (60, 20)), 20),
        # What is older than the recent part does not count.
        (rate(40, (200, 0), (120, 1), (60, 20), (30, 30)), 20),
        # A gap is no matter as long as there are readings at both ends.
        (rate(40, (60, 20), (1, 40)), 20),
        # Percentages are rounded, now up, now down.
        (rate(40, (60, 20), (50, 24), (40, 23), (20, 33)), 20),
        (rate(40, (60, 41), (30, 40)), 0),
    ],
)
def test_the_recent_rate(found: float | None, expected: float) -> None:
    assert found == expected


@pytest.mark.parametrize(
    "found",
    [
        rate(40),
        rate(40, (60, 20)),
        rate(40, (44, 25), (30, 30)),
        # Another window.
        rate(40, (60, 20), (30, 30), left=5 * HOUR - 1800),
        # Began again early.
        rate(40, (60, 90), (50, 95), (30, 10), (15, 20)),
        # The clock was set back: readings from the future.
        rate(40, (-30, 50), (-60, 60), (60, 20)),
        rate(40, (0, 40), (0, 40), (60, 20)),
    ],
    ids=["alone", "two", "too short", "before the reset", "early reset", "future", "same instant"],
)
def test_too_little_gives_no_rate(found: float | None) -> None:
    assert found is None


def test_readings_must_span_three_minutes_however_short_the_window() -> None:
    def of(ago: float) -> float | None:
        newest = Reading(NOW_S, 40, 100.0)
        earlier = minutes((ago, 20), (1, 30))
        return quota_rate(newest, earlier, window_s=1000, resets_at=NOW_S + 100)

    assert of(2.9) is None
    assert of(3) == pytest.approx(20 / 180 * DAY)


def test_readings_of_another_limit_do_not_count() -> None:
    newest = Reading(NOW_S, 40, 200.0)
    assert quota_rate(newest, minutes((60, 20), (30, 30)), window_s=5 * HOUR, resets_at=NOW_S + HOUR) is None


@pytest.mark.parametrize(
    ("window", "recent"),
    [(5 * HOUR, HOUR), (DAY, 0.2 * DAY), (4 * DAY, 0.8 * DAY), (7 * DAY, DAY), (30 * DAY, 6 * DAY)],
)
def test_the_recent_part_has_whole_days_where_it_can(window: int, recent: float) -> None:
    assert recent_s(window) == pytest.approx(recent)


# -- balances ---------------------------------------------------------------------------------------


def days(*readings: tuple[float, float]) -> list[Reading]:
    return [Reading(NOW_S - ago * DAY, value) for ago, value in readings]


@pytest.mark.parametrize(
    ("value", "earlier", "per_day"),
    [
        (10, [(4, 30), (2, 20)], 5),
        (10, [(1, 12), (0.5, 11)], 2),
        (10, [(4, 10), (2, 10)], 0),
        # A top-up is no negative use.
        (60, [(4, 30), (2, 20), (1, 70)], 5),
        (99, [(4, 10), (2, 50)], 0),
        # The clock was set back; older than a week.
        (10, [(-1, 500), (4, 30), (2, 20), (8, 900)], 5),
        # Too few, too short.
        (10, [(4, 30)], None),
        (10, [(0.9, 12), (0.5, 11)], None),
        (10, [(8, 30), (9, 40)], None),
        (10, [], None),
    ],
)
def test_how_fast_a_balance_goes(
    value: float, earlier: list[tuple[float, float]], per_day: float | None
) -> None:
    assert balance_rate(Reading(NOW_S, value), days(*earlier)) == per_day


def balance(amount: int | str | None, **more: Any) -> Balance:
    found = None if amount is None else d(amount)
    return Balance(**{"id": "credits", "label": "Credits", "unit": "usd", "amount": found, **more})


@pytest.mark.parametrize(
    ("found", "per_day", "expected"),
    [
        (balance(60), 5.0, Drain(per_day=d(5), days_left=d(12), runs_out_at=NOW + timedelta(days=12))),
        (balance(60), 0.0, Drain(per_day=d(0), days_left=None, runs_out_at=None)),
        # So little that it lasts for ten years and more.
        (balance(60), 0.001, Drain(per_day=d("0.001"), days_left=None, runs_out_at=None)),
        (balance(60), None, None),
        (balance(None), 5.0, None),
        (balance(0), 5.0, None),
        (balance(-3), 5.0, None),
        (balance(60, unlimited=True), 5.0, None),
        (balance(60, reached=True), 5.0, None),
        # Told by an earlier answer.
        (balance(60, as_of=NOW - timedelta(hours=1)), 5.0, None),
    ],
)
def test_how_long_a_balance_lasts(found: Balance, per_day: float | None, expected: Drain | None) -> None:
    assert balance_pace(found, per_day, NOW, NOW) == expected


def test_a_balance_is_counted_from_its_reading() -> None:
    read = NOW - timedelta(days=2)
    found = balance_pace(balance(60), 5.0, read, NOW)
    assert found == Drain(per_day=d(5), days_left=d(12), runs_out_at=NOW + timedelta(days=10))
    assert balance_pace(balance(60), 5.0, NOW + timedelta(seconds=1), NOW) is None
    gone = balance_pace(balance(5), 5.0, read, NOW)
    assert gone == Drain(per_day=d(5), days_left=d(1), runs_out_at=NOW)


def test_a_usage_gets_the_paces_of_its_own_rates() -> None:
    """A quota and a balance of one id have nothing to do with each other."""
    usage = Usage(quotas=(quota(30, id="credits"), quota(30)), balances=(balance(60), balance(1, id="other")))
    rates = Rates(quotas={"credits": 24.0 * 8}, balances={"credits": 5.0})
    paced = forecast(usage, rates, NOW, NOW)
    assert [one.pace for one in paced.quotas] == [pace("history", "50"), pace("window", "60")]
    assert [one.pace and one.pace.per_day for one in paced.balances] == [d(5), None]


# -- what always holds ------------------------------------------------------------------------------

READINGS = st.lists(st.tuples(st.integers(-600, 40 * 1440), st.floats(0, 150, allow_nan=False)), max_size=30)
# Readings as they usually are: all of the last hour, ever more used, now and then an odd one.
RISING = st.tuples(st.lists(st.floats(0, 100), min_size=6, max_size=6), READINGS).map(
    lambda drawn: [*zip((60, 59, 45, 30, 15, 1), sorted(drawn[0]), strict=True), *drawn[1][:2]]
)
WINDOWS = st.sampled_from((60, 1200, 5 * HOUR, DAY, 7 * DAY, 30 * DAY)) | st.integers(1, 400 * DAY)


@given(READINGS | RISING, st.floats(0, 150), WINDOWS, st.floats(0, 1))
def test_a_rate_is_never_negative_or_more_than_was_seen(
    readings: list[tuple[float, float]], value: float, window: int, left: float
) -> None:
    newest = Reading(NOW_S, value, 100.0)
    found = quota_rate(newest, minutes(*readings), window_s=window, resets_at=NOW_S + left * window)
    if found is not None:
        assert 0 <= found <= value / max(180, 0.75 * recent_s(window)) * DAY * 1.000001


@given(RISING, st.floats(90, 150), st.floats(90, 150))
def test_more_use_is_no_lower_rate(readings: list[tuple[float, float]], less: float, more: float) -> None:
    less, more = sorted((less, more))
    slow, fast = (
        quota_rate(
            Reading(NOW_S, value, 100.0), minutes(*readings), window_s=5 * HOUR, resets_at=NOW_S + HOUR
        )
        for value in (less, more)
    )
    if slow is not None:
        assert fast is not None
        assert slow <= fast


@given(READINGS | RISING, st.floats(0, 1e6))
def test_a_balance_never_goes_backwards(readings: list[tuple[float, float]], value: float) -> None:
    earlier = [Reading(reading.at, reading.value) for reading in minutes(*readings)]
    found = balance_rate(Reading(NOW_S, value), earlier)
    assert found is None or 0 <= found <= 150 * len(readings)


@st.composite
def paced(draw: st.DrawFn) -> tuple[Quota, float | None, datetime, datetime]:
    window = draw(WINDOWS)
    gone = draw(st.floats(0, 1))
    used = draw(st.decimals(0, 150, places=3))
    read = NOW - timedelta(seconds=draw(st.integers(0, 600)))
    now = NOW + timedelta(microseconds=draw(st.integers(0, 999_999)))
    return quota(str(used), gone=gone, window=window), draw(st.none() | st.floats(0, 5000)), read, now


@given(paced())
def test_a_pace_does_not_contradict_itself(drawn: tuple[Quota, float | None, datetime, datetime]) -> None:
    found, per_day, read, now = drawn
    pace = quota_pace(found, per_day, read, now)
    if pace is None:
        return
    assert 0 <= pace.expected_percent_used <= 100
    assert found.percent_used is not None
    assert pace.projected_percent_used >= found.percent_used
    assert pace.lasts is (pace.projected_percent_used <= 100)
    assert (pace.runs_out_at is None) is (pace.lasts or found.percent_used >= 100)
    if pace.runs_out_at is not None:
        assert found.resets_at is not None
        assert now <= pace.runs_out_at <= found.resets_at
        assert pace.runs_out_at.microsecond == 0


@given(paced(), st.decimals(0, 99, places=3), st.decimals(0, 99, places=3), st.floats(0, 5000))
def test_more_use_never_runs_out_later(
    drawn: tuple[Quota, float | None, datetime, datetime], less: Any, more: Any, faster: float
) -> None:
    found, per_day, read, now = drawn
    ends = []
    for used, add in zip(sorted((less, more)), (0.0, faster), strict=True):
        rate = None if per_day is None else per_day + add
        pace = quota_pace(replace(found, used=used, percent_used=used, remaining=100 - used), rate, read, now)
        assume(pace is not None)
        assert pace is not None
        ends.append(pace.runs_out_at or datetime.max.replace(tzinfo=NOW.tzinfo))
    assert ends[1] <= ends[0]
