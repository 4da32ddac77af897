"""What CloudWatch is asked about Bedrock, and its answers -> points in time.

Instants are datetimes (as boto3 gives them), epochs or ISO 8601 text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from usagecli import wire

NAMESPACE = "AWS/Bedrock"
_ZERO = Decimal(0)

# The id of a model, and one of its metrics.
Series = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time that CloudWatch is asked about, in steps of `period_s`; `end` is exclusive."""

    start: datetime
    end: datetime
    period_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was asked of GetMetricData, call by call, and the pages that came back for each."""

    calls: Sequence[tuple[Sequence[Series], Sequence[Any]]] = ()


@dataclass(slots=True)
class Points:
    """Values by instant. `incomplete`: there are more, or may be, so that no sum of them is sure."""

    values: dict[datetime, Decimal] = field(default_factory=dict)
    incomplete: bool = False

    def __bool__(self) -> bool:
        return bool(self.values) or self.incomplete

    def add(self, others: Points, factor: Decimal = Decimal(1)) -> None:
        self.incomplete |= others.incomplete
        for at, value in others.values.items():
            self.values[at] = self.values.get(at, _ZERO) + value * factor

    @property
    def total(self) -> Decimal:
        return sum(self.values.values(), _ZERO)


Measured = Mapping[Series, Points]


def last_hour(now: datetime) -> Span:
    """The last 60 full minutes, minute by minute."""
    end = now.replace(second=0, microsecond=0)
    return Span(start=end - timedelta(hours=1), end=end, period_s=60)


def today(now: datetime) -> Span:
    """From 00:00 UTC to the next full minute: never empty, which would be refused."""
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Span(start=wire.day_start(now), end=end, period_s=3600)


def listed(pages: Iterable[Any]) -> dict[str, set[str]]:
    """The metrics of each model id, from pages of ListMetrics. Raises PayloadError.

    Shape of a page: {"Metrics": [{"MetricName": "Invocations", "Dimensions": [{"Name": "ModelId",
    "Value": "amazon.nova-lite-v1:0"}]}]}; series with further dimensions are parts of these.
    """
    found: dict[str, set[str]] = {}
    for page in pages:
        for row in wire.rows(wire.mapping(page, "body").get("Metrics"), "Metrics"):
            body = wire.as_mapping(row)
            name, dimensions = body.get("MetricName"), wire.as_rows(body.get("Dimensions"))
            only = wire.as_mapping(dimensions[0]) if len(dimensions) == 1 else {}
            model = only.get("Value") if only.get("Name") == "ModelId" else None
            if isinstance(name, str) and isinstance(model, str) and model:
                found.setdefault(model, set()).add(name)
    return found


def query(number: int, series: Series, span: Span) -> dict[str, Any]:
    """One entry of MetricDataQueries; its answer comes back under the id `m<number>`."""
    model, name = series
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": "ModelId", "Value": model}],
    }
    stat = {"Metric": metric, "Period": span.period_s, "Stat": "Sum"}
    return {"Id": f"m{number}", "MetricStat": stat, "ReturnData": True}


def measured(reading: Reading) -> dict[Series, Points]:
    """The points of every series asked for. Raises PayloadError."""
    found: dict[Series, Points] = {}
    for keys, pages in reading.calls:
        rows: dict[str, list[Mapping[str, Any]]] = {f"m{number}": [] for number in range(len(keys))}
        broken = False
        for page in pages:
            body = wire.mapping(page, "body")
            for row in map(wire.as_mapping, wire.rows(body.get("MetricDataResults"), "MetricDataResults")):
                rows.get(str(row.get("Id")), []).append(row)
            broken = broken or bool(body.get("Messages"))
        for key, parts in zip(keys, rows.values(), strict=True):
            found[key] = _points(parts)
            found[key].incomplete |= broken
    return found


def _points(rows: Sequence[Mapping[str, Any]]) -> Points:
    """One series from the parts of it that came on several pages."""
    found = Points()
    statuses = [row.get("StatusCode") for row in rows]
    # What is partial goes on with the next page; the last page has nowhere to go on to.
    found.incomplete = any(status not in (None, "Complete", "PartialData") for status in statuses) or (
        statuses[-1:] == ["PartialData"]
    )
    for row in rows:
        times, values = wire.as_rows(row.get("Timestamps")), wire.as_rows(row.get("Values"))
        found.incomplete |= len(times) != len(values)
        for time, value in zip(times, values, strict=False):
            at = time if isinstance(time, datetime) else wire.as_instant(time)
            amount = wire.as_number(value)
            if at is None or amount is None or amount < 0:
                found.incomplete = True
            else:
                found.values[at] = found.values.get(at, _ZERO) + amount
    return found
