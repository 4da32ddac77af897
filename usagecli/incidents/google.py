"""The incident lists of Google Workspace and Google Cloud.

Sources: https://www.google.com/appsstatus/dashboard/, https://status.cloud.google.com, read in autumn 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.incidents.finding import Finding, meaning, names, worst

if TYPE_CHECKING:
    from usagecli.model import Trouble

_STATUSES: Mapping[str, Trouble] = {
    "AVAILABLE": "ok",
    "SERVICE_INFORMATION": "degraded",
    "SERVICE_DISRUPTION": "degraded",
    "SERVICE_MAINTENANCE": "degraded",
    "SCHEDULED_MAINTENANCE": "degraded",
    "SERVICE_OUTAGE": "outage",
}


def incidents(body: Any, *, parts: Sequence[str], now: datetime) -> Finding:
    """Fold `incidents.json`.

    Shape: [{"begin", "end", "severity", "affected_products": [{"title", "id"}], "status_impact",
    "external_desc", "most_recent_update": {"status", "text"}}]; without an `end` it is open.
    """
    entries = [wire.mapping(entry, "incident") for entry in wire.rows(body, "body")]
    return worst(_finding(entry) for entry in entries if entry.get("end") is None and _is_about(entry, parts))


def _is_about(entry: Mapping[str, Any], parts: Sequence[str]) -> bool:
    products = map(wire.as_mapping, wire.as_rows(entry.get("affected_products")))
    return any(names(parts, product.get("title"), product.get("id")) for product in products)


def _finding(entry: Mapping[str, Any]) -> Finding:
    update = wire.as_mapping(entry.get("most_recent_update"))
    word = wire.first(entry, "status_impact")
    word = update.get("status") if word is None else word
    status = meaning(_STATUSES, word)
    if entry.get("severity") == "high" and status == "degraded":
        status = "outage"
    return Finding(
        status=status,
        summary=wire.as_text(entry.get("external_desc")) or wire.as_text(update.get("text")),
        started_at=wire.as_instant(entry.get("begin")),
        incident=True,
    )
