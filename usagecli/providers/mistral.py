"""Mistral: the organization's spend of the month, the plan of Vibe; with a cookie what the console shows.

Sources: https://docs.mistral.ai/admin/admin-api/usage-metrics.md and the client of Vibe
(mistralai/mistral-vibe); the console's own calls as other programs read them. Read 2026-11.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from usagecli.client import Ask, Client, Judge
from usagecli.credentials import Credential, Place, Secret, env_place, read_text
from usagecli.errors import ProviderError
from usagecli.model import Usage
from usagecli.providers import _dotenv
from usagecli.providers._refusal import refused
from usagecli.providers._web import cookie_header, cookies
from usagecli.registry import Descriptor, Option, Way, register

if TYPE_CHECKING:
    from usagecli.machine import Machine

_ADMIN, _KEY, _COOKIE = "admin_key", "api_key", "cookie"
_ADMIN_VARIABLE, _VARIABLE = "MISTRAL_ADMIN_API_KEY", "MISTRAL_API_KEY"
# How the console's session cookie begins.
_SESSION = "ory_session"
_CONSOLE, _BILLING = "https://console.mistral.ai", "https://admin.mistral.ai"
_NEW_KEY = "make a new key at https://console.mistral.ai/api-keys"
_HINTS = {
    _ADMIN: "an Admin key (Enterprise plans; Mistral gives it out) is needed, not an API key",
    _KEY: _NEW_KEY,
    _COOKIE: "copy the cookie of admin.mistral.ai again from a browser that is signed in",
}
_NAMES = {_ADMIN: "the Admin key", _KEY: "the key", _COOKIE: "the cookie"}


# -- keys and cookies -------------------------------------------------------------------------------


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured Admin key (and an API key beside it), an API key, or a Cookie header.

    A single secret is an API key, but where it looks like a cookie or stands in the Admin key's variable.
    """
    if "" in parts:
        text = parts[""]
        part = _COOKIE if _SESSION in text else _ADMIN if origin == f"env {_ADMIN_VARIABLE}" else _KEY
        parts = {part: text}
    kind = next(part for part in (_ADMIN, _COOKIE, _KEY) if part in parts)
    text = cookie_header(parts[kind]) if kind == _COOKIE else parts[kind]
    others = {_KEY: Secret(parts[_KEY])} if kind == _ADMIN and _KEY in parts else {}
    return Credential(secret=Secret(text), origin=origin, kind=kind, others=others)


def _admin_key(machine: Machine) -> Credential | None:
    key = machine.get(_ADMIN_VARIABLE)
    if key is None:
        return None
    ordinary = _ordinary_key(machine)
    return Credential(
        secret=Secret(key),
        origin=_ADMIN_VARIABLE,
        kind=_ADMIN,
        others={_KEY: ordinary.secret} if ordinary else {},
    )


def _ordinary_key(machine: Machine) -> Credential | None:
    """What only names the plan: of no use where it cannot be read."""
    try:
        return next((found for place in _ORDINARY if (found := place.look(machine))), None)
    except ProviderError:
        return None


def _vibe_key(machine: Machine) -> Credential | None:
    folder = machine.get("VIBE_HOME") or os.path.join("~", ".vibe")
    path = os.path.join(machine.expand(folder), ".env")
    key = _dotenv.value(read_text(path, machine, "Vibe's variables") or "", _VARIABLE)
    return Credential(secret=Secret(key), origin=machine.short(path), kind=_KEY) if key else None


_ORDINARY = (
    env_place(_VARIABLE, kind=_KEY, part=_KEY),
    Place(name=f"~/.vibe/.env or $VIBE_HOME/.env ({_VARIABLE})", look=_vibe_key),
)

DESCRIPTOR = Descriptor(
    name="mistral",
    title="Mistral",
    reports="With an Admin key the organization's spend of the month; with an API key the plan of Vibe; "
    "with the console's cookie spend, credits and Vibe's share of the month.",
    base_url="https://api.mistral.ai",
    places=(
        Place(name=_ADMIN_VARIABLE, look=_admin_key, variables={_ADMIN_VARIABLE: _ADMIN}),
        *_ORDINARY,
    ),
    access=(
        "For the spend get an Admin key of the organization (Enterprise plans; ask Mistral) and set it as "
        f"{_ADMIN_VARIABLE}.",
        f"For the plan of Vibe set an API key as {_VARIABLE}, or sign in with `vibe`, whose .env counts too. "
        "Figures are not given to keys.",
        "Or give the service `credential: {cookie: {file: PATH}}` with the Cookie header of admin.mistral.ai "
        "(ory_session_... and csrftoken) from a browser.",
    ),
    dashboard="https://admin.mistral.ai/organization/usage",
    documented="The Admin API is documented: https://docs.mistral.ai/admin/admin-api. The plan of Vibe is "
    "what its own client asks; the console's calls are not documented.",
    ways=(
        Way(about="the month's use, with an Admin key", documented=True, kinds=(_ADMIN,)),
        Way(about="the plan of Vibe with a key, the console with a cookie"),
    ),
    renew=_NEW_KEY,
    parts={
        _ADMIN: "an Admin key of the organization (Enterprise)",
        _KEY: "an API key: names the plan of Vibe, also beside an Admin key",
        _COOKIE: "a Cookie header of admin.mistral.ai",
    },
    options=(Option(name="workspace_id", about="With an Admin key: report this workspace alone."),),
)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    from usagecli.providers._mistral.usage import parse, parse_console, parse_plan

    credential = ask.credential
    if credential.kind == _KEY:
        return parse_plan(_whoami(ask, credential.secret))
    period = {"month": str(ask.now().month), "year": str(ask.now().year)}
    if credential.kind == _ADMIN:
        client = ask.client(headers={"x-api-key": credential.secret.reveal()})
        workspace = ask.options.get("workspace_id")
        params = {**period, "workspace_id": workspace} if workspace else period
        usage = client.get_json("/v1/admin/usage", params=params, judge=_judge(_ADMIN))
        return parse(usage, whoami=_plan(ask))
    notes: list[str] = []
    billing, console = _client(ask, _BILLING), _client(ask, _CONSOLE)
    usage = billing.get_json("/api/billing/v2/usage", params=period, judge=_judge(_COOKIE))
    return parse_console(
        usage,
        credits_=_optional(billing, "/api/billing/credits", None, "the credits", notes),
        vibe=_optional(console, "/api-ui/trpc/billing.vibeUsage", _BATCH, "Vibe's share", notes),
        notes=tuple(notes),
    )


_BATCH = {"batch": "1", "input": json.dumps({"0": {"json": None}}, separators=(",", ":"))}


def _client(ask: Ask, host: str) -> Client:
    """A client of the console's, on one of its two hosts."""
    header = ask.credential.secret.reveal()
    token = cookies(header).get("csrftoken")
    return ask.client(
        ask.service.base_url or host, {"Cookie": header, **({"X-CSRFTOKEN": token} if token else {})}
    )


def _whoami(ask: Ask, key: Secret, timeout_s: float | None = None) -> Any:
    client = ask.client(ask.service.base_url or _CONSOLE, {"Authorization": f"Bearer {key.reveal()}"})
    return client.get_json("/api/vibe/whoami", timeout_s=timeout_s, judge=_judge(_KEY))


def _plan(ask: Ask) -> Any:
    """What names the plan beside an Admin key; the report says nothing of its failure."""
    key = ask.credential.others.get(_KEY)
    try:
        return _whoami(ask, key, ask.transport.spare()) if key else None
    except ProviderError:
        return None


def _optional(
    client: Client, path: str, params: Mapping[str, str] | None, what: str, notes: list[str]
) -> Any:
    try:
        return client.get_json(path, params=params, timeout_s=client.ask.transport.spare())
    except ProviderError as error:
        notes.append(f"{what} could not be read: {error.message}")
        return None


def _judge(kind: str) -> Judge:
    return refused(f"Mistral refused {_NAMES[kind]}", _HINTS[kind])
