"""Kilo Code: prepaid credits of a person or an organization, and a Kilo Pass.

Sources: Kilo's own open-source client and server (Kilo-Org/kilocode, Kilo-Org/cloud), not documented
for others. Read 2026-11.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.client import Ask, Client, usual_error
from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import AuthError, ProviderError, RateLimited, ServiceError
from usagecli.model import Usage
from usagecli.registry import Descriptor, Option, Way, register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from usagecli.machine import Machine
    from usagecli.providers._kilo.usage import State

_CONSOLE = "https://app.kilo.ai"
_FILE = "~/.local/share/kilo/auth.json"
_RENEW = "copy a new token from https://app.kilo.ai/profile, or run `kilo login`"
_PROCEDURES = ("user.getCreditBlocks", "kiloPass.getState", "user.getAutoTopUpPaymentMethod")
_BATCH = {
    "batch": "1",
    "input": json.dumps({str(i): {"json": None} for i in range(len(_PROCEDURES))}, separators=(",", ":")),
}


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, or the JSON of the command line's login."""
    text = next(iter(parts.values()))
    if not text.startswith("{"):
        return Credential(secret=Secret(text), origin=origin)
    found = _from_login(text, origin)
    if found is None:
        raise ServiceError(f"{origin} holds no login of Kilo", hint=_RENEW)
    return found


def _login(machine: Machine) -> Credential | None:
    text = read_text(_FILE, machine, "Kilo's login")
    return _from_login(text, _FILE) if text else None


def _from_login(text: str, origin: str) -> Credential | None:
    token = wire.as_mapping(parse_json(text, origin, _RENEW).get("kilo")).get("access")
    if not isinstance(token, str) or not token.strip():
        return None
    return Credential(secret=Secret(token.strip()), origin=origin, kind="oauth")


DESCRIPTOR = Descriptor(
    name="kilo",
    title="Kilo Code",
    kind="agent",
    reports="Prepaid credits of a person, or of an organization for one of its members; a Kilo Pass.",
    base_url="https://api.kilo.ai",
    places=(
        env_place("KILO_API_KEY"),
        env_place("KILOCODE_API_KEY"),
        Place(name=f"{_FILE} (kilo login)", look=_login),
    ),
    access=(
        "Sign in with Kilo's command line: run `kilo login`. usagecli reads its login and writes nothing.",
        "Or copy the token from https://app.kilo.ai/profile and set it as KILO_API_KEY.",
    ),
    dashboard="https://app.kilo.ai/profile",
    documented="Not documented by the vendor: the endpoints of its own open-source client and server.",
    ways=(Way(about="the balance, as its own client asks for it"),),
    renew=_RENEW,
    options=(Option(name="org_id", env="KILO_ORG_ID", about="Report this organization's balance instead."),),
)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.

    Of a person's account the console knows the total too, which serves where the balance itself
    does not come.
    """
    from usagecli.providers._kilo.usage import State, amount_of, parse

    client = _client(ask, ask.base_url)
    notes: list[str] = []
    amount, failure = None, None
    try:
        amount = amount_of(client.get_json("/api/profile/balance"))
    except (AuthError, RateLimited, ServiceError):
        raise
    except ProviderError as error:
        failure = error
    # Of an organization the console says nothing: it knows the person.
    state = State() if ask.options.get("org_id") else _state(ask, notes)
    if failure is not None:
        if state.total is None:
            raise AuthError("Kilo refused the token", hint=_RENEW) if state.refused else failure
        notes.append(f"the credits are the console's total; the balance failed: {failure.message}")
    return parse(
        amount if amount is not None else state.total,
        state=state,
        account=_account(client, notes),
        notes=tuple(notes),
        source="oauth" if ask.credential.kind == "oauth" else "api",
    )


def _client(ask: Ask, base_url: str) -> Client:
    headers = {"Authorization": f"Bearer {ask.credential.secret.reveal()}"}
    if ask.options.get("org_id") is not None:
        headers["X-KILOCODE-ORGANIZATIONID"] = ask.options["org_id"]
    return ask.client(base_url, headers)


def _state(ask: Ask, notes: list[str]) -> State:
    """What the console says of the person: the total and the pass, without which the balance stands."""
    from usagecli.providers._kilo.usage import State, state_of

    # Another host of the vendor's; a gateway stands in for both.
    console = _client(ask, _CONSOLE if ask.base_url == DESCRIPTOR.base_url else ask.base_url)
    try:
        answer = console.get(
            f"/api/trpc/{','.join(_PROCEDURES)}", params=_BATCH, timeout_s=ask.transport.spare()
        )
        if answer.status == 404:
            # As where one procedure alone is not found.
            return State()
        if answer.status in (401, 403):
            return State(refused=True)
        # 207: some of the procedures failed.
        if answer.status not in (200, 207):
            raise usual_error(answer, DESCRIPTOR)
        state = state_of(answer.json())
    except ProviderError as error:
        state = State(failed=error.message)
    if state.failed is not None:
        notes.append(f"the Kilo Pass could not be read: {state.failed}")
    return state


def _account(client: Client, notes: list[str]) -> str | None:
    try:
        body = client.get_json("/api/profile", timeout_s=client.ask.transport.spare())
    except AuthError:
        return None
    except ProviderError as error:
        notes.append(f"the account could not be read: {error.message}")
        return None
    return wire.as_text(wire.as_mapping(wire.as_mapping(body).get("user")).get("email"))
