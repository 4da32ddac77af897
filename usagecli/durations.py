"""Lengths of time as people write them: `90m`, `2h`, `1d`."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 366 * 86400


def seconds(text: str) -> int:
    """The seconds of a length. Raises ValueError saying what is wrong with it, with a suggestion."""
    match = re.fullmatch(r"([0-9]+)\s*([A-Za-z]*)", text.strip())
    number, unit = match.groups() if match else ("", "")
    if unit not in _SECONDS:
        near = unit[:1].lower()
        meant = f"; did you mean '{int(number)}{near}'?" if number and near in _SECONDS else ""
        raise ValueError(f"expected a time such as 90m, 2h or 1d{meant}")
    # As text first: the digits of a huge number are no number that can be read.
    if len(number) > 9 or not 0 < int(number) * _SECONDS[unit] <= _LONGEST_S:
        raise ValueError("expected a time above 0, and of a year at most")
    return int(number) * _SECONDS[unit]


def told(length_s: int) -> str:
    """A length as `seconds` reads it, in the largest unit that says it whole."""
    unit, size = next(found for found in reversed(_SECONDS.items()) if length_s % found[1] == 0)
    return f"{length_s // size}{unit}"
