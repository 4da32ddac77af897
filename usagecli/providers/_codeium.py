"""The plan server that Windsurf and Devin share: its request, its windows, its balance.

Not documented: what both desktop apps ask (Connect RPC with JSON), read 2026-11. Percentages are
what is LEFT, and a 0 is left out of the JSON: a percentage that is missing while its reset is there
means that nothing is left, and where both are missing there is no such window.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.client import Answer, usual_error
from usagecli.credentials import Credential, Secret, parse_json
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Balance, Quota
from usagecli.providers import _sqlite

if TYPE_CHECKING:
    from usagecli.client import Ask
    from usagecli.machine import Machine

_AUTH_KEY = "windsurfAuthStatus"
_PATH = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
_VERSION = "1.108.2"
_HUNDRED, _ZERO, _MICROS = Decimal(100), Decimal(0), Decimal(1_000_000)
_WINDOWS = {"daily": ("Daily limit", 86_400), "weekly": ("Weekly limit", 604_800)}

# What a window tells: the percentage left and the reset; either may be missing.
Told = tuple[Any, Any]


def app_login(
    path: str, machine: Machine, what: str, renew: str, facts: Mapping[str, Any]
) -> Credential | None:
    """The login in the state of the Devin or Windsurf app. Raises ServiceError for an unusable one."""
    text = _sqlite.values(path, (_AUTH_KEY,), machine, what).get(_AUTH_KEY, "")
    if not text.strip():
        return None
    key = parse_json(text, f"{what}: {_AUTH_KEY}", renew).get("apiKey")
    if not isinstance(key, str) or not key.strip():
        return None
    return Credential(secret=Secret(key.strip()), origin=machine.short(path), kind="login", facts=facts)


def plan_status(ask: Ask, base_url: str, key: Secret, app: str, renew: str) -> Mapping[str, Any]:
    """The `planStatus` of `GetUserStatus`, {} where the answer has none.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    metadata = {
        "apiKey": key.reveal(),
        "ideName": app,
        "ideVersion": _VERSION,
        "extensionName": app,
        "extensionVersion": _VERSION,
        "locale": "en",
    }
    client = ask.client(base_url, {"Connect-Protocol-Version": "1"})
    answer = client.post(_PATH, {"metadata": metadata})
    refused = _refusal(answer, ask.descriptor.title, renew)
    if refused is not None or answer.status != 200:
        raise refused or usual_error(answer, ask.descriptor)
    body = wire.mapping(answer.json(), "body")
    return wire.as_mapping(wire.as_mapping(body.get("userStatus")).get("planStatus"))


def _refusal(answer: Answer, title: str, renew: str) -> ProviderError | None:
    """A refusal by status, or by the code of a Connect error."""
    try:
        code = wire.as_mapping(answer.json()).get("code")
    except PayloadError:
        code = None
    if answer.status not in (401, 403) and code != "unauthenticated":
        return None
    return AuthError(f"{title} refused the login ({answer.status})", hint=renew)


def plan_name(status: Mapping[str, Any]) -> str | None:
    """The name of the plan in a `planStatus`."""
    return wire.as_text(wire.as_mapping(status.get("planInfo")).get("planName"))


def quotas(status: Mapping[str, Any]) -> tuple[Quota, ...]:
    """The windows of a `planStatus`.

    Shape: {"planInfo": {"hideDailyQuota": false}, "dailyQuotaRemainingPercent": 82,
    "weeklyQuotaRemainingPercent": 35, "dailyQuotaResetAtUnix": "1795334400",
    "weeklyQuotaResetAtUnix": "1795766400"}.
    """
    daily, weekly = (
        (status.get(f"{name}QuotaRemainingPercent"), status.get(f"{name}QuotaResetAtUnix"))
        for name in _WINDOWS
    )
    hidden = wire.as_mapping(status.get("planInfo")).get("hideDailyQuota") is True
    return windows(daily, weekly, hidden=hidden)


def windows(daily: Told, weekly: Told, *, hidden: bool = False) -> tuple[Quota, ...]:
    """The quotas of a daily and a weekly window; `hidden`: there is no daily one of its own."""
    if hidden:
        # What then stands under the daily one is the week's.
        weekly = (weekly[0] if weekly[0] is not None else daily[0], weekly[1])
    found = (None if hidden else _window("daily", daily), _window("weekly", weekly))
    return tuple(quota for quota in found if quota is not None)


def _window(name: str, told: Told) -> Quota | None:
    reset = wire.as_instant(told[1])
    left = _ZERO if told[0] is None and reset is not None else wire.as_number(told[0])
    return None if left is None else window(name, _HUNDRED - left, reset)


def window(name: str, used: Decimal, resets_at: datetime | None) -> Quota:
    """The quota of one window by what is used of it, in percent."""
    label, seconds = _WINDOWS[name]
    return Quota(
        id=name,
        label=label,
        unit="percent",
        used=min(_HUNDRED, max(_ZERO, used)),
        limit=_HUNDRED,
        window_seconds=seconds,
        resets_at=resets_at,
    )


def extra_usage(status: Mapping[str, Any]) -> tuple[Balance, ...]:
    """The balance for use beyond the plan in a `planStatus`: `overageBalanceMicros`, "12500000"."""
    micros = wire.as_number(status.get("overageBalanceMicros"))
    return () if micros is None else (dollars(micros / _MICROS),)


def dollars(amount: Decimal) -> Balance:
    """That balance, in US dollars."""
    return Balance(id="extra_usage", label="Extra usage", unit="usd", amount=amount)
