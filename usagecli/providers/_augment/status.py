"""The text of `auggie account status` -> `Usage`. It is made for people, in one of two layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Usage, plan

_FIGURE = r"(\d[\d,]*(?:\.\d+)?)"
_PAIR = re.compile(rf"{_FIGURE}\s*/\s*{_FIGURE}\s+credits\s+used")
_LEFT = re.compile(rf"{_FIGURE}\s+(?:credits\s+)?remaining\b")
_MONTHLY = re.compile(rf"{_FIGURE}\s+credits\s*/\s*month")
_ENDS = re.compile(r"\(ends\s+(\d{1,2})/(\d{1,2})/(\d{4})\)")
_PLAN = re.compile(r"([^\W\d][\w+.-]*(?:\s[\w+.-]+){0,3}?)\sPlan\b")
# Colours, and the frame around the text.
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_FRAME = re.compile("[\u2500-\u257f]")
_SIGNED_OUT = re.compile(r"authentication failed|auggie\s+login|not\s+logged\s+in", re.IGNORECASE)


def is_signed_out(text: str) -> bool:
    """Whether the text says that nobody is signed in."""
    return _SIGNED_OUT.search(_COLOUR.sub("", text)) is not None


def parse(text: str) -> Usage:
    """Map the text to `Usage`. Raises PayloadError.

    Shapes: "Max Plan 450,000 credits / month", "123,400 remaining · 326,600 / 450,000 credits used";
    or "123,400 credits remaining       Max Plan", "450,000 credits / month"; and in both
    "6 days remaining in this billing cycle (ends 12/4/2026)", month before day.
    """
    text = _FRAME.sub(" ", _COLOUR.sub("", text))
    left, pair = _figure(_LEFT, text), _PAIR.search(text)
    quota = balance = None
    if pair is not None:
        quota = _quota(_number(pair[1]), _number(pair[2]), left, _end(text))
    elif left is not None:
        limit = _figure(_MONTHLY, text)
        # Bought credits on top: what of the month's is used cannot be told.
        if limit is None or left > limit:
            balance = Balance(id="credits", label="Credits", unit="credits", amount=left)
        else:
            quota = _quota(limit - left, limit, left, _end(text))
    else:
        raise PayloadError("text: auggie's account status was not understood")
    name = next(_plans(text), None)
    return Usage(
        quotas=(quota,) if quota else (),
        balances=(balance,) if balance else (),
        plan=plan(name) if name else None,
        source="cli",
    )


def _quota(used: Decimal | None, limit: Decimal | None, left: Decimal | None, end: datetime | None) -> Quota:
    return Quota(
        id="credits",
        label="Credits",
        unit="credits",
        used=used,
        limit=limit,
        remaining=left,
        resets_at=end,
    )


def _figure(pattern: re.Pattern[str], text: str) -> Decimal | None:
    found = pattern.search(text)
    return None if found is None else _number(found[1])


def _number(text: str) -> Decimal | None:
    """A number with commas."""
    return wire.as_number(text.replace(",", ""))


def _end(text: str) -> datetime | None:
    found = _ENDS.search(text)
    if found is None:
        return None
    month, day, year = (int(part) for part in found.groups())
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _plans(text: str) -> Iterator[str]:
    """The words before "Plan", where they begin a line or stand apart from what is before them."""
    for line in text.splitlines():
        for part in re.split(r"\s{2,}", line.strip()):
            found = _PLAN.match(part)
            name = wire.as_text(found[1]) if found else None
            if name:
                yield name
