"""The console login of Alibaba's command line `bl`, keys, and a cookie of Qwen Cloud.

The login belongs to `bl`: read, never written or renewed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from usagecli import programs, wire
from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.providers._web import cookie_header

if TYPE_CHECKING:
    from usagecli.machine import Machine

SIGN_IN = "run: bl auth login --console (it lasts on one device at a time)"
# The kinds of a credential, and the parts of a configured one.
LOGIN, KEY, COOKIE, PROGRAM = "access_token", "api_key", "cookie", "program"
_FOLDER, _COOKIE_VARIABLE = "BAILIAN_CONFIG_DIR", "QWEN_CLOUD_COOKIE"
_KEYS = ("ALIBABA_CODING_PLAN_API_KEY", "ALIBABA_QWEN_API_KEY")
# Of every kind of use of Alibaba's models, most of them without a plan.
_SHARED_KEY = "DASHSCOPE_API_KEY"
# The name that stands for the top of the file itself.
_TOP = "default"


def places() -> tuple[Place, ...]:
    """The login first: it alone can read a token plan, and keys are often set for other ends."""
    return (
        Place(name=f"~/.bailian/config.json (or below {_FOLDER}; bl auth login --console)", look=_login),
        *(env_place(name, kind=KEY, part=KEY) for name in _KEYS),
        env_place(_SHARED_KEY, kind=KEY, part=KEY, shared=True),
        Place(name=_COOKIE_VARIABLE, look=_cookie, variables={_COOKIE_VARIABLE: COOKIE}),
        Place(name="bl (what it prints)", look=_found_program, shared=True),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured part. A single secret is a key, `bl`'s config.json, or where it holds `=` a cookie."""
    part, text = next(iter(parts.items()))
    if text.startswith("{"):
        found = _from_config(text, origin)
        if found is None:
            raise ServiceError(f"{origin} holds no console login", hint=SIGN_IN)
        return found
    if part == COOKIE or (part == "" and "=" in text):
        return Credential(secret=Secret(cookie_header(text)), origin=origin, kind=COOKIE)
    return Credential(secret=Secret(text), origin=origin, kind=part or KEY)


def _login(machine: Machine) -> Credential | None:
    folder = machine.get(_FOLDER) or os.path.join("~", ".bailian")
    path = os.path.join(machine.expand(folder), "config.json")
    text = read_text(path, machine, "bl's login")
    return _from_config(text, machine.short(path)) if text else None


def _from_config(text: str, origin: str) -> Credential | None:
    body = _active(parse_json(text, origin, SIGN_IN), origin)
    token = body.get("access_token")
    if not isinstance(token, str) or not token.strip():
        return None
    return Credential(
        secret=Secret(token.strip()),
        origin=origin,
        kind=LOGIN,
        facts={
            "region": wire.as_text(body.get("console_region")),
            "site": wire.as_text(body.get("console_site")),
            "agent": _user_id(body.get("console_switch_agent")),
        },
    )


def _user_id(value: Any) -> int | None:
    """A user's id, which has more digits than a figure may; None for anything else."""
    text = str(value).strip() if isinstance(value, int | str) else ""
    return int(text) if re.fullmatch(r"\d{1,30}", text, re.ASCII) else None


def _active(body: Mapping[str, Any], origin: str) -> Mapping[str, Any]:
    """The profile that is in use: the top of the file, or the block that it names."""
    name = wire.as_text(body.get("active_config")) or _TOP
    block = body if name == _TOP else body.get(name)
    if not isinstance(block, dict):
        raise NotConfigured(f"active_config of {origin} names a profile that is not there", hint=SIGN_IN)
    return block


def _cookie(machine: Machine) -> Credential | None:
    text = machine.get(_COOKIE_VARIABLE)
    if text is None:
        return None
    return Credential(secret=Secret(cookie_header(text)), origin=_COOKIE_VARIABLE, kind=COOKIE)


def _found_program(machine: Machine) -> Credential | None:
    if programs.find(machine, "bl") is None:
        return None
    return Credential(secret=Secret(""), origin="bl", kind=PROGRAM, account_id="bl")
