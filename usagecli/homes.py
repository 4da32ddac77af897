"""Whether a machine can hold a credential for a descriptor, told from its text alone.

Parsing every descriptor in search of those whose key is here would cost more than all the rest of
a start. A descriptor writes its variables' and files' names out, so that a text search never
misses one; where it finds too much, the descriptor is read and says better.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.machine import Machine

_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
# How YAML spells a letter by its number, between double quotes.
_ESCAPE = re.compile(rb"\\[xuU]")
# A file's name as a descriptor writes it, with or without quotes.
_FILE = re.compile(rb"""\bfile['"]?\s*:\s*(?:'([^'\n]+)'|"([^"\n]+)"|([^\s,}\]#'"]+))?""")


def any_home(path: str, machine: Machine) -> bool:
    """Whether a variable that the descriptor names is set, or a file that it names is there."""
    try:
        with open(path, "rb") as file:
            return may_hold(file.read(), machine)
    except OSError:
        return True


def may_hold(text: bytes, machine: Machine) -> bool:
    """As `any_home`, of a descriptor's text."""
    # An escape in quotes may spell a name that the search does not see.
    if _ESCAPE.search(text):
        return True
    words = _WORD.findall(text)
    if machine.platform == "win32":
        # There a variable's name has one case only.
        words = [word.upper() for word in words]
    given = {os.fsencode(name) for name in machine.env}
    if not given.isdisjoint(words):
        return True
    return any(_is_there(match, machine) for match in _FILE.finditer(text))


def _is_there(match: re.Match[bytes], machine: Machine) -> bool:
    told = next((group for group in match.groups() if group), None)
    if told is None:
        return True
    path = expanded(os.fsdecode(told), machine)
    return path is not None and os.path.exists(path)


def expanded(path: str, machine: Machine) -> str | None:
    """The path with `~` and `$NAME` replaced; None where one of the variables is not set."""
    names = re.findall(r"\$(\w+)", path)
    if not all(machine.get(name) for name in names):
        return None
    return machine.expand(re.sub(r"\$(\w+)", lambda match: machine.get(match[1]) or "", path))
