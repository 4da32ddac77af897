"""Grok's login, and how it is asked with it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.cli import run
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
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._grok.credentials import accept
from usagecli.providers._grok.usage import parse
from usagecli.providers.grok import fetch
from usagecli.services import discover

BILLING, SETTINGS = "/v1/billing", "/v1/settings"
ROUTES: dict[str, Route] = {
    BILLING: Reply(payload("grok/weekly")),
    SETTINGS: Reply(payload("grok/settings")),
}
OIDC = "https://auth.x.ai::b1a00492-073a-47ea-816f-4c329264a828"
OTHER_OIDC = "https://auth.x.ai::another-client"
OLDER = "https://accounts.x.ai/sign-in"


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"key": f"fake-{name}", "email": f"{name}@example.com", "refresh_token": "fake-refresh", **more}


def write_login(folder: Path, body: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "auth.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def write_log(folder: Path) -> None:
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "unified.jsonl").write_bytes((PAYLOADS / "grok" / "unified.jsonl").read_bytes())


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("grok"), Service(name="grok", provider="grok"), machine)


# -- the login --------------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    env = {"GROK_OAUTH_TOKEN": "fake-of-env"}
    folder = own_home / ".grok"
    write_log(folder)
    path = write_login(folder, {OIDC: entry("ada", user_id="u-1")})
    found = find(make_machine(own_home, env))
    assert (found.secret.reveal(), found.origin) == ("fake-of-env", "GROK_OAUTH_TOKEN")
    found = find(make_machine(own_home))
    assert (found.secret.reveal(), found.account_id, found.facts) == (
        "fake-ada",
        "u-1",
        {"email": "ada@example.com"},
    )
    assert found.origin == os.path.join("~", ".grok", "auth.json")
    path.unlink()
    assert find(make_machine(own_home)).kind == "log"


def test_the_folder_may_be_elsewhere(own_home: Path) -> None:
    write_login(own_home / "own", {OIDC: entry("ada")})
    machine = make_machine(own_home, {"GROK_HOME": str(own_home / "own")}, platform="win32")
    assert find(machine).account_id == "ada@example.com"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({OLDER: entry("older"), OIDC: entry("newer")}, "fake-newer"),
        ({OLDER: entry("older"), OIDC: entry("x", key=" ")}, "fake-older"),
        ({OTHER_OIDC: entry("other"), OIDC: entry("own")}, "fake-own"),
        ({OTHER_OIDC: entry("other"), OLDER: entry("older")}, "fake-other"),
        ({OTHER_OIDC: "odd", OLDER: entry("older")}, "fake-older"),
        # Its own date says that it is over: it is tried all the same.
        ({OIDC: entry("old", expires_at="2020-01-01T00:00:00Z")}, "fake-old"),
    ],
)
def test_which_entry_counts(own_home: Path, body: Any, key: str) -> None:
    write_login(own_home / ".grok", body)
    found = find(make_machine(own_home))
    name = key.removeprefix("fake-")
    assert (found.secret.reveal(), found.facts) == (key, {"email": f"{name}@example.com"})


@pytest.mark.parametrize(
    "body", [{}, {OIDC: {}}, {OIDC: None}, {OIDC: entry("x", key=7)}, {"https://example.com": entry("x")}]
)
def test_a_file_without_a_login(own_home: Path, body: Any) -> None:
    write_login(own_home / ".grok", body)
    with pytest.raises(NotConfigured, match=r"holds no login of Grok$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "run: grok login"


def test_a_team_has_no_usage_not_even_in_the_log(own_home: Path) -> None:
    write_log(own_home / ".grok")
    write_login(own_home / ".grok", {OIDC: entry("ada", principal_type="team")})
    with pytest.raises(NotConfigured, match="team accounts"):
        find(make_machine(own_home))


def test_a_broken_file_shows_none_of_it(own_home: Path) -> None:
    write_login(own_home / ".grok", '{"fake-key')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message


def test_what_may_be_configured(machine: Machine) -> None:
    assert accept({"": "fake-token"}, "x", machine).secret.reveal() == "fake-token"
    text = json.dumps({OIDC: entry("ada")})
    assert accept({"": text}, "x", machine).secret.reveal() == "fake-ada"


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked(own_home: Path) -> None:
    write_login(own_home / ".grok", {OIDC: entry("ada")})
    with serve(ROUTES) as server:
        usage = fetch(make_ask("grok", make_machine(own_home), base_url=server.url))
    assert usage == parse(
        payload("grok/weekly"), settings=payload("grok/settings"), account="ada@example.com"
    )
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", BILLING, "format=credits"),
        ("GET", SETTINGS, ""),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == "Bearer fake-ada"
        assert seen.headers["x-xai-token-auth"] == "xai-grok-cli"
        assert seen.headers["accept"] == "application/json"


def test_the_host(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get("https://cli-chat-proxy.grok.com/v1/billing", json=payload("grok/weekly"))
    no_network.get("https://cli-chat-proxy.grok.com/v1/settings", status_code=500)
    assert fetch(make_ask("grok", machine, secret="fake-token")).plan is None


@pytest.mark.sockets
@pytest.mark.parametrize("tail", ["", "/v1"])
def test_grok_s_own_variable_names_another_host(own_home: Path, tail: str) -> None:
    with serve(ROUTES) as server:
        env = {"GROK_OAUTH_TOKEN": "fake", "GROK_CLI_CHAT_PROXY_BASE_URL": server.url + tail}
        fetch(make_ask("grok", make_machine(own_home, env)))
    assert server.paths() == [BILLING, SETTINGS]


def test_the_token_goes_nowhere_in_the_clear(own_home: Path) -> None:
    env = {"GROK_OAUTH_TOKEN": "fake", "GROK_CLI_CHAT_PROXY_BASE_URL": "http://proxy.example.com"}
    with pytest.raises(ServiceError, match="^GROK_CLI_CHAT_PROXY_BASE_URL must be https"):
        fetch(make_ask("grok", make_machine(own_home, env)))


def failure(
    machine: Machine, routes: Mapping[str, Route], secret: str | None = "fake-token"
) -> ProviderError:
    with serve({**ROUTES, **routes}) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("grok", machine, secret=secret, base_url=server.url, timeout_s=8))
    return caught.value


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({}, 401), AuthError),
        (Reply({}, 403), AuthError),
        (Reply({}, 429), RateLimited),
        (Reply({}, 503), Unavailable),
        (Reply({"config": None}), PayloadError),
    ],
)
def test_refusals(machine: Machine, reply: Reply, kind: type[ProviderError]) -> None:
    error = failure(machine, {BILLING: reply})
    assert type(error) is kind
    if kind is AuthError:
        assert (error.message, error.hint) == (f"Grok refused the login ({reply.status})", "run: grok login")


@pytest.mark.sockets
def test_a_key_of_the_other_product(machine: Machine) -> None:
    error = failure(machine, {BILLING: Reply({}, 401)}, "xai-fake")
    assert error.message == "Grok refused a key of the xAI API (401)"


@pytest.mark.sockets
@pytest.mark.parametrize("settings", [Reply({}, 500), Reply(b"<html>"), Reply([1])])
def test_the_report_stands_without_the_settings(machine: Machine, settings: Reply) -> None:
    with serve({**ROUTES, SETTINGS: settings}) as server:
        usage = fetch(make_ask("grok", machine, secret="fake-token", base_url=server.url))
    assert usage == parse(payload("grok/weekly"))


@pytest.mark.sockets
def test_a_login_that_grok_renewed_meanwhile(own_home: Path) -> None:
    write_login(own_home / ".grok", {OIDC: entry("old")})
    routes = {**ROUTES, BILLING: [Reply({}, 401), Reply(payload("grok/weekly"))]}
    with serve(routes) as server:
        ask = make_ask("grok", make_machine(own_home), base_url=server.url)
        write_login(own_home / ".grok", {OIDC: entry("new")})
        usage = fetch(ask)
    assert usage.account == "new@example.com"
    assert [seen.headers["authorization"] for seen in server.seen] == [
        "Bearer fake-old",
        "Bearer fake-new",
        "Bearer fake-new",
    ]


@pytest.mark.usefixtures("fixed_clock")
def test_a_log_alone_is_reported_with_its_age(own_home: Path) -> None:
    write_log(own_home / ".grok")
    document = run("grok", "--json").document
    assert (document["source"], document["fetchedAt"], document["account"]) == (
        "local",
        "2026-11-20T10:11:12Z",
        None,
    )
    assert document["quotas"][0]["percentUsed"] == 61.5


def test_a_log_of_a_period_that_is_over_is_no_reason_to_report_grok(own_home: Path) -> None:
    write_log(own_home / ".grok")
    machine = make_machine(own_home, clock=lambda: utc("2026-11-25T00:00:00"))
    assert discover(machine) == []
    with pytest.raises(NotConfigured, match="are of 2026-11-20, of a period that is over$") as caught:
        find(machine)
    assert caught.value.hint == "use grok once, or sign in: grok login"


def test_a_log_without_an_answer_is_no_login(own_home: Path) -> None:
    write_log(own_home / ".grok")
    (own_home / ".grok" / "logs" / "unified.jsonl").write_text('{"msg": "start"}\n', encoding="utf-8")
    with pytest.raises(NotConfigured, match="^no Grok credential was found"):
        find(make_machine(own_home))


def test_a_log_that_cannot_be_read_is_seen_to_fail(own_home: Path) -> None:
    write_log(own_home / ".grok")
    path = own_home / ".grok" / "logs" / "unified.jsonl"
    path.write_bytes(path.read_bytes().replace(b"61.5", b'"many"'))
    with pytest.raises(PayloadError, match="^creditUsagePercent: "):
        fetch(make_ask("grok", make_machine(own_home)))
