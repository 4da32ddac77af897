"""A Google login of Antigravity at work: its access token, renewed in memory where that is possible.

Google does not rotate these refresh tokens, so renewing logs nobody out; nothing is written. The
client that renews is Antigravity's own: of the environment, or found in the installed programs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from glob import escape, glob
from typing import TYPE_CHECKING, TypeVar

from usagecli import wire
from usagecli.client import Answer
from usagecli.credentials import Secret, claims_of
from usagecli.errors import AuthError, ProviderError, Unavailable
from usagecli.machine import Machine
from usagecli.providers import _google
from usagecli.providers._antigravity.credentials import RENEW

if TYPE_CHECKING:
    from usagecli.client import Ask

_OWN_ID = "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com"
_ID, _SECRET = "ANTIGRAVITY_OAUTH_CLIENT_ID", "ANTIGRAVITY_OAUTH_CLIENT_SECRET"
_MARGIN = timedelta(seconds=60)
_ID_IN = re.compile(rb"[0-9]+-[A-Za-z0-9_-]+\.apps\.googleusercontent\.com")
_SECRET_IN = re.compile(rb"GOCSPX-[A-Za-z0-9_-]{28}")
_APPS = {
    "darwin": (
        "/Applications/Antigravity.app/Contents/Resources/app",
        "~/Applications/Antigravity.app/Contents/Resources/app",
    ),
    "linux": (
        "/usr/share/antigravity/resources/app",
        "/opt/Antigravity/resources/app",
        "/opt/antigravity/resources/app",
    ),
    "win32": ("~/AppData/Local/Programs/Antigravity/resources/app",),
}
_PROGRAMS = ("extensions/antigravity/bin/language_server*", "out/main.js")
_MAX_PROGRAM = 600_000_000

Read = TypeVar("Read")


class Refused(AuthError):
    """A 401 or 403: another token may do."""

    status = 401


@dataclass(slots=True)
class Login:
    """`email` says whose it is; a renewal may know more of that."""

    ask: Ask
    email: str | None = field(init=False)
    _token: Secret | None = field(init=False)
    _renewed: bool = False
    # To look for it may mean to read through programs: once is enough.
    _client: list[tuple[str, Secret] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        credential = self.ask.credential
        self.email = credential.facts.get("email")
        self._token = None if credential.kind == "refresh" else credential.secret
        expires_at = credential.facts.get("expires_at")
        # Without a client to renew it an old token is tried all the same: the answer decides.
        if expires_at is not None and expires_at - self.ask.now() < _MARGIN and self._pair() is not None:
            self._token = None

    def read(self, send: Callable[[dict[str, str]], Read]) -> Read:
        """What `send` reads with the login's headers; once more with a new token where it is refused.

        Raises what `send` does, AuthError, Unavailable, PayloadError.
        """
        if self._token is None:
            self._renew()
        try:
            return send(self._headers())
        except Refused:
            if self._renewed or self._pair() is None:
                raise
            self._renew()
            return send(self._headers())

    def _headers(self) -> dict[str, str]:
        assert self._token is not None
        return {"Authorization": f"Bearer {self._token.reveal()}", "User-Agent": "antigravity"}

    def _pair(self) -> tuple[str, Secret] | None:
        """The client to renew with; None without one, or without a refresh token."""
        others = self.ask.credential.others
        if "refresh_token" not in others:
            return None
        if not self._client:
            self._client.append(_beside(others) or client_pair(self.ask.machine))
        return self._client[0]

    def _renew(self) -> None:
        pair = self._pair()
        if pair is None:
            raise AuthError(
                f"the login from {self.ask.credential.origin} needs renewing, "
                "and Antigravity's own client for that was not found",
                hint=f"{RENEW}; or set {_ID} and {_SECRET}",
            )
        refresh_token = self.ask.credential.others["refresh_token"]
        self._token, answer = _google.refreshed(self.ask, pair, refresh_token, _judge_renewal)
        self._renewed, id_token = True, answer.get("id_token")
        if isinstance(id_token, str):
            Secret(id_token)
            self.email = wire.as_text(claims_of(id_token).get("email")) or self.email


def _judge_renewal(answer: Answer) -> ProviderError | None:
    if answer.status in (400, 401, 403):
        return AuthError(f"Google did not renew Antigravity's login ({answer.status})", hint=RENEW)
    if answer.status in (408, 429) or answer.status >= 500:
        return Unavailable(f"{answer.host} did not renew the login ({answer.status})", hint="try again later")
    return None


# -- the client that Antigravity renews with --------------------------------------------------------


def client_pair(machine: Machine) -> tuple[str, Secret] | None:
    """Id and secret of Antigravity's OAuth client: of the environment, else of the installed programs."""
    id_, secret = machine.get(_ID), machine.get(_SECRET)
    if secret:
        return id_ or _OWN_ID, Secret(secret)
    return next((pair for path in _programs(machine) if (pair := _pair_in(path))), None)


def _beside(others: Mapping[str, Secret]) -> tuple[str, Secret] | None:
    """The client that stood beside the login: a refresh token is good for its own client only."""
    id_, secret = others.get("client_id"), others.get("client_secret")
    return (id_.reveal(), secret) if id_ and secret else None


def _programs(machine: Machine) -> Iterator[str]:
    import shutil

    program = shutil.which("agy", path=machine.get("PATH") or os.devnull)
    if program is not None:
        yield os.path.realpath(program)
    for app in _APPS.get(machine.platform, ()):
        root = escape(machine.expand(app))
        for name in _PROGRAMS:
            yield from sorted(glob(os.path.join(root, *name.split("/"))))


def _pair_in(path: str) -> tuple[str, Secret] | None:
    """The client in a program; None where it holds none or cannot be read."""
    import mmap

    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if len(data) > _MAX_PROGRAM:
                return None
            secret = _SECRET_IN.search(data)
            if secret is None:
                return None
            known = data.find(_OWN_ID.encode()) >= 0
            id_ = None if known else _ID_IN.search(data)
            found = _OWN_ID if known else id_[0].decode() if id_ else None
            return (found, Secret(secret[0].decode())) if found else None
    except (OSError, ValueError):
        return None
