"""Whatever a page serves: a sound finding or a PayloadError, and never trouble out of nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated
from tests.incidents import feed, page, recorded
from tests.support import NOW
from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.incidents import aws, feeds, google, instatus, statuspage, xml
from usagecli.incidents.finding import Finding
from usagecli.model import Trouble

PARTS = ("Copilot", "API", "Codex", "bedrock", "npdyhgECDJ6tB66MxXyo", "edit prediction", "Vertex")

# Each fold with the answers that it takes.
FOLDS: dict[str, tuple[Callable[..., Finding], list[Any]]] = {
    "statuspage": (statuspage.summary, [page("github_copilot")]),
    "statuspage apart": (statuspage.summary, [page("openai_summary"), page("openai_incidents")]),
    "incident.io": (statuspage.feed, [page("openai_feed"), page("openai_incidents")]),
    "google": (google.incidents, [page("google")]),
    "google cloud": (google.incidents, [page("google_cloud")]),
    "aws": (aws.events, [json.loads(recorded("aws.json"))]),
    "instatus": (instatus.summary, [page("instatus")]),
    "instatus components": (instatus.summary, [page("instatus"), page("instatus_components")]),
}
FEEDS = ("recent.rss", "empty.rss", "deepseek.atom", "xai.xml", "azure.rss")


def sound(fold: Callable[[], Finding]) -> None:
    try:
        found = fold()
    except PayloadError as error:
        assert ": " in error.message
        return
    assert found.status in get_args(Trouble)
    # Fit for one line of a terminal.
    assert found.summary is None or found.summary == wire.as_text(found.summary)
    assert found.started_at is None or found.started_at.utcoffset() is not None


@pytest.mark.parametrize("name", FOLDS)
@given(data=st.data())
def test_any_json_at_any_place(name: str, data: st.DataObject) -> None:
    fold, bodies = FOLDS[name]
    broken = [data.draw(mutated(body)) for body in bodies]
    parts = data.draw(st.sampled_from([(), PARTS]))
    sound(lambda: fold(*broken, parts=parts, now=NOW))


@pytest.mark.parametrize("name", FOLDS)
@given(body=ANY_JSON)
def test_any_json_is_never_trouble(name: str, body: Any) -> None:
    fold, bodies = FOLDS[name]
    sound(lambda: fold(*[body for _ in bodies], parts=PARTS, now=NOW))


@pytest.mark.parametrize("name", FEEDS)
@given(data=st.data())
def test_a_feed_with_any_bytes_in_it(name: str, data: st.DataObject) -> None:
    whole = recorded(name)
    at = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(at, min(len(whole), at + 40)))
    broken = whole[:at] + data.draw(st.binary(max_size=20)) + whole[end:]
    for fold in (feeds.recent, feeds.xai, feeds.azure):
        sound(lambda fold=fold: fold(xml.items(broken), parts=PARTS, now=NOW))  # type: ignore[misc]


@given(title=st.text(max_size=300), text=st.text(max_size=300))
def test_any_text_is_one_line(title: str, text: str) -> None:
    first = feed("recent.rss")[0]
    sound(lambda: feeds.recent([replace(first, title=title, text=text)], parts=(), now=NOW))
