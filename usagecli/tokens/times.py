"""Time stamps of logs, quickly: RFC 3339 text -> milliseconds since 1970."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime
from functools import lru_cache

_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
# 1 January 2000 and 2100: no agent's log is of another time.
_FIRST, _LAST = 946_684_800_000, 4_102_444_800_000


def milliseconds(value: object) -> int | None:
    """The instant in ms since 1970; None for what is no time stamp."""
    if type(value) is not str:
        return None
    if len(value) == 24 and _USUAL.fullmatch(value):
        minute = _minute(value[:16])
        seconds = int(value[17:19])
        if minute is None or seconds > 60:
            return None
        found = minute + seconds * 1000 + int(value[20:23])
    else:
        try:
            moment = datetime.fromisoformat(value)
            # Without an offset it is UTC: no log has local times.
            offset = moment.utcoffset()
        except ValueError:
            return None
        found = timegm(moment.timetuple()) * 1000 + moment.microsecond // 1000
        if offset is not None:
            found -= int(offset.total_seconds() * 1000)
    return found if _FIRST <= found < _LAST else None


@lru_cache(maxsize=1024)
def _minute(value: str) -> int | None:
    try:
        return timegm(datetime.fromisoformat(value).timetuple()) * 1000
    except ValueError:
        return None


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
