"""Zed: the plan, its period, and its edit predictions.

Source: what Zed's own open-source editor asks (zed-industries/zed, crates cloud_api_client and
cloud_api_types), not documented for others. Read 2026-11. No call tells the spend of its models.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from usagecli import log, wire
from usagecli.client import Ask
from usagecli.credentials import Credential
from usagecli.errors import PayloadError
from usagecli.model import Quota, Usage, plan
from usagecli.providers._refusal import refused
from usagecli.providers._zed import credentials
from usagecli.registry import Descriptor, Way, register

_PLANS = {
    "zed_free": "Free",
    "zed_pro": "Pro",
    "zed_pro_trial": "Pro Trial",
    "zed_business": "Business",
    "zed_vip": "VIP",
    "zed_student": "Student",
}
_OVERDUE = "Zed has overdue invoices for this account"

DESCRIPTOR = Descriptor(
    name="zed",
    title="Zed",
    kind="agent",
    reports="The plan, and the edit predictions of its period.",
    base_url=credentials.API,
    places=credentials.places(),
    access=(
        "Sign in in the Zed editor: usagecli reads the login from the system's keychain and writes nothing.",
        "On a machine without a keychain set ZED_USER_ID and ZED_ACCESS_TOKEN.",
    ),
    dashboard="https://zed.dev/account",
    documented="Not documented by the vendor: the endpoint that its own editor asks.",
    ways=(Way(about="the plan, as its own editor asks for it"),),
    renew=credentials.SIGN_IN,
    parts={
        credentials.USER_ID: "the user's id, a number",
        credentials.TOKEN: "the access token that belongs to it",
    },
    traces=(
        "~/.config/zed",
        "~/.local/share/zed",
        "~/Library/Application Support/Zed",
        "~/AppData/Roaming/Zed",
        "~/AppData/Local/Zed",
    ),
    # Nobody asks it more often than every few minutes.
    min_interval=180,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account in one GET. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    credential = ask.credential
    client = ask.client(
        ask.service.base_url or credential.facts["api"], {"Authorization": _header(credential)}
    )
    usage = parse(
        client.get_json("/client/users/me", judge=refused("Zed refused the login", credentials.SIGN_IN))
    )
    for note in usage.notes:
        log.warn(f"{ask.service.name}: {note}")
    return usage


def _header(credential: Credential) -> str:
    """A blank between the two, and no `Bearer`."""
    return f"{credential.facts['user']} {credential.secret.reveal()}"


def parse(payload: Any) -> Usage:
    """Map a `/client/users/me` body to `Usage`. Raises PayloadError naming the field.

    Shape: {"user": {"github_login", "username", "name"}, "plan": {"plan_v3": "zed_free",
    "subscription_period": {"started_at", "ended_at": "2026-12-03T00:00:00.000Z"}, "usage":
    {"edit_predictions": {"used": 730, "limit": {"limited": 2000}}}, "has_overdue_invoices"}}.
    """
    body = wire.mapping(payload, "body")
    told = wire.mapping(body.get("plan"), "plan")
    usage = wire.mapping(told.get("usage"), "plan.usage")
    predictions = wire.mapping(usage.get("edit_predictions"), "plan.usage.edit_predictions")
    limit = _limit(predictions.get("limit"))
    quota = Quota(
        id="edit_predictions",
        label="Edit predictions",
        unit="requests",
        used=_used(predictions),
        limit=limit,
        unlimited=predictions.get("limit") == "unlimited",
        resets_at=wire.as_instant(wire.as_mapping(told.get("subscription_period")).get("ended_at")),
    )
    name = _plan_name(told.get("plan_v3"))
    return Usage(
        quotas=(quota,),
        account=_account(wire.as_mapping(body.get("user"))),
        plan=plan(name) if name else None,
        notes=(_OVERDUE,) if told.get("has_overdue_invoices") is True else (),
        source="oauth",
    )


def _used(predictions: Mapping[str, Any]) -> Decimal:
    used = wire.number(predictions, "used", "plan.usage.edit_predictions.used")
    if used < 0:
        raise PayloadError("plan.usage.edit_predictions.used: expected a count")
    return used


def _limit(value: Any) -> Decimal | None:
    """A number, `{"limited": number}`, or None for `"unlimited"` and for none at all."""
    if value is None or value == "unlimited":
        return None
    found = wire.as_number(value.get("limited") if isinstance(value, dict) else value)
    if found is None or found < 0:
        raise PayloadError("plan.usage.edit_predictions.limit: expected a number or unlimited")
    return found


def _account(user: Mapping[str, Any]) -> str | None:
    names = (wire.as_text(user.get(key)) for key in ("github_login", "username", "name"))
    return next((name for name in names if name), None)


def _plan_name(value: Any) -> str | None:
    told = wire.as_text(value)
    if told is None or told in _PLANS:
        return _PLANS.get(told or "")
    return told.removeprefix("zed_").replace("_", " ").title().strip() or None
