"""The rate-limit headers of Anthropic's answers, set by set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import sound
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.model import Quota, Service, Usage
from usagecli.providers._anthropic.headers import quotas

MODEL = "claude-sonnet-5"
SERVICE = Service(name="claude-api", provider="anthropic")
LABELS = {
    "requests": "Requests a minute",
    "input_tokens": "Input tokens a minute",
    "output_tokens": "Output tokens a minute",
    "tokens": "Tokens a minute",
    "priority_input_tokens": "Priority input tokens a minute",
    "priority_output_tokens": "Priority output tokens a minute",
}
FULL = utc("2026-11-21T08:00:20")


def quota(id_: str, limit: int, remaining: int, resets_at: datetime = FULL, partial: bool = False) -> Quota:
    return Quota(
        id=id_,
        label=LABELS[id_],
        scope=MODEL,
        unit="requests" if id_ == "requests" else "tokens",
        used=d(limit - remaining),
        limit=d(limit),
        remaining=d(remaining),
        window_seconds=60,
        resets_at=resets_at,
        partial=partial,
    )


def one(limit: str | None = "50", remaining: str | None = "20", name: str = "requests") -> dict[str, str]:
    parts = {"limit": limit, "remaining": remaining, "reset": "2026-11-21T08:00:20Z"}
    return {f"anthropic-ratelimit-{name}-{part}": text for part, text in parts.items() if text is not None}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "headers",
            (
                quota("requests", 4000, 3999, utc("2026-11-21T08:00:00")),
                quota("input_tokens", 2_000_000, 1_500_000, utc("2026-11-21T08:00:15")),
                # Full again two seconds ago.
                quota("output_tokens", 400_000, 400_000, utc("2026-11-21T07:59:58")),
                quota("tokens", 2_400_000, 1_900_000, utc("2026-11-21T08:00:15")),
            ),
        ),
        (
            "headers_priority",
            (
                quota("requests", 4000, 4000, utc("2026-11-21T08:00:00")),
                quota("priority_input_tokens", 100_000, 0, partial=True),
                quota("priority_output_tokens", 20_000, 15_000, partial=True),
            ),
        ),
        ("headers_unified", ()),
    ],
)
def test_recorded_headers(case: str, expected: tuple[Quota, ...]) -> None:
    assert quotas(payload(f"anthropic/{case}"), MODEL) == expected


@pytest.mark.parametrize("lost", ["requests", "input-tokens", "output-tokens", "tokens"])
@pytest.mark.parametrize("part", ["limit", "remaining"])
def test_a_set_that_is_not_whole_gives_no_entry(lost: str, part: str) -> None:
    headers = payload("anthropic/headers")
    whole = quotas(headers, MODEL)
    del headers[f"anthropic-ratelimit-{lost}-{part}"]
    assert quotas(headers, MODEL) == tuple(q for q in whole if q.id != lost.replace("-", "_"))


@pytest.mark.parametrize(
    "headers",
    [{}, one("0", "0"), one("-1", "0"), one("many"), one("NaN"), one("50", "Infinity"), one("", "")],
)
def test_no_entry_comes_from_nothing(headers: Mapping[str, str]) -> None:
    assert quotas(headers, MODEL) == ()


@pytest.mark.parametrize(
    ("remaining", "used", "left"), [("9000", 0, 8500), ("8500", 0, 8500), ("-1000", 8500, 0), ("0", 8500, 0)]
)
def test_what_rounding_leaves_stays_within_the_limit(remaining: str, used: int, left: int) -> None:
    (found,) = quotas(one("8500", remaining, "output-tokens"), MODEL)
    assert (found.used, found.remaining) == (d(used), d(left))


@pytest.mark.parametrize("reset", [None, "", "soon", "2026-13-45"])
def test_a_reset_that_cannot_be_read_is_not_known(reset: str | None) -> None:
    headers = one()
    del headers["anthropic-ratelimit-requests-reset"]
    if reset is not None:
        headers["anthropic-ratelimit-requests-reset"] = reset
    (found,) = quotas(headers, MODEL)
    assert (found.used, found.resets_at) == (d(30), None)


# -- what stops the work ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "refused", "exhausted", "status"),
    [
        ("headers", False, [], "ok"),
        # The combined set looks healthy: the worst one counts.
        ("headers_429", True, ["input_tokens"], "exhausted"),
        ("headers_429_rounded", True, ["input_tokens"], "exhausted"),
        ("headers_429_rounded", False, [], "low"),
        # At the standard tier the work goes on.
        ("headers_priority", False, ["priority_input_tokens"], "low"),
        ("headers_priority", True, ["requests", "priority_input_tokens"], "exhausted"),
    ],
)
def test_which_set_is_exhausted(case: str, refused: bool, exhausted: list[str], status: str) -> None:
    usage = Usage(quotas=quotas(payload(f"anthropic/{case}"), MODEL, refused=refused))
    judged, whole = assess.judged(usage, SERVICE)
    assert [found.id for found in judged.quotas if found.status == "exhausted"] == exhausted
    assert whole == status


def test_the_smallest_share_counts_not_the_smallest_number() -> None:
    headers = {**one("50", "40"), **one("2000000", "1000", "input-tokens")}
    assert [found.id for found in quotas(headers, MODEL, refused=True) if found.reached] == ["input_tokens"]


def test_a_refusal_without_sets_has_none() -> None:
    assert quotas({}, MODEL, refused=True) == ()


@given(
    st.dictionaries(
        st.sampled_from(list(payload("anthropic/headers")) + list(payload("anthropic/headers_priority"))),
        st.text(max_size=8) | st.integers(-(10**20), 10**20).map(str) | st.floats().map(str),
    ),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_headers(headers: dict[str, str], refused: bool) -> None:
    sound(Usage(quotas=quotas(headers, MODEL, refused=refused)))
