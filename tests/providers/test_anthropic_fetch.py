"""How Anthropic's Admin API is asked: where, with which key, and what a refusal costs."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, Server, make_ask, make_machine, payload, serve, utc
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
from usagecli.machine import Machine
from usagecli.model import Service, Usage
from usagecli.providers._anthropic.usage import parse
from usagecli.providers.anthropic import DESCRIPTOR, accept, fetch

ADMIN, KEY, LOGIN = "sk-ant-admin01-fake-key", "sk-ant-api03-fake-key", "sk-ant-oat01-fake-token"
OWN = "https://api.anthropic.com"
COSTS = "/v1/organizations/cost_report"
TOKENS = "/v1/organizations/usage_report/messages"
LIMITS = "/v1/organizations/spend_limits"
MEMBERS = "/v1/organizations/spend_limits/effective"
ME = "/v1/organizations/me"
MONTH = {
    "starting_at": ["2026-11-01T00:00:00Z"],
    "ending_at": ["2026-11-22T00:00:00Z"],
    "bucket_width": ["1d"],
    "limit": ["31"],
}


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"anthropic/{case}"), status, headers)


def html(status: int) -> Reply:
    return Reply(b"<!DOCTYPE html><html>edge</html>", status, {"Content-Type": "text/html"})


# What most organizations of the Console are answered; one with limits; and one of Claude Enterprise.
CONSOLE: dict[str, Route] = {
    COSTS: recorded("costs"),
    TOKENS: recorded("tokens"),
    LIMITS: recorded("error_404", 404),
    MEMBERS: recorded("error_403", 403),
    ME: recorded("organization"),
}
LIMITED: dict[str, Route] = {**CONSOLE, LIMITS: recorded("limits_unlimited")}
GROUPED: dict[str, Route] = {
    **CONSOLE,
    COSTS: [recorded("costs"), recorded("costs_by_workspace")],
    LIMITS: recorded("limits"),
}
ENTERPRISE: dict[str, Route] = {
    **CONSOLE,
    COSTS: recorded("error_403", 403),
    TOKENS: recorded("error_403", 403),
    LIMITS: recorded("limits_enterprise"),
    MEMBERS: recorded("members"),
}


def pages(*names: str) -> list[Any]:
    return [payload(f"anthropic/{name}") for name in names]


def whole(**more: Any) -> Usage:
    """What the recorded answers of a Console organization say, with some of them replaced."""
    given = {
        "costs": pages("costs"),
        "tokens": pages("tokens"),
        "organization": payload("anthropic/organization"),
    }
    return parse(now=NOW, **{**given, **more})


def read(routes: Mapping[str, Route], machine: Machine, **more: Any) -> tuple[Usage, Server]:
    with serve(routes) as server:
        usage = fetch(make_ask("anthropic", machine, secret=ADMIN, base_url=server.url, **more))
    return usage, server


def failure(routes: Mapping[str, Route], machine: Machine) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("anthropic", machine, secret=ADMIN, base_url=server.url))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "paths", "expected"),
    [
        (CONSOLE, [COSTS, TOKENS, LIMITS, MEMBERS, ME], whole()),
        (LIMITED, [COSTS, TOKENS, LIMITS, ME], whole(limits=pages("limits_unlimited"))),
        (
            GROUPED,
            [COSTS, TOKENS, LIMITS, COSTS, ME],
            whole(limits=pages("limits"), by_workspace=pages("costs_by_workspace")),
        ),
    ],
)
def test_what_an_organization_is_asked(
    machine: Machine, routes: dict[str, Route], paths: list[str], expected: Usage
) -> None:
    usage, server = read(routes, machine)
    assert server.paths() == paths
    assert usage == expected


@pytest.mark.sockets
def test_every_request_is_a_get_with_the_key_and_the_version(machine: Machine) -> None:
    _, server = read(GROUPED, machine)
    for seen in server.seen:
        assert (seen.method, seen.body) == ("GET", b"")
        assert seen.headers["x-api-key"] == ADMIN
        assert seen.headers["anthropic-version"] == "2023-06-01"
        assert seen.headers["accept"] == "application/json"
        assert "authorization" not in seen.headers
    betas = {seen.path: seen.headers.get("anthropic-beta") for seen in server.seen}
    assert betas == {COSTS: None, TOKENS: None, LIMITS: "spend-limit-reads-2026-09-26", ME: None}


@pytest.mark.sockets
def test_the_month_is_asked_by_the_day_until_the_end_of_today(machine: Machine) -> None:
    _, server = read(GROUPED, machine)
    queries = [(seen.path, parse_qs(seen.query)) for seen in server.seen]
    assert queries == [
        (COSTS, MONTH),
        (TOKENS, MONTH),
        (LIMITS, {}),
        (COSTS, {**MONTH, "group_by[]": ["workspace_id"]}),
        (ME, {}),
    ]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("now", "span"),
    [
        ("2026-12-31T23:59:59", ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")),
        ("2028-02-01T00:00:00", ("2028-02-01T00:00:00Z", "2028-02-02T00:00:00Z")),
    ],
)
def test_the_span_at_the_ends_of_a_month(own_home: Path, now: str, span: tuple[str, str]) -> None:
    _, server = read(CONSOLE, make_machine(own_home, clock=lambda: utc(now)))
    query = parse_qs(server.seen[0].query)
    assert (query["starting_at"], query["ending_at"]) == ([span[0]], [span[1]])


# -- pages ------------------------------------------------------------------------------------------


def unfinished(cursor: Any = "page_fake_2") -> Reply:
    """An empty page that another should follow."""
    return Reply({"data": [], "has_more": True, "next_page": cursor})


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "path"),
    [(CONSOLE, COSTS), (CONSOLE, TOKENS), (LIMITED, LIMITS), (ENTERPRISE, MEMBERS)],
)
def test_lists_are_read_to_their_last_page(machine: Machine, routes: dict[str, Route], path: str) -> None:
    once, server = read(routes, machine)
    route = routes[path]
    assert isinstance(route, Reply)
    usage, server = read({**routes, path: [unfinished(), route]}, machine)
    assert usage == once
    first, second = (parse_qs(seen.query) for seen in server.seen if seen.path == path)
    assert second == {**first, "page": ["page_fake_2"]}


@pytest.mark.sockets
def test_costs_of_two_pages_are_added(machine: Machine) -> None:
    usage, _ = read({**CONSOLE, COSTS: [recorded("costs_page_1"), recorded("costs_page_2")]}, machine)
    assert usage == whole(costs=pages("costs_page_1", "costs_page_2"))


# The first comes again and again.
CURSORS = [("page_fake_2", 2), ("", 1), (None, 1), (7, 1)]


@pytest.mark.sockets
@pytest.mark.parametrize(("cursor", "_"), CURSORS)
def test_costs_without_a_last_page_are_no_sum(machine: Machine, cursor: Any, _: int) -> None:
    error = failure({**CONSOLE, COSTS: unfinished(cursor)}, machine)
    assert type(error) is PayloadError
    assert error.message == "next_page: the costs have pages without an end"


@pytest.mark.sockets
@pytest.mark.parametrize(("cursor", "asked"), CURSORS)
def test_tokens_without_a_last_page_are_no_sum(machine: Machine, cursor: Any, asked: int) -> None:
    usage, server = read({**CONSOLE, TOKENS: unfinished(cursor)}, machine)
    assert server.paths().count(TOKENS) == asked
    assert usage == whole(
        tokens=None,
        notes=("the tokens could not be read: next_page: the tokens have pages without an end",),
    )


@pytest.mark.sockets
def test_pages_have_a_bound(machine: Machine) -> None:
    numbers = iter(range(10_000))

    def endless(handler: BaseHTTPRequestHandler) -> None:
        data = b'{"data": [], "has_more": true, "next_page": "page_%d"}' % next(numbers)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    with serve({**CONSOLE, COSTS: endless}) as server:
        ask = make_ask("anthropic", machine, secret=ADMIN, base_url=server.url, timeout_s=30)
        with pytest.raises(PayloadError, match="^next_page: "):
            fetch(ask)
    assert len(server.seen) == 50


# -- when the costs fail ----------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (recorded("error_401", 401), AuthError, r"Anthropic refused the key \(401\)"),
        (recorded("error_429", 429), RateLimited, "asked us to wait"),
        (recorded("error_500", 500), Unavailable, "500"),
        (recorded("error_529", 529), Unavailable, "529"),
        (html(502), Unavailable, "web page"),
        (html(403), Unavailable, r"web page \(403\)"),
        (html(401), Unavailable, r"web page \(401\)"),
        (html(200), PayloadError, "body: .* a web page"),
        (recorded("error_402", 402), PayloadError, "402"),
        (Reply(b'{"data": ['), PayloadError, "body: .* not JSON"),
        (Reply([]), PayloadError, "body: expected an object"),
        (Reply({}), PayloadError, "data: expected a list"),
    ],
)
def test_what_failing_costs_say(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str
) -> None:
    """Their failure is the report's, whatever the other calls would give."""
    error = failure({**CONSOLE, COSTS: reply}, machine)
    assert type(error) is kind
    assert re.search(message, error.message)


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_which_sort_is_needed(machine: Machine, status: int) -> None:
    refusal = recorded(f"error_{status}", status)
    error = failure(dict.fromkeys(CONSOLE, refusal), machine)
    assert isinstance(error, AuthError)
    assert "use a key that starts with sk-ant-admin" in str(error.hint)
    assert str(status) in error.message


@pytest.mark.sockets
def test_how_long_it_asks_us_to_wait(machine: Machine) -> None:
    error = failure({**CONSOLE, COSTS: recorded("error_429", 429, **{"Retry-After": "90"})}, machine)
    assert error.retry_at == utc("2026-11-21T08:01:30")


@pytest.mark.sockets
@pytest.mark.parametrize("status", [403, 404, 400])
def test_costs_that_the_key_may_not_read_are_a_note_beside_tokens(machine: Machine, status: int) -> None:
    usage, _ = read({**CONSOLE, COSTS: recorded(f"error_{status}", status)}, machine)
    assert usage.spend == whole().spend[1:]
    assert usage.account == "Example Org"
    assert len(usage.notes) == 1
    assert re.fullmatch(rf"the costs could not be read: .*{status}.*", usage.notes[0])


@pytest.mark.sockets
def test_limits_without_costs_say_how_much_is_allowed(machine: Machine) -> None:
    usage, server = read({**GROUPED, COSTS: recorded("error_403", 403)}, machine)
    assert server.paths() == [COSTS, TOKENS, LIMITS, ME]
    assert [quota.limit for quota in usage.quotas] == [200, 1000, 10]
    assert {quota.used for quota in usage.quotas} == {None}


@pytest.mark.sockets
def test_a_scoped_key_of_an_enterprise_organization(machine: Machine) -> None:
    usage, server = read(ENTERPRISE, machine)
    assert server.paths() == [COSTS, TOKENS, LIMITS, MEMBERS, ME]
    refused = "could not be read: Anthropic says that the key lacks the scope or role (403)"
    assert usage == whole(
        costs=None,
        tokens=None,
        limits=pages("limits_enterprise"),
        members=pages("members"),
        notes=(f"the costs {refused}", f"the tokens {refused}"),
    )


@pytest.mark.sockets
@pytest.mark.parametrize("status", [403, 404, 400])
def test_a_key_that_may_read_nothing_is_refused(machine: Machine, status: int) -> None:
    error = failure(dict.fromkeys(CONSOLE, recorded(f"error_{status}", status)), machine)
    assert type(error).kind == ("auth" if status == 403 else "invalid_response")
    assert str(status) in error.message
    assert error.hint


# -- when another call fails ------------------------------------------------------------------------

FAILURES = [recorded("error_429", 429), recorded("error_500", 500), html(403), html(200), Reply([])]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [recorded("error_403", 403), recorded("error_404", 404), *FAILURES])
def test_tokens_that_fail_cost_their_own_entry_only(machine: Machine, reply: Reply) -> None:
    usage, _ = read({**CONSOLE, TOKENS: reply}, machine)
    assert (usage.spend, usage.account) == (whole().spend[:1], "Example Org")
    assert len(usage.notes) == 1
    assert usage.notes[0].startswith("the tokens could not be read: ")


@pytest.mark.sockets
@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("path", [LIMITS, MEMBERS])
def test_limits_that_are_not_offered_are_nothing_to_tell(machine: Machine, path: str, status: int) -> None:
    usage, _ = read({**CONSOLE, path: recorded(f"error_{status}", status)}, machine)
    assert usage == whole()


@pytest.mark.sockets
@pytest.mark.parametrize("reply", FAILURES)
@pytest.mark.parametrize(
    ("path", "what"), [(LIMITS, "the spend limits"), (MEMBERS, "the limits of the members")]
)
def test_limits_that_fail_cost_their_own_entries_only(
    machine: Machine, path: str, what: str, reply: Reply
) -> None:
    usage, _ = read({**CONSOLE, path: reply}, machine)
    assert (usage.spend, usage.quotas, usage.account) == (whole().spend, (), "Example Org")
    assert [note.partition(" could not be read: ")[0] for note in usage.notes] == [what]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [recorded("error_403", 403), *FAILURES])
def test_costs_of_workspaces_that_fail_leave_their_use_unknown(machine: Machine, reply: Reply) -> None:
    usage, _ = read({**GROUPED, COSTS: [recorded("costs"), reply]}, machine)
    assert [quota.used is None for quota in usage.quotas] == [False, False, True]
    assert usage.notes[0].startswith("the costs of the workspaces could not be read: ")


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [recorded("error_403", 403), *FAILURES])
def test_a_name_that_fails_is_only_a_name(machine: Machine, reply: Reply) -> None:
    usage, _ = read({**CONSOLE, ME: reply}, machine)
    assert usage == whole(organization=None)


@pytest.mark.sockets
@pytest.mark.parametrize("path", [TOKENS, LIMITS, MEMBERS, ME])
def test_a_call_that_hangs_leaves_time_for_the_report(machine: Machine, path: str) -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**CONSOLE, path: hang}) as server:
        ask = make_ask("anthropic", machine, secret=ADMIN, base_url=server.url, timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert usage.spend[0] == whole().spend[0]
    assert ask.transport.remaining() > 0
    assert ["did not answer in time" in note for note in usage.notes] == [True] * (path != ME)


# -- where it is asked ------------------------------------------------------------------------------


def test_anthropic_s_own_host(own_home: Path, no_network: requests_mock.Mocker) -> None:
    for path, reply in CONSOLE.items():
        assert isinstance(reply, Reply)
        no_network.get(OWN + path, json=reply.body, status_code=reply.status)
    usage = fetch(make_ask("anthropic", make_machine(own_home, {"ANTHROPIC_ADMIN_KEY": ADMIN})))
    assert usage == whole()
    assert {seen.hostname for seen in no_network.request_history} == {"api.anthropic.com"}


@pytest.mark.sockets
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_environment_names_a_base_url_for_its_keys(own_home: Path, slash: str) -> None:
    with serve(CONSOLE) as server:
        env = {"ANTHROPIC_ADMIN_KEY": ADMIN, "ANTHROPIC_BASE_URL": server.url + slash}
        assert fetch(make_ask("anthropic", make_machine(own_home, env))) == whole()


@pytest.mark.sockets
def test_a_configured_key_or_base_url_is_not_redirected_by_the_environment(own_home: Path) -> None:
    """The variable may have been set for another program."""
    elsewhere = {"ANTHROPIC_BASE_URL": "https://gateway.example.com", "ANTHROPIC_ADMIN_KEY": ADMIN}
    with serve(CONSOLE) as server:
        fetch(make_ask("anthropic", make_machine(own_home, elsewhere), base_url=server.url))
        fetch(make_ask("anthropic", make_machine(own_home, elsewhere), base_url=server.url, secret=ADMIN))
    assert len(server.seen) == 10


def test_a_configured_key_goes_to_anthropic(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(OWN + COSTS, status_code=401, json=payload("anthropic/error_401"))
    machine = make_machine(own_home, {"ANTHROPIC_BASE_URL": "https://gateway.example.com"})
    with pytest.raises(AuthError):
        fetch(make_ask("anthropic", machine, secret=ADMIN))


@pytest.mark.parametrize(
    "url",
    ["http://gateway.example.com", "gateway", "https://u:fake@example.com", "https://example.com?a=fake"],
)
def test_a_base_url_that_no_key_may_travel_to(own_home: Path, url: str) -> None:
    env = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}
    with pytest.raises(ServiceError, match="^ANTHROPIC_BASE_URL ") as caught:
        fetch(make_ask("anthropic", make_machine(own_home, env)))
    assert "fake" not in caught.value.message


# -- where the key stands ---------------------------------------------------------------------------


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="anthropic", provider="anthropic", named=named)
    return credentials.find(registry.get("anthropic"), service, machine)


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_usual_places_in_their_order(own_home: Path, platform: str) -> None:
    """Each is taken away once it was found."""
    variables = {
        "ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-fake-1",
        "ANTHROPIC_ADMIN_API_KEY": "sk-ant-admin01-fake-2",
        "ANTHROPIC_API_KEY": "sk-ant-api03-fake-3",
    }
    for name, key in dict(variables).items():
        found = find(make_machine(own_home, variables, platform=platform), named=False)
        kind = "key" if name == "ANTHROPIC_API_KEY" else "admin"
        assert (found.secret.reveal(), found.origin, found.kind) == (key, name, kind)
        del variables[name]
    with pytest.raises(NotConfigured, match="no Anthropic API credential was found"):
        find(make_machine(own_home, platform=platform))


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [
        ("ANTHROPIC_API_KEY", ADMIN, "admin"),
        ("ANTHROPIC_API_KEY", f" {KEY}\n", "key"),
        # A personal key may be one of the Admin API: its place says so.
        ("ANTHROPIC_ADMIN_KEY", KEY, "admin"),
        ("ANTHROPIC_ADMIN_API_KEY", KEY, "admin"),
    ],
)
def test_which_sort_of_key_it_is(own_home: Path, name: str, key: str, kind: str) -> None:
    found = find(make_machine(own_home, {name: key}))
    assert (found.secret.reveal(), found.kind) == (key.strip(), kind)


@pytest.mark.parametrize("name", [place.name for place in DESCRIPTOR.places])
def test_the_login_of_a_subscription_is_not_ours(own_home: Path, name: str) -> None:
    with pytest.raises(NotConfigured, match=f"^{name} holds the login of a Claude subscription") as caught:
        find(make_machine(own_home, {name: LOGIN}))
    assert caught.value.hint == "usagecli claude reports it"
    assert find(make_machine(own_home, {name: LOGIN, "ANTHROPIC_API_KEY": KEY})).secret.reveal() == KEY


@pytest.mark.parametrize(
    ("parts", "key", "kind"),
    [
        ({"": ADMIN}, ADMIN, "admin"),
        ({"": KEY}, KEY, "key"),
        ({"": f'{{"apiKey": "{ADMIN}"}}'}, ADMIN, "admin"),
        ({"admin_key": KEY}, KEY, "admin"),
        ({"api_key": KEY}, KEY, "key"),
        ({"api_key": ADMIN}, ADMIN, "admin"),
        ({"api_key": KEY, "admin_key": ADMIN}, ADMIN, "admin"),
    ],
)
def test_a_configured_key(machine: Machine, parts: dict[str, str], key: str, kind: str) -> None:
    found = accept(parts, "the config file", machine)
    assert (found.secret.reveal(), found.origin, found.kind) == (key, "the config file", kind)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("two words", ServiceError),
        ("{}", ServiceError),
        (f'{{"apiKey": "{KEY}"', ServiceError),
        (LOGIN, NotConfigured),
    ],
)
def test_a_configured_text_without_a_key(machine: Machine, text: str, error: type[ProviderError]) -> None:
    with pytest.raises(error) as caught:
        accept({"": text}, "the config file", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)
