"""The figures of Claude Code's status line, kept from one run to the next.

One file a configuration folder of Claude Code, since each is an account of its own: mode 0600,
replaced in one step, so that a run which is killed leaves a whole file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from usagecli import log, wire
from usagecli.local import Local, standing
from usagecli.model import Usage
from usagecli.storage import codec
from usagecli.storage.files import write_atomic

if TYPE_CHECKING:
    from usagecli.credentials import Credential
    from usagecli.machine import Machine
    from usagecli.model import Service
    from usagecli.providers._claude.statusline import Told

_VERSION = 1
_MAX_FILE = 1_000_000
# Claude Code keeps its projects in the same file as its login.
_MAX_SETTINGS = 50_000_000
_SESSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The last figures: when they came, the login that stood on disk then, and of each of the last
    sessions the reply that brought its newest."""

    usage: Usage
    at: datetime
    account: str | None = None
    replies: Mapping[str, str | None] = field(default_factory=dict)


def keep(told: Told, machine: Machine, now: datetime) -> Kept | None:
    """Store what a document tells, if it is news; what is then known.

    Nothing is forgotten for a document without figures, and a session that only draws its line
    anew does not make its figures younger.
    """
    before = load(machine)
    if told.usage is None:
        return before
    session = told.session or ""
    replies = dict(before.replies) if before else {}
    if before is not None and told.reply is not None and replies.get(session) == told.reply:
        return before
    replies.pop(session, None)
    replies[session] = told.reply
    found = Kept(
        usage=told.usage,
        at=now,
        account=login(machine),
        replies=dict(list(replies.items())[-_SESSIONS:]),
    )
    _store(found, machine)
    return found


def recall(service: Service, credential: Credential | None, machine: Machine) -> Local | None:
    """What stands in for the service's own answer; None where it may be another account's."""
    if service.credential is not None:
        return None
    found = load(machine)
    if found is None or not _is_own(found, credential, machine):
        return None
    return local_of(found, machine.clock())


def local_of(found: Kept, now: datetime) -> Local | None:
    """What was kept, as far as it still holds."""
    return standing(replace(found.usage, account=found.account), found.at, now, "Claude Code", {})


def _is_own(found: Kept, credential: Credential | None, machine: Machine) -> bool:
    """Whether the figures belong to the login of this run (None: there is none)."""
    now = login(machine)
    if credential is None:
        return now in (None, found.account)
    # A token of the environment, or a cookie, may be anybody's; a login can be read again.
    return credential.reread is not None and found.account is not None and now == found.account


def login(machine: Machine) -> str | None:
    """The e-mail address that Claude Code is signed in with, from what it keeps beside its login."""
    if machine.get("CLAUDE_CODE_OAUTH_TOKEN") is not None:
        # Then Claude Code works with that token, whoever is signed in.
        return None
    own = machine.get("CLAUDE_CONFIG_DIR")
    path = os.path.join(machine.expand(own) if own else machine.home, ".claude.json")
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_SETTINGS)
        # The file may be of many megabytes: only this one object of it is parsed.
        start = re.search(rb'"oauthAccount"\s*:\s*(?=\{)', data)
        if start is None:
            return None
        text = data[start.end() : start.end() + _MAX_FILE].decode("utf-8", "replace")
        body, _ = json.JSONDecoder().raw_decode(text)
    except (OSError, ValueError, RecursionError):
        return None
    return wire.as_text(body.get("emailAddress"))


def load(machine: Machine) -> Kept | None:
    """What was kept for the machine's configuration folder; None for nothing, or a file of no use."""
    try:
        with open(path_of(machine), "rb") as file:
            body = json.loads(file.read(_MAX_FILE))
        if body["version"] != _VERSION:
            return None
        return Kept(
            usage=codec.decode(body["usage"]),
            at=datetime.fromtimestamp(body["at"], UTC),
            account=wire.as_text(body["account"]),
            replies=dict(body["replies"]),
        )
    except FileNotFoundError:
        return None
    # Whatever stands in the file, it only stands in for an answer.
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        log.debug(f"figures of Claude Code's status line: not usable ({type(error).__name__})")
        return None


def path_of(machine: Machine) -> str:
    """The file of the configuration folder that the machine's environment names."""
    import zlib

    folder = machine.expand(machine.get("CLAUDE_CONFIG_DIR") or os.path.join("~", ".claude"))
    told = os.path.realpath(folder).encode("utf-8", "surrogatepass")
    return os.path.join(machine.cache_dir, f"claude-code-{zlib.crc32(told):08x}.json")


def _store(found: Kept, machine: Machine) -> None:
    body: dict[str, Any] = {
        "version": _VERSION,
        "at": found.at.timestamp(),
        "account": found.account,
        "replies": dict(found.replies),
        "usage": codec.encode(found.usage),
    }
    try:
        write_atomic(path_of(machine), json.dumps(body).encode())
    except OSError as error:
        log.debug(f"figures of Claude Code's status line: not kept ({error.strerror})")
