"""A row of figures as a row of small bars."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.:-=+*#"


def line(values: Sequence[float | None], top: float, *, unicode: bool) -> str:
    """A character a value, the highest for `top` and above, the lowest for 0, blank for None."""
    marks = _BLOCKS if unicode else _ASCII
    return "".join(" " if value is None else marks[_level(value, top, len(marks))] for value in values)


def _level(value: float, top: float, levels: int) -> int:
    if value <= 0 or top <= 0:
        return 0
    # Only what is used up stands as high as it can, only nothing as low.
    return levels - 1 if value >= top else 1 + int(value / top * (levels - 2))
