"""The Kimi Open Platform (Moonshot): the prepaid balance of a key.

Source: https://platform.kimi.ai/docs/api/balance, read 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import AuthError, ProviderError, ServiceError, Unavailable
from usagecli.model import Balance, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usagecli.client import Answer, Ask
    from usagecli.credentials import Secret

_PATH = "/v1/users/me/balance"
_ELSEWHERE = (
    "a key is good in its own region only: set the option region to {other}, or make a new key at {page}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One of the vendor's two sites: its answers name no currency."""

    base_url: str
    unit: str
    page: str


REGIONS = {
    "international": Region(
        base_url="https://api.moonshot.ai", unit="usd", page="https://platform.kimi.ai/console/api-keys"
    ),
    "china": Region(
        base_url="https://api.moonshot.cn",
        unit="cny",
        page="https://platform.moonshot.cn/console/api-keys",
    ),
}


def fetch(ask: Ask, key: Secret, *, base_url: str | None = None, timeout_s: float | None = None) -> Usage:
    """Read the balance in one GET. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    name = _region(ask, base_url)
    region = REGIONS[name]

    def judge(answer: Answer) -> ProviderError | None:
        if answer.status not in (401, 403):
            return None
        other = next(other for other in REGIONS if other != name)
        hint = _ELSEWHERE.format(other=other, page=region.page)
        return AuthError(f"the Kimi Open Platform refused the key ({answer.status})", hint=hint)

    url = (base_url or region.base_url).removesuffix("/v1")
    client = ask.client(url, {"Authorization": f"Bearer {key.reveal()}"})
    return parse(client.get_json(_PATH, timeout_s=timeout_s, judge=judge), unit=region.unit)


def _region(ask: Ask, base_url: str | None) -> str:
    named = ask.options["region"]
    if named is None:
        return "china" if base_url and base_url.startswith(REGIONS["china"].base_url) else "international"
    if named not in REGIONS:
        raise ServiceError(
            f"the option region is none of {' and '.join(REGIONS)}", hint="correct it, or MOONSHOT_REGION"
        )
    return str(named)


def parse(payload: Any, *, unit: str) -> Usage:
    """Map a `/v1/users/me/balance` body to `Usage`. Raises Unavailable, PayloadError.

    Shape: {"code": 0, "data": {"available_balance": 31.207, "voucher_balance": 5.0, "cash_balance"},
    "scode": "0x0", "status": true}. At 0 or below the platform answers nobody.
    """
    body = wire.mapping(payload, "body")
    code = body.get("code")
    if code not in (0, "0", None) or body.get("status") is False:
        raise Unavailable(
            f"the Kimi Open Platform tells no balance (code {wire.as_whole(code)})", hint="try again later"
        )
    data = wire.mapping(body.get("data"), "data")
    amount = wire.number(data, "available_balance", "data.available_balance")
    parts = _parts(data)
    return Usage(
        balances=(Balance(id="moonshot", label="Platform balance", unit=unit, amount=amount),),
        notes=(f"Platform balance: {parts}",) if parts else (),
    )


def _parts(data: Mapping[str, Any]) -> str | None:
    """`5.00 voucher, 26.21 cash`, where both are told and there is anything of either; cash below 0 is a
    debt."""
    voucher, cash = (wire.as_number(data.get(f"{name}_balance")) for name in ("voucher", "cash"))
    if voucher is None or cash is None or not (voucher or cash):
        return None
    owed = f"{-cash:.2f} cash owed" if cash < 0 else f"{cash:.2f} cash"
    return f"{voucher:.2f} voucher, {owed}"
