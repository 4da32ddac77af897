"""Devin's three credentials: an Enterprise API key, a login of the CLI or the app, a browser's bearer.

The CLI's file and the app's state belong to them: read, never written; nothing is renewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usagecli.credentials import Credential, Place, Secret, env_place, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers import _vscode
from usagecli.providers._codeium import app_login
from usagecli.urls import check_base_url

RENEW = "run: devin auth login"
SERVER = "https://server.codeium.com"
KEY, BEARER, LOGIN = "api_key", "bearer_token", "login_key"
ORGANIZATIONS = ("DEVIN_ORGANIZATION", "DEVIN_ORG")
_BEARERS = ("DEVIN_BEARER_TOKEN", "DEVIN_AUTHORIZATION")
_PREFIX = "cog_"
_FILE = "~/.local/share/devin/credentials.toml"


def places() -> tuple[Place, ...]:
    """kind `enterprise` is an API key, `web` a browser's bearer, `login` a key of the CLI or the app."""
    return (
        env_place("DEVIN_API_KEY", prefix=_PREFIX, kind="enterprise", part=KEY),
        *(_bearer_place(name) for name in _BEARERS),
        Place(name=f"{_FILE} (devin auth login)", look=_cli),
        Place(name="state.vscdb (the Devin app)", look=_app),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, bearer, login or the text of the CLI's file; a single secret is told by its look."""
    if KEY in parts or parts.get("", "").startswith(_PREFIX):
        return Credential(secret=Secret(parts.get(KEY) or parts[""]), origin=origin, kind="enterprise")
    if BEARER in parts:
        return Credential(secret=_bearer(parts[BEARER]), origin=origin, kind="web")
    text = parts.get(LOGIN) or parts[""]
    if "=" in text:
        found = _in_toml(text, origin)
        if found is None:
            raise ServiceError(f"{origin} holds no login of Devin", hint=RENEW)
        return found
    return Credential(secret=Secret(text), origin=origin, kind="login", facts={"server": SERVER})


def _bearer_place(name: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        text = machine.get(name)
        if text is None:
            return None
        if not any(machine.get(variable) for variable in ORGANIZATIONS):
            raise NotConfigured(
                f"{name} also needs the organization",
                hint=f"set {ORGANIZATIONS[0]} (option organization) to its id or slug",
            )
        return Credential(secret=_bearer(text), origin=name, kind="web")

    return Place(name=name, look=look, variables={name: BEARER})


def _bearer(text: str) -> Secret:
    """The token, without the word that goes before it in a header."""
    word, _, rest = text.strip().partition(" ")
    return Secret(rest.strip() if word.lower() == "bearer" and rest else text.strip())


def _cli(machine: Machine) -> Credential | None:
    text = read_text(_FILE, machine, "Devin's login")
    return None if text is None else _in_toml(text, _FILE)


def _in_toml(text: str, origin: str) -> Credential | None:
    """The login in the text of `credentials.toml`; None where it holds none."""
    import tomllib

    try:
        body: Mapping[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError):
        raise ServiceError(f"{origin} is not valid TOML (truncated?)", hint=RENEW) from None
    key = body.get("windsurf_api_key")
    if not isinstance(key, str) or not key.strip():
        return None
    facts = {"server": _server(body.get("api_server_url"), origin)}
    return Credential(secret=Secret(key.strip()), origin=origin, kind="login", facts=facts)


def _server(value: Any, origin: str) -> str:
    """The server that the login is for. Raises NotConfigured for one that is not reached by https."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return SERVER
    try:
        url = check_base_url(str(value).strip())
    except ValueError:
        url = ""
    if not url.startswith("https://"):
        raise NotConfigured(
            f"{origin} names a server that is not reached by https", hint=f"sign in again: {RENEW}"
        )
    return url


def _app(machine: Machine) -> Credential | None:
    path = _vscode.state_file(machine, "Devin")
    return app_login(path, machine, "Devin's state", RENEW, {"server": SERVER})
