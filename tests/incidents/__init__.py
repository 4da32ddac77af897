"""Vendors' status pages: what each kind of page folds to, and how the pages are asked."""

from __future__ import annotations

import json
from typing import Any

from tests.support import PAYLOADS, utc
from usagecli.incidents import xml
from usagecli.incidents.finding import Finding
from usagecli.incidents.xml import Item

FOLDER = PAYLOADS / "_incidents"


def recorded(name: str) -> bytes:
    """A recorded answer as it came over the wire."""
    return (FOLDER / name).read_bytes()


def page(name: str) -> Any:
    """A recorded JSON answer."""
    return json.loads(recorded(f"{name}.json"))


def feed(name: str) -> list[Item]:
    """The items of a recorded feed."""
    return xml.items(recorded(name))


def trouble(status: Any, summary: str | None, since: str | None = None, *, incident: bool = True) -> Finding:
    """A finding; `since` is UTC."""
    return Finding(
        status=status, summary=summary, started_at=None if since is None else utc(since), incident=incident
    )
