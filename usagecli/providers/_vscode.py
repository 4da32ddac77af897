"""Where VS Code and the editors made of it keep their state: one layout, each under its own name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.machine import Machine


def app_folder(machine: Machine, app: str) -> str:
    """The folder of the application of that name."""
    if machine.platform == "darwin":
        return os.path.join(machine.home, "Library", "Application Support", app)
    if machine.platform == "win32":
        root = machine.get("APPDATA") or os.path.join(machine.home, "AppData", "Roaming")
        return os.path.join(root, app)
    # The XDG rules: a relative path is to be ignored.
    given = machine.get("XDG_CONFIG_HOME") or ""
    return os.path.join(given if os.path.isabs(given) else os.path.join(machine.home, ".config"), app)


def state_file(machine: Machine, app: str) -> str:
    """The SQLite file of its global state: a table `ItemTable` of `key` and `value`."""
    return os.path.join(app_folder(machine, app), "User", "globalStorage", "state.vscdb")
