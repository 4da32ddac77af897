"""Keys of a MiniMax plan, the files of its command line `mmx`, and which of the two sites to ask.

The files belong to `mmx`: read, never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.credentials import (
    KEY_FILE_HINT,
    Credential,
    Place,
    Secret,
    env_place,
    key_in,
    parse_json,
    read_text,
)
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.providers import _override
from usagecli.urls import within

if TYPE_CHECKING:
    from usagecli.client import Ask
    from usagecli.machine import Machine

REGION, BASE_URL = "MINIMAX_REGION", "MINIMAX_BASE_URL"
KEY, LOGIN = "key", "oauth"
_PLAN_KEY, _ANY_KEY = "MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY"
_CONFIG, _LOGIN_FILE = "~/.mmx/config.json", "~/.mmx/credentials.json"
# Of pay-as-you-go accounts, which have no plan.
_STANDARD = "sk-api-"
_SIGN_IN = "sign in again with mmx, or set MINIMAX_CODING_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One of the vendor's two sites; a key is good at its own only."""

    name: str
    domain: str

    @property
    def base_url(self) -> str:
        return f"https://api.{self.domain}"

    @property
    def key_page(self) -> str:
        return f"https://platform.{self.domain}/user-center/payment/coding-plan"

    @property
    def refusal(self) -> str:
        """What to do about a refused key."""
        other = next(other for other in REGIONS.values() if other is not self)
        return (
            f"it must be a Token Plan's key (sk-cp-...): copy it again from {self.key_page}; "
            f"for an account at {other.domain} set the option region: {other.name}"
        )


GLOBAL = Region(name="global", domain="minimax.io")
CHINA = Region(name="cn", domain="minimaxi.com")
REGIONS = {region.name: region for region in (GLOBAL, CHINA)}
RENEW = f"copy the plan's key (sk-cp-...) again from {GLOBAL.key_page}"


def places() -> tuple[Place, ...]:
    """The plan's key before the other one, so that a pay-as-you-go key does not hide it."""
    return (
        env_place(_PLAN_KEY),
        Place(name=_ANY_KEY, look=_any_key, variables={_ANY_KEY: ""}),
        Place(name=f"{_CONFIG} (the key of mmx)", look=_config_key),
        Place(name=f"{_LOGIN_FILE} (the login of mmx)", look=_login),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, or the JSON of one of mmx's files."""
    text = next(iter(parts.values()))
    if text.startswith("{"):
        token = wire.first_text(parse_json(text, origin, _SIGN_IN), "access_token")
        if token:
            return Credential(secret=Secret(token), origin=origin, kind=LOGIN)
    key = key_in(text, origin)
    if key is None:
        raise ServiceError(f"{origin} holds no key of MiniMax", hint=KEY_FILE_HINT)
    return Credential(secret=Secret(key), origin=origin)


def _any_key(machine: Machine) -> Credential | None:
    key = machine.get(_ANY_KEY)
    if key is not None and key.startswith(_STANDARD):
        raise NotConfigured(
            f"{_ANY_KEY} holds a pay-as-you-go key ({_STANDARD}...), of which MiniMax tells no usage",
            hint=f"set {_PLAN_KEY} to a Token Plan's key (sk-cp-...)",
        )
    return Credential(secret=Secret(key), origin=_ANY_KEY) if key else None


def _config_key(machine: Machine) -> Credential | None:
    key = wire.first_text(_file(_CONFIG, machine), "api_key")
    return Credential(secret=Secret(key), origin=_CONFIG) if key else None


def _login(machine: Machine) -> Credential | None:
    # It is tried whatever its own date says: mmx may have renewed it elsewhere.
    token = wire.first_text(_file(_LOGIN_FILE, machine), "access_token")
    return Credential(secret=Secret(token), origin=_LOGIN_FILE, kind=LOGIN) if token else None


def _file(path: str, machine: Machine) -> Mapping[str, object]:
    text = read_text(path, machine, "mmx's files")
    return parse_json(text, path, _SIGN_IN) if text and text.strip() else {}


# -- which site ---------------------------------------------------------------------------------------


def where(ask: Ask) -> tuple[Region, str]:
    """The account's site and the URL to ask: what the service says, the environment, then mmx's config.

    A URL goes before a region of the same origin. What stands on the machine goes with the keys that
    stand there, not with a credential of the config. Raises ServiceError.
    """
    own, machine = ask.service, ask.machine
    if own.base_url:
        return _region(ask.options.get("region") or _of(own.base_url)), own.base_url
    if own.options.get("region") or own.credential is not None:
        region = _region(ask.options.get("region"))
        return region, region.base_url
    told = _mmx(machine)
    for url, name, origin in (
        (machine.get(BASE_URL), ask.options.get("region"), BASE_URL),
        (wire.first_text(told, "base_url"), wire.first_text(told, "region"), f"base_url of {_CONFIG}"),
    ):
        if url:
            return _region(name or _of(url)), _override.checked(url, origin, "correct or remove it")
        if name:
            region = _region(name)
            return region, region.base_url
    return GLOBAL, GLOBAL.base_url


def _mmx(machine: Machine) -> Mapping[str, object]:
    """mmx's config; empty where it is not there or cannot be read: the key may stand elsewhere."""
    try:
        return _file(_CONFIG, machine)
    except ProviderError:
        return {}


def _region(name: str | None) -> Region:
    region = REGIONS.get((name or GLOBAL.name).lower())
    if region is None:
        raise ServiceError(
            "the region of MiniMax is neither global nor cn", hint=f"correct region or {REGION}"
        )
    return region


def _of(url: str) -> str | None:
    """The region that a URL names by its host; None for a gateway's."""
    return next((name for name, region in REGIONS.items() if within(url, region.domain)), None)
