"""`usagecli check`: for cron, silent while all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from usagecli import assess, config, services
from usagecli.cli import App
from usagecli.commands._run import (
    Given,
    complete_services,
    emit,
    finish,
    look,
    print_snapshot,
    run_options,
    say_nothing_found,
    take,
)
from usagecli.formatters import Look, rows, units
from usagecli.model import Balance, Quota, Report

if TYPE_CHECKING:
    from usagecli.config import Config


@click.command("check")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print a snapshot of what is not ok.")
@run_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], as_json: bool, given: Given) -> None:
    """For cron: print only what is low, spent or unknown, a line each.

    Exits 0 while all is well, 1 where something is low or spent, 3 where something is unknown.
    """
    app: App = ctx.obj
    found = config.load(app.machine, app.config_path)
    targets = services.keep_accounts(services.choose(found, app.machine, names), given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found)
    troubled = tuple(report for report in snapshot.reports if report.status != "ok")
    if troubled and as_json:
        from dataclasses import replace

        print_snapshot(app, replace(snapshot, reports=troubled), "json")
    elif troubled:
        how = look(app)
        below = threshold_of(found, given)
        emit("\n".join(line for report in troubled for line in lines(report, how, below)))
    finish(ctx, snapshot, given)


# The threshold that a quota of a service is judged by.
Below = Callable[[Report, str], Decimal]


def threshold_of(found: Config, given: Given) -> Below:
    """The same threshold as the judgement used, to be said in the line."""
    override = None if given.low_below is None else Decimal(str(given.low_below))
    return lambda report, quota_id: assess.threshold(quota_id, override, report.service, found.low_below)


def lines(report: Report, how: Look, below: Below) -> Iterator[str]:
    """A line for every low or spent quota and balance, and one for an error."""
    name = report.service.name
    usage = report.usage
    judged = 0
    for quota in usage.quotas if usage else ():
        if quota.status in ("low", "exhausted"):
            judged += 1
            yield f"{name} {rows.short_label(quota.label)}: {_quota(quota, how, below(report, quota.id))}"
    for balance in usage.balances if usage else ():
        if balance.status in ("low", "exhausted"):
            judged += 1
            yield f"{name} {rows.short_label(balance.label)}: {_balance(balance, report)}"
    if usage and usage.stopped and not judged:
        yield f"{name}: exhausted, the provider says that the account is stopped"
    if report.failure is not None:
        told = f"{name}: unknown, {report.failure.message}"
        if report.failure.hint:
            told += f"; {report.failure.hint}"
        if usage is not None:
            told += f" (last read {rows.age(report, how)} ago)"
        yield told


def _quota(quota: Quota, how: Look, below: Decimal) -> str:
    left = units.amount(quota.remaining, quota.unit)
    if quota.status == "exhausted":
        told = "exhausted"
        if quota.unit == "percent":
            told += (
                f", {units.percent(quota.percent_remaining)} left"
                if quota.percent_remaining is not None
                else ""
            )
        elif quota.limit is not None:
            told += f", {left} of {units.amount(quota.limit, quota.unit)} left"
    else:
        share = units.percent(quota.percent_remaining)
        told = f"low, {share} left (below {units.percent(below)})"
    if quota.resets_at is not None:
        told += f", resets {units.reset(quota.resets_at, how.now, how.zone)}"
    return told


def _balance(balance: Balance, report: Report) -> str:
    left = f"{units.amount(balance.amount, balance.unit)} left"
    if balance.status == "exhausted":
        return f"exhausted, {left}"
    floor = report.service.low_balance
    return f"low, {left} (below {units.amount(floor, balance.unit)})"
