"""Answers of Alibaba's consoles and of `bl` -> `Usage`. Instants are epochs in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, SourceKind, Usage, plan
from usagecli.providers._alibaba.answers import holding

_HUNDRED = Decimal(100)
_RUNNING = ("VALID", "ACTIVE")
_LABELS = {"five_hour": "5-hour limit", "weekly": "Weekly limit", "monthly": "Monthly limit"}
_SECONDS = {"five_hour": 18_000, "weekly": 604_800}
# How the windows of each plan are spelt.
_TOKEN_PLAN = {"five_hour": "per5Hour", "weekly": "per1Week", "monthly": "per1Month"}
_CODING_PLAN = {"five_hour": "per5Hour", "weekly": "perWeek", "monthly": "perBillMonth"}
_SHARES = tuple(f"{name}Percentage" for name in _TOKEN_PLAN.values())
_INSTANCES, _QUOTAS = "codingPlanInstanceInfos", "codingPlanQuotaInfo"


# -- token plan -------------------------------------------------------------------------------------


def parse_token_plan(
    usage: Any, *, subscription: Any = None, notes: tuple[str, ...] = (), source: SourceKind = "oauth"
) -> Usage:
    """Map the answer with a token plan's shares, and where it was answered the subscription.

    Shape, inside envelopes: {"per5HourPercentage": 0.183, "per5HourResetTime": ms, "per1WeekPercentage":
    0.41, "per1WeekResetTime": ms}, shares from 0 to 1; {"specCode": "pro", "status": "VALID"}. An answer
    without any window stands only where the subscription is valid. Raises PayloadError.
    """
    wire.mapping(usage, "body")
    told = holding(usage, *_SHARES)
    quotas = tuple(_shares(told))
    bought = holding(subscription, "specCode") or holding(subscription, "status")
    if not quotas and bought.get("status") != "VALID":
        raise PayloadError("usage: no window of a token plan was answered")
    name = wire.as_text(bought.get("specCode"))
    if not quotas:
        notes = (*notes, "Alibaba told no limits of the plan")
    return Usage(quotas=quotas, plan=plan(name.title()) if name else None, notes=notes, source=source)


def has_shares(usage: Any) -> bool:
    """Whether an answer holds a window of a token plan."""
    return any(holding(usage, key).get(key) is not None for key in _SHARES)


def _shares(told: Mapping[str, Any]) -> Iterator[Quota]:
    for id_, name in _TOKEN_PLAN.items():
        key = f"{name}Percentage"
        if told.get(key) is None:
            continue
        share = wire.number(told, key)
        if share < 0:
            raise PayloadError(f"{key}: expected a share from 0 to 1")
        yield _percent(id_, share * _HUNDRED, told.get(f"{name}ResetTime"))


def _percent(id_: str, used: Decimal, resets: Any) -> Quota:
    return Quota(
        id=id_,
        label=_LABELS[id_],
        unit="percent",
        used=used,
        limit=_HUNDRED,
        window_seconds=_SECONDS.get(id_),
        resets_at=wire.as_instant(resets),
    )


# -- a plan's credits -------------------------------------------------------------------------------


def parse_credits(summary: Any) -> Usage:
    """Map a subscription's summary: {"TotalValue": "25000", "TotalSurplusValue": "20000"}, or the same as
    `CycleTotalValue` and `CycleSurplusValue` in `EquityList`; a surplus is what is left. Raises PayloadError.
    """
    body = holding(summary, "EquityList", "TotalValue")
    rows = [wire.as_mapping(row) for row in wire.as_rows(body.get("EquityList"))]
    pairs = [(row.get("CycleTotalValue"), row.get("CycleSurplusValue")) for row in rows]
    pairs.append((body.get("TotalValue"), body.get("TotalSurplusValue")))
    for total, surplus in pairs:
        limit, left = wire.as_number(total), wire.as_number(surplus)
        if limit is not None and limit > 0 and left is not None and 0 <= left <= limit:
            return Usage(quotas=(_credits(limit, left),), source="cookie")
    raise PayloadError("usage: no window and no credits of a token plan were answered")


def _credits(limit: Decimal, left: Decimal) -> Quota:
    used = limit - left
    return Quota(
        id="credits", label="Token plan credits", unit="credits", used=used, limit=limit, remaining=left
    )


# -- coding plan ------------------------------------------------------------------------------------


def parse_coding_plan(answer: Any) -> Usage:
    """Map a coding plan's answer. Raises PayloadError.

    Shape, inside envelopes: {"codingPlanInstanceInfos": [{"planName", "status": "VALID",
    "codingPlanQuotaInfo": {"per5HourUsedQuota": 340, "per5HourTotalQuota": 1200,
    "per5HourQuotaNextRefreshTime": ms, ...}}]}; the quotas may stand beside the list, or only
    `planUsage` as a text such as "18%".
    """
    wire.mapping(answer, "body")
    level = holding(answer, _INSTANCES, _QUOTAS)
    instances = [wire.as_mapping(row) for row in wire.as_rows(level.get(_INSTANCES))]
    instance = _running(instances)
    told = instance.get(_QUOTAS)
    if told is None and len(instances) <= 1:
        # Of several, it could be another's.
        told = level.get(_QUOTAS)
    quotas = tuple(_requests(wire.as_mapping(told))) or tuple(_whole(instance, level))
    if not quotas:
        raise PayloadError(f"{_QUOTAS}: no window of a coding plan was answered")
    names = (wire.as_text(instance.get(key)) for key in ("planName", "instanceName", "packageName"))
    name = next((name for name in names if name), None)
    return Usage(quotas=quotas, plan=plan(name) if name else None)


def _running(instances: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The instance that is in use. Raises PayloadError where all of them are over."""
    running = [row for row in instances if str(row.get("status")).upper() in _RUNNING]
    silent = [row for row in instances if row.get("status") is None]
    if running or not instances:
        return running[0] if running else {}
    if len(instances) == 1 and silent:
        return silent[0]
    raise PayloadError(f"{_INSTANCES}: no coding plan of this account is valid")


def _requests(told: Mapping[str, Any]) -> Iterator[Quota]:
    for id_, name in _CODING_PLAN.items():
        used, total = (wire.as_number(told.get(f"{name}{what}Quota")) for what in ("Used", "Total"))
        if used is None or total is None or used < 0 or total <= 0:
            continue
        yield Quota(
            id=id_,
            label=_LABELS[id_],
            unit="requests",
            used=used,
            limit=total,
            window_seconds=_SECONDS.get(id_),
            resets_at=wire.as_instant(told.get(f"{name}QuotaNextRefreshTime")),
        )


def _whole(*levels: Mapping[str, Any]) -> Iterator[Quota]:
    """The plan's use as a whole, where only a text such as "18%" tells it."""
    text = next((level["planUsage"] for level in levels if isinstance(level.get("planUsage"), str)), "")
    used = wire.as_number(text.strip().removesuffix("%")) if text.strip().endswith("%") else None
    if used is not None and used >= 0:
        yield Quota(id="plan", label="Coding plan", unit="percent", used=used, limit=_HUNDRED)


def parse_printed_coding_plan(body: Any) -> Usage:
    """Map what `bl usage coding-plan` prints: {"instanceType": "...", "per5Hour": {"usedQuota": 340,
    "totalQuota": 1200, "resetTime": ms}, "perWeek": ..., "perBillMonth": ...}. Raises PayloadError.
    """
    told = wire.mapping(body, "body")
    flat: dict[str, Any] = {}
    for window in _CODING_PLAN.values():
        row = wire.as_mapping(told.get(window))
        flat[f"{window}UsedQuota"], flat[f"{window}TotalQuota"] = row.get("usedQuota"), row.get("totalQuota")
        flat[f"{window}QuotaNextRefreshTime"] = row.get("resetTime")
    quotas = tuple(_requests(flat))
    if not quotas:
        raise PayloadError("usage: bl printed no window of a token plan or a coding plan")
    name = wire.as_text(told.get("instanceType"))
    return Usage(quotas=quotas, plan=plan(name) if name else None, source="cli")
