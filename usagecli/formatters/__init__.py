"""Snapshot -> text. Each format is a module of its own, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.model import Snapshot

FORMATS = ("table", "json", "csv", "markdown", "prometheus", "nagios")
# Those that have something to say of no service at all.
EVEN_OF_NOTHING = ("json", "nagios")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the result may look: `width` in columns (None: as wide as it likes), `bars` and `color`
    only on a terminal, `unicode` where the output can carry it, `apart` for one document a service
    instead of a snapshot, `indent` for JSON that people read."""

    now: datetime
    width: int | None = None
    color: bool = False
    bars: bool = False
    unicode: bool = True
    apart: bool = False
    indent: bool = False
    zone: tzinfo | None = None


Formatter = Callable[["Snapshot", Look], str]


def formatter(name: str) -> Formatter:
    """The formatter of that name (one of FORMATS)."""
    if name == "json":
        from usagecli.formatters.json import render
    elif name == "csv":
        from usagecli.formatters.csv import render
    elif name == "markdown":
        from usagecli.formatters.markdown import render
    elif name == "prometheus":
        from usagecli.formatters.prometheus import render
    elif name == "nagios":
        from usagecli.formatters.nagios import render
    else:
        from usagecli.formatters.table import render
    return render
