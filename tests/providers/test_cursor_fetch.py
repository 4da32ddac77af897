"""How Cursor is asked: where, with what, and what a refusal costs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import requests_mock

from tests.support import Reply, Route, Server, make_ask, make_machine, payload, serve
from tests.vscode import jwt
from usagecli import policy
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._cursor import team
from usagecli.providers._cursor.period import as_summary
from usagecli.providers._cursor.usage import Extras, parse
from usagecli.providers.cursor import DESCRIPTOR, fetch

TOKEN = jwt(sub="auth0|user_01FAKE")
COOKIE = f"WorkosCursorSessionToken=user_01FAKE%3A%3A{TOKEN}"
SUMMARY, ME, USAGE = "/api/usage-summary", "/api/auth/me", "/api/usage"
GROK, STRIPE = "/api/dashboard/get-sand-usage-status", "/api/auth/stripe"
RPC = "/aiserver.v1.DashboardService/"
PERIOD, PLAN, GRANTS = f"{RPC}GetCurrentPeriodUsage", f"{RPC}GetPlanInfo", f"{RPC}GetCreditGrantsBalance"
HTML = {"Content-Type": "text/html"}
SIGN_IN = "open Cursor and sign in, or run: cursor-agent login"


def recorded(case: str) -> Reply:
    return Reply(payload(f"cursor/{case}"))


ROUTES: dict[str, Route] = {
    SUMMARY: recorded("summary"),
    ME: recorded("me"),
    USAGE: recorded("requests_none"),
    GROK: recorded("grok"),
    STRIPE: recorded("stripe"),
    PERIOD: recorded("period"),
    PLAN: recorded("plan_info"),
    GRANTS: recorded("grants"),
}
EXTRAS = Extras(
    requests=payload("cursor/requests_none"),
    grok=payload("cursor/grok"),
    grants=payload("cursor/grants"),
    stripe=payload("cursor/stripe"),
)
WHOLE = parse(payload("cursor/summary"), extras=EXTRAS, account="ada@example.com", source="cookie")
BY_RPC = parse(
    as_summary(payload("cursor/period"), payload("cursor/plan_info")),
    extras=Extras(grants=payload("cursor/grants")),
)


def read(machine: Machine, routes: Mapping[str, Route], secret: str = TOKEN) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("cursor", machine, secret=secret, base_url=server.url)), server


def failure(
    machine: Machine, routes: Mapping[str, Route], secret: str = TOKEN
) -> tuple[ProviderError, Server]:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("cursor", machine, secret=secret, base_url=server.url, timeout_s=8))
    assert "fake" not in (caught.value.message + str(caught.value.hint)).lower()
    return caught.value, server


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_one_person(machine: Machine) -> None:
    found, server = read(machine, ROUTES)
    assert found == WHOLE
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", SUMMARY, ""),
        ("GET", ME, ""),
        ("GET", USAGE, "user=user_01FAKE"),
        ("POST", GROK, ""),
        ("POST", GRANTS, ""),
        ("GET", STRIPE, ""),
    ]
    for seen in server.seen:
        assert seen.headers["accept"] == "application/json"
        if seen.path == GRANTS:
            assert seen.headers["authorization"] == f"Bearer {TOKEN}"
            assert seen.headers["connect-protocol-version"] == "1"
            assert "cookie" not in seen.headers
        else:
            assert seen.headers["cookie"] == COOKIE
            assert "authorization" not in seen.headers
    posts = {seen.path: seen for seen in server.seen if seen.method == "POST"}
    assert {path: (seen.json(), seen.headers["content-type"]) for path, seen in posts.items()} == {
        GROK: ({}, "application/json"),
        GRANTS: ({}, "application/json"),
    }
    assert posts[GROK].headers["origin"] == "https://cursor.com"


def test_the_hosts(machine: Machine, no_network: requests_mock.Mocker) -> None:
    for path in (SUMMARY, ME, USAGE, STRIPE):
        no_network.get(f"https://cursor.com{path}", json={} if path != SUMMARY else payload("cursor/summary"))
    no_network.post(f"https://cursor.com{GROK}", json={})
    no_network.post(f"https://api2.cursor.sh{GRANTS}", json={})
    fetch(make_ask("cursor", machine, secret=TOKEN))
    assert {request.hostname for request in no_network.request_history} == {"cursor.com", "api2.cursor.sh"}
    for request in no_network.request_history:
        assert ("Cookie" in request.headers) == (request.hostname == "cursor.com")


@pytest.mark.sockets
def test_an_account_with_an_older_plan(machine: Machine) -> None:
    found, _ = read(machine, {**ROUTES, USAGE: recorded("requests")})
    assert [quota.id for quota in found.quotas] == ["requests", "grok_bot", "on_demand"]


@pytest.mark.sockets
def test_a_cookie_without_a_token(machine: Machine) -> None:
    """The user's id comes of the account; the other API cannot be asked."""
    found, server = read(machine, ROUTES, "Cookie: wos-session=fake-value")
    assert found == replace(
        WHOLE, balances=parse(payload("cursor/summary"), extras=replace(EXTRAS, grants=None)).balances
    )
    assert [seen.query for seen in server.seen if seen.path == USAGE] == ["user=user_01FAKE"]
    assert not [path for path in server.paths() if path.startswith(RPC)]
    error, server = failure(machine, {**ROUTES, SUMMARY: Reply({}, 404)}, "Cookie: wos-session=fake-value")
    assert (error.kind, server.paths()) == ("unavailable", [SUMMARY])


@pytest.mark.sockets
def test_a_login_of_the_command_line(own_home: Path, machine: Machine) -> None:
    path = own_home / ".config" / "cursor" / "auth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"accessToken": TOKEN}), encoding="utf-8")
    with serve(ROUTES) as server:
        found = fetch(make_ask("cursor", machine, base_url=server.url))
    assert found == replace(WHOLE, source="oauth")


@pytest.mark.sockets
def test_a_login_that_was_renewed_meanwhile(own_home: Path, machine: Machine) -> None:
    path = own_home / ".config" / "cursor" / "auth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"accessToken": jwt(sub="auth0|user_01FAKE", old=True)}), encoding="utf-8")
    with serve({**ROUTES, SUMMARY: [Reply({}, 401), recorded("summary")]}) as server:
        ask = make_ask("cursor", machine, base_url=server.url)
        path.write_text(json.dumps({"accessToken": TOKEN}), encoding="utf-8")
        assert fetch(ask) == replace(WHOLE, source="oauth")
    assert server.seen[1].headers["cookie"] == COOKIE


# -- what is only beside it -------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 404, 500])
def test_nothing_beside_the_summary_fails_the_report(machine: Machine, status: int) -> None:
    found, server = read(
        machine, {SUMMARY: recorded("summary"), **dict.fromkeys((USAGE, STRIPE), Reply({}, status))}
    )
    assert found.quotas == parse(payload("cursor/summary")).quotas
    assert [note.partition(" could not be read: ")[0] for note in found.notes] == [
        "an older plan's requests",
        "credit grants",
        "the prepaid balance",
    ]
    assert found.account is None
    assert server.paths() == [SUMMARY, ME, USAGE, GROK, GRANTS, STRIPE]


# -- when the summary fails -------------------------------------------------------------------------


def moved(to: str) -> Reply:
    return Reply({}, 302, {"Location": to})


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply({}, 401), AuthError, "refused the session (401)"),
        (Reply({}, 403), AuthError, "refused the session (403)"),
        (moved("https://authenticator.cursor.sh/?next=x"), AuthError, "asks to sign in"),
        (moved("/api/auth/login"), AuthError, "asks to sign in"),
        (moved("https://api.workos.com/user_management/authorize"), AuthError, "asks to sign in"),
        (Reply({}, 429, {"Retry-After": "60"}), RateLimited, "(429)"),
    ],
)
def test_what_is_final(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    """The other API is not asked."""
    error, server = failure(machine, {**ROUTES, SUMMARY: reply})
    assert (type(error), message in error.message) == (kind, True), error.message
    assert server.paths() == [SUMMARY]
    assert error.hint == (SIGN_IN if kind is AuthError else None)
    assert (error.retry_at is not None) == (kind is RateLimited)


FALLS_BACK = [
    (Reply({}, 404), Unavailable, "knows no usage of this account (404)"),
    (Reply({}, 500), Unavailable, "has a problem of its own (500)"),
    (Reply({}, 418), PayloadError, " answered 4"),
    (Reply({}), PayloadError, "individualUsage: "),
    (Reply([]), PayloadError, "body: "),
    (Reply(b"<!DOCTYPE html><html></html>", 200, HTML), PayloadError, "body: "),
    (moved("https://elsewhere.example.com/x"), PayloadError, "redirect: "),
]


@pytest.mark.sockets
@pytest.mark.parametrize(("reply", "kind", "message"), FALLS_BACK)
def test_the_other_api_stands_in(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str
) -> None:
    found, server = read(machine, {**ROUTES, SUMMARY: reply})
    (note,) = found.notes
    assert note.startswith("read from the editor's API: ")
    assert message in note
    assert replace(found, notes=()) == BY_RPC
    assert server.paths() == [SUMMARY, PERIOD, PLAN, GRANTS]
    for seen in server.seen[1:]:
        names = ("authorization", "connect-protocol-version", "content-type")
        assert [seen.headers[name] for name in names] == [f"Bearer {TOKEN}", "1", "application/json"]
        assert (seen.method, seen.json()) == ("POST", {})


@pytest.mark.sockets
@pytest.mark.parametrize(("reply", "kind", "message"), FALLS_BACK)
@pytest.mark.parametrize("other", [Reply({}, 401), Reply({}, 429), Reply({"enabled": False}), Reply([])])
def test_where_both_fail_the_summary_speaks(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, other: Reply
) -> None:
    error, _ = failure(machine, {**ROUTES, SUMMARY: reply, PERIOD: other})
    assert (type(error), message in error.message) == (kind, True), error.message


# -- a team -----------------------------------------------------------------------------------------

SPEND = "/teams/spend"


@pytest.mark.sockets
def test_a_team(own_home: Path) -> None:
    machine = make_machine(own_home, {"CURSOR_API_KEY": "key_fake"})
    page = payload("cursor/spend")
    with serve({SPEND: Reply({**page, "totalPages": 2})}) as server:
        found = fetch(make_ask("cursor", machine, base_url=server.url))
    assert found == team.parse([page, page])
    assert found.source == "api"
    basic = f"Basic {b64encode(b'key_fake:').decode()}"
    assert [(s.method, s.path, s.json(), s.headers["authorization"]) for s in server.seen] == [
        ("POST", SPEND, {"page": number, "pageSize": 100}, basic) for number in (1, 2)
    ]


def test_the_host_of_a_team(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.post(f"https://api.cursor.com{SPEND}", json=payload("cursor/spend"))
    fetch(make_ask("cursor", make_machine(own_home, {"CURSOR_API_KEY": "key_fake"})))
    assert len(no_network.request_history) == 1


@pytest.mark.parametrize(("kind", "seconds"), [("team", 3600), ("oauth", 120), ("cookie", 120)])
def test_a_team_is_asked_once_an_hour(kind: str, seconds: int) -> None:
    assert policy.interval(DESCRIPTOR, kind, {}) == seconds


@pytest.mark.sockets
def test_a_team_of_thousands(machine: Machine) -> None:
    """No more pages than a team may ask in a minute."""
    found, server = read(machine, {SPEND: Reply({**payload("cursor/spend"), "totalPages": 99})}, "key_fake")
    assert len(server.seen) == 15
    assert found.notes == ("only the first 1500 members were read",)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (
            Reply({}, 401),
            AuthError,
            "Cursor refused the key (401): it is wrong, or is no Admin API key of a team",
        ),
        (Reply({}, 403), AuthError, "Cursor refused the key (403): it lacks a permission"),
        (Reply({}, 429), RateLimited, "(429)"),
        (Reply({}, 503), Unavailable, "(503)"),
        (Reply({}, 200), PayloadError, "teamMemberSpend: "),
    ],
)
def test_a_team_s_refusals(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    error, server = failure(machine, {SPEND: reply}, "crsr_fake")
    assert (type(error), message in error.message) == (kind, True), error.message
    assert len(server.seen) == 1
