"""Where Amp's access token stands: the environment, the login of its command line, a browser's cookie.

The login file keeps a token for each server and belongs to Amp: it is read, never written.
"""

from __future__ import annotations

from collections.abc import Mapping

from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers._web import cookies, is_header, is_named

RENEW = "run `amp login`, or create a new access token at ampcode.com/settings"
COPY_COOKIE = "copy the cookie session of ampcode.com again, or better: run `amp login`"
_TOKEN, _COOKIE = "AMP_API_KEY", "AMP_COOKIE"
_OWN_HOST = "ampcode.com"
# The same place on every platform, Windows included.
_LOGIN = "~/.local/share/amp/secrets.json"
_KEY_OF = "apiKey@"
_LOOPBACK = ("localhost:", "127.0.0.1:", "[::1]:")


def places() -> tuple[Place, ...]:
    """The cookie comes last: its page knows of the free grant only."""
    return (
        env_place(_TOKEN, part="api_key"),
        Place(name=f"{_LOGIN} (amp login)", look=_login),
        Place(name=_COOKIE, look=_cookie, variables={_COOKIE: "cookie"}),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, the login file's text, or a cookie, told by its name; a token comes first."""
    text = parts.get("api_key", parts.get(""))
    if text is None:
        return _from_cookie(parts["cookie"], origin)
    if is_named(text) or "session=" in text:
        return _from_cookie(text, origin)
    if not text.startswith("{"):
        return Credential(secret=Secret(text), origin=origin)
    found = _from_login(text, origin)
    if found is None:
        raise ServiceError(f"{origin} holds no login of Amp", hint=RENEW)
    return found


def token_for(credential: Credential, base_url: str) -> Secret:
    """The token of the server that is asked. Raises NotConfigured where the login is one of others only."""
    if credential.kind != "login":
        return credential.secret
    host = _host(base_url)
    # A proxy on this machine passes on to Amp itself.
    local = f"{host}:".startswith(_LOOPBACK)
    found = credential.others.get(host) or (credential.others.get(_OWN_HOST) if local else None)
    if found is None:
        raise NotConfigured(
            f"{credential.origin} holds no login for {host}, only for {', '.join(credential.others)}",
            hint=f"run `amp login` for that server, set {_TOKEN}, or correct base_url",
        )
    return found


def _login(machine: Machine) -> Credential | None:
    text = read_text(_LOGIN, machine, "Amp's login")
    return _from_login(text, _LOGIN) if text and text.strip() else None


def _from_login(text: str, origin: str) -> Credential | None:
    """The tokens of a login file's text by their servers' hosts; None where it holds none."""
    body = parse_json(text, origin, RENEW)
    tokens: dict[str, Secret] = {}
    for name, token in body.items():
        host = _host(name.removeprefix(_KEY_OF)) if name.startswith(_KEY_OF) else ""
        if host and isinstance(token, str) and token.strip():
            tokens[host] = Secret(token.strip())
    if not tokens:
        return None
    main = tokens.get(_OWN_HOST) or next(iter(tokens.values()))
    return Credential(secret=main, origin=origin, kind="login", others=tokens)


def _cookie(machine: Machine) -> Credential | None:
    text = machine.get(_COOKIE)
    return None if text is None else _from_cookie(text, _COOKIE)


def _from_cookie(text: str, origin: str) -> Credential:
    """The session in a bare value or a whole `Cookie:` header. Raises ServiceError."""
    if is_header(text):
        text = cookies(text).get("session", "")
    if not text:
        raise ServiceError(f"{origin} holds no cookie named session", hint=COPY_COOKIE)
    return Credential(secret=Secret(text), origin=origin, kind="cookie")


def _host(url: str) -> str:
    """Host and port of a URL; "" where it has none."""
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
