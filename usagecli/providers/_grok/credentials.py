"""Where Grok's login stands: a variable, the login of its command line, or its log of past answers.

The files belong to Grok: they are read, never written, and no token is renewed, since its refresh
tokens rotate.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import NotConfigured, PayloadError
from usagecli.machine import Machine

RENEW = "run: grok login"
LOG = "log"
_TOKEN = "GROK_OAUTH_TOKEN"  # noqa: S105 - a name
_OIDC = "https://auth.x.ai::"
# The command line's own client: its login is the one that people see.
_OWN_OIDC = f"{_OIDC}b1a00492-073a-47ea-816f-4c329264a828"
_OLDER = "https://accounts.x.ai/sign-in"


def places() -> tuple[Place, ...]:
    """The log comes last: it is as old as the last use of Grok."""
    return (
        env_place(_TOKEN, kind="oauth"),
        Place(name="~/.grok/auth.json (grok login; or below GROK_HOME)", look=_login),
        Place(name="~/.grok/logs/unified.jsonl (what grok was told last)", look=_log),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, or the text of an `auth.json`."""
    text = next(iter(parts.values()))
    if text.startswith("{"):
        return from_login(text, origin)
    return Credential(secret=Secret(text), origin=origin, kind="oauth")


def from_login(text: str, origin: str) -> Credential:
    """The login in the text of an `auth.json`. Raises NotConfigured, ServiceError."""
    entry = _entry(parse_json(text, origin, RENEW))
    if entry is None:
        raise NotConfigured(f"{origin} holds no login of Grok", hint=RENEW)
    if _is_team(entry):
        raise NotConfigured(
            f"{origin} holds the login of a team: Grok tells no usage of team accounts",
            hint="sign in with an account of your own (grok login)",
        )
    email = wire.as_text(entry.get("email"))
    return Credential(
        secret=Secret(entry["key"].strip()),
        origin=origin,
        kind="oauth",
        account_id=wire.as_text(entry.get("user_id")) or email,
        facts={"email": email},
    )


def _login(machine: Machine) -> Credential | None:
    path = os.path.join(_folder(machine), "auth.json")
    text = read_text(path, machine, "Grok's login")
    if text is None or not text.strip():
        return None
    return replace(from_login(text, machine.short(path)), reread=lambda: _login(machine))


def _log(machine: Machine) -> Credential | None:
    path = os.path.join(_folder(machine), "logs", "unified.jsonl")
    if not os.path.exists(path) or _is_of_a_team(machine):
        return None
    # Here, because every run that looks for services imports this file.
    from usagecli.providers._grok.log import last_answer
    from usagecli.providers._grok.usage import from_log

    found = last_answer(path)
    if found is None:
        return None

    # A log of a period that is over is no reason to report Grok; a broken one is to be seen.
    with contextlib.suppress(PayloadError):
        from_log(found, now=machine.clock())
    # The log names no account: a login that has gone since may be another one.
    return Credential(
        secret=Secret(""), origin=machine.short(path), kind=LOG, account_id=path, facts={"answer": found}
    )


def _is_of_a_team(machine: Machine) -> bool:
    """Whether what the log holds would be of an account before the one that is signed in now."""
    text = read_text(os.path.join(_folder(machine), "auth.json"), machine, "Grok's login")
    entry = _entry(parse_json(text, "Grok's login", RENEW)) if text and text.strip() else None
    return entry is not None and _is_team(entry)


def _folder(machine: Machine) -> str:
    return machine.expand(machine.get("GROK_HOME") or os.path.join("~", ".grok"))


def _entry(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """One login, of one account: nothing of another entry is ever added to it."""
    return next((entry for entry in _entries(body) if _has_key(entry)), None)


def _entries(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield wire.as_mapping(body.get(_OWN_OIDC))
    yield from (wire.as_mapping(entry) for scope, entry in body.items() if scope.startswith(_OIDC))
    yield wire.as_mapping(body.get(_OLDER))


def _has_key(entry: Mapping[str, Any]) -> bool:
    key = entry.get("key")
    return isinstance(key, str) and bool(key.strip())


def _is_team(entry: Mapping[str, Any]) -> bool:
    kind = entry.get("principal_type")
    return isinstance(kind, str) and kind.lower() == "team"
