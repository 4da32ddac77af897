"""Azure's lists, one by one. How they are asked: test_azure_openai_fetch.py and _login.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.model import Quota, Service, Status, Usage
from usagecli.providers._azure_openai import metrics
from usagecli.providers._azure_openai.usage import Account, accounts, parse, region_name

SERVICE = Service(name="azure", provider="azure-openai")
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TPM = "Tokens Per Minute (thousands) - gpt-5.1 - GlobalStandard"
NAME = "OpenAI.GlobalStandard.gpt-5.1"
MONTH = utc("2026-11-01T00:00:00")


def rows(case: str) -> list[Any]:
    found: list[Any] = payload(f"azure-openai/{case}")["value"]
    return found


def read(*found: Any, region: str = "eastus2") -> Usage:
    return parse({region: found}, subscription=SUBSCRIPTION)


def row(name: str = NAME, localized: Any = TPM, current: Any = 350, limit: Any = 1000, **more: Any) -> Any:
    return {
        "name": {"value": name, "localizedValue": localized},
        "currentValue": current,
        "limit": limit,
        "unit": "Count",
        **more,
    }


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


GPT = Quota(
    id="eastus2/OpenAI.GlobalStandard.gpt-5.1",
    label="gpt-5.1 allocated",
    unit="tokens",
    scope="eastus2: GlobalStandard gpt-5.1",
    used=d(350_000),
    limit=d(1_000_000),
    remaining=d(650_000),
    percent_used=d(35),
    window_seconds=60,
    judged=False,
)


def share(name: str, label: str, scope: str, percent: Decimal) -> Quota:
    return Quota(
        id=f"eastus2/{name}",
        label=label,
        unit="percent",
        scope=scope,
        used=percent,
        limit=d(100),
        judged=False,
    )


ALLOCATED = Usage(
    quotas=(
        GPT,
        Quota(
            id="eastus2/AIServices.GlobalStandard.mistral-large-3",
            label="mistral-large-3 allocated",
            unit="tokens",
            scope="eastus2: GlobalStandard mistral-large-3",
            used=d(100_000),
            limit=d(100_000),
            window_seconds=60,
            judged=False,
        ),
        share(
            "OpenAI.GlobalProvisionedManaged",
            "GlobalProvisionedManaged allocated",
            "eastus2: GlobalProvisionedManaged",
            d(100) * d(100) / d(300),
        ),
        share("OpenAI.Dedicated.gpt-4.1", "gpt-4.1 allocated", "eastus2: Dedicated gpt-4.1", d(75)),
    ),
    account=SUBSCRIPTION,
    plan={"name": "Tier 2", "renewsAt": None},
    notes=("1 model quota of which nothing is allocated is left out: it is free",),
)


# -- what is given to deployments -------------------------------------------------------------------


def test_parse() -> None:
    usage = parse({"eastus2": rows("usages")}, subscription=SUBSCRIPTION, tiers=rows("tiers"))
    assert usage == ALLOCATED


def test_an_allocation_is_judged_by_nobody_not_even_at_all_of_it() -> None:
    usage = read(row(current=1000), row(name="OpenAI.Standard.o3", current=1200))
    judged, weight = assess.judged(usage, SERVICE)
    assert [quota.status for quota in judged.quotas] == [None, None]
    assert [quota.remaining for quota in judged.quotas] == [0, 0]
    assert [quota.percent_used for quota in judged.quotas] == [100, 120]
    assert weight == "ok"


@pytest.mark.parametrize(
    ("name", "label", "scope"),
    [
        ("OpenAI.Standard.gpt-4.1", "gpt-4.1 allocated", "eastus2: Standard gpt-4.1"),
        ("OpenAI.Standard.a.b.c", "a.b.c allocated", "eastus2: Standard a.b.c"),
        ("OpenAI.ProvisionedManaged", "ProvisionedManaged allocated", "eastus2: ProvisionedManaged"),
        ("OpenAI", "OpenAI allocated", "eastus2: OpenAI"),
        ("OpenAI.", "OpenAI. allocated", "eastus2: OpenAI."),
    ],
)
def test_a_name_is_split_at_its_first_two_dots_only(name: str, label: str, scope: str) -> None:
    (quota,) = read(row(name=name)).quotas
    assert (quota.id, quota.label, quota.scope) == (f"eastus2/{name}", label, scope)


@pytest.mark.parametrize(
    ("localized", "unit"),
    [
        ("Tokens Per Minute (thousands) - gpt-5.1", "tokens"),
        ("tokens per minute (thousands)", "tokens"),
        ("Provisioned Managed Throughput Unit - Global", "percent"),
        ("Provisioned Throughput Unit", "percent"),
        ("Dedicated Unit - gpt-4.1", "percent"),
        ("Requests Per Minute - gpt-5.1", None),
        ("Enqueued tokens (thousands) - gpt-5.1", None),
        ("Maximum Resources per Region", None),
        ("Provisioned something else", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_which_entries_are_quota_of_a_model(localized: Any, unit: str | None) -> None:
    assert [quota.unit for quota in read(row(localized=localized)).quotas] == ([unit] if unit else [])


def test_a_limit_of_nothing_is_no_quota_and_not_free() -> None:
    assert read(row(current=0, limit=0), row(current=3, limit=0), row(limit=-1)) == read()


@pytest.mark.parametrize(
    ("free", "note"),
    [
        (0, ()),
        (1, ("1 model quota of which nothing is allocated is left out: it is free",)),
        (2, ("2 model quotas of which nothing is allocated are left out: they are free",)),
    ],
)
def test_what_is_not_allocated_is_counted_in_a_note(free: int, note: tuple[str, ...]) -> None:
    usage = read(row(), *[row(name=f"OpenAI.Standard.m{i}", current=0) for i in range(free)])
    assert (usage.quotas, usage.notes) == ((GPT,), note)


@pytest.mark.parametrize("missing", [None, "", "many", True, [], {}, float("nan"), float("inf")])
def test_a_figure_that_is_missing_is_unknown_and_never_nothing(missing: Any) -> None:
    (use,) = read(row(current=missing)).quotas
    assert (use.used, use.limit, use.percent_used) == (None, d(1_000_000), None)
    (limit,) = read(row(limit=missing)).quotas
    assert (limit.used, limit.limit, limit.percent_used) == (d(350_000), None, None)
    assert read(row(current=missing, limit=missing)) == read()
    assert read(row(localized="Dedicated Unit - x", current=missing)) == read()


def test_figures_as_text_and_with_fractions() -> None:
    assert read(row(current="350", limit="1000.0")).quotas == (GPT,)
    assert read(row(current=0.5)).quotas[0].used == 500


def test_figures_of_other_services_change_nothing() -> None:
    more = {"status": "Blocked", "quotaPeriod": "30.00:00:00", "nextResetTime": "0001-01-01T00:00:00Z"}
    assert read(row(**more)).quotas == (GPT,)


def test_regions_are_never_added_up() -> None:
    """Quota of a whole subscription stands in each region with the same figures."""
    usage = parse({"eastus2": [row()], "japaneast": [row()]}, subscription=SUBSCRIPTION)
    assert [(quota.id, quota.limit) for quota in usage.quotas] == [
        (f"eastus2/{NAME}", d(1_000_000)),
        (f"japaneast/{NAME}", d(1_000_000)),
    ]


@pytest.mark.parametrize("name", [None, "", 7, {"value": 7, "localizedValue": TPM}, {"localizedValue": TPM}])
def test_an_entry_without_a_name_is_none(name: Any) -> None:
    assert read({**row(), "name": name}).quotas == ()


@pytest.mark.parametrize(
    ("tiers", "plan"),
    [
        ([], None),
        ([None, {}, {"properties": {"currentTierName": None}}], None),
        ([{}, {"properties": {"currentTierName": "Tier 3"}}], {"name": "Tier 3", "renewsAt": None}),
    ],
)
def test_the_quota_tier_is_the_plan(tiers: list[Any], plan: Mapping[str, Any] | None) -> None:
    assert parse({}, subscription=SUBSCRIPTION, tiers=tiers).plan == plan


# -- accounts ---------------------------------------------------------------------------------------


def test_accounts_that_serve_models() -> None:
    root = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/example rg/providers"
    path = f"{root}/Microsoft.CognitiveServices/accounts/"
    assert accounts(rows("accounts")) == [
        Account(name="example-east", path=f"{path}example-east", region="eastus2"),
        Account(name="example-hub", path=f"{path}example-hub", region="japaneast"),
        Account(name="example-two", path=f"{path}example-two", region="eastus2"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": ".evil.example.com/accounts/a"},
        {"id": "@evil.example.com/"},
        {"location": None},
        {"kind": None},
        {"kind": "SpeechServices"},
    ],
)
def test_an_account_that_cannot_be_asked_is_none(change: dict[str, Any]) -> None:
    assert accounts([{**rows("accounts")[0], **change}]) == []


def test_an_account_without_a_name_is_named_by_its_id() -> None:
    assert accounts([{**rows("accounts")[0], "name": None}])[0].name == "example-east"


@pytest.mark.parametrize("text", ["JAPANEAST", "japaneast", "Japan East"])
def test_the_case_of_regions_varies(text: str) -> None:
    assert region_name(text) == "japaneast"


# -- real use ---------------------------------------------------------------------------------------


def deployment(name: str, used: Any, limit: Any, **more: Any) -> Quota:
    return Quota(
        id=f"example-east/{name}",
        label=f"{name} tokens/min (peak minute, last hour)",
        unit="tokens",
        scope=name,
        used=used,
        limit=limit,
        window_seconds=60,
        **more,
    )


USE = [
    deployment("chat", d(42_500), d(50_000), percent_used=d(85)),
    deployment("Batch-Small", d(30_000), d(30_000), remaining=d(0)),
    deployment("reserved", d(0), None),
]


def used(deployments: Any = None, answered: Any = None) -> list[Quota]:
    return metrics.parse(
        "example-east",
        rows("deployments") if deployments is None else deployments,
        rows("metrics") if answered is None else answered,
    )


def test_the_busiest_minute_of_each_deployment() -> None:
    assert used() == USE


@pytest.mark.parametrize(("quota", "weight"), [(USE[0], "ok"), (USE[1], "exhausted"), (USE[2], "ok")])
def test_real_use_is_judged(quota: Quota, weight: Status) -> None:
    assert status(Usage(quotas=(quota,))) == weight


def test_without_a_limit_use_is_shown_and_not_judged() -> None:
    assert assess.judged(Usage(quotas=(USE[2],)), SERVICE)[0].quotas[0].status is None


@pytest.mark.parametrize("lost", ["ProcessedPromptTokens", "GeneratedTokens"])
@pytest.mark.parametrize("how", ["missing", "failed"])
def test_half_of_the_tokens_are_not_the_use(lost: str, how: str) -> None:
    answered = [
        {**metric, "errorCode": "InvalidSamplingType"} if metric["name"]["value"] == lost else metric
        for metric in rows("metrics")
        if how == "failed" or metric["name"]["value"] != lost
    ]
    assert [(quota.used, quota.limit) for quota in used(answered=answered)] == [
        (None, d(50_000)),
        (None, d(30_000)),
    ]


def test_a_deployment_without_traffic_used_nothing() -> None:
    answered = [{**metric, "timeseries": []} for metric in rows("metrics")]
    assert [quota.used for quota in used(answered=answered)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("rules", "limit"),
    [
        ([{"key": "token", "renewalPeriod": 60, "count": 50000}], d(50_000)),
        ([{"key": "token", "renewalPeriod": 10, "count": 5000}], d(30_000)),
        ([{"key": "token", "renewalPeriod": "120", "count": "5000"}], d(2_500)),
        ([{"key": "request", "renewalPeriod": 10, "count": 50}], None),
        ([{"key": "token", "renewalPeriod": 0, "count": 50000}], None),
        ([{"key": "token", "renewalPeriod": None, "count": 50000}], None),
        ([{"key": "token", "renewalPeriod": 60, "count": -1}], None),
        ([{"key": "token", "renewalPeriod": 60}], None),
        ([], None),
        (None, None),
        ("none", None),
    ],
)
def test_a_token_rule_is_scaled_to_a_minute(rules: Any, limit: Decimal | None) -> None:
    (quota,) = used([{"name": "chat", "properties": {"rateLimits": rules}}])
    assert quota.limit == limit


def test_series_that_say_nothing_are_left_out() -> None:
    def answered(name: str, *series: Any) -> Any:
        return {"name": {"value": name}, "timeseries": list(series)}

    def told(name: Any, *data: Any) -> Any:
        dimension = {"name": {"value": "ModelDeploymentName"}, "value": name}
        return {
            "metadatavalues": [{"name": {"value": "region"}, "value": "x"}, dimension],
            "data": list(data),
        }

    at = "2026-11-21T07:00:00Z"
    found = used(
        [{"name": "chat"}, {"name": None}],
        [
            answered(
                "ProcessedPromptTokens",
                told("CHAT", {"timeStamp": at, "total": 5}, {"timeStamp": at}, {"total": 9}, 7),
                told(None, {"timeStamp": at, "total": 99}),
                {"metadatavalues": [], "data": [{"timeStamp": at, "total": 99}]},
            ),
            answered("GeneratedTokens", told("chat", {"timeStamp": at, "total": "2"}, {"total": -1})),
        ],
    )
    assert [(quota.id, quota.used) for quota in found] == [("example-east/chat", d(7))]


def test_what_is_asked_of_azure_monitor() -> None:
    assert metrics.params(NOW + timedelta(microseconds=5)) == {
        "api-version": "2024-02-01",
        "metricnames": "ProcessedPromptTokens,GeneratedTokens,TokenTransaction,AzureOpenAIRequests",
        "timespan": "2026-11-21T07:00:00Z/2026-11-21T08:00:00Z",
        "interval": "PT1M",
        "aggregation": "Total",
        "$filter": "ModelDeploymentName eq '*'",
    }


# -- whatever comes ---------------------------------------------------------------------------------


@given(body=mutated(rows("usages")) | ANY_JSON, tiers=mutated(rows("tiers")))
@settings(max_examples=150, deadline=None)
def test_any_usages(body: Any, tiers: Any) -> None:
    found = body if isinstance(body, list) else [body]
    told = tiers if isinstance(tiers, list) else [tiers]
    survives(lambda: parse({"eastus2": found}, subscription=SUBSCRIPTION, tiers=told))


@given(deployments=mutated(rows("deployments")), answered=mutated(rows("metrics")))
@settings(max_examples=150, deadline=None)
def test_any_metrics(deployments: Any, answered: Any) -> None:
    lists = [found if isinstance(found, list) else [found] for found in (deployments, answered)]
    survives(lambda: Usage(quotas=tuple(metrics.parse("a", *lists))))


@given(body=mutated(rows("accounts")))
@settings(max_examples=80, deadline=None)
def test_any_accounts(body: Any) -> None:
    for account in accounts(body if isinstance(body, list) else [body]):
        assert account.path.startswith("/")
        assert account.region
