"""HTTP for providers: bound to one origin and its headers, bounded in time and size.

A `Transport` serves one run: its deadline and the trust store, loaded once for all services. An
`Ask` is what a provider's `fetch` is given: the service, its credential and options, the clock, and
`client()` for an origin. Every exception of requests ends here, as one of ours; messages are made
of host and status, never of a URL, a header or a body. `requests` itself is imported when the
first client is made: it costs more than all the rest of a start.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from usagecli import __version__, log
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, ServiceError, Unavailable
from usagecli.urls import host_of, origin

if TYPE_CHECKING:
    import requests

    from usagecli.credentials import Credential
    from usagecli.machine import Machine
    from usagecli.model import Service
    from usagecli.registry import Descriptor

MAX_BODY = 10_000_000
# The pauses before the second and the third try.
_BACKOFF_S = (0.3, 0.9)
_RETRIED = (502, 503, 504)
_CONNECT_S = 8.0
_READ_S = 15.0
_ENRICH_S = 5.0
_MAX_REDIRECTS = 5
# No provider means to send us away for longer; a Retry-After beyond this is taken as this.
_LONGEST_WAIT = timedelta(days=7)

Judge = Callable[["Answer"], ProviderError | None]
# Sees where a redirect leads, before it is followed, and may name the error for it (a sign-in page).
Moved = Callable[[str], ProviderError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str
    at: datetime

    def json(self) -> Any:
        """The body as JSON, NaN and Infinity as None. Raises PayloadError."""
        try:
            return json.loads(self.body, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            what = "a web page" if self.is_html else "something that is not JSON"
            raise PayloadError(f"body: {self.host} answered with {what}") from None

    @property
    def is_html(self) -> bool:
        head = self.body[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or head.startswith((b"<!doctype", b"<html"))

    @property
    def retry_at(self) -> datetime | None:
        """Until when `Retry-After` (seconds or a date) asks us to wait; None for none, 0 or nonsense."""
        return retry_at(self.headers.get("retry-after", ""), self.at)


class Transport:
    """What all clients of one run share. Times are of `time.monotonic`."""

    def __init__(self, *, timeout_s: float, trust_env: bool = True) -> None:
        self.timeout_s = timeout_s
        self.deadline = time.monotonic() + timeout_s
        self.trust_env = trust_env

    def remaining(self) -> float:
        """Seconds until the run's deadline."""
        return self.deadline - time.monotonic()

    def spare(self) -> float:
        """Seconds that a call may take which only enriches a report.

        Never all that is left: one that hangs would cost the figures that are already here.
        """
        return min(_ENRICH_S, self.remaining() / 2)

    def prepare(self) -> None:
        """Import requests here and now, not in every thread at once."""
        import usagecli.transport  # noqa: F401

    def session(self) -> requests.Session:
        """A session with the shared trust store, no `.netrc` and no retries of its own."""
        from usagecli.transport import new_session

        return new_session(trust_env=self.trust_env)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Everything that a provider's `fetch` may use."""

    service: Service
    descriptor: Descriptor
    credential: Credential
    options: Mapping[str, Any]
    machine: Machine
    transport: Transport
    # True: what the vendor does not document is not asked, not even to enrich a report.
    documented_only: bool = False
    _sessions: list[Any] = field(default_factory=list)

    def now(self) -> datetime:
        """Aware UTC."""
        return self.machine.clock()

    @property
    def base_url(self) -> str:
        """The service's `base_url`, else the provider's own; no slash at the end."""
        return self.service.base_url or self.descriptor.base_url

    def client(self, base_url: str | None = None, headers: Mapping[str, str] | None = None) -> Client:
        """A client for one origin (the service's own unless given), with these headers."""
        if not self._sessions:
            self._sessions.append(self.transport.session())
        return Client(
            ask=self,
            base_url=(base_url or self.base_url).rstrip("/"),
            headers=headers or {},
            session=self._sessions[0],
        )

    def close(self) -> None:
        for session in self._sessions:
            session.close()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    params: Mapping[str, str] | None
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Requests below one base URL. The headers, and so the credential, go to its origin only."""

    ask: Ask
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    session: requests.Session = field(repr=False)

    def get_json(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        judge: Judge | None = None,
    ) -> Any:
        """The JSON of a 200. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.

        `judge` sees every answer other than 200 first and may name the error for it; `timeout_s`
        bounds the whole call, for what only enriches a report.
        """
        return self._read(self.get(path, params=params, headers=headers, timeout_s=timeout_s), judge)

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        moved: Moved | None = None,
    ) -> Answer:
        """One answer of whatever status; retried where asking again is safe and may help."""
        until = self._until(timeout_s)
        merged = self._merged(headers)
        for pause in (*_BACKOFF_S, None):
            try:
                answer = self._once(_Request("GET", self.base_url + path, params, merged), until, moved)
            except Unavailable as error:
                if pause is None or not error.dropped:
                    raise
            else:
                if pause is None or answer.status not in _RETRIED or answer.retry_at is not None:
                    return answer
            if time.monotonic() + pause >= until:
                raise _late(host_of(self.base_url))
            time.sleep(pause)
        raise AssertionError("unreachable")  # pragma: no cover - the last round returns or raises

    def post(
        self,
        path: str,
        body: Any,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """POST a JSON body, or bytes as they are: one answer of whatever status.

        Sent once, and no redirect is followed.
        """
        merged = self._merged({"Content-Type": "application/json", **(headers or {})})
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = _Request("POST", self.base_url + path, params, merged, data)
        return self._once(request, self._until(timeout_s))

    def post_json(
        self,
        path: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        judge: Judge | None = None,
    ) -> Any:
        """The JSON of a 200 to a POST; errors as those of `get_json`."""
        return self._read(self.post(path, body, headers=headers, timeout_s=timeout_s), judge)

    def _read(self, answer: Answer, judge: Judge | None) -> Any:
        if answer.status != 200:
            raise (judge(answer) if judge else None) or usual_error(answer, self.ask.descriptor)
        return answer.json()

    def _until(self, timeout_s: float | None) -> float:
        return time.monotonic() + min(timeout_s or 1e9, self.ask.transport.remaining())

    def _merged(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        merged = {
            "User-Agent": f"usagecli/{__version__}",
            "Accept": "application/json",
            **self.headers,
            **(headers or {}),
        }
        _check_headers(merged, self.ask.descriptor.title)
        return merged

    def _once(self, request: _Request, until: float, moved: Moved | None = None) -> Answer:
        from usagecli.transport import exchange, join

        url, params = request.url, request.params
        home = origin(url)
        for _ in range(_MAX_REDIRECTS):
            left = until - time.monotonic()
            if left <= 0:
                raise _late(host_of(url))
            started = time.monotonic()
            status, got, body = exchange(
                self.session,
                request.method,
                url,
                params=params,
                headers=request.headers,
                data=request.data,
                timeout=(min(_CONNECT_S, left), min(_READ_S, left)),
                until=until,
                host=host_of(url),
                limit=MAX_BODY,
            )
            took = (time.monotonic() - started) * 1000
            log.debug(
                f"{request.method} {url.partition('?')[0]} -> {status}, {len(body)} bytes, {took:.0f} ms"
            )
            if status not in (301, 302, 303, 307, 308) or "location" not in got:
                return Answer(status=status, headers=got, body=body, host=host_of(url), at=self.ask.now())
            target = join(url, got["location"])
            if request.method != "GET":
                raise PayloadError(f"redirect: {host_of(url)} sends us elsewhere", hint="check base_url")
            error = moved(target) if moved else None
            if error is not None:
                raise error
            if origin(target) != home:
                raise PayloadError(
                    f"redirect: {host_of(url)} sends us to another host; the credential stays here",
                    hint="check base_url and the network (a captive portal?)",
                )
            url, params = target, None
        raise PayloadError(f"redirect: {host_of(url)} sends us in circles")


def _late(host: str) -> Unavailable:
    return Unavailable(f"{host} did not answer in time", hint="try again, or give a longer --timeout")


def usual_error(answer: Answer, descriptor: Descriptor) -> ProviderError:
    """What a status other than 200 means, unless a provider's reference says otherwise."""
    status, host = answer.status, answer.host
    if status in (401, 403):
        return AuthError(f"{descriptor.title} refused the credential ({status})", hint=descriptor.renew)
    if status == 429:
        return RateLimited(f"{host} asked us to wait (429)", retry_at=answer.retry_at)
    if status >= 500:
        return Unavailable(
            f"{host} has a problem of its own ({status})", hint="try again later", retry_at=answer.retry_at
        )
    return PayloadError(f"{host} answered {status}", hint="check base_url and the options of the service")


def retry_at(value: str, now: datetime) -> datetime | None:
    """The instant that a `Retry-After` names, at most a week ahead; None for none, 0 or the past."""
    value = value.strip()
    try:
        wait = timedelta(seconds=min(float(value), _LONGEST_WAIT.total_seconds()))
    except (ValueError, OverflowError):
        from email.utils import parsedate_to_datetime

        try:
            then = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        then = then.replace(tzinfo=UTC) if then.tzinfo is None else then
        wait = min(then - now, _LONGEST_WAIT)
    if not wait > timedelta(0):
        return None
    # Rounded up: a fraction of a second early is still too early.
    return (now + wait + timedelta(microseconds=999_999)).replace(microsecond=0)


def _check_headers(headers: Mapping[str, str], title: str) -> None:
    for value in headers.values():
        if not all(32 <= ord(c) < 127 for c in value):
            raise ServiceError(
                f"the {title} credential holds characters that no HTTP header can carry",
                hint="copy it again, without quotes or line ends",
            )
