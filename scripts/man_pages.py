"""Write the manual pages of all commands to man/: `python scripts/man_pages.py`.

click-man lays a page out; what stands in it comes from the commands' own help and the providers'
descriptors. With `--check` nothing is written: it names the pages that are not current.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

import click
from click_man.man import ManPage

from usagecli import __version__, registry
from usagecli.cli import cli

FOLDER = Path(__file__).parent.parent / "man"
_DATE = re.compile(r'^\.TH "[^"]+" "1" "(\d{4}-\d\d-\d\d)"')
_EXIT = """
.SH EXIT STATUS
.TP
\\fB0\\fP
Everything asked for was answered, and nothing is low.
.TP
\\fB1\\fP
Something is low or exhausted (this wins over 3).
.TP
\\fB2\\fP
The command line or the config file is wrong; nobody was asked.
.TP
\\fB3\\fP
Nothing is low as far as known, but at least one service could not be determined.
.SH ENVIRONMENT
.TP
\\fBUSAGECLI_CONFIG\\fP, \\fBUSAGECLI_CACHE_DIR\\fP, \\fBUSAGECLI_DATA_DIR\\fP
Move the config file, the cache and the data.
.TP
\\fBNO_COLOR\\fP, \\fBFORCE_COLOR\\fP
Never and always colours, unless \\fB\\-\\-color\\fP says otherwise.
.TP
\\fBHTTPS_PROXY\\fP, \\fBNO_PROXY\\fP, \\fBREQUESTS_CA_BUNDLE\\fP
The way to the network.
.SH FILES
.TP
\\fI~/.config/usagecli/config.yaml\\fP
The config file on Linux; \\fBusagecli config path\\fP says where it is. None is needed.
"""


def pages(today: str) -> Iterator[tuple[str, str]]:
    """File name and text of every page; one that says the same as before keeps its date."""
    for context in _contexts(click.Context(cli, info_name="usagecli")):
        name = f"{context.command_path.replace(' ', '-')}.1"
        path = FOLDER / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        dated = _DATE.match(before)
        same = dated is not None and page(context, dated[1]) == before
        yield name, before if same else page(context, today)


def page(context: click.Context, date: str) -> str:
    """One page in roff."""
    command, name = context.command, context.command_path
    made = ManPage(name)
    made.date, made.version = date, f"usagecli {__version__}"
    made.short_help = _text(_summary(context))
    made.synopsis = " ".join(command.collect_usage_pieces(context))
    made.description = _paragraphs(command.help or "")
    options = (param for param in command.params if isinstance(param, click.Option))
    records = (option.get_help_record(context) for option in options)
    made.options = [(switches, _wrapped(told)) for record in records if record for switches, told in [record]]
    # It takes a command's name for one word.
    text = str(made).replace(f'"{name.upper()}"', f'"{name.upper().replace(" ", "-")}"', 1)
    return text + "".join(_sections(context))


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """The command and all below it, in the order in which they are listed."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _contexts(click.Context(command, info_name=name, parent=context))


def _summary(context: click.Context) -> str:
    if context.info_name in registry.names():
        descriptor = registry.get(context.info_name).descriptor
        return f"{descriptor.title}: {_lowered(descriptor.reports)}"
    return _lowered(context.command.get_short_help_str(limit=200))


def _lowered(sentence: str) -> str:
    """As a part of a line: without its full stop, and in lower case where it is a plain word."""
    head = sentence.split(" ")[0]
    start = sentence[0].lower() if head[1:].islower() or len(head) == 1 else sentence[0]
    return start + sentence[1:].rstrip(".?")


def _sections(context: click.Context) -> Iterator[str]:
    """What click-man knows nothing of: the commands of a group, and where a provider's login is."""
    if context.info_name in registry.names():
        yield from _provider(registry.get(context.info_name).descriptor)
    if isinstance(context.command, click.Group):
        below = list(_contexts(context))
        yield ".SH COMMANDS\n"
        for other in below[1:]:
            if other.parent is context:
                path = other.command_path.replace(" ", "-")
                yield f".TP\n\\fB{_text(path)}\\fP(1)\n{_wrapped(_summary(other) + '.')}\n"
    if context.parent is None:
        yield _EXIT.lstrip()
    else:
        parent = _text(context.parent.command_path.replace(" ", "-"))
        yield f".SH SEE ALSO\n\\fB{parent}\\fP(1)\n"


def _provider(descriptor: registry.Descriptor) -> Iterator[str]:
    yield f".SH REPORTS\n{_wrapped(descriptor.reports)}\n.PP\n{_wrapped(descriptor.documented)}\n"
    yield ".SH ACCESS\n"
    yield ".PP\n".join(f"{_wrapped(step)}\n" for step in descriptor.access)
    yield ".PP\nLooked for in this order:\n"
    yield "".join(f".IP \\(bu 2\n{_wrapped(place.name)}\n" for place in descriptor.places)
    if descriptor.options:
        yield ".SH SETTINGS\nUnder \\fBoptions\\fP of a service in the config file"
        yield ", or in the environment.\n" if any(option.env for option in descriptor.options) else ".\n"
    for option in descriptor.options:
        also = f", \\fB{_text(option.env)}\\fP" if option.env else ""
        yield f".TP\n\\fB{_text(option.name)}\\fP{also}\n{_wrapped(option.about)}\n"


def _paragraphs(help_: str) -> str:
    """A help text in roff; paragraphs that Click is told not to wrap keep their lines."""
    told = []
    for paragraph in re.split(r"\n\s*\n", help_.strip()):
        lines = [line.rstrip() for line in paragraph.splitlines()]
        if lines[0].strip() == "\b":
            told.append("\n".join([".nf", *map(_text, lines[1:]), ".fi"]))
        else:
            told.append(_wrapped(" ".join(line.strip() for line in lines)))
    return "\n.PP\n".join(told)


def _text(text: str) -> str:
    """Text that roff takes for nothing else."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _wrapped(text: str) -> str:
    """The same in lines of a fit length: roff fills them anew."""
    lines = wrap(text, 72, break_long_words=False, break_on_hyphens=False)
    return "\n".join(map(_text, lines))


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    wanted = dict(pages(time.strftime("%Y-%m-%d", time.gmtime())))
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.1")}
    stale = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    if check:
        if stale:
            sys.exit(f"not current: {', '.join(stale)}; run: python scripts/man_pages.py")
        return
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            (FOLDER / name).unlink()
    sys.stdout.write(f"{len(stale)} of {len(wanted)} pages changed\n")


if __name__ == "__main__":
    main()
