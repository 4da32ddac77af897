"""The figures of Copilot's own contract, whichever of its two sources gives them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_HUNDRED = Decimal(100)


def totals(
    *,
    unit: str | None = None,
    used: Decimal | None = None,
    limit: Decimal | None = None,
    remaining: Decimal | None = None,
    gross: Decimal | None = None,
    net: Decimal | None = None,
    billed: Decimal | None = None,
) -> dict[str, Any]:
    """The contract's `totals`. `limit` is above 0 where it is known; what is None stays null.

    Quantities in `unit` (`ai_credits` or `premium_requests`), `billed` in dollars.
    """
    percent = None if used is None or limit is None else min(used / limit * _HUNDRED, _HUNDRED)
    return {
        "includedUsed": rounded(used, 4),
        "includedRemaining": rounded(remaining, 4),
        "includedPercentUsed": rounded(percent, 1),
        "grossUsed": rounded(gross, 4),
        "netOverage": rounded(net, 4),
        "billedAmount": rounded(billed, 4),
        "unit": unit,
    }


def rounded(value: Decimal | None, digits: int) -> float | None:
    """As the contract's figures are rounded: binary, as other tools that print them do."""
    return None if value is None else round(float(value), digits)


# What stands there while nothing is known of the account.
EMPTY: Mapping[str, Any] = {"user": None, "timePeriod": None, "totals": totals(), "usageItems": []}
