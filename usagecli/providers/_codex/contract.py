"""The keys of Codex's own contract: planType, limits, codeReviewLimits, credits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from usagecli import wire

_NO_PAIR = {"primary": None, "secondary": None}
EMPTY: Mapping[str, Any] = {
    "planType": None,
    "limits": _NO_PAIR,
    "codeReviewLimits": _NO_PAIR,
    "credits": {"hasCredits": None, "unlimited": None, "balance": None},
}


def contract(body: Mapping[str, Any], block: Any) -> dict[str, Any]:
    """The keys from the body itself, `block` being its core rate limits: null where nobody sent a
    figure, percentages with 2 decimals, the balance with 4."""
    credits_ = wire.as_mapping(body.get("credits"))
    balance = wire.as_number(credits_.get("balance"))
    return {
        "planType": wire.as_text(body.get("plan_type")) or "",
        "limits": _pair(block),
        "codeReviewLimits": _pair(body.get("code_review_rate_limit")),
        "credits": {
            "hasCredits": credits_.get("has_credits") is True,
            "unlimited": credits_.get("unlimited") is True,
            "balance": None if balance is None else round(float(balance), 4),
        },
    }


def _pair(block: Any) -> dict[str, Any]:
    flags = wire.as_mapping(block)
    return {
        slot: _window(flags, wire.first(flags, f"{slot}_window", slot)) for slot in ("primary", "secondary")
    }


def _window(flags: Mapping[str, Any], window: Any) -> dict[str, Any] | None:
    if not isinstance(window, dict):
        return None
    used = wire.as_number(window.get("used_percent"))
    epoch = wire.as_whole(wire.first(window, "reset_at", "reset_timestamp"))
    at = wire.as_instant(epoch)
    return {
        "allowed": flags.get("allowed") is True,
        "limitReached": flags.get("limit_reached") is True,
        "usedPercent": None if used is None else round(float(used), 2),
        "windowSeconds": wire.as_whole(window.get("limit_window_seconds")),
        "resetAfterSeconds": wire.as_whole(window.get("reset_after_seconds")),
        "resetAtEpoch": epoch,
        "resetAtIso": None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
