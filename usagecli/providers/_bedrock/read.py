"""The calls to AWS, one after another, for one report on Bedrock.

Imports boto3, so only once something is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.client import Ask
from usagecli.errors import ProviderError
from usagecli.model import Quota, Spend, Usage
from usagecli.providers._bedrock.aws import BUDGETS, COST, IDENTITY, METRICS, QUOTAS, VALUES, Aws
from usagecli.providers._bedrock.errors import Operation
from usagecli.providers._bedrock.metrics import (
    NAMESPACE,
    Reading,
    Series,
    Span,
    last_hour,
    listed,
    query,
    today,
)
from usagecli.providers._bedrock.money import budget_quotas, cost_period, month_cost
from usagecli.providers._bedrock.usage import Allowance, allowances, day_series, minute_series, parse

# What one GetMetricData takes.
_QUERIES = 500


def read(ask: Ask, renew: str, rates: Mapping[frozenset[str], Decimal]) -> Usage:
    """Quotas and use, which the report cannot do without; then, best effort, all else."""
    now, aws = ask.now(), Aws(ask, renew)
    quotas = aws.pages(QUOTAS, ServiceCode="bedrock", MaxResults=100)
    known = allowances(quotas, aws.region)
    recent = listed(aws.pages(METRICS, Namespace=NAMESPACE, RecentlyActive="PT3H"))
    hour = _values(aws, minute_series(recent, known), last_hour(now))
    day = _day(aws, known, now)
    notes: list[str] = []
    account = _account(aws, notes)
    return parse(
        quotas,
        region=aws.region,
        now=now,
        hour=hour,
        day=day,
        account=f"{account}/{aws.region}" if account else None,
        rates=rates,
        spend=_cost(aws, now, notes) if ask.options.get("cost") else (),
        budgets=_budgets(aws, account, notes) if ask.options.get("budgets") else (),
        notes=notes,
    )


def _day(aws: Aws, known: Sequence[Allowance], now: datetime) -> Reading:
    if not any(allowance.kind == "TPD" for allowance in known):
        return Reading()
    # Models that were used this morning only are not among the recently active.
    metrics = listed(aws.pages(METRICS, Namespace=NAMESPACE))
    return _values(aws, day_series(metrics, known), today(now))


def _values(aws: Aws, series: Sequence[Series], span: Span) -> Reading:
    """The values of all series, as many in a call as it takes."""
    calls = []
    for start in range(0, len(series), _QUERIES):
        keys = series[start : start + _QUERIES]
        pages = aws.pages(
            VALUES,
            MetricDataQueries=[query(number, key, span) for number, key in enumerate(keys)],
            StartTime=span.start,
            EndTime=span.end,
            ScanBy="TimestampAscending",
        )
        calls.append((keys, pages))
    return Reading(calls=calls)


def _account(aws: Aws, notes: list[str]) -> str | None:
    pages = _optional(aws, IDENTITY, "the account's id", notes)
    return wire.as_text(pages[0].get("Account")) if pages else None


def _cost(aws: Aws, now: datetime, notes: list[str]) -> Sequence[Spend]:
    pages = _optional(
        aws,
        COST,
        "the cost",
        notes,
        TimePeriod=cost_period(now),
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
    )
    if pages is None:
        return ()
    spend, note = month_cost(pages, now)
    notes += [note] if note else []
    return spend


def _budgets(aws: Aws, account: str | None, notes: list[str]) -> Sequence[Quota]:
    if account is None:
        notes.append("the budgets could not be read: they need the account's id")
        return ()
    return budget_quotas(_optional(aws, BUDGETS, "the budgets", notes, AccountId=account) or ())


def _optional(
    aws: Aws, operation: Operation, what: str, notes: list[str], **parameters: Any
) -> list[Any] | None:
    """The pages of a call without which the report still stands."""
    try:
        return aws.pages(operation, enrich=True, **parameters)
    except ProviderError as error:
        notes.append(f"{what} could not be read: {error.message}")
        return None
