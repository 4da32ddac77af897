"""Feeds of incidents in RSS and Atom, which say little of how bad it is.

Sources: the feeds themselves, read in autumn 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.incidents.finding import OK, Finding, names, worst

if TYPE_CHECKING:
    from usagecli.incidents.xml import Item
    from usagecli.model import Trouble

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
# Clocks differ a little; what lies further ahead is no incident yet.
_AHEAD = timedelta(minutes=10)
_CATEGORIES: Mapping[Any, Trouble] = {"outage": "outage", "disruption": "degraded"}
_HEADING = re.compile(r"<h3[^>]*>\s*Status:\s*([A-Za-z]+)", re.IGNORECASE)
_SERVICE = re.compile(r"\s*\[([^\]]{1,80})\]\s*")


def recent(items: Sequence[Item], *, parts: Sequence[str], now: datetime) -> Finding:
    """Trouble is what was published in the last 24 hours and does not say that it is resolved."""
    return worst(
        _finding("degraded", item.title, item)
        for item in items
        if _within(item, now, _DAY)
        and "resolved" not in f"{item.title} {item.text}".lower()
        and (not parts or names(parts, item.title, item.text))
    )


def xai(items: Sequence[Item], *, parts: Sequence[str], now: datetime) -> Finding:
    """The title begins with the service in brackets, the newest heading says how things stand."""
    return worst(_xai(item, parts) for item in items if _within(item, now, _WEEK))


def azure(items: Sequence[Item], *, parts: Sequence[str], now: datetime) -> Finding:
    """Items are there while there is trouble; how bad it is they do not say."""
    return worst(
        _finding("degraded", item.title, item) for item in items if names(parts, item.title, item.text)
    )


def _xai(item: Item, parts: Sequence[str]) -> Finding:
    service = _SERVICE.match(item.title)
    slug = item.link.rstrip("/").rpartition("/")[2]
    heading = _HEADING.search(item.text)
    status: Trouble = next((_CATEGORIES[word] for word in item.categories if word in _CATEGORIES), "ok")
    if not names(parts, service[1] if service else "", slug):
        return OK
    if "resolved" in item.categories or (heading and heading[1].upper() == "RESOLVED"):
        return OK
    return _finding(status, item.title[service.end() :] if service else item.title, item)


def _finding(status: Trouble, title: str, item: Item) -> Finding:
    return Finding(status=status, summary=wire.as_text(title), started_at=item.published, incident=True)


def _within(item: Item, now: datetime, age: timedelta) -> bool:
    return item.published is not None and now - age < item.published <= now + _AHEAD
