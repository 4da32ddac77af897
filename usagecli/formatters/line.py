"""Reports -> one line for a prompt or a status bar: `codex 59% · claude 94%! · copilot 0 left`.

Of each service the tightest figure: the quota of which most is used, else a balance. `!` is low,
`0 left` is spent, `?` is unknown, and figures that are not fresh say how old they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from usagecli import wire
from usagecli.formatters import units

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Balance, Quota, Report, Status

# From this age on figures are old, even where nothing has failed since.
_FRESH = timedelta(minutes=10)
_COLORS = {"low": "yellow", "exhausted": "red"}
_WINDOWS = {"five_hour": "5h", "weekly": "week", "spend_limit": "spend"}
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One figure of the line: `percent` used is what it is compared by, where it is known."""

    text: str
    status: Status | None = None
    percent: Decimal | None = None


def render(parts: Sequence[Part], look: Look, *, short: bool = False) -> str:
    """The parts in one line; `short`: only what is low or spent, else the tightest one."""
    if short:
        parts = [part for part in parts if part.status in _COLORS] or _tightest(parts)
    told = (
        click.style(part.text, fg=_COLORS[part.status])
        if look.color and part.status in _COLORS
        else part.text
        for part in parts
    )
    return (" · " if look.unicode else " | ").join(told)


def part(report: Report, now: datetime) -> Part:
    """A service in one figure."""
    name, usage = _name(report.service.name), report.usage
    if usage is None:
        return Part(text=f"{name} ?")
    quota = _tightest_quota(usage.quotas)
    age = _age(report, now)
    if report.status == "exhausted":
        return Part(text=f"{name} 0 left{age}", status="exhausted", percent=Decimal(100))
    percent = None if quota is None else quota.percent_used
    if report.status == "low":
        short_of = _low_balance(usage.balances) if quota is None or quota.status == "ok" else None
        figure = _balance(short_of) if short_of else _percent(percent)
        return Part(text=f"{name} {figure}!{age}", status="low", percent=percent)
    if quota is not None:
        return Part(text=f"{name} {_percent(percent)}{age}", status="ok", percent=percent)
    balance = next((balance for balance in usage.balances if balance.status is not None), None)
    if balance is not None:
        return Part(text=f"{name} {_balance(balance)}{age}", status="ok")
    known = any(quota.status is not None for quota in usage.quotas)
    return Part(text=f"{name} {'ok' if known else '?'}{age}", status="ok" if known else None)


def windows(report: Report, now: datetime) -> list[Part]:
    """The main quotas of one service, each by its length: `5h 42%`, `week 18%`; others where they are low.

    The last says the age.
    """
    quotas = [
        quota
        for quota in (report.usage.quotas if report.usage else ())
        if quota.id in _WINDOWS or quota.status in _COLORS
    ]
    parts = []
    for quota in quotas:
        name = _WINDOWS.get(quota.id, _name(quota.id))
        percent, age = quota.percent_used, _age(report, now) if quota is quotas[-1] else ""
        figure = "0 left" if quota.status == "exhausted" else _percent(percent)
        mark = "!" if quota.status == "low" else ""
        parts.append(Part(text=f"{name} {figure}{mark}{age}", status=quota.status, percent=percent))
    return parts


def _tightest(parts: Iterable[Part]) -> list[Part]:
    found = max(parts, key=lambda part: Decimal(-1) if part.percent is None else part.percent, default=None)
    return [found] if found else []


def _tightest_quota(quotas: Iterable[Quota]) -> Quota | None:
    """The judged quota of which most is used; one that is low or spent before all that are not."""
    judged = [quota for quota in quotas if quota.status is not None and quota.percent_used is not None]
    return max(judged, key=lambda quota: (quota.status != "ok", quota.percent_used), default=None)


def _low_balance(balances: Iterable[Balance]) -> Balance | None:
    return next((balance for balance in balances if balance.status in _COLORS), None)


def _balance(balance: Balance) -> str:
    return "unlimited" if balance.unlimited else units.amount(balance.amount, balance.unit)


def _percent(value: Decimal | None) -> str:
    """Whole percent, cut off: what is not full never reads as 100."""
    if value is None:
        return "?"
    return "<1%" if 0 < value < 1 else f"{int(value)}%"


def _age(report: Report, now: datetime) -> str:
    """` (3h)` for figures that are not fresh, or that the provider would not renew."""
    if report.fetched_at is None:
        return ""
    age = now - report.fetched_at
    return f" ({units.span(age).partition(' ')[0]})" if report.failure or age >= _FRESH else ""


def _name(text: str) -> str:
    """A name as it may stand in a line of somebody's terminal."""
    return wire.as_text(text[:_LONGEST_NAME]) or "?"
