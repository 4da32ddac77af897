"""Cloud Monitoring's series of quota use and limits: how they are asked, and what they make -> `Usage`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from usagecli import wire
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError
from usagecli.model import Quota, Usage
from usagecli.providers._gemini.errors import rate_limited
from usagecli.providers._gemini.pages import pages
from usagecli.providers._vertexai.credentials import SIGN_IN, USER, project_of
from usagecli.providers._vertexai.token import access_token
from usagecli.providers._web import web_page

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask

_METRIC = "serviceruntime.googleapis.com/quota/"
_OF_VERTEX = 'resource.type="consumer_quota" AND resource.label.service="aiplatform.googleapis.com"'
_SPAN = timedelta(hours=24)
# How a limit says that there is none, and the largest numbers, which say the same.
_NO_LIMIT, _LARGEST = Decimal(-1), (2**63 - 1, str(2**63 - 1), 2.0**63)


def fetch_project(ask: Ask) -> Usage:
    """Read one project: its use, then its limits. Raises as the provider's `fetch` does."""
    project = project_of(ask.options.get("project"), ask.credential, ask.machine)
    if project is None:
        raise NotConfigured(
            "the Google Cloud project is not known", hint="set GOOGLE_CLOUD_PROJECT, or the option project"
        )
    headers = {"Authorization": f"Bearer {access_token(ask).reveal()}"}
    quota_project = ask.credential.facts.get("quota_project")
    if ask.credential.kind == USER and quota_project:
        headers["x-goog-user-project"] = quota_project
    client, now = ask.client(headers=headers), ask.now()
    path = f"/v3/projects/{quote(project, safe='')}/timeSeries"
    found = []
    for kind in ("allocation/usage", "limit"):
        params = {
            "filter": f'metric.type="{_METRIC}{kind}" AND {_OF_VERTEX}',
            "interval.startTime": f"{now - _SPAN:%Y-%m-%dT%H:%M:%SZ}",
            "interval.endTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "aggregation.alignmentPeriod": "3600s",
            "aggregation.perSeriesAligner": "ALIGN_MAX",
            "view": "FULL",
        }
        found.append(list(pages(client, path, params, until=ask.transport.deadline, judge=_judge)))
    usage, limits = found
    return parse(usage, limits, project=project)


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status == 401:
        return AuthError("Google refused the token (401)", hint=SIGN_IN)
    if answer.status == 403:
        return web_page(answer) or AuthError(
            "Google refused to tell the project's quotas (403)",
            hint="give the account the role Monitoring Viewer, and switch on the Cloud Monitoring API",
        )
    if answer.status == 404:
        return AuthError(
            "Google knows no such project, or does not show it (404)", hint="correct GOOGLE_CLOUD_PROJECT"
        )
    return rate_limited(answer) if answer.status == 429 else None


# -- answers -> `Usage` -----------------------------------------------------------------------------


# Metric, location, and the limit's name where the series tells it.
_Key = tuple[str, str, str | None]


def parse(usage: list[Any], limits: list[Any], *, project: str) -> Usage:
    """Map the pages of both lists to one quota for every limit that is in use, the fullest first.

    Shape of a page: {"timeSeries": [{"metric": {"labels": {"quota_metric", "limit_name"}}, "resource":
    {"labels": {"location"}}, "points": [{"value": {"int64Value": "12"}}]}]}; without `timeSeries` it
    has no data. Raises PayloadError.
    """
    known = _greatest_of(limits)
    matched: dict[_Key, tuple[Decimal, Decimal]] = {}
    for key, used in _greatest_of(usage).items():
        limit = _limit_of(key, known)
        if limit is not None:
            matched[limit] = max(used, matched.get(limit, (used,))[0]), known[limit]
    if not matched:
        raise PayloadError("timeSeries: no quota data of Vertex AI in the last 24 h")
    return Usage(quotas=tuple(_quotas(matched)), account=project, source="oauth")


def _greatest_of(found: list[Any]) -> dict[_Key, Decimal]:
    """The greatest value in the span of each metric, location and limit's name."""
    values: dict[_Key, Decimal] = {}
    for page in found:
        rows = wire.mapping(page, "body").get("timeSeries")
        for row in map(wire.as_mapping, [] if rows is None else wire.rows(rows, "timeSeries")):
            labels = wire.as_mapping(wire.as_mapping(row.get("metric")).get("labels"))
            places = wire.as_mapping(wire.as_mapping(row.get("resource")).get("labels"))
            metric, location = wire.as_text(labels.get("quota_metric")), wire.as_text(places.get("location"))
            value = _greatest(row.get("points"))
            if metric and location and value is not None:
                key = metric, location, wire.as_text(labels.get("limit_name"))
                values[key] = max(value, values.get(key, value))
    return values


def _greatest(points: Any) -> Decimal | None:
    values = (wire.as_mapping(wire.as_mapping(point).get("value")) for point in wire.as_rows(points))
    found = (_number(wire.first(value, "int64Value", "doubleValue")) for value in values)
    return max((number for number in found if number is not None), default=None)


def _number(value: Any) -> Decimal | None:
    return _NO_LIMIT if value in _LARGEST else wire.as_number(value)


def _limit_of(used: _Key, known: Mapping[_Key, Decimal]) -> _Key | None:
    """The limit that a use counts against: never one of another region."""
    if used[2] is not None:
        return used if used in known else None
    # Without a name only where it is clear which one is meant.
    fitting = [limit for limit in known if limit[:2] == used[:2]]
    return fitting[0] if len(fitting) == 1 else None


def _quotas(matched: Mapping[_Key, tuple[Decimal, Decimal]]) -> list[Quota]:
    """The quotas in use; without a limit (-1) and unused ones are left out."""
    quotas: dict[str, Quota] = {}
    for (metric, location, told), (used, limit) in matched.items():
        if limit <= 0 or used <= 0:
            continue
        name = told or metric
        id_ = f"{name}:{location}"
        # One name may be that of limits on several metrics.
        id_ = f"{id_}:{metric}" if id_ in quotas else id_
        quotas[id_] = Quota(
            id=id_,
            label=name,
            scope=f"{location} {metric}",
            unit="tokens" if "token" in metric.lower() else "requests",
            used=used,
            limit=limit,
        )
    return sorted(quotas.values(), key=lambda quota: quota.percent_used or 0, reverse=True)
