"""Code Assist's answers -> `Usage`. Counts are requests or tokens a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Balance, Quota, Usage, plan
from usagecli.providers._gemini.errors import is_link

_ONE, _HUNDRED, _ZERO = Decimal(1), Decimal(100), Decimal(0)
_DAY_S = 86_400
_MODEL_PREFIX = "models/"
_CREDITS = "GOOGLE_ONE_AI"
# With less the CLI takes the purse for empty.
_LEAST_CREDITS = 50
_TIERS = {"free-tier": "Free", "legacy-tier": "Legacy", "standard-tier": "Standard"}
_FREE = "free-tier"
# What a service perimeter hides: such accounts are of this tier.
STANDARD: Mapping[str, Any] = {"currentTier": {"id": "standard-tier"}}


def parse(
    quota: Any,
    *,
    loaded: Any = None,
    account: str | None = None,
    hosted: bool = False,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the bodies of `retrieveUserQuota` and, where it was answered, of `loadCodeAssist`.

    Shape of the first: {"buckets": [{"modelId", "tokenType": "REQUESTS", "remainingFraction": 0.84,
    "remainingAmount": "1260", "resetTime": "2026-11-22T02:48:06Z"}]}; the second may be of any
    shape. `hosted`: the account is one of a Workspace. Raises PayloadError naming the field.
    """
    body = wire.mapping(quota, "body")
    quotas = tuple(_quotas(body.get("buckets")))
    tiers = wire.as_mapping(loaded)
    balance = credits_of(tiers)
    told = (_no_tier(tiers), None if quotas else "Google reported no quotas of this account", _empty(balance))
    name = _plan_name(tiers, hosted=hosted)
    return Usage(
        quotas=quotas,
        balances=(balance,) if balance else (),
        account=account,
        plan=plan(name) if name else None,
        notes=(*notes, *(note for note in told if note)),
        source="oauth",
    )


def project_of(loaded: Any, own: str | None) -> str | None:
    """The project to ask the quota for: Google's, else the user's own, which the free tier refuses."""
    body = wire.as_mapping(loaded)
    found = body.get("cloudaicompanionProject")
    if isinstance(found, dict):
        found = wire.first(found, "id", "projectId")
    tier = wire.as_mapping(body.get("currentTier")).get("id")
    return wire.as_text(found) or (None if tier == _FREE else own)


def gemini_project(body: Any) -> str | None:
    """The project among those of the account that was made for Gemini, if any."""
    for row in map(wire.as_mapping, wire.as_rows(wire.as_mapping(body).get("projects"))):
        id_ = wire.as_text(row.get("projectId"))
        made = "generative-language" in wire.as_mapping(row.get("labels"))
        if id_ and (made or id_.startswith("gen-lang-client")):
            return id_
    return None


# -- quotas -------------------------------------------------------------------------------------------


def _quotas(buckets: Any) -> Iterator[Quota]:
    """One a model: of several buckets the fullest counts. What lacks a fraction is not known, so left out."""
    found: dict[str, tuple[Decimal, Mapping[str, Any]]] = {}
    for row in map(wire.as_mapping, [] if buckets is None else wire.rows(buckets, "buckets")):
        model = (wire.as_text(row.get("modelId")) or "").removeprefix(_MODEL_PREFIX)
        fraction = wire.as_number(row.get("remainingFraction"))
        if not model or fraction is None:
            continue
        fraction = min(_ONE, max(_ZERO, fraction))
        if model not in found or fraction < found[model][0]:
            found[model] = fraction, row
    for model, (fraction, row) in found.items():
        yield _quota(model, fraction, row)


def _quota(model: str, fraction: Decimal, row: Mapping[str, Any]) -> Quota:
    left = wire.as_whole(row.get("remainingAmount"))
    if left is not None and left > 0 and fraction > 0:
        unit = "tokens" if "TOKEN" in str(row.get("tokenType")).upper() else "requests"
        remaining, limit = Decimal(left), Decimal(round(left / fraction))
    else:
        unit, remaining, limit = "percent", fraction * _HUNDRED, _HUNDRED
    return Quota(
        id=model,
        label=model,
        scope=model,
        unit=unit,
        used=limit - remaining,
        limit=limit,
        remaining=remaining,
        percent_used=(_ONE - fraction) * _HUNDRED,
        # By the documented limits, which are per day; the answer does not say.
        window_seconds=_DAY_S,
        resets_at=wire.as_instant(row.get("resetTime")),
    )


# -- credits and plan ---------------------------------------------------------------------------------


def credits_of(tiers: Mapping[str, Any]) -> Balance | None:
    """The Google One AI credits in a `loadCodeAssist` body; None where it has no entry of them."""
    rows = map(wire.as_mapping, wire.as_rows(wire.as_mapping(tiers.get("paidTier")).get("availableCredits")))
    amounts = [wire.as_whole(row.get("creditAmount")) for row in rows if row.get("creditType") == _CREDITS]
    if not amounts:
        return None
    known = [amount for amount in amounts if amount is not None]
    # A sum without one of its parts would be wrong.
    amount = Decimal(sum(known)) if len(known) == len(amounts) else None
    return Balance(id="google_one_ai", label="Google One AI credits", unit="credits", amount=amount)


def _empty(balance: Balance | None) -> str | None:
    if balance is None or balance.amount is None or balance.amount >= _LEAST_CREDITS:
        return None
    return f"Gemini CLI does not use the credits while there are fewer than {_LEAST_CREDITS}"


def _plan_name(tiers: Mapping[str, Any], *, hosted: bool) -> str | None:
    paid, current = (wire.as_mapping(tiers.get(name)) for name in ("paidTier", "currentTier"))
    named = wire.as_text(paid.get("name")) or wire.as_text(current.get("name"))
    id_ = wire.as_text(current.get("id"))
    if named or id_ is None:
        return named
    return "Workspace" if id_ == _FREE and hosted else _TIERS.get(id_)


def _no_tier(tiers: Mapping[str, Any]) -> str | None:
    """Why Google gives the account no tier, where it says so."""
    if tiers.get("currentTier") is not None:
        return None
    for row in map(wire.as_mapping, wire.as_rows(tiers.get("ineligibleTiers"))):
        why = wire.as_text(row.get("reasonMessage")) or wire.as_text(row.get("reasonCode"))
        link = row.get("validationUrl")
        if why:
            return f"Google gives this account no tier: {why}" + (f" ({link})" if is_link(link) else "")
    return None
