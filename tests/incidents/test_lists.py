"""Google, Google Cloud, AWS and Instatus: payload in, finding out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.incidents import page, recorded, trouble
from tests.support import NOW
from usagecli.errors import PayloadError
from usagecli.incidents import aws, google, instatus
from usagecli.incidents.finding import OK, Finding

GEMINI = "npdyhgECDJ6tB66MxXyo"

# -- Google -----------------------------------------------------------------------------------------


def workspace(body: Any, *parts: str) -> Finding:
    return google.incidents(body, parts=parts, now=NOW)


@pytest.mark.parametrize(
    ("name", "parts", "expected"),
    [
        ("google", (GEMINI,), trouble("degraded", "Gemini answers slowly", "2026-11-21T05:00:00")),
        ("google", ("another",), OK),
        (
            "google_cloud",
            ("Vertex", "Gemini"),
            trouble("outage", "Requests fail in us-central1", "2026-11-20T22:00:00"),
        ),
    ],
)
def test_recorded_lists_of_google(name: str, parts: tuple[str, ...], expected: Finding) -> None:
    assert workspace(page(name), *parts) == expected


@pytest.mark.parametrize(
    ("word", "severity", "status"),
    [
        ("SERVICE_INFORMATION", "low", "degraded"),
        ("SERVICE_DISRUPTION", "medium", "degraded"),
        ("SERVICE_DISRUPTION", "high", "outage"),
        ("SERVICE_OUTAGE", "low", "outage"),
        ("SERVICE_MAINTENANCE", "low", "degraded"),
        ("SCHEDULED_MAINTENANCE", "low", "degraded"),
        ("AVAILABLE", "high", "ok"),
        ("SOMETHING_NEW", "high", "unknown"),
        (None, "high", "unknown"),
    ],
)
def test_the_words_of_google(word: str | None, severity: str, status: str) -> None:
    entry = {
        "severity": severity,
        "affected_products": [{"id": GEMINI}],
        "most_recent_update": {"status": word},
    }
    assert workspace([entry], GEMINI).status == status
    told = {"affected_products": [{"title": "Vertex AI"}], "severity": severity, "status_impact": word}
    assert workspace([told], "Vertex").status == status


def test_what_has_an_end_is_over() -> None:
    entry = page("google")[0]
    assert workspace([{**entry, "end": "2026-11-21T06:00:00+00:00"}], GEMINI) == OK
    del entry["end"]
    assert workspace([entry], GEMINI).status == "degraded"


@pytest.mark.parametrize("body", [{}, None, "text", [1]])
def test_another_list_of_google_is_refused(body: Any) -> None:
    with pytest.raises(PayloadError):
        workspace(body, GEMINI)


# -- AWS --------------------------------------------------------------------------------------------


def events(body: Any, *parts: str) -> Finding:
    return aws.events(body, parts=parts, now=NOW)


def test_recorded_events_of_aws() -> None:
    told = recorded("aws.json")
    assert told[:2] in (b"\xff\xfe", b"\xfe\xff")
    found = events(json.loads(told), "bedrock")
    assert found == trouble(
        "degraded", "Amazon Bedrock (N. Virginia): Increased error rates", "2026-11-21T06:00:00"
    )
    assert events(json.loads(told), "kiro", "codewhisperer", "q") == OK
    assert events([], "bedrock") == OK


@pytest.mark.parametrize(
    ("digit", "status"),
    [
        ("0", "ok"),
        ("1", "degraded"),
        ("2", "degraded"),
        ("3", "outage"),
        (3, "outage"),
        ("9", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_digits_of_aws(digit: object, status: str) -> None:
    assert events([{"service": "bedrock-us-east-1", "status": digit}], "bedrock").status == status


@pytest.mark.parametrize(
    ("service", "about"), [("q-us-east-1", True), ("sqs-us-east-1", False), ("Amazon Q Developer", True)]
)
def test_a_letter_is_a_word_of_its_own(service: str, about: bool) -> None:
    found = events([{"service": service, "status": "3"}], "kiro", "codewhisperer", "q")
    assert found.status == ("outage" if about else "ok")


@pytest.mark.parametrize("body", [{}, None, ["x"]])
def test_other_events_are_refused(body: Any) -> None:
    with pytest.raises(PayloadError):
        events(body, "bedrock")


# -- Instatus ---------------------------------------------------------------------------------------

ZED = ("edit prediction", "hosted model")


def summary(name: str, components: str | None = None, *parts: str) -> Finding:
    return instatus.summary(
        page(name), None if components is None else page(components), parts=parts, now=NOW
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("instatus_fine", OK),
        ("instatus_works", trouble("degraded", "New machines", incident=False)),
        ("instatus", trouble("outage", "Search is down", "2026-11-21T07:30:00")),
    ],
)
def test_recorded_summaries_of_instatus(name: str, expected: Finding) -> None:
    assert summary(name) == expected


@pytest.mark.parametrize(
    ("name", "components", "expected"),
    [
        # The components decide, the incident lends its words.
        ("instatus", "instatus_components", trouble("degraded", "Search is down", "2026-11-21T07:30:00")),
        ("instatus_fine", "instatus_components", trouble("degraded", "Edit Predictions", incident=False)),
        ("instatus", "instatus_components_fine", OK),
    ],
)
def test_components_of_instatus(name: str, components: str, expected: Finding) -> None:
    assert summary(name, components, *ZED) == expected


@pytest.mark.parametrize(
    ("impact", "status"),
    [
        ("MAJOROUTAGE", "outage"),
        ("PARTIALOUTAGE", "degraded"),
        ("DEGRADEDPERFORMANCE", "degraded"),
        ("ANYTHING", "degraded"),
    ],
)
def test_the_impacts_of_instatus(impact: str, status: str) -> None:
    body = {"page": {"status": "HASISSUES"}, "activeIncidents": [{"name": "x", "impact": impact}]}
    assert instatus.summary(body, parts=(), now=NOW).status == status


def test_issues_without_an_incident_are_trouble() -> None:
    assert instatus.summary({"page": {"status": "HASISSUES"}}, parts=(), now=NOW).status == "degraded"


@pytest.mark.parametrize("body", [{}, [], {"page": {}}, {"page": {"status": "SLEEPING"}}])
def test_another_summary_of_instatus_is_refused(body: Any) -> None:
    with pytest.raises(PayloadError):
        instatus.summary(body, parts=(), now=NOW)


@pytest.mark.parametrize("components", [[], {}, {"components": [{"name": "Extensions"}]}])
def test_components_that_do_not_matter_are_refused(components: Any) -> None:
    with pytest.raises(PayloadError, match="^components: "):
        instatus.summary({"page": {"status": "UP"}}, components, parts=ZED, now=NOW)
