"""Augment's answers: what auggie prints, the Analytics API, the web application. Asking:
test_augment_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, sound, survives
from tests.support import PAYLOADS, d, payload, utc
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Spend, Usage, plan
from usagecli.providers._augment.status import is_signed_out, parse
from usagecli.providers._augment.web import next_cursor, parse_analytics, parse_credits

END = utc("2026-12-04T00:00:00")
MONTH: dict[str, Any] = {"since": utc("2026-11-01T00:00:00"), "until": utc("2026-11-21T00:00:00")}


def text(name: str) -> str:
    return (PAYLOADS / "augment" / f"{name}.txt").read_text(encoding="utf-8")


def credits_(used: str | None, limit: str | None, left: str | None, end: Any = END) -> Quota:
    figures = [None if figure is None else d(figure) for figure in (used, limit, left)]
    return Quota(
        id="credits",
        label="Credits",
        unit="credits",
        used=figures[0],
        limit=figures[1],
        remaining=figures[2],
        resets_at=end,
    )


def bought(amount: str) -> Balance:
    return Balance(id="credits", label="Credits", unit="credits", amount=d(amount))


MAX = Usage(quotas=(credits_("326600", "450000", "123400"),), plan=plan("Max"), source="cli")
TOPPED_UP = Usage(balances=(bought("512000.5"),), plan=plan("Indie"), source="cli")


# -- what auggie prints -----------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "expected"), [("line", MAX), ("box", MAX), ("box_topped_up", TOPPED_UP)])
def test_parse(case: str, expected: Usage) -> None:
    assert parse(text(case)) == expected


@pytest.mark.parametrize("case", ["line", "box"])
def test_colours_and_line_ends_do_not_matter(case: str) -> None:
    coloured = text(case).replace("123,400", "\x1b[1;38;5;42m123,400\x1b[0m").replace("\n", "\r\n")
    assert parse(coloured) == MAX


def test_what_is_left_is_taken_as_printed() -> None:
    """Rollover and bought credits are in the pair, which may pass the month's credits."""
    told = text("line").replace("326,600 / 450,000", "326,600 / 700,000")
    assert parse(told).quotas == (credits_("326600", "700000", "123400"),)


@pytest.mark.parametrize(
    ("left", "month", "quotas", "balances"),
    [
        ("100", "400", (credits_("300", "400", "100", None),), ()),
        ("400", "400", (credits_("0", "400", "400", None),), ()),
        ("0", "400", (credits_("400", "400", "0", None),), ()),
        ("401", "400", (), (bought("401"),)),
        ("401", None, (), (bought("401"),)),
    ],
)
def test_the_boxed_layout(left: str, month: str | None, quotas: Any, balances: Any) -> None:
    told = f"│ {left} credits remaining │\n" + (f"│ {month} credits / month │" if month else "")
    assert parse(told) == Usage(quotas=quotas, balances=balances, source="cli")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("(ends 12/4/2026)", END),
        ("(ends 12/04/2026)", END),
        ("(ends 1/31/2027)", utc("2027-01-31T00:00:00")),
        ("(ends 31/1/2027)", None),
        ("(ends soon)", None),
        ("", None),
    ],
)
def test_the_end_is_month_before_day(end: str, expected: Any) -> None:
    assert parse(f"5 remaining · 5 / 10 credits used\n{end}").quotas[0].resets_at == expected


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Max Plan 450,000 credits / month", "Max"),
        ("│ Community Plan │", "Community"),
        ("│ 5 credits remaining   Legacy Dev 2.0 Plan │", "Legacy Dev 2.0"),
        ("Plan", None),
        ("Your credits are gone; upgrade now to another Plan", None),
    ],
)
def test_the_plan(line: str, name: str | None) -> None:
    assert parse(f"5 / 10 credits used\n{line}").plan == (plan(name) if name else None)


@pytest.mark.parametrize(
    "told", ["", "Hello", "6 days remaining in this billing cycle", "450,000 credits / month"]
)
def test_a_text_that_is_not_understood(told: str) -> None:
    with pytest.raises(PayloadError, match="^text: "):
        parse(told)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Authentication failed", True),
        ("\x1b[31mError: authentication failed.\x1b[0m", True),
        ("Please run `auggie login` first", True),
        (text("line"), False),
        (text("box"), False),
    ],
)
def test_signed_out(told: str, expected: bool) -> None:
    assert is_signed_out(told) is expected


@given(st.text(max_size=60), st.integers(0, 3), st.sampled_from(["line", "box", "box_topped_up"]))
def test_any_text(noise: str, line: int, case: str) -> None:
    lines = text(case).splitlines()
    lines[min(line, len(lines) - 1)] = noise
    survives(lambda: parse("\n".join(lines)))


@given(used=st.integers(0, 10**9), limit=st.integers(1, 10**9))
def test_figures_with_commas(used: int, limit: int) -> None:
    usage = parse(f"{max(0, limit - used):,} remaining · {used:,} / {limit:,} credits used")
    sound(usage)
    assert (usage.quotas[0].used, usage.quotas[0].limit) == (d(used), d(limit))


# -- the Analytics API ------------------------------------------------------------------------------


def spent(amount: str) -> Usage:
    return Usage(
        spend=(Spend(id="credits_used", label="Credits used", unit="credits", amount=d(amount), **MONTH),)
    )


@pytest.mark.parametrize(
    ("pages", "amount"),
    [
        ([payload("augment/page_1"), payload("augment/page_2")], "5500.5"),
        ([{"records": []}], "0"),
        ([{"records": [{"credits_consumed": "7"}]}], "7"),
    ],
)
def test_the_sum_over_all_pages(pages: list[Any], amount: str) -> None:
    assert parse_analytics(pages, **MONTH) == spent(amount)


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ([], "body"),
        ({}, "records"),
        ({"records": {}}, "records"),
        ({"records": [7]}, r"records\[\]"),
        ({"records": [{}]}, r"records\[\]\.credits_consumed"),
        ({"records": [{"credits_consumed": True}]}, r"records\[\]\.credits_consumed"),
    ],
)
def test_a_page_that_cannot_be_read(page: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        parse_analytics([page], **MONTH)


@pytest.mark.parametrize(
    ("told", "cursor"),
    [
        ({"has_more": True, "next_cursor": "c-2"}, "c-2"),
        ({"has_more": False, "next_cursor": "c-2"}, None),
        ({"next_cursor": "c-2"}, None),
        (None, None),
    ],
)
def test_where_the_next_page_begins(told: Any, cursor: str | None) -> None:
    assert next_cursor({"pagination": told}) == cursor


@pytest.mark.parametrize("cursor", [None, "", 7])
def test_more_without_a_place_is_an_error(cursor: Any) -> None:
    with pytest.raises(PayloadError, match=r"^pagination\.next_cursor: expected a text"):
        next_cursor({"pagination": {"has_more": True, "next_cursor": cursor}})


# -- the web application ----------------------------------------------------------------------------


def test_the_web_application() -> None:
    assert parse_credits(payload("augment/credits"), payload("augment/subscription")) == Usage(
        quotas=(credits_("326600", "450000", "123400"),),
        account="ada@example.com",
        plan=plan("Max Plan"),
        source="cookie",
    )


@pytest.mark.parametrize(
    ("left", "used", "available", "limit"),
    [
        (100, 300, 500, "500"),
        (100, 300, 0, "400"),
        (100, 300, None, "400"),
        (100, 300, -1, "400"),
        # What is left once more, and no total.
        (100, 300, 100, "400"),
        (100, 0, 100, "100"),
        (None, 300, 500, "500"),
        (100, None, 500, "500"),
        (100, None, 0, None),
        (None, 300, None, None),
    ],
)
def test_the_total(left: Any, used: Any, available: Any, limit: str | None) -> None:
    body = {
        "usageUnitsRemaining": left,
        "usageUnitsConsumedThisBillingCycle": used,
        "usageUnitsAvailable": available,
    }
    (found,) = parse_credits(body).quotas
    assert found.limit == (None if limit is None else d(limit))
    assert found.used == (None if used is None else d(used))


def test_no_use_is_below_0() -> None:
    (found,) = parse_credits({"usageUnitsRemaining": 100, "usageUnitsConsumedThisBillingCycle": -5}).quotas
    assert (found.used, found.remaining) == (None, d(100))


@pytest.mark.parametrize(
    "body",
    [{}, {"usageUnitsAvailable": 5}, {"usageUnitsRemaining": None}, {"usageUnitsRemaining": "many"}],
)
def test_no_credits_at_all(body: Any) -> None:
    with pytest.raises(PayloadError, match="^usageUnitsRemaining: "):
        parse_credits(body)


@given(data=st.data())
def test_any_json_anywhere(data: st.DataObject) -> None:
    body = data.draw(mutated(payload("augment/credits")))
    subscription = data.draw(mutated(payload("augment/subscription")))
    survives(lambda: parse_credits(body, subscription))
    page = data.draw(mutated(payload("augment/page_1")))
    survives(lambda: parse_analytics([page], **MONTH))
