"""A snapshot as metrics: the one place that says what `--format prometheus` and `push` export.

Every metric is a gauge in base units (ratios 0 to 1, seconds, epoch seconds), named as Prometheus
names them. What is not known gives no sample, never 0 and never NaN. Metrics are read by others
than the account's owner: no account, and no e-mail address in any label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

from usagecli.formatters.json import plain
from usagecli.model import Balance, Quota, Report, Snapshot, Spend, Status

_SERVICE = ("service", "provider")
_QUOTA = (*_SERVICE, "quota", "scope")
_BALANCE = (*_SERVICE, "balance", "scope")
_SPEND = (*_SERVICE, "spend")
STATUSES: tuple[Status, ...] = get_args(Status)
# What a quota or a balance can be: only a service fails.
_JUDGED = tuple(status for status in STATUSES if status != "error")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"'/|]+@[^\s@<>()\[\],;:\"'/|]+")

# Text, number, instant or nothing; what it is of is the fact's own affair.
Read = Callable[[Any], Decimal | float | datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A gauge: `unit` as UCUM has it (`1` for a ratio, `s`), "" where a label says it or it has none."""

    name: str
    about: str
    labels: tuple[str, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure; the labels have the metric's names, "" where there is nothing to say."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric with all of its samples, at least one."""

    metric: Metric
    samples: tuple[Sample, ...]


def _metric(name: str, about: str, labels: tuple[str, ...], unit: str = "") -> Metric:
    return Metric(name=f"usagecli_{name}", about=about, labels=labels, unit=unit)


_INFO = _metric(
    "service_info", "Always 1; the labels say more of the service.", (*_SERVICE, "plan", "source")
)
_SERVICE_STATUS = _metric(
    "service_status", "1 for the status that the service has, 0 for the others.", (*_SERVICE, "status")
)
_QUOTA_STATUS = _metric(
    "quota_status", "1 for the status that the quota has, 0 for the others.", (*_QUOTA, "status")
)
_BALANCE_STATUS = _metric(
    "balance_status", "1 for the status that the balance has, 0 for the others.", (*_BALANCE, "status")
)
_AGE = _metric("service_report_age_seconds", "How old the figures were when this was written.", _SERVICE, "s")
_OF_SERVICE: tuple[tuple[Metric, Read], ...] = (
    (
        _metric("service_fetch_success", "1 where the service answered, 0 where it failed.", _SERVICE),
        lambda report: report.failure is None,
    ),
    (
        _metric("service_stale", "1 where the figures are older than they should be, else 0.", _SERVICE),
        lambda report: report.stale if report.usage else None,
    ),
    (
        _metric("service_fetched_timestamp_seconds", "When the figures were read.", _SERVICE, "s"),
        lambda report: report.fetched_at,
    ),
)
_OF_QUOTA: tuple[tuple[Metric, Read], ...] = (
    (
        _metric("quota_used_ratio", "Part of the quota that is used; 1 is all.", _QUOTA, "1"),
        lambda quota: _ratio(quota.percent_used),
    ),
    (
        _metric("quota_remaining_ratio", "Part of the quota that remains, 0 to 1.", _QUOTA, "1"),
        lambda quota: _ratio(quota.percent_remaining),
    ),
    (_metric("quota_used", "What is used, in the unit named.", (*_QUOTA, "unit")), lambda quota: quota.used),
    (
        _metric("quota_limit", "What is allowed, in the unit named.", (*_QUOTA, "unit")),
        lambda quota: quota.limit,
    ),
    (
        _metric("quota_remaining", "What remains, in the unit named.", (*_QUOTA, "unit")),
        lambda quota: quota.remaining,
    ),
    (
        _metric("quota_unlimited", "1 where the quota has no limit, else 0.", _QUOTA),
        lambda quota: quota.unlimited,
    ),
    (
        _metric("quota_reset_timestamp_seconds", "When the quota comes back.", _QUOTA, "s"),
        lambda quota: quota.resets_at,
    ),
    (
        _metric("quota_window_seconds", "How long the quota's window is.", _QUOTA, "s"),
        lambda quota: quota.window_seconds,
    ),
)
_OF_BALANCE: tuple[tuple[Metric, Read], ...] = (
    (
        _metric("balance_amount", "What is left, in the unit named; below 0 is a debt.", (*_BALANCE, "unit")),
        lambda balance: balance.amount,
    ),
    (
        _metric("balance_unlimited", "1 where the balance has no end, else 0.", _BALANCE),
        lambda balance: balance.unlimited,
    ),
)
_OF_SPEND: tuple[tuple[Metric, Read], ...] = (
    (
        _metric("spend_amount", "What the period took so far, in the unit named.", (*_SPEND, "unit")),
        lambda spend: spend.amount,
    ),
)
# In the order of the page.
METRICS: tuple[Metric, ...] = (
    _INFO,
    _SERVICE_STATUS,
    *(metric for metric, _ in _OF_SERVICE),
    _AGE,
    *(metric for metric, _ in _OF_QUOTA),
    _QUOTA_STATUS,
    *(metric for metric, _ in _OF_BALANCE),
    _BALANCE_STATUS,
    *(metric for metric, _ in _OF_SPEND),
)

# A metric, what its labels may be made of, and the figure as it was found.
_Found = tuple[Metric, Mapping[str, str], Decimal | float | datetime | None]


def families(snapshot: Snapshot) -> tuple[Family, ...]:
    """The metrics that have a figure, each set of labels once."""
    found: dict[str, dict[tuple[str, ...], float]] = {metric.name: {} for metric in METRICS}
    for report in snapshot.reports:
        for metric, known, value in _facts(report, snapshot.fetched_at):
            figure = _figure(value)
            if figure is not None:
                # A second sample of the same labels would make the whole page invalid.
                labels = tuple(_label(known[name]) for name in metric.labels)
                found[metric.name].setdefault(labels, figure)
    return tuple(
        Family(metric=metric, samples=tuple(_samples(metric, found[metric.name])))
        for metric in METRICS
        if found[metric.name]
    )


def _samples(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Iterator[Sample]:
    for labels, value in found.items():
        yield Sample(labels=dict(zip(metric.labels, labels, strict=True)), value=value)


def _facts(report: Report, now: datetime) -> Iterator[_Found]:
    known = {"service": report.service.name, "provider": report.service.provider}
    yield from _statuses(_SERVICE_STATUS, known, report.status, STATUSES)
    yield from _each(_OF_SERVICE, known, report)
    if report.fetched_at is not None:
        # A clock that was set back makes nothing younger than new.
        yield _AGE, known, max(0.0, (now - report.fetched_at).total_seconds())
    usage = report.usage
    if usage is None:
        return
    yield _INFO, {**known, "plan": str((usage.plan or {}).get("name") or ""), "source": usage.source}, 1
    for quota in usage.quotas:
        yield from _of_quota(quota, known)
    for balance in usage.balances:
        yield from _of_balance(balance, known)
    for spend in usage.spend:
        yield from _of_spend(spend, known)


def _of_quota(quota: Quota, service: Mapping[str, str]) -> Iterator[_Found]:
    # The scope of a member's own limit is a person.
    scope = "" if quota.id.startswith("member:") else quota.scope or ""
    known = {**service, "quota": quota.id, "scope": scope, "unit": quota.unit}
    yield from _each(_OF_QUOTA, known, quota)
    yield from _statuses(_QUOTA_STATUS, known, quota.status, _JUDGED)


def _of_balance(balance: Balance, service: Mapping[str, str]) -> Iterator[_Found]:
    known = {**service, "balance": balance.id, "scope": balance.scope or "", "unit": balance.unit}
    yield from _each(_OF_BALANCE, known, balance)
    yield from _statuses(_BALANCE_STATUS, known, balance.status, _JUDGED)


def _of_spend(spend: Spend, service: Mapping[str, str]) -> Iterator[_Found]:
    yield from _each(_OF_SPEND, {**service, "spend": spend.id, "unit": spend.unit}, spend)


def _each(facts: Iterable[tuple[Metric, Read]], known: Mapping[str, str], of: object) -> Iterator[_Found]:
    for metric, read in facts:
        yield metric, known, read(of)


def _statuses(
    metric: Metric, known: Mapping[str, str], status: Status | None, among: Iterable[Status]
) -> Iterator[_Found]:
    """A sample for each status that there is; none where nothing is judged."""
    for one in among if status is not None else ():
        yield metric, {**known, "status": one}, one == status


def _ratio(percent: Decimal | None) -> Decimal | None:
    return None if percent is None else percent / 100


def _figure(value: Decimal | float | datetime | None) -> float | None:
    if value is None:
        return None
    figure = value.timestamp() if isinstance(value, datetime) else float(value)
    return figure if math.isfinite(figure) else None


def _label(text: str) -> str:
    """The text as UTF-8 can carry it, an e-mail address as a name that tells it from others."""
    return _EMAIL.sub(_pseudonym, str(plain(text)))


def _pseudonym(found: re.Match[str]) -> str:
    from hashlib import sha256

    return f"user-{sha256(found[0].encode()).hexdigest()[:8]}"
