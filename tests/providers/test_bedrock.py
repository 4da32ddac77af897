"""What Bedrock's quotas, metrics, cost and budgets say: recorded answers and every rule of reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import SCALARS, mutated, places, replaced, survives
from tests.support import NOW, d, payload, utc
from usagecli.assess import judged
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Usage
from usagecli.providers._bedrock.metrics import Reading, Series, last_hour, listed, query, today
from usagecli.providers._bedrock.money import budget_quotas, month_cost
from usagecli.providers._bedrock.usage import allowances, day_series, minute_series, parse

REGION = "us-east-1"
QUOTAS = [payload("bedrock/quotas_1"), payload("bedrock/quotas_2")]
KNOWN = allowances(QUOTAS, REGION)
RECENT, ALL = listed([payload("bedrock/metrics_recent")]), listed([payload("bedrock/metrics_all")])
HOUR_ASKED, DAY_ASKED = minute_series(RECENT, KNOWN), day_series(ALL, KNOWN)
VALUES_HOUR, VALUES_DAY = payload("bedrock/values_hour"), payload("bedrock/values_day")
EPOCH = int(NOW.timestamp())

NOVA = "amazon.nova-lite-v1:0"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ESTIMATE, INPUT, OUTPUT = "EstimatedTPMQuotaUsage", "InputTokenCount", "OutputTokenCount"
WRITES, READS = "CacheWriteInputTokens", "CacheReadInputTokens"
PEAK = "(peak minute, last hour)"
MIDNIGHT = utc("2026-11-22T00:00:00")


def reading(asked: Sequence[Series], *pages: Any) -> Reading:
    return Reading(calls=[(asked, pages)])


def named(model: str, scope: str) -> str:
    return model if scope == "in-region" else f"{model} {scope}"


def per_minute(code: str, model: str, scope: str, unit: str, used: str, limit: str, **more: Any) -> Quota:
    return Quota(
        id=f"{REGION}/{code}",
        label=f"{'TPM' if unit == 'tokens' else 'RPM'} {named(model, scope)} {PEAK}",
        unit=unit,
        scope=f"{REGION} {scope} {model}",
        used=d(used),
        limit=d(limit),
        window_seconds=60,
        **more,
    )


def per_day(code: str, model: str, scope: str, used: str, limit: str) -> Quota:
    return Quota(
        id=f"{REGION}/{code}",
        label=f"TPD {named(model, scope)}",
        unit="tokens",
        scope=f"{REGION} {scope} {model}",
        used=d(used),
        limit=d(limit),
        window_seconds=86400,
        resets_at=MIDNIGHT,
    )


MANTLE = "quotas of the bedrock-mantle endpoint, which has its own, are not reported"
THROTTLED = (
    "throttled in the last hour: us.anthropic.claude-sonnet-4-5-20250929-v1:0 3 times; Bedrock reserves the "
    "input and max_tokens of a request when it arrives, so that this can happen far below the peak that is "
    "shown"
)
INCOMPLETE = "CloudWatch's answer is incomplete: use that it leaves out is shown as unknown"
BUSY = Usage(
    account="123456789012/us-east-1",
    quotas=(
        per_minute("L-00000001", "Nova Lite", "in-region", "tokens", "160000", "400000"),
        per_minute("L-00000002", "Claude Haiku 4.5", "cross-region", "tokens", "950000", "1000000"),
        per_day("L-00000003", "Claude Haiku 4.5", "global", "360000000", "1440000000"),
        per_minute("L-27C57EE8", "Claude Sonnet 4.5", "global", "tokens", "515000", "500000"),
        per_minute("L-4A6BFAB1", "Claude Sonnet 4.5", "cross-region", "requests", "12", "10", judged=False),
        per_day("L-00000005", "Claude 3.5 Sonnet V2", "in-region", "125000", "144000000"),
        per_day("L-00000005/cross-region", "Claude 3.5 Sonnet V2", "cross-region", "216000000", "288000000"),
    ),
    notes=(
        MANTLE,
        "2 more model quotas of us-east-1 without use are not shown",
        "no quota was found for fakeprofile1",
        THROTTLED,
    ),
)
IDLE = Usage(
    account="123456789012/us-east-1",
    notes=(MANTLE, "8 more model quotas of us-east-1 without use are not shown"),
)


@pytest.mark.parametrize(
    ("hour", "day", "expected"),
    [
        (reading(HOUR_ASKED, VALUES_HOUR), reading(DAY_ASKED, VALUES_DAY), BUSY),
        (Reading(), Reading(), IDLE),
    ],
)
def test_recorded_answers(hour: Reading, day: Reading, expected: Usage) -> None:
    found = parse(QUOTAS, region=REGION, now=NOW, hour=hour, day=day, account="123456789012/us-east-1")
    assert found == expected


def test_how_the_recorded_account_is_judged() -> None:
    usage, status = judged(BUSY, Service(name="b", provider="bedrock"))
    statuses = [quota.status for quota in usage.quotas]
    assert statuses == ["ok", "low", "ok", "exhausted", None, "ok", "ok"]
    assert status == "exhausted"
    assert [str(quota.percent_used) for quota in usage.quotas][3] == "103.0"


# -- rules, one by one ------------------------------------------------------------------------------

NOVA_TPM = "On-demand model inference tokens per minute for Amazon Nova Lite"
NOVA_TPD = "On-demand model inference tokens per day for Amazon Nova Lite"
NOVA_RPM = "On-demand model inference requests per minute for Amazon Nova Lite"
HAIKU_TPM = "Cross-region model inference tokens per minute for Anthropic Claude Haiku 4.5"


def row(name: str, value: Any = 1000.0, code: str = "L-1") -> dict[str, Any]:
    return {"QuotaCode": code, "QuotaName": name, "Value": value, "Unit": "None"}


def answer(*series: Mapping[Any, Any] | None, status: Any = "Complete", **more: Any) -> dict[str, Any]:
    """A page of GetMetricData: each series as {minutes ago: value}, None for one that is left out."""
    return {
        "MetricDataResults": [
            {
                "Id": f"m{number}",
                "Timestamps": [EPOCH - 60 * ago for ago in points],
                "Values": list(points.values()),
                "StatusCode": status,
            }
            for number, points in enumerate(series)
            if points is not None
        ],
        **more,
    }


def use(
    names: Sequence[str] | str,
    hour: Mapping[Series, Mapping[Any, Any]] | None = None,
    day: Mapping[Series, Mapping[Any, Any]] | None = None,
    **more: Any,
) -> Usage:
    """The usage of an account with quotas of these names, each of 1000."""
    names = [names] if isinstance(names, str) else names
    rows = [row(name, code=f"L-{number}") for number, name in enumerate(names, 1)]
    hour, day = hour or {}, day or {}
    return parse(
        [{"Quotas": rows}],
        region=REGION,
        now=NOW,
        hour=reading(list(hour), answer(*hour.values())),
        day=reading(list(day), answer(*day.values())),
        **more,
    )


def used(usage: Usage) -> list[tuple[str, Decimal | None]]:
    return [(quota.id.removeprefix("us-east-1/"), quota.used) for quota in usage.quotas]


def test_the_peak_is_of_the_sum_of_all_ids_of_a_quota_minute_by_minute() -> None:
    other = HAIKU.replace("us.", "eu.")
    hour = {(HAIKU, ESTIMATE): {5: 100, 4: 300}, (other, ESTIMATE): {5: 250, 3: 10}}
    assert used(use(HAIKU_TPM, hour)) == [("L-1", d(350))]


def test_ids_of_another_scope_are_not_of_the_quota() -> None:
    hour = {(HAIKU.replace("us.", prefix), ESTIMATE): {5: 100} for prefix in ("", "global.")}
    usage = use(HAIKU_TPM, hour)
    assert used(usage) == []
    assert any(note.startswith("no quota was found for anthropic.claude-haiku") for note in usage.notes)


def test_the_estimate_wins_over_the_counts_of_tokens() -> None:
    hour = {(HAIKU, ESTIMATE): {5: 100}, (HAIKU, INPUT): {5: 900}, (HAIKU, OUTPUT): {5: 900}}
    assert used(use(HAIKU_TPM, hour)) == [("L-1", d(100))]


@pytest.mark.parametrize("estimate", [{}, {(HAIKU, ESTIMATE): {}}])
def test_without_an_estimate_tokens_are_counted(estimate: Any) -> None:
    """Output five times for Claude from 3.7 on, cache writes once, cache reads not at all."""
    hour = {
        **estimate,
        (HAIKU, INPUT): {5: 100, 4: 7},
        (HAIKU, OUTPUT): {5: 10},
        (HAIKU, WRITES): {5: 3},
        (HAIKU, READS): {5: 10_000},
    }
    assert used(use(HAIKU_TPM, hour)) == [("L-1", d(153))]


def test_rates_of_the_user_replace_the_usual_ones() -> None:
    hour = {(HAIKU, OUTPUT): {5: 10}, (NOVA, OUTPUT): {5: 10}}
    rates = {frozenset(("claude", "haiku", "4.5")): d(15)}
    assert used(use([HAIKU_TPM, NOVA_TPM], hour, rates=rates)) == [("L-1", d(150)), ("L-2", d(10))]


def test_each_id_counts_by_what_it_has() -> None:
    other = HAIKU.replace("us.", "eu.")
    hour = {(HAIKU, ESTIMATE): {5: 100}, (other, INPUT): {5: 20}, (other, OUTPUT): {5: 1}}
    assert used(use(HAIKU_TPM, hour)) == [("L-1", d(125))]


def test_a_day_is_summed() -> None:
    day = {(NOVA, INPUT): {300: 100, 240: 50}, (NOVA, OUTPUT): {300: 7}}
    quotas = use(NOVA_TPD, day=day).quotas
    assert [(quota.used, quota.window_seconds, quota.resets_at) for quota in quotas] == [
        (d(157), 86400, MIDNIGHT)
    ]


def test_the_last_hour_says_nothing_of_a_day_nor_a_day_of_a_minute() -> None:
    series = {(NOVA, INPUT): {5: 100}}
    assert used(use([NOVA_TPM, NOVA_TPD], hour=series)) == [("L-1", d(100))]
    assert used(use([NOVA_TPM, NOVA_TPD], day=series)) == [("L-2", d(100))]


def test_requests_per_minute_stop_nobody() -> None:
    usage = use(NOVA_RPM, {(NOVA, "Invocations"): {5: 1000, 4: 2000}})
    assert used(usage) == [("L-1", d(2000))]
    told, status = judged(usage, Service(name="b", provider="bedrock"))
    assert (told.quotas[0].status, status) == (None, "ok")


def test_use_beyond_a_limit_is_shown_as_such() -> None:
    (quota,) = use(NOVA_TPM, {(NOVA, INPUT): {5: 1250}}).quotas
    assert (quota.remaining, quota.percent_used) == (d(0), d(125))


def test_no_entry_without_use_or_without_a_value() -> None:
    quotas = [{"Quotas": [row(NOVA_TPM, 0), row(HAIKU_TPM, code="L-2")]}]
    asked: list[Series] = [(NOVA, INPUT), (HAIKU, INPUT)]
    hour = reading(asked, answer({5: 10}, {}))
    usage = parse(quotas, region=REGION, now=NOW, hour=hour, day=Reading())
    assert usage.quotas == ()
    assert usage.notes == ("1 more model quota of us-east-1 without use is not shown",)


@pytest.mark.parametrize("value", [None, "many", -1, float("nan"), float("inf"), True, []])
def test_a_limit_that_is_not_known(value: Any) -> None:
    hour = reading([(NOVA, INPUT)], answer({5: 10}))
    usage = parse([{"Quotas": [row(NOVA_TPM, value)]}], region=REGION, now=NOW, hour=hour, day=Reading())
    (quota,) = usage.quotas
    assert (quota.used, quota.limit, quota.percent_used) == (d(10), None, None)


def test_numbers_as_text() -> None:
    hour = reading([(NOVA, INPUT)], answer({5: "10"}))
    usage = parse([{"Quotas": [row(NOVA_TPM, "40")]}], region=REGION, now=NOW, hour=hour, day=Reading())
    assert usage.quotas[0].percent_used == 25


def test_of_two_quotas_of_one_kind_neither_is_taken() -> None:
    twice = [NOVA_TPM, "On-demand InvokeModel tokens per minute for Amazon Nova Lite V1", NOVA_RPM]
    hour = {(NOVA, INPUT): {5: 10}, (NOVA, "Invocations"): {5: 1}}
    assert used(use(twice, hour)) == [("L-3", d(1))]
    assert used(use(twice[:2], hour)) == []
    assert "no quota was found for amazon.nova-lite-v1:0" in use(twice[:2], hour).notes


def test_a_quota_that_is_listed_twice_is_one() -> None:
    pages = [{"Quotas": [row(NOVA_TPM)]}, {"Quotas": [row(NOVA_TPM)]}]
    hour = reading([(NOVA, INPUT)], answer({5: 10}))
    assert used(parse(pages, region=REGION, now=NOW, hour=hour, day=Reading())) == [("L-1", d(10))]


DOUBLED = "Model invocation max tokens per day for Amazon Nova Lite (doubled for cross-region calls)"


def test_a_doubled_day_s_quota() -> None:
    day = {(f"{prefix}{NOVA}", INPUT): {60: n} for n, prefix in enumerate(("", "us.", "eu.", "global."), 1)}
    usage = use(DOUBLED, day=day)
    assert [(q.id, q.scope, q.used, q.limit) for q in usage.quotas] == [
        ("us-east-1/L-1", "us-east-1 in-region Nova Lite", d(1), d(1000)),
        ("us-east-1/L-1/cross-region", "us-east-1 cross-region Nova Lite", d(5), d(2000)),
    ]
    assert usage.notes == (f"no quota was found for global.{NOVA}",)


def test_a_doubled_quota_and_one_of_its_own_for_profiles_are_two() -> None:
    names = [DOUBLED, "Cross-region model inference tokens per day for Amazon Nova Lite"]
    day = {(NOVA, INPUT): {60: 1}, (f"us.{NOVA}", INPUT): {60: 2}}
    assert used(use(names, day=day)) == [("L-1", d(1))]


def test_many_ids_without_a_quota() -> None:
    hour = {(f"app-{n}", "Invocations"): {5: 1} for n in range(7)}
    usage = use([], {**hour, ("idle", "Invocations"): {}})
    assert usage.notes == ("no quota was found for app-0, app-1, app-2, app-3, app-4 and 2 more",)


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, 1), (2.0, 1)])
def test_throttled_requests_are_a_warning(count: float, told: int) -> None:
    usage = use(NOVA_TPM, {(NOVA, INPUT): {5: 1}, (NOVA, "InvocationThrottles"): {5: count}})
    assert len(usage.notes) == told
    assert used(usage) == [("L-1", d(1))]


# -- CloudWatch's answers ---------------------------------------------------------------------------


def test_parts_of_a_series_on_several_pages_are_added_by_id() -> None:
    pages = [
        answer({5: 10, 4: 1}, {3: 2}, status="PartialData"),
        answer(None, {3: 5}, status="PartialData"),
        answer({5: 2}, {3: 4}),
    ]
    asked: list[Series] = [(NOVA, INPUT), (NOVA, OUTPUT)]
    usage = parse(
        [{"Quotas": [row(NOVA_TPM)]}], region=REGION, now=NOW, hour=reading(asked, *pages), day=Reading()
    )
    assert (used(usage), usage.notes) == ([("L-1", d(12))], ())


@pytest.mark.parametrize(
    "page",
    [
        answer({5: 10}, status="InternalError"),
        answer({}, status="InternalError"),
        answer({5: 10}, status="Forbidden"),
        answer({5: 10}, status="PartialData"),
        answer({5: 10}, Messages=[{"Code": "MaxMetricsExceeded", "Value": "..."}]),
        answer({}, Messages=[{"Code": "MaxMetricsExceeded", "Value": "..."}]),
        answer({5: None, 4: 10}),
        answer({5: float("nan"), 4: 10}),
        answer({5: -1, 4: 10}),
        {"MetricDataResults": [{"Id": "m0", "Timestamps": [None], "Values": [7], "StatusCode": "Complete"}]},
        {"MetricDataResults": [{"Id": "m0", "Timestamps": [EPOCH], "Values": [], "StatusCode": "Complete"}]},
    ],
)
@pytest.mark.parametrize("metric", [ESTIMATE, INPUT, OUTPUT])
def test_an_incomplete_reading_is_never_a_figure(page: Any, metric: str) -> None:
    hour = reading([(NOVA, metric)], page)
    usage = parse([{"Quotas": [row(NOVA_TPM)]}], region=REGION, now=NOW, hour=hour, day=Reading())
    assert (used(usage), usage.notes) == ([("L-1", None)], (INCOMPLETE,))
    assert judged(usage, Service(name="b", provider="bedrock"))[1] == "ok"


def test_complete_and_empty_is_no_use() -> None:
    usage = use(NOVA_TPM, {(NOVA, INPUT): {}})
    assert (usage.quotas, usage.notes) == ((), ("1 more model quota of us-east-1 without use is not shown",))


@pytest.mark.parametrize(
    "at",
    [
        EPOCH - 300,
        (EPOCH - 300) * 1000,
        float(EPOCH - 300),
        str(EPOCH - 300),
        "2026-11-21T07:55:00Z",
        NOW - timedelta(minutes=5),
        (NOW - timedelta(minutes=5)).astimezone(timezone(timedelta(hours=9))),
    ],
)
def test_instants_of_every_kind_are_one_minute(at: Any) -> None:
    page = answer({5: 10})
    page["MetricDataResults"].append(
        {"Id": "m1", "Timestamps": [at], "Values": [5], "StatusCode": "Complete"}
    )
    asked: list[Series] = [(NOVA, INPUT), (NOVA, WRITES)]
    usage = parse(
        [{"Quotas": [row(NOVA_TPM)]}], region=REGION, now=NOW, hour=reading(asked, page), day=Reading()
    )
    assert used(usage) == [("L-1", d(15))]


def test_answers_to_what_was_not_asked_are_left_alone() -> None:
    page = answer({5: 10}, {5: 99}, {5: 99})
    page["MetricDataResults"] += [{"Id": ["m0"]}, {"Id": None}, None, 7]
    usage = parse(
        [{"Quotas": [row(NOVA_TPM)]}],
        region=REGION,
        now=NOW,
        hour=reading([(NOVA, INPUT)], page),
        day=Reading(),
    )
    assert used(usage) == [("L-1", d(10))]


def test_several_calls_have_ids_of_their_own() -> None:
    hour = Reading(calls=[([(NOVA, INPUT)], [answer({5: 10})]), ([(NOVA, OUTPUT)], [answer({5: 5})])])
    usage = parse([{"Quotas": [row(NOVA_TPM)]}], region=REGION, now=NOW, hour=hour, day=Reading())
    assert used(usage) == [("L-1", d(15))]


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "hour", "day"),
    [
        ("2026-11-21T08:00:00", ("07:00", "08:00"), ("21T00:00", "21T08:01")),
        ("2026-11-21T08:00:59", ("07:00", "08:00"), ("21T00:00", "21T08:01")),
        ("2026-11-21T00:00:00", ("23:00", "00:00"), ("21T00:00", "21T00:01")),
        ("2026-11-21T23:59:30", ("22:59", "23:59"), ("21T00:00", "22T00:00")),
    ],
)
def test_the_spans_are_of_full_minutes_and_never_empty(now: str, hour: Any, day: Any) -> None:
    first, second = last_hour(utc(now)), today(utc(now))
    assert (f"{first.start:%H:%M}", f"{first.end:%H:%M}", first.period_s) == (*hour, 60)
    assert (f"{second.start:%dT%H:%M}", f"{second.end:%dT%H:%M}") == day
    assert first.end - first.start == timedelta(hours=1)
    assert {at.tzinfo for at in (first.start, first.end, second.start, second.end)} == {UTC}


def test_a_query() -> None:
    assert query(0, (NOVA, ESTIMATE), last_hour(NOW)) == {
        "Id": "m0",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Bedrock",
                "MetricName": "EstimatedTPMQuotaUsage",
                "Dimensions": [{"Name": "ModelId", "Value": NOVA}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
        "ReturnData": True,
    }


def test_only_series_by_model_alone_are_listed() -> None:
    assert RECENT[NOVA] == {"Invocations", "InvocationLatency", INPUT, OUTPUT}
    odd: list[Any] = [None, [None], "x", [{}]]
    rows: list[Any] = [None, 7, {}, {"MetricName": None, "Dimensions": [{"Name": "ModelId", "Value": "a"}]}]
    rows += [
        {"MetricName": "I", "Dimensions": [{"Name": "ModelId", "Value": value}]} for value in (None, "", 7)
    ]
    rows += [{"MetricName": "I", "Dimensions": dimensions} for dimensions in odd]
    assert listed([{"Metrics": rows}]) == {}


def test_only_what_a_quota_needs_is_asked() -> None:
    metrics = {
        NOVA: {ESTIMATE, INPUT, READS, "Invocations", "InvocationLatency", "InvocationThrottles"},
        "app": {ESTIMATE, INPUT, "Invocations"},
    }
    tokens = [(NOVA, ESTIMATE), (NOVA, INPUT)]
    requests = [(NOVA, "Invocations"), (NOVA, "InvocationThrottles")]
    app = [("app", "Invocations")]
    for names, hour, day in [
        ([NOVA_TPM], [*tokens, *requests, *app], app),
        ([NOVA_RPM], [*requests, *app], app),
        ([NOVA_TPD], [*requests, *app], [*tokens, *app]),
        ([], [*requests, *app], [requests[0], *app]),
    ]:
        known = allowances([{"Quotas": [row(name) for name in names]}], REGION)
        assert minute_series(metrics, known) == hour
        assert day_series(metrics, known) == day


# -- answers that are not as they should be ---------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "field"),
    [(None, "body"), ([], "body"), ({}, "Quotas"), ({"Quotas": None}, "Quotas"), ({"Quotas": {}}, "Quotas")],
)
def test_quotas_of_another_shape(page: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        allowances([page], REGION)


@pytest.mark.parametrize(("page", "field"), [(None, "body"), ({}, "Metrics"), ({"Metrics": "x"}, "Metrics")])
def test_metrics_of_another_shape(page: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        listed([page])


@pytest.mark.parametrize(
    ("page", "field"),
    [(None, "body"), ({}, "MetricDataResults"), ({"MetricDataResults": 7}, "MetricDataResults")],
)
def test_values_of_another_shape(page: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(QUOTAS, region=REGION, now=NOW, hour=reading(HOUR_ASKED, page), day=Reading())


def whole(
    quotas: Any = None,
    recent: Any = None,
    hour: Any = None,
    day: Any = None,
    cost: Any = None,
    budgets: Any = None,
) -> Usage:
    """All that a fetch does with answers, from recorded ones where none is given."""
    pages = [QUOTAS[0] if quotas is None else quotas, QUOTAS[1]]
    known = allowances(pages, REGION)
    metrics = listed([payload("bedrock/metrics_recent") if recent is None else recent])
    asked = minute_series(metrics, known)
    return parse(
        pages,
        region=REGION,
        now=NOW,
        hour=reading(asked, VALUES_HOUR if hour is None else hour),
        day=reading(DAY_ASKED, VALUES_DAY if day is None else day),
        spend=month_cost([payload("bedrock/cost") if cost is None else cost], NOW)[0],
        budgets=budget_quotas([payload("bedrock/budgets") if budgets is None else budgets]),
    )


RECORDED = {
    "quotas": "quotas_1",
    "recent": "metrics_recent",
    "hour": "values_hour",
    "day": "values_day",
    "cost": "cost",
    "budgets": "budgets",
}


@given(st.data())
def test_any_json_anywhere_gives_a_sound_report_or_names_the_field(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(RECORDED)))
    body = data.draw(mutated(payload(f"bedrock/{RECORDED[part]}")))
    survives(lambda: whole(**{part: body}))


@pytest.mark.parametrize("part", sorted(RECORDED))
def test_null_for_every_field_in_turn(part: str) -> None:
    recorded = payload(f"bedrock/{RECORDED[part]}")
    for path in places(recorded)[1:]:
        survives(lambda path=path: whole(**{part: replaced(recorded, path, None)}))  # type: ignore[misc]


@given(SCALARS)
def test_no_use_is_read_from_nonsense(value: Any) -> None:
    (quota,) = use([NOVA_TPM], {(NOVA, INPUT): {5: value}}).quotas
    assert quota.used is None or quota.used >= 0
