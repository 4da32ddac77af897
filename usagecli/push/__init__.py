"""Sending a snapshot as metrics to where they are kept: a Pushgateway, or a receiver of OTLP."""

from __future__ import annotations

from dataclasses import dataclass

from usagecli.errors import ConfigError, OutputError, ProviderError
from usagecli.urls import check_base_url, host_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: what is scraped is told apart by job and instance. `timeout_s` is for one delivery."""

    job: str
    instance: str
    timeout_s: float


def checked(option: str, url: str, *, insecure: bool, secret: str | None) -> str:
    """The URL of a receiver. Raises ConfigError where nothing may be sent to it.

    `secret` names the variable whose credential would go with it, if there is one.
    """
    try:
        found = check_base_url(url, insecure=insecure)
    except ValueError as error:
        hint = ""
        if "must be https" in str(error):
            hint = "; in a network that you trust, add --insecure-http"
        elif "no user" in str(error):
            hint = "; credentials stand in the environment: USAGECLI_PUSH_TOKEN, OTEL_EXPORTER_OTLP_HEADERS"
        raise ConfigError(f"{option} {error}{hint}") from None
    if secret is not None and not is_private(found):
        raise ConfigError(f"{secret} would cross the network in the open: give https, or unset it")
    return found


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent: TLS, or no way at all."""
    from urllib.parse import urlsplit

    from usagecli.urls import is_loopback

    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def goes_direct(url: str) -> bool:
    """Whether proxies are left out: http to this machine is no business of any other."""
    return url.startswith("http:") and is_private(url)


def unreached(who: str, error: ProviderError) -> OutputError:
    """What kept the figures from being sent, as the run tells it."""
    return OutputError(f"{who}: {error.message}" + (f"; {error.hint}" if error.hint else ""))


def refusal(who: str, url: str, status: int, token: str) -> str:
    """What an answer other than 2xx means, and what to do about it."""
    host = host_of(url)
    if status in (401, 403):
        return f"{who}: {host} refused the credentials, or wants some ({status}); set {token}"
    if 300 <= status < 400:
        return f"{who}: {host} redirects ({status}); give the address where it really is"
    if status in (404, 405):
        return f"{who}: {host} takes no metrics there ({status}); is the address right?"
    if status >= 500:
        return f"{who}: {host} has a problem of its own ({status}); try again later"
    return f"{who}: {host} refused the metrics ({status})"
