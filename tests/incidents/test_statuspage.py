"""Statuspage, its look-alikes and incident.io: payload in, finding out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.incidents import page, trouble
from tests.support import NOW
from usagecli.errors import PayloadError
from usagecli.incidents import statuspage
from usagecli.incidents.finding import OK, Finding
from usagecli.incidents.pages import PAGES

CLAUDE = ("claude.ai", "Claude Code", "Claude API", "Claude Console")
DEVIN, WINDSURF = (
    next(page.parts for page in PAGES if name in page.providers) for name in ("devin", "windsurf")
)
OPENAI = ("APIs", "ChatGPT", "Codex", "FedRAMP")


def fold(body: Any, *parts: str, more: Any = None) -> Finding:
    return statuspage.summary(body, more, parts=parts, now=NOW)


@pytest.mark.parametrize(
    ("name", "parts", "expected"),
    [
        ("fine", (), OK),
        # The badge reports other products, an incident of theirs and a heading: none of it counts.
        ("github", ("Copilot",), OK),
        (
            "github_copilot",
            ("Copilot",),
            trouble("outage", "Elevated errors in Copilot", "2026-11-21T06:50:00"),
        ),
        # The badge says that all is well; an incident that names no component counts.
        (
            "claude_badge",
            CLAUDE,
            trouble("degraded", "Elevated errors on Claude models", "2026-11-21T06:50:00"),
        ),
        ("claude_badge", (), trouble("degraded", "Elevated errors on Claude models", "2026-11-21T06:50:00")),
        ("whole_page", (), trouble("degraded", "Editor: under maintenance", incident=False)),
        ("devin", DEVIN, OK),
        ("devin", WINDSURF, trouble("degraded", "Desktop Agent: partial outage", incident=False)),
    ],
)
def test_recorded_pages(name: str, parts: tuple[str, ...], expected: Finding) -> None:
    assert fold(page(name), *parts) == expected


@pytest.mark.parametrize(
    ("indicator", "status"),
    [
        ("none", "ok"),
        ("minor", "degraded"),
        ("maintenance", "degraded"),
        ("major", "outage"),
        ("critical", "outage"),
        ("sunny", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_badge(indicator: object, status: str) -> None:
    body = {**page("fine"), "status": {"indicator": indicator, "description": "Words"}}
    assert fold(body).status == status
    assert fold(body, "API") == OK


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("operational", "ok"),
        ("degraded_performance", "degraded"),
        ("partial_outage", "degraded"),
        ("under_maintenance", "degraded"),
        ("major_outage", "outage"),
        ("full_outage", "outage"),
        ("on_fire", "unknown"),
        (7, "unknown"),
    ],
)
def test_a_component(word: object, status: str) -> None:
    body = page("fine")
    body["components"][0]["status"] = word
    assert fold(body, "API").status == status
    assert fold(body, "Dashboard") == OK


@pytest.mark.parametrize(
    ("state", "impact", "status"),
    [
        ("investigating", "none", "degraded"),
        ("identified", "maintenance", "degraded"),
        ("monitoring", "minor", "degraded"),
        ("monitoring", "major", "outage"),
        ("investigating", "critical", "outage"),
        ("resolved", "critical", "ok"),
        ("postmortem", "critical", "ok"),
        ("investigating", "huge", "unknown"),
        ("wondering", "critical", "unknown"),
    ],
)
def test_an_incident(state: str, impact: str, status: str) -> None:
    body = {**page("fine"), "incidents": [{"name": "Errors", "status": state, "impact": impact}]}
    assert fold(body).status == status
    assert fold(body, "API").status == status


@pytest.mark.parametrize(
    ("components", "counts"),
    [([], True), (None, True), ([{"id": "c1"}], True), ([{"name": "API"}], True), ([{"id": "c2"}], False)],
)
def test_an_incident_concerns_the_components_that_it_names(components: object, counts: bool) -> None:
    incident = {"name": "Errors", "status": "identified", "impact": "minor", "components": components}
    assert fold({**page("fine"), "incidents": [incident]}, "API").status == ("degraded" if counts else "ok")


def test_the_worst_wins_and_the_words_are_the_vendors() -> None:
    body = page("github_copilot")
    body["incidents"][0]["impact"] = "minor"
    body["components"][1]["status"] = "major_outage"
    assert fold(body, "Copilot") == trouble("outage", "Elevated errors in Copilot", "2026-11-21T06:50:00")


def test_what_cannot_be_read_hides_no_trouble() -> None:
    body = page("devin")
    body["components"][0]["status"] = "odd"
    assert fold(body, "Desktop Agent", "Cloud Agent").status == "degraded"


def test_only_show_if_degraded_changes_nothing() -> None:
    body = page("github_copilot")
    shown = copy.deepcopy(body)
    for component in shown["components"]:
        component["only_show_if_degraded"] = True
    assert fold(shown, "Copilot") == fold(body, "Copilot")


def test_a_page_that_keeps_its_incidents_elsewhere() -> None:
    told = trouble("outage", "Videos fail", "2026-11-21T06:50:00")
    assert fold(page("openai_summary"), more=page("openai_incidents")) == told
    assert fold(page("openai_summary"), more=page("openai_incidents_none")) == OK
    assert fold(page("openai_summary")) == OK


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"components": None}, "components"),
        ({"components": {}}, "components"),
        ({"components": []}, "components"),
        ({"status": None}, "status"),
    ],
)
def test_another_shape_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        fold({**page("fine"), **change}, "API")


def test_a_page_without_the_components_that_matter_is_refused() -> None:
    with pytest.raises(PayloadError, match="none of those that matter"):
        fold(page("fine"), "Copilot")


# -- incident.io ------------------------------------------------------------------------------------


def openai(feed: Any, incidents: Any, *parts: str) -> Finding:
    return statuspage.feed(feed, incidents, parts=parts, now=NOW)


@pytest.mark.parametrize(
    ("feed", "incidents", "parts", "expected"),
    [
        # Hidden groups and components, other groups and their incidents do not count.
        (
            "openai_feed",
            "openai_incidents",
            OPENAI,
            trouble("degraded", "Codex CLI cannot sign in", "2026-11-21T06:50:00"),
        ),
        (
            "openai_feed",
            "openai_incidents_none",
            OPENAI,
            trouble("degraded", "CLI: partial outage", incident=False),
        ),
        ("openai_feed", "openai_incidents", ("APIs", "FedRAMP"), OK),
        (
            "openai_feed",
            "openai_incidents_none",
            ("Sora",),
            trouble("outage", "Video: full outage", incident=False),
        ),
        ("openai_feed_fine", "openai_incidents_none", OPENAI, OK),
    ],
)
def test_a_page_at_incident_io(feed: str, incidents: str, parts: tuple[str, ...], expected: Finding) -> None:
    assert openai(page(feed), page(incidents), *parts) == expected


def test_a_lone_component_is_one() -> None:
    body = page("openai_feed")
    body["summary"]["affected_components"] = [{"component_id": "01FED", "status": "full_outage"}]
    found = openai(body, page("openai_incidents_none"), *OPENAI)
    assert found == trouble("outage", "FedRAMP: full outage", incident=False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"summary": None},
        {"summary": {"affected_components": [], "structure": {}}},
        {"summary": {"affected_components": [], "structure": {"items": []}}},
        {"summary": {"structure": {"items": [{"component": {"component_id": "1", "name": "Codex"}}]}}},
    ],
)
def test_another_feed_is_refused(body: Any) -> None:
    with pytest.raises(PayloadError):
        openai(body, page("openai_incidents_none"), *OPENAI)


@pytest.mark.parametrize("incidents", [{}, [], {"incidents": None}])
def test_a_feed_without_its_incidents_is_refused(incidents: Any) -> None:
    with pytest.raises(PayloadError, match="^incidents: "):
        openai(page("openai_feed"), incidents, *OPENAI)
