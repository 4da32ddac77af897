"""Providers of other packages: entry points of the group `usagecli.providers`.

The entry point's name is the provider's id; what it names is imported, and called if it can be,
and registers the provider. importlib.metadata would cost more than all the rest of a start, so
the folders of sys.path are searched here, once for each time that one of them changed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from usagecli import registry
from usagecli.errors import ConfigError, PayloadError, UsageCliError

if TYPE_CHECKING:
    from usagecli.client import Ask
    from usagecli.machine import Machine
    from usagecli.model import Usage
    from usagecli.registry import Fetch, Provider

GROUP = "usagecli.providers"
_FILE = "plugins.txt"
_MAX_FILE = 200_000


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: the provider's id, `module` or `module:name`, and the package that has it."""

    name: str
    target: str
    package: str


class Plugins:
    """The entry points that this Python finds; `cache_dir` remembers them."""

    def __init__(self, cache_dir: str) -> None:
        self._cache = os.path.join(cache_dir, _FILE)
        self._loaded: dict[str, Provider] = {}

    def names(self) -> tuple[str, ...]:
        """Their ids; those of a built-in provider or a command are not among them."""
        from usagecli.own import free

        return tuple(name for name in self._found if free(name)) if self._found else ()

    def get(self, name: str) -> Provider:
        """Raises ConfigError, naming the package, for one that cannot be loaded."""
        if name not in self._loaded:
            self._loaded[name] = _load(self._found[name])
        return self._loaded[name]

    def may_be_used(self, name: str, machine: Machine) -> bool:
        return True

    def troubles(self) -> Iterator[str]:
        """What is wrong with any of them."""
        from usagecli.own import check_id

        for name, plugin in self._found.items():
            try:
                check_id(name)
                self.get(name)
            except ValueError as error:
                yield f"package {plugin.package}: {error}"
            except ConfigError as error:
                yield error.message

    @cached_property
    def _found(self) -> dict[str, Plugin]:
        stamps = "".join(f"{stamp}\n" for stamp in _stamps())
        with contextlib.suppress(OSError, UnicodeDecodeError), open(self._cache, encoding="utf-8") as file:
            told, _, rest = file.read(_MAX_FILE).partition("\n\n")
            if told + "\n" == stamps:
                return _by_name(
                    Plugin(*line.split("\t")) for line in rest.splitlines() if line.count("\t") == 2
                )
        found = list(_search())
        self._keep(stamps + "\n" + "".join(f"{p.name}\t{p.target}\t{p.package}\n" for p in found))
        return _by_name(found)

    def _keep(self, text: str) -> None:
        from usagecli.storage.files import write_atomic

        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._cache), mode=0o700, exist_ok=True)
            write_atomic(self._cache, text.encode())


def _by_name(plugins: Iterator[Plugin] | list[Plugin]) -> dict[str, Plugin]:
    found: dict[str, Plugin] = {}
    for plugin in plugins:
        found.setdefault(plugin.name, plugin)
    return found


def _folders() -> Iterator[str]:
    """The folders of sys.path, but never the working directory: nobody installs there."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    for folder in dict.fromkeys(sys.path):
        if os.path.isabs(folder) and os.path.normpath(folder) != here:
            yield folder


def _stamps() -> Iterator[str]:
    for folder in _folders():
        with contextlib.suppress(OSError):
            yield f"{os.stat(folder).st_mtime_ns} {folder}"


def _search() -> Iterator[Plugin]:
    for folder in _folders():
        try:
            found = sorted(os.listdir(folder))
        except OSError:
            continue
        for entry in found:
            if entry.endswith((".dist-info", ".egg-info")):
                yield from _points(os.path.join(folder, entry, "entry_points.txt"), entry.partition("-")[0])


def _points(path: str, package: str) -> Iterator[Plugin]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read(_MAX_FILE).splitlines()
    except (OSError, UnicodeDecodeError):
        return
    inside = False
    for line in lines:
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and line and line[0] not in "#;":
            name, equals, target = (part.strip() for part in line.partition("="))
            if equals:
                yield Plugin(name, target.partition("[")[0].strip(), package)


def _load(plugin: Plugin) -> Provider:
    """Import it. What it registers beside its own name is taken back."""
    before = set(registry.registered())
    try:
        module, _, name = plugin.target.partition(":")
        found = __import__(module, fromlist=["_"])
        for step in name.split(".") if name else ():
            found = getattr(found, step)
        if callable(found):
            found()
        if plugin.name not in registry.registered():
            raise LookupError(f"it registers no provider {plugin.name!r}")
    # Somebody else's code: it may raise whatever it likes.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ConfigError(
            f"package {plugin.package}: its provider {plugin.name} cannot be loaded ({reason})"
        ) from None
    finally:
        for extra in set(registry.registered()) - before - {plugin.name}:
            registry.forget(extra)
    provider = registry.registered()[plugin.name]
    guarded = replace(provider, fetch=_guarded(provider.fetch, plugin))
    registry.keep(guarded)
    return guarded


def _guarded(fetch: Fetch, plugin: Plugin) -> Fetch:
    """Its `fetch`; a bug in it costs its own report only."""

    def guarded(ask: Ask) -> Usage:
        try:
            usage = fetch(ask)
        except UsageCliError:
            raise
        except Exception as error:  # noqa: BLE001 - somebody else's code
            raise _refused(plugin, f"failed ({type(error).__name__})") from None
        if not _sound(usage):
            raise _refused(plugin, "gave no Usage with Decimal figures")
        return usage

    return guarded


def _refused(plugin: Plugin, what: str) -> PayloadError:
    return PayloadError(
        f"{plugin.name}: the package {plugin.package} {what}",
        hint=f"update or remove the package {plugin.package}",
    )


def _sound(usage: Any) -> bool:
    """Whether it is what everything behind relies on."""
    from decimal import Decimal

    from usagecli.model import Usage

    if not isinstance(usage, Usage):
        return False
    figures = ("used", "limit", "remaining", "percent_used", "percent_remaining", "amount")
    entries = (*usage.quotas, *usage.balances, *usage.spend)
    found = [getattr(entry, name, None) for entry in entries for name in figures]
    return all(value is None or (isinstance(value, Decimal) and value.is_finite()) for value in found)
