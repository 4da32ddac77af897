"""Time stamps of logs -> milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# 1 January 2000 and 2100: no agent's log is of another time.
_FIRST, _LAST = 946_684_800_000, 4_102_444_800_000
# A date alone is none.
_SHORTEST = len("2026-11-21T08:00Z")


def milliseconds(value: object) -> int | None:
    """The instant of an RFC 3339 time stamp (without an offset: UTC); None for what is none."""
    if type(value) is not str or len(value) < _SHORTEST:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    found = (moment - _EPOCH) // _MS
    return found if _FIRST <= found < _LAST else None


def uuid_milliseconds(value: str) -> int | None:
    """When a UUID of version 7 was made; None for any other text."""
    digits = value.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        return None
    try:
        found = int(digits[:12], 16)
    except ValueError:
        return None
    return found if _FIRST <= found < _LAST else None
