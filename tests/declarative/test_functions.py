"""The functions of descriptors: what they give, what they ask, and what they insist on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.support import NOW
from usagecli.declarative.expressions import Evaluator, compiled
from usagecli.declarative.functions import Functions, Scope
from usagecli.declarative.values import figure, instant
from usagecli.errors import PayloadError, ProviderError, ServiceError

OPTIONS = {"team": "t-1", "none": None}


def evaluate(text: str, root: Any = None) -> Any:
    scope = Scope(now=NOW, options=OPTIONS, kind="account", ends_with="fake-key:fx".endswith)
    expression = compiled(text, "here", names=None, options=tuple(OPTIONS))
    return Evaluator(scope).value(expression, root)


@pytest.mark.parametrize(
    ("text", "root", "expected"),
    [
        ("num(a)", {"a": "$1,234.50"}, 1234.5),
        ("num(a)", {"a": " 12 "}, 12),
        ("num(a)", {"a": "n/a"}, None),
        ("num(a)", {"a": True}, None),
        ("num(a)", {"a": ""}, None),
        ("num(a)", {"a": "1,23"}, None),
        ("positive(a)", {"a": "0"}, None),
        ("positive(a)", {"a": -1}, None),
        ("positive(a)", {"a": "3"}, 3),
        ("plus(a, b)", {"a": 0.1, "b": "0.2"}, 0.3),
        ("plus(a, b)", {"a": 1}, None),
        ("times(a, `0.000001`)", {"a": 6500000}, 6.5),
        ("ratio(a, b)", {"a": 1, "b": 500000}, 0.000002),
        ("ratio(a, b)", {"a": 1, "b": 0}, None),
        ("total(a)", {"a": ["1.5", None, 2, ""]}, 3.5),
        ("total(a)", {"a": []}, 0),
        ("total(a)", {}, None),
        ("total(rows[].cost)", {"rows": [{"cost": "4.51230000"}, {"cost": None}, {"cost": "2.25"}]}, 6.7623),
        ("unix(a)", {"a": 1796000000}, "2026-11-30T00:53:20Z"),
        ("unix(a)", {"a": "1796000000"}, "2026-11-30T00:53:20Z"),
        ("unix(a)", {"a": "2026-11-21T18:00:00Z"}, "2026-11-21T18:00:00Z"),
        ("unix(a)", {"a": 0}, None),
        ("unix(a)", {"a": -1}, None),
        ("unix(a)", {"a": ""}, None),
        ("unix_ms(a)", {"a": 1796256000000}, "2026-12-03T00:00:00Z"),
        ("after(a)", {"a": "2m59.56s"}, "2026-11-21T08:02:59Z"),
        ("after(a)", {"a": "1ms"}, "2026-11-21T08:00:00Z"),
        ("after(a)", {}, None),
        ("next_month(a)", {"a": "acme/team-policy/2026-11"}, "2026-12-01T00:00:00Z"),
        ("next_month(a)", {"a": "2026-12"}, "2027-01-01T00:00:00Z"),
        ("next_month(a)", {"a": "2026-13"}, None),
        ("next_month(a)", {"a": "week 47"}, None),
        ("future(a)", {"a": "2026-11-21T07:59:59Z"}, None),
        ("future(a)", {"a": "2026-11-21T08:00:01.5Z"}, "2026-11-21T08:00:01Z"),
        ("seconds(a)", {"a": "30d"}, 2592000),
        ("seconds(a)", {"a": "5h"}, 18000),
        ("seconds(a)", {"a": "1mo"}, None),
        ("seconds(a)", {"a": 5}, None),
        (
            "[now(), today(), tomorrow(), month_start()]",
            {},
            ["2026-11-21T08:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-01T00:00:00Z"],
        ),
        ("days_ago(`30`)", {}, "2026-10-22T00:00:00Z"),
        ("as_unix(month_start())", {}, 1793491200),
        ("as_date(today())", {}, "2026-11-21"),
        ("lower(a)", {"a": "USD"}, "usd"),
        ("title(a)", {"a": "past_due"}, "Past Due"),
        ("split(a, '/')[-1]", {"a": "accounts/acme"}, "acme"),
        (
            "walk(@, 'a.*.b.*')",
            {"a": {"x": {"b": {"y": 1}}, "z": {"b": [2]}, "n": 3}},
            [{"keys": ["x", "y"], "value": 1}, {"keys": ["z", "0"], "value": 2}],
        ),
        ("walk(a, '*')", {}, None),
        ("opt('team')", {}, "t-1"),
        ("opt('none') || 'other'", {}, "other"),
        ("only(a, 'team')", {"a": ["x"]}, "x"),
        ("only(a, 'team')", {"a": []}, None),
        ("key_kind()", {}, "account"),
        ("[key_ends(':fx'), key_ends('no')]", {}, [True, False]),
        ("rows[?a == root().b].c | [0]", {"rows": [{"a": 1, "c": 2}, {"a": 3, "c": 4}], "b": 3}, 4),
        # What JMESPath cannot do is null.
        ("a > `0`", {"a": "text"}, None),
        ("sum(a)", {"a": ["1"]}, None),
        ("abs(a)", {}, None),
    ],
)
def test_what_functions_give(text: str, root: Any, expected: Any) -> None:
    assert evaluate(text, root) == expected


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("positive(a)", {"a": "n/a"}),
        ("plus(a)", {"a": True}),
        ("times(a, `2`)", {"a": {}}),
        ("ratio(a, `2`)", {"a": []}),
        ("total(a)", {"a": {"b": 1}}),
        ("total(a)", {"a": [1, "n/a"]}),
        ("unix(a)", {"a": "soon"}),
        ("unix_ms(a)", {"a": 1e300}),
        ("after(a)", {"a": "soon"}),
        ("lower(a)", {"a": {}}),
        ("split(a, '/')", {"a": True}),
    ],
)
def test_the_others_insist(text: str, root: Any) -> None:
    with pytest.raises(PayloadError, match="^here: expected a|^here: "):
        evaluate(text, root)


def test_milliseconds_taken_for_seconds_are_told() -> None:
    told = "^here: 1796122821847 is no time in seconds: is it in milliseconds\\? unix_ms\\(\\)$"
    with pytest.raises(PayloadError, match=told):
        evaluate("unix(a)", {"a": 1796122821847})


def test_several_where_only_one_may_be_are_named() -> None:
    with pytest.raises(ServiceError) as caught:
        evaluate("only(a, 'team')", {"a": ["x", "y"]})
    assert (caught.value.message, caught.value.hint) == (
        "the key sees more than one team: x, y",
        "set the option team to one of them",
    )


NULL_FOR_NULL = sorted(
    name
    for name in Functions.FUNCTION_TABLE
    if name in vars(Functions) or f"_func_{name}" in vars(Functions)
    if name not in ("now", "today", "tomorrow", "month_start", "root", "opt", "key_kind", "key_ends")
)


@pytest.mark.parametrize("name", NULL_FOR_NULL)
def test_null_gives_null(name: str) -> None:
    more = {"split": ", '/'", "walk": ", 'a'", "only": ", 'team'", "times": ", a", "ratio": ", a"}
    assert evaluate(f"{name}(a{more.get(name, '')})", {}) is None


@given(value=ANY_JSON, name=st.sampled_from(NULL_FOR_NULL))
def test_no_value_breaks_a_function(value: Any, name: str) -> None:
    more = {"split": ", '/'", "walk": ", '*.*'", "only": ", 'team'", "times": ", a", "ratio": ", a"}
    try:
        evaluate(f"{name}(a{more.get(name, '')})", {"a": value})
    except ProviderError as error:
        assert error.message.startswith("here: " if isinstance(error, PayloadError) else "the key sees")


@given(value=ANY_JSON)
def test_a_figure_is_finite_or_refused(value: Any) -> None:
    try:
        found = figure(value)
    except PayloadError:
        return
    assert found is None or found.is_finite()


def test_a_number_is_no_instant() -> None:
    """Whether it counts seconds or milliseconds is for the descriptor to say."""
    with pytest.raises(PayloadError, match=r"^expected a date, got a number: use unix\(\) or unix_ms\(\)$"):
        instant(1796000000)
    assert instant("1796000000") is None
