"""What was read stays read: one SQLite file in the data directory, mode 0600.

A row a log file, with who the file was when it was read and everything that it held; rows of files
that the agent has deleted stay. Beside them the latest finished answers. Everything is written in one
transaction, so that a run that is killed leaves what was there before.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from usagecli import log

if TYPE_CHECKING:
    from usagecli.tokens.events import Log
    from usagecli.tokens.scan import Record

NAME = "tokens.sqlite"
# The shape of the file; a greater one is of a newer usagecli.
_VERSION = 1
_WAIT_S = 10
_ANSWERS_KEPT = 32
_TABLES = """
CREATE TABLE files (path TEXT PRIMARY KEY, root TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE logs (path TEXT PRIMARY KEY, log BLOB NOT NULL);
CREATE TABLE answers (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO state VALUES ('generation', '0');
"""


class Ledger:
    """An open ledger. Its methods raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._generation = ""

    def close(self) -> None:
        self._database.close()

    def answer(self, key: str) -> str | None:
        """The finished answer of that key, where there is one."""
        row = self._database.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def state(self) -> dict[str, str]:
        """How what stands in the records was made, by name."""
        found = dict(self._database.execute("SELECT name, value FROM state"))
        self._generation = found["generation"]
        return found

    def records(self, roots: Sequence[str]) -> dict[str, Record]:
        """What is known of the files below these roots, by path; without their logs."""
        from msgspec.msgpack import Decoder

        from usagecli.tokens.scan import Record

        decode = Decoder(Record).decode
        found = {}
        for root in roots:
            rows = self._database.execute("SELECT path, record FROM files WHERE root = ?", (root,))
            found.update({path: decode(body) for path, body in rows})
        return found

    def logs(self, paths: Sequence[str]) -> dict[str, Log]:
        """The logs of these files, as far as they are kept."""
        from usagecli.tokens.scan import unpack_log

        found = {}
        for path in paths:
            row = self._database.execute("SELECT log FROM logs WHERE path = ?", (path,)).fetchone()
            if row is not None:
                found[path] = unpack_log(row[0])
        return found

    def save(
        self, records: Sequence[Record], state: dict[str, str], answer: tuple[str, str] | None = None
    ) -> None:
        """Keep these records (those that were just read with their logs), how they were made, and an
        answer: a key and a body. All of it or nothing is kept.

        An answer is not, where another run has saved records since these were read.
        """
        from usagecli.tokens.scan import pack, without_log

        rows = [(record.path, record.root, pack(without_log(record))) for record in records]
        with self._transaction() as database:
            current = self._current()
            if rows:
                logs = [(record.path, record.log) for record in records if record.log]
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
                database.executemany("INSERT OR REPLACE INTO logs VALUES (?, ?)", logs)
                database.execute("DELETE FROM answers")
                state = {**state, "generation": str(int(current) + 1)}
                database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())
            if answer is not None and current == self._generation:
                database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", answer)
                database.execute(
                    "DELETE FROM answers WHERE rowid <= (SELECT max(rowid) FROM answers) - ?",
                    (_ANSWERS_KEPT,),
                )

    def _current(self) -> str:
        row = self._database.execute("SELECT value FROM state WHERE name = 'generation'").fetchone()
        return str(row[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def opened(folder: str, *, create: bool = True) -> Ledger | None:
    """The ledger in that directory, made where there is none; None (and told) where that cannot be.

    One that is damaged is put aside, so that what it may still hold is not lost.
    """
    path = os.path.join(folder, NAME)
    if not create and not os.path.exists(path):
        return None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            return _connected(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            log.warn(f"{path}: {error}; it was put aside as {NAME}.broken, and a new one begun")
            os.replace(path, f"{path}.broken")
            return _connected(path)
    except (OSError, sqlite3.Error) as error:
        told = error.strerror if isinstance(error, OSError) else error
        log.warn(f"{path}: {told}; the logs are read without it, and deleted ones are missing")
        return None


def _connected(path: str) -> Ledger:
    # SQLite makes its files with the mode of the first.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            _begin(database)
        elif version != _VERSION:
            raise sqlite3.OperationalError("it was written by a newer usagecli")
        return Ledger(database)
    except BaseException:
        database.close()
        raise


def _begin(database: sqlite3.Connection) -> None:
    # Most of the file is long blobs.
    database.execute("PRAGMA page_size = 32768")
    database.execute("BEGIN IMMEDIATE")
    # Another run may have been quicker.
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:
        for statement in _TABLES.strip().split(";\n"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")
