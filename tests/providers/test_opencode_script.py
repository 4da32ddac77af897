"""The parser of the hydration scripts in OpenCode's pages: what it reads, and that it survives all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import survives
from tests.providers.test_opencode import page
from tests.support import NOW
from usagecli.providers._opencode.seroval import objects
from usagecli.providers._opencode.usage import read_billing, usage
from usagecli.providers._opencode.windows import read_page

GO_PAGES = ["page_go", "page_go_spent", "page_go_other_member", "page_go_none", "server_black"]
BILLING_PAGES = ["zen", "go", "overshot", "last_month", "never", "black"]


def found(script: str) -> list[Any]:
    return list(objects(script, "key"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("-1.5e3", "-1.5e3"),
        (".5", ".5"),
        ("12n", "12"),
        ("!0", True),
        ("!1", False),
        ("true", True),
        ("false", False),
        ("null", None),
        ("void 0", None),
        ("undefined", None),
        ("NaN", None),
        ("-Infinity", None),
        ("$R[12]", None),
        ("$R[2]($R[3],1)", None),
        ('Symbol.for("x")', None),
        ("12px", None),
        ('"text"', "text"),
        (r'"a \"b\" {c} , \\"', 'a "b" {c} , \\'),
        (r'"\x3Cb\u003e"', "<b>"),
        (r'"\q"', None),
        ('new Date("2026-11-20T18:00:00.000Z")', "2026-11-20T18:00:00.000Z"),
        ("new Date(0)", None),
        ("$R[1]={}", {}),
        ("$R[1]=$R[2]={a:1}", {"a": "1"}),
        ("{ a : { b : [ ] } }", {"a": {"b": []}}),
        ('[1,{},"a"]', ["1", {}, "a"]),
        (r'{"a-b":1,"c\"}":2}', {"a-b": "1", r"c\"}": "2"}),
    ],
)
def test_values(text: str, value: object) -> None:
    for script in (f"x={{key:{text}}};", f'f({{"before":[1],"key": {text} , after:"b" }})'):
        assert [one["key"] for one in found(script)] == [value]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        ("key:1", []),
        ("{key:1", []),
        ("}key:1}", []),
        ("{key}", []),
        ("{monkey:1}", []),
        ("{$key:1}", []),
        ("{other:1} key:2}", []),
        ("if(a){b();key:1}", []),
        ("{key:1;}", []),
        ("{key:[1}", []),
        ("{key:}", []),
        ('{text:"{key:1}"}', [{"key": "1"}]),
        ("{a:{b:1},key:2}", [{"a": {"b": "1"}, "key": "2"}]),
        ("{a:{key:1}}", [{"key": "1"}]),
        ("{key:{key:1}}", [{"key": {"key": "1"}}, {"key": "1"}]),
        ("()=>{return{key:1}}", [{"key": "1"}]),
        ("{key:1} {key:2}", [{"key": "1"}, {"key": "2"}]),
    ],
)
def test_the_object_that_has_the_key(script: str, expected: list[object]) -> None:
    assert found(script) == expected


def test_what_is_nested_too_deep_is_passed_over() -> None:
    assert found("{key:" + "[" * 12 + "]" * 12 + "}") != []
    assert found("{key:" + "[" * 5000 + "]" * 5000 + "}") == []


def test_the_work_on_a_page_that_only_looks_like_a_script_is_bounded() -> None:
    """Neither all candidates, nor all braces before one, nor any distance to its object are tried."""
    assert found("key: " * 49 + "{key:1}") != []
    assert found("key: " * 50 + "{key:1}") == []
    assert found("{a:{},key:1}") != []
    assert found("{a:[" + "{}," * 40 + "1],key:1}") == []
    assert found("{a:'" + "x" * 25_000 + "',key:1}") == []


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), inner)
    ),
    max_leaves=8,
)


def written(value: Any) -> str:
    """The value as the script has it: bare keys, and every object remembered."""
    if isinstance(value, bool):
        return "!0" if value else "!1"
    if isinstance(value, dict):
        return "$R[1]={" + ",".join(f"{name}:{written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def as_read(value: Any) -> Any:
    """Numbers stay text, so that no digit of an amount is lost."""
    if isinstance(value, dict):
        return {name: as_read(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_read(inner) for inner in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(PLAIN, st.text(max_size=20))
def test_whatever_is_written_is_read(value: object, noise: str) -> None:
    body = {"key": value}
    assert as_read(body) in found(f"{noise}\n{written(body)}{noise}")


@given(st.text())
def test_any_text(text: str) -> None:
    for script in (text, "{key:" + text, "{" + text + "key:1}"):
        assert all("key" in one for one in found(script))


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """The text with some of it replaced by any other."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    new = draw(
        st.text(max_size=6) | st.sampled_from(["null", "{}", "[]", "!1", "-1", "1e400", '"x"', "{", "}"])
    )
    return text[:start] + new + text[end:]


@given(st.data())
def test_any_damage_to_a_page_of_go(data: st.DataObject) -> None:
    text = data.draw(damaged(page(data.draw(st.sampled_from(GO_PAGES)))))
    survives(lambda: usage(now=NOW, go=read_page(text, NOW)))


@given(st.data())
def test_any_damage_to_a_page_of_billing(data: st.DataObject) -> None:
    text = data.draw(damaged(page(f"page_billing_{data.draw(st.sampled_from(BILLING_PAGES))}")))
    go = data.draw(st.sampled_from([None, read_page(page("page_go_spent"), NOW)]))
    survives(lambda: usage(now=NOW, go=go, billing=read_billing(text, NOW)))


FIELDS = [
    "customerID",
    "balance",
    "monthlyLimit",
    "monthlyUsage",
    "timeMonthlyUsageUpdated",
    "subscription",
    "lite",
]


@given(st.sampled_from(FIELDS), PLAIN)
def test_any_value_of_a_field_of_billing(name: str, value: object) -> None:
    text = page("page_billing_go").replace(f"{name}:", f"{name}:{written(value)},was_{name}:")
    survives(lambda: usage(now=NOW, billing=read_billing(text, NOW)))
