"""`usagecli incidents`: what the vendors' public status pages say."""

from __future__ import annotations

from collections.abc import Sequence

import click

from usagecli import config, services
from usagecli.cli import App
from usagecli.commands._options import Finite, complete_services
from usagecli.commands._run import emit, look, say_nothing_found
from usagecli.errors import ExitCode
from usagecli.incidents.pages import PAGES, Page, page_of
from usagecli.log import note


@click.command("incidents")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.option("--all", "every", is_flag=True, help="Every vendor that has a page.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print a JSON document.")
@click.option("--offline", is_flag=True, help="Ask nobody: show what was read in the last 5 minutes.")
@click.option(
    "--timeout",
    type=Finite(min=0, min_open=True),
    metavar="S",
    help="How long the pages may take, at most 10.  [default: 10]",
)
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    every: bool,
    as_json: bool,
    offline: bool,
    timeout: float | None,
) -> None:
    """Whether the vendors report trouble themselves, on their public status pages.

    Of all services, or of those named. A page that cannot be read is unknown, never trouble. Exits 0
    whatever the pages say, 3 where none of them could be read.
    """
    from usagecli.formatters import incident
    from usagecli.incidents.reading import LONGEST_S, Reading
    from usagecli.progress import shown

    if every and names:
        raise click.UsageError("--all goes without a SERVICE", ctx)
    app: App = ctx.obj
    pages = PAGES if every else _pages(app, names)
    reading = Reading(app.machine, pages, timeout_s=timeout or LONGEST_S, offline=offline)
    with shown() as progress:
        answers = reading.wait(progress)
    found = {page: answers[page] for page in pages}
    how = look(app)
    if as_json:
        emit(incident.document(found, how))
    elif found:
        emit(incident.table(found, how))
    read = any(one.status != "unknown" for one in found.values())
    ctx.exit(int(ExitCode.OK if read else ExitCode.UNKNOWN))


def _pages(app: App, names: Sequence[str]) -> list[Page]:
    """The pages of the services; a vendor without one is told where it was named."""
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names)
    if not targets:
        say_nothing_found(found, names)
    pages = {target.service.name: page_of(target.service) for target in targets}
    without = [name for name, page in pages.items() if page is None]
    if without and (names or len(without) == len(pages)):
        note(f"No status page is known for {', '.join(without)}")
    return list(dict.fromkeys(page for page in pages.values() if page is not None))
