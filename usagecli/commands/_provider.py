"""One command a provider: `usagecli copilot`, `usagecli codex`, ..."""

from __future__ import annotations

import click

from usagecli import config, registry, services
from usagecli.cli import App
from usagecli.commands._options import Given, Output, format_options, incidents_option, run_options
from usagecli.commands._run import finish, print_snapshot, say_nothing_found, take


def provider_command(provider: str) -> click.Command:
    """The command of that provider. Imports it only when it runs."""

    @click.command(provider, help=_help(provider), short_help=provider)
    @format_options()
    @incidents_option
    @run_options
    @click.pass_context
    def command(ctx: click.Context, output: Output, given: Given) -> None:
        app: App = ctx.obj
        # One that cannot be used is refused; among others only its services fail.
        registry.get(provider)
        found = config.load(app.machine, app.config_path)
        # A service may be called like another provider: that one has its own command.
        targets = [
            target
            for target in services.choose(found, app.machine, [provider], given.accounts)
            if target.service.provider == provider
        ]
        snapshot = take(app, found, targets, given)
        if not targets:
            say_nothing_found(found, [provider])
        if targets or output.path or output.format == "nagios":
            print_snapshot(app, snapshot, output, apart=True)
        finish(ctx, snapshot, given, output.format)

    return command


def _help(provider: str) -> str:
    return (
        f"The quotas, balances and spend of every {provider} service.\n\n"
        "With --json one document per service, one after another. "
        f"`usagecli providers {provider}` says what it reports and how to give it access."
    )
