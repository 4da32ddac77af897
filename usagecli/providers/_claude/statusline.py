"""What Claude Code pipes into the command that draws its status line -> `Usage`.

Source: code.claude.com/docs/en/statusline, read 2026-11. The document names no account and no plan,
and knows the two windows of all models only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota, Usage

# Key, id, label, length: as the live answer's windows are called.
_WINDOWS = (
    ("five_hour", "five_hour", "5-hour limit", 18_000),
    ("seven_day", "weekly", "Weekly limit", 604_800),
)
_HUNDRED = Decimal(100)
# Some versions sent the epoch of the reset as the percentage.
_LARGEST_PERCENT = Decimal(101)
# Of a cap, whose use may be any multiple of it.
_EPOCHS_FROM = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One document. `usage` is None where it has no window; `reply` changes with every answer of the
    API, so that a document which an idle session sends again is seen to be old."""

    model: str | None = None
    session: str | None = None
    reply: str | None = None
    usage: Usage | None = None


def parse(payload: Any, now: datetime) -> Told:
    """Map a document to what it tells; of anything unreadable nothing. Never raises.

    Shape: {"session_id": ..., "model": {"display_name": ...}, "cost": {"total_api_duration_ms": 41200},
    "rate_limits": {"five_hour": {"used_percentage": 41.7, "resets_at": EPOCH}, "seven_day": ...,
    "spend_limit": {"used_usd": 3.2, "limit_usd": 50, "used_percentage": 6.4, "resets_at": EPOCH}}}
    """
    body = wire.as_mapping(payload)
    limits = wire.as_mapping(body.get("rate_limits"))
    quotas = tuple(
        quota for quota in _quotas(limits) if quota.resets_at is not None and quota.resets_at > now
    )
    reply = wire.as_number(wire.as_mapping(body.get("cost")).get("total_api_duration_ms"))
    return Told(
        model=wire.as_text(wire.as_mapping(body.get("model")).get("display_name")),
        session=wire.as_text(body.get("session_id")),
        reply=None if reply is None else str(reply),
        usage=Usage(quotas=quotas, source="local") if quotas else None,
    )


def _quotas(limits: Mapping[str, Any]) -> Iterator[Quota]:
    for key, id_, label, seconds in _WINDOWS:
        window = wire.as_mapping(limits.get(key))
        used = wire.as_count(window.get("used_percentage"))
        if used is None or used > _LARGEST_PERCENT:
            continue
        yield Quota(
            id=id_,
            label=label,
            unit="percent",
            used=min(used, _HUNDRED),
            limit=_HUNDRED,
            window_seconds=seconds,
            resets_at=wire.as_instant(window.get("resets_at")),
        )
    yield from _spend_limit(wire.as_mapping(limits.get("spend_limit")))


def _spend_limit(cap: Mapping[str, Any]) -> Iterator[Quota]:
    """The cap that an organisation's gateway sets; the percentage only where it gives no amounts."""
    used, limit = wire.as_count(cap.get("used_usd")), wire.as_number(cap.get("limit_usd"))
    resets_at = wire.as_instant(cap.get("resets_at"))
    if used is not None and limit is not None and limit > 0:
        yield Quota(
            id="spend_limit", label="Spend limit", unit="usd", used=used, limit=limit, resets_at=resets_at
        )
        return
    percent = wire.as_count(cap.get("used_percentage"))
    if percent is not None and percent < _EPOCHS_FROM:
        yield Quota(
            id="spend_limit",
            label="Spend limit",
            unit="percent",
            used=percent,
            limit=_HUNDRED,
            resets_at=resets_at,
        )
