"""The current events of AWS.

Source: https://health.aws.amazon.com/health/status, read in autumn 2026. The digits are not documented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.incidents.finding import Finding, meaning, names, worst

if TYPE_CHECKING:
    from usagecli.model import Trouble

_RESOLVED = "0"
_STATUSES: Mapping[str, Trouble] = {"1": "degraded", "2": "degraded", "3": "outage"}


def events(body: Any, *, parts: Sequence[str], now: datetime) -> Finding:
    """Fold `currentevents`; an empty list is well.

    Shape: [{"service", "service_name", "region_name", "summary", "status": "1", "date": epoch as text}].
    """
    entries = [wire.mapping(entry, "event") for entry in wire.rows(body, "body")]
    own = [entry for entry in entries if names(parts, entry.get("service"), entry.get("service_name"))]
    return worst(_finding(entry) for entry in own if str(entry.get("status")) != _RESOLVED)


def _finding(entry: Mapping[str, Any]) -> Finding:
    name = wire.as_text(entry.get("service_name")) or wire.as_text(entry.get("service"))
    region = wire.as_text(entry.get("region_name"))
    where = f"{name} ({region})" if region else name
    told = wire.as_text(entry.get("summary"))
    return Finding(
        status=meaning(_STATUSES, str(entry.get("status"))),
        summary=wire.as_text(f"{where}: {told}" if told else where),
        started_at=wire.as_instant(entry.get("date")),
        incident=True,
    )
