"""What carries Codex beyond its windows: prepaid credits, free resets, spend controls. In credits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota
from usagecli.providers._codex.windows import reset_of

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
# Under `spend_control`: the limit objects, and those that hold one under `details`.
_LIMITS = ("individual", "workspace_default", "role_budget", "workspace_shared")
_GROUP_LIMITS = ("group_default", "group_shared")
_NO_CAP = frozenset(("none", "off", "disabled", "no_limit"))


def balances(body: Mapping[str, Any]) -> Iterator[Balance]:
    """Credits that were bought (a null balance is none of 0), and free resets, which nobody judges."""
    block = wire.as_mapping(body.get("credits"))
    amount = wire.as_number(block.get("balance"))
    unlimited = block.get("unlimited") is True
    if unlimited or (amount is not None and (block.get("has_credits") is True or amount > 0)):
        yield Balance(
            id="credits", label="Credits", unit="credits", amount=amount or _ZERO, unlimited=unlimited
        )
    count = reset_count(body)
    if count is not None:
        yield Balance(id="reset_credits", label="Free resets", unit="requests", amount=count, judged=False)


def reset_count(body: Mapping[str, Any]) -> Decimal | None:
    """How many free resets are to be had."""
    return wire.as_count(wire.as_mapping(body.get("rate_limit_reset_credits")).get("available_count"))


def next_expiry(resets: Any, now: datetime) -> datetime | None:
    """When the first of the free resets lapses, from {"credits": [{"status": "available",
    "expires_at": ISO or epoch}]}; None where none does."""
    rows = map(wire.as_mapping, wire.as_rows(wire.as_mapping(resets).get("credits")))
    dates = [wire.as_instant(row.get("expires_at")) for row in rows if row.get("status") == "available"]
    return min((date for date in dates if date is not None and date > now), default=None)


def paid_use_capped(body: Mapping[str, Any]) -> bool:
    """Whether the answer says outright that nothing more may be paid for."""
    control, credits_ = wire.as_mapping(body.get("spend_control")), wire.as_mapping(body.get("credits"))
    return control.get("reached") is True or credits_.get("overage_limit_reached") is True


def individual_limit(body: Mapping[str, Any]) -> Any:
    """The member's own cap, an object or a bare number, from the first place that has a usable one:
    the root, `rate_limit`, `spend_control`."""
    holders = (body, wire.first(body, "rate_limit", "rate_limits"), body.get("spend_control"))
    found = (wire.as_mapping(holder).get("individual_limit") for holder in holders)
    return next((limit for limit in found if _cap(limit) is not None), None)


def _cap(limit: Any) -> Decimal | None:
    """What a limit allows; None where it sets none."""
    amount = wire.as_number(limit.get("limit") if isinstance(limit, dict) else limit)
    return amount if amount is not None and amount > 0 else None


def spend_controls(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    """A quota for each cap on a member's, a group's or the workspace's use; by month.

    By itself a full one stops only a part: whether it stops the account, the answer says apart.
    """
    control = wire.as_mapping(body.get("spend_control"))
    reached = control.get("reached_limit_type") if control.get("reached") is True else None
    for name in (*_LIMITS, *_GROUP_LIMITS):
        found = wire.as_mapping(control.get(f"{name}_limit"))
        if name == "individual":
            own = individual_limit(body)
            found = own if isinstance(own, dict) else {"limit": own}
        elif name in _GROUP_LIMITS:
            found = wire.as_mapping(found.get("details"))
        limit = _cap(found)
        if limit is not None:
            yield _spend_control(name, found, limit, now, reached=reached == name)


def _spend_control(
    name: str, found: Mapping[str, Any], limit: Decimal, now: datetime, *, reached: bool
) -> Quota:
    used = wire.as_number(found.get("used"))
    left = wire.as_number(found.get("remaining"))
    return Quota(
        id=f"spend_control_{name}",
        label=f"Spend limit ({name.replace('_', ' ')})",
        unit="credits",
        used=None if used is None else max(_ZERO, used),
        limit=limit,
        remaining=max(_ZERO, left) if used is None and left is not None else None,
        # The service rounds its own percentages: they only stand in for the amounts.
        percent_used=_percent(found) if used is None else None,
        resets_at=reset_of(found, now),
        partial=True,
        reached=reached,
    )


def _percent(found: Mapping[str, Any]) -> Decimal | None:
    used, left = (wire.as_number(found.get(key)) for key in ("used_percent", "remaining_percent"))
    if used is None and left is not None:
        used = _HUNDRED - left
    return used if used is not None and used >= 0 else None


def monthly_usage(answer: Any) -> Iterator[Quota]:
    """The member's month, from {"current_month_usage": 12.5, "effective_monthly_limit": {"limit": 400,
    "enforcement_mode": "HARD_CAP"}}; amounts may be text."""
    body = wire.as_mapping(answer)
    cap = wire.as_mapping(body.get("effective_monthly_limit"))
    limit, used = _cap(cap), wire.as_number(body.get("current_month_usage"))
    mode = wire.as_text(cap.get("enforcement_mode")) or ""
    if limit is None or mode.lower() in _NO_CAP:
        return
    yield Quota(
        id="spend_control_monthly",
        label="Spend limit (monthly)",
        unit="credits",
        used=None if used is None else max(_ZERO, used),
        limit=limit,
        partial=True,
    )
