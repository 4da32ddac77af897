"""Claude's usage answer -> `Usage`. The same shape comes from the OAuth and the web endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota, SourceKind, Spend, Usage, plan

_FIVE_HOURS = 18_000
_WEEK = 604_800
_DAY = 86_400
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
# id -> the named key, the kind of the entry in `limits` that repeats it, label, length.
_CORE = {
    "five_hour": ("five_hour", "session", "5-hour limit", _FIVE_HOURS),
    "weekly": ("seven_day", "weekly_all", "Weekly limit", _WEEK),
}
_LEGACY = {
    "seven_day_opus": ("weekly_opus", "Opus"),
    "seven_day_sonnet": ("weekly_sonnet", "Sonnet"),
    "seven_day_cowork": ("weekly_cowork", "Cowork"),
    "seven_day_routines": ("weekly_cowork", "Cowork"),
    "seven_day_oauth_apps": ("weekly_oauth_apps", "OAuth apps"),
}
# Objects that are no window of their own. `seven_day_omelette` shares the main limit.
_NO_WINDOWS = frozenset(("extra_usage", "spend", "seven_day_breakdown", "cedar_ember", "seven_day_omelette"))


# Reasons that mean that the money is gone; any other only switches extra usage off.
_SPENT_REASONS = frozenset(("out_of_credits", "spend_limit_reached"))


class Money:
    """Paid use beyond the plan, in `unit`; None where unknown. `open`: it carries on the work."""

    def __init__(
        self,
        *,
        unit: str,
        used: Decimal | None,
        limit: Decimal | None,
        enabled: Any,
        capped: bool,
        reached: bool,
        reason: Any,
    ) -> None:
        self.unit = unit
        self.used = used
        self.limit = limit
        self.off = enabled is False
        below = not capped or (limit is not None and used is not None and used < limit)
        self.open = enabled is True and not reached and reason is None and below
        full = limit is not None and limit > 0 and used is not None and used >= limit
        self.spent = full or reached or (isinstance(reason, str) and reason in _SPENT_REASONS)


def parse(
    payload: Any,
    *,
    web: Mapping[str, Any] | None = None,
    subscription: str | None = None,
    tier: str | None = None,
    account: str | None = None,
    source: SourceKind = "oauth",
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map a usage body to `Usage`. Raises PayloadError naming the field.

    Shape: {"five_hour": {"utilization": 23.0, "resets_at": ISO}, "seven_day": ..., "limits": [...],
    "extra_usage": {...}, "spend": {...}}; utilizations are percent, amounts minor units. `web` holds
    the optional answers of claude.ai by name: overage, prepaid, account, routines.
    """
    body = wire.mapping(payload, "body")
    web = web or {}
    money = _money(body, web.get("overage"))
    core = [quota for quota in (_core(body, id_) for id_ in _CORE) if quota is not None]
    carried = money is not None and money.open
    quotas = [_with_partial(quota, carried) for quota in core]
    quotas += _scoped(body)
    quotas += _legacy(body, {quota.id for quota in quotas})
    quotas += _named(body)
    extra = _extra(money, beside=bool(core))
    quotas += [extra] if extra else []
    quotas += _routines(web.get("routines"))
    return Usage(
        quotas=_unique(quotas),
        balances=_prepaid(web.get("prepaid")),
        spend=_extra_spend(money, extra),
        account=account,
        plan=_plan(subscription, tier, web.get("account")),
        notes=notes,
        source=source,
        stopped=not core and money is not None and not money.off and money.spent,
    )


def _unique(quotas: list[Quota]) -> tuple[Quota, ...]:
    found: dict[str, Quota] = {}
    for quota in quotas:
        found.setdefault(quota.id, quota)
    return tuple(found.values())


def _with_partial(quota: Quota, partial: bool) -> Quota:
    from dataclasses import replace

    return replace(quota, partial=True) if partial else quota


# -- windows ----------------------------------------------------------------------------------------


def _percent(
    id_: str,
    label: str,
    used: Decimal,
    resets: Any,
    *,
    scope: str | None = None,
    window: int | None = None,
    partial: bool = False,
) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        scope=scope,
        used=used,
        limit=_HUNDRED,
        window_seconds=window,
        resets_at=wire.as_instant(resets),
        partial=partial,
    )


def _core(body: Mapping[str, Any], id_: str) -> Quota | None:
    key, kind, label, window = _CORE[id_]
    named = body.get(key)
    if isinstance(named, dict):
        used, resets = wire.as_number(named.get("utilization")), named.get("resets_at")
    else:
        entry = next((e for e in _limits(body) if e.get("kind") == kind), {})
        used, resets = wire.as_number(entry.get("percent")), entry.get("resets_at")
    return None if used is None or used < 0 else _percent(id_, label, used, resets, window=window)


def _limits(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in wire.as_rows(body.get("limits")) if isinstance(entry, dict))


def _scoped(body: Mapping[str, Any]) -> Iterator[Quota]:
    """Weekly windows of one model; these stand nowhere but in `limits`."""
    for entry in _limits(body):
        model = wire.as_mapping(wire.as_mapping(entry.get("scope")).get("model"))
        name = wire.as_text(model.get("display_name"))
        used = wire.as_number(entry.get("percent"))
        if name is None or used is None or used < 0:
            continue
        slug = wire.slug(wire.as_text(model.get("id")) or name) or wire.slug(name)
        if not slug or "all_models" in (slug, wire.slug(name)):
            continue
        yield _percent(
            f"weekly_{slug}",
            f"Weekly ({name})",
            used,
            entry.get("resets_at"),
            scope=name,
            window=_WEEK,
            partial=True,
        )


def _legacy(body: Mapping[str, Any], known: set[str]) -> Iterator[Quota]:
    scopes = {
        (
            wire.as_text(wire.as_mapping(wire.as_mapping(e.get("scope")).get("model")).get("display_name"))
            or ""
        ).lower()
        for e in _limits(body)
    }
    for key, (id_, scope) in _LEGACY.items():
        used = wire.as_number(wire.as_mapping(body.get(key)).get("utilization"))
        if used is None or used < 0 or id_ in known or scope.lower() in scopes:
            continue
        resets = wire.as_mapping(body.get(key)).get("resets_at")
        yield _percent(id_, f"Weekly ({scope})", used, resets, scope=scope, window=_WEEK, partial=True)


def _named(body: Mapping[str, Any]) -> Iterator[Quota]:
    """Windows under names that nobody documents; one that was never used or begun is left out."""
    known = {key for key, *_ in _CORE.values()} | set(_LEGACY) | _NO_WINDOWS
    for key, window in body.items():
        if key in known or not isinstance(window, dict):
            continue
        used = wire.as_number(window.get("utilization"))
        label, id_ = wire.as_text(key), wire.slug(key)
        resets = wire.as_instant(window.get("resets_at"))
        if used is None or used < 0 or label is None or not id_ or (used == 0 and resets is None):
            continue
        limit = wire.as_number(window.get("limit_dollars"))
        if limit is None or limit <= 0:
            yield _percent(id_, label, used, window.get("resets_at"), partial=True)
            continue
        dollars = wire.as_number(window.get("used_dollars"))
        left = wire.as_number(window.get("remaining_dollars"))
        yield Quota(
            id=id_,
            label=label,
            unit="usd",
            used=dollars,
            limit=limit,
            remaining=None if left is None else max(_ZERO, left),
            percent_used=None if dollars is not None else used,
            resets_at=resets,
            partial=True,
        )


def _routines(body: Any) -> Iterator[Quota]:
    budget = wire.as_mapping(body)
    limit, used = wire.as_number(budget.get("limit")), wire.as_number(budget.get("used"))
    if limit is not None and limit >= 0:
        yield Quota(
            id="routine_runs",
            label="Routine runs",
            unit="requests",
            used=used,
            limit=limit,
            window_seconds=_DAY,
            partial=True,
        )


# -- money ------------------------------------------------------------------------------------------


def _money(body: Mapping[str, Any], overage: Any) -> Money | None:
    """Extra usage: from `extra_usage`, else `spend`, else the web's own answer; minor units."""
    extra, spend, web = (
        wire.as_mapping(part) for part in (body.get("extra_usage"), body.get("spend"), overage)
    )
    enabled: Any = extra.get("is_enabled")
    unit = _currency(extra.get("currency"))
    places = wire.as_whole(extra.get("decimal_places"))
    used, limit = (
        _major(extra.get(key), 2 if places is None else places) for key in ("used_credits", "monthly_limit")
    )
    capped = extra.get("monthly_limit") is not None
    if used is None and limit is None:
        found = wire.as_mapping(spend.get("used")), wire.as_mapping(spend.get("limit"))
        used, limit = (
            _major(part.get("amount_minor"), wire.as_whole(part.get("exponent"))) for part in found
        )
        if used is not None or limit is not None:
            enabled = spend.get("enabled") if spend.get("enabled") is not None else enabled
            unit = _currency(wire.first(found[0], "currency") or wire.first(found[1], "currency"))
            capped = spend.get("limit") is not None
        elif web:
            used, limit = (_major(web.get(key), 2) for key in ("used_credits", "monthly_credit_limit"))
            enabled = web.get("is_enabled") if web.get("is_enabled") is not None else enabled
            unit = _currency(web.get("currency"))
            capped = web.get("monthly_credit_limit") is not None
    if enabled is None and used is None and limit is None:
        return None
    return Money(
        unit=unit,
        used=used,
        limit=limit,
        enabled=enabled,
        capped=capped,
        reached=extra.get("spend_limit_reached") is True,
        reason=wire.first(extra, "disabled_reason") or wire.first(spend, "disabled_reason"),
    )


def _major(minor: Any, places: int | None) -> Decimal | None:
    amount = wire.as_number(minor)
    if amount is None:
        return None
    places = 2 if places is None or not 0 <= places <= 6 else places
    return amount.scaleb(-places)


def _currency(value: Any) -> str:
    text = wire.as_text(value)
    return text.lower() if text and re.fullmatch("[A-Za-z]{3}", text) else "usd"


def _extra(money: Money | None, *, beside: bool) -> Quota | None:
    """The cap on extra usage; beside an open window it stops only the paid part."""
    if money is None or money.off or money.limit is None or money.limit <= 0:
        return None
    return Quota(
        id="extra_usage",
        label="Extra usage",
        unit=money.unit,
        used=money.used,
        limit=money.limit,
        reached=money.spent,
        partial=beside,
    )


def _extra_spend(money: Money | None, quota: Quota | None) -> tuple[Spend, ...]:
    """What was spent where there is no cap to hold it against."""
    if money is None or quota is not None or money.used is None or (money.off and money.used <= 0):
        return ()
    return (Spend(id="extra_usage", label="Extra usage", unit=money.unit, amount=money.used),)


def _prepaid(body: Any) -> tuple[Balance, ...]:
    found = wire.as_mapping(body)
    amount = _major(found.get("amount"), 2)
    if amount is None:
        return ()
    return (Balance(id="prepaid", label="Prepaid", unit=_currency(found.get("currency")), amount=amount),)


# -- plan -------------------------------------------------------------------------------------------

_SEATS = {"team_standard": "Team Standard", "team_tier_1": "Team Premium"}


def _plan(subscription: str | None, tier: str | None, web_account: Any) -> Mapping[str, Any] | None:
    membership = next(
        (m for m in wire.as_rows(wire.as_mapping(web_account).get("memberships")) if isinstance(m, dict)), {}
    )
    seat = _SEATS.get(str(membership.get("seat_tier")))
    if seat:
        return plan(seat)
    tier = tier or wire.as_text(wire.as_mapping(membership.get("organization")).get("rate_limit_tier"))
    times = re.search(r"\d+x", tier or "")
    name = subscription[:1].upper() + subscription[1:] if subscription else _tier_name(tier or "")
    if name is None:
        return None
    return plan(f"{name} {times[0]}" if times else name)


def _tier_name(tier: str) -> str | None:
    return next(
        (word.capitalize() for word in ("max", "pro", "team", "enterprise", "free") if word in tier.lower()),
        None,
    )
