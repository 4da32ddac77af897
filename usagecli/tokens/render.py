"""The document of a view -> text in the format that was asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from usagecli.tokens.ask import AUDIT, KEYS, OVERVIEW, Ask

if TYPE_CHECKING:
    from usagecli.formatters import Look

Document = dict[str, Any]

_FIGURES = (
    "sessions",
    "inputTokens",
    "cacheReadTokens",
    "cacheWriteTokens",
    "outputTokens",
    "reasoningTokens",
    "totalTokens",
    "cost",
    "costComplete",
)
_SESSION = ("provider", "project", "models", "firstAt", "lastAt")


def render(body: Document, ask: Ask, look: Look) -> str:
    """The text, without a line end; "" where a table would have no rows."""
    if ask.format_ == "json":
        from usagecli.formatters.json import text_of

        return text_of(body, look)
    if ask.format_ == "csv":
        return _csv(body, ask)
    from usagecli.tokens import table

    return table.markdown(body, ask) if ask.format_ == "markdown" else table.render(body, ask, look)


def rows_of(body: Document) -> list[Document]:
    """The rows of any view; the overview's are its days."""
    found: list[Document] = body["daily" if body["view"] == OVERVIEW else "rows"]
    return found


def with_models(rows: Iterable[Document], key: str) -> Iterator[Document]:
    """Each row, followed by those of its models, which have the row's name as well."""
    for row in rows:
        yield row
        for part in row["models"] if _is_broken_down(row) else ():
            yield {key: row[key], **part}


def _is_broken_down(row: Document) -> bool:
    # A session's row names its models, where they are not broken down.
    models = row.get("models", [])
    return bool(models) and isinstance(models[0], dict)


def _csv(body: Document, ask: Ask) -> str:
    """Exact figures; a model's row has its name in `model`, the row above it the sum of all."""
    if ask.view == AUDIT:
        columns = list(body["files"][0]) if body["files"] else ["path"]
        return _written(columns, body["files"])
    key = KEYS.get(ask.view, "day")
    columns = [key, *(_SESSION if ask.view == "sessions" else ())]
    rows = rows_of(body)
    if ask.breakdown and key != "model":
        columns = [key, "model", *columns[1:]]
        rows = list(with_models(rows, key))
    return _written([*columns, *_FIGURES], rows)


def _written(columns: list[str], rows: Iterable[Document]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in columns})
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    from usagecli.formatters.csv import cell

    if isinstance(value, list):
        value = " ".join(part["model"] if isinstance(part, dict) else part for part in value)
    return cell(value)
