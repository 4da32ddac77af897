"""OpenRouter: the key's spending cap and use, the prepaid credits, the free models' daily requests.

Source: https://openrouter.ai/docs (API reference: /key, /credits, /activity, /keys; limits;
management keys), read 2026-11. All amounts are US dollars; one credit is one dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask, Client, Judge
from usagecli.credentials import KEY_FILE_HINT, Credential, Place, Secret, env_place, key_in, read_text
from usagecli.errors import AuthError, NotConfigured, ProviderError, RateLimited, ServiceError, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._openrouter.usage import is_management, key_data, names_of, parse
from usagecli.registry import Descriptor, Way, register

_MANAGEMENT = "OPENROUTER_MANAGEMENT_API_KEY"
_OVERRIDE = "OPENROUTER_API_URL"
# `/keys` gives this many a page, and a shorter one last. A key further back keeps its label for a name.
_PAGE = 100
_MAX_PAGES = 5
_LONGEST_WAIT = timedelta(days=7)


def _with_management(credential: Credential | None, machine: Machine) -> Credential | None:
    """A key found in a usual place, with the management key that stands in the environment beside it."""
    text = machine.get(_MANAGEMENT)
    if credential is None or text is None:
        return credential
    others = {"management_api_key": Secret(text)}
    return Credential(secret=credential.secret, origin=credential.origin, others=others)


def _variable(name: str, prefix: str = "") -> Place:
    own = env_place(name, prefix=prefix, part="api_key")
    return replace(own, look=lambda machine: _with_management(own.look(machine), machine))


def _file(path: str) -> Place:
    """A file of another tool: JSON with the key, or only the key."""

    def look(machine: Machine) -> Credential | None:
        text = read_text(path, machine, "OpenRouter key file")
        key = key_in(text, path) if text else None
        found = Credential(secret=Secret(key), origin=path) if key else None
        return _with_management(found, machine)

    return Place(name=path, look=look)


DESCRIPTOR = Descriptor(
    name="openrouter",
    title="OpenRouter",
    reports="The key's spending cap and its reset, prepaid credits, spend by day, week and month.",
    base_url="https://openrouter.ai/api/v1",
    places=(
        _variable("OPENROUTER_API_KEY"),
        _variable("OPENROUTER_KEY"),
        # Claude Code's variable, where somebody points it at OpenRouter.
        _variable("ANTHROPIC_AUTH_TOKEN", prefix="sk-or-"),
        _file("~/.config/openrouter/key.json"),
        _file("~/.config/openusage/openrouter.json"),
        env_place(_MANAGEMENT, kind="management", part="management_api_key"),
    ),
    access=(
        "Sign in at https://openrouter.ai/settings/keys and create a key.",
        "Put it into the environment as OPENROUTER_API_KEY, or name its place in the config.",
        "For the prepaid balance also create a management key at "
        f"https://openrouter.ai/settings/management-keys and set {_MANAGEMENT}.",
    ),
    dashboard="https://openrouter.ai/credits",
    documented="The vendor documents these endpoints: https://openrouter.ai/docs/api-reference",
    ways=(Way(about="limits, credits and activity, with a key", documented=True),),
    renew="make a new key at openrouter.ai/settings/keys",
    parts={
        "api_key": "a key that runs models",
        "management_api_key": "a management key, for balance and activity",
    },
    contract={
        "totalLimit": None,
        "remaining": None,
        "resetPeriod": None,
        "usage": None,
        "usageDaily": None,
        "usageWeekly": None,
        "usageMonthly": None,
        "percentRemaining": None,
        "warningLowBudget": None,
    },
)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, as it stands or in a file of the known shape; or a map of both keys."""
    keys = {}
    for part, text in parts.items():
        key = key_in(text, "the OpenRouter credential")
        if key is None:
            raise ServiceError("the OpenRouter credential holds no key", hint=KEY_FILE_HINT)
        keys[part or "api_key"] = Secret(key)
    management = keys.get("management_api_key")
    if "api_key" in keys:
        others = {"management_api_key": management} if management else {}
        return Credential(secret=keys["api_key"], origin=origin, others=others)
    assert management is not None
    return Credential(secret=management, origin=origin, kind="management")


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account: `/key`, and beside it, best effort, what a management key may see.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    base_url, credential = _base_url(ask), ask.credential
    trusted = _may_manage(ask, base_url)
    told = credential.kind == "management"
    named = _MANAGEMENT if ask.service.credential is None else "the management key"
    if told and not trusted:
        raise NotConfigured(
            f"{named} is only sent to openrouter.ai, and another base URL is set",
            hint="set OPENROUTER_API_KEY for that base URL, or correct the base URL",
        )
    client = _client(ask, base_url, credential.secret)
    key = client.get_json("/key", judge=_judge(management=told))
    data = key_data(key)
    manager = client if is_management(data, told=told) else None
    notes = []
    other = credential.others.get("management_api_key")
    if other is not None and trusted:
        manager = _client(ask, base_url, other)
    elif other is not None:
        notes.append(f"{named} was not used: it is only sent to openrouter.ai")
    credits_ = _credits(client, manager, notes)
    return parse(
        key,
        now=ask.now(),
        credits_=credits_,
        activity=_optional(manager, "/activity", notes) if manager else None,
        keys=_keys(manager, wire.as_text(data.get("label"))) if manager else (),
        told=told,
        managed=manager is not None,
        notes=tuple(notes),
    )


def _base_url(ask: Ask) -> str:
    override = ask.machine.get(_OVERRIDE)
    if ask.service.base_url or override is None:
        return ask.base_url
    return _override.checked(override, _OVERRIDE)


def _may_manage(ask: Ask, base_url: str) -> bool:
    """Whether a management key may go there: to OpenRouter, or where the user pairs the two himself."""
    if f"{base_url}/".lower().startswith("https://openrouter.ai/"):
        return True
    return ask.service.credential is not None and ask.service.base_url is not None


def _client(ask: Ask, base_url: str, secret: Secret) -> Client:
    return ask.client(base_url, {"Authorization": f"Bearer {secret.reveal()}"})


def _judge(*, management: bool = False) -> Judge:
    renew = "make a new key at openrouter.ai/settings/management-keys" if management else DESCRIPTOR.renew

    def judge(answer: Answer) -> ProviderError | None:
        if answer.status == 401:
            message = "OpenRouter refused the key (401): it is wrong, deleted, disabled or expired"
            return AuthError(message, hint=renew)
        if answer.status == 403 and answer.is_html:
            # A gateway in between speaks, not the API.
            return Unavailable(f"{answer.host} answered with a web page (403)", hint="try again later")
        # Not all of its refusals carry a Retry-After, which wins where it is there.
        reset = wire.as_instant(answer.headers.get("x-ratelimit-reset"))
        if answer.status == 429 and answer.retry_at is None and reset is not None and reset > answer.at:
            until = min(reset, answer.at.replace(microsecond=0) + _LONGEST_WAIT)
            return RateLimited(f"{answer.host} asked us to wait (429)", retry_at=until)
        return None

    return judge


def _get(client: Client, path: str, params: Mapping[str, str] | None = None) -> Any:
    """A call without which the report still stands."""
    return client.get_json(path, params=params, timeout_s=client.ask.transport.spare(), judge=_judge())


def _optional(client: Client, path: str, notes: list[str]) -> Any:
    try:
        return _get(client, path)
    except ProviderError as error:
        notes.append(f"{path[1:]} could not be read: {error.message}")
        return None


def _credits(client: Client, manager: Client | None, notes: list[str]) -> Any:
    """The body of `/credits`, which most ordinary keys are refused."""
    if manager is not None:
        return _optional(manager, "/credits", notes)
    try:
        return _get(client, "/credits")
    except AuthError:
        notes.append("the prepaid balance needs a management key")
    except ProviderError as error:
        notes.append(f"credits could not be read: {error.message}")
    return None


def _keys(client: Client, label: str | None) -> tuple[Any, ...]:
    """Pages of `/keys`, up to the one that knows the label. They only name the account: no notes."""
    pages: list[Any] = []
    while label is not None and len(pages) < _MAX_PAGES:
        offset = {"offset": str(_PAGE * len(pages))} if pages else None
        try:
            page = _get(client, "/keys", offset)
        except ProviderError:
            break
        pages.append(page)
        rows = wire.as_rows(wire.as_mapping(page).get("data"))
        if len(rows) < _PAGE or names_of(page, label):
            break
    return tuple(pages)
