"""`usagecli report`: one self-contained HTML page."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from usagecli import config, log, services
from usagecli.cli import App
from usagecli.commands._options import Given, complete_services, incidents_option, run_options
from usagecli.commands._run import emit, finish, look, save, say_nothing_found, take
from usagecli.errors import OutputError
from usagecli.formatters import Look
from usagecli.model import Snapshot

if TYPE_CHECKING:
    from usagecli.config import Config

DEFAULT = "usagecli-report.html"
_STDOUT = "-"


@click.command("report")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    type=click.Path(),
    help=f"Write to this file, in one step, private to you; `-` is stdout.  [default: {DEFAULT} on a "
    "terminal, else stdout]",
)
@click.option("--open", "opens", is_flag=True, help="Show it in the browser; without -o, a temporary file.")
@click.option("--show-accounts", is_flag=True, help="Do not mask e-mail addresses and account ids.")
@incidents_option
@run_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    path: str | None,
    opens: bool,
    show_accounts: bool,
    given: Given,
) -> None:
    """One HTML page of every quota, its last seven days, and what coding agents burned.

    The page holds everything that it shows: it asks nobody and runs no script, so it can be mailed, kept
    as an artifact of CI, or hung on a wall. Accounts are masked. Exit codes are those of `status`.
    """
    if opens and path == _STDOUT:
        raise click.UsageError("--open needs a file: it does not go with -o -", ctx)
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names, given.accounts)
    if app.demo:
        _stage(app, replace(found, services=tuple(target.service for target in targets)))
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    text = page(app, snapshot, look(app), show_accounts=show_accounts)
    written = _write(text, path, opens=opens)
    if opens and written is not None:
        _show(written)
    finish(ctx, snapshot, given)


def page(app: App, snapshot: Snapshot, how: Look, *, show_accounts: bool) -> str:
    """The page, as of the snapshot."""
    from usagecli.report import recent
    from usagecli.report.burned import burned
    from usagecli.report.page import Material, render

    how = replace(how, now=snapshot.fetched_at)
    return render(
        Material(
            snapshot=snapshot,
            readings=recent.readings(app.machine, snapshot.reports, how.now),
            burned=burned(app.machine, how),
            look=how,
            show_accounts=show_accounts,
        )
    )


def _stage(app: App, found: Config) -> None:
    """What the demo's page shows besides the answers of its services."""
    from usagecli.demo import history, logs

    history.place(app.machine, found)
    logs.place(app.machine)


def _write(text: str, path: str | None, *, opens: bool) -> str | None:
    """Put the page where it belongs: that file, None for stdout. Raises OutputError."""
    given = path is not None
    if path is None and opens:
        path = _temporary()
        log.note(f"The page is {path}")
    elif path is None and sys.stdout is not None and sys.stdout.isatty():
        path = DEFAULT
        log.note(f"The page is {path} (-o FILE names another, -o - prints it)")
    if path is None or path == _STDOUT:
        emit(text)
        return None
    # It holds its owner's figures.
    save(path, text, 0o600, quiet=not given)
    return path


def _temporary() -> str:
    import tempfile

    try:
        handle, path = tempfile.mkstemp(prefix="usagecli-", suffix=".html")
    except OSError as error:
        raise OutputError(f"--open needs a temporary file: {error.strerror}") from None
    os.close(handle)
    return path


def _show(path: str) -> None:
    """Open the page in the user's browser; where there is none, say so."""
    import webbrowser
    from pathlib import Path

    if not webbrowser.open(Path(path).resolve().as_uri()):
        log.warn(f"no browser could be opened; the page is {path}")
