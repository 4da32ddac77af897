"""GitHub's billing reports -> `Usage`: AI credits and, before them, premium requests.

Both reports of a user have one shape, and each carries only the items of its own billing. Neither
names the allowance: that comes from the options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Spend, Usage, plan
from usagecli.providers._copilot.contract import rounded, totals

CREDITS, REQUESTS = "ai_credits", "premium_requests"
_DEFAULT_REQUESTS = Decimal(300)
_CREDIT_UNITS = frozenset(("aicredits", "aiunits", "credits"))
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report: its body and the items of its own unit (`ai_credits` or `premium_requests`)."""

    unit: str
    body: Mapping[str, Any]
    items: tuple[Mapping[str, Any], ...]

    def total(self, field: str) -> Decimal:
        """The exact sum over the items; a missing or unreadable number counts 0."""
        return sum((wire.as_number(item.get(field)) or _ZERO for item in self.items), _ZERO)

    def period(self) -> tuple[datetime, datetime] | None:
        """The month covered, from its first day to that of the next; None without a month."""
        told = wire.as_mapping(self.body.get("timePeriod"))
        year, month = wire.as_whole(told.get("year")), wire.as_whole(told.get("month"))
        if year is None or month is None or not (2000 <= year <= 2200 and 1 <= month <= 12):
            return None
        start = datetime(year, month, 1, tzinfo=UTC)
        return start, wire.month_start(start, 1)


def read(payload: Any, unit: str) -> Report:
    """A user's report. Raises PayloadError naming the field.

    Shape: {"timePeriod": {"year": 2026, "month": 11}, "user": "octo-sample", "usageItems":
    [{"unitType": "ai-credits", "grossQuantity": 820.5, "discountQuantity": 820.5, "netQuantity": 0,
    "netAmount": 0, ...}]}; quantities in the unit, amounts in dollars. Absent items are none.
    """
    body = wire.mapping(payload, f"{unit} report")
    if not any(key in body for key in ("timePeriod", "user", "usageItems")):
        raise PayloadError("usageItems: expected a list, got nothing")
    rows = wire.rows(body["usageItems"], "usageItems") if body.get("usageItems") is not None else []
    items = tuple(row for row in rows if isinstance(row, dict) and _is_of(row, unit))
    return Report(unit=unit, body=body, items=items)


def _is_of(item: Mapping[str, Any], unit: str) -> bool:
    told = item.get("unitType")
    if told is None:
        return True
    if unit == CREDITS:
        return _is_credit_unit(told)
    return isinstance(told, str) and told.strip().lower() == "requests"


def _is_credit_unit(unit: Any) -> bool:
    """GitHub spells the unit of an AI credit in four ways."""
    text = unit.lower() if isinstance(unit, str) else ""
    return "".join(char for char in text if char not in "-_ ") in _CREDIT_UNITS


def parse(
    reports: Sequence[Report],
    *,
    now: datetime,
    login: str,
    monthly_limit: Decimal | None = None,
    monthly_credits: Decimal | None = None,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the reports, AI credits first, to `Usage`.

    One with items is enough; where none has any, both are needed, to tell that the month is empty.
    """
    limits = {CREDITS: monthly_credits, REQUESTS: monthly_limit or _DEFAULT_REQUESTS}
    shown = [report for report in reports if report.items]
    if not shown:
        # Which billing a month without items is of shows in what the user configured.
        unit = REQUESTS if monthly_credits is None else CREDITS
        shown = [report for report in reports if report.unit == unit]
    # The older billing speaks in the contract as long as it has anything to say.
    main = shown[-1]
    limit, user = limits[main.unit], wire.as_text(main.body.get("user")) or login
    # The report names no plan; the constant belongs to the contract of the older billing.
    name = "Copilot Pro" if main.unit == REQUESTS else None
    return Usage(
        quotas=tuple(_quota(report, limits[report.unit], now) for report in shown),
        spend=(_overage(shown),),
        account=user,
        plan=plan(name, monthlyLimit=rounded(limit, 2)),
        notes=(*notes, *_notes(shown, monthly_limit, monthly_credits)),
        source="api",
        contract={
            "user": user,
            "timePeriod": dict(wire.as_mapping(main.body.get("timePeriod"))),
            "totals": _totals(main, limit),
            "usageItems": wire.as_rows(main.body.get("usageItems")),
        },
    )


def _quota(report: Report, limit: Decimal | None, now: datetime) -> Quota:
    used, period = report.total("discountQuantity"), report.period()
    current = period is not None and period[0] <= now < period[1]
    return Quota(
        id=report.unit,
        label="AI credits" if report.unit == CREDITS else "Premium requests",
        unit="credits" if report.unit == CREDITS else "requests",
        used=round(used, 4),
        limit=limit,
        percent_used=None if limit is None else min(used / limit * _HUNDRED, _HUNDRED),
        resets_at=period[1] if period is not None and current else None,
    )


def _overage(shown: Sequence[Report]) -> Spend:
    since, until = next((period for period in (report.period() for report in shown) if period), (None, None))
    amount = sum((report.total("netAmount") for report in shown), _ZERO)
    return Spend(id="overage", label="Overage", unit="usd", amount=round(amount, 4), since=since, until=until)


def _notes(
    shown: Sequence[Report], monthly_limit: Decimal | None, monthly_credits: Decimal | None
) -> Iterator[str]:
    """What GitHub's report leaves open, and so the figures too."""
    units = [report.unit for report in shown]
    if not any(report.items for report in shown):
        yield "GitHub's report of this month is empty: nothing was used yet, or an organization pays the seat"
    if CREDITS in units and monthly_credits is None:
        yield "GitHub's report does not tell the allowance; the option monthly_credits sets it"
    if REQUESTS in units and monthly_limit is None:
        yield "an allowance of 300 requests a month is assumed; the option monthly_limit sets it"


def _totals(main: Report, limit: Decimal | None) -> dict[str, Any]:
    used = main.total("discountQuantity")
    return totals(
        unit=main.unit,
        used=used,
        limit=limit,
        remaining=None if limit is None else max(limit - used, _ZERO),
        gross=main.total("grossQuantity"),
        net=main.total("netQuantity"),
        billed=main.total("netAmount"),
    )


def organization_spend(payload: Any) -> Iterator[Spend]:
    """What a whole organisation used, from its usage summary; nothing where it has no credit items."""
    body = wire.as_mapping(payload)
    items = tuple(
        row
        for row in wire.as_rows(body.get("usageItems"))
        if isinstance(row, dict)
        and str(row.get("product")).lower().startswith("copilot")
        and _is_credit_unit(row.get("unitType"))
    )
    if not items:
        return
    report = Report(unit=CREDITS, body=body, items=items)
    since, until = report.period() or (None, None)
    for id_, label, unit, field in (
        ("org_credits", "Organization's credits", "credits", "grossQuantity"),
        ("org_overage", "Organization's overage", "usd", "netAmount"),
    ):
        amount = round(report.total(field), 4)
        yield Spend(id=id_, label=label, unit=unit, amount=amount, since=since, until=until)
