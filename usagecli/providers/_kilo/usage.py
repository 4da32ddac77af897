"""Kilo's answers -> `Usage`. Credits are US dollars; the console counts them in millionths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota, SourceKind, Usage, plan

_PER_DOLLAR = 1_000_000
_TIERS = {"tier_19": "Starter", "tier_49": "Pro", "tier_199": "Expert"}
_RUNNING = ("active", "trialing")
_REFUSALS = ("UNAUTHORIZED", "FORBIDDEN")
# The console renames its procedures without a word.
_RENAMED = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the console knows of a person: dollars left in all, and the pass (empty for none).

    `refused`: it did not accept the token. `failed`: why it says nothing of the pass, where it tells that.
    """

    total: Decimal | None = None
    subscription: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    failed: str | None = None


def amount_of(body: Any) -> Decimal:
    """The dollars in {"balance": 27.4183, "isDepleted": false}. Raises PayloadError."""
    return wire.number(wire.mapping(body, "body"), "balance")


def state_of(body: Any) -> State:
    """Map a batch of the console's procedures, one element each, in order; any of them may have failed.

    Shape of an element: {"result": {"data": {...}}}, of some deployments {"result": {"data": {"json":
    {...}}}}, or {"error": {"data": {"code": "UNAUTHORIZED"}}}. Raises PayloadError.
    """
    elements = [wire.as_mapping(element) for element in wire.rows(body, "body")]
    first, second = (*elements, {}, {})[:2]
    blocks, state, code = _data(first), _data(second), _code(second)
    total = wire.as_number(blocks.get("totalBalance_mUsd"))
    return State(
        # Not a sum of the blocks: those are only what is left of some of it.
        total=None if total is None else total / _PER_DOLLAR,
        subscription=wire.as_mapping(state.get("subscription")),
        refused=any(_code(element) in _REFUSALS for element in elements),
        failed=None if code in (*_REFUSALS, _RENAMED) else code,
    )


def _data(element: Mapping[str, Any]) -> Mapping[str, Any]:
    data = wire.as_mapping(wire.as_mapping(element.get("result")).get("data"))
    return wire.as_mapping(data["json"]) if "json" in data else data


def _code(element: Mapping[str, Any]) -> str | None:
    error = wire.as_mapping(element.get("error"))
    for level in (error, wire.as_mapping(error.get("json"))):
        code = wire.as_text(wire.as_mapping(level.get("data")).get("code"))
        if code:
            return code
    return None


def parse(
    amount: Decimal | None,
    *,
    state: State,
    account: str | None = None,
    notes: tuple[str, ...] = (),
    source: SourceKind = "api",
) -> Usage:
    """One account. `amount`: the dollars left, by the balance or else by the console's total."""
    quota = _pass(state.subscription)
    if state.subscription and quota is None:
        notes = (*notes, "the figures of the Kilo Pass could not be read")
    name = _plan_name(state.subscription)
    # Credits of a pass lie in the same wallet, and nothing is served at 0.
    balance = Balance(id="credits", label="Credits", unit="usd", amount=amount, stops=True)
    return Usage(
        quotas=(quota,) if quota else (),
        balances=(balance,),
        account=account,
        plan=plan(name) if name else None,
        notes=notes,
        source=source,
    )


def _pass(subscription: Mapping[str, Any]) -> Quota | None:
    used = wire.as_number(subscription.get("currentPeriodUsageUsd"))
    limit = wire.as_number(subscription.get("currentPeriodBaseCreditsUsd"))
    if used is None or limit is None or used < 0:
        return None
    # A bonus that is locked cannot be used yet.
    if subscription.get("isBonusUnlocked") in (None, True):
        limit += wire.as_number(subscription.get("currentPeriodBonusCreditsUsd")) or 0
    resets_at = wire.as_instant(subscription.get("refillAt"))
    return Quota(
        id="kilo_pass",
        label="Pass credits",
        unit="usd",
        used=used,
        limit=limit,
        resets_at=resets_at or wire.as_instant(subscription.get("nextBillingAt")),
    )


def _plan_name(subscription: Mapping[str, Any]) -> str | None:
    tier = wire.as_text(subscription.get("tier"))
    if tier is None:
        return None
    status = wire.as_text(subscription.get("status"))
    name = f"Kilo Pass {_TIERS[tier]}" if tier in _TIERS else tier
    return name if status is None or status in _RUNNING else f"{name} ({status})"
