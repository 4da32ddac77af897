"""What the last runs left in the cache, read in a few milliseconds: nobody is asked, no credential
is looked for, and of the config only names and thresholds count.

Nothing here fails: a config that cannot be read is as good as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import assess, config, log, registry, wire
from usagecli.errors import ConfigError
from usagecli.local import Local
from usagecli.model import Failure, Report, Service
from usagecli.storage.cache import Cache, Entry

if TYPE_CHECKING:
    from usagecli.machine import Machine

# A service that nobody asked for so long has most likely gone.
_FORGOTTEN = timedelta(days=7)
_UNREACHED = ("unavailable", "rate_limited", "not_configured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What the config says, as far as it can be read. `services` is None where that is nothing, so that
    all in the cache count.

    `apart` are the names of services with a credential of their own.
    """

    services: tuple[Service, ...] | None = None
    apart: frozenset[str] = frozenset()
    low_below: Mapping[str, Decimal] = field(default_factory=dict)


def known(machine: Machine, given: str | None, local: Local | None) -> list[Report]:
    """A report of every service that the cache knows and the config names, in the config's order.

    `local`: what Claude Code left here, which stands for its service where it is the newest.
    """
    now, cache = machine.clock(), Cache(machine.cache_dir)
    roster = roster_of(machine, given)
    reports = []
    for service in _services(roster, cache.services(), local):
        entry = cache.load(service, None)
        own = service.provider == "claude" and not {service.name, service.group} & roster.apart
        found = _report(service, entry, local if own else None, now, roster.low_below)
        if found is not None:
            reports.append(found)
    return reports


def report_of(service: Service, local: Local, low_below: Mapping[str, Decimal]) -> Report:
    """The report of figures that were found on this machine."""
    return assess.report(
        service,
        usage=local.usage,
        fetched_at=local.at,
        stale=False,
        failure=None,
        override=None,
        defaults=low_below,
    )


def _report(
    service: Service, entry: Entry, local: Local | None, now: datetime, low_below: Mapping[str, Decimal]
) -> Report | None:
    """What is known of the service; None where nothing was heard for long."""
    if local is not None and _is_newer(local, entry):
        return report_of(service, local, low_below)
    if entry.checked_at is None or now - entry.checked_at > _FORGOTTEN:
        return None
    usage, at, failure = entry.usage, entry.fetched_at, entry.failure
    if usage is None or at is None or _is_refusal(failure):
        usage = at = None
    else:
        usage = assess.aged(usage, at, now, {})
    return assess.report(
        service,
        usage=usage,
        fetched_at=at,
        stale=failure is not None,
        failure=failure,
        override=None,
        defaults=low_below,
    )


def _is_newer(local: Local, entry: Entry) -> bool:
    """Whether local figures stand for the entry: of the same account, as far as that is known."""
    if _is_refusal(entry.failure):
        return False
    if entry.usage is None or entry.fetched_at is None:
        return True
    account = entry.usage.account
    return local.at > entry.fetched_at and account is not None and local.usage.account == account


def _is_refusal(failure: Failure | None) -> bool:
    """Whether a failure says more than that nobody could be reached: old figures would hide it."""
    return failure is not None and failure.kind not in _UNREACHED


def _services(roster: Roster, cached: list[Service], local: Local | None) -> Iterator[Service]:
    """The services of the roster, else those of the cache."""
    if roster.services is None:
        yield from cached
        if local is not None and all(service.provider != "claude" for service in cached):
            yield Service(name="claude", provider="claude")
        return
    for service in roster.services:
        yield service
        # One entry of the config may stand for several accounts.
        for other in cached:
            if other.provider == service.provider and other.name.startswith(f"{service.name}:"):
                yield replace(service, name=other.name, group=service.name)


# -- the config -------------------------------------------------------------------------------------


def roster_of(machine: Machine, given: str | None) -> Roster:
    """What the config names. Without services in it each provider stands for itself."""
    usual = tuple(Service(name=name, provider=name) for name in registry.names())
    try:
        path, _ = config.path_of(machine, given)
        data = config.read(path)
        if data is None:
            return Roster(services=usual)
        import yaml

        body = wire.as_mapping(yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506
    except ConfigError as error:
        log.debug(error.message)
        return Roster()
    # PyYAML lets errors of its parts through.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        log.debug(f"the config cannot be read ({type(error).__name__})")
        return Roster()
    entries = [
        entry for entry in map(wire.as_mapping, wire.as_rows(body.get("services"))) if _is_named(entry)
    ]
    on = [entry for entry in entries if entry.get("enabled") is not False]
    return Roster(
        services=usual if body.get("services") is None else tuple(map(_service, on)),
        apart=frozenset(_name(entry) for entry in on if entry.get("credential") is not None),
        low_below=_thresholds(wire.as_mapping(body.get("defaults")).get("low_below")),
    )


def _is_named(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("provider"), str)


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    return name if isinstance(name, str) else str(entry["provider"])


def _service(entry: Mapping[str, Any]) -> Service:
    return Service(
        name=_name(entry),
        provider=entry["provider"],
        low_below=_thresholds(entry.get("low_below")),
        low_balance=wire.as_number(entry.get("low_balance")),
        ignore=frozenset(id_ for id_ in wire.as_rows(entry.get("ignore")) if isinstance(id_, str)),
    )


def _thresholds(value: Any) -> dict[str, Decimal]:
    """A number for all quotas, or a map of them by id."""
    told = value if isinstance(value, dict) else {"default": value}
    found = {str(id_): wire.as_number(percent) for id_, percent in told.items()}
    return {id_: percent for id_, percent in found.items() if percent is not None}
