"""Augment's HTTP answers -> `Usage`: the Analytics API, and what the web application asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Spend, Usage, plan


def parse_analytics(
    pages: Sequence[Any], *, since: datetime, until: datetime, notes: tuple[str, ...] = ()
) -> Usage:
    """Map the pages of `credit-usage-by-user` to the organization's spend. Raises PayloadError.

    Shape: {"records": [{"user_email" or "service_account_name", "credits_consumed": 5120}],
    "pagination": {"has_more": false, "next_cursor": null}}.
    """
    total = sum((_consumed(row) for page in pages for row in _records(page)), Decimal(0))
    spend = Spend(
        id="credits_used", label="Credits used", unit="credits", amount=total, since=since, until=until
    )
    return Usage(spend=(spend,), notes=notes)


def next_cursor(page: Any) -> str | None:
    """Where the next page begins; None after the last. Raises PayloadError."""
    told = wire.as_mapping(wire.mapping(page, "body").get("pagination"))
    if told.get("has_more") is not True:
        return None
    cursor = told.get("next_cursor")
    if not isinstance(cursor, str) or not cursor:
        raise PayloadError("pagination.next_cursor: expected a text")
    return cursor


def _records(page: Any) -> list[Any]:
    return wire.rows(wire.mapping(page, "body").get("records"), "records")


def _consumed(row: Any) -> Decimal:
    return wire.number(wire.mapping(row, "records[]"), "credits_consumed", "records[].credits_consumed")


def parse_credits(credits_: Any, subscription: Any = None, *, notes: tuple[str, ...] = ()) -> Usage:
    """Map `/api/credits` and `/api/subscription` to `Usage`. Raises PayloadError.

    Shape: {"usageUnitsRemaining", "usageUnitsConsumedThisBillingCycle", "usageUnitsAvailable"}, each
    of them may be null; {"planName", "billingPeriodEnd", "email"}.
    """
    body, told = wire.mapping(credits_, "body"), wire.as_mapping(subscription)
    left = wire.as_number(body.get("usageUnitsRemaining"))
    used = wire.as_count(body.get("usageUnitsConsumedThisBillingCycle"))
    if left is None and used is None:
        raise PayloadError("usageUnitsRemaining: Augment's answer holds no credits")
    quota = Quota(
        id="credits",
        label="Credits",
        unit="credits",
        used=used,
        limit=_limit(body, left, used),
        remaining=None if left is None else max(Decimal(0), left),
        resets_at=wire.as_instant(told.get("billingPeriodEnd")),
    )
    name = wire.as_text(told.get("planName"))
    return Usage(
        quotas=(quota,),
        account=wire.as_text(told.get("email")),
        plan=plan(name) if name else None,
        notes=notes,
        source="cookie",
    )


def _limit(body: Mapping[str, Any], left: Decimal | None, used: Decimal | None) -> Decimal | None:
    """The total, where it is one: it can be 0, or once more what is left."""
    available = wire.as_number(body.get("usageUnitsAvailable"))
    is_total = available is not None and available > 0 and not (used and available == left)
    if is_total:
        return available
    return None if left is None or used is None else left + used
