"""What Google's refusals mean, one by one: waits, links, and any body at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from tests.fuzz import ANY_JSON
from tests.support import NOW, payload, utc
from usagecli.client import Answer
from usagecli.errors import AuthError, ProviderError, RateLimited
from usagecli.providers._gemini.errors import duration, judge_cloud, judge_key, judge_login, judge_renewal

HTML = b"<!DOCTYPE html><html>Sorry</html>"


def answer(body: Any, status: int, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers, body=data, host="google.example", at=NOW)


def limited(body: Any, **headers: str) -> ProviderError:
    found = judge_login(answer(body, 429, **headers))
    assert isinstance(found, RateLimited)
    return found


def details(**more: Any) -> Any:
    return {"error": {"details": [more]}}


@pytest.mark.parametrize(
    ("body", "until"),
    [
        (payload("gemini/error_exhausted"), "2026-11-21T10:59:02"),
        (payload("gemini/error_key_429"), "2026-11-21T08:00:21"),
        ([payload("gemini/error_key_429")], "2026-11-21T08:00:21"),
        (details(retryDelay="90s"), "2026-11-21T08:01:30"),
        (details(retryDelay="900ms"), "2026-11-21T08:00:01"),
        (details(metadata={"quotaResetDelay": "1h30m"}), "2026-11-21T09:30:00"),
        (details(retryDelay="soon", metadata={"quotaResetDelay": "10s"}), "2026-11-21T08:00:10"),
        (details(metadata={"quotaResetTimeStamp": "2026-11-21T20:00:00Z"}), "2026-11-21T20:00:00"),
        (details(metadata={"quotaResetTimeStamp": "2027-11-21T20:00:00Z"}), "2026-11-28T08:00:00"),
        (details(metadata={"quotaResetTimeStamp": "2026-11-21T07:00:00Z"}), None),
        ({"error": {"message": "Please retry in 1m5.5s."}}, "2026-11-21T08:01:06"),
        (details(retryDelay="0s"), None),
        ({"error": {"message": ["retry"], "details": {}}}, None),
        ([], None),
        (HTML, None),
    ],
)
def test_how_long_to_wait(body: Any, until: str | None) -> None:
    assert limited(body).retry_at == (None if until is None else utc(until))


def test_retry_after_comes_first() -> None:
    assert limited(details(retryDelay="90s"), **{"retry-after": "7"}).retry_at == utc("2026-11-21T08:00:07")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (payload("gemini/error_exhausted"), ": the quota is used up until its reset, gemini-3.1-pro-preview"),
        (details(reason="RATE_LIMIT_EXCEEDED"), ": too many requests at once"),
        (details(reason="INSUFFICIENT_G1_CREDITS_BALANCE"), ": the Google One AI credits are used up"),
        (details(reason=["odd"]), ""),
        (
            payload("gemini/error_key_429"),
            ": GenerateRequestsPerDayPerProjectPerModel-FreeTier limit 20 model gemini-3-flash",
        ),
        (details(violations=[None, {"quotaValue": {}}]), ""),
    ],
)
def test_why_to_wait(body: Any, told: str) -> None:
    assert limited(body).message == f"google.example asked us to wait (429){told}"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("20.04s", 20.04),
        ("900ms", 0.9),
        ("2h59m1.5s", 10741.5),
        ("0s", 0),
        ("", None),
        ("s", None),
        ("-5s", None),
        ("5", None),
        (5, None),
        (None, None),
    ],
)
def test_durations(value: Any, seconds: float | None) -> None:
    assert duration(value) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("rows", "link"),
    [
        (
            [{"links": [{"url": "https://a.example/x?y=1"}, {"url": "https://b.example"}]}],
            "https://a.example/x?y=1",
        ),
        ([{"metadata": {"validation_link": "https://c.example"}}], "https://c.example"),
        ([{"metadata": {"validation_url": "https://d.example"}}], "https://d.example"),
        ([{"links": [{"url": "javascript:alert(1)"}, {"url": "https://x.example/\x1b[31m"}]}], None),
        ([{"links": [{"url": "https://x.example/" + "y" * 3000}]}], None),
        ([{"links": [{"url": 7}, None]}], None),
    ],
)
def test_the_link_that_verifies_an_account(rows: Any, link: str | None) -> None:
    body = {"error": {"details": [{"reason": "VALIDATION_REQUIRED"}, *rows]}}
    found = judge_login(answer(body, 403))
    assert isinstance(found, AuthError)
    assert found.message == "Google wants this account to be verified first (403)" + (
        f": {link}" if link else ""
    )
    assert ("browser" in str(found.hint)) is (link is not None)


@given(body=ANY_JSON)
def test_any_refusal_is_survived(body: Any) -> None:
    for judge in (judge_login, judge_key, judge_renewal, judge_cloud):
        for status in (400, 401, 403, 429):
            for wrapped in (body, {"error": body}, {"error": {"message": body, "details": body}}):
                found = judge(answer(wrapped, status))
                assert found is None or found.message
