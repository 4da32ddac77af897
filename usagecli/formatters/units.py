"""Figures as people read them: `$158.61`, `1,234`, `12.3M`, `72 %`, `in 2h 15m`."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "cny": "¥", "jpy": "¥", "inr": "₹", "krw": "₩"}
# The units that are counts; a word of three letters that is none of them is a currency.
_COUNTS = frozenset(("requests", "tokens", "credits", "messages", "characters", "minutes", "kwh", "percent"))
_ZERO = Decimal(0)


def amount(value: Decimal | None, unit: str) -> str:
    """An amount in its unit, `-` for none. Money with its symbol, tokens in thousands and millions,
    minutes in hours."""
    if value is None:
        return "-"
    if unit == "percent":
        return percent(value)
    if unit == "tokens":
        return short(value)
    if unit == "minutes":
        return f"{_trimmed(value, 0)}m" if abs(value) < 60 else f"{_trimmed(value / 60, 1)}h"
    if unit == "kwh":
        return f"{_trimmed(value, 2)} kWh"
    if unit not in _COUNTS:
        return money(value, unit)
    return _trimmed(value, 2)


def money(value: Decimal, currency: str) -> str:
    """`$158.61`, `$500`, `12.5 CHF`; less than a cent keeps four decimals."""
    places = 4 if _ZERO < abs(value) < Decimal("0.01") else 2
    text = f"{abs(value):,.{places}f}"
    if text.endswith(".00"):
        text = text[:-3]
    sign = "-" if value < 0 and text.strip("0.,") else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {currency.upper()}"


def percent(value: Decimal | None) -> str:
    """`28 %`, `0.4 %`; never `100 %` or `0 %` for what only comes near it."""
    if value is None:
        return "-"
    if _ZERO < value < Decimal("0.05"):
        return "<0.1 %"
    if Decimal("99.95") <= value < 100:
        return ">99.9 %"
    return f"{_trimmed(value, 1)} %"


def short(value: Decimal) -> str:
    """`950`, `12.3k`, `12.3M`, `1.2B`."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}".removesuffix(".0") + letter
    return _trimmed(value, 0)


def reset(at: datetime | None, now: datetime, zone: tzinfo | None) -> str:
    """`in 2h 15m`, from a day on `Fri 09:00`, from a week on `1 Dec`; `-` for none."""
    if at is None:
        return "-"
    wait = at - now
    if wait <= timedelta(0):
        return "now"
    if wait < timedelta(days=1):
        return f"in {span(wait)}"
    local = at.astimezone(zone)
    if wait < timedelta(days=7):
        return local.strftime("%a %H:%M")
    year = f" {local.year}" if wait > timedelta(days=300) else ""
    return f"{local.day} {local.strftime('%b')}{year}"


def span(length: timedelta) -> str:
    """`41m`, `2h 15m`, `3d 4h`; less than a minute is `1m`."""
    minutes = max(1, int(length.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {rest}m" if rest else f"{hours}h"
    return f"{rest}m"


def _trimmed(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    text = f"{rounded:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
