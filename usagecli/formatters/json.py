"""The JSON document of a service and the snapshot of a run: the contract that scripts rely on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import registry
from usagecli.pool import Pool, pools

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Balance, Drain, Failure, Incident, Pace, Quota, Report, Snapshot, Spend

SCHEMA_VERSION = 1


def render(snapshot: Snapshot, look: Look) -> str:
    """One snapshot, or (`look.apart`) one document a service; each on one line unless indented."""
    bodies = (
        [document(report) for report in snapshot.reports] if look.apart else [snapshot_document(snapshot)]
    )
    return "\n".join(text_of(body, look) for body in bodies)


def text_of(body: Mapping[str, Any], look: Look) -> str:
    """A document as text: on one line unless indented, ASCII where the output can carry no more."""
    return json.dumps(body, ensure_ascii=not look.unicode, indent=2 if look.indent else None)


def snapshot_document(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `status --json`."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "status": snapshot.status,
        "fetchedAt": instant(snapshot.fetched_at),
        "services": [document(report) for report in snapshot.reports],
        "pools": [_pool(pool) for pool in pools(snapshot.reports, snapshot.credits_per_usd)],
    }


def document(report: Report) -> dict[str, Any]:
    """The document of one service, the provider's own keys last. Every value is plain JSON."""
    usage = report.usage
    body: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "provider": report.service.provider,
        "service": report.service.name,
        "account": usage.account if usage else None,
        "plan": usage.plan if usage else None,
        "status": report.status,
        "source": usage.source if usage else None,
        "fetchedAt": instant(report.fetched_at),
        "stale": report.stale and usage is not None,
        "quotas": [_quota(quota) for quota in usage.quotas] if usage else [],
        "balances": [_balance(balance) for balance in usage.balances] if usage else [],
        "spend": [_spend(spend) for spend in usage.spend] if usage else [],
        "notes": list(usage.notes) if usage else [],
        "error": _error(report.failure),
        "incident": _incident(report.incident),
    }
    contract = usage.contract if usage else registry.get(report.service.provider).descriptor.contract
    # A provider's key never takes the place of one of ours: no key may mean two things.
    body.update((key, value) for key, value in contract.items() if key not in body)
    return {key: plain(value) for key, value in body.items()}


def plain(value: Any) -> Any:
    """The value as JSON can carry it: no NaN, no Infinity, numbers as numbers, text as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {str(plain(str(key))): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value]


def instant(value: datetime | None) -> str | None:
    """`2026-11-21T08:00:00Z`, fractions of a second cut off."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quota(quota: Quota) -> dict[str, Any]:
    return {
        "id": quota.id,
        "label": quota.label,
        "scope": quota.scope,
        "unit": quota.unit,
        "used": quota.used,
        "limit": quota.limit,
        "remaining": quota.remaining,
        "percentUsed": quota.percent_used,
        "percentRemaining": quota.percent_remaining,
        "unlimited": quota.unlimited,
        "windowSeconds": quota.window_seconds,
        "resetsAt": instant(quota.resets_at),
        "refill": {"amount": quota.refill.amount, "everySeconds": quota.refill.every_seconds}
        if quota.refill
        else None,
        "status": quota.status,
        "pace": _pace(quota.pace),
    }


def _balance(balance: Balance) -> dict[str, Any]:
    return {
        "id": balance.id,
        "label": balance.label,
        "scope": balance.scope,
        "unit": balance.unit,
        "amount": balance.amount,
        "unlimited": balance.unlimited,
        "status": balance.status,
        "pace": _drain(balance.pace),
    }


def _pace(pace: Pace | None) -> dict[str, Any] | None:
    if pace is None:
        return None
    return {
        "basis": pace.basis,
        "expectedPercentUsed": pace.expected_percent_used,
        "projectedPercentUsed": pace.projected_percent_used,
        "runsOutAt": instant(pace.runs_out_at),
        "lasts": pace.lasts,
    }


def _drain(drain: Drain | None) -> dict[str, Any] | None:
    if drain is None:
        return None
    return {
        "basis": "history",
        "perDay": drain.per_day,
        "daysLeft": drain.days_left,
        "runsOutAt": instant(drain.runs_out_at),
    }


def _spend(spend: Spend) -> dict[str, Any]:
    return {
        "id": spend.id,
        "label": spend.label,
        "unit": spend.unit,
        "amount": spend.amount,
        "since": instant(spend.since),
        "until": instant(spend.until),
    }


def _error(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "kind": failure.kind,
        "message": failure.message,
        "hint": failure.hint,
        "retryAt": instant(failure.retry_at),
    }


def _incident(found: Incident | None) -> dict[str, Any] | None:
    if found is None:
        return None
    from usagecli.formatters import incident

    return incident.body(found)


def _pool(pool: Pool) -> dict[str, Any]:
    fullest = pool.fullest
    body = {
        "provider": pool.provider,
        "accounts": pool.accounts,
        "active": pool.active,
        "exhausted": pool.exhausted,
        "failing": pool.failing,
        "credits": pool.credits,
        "creditsUsd": pool.credits_usd,
        "unlimitedAccounts": pool.unlimited_accounts,
        "overageReached": pool.overage_reached,
        "fullest": None
        if fullest is None
        else {
            "service": fullest.report.service.name,
            "account": fullest.report.usage.account if fullest.report.usage else None,
            "quota": fullest.quota.id,
            "percentUsed": fullest.percent_used,
            "resetsAt": instant(fullest.resets_at),
        },
    }
    return {key: plain(value) for key, value in body.items()}
