"""Everything that the logs on this machine hold: from the ledger what has not changed, the rest read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from usagecli.tokens import pricing
from usagecli.tokens.ask import BAKED
from usagecli.tokens.cells import Counting
from usagecli.tokens.events import Log
from usagecli.tokens.ledger import Ledger
from usagecli.tokens.merge import Merged, merge
from usagecli.tokens.roots import Found, Root
from usagecli.tokens.scan import Progress, Record, base_cells, read_all, unpack_log

# To be raised whenever a reader finds something else in the same file.
_READERS = "1"


@dataclass(slots=True)
class Known:
    """All records, those of deleted files among them, and what they held together.

    `unreadable`: files that could not be read, with the reason; `skipped`: compressed ones. `news`:
    records that the ledger does not have like that.
    """

    records: list[Record]
    merged: Merged
    logs: _Logs
    news: list[Record]
    unreadable: list[str] = field(default_factory=list)
    skipped: int = 0

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
    """Read what has changed, and merge it with what has not. `plain`: requests are priced as by default."""
    # The ledger's cells are always priced by default; other prices are found from its logs.
    usual = counting if plain else Counting(pricing.load(None))
    stamp = _stamp()
    records = {} if ledger is None else ledger.records([root.path for root in roots])
    changed = [entry for entry in found if rescan or not _is_known(records.get(entry.path), entry)]
    read = read_all(changed, usual, progress)
    for record in read:
        record.readers, record.prices = _READERS, stamp
    # What a file held before it could not be read is better than nothing.
    fresh = {record.path: record for record in read if not (record.error or record.skipped)}
    logs = _Logs(ledger, {path: record.log for path, record in fresh.items()})
    older = [record for path, record in records.items() if path not in fresh]
    records |= fresh
    news = {**fresh, **_gone(older, {entry.path for entry in found}), **_repriced(older, logs, usual, stamp)}
    held = [records[path] for path in sorted(records)]
    merged = merge(held, counting, logs, usable=plain)
    for record in merged.settled:
        if plain:
            news[record.path] = record
        else:
            # Its cells are at other prices than the ledger's.
            record.basis = ""
    return Known(
        records=held,
        merged=merged,
        logs=logs,
        news=list(news.values()),
        unreadable=[f"{record.path}: {record.error}" for record in read if record.error],
        skipped=sum(record.skipped for record in read),
    )


def _gone(records: Sequence[Record], there: set[str]) -> dict[str, Record]:
    """Those of files that have gone since, and are told apart from now on."""
    found = {record.path: record for record in records if record.path not in there and not record.gone}
    for record in found.values():
        record.gone = True
    return found


def _is_known(record: Record | None, entry: Found) -> bool:
    return record is not None and record.readers == _READERS and not record.gone and record.is_of(entry)


def _stamp() -> str:
    """What tells the built-in prices from others."""
    stat = os.stat(BAKED)
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _repriced(records: Sequence[Record], logs: _Logs, counting: Counting, stamp: str) -> dict[str, Record]:
    """Those whose cells are at other prices; they are made anew from their logs."""
    found = {record.path: record for record in records if record.prices != stamp}
    for record in found.values():
        record.prices, record.basis = stamp, ""
        held = logs([record]).get(record.path)
        if held is not None:
            record.cells = base_cells(held, counting)
    return found
