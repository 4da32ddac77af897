"""Tokens that can read Copilot's usage: the environment, the editors' plug-ins, two command lines.

The files belong to their programs: read, never written. Tokens of a GitHub Enterprise host stay
where they are: only those of github.com are taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import (
    Credential,
    Place,
    Secret,
    env_place,
    keyring_text,
    parse_json,
    read_text,
    unwrapped,
    without_comments,
)
from usagecli.errors import ServiceError
from usagecli.machine import Machine

RENEW = "make a new token with Plan: read at github.com/settings/personal-access-tokens, or: gh auth login"
_HOST = "github.com"
_GH_TIMEOUT_S = 5.0


def places() -> tuple[Place, ...]:
    """GITHUB_PAT reads the documented reports; all others read what Copilot's own clients read."""
    return (
        env_place("GITHUB_PAT", kind="pat"),
        env_place("COPILOT_GITHUB_TOKEN", kind="oauth"),
        _gh_variable("GH_TOKEN"),
        _gh_variable("GITHUB_TOKEN"),
        Place(name="~/.config/github-copilot/apps.json", look=lambda m: _plugin(m, "apps.json")),
        Place(name="~/.config/github-copilot/hosts.json", look=lambda m: _plugin(m, "hosts.json")),
        Place(name="~/.copilot/config.json (Copilot CLI)", look=_copilot_cli),
        Place(name="~/.config/gh/hosts.yml or gh auth token", look=_gh, shared=True),
    )


def _gh_variable(name: str) -> Place:
    """A variable of gh's: where gh is set to another host, its token is not for github.com."""
    own = env_place(name, kind="oauth")

    def look(machine: Machine) -> Credential | None:
        return own.look(machine) if machine.get("GH_HOST") in (None, _HOST) else None

    return replace(own, name=f"{name} (unless GH_HOST names another host)", look=look, shared=True)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, told by its prefix, or the text of one of the files above.

    kind `pat` reads the billing reports, `oauth` the clients' endpoint, `either` the reports where a
    login is known.
    """
    text = next(iter(parts.values())).strip()
    found: Credential | None
    if text.startswith(("{", "//", "/*")):
        body = _json(text, origin, RENEW)
        found = _from_plugin(body, origin) or _from_copilot_cli(body, origin)
    elif "\n" in text:
        host = _gh_host(text, origin) or {}
        found = _oauth(host.get("oauth_token"), host.get("user"), origin)
    else:
        token = unwrapped(text)
        found = Credential(secret=Secret(token), origin=origin, kind=_kind(token)) if token else None
    if found is None:
        raise ServiceError(f"{origin} holds no token of {_HOST}", hint=RENEW)
    return found


def _kind(token: str) -> str:
    if token.startswith("github_pat_"):
        return "pat"
    return "oauth" if token.startswith(("gho_", "ghu_")) else "either"


def _oauth(token: Any, login: Any, origin: str) -> Credential | None:
    if not isinstance(token, str) or not token.strip():
        return None
    facts = {"login": wire.as_text(login)}
    return Credential(secret=Secret(token.strip()), origin=origin, kind="oauth", facts=facts)


def _config_dirs(machine: Machine, windows: tuple[str, str], name: str) -> tuple[str, ...]:
    """Where a program of that name may keep its settings, in the order to look.

    `windows` is the variable of the directory there and, should it be unset, its usual place.
    """
    if machine.platform == "win32":
        variable, usual = windows
        return (os.path.join(machine.get(variable) or os.path.join(machine.home, "AppData", usual), name),)
    xdg = machine.get("XDG_CONFIG_HOME") or ""
    roots = (*((xdg,) if os.path.isabs(xdg) else ()), os.path.join(machine.home, ".config"))
    return tuple(os.path.join(root, name) for root in roots)


# -- the editors' plug-ins and the Copilot CLI ------------------------------------------------------


def _plugin(machine: Machine, name: str) -> Credential | None:
    renew = "sign in to Copilot in the editor again"
    for folder in _config_dirs(machine, ("LOCALAPPDATA", "Local"), "github-copilot"):
        found = _in_json(os.path.join(folder, name), machine, renew, _from_plugin)
        if found is not None:
            return found
    return None


def _copilot_cli(machine: Machine) -> Credential | None:
    path = os.path.join(machine.home, ".copilot", "config.json")
    return _in_json(path, machine, "sign in again: run `copilot`, then `/login`", _from_copilot_cli)


def _in_json(
    path: str, machine: Machine, renew: str, find: Callable[[Mapping[str, Any], str], Credential | None]
) -> Credential | None:
    text, origin = read_text(path, machine, "Copilot's login"), machine.short(path)
    return None if text is None else find(_json(text, origin, renew), origin)


def _json(text: str, origin: str, renew: str) -> Mapping[str, Any]:
    """JSON with comments, as the Copilot CLI writes it."""
    return parse_json(without_comments(text), origin, renew)


def _from_plugin(body: Mapping[str, Any], origin: str) -> Credential | None:
    # Keys are a host (hosts.json) or a host and the id of an app (apps.json).
    entries = (wire.as_mapping(entry) for key, entry in body.items() if key.partition(":")[0] == _HOST)
    tokens = (_oauth(entry.get("oauth_token"), entry.get("user"), origin) for entry in entries)
    return next((token for token in tokens if token is not None), None)


def _from_copilot_cli(body: Mapping[str, Any], origin: str) -> Credential | None:
    for account, token in wire.as_mapping(body.get("copilotTokens")).items():
        host, _, login = account.removeprefix("https://").partition(":")
        found = _oauth(token, login, origin) if host == _HOST else None
        if found is not None:
            return found
    return None


# -- the GitHub CLI ---------------------------------------------------------------------------------


def _gh(machine: Machine) -> Credential | None:
    """The token in gh's file; where gh keeps it in the system's keyring, the file has the login alone."""
    name = "GitHub CLI" if machine.platform == "win32" else "gh"
    given = machine.get("GH_CONFIG_DIR")
    folders = (machine.expand(given),) if given else _config_dirs(machine, ("APPDATA", "Roaming"), name)
    for folder in folders:
        path = os.path.join(folder, "hosts.yml")
        text = read_text(path, machine, "gh's login")
        host = None if text is None else _gh_host(text, machine.short(path))
        if host is not None:
            login = wire.as_text(host.get("user"))
            return _oauth(host.get("oauth_token"), login, machine.short(path)) or _oauth(
                _from_keyring(login) or _from_gh(machine),
                login,
                "gh auth token",
            )
    return None


def _gh_host(text: str, origin: str) -> Mapping[str, Any] | None:
    """What gh's hosts.yml says of github.com; None where it knows no such host."""
    import yaml

    try:
        # All values as text: a login or a token may look like a number or a date.
        body = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes nothing but text
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ServiceError(f"{origin} is not valid YAML (truncated?)", hint="gh auth login") from None
    host = wire.as_mapping(body).get(_HOST)
    return host if isinstance(host, dict) else None


def _from_keyring(login: str | None) -> str | None:
    try:
        text = keyring_text(f"gh:{_HOST}", login) if login else None
    except ServiceError:
        # None that works, or a locked one: gh itself may still know.
        return None
    return unwrapped(text) if text else None


def _from_gh(machine: Machine) -> str:
    from usagecli.programs import printed

    words = ("auth", "token", "--hostname", _HOST)
    return printed(machine, "gh", *words, timeout_s=_GH_TIMEOUT_S)
