"""The config file under edit: read, changed, checked, and replaced in one step.

Comments, order, quotes, indentation and line ends stay (`yamltext`). One edit at a time, through a
lock file beside the config; what stood there before is kept as `config.yaml.bak`. A link is followed,
so that a config which stands elsewhere stays there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usagecli import config, yamltext
from usagecli.errors import ConfigError
from usagecli.storage.files import write_atomic

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.machine import Machine

_HEAD = "# usagecli: which services to report. `usagecli services` edits this file; comments stay.\n"
_PRIVATE = 0o600
# How long to wait for another edit, which may itself be waiting for a keyring to be unlocked.
_PATIENCE_S = 30.0


@dataclass(slots=True)
class ConfigFile:
    """The text of a config file, and the file that it came from. Only `save` writes."""

    machine: Machine
    path: str
    text: str
    before: bytes | None = None

    @property
    def config(self) -> Config:
        """What the text now says. Raises ConfigError."""
        return config.parse(self.path, self.text.encode(), self.machine)

    def add(self, body: Mapping[str, Any]) -> None:
        """One more service, last. Raises ConfigError where the text cannot take it."""
        with self._editable("services"):
            self.text = yamltext.append(self.text, "services", body)

    def put(self, name: str, keys: tuple[str, ...], value: Any) -> None:
        """Set a value of that service, at a key or below several."""
        with self._editable(name):
            self.text = yamltext.put(self.text, (*self._at(name), *keys), value)

    def drop(self, name: str, keys: tuple[str, ...] = ()) -> None:
        """Take out a value of that service where it has it; without keys, the service."""
        with self._editable(name):
            where = (*self._at(name), *keys)
            if yamltext.has(self.text, where):
                self.text = yamltext.drop(self.text, where)

    def save(self) -> None:
        """Check the text and write it, the old one beside it. Raises ConfigError; then nothing changed."""
        _ = self.config
        data = self.text.encode()
        if data == self.before:
            return
        target = os.path.realpath(self.path)
        try:
            mode = _PRIVATE
            if self.before is not None:
                mode = stat.S_IMODE(os.stat(target).st_mode)
                write_atomic(f"{target}.bak", self.before, _PRIVATE)
            write_atomic(target, data, mode)
        except OSError as error:
            raise _not_written(self.path, error) from None

    def bodies(self) -> dict[str, Mapping[str, Any]]:
        """What each service of the file says, by its name, which is its provider's where it has none."""
        listed = (yamltext.data(self.text) or {}).get("services") or []
        return {str(body.get("name", body.get("provider"))).strip(): body for body in listed}

    def _at(self, name: str) -> tuple[str | int, ...]:
        return ("services", list(self.bodies()).index(name))

    @contextlib.contextmanager
    def _editable(self, what: str) -> Iterator[None]:
        try:
            yield
        except yamltext.NotEditable as error:
            raise ConfigError(f"{self.path}: {what}: {error}; edit the file by hand") from None


def read(machine: Machine, given: str | None) -> ConfigFile:
    """The config as it stands; a new one where there is none. Raises ConfigError for a wrong one."""
    path, _ = config.path_of(machine, given)
    data = config.read(path)
    if data is None:
        return ConfigFile(machine, path, _HEAD)
    config.load(machine, path)
    return ConfigFile(machine, path, data.decode(), data)


@contextlib.contextmanager
def editing(machine: Machine, given: str | None) -> Iterator[ConfigFile]:
    """The config, while nobody else edits it. Raises ConfigError."""
    from filelock import FileLock, Timeout

    path, _ = config.path_of(machine, given)
    target = os.path.realpath(path)
    lock = FileLock(f"{target}.lock", timeout=_PATIENCE_S, mode=_PRIVATE)
    try:
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ConfigError(f"{path}: another usagecli is editing it; try again in a moment") from None
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        yield read(machine, given)
    finally:
        lock.release()


def _not_written(path: str, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: cannot be written: {error.strerror}; nothing was changed")
