"""How AWS is asked about Bedrock: real boto3 clients against servers on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.cli import configure, run
from tests.providers.test_bedrock import BUSY, DAY_ASKED, HOUR_ASKED
from tests.support import NOW, Reply, Route, Seen, Server, make_ask, make_machine, payload, serve
from usagecli.errors import (
    NotConfigured,
    ProviderError,
    ServiceError,
)
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._bedrock.metrics import last_hour, query, today
from usagecli.providers._bedrock.money import budget_quotas, month_cost
from usagecli.providers.bedrock import fetch

KEYS = {
    "access_key_id": "AKIAFAKEFAKEFAKEFAKE",
    "secret_access_key": "fake-secret",
    "session_token": "fake-t",
}
OPTIONS = {"region": "us-east-1"}
ALL_OPTIONS = {**OPTIONS, "cost": True, "budgets": True}
XML = {"Content-Type": "text/xml"}
HTML = {"Content-Type": "text/html"}
WEB_PAGE = Reply(b"<!DOCTYPE html><html>sign in</html>", 200, HTML)
WHO = Reply(
    b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
    headers=XML,
)


def recorded(name: str) -> Reply:
    return Reply(payload(f"bedrock/{name}"))


def refused(code: str, status: int = 400, **headers: str) -> Reply:
    return Reply({"__type": f"com.amazon#{code}", "message": "fake words of AWS"}, status, headers)


def account() -> dict[str, Route]:
    """What an account in use answers, by operation."""
    return {
        "ListServiceQuotas": [recorded("quotas_1"), recorded("quotas_2")],
        "ListMetrics": [recorded("metrics_recent"), recorded("metrics_all")],
        "GetMetricData": [recorded("values_hour"), recorded("values_day")],
        "GetCallerIdentity": WHO,
        "GetCostAndUsage": recorded("cost"),
        "DescribeBudgets": recorded("budgets"),
    }


def operation(seen: Seen) -> str:
    """What a request asks for: by its header, or by its form (STS)."""
    target = seen.headers.get("x-amz-target", "")
    return target.rpartition(".")[2] or seen.body.decode().partition("Action=")[2].partition("&")[0]


@contextmanager
def aws(answers: Mapping[str, Route]) -> Iterator[Server]:
    """One server for all AWS services, which tells them by what is asked."""

    waiting = {name: list(route) if isinstance(route, list) else route for name, route in answers.items()}

    def by_operation(handler: BaseHTTPRequestHandler) -> None:
        route = waiting.get(operation(server.seen[-1]), refused("UnknownOperationException"))
        if isinstance(route, list):
            route = route.pop(0) if len(route) > 1 else route[0]
        if isinstance(route, Reply):
            send(handler, route)
        else:
            route(handler)

    with serve({"/": by_operation, "/bedrock": by_operation}) as server:
        yield server


def send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    data = reply.data()
    handler.send_response(reply.status)
    for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def ask_all(
    answers: Mapping[str, Route], machine: Machine, options: Mapping[str, Any] = OPTIONS, **more: Any
) -> tuple[Usage, list[Seen]]:
    with aws(answers) as server:
        usage = fetch(make_ask("bedrock", machine, secret=KEYS, base_url=server.url, given=options, **more))
    return usage, server.seen


def failure(answers: Mapping[str, Route], machine: Machine) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask_all({**account(), **answers}, machine)
    assert "fake" not in (caught.value.message + str(caught.value.hint)).lower()
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_whole_account(machine: Machine) -> None:
    usage, seen = ask_all(account(), machine)
    assert usage == BUSY
    assert [operation(one) for one in seen] == [
        "ListServiceQuotas",
        "ListServiceQuotas",
        "ListMetrics",
        "GetMetricData",
        "ListMetrics",
        "GetMetricData",
        "GetCallerIdentity",
    ]
    bodies = [one.json() for one in seen[:-1]]
    assert bodies[:3] == [
        {"ServiceCode": "bedrock", "MaxResults": 100},
        {"ServiceCode": "bedrock", "MaxResults": 100, "NextToken": "fake-page-2"},
        {"Namespace": "AWS/Bedrock", "RecentlyActive": "PT3H"},
    ]
    assert bodies[4] == {"Namespace": "AWS/Bedrock"}
    for body, asked, span in ((bodies[3], HOUR_ASKED, last_hour(NOW)), (bodies[5], DAY_ASKED, today(NOW))):
        assert body == {
            "MetricDataQueries": [query(number, series, span) for number, series in enumerate(asked)],
            "StartTime": span.start.timestamp(),
            "EndTime": span.end.timestamp(),
            "ScanBy": "TimestampAscending",
        }


@pytest.mark.sockets
def test_every_request_is_signed_and_none_holds_the_secret(machine: Machine) -> None:
    _, seen = ask_all(account(), machine, ALL_OPTIONS)
    scopes = [one.headers["authorization"].partition("/")[2].split("/aws4_request")[0][9:] for one in seen]
    assert list(dict.fromkeys(scopes)) == [
        "us-east-1/servicequotas",
        "us-east-1/monitoring",
        "us-east-1/sts",
        "us-east-1/ce",
        "us-east-1/budgets",
    ]
    for one in seen:
        assert one.method == "POST"
        assert one.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAFAKEFAKEFAKEFAKE/")
        assert one.headers["x-amz-security-token"] == "fake-t"
        assert b"fake-secret" not in one.body
        assert "fake-secret" not in str(one.headers)


@pytest.mark.sockets
def test_cost_and_budgets_are_asked_only_where_the_options_say_so(machine: Machine) -> None:
    usage, seen = ask_all(account(), machine, ALL_OPTIONS)
    assert usage.spend == tuple(month_cost([payload("bedrock/cost")], NOW)[0])
    assert usage.quotas == (*BUSY.quotas, *budget_quotas([payload("bedrock/budgets")]))
    assert [one.json() for one in seen[-2:]] == [
        {
            "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-22"},
            "Granularity": "MONTHLY",
            "Metrics": ["UnblendedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        },
        {"AccountId": "123456789012"},
    ]
    _, seen = ask_all(account(), machine, {**OPTIONS, "cost": False, "budgets": False})
    assert operation(seen[-1]) == "GetCallerIdentity"


@pytest.mark.sockets
def test_an_account_without_use_is_not_asked_for_values(machine: Machine) -> None:
    answers = {**account(), "ListMetrics": Reply({"Metrics": []})}
    usage, seen = ask_all(answers, machine)
    assert usage.quotas == ()
    assert "GetMetricData" not in [operation(one) for one in seen]


@pytest.mark.sockets
def test_without_a_day_s_quota_the_day_is_not_asked(machine: Machine) -> None:
    page = payload("bedrock/quotas_1")
    page = {"Quotas": [row for row in page["Quotas"] if "per day" not in row["QuotaName"]]}
    usage, seen = ask_all({**account(), "ListServiceQuotas": Reply(page)}, machine)
    assert [operation(one) for one in seen].count("ListMetrics") == 1
    assert [quota.id for quota in usage.quotas] == [
        f"us-east-1/L-{n}" for n in ("00000001", "00000002", "27C57EE8", "4A6BFAB1")
    ]


@pytest.mark.sockets
def test_pages_of_every_kind(machine: Machine) -> None:
    recent, cost, budgets = (payload(f"bedrock/{name}") for name in ("metrics_recent", "cost", "budgets"))
    hour = payload("bedrock/values_hour")
    results = hour["MetricDataResults"]
    answers = {
        **account(),
        "ListMetrics": [
            Reply({"Metrics": recent["Metrics"][:3], "NextToken": "b"}),
            Reply({"Metrics": recent["Metrics"][3:]}),
            recorded("metrics_all"),
        ],
        "GetMetricData": [
            Reply({"MetricDataResults": results[:5], "NextToken": "c"}),
            Reply({"MetricDataResults": results[5:]}),
            recorded("values_day"),
        ],
        "GetCostAndUsage": [Reply({**cost, "NextPageToken": "d"}), Reply(cost)],
        "DescribeBudgets": [
            Reply({"Budgets": budgets["Budgets"][:1], "NextToken": "e"}),
            Reply({"Budgets": budgets["Budgets"][1:]}),
        ],
    }
    usage, seen = ask_all(answers, machine, ALL_OPTIONS)
    assert usage.quotas == (*BUSY.quotas, *budget_quotas([budgets]))
    assert [str(spend.amount) for spend in usage.spend] == ["224.9000"]
    tokens = [body.get("NextToken") or body.get("NextPageToken") for one in seen if (body := form(one))]
    assert [token for token in tokens if token] == ["fake-page-2", "b", "c", "d", "e"]


def form(seen: Seen) -> Any:
    return seen.json() if "x-amz-target" in seen.headers else {}


@pytest.mark.sockets
def test_more_series_than_one_call_takes(machine: Machine) -> None:
    names = [
        {"MetricName": "Invocations", "Dimensions": [{"Name": "ModelId", "Value": f"app-{n}"}]}
        for n in range(501)
    ]
    values = {"MetricDataResults": [{"Id": "m0", "Timestamps": [int(NOW.timestamp()) - 60], "Values": [1.0]}]}
    answers = {
        **account(),
        "ListServiceQuotas": Reply({"Quotas": []}),
        "ListMetrics": Reply({"Metrics": names}),
        "GetMetricData": Reply(values),
    }
    usage, seen = ask_all(answers, machine)
    asked = [len(one.json()["MetricDataQueries"]) for one in seen if operation(one) == "GetMetricData"]
    assert asked == [500, 1]
    assert usage.notes == ("no quota was found for app-0, app-500",)


@pytest.mark.sockets
def test_pages_without_end_are_an_error(machine: Machine) -> None:
    endless = Reply({**payload("bedrock/quotas_2"), "NextToken": "again"})
    error = failure({"ListServiceQuotas": endless}, machine)
    assert (error.kind, error.message) == (
        "invalid_response",
        "NextToken: Service Quotas gives pages without end",
    )


@pytest.mark.sockets
def test_the_base_url_s_path_stays(machine: Machine) -> None:
    with aws(account()) as server:
        ask = make_ask("bedrock", machine, secret=KEYS, base_url=f"{server.url}/bedrock", given=OPTIONS)
        assert fetch(ask) == BUSY
    assert set(server.paths()) == {"/bedrock"}


# -- endpoints, Regions, profiles of the environment --------------------------------------------------


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment of both boto3 and the machine: keys, a Region, and no way to a role of the machine."""
    found = {
        "AWS_ACCESS_KEY_ID": "AKIAFAKEFAKEFAKEFAKE",
        "AWS_SECRET_ACCESS_KEY": "fake-secret",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.mark.sockets
def test_endpoints_of_the_environment(
    own_home: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws(account()) as general, aws(account()) as own:
        monkeypatch.setenv("AWS_ENDPOINT_URL", general.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", own.url)
        assert fetch(make_ask("bedrock", make_machine(own_home, env))) == BUSY
    assert {operation(one) for one in own.seen} == {"ListServiceQuotas"}
    assert {operation(one) for one in general.seen} == {"ListMetrics", "GetMetricData", "GetCallerIdentity"}


@pytest.mark.sockets
def test_an_endpoint_of_the_environment_must_be_safe(
    own_home: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.example.com")
    with pytest.raises(ServiceError, match="the endpoint of Service Quotas must be https"):
        fetch(make_ask("bedrock", make_machine(own_home, env)))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("changes", "options", "config", "expected"),
    [
        ({}, {}, "", "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, {}, "", "us-east-1"),
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": "eu-west-1"}, {}, "", "eu-west-1"),
        ({"AWS_REGION": None}, {}, "[default]\nregion = ap-south-1\n", "ap-south-1"),
        ({}, {"region": "sa-east-1"}, "[default]\nregion = ap-south-1\n", "sa-east-1"),
        (
            {"AWS_REGION": None, "AWS_PROFILE": "work"},
            {},
            "[profile work]\nregion = ca-central-1\n",
            "ca-central-1",
        ),
        (
            {"AWS_REGION": None, "AWS_ACCESS_KEY_ID": None, "AWS_PROFILE": "home"},
            {"profile": "work"},
            "[profile home]\nregion = x\n[profile work]\nregion = ca-central-1\n"
            "aws_access_key_id = AKIAFAKE\naws_secret_access_key = fake-secret\n",
            "ca-central-1",
        ),
    ],
)
def test_which_region_counts(
    own_home: Path,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    changes: Mapping[str, str | None],
    options: Mapping[str, str],
    config: str,
    expected: str,
) -> None:
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
            del env[name]
        else:
            env[name] = value
    write(own_home, ".aws/config", config)
    with aws(account()) as server:
        usage = fetch(make_ask("bedrock", make_machine(own_home, env), base_url=server.url, given=options))
    assert usage.account == f"123456789012/{expected}"
    assert usage.quotas[0].id == f"{expected}/L-00000001"
    assert f"/{expected}/servicequotas/" in server.seen[0].headers["authorization"]


def write(home: Path, name: str, text: str) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.sockets
def test_no_region_at_all(machine: Machine) -> None:
    with pytest.raises(NotConfigured, match="no AWS Region is given") as caught:
        fetch(make_ask("bedrock", machine, secret=KEYS))
    assert "AWS_REGION" in str(caught.value.hint)


@pytest.mark.sockets
def test_a_region_that_is_no_name(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="no name of a Region"):
        fetch(make_ask("bedrock", machine, secret=KEYS, given={"region": "us east 1!"}))


def test_without_boto3_the_hint_is_how_to_install_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(NotConfigured, match="boto3") as caught:
        fetch(make_ask("bedrock", machine, secret=KEYS, given=OPTIONS))
    assert caught.value.hint == "pip install 'usagecli[bedrock]'"


# -- moto, a whole AWS of its own ---------------------------------------------------------------------


@pytest.mark.sockets
def test_against_moto(own_home: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics, cost, budgets and the account of moto; Service Quotas, which it lacks, of our own."""
    import boto3
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        url = "http://{}:{}".format(*moto.get_host_and_port())
        cloudwatch, budgets = (
            boto3.client(name, endpoint_url=url, region_name="us-east-1")
            for name in ("cloudwatch", "budgets")
        )
        minutes = {50: 100.0, 5: 250.0, 4: 90.0}
        for model in ("us.amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"):
            cloudwatch.put_metric_data(
                Namespace="AWS/Bedrock",
                MetricData=[
                    {
                        "MetricName": "EstimatedTPMQuotaUsage",
                        "Dimensions": [{"Name": "ModelId", "Value": model}],
                        "Timestamp": NOW - timedelta(minutes=ago),
                        "Value": value,
                    }
                    for ago, value in minutes.items()
                ],
            )
        budgets.create_budget(
            AccountId="123456789012",
            Budget={
                "BudgetName": "ai",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "10", "Unit": "USD"},
            },
        )
        for client in (cloudwatch, budgets):
            client.close()
        names = ("minute", "day")
        rows = [
            {
                "QuotaCode": f"L-{name}",
                "QuotaName": f"Cross-region model inference tokens per {name} for Amazon Nova Lite",
                "Value": 1000.0,
            }
            for name in names
        ]
        with aws({"ListServiceQuotas": Reply({"Quotas": rows})}) as quotas:
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", quotas.url)
            machine = make_machine(own_home, env)
            usage = fetch(make_ask("bedrock", machine, given=ALL_OPTIONS, timeout_s=30))
    finally:
        moto.stop()
    assert [(quota.id, float(quota.used or 0), float(quota.limit or 0)) for quota in usage.quotas] == [
        ("us-east-1/L-minute", 500.0, 1000.0),
        ("us-east-1/L-day", 880.0, 1000.0),
        ("budget/ai", 0.0, 10.0),
    ]
    assert usage.account == "123456789012/us-east-1"
    assert usage.notes == ("the cost could not be read: Cost Explorer gave no figure for this month",)


# -- as a user sees it --------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock")
def test_the_document() -> None:
    with aws(account()) as server:
        service = {
            "name": "bedrock",
            "provider": "bedrock",
            "credential": {part: {"value": text} for part, text in KEYS.items()},
            "base_url": server.url,
            "options": ALL_OPTIONS,
        }
        configure([service])
        outcome = run("bedrock", "--json")
    document = outcome.document
    assert (outcome.code, document["status"], document["error"]) == (1, "exhausted", None)
    assert (document["account"], document["plan"]) == ("123456789012/us-east-1", None)
    assert document["source"] == "api"
    assert [spend["amount"] for spend in document["spend"]] == [112.45]
    assert "fake-secret" not in outcome.out + outcome.err
    assert json.loads(outcome.out) == document


def test_the_options_say_what_costs_money() -> None:
    page = run("providers", "bedrock").out
    assert "cost: true: report the month's cost. AWS bills each request" in page
    assert "usagecli[bedrock]" in page
