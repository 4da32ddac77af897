"""What the table and the Markdown show: a row a quota or balance, and lines for what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.formatters import units

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Balance, Drain, Incident, Pace, Quota, Report, Snapshot, Spend, Status
    from usagecli.pool import Pool

# What runs out this soon, and before its reset, is urgent.
_SOON, _SOON_BALANCE = timedelta(hours=1), timedelta(days=1)
# A balance that lasts longer is told in whole days, and is no alarm.
_FEW_DAYS = timedelta(days=3)
# How the status of a whole service is counted in the last line.
_SUMMARY: tuple[tuple[Status, str], ...] = (
    ("ok", "ok"),
    ("low", "low"),
    ("exhausted", "exhausted"),
    ("error", "failed"),
)


# Words that labels begin with and that are names.
_NAMES = frozenset(("Bedrock", "Claude", "Gemini", "Google", "Grok", "Kimi", "Vibe", "Workers", "Zen"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of figures, as text; `percent` is for the bar, `urgency` for the colour of the pace."""

    quota: str
    scope: str = ""
    percent: Decimal | None = None
    used: str = ""
    left: str = "-"
    resets: str = "-"
    pace: str = "-"
    status: Status | None = None
    urgency: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One service: its rows, and below them what they do not say."""

    service: str
    account: str
    plan: str
    rows: tuple[Row, ...]
    # The error in two parts: what happened, and what to do about it.
    error: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()
    status: Status


def blocks(snapshot: Snapshot, look: Look) -> list[Block]:
    """The services in order."""
    return [_block(report, look) for report in snapshot.reports]


def summary(snapshot: Snapshot) -> str:
    """`2 ok, 1 low, 1 exhausted, 1 failed`."""
    statuses = [report.status for report in snapshot.reports]
    counts = [(statuses.count(status), word) for status, word in _SUMMARY]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing to report"


def pool_line(pool: Pool, look: Look) -> str:
    """`codex: 3 accounts, 2 active, 1 exhausted; 347.5 credits ($13.90); fullest: work, weekly 92 %`."""
    counts = ((pool.active, "active"), (pool.exhausted, "exhausted"), (pool.failing, "failing"))
    told = [", ".join([f"{pool.accounts} accounts", *(f"{count} {word}" for count, word in counts if count)])]
    if pool.credits is not None:
        usd = "" if pool.credits_usd is None else f" ({units.money(pool.credits_usd, 'usd')})"
        told.append(f"{units.amount(pool.credits, 'credits')} credits{usd}")
        if pool.unlimited_accounts:
            told[-1] += f", {pool.unlimited_accounts} unlimited"
    if pool.overage_reached:
        told.append("an overage limit is reached")
    if pool.fullest is not None:
        full = pool.fullest
        quota = f"{short_label(full.quota.label)} {units.percent(full.percent_used)}"
        told.append(f"fullest: {full.report.service.name}, {quota}")
        if full.resets_at is not None:
            told[-1] += f", resets {units.reset(full.resets_at, look.now, look.zone)}"
    return f"{pool.provider}: {'; '.join(told)}"


def short_label(label: str) -> str:
    """A label as a table says it: `5-hour limit` -> `5-hour`, `Key limit (monthly)` -> `monthly limit`."""
    for period in ("daily", "weekly", "monthly"):
        if label.endswith(f" limit ({period})"):
            return f"{period} limit"
    label = label.removesuffix(" limit") or label
    # Only a plain word loses its capital: `AI credits`, `GPT-5` and names keep theirs.
    head = label.partition(" ")[0]
    plain = head[1:].islower() or len(head) == 1
    return label[0].lower() + label[1:] if plain and head not in _NAMES else label


def age(report: Report, look: Look) -> str:
    """How old a stale report is: `3m`."""
    return units.span(look.now - report.fetched_at) if report.fetched_at else ""


def _block(report: Report, look: Look) -> Block:
    usage = report.usage
    failure = report.failure
    error = ""
    if failure is not None:
        error = f"{failure.kind.replace('_', ' ')}: {failure.message}"
        if usage is not None:
            error += f"; the figures are {age(report, look)} old"
    plan = str((usage.plan or {}).get("name") or "") if usage else ""
    return Block(
        service=report.service.name,
        account=usage.account or "" if usage else "",
        plan=plan,
        rows=tuple(_rows(report, look)),
        error=error,
        hint=_hint(report, look),
        notes=usage.notes if usage else (),
        status=report.status,
    )


def incidents(snapshot: Snapshot, look: Look) -> list[tuple[Incident, str]]:
    """A line for every vendor that reports trouble, as far as the pages were asked."""
    if all(report.incident is None for report in snapshot.reports):
        return []
    from usagecli.formatters import incident

    return incident.lines(snapshot.reports, look)


def trouble(report: Report, look: Look) -> list[str]:
    """What the vendor of a service says of itself, where that is trouble: at most one sentence."""
    if report.incident is None or not report.incident.troubled:
        return []
    from usagecli.formatters import incident

    return [incident.told(report.incident, look)]


def _hint(report: Report, look: Look) -> str:
    failure = report.failure
    if failure is None:
        return ""
    again = failure.retry_at
    words = trouble(report, look)
    words += [failure.hint] if failure.hint else []
    if again is not None and again > look.now:
        words.append(f"asked again {units.reset(again, look.now, look.zone)}")
    return "; ".join(words)


def _rows(report: Report, look: Look) -> Iterator[Row]:
    usage = report.usage
    if usage is None:
        return
    labels = [quota.label for quota in usage.quotas]
    for quota in usage.quotas:
        row = _quota(quota, look)
        if labels.count(quota.label) > 1 and quota.window_seconds is not None:
            # Two windows of one model, say: their lengths tell them apart.
            length = units.span(timedelta(seconds=quota.window_seconds))
            row = replace(row, quota=f"{row.quota} ({length})")
        yield row
    for balance in usage.balances:
        yield _balance(balance, look)
    if not usage.quotas and not usage.balances:
        yield from (_spend(spend) for spend in usage.spend)
        if not usage.spend:
            yield Row(quota="-", status=report.status if report.failure is None else None)


def _quota(quota: Quota, look: Look) -> Row:
    resets = units.reset(quota.resets_at, look.now, look.zone)
    if quota.resets_at is None and quota.refill is not None:
        each = units.amount(quota.refill.amount, quota.unit)
        every = timedelta(seconds=quota.refill.every_seconds)
        resets = f"+{each}/h" if every == timedelta(hours=1) else f"+{each} per {units.span(every)}"
    if quota.unlimited:
        used = units.amount(quota.used, quota.unit) if quota.used is not None else ""
        left = "unlimited"
    elif quota.unit == "percent":
        used, left = units.percent(quota.percent_used), units.percent(quota.percent_remaining)
    else:
        used = units.amount(quota.used, quota.unit)
        if quota.limit is not None:
            used += f" / {units.amount(quota.limit, quota.unit)}"
        left = units.amount(quota.remaining, quota.unit)
        if quota.used is None and quota.remaining is None and quota.percent_used is not None:
            used, left = units.percent(quota.percent_used), units.percent(quota.percent_remaining)
    pace, urgency = _pace(quota.pace, look)
    return Row(
        quota=short_label(quota.label),
        scope=_scope(quota),
        percent=quota.percent_used,
        used=used,
        left=left,
        resets=resets,
        pace=pace,
        status=quota.status,
        urgency=urgency,
    )


def _pace(pace: Pace | None, look: Look) -> tuple[str, Status | None]:
    """`lasts`, `empty in 1h 40m`, `empty Fri 09:00`; `-` where it is not known or past."""
    if pace is None:
        return "-", None
    if pace.runs_out_at is None:
        return "lasts" if pace.lasts else "-", None
    soon = pace.runs_out_at - look.now <= _SOON
    return f"empty {units.reset(pace.runs_out_at, look.now, look.zone)}", "exhausted" if soon else "low"


def _drain(drain: Drain | None, look: Look) -> tuple[str, Status | None]:
    """`12 days left`, `empty in 2d 4h`, `lasts` where nothing is used; `-` where it is not known."""
    if drain is None:
        return "-", None
    if drain.runs_out_at is None:
        return "lasts", None
    left = drain.runs_out_at - look.now
    if left >= _FEW_DAYS:
        return f"{left.days:,} days left", None
    return f"empty in {units.span(left)}", "exhausted" if left <= _SOON_BALANCE else "low"


def _scope(quota: Quota) -> str:
    """What the quota is limited to, where its label does not say so already."""
    scope = quota.scope or ""
    told = wire.slug(scope)
    return "" if told and told in wire.slug(quota.label) else scope


def _balance(balance: Balance, look: Look) -> Row:
    pace, urgency = _drain(balance.pace, look)
    return Row(
        quota=short_label(balance.label),
        scope=balance.scope or "",
        left="unlimited" if balance.unlimited else units.amount(balance.amount, balance.unit),
        pace=pace,
        status=balance.status,
        urgency=urgency,
    )


def _spend(spend: Spend) -> Row:
    return Row(quota=short_label(spend.label), used=units.amount(spend.amount, spend.unit))
