"""A config file's YAML: what stands where, for whoever reads a part of it.

Messages name file, line and key; they never quote the value of a credential: people paste secrets
into the wrong key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from usagecli import wire
from usagecli.config import SOURCES, check_name, check_source, secrets_folder, suggestion
from usagecli.errors import ConfigError
from usagecli.model import CredentialSource

if TYPE_CHECKING:
    from usagecli.machine import Machine

Path = tuple[str | int, ...]
_T = TypeVar("_T")


class Sheet:
    """One file. Knows the line of every key, for the messages; its methods raise ConfigError."""

    def __init__(self, path: str, machine: Machine) -> None:
        self.path = path
        self.machine = machine
        self.lines: dict[Path, int] = {(): 1}

    def fail(self, where: Path, message: str) -> NoReturn:
        at = where
        while at not in self.lines:
            at = at[:-1]
        key = ""
        for step in where:
            key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else str(step)
        raise ConfigError(f"{self.path}:{self.lines[at]}: {key + ': ' if key else ''}{message}")

    # -- YAML ------------------------------------------------------------------------------------

    def parse(self, data: bytes) -> Mapping[str, Any] | None:
        import yaml

        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: is not UTF-8 text") from None
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                self.walk(node, (), set())
            body = None if node is None else loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            # At the end of the file the two loaders of PyYAML disagree: one names the line after it.
            line = min(mark.line + 1, len(text.splitlines())) if mark else 1
            problem = error.problem or "not YAML"
            if r"'\t'" in problem or _indented_by_tab(text, line):
                problem = "a tab stands where YAML wants spaces"
            raise ConfigError(f"{self.path}:{line}: {problem}") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else "not valid YAML"
            raise ConfigError(f"{self.path}: {reason}") from None
        finally:
            loader.dispose()
        if body is not None and not isinstance(body, dict):
            self.fail((), "expected keys such as `services:`")
        return body

    def walk(self, node: Any, where: Path, seen: set[int]) -> None:
        """Note the line of every key, and refuse a key that is given twice."""
        if id(node) in seen:
            return
        seen.add(id(node))
        if node.id == "mapping":
            keys = set()
            for key, value in node.value:
                name = key.value if key.id == "scalar" else "?"
                at = (*where, name)
                if name in keys and name != "<<":
                    self.lines[at] = key.start_mark.line + 1
                    self.fail(at, "is given twice")
                keys.add(name)
                self.lines[at] = key.start_mark.line + 1
                self.walk(value, at, seen)
        elif node.id == "sequence":
            for index, value in enumerate(node.value):
                self.lines[(*where, index)] = value.start_mark.line + 1
                self.walk(value, (*where, index), seen)

    # -- shapes ----------------------------------------------------------------------------------

    def keys(self, where: Path, body: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in body:
            if key not in known:
                self.fail((*where, str(key)), f"no such key{suggestion(str(key), known)}")

    def mapping(self, where: Path, value: Any) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fail(where, "expected keys with values below it")
        return value

    def text(self, where: Path, value: Any) -> str:
        if not isinstance(value, str):
            self.fail(where, "expected a text" + ("" if value is None else " (put it in quotes?)"))
        if not value.strip() or wire.as_text(value) is None:
            self.fail(where, "must not be empty")
        return value.strip()

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


def _indented_by_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    around = lines[max(0, line - 2) : line + 1]
    return any("\t" in found[: len(found) - len(found.lstrip())] for found in around)
