"""The document of a history -> text in the format that was asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usagecli.formatters import Look

Document = dict[str, Any]

FORMATS = ("table", "json", "csv", "markdown")
# A row a quota or balance; the readings themselves are what `history export` writes.
_COLUMNS = (
    "service",
    "provider",
    "account",
    "current",
    "kind",
    "id",
    "label",
    "scope",
    "unit",
    "windowSeconds",
    "first",
    "last",
    "minimum",
    "maximum",
    "used",
    "resets",
    "toppedUp",
    "errorKind",
    "errorCount",
    "errorLastAt",
)


def render(body: Document, format_: str, look: Look) -> str:
    """The text, without a line end."""
    if format_ == "json":
        from usagecli.formatters.json import text_of

        return text_of(body, look)
    if format_ == "csv":
        return table_of(_COLUMNS, _rows(body))
    from usagecli.history import table

    return table.markdown(body, look) if format_ == "markdown" else table.render(body, look)


def _rows(body: Document) -> Iterator[Document]:
    for service in body["services"]:
        common = {name: service[name] for name in ("service", "provider", "account", "current")}
        for quota in service["quotas"]:
            yield {**common, "kind": "quota", **quota}
        for balance in service["balances"]:
            yield {**common, "kind": "balance", **balance, "used": balance["spent"]}
        for error in service["errors"]:
            named = {"errorKind": "kind", "errorCount": "count", "errorLastAt": "lastAt"}
            yield {**common, "kind": "error", **{column: error[key] for column, key in named.items()}}


def table_of(columns: Iterable[str], lines: Iterable[Document]) -> str:
    """CSV with a head: exact figures, an absent fact an empty cell."""
    from usagecli.formatters.csv import cell

    names, text = list(columns), io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: cell(line.get(name)) for name in names})
    return text.getvalue().rstrip("\n")
