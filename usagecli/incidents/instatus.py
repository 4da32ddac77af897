"""Pages at Instatus: their summary and, where parts are named, their components.

Source: https://instatus.com/help/api, read in autumn 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.incidents.finding import OK, Finding, meaning, names, worst

if TYPE_CHECKING:
    from usagecli.model import Trouble

_COMPONENTS: Mapping[str, Trouble] = {
    "OPERATIONAL": "ok",
    "UNDERMAINTENANCE": "degraded",
    "DEGRADEDPERFORMANCE": "degraded",
    "PARTIALOUTAGE": "degraded",
    "MINOROUTAGE": "degraded",
    "MAJOROUTAGE": "outage",
}


def summary(body: Any, more: Any = None, *, parts: Sequence[str], now: datetime) -> Finding:
    """Fold `summary.json`; with `more`, `components.json`, the components named decide.

    Shape: {"page": {"status": "UP"|"HASISSUES"|"UNDERMAINTENANCE"}, "activeIncidents": [{"name", "started",
    "impact"}], "activeMaintenances": [{"name"}]}, and {"components": [{"id", "name", "status"}]} or that
    list alone. Incidents do not say which component they concern: they only lend the words.
    """
    body = wire.mapping(body, "body")
    told = _whole(body)
    if more is None:
        return told
    listed = more.get("components") if isinstance(more, dict) else more
    components = map(wire.as_mapping, wire.rows(listed, "components"))
    own = [c for c in components if names(parts, c.get("name"), c.get("id"))]
    if not own:
        raise PayloadError("components: none of those that matter is listed")
    found = worst(_component(component) for component in own)
    if found is OK or not told.incident:
        return found
    return Finding(status=found.status, summary=told.summary, started_at=told.started_at, incident=True)


def _whole(body: Mapping[str, Any]) -> Finding:
    """What the summary says of the page as a whole."""
    status = wire.mapping(body.get("page"), "page").get("status")
    if status == "UP":
        return OK
    incidents = [_incident(wire.as_mapping(entry)) for entry in wire.as_rows(body.get("activeIncidents"))]
    if status == "HASISSUES":
        return worst(incidents) if incidents else Finding(status="degraded")
    if status == "UNDERMAINTENANCE":
        works = wire.as_rows(body.get("activeMaintenances"))
        name = wire.as_text(wire.as_mapping(works[0]).get("name")) if works else None
        return Finding(status="degraded", summary=name or "under maintenance")
    raise PayloadError("status: a word that is not known")


def _incident(entry: Mapping[str, Any]) -> Finding:
    return Finding(
        status="outage" if entry.get("impact") == "MAJOROUTAGE" else "degraded",
        summary=wire.as_text(entry.get("name")),
        started_at=wire.as_instant(entry.get("started")),
        incident=True,
    )


def _component(component: Mapping[str, Any]) -> Finding:
    status = meaning(_COMPONENTS, component.get("status"))
    return Finding(status=status, summary=wire.as_text(component.get("name")))
