"""Answers -> entries: figures, scale, what is derived, what is left out, what is refused."""

# ruff: noqa: E501 - descriptors are as long as they are

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.declarative.support import report
from tests.fuzz import ANY_JSON
from usagecli.errors import PayloadError

HEAD = "key: K\nurl: https://api.acme.example/u\n"
TWO = "key: K\nbase: https://api.acme.example\nrequests: {main: {url: /a}, more: {url: /b, optional: true}}\n"


def quota(body: Any, entry: str, folder: Path) -> Any:
    """The one quota of that entry, without its names; None where it is left out."""
    told = report(f"{HEAD}quotas: {{q: {{unit: usd, {entry}}}}}\nempty_ok: true\n", body, folder).get(
        "quotas", []
    )
    return {k: v for k, v in told[0].items() if k not in ("id", "label", "unit")} if told else None


WHOLE = {"used": 30, "limit": 120, "remaining": 90, "percentUsed": 25, "percentRemaining": 75}


@pytest.mark.parametrize(
    ("entry", "body", "expected"),
    [
        ("used: a, limit: b", {"a": 30, "b": "120"}, WHOLE),
        ("remaining: a, limit: b", {"a": 90, "b": 120}, WHOLE),
        ("used: a, remaining: b", {"a": 30, "b": 90}, WHOLE),
        ("used: a, limit: 120", {"a": "$30.00"}, WHOLE),
        ("used: a, limit: b, scale: 0.01", {"a": 3000, "b": 12000}, WHOLE),
        ("used: a, limit: b, scale: =c", {"a": 3000, "b": 12000, "c": 0.01}, WHOLE),
        ("used: a, limit: b, scale: =c", {"a": 3000, "b": 12000}, None),
        # Packs may leave more than the limit; overage may use more.
        (
            "remaining: a, limit: b",
            {"a": 130, "b": 120},
            {"limit": 120, "remaining": 130, "used": 0, "percentUsed": 0, "percentRemaining": 100},
        ),
        (
            "used: a, limit: b",
            {"a": 180, "b": 120},
            {"used": 180, "limit": 120, "remaining": 0, "percentUsed": 150, "percentRemaining": 0},
        ),
        (
            "remaining: a, limit: b",
            {"a": -10, "b": 120},
            {"used": 130, "limit": 120, "remaining": 0, "percentUsed": 108.333333, "percentRemaining": 0},
        ),
        # The provider's own percentage wins; a fraction is said to be one, never guessed.
        (
            "used: a, limit: b, percent_used: c",
            {"a": 30, "b": 120, "c": 25.5},
            {**WHOLE, "percentUsed": 25.5, "percentRemaining": 74.5},
        ),
        (
            "used: a, limit: b, fraction_used: c",
            {"a": 30, "b": 120, "c": 0.6},
            {**WHOLE, "percentUsed": 60, "percentRemaining": 40},
        ),
        (
            "percent_remaining: c, scale: 0.01",
            {"c": 0.6},
            {"used": 99.4, "limit": 100, "remaining": 0.6, "percentUsed": 99.4, "percentRemaining": 0.6},
        ),
        (
            "percent_used: c",
            {"c": -3},
            {"used": 0, "limit": 100, "remaining": 100, "percentUsed": 0, "percentRemaining": 100},
        ),
        (
            "percent_remaining: c",
            {"c": 130},
            {"used": 0, "limit": 100, "remaining": 100, "percentUsed": 0, "percentRemaining": 100},
        ),
        # A refund: nothing is used, and more is left than the limit.
        (
            "used: a, limit: b",
            {"a": -30, "b": 120},
            {"used": -30, "limit": 120, "remaining": 150, "percentUsed": 0, "percentRemaining": 100},
        ),
        ("used: a, limit: b", {"a": -30}, None),
        # Neither a limit nor a share: no quota. A limit alone is none either.
        ("used: a, limit: b", {"a": 30}, None),
        ("used: a, limit: b", {"a": 30, "b": ""}, None),
        ("used: a, limit: b", {"a": 30, "b": -1}, None),
        ("used: a, limit: b", {"b": 30}, None),
        ("used: a, limit: b", {"a": 0, "b": 0}, {"used": 0, "limit": 0, "remaining": 0}),
        ("used: a, limit: b, if: c", {"a": 30, "b": 120, "c": False}, None),
        ("used: a, limit: b, if: c", {"a": 30, "b": 120, "c": 0}, WHOLE),
        # No limit at all, said outright, wins over any figure.
        ("used: a, limit: b, unlimited: c", {"a": 30, "b": 120, "c": True}, {"used": 30, "unlimited": True}),
        ("used: a, limit: b, unlimited: c", {"c": True}, {"unlimited": True}),
        # Blocked, said outright, keeps a quota without figures.
        ("used: a, limit: b, exhausted: c", {"c": True}, {"exhausted": True}),
        ("used: a, limit: b, exhausted: c", {"a": 30, "b": 120, "c": True}, {**WHOLE, "exhausted": True}),
        ("used: a, limit: b, judged: c", {"a": 30, "b": 120, "c": False}, {**WHOLE, "shownOnly": True}),
        ("used: a, limit: b, judged: false", {"a": 30, "b": 120}, {**WHOLE, "shownOnly": True}),
        # Paid use goes on beyond it.
        ("used: a, limit: b, partial: c", {"a": 30, "b": 120, "c": True}, {**WHOLE, "partial": True}),
        ("used: a, limit: b, partial: c", {"a": 30, "b": 120, "c": False}, WHOLE),
        ("used: a, limit: b, partial: true", {"a": 30, "b": 120}, {**WHOLE, "partial": True}),
        # What trickles back; nothing where the amount or the time is not known.
        (
            "used: a, limit: b, scale: 0.01, refill: {amount: c, every: 900}",
            {"a": 3000, "b": 12000, "c": "$600"},
            {**WHOLE, "refill": {"amount": 6, "everySeconds": 900}},
        ),
        (
            "used: a, limit: b, refill: {amount: 6, every: '=times(c, `18000`)'}",
            {"a": 30, "b": 120, "c": 0.05},
            {**WHOLE, "refill": {"amount": 6, "everySeconds": 900}},
        ),
        ("used: a, limit: b, refill: {amount: 6, every: =c}", {"a": 30, "b": 120}, WHOLE),
        ("used: a, limit: b, refill: {amount: c, every: 900}", {"a": 30, "b": 120, "c": 0}, WHOLE),
        (
            "percent_used: a, refill: {amount: 6, every: 900}",
            {"a": 25},
            {"used": 25, "limit": 100, "remaining": 75, "percentUsed": 25, "percentRemaining": 75},
        ),
        # Windows and resets.
        (
            "used: a, limit: b, window: 300, resets: r",
            {"a": 30, "b": 120, "r": "2026-11-21 10:24:30.094374+00"},
            {**WHOLE, "windowSeconds": 300, "resetsAt": "2026-11-21T10:24:30Z"},
        ),
        (
            "used: a, limit: b, window: =seconds(w), resets: r",
            {"a": 30, "b": 120, "w": "7d", "r": "2026-11-21T14:32:27.073666206Z"},
            {**WHOLE, "windowSeconds": 604800, "resetsAt": "2026-11-21T14:32:27Z"},
        ),
        ("used: a, limit: b, window: =w, resets: r", {"a": 30, "b": 120, "w": {}, "r": ""}, WHOLE),
        ("used: a, limit: b, resets: r", {"a": 30, "b": 120, "r": "in a while"}, WHOLE),
        (
            "used: a, limit: b, resets: unix_ms(r)",
            {"a": 30, "b": 120, "r": 1795305600000},
            {**WHOLE, "resetsAt": "2026-11-22T00:00:00Z"},
        ),
        ("used: a, limit: b, scope: =s", {"a": 30, "b": 120, "s": "search"}, {**WHOLE, "scope": "search"}),
    ],
)
def test_a_quota(entry: str, body: Any, expected: Any, tmp_path: Path) -> None:
    assert quota(body, entry, tmp_path) == expected


def test_where_only_a_share_is_known_the_unit_is_percent(tmp_path: Path) -> None:
    text = HEAD + "quotas: {q: {unit: requests, used: u, limit: l, percent_used: p}}\n"
    (entry,) = report(text, {"u": 3, "p": 40}, tmp_path)["quotas"]
    assert (entry["unit"], entry["used"], entry["limit"]) == ("percent", 40, 100)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, "a truth value"),
        ({}, "an object"),
        ([1], "a list"),
        ("n/a", "a text"),
        ("NaN", "a text"),
        ("1,23", "a text"),
        ("0x10", "a text"),
        (1e300, "one beyond all bounds"),
        (10**25, "one beyond all bounds"),
    ],
)
def test_a_figure_that_is_none_is_refused_by_name(value: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(PayloadError) as caught:
        report(HEAD + "balances: {c: {unit: usd, amount: a}}\n", {"a": value}, tmp_path)
    assert caught.value.message == f"balances.c.amount: expected a number, got {told}"


@pytest.mark.parametrize("value", ["n/a", True, {}])
def test_an_unreadable_figure_of_an_optional_answer_drops_its_entry(value: Any, tmp_path: Path) -> None:
    text = TWO + (
        "let: {extra: more.b}\n"
        "balances: {a: {unit: usd, amount: main.a}, b: {unit: usd, amount: extra}, c: {unit: usd, each: more.rows, amount: b}}\n"
    )
    told = report(text, {"main": {"a": 1}, "more": {"b": value, "rows": [{"b": value}, {"b": 2}]}}, tmp_path)
    assert [(entry["id"], entry["amount"]) for entry in told["balances"]] == [("a", 1), ("c", 2)]


@pytest.mark.parametrize("key", ["if", "unlimited", "exhausted"])
def test_an_unreadable_condition_on_an_optional_answer_drops_its_entry(key: str, tmp_path: Path) -> None:
    text = TWO + (
        "balances:\n  a: {unit: usd, amount: main.a}\n"
        f"  b: {{unit: usd, amount: main.a, {key}: positive(more.b)}}\n"
    )
    told = report(text, {"main": {"a": 1}, "more": {"b": "n/a"}}, tmp_path)
    assert [entry["id"] for entry in told["balances"]] == ["a"]
    with pytest.raises(PayloadError, match=r"^balances\.b\.\w+: expected a number, got a text$"):
        report(text.replace("more.b", "main.b"), {"main": {"a": 1, "b": "n/a"}, "more": {}}, tmp_path)


@pytest.mark.parametrize("key", ["unit", "label", "id", "scope", "window", "judged", "partial"])
def test_an_unreadable_word_of_an_optional_answer_drops_its_entry(key: str, tmp_path: Path) -> None:
    word = "lower(more.b)" if key in ("judged", "partial") else "=lower(more.b)"
    entry = {"unit": "usd", "used": "main.a", "limit": "9", key: word}
    text = TWO + (
        f"balances: {{a: {{unit: usd, amount: main.a}}}}\nquotas: {{q: {str(entry).replace(chr(39), '')}}}\n"
    )
    told = report(text, {"main": {"a": 1}, "more": {"b": {}}}, tmp_path)
    assert (list(told), told["balances"][0]["amount"]) == (["balances"], 1)
    with pytest.raises(PayloadError, match=rf"^quotas\.q\.{key}: expected a text$"):
        report(text.replace("more.b", "main.b"), {"main": {"a": 1, "b": {}}, "more": {}}, tmp_path)


def test_a_plan_or_note_that_cannot_be_read_hides_no_figure(tmp_path: Path) -> None:
    text = HEAD + (
        "balances: {c: {unit: usd, amount: a}}\n"
        "plan: title(plan)\naccount: lower(plan)\nnotes: [=lower(plan), told]\n"
    )
    told = report(text, {"a": 1, "plan": {"name": "Pro"}}, tmp_path)
    assert told == {"balances": [{"id": "c", "label": "C", "unit": "usd", "amount": 1}], "notes": ["told"]}


def test_a_stop_that_an_optional_answer_does_not_say(tmp_path: Path) -> None:
    text = TWO + "balances: {a: {unit: usd, amount: main.a}}\nexhausted: positive(more.b)\n"
    assert report(text, {"main": {"a": 1}, "more": {"b": 1}}, tmp_path)["exhausted"] is True
    assert "exhausted" not in report(text, {"main": {"a": 1}, "more": {"b": "n/a"}}, tmp_path)
    with pytest.raises(PayloadError, match="^exhausted: expected a number, got a text$"):
        report(text.replace("more.b", "main.b"), {"main": {"a": 1, "b": "n/a"}, "more": {}}, tmp_path)


@pytest.mark.parametrize(("amount", "told"), [(10**15, 1e6), ("1e23", 1e14), (-(10**23), -1e14)])
def test_bounds_hold_behind_the_scale(amount: Any, told: float, tmp_path: Path) -> None:
    text = HEAD + "balances: {c: {unit: usd, scale: 0.000000001, amount: a}}\n"
    assert report(text, {"a": amount}, tmp_path)["balances"][0]["amount"] == told
    with pytest.raises(PayloadError, match=r"^balances\.c\.amount: a number beyond all bounds$"):
        report(text.replace("0.000000001", "10"), {"a": amount}, tmp_path)


@pytest.mark.parametrize("key", ["percent_used", "fraction_used", "percent_remaining"])
def test_a_share_has_bounds_too(key: str, tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match=rf"^quotas\.q\.{key}: a number beyond all bounds$"):
        report(HEAD + f"quotas: {{q: {{unit: percent, {key}: a}}}}\n", {"a": 1e20}, tmp_path)


def test_no_zero_of_a_negative_scale_has_a_sign(tmp_path: Path) -> None:
    told = report(HEAD + "balances: {c: {unit: usd, scale: -0.01, amount: a}}\n", {"a": 0}, tmp_path)
    assert str(told["balances"][0]["amount"]) == "0.0"


def test_required_and_empty(tmp_path: Path) -> None:
    text = HEAD + "balances: {a: {unit: usd, amount: a}, b: {unit: usd, amount: b, required: true}}\n"
    with pytest.raises(PayloadError, match=r"^balances\.b: is missing in the answer$"):
        report(text, {"a": 1}, tmp_path)
    with pytest.raises(PayloadError, match="^the answer holds none of the figures that Acme is known for$"):
        report(text.replace(", required: true", ""), {}, tmp_path)
    text += "empty_ok: free\nplan: \"free && 'Free'\"\n"
    assert report(text.replace(", required: true", ""), {"free": True}, tmp_path) == {"plan": "Free"}


def test_where_no_figure_is_found_the_keys_are_named(tmp_path: Path) -> None:
    text = HEAD + "balances: {a: {unit: usd, amount: a}}\n"
    keys = {"dta": {"a": 1}, "me@example.com": 1, "two words": 2, **{f"k{n}": n for n in range(10)}}
    told = "; it has: dta, k0, k1, k2, k3, k4, k5, k6, k7, k8 ...$"
    with pytest.raises(PayloadError, match=f"Acme is known for{told}"):
        report(text, keys, tmp_path)
    several = "key: K\nbase: https://a.example\nrequests: {one: {url: /a}, two: {url: /b}}\n"
    with pytest.raises(PayloadError, match="; it has: one.x, two.y$"):
        report(
            f"{several}balances: {{a: {{unit: usd, amount: one.a}}}}\n",
            {"one": {"x": 1}, "two": {"y": 1}},
            tmp_path,
        )


PICK = (
    HEAD
    + """quotas:
  windows:
    each: limits
    by: type
    pick:
      5h: {id: five_hour, label: 5-hour limit, window: 18000}
      7d: {id: weekly, window: 604800, judged: false}
    unit: percent
    percent_used: used
    resets: at
"""
)


def test_elements_are_told_apart_and_unknown_ones_skipped(tmp_path: Path) -> None:
    body = {
        "limits": [
            {"type": "7d", "used": "17.5"},
            {"type": "new", "used": "?"},
            {"type": "5h", "used": 43},
            {"type": 5},
        ]
    }
    weekly, five_hour = report(PICK, body, tmp_path)["quotas"]
    assert (weekly["id"], weekly["label"], weekly["windowSeconds"], weekly["shownOnly"]) == (
        "weekly",
        "Weekly",
        604800,
        True,
    )
    assert (five_hour["id"], five_hour["label"], five_hour["used"]) == ("five_hour", "5-hour limit", 43)


def test_a_unit_of_the_answer(tmp_path: Path) -> None:
    text = HEAD + "balances: {c: {each: rows, id: =lower(cur), unit: =cur, amount: a}}\n"
    rows = [{"cur": "CNY", "a": "0.00"}, {"cur": "USD", "a": "18.42"}, {"cur": "usd", "a": 1}, {"cur": None}]
    told = report(text, {"rows": rows}, tmp_path)["balances"]
    assert [(entry["id"], entry["unit"], entry["amount"]) for entry in told] == [
        ("cny", "cny", 0),
        ("usd", "usd", 18.42),
    ]
    with pytest.raises(PayloadError, match=r"^balances\.c\.unit: is no unit that is known$"):
        report(text, {"rows": [{"cur": "points", "a": 1}]}, tmp_path)


def test_balances_spend_and_the_document(tmp_path: Path) -> None:
    text = HEAD + (
        "balances:\n"
        "  credits: {unit: usd, amount: a, unlimited: free, exhausted: out, judged: a}\n"
        "spend:\n"
        "  monthly: {label: This month, unit: eur, amount: s, since: month_start(), until: now()}\n"
        "plan: title(plan)\naccount: user\nexhausted: stopped\n"
        "notes: [=why, \"=why && 'second'\", third]\n"
    )
    body = {
        "a": -2.5,
        "out": True,
        "s": "1.10",
        "plan": "past_due",
        "user": 42,
        "stopped": True,
        "why": "late",
    }
    assert report(text, body, tmp_path) == {
        "account": "42",
        "plan": "Past Due",
        "exhausted": True,
        "notes": ["late", "second", "third"],
        "balances": [{"id": "credits", "label": "Credits", "unit": "usd", "amount": -2.5, "exhausted": True}],
        "spend": [
            {
                "id": "monthly",
                "label": "This month",
                "unit": "eur",
                "amount": 1.1,
                "since": "2026-11-01T00:00:00Z",
                "until": "2026-11-21T08:00:00Z",
            }
        ],
    }
    assert report(text, {"free": True, "a": 7}, tmp_path)["balances"] == [
        {"id": "credits", "label": "Credits", "unit": "usd", "unlimited": True}
    ]


@pytest.mark.parametrize(
    ("stops", "body", "expected"),
    [
        ("true", {}, {"stops": True}),
        ("false", {}, {"stops": False}),
        ("pays", {"pays": True}, {"stops": True}),
        ("pays", {"pays": False}, {"stops": False}),
        ("pays", {"pays": None}, {}),
    ],
)
def test_whether_a_balance_of_0_stops_the_work(stops: str, body: Any, expected: Any, tmp_path: Path) -> None:
    text = f"{HEAD}balances: {{c: {{unit: usd, amount: a, stops: {stops}}}}}\n"
    (told,) = report(text, {"a": 0, **body}, tmp_path)["balances"]
    assert told == {"id": "c", "label": "C", "unit": "usd", "amount": 0, **expected}


def test_an_answer_that_repeats_the_key_does_not_show_it(tmp_path: Path) -> None:
    text = (
        HEAD + "balances: {c: {unit: usd, amount: a, label: =key}}\naccount: key\nplan: key\nnotes: [=key]\n"
    )
    key = "fake+secret/key"
    for echo in (key, "fake%2Bsecret%2Fkey"):
        assert "fake" not in str(report(text, {"a": 1, "key": f"it is {echo}!"}, tmp_path, key=key))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=ANY_JSON)
def test_any_answer_is_reported_or_refused(body: Any, tmp_path: Path) -> None:
    try:
        report(PICK + "balances: {c: {unit: =unit, amount: a, label: =b}}\nplan: p\n", [body], tmp_path)
    except PayloadError as error:
        assert ": " in error.message or "Acme" in error.message
