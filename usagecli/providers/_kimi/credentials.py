"""Where a key of Kimi Code, its command line's login, or a key of the Open Platform stands.

Two products with keys of their own. A login belongs to the command line: it is read, never written,
and goes to Kimi's own hosts only. Its refresh token rotates, so that using it would log people out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, claims_of, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers import _web
from usagecli.urls import origin as origin_of

KEY, LOGIN, COOKIE, PLATFORM = "code_key", "login", "auth_token", "platform_key"
NEW_KEY = "make a new key at https://www.kimi.com/code/console"
RUN_KIMI = "run `kimi` once, or `/login` in it"
COPY_COOKIE = "copy the cookie kimi-auth of www.kimi.com again"
HOSTS = ("https://api.kimi.com", "https://api.kimi.ai")
_CODE_PREFIX, _KEY_PREFIX = "sk-kimi-", "sk-"
_PLATFORM_VARIABLES = ("MOONSHOT_API_KEY", "MOONSHOT_KEY")
_COOKIE_NAME = "kimi-auth"


def places() -> tuple[Place, ...]:
    """Kimi Code before the Open Platform, whose key comes along where there is one."""
    return (
        _variable("KIMI_CODE_API_KEY", KEY),
        _variable("KIMI_API_KEY", KEY),
        _file("~/.kimi-code/credentials/kimi-code.json (kimi's login)", "KIMI_CODE_HOME", ".kimi-code"),
        _file("~/.kimi/credentials/kimi-code.json (an older kimi's login)", "KIMI_SHARE_DIR", ".kimi"),
        _variable("KIMI_AUTH_TOKEN", COOKIE),
        *(_variable(name, PLATFORM) for name in _PLATFORM_VARIABLES),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, cookie or login; a single secret is told by how it looks and where it stands."""
    platform = parts.get(PLATFORM)
    main = next(((part, parts[part]) for part in (KEY, COOKIE) if part in parts), None)
    if main is None and "" in parts:
        main = (_kind_of(parts[""], origin), parts[""])
    if main is None:
        return _credential(PLATFORM, parts[PLATFORM], origin)
    return _with_platform(_credential(*main, origin), platform)


def is_own_host(url: str) -> bool:
    """Whether a base URL is Kimi's own."""
    return origin_of(url) in [origin_of(host) for host in HOSTS]


def _kind_of(text: str, origin: str) -> str:
    if text.startswith("{"):
        return LOGIN
    if text.startswith(_CODE_PREFIX):
        return KEY
    if text.startswith(_KEY_PREFIX) or origin.removeprefix("env ") in _PLATFORM_VARIABLES:
        return PLATFORM
    named = _web.is_named(text) or f"{_COOKIE_NAME}=" in text
    return COOKIE if named or claims_of(text) else KEY


def _credential(kind: str, text: str, origin: str) -> Credential:
    if kind == LOGIN:
        return _from_login(text, origin)
    secret = _cookie(text, origin) if kind == COOKIE else text
    return Credential(secret=Secret(secret), origin=origin, kind=kind)


def _from_login(text: str, origin: str) -> Credential:
    token = parse_json(text, origin, RUN_KIMI).get("access_token")
    if not isinstance(token, str) or not token.strip():
        raise NotConfigured(f"{origin} holds no login of Kimi Code", hint=RUN_KIMI)
    account = wire.as_text(claims_of(token).get("sub"))
    return Credential(secret=Secret(token.strip()), origin=origin, kind=LOGIN, account_id=account)


def _cookie(text: str, origin: str) -> str:
    """The value in a bare one or a whole `Cookie:` header. Raises ServiceError."""
    if _web.is_header(text):
        text = _web.cookies(_web.cookie_header(text)).get(_COOKIE_NAME, "")
    if not text:
        raise ServiceError(f"{origin} holds no cookie {_COOKIE_NAME}", hint=COPY_COOKIE)
    return text


def _with_platform(credential: Credential, key: str | None) -> Credential:
    if key is None or credential.kind == PLATFORM:
        return credential
    # The report is then of two accounts, so that neither alone names it.
    return replace(credential, account_id=None, others={PLATFORM: Secret(key)})


def _beside(look: Callable[[Machine], Credential | None]) -> Callable[[Machine], Credential | None]:
    """The look-up, with the Open Platform's key that stands in the environment."""

    def found(machine: Machine) -> Credential | None:
        credential = look(machine)
        platform = next((key for name in _PLATFORM_VARIABLES if (key := machine.get(name))), None)
        return credential and replace(_with_platform(credential, platform), reread=lambda: found(machine))

    return found


def _variable(name: str, kind: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        text = machine.get(name)
        return None if text is None else _credential(kind, text, name)

    return Place(name=name, look=_beside(look), variables={name: kind})


def _file(name: str, variable: str, usual: str) -> Place:
    def look(machine: Machine) -> Credential | None:
        folder = machine.expand(machine.get(variable) or os.path.join("~", usual))
        path = os.path.join(folder, "credentials", "kimi-code.json")
        text = read_text(path, machine, "the login of kimi")
        return _from_login(text, machine.short(path)) if text and text.strip() else None

    return Place(name=name, look=_beside(look), serves=is_own_host)
