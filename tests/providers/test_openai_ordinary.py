"""What an ordinary key of OpenAI's shows: costs or credit grants, and its rate limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.test_openai_fetch import (
    ADMIN,
    ANSWERED,
    COSTS,
    HTML,
    LIMIT,
    MONTH,
    PROJECT,
    RENEW,
    TOKENS,
    WHOLE,
    ask_of,
    asked,
    failure,
    html,
    recorded,
)
from tests.support import Reply, Route, make_ask, payload, serve
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._openai.usage import parse_credits
from usagecli.providers.openai import fetch

KEY = "sk-proj-fake-key"
BOTH = {"admin_key": ADMIN, "api_key": KEY}
CREDITS, PROBE = "/v1/dashboard/billing/credit_grants", "/v1/embeddings"
RATES = {
    "x-ratelimit-limit-requests": "3000",
    "x-ratelimit-remaining-requests": "2999",
    "x-ratelimit-reset-requests": "20ms",
    "x-ratelimit-limit-tokens": "1000000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
}
PAID: dict[str, Route] = {**ANSWERED, PROBE: recorded("embedding", 200, RATES)}
REFUSED: dict[str, Route] = {
    COSTS: recorded("error_missing_scopes", 403),
    CREDITS: recorded("error_session_key", 403),
    PROBE: recorded("embedding", 200, RATES),
}


# -- an ordinary key --------------------------------------------------------------------------------


@pytest.mark.sockets
def test_an_ordinary_key_with_the_scope(machine: Machine) -> None:
    usage, seen = ask_of(ANSWERED, machine, KEY)
    assert usage == WHOLE
    assert [key for _, _, key in asked(seen)] == [KEY] * 3


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 403])
def test_an_ordinary_key_that_may_read_the_credit_grants(machine: Machine, status: int) -> None:
    routes = {COSTS: recorded("error_missing_scopes", status), CREDITS: recorded("credit_grants")}
    usage, seen = ask_of(routes, machine, KEY)
    assert usage.balances == parse_credits(payload("openai/credit_grants")).balances
    assert usage.notes == (
        f"the costs could not be read: the OpenAI key lacks the scope api.usage.read ({status}); {RENEW}",
    )
    assert asked(seen) == [(f"GET {COSTS}", MONTH, KEY), (f"GET {CREDITS}", "", KEY)]


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply",
    [
        recorded("error_session_key", 403),
        recorded("error_session_key", 401),
        recorded("error_not_found", 404),
        recorded("error_rate_limited", 429),
        html(500),
        HTML,
        Reply({"total_available": None}),
    ],
)
def test_refused_credit_grants_leave_the_refused_costs(machine: Machine, reply: Reply) -> None:
    error, seen = failure({**REFUSED, CREDITS: reply}, machine, KEY)
    assert (error.kind, error.message, error.hint) == (
        "auth",
        "the OpenAI key lacks the scope api.usage.read (403)",
        RENEW,
    )
    assert {one.path for one in seen} == {COSTS, CREDITS}


@pytest.mark.sockets
def test_credit_grants_are_never_those_of_a_project(machine: Machine) -> None:
    routes = {**REFUSED, CREDITS: recorded("credit_grants")}
    error, seen = failure(routes, machine, KEY, given={"project_id": PROJECT})
    assert error.kind == "auth"
    assert [one.path for one in seen] == [COSTS]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [html(500), recorded("error_rate_limited", 429), HTML])
def test_credit_grants_take_the_place_of_refused_costs_only(machine: Machine, reply: Reply) -> None:
    routes = {**REFUSED, COSTS: reply, CREDITS: recorded("credit_grants")}
    error, seen = failure(routes, machine, KEY)
    assert error.kind != "auth"
    assert {one.path for one in seen} == {COSTS}


# -- rate limits, where the user pays for them ------------------------------------------------------

PROBED = {"probe": True}
BESIDE = "the rate limits need an ordinary key beside the admin key: OPENAI_API_KEY, or the part api_key"


def rates(usage: Usage) -> list[tuple[str, str | None, int]]:
    return [
        (quota.id, quota.scope, int(quota.remaining or 0))
        for quota in usage.quotas
        if quota.id != "spend_limit"
    ]


READ = [("requests", "text-embedding-3-small", 2999), ("tokens", "text-embedding-3-small", 0)]


@pytest.mark.sockets
@pytest.mark.parametrize("given_", [None, {"probe": False}])
def test_nothing_is_billed_without_leave(machine: Machine, given_: dict[str, Any] | None) -> None:
    _, seen = ask_of(PAID, machine, BOTH, given=given_)
    assert {one.method for one in seen} == {"GET"}
    assert {one.headers["authorization"] for one in seen} == {f"Bearer {ADMIN}"}


@pytest.mark.sockets
def test_one_embedding_with_the_ordinary_key(machine: Machine) -> None:
    usage, seen = ask_of(PAID, machine, BOTH, given=PROBED)
    assert asked(seen)[3:] == [(f"POST {PROBE}", "", KEY)]
    assert seen[3].json() == {"model": "text-embedding-3-small", "input": "."}
    assert "openai-project" not in seen[3].headers
    assert rates(usage) == READ
    assert (usage.quotas[:1], usage.spend, usage.notes) == (WHOLE.quotas, WHOLE.spend, ())


@pytest.mark.sockets
def test_the_embedding_is_the_project_s(machine: Machine) -> None:
    _, seen = ask_of(PAID, machine, BOTH, given={**PROBED, "project_id": PROJECT})
    assert [one.headers.get("openai-project") for one in seen] == [None, None, None, PROJECT]


@pytest.mark.sockets
def test_an_admin_key_never_runs_a_model(machine: Machine) -> None:
    usage, seen = ask_of(PAID, machine, ADMIN, given=PROBED)
    assert [one.path for one in seen] == [COSTS, TOKENS, LIMIT]
    assert (usage.quotas, usage.notes) == (WHOLE.quotas, (BESIDE,))


@pytest.mark.sockets
@pytest.mark.parametrize("project", [None, PROJECT])
def test_rate_limits_are_a_report_where_the_costs_are_refused(machine: Machine, project: str | None) -> None:
    usage, seen = ask_of(
        REFUSED, machine, KEY, given={**PROBED, "project_id": project} if project else PROBED
    )
    assert [one.path for one in seen] == [COSTS, *(() if project else (CREDITS,)), PROBE]
    assert (rates(usage), usage.account) == (READ, project)
    assert usage.notes == (
        f"the costs could not be read: the OpenAI key lacks the scope api.usage.read (403); {RENEW}",
    )


@pytest.mark.sockets
def test_a_refusal_tells_the_rate_limits_too(machine: Machine) -> None:
    routes = {**PAID, PROBE: recorded("error_rate_limited", 429, RATES)}
    usage, _ = ask_of(routes, machine, BOTH, given=PROBED)
    assert (rates(usage), usage.notes) == (READ, ())


@pytest.mark.sockets
def test_nothing_else_is_asked_with_a_refused_admin_key(machine: Machine) -> None:
    """Not even what costs money, with the other key."""
    routes = {**PAID, COSTS: recorded("error_invalid_key", 401)}
    _, seen = failure(routes, machine, BOTH, given={"probe": True})
    assert [one.path for one in seen] == [COSTS]


UNREAD = [
    (recorded("error_invalid_key", 401), "OpenAI refused the key (401)"),
    (recorded("error_rate_limited", 429), "HOST asked us to wait (429)"),
    (html(500), "HOST has a problem of its own (500)"),
    (recorded("embedding"), "the answer came without them"),
    (recorded("embedding", 200, dict.fromkeys(RATES, "-1")), "the answer came without them"),
]


@pytest.mark.sockets
@pytest.mark.parametrize(("reply", "why"), UNREAD)
def test_rate_limits_that_cannot_be_read_cost_only_themselves(
    machine: Machine, reply: Reply, why: str
) -> None:
    with serve({**PAID, PROBE: reply}) as server:
        usage = fetch(make_ask("openai", machine, secret=BOTH, base_url=server.url, given=PROBED))
    host = server.url.removeprefix("http://")
    assert (usage.quotas, usage.spend) == (WHOLE.quotas, WHOLE.spend)
    assert usage.notes == (f"the rate limits could not be read: {why}".replace("HOST", host),)


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [reply for reply, _ in UNREAD])
def test_neither_costs_nor_rate_limits_are_the_refused_costs(machine: Machine, reply: Reply) -> None:
    error, _ = failure({**REFUSED, PROBE: reply}, machine, KEY, given=PROBED)
    assert (error.kind, error.message) == ("auth", "the OpenAI key lacks the scope api.usage.read (403)")
