"""Perplexity: the month's credits of a subscription, bought and promotional ones.

Source: what its own usage page asks with a browser's cookie, as other programs read it; not
documented. Read 2026-11. A "cent" is a credit as the page shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.client import Answer, Ask
from usagecli.credentials import Credential, Place, Secret
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Quota, Usage, plan
from usagecli.providers._web import BROWSER, cookie_header, web_page
from usagecli.registry import Descriptor, Way, register

if TYPE_CHECKING:
    from usagecli.machine import Machine

_TOKEN, _COOKIE = "session_token", "cookie"
_NAME = "__Secure-next-auth.session-token"
# By either name it is a whole Cookie header, not the value alone.
_NAMES = (_NAME, "__Secure-authjs.session-token")
_COPY = "copy the cookie of perplexity.ai again from a browser that is signed in"
# Below as many credits a month it is the smaller of the two plans.
_MAX_FROM = 5000
# In the order in which the usage is taken from them.
_POOLS = {"recurring": "Monthly credits", "purchased": "Bought credits", "promotional": "Promo credits"}


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured cookie's value, or a whole Cookie header; of one text its words tell which."""
    part, text = next(iter(parts.items()))
    if part == _COOKIE or any(name in text for name in _NAMES):
        return Credential(secret=Secret(cookie_header(text)), origin=origin, kind=_COOKIE)
    return Credential(secret=Secret(text), origin=origin, kind=_TOKEN)


def _variable(name: str, part: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        text = machine.get(name)
        return None if text is None else accept({part: text}, name, machine)

    return Place(name=name, look=look, variables={name: part})


DESCRIPTOR = Descriptor(
    name="perplexity",
    title="Perplexity",
    kind="agent",
    reports="The month's credits of a subscription, and the bought and promotional ones that follow them.",
    base_url="https://www.perplexity.ai",
    places=(_variable("PERPLEXITY_SESSION_TOKEN", _TOKEN), _variable("PERPLEXITY_COOKIE", _COOKIE)),
    access=(
        "Sign in at https://www.perplexity.ai in a browser: a key of the API cannot read the usage.",
        f"Copy the value of the cookie {_NAME} and set it as PERPLEXITY_SESSION_TOKEN.",
        "Or copy the whole Cookie header of a request and set it as PERPLEXITY_COOKIE.",
    ),
    dashboard="https://www.perplexity.ai/account/usage",
    documented="Not documented by the vendor: the endpoint of its usage page, with a browser's cookie.",
    ways=(Way(about="its usage page, with a cookie"),),
    renew=_COPY,
    parts={
        _TOKEN: f"the value of the cookie {_NAME}",
        _COOKIE: "a whole Cookie header of perplexity.ai",
    },
)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account in one GET. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    secret = ask.credential.secret.reveal()
    site = DESCRIPTOR.base_url
    client = ask.client(
        headers={
            "Cookie": secret if ask.credential.kind == _COOKIE else f"{_NAME}={secret}",
            "Origin": site,
            "Referer": f"{site}/account/usage",
            "User-Agent": BROWSER,
        }
    )
    params = {"version": "2.18", "source": "default"}
    return parse(client.get_json("/rest/billing/credits", params=params, judge=_judge), now=ask.now())


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status in (403, 503) and (blocked := web_page(answer)) is not None:
        return blocked
    if answer.status in (401, 403):
        return AuthError(f"Perplexity refused the cookie ({answer.status})", hint=_COPY)
    return None


def parse(payload: Any, *, now: datetime) -> Usage:
    """Map a `/rest/billing/credits` body to `Usage`. Raises PayloadError naming the field.

    Shape: {"credit_grants": [{"type": "recurring", "amount_cents": 4000, "expires_at_ts": ...}],
    "total_usage_cents": 2900, "current_period_purchased_cents": 0, "renewal_date_ts": ...}; instants
    are epochs in seconds.
    """
    body = wire.mapping(payload, "body")
    pools = _pools(body, now)
    quotas = tuple(_quotas(pools, wire.number(body, "total_usage_cents"), body.get("renewal_date_ts")))
    monthly = pools["recurring"]
    name = None if monthly <= 0 else "Pro" if monthly < _MAX_FROM else "Max"
    return Usage(
        quotas=quotas,
        plan=plan(name) if name else None,
        notes=() if quotas else ("this account has no credits",),
        source="cookie",
    )


def _pools(body: Mapping[str, Any], now: datetime) -> dict[str, Decimal]:
    """How many credits each pool holds in all."""
    pools = dict.fromkeys(_POOLS, Decimal(0))
    for index, row in enumerate(wire.rows(body.get("credit_grants"), "credit_grants")):
        field = f"credit_grants[{index}]"
        grant = wire.mapping(row, field)
        amount = wire.number(grant, "amount_cents", f"{field}.amount_cents")
        kind = grant.get("type")
        if not isinstance(kind, str) or kind not in pools:
            continue
        expires = wire.as_instant(grant.get("expires_at_ts"))
        if kind == "promotional" and expires is not None and expires <= now:
            continue
        pools[kind] += amount
    key = "current_period_purchased_cents"
    bought = Decimal(0) if body.get(key) is None else wire.number(body, key)
    return {**pools, "purchased": max(pools["purchased"], bought)}


def _quotas(pools: Mapping[str, Decimal], usage: Decimal, renewal: Any) -> Iterator[Quota]:
    if usage < 0:
        raise PayloadError("total_usage_cents: expected a number that is not negative")
    for id_, label in _POOLS.items():
        limit = pools[id_]
        if limit <= 0:
            continue
        used = min(usage, limit)
        usage -= used
        # When promotional credits expire is no reset: they do not come back.
        resets_at = wire.as_instant(renewal) if id_ == "recurring" else None
        yield Quota(id=id_, label=label, unit="credits", used=used, limit=limit, resets_at=resets_at)
