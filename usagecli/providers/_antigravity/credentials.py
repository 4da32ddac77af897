"""Where Antigravity's Google login stands: a variable, its token files, the keyring, the editor's state.

All of them belong to Antigravity: read, never written.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import (
    Credential,
    NoKeyring,
    Place,
    Secret,
    claims_of,
    keyring_text,
    parse_json,
    read_text,
    unwrapped,
)
from usagecli.errors import ServiceError
from usagecli.machine import Machine
from usagecli.providers import _sqlite, _vscode

RENEW = "open Antigravity, or run `agy`: either renews the sign-in"
TRACES = ("~/.gemini/antigravity-cli", "~/.gemini/antigravity", "~/.gemini/jetski-standalone-oauth-token")
_VARIABLE = "ANTIGRAVITY_OAUTH_CREDENTIALS_JSON"
_FILES = (
    "~/.gemini/antigravity-cli/antigravity-oauth-token",
    "~/.gemini/antigravity/antigravity-oauth-token",
    "~/.gemini/jetski-standalone-oauth-token",
)
_XDG_FILE = ("antigravity-cli", "antigravity-oauth-token")
_RARE_FILE = "~/.config/Antigravity/credentials.json"
_STATE_KEY = "antigravityAuthStatus"
_SUBSCRIPTION = 36
_SERVICE, _USER = "gemini", "antigravity"
_SPELLINGS = {
    "access_token": ("access_token", "accessToken"),
    "refresh_token": ("refresh_token", "refreshToken"),
    "id_token": ("id_token", "idToken"),
    "client_id": ("client_id", "clientId"),
    "client_secret": ("client_secret", "clientSecret"),
    "email": ("email",),
    "project": ("project_id", "projectId"),
}
_EXPIRY = ("expiry", "expiry_date", "expiryDate", "expires_at", "expiresAt")


def places() -> tuple[Place, ...]:
    """kind `oauth` and `refresh` are logins, `locked` a keyring that does not open, `local` no secret."""
    return (
        Place(name=_VARIABLE, look=_variable, variables={_VARIABLE: ""}),
        *(Place(name=path, look=lambda machine, path=path: _file(path, machine)) for path in _FILES),  # type: ignore[misc]
        Place(name="antigravity-cli/antigravity-oauth-token in XDG_CONFIG_HOME", look=_xdg_file),
        # It may ask its user something.
        Place(name=f"keyring ({_SERVICE}/{_USER})", look=_keyring, shared=True),
        Place(name="state.vscdb (the Antigravity editor)", look=_editor),
        Place(name=_RARE_FILE, look=lambda machine: _file(_RARE_FILE, machine)),
        Place(name="Antigravity or agy, while it runs", look=_running),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured login: the text of a token file, or an access token alone."""
    found = from_login(next(iter(parts.values())), origin)
    if found is None:
        raise ServiceError(f"{origin} holds no login of Antigravity", hint=RENEW)
    return found


def from_login(text: str, origin: str) -> Credential | None:
    """The login in a text: JSON in any of its spellings, as a keyring wraps it, or the bare token.

    Kind `oauth` with an access token, `refresh` with a refresh token only; None without either. Facts:
    `expires_at`, `email`, `project`. Others: `refresh_token`, and `client_id` and `client_secret` where
    they stand there. Raises ServiceError.
    """
    text = unwrapped(text.strip()).strip()
    if not text.startswith("{"):
        word, _, rest = text.partition(" ")
        token = rest.strip() if word.lower() == "bearer" else text
        return _credential({"access_token": token}, None, origin) if token else None
    body = parse_json(text, origin, RENEW)
    inner = body.get("token")
    # The token may be an object of its own, or the text itself.
    levels = [wire.as_mapping(inner), {"access_token": inner}, body]
    found = {name: _text(levels, keys) for name, keys in _SPELLINGS.items()}
    expiry = next(
        (wire.as_instant(level[key]) for level in levels for key in _EXPIRY if level.get(key)), None
    )
    return _credential(found, expiry, origin)


def _credential(found: Mapping[str, str | None], expires_at: Any, origin: str) -> Credential | None:
    token, refresh, id_token = (found.get(name) for name in ("access_token", "refresh_token", "id_token"))
    secret = token or refresh
    if secret is None:
        return None
    if id_token:
        # Never sent anywhere, but a secret: now the log masks it.
        Secret(id_token)
    email = wire.as_text(claims_of(id_token or "").get("email")) or wire.as_text(found.get("email"))
    others = ("refresh_token", "client_id", "client_secret")
    return Credential(
        secret=Secret(secret),
        origin=origin,
        kind="oauth" if token else "refresh",
        account_id=email,
        facts={"expires_at": expires_at, "email": email, "project": wire.as_text(found.get("project"))},
        others={name: Secret(value) for name in others if (value := found.get(name))},
    )


def _text(levels: list[Mapping[str, Any]], keys: tuple[str, ...]) -> str | None:
    texts = (value.strip() for level in levels for key in keys if isinstance(value := level.get(key), str))
    return next((text for text in texts if text), None)


# -- the places -------------------------------------------------------------------------------------


def _variable(machine: Machine) -> Credential | None:
    text = machine.get(_VARIABLE)
    return None if text is None else from_login(text, _VARIABLE)


def _file(path: str, machine: Machine) -> Credential | None:
    text = read_text(path, machine, "Antigravity's login")
    return from_login(text, machine.short(machine.expand(path))) if text and text.strip() else None


def _xdg_file(machine: Machine) -> Credential | None:
    root = machine.get("XDG_CONFIG_HOME") or ""
    return _file(os.path.join(root, *_XDG_FILE), machine) if os.path.isabs(root) else None


def _keyring(machine: Machine) -> Credential | None:
    origin = f"keyring ({_SERVICE}/{_USER})"
    try:
        text = keyring_text(_SERVICE, _USER)
    except NoKeyring:
        # Antigravity then keeps a file.
        return None
    except ServiceError:
        # Said only where nothing else is found.
        return _editor(machine) or _file(_RARE_FILE, machine) or _locked(origin)
    return from_login(text, origin) if text else None


def _locked(origin: str) -> Credential:
    return Credential(secret=Secret(""), origin=origin, kind="locked", account_id=origin)


def _editor(machine: Machine) -> Credential | None:
    path = _vscode.state_file(machine, "Antigravity")
    text = _sqlite.values(path, (_STATE_KEY,), machine, "Antigravity's state").get(_STATE_KEY, "")
    body = parse_json(text, f"Antigravity's state: {_STATE_KEY}", RENEW) if text.strip() else {}
    token = _text([body], ("apiKey",))
    if token is None:
        return None
    found = _credential({"access_token": token, "email": body.get("email")}, None, machine.short(path))
    tier = _tier(body.get("userStatusProtoBinaryBase64"))
    return found and replace(found, facts={**found.facts, "tier": tier})


def _tier(text: Any) -> Mapping[str, str | None]:
    """Id and name of the subscription in the editor's own record; empty where it has none."""
    from usagecli.providers._antigravity.proto import field

    try:
        data = binascii.a2b_base64(text) if isinstance(text, str) else b""
    except ValueError:
        return {}
    subscription = field(data, _SUBSCRIPTION)
    if subscription is None:
        return {}
    parts = {"id": field(subscription, 1), "name": field(subscription, 2)}
    return {
        name: wire.as_text(part.decode("utf-8", "replace"))
        for name, part in parts.items()
        if part is not None
    }


def _running(machine: Machine) -> Credential | None:
    """No secret: the server on this machine that the app asks itself."""
    if not any(os.path.exists(path) for path in _own_folders(machine)):
        return None
    from usagecli.providers._antigravity import processes

    if not processes.servers(machine):
        return None
    return Credential(
        secret=Secret(""), origin="Antigravity on this machine", kind="local", account_id="local"
    )


def _own_folders(machine: Machine) -> list[str]:
    return [*(machine.expand(path) for path in TRACES), _vscode.app_folder(machine, "Antigravity")]
