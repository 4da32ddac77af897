"""Where Cursor's session stands: the environment, the login of `cursor-agent`, the editor's state.

The website takes a cookie made of a user id and a token (a JWT); the token alone serves as a bearer
for the API behind the editor. Files and keychain belong to Cursor: read, never written or renewed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, claims_of, env_place, parse_json, read_text
from usagecli.errors import ServiceError
from usagecli.machine import Machine
from usagecli.providers import _sqlite, _vscode
from usagecli.providers._web import cookies, is_named

RENEW = "open Cursor and sign in, or run: cursor-agent login"
TRACES = ("~/.cursor", "~/.config/cursor")
SESSION, ACCESS, ADMIN = "session_token", "access_token", "admin_key"
JWT = "jwt"
_ADMIN_PREFIXES = ("crsr_", "key_")
# The cookie of today, then older and other names that cursor.com has had.
_COOKIES = (
    "WorkosCursorSessionToken",
    "__Secure-next-auth.session-token",
    "next-auth.session-token",
    "wos-session",
    "__Secure-wos-session",
    "authjs.session-token",
    "__Secure-authjs.session-token",
)
_JOIN, _ENCODED = "::", "%3A%3A"
_TOKEN_KEY, _EMAIL_KEY = "cursorAuth/accessToken", "cursorAuth/cachedEmail"
_KEYCHAIN = "cursor-access-token"


def places() -> tuple[Place, ...]:
    """A team's key comes last: its variable also holds people's own keys for `cursor-agent`."""
    return (
        _variable("CURSOR_SESSION_TOKEN", SESSION),
        _variable("CURSOR_ACCESS_TOKEN", ACCESS),
        _variable("CURSOR_TOKEN", ACCESS),
        Place(name="auth.json (cursor-agent login)", look=_cli),
        Place(name="the macOS keychain (cursor-agent login)", look=_keychain, shared=True),
        Place(name="state.vscdb (the Cursor editor)", look=_editor),
        env_place("CURSOR_API_KEY", kind="team", part=ADMIN),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured session, token, `auth.json` or team key; a single secret is told by how it looks."""
    text = parts.get("", "")
    key = parts.get(ADMIN) or (text if text.startswith(_ADMIN_PREFIXES) else None)
    session = parts.get(SESSION) or parts.get(ACCESS) or (None if key else text)
    if session is None:
        assert key is not None
        return Credential(secret=Secret(key), origin=origin, kind="team")
    if session.startswith("{"):
        found = _in_login(session, origin)
        if found is None:
            raise ServiceError(f"{origin} holds no login of Cursor", hint=RENEW)
        return found
    return from_session(session, origin)


def from_session(text: str, origin: str, *, kind: str = "cookie") -> Credential:
    """A session in the cookie's value, a whole `Cookie:` header, or the token alone.

    The secret is the cookie to send, `others` hold the token where it is known. Raises ServiceError.
    """
    text = text.strip()
    if is_named(text) or any(f"{name}=" in text for name in _COOKIES):
        found = cookies(text)
        name = next((name for name in _COOKIES if name in found), None)
        if name is None:
            raise ServiceError(f"{origin} holds no cookie {_COOKIES[0]}", hint=RENEW)
        if name != _COOKIES[0]:
            return Credential(secret=Secret(f"{name}={found[name]}"), origin=origin, kind=kind)
        text = found[name]
    user, _, token = text.replace("%3a", "%3A").replace(_ENCODED, _JOIN).rpartition(_JOIN)
    told = wire.as_text(claims_of(token).get("sub"))
    user = user or (told or "").rpartition("|")[2]
    known = bool(user) or told is not None
    return Credential(
        secret=Secret(f"{_COOKIES[0]}={user}{_ENCODED if user else ''}{token}"),
        origin=origin,
        kind=kind,
        account_id=user or None,
        others={JWT: Secret(token)} if known or token.count(".") == 2 else {},
    )


# -- the places -------------------------------------------------------------------------------------


def _variable(name: str, part: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        text = machine.get(name)
        return None if text is None else from_session(text, name)

    return Place(name=name, look=look, variables={name: part})


def _cli(machine: Machine) -> Credential | None:
    """The file of `cursor-agent`; on macOS it writes one only where it is told so."""
    if machine.platform == "darwin":
        folder = os.path.join(machine.home, ".cursor")
    else:
        folder = _vscode.app_folder(machine, "Cursor" if machine.platform == "win32" else "cursor")
    path = os.path.join(folder, "auth.json")
    text = read_text(path, machine, "the login of cursor-agent")
    found = None if text is None else _in_login(text, machine.short(path))
    return found and replace(found, reread=lambda: _cli(machine))


def _in_login(text: str, origin: str) -> Credential | None:
    token = parse_json(text, origin, RENEW).get("accessToken")
    if not isinstance(token, str) or not token.strip():
        return None
    return from_session(token, origin, kind="oauth")


def _keychain(machine: Machine) -> Credential | None:
    """The entry by its service: under which account it stands, Cursor does not say."""
    from usagecli import programs

    if machine.platform != "darwin":
        return None
    token = programs.printed(machine, "security", "find-generic-password", "-s", _KEYCHAIN, "-w")
    return from_session(token, "the macOS keychain", kind="oauth") if token else None


def _editor(machine: Machine) -> Credential | None:
    path = _vscode.state_file(machine, "Cursor")
    found = _sqlite.values(path, (_TOKEN_KEY, _EMAIL_KEY), machine, "Cursor's state")
    token = found.get(_TOKEN_KEY, "").strip().strip('"')
    if not token:
        return None
    credential = from_session(token, machine.short(path), kind="oauth")
    facts = {"email": wire.as_text(found.get(_EMAIL_KEY, "").strip('"'))}
    return replace(credential, facts=facts, reread=lambda: _editor(machine))
