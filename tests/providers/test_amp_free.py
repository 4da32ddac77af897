"""Amp's daily free grant: as the balance text tells it, and as the settings page does."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest

from tests.providers.test_amp import DAY, EVENING, FREE_BOTH, free, plan, read, status, statuses
from tests.support import NOW, d, payload, utc
from usagecli.errors import PayloadError
from usagecli.model import Quota, Refill, Status, Usage
from usagecli.providers._amp import settings

SETTINGS = Usage(
    quotas=(
        Quota(
            id="free",
            label="Free grant",
            unit="usd",
            used=d("3.385"),
            limit=d(10),
            window_seconds=DAY,
            refill=Refill(amount=d("0.42"), every_seconds=3600),
        ),
    ),
    plan=plan("Free"),
    source="cookie",
)


def only(line: str, now: datetime = NOW) -> Quota:
    """The only quota of a line."""
    (quota,) = read(line, now=now).quotas
    return quota


# -- the balance text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "daily"),
    [
        ("Amp Free: 61% remaining today (resets daily)", True),
        ("Amp Free: 61% remaining today", True),
        ("Amp Free: 61% remaining (resets daily)", True),
        ("**Amp Free:** 61% remaining TODAY - https://ampcode.com/settings", True),
        ("Amp Free: 61% remaining", False),
        ("Amp Free: 61% remaining (resets weekly)", False),
    ],
)
def test_the_free_grant_resets_only_where_the_line_says_so(line: str, daily: bool) -> None:
    more = {"window_seconds": DAY, "resets_at": EVENING} if daily else {}
    assert only(line) == free(39, **more)


@pytest.mark.parametrize(
    ("now", "resets_at"),
    [
        ("2026-11-22T00:59:59", "2026-11-22T01:00:00"),
        ("2026-11-22T01:00:00", "2026-11-23T01:00:00"),  # the evening's own minute begins the next day
        ("2026-07-15T23:59:59", "2026-07-16T00:00:00"),  # summer time
        ("2026-07-16T00:00:00", "2026-07-17T00:00:00"),
        ("2026-10-31T23:00:00", "2026-11-01T00:00:00"),  # the last evening of summer time
        ("2026-11-01T00:30:00", "2026-11-02T01:00:00"),  # over the change, a day of 25 hours
        ("2026-11-01T06:30:00", "2026-11-02T01:00:00"),  # in the hour that comes twice
        ("2027-03-14T01:30:00", "2027-03-15T00:00:00"),  # a day of 23 hours
    ],
)
def test_the_day_of_the_free_grant_ends_at_eight_in_new_york(now: str, resets_at: str) -> None:
    assert only("Amp Free: 61% remaining today", now=utc(now)).resets_at == utc(resets_at)


def test_a_machine_without_time_zones_gives_no_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none of its own."""

    def missing(_name: str) -> None:
        raise ZoneInfoNotFoundError("No time zone found with key America/New_York")

    monkeypatch.setattr("zoneinfo.ZoneInfo", missing)
    assert only("Amp Free: 61% remaining today (resets daily)") == free(39, window_seconds=DAY)


@pytest.mark.parametrize(
    ("left", "used", "expected"),
    [("100", "0", "ok"), ("10", "90", "ok"), ("9.5", "90.5", "low"), ("0", "100", "exhausted")],
)
def test_a_percentage_of_the_free_grant(left: str, used: str, expected: Status) -> None:
    usage = read(f"Amp Free: {left}% remaining")
    assert usage.quotas == (free(used),)
    assert statuses(usage) == [expected]


@pytest.mark.parametrize(
    ("text", "used", "limit", "hours", "rate"),
    [
        ("$6.62/$10 remaining (replenishes +$0.42/hour)", "3.38", 10, 24, "0.42"),
        (
            "$6.62/$10 remaining (replenishes +$0.42/hour) [+20% bonus for 3 more days]",
            "3.38",
            10,
            24,
            "0.42",
        ),
        ("$13.2/$20 remaining (replenishes +$0.83/hour)", "6.8", 20, 24, "0.83"),
        ("$60 / $100 remaining (replenishes +$10 / hour)", 40, 100, 10, 10),
        ("$1,060.00/$1,100 remaining (replenishes +$1/hour)", 40, 1100, 1100, 1),
        ("$12/$10 remaining (replenishes +$0.42/hour)", 0, 10, 24, "0.42"),
        ("$5/$10 remaining (replenishes +$0/hour)", 5, 10, None, None),
        ("$5/$10 remaining (replenishes +$0.0001/hour)", 5, 10, None, "0.0001"),  # eleven years
        ("$5/$10 remaining (replenishes +$40/hour)", 5, 10, None, 40),  # at once
        ("$5/$10 remaining", 5, 10, None, None),
    ],
)
def test_the_older_free_grant_refills_by_the_hour(
    text: str, used: Any, limit: int, hours: int | None, rate: Any
) -> None:
    quota = only(f"Amp Free: {text}")
    assert (quota.unit, quota.used, quota.limit, quota.resets_at) == ("usd", d(used), d(limit), None)
    assert quota.window_seconds == (None if hours is None else hours * 3600)
    assert quota.refill == (None if rate is None else Refill(amount=d(rate), every_seconds=3600))


def test_a_free_grant_of_nothing_is_not_judged() -> None:
    usage = read("Amp Free: $0/$0 remaining (replenishes +$0.42/hour)")
    assert (statuses(usage), status(usage)) == ([None], "ok")


@pytest.mark.parametrize("turned", [False, True])
def test_dollars_of_the_free_grant_win_over_its_percentage(turned: bool) -> None:
    lines = payload("amp/free_both")["result"]["displayText"].splitlines()
    assert read(*(reversed(lines) if turned else lines)) == FREE_BOTH


# -- the settings page ------------------------------------------------------------------------------


def page_of(fields: str, name: str = "freeTierUsage") -> str:
    return f"<html><script>x = {{{name}:{{{fields}}},y:{{quota:7,used:7}}}}</script></html>"


def test_the_settings_page() -> None:
    assert settings.parse(payload("amp/settings")) == SETTINGS
    (quota,) = settings.parse(payload("amp/settings_remote")).quotas
    assert (quota.used, quota.limit, quota.window_seconds) == (d("0.005"), d(20), DAY)


@pytest.mark.parametrize(
    "name",
    [
        "freeTierUsage",
        '"freeTierUsage"',
        '"w6b2h6/getFreeTierUsage/"',
        "'0/getFreeTierUsage/' ",
        '\\"freeTierUsage\\"',
    ],
)
@pytest.mark.parametrize(
    "fields",
    [
        'bucket:"ubi",quota:1000,hourlyReplenishment:42,windowHours:24,used:338.5',
        '"bucket":"ubi","quota":1000,"hourlyReplenishment":42,"windowHours":24,"used":338.5',
        '\\"quota\\":1000,\\"hourlyReplenishment\\":42,\\"windowHours\\":24,\\"used\\":338.5',
        "used : 338.5 , windowHours : 24 , hourlyReplenishment : 42 , quota : 1e3",
        "quota:'1000',hourlyReplenishment:'42',windowHours:null,used:'338.5'",
    ],
)
def test_spellings_of_the_page_s_data(name: str, fields: str) -> None:
    assert settings.parse(page_of(fields, name)) == SETTINGS


@pytest.mark.parametrize(
    ("fields", "hours", "rate"),
    [
        ("hourlyReplenishment:42,windowHours:12", 12, "0.42"),
        ("hourlyReplenishment:42,windowHours:null", 24, "0.42"),
        ("hourlyReplenishment:null,windowHours:12", 12, None),
        ("hourlyReplenishment:0,windowHours:null", None, None),
        ("hourlyReplenishment:-1,windowHours:-1", None, None),
        ("hourlyReplenishment:42,windowHours:99999", None, "0.42"),
        ("x:1", None, None),
    ],
)
def test_the_page_s_window(fields: str, hours: int | None, rate: str | None) -> None:
    (quota,) = settings.parse(page_of(f"quota:1000,used:1,{fields}")).quotas
    assert quota.window_seconds == (None if hours is None else hours * 3600)
    assert quota.refill == (None if rate is None else Refill(amount=d(rate), every_seconds=3600))
    assert quota.resets_at is None


@pytest.mark.parametrize(
    ("used", "dollars", "remaining", "expected"),
    [
        ("1000", 10, 0, "exhausted"),
        ("1200.5", "12.005", 0, "exhausted"),
        ("-5", 0, "10.05", "ok"),
        ("901", "9.01", "0.99", "low"),
    ],
)
def test_how_the_page_s_figures_are_judged(used: str, dollars: Any, remaining: Any, expected: Status) -> None:
    usage = settings.parse(page_of(f"quota:1000,used:{used}"))
    assert (usage.quotas[0].used, usage.quotas[0].remaining) == (d(dollars), d(remaining))
    assert status(usage) == expected


@pytest.mark.parametrize(
    "page",
    [
        "",
        payload("amp/settings_without"),
        page_of("quota:null,used:5"),
        page_of("quota:1000,used:null"),
        page_of("quota:1000"),
        page_of("used:NaN,quota:Infinity"),
        page_of("quota:1000,used:5", "xfreeTierUsage"),
        page_of("quota:1000,used:5", "getFreeTierUsage"),
        "freeTierUsage:{quota:1000,used:5",
    ],
)
def test_a_page_without_figures(page: str) -> None:
    with pytest.raises(PayloadError, match="^settings: ") as caught:
        settings.parse(page)
    assert "amp login" in str(caught.value.hint)


def test_the_first_data_with_figures_count() -> None:
    page = page_of("quota:null") + payload("amp/settings") + payload("amp/settings_remote")
    assert settings.parse(page) == SETTINGS
