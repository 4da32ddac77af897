"""The HTTP client's rules that need no server: base URLs, Retry-After, what a status means."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW, Reply, Route, make_ask, serve
from usagecli import registry
from usagecli.client import Answer, retry_at, usual_error
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.urls import check_base_url

DESCRIPTOR = registry.get("openrouter").descriptor


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://gateway.example.com", "https://gateway.example.com"),
        ("https://gateway.example.com/v1/", "https://gateway.example.com/v1"),
        ("https://gateway.example.com:8443/v1", "https://gateway.example.com:8443/v1"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.255.0.9:1", "http://127.255.0.9:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_base_url(url: str, base: str) -> None:
    assert check_base_url(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.example.com",
        "https://",
        "ftp://gateway.example.com",
        "http://gateway.example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://127.0.0.256",
        "http://127.1",
        "http://localhost.example.com",
        "https://user@gateway.example.com",
        "https://user:fake@gateway.example.com",
        "https://gateway.example.com?a=b",
        "https://gateway.example.com#a",
        "https://gateway.example.com:port",
        "https://gate way.example.com",
        "https://gateway.example.com\r\nHost: evil",
        "https://[::1",
    ],
)
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not|must)"):
        check_base_url(url)


def after(**length: float) -> datetime:
    return NOW + timedelta(**length)


@pytest.mark.parametrize(
    ("value", "until"),
    [
        ("90", after(seconds=90)),
        (" 90 ", after(seconds=90)),
        ("0.2", after(seconds=1)),
        ("9999999999", after(days=7)),
        ("inf", after(days=7)),
        (format_datetime(after(minutes=3), usegmt=True), after(minutes=3)),
        ("Sat, 21 Nov 2026 08:03:00", after(minutes=3)),
        ("Sat, 21 Nov 2099 08:00:00 GMT", after(days=7)),
        ("0", None),
        ("-5", None),
        ("nan", None),
        ("", None),
        ("soon", None),
        (format_datetime(after(minutes=-3), usegmt=True), None),
    ],
)
def test_retry_after(value: str, until: datetime | None) -> None:
    assert retry_at(value, NOW) == until


@given(st.text(max_size=40))
def test_any_retry_after_is_ahead_or_none(value: str) -> None:
    until = retry_at(value, NOW)
    assert until is None or NOW < until <= after(days=7, seconds=1)


def answer(status: int, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=told, body=b"{}", host="api.example.com", at=NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthError),
        (403, AuthError),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
        (400, PayloadError),
        (404, PayloadError),
        (418, PayloadError),
        (204, PayloadError),
        (304, PayloadError),
    ],
)
def test_what_a_status_means(status: int, kind: type[ProviderError]) -> None:
    error = usual_error(answer(status, retry_after="90"), DESCRIPTOR)
    assert type(error) is kind
    assert str(status) in error.message
    assert error.hint or kind is RateLimited
    assert error.retry_at == (after(seconds=90) if kind in (RateLimited, Unavailable) else None)


@pytest.mark.sockets
@pytest.mark.parametrize("statuses", [(502,), (503, 504)])
def test_a_gateways_trouble_is_asked_again(machine: Machine, statuses: tuple[int, ...]) -> None:
    routes: dict[str, Route] = {"/x": [*(Reply({}, status) for status in statuses), Reply({"a": 1})]}
    with serve(routes) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        assert ask.client().get_json("/x") == {"a": 1}
    assert len(server.seen) == len(statuses) + 1


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply", [Reply({}, 500), Reply({}, 429), Reply({}, 401), Reply({}, 503, {"Retry-After": "60"})]
)
def test_nothing_else_is(machine: Machine, reply: Reply) -> None:
    with serve({"/x": reply}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        with pytest.raises(ProviderError):
            ask.client().get_json("/x")
    assert len(server.seen) == 1


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({"ok": True}), Reply({}, 503)])
def test_a_post_is_sent_once(machine: Machine, reply: Reply) -> None:
    with serve({"/x": reply}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        assert ask.client().post("/x", {"method": "usage"}).status == reply.status
    (seen,) = server.seen
    assert (seen.method, seen.json(), seen.headers["content-type"]) == (
        "POST",
        {"method": "usage"},
        "application/json",
    )


@pytest.mark.sockets
def test_the_json_of_a_post(machine: Machine) -> None:
    with serve({"/x": [Reply({"a": 1}), Reply({}, 401)]}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        assert ask.client().post_json("/x", {}) == {"a": 1}
        with pytest.raises(AuthError):
            ask.client().post_json("/x", {})


@pytest.mark.sockets
@pytest.mark.parametrize("status", [302, 307])
def test_a_post_follows_no_redirect(machine: Machine, status: int) -> None:
    with serve({"/x": Reply({}, status, {"Location": "/y"}), "/y": Reply({})}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        with pytest.raises(PayloadError, match="redirect"):
            ask.client().post("/x", {})
    assert server.paths() == ["/x"]


@pytest.mark.sockets
@pytest.mark.parametrize("location", ["/sign-in", "https://login.example.com/sign-in"])
def test_a_provider_may_name_the_error_for_a_redirect(machine: Machine, location: str) -> None:
    """Before it is followed, and whatever host it leads to; one that it says nothing of is followed."""

    def moved(url: str) -> ProviderError | None:
        return AuthError(f"moved to {url}") if url.endswith("/sign-in") else None

    with serve({"/x": Reply({}, 302, {"Location": "/y"}), "/y": Reply({}, 302, {"Location": location})}) as s:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=s.url)
        with pytest.raises(AuthError, match=location):
            ask.client().get("/x", moved=moved)
    assert s.paths() == ["/x", "/y"]


@pytest.mark.sockets
def test_trouble_that_stays_is_told_after_three_tries(machine: Machine) -> None:
    with serve({"/x": Reply({}, 503)}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        with pytest.raises(Unavailable, match="503"):
            ask.client().get_json("/x")
    assert len(server.seen) == 3


@pytest.mark.sockets
def test_no_pause_outlasts_the_deadline(machine: Machine) -> None:
    with serve({"/x": Reply({}, 503)}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url, timeout_s=0.2)
        with pytest.raises(Unavailable, match="in time"):
            ask.client().get_json("/x")
    assert len(server.seen) == 1


@pytest.mark.sockets
def test_a_deadline_that_is_over_asks_nobody(machine: Machine) -> None:
    with serve({"/x": Reply({})}) as server:
        ask = make_ask("openrouter", machine, secret="sk-or-fake", base_url=server.url)
        with pytest.raises(Unavailable, match="in time"):
            ask.client().get_json("/x", timeout_s=-1)
    assert server.seen == []


def test_a_client_shows_no_credential(machine: Machine) -> None:
    ask = make_ask("openrouter", machine, secret="sk-or-fake")
    client = ask.client(headers={"Authorization": "Bearer sk-or-fake"})
    ask.close()
    assert "fake" not in repr(client)
    assert "fake" not in repr(ask)


@pytest.mark.parametrize(
    ("body", "type_", "html"),
    [
        (b"{}", "application/json", False),
        (b"<!DOCTYPE html>", "", True),
        (b"\n <HTML>", "application/json", True),
        (b"x", "text/html; charset=utf-8", True),
    ],
)
def test_a_web_page_is_told_from_an_answer(body: bytes, type_: str, html: bool) -> None:
    found = Answer(status=200, headers={"content-type": type_}, body=body, host="h", at=NOW)
    assert found.is_html is html


def test_nan_and_infinity_are_null() -> None:
    found: Any = Answer(status=200, headers={}, body=b"[NaN, Infinity, -Infinity, 1]", host="h", at=NOW)
    assert found.json() == [None, None, None, 1]
