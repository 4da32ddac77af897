"""The rate limits that OpenAI tells in headers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import sound
from tests.support import NOW, d, utc
from usagecli import assess
from usagecli.model import Quota, Service, Status, Usage
from usagecli.providers._openai.probe import quotas

MODEL = "text-embedding-3-small"
HEADERS = {
    "x-ratelimit-limit-requests": "3000",
    "x-ratelimit-remaining-requests": "2999",
    "x-ratelimit-reset-requests": "20ms",
    "x-ratelimit-limit-tokens": "1000000",
    "x-ratelimit-remaining-tokens": "250000",
    "x-ratelimit-reset-tokens": "6m0s",
}


def rate_limit(unit: str, used: int, limit: int, remaining: int, resets_at: str | None) -> Quota:
    return Quota(
        id=unit,
        label={"requests": "Request rate limit", "tokens": "Token rate limit"}[unit],
        unit=unit,
        scope=MODEL,
        used=d(used),
        limit=d(limit),
        remaining=d(remaining),
        resets_at=utc(f"2026-11-21T{resets_at}") if resets_at else None,
    )


REQUESTS = rate_limit("requests", 1, 3000, 2999, "08:00:00")
TOKENS = rate_limit("tokens", 750000, 1000000, 250000, "08:06:00")


def read(**changes: str | None) -> tuple[Quota, ...]:
    """The quotas of the headers, some changed or, as None, left out: `limit_tokens="5"`."""
    named = {f"x-ratelimit-{name.replace('_', '-', 1)}": value for name, value in changes.items()}
    headers = {name: value for name, value in {**HEADERS, **named}.items() if value is not None}
    return tuple(quotas(headers, MODEL, NOW))


def test_both_limits() -> None:
    assert read() == (REQUESTS, TOKENS)


def test_no_header_is_no_quota() -> None:
    assert tuple(quotas({}, MODEL, NOW)) == ()


def test_headers_that_are_not_known_are_ignored() -> None:
    assert read(limit_images="50", remaining_images="0", limit_tokens_per_project="7") == (REQUESTS, TOKENS)


@pytest.mark.parametrize("value", ["-1", None, "", "many", "NaN", "Infinity", "1e309"])
@pytest.mark.parametrize("part", ["limit", "remaining"])
def test_a_figure_that_is_none_leaves_the_limit_out(part: str, value: str | None) -> None:
    assert read(**{f"{part}_requests": value}) == (TOKENS,)
    assert read(**{f"{part}_tokens": value}) == (REQUESTS,)


def test_a_limit_of_nothing_is_none() -> None:
    assert read(limit_tokens="0", remaining_tokens="0") == (REQUESTS,)


def test_more_left_than_allowed_is_all_of_it() -> None:
    assert read(remaining_requests="3001") == (rate_limit("requests", 0, 3000, 3000, "08:00:00"), TOKENS)


@pytest.mark.parametrize(("left", "expected"), [("100000", "ok"), ("99999", "low"), ("0", "exhausted")])
def test_how_a_limit_is_judged(left: str, expected: Status) -> None:
    usage = Usage(quotas=read(remaining_tokens=left))
    assert assess.judged(usage, Service(name="openai", provider="openai"))[1] == expected


USAGE_BASED = {
    "limit_tokens_usage_based": "500",
    "remaining_tokens_usage_based": "400",
    "reset_tokens_usage_based": "1s",
}


@pytest.mark.parametrize("missing", ["limit_tokens", "remaining_tokens"])
def test_tokens_under_their_other_name_count_where_there_is_no_usual_one(missing: str) -> None:
    assert read(**USAGE_BASED)[1] == TOKENS
    assert read(**USAGE_BASED, **{missing: None})[1] == rate_limit("tokens", 100, 500, 400, "08:00:01")


@pytest.mark.parametrize(
    ("duration", "resets_at"),
    [
        ("12ms", "08:00:00"),
        ("0s", "08:00:00"),
        ("1s", "08:00:01"),
        ("59.999s", "08:00:59"),
        ("1m30.951s", "08:01:30"),
        ("6m0s", "08:06:00"),
        ("1h2m3s", "09:02:03"),
        ("1m1500ms", "08:01:01"),
        (" 2m ", "08:02:00"),
        ("1h", "09:00:00"),
        (None, None),
        ("", None),
        ("-1", None),
        ("60", None),
        ("soon", None),
        ("1s later", None),
        ("-1s", None),
        ("1 s", None),
        ("٣s", None),
        ("999999999h", None),
        ("9" * 40 + "s", None),
    ],
)
def test_durations(duration: str | None, resets_at: str | None) -> None:
    assert read(reset_requests=duration)[0] == rate_limit("requests", 1, 3000, 2999, resets_at)


def test_a_duration_of_days() -> None:
    assert read(reset_requests="1d1h")[0].resets_at == utc("2026-11-22T09:00:00")


VALUES = st.sampled_from(["", "-1", "0", "1e400", "NaN", "٣", "6m0s", "1d", "5", "1e15"]) | st.text(
    max_size=9
)


@given(changes=st.dictionaries(st.sampled_from(sorted(HEADERS)), VALUES))
@settings(max_examples=200, deadline=None)
def test_any_headers(changes: dict[str, Any]) -> None:
    found = tuple(quotas({**HEADERS, **changes}, MODEL, NOW))
    sound(Usage(quotas=found))
    assert all(isinstance(quota.used, Decimal) and quota.used >= 0 for quota in found)
