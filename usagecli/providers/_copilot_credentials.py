"""Tokens that can read Copilot's usage: the environment, the editors' plug-ins, two command lines.

The files belong to their programs: read, never written. Tokens of a GitHub Enterprise host stay
where they are: only those of github.com are taken.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, env_place, keyring_text, read_text
from usagecli.errors import ProviderError, ServiceError
from usagecli.machine import Machine

RENEW = "make a new token with Plan: read at github.com/settings/personal-access-tokens, or: gh auth login"
# Text in quotes stays; what stands outside of them behind // or between /* */ goes.
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_GH_TIMEOUT_S = 5.0


def places() -> tuple[Place, ...]:
    """GITHUB_PAT reads the documented reports; all others read what Copilot's own clients read."""
    return (
        env_place("GITHUB_PAT", kind="pat"),
        env_place("COPILOT_GITHUB_TOKEN", kind="oauth"),
        env_place("GH_TOKEN", kind="oauth", shared=True),
        env_place("GITHUB_TOKEN", kind="oauth", shared=True),
        Place(name="~/.config/github-copilot/apps.json", look=lambda m: _plugin(m, "apps.json")),
        Place(name="~/.config/github-copilot/hosts.json", look=lambda m: _plugin(m, "hosts.json")),
        Place(name="~/.copilot/config.json", look=_copilot_cli),
        Place(name="~/.config/gh/hosts.yml (GitHub CLI)", look=_gh_file, shared=True),
        Place(name="gh auth token (GitHub CLI)", look=_gh_keyring, shared=True),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured token, told by its prefix, or the text of one of the files above.

    kind `pat` reads the billing reports, `oauth` the clients' endpoint, `either` the reports where a
    login is known.
    """
    text = next(iter(parts.values())).strip()
    if text.startswith(("{", "//", "/*")):
        body = _json(text, origin)
        found = _from_plugin(body, origin) or _from_copilot_cli(body, origin)
        if found is None:
            raise ServiceError(f"{origin} holds no token of github.com", hint=RENEW)
        return found
    kind = (
        "pat"
        if text.startswith("github_pat_")
        else "oauth"
        if text.startswith(("gho_", "ghu_"))
        else "either"
    )
    return Credential(secret=Secret(text), origin=origin, kind=kind)


def _oauth(token: Any, login: Any, origin: str) -> Credential | None:
    if not isinstance(token, str) or not token.strip():
        return None
    return Credential(
        secret=Secret(token.strip()), origin=origin, kind="oauth", facts={"login": wire.as_text(login)}
    )


def _json(text: str, origin: str) -> Mapping[str, Any]:
    try:
        body = json.loads(_COMMENT.sub(lambda match: match[1] or " ", text))
    except (ValueError, RecursionError):
        raise ServiceError(f"{origin} is not valid JSON (truncated?)", hint=RENEW) from None
    return wire.as_mapping(body)


def _plugin(machine: Machine, name: str) -> Credential | None:
    path = os.path.join(_config_dir(machine, "LOCALAPPDATA", "Local", "github-copilot"), name)
    text = read_text(path, machine, "Copilot's login")
    return None if text is None else _from_plugin(_json(text, machine.short(path)), machine.short(path))


def _from_plugin(body: Mapping[str, Any], origin: str) -> Credential | None:
    for host, entry in body.items():
        if host == "github.com" or host.startswith("github.com:"):
            found = _oauth(
                wire.as_mapping(entry).get("oauth_token"), wire.as_mapping(entry).get("user"), origin
            )
            if found is not None:
                return found
    return None


def _copilot_cli(machine: Machine) -> Credential | None:
    path = os.path.join(machine.home, ".copilot", "config.json")
    text = read_text(path, machine, "Copilot's login")
    return None if text is None else _from_copilot_cli(_json(text, machine.short(path)), machine.short(path))


def _from_copilot_cli(body: Mapping[str, Any], origin: str) -> Credential | None:
    for account, token in wire.as_mapping(body.get("copilotTokens")).items():
        host, _, login = account.removeprefix("https://").partition(":")
        if host == "github.com":
            found = _oauth(token, login, origin)
            if found is not None:
                return found
    return None


def _config_dir(machine: Machine, windows: str, tail: str, name: str) -> str:
    if machine.platform == "win32":
        root = machine.get(windows) or os.path.join(machine.home, "AppData", tail)
        return os.path.join(root, name)
    xdg = machine.get("XDG_CONFIG_HOME")
    return os.path.join(xdg if xdg and os.path.isabs(xdg) else os.path.join(machine.home, ".config"), name)


# -- the GitHub CLI ---------------------------------------------------------------------------------


def _gh_host(machine: Machine) -> tuple[Mapping[str, Any], str]:
    """What gh's hosts.yml says of github.com, and the path of the file."""
    name = "GitHub CLI" if machine.platform == "win32" else "gh"
    folder = machine.get("GH_CONFIG_DIR") or _config_dir(machine, "APPDATA", "Roaming", name)
    path = os.path.join(machine.expand(folder), "hosts.yml")
    text = read_text(path, machine, "gh's login")
    if text is None:
        return {}, path
    import yaml

    try:
        body = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        # Another program's file, in whatever state: then gh has no token for us.
        return {}, path
    return wire.as_mapping(wire.as_mapping(body).get("github.com")), path


def _gh_file(machine: Machine) -> Credential | None:
    host, path = _gh_host(machine)
    return _oauth(host.get("oauth_token"), host.get("user"), machine.short(path))


def _gh_keyring(machine: Machine) -> Credential | None:
    """Where gh keeps its token in the system's keyring, its file names the login alone."""
    host, _ = _gh_host(machine)
    login = wire.as_text(host.get("user"))
    if login is None or host.get("oauth_token"):
        return None
    return _oauth(_from_keyring(login) or _from_gh(machine), login, "gh auth token")


def _from_keyring(login: str) -> str | None:
    try:
        text = keyring_text("gh:github.com", login)
    except ProviderError:
        return None
    prefix = "go-keyring-base64:"
    if not text or not text.startswith(prefix):
        return text
    import binascii

    try:
        return binascii.a2b_base64(text[len(prefix) :]).decode()
    except ValueError:
        return None


def _from_gh(machine: Machine) -> str | None:
    import shutil
    import subprocess

    gh = shutil.which("gh", path=machine.env.get("PATH") or os.devnull)
    if gh is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - gh, found on the user's own PATH
            [gh, "auth", "token", "--hostname", "github.com"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_GH_TIMEOUT_S,
            env=dict(machine.env),
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
