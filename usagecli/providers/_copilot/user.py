"""What Copilot's own clients are told (`copilot_internal/user`) -> `Usage`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Usage, plan
from usagecli.providers._copilot.billing import CREDITS, REQUESTS, organization_spend
from usagecli.providers._copilot.contract import EMPTY, rounded, totals

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_PREMIUM = "premium_interactions"
_KNOWN = (_PREMIUM, "chat", "completions")
_SKUS = {"free_limited_copilot": "Free", "free_educational_quota": "Student"}
_PLANS = {
    "individual": "Pro",
    "individual_pro": "Pro+",
    "individual_max": "Max",
    "individual_edu": "Student",
    "business": "Business",
    "enterprise": "Enterprise",
}
# The last is no part of the known shape, but was seen where the others were not.
_RESETS = ("quota_reset_date_utc", "quota_reset_date", "limited_user_reset_date", "quota_reset_at")
_BARE_SEAT = "GitHub tells neither a limit nor the use of this seat; an organization pays it"


def parse(payload: Any, *, organization: Any = None, login: str | None = None) -> Usage:
    """Map a user body to `Usage`. Raises PayloadError naming the field.

    Shape: {"login": ..., "copilot_plan": "individual_pro", "token_based_billing": true,
    "quota_snapshots": {"premium_interactions": {"entitlement": 7000, "quota_remaining": 4466.25,
    "percent_remaining": 63.8, "unlimited": false, "quota_reset_at": epoch s}, ...}}; figures may be
    numeric text. `organization` is an organisation's usage summary for a seat without a limit.
    """
    body = wire.mapping(payload, "body")
    quotas = tuple(_quotas(body)) or tuple(_old_free(body))
    if not quotas and not _by_tokens(body):
        hint = "this account has no Copilot plan yet: github.com/settings/copilot"
        raise PayloadError(
            "quota_snapshots: no figure that can be read",
            hint=hint if body.get("can_signup_for_limited") is True else None,
        )
    user, premium = wire.as_text(body.get("login")) or login, _bucket(body, _PREMIUM)
    unit = _unit(_PREMIUM, premium, body)
    return Usage(
        quotas=quotas,
        spend=tuple(organization_spend(organization)),
        account=user,
        plan=plan(_plan_name(body), monthlyLimit=rounded(_limit(premium), 2)),
        notes=tuple(_notes(premium, unit)) if quotas else (_BARE_SEAT,),
        source="oauth",
        overage_reached=_overage_reached(premium),
        contract={**EMPTY, "user": user, "totals": _totals(premium, unit)},
    )


def wants_organization(payload: Any) -> bool:
    """Whether this is a seat that an organisation pays for and that has no limit of its own."""
    body = wire.as_mapping(payload)
    return _by_tokens(body) and not any(quota.limit is not None for quota in _quotas(body))


def _buckets(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return wire.as_mapping(body.get("quota_snapshots"))


def _bucket(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return wire.as_mapping(_buckets(body).get(name))


def _by_tokens(body: Mapping[str, Any]) -> bool:
    """Whether AI credits are counted; the answer says so of the account, of a bucket, or of both."""
    told = (body, *(wire.as_mapping(bucket) for bucket in _buckets(body).values()))
    return any(part.get("token_based_billing") is True for part in told)


def _plan_name(body: Mapping[str, Any]) -> str | None:
    sku, told = wire.as_text(body.get("access_type_sku")), wire.as_text(body.get("copilot_plan"))
    if sku in _SKUS:
        return _SKUS[sku]
    return None if told is None else _PLANS.get(told, told.replace("_", " ").title())


def _resets_at(bucket: Mapping[str, Any], body: Mapping[str, Any]) -> datetime | None:
    told = (bucket.get("quota_reset_at"), *(body.get(key) for key in _RESETS))
    return next((at for at in map(wire.as_instant, told) if at is not None), None)


def _limit(bucket: Mapping[str, Any]) -> Decimal | None:
    """The allowance, where there is one: neither nothing nor no end of it."""
    entitlement = wire.as_number(bucket.get("entitlement"))
    if entitlement is None or entitlement <= 0 or bucket.get("unlimited") is True:
        return None
    return entitlement


def _exact(bucket: Mapping[str, Any]) -> Decimal | None:
    """What is left, with its fraction; negative beyond the allowance."""
    return wire.as_number(bucket.get("quota_remaining"))


def _left(bucket: Mapping[str, Any]) -> Decimal | None:
    exact = _exact(bucket)
    return wire.as_number(bucket.get("remaining")) if exact is None else exact


def _quotas(body: Mapping[str, Any]) -> Iterator[Quota]:
    named = {name: bucket for name, bucket in _buckets(body).items() if wire.as_mapping(bucket)}
    known = [name for name in _KNOWN if name in named]
    unknown = [name for name in named if name not in _KNOWN and wire.as_text(named[name].get("quota_id"))]
    found: set[str] = set()
    for name in (*known, *unknown):
        id_ = wire.as_text(name)
        if id_ is None or id_ in found:
            continue
        quota = _quota(id_, named[name], body)
        if quota is not None:
            found.add(id_)
            yield quota


def _quota(id_: str, bucket: Mapping[str, Any], body: Mapping[str, Any]) -> Quota | None:
    unit, resets_at = _unit(id_, bucket, body), _resets_at(bucket, body)
    entitlement, spent = wire.as_number(bucket.get("entitlement")), wire.as_number(bucket.get("credits_used"))
    no_limit = entitlement == 0 and spent is not None and spent > 0
    if bucket.get("unlimited") is True or entitlement == -1 or no_limit:
        return Quota(
            id=id_,
            label=_label(id_, unit),
            unit=unit if spent is None else "credits",
            unlimited=True,
            used=spent,
            resets_at=resets_at,
        )
    if entitlement == 0:
        # A placeholder, whatever percentage stands beside it.
        return None
    limit, left, rounded_ = _limit(bucket), _left(bucket), wire.as_number(bucket.get("percent_remaining"))
    percent = None if rounded_ is None else max(_ZERO, _HUNDRED - rounded_)
    if limit is None:
        return _percent_alone(id_, percent, resets_at)
    if left is None and percent is None:
        return None
    return Quota(
        id=id_,
        label=_label(id_, unit),
        unit=unit,
        used=None if left is None else max(_ZERO, limit - left),
        limit=limit,
        remaining=None if left is None else max(_ZERO, left),
        # `percent_remaining` is rounded, but knows fractions that a whole `remaining` does not.
        percent_used=percent if _exact(bucket) is None else None,
        resets_at=resets_at,
    )


def _percent_alone(id_: str, percent: Decimal | None, resets_at: datetime | None) -> Quota | None:
    if percent is None:
        return None
    label = _label(id_, "percent")
    return Quota(id=id_, label=label, unit="percent", used=percent, limit=_HUNDRED, resets_at=resets_at)


def _unit(name: str, bucket: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    if name != _PREMIUM:
        return "messages" if name == "chat" else "requests"
    own = bucket.get("token_based_billing")
    by_tokens = own if isinstance(own, bool) else body.get("token_based_billing") is True
    return "credits" if by_tokens else "requests"


def _label(name: str, unit: str) -> str:
    if name == _PREMIUM:
        return {"credits": "AI credits", "percent": "Premium interactions"}.get(unit, "Premium requests")
    text = name.replace("_", " ").strip() or name
    return text[:1].upper() + text[1:]


def _old_free(body: Mapping[str, Any]) -> Iterator[Quota]:
    """The older shape of the Free plan: `limited_user_quotas` is what is left, not what is used."""
    totals_ = wire.as_mapping(body.get("monthly_quotas"))
    left = wire.as_mapping(body.get("limited_user_quotas"))
    for name in ("chat", "completions"):
        limit, remaining = wire.as_number(totals_.get(name)), wire.as_number(left.get(name))
        if limit is None or limit <= 0 or remaining is None:
            continue
        unit = _unit(name, {}, body)
        yield Quota(
            id=name,
            label=_label(name, unit),
            unit=unit,
            used=max(_ZERO, limit - remaining),
            limit=limit,
            remaining=max(_ZERO, remaining),
            resets_at=_resets_at({}, body),
        )


def _notes(premium: Mapping[str, Any], unit: str) -> Iterator[str]:
    """Use beyond the allowance: a count of units, never dollars, so it is no spend."""
    over, allowed = _overage(premium)
    if over > 0:
        yield f"{_plain(over)} {unit} were used beyond the allowance"
    if premium.get("overage_permitted") is True:
        most = f", for up to {_plain(allowed)} {unit}" if allowed > 0 else ""
        yield f"paid use beyond the allowance is switched on{most}"


def _overage(premium: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """Units used beyond the allowance, and how many may be; 0 where it is not told."""
    over, allowed = (wire.as_number(premium.get(f"overage_{name}")) for name in ("count", "entitlement"))
    return over or _ZERO, allowed or _ZERO


def _plain(value: Decimal) -> str:
    """`2500`, `12.5`: no exponent, no zeros at the end."""
    return f"{round(value, 4).normalize():,f}"


def _overage_reached(premium: Mapping[str, Any]) -> bool:
    over, allowed = _overage(premium)
    return 0 < allowed <= over


def _totals(premium: Mapping[str, Any], unit: str) -> dict[str, Any]:
    limit, left = _limit(premium), _left(premium)
    if limit is None or left is None:
        return totals()
    return totals(
        unit=CREDITS if unit == "credits" else REQUESTS,
        used=min(limit, max(_ZERO, limit - left)),
        limit=limit,
        remaining=max(_ZERO, left),
    )
