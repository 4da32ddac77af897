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

from usagecli import assess, credentials, log, options, pace, policy, registry
from usagecli.client import Ask, Transport
from usagecli.errors import ProviderError, RateLimited, Unavailable
from usagecli.model import Failure, Rates, Service, Usage
from usagecli.storage.cache import EMPTY, Cache, Entry, identity

if TYPE_CHECKING:
    from usagecli.credentials import Credential
    from usagecli.machine import Machine
    from usagecli.registry import Descriptor, Provider

_FIRST_WAIT_S = 300
_LONGEST_WAIT_S = 3600
_TICK_S = 0.1
# Failures beside which older figures stand. What was refused or cannot be read they would hide.
_UNREACHED = ("unavailable", "rate_limited")

# Credentials that are renewed by themselves, so that they name their account for hours only.
_RENEWED = ("cookie", "login", "oauth", "token")

# Called while waiting, with the names that have not answered yet.
Progress = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run may ask. `max_age_s` None means `--no-cache`: nothing younger is reused. `history`
    False: forecasts rest on the report alone. `documented_only`: only what its vendor documents."""

    max_age_s: float | None = 60.0
    timeout_s: float = 20.0
    offline: bool = False
    history: bool = True
    documented_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service to report, with its credential where looking for services already found it."""

    service: Service
    credential: Credential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is known of a service after the run. `stale`: the figures are older than they should be.

    `live`: it was asked in this run, and this is what came of it. `account` names the account for the
    history, and is no secret; "" where the credential is not known.
    """

    service: Service
    account: str = ""
    live: bool = False
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

    def account(self, usage: Usage | None) -> str:
        """As the cache names it; where the credential is renewed by itself, by what the answer says."""
        credential = self.credential
        lasts = credential is None or credential.account_id or credential.kind not in _RENEWED
        if lasts or usage is None or usage.account is None:
            return self.key
        from hashlib import sha256

        told = f"{self.service.name}\0{self.service.provider}\0{usage.account}"
        return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


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
            result = Result(service=job.service, failure=_failure(error))
            return self._or_local(job, result, forbidden=isinstance(error, policy.ForbiddenError))
        return self._settled(job)

    def _prepare(self, job: _Job) -> None:
        provider = registry.get(job.service.provider)
        machine = self.machine.overlaid(job.service.env)
        job.settings, warnings = options.resolve(provider.descriptor, job.service, machine)
        for warning in warnings:
            log.warn(f"{job.service.name}: {warning}")
        job.credential = job.target.credential or credentials.find(provider, job.service, machine)
        if self.rules.documented_only:
            job.credential = self._documented(job, provider, job.credential, machine)
        log.debug(f"{job.service.name}: credential from {job.credential.origin}")
        job.key = identity(job.service, job.credential, job.settings)
        job.entry = self.cache.load(job.service, job.key)

    @staticmethod
    def _documented(job: _Job, provider: Provider, found: Credential, machine: Machine) -> Credential:
        """The credential, or another one that the policy allows. Raises ForbiddenError."""
        descriptor, settings = provider.descriptor, job.settings

        def wanted(credential: Credential) -> bool:
            return policy.allows(descriptor, credential.kind, settings)

        if not wanted(found) and job.service.credential is None:
            found = credentials.find(provider, job.service, machine, wanted)
        return policy.narrowed(descriptor, found, settings)

    @staticmethod
    def _way(job: _Job) -> tuple[Descriptor, str, dict[str, Any]]:
        assert job.credential is not None
        return registry.get(job.service.provider).descriptor, job.credential.kind, job.settings

    def _settled(self, job: _Job) -> Result | None:
        now = self.machine.clock()
        age = job.entry.age_s(now)
        max_age_s = self.rules.max_age_s
        if (
            age is not None
            and max_age_s is not None
            and age < max(max_age_s, policy.interval(*self._way(job)))
        ):
            return self._known(job, job.entry, stale=False)
        until = job.entry.retry_at(now)
        if until is not None and job.entry.failure is not None:
            log.debug(f"{job.service.name}: left alone until {until:%H:%M:%S} UTC")
            return self._known(job, job.entry, stale=True)
        if self.rules.offline and not policy.is_local(*self._way(job)):
            failure = Failure(
                kind="unavailable", message="not asked (--offline)", hint="run it again without --offline"
            )
            return self._known(job, replace(job.entry, failure=failure), stale=True)
        return None

    def _or_local(self, job: _Job, result: Result, *, forbidden: bool = False) -> Result:
        """The result, or what the vendor's own tool left on this machine, where nobody answered (or may
        be asked) and that is newer than the last answer."""
        recall, failure = registry.get(job.service.provider).recall, result.failure
        if recall is None or failure is None:
            return result
        if not forbidden and failure.kind not in (*_UNREACHED, "not_configured"):
            return result
        found = recall(job.service, job.credential, self.machine.overlaid(job.service.env))
        if found is None or (result.fetched_at is not None and result.fetched_at >= found.at):
            return result
        return replace(result, usage=found.usage, fetched_at=found.at, stale=True)

    def _known(self, job: _Job, entry: Entry, *, stale: bool) -> Result:
        """What is known without asking."""
        return self._or_local(job, self._cached(job, entry, stale=stale))

    def _cached(self, job: _Job, entry: Entry, *, stale: bool) -> Result:
        """What the cache has, as far as it still holds."""
        failure = entry.failure if stale else None
        if (
            entry.usage is None
            or entry.fetched_at is None
            or (failure is not None and failure.kind not in _UNREACHED)
        ):
            return Result(service=job.service, account=job.account(None), failure=failure)
        empty = registry.get(job.service.provider).descriptor.contract
        now = self.machine.clock()
        usage = assess.aged(entry.usage, entry.fetched_at, now, empty)
        if not stale:
            rates = entry.rates if self.rules.history else Rates()
            usage = pace.forecast(usage, rates, entry.fetched_at, now)
        return Result(
            service=job.service,
            account=job.account(usage),
            usage=usage,
            fetched_at=entry.fetched_at,
            stale=stale,
            failure=failure,
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
            known = self._known(job, replace(job.entry, failure=failure), stale=True)
            results[index] = replace(known, live=not self.rules.offline)

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
            documented_only=self.rules.documented_only,
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
            rates = self._rates(job, usage, fetched_at)
            entry = Entry(usage=usage, fetched_at=fetched_at, checked_at=now, rates=rates)
        finally:
            ask.close()
        job.entry = entry
        self.cache.store(job.service, job.key, entry)
        return replace(self._known(job, entry, stale=entry.failure is not None), live=True)

    def _rates(self, job: _Job, usage: Usage, at: datetime) -> Rates:
        if not self.rules.history:
            return Rates()
        from usagecli.storage import rates

        return rates.read(self.machine, job.service, job.account(usage), usage, at)

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
