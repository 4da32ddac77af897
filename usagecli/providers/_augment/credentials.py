"""What Augment is asked with: an Enterprise token, the command line `auggie`, a browser's cookies.

The session of `auggie` is of use to `auggie` alone: no documented call tells credits for it. It is
read to know whether somebody is signed in, and which account a report is of.
"""

from __future__ import annotations

from collections.abc import Mapping

from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers import _web

PROGRAM = "auggie"
TOKEN, CLI, COOKIE = "api_token", "cli", "cookie"
SIGN_IN = "run: auggie login"
ENTERPRISE = "give an Enterprise API token that may read analytics"
COPY_COOKIE = "copy the cookies of app.augmentcode.com again, or better: auggie login"
_SESSION_FILE, _SESSION_VARIABLE = "~/.augment/session.json", "AUGMENT_SESSION_AUTH"


def places() -> tuple[Place, ...]:
    """The cookies come last: they are those of a browser, and soon gone."""
    return (
        env_place("AUGMENT_API_TOKEN", kind=TOKEN, part=TOKEN),
        Place(name=f"{PROGRAM}, signed in ({_SESSION_FILE} or {_SESSION_VARIABLE})", look=_cli),
        Place(name="AUGMENT_COOKIE", look=_cookies, variables={"AUGMENT_COOKIE": COOKIE}),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token or cookie; a single secret is told by how it looks."""
    token, cookie = parts.get(TOKEN), parts.get(COOKIE)
    text = parts.get("", "")
    if token is None and cookie is None:
        is_cookie = _web.is_header(text)
        token, cookie = (None, text) if is_cookie else (text, None)
    if token is not None:
        return Credential(secret=Secret(token), origin=origin, kind=TOKEN)
    assert cookie is not None
    return _from_cookie(cookie, origin)


def _cli(machine: Machine) -> Credential | None:
    """Somebody is signed in, and the program that can ask for them is there."""
    told = machine.get(_SESSION_VARIABLE)
    origin = _SESSION_FILE if told is None else _SESSION_VARIABLE
    text = told or read_text(_SESSION_FILE, machine, f"{PROGRAM}'s session")
    if text is None or not text.strip():
        return None
    token = parse_json(text, origin, SIGN_IN).get("accessToken")
    if not isinstance(token, str) or not token.strip():
        return None
    # Here, because every run that looks for services imports this file.
    from usagecli import programs

    if programs.find(machine, PROGRAM) is None:
        raise NotConfigured(
            f"{origin} holds a session, but {PROGRAM} is not on the PATH",
            hint=f"install {PROGRAM}: nothing else can use its session",
        )
    return Credential(secret=Secret(token.strip()), origin=f"{PROGRAM} ({origin})", kind=CLI)


def _cookies(machine: Machine) -> Credential | None:
    text = machine.get("AUGMENT_COOKIE")
    return None if text is None else _from_cookie(text, "AUGMENT_COOKIE")


def _from_cookie(text: str, origin: str) -> Credential:
    """All cookies of the page as they stand. Raises ServiceError."""
    header = _web.cookie_header(text)
    if "=" not in header:
        raise ServiceError(f"{origin} holds no cookies (NAME=VALUE; ...)", hint=COPY_COOKIE)
    return Credential(secret=Secret(header), origin=origin, kind=COOKIE)
