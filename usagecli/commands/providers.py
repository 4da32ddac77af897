"""`usagecli providers [ID]`: what is supported, and how to give it access."""

from __future__ import annotations

import textwrap

import click

from usagecli import registry
from usagecli.cli import App
from usagecli.commands._run import complete_services, emit
from usagecli.config import suggestion
from usagecli.credentials import Credential, Place
from usagecli.errors import ConfigError, ProviderError
from usagecli.machine import Machine
from usagecli.registry import Descriptor

_WIDTH = 78


@click.command("providers")
@click.argument("provider", required=False, metavar="[ID]", shell_complete=complete_services)
@click.pass_obj
def command(app: App, provider: str | None) -> None:
    """What is supported; with an ID, what it reports and how to give it access."""
    if provider is None:
        emit("\n\n".join(_line(registry.get(name).descriptor) for name in registry.names()))
        return
    if provider not in registry.names():
        raise ConfigError(f"there is no provider {provider!r}{suggestion(provider, registry.names())}")
    emit(_page(registry.get(provider).descriptor, app.machine))


def _line(descriptor: Descriptor) -> str:
    first = f"{descriptor.name:12}{descriptor.title}"
    return "\n".join([first, *_wrapped(descriptor.reports, " " * 12)])


def _page(descriptor: Descriptor, machine: Machine) -> str:
    out = [f"{descriptor.title} ({descriptor.name})", ""]
    out += _wrapped(descriptor.reports, "")
    out += ["", "How to give it access:"]
    for number, step in enumerate(descriptor.access, 1):
        out += _wrapped(step, "     ", f"  {number}. ")
    out += ["", "Where credentials are looked for, in this order:"]
    used = False
    for number, place in enumerate(descriptor.places, 1):
        state = state_of(place, machine)
        mark = f"  <- {'used' if not used else 'found'}: {state}" if state else ""
        used = used or bool(state)
        shared = " (shared with other tools)" if place.shared else ""
        out.append(f"  {number}. {place.name}{shared}{mark}")
    if descriptor.parts:
        out += ["", "Parts of a `credential:` map in the config:"]
        out += [f"  {part}: {about}" for part, about in descriptor.parts.items()]
    if descriptor.options:
        out += ["", "Options:"]
        for option in descriptor.options:
            env = f" (or {option.env} in the environment)" if option.env else ""
            out += _wrapped(f"{option.about}{env}", "      ", f"  {option.name}: ")
    out += ["", "Source:"]
    out += _wrapped(descriptor.documented, "  ", "  ")
    out.append(f"  Asked at {descriptor.base_url}, at most once in {descriptor.min_interval} s.")
    out.append(f"  Dashboard: {descriptor.dashboard}")
    return "\n".join(out)


def state_of(place: Place, machine: Machine) -> str:
    """What stands in a place now: a masked secret, what is wrong with it, or nothing ("")."""
    try:
        found: Credential | None = place.look(machine)
    except ProviderError as error:
        return error.message
    return found.secret.masked() if found else ""


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent
    )
