"""OpenAI's API platform: costs and tokens of the month, the spend limit, a key's rate limits.

Source: https://platform.openai.com/docs/api-reference (administration: costs, usage, spend limits)
and its guide to rate limits, read 2026-11. Not the subscriptions: those are the provider codex.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask, Client
from usagecli.credentials import KEY_FILE_HINT, Credential, Place, Secret, key_in
from usagecli.errors import AuthError, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._openai.usage import following, parse, parse_credits
from usagecli.registry import Descriptor, Option, Way, register

_ADMIN_KEY, _API_KEY = "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"
_OVERRIDE, _PROJECT_ID = "OPENAI_BASE_URL", "OPENAI_PROJECT_ID"
_ADMIN_PREFIX = "sk-admin-"
_VERSION = "/v1"
_ADMIN_KEYS = "platform.openai.com/settings/organization/admin-keys"
_COSTS, _TOKENS = "/organization/costs", "/organization/usage/completions"
_CREDITS = "/dashboard/billing/credit_grants"
_MAX_PAGES = 100
_PROJECT = re.compile(r"[A-Za-z0-9_-]+")
_SCOPES = re.compile(rb"missing scopes:\s*([a-z0-9_.]{1,60}(?:,\s*[a-z0-9_.]{1,60}){0,5})", re.IGNORECASE)


class _NotFound(PayloadError):
    """A 404: there is nothing of that kind."""


def _unquoted(text: str | None) -> str | None:
    """A value as it is meant: without the quotes that people paste along; None for nothing."""
    text = (text or "").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text or None


def _credential(admin: str | None, key: str | None, origin: str) -> Credential | None:
    """The admin key where there is one; an ordinary key beside it only shows its rate limits."""
    if admin is None and key is not None and key.startswith(_ADMIN_PREFIX):
        admin, key = key, None
    if admin is not None:
        others = {"api_key": Secret(key)} if key else {}
        return Credential(secret=Secret(admin), origin=origin, kind="admin", others=others)
    return Credential(secret=Secret(key), origin=origin) if key else None


def _admin_key(machine: Machine) -> Credential | None:
    admin = _unquoted(machine.get(_ADMIN_KEY))
    return _credential(admin, _unquoted(machine.get(_API_KEY)), _ADMIN_KEY) if admin else None


def _api_key(machine: Machine) -> Credential | None:
    return _credential(None, _unquoted(machine.get(_API_KEY)), _API_KEY)


DESCRIPTOR = Descriptor(
    name="openai",
    title="OpenAI API",
    reports="Costs and tokens of the month and the monthly spend limit, of the organization or of one "
    "project, with an admin key; on request an ordinary key's rate limits.",
    base_url="https://api.openai.com/v1",
    places=(
        Place(name=_ADMIN_KEY, look=_admin_key, variables={_ADMIN_KEY: "admin_key"}),
        Place(name=_API_KEY, look=_api_key, variables={_API_KEY: "api_key"}),
    ),
    access=(
        f"Sign in at https://{_ADMIN_KEYS} as an owner of the organization and create an admin key: it "
        f"starts with {_ADMIN_PREFIX}.",
        f"Put it into the environment as {_ADMIN_KEY}, or name its place in the config.",
        f"For one project instead of the whole organization set {_PROJECT_ID} (proj_...) or the option "
        "project_id.",
        f"An ordinary key ({_API_KEY}) may read costs only where it holds the scope api.usage.read. Its rate "
        "limits come with a billed request: set the option probe to true to allow that.",
    ),
    dashboard="https://platform.openai.com/usage",
    documented="The vendor documents these endpoints: https://platform.openai.com/docs/api-reference; all "
    "but the credit grants, which some older keys may read.",
    ways=(
        Way(about="costs, tokens and limits, with a key", documented=True),
        Way(about="the credit grants of some older keys", kinds=("grants",)),
    ),
    renew=f"make an admin key at {_ADMIN_KEYS} and set it as {_ADMIN_KEY}",
    parts={
        "admin_key": "an admin key of the organization, for costs, tokens and the spend limit",
        "api_key": "a key that runs models: for the option probe, and where there is no admin key",
    },
    options=(
        Option(name="project_id", env=_PROJECT_ID, about="Report this project (proj_...) alone."),
        Option(
            name="probe",
            kind="flag",
            about="true: also read the rate limits of an ordinary key, by one embedding of a few tokens. It "
            "is billed, each time.",
        ),
    ),
    # Costs are counted by the day: asking more often tells nothing new.
    min_interval=300,
)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, alone or in JSON, or a map of both."""
    keys = {}
    for part, text in parts.items():
        key = _unquoted(key_in(text, "the OpenAI credential"))
        if key is None:
            raise ServiceError("the OpenAI credential holds no key", hint=KEY_FILE_HINT)
        keys[part or "api_key"] = key
    found = _credential(keys.get("admin_key"), keys.get("api_key"), origin)
    assert found is not None
    return found


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one organization or project.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    project, base_url = _project(ask), _base_url(ask)
    client = _client(ask, base_url, ask.credential.secret)
    refused = None
    try:
        usage = _costs(client, project)
    except AuthError as error:
        if ask.credential.kind == "admin":
            raise
        refused, usage = error, _without_costs(client, project, error)
    if ask.options["probe"]:
        usage = _with_rate_limits(ask, base_url, project, usage)
    if refused is not None and not usage.balances and not usage.quotas:
        raise refused
    return usage


def _project(ask: Ask) -> str | None:
    project = _unquoted(ask.options["project_id"])
    if project is not None and not _PROJECT.fullmatch(project):
        raise ServiceError(
            "the option project_id is not the id of a project",
            hint=f"set it, or {_PROJECT_ID}, to an id such as proj_abc123",
        )
    return project


def _base_url(ask: Ask) -> str:
    """The service's own, else the environment's, which goes with the keys that stand beside it."""
    override = _unquoted(ask.machine.get(_OVERRIDE))
    if override is None or ask.service.base_url or ask.service.credential is not None:
        return _versioned(ask.base_url)
    return _versioned(_override.checked(override, _OVERRIDE))


def _versioned(url: str) -> str:
    """The vendor's own libraries want the version in the base URL, and people leave it out."""
    return url if url.endswith(_VERSION) else url + _VERSION


def _client(ask: Ask, base_url: str, secret: Secret, **headers: str) -> Client:
    return ask.client(base_url, {"Authorization": f"Bearer {secret.reveal()}", **headers})


# -- costs, and what is read beside them ------------------------------------------------------------


def _costs(client: Client, project: str | None) -> Usage:
    """The costs, and best effort the tokens and the spend limit."""
    now = client.ask.now()
    # This month until the end of today. Without `limit` a page would hold a week.
    params = {
        "start_time": str(int(wire.month_start(now).timestamp())),
        "end_time": str(int(wire.day_start(now, 1).timestamp())),
        "bucket_width": "1d",
        "limit": "31",
        **({"project_ids": project} if project else {}),
    }
    try:
        costs = _pages(client, _COSTS, params)
    except _NotFound:
        if project is None:
            raise
        raise ServiceError(
            f"OpenAI knows no project {project} (404)", hint=f"correct {_PROJECT_ID} or the option project_id"
        ) from None
    notes: list[str] = []
    limit = "/organization" + (f"/projects/{project}" if project else "") + "/spend_limit"
    return parse(
        costs,
        now=now,
        project=project,
        tokens=_optional(
            "the tokens",
            lambda: _pages(client, _TOKENS, params, within_s=client.ask.transport.spare()),
            notes,
        ),
        limit=_optional("the spend limit", lambda: _spend_limit(client, limit), notes),
        notes=tuple(notes),
    )


def _pages(
    client: Client, path: str, params: Mapping[str, str], *, within_s: float | None = None
) -> list[Any]:
    """All pages of a list; `within_s` bounds them together. Raises PayloadError for too many."""
    until = None if within_s is None else time.monotonic() + within_s
    pages: list[Any] = []
    cursors: list[str] = []
    while len(pages) < _MAX_PAGES:
        page = client.get_json(
            path,
            params={**params, "page": cursors[-1]} if cursors else params,
            timeout_s=None if until is None else max(0.001, until - time.monotonic()),
            judge=_judge,
        )
        pages.append(page)
        cursor = following(page, cursors)
        if cursor is None:
            return pages
        cursors.append(cursor)
    raise PayloadError(f"has_more: there are more than {_MAX_PAGES} pages")


def _spend_limit(client: Client, path: str) -> Any:
    """The body of the spend limit; None where none is set."""
    try:
        return client.get_json(path, timeout_s=client.ask.transport.spare(), judge=_judge)
    except _NotFound:
        return None


def _optional(what: str, read: Callable[[], Any], notes: list[str]) -> Any:
    """What the report stands without: None where it fails, which a note tells."""
    try:
        return read()
    except ProviderError as error:
        notes.append(f"{what} could not be read: {error.message}")
        return None


# -- what an ordinary key shows ---------------------------------------------------------------------


def _without_costs(client: Client, project: str | None, error: AuthError) -> Usage:
    """What is left where the costs are refused: the credit grants, which some older keys may read."""
    usage = Usage(account=project)
    # The grants are of the whole account, never of one project.
    if project is None and not client.ask.documented_only:
        with suppress(ProviderError):
            body = client.get_json(_CREDITS, timeout_s=client.ask.transport.spare(), judge=_judge)
            usage = parse_credits(body)
    return replace(usage, notes=(f"the costs could not be read: {error.message}; {error.hint}",))


def _with_rate_limits(ask: Ask, base_url: str, project: str | None, usage: Usage) -> Usage:
    """The usage with the rate limits of the ordinary key, or a note of why there are none."""
    # Imported where it is used: every run that looks for services loads this file.
    from usagecli.providers._openai import probe

    key = ask.credential.others.get("api_key") if ask.credential.kind == "admin" else ask.credential.secret
    if key is None:
        note = f"the rate limits need an ordinary key beside the admin key: {_API_KEY}, or the part api_key"
        return replace(usage, notes=(*usage.notes, note))
    client = _client(ask, base_url, key, **({"OpenAI-Project": project} if project else {}))
    notes: list[str] = []
    found = _optional("the rate limits", lambda: probe.read(client, _judge, ask.transport.spare()), notes)
    if found == ():
        notes.append("the rate limits could not be read: the answer came without them")
    return replace(usage, quotas=usage.quotas + (found or ()), notes=(*usage.notes, *notes))


# -- how a refusal is meant -------------------------------------------------------------------------


def _judge(answer: Answer) -> ProviderError | None:
    status = answer.status
    if answer.is_html and status < 500 and status != 429:
        # Something in between speaks, not the API.
        message = f"{answer.host} answered with a web page ({status})"
        return Unavailable(message, hint="check base_url, or try again later", retry_at=answer.retry_at)
    if status in (401, 403):
        scopes = _SCOPES.search(answer.body)
        if scopes is None:
            return AuthError(f"OpenAI refused the key ({status})", hint=DESCRIPTOR.renew)
        lacking = scopes[1].decode("ascii").rstrip(".")
        return AuthError(f"the OpenAI key lacks the scope {lacking} ({status})", hint=DESCRIPTOR.renew)
    if status == 404:
        return _NotFound(f"{answer.host} answered 404", hint="check base_url")
    return None
