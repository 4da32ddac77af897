"""A line on stderr while answers are awaited: only on a terminal, gone without a trace."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from usagecli import log
from usagecli.collect import Progress

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES = "|/-\\"
# Quicker answers need no line.
_QUIET_S = 0.15


@contextmanager
def shown() -> Iterator[Progress | None]:
    """Gives what draws the line, None where stderr is no terminal that can (or `-v` writes there)."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb" or log.verbose:
        yield None
        return
    started = time.monotonic()
    drawn = 0

    def draw(waiting: Sequence[str]) -> None:
        nonlocal drawn
        if time.monotonic() - started < _QUIET_S:
            return
        import shutil

        from usagecli.formatters.table import clipped

        frames = _FRAMES if "utf" in (stream.encoding or "").lower() else _PLAIN_FRAMES
        line = f"{frames[drawn % len(frames)]} waiting for {', '.join(waiting)}"
        columns = shutil.get_terminal_size().columns
        drawn += 1
        # A line that wraps could not be wiped.
        stream.write("\r\x1b[2K" + clipped(line, max(10, columns - 1), ""))
        stream.flush()

    try:
        yield draw
    finally:
        if drawn:
            stream.write("\r\x1b[2K")
            stream.flush()
