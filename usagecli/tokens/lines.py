"""A log file -> the lines that matter. What cannot matter is never decoded, nor held in memory.

A format says from the head of a line whether it matters; where the head does not tell, the line
matters if it holds one of the format's markers (JSON text in a string has its quotes escaped, so
quoted logs do not hold them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Files up to this size are read at once, larger ones in pieces of it.
_PIECE = 8 << 20
_OVERLAP = 64
_BRACE, _CLOSING = b"{}"

# How far from its beginning a line says what it is.
_HEAD = 128

# (data, start, end) -> True, False, or None where the markers decide.
Judge = Callable[[bytes, int, int], "bool | None"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines of a format matter: `judge` says it from their heads; where that does not tell,
    those that hold one of the markers.

    What most lines are is found without a call: those with `dull` in their heads do not matter, and
    those with `sure` there do, as far as they are what they seem to be.
    """

    judge: Judge
    markers: tuple[bytes, ...]
    dull: bytes | None = None
    sure: bytes | None = None

    def marked(self, data: bytes, start: int, end: int) -> bool:
        """Whether this part of a line holds a marker."""
        find = data.find
        return any(find(marker, start, end) >= 0 for marker in self.markers)

    def wants(self, data: bytes, start: int, end: int) -> bool:
        """Whether the line at this place matters."""
        verdict = self.judge(data, start, end)
        return self.marked(data, start, end) if verdict is None else verdict


@dataclass(slots=True)
class Counts:
    """What a reading came across: whole lines, those that are no JSON object, a last one without end."""

    lines: int = 0
    damaged: int = 0
    unfinished: bool = False


def wanted(file: BinaryIO, size: int, filter_: Filter, counts: Counts) -> Iterator[bytes]:
    """The lines that matter, without their ends; what was met on the way is added to `counts`.

    `size` is the file's, as far as it is known. A last line without a line end is still being
    written: it is left for the next time.
    """
    carried, offset, step = b"", 0, min(size + 1, _PIECE)
    while True:
        piece = file.read(step)
        data = carried + piece
        end = data.rfind(b"\n") + 1
        if end:
            yield from _whole(data, end, filter_, counts)
            carried = data[end:]
            offset += end
        elif not piece:
            counts.unfinished = counts.unfinished or bool(data)
            return
        elif len(data) <= _PIECE:
            carried = data
        else:
            line, carried, length = _long(file, data, offset, filter_, counts)
            offset += length
            if line is not None:
                yield line
        step = _PIECE


def _whole(data: bytes, end: int, filter_: Filter, counts: Counts) -> list[bytes]:
    """Those lines of `data[:end]`, which ends with a line end."""
    find, wants, dull, sure = data.find, filter_.wants, filter_.dull, filter_.sure
    found: list[bytes] = []
    start = lines = 0
    while start < end:
        stop = find(b"\n", start)
        lines += 1
        if data[start] == _BRACE and data[stop - 1] == _CLOSING:
            if dull is not None and sure is not None:
                head = stop if stop < start + _HEAD else start + _HEAD
                if find(dull, start, head) >= 0:
                    start = stop + 1
                    continue
                if find(sure, start, head) >= 0:
                    found.append(data[start:stop])
                    start = stop + 1
                    continue
            if wants(data, start, stop):
                found.append(data[start:stop])
        elif line := data[start:stop].strip():
            if line[0] != _BRACE or line[-1] != _CLOSING:
                counts.damaged += 1
            elif wants(line, 0, len(line)):
                found.append(line)
        start = stop + 1
    counts.lines += lines
    return found


def _long(
    file: BinaryIO, head: bytes, offset: int, filter_: Filter, counts: Counts
) -> tuple[bytes | None, bytes, int]:
    """A line longer than a piece: itself if it matters, what follows it in the last piece, its size.

    Only whether it matters is looked for on the way; then it is read whole.
    """
    verdict = filter_.judge(head, 0, len(head))
    marked = verdict is True or (verdict is None and filter_.marked(head, 0, len(head)))
    size, tail = len(head), head[-_OVERLAP:]
    first = head.lstrip()[:1]
    while data := file.read(_PIECE):
        end = data.find(b"\n")
        piece = tail + (data if end < 0 else data[:end])
        if verdict is None and not marked:
            marked = filter_.marked(piece, 0, len(piece))
        if end < 0:
            size, tail = size + len(data), piece[-_OVERLAP:]
            continue
        size, rest = size + end, data[end + 1 :]
        counts.lines += 1
        if first != b"{" or not piece.rstrip().endswith(b"}"):
            counts.damaged += 1
            return None, rest, size + 1
        return (_again(file, offset, size) if marked else None), rest, size + 1
    counts.unfinished = True
    return None, b"", size


def _again(file: BinaryIO, offset: int, size: int) -> bytes:
    """The bytes at that place of the file, which goes on where it stood."""
    place = file.tell()
    file.seek(offset)
    line = file.read(size)
    file.seek(place)
    return line
