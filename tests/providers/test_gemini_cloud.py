"""A Google Cloud project's limits and their use: the answers, and how they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from tests.cli import configure, run
from tests.fuzz import mutated, survives
from tests.providers.test_gemini_credentials import KEY, TOKEN
from tests.support import NOW, Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import Quota, Usage
from usagecli.providers._gemini import cloud
from usagecli.providers.gemini import fetch

API = "generativelanguage.googleapis.com"
PROJECT = "acme-dev-4711"
INFOS = f"/v1/projects/{PROJECT}/locations/global/services/{API}/quotaInfos"
SERIES = f"/v3/projects/{PROJECT}/timeSeries"
NET_FILTER = (
    'metric.type="serviceruntime.googleapis.com/quota/rate/net_usage" '
    f'AND resource.type="consumer_quota" AND resource.label.service="{API}"'
)
OWN_FILTER = f'metric.type="{API}/quota/generate_content_paid_tier_requests/usage"'
NO_USE = "Google reported no use of this project's limits"
# Well into California's day, which began at 08:00 UTC.
LATER = utc("2026-11-21T18:30:20")

PER_MINUTE = Quota(
    id="GenerateRequestsPerMinutePerProject",
    label="Requests per minute",
    unit="requests",
    used=d(15),
    limit=d(1000),
    window_seconds=60,
)
TOKENS = Quota(
    id="InputTokensPerMinutePerProject",
    label="Input tokens per minute",
    unit="tokens",
    used=d(4096),
    unlimited=True,
    window_seconds=60,
)


def per_day(used: int) -> Quota:
    return Quota(
        id="GenerateRequestsPerDayPerProjectPerModel:gemini-3.1-pro",
        label="Requests per day per model",
        scope="gemini-3.1-pro",
        unit="requests",
        used=d(used),
        limit=d(1500),
        window_seconds=86400,
        resets_at=utc("2026-11-22T08:00:00"),
    )


def found() -> list[cloud.Limit]:
    return [limit for number in (1, 2) for limit in cloud.limits(payload(f"gemini/quota_infos_{number}"))]


def rows(*cases: str) -> list[Any]:
    return cloud.series(payload(f"gemini/{case}") for case in cases)


def read(limits: Any, series: Any, now: datetime = LATER) -> tuple[Quota, ...]:
    page = {"quotaInfos": limits if isinstance(limits, list) else [limits]}
    return cloud.parse(cloud.limits(page), series, now=now, project=PROJECT).quotas


def info(value: Any = "100", *, dimensions: Any = None, **changes: Any) -> dict[str, Any]:
    details = {"details": {"value": value}, "dimensions": dimensions or {}}
    row = {
        "quotaId": "Q",
        "metric": f"{API}/requests",
        "refreshInterval": "day",
        "dimensionsInfos": [details],
    }
    return {**row, **changes}


def use(*points: tuple[str, Any], location: str | None = None, **labels: Any) -> dict[str, Any]:
    """A series of points (end of the interval, count)."""
    return {
        "metric": {"labels": {"quota_metric": f"{API}/requests", **labels}},
        "resource": {"labels": {"location": location} if location else {}},
        "points": [{"interval": {"endTime": at}, "value": {"int64Value": count}} for at, count in points],
    }


# -- the answers --------------------------------------------------------------------------------------


def test_parse_at_midnight_in_california() -> None:
    """Nothing of the day has been used yet; the minute before it has."""
    usage = cloud.parse(found(), rows("series_net", "series_own"), now=NOW, project=PROJECT)
    assert usage == Usage(quotas=(per_day(0), PER_MINUTE, TOKENS), account=PROJECT)


def test_parse_without_use() -> None:
    usage = cloud.parse(found(), rows("quota_empty"), now=NOW, project=PROJECT, notes=("x",))
    assert usage == Usage(account=PROJECT, notes=("x", NO_USE))


@pytest.mark.parametrize(
    ("page", "field"), [(None, "body"), ([], "body"), ({"quotaInfos": {}}, "quotaInfos")]
)
def test_limits_name_the_broken_field(page: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        cloud.limits(page)


@pytest.mark.parametrize("page", [{}, {"quotaInfos": None}, {"quotaInfos": [None, {}, 3]}])
def test_no_limits(page: Any) -> None:
    assert cloud.limits(page) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"refreshInterval": ""},
        {"refreshInterval": "10 seconds"},
        {"refreshInterval": None},
        {"quotaId": None},
        {"metric": None},
        {"dimensionsInfos": None},
        {"value": None},
        {"value": "many"},
        {"value": "-2"},
    ],
)
def test_a_limit_that_cannot_be_used_is_left_out(changes: dict[str, Any]) -> None:
    assert read(info(**changes), [use(("2026-11-21T18:00:00Z", "1"))]) == ()


@pytest.mark.parametrize(
    ("now", "used", "resets"),
    [
        ("2026-11-21T18:30:20", 2 + 5, "2026-11-22T08:00:00"),
        ("2026-11-21T07:59:59", 4 + 64, "2026-11-21T08:00:00"),
        # The clocks go back on 2026-11-01: that day has 25 hours.
        ("2026-11-02T07:59:59", 16, "2026-11-02T08:00:00"),
        # And forward on 2026-03-08.
        ("2026-03-08T20:00:00", 32, "2026-03-09T07:00:00"),
    ],
)
def test_a_day_is_one_of_california(now: str, used: int, resets: str) -> None:
    """What ends at its midnight was of the day before."""
    series = use(
        ("2026-11-21T08:00:01Z", "2"),
        ("2026-11-21T07:00:00Z", 4),
        ("2026-11-21T18:30:20Z", "5"),
        ("2026-11-21T08:00:00Z", "64"),
        ("2026-11-01T07:00:01Z", "16"),
        ("2026-11-01T07:00:00Z", "1000"),
        ("2026-03-08T08:00:01Z", "32"),
    )
    (quota,) = read(info(), [series], utc(now))
    assert (quota.used, quota.resets_at, quota.window_seconds) == (d(used), utc(resets), 86400)


def test_a_minute_is_the_last_full_one() -> None:
    series = use(("2026-11-21T18:29:00Z", "1"), ("2026-11-21T18:29:59Z", "2"), ("2026-11-21T18:30:00Z", "4"))
    series["points"] += use(("2026-11-21T18:30:10Z", "8"))["points"]
    (quota,) = read(info(refreshInterval="minute"), [series])
    assert (quota.used, quota.resets_at, quota.window_seconds) == (d(6), None, 60)


@pytest.mark.parametrize(
    "point", [None, {}, {"interval": {"endTime": "soon"}}, {"value": {"int64Value": True}}]
)
def test_a_broken_point_counts_nothing(point: Any) -> None:
    series = use(("2026-11-21T18:00:00Z", "3"))
    series["points"].append(point)
    assert [quota.used for quota in read(info(), [series])] == [3]


def test_series_of_all_methods_are_summed() -> None:
    series = [use(("2026-11-21T18:00:00Z", "3"), method="a"), use(("2026-11-21T18:00:00Z", "4"), method="b")]
    assert [quota.used for quota in read(info(), series)] == [7]


def test_a_limit_without_a_series_is_left_out() -> None:
    assert read(info(metric=f"{API}/others"), [use(("2026-11-21T18:00:00Z", "3"))]) == ()


def two(**names: str) -> dict[str, Any]:
    """A quota with a limit for each of two values of one dimension."""
    ((name, values),) = names.items()
    infos = [{"dimensions": {name: value}, "details": {"value": "10"}} for value in values.split()]
    return info(dimensionsInfos=infos)


@pytest.mark.parametrize(
    ("limit", "series", "ids"),
    [
        # A series belongs to the limit of its model and place.
        (two(model="a b"), use(("2026-11-21T18:00:00Z", "3"), model="b"), ["Q:b"]),
        (two(location="x y"), use(("2026-11-21T18:00:00Z", "3"), location="y"), ["Q:y"]),
        (two(region="x y"), use(("2026-11-21T18:00:00Z", "3"), location="y"), ["Q:y"]),
        # One that does not say which is of the only limit, or of none.
        (two(model="a b"), use(("2026-11-21T18:00:00Z", "3")), []),
        (two(model="a"), use(("2026-11-21T18:00:00Z", "3")), ["Q:a"]),
        (two(model="a"), use(("2026-11-21T18:00:00Z", "3"), model="b"), []),
        # A limit for each model by itself is none of all together.
        (info(dimensions=None), use(("2026-11-21T18:00:00Z", "3"), model="b"), ["Q"]),
        ({**info(), "dimensions": ["model"]}, use(("2026-11-21T18:00:00Z", "3")), []),
    ],
)
def test_which_use_counts_against_which_limit(limit: Any, series: Any, ids: list[str]) -> None:
    assert [quota.id for quota in read(limit, [series])] == ids


def test_the_service_s_own_metric_is_not_added_to_the_one_for_all() -> None:
    own = use(("2026-11-21T18:00:00Z", "3"))
    own["metric"] = {"type": f"{API}/quota/requests/usage", "labels": {"model": "a"}}
    series = [own, use(("2026-11-21T18:00:00Z", "3"))]
    assert [quota.used for quota in read(two(model="a"), series)] == [3]


@pytest.mark.parametrize(
    ("value", "unlimited", "limit"), [("-1", True, None), ("0", False, 0), (250, False, 250)]
)
def test_the_value_of_a_limit(value: Any, unlimited: bool, limit: int | None) -> None:
    (quota,) = read(info(value), [use(("2026-11-21T18:00:00Z", "3"))])
    assert (quota.unlimited, quota.limit) == (unlimited, limit)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ({"quotaDisplayName": "A", "metricDisplayName": "B"}, "A"),
        ({"quotaDisplayName": " ", "metricDisplayName": "B"}, "B"),
        ({}, "Q"),
    ],
)
def test_the_label(names: Any, label: str) -> None:
    assert [quota.label for quota in read(info(**names), [use()])] == [label]


def test_filters_ask_by_model_only_where_a_limit_is_by_model() -> None:
    assert cloud.filters(found(), API) == [NET_FILTER, OWN_FILTER]
    assert cloud.filters(found()[2:], API) == [NET_FILTER]
    assert cloud.filters(found(), cloud.VERTEX) == [NET_FILTER.replace(API, cloud.VERTEX)]


@pytest.mark.parametrize("metric", [f'{API}/x" OR "', f"{API}/a/b", "other.example/x", API])
def test_a_metric_of_another_form_stands_in_no_filter(metric: str) -> None:
    page = {"quotaInfos": [info(metric=metric, dimensions={"model": "m"})]}
    assert cloud.filters(cloud.limits(page), API) == [NET_FILTER]


@pytest.mark.parametrize("number", [1, 2])
@given(data=st.data())
def test_any_json_in_the_limits_is_survived(number: int, data: st.DataObject) -> None:
    page = data.draw(mutated(payload(f"gemini/quota_infos_{number}")))
    series = rows("series_net", "series_own")
    survives(lambda: cloud.parse(cloud.limits(page), series, now=LATER, project=PROJECT))


@pytest.mark.parametrize("case", ["series_net", "series_own"])
@given(data=st.data())
def test_any_json_in_the_series_is_survived(case: str, data: st.DataObject) -> None:
    page = data.draw(mutated(payload(f"gemini/{case}")))
    survives(lambda: cloud.parse(found(), cloud.series([page]), now=NOW, project=PROJECT))


# -- how they are asked for ---------------------------------------------------------------------------


def recorded(case: str) -> Reply:
    return Reply(payload(f"gemini/{case}"))


ROUTES: dict[str, Route] = {
    INFOS: [recorded("quota_infos_1"), recorded("quota_infos_2")],
    SERIES: [recorded("series_net"), recorded("series_own")],
}
GIVEN = {"cloud": True, "project": PROJECT}


def routes(**changes: Route) -> dict[str, Route]:
    """Fresh ones, as a list is used up; `infos` and `series` replace one."""
    kept = {path: list(route) if isinstance(route, list) else route for path, route in ROUTES.items()}
    return {**kept, **{{"infos": INFOS, "series": SERIES}[name]: route for name, route in changes.items()}}


def ask(machine: Machine, server: Server | None, secret: Any = TOKEN, given: Any = None) -> Usage:
    base_url = server.url if server else None
    return fetch(
        make_ask("gemini", machine, secret=secret, base_url=base_url, given={**GIVEN, **(given or {})})
    )


@pytest.mark.sockets
@pytest.mark.parametrize("secret", [TOKEN, "fake-token-of-another-form"])
def test_a_project(machine: Machine, secret: str) -> None:
    with serve(routes()) as server:
        usage = ask(machine, server, secret)
    assert usage == Usage(quotas=(per_day(0), PER_MINUTE, TOKENS), account=PROJECT)
    interval = {
        "interval.startTime": ["2026-11-21T07:59:00Z"],
        "interval.endTime": ["2026-11-21T08:00:00Z"],
        "pageSize": ["10000"],
    }
    assert [(seen.method, seen.path, parse_qs(seen.query)) for seen in server.seen] == [
        ("GET", INFOS, {"pageSize": ["500"]}),
        ("GET", INFOS, {"pageSize": ["500"], "pageToken": ["page-2"]}),
        ("GET", SERIES, {**interval, "filter": [NET_FILTER]}),
        ("GET", SERIES, {**interval, "filter": [OWN_FILTER]}),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {secret}"
        assert seen.headers["x-goog-user-project"] == PROJECT


def test_both_hosts(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://cloudquotas.googleapis.com{INFOS}", json=payload("gemini/quota_infos_2"))
    no_network.get(f"https://monitoring.googleapis.com{SERIES}", json=payload("gemini/series_net"))
    assert ask(make_machine(own_home), None).quotas == (TOKENS,)


def test_the_token_of_gemini_cli_serves_too(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://cloudquotas.googleapis.com{INFOS}", json={})
    env = {"GOOGLE_GENAI_USE_GCA": "true", "GOOGLE_CLOUD_ACCESS_TOKEN": TOKEN}
    assert ask(make_machine(own_home, env), None, secret=None).notes == (NO_USE,)


@pytest.mark.sockets
def test_without_limits_no_use_is_asked_for(machine: Machine) -> None:
    with serve(routes(infos=Reply({}))) as server:
        assert ask(machine, server) == Usage(account=PROJECT, notes=(NO_USE,))
    assert server.paths() == [INFOS]


@pytest.mark.sockets
def test_another_service(machine: Machine) -> None:
    with serve({INFOS.replace(API, cloud.VERTEX): Reply({})}) as server:
        ask(machine, server, given={"cloud_service": cloud.VERTEX})
    assert len(server.seen) == 1


@pytest.mark.sockets
@pytest.mark.parametrize("given", [{"cloud": False}, {"cloud": None}])
def test_a_project_is_never_asked_by_itself(machine: Machine, given: Any) -> None:
    answers = {"/v1internal:retrieveUserQuota": Reply({}), "/v1internal:loadCodeAssist": Reply({})}
    with serve(answers) as server:
        ask(machine, server, given=given)
    assert server.paths() == ["/v1internal:loadCodeAssist", "/v1internal:retrieveUserQuota"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"project": None}, NotConfigured, "the Google Cloud project is not given"),
        ({"project": "4711"}, ServiceError, "given as a number"),
        ({"cloud_service": "x"}, ServiceError, f"cloud_service is none of {API} and {cloud.VERTEX}"),
    ],
)
def test_what_must_be_given(machine: Machine, given: Any, error: type[ProviderError], message: str) -> None:
    with pytest.raises(error, match=message):
        ask(machine, None, given=given)


@pytest.mark.parametrize("env", [{}, {"GEMINI_API_KEY": "AQ.fake-key"}])
def test_a_key_is_no_token(own_home: Path, env: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="takes no API key") as caught:
        ask(make_machine(own_home, env), None, secret=None if env else KEY)
    assert "gcloud auth print-access-token" in str(caught.value.hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "error", "hint"),
    [
        (Reply({}, 401), AuthError, "run `gemini` and log in again, or give a new token"),
        (Reply({}, 403), AuthError, "give the account Monitoring Viewer and cloudquotas.quotas.get"),
        (Reply(b"<html>", 403), Unavailable, "try again later"),
        (Reply({}, 429), RateLimited, None),
        (Reply({}, 500), Unavailable, "try again later"),
        (Reply({}, 404), PayloadError, "check base_url"),
        (Reply([]), PayloadError, None),
    ],
)
@pytest.mark.parametrize("which", ["infos", "series"])
def test_refusals(
    machine: Machine, which: str, reply: Reply, error: type[ProviderError], hint: str | None
) -> None:
    with serve(routes(**{which: reply})) as server, pytest.raises(ProviderError) as caught:
        ask(machine, server)
    assert isinstance(caught.value, error)
    assert str(caught.value.hint).startswith(str(hint))
    assert "fake" not in caught.value.message + str(caught.value.hint)


@pytest.mark.sockets
def test_use_by_model_that_cannot_be_read_is_a_note(machine: Machine) -> None:
    with serve(routes(series=[recorded("series_net"), Reply({}, 403)])) as server:
        usage = ask(machine, server)
    assert usage.quotas == (PER_MINUTE, TOKENS)
    (note,) = usage.notes
    assert note.startswith("use by model could not be read: ")


@pytest.mark.sockets
def test_metrics_without_end_are_not_asked_for(machine: Machine) -> None:
    infos = [info(metric=f"{API}/m{n}", quotaId=f"Q{n}", dimensions={"model": "a"}) for n in range(30)]
    with serve(routes(infos=Reply({"quotaInfos": infos}), series=Reply({}))) as server:
        ask(machine, server)
    assert server.paths().count(SERIES) == 11


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock")
def test_as_a_user_sees_it() -> None:
    with serve(routes()) as server:
        service: Mapping[str, Any] = {
            "name": "project",
            "provider": "gemini",
            "credential": {"value": TOKEN},
            "base_url": server.url,
            "options": GIVEN,
        }
        configure([service])
        outcome = run("gemini", "--json")
    assert outcome.code == 0
    assert [quota["percentUsed"] for quota in outcome.document["quotas"]] == [0, 1.5, None]
    assert (outcome.document["account"], outcome.document["source"]) == (PROJECT, "api")


@pytest.mark.parametrize("value", ["yes", 1, "true"])
def test_the_option_cloud_is_true_or_false(value: Any) -> None:
    configure([{"name": "project", "provider": "gemini", "options": {"cloud": value}}])
    outcome = run("gemini")
    assert outcome.code == 2
    assert "services[0].options.cloud: expected true or false" in outcome.err
