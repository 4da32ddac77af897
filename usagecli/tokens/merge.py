"""What all files held together: each request once, for the session that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from usagecli.tokens import claude, codex
from usagecli.tokens.ask import MESSAGE
from usagecli.tokens.cells import Cell, Counting, by_session_request, cells, requests, roots
from usagecli.tokens.events import Event, Log
from usagecli.tokens.roots import COMPRESSED
from usagecli.tokens.scan import Record

# The logs of some records.
Load = Callable[[Sequence[Record]], dict[str, Log]]
# Where nothing tells how old a turn is: what was written within this of the first request was copied.
_COPY_MS = 1000


@dataclass(slots=True)
class Merged:
    """The cells of everything that counts; by file, how many requests it had from another one
    (`copied`), and how many count elsewhere (`doubled`). `settled`: records of forks whose own
    requests were found anew."""

    cells: list[Cell] = field(default_factory=list)
    settled: list[Record] = field(default_factory=list)
    copied: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)


def merge(records: Sequence[Record], counting: Counting, load: Load, *, usable: bool) -> Merged:
    """All records together. `usable`: the cells in the records are of this way of counting."""
    merged = Merged()
    _codex(
        [record for record in records if record.provider == codex.PROVIDER], counting, load, usable, merged
    )
    transcripts = [record for record in records if record.provider == claude.PROVIDER]
    if counting.dedupe == MESSAGE:
        _claude(transcripts, counting, load, usable, merged)
    else:
        _by_session_request(transcripts, counting, load, merged)
    return merged


# -- Codex ------------------------------------------------------------------------------------------


def _codex(records: Sequence[Record], counting: Counting, load: Load, usable: bool, merged: Merged) -> None:
    threads: dict[str, Record] = {}
    for record in sorted(records, key=_precedence):
        if threads.setdefault(record.thread, record) is not record:
            merged.doubled[record.path] = record.requests
    above = roots({thread: record.spawner for thread, record in threads.items() if record.spawner})
    chosen = list(threads.values())
    parents = {record.path: threads.get(record.parent) for record in chosen if record.parent}
    forks = [
        record
        for record in chosen
        if record.parent and not (usable and record.basis == _basis(parents[record.path]))
    ]
    _settle(forks, parents, counting, load)
    merged.settled += forks
    logs = {} if usable else load([record for record in chosen if not record.parent])
    for record in chosen:
        merged.copied[record.path] = record.inherited
        own = record.cells
        if record.path in logs:
            own = cells(codex.PROVIDER, logs[record.path].events, counting)
        root = above.get(record.thread)
        merged.cells += [cell._replace(session=root) for cell in own] if root else own


def _settle(
    forks: Sequence[Record], parents: Mapping[str, Record | None], counting: Counting, load: Load
) -> None:
    """Find each fork's own requests, beside its parent."""
    needed = {record.path: record for record in forks}
    needed |= {parent.path: parent for fork in forks if (parent := parents[fork.path]) is not None}
    logs = load(list(needed.values()))
    for record in forks:
        if record.path not in logs:
            continue
        parent = parents[record.path]
        log = logs[record.path]
        record.inherited = inherited(log, logs.get(parent.path) if parent is not None else None)
        record.cells = cells(codex.PROVIDER, log.events[record.inherited :], counting)
        record.basis = _basis(parent)


def _basis(parent: Record | None) -> str:
    """The parent as it was: while it is like that, so are its forks."""
    return "none" if parent is None else f"{parent.path} {parent.size} {parent.mtime_ns} {parent.inode}"


def _precedence(record: Record) -> tuple[bool, bool, bool, str]:
    """Of two copies of one thread: what is there before what is gone, active before archived, plain
    before compressed."""
    archived = "archived_sessions" in record.root
    return (record.gone, archived, record.path.endswith(COMPRESSED), record.path)


def inherited(log: Log, parent: Log | None) -> int:
    """How many of a thread's first requests are copies of its parent's.

    Those whose totals are the parent's first ones, or stand before the first turn that is no older
    than the thread; without either those of the first moment.
    """
    if not log.parent:
        return 0
    equal = 0
    if parent is not None:
        for mine, other in zip(log.events, parent.events, strict=False):
            if mine.key != other.key:
                break
            equal += 1
    if log.own_from >= 0:
        return max(equal, log.own_from)
    if parent is None and log.events:
        until = log.events[0].at + _COPY_MS
        return next((number for number, event in enumerate(log.events) if event.at >= until), len(log.events))
    return equal


# -- Claude Code ------------------------------------------------------------------------------------


class _Candidate(NamedTuple):
    """One file's row of a request that several files have; candidates sort by who was first."""

    copied: bool
    first: int
    last: int
    path: str
    event: Event


def _claude(records: Sequence[Record], counting: Counting, load: Load, usable: bool, merged: Merged) -> None:
    shared = _shared_keys(records)
    mixed = [record for record in records if shared and not shared.isdisjoint(record.keys)]
    logs = load(mixed if usable else records)
    candidates: dict[str, list[_Candidate]] = {}
    for record in records:
        log = logs.get(record.path)
        if log is None:
            merged.cells += record.cells
            continue
        own = []
        for event in requests(log.events):
            if event.key in shared:
                candidate = _Candidate(event.copied, record.first, record.last, record.path, event)
                candidates.setdefault(event.key, []).append(candidate)
            else:
                own.append(event)
        merged.cells += cells(claude.PROVIDER, own, counting)
    kept = [_original(group, merged) for group in candidates.values()]
    merged.cells += cells(claude.PROVIDER, kept, counting)


def _shared_keys(records: Iterable[Record]) -> set[str]:
    """The requests that more than one file has."""
    once: set[str] = set()
    shared: set[str] = set()
    for record in records:
        shared.update(once.intersection(record.keys))
        once.update(record.keys)
    return shared


def _original(group: list[_Candidate], merged: Merged) -> Event:
    """The row with the highest output, for the session whose file began first."""
    group.sort(key=lambda candidate: candidate[:4])
    first, *others = group
    for other in others:
        merged.doubled[other.path] = merged.doubled.get(other.path, 0) + 1
    best = max(group, key=lambda candidate: candidate.event.output).event
    return msgspec.structs.replace(best, session=first.event.session, project=first.event.project)


def _by_session_request(records: Sequence[Record], counting: Counting, load: Load, merged: Merged) -> None:
    logs = load(records)
    held = [event for record in records if record.path in logs for event in logs[record.path].events]
    merged.cells += cells(claude.PROVIDER, by_session_request(held), counting)
