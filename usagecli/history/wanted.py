"""Which of the services that are recorded a command is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from usagecli import registry
from usagecli.config import suggestion
from usagecli.errors import ConfigError

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.history.document import Wants
    from usagecli.storage.history import Series


def wanted(
    config: Config, series: Iterable[Series], names: Sequence[str], accounts: Sequence[str] = ()
) -> Wants:
    """Those named by service, group or provider, all where none is; of them only `accounts`.

    A service that has gone from the config is still known by what was recorded. Raises ConfigError for
    a name that is nothing of the kind.
    """
    own = {service.name: service.group for service in config.services or ()}
    recorded = list(series)
    services = [*own, *(group for group in own.values() if group), *(one.service for one in recorded)]
    providers = [*(one.provider for one in recorded), *registry.names()]
    for name in names:
        _check(name, [*services, *providers], "service or provider")
    for name in accounts:
        _check(name, services, "service")

    def wants(service: str, provider: str) -> bool:
        answers_to = {service, own.get(service)}
        named = not names or bool({*answers_to, provider} & {*names})
        return named and (not accounts or bool(answers_to & {*accounts}))

    return wants


def _check(name: str, known: Iterable[str], what: str) -> None:
    found = tuple(dict.fromkeys(known))
    if name not in found:
        raise ConfigError(f"there is no {what} {name!r} in the history{suggestion(name, found)}")
