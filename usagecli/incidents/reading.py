"""Asks the pages: all at once, in threads of their own, so that nothing else waits for them.

An answer, and a failure too, stands for 5 minutes. Nothing that goes wrong here is more than `unknown`.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from usagecli import __version__, log
from usagecli.errors import PayloadError, ProviderError, Unavailable
from usagecli.incidents import kept
from usagecli.incidents.finding import Finding
from usagecli.model import Incident
from usagecli.urls import host_of, origin

if TYPE_CHECKING:
    import requests

    from usagecli.client import Transport
    from usagecli.collect import Progress
    from usagecli.incidents.pages import Feed, Page
    from usagecli.machine import Machine

LONGEST_S = 10.0
_CONNECT_S = 5.0
_TICK_S = 0.1
_MAX_BODY = 10_000_000
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": f"usagecli/{__version__}", "Accept": "*/*"}

# What reads an answer, and what folds the answers of a feed.
_Kind = tuple[Callable[[bytes], Any], Callable[..., Finding]]


class Reading:
    """Pages that are being read. Creating it starts the threads; `wait` gives what came of them."""

    def __init__(
        self, machine: Machine, pages: Iterable[Page], *, timeout_s: float, offline: bool = False
    ) -> None:
        self.machine = machine
        self._found: dict[Page, Incident] = {}
        self._answers: queue.SimpleQueue[Mapping[Page, Incident] | BaseException] = queue.SimpleQueue()
        # Pages that are read at the same address are asked once.
        self._waiting: dict[tuple[Feed, ...], list[Page]] = defaultdict(list)
        for page in dict.fromkeys(pages):
            known = kept.load(machine, page)
            if known is not None:
                self._found[page] = known
            elif offline or not page.feeds:
                why = "not asked (--offline)" if page.feeds else "this page is for people only"
                self._found[page] = unknown(page, why)
            else:
                self._waiting[page.feeds].append(page)
        if self._waiting:
            self._start(min(timeout_s, LONGEST_S))

    def wait(self, progress: Progress | None = None) -> Mapping[Page, Incident]:
        """What each page says, once all have answered or their time is over."""
        while self._waiting:
            left = self._transport.remaining()
            if left <= 0 and self._answers.empty():
                break
            try:
                answer = self._answers.get(timeout=max(0.0, min(left, _TICK_S)))
            except queue.Empty:
                if progress is not None:
                    progress([f"{pages[0].vendor}'s status page" for pages in self._waiting.values()])
                continue
            # A bug in a thread is shown by the main thread, like any other.
            if isinstance(answer, BaseException):
                raise answer
            self._found.update(answer)
            self._waiting.pop(next(iter(answer)).feeds)
        for page in (page for pages in self._waiting.values() for page in pages):
            self._found[page] = unknown(page, "no answer in time")
        return self._found

    def _start(self, timeout_s: float) -> None:
        from usagecli.client import Transport

        self._transport = Transport(timeout_s=timeout_s, trust_env=not self.machine.demo)
        self._transport.prepare()
        for pages in [list(pages) for pages in self._waiting.values()]:
            name = f"status page of {pages[0].vendor}"
            threading.Thread(target=self._work, args=(pages,), daemon=True, name=name).start()

    def _work(self, pages: Sequence[Page]) -> None:
        try:
            self._answers.put(_read(self.machine, self._transport, pages))
        except BaseException as error:  # noqa: BLE001
            self._answers.put(error)


def unknown(page: Page, why: str) -> Incident:
    """What is said of a page that says nothing."""
    return Incident(status="unknown", vendor=page.vendor, url=page.url, summary=why)


def _read(machine: Machine, transport: Transport, pages: Sequence[Page]) -> dict[Page, Incident]:
    """Ask the first address that can be read for all of these pages."""
    found: dict[Page, Incident] = {}
    session = _session(transport)
    try:
        for feed in pages[0].feeds:
            for page, incident in _tried(machine, transport, session, feed, pages).items():
                if page not in found or found[page].status == "unknown":
                    found[page] = incident
            if all(incident.status != "unknown" for incident in found.values()):
                break
    finally:
        session.close()
    for page, incident in found.items():
        # What only came too late is no word on the page.
        if incident.status != "unknown" or transport.remaining() > 0:
            kept.store(machine, page, incident)
    return found


def _tried(
    machine: Machine, transport: Transport, session: requests.Session, feed: Feed, pages: Sequence[Page]
) -> dict[Page, Incident]:
    """What one feed says of each of the pages."""
    decode, fold = _kind(feed.kind)
    now = machine.clock()
    try:
        bodies = [decode(_get(session, _address(machine, url), transport)) for url in feed.urls]
    except ProviderError as error:
        log.debug(f"status page of {pages[0].vendor}: {error.message}")
        return {page: unknown(page, f"could not be read: {error.message}") for page in pages}
    told = {}
    for page in pages:
        parts = () if feed.whole else page.parts
        told[page] = _folded(page, partial(fold, *bodies, parts=parts, now=now))
    return told


def _folded(page: Page, fold: Callable[[], Finding]) -> Incident:
    try:
        finding = fold()
    except PayloadError as error:
        log.debug(f"status page of {page.vendor}: {error.message}")
        return unknown(page, f"the page has changed ({error.message})")
    return Incident(
        status=finding.status,
        vendor=page.vendor,
        url=page.url,
        summary=finding.summary,
        started_at=finding.started_at,
    )


def _kind(name: str) -> _Kind:
    if name in ("statuspage", "incident.io"):
        from usagecli.incidents import statuspage

        return _json, statuspage.summary if name == "statuspage" else statuspage.feed
    if name == "instatus":
        from usagecli.incidents import instatus

        return _json, instatus.summary
    if name == "google":
        from usagecli.incidents import google

        return _json, google.incidents
    if name == "aws":
        from usagecli.incidents import aws

        return _json, aws.events
    from usagecli.incidents import feeds, xml

    return xml.items, {"recent": feeds.recent, "xai": feeds.xai, "azure": feeds.azure}[name]


def _json(data: bytes) -> Any:
    """JSON in whichever encoding its first bytes show, whatever its header says."""
    try:
        return json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise PayloadError("body: not JSON") from None


def _address(machine: Machine, url: str) -> str:
    """Where the page is asked: where it is, or where the demo replays it."""
    if machine.status_pages is None:
        return url
    return f"{machine.status_pages}/{url.removeprefix('https://')}"


def _session(transport: Transport) -> requests.Session:
    """A session that keeps and sends no cookie."""
    session = transport.session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _get(session: requests.Session, url: str, transport: Transport) -> bytes:
    """The body of a 200. Raises ProviderError; a redirect leads to https or nowhere."""
    from usagecli.transport import exchange, join

    until = time.monotonic() + transport.remaining()
    for _ in range(_MAX_REDIRECTS):
        left, host = until - time.monotonic(), host_of(url)
        if left <= 0:
            raise Unavailable(f"{host} did not answer in time")
        status, headers, body = exchange(
            session,
            "GET",
            url,
            params=None,
            headers=_HEADERS,
            data=None,
            timeout=(min(_CONNECT_S, left), left),
            until=until,
            host=host,
            limit=_MAX_BODY,
        )
        log.debug(f"GET {url.partition('?')[0]} -> {status}, {len(body)} bytes")
        if status not in _REDIRECTS or "location" not in headers:
            if status != 200:
                raise Unavailable(f"{host} answered {status}")
            return body
        url = join(url, headers["location"])
        if origin(url)[0] != "https" or not origin(url)[1]:
            raise PayloadError(f"redirect: {host} does not lead to https")
    raise PayloadError(f"redirect: {host_of(url)} sends us in circles")
