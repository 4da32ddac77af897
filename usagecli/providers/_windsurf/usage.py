"""Windsurf's answers, and the figures of its app -> `Usage`. Numbers of credits are in hundredths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.local import as_told
from usagecli.model import Balance, Quota, Usage, plan
from usagecli.providers import _codeium

_HUNDRED, _ZERO = Decimal(100), Decimal(0)


def parse_local(info: Any, *, now: datetime, written_at: datetime | None) -> Usage:
    """Map the app's `cachedPlanInfo` to `Usage`: as old as its file. Raises PayloadError.

    Shape: {"planName", "endTimestamp": 1796083200000, "usage": {"messages": 50000, "usedMessages",
    "flowActions", "usedFlowActions", "flexCredits", "usedFlexCredits", "remainingFlexCredits"},
    "quotaUsage": {"dailyRemainingPercent": 64, "weeklyRemainingPercent", "dailyResetAtUnix",
    "weeklyResetAtUnix"}}.
    """
    body = wire.mapping(info, "cachedPlanInfo")
    percent, usage = (wire.as_mapping(body.get(name)) for name in ("quotaUsage", "usage"))
    told = [
        (percent.get(f"{name}RemainingPercent"), percent.get(f"{name}ResetAtUnix"))
        for name in ("daily", "weekly")
    ]
    reset = wire.as_instant(body.get("endTimestamp"))
    found = [*_codeium.windows(*told), *_counted(usage, reset)]
    balances = tuple(_flex(usage))
    if not found and not balances:
        raise PayloadError("cachedPlanInfo: holds no figures")
    # A window that came back since is neither spent nor full.
    quotas = tuple(quota for quota in found if quota.resets_at is None or quota.resets_at > now)
    notes = [as_told("Windsurf", written_at)] if written_at else []
    if len(quotas) < len(found):
        notes.append("what has been reset since is left out: start Windsurf once")
    return Usage(
        quotas=quotas,
        balances=balances,
        plan=_plan(wire.as_text(body.get("planName"))),
        notes=tuple(notes),
        source="local",
        as_of=written_at,
    )


def _counted(usage: Mapping[str, Any], reset: datetime | None) -> Iterator[Quota]:
    for id_, label, name in (
        ("prompt_credits", "Prompt credits", "messages"),
        ("flow_credits", "Flow credits", "flowActions"),
    ):
        limit = wire.as_number(usage.get(name))
        if limit is not None and limit > 0:
            used = _used(usage, f"used{name[0].upper()}{name[1:]}")
            yield _credits(id_, label, used, limit, reset)


def _flex(usage: Mapping[str, Any]) -> Iterator[Balance]:
    bought, left = (wire.as_number(usage.get(name)) for name in ("flexCredits", "remainingFlexCredits"))
    if bought is not None and bought > 0:
        used = _used(usage, "usedFlexCredits")
        left = bought - used if left is None and used is not None else left
        yield _flex_balance(left)


def parse_status(status: Mapping[str, Any]) -> Usage:
    """Map a `planStatus` to `Usage`: of a plan with windows, or an older one with credits.

    Shape of the older: {"planInfo": {"planName"}, "planEnd": "2026-12-01T00:00:00Z",
    "availablePromptCredits": 50000, "usedPromptCredits", "availableFlexCredits", "usedFlexCredits"};
    what is used is left out where it is 0. Raises PayloadError.
    """
    quotas, balances = _codeium.quotas(status), _codeium.extra_usage(status)
    if not quotas:
        quotas, balances = tuple(_older(status)), (*balances, *_older_flex(status))
    if not quotas and not balances:
        raise PayloadError("userStatus.planStatus: holds neither a quota nor credits")
    return Usage(quotas=quotas, balances=balances, plan=_plan(_codeium.plan_name(status)), source="oauth")


def _older(status: Mapping[str, Any]) -> Iterator[Quota]:
    """The credits of the month: `available...` is all of them, and not what is left."""
    limit = wire.as_number(status.get("availablePromptCredits"))
    if limit is None or limit == 0:
        return
    used = _used(status, "usedPromptCredits")
    quota = _credits("prompt_credits", "Prompt credits", used, limit, wire.as_instant(status.get("planEnd")))
    yield replace(quota, limit=None, unlimited=True) if limit < 0 else quota


def _older_flex(status: Mapping[str, Any]) -> Iterator[Balance]:
    bought, used = wire.as_number(status.get("availableFlexCredits")), _used(status, "usedFlexCredits")
    if bought is not None and bought > 0:
        yield _flex_balance(None if used is None else bought - used)


def parse_team(body: Any) -> Usage:
    """Map a `GetTeamCreditBalance` body to `Usage`. Raises PayloadError.

    Shape: {"promptCreditsPerSeat": 1000, "numSeats": 12, "addOnCreditsAvailable": 4000,
    "addOnCreditsUsed": 900, "billingCycleEnd": "2026-12-01T00:00:00Z"}; whole credits. Of what the
    seats used it says nothing.
    """
    answer = wire.mapping(body, "body")
    available = "addOnCreditsAvailable"
    if not any(name in answer for name in (available, "promptCreditsPerSeat", "numSeats")):
        raise PayloadError(f"{available}: expected a number, got nothing")
    limit = None if answer.get(available) is None else wire.number(answer, available)
    if limit is None or limit <= 0:
        return Usage(notes=("the team has no add-on credits, and Windsurf tells no other use",))
    quota = Quota(
        id="addon_credits",
        label="Add-on credits",
        unit="credits",
        used=_used(answer, "addOnCreditsUsed"),
        limit=limit,
        resets_at=wire.as_instant(answer.get("billingCycleEnd")),
    )
    return Usage(quotas=(quota,))


# -- entries ------------------------------------------------------------------------------------------


def _credits(id_: str, label: str, used: Decimal | None, limit: Decimal, reset: datetime | None) -> Quota:
    """A quota in credits of figures in hundredths."""
    return Quota(
        id=id_,
        label=label,
        unit="credits",
        used=None if used is None else used / _HUNDRED,
        limit=limit / _HUNDRED,
        resets_at=reset,
    )


def _flex_balance(hundredths: Decimal | None) -> Balance:
    amount = None if hundredths is None else max(_ZERO, hundredths) / _HUNDRED
    return Balance(id="flex_credits", label="Flex credits", unit="credits", amount=amount)


def _used(body: Mapping[str, Any], name: str) -> Decimal | None:
    """What is used: left out where it is 0; None for what cannot be read."""
    return _ZERO if body.get(name) is None else wire.as_count(body.get(name))


def _plan(name: str | None) -> Mapping[str, Any] | None:
    return plan(name) if name else None
