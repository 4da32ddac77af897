"""Other programs' SQLite files: what is read of them, whatever their owner does, and that nothing is left."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli import files_below
from tests.support import make_machine, utc
from usagecli.errors import ServiceError
from usagecli.machine import Machine
from usagecli.providers import _sqlite
from usagecli.providers._sqlite import values, written_at
from usagecli.providers._vscode import state_file

ITEMS: dict[str, Any] = {"token": "fake-token", "other": b'{"a": 1}'}


def create(
    path: Path, items: dict[str, Any] | None = None, table: str = "ItemTable", mode: str = "delete"
) -> Path:
    """A file as VS Code makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute(f"CREATE TABLE {table} (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", (items or ITEMS).items())
        connection.commit()
    return path


@contextmanager
def written_meanwhile(path: Path) -> Iterator[sqlite3.Connection]:
    """Its owner at work."""
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        yield owner


def read(path: Path, machine: Machine, *keys: str) -> dict[str, str]:
    return values(str(path), keys or ("token", "other"), machine, "Acme")


def test_the_texts_at_the_keys(machine: Machine, tmp_path: Path) -> None:
    path = create(tmp_path / "state.vscdb")
    assert read(path, machine) == {"token": "fake-token", "other": '{"a": 1}'}
    assert read(path, machine, "other", "none") == {"other": '{"a": 1}'}
    assert values(str(path), ["token"], machine, "Acme", table="another") == {}


def test_a_path_with_odd_characters_below_the_home(own_home: Path, machine: Machine) -> None:
    create(own_home / "A %20b#c" / "state.vscdb")
    assert values("~/A %20b#c/state.vscdb", ["token"], machine, "Acme") == {"token": "fake-token"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"name": "é"}', '{"name": "é"}'),
        ('{"name": "é"}'.encode(), '{"name": "é"}'),
        ('{"name": "é"}'.encode("utf-16-le"), '{"name": "é"}'),
        (b"", ""),
        (b"\xff\xfe\xff", "\ufffd\ufffd\ufffd"),
        (7, None),
        (None, None),
    ],
)
def test_how_a_value_may_be_written(machine: Machine, tmp_path: Path, value: Any, text: str | None) -> None:
    path = create(tmp_path / "state.vscdb", {"token": value})
    assert read(path, machine).get("token") == text


def test_text_of_utf_16_in_a_text_column(machine: Machine, tmp_path: Path) -> None:
    path = create(tmp_path / "state.vscdb", {"token": "x"})
    with written_meanwhile(path) as owner:
        owner.execute("UPDATE ItemTable SET value = CAST(? AS TEXT)", ("fake".encode("utf-16-le"),))
    assert read(path, machine) == {"token": "fake"}


@pytest.mark.parametrize("name", ["none.vscdb", ""])
def test_no_file(machine: Machine, tmp_path: Path, name: str) -> None:
    assert read(tmp_path / name, machine) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no database, just text " * 9, "it is no SQLite file"), (b"SQLite format 3\0" + b"\xff" * 500, "")],
)
def test_a_file_that_is_no_database(machine: Machine, tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "state.vscdb"
    path.write_bytes(content)
    with pytest.raises(ServiceError, match=f"^Acme: .*state.vscdb cannot be read: {reason}") as caught:
        read(path, machine)
    assert caught.value.hint


def test_an_empty_file_holds_nothing(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "state.vscdb").write_bytes(b"")
    assert read(tmp_path / "state.vscdb", machine) == {}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_reading_leaves_no_trace(machine: Machine, tmp_path: Path, mode: str) -> None:
    path = create(tmp_path / "state.vscdb", mode=mode)
    before = files_below(tmp_path), os.stat(path).st_mtime_ns
    assert read(path, machine)["token"] == "fake-token"
    assert (files_below(tmp_path), os.stat(path).st_mtime_ns) == before


def test_what_its_owner_has_not_put_into_the_file_yet(machine: Machine, tmp_path: Path) -> None:
    path = create(tmp_path / "state.vscdb", mode="wal")
    with written_meanwhile(path) as owner:
        owner.execute("INSERT INTO ItemTable VALUES ('token', 'fake-new')")
        before = set(files_below(tmp_path))
        assert read(path, machine)["token"] == "fake-new"
        assert set(files_below(tmp_path)) == before
        # And its owner is not kept from writing.
        owner.execute("INSERT INTO ItemTable VALUES ('token', 'fake-newer')")
    assert read(path, machine)["token"] == "fake-newer"


def test_writes_that_a_crash_left_beside_it(machine: Machine, tmp_path: Path) -> None:
    """They count, and are read of a copy: in place SQLite would make a file."""
    live = create(tmp_path / "live" / "state.vscdb", mode="wal")
    left = tmp_path / "left"
    left.mkdir()
    with written_meanwhile(live) as owner:
        owner.execute("INSERT INTO ItemTable VALUES ('token', 'fake-new')")
        for name in ("state.vscdb", "state.vscdb-wal"):
            shutil.copyfile(live.parent / name, left / name)
    before = files_below(left)
    assert read(left / "state.vscdb", machine)["token"] == "fake-new"
    assert files_below(left) == before


def test_a_locked_file_is_copied(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    monkeypatch.setattr(_sqlite, "_TIMEOUT_S", 0.01)
    path = create(tmp_path / "own" / "state.vscdb")
    with written_meanwhile(path) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        owner.execute("INSERT INTO ItemTable VALUES ('token', 'fake-unfinished')")
        if os.name == "nt":
            pytest.skip("Windows lets nobody copy what is locked")
        assert read(path, machine)["token"] == "fake-token"
        owner.execute("COMMIT")
    assert read(path, machine)["token"] == "fake-unfinished"
    assert list(copies.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody copy what is locked")
def test_a_locked_file_that_is_too_large_to_copy(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_MAX_COPY", 100)
    monkeypatch.setattr(_sqlite, "_TIMEOUT_S", 0.01)
    path = create(tmp_path / "state.vscdb")
    with written_meanwhile(path) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ServiceError, match="it is in use, and too large to be copied"):
            read(path, machine)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="no file is kept from this user")
def test_a_file_of_somebody_else(machine: Machine, tmp_path: Path) -> None:
    path = create(tmp_path / "state.vscdb")
    path.chmod(0)
    with pytest.raises(ServiceError, match="Permission denied"):
        read(path, machine)


def test_when_it_was_written(machine: Machine, tmp_path: Path) -> None:
    path = create(tmp_path / "state.vscdb")
    os.utime(path, (0, utc("2026-11-20T08:00:00").timestamp() + 0.5))
    assert written_at(str(path), machine) == utc("2026-11-20T08:00:00")
    (tmp_path / "state.vscdb-wal").write_bytes(b"")
    os.utime(f"{path}-wal", (0, utc("2026-11-20T09:00:00").timestamp()))
    assert written_at(str(path), machine) == utc("2026-11-20T09:00:00")
    assert written_at(str(tmp_path / "none"), machine) is None


@pytest.mark.parametrize(
    ("platform", "env", "folder"),
    [
        ("linux", {}, "HOME/.config/Acme"),
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg/Acme"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "HOME/.config/Acme"),
        ("darwin", {"XDG_CONFIG_HOME": "/xdg"}, "HOME/Library/Application Support/Acme"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/Acme"),
        ("win32", {}, "HOME/AppData/Roaming/Acme"),
    ],
)
def test_where_an_editor_keeps_its_state(
    own_home: Path, platform: str, env: dict[str, str], folder: str
) -> None:
    if os.name == "nt" and "XDG_CONFIG_HOME" in env:
        pytest.skip("no absolute path on Windows")
    found = state_file(make_machine(own_home, env, platform=platform), "Acme").replace("\\", "/")
    expected = f"{folder}/User/globalStorage/state.vscdb"
    assert found == expected.replace("HOME", str(own_home).replace("\\", "/"))
