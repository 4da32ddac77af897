"""Values of an SQLite file that belongs to another program: read, never written, locked or left behind.

Such files are tables of `key` and `value` (VS Code's `state.vscdb`, the stores of command lines).
Their owner may be writing at this moment: what cannot be read in place is copied and read there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from usagecli.errors import ServiceError

if TYPE_CHECKING:
    from sqlite3 import Connection

    from usagecli.machine import Machine

# How long a writer may keep us: in seconds, before the copy is read instead.
_TIMEOUT_S = 0.5
_MAX_COPY = 512_000_000
_WAL, _SHARED = "-wal", "-shm"
# What goes with the file: the writes that it does not hold yet, or those to be taken back.
_BESIDE = (_WAL, "-journal")
_WAL_VERSION = 2
_VERSION_AT = 18
# SQLite's primary result codes: an SQL error (here: no such table), no database, a damaged one.
_NO_TABLE, _CORRUPT, _NO_DATABASE = 1, 11, 26


def values(
    path: str, keys: Sequence[str], machine: Machine, what: str, *, table: str = "ItemTable"
) -> dict[str, str]:
    """The texts at these keys of a table, as far as they are there; {} where there is no file or table.

    `what` names the file's owner. Raises ServiceError for a file that cannot be read.
    """
    path = machine.expand(path)
    if not os.path.isfile(path):
        return {}
    import sqlite3

    try:
        try:
            return (
                _read(_uri(path), keys, table) if _readable_in_place(path) else _from_copy(path, keys, table)
            )
        except sqlite3.OperationalError as error:
            if _code(error) == _NO_TABLE:
                return {}
            return _from_copy(path, keys, table)
    except sqlite3.Error as error:
        reason = {_NO_TABLE: "", _CORRUPT: "it is damaged", _NO_DATABASE: "it is no SQLite file"}.get(
            _code(error), "it is in use"
        )
        if not reason:
            return {}
        raise _unreadable(path, machine, what, reason) from None
    except OSError as error:
        raise _unreadable(path, machine, what, error.strerror or type(error).__name__) from None


def written_at(path: str, machine: Machine) -> datetime | None:
    """When the file, or the writes beside it, last changed: whole seconds. None where there is none."""
    path = machine.expand(path)
    times = []
    for name in (path, path + _WAL):
        try:
            times.append(os.stat(name).st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(int(max(times)), UTC) if times else None


def _readable_in_place(path: str) -> bool:
    """False where SQLite would have to make files beside it: writes that no running program holds."""
    return not os.path.exists(path + _WAL) or os.path.exists(path + _SHARED)


def _uri(path: str) -> str:
    from pathlib import Path

    # A file in WAL mode without its writes is whole; to open it as usual would make them again.
    whole = _is_wal(path) and not os.path.exists(path + _WAL)
    return f"{Path(path).absolute().as_uri()}?mode=ro{'&immutable=1' if whole else ''}"


def _is_wal(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(_VERSION_AT + 2)
    return head[_VERSION_AT:] == bytes((_WAL_VERSION, _WAL_VERSION))


def _read(uri: str, keys: Sequence[str], table: str) -> dict[str, str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S)) as connection:
        return _select(connection, keys, table)


def _select(connection: Connection, keys: Sequence[str], table: str) -> dict[str, str]:
    connection.text_factory = bytes
    marks = ", ".join("?" * len(keys))
    rows = connection.execute(
        f"SELECT key, value FROM {table} WHERE key IN ({marks})",  # noqa: S608 - a name of ours
        tuple(keys),
    )
    found = {_text(key): _text(value) for key, value in rows if isinstance(value, bytes)}
    return {key: found[key] for key in keys if key in found}


def _from_copy(path: str, keys: Sequence[str], table: str) -> dict[str, str]:
    """The same, of a copy for this user alone, which is gone afterwards. Raises OSError, sqlite3.Error."""
    import shutil
    import tempfile
    from pathlib import Path

    sources = [path, *(path + suffix for suffix in _BESIDE if os.path.exists(path + suffix))]
    if sum(os.path.getsize(source) for source in sources) > _MAX_COPY:
        raise OSError(0, "it is in use, and too large to be copied")
    # On Windows a virus scanner may hold the copy for a moment longer.
    with tempfile.TemporaryDirectory(prefix="usagecli-", ignore_cleanup_errors=True) as folder:
        for source in sources:
            shutil.copyfile(source, os.path.join(folder, os.path.basename(source)))
        return _read(Path(folder, os.path.basename(path)).as_uri(), keys, table)


def _text(value: bytes | str) -> str:
    """Text of UTF-8, or of UTF-16 as some builds of VS Code's kin write it."""
    if isinstance(value, str):
        return value
    wide = len(value) >= 2 and len(value) % 2 == 0 and value[1] == 0
    return value.decode("utf-16-le" if wide else "utf-8", "replace")


def _code(error: Exception) -> int:
    """SQLite's primary result code."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _unreadable(path: str, machine: Machine, what: str, reason: str) -> ServiceError:
    return ServiceError(
        f"{what}: {machine.short(path)} cannot be read: {reason}",
        hint="close the program that it belongs to, or make the file one that you can read",
    )
