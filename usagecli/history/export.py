"""Every reading that is stored, for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from usagecli.history.document import accounts, figures, instant
from usagecli.history.render import table_of

if TYPE_CHECKING:
    from usagecli.history.document import Wants
    from usagecli.storage.history import History

FORMATS = ("csv", "jsonl")
_COLUMNS = (
    "at",
    "service",
    "provider",
    "account",
    "kind",
    "id",
    "label",
    "scope",
    "unit",
    "windowSeconds",
    "used",
    "limit",
    "remaining",
    "percentUsed",
    "resetsAt",
    "source",
)


def export(history: History, format_: str, wants: Wants) -> str:
    """CSV with a head, or a JSON object a line. Raises sqlite3.Error."""
    found = _rows(history, wants)
    if format_ == "csv":
        return table_of(_COLUMNS, found)
    return "\n".join(json.dumps(row) for row in found)


def _rows(history: History, wants: Wants) -> Iterator[dict[str, Any]]:
    """Series after series, each from its oldest reading on. `account` counts a service's accounts."""
    series = [one for one in history.series() if wants(one.service, one.provider)]
    owners = accounts(history, [(one.service, one.provider, one.account) for one in series])
    for one in series:
        for sample in history.samples(one.id, 0):
            yield {
                "at": instant(sample.at),
                "service": one.service,
                "provider": one.provider,
                "account": owners[one.service, one.provider, one.account].number,
                "kind": one.kind,
                "id": one.name,
                "label": one.label,
                "scope": one.scope,
                "unit": one.unit,
                "windowSeconds": one.window,
                **figures(sample),
            }
