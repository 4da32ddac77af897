"""A descriptor as a provider like any other: its `registry.Descriptor`, and a `fetch`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from usagecli import registry
from usagecli.credentials import Credential, Place, Secret, env_place, parse_json, read_text
from usagecli.declarative.expressions import Evaluator
from usagecli.declarative.functions import Scope
from usagecli.declarative.spec import Base, Key, Spec
from usagecli.declarative.values import text
from usagecli.errors import NotConfigured, PayloadError, ProviderError, ServiceError
from usagecli.homes import expanded
from usagecli.registry import Descriptor, Provider
from usagecli.urls import check_base_url, origin

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask
    from usagecli.declarative.asking import Call, Send
    from usagecli.machine import Machine
    from usagecli.model import Usage

BASE = "base_url"


def provider(spec: Spec) -> Provider:
    """The provider that the descriptor is."""
    descriptor = Descriptor(
        name=spec.id,
        title=spec.title,
        kind=spec.kind,
        reports=spec.reports,
        base_url=spec.base.url or next(iter(spec.base.urls.values()), ""),
        places=tuple(_place(spec, key) for key in spec.keys),
        access=tuple(_access(spec)),
        dashboard=spec.dashboard,
        documented=_documented(spec),
        renew=f"make a new {_key_to_make(spec)}",
        obtain=_obtain(spec),
        ways=(registry.Way(about="its API, with the key", documented=spec.documented is True),),
        parts={kind: f"a key of the kind {kind}" for kind in spec.kinds},
        options=tuple(_options(spec)),
        min_interval=spec.min_interval,
    )

    def fetch(ask: Ask) -> Usage:
        """Read one account. Raises what its requests and its `fail` name."""
        return _fetch(spec, ask)

    return Provider(descriptor, fetch, _accept(spec) if spec.kinds else None)


# -- what is said of it ----------------------------------------------------------------------------


def _access(spec: Spec) -> list[str]:
    which = f" ({spec.key_hint.rstrip('.')})" if spec.key_hint else ""
    made = (
        f"Make a key{which} at {spec.key_url}." if spec.key_url else f"Get an API key of {spec.title}{which}."
    )
    names = [key.env for key in spec.keys if key.env]
    files = [key.file for key in spec.keys if key.file]
    homes = f"Put it into the environment as {names[0]}" if names else f"Have it written to {files[0]}"
    steps = [made, f"{homes}, or name its place in the config."]
    if spec.base.env and spec.base.url is None:
        steps.append(f"Set {spec.base.env} to the address of the server, or base_url in the config.")
    needed = [option.env or option.name for option in spec.options if option.required is True]
    if needed:
        steps.append(f"Set {', '.join(needed)}, or the same under options in the config.")
    for option in spec.options:
        beside = [key.env for key in spec.keys if key.env and key.kind == option.required]
        if beside:
            steps.append(f"Beside {beside[0]} set {option.env or option.name}, or the same under options.")
    return steps


def _key_to_make(spec: Spec) -> str:
    which = f" ({spec.key_hint.rstrip('.')})" if spec.key_hint else ""
    return f"key{which}{f' at {spec.key_url}' if spec.key_url else ''}"


def _obtain(spec: Spec) -> str:
    name = next((key.env for key in spec.keys if key.env), None)
    if name is None or not (spec.key_url or spec.key_hint):
        return ""
    return f"{'make' if spec.key_url else 'get'} a {_key_to_make(spec)}, and set {name}"


def _documented(spec: Spec) -> str:
    told = {
        True: "The vendor documents this.",
        False: "The vendor does not document this.",
        None: "The descriptor does not say that the vendor documents this.",
    }[spec.documented]
    return f"{told} {spec.source}".strip() if spec.documented is not None or not spec.source else spec.source


def _options(spec: Spec) -> list[registry.Option]:
    found = []
    if spec.base.env:
        usual = f" Without it {spec.base.url}." if spec.base.url else ""
        about = f"The address of the server; in the config also base_url.{usual}"
        found.append(registry.Option(name=BASE, env=spec.base.env, about=about))
    for option in spec.options:
        choices = f" One of {', '.join(option.choices)}." if option.choices else ""
        usual = f" Without it {option.default}." if option.default is not None else ""
        about = option.about or option.name.replace("_", " ").capitalize()
        found.append(
            registry.Option(
                name=option.name, env=option.env, about=f"{about.rstrip('.')}.{choices}{usual}", kind="text"
            )
        )
    return found


# -- the credential --------------------------------------------------------------------------------


def _place(spec: Spec, key: Key) -> Place:
    if key.env is not None:
        return env_place(key.env, kind=key.kind, part=key.kind if spec.kinds else "")

    def look(machine: Machine) -> Credential | None:
        path = expanded(key.file or "", machine)
        found = None if path is None else read_text(path, machine, f"{spec.title} key file")
        secret = None if found is None else _in_file(key, found, spec)
        if secret is None:
            return None
        return Credential(
            secret=Secret(secret), origin=key.file or "", kind=key.kind, reread=lambda: look(machine)
        )

    return Place(name=key.file or "", look=look)


def _in_file(key: Key, found: str, spec: Spec) -> str | None:
    if key.at is None:
        found = found.strip()
        return found if len(found.split()) == 1 else None
    body = parse_json(found, f"{spec.title} key file", "sign in again with the tool that writes it")
    value = Evaluator(_no_scope()).value(key.at, body)
    return value.strip() or None if isinstance(value, str) else None


def _no_scope() -> Scope:
    return Scope(now=datetime(1970, 1, 1, tzinfo=UTC))


def _accept(spec: Spec) -> registry.Accept:
    """A configured key of one of several kinds: the part names it, and alone it is of the first."""

    def accept(parts: Mapping[str, str], where: str, _machine: Machine) -> Credential:
        if len(parts) > 1:
            raise ServiceError(f"the {spec.title} credential has several kinds", hint="give only one of them")
        part, key = next(iter(parts.items()))
        return Credential(secret=Secret(key), origin=where, kind=part or spec.kinds[0])

    return accept


# -- asking ----------------------------------------------------------------------------------------


def _fetch(spec: Spec, ask: Ask) -> Usage:
    key = ask.credential.secret.reveal()
    known = evaluator(spec, ask.credential, ask.options, ask.now())
    address = base_url(spec, ask.service.base_url, ask.options, known)

    def send(call: Call) -> Answer:
        return _send(ask, address, key, call)

    return read(spec, ask.descriptor, known, send)


def evaluator(spec: Spec, credential: Credential, options: Mapping[str, Any], now: datetime) -> Evaluator:
    """What expressions know of the run. Raises NotConfigured and ServiceError for unusable settings."""
    key = credential.secret.reveal()
    if not all(32 < ord(c) < 127 for c in key):
        raise ServiceError(
            f"the {spec.title} credential holds characters that no request can carry",
            hint="copy it again, without quotes or line ends",
        )
    # In a query it travels encoded, and may come back so.
    Secret(quote(key, safe=""))
    settings = settled(spec, options, credential.kind)
    return Evaluator(Scope(now=now, options=settings, kind=credential.kind, ends_with=key.endswith))


def read(spec: Spec, descriptor: Descriptor, known: Evaluator, send: Send) -> Usage:
    """Ask through `send`, then report. Raises ProviderError."""
    # Here: a report from the cache needs neither.
    from usagecli.declarative.asking import Asking
    from usagecli.declarative.entries import usage

    asking = Asking(spec, descriptor, known, send)
    answers = asking.run()
    return usage(spec, descriptor, answers, known, asking.notes)


def settled(spec: Spec, given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The options with their defaults, for a key of that kind. Raises NotConfigured and ServiceError."""
    found = {}
    for option in spec.options:
        value = given.get(option.name)
        value = option.default if value is None else str(value)
        if value is None and option.required in (True, kind):
            name = option.env or f"the option {option.name}"
            raise NotConfigured(
                f"{spec.title} needs the option {option.name}", hint=f"set {name}, or options in the config"
            )
        if value is not None and option.choices and value not in option.choices:
            raise ServiceError(
                f"the option {option.name} of {spec.title} is none of {', '.join(option.choices)}",
                hint=f"correct {option.env or 'it'}",
            )
        found[option.name] = value
    return found


def base_url(spec: Spec, given: str | None, options: Mapping[str, Any], known: Evaluator) -> str:
    """Where the requests go: the service's own address, else the descriptor's.

    Raises NotConfigured and ServiceError.
    """
    base = spec.base
    if given is None and base.env is not None:
        given = options.get(BASE)
    if given is None:
        given = _chosen(base, known) if base.choose is not None else base.url
    if given is None:
        raise NotConfigured(
            f"{spec.title} needs the address of the server", hint=f"set {base.env}, or base_url in the config"
        )
    try:
        url = check_base_url(given)
    except ValueError as error:
        raise ServiceError(
            f"the base URL of {spec.title} {error}", hint=f"correct {base.env or BASE}"
        ) from None
    for end in base.cut:
        if url.endswith(end):
            return url.removesuffix(end).rstrip("/")
    return url


def _chosen(base: Base, known: Evaluator) -> str:
    assert base.choose is not None
    choice = text(known.value(base.choose, {}))
    if choice is None or choice not in base.urls:
        raise ServiceError(
            f"base: none of {', '.join(base.urls)} is chosen", hint="correct the options of the service"
        )
    return base.urls[choice]


def _send(ask: Ask, address: str, key: str, call: Call) -> Answer:
    request, auth = call.request, call.request.auth
    headers, query = dict(call.headers), dict(call.query)
    if auth.header:
        headers[auth.header] = auth.words.replace("{key}", key)
    if auth.query:
        query[auth.query] = key
    timeout = ask.transport.spare() if request.optional else None
    client = ask.client(address, headers)
    if request.method == "POST":
        body = b"" if call.body is None else call.body
        return client.post(call.path, body, params=query, timeout_s=timeout)

    def moved(target: str) -> ProviderError:
        where = "another path" if origin(target) == origin(address) else "another host"
        return PayloadError(
            f"redirect: {ask.descriptor.title} sends us to {where}; the credential is not sent there",
            hint="check base_url and the network (a captive portal?)",
        )

    return client.get(call.path, params=query, timeout_s=timeout, moved=moved)


def load(path: str) -> Provider:
    """The provider of a descriptor file, whose name is its id. Raises ConfigError."""
    from usagecli.declarative.loader import load as load_spec

    return provider(load_spec(path, os.path.splitext(os.path.basename(path))[0]))
