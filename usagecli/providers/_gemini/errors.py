"""What Google's refusals mean: the end of the personal plans, accounts to be verified, waits.

Bodies are `{"error": {"status", "message", "details": [{"@type", ...}]}}`, or text of any other kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from usagecli import wire
from usagecli.client import Answer, retry_at
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.providers._gemini.credentials import SIGN_IN

NEW_KEY = "make a new key at https://aistudio.google.com/app/apikey"
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)", re.ASCII)
_SPOKEN = re.compile(f"retry in ((?:{_DURATION.pattern})+)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_REASONS = {
    "QUOTA_EXHAUSTED": "the quota is used up until its reset",
    "RATE_LIMIT_EXCEEDED": "too many requests at once",
    "INSUFFICIENT_G1_CREDITS_BALANCE": "the Google One AI credits are used up",
}
_MAX_LINK = 2000
_UNSUPPORTED = "UNSUPPORTED_CLIENT"


class Refused(AuthError):
    """A 401: another token may do."""


class Ended(AuthError):
    """Google serves this client no more to accounts of this kind."""


class PolicyViolated(AuthError):
    """A service perimeter keeps the answer back; the account itself is fine."""


def judge_login(answer: Answer) -> ProviderError | None:
    """A refusal of Code Assist, of the project search or of Google Cloud to a login."""
    if answer.status == 401:
        return Refused("Google refused the login (401)", hint=SIGN_IN)
    if answer.status == 403:
        return _forbidden(answer) or _web_page(answer)
    return _judge(answer)


def judge_cloud(answer: Answer) -> ProviderError | None:
    """A refusal of Cloud Quotas or Cloud Monitoring to a token."""
    if answer.status == 403:
        return _web_page(answer) or AuthError(
            f"{answer.host} refused the token (403): a permission is missing, or the API is off",
            hint="give the account Monitoring Viewer and cloudquotas.quotas.get, "
            "and switch both APIs on in the project",
        )
    return judge_login(answer)


def judge_renewal(answer: Answer) -> ProviderError | None:
    """A refusal of the token endpoint, which also answers 400 to a login that is over."""
    if answer.status in (400, 401, 403):
        if _is_ended(answer):
            return _ended()
        return _web_page(answer) or AuthError(
            f"Google did not renew the login ({answer.status})", hint=SIGN_IN
        )
    return _judge(answer)


def judge_key(answer: Answer) -> ProviderError | None:
    """A refusal of the Gemini API to an API key."""
    invalid = answer.status == 400 and "API key not valid" in _text(answer)
    if answer.status == 401 or invalid or "API_KEY_INVALID" in _reasons(answer):
        return AuthError(f"Google refused the API key ({answer.status})", hint=NEW_KEY)
    if answer.status == 403:
        return _web_page(answer) or AuthError(
            "Google refused the API key (403): it may be restricted, or the Gemini API is off in its project",
            hint=NEW_KEY,
        )
    return _judge(answer)


def _judge(answer: Answer) -> ProviderError | None:
    """What all of Google's hosts mean alike; None leaves it to the usual meaning of the status."""
    if answer.status == 429:
        return rate_limited(answer)
    if answer.status == 499:
        return Unavailable(f"{answer.host} gave up on the request (499)", hint="try again later")
    return _web_page(answer) if answer.status < 500 else None


def _web_page(answer: Answer) -> ProviderError | None:
    # A gateway in between speaks, not the API.
    if not answer.is_html:
        return None
    return Unavailable(f"{answer.host} answered with a web page ({answer.status})", hint="try again later")


def _forbidden(answer: Answer) -> ProviderError | None:
    if _is_ended(answer):
        return _ended()
    if "SECURITY_POLICY_VIOLATED" in _reasons(answer):
        return PolicyViolated(
            "a service perimeter (VPC-SC) of your organization keeps Google's answer back (403)",
            hint="ask the administrator of the Google Cloud project",
        )
    if "VALIDATION_REQUIRED" in _reasons(answer):
        link = _validation_link(_details(answer))
        return AuthError(
            f"Google wants this account to be verified first (403){f': {link}' if link else ''}",
            hint="open that link in a browser, then try again" if link else "run `gemini`: it shows the link",
        )
    return None


# -- the end of Gemini CLI for personal plans ---------------------------------------------------------


def check_served(loaded: Any) -> None:
    """Raise Ended where an answer without a tier says so: Google does not always refuse it."""
    body = wire.as_mapping(loaded)
    rows = map(wire.as_mapping, wire.as_rows(body.get("ineligibleTiers")))
    if body.get("currentTier") is None and any(row.get("reasonCode") == _UNSUPPORTED for row in rows):
        raise _ended()


def _is_ended(answer: Answer) -> bool:
    text = " ".join(_text(answer).lower().split())
    if _UNSUPPORTED.lower() in text or "ineligibletiererror" in text:
        return True
    over = "no longer supported" in text and "gemini code assist for individuals" in text
    return over or ("migrate" in text and "antigravity" in text)


def _ended() -> Ended:
    return Ended(
        "Google ended Gemini CLI for personal plans on 2026-06-18",
        hint="use the provider antigravity instead",
    )


# -- waits --------------------------------------------------------------------------------------------


def rate_limited(answer: Answer) -> RateLimited:
    """A 429 (or 408) of any of Google's hosts, with what its details say of limits and waits."""
    details = _details(answer)
    info = next((row for row in details if row.get("reason") in tuple(_REASONS)), {})
    told = [_REASONS[info["reason"]]] if info else []
    told += [text for text in (wire.as_text(_metadata(info).get("model")), *_violations(details)) if text]
    message = f"{answer.host} asked us to wait ({answer.status})" + (f": {', '.join(told)}" if told else "")
    return RateLimited(message, retry_at=answer.retry_at or _until(answer, details))


def _violations(details: list[Mapping[str, Any]]) -> list[str]:
    """The limits that a Gemini API key ran into: nothing else ever tells them."""
    found = []
    for row in (wire.as_mapping(row) for detail in details for row in wire.as_rows(detail.get("violations"))):
        value = wire.as_whole(row.get("quotaValue"))
        model = wire.as_text(wire.as_mapping(row.get("quotaDimensions")).get("model"))
        name = wire.as_text(row.get("quotaId"))
        words = (name, None if value is None else f"limit {value}", model and f"model {model}")
        found.append(" ".join(word for word in words if word))
    return found


def _until(answer: Answer, details: list[Mapping[str, Any]]) -> datetime | None:
    """Until when the body asks us to wait: by a delay, or by the instant of the quota's reset."""
    delays = [
        value for row in details for value in (row.get("retryDelay"), _metadata(row).get("quotaResetDelay"))
    ]
    spoken = _SPOKEN.search(str(_error(answer).get("message")))
    delays += [spoken[1]] if spoken else []
    seconds = next((found for delay in delays if (found := duration(delay))), None)
    if seconds is not None:
        return retry_at(str(seconds), answer.at)
    for row in details:
        reset = wire.as_instant(_metadata(row).get("quotaResetTimeStamp"))
        if reset is not None and reset > answer.at:
            return retry_at(str((reset - answer.at) / timedelta(seconds=1)), answer.at)
    return None


def duration(value: Any) -> float | None:
    """Seconds of a duration such as `20.04s`, `900ms` or `2h59m1.5s`; None for anything else."""
    if not isinstance(value, str) or not re.fullmatch(f"(?:{_DURATION.pattern})+", value, re.ASCII):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(value))


# -- reading a body -----------------------------------------------------------------------------------


def _text(answer: Answer) -> str:
    return answer.body[:100_000].decode("utf-8", "replace")


def _error(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except PayloadError:
        return {}
    # Some of Google's hosts wrap the body into a list.
    return wire.as_mapping(wire.as_mapping(body[0] if isinstance(body, list) and body else body).get("error"))


def _details(answer: Answer) -> list[Mapping[str, Any]]:
    return [wire.as_mapping(row) for row in wire.as_rows(_error(answer).get("details"))]


def _reasons(answer: Answer) -> list[Any]:
    return [row.get("reason") for row in _details(answer)]


def _metadata(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    return wire.as_mapping(detail.get("metadata"))


def _validation_link(details: list[Mapping[str, Any]]) -> str | None:
    """The first link of the Help detail, else the one in the metadata, where it is one of https."""
    links = [
        wire.as_mapping(row).get("url") for detail in details for row in wire.as_rows(detail.get("links"))
    ]
    links += [
        _metadata(detail).get(name) for detail in details for name in ("validation_link", "validation_url")
    ]
    return next((link for link in links if is_link(link)), None)


def is_link(value: Any) -> bool:
    """Whether that is a link of https that can be printed whole."""
    return (
        isinstance(value, str)
        and value.startswith("https://")
        and len(value) <= _MAX_LINK
        and all(32 < ord(c) < 127 for c in value)
    )
