"""`-v`: a log on stderr, with every secret of the run masked. Silent otherwise.

The standard logging package would cost a tenth of a start for the few lines that are written here.
"""

from __future__ import annotations

import contextlib
import sys
import time

verbose = False
# The warnings of this run.
said: set[str] = set()
_started = time.monotonic()


def debug(message: str) -> None:
    """One line on stderr where `-v` was given."""
    if verbose:
        _write(f"[{time.monotonic() - _started:6.3f}] {message}")


def warn(message: str) -> None:
    """One line on stderr, always; the same warning once a run."""
    if message not in said:
        said.add(message)
        _write(f"Warning: {message}")


def note(message: str) -> None:
    """One line on stderr that is no warning."""
    _write(message)


def mask(text: str) -> str:
    """The text with every secret that this run has seen replaced."""
    from usagecli.credentials import Secret

    # A copy: other threads may still be finding credentials. Longest first, for secrets that
    # hold one another.
    for secret in sorted(Secret.known.copy(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _write(line: str) -> None:
    # One write a line: the threads of a run share stderr. A log that nobody reads stops no run.
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(mask(line) + "\n")
            sys.stderr.flush()
