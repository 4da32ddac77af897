"""The other API of Cursor (Connect RPC, asked with the bare token) -> the shape of `usage-summary`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError, Unavailable

_PERCENTS = ("totalPercentUsed", "autoPercentUsed", "apiPercentUsed")
_SPENT = ("individualUsed", "pooledUsed", "totalSpend")


def as_summary(period: Any, info: Any = None) -> Mapping[str, Any]:
    """A `GetCurrentPeriodUsage` body, and that of `GetPlanInfo`, as one of `usage-summary`.

    Shape: {"enabled", "billingCycleStart": "1793911542000", "billingCycleEnd", "planUsage": {"limit",
    "remaining", "totalSpend", "totalPercentUsed", ...}, "spendLimitUsage": {"individualLimit",
    "individualRemaining", "individualUsed", "pooledLimit", ...}}; cents. Raises PayloadError,
    Unavailable where there is no active plan.
    """
    body = wire.mapping(period, "body")
    plan = wire.as_mapping(body.get("planUsage"))
    if body.get("enabled") is False or not plan:
        raise Unavailable("Cursor reports no active plan", hint="see cursor.com/dashboard")
    summary: dict[str, Any] = {
        "billingCycleStart": body.get("billingCycleStart"),
        "billingCycleEnd": body.get("billingCycleEnd"),
        "membershipType": wire.as_mapping(wire.as_mapping(info).get("planInfo")).get("planName"),
        "individualUsage": {"plan": _plan(plan), "onDemand": _on_demand(body.get("spendLimitUsage"))},
    }
    if not any(_is_number(plan.get(name)) for name in (*_PERCENTS, "totalSpend", "limit")):
        raise PayloadError("planUsage: holds no figures")
    return summary


def _plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "used": plan.get("totalSpend"),
        "limit": plan.get("limit"),
        "remaining": plan.get("remaining"),
        **{name: plan.get(name) for name in _PERCENTS},
    }


def _on_demand(value: Any) -> dict[str, Any]:
    """The cap of the person, else that of the team; of several figures of use the first above 0."""
    spend = wire.as_mapping(value)
    own = wire.as_number(spend.get("individualLimit"))
    whose = "individual" if own is not None and own > 0 else "pooled"
    numbers = (wire.as_number(spend.get(name)) for name in _SPENT)
    return {
        "used": next(
            (str(number) for number in numbers if number is not None and number > 0), 0 if spend else None
        ),
        "limit": spend.get(f"{whose}Limit"),
        "remaining": spend.get(f"{whose}Remaining"),
    }


def _is_number(value: Any) -> bool:
    return wire.as_number(value) is not None
