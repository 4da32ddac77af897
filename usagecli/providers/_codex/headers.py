"""The `x-codex-...` headers of an answer, in the shape of its body: they stand in for what it lacks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from usagecli import wire

_FAMILY = re.compile(r"x-(.+)-(?:primary|secondary)-used-percent")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """What the headers tell of `plan_type`, `rate_limit`, `additional_rate_limits`, `credits` and
    `rate_limit_reached_type`; None for what they do not.

    Header names are in lower case. Lengths are in minutes, resets in epoch seconds. Each family
    `x-<limit id>-...` but codex's own is an additional limit.
    """
    families = dict.fromkeys(match[1] for name in headers if (match := _FAMILY.fullmatch(name)))
    additional = [
        {
            "metered_feature": family,
            "limit_name": headers.get(f"x-{family}-limit-name"),
            "rate_limit": _block(headers, family),
        }
        for family in families
        if family != "codex"
    ]
    return {
        "plan_type": headers.get("x-codex-plan-type"),
        "rate_limit": _block(headers, "codex") if "codex" in families else None,
        "additional_rate_limits": additional or None,
        "credits": _credits(headers),
        "rate_limit_reached_type": _reached_type(headers),
    }


def _block(headers: Mapping[str, str], family: str) -> dict[str, Any]:
    return {f"{slot}_window": _window(headers, f"x-{family}-{slot}-") for slot in ("primary", "secondary")}


def _window(headers: Mapping[str, str], prefix: str) -> dict[str, Any] | None:
    used = headers.get(f"{prefix}used-percent")
    minutes = wire.as_number(headers.get(f"{prefix}window-minutes"))
    reset_at = headers.get(f"{prefix}reset-at")
    # An untold window is sent as zeros.
    if not wire.as_number(used) and not minutes and reset_at is None:
        return None
    return {
        "used_percent": used,
        "limit_window_seconds": None if minutes is None else int(minutes * 60),
        "reset_at": reset_at,
        "reset_after_seconds": headers.get(f"{prefix}reset-after-seconds"),
    }


def _credits(headers: Mapping[str, str]) -> dict[str, Any] | None:
    has_credits, unlimited = (
        _FLAGS.get(headers.get(f"x-codex-credits-{name}", "").strip().lower())
        for name in ("has-credits", "unlimited")
    )
    if has_credits is None and unlimited is None:
        return None
    return {
        "has_credits": has_credits,
        "unlimited": unlimited,
        "balance": headers.get("x-codex-credits-balance"),
    }


def _reached_type(headers: Mapping[str, str]) -> dict[str, Any] | None:
    kind = wire.as_text(headers.get("x-codex-rate-limit-reached-type"))
    return None if kind is None else {"type": kind}
