"""Codex's rate windows -> quotas: told apart by their length, marked by the flags of their block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota

_HUNDRED = Decimal(100)
_FIVE_HOURS, _WEEK, _MONTH = 18_000, 604_800, 2_592_000
_KINDS = {_FIVE_HOURS: "five_hour", _WEEK: "weekly", _MONTH: "monthly"}
_LABELS = {"five_hour": "5-hour limit", "weekly": "Weekly limit", "monthly": "Monthly limit"}
# The slots, and what a window in one usually is: said only of those whose length is not told.
_SLOTS = {"primary": _FIVE_HOURS, "secondary": _WEEK}
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REVIEW = ("code_review", "codex_review")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window as sent: percent used, length in seconds (None: not told), reset."""

    slot: str
    used: Decimal
    seconds: int | None
    resets_at: datetime | None
    reached: bool = False

    @property
    def span(self) -> int:
        """Its length, else what is usual in its slot."""
        return self.seconds or _SLOTS[self.slot]

    @property
    def kind(self) -> str:
        return _KINDS.get(self.span, f"window_{self.span}s")

    def quota(self, id_: str, label: str, *, scope: str | None = None) -> Quota:
        """A quota in percent; with a scope it stops only a part of the work."""
        return Quota(
            id=id_,
            label=label,
            unit="percent",
            scope=scope,
            used=self.used,
            limit=_HUNDRED,
            window_seconds=self.seconds,
            resets_at=self.resets_at,
            partial=scope is not None,
            reached=self.reached,
        )


def flagged(block: Any) -> bool:
    """Whether a block says outright that its limit is reached."""
    flags = wire.as_mapping(block)
    return flags.get("limit_reached") is True or flags.get("allowed") is False


def windows(block: Any, now: datetime, *, reached: bool = False) -> list[Window]:
    """The readable windows of a rate-limit block, primary first.

    The flags of a block (or `reached`, said elsewhere) are for the pair: they mark the windows at
    100 or, where none is, the fullest.
    """
    body = wire.as_mapping(block)
    told = ((slot, wire.first(body, f"{slot}_window", slot)) for slot in _SLOTS)
    found = [window for slot, sent in told if (window := _window(slot, sent, now))]
    if not found or not (reached or flagged(block)):
        return found
    mark = min(_HUNDRED, max(window.used for window in found))
    first = next(window for window in found if window.used >= mark)
    full = [window for window in found if window.used >= _HUNDRED] or [first]
    return [replace(window, reached=True) if window in full else window for window in found]


def _window(slot: str, sent: Any, now: datetime) -> Window | None:
    body = wire.as_mapping(sent)
    used = wire.as_number(body.get("used_percent"))
    if used is None or used < 0:
        return None
    seconds = wire.as_whole(body.get("limit_window_seconds"))
    return Window(
        slot=slot,
        used=used,
        seconds=seconds if seconds and seconds > 0 else None,
        resets_at=reset_of(body, now),
    )


def reset_of(body: Mapping[str, Any], now: datetime) -> datetime | None:
    """When a window or a spend limit starts anew: an instant, else so many seconds from now."""
    at = wire.as_instant(wire.first(body, "reset_at", "resets_at", "reset_timestamp"))
    return at or wire.later(now, body.get("reset_after_seconds"))


def core_quotas(found: Iterable[Window]) -> Iterator[Quota]:
    """The plan's own windows."""
    seen: set[str] = set()
    for window in found:
        id_ = f"{window.kind}_{window.slot}" if window.kind in seen else window.kind
        seen.add(window.kind)
        yield window.quota(id_, _LABELS.get(window.kind) or _length_label(window.span))


def _length_label(seconds: int) -> str:
    size, word = next((size, word) for size, word in _UNITS if seconds % size == 0)
    return f"{seconds // size}-{word} limit"


def review_quotas(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    """Code review: from its own block, else from an additional limit of that name."""
    others = (entry.get("rate_limit") for entry in _entries(body) if _is_review(entry))
    blocks = (body.get("code_review_rate_limit"), *others)
    found = next((found for block in blocks if (found := windows(block, now))), [])
    names = (("code_review", "Code review"), ("code_review_weekly", "Code review (weekly)"))
    for (id_, label), window in zip(names, sorted(found, key=lambda window: window.span), strict=False):
        yield window.quota(id_, label, scope="code_review")


def additional_quotas(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    """The limits of single models and features; ids may repeat."""
    for entry in _entries(body):
        feature, name = wire.as_text(entry.get("metered_feature")), wire.as_text(entry.get("limit_name"))
        slug = wire.slug(feature or "") or wire.slug(name or "")
        label = name or feature
        if _is_review(entry) or not slug or label is None:
            continue
        for window in windows(entry.get("rate_limit"), now):
            yield window.quota(f"{slug}_{window.kind}", label, scope=label)


def _entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = wire.as_rows(body.get("additional_rate_limits"))
    return [row for row in rows if isinstance(row, dict)]


def _is_review(entry: Mapping[str, Any]) -> bool:
    told = (entry.get(key) for key in ("metered_feature", "limit_name", "limit_id", "id"))
    names = [wire.slug(name) for name in told if isinstance(name, str)]
    return any(word in name for name in names for word in _REVIEW)
