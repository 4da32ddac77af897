"""SQLite files of usagecli's own: private, migrated once, whole after a kill, put aside when damaged."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process import posix, python
from usagecli.storage.database import Newer, connect, is_damage, put_aside, reader, transaction

FIRST = "CREATE TABLE a (x INTEGER PRIMARY KEY);\nCREATE TABLE b (y TEXT);\n"
SECOND = "ALTER TABLE b ADD COLUMN z TEXT NOT NULL DEFAULT ';'"
WAL = ("journal_mode = WAL", "synchronous = NORMAL")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "own.sqlite")


def opened(path: str, *migrations: str, wait_s: float = 0.5) -> sqlite3.Connection:
    return connect(path, migrations, wait_s=wait_s, pragmas=WAL)


def columns(path: str, table: str) -> list[str]:
    with closing(sqlite3.connect(path)) as found:
        return [row[1] for row in found.execute(f"PRAGMA table_info({table})")]


def version(path: str) -> int:
    with closing(sqlite3.connect(path)) as found:
        return int(found.execute("PRAGMA user_version").fetchone()[0])


# -- opening ----------------------------------------------------------------------------------------


def test_a_new_file_has_every_migration_and_the_pragmas(path: str) -> None:
    with closing(opened(path, FIRST, SECOND)) as own:
        assert own.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert own.execute("PRAGMA synchronous").fetchone() == (1,)
    assert (version(path), columns(path, "b")) == (2, ["y", "z"])


@posix
def test_nobody_else_can_read_it_or_what_stands_beside_it(path: str) -> None:
    before = os.umask(0)
    try:
        with closing(opened(path, FIRST)) as own:
            own.execute("INSERT INTO a VALUES (1)")
            names = [path, f"{path}-wal", f"{path}-shm"]
            assert [stat.S_IMODE(os.stat(name).st_mode) for name in names] == [0o600] * 3
    finally:
        os.umask(before)


def test_opening_drops_no_lock_of_this_process(path: str) -> None:
    with closing(connect(path, [FIRST], wait_s=0)) as first:
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connect(path, [FIRST], wait_s=0)
        code = f"import sqlite3; sqlite3.connect({path!r}, timeout=0).execute('SELECT * FROM a')"
        assert "database is locked" in python(code).err
        first.execute("ROLLBACK")


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        opened(str(tmp_path), FIRST)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(str(tmp_path / "none" / "own.sqlite"), FIRST)


# -- migrations -------------------------------------------------------------------------------------


def test_an_older_file_keeps_what_it_holds(path: str) -> None:
    with closing(opened(path, FIRST)) as own:
        own.execute("INSERT INTO b VALUES ('kept')")
    with closing(opened(path, FIRST, SECOND)) as own:
        assert own.execute("SELECT * FROM b").fetchall() == [("kept", ";")]
    assert version(path) == 2


def test_each_migration_is_applied_once(path: str) -> None:
    for _ in range(2):
        opened(path, FIRST, SECOND).close()
    assert columns(path, "b") == ["y", "z"]


def test_a_newer_file_is_left_alone(path: str) -> None:
    with closing(opened(path, FIRST, SECOND)) as own:
        own.execute("INSERT INTO b VALUES ('kept', 'so')")
    data = Path(path).read_bytes()
    with pytest.raises(Newer, match="^it was written by a newer usagecli$"):
        opened(path, FIRST)
    assert Path(path).read_bytes() == data


def test_a_migration_that_fails_leaves_the_version_before(path: str) -> None:
    opened(path, FIRST).close()
    with pytest.raises(sqlite3.OperationalError):
        opened(path, FIRST, "CREATE TABLE c (x);\nCREATE TABLE a (x)")
    assert (version(path), columns(path, "c")) == (1, [])
    opened(path, FIRST, SECOND).close()
    assert version(path) == 2


@pytest.mark.parametrize("before", [(), (FIRST,)], ids=["new", "older"])
def test_runs_that_migrate_at_once(path: str, before: tuple[str, ...]) -> None:
    if before:
        opened(path, *before).close()
    start, failures = threading.Barrier(6), []

    def run() -> None:
        try:
            start.wait()
            # A machine under load may take its time; nobody's wait is what is tested here.
            opened(path, FIRST, SECOND, wait_s=20).close()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (version(path), columns(path, "b")) == (2, ["y", "z"])


def test_a_file_that_is_begun_elsewhere_is_waited_for(path: str) -> None:
    """SQLite itself gives up at once where the change to WAL meets a run that is writing."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE begun (x INTEGER)")
        done = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        done.start()
        try:
            opened(path, FIRST, wait_s=20).close()
        finally:
            done.join()
    assert version(path) == 1


# -- transactions -----------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(path: str) -> None:
    with closing(opened(path, FIRST)) as own:
        with transaction(own):
            own.execute("INSERT INTO a VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError), transaction(own):
            own.execute("INSERT INTO a VALUES (2), (1)")
        assert own.execute("SELECT x FROM a").fetchall() == [(1,)]


def test_a_full_file_rolls_back_by_itself(path: str) -> None:
    with closing(opened(path, FIRST)) as own:
        pages = own.execute("PRAGMA page_count").fetchone()[0]
        own.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"), transaction(own):
            own.executemany("INSERT INTO b VALUES (?)", [("x" * 1000,)] * 50)
        assert not own.in_transaction
        assert own.execute("SELECT count(*) FROM b").fetchone() == (0,)


# -- only reading -----------------------------------------------------------------------------------


def test_a_reader_writes_nothing(path: str) -> None:
    opened(path, FIRST).close()
    with (
        closing(reader(path, [FIRST], wait_s=0)) as own,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        own.execute("INSERT INTO a VALUES (1)")


def test_a_reader_takes_no_other_version(path: str) -> None:
    opened(path, FIRST).close()
    with pytest.raises(sqlite3.OperationalError, match="another version"):
        reader(path, [FIRST, SECOND], wait_s=0)


def test_a_reader_makes_no_file(path: str) -> None:
    with pytest.raises(sqlite3.OperationalError):
        reader(path, [FIRST], wait_s=0)
    assert not os.path.exists(path)


# -- damage -----------------------------------------------------------------------------------------


def error_of(path: str, action: str = "SELECT count(*) FROM a") -> Exception:
    with pytest.raises(sqlite3.Error) as caught, closing(sqlite3.connect(path, timeout=0)) as own:
        own.execute(action)
    return caught.value


def test_damage_is_told_from_what_passes(path: str) -> None:
    opened(path, FIRST).close()
    assert not is_damage(error_of(path, "SELECT * FROM none"))
    with closing(connect(path, [FIRST], wait_s=0)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        assert not is_damage(error_of(path))
        other.execute("ROLLBACK")
        other.execute("INSERT INTO a VALUES (1)")
        assert not is_damage(error_of(path, "INSERT INTO a VALUES (1)"))
    Path(path).write_bytes(b"no database at all" * 100)
    assert is_damage(error_of(path))


def test_a_broken_page_is_damage(path: str) -> None:
    with closing(connect(path, [FIRST], wait_s=0)) as own:
        own.execute("PRAGMA journal_mode = DELETE")
        own.executemany("INSERT INTO b VALUES (?)", [("x" * 500,)] * 200)
    data = bytearray(Path(path).read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 16] = b"\xff" * 16
    Path(path).write_bytes(data)
    assert is_damage(error_of(path, "SELECT sum(length(y)) FROM b"))


def test_a_damaged_file_is_kept_under_another_name(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(path + ending).write_text(f"broken{ending}")
    put_aside(path, sqlite3.DatabaseError("it is broken"))
    found = {name.name: name.read_text() for name in Path(path).parent.iterdir()}
    assert found == {f"own.sqlite.broken{ending}": f"broken{ending}" for ending in ("", "-wal", "-shm")}
    told = f"Warning: {path}: it is broken; it was put aside as own.sqlite.broken, and a new one begun\n"
    assert capsys.readouterr().err == told


def test_a_new_file_never_meets_the_log_of_a_damaged_one(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would write it into the new one, that another run may begin at any time."""
    moved: list[str] = []
    monkeypatch.setattr(os, "replace", lambda source, _: moved.append(source))
    put_aside(path, sqlite3.DatabaseError("it is broken"))
    assert moved == [f"{path}-wal", f"{path}-shm", path]


def test_one_that_another_run_put_aside_is_no_error(path: str) -> None:
    put_aside(path, sqlite3.DatabaseError("it is broken"))
    assert not list(Path(path).parent.iterdir())


def test_one_that_cannot_be_put_aside_is_an_error(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    told = "^it is broken; it cannot be put aside: Permission denied$"
    with pytest.raises(sqlite3.OperationalError, match=told):
        put_aside(path, sqlite3.DatabaseError("it is broken"))
    # Nor is it told that it was.
    assert capsys.readouterr().err == ""
