"""`usagecli history`: how quotas and balances moved, from the local history."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from usagecli import config, log
from usagecli.cli import App
from usagecli.commands._options import (
    Given,
    Output,
    account_option,
    complete_services,
    format_options,
    run_options,
)
from usagecli.commands._run import emit, finish, look, save, take
from usagecli.errors import ConfigError, ExitCode
from usagecli.history.export import FORMATS as EXPORTED
from usagecli.history.render import FORMATS, render
from usagecli.history.span import Moment, Wanted

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from usagecli.storage.history import History

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_SPAN = ("hours", "days", "since", "until")
_NOTHING = (
    "Nothing is recorded yet: every report that usagecli fetches will be; "
    "`usagecli history record` in cron does so evenly"
)
# The options that belong to the readings, and not to a subcommand.
_OWN = ("accounts", *_SPAN, "as_json", "format_", "path")


def _span_options(function: _F) -> _F:
    """From when until when; the function gets it as one `wanted`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return function(*args, wanted=Wanted(**{name: kwargs.pop(name) for name in _SPAN}), **kwargs)

    made: Any = wrapped
    for option in (
        click.option(
            "--until", type=Moment(), metavar="D", help="Up to this instant, or the end of this day."
        ),
        click.option("--since", type=Moment(), metavar="D", help="From this day or instant on."),
        click.option(
            "--days", type=click.IntRange(1, 36500), metavar="N", help="The last N days.  [default: 7]"
        ),
        click.option("--hours", type=click.IntRange(1, 876000), metavar="N", help="The last N hours."),
        account_option,
    ):
        made = option(made)
    return made  # type: ignore[no-any-return]


class Group(click.Group):
    """Subcommands; any other word is a service, and its readings are shown."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return _shown.name, _shown, args

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = complete_services(ctx, self.params[0], incomplete)
        return [*super().shell_complete(ctx, incomplete), *map(CompletionItem, names)]


@click.group(
    "history", cls=Group, invoke_without_command=True, subcommand_metavar="[SERVICE]... | COMMAND [ARGS]..."
)
@format_options(FORMATS)
@_span_options
@click.pass_context
def command(ctx: click.Context, wanted: Wanted, accounts: tuple[str, ...], output: Output) -> None:
    """How quotas and balances moved: what was used, between which bounds, how often it was reset.

    Every report that is fetched is recorded, so it fills by itself; `usagecli history record` in cron
    or a timer fills it evenly. A SERVICE is a name from the config file or a provider id; one that is
    called like a command is reached with --account.
    """
    given = _explicit(ctx)
    if ctx.invoked_subcommand is None:
        _show(ctx, (), accounts, wanted, output)
    elif ctx.invoked_subcommand == _shown.name:
        ctx.meta[__name__] = given
    elif given:
        option = next(param.opts[-1] for param in ctx.command.params if param.name in given)
        raise click.UsageError(f"{option} is of no use to `history {ctx.invoked_subcommand}`", ctx)


class _Unnamed(click.Context):
    """Of a command that nobody calls by its name, so that messages do not either."""

    @property
    def command_path(self) -> str:
        assert self.parent is not None
        return self.parent.command_path


class _Readings(click.Command):
    context_class = _Unnamed


@click.command("show", cls=_Readings)
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@format_options(FORMATS)
@_span_options
@click.pass_context
def _shown(
    ctx: click.Context, names: tuple[str, ...], wanted: Wanted, accounts: tuple[str, ...], output: Output
) -> None:
    """How the quotas and balances of these services moved."""
    # What stood before the service holds, unless it is said again after it.
    before = {name: value for name, value in ctx.meta[__name__].items() if name not in _explicit(ctx)}
    params = {**ctx.params, **before}
    span = Wanted(**{name: params[name] for name in _SPAN})
    kind = "json" if params["as_json"] else params["format_"] or FORMATS[0]
    _show(ctx, names, params["accounts"], span, Output(format=kind, path=params["path"]))


def _explicit(ctx: click.Context) -> dict[str, Any]:
    """The options that were really given."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: value
        for name, value in ctx.params.items()
        if name in _OWN and ctx.get_parameter_source(name) is not default
    }


def _show(
    ctx: click.Context, names: tuple[str, ...], accounts: tuple[str, ...], asked: Wanted, output: Output
) -> None:
    from usagecli.history import document
    from usagecli.history.wanted import wanted

    app: App = ctx.obj
    found = _loaded(app)
    try:
        span = asked.span(app.machine.clock())
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from None

    def read(history: History) -> document.Document:
        return document.document(history, span, wanted(found, history.series(), names, accounts))

    # A name that is wrong is told even where nothing is recorded yet.
    if not os.path.exists(_path(app)):
        wanted(found, (), names, accounts)
    body = _read(ctx, read, "it cannot be shown") or document.empty(span)
    if not body["services"]:
        log.note(_why_nothing(app, found, named=bool(names or accounts)))
    if body["services"] or output.format == "json":
        _write(app, output.path, render(body, output.format, look(app)))


def _loaded(app: App) -> config.Config:
    """The config; the demo's history is made up before it is read."""
    found = config.load(app.machine, app.config_path)
    if app.demo:
        from usagecli.demo.history import place

        place(app.machine, found)
    return found


def _why_nothing(app: App, found: config.Config, *, named: bool) -> str:
    if not found.history.enabled:
        return f"Nothing is recorded: {app.machine.short(found.path)} says history: false"
    if not os.path.exists(_path(app)):
        return _NOTHING
    of = "Nothing of it was" if named else "Nothing was"
    return f"{of} recorded in that time; usagecli history --days 3650 shows all that there is"


def _read(ctx: click.Context, action: Callable[[History], _T], without: str) -> _T | None:
    """What the action gives; None where there is no history yet. Ends the run where it cannot be used,
    and says so: `without` is what follows."""
    from usagecli.storage import history

    app: App = ctx.obj
    if not os.path.exists(_path(app)):
        return None
    found = history.attempt(app.machine, action, without)
    if found is None:
        ctx.exit(int(ExitCode.UNKNOWN))
    return found


def _path(app: App) -> str:
    from usagecli.storage import history

    return history.path_of(app.machine)


def _write(app: App, path: str | None, text: str) -> None:
    if path is None:
        emit(text)
    else:
        save(path, text, 0o600)


@command.command("record")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@run_options
@click.pass_context
def record(ctx: click.Context, names: tuple[str, ...], given: Given) -> None:
    """For cron and timers: ask, record, say nothing. Exits as `usagecli check` does."""
    from usagecli import services
    from usagecli.commands._run import say_nothing_found

    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    if not found.history.enabled:
        raise ConfigError(f"{found.path}: says history: false, so nothing can be recorded")
    targets = services.choose(found, app.machine, names, given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    finish(ctx, snapshot, given)


@command.command("export")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(EXPORTED),
    default=EXPORTED[0],
    show_default=True,
    help="A table, or a JSON object a line.",
)
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    type=click.Path(),
    help="Write to this file, in one step, instead of stdout.",
)
@click.pass_context
def export_(ctx: click.Context, names: tuple[str, ...], format_: str, path: str | None) -> None:
    """Every reading that is stored, for other programs."""
    from usagecli.history import export
    from usagecli.history.wanted import wanted

    app: App = ctx.obj
    found = _loaded(app)
    text = _read(
        ctx, lambda h: export.export(h, format_, wanted(found, h.series(), names)), "nothing was written"
    )
    if text is None:
        log.note(_NOTHING)
    else:
        _write(app, None if path == "-" else path, text)


@command.command("prune")
@click.pass_context
def prune(ctx: click.Context) -> None:
    """Thin out what is old now, and give its room back. It happens by itself, once a day."""
    app: App = ctx.obj
    keep = _loaded(app).history

    def action(history: History) -> int:
        gone = history.prune(keep, app.machine.clock())
        history.compact()
        return gone

    before = _size(app)
    gone = _read(ctx, action, "it is as it was")
    now = _size(app)
    if gone is None:
        log.note(_NOTHING)
        return
    if gone == 0:
        emit(f"nothing to prune; the history takes {_told(now)}")
        return
    rows = "1 reading or outcome" if gone == 1 else f"{gone:,} readings and outcomes"
    emit(f"{rows} went; the history takes {_told(now)}, and took {_told(before)}")


def _told(size: int) -> str:
    """A number of bytes as people read it: whole KiB, or MiB with one digit behind the point."""
    return f"{-(-size // 1024):,} KiB" if size < 1024**2 else f"{size / 1024**2:,.1f} MiB"


def _size(app: App) -> int:
    """Bytes of the file with what SQLite keeps beside it."""
    path = _path(app)
    return sum(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))


@command.command("path")
@click.pass_obj
def path_(app: App) -> None:
    """Print where the history is, or would be."""
    emit(_path(app))
