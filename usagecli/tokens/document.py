"""The JSON document of a view; tables, CSV and Markdown show the same figures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from usagecli.errors import ConfigError
from usagecli.tokens.ask import AUDIT, OVERVIEW, PROVIDERS, Ask
from usagecli.tokens.cells import Cell, Counting
from usagecli.tokens.known import Known
from usagecli.tokens.scan import Record
from usagecli.tokens.views import chosen, figures, overview, rows
from usagecli.tokens.zones import Zone

SCHEMA_VERSION = 1


def made(known: Known, ask: Ask, counting: Counting, zone: Zone, now: datetime) -> dict[str, Any]:
    """The document. Raises ConfigError for an audit of a file that is no log."""
    today = zone.today(now)
    if ask.view == OVERVIEW:
        # The year to date.
        ask = replace(ask, since=ask.since or date(today.year, 1, 1), until=ask.until or today)
    held = list(chosen(known.merged.cells, ask, zone))
    since, until = _span(held, ask, zone)
    whole = figures(held)
    body: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "view": ask.view,
        "provider": ask.provider,
        "timezone": zone.name,
        "since": since,
        "until": until,
        "dedupe": ask.dedupe,
        "pricesDate": counting.prices.date,
    }
    if ask.view == OVERVIEW:
        body |= overview(held, ask, zone, today)
    elif ask.view == AUDIT:
        body["files"] = _files(known, ask, counting)
    else:
        body["rows"] = rows(held, ask, zone)
    return body | {
        "totals": whole.document(),
        "byProvider": _by_provider(held),
        "unpricedModels": sorted(whole.unpriced),
        "skipped": {
            "lines": known.damaged,
            "files": len(known.unreadable),
            "compressedFiles": known.skipped,
        },
        "keptFiles": known.kept,
    }


def _span(held: Iterable[Cell], ask: Ask, zone: Zone) -> tuple[str | None, str | None]:
    """The days that were asked for, else the first and the last that there is something of."""
    quarters = {cell.quarter for cell in held}
    first = ask.since or (zone.quarter(min(quarters))[0] if quarters else None)
    last = ask.until or (zone.quarter(max(quarters))[0] if quarters else None)
    return first.isoformat() if first else None, last.isoformat() if last else None


def _by_provider(held: Iterable[Cell]) -> dict[str, Any]:
    groups = {name: [cell for cell in held if cell.provider == name] for name in PROVIDERS}
    return {name: figures(cells).document() for name, cells in groups.items() if cells}


# -- the audit --------------------------------------------------------------------------------------


def _files(known: Known, ask: Ask, counting: Counting) -> list[dict[str, Any]]:
    """How each file was counted; of those that were named, where any were."""
    records = {record.path: record for record in known.records}
    if ask.audited:
        named = [(name, os.path.realpath(name)) for name in ask.audited]
        for name, path in named:
            if path not in records:
                raise ConfigError(f"{name}: is no log that is counted; usagecli tokens audit lists them")
        records = {path: records[path] for _, path in named}
    return [
        _file(record, known, counting)
        for record in records.values()
        if ask.provider in (record.provider, "combined")
    ]


def _file(record: Record, known: Known, counting: Counting) -> dict[str, Any]:
    copied = known.merged.copied.get(record.path, 0)
    doubled = known.merged.doubled.get(record.path, 0)
    log = known.logs([record]).get(record.path)
    priced = (
        {counting.prices.rates(event, codex=record.provider == "codex")[1] for event in log.events}
        if log
        else set()
    )
    return {
        "path": record.path,
        "provider": record.provider,
        "lines": record.lines,
        "requests": record.requests,
        "counted": record.requests - copied - doubled,
        "repeated": record.repeated,
        "copied": copied,
        "doubled": doubled,
        "synthetic": record.synthetic,
        "damagedLines": record.damaged,
        "unfinished": record.unfinished,
        "kept": record.gone,
        "unpricedModels": sorted(priced - {""}),
    }
