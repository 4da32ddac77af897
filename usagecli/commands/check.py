"""`usagecli check`: for cron, silent while all is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from usagecli import alerts, assess, config, services
from usagecli.alerts import News, Verdict
from usagecli.cli import App
from usagecli.commands._alerts import Asked, alert_options, warn_of_strangers, watch_of
from usagecli.commands._options import (
    Given,
    Output,
    complete_services,
    format_options,
    incidents_option,
    run_options,
)
from usagecli.commands._run import emit, look, say_nothing_found, take
from usagecli.errors import ExitCode
from usagecli.formatters import Look, alert, formatter, nagios
from usagecli.model import Snapshot

if TYPE_CHECKING:
    from usagecli.config import Rule
    from usagecli.watch import Watched


@click.command("check")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@format_options(("lines", "json", "nagios"), file=False)
@alert_options
@incidents_option
@run_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], output: Output, given: Given, asked: Asked) -> None:
    """For cron: print only what is low, spent or unknown, a line each.

    Exits 0 while all is well, 1 where something is low or spent, 3 where something is unknown. With
    --json it prints a snapshot of what is not ok.

    `alerts:` in the config, and the options --below to --unknown-for, add rules: what they hit is
    printed, too, and exits 1. With --once a line is printed once, and one more when it is over; the
    exit code says how things are all the same.
    """
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names, given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    warn_of_strangers(asked, snapshot.reports)
    how = look(app)
    watch = watch_of(app, found, targets, given, asked, how, whole=not names and not given.accounts)
    watched = watch.look(snapshot.reports)
    if output.format == "nagios":
        emit(_nagios(snapshot, watched, how))
    elif asked.explain:
        emit(_explained(snapshot, watched, watch.rules, output, how))
    else:
        news = watched.news if asked.once else None
        emit(_told(snapshot, watched, news, output, how, rules=bool(watch.rules)))
    watch.act(watched)
    ctx.exit(_exit_code(snapshot, watched, given, asked, output))


def _told(
    snapshot: Snapshot,
    watched: Watched,
    news: Sequence[News] | None,
    output: Output,
    how: Look,
    *,
    rules: bool,
) -> str:
    """Every hit, or the news alone, a line a quota; nothing where there is none."""
    told = [News(event="fire", verdict=hit) for hit in watched.hits] if news is None else news
    if not told:
        return ""
    from usagecli.formatters.json import text_of

    if output.format != "json":
        return "\n".join(alert.lines(told, how))
    body = _document(snapshot, {new.verdict.report.service.name for new in told})
    if rules or news is not None:
        body["alerts"] = [alert.document(new, how) for new in told]
    return text_of(body, how)


def _document(snapshot: Snapshot, about: set[str]) -> dict[str, Any]:
    """The snapshot with only these services; its pools still count all."""
    from usagecli.formatters.json import snapshot_document

    body = snapshot_document(snapshot)
    body["services"] = [service for service in body["services"] if service["service"] in about]
    return body


def _explained(snapshot: Snapshot, watched: Watched, rules: Sequence[Rule], output: Output, how: Look) -> str:
    from usagecli.formatters import explain
    from usagecli.formatters.json import text_of

    if output.format != "json":
        return explain.render(watched.verdicts, rules, how)
    body = _document(snapshot, {report.service.name for report in snapshot.reports})
    return text_of({**body, "verdicts": explain.documents(watched.verdicts)}, how)


def _nagios(snapshot: Snapshot, watched: Watched, how: Look) -> str:
    """The plug-in's output; a rule that hits is a warning at least, and a line of the details."""
    ruled = [News(event="fire", verdict=hit) for hit in _ruled(watched)]
    lines = map(nagios.clean, alert.lines(ruled, how))
    return "\n".join([formatter("nagios")(_warned(snapshot, watched), how), *lines])


def _warned(snapshot: Snapshot, watched: Watched) -> Snapshot:
    warned = _ruled(watched) and snapshot.status != "exhausted"
    return replace(snapshot, status="low") if warned else snapshot


def _ruled(watched: Watched) -> list[Verdict]:
    """What the user's own rules hit."""
    return [hit for hit in watched.hits if hit.rule.condition not in alerts.BUILT_IN]


def _exit_code(snapshot: Snapshot, watched: Watched, given: Given, asked: Asked, output: Output) -> int:
    """How things are, whatever of it is news: 1 also where a rule hits."""
    if output.format == "nagios":
        code = nagios.exit_code(_warned(snapshot, watched))
    else:
        code = int(ExitCode.LOW if _ruled(watched) else assess.exit_code(snapshot.reports))
    passes = given.exit_zero or (asked.fail_open and code == ExitCode.UNKNOWN)
    return int(ExitCode.OK) if passes else code
