"""Where an Azure login stands: a service principal, a workload's token file, the Azure CLI.

Nothing here starts a program or asks the network, and the CLI's own tokens are not read: `az` is asked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, parse_json, read_text
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine

PARTS = {
    "client_secret": "a service principal's client secret (its value, not its id)",
    "tenant_id": "the service principal's tenant",
    "client_id": "the service principal's client id",
    "access_token": "a ready token for https://management.azure.com/",
    "api_key": "a resource's API key, for the option probe only",
}
API_KEY = "AZURE_OPENAI_API_KEY"
_TENANT, _CLIENT = "AZURE_TENANT_ID", "AZURE_CLIENT_ID"
_SECRET, _TOKEN_FILE = "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"
_HINT = "give client_secret, tenant_id and client_id, or an access_token, or sign in with: az login"


def places() -> tuple[Place, ...]:
    """In the order in which they are tried; all but the last serve any tool of Azure."""
    return (
        Place(
            name=_SECRET,
            look=_principal,
            shared=True,
            variables={_SECRET: "client_secret", _TENANT: "tenant_id", _CLIENT: "client_id"},
        ),
        Place(name=_TOKEN_FILE, look=_workload, shared=True),
        Place(name="the login of the Azure CLI", look=_cli, shared=True),
        Place(name=API_KEY, look=_api_key),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A map of parts; or one text: an access token, or the JSON that `az` prints with one.

    Kinds: `client_secret`, `token`, `api_key`, and `bare` for a text that does not say what it is.
    Facts: what of `tenant_id`, `client_id` and `subscription` stood beside it.
    """
    kinds = {"client_secret": "client_secret", "access_token": "token", "api_key": "api_key", "": "bare"}
    part = next((part for part in kinds if part in parts), None)
    if part is None:
        raise ServiceError("the Azure credential holds no secret", hint=_HINT)
    facts = {name: parts[name] for name in ("tenant_id", "client_id") if name in parts}
    others = {"api_key": Secret(parts["api_key"])} if "api_key" in parts else {}
    if parts[part].startswith("{"):
        return _printed(parts[part], origin)
    return Credential(
        secret=Secret(parts[part]),
        origin=origin,
        kind=kinds[part],
        account_id=facts.get("client_id"),
        facts=facts,
        others=others,
    )


def _printed(text: str, origin: str) -> Credential:
    body = parse_json(text, "the Azure credential", _HINT)
    token = wire.first(body, "accessToken", "access_token")
    if not isinstance(token, str) or not token.strip():
        raise ServiceError("the Azure credential holds no access token", hint=_HINT)
    subscription = wire.as_text(body.get("subscription"))
    return Credential(
        secret=Secret(token.strip()),
        origin=origin,
        kind="token",
        account_id=subscription,
        facts={"subscription": subscription} if subscription else {},
    )


# -- the usual places ---------------------------------------------------------------------------------


def _principal(machine: Machine) -> Credential | None:
    secret = machine.get(_SECRET)
    return _of_application(secret, _SECRET, "client_secret", machine) if secret else None


def _workload(machine: Machine) -> Credential | None:
    path = machine.get(_TOKEN_FILE)
    if path is None:
        return None
    text = (read_text(path, machine, _TOKEN_FILE) or "").strip()
    if not text:
        raise NotConfigured(
            f"{_TOKEN_FILE}: {machine.short(machine.expand(path))} is not there, or is empty",
            hint=f"correct or unset {_TOKEN_FILE}",
        )
    return _of_application(text, _TOKEN_FILE, "federated", machine)


def _of_application(text: str, name: str, kind: str, machine: Machine) -> Credential:
    """Credentials of an application, which are worth nothing without its two ids."""
    facts = {"tenant_id": machine.get(_TENANT), "client_id": machine.get(_CLIENT)}
    for variable, value in zip((_TENANT, _CLIENT), facts.values(), strict=True):
        if value is None:
            raise NotConfigured(f"{name} is set, and {variable} is not", hint=f"set {variable}")
    return Credential(secret=Secret(text), origin=name, kind=kind, account_id=facts["client_id"], facts=facts)


def _cli(machine: Machine) -> Credential | None:
    if az(machine) is None:
        return None
    return Credential(
        secret=Secret(""), origin="the Azure CLI", kind="cli", account_id=_active_subscription(machine)
    )


def az(machine: Machine) -> str | None:
    """The path of the Azure CLI's program."""
    found = shutil.which("az", path=machine.get("PATH") or "")
    # Never one of the working directory, where Windows looks first: anybody may have put it there.
    return found if found and os.path.isabs(found) else None


def _active_subscription(machine: Machine) -> str | None:
    """The subscription that `az` would take, by its own list: another one is another account."""
    folder = machine.get("AZURE_CONFIG_DIR") or "~/.azure"
    path = os.path.join(machine.expand(folder), "azureProfile.json")
    try:
        body = parse_json(read_text(path, machine, "azureProfile.json") or "{}", "azureProfile.json", "")
    except ProviderError:
        return None
    rows = map(wire.as_mapping, wire.as_rows(body.get("subscriptions")))
    return next((wire.as_text(row.get("id")) for row in rows if row.get("isDefault") is True), None)


def _api_key(machine: Machine) -> Credential | None:
    if machine.get(API_KEY) is None:
        return None
    raise NotConfigured(
        f"{API_KEY} only runs models: it reads no quota, use or cost",
        hint="sign in with az login, or give a service principal; for the option probe alone: "
        f"credential: {{api_key: {{env: {API_KEY}}}}}",
    )
