"""What a Claude subscription pays beyond its plan: extra usage, its cap, and prepaid money.

Amounts come in minor units (cents) and leave in major ones, with their currency in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota, Spend

_ZERO = Decimal(0)
_CENTS = 2
# Reasons that mean that the money is gone; any other only switches extra usage off.
_SPENT_REASONS = frozenset(("out_of_credits", "spend_limit_reached"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What one source says. `capped`: there is a limit, though perhaps one that cannot be read."""

    used: Decimal | None
    limit: Decimal | None
    capped: bool
    enabled: bool | None
    unit: str

    @property
    def told(self) -> bool:
        return self.used is not None or self.limit is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraUsage:
    """Paid use beyond the plan. `reached`: the vendor says that the cap is; `reason`: why it is off."""

    amounts: Amounts
    reached: bool
    reason: str | None

    @property
    def open(self) -> bool:
        """Whether it carries on the work where a window is full."""
        money = self.amounts
        below = money.limit is not None and money.used is not None and money.used < money.limit
        return (
            money.enabled is True and not self.reached and self.reason is None and (below or not money.capped)
        )

    @property
    def spent(self) -> bool:
        """Whether its money is gone, which is more than being switched off."""
        money, used = self.amounts, self.amounts.used or _ZERO
        if money.enabled is False:
            # Where nothing was ever spent, nothing is gone, whatever the reason says.
            return used > 0 and self._said_to_be_spent
        return self._said_to_be_spent or (money.limit is not None and 0 < used >= money.limit)

    @property
    def _said_to_be_spent(self) -> bool:
        return self.reached or self.reason in _SPENT_REASONS

    def quota(self, *, beside: bool) -> Quota | None:
        """The cap; `beside` windows of the plan it stops only the paid part of the work."""
        money = self.amounts
        if money.enabled is False or money.limit is None or money.limit <= 0:
            return None
        return Quota(
            id="extra_usage",
            label="Extra usage",
            unit=money.unit,
            used=money.used,
            limit=money.limit,
            reached=self.spent,
            partial=beside,
        )

    def spend(self) -> Spend | None:
        """What was spent, where there is no cap to hold it against."""
        money = self.amounts
        if money.used is None or self.quota(beside=False) is not None:
            return None
        # Nothing spent is worth a line only where more may be.
        if money.used == 0 and (money.enabled is False or money.capped):
            return None
        return Spend(id="extra_usage", label="Extra usage", unit=money.unit, amount=money.used)


def is_told(body: Mapping[str, Any]) -> bool:
    """Whether a usage answer itself carries an amount of extra usage."""
    return _of_extra(body.get("extra_usage")).told or _of_spend(body.get("spend")).told


def extra_usage(body: Mapping[str, Any], overage: Any = None) -> ExtraUsage:
    """From `extra_usage`, else `spend`, else claude.ai's own answer on the cap (`overage`)."""
    extra, spend = wire.as_mapping(body.get("extra_usage")), wire.as_mapping(body.get("spend"))
    sources = (_of_extra(extra), _of_spend(spend), _of_overage(overage))
    amounts = next((source for source in sources if source.told), sources[0])
    # Some answers leave the switch out where another has it.
    switches = [source.enabled for source in (amounts, *sources) if source.enabled is not None]
    return ExtraUsage(
        amounts=replace(amounts, enabled=switches[0] if switches else None),
        reached=extra.get("spend_limit_reached") is True,
        reason=wire.as_text(extra.get("disabled_reason")) or wire.as_text(spend.get("disabled_reason")),
    )


def prepaid(body: Any) -> Balance | None:
    """The balance in an answer of `prepaid/credits`; negative for a debt."""
    found = wire.as_mapping(body)
    amount = _major(found.get("amount"))
    if amount is None:
        return None
    return Balance(id="prepaid", label="Prepaid", unit=_unit(found.get("currency")), amount=amount)


def _of_extra(body: Any) -> Amounts:
    """{"is_enabled": true, "monthly_limit": 4000, "used_credits": 1315.0, "decimal_places": 2, ...}"""
    extra = wire.as_mapping(body)
    places = extra.get("decimal_places")
    return Amounts(
        used=_not_negative(_major(extra.get("used_credits"), places)),
        limit=_not_negative(_major(extra.get("monthly_limit"), places)),
        capped=extra.get("monthly_limit") is not None,
        enabled=_flag(extra.get("is_enabled")),
        unit=_unit(extra.get("currency")),
    )


def _of_spend(body: Any) -> Amounts:
    """{"used": {"amount_minor": 1315, "currency": "USD", "exponent": 2}, "limit": ..., "enabled": true}"""
    spend = wire.as_mapping(body)
    used, limit = wire.as_mapping(spend.get("used")), wire.as_mapping(spend.get("limit"))
    return Amounts(
        used=_not_negative(_major(used.get("amount_minor"), used.get("exponent"))),
        limit=_not_negative(_major(limit.get("amount_minor"), limit.get("exponent"))),
        capped=spend.get("limit") is not None,
        enabled=_flag(spend.get("enabled")),
        unit=_unit(wire.first(used, "currency") or wire.first(limit, "currency")),
    )


def _of_overage(body: Any) -> Amounts:
    """{"is_enabled": true, "monthly_credit_limit": 4000, "used_credits": 1315, "currency": "USD"}"""
    overage = wire.as_mapping(body)
    return Amounts(
        used=_not_negative(_major(overage.get("used_credits"))),
        limit=_not_negative(_major(overage.get("monthly_credit_limit"))),
        capped=overage.get("monthly_credit_limit") is not None,
        enabled=_flag(overage.get("is_enabled")),
        unit=_unit(overage.get("currency")),
    )


def _major(minor: Any, places: Any = None) -> Decimal | None:
    amount, exponent = wire.as_number(minor), wire.as_whole(places)
    if amount is None:
        return None
    return amount.scaleb(-(_CENTS if exponent is None or not 0 <= exponent <= 6 else exponent))


def _not_negative(amount: Decimal | None) -> Decimal | None:
    return None if amount is None or amount < 0 else amount


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _unit(currency: Any) -> str:
    """Null means US dollars."""
    text = wire.as_text(currency)
    return text.lower() if text and re.fullmatch("[A-Za-z]{3}", text) else "usd"
