"""Wire values -> text, numbers and instants.

Two families. The strict ones (`mapping`, `rows`, `number`) raise PayloadError naming the field:
for what a report cannot do without. The lenient ones (`as_...`) give None for anything unreadable:
for what may be missing. No boolean is a number, no NaN or Infinity gets through, and no text
carries control characters to a terminal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from usagecli.errors import PayloadError

_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
# C0 and C1 controls, and the characters that reorder or hide text on a terminal.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
# Beyond these no allowance, price or count is real, and ratios of two would leave a float's range.
_LARGEST = Decimal("1e15")
_SMALLEST = Decimal("1e-12")
_MAX_TEXT = 200
# An epoch below this is in seconds (until the year 2286), from it on in milliseconds.
_MILLISECONDS_FROM = 10_000_000_000


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """A JSON object, or PayloadError."""
    if isinstance(value, dict):
        return value
    raise PayloadError(f"{field}: expected an object, got {_kind(value)}")


def rows(value: Any, field: str) -> list[Any]:
    """A JSON array, or PayloadError."""
    if isinstance(value, list):
        return value
    raise PayloadError(f"{field}: expected a list, got {_kind(value)}")


def number(body: Mapping[str, Any], key: str, field: str | None = None) -> Decimal:
    """The number (or numeric text) at `key`, or PayloadError."""
    found = as_number(body.get(key))
    if found is None:
        raise PayloadError(f"{field or key}: expected a number, got {_kind(body.get(key))}")
    return found


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_rows(value: Any) -> list[Any]:
    """A JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_number(value: Any, *, largest: Decimal = _LARGEST) -> Decimal | None:
    """A finite number, or text that holds one, as Decimal; None beyond `largest`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = repr(value)
    elif isinstance(value, int):
        # Bounded before it becomes text: huge integers are slow to print and refused by Python.
        if abs(value) > largest:
            return None
        return Decimal(value)
    if not isinstance(value, str):
        return None
    value = value.strip()
    if not _NUMBER.fullmatch(value):
        return None
    found = Decimal(value)
    if abs(found) > largest:
        return None
    return found if abs(found) >= _SMALLEST else Decimal(0)


def as_count(value: Any) -> Decimal | None:
    """A number of 0 or more, or None: nothing that counts is below."""
    found = as_number(value)
    return found if found is not None and found >= 0 else None


def as_whole(value: Any) -> int | None:
    """A number without its fraction, or None."""
    found = as_number(value)
    return None if found is None else int(found)


def as_text(value: Any) -> str | None:
    """Text fit for one line of a terminal, at most 200 characters; None when blank."""
    if not isinstance(value, str):
        return None
    cleaned = " ".join(_UNSAFE.sub(" ", value[: _MAX_TEXT * 4]).split())[:_MAX_TEXT].strip()
    return cleaned or None


def as_instant(value: Any) -> datetime | None:
    """ISO 8601 text (without an offset: UTC; a date: its midnight) or an epoch in s or ms."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return _iso(value.strip())
    epoch = as_number(value)
    if epoch is None or epoch <= 0:
        return None
    if epoch >= _MILLISECONDS_FROM:
        epoch = epoch / 1000
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def later(now: datetime, seconds: Any) -> datetime | None:
    """The instant `seconds` after `now`, in whole seconds; None for none, a negative or a silly one."""
    found = as_number(seconds)
    if found is None or found < 0 or found > 10 * 366 * 86400:
        return None
    return now.replace(microsecond=0) + timedelta(seconds=int(found))


def first(body: Mapping[str, Any], *keys: str) -> Any:
    """The first value that is not None among the spellings of one key."""
    return next((body[key] for key in keys if body.get(key) is not None), None)


def first_text(body: Mapping[str, Any], *keys: str) -> str | None:
    """The first text that is not blank among the spellings of one key, as it stands: secrets too."""
    found = (body.get(key) for key in keys)
    return next((text.strip() for text in found if isinstance(text, str) and text.strip()), None)


def slug(name: str) -> str:
    """Lower case, each run of other characters one `_`: a word fit for an id."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def month_start(now: datetime, months: int = 0) -> datetime:
    """00:00 UTC on the first of the month `months` after the one of `now`."""
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def day_start(now: datetime, days: int = 0) -> datetime:
    """00:00 UTC of the day `days` after that of `now`."""
    return datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=days)


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text[:64])
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found.replace(microsecond=0)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return {dict: "an object", list: "a list", str: "text", bool: "a truth value"}.get(
        type(value), "a number"
    )
