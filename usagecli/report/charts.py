"""Readings -> coordinates. A chart's box is `WIDTH` by `HEIGHT`; the page stretches it as it likes.

Every coordinate is finite and within the box, whatever the readings are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from usagecli.history.summary import Reading, is_reset

WIDTH, HEIGHT = 600.0, 100.0
# More readings than fit on these steps of the width could not be told apart.
_STEPS = 400
# Beyond this many resets their lines would be a fence: they become short marks.
_MANY_RESETS = 8
_SHORT_MARK = 0.12
_HOUR = 3600


class Path(str):
    """The `d` of a path of SVG. A type of its own, because it holds no text of anybody."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Paths for the line and the area below it, how many windows ended, and the lines of these
    resets: x, and the upper y."""

    line: Path
    area: Path
    ends: int
    resets: tuple[float, ...]
    reset_top: float


class Column(NamedTuple):
    """An upright bar, standing on the floor of the box."""

    x: float
    y: float
    width: float
    height: float


def curve(readings: Iterable[Reading], since: int, until: int, top: float) -> Chart | None:
    """The readings from `since` to `until`, `top` at the upper edge; None where there are none.

    A reset is a drop to the floor at its instant; where nothing was read for long, the line breaks.
    """
    shown = [reading for reading in readings if since <= reading.at <= until and math.isfinite(reading.value)]
    if not shown or until <= since or not (math.isfinite(top) and top > 0):
        return None
    box = _Box(since, until, top)
    lines = [list(_points(part, box)) for part in _parts(list(_thinned(shown, box)))]
    drops = resets(shown)
    return Chart(
        line=Path("".join(_path(line) for line in lines)),
        area=Path("".join(_closed(line) for line in lines)),
        ends=len(drops),
        resets=tuple(dict.fromkeys(box.x(at) for at in drops)),
        reset_top=0.0 if len(drops) <= _MANY_RESETS else HEIGHT * (1 - _SHORT_MARK),
    )


def resets(readings: Sequence[Reading]) -> list[int]:
    """The instants at which a window ended between two readings."""
    return [
        at
        for before, after in itertools.pairwise(readings)
        # Within a window, as nearly all are, there is nothing to look into.
        if before.resets_at is not None
        and (before.resets_at <= after.at or after.value < before.value)
        and (at := _reset(before, after)) is not None
    ]


def level(value: float, top: float) -> float:
    """The y of a value in a box that `top` is the upper edge of."""
    return _round((1 - min(1.0, max(0.0, value / top))) * HEIGHT)


def columns(values: Sequence[float], gap: float = 0.25) -> list[Column]:
    """A bar a value, the highest as high as the box; `gap` is the share of a bar's place left free.

    Something is never shown as nothing.
    """
    most = max((value for value in values if math.isfinite(value)), default=0)
    place = WIDTH / max(1, len(values))
    found = []
    for index, value in enumerate(values):
        share = min(1.0, max(0.0, value / most)) if most > 0 and math.isfinite(value) else 0.0
        height = max(2.0, share * HEIGHT) if share > 0 else 0.0
        x, width = (index + gap / 2) * place, place * (1 - gap)
        found.append(
            Column(x=_round(x), y=_round(HEIGHT - height), width=_round(width), height=_round(height))
        )
    return found


def share(value: float, most: float) -> float:
    """How much of the whole it is, in percent from 0 to 100; something is never shown as nothing, nor
    nearly all as all."""
    if not (math.isfinite(value) and math.isfinite(most)) or most <= 0 or value <= 0:
        return 0.0
    if value >= most:
        return 100.0
    return _round(min(99.0, max(1.0, value / most * 100)))


@dataclass(frozen=True, slots=True)
class _Box:
    since: int
    until: int
    top: float

    def x(self, at: float) -> float:
        return _round(min(1.0, max(0.0, (at - self.since) / (self.until - self.since))) * WIDTH)

    def y(self, value: float) -> float:
        return level(value, self.top)


def _round(value: float) -> float:
    return round(value, 1)


def _parts(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """The readings, parted where nothing was read for much longer than usual."""
    waits = sorted(after.at - before.at for before, after in itertools.pairwise(readings))
    longest = max(6 * _HOUR, 4 * waits[len(waits) // 2]) if waits else 0
    part: list[Reading] = []
    for reading in readings:
        if part and reading.at - part[-1].at > longest:
            yield part
            part = []
        part.append(reading)
    yield part


def _thinned(readings: Iterable[Reading], box: _Box) -> Iterator[Reading]:
    """Of those that fall on one step of the width: the lowest, the highest and the last."""
    span = box.until - box.since
    for _, crowd in itertools.groupby(readings, lambda reading: (reading.at - box.since) * _STEPS // span):
        yield from _telling(list(crowd))


def _telling(readings: list[Reading]) -> list[Reading]:
    if len(readings) < 3:
        return readings
    lowest = min(readings, key=lambda reading: reading.value)
    highest = max(readings, key=lambda reading: reading.value)
    return sorted({lowest, highest, readings[-1]}, key=lambda reading: reading.at)


def _reset(before: Reading, after: Reading) -> int | None:
    """When a window ended between the two, as the history counts resets; a balance has none."""
    if before.resets_at is None or not is_reset(before, after):
        return None
    # A window that ended early did so at some time since.
    return before.resets_at if before.at < before.resets_at <= after.at else after.at


def _points(readings: Iterable[Reading], box: _Box) -> Iterator[tuple[float, float]]:
    before: Reading | None = None
    for reading in readings:
        at = None if before is None else _reset(before, reading)
        if before is not None and at is not None:
            yield box.x(at), box.y(before.value)
            yield box.x(at), HEIGHT
        yield box.x(reading.at), box.y(reading.value)
        before = reading


def _path(points: Sequence[tuple[float, float]]) -> str:
    told = "L".join(f"{x:g} {y:g}" for x, y in points)
    # A point alone is a dot: a line of no length with round ends.
    return f"M{told}h0" if len(points) == 1 else f"M{told}"


def _closed(points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:
        return ""
    told = "L".join(f"{x:g} {y:g}" for x, y in points)
    return f"M{points[0][0]:g} {HEIGHT:g}L{told}L{points[-1][0]:g} {HEIGHT:g}Z"
