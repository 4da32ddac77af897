"""What Augment is asked with, and how: a program, the Analytics API, the web application."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock

from tests.support import PAYLOADS, Reply, Route, make_ask, make_machine, payload, serve, utc
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.log import mask
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._augment.credentials import accept
from usagecli.providers._augment.status import parse
from usagecli.providers._augment.web import parse_analytics, parse_credits
from usagecli.providers.augment import fetch

ANALYTICS, CREDITS, SUBSCRIPTION = "/analytics/v0/credit-usage-by-user", "/api/credits", "/api/subscription"
SESSION = json.dumps({"accessToken": "fake-session", "tenantURL": "https://d1.api.example.com/"})
COOKIE = "session=fake; other=1"
ROUTES: dict[str, Route] = {
    ANALYTICS: [Reply(payload("augment/page_1")), Reply(payload("augment/page_2"))],
    CREDITS: Reply(payload("augment/credits")),
    SUBSCRIPTION: Reply(payload("augment/subscription")),
}
posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("augment"), Service(name="augment", provider="augment"), machine)


def sign_in(home: Path, text: str = SESSION) -> None:
    (home / ".augment").mkdir(exist_ok=True)
    (home / ".augment" / "session.json").write_text(text, encoding="utf-8")


def install(home: Path, script: str) -> dict[str, str]:
    """An auggie that does this; the variables with which it is found."""
    program = home / "bin" / "auggie"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": os.pathsep.join((str(program.parent), "/bin", "/usr/bin"))}


def printing(case: str) -> str:
    return f'[ "$*" = "account status" ] && cat "{PAYLOADS / "augment" / case}.txt"'


# -- what it is asked with --------------------------------------------------------------------------


@posix
def test_the_usual_places_in_their_order(own_home: Path) -> None:
    env = {"AUGMENT_API_TOKEN": "fake-token", "AUGMENT_COOKIE": COOKIE, **install(own_home, "exit 0")}
    sign_in(own_home)
    seen = []
    for gone in ("AUGMENT_API_TOKEN", None, "AUGMENT_COOKIE"):
        found = find(make_machine(own_home, env))
        seen.append((found.kind, found.secret.reveal(), found.origin))
        if gone is None:
            (own_home / ".augment" / "session.json").unlink()
        else:
            del env[gone]
    assert seen == [
        ("api_token", "fake-token", "AUGMENT_API_TOKEN"),
        ("cli", "fake-session", "auggie (~/.augment/session.json)"),
        ("cookie", COOKIE, "AUGMENT_COOKIE"),
    ]
    # The program alone is nobody's.
    with pytest.raises(NotConfigured, match="^no Augment Code credential was found"):
        find(make_machine(own_home, env))


@posix
def test_a_session_in_the_environment(own_home: Path) -> None:
    env = {"AUGMENT_SESSION_AUTH": SESSION, **install(own_home, "exit 0")}
    assert find(make_machine(own_home, env)).origin == "auggie (AUGMENT_SESSION_AUTH)"


def test_a_session_without_the_program_is_of_no_use(own_home: Path) -> None:
    sign_in(own_home)
    with pytest.raises(NotConfigured, match="holds a session, but auggie is not on the PATH$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "install auggie: nothing else can use its session"


@posix
@pytest.mark.parametrize("text", ["{}", '{"accessToken": ""}', '{"accessToken": 7}', " "])
def test_a_session_of_nobody(own_home: Path, text: str) -> None:
    sign_in(own_home, text)
    with pytest.raises(NotConfigured, match="^no Augment Code credential was found"):
        find(make_machine(own_home, install(own_home, "exit 0")))


def test_a_broken_session_shows_none_of_it(own_home: Path) -> None:
    sign_in(own_home, '{"accessToken": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("parts", "kind", "secret"),
    [
        ({"": "fake-token"}, "api_token", "fake-token"),
        ({"": "fake-token=="}, "api_token", "fake-token=="),
        ({"api_token": "fake=token"}, "api_token", "fake=token"),
        ({"": COOKIE}, "cookie", COOKIE),
        ({"": f"Cookie: {COOKIE}"}, "cookie", COOKIE),
        ({"cookie": COOKIE}, "cookie", COOKIE),
    ],
)
def test_what_may_be_configured(machine: Machine, parts: dict[str, str], kind: str, secret: str) -> None:
    found = accept(parts, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, secret)


def test_each_cookie_is_masked(machine: Machine) -> None:
    accept({"": "Cookie: session=fake-session-1; other=fake-other-2"}, "x", machine)
    assert mask("fake-session-1 and fake-other-2") == "*** and ***"


def test_a_cookie_without_a_name(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds no cookies"):
        accept({"cookie": "fake"}, "x", machine)


# -- the program ------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("case", ["line", "box", "box_topped_up"])
def test_the_program_is_asked(own_home: Path, case: str) -> None:
    sign_in(own_home)
    machine = make_machine(own_home, install(own_home, printing(case)))
    text = (PAYLOADS / "augment" / f"{case}.txt").read_text(encoding="utf-8")
    assert fetch(make_ask("augment", machine)) == parse(text)


@posix
@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("echo 'Authentication failed'", AuthError, "auggie is not signed in"),
        ("echo 'Run auggie login first' >&2; exit 1", AuthError, "auggie is not signed in"),
        ("exit 3", Unavailable, "auggie account status failed with exit code 3"),
        ("echo Hello", PayloadError, "text: auggie's account status was not understood"),
        ("exec sleep 5", Unavailable, "auggie account status did not end in time, or could not be started"),
    ],
)
def test_what_the_program_may_do(
    own_home: Path, script: str, kind: type[ProviderError], message: str
) -> None:
    sign_in(own_home)
    ask = make_ask("augment", make_machine(own_home, install(own_home, script)), timeout_s=1)
    with pytest.raises(ProviderError) as caught:
        fetch(ask)
    assert (type(caught.value), caught.value.message) == (kind, message)
    if kind is AuthError:
        assert caught.value.hint == "run: auggie login"


@posix
def test_a_program_that_has_gone(own_home: Path) -> None:
    sign_in(own_home)
    ask = make_ask("augment", make_machine(own_home, install(own_home, "exit 0")))
    (own_home / "bin" / "auggie").unlink()
    with pytest.raises(NotConfigured, match="^auggie is not on the PATH$"):
        fetch(ask)


# -- the Analytics API ------------------------------------------------------------------------------


def asked(server: Any) -> list[dict[str, str]]:
    return [{name: value for name, (value,) in parse_qs(seen.query).items()} for seen in server.seen]


@pytest.mark.sockets
def test_the_analytics(machine: Machine) -> None:
    with serve(
        {**ROUTES, ANALYTICS: [Reply(payload("augment/page_1")), Reply(payload("augment/page_2"))]}
    ) as server:
        usage = fetch(make_ask("augment", machine, secret="fake-token", base_url=server.url))
    pages = [payload("augment/page_1"), payload("augment/page_2")]
    assert usage == parse_analytics(pages, since=utc("2026-11-01T00:00:00"), until=utc("2026-11-21T00:00:00"))
    days = {"start_date": "2026-11-01", "end_date": "2026-11-20", "page_size": "500"}
    assert asked(server) == [days, {**days, "cursor": "c-2"}]
    for seen in server.seen:
        assert (seen.method, seen.path) == ("GET", ANALYTICS)
        assert seen.headers["authorization"] == "Bearer fake-token"
        assert seen.headers["accept"] == "application/json"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (utc("2026-12-01T00:30:00"), "2026-11-01", "2026-11-30"),
        (utc("2026-12-02T00:30:00"), "2026-12-01", "2026-12-01"),
        (utc("2027-01-01T12:00:00"), "2026-12-01", "2026-12-31"),
    ],
)
def test_the_month_is_that_of_yesterday(own_home: Path, now: datetime, start: str, end: str) -> None:
    machine = make_machine(own_home, clock=lambda: now)
    with serve({ANALYTICS: Reply({"records": []})}) as server:
        (spend,) = fetch(make_ask("augment", machine, secret="fake-token", base_url=server.url)).spend
    assert (asked(server)[0]["start_date"], asked(server)[0]["end_date"]) == (start, end)
    assert (spend.since, spend.until) == (utc(f"{start}T00:00:00"), utc(f"{now:%Y-%m-%d}T00:00:00"))


@pytest.mark.sockets
def test_an_organization_without_end(machine: Machine) -> None:
    with serve({ANALYTICS: Reply(payload("augment/page_1"))}) as server:
        usage = fetch(make_ask("augment", machine, secret="fake-token", base_url=server.url))
    assert (len(server.seen), usage.notes) == (40, ("only the first 20000 people were read",))


# -- the web application ----------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_web_application(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(make_ask("augment", machine, secret=COOKIE, base_url=server.url))
    assert usage == parse_credits(payload("augment/credits"), payload("augment/subscription"))
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", CREDITS, ""),
        ("GET", SUBSCRIPTION, ""),
    ]
    for seen in server.seen:
        assert seen.headers["cookie"] == COOKIE
        assert "authorization" not in seen.headers


@pytest.mark.sockets
def test_a_subscription_that_cannot_be_read_is_a_note(machine: Machine) -> None:
    with serve({**ROUTES, SUBSCRIPTION: Reply({}, 500)}) as server:
        usage = fetch(make_ask("augment", machine, secret=COOKIE, base_url=server.url))
    (note,) = usage.notes
    assert note.startswith("the subscription could not be read: 127.0.0.1:")
    assert usage.quotas == parse_credits(payload("augment/credits")).quotas


def test_the_hosts(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://api.augmentcode.com{ANALYTICS}", json={"records": []})
    no_network.get(f"https://app.augmentcode.com{CREDITS}", json=payload("augment/credits"))
    no_network.get(f"https://app.augmentcode.com{SUBSCRIPTION}", json={})
    fetch(make_ask("augment", machine, secret="fake-token"))
    fetch(make_ask("augment", machine, secret=COOKIE))
    hosts = [request.hostname for request in no_network.request_history]
    assert hosts == ["api.augmentcode.com", "app.augmentcode.com", "app.augmentcode.com"]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "routes", "kind", "message"),
    [
        ("fake-token", {ANALYTICS: Reply({}, 401)}, AuthError, "Augment refused the token (401)"),
        ("fake-token", {ANALYTICS: Reply({}, 403)}, AuthError, "Augment refused the token (403)"),
        ("fake-token", {ANALYTICS: Reply({}, 429)}, RateLimited, "(429)"),
        ("fake-token", {ANALYTICS: Reply({}, 500)}, Unavailable, "(500)"),
        ("fake-token", {ANALYTICS: Reply({})}, PayloadError, "records: "),
        (COOKIE, {CREDITS: Reply({}, 401)}, AuthError, "Augment refused the cookies (401)"),
        (COOKIE, {CREDITS: Reply({})}, PayloadError, "usageUnitsRemaining: "),
    ],
)
def test_refusals(
    machine: Machine,
    secret: str,
    routes: Mapping[str, Route],
    kind: type[ProviderError],
    message: str,
) -> None:
    with serve({**ROUTES, **routes}) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("augment", machine, secret=secret, base_url=server.url, timeout_s=8))
    assert (type(caught.value), message in caught.value.message) == (kind, True)
    if kind is AuthError:
        hints = {
            "fake-token": "give an Enterprise API token that may read analytics",
            COOKIE: "copy the cookies of app.augmentcode.com again, or better: auggie login",
        }
        assert caught.value.hint == hints[secret]
