"""Everything that the logs on this machine hold: from the ledger what has not changed, the rest read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from usagecli import log
from usagecli.tokens import pricing
from usagecli.tokens.cells import Cell, Counting, cells, requests
from usagecli.tokens.claude import PROVIDER as CLAUDE
from usagecli.tokens.events import Log
from usagecli.tokens.ledger import Ledger
from usagecli.tokens.merge import Merged, merge
from usagecli.tokens.roots import Found, Root
from usagecli.tokens.scan import Progress, Record, read_all, unpack_log

# To be raised whenever a reader finds something else in the same file.
_READERS = "1"


@dataclass(slots=True)
class Known:
    """All records, those of deleted files among them, and what they held together.

    `unreadable`: files that could not be read, with the reason; `skipped`: compressed ones.
    """

    records: list[Record] = field(default_factory=list)
    merged: Merged = field(default_factory=Merged)
    unreadable: list[str] = field(default_factory=list)
    skipped: int = 0
    logs: _Logs | None = None

    @property
    def kept(self) -> int:
        """Files that are counted though their agent has deleted them."""
        return sum(record.gone for record in self.records)

    @property
    def damaged(self) -> int:
        """Lines that could not be read."""
        return sum(record.damaged for record in self.records)


@dataclass(slots=True)
class _Logs:
    """Looks up logs: of what was just read in the records, of the rest in the ledger."""

    ledger: Ledger | None
    fresh: dict[str, bytes]

    def __call__(self, records: Sequence[Record]) -> dict[str, Log]:
        found = {
            record.path: unpack_log(self.fresh[record.path])
            for record in records
            if record.path in self.fresh
        }
        if self.ledger is not None:
            found |= self.ledger.logs([record.path for record in records if record.path not in found])
        return found


def know(
    roots: Sequence[Root],
    found: Sequence[Found],
    ledger: Ledger | None,
    counting: Counting,
    *,
    plain: bool,
    rescan: bool = False,
    progress: Progress | None = None,
) -> Known:
    """Read what has changed, enter it into the ledger, and merge it with what has not.

    `plain`: requests are priced as by default.
    """
    # The ledger's cells are always priced by default; other prices are found from its logs.
    usual = counting if plain else Counting(pricing.load(None))
    state = {"cells": _stamp(), "readers": _READERS}
    before: dict[str, str] = {}
    records: dict[str, Record] = {}
    if ledger is not None:
        before = ledger.state()
        records = ledger.records([root.path for root in roots])
    anew = rescan or before.get("readers") != _READERS
    changed = [entry for entry in found if anew or not _is_known(records.get(entry.path), entry)]
    known, fresh = Known(), []
    for record in read_all(changed, usual, progress):
        if record.error:
            known.unreadable.append(f"{record.path}: {record.error}")
        known.skipped += record.skipped
        # What it held before is better than nothing.
        if not (record.error or record.skipped):
            records[record.path] = record
            fresh.append(record)
    known.logs = _Logs(ledger, {record.path: record.log for record in fresh})
    there = {entry.path for entry in found}
    gone = [record for path, record in records.items() if path not in there and not record.gone]
    for record in gone:
        record.gone = True
    repriced = [] if before.get("cells") == state["cells"] else _repriced(records, fresh, known.logs, usual)
    _save(ledger, {record.path: record for record in (*gone, *repriced, *fresh)}, before, state)
    known.records = sorted(records.values(), key=lambda record: record.path)
    known.merged = merge(known.records, counting, known.logs, usable=plain)
    return known


def _is_known(record: Record | None, entry: Found) -> bool:
    return record is not None and not record.gone and record.is_of(entry)


def _stamp() -> str:
    """What the cells in the ledger were made with."""
    stat = os.stat(pricing.BAKED)
    return f"{_READERS} {stat.st_size} {stat.st_mtime_ns}"


def _repriced(
    records: dict[str, Record], fresh: Sequence[Record], logs: _Logs, counting: Counting
) -> list[Record]:
    """The records that were not just read, with cells made anew from their logs."""
    read = {record.path for record in fresh}
    older = [record for record in records.values() if record.path not in read]
    for record in older:
        held = logs([record]).get(record.path)
        if held is not None:
            record.cells = base_cells(held, counting)
    return older


def base_cells(held: Log, counting: Counting) -> list[Cell]:
    """The cells of a log on its own; a fork's requests are known only beside its parent's."""
    if held.parent:
        return []
    events = requests(held.events) if held.provider == CLAUDE else held.events
    return cells(held.provider, events, counting)


def _save(
    ledger: Ledger | None, records: dict[str, Record], before: dict[str, str], state: dict[str, str]
) -> None:
    if ledger is None or not (records or state.items() - before.items()):
        return
    try:
        ledger.save(list(records.values()), state)
    except sqlite3.Error as error:
        log.warn(f"the ledger could not be written ({error}); the next run reads these logs again")
