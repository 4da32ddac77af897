"""Where usagecli itself keeps a secret: the system keyring where one works, else a private file.

The keyring entry of the service `work` is `usagecli/work`, its file `secrets/work` beside the config;
a part of several is told apart as `work:part` and `work.part`. An entry that is there already is never
overwritten, but for the service's own: the next is then called `work-2`.
"""

from __future__ import annotations

import contextlib
import os
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from usagecli import log
from usagecli.config import others_can_read, secrets_folder
from usagecli.credentials import Secret, keyring_text, read_text, system_keyring
from usagecli.errors import ConfigError, ServiceError
from usagecli.model import CredentialSource
from usagecli.storage.files import write_atomic

if TYPE_CHECKING:
    from usagecli.machine import Machine

STORES = ("keyring", "file")
_KEYRING = "usagecli/"
# No `.`, which sets off a part, and no capitals, which some file systems do not tell apart.
_IN_FILES = f"{string.ascii_lowercase}{string.digits}-_@+"
_IN_KEYRING = f"{string.ascii_letters}{string.digits}-_@+. "


def is_own(source: CredentialSource) -> bool:
    """Whether usagecli keeps that secret."""
    return source.own or (source.kind == "keyring" and str(source.value).startswith(_KEYRING))


def refuse_exposed(path: str, machine: Machine) -> None:
    """Raise ServiceError for a secret's file that other users can read."""
    path = machine.expand(path)
    if others_can_read(path, machine):
        short = machine.short(path)
        raise ServiceError(
            f"{short} holds a secret and can be read by other users", hint=f"chmod 600 {short}"
        )


@dataclass(slots=True)
class SecretStore:
    """Keeps secrets for the config of that path, and can undo what it did.

    `wanted` is one of STORES, None for the keyring where one works. `why` says, after the first
    secret, what was wrong with the keyring that a file had to take its place.
    """

    machine: Machine
    config_path: str
    wanted: str | None = None
    why: str | None = None
    _undo: list[Callable[[], None]] = field(default_factory=list)

    def keep(
        self, name: str, secrets: Mapping[str, Secret], before: Mapping[str, CredentialSource]
    ) -> dict[str, CredentialSource]:
        """Keep each part's secret; where it now stands. Raises ConfigError; then nothing is kept.

        `before` is where the service's own secrets stood, which are replaced in their place.
        """
        try:
            return {part: self._keep(name, part, text, before.get(part)) for part, text in secrets.items()}
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Put everything back as it was."""
        while self._undo:
            with contextlib.suppress(ServiceError, OSError):
                self._undo.pop()()

    def forget(self, sources: Iterable[CredentialSource]) -> None:
        """Delete those secrets; one that cannot be deleted is told."""
        for source in sources:
            try:
                self._write(source, None)
            except (ServiceError, OSError) as error:
                reason = error.message if isinstance(error, ServiceError) else error.strerror
                log.warn(f"the secret at {source.kind} {source.value} is still there: {reason}")

    # -- one secret ------------------------------------------------------------------------------

    def _keep(
        self, name: str, part: str, secret: Secret, before: CredentialSource | None
    ) -> CredentialSource:
        for kind in self._kinds(before):
            try:
                source = before if before and before.kind == kind else self._free(kind, name, part)
                self._replace(source, secret.reveal())
            except (ServiceError, OSError) as error:
                reason = error.message if isinstance(error, ServiceError) else str(error.strerror)
                if kind == "file" or self.wanted:
                    raise ConfigError(f"the secret could not be kept ({kind}): {reason}") from None
                self.why = reason
            else:
                return source
        raise AssertionError("unreachable")  # pragma: no cover - a file is the last resort

    def _kinds(self, before: CredentialSource | None) -> tuple[str, ...]:
        if self.wanted:
            return (self.wanted,)
        return ("file",) if self.why or (before and before.kind == "file") else STORES

    def _free(self, kind: str, name: str, part: str) -> CredentialSource:
        """The first place for that secret where nothing stands yet."""
        return next(place for place in self._places(kind, name, part) if self._read(place) is None)

    def _places(self, kind: str, name: str, part: str) -> Iterator[CredentialSource]:
        number = 1
        while True:
            called = name if number == 1 else f"{name}-{number}"
            if kind == "keyring":
                user = _quoted(called, _IN_KEYRING) + (f":{part}" if part else "")
                yield CredentialSource("keyring", _KEYRING + user)
            else:
                file = _quoted(called, _IN_FILES) + (f".{part}" if part else "")
                path = os.path.join(secrets_folder(self.config_path), file)
                yield CredentialSource("file", self.machine.short(path), own=True)
            number += 1

    def _replace(self, source: CredentialSource, text: str) -> None:
        old = self._read(source)
        self._undo.append(lambda: self._write(source, old))
        self._write(source, text)
        # A keyring may take everything and keep nothing.
        if self._read(source) != text:
            raise ServiceError("what was stored did not come back")

    def _read(self, source: CredentialSource) -> str | None:
        if source.kind == "keyring":
            return keyring_text(*_entry(source))
        return read_text(str(source.value), self.machine, "secret")

    def _write(self, source: CredentialSource, text: str | None) -> None:
        """Set the secret there, or delete it. Raises ServiceError or OSError."""
        if source.kind == "keyring":
            with system_keyring() as keyring:
                if text is not None:
                    keyring.set_password(*_entry(source), text)
                elif keyring.get_password(*_entry(source)) is not None:
                    keyring.delete_password(*_entry(source))
            return
        path = self.machine.expand(str(source.value))
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        write_atomic(path, text.encode())
        os.chmod(os.path.dirname(path), 0o700)


def _entry(source: CredentialSource) -> tuple[str, str]:
    """Service and user of a keyring entry."""
    service, _, user = str(source.value).rpartition("/")
    return service, user


def _quoted(name: str, kept: str) -> str:
    """The name with every other character as `%xx`, so that two names never share an entry."""
    return "".join(c if c in kept else "".join(f"%{byte:02x}" for byte in c.encode()) for c in name)
