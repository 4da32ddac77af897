"""Where the agents leave their logs on this machine, and the files that are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from usagecli.machine import Machine

COMPRESSED = ".jsonl.zst"
_PLAIN = ".jsonl"


class Root(NamedTuple):
    """A directory of logs: whose, where (as it was named, and where that really is)."""

    provider: str
    named: str
    path: str


class Found(NamedTuple):
    """A log file and what identifies its content without reading it."""

    path: str
    root: str
    provider: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def find_roots(machine: Machine) -> list[Root]:
    """The directories to look in, each once, whether they exist or not."""
    named = [("codex", path) for path in _codex(machine)] + [("claude", path) for path in _claude(machine)]
    found: list[Root] = []
    for provider, path in named:
        real = os.path.realpath(path)
        inside = (real == root.path or real.startswith(root.path + os.sep) for root in found)
        if not any(inside):
            found.append(Root(provider, path, real))
    return found


def _codex(machine: Machine) -> list[str]:
    own = machine.get("CODEX_USAGE_SESSIONS_ROOT")
    if own is not None:
        return [machine.expand(own)]
    homes = _listed(machine, "CODEX_HOME") or [os.path.join(machine.home, ".codex")]
    return [os.path.join(home, name) for home in homes for name in ("sessions", "archived_sessions")]


def _claude(machine: Machine) -> list[str]:
    own = machine.get("CODEX_USAGE_CLAUDE_PROJECTS_ROOT")
    if own is not None:
        return [machine.expand(own)]
    homes = _listed(machine, "CLAUDE_CONFIG_DIR")
    if not homes:
        shared = machine.get("XDG_CONFIG_HOME") or os.path.join(machine.home, ".config")
        homes = [os.path.join(machine.home, ".claude"), os.path.join(shared, "claude")]
    # The list may name the directories of the projects themselves, too.
    return [
        home if os.path.basename(home) == "projects" else os.path.join(home, "projects") for home in homes
    ]


def _listed(machine: Machine, name: str) -> list[str]:
    parts = (part.strip() for part in (machine.get(name) or "").split(","))
    return [machine.expand(part.rstrip("/\\") or part) for part in parts if part]


def files(roots: list[Root], unreadable: list[str]) -> list[Found]:
    """Every log below the roots, in the order of their paths.

    Directories that cannot be listed, and files that cannot be named, are added to `unreadable`, with
    the reason.
    """
    found: list[Found] = []
    for root in roots:
        found += _below(root.path, root, unreadable)
    found = [entry for entry in found if _is_named(entry.path, unreadable)]
    plain = {entry.path for entry in found}
    # While Codex compresses a log, both are there.
    found = [entry for entry in found if not (entry.path.endswith(COMPRESSED) and entry.path[:-4] in plain)]
    found.sort()
    return found


def _below(top: str, root: Root, unreadable: list[str]) -> Iterator[Found]:
    pending, linked = [top], set()
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if entry.is_symlink():
                            # Links may lead in a circle, or to what is here anyway.
                            real = os.path.realpath(entry.path)
                            if real in linked or top.startswith(real + os.sep) or _inside(real, top):
                                continue
                            linked.add(real)
                        pending.append(entry.path)
                    elif entry.name.endswith((_PLAIN, COMPRESSED)):
                        found = _stated(entry, root)
                        if found is not None:
                            yield found
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            continue
        except OSError as error:
            unreadable.append(f"{folder}: {error.strerror}")


def _is_named(path: str, unreadable: list[str]) -> bool:
    """Whether the path is a text, which it need not be on every system."""
    try:
        path.encode()
    except UnicodeEncodeError:
        unreadable.append(f"{os.fsencode(path).decode('utf-8', 'backslashreplace')}: its name is no text")
        return False
    return True


def _inside(path: str, top: str) -> bool:
    return path == top or path.startswith(top + os.sep)


def _stated(entry: os.DirEntry[str], root: Root) -> Found | None:
    try:
        stat = entry.stat()
    except OSError:
        # Gone since the directory was listed, or a link to nothing.
        return None
    return Found(
        entry.path,
        root.path,
        root.provider,
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ctime_ns,
        stat.st_ino,
    )
