"""The whole way to Azure over real sockets: every request, every refusal, what each failure costs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from tests import cli
from tests.support import NOW, Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from usagecli import assess
from usagecli.errors import (
    AuthError,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine, here
from usagecli.model import Service, Usage
from usagecli.providers._azure_openai import cost, metrics
from usagecli.providers._azure_openai.usage import parse
from usagecli.providers.azure_openai import fetch

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TOKEN = "eyJ-fake-arm-token"
KEY = "fake-resource-key"
ROOT = f"/subscriptions/{SUBSCRIPTION}/providers"
MODELS = f"{ROOT}/Microsoft.CognitiveServices"
ACCOUNTS, TIERS = f"{MODELS}/accounts", f"{MODELS}/quotaTiers"
EAST, JAPAN = f"{MODELS}/locations/eastus2/usages", f"{MODELS}/locations/japaneast/usages"
OWN = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/example%20rg/providers"
    "/Microsoft.CognitiveServices/accounts/"
)
COST, BUDGETS = f"{ROOT}/Microsoft.CostManagement/query", f"{ROOT}/Microsoft.CostManagement/budgets"
OLD_BUDGETS = f"{ROOT}/Microsoft.Consumption/budgets"
CHAT = "/openai/deployments/chat/chat/completions"
VERSION = "api-version=2025-09-01"
HTML = Reply(b"<!DOCTYPE html><html>Sorry</html>", headers={"Content-Type": "text/html"})
LIMITS = {
    "x-ratelimit-limit-tokens": "50000",
    "x-ratelimit-remaining-tokens": "12500",
    "x-ratelimit-reset-tokens": "59",
}
ONE = {"location": "EastUS2"}
ALL = {**ONE, "metrics": True, "cost": True, "probe": True, "deployment_name": "chat"}


def recorded(case: str, status: int = 200) -> Reply:
    return Reply(payload(f"azure-openai/{case}"), status)


def denied(code: str, status: int, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply({"error": {"code": code, "message": "No."}}, status, headers or {})


def rows(case: str) -> list[Any]:
    found: list[Any] = payload(f"azure-openai/{case}")["value"]
    return found


ROUTES: dict[str, Route] = {
    ACCOUNTS: recorded("accounts"),
    EAST: recorded("usages"),
    JAPAN: recorded("usages_japaneast"),
    TIERS: recorded("tiers"),
    f"{OWN}example-east/deployments": recorded("deployments"),
    f"{OWN}example-two/deployments": Reply({"value": []}),
    f"{OWN}example-east/providers/Microsoft.Insights/metrics": recorded("metrics"),
    COST: recorded("cost"),
    BUDGETS: recorded("budgets"),
    CHAT: Reply({}, headers=LIMITS),
}


def read(server: Server, machine: Machine, given: Mapping[str, Any] | None = None, **more: Any) -> Usage:
    secret: Any = {"access_token": TOKEN, "api_key": KEY}
    options = {"subscription_id": SUBSCRIPTION, "endpoint": server.url, **(given or {})}
    return fetch(
        make_ask("azure-openai", machine, base_url=server.url, **{"secret": secret, "given": options, **more})
    )


def failure(machine: Machine, routes: Mapping[str, Route], given: Mapping[str, Any]) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        read(server, machine, given)
    assert "fake" not in caught.value.message
    return caught.value


def note_of(machine: Machine, path: str, reply: Route, given: Mapping[str, Any] = ALL) -> str:
    """The only note that a failing call leaves beside the one on free quota."""
    with serve({**ROUTES, path: reply}) as server:
        usage = read(server, machine, given)
    assert [quota.id for quota in usage.quotas][:1] == ["eastus2/OpenAI.GlobalStandard.gpt-5.1"]
    assert (usage.notes[0], len(usage.notes)) == (parse_note(), 2)
    return usage.notes[1].replace(server.url.removeprefix("http://"), "HOST")


def parse_note() -> str:
    return parse({"eastus2": rows("usages")}, subscription=SUBSCRIPTION).notes[0]


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_regions_are_those_of_the_resources(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = read(server, machine)
    assert usage == parse(
        {"eastus2": rows("usages"), "japaneast": rows("usages_japaneast")},
        subscription=SUBSCRIPTION,
        tiers=rows("tiers"),
    )
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", ACCOUNTS, VERSION),
        ("GET", EAST, VERSION),
        ("GET", JAPAN, VERSION),
        ("GET", TIERS, VERSION),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["accept"] == "application/json"
        assert "api-key" not in seen.headers


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("location", "paths"),
    [
        ("eastus2", [EAST, TIERS]),
        ("Japan East, EASTUS2,,eastus2", [JAPAN, EAST, TIERS]),
        (" , ", [ACCOUNTS, EAST, JAPAN, TIERS]),
    ],
)
def test_regions_that_are_configured(machine: Machine, location: str, paths: list[str]) -> None:
    with serve(ROUTES) as server:
        read(server, machine, {"location": location})
    assert server.paths() == paths


@pytest.mark.sockets
def test_the_environment_names_subscription_and_regions(machine: Machine) -> None:
    env = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_LOCATION": "eastus2"}
    with serve(ROUTES) as server:
        own = make_machine(Path(machine.home), env)
        usage = fetch(make_ask("azure-openai", own, secret=TOKEN, base_url=server.url))
    assert (usage.account, server.paths()) == (SUBSCRIPTION, [EAST, TIERS])


@pytest.mark.sockets
def test_everything_that_the_options_ask_for(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = read(server, machine, ALL)
    assert server.paths() == [
        ACCOUNTS,
        EAST,
        TIERS,
        f"{OWN}example-east/deployments",
        f"{OWN}example-east/providers/Microsoft.Insights/metrics",
        f"{OWN}example-two/deployments",
        COST,
        BUDGETS,
        CHAT,
    ]
    bare = parse({"eastus2": rows("usages")}, subscription=SUBSCRIPTION, tiers=rows("tiers"))
    used = metrics.parse("example-east", rows("deployments"), rows("metrics"))
    budgets = cost.budgets(rows("budgets"), ())
    live = usage.quotas[len(bare.quotas) + len(used)]
    assert usage.quotas == (*bare.quotas, *used, live, *budgets)
    assert (live.id, live.remaining, live.resets_at) == ("chat/tokens", d(12_500), utc("2026-11-21T08:00:59"))
    page = payload("azure-openai/cost")["properties"]
    assert usage.spend == tuple(cost.spend([page], now=NOW, names=()))
    assert (usage.plan, usage.notes, usage.source) == (bare.plan, bare.notes, "api")
    service = Service(name="azure", provider="azure-openai")
    assert assess.judged(usage, service)[1] == "exhausted"


@pytest.mark.sockets
def test_what_metrics_and_cost_are_asked_for(machine: Machine) -> None:
    with serve(ROUTES) as server:
        read(server, machine, ALL)
    asked = {seen.path: seen for seen in server.seen}
    told = parse_qs(asked[f"{OWN}example-east/providers/Microsoft.Insights/metrics"].query)
    assert {name: values[0] for name, values in told.items()} == metrics.params(NOW)
    assert (asked[COST].method, asked[COST].query) == ("POST", "api-version=2025-03-01")
    assert asked[COST].json() == cost.QUERY
    assert "filter" not in cost.QUERY["dataset"]
    assert asked[BUDGETS].query == "api-version=2025-03-01"


@pytest.mark.sockets
def test_no_resource_and_no_region(machine: Machine) -> None:
    with serve({ACCOUNTS: Reply({"value": []}), TIERS: recorded("tiers")}) as server:
        usage = read(server, machine)
    assert (usage.quotas, usage.notes) == (
        (),
        ("this subscription has no Azure OpenAI resource; the option location names regions",),
    )


@pytest.mark.sockets
def test_names_of_services_that_are_the_user_s_own(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = read(server, machine, {**ONE, "cost": True, "cost_services": ("storage",)})
    assert [spend.amount for spend in usage.spend] == [119]


# -- pages ------------------------------------------------------------------------------------------


def paged(server: Server, **first: Any) -> None:
    server.routes[EAST] = Reply({**payload("azure-openai/usages_page_1"), **first})
    server.routes["/subscriptions/next"] = recorded("usages_page_2")


@pytest.mark.sockets
def test_a_link_to_the_next_page_is_followed_as_it_is(machine: Machine) -> None:
    with serve(ROUTES) as server:
        link = payload("azure-openai/usages_page_1")["nextLink"].replace("BASE", server.url)
        paged(server, nextLink=link)
        usage = read(server, machine, ONE)
    assert [quota.scope for quota in usage.quotas] == [
        "eastus2: GlobalStandard gpt-5.1",
        "eastus2: GlobalStandard o3",
    ]
    assert (server.seen[1].path, server.seen[1].query) == (
        "/subscriptions/next",
        "api-version=2025-09-01&$skipToken=a%2Fb",
    )
    assert server.seen[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.sockets
@pytest.mark.parametrize("link", ["https://evil.example.com/x", "//evil.example.com/", "/x", "http://[", "x"])
def test_the_token_goes_to_no_other_host(machine: Machine, link: str) -> None:
    with serve(ROUTES) as server:
        paged(server, nextLink=link)
        with pytest.raises(PayloadError, match="^nextLink: leads to another host"):
            read(server, machine, ONE)


@pytest.mark.sockets
@pytest.mark.parametrize("link", [None, "", 7])
def test_no_link_is_the_last_page(machine: Machine, link: Any) -> None:
    with serve(ROUTES) as server:
        paged(server, nextLink=link)
        assert len(read(server, machine, ONE).quotas) == 1


@pytest.mark.sockets
def test_pages_without_end(machine: Machine) -> None:
    with serve(ROUTES) as server:
        paged(server, nextLink=f"{server.url}{EAST}")
        with pytest.raises(PayloadError, match="^nextLink: Azure gives pages without end$"):
            read(server, machine, ONE)
    assert server.paths() == [EAST] * 20


@pytest.mark.sockets
def test_pages_of_cost_repeat_the_question(machine: Machine) -> None:
    first, more = payload("azure-openai/cost"), payload("azure-openai/cost")
    with serve(ROUTES) as server:
        first["properties"]["nextLink"] = f"{server.url}/next?$skiptoken=1"
        server.routes |= {COST: Reply(first), "/next": Reply(more)}
        usage = read(server, machine, {**ONE, "cost": True})
    assert [spend.amount for spend in usage.spend] == [40]
    second = next(seen for seen in server.seen if seen.path == "/next")
    assert (second.method, second.query, second.json()) == ("POST", "$skiptoken=1", cost.QUERY)


# -- refusals ---------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (
            denied("ExpiredAuthenticationToken", 401),
            AuthError,
            "Azure refused the token (401, ExpiredAuthenticationToken)",
            "az login",
        ),
        (
            denied("InvalidAuthenticationToken", 401),
            AuthError,
            "Azure refused the token (401, InvalidAuthenticationToken)",
            "az login",
        ),
        (Reply(b"", 401), AuthError, "Azure refused the token (401)", "az login"),
        (
            denied("AuthorizationFailed", 403),
            AuthError,
            "Azure refused to answer (403): the role Cognitive Services Usages Reader is missing",
            f"on the subscription {SUBSCRIPTION}",
        ),
        (
            denied("SubscriptionNotFound", 404),
            ServiceError,
            f"Azure knows no subscription {SUBSCRIPTION} (SubscriptionNotFound)",
            "az account list",
        ),
        (
            denied("InvalidSubscriptionId", 400),
            ServiceError,
            f"Azure knows no subscription {SUBSCRIPTION} (InvalidSubscriptionId)",
            "az account list",
        ),
        (
            denied("LocationNotAvailableForResourceType", 400),
            ServiceError,
            "Azure OpenAI is not in the region eastus2 (LocationNotAvailableForResourceType)",
            "AZURE_LOCATION",
        ),
        (
            denied("NoRegisteredProviderFound", 400),
            ServiceError,
            "Azure OpenAI is not in the region eastus2 (NoRegisteredProviderFound)",
            "AZURE_LOCATION",
        ),
        (denied("Other", 400), PayloadError, "HOST answered 400", "options"),
        (denied("InternalServerError", 500), Unavailable, "HOST has a problem of its own (500)", "later"),
        (HTML, Unavailable, "HOST answered with a web page (200)", "later"),
        (Reply(HTML.body, 403), Unavailable, "HOST answered with a web page (403)", "later"),
        (Reply([]), PayloadError, "body: expected an object, got a list", "None"),
        (Reply({}), PayloadError, "value: expected a list, got nothing", "None"),
        (Reply(b'{"value": ['), PayloadError, "body: HOST answered with something that is not JSON", "None"),
    ],
)
def test_what_a_refusal_means(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str
) -> None:
    with serve({**ROUTES, EAST: reply}) as server, pytest.raises(ProviderError) as caught:
        read(server, machine, ONE)
    host = server.url.removeprefix("http://")
    assert (type(caught.value), caught.value.message) == (kind, message.replace("HOST", host))
    assert hint in str(caught.value.hint)


@pytest.mark.sockets
def test_the_role_that_finding_the_resources_needs(machine: Machine) -> None:
    error = failure(machine, {ACCOUNTS: denied("AuthorizationFailed", 403)}, {})
    assert error.message == "Azure refused to answer (403): the role Reader is missing"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("headers", "retry_at"), [({"Retry-After": "17"}, utc("2026-11-21T08:00:17")), ({}, None)]
)
def test_how_long_it_asks_us_to_wait(machine: Machine, headers: dict[str, str], retry_at: Any) -> None:
    error = failure(machine, {EAST: denied("TooManyRequests", 429, headers)}, ONE)
    assert (type(error), error.retry_at) == (RateLimited, retry_at)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            denied("LocationNotAvailableForResourceType", 400),
            "Azure OpenAI is not in the region japaneast (LocationNotAvailableForResourceType)",
        ),
        (denied("TooManyRequests", 429), "HOST asked us to wait (429)"),
        (HTML, "HOST answered with a web page (200)"),
    ],
)
def test_one_region_of_several_fails(machine: Machine, reply: Reply, why: str) -> None:
    note = note_of(machine, JAPAN, reply, {"location": "japaneast,eastus2"})
    assert note == f"japaneast could not be read: {why}"


@pytest.mark.sockets
def test_where_every_region_fails_the_first_one_s_error_counts(machine: Machine) -> None:
    routes = {EAST: denied("NoRegisteredProviderFound", 400), JAPAN: denied("X", 500)}
    error = failure(machine, routes, {"location": "eastus2,japaneast"})
    assert isinstance(error, ServiceError)


# -- when another call fails ------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [denied("AuthorizationFailed", 403), HTML, Reply([]), Reply({}, 500)])
def test_the_tier_costs_only_the_plan(machine: Machine, reply: Reply) -> None:
    with serve({**ROUTES, TIERS: reply}) as server:
        usage = read(server, machine, ONE)
    assert usage == parse({"eastus2": rows("usages")}, subscription=SUBSCRIPTION)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("path", "what", "role"),
    [
        (ACCOUNTS, "the resources", "Reader"),
        (f"{OWN}example-east/deployments", "the deployments of example-east", "Reader"),
        (
            f"{OWN}example-east/providers/Microsoft.Insights/metrics",
            "the metrics of example-east",
            "Monitoring Reader",
        ),
        (COST, "the cost", "Cost Management Reader"),
        (BUDGETS, "the budgets", "Cost Management Reader"),
    ],
)
def test_a_part_that_is_refused_is_a_note(machine: Machine, path: str, what: str, role: str) -> None:
    assert note_of(machine, path, denied("AuthorizationFailed", 403)) == (
        f"{what} could not be read: Azure refused to answer (403): the role {role} is missing"
    )


@pytest.mark.sockets
def test_without_metrics_the_limits_of_deployments_stay(machine: Machine) -> None:
    path = f"{OWN}example-east/providers/Microsoft.Insights/metrics"
    with serve({**ROUTES, path: Reply({}, 500)}) as server:
        usage = read(server, machine, {**ONE, "metrics": True})
    found = {quota.id: (quota.used, quota.limit) for quota in usage.quotas}
    assert found["example-east/chat"] == (None, d(50_000))


@pytest.mark.sockets
def test_many_resources_are_read_in_part(machine: Machine) -> None:
    account = rows("accounts")[0]
    many = [{**account, "name": f"a{n}", "id": f"/a/{n}"} for n in range(21)]
    with serve({**ROUTES, ACCOUNTS: Reply({"value": many})}) as server:
        for number in range(21):
            server.routes[f"/a/{number}/deployments"] = Reply({"value": []})
        usage = read(server, machine, {**ONE, "metrics": True})
    assert usage.notes[1] == "the use of 20 of 21 resources was read"
    assert "/a/20/deployments" not in server.paths()


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({}, ""),
        ({"Retry-After": "30"}, ", until 08:00:30 UTC"),
        (
            {
                "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after": "11",
                "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "60",
                "x-ms-ratelimit-microsoft.costmanagement-tenant-retry-after": "59",
            },
            ", until 08:01:00 UTC",
        ),
    ],
)
def test_too_many_questions_on_cost(machine: Machine, headers: dict[str, str], until: str) -> None:
    """The longest wait counts, and the quotas stay."""
    note = note_of(machine, COST, Reply({}, 429, headers))
    assert note == f"the cost could not be read: HOST asked us to wait (429){until}"


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply(b"", 204), recorded("cost_empty")])
def test_no_cost_so_far(machine: Machine, reply: Reply) -> None:
    assert note_of(machine, COST, reply).startswith("no cost of this month is booked under")


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [denied("NotFound", 404), denied("BadRequest", 400)])
def test_budgets_stand_in_one_of_two_places(machine: Machine, reply: Reply) -> None:
    with serve({**ROUTES, BUDGETS: reply, OLD_BUDGETS: recorded("budgets")}) as server:
        usage = read(server, machine, {**ONE, "cost": True})
    assert [quota.id for quota in usage.quotas if quota.id.startswith("budget/")] == [
        "budget/all",
        "budget/models",
        "budget/team",
    ]
    assert [seen.query for seen in server.seen if seen.path == OLD_BUDGETS] == ["api-version=2024-08-01"]
    assert note_of(machine, BUDGETS, reply) == f"the budgets could not be read: HOST answered {reply.status}"


@pytest.mark.sockets
def test_calls_that_hang_cost_their_own_entries_only(machine: Machine) -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**ROUTES, TIERS: hang, COST: hang, BUDGETS: hang}) as server:
        usage = read(server, machine, {**ONE, "cost": True}, timeout_s=2.0)
        over.set()
    assert usage.quotas == parse({"eastus2": rows("usages")}, subscription=SUBSCRIPTION).quotas
    assert [note.partition(" could")[0] for note in usage.notes[1:]] == ["the cost", "the budgets"]


# -- the whole way ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_a_user_sees() -> None:
    with serve(ROUTES) as server:
        service = {
            "name": "azure",
            "provider": "azure-openai",
            "credential": {"access_token": {"value": TOKEN}, "api_key": {"value": KEY}},
            "base_url": server.url,
            "options": {**ALL, "subscription_id": SUBSCRIPTION, "endpoint": server.url},
        }
        cli.configure([service])
        outcome = cli.run("-v", "azure-openai", "--json")
        table = cli.run("azure-openai")
    document = outcome.document
    assert (outcome.code, document["status"], document["error"]) == (1, "exhausted", None)
    assert (document["account"], document["plan"]["name"]) == (SUBSCRIPTION, "Tier 2")
    statuses = {quota["id"]: quota["status"] for quota in document["quotas"]}
    assert statuses["eastus2/AIServices.GlobalStandard.mistral-large-3"] is None
    assert statuses["example-east/Batch-Small"] == "exhausted"
    assert statuses["budget/models"] is None
    assert "gpt-5.1 allocated" in table.out
    kept = "".join(str(body) for body in cli.files_below(here().cache_dir).values())
    assert "Tier 2" in kept
    assert "fake" not in outcome.out + outcome.err + table.out + unquote(kept)
