"""A Prometheus Pushgateway: one PUT replaces everything that this job and instance pushed before.

Source: the API section of https://github.com/prometheus/pushgateway, read 2026-11-25.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from usagecli import __version__, log
from usagecli.errors import ConfigError, OutputError, ProviderError
from usagecli.push import Sender, goes_direct, refusal, unreached
from usagecli.urls import host_of

if TYPE_CHECKING:
    from usagecli.credentials import Secret
    from usagecli.model import Snapshot

TOKEN = "USAGECLI_PUSH_TOKEN"  # noqa: S105 (the name of a variable)
_WHO = "Pushgateway"
_MAX_BODY = 1_000_000
_CONNECT_S = 8.0


def token(env: Mapping[str, str]) -> Secret | None:
    """What USAGECLI_PUSH_TOKEN holds. Raises ConfigError for what no header can carry."""
    from usagecli.credentials import Secret

    text = env.get(TOKEN, "").strip()
    if not (text.isascii() and text.isprintable()):
        raise ConfigError(f"{TOKEN} holds characters that no token has")
    return Secret(text) if text else None


def send(snapshot: Snapshot, url: str, sender: Sender, secret: Secret | None) -> None:
    """Push the snapshot. Raises OutputError where it did not arrive."""
    from prometheus_client import push_to_gateway

    from usagecli.formatters.prometheus import registry

    def handler(
        url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        return lambda: _exchange(url, method, dict(headers), data, sender.timeout_s, secret)

    push_to_gateway(
        url,
        job=sender.job,
        registry=registry(snapshot),
        grouping_key={"instance": sender.instance},
        handler=handler,
    )


def _exchange(
    url: str, method: str, headers: dict[str, str], data: bytes, timeout_s: float, secret: Secret | None
) -> None:
    from usagecli import transport

    headers["User-Agent"] = f"usagecli/{__version__}"
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret.reveal()}"
    host = host_of(url)
    session = transport.new_session(trust_env=not goes_direct(url))
    try:
        status, _, _ = transport.exchange(
            session,
            method,
            url,
            params=None,
            headers=headers,
            data=data,
            timeout=(min(_CONNECT_S, timeout_s), timeout_s),
            until=time.monotonic() + timeout_s,
            host=host,
            limit=_MAX_BODY,
        )
    except ProviderError as error:
        raise unreached(_WHO, error) from None
    finally:
        session.close()
    log.debug(f"{host}: {method} {status}")
    if not 200 <= status < 300:
        raise OutputError(refusal(_WHO, url, status, TOKEN))
