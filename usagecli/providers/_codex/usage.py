"""The Codex usage answer -> `Usage`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Usage, plan, unique
from usagecli.providers._codex.contract import contract
from usagecli.providers._codex.credits import (
    balances,
    monthly_usage,
    next_expiry,
    paid_use_capped,
    spend_controls,
)
from usagecli.providers._codex.headers import from_headers
from usagecli.providers._codex.windows import (
    additional_quotas,
    core_quotas,
    flagged,
    review_quotas,
    windows,
)

_PLANS = {"prolite": "Pro 5x", "pro": "Pro 20x", "hc": "Enterprise"}
_CAPITALS = frozenset(("k12", "cbp"))


def parse(
    payload: Any,
    *,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    monthly: Any = None,
    resets: Any = None,
    account: Iterable[str | None] = (),
    plan_type: str | None = None,
    notes: Iterable[str] = (),
) -> Usage:
    """Map a usage body to `Usage`. Raises PayloadError naming the field.

    Shape: {"plan_type": "plus", "rate_limit": {"primary_window": {"used_percent": 37,
    "limit_window_seconds": 18000, "reset_at": epoch s}, "secondary_window": ...}, "credits": {...},
    "spend_control": {...}}. The answer's `headers` stand in for what the body lacks; `monthly` and
    `resets` are the bodies of the two other endpoints or None. `account` and `plan_type`: what the
    credential says, where the answer does not.
    """
    sent = wire.mapping(payload, "body")
    block = wire.first(sent, "rate_limit", "rate_limits")
    if block is not None and not isinstance(block, dict):
        raise PayloadError("rate_limit: expected an object or null")
    fallback = from_headers(headers or {})
    body = {**fallback, **{key: value for key, value in sent.items() if value is not None}}
    reached = flagged(block) or body["rate_limit_reached_type"] is not None
    core = windows(block, now, reached=reached) or windows(fallback["rate_limit"], now, reached=reached)
    # Without anything included (a usage-based workspace) the paid part is all there is; beside
    # the plan's own windows a cap on it stops a part only.
    included = block is not None or bool(core)
    capped = paid_use_capped(body)
    names = (body.get("email"), *account, body.get("account_id"))
    return Usage(
        quotas=unique(
            (
                *core_quotas(core),
                *review_quotas(body, now),
                *additional_quotas(body, now),
                *spend_controls(body, now),
                *monthly_usage(monthly),
            )
        ),
        balances=tuple(balances(body)),
        account=next((name for name in map(wire.as_text, names) if name), None),
        plan=plan_name(body["plan_type"]) or plan_name(plan_type),
        notes=(*notes, *_notes(body, next_expiry(resets, now), capped=capped)),
        source="oauth",
        stopped=reached or (capped and not included),
        partly_stopped=capped and included,
        # Headers never carry the whole block, and an answer without one says nothing of it.
        untold=frozenset() if isinstance(sent.get("credits"), dict) else frozenset(("credits",)),
        overage_reached=wire.as_mapping(body["credits"]).get("overage_limit_reached") is True,
        contract=contract(sent, block),
    )


def plan_name(value: Any) -> Mapping[str, Any] | None:
    """`enterprise_cbp_usage_based` -> Enterprise CBP Usage Based."""
    text = wire.as_text(value)
    if text is None:
        return None
    words = (word.upper() if word in _CAPITALS else word.capitalize() for word in text.lower().split("_"))
    return plan(_PLANS.get(text.lower()) or " ".join(word for word in words if word) or text)


def _notes(body: Mapping[str, Any], expiry: datetime | None, *, capped: bool) -> Iterator[str]:
    reason = wire.as_text(wire.as_mapping(body["rate_limit_reached_type"]).get("type"))
    # That a limit is reached the windows show themselves.
    if reason is not None and reason != "rate_limit_reached":
        yield f"stopped: {reason.replace('_', ' ')}"
    if capped:
        yield "paid use has reached its cap"
    if expiry is not None:
        yield f"the next free reset lapses on {expiry:%Y-%m-%d}"
