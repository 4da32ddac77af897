"""Where Claude Code keeps its login, and what a configured credential may look like.

Nothing is refreshed or written: the refresh token rotates, and whoever redeems it without telling
Claude Code logs its user out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, env_place, keyring_text, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine

RENEW = "open `claude` once (it renews its login), or run `claude /login`"
_SERVICE = "Claude Code-credentials"


def from_login(text: str, origin: str) -> Credential:
    """The credential in the text of `.credentials.json`. Raises ServiceError, NotConfigured."""
    body = parse_json(_unhexed(text), origin, RENEW)
    login = body.get("claudeAiOauth")
    if login is None and "mcpOAuth" in body:
        raise NotConfigured(
            f"{origin} holds logins of MCP servers only, none of Claude", hint="run `claude` and sign in"
        )
    found = wire.as_mapping(login)
    token = found.get("accessToken")
    if not isinstance(token, str) or not token.strip():
        raise ServiceError(f"{origin} holds no Claude login in the known shape", hint=RENEW)
    return Credential(
        secret=Secret(token.strip()),
        origin=origin,
        kind="oauth",
        facts={
            "subscriptionType": wire.as_text(found.get("subscriptionType")),
            "rateLimitTier": wire.as_text(found.get("rateLimitTier")),
            "scopes": [scope for scope in wire.as_rows(found.get("scopes")) if isinstance(scope, str)],
        },
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured secret: the login file's text, a cookie or a token, told apart by how it begins."""
    text = next(iter(parts.values())).strip()
    if text.startswith("{"):
        return from_login(text, origin)
    return _cookie(text, origin) or Credential(secret=Secret(text), origin=origin, kind="oauth")


def places() -> tuple[Place, ...]:
    """A stored login wins over the environment, on purpose: CLAUDE_CODE_OAUTH_TOKEN usually holds a
    setup-token, whose scope cannot read usage."""
    return (
        Place(name="macOS keychain (Claude Code)", look=_keychain),
        Place(name="~/.claude/.credentials.json (or below CLAUDE_CONFIG_DIR)", look=_file),
        env_place("CLAUDE_CODE_OAUTH_TOKEN", kind="oauth"),
        Place(name="CLAUDE_AI_SESSION_KEY", look=_session_key),
    )


def _keychain(machine: Machine) -> Credential | None:
    if machine.platform != "darwin":
        return None
    user = machine.get("USER") or os.path.basename(machine.home)
    for service in _keychain_services(machine):
        try:
            text = keyring_text(service, user)
        except ServiceError:
            # A locked keychain: the file may still do.
            return None
        if text:
            return _rereadable(from_login(text, "the macOS keychain"), lambda: _keychain(machine))
    return None


def _keychain_services(machine: Machine) -> tuple[str, ...]:
    folder = machine.get("CLAUDE_CONFIG_DIR")
    if folder is None:
        return (_SERVICE,)
    import hashlib
    import unicodedata

    # Claude Code names the entry after its folder where that is not the usual one.
    digest = hashlib.sha256(unicodedata.normalize("NFC", folder).encode()).hexdigest()[:8]
    return (f"{_SERVICE}-{digest}", _SERVICE)


def _file(machine: Machine) -> Credential | None:
    folder = machine.get("CLAUDE_CONFIG_DIR") or os.path.join("~", ".claude")
    path = os.path.join(machine.expand(folder), ".credentials.json")
    text = read_text(path, machine, "Claude Code's login")
    if text is None:
        return None
    return _rereadable(from_login(text, machine.short(path)), lambda: _file(machine))


def _rereadable(credential: Credential, look: Callable[[], Credential | None]) -> Credential:
    return replace(credential, reread=look)


def _session_key(machine: Machine) -> Credential | None:
    text = machine.get("CLAUDE_AI_SESSION_KEY")
    if text is None:
        return None
    found = _cookie(text, "CLAUDE_AI_SESSION_KEY")
    return found or Credential(secret=Secret(text), origin="CLAUDE_AI_SESSION_KEY", kind="cookie")


def _cookie(text: str, origin: str) -> Credential | None:
    """The session key in a bare value, a `sessionKey=...` or a whole `Cookie:` header."""
    if text.lower().startswith("cookie:"):
        text = text[len("cookie:") :].strip()
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "sessionKey" and value.strip():
            return Credential(secret=Secret(value.strip()), origin=origin, kind="cookie")
    if text.startswith("sk-ant-sid"):
        return Credential(secret=Secret(text), origin=origin, kind="cookie")
    return None


def _unhexed(text: str) -> str:
    """The keychain sometimes gives its value as hex digits."""
    stripped = text.strip()
    if stripped.startswith("{") or not stripped:
        return stripped
    try:
        return bytes.fromhex(stripped).decode()
    except ValueError:
        return stripped


def lacks_scope(facts: Mapping[str, Any]) -> bool:
    """Whether the login says itself that it cannot read usage; no scopes at all say nothing."""
    scopes = facts.get("scopes") or []
    return bool(scopes) and not any(scope in ("user:profile", "user:office") for scope in scopes)
