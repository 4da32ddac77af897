"""What another program of this machine prints: found on the run's PATH, run without a terminal or a shell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`code` is None for a program that could not be started or did not end in time."""

    code: int | None
    text: str = ""
    # Of stderr, where it was asked for.
    errors: str = ""


def find(machine: Machine, name: str) -> str | None:
    """Where the program is; None where it is not on the PATH."""
    import shutil

    return shutil.which(name, path=machine.env.get("PATH") or os.devnull)


def output(machine: Machine, name: str, *words: str, timeout_s: float, errors: bool = False) -> Done | None:
    """Run `name WORDS`; None where it is not on the PATH. Its stderr is dropped unless asked for."""
    import subprocess

    program = find(machine, name)
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a program on the user's own PATH, and no shell
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
