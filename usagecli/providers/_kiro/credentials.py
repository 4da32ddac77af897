"""Where the logins of Kiro's editor and of `kiro-cli` stand, and what says more of the profile.

Both belong to their programs: read, never written, and no refresh token is redeemed. Without a
login there are figures that the programs tell by themselves: see `local`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, parse_json, read_text
from usagecli.errors import PayloadError, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.providers import _sqlite, _vscode
from usagecli.providers._kiro import local

OPEN, RUN = "open Kiro and sign in", "run: kiro-cli login"
RENEW = "sign in in Kiro, or run: kiro-cli login"
# The region of an account that does not say where it is.
REGION = "us-east-1"
_FILE = "~/.aws/sso/cache/kiro-auth-token.json"
# Spelled so by its owner.
_TOKEN_KEY, _PROFILE_KEY = "kirocli:odic:token", "api.codewhisperer.profile"
_ARN = re.compile(r"arn:aws[\w-]*:codewhisperer:([a-z]{2}(?:-[a-z]+)+-\d{1,2}):[\w:/.+=@-]{1,200}", re.ASCII)


def places() -> tuple[Place, ...]:
    """kind `ide` and `cli` are logins; `local` and `program` hold no secret, but lead to figures."""
    return (
        Place(name=f"{_FILE} (the Kiro editor)", look=_editor),
        Place(name="data.sqlite3 (kiro-cli login)", look=_cli),
        Place(name="figures of the Kiro editor", look=_figures),
        Place(name="kiro-cli on the PATH", look=_program, shared=True),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured access token, or the text of a login of either program."""
    text = next(iter(parts.values())).strip()
    if not text.startswith("{"):
        return Credential(secret=Secret(text), origin=origin, kind="ide", facts=_facts({}))
    found = _in_login(text, origin, "ide")
    if found is None:
        raise ServiceError(f"{origin} holds no login of Kiro", hint=RENEW)
    return found


def region_of(arn: str | None) -> str:
    """The region that a profile's ARN names, and so the host that a token may go to."""
    match = _ARN.fullmatch(arn or "")
    return match[1] if match else REGION


def _in_login(text: str, origin: str, kind: str) -> Credential | None:
    body = parse_json(text, origin, OPEN if kind == "ide" else RUN)
    token = wire.first(body, "accessToken", "access_token")
    if not isinstance(token, str) or not token.strip():
        return None
    return Credential(secret=Secret(token.strip()), origin=origin, kind=kind, facts=_facts(body))


def _facts(body: Mapping[str, Any]) -> dict[str, Any]:
    arn = wire.as_text(wire.first(body, "profileArn", "profile_arn"))
    return {"profile_arn": arn, "provider": wire.as_text(body.get("provider"))}


def _with_profile(credential: Credential, find: Callable[[], str | None]) -> Credential:
    """The login with the profile that stands elsewhere, where it names none; some accounts have none."""
    if credential.facts["profile_arn"]:
        return credential
    try:
        arn = find()
    except ProviderError:
        return credential
    return replace(credential, facts={**credential.facts, "profile_arn": arn})


def _arn_in(text: str, origin: str) -> str | None:
    return wire.as_text(parse_json(text, origin, RENEW).get("arn")) if text.strip() else None


# -- the places -------------------------------------------------------------------------------------


def _editor(machine: Machine) -> Credential | None:
    text = read_text(_FILE, machine, "Kiro's login")
    found = None if text is None else _in_login(text, _FILE, "ide")
    if found is None:
        return None
    path = os.path.join(
        _vscode.app_folder(machine, "Kiro"), "User", "globalStorage", "kiro.kiroagent", "profile.json"
    )
    whole = _with_profile(found, lambda: _arn_in(read_text(path, machine, "Kiro's profile") or "", path))
    return replace(whole, reread=lambda: _editor(machine))


def _cli(machine: Machine) -> Credential | None:
    path, what = os.path.join(_data_folder(machine), "data.sqlite3"), "kiro-cli's login"
    text = _sqlite.values(path, (_TOKEN_KEY,), machine, what, table="auth_kv").get(_TOKEN_KEY, "")
    found = _in_login(text, machine.short(path), "cli") if text.strip() else None
    if found is None:
        return None

    def profile() -> str | None:
        values = _sqlite.values(path, (_PROFILE_KEY,), machine, what, table="state")
        return _arn_in(values.get(_PROFILE_KEY, ""), what)

    return replace(_with_profile(found, profile), reread=lambda: _cli(machine))


def _data_folder(machine: Machine) -> str:
    own = machine.get("KIRO_DATA_DIR")
    if own:
        return machine.expand(own)
    if machine.platform == "darwin":
        root = os.path.join(machine.home, "Library", "Application Support")
    elif machine.platform == "win32":
        root = machine.get("LOCALAPPDATA") or os.path.join(machine.home, "AppData", "Local")
    else:
        given = machine.get("XDG_DATA_HOME") or ""
        root = given if os.path.isabs(given) else os.path.join(machine.home, ".local", "share")
    return os.path.join(root, "kiro-cli")


def _figures(machine: Machine) -> Credential | None:
    found = local.newest(machine)
    if found is None or (_program(machine) is not None and not _holds(found, machine)):
        return None
    facts = {"reply": found.reply, "written_at": found.written_at}
    return Credential(
        secret=Secret(""), origin=found.origin, kind="local", account_id=found.origin, facts=facts
    )


def _holds(told: local.Told, machine: Machine) -> bool:
    """Whether figures that were written down say anything of now."""
    # Here, because every run that looks for services imports this file.
    from usagecli.providers._kiro.usage import parse, still

    try:
        return bool(still(parse(told.reply), machine.clock()).quotas)
    except PayloadError:
        return False


def _program(machine: Machine) -> Credential | None:
    import shutil

    program = shutil.which("kiro-cli", path=machine.env.get("PATH") or os.devnull)
    if program is None:
        return None
    return Credential(
        secret=Secret(""),
        origin="kiro-cli",
        kind="program",
        account_id="kiro-cli",
        facts={"program": program},
    )
