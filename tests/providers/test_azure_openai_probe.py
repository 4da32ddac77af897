"""The live limits of one deployment: what the headers say, and the one request that is billed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.providers.test_azure_openai_fetch import (
    ALL,
    CHAT,
    HTML,
    KEY,
    LIMITS,
    ONE,
    ROUTES,
    SUBSCRIPTION,
    TOKEN,
    denied,
    note_of,
    read,
)
from tests.support import NOW, Reply, d, make_machine, serve, utc
from usagecli import assess
from usagecli.client import Answer
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.machine import Machine
from usagecli.model import Quota, Service, Status, Usage
from usagecli.providers._azure_openai.probe import parse as parse_probe

SERVICE = Service(name="azure", provider="azure-openai")


def status(usage: Usage) -> Status:
    return assess.judged(usage, SERVICE)[1]


# -- what the headers say -----------------------------------------------------------------------------

HEADERS = {
    "x-ratelimit-limit-requests": "50",
    "x-ratelimit-remaining-requests": "49",
    "x-ratelimit-reset-requests": "1",
    "x-ratelimit-limit-tokens": "50000",
    "x-ratelimit-remaining-tokens": "12500",
    "x-ratelimit-reset-tokens": "59",
}


def live(headers: Mapping[str, str], code: int = 200) -> list[Quota]:
    answer = Answer(status=code, headers=headers, body=b"", host="x.example.com", at=NOW)
    return parse_probe(answer, "chat")


def left(quotas: list[Quota]) -> dict[str, Decimal | None]:
    return {quota.id: quota.remaining for quota in quotas}


def test_the_headers_of_an_answer() -> None:
    assert live(HEADERS) == [
        Quota(
            id="chat/requests",
            label="chat requests (live)",
            unit="requests",
            scope="chat",
            used=d(1),
            limit=d(50),
            resets_at=utc("2026-11-21T08:00:01"),
        ),
        Quota(
            id="chat/tokens",
            label="chat tokens (live)",
            unit="tokens",
            scope="chat",
            used=d(37_500),
            limit=d(50_000),
            window_seconds=60,
            resets_at=utc("2026-11-21T08:00:59"),
        ),
    ]


def test_negative_headers_say_nothing() -> None:
    odd = {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1"}
    found = live({**HEADERS, **odd, "x-ratelimit-reset-tokens": "0"})
    assert [quota.id for quota in found] == ["chat/requests"]
    with pytest.raises(PayloadError, match="^headers: "):
        live(odd)


@pytest.mark.parametrize(
    ("headers", "resets_at"),
    [
        ({}, None),
        ({"retry-after": "7"}, utc("2026-11-21T08:00:07")),
        ({"retry-after": "7", "retry-after-ms": "6200"}, utc("2026-11-21T08:00:07")),
        ({"retry-after-ms": "1500"}, utc("2026-11-21T08:00:02")),
    ],
)
def test_too_many_requests_are_a_reading_of_nothing_left(headers: dict[str, str], resets_at: Any) -> None:
    found = live(headers, 429)
    assert left(found) == {"chat/tokens": d(0)}
    assert found[0].resets_at == resets_at
    assert status(Usage(quotas=tuple(found))) == "exhausted"


def test_a_429_whose_headers_say_which_limit_it_was() -> None:
    found = live({**HEADERS, "x-ratelimit-remaining-requests": "0"}, 429)
    assert left(found) == {"chat/requests": d(0), "chat/tokens": d(12_500)}


def test_a_429_while_the_headers_still_show_some_left() -> None:
    """It comes at arrival, by the tokens that a request may take."""
    found = live(HEADERS, 429)
    assert left(found) == {"chat/requests": d(49), "chat/tokens": d(0)}
    assert found[1].limit == 50_000


# -- how it is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("version", "path", "query", "body"),
    [
        (None, CHAT, "api-version=2024-10-21", {"max_tokens": 1}),
        ("2025-01-01", CHAT, "api-version=2025-01-01", {"max_tokens": 1}),
        ("v1", "/openai/v1/chat/completions", "", {"model": "chat", "max_completion_tokens": 1}),
    ],
)
def test_the_probe(
    machine: Machine, version: str | None, path: str, query: str, body: dict[str, Any]
) -> None:
    given = {**ONE, "probe": True, "deployment_name": "chat", **({"api_version": version} if version else {})}
    with serve({**ROUTES, path: Reply({}, headers=LIMITS)}) as server:
        read(server, machine, given)
    sent = server.seen[-1]
    assert (sent.method, sent.path, sent.query) == ("POST", path, query)
    assert sent.json() == {"messages": [{"role": "user", "content": "ping"}], **body}
    assert sent.headers["api-key"] == KEY
    assert "authorization" not in sent.headers


@pytest.mark.sockets
def test_the_probe_by_the_environment(machine: Machine) -> None:
    with serve(ROUTES) as server:
        env = {
            "AZURE_OPENAI_API_KEY": KEY,
            "AZURE_OPENAI_ENDPOINT": f"{server.url}/",
            "AZURE_OPENAI_DEPLOYMENT_NAME": "chat",
        }
        own = make_machine(Path(machine.home), env)
        given = {"subscription_id": SUBSCRIPTION, **ONE, "probe": True}
        usage = read(server, own, secret=TOKEN, given=given)
    assert usage.quotas[-1].id == "chat/tokens"
    assert server.seen[-1].headers["api-key"] == KEY


@pytest.mark.sockets
def test_nothing_is_billed_unless_asked_for(machine: Machine) -> None:
    with serve(ROUTES) as server:
        read(server, machine, {**ALL, "probe": False})
    assert CHAT not in server.paths()


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"deployment_name": None}, "the probe lacks deployment_name"),
        ({"endpoint": None, "deployment_name": None}, "the probe lacks endpoint, deployment_name"),
        (
            {"endpoint": "http://resource.example.com"},
            "AZURE_OPENAI_ENDPOINT must be https (http only on loopback)",
        ),
    ],
)
def test_a_probe_that_cannot_be_made(machine: Machine, change: dict[str, Any], why: str) -> None:
    assert note_of(machine, "", Reply(), {**ALL, **change}) == f"the live limits could not be read: {why}"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (denied("401", 401), AuthError, "Azure OpenAI refused the API key (401)"),
        (denied("DeploymentNotFound", 404), ServiceError, "HOST has no deployment chat (404)"),
        (denied("x", 500), Unavailable, "HOST has a problem of its own (500)"),
        (HTML, Unavailable, "HOST answered with a web page (200)"),
        (Reply(HTML.body, 502), Unavailable, "HOST answered with a web page (502)"),
        (Reply({}), PayloadError, "headers: the answer has no rate limits"),
    ],
)
def test_what_a_refused_probe_means(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str
) -> None:
    """With an API key alone it is the whole report, else a note."""
    assert note_of(machine, CHAT, reply) == f"the live limits could not be read: {message}"
    with serve({CHAT: reply}) as server, pytest.raises(ProviderError) as caught:
        read(server, machine, ALL, secret={"api_key": KEY})
    host = server.url.removeprefix("http://")
    assert (type(caught.value), caught.value.message) == (kind, message.replace("HOST", host))


@pytest.mark.sockets
def test_a_429_of_the_probe_is_a_reading(machine: Machine) -> None:
    with serve({**ROUTES, CHAT: denied("429", 429, {"retry-after": "9"})}) as server:
        usage = read(server, machine, {**ONE, "probe": True, "deployment_name": "chat"})
    quota = usage.quotas[-1]
    assert (quota.id, quota.remaining, quota.resets_at) == ("chat/tokens", d(0), utc("2026-11-21T08:00:09"))


@pytest.mark.sockets
def test_an_api_key_alone_reads_live_limits_only(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = read(server, machine, ALL, secret={"api_key": KEY})
    assert ([quota.id for quota in usage.quotas], usage.account) == (["chat/tokens"], server.url)
    assert server.paths() == [CHAT]
    with pytest.raises(NotConfigured, match="^an API key alone reads no quota, use or cost$"):
        read(server, machine, ONE, secret={"api_key": KEY})
