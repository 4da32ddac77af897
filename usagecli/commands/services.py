"""`usagecli services list|add|edit|remove|enable|disable|test|import`: the config from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from usagecli import config, configfile, credentials, log, registry, services
from usagecli.cli import App
from usagecli.commands import _ask
from usagecli.commands._change import (
    Change,
    RefusedError,
    check,
    found_beside,
    list_found,
    make,
    saving,
    service_of,
)
from usagecli.commands._options import Given, Output, complete_providers, complete_services
from usagecli.commands._run import emit, finish, look, print_snapshot, say_nothing_found, take
from usagecli.commands._wish import Wish, edited, new, wish_options
from usagecli.errors import ConfigError, ProviderError
from usagecli.secretstore import STORES

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.model import Service


@click.group("services")
def command() -> None:
    """The services of the config file: list, add, edit, remove, switch on and off, test, import.

    A secret goes to the system keyring where one works, else to a file that only you can read; never
    into the config, and no option takes one.
    """


@command.command("list")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    """Every service, its secret's place, its last report. Asks nobody."""
    from usagecli.commands import _service_list

    found = config.load(app.machine, app.config_path)
    listed = list(_service_list.lines(found, app.machine))
    how = look(app)
    if as_json:
        bodies = [_service_list.body(line) for line in listed]
        emit(json.dumps(bodies, indent=2 if how.indent else None, ensure_ascii=False))
        return
    if found.services is None and listed:
        log.note("No services in the config: this is what is found on this machine.")
    if listed:
        emit(_service_list.table(listed, how.now, how.width))
    else:
        say_nothing_found(found, ())


@command.command("add")
@click.option(
    "--provider", metavar="ID", shell_complete=complete_providers, help="Whose usage it is: openrouter, ..."
)
@wish_options
@click.option("--with-found", is_flag=True, help="List what else is found on this machine, too.")
@click.pass_obj
def add(app: App, provider: str | None, wish: Wish, with_found: bool) -> None:
    """Add a service; on a terminal, what is not given is asked for.

    \b
    printf %s "$KEY" | usagecli services add --provider openrouter --name work --secret-stdin
    usagecli services add --provider openrouter --credential env:OPENROUTER_WORK_KEY
    """
    file = configfile.read(app.machine, app.config_path)
    again = _ask.interactive() and not wish.gives_credential
    change = _tried(app, new(app, file, wish, provider), wish, again=again)
    id_ = change.values["provider",]
    beside = found_beside(app, file, [id_], take=with_found)
    with saving(app, wish.store) as (file, store):
        told = [] if file.config.services is not None else list(list_found(file, beside))
        where = make(change, file, store)
    emit("\n".join([*told, f"Added {change.name} ({id_}), credential: {where}"]))


@command.command("edit")
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@wish_options
@click.pass_obj
def edit(app: App, service: str, wish: Wish) -> None:
    """Change a service; without options it is asked what to change."""
    file = configfile.read(app.machine, app.config_path)
    provider = service_of(file.config, service).provider
    change = _tried(app, edited(app, file, wish, service, provider), wish, again=wish.is_empty)
    if change.name == service and not change.values and not change.secrets:
        emit(f"Nothing to change about {service}")
        return
    with saving(app, wish.store) as (file, store):
        where = make(change, file, store)
    renamed = "" if change.name == service else f", now called {change.name}"
    emit(f"Changed {service}{renamed}; credential: {where}")


@command.command("remove")
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(app: App, service: str, yes: bool) -> None:
    """Take a service and its stored secret out of the config."""
    service_of(configfile.read(app.machine, app.config_path).config, service)
    if not yes:
        if not _ask.interactive():
            raise _ask.need("--yes")
        if not _ask.confirm(f"Remove {service}?", default=False):
            emit("Nothing was removed")
            return
    with saving(app) as (file, _):
        service_of(file.config, service)
        file.drop(service)
    emit(f"Removed {service}")
    if file.config.services is None:
        log.note("It was the last one: from now on what is found on this machine is reported.")


@command.command("enable")
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@click.pass_obj
def enable(app: App, service: str) -> None:
    """Report a service again."""
    _switch(app, service, on=True)


@command.command("disable")
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@click.pass_obj
def disable(app: App, service: str) -> None:
    """Keep a service in the config without reporting it."""
    _switch(app, service, on=False)


def _switch(app: App, name: str, *, on: bool) -> None:
    with saving(app) as (file, _):
        already = service_of(file.config, name).enabled is on
        if not already:
            file.put(name, ("enabled",), on)
    emit(f"{name} is{' already' if already else ''} {'on' if on else 'off'}")


@command.command("test")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.pass_context
def test(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Ask now, whatever the cache has, and say with which credential."""
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names)
    for target in targets:
        service = target.service
        base_url = service.base_url or registry.get(service.provider).descriptor.base_url or "its own address"
        log.note(f"{service.name}: {service.provider} at {base_url}, {_origin(service, app.machine)}")
    given = Given(no_cache=True)
    snapshot = take(app, found, targets, given)
    if targets:
        print_snapshot(app, snapshot, Output(format="table"))
    else:
        say_nothing_found(found, names)
    finish(ctx, snapshot, given)


@command.command("import")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--store",
    type=click.Choice(STORES),
    help="Where secrets are kept.  [default: keyring where one works, else file]",
)
@click.option("--with-found", is_flag=True, help="List what else is found on this machine, too.")
@click.pass_obj
def import_(app: App, path: str, store: str | None, with_found: bool) -> None:
    """Make services of a .env file's credentials. Asks nobody.

    A dashboard.properties does as well. Variables that no provider knows are named and left. Values are
    never shown.
    """
    from usagecli.commands import _import

    held = _import.sort(_import.read(path), app.machine)
    create = path.endswith(".properties")
    providers = {provider for provider, _ in held.services} | (set(held.options) if create else set())
    if not providers and not held.options:
        raise ConfigError(f"{path}: holds no variable that a provider knows")
    file = configfile.read(app.machine, app.config_path)
    beside = found_beside(app, file, providers, take=with_found) if providers else []
    with saving(app, store) as (file, secrets):
        told = list(list_found(file, beside)) if file.config.services is None else []
        told += _import.take(held, file, secrets, create=create)
    emit("\n".join(told))
    if held.unknown:
        log.note(f"Left alone, because no provider knows them: {', '.join(held.unknown)}")


def _tried(app: App, changes: Iterator[Change], wish: Wish, *, again: bool) -> Change:
    """The first change that the provider does not refuse; `again`: a refused one is told and asked anew."""
    for change in changes:
        if wish.no_test or not change.concerns_access:
            return change
        try:
            check(app, change)
        except RefusedError as error:
            if not again:
                raise
            log.note(error.message)
        else:
            return change
    raise AssertionError("unreachable")  # pragma: no cover - there is a change, or a question, for ever


def _origin(service: Service, machine: Machine) -> str:
    """Where the credential stands that will be used; no command is run for that."""
    if service.credential is not None:
        return ", ".join(dict.fromkeys(credentials.describe(s, machine) for s in service.credential.values()))
    try:
        return credentials.find(registry.get(service.provider), service, machine.overlaid(service.env)).origin
    except ProviderError:
        return "no credential found"
