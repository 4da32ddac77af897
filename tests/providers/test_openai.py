"""OpenAI's answers, one by one. How it is asked: test_openai_fetch.py; rate limits: test_openai_probe.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.formatters.json import document
from usagecli.model import Balance, Quota, Report, Service, Spend, Status, Usage
from usagecli.providers._openai.usage import following, parse, parse_credits

SERVICE = Service(name="openai", provider="openai")
FIRST, NEXT = utc("2026-11-01T00:00:00"), utc("2026-12-01T00:00:00")
THIRTY_DAYS = 30 * 86400
ENFORCED = "the spend limit is being enforced: OpenAI refuses requests now"
MISSING = object()
SILLY = [None, MISSING, "much", True, [], {}, "NaN", "Infinity", "1e309", float("inf"), float("nan")]


def month(amount: str, currency: str = "usd") -> Spend:
    id_, label = "monthly", "This month"
    if currency != "usd":
        id_, label = f"monthly_{currency}", f"This month ({currency.upper()})"
    return Spend(id=id_, label=label, unit=currency, amount=d(amount), since=FIRST)


def tokens_of(count: int) -> Spend:
    return Spend(id="tokens", label="Tokens this month", unit="tokens", amount=d(count), since=FIRST)


def limit_of(used: str, limit: str, **more: Any) -> Quota:
    given_: dict[str, Any] = {"window_seconds": THIRTY_DAYS, "resets_at": NEXT, **more}
    return Quota(
        id="spend_limit",
        label="Monthly spend limit",
        unit="usd",
        used=d(used),
        limit=d(limit),
        **given_,
    )


def cost(value: Any, currency: Any = "usd") -> dict[str, Any]:
    return {"amount": {"value": value, "currency": currency}}


def page(*results: Any, **more: Any) -> dict[str, Any]:
    return {"data": [{"results": list(results)}], "has_more": False, "next_page": None, **more}


def costs(*values: Any) -> list[Any]:
    return [page(*(cost(value) for value in values))]


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body with some fields changed or, as MISSING, left out."""
    return {name: value for name, value in {**body, **changes}.items() if value is not MISSING}


def limit(**changes: Any) -> dict[str, Any]:
    return changed(payload("openai/spend_limit"), **changes)


def read(*values: Any, now: datetime = NOW, **changes: Any) -> Usage:
    """What is read of these costs and the spend limit of $250, some of its fields changed."""
    return parse(costs(*values), now=now, limit=limit(**changes))


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


# -- whole answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cases", "given_", "expected", "weight"),
    [
        (
            ["costs"],
            {"tokens": ["tokens"], "limit": "spend_limit"},
            Usage(quotas=(limit_of("181.5182", "250"),), spend=(month("181.5182"), tokens_of(942345))),
            "ok",
        ),
        (
            ["costs_first_page", "costs_second_page", "costs_third_page"],
            {"tokens": ["tokens_first_page", "tokens_second_page"]},
            Usage(spend=(month("181.5182"), tokens_of(942345))),
            "ok",
        ),
        (
            ["costs"],
            {"limit": "spend_limit_enforcing"},
            Usage(
                quotas=(limit_of("181.5182", "250", reached=True),),
                spend=(month("181.5182"),),
                notes=(ENFORCED,),
                stopped=True,
            ),
            "exhausted",
        ),
        (
            ["costs"],
            {"limit": "spend_limit_passed"},
            Usage(
                quotas=(
                    limit_of("181.5182", "180", remaining=d(0), percent_used=d("100.843444"), reached=True),
                ),
                spend=(month("181.5182"),),
                notes=(ENFORCED,),
                stopped=True,
            ),
            "exhausted",
        ),
        (
            ["costs_project"],
            {"limit": "spend_limit_project", "project": "proj_fake1"},
            Usage(
                quotas=(limit_of("19.75", "20", scope="proj_fake1"),),
                spend=(month("19.75"),),
                account="proj_fake1",
            ),
            "low",
        ),
        (["costs"], {}, Usage(spend=(month("181.5182"),)), "ok"),
        (["costs_none"], {}, Usage(spend=(month("0"),)), "ok"),
        (
            ["costs_none"],
            {"limit": "spend_limit"},
            Usage(quotas=(limit_of("0", "250"),), spend=(month("0"),)),
            "ok",
        ),
        (["costs_as_text"], {}, Usage(spend=(month("5.00"),)), "ok"),
        (
            ["costs_currencies"],
            {"limit": "spend_limit"},
            Usage(
                quotas=(limit_of("3.5", "250"),),
                spend=(month("3.5"), month("12.25", "eur"), month("1200", "jpy")),
            ),
            "ok",
        ),
    ],
)
def test_parse(cases: list[str], given_: dict[str, Any], expected: Usage, weight: Status) -> None:
    tokens = given_.get("tokens")
    usage = parse(
        [payload(f"openai/{case}") for case in cases],
        now=NOW,
        project=given_.get("project"),
        tokens=[payload(f"openai/{case}") for case in tokens] if tokens else None,
        limit=payload(f"openai/{given_['limit']}") if "limit" in given_ else None,
    )
    assert usage == expected
    assert status(usage) == weight


def test_the_document() -> None:
    usage = parse(
        [payload("openai/costs")],
        now=NOW,
        tokens=[payload("openai/tokens")],
        limit=payload("openai/spend_limit"),
    )
    judged, weight = assess.judged(usage, SERVICE)
    body = document(Report(service=SERVICE, status=weight, usage=judged, fetched_at=NOW))
    assert body["quotas"] == [
        {
            "id": "spend_limit",
            "label": "Monthly spend limit",
            "scope": None,
            "unit": "usd",
            "used": 181.5182,
            "limit": 250,
            "remaining": 68.4818,
            "percentUsed": 72.60728,
            "percentRemaining": 27.39272,
            "unlimited": False,
            "windowSeconds": 2592000,
            "resetsAt": "2026-12-01T00:00:00Z",
            "refill": None,
            "status": "ok",
            "pace": None,
        }
    ]
    assert body["spend"] == [
        {
            "id": "monthly",
            "label": "This month",
            "unit": "usd",
            "amount": 181.5182,
            "since": "2026-11-01T00:00:00Z",
            "until": None,
        },
        {
            "id": "tokens",
            "label": "Tokens this month",
            "unit": "tokens",
            "amount": 942345,
            "since": "2026-11-01T00:00:00Z",
            "until": None,
        },
    ]
    assert (body["plan"], body["account"], body["source"]) == (None, None, "api")
    assert (body["balances"], body["notes"], body["error"]) == ([], [], None)


# -- costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pages", "field"),
    [
        ([None], "body"),
        ([[]], "body"),
        ([{}], "data"),
        ([{"data": {}}], "data"),
        ([{"data": [7]}], r"data\[\]"),
        ([{"data": [{}]}], "results"),
        ([{"data": [{"results": None}]}], "results"),
        ([page(None)], r"results\[\]"),
        ([page({"amount": 3.5})], "amount"),
        ([page(cost(1)), {"data": [{"results": "none"}]}], "results"),
    ],
)
def test_costs_name_the_broken_field(pages: list[Any], field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(pages, now=NOW)


@pytest.mark.parametrize("value", [value for value in SILLY if value is not MISSING])
def test_a_cost_that_is_no_number_is_never_summed_up(value: Any) -> None:
    """A bare NaN of the answer is among them: it arrives as null."""
    with pytest.raises(PayloadError, match=r"^amount\.value: expected a number"):
        parse(costs(1, value), now=NOW)


@pytest.mark.parametrize("result", [{}, {"amount": None}, {"amount": {}}, {"amount": {"currency": "eur"}}])
def test_a_missing_amount_counts_nothing(result: Any) -> None:
    assert parse([page(cost(2.5), result)], now=NOW) == Usage(spend=(month("2.5"),))


def test_costs_add_up_exactly() -> None:
    """Not as floats do, where this would be 0.30000000000000004."""
    assert parse(costs(0.1, "0.2"), now=NOW).spend == (month("0.3"),)


def test_a_refund_lowers_the_costs() -> None:
    assert parse(costs(5, -1.5), now=NOW).spend == (month("3.5"),)


def test_buckets_are_not_filtered_again() -> None:
    """The query did: what a bucket says of its own time does not matter."""
    body = page(cost(3))
    body["data"][0].update(start_time=1, end_time=2)
    assert parse([body], now=NOW).spend == (month("3"),)


@pytest.mark.parametrize("currency", [None, "usd", "USD", " usd "])
def test_dollars_in_every_spelling(currency: Any) -> None:
    assert parse([page(cost(1), cost(2, currency))], now=NOW).spend == (month("3"),)


@pytest.mark.parametrize("currency", ["", "dollars", "us", "£", 7, True, [], {}])
def test_a_currency_that_is_none(currency: Any) -> None:
    with pytest.raises(PayloadError, match="^currency: "):
        parse([page(cost(1, currency))], now=NOW)


@pytest.mark.parametrize(
    ("now", "since", "resets_at", "days"),
    [
        ("2026-11-01T00:00:00", "2026-11-01", "2026-12-01", 30),
        ("2026-12-31T23:59:59", "2026-12-01", "2027-01-01", 31),
        ("2028-02-29T12:00:00", "2028-02-01", "2028-03-01", 29),
    ],
)
def test_the_month_is_a_calendar_month_of_utc(now: str, since: str, resets_at: str, days: int) -> None:
    usage = read(1, now=utc(now))
    assert [entry.since for entry in usage.spend] == [utc(f"{since}T00:00:00")]
    (quota,) = usage.quotas
    assert (quota.resets_at, quota.window_seconds) == (utc(f"{resets_at}T00:00:00"), days * 86400)


# -- pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "cursor"),
    [
        ({}, None),
        ({"next_page": "left over"}, None),
        ({"next_page": MISSING}, None),
        ({"has_more": True, "next_page": "b"}, "b"),
    ],
)
def test_the_page_after_this_one(changes: dict[str, Any], cursor: str | None) -> None:
    assert following(changed(page(), **changes), ["a"]) == cursor


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        (changed(page(), data=MISSING), "data"),
        (page(data=None), "data"),
        (changed(page(), has_more=MISSING), "has_more"),
        (page(has_more=None), "has_more"),
        (page(has_more="false"), "has_more"),
        (page(has_more=True), "next_page"),
        (page(has_more=True, next_page=""), "next_page"),
        (page(has_more=True, next_page=" "), "next_page"),
        (page(has_more=True, next_page=7), "next_page"),
        (page(has_more=True, next_page="a"), "next_page"),
    ],
)
def test_pages_that_lead_nowhere(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        following(body, ["a"])


# -- tokens -----------------------------------------------------------------------------------------


def used(**counts: Any) -> dict[str, Any]:
    return changed({"input_tokens": 100, "output_tokens": 20}, **counts)


def test_parts_of_the_tokens_are_not_counted_again() -> None:
    parts = {
        "input_cached_tokens": 40,
        "input_cache_write_tokens": 10,
        "input_uncached_tokens": 50,
        "input_audio_tokens": 30,
        "output_audio_tokens": 5,
    }
    usage = parse(costs(1), now=NOW, tokens=[page(used(**parts), used())])
    assert usage.spend == (month("1"), tokens_of(240))


@pytest.mark.parametrize("field", ["input_tokens", "output_tokens"])
@pytest.mark.parametrize("value", SILLY)
def test_tokens_that_cannot_be_read_cost_their_own_entry_only(field: str, value: Any) -> None:
    usage = parse(costs(1), now=NOW, tokens=[page(used(**{field: value}))], limit=limit())
    assert usage.spend == (month("1"),)
    assert usage.quotas == (limit_of("1", "250"),)
    (note,) = usage.notes
    assert note.startswith(f"the tokens could not be read: {field}: expected a number")


def test_no_tokens_are_none_used() -> None:
    assert parse(costs(1), now=NOW, tokens=[page()]).spend == (month("1"), tokens_of(0))


def test_tokens_as_text() -> None:
    usage = parse(costs(1), now=NOW, tokens=[page(used(input_tokens="7", output_tokens="3"))])
    assert usage.spend[1] == tokens_of(10)


# -- the spend limit --------------------------------------------------------------------------------


def test_the_limit_is_in_cents_and_the_costs_are_in_dollars() -> None:
    assert read(100).quotas == (limit_of("100", "250"),)


@pytest.mark.parametrize(
    ("spent", "percent", "left", "expected"),
    [
        ("0", "0", "100", "ok"),
        ("225", "90", "10", "ok"),
        ("225.01", "90.004", "9.996", "low"),
        ("249.99", "99.996", "0.004", "low"),
        ("250", "100", "0", "exhausted"),
        ("275", "110", "0", "exhausted"),
    ],
)
def test_how_the_limit_is_judged(spent: str, percent: str, left: str, expected: Status) -> None:
    usage = read(spent)
    (quota,) = usage.quotas
    assert (quota.percent_used, quota.percent_remaining) == (d(percent), d(left))
    assert quota.remaining == max(Decimal(0), 250 - d(spent))
    assert status(usage) == expected


@pytest.mark.parametrize("state", ["enforcing", "ENFORCING", " enforcing "])
def test_an_enforced_limit_stops_the_account_whatever_was_spent(state: str) -> None:
    usage = read(1, enforcement={"status": state})
    judged, weight = assess.judged(usage, SERVICE)
    assert (judged.quotas[0].status, weight) == ("exhausted", "exhausted")
    assert usage.notes == (ENFORCED,)
    ignoring = Service(name="openai", provider="openai", ignore=frozenset({"spend_limit"}))
    assert assess.judged(usage, ignoring)[1] == "exhausted"


@pytest.mark.parametrize("state", ["inactive", "paused", "", None, 7, MISSING])
def test_any_other_state_of_the_limit_stops_nothing(state: Any) -> None:
    usage = read(1, enforcement=changed({"status": state}))
    assert usage == read(1)
    assert status(usage) == "ok"


@pytest.mark.parametrize("enforcement", [MISSING, None, "enforcing", [], 7])
def test_no_state_of_the_limit(enforcement: Any) -> None:
    assert read(1, enforcement=enforcement) == read(1)


@pytest.mark.parametrize("cents", [*SILLY, -1])
def test_a_limit_that_cannot_be_read_costs_its_own_entry_only(cents: Any) -> None:
    usage = read(1, threshold_amount=cents)
    assert (usage.quotas, usage.spend) == ((), (month("1"),))
    (note,) = usage.notes
    assert note.startswith("the spend limit could not be read: threshold_amount: ")


@pytest.mark.parametrize("body", [[], "none", 7, True])
def test_a_limit_of_another_shape(body: Any) -> None:
    usage = parse(costs(1), now=NOW, limit=body)
    assert usage.quotas == ()
    assert usage.notes[0].startswith("the spend limit could not be read: body: expected an object")


def test_an_enforced_limit_that_cannot_be_read_still_stops_the_account() -> None:
    usage = read(1, threshold_amount=None, enforcement={"status": "enforcing"})
    assert (usage.quotas, usage.notes[1:]) == ((), (ENFORCED,))
    assert status(usage) == "exhausted"


def test_a_limit_as_text() -> None:
    assert read(1, threshold_amount="25000") == read(1)


@pytest.mark.parametrize(("spent", "expected"), [(0.01, "exhausted"), (0, None)])
def test_a_limit_of_nothing(spent: float, expected: Status | None) -> None:
    usage = read(spent, threshold_amount=0)
    (quota,) = assess.judged(usage, SERVICE)[0].quotas
    assert (quota.limit, quota.percent_used, quota.status) == (d(0), None, expected)


@pytest.mark.parametrize(
    ("pages", "spent"),
    [([page(cost(4), cost(7, "eur"))], d(7)), ([page(cost(4))], None)],
)
def test_a_limit_in_another_currency_counts_only_its_own_costs(
    pages: list[Any], spent: Decimal | None
) -> None:
    (quota,) = parse(pages, now=NOW, limit=limit(currency="EUR")).quotas
    assert (quota.unit, quota.used, quota.limit) == ("eur", spent, d(250))


@pytest.mark.parametrize("currency", ["credits", 7])
def test_a_limit_in_no_currency_costs_its_own_entry_only(currency: Any) -> None:
    usage = read(1, currency=currency)
    assert (usage.quotas, usage.spend) == ((), (month("1"),))
    assert usage.notes == ("the spend limit could not be read: currency: expected the code of a currency",)


@pytest.mark.parametrize("currency", [None, MISSING])
def test_a_limit_without_a_currency_is_in_dollars(currency: Any) -> None:
    assert read(1, currency=currency) == read(1)


@pytest.mark.parametrize("interval", [None, MISSING, 7, ""])
def test_a_limit_without_an_interval_is_of_a_month(interval: Any) -> None:
    assert read(1, interval=interval) == read(1)


def test_the_month_s_costs_say_nothing_of_another_interval() -> None:
    usage = read(300, interval="week")
    expected = Quota(id="spend_limit", label="Spend limit (week)", unit="usd", limit=d(250))
    assert usage.quotas == (expected,)
    assert status(usage) == "ok"
    assert status(read(1, interval="week", enforcement={"status": "enforcing"})) == "exhausted"


# -- credit grants ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "amount", "expected"),
    [
        ({}, "28.5", "ok"),
        ({"total_available": "28.5"}, "28.5", "ok"),
        ({"total_available": 0}, "0", "exhausted"),
        ({"total_available": -0.5}, "-0.5", "exhausted"),
    ],
)
def test_credit_grants(changes: dict[str, Any], amount: str, expected: Status) -> None:
    usage = parse_credits({**payload("openai/credit_grants"), **changes})
    balance = Balance(id="credits", label="Credit grants", unit="usd", amount=d(amount))
    assert usage == Usage(balances=(balance,))
    assert status(usage) == expected


@pytest.mark.parametrize("value", SILLY)
def test_credit_grants_without_a_figure(value: Any) -> None:
    with pytest.raises(PayloadError, match="^total_available: expected a number"):
        parse_credits(changed(payload("openai/credit_grants"), total_available=value))


@pytest.mark.parametrize("body", [None, [], "none"])
def test_credit_grants_of_another_shape(body: Any) -> None:
    with pytest.raises(PayloadError, match="^body: expected an object"):
        parse_credits(body)


# -- whatever comes ---------------------------------------------------------------------------------


@given(
    body=mutated(payload("openai/costs")) | mutated(payload("openai/costs_currencies")),
    tokens=mutated(payload("openai/tokens")) | ANY_JSON,
    limit=mutated(payload("openai/spend_limit_passed")) | ANY_JSON,
)
@settings(max_examples=300, deadline=None)
def test_any_answer(body: Any, tokens: Any, limit: Any) -> None:
    survives(lambda: parse([body], now=NOW, tokens=[tokens], limit=limit))
    assert survives(lambda: parse(costs(1), now=NOW, tokens=[tokens], limit=limit)) is not None


@given(body=mutated(payload("openai/credit_grants")) | ANY_JSON)
@settings(max_examples=150, deadline=None)
def test_any_credit_grants(body: Any) -> None:
    survives(lambda: parse_credits(body))


@given(body=mutated(payload("openai/costs_first_page")) | ANY_JSON)
@settings(max_examples=150, deadline=None)
def test_any_page(body: Any) -> None:
    """It leads to a new page, is the last, or the error names the field."""
    try:
        cursor = following(body, ["a"])
    except PayloadError as error:
        assert ": " in error.message
    else:
        assert cursor is None or cursor not in ("", "a")
