"""What a provider is, and how it is found: its file's name in `providers/` is its id.

A provider file holds a data-only `Descriptor`, a `fetch` that does the I/O and a pure `parse`.
`names()` reads file names and imports nothing; `get()` imports the one file that was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    parts: Mapping[str, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    # Files, directories or variables (`$NAME`) that show that the provider's own tool is used here:
    # they make a credential that other tools share count as found.
    traces: tuple[str, ...] = ()
    min_interval: int = 60
    contract: Mapping[str, Any] = field(default_factory=dict)


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


_FOLDER = os.path.join(os.path.dirname(__file__), "providers")
_providers: dict[str, Provider] = {}


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


def names() -> tuple[str, ...]:
    """The ids of all providers, sorted. Imports none of them."""
    files = os.listdir(_FOLDER)
    return tuple(sorted(f[:-3].replace("_", "-") for f in files if f.endswith(".py") and f[0] != "_"))


def get(name: str) -> Provider:
    """The provider of that id. Raises KeyError for an unknown one."""
    if name not in _providers:
        if name not in names():
            raise KeyError(name)
        # __import__ rather than importlib: the package costs as much as everything else here.
        __import__(f"usagecli.providers.{name.replace('-', '_')}")
    return _providers[name]
