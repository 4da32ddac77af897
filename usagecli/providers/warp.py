"""Warp: the plan's AI credits, bonus and add-on credits, spending of the workspaces.

Source: the GraphQL operation of Warp's own open-source client (warpdotdev/warp), not documented for
others. Read 2026-11. The API calls credits requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask
from usagecli.credentials import env_place
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited
from usagecli.log import mask
from usagecli.model import Balance, Quota, Spend, Usage, plan
from usagecli.providers._web import web_page
from usagecli.registry import Descriptor, Way, register

_OPERATION = "GetRequestLimitInfo"
_RENEW = "make a new key in Warp: Settings, Platform, API Keys"
# Letters alone: how two weeks are spelt has not been seen.
_WINDOWS = {"WEEKLY": 604_800, "EVERYTWOWEEKS": 1_209_600}
_REFUSALS = ("unauthorized", "forbidden", "auth")
_OS = {"category": "Linux", "name": "Linux", "version": "6.1"}
_GRANTS = "requestCreditsGranted requestCreditsRemaining expiration"
# Not one field more: a server that does not know it refuses the whole query.
_QUERY = f"""query {_OPERATION}($requestContext: RequestContext!) {{
  user(requestContext: $requestContext) {{
    __typename
    ... on UserOutput {{
      user {{
        requestLimitInfo {{
          isUnlimited nextRefreshTime requestLimit requestsUsedSinceLastRefresh requestLimitRefreshDuration
        }}
        bonusGrants {{ {_GRANTS} }}
        workspaces {{
          uid
          bonusGrantsInfo {{
            grants {{ {_GRANTS} }}
            spendingInfo {{ currentMonthSpendCents currentMonthCreditsPurchased currentMonthPeriodEnd }}
          }}
        }}
      }}
    }}
    ... on UserFacingError {{ error {{ message }} }}
  }}
}}"""

DESCRIPTOR = Descriptor(
    name="warp",
    title="Warp",
    kind="agent",
    reports="The plan's AI credits until their refresh, bonus and add-on credits, the month's spending.",
    base_url="https://app.warp.dev",
    places=(env_place("WARP_API_KEY"), env_place("WARP_TOKEN")),
    access=(
        "Make a key in Warp: profile menu, Settings, Platform, API Keys "
        "(https://docs.warp.dev/reference/cli/api-keys).",
        "Put it into the environment as WARP_API_KEY, or name its place in the config.",
    ),
    dashboard="https://app.warp.dev/settings",
    documented="Not documented by the vendor: the operation that its own open-source client asks.",
    ways=(Way(about="what its own client asks, with a key"),),
    renew=_RENEW,
    # Nobody asks it more often than every few minutes.
    min_interval=180,
)


@register(DESCRIPTOR)
def fetch(ask: Ask) -> Usage:
    """Read one account in one POST. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    client = ask.client(
        headers={
            "Authorization": f"Bearer {ask.credential.secret.reveal()}",
            # The edge in front of the API answers 429 to every name but its own client's.
            "User-Agent": "Warp/1.0",
            "x-warp-client-id": "warp-app",
            **{f"x-warp-os-{name}": value for name, value in _OS.items()},
        }
    )
    request = {
        "operationName": _OPERATION,
        "variables": {"requestContext": {"clientContext": {}, "osContext": _OS}},
        "query": _QUERY,
    }
    return parse(client.post_json(f"/graphql/v2?op={_OPERATION}", request, judge=_judge), now=ask.now())


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status == 403 and (blocked := web_page(answer)) is not None:
        return blocked
    if answer.status in (401, 403):
        return AuthError(f"Warp refused the key ({answer.status})", hint=_RENEW)
    if answer.status == 429:
        return RateLimited(
            f"{answer.host} asked us to wait (429)",
            hint="ask less often; Warp also answers so to clients that it does not know",
            retry_at=answer.retry_at,
        )
    return None


# -- an answer -> `Usage` ---------------------------------------------------------------------------


def parse(payload: Any, *, now: datetime) -> Usage:
    """Map the answer to `Usage`. Raises AuthError, and PayloadError naming the field.

    Shape: {"data": {"user": {"__typename": "UserOutput", "user": {"requestLimitInfo": {...},
    "bonusGrants": [...], "workspaces": [...]}}}}, or {"errors": [{"message"}]}.
    """
    user = _user(wire.mapping(payload, "body"))
    quota = _credits(wire.mapping(user.get("requestLimitInfo"), "requestLimitInfo"))
    workspaces = [wire.as_mapping(row) for row in wire.as_rows(user.get("workspaces"))]
    infos = [wire.as_mapping(row.get("bonusGrantsInfo")) for row in workspaces]
    bonus, notes = _bonus([user.get("bonusGrants"), *(info.get("grants") for info in infos)], now)
    return Usage(
        quotas=(quota,),
        balances=bonus,
        spend=tuple(_spend(infos)),
        plan=plan("Unlimited") if quota.unlimited else None,
        notes=notes,
    )


def _user(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if body.get("errors"):
        rows = map(wire.as_mapping, wire.as_rows(body["errors"]))
        raise _refusal("errors", *(row.get("message") for row in rows))
    answer = wire.mapping(wire.mapping(body.get("data"), "data").get("user"), "data.user")
    if answer.get("__typename") != "UserOutput":
        told = wire.as_mapping(answer.get("error")).get("message") or answer.get("message")
        raise _refusal("data.user", told)
    return wire.mapping(answer.get("user"), "data.user.user")


def _refusal(field: str, *messages: Any) -> ProviderError:
    """What the messages of an error mean: one that speaks of the key outweighs the others."""
    said = [text for told in messages if isinstance(told, str) and (text := wire.as_text(mask(told)))]
    for text in said:
        if any(word in text.lower() for word in _REFUSALS):
            return AuthError(f"Warp refused the key: {text}", hint=_RENEW)
    return PayloadError(f"{field}: Warp answered with an error" + (f": {said[0]}" if said else ""))


def _credits(info: Mapping[str, Any]) -> Quota:
    unlimited = info.get("isUnlimited") is True
    # Nothing of an unlimited plan hangs on its use.
    if unlimited and info.get("requestsUsedSinceLastRefresh") is None:
        used = None
    else:
        used = max(Decimal(0), wire.number(info, "requestsUsedSinceLastRefresh"))
    limit = None if info.get("requestLimit") is None else wire.number(info, "requestLimit")
    spelt = "".join(c for c in str(info.get("requestLimitRefreshDuration")).upper() if c.isalpha())
    return Quota(
        id="credits",
        label="Credits",
        unit="credits",
        used=used,
        # 0 says that there is none to be known, not that nothing is allowed.
        limit=limit if limit is not None and limit > 0 else None,
        unlimited=unlimited,
        window_seconds=_WINDOWS.get(spelt),
        resets_at=None if unlimited else wire.as_instant(info.get("nextRefreshTime")),
    )


def _bonus(grants: list[Any], now: datetime) -> tuple[tuple[Balance, ...], tuple[str, ...]]:
    """The credits of all grants that have not expired, where any are left; a note on unreadable ones."""
    total, unknown = Decimal(0), False
    for grant in (wire.as_mapping(row) for rows in grants for row in wire.as_rows(rows)):
        expires = wire.as_instant(grant.get("expiration"))
        if expires is not None and expires <= now:
            continue
        left = wire.as_number(grant.get("requestCreditsRemaining"))
        unknown = unknown or left is None
        total += left or 0
    notes = ("a grant of bonus credits could not be read",) if unknown else ()
    if total <= 0:
        return (), notes
    return (Balance(id="bonus", label="Bonus credits", unit="credits", amount=total),), notes


def _spend(infos: list[Mapping[str, Any]]) -> Iterator[Spend]:
    told = [wire.as_mapping(info.get("spendingInfo")).get("currentMonthSpendCents") for info in infos]
    cents = [amount for value in told if (amount := wire.as_number(value)) is not None]
    if cents:
        yield Spend(id="monthly", label="This month", unit="usd", amount=sum(cents, Decimal(0)) / 100)
