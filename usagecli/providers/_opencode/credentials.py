"""OpenCode's two credentials: an API key (Go) and the web console's cookie (all else); the workspace.

The key stands in the environment or in the file that `opencode auth login` writes, which is read
and never written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers._web import cookies, is_header

KEY, COOKIE = "api_key", "auth_cookie"
RENEW = "make a new key at opencode.ai/auth (under Keys), or run: opencode auth login"
COPY_COOKIE = "sign in at opencode.ai again and copy the cookie `auth`"
_KEY_VARIABLE, _COOKIE_VARIABLE = "OPENCODE_API_KEY", "OPENCODE_AUTH_COOKIE"
# OpenCode's name for an entry -> the kind of its key.
_ENTRIES = {"opencode-go": "key", "opencode": "zen_key"}
_COOKIE_NAMES = ("auth", "__Host-auth")
_SEALED = "Fe26."  # how the console's session cookies begin
_WORKSPACE = re.compile(r"(?:[^?#]*/workspace/)?wrk_([0-9A-Z]+)(?:[/?#].*)?", re.ASCII | re.IGNORECASE)


def places() -> tuple[Place, ...]:
    """A key, with the cookie of the environment beside it; else the cookie alone.

    kind `key` is a key that is meant for Go, `zen_key` one that may well have none, `cookie` a cookie.
    """
    return (
        replace(_with_cookie(_KEY_VARIABLE, _variable), variables={_KEY_VARIABLE: KEY}),
        _with_cookie("~/.local/share/opencode/auth.json (OpenCode's login)", _login),
        env_place(_COOKIE_VARIABLE, kind="cookie", part=COOKIE),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key (alone, or in the text of OpenCode's file), a cookie, or a map of both."""
    texts = dict(parts)
    if "" in texts:
        text = texts.pop("")
        texts[COOKIE if _is_cookie(text) else KEY] = text
    cookie = Secret(texts[COOKIE]) if COOKIE in texts else None
    if KEY in texts:
        found = _key_in(texts[KEY], origin)
        return replace(found, kind="key", others={COOKIE: cookie} if cookie else {})
    assert cookie is not None
    return Credential(secret=cookie, origin=origin, kind="cookie")


def cookie_header(text: str) -> str:
    """What to send of a cookie's value, or of a whole `Cookie:` header. Raises ServiceError."""
    if not is_header(text):
        return f"{_COOKIE_NAMES[0]}={text}"
    found = cookies(text)
    kept = [f"{name}={found[name]}" for name in _COOKIE_NAMES if name in found]
    if not kept:
        raise ServiceError("the OpenCode cookie header holds no cookie `auth`", hint=COPY_COOKIE)
    return "; ".join(kept)


def workspace_id(text: str) -> str | None:
    """The id in `wrk_...` or in an address with `/workspace/wrk_...`; None where there is none.

    Only the case of its prefix is mended: the rest tells workspaces apart.
    """
    match = _WORKSPACE.fullmatch(text.strip())
    return f"wrk_{match[1]}" if match else None


def _with_cookie(name: str, look: Callable[[Machine], Credential | None]) -> Place:
    """A place of keys, with the cookie that stands in the environment beside one."""

    def both(machine: Machine) -> Credential | None:
        found, text = look(machine), machine.get(_COOKIE_VARIABLE)
        return replace(found, others={COOKIE: Secret(text)}) if found and text else found

    return Place(name=name, look=both)


def _variable(machine: Machine) -> Credential | None:
    text = machine.get(_KEY_VARIABLE)
    return None if text is None else Credential(secret=_key(text, _KEY_VARIABLE), origin=_KEY_VARIABLE)


def _login(machine: Machine) -> Credential | None:
    path = login_file(machine)
    text = read_text(path, machine, "OpenCode's login")
    return None if text is None else _in_login(text, machine.short(path))


def login_file(machine: Machine) -> str:
    """Where OpenCode keeps the keys of all providers: below the home in the same way on every platform."""
    own, xdg = machine.get("OPENCODE_DATA_DIR"), machine.expand(machine.get("XDG_DATA_HOME") or "")
    root = xdg if os.path.isabs(xdg) else os.path.join(machine.home, ".local", "share")
    return os.path.join(machine.expand(own) if own else os.path.join(root, "opencode"), "auth.json")


def _in_login(text: str, origin: str) -> Credential | None:
    """The key in the text of `auth.json`; entries of another shape are other providers' logins."""
    body = parse_json(text, origin, RENEW)
    for name, kind in _ENTRIES.items():
        entry = wire.as_mapping(body.get(name))
        key = entry.get("key")
        if entry.get("type") == "api" and isinstance(key, str) and key.strip():
            return Credential(secret=_key(key.strip(), origin), origin=origin, kind=kind)
    return None


def _key_in(text: str, origin: str) -> Credential:
    if not text.startswith("{"):
        return Credential(secret=_key(text, origin), origin=origin)
    found = _in_login(text, origin)
    if found is None:
        raise NotConfigured(f"{origin} holds no key of OpenCode", hint="run: opencode auth login")
    return found


def _key(text: str, origin: str) -> Secret:
    """A key fit for its header, in which nothing but the key may follow the one space."""
    if len(text.split()) != 1:
        raise ServiceError(f"the OpenCode key from {origin} holds spaces", hint="copy the key alone again")
    return Secret(text)


def _is_cookie(text: str) -> bool:
    return text.startswith(_SEALED) or (not text.startswith("{") and is_header(text))
