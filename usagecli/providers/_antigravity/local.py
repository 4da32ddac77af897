"""Antigravity's own server on this machine, while the app or `agy` runs. Not documented.

The editor's server knows no summary; newer ones of `agy` want a token that no command line tells.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.client import Client
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable
from usagecli.model import Quota, Usage
from usagecli.providers._antigravity import usage
from usagecli.providers._antigravity.processes import Door

if TYPE_CHECKING:
    from usagecli.client import Ask

_SERVICE = "/exa.language_server_pb.LanguageServerService/"
_BODY = {
    "metadata": {
        "ideName": "antigravity",
        "extensionName": "antigravity",
        "ideVersion": "unknown",
        "locale": "en",
    }
}
_EACH_S = 2.0


def read(ask: Ask, doors: list[Door]) -> Usage:
    """What the first server says that knows anything. Raises AuthError, Unavailable, PayloadError."""
    from usagecli.transport import loopback_session

    failed: ProviderError = Unavailable(
        "Antigravity runs, but none of its ports answers", hint="sign in to Antigravity, or restart it"
    )
    until = time.monotonic() + ask.transport.remaining()
    with closing(loopback_session()) as session:
        for door in doors:
            for scheme in ("http", "https"):
                client = Client(
                    ask=ask,
                    base_url=f"{scheme}://127.0.0.1:{door.port}",
                    headers=_headers(door),
                    session=session,
                )
                try:
                    return _of_server(client)
                except Unavailable:
                    # Another protocol, or another purpose.
                    if time.monotonic() > until:
                        raise
                except ProviderError as error:
                    failed = error
    raise failed


def _headers(door: Door) -> dict[str, str]:
    token = {"X-Codeium-Csrf-Token": door.token.reveal()} if door.token else {}
    return {"Connect-Protocol-Version": "1", **token}


def _of_server(client: Client) -> Usage:
    quotas = _summary(client)
    body = _asked(client, "GetUserStatus")
    status = wire.as_mapping(wire.as_mapping(body).get("userStatus"))
    tier = wire.as_mapping(status.get("userTier"))
    if quotas is None:
        left = usage.configs(body) or usage.configs(_asked(client, "GetCommandModelConfigs"))
        if not left:
            raise PayloadError("clientModelConfigs: Antigravity's server tells no quota")
        quotas = usage.pools(left, paid=usage.is_paid({"paidTier": tier}))
    return usage.report(
        quotas,
        name=wire.as_text(tier.get("name")) or _plan_name(status),
        account=wire.as_text(status.get("email")),
        source="local",
    )


def _summary(client: Client) -> tuple[Quota, ...] | None:
    """The pools; None where the server knows no summary. Raises as `read` does."""
    answer = client.post(f"{_SERVICE}RetrieveUserQuotaSummary", _BODY, timeout_s=_EACH_S)
    if answer.status in (401, 403):
        raise AuthError(
            f"Antigravity's server on this machine refused to answer ({answer.status})",
            hint="open the Antigravity app: the server of `agy` may want a token of its own",
        )
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise Unavailable(f"{answer.host} answered {answer.status}")
    try:
        return usage.summary(answer.json())
    except PayloadError:
        return None


def _asked(client: Client, method: str) -> Any:
    """A body that only says more; None where it cannot be had."""
    try:
        answer = client.post(_SERVICE + method, _BODY, timeout_s=_EACH_S)
        return answer.json() if answer.status == 200 else None
    except ProviderError:
        return None


def _plan_name(status: Mapping[str, Any]) -> str | None:
    """The name in the plan's own block: "Pro", for every paid tier."""
    plan = wire.as_mapping(wire.as_mapping(status.get("planStatus")).get("planInfo"))
    return wire.as_text(plan.get("planName"))
