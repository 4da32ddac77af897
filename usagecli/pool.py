"""Several accounts of one provider, seen as one pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from usagecli.model import Quota, Report

_WEEK_S = 604_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Fullest:
    """The account with the highest weekly use."""

    report: Report
    quota: Quota
    percent_used: Decimal
    resets_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`failing` accounts are in neither of the other two numbers; unlimited ones add no credits."""

    provider: str
    accounts: int
    active: int
    exhausted: int
    failing: int
    credits: Decimal | None
    credits_usd: Decimal | None
    unlimited_accounts: int
    overage_reached: bool
    fullest: Fullest | None


def pools(reports: Sequence[Report], credits_per_usd: Decimal) -> tuple[Pool, ...]:
    """A pool for each provider with two or more services, in the order of the first of each."""
    providers = dict.fromkeys(report.service.provider for report in reports)
    groups = {name: [r for r in reports if r.service.provider == name] for name in providers}
    return tuple(_pool(name, group, credits_per_usd) for name, group in groups.items() if len(group) > 1)


def _pool(provider: str, reports: Sequence[Report], credits_per_usd: Decimal) -> Pool:
    wallets = [
        balance
        for report in reports
        if report.usage is not None
        for balance in report.usage.balances
        if balance.id == "credits" and balance.unit == "credits"
    ]
    amounts = [wallet.amount for wallet in wallets if wallet.amount is not None and not wallet.unlimited]
    total = sum(amounts, Decimal(0)) if wallets else None
    exhausted = [_is_exhausted(report) for report in reports]
    failing = [report.status == "error" for report in reports]
    return Pool(
        provider=provider,
        accounts=len(reports),
        active=len(reports) - sum(exhausted) - sum(failing),
        exhausted=sum(exhausted),
        failing=sum(failing),
        credits=total,
        credits_usd=_in_usd(total, credits_per_usd),
        unlimited_accounts=sum(wallet.unlimited for wallet in wallets),
        overage_reached=any(report.usage is not None and report.usage.overage_reached for report in reports),
        fullest=_fullest(reports),
    )


def _in_usd(amount: Decimal | None, credits_per_usd: Decimal) -> Decimal | None:
    if amount is None or not credits_per_usd.is_finite() or credits_per_usd <= 0:
        return None
    return amount / credits_per_usd


def _is_exhausted(report: Report) -> bool:
    """Whether the pool should turn to another account: also where only code review is spent."""
    if report.status == "error":
        return False
    quotas = report.usage.quotas if report.usage is not None else ()
    return report.status == "exhausted" or any(
        quota.scope == "code_review" and quota.status == "exhausted" for quota in quotas
    )


def _fullest(reports: Sequence[Report]) -> Fullest | None:
    best: Fullest | None = None
    for report in reports:
        for quota in report.usage.quotas if report.usage is not None else ():
            if quota.window_seconds != _WEEK_S or quota.scope is not None:
                continue
            percent = Decimal(100) if quota.reached else quota.percent_used
            if percent is not None and (best is None or percent > best.percent_used):
                best = Fullest(report=report, quota=quota, percent_used=percent, resets_at=quota.resets_at)
    return best
