"""Which services a run is about: those of the config, else what is found on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from usagecli import credentials, registry
from usagecli.collect import Target
from usagecli.config import suggestion
from usagecli.errors import ConfigError, NotConfigured, ServiceError
from usagecli.model import Service

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.machine import Machine


def discover(machine: Machine) -> list[Target]:
    """A service for every provider whose usual credentials are on this machine, in order of name.

    One whose credentials are there but unusable is among them, so that it is seen to fail.
    """
    found = []
    for name in registry.names():
        service = Service(name=name, provider=name, named=False)
        try:
            credential = credentials.find(registry.get(name), service, machine)
        except NotConfigured:
            continue
        except ServiceError:
            found.append(Target(service=service))
        else:
            found.append(Target(service=service, credential=credential))
    return found


def choose(config: Config, machine: Machine, wanted: Sequence[str]) -> list[Target]:
    """The services named (by name, or by provider id for all of that provider); all where none is.

    Raises ConfigError for a name that is neither.
    """
    if config.services is None:
        return _by_provider(wanted) if wanted else discover(machine)
    if not wanted:
        return [Target(service=service) for service in config.services if service.enabled]
    chosen: dict[str, Service] = {}
    for name in wanted:
        matches = [s for s in config.services if s.name == name or (s.provider == name and s.enabled)]
        if not matches and name not in registry.names():
            known = tuple(dict.fromkeys([*(s.name for s in config.services), *registry.names()]))
            raise ConfigError(f"there is no service or provider {name!r}{suggestion(name, known)}")
        # A provider without a service: a report that says so, not a wrong command line.
        for service in matches or [Service(name=name, provider=name)]:
            chosen[service.name] = service
    order = {service.name: index for index, service in enumerate(config.services)}
    ordered = sorted(chosen.values(), key=lambda service: order.get(service.name, len(order)))
    return [Target(service=service) for service in ordered]


def of_provider(config: Config, machine: Machine, provider: str, accounts: Sequence[str]) -> list[Target]:
    """The services of one provider, only those named by `--account` where any is."""
    targets = choose(config, machine, [provider])
    return keep_accounts([t for t in targets if t.service.provider == provider], accounts)


def keep_accounts(targets: list[Target], accounts: Sequence[str]) -> list[Target]:
    """Only the services of these names. Raises ConfigError for one that is not among them."""
    names = tuple(target.service.name for target in targets)
    for account in accounts:
        if account not in names:
            raise ConfigError(f"there is no service {account!r} here{suggestion(account, names)}")
    return [target for target in targets if not accounts or target.service.name in accounts]


def _by_provider(wanted: Iterable[str]) -> list[Target]:
    for name in wanted:
        if name not in registry.names():
            raise ConfigError(f"there is no provider {name!r}{suggestion(name, registry.names())}")
    return [Target(service=Service(name=name, provider=name)) for name in dict.fromkeys(wanted)]
