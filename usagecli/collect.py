"""Services -> what each answered: cache first, then all the others at once, within one deadline.

A thread a service: daemons, so that a run ends at its deadline whatever a name server, a proxy or a
dripping answer still holds up. A service that fails costs nobody else anything.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from usagecli import assess, credentials, log, options, registry
from usagecli.client import Ask, Transport
from usagecli.errors import ProviderError, RateLimited, Unavailable
from usagecli.model import Failure, Service, Usage
from usagecli.storage.cache import EMPTY, Cache, Entry, identity

if TYPE_CHECKING:
    from usagecli.credentials import Credential
    from usagecli.machine import Machine

_FIRST_WAIT_S = 300
_LONGEST_WAIT_S = 3600
_TICK_S = 0.1

# Called while waiting, with the names that have not answered yet.
Progress = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run may ask. `max_age_s` None means `--no-cache`: nothing younger is reused."""

    max_age_s: float | None = 60.0
    timeout_s: float = 20.0
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service to report, with its credential where looking for services already found it."""

    service: Service
    credential: Credential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is known of a service after the run. `stale`: the figures are older than they should be."""

    service: Service
    usage: Usage | None = None
    fetched_at: datetime | None = None
    stale: bool = False
    failure: Failure | None = None


@dataclass(slots=True)
class _Job:
    """One service on its way. `key` names the account in the cache once the credential is known."""

    index: int
    target: Target
    credential: Credential | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    entry: Entry = EMPTY

    @property
    def service(self) -> Service:
        return self.target.service


class Collector:
    """One run over some services."""

    def __init__(self, machine: Machine, rules: Rules) -> None:
        self.machine = machine
        self.rules = rules
        self.cache = Cache(machine.cache_dir, shared=not machine.demo)
        self.started = machine.clock()

    def run(self, targets: Sequence[Target], progress: Progress | None = None) -> list[Result]:
        """A result for every target, in their order. Raises only for a bug."""
        jobs = [_Job(index, target) for index, target in enumerate(targets)]
        results: dict[int, Result] = {}
        for job in jobs:
            # A command or a keyring may take long or ask something: those wait in a thread.
            if not credentials.is_slow(job.service):
                result = self._from_cache(job)
                if result is not None:
                    results[job.index] = result
        waiting = {job.index: job for job in jobs if job.index not in results}
        if waiting:
            self._ask_all(waiting, results, progress)
        return [results[job.index] for job in jobs]

    # -- before anybody is asked -----------------------------------------------------------------

    def _from_cache(self, job: _Job) -> Result | None:
        """The result where the cache, or a missing credential, already decides it."""
        try:
            self._prepare(job)
        except ProviderError as error:
            return Result(service=job.service, failure=_failure(error))
        return self._settled(job)

    def _prepare(self, job: _Job) -> None:
        provider = registry.get(job.service.provider)
        machine = self.machine.overlaid(job.service.env)
        job.settings, warnings = options.resolve(provider.descriptor, job.service, machine)
        for warning in warnings:
            log.warn(f"{job.service.name}: {warning}")
        job.credential = job.target.credential or credentials.find(provider, job.service, machine)
        log.debug(f"{job.service.name}: credential from {job.credential.origin}")
        job.key = identity(job.service, job.credential, job.settings)
        job.entry = self.cache.load(job.service, job.key)

    def _settled(self, job: _Job) -> Result | None:
        now = self.machine.clock()
        age = job.entry.age_s(now)
        if age is not None and self.rules.max_age_s is not None:
            interval = registry.get(job.service.provider).descriptor.min_interval
            if age < max(self.rules.max_age_s, interval):
                return self._known(job, job.entry, stale=False)
        until = job.entry.retry_at(now)
        if until is not None and job.entry.failure is not None:
            log.debug(f"{job.service.name}: left alone until {until:%H:%M:%S} UTC")
            return self._known(job, job.entry, stale=True)
        if self.rules.offline:
            failure = Failure(
                kind="unavailable", message="not asked (--offline)", hint="run it again without --offline"
            )
            return self._known(job, replace(job.entry, failure=failure), stale=True)
        return None

    def _known(self, job: _Job, entry: Entry, *, stale: bool) -> Result:
        """What the cache has, as far as it still holds."""
        failure = entry.failure if stale else None
        # Refused or unreadable is another matter than unreachable: old figures would hide it.
        if (
            entry.usage is None
            or entry.fetched_at is None
            or (failure is not None and failure.kind not in ("unavailable", "rate_limited"))
        ):
            return Result(service=job.service, failure=failure)
        empty = registry.get(job.service.provider).descriptor.contract
        usage = assess.aged(entry.usage, entry.fetched_at, self.machine.clock(), empty)
        return Result(
            service=job.service, usage=usage, fetched_at=entry.fetched_at, stale=stale, failure=failure
        )

    # -- asking ----------------------------------------------------------------------------------

    def _ask_all(
        self, waiting: dict[int, _Job], results: dict[int, Result], progress: Progress | None
    ) -> None:
        transport = Transport(timeout_s=self.rules.timeout_s, trust_env=not self.machine.demo)
        if not self.rules.offline:
            transport.prepare()
        answers: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()

        def work(job: _Job) -> None:
            try:
                answers.put((job.index, self._one(job, transport)))
            # A bug in a thread is shown by the main thread, like any other.
            except BaseException as error:  # noqa: BLE001
                answers.put((job.index, error))

        for job in waiting.values():
            threading.Thread(target=work, args=(job,), daemon=True, name=job.service.name).start()
        pending = dict(waiting)
        while pending:
            left = transport.remaining()
            if left <= 0 and answers.empty():
                break
            try:
                index, answer = answers.get(timeout=max(0.0, min(left, _TICK_S)))
            except queue.Empty:
                if progress is not None:
                    progress([job.service.name for job in pending.values()])
                continue
            if isinstance(answer, BaseException):
                raise answer
            results[index] = answer
            del pending[index]
        for index, job in pending.items():
            failure = Failure(
                kind="unavailable",
                message=f"no answer within {self.rules.timeout_s:g} s",
                hint="try again, or give a longer --timeout",
            )
            results[index] = self._known(job, replace(job.entry, failure=failure), stale=True)

    def _one(self, job: _Job, transport: Transport) -> Result:
        """Ask for one service, unless a neighbour did in the meantime."""
        if job.credential is None:
            result = self._from_cache(job)
            if result is not None:
                return result
        with self.cache.locked(job.service, transport.remaining()) as held:
            if not held:
                error = Unavailable("another run of usagecli is still asking", hint="try again in a moment")
                return self._known(job, replace(job.entry, failure=_failure(error)), stale=True)
            job.entry = self.cache.load(job.service, job.key)
            checked = job.entry.checked_at
            if checked is not None and self.started < checked <= self.machine.clock():
                # While we waited for the lock, a neighbour asked: its answer is ours, good or bad.
                return self._known(job, job.entry, stale=job.entry.failure is not None)
            return self._settled(job) or self._fetched(job, transport)

    def _fetched(self, job: _Job, transport: Transport) -> Result:
        provider = registry.get(job.service.provider)
        assert job.credential is not None
        ask = Ask(
            service=job.service,
            descriptor=provider.descriptor,
            credential=job.credential,
            options=job.settings,
            machine=self.machine.overlaid(job.service.env),
            transport=transport,
        )
        started = time.monotonic()
        try:
            usage = provider.fetch(ask)
        except ProviderError as error:
            log.debug(f"{job.service.name}: {error.kind}: {error.message}")
            entry = self._refused(job.entry, error)
        else:
            now = self.machine.clock()
            log.debug(f"{job.service.name}: read in {(time.monotonic() - started) * 1000:.0f} ms")
            usage = assess.kept(usage, job.entry.usage, job.entry.fetched_at)
            if self.machine.demo:
                usage = replace(usage, source="demo")
            # What a vendor's app wrote down is as old as its file.
            fetched_at = min(usage.as_of or now, now)
            entry = Entry(usage=usage, fetched_at=fetched_at, checked_at=now)
        finally:
            ask.close()
        job.entry = entry
        self.cache.store(job.service, job.key, entry)
        if entry.failure is None:
            return Result(service=job.service, usage=entry.usage, fetched_at=entry.fetched_at)
        return self._known(job, entry, stale=True)

    def _refused(self, before: Entry, error: ProviderError) -> Entry:
        """The entry after a failure: the figures stay; a 429 without a date waits longer each time."""
        now = self.machine.clock()
        failure, throttled = _failure(error), 0
        if isinstance(error, RateLimited):
            throttled = before.throttled + 1
            if failure.retry_at is None:
                wait = min(_FIRST_WAIT_S * 2 ** min(before.throttled, 10), _LONGEST_WAIT_S)
                failure = replace(failure, retry_at=(now + timedelta(seconds=wait)).replace(microsecond=0))
        return replace(before, checked_at=now, failure=failure, throttled=throttled)


def _failure(error: ProviderError) -> Failure:
    return Failure(kind=error.kind, message=error.message, hint=error.hint, retry_at=error.retry_at)
