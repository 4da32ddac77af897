"""YAML text -> its values, with the line of every key, so that messages can name file, line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from usagecli import wire
from usagecli.config import suggestion
from usagecli.errors import ConfigError

Path = tuple[str | int, ...]


class YamlReader:
    """Reads one file, and checks the shapes in it. `example` is a key that it may begin with."""

    example = "services"

    def __init__(self, path: str) -> None:
        self.path = path
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
            if tag := re.search(r"constructor for the tag '(![^']*)'", problem):
                problem = f"{tag[1]} is a tag of YAML: put what begins with ! in quotes"
            raise ConfigError(f"{self.path}:{line}: {problem}") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = "nested too deep" if isinstance(error, RecursionError) else "not valid YAML"
            raise ConfigError(f"{self.path}: {reason}") from None
        finally:
            loader.dispose()
        if body is not None and not isinstance(body, dict):
            self.fail((), f"expected keys such as `{self.example}:`")
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


def _indented_by_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    around = lines[max(0, line - 2) : line + 1]
    return any("\t" in found[: len(found) - len(found.lstrip())] for found in around)
