"""OpenRouter's plan, account and own keys of the document; and that no odd answer brings a report down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, places, replaced, sound, survives
from tests.providers.test_openrouter import MISSING, WEEKLY, body, read
from tests.support import NOW, payload
from usagecli.providers._openrouter.usage import parse
from usagecli.providers.openrouter import DESCRIPTOR

KEYS = ("key_weekly", "key_monthly_spent", "key_unlimited", "key_management")


# -- plan and account -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, MISSING, 1, "false"])
def test_no_plan_is_guessed(value: Any) -> None:
    assert read(is_free_tier=value).plan is None


@pytest.mark.parametrize("value", [None, MISSING, "", 5])
def test_no_account_is_guessed(value: Any) -> None:
    usage = parse(body(label=value), now=NOW, keys=(payload("openrouter/keys"),))
    assert usage.account is None


def test_a_label_is_cleaned_of_what_moves_the_cursor() -> None:
    assert read(label="sk-or\x1b[31m\n...9ab").account == "sk-or [31m ...9ab"


def key_row(name: Any, label: Any = "sk-or-v1-fak...9ab") -> dict[str, Any]:
    return {"name": name, "label": label}


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([[key_row("Laptop", "sk-or-v1-fak...777"), key_row("Build server")]], "Build server"),
        ([[key_row("Laptop", "sk-or-v1-fak...777")], [key_row("Build\x07 server")]], "Build server"),
        # Masked labels may be the same by accident.
        ([[key_row("Laptop"), key_row("Build server")]], "sk-or-v1-fak...9ab"),
        ([[key_row("Laptop")], [key_row("Build server")]], "sk-or-v1-fak...9ab"),
        ([[key_row("Laptop", "sk-or-v1-fak...777")]], "sk-or-v1-fak...9ab"),
        ([[key_row(None)]], "sk-or-v1-fak...9ab"),
        ([[key_row(" ")]], "sk-or-v1-fak...9ab"),
        ([[None, [], key_row("x", None)]], "sk-or-v1-fak...9ab"),
    ],
)
def test_the_account_is_the_key_s_own_name(pages: list[Any], expected: str) -> None:
    assert parse(body(), now=NOW, keys=[{"data": page} for page in pages]).account == expected


# -- the provider's own keys ------------------------------------------------------------------------


def contract(**changes: Any) -> dict[str, Any]:
    return dict(read(**changes).contract)


@pytest.mark.parametrize("case", KEYS)
def test_the_contract_has_exactly_its_keys(case: str) -> None:
    found = read(case).contract
    assert list(found) == list(DESCRIPTOR.contract)
    assert all(value is None or isinstance(value, (bool, float, str)) for value in found.values())


@pytest.mark.parametrize(
    ("left", "percent", "low"),
    [
        (6, 10.0, False),
        (5.99, 10.0, True),  # on the percentage before it is rounded
        (5.9, 9.8, True),
        (0, 0.0, True),
        (60, 100.0, False),
    ],
)
def test_a_low_budget_is_below_ten_percent(left: float, percent: float, low: bool) -> None:
    found = contract(limit_remaining=left)
    assert (found["percentRemaining"], found["warningLowBudget"]) == (percent, low)


@pytest.mark.parametrize(
    ("changes", "low"),
    [({"usage_weekly": 0.1}, True), ({"usage_weekly": 0}, False), ({"usage_weekly": None}, False)],
)
def test_a_budget_of_nothing_is_low_only_with_use(changes: dict[str, Any], low: bool) -> None:
    found = contract(limit=0, limit_remaining=0, **changes)
    assert (found["totalLimit"], found["percentRemaining"], found["warningLowBudget"]) == (0, None, low)


def test_an_unlimited_budget_is_null_and_not_low() -> None:
    found = contract(limit=None, limit_remaining=5)
    names = ("totalLimit", "remaining", "percentRemaining", "warningLowBudget")
    assert [found[name] for name in names] == [None, None, None, False]


@pytest.mark.parametrize("value", [MISSING, None, "much", True, []])
@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("limit_remaining", "remaining"),
        ("usage", "usage"),
        ("usage_daily", "usageDaily"),
        ("usage_weekly", "usageWeekly"),
        ("usage_monthly", "usageMonthly"),
    ],
)
def test_a_missing_number_is_null_and_costs_no_other(field: str, key: str, value: Any) -> None:
    expected = {**WEEKLY.contract, key: None}
    if key == "remaining":
        expected |= {"percentRemaining": None, "warningLowBudget": None}
    assert contract(**{field: value}) == expected


@pytest.mark.parametrize("value", [MISSING, "much", True])
def test_a_missing_limit_is_unknown_rather_than_unlimited(value: Any) -> None:
    assert contract(limit=value) == {
        **WEEKLY.contract,
        "totalLimit": None,
        "percentRemaining": None,
        "warningLowBudget": None,
    }


@pytest.mark.parametrize(
    ("word", "expected"),
    [(MISSING, "N/A"), (None, None), ("daily", "daily"), ("yearly", "yearly"), (7, None)],
)
def test_the_reset_period_is_na_only_where_the_field_is_missing(word: Any, expected: str | None) -> None:
    assert contract(limit_reset=word)["resetPeriod"] == expected


# -- whatever comes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "path"),
    [(case, path) for case in KEYS for path in places(payload(f"openrouter/{case}"))],
)
def test_null_at_any_place_of_the_key(case: str, path: tuple[Any, ...]) -> None:
    key = replaced(payload(f"openrouter/{case}"), path, None)
    usage = survives(lambda: parse(key, now=NOW))
    assert (usage is None) == (len(path) < 2), "only the object itself is needed"


@pytest.mark.parametrize("case", ["credits", "credits_zero", "activity", "keys"])
def test_null_at_any_place_beside_the_key(case: str) -> None:
    recorded = payload(f"openrouter/{case}")
    name = "credits_" if case.startswith("credits") else case
    for path in places(recorded):
        answer = replaced(recorded, path, None)
        given_: dict[str, Any] = {name: (answer,) if name == "keys" else answer}
        usage = parse(body(), now=NOW, managed=True, **given_)
        sound(usage)
        assert usage.quotas == WEEKLY.quotas
        assert usage.spend[:7] == WEEKLY.spend


@pytest.mark.parametrize("case", KEYS)
@given(data=st.data(), told=st.booleans(), managed=st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_key(case: str, data: st.DataObject, told: bool, managed: bool) -> None:
    key = data.draw(mutated(payload(f"openrouter/{case}")))
    survives(lambda: parse(key, now=NOW, told=told, managed=managed))


@given(
    credits_=mutated(payload("openrouter/credits")) | ANY_JSON,
    activity=mutated(payload("openrouter/activity")) | ANY_JSON,
    page=mutated(payload("openrouter/keys")) | ANY_JSON,
    managed=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_anything_beside_the_key(credits_: Any, activity: Any, page: Any, managed: bool) -> None:
    usage = parse(body(), now=NOW, credits_=credits_, activity=activity, keys=(page, page), managed=managed)
    sound(usage)
    assert usage.quotas == WEEKLY.quotas
