"""Devin's Enterprise API: the ACUs of the billing cycle, and the cap on them.

Source: https://docs.devin.ai (Enterprise API, consumption), read 2026-11. Instants are epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Quota, Usage

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask, Client

_API = "https://api.devin.ai"
_CONSUMPTION = "/v3/enterprise/consumption"
_PERMISSION = "give the service user the permission ViewAccountConsumption"
_NEW_KEY = "make a new key of a service user in Devin's settings (Enterprise)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A billing cycle: from `after` until `before`."""

    after: datetime
    before: datetime


def fetch(ask: Ask) -> Usage:
    """Read the account's cycle. Raises as the provider's `fetch` does."""
    headers = {"Authorization": f"Bearer {ask.credential.secret.reveal()}"}
    client, now, notes = ask.client(ask.service.base_url or _API, headers), ask.now(), list[str]()
    cycle = current(client.get_json(f"{_CONSUMPTION}/cycles", judge=_judge), now)
    params = {"time_after": _epoch(cycle.after), "time_before": _epoch(now)}
    daily = client.get_json(f"{_CONSUMPTION}/daily", params=params, judge=_judge)
    return parse(daily, cycle=cycle, limits=_limits(client, notes), notes=tuple(notes))


def _limits(client: Client, notes: list[str]) -> Any:
    """The caps, without which the use still stands."""
    try:
        return client.get_json(
            f"{_CONSUMPTION}/acu-limits/devin", timeout_s=client.ask.transport.spare(), judge=_judge
        )
    except ProviderError as error:
        notes.append(f"the cap on ACUs could not be read: {error.message}")
        return None


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status == 401:
        return AuthError("Devin refused the API key (401)", hint=_NEW_KEY)
    if answer.status == 403:
        return AuthError("Devin refused the API key (403): a permission is missing", hint=_PERMISSION)
    return None


def current(body: Any, now: datetime) -> Cycle:
    """The cycle that contains `now`. Shape: {"items": [{"after": 1793520000, "before": 1796112000}]}.

    Raises PayloadError where there is none.
    """
    for row in map(wire.as_mapping, wire.rows(wire.mapping(body, "body").get("items"), "items")):
        after, before = wire.as_instant(row.get("after")), wire.as_instant(row.get("before"))
        if after is not None and before is not None and after <= now < before:
            return Cycle(after=after, before=before)
    raise PayloadError("items: no billing cycle contains this moment")


def parse(daily: Any, *, cycle: Cycle, limits: Any = None, notes: tuple[str, ...] = ()) -> Usage:
    """Map the consumption since the cycle's start, and the caps, to `Usage`. Raises PayloadError.

    Shapes: {"total_acus": 412.5, "consumption_by_date": [...]}; {"items": [{"cycle_acu_limit": 1000,
    "scope": "enterprise"}]}.
    """
    quota = Quota(
        id="acu_cycle",
        label="ACUs this cycle",
        unit="credits",
        used=wire.number(wire.mapping(daily, "body"), "total_acus"),
        limit=_cap(limits),
        window_seconds=round((cycle.before - cycle.after).total_seconds()),
        resets_at=cycle.before,
    )
    return Usage(quotas=(quota,), notes=notes)


def _cap(limits: Any) -> Decimal | None:
    """The cap on the whole account: those of organizations and users cap only their own."""
    for row in map(wire.as_mapping, wire.as_rows(wire.as_mapping(limits).get("items"))):
        limit = wire.as_number(row.get("cycle_acu_limit"))
        if row.get("scope") == "enterprise" and limit is not None and limit >= 0:
            return limit
    return None


def _epoch(instant: datetime) -> str:
    return str(int(instant.timestamp()))
