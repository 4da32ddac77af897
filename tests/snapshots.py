"""Snapshots made of plain values, for the tests of the formatters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support import NOW, d, utc
from usagecli import assess, pace, registry
from usagecli.formatters import Look
from usagecli.model import Balance, Failure, Quota, Rates, Report, Service, Snapshot, Spend, Usage, plan

NO_RATES = Rates()
NEXT_MONTH = utc("2026-12-01T00:00:00")


def report(
    name: str,
    usage: Usage | None = None,
    *,
    provider: str = "openrouter",
    rates: Rates = NO_RATES,
    **known: Any,
) -> Report:
    """What the run knows of a service, judged with the usual thresholds."""
    if usage is not None:
        usage = replace(usage, contract={**registry.get(provider).descriptor.contract, **usage.contract})
    service = Service(name=name, provider=provider, low_balance=known.pop("low_balance", None))
    told: dict[str, Any] = {
        "fetched_at": NOW if usage else None,
        "stale": False,
        "failure": None,
        "override": None,
        "defaults": {},
        **known,
    }
    if usage is not None and not told["stale"]:
        usage = pace.forecast(usage, rates, NOW, NOW)
    return assess.report(service, usage=usage, **told)


def snapshot(*reports: Report) -> Snapshot:
    """A run at NOW."""
    status = assess.worst(report.status for report in reports) if reports else "error"
    return Snapshot(status=status, fetched_at=NOW, reports=reports)


def percent(id_: str, label: str, used: str | int, **more: Any) -> Quota:
    """A window of which only the percentage is known."""
    return Quota(id=id_, label=label, unit="percent", used=d(used), limit=Decimal(100), **more)


def look(**changes: Any) -> Look:
    """How the output may look: plain text of any width at NOW, in UTC."""
    return Look(**{"now": NOW, "zone": NOW.tzinfo, **changes})


CODEX = Usage(
    quotas=(
        percent(
            "five_hour", "5-hour limit", 28, window_seconds=18000, resets_at=NOW + timedelta(minutes=135)
        ),
        percent("weekly", "Weekly limit", 59, window_seconds=604800, resets_at=utc("2026-11-27T09:00:00")),
    ),
    balances=(Balance(id="credits", label="Credits", unit="credits", amount=d("112.4")),),
    account="me@example.com",
    plan=plan("Plus"),
    source="oauth",
    contract={"planType": "plus"},
)
COPILOT = Usage(
    quotas=(
        Quota(
            id="ai_credits",
            label="AI credits",
            unit="credits",
            used=d(1500),
            limit=d(1500),
            resets_at=NEXT_MONTH,
        ),
    ),
    spend=(Spend(id="overage", label="Overage", unit="usd", amount=d("4.2")),),
    account="octo-sample",
    plan=plan("Pro", monthlyLimit=1500),
)
OPENROUTER = Usage(
    quotas=(
        Quota(
            id="key_limit",
            label="Key limit (monthly)",
            unit="usd",
            used=d("341.39"),
            limit=d(500),
            resets_at=NEXT_MONTH,
        ),
    ),
    plan=plan("Pay as you go"),
)
CLAUDE = Usage(
    quotas=(
        percent("five_hour", "5-hour limit", 94, window_seconds=18000, resets_at=NOW + timedelta(minutes=41)),
        percent("weekly", "Weekly limit", 31, window_seconds=604800, resets_at=utc("2026-11-23T14:00:00")),
        percent("weekly_fable", "Weekly (Fable)", 77, scope="Fable", window_seconds=604800),
    ),
    notes=("the account's name could not be read",),
    plan=plan("Max 5x"),
)
REFUSED = Failure(
    kind="auth", message="the key was refused (401)", hint="make a new one at example.com/keys", retry_at=None
)
OUTAGE = Failure(
    kind="rate_limited",
    message="api.example.com asked us to wait (429)",
    hint=None,
    retry_at=NOW + timedelta(minutes=5),
)


def usual() -> Sequence[Report]:
    """Every state once: ok, exhausted, low, failed, and an old report behind a failure."""
    return (
        report("codex", CODEX, provider="codex"),
        report("copilot", COPILOT, provider="copilot"),
        report("openrouter", OPENROUTER),
        report("claude", CLAUDE, provider="claude"),
        report("team", failure=REFUSED),
        report(
            "spare", OPENROUTER, failure=OUTAGE, stale=True, fetched_at=NOW - timedelta(minutes=3, seconds=20)
        ),
    )
