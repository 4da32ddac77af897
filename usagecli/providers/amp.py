"""Amp: the allowances of a paid tier, the daily free grant, prepaid credits.

Sources: what `amp usage` asks (ampcode.com/api/internal), an answer composed for people, and the
settings page with its prefetched data; neither is documented for others. Wordings captured by users
from 2026-01 to 2026-09, read 2026-11.
"""

from __future__ import annotations

import re
from typing import Any

from usagecli import log, wire
from usagecli.client import Answer, Ask, Judge, usual_error
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.model import Usage
from usagecli.providers._amp import credentials
from usagecli.providers._web import BROWSER
from usagecli.registry import Descriptor, Way, register

_METHOD = "userDisplayBalanceInfo"
_SIGN_IN = re.compile(r"/(?:login|log-in|signin|sign-in|auth)\b", re.IGNORECASE)

DESCRIPTOR = Descriptor(
    name="amp",
    title="Amp",
    kind="agent",
    reports="Agent and orb usage of a paid tier, the daily free grant, individual and workspace credits.",
    base_url="https://ampcode.com",
    places=credentials.places(),
    access=(
        "Install Amp's command line and run `amp login`.",
        "That is all: usagecli reads the login that it keeps, and never changes it.",
        "Without it: create an access token at https://ampcode.com/settings and set AMP_API_KEY.",
    ),
    dashboard="https://ampcode.com/settings",
    documented="Not documented by the vendor: the endpoint that its own `amp usage` asks.",
    ways=(Way(about="its balance page, as its command line asks for it"),),
    renew=credentials.RENEW,
    parts={
        "api_key": "an access token",
        "cookie": "the cookie session of ampcode.com, where there is no token: shows the free grant only",
    },
    # The endpoint is known to throttle faster callers.
    min_interval=120,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError."""
    return _from_settings(ask) if ask.credential.kind == "cookie" else _from_balance(ask)


def _from_balance(ask: Ask) -> Usage:
    # Here, because its patterns take longer to compile than a report from the cache may cost.
    from usagecli.providers._amp.usage import parse, unknown

    token = credentials.token_for(ask.credential, ask.base_url).reveal()
    client = ask.client(headers={"Authorization": f"Bearer {token}"})
    body = client.post_json(
        f"/api/internal?{_METHOD}",
        {"method": _METHOD, "params": {}},
        judge=_judge("the access token", credentials.RENEW),
    )
    refused = _refusal(body)
    if refused is not None:
        raise refused
    # A new wording is to be seen somewhere before anybody misses the figures.
    for line in unknown(body, now=ask.now()):
        log.debug(f"{ask.service.name}: not understood: {line}")
    return parse(body, now=ask.now())


def _from_settings(ask: Ask) -> Usage:
    from usagecli.providers._amp import settings

    client = ask.client(
        headers={
            "Cookie": f"session={ask.credential.secret.reveal()}",
            "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
            "User-Agent": BROWSER,
        }
    )
    answer = client.get("/settings", moved=_signed_out)
    if answer.status != 200:
        judge = _judge("the cookie", credentials.COPY_COOKIE)
        raise judge(answer) or usual_error(answer, DESCRIPTOR)
    return settings.parse(answer.body.decode("utf-8", "replace"))


def _signed_out(url: str) -> ProviderError | None:
    """Told by where a redirect leads, never by words of a page: an address may hold `login` too."""
    from urllib.parse import urlsplit

    if _SIGN_IN.search(urlsplit(url).path) is None:
        return None
    return AuthError(
        "Amp's settings page asks to sign in: the cookie has expired", hint=credentials.COPY_COOKIE
    )


def _judge(credential: str, renew: str) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        if answer.status in (401, 403):
            return AuthError(f"Amp refused {credential} ({answer.status})", hint=renew)
        if answer.status == 429:
            return RateLimited(
                f"{answer.host} asked us to wait (429)",
                hint="ask less often: once in two minutes at most",
                retry_at=answer.retry_at,
            )
        try:
            body = wire.as_mapping(answer.json())
        except PayloadError:
            return None
        # Of other answers, and of all beyond 499, the status says more.
        return _refusal(body) if body.get("ok") is False and answer.status < 500 else None

    return judge


def _refusal(body: Any) -> ProviderError | None:
    """The error in {"ok": false, "error": {"code": ..., "message": ...}}; None for any other answer."""
    answer = wire.as_mapping(body)
    error = answer.get("error")
    if not error and answer.get("ok") is not False:
        return None
    told = wire.as_mapping(error)
    if told.get("code") == "auth-required":
        return AuthError("Amp does not accept the access token", hint=credentials.RENEW)
    said = wire.as_text(told.get("message")) or wire.as_text(error) or wire.as_text(told.get("code"))
    return Unavailable(
        f"Amp answered with an error: {log.mask(said or 'it gave no reason')}", hint="try again later"
    )
