"""A report -> what its card says: plain texts and coordinates, for the template to place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from usagecli import registry
from usagecli.formatters import rows, units
from usagecli.report import charts, recent
from usagecli.report.charts import Chart

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.formatters.rows import Block, Row
    from usagecli.history.summary import Reading
    from usagecli.model import Balance, Quota, Report, Snapshot, Spend, Status
    from usagecli.report.masking import Masker

# What a card shows at once; the rest is folded away.
_SHOWN = 6
_SHORT = ("low", "exhausted")
_STOPPED = {
    "low": "the provider says that a part of the account is stopped",
    "exhausted": "the provider says that the account is stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A chart of the last days, and the same in words. `floor` is the height at which low begins (y)."""

    chart: Chart
    words: str
    floor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One quota. Shares are in percent of the bar's width, None where there is no bar."""

    label: str
    scope: str
    status: Status | None
    left: str
    used: str
    share: float | None
    expected: float | None
    words: str
    resets: str
    resets_at: datetime | None
    pace: str
    urgency: Status | None
    trend: Trend | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A balance or spend: what it is, how much, and what else there is to say."""

    label: str
    told: str
    more: str = ""
    status: Status | None = None
    urgency: Status | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What needs attention: of what of the service ("" for all of it), and what about it."""

    status: Status
    what: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One service."""

    name: str
    title: str
    account: str
    plan: str
    status: Status
    dashboard: str
    error: str
    hint: str
    notes: tuple[str, ...]
    gauges: tuple[Gauge, ...]
    folded: tuple[Gauge, ...]
    balances: tuple[Fact, ...]
    spend: tuple[Fact, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What every card needs: how things are told, the history, and whose names are hidden."""

    look: Look
    readings: recent.Readings
    mask: Masker


def cards(snapshot: Snapshot, scene: Scene) -> list[Card]:
    """The services in their order."""
    told = rows.blocks(snapshot, scene.look)
    return [_card(report, block, scene) for report, block in zip(snapshot.reports, told, strict=True)]


def when(at: datetime, look: Look) -> str:
    """`11:41` today, else `Thu 26 Nov, 16:25`, in the zone of the page."""
    local, today = at.astimezone(look.zone), look.now.astimezone(look.zone)
    clock = f"{local:%H:%M}"
    return clock if local.date() == today.date() else f"{local:%a} {local.day} {local:%b}, {clock}"


def _card(report: Report, block: Block, scene: Scene) -> Card:
    usage, descriptor = report.usage, registry.get(report.service.provider).descriptor
    gauges = tuple(_gauges(report, block.rows, scene))
    shown = _most_telling(gauges)
    balances = tuple(_balances(report, block.rows[len(gauges) :], scene))
    return Card(
        name=report.service.name,
        title=descriptor.title,
        account=scene.mask.account(block.account),
        plan=_plan(report, scene),
        status=report.status,
        dashboard=descriptor.dashboard,
        error=block.error,
        hint=block.hint,
        # Beside an error the hint says it already.
        notes=block.notes if report.failure else (*rows.trouble(report, scene.look), *block.notes),
        gauges=tuple(gauges[index] for index in shown),
        folded=tuple(gauge for index, gauge in enumerate(gauges) if index not in shown),
        balances=balances,
        spend=tuple(_spend(spend) for spend in usage.spend) if usage else (),
        alarms=tuple(_alarms(report, gauges, balances)),
    )


def _plan(report: Report, scene: Scene) -> str:
    plan = (report.usage.plan if report.usage else None) or {}
    name, renews = plan.get("name"), plan.get("renewsAt")
    told = str(name) if name else ""
    if isinstance(renews, str) and told:
        try:
            renews = datetime.fromisoformat(renews)
        except ValueError:
            return told
    if told and isinstance(renews, datetime) and renews.tzinfo is not None:
        told += f", renews {units.reset(renews, scene.look.now, scene.look.zone)}"
    return told


# -- quotas -----------------------------------------------------------------------------------------


def _gauges(report: Report, told: Sequence[Row], scene: Scene) -> Iterator[Gauge]:
    quotas = report.usage.quotas if report.usage else ()
    labels = [quota.label for quota in quotas]
    for quota, row in zip(quotas, told, strict=False):
        label = quota.label
        if labels.count(label) > 1 and quota.window_seconds is not None:
            label += f" ({units.span(timedelta(seconds=quota.window_seconds))})"
        yield _gauge(quota, row, label, report, scene)


def _gauge(quota: Quota, row: Row, label: str, report: Report, scene: Scene) -> Gauge:
    used = f"{row.used.replace(' / ', ' of ')} used" if _known(row.used) else ""
    expected = quota.pace.expected_percent_used if quota.pace else None
    words = f"{units.percent(quota.percent_used)} used"
    if expected is not None:
        words += f"; even use would stand at {units.percent(expected)}"
    return Gauge(
        label=label,
        scope=row.scope,
        status=quota.status,
        left=_known(row.left),
        used=used,
        share=None if quota.percent_used is None else charts.share(float(quota.percent_used), 100),
        expected=None if expected is None else charts.share(float(expected), 100),
        words=words,
        resets=_resets(quota, row, scene.look),
        resets_at=quota.resets_at,
        pace=_known(row.pace),
        urgency=row.urgency,
        trend=None if quota.unlimited else _quota_trend(quota, report, scene),
    )


def _known(text: str) -> str:
    """What a table says, without its sign for what is not known."""
    return "" if text == "-" else text


def _resets(quota: Quota, row: Row, look: Look) -> str:
    """`resets in 2h 15m, 11:41`; an allowance that trickles back has no instant."""
    if quota.resets_at is None:
        return "" if row.resets == "-" else f"refills {row.resets}"
    wait = quota.resets_at - look.now
    clock = f", {when(quota.resets_at, look)}" if timedelta(0) < wait < timedelta(days=1) else ""
    return f"resets {row.resets}{clock}"


def _most_telling(gauges: Sequence[Gauge]) -> list[int]:
    """Which quotas a card shows at once, in their order: those in need first, then those with a figure."""
    order = sorted(
        range(len(gauges)),
        key=lambda i: (gauges[i].status not in _SHORT, gauges[i].share is None, i),
    )
    # One that is folded away alone would take as much room as it saves.
    shown = _SHOWN if len(gauges) > _SHOWN + 1 else len(gauges)
    return sorted(order[:shown])


# -- balances and spend -----------------------------------------------------------------------------


def _balances(report: Report, told: Sequence[Row], scene: Scene) -> Iterator[Fact]:
    for balance, row in zip(report.usage.balances if report.usage else (), told, strict=False):
        drain = balance.pace
        per_day = f"{units.amount(drain.per_day, balance.unit)} a day" if drain and drain.per_day > 0 else ""
        as_of = f"as of {when(balance.as_of, scene.look)}" if balance.as_of else ""
        yield Fact(
            label=balance.label,
            told=_known(row.left) or "not known",
            more=", ".join(filter(None, (row.scope, per_day, _known(row.pace), as_of))),
            status=balance.status,
            urgency=row.urgency,
            trend=None if balance.unlimited else _balance_trend(balance, report, scene),
        )


def _spend(spend: Spend) -> Fact:
    return Fact(label=spend.label, told=units.amount(spend.amount, spend.unit))


# -- what needs attention ---------------------------------------------------------------------------


def _alarms(report: Report, gauges: Sequence[Gauge], balances: Sequence[Fact]) -> Iterator[Alarm]:
    """What is low or used up; an error; else, where the provider itself says so, that work is stopped."""
    parts = [(gauge.label, gauge.status, gauge.left, gauge.resets) for gauge in gauges]
    parts += [(fact.label, fact.status, fact.told, "") for fact in balances]
    short = [part for part in parts if part[1] in _SHORT]
    for label, status, left, resets in short:
        if status is not None:
            yield Alarm(
                status=status, what=label, told=", ".join(filter(None, (left and f"{left} left", resets)))
            )
    if report.failure is not None:
        kind = report.failure.kind.replace("_", " ")
        yield Alarm(status="error", what=kind, told=report.failure.message)
    if report.status in _SHORT and report.status not in {status for _, status, _, _ in short}:
        yield Alarm(status=report.status, what="", told=_STOPPED[report.status])


# -- the last days ----------------------------------------------------------------------------------


def _quota_trend(quota: Quota, report: Report, scene: Scene) -> Trend | None:
    low_below = None if quota.status is None else report.low_below.get(quota.id)
    floor = None if low_below is None else float(100 - low_below)
    return _trend(_held(report, "quota", quota.id, scene), "percent", 100.0, floor, scene.look)


def _balance_trend(balance: Balance, report: Report, scene: Scene) -> Trend | None:
    return _trend(_held(report, "balance", balance.id, scene), balance.unit, 0.0, None, scene.look)


def _held(report: Report, kind: str, name: str, scene: Scene) -> Sequence[Reading]:
    return scene.readings.get(recent.Key(report.service.name, report.service.provider, kind, name), ())


def _trend(
    held: Sequence[Reading], unit: str, least_top: float, floor: float | None, look: Look
) -> Trend | None:
    # A single reading is no history.
    if len(held) < 2:
        return None
    now = int(look.now.timestamp())
    since = now - int(recent.SPAN.total_seconds())
    most = max(held, key=lambda reading: reading.value)
    top = max(least_top, most.value)
    chart = charts.curve(held, since, now, top)
    if chart is None:
        return None
    at = when(datetime.fromtimestamp(most.at, look.now.tzinfo), look)
    words = [f"last {_figure(held[-1].value, unit)}", f"at most {_figure(most.value, unit)} ({at})"]
    if chart.ends:
        words.append(f"{chart.ends} {'reset' if chart.ends == 1 else 'resets'}")
    return Trend(
        chart=chart,
        words=", ".join(words),
        floor=None if floor is None else charts.level(floor, top),
    )


def _figure(value: float, unit: str) -> str:
    return units.amount(Decimal(str(round(value, 6))), unit)
