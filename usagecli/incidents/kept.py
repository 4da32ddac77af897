"""What the pages said in the last 5 minutes, a small file each below the cache directory."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from usagecli import log, wire
from usagecli.model import Incident, Trouble
from usagecli.storage.files import write_atomic

if TYPE_CHECKING:
    from usagecli.incidents.pages import Page
    from usagecli.machine import Machine

YOUNG_S = 300.0
_MAX_FILE = 100_000


def load(machine: Machine, page: Page) -> Incident | None:
    """What the page said, where that is younger than 5 minutes."""
    try:
        with open(_path(machine, page), "rb") as file:
            body = json.loads(file.read(_MAX_FILE))
        checked = datetime.fromtimestamp(body["checkedAt"], UTC)
        started = body["startedAt"]
        if body["url"] != page.url or body["parts"] != list(page.parts):
            return None
        if body["status"] not in get_args(Trouble):
            return None
        found = Incident(
            status=body["status"],
            vendor=page.vendor,
            url=page.url,
            summary=wire.as_text(body["summary"]),
            started_at=None if started is None else datetime.fromtimestamp(started, UTC),
        )
    # Whatever stands in the file, it is only a cache.
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return found if 0 <= (machine.clock() - checked).total_seconds() < YOUNG_S else None


def store(machine: Machine, page: Page, incident: Incident) -> None:
    """Keep what the page says; where that is not possible, go on without."""
    # The demo's directory goes with its run, and a thread that is late must not bring it back.
    if machine.demo:
        return
    started = incident.started_at
    body = {
        "url": page.url,
        "parts": page.parts,
        "checkedAt": machine.clock().timestamp(),
        "status": incident.status,
        "summary": incident.summary,
        "startedAt": None if started is None else started.timestamp(),
    }
    try:
        write_atomic(_path(machine, page), json.dumps(body).encode())
    except OSError as error:
        log.debug(f"status page of {page.vendor}: not kept ({error.strerror})")


def _path(machine: Machine, page: Page) -> str:
    return os.path.join(machine.cache_dir, "status-pages", f"{wire.slug(page.key)}.json")
