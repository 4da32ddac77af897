"""Zed's entry in the keychain of each system: the user's id and the access token of a server.

An entry that is not there, a keychain that does not answer, or one that is locked is None: nobody
is asked for a passphrase behind an answer that was to take a second.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from usagecli import programs
from usagecli.credentials import system_keyring
from usagecli.errors import ServiceError

if TYPE_CHECKING:
    from usagecli.machine import Machine

_TIMEOUT_S = 5.0
# `"acct"<blob>="7311"`, or the same as hex digits before the text.
_ACCOUNT = re.compile(r'"acct"<blob>=(?:0x[0-9A-F]+\s+)?"([^"\n]+)"')


def macos(machine: Machine, server: str) -> tuple[str, str] | None:
    """An internet password. The system may ask the user before it gives the secret."""
    words = ("find-internet-password", "-s", server)
    told = programs.output(machine, "security", *words, timeout_s=_TIMEOUT_S)
    account = _ACCOUNT.search(told.text) if told and told.code == 0 else None
    if account is None:
        return None
    secret = programs.output(machine, "security", *words, "-w", timeout_s=_TIMEOUT_S)
    token = secret.text.strip() if secret and secret.code == 0 else ""
    return (account[1], token) if token else None


def secret_service(_machine: Machine, server: str) -> tuple[str, str] | None:
    """An item with the attributes `url` and `username`, of a collection that is unlocked."""
    from contextlib import closing
    from importlib import import_module

    try:
        library = import_module("secretstorage")
        with closing(library.dbus_init()) as connection:
            for item in library.search_items(connection, {"url": server}):
                user_id = item.get_attributes().get("username")
                if user_id and not item.is_locked():
                    return user_id, item.get_secret().decode()
    # No library, no bus, no service, or whatever one of them raises.
    except Exception:  # noqa: BLE001
        return None
    return None


def windows(_machine: Machine, server: str) -> tuple[str, str] | None:
    """A generic credential, whose bytes are UTF-8 though this system's own programs write UTF-16."""
    try:
        with system_keyring() as keyring:
            found = keyring.get_credential(server, None)
    except ServiceError:
        return None
    if found is None:
        return None
    token = str(found.password)
    if not token.isascii():
        token = token.encode("utf-16-le", "surrogatepass").decode("utf-8", "replace")
    return str(found.username), token


# By the system's name, as `sys.platform` gives it.
STORES = {"darwin": macos, "linux": secret_service, "win32": windows}
