"""`usagecli providers try`: a descriptor against recorded answers, offline."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usagecli import assess, credentials, log, options, registry
from usagecli.credentials import Credential, Secret
from usagecli.declarative import entries, loader, provider
from usagecli.declarative.asking import Asking
from usagecli.declarative.gaps import gaps
from usagecli.declarative.recorded import Recorded, answer
from usagecli.errors import ConfigError, NotConfigured, ProviderError
from usagecli.model import Failure, Service, Snapshot, Usage
from usagecli.registry import Provider

if TYPE_CHECKING:
    from usagecli.cli import App
    from usagecli.client import Answer
    from usagecli.declarative.spec import Spec
    from usagecli.machine import Machine


@dataclass(frozen=True, slots=True)
class _Tried:
    """The one provider that is tried, for what looks it up by name."""

    provider: Provider

    def names(self) -> tuple[str, ...]:
        return (self.provider.descriptor.name,)

    def get(self, name: str) -> Provider:
        return self.provider

    def may_be_used(self, name: str, machine: Machine) -> bool:
        return True

    def troubles(self) -> Iterable[str]:
        return ()


def tried(app: App, file: str, payloads: Iterable[str]) -> tuple[Snapshot, bool]:
    """What the descriptor reports of these answers, and whether each entry shows something.

    Raises ConfigError for what cannot be tried.
    """
    spec = loader.load(file, os.path.basename(file).removesuffix(".yaml").removesuffix(".yml"))
    made = provider.provider(spec)
    registry.also = (_Tried(made), *registry.also)
    now = app.machine.clock()
    send = Recorded(_answers(spec, payloads, app.machine))
    service = Service(name=spec.id, provider=spec.id)
    usage: Usage | None = None
    failure: Failure | None = None
    empty: list[str] = []
    whole = True
    try:
        asking = _asked(spec, made, service, app.machine, send)
        with contextlib.suppress(ProviderError):
            empty, bare = gaps(spec, asking.answers, asking.evaluator)
            whole = not bare
        usage = entries.usage(spec, made.descriptor, asking.answers, asking.evaluator, asking.notes)
    except ProviderError as error:
        failure = Failure(kind=error.kind, message=error.message, hint=error.hint, retry_at=error.retry_at)
    for call in send.calls:
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        log.note(f"Asked: {call.request.method} {call.path}{f'?{query}' if query else ''}")
    for sentence in empty:
        log.warn(sentence)
    report = assess.report(
        service, usage=usage, fetched_at=now, stale=False, failure=failure, override=None, defaults={}
    )
    return Snapshot(status=report.status, fetched_at=now, reports=(report,)), whole


def _asked(spec: Spec, made: Provider, service: Service, machine: Machine, send: Recorded) -> Asking:
    try:
        credential = credentials.find(made, service, machine)
    except NotConfigured:
        credential = Credential(secret=Secret("-"), origin="nowhere", kind=spec.keys[0].kind)
    settings, _ = options.resolve(made.descriptor, service, machine)
    known = provider.evaluator(spec, credential, settings, machine.clock())
    asking = Asking(spec, made.descriptor, known, send)
    asking.run()
    return asking


def _answers(spec: Spec, payloads: Iterable[str], machine: Machine) -> dict[str, list[Answer]]:
    """The answers of each request, in the order in which they are given."""
    requests = {request.name: request for request in spec.requests}
    found: dict[str, list[Answer]] = {}
    for payload in payloads:
        name, equals, path = payload.partition("=")
        if not equals:
            if len(requests) > 1:
                raise ConfigError(f"--payload: say of which request it is, NAME=FILE: {', '.join(requests)}")
            name, path = next(iter(requests)), payload
        if name not in requests:
            raise ConfigError(f"--payload: there is no request {name!r}; there are: {', '.join(requests)}")
        body = _json(path)
        if requests[name].from_headers and isinstance(body, dict):
            made = answer({}, machine.clock(), headers={str(k): str(v) for k, v in body.items()})
        else:
            made = answer(body, machine.clock())
        found.setdefault(name, []).append(made)
    return found


def _json(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            return json.loads(file.read())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: is not JSON") from None
