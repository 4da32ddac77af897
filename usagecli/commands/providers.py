"""`usagecli providers [ID]`: what is supported, and how to give it access."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from usagecli import config, log, registry
from usagecli.cli import App
from usagecli.commands._options import complete_providers
from usagecli.commands._run import emit
from usagecli.commands.doctor import standing
from usagecli.config import suggestion
from usagecli.errors import ConfigError, ProviderError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.registry import Descriptor

_WIDTH = 78


@click.command("providers")
@click.argument("provider", required=False, metavar="[ID]", shell_complete=complete_providers)
@click.pass_obj
def command(app: App, provider: str | None) -> None:
    """What is supported; with an ID, what it reports and how to give it access."""
    if provider is None:
        emit("\n\n".join(_entries()))
        return
    if provider not in registry.names():
        raise ConfigError(f"there is no provider {provider!r}{suggestion(provider, registry.names())}")
    descriptor = registry.get(provider).descriptor
    emit("\n".join(_page(descriptor, app.machine, _services(app, provider))))


def _entries() -> Iterator[str]:
    """Every provider with what it reports."""
    names = registry.names()
    width = max(len(name) for name in names) + 2
    for name in names:
        descriptor = registry.get(name).descriptor
        yield "\n".join([f"{name:{width}}{descriptor.title}", *_wrapped(descriptor.reports, " " * width)])


def _services(app: App, provider: str) -> list[Service]:
    """The services of the provider that the config names; a broken config is told, and no obstacle."""
    try:
        found = config.load(app.machine, app.config_path).services or ()
    except ConfigError as error:
        log.warn(error.message)
        return []
    return [service for service in found if service.provider == provider]


def _page(descriptor: Descriptor, machine: Machine, services: Sequence[Service]) -> Iterator[str]:
    yield from (f"{descriptor.title} ({descriptor.name})", "")
    yield from _wrapped(descriptor.reports, "")
    yield from ("", *access(descriptor))
    yield from ("", "Where credentials are looked for, in this order:")
    # A service with a credential of its own does not look here.
    looks = not services or any(service.credential is None for service in services)
    yield from _places(descriptor, machine, looks=looks)
    if services:
        yield from ("", "Services in the config:")
        yield from (f"  {service.name}: {standing(service, machine).told}" for service in services)
    if descriptor.parts:
        yield from ("", "Parts of a `credential:` map in the config:")
        for part, about in descriptor.parts.items():
            yield from _wrapped(about, "      ", f"  {part}: ")
    if descriptor.options:
        yield from ("", "Options:")
        for option in descriptor.options:
            env = f" In the environment: {option.env}." if option.env else ""
            yield from _wrapped(f"{option.about}{env}", "      ", f"  {option.name}: ")
    yield from ("", "Source:")
    yield from _wrapped(descriptor.documented, "  ", "  ")
    yield f"  Asked at {descriptor.base_url}, at most once in {descriptor.min_interval} s."
    yield f"  Dashboard: {descriptor.dashboard}"


def access(descriptor: Descriptor) -> Iterator[str]:
    """The numbered steps that a newcomer takes."""
    yield "How to give it access:"
    for number, step in enumerate(descriptor.access, 1):
        yield from _wrapped(step, "     ", f"  {number}. ")


def _places(descriptor: Descriptor, machine: Machine, *, looks: bool) -> Iterator[str]:
    """Each place with what stands there now, masked; the first that works is the one in use."""
    word = "used" if looks else "found"
    for number, place in enumerate(descriptor.places, 1):
        line = f"  {number}. {place.name}{' (shared with other tools)' if place.shared else ''}"
        try:
            found = place.look(machine)
        except ProviderError as error:
            yield f"{line}  <- unusable: {error.message}"
            continue
        if found is None:
            yield line
            continue
        yield f"{line}  <- {word}: {found.secret.masked()}"
        word = "found"
    if any(place.shared for place in descriptor.places):
        yield from _wrapped(
            f"A shared one counts only beside a trace of {descriptor.title} on this machine, "
            f"or when {descriptor.name} is named.",
            "  ",
            "  ",
        )


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
