"""How OpenCode is asked: what goes where with which credential, and what a refusal costs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock

from tests.cli import configure, run
from tests.providers.test_opencode import WORKSPACE, api, billing, page, windows
from tests.support import NOW, Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from usagecli.errors import (
    AuthError,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._opencode.usage import usage
from usagecli.providers._opencode.windows import Subscription
from usagecli.providers.opencode import fetch

KEY, COOKIE = "sk-fake-key", "Fe26.2**fake-cookie"
BOTH = {"api_key": KEY, "auth_cookie": COOKIE}
GO, AUTH, ZEN, ZEN_GO, SERVER = (
    "/zen/go/v1/usage",
    "/auth",
    f"/workspace/{WORKSPACE}",
    f"/workspace/{WORKSPACE}/go",
    "/_server",
)
BLACK_ID = "7abeebee372f304e050aaaf92be863f4a86490e382f8c79db68fd94040d691b4"
HTML = {"Content-Type": "text/html; charset=utf-8"}


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"opencode/{case}"), status, headers)


def html(case: str) -> Reply:
    return Reply(page(case).encode(), headers=HTML)


def refused(status: int) -> Reply:
    return Reply(b"<!DOCTYPE html><html>no</html>", status, HTML)


def moved(target: str) -> Reply:
    return Reply(b"", 302, {"Location": target})


NO_GO = recorded("error_403", 403)
CONSOLE: dict[str, Route] = {
    AUTH: moved(ZEN),
    ZEN: html("page_billing_go"),
    ZEN_GO: html("page_go"),
    SERVER: html("server_black"),
}
ALL: dict[str, Route] = {GO: recorded("go"), **CONSOLE}
BY_KEY = usage(now=NOW, go=api("go"))
BY_BOTH = usage(now=NOW, go=api("go"), billing=billing("go"), workspace=WORKSPACE)
BY_COOKIE = usage(now=NOW, go=windows("page_go"), billing=billing("go"), workspace=WORKSPACE, source="cookie")


def read(
    machine: Machine, routes: Mapping[str, Route], secret: Any, given: Mapping[str, Any] | None = None
) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("opencode", machine, secret=secret, base_url=server.url, given=given)), server


def failure(
    machine: Machine, routes: Mapping[str, Route], secret: Any, given: Mapping[str, Any] | None = None
) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("opencode", machine, secret=secret, base_url=server.url, given=given))
    assert "fake-" not in caught.value.message + str(caught.value.hint)
    return caught.value


def notes(found: Usage, server: Server) -> tuple[str, ...]:
    """The notes, without the port of the server."""
    return tuple(note.replace(server.url.removeprefix("http://"), "HOST") for note in found.notes)


def ids(found: Usage) -> list[str]:
    """The ids of its quotas and balances."""
    return [quota.id for quota in found.quotas] + [balance.id for balance in found.balances]


# -- with a key -------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_key(machine: Machine) -> None:
    found, server = read(machine, ALL, KEY)
    assert (found, found.source) == (BY_KEY, "api")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", GO, "")
    assert (seen.headers["authorization"], seen.headers["accept"]) == (f"Bearer {KEY}", "application/json")
    assert "cookie" not in seen.headers


def test_the_vendor_s_own_host(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get("https://opencode.ai/zen/go/v1/usage", json=payload("opencode/go_old"))
    assert fetch(make_ask("opencode", machine, secret=KEY)) == usage(now=NOW, go=api("go_old"))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (recorded("error_401", 401), AuthError, "is wrong or was deleted", "opencode auth login"),
        (refused(401), AuthError, "(401)", "make a new key"),
        (NO_GO, AuthError, "is valid, but has no Go subscription (403)", "OPENCODE_AUTH_COOKIE"),
        (recorded("error_401", 403), AuthError, "(403)", "make a new key"),
        (Reply(b"no", 403), AuthError, "(403)", "make a new key"),
        (Reply([], 403), AuthError, "(403)", "make a new key"),
        (refused(403), Unavailable, "a web page (403)", "try again"),
        (Reply({}, 404), PayloadError, "404", "base_url"),
        (Reply({}, 429, {"Retry-After": "90"}), RateLimited, "(429)", "None"),
        (Reply({}, 500), Unavailable, "(500)", "try again"),
        (refused(200), PayloadError, "body: ", "None"),
        (Reply(b'{"usage": {'), PayloadError, "body: ", "None"),
        (Reply([]), PayloadError, "body: expected an object", "None"),
        (recorded("side_branch"), PayloadError, "usage: expected an object", "None"),
        (moved("https://elsewhere.example.com/"), PayloadError, "redirect: ", "base_url"),
    ],
)
def test_what_a_refused_key_says(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str
) -> None:
    error = failure(machine, {GO: reply}, KEY)
    assert isinstance(error, kind)
    assert message in error.message
    assert hint in str(error.hint)
    assert error.retry_at == (utc("2026-11-21T08:01:30") if kind is RateLimited else None)


# -- with a cookie ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_cookie(machine: Machine) -> None:
    """The page that names the workspace is read at once, not asked for again."""
    found, server = read(machine, ALL, COOKIE)
    assert (found, found.source) == (BY_COOKIE, "cookie")
    assert server.paths() == [AUTH, ZEN, ZEN_GO]
    for seen in server.seen:
        assert (seen.method, seen.query) == ("GET", "")
        assert {name: seen.headers[name] for name in ("cookie", "accept", "user-agent")} == {
            "cookie": f"auth={COOKIE}",
            "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "user-agent": "Mozilla/5.0",
        }
        assert "authorization" not in seen.headers


@pytest.mark.sockets
def test_of_a_whole_cookie_header_only_the_session_is_sent(machine: Machine) -> None:
    _, server = read(machine, ALL, f"Cookie: theme=dark; __Host-auth={COOKIE}; x=y")
    assert {seen.headers["cookie"] for seen in server.seen} == {f"__Host-auth={COOKIE}"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    "given", [WORKSPACE, f"https://opencode.ai/workspace/{WORKSPACE.replace('wrk', 'WRK')}/billing"]
)
def test_a_workspace_that_is_set_is_not_asked_for(own_home: Path, given: str) -> None:
    machine = make_machine(own_home, {"OPENCODE_WORKSPACE_ID": given})
    found, server = read(machine, ALL, COOKIE)
    assert (found, server.paths()) == (BY_COOKIE, [ZEN, ZEN_GO])


@pytest.mark.sockets
def test_a_workspace_that_is_none(machine: Machine) -> None:
    error = failure(machine, ALL, COOKIE, {"workspace_id": "my workspace"})
    assert (type(error), error.message) == (
        ServiceError,
        "OPENCODE_WORKSPACE_ID is no workspace id (wrk_...)",
    )


@pytest.mark.sockets
def test_a_landing_on_another_page_of_the_workspace(machine: Machine) -> None:
    """It names the workspace; the billing is on its first page."""
    routes = {**ALL, AUTH: moved(f"{ZEN}/usage"), f"{ZEN}/usage": refused(200)}
    found, server = read(machine, routes, COOKIE)
    assert (found, server.paths()) == (BY_COOKIE, [AUTH, f"{ZEN}/usage", ZEN, ZEN_GO])


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "kind", "message"),
    [
        ({AUTH: refused(200)}, AuthError, "asks to sign in"),
        ({AUTH: moved("/auth/authorize")}, AuthError, "asks to sign in"),
        ({ZEN: moved("/auth")}, AuthError, "asks to sign in"),
        ({ZEN: Reply({}, 401)}, AuthError, "refused the cookie (401)"),
        ({ZEN: Reply({}, 403)}, AuthError, "refused the cookie (403)"),
        ({AUTH: Reply({}, 401)}, AuthError, "refused the cookie (401)"),
        ({ZEN: refused(403)}, Unavailable, "a web page (403)"),
        ({ZEN: refused(404)}, ServiceError, "no such workspace"),
        ({AUTH: refused(404)}, ServiceError, "(404)"),
        ({ZEN: Reply({}, 429)}, RateLimited, "(429)"),
        ({ZEN: Reply({}, 500)}, Unavailable, "(500)"),
        ({ZEN: Reply({}, 418)}, PayloadError, "418"),
        ({ZEN: refused(200)}, PayloadError, "billing.get: "),
        ({AUTH: moved("/welcome"), "/welcome": refused(200)}, PayloadError, "workspace: "),
        ({AUTH: moved("https://elsewhere.example.com/auth")}, PayloadError, "redirect: "),
    ],
)
def test_what_a_refused_cookie_says(
    machine: Machine, routes: dict[str, Route], kind: type[ProviderError], message: str
) -> None:
    """Where the other page gives nothing either."""
    error = failure(machine, {**ALL, ZEN_GO: Reply({}, 500), **routes}, COOKIE)
    assert (type(error), message in error.message) == (kind, True), error.message


@pytest.mark.sockets
@pytest.mark.parametrize("path", [ZEN, ZEN_GO])
def test_the_page_of_another_workspace_is_no_data(machine: Machine, path: str) -> None:
    other = "/workspace/wrk_01KFAKEOTHER"
    pages = {other: html("page_billing_go"), f"{other}/go": html("page_go")}
    routes = {**ALL, **pages, path: moved(path.replace(ZEN, other))}
    found, _ = read(machine, routes, COOKIE, {"workspace_id": WORKSPACE})
    (note,) = found.notes
    assert note.endswith(f"workspace: asked for {WORKSPACE}, answered with wrk_01KFAKEOTHER")
    assert bool(found.balances) == (path == ZEN_GO)
    assert any(quota.id == "weekly" for quota in found.quotas) == (path == ZEN)


@pytest.mark.sockets
def test_what_to_do_about_a_refused_cookie(machine: Machine) -> None:
    assert "sign in at opencode.ai again" in str(failure(machine, {**ALL, ZEN: Reply({}, 401)}, COOKIE).hint)
    assert "OPENCODE_WORKSPACE_ID" in str(failure(machine, {**ALL, ZEN: refused(404)}, COOKIE).hint)


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 404, 429])
def test_what_ends_the_session_is_not_asked_twice(machine: Machine, status: int) -> None:
    with serve({**ALL, ZEN: Reply({}, status)}) as server, pytest.raises(ProviderError):
        fetch(make_ask("opencode", machine, secret=COOKIE, base_url=server.url))
    assert server.paths() == [AUTH, ZEN]


@pytest.mark.sockets
def test_a_cookie_header_without_the_session_is_not_sent(machine: Machine) -> None:
    with serve(ALL) as server, pytest.raises(ServiceError, match="holds no cookie"):
        fetch(make_ask("opencode", machine, secret={"auth_cookie": "a=fake; b=fake"}, base_url=server.url))
    assert server.seen == []


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({}, 500), "HOST has a problem of its own (500)"),
        (Reply({}, 429), "HOST asked us to wait (429)"),
        (moved("/auth/authorize"), "OpenCode asks to sign in: the cookie has expired"),
        (refused(200), "lite.subscription.get: the page holds no windows"),
        (html("page_go_none"), "lite.subscription.get: the page holds no windows"),
    ],
)
def test_without_go_s_page_zen_is_shown(machine: Machine, reply: Reply, why: str) -> None:
    found, server = read(machine, {**ALL, ZEN_GO: reply}, COOKIE)
    assert notes(found, server) == (f"Go could not be read: {why}",)
    assert ids(found) == ["zen_monthly", "zen"]
    assert found.plan == BY_COOKIE.plan


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [html("page_go_none"), refused(200), Reply({}, 500)])
def test_nobody_misses_go_where_there_is_none(machine: Machine, reply: Reply) -> None:
    found, _ = read(machine, {**ALL, ZEN: html("page_billing_zen"), ZEN_GO: reply}, COOKIE)
    assert found == usage(now=NOW, billing=billing("zen"), workspace=WORKSPACE, source="cookie")
    assert found.balances[0].stops


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({}, 500), "HOST has a problem of its own (500)"),
        (refused(403), "HOST answered with a web page (403)"),
        (refused(200), "billing.get: the page holds no such figures"),
    ],
)
def test_without_the_billing_go_is_shown(machine: Machine, reply: Reply, why: str) -> None:
    found, server = read(machine, {**ALL, ZEN: reply}, COOKIE, {"workspace_id": WORKSPACE})
    assert notes(found, server) == (f"Zen could not be read: {why}",)
    assert (found.quotas, found.balances, found.plan) == (windows("page_go").quotas, (), BY_COOKIE.plan)


# -- Black ------------------------------------------------------------------------------------------

BLACK: dict[str, Route] = {**ALL, ZEN: html("page_billing_black"), ZEN_GO: html("page_go_none")}


@pytest.mark.sockets
def test_black(machine: Machine) -> None:
    found, server = read(machine, BLACK, COOKIE)
    assert found == usage(
        now=NOW,
        go=Subscription(),
        black=windows("server_black"),
        billing=billing("black"),
        workspace=WORKSPACE,
        source="cookie",
    )
    assert server.paths() == [AUTH, ZEN, ZEN_GO, SERVER]
    seen = server.seen[-1]
    assert parse_qs(seen.query) == {"id": [BLACK_ID], "args": [f'["{WORKSPACE}"]']}
    assert seen.headers["x-server-instance"].startswith("server-fn:")
    assert len(seen.headers["x-server-instance"]) == len("server-fn:") + 36
    names = ("cookie", "x-server-id", "origin", "referer", "accept")
    assert {name: seen.headers[name] for name in names} == {
        "cookie": f"auth={COOKIE}",
        "x-server-id": BLACK_ID,
        "origin": "https://opencode.ai",
        "referer": f"https://opencode.ai/workspace/{WORKSPACE}",
        "accept": "text/javascript, application/json;q=0.9, */*;q=0.8",
    }


@pytest.mark.sockets
def test_every_call_of_a_function_has_an_id_of_its_own(machine: Machine) -> None:
    seen = [read(machine, BLACK, COOKIE)[1].seen[-1].headers["x-server-instance"] for _ in range(2)]
    assert seen[0] != seen[1]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply({}, 404), ("server: the console no longer has this function (404)",)),
        (Reply({}, 500), ("HOST has a problem of its own (500)",)),
        (refused(200), ("subscription.get: the answer holds no windows",)),
        (html("server_none"), ()),
    ],
)
def test_without_black_s_windows_the_rest_is_shown(
    machine: Machine, reply: Reply, told: tuple[str, ...]
) -> None:
    found, server = read(machine, {**BLACK, SERVER: reply}, COOKIE)
    assert notes(found, server) == tuple(f"Black's windows could not be read: {why}" for why in told)
    assert ids(found) == ["zen_monthly", "zen"]
    assert found.plan == {"name": "Black 100", "renewsAt": None}


@pytest.mark.sockets
def test_black_is_not_asked_for_where_go_has_windows(machine: Machine) -> None:
    _, server = read(machine, {**BLACK, ZEN_GO: html("page_go")}, COOKIE)
    assert SERVER not in server.paths()


# -- with both --------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_go_with_the_key_and_the_rest_with_the_cookie(machine: Machine) -> None:
    found, server = read(machine, ALL, BOTH)
    assert (found, found.source) == (BY_BOTH, "api")
    sent = [
        (seen.path, seen.headers.get("authorization"), seen.headers.get("cookie")) for seen in server.seen
    ]
    assert sent == [
        (GO, f"Bearer {KEY}", None),
        (AUTH, None, f"auth={COOKIE}"),
        (ZEN, None, f"auth={COOKIE}"),
    ]


@pytest.mark.sockets
def test_both_in_the_environment(own_home: Path) -> None:
    machine = make_machine(own_home, {"OPENCODE_API_KEY": KEY, "OPENCODE_AUTH_COOKIE": COOKIE})
    assert read(machine, ALL, None)[0] == BY_BOTH


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "secret", "why"),
    [
        ({ZEN: Reply({}, 401)}, BOTH, "OpenCode refused the cookie (401): expired, or signed out"),
        ({AUTH: moved("/auth/authorize")}, BOTH, "OpenCode asks to sign in: the cookie has expired"),
        ({ZEN: Reply({}, 500)}, BOTH, "HOST has a problem of its own (500)"),
        ({ZEN: Reply({}, 429)}, BOTH, "HOST asked us to wait (429)"),
        ({ZEN: refused(200)}, BOTH, "billing.get: the page holds no such figures"),
        (
            {ZEN: refused(404)},
            BOTH,
            "OpenCode's console has no such workspace, or none for this cookie (404)",
        ),
        ({}, {**BOTH, "auth_cookie": "a=b; c=d"}, "the OpenCode cookie header holds no cookie `auth`"),
    ],
)
def test_a_failing_cookie_is_a_note_beside_the_key(
    machine: Machine, routes: dict[str, Route], secret: dict[str, str], why: str
) -> None:
    found, server = read(machine, {**ALL, **routes}, secret)
    assert notes(found, server) == (f"Zen could not be read: {why}",)
    assert (found.quotas, found.account, found.plan) == (BY_KEY.quotas, BY_KEY.account, BY_KEY.plan)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            recorded("error_401", 401),
            "OpenCode refused the key from the config file (401): it is wrong or was deleted",
        ),
        (NO_GO, "the key from the config file is valid, but has no Go subscription (403)"),
        (Reply({}, 500), "HOST has a problem of its own (500)"),
        (Reply({}, 429), "HOST asked us to wait (429)"),
        (Reply({}), "usage: expected an object, got nothing"),
    ],
)
def test_a_failing_key_is_a_note_beside_the_cookie(machine: Machine, reply: Reply, why: str) -> None:
    """The console knows Go's windows too."""
    found, server = read(machine, {**ALL, GO: reply}, BOTH)
    assert notes(found, server) == (f"the key could not read Go: {why}",)
    assert (found.quotas, found.balances, found.source) == (BY_COOKIE.quotas, BY_COOKIE.balances, "cookie")


@pytest.mark.sockets
def test_where_both_fail_the_key_s_failure_is_told(machine: Machine) -> None:
    error = failure(machine, {GO: Reply({}, 500), AUTH: Reply({}, 401)}, BOTH)
    assert (type(error), "(500)" in error.message) == (Unavailable, True)


@pytest.mark.sockets
@pytest.mark.parametrize("hanging", [GO, ZEN])
def test_what_hangs_costs_its_own_entries_only(machine: Machine, hanging: str) -> None:
    over = threading.Event()

    def hang(_handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**ALL, hanging: hang}) as server:
        ask = make_ask(
            "opencode",
            machine,
            secret=BOTH,
            base_url=server.url,
            given={"workspace_id": WORKSPACE},
            timeout_s=2.0,
        )
        found = fetch(ask)
        over.set()
    assert found.quotas == (BY_COOKIE.quotas if hanging == GO else BY_KEY.quotas)
    assert "did not answer in time" in found.notes[0]
    assert ask.transport.remaining() > 0


# -- a key that was only found ----------------------------------------------------------------------


def kept(home: Path, entry: str, **env: str) -> Machine:
    """A machine where OpenCode keeps this key."""
    path = home / ".local/share/opencode/auth.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"{entry}": {{"type": "api", "key": "{KEY}"}}}}', encoding="utf-8")
    return make_machine(home, env)


ONLY_ZEN = (
    "the key that OpenCode keeps has no Go, and Zen's balance no key can read: set OPENCODE_AUTH_COOKIE"
)


@pytest.mark.sockets
def test_a_zen_key_without_go_is_no_fault(own_home: Path) -> None:
    found, server = read(kept(own_home, "opencode"), {GO: NO_GO}, None)
    assert found == Usage(notes=(ONLY_ZEN,))
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.sockets
def test_a_zen_key_of_a_workspace_with_go(own_home: Path) -> None:
    assert read(kept(own_home, "opencode"), ALL, None)[0] == BY_KEY


@pytest.mark.sockets
def test_a_zen_key_without_go_beside_a_cookie(own_home: Path) -> None:
    """As though it were not there."""
    machine = kept(own_home, "opencode", OPENCODE_AUTH_COOKIE=COOKIE)
    assert read(machine, {**ALL, GO: NO_GO}, None)[0] == BY_COOKIE
    error = failure(machine, {GO: NO_GO, AUTH: Reply({}, 401)}, None)
    assert "refused the cookie" in error.message


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("entry", "env", "reply"),
    [
        ("opencode-go", {}, NO_GO),
        ("opencode", {"OPENCODE_API_KEY": KEY}, NO_GO),
        ("opencode", {}, recorded("error_401", 401)),
        ("opencode", {}, Reply({}, 403)),
    ],
)
def test_every_other_refusal_is_one(own_home: Path, entry: str, env: dict[str, str], reply: Reply) -> None:
    assert isinstance(failure(kept(own_home, entry, **env), {GO: reply}, None), AuthError)


@pytest.mark.sockets
def test_a_configured_zen_key_without_go_is_a_fault(machine: Machine) -> None:
    text = f'{{"opencode": {{"type": "api", "key": "{KEY}"}}}}'
    assert "has no Go subscription" in failure(machine, {GO: NO_GO}, text).message


# -- as a user sees it ------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock")
def test_the_document() -> None:
    with serve(ALL) as server:
        service = {"name": "opencode", "provider": "opencode", "base_url": server.url}
        credential = {part: {"value": text} for part, text in BOTH.items()}
        configure([{**service, "credential": credential, "options": {"workspace_id": WORKSPACE}}])
        outcome = run("opencode", "--json")
        table = run("opencode")
    body = outcome.document
    assert (outcome.code, table.code, body["status"], body["error"]) == (0, 0, "ok", None)
    assert (body["account"], body["plan"]["name"], body["source"]) == (WORKSPACE, "Go", "api")
    assert [quota["id"] for quota in body["quotas"]] == ["five_hour", "weekly", "monthly", "zen_monthly"]
    assert [balance["amount"] for balance in body["balances"]] == [18.75]
    assert "$18.75" in table.out
    assert "fake-" not in outcome.out + outcome.err + table.out + table.err


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock")
@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [(recorded("go_spent"), 1, "exhausted"), (recorded("error_401", 401), 3, "opencode auth login")],
)
def test_the_exit_code(reply: Reply, code: int, words: str) -> None:
    with serve({GO: reply}) as server:
        service = {"name": "opencode", "provider": "opencode", "base_url": server.url}
        configure([{**service, "credential": {"value": KEY}}])
        outcome = run("opencode")
    assert (outcome.code, words in " ".join(outcome.out.split())) == (code, True), outcome.out
    assert "fake-" not in outcome.out + outcome.err
