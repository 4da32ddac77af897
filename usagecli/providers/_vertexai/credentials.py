"""Application Default Credentials: the file that gcloud or the user keeps, and the project it is for.

The file is read, never written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, parse_json, read_text
from usagecli.errors import ServiceError

if TYPE_CHECKING:
    from usagecli.machine import Machine

SIGN_IN = "run: gcloud auth application-default login"
# The kinds of a credential; `ANY` is one that only gcloud makes a token of.
TOKEN, USER, ACCOUNT, ANY = "token", "authorized_user", "service_account", "other"
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_NAME = "application_default_credentials.json"
_CONFIGURATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SECTION = re.compile(r"\s*\[([^\]]+)\]\s*")
_PROJECT = re.compile(r"\s*project\s*[=:]\s*(\S+)\s*")


def places() -> tuple[Place, ...]:
    """Google's logins serve other tools too."""
    return (
        Place(name=_VARIABLE, look=_named, shared=True),
        Place(name=f"~/.config/gcloud/{_NAME} (or below CLOUDSDK_CONFIG)", look=_default, shared=True),
    )


def accept(parts: Mapping[str, str], origin: str, machine: Machine) -> Credential:
    """A configured access token, or the JSON of a credential file."""
    text = next(iter(parts.values()))
    if not text.startswith("{"):
        return _of_project(Credential(secret=Secret(text), origin=origin, kind=TOKEN), machine)
    return _of_project(_from_file(text, origin, default=False), machine)


def _of_project(credential: Credential, machine: Machine) -> Credential:
    """The credential as one of its project: whoever asks is told the same, and of another project other."""
    return replace(credential, account_id=project_of(None, credential, machine) or credential.account_id)


def _named(machine: Machine) -> Credential | None:
    path = machine.get(_VARIABLE)
    return _read(machine.expand(path), machine) if path else None


def _default(machine: Machine) -> Credential | None:
    return _read(os.path.join(_folder(machine), _NAME), machine)


def _folder(machine: Machine) -> str:
    """Where gcloud keeps its configuration."""
    told = machine.get("CLOUDSDK_CONFIG")
    if told:
        return machine.expand(told)
    if machine.platform == "win32":
        roaming = machine.get("APPDATA") or os.path.join(machine.home, "AppData", "Roaming")
        return os.path.join(roaming, "gcloud")
    return os.path.join(machine.home, ".config", "gcloud")


def _read(path: str, machine: Machine) -> Credential | None:
    text = read_text(path, machine, "Google's credentials")
    if text is None:
        return None
    return _of_project(_from_file(text, machine.short(path), default=True), machine)


def _from_file(text: str, origin: str, *, default: bool) -> Credential:
    """The credential in a file's JSON. `default`: gcloud would take this file, so that it can help.

    Facts: `quota_project`, `project`, `email` and `token_uri`, where told.
    """
    body = parse_json(text, origin, SIGN_IN)
    told, email = body.get("type"), wire.first_text(body, "client_email")
    facts = {
        "default": default,
        "quota_project": wire.first_text(body, "quota_project_id"),
        "project": wire.first_text(body, "project_id"),
        "email": email,
        "key_id": wire.first_text(body, "private_key_id"),
        "token_uri": wire.first_text(body, "token_uri"),
    }
    if told == USER:
        found = {
            name: wire.first_text(body, name) for name in ("refresh_token", "client_id", "client_secret")
        }
        missing = next((name for name, value in found.items() if not value), None)
        if missing:
            raise ServiceError(f"{origin} holds no {missing}", hint=SIGN_IN)
        refresh = Secret(found.pop("refresh_token") or "")
        others = {name: Secret(value) for name, value in found.items() if value}
        return Credential(secret=refresh, origin=origin, kind=USER, facts=facts, others=others)
    if told == ACCOUNT:
        key = body.get("private_key")
        if not isinstance(key, str) or not key.strip() or email is None:
            raise ServiceError(
                f"{origin} holds no private_key and client_email", hint="download its key again"
            )
        return Credential(secret=Secret(key), origin=origin, kind=ACCOUNT, account_id=email, facts=facts)
    if not default:
        raise ServiceError(
            f"{origin} holds neither an authorized_user nor a service_account",
            hint="give an access token: credential: {command: gcloud auth print-access-token}",
        )
    return Credential(secret=Secret(""), origin=origin, kind=ANY, account_id=origin, facts=facts)


# -- the project --------------------------------------------------------------------------------------


def project_of(option: str | None, credential: Credential, machine: Machine) -> str | None:
    """The project: the option or its variable, gcloud's variables and configuration, the login's own."""
    return (
        option
        or machine.get("GCLOUD_PROJECT")
        or machine.get("CLOUDSDK_CORE_PROJECT")
        or _configured(machine)
        or credential.facts.get("quota_project")
        or credential.facts.get("project")
    )


def _configured(machine: Machine) -> str | None:
    """The project of gcloud's active configuration."""
    name = (_lines(os.path.join(_folder(machine), "active_config"), machine) or ["default"])[0].strip()
    if not _CONFIGURATION.fullmatch(name):
        return None
    section = None
    for line in _lines(os.path.join(_folder(machine), "configurations", f"config_{name}"), machine):
        head, told = _SECTION.fullmatch(line), _PROJECT.fullmatch(line)
        if head:
            section = head[1].strip()
        elif told and section == "core":
            return told[1]
    return None


def _lines(path: str, machine: Machine) -> list[str]:
    try:
        return (read_text(path, machine, "gcloud's configuration") or "").splitlines()
    except ServiceError:
        return []
