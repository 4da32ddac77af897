"""What the tests of the history share: reports to record, and everything that a file holds."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support import NOW
from usagecli import assess
from usagecli.machine import Machine, here
from usagecli.model import Balance, Failure, Quota, Report, Service, Usage
from usagecli.storage import history
from usagecli.storage.history import Live

SERVICE = Service(name="work", provider="openrouter")
SECONDS = int(NOW.timestamp())
DOWN = Failure(kind="unavailable", message="no answer", hint="try again")


def quota(used: float | None = 25, id_: str = "weekly", **more: Any) -> Quota:
    """A week's limit of 100 messages."""
    given: dict[str, Any] = {
        "label": "Weekly limit",
        "unit": "messages",
        "limit": Decimal(100),
        "used": None if used is None else Decimal(str(used)),
        "window_seconds": 604800,
        "resets_at": NOW + timedelta(days=3),
        **more,
    }
    return Quota(id=id_, **given)


def balance(amount: float | None = 9.5, id_: str = "credits", **more: Any) -> Balance:
    given = None if amount is None else Decimal(str(amount))
    return Balance(id=id_, label="Credits", unit="usd", amount=given, **more)


def report(
    *parts: Quota | Balance,
    at: datetime = NOW,
    service: Service = SERVICE,
    failure: Failure | None = None,
    **more: Any,
) -> Report:
    """A report of these figures; without any, one that has only the failure."""
    usage = Usage(
        quotas=tuple(part for part in parts if isinstance(part, Quota)),
        balances=tuple(part for part in parts if isinstance(part, Balance)),
        **more,
    )
    return assess.report(
        service,
        usage=usage if parts else None,
        fetched_at=at if parts else None,
        stale=False,
        failure=failure,
        override=None,
        defaults={},
    )


def live(*parts: Quota | Balance, account: str = "a", now: datetime | None = None, **more: Any) -> Live:
    """The report as of a run at `now`, else at its own instant."""
    return history.live(account, report(*parts, **more), now or more.get("at", NOW))


def record(machine: Machine, *reports: Live) -> None:
    with history.opened(machine) as opened:
        opened.record(reports)


def database() -> Path:
    """The history of this test's home."""
    return Path(history.path_of(here()))


def rows(table: str, machine: Machine | None = None) -> list[tuple[Any, ...]]:
    """Everything in a table; nothing where there is no file."""
    path = history.path_of(machine or here())
    if not os.path.exists(path):
        return []
    with closing(sqlite3.connect(path)) as found:
        return found.execute(f"SELECT * FROM {table}").fetchall()


def whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with closing(sqlite3.connect(path)) as found:
        answers: Sequence[Any] = found.execute("PRAGMA integrity_check").fetchall()
    return answers == [("ok",)]
