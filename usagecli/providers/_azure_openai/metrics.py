"""Deployments and Azure Monitor's metrics -> the busiest minute of each deployment against its limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota

_PROMPT, _GENERATED = "ProcessedPromptTokens", "GeneratedTokens"
_NAMES = f"{_PROMPT},{_GENERATED},TokenTransaction,AzureOpenAIRequests"
_DIMENSION = "modeldeploymentname"
_HOUR = timedelta(hours=1)
_ZERO = Decimal(0)

# Tokens by deployment (in lower case) and minute.
Minutes = Mapping[str, Mapping[datetime, Decimal]]


def params(now: datetime) -> dict[str, str]:
    """What to ask an account for: tokens by deployment and minute of the last hour."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "api-version": "2024-02-01",
        "metricnames": _NAMES,
        "timespan": f"{now - _HOUR:{form}}/{now:{form}}",
        "interval": "PT1M",
        "aggregation": "Total",
        "$filter": "ModelDeploymentName eq '*'",
    }


def parse(account: str, deployments: Iterable[Any], metrics: Iterable[Any]) -> list[Quota]:
    """One quota a deployment, in tokens a minute. Both are rows of Azure's lists.

    Shapes: {"name": "chat", "properties": {"rateLimits": [{"key": "token", "renewalPeriod": 60,
    "count": 50000}]}} with the period in seconds; {"name": {"value": "GeneratedTokens"}, "timeseries":
    [{"metadatavalues": [{"name": {"value": "modeldeploymentname"}, "value": "chat"}], "data":
    [{"timeStamp": "...Z", "total": 123.0}]}], "errorCode": "Success"}.
    """
    minutes = _minutes(list(metrics))
    found = {}
    for row in map(wire.as_mapping, deployments):
        name = wire.as_text(row.get("name"))
        if name is None:
            continue
        # What was answered without a series had no traffic.
        used = None if minutes is None else max(minutes.get(name.lower(), {}).values(), default=_ZERO)
        limit = _tokens_per_minute(wire.as_mapping(row.get("properties")))
        if used is None and limit is None:
            continue
        quota = Quota(
            id=f"{account}/{name}",
            label=f"{name} tokens/min (peak minute, last hour)",
            unit="tokens",
            scope=name,
            used=used,
            limit=limit,
            window_seconds=60,
        )
        found[quota.id] = quota
    return list(found.values())


def _tokens_per_minute(properties: Mapping[str, Any]) -> Decimal | None:
    for rule in map(wire.as_mapping, wire.as_rows(properties.get("rateLimits"))):
        count, period = wire.as_number(rule.get("count")), wire.as_number(rule.get("renewalPeriod"))
        if rule.get("key") == "token" and count is not None and count >= 0 and period and period > 0:
            return count * 60 / period
    return None


def _minutes(rows: list[Any]) -> Minutes | None:
    """The tokens of each minute, read and written together; None where either was not answered."""
    wanted = {_PROMPT.lower(), _GENERATED.lower()}
    answered, found = set(), dict[str, dict[datetime, Decimal]]()
    for row in map(wire.as_mapping, rows):
        name = str(wire.as_mapping(row.get("name")).get("value")).lower()
        if name not in wanted or row.get("errorCode") not in (None, "Success"):
            continue
        answered.add(name)
        for series in map(wire.as_mapping, wire.as_rows(row.get("timeseries"))):
            deployment = _deployment(series)
            if deployment is not None:
                _add(found.setdefault(deployment, {}), series)
    return found if answered == wanted else None


def _deployment(series: Mapping[str, Any]) -> str | None:
    for value in map(wire.as_mapping, wire.as_rows(series.get("metadatavalues"))):
        if str(wire.as_mapping(value.get("name")).get("value")).lower() == _DIMENSION:
            text = wire.as_text(value.get("value"))
            return text.lower() if text else None
    return None


def _add(minutes: dict[datetime, Decimal], series: Mapping[str, Any]) -> None:
    for point in map(wire.as_mapping, wire.as_rows(series.get("data"))):
        at, total = wire.as_instant(point.get("timeStamp")), wire.as_number(point.get("total"))
        # Without a total nothing was recorded.
        if at is not None and total is not None and total >= 0:
            minutes[at] = minutes.get(at, _ZERO) + total
