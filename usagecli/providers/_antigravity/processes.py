"""The servers that Antigravity runs on this machine: found by their command lines and open ports.

Linux tells both in /proc, macOS through `ps` and `lsof`; on Windows none is looked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usagecli.credentials import Secret

if TYPE_CHECKING:
    from usagecli.machine import Machine

_PROC = "/proc"
_SERVERS, _CLI = ("language_server", "language-server"), "agy"
_APPS = ("antigravity", "antigravity-ide")
_LISTENING = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A port of a server on 127.0.0.1, and the token that it wants; None: none is known."""

    port: int
    token: Secret | None


def servers(machine: Machine) -> list[Door]:
    """The doors of every server of Antigravity that runs for this user."""
    if machine.platform == "linux":
        found = _of_linux()
    elif machine.platform == "darwin":
        found = _of_macos(machine)
    else:
        return []
    return list(
        dict.fromkeys(door for pid, words in found if _is_ours(words) for door in _doors(machine, pid, words))
    )


def _is_ours(words: Sequence[str]) -> bool:
    name = os.path.basename(words[0]) if words else ""
    if name == _CLI:
        return True
    folder = _option(words, "app_data_dir") or ""
    return name.startswith(_SERVERS) and os.path.basename(folder.rstrip("/")) in _APPS


def _doors(machine: Machine, pid: int, words: Sequence[str]) -> Iterator[Door]:
    token = _secret(words, "csrf_token")
    for port in sorted(
        _ports_of_linux(pid) if machine.platform == "linux" else _ports_of_macos(machine, pid)
    ):
        yield Door(port=port, token=token)
    extension = _option(words, "extension_server_port") or ""
    if extension.isascii() and extension.isdigit() and 0 < int(extension[:6]) < 65_536:
        yield Door(port=int(extension), token=_secret(words, "extension_server_csrf_token") or token)


def _secret(words: Sequence[str], name: str) -> Secret | None:
    text = _option(words, name)
    return Secret(text) if text else None


def _option(words: Sequence[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`."""
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option.lstrip("-") != name or not option.startswith("-"):
            continue
        return value if equals else next(iter(words[place + 1 : place + 2]), None)
    return None


# -- Linux ------------------------------------------------------------------------------------------


def _of_linux() -> Iterator[tuple[int, list[str]]]:
    """Every process with its command line, as far as they can be read."""
    try:
        pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return
    for pid in pids:
        words = _text(f"{_PROC}/{pid}/cmdline").split("\0")
        if words[0]:
            yield pid, words


def _ports_of_linux(pid: int) -> set[int]:
    """The ports on which a process listens: its sockets, among those of the machine."""
    sockets = set()
    folder = f"{_PROC}/{pid}/fd"
    try:
        for name in os.listdir(folder):
            try:
                target = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[len("socket:[") : -1])
    except OSError:
        return set()
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in _text(f"{_PROC}/{pid}/net/{table}").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING and fields[9] in sockets:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(1_000_000).decode("utf-8", "replace")
    except OSError:
        return ""


# -- macOS ------------------------------------------------------------------------------------------


def _of_macos(machine: Machine) -> Iterator[tuple[int, list[str]]]:
    from usagecli import programs

    for line in programs.printed(machine, "ps", "-axww", "-o", "pid=,command=").splitlines():
        pid, _, command = line.strip().partition(" ")
        words = command.split()
        if pid.isdigit() and words:
            # The path of the program may hold spaces: its own name is what stands before the options.
            program = command.partition(" -")[0].strip()
            yield int(pid), [program, *words]


def _ports_of_macos(machine: Machine, pid: int) -> set[int]:
    from usagecli import programs

    words = ("-nP", "-a", "-p", str(pid), "-iTCP", "-sTCP:LISTEN", "-Fn")
    printed = programs.printed(machine, "lsof", *words)
    ports = (line.rpartition(":")[2] for line in printed.splitlines() if line.startswith("n"))
    return {int(port) for port in ports if port.isascii() and port.isdigit()}
