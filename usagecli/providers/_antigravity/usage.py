"""Antigravity's answers -> `Usage`: two pools of models, each with a window of 5 hours and one of a week.

Only fractions of what remains are told; nothing is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, SourceKind, Usage, plan, unique
from usagecli.providers._gemini.usage import credits_of

_HUNDRED, _ZERO, _ONE = Decimal(100), Decimal(0), Decimal(1)
_SECONDS = {"5h": 18_000, "weekly": 604_800}
_POOLS = {"gemini": "Gemini", "claude_gpt": "Claude and GPT"}
# A bucket's id -> the entry's id, its pool and its window.
_BUCKETS = {
    "gemini-5h": ("gemini_5h", "gemini", "5h"),
    "gemini-weekly": ("gemini_weekly", "gemini", "weekly"),
    "3p-5h": ("claude_gpt_5h", "claude_gpt", "5h"),
    "3p-weekly": ("claude_gpt_weekly", "claude_gpt", "weekly"),
}
_WINDOWS = {"5h": "5-hour limit", "weekly": "weekly limit"}
_WRAPPERS = ("response", "summary", "quotaSummary")
# Autocomplete and the like, whose figures mean nothing.
_HIDDEN = re.compile(r"chat_\d.*|tab_.*", re.ASCII)
_FREE = "free-tier"

# What is left of a pool, and when it comes back.
Left = tuple[Decimal, datetime | None]


def report(
    quotas: tuple[Quota, ...],
    *,
    loaded: Any = None,
    name: str | None = None,
    account: str | None = None,
    notes: tuple[str, ...] = (),
    source: SourceKind = "oauth",
) -> Usage:
    """The quotas with what `loadCodeAssist` says of credits and plan; `name` is the plan's, where told."""
    tiers = wire.as_mapping(loaded)
    credits_ = credits_of(tiers)
    name = name or _tier_name(tiers, "paidTier") or _tier_name(tiers, "currentTier")
    return Usage(
        quotas=quotas,
        balances=(credits_,) if credits_ else (),
        account=account,
        plan=plan(name) if name else None,
        notes=notes,
        source=source,
    )


def is_paid(loaded: Any) -> bool:
    """Whether the plan is known to be a paid one."""
    tier = wire.as_mapping(wire.as_mapping(loaded).get("paidTier"))
    id_ = wire.as_text(tier.get("id"))
    return id_ is not None and id_ != _FREE


def _tier_name(tiers: Mapping[str, Any], name: str) -> str | None:
    return wire.as_text(wire.as_mapping(tiers.get(name)).get("name"))


# -- the summary ------------------------------------------------------------------------------------


def summary(body: Any) -> tuple[Quota, ...]:
    """The quotas of a `RetrieveUserQuotaSummary` body; none is an answer too. Raises PayloadError.

    Shape: {"groups": [{"displayName", "buckets": [{"bucketId": "gemini-5h", "window": "5h",
    "remainingFraction": 0.42, "resetTime": "2026-11-21T11:39:34Z", "disabled"}]}]}, bare or wrapped.
    """
    answer = wire.mapping(body, "body")
    layers = [answer, *(wire.as_mapping(answer.get(name)) for name in _WRAPPERS)]
    if any(not _is_fine(layer.get("code")) for layer in layers):
        raise PayloadError("code: Antigravity's answer is an error")
    groups = next((layer["groups"] for layer in layers if layer.get("groups") is not None), None)
    return unique(_quotas(wire.rows(groups, "groups")))


def _is_fine(code: Any) -> bool:
    return code is None or (not isinstance(code, bool) and str(code).lower() in ("0", "ok"))


def _quotas(groups: list[Any]) -> Iterator[Quota]:
    for group in map(wire.as_mapping, groups):
        for bucket in map(wire.as_mapping, wire.as_rows(group.get("buckets"))):
            id_, fraction = wire.as_text(bucket.get("bucketId")), _fraction(bucket)
            if id_ is None or fraction is None or bucket.get("disabled") is True:
                continue
            yield _bucket(id_, fraction, bucket, wire.as_text(group.get("displayName")))


def _bucket(id_: str, fraction: Decimal, bucket: Mapping[str, Any], group: str | None) -> Quota:
    reset = wire.as_instant(bucket.get("resetTime"))
    if id_ in _BUCKETS:
        own, pool, window = _BUCKETS[id_]
        label = f"{_POOLS[pool]} {_WINDOWS[window]}"
        return _left(own, label, pool, (fraction, reset), _SECONDS[window])
    label = wire.as_text(bucket.get("displayName")) or id_
    return _left(id_, label, group, (fraction, reset), _SECONDS.get(str(bucket.get("window"))))


def _fraction(body: Mapping[str, Any]) -> Decimal | None:
    """What remains, 0 to 1; text is no fraction."""
    remaining = wire.as_mapping(body.get("remaining"))
    told = body.get("remainingFraction")
    if told is None:
        told = remaining.get("remainingFraction")
    if told is None and remaining.get("case") == "remainingFraction":
        told = remaining.get("value")
    found = None if isinstance(told, str) else wire.as_number(told)
    return None if found is None else min(_ONE, max(_ZERO, found))


def _left(id_: str, label: str, scope: str | None, left: Left, seconds: int | None) -> Quota:
    remaining = left[0] * _HUNDRED
    return Quota(
        id=id_,
        label=label,
        scope=scope,
        unit="percent",
        used=_HUNDRED - remaining,
        limit=_HUNDRED,
        remaining=remaining,
        window_seconds=seconds,
        resets_at=left[1],
    )


# -- the models, where there is no summary ----------------------------------------------------------


def models(body: Any) -> dict[str, Left]:
    """What is left of each pool by `fetchAvailableModels`: that of its fullest visible model.

    Shape: {"models": {"id": {"displayName", "isInternal", "quotaInfo": {"remainingFraction",
    "resetTime"}}}, "tabModelIds": [...]}. Raises PayloadError.
    """
    answer = wire.mapping(body, "body")
    hidden = [id_ for id_ in wire.as_rows(answer.get("tabModelIds")) if isinstance(id_, str)]
    rows = wire.mapping(answer.get("models"), "models")
    visible = (row for id_, row in rows.items() if id_ not in hidden and not _HIDDEN.fullmatch(id_))
    return _pools(visible)


def configs(body: Any) -> dict[str, Left]:
    """The same by the local server: `clientModelConfigs`, wherever in its answer they stand."""
    answer = wire.as_mapping(body)
    status = wire.as_mapping(answer.get("userStatus"))
    for layer in (answer, wire.as_mapping(status.get("cascadeModelConfigData"))):
        rows = wire.as_rows(layer.get("clientModelConfigs"))
        if rows:
            return _pools(rows)
    return {}


def buckets(body: Any) -> dict[str, Left]:
    """What is left of the Gemini pool by `retrieveUserQuota`: {"buckets": [{"remainingFraction"}]}."""
    rows = map(wire.as_mapping, wire.as_rows(wire.as_mapping(body).get("buckets")))
    found = [
        (left, wire.as_instant(row.get("resetTime"))) for row in rows if (left := _fraction(row)) is not None
    ]
    return {"gemini": min(found, key=lambda left: left[0])} if found else {}


def pools(left: Mapping[str, Left], *, paid: bool) -> tuple[Quota, ...]:
    """One quota a pool. A paid plan is known to count 5 hours; of others the window is not known."""
    return tuple(
        _left(pool, f"{label} models", pool, left[pool], _SECONDS["5h"] if paid else None)
        for pool, label in _POOLS.items()
        if pool in left
    )


def _pools(rows: Any) -> dict[str, Left]:
    found: dict[str, Left] = {}
    for row in map(wire.as_mapping, rows):
        info = wire.as_mapping(row.get("quotaInfo"))
        name = wire.as_text(row.get("displayName")) or wire.as_text(row.get("label"))
        fraction = _fraction(info)
        if row.get("isInternal") is True or name is None or fraction is None:
            continue
        pool = "gemini" if "gemini" in name.lower() else "claude_gpt"
        if pool not in found or fraction < found[pool][0]:
            found[pool] = fraction, wire.as_instant(info.get("resetTime"))
    return found
