"""Questions on a terminal, and what a script gives in their place. Prompts go to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from usagecli import log, options
from usagecli.config import SOURCES, check_source, suggestion
from usagecli.credentials import Secret

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.registry import Descriptor, Option

_MAX_STDIN = 1_000_000
# A secret itself is never written into the config.
_KINDS = tuple(kind for kind in SOURCES if kind != "value")


def interactive() -> bool:
    """Whether there is somebody to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def need(option: str) -> click.UsageError:
    """The error for what is missing where nobody can be asked."""
    return click.UsageError(f"{option} is needed where there is no terminal to ask on")


def text(question: str, default: str = "", check: Callable[[str], object] = str) -> str:
    """A line, asked for again until `check` raises no ValueError; "" or the default for none."""
    while True:
        told = click.prompt(question, default=default, show_default=bool(default), err=True)
        answer = str(told).strip()
        try:
            check(answer)
        except ValueError as error:
            log.note(f"It {error}" if str(error).startswith("must") else str(error))
        else:
            return answer


def confirm(question: str, *, default: bool) -> bool:
    """Yes or no."""
    return click.confirm(question, default=default, err=True)


# -- secrets ----------------------------------------------------------------------------------------


def secrets(descriptor: Descriptor, otherwise: str) -> dict[str, Secret]:
    """Each secret that is given, without echo; `otherwise` says what an empty answer means."""
    log.note(f"What you type is not shown. An empty answer: {otherwise}.")
    parts = descriptor.parts or {"": f"Secret of {descriptor.title}"}
    found = {}
    for part, about in parts.items():
        question = f"{part} ({about})" if part else about
        answer: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
        if answer.strip():
            found[part] = Secret(answer.strip())
    return found


def secrets_of_stdin(descriptor: Descriptor) -> dict[str, Secret]:
    """The secret on stdin, or one `part=value` a line. On a terminal it is asked for."""
    if interactive():
        found = secrets(descriptor, "none")
    else:
        found = {part: Secret(value) for part, value in _parts(_stdin(), descriptor.parts).items()}
    if not found:
        raise click.UsageError("there is no secret on stdin")
    return found


def _stdin() -> str:
    data = sys.stdin.buffer.read(_MAX_STDIN + 1) if sys.stdin is not None else b""
    if len(data) > _MAX_STDIN:
        raise click.UsageError("what stands on stdin is too large for a secret")
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise click.UsageError("what stands on stdin is not text") from None


def _parts(told: str, known: Mapping[str, str]) -> dict[str, str]:
    pairs = [line.partition("=") for line in told.splitlines() if line.strip()]
    if pairs and all(name.strip() in known and value.strip() for name, _, value in pairs):
        return {name.strip(): value.strip() for name, _, value in pairs}
    return {"": told} if told else {}


def sources(given: Iterable[str], descriptor: Descriptor, machine: Machine) -> dict[str, Any] | None:
    """The `credential:` of the config that `--credential [PART=]KIND:VALUE` gives; None for none.

    Messages never quote what was given: it may be a secret in the wrong place.
    """
    found: dict[str, Any] = {}
    for told in given:
        head, colon, value = told.partition(":")
        part, _, kind = head.rpartition("=")
        if not colon or kind not in _KINDS or not value.strip():
            raise click.UsageError(f"--credential: expected one of {', '.join(f'{k}:...' for k in _KINDS)}")
        if part and part not in descriptor.parts:
            raise click.UsageError(f"--credential: no such part{suggestion(part, tuple(descriptor.parts))}")
        try:
            check_source(kind, value.strip())
        except ValueError as error:
            raise click.UsageError(f"--credential {kind}: {error}") from None
        if part in found:
            raise click.UsageError("--credential: a part is given twice")
        found[part] = {kind: _absolute(value.strip(), machine) if kind == "file" else value.strip()}
    if "" in found and len(found) > 1:
        raise click.UsageError("--credential: name the part of each, as in PART=env:NAME")
    return found.get("", found) if found else None


def _absolute(path: str, machine: Machine) -> str:
    # A run may start in another directory.
    return machine.short(os.path.abspath(machine.expand(path)))


# -- options ----------------------------------------------------------------------------------------


def option_values(given: Iterable[str], descriptor: Descriptor) -> dict[str, Any]:
    """What `--option KEY=VALUE` gives, as the config holds it; None for an empty value."""
    known = {option.name: option for option in descriptor.options}
    found = {}
    for told in given:
        key, equals, value = told.partition("=")
        if not equals:
            raise click.UsageError("--option: expected KEY=VALUE")
        if key not in known:
            near = suggestion(key, tuple(known)) or f"; {descriptor.name} has none"
            raise click.UsageError(f"--option {key}: no such option{near}")
        try:
            found[key] = option_value(known[key], value)
        except ValueError as error:
            raise click.UsageError(f"--option {key}: {error}") from None
    return found


def option_value(option: Option, told: str) -> Any:
    """The text as the option's kind, as the config holds it; None for none. Raises ValueError."""
    told = told.strip()
    if not told:
        return None
    value: Any = told
    if option.kind == "flag":
        value = {"true": True, "false": False}.get(told.lower(), told)
    elif option.kind == "texts":
        value = [entry.strip() for entry in told.split(",")]
    read = options.read(option, value)
    if read is None:
        raise ValueError(f"expected {options.wanted(option)}")
    return plain(read) if option.kind == "positive" else value


def plain(number: Any) -> int | float:
    """A number as YAML writes it best."""
    return int(number) if float(number).is_integer() else float(number)
