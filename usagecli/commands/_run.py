"""What `status`, `check` and the provider commands share: one run, and its output."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from usagecli import log
from usagecli.cli import App, silence_stdout
from usagecli.errors import ExitCode, OutputError
from usagecli.formatters import Look, formatter

if TYPE_CHECKING:
    from usagecli.collect import Rules, Target
    from usagecli.commands._options import Given, Output
    from usagecli.config import Config
    from usagecli.incidents.pages import Page
    from usagecli.incidents.reading import Reading
    from usagecli.model import Incident, Service, Snapshot


def take(app: App, found: Config, targets: Sequence[Target], given: Given) -> Snapshot:
    """Ask (or reuse) and judge: the snapshot of these services."""
    # Here, because `emit` and `look` serve commands that ask nobody, too.
    from usagecli import assess
    from usagecli.collect import Collector, Rules
    from usagecli.model import Snapshot
    from usagecli.progress import shown

    max_age = found.max_age_s if given.max_age is None else given.max_age
    rules = Rules(
        max_age_s=None if given.no_cache else max_age,
        timeout_s=found.timeout_s if given.timeout is None else given.timeout,
        offline=given.offline,
        history=found.history.enabled,
        documented_only=found.documented_only or given.documented_only,
    )
    # Before the services, whose answers take as long.
    reading = _reading(app, targets, rules) if given.incidents else None
    with shown() as progress:
        results = Collector(app.machine, rules).run(targets, progress)
        incidents = reading.wait(progress) if reading is not None else {}
    reports = tuple(
        assess.report(
            result.service,
            usage=result.usage,
            fetched_at=result.fetched_at,
            stale=result.stale,
            failure=result.failure,
            override=given.threshold,
            defaults=found.low_below,
        )
        for result in results
    )
    now = app.machine.clock()
    if found.history.enabled and any(result.live for result in results):
        from usagecli.storage import history

        pairs = zip(results, reports, strict=True)
        live = [history.live(result.account, report, now) for result, report in pairs if result.live]
        history.keep_reports(app.machine, found.history, live)
    if incidents:
        reports = tuple(replace(report, incident=_incident(report.service, incidents)) for report in reports)
    return Snapshot(
        status=assess.worst(report.status for report in reports) if reports else "error",
        fetched_at=now,
        reports=reports,
        credits_per_usd=found.credits_per_usd,
    )


def _reading(app: App, targets: Sequence[Target], rules: Rules) -> Reading:
    """The status pages of these services, which are now being read."""
    from usagecli.incidents.pages import page_of
    from usagecli.incidents.reading import Reading

    pages = [page for target in targets if (page := page_of(target.service)) is not None]
    return Reading(app.machine, pages, timeout_s=rules.timeout_s, offline=rules.offline)


def _incident(service: Service, found: Mapping[Page, Incident]) -> Incident | None:
    from usagecli.incidents.pages import page_of

    page = page_of(service)
    return None if page is None else found.get(page)


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


def print_snapshot(app: App, snapshot: Snapshot, output: Output, *, apart: bool = False) -> None:
    """Write the snapshot in its format: to stdout, or to the file that takes it."""
    how, render = look(app, apart=apart), formatter(output.format)
    if output.path is None:
        emit(render(snapshot, how))
        return
    color = colored(app, terminal=False)
    how = replace(how, width=None, color=color, bars=color, unicode=True, indent=False)
    # node_exporter is another user, and metrics name no account; everything else is its owner's alone.
    save(output.path, render(snapshot, how), 0o644 if output.format == "prometheus" else 0o600)


def save(path: str, text: str, mode: int, *, quiet: bool = False) -> None:
    """Replace a file in one step; one that is there keeps its mode. Raises OutputError.

    A person who looks on is told the path, unless `quiet`.
    """
    import stat

    from usagecli.storage.files import write_atomic

    # Where a link leads is replaced, not the link.
    target = os.path.realpath(path)
    try:
        if os.path.exists(target):
            found = os.stat(target).st_mode
            if not stat.S_ISREG(found):
                raise OutputError(f"cannot write {path}: it is no ordinary file")
            mode = stat.S_IMODE(found)
        data = f"{text}\n" if text else ""
        write_atomic(target, data.encode("utf-8", "replace"), mode, make_folder=False)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    if not quiet and sys.stderr is not None and sys.stderr.isatty():
        log.note(f"Wrote {path}")


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


def finish(ctx: click.Context, snapshot: Snapshot, given: Given, format_: str = "") -> None:
    """End the process with the code that the snapshot earns; `nagios` has codes of its own."""
    if format_ == "nagios":
        from usagecli.formatters.nagios import exit_code

        code = exit_code(snapshot)
    else:
        from usagecli import assess

        code = int(assess.exit_code(snapshot.reports))
    ctx.exit(int(ExitCode.OK) if given.exit_zero else code)


def say_nothing_found(found: Config, names: Sequence[str]) -> None:
    """The one line that says how to begin; `names` are those that were asked for."""
    if found.services is None:
        log.note("No credentials found. Try: usagecli --demo status, or: usagecli providers")
    else:
        what = f"no enabled service of {', '.join(names)}" if names else "no enabled service"
        log.note(f"{found.path} names {what}. See: usagecli providers")


def _carries_unicode() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        "█…€".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
