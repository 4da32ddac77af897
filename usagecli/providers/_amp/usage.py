"""Amp's balance text -> `Usage`.

The server composes the text for people, one allowance or balance a line, and changed its wording four
times in 2026. All known wordings are read; what stands behind a line's figures is decoration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Refill, Usage, plan

_Entry = TypeVar("_Entry", Quota, Balance)
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_DAY_S = 86_400
_HOUR_S = 3600
_LONGEST_H = 366 * 24
# Beyond these it is no balance text any more.
_MAX_TEXT = 20_000
_MAX_LINE = 1000
# Colours and the like (CSI), and hyperlinks (OSC).
_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern in which `AMOUNT` stands for dollars or `NUMBER` for another figure, as a group."""
    number = r"(-?[0-9][0-9,]*(?:\.[0-9]+)?)"
    amount = r"(-?\$? ?-?[0-9][0-9,]*(?:\.[0-9]+)?)(?: ?usd)?"
    return re.compile(text.replace("AMOUNT", amount).replace("NUMBER", number), re.IGNORECASE | re.ASCII)


# An organisation's name may itself hold brackets.
_SIGNED_IN = _pattern(r"signed in as (.+?)(?: \((?:[^()]|\([^()]*\))*\))?")
_TIER = _pattern(r"(?:subscription ([^:]+)|amp ([^:]+?) (?:tier|subscription)): ?(.+)")
_PERIOD = _pattern(r"\bperiod ([0-9]{4}-[0-9]{2}-[0-9]{2}) to ([0-9]{4}-[0-9]{2}-[0-9]{2})\b")
_FREE_DOLLARS = _pattern(r"^amp free: ?AMOUNT ?/ ?AMOUNT remaining")
_REPLENISHES = _pattern(r"replenishes \+?AMOUNT ?/ ?hour")
_FREE_PERCENT = _pattern(r"^amp free: ?NUMBER ?% remaining")
_DAILY = _pattern(r"\(resets daily\)|\btoday\b")
_INDIVIDUAL = _pattern(r"^individual credits: ?AMOUNT remaining")
_WORKSPACE = _pattern(r"workspace (.+?): ?AMOUNT remaining")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allowance:
    """What a paid tier includes: its `exact` figures (what is left, of what), else a percentage."""

    id: str
    label: str
    unit: str
    scale: int
    exact: re.Pattern[str]
    percent: re.Pattern[str]


_ALLOWANCES = (
    _Allowance(
        id="agent",
        label="Agent usage",
        unit="usd",
        scale=1,
        exact=_pattern(r"\b(?:agent|other) usage AMOUNT of AMOUNT remaining\b"),
        percent=_pattern(r"NUMBER ?% (?:agent|other) usage\b.*?\bremaining\b"),
    ),
    _Allowance(
        id="orb",
        label="Orb usage",
        unit="minutes",
        scale=60,
        exact=_pattern(r"\borb usage NUMBER ?h of NUMBER ?h\b.*?\bremaining\b"),
        percent=_pattern(r"NUMBER ?% orb usage\b.*?\bremaining\b"),
    ),
)
_ORDER = ("agent", "orb", "free")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one line says."""

    account: str | None = None
    plan: str | None = None
    quotas: tuple[Quota, ...] = ()
    balances: tuple[Balance, ...] = ()


# -- the balance text -------------------------------------------------------------------------------


def parse(body: Any, *, now: datetime) -> Usage:
    """Map the body of the balance request to `Usage`.

    Shape: {"ok": true, "result": {"displayText": "Signed in as ...\\nAmp Free: 61% remaining ..."}}.
    Units: money in US dollars, orb use in minutes (the text counts hours), the rest in percent.
    Raises PayloadError naming the field where no line holds figures in a known wording.
    """
    parts = [part for line in _lines(body) if (part := _read(line, now))]
    quotas = _best(quota for part in parts for quota in part.quotas)
    balances = _first_of_each(balance for part in parts for balance in part.balances)
    if not quotas and not balances:
        raise PayloadError(
            "result.displayText: no line of it is known; Amp has changed its format",
            hint="see what `amp usage` prints; a newer usagecli may read it",
        )
    names = [part.plan for part in parts if part.plan]
    free = ["Free" for quota in quotas if quota.id == "free"]
    return Usage(
        quotas=quotas,
        balances=_judgeable(quotas, tuple(balances.values())),
        account=next((part.account for part in parts if part.account), None),
        plan=next((plan(name) for name in names + free), None),
    )


def unknown(body: Any, *, now: datetime) -> tuple[str, ...]:
    """The lines of the text that say nothing in a known wording, fit for a terminal. Raises PayloadError."""
    lines = [line for line in _lines(body) if _read(line, now) is None]
    return tuple(line for text in lines if (line := wire.as_text(text)))


def _lines(body: Any) -> list[str]:
    """The text's lines, without ANSI codes, marks of bold type and superfluous space."""
    text = wire.mapping(wire.mapping(body, "body").get("result"), "result").get("displayText")
    if not isinstance(text, str):
        raise PayloadError("result.displayText: expected text")
    plain = _ANSI.sub("", text[:_MAX_TEXT]).replace("**", "")
    return [" ".join(line[:_MAX_LINE].split()) for line in plain.splitlines()]


def _read(line: str, now: datetime) -> _Part | None:
    return next((part for reader in _READERS if (part := reader(line, now))), None)


def _signed_in(line: str, _now: datetime) -> _Part | None:
    match = _SIGNED_IN.fullmatch(line)
    return _Part(account=wire.as_text(match[1])) if match else None


def _tier(line: str, _now: datetime) -> _Part | None:
    match = _TIER.match(line)
    if match is None:
        return None
    quotas = (_allowance(allowance, match[3]) for allowance in _ALLOWANCES)
    found = tuple(quota for quota in quotas if quota)
    return _Part(plan=wire.as_text(match[1] or match[2]), quotas=found) if found else None


def _allowance(known: _Allowance, text: str) -> Quota | None:
    """Money and hours where the text has them: the percentages beside them are rounded."""
    if exact := _figures(known.exact, text):
        left, limit = (figure * known.scale for figure in exact)
        window, resets_at = _period(text)
        quota = _counted(known.id, known.label, known.unit, left, limit)
        return replace(quota, window_seconds=window, resets_at=resets_at)
    percent = _figures(known.percent, text)
    # "resets in N days" is rounded and moves with the clock: no instant comes of it.
    return _percent(known.id, known.label, percent[0]) if percent else None


def _period(text: str) -> tuple[int | None, datetime | None]:
    """The billing period's length in seconds, and the midnight (UTC) of its last date."""
    match = _PERIOD.search(text)
    start, end = (wire.as_instant(match[1]), wire.as_instant(match[2])) if match else (None, None)
    if start is None or end is None or end <= start:
        return None, None
    return (end - start).days * _DAY_S, end


def _free(line: str, now: datetime) -> _Part | None:
    if dollars := _figures(_FREE_DOLLARS, line):
        left, limit = dollars
        rate = _figures(_REPLENISHES, line)
        return _Part(quotas=(free_dollars(left, limit, rate[0] if rate else None),))
    percent = _figures(_FREE_PERCENT, line)
    if not percent:
        return None
    quota = _percent("free", "Free grant", percent[0])
    if _DAILY.search(line):
        quota = replace(quota, window_seconds=_DAY_S, resets_at=_next_evening(now))
    return _Part(quotas=(quota,))


def _individual(line: str, _now: datetime) -> _Part | None:
    figures = _figures(_INDIVIDUAL, line)
    return _part_of("individual", "Individual credits", figures[0]) if figures else None


def _workspace(line: str, _now: datetime) -> _Part | None:
    match = _WORKSPACE.match(line)
    name = wire.as_text(match[1]) if match else None
    amount = _number(match[2]) if match else None
    if name is None or amount is None:
        return None
    return _part_of(f"workspace:{name}", f"Workspace {name}", amount)


_READERS: tuple[Callable[[str, datetime], _Part | None], ...] = (
    _signed_in,
    _tier,
    _free,
    _individual,
    _workspace,
)


def _part_of(id_: str, label: str, amount: Decimal) -> _Part:
    return _Part(balances=(Balance(id=id_, label=label, unit="usd", amount=amount),))


def _best(quotas: Iterable[Quota]) -> tuple[Quota, ...]:
    """One of each id: where old and new wordings stand together, the one that is no mere percentage."""
    found = _first_of_each(sorted(quotas, key=lambda quota: quota.unit == "percent"))
    return tuple(found[id_] for id_ in _ORDER if id_ in found)


def _first_of_each(entries: Iterable[_Entry]) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for entry in entries:
        found.setdefault(entry.id, entry)
    return found


def _judgeable(quotas: tuple[Quota, ...], balances: tuple[Balance, ...]) -> tuple[Balance, ...]:
    """No credits are the normal state beside an allowance: they stop the work where all else is gone too."""
    figures = [quota.remaining for quota in quotas] + [balance.amount for balance in balances]
    left = any(figure is not None and figure > 0 for figure in figures)
    return tuple(replace(balance, stops=not left) for balance in balances)


# -- quotas ----------------------------------------------------------------------------------------


def free_dollars(left: Decimal, limit: Decimal, rate: Decimal | None, hours: Decimal | None = None) -> Quota:
    """The older free grant, which refills by `rate` dollars an hour: within `hours`, where these are told."""
    quota = _counted("free", "Free grant", "usd", left, limit)
    if rate is not None and rate > 0:
        quota = replace(quota, refill=Refill(amount=rate, every_seconds=_HOUR_S))
        hours = limit / rate if hours is None else hours
    if hours is None or not 0 < round(hours) <= _LONGEST_H:
        return quota
    return replace(quota, window_seconds=round(hours) * _HOUR_S)


def _counted(id_: str, label: str, unit: str, left: Decimal, limit: Decimal) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit=unit,
        used=max(_ZERO, limit - left),
        limit=limit,
        remaining=max(_ZERO, left),
        # An allowance of nothing belongs to another plan: it says nothing of this one.
        judged=limit > 0,
    )


def _percent(id_: str, label: str, left: Decimal) -> Quota:
    return Quota(id=id_, label=label, unit="percent", used=max(_ZERO, _HUNDRED - left), limit=_HUNDRED)


def _figures(pattern: re.Pattern[str], text: str) -> list[Decimal]:
    """The numbers in the groups of the first match; empty where there is none, or none can be read."""
    match = pattern.search(text)
    numbers = [_number(group) for group in match.groups()] if match else []
    found = [number for number in numbers if number is not None]
    return found if len(found) == len(numbers) else []


def _number(text: str) -> Decimal | None:
    return wire.as_number(text.replace("$", "").replace(",", "").replace(" ", ""))


def _next_evening(now: datetime) -> datetime | None:
    """The next 20:00 in New York; None where this machine knows no time zones (Windows without tzdata)."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        local = now.astimezone(ZoneInfo("America/New_York"))
    except ZoneInfoNotFoundError:
        return None
    evening = local.replace(hour=20, minute=0, second=0, microsecond=0)
    if evening <= local:
        evening += timedelta(days=1)
    return evening.astimezone(UTC)
