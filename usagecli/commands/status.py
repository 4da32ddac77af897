"""`usagecli status`: all services, or those named."""

from __future__ import annotations

import click

from usagecli import config, log, services
from usagecli.cli import App
from usagecli.commands._options import (
    Given,
    Output,
    complete_services,
    format_options,
    incidents_option,
    run_options,
)
from usagecli.commands._run import finish, print_snapshot, say_nothing_found, take
from usagecli.formatters import EVEN_OF_NOTHING


@click.command("status")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@format_options()
@incidents_option
@run_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], output: Output, given: Given) -> None:
    """Every quota, budget and credit: all services, or those named.

    A SERVICE is a name from the config file or a provider id. Without a config file, every provider
    whose credentials are found on this machine is reported.
    """
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names, given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    elif found.services is None and not names and output.format == "table":
        origins = [
            f"{t.service.name} ({t.credential.origin if t.credential else 'unusable'})" for t in targets
        ]
        log.note(f"Found on this machine: {', '.join(origins)}")
    if targets or output.path or output.format in EVEN_OF_NOTHING:
        print_snapshot(app, snapshot, output)
    finish(ctx, snapshot, given, output.format)
