"""The config file: where it is, what it says, and who may read it.

`configreader` turns its text into a `Config`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from usagecli import wire
from usagecli.errors import ConfigError
from usagecli.model import CredentialSource, Service

if TYPE_CHECKING:
    from usagecli.machine import Machine

SOURCES = ("env", "file", "command", "keyring", "value")
_MAX_FILE = 1_000_000
# How alike two words are, 0 to 1, of which one may be meant for the other.
_NEAR = 0.65


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What the history keeps: everything younger than `full_days`, then one sample an hour, from
    `hourly_days` on one a day, and nothing that is older than `daily_days`."""

    enabled: bool = True
    full_days: int = 35
    hourly_days: int = 180
    daily_days: int = 730


# The first three are what `check` judges by without any rule: a status, a stop, a service's error.
Condition = Literal[
    "low", "stopped", "unknown", "below", "below_amount", "runs_out_before_reset", "unknown_for"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What is done where an alert begins or ends: a command that is run, addresses that apprise tells."""

    run: str | tuple[str, ...] | None = field(default=None, repr=False)
    notify: tuple[CredentialSource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alert is wanted, of which services (names or provider ids) and quotas or balances (ids);
    None is all of them. `value` is percent, an amount in the figure's own unit, or seconds."""

    condition: Condition
    value: Decimal = Decimal(0)
    name: str | None = None
    services: frozenset[str] | None = None
    quotas: frozenset[str] | None = None
    actions: Actions = Actions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says. `services` is None where it names none, so that they are looked for.

    `max_age_s` and `timeout_s` are seconds; `low_below` maps quota ids, and `default`, to percent.
    `actions` are for what `check` judges by itself; a rule has its own or, where it has none, these.
    """

    path: str
    exists: bool = False
    low_below: Mapping[str, Decimal] = field(default_factory=dict)
    max_age_s: float = 60.0
    timeout_s: float = 20.0
    credits_per_usd: Decimal = Decimal(25)
    history: Keep = Keep()
    services: tuple[Service, ...] | None = None
    alerts: tuple[Rule, ...] = ()
    actions: Actions = Actions()
    # `policy: documented-only`.
    documented_only: bool = False

    @property
    def all_actions(self) -> list[Actions]:
        """Those for what `check` judges by itself, and those of every rule."""
        return [self.actions, *(rule.actions for rule in self.alerts)]


def path_of(machine: Machine, given: str | None) -> tuple[str, bool]:
    """Where the config is, and whether somebody named that place (then it must exist)."""
    return machine.config_file(given)


def load(machine: Machine, given: str | None = None) -> Config:
    """Read and check the config; the defaults where there is none. Raises ConfigError."""
    path, named = path_of(machine, given)
    data = read(path)
    if data is None:
        if named:
            raise ConfigError(f"{path}: there is no such file")
        return Config(path=path)
    found = parse(path, data, machine)
    _refuse_exposed(found, machine)
    return found


def read(path: str) -> bytes | None:
    """What stands in the file; None where there is none. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory, not a file") from None
    except OSError as error:
        # Windows says "permission denied" of a directory, too.
        what = "is a directory, not a file" if os.path.isdir(path) else f"cannot be read: {error.strerror}"
        raise ConfigError(f"{path}: {what}") from None
    if len(data) > _MAX_FILE:
        raise ConfigError(f"{path}: is larger than a config file can be")
    return data


def parse(path: str, data: bytes, machine: Machine) -> Config:
    """What a file with this text says; `path` is for the messages. Raises ConfigError."""
    from usagecli.configreader import Reader

    return Reader(path, machine).config(data)


def secrets_folder(path: str) -> str:
    """Where, beside the config of that path, usagecli keeps secrets itself."""
    return os.path.join(os.path.dirname(path), "secrets")


def others_can_read(path: str, machine: Machine) -> bool:
    """Whether the file is open to users other than its owner. False on Windows, and where there is none."""
    try:
        return machine.platform != "win32" and bool(os.stat(path).st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _refuse_exposed(found: Config, machine: Machine) -> None:
    sources = [source for service in found.services or () for source in (service.credential or {}).values()]
    sources += [source for actions in found.all_actions for source in actions.notify]
    if any(source.kind == "value" for source in sources) and others_can_read(found.path, machine):
        raise ConfigError(
            f"{found.path}: holds a secret and can be read by other users; "
            f"chmod 600 {machine.short(found.path)}, or use credential: env, file, command or keyring"
        )


def check_name(name: str) -> str:
    """The name of a service or an alert rule. Raises ValueError saying what is wrong with it."""
    if name != wire.as_text(name) or name.startswith("-"):
        raise ValueError("must be one line that does not begin with `-`")
    return name


def check_source(kind: str, text: str) -> None:
    """Whether a credential of that kind may be given so. Raises ValueError, never quoting the text."""
    if kind == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("expected the name of an environment variable, not a value")
    if kind == "keyring" and not all(text.rpartition("/")[::2]):
        raise ValueError("expected SERVICE/USER")
    if kind == "command" and not _splits(text):
        raise ValueError("has a quote that is never closed")


def suggestion(word: str, known: tuple[str, ...]) -> str:
    """`; did you mean 'x'?` where something known is near, else what there is."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=_NEAR) or [
        # A part of a name is too short to look like the whole.
        name
        for name in known
        if len(word) > 2 and word in re.split("[-_]", name)
    ]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def _splits(text: str) -> bool:
    import shlex

    try:
        return bool(shlex.split(text))
    except ValueError:
        return False
