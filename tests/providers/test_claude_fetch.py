"""How Claude is asked: what goes where with which credential, and what a refusal costs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.cli import configure, run
from tests.support import Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._claude.usage import parse
from usagecli.providers.claude import fetch

TOKEN, SESSION = "sk-ant-oat01-fake-token", "sk-ant-sid01-fake-session"
LOGIN = json.dumps(
    {
        "claudeAiOauth": {
            "accessToken": TOKEN,
            "expiresAt": 1577836800000,
            "subscriptionType": "max",
            "rateLimitTier": "default_claude_max_5x",
        }
    }
)
ORG = "9d2b41e6-0000-4000-8000-00000000fa4e"
BELOW = f"/api/organizations/{ORG}"
HTML = Reply(b"<!DOCTYPE html><html>scope of a page</html>", headers={"Content-Type": "text/html"})
USAGE, PROFILE = "/api/oauth/usage", "/api/oauth/profile"
ORGANIZATIONS, ACCOUNT, ROUTINES = "/api/organizations", "/api/account", "/v1/code/routines/run-budget"


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"claude/{case}"), status, headers)


def html(status: int) -> Reply:
    return Reply(HTML.body, status, HTML.headers)


OAUTH: dict[str, Route] = {USAGE: recorded("max"), PROFILE: recorded("profile")}
WEB: dict[str, Route] = {
    ORGANIZATIONS: recorded("organizations"),
    f"{BELOW}/usage": recorded("web_usage"),
    f"{BELOW}/overage_spend_limit": recorded("web_overage"),
    f"{BELOW}/prepaid/credits": recorded("web_prepaid"),
    ACCOUNT: recorded("web_account"),
    ROUTINES: recorded("web_run_budget"),
}


def read(machine: Machine, routes: Mapping[str, Route], secret: str) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("claude", machine, secret=secret, base_url=server.url)), server


def failure(machine: Machine, routes: Mapping[str, Route], secret: str) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("claude", machine, secret=secret, base_url=server.url))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- with a login -----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_login(machine: Machine) -> None:
    """An expired date of its own keeps nobody from trying it."""
    usage, server = read(machine, OAUTH, LOGIN)
    assert usage == parse(
        payload("claude/max"), subscription="max", tier="default_claude_max_5x", account="me@example.com"
    )
    assert (usage.source, usage.plan) == ("oauth", {"name": "Max 5x", "renewsAt": None})
    assert server.paths() == [USAGE, PROFILE]
    for seen in server.seen:
        assert seen.query == ""
        assert {name: seen.headers[name] for name in ("authorization", "anthropic-beta", "user-agent")} == {
            "authorization": f"Bearer {TOKEN}",
            "anthropic-beta": "oauth-2025-04-20",
            "user-agent": "claude-code/2.1.69",
        }
        assert (seen.headers["accept"], seen.headers["content-type"]) == ("application/json",) * 2
        assert "cookie" not in seen.headers


@pytest.mark.parametrize(
    ("env", "urls"),
    [
        (
            {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN},
            [f"https://api.anthropic.com{USAGE}", f"https://api.anthropic.com{PROFILE}"],
        ),
        ({"CLAUDE_AI_SESSION_KEY": SESSION}, [f"https://claude.ai{path}" for path in WEB]),
    ],
)
def test_the_hosts_of_the_vendor(
    own_home: Path, no_network: requests_mock.Mocker, env: dict[str, str], urls: list[str]
) -> None:
    for url, route in zip(urls, (OAUTH if len(urls) == 2 else WEB).values(), strict=True):
        assert isinstance(route, Reply)
        no_network.get(url, json=route.body)
    fetch(make_ask("claude", make_machine(own_home, env)))
    assert [seen.url for seen in no_network.request_history] == urls


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("profile", "account"),
    [
        (recorded("profile"), "me@example.com"),
        (Reply({"account": {"email": None}, "organization": {"uuid": ORG}}), ORG),
        (Reply({"organization": {"uuid": ORG}}), ORG),
        (Reply({"account": []}), None),
        (Reply([]), None),
        (recorded("error_403_scope", 403), None),
        (recorded("error_429", 429), None),
        (html(500), None),
        (HTML, None),
    ],
)
def test_whose_account_it_is(machine: Machine, profile: Reply, account: str | None) -> None:
    """Unknown where the profile cannot be read, which costs nothing else."""
    usage, _ = read(machine, {**OAUTH, PROFILE: profile}, TOKEN)
    assert usage == parse(payload("claude/max"), account=account)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (recorded("error_401", 401), AuthError, "Claude refused the credential (401)", "claude /login"),
        (recorded("error_403_scope", 403), AuthError, "it may not read usage (403)", "setup-token"),
        (Reply({"error": {"type": "permission_error"}}, 403), AuthError, "(403)", "claude /login"),
        (html(403), Unavailable, "answered with a web page (403)", "try again"),
        (recorded("error_429", 429), RateLimited, "asked us to wait (429)", None),
        (html(500), Unavailable, "(500)", "try again"),
        (Reply({"error": {}}, 529), Unavailable, "(529)", "try again"),
        (Reply({"error": {}}, 404), PayloadError, "404", "base_url"),
        (HTML, PayloadError, "a web page", None),
        (Reply(b'{"five_hour": {'), PayloadError, "not JSON", None),
        (Reply(b""), PayloadError, "not JSON", None),
        (Reply([]), PayloadError, "body: expected an object", None),
        (Reply(None), PayloadError, "body: expected an object", None),
    ],
)
def test_what_a_failing_call_says(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str | None
) -> None:
    error = failure(machine, {**OAUTH, USAGE: reply}, LOGIN)
    assert type(error) is kind
    assert message in error.message
    assert (hint or "") in str(error.hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("header", "retry_at"),
    [
        ({"Retry-After": "90"}, "2026-11-21T08:01:30"),
        ({"Retry-After": "Sat, 21 Nov 2026 08:20:00 GMT"}, "2026-11-21T08:20:00"),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize(("secret", "path"), [(TOKEN, USAGE), (SESSION, f"{BELOW}/usage")])
def test_how_long_it_asks_us_to_wait(
    machine: Machine, header: dict[str, str], retry_at: str | None, secret: str, path: str
) -> None:
    routes = {**OAUTH, **WEB, path: recorded("error_429", 429, **header)}
    error = failure(machine, routes, secret)
    assert error.kind == "rate_limited"
    assert error.retry_at == (utc(retry_at) if retry_at else None)


@pytest.mark.sockets
def test_a_login_without_the_scope_is_not_even_sent(own_home: Path) -> None:
    text = json.dumps({"claudeAiOauth": {"accessToken": TOKEN, "scopes": ["user:inference"]}})
    write_login(own_home, text)
    with (
        serve(OAUTH) as server,
        pytest.raises(AuthError, match="credentials.json cannot read usage") as caught,
    ):
        fetch(make_ask("claude", make_machine(own_home), base_url=server.url))
    assert server.seen == []
    assert "unset CLAUDE_CODE_OAUTH_TOKEN" in str(caught.value.hint)


# -- a login that Claude Code renews ----------------------------------------------------------------


def write_login(home: Path, text: str) -> None:
    path = home / ".claude" / ".credentials.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def renewing(home: Path, renewed: str, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server that finds the login renewed when it refuses the old one."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        old = handler.headers["Authorization"] == f"Bearer {TOKEN}"
        if old:
            write_login(home, renewed)
        body = json.dumps(payload("claude/pro" if not old and status == 200 else "claude/error_401")).encode()
        handler.send_response(401 if old else status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


NEW = json.dumps({"claudeAiOauth": {"accessToken": "sk-ant-oat01-fake-new", "subscriptionType": "pro"}})


def bearers(server: Server) -> list[tuple[str, str]]:
    return [(seen.path, seen.headers["authorization"].removeprefix("Bearer ")) for seen in server.seen]


@pytest.mark.sockets
def test_a_refused_login_is_looked_up_once_more(own_home: Path) -> None:
    """And everything is then read with the new one: nothing of two accounts is mixed."""
    write_login(own_home, LOGIN)
    with serve({**OAUTH, USAGE: renewing(own_home, NEW)}) as server:
        usage = fetch(make_ask("claude", make_machine(own_home), base_url=server.url))
    new = "sk-ant-oat01-fake-new"
    assert bearers(server) == [(USAGE, TOKEN), (USAGE, new), (PROFILE, new)]
    assert usage == parse(payload("claude/pro"), subscription="pro", account="me@example.com")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("renewed", "status", "asked"), [(LOGIN, 200, 1), ("{", 200, 1), ("{}", 200, 1), (NEW, 401, 2)]
)
def test_a_login_that_stays_refused(own_home: Path, renewed: str, status: int, asked: int) -> None:
    """The same again, one half written, none any more, or a new one that is refused as well."""
    write_login(own_home, LOGIN)
    with (
        serve({**OAUTH, USAGE: renewing(own_home, renewed, status)}) as server,
        pytest.raises(AuthError, match="refused the credential"),
    ):
        fetch(make_ask("claude", make_machine(own_home), base_url=server.url))
    assert server.paths() == [USAGE] * asked


@pytest.mark.sockets
def test_nothing_else_is_asked_twice(own_home: Path) -> None:
    write_login(own_home, LOGIN)
    with serve({**OAUTH, USAGE: recorded("error_429", 429)}) as server, pytest.raises(RateLimited):
        fetch(make_ask("claude", make_machine(own_home), base_url=server.url))
    assert server.paths() == [USAGE]


# -- with a cookie ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_cookie(machine: Machine) -> None:
    usage, server = read(machine, WEB, f"Cookie: other=fake-secret; sessionKey={SESSION}")
    assert usage == parse(
        payload("claude/web_usage"),
        overage=payload("claude/web_overage"),
        prepaid_=payload("claude/web_prepaid"),
        routines=payload("claude/web_run_budget"),
        tier="default_claude_max_20x",
        account="me@example.com",
        source="cookie",
    )
    assert usage.plan == {"name": "Max 20x", "renewsAt": None}
    assert [entry.id for group in (usage.quotas, usage.balances) for entry in group] == [
        "five_hour",
        "weekly",
        "weekly_claude_fable_1",
        "extra_usage",
        "routine_runs",
        "prepaid",
    ]
    assert server.paths() == list(WEB)
    for seen in server.seen:
        assert (seen.headers["cookie"], seen.headers["accept"]) == (
            f"sessionKey={SESSION}",
            "application/json",
        )
        assert "authorization" not in seen.headers


@pytest.mark.sockets
def test_the_cap_is_only_asked_for_where_usage_does_not_say_it(machine: Machine) -> None:
    usage, server = read(machine, {**WEB, f"{BELOW}/usage": recorded("max")}, SESSION)
    assert f"{BELOW}/overage_spend_limit" not in server.paths()
    assert usage.quotas[3].unit == "usd"


@pytest.mark.sockets
def test_a_cookie_that_an_answer_renews_is_left_to_the_browser(machine: Machine) -> None:
    renewal = {"Set-Cookie": "sessionKey=sk-ant-sid01-fake-renewed; Path=/"}
    answer = Reply(payload("claude/organizations"), headers=renewal)
    _, server = read(machine, {**WEB, ORGANIZATIONS: answer}, SESSION)
    assert {seen.headers["cookie"] for seen in server.seen} == {f"sessionKey={SESSION}"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("organizations", "chosen"),
    [
        ([{"uuid": "a", "capabilities": ["api"]}, {"uuid": "b", "capabilities": ["x", "chat"]}], "b"),
        ([{"uuid": "a", "capabilities": ["x"]}, {"uuid": "b", "capabilities": ["chat"]}], "b"),
        ([{"uuid": "a", "capabilities": ["api"]}, {"uuid": "b", "capabilities": ["api", "x"]}], "b"),
        ([{"uuid": "a", "capabilities": ["api"]}, {"uuid": "b"}], "b"),
        ([{"uuid": "a", "capabilities": ["api"]}, {"uuid": "b", "capabilities": ["api"]}], "a"),
        ([{"id": "a", "capabilities": None}], "a"),
        ([{"id": 12, "uuid": None}], "12"),
        ([None, [], {}, {"uuid": "../x?"}, {"uuid": ""}, {"uuid": "b"}], "b"),
    ],
)
def test_which_organization_is_asked(machine: Machine, organizations: list[Any], chosen: str) -> None:
    routes: dict[str, Route] = {
        ORGANIZATIONS: Reply(organizations),
        f"/api/organizations/{chosen}/usage": recorded("web_usage"),
    }
    usage, _ = read(machine, routes, SESSION)
    assert usage.account == chosen
    assert usage.quotas == parse(payload("claude/web_usage")).quotas


def member(**more: Any) -> Reply:
    return Reply({"memberships": [None, {"organization": None}, {"organization": {"uuid": ORG}, **more}]})


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("organization", "account", "name"),
    [
        ({"rate_limit_tier": "default_claude_max_5x"}, Reply({}), "Max 5x"),
        ({}, recorded("web_account"), "Max 20x"),
        ({"rate_limit_tier": "default_claude_max_5x"}, recorded("web_account"), "Max 5x"),
        ({}, member(seat_tier="team_tier_1"), "Team Premium"),
        ({"rate_limit_tier": "default_claude_max_5x"}, member(seat_tier="team_standard"), "Team Standard"),
        ({}, Reply({"memberships": [{"seat_tier": "team_standard", "organization": {"uuid": "x"}}]}), None),
        ({}, Reply({"memberships": {}}), None),
        ({}, html(500), None),
    ],
)
def test_the_plan_of_the_organization_that_was_asked(
    machine: Machine, organization: dict[str, Any], account: Reply, name: str | None
) -> None:
    routes = {**WEB, ORGANIZATIONS: Reply([{"uuid": ORG, **organization}]), ACCOUNT: account}
    usage, _ = read(machine, routes, SESSION)
    assert (usage.plan or {}).get("name") == name
    assert usage.notes == ()


WEB_ERRORS = [
    (Reply({"error": {}}, 401), AuthError, "claude.ai refused the cookie (401)", "copy the cookie"),
    (html(401), AuthError, "claude.ai refused the cookie (401)", "copy the cookie"),
    (Reply({"error": {}}, 403), AuthError, "claude.ai refused the cookie (403)", "copy the cookie"),
    (html(403), Unavailable, "a challenge for browsers (403)", "sign in with Claude Code"),
    (html(500), Unavailable, "(500)", "try again"),
    (HTML, PayloadError, "a web page", None),
    (Reply(b"[{"), PayloadError, "not JSON", None),
]


@pytest.mark.sockets
@pytest.mark.parametrize("path", [ORGANIZATIONS, f"{BELOW}/usage"])
@pytest.mark.parametrize(("reply", "kind", "message", "hint"), WEB_ERRORS)
def test_what_claude_ai_s_refusal_says(
    machine: Machine, path: str, reply: Reply, kind: type[ProviderError], message: str, hint: str | None
) -> None:
    error = failure(machine, {**WEB, path: reply}, SESSION)
    assert type(error) is kind
    assert message in error.message
    assert (hint or "") in str(error.hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ORGANIZATIONS, {"error": {}}, "organizations"),
        (ORGANIZATIONS, [], "organizations"),
        (ORGANIZATIONS, [{"name": "x"}, {"uuid": "a/b"}], "organizations"),
        (f"{BELOW}/usage", [], "body"),
    ],
)
def test_claude_ai_in_another_shape(machine: Machine, path: str, body: Any, field: str) -> None:
    error = failure(machine, {**WEB, path: Reply(body)}, SESSION)
    assert error.kind == "invalid_response"
    assert error.message.startswith(f"{field}: ")


OPTIONAL = [
    (f"{BELOW}/overage_spend_limit", "extra_usage", "extra usage"),
    (f"{BELOW}/prepaid/credits", "prepaid", "the prepaid balance"),
    (ACCOUNT, None, None),
    (ROUTINES, "routine_runs", "the budget of routine runs"),
]


def ids(usage: Usage) -> list[str]:
    return [entry.id for group in (usage.quotas, usage.balances, usage.spend) for entry in group]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({"error": {}}, 403), "this login may not read it"),
        (html(500), "HOST has a problem of its own (500)"),
        (recorded("error_429", 429), "HOST asked us to wait (429)"),
        (HTML, "body: HOST answered with a web page"),
    ],
)
@pytest.mark.parametrize(("path", "lost", "what"), OPTIONAL)
def test_a_failing_call_costs_its_own_entries_only(
    machine: Machine, reply: Reply, why: str, path: str, lost: str | None, what: str | None
) -> None:
    whole, _ = read(machine, WEB, SESSION)
    usage, server = read(machine, {**WEB, path: reply}, SESSION)
    assert ids(usage) == [entry for entry in ids(whole) if entry != lost]
    note = f"{what} could not be read: {why.replace('HOST', server.url.removeprefix('http://'))}"
    assert usage.notes == ((note,) if what else ())
    assert usage.account == (ORG if path == ACCOUNT else "me@example.com")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "secret", "path"),
    [(OAUTH, TOKEN, PROFILE), *[(WEB, SESSION, path) for path, *_ in OPTIONAL]],
)
def test_a_call_that_hangs_costs_its_own_entries_only(
    machine: Machine, routes: dict[str, Route], secret: str, path: str
) -> None:
    """It never takes all of the run's time: the main figures are already here."""
    over = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**routes, path: hang}) as server:
        ask = make_ask("claude", machine, secret=secret, base_url=server.url, timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert {"five_hour", "weekly"} <= set(ids(usage))
    assert ask.transport.remaining() > 0


# -- what a user sees -------------------------------------------------------------------------------


def configured(server: Server, secret: str = LOGIN) -> None:
    configure(
        [{"name": "mine", "provider": "claude", "base_url": server.url, "credential": {"value": secret}}]
    )


@pytest.mark.sockets
def test_the_document() -> None:
    with serve(OAUTH) as server:
        configured(server)
        outcome = run("claude", "--json")
    document = outcome.document
    assert (outcome.code, outcome.err) == (0, "")
    assert {key: document[key] for key in ("account", "plan", "status", "source", "notes", "error")} == {
        "account": "me@example.com",
        "plan": {"name": "Max 5x", "renewsAt": None},
        "status": "ok",
        "source": "oauth",
        "notes": [],
        "error": None,
    }
    five_hour, weekly, fable, extra = document["quotas"]
    assert five_hour == {
        "id": "five_hour",
        "label": "5-hour limit",
        "scope": None,
        "unit": "percent",
        "used": 23,
        "limit": 100,
        "remaining": 77,
        "percentUsed": 23,
        "percentRemaining": 77,
        "unlimited": False,
        "windowSeconds": 18000,
        "resetsAt": "2026-11-21T11:30:00Z",
        "refill": None,
        "status": "ok",
        "pace": None,
    }
    assert (weekly["id"], weekly["resetsAt"], fable["scope"]) == ("weekly", "2026-11-25T17:00:00Z", "Fable")
    assert (extra["used"], extra["limit"], extra["percentUsed"], extra["unit"]) == (13.15, 40, 32.875, "usd")


@pytest.mark.sockets
def test_it_is_asked_once_in_five_minutes() -> None:
    with serve(OAUTH) as server:
        configured(server)
        for _ in range(3):
            assert run("claude", "--max-age", "0").code == 0
        assert server.paths() == [USAGE, PROFILE]


@pytest.mark.sockets
@pytest.mark.parametrize("header", [{}, {"Retry-After": "0"}])
def test_a_refusal_without_a_date_is_kept_for_five_minutes(header: dict[str, str]) -> None:
    with serve({**OAUTH, USAGE: recorded("error_429", 429, **header)}) as server:
        configured(server)
        first, second = run("claude", "--json"), run("claude", "--json", "--no-cache")
    assert server.paths() == [USAGE]
    assert (first.code, first.document["error"]) == (3, second.document["error"])
    error = first.document["error"]
    assert error["kind"] == "rate_limited"
    wait = datetime.fromisoformat(error["retryAt"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
    assert first.document["quotas"] == []


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "reply", "words"),
    [
        (LOGIN, recorded("error_401", 401), ("refused the credential", "open `claude` once")),
        (TOKEN, recorded("error_403_scope", 403), ("may not read usage", "setup-token")),
        (f"Cookie: sessionKey={SESSION}", Reply({}, 401), ("refused the cookie", "copy the cookie")),
        ("Cookie: other=fake", Reply({}, 401), ("holds no cookie sessionKey", "copy the cookie")),
    ],
)
def test_errors_name_the_next_step_and_no_secret(secret: str, reply: Reply, words: tuple[str, str]) -> None:
    with serve({USAGE: reply, ORGANIZATIONS: reply}) as server:
        configured(server, secret)
        outcome = run("-v", "claude")
    assert outcome.code == 3
    assert all(word in " ".join(outcome.out.split()) for word in words)
    assert "sk-ant" not in outcome.out + outcome.err


def test_a_newcomer_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usagecli.providers._claude.credentials.keyring_text", lambda *_: None)
    outcome = run("claude")
    assert outcome.code == 3
    assert "no Claude credential was found" in outcome.out
    page = run("providers", "claude").out
    assert "1. Install Claude Code and sign in" in page
    assert "4. CLAUDE_AI_SESSION_KEY" in page
