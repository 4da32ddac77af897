"""What Copilot's own clients are told (`copilot_internal/user`) -> `Usage`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Usage, plan
from usagecli.providers._copilot_billing import EMPTY_TOTALS, organization_spend

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_KNOWN = ("premium_interactions", "chat", "completions")
_SKUS = {"free_limited_copilot": "Free", "free_educational_quota": "Student"}
_PLANS = {
    "individual": "Pro",
    "individual_pro": "Pro+",
    "individual_max": "Max",
    "individual_edu": "Student",
    "business": "Business",
    "enterprise": "Enterprise",
}


def parse(payload: Any, *, organization: Any = None, login: str | None = None) -> Usage:
    """Map a user body to `Usage`. Raises PayloadError naming the field.

    Shape: {"login": ..., "copilot_plan": "individual_pro", "token_based_billing": true,
    "quota_snapshots": {"premium_interactions": {"entitlement": 7000, "quota_remaining": 4466.25,
    "percent_remaining": 63.8, "unlimited": false, "quota_reset_at": epoch s}, ...}}; figures may be
    numeric text. `organization` is an organisation's usage summary for a seat without a limit.
    """
    body = wire.mapping(payload, "body")
    quotas = tuple(_quotas(body)) or tuple(_old_free(body))
    if not quotas and body.get("token_based_billing") is not True:
        raise PayloadError("quota_snapshots: no figure that can be read")
    user = wire.as_text(body.get("login")) or login
    premium = wire.as_mapping(_buckets(body).get("premium_interactions"))
    entitlement = wire.as_number(premium.get("entitlement"))
    limit = float(entitlement) if entitlement is not None and entitlement > 0 else None
    return Usage(
        quotas=quotas,
        spend=tuple(organization_spend(organization)),
        account=user,
        plan=plan(_plan_name(body), monthlyLimit=limit),
        notes=tuple(_notes(body)),
        source="oauth",
        contract={"user": user, "timePeriod": None, "totals": _totals(body), "usageItems": []},
    )


def wants_organization(payload: Any) -> bool:
    """Whether this is a seat that an organisation pays for and that has no limit of its own."""
    body = wire.as_mapping(payload)
    if body.get("token_based_billing") is not True:
        return False
    return not any(quota.limit is not None for quota in _quotas(body))


def _buckets(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return wire.as_mapping(body.get("quota_snapshots"))


def _plan_name(body: Mapping[str, Any]) -> str | None:
    sku, told = wire.as_text(body.get("access_type_sku")), wire.as_text(body.get("copilot_plan"))
    if sku in _SKUS:
        return _SKUS[sku]
    if told is None:
        return None
    return _PLANS.get(told, told.replace("_", " ").title())


def _account_reset(body: Mapping[str, Any]) -> datetime | None:
    for key in ("quota_reset_date_utc", "quota_reset_date", "limited_user_reset_date"):
        if body.get(key):
            return wire.as_instant(body[key])
    return None


def _quotas(body: Mapping[str, Any]) -> Iterator[Quota]:
    found: set[str] = set()
    for name, bucket in _buckets(body).items():
        id_ = wire.slug(name)
        if not isinstance(bucket, dict) or not id_ or id_ in found:
            continue
        if name in _KNOWN or bucket.get("quota_id"):
            quota = _quota(id_, name, bucket, body)
            if quota is not None:
                found.add(id_)
                yield quota


def _quota(id_: str, name: str, bucket: Mapping[str, Any], body: Mapping[str, Any]) -> Quota | None:
    unit = _unit(name, bucket, body)
    label = _label(name, unit)
    resets_at = wire.as_instant(bucket.get("quota_reset_at")) or _account_reset(body)
    entitlement = wire.as_number(bucket.get("entitlement"))
    spent = wire.as_number(bucket.get("credits_used"))
    no_limit = entitlement == 0 and spent is not None and spent > 0
    if bucket.get("unlimited") is True or entitlement == -1 or no_limit:
        return Quota(
            id=id_,
            label=label,
            unit="credits" if spent is not None else unit,
            unlimited=True,
            used=spent,
            resets_at=resets_at,
        )
    if entitlement == 0:
        # A placeholder, whatever percentage stands beside it.
        return None
    exact = wire.as_number(bucket.get("quota_remaining"))
    left = exact if exact is not None else wire.as_number(bucket.get("remaining"))
    rounded = wire.as_number(bucket.get("percent_remaining"))
    percent = None if rounded is None else max(_ZERO, _HUNDRED - rounded)
    if entitlement is None or entitlement < 0:
        if percent is None:
            return None
        return Quota(id=id_, label=label, unit="percent", used=percent, limit=_HUNDRED, resets_at=resets_at)
    if left is None and percent is None:
        return None
    used = None if left is None else max(_ZERO, entitlement - left)
    return Quota(
        id=id_,
        label=label,
        unit=unit,
        used=used,
        limit=entitlement,
        remaining=None if left is None else max(_ZERO, left),
        # `percent_remaining` is rounded, but knows fractions that a whole `remaining` does not.
        percent_used=percent if exact is None else None,
        resets_at=resets_at,
    )


def _unit(name: str, bucket: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    if name != "premium_interactions":
        return "messages" if name == "chat" else "requests"
    own = bucket.get("token_based_billing")
    by_tokens = own if isinstance(own, bool) else body.get("token_based_billing") is True
    return "credits" if by_tokens else "requests"


def _label(name: str, unit: str) -> str:
    if name == "premium_interactions":
        return "AI credits" if unit == "credits" else "Premium requests"
    text = wire.as_text(name.replace("_", " ")) or name
    return text[:1].upper() + text[1:]


def _old_free(body: Mapping[str, Any]) -> Iterator[Quota]:
    """The older shape of the Free plan: `limited_user_quotas` is what is left, not what is used."""
    totals, left = (
        wire.as_mapping(body.get("monthly_quotas")),
        wire.as_mapping(body.get("limited_user_quotas")),
    )
    for name, unit in (("chat", "messages"), ("completions", "requests")):
        limit, remaining = wire.as_number(totals.get(name)), wire.as_number(left.get(name))
        if limit is None or limit <= 0 or remaining is None:
            continue
        yield Quota(
            id=name,
            label=_label(name, unit),
            unit=unit,
            used=max(_ZERO, limit - remaining),
            limit=limit,
            remaining=max(_ZERO, remaining),
            resets_at=_account_reset(body),
        )


def _notes(body: Mapping[str, Any]) -> Iterator[str]:
    for name, bucket in _buckets(body).items():
        over = wire.as_number(wire.as_mapping(bucket).get("overage_count"))
        if name in _KNOWN and over is not None and over > 0:
            unit = _unit(name, bucket, body)
            yield f"{float(over):g} {unit} were used beyond the allowance"


def _totals(body: Mapping[str, Any]) -> dict[str, Any]:
    bucket = wire.as_mapping(_buckets(body).get("premium_interactions"))
    entitlement = wire.as_number(bucket.get("entitlement"))
    left = wire.as_number(wire.first(bucket, "quota_remaining", "remaining"))
    if entitlement is None or entitlement <= 0 or bucket.get("unlimited") is True or left is None:
        return dict(EMPTY_TOTALS)
    used = min(entitlement, max(_ZERO, entitlement - left))
    by_tokens = _unit("premium_interactions", bucket, body) == "credits"
    return {
        **EMPTY_TOTALS,
        "includedUsed": float(round(used, 4)),
        "includedRemaining": float(round(max(left, _ZERO), 4)),
        "includedPercentUsed": float(round(used / entitlement * _HUNDRED, 1)),
        "unit": "ai_credits" if by_tokens else "premium_requests",
    }
