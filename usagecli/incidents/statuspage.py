"""Atlassian Statuspage and its look-alikes, and the own feed of pages at incident.io.

Sources: https://metastatuspage.com/api; https://status.openai.com, read in autumn 2026.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.incidents.finding import Finding, meaning, names, worst

if TYPE_CHECKING:
    from usagecli.model import Trouble

_INDICATORS: Mapping[str, Trouble] = {
    "none": "ok",
    "minor": "degraded",
    "maintenance": "degraded",
    "major": "outage",
    "critical": "outage",
}
_COMPONENTS: Mapping[str, Trouble] = {
    "operational": "ok",
    "degraded_performance": "degraded",
    "partial_outage": "degraded",
    "under_maintenance": "degraded",
    "major_outage": "outage",
    "full_outage": "outage",
}
_IMPACTS: Mapping[str, Trouble] = {
    "none": "degraded",
    "maintenance": "degraded",
    "minor": "degraded",
    "major": "outage",
    "critical": "outage",
}
_OPEN = ("investigating", "identified", "monitoring")
_CLOSED = ("resolved", "postmortem")


def summary(body: Any, more: Any = None, *, parts: Sequence[str], now: datetime) -> Finding:
    """Fold `summary.json`, and `incidents.json` where the page keeps its incidents there.

    Shape: {"status": {"indicator", "description"}, "components": [{"id", "name", "status", "group"}],
    "incidents": [{"name", "status", "impact", "started_at", "components": [{"id"}]}]}.
    Where parts are named the badge does not count: it also reports the vendor's other products. Where
    none is, it counts with the rest: it has said that all is well beside an open incident.
    """
    body = wire.mapping(body, "body")
    badge = wire.mapping(body.get("status"), "status")
    listed = map(wire.as_mapping, wire.rows(body.get("components"), "components"))
    components = [component for component in listed if component.get("group") is not True]
    if parts:
        components = [c for c in components if names(parts, c.get("name"), c.get("id"))]
        if not components:
            # Grouped as it may be, a page that names none of them is another than we know.
            raise PayloadError("components: none of those that matter is listed")
    holder = body if more is None else wire.mapping(more, "incidents")
    own = [value for component in components for value in (component.get("id"), component.get("name"))]
    findings = [_component(component.get("name"), component.get("status")) for component in components]
    findings += _incidents(holder.get("incidents"), own if parts else None)
    if not parts:
        status = meaning(_INDICATORS, badge.get("indicator"))
        findings.append(Finding(status=status, summary=wire.as_text(badge.get("description"))))
    return worst(findings)


def feed(body: Any, more: Any, *, parts: Sequence[str], now: datetime) -> Finding:
    """Fold the feed of a page at incident.io, with the page's `incidents.json`.

    Shape: {"summary": {"affected_components": [{"component_id", "status"}], "structure": {"items":
    [{"group": {"name", "hidden", "components": [{"component_id", "name", "hidden"}]}}, {"component"}]}}}.
    A component that is not among the affected ones is well.
    """
    told = wire.mapping(wire.mapping(body, "body").get("summary"), "summary")
    structure = wire.mapping(told.get("structure"), "structure")
    own = dict(_members(wire.rows(structure.get("items"), "items"), parts))
    if not own:
        raise PayloadError("items: none of the groups that matter is listed")
    affected = map(wire.as_mapping, wire.rows(told.get("affected_components"), "affected_components"))
    findings = [
        _component(own[component["component_id"]], component.get("status"))
        for component in affected
        if isinstance(component.get("component_id"), str) and component["component_id"] in own
    ]
    listed = wire.mapping(more, "incidents").get("incidents")
    findings += _incidents(wire.rows(listed, "incidents"), {*own, *own.values()})
    return worst(findings)


def _members(items: Sequence[Any], parts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Id and name of every shown component of the groups (or lone components) that matter."""
    for item in map(wire.as_mapping, items):
        group = wire.as_mapping(item.get("group"))
        single = wire.as_mapping(item.get("component"))
        named = group or single
        if named.get("hidden") is True or (parts and not names(parts, named.get("name"))):
            continue
        for member in map(wire.as_mapping, wire.as_rows(group.get("components")) if group else [single]):
            if isinstance(member.get("component_id"), str) and member.get("hidden") is not True:
                yield member["component_id"], wire.as_text(member.get("name"))


def _component(name: Any, status: Any) -> Finding:
    label = wire.as_text(name) or "a component"
    words = wire.as_text(status)
    return Finding(
        status=meaning(_COMPONENTS, status),
        summary=wire.as_text(f"{label}: {words.replace('_', ' ')}" if words else label),
    )


def _incidents(value: Any, own: Container[Any] | None) -> Iterator[Finding]:
    """The open ones that concern one of these components (None: any), or that name none."""
    for incident in map(wire.as_mapping, wire.as_rows(value)):
        state, impact = incident.get("status"), incident.get("impact")
        if state in _CLOSED:
            continue
        named = [wire.as_mapping(component) for component in wire.as_rows(incident.get("components"))]
        if own is not None and named and not any(_is_one(component, own) for component in named):
            continue
        yield Finding(
            status=meaning(_IMPACTS, impact) if state in _OPEN else "unknown",
            summary=wire.as_text(incident.get("name")),
            started_at=wire.as_instant(wire.first(incident, "started_at", "created_at")),
            incident=True,
        )


def _is_one(component: Mapping[str, Any], own: Container[Any]) -> bool:
    return any(
        isinstance(value, str) and value in own for value in (component.get("id"), component.get("name"))
    )
