"""How Copilot's own endpoint and organisations are asked, and what a user sees of both sources."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.cli import configure, run
from tests.providers.test_copilot import ASSUMED
from tests.providers.test_copilot_fetch import (
    BROKEN,
    CREDITS,
    FORBIDDEN,
    GIVEN,
    HIDDEN,
    HTML,
    OAUTH,
    ON_CREDITS,
    PAT,
    REQUESTS,
    THROTTLED,
    UNAUTHORIZED,
    USER,
    ask,
    failure,
    recorded,
)
from tests.providers.test_copilot_user import EXPECTED
from tests.support import Reply, Route, make_ask, payload, serve
from usagecli import __version__, client
from usagecli.machine import Machine
from usagecli.providers._copilot.credentials import RENEW
from usagecli.providers._copilot.user import parse as parse_user
from usagecli.providers.copilot import fetch

ORGS = "/user/orgs"
NO_COPILOT = "if the account has Copilot: sign in with gh or an editor's Copilot plug-in, or set GITHUB_PAT"


def summary_of(organization: str) -> str:
    return f"/organizations/{organization}/settings/billing/usage/summary"


SEAT: dict[str, Route] = {
    USER: recorded("user_seat"),
    ORGS: recorded("orgs"),
    summary_of("first-org"): FORBIDDEN,
    summary_of("example-org"): recorded("org_summary"),
}


# -- what Copilot's own clients ask -----------------------------------------------------------------


@pytest.mark.sockets
def test_the_clients_endpoint(machine: Machine) -> None:
    usage, server = ask({USER: recorded("user_pro_plus")}, machine, OAUTH)
    (seen,) = server.seen
    assert (seen.path, seen.query) == (USER, "")
    told = ("authorization", "accept", "editor-version", "editor-plugin-version", "user-agent")
    assert {name: seen.headers[name] for name in (*told, "x-github-api-version")} == {
        "authorization": f"Bearer {OAUTH}",
        "accept": "application/json",
        "editor-version": "vscode/1.96.2",
        "editor-plugin-version": "copilot-chat/0.26.7",
        "user-agent": "GitHubCopilotChat/0.26.7",
        "x-github-api-version": "2025-04-01",
    }
    assert usage == EXPECTED["user_pro_plus"]


@pytest.mark.sockets
def test_the_login_beside_the_token_is_the_account_where_the_answer_names_none(machine: Machine) -> None:
    body = {**payload("copilot/user_pro_plus"), "login": None}
    secret = '{"github.com": {"user": "octo-editor", "oauth_token": "ghu_fake"}}'
    usage, server = ask({USER: Reply(body)}, machine, secret)
    assert (usage.account, server.seen[0].headers["authorization"]) == ("octo-editor", "Bearer ghu_fake")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (UNAUTHORIZED, "auth", "GitHub refused the token from the config file (401)", RENEW),
        (
            FORBIDDEN,
            "auth",
            "GitHub refused the token from the config file: a permission is missing (403)",
            NO_COPILOT,
        ),
        (
            HIDDEN,
            "auth",
            "GitHub shows no Copilot to the token from the config file (404)",
            NO_COPILOT,
        ),
        (BROKEN, "unavailable", "HOST has a problem of its own (500)", "try again later"),
        (Reply({}, 503), "unavailable", "HOST has a problem of its own (503)", "try again later"),
        (HTML, "invalid_response", "body: HOST answered with a web page", None),
        (Reply([]), "invalid_response", "body: expected an object, got a list", None),
        (Reply({}), "invalid_response", "quota_snapshots: no figure that can be read", None),
    ],
)
def test_what_a_refused_client_says(
    machine: Machine, reply: Reply, kind: str, message: str, hint: str | None
) -> None:
    error, server = failure({USER: reply}, machine, OAUTH)
    assert (error.kind, error.message) == (kind, message.replace("HOST", server.url[7:]))
    assert error.hint == hint


# -- an organisation's totals -----------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["user_seat", "user_seat_placeholder", "user_seat_bare"])
def test_a_seat_without_a_limit_gets_its_organization_s_totals(machine: Machine, case: str) -> None:
    usage, server = ask({**SEAT, USER: recorded(case)}, machine, OAUTH)
    assert server.paths() == [USER, ORGS, summary_of("first-org"), summary_of("example-org")]
    assert [seen.query for seen in server.seen] == ["", "per_page=100", "", ""]
    for seen in server.seen[1:]:
        # Documented requests, unlike the first.
        assert seen.headers["x-github-api-version"] == "2026-03-10"
        assert seen.headers["accept"] == "application/vnd.github+json"
        assert seen.headers["user-agent"] == f"usagecli/{__version__}"
        assert seen.headers["authorization"] == f"Bearer {OAUTH}"
    assert usage == parse_user(payload(f"copilot/{case}"), organization=payload("copilot/org_summary"))


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["user_pro_plus", "user_pro_requests", "user_free", "user_free_old"])
def test_nobody_else_is_asked_for_an_organization(machine: Machine, case: str) -> None:
    assert ask({**SEAT, USER: recorded(case)}, machine, OAUTH)[1].paths() == [USER]


@pytest.mark.sockets
@pytest.mark.parametrize(
    "changes",
    [
        {ORGS: HIDDEN},
        {ORGS: FORBIDDEN},
        {ORGS: UNAUTHORIZED},
        {ORGS: THROTTLED},
        {ORGS: BROKEN},
        {ORGS: HTML},
        {ORGS: Reply({})},
        {ORGS: Reply([None, 5, {}, {"login": None}])},
        {summary_of("example-org"): HIDDEN},
        {summary_of("example-org"): FORBIDDEN},
        {summary_of("example-org"): BROKEN},
        {summary_of("example-org"): HTML},
        {summary_of("example-org"): Reply([])},
        {summary_of("example-org"): Reply({"usageItems": []})},
        {summary_of("first-org"): THROTTLED},
    ],
)
def test_a_member_who_sees_no_totals_misses_nothing_else(machine: Machine, changes: dict[str, Route]) -> None:
    usage, server = ask({**SEAT, **changes}, machine, OAUTH)
    assert usage == EXPECTED["user_seat"]
    if changes.get(summary_of("first-org")) is THROTTLED:
        assert server.paths()[-1] == summary_of("first-org")


@pytest.mark.sockets
def test_only_some_organizations_are_asked(machine: Machine) -> None:
    rows = [{"login": f"org-{number}"} for number in range(40)]
    _, server = ask({USER: recorded("user_seat"), ORGS: Reply(rows)}, machine, OAUTH)
    assert server.paths() == [USER, ORGS, *(summary_of(f"org-{number}") for number in range(10))]


@pytest.mark.sockets
@pytest.mark.parametrize("hanging", [ORGS, summary_of("first-org")])
def test_organizations_that_hang_cost_only_themselves(machine: Machine, hanging: str) -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**SEAT, hanging: hang}) as server:
        asked = make_ask("copilot", machine, secret=OAUTH, base_url=server.url, timeout_s=3.0)
        usage = fetch(asked)
        over.set()
    assert usage == EXPECTED["user_seat"]
    assert asked.transport.remaining() > 0


@pytest.mark.sockets
def test_slow_organizations_are_given_up_together(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ENRICH_S", 1.0)

    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(1.2)
        handler.send_error(404)

    rows = [{"login": "first-org"}, {"login": "example-org"}]
    routes: dict[str, Route] = {**SEAT, ORGS: Reply(rows), summary_of("first-org"): slow}
    usage, server = ask(routes, machine, OAUTH)
    assert usage == EXPECTED["user_seat"]
    assert server.paths()[-1] == summary_of("first-org")


# -- what a user sees -------------------------------------------------------------------------------


def service(base_url: str, secret: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "work",
        "provider": "copilot",
        "credential": {"value": secret},
        "base_url": base_url,
        **more,
    }


@pytest.mark.sockets
def test_a_wrong_limit_of_the_environment_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_PRO_MONTHLY_LIMIT", "many")
    with serve(
        {**ON_CREDITS, CREDITS: recorded("ai_credits_empty"), REQUESTS: recorded("premium_requests")}
    ) as server:
        configure([service(server.url, PAT, options=GIVEN)])
        outcome = run("copilot", "--json")
    assert outcome.code == 0
    assert "COPILOT_PRO_MONTHLY_LIMIT is not a number above 0: 300 is assumed" in outcome.err
    assert outcome.document["plan"]["monthlyLimit"] == 300
    assert outcome.document["notes"] == [ASSUMED]


@pytest.mark.sockets
@pytest.mark.parametrize("value", ["many", 0, -5])
def test_a_wrong_limit_of_the_config_is_refused(value: Any) -> None:
    with serve(ON_CREDITS) as server:
        configure([service(server.url, PAT, options={"monthly_limit": value})])
        outcome = run("copilot", "--json")
    assert (outcome.code, outcome.out, server.seen) == (2, "", [])
    assert "monthly_limit" in outcome.err


@pytest.mark.sockets
@pytest.mark.parametrize(("secret", "case"), [(PAT, "ai_credits"), (OAUTH, "user_pro_plus")])
def test_the_document_of_each_source(secret: str, case: str) -> None:
    with serve({**ON_CREDITS, USER: recorded("user_pro_plus")}) as server:
        configure([service(server.url, secret, options={"monthly_credits": 1500})])
        outcome = run("copilot", "--json")
    body = outcome.document
    assert (body["account"], body["user"], body["error"]) == ("octo-sample", "octo-sample", None)
    assert (body["source"], outcome.code) == (("api", 1) if secret == PAT else ("oauth", 0))
    assert "fake" not in outcome.out + outcome.err


@pytest.mark.sockets
def test_a_refusal_names_nobody_s_token() -> None:
    with serve({USER: UNAUTHORIZED}) as server:
        configure([service(server.url, OAUTH)])
        outcome = run("-v", "copilot", "--json")
    assert outcome.code == 3
    assert outcome.document["error"] == {
        "kind": "auth",
        "message": "GitHub refused the token from the config file (401)",
        "hint": RENEW,
        "retryAt": None,
    }
    assert outcome.document["totals"]["includedUsed"] is None
    assert "fake" not in outcome.out + outcome.err
