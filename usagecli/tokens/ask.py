"""What a run of `usagecli tokens` is asked for. Imports next to nothing: every run needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date

OVERVIEW, AUDIT = "overview", "audit"
# Each view with the key that its rows begin with.
KEYS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "hours": "hour",
    "sessions": "session",
    "projects": "project",
    "models": "model",
}
COMBINED = "combined"
PROVIDERS = ("codex", "claude")
# What rows can be sorted by, and the key of that.
SORTS = {
    "sessions": "sessions",
    "input": "inputTokens",
    "cache-read": "cacheReadTokens",
    "cache-write": "cacheWriteTokens",
    "output": "outputTokens",
    "total": "totalTokens",
    "cost": "cost",
}
BY_NAME = "name"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MESSAGE, SESSION_REQUEST = "message", "session-request"
STANDARD = "standard"
# The built-in prices.
BAKED = os.path.join(os.path.dirname(__file__), "prices.json")
FORMATS = ("table", "json", "csv", "markdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`zone` None is the machine's own, `sort` None the view's own (else one of SORTS, or BY_NAME).
    `week_starts`: 0 is Monday. `tier`: of Codex requests whose log names none. `trusts`: what a log
    says of a request's cost counts. `audited`: the files that an audit is limited to.
    """

    view: str = OVERVIEW
    format_: str = "table"
    provider: str = COMBINED
    since: date | None = None
    until: date | None = None
    zone: str | None = None
    week_starts: int = 0
    sort: str | None = None
    limit: int | None = None
    projects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    breakdown: bool = False
    dedupe: str = MESSAGE
    tier: str = STANDARD
    trusts: bool = False
    prices: str | None = None
    files_only: bool = False
    rescan: bool = False
    audited: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether requests are priced as they are by default."""
        return self.prices is None and self.tier == STANDARD and not self.trusts
