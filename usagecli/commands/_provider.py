"""One command a provider: `usagecli copilot`, `usagecli codex`, ..."""

from __future__ import annotations

import click

from usagecli import config, services
from usagecli.cli import App
from usagecli.commands._run import Given, finish, format_options, print_snapshot, run_options, take


def provider_command(provider: str) -> click.Command:
    """The command of that provider. Imports it only when it runs."""

    @click.command(provider, help=_help(provider), short_help=provider)
    @format_options
    @run_options
    @click.pass_context
    def command(ctx: click.Context, format_: str, given: Given) -> None:
        app: App = ctx.obj
        found = config.load(app.machine, app.config_path)
        targets = services.of_provider(found, app.machine, provider, given.accounts)
        snapshot = take(app, found, targets, given)
        print_snapshot(app, snapshot, format_, apart=True)
        finish(ctx, snapshot, given)

    return command


def _help(provider: str) -> str:
    return (
        f"The quotas, balances and spend of every {provider} service.\n\n"
        "With --json one document per service, one after another. "
        f"`usagecli providers {provider}` says what it reports and how to give it access."
    )
