"""Running usagecli in a process of its own, for what only a real process shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Outcome

ROOT = Path(__file__).parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals or descriptors")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This test's environment, with this checkout first among the packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(more or {})}


def start(*args: str, env: Mapping[str, str] | None = None, **more: Any) -> subprocess.Popen[str]:
    """Start `python -m usagecli ARGS`; its output is read as UTF-8."""
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(
        [sys.executable, "-m", "usagecli", *args], env=environment(env), encoding="utf-8", **given
    )


def process(*args: str, env: Mapping[str, str] | None = None, **more: Any) -> Outcome:
    """Run `python -m usagecli ARGS` to its end."""
    with start(*args, env=env, **more) as running:
        out, err = running.communicate(timeout=60)
    return Outcome(running.returncode, out or "", err or "")


def python(code: str, env: Mapping[str, str] | None = None) -> Outcome:
    """Run Python code to its end."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(env), capture_output=True, encoding="utf-8", timeout=60
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def on_terminal(*args: str, stream: str, env: Mapping[str, str] | None = None) -> tuple[Outcome, str]:
    """Run with `stream` (stdout or stderr) on a terminal of 80 columns: the run, what that showed."""
    import fcntl
    import pty
    import struct
    import termios
    import threading

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown = bytearray()

    def read() -> None:
        try:
            while part := os.read(master, 65536):
                shown.extend(part)
        except OSError:
            # How Linux says that the other end is closed.
            pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        outcome = process(*args, env={"TERM": "xterm", "PYTHONUTF8": "1", **(env or {})}, **{stream: slave})
    finally:
        os.close(slave)
        reader.join()
        os.close(master)
    return outcome, shown.decode().replace("\r\n", "\n")
