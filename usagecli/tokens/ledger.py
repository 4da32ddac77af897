"""What was read stays read: one SQLite file in the data directory, mode 0600.

A row a log file, with who the file was when it was read and everything that it held; rows of files
that the agent has deleted stay. Beside them the latest finished answers. Everything is written in one
transaction, so that a run that is killed leaves what was there before; every row has a checksum.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from usagecli import log
from usagecli.storage.database import connect, put_aside, transaction

if TYPE_CHECKING:
    from usagecli.tokens.events import Log
    from usagecli.tokens.scan import Record

_T = TypeVar("_T")

NAME = "tokens.sqlite"
_WAIT_S = 10
_ANSWERS_KEPT = 32
_TABLES = """
CREATE TABLE files (path TEXT PRIMARY KEY, root TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE logs (path TEXT PRIMARY KEY, log BLOB NOT NULL);
CREATE TABLE answers (key TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE generation (number INTEGER NOT NULL);
INSERT INTO generation VALUES (0);
"""
_SEAL = 4
_SALVAGED = (
    (
        "SELECT max(rowid) FROM files",
        "SELECT path, root, record FROM files WHERE rowid = ?",
        "INSERT OR IGNORE INTO files VALUES (?, ?, ?)",
    ),
    (
        "SELECT max(rowid) FROM logs",
        "SELECT path, log FROM logs WHERE rowid = ?",
        "INSERT OR IGNORE INTO logs VALUES (?, ?)",
    ),
)
# What tells of damage, unless it is an OperationalError: what SQLite quotes of it may be no text.
DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)


class Ledger:
    """An open ledger. Its methods raise sqlite3.OperationalError where it cannot be used, and one of
    DAMAGE."""

    def __init__(self, path: str, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._generation = -1

    def close(self) -> None:
        self._database.close()

    def answer(self, key: str) -> str | None:
        """The finished answer of that key, where there is one."""
        row = self._database.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else _unsealed(key.encode(), row[0]).decode()

    def records(self, roots: Sequence[str]) -> dict[str, Record]:
        """What is known of the files below these roots, by path; without their logs."""
        from msgspec.msgpack import Decoder

        from usagecli.tokens.scan import Record

        decode = Decoder(Record).decode
        self._generation = self._current()
        found: dict[str, Record] = {}
        for root in roots:
            rows = self._database.execute("SELECT path, record FROM files WHERE root = ?", (root,))
            held = (decode(_unsealed(path, sealed)) for path, sealed in rows)
            found.update({record.path: record for record in held})
        return found

    def logs(self, paths: Sequence[str]) -> dict[str, Log]:
        """The logs of these files, as far as they are kept."""
        from usagecli.tokens.scan import unpack_log

        found = {}
        for path in paths:
            row = self._database.execute("SELECT log FROM logs WHERE path = ?", (path,)).fetchone()
            if row is not None:
                found[path] = unpack_log(_unsealed(path.encode(), row[0]))
        return found

    def save(self, records: Sequence[Record], answer: tuple[str, str] | None = None) -> None:
        """Keep these records (those that were just read with their logs), and an answer: a key and a
        body. All of it or nothing is kept.

        An answer is not, where another run has saved records since these were read.
        """
        from usagecli.tokens.scan import pack, without_log

        rows = [
            (record.path, record.root, _sealed(record.path, pack(without_log(record)))) for record in records
        ]
        with transaction(self._database) as database:
            current = self._current()
            if rows:
                logs = [(record.path, _sealed(record.path, record.log)) for record in records if record.log]
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
                database.executemany("INSERT OR REPLACE INTO logs VALUES (?, ?)", logs)
                database.execute("DELETE FROM answers")
                database.execute("UPDATE generation SET number = number + 1")
            if answer is not None and current == self._generation:
                key, body = answer
                sealed = _sealed(key, body.encode())
                database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, sealed))
                database.execute(
                    "DELETE FROM answers WHERE rowid <= (SELECT max(rowid) FROM answers) - ?",
                    (_ANSWERS_KEPT,),
                )

    def mending(self, action: Callable[[], _T]) -> _T:
        """What the action gives; where it meets damage, what it then gives with a new file."""
        try:
            return action()
        except sqlite3.OperationalError:
            raise
        except DAMAGE as error:
            self._database.close()
            self._database = _begun_anew(self._path, error)
            return action()

    def _current(self) -> int:
        for (number,) in self._database.execute("SELECT number FROM generation"):
            return int(number)
        raise sqlite3.DatabaseError("a row is missing")


def opened(folder: str, *, create: bool = True) -> Ledger | None:
    """The ledger in that directory, made where there is none; None (and told) where that cannot be."""
    path = os.path.join(folder, NAME)
    if not create and not os.path.exists(path):
        return None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            return Ledger(path, _connected(path))
        except sqlite3.OperationalError:
            raise
        except DAMAGE as error:
            return Ledger(path, _begun_anew(path, error))
    except (OSError, sqlite3.Error) as error:
        told = error.strerror if isinstance(error, OSError) else error
        log.warn(f"{path}: {told}; the logs are read without it, and deleted ones are missing")
        return None


def _connected(path: str) -> sqlite3.Connection:
    # Most of the file is long blobs.
    found = connect(path, (_TABLES,), wait_s=_WAIT_S, pragmas=("page_size = 32768",))
    # Only a checksum tells whether a text is one.
    found.text_factory = bytes
    return found


# -- damage -----------------------------------------------------------------------------------------


def _sealed(key: str, body: bytes) -> bytes:
    """The body behind a checksum of itself and its key."""
    return zlib.crc32(body, zlib.crc32(key.encode())).to_bytes(_SEAL, "big") + body


def _unsealed(key: bytes, sealed: Any) -> bytes:
    """The body again. Raises sqlite3.DatabaseError for one that is not as it was written."""
    if isinstance(key, bytes) and isinstance(sealed, bytes):
        body = sealed[_SEAL:]
        if zlib.crc32(body, zlib.crc32(key)).to_bytes(_SEAL, "big") == sealed[:_SEAL]:
            return body
    raise sqlite3.DatabaseError("a row is damaged")


def _begun_anew(path: str, error: Exception) -> sqlite3.Connection:
    """A new file for a damaged one, with those rows of it that are whole; it is put aside itself."""
    put_aside(path, error)
    database = _connected(path)
    with (
        transaction(database),
        contextlib.suppress(*DAMAGE),
        contextlib.closing(_connected(f"{path}.broken")) as source,
    ):
        for last, one, enter in _SALVAGED:
            database.executemany(enter, _whole_rows(source, last, one))
    return database


def _whole_rows(source: sqlite3.Connection, last: str, one: str) -> Iterator[list[Any]]:
    """The rows of a table that are as they were written; asked for one by one, as any may be damaged."""
    (number,) = source.execute(last).fetchone()
    for rowid in range(1, (number or 0) + 1):
        with contextlib.suppress(*DAMAGE):
            for *texts, sealed in source.execute(one, (rowid,)):
                _unsealed(texts[0], sealed)
                yield [*(text.decode() for text in texts), sealed]
