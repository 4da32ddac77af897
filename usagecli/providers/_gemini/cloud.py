"""A Google Cloud project's limits and use of the Gemini API -> `Usage`.

Sources: Cloud Quotas (quotaInfos) and Cloud Monitoring (timeSeries), read 2026-11. Limits are per
day of California or per minute; use is the sum of what a window's points count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota, Usage

GEMINI_API, VERTEX = "generativelanguage.googleapis.com", "aiplatform.googleapis.com"
SERVICES = (GEMINI_API, VERTEX)
_NET_USAGE = "serviceruntime.googleapis.com/quota/rate/net_usage"
_MINUTE = timedelta(minutes=1)
_WINDOWS = {"minute": 60, "day": 86_400}
# Days are counted where Google counts them.
_PACIFIC = "America/Los_Angeles"
_UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of a project; `sole`: all use of its metric counts against it and no other."""

    quota_id: str
    label: str
    metric: str
    window_seconds: int
    dimensions: Mapping[str, str]
    value: int
    sole: bool


def limits(page: Any) -> list[Limit]:
    """The limits by day and by minute on a page of `quotaInfos`. Raises PayloadError.

    Shape: {"quotaInfos": [{"quotaId", "metric", "refreshInterval": "day", "quotaDisplayName",
    "dimensionsInfos": [{"dimensions": {"model": "..."}, "details": {"value": "1500"}}]}]}.
    """
    rows = wire.mapping(page, "body").get("quotaInfos")
    found = []
    for row in map(wire.as_mapping, [] if rows is None else wire.rows(rows, "quotaInfos")):
        id_, metric = wire.as_text(row.get("quotaId")), wire.as_text(row.get("metric"))
        window = _WINDOWS.get(str(row.get("refreshInterval")))
        if not id_ or not metric or window is None:
            continue
        label = wire.as_text(row.get("quotaDisplayName")) or wire.as_text(row.get("metricDisplayName"))
        for dimensions, value, sole in _values(row):
            found.append(
                Limit(
                    quota_id=id_,
                    label=label or id_,
                    metric=metric,
                    window_seconds=window,
                    dimensions=dimensions,
                    value=value,
                    sole=sole,
                )
            )
    return found


def _values(row: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, str], int, bool]]:
    """Dimensions, value and `sole` of every limit of one quota."""
    infos = [wire.as_mapping(info) for info in wire.as_rows(row.get("dimensionsInfos"))]
    by_model = "model" in wire.as_rows(row.get("dimensions"))
    for info in infos:
        dimensions = _labels(info.get("dimensions"))
        value = wire.as_whole(wire.as_mapping(info.get("details")).get("value"))
        if value is not None and value >= _UNLIMITED:
            # A limit for each model without a name is not one for all of them together.
            yield dimensions, value, len(infos) == 1 and ("model" in dimensions or not by_model)


def filters(found: Iterable[Limit], service: str) -> list[str]:
    """The filters of Monitoring for the use of these limits, the one for all of them first.

    That one does not tell models apart; the service's own metrics do, which exist for the Gemini API.
    """
    told = [
        f'metric.type="{_NET_USAGE}" AND resource.type="consumer_quota" '
        f'AND resource.label.service="{service}"'
    ]
    if service == GEMINI_API:
        names = dict.fromkeys(limit.metric for limit in found if "model" in limit.dimensions)
        own = (name.removeprefix(f"{GEMINI_API}/") for name in names if _is_plain(name))
        told += [f'metric.type="{GEMINI_API}/quota/{name}/usage"' for name in own]
    return told


def series(pages: Iterable[Any]) -> list[Any]:
    """The rows of all pages of `timeSeries`; a page without any has no data. Raises PayloadError."""
    bodies = [wire.mapping(page, "body") for page in pages]
    return [row for body in bodies for row in wire.as_rows(body.get("timeSeries"))]


def since(now: datetime) -> datetime:
    """The start of the longest window that is looked at."""
    return min(_window(now, window)[0] for window in _WINDOWS.values())


def parse(
    found: Iterable[Limit], series: Iterable[Any], *, now: datetime, project: str, notes: tuple[str, ...] = ()
) -> Usage:
    """One quota for every limit that a series of use belongs to. `series`: rows of `timeSeries`."""
    rows = [wire.as_mapping(row) for row in series]
    quotas = {quota.id: quota for limit in found if (quota := _quota(limit, rows, now)) is not None}
    if not quotas:
        notes = (*notes, "Google reported no use of this project's limits")
    return Usage(quotas=tuple(quotas.values()), account=project, notes=notes)


def _quota(limit: Limit, rows: list[Mapping[str, Any]], now: datetime) -> Quota | None:
    own = _series_of(limit, rows)
    if not own:
        return None
    start, end = _window(now, limit.window_seconds)
    unlimited = limit.value == _UNLIMITED
    values = list(limit.dimensions.values())
    return Quota(
        id=":".join([limit.quota_id, *values]),
        label=limit.label,
        scope=", ".join(values) or None,
        unit="tokens" if "token" in limit.metric.lower() else "requests",
        used=sum((_counted(row, start, end) for row in own), Decimal(0)),
        limit=None if unlimited else Decimal(limit.value),
        unlimited=unlimited,
        window_seconds=limit.window_seconds,
        resets_at=end if limit.window_seconds == _WINDOWS["day"] else None,
    )


def _series_of(limit: Limit, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The use that counts against a limit: by the service's own metric, else by the one for all."""
    name = limit.metric.removeprefix(f"{GEMINI_API}/")
    matching = [row for row in rows if _fits(row, limit)]
    own = [row for row in matching if _metric(row).get("type") == f"{GEMINI_API}/quota/{name}/usage"]
    return own or [row for row in matching if _labels_of(row).get("quota_metric") == limit.metric]


def _fits(row: Mapping[str, Any], limit: Limit) -> bool:
    """Whether a series is of a limit's model and place.

    One that does not say so fits only where there is no other limit that it could be of.
    """
    labels = _labels_of(row)
    told = [(value, labels.get(name)) for name, value in limit.dimensions.items()]
    if any(label is not None and label != value for value, label in told):
        return False
    return limit.sole or (bool(told) and all(label is not None for _, label in told))


def _counted(row: Mapping[str, Any], start: datetime, end: datetime) -> Decimal:
    """The sum of the points that end in the window."""
    total = Decimal(0)
    for point in map(wire.as_mapping, wire.as_rows(row.get("points"))):
        at = wire.as_instant(wire.as_mapping(point.get("interval")).get("endTime"))
        value = wire.as_number(wire.as_mapping(point.get("value")).get("int64Value"))
        if at is not None and value is not None and start < at <= end:
            total += value
    return total


def _window(now: datetime, seconds: int) -> tuple[datetime, datetime]:
    """Today in California, or the last full minute."""
    if seconds == _WINDOWS["minute"]:
        end = now.replace(second=0, microsecond=0)
        return end - _MINUTE, end
    # Few runs need it, and it costs the start of all.
    from zoneinfo import ZoneInfo

    midnight = now.astimezone(ZoneInfo(_PACIFIC)).replace(hour=0, minute=0, second=0, microsecond=0)
    # Added in local time: the days on which the clocks change are longer or shorter.
    return midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)


def _metric(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return wire.as_mapping(row.get("metric"))


def _labels_of(row: Mapping[str, Any]) -> Mapping[str, str]:
    resource = _labels(wire.as_mapping(row.get("resource")).get("labels"))
    labels = {**resource, **_labels(_metric(row).get("labels"))}
    # A place goes by either name.
    return {"region": labels["location"], **labels} if "location" in labels else labels


def _labels(value: Any) -> dict[str, str]:
    texts = ((name, wire.as_text(text)) for name, text in wire.as_mapping(value).items())
    return {name: text for name, text in texts if text}


def _is_plain(metric: str) -> bool:
    """Whether a metric's name is one of the Gemini API that can stand in a filter."""
    host, _, name = metric.partition("/")
    return host == GEMINI_API and name.replace("_", "").isalnum() and name.isascii()
