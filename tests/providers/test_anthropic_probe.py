"""What an ordinary key of Anthropic's is asked, and what its answers say. What costs money needs leave."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from usagecli import assess
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, ServiceError, Unavailable
from usagecli.machine import Machine
from usagecli.model import Balance, Service, Usage
from usagecli.providers._anthropic.headers import quotas
from usagecli.providers.anthropic import fetch

KEY, ADMIN = "sk-ant-api03-fake-key", "sk-ant-admin01-fake-key"
MODELS, COUNT, MESSAGE = "/v1/models", "/v1/messages/count_tokens", "/v1/messages"
MODEL, OTHER = "claude-sonnet-5", "claude-haiku-5"
ORGANIZATION = "6f1f3a52-0000-4000-8000-000000000000"
SERVICE = Service(name="claude-api", provider="anthropic")
NO_FIGURES = "an ordinary key shows no use: costs, tokens and limits need an admin key (sk-ant-admin...)"
NO_PROBE = "the limits per minute need the option probe, which sends a billed message of one token"
NO_MODEL = "no model was offered to read the limits per minute of: set the option model"
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "."}]}
SPENT = Balance(id="credits", label="Credits", unit="usd", amount=None, reached=True)


def recorded(case: str, status: int = 200, headers: str | None = None) -> Reply:
    return Reply(payload(f"anthropic/{case}"), status, payload(f"anthropic/{headers}") if headers else {})


def html(status: int) -> Reply:
    return Reply(b"<!DOCTYPE html><html>edge</html>", status, {"Content-Type": "text/html"})


SILENT: dict[str, Route] = {
    MODELS: recorded("models"),
    COUNT: recorded("count_tokens"),
    MESSAGE: recorded("message", headers="headers"),
}
TELLING: dict[str, Route] = {**SILENT, COUNT: recorded("count_tokens", headers="headers")}


def read(routes: Mapping[str, Route], machine: Machine, **given: Any) -> tuple[Usage, Server]:
    with serve(routes) as server:
        usage = fetch(make_ask("anthropic", machine, secret=KEY, base_url=server.url, given=given))
    return usage, server


def failure(routes: Mapping[str, Route], machine: Machine, **given: Any) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("anthropic", machine, secret=KEY, base_url=server.url, given=given))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "given", "asked", "expected"),
    [
        (
            TELLING,
            {},
            [MODELS, COUNT],
            Usage(quotas=quotas(payload("anthropic/headers"), MODEL), account=ORGANIZATION),
        ),
        (
            TELLING,
            {"model": OTHER, "probe": True},
            [COUNT],
            Usage(quotas=quotas(payload("anthropic/headers"), OTHER), account=ORGANIZATION),
        ),
        (
            SILENT,
            {"probe": True},
            [MODELS, COUNT, MESSAGE],
            Usage(quotas=quotas(payload("anthropic/headers"), MODEL), account=ORGANIZATION),
        ),
        (SILENT, {}, [MODELS, COUNT], Usage(notes=(NO_FIGURES, NO_PROBE))),
        (SILENT, {"probe": False}, [MODELS, COUNT], Usage(notes=(NO_FIGURES, NO_PROBE))),
        (
            {**SILENT, MESSAGE: recorded("message", headers="headers_unified")},
            {"probe": True},
            [MODELS, COUNT, MESSAGE],
            Usage(notes=(NO_FIGURES,)),
        ),
        ({MODELS: Reply({"data": []})}, {}, [MODELS], Usage(notes=(NO_FIGURES, NO_MODEL))),
        ({MODELS: Reply({"data": [None, {"id": 7}]})}, {}, [MODELS], Usage(notes=(NO_FIGURES, NO_MODEL))),
    ],
)
def test_what_an_ordinary_key_is_asked(
    machine: Machine, routes: dict[str, Route], given: dict[str, Any], asked: list[str], expected: Usage
) -> None:
    usage, server = read(routes, machine, **given)
    assert server.paths() == asked
    assert usage == expected


@pytest.mark.sockets
def test_what_is_sent(machine: Machine) -> None:
    _, server = read(SILENT, machine, probe=True)
    models, count, message = server.seen
    assert (models.method, models.query, models.body) == ("GET", "", b"")
    assert (count.method, count.json()) == ("POST", QUESTION)
    assert (message.method, message.json()) == ("POST", {**QUESTION, "max_tokens": 1})
    for seen in server.seen:
        assert seen.headers["x-api-key"] == KEY
        assert seen.headers["anthropic-version"] == "2023-06-01"
        assert seen.headers["accept"] == "application/json"
    assert {seen.headers["content-type"] for seen in (count, message)} == {"application/json"}


@pytest.mark.sockets
def test_an_account_without_figures_is_ok_and_named(machine: Machine) -> None:
    told = Reply(payload("anthropic/count_tokens"), headers={"anthropic-organization-id": ORGANIZATION})
    usage, _ = read({**SILENT, COUNT: told}, machine)
    assert usage.account == ORGANIZATION
    assert assess.judged(usage, SERVICE)[1] == "ok"


@pytest.mark.sockets
def test_with_an_admin_key_the_ordinary_one_is_not_used(own_home: Path) -> None:
    with serve({"/v1/organizations/cost_report": recorded("costs")}) as server:
        env = {
            "ANTHROPIC_ADMIN_KEY": ADMIN,
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": server.url,
        }
        fetch(make_ask("anthropic", make_machine(own_home, env), given={"probe": True}))
    assert {seen.headers["x-api-key"] for seen in server.seen} == {ADMIN}
    assert {seen.method for seen in server.seen} == {"GET"}


# -- refusals that say something --------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["headers_429", "headers_429_rounded"])
@pytest.mark.parametrize("path", [COUNT, MESSAGE])
def test_a_429_with_figures_is_a_good_reading(machine: Machine, path: str, case: str) -> None:
    usage, server = read({**SILENT, path: recorded("error_429", 429, case)}, machine, probe=True)
    assert usage.quotas == quotas(payload(f"anthropic/{case}"), MODEL, refused=True)
    assert server.paths()[-1] == path
    judged, status = assess.judged(usage, SERVICE)
    assert [quota.id for quota in judged.quotas if quota.status == "exhausted"] == ["input_tokens"]
    assert status == "exhausted"


@pytest.mark.sockets
@pytest.mark.parametrize(
    "refusal", [recorded("error_400_credit", 400), recorded("error_402", 402), Reply(b"billing", 402)]
)
@pytest.mark.parametrize("path", [COUNT, MESSAGE])
def test_a_spent_balance_is_an_exhausted_account(machine: Machine, path: str, refusal: Reply) -> None:
    usage, server = read({**SILENT, path: refusal}, machine, probe=True)
    bought = "the prepaid credits are used up: buy more in the Claude Console, Settings, Billing"
    assert usage == Usage(balances=(SPENT,), notes=(bought,))
    assert server.paths()[-1] == path
    judged, status = assess.judged(usage, SERVICE)
    assert (judged.balances[0].status, status) == ("exhausted", "exhausted")


# -- refusals that are errors -----------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (recorded("error_401", 401), AuthError, r"Anthropic refused the key \(401\)"),
        (recorded("error_403", 403), AuthError, r"lacks the scope or role \(403\)"),
        (recorded("error_400", 400), PayloadError, "^\\S+ answered 400"),
        (recorded("error_404", 404), PayloadError, "^\\S+ answered 404"),
        (Reply(b"no", 400), PayloadError, "^\\S+ answered 400"),
        (recorded("error_429", 429), RateLimited, "429"),
        (recorded("error_500", 500), Unavailable, "500"),
        (recorded("error_529", 529), Unavailable, "529"),
        (html(500), Unavailable, "web page"),
        (html(400), Unavailable, "web page"),
        (html(402), Unavailable, "web page"),
        (html(200), PayloadError, "body: .* a web page"),
        (Reply(b'{"input_tok'), PayloadError, "body: .* not JSON"),
        (Reply([]), PayloadError, "body: expected an object"),
    ],
)
@pytest.mark.parametrize("path", [MODELS, COUNT, MESSAGE])
def test_what_a_failing_call_says(
    machine: Machine, path: str, reply: Reply, kind: type[ProviderError], message: str
) -> None:
    error = failure({**SILENT, path: reply}, machine, probe=True)
    assert isinstance(error, kind)
    assert re.search(message, error.message)


@pytest.mark.sockets
@pytest.mark.parametrize(("status", "first"), [(401, ""), (403, "permit it, or ")])
def test_a_refused_key_says_where_to_make_a_new_one(machine: Machine, status: int, first: str) -> None:
    error = failure({**SILENT, COUNT: recorded(f"error_{status}", status)}, machine)
    assert error.hint == f"{first}make a new key in the Claude Console: Settings, API keys"


@pytest.mark.sockets
@pytest.mark.parametrize("path", [COUNT, MESSAGE])
def test_an_unknown_model_of_the_config_is_named(machine: Machine, path: str) -> None:
    routes = {**SILENT, path: recorded("error_404", 404)}
    error = failure(routes, machine, model="claude-nonesuch", probe=True)
    assert type(error) is ServiceError
    assert error.message == "Anthropic knows no model claude-nonesuch (404)"
    assert error.hint == "correct the option model"


@pytest.mark.sockets
def test_a_404_of_the_edge_is_no_unknown_model(machine: Machine) -> None:
    assert isinstance(failure({**SILENT, COUNT: html(404)}, machine, model=MODEL), Unavailable)


@pytest.mark.sockets
@pytest.mark.parametrize(
    "told", [{}, payload("anthropic/headers_unified"), payload("anthropic/headers_priority_alone")]
)
def test_a_429_without_its_limits_asks_us_to_wait(machine: Machine, told: dict[str, str]) -> None:
    reply = Reply(payload("anthropic/error_429"), 429, {**told, "Retry-After": "12"})
    error = failure({**SILENT, COUNT: reply}, machine, probe=True)
    assert isinstance(error, RateLimited)
    assert error.retry_at == utc("2026-11-21T08:00:12")


@pytest.mark.sockets
@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}])
def test_a_list_of_models_of_another_shape(machine: Machine, body: Any) -> None:
    error = failure({**SILENT, MODELS: Reply(body)}, machine)
    assert type(error) is PayloadError
    assert error.message.startswith("data: ")
