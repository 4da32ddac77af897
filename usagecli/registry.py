"""What a provider is, and how it is found: its file's name in `providers/` is its id.

A provider file holds a data-only `Descriptor`, a `fetch` that does the I/O and a pure `parse`; one
in `providers/catalog/` is a descriptor in YAML that says all of that. Beside these built-in ones
stand those of `also`: the user's own, and those of other packages. `names()` reads file names and
imports nothing; `get()` imports or reads the one file that was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from usagecli.errors import ConfigError

if TYPE_CHECKING:
    from usagecli.client import Ask
    from usagecli.credentials import Credential, Place
    from usagecli.local import Local
    from usagecli.machine import Machine
    from usagecli.model import Service, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A setting that is no secret: under `options` in the config, or in the environment.

    `kind` is `text`, `positive` (a number above 0), `flag` (true or false) or `texts` (a list); the
    last two not from the environment. `fallback` describes what happens without it.
    """

    name: str
    about: str
    env: str | None = None
    kind: str = "text"
    fallback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One of the ways in which a provider is read, and whether its vendor documents it for others.

    `about` completes "reads": what, and with which credential. `kinds` are the kinds (or parts) of
    credential that are read so; () is all that no other way names. `option`: only where that option is
    switched on. `local`: a file on this machine, so that nobody is asked. `min_interval`: seconds
    between two requests, where the way wants more of them than the provider.
    """

    about: str
    documented: bool = False
    kinds: tuple[str, ...] = ()
    option: str | None = None
    local: bool = False
    min_interval: int | None = None


KINDS = {
    "agent": "Coding agents and subscriptions",
    "api": "APIs and gateways",
    "server": "Servers of your own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """All that is said of a provider without asking it: the one source of help, README and look-up.

    `places` are the usual homes of its credential, in the order in which they are tried; `parts`
    names the secrets that a `credential:` map in the config may give (part -> what it is);
    `access` are the steps that a newcomer takes to get the credential; `contract` is what the
    provider's own top-level keys hold while nothing is known of the account.
    """

    name: str
    title: str
    reports: str
    base_url: str
    places: tuple[Place, ...]
    access: tuple[str, ...]
    dashboard: str
    documented: str
    renew: str
    # What `policy: documented-only` goes by; a provider that says nothing documents nothing.
    ways: tuple[Way, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    # Files, directories or variables (`$NAME`) that show that the provider's own tool is used here:
    # they make a credential that other tools share count as found.
    traces: tuple[str, ...] = ()
    min_interval: int = 60
    # What it is to its users, a key of KINDS.
    kind: str = "api"
    contract: Mapping[str, Any] = field(default_factory=dict)
    # What to do where no credential was found, in a line; without it `usagecli providers ID` says it.
    obtain: str = ""


Fetch = Callable[["Ask"], "Usage"]
# The secrets of a `credential:` entry by part ("" for a single one), and where they stood.
Accept = Callable[[Mapping[str, str], str, "Machine"], "Credential"]
# Raises ValueError saying what is wrong with the service's options.
Expand = Callable[["Service"], "tuple[Service, ...]"]
# Figures of the service's account (None: it has no credential) that stand in for an answer.
Recall = Callable[["Service", "Credential | None", "Machine"], "Local | None"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A registered provider. `accept` reads the secret of a `credential:` entry; `expand` turns a
    service of the config that stands for several accounts into one service each; `recall` finds what
    the vendor's own tool left on this machine."""

    descriptor: Descriptor
    fetch: Fetch
    accept: Accept | None = None
    expand: Expand | None = None
    recall: Recall | None = None


class Source(Protocol):
    """Where providers come from that are not built in."""

    def names(self) -> Iterable[str]:
        """Their ids, without reading or importing any."""

    def get(self, name: str) -> Provider:
        """One of them. Raises ConfigError for one that cannot be used."""

    def may_be_used(self, name: str, machine: Machine) -> bool:
        """False where it is certain that the machine holds no credential for it."""

    def troubles(self) -> Iterable[str]:
        """What is wrong with any of them, a sentence each that names the file or the package."""


_FOLDER = os.path.join(os.path.dirname(__file__), "providers")
CATALOG = os.path.join(_FOLDER, "catalog")
_providers: dict[str, Provider] = {}
# Those of this run, the first wins.
also: tuple[Source, ...] = ()


def register(
    descriptor: Descriptor,
    accept: Accept | None = None,
    expand: Expand | None = None,
    recall: Recall | None = None,
) -> Callable[[Fetch], Fetch]:
    """Make the decorated `fetch` the provider of that descriptor; a second one is refused."""

    def keep(fetch: Fetch) -> Fetch:
        if descriptor.name in _providers:
            raise ValueError(f"provider {descriptor.name!r} is registered twice")
        _providers[descriptor.name] = Provider(descriptor, fetch, accept, expand, recall)
        return fetch

    return keep


def registered() -> Mapping[str, Provider]:
    """Those whose code has been imported, or whose descriptor read, so far."""
    return _providers


def keep(provider: Provider) -> None:
    """Put a provider in the place of the one that is registered under its name."""
    _providers[provider.descriptor.name] = provider


def forget(name: str) -> None:
    """Take a registration back."""
    del _providers[name]


def names() -> tuple[str, ...]:
    """The ids of all providers, sorted. Reads and imports none of them."""
    return tuple(sorted({*built_in(), *(name for source in also for name in source.names())}))


def built_in() -> tuple[str, ...]:
    """The ids of the providers that come with usagecli."""
    code = [f[:-3].replace("_", "-") for f in os.listdir(_FOLDER) if f.endswith(".py") and f[0] != "_"]
    return (*code, *catalog())


def catalog() -> tuple[str, ...]:
    """The ids of the built-in descriptors, sorted."""
    return tuple(sorted(f[:-5] for f in os.listdir(CATALOG) if f.endswith(".yaml")))


def get(name: str) -> Provider:
    """The provider of that id.

    Raises KeyError for an unknown one, ConfigError for one of the user's or of another package's
    that cannot be used.
    """
    if name in _providers:
        return _providers[name]
    module = name.replace("-", "_")
    if _is_id(name) and os.path.exists(os.path.join(_FOLDER, f"{module}.py")):
        # __import__ rather than importlib: the package costs as much as everything else here.
        __import__(f"usagecli.providers.{module}")
        return _providers[name]
    if _is_id(name) and os.path.exists(os.path.join(CATALOG, f"{name}.yaml")):
        from usagecli.declarative.provider import load

        return _providers.setdefault(name, load(os.path.join(CATALOG, f"{name}.yaml")))
    for source in also:
        if name in source.names():
            return source.get(name)
    raise KeyError(name)


def usable() -> Iterator[Provider]:
    """Every provider, in order of name; one that cannot be used is a warning."""
    from usagecli import log

    for name in names():
        try:
            yield get(name)
        except ConfigError as error:
            log.warn(error.message)


def may_be_used(name: str, machine: Machine) -> bool:
    """False where it is certain, without reading the provider, that the machine has no credential for it."""
    path = os.path.join(CATALOG, f"{name}.yaml")
    if os.path.exists(path):
        from usagecli.homes import any_home

        return any_home(path, machine)
    return all(source.may_be_used(name, machine) for source in also if name in source.names())


def _is_id(name: str) -> bool:
    return name.replace("-", "").isalnum() and name.isascii()
