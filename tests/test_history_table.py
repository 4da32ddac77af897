"""The table of a history fits, whatever is in it."""

from __future__ import annotations

from typing import Any

import click
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW
from usagecli.formatters import Look
from usagecli.formatters.table import display_width
from usagecli.history import document, table

# What a config and `wire` let through: no controls, no line ends, and wide characters as well.
_texts = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=60
).filter(lambda text: text == " ".join(text.split()))
_values = st.floats(0, 1e15) | st.integers(0, 100).map(float)
_units = st.sampled_from(["percent", "usd", "tokens", "credits", "chf", "minutes", "kwh"])
_START, _END = document.instant(0), document.instant(86400)


def _entry(values: list[float], unit: str, label: str, scope: str | None) -> dict[str, Any]:
    return {
        "id": "x",
        "label": label,
        "scope": scope,
        "unit": unit,
        "first": values[0],
        "last": values[-1],
        "minimum": min(values),
        "maximum": max(values),
    }


@st.composite
def _quotas(draw: Any) -> dict[str, Any]:
    values = draw(st.lists(_values, min_size=1, max_size=5))
    samples = [
        {"at": document.instant(index * 3600), "used": value, "percentUsed": draw(st.none() | st.just(50.0))}
        for index, value in enumerate(values)
    ]
    figures = {"measure": "used", "used": max(values), "resets": draw(st.integers(0, 99)), "samples": samples}
    return {**_entry(values, draw(_units), draw(_texts), draw(st.none() | _texts)), **figures}


@st.composite
def _balances(draw: Any) -> dict[str, Any]:
    values = draw(st.lists(_values, min_size=1, max_size=5))
    samples = [{"at": document.instant(index * 3600), "amount": value} for index, value in enumerate(values)]
    figures = {"spent": max(values), "toppedUp": draw(_values), "samples": samples}
    return {**_entry(values, draw(_units), draw(_texts), None), **figures}


_errors = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["auth", "rate_limited"]),
        "count": st.integers(1, 10**6),
        "asked": st.integers(1, 10**6),
        "lastAt": st.just(_START),
        "message": st.none() | _texts,
    }
)
_services = st.fixed_dictionaries(
    {
        "service": _texts,
        "account": st.integers(1, 20),
        "current": st.booleans(),
        "quotas": st.lists(_quotas(), max_size=3),
        "balances": st.lists(_balances(), max_size=2),
        "errors": st.lists(_errors, max_size=2),
    }
)


@given(
    services=st.lists(_services, min_size=1, max_size=4),
    width=st.integers(80, 220),
    unicode=st.booleans(),
    color=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(
    services: list[Any], width: int, unicode: bool, color: bool
) -> None:
    body = {"since": _START, "until": _END, "services": services}
    plain = table.render(body, Look(now=NOW, width=width, unicode=unicode)).splitlines()
    for line in plain:
        assert display_width(line) <= width
    colored = table.render(body, Look(now=NOW, width=width, unicode=unicode, color=color))
    assert click.unstyle(colored).splitlines() == plain


@given(services=st.lists(_services, min_size=1, max_size=4))
def test_markdown_has_a_row_a_quota_and_balance(services: list[Any]) -> None:
    body = {"since": _START, "until": _END, "services": services}
    lines = table.markdown(body, Look(now=NOW)).splitlines()
    count = sum(len(service["quotas"]) + len(service["balances"]) for service in services)
    assert len([line for line in lines if line.startswith("|")]) == count + 2


def test_resets_stay_where_the_extremes_have_no_room() -> None:
    entry = {**_entry([10.0, 60.0], "percent", "Weekly limit", None), "measure": "percentUsed"}
    samples = [{"at": _START, "percentUsed": 10.0}, {"at": _END, "percentUsed": 60.0}]
    service = {"service": "codex", "account": "a", "current": True, "balances": [], "errors": []}
    quota = {**entry, "used": 50.0, "resets": 3, "samples": samples}
    body = {"since": _START, "until": _END, "services": [{**service, "quotas": [quota]}]}
    heads = [
        table.render(body, Look(now=NOW, width=width)).splitlines()[0].split() for width in (200, 59, 52)
    ]
    ends = ["FIRST", "LAST", "MIN", "MAX", "USED", "RESETS"]
    assert [[name for name in head if name in ends] for head in heads] == [
        ends,
        ["LAST", "MAX", "USED", "RESETS"],
        ["LAST", "USED", "RESETS"],
    ]
