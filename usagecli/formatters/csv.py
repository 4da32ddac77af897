"""CSV: a row for every quota, balance and spend, and one for a service without any."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from usagecli.formatters.json import document

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Snapshot

COLUMNS = (
    "service",
    "provider",
    "account",
    "plan",
    "serviceStatus",
    "source",
    "fetchedAt",
    "stale",
    "kind",
    "id",
    "label",
    "scope",
    "unit",
    "used",
    "limit",
    "remaining",
    "percentUsed",
    "percentRemaining",
    "unlimited",
    "amount",
    "windowSeconds",
    "resetsAt",
    "since",
    "until",
    "status",
    "errorKind",
    "errorMessage",
    "paceBasis",
    "expectedPercentUsed",
    "projectedPercentUsed",
    "runsOutAt",
    "lasts",
    "perDay",
    "daysLeft",
)


def render(snapshot: Snapshot, look: Look) -> str:
    """The same figures as the JSON document; an absent fact is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for report in snapshot.reports:
        for row in _rows(document(report)):
            writer.writerow({key: cell(row.get(key)) for key in COLUMNS})
    return text.getvalue().rstrip("\n")


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    error, plan = body["error"] or {}, body["plan"] or {}
    common = {
        **{key: body[key] for key in ("service", "provider", "account", "source", "fetchedAt", "stale")},
        "plan": plan.get("name"),
        "serviceStatus": body["status"],
        "errorKind": error.get("kind"),
        "errorMessage": error.get("message"),
    }
    entries = [
        {**common, "kind": kind, **entry, **_pace(entry)}
        for kind, key in (("quota", "quotas"), ("balance", "balances"), ("spend", "spend"))
        for entry in body[key]
    ]
    return entries or [common]


def _pace(entry: dict[str, Any]) -> dict[str, Any]:
    pace = entry.get("pace") or {}
    return {**pace, "paceBasis": pace.get("basis")}


def cell(value: Any) -> Any:
    """A value as a cell has it: no formula, `true` and `false` as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A spreadsheet runs a cell that begins like a formula; texts come from the vendors.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
