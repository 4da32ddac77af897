"""`Usage` <-> JSON, for the cache. Decimals and instants are text; decoding trusts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from usagecli.model import Balance, Quota, Refill, Spend, Usage

_NUMBERS = frozenset(("used", "limit", "remaining", "percent_used", "percent_remaining", "amount"))
_INSTANTS = frozenset(("resets_at", "since", "until", "as_of"))


def encode(usage: Usage) -> dict[str, Any]:
    """The usage as plain JSON values."""
    return {
        "quotas": [_encode_entry(entry) for entry in usage.quotas],
        "balances": [_encode_entry(entry) for entry in usage.balances],
        "spend": [_encode_entry(entry) for entry in usage.spend],
        "account": usage.account,
        "plan": None if usage.plan is None else dict(usage.plan),
        "notes": list(usage.notes),
        "source": usage.source,
        "stopped": usage.stopped,
        "partly_stopped": usage.partly_stopped,
        "overage_reached": usage.overage_reached,
        "contract": dict(usage.contract),
    }


def decode(body: Mapping[str, Any]) -> Usage:
    """The usage again. Raises ValueError, TypeError, KeyError or ArithmeticError for anything else."""
    return Usage(
        quotas=tuple(Quota(**_decode_entry(entry)) for entry in body["quotas"]),
        balances=tuple(Balance(**_decode_entry(entry)) for entry in body["balances"]),
        spend=tuple(Spend(**_decode_entry(entry)) for entry in body["spend"]),
        account=body["account"],
        plan=None if body["plan"] is None else dict(body["plan"]),
        notes=tuple(body["notes"]),
        source=body["source"],
        stopped=body["stopped"],
        partly_stopped=body["partly_stopped"],
        overage_reached=body["overage_reached"],
        contract=dict(body["contract"]),
    )


def _encode_entry(entry: Quota | Balance | Spend) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name in entry.__slots__:
        value = getattr(entry, name)
        # A pace is worked out anew each time.
        if value is None or name == "pace":
            continue
        if isinstance(value, Decimal):
            value = str(value)
        elif isinstance(value, datetime):
            value = int(value.timestamp())
        elif isinstance(value, Refill):
            value = [str(value.amount), value.every_seconds]
        body[name] = value
    return body


def _decode_entry(body: Mapping[str, Any]) -> dict[str, Any]:
    entry = dict(body)
    entry.pop("pace", None)
    for name, value in body.items():
        if name in _NUMBERS:
            entry[name] = _number(value)
        elif name in _INSTANTS:
            entry[name] = datetime.fromtimestamp(value, UTC)
        elif name == "refill":
            entry[name] = Refill(amount=_number(value[0]), every_seconds=value[1])
    return entry


def _number(text: str) -> Decimal:
    found = Decimal(text)
    # Nothing that was read is one of these, and no figure compares with NaN.
    if not found.is_finite():
        raise ValueError("no finite number")
    return found
