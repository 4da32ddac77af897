"""Where Factory's key or login stands: a variable, droid's `.env`, droid's login.

The login belongs to droid: it is read, never written. Its refresh token works once only, so that
redeeming it here would log droid out.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, claims_of, env_place, parse_json, read_text
from usagecli.errors import NotConfigured
from usagecli.machine import Machine
from usagecli.providers import _dotenv

VARIABLE = "FACTORY_API_KEY"
KEY, LOGIN = "key", "oauth"
NEW_KEY = "make a new key at https://app.factory.ai/settings/api-keys"
RUN_DROID = "run `droid`, which renews its login"
_ENCRYPTED, _ENCRYPTION_KEY = "auth.v2.file", "auth.v2.key"
_OLDER = ("auth.encrypted", "auth.json")
_PACKAGE = "pip install 'usagecli[factory]'"


def places() -> tuple[Place, ...]:
    """A key comes before a login: it does not expire."""
    return (
        env_place(VARIABLE),
        Place(name=f"~/.factory/.env ({VARIABLE})", look=_variables),
        Place(name=f"~/.factory/{_ENCRYPTED} (droid's login)", look=_login),
        Place(name=f"~/.factory/{_OLDER[0]} or {_OLDER[1]} (an older droid's login)", look=_older_login),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key or access token, or the JSON of a login."""
    text = next(iter(parts.values()))
    if text.startswith("{"):
        return _from_login(parse_json(text, origin, RUN_DROID), origin)
    return _from_token(text, origin) if claims_of(text) else Credential(secret=Secret(text), origin=origin)


def _variables(machine: Machine) -> Credential | None:
    path = _path(machine, ".env")
    key = _dotenv.value(read_text(path, machine, "droid's variables") or "", VARIABLE)
    return Credential(secret=Secret(key), origin=machine.short(path)) if key else None


def _login(machine: Machine) -> Credential | None:
    path = _path(machine, _ENCRYPTED)
    text = read_text(path, machine, "droid's login")
    if text is None or not text.strip():
        return None
    origin = machine.short(path)
    body = parse_json(_decrypted(text, origin, machine), origin, RUN_DROID)
    return replace(_from_login(body, origin), reread=lambda: _login(machine))


def _older_login(machine: Machine) -> Credential | None:
    for name in _OLDER:
        path = _path(machine, name)
        text = read_text(path, machine, "droid's login")
        if text is None or not text.strip():
            continue
        origin = machine.short(path)
        if not text.lstrip().startswith("{"):
            text = _decrypted(text, origin, machine)
        body = parse_json(text, origin, RUN_DROID)
        return replace(_from_login(body, origin), reread=lambda: _older_login(machine))
    return None


def _decrypted(text: str, origin: str, machine: Machine) -> str:
    """The plain text of `b64(iv):b64(tag):b64(ciphertext)`. Raises NotConfigured."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise NotConfigured(
            f"{origin} is encrypted, and the package that reads it is not installed",
            hint=f"set {VARIABLE}, or: {_PACKAGE}",
        ) from None
    key = read_text(_path(machine, _ENCRYPTION_KEY), machine, "the key of droid's login")
    try:
        iv, tag, sealed = (binascii.a2b_base64(part) for part in text.strip().split(":"))
        plain = AESGCM(binascii.a2b_base64((key or "").strip())).decrypt(iv, sealed + tag, None)
        return plain.decode()
    except (ValueError, InvalidTag):
        raise NotConfigured(
            f"{origin} cannot be read with {_ENCRYPTION_KEY}", hint=f"set {VARIABLE}, or {RUN_DROID}"
        ) from None


def _from_login(body: Mapping[str, Any], origin: str) -> Credential:
    token = body.get("access_token")
    if not isinstance(token, str) or not token.strip():
        raise NotConfigured(f"{origin} holds no login of Factory", hint="run `droid` and sign in")
    return _from_token(token.strip(), origin)


def _from_token(token: str, origin: str) -> Credential:
    claims = claims_of(token)
    email = wire.as_text(claims.get("email"))
    return Credential(
        secret=Secret(token),
        origin=origin,
        kind=LOGIN,
        # An organization has several members, whose figures differ.
        account_id=wire.as_text(claims.get("org_id")) if email else None,
        facts={"user": email},
    )


def _path(machine: Machine, name: str) -> str:
    return machine.expand(os.path.join("~", ".factory", name))
