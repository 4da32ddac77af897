"""What OpenAI's rate limits still allow an ordinary key: the headers of one billed request.

Headers: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; some accounts get the tokens under
`tokens_usage_based`. A limit may be of a minute or of a day, which no header says. A reset is a
duration such as `6m0s`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.client import Client, Judge, usual_error
from usagecli.model import Quota

# The cheapest request of the vendor's that carries the headers.
_MODEL = "text-embedding-3-small"
_QUESTION = {"model": _MODEL, "input": "."}
_LABELS = {"requests": "Request rate limit", "tokens": "Token rate limit"}
_VARIANTS = ("", "_usage_based")
_ZERO = Decimal(0)
_PART = r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)"
_DURATION = re.compile(f"(?:{_PART})+", re.ASCII)
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}


def read(client: Client, judge: Judge, timeout_s: float) -> tuple[Quota, ...]:
    """Send the request, and read the limits that came with its answer, also with a refusal.

    Raises AuthError, RateLimited, Unavailable, PayloadError where a refusal came without any.
    """
    answer = client.post("/embeddings", _QUESTION, timeout_s=timeout_s)
    found = tuple(quotas(answer.headers, _MODEL, answer.at))
    if not found and answer.status != 200:
        raise judge(answer) or usual_error(answer, client.ask.descriptor)
    return found


def quotas(headers: Mapping[str, str], model: str, now: datetime) -> Iterator[Quota]:
    """The limits in the headers (names in lower case) of an answer about `model`."""
    for unit, label in _LABELS.items():
        sets = (_figures(headers, f"{unit}{variant}", now) for variant in _VARIANTS)
        figures = next((found for found in sets if found), None)
        if figures is not None:
            yield Quota(id=unit, label=label, unit=unit, scope=model, **figures)


def _figures(headers: Mapping[str, str], name: str, now: datetime) -> dict[str, Any] | None:
    """The figures of one limit; None where it is not told: 0 and -1 stand for that too."""
    limit = wire.as_number(headers.get(f"x-ratelimit-limit-{name}"))
    remaining = wire.as_number(headers.get(f"x-ratelimit-remaining-{name}"))
    if limit is None or limit <= 0 or remaining is None or remaining < 0:
        return None
    return {
        "used": max(_ZERO, limit - remaining),
        "limit": limit,
        "remaining": min(limit, remaining),
        "resets_at": wire.later(now, _seconds(headers.get(f"x-ratelimit-reset-{name}", ""))),
    }


def _seconds(duration: str) -> int | None:
    """`1h2m3s`, `12ms`: the sum of the parts, in whole seconds."""
    duration = duration.strip()
    if not _DURATION.fullmatch(duration):
        return None
    parts = re.findall(_PART, duration, re.ASCII)
    return int(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts))
