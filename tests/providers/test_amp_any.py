"""Whatever Amp answers: it is read, or refused as what it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.providers.test_amp import said
from tests.support import NOW, PAYLOADS, payload
from usagecli import wire
from usagecli.providers._amp import settings
from usagecli.providers._amp.usage import parse, unknown

CASES = {path.stem: payload(f"amp/{path.stem}") for path in sorted((PAYLOADS / "amp").glob("*.json"))}
TEXTS = [case for case, body in CASES.items() if isinstance(body, dict) and "result" in body]
PAGES = [case for case, body in CASES.items() if isinstance(body, str)]


@pytest.mark.parametrize("case", TEXTS)
@given(data=st.data())
def test_any_json_at_any_place_is_read_or_refused(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(CASES[case]))
    survives(lambda: parse(body, now=NOW))


# Pieces of which lines are made, so that mutations reach the figures.
PIECES = st.sampled_from(
    ["Amp ", "Free", ": ", "Tier", "Subscription ", "agent usage ", "orb usage ", "$", "%", "h", " of ", "/"]
    + [
        " remaining",
        "today",
        "Workspace ",
        "Individual credits: ",
        "period ",
        "2026-11-03",
        " to ",
        "9999-12-31",
    ]
    + [
        "0001-01-01",
        "replenishes +",
        "/hour",
        "-",
        ",",
        ".",
        "0",
        "7",
        "1,000.50",
        "99999999999999999",
        "1" * 50,
    ]
    + ["\n", "\r", "\x1b[1m", "\x1b]8;;", "**", "(", ")", " usd"]
)
ANY_TEXT = st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join)


@st.composite
def spliced(draw: st.DrawFn, text: str) -> str:
    """The text with some of it replaced, twice."""
    for _ in range(2):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        text = text[:start] + draw(ANY_TEXT) + text[draw(st.sampled_from([start, end])) :]
    return text


@given(text=ANY_TEXT)
def test_any_text_is_read_or_refused(text: str) -> None:
    survives(lambda: parse(said(text), now=NOW))
    survives(lambda: settings.parse(text))
    assert all(line == wire.as_text(line) for line in unknown(said(text), now=NOW))


@pytest.mark.parametrize("case", TEXTS)
@given(data=st.data())
def test_any_change_of_a_recorded_text_is_read_or_refused(case: str, data: st.DataObject) -> None:
    text = data.draw(spliced(CASES[case]["result"]["displayText"]))
    survives(lambda: parse(said(text), now=NOW))


@pytest.mark.parametrize("case", PAGES)
@given(data=st.data())
def test_any_change_of_a_recorded_page_is_read_or_refused(case: str, data: st.DataObject) -> None:
    page = data.draw(spliced(CASES[case]))
    survives(lambda: settings.parse(page))
