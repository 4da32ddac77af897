"""`usagecli check`: for cron, silent while all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from usagecli import assess, config, services
from usagecli.cli import App
from usagecli.commands._options import Given, Output, complete_services, format_options, run_options
from usagecli.commands._run import emit, finish, look, say_nothing_found, take
from usagecli.formatters import Look, formatter, rows, units
from usagecli.model import Balance, Quota, Report, Snapshot, Usage

if TYPE_CHECKING:
    from usagecli.config import Config

# The threshold, in percent, that a quota (by id) of a report is judged by.
Below = Callable[[Report, str], Decimal]
_SHORT = ("low", "exhausted")


@click.command("check")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@format_options(("lines", "json", "nagios"), file=False)
@run_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], output: Output, given: Given) -> None:
    """For cron: print only what is low, spent or unknown, a line each.

    Exits 0 while all is well, 1 where something is low or spent, 3 where something is unknown. With
    --json it prints a snapshot of what is not ok.
    """
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names, given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    troubled = [report for report in snapshot.reports if report.status != "ok"]
    how = look(app)
    if output.format == "nagios":
        emit(formatter("nagios")(snapshot, how))
    elif troubled and output.format == "json":
        emit(_json(snapshot, how))
    elif troubled:
        below = threshold_of(found, given)
        emit("\n".join(line for report in troubled for line in lines(report, how, below)))
    finish(ctx, snapshot, given, output.format)


def threshold_of(found: Config, given: Given) -> Below:
    """The same threshold as the judgement used, to be said in the line."""
    return lambda report, quota_id: assess.threshold(
        quota_id, given.threshold, report.service, found.low_below
    )


def lines(report: Report, how: Look, below: Below) -> Iterator[str]:
    """A line for every low or spent quota and balance, one for a stop, and one for an error."""
    name = report.service.name
    if report.usage is not None:
        for what, told in _shortages(report, report.usage, how, below):
            yield f"{name}{what}: {told}"
    if report.failure is not None:
        told = f"{name}: unknown, {report.failure.message}"
        if report.failure.hint:
            told += f"; {report.failure.hint}"
        if report.usage is not None:
            told += f" (last read {rows.age(report, how)} ago)"
        yield told


def _shortages(report: Report, usage: Usage, how: Look, below: Below) -> Iterator[tuple[str, str]]:
    """What is short ("" for the account as a whole), and how much of it is left."""
    quotas = [quota for quota in usage.quotas if quota.status in _SHORT]
    balances = [balance for balance in usage.balances if balance.status in _SHORT]
    for quota in quotas:
        yield f" {rows.short_label(quota.label)}", _quota(quota, how, below(report, quota.id))
    for balance in balances:
        yield f" {rows.short_label(balance.label)}", _balance(balance, report.service.low_balance)
    whole = [quota.status for quota in quotas if not quota.partial]
    if usage.stopped and "exhausted" not in (*whole, *(balance.status for balance in balances)):
        yield "", "exhausted, the provider says that the account is stopped"
    elif usage.partly_stopped and not quotas and not balances:
        yield "", "low, the provider says that a part of the account is stopped"


def _json(snapshot: Snapshot, how: Look) -> str:
    """The snapshot without the services that are ok; its pools still count them."""
    import json

    from usagecli.formatters.json import snapshot_document

    body = snapshot_document(snapshot)
    body["services"] = [service for service in body["services"] if service["status"] != "ok"]
    return json.dumps(body, ensure_ascii=not how.unicode, indent=2 if how.indent else None)


def _quota(quota: Quota, how: Look, below: Decimal) -> str:
    told = f"{quota.status}{_left(quota, below)}"
    if quota.pace is not None and quota.pace.runs_out_at is not None:
        told += f", empty {units.reset(quota.pace.runs_out_at, how.now, how.zone)}"
    if quota.resets_at is not None:
        told += f", resets {units.reset(quota.resets_at, how.now, how.zone)}"
    return told


def _left(quota: Quota, below: Decimal) -> str:
    """What is left of it, as far as it is known."""
    share = units.percent(quota.percent_remaining)
    if quota.status == "low":
        return f", {share} left (below {units.percent(below)})"
    if quota.unit == "percent":
        return "" if quota.percent_remaining is None else f", {share} left"
    if quota.limit is None or quota.remaining is None:
        return ""
    left, limit = (units.amount(value, quota.unit) for value in (quota.remaining, quota.limit))
    return f", {left} of {limit} left"


def _balance(balance: Balance, floor: Decimal | None) -> str:
    if balance.amount is None:
        return str(balance.status)
    told = f"{balance.status}, {units.amount(balance.amount, balance.unit)} left"
    return told if balance.status == "exhausted" else f"{told} (below {units.amount(floor, balance.unit)})"
