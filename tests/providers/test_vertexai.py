"""Cloud Monitoring's series as quotas of Vertex AI. Logins and requests: test_vertexai_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import d, payload
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Usage
from usagecli.providers._vertexai.series import parse

VERTEX = "aiplatform.googleapis.com"
CPUS = Quota(
    id="CustomModelTrainingCPUsPerProjectPerRegion:europe-west4",
    label="CustomModelTrainingCPUsPerProjectPerRegion",
    scope=f"europe-west4 {VERTEX}/custom_model_training_cpus",
    unit="requests",
    used=d(21),
    limit=d(42),
)
TOKENS = Quota(
    id="TunedModelTokensPerProject:global",
    label="TunedModelTokensPerProject",
    scope=f"global {VERTEX}/tuned_model_tokens",
    unit="tokens",
    used=d("950.5"),
    limit=d(1000),
)


def series(
    value: Any, name: str | None = "Jobs", location: str | None = "global", metric: str = "jobs"
) -> dict[str, Any]:
    labels = {"quota_metric": f"{VERTEX}/{metric}", "limit_name": name}
    return {
        "metric": {"labels": {key: told for key, told in labels.items() if told}},
        "resource": {"labels": {"location": location} if location else {}},
        "points": value if isinstance(value, list) else [point(value)],
    }


def point(value: Any) -> dict[str, Any]:
    return {"value": {"int64Value": str(value)}}


def read(usage: list[Any], limits: list[Any]) -> Usage:
    return parse([{"timeSeries": usage}], [{"timeSeries": limits}], project="demo-1")


def figures(usage: list[Any], limits: list[Any]) -> list[tuple[str, Any, Any]]:
    return [(quota.id, quota.used, quota.limit) for quota in read(usage, limits).quotas]


def test_parse() -> None:
    """The fullest first; what is not used is left out; the other region's limit is none."""
    found = parse([payload("vertexai/usage")], [payload("vertexai/limits")], project="demo-1")
    assert found == Usage(quotas=(TOKENS, CPUS), account="demo-1", source="oauth")
    assert assess.judged(found, Service(name="x", provider="vertexai"))[1] == "low"


def test_pages_are_one_list() -> None:
    usage, limits = payload("vertexai/usage"), payload("vertexai/limits")
    apart = [[{"timeSeries": [row]} for row in body["timeSeries"]] for body in (usage, limits)]
    assert parse(*apart, project="demo-1") == parse([usage], [limits], project="demo-1")


@pytest.mark.parametrize(
    ("points", "used"),
    [
        ([point(3), point(9), point(5)], "9"),
        ([{"value": {"doubleValue": 2.5}}], "2.5"),
        ([point("x"), point(1), None], "1"),
    ],
)
def test_the_largest_point_counts(points: list[Any], used: str) -> None:
    assert figures([series(points)], [series(10)]) == [("Jobs:global", d(used), d(10))]


def test_a_limit_is_that_of_the_same_metric_name_and_place() -> None:
    limits = [
        series(1, location="us-east1"),
        series(2, name="Others"),
        series(3, metric="tasks"),
        series(40),
    ]
    assert figures([series(4)], limits) == [("Jobs:global", d(4), d(40))]


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ([series(40)], True),
        ([series(40), series(50)], True),
        ([series(40), series(40, name="Others")], False),
        ([series(40), series(2**63 - 1, name="Others")], False),
        ([series(40, location="us-east1")], False),
    ],
)
def test_a_use_without_a_name_counts_where_there_is_one_limit(limits: list[Any], found: bool) -> None:
    """A second use keeps the answer from being one without data."""
    usage = [series(4, name=None), series(1, metric="other", name="Other")]
    ids = [id_ for id_, _, _ in figures(usage, [*limits, series(9, metric="other", name="Other")])]
    assert ids == (["Other:global", "Jobs:global"] if found else ["Other:global"])


@pytest.mark.parametrize("limit", [-1, 0, -5, 2**63 - 1])
def test_without_a_limit_there_is_no_quota(limit: int) -> None:
    assert read([series(4)], [series(limit)]) == Usage(account="demo-1", source="oauth")


def test_all_of_them_unused_is_an_empty_report() -> None:
    assert read([series(0)], [series(10)]) == Usage(account="demo-1", source="oauth")


def test_use_may_pass_its_limit() -> None:
    (quota,) = read([series(15)], [series(10)]).quotas
    assert (quota.percent_used, quota.remaining, quota.resets_at, quota.window_seconds) == (
        d(150),
        d(0),
        None,
        None,
    )


def test_one_name_on_two_metrics_is_two_quotas() -> None:
    usage = [series(1), series(2, metric="tasks")]
    assert figures(usage, [series(10), series(10, metric="tasks")]) == [
        (f"Jobs:global:{VERTEX}/tasks", d(2), d(10)),
        ("Jobs:global", d(1), d(10)),
    ]


@pytest.mark.parametrize(
    ("usage", "limits"),
    [
        ([], []),
        ([series(4)], []),
        ([], [series(10)]),
        ([series(4)], [series(10, location="us-east1")]),
        ([series(4, location=None)], [series(10, location=None)]),
        ([series([])], [series(10)]),
    ],
)
def test_no_use_that_matches_a_limit_is_an_error(usage: list[Any], limits: list[Any]) -> None:
    with pytest.raises(PayloadError, match="^timeSeries: no quota data of Vertex AI in the last 24 h$"):
        read(usage, limits)


def test_an_answer_without_series_has_no_data() -> None:
    with pytest.raises(PayloadError, match="no quota data"):
        parse([payload("vertexai/no_data")], [payload("vertexai/limits")], project="demo-1")


@pytest.mark.parametrize(("body", "field"), [([], "body"), ({"timeSeries": {}}, "timeSeries")])
def test_parse_names_the_broken_field(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        parse([body], [payload("vertexai/limits")], project="demo-1")


@given(usage=mutated(payload("vertexai/usage")), limits=mutated(payload("vertexai/limits")))
def test_any_answer_is_read_or_refused(usage: Any, limits: Any) -> None:
    survives(lambda: parse([usage], [limits], project="demo-1"))


@given(values=st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_the_fullest_comes_first(values: list[int]) -> None:
    usage = [series(value, location=f"r{i}") for i, value in enumerate(values)]
    limits = [series(10**6, location=f"r{i}") for i in range(len(values))]
    shown = [quota.used for quota in read(usage, limits).quotas]
    assert shown == sorted(values, reverse=True)
