"""The only module that touches requests: sessions, one exchange, and its exceptions as ours.

Kept apart from `client` so that a run which is answered from the cache never imports requests.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3 import disable_warnings
from urllib3.exceptions import (
    HTTPError,
    InsecureRequestWarning,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)

from usagecli.errors import PayloadError, ServiceError, Unavailable
from usagecli.urls import host_of, is_loopback, origin

_CHUNK = 65536
_lock = threading.Lock()
_contexts: dict[str, ssl.SSLContext] = {}


def new_session(*, trust_env: bool) -> Session:
    """A session whose TLS uses the one shared trust store."""
    session = Session()
    session.trust_env = trust_env
    # Any auth of the session's own keeps requests from reading .netrc.
    session.auth = _no_auth
    session.mount("https://", _SharedTrust(max_retries=0))
    session.mount("http://", HTTPAdapter(max_retries=0))
    return session


def loopback_session() -> Session:
    """A session for 127.0.0.1 and nothing else, whose programs sign their certificates themselves."""
    # Meant here, where nothing leaves the machine: it need not be said at every request.
    disable_warnings(InsecureRequestWarning)
    session = Session()
    session.trust_env = False
    session.auth = _no_auth
    session.adapters.clear()
    session.mount("https://127.0.0.1:", _AnyCertificate(max_retries=0))
    session.mount("http://127.0.0.1:", HTTPAdapter(max_retries=0))
    return session


def join(url: str, location: str) -> str:
    """Where a `Location` leads from a URL; nowhere ("") for one that is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None,
    headers: Mapping[str, str],
    data: bytes | None,
    timeout: tuple[float, float],
    until: float,
    host: str,
    limit: int,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request and read the whole answer: status, headers (names in lower case), body.

    Raises Unavailable (with `dropped` set where the connection was refused or cut, so that asking
    again may help), PayloadError for a body over `limit` bytes, ServiceError for an unusable URL.
    """
    try:
        with session.request(
            method,
            url,
            params=params,
            headers=dict(headers),
            data=data,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
        ) as response:
            body = _read(response, until, host, limit)
            return response.status_code, {k.lower(): v for k, v in response.headers.items()}, body
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        raise _translated(error, host) from None


def _read(response: requests.Response, until: float, host: str, limit: int) -> bytes:
    too_large = PayloadError(f"body: {host} answered with more than {limit // 1_000_000} MB")
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:15]) > limit:
        raise too_large
    parts, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise too_large
        if time.monotonic() > until:
            raise Unavailable(f"{host} did not answer in time", hint="try again, or give a longer --timeout")
    return b"".join(parts)


def _translated(error: Exception, host: str) -> Unavailable | ServiceError | PayloadError:
    hint = "check the network, then try again"
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else None
    if isinstance(error, requests.exceptions.ProxyError):
        return Unavailable(
            f"the proxy on the way to {host} refused or failed", hint="check HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, requests.exceptions.SSLError):
        return Unavailable(
            f"no safe connection to {host}: its certificate is not trusted ({_tls_reason(error)})",
            hint="behind a company proxy, set REQUESTS_CA_BUNDLE to its certificate",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return Unavailable(f"{host} did not answer in time", hint="try again, or give a longer --timeout")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return PayloadError(f"body: {host} sent an answer that cannot be unpacked")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError)):
        return ServiceError(f"{host} is no address that can be asked", hint="correct base_url")
    if isinstance(reason, NameResolutionError):
        return Unavailable(f"the name {host} cannot be found (DNS)", hint=hint)
    if isinstance(reason, NewConnectionError):
        here = is_loopback(origin(f"//{host}")[1])
        return _dropped(f"{host} refused the connection", "is the server there running?" if here else hint)
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, ProtocolError)) or isinstance(
        reason, ProtocolError
    ):
        return _dropped(f"{host} dropped the connection", hint)
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(reason, OSError):
        return _dropped(f"no connection to {host}", hint)
    if "certificate bundle" in str(error):
        return Unavailable("REQUESTS_CA_BUNDLE names no usable certificate file", hint="correct or unset it")
    return Unavailable(f"no answer from {host}: {type(error).__name__}", hint=hint)


def _dropped(message: str, hint: str) -> Unavailable:
    error = Unavailable(message, hint=hint)
    error.dropped = True
    return error


def _tls_reason(error: Exception) -> str:
    text = str(error)
    for needle, words in (
        ("Hostname mismatch", "it is for another host"),
        ("IP address mismatch", "it is for another host"),
        ("doesn't match", "it is for another host"),
        ("expired", "it has expired"),
        ("self-signed", "unknown authority"),
        ("self signed", "unknown authority"),
        ("unable to get local issuer", "unknown authority"),
    ):
        if needle in text:
            return words
    return "TLS failed"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Session(requests.Session):
    """Even when told not to follow redirects, requests would read and prepare the next one.

    What its last exchange came to stays here, for a library that uses it and does not tell.
    """

    response: requests.Response | None = None
    failure: Unavailable | ServiceError | PayloadError | None = None

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        try:
            response = super().send(request, **given)
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            self.response, self.failure = None, _translated(error, host_of(request.url or ""))
            raise
        self.response, self.failure = response, None
        return response

    def get_redirect_target(self, _resp: Any) -> None:
        return None


class _SharedTrust(HTTPAdapter):
    """Loading the trust store takes tens of milliseconds: once a run, not once a connection.

    requests hands `ca_certs` to every new connection, which loads it again; here the file becomes
    a context that all sessions share, and the connection is only told to verify.
    """

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        trusted: dict[str, Any] = {k: v for k, v in pool.items() if k not in ("ca_certs", "ca_cert_dir")}
        return host, {**trusted, "cert_reqs": "CERT_REQUIRED", "ssl_context": _context(verify)}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Everything that this would set on the connection is in the shared context."""


class _AnyCertificate(HTTPAdapter):
    """TLS without a look at the certificate: between two programs of one machine."""

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to check."""

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_NONE"}


def _context(verify: bool | str) -> ssl.SSLContext:
    bundle = verify if isinstance(verify, str) else certifi.where()
    with _lock:
        if bundle not in _contexts:
            if not os.path.exists(bundle):
                raise OSError("no such certificate bundle")
            folder = os.path.isdir(bundle)
            try:
                context = ssl.create_default_context(
                    cafile=None if folder else bundle, capath=bundle if folder else None
                )
            except ssl.SSLError:
                raise OSError("unreadable certificate bundle") from None
            _contexts[bundle] = context
        return _contexts[bundle]
