"""The headroom of one deployment, which only the headers of an inference call tell: one is billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, Ask, retry_at, usual_error
from usagecli.credentials import Secret
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.model import Quota
from usagecli.providers._azure_openai.credentials import API_KEY
from usagecli.urls import check_base_url

_VERSION = "2024-10-21"
_PROBE_S = 10.0
_MESSAGES = [{"role": "user", "content": "ping"}]


def probe(ask: Ask) -> list[Quota]:
    """Ask the configured deployment one token's worth. Raises as the provider's `fetch` does."""
    given = {name: ask.options.get(name) for name in ("endpoint", "deployment_name")}
    key = _key(ask)
    missing = [name for name, value in {**given, "api_key": key}.items() if not value]
    if missing or key is None:
        names = ", ".join(f"AZURE_OPENAI_{name.upper()}" for name in missing)
        raise NotConfigured(f"the probe lacks {', '.join(missing)}", hint=f"set {names}")
    endpoint, deployment = str(given["endpoint"]), str(given["deployment_name"])
    try:
        client = ask.client(check_base_url(endpoint), {"api-key": key.reveal()})
    except ValueError as error:
        raise ServiceError(f"AZURE_OPENAI_ENDPOINT {error}", hint="correct it") from None
    path, body = _request(deployment, str(ask.options.get("api_version") or _VERSION))
    # Never all the time that is left: one that hangs would cost the figures that are already here.
    left = ask.transport.remaining()
    answer = client.post(path, body, timeout_s=min(_PROBE_S, left / 2))
    if answer.status not in (200, 429) or answer.is_html:
        raise _refusal(answer, ask, deployment)
    return parse(answer, deployment)


def _key(ask: Ask) -> Secret | None:
    credential = ask.credential
    if credential.kind == "api_key":
        return credential.secret
    text = ask.machine.get(API_KEY)
    return credential.others.get("api_key") or (Secret(text) if text else None)


def _request(deployment: str, version: str) -> tuple[str, dict[str, Any]]:
    if version.lower() == "v1":
        body = {"model": deployment, "messages": _MESSAGES, "max_completion_tokens": 1}
        return "/openai/v1/chat/completions", body
    path = f"/openai/deployments/{quote(deployment, safe='')}/chat/completions"
    return f"{path}?api-version={quote(version, safe='')}", {"messages": _MESSAGES, "max_tokens": 1}


def _refusal(answer: Answer, ask: Ask, deployment: str) -> ProviderError:
    if answer.is_html:
        return Unavailable(
            f"{answer.host} answered with a web page ({answer.status})", hint="try again later"
        )
    if answer.status in (401, 403):
        return AuthError(
            f"Azure OpenAI refused the API key ({answer.status})",
            hint="copy a key of this resource from the Azure portal, Keys and Endpoint",
        )
    if answer.status == 404:
        return ServiceError(
            f"{answer.host} has no deployment {deployment} (404)",
            hint="correct AZURE_OPENAI_DEPLOYMENT_NAME and AZURE_OPENAI_ENDPOINT",
        )
    return usual_error(answer, ask.descriptor)


def parse(answer: Answer, deployment: str) -> list[Quota]:
    """What the headers say of requests and tokens; nothing remains where the answer is a 429.

    Whole numbers, the resets in seconds; a negative one says nothing. Raises PayloadError for none.
    """
    found = [_reading(answer, deployment, what) for what in ("requests", "tokens")]
    quotas = [quota for quota in found if quota.limit is not None or quota.remaining is not None]
    if answer.status == 429 and all(quota.remaining != 0 for quota in quotas):
        # Which limit it was is not always said; tokens are the one that is met first.
        spent = replace(
            _reading(answer, deployment, "tokens"),
            used=None,
            remaining=Decimal(0),
            percent_used=None,
            percent_remaining=None,
            reached=True,
            resets_at=_wait(answer),
        )
        quotas = [quota for quota in quotas if quota.id != spent.id] + [spent]
    if not quotas:
        raise PayloadError("headers: the answer has no rate limits")
    return quotas


def _reading(answer: Answer, deployment: str, what: str) -> Quota:
    limit, remaining = (_header(answer, f"x-ratelimit-{kind}-{what}") for kind in ("limit", "remaining"))
    reset = _header(answer, f"x-ratelimit-reset-{what}")
    return Quota(
        id=f"{deployment}/{what}",
        label=f"{deployment} {what} (live)",
        unit=what,
        scope=deployment,
        used=max(Decimal(0), limit - remaining) if limit is not None and remaining is not None else None,
        limit=limit,
        remaining=remaining,
        window_seconds=60 if what == "tokens" else None,
        resets_at=wire.later(answer.at, int(reset)) if reset else None,
    )


def _header(answer: Answer, name: str) -> Decimal | None:
    return wire.as_count(answer.headers.get(name))


def _wait(answer: Answer) -> datetime | None:
    """Until when a 429 asks us to wait, the finer of its two headers first."""
    milliseconds = _header(answer, "retry-after-ms")
    if milliseconds:
        return retry_at(str(milliseconds / 1000), answer.at)
    return answer.retry_at
