"""A Google Cloud project: its limits by Cloud Quotas, and their use by Cloud Monitoring."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from usagecli.client import Ask
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.model import Usage
from usagecli.providers._gemini import cloud
from usagecli.providers._gemini.errors import judge_cloud
from usagecli.providers._gemini.login import Login
from usagecli.providers._gemini.pages import pages

_CLOUD_QUOTAS = "https://cloudquotas.googleapis.com"
_MONITORING = "https://monitoring.googleapis.com"
# A project has limits on many models, of few metrics.
_MAX_METRICS = 10


def fetch(ask: Ask, project: str | None) -> Usage:
    """Read one project. Raises as the provider's `fetch` does."""
    service = ask.options.get("cloud_service") or cloud.GEMINI_API
    if project is None:
        raise NotConfigured(
            "the Google Cloud project is not given", hint="set the option project, or GOOGLE_CLOUD_PROJECT"
        )
    if service not in cloud.SERVICES:
        raise ServiceError(
            f"cloud_service is none of {' and '.join(cloud.SERVICES)}", hint="correct the option"
        )
    _check_token(ask)
    login, now = Login(ask), ask.now()
    quoted = quote(project, safe="")
    path = f"/v1/projects/{quoted}/locations/global/services/{service}/quotaInfos"
    listed = _read_all(login, _CLOUD_QUOTAS, path, {"pageSize": "500"}, project)
    found = [limit for page in listed for limit in cloud.limits(page)]
    series, notes = _series(login, project, cloud.filters(found, service), now) if found else ([], [])
    return cloud.parse(found, series, now=now, project=project, notes=tuple(notes))


def _check_token(ask: Ask) -> None:
    """Any token of Google's may be configured; a key is none."""
    credential = ask.credential
    bare = ask.service.credential is not None and not credential.secret.reveal().startswith("AIza")
    if credential.kind == "key" and not bare:
        raise NotConfigured(
            "Google Cloud takes no API key, and the option cloud is set",
            hint="give an access token: credential: {command: gcloud auth print-access-token}",
        )


def _series(login: Login, project: str, filters: list[str], now: datetime) -> tuple[list[Any], list[str]]:
    """The series of use: of the metric for all limits, and as far as time allows of those by model."""
    path = f"/v3/projects/{quote(project, safe='')}/timeSeries"
    params = {
        "interval.startTime": f"{cloud.since(now):%Y-%m-%dT%H:%M:%SZ}",
        "interval.endTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "pageSize": "10000",
    }
    main, *others = [{**params, "filter": told} for told in filters]
    read = _read_all(login, _MONITORING, path, main, project)
    until = time.monotonic() + login.ask.transport.spare()
    try:
        for more in others[:_MAX_METRICS]:
            read += _read_all(login, _MONITORING, path, more, project, until=until)
    except ProviderError as error:
        return cloud.series(read), [f"use by model could not be read: {error.message}"]
    return cloud.series(read), []


def _read_all(
    login: Login, host: str, path: str, params: Mapping[str, str], project: str, until: float | None = None
) -> list[Any]:
    """All pages of a list of the project's."""
    ask = login.ask
    end = ask.transport.deadline if until is None else until

    def send(headers: dict[str, str]) -> list[Any]:
        # Whom the call is billed to: a token of a person belongs to no project.
        client = ask.client(ask.service.base_url or host, {**headers, "X-Goog-User-Project": project})
        return list(pages(client, path, params, until=end, judge=judge_cloud))

    return login.read(send)
