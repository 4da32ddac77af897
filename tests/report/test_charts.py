"""Coordinates: finite and within the box, whatever the readings; resets, gaps and bars."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagecli.history.summary import Reading, is_reset
from usagecli.report import charts
from usagecli.report.charts import HEIGHT, WIDTH, Chart, Column, columns, curve, level, resets, share

HOUR = 3600
anything = st.floats(allow_nan=True, allow_infinity=True)
instants = st.integers(-(10**10), 10**11)
any_readings = st.lists(
    st.builds(Reading, at=instants, value=anything, resets_at=st.none() | instants), max_size=60
).map(lambda found: sorted(found, key=lambda reading: reading.at))
NUMBER = r"-?[0-9.]+(?:e[-+]?\d+)?"


def points(path: str) -> list[tuple[float, float]]:
    """The points of a path, all of whose commands are known."""
    assert re.fullmatch(rf"(?:[ML]{NUMBER} {NUMBER}|h0|Z)*", path), path
    return [(float(x), float(y)) for x, y in re.findall(rf"[ML]({NUMBER}) ({NUMBER})", path)]


def drawn(*readings: Reading, top: float = 100, until: int = 100 * HOUR) -> Chart:
    found = curve(readings, 0, until, top)
    assert found is not None
    return found


class TestCurve:
    @given(readings=any_readings, since=instants, span=st.integers(-10, 10**7), top=anything)
    def test_every_coordinate_is_in_the_box(
        self, readings: list[Reading], since: int, span: int, top: float
    ) -> None:
        found = curve(readings, since, since + span, top)
        if found is None:
            return
        for x, y in [*points(found.line), *points(found.area)]:
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT
        assert all(0 <= x <= WIDTH for x in found.resets)
        assert 0 <= found.reset_top < HEIGHT
        assert points(found.line)

    @given(readings=any_readings)
    def test_time_never_runs_backwards_within_a_part(self, readings: list[Reading]) -> None:
        found = curve(readings, 0, 10**9, 100)
        for part in (found.line if found else "").split("M"):
            xs = [x for x, _ in points(f"M{part}" if part else "")]
            assert xs == sorted(xs)

    def test_a_line_from_corner_to_corner(self) -> None:
        found = drawn(Reading(0, 0), Reading(50 * HOUR, 50), Reading(100 * HOUR, 100))
        assert points(found.line) == [(0, 100), (300, 50), (600, 0)]
        assert points(found.area) == [(0, 100), (0, 100), (300, 50), (600, 0), (600, 100)]
        assert found.area.endswith("Z")
        assert found.resets == ()

    @pytest.mark.parametrize(
        ("readings", "since", "until", "top"),
        [
            ([], 0, HOUR, 100.0),
            ([Reading(-1, 5), Reading(HOUR + 1, 5)], 0, HOUR, 100.0),
            ([Reading(0, math.nan), Reading(5, math.inf)], 0, HOUR, 100.0),
            ([Reading(0, 5)], 0, 0, 100.0),
            ([Reading(0, 5)], 0, HOUR, 0.0),
            ([Reading(0, 5)], 0, HOUR, math.inf),
        ],
    )
    def test_nothing_to_draw(self, readings: list[Reading], since: int, until: int, top: float) -> None:
        assert curve(readings, since, until, top) is None

    def test_what_was_not_read_for_long_is_not_drawn(self) -> None:
        found = drawn(*(Reading(at * HOUR, 10) for at in (0, 1, 2, 3, 60, 61, 62)))
        assert found.line.count("M") == 2
        assert found.area.count("Z") == 2

    def test_a_reading_a_day_is_no_gap(self) -> None:
        assert drawn(*(Reading(at * HOUR, 10) for at in (0, 24, 48, 72))).line.count("M") == 1

    def test_a_lonely_reading_is_a_dot(self) -> None:
        found = drawn(*(Reading(at * HOUR, 10) for at in (0, 1, 2, 80)))
        assert found.line.endswith("M480 90h0")
        assert found.area.count("M") == 1

    def test_a_crowd_keeps_its_extremes(self) -> None:
        readings = [Reading(at * 10, 90 if at == 777 else 5 if at == 778 else 50) for at in range(10_000)]
        found = points(drawn(*readings, until=10_000 * 10).line)
        assert len(found) < 3 * 400 + 3
        assert {y for _, y in found} == {10, 95, 50}


class TestResets:
    def test_the_line_falls_at_the_reset(self) -> None:
        found = drawn(Reading(0, 40, 30 * HOUR), Reading(60 * HOUR, 10, 130 * HOUR))
        assert points(found.line) == [(0, 60), (180, 60), (180, 100), (360, 90)]
        assert found.resets == (180,)
        assert found.reset_top == 0

    @pytest.mark.parametrize(
        ("before", "after", "at"),
        [
            (Reading(0, 40, 5000), Reading(6000, 10, 11000), 5000),
            (Reading(0, 40, 6000), Reading(6000, 50, 12000), 6000),
            # Earlier than was said.
            (Reading(0, 40, 9000), Reading(6000, 10, 24000), 6000),
            # Unused, a window that slides, an end that is counted anew each time, and one told late.
            (Reading(0, 0, 5000), Reading(6000, 0, 11000), None),
            (Reading(0, 40, 9000), Reading(600, 39, 9600), None),
            (Reading(0, 40, 9000), Reading(600, 39.9, 9001), None),
            (Reading(0, 40, 5000), Reading(5010, 41, 5000), None),
            # A correction within the window, and windows without an end.
            (Reading(0, 40, 90), Reading(60, 30, 90), None),
            (Reading(0, 40), Reading(60, 10), None),
            (Reading(0, 40, 90), Reading(60, 50, 90), None),
        ],
    )
    def test_what_is_one(self, before: Reading, after: Reading, at: int | None) -> None:
        assert resets([before, after]) == ([] if at is None else [at])

    @given(readings=any_readings)
    def test_they_are_those_of_the_history(self, readings: list[Reading]) -> None:
        found = [Reading(at, value, resets_at or 0) for at, value, resets_at in readings]
        assert len(resets(found)) == sum(itertools.starmap(is_reset, itertools.pairwise(found)))

    def test_many_are_short_marks(self) -> None:
        readings = [Reading(at * HOUR, 10, (at + 5) // 5 * 5 * HOUR) for at in range(100)]
        found = drawn(*readings)
        assert len(found.resets) == found.ends == 19
        assert found.reset_top > HEIGHT / 2


class TestBars:
    @given(values=st.lists(anything, max_size=400))
    def test_columns_stand_in_the_box(self, values: list[float]) -> None:
        found = columns(values)
        assert len(found) == len(values)
        for column in found:
            assert 0 <= column.x <= column.x + column.width <= WIDTH + 0.11
            assert column.height >= 0
            assert 0 <= column.y <= HEIGHT
            assert math.isclose(column.y + column.height, HEIGHT, abs_tol=0.11)

    def test_the_highest_fills_the_box_and_little_is_seen(self) -> None:
        assert columns([0, 1, 1000], gap=0) == [
            Column(0, 100, 200, 0),
            Column(200, 98, 200, 2),
            Column(400, 0, 200, 100),
        ]

    @given(value=anything, most=anything)
    def test_a_share_is_a_percentage(self, value: float, most: float) -> None:
        assert 0 <= share(value, most) <= 100

    @pytest.mark.parametrize(
        ("value", "most", "expected"),
        [
            (0, 100, 0),
            (0.01, 100, 1),
            (28, 100, 28),
            (99.97, 100, 99),
            (100, 100, 100),
            (140, 100, 100),
            (5, 0, 0),
        ],
    )
    def test_something_is_never_nothing_nor_all(self, value: float, most: float, expected: float) -> None:
        assert share(value, most) == expected

    @pytest.mark.parametrize(("value", "y"), [(0, 100), (25, 75), (100, 0), (300, 0), (-5, 100)])
    def test_a_level(self, value: float, y: float) -> None:
        assert level(value, 100) == y


def test_the_box_is_what_the_page_says() -> None:
    assert (charts.WIDTH, charts.HEIGHT) == (600, 100)
