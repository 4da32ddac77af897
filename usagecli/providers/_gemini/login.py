"""A Google login at work: its access token, renewed in memory where it is missing or refused.

Google does not rotate these refresh tokens, so renewing logs nobody out; nothing is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from glob import escape, glob
from typing import TYPE_CHECKING, Any, TypeVar

from usagecli.credentials import Secret
from usagecli.errors import AuthError
from usagecli.machine import Machine
from usagecli.providers import _google
from usagecli.providers._gemini.credentials import SIGN_IN, identity
from usagecli.providers._gemini.errors import Refused, judge_renewal

if TYPE_CHECKING:
    from usagecli.client import Ask

_RENEW = "run `gemini` once (it renews its login), or log in there again"
_NEW_TOKEN = f"{SIGN_IN}, or give a new token (one of gcloud lasts an hour)"
_ID, _SECRET = "GEMINI_OAUTH_CLIENT_ID", "GEMINI_OAUTH_CLIENT_SECRET"
# Where npm and Homebrew install for all users; a cron job's PATH may not lead there.
SYSTEM_ROOTS = ("/usr/local/lib/node_modules", "/usr/lib/node_modules", "/opt/homebrew/lib/node_modules")
# The CLI as packages, and as one bundle in chunks.
_SOURCES = (
    "gemini-cli-core/dist/src/code_assist/oauth2.js",
    "gemini-cli/node_modules/@google/gemini-cli-core/dist/src/code_assist/oauth2.js",
    "gemini-cli/bundle/*.js",
)
_MAX_SOURCE = 100_000_000
_ASSIGNED = tuple(
    re.compile(rb"""\bOAUTH_CLIENT_%b\s*=\s*["']([\w.-]+)["']""" % name) for name in (b"ID", b"SECRET")
)

Read = TypeVar("Read")


@dataclass(slots=True)
class Login:
    """`facts` say whose it is; a renewal may know more of that. Without `token` nothing can be asked."""

    ask: Ask
    facts: Mapping[str, Any] = field(init=False)
    token: Secret | None = field(init=False)
    _renewed: bool = False

    def __post_init__(self) -> None:
        credential = self.ask.credential
        self.facts = credential.facts
        self.token = None if credential.kind == "refresh" else credential.secret

    def read(self, send: Callable[[dict[str, str]], Read]) -> Read:
        """What `send` reads with the login's headers; again with a new token where this one is refused.

        The token is tried whatever its own date says. Raises what `send` does, AuthError, Unavailable,
        RateLimited, PayloadError.
        """
        while True:
            if self.token is None:
                self._renew()
            try:
                return send(self.headers())
            except Refused:
                self.token = None
                if self._renewed:
                    raise

    def headers(self) -> dict[str, str]:
        assert self.token is not None
        return {"Authorization": f"Bearer {self.token.reveal()}"}

    def _renew(self) -> None:
        origin, others = self.ask.credential.origin, self.ask.credential.others
        refresh = others.get("refresh_token")
        if refresh is None:
            raise AuthError(f"Google refused the token from {origin} (401)", hint=_NEW_TOKEN)
        pair = _pair_of(others) or client_pair(self.ask.machine)
        if pair is None:
            raise AuthError(
                f"the login from {origin} needs renewing, and Gemini CLI's own client for that was not found",
                hint=f"{_RENEW}; or set {_ID} and {_SECRET}",
            )
        self.token, answer = _google.refreshed(self.ask, pair, refresh, judge_renewal)
        self._renewed, id_token = True, answer.get("id_token")
        if isinstance(id_token, str):
            Secret(id_token)
            known = {name: value for name, value in identity(id_token).items() if value}
            self.facts = {**self.facts, **known}


# -- the client that the CLI renews with --------------------------------------------------------------


def client_pair(machine: Machine) -> tuple[str, Secret] | None:
    """Id and secret of the Gemini CLI's OAuth client: of the environment, else of the installed CLI."""
    id_, secret = machine.get(_ID), machine.get(_SECRET)
    if id_ and secret:
        return id_, Secret(secret)
    return next((pair for path in _sources(machine) if (pair := _pair_in(path))), None)


def _pair_of(others: Mapping[str, Secret]) -> tuple[str, Secret] | None:
    """The client that stood beside the login: a refresh token is good for its own client only."""
    id_, secret = others.get("client_id"), others.get("client_secret")
    return (id_.reveal(), secret) if id_ and secret else None


def _sources(machine: Machine) -> Iterator[str]:
    """The files of the CLI that may hold its client, the named one first."""
    named = machine.get("GEMINI_OAUTH2_JS_PATH")
    if named is not None:
        yield machine.expand(named)
    for root in dict.fromkeys(_roots(machine)):
        for source in _SOURCES:
            yield from sorted(glob(os.path.join(escape(root), "@google", source)))


def _roots(machine: Machine) -> Iterator[str]:
    """The `node_modules` directories in which the CLI may be installed."""
    import shutil

    program = shutil.which("gemini", path=machine.get("PATH") or "")
    if program is not None:
        # npm links the program to a file of the package; on Windows a script stands beside the packages.
        real = os.path.realpath(program)
        inside, package, _ = real.partition(f"{os.sep}@google{os.sep}")
        if package:
            yield inside
        folder = os.path.dirname(real)
        yield os.path.join(folder, "node_modules")
        yield os.path.join(os.path.dirname(folder), "libexec", "lib", "node_modules")
    yield machine.expand("~/.npm-global/lib/node_modules")
    yield from SYSTEM_ROOTS


def _pair_in(path: str) -> tuple[str, Secret] | None:
    """The client in a file of the CLI; None where it holds none or cannot be read."""
    try:
        with open(path, "rb") as file:
            text = file.read(_MAX_SOURCE)
    except (OSError, ValueError):
        return None
    id_, secret = (pattern.search(text) for pattern in _ASSIGNED)
    return (id_[1].decode(), Secret(secret[1].decode())) if id_ and secret else None
