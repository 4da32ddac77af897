"""What `services list` shows: each service, where its secret stands, and how it last was. Asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usagecli import assess, credentials, options, registry, services
from usagecli.errors import ProviderError
from usagecli.formatters import units
from usagecli.formatters.json import instant
from usagecli.formatters.table import clipped
from usagecli.storage.cache import EMPTY, Cache, Entry, identity

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.machine import Machine
    from usagecli.model import Service

# Columns of the table where the output is no terminal, and the most that names take of them.
_WIDTH, _MOST, _GAP = 80, 16, 2
# How a short secret is masked: nothing of it is shown.
_HIDDEN = "***"
_HEAD = ("NAME", "PROVIDER", "ON", "CREDENTIAL", "LAST REPORT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One service. `masked` is None where the secret was not read, `trouble` says why it cannot be.

    `status` is that of the last report or the kind of its error, None where nothing is known, and
    `told` what the error says.
    """

    name: str
    provider: str
    enabled: bool
    source: str | None
    masked: str | None = None
    trouble: str | None = None
    status: str | None = None
    told: str | None = None
    checked_at: datetime | None = None


def lines(found: Config, machine: Machine) -> Iterator[Line]:
    """A line for every service of the config, else for what is found on the machine."""
    if found.services is None:
        listed: Sequence[Service] = [target.service for target in services.discover(machine)]
    else:
        listed = found.services
    for service in listed:
        yield _line(service, found, machine.overlaid(service.env))


def table(listed: Sequence[Line], now: datetime, width: int | None) -> str:
    """The lines in columns that fit the width, 80 unless given."""
    from tabulate import tabulate

    cells = [
        [line.name, line.provider, "yes" if line.enabled else "no", _credential(line), _health(line, now)]
        for line in listed
    ]
    widths = [min(_MOST, max(len(row[column]) for row in [_HEAD, *cells])) for column in range(3)]
    room = (width or _WIDTH) - sum(widths) - _GAP * (len(_HEAD) - 1)
    needs = [max(len(row[column]) for row in [_HEAD, *cells]) for column in (3, 4)]
    words = [max(len(word) for row in [_HEAD, *cells] for word in row[column].split()) for column in (3, 4)]
    credential = min(needs[0], max(room // 2, room - needs[1]))
    credential = max(words[0], min(credential, room - words[1]))
    wide = [*widths, credential, max(words[1], room - credential)]
    for row in cells:
        row[:2] = [clipped(name, _MOST, "…") for name in row[:2]]
    # The head as a row: tabulate makes columns wider than their head.
    return tabulate(
        [_HEAD, *cells],
        tablefmt="plain",
        maxcolwidths=wide,
        disable_numparse=True,
        # A path in two halves cannot be copied: rather a long line.
        break_long_words=False,
        break_on_hyphens=False,
    )


def body(line: Line) -> dict[str, Any]:
    """The line as JSON; secrets masked."""
    return {
        "name": line.name,
        "provider": line.provider,
        "enabled": line.enabled,
        "credential": {"source": line.source, "masked": line.masked, "error": line.trouble},
        "health": {
            "status": line.status,
            "message": line.told,
            "checkedAt": instant(line.checked_at),
        },
    }


def _line(service: Service, found: Config, machine: Machine) -> Line:
    provider = registry.get(service.provider)
    sources = (service.credential or {}).values()
    told = ", ".join(dict.fromkeys(credentials.describe(source, machine) for source in sources)) or None
    known: dict[str, Any] = {
        "name": service.name,
        "provider": service.provider,
        "enabled": service.enabled,
        "source": told,
    }
    key = None
    # A command may ask for a passphrase: nobody is asked here.
    if not any(source.kind == "command" for source in sources):
        try:
            credential = credentials.find(provider, service, machine)
        except ProviderError as error:
            return Line(**known, trouble=error.message)
        settings = options.resolve(provider.descriptor, service, machine)[0]
        key = identity(service, credential, settings)
        known |= {"source": credential.origin, "masked": credential.secret.masked()}
    return Line(**known, **_last(service, Cache(machine.cache_dir).load(service, key), found, machine))


def _last(service: Service, entry: Entry, found: Config, machine: Machine) -> Mapping[str, Any]:
    """How the last answer was, as far as it still holds."""
    if entry is EMPTY:
        return {}
    if entry.failure is not None:
        return {
            "status": entry.failure.kind,
            "told": entry.failure.message,
            "checked_at": entry.checked_at,
        }
    assert entry.usage is not None
    assert entry.fetched_at is not None
    empty = registry.get(service.provider).descriptor.contract
    usage = assess.aged(entry.usage, entry.fetched_at, machine.clock(), empty)
    status = assess.judged(usage, service, defaults=found.low_below)[1]
    return {"status": status, "checked_at": entry.fetched_at}


def _credential(line: Line) -> str:
    if line.trouble is not None:
        return line.trouble
    # Three stars say nothing.
    masked = None if line.masked == _HIDDEN else line.masked
    return ", ".join(text for text in (masked, line.source) if text)


def _health(line: Line, now: datetime) -> str:
    if line.status is None:
        return "-"
    told = line.status.replace("_", " ") + (f": {line.told}" if line.told else "")
    return f"{told}, {units.span(now - line.checked_at)} ago" if line.checked_at else told
