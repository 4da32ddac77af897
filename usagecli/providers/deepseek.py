"""DeepSeek: the prepaid balance in each currency; with a web session also what the month cost.

Sources: https://api-docs.deepseek.com/api/get-user-balance, read 2026-11; the month's cost is what the
platform's own pages ask, which is not documented and refuses API keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.client import Ask
from usagecli.credentials import Credential, Place, Secret, env_place
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError
from usagecli.machine import Machine
from usagecli.model import Balance, Spend, Usage
from usagecli.registry import Descriptor, Way, register

_KEY, _SESSION = "api_key", "platform_token"
_SESSIONS = ("DEEPSEEK_PLATFORM_TOKEN", "DEEPSEEK_USER_TOKEN")
_PLATFORM = "https://platform.deepseek.com"
# What the platform answers, with status 200, to a session that has ended.
_SIGNED_OUT = (40002, 40003)


def _variable(name: str) -> Place:
    """An API key, with the web session that stands in the environment beside it."""
    own = env_place(name, part=_KEY)

    def look(machine: Machine) -> Credential | None:
        found = own.look(machine)
        session = next((text for name in _SESSIONS if (text := machine.get(name))), None)
        if found is None or session is None:
            return found
        return replace(found, others={_SESSION: _session(session)})

    return replace(own, look=look)


def _session(text: str) -> Secret:
    """The token in `userToken` as the page keeps it, {"value": "..."}, or alone."""
    try:
        kept = json.loads(text)
    except (ValueError, RecursionError):
        kept = None
    if isinstance(kept, dict):
        kept = kept.get("value")
    return Secret(kept.strip() if isinstance(kept, str) and kept.strip() else text)


DESCRIPTOR = Descriptor(
    name="deepseek",
    title="DeepSeek",
    reports="The prepaid balance in each currency; with a web session also what the month cost.",
    base_url="https://api.deepseek.com",
    places=(_variable("DEEPSEEK_API_KEY"), _variable("DEEPSEEK_KEY")),
    access=(
        "Make a key at https://platform.deepseek.com/api_keys.",
        "Put it into the environment as DEEPSEEK_API_KEY, or name its place in the config.",
        f"For the month's cost, which no key can read: sign in at {_PLATFORM}, copy `userToken` from the "
        f"page's local storage (browser developer tools, Application) and set it as {_SESSIONS[0]} beside "
        "the key.",
    ),
    dashboard="https://platform.deepseek.com/usage",
    documented="The vendor documents the balance: https://api-docs.deepseek.com/api/get-user-balance. The "
    "month's cost is what its own pages ask.",
    ways=(
        Way(about="the balance, with an API key", documented=True),
        Way(about="the month's cost, with a web session", kinds=(_SESSION,)),
    ),
    renew="make a new key at https://platform.deepseek.com/api_keys",
    parts={
        _KEY: "an API key, for the balance",
        _SESSION: "the platform's `userToken`, for the month's cost; beside the key",
    },
)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, alone or with the web session. Raises NotConfigured for a session alone."""
    key = parts.get("") or parts.get(_KEY)
    if key is None:
        raise NotConfigured(
            "DeepSeek's balance needs an API key beside the web session",
            hint=f"add {_KEY} to the credential; {DESCRIPTOR.renew}",
        )
    session = parts.get(_SESSION)
    return Credential(
        secret=Secret(key), origin=origin, others={_SESSION: _session(session)} if session else {}
    )


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account; without a web session, or where it is refused, without the month's cost.

    Raises AuthError, RateLimited, Unavailable, PayloadError.
    """
    client = ask.client(headers={"Authorization": f"Bearer {ask.credential.secret.reveal()}"})
    usage = parse(client.get_json("/user/balance"))
    session = ask.credential.others.get(_SESSION)
    if session is None:
        return usage
    try:
        return replace(usage, spend=_cost(ask, session))
    except ProviderError as error:
        note = f"the month's cost could not be read: {error.message}"
        return replace(usage, notes=(*usage.notes, note if error.hint is None else f"{note}; {error.hint}"))


def _cost(ask: Ask, session: Secret) -> tuple[Spend, ...]:
    now = ask.now()
    client = ask.client(ask.service.base_url or _PLATFORM, {"Authorization": f"Bearer {session.reveal()}"})
    body = client.get_json(
        "/api/v0/usage/cost",
        params={"month": str(now.month), "year": str(now.year)},
        timeout_s=ask.transport.spare(),
        judge=lambda answer: _signed_out() if answer.status in (401, 403) else None,
    )
    return parse_cost(body, now)


def _signed_out() -> AuthError:
    return AuthError(
        "DeepSeek's platform refused the web session",
        hint=f"sign in at {_PLATFORM} again and copy userToken",
    )


# -- the balance -----------------------------------------------------------------------------------


def parse(body: Any) -> Usage:
    """The usage in `{is_available, balance_infos: [{currency, total_balance, ...}]}`. Raises PayloadError.

    One currency beside another that is positive is a leftover, and judged by nobody where it is spent.
    """
    body = wire.mapping(body, "user/balance")
    told = wire.rows(body.get("balance_infos"), "balance_infos")
    wallets: dict[str, tuple[Decimal, str | None]] = {}
    for place, row in enumerate(told):
        where = f"balance_infos[{place}]"
        row = wire.mapping(row, where)
        wallets.setdefault(
            _currency(row, where),
            (wire.number(row, "total_balance", f"{where}.total_balance"), _parts(row)),
        )
    stopped = body.get("is_available") is False
    paid = any(amount > 0 for amount, _ in wallets.values())
    notes = [f"{currency}: {parts}" for currency, (_, parts) in wallets.items() if parts]
    if stopped and paid:
        notes.append("DeepSeek says that the balance cannot be used")
    return Usage(
        balances=tuple(
            Balance(
                id=currency,
                label="Balance",
                unit=currency,
                amount=amount,
                judged=stopped or amount > 0 or not paid,
                reached=stopped,
            )
            for currency, (amount, _) in wallets.items()
        ),
        notes=tuple(notes),
        stopped=stopped,
    )


def _currency(row: Mapping[str, Any], where: str) -> str:
    found = (wire.as_text(row.get("currency")) or "").lower()
    if not re.fullmatch("[a-z]{3}", found):
        raise PayloadError(f"{where}.currency: expected a currency such as USD")
    return found


def _parts(row: Mapping[str, Any]) -> str | None:
    """`3.00 granted, 15.42 topped up`, where both are told and there is anything of either."""
    granted, paid = wire.as_number(row.get("granted_balance")), wire.as_number(row.get("topped_up_balance"))
    if granted is None or paid is None or not (granted or paid):
        return None
    return f"{granted:.2f} granted, {paid:.2f} topped up"


# -- the month's cost ------------------------------------------------------------------------------


def parse_cost(body: Any, now: datetime) -> tuple[Spend, ...]:
    """What the month cost in `{code, data: {biz_code, biz_data: [{currency, total: [...]}]}}`.

    Of several currencies those that cost nothing are left out. Raises AuthError, PayloadError.
    """
    body = wire.mapping(body, "usage/cost")
    data = wire.as_mapping(body.get("data"))
    codes = [wire.as_whole(code) for code in (body.get("code"), data.get("biz_code")) if code is not None]
    if any(code in _SIGNED_OUT for code in codes):
        raise _signed_out()
    if any(codes) or None in codes:
        raise PayloadError("usage/cost: DeepSeek's platform answered with an error")
    totals: dict[str, Decimal] = {}
    for place, row in enumerate(wire.rows(data.get("biz_data"), "usage/cost.biz_data")):
        where = f"usage/cost.biz_data[{place}]"
        row = wire.mapping(row, where)
        totals.setdefault(_currency(row, where), _total(row, where))
    costly = {currency: total for currency, total in totals.items() if total} or totals
    return tuple(
        Spend(
            id="monthly" if place == 0 else f"monthly_{currency}",
            label="This month",
            unit=currency,
            amount=total,
            since=wire.month_start(now),
        )
        for place, (currency, total) in enumerate(costly.items())
    )


def _total(row: Mapping[str, Any], where: str) -> Decimal:
    """The sum of the amounts in `total: [{model, usage: [{type, amount}]}]`."""
    found = Decimal(0)
    for model in wire.rows(row.get("total"), f"{where}.total"):
        for part in wire.rows(wire.as_mapping(model).get("usage"), f"{where}.total.usage"):
            found += wire.number(wire.as_mapping(part), "amount", f"{where}.total.usage.amount")
    return found
