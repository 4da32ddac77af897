"""GitHub's billing reports for one user -> `Usage`: AI credits and, before them, premium requests.

Both reports have one shape, and each carries only the items of its own billing. Neither names the
allowance: that comes from the options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Spend, Usage, plan

DEFAULT_LIMIT = Decimal(300)
_CREDIT_UNITS = frozenset(("aicredits", "aiunits", "credits"))
_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
EMPTY_TOTALS: Mapping[str, Any] = {
    "includedUsed": None,
    "includedRemaining": None,
    "includedPercentUsed": None,
    "grossUsed": None,
    "netOverage": None,
    "billedAmount": None,
    "unit": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report: its body and the items of its own unit."""

    unit: str
    body: Mapping[str, Any]
    items: tuple[Mapping[str, Any], ...]

    def total(self, field: str) -> Decimal:
        """The sum over the items to four decimals; a missing or unreadable number counts 0."""
        return round(sum((wire.as_number(item.get(field)) or _ZERO for item in self.items), _ZERO), 4)


def is_credit_unit(unit: Any) -> bool:
    """GitHub spells the unit of an AI credit in four ways."""
    text = unit.lower() if isinstance(unit, str) else ""
    return "".join(char for char in text if char not in "-_ ") in _CREDIT_UNITS


def read(payload: Any, unit: str) -> Report:
    """A report body. Raises PayloadError naming the field.

    Shape: {"timePeriod": {"year": 2026, "month": 11}, "user": "octo-sample", "usageItems":
    [{"unitType": "ai-credits", "grossQuantity": 820.5, "discountQuantity": 820.5, "netQuantity": 0,
    "netAmount": 0, ...}]}; quantities in the unit, amounts in dollars.
    """
    body = wire.mapping(payload, f"{unit} report")
    rows = wire.rows(body["usageItems"], "usageItems") if body.get("usageItems") is not None else []
    items = tuple(row for row in rows if isinstance(row, dict) and _is_of(row, unit))
    return Report(unit=unit, body=body, items=items)


def _is_of(item: Mapping[str, Any], unit: str) -> bool:
    told = item.get("unitType")
    if told is None:
        return True
    if unit == "ai_credits":
        return is_credit_unit(told)
    return isinstance(told, str) and told.strip().lower() == "requests"


def parse(
    *,
    premium: Any = None,
    credits_: Any = None,
    now: datetime,
    login: str | None = None,
    monthly_limit: Decimal | None = None,
    monthly_credits: Decimal | None = None,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the two report bodies (None for one that was not read) to `Usage`. Raises PayloadError."""
    reports = {
        unit: read(body, unit)
        for unit, body in (("ai_credits", credits_), ("premium_requests", premium))
        if body is not None
    }
    if not reports:
        raise PayloadError("report: none was read")
    limits = {"ai_credits": monthly_credits, "premium_requests": monthly_limit or DEFAULT_LIMIT}
    shown = [report for report in reports.values() if report.items] or [
        _of_an_empty_month(reports, monthly_credits)
    ]
    if monthly_limit is None and any(report.unit == "premium_requests" for report in shown):
        notes = (*notes, "an allowance of 300 requests a month is assumed; the option monthly_limit sets it")
    # The older billing speaks in the contract as long as it has anything to say.
    main = shown[-1]
    user = wire.as_text(main.body.get("user")) or login
    return Usage(
        quotas=tuple(_quota(report, limits[report.unit], now) for report in shown),
        spend=(_overage(shown),),
        account=user,
        plan=_plan(main, limits[main.unit]),
        notes=notes,
        source="api",
        contract={
            "user": user,
            "timePeriod": dict(wire.as_mapping(main.body.get("timePeriod"))),
            "totals": _totals(main, limits[main.unit]),
            "usageItems": wire.as_rows(main.body.get("usageItems")),
        },
    )


def _of_an_empty_month(reports: Mapping[str, Report], monthly_credits: Decimal | None) -> Report:
    """A new month has no items: which billing it is shows in what the user configured."""
    wanted = "ai_credits" if monthly_credits is not None else "premium_requests"
    return reports.get(wanted) or Report(unit=wanted, body=next(iter(reports.values())).body, items=())


def _period(report: Report) -> tuple[datetime, datetime] | None:
    """The month covered, from its first day to that of the next; None without a month."""
    period = wire.as_mapping(report.body.get("timePeriod"))
    year, month = wire.as_whole(period.get("year")), wire.as_whole(period.get("month"))
    if year is None or month is None or not (2000 <= year <= 2200 and 1 <= month <= 12):
        return None
    start = datetime(year, month, 1, tzinfo=UTC)
    return start, wire.month_start(start, 1)


def _quota(report: Report, limit: Decimal | None, now: datetime) -> Quota:
    used = report.total("discountQuantity")
    period = _period(report)
    current = period is not None and period[0] <= now < period[1]
    credits_ = report.unit == "ai_credits"
    return Quota(
        id=report.unit,
        label="AI credits" if credits_ else "Premium requests",
        unit="credits" if credits_ else "requests",
        used=used,
        limit=limit,
        percent_used=None if limit is None else min(_HUNDRED, used / limit * _HUNDRED),
        resets_at=period[1] if period is not None and current else None,
    )


def _overage(shown: list[Report]) -> Spend:
    since, until = _period(shown[-1]) or (None, None)
    return Spend(
        id="overage",
        label="Overage",
        unit="usd",
        amount=round(sum((report.total("netAmount") for report in shown), _ZERO), 4),
        since=since,
        until=until,
    )


def _plan(main: Report, limit: Decimal | None) -> Mapping[str, Any]:
    # The report names no plan; the constant belongs to the contract of the older billing.
    name = None if main.unit == "ai_credits" else "Copilot Pro"
    return plan(name, monthlyLimit=None if limit is None else float(round(limit, 2)))


def _totals(main: Report, limit: Decimal | None) -> dict[str, Any]:
    used = main.total("discountQuantity")
    return {
        "includedUsed": float(used),
        "includedRemaining": None if limit is None else float(round(max(limit - used, _ZERO), 4)),
        "includedPercentUsed": None
        if limit is None
        else float(round(min(used / limit * _HUNDRED, _HUNDRED), 1)),
        "grossUsed": float(main.total("grossQuantity")),
        "netOverage": float(main.total("netQuantity")),
        "billedAmount": float(main.total("netAmount")),
        "unit": main.unit,
    }


def organization_spend(payload: Any) -> Iterator[Spend]:
    """What a whole organisation used, from its usage summary; nothing where it has no credit items."""
    body = wire.as_mapping(payload)
    items = tuple(
        row
        for row in wire.as_rows(body.get("usageItems"))
        if isinstance(row, dict)
        and str(row.get("product") or "").lower().startswith("copilot")
        and is_credit_unit(row.get("unitType"))
    )
    if not items:
        return
    report = Report(unit="ai_credits", body=body, items=items)
    since, until = _period(report) or (None, None)
    for id_, label, unit, field in (
        ("org_credits", "Organization's credits", "credits", "grossQuantity"),
        ("org_overage", "Organization's overage", "usd", "netAmount"),
    ):
        yield Spend(id=id_, label=label, unit=unit, amount=report.total(field), since=since, until=until)
