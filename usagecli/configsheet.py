"""A config file's YAML: what stands where, for whoever reads a part of it.

Messages name file, line and key; they never quote the value of a credential: people paste secrets
into the wrong key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from usagecli import wire
from usagecli.config import SOURCES, check_name, check_source, secrets_folder
from usagecli.model import CredentialSource
from usagecli.yamlreader import Path, YamlReader

if TYPE_CHECKING:
    from usagecli.machine import Machine

_T = TypeVar("_T")


class Sheet(YamlReader):
    """One config file; its methods raise ConfigError."""

    def __init__(self, path: str, machine: Machine) -> None:
        super().__init__(path)
        self.machine = machine

    def name(self, where: Path, value: Any) -> str:
        try:
            return check_name(self.text(where, value))
        except ValueError as error:
            self.fail(where, str(error))

    def texts(self, where: Path, value: Any) -> tuple[str, ...]:
        """A text, or a list of at least one."""
        if not isinstance(value, list):
            return (self.text(where, value),)
        if not value:
            self.fail(where, "must not be empty")
        return tuple(self.text((*where, index), entry) for index, entry in enumerate(value))

    def amount(self, where: Path, value: Any, default: int, *, above_zero: bool = False) -> Decimal:
        if value is None and where not in self.lines:
            return Decimal(default)
        found = None if isinstance(value, str) else wire.as_number(value)
        if found is None or found < 0 or (above_zero and found == 0):
            self.fail(where, f"expected a number {'above' if above_zero else 'of at least'} 0")
        return found

    def thresholds(self, where: Path, value: Any) -> Mapping[str, Decimal]:
        if value is None and where not in self.lines:
            return {}
        if isinstance(value, dict):
            return {str(key): self.percent((*where, str(key)), found) for key, found in value.items()}
        return {"default": self.percent(where, value)}

    def percent(self, where: Path, value: Any) -> Decimal:
        found = None if isinstance(value, str) else wire.as_number(value)
        if found is None or not 0 <= found <= 100:
            self.fail(where, "expected a percentage from 0 to 100")
        return found

    def optional(
        self, where: Path, body: Mapping[str, Any], key: str, read: Callable[[Path, Any], _T]
    ) -> _T | None:
        return read((*where, key), body[key]) if key in body else None

    def source(self, where: Path, value: Mapping[str, Any]) -> CredentialSource:
        self.keys(where, value, SOURCES)
        if len(value) != 1:
            self.fail(where, f"expected exactly one of: {', '.join(SOURCES)}")
        kind, given = next(iter(value.items()))
        at = (*where, kind)
        if kind == "command" and isinstance(given, list) and given:
            return CredentialSource(kind, self.texts(at, given))
        text = self.text(at, given)
        try:
            check_source(kind, text)
        except ValueError as error:
            self.fail(at, str(error))
        return CredentialSource(kind, text, own=kind == "file" and self.keeps(text))

    def keeps(self, file: str) -> bool:
        """Whether the file is one of usagecli's own secrets."""
        folder = os.path.dirname(os.path.abspath(self.machine.expand(file)))
        return folder == secrets_folder(self.path)
