"""Anthropic's API platform: costs and tokens of the month, spend limits, an ordinary key's limits a minute.

Source: https://platform.claude.com/docs (Admin API: usage and cost, spend limits; rate limits; API
versions), read 2026-11. Not the subscriptions: those are the provider claude.
"""

from __future__ import annotations

from collections.abc import Mapping

from usagecli.client import Ask, Client
from usagecli.credentials import KEY_FILE_HINT, Credential, Place, Secret, key_in
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._anthropic import admin, probe
from usagecli.registry import Descriptor, Option, Way, register

_ADMIN_KEY, _ADMIN_API_KEY, _API_KEY = "ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_API_KEY", "ANTHROPIC_API_KEY"
_OVERRIDE = "ANTHROPIC_BASE_URL"
# The version whose answers are read here; the next one renames fields.
_VERSION = "2023-06-01"


def _credential(text: str, origin: str, *, admin_key: bool) -> Credential:
    """A key, of the Admin API where its place or its own beginning says so. Raises NotConfigured."""
    if text.startswith("sk-ant-oat"):
        raise NotConfigured(
            f"{origin} holds the login of a Claude subscription, not a key of the API platform",
            hint="usagecli claude reports it",
        )
    kind = "admin" if admin_key or text.startswith("sk-ant-admin") else "key"
    return Credential(secret=Secret(text), origin=origin, kind=kind)


def _variable(name: str) -> Place:
    part = "api_key" if name == _API_KEY else "admin_key"

    def look(machine: Machine) -> Credential | None:
        text = machine.get(name)
        return None if text is None else _credential(text, name, admin_key=name != _API_KEY)

    return Place(name=name, look=look, variables={name: part})


DESCRIPTOR = Descriptor(
    name="anthropic",
    title="Anthropic API",
    reports="Costs and tokens of the month and spend limits, with an admin key; with an ordinary key "
    "the limits per minute of a model.",
    base_url="https://api.anthropic.com",
    places=tuple(map(_variable, (_ADMIN_KEY, _ADMIN_API_KEY, _API_KEY))),
    access=(
        "Sign in at https://platform.claude.com as an admin of the organization (Settings, Organization sets "
        "one up) and create a key under Settings, Admin keys: it starts with sk-ant-admin.",
        f"Put it into the environment as {_ADMIN_KEY}, or name its place in the config.",
        f"With an ordinary key ({_API_KEY}) only a model's limits per minute can be read, mostly for a few "
        "billed tokens: set the option probe to true to allow that.",
    ),
    dashboard="https://platform.claude.com/usage",
    documented="The vendor documents these endpoints: https://platform.claude.com/docs/en/api; listing "
    "spend limits is an early access preview.",
    ways=(Way(about="costs, tokens and limits, with a key", documented=True),),
    renew=admin.ADMIN_KEYS,
    parts={
        "admin_key": "a key of the Admin API, also one that does not start with sk-ant-admin",
        "api_key": "a key that runs models, used where there is no admin key",
    },
    options=(
        Option(
            name="probe",
            kind="flag",
            about="With an ordinary key: true allows a message of one token where nothing free tells the "
            "limits per minute. It bills a few tokens each time.",
        ),
        Option(
            name="model",
            about="With an ordinary key: the id of the model to read the limits per minute of; the "
            "first one that is offered unless given.",
        ),
    ),
)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, alone or in JSON; of a map of both the admin key."""
    part = "admin_key" if "admin_key" in parts else next(iter(parts))
    key = key_in(parts[part], "the Anthropic credential")
    if key is None:
        raise ServiceError("the Anthropic credential holds no key", hint=KEY_FILE_HINT)
    return _credential(key, origin, admin_key=part == "admin_key")


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one organization, or with an ordinary key one model's limits.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    client = _client(ask)
    if ask.credential.kind == "admin":
        return admin.read(client)
    return probe.read(client, ask.options["model"], paid=ask.options["probe"] is True)


def _client(ask: Ask) -> Client:
    headers = {"x-api-key": ask.credential.secret.reveal(), "anthropic-version": _VERSION}
    return ask.client(_override.base_url(ask, _OVERRIDE), headers)
