"""The last good report of each service, and until when a provider asked to be left alone.

One file a service, mode 0600, replaced atomically. A file that is corrupt, of another version or
of another account is a miss; a directory that cannot be written costs nothing but the cache.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from usagecli import log, wire
from usagecli.model import Failure, Rates, Service, Usage
from usagecli.storage import codec
from usagecli.storage.files import write_atomic

if TYPE_CHECKING:
    from usagecli.credentials import Credential

_VERSION = 1
_MAX_FILE = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of a service. Instants are aware UTC, with fractions.

    `checked_at` is when it was last asked, answered or not; `failure` what went wrong then, None
    after an answer; `throttled` counts refusals without a usable Retry-After in a row; `rates` are as
    of the usage.
    """

    usage: Usage | None = None
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    failure: Failure | None = None
    throttled: int = 0
    rates: Rates = field(default_factory=Rates)

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the report was fetched; None without one, or from before the clock was set back."""
        if self.usage is None or self.fetched_at is None or self.fetched_at > now:
            return None
        return (now - self.fetched_at).total_seconds()

    def retry_at(self, now: datetime) -> datetime | None:
        """Until when the provider is to be left alone, while that lies ahead."""
        until = self.failure.retry_at if self.failure else None
        return until if until is not None and until > now else None


EMPTY = Entry()


def identity(service: Service, credential: Credential, options: Mapping[str, Any]) -> str:
    """Names the account that a report is of: another key, host or option never shows its figures."""
    import hashlib

    # Several people may share a workspace, and so its id.
    account = (
        ["id", credential.account_id, credential.facts.get("user")]
        if credential.account_id
        else ["key", credential.secret.reveal()]
    )
    others = (
        sorted(secret.reveal() for secret in credential.others.values()) if not credential.account_id else []
    )
    told = [
        service.name,
        service.provider,
        credential.kind,
        account,
        others,
        service.base_url,
        sorted((k, str(v)) for k, v in options.items()),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


class Cache:
    """The cache directory of one machine.

    `shared` False: no other run has it, so nothing is locked; and one that is gone stays gone.
    """

    def __init__(self, folder: str, *, shared: bool = True) -> None:
        self.folder = folder
        self.shared = shared

    def path(self, service: Service) -> str:
        """The service's file: readable, and unique for names that differ only in odd characters."""
        import zlib

        told = f"{service.provider}\0{service.name}".encode("utf-8", "surrogatepass")
        return os.path.join(self.folder, f"{wire.slug(service.name)[:40]}-{zlib.crc32(told):08x}.json")

    def load(self, service: Service, key: str | None) -> Entry:
        """What is known of this service and account (None: of whichever it is); EMPTY for a miss."""
        try:
            with open(self.path(service), "rb") as file:
                body = json.loads(file.read(_MAX_FILE))
            if body["version"] != _VERSION or key not in (None, body["key"]):
                return EMPTY
            return Entry(
                usage=None if body["usage"] is None else codec.decode(body["usage"]),
                fetched_at=_instant(body["fetchedAt"]),
                checked_at=_instant(body["checkedAt"]),
                failure=_failure(body["failure"]),
                throttled=int(body["throttled"]),
                # A file of before there were rates has none.
                rates=_rates(body.get("rates")),
            )
        except FileNotFoundError:
            return EMPTY
        # Whatever stands in the file, it is only a cache.
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            ArithmeticError,
            AttributeError,
            RecursionError,
        ) as error:
            log.debug(f"cache of {service.name}: not usable ({type(error).__name__})")
            return EMPTY

    def services(self) -> list[Service]:
        """The services that have a file here, in the order of their names."""
        found = []
        with contextlib.suppress(OSError):
            for name in os.listdir(self.folder):
                # Whatever else stands there, it is no entry.
                with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
                    if name.endswith(".json"):
                        with open(os.path.join(self.folder, name), "rb") as file:
                            body = json.loads(file.read(_MAX_FILE))
                        found.append(Service(name=str(body["service"]), provider=str(body["provider"])))
        return sorted(found, key=lambda service: service.name)

    def store(self, service: Service, key: str, entry: Entry) -> None:
        """Keep what is known; where that is not possible, go on without."""
        failure = entry.failure
        body = {
            "version": _VERSION,
            "service": service.name,
            "provider": service.provider,
            "key": key,
            "usage": None if entry.usage is None else codec.encode(entry.usage),
            "fetchedAt": _epoch(entry.fetched_at),
            "checkedAt": _epoch(entry.checked_at),
            "failure": None
            if failure is None
            else [failure.kind, failure.message, failure.hint, _epoch(failure.retry_at)],
            "throttled": entry.throttled,
            "rates": [dict(entry.rates.quotas), dict(entry.rates.balances)],
        }
        try:
            write_atomic(self.path(service), json.dumps(body).encode(), make_folder=self.shared)
        except OSError as error:
            log.debug(f"cache of {service.name}: not written ({error.strerror})")

    @contextlib.contextmanager
    def locked(self, service: Service, timeout_s: float) -> Iterator[bool]:
        """Hold the service's lock, so that runs at the same time share one fetch.

        Gives False when a neighbour held it all the time; where no lock can be had at all
        (a read-only directory), goes on without.
        """
        if not self.shared:
            yield True
            return
        from filelock import FileLock, Timeout

        lock = FileLock(self.path(service) + ".lock", timeout=max(0.0, timeout_s), mode=0o600)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            lock.acquire()
        except Timeout:
            yield False
            return
        except (OSError, NotImplementedError) as error:
            log.debug(f"cache of {service.name}: no lock ({type(error).__name__})")
            yield True
            return
        try:
            yield True
        finally:
            lock.release()


def _epoch(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _instant(epoch: float | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


def _failure(body: list[Any] | None) -> Failure | None:
    if body is None:
        return None
    kind, message, hint, until = body
    return Failure(kind=kind, message=message, hint=hint, retry_at=_instant(until))


def _rates(body: list[Any] | None) -> Rates:
    if body is None:
        return Rates()
    quotas, balances = ({key: _rate(value) for key, value in rates.items()} for rates in body)
    return Rates(quotas=quotas, balances=balances)


def _rate(value: Any) -> float:
    rate = float(value)
    if not 0 <= rate < math.inf:
        raise ValueError("not a rate")
    return rate
