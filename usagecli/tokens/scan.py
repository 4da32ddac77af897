"""Log files -> what they held, in a form to be kept. Two processes share the work where that pays."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO

import msgspec

from usagecli.tokens import claude, codex
from usagecli.tokens.cells import Cell, Counting, cells, requests
from usagecli.tokens.events import Event, Log
from usagecli.tokens.lines import Counts, wanted
from usagecli.tokens.roots import COMPRESSED, Found

# Below this many bytes (a file counts for some, too) a second process costs more than it saves.
_WORTH_IT = 24 << 20
_A_FILE = 16 << 10

_READERS = {codex.PROVIDER: (codex.read, codex.FILTER), claude.PROVIDER: (claude.read, claude.FILTER)}

Progress = Callable[[int, int], None]


class Record(msgspec.Struct, array_like=True, gc=False):
    """One file, read: who it is, what was met in it, and (packed) its log.

    `gone`: the agent has deleted it since. `thread` to `spawner` are as in Log, `first` and `last`
    the instants of its requests. `keys`: by what Claude's requests are known in other files. `cells`:
    of all of its requests, where no other file has a part in them; a fork's are those of its own
    requests (after those `inherited`), as they are beside a parent like `basis`. `error`: why it
    could not be read; `skipped`: it is compressed, and nothing here can read that. `readers` and
    `prices`: what read it, and what its cells were priced with.
    """

    path: str
    root: str
    provider: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    gone: bool = False
    thread: str = ""
    parent: str = ""
    spawner: str = ""
    first: int = 0
    last: int = 0
    lines: int = 0
    requests: int = 0
    repeated: int = 0
    damaged: int = 0
    synthetic: int = 0
    unfinished: bool = False
    keys: list[str] = []
    cells: list[Cell] = []
    basis: str = ""
    inherited: int = 0
    log: bytes = b""
    error: str = ""
    skipped: bool = False
    readers: str = ""
    prices: str = ""

    def is_of(self, found: Found) -> bool:
        """Whether the file is as it was when it was read."""
        return (self.size, self.mtime_ns, self.ctime_ns, self.inode) == found[3:]


def without_log(record: Record) -> Record:
    """The record alone: a log is looked for only when it is needed."""
    return msgspec.structs.replace(record, log=b"")


pack = msgspec.msgpack.Encoder().encode
unpack_log = msgspec.msgpack.Decoder(Log).decode
_unpack_records = msgspec.msgpack.Decoder(list[Record]).decode


def read(found: Found, counting: Counting) -> Record:
    """One file. What is wrong with it is told in the record."""
    record = Record(*found)
    reader, filter_ = _READERS[found.provider]
    counts = Counts()
    try:
        with _opened(found) as file:
            log = reader(wanted(file, found.size, filter_, counts), _name(found))
    except OSError as error:
        record.error = error.strerror or type(error).__name__
        return record
    except ImportError:
        record.skipped = True
        return record
    except _undecodable(found) as error:
        record.error = f"cannot be decompressed: {error}"
        return record
    _fill(record, log, counts)
    counted = _counted(log)
    record.requests = len(counted)
    if found.provider == claude.PROVIDER:
        record.keys = [event.key for event in counted]
    record.cells = base_cells(log, counting)
    record.log = pack(log)
    return record


def base_cells(log: Log, counting: Counting) -> list[Cell]:
    """The cells of a log on its own; a fork's own requests are known only beside its parent's."""
    return [] if log.parent else cells(log.provider, _counted(log), counting)


def _counted(log: Log) -> list[Event]:
    """The requests of a log in the usual way of telling them apart."""
    return requests(log.events) if log.provider == claude.PROVIDER else log.events


def _fill(record: Record, log: Log, counts: Counts) -> None:
    record.thread, record.parent, record.spawner = log.thread, log.parent, log.spawner
    if log.events:
        instants = [event.at for event in log.events]
        record.first, record.last = min(instants), max(instants)
    record.lines, record.unfinished = counts.lines, counts.unfinished
    record.repeated, record.synthetic = log.dropped.repeated, log.dropped.synthetic
    record.damaged = log.dropped.damaged + counts.damaged


def _opened(found: Found) -> BinaryIO:
    if not found.path.endswith(COMPRESSED):
        return open(found.path, "rb", buffering=0)
    opened: BinaryIO = _decoder().open(found.path)
    return opened


def _undecodable(found: Found) -> tuple[type[Exception], ...]:
    """What is raised for a compressed file that is cut or none; nothing for a plain one."""
    return (ValueError, EOFError, _decoder().ZstdError) if found.path.endswith(COMPRESSED) else ()


def _decoder() -> Any:
    """The module that reads compressed logs. Raises ImportError where none is installed."""
    from importlib import import_module

    names = ("compression.zstd",) if sys.version_info >= (3, 14) else ("backports.zstd", "zstandard")
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ImportError(names[0])


def _name(found: Found) -> str:
    """What stands for a name that the lines do not give: Codex's thread, or Claude's project."""
    if found.provider == claude.PROVIDER:
        return os.path.relpath(found.path, found.root).split(os.sep)[0]
    stem = os.path.basename(found.path).split(".jsonl")[0]
    # rollout-<date and time>-<uuid>
    return stem[-36:] if len(stem) > 36 and stem[-37] == "-" else stem


# -- all of them ------------------------------------------------------------------------------------


def read_all(files: Sequence[Found], counting: Counting, progress: Progress | None = None) -> list[Record]:
    """A record for each file, in any order. `progress` is told the bytes read and those in all."""
    total = sum(found.size for found in files)
    if total + _A_FILE * len(files) < _WORTH_IT or not _can_fork():
        return _read_some(files, counting, progress, total)
    return _shared(files, counting, progress, total)


def _can_fork() -> bool:
    import threading

    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def _read_some(
    files: Iterable[Found], counting: Counting, progress: Progress | None, total: int
) -> list[Record]:
    records, done = [], 0
    for found in files:
        records.append(read(found, counting))
        done += found.size
        if progress is not None:
            progress(done, total)
    return records


def _shared(
    files: Sequence[Found], counting: Counting, progress: Progress | None, total: int
) -> list[Record]:
    """As `_read_some`, in this process and a child; both take the next bundle from one queue."""
    bundles = _bundles(files, total)
    queue, filled = os.pipe()
    # As many numbers as fit into a pipe without a reader; a read of one is never torn.
    os.write(filled, b"".join(number.to_bytes(4, "big") for number in range(len(bundles))))
    os.close(filled)
    answer, told = os.pipe()
    child = os.fork()
    if child == 0:
        _work(queue, told, bundles, counting)
    os.close(told)
    records: list[Record] = []
    try:
        done = 0
        for bundle in _taken(queue, bundles):
            records += _read_some(bundle, counting, None, 0)
            if progress is not None:
                # The child has done about as much.
                done += 2 * sum(found.size for found in bundle)
                progress(min(done, total), total)
        records += _received(answer)
    finally:
        os.close(queue)
        os.close(answer)
        os.waitpid(child, 0)
    if len(records) < len(files):
        # The child was killed: what it had taken is read here.
        read_ = {record.path for record in records}
        records += _read_some([found for found in files if found.path not in read_], counting, None, 0)
    return records


# Their numbers, of four bytes each, fit into the smallest pipe.
_MOST_BUNDLES = 1000


def _bundles(files: Sequence[Found], total: int) -> list[list[Found]]:
    """The files in bundles of like size, large ones first and alone."""
    share = max(total // 64, (total + _A_FILE * len(files)) // (_MOST_BUNDLES // 2))
    bundles: list[list[Found]] = []
    room = 0
    for found in sorted(files, key=lambda found: -found.size):
        weight = found.size + _A_FILE
        if weight > room or not bundles:
            bundles.append([])
            room = share
        bundles[-1].append(found)
        room -= weight
    return bundles


def _taken(queue: int, bundles: Sequence[list[Found]]) -> Iterable[list[Found]]:
    while number := os.read(queue, 4):
        yield bundles[int.from_bytes(number, "big")]


def _work(queue: int, told: int, bundles: Sequence[list[Found]], counting: Counting) -> None:
    """The child: reads what it can get, sends it, and ends without any of its parent's cleaning up."""
    try:
        records: list[Record] = []
        for bundle in _taken(queue, bundles):
            records += _read_some(bundle, counting, None, 0)
        with open(told, "wb") as file:
            file.write(pack(records))
    finally:
        os._exit(0)


def _received(answer: int) -> list[Record]:
    with open(answer, "rb", closefd=False) as file:
        data = file.read()
    try:
        return _unpack_records(data)
    except msgspec.MsgspecError:
        return []
