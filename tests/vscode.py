"""State files as VS Code and the editors made of it write them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from usagecli.machine import Machine
from usagecli.providers._vscode import state_file


def write_state(machine: Machine, app: str, items: Mapping[str, Any]) -> Path:
    """The state of an application on that machine; values that are no text or bytes become JSON."""
    return write_table(Path(state_file(machine, app)), items)


def write_table(path: Path, items: Mapping[str, Any], table: str = "ItemTable") -> Path:
    """A table of keys and values in an SQLite file, which is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        (key, value if isinstance(value, (str, bytes)) else json.dumps(value)) for key, value in items.items()
    ]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)"
        )
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
        connection.commit()
    return path


def jwt(**claims: Any) -> str:
    """A token with these claims, signed by nobody."""
    from base64 import urlsafe_b64encode

    middle = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJfake.{middle}.fakesignature"
