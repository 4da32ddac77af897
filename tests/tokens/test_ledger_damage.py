"""A ledger that is damaged: nothing is counted wrong, it heals, and what is whole of it is kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli import run
from tests.tokens.logs import meta, report, responses, rollout, row, totals, transcript, turn, usage
from usagecli import log
from usagecli.machine import here
from usagecli.tokens import ledger

BOTH = (1100, 0, 0, 110)


@pytest.fixture
def place(own_home: Path) -> Path:
    """The ledger of a home with a log of each agent, both read."""
    rollout(own_home, [meta(), turn(), *responses(100)])
    transcript(own_home, [row("msg_1", usage(1000, 100))])
    assert totals() == BOTH
    return Path(here().data_dir) / ledger.NAME


def change(place: Path, statement: str) -> None:
    """Change rows without changing their checksums."""
    with closing(sqlite3.connect(place)) as database, database:
        database.execute(statement)


def told(view: str) -> str:
    """What is said on stderr of a run that counts everything."""
    outcome = run("tokens", view, "--json")
    assert outcome.document["totals"]["totalTokens"] == sum(BOTH)
    return outcome.err


SHIFTED = "x'00' || "


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE files SET record = {SHIFTED} record",
        f"UPDATE logs SET log = {SHIFTED} log",
        "UPDATE files SET record = 'text'",
        "UPDATE files SET record = 17",
        "UPDATE files SET path = path || '2'",
        "UPDATE files SET record = (SELECT record FROM files ORDER BY path LIMIT 1)",
        "DELETE FROM generation",
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_read_anew(place: Path, statement: str) -> None:
    change(place, statement)
    assert "put aside as tokens.sqlite.broken, and a new one begun" in told("audit")
    assert told("audit") == told("models") == ""


def test_a_damaged_answer_is_made_again(place: Path) -> None:
    told("models")
    change(place, f"UPDATE answers SET body = {SHIFTED} body")
    assert told("models") == ""
    assert told("models") == ""


def test_what_is_whole_is_kept(own_home: Path, place: Path) -> None:
    shutil.rmtree(own_home / ".claude")
    assert totals() == BOTH
    # Of the log that is still there.
    change(place, f"UPDATE files SET record = {SHIFTED} record WHERE path LIKE '%rollout%'")
    assert "put aside" in told("models")
    assert report("models")["keptFiles"] == 1
    assert totals("--timezone", "Asia/Tokyo") == BOTH


@pytest.mark.parametrize("table", ["files", "logs", "answers", "generation"])
def test_a_table_that_is_missing(place: Path, table: str) -> None:
    change(place, f"DROP TABLE {table}")
    assert f"no such table: {table}" in told("audit")


def test_one_that_cannot_be_put_aside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(place, f"UPDATE files SET record = {SHIFTED} record")

    def refused(*paths: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refused)
    words = "the ledger could not be read (a row is damaged; it cannot be put aside: Permission denied)"
    assert words in told("models")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_changes_no_figure(place: Path, data: st.DataObject) -> None:
    log.said.clear()
    whole = place.read_bytes()
    used = [number for number, byte in enumerate(whole) if byte]
    start = data.draw(st.sampled_from(used))
    odd = data.draw(st.binary(min_size=1, max_size=40))
    cut = data.draw(st.booleans())
    place.write_bytes(whole[:start] if cut else whole[:start] + odd + whole[start + len(odd) :])
    try:
        for view in ("models", "audit", "daily"):
            told(view)
    finally:
        place.write_bytes(whole)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is read-only here")
def test_a_read_only_directory(own_home: Path, place: Path) -> None:
    rollout(own_home, [meta("b"), turn(), *responses(1)], "b")
    place.parent.chmod(0o500)
    try:
        outcome = run("tokens", "models", "--json")
    finally:
        place.parent.chmod(0o700)
    assert outcome.document["totals"]["totalTokens"] == sum(BOTH) + 1
    assert "the ledger could not be written" in outcome.err
