"""`usagecli tokens`: what the coding agents on this machine burned, from their local logs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from usagecli import log
from usagecli.cli import App
from usagecli.commands._run import emit, look
from usagecli.errors import ExitCode
from usagecli.tokens.answer import answer
from usagecli.tokens.ask import (
    AUDIT,
    BY_NAME,
    COMBINED,
    FORMATS,
    MESSAGE,
    OVERVIEW,
    PROVIDERS,
    SESSION_REQUEST,
    SORTS,
    STANDARD,
    WEEKDAYS,
    Ask,
)

_F = TypeVar("_F", bound=Callable[..., Any])
# The service tiers that have prices of their own.
_TIERS = (STANDARD, "priority", "fast", "flex")


class Day(click.ParamType):  # type: ignore[type-arg]
    """A calendar day: 2026-11-21, or 20261121."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-11-21", param, ctx)


_OPTIONS = (
    click.option(
        "--provider",
        type=click.Choice((COMBINED, *PROVIDERS)),
        default=COMBINED,
        show_default=True,
        help="Whose logs.",
    ),
    click.option("--since", type=Day(), metavar="DAY", help="From this day on, such as 2026-11-01."),
    click.option("--until", type=Day(), metavar="DAY", help="Up to and including this day."),
    click.option(
        "--timezone", "zone", metavar="ZONE", help="Days as there: Europe/Berlin, UTC.  [default: local]"
    ),
    click.option(
        "--week-starts",
        type=click.Choice(WEEKDAYS),
        default=WEEKDAYS[0],
        show_default=True,
        help="For weeks.",
    ),
    click.option(
        "--sort", type=click.Choice((BY_NAME, *SORTS)), help="Order of rows; figures highest first."
    ),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="No more rows than this."),
    click.option(
        "--project", "projects", multiple=True, metavar="NAME", help="Only this directory; repeatable."
    ),
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME",
        help="Only this model (* as in a shell); repeatable.",
    ),
    click.option("--breakdown", is_flag=True, help="By model within each row."),
    click.option("-j", "--json", "as_json", is_flag=True, help="Short for --format json."),
    click.option(
        "-f", "--format", "format_", type=click.Choice(FORMATS), help="What to print.  [default: table]"
    ),
    click.option(
        "--dedupe",
        type=click.Choice((MESSAGE, SESSION_REQUEST)),
        default=MESSAGE,
        show_default=True,
        help="What makes two rows of Claude Code one request.",
    ),
    click.option(
        "--codex-tier",
        "tier",
        type=click.Choice(_TIERS),
        default=STANDARD,
        show_default=True,
        help="Price Codex at this tier where its log names none.",
    ),
    click.option("--logged-costs", "trusts", is_flag=True, help="Prefer a cost that the log itself states."),
    click.option("--prices", metavar="FILE", help="Prices of your own, over the built-in ones."),
    click.option("--files-only", is_flag=True, help="Ignore the ledger: only what the logs hold now."),
    click.option("--rescan", is_flag=True, help="Read every log anew."),
    click.option("--offline", is_flag=True, help="Always so: no network is used."),
)


def _options(function: _F) -> _F:
    """The options of every view; the function gets them as one dictionary `given`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        own = {name: kwargs.pop(name) for name in ("files",) if name in kwargs}
        return function(*args, given=kwargs, **own)

    made: Any = wrapped
    for option in reversed(_OPTIONS):
        made = option(made)
    return made  # type: ignore[no-any-return]


class Views(click.Group):
    """The views as commands. Their options may stand before the view or after it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VIEWS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _view(cmd_name) if cmd_name in _VIEWS else None


_VIEWS = {
    "daily": "Each day.",
    "weekly": "Each week.",
    "monthly": "Each month.",
    "hours": "Each hour of the day, over all days.",
    "sessions": "Each session, the latest first.",
    "projects": "Each project: the directory that the agent ran in.",
    "models": "Each model.",
    AUDIT: "How each file was counted, and what was dropped and why.",
}


@click.group("tokens", cls=Views, invoke_without_command=True)
@_options
@click.pass_context
def command(ctx: click.Context, given: dict[str, Any]) -> None:
    """What Codex and Claude Code burned on this machine, from their local logs.

    Without a view: the year to date, today, this week, the highest days. Costs are estimates at list
    price; nothing is asked of any network. Deleted logs stay counted in a ledger.
    """
    ctx.meta[__name__] = _explicit(ctx)
    if ctx.invoked_subcommand is None:
        _run(ctx, OVERVIEW, given)


def _view(name: str) -> click.Command:
    @click.command(name, help=_VIEWS[name])
    @_options
    @click.pass_context
    def view(ctx: click.Context, given: dict[str, Any], files: tuple[str, ...] = ()) -> None:
        # What stood before the view holds, unless it is said again after it.
        before = {key: value for key, value in ctx.meta[__name__].items() if key not in _explicit(ctx)}
        _run(ctx, name, {**given, **before}, files)

    if name == AUDIT:
        view = click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())(view)
    return view


def _explicit(ctx: click.Context) -> dict[str, Any]:
    """The options that were really given."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: value for name, value in ctx.params.items() if ctx.get_parameter_source(name) is not default
    }


def _run(ctx: click.Context, view: str, given: dict[str, Any], files: tuple[str, ...] = ()) -> None:
    app: App = ctx.obj
    as_json, format_, _ = given.pop("as_json"), given.pop("format_"), given.pop("offline")
    if given["since"] and given["until"] and given["since"] > given["until"]:
        raise click.UsageError("--since is after --until", ctx)
    given["week_starts"] = WEEKDAYS.index(given["week_starts"])
    ask = Ask(view=view, format_="json" if as_json else format_ or "table", audited=files, **given)
    if app.demo:
        from usagecli.demo.logs import place

        place(app.machine)
    from usagecli.tokens.progress import shown

    with shown() as progress:
        found = answer(app.machine, ask, look(app), progress)
    emit(found.text)
    for line in found.told:
        log.note(line)
    for line in found.notes:
        log.debug(line)
    for line in found.unreadable:
        log.warn(f"{line}: not counted")
    if found.unreadable:
        ctx.exit(int(ExitCode.UNKNOWN))
