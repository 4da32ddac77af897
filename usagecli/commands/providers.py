"""`usagecli providers [ID]`: what is supported, how to give it access, and descriptors of one's own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from usagecli import config, log, registry
from usagecli.cli import App
from usagecli.commands._options import Output, format_options
from usagecli.commands._run import emit, look, print_snapshot
from usagecli.commands.doctor import standing
from usagecli.errors import ConfigError, ExitCode, ProviderError
from usagecli.formatters import Look
from usagecli.formatters.table import clipped, wrapped
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.own import file_of, near
from usagecli.registry import Descriptor

_WIDTH = 78


class _Pages(click.Group):
    """Every id is a command that shows the provider's page, beside `new` and `try`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *registry.names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _page_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            own = [(name, command.get_short_help_str(100)) for name, command in sorted(self.commands.items())]
            formatter.write_dl([("ID", "What one reports and how to give it access."), *own])


@click.group(
    "providers", cls=_Pages, invoke_without_command=True, subcommand_metavar="[ID | new ID | try FILE]"
)
@click.option("--search", metavar="WORD", help="Only those about this word, or that look for a key under it.")
@click.pass_context
def command(ctx: click.Context, search: str | None) -> None:
    """What is supported; with an ID, what it reports and how to give it access."""
    if ctx.invoked_subcommand is not None:
        return
    for source in registry.also:
        for trouble in source.troubles():
            log.warn(trouble)
    found = [provider.descriptor for provider in registry.usable()]
    if search is not None:
        found = [descriptor for descriptor in found if _says(descriptor, search)]
        if not found:
            log.note(f"No provider is about {search!r}.")
            return
    emit("\n".join(_listed(found, look(ctx.obj))))


@command.command("new")
@click.argument("provider", metavar="ID")
@click.pass_obj
def new(app: App, provider: str) -> None:
    """Write a commented descriptor for a gateway of your own; never over another one."""
    from usagecli.declarative.skeleton import write

    path = write(provider, app.machine.config_file(app.config_path)[0])
    emit(path)
    log.note(f"Edit it, check it with: usagecli providers try {path} --payload answer.json")


@command.command("try")
@click.argument("file", metavar="FILE")
@click.option(
    "--payload",
    "payloads",
    metavar="[NAME=]FILE",
    multiple=True,
    help="A recorded answer, of the request NAME; several of one are its pages.",
)
@format_options(("table", "json"), file=False)
@click.pass_context
def try_(ctx: click.Context, file: str, payloads: tuple[str, ...], output: Output) -> None:
    """What a descriptor would report of recorded answers, without asking anybody.

    A figure that is empty is a warning; an entry that shows nothing makes it exit 3.
    """
    from usagecli.commands._try import tried

    app: App = ctx.obj
    snapshot, whole = tried(app, file, payloads)
    print_snapshot(app, snapshot, output, apart=True)
    failed = any(report.failure for report in snapshot.reports)
    ctx.exit(int(ExitCode.OK if whole and not failed else ExitCode.UNKNOWN))


def _page_command(provider: str) -> click.Command:
    @click.command(provider, help=f"What {provider} reports and how to give it access.")
    @click.pass_obj
    def page(app: App) -> None:
        if provider not in registry.names():
            raise ConfigError(f"there is no provider {provider!r}{near(provider)}")
        descriptor = registry.get(provider).descriptor
        emit("\n".join(_page(descriptor, app.machine, _services(app, provider))))

    return page


def _listed(descriptors: Sequence[Descriptor], look: Look) -> Iterator[str]:
    """A line a provider, by kind; on a terminal none is longer than that."""
    width = max((len(descriptor.name) for descriptor in descriptors), default=0) + 2
    built_in = registry.built_in()
    for kind, heading in (*registry.KINDS.items(), ("", "Yours, and those of other packages")):
        of_it = [d for d in descriptors if (d.kind if d.name in built_in else "") == kind]
        if not of_it:
            continue
        yield heading
        for descriptor in of_it:
            each = _each(descriptor)
            # Where the line is whole, its end says the same of every way.
            word = "" if each and look.width is None else f", {_word(descriptor)}"
            told = f"{descriptor.title}{word}: {descriptor.reports}{each}"
            told += f" Access: {', '.join(place.name for place in descriptor.places)}."
            line = f"  {descriptor.name:{width}}{told}"
            yield clipped(line, look.width or 0, "…" if look.unicode else "~")
        yield ""
    number = f"{len(descriptors)} provider{'' if len(descriptors) == 1 else 's'}"
    told = f"{number}; usagecli providers ID says what one reports and how to give it access."
    yield from wrapped(told, look.width or len(told))


def _says(descriptor: Descriptor, word: str) -> bool:
    """Whether it is about that word, in any case: its names, what it reports, where it looks."""
    places = (place.name for place in descriptor.places)
    text = "\n".join((descriptor.name, descriptor.title, descriptor.reports, *places))
    return word.casefold() in text.casefold()


def _word(descriptor: Descriptor) -> str:
    """Whether what is read is documented, in a word or two; a file asks nobody."""
    asked = {way.documented for way in descriptor.ways if not way.local}
    if not asked:
        return "on this machine" if descriptor.ways else "not documented"
    return "partly documented" if len(asked) > 1 else "documented" if True in asked else "not documented"


def _each(descriptor: Descriptor) -> str:
    """Which of several ways are documented, and which are files; "" where there is one."""
    ways = descriptor.ways
    groups = (
        ("Documented", [way.about for way in ways if way.documented]),
        ("Not documented", [way.about for way in ways if not way.documented and not way.local]),
        ("On this machine", [way.about for way in ways if way.local]),
    )
    told = [f" {name}: {'; '.join(abouts)}." for name, abouts in groups if abouts]
    return "".join(told) if len(ways) > 1 else ""


def _services(app: App, provider: str) -> list[Service]:
    """The services of the provider that the config names; a broken config is told, and no obstacle."""
    try:
        found = config.load(app.machine, app.config_path).services or ()
    except ConfigError as error:
        log.warn(error.message)
        return []
    return [service for service in found if service.provider == provider]


def _page(descriptor: Descriptor, machine: Machine, services: Sequence[Service]) -> Iterator[str]:
    yield from (f"{descriptor.title} ({descriptor.name})", "")
    yield from _wrapped(descriptor.reports, "")
    yield from ("", *access(descriptor))
    yield from ("", "Where credentials are looked for, in this order:")
    # A service with a credential of its own does not look here.
    looks = not services or any(service.credential is None for service in services)
    yield from _places(descriptor, machine, looks=looks)
    if services:
        yield from ("", "Services in the config:")
        for service in services:
            at = f" ({service.base_url})" if service.base_url else ""
            yield f"  {service.name}{at}: {standing(service, machine).told}"
    if descriptor.parts:
        yield from ("", "Parts of a `credential:` map in the config:")
        for part, about in descriptor.parts.items():
            yield from _wrapped(about, "      ", f"  {part}: ")
    if descriptor.options:
        yield from ("", "Options:")
        for option in descriptor.options:
            env = f" In the environment: {option.env}." if option.env else ""
            yield from _wrapped(f"{option.about}{env}", "      ", f"  {option.name}: ")
    yield from ("", "Source:")
    for way in descriptor.ways:
        word = "documented" if way.documented else "on this machine" if way.local else "not documented"
        often = f" (once in {way.min_interval} s)" if way.min_interval else ""
        yield from _wrapped(way.about + often, " " * 19, f"  {word:17}")
    yield from _wrapped(descriptor.documented, "  ", "  ")
    if own := file_of(descriptor.name):
        yield f"  Described in {machine.short(own)}."
    if descriptor.base_url or any(option.name == "base_url" for option in descriptor.options):
        address = descriptor.base_url or "the address that you give"
        yield f"  Asked at {address}, at most once in {descriptor.min_interval} s."
    else:
        yield "  Read on this machine: nobody is asked."
    if descriptor.dashboard:
        yield f"  Dashboard: {descriptor.dashboard}"


def access(descriptor: Descriptor) -> Iterator[str]:
    """The numbered steps that a newcomer takes."""
    yield "How to give it access:"
    for number, step in enumerate(descriptor.access, 1):
        yield from _wrapped(step, "     ", f"  {number}. ")


def _places(descriptor: Descriptor, machine: Machine, *, looks: bool) -> Iterator[str]:
    """Each place with what stands there now, masked; the first that works is the one in use."""
    word = "used" if looks else "found"
    for number, place in enumerate(descriptor.places, 1):
        line = f"  {number}. {place.name}{' (shared with other tools)' if place.shared else ''}"
        try:
            found = place.look(machine)
        except ProviderError as error:
            yield f"{line}  <- unusable: {error.message}"
            continue
        if found is None:
            yield line
            continue
        yield f"{line}  <- {word}: {found.secret.masked()}"
        word = "found"
    if any(place.shared for place in descriptor.places):
        yield from _wrapped(
            f"A shared one counts only beside a trace of {descriptor.title} on this machine, "
            f"or when {descriptor.name} is named.",
            "  ",
            "  ",
        )


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
