"""OpenCode's answers together -> `Usage`. Zen's money comes in 1e-8 dollars, its limit in dollars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, SourceKind, Spend, Usage, plan
from usagecli.providers._opencode.seroval import objects
from usagecli.providers._opencode.windows import Subscription, use_balance

_PER_DOLLAR = 100_000_000
_ZERO = Decimal(0)
_NONE, _NO_ZEN = Subscription(), Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """A workspace's billing. Dollars; `used` in the current month; None is what was not told.

    `go`: the workspace has Go, whoever of its members holds it. `black`: the name of its older plan,
    None where there is none.
    """

    set_up: bool
    balance: Decimal | None
    used: Decimal | None
    limit: Decimal | None
    go: bool
    black: str | None
    use_balance: bool | None


def read_billing(page: str, now: datetime) -> Billing:
    """The billing in a workspace's page: {customerID, balance, monthlyUsage, monthlyLimit,
    timeMonthlyUsageUpdated, subscription, subscriptionPlan, lite, liteSubscriptionID, ...}.

    Raises PayloadError.
    """
    body = next(objects(page, "customerID"), None)
    if body is None:
        raise PayloadError("billing.get: the page holds no such figures")
    lite, black = body.get("lite"), body.get("subscription")
    return Billing(
        set_up=body["customerID"] is not None,
        balance=_dollars(body.get("balance")),
        used=_used(body, now),
        limit=wire.as_count(body.get("monthlyLimit")),
        go=isinstance(lite, dict) or wire.as_text(body.get("liteSubscriptionID")) is not None,
        black=_black(black, body) if isinstance(black, dict) else None,
        use_balance=use_balance(lite if isinstance(lite, dict) else black),
    )


def usage(
    *,
    now: datetime,
    go: Subscription | None = None,
    black: Subscription | None = None,
    billing: Billing | None = None,
    workspace: str | None = None,
    source: SourceKind = "api",
    notes: tuple[str, ...] = (),
) -> Usage:
    """Put together what could be read; None is what could not. `workspace` is that of the billing."""
    held = next((told for told in (go, black) if told is not None and told.quotas), _NONE)
    carried = billing is not None and _carries(billing, held)
    quotas = tuple(replace(quota, partial=carried) for quota in held.quotas)
    zen = _NO_ZEN if billing is None else _zen(billing, now, room=bool(quotas) and not held.spent)
    balances = zen.balances
    if billing is not None and _is_unread(billing, go, black):
        # What pays beside the balance is not known: an empty one says nothing then.
        balances = tuple(replace(entry, judged=(entry.amount or 0) > 0) for entry in balances)
    return replace(
        zen,
        quotas=(*quotas, *zen.quotas),
        balances=balances,
        account=(go.workspace if go else None) or workspace,
        plan=_plan(go, billing),
        source=source,
        notes=(*notes, *_notes(go, billing, workspace, carried=carried and held.spent)),
    )


def _zen(billing: Billing, now: datetime, *, room: bool) -> Usage:
    """Zen's own entries. `room`: windows of a subscription pay for work beside it."""
    since, until = wire.month_start(now), wire.month_start(now, 1)
    limit = Quota(
        id="zen_monthly",
        label="Zen monthly limit",
        unit="usd",
        used=billing.used,
        limit=billing.limit,
        resets_at=until,
        partial=room,
    )
    balance = Balance(id="zen", label="Zen balance", unit="usd", amount=billing.balance, stops=not room)
    return Usage(
        quotas=() if billing.limit is None else (limit,),
        balances=(balance,) if billing.set_up else (),
        spend=()
        if billing.used is None
        else (Spend(id="zen_monthly", label="Zen this month", unit="usd", amount=billing.used, since=since),),
    )


def _carries(billing: Billing, held: Subscription) -> bool:
    """Whether Zen pays for what comes after a spent window: allowed, with money, within its limit."""
    allowed = billing.use_balance if held.use_balance is None else held.use_balance
    within = billing.limit is None or billing.used is None or billing.used < billing.limit
    return bool(allowed) and billing.balance is not None and billing.balance > 0 and within


def _is_unread(billing: Billing, go: Subscription | None, black: Subscription | None) -> bool:
    """Whether there is a subscription of which no window could be read."""
    return (billing.go and go is None) or (billing.black is not None and not billing.go and black is None)


def _plan(go: Subscription | None, billing: Billing | None) -> Mapping[str, Any] | None:
    if (go is not None and (go.quotas or not go.mine)) or (billing is not None and billing.go):
        return plan("Go")
    if billing is None:
        return None
    return plan(billing.black or "Zen")


def _notes(
    go: Subscription | None, billing: Billing | None, workspace: str | None, *, carried: bool
) -> Iterator[str]:
    if go is not None and not go.mine:
        yield "another member of the workspace holds Go: its windows are not yours"
    if go is not None and go.workspace and workspace and go.workspace != workspace:
        yield f"Zen is that of another workspace than the key's: {workspace}"
    if billing is not None and not billing.set_up:
        yield "billing was never set up in this workspace: there is no Zen balance"
    if carried:
        yield "a window is spent: the Zen balance pays for what follows"


def _dollars(value: Any) -> Decimal | None:
    found = wire.as_number(value)
    return None if found is None else found / _PER_DOLLAR


def _used(body: Mapping[str, Any], now: datetime) -> Decimal | None:
    """The use of the current month; a counter of an earlier one says that nothing was used since."""
    counted_at = wire.as_instant(body.get("timeMonthlyUsageUpdated"))
    if counted_at is None or counted_at >= wire.month_start(now, 1):
        return None
    if counted_at < wire.month_start(now):
        return _ZERO
    found = _dollars(body.get("monthlyUsage"))
    return found if found is not None and found >= 0 else None


def _black(subscription: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    size = wire.as_text(subscription.get("plan")) or wire.as_text(body.get("subscriptionPlan"))
    return f"Black {size}" if size else "Black"
