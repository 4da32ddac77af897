"""Azure Resource Manager, asked for one subscription: its lists page by page, and its errors.

A list is `{"value": [...], "nextLink": "https://..."}`; an error `{"error": {"code": "...", ...}}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from usagecli import wire
from usagecli.client import Answer, Client, retry_at, usual_error
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, ServiceError, Unavailable
from usagecli.urls import origin

_ENRICH_S = 5.0
_MAX_PAGES = 20
QUOTA_ROLE = "Cognitive Services Usages Reader"
READER = "Reader"
METRICS_ROLE = "Monitoring Reader"
COST_ROLE = "Cost Management Reader"
_NO_SUBSCRIPTION = ("SubscriptionNotFound", "InvalidSubscriptionId")
_NO_REGION = ("LocationNotAvailableForResourceType", "NoRegisteredProviderFound")
# Cost Management names its waits by what ran out; together they say when to come back.
_COST_WAITS = tuple(
    f"x-ms-ratelimit-microsoft.costmanagement-{what}-retry-after" for what in ("qpu", "entity", "tenant")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One subscription. Its methods raise ProviderError.

    `role` is the one that a refusal is for want of; `enrich`: the report stands without the call, so
    it is given less time. `region` is named where Azure does not know it.
    """

    client: Client
    subscription: str
    renew: str

    def rows(
        self, path: str, params: Mapping[str, str], *, role: str, enrich: bool = False, region: str = ""
    ) -> list[Any]:
        """The rows of all pages of a list."""
        until = self._until(enrich)

        def send(client: Client, path: str, first: bool) -> Answer:
            left = max(until - time.monotonic(), 0.001)
            return client.get(path, params=params if first else None, timeout_s=left)

        pages = self._pages(path, send, lambda page: page, role, region)
        return [row for page in pages for row in wire.rows(page.get("value"), "value")]

    def query(self, path: str, body: Any, *, role: str) -> list[Mapping[str, Any]]:
        """The `properties` of all pages of a cost query; none where Azure has no data."""
        until = self._until(True)

        def send(client: Client, path: str, _first: bool) -> Answer:
            return client.post(path, body, timeout_s=max(until - time.monotonic(), 0.001))

        pages = self._pages(path, send, _properties, role, "")
        return [_properties(page) for page in pages]

    def _until(self, enrich: bool) -> float:
        left = self.client.ask.transport.remaining()
        # Never all the time that is left: one that hangs would cost the figures that are already here.
        return time.monotonic() + (min(_ENRICH_S, left / 2) if enrich else left)

    def _pages(
        self,
        path: str,
        send: Callable[[Client, str, bool], Answer],
        linked: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        role: str,
        region: str,
    ) -> Iterator[Mapping[str, Any]]:
        """Page after page; `linked` gives the part of one in which the link to the next stands."""
        client = self.client
        for number in range(_MAX_PAGES):
            answer = send(client, path, number == 0)
            if answer.status == 204:
                return
            page = wire.mapping(self._body(answer, role, region), "body")
            yield page
            link = linked(page).get("nextLink")
            if not isinstance(link, str) or not link:
                return
            client, path = self._following(link)
        raise PayloadError("nextLink: Azure gives pages without end")

    def _following(self, link: str) -> tuple[Client, str]:
        """Where a link leads: as it is, but with the token to no other host."""
        if origin(link) != origin(self.client.base_url):
            raise PayloadError("nextLink: leads to another host; the token stays here", hint="check base_url")
        parts = urlsplit(link)
        root = f"{parts.scheme}://{parts.netloc}"
        return self.client.ask.client(root, self.client.headers), link[len(root) :]

    # -- what an answer means -------------------------------------------------------------------------

    def _body(self, answer: Answer, role: str, region: str) -> Any:
        if answer.status == 200 and not answer.is_html:
            return answer.json()
        raise self._refusal(answer, role, region) or usual_error(answer, self.client.ask.descriptor)

    def _refusal(self, answer: Answer, role: str, region: str) -> ProviderError | None:
        if answer.is_html:
            # A gateway in between speaks, not the API.
            return Unavailable(
                f"{answer.host} answered with a web page ({answer.status})", hint="try again later"
            )
        code = _code(answer)
        if answer.status == 401:
            return AuthError(f"Azure refused the token (401{f', {code}' if code else ''})", hint=self.renew)
        if answer.status == 403:
            return AuthError(
                f"Azure refused to answer (403): the role {role} is missing",
                hint=f"give {role} on the subscription {self.subscription} to the account that is signed in",
            )
        if code in _NO_SUBSCRIPTION:
            return ServiceError(
                f"Azure knows no subscription {self.subscription} ({code})",
                hint="see: az account list -o table",
            )
        if code in _NO_REGION and region:
            return ServiceError(
                f"Azure OpenAI is not in the region {region} ({code})",
                hint="correct AZURE_LOCATION, or the option location",
            )
        if answer.status == 429:
            return RateLimited(f"{answer.host} asked us to wait (429)", retry_at=_longest_wait(answer))
        return None


def _properties(page: Mapping[str, Any]) -> Mapping[str, Any]:
    return wire.as_mapping(page.get("properties"))


def _code(answer: Answer) -> str | None:
    try:
        error = wire.as_mapping(wire.as_mapping(answer.json()).get("error"))
    except PayloadError:
        return None
    return wire.as_text(error.get("code"))


def _longest_wait(answer: Answer) -> datetime | None:
    names = ("retry-after", *_COST_WAITS)
    found = [until for name in names if (until := retry_at(answer.headers.get(name, ""), answer.at))]
    return max(found, default=None)
