"""The rate-limit headers of Anthropic's answers -> quotas: what is left of each minute's allowance.

Header names are in lower case: `anthropic-ratelimit-input-tokens-limit`, `-remaining`, `-reset`. Every
set may be missing, and a set speaks of one class of models only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from usagecli import wire
from usagecli.model import Quota

_ZERO = Decimal(0)
_RATE = "anthropic-ratelimit"
_PRIORITY = "anthropic-priority"
_SETS = (
    (_RATE, "requests", "requests", "requests", "Requests a minute"),
    (_RATE, "input-tokens", "input_tokens", "tokens", "Input tokens a minute"),
    (_RATE, "output-tokens", "output_tokens", "tokens", "Output tokens a minute"),
    (_RATE, "tokens", "tokens", "tokens", "Tokens a minute"),
    (_PRIORITY, "input-tokens", "priority_input_tokens", "tokens", "Priority input tokens a minute"),
    (_PRIORITY, "output-tokens", "priority_output_tokens", "tokens", "Priority output tokens a minute"),
)


def quotas(headers: Mapping[str, str], model: str, *, refused: bool = False) -> tuple[Quota, ...]:
    """The sets that came with an answer about `model`.

    `refused`: the answer was a 429, so one of the rate limits is reached. Tokens are rounded to the
    thousand, so where none shows 0 it is the one with the smallest share left.
    """
    found = list(_read(headers, model))
    limits = [quota for quota in found if not quota.partial]
    if refused and limits and all(quota.remaining for quota in limits):
        tightest = min(limits, key=lambda quota: quota.percent_remaining or _ZERO)
        found[found.index(tightest)] = replace(tightest, reached=True)
    return tuple(found)


def _read(headers: Mapping[str, str], model: str) -> Iterator[Quota]:
    for prefix, name, id_, unit, label in _SETS:
        limit, remaining, reset = (
            headers.get(f"{prefix}-{name}-{part}") for part in ("limit", "remaining", "reset")
        )
        allowed, left = wire.as_number(limit), wire.as_number(remaining)
        if allowed is None or left is None or allowed <= 0:
            continue
        left = max(_ZERO, min(allowed, left))
        yield Quota(
            id=id_,
            label=label,
            scope=model,
            unit=unit,
            used=allowed - left,
            limit=allowed,
            remaining=left,
            window_seconds=60,
            resets_at=wire.as_instant(reset),
            # Without priority the work goes on at the standard tier.
            partial=prefix == _PRIORITY,
        )
