"""A line on stderr while logs are read: only on a terminal, only when it takes long, then gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from usagecli import log

if TYPE_CHECKING:
    from usagecli.tokens.scan import Progress

_QUIET_S, _STEP_S = 0.5, 0.1
_A_MEGABYTE = 1_000_000


@contextmanager
def shown() -> Iterator[Progress | None]:
    """Gives what is told of the bytes read; None where nobody looks on."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or log.verbose:
        yield None
        return
    due = time.monotonic() + _QUIET_S
    drawn = False

    def draw(done: int, total: int) -> None:
        nonlocal due, drawn
        if time.monotonic() < due:
            return
        due, drawn = time.monotonic() + _STEP_S, True
        stream.write(f"\r\x1b[2Kreading logs: {done // _A_MEGABYTE:,} of {total // _A_MEGABYTE:,} MB")
        stream.flush()

    try:
        yield draw
    finally:
        if drawn:
            stream.write("\r\x1b[2K")
            stream.flush()
