"""The options of `check` that are about alerts, and what a run of it watches."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from usagecli import alerts, log
from usagecli.commands._options import Finite, Given, Output
from usagecli.config import Condition, Rule, suggestion
from usagecli.durations import seconds
from usagecli.formatters import alert

if TYPE_CHECKING:
    from usagecli.cli import App
    from usagecli.collect import Target
    from usagecli.config import Config
    from usagecli.formatters import Look
    from usagecli.model import Report
    from usagecli.watch import Watch

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line wants to hear of, and how: `rules` beside those of the config."""

    rules: tuple[Rule, ...] = ()
    once: bool = False
    fail_open: bool = False
    explain: bool = False


def _length(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A time such as `2h`, in seconds."""
    try:
        return None if value is None else seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def alert_options(function: _F) -> _F:
    """The options; the function gets them as one `asked`."""

    @functools.wraps(function)
    def wrapped(*args: Any, once: bool, fail_open: bool, explain: bool, output: Output, **kw: Any) -> Any:
        names = ("below", "below_amount", "runs_out", "unknown_for", "quotas")
        rules = _rules(*(kw.pop(name) for name in names))
        if once and explain:
            raise click.UsageError("--explain shows everything: leave --once out")
        if output.format == "nagios" and (once or explain):
            option = "--once" if once else "--explain"
            raise click.UsageError(f"a monitoring system wants the whole state: leave {option} out")
        asked = Asked(rules=rules, once=once, fail_open=fail_open, explain=explain)
        return function(*args, asked=asked, output=output, **kw)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--below", type=Finite(0, 100, min_open=True), metavar="PCT", help="Alert: less than this is left."
    ),
    click.option(
        "--below-amount",
        type=Finite(min=0, min_open=True),
        metavar="X",
        help="Alert: less than this is left, in the figure's own unit.",
    ),
    click.option("--runs-out", is_flag=True, help="Alert: at this pace it runs out before its reset."),
    click.option(
        "--unknown-for", callback=_length, metavar="TIME", help="Alert: no answer for 90m, 2h, 1d ..."
    ),
    click.option(
        "--quota",
        "quotas",
        multiple=True,
        metavar="ID",
        help="Those alerts only for this quota or balance; repeatable.",
    ),
    click.option(
        "--once", is_flag=True, help="Print an alert only when it begins, and a line when it is over."
    ),
    click.option("--fail-open", is_flag=True, help="Exit 0 where something is unknown."),
    click.option("--explain", is_flag=True, help="Print every rule with its figure and verdict."),
)


def _rules(
    below: float | None,
    below_amount: float | None,
    runs_out: bool,
    unknown_for: int | None,
    quotas: Sequence[str],
) -> tuple[Rule, ...]:
    """A rule of each option that is given. They only print: actions are the config's."""
    about = frozenset(quotas) if quotas else None
    given: list[tuple[Condition, float | bool | None]] = [
        ("below", below),
        ("below_amount", below_amount),
        ("runs_out_before_reset", runs_out or None),
    ]
    found = [
        Rule(
            condition=condition,
            value=Decimal(str(float(value))) if value is not True else Decimal(0),
            quotas=about,
        )
        for condition, value in given
        if value is not None
    ]
    if quotas and not found:
        raise click.UsageError("--quota goes with --below, --below-amount or --runs-out")
    if unknown_for is not None:
        found.append(Rule(condition="unknown_for", value=Decimal(unknown_for)))
    return tuple(found)


def warn_of_strangers(asked: Asked, reports: Sequence[Report]) -> None:
    """Say which `--quota` names nothing: a misspelt one would pass for ever. Only where all answered."""
    items = [item for report in reports if report.usage for item in alerts.items_of(report.usage)]
    known = tuple(dict.fromkeys(item.id for item in items))
    if all(report.usage is not None for report in reports):
        for name in sorted({name for rule in asked.rules for name in rule.quotas or ()} - {*known}):
            log.warn(f"--quota {name}: no such quota or balance here{suggestion(name, known)}")


def watch_of(
    app: App, found: Config, targets: Sequence[Target], given: Given, asked: Asked, how: Look, *, whole: bool
) -> Watch:
    """What this run watches. `whole`: no service was named, so that these are all that there are."""
    from usagecli.watch import Watch

    names = {target.service.name for target in targets}
    known = None if found.services is None else {service.name for service in found.services}
    acts = any(told.run is not None or told.notify for told in found.all_actions)
    return Watch(
        machine=app.machine,
        config=found,
        passing=asked.rules,
        services=names | known if known is not None else names if whole else None,
        offline=given.offline,
        remember=(asked.once or acts) and not asked.explain,
        describe=lambda news: log.mask(json.dumps(alert.document(news, how), ensure_ascii=False)),
    )
