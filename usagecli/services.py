"""Which services a run is about: those of the config, else what is found on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from usagecli import credentials, log, registry
from usagecli.collect import Target
from usagecli.config import suggestion
from usagecli.errors import ConfigError, NotConfigured, ServiceError
from usagecli.model import Service
from usagecli.own import near

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.machine import Machine


def discover(machine: Machine) -> list[Target]:
    """A service for every provider whose usual credentials are on this machine, in order of name.

    One whose credentials are there but unusable is among them, so that it is seen to fail.
    """
    found = []
    for name in registry.names():
        if not registry.may_be_used(name, machine):
            continue
        service = Service(name=name, provider=name, named=False)
        try:
            credential = credentials.find(registry.get(name), service, machine)
        except NotConfigured:
            continue
        except ConfigError as error:
            log.warn(error.message)
        except ServiceError:
            found.append(Target(service=service))
        else:
            found.append(Target(service=service, credential=credential))
    return found


def choose(
    config: Config, machine: Machine, wanted: Sequence[str], accounts: Sequence[str] = ()
) -> list[Target]:
    """The services named (by name, or by provider id for all of that provider); all where none is.

    `accounts` keeps only the services of these names. A service that is switched off counts only
    where its own name is given. Raises ConfigError for a name that is nothing of the kind.
    """
    if config.services is None:
        targets = _by_provider(wanted) if wanted else discover(machine)
    else:
        targets = [Target(service=service) for service in _of_config(config.services, wanted, accounts)]
    names = {name: None for target in targets for name in names_of(target.service)}
    for account in accounts:
        if account not in names:
            raise ConfigError(f"there is no service {account!r} here{suggestion(account, tuple(names))}")
    return [target for target in targets if not accounts or {*names_of(target.service)} & {*accounts}]


def names_of(service: Service) -> tuple[str, ...]:
    """What the service answers to: its own name, and that of the group that it is a part of."""
    return (service.name,) if service.group is None else (service.name, service.group)


def counted(config: Config) -> str:
    """How many services the config file names, in words."""
    if config.services is None:
        return "no services: what is found on this machine is reported"
    return f"{len(config.services)} service{'' if len(config.services) == 1 else 's'}"


def _of_config(
    services: Sequence[Service], wanted: Sequence[str], accounts: Sequence[str]
) -> Iterator[Service]:
    ids = registry.names()
    for name in wanted:
        if name not in ids and all(name not in names_of(service) for service in services):
            known = tuple(dict.fromkeys([*(service.name for service in services), *ids]))
            told = suggestion(name, known) or near(name)
            raise ConfigError(f"there is no service or provider {name!r}{told}")
    for service in services:
        own = {*names_of(service)}
        on = service.enabled or own & {*accounts}
        if own & {*wanted} or (on and (not wanted or service.provider in wanted)):
            yield service
    mentioned = {name for service in services for name in (*names_of(service), service.provider)}
    # A provider without a service is asked with its usual credentials: the user wants to know.
    yield from (Service(name=name, provider=name) for name in dict.fromkeys(wanted) if name not in mentioned)


def _by_provider(wanted: Iterable[str]) -> list[Target]:
    for name in wanted:
        if name not in registry.names():
            raise ConfigError(f"there is no provider {name!r}{near(name)}")
    return [Target(service=Service(name=name, provider=name)) for name in dict.fromkeys(wanted)]
