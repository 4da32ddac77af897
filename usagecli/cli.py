"""The root command: global options, and subcommands that are imported only when they are asked for.

A command is a file in `commands/`, a provider a file in `providers/`; both are commands here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from usagecli import __version__, log, registry
from usagecli.errors import ExitCode
from usagecli.machine import Machine, here

COMMANDS = ("check", "completions", "config", "doctor", "providers", "schema", "status")


@dataclass(slots=True)
class App:
    """What the group options say; every command gets it as its context's object."""

    machine: Machine
    config_path: str | None = None
    color: str = "auto"
    demo: bool = False


class Root(click.Group):
    """Finds commands and providers by name, without importing any other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *registry.names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            # __import__ with a list of names gives the submodule itself.
            return __import__(f"usagecli.commands.{cmd_name}", fromlist=["command"]).command  # type: ignore[no-any-return]
        if cmd_name in registry.names():
            from usagecli.commands._provider import provider_command

            return provider_command(cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from usagecli.config import suggestion

            ctx.fail(f"No such command {name!r}{suggestion(name, tuple(self.list_commands(ctx)))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their one-line helps; providers by name, so that none is imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _HELP[name]) for name in COMMANDS])
        with formatter.section("Providers (one command each)"):
            formatter.write_text(", ".join(registry.names()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """As Click's, but an interrupt exits 130 and a closed pipe ends quietly."""
        try:
            # Without Click's own standalone mode a command's exit code is what main returns.
            code = super().main(args, *rest, **{**extra, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else ExitCode.OK)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:
            silence_stdout()
            sys.exit(ExitCode.OK)


_HELP = {
    "check": "For cron: silent while all is well, else a line for what is low, spent or unknown.",
    "completions": "Print the completion script for bash, zsh or fish.",
    "config": "The config file: path, init, show, validate.",
    "doctor": "What was found on this machine, what is missing, and how to mend it.",
    "providers": "What is supported, and for one: what it reports and how to give it access.",
    "schema": "The JSON Schema of what --json prints.",
    "status": "Every quota, budget and credit, of all services or those named.",
}


def silence_stdout() -> None:
    """Send what is still to be flushed nowhere: the reader has gone."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.option("--config", "config_path", metavar="FILE", help="Use this config file.")
@click.option("--demo", is_flag=True, help="Replay recorded answers; touches nothing of yours.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours and bars; NO_COLOR and FORCE_COLOR are honoured.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log to stderr, secrets masked.")
@click.version_option(__version__, prog_name="usagecli")
@click.pass_context
def cli(ctx: click.Context, config_path: str | None, demo: bool, color: str, verbose: bool) -> None:
    """How much of every AI quota, budget and credit do I have left?

    \b
    usagecli status            a table of everything found on this machine
    usagecli copilot --json    one provider, for scripts
    usagecli check             for cron: says something only when it matters
    usagecli --demo status     try it without any account
    """
    log.verbose = verbose
    machine = here()
    if demo:
        from usagecli.demo import start

        machine, config_path = start(ctx)
    ctx.obj = App(machine=machine, config_path=config_path, color=color, demo=demo)


def main() -> None:
    """The console script."""
    cli(prog_name="usagecli")
