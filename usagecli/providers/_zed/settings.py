"""Zed's own settings: which server it signs in to, and where that is asked."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from usagecli import wire
from usagecli.credentials import read_text, without_comments
from usagecli.errors import ServiceError
from usagecli.machine import Machine
from usagecli.providers._vscode import app_folder
from usagecli.providers._zed.credentials import API
from usagecli.urls import check_base_url, origin

_OWN = "https://zed.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`url` is signed in to; the login stands under `credentials_url`."""

    url: str = _OWN
    credentials_url: str = _OWN

    @property
    def api(self) -> str:
        """Where the account is asked: Zed's own server has a host for that."""
        return API if self.url == _OWN else self.url


def path_of(machine: Machine, name: str) -> str:
    """A file in Zed's configuration folder."""
    if machine.platform == "darwin":
        return os.path.join(machine.home, ".config", "zed", name)
    return os.path.join(app_folder(machine, "Zed" if machine.platform == "win32" else "zed"), name)


def read(machine: Machine) -> Server:
    """The server of Zed's settings; Zed's own where they name none or cannot be read."""
    try:
        text = read_text(path_of(machine, "settings.json"), machine, "Zed's settings")
        # Such files have comments, and commas behind the last entry.
        found = wire.as_mapping(json.loads(_without_commas(without_comments(text or "{}"))))
    except (ServiceError, ValueError, RecursionError):
        return Server()
    url = _url(found.get("server_url")) or _OWN
    return Server(url=url, credentials_url=_url(found.get("credentials_url")) or url)


def check(server: Server) -> None:
    """Raises ServiceError for a server that its login may not be sent to."""
    if server == Server():
        return
    hint = "correct server_url and credentials_url in Zed's settings.json"
    try:
        check_base_url(server.url)
    except ValueError as error:
        raise ServiceError(f"the server_url of Zed's settings {error}", hint=hint) from None
    if not server.url.startswith("https://") or origin(server.url) != origin(server.credentials_url):
        raise ServiceError(
            "Zed's settings name a server that is not https, or not the one that its login is for", hint=hint
        )


def _url(value: object) -> str | None:
    return value.strip().rstrip("/") or None if isinstance(value, str) else None


def _without_commas(text: str) -> str:
    import re

    pattern = r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])'
    return re.sub(pattern, lambda match: match[1] or "", text)
