"""What an expression gave -> figures, instants and words fit for a report.

JMESPath knows JSON's types only: functions of ours calculate with `Decimal` and give back plain
numbers, and instants travel as ISO text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from usagecli import log, wire
from usagecli.errors import PayloadError

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
# Before the scale: a million dollars are 1e15 nano-dollars.
_LARGEST = Decimal("1e24")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}


def figure(value: Any) -> Decimal | None:
    """A number, or text that holds one (spaces, `$` and thousands commas allowed); None for null and "".

    Raises PayloadError, without a word of where, for all else.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    found = wire.as_number(_bare(value) if isinstance(value, str) else value, largest=_LARGEST)
    if found is None:
        raise PayloadError(f"expected a number, got {_KINDS.get(type(value), 'one beyond all bounds')}")
    return found


def _bare(text: str) -> str:
    text = text.strip()
    sign = text[:1] if text[:1] in ("-", "+") else ""
    digits = text[len(sign) :].lstrip().removeprefix("$").lstrip()
    return sign + (digits.replace(",", "") if _THOUSANDS.fullmatch(digits) else digits)


def plain(value: Decimal | None) -> int | float | None:
    """The number as JSON has it."""
    if value is None:
        return None
    whole = value.to_integral_value()
    return int(whole) if whole == value else float(value)


def instant(value: Any) -> datetime | None:
    """ISO text as an aware UTC instant, None for null, "" and text that is no date.

    A number is refused: whether it counts seconds or milliseconds is never guessed. Raises PayloadError.
    """
    if value is None or isinstance(value, str):
        # Digits alone would be read as an epoch.
        numeric = value is not None and wire.as_number(value) is not None
        return None if value is None or numeric else wire.as_instant(value)
    told = _KINDS.get(type(value), "a number: use unix() or unix_ms()")
    raise PayloadError(f"expected a date, got {told}")


def iso(value: datetime | None) -> str | None:
    """`2026-11-21T08:00:00Z`."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: Any) -> str | None:
    """A text or number as one line without secrets; None for null, "", and what is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        number = wire.as_number(value)
        return None if number is None else str(plain(number))
    found = wire.as_text(value)
    # An answer may echo the key.
    return None if found is None else log.mask(found)


def truth(value: Any) -> bool:
    """As JMESPath has it: null, false and everything empty do not hold; 0 does."""
    return not (value is None or value is False or value == "" or value == [] or value == {})
