"""Z.ai and BigModel: the quotas of the GLM Coding Plan, and in mainland China the account's balance.

Sources: what the vendor's own usage plug-in asks (zai-org/zai-coding-plugins, glm-plan-usage), and
answers that users captured up to 2026-11; not documented for others. Failures come with HTTP 200:
`code` and `success` say how an answer is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask, Client, Judge
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.log import mask
from usagecli.model import Usage
from usagecli.providers._zai import credentials
from usagecli.providers._zai.credentials import CHINA, GLOBAL, REGIONS, Region, region_of
from usagecli.providers._zai.usage import parse
from usagecli.registry import Descriptor, Option, Way, register

_QUOTAS = "/api/monitor/usage/quota/limit"
_SUBSCRIPTIONS = "/api/biz/subscription/list"
_ACCOUNT = "/api/biz/account/query-customer-account-report"
# Another host of the same vendor and region.
_CHINA_ACCOUNTS = "https://www.bigmodel.cn"
_BAD_KEY = (1001, 1002, 1003, 1004)
_TEAM = ("organization", "project")
_MAYBE_A_TEAM = "no quota was answered: a team account needs the options organization and project"

DESCRIPTOR = Descriptor(
    name="zai",
    title="Z.ai",
    kind="agent",
    reports="The 5-hour, weekly and tool quotas of a GLM Coding Plan; in mainland China the balance.",
    base_url=GLOBAL.base_url,
    places=credentials.places(),
    access=(
        f"Sign in at {GLOBAL.key_page} and create a key (mainland China: {CHINA.key_page}).",
        "Put it into the environment as ZAI_API_KEY (mainland China: BIGMODEL_API_KEY), "
        "or name its place in the config.",
        f"For a key of mainland China that stands in the config, also set base_url: {CHINA.base_url}.",
    ),
    dashboard="https://z.ai/manage-apikey/subscription",
    documented="Not documented by the vendor: the endpoints that its own usage plug-in asks.",
    ways=(Way(about="the quotas, as its own plug-in asks for them"),),
    renew=f"make a new key at {GLOBAL.key_page}",
    options=(
        Option(
            name="organization",
            about="A team account of mainland China: the id of its organization. Goes with project.",
        ),
        Option(
            name="project",
            about="A team account of mainland China: the id of its project. Goes with organization.",
        ),
    ),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account: its quotas, and beside them, best effort, its subscription and balance.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    team = _team(ask)
    region, base_url = _where(ask, team=bool(team))
    client = _client(ask, base_url)
    body = client.get_json(
        _QUOTAS, params={"type": "2"} if team else None, headers=team, judge=_judge(region)
    )
    quotas = _contents(body, region)
    notes: list[str] = []
    if region is CHINA and not team and wire.as_mapping(quotas).get("limits") == []:
        notes.append(_MAYBE_A_TEAM)
    subscriptions = _optional(client, _SUBSCRIPTIONS, region, "the subscription", notes)
    account = None
    if region is CHINA:
        accounts = _client(ask, _CHINA_ACCOUNTS if base_url == CHINA.base_url else base_url)
        account = _optional(accounts, _ACCOUNT, region, "the balance", notes)
    return parse(quotas, subscriptions=subscriptions, account=account, notes=tuple(notes))


def _team(ask: Ask) -> Mapping[str, str]:
    """The headers that pick a team account; none for an account of one person."""
    given = {name: str(ask.options[name]) for name in _TEAM if ask.options[name] is not None}
    missing = [name for name in _TEAM if name not in given]
    if given and missing:
        # One alone is answered like an account without any plan.
        raise NotConfigured(
            f"a team account also needs the option {missing[0]}",
            hint=f"set {missing[0]} under the options of the service",
        )
    return {f"Bigmodel-{name.capitalize()}": value for name, value in given.items()}


def _where(ask: Ask, *, team: bool) -> tuple[Region, str]:
    """The account's region and the URL to ask: a region's own, or a gateway in front of it."""
    given = ask.service.base_url
    named = region_of(given) if given else None
    region = named or next(region for region in REGIONS if region.name == ask.credential.kind)
    if given and named is None:
        # Only China has team accounts.
        return (CHINA if team else region), given
    if team and region is not CHINA:
        raise ServiceError(
            f"the options organization and project are for team accounts of {CHINA.host}",
            hint=f"set base_url: {CHINA.base_url}, or remove the options",
        )
    return region, region.base_url


def _client(ask: Ask, base_url: str) -> Client:
    headers = {
        "Authorization": f"Bearer {ask.credential.secret.reveal()}",
        # Messages come in Chinese otherwise.
        "Accept-Language": "en-US,en",
    }
    return ask.client(base_url, headers)


def _optional(client: Client, path: str, region: Region, what: str, notes: list[str]) -> Any:
    """What a call that the report stands without holds: None where it fails, which a note tells."""
    try:
        body = client.get_json(path, timeout_s=client.ask.transport.spare(), judge=_judge(region))
        found = _contents(body, region)
    except ProviderError as error:
        notes.append(f"{what} could not be read: {error.message}")
        return None
    return {} if found is None else found


# -- how an answer is meant -------------------------------------------------------------------------


def _contents(body: Any, region: Region) -> Any:
    """The `data` of a success. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    envelope = wire.mapping(body, "body")
    error = _failure(envelope, region)
    if error is not None:
        raise error
    return envelope.get("data")


def _judge(region: Region) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        try:
            error = _failure(wire.as_mapping(answer.json()), region)
        except PayloadError:
            error = None
        if isinstance(error, AuthError):
            return error
        return _refused(region, f"{answer.status}") if answer.status in (401, 403) else None

    return judge


def _failure(envelope: Mapping[str, Any], region: Region) -> ProviderError | None:
    """The error that the envelope of an answer tells; None for a success."""
    code = wire.as_whole(envelope.get("code"))
    if code in (None, 200) and envelope.get("success") in (None, True):
        return None
    said = envelope.get("msg")
    # A message may repeat what it was sent.
    message = wire.as_text(mask(said)) if isinstance(said, str) else None
    # In ASCII in the Chinese message too.
    unplanned = message is not None and "coding plan" in message.lower()
    if unplanned and code == 500 and envelope.get("data") is None:
        return _without_plan(region)
    if code in (401, 403) or code in _BAD_KEY:
        return _refused(region, f"code {code}")
    if code == 429:
        return RateLimited(f"{region.title} asked us to wait (code 429)")
    told = f": {message}" if message else f" without a reason (code {code})"
    return Unavailable(f"{region.title} refused to answer{told}", hint="try again later")


def _refused(region: Region, why: str) -> AuthError:
    return AuthError(
        f"{region.title} refused the key ({why})",
        hint=f"make a new key at {region.key_page}; {_elsewhere('key', region)}",
    )


def _without_plan(region: Region) -> AuthError:
    return AuthError(
        f"the key is valid, but its {region.title} account has no GLM Coding Plan",
        hint=f"subscribe at {region.plan_page}; {_elsewhere('plan', region)}",
    )


def _elsewhere(what: str, region: Region) -> str:
    other = next(other for other in REGIONS if other is not region)
    return f"for a {what} of {other.title} set base_url: {other.base_url}"
