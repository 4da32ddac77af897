"""An IDE's quota file -> `Usage`: XML, whose options hold JSON, whose numbers are texts.

Raw units are 1/100 000 of a credit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.local import as_told
from usagecli.model import Quota, Usage

_COMPONENT = "AIAssistantQuotaManager2"
_AGAIN = "open the IDE again, and AI Assistant in it"
_ZERO = Decimal(0)
# From this maximum on a file counts in raw units; below it, in credits as they stand.
_RAW_FROM = Decimal(100_000)
_PARTS = (("tariff", "Tariff", "tariffQuota"), ("top_up", "Top-up", "topUpQuota"))
_DURATION = re.compile(
    r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII
)
_SECONDS = (7 * 86400, 86400, 3600, 60, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file says. `counts_until` tells the files of a licence in use from those left behind."""

    usage: Usage
    counts_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    resets_at: datetime | None
    seconds: int | None


def parse(
    text: str, *, now: datetime, written_at: datetime | None = None, teller: str = "the IDE"
) -> Reading:
    """Map the text of a file to what it says. Raises PayloadError.

    Options: quotaInfo {"current": "230000", "maximum": "1000000", "available", "until":
    "2027-05-01T21:00:00Z", "tariffQuota": {"current", "maximum", "available"}, "topUpQuota"};
    nextRefill {"next": "2026-12-12T09:30:00.125Z", "tariff": {"duration": "PT720H"}}.
    """
    options = _options(text)
    info = _json(options.get("quotaInfo"), "quotaInfo")
    try:
        refill = _json(options.get("nextRefill"), "nextRefill")
    except PayloadError:
        # The figures stand without it.
        refill = {}
    until, refilled = wire.as_instant(info.get("until")), wire.as_instant(refill.get("next"))
    period = _Period(resets_at=refilled or until, seconds=_duration(refill))
    quotas = tuple(_quotas(info, period))
    notes = (as_told(teller, written_at),) if written_at else ()
    if period.resets_at is not None and period.resets_at <= now:
        quotas = tuple(_unknown(quota) for quota in quotas)
        notes = (_over(period.resets_at, written_at),)
    usage = Usage(quotas=quotas, notes=notes, source="local", as_of=written_at)
    return Reading(usage=usage, counts_until=until or refilled)


def _over(refilled: datetime, written_at: datetime | None) -> str:
    written = f", written on {written_at:%Y-%m-%d at %H:%M} UTC," if written_at else ""
    return (
        f"the figures{written} are of the period that ended on {refilled:%Y-%m-%d}: "
        "what is used since is not known"
    )


def _unknown(quota: Quota) -> Quota:
    """A quota of a period that is over: neither spent nor full."""
    blank = replace(quota, used=None, remaining=None, percent_used=None, percent_remaining=None)
    return replace(blank, resets_at=None)


# -- figures ------------------------------------------------------------------------------------------


def _quotas(info: Mapping[str, Any], period: _Period) -> Iterator[Quota]:
    maximum = wire.as_number(info.get("maximum"))
    if maximum is None or maximum <= 0:
        raise PayloadError("quotaInfo.maximum: without it no share can be told", hint=_AGAIN)
    scale = _RAW_FROM if maximum >= _RAW_FROM else Decimal(1)
    found = {id_: wire.as_mapping(info.get(key)) for id_, _, key in _PARTS}
    left = wire.as_number(info.get("available"))
    yield _quota("credits", "Credits", info, _sum(found.values()) if left is None else left, scale, period)
    for id_, label, _ in _PARTS:
        part = found[id_]
        total = wire.as_number(part.get("maximum"))
        if total is not None and total > 0:
            # Bought credits are not refilled.
            span = period if id_ == "tariff" else _Period(resets_at=None, seconds=None)
            quota = _quota(id_, label, part, wire.as_number(part.get("available")), scale, span)
            # A spent tariff beside a top-up is not the end.
            yield replace(quota, judged=False)


def _sum(parts: Iterable[Mapping[str, Any]]) -> Decimal | None:
    """What is left of all parts that there are; None where one of them does not say it."""
    told = [wire.as_number(part.get("available")) for part in parts if part]
    known = [left for left in told if left is not None]
    return sum(known, _ZERO) if known and len(known) == len(told) else None


def _quota(
    id_: str,
    label: str,
    told: Mapping[str, Any],
    left: Decimal | None,
    scale: Decimal,
    period: _Period,
) -> Quota:
    used, limit = wire.as_count(told.get("current")), wire.as_number(told.get("maximum"))
    if used is None and left is not None and limit is not None:
        used = max(_ZERO, limit - left)
    return Quota(
        id=id_,
        label=label,
        unit="credits",
        used=None if used is None else used / scale,
        limit=None if limit is None else limit / scale,
        remaining=None if left is None else max(_ZERO, left) / scale,
        window_seconds=period.seconds,
        resets_at=period.resets_at,
    )


def _duration(refill: Mapping[str, Any]) -> int | None:
    """Seconds of `PT720H`, `P30D` or `P1W`; None for what has no fixed length."""
    told = wire.first(wire.as_mapping(refill.get("tariff")), "duration") or refill.get("duration")
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        return None
    parts = zip(found.groups(), _SECONDS, strict=True)
    return sum(int(count or 0) * seconds for count, seconds in parts) or None


# -- the file -----------------------------------------------------------------------------------------


def _options(text: str) -> dict[str, str]:
    """Name -> value of the component's options, in whatever order they and their attributes stand."""
    from xml.etree import ElementTree

    # No IDE writes a document type, and it is the way to make a small file a large one.
    if "<!DOCTYPE" in text:
        raise PayloadError("file: is none that an IDE writes", hint=_AGAIN)
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - a file of the user's own, without entities
    except (ElementTree.ParseError, ValueError):
        raise PayloadError("file: is not valid XML (half written?)", hint=_AGAIN) from None
    return {
        option.get("name", ""): option.get("value", "")
        for component in root.iter("component")
        if component.get("name") == _COMPONENT
        for option in component.iter("option")
    }


def _json(text: str | None, name: str) -> Mapping[str, Any]:
    if not text or not text.strip():
        raise PayloadError(f"{name}: is missing in the IDE's file", hint=_AGAIN)
    try:
        found = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise PayloadError(f"{name}: is not JSON in the IDE's file", hint=_AGAIN) from None
    if not isinstance(found, dict) or not found:
        raise PayloadError(f"{name}: says nothing in the IDE's file", hint=_AGAIN)
    return found
