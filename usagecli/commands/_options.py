"""The options that reporting commands share, and how the shell completes them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeVar

import click

from usagecli import config, registry
from usagecli.errors import UsageCliError
from usagecli.formatters import FORMATS
from usagecli.machine import here

_F = TypeVar("_F", bound=Callable[..., Any])


class Finite(click.FloatRange):
    """A number in a range that is neither NaN nor infinite: those compare with nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a valid float.", param, ctx)
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of one run, as they were given; None where the config decides."""

    accounts: tuple[str, ...] = ()
    low_below: float | None = None
    max_age: float | None = None
    no_cache: bool = False
    offline: bool = False
    timeout: float | None = None
    exit_zero: bool = False
    documented_only: bool = False
    incidents: bool = False

    @property
    def threshold(self) -> Decimal | None:
        """`--low-below` in percent, exactly as it was written."""
        return None if self.low_below is None else Decimal(str(self.low_below))


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the result is told, and the file that takes it in place of stdout."""

    format: str
    path: str | None = None


def run_options(function: _F) -> _F:
    """The options that every reporting command has; the function gets them as one `given`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        names = {field.name for field in fields(Given)} & {*kwargs}
        return function(*args, given=Given(**{name: kwargs.pop(name) for name in names}), **kwargs)

    for option in (
        click.option("--exit-zero", is_flag=True, help="Exit 0 for low, spent and unknown alike."),
        click.option(
            "--timeout",
            type=Finite(min=0, min_open=True),
            metavar="S",
            help="Deadline for the network, of the whole run.  [default: 20]",
        ),
        click.option("--documented-only", is_flag=True, help="Ask only what its vendor documents."),
        click.option("--offline", is_flag=True, help="Ask nobody: show what the cache has."),
        click.option("--no-cache", is_flag=True, help="Reuse no report, however young."),
        click.option(
            "--max-age",
            type=Finite(min=0),
            metavar="S",
            help="Reuse a report younger than this.  [default: 60]",
        ),
        click.option(
            "--low-below",
            type=Finite(0, 100),
            metavar="PCT",
            help="Less than this left is low.  [default: 10]",
        ),
        account_option,
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


incidents_option = click.option(
    "--incidents", is_flag=True, help="Also ask the vendors' status pages whether there is trouble."
)


def account_option(function: _F) -> _F:
    """`--account`; the function gets the names as `accounts`."""
    return click.option(
        "--account",
        "accounts",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_accounts,
        help="Only this service; repeatable.",
    )(function)


def format_options(formats: tuple[str, ...] = FORMATS, *, file: bool = True) -> Callable[[_F], _F]:
    """`--json`, `--format` (the first of `formats` unless given) and, with `file`, `--output`.

    The function gets them as one `output`.
    """

    def decorated(function: _F) -> _F:
        @functools.wraps(function)
        def wrapped(
            *args: Any, as_json: bool, format_: str | None, path: str | None = None, **kw: Any
        ) -> Any:
            output = Output(
                format="json" if as_json else format_ or formats[0], path=None if path == "-" else path
            )
            try:
                return function(*args, output=output, **kw)
            except click.ClickException as error:
                if output.format != "nagios":
                    raise
                # A monitoring system reads 2 as CRITICAL, and stdout alone.
                from usagecli.commands._run import emit
                from usagecli.formatters import nagios

                emit(nagios.failed(error.format_message()))
                return nagios.UNKNOWN

        made: Any = wrapped
        if file:
            made = click.option(
                "-o",
                "--output",
                "path",
                metavar="FILE",
                type=click.Path(),
                help="Write to this file, in one step, instead of stdout.",
            )(made)
        made = click.option(
            "-f",
            "--format",
            "format_",
            type=click.Choice(formats),
            help=f"What to print.  [default: {formats[0]}]",
        )(made)
        return click.option("-j", "--json", "as_json", is_flag=True, help="Short for --format json.")(made)  # type: ignore[no-any-return]

    return decorated


def complete_services(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Service names of the config and provider ids that begin with the word."""
    return _beginning([*_configured(ctx), *registry.names()], incomplete)


def complete_accounts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Service names, of a provider's command only its own; without a config each is a provider's id."""
    providers = [ctx.info_name] if ctx.info_name in registry.names() else registry.names()
    services = _configured(ctx) or {name: name for name in registry.names()}
    return _beginning([name for name, provider in services.items() if provider in providers], incomplete)


def complete_providers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Provider ids that begin with the word."""
    return _beginning(registry.names(), incomplete)


def _configured(ctx: click.Context) -> dict[str, str]:
    """The provider of each service that the config names."""
    try:
        found = config.load(here(), ctx.find_root().params.get("config_path")).services or ()
    except UsageCliError:
        # A broken config is told when a command runs, not while one is typed.
        return {}
    return {service.name: service.provider for service in found}


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
