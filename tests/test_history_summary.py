"""What readings say was used: resets, gaps, corrections, top-ups; and how they are drawn."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from usagecli.history import spark
from usagecli.history.summary import (
    Reading,
    Summary,
    cells,
    is_reset,
    measure_of,
    readings,
    summarize,
    used_between,
)
from usagecli.storage.history import Sample, Series

HOUR, DAY = 3600, 86400
WINDOW = 5 * HOUR


def series(kind: Any = "quota") -> Series:
    return Series(1, "work", "codex", "a", kind, "weekly", "Weekly", None, "usd", DAY)


def sample(**figures: Any) -> Sample:
    given: dict[str, Any] = dict.fromkeys(Sample._fields, None)
    return Sample(**{**given, "at": 0, "source": "api", **figures})


def used(*values: float) -> float:
    """What was used by readings an hour apart that know of no resets."""
    found = summarize([Reading(i * HOUR, value) for i, value in enumerate(values)], "used")
    assert found is not None
    return found.used


# -- which figure -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "measure", "values"),
    [
        ([sample(used=3.0, limit=10.0, remaining=7.0, percent=30.0)], "used", [3.0]),
        ([sample(limit=10.0, remaining=7.0, percent=30.0)], "used", [3.0]),
        ([sample(percent=30.0)], "percent", [30.0]),
        ([sample(remaining=7.0)], "remaining", [7.0]),
        ([sample(percent=30.0), sample(used=3.0, percent=40.0)], "used", [3.0]),
        ([sample(remaining=7.0), sample(percent=40.0)], "percent", [40.0]),
    ],
)
def test_the_figure_that_tells_most(samples: list[Sample], measure: Any, values: list[float]) -> None:
    assert measure_of(series(), samples) == measure
    assert [reading.value for reading in readings(samples, measure)] == values


def test_of_a_balance_it_is_what_remains() -> None:
    assert measure_of(series("balance"), [sample(remaining=7.0, used=1.0)]) == "remaining"


# -- use --------------------------------------------------------------------------------------------


def test_the_whole_of_a_span() -> None:
    found = [
        Reading(0, 10, 2 * HOUR),
        Reading(HOUR, 40, 2 * HOUR),
        Reading(3 * HOUR, 5, 7 * HOUR),
        Reading(4 * HOUR, 25, 7 * HOUR),
    ]
    assert summarize(found, "used") == Summary(
        first=10, last=25, minimum=5, maximum=40, used=55, resets=1, added=0
    )


def test_nothing_was_read() -> None:
    assert summarize([], "used") is None


def test_one_reading_says_nothing_of_use() -> None:
    assert used(70) == 0


@pytest.mark.parametrize(
    ("a", "b", "reset", "use"),
    [
        (Reading(0, 10, HOUR), Reading(60, 30, HOUR), False, 20),
        (Reading(0, 10, HOUR), Reading(60, 30, HOUR + 90), False, 20),
        # The window ended in between: whatever stands there now is new.
        (Reading(0, 80, HOUR), Reading(2 * HOUR, 5, 6 * HOUR), True, 5),
        (Reading(0, 80, HOUR), Reading(20 * HOUR, 85, 21 * HOUR), True, 85),
        (Reading(0, 80, HOUR), Reading(2 * HOUR, 0, None), True, 0),
        # It ended, and the answer still tells of the old one.
        (Reading(0, 80, HOUR), Reading(HOUR + 30, 81, HOUR), False, 1),
        # Nothing was used before or after: there is nothing to reset.
        (Reading(0, 0, HOUR), Reading(2 * HOUR, 0, 6 * HOUR), False, 0),
        # An early reset: use falls, and the end moves by more than time went.
        (Reading(4 * HOUR, 80, WINDOW), Reading(4 * HOUR + 600, 79, 9 * HOUR), True, 79),
        (Reading(4 * HOUR, 80, WINDOW), Reading(4 * HOUR + 600, 2, WINDOW), True, 2),
        # A window that slides: its end moves as time goes, and its use falls a little.
        (Reading(0, 50, DAY), Reading(1800, 49, DAY + 1800), False, 0),
        (Reading(0, 50, DAY), Reading(1800, 20, DAY + 1800), True, 20),
        # Without any reset: a correction, and a clear drop.
        (Reading(0, 50), Reading(HOUR, 49), False, 0),
        (Reading(0, 50), Reading(HOUR, 25), False, 0),
        (Reading(0, 50), Reading(HOUR, 24), True, 24),
        (Reading(0, 50), Reading(HOUR, 0), True, 0),
        (Reading(0, 0), Reading(HOUR, 0), False, 0),
        (Reading(0, -5), Reading(HOUR, -9), False, 0),
    ],
)
def test_between_two_readings(a: Reading, b: Reading, reset: bool, use: float) -> None:
    assert (is_reset(a, b), used_between(a, b)) == (reset, use)


def test_a_balance_is_spent_and_topped_up() -> None:
    found = [Reading(hour, value) for hour, value in enumerate((10, 8, 28, 27.5, 27.5))]
    assert summarize(found, "remaining", balance=True) == Summary(
        first=10, last=27.5, minimum=8, maximum=28, used=2.5, resets=0, added=20
    )


def test_a_debt_is_spent_as_well() -> None:
    found = summarize([Reading(0, 1), Reading(1, -2)], "remaining", balance=True)
    assert found is not None
    assert (found.used, found.minimum) == (3, -2)


def test_a_quota_of_which_only_the_rest_is_known() -> None:
    found = summarize([Reading(hour, value) for hour, value in enumerate((10, 4, 10, 9))], "remaining")
    assert found is not None
    assert (found.used, found.resets) == (7, 1)


_values = st.floats(0, 1e9, allow_nan=False) | st.integers(0, 100).map(float)
_resets = st.none() | st.integers(0, 40 * DAY)
_spans = st.lists(st.tuples(st.integers(1, 3 * DAY), _values, _resets), min_size=1, max_size=30)


def _run(steps: list[tuple[int, float, int | None]]) -> list[Reading]:
    at, found = 0, []
    for step, value, resets_at in steps:
        at += step
        found.append(Reading(at, value, resets_at))
    return found


_measures = st.sampled_from(["used", "percent", "remaining"])


@given(steps=_spans, measure=_measures, where=st.integers(0, 29))
def test_two_halves_that_share_a_reading_add_up(steps: Any, measure: Any, where: int) -> None:
    found = _run(steps)
    assume(where < len(found))
    halves = [summarize(part, measure) for part in (found[: where + 1], found[where:])]
    whole = summarize(found, measure)
    assert whole is not None
    for name in ("used", "added", "resets"):
        parts = sum(getattr(half, name) for half in halves)
        assert math.isclose(parts, getattr(whole, name), rel_tol=1e-9, abs_tol=1e-6)


@given(steps=_spans, measure=_measures)
def test_use_is_never_negative_nor_more_than_could_be(steps: Any, measure: Any) -> None:
    found = _run(steps)
    whole = summarize(found, measure)
    assert whole is not None
    assert (
        0
        <= whole.used
        <= sum(reading.value for reading in found)
        + 1e-6
        + sum(abs(b.value - a.value) for a, b in pairwise(found))
    )
    assert whole.minimum <= min(whole.first, whole.last) <= max(whole.first, whole.last) <= whole.maximum
    assert 0 <= whole.resets < len(found)


@given(
    uses=st.lists(st.lists(st.floats(0, 30), min_size=1, max_size=6), min_size=1, max_size=5),
    skipped=st.sets(st.integers(0, 40)),
)
def test_readings_that_are_missing_only_lower_what_was_used(
    uses: list[list[float]], skipped: set[int]
) -> None:
    """A window after the other, each filling up by some steps; some readings were never taken."""
    found = []
    for window, steps in enumerate(uses):
        value = 0.0
        for index, step in enumerate(steps):
            value += step
            found.append(Reading(window * WINDOW + 60 + index * 600, value, (window + 1) * WINDOW))
    whole = summarize(found, "used")
    assert whole is not None
    # Of the first window only what came after its first reading is seen.
    truth = sum(map(sum, uses)) - uses[0][0]
    assert math.isclose(whole.used, truth, rel_tol=1e-9, abs_tol=1e-6)
    fewer = summarize([reading for index, reading in enumerate(found) if index not in skipped], "used")
    assert fewer is None or fewer.used <= truth + 1e-6


# -- drawing ----------------------------------------------------------------------------------------


def test_a_cell_has_its_peak_or_its_last_and_blanks_stay() -> None:
    found = [Reading(0, 1), Reading(5, 9), Reading(9, 2), Reading(35, 4)]
    assert cells(found, 0, 40, 4, peaks=True) == [9, None, None, 4]
    assert cells(found, 0, 40, 4, peaks=False) == [2, None, None, 4]


def test_the_last_reading_shows_even_beside_a_peak() -> None:
    assert cells([Reading(0, 9), Reading(5, 1)], 0, 10, 1, peaks=True) == [1]


def test_readings_that_are_usually_that_far_apart_leave_no_blanks() -> None:
    found = [Reading(at, at) for at in (0, 20, 40, 90)]
    # The gap of 50 is not more than two and a half times the usual 20.
    assert cells(found, 0, 100, 10, peaks=True) == [0, 0, 20, 20, 40, 40, 40, 40, 40, 90]
    assert cells([*found[:3], Reading(95, 95)], 0, 100, 10, peaks=True)[5:] == [None] * 4 + [95]


def test_what_was_read_elsewhere_in_time_is_not_drawn() -> None:
    assert cells([Reading(-1, 5), Reading(10, 5)], 0, 10, 2, peaks=True) == [None, None]


@pytest.mark.parametrize(
    ("unicode", "line"), [(True, "▁▁▂▇██ "), (False, "__.*## ")], ids=["unicode", "ascii"]
)
def test_a_line_of_marks(unicode: bool, line: str) -> None:
    assert spark.line([-1, 0, 1, 99, 100, 250, None], 100, unicode=unicode) == line


@given(value=st.floats(-1e12, 1e12), top=st.floats(0, 1e12))
def test_only_nothing_is_lowest_and_only_all_is_highest(value: float, top: float) -> None:
    mark = spark.line([value], top, unicode=True)
    assert (mark == "▁") == (value <= 0 or top <= 0)
    assert (mark == "█") == (value >= top > 0)
