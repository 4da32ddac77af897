"""What `status`, `check` and the provider commands share: options, one run, its output."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from usagecli import assess, config, log
from usagecli.cli import App, silence_stdout
from usagecli.collect import Collector, Rules, Target
from usagecli.errors import ExitCode, OutputError
from usagecli.formatters import FORMATS, Look, formatter
from usagecli.model import Snapshot

if TYPE_CHECKING:
    from usagecli.config import Config

_F = TypeVar("_F", bound=Callable[..., Any])
_HELP_WIDTH = 78


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


def run_options(function: _F) -> _F:
    """The options that every reporting command has; the function gets them as one `given`."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        names = ("accounts", "low_below", "max_age", "no_cache", "offline", "timeout", "exit_zero")
        return function(*args, given=Given(**{name: kwargs.pop(name) for name in names}), **kwargs)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--exit-zero", is_flag=True, help="Exit 0 for low, spent and unknown alike."),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            metavar="S",
            help="Deadline for the network, of the whole run.  [default: 20]",
        ),
        click.option("--offline", is_flag=True, help="Ask nobody: show what the cache has."),
        click.option("--no-cache", is_flag=True, help="Reuse no report, however young."),
        click.option(
            "--max-age",
            type=click.FloatRange(min=0),
            metavar="S",
            help="Reuse a report younger than this.  [default: 60]",
        ),
        click.option(
            "--low-below",
            type=click.FloatRange(0, 100),
            metavar="PCT",
            help="Less than this left is low.  [default: 10]",
        ),
        click.option(
            "--account",
            "accounts",
            multiple=True,
            metavar="NAME",
            shell_complete=complete_services,
            help="Only this service; repeatable.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def format_options(function: _F) -> _F:
    """`--json` and `--format`; the function gets `format_`."""

    def wrapped(*args: Any, as_json: bool, format_: str | None, **kwargs: Any) -> Any:
        return function(*args, format_="json" if as_json else format_ or "table", **kwargs)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    made = click.option(
        "-f",
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="What to print.  [default: table]",
    )(wrapped)
    return click.option("-j", "--json", "as_json", is_flag=True, help="Short for --format json.")(made)  # type: ignore[return-value]


def complete_services(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Service names of the config and provider ids that begin with the word."""
    from usagecli import registry
    from usagecli.errors import UsageCliError
    from usagecli.machine import here

    names = list(registry.names())
    root = ctx.find_root().params.get("config_path")
    try:
        services = config.load(here(), root).services or ()
        names = [*(service.name for service in services), *names]
    except UsageCliError:
        # A broken config is told when a command runs, not while one is typed.
        pass
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def take(app: App, found: Config, targets: Sequence[Target], given: Given) -> Snapshot:
    """Ask (or reuse) and judge: the snapshot of these services."""
    max_age = found.max_age_s if given.max_age is None else given.max_age
    rules = Rules(
        max_age_s=None if given.no_cache else max_age,
        timeout_s=found.timeout_s if given.timeout is None else given.timeout,
        offline=given.offline,
    )
    from usagecli.progress import shown

    with shown() as progress:
        results = Collector(app.machine, rules).run(targets, progress)
    override = None if given.low_below is None else Decimal(str(given.low_below))
    reports = tuple(
        assess.report(
            result.service,
            usage=result.usage,
            fetched_at=result.fetched_at,
            stale=result.stale,
            failure=result.failure,
            override=override,
            defaults=found.low_below,
        )
        for result in results
    )
    return Snapshot(
        status=assess.worst(report.status for report in reports) if reports else "error",
        fetched_at=app.machine.clock(),
        reports=reports,
        credits_per_usd=found.credits_per_usd,
    )


def look(app: App, *, apart: bool = False) -> Look:
    """How the result may look on the stdout of this process."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    color = colored(app, terminal=terminal)
    width: int | None = None
    if terminal:
        import shutil

        width = shutil.get_terminal_size().columns
    return Look(
        now=app.machine.clock(),
        width=width,
        color=color,
        bars=terminal or color,
        unicode=_carries_unicode(),
        apart=apart,
        indent=terminal,
    )


def colored(app: App, *, terminal: bool) -> bool:
    """`--color`, else NO_COLOR, else FORCE_COLOR, else whether stdout is a terminal that can."""
    if app.color != "auto":
        return app.color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def print_snapshot(app: App, snapshot: Snapshot, format_: str, *, apart: bool = False) -> None:
    """Write the snapshot to stdout in that format."""
    emit(formatter(format_)(snapshot, look(app, apart=apart)))


def emit(text: str) -> None:
    """Write the result to stdout, whole and at once.

    A reader that has gone away (`| head`) ends it quietly; a full disk is an error.
    """
    if not text or sys.stdout is None:
        return
    try:
        data = f"{text}\n"
        encoding = sys.stdout.encoding or "utf-8"
        # A terminal that cannot show a character shows `?` rather than nothing at all.
        sys.stdout.write(data.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:
        silence_stdout()
        # Windows says EINVAL of a closed pipe; a descriptor closed by the caller is its own wish.
        if error.errno not in (errno.EPIPE, errno.EINVAL, errno.EBADF):
            raise OutputError(f"stdout: {error.strerror}") from None


def finish(ctx: click.Context, snapshot: Snapshot, given: Given) -> None:
    """End the process with the code that the snapshot earns."""
    code = assess.exit_code(snapshot.reports)
    ctx.exit(int(ExitCode.OK if given.exit_zero else code))


def say_nothing_found(found: Config) -> None:
    """The one line that says how to begin."""
    if found.services is None:
        log.note("No credentials found. Try: usagecli --demo status, or: usagecli providers")
    else:
        log.note(f"{found.path} names no enabled service. See: usagecli providers")


def _carries_unicode() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        "█…€".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
