"""`KEY=VALUE` files for `services import`: what each of their variables is to which provider."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from usagecli import credentials, options, registry
from usagecli.commands._ask import plain
from usagecli.commands._change import Change, Keys, free_name, make
from usagecli.credentials import Secret
from usagecli.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.configfile import ConfigFile
    from usagecli.machine import Machine
    from usagecli.secretstore import SecretStore

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds: the secrets of each service to be, by part; options by provider; the rest."""

    services: tuple[tuple[str, Mapping[str, Secret]], ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def read(path: str) -> dict[str, str]:
    """The variables of a `.env` or `.properties` file. Raises ConfigError, without a word of a value."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return dict(_variables(file.read(), path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None


def _variables(text: str, path: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        told = line.strip()
        if not told or told.startswith("#"):
            continue
        match = _LINE.fullmatch(told)
        if match is None:
            raise ConfigError(f"{path}:{number}: expected KEY=VALUE")
        yield match[1], _value(match[2])


def _value(told: str) -> str:
    """A value without its quotes, or without the comment behind it."""
    quoted = _QUOTED.match(told)
    if quoted is None:
        return re.split(r"(?:^|\s)#", told, maxsplit=1)[0].strip()
    if quoted[1] is not None:
        return quoted[1].strip()
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[2]).strip()


def sort(variables: Mapping[str, str], machine: Machine) -> Found:
    """What each variable is: a provider's secret, a provider's option, or unknown.

    An option that is not of its kind counts as unknown.
    """
    given = {name: value for name, value in variables.items() if value}
    # A machine with nothing but these, so that no provider finds anything else.
    bare = replace(machine, env=given, home=os.devnull)
    services: list[tuple[str, Mapping[str, Secret]]] = []
    settings: dict[str, dict[str, Any]] = {}
    used = set()
    for provider in registry.names():
        if not registry.may_be_used(provider, bare):
            continue
        descriptor = registry.get(provider).descriptor
        for names in _usable(provider, given, bare):
            used |= set(names)
            _add(services, provider, {part: Secret(given[name]) for name, part in names.items()})
        for option in descriptor.options:
            value = options.read(option, given[option.env]) if option.env in given else None
            if option.env is not None and value is not None:
                used.add(option.env)
                told = plain(value) if option.kind == "positive" else value
                settings.setdefault(provider, {})[option.name] = told
    unknown = tuple(name for name in variables if name not in used)
    return Found(services=tuple(services), options=settings, unknown=unknown)


def _usable(provider: str, given: Mapping[str, str], bare: Machine) -> Iterator[Mapping[str, str]]:
    """The variables (each with its part) of every place of the provider that these can fill."""
    for place in registry.get(provider).descriptor.places:
        if place.variables and all(name in given for name in place.variables):
            try:
                found = place.look(bare)
            except ProviderError:
                continue
            if found is not None:
                yield place.variables


def _add(
    services: list[tuple[str, Mapping[str, Secret]]], provider: str, secrets: Mapping[str, Secret]
) -> None:
    """One more service, unless these are parts that the last one lacks, or secrets that one has."""
    if any(name == provider and set(secrets.values()) <= set(has.values()) for name, has in services):
        return
    if services and services[-1][0] == provider:
        has = services[-1][1]
        if "" not in has and "" not in secrets and not set(has) & set(secrets):
            services[-1] = (provider, {**has, **secrets})
            return
    services.append((provider, secrets))


# -- into the config --------------------------------------------------------------------------------


def take(held: Found, file: ConfigFile, store: SecretStore, *, create: bool) -> Iterator[str]:
    """Change the config by what was found; a line for people about each thing that is done or left.

    `create`: options alone make a service, too.
    """
    added = set()
    for provider, secrets in held.services:
        has = _holder(file.config, provider, secrets, store.machine)
        if has is not None:
            yield f"{has} ({provider}) has that credential already"
            continue
        added.add(provider)
        settings: dict[Keys, Any] = {
            ("options", key): value for key, value in held.options.get(provider, {}).items()
        }
        name = free_name(file.config, provider)
        change = Change(name=name, values={("provider",): provider, **settings}, secrets=secrets)
        yield f"Added {name} ({provider}), credential: {make(change, file, store)}"
    for provider, told in held.options.items():
        if provider not in added:
            yield from _complete(file, provider, told, create=create)


def _holder(found: Config, provider: str, secrets: Mapping[str, Secret], machine: Machine) -> str | None:
    """The service of the config that has these secrets already."""
    for service in found.services or ():
        if service.provider == provider:
            try:
                has = credentials.find(registry.get(provider), service, machine)
            except ProviderError:
                continue
            if set(secrets.values()) <= {has.secret, *has.others.values()}:
                return service.name
    return None


def _complete(file: ConfigFile, provider: str, settings: Mapping[str, Any], *, create: bool) -> Iterator[str]:
    """Set the options of the provider's one service; where there is none, they may make one."""
    names = [name for name, body in file.bodies().items() if body.get("provider") == provider]
    if not names and create:
        name = free_name(file.config, provider)
        file.add({"name": name, "provider": provider, "options": dict(settings)})
        yield f"Added {name} ({provider}), {', '.join(f'{k}: {v}' for k, v in settings.items())}"
    elif len(names) != 1:
        why = f"there are {len(names)} {provider} services" if names else f"there is no {provider} service"
        known = registry.get(provider).descriptor.options
        variables = [str(option.env) for option in known if option.name in settings]
        yield f"Left alone, because {why}: {', '.join(variables)}"
    else:
        yield from _set(file, names[0], settings)


def _set(file: ConfigFile, name: str, settings: Mapping[str, Any]) -> Iterator[str]:
    held = file.bodies()[name].get("options") or {}
    for key, value in settings.items():
        now = held.get(key)
        if now == value:
            yield f"{name}: {key} is {value} already"
            continue
        file.put(name, ("options", key), value)
        yield f"{name}: {key} is now {value}" + ("" if now is None else f", instead of {now}")
