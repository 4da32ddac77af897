"""Where Claude Code keeps its login, and what a configured credential may look like.

Nothing is refreshed or written: the refresh token rotates, and whoever redeems it without telling
Claude Code logs its user out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from usagecli import wire
from usagecli.credentials import (
    Credential,
    Place,
    Secret,
    env_place,
    keyring_text,
    parse_json,
    read_text,
    unhexed,
)
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.providers._web import cookies, is_header, is_named

RENEW = "open `claude` once (it renews its login), or run `claude /login`"
COPY_COOKIE = "copy the cookie sessionKey of claude.ai again"
_SIGN_IN = "run `claude` and sign in"
_UNLOCK = "unlock it and try again; usagecli providers claude names other ways"
_SERVICE = "Claude Code-credentials"
_SESSION_KEY = "CLAUDE_AI_SESSION_KEY"
# Either lets a token read usage.
_SCOPES = frozenset(("user:profile", "user:office"))


def places() -> tuple[Place, ...]:
    """A stored login wins over the environment, on purpose: CLAUDE_CODE_OAUTH_TOKEN usually holds a
    setup-token, whose scope cannot read usage."""
    return (
        Place(name="macOS keychain (Claude Code)", look=_keychain),
        Place(name="~/.claude/.credentials.json (or below CLAUDE_CONFIG_DIR)", look=_file),
        env_place("CLAUDE_CODE_OAUTH_TOKEN", kind="oauth"),
        Place(name=_SESSION_KEY, look=_session_key, variables={_SESSION_KEY: ""}),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured secret: the login file's text, a cookie or a token, told apart by how it begins."""
    text = unhexed(next(iter(parts.values())))
    if text.startswith("{"):
        return from_login(text, origin)
    if text.startswith("sk-ant-sid") or "sessionKey=" in text or is_named(text):
        return from_cookie(text, origin)
    return Credential(secret=Secret(text), origin=origin, kind="oauth")


def from_login(text: str, origin: str) -> Credential:
    """The credential in the text of `.credentials.json`. Raises ServiceError, NotConfigured."""
    body = parse_json(unhexed(text), origin, RENEW)
    login = body.get("claudeAiOauth")
    found = wire.as_mapping(login)
    token = found.get("accessToken")
    if login is None or (isinstance(token, str) and not token.strip()):
        held = "logins of MCP servers only" if "mcpOAuth" in body else "no login"
        raise NotConfigured(f"{origin} holds {held}, none of Claude", hint=_SIGN_IN)
    if not isinstance(token, str):
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


def from_cookie(text: str, origin: str) -> Credential:
    """The session key in a bare value or a whole `Cookie:` header. Raises ServiceError."""
    if not text.startswith("sk-ant-") and is_header(text):
        text = cookies(text).get("sessionKey", "")
    if not text:
        raise ServiceError(f"{origin} holds no cookie sessionKey", hint=COPY_COOKIE)
    return Credential(secret=Secret(text), origin=origin, kind="cookie")


def lacks_scope(credential: Credential) -> bool:
    """Whether the login says itself that it cannot read usage; no scopes at all say nothing."""
    scopes = credential.facts.get("scopes", ())
    return bool(scopes) and _SCOPES.isdisjoint(scopes)


def renewed(credential: Credential) -> Credential | None:
    """The login that now stands where this one stood, where it is another."""
    try:
        found = credential.reread() if credential.reread else None
    except ProviderError:
        # What the refused login says is then the better error.
        return None
    return None if found is None or found.secret == credential.secret else found


def _keychain(machine: Machine) -> Credential | None:
    if machine.platform != "darwin":
        return None
    user = machine.get("USER") or os.path.basename(machine.home)
    for service in _keychain_services(machine):
        try:
            text = keyring_text(service, user)
        except ServiceError as error:
            # No reason to report a Mac without any Claude; told only where nothing else is found.
            raise NotConfigured(f"macOS keychain: {error.message}", hint=_UNLOCK) from None
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
    path = unicodedata.normalize("NFC", folder)
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
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
    text = machine.get(_SESSION_KEY)
    return None if text is None else from_cookie(text, _SESSION_KEY)
