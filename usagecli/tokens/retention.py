"""How long Claude Code keeps its logs: it deletes them after some days, and Codex does not."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from usagecli.tokens.roots import find_roots

if TYPE_CHECKING:
    from usagecli.machine import Machine

USUAL_DAYS = 30
_SETTING = "cleanupPeriodDays"


def kept_days(machine: Machine) -> int | None:
    """After how many days Claude Code deletes its logs here; None where it has none."""
    folders = [
        root.path for root in find_roots(machine) if root.provider == "claude" and os.path.isdir(root.path)
    ]
    if not folders:
        return None
    return min(_told(os.path.join(os.path.dirname(folder), "settings.json")) for folder in folders)


def _told(path: str) -> int:
    """What Claude Code's settings say, else what it does without them."""
    try:
        with open(path, encoding="utf-8") as file:
            days = json.load(file).get(_SETTING)
    except (OSError, ValueError, AttributeError, RecursionError):
        return USUAL_DAYS
    return days if isinstance(days, int) and not isinstance(days, bool) and days >= 0 else USUAL_DAYS
