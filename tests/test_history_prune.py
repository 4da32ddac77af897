"""How the history is thinned out: of each hour, later of each day, the last reading stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests_mock
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import KEY, configure, openrouter, run
from tests.history import DOWN, SECONDS, database, live, quota, record, rows
from tests.support import NOW, make_machine
from usagecli.config import Keep
from usagecli.machine import Machine, here
from usagecli.storage import history
from usagecli.storage.history import History

HOUR, DAY = 3600, 86400
KEEP = Keep()


def ago(days: float, seconds: int = 0) -> int:
    return SECONDS - int(days * DAY) + seconds


def pruned(machine: Machine, at: Iterable[int], keep: Keep = KEEP) -> list[int]:
    """What is left of readings at these instants."""
    with history.opened(machine) as opened:
        opened.record([live(quota(), at=NOW + timedelta(seconds=when - SECONDS)) for when in at])
        opened.prune(keep, NOW)
        return [sample.at for sample in opened.samples(1, -(1 << 40))]


# NOW is on a whole hour, 8:00, and 8 hours into its day.
@pytest.mark.parametrize(
    ("at", "left"),
    [
        ([ago(1), ago(1, 60), ago(1, 120)], [ago(1), ago(1, 60), ago(1, 120)]),
        ([ago(35), ago(35, 60)], [ago(35), ago(35, 60)]),
        ([ago(36), ago(36, 60), ago(36, 3599)], [ago(36, 3599)]),
        ([ago(36, 3599), ago(36, 3600)], [ago(36, 3599), ago(36, 3600)]),
        ([ago(180, -1), ago(180, 0), ago(180, 60), ago(180, HOUR)], [ago(180, 60), ago(180, HOUR)]),
        ([ago(181), ago(181, HOUR), ago(181, 15 * HOUR)], [ago(181, 15 * HOUR)]),
        ([ago(181, 15 * HOUR), ago(181, 16 * HOUR)], [ago(181, 15 * HOUR), ago(181, 16 * HOUR)]),
        ([ago(730), ago(730, -1)], [ago(730)]),
        ([ago(9000)], []),
        ([ago(-400)], [ago(-400)]),
    ],
    ids=[
        "young",
        "just young enough",
        "the last of an hour",
        "two hours",
        "the edge to days",
        "the last of a day",
        "two days",
        "the edge to nothing",
        "ancient",
        "of a clock that ran ahead",
    ],
)
def test_what_stays(machine: Machine, at: list[int], left: list[int]) -> None:
    assert pruned(machine, at) == left


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (Keep(full_days=0, hourly_days=0, daily_days=0), []),
        (Keep(full_days=10, hourly_days=0, daily_days=0), []),
        (Keep(full_days=10, hourly_days=0, daily_days=10), [ago(3), ago(3, 60), ago(2)]),
        (Keep(full_days=0, hourly_days=10, daily_days=10), [ago(3, 60), ago(2)]),
        (Keep(full_days=0, hourly_days=0, daily_days=10), [ago(3, 60), ago(2)]),
        (Keep(full_days=1, hourly_days=2, daily_days=3), [ago(3, 60), ago(2)]),
    ],
)
def test_limits_of_the_config(machine: Machine, keep: Keep, left: list[int]) -> None:
    assert pruned(machine, [ago(3), ago(3, 60), ago(2)], keep) == left


def test_outcomes_stay_as_long_as_every_reading(machine: Machine) -> None:
    with history.opened(machine) as opened:
        opened.record([live(failure=DOWN, now=NOW - timedelta(days=days)) for days in (1, 35, 36, 400)])
        assert opened.prune(KEEP, NOW) == 2
        assert [one.at for one in opened.outcomes(0)] == [ago(35), ago(1)]


def test_what_nothing_is_left_of_goes_and_its_neighbours_stay(machine: Machine) -> None:
    old = NOW - timedelta(days=800)
    record(
        machine,
        live(quota(id_="gone"), account="gone", at=old),
        live(quota(id_="old"), at=old),
        live(quota(id_="new")),
        live(account="failing", failure=DOWN),
    )
    with history.opened(machine) as opened:
        opened.prune(KEEP, NOW)
        assert [(one.account, one.name) for one in opened.series()] == [("a", "new")]
    assert [row[3] for row in rows("services", machine)] == ["a", "failing"]


def test_the_count_is_of_readings_and_outcomes(machine: Machine) -> None:
    record(machine, *(live(quota(), at=NOW - timedelta(days=40, seconds=second)) for second in range(1, 5)))
    with history.opened(machine) as opened:
        # Of four readings in one hour three go, and all outcomes of that age.
        assert (opened.prune(KEEP, NOW), opened.prune(KEEP, NOW)) == (7, 0)


_ages = st.lists(st.integers(-HOUR, 60 * DAY), max_size=60, unique=True)
_keeps = st.builds(
    Keep, full_days=st.integers(0, 20), hourly_days=st.integers(0, 40), daily_days=st.integers(0, 60)
)


@contextmanager
def _temporary() -> Iterator[History]:
    with TemporaryDirectory() as home, history.opened(make_machine(Path(home))) as opened:
        yield opened


@settings(max_examples=100)
@given(ages=_ages, others=_ages, keep=_keeps)
def test_the_newest_of_every_kept_hour_and_day_stays_and_nothing_goes_twice(
    ages: list[int], others: list[int], keep: Keep
) -> None:
    with _temporary() as opened:
        series = {"mine": ages, "other": others}
        for name, own in series.items():
            for age in own:
                opened.record([live(quota(id_=name), at=NOW - timedelta(seconds=age))])
        opened.prune(keep, NOW)
        left = {one.name: {s.at for s in opened.samples(one.id, 0)} for one in opened.series()}
        full, hourly, daily = (SECONDS - d * DAY for d in (keep.full_days, keep.hourly_days, keep.daily_days))
        for name, own in series.items():
            at = {SECONDS - age for age in own}
            stays = left.get(name, set())
            assert stays <= at
            for when in at:
                length = HOUR if when >= hourly else DAY
                newest = max(one for one in at if one // length == when // length)
                if when < daily:
                    assert when not in stays
                elif when >= full:
                    assert when in stays
                else:
                    assert (when in stays) == (when == newest)
        assert opened.prune(keep, NOW) == 0
        assert {one.name: {s.at for s in opened.samples(one.id, 0)} for one in opened.series()} == left


# -- as it goes -------------------------------------------------------------------------------------


@pytest.fixture
def service(no_network: requests_mock.Mocker) -> None:
    configure([openrouter("https://gateway.example.com")])
    no_network.get("https://gateway.example.com/key", json=KEY)
    for path in ("credits", "activity", "keys"):
        no_network.get(f"https://gateway.example.com/{path}", status_code=403, json={})


def old_rows() -> int:
    return sum(row[1] < SECONDS - 700 * DAY for row in rows("samples"))


def put_old(*days: int) -> None:
    record(here(), *(live(quota(), at=NOW - timedelta(days=day)) for day in days))


@pytest.mark.usefixtures("service", "fixed_clock")
def test_a_run_prunes_once_a_day() -> None:
    put_old(800)
    run("status")
    assert old_rows() == 0
    put_old(800)
    run("status", "--no-cache")
    assert old_rows() == 1


@pytest.mark.usefixtures("service", "fixed_clock")
@pytest.mark.parametrize(
    ("pruned_at", "left"),
    [(SECONDS - DAY, 0), (SECONDS - DAY + 1, 1), (SECONDS + 1, 0)],
    ids=["a day ago", "less than a day ago", "by a clock that ran ahead"],
)
def test_when_it_is_pruned_again(pruned_at: int, left: int) -> None:
    put_old(800)
    with closing(sqlite3.connect(database())) as found, found:
        found.execute("INSERT INTO state VALUES ('pruned', ?)", (str(pruned_at),))
    run("status")
    assert old_rows() == left


@pytest.mark.usefixtures("service", "fixed_clock")
def test_a_run_keeps_what_the_config_wants() -> None:
    path = Path(here().config_dir) / "config.yaml"
    path.write_text(path.read_text() + "history: {daily_days: 900}\n")
    put_old(800, 1000)
    run("status")
    assert old_rows() == 1
