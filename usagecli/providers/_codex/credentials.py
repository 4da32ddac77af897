"""Where Codex keeps its login: the environment, `auth.json`, the keyring; and what its tokens say.

Nothing is refreshed or written: refresh tokens are good for one use, and whoever redeems one without
telling Codex logs its user out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usagecli import log, wire
from usagecli.credentials import (
    Credential,
    Place,
    Secret,
    claims_of,
    env_place,
    keyring_text,
    parse_json,
    read_text,
    unhexed,
)
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service

RENEW = "run `codex login`"
# Each with the part of a `credential:` map that it is.
_PAIR = {"CHATGPT_ACCESS_TOKEN": "access_token", "CHATGPT_ACCOUNT_ID": "account_id"}
_PERSONAL = "CODEX_ACCESS_TOKEN"
_PERSONAL_PREFIX = "at-"
_AUTH_CLAIM = "https://api.openai.com/auth"
_PROFILE_CLAIM = "https://api.openai.com/profile"


def places() -> tuple[Place, ...]:
    """The environment first; then, where CODEX_HOME is set, that folder alone."""
    return (
        Place(name=" + ".join(_PAIR), look=_pair, variables=_PAIR),
        # Of other values it is a signed identity, and no token that a request could carry.
        env_place(_PERSONAL, prefix=_PERSONAL_PREFIX, kind="pat"),
        Place(name="~/.codex/auth.json (or below CODEX_HOME)", look=_home_file),
        Place(name="~/.config/codex/auth.json", look=_legacy_file),
        Place(name="keyring (Codex Auth; where config.toml chooses it)", look=_keyring),
    )


def home(machine: Machine) -> str:
    """The folder in which Codex keeps its login and its config."""
    named = machine.get("CODEX_HOME")
    return machine.expand(named) if named else os.path.join(machine.home, ".codex")


def each_home(service: Service) -> tuple[Service, ...]:
    """A service for every home in the option `homes`; itself without it. Raises ValueError."""
    homes = service.options.get("homes")
    if homes is None:
        return (service,)
    if service.credential is not None:
        raise ValueError("homes: every home has a login of its own; leave out credential, or homes")
    folders = [[part for part in re.split(r"[/\\]", path) if part] for path in homes]
    last = [parts[-1].lstrip(".") if parts else "" for parts in folders]
    # Homes such as ~/work/.codex and ~/private/.codex are told apart by the folder above.
    names = [
        "/".join(parts[-2:]) if last.count(name) > 1 else name
        for parts, name in zip(folders, last, strict=True)
    ]
    blank = dict.fromkeys((*_PAIR, _PERSONAL), "")
    options = {name: value for name, value in service.options.items() if name != "homes"}
    return tuple(
        replace(
            service,
            name=f"{service.name}:{name}",
            group=service.name,
            env={**blank, "CODEX_HOME": path},
            options=options,
        )
        for name, path in zip(names, homes, strict=True)
    )


def setting(machine: Machine, key: str) -> str | None:
    """A text of the Codex home's `config.toml`; None where there is none or it cannot be read."""
    path = os.path.join(home(machine), "config.toml")
    try:
        with open(path, "rb") as file:
            import tomllib

            return wire.as_text(tomllib.load(file).get(key))
    except (OSError, ValueError, RecursionError):
        return None


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, the text of an `auth.json`, or a map of token and account id."""
    text = parts.get("", parts.get("access_token"))
    if text is None:
        raise ServiceError(
            "the Codex credential gives no access_token", hint="add access_token beside account_id"
        )
    is_file = unhexed(text).startswith("{")
    found = from_auth_json(text, origin) if is_file else from_token(text.strip(), origin)
    account = parts.get("account_id", "").strip()
    return replace(found, account_id=account) if account else found


def from_token(token: str, origin: str, *, id_token: str = "", account_id: str | None = None) -> Credential:
    """A credential of an access token and what the claims of the id token, else its own, say."""
    if token.startswith(_PERSONAL_PREFIX):
        return Credential(secret=Secret(token), origin=origin, kind="pat", account_id=account_id)
    said, beside = _facts(claims_of(id_token)), _facts(claims_of(token))
    facts = {name: said[name] or beside[name] for name in said}
    own_id = facts.pop("account_id")
    return Credential(
        secret=Secret(token), origin=origin, kind="oauth", account_id=account_id or own_id, facts=facts
    )


def _facts(claims: Mapping[str, Any]) -> dict[str, Any]:
    """What one token says of the account."""
    auth, profile = wire.as_mapping(claims.get(_AUTH_CLAIM)), wire.as_mapping(claims.get(_PROFILE_CLAIM))
    return {
        "account_id": wire.as_text(auth.get("chatgpt_account_id")),
        "email": wire.as_text(claims.get("email")) or wire.as_text(profile.get("email")),
        "plan": wire.as_text(auth.get("chatgpt_plan_type")),
        "user": wire.as_text(wire.first(auth, "chatgpt_user_id", "user_id")),
        "fedramp": auth.get("chatgpt_account_is_fedramp") is True,
    }


def from_auth_json(text: str, origin: str) -> Credential:
    """The credential in the text of `auth.json`. Raises ServiceError, NotConfigured."""
    body = parse_json(unhexed(text), origin, RENEW)
    # Older files are flat.
    tokens = body if body.get("tokens") is None else wire.as_mapping(body["tokens"])
    token = wire.first_text(tokens, "access_token", "accessToken")
    id_token = wire.first_text(tokens, "id_token", "idToken")
    refresh_token = wire.first_text(tokens, "refresh_token", "refreshToken")
    # Never sent anywhere, but secrets: now the log masks them.
    _ = [Secret(other) for other in (id_token, refresh_token) if other]
    if token:
        account_id = wire.first_text(tokens, "account_id", "accountId")
        return from_token(token, origin, id_token=id_token or "", account_id=account_id)
    personal = wire.first_text(body, "personal_access_token", "personalAccessToken")
    if personal:
        return Credential(secret=Secret(personal), origin=origin, kind="pat")
    if wire.first_text(body, "OPENAI_API_KEY"):
        raise NotConfigured(f"{origin} holds an API key only; usage needs ChatGPT sign-in", hint=RENEW)
    raise ServiceError(f"{origin} holds no Codex login in the known shape", hint=RENEW)


def _pair(machine: Machine) -> Credential | None:
    given = {name: value for name in _PAIR if (value := machine.get(name))}
    if len(given) == 1:
        missing = next(name for name in _PAIR if name not in given)
        log.warn(f"{', '.join(given)} is ignored, because {missing} is not set")
    if len(given) < 2:
        return None
    token, account = given.values()
    return from_token(token, next(iter(_PAIR)), account_id=account)


def _home_file(machine: Machine) -> Credential | None:
    path = os.path.join(home(machine), "auth.json")
    found = _file(path, machine)
    if found is None and machine.get("CODEX_HOME"):
        # Told unless the keyring has it: whoever names a home looks for its login there first.
        raise NotConfigured(
            f"no Codex login was found: {machine.short(path)} does not exist",
            hint="correct the path of that home, or run `codex login` with CODEX_HOME set to it",
        )
    return found


def _legacy_file(machine: Machine) -> Credential | None:
    # Whoever sets CODEX_HOME means that folder and no other.
    if machine.get("CODEX_HOME"):
        return None
    return _file(os.path.join(machine.home, ".config", "codex", "auth.json"), machine)


def _file(path: str, machine: Machine) -> Credential | None:
    text = read_text(path, machine, "Codex's login")
    if text is None:
        return None
    return replace(from_auth_json(text, machine.short(path)), reread=lambda: _file(path, machine))


def _keyring(machine: Machine) -> Credential | None:
    """Codex keeps its login there only where its config says so, under a name made of its folder."""
    if setting(machine, "cli_auth_credentials_store") not in ("keyring", "auto"):
        return None
    import hashlib

    folder = os.path.realpath(home(machine))
    user = f"cli|{hashlib.sha256(folder.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    text = keyring_text("Codex Auth", user)
    if text is None:
        return None
    return replace(from_auth_json(text, "keyring (Codex Auth)"), reread=lambda: _keyring(machine))
