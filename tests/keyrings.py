"""Keyring backends for the tests: one that works, on a file, and some that do not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors


@contextmanager
def used(backend: keyring.backend.KeyringBackend) -> Iterator[None]:
    """This backend, instead of the keyring of this machine."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


class NoKeyring(keyring.backends.fail.Keyring):
    """What the keyring package has where nothing works."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]


class FileKeyring(keyring.backend.KeyringBackend):
    """Keeps its entries in the JSON file that TEST_KEYRING names, so that processes share it."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    @property
    def entries(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps({**self.entries, f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self.entries
        if entries.pop(f"{service}/{username}", None) is None:
            raise keyring.errors.PasswordDeleteError("there is none")
        self.path.write_text(json.dumps(entries))


class ForgetfulKeyring(FileKeyring):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class LockedKeyring(FileKeyring):
    """Reads, and refuses to change anything."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked("locked")

    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.KeyringLocked("locked")
