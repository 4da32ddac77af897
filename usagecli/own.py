"""The user's own descriptors: `providers/*.yaml` (or `.yml`) beside the config file, and `custom:` in it.

They are providers like the built-in ones. Nothing is read before one of them is asked for, but for
the config file itself where it holds `custom:`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from usagecli import registry
from usagecli.errors import ConfigError

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.registry import Provider
    from usagecli.yamlreader import YamlReader

CUSTOM = "custom"
_ID = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


def folder_of(config_path: str) -> str:
    """Where the descriptors of a config file's owner stand."""
    return os.path.join(os.path.dirname(config_path), "providers")


def near(provider: str) -> str:
    """What to say after an unknown provider's id: what is near, else where one's own are looked for."""
    from usagecli.config import suggestion

    folders = [source.folder for source in registry.also if isinstance(source, Own)]
    own = f"; your own are looked for as {os.path.join(folders[0], '*.yaml')}" if folders else ""
    return suggestion(provider, registry.names()) or own


def file_of(provider: str) -> str | None:
    """The file that the user's own descriptor of that id stands in; None for any other provider."""
    found = (source for source in registry.also if isinstance(source, Own) and provider in source.names())
    return next((source.where(provider) for source in found), None)


def check_id(id_: str) -> str:
    """A provider's id, free to take. Raises ValueError saying what is wrong with it."""
    # Here: the root command knows its own names, and only what is wrong costs its import.
    from usagecli.cli import COMMANDS

    if not re.fullmatch(_ID, id_):
        raise ValueError(
            f"{id_!r} is no provider id: lower case letters, digits and hyphens, such as acme-ai"
        )
    if id_ in registry.built_in():
        raise ValueError(f"the id {id_!r} is taken by a built-in provider; choose another")
    if id_ in COMMANDS or id_ in ("new", "try"):
        raise ValueError(f"the id {id_!r} is the name of a command; choose another")
    return id_


class Own:
    """The descriptors of one user; `config_path` need not exist."""

    def __init__(self, config_path: str) -> None:
        self.config_path = config_path
        self.folder = folder_of(config_path)
        self._loaded: dict[str, Provider] = {}

    def names(self) -> tuple[str, ...]:
        """The ids of all that may be used, broken ones among them."""
        return tuple(name for name in dict.fromkeys([*self._files, *self._inline]) if free(name))

    def get(self, name: str) -> Provider:
        """Raises ConfigError, naming the file, for one that is broken."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def may_be_used(self, name: str, machine: Machine) -> bool:
        from usagecli.homes import any_home, may_hold

        if name in self._files:
            return any_home(self._files[name], machine)
        return may_hold(repr(self._inline[name]).encode(), machine)

    def where(self, name: str) -> str:
        """The file that the descriptor stands in."""
        return self._files.get(name, self.config_path)

    def troubles(self) -> Iterator[str]:
        """What is wrong with any of them, used or not."""
        for name in dict.fromkeys([*self._files, *self._inline]):
            try:
                check_id(name)
            except ValueError as error:
                yield f"{self.where(name)}: {error}"
                continue
            try:
                self.get(name)
            except ConfigError as error:
                yield error.message
            other = os.path.join(self.folder, f"{name}.yml")
            if self._files.get(name, other) != other and os.path.exists(other):
                yield f"{other}: is not read: {self._files[name]} is"

    @cached_property
    def _files(self) -> Mapping[str, str]:
        """The path of every descriptor file by id."""
        try:
            found = sorted(os.listdir(self.folder))
        except OSError:
            return {}
        files: dict[str, str] = {}
        for file in found:
            id_, end = os.path.splitext(file)
            if end in (".yaml", ".yml") and id_[0] != ".":
                # In order of name, .yaml comes first.
                files.setdefault(id_, os.path.join(self.folder, file))
        return files

    @cached_property
    def _inline(self) -> Mapping[str, Any]:
        """The bodies below `custom:`; a config that cannot be read is told where it is loaded."""
        reader, body = self._config
        return {str(name): given for name, given in body.items()} if reader is not None else {}

    @cached_property
    def _config(self) -> tuple[YamlReader | None, Mapping[str, Any]]:
        try:
            with open(self.config_path, "rb") as file:
                data = file.read()
        except OSError:
            return None, {}
        if not re.search(rb"^[\"']?custom\b", data, re.MULTILINE):
            return None, {}
        from usagecli.yamlreader import YamlReader

        reader = YamlReader(self.config_path)
        try:
            found = (reader.parse(data) or {}).get(CUSTOM)
        except ConfigError:
            return None, {}
        return reader, found if isinstance(found, dict) else {}

    def _load(self, name: str) -> Provider:
        from usagecli.declarative import loader, provider

        if name in self._files and name in self._inline:
            raise ConfigError(
                f"{self._files[name]}: {name!r} stands under custom: in {self.config_path}, too"
            )
        if name in self._files:
            return provider.load(self._files[name])
        reader, _ = self._config
        assert reader is not None
        return provider.provider(loader.read(reader, (CUSTOM, name), self._inline[name], name))


def free(name: str) -> bool:
    """Whether a provider may have that id."""
    try:
        return bool(check_id(name))
    except ValueError:
        return False
