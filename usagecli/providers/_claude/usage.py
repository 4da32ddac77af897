"""Claude's usage answer -> `Usage`. The same shape comes from the OAuth and the web endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from usagecli import wire
from usagecli.model import Quota, SourceKind, Usage, plan, unique
from usagecli.providers._claude.money import ExtraUsage, extra_usage, prepaid

_FIVE_HOURS_S = 18_000
_WEEK_S = 604_800
_DAY_S = 86_400
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
# The windows that stop all work: named key, kind of the entry in `limits` that repeats it, id, label, length.
_CORE = (
    ("five_hour", "session", "five_hour", "5-hour limit", _FIVE_HOURS_S),
    ("seven_day", "weekly_all", "weekly", "Weekly limit", _WEEK_S),
)
# Weekly windows of a part of the work under names of their own; the same id twice: the first that counts.
_WEEKLY_PARTS = {
    "seven_day_opus": ("weekly_opus", "Opus"),
    "seven_day_sonnet": ("weekly_sonnet", "Sonnet"),
    "seven_day_cowork": ("weekly_cowork", "Cowork"),
    "seven_day_routines": ("weekly_cowork", "Cowork"),
    "seven_day_oauth_apps": ("weekly_oauth_apps", "OAuth apps"),
}
# Objects that are no window of their own. `seven_day_omelette` shares the main limit.
_NO_WINDOWS = ("extra_usage", "spend", "seven_day_breakdown", "cedar_ember", "seven_day_omelette")
_KNOWN = frozenset((*(key for key, *_ in _CORE), *_WEEKLY_PARTS, *_NO_WINDOWS))
_SEATS = {"team_standard": "Team Standard", "team_tier_1": "Team Premium"}
_TIERS = ("max", "pro", "team", "enterprise", "free")


def parse(
    payload: Any,
    *,
    overage: Any = None,
    prepaid_: Any = None,
    routines: Any = None,
    subscription: str | None = None,
    tier: str | None = None,
    seat: str | None = None,
    account: str | None = None,
    source: SourceKind = "oauth",
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map a usage body, and what claude.ai may say beside it, to `Usage`.

    Shape: {"five_hour": {"utilization": 23.0, "resets_at": ISO}, "seven_day": ..., "limits": [...],
    "extra_usage": {...}, "spend": {...}}; utilizations are percent, amounts minor units. `overage`,
    `prepaid_` and `routines` may be None or of any shape: they cost their own entries only.
    Raises PayloadError naming the field.
    """
    body = wire.mapping(payload, "body")
    extra = extra_usage(body, overage)
    core = tuple(_core(body, carried=extra.open))
    scoped = tuple(_scoped(body))
    cap = extra.quota(beside=bool(core))
    quotas = (
        *core,
        *scoped,
        *_weekly_parts(body, {wire.slug(str(quota.scope)) for quota in scoped}),
        *((cap,) if cap else ()),
        *_routines(routines),
        *_named(body),
    )
    balance, spend = prepaid(prepaid_), extra.spend()
    return Usage(
        quotas=unique(quotas),
        balances=(balance,) if balance else (),
        spend=(spend,) if spend else (),
        account=account,
        plan=_plan(subscription, tier, seat),
        notes=(*notes, *_why_off(extra, core)),
        source=source,
        stopped=not core and extra.spent,
        overage_reached=extra.spent,
    )


def _why_off(extra: ExtraUsage, core: tuple[Quota, ...]) -> tuple[str, ...]:
    """Why nothing carries on the work, where the plan's own windows do not either."""
    full = any(quota.remaining == 0 for quota in core)
    if extra.reason is None or (core and not full):
        return ()
    return (f"extra usage is off: {extra.reason}",)


# -- windows ----------------------------------------------------------------------------------------


def _percent(
    id_: str,
    label: str,
    used: Any,
    resets_at: Any,
    *,
    scope: str | None = None,
    window: int | None = None,
    partial: bool = True,
) -> Quota | None:
    """A window of percent; None where it does not say how much is used."""
    figure = wire.as_count(used)
    if figure is None:
        return None
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        scope=scope,
        used=figure,
        limit=_HUNDRED,
        window_seconds=window,
        resets_at=wire.as_instant(resets_at),
        partial=partial,
    )


def _core(body: Mapping[str, Any], *, carried: bool) -> Iterator[Quota]:
    """The 5-hour and the weekly window; `carried`: extra usage goes on where they are full."""
    for key, kind, id_, label, window in _CORE:
        named = body.get(key)
        if isinstance(named, dict):
            found = [(named.get("utilization"), named.get("resets_at"))]
        else:
            found = [(entry.get("percent"), entry.get("resets_at")) for entry in _limits(body, kind)]
        quotas = (
            _percent(id_, label, used, resets_at, window=window, partial=carried) for used, resets_at in found
        )
        yield from islice(filter(None, quotas), 1)


def _limits(body: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    entries = map(wire.as_mapping, wire.as_rows(body.get("limits")))
    return (entry for entry in entries if entry.get("kind") == kind)


def _scoped(body: Mapping[str, Any]) -> Iterator[Quota]:
    """Weekly windows of one model; these stand nowhere but in `limits`."""
    for entry in _limits(body, "weekly_scoped"):
        model = wire.as_mapping(wire.as_mapping(entry.get("scope")).get("model"))
        name = wire.as_text(model.get("display_name"))
        if name is None:
            continue
        slugs = [wire.slug(text) for text in (wire.as_text(model.get("id")), name) if text]
        slug = next(filter(None, slugs), None)
        if slug is None or "all_models" in slugs:
            continue
        quota = _percent(
            f"weekly_{slug}",
            f"Weekly ({name})",
            entry.get("percent"),
            entry.get("resets_at"),
            scope=name,
            window=_WEEK_S,
        )
        if quota is not None:
            yield quota


def _weekly_parts(body: Mapping[str, Any], known: set[str]) -> Iterator[Quota]:
    """`known`: the slugs of the names that `limits` already has."""
    for key, (id_, scope) in _WEEKLY_PARTS.items():
        window = wire.as_mapping(body.get(key))
        quota = _percent(
            id_,
            f"Weekly ({scope})",
            window.get("utilization"),
            window.get("resets_at"),
            scope=scope,
            window=_WEEK_S,
        )
        if quota is not None and wire.slug(scope) not in known:
            yield quota


def _named(body: Mapping[str, Any]) -> Iterator[Quota]:
    """Windows under names that nobody documents; one that was never used or begun is left out."""
    for key, window in body.items():
        name = wire.as_text(key)
        if key in _KNOWN or name is None or not isinstance(window, dict):
            continue
        quota = _percent(name, name, window.get("utilization"), window.get("resets_at"))
        if quota is not None and (quota.used or quota.resets_at):
            yield _in_dollars(window, quota) or quota


def _in_dollars(window: Mapping[str, Any], percent: Quota) -> Quota | None:
    """The same window in dollars, where it has such a limit."""
    limit = wire.as_number(window.get("limit_dollars"))
    if limit is None or limit <= 0:
        return None
    used, left = wire.as_count(window.get("used_dollars")), wire.as_number(window.get("remaining_dollars"))
    return Quota(
        id=percent.id,
        label=percent.label,
        unit="usd",
        used=used,
        limit=limit,
        remaining=None if left is None else max(_ZERO, left),
        percent_used=percent.percent_used if used is None else None,
        resets_at=percent.resets_at,
        partial=True,
    )


def _routines(body: Any) -> Iterator[Quota]:
    """The daily budget of routine runs: {"limit": "15", "used": "2"}."""
    budget = wire.as_mapping(body)
    limit = wire.as_count(budget.get("limit"))
    if limit is not None:
        yield Quota(
            id="routine_runs",
            label="Routine runs",
            unit="requests",
            used=wire.as_count(budget.get("used")),
            limit=limit,
            window_seconds=_DAY_S,
            partial=True,
        )


# -- plan -------------------------------------------------------------------------------------------


def _plan(subscription: str | None, tier: str | None, seat: str | None) -> Mapping[str, Any] | None:
    """The seat, else the subscription (else what the tier names), with the tier's multiplier."""
    if seat in _SEATS:
        return plan(_SEATS[seat])
    words = (tier or "").lower()
    name = subscription or next((word for word in _TIERS if word in words), None)
    if name is None:
        return None
    times = re.search(r"\d+x", words)
    return plan(f"{name.capitalize()} {times[0]}" if times else name.capitalize())
