"""`usagecli statusline`: one line for a prompt or a status bar, from what is known already.

It asks nobody and never fails: whoever draws a prompt has no use for an error.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from usagecli import log
from usagecli.cli import App
from usagecli.commands._options import complete_services
from usagecli.commands._run import emit, look

if TYPE_CHECKING:
    from usagecli.formatters.line import Part
    from usagecli.local import Local
    from usagecli.model import Report

_MAX_DOCUMENT = 4_000_000
# Where Claude Code gets no line at all it leaves its own blank.
_NOTHING = "-"


@click.command("statusline")
@click.option(
    "-s",
    "--service",
    "names",
    multiple=True,
    metavar="SERVICE",
    shell_complete=complete_services,
    help="Only this service, or those of this provider; repeatable.",
)
@click.option("--short", is_flag=True, help="Only what is low or spent; while nothing is, the tightest one.")
@click.option(
    "--from-claude",
    is_flag=True,
    help="Read what Claude Code pipes to its status line: keep its limits, and show them first.",
)
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], short: bool, from_claude: bool) -> None:
    """One line for shell prompts, tmux and status bars: the tightest quota of each service.

    It shows what other runs left in the cache, and asks nobody itself; `usagecli check` in a crontab keeps
    it fresh. `!` is low, `0 left` is spent, `?` is unknown; figures older than 10 minutes say so. It prints
    nothing where nothing is known, and always exits 0.
    """
    app: App = ctx.obj
    try:
        if app.demo:
            _fill(app)
        emit(_line(app, names, short=short, from_claude=from_claude))
    # A mistake of ours, or of a file's, is no reason to break somebody's prompt.
    except Exception as error:  # noqa: BLE001
        log.debug(f"status line: {type(error).__name__}: {error}")


def _line(app: App, names: tuple[str, ...], *, short: bool, from_claude: bool) -> str:
    from usagecli import glance
    from usagecli.formatters import line
    from usagecli.model import Service
    from usagecli.providers._claude import kept
    from usagecli.providers._claude.statusline import parse

    # First, since another session may write meanwhile: what is read is as of after that.
    document = _document() if from_claude else None
    how, told = look(app), None
    if from_claude:
        told = parse(document, how.now)
        found = kept.keep(told, app.machine, how.now)
    else:
        found = kept.load(app.machine)
    local = None if found is None else kept.local_of(found, how.now)
    reports = glance.known(app.machine, app.config_path, local)
    first: list[Part] = []
    if told is not None:
        first = [line.Part(text=told.model)] if told.model else []
        if local is not None:
            own = [report for report in reports if _is_of(report, local)]
            reports = [report for report in reports if report not in own]
            own = own or [glance.report_of(Service(name="claude", provider="claude"), local, {})]
            first += line.windows(own[0], how.now)
    parts = [line.part(report, how.now) for report in reports if not names or _is_wanted(report, names)]
    return line.render([*first, *parts], how, short=short) or (_NOTHING if from_claude else "")


def _is_of(report: Report, local: Local) -> bool:
    """Whether a report is of the account that Claude Code told of: its figures, or newer ones."""
    usage, account = report.usage, local.usage.account
    if report.service.provider != "claude" or usage is None:
        return False
    return usage.source == "local" or (account is not None and usage.account == account)


def _is_wanted(report: Report, names: tuple[str, ...]) -> bool:
    service = report.service
    return not {service.name, service.group, service.provider}.isdisjoint(names)


def _document() -> Any:
    """What stands on stdin; None where that is a terminal, or no JSON."""
    import json

    if sys.stdin is not None and not sys.stdin.isatty():
        # Whatever somebody pipes in, the line is drawn.
        with contextlib.suppress(OSError, ValueError, RecursionError):
            return json.loads(sys.stdin.buffer.read(_MAX_DOCUMENT))
    return None


def _fill(app: App) -> None:
    """The demo has no earlier run: this one asks its recorded answers."""
    from usagecli import config, services
    from usagecli.commands._options import Given
    from usagecli.commands._run import take

    found = config.load(app.machine, app.config_path)
    take(app, found, services.choose(found, app.machine, ()), Given())
