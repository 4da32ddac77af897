"""The quota on Devin's website, asked with a browser session's bearer. Not documented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.client import usual_error
from usagecli.errors import AuthError, NotConfigured, PayloadError, ServiceError
from usagecli.model import Quota, Usage
from usagecli.providers import _codeium

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask

_APP = "https://app.devin.ai"
_COPY = "sign in at app.devin.ai and copy the bearer of its requests again, or better: devin auth login"
_ORGANIZATION = re.compile(r"(?:.*/)?(?:organizations/|org/)?([\w.-]{1,100})/?", re.ASCII)
# The forms in which the website names an organization; which one an account has is not known.
_FORMS = ("{}", "org/{}", "organizations/{}")
_HUNDRED, _ONE = Decimal(100), Decimal(1)


def fetch(ask: Ask, organization: str | None) -> Usage:
    """Read the organization's quota. Raises as the provider's `fetch` does."""
    if organization is None:
        raise NotConfigured(
            "the organization is missing",
            hint="set DEVIN_ORGANIZATION (option organization) to its id or slug",
        )
    match = _ORGANIZATION.fullmatch(organization)
    if match is None:
        raise ServiceError("DEVIN_ORGANIZATION is no id or slug", hint="copy it from app.devin.ai's address")
    answer = _first(ask, match[1])
    if answer.status in (401, 403):
        raise AuthError(f"Devin refused the browser's session ({answer.status})", hint=_COPY)
    if answer.status == 404:
        raise ServiceError("Devin knows no such organization (404)", hint="correct DEVIN_ORGANIZATION")
    if answer.status != 200:
        raise usual_error(answer, ask.descriptor)
    return parse(answer.json())


def _first(ask: Ask, name: str) -> Answer:
    """The answer to the first form of the name that is known there, else to the last."""
    headers = {"Authorization": f"Bearer {ask.credential.secret.reveal()}", "x-cog-org-id": name}
    client = ask.client(ask.service.base_url or _APP, headers)
    for form in _FORMS:
        answer = client.get(f"/api/{form.format(name)}/billing/quota/usage")
        if answer.status != 404:
            break
    return answer


def parse(body: Any) -> Usage:
    """Map the quota to `Usage`. Raises PayloadError where it holds neither window nor balance.

    Shape: {"is_quota_plan": true, "has_quota_allocation": true, "daily_percentage": 0.18,
    "weekly_percentage": 65, "daily_reset_at": "2026-11-22T08:00:00+00:00", "weekly_reset_at",
    "hide_daily_quota", "overage_balance": 12.5 or "overage_balance_cents"}.
    """
    answer = wire.mapping(body, "body")
    balance = _balance(answer)
    quotas = _quotas(answer)
    if not quotas and balance is None:
        raise PayloadError("weekly_percentage: Devin's answer holds no quota")
    return Usage(
        quotas=quotas,
        balances=() if balance is None else (_codeium.dollars(balance),),
        source="cookie",
    )


def _quotas(body: Mapping[str, Any]) -> tuple[Quota, ...]:
    daily, weekly = (_percent(body.get(f"{name}_percentage")) for name in ("daily", "weekly"))
    if body.get("is_quota_plan") is False or body.get("has_quota_allocation") is False:
        # A percentage of nothing.
        return ()
    if body.get("hide_daily_quota") is True:
        weekly, daily = daily if weekly is None else weekly, None
    told = {"daily": daily, "weekly": weekly}
    return tuple(
        _codeium.window(name, used, wire.as_instant(body.get(f"{name}_reset_at")))
        for name, used in told.items()
        if used is not None
    )


def _percent(value: Any) -> Decimal | None:
    """Percent used, of a mixed scale: below 1 a fraction, from 1 on a percentage."""
    found = wire.as_number(value)
    return found * _HUNDRED if found is not None and found < _ONE else found


def _balance(body: Mapping[str, Any]) -> Decimal | None:
    found = wire.as_number(body.get("overage_balance"))
    cents = wire.as_number(body.get("overage_balance_cents"))
    return cents / _HUNDRED if found is None and cents is not None else found
