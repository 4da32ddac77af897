"""Gemini CLI's login: Code Assist's tier and credits, then the quota of each model."""

from __future__ import annotations

import re
import time
from typing import Any

from usagecli.client import Ask
from usagecli.errors import ProviderError, ServiceError
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._gemini import errors
from usagecli.providers._gemini.login import Login
from usagecli.providers._gemini.pages import pages
from usagecli.providers._gemini.usage import STANDARD, gemini_project, parse, project_of

_PROJECTS = "https://cloudresourcemanager.googleapis.com"
_ENDPOINT, _VERSION = "CODE_ASSIST_ENDPOINT", "CODE_ASSIST_API_VERSION"

_Endpoint = tuple[str, str]


def fetch(ask: Ask, own: str | None) -> Usage:
    """Read one account; `own` is the user's project. Raises as the provider's `fetch` does."""
    login, endpoint, notes = Login(ask), _endpoint(ask), list[str]()
    loaded = _load(login, endpoint, own, notes)
    errors.check_served(loaded)
    project = project_of(loaded, own) or _found_project(login)
    quota = _call(login, endpoint, "retrieveUserQuota", {"project": project} if project else {})
    return parse(
        quota,
        loaded=loaded,
        account=login.facts.get("email"),
        hosted=bool(login.facts.get("hosted")),
        notes=tuple(notes),
    )


def _load(login: Login, endpoint: _Endpoint, own: str | None, notes: list[str]) -> Any:
    """The body of `loadCodeAssist`: tier, credits and project, without which the quota still stands."""
    metadata = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}
    body: dict[str, Any] = {"metadata": metadata}
    if own is not None:
        body = {"cloudaicompanionProject": own, "metadata": {**metadata, "duetProject": own}}
    try:
        return _call(login, endpoint, "loadCodeAssist", body, timeout_s=login.ask.transport.spare())
    except errors.PolicyViolated:
        return STANDARD
    except ProviderError as error:
        # Without a token, or where Google has ended the service, nothing else is answered either.
        if isinstance(error, errors.Ended) or login.token is None:
            raise
        notes.append(f"plan and credits could not be read: {error.message}")
        return None


def _call(login: Login, endpoint: _Endpoint, method: str, body: Any, timeout_s: float | None = None) -> Any:
    base_url, version = endpoint
    return login.read(
        lambda headers: login.ask.client(base_url, headers).post_json(
            f"/{version}:{method}", body, timeout_s=timeout_s, judge=errors.judge_login
        )
    )


def _endpoint(ask: Ask) -> _Endpoint:
    """Host and version of the API, which the CLI lets the environment change."""
    version = ask.machine.get(_VERSION) or "v1internal"
    if not re.fullmatch(r"\w{1,40}", version, re.ASCII):
        raise ServiceError(f"{_VERSION} is no version such as v1internal", hint="correct or unset it")
    base_url, override = ask.base_url, ask.machine.get(_ENDPOINT)
    if override is not None and ask.service.base_url is None:
        base_url = _override.checked(override, _ENDPOINT)
    return base_url.removesuffix(f"/{version}"), version


def _found_project(login: Login) -> str | None:
    """The project that AI Studio or the CLI once made for this account, if any."""
    ask = login.ask
    client = ask.client(ask.service.base_url or _PROJECTS, login.headers())
    try:
        until = time.monotonic() + ask.transport.spare()
        found = pages(client, "/v1/projects", {}, until=until, judge=errors.judge_login)
        return next((id_ for page in found if (id_ := gemini_project(page))), None)
    except ProviderError:
        return None
