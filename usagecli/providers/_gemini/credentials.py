"""Where the Gemini CLI keeps its login, where keys stand, and which of the two the CLI would take.

Nothing of the CLI is written: it owns its files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from usagecli import wire
from usagecli.credentials import (
    Credential,
    Place,
    Secret,
    claims_of,
    keyring_text,
    parse_json,
    read_text,
    without_comments,
)
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine

SIGN_IN = "run `gemini` and log in again"
_NO_LOGIN = "run `gemini` and sign in with Google, or set GEMINI_API_KEY"
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_GCA, _TOKEN = "GOOGLE_GENAI_USE_GCA", "GOOGLE_CLOUD_ACCESS_TOKEN"
_APPLICATION = "GOOGLE_APPLICATION_CREDENTIALS"
# Set to true, the CLI keeps its login in a keyring.
_ENCRYPTED = "GEMINI_FORCE_ENCRYPTED_FILE_STORAGE"
_SETTINGS = "Gemini CLI's settings choose"
# What `security.auth.selectedType` may say, as far as it decides what is asked here.
_LOGIN_TYPE = "oauth-personal"
_KEY_TYPES = ("gemini-api-key", "api-key")
_OTHER_TYPES = ("vertex-ai", "compute-default-credentials", "cloud-shell", "gateway")


def places() -> tuple[Place, ...]:
    """Logins and keys. Which kind counts is decided as in the CLI, and so no order among the two."""
    return (
        Place(name="~/.gemini/oauth_creds.json (or below GEMINI_CLI_HOME)", look=_file),
        _key_place(_KEYS[0], shared=False),
        Place(name=f"keyring (gemini-cli-oauth; where {_ENCRYPTED} is true)", look=_keyring),
        Place(name=f"{_GCA} + {_TOKEN}", look=_given_token),
        Place(name=_APPLICATION, look=_application_file, shared=True),
        _key_place(_KEYS[1], shared=True),
    )


def accept(parts: Mapping[str, str], origin: str, machine: Machine) -> Credential:
    """A configured secret: the text of a login file, an access token, or an API key.

    Keys are told by how they begin; what begins like neither is a key too.
    """
    text = next(iter(parts.values())).strip()
    if text.startswith("{"):
        return from_login(text, origin)
    # Of Google's OAuth access tokens all known ones begin so.
    kind = "oauth" if text.startswith("ya29.") else "key"
    return Credential(secret=Secret(text), origin=origin, kind=kind)


def from_login(text: str, origin: str, *, account: str | None = None) -> Credential:
    """The credential in the text of `oauth_creds.json`, or of one of its relatives.

    Kind `oauth` with an access token, `refresh` where only a refresh token stands there. Others:
    `refresh_token`, `client_id` and `client_secret`, where known. Facts: `email` (`account` where the
    id token says none) and `hosted` (of a Workspace). Raises NotConfigured, ServiceError.
    """
    body = parse_json(text, origin, SIGN_IN)
    if body.get("type") not in (None, "authorized_user"):
        raise NotConfigured(
            f"{origin} holds no login of a person but a {wire.as_text(body.get('type')) or 'key'}",
            hint=_NO_LOGIN,
        )
    # In a keyring the tokens stand under `token`, in camelCase.
    levels = [body, wire.as_mapping(body.get("installed")), wire.as_mapping(body.get("token"))]
    found = {
        name: next((value for level in levels if (value := wire.first_text(level, *keys))), None)
        for name, keys in _SPELLINGS.items()
    }
    token, id_token = found.pop("access_token"), found.pop("id_token")
    secret = token or found["refresh_token"]
    if secret is None:
        raise ServiceError(f"{origin} holds no Google login in the known shape", hint=SIGN_IN)
    if id_token:
        # Never sent anywhere, but a secret: now the log masks it.
        Secret(id_token)
    facts = identity(id_token)
    email = facts["email"] or account
    return Credential(
        secret=Secret(secret),
        origin=origin,
        kind="oauth" if token else "refresh",
        account_id=email,
        facts={**facts, "email": email},
        others={name: Secret(value) for name, value in found.items() if value},
    )


def identity(id_token: str | None) -> dict[str, Any]:
    """Whose an id token is: `email`, and whether it is of a Workspace (`hosted`)."""
    claims = claims_of(id_token or "")
    return {"email": wire.as_text(claims.get("email")), "hosted": wire.as_text(claims.get("hd")) is not None}


_SPELLINGS = {
    "access_token": ("access_token", "accessToken", "token"),
    "refresh_token": ("refresh_token", "refreshToken"),
    "id_token": ("id_token", "idToken"),
    "client_id": ("client_id",),
    "client_secret": ("client_secret",),
}


# -- which of them the CLI would take -----------------------------------------------------------------


def _folder(machine: Machine) -> str:
    # The variable replaces the home, not the folder in it.
    return os.path.join(machine.expand(machine.get("GEMINI_CLI_HOME") or machine.home), ".gemini")


def _own_file(name: str, machine: Machine) -> Mapping[str, Any]:
    """A JSON file of the CLI that only says more: empty where it is not there or cannot be read."""
    try:
        text = read_text(os.path.join(_folder(machine), name), machine, name) or "{}"
        return parse_json(without_comments(text), name, SIGN_IN)
    except ProviderError:
        return {}


def _selected(machine: Machine) -> str | None:
    auth = wire.as_mapping(wire.as_mapping(_own_file("settings.json", machine).get("security")).get("auth"))
    return wire.as_text(auth.get("selectedType"))


def _uses_gca(machine: Machine) -> bool:
    return (machine.get(_GCA) or "false").lower() not in ("false", "0")


def _wants_login(machine: Machine) -> bool:
    """Whether the CLI would sign in with Google, not use a key. Raises NotConfigured for neither."""
    selected, key = _selected(machine), any(machine.get(name) for name in _KEYS)
    if selected in _OTHER_TYPES:
        raise NotConfigured(
            f"{_SETTINGS} {selected}, which reports no quota",
            hint="run `gemini` and choose a Google login, or give this service a credential of its own",
        )
    if selected in _KEY_TYPES and not key:
        raise NotConfigured(
            f"{_SETTINGS} an API key ({selected}), and {_KEYS[0]} is not set",
            hint=f"set {_KEYS[0]}, or run `gemini` and choose a Google login",
        )
    if selected == _LOGIN_TYPE or selected in _KEY_TYPES:
        return selected == _LOGIN_TYPE
    return _uses_gca(machine) or not key


# -- the places ---------------------------------------------------------------------------------------


def _key_place(name: str, *, shared: bool) -> Place:
    def look(machine: Machine) -> Credential | None:
        key = machine.get(name)
        if key is None:
            return None
        if _wants_login(machine):
            why = _SETTINGS if _selected(machine) == _LOGIN_TYPE else f"{_GCA} chooses"
            raise NotConfigured(f"{name} is not used: {why} a Google login", hint=_NO_LOGIN)
        return Credential(secret=Secret(key), origin=name)

    return Place(name=name, look=look, shared=shared, variables={name: ""})


def _given_token(machine: Machine) -> Credential | None:
    token = machine.get(_TOKEN)
    if token is None or not _uses_gca(machine) or not _wants_login(machine):
        return None
    return Credential(secret=Secret(token), origin=_TOKEN, kind="oauth")


def _counts(machine: Machine) -> bool:
    """Whether a stored login counts: the CLI would sign in, and no token is given for that."""
    return _wants_login(machine) and _given_token(machine) is None


def _file(machine: Machine) -> Credential | None:
    if not _counts(machine):
        return None
    path = os.path.join(_folder(machine), "oauth_creds.json")
    text = read_text(path, machine, "Gemini CLI's login")
    return None if text is None else from_login(text, machine.short(path), account=_active(machine))


def _keyring(machine: Machine) -> Credential | None:
    """Where the CLI keeps its login only if it is told so: a keyring may ask its user something."""
    told = (machine.get(_ENCRYPTED) or "").lower() == "true"
    if not told or not _counts(machine):
        return None
    text = keyring_text("gemini-cli-oauth", "main-account")
    return None if text is None else from_login(text, "keyring (gemini-cli-oauth)", account=_active(machine))


def _application_file(machine: Machine) -> Credential | None:
    path = machine.get(_APPLICATION)
    if path is None or not _counts(machine):
        return None
    text = read_text(path, machine, _APPLICATION)
    return None if text is None else from_login(text, machine.short(machine.expand(path)))


def _active(machine: Machine) -> str | None:
    """The account that the CLI calls active: its own login's, where no id token names one."""
    return wire.as_text(_own_file("google_accounts.json", machine).get("active"))
