"""SQLite files of usagecli's own: private, brought up to date step by step, put aside when damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence

from usagecli import log

# What SQLite keeps beside a file.
_BESIDE = ("-wal", "-shm")
# Between two tries of what SQLite does not wait for.
_TRY_S = 0.01
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Newer(sqlite3.OperationalError):
    """The file was written by a newer usagecli, and is left alone."""


def connect(
    path: str, migrations: Sequence[str], *, wait_s: float, pragmas: Sequence[str] = ()
) -> sqlite3.Connection:
    """The file, made where there is none, mode 0600, with every migration applied once, in order.

    A migration is statements, each ended by `;` and a line end; the file's `user_version` counts those
    that it has had. `pragmas` are set before anything else. Raises Newer, another sqlite3.Error, OSError.
    """
    # SQLite makes its files with the mode of the first. One that is there is not opened: closing it
    # would drop the locks that this process has on it.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    database = sqlite3.connect(path, timeout=wait_s, isolation_level=None)
    try:
        for pragma in pragmas:
            _set(database, pragma, wait_s)
        if _version(database) != len(migrations):
            _migrate(database, migrations)
        return database
    except BaseException:
        database.close()
        raise


def _set(database: sqlite3.Connection, pragma: str, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            database.execute(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            # Where two runs begin a file at once, SQLite does not wait for the change to WAL by itself.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_TRY_S)


def reader(path: str, migrations: Sequence[str], *, wait_s: float) -> sqlite3.Connection:
    """The file as it is, only to be read. Raises sqlite3.Error: also where it has another version."""
    from pathlib import Path

    address = f"{Path(os.path.abspath(path)).as_uri()}?mode=ro"
    database = sqlite3.connect(address, timeout=wait_s, isolation_level=None, uri=True)
    try:
        if _version(database) != len(migrations):
            raise sqlite3.OperationalError("it is of another version")
        return database
    except BaseException:
        database.close()
        raise


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _migrate(database: sqlite3.Connection, migrations: Sequence[str]) -> None:
    with transaction(database):
        # Another run may have been quicker.
        version = _version(database)
        if version > len(migrations):
            raise Newer("it was written by a newer usagecli")
        for migration in migrations[version:]:
            for statement in migration.strip().split(";\n"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(migrations)}")


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of what is written inside, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        # SQLite may have done so itself (a full disk).
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def is_damage(error: Exception) -> bool:
    """Whether it says that the file itself is broken, and not that it cannot be used now."""
    # Extended codes have the plain one in their lowest byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def put_aside(path: str, error: Exception) -> None:
    """Keep a damaged file under another name, and say so. Raises sqlite3.OperationalError."""
    broken = f"{path}.broken"
    try:
        # The file last: SQLite would put what it left beside it into a new one of its name.
        for ending in (*_BESIDE, ""):
            # Another run may have been quicker.
            with contextlib.suppress(FileNotFoundError):
                os.replace(path + ending, broken + ending)
    except OSError as failure:
        raise sqlite3.OperationalError(f"{error}; it cannot be put aside: {failure.strerror}") from None
    log.warn(f"{path}: {error}; it was put aside as {os.path.basename(broken)}, and a new one begun")
