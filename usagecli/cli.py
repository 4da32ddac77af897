"""The root command: global options, and subcommands that are imported only when they are asked for.

A command is a file in `commands/`, a provider a file in `providers/`; both are commands here.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from usagecli import __version__, log, registry
from usagecli.errors import ExitCode, OutputError
from usagecli.machine import Machine, here

COMMANDS = (
    "check",
    "completions",
    "config",
    "doctor",
    "history",
    "incidents",
    "providers",
    "push",
    "report",
    "schema",
    "services",
    "status",
    "statusline",
    "tokens",
)


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
        _look_everywhere(ctx)
        return [*COMMANDS, *registry.names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        _look_everywhere(ctx)
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
        # While a word is being completed nothing is refused.
        if not ctx.resilient_parsing and self.get_command(ctx, name) is None and not name.startswith("-"):
            from usagecli.config import suggestion

            near = _service_named(ctx, name) or suggestion(name, tuple(self.list_commands(ctx)))
            ctx.fail(f"No such command {name!r}{near}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their one-line helps; providers by name, so that none is imported."""
        from textwrap import wrap

        with formatter.section("Commands"):
            formatter.write_dl([(name, _HELP[name]) for name in COMMANDS])
        _look_everywhere(ctx)
        with formatter.section("Providers (one command each; usagecli providers says more)"):
            # Not `write_text`: it breaks a name at its hyphen.
            told, indent = ", ".join(registry.names()), " " * formatter.current_indent
            lines = wrap(told, formatter.width - len(indent), break_on_hyphens=False)
            formatter.write("".join(f"{indent}{line}\n" for line in lines))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """As Click's, but an interrupt exits 130, and a full disk is told in one line."""
        try:
            # Without Click's own standalone mode a command's exit code is what main returns.
            code = super().main(args, *rest, **{**extra, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else ExitCode.OK)
        except click.NoSuchOption as error:
            _refuse(self._explained(error))
        except click.ClickException as error:
            _refuse(error)
        except (click.Abort, KeyboardInterrupt):
            log.note("Interrupted.")
            sys.exit(ExitCode.INTERRUPTED)
        except OSError as error:
            # Only Click's own output (help, version) comes here; a command's goes through `emit`.
            if error.errno != errno.ENOSPC:
                raise
            silence_stdout()
            _refuse(OutputError(f"stdout: {error.strerror}"))

    def _explained(self, error: click.NoSuchOption) -> click.UsageError:
        """The error, with where the option belongs if it is one of the root command."""
        option = error.option_name
        if not any(option in param.opts for param in self.params):
            return error
        told = f"{option} stands before the command: usagecli {option} COMMAND"
        return click.UsageError(told, error.ctx)


_HELP = {
    "check": "For cron: silent while all is well, else a line for what is low, spent or unknown.",
    "completions": "Print the completion script for bash, zsh or fish.",
    "config": "The config file: path, init, show, validate.",
    "doctor": "What was found on this machine, what is missing, and how to mend it.",
    "history": "How quotas and balances moved, from the local history; record, export, prune, path.",
    "incidents": "Whether the vendors report trouble themselves, on their status pages.",
    "providers": "What is supported, and for one: what it reports and how to give it access.",
    "push": "Send the figures to a Prometheus Pushgateway or an OpenTelemetry receiver.",
    "report": "One self-contained HTML page: quotas, their last seven days, tokens.",
    "schema": "The JSON Schema of what --json prints.",
    "services": "The services of the config file: list, add, edit, remove, test, import.",
    "status": "Every quota, budget and credit, of all services or those named.",
    "statusline": "One line for shell prompts, tmux and status bars, from what is known already.",
    "tokens": "What Codex and Claude Code burned on this machine, from their local logs.",
}


def _refuse(error: click.ClickException) -> NoReturn:
    error.show()
    sys.exit(error.exit_code)


def _look_everywhere(ctx: click.Context) -> None:
    """Let the registry know where else providers may be: the user's own, and other packages'."""
    registry.also = ()
    if not ctx.params.get("demo"):
        from usagecli.own import Own
        from usagecli.plugins import Plugins

        machine = here()
        config_path, _ = machine.config_file(ctx.params.get("config_path"))
        registry.also = (Own(config_path), Plugins(machine.cache_dir))


def _service_named(ctx: click.Context, name: str) -> str:
    """How the service of the config with that name is asked; "" where there is none."""
    from shlex import quote

    from usagecli.config import load
    from usagecli.errors import ConfigError
    from usagecli.services import names_of

    try:
        found = None if ctx.params.get("demo") else load(here(), ctx.params.get("config_path")).services
    except ConfigError:
        return ""
    known = {called for service in found or () for called in names_of(service)}
    return f"; it is a service of the config: usagecli status {quote(name)}" if name in known else ""


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
    log.said.clear()
    machine = here()
    if demo:
        from usagecli.demo import start

        machine, config_path = start(ctx)
    ctx.obj = App(machine=machine, config_path=config_path, color=color, demo=demo)


def main() -> None:
    """The command, in this process; ends with SystemExit."""
    # A run is short: what it leaves in cycles is not worth looking for (a twentieth of the time).
    gc.disable()
    # Ended by a signal, too, a run removes its temporary files.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    cli(prog_name="usagecli")


def script() -> NoReturn:
    """The console script: ends the process at once, as freeing everything first takes a tenth of a run."""
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # None, closed, or a pipe that nobody reads any more.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)
