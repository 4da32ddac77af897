"""What a history that cannot be used costs: one warning; never the report, its exit code or time."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests_mock

from tests.cli import KEY, Outcome, configure, openrouter, run
from tests.history import database, live, quota, record, rows, whole
from tests.process import environment, posix
from tests.support import Reply, make_machine, serve
from usagecli.machine import Machine
from usagecli.storage import history

GATEWAY = "https://gateway.example.com"
LOST = "this run is not in the history"
BROKEN = "it was put aside as history.sqlite.broken, and a new one begun"
not_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="neither root nor Windows is kept from writing so"
)


@pytest.fixture(autouse=True)
def service(fixed_clock: None, no_network: requests_mock.Mocker) -> None:
    configure([openrouter(GATEWAY)])
    if no_network is not None:
        no_network.get(f"{GATEWAY}/key", json=KEY)
        for path in ("credits", "activity", "keys"):
            no_network.get(f"{GATEWAY}/{path}", status_code=403, json={})


def asked() -> Outcome:
    return run("openrouter", "--json", "--no-cache")


@pytest.fixture
def usual(service: None) -> Outcome:
    """A run that has nothing to complain of; it leaves a history."""
    outcome = asked()
    assert (outcome.code, outcome.err) == (0, "")
    return outcome


def costs_one_warning(usual: Outcome, told: str) -> None:
    """A run now warns so, once, and is else as usual; it is not held up for long."""
    started = time.monotonic()
    outcome = asked()
    assert time.monotonic() - started < 5
    assert (outcome.code, outcome.out) == (usual.code, usual.out)
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith(f"Warning: {database()}: ")
    assert told in outcome.err


# -- it cannot be used now --------------------------------------------------------------------------


@contextmanager
def locked(path: Path, statement: str = "BEGIN EXCLUSIVE") -> Iterator[None]:
    """Another process holds the file."""
    code = (
        f"import sqlite3, sys; held = sqlite3.connect({str(path)!r}, isolation_level=None);"
        f"held.execute({statement!r}); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.stdin.close()
            holder.wait()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_locked_by_another_process(usual: Outcome, statement: str) -> None:
    with locked(database(), statement):
        costs_one_warning(usual, f"database is locked; {LOST}")
    assert asked().err == ""


def test_the_wait_for_a_lock_is_bounded(usual: Outcome, machine: Machine) -> None:
    with locked(database()):
        started = time.monotonic()
        history.attempt(machine, lambda opened: opened.record([live(quota())]), LOST)
        assert 0.4 < time.monotonic() - started < 1.5


def test_a_folder_in_its_place(usual: Outcome) -> None:
    database().unlink()
    database().mkdir()
    costs_one_warning(usual, LOST)


def test_a_file_in_place_of_the_data_directory(usual: Outcome) -> None:
    shutil.rmtree(database().parent)
    database().parent.write_text("")
    costs_one_warning(usual, LOST)


@not_root
def test_a_directory_that_cannot_be_written(usual: Outcome) -> None:
    shutil.rmtree(database().parent)
    database().parent.mkdir(mode=0o500)
    costs_one_warning(usual, f"Permission denied; {LOST}")


@not_root
def test_a_file_that_cannot_be_written(usual: Outcome) -> None:
    database().chmod(0o400)
    costs_one_warning(usual, LOST)


def test_a_directory_that_cannot_be_made(usual: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("usagecli.storage.history.os.makedirs", refuse)
    costs_one_warning(usual, f"Permission denied; {LOST}")


def test_a_full_disk(usual: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    real = history._connected

    def full(path: str) -> sqlite3.Connection:
        found = real(path)
        found.execute("CREATE TABLE IF NOT EXISTS ballast (x)")
        pages = found.execute("PRAGMA page_count").fetchone()[0]
        found.execute(f"PRAGMA max_page_count = {pages}")
        # The row that is to be recorded needs more than what is left of the last page.
        found.execute(
            "CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON outcomes BEGIN"
            " INSERT INTO ballast VALUES (zeroblob(100000)); END"
        )
        return found

    monkeypatch.setattr(history, "_connected", full)
    costs_one_warning(usual, f"database or disk is full; {LOST}")
    assert whole(database())


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="there is no /dev/full here")
def test_no_room_for_the_file_itself(usual: Outcome) -> None:
    database().unlink()
    database().symlink_to("/dev/full")
    costs_one_warning(usual, LOST)


def test_one_of_a_newer_version_is_left_alone(usual: Outcome) -> None:
    with closing(sqlite3.connect(database())) as found:
        found.execute("PRAGMA user_version = 99")
    before = rows("outcomes")
    costs_one_warning(usual, f"it was written by a newer usagecli; {LOST}")
    assert rows("outcomes") == before
    outcome = run("history")
    assert (outcome.code, outcome.out) == (3, "")
    assert "newer usagecli; it cannot be shown" in outcome.err


def test_one_of_an_older_version_is_brought_up_to_date(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(machine, live(quota()))
    more = (*history.MIGRATIONS, "CREATE TABLE later (x);\nINSERT INTO later VALUES (7)")
    monkeypatch.setattr(history, "MIGRATIONS", more)
    record(machine, live(quota(30), now=None))
    assert [row[2] for row in rows("samples", machine)] == [30.0]
    assert rows("later", machine) == [(7,)]


# -- it is damaged ----------------------------------------------------------------------------------


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(20_000))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # The first page names the tables; all others hold them.
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = bytes(byte ^ 0xFF for byte in data[at : at + 64])
    path.write_bytes(data)


def of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as found:
        found.execute(f"PRAGMA user_version = {len(history.MIGRATIONS)}")


@pytest.mark.parametrize("damage", [garbage, truncated, flipped])
def test_a_damaged_one_is_put_aside(usual: Outcome, damage: Callable[[Path], None]) -> None:
    damage(database())
    costs_one_warning(usual, BROKEN)
    assert database().with_name("history.sqlite.broken").exists()
    # The next run at the latest has a history again.
    assert asked().err == ""
    assert whole(database())
    assert rows("samples")


def test_an_empty_file_is_a_new_one(usual: Outcome) -> None:
    database().write_bytes(b"")
    assert asked().err == ""
    assert len(rows("outcomes")) == 1


def test_one_without_its_tables_is_not_taken_for_damaged(usual: Outcome) -> None:
    of_another_program(database())
    costs_one_warning(usual, f"no such table: services; {LOST}")
    assert not database().with_name("history.sqlite.broken").exists()


def test_text_that_is_none_stops_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    record(machine, live(quota()))
    with closing(sqlite3.connect(history.path_of(machine))) as found, found:
        found.execute("UPDATE series SET label = CAST(x'ff80' AS TEXT)")
    assert history.attempt(machine, lambda opened: opened.series(), "it is not read") is None
    assert capsys.readouterr().err.count("it is not read") == 1


# -- kills and crowds -------------------------------------------------------------------------------

_WRITER = """
import sys
from tests.history import live, quota, record
from tests.support import NOW, make_machine
from datetime import timedelta
from pathlib import Path
from usagecli.config import Keep
from usagecli.storage import history
machine = make_machine(Path(sys.argv[1]))
print('ready', flush=True)
for minute in range(100000):
    at = NOW + timedelta(minutes=minute)
    parts = [quota(minute % 100, str(number), label=sys.argv[2]) for number in range(5)]
    with history.opened(machine) as opened:
        opened.record([live(*parts, at=at, account=sys.argv[2])])
        if minute % 7 == 0:
            opened.prune(Keep(full_days=0), at + timedelta(days=1))
            opened.compact()
    print(minute, flush=True)
"""


def writer(home: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(home), name],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@posix
def test_a_kill_at_any_moment_leaves_it_whole(tmp_path: Path) -> None:
    chance = random.Random(11)
    path = Path(history.path_of(make_machine(tmp_path)))
    for number in range(8):
        with writer(tmp_path, f"run {number}") as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.08))
            running.kill()
            running.communicate()
        if path.exists():
            assert whole(path)
            # A report is recorded with all of its parts, or not at all.
            with closing(sqlite3.connect(path)) as found:
                parts = found.execute(
                    "SELECT count(*) FROM samples JOIN series ON series.id = series GROUP BY service, at"
                ).fetchall()
            assert {count for (count,) in parts} <= {5}
    record(make_machine(tmp_path), live(quota()))


@pytest.mark.sockets
def test_several_runs_at_once_are_all_recorded() -> None:
    names = [f"router{number}" for number in range(5)]
    with serve({"/key": Reply(KEY)}) as server:
        configure([openrouter(server.url, name) for name in names])
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "usagecli", "status", "--account", name],
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            for name in names
        ]
        ends = [(one.communicate(timeout=60)[1], one.returncode) for one in runs]
    assert ends == [("", 0)] * 5
    assert sorted(row[1] for row in rows("services")) == names
    assert len(rows("samples")) == 5
    assert whole(database())
