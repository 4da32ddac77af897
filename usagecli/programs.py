"""The user's own programs: without a shell, with a deadline, and with nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from usagecli.machine import Machine

_MOST_OUTPUT = 20_000


class Hangs(Exception):
    """It did not end in time, and was ended."""


def argv(command: str | tuple[str, ...], machine: Machine) -> tuple[str | list[str], str]:
    """What to start, and the program's name for messages."""
    if isinstance(command, tuple):
        return list(command), os.path.basename(command[0])
    import shlex

    # Windows splits a command line by itself, by rules of its own.
    words = command if machine.platform == "win32" else shlex.split(command)
    return words, os.path.basename(command.split()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`code` is None for a program that could not be started or did not end in time."""

    code: int | None
    text: str = ""
    # Of stderr, where it was asked for.
    errors: str = ""


def find(machine: Machine, name: str) -> str | None:
    """Where the program is; None where it is not on the run's PATH."""
    import shutil

    return shutil.which(name, path=machine.env.get("PATH") or os.devnull)


def output(machine: Machine, name: str, *words: str, timeout_s: float, errors: bool = False) -> Done | None:
    """Run `name WORDS`; None where it is not on the PATH. Its stderr is dropped unless asked for."""
    import subprocess

    program = find(machine, name)
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - found on the user's own PATH, and no shell
            [program, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if errors else subprocess.DEVNULL,
            timeout=timeout_s,
            env=dict(machine.env),
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return Done(code=None)
    return Done(
        code=done.returncode,
        text=done.stdout.decode("utf-8", "replace"),
        errors=(done.stderr or b"").decode("utf-8", "replace"),
    )


def printed(machine: Machine, name: str, *words: str, timeout_s: float = 5.0) -> str:
    """What `name WORDS` prints; "" where it is missing, fails or hangs."""
    done = output(machine, name, *words, timeout_s=timeout_s)
    return done.text.strip() if done is not None and done.code == 0 else ""


def fed(words: str | list[str], text: str, env: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
    """Run with that text on stdin: the exit code, and what it printed. Raises Hangs, OSError, ValueError.

    Files, not pipes: a program may leave another in the background that keeps them open.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as printed:
        told.write(text.encode())
        told.seek(0)
        with subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
            words,
            stdin=told,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=dict(env),
            # A group of its own, so that what it starts ends with it.
            start_new_session=sys.platform != "win32",
        ) as process:
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                _end(process)
                raise Hangs from None
            except BaseException:
                _end(process)
                raise
        printed.seek(0)
        return code, printed.read(_MOST_OUTPUT).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
