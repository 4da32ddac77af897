"""Where Zed's login stands: two variables, or the editor's entry in the system's keychain.

The entry is an internet password: named after the server, the account is the user's id. It belongs
to Zed and is read, never written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from usagecli.credentials import Credential, Place, Secret, read_text
from usagecli.errors import NotConfigured, ServiceError

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.providers._zed.settings import Server

API = "https://cloud.zed.dev"
SIGN_IN = "sign in again in Zed"
USER_ID, TOKEN = "user_id", "access_token"
_ID_VARIABLE, _TOKEN_VARIABLE = "ZED_USER_ID", "ZED_ACCESS_TOKEN"
_NEW = f"sign in in Zed, or set {_ID_VARIABLE} and {_TOKEN_VARIABLE}"
_DEVELOPMENT = "development_credentials"

Entry = tuple[str, str]


def places() -> tuple[Place, ...]:
    """The keychains may ask their user, so they count only beside a trace of Zed."""
    variables = {_ID_VARIABLE: USER_ID, _TOKEN_VARIABLE: TOKEN}
    return (
        Place(name=f"{_ID_VARIABLE} and {_TOKEN_VARIABLE}", look=_variables, variables=variables),
        _store("the macOS keychain (Zed)", "darwin"),
        _store("the Secret Service (Zed)", "linux"),
        _store("the Windows Credential Manager (Zed)", "win32"),
        Place(name=f"{_DEVELOPMENT} (a development build of Zed)", look=_development),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """Both parts, or both in one text as `USER_ID ACCESS_TOKEN`. Raises ServiceError."""
    user_id, _, token = parts.get("", "").strip().partition(" ")
    return _credential((parts.get(USER_ID, user_id), parts.get(TOKEN, token)), origin)


def _variables(machine: Machine) -> Credential | None:
    user_id, token = machine.get(_ID_VARIABLE), machine.get(_TOKEN_VARIABLE)
    if user_id is None and token is None:
        return None
    if user_id is None or token is None:
        given, missing = (_ID_VARIABLE, _TOKEN_VARIABLE)[:: 1 if token is None else -1]
        raise NotConfigured(f"{given} is set, but {missing} is not", hint=f"set {missing} too")
    return _credential((user_id, token), _TOKEN_VARIABLE)


def _store(name: str, platform: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        if machine.platform != platform:
            return None
        # Here, because every run that looks for services imports this file.
        from usagecli.providers._zed import keychains, settings

        server = settings.read(machine)
        found = keychains.STORES[platform](machine, server.credentials_url)
        return None if found is None else _of_zed(found, name, server)

    return Place(name=name, look=look, shared=True)


def _development(machine: Machine) -> Credential | None:
    """A file of {SERVER: [USER_ID, TOKEN]}, the token as text or as a list of its bytes."""
    from usagecli.providers._zed import settings

    path = settings.path_of(machine, _DEVELOPMENT)
    text = read_text(path, machine, "Zed's development login")
    if text is None:
        return None
    server = settings.read(machine)
    try:
        user_id, token = json.loads(text)[server.credentials_url]
        token = bytes(token).decode() if isinstance(token, list) else token
    except (ValueError, TypeError, KeyError, RecursionError):
        # Only a guess at what development builds write.
        return None
    return _of_zed((str(user_id), token), machine.short(path), server) if isinstance(token, str) else None


def _of_zed(entry: Entry, origin: str, server: Server) -> Credential:
    from usagecli.providers._zed import settings

    # A login is for its own server: that one may not have been changed since.
    settings.check(server)
    return _credential(entry, origin, server.api)


def _credential(entry: Entry, origin: str, api: str | None = None) -> Credential:
    user_id, token = (text.strip() for text in entry)
    if not user_id or not token:
        raise ServiceError(f"{origin} holds no user id and access token of Zed", hint=_NEW)
    return Credential(
        secret=Secret(token),
        origin=origin,
        kind="oauth",
        account_id=user_id,
        facts={"user": user_id, "api": api},
    )
