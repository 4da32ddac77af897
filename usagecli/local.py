"""Figures that a vendor's own tool was sent and left on this machine: no token, no network.

They are as old as the tool's last use and seldom say whose they are, so they stand in only where
nobody could be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from usagecli import assess
from usagecli.model import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What was left, and when the tool received it (aware UTC)."""

    usage: Usage
    at: datetime


def standing(
    usage: Usage, at: datetime, now: datetime, teller: str, empty: Mapping[str, Any]
) -> Local | None:
    """The figures as far as they still hold; None where no window does, or where they lie ahead of `now`.

    A window whose reset has passed is unknown, neither full nor empty, and is left out. `teller` says
    in the note who was sent them; `empty` is what the provider's own keys hold while nothing is known.
    """
    aged = assess.aged(usage, at, now, empty)
    quotas = tuple(
        quota
        for quota in aged.quotas
        if quota.percent_used is not None and (quota.resets_at is None or quota.resets_at > now)
    )
    if not quotas or at > now:
        return None
    notes = (*aged.notes, as_told(teller, at))
    return Local(usage=replace(aged, quotas=quotas, notes=notes, source="local"), at=at)


def as_told(teller: str, at: datetime) -> str:
    """The note that says how old such figures are."""
    return f"as {teller} was told on {at:%Y-%m-%d at %H:%M} UTC; what was used elsewhere since is not in it"
