"""How OpenAI is asked, and what a refusal costs. With an ordinary key: test_openai_ordinary.py."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests import cli
from tests.support import NOW, Reply, Route, Seen, make_ask, make_machine, payload, serve, utc
from usagecli.errors import (
    AuthError,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine, here
from usagecli.model import Usage
from usagecli.providers._openai.usage import parse
from usagecli.providers.openai import fetch

ADMIN = "sk-admin-fake-key"
PROJECT = "proj_fake1"
COSTS, TOKENS, LIMIT = (
    "/v1/organization/costs",
    "/v1/organization/usage/completions",
    "/v1/organization/spend_limit",
)
PROJECT_LIMIT = f"/v1/organization/projects/{PROJECT}/spend_limit"
MONTH = "start_time=1793491200&end_time=1795305600&bucket_width=1d&limit=31"
RENEW = (
    "make an admin key at platform.openai.com/settings/organization/admin-keys and set it as OPENAI_ADMIN_KEY"
)
HTML = Reply(b"<!DOCTYPE html><html>sign in</html>", headers={"Content-Type": "text/html"})


def recorded(case: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(payload(f"openai/{case}"), status, headers or {})


def html(status: int) -> Reply:
    return Reply(HTML.body, status, HTML.headers)


ANSWERED: dict[str, Route] = {
    COSTS: recorded("costs"),
    TOKENS: recorded("tokens"),
    LIMIT: recorded("spend_limit"),
    PROJECT_LIMIT: recorded("spend_limit_project"),
}
WHOLE = parse(
    [payload("openai/costs")], now=NOW, tokens=[payload("openai/tokens")], limit=payload("openai/spend_limit")
)


def asked(seen: list[Seen]) -> list[tuple[str, str, str]]:
    """Method and path of every request, its query and its key."""
    return [
        (f"{one.method} {one.path}", one.query, one.headers["authorization"].removeprefix("Bearer "))
        for one in seen
    ]


def ask_of(
    routes: Mapping[str, Route], machine: Machine, secret: Any = ADMIN, **more: Any
) -> tuple[Usage, list[Seen]]:
    with serve(routes) as server:
        usage = fetch(make_ask("openai", machine, secret=secret, base_url=server.url, **more))
    return usage, server.seen


def failure(
    routes: Mapping[str, Route], machine: Machine, secret: Any = ADMIN, **more: Any
) -> tuple[ProviderError, list[Seen]]:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("openai", machine, secret=secret, base_url=server.url, **more))
    assert "fake-key" not in caught.value.message + str(caught.value.hint)
    return caught.value, server.seen


# -- what is asked, and with which key --------------------------------------------------------------


@pytest.mark.sockets
def test_an_organization(machine: Machine) -> None:
    usage, seen = ask_of(ANSWERED, machine)
    assert usage == WHOLE
    assert asked(seen) == [
        (f"GET {COSTS}", MONTH, ADMIN),
        (f"GET {TOKENS}", MONTH, ADMIN),
        (f"GET {LIMIT}", "", ADMIN),
    ]
    assert {one.headers["accept"] for one in seen} == {"application/json"}


@pytest.mark.sockets
def test_a_project(machine: Machine) -> None:
    routes = {**ANSWERED, COSTS: recorded("costs_project")}
    usage, seen = ask_of(routes, machine, given={"project_id": PROJECT})
    assert usage == parse(
        [payload("openai/costs_project")],
        now=NOW,
        project=PROJECT,
        tokens=[payload("openai/tokens")],
        limit=payload("openai/spend_limit_project"),
    )
    scoped = f"{MONTH}&project_ids={PROJECT}"
    assert asked(seen) == [
        (f"GET {COSTS}", scoped, ADMIN),
        (f"GET {TOKENS}", scoped, ADMIN),
        (f"GET {PROJECT_LIMIT}", "", ADMIN),
    ]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-11-01T00:00:00", "2026-11-01", "2026-11-02"),
        ("2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_the_month_until_the_end_of_today(own_home: Path, now: str, start: str, end: str) -> None:
    machine = make_machine(own_home, clock=lambda: utc(now))
    _, seen = ask_of(ANSWERED, machine)
    span = [int(utc(f"{day}T00:00:00").timestamp()) for day in (start, end)]
    assert seen[0].query.startswith(f"start_time={span[0]}&end_time={span[1]}&")


@pytest.mark.sockets
def test_pages_are_followed_to_the_last(machine: Machine) -> None:
    cases = {COSTS: ["first", "second", "third"], TOKENS: ["first", "second"]}
    names = {COSTS: "costs", TOKENS: "tokens"}
    pages: dict[str, Route] = {
        path: [recorded(f"{names[path]}_{case}_page") for case in found] for path, found in cases.items()
    }
    usage, seen = ask_of({**ANSWERED, **pages}, machine, given={"project_id": PROJECT})
    assert [str(entry.amount) for entry in usage.spend] == ["181.5182", "942345"]
    assert usage.notes == ()
    scoped = f"{MONTH}&project_ids={PROJECT}"
    assert [(one.path, one.query) for one in seen[:-1]] == [
        (COSTS, scoped),
        (COSTS, f"{scoped}&page=page_fake_2"),
        (COSTS, f"{scoped}&page=page_fake_3"),
        (TOKENS, scoped),
        (TOKENS, f"{scoped}&page=page_fake_2"),
    ]


def endless(path: str) -> Any:
    """A list that always names a further page."""
    count = iter(range(1000))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps({"data": [], "has_more": True, "next_page": f"p{next(count)}"}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return {**ANSWERED, path: answer}


@pytest.mark.sockets
def test_pages_without_an_end(machine: Machine) -> None:
    error, seen = failure(endless(COSTS), machine, timeout_s=60.0)
    assert (error.kind, error.message) == ("invalid_response", "has_more: there are more than 100 pages")
    assert [one.path for one in seen] == [COSTS] * 100


@pytest.mark.sockets
def test_pages_of_tokens_without_an_end_cost_the_tokens_only(machine: Machine) -> None:
    usage, _ = ask_of(endless(TOKENS), machine, timeout_s=60.0)
    assert (usage.quotas, usage.spend) == (WHOLE.quotas, WHOLE.spend[:1])
    assert usage.notes == ("the tokens could not be read: has_more: there are more than 100 pages",)


def test_the_vendor_s_own_host(own_home: Path, no_network: requests_mock.Mocker) -> None:
    own = "https://api.openai.com"
    for path, case in {COSTS: "costs", TOKENS: "tokens", LIMIT: "spend_limit"}.items():
        no_network.get(own + path, json=payload(f"openai/{case}"))
    assert fetch(make_ask("openai", make_machine(own_home, {"OPENAI_ADMIN_KEY": ADMIN}))) == WHOLE
    assert [seen.url.partition("?")[0] for seen in no_network.request_history] == [
        own + path for path in (COSTS, TOKENS, LIMIT)
    ]
    assert {seen.method for seen in no_network.request_history} == {"GET"}


@pytest.mark.sockets
@pytest.mark.parametrize("base", ["", "/v1", "/gateway/v1", "/gateway"])
@pytest.mark.parametrize("quotes", ["", '"'])
def test_base_urls_with_and_without_the_version(own_home: Path, base: str, quotes: str) -> None:
    root = base.removesuffix("/v1")
    routes = {root + path: route for path, route in ANSWERED.items()}
    with serve(routes) as server:
        url = server.url + base
        env = {"OPENAI_ADMIN_KEY": ADMIN, "OPENAI_BASE_URL": f" {quotes}{url}/{quotes} "}
        assert fetch(make_ask("openai", make_machine(own_home, env))) == WHOLE
        machine = make_machine(own_home, {**env, "OPENAI_BASE_URL": "https://gateway.example.com"})
        assert fetch(make_ask("openai", machine, base_url=url)) == WHOLE


def test_a_configured_key_does_not_follow_the_environment(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    """The variable may have been set for another program, and another vendor."""
    no_network.get(f"https://api.openai.com{COSTS}", status_code=401)
    machine = make_machine(own_home, {"OPENAI_BASE_URL": "https://gateway.example.com/v1"})
    with pytest.raises(AuthError):
        fetch(make_ask("openai", machine, secret=ADMIN))
    assert [seen.hostname for seen in no_network.request_history] == ["api.openai.com"]


@pytest.mark.parametrize(
    "url",
    ["http://gateway.example.com", "gateway", "https://u:fake-key@example.com", "https://example.com?a=b"],
)
def test_a_base_url_that_no_key_may_travel_to(own_home: Path, url: str) -> None:
    machine = make_machine(own_home, {"OPENAI_ADMIN_KEY": ADMIN, "OPENAI_BASE_URL": url})
    with pytest.raises(ServiceError, match="^OPENAI_BASE_URL ") as caught:
        fetch(make_ask("openai", machine))
    assert "fake" not in caught.value.message


@pytest.mark.parametrize("project", ["..", "proj/1", "proj 1", "p?x=1", "пр"])
def test_a_project_that_is_none(own_home: Path, project: str) -> None:
    """Nothing is asked: in a path it would lead elsewhere."""
    machine = make_machine(own_home, {"OPENAI_PROJECT_ID": project})
    with pytest.raises(ServiceError, match="^the option project_id is not the id of a project"):
        fetch(make_ask("openai", machine, secret=ADMIN))


@pytest.mark.sockets
@pytest.mark.parametrize("value", [PROJECT, f' "{PROJECT}" ', f"'{PROJECT}'"])
def test_the_project_of_the_environment(own_home: Path, value: str) -> None:
    usage, seen = ask_of(ANSWERED, make_machine(own_home, {"OPENAI_PROJECT_ID": value}))
    assert usage.account == PROJECT
    assert [one.path for one in seen] == [COSTS, TOKENS, PROJECT_LIMIT]


@pytest.mark.sockets
@pytest.mark.parametrize("value", [" ", '""'])
def test_a_blank_project_is_none(own_home: Path, value: str) -> None:
    usage, _ = ask_of(ANSWERED, make_machine(own_home, {"OPENAI_PROJECT_ID": value}))
    assert usage == WHOLE


# -- when the costs fail ----------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (recorded("error_invalid_key", 401), AuthError, r"OpenAI refused the key \(401\)", RENEW),
        (recorded("error_invalid_key", 403), AuthError, r"OpenAI refused the key \(403\)", RENEW),
        (
            recorded("error_missing_scopes", 401),
            AuthError,
            r"the OpenAI key lacks the scope api\.usage\.read \(401\)",
            RENEW,
        ),
        (
            recorded("error_missing_scopes", 403),
            AuthError,
            r"the OpenAI key lacks the scope api\.usage\.read \(403\)",
            RENEW,
        ),
        (
            recorded("error_missing_scopes_text", 403),
            AuthError,
            r"the OpenAI key lacks the scope api\.usage\.read \(403\)",
            RENEW,
        ),
        (
            Reply({"error": "Missing scopes: api.usage.read, api.limits.read."}, 403),
            AuthError,
            r"the OpenAI key lacks the scope api\.usage\.read, api\.limits\.read \(403\)",
            RENEW,
        ),
        (Reply(b"", 401), AuthError, r"OpenAI refused the key \(401\)", RENEW),
        (html(403), Unavailable, r"answered with a web page \(403\)", "check base_url, or try again later"),
        (html(404), Unavailable, r"answered with a web page \(404\)", "check base_url, or try again later"),
        (html(502), Unavailable, r"has a problem of its own \(502\)", "try again later"),
        (Reply({}, 500), Unavailable, r"has a problem of its own \(500\)", "try again later"),
        (recorded("error_not_found", 404), PayloadError, "^\\S+ answered 404", "check base_url"),
        (Reply({}, 400), PayloadError, "^\\S+ answered 400", "check base_url and the options"),
        (HTML, PayloadError, "body: .* a web page", "None"),
        (Reply(b'{"data": [{"resu'), PayloadError, "body: .* not JSON", "None"),
        (Reply(b""), PayloadError, "body: ", "None"),
        (Reply([]), PayloadError, "body: expected an object", "None"),
        (Reply({"has_more": False}), PayloadError, "data: expected a list", "None"),
        (Reply({"data": []}), PayloadError, "has_more: expected true or false", "None"),
        (Reply({"data": [], "has_more": True}), PayloadError, "next_page: ", "None"),
        (
            Reply({"data": [], "has_more": True, "next_page": "again"}),
            PayloadError,
            "next_page: there are more pages",
            "None",
        ),
        (
            Reply(b'{"data": [{"results": [{"amount": {"value": NaN}}]}], "has_more": false}'),
            PayloadError,
            "amount.value: expected a number",
            "None",
        ),
        (
            Reply(b'{"data": [{"results": [{"amount": {"value": "1e309"}}]}], "has_more": false}'),
            PayloadError,
            "amount.value: expected a number",
            "None",
        ),
    ],
)
def test_what_failing_costs_say(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str
) -> None:
    error, seen = failure({**ANSWERED, COSTS: reply}, machine)
    assert isinstance(error, kind)
    assert re.search(message, error.message)
    assert str(error.hint).startswith(hint)
    assert {one.path for one in seen} <= {COSTS, TOKENS, LIMIT}


@pytest.mark.sockets
def test_an_unknown_project_is_named(machine: Machine) -> None:
    routes = {**ANSWERED, COSTS: recorded("error_not_found", 404)}
    error, _ = failure(routes, machine, given={"project_id": PROJECT})
    assert (error.kind, error.message, error.hint) == (
        "config",
        f"OpenAI knows no project {PROJECT} (404)",
        "correct OPENAI_PROJECT_ID or the option project_id",
    )


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "retry_at"),
    [
        (recorded("error_rate_limited", 429, {"Retry-After": "90"}), "2026-11-21T08:01:30"),
        (recorded("error_rate_limited", 429), None),
        (html(429), None),
    ],
)
def test_how_long_it_asks_us_to_wait(machine: Machine, reply: Reply, retry_at: str | None) -> None:
    error, _ = failure({**ANSWERED, COSTS: reply}, machine)
    assert isinstance(error, RateLimited)
    assert error.retry_at == (utc(retry_at) if retry_at else None)


# -- when another call fails ------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (recorded("error_invalid_key", 401), "OpenAI refused the key (401)"),
        (recorded("error_missing_scopes", 403), "the OpenAI key lacks the scope api.usage.read (403)"),
        (html(403), "HOST answered with a web page (403)"),
        (html(500), "HOST has a problem of its own (500)"),
        (recorded("error_rate_limited", 429), "HOST asked us to wait (429)"),
        (HTML, "body: HOST answered with a web page"),
        (Reply([]), "body: expected an object, got a list"),
    ],
)
@pytest.mark.parametrize(
    ("path", "what", "left"),
    [
        (TOKENS, "the tokens", {"limit": payload("openai/spend_limit")}),
        (LIMIT, "the spend limit", {"tokens": [payload("openai/tokens")]}),
    ],
)
def test_a_failing_call_costs_its_own_entries_only(
    machine: Machine, reply: Reply, why: str, path: str, what: str, left: dict[str, Any]
) -> None:
    with serve({**ANSWERED, path: reply}) as server:
        usage = fetch(make_ask("openai", machine, secret=ADMIN, base_url=server.url))
    note = f"{what} could not be read: {why}".replace("HOST", server.url.removeprefix("http://"))
    assert usage == parse([payload("openai/costs")], now=NOW, notes=(note,), **left)


@pytest.mark.sockets
@pytest.mark.parametrize("project", [None, PROJECT])
def test_no_spend_limit_is_an_answer(machine: Machine, project: str | None) -> None:
    missing = recorded("error_not_found", 404)
    routes = {**ANSWERED, LIMIT: missing, PROJECT_LIMIT: missing}
    usage, _ = ask_of(routes, machine, given={"project_id": project} if project else None)
    assert (usage.quotas, usage.spend, usage.notes) == ((), WHOLE.spend, ())


@pytest.mark.sockets
def test_tokens_that_are_not_offered_are_noted(machine: Machine) -> None:
    """Unlike a spend limit, their absence says nothing."""
    usage, _ = ask_of({**ANSWERED, TOKENS: recorded("error_not_found", 404)}, machine)
    assert re.fullmatch(r"the tokens could not be read: \S+ answered 404", usage.notes[0])


@pytest.mark.sockets
def test_calls_that_hang_cost_their_own_entries_only(machine: Machine) -> None:
    """Together they never take all of the run's time: the costs are already here."""
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**ANSWERED, TOKENS: hang, LIMIT: hang}) as server:
        ask = make_ask("openai", machine, secret=ADMIN, base_url=server.url, timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert (usage.quotas, usage.spend) == ((), WHOLE.spend[:1])
    assert [note.partition(" could")[0] for note in usage.notes] == ["the tokens", "the spend limit"]
    assert all(note.endswith("did not answer in time") for note in usage.notes)
    assert ask.transport.remaining() > 0


# -- the whole way ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_a_user_sees() -> None:
    """Two services of one provider, each with its own key; and no word of a key."""
    with serve({**ANSWERED, LIMIT: recorded("spend_limit_enforcing")}) as server:
        given_: dict[str, dict[str, Any]] = {"whole": {}, "part": {"options": {"project_id": PROJECT}}}
        cli.configure(
            [
                {
                    "name": name,
                    "provider": "openai",
                    "credential": {"admin_key": {"value": f"{ADMIN}-{name}"}},
                    "base_url": server.url,
                    **more,
                }
                for name, more in given_.items()
            ]
        )
        outcome = cli.run("-v", "openai", "--json")
    whole, part = outcome.documents
    assert outcome.code == 1
    assert (whole["status"], whole["source"], whole["account"], whole["error"]) == (
        "exhausted",
        "api",
        None,
        None,
    )
    assert [quota["status"] for quota in whole["quotas"]] == ["exhausted"]
    assert (part["account"], part["quotas"][0]["scope"]) == (PROJECT, PROJECT)
    shown = "".join(str(body) for body in cli.files_below(here().cache_dir).values())
    assert "Monthly spend limit" in shown
    assert "fake-key" not in outcome.out + outcome.err + shown
