"""Where keys of a MiniMax plan stand, which site is asked with them, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import Reply, Route, make_ask, make_machine, payload, serve
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
from usagecli.providers._minimax.credentials import CHINA, GLOBAL, accept, where
from usagecli.providers._minimax.usage import parse
from usagecli.providers.minimax import fetch

REMAINS, OLDER = "/v1/token_plan/remains", "/v1/api/openplatform/coding_plan/remains"
KEY = "sk-cp-fake"
ANSWER = payload("minimax/percent")


def find(home: Path, env: Mapping[str, str] | None = None) -> Credential:
    service = Service(name="minimax", provider="minimax")
    return credentials.find(registry.get("minimax"), service, make_machine(home, env))


def write(home: Path, name: str, body: Any) -> Path:
    (home / ".mmx").mkdir(exist_ok=True)
    path = home / ".mmx" / name
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


# -- keys -------------------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    env = {"MINIMAX_CODING_API_KEY": "sk-cp-fake-plan", "MINIMAX_API_KEY": "sk-cp-fake-other"}
    config = write(own_home, "config.json", {"api_key": "sk-cp-fake-mmx"})
    write(own_home, "credentials.json", {"access_token": "fake-login", "expires_at": "2020-01-01T00:00:00Z"})
    seen = [find(own_home, env), find(own_home, {"MINIMAX_API_KEY": "sk-cp-fake-other"}), find(own_home)]
    config.unlink()
    seen.append(find(own_home))
    assert [(found.secret.reveal(), found.kind) for found in seen] == [
        ("sk-cp-fake-plan", "key"),
        ("sk-cp-fake-other", "key"),
        ("sk-cp-fake-mmx", "key"),
        ("fake-login", "oauth"),
    ]


def test_a_pay_as_you_go_key_hides_no_other(own_home: Path) -> None:
    standard = {"MINIMAX_API_KEY": "sk-api-fake"}
    with pytest.raises(NotConfigured, match="pay-as-you-go key") as caught:
        find(own_home, standard)
    assert caught.value.hint == "set MINIMAX_CODING_API_KEY to a Token Plan's key (sk-cp-...)"
    write(own_home, "config.json", {"api_key": KEY})
    assert find(own_home, standard).secret.reveal() == KEY


@pytest.mark.parametrize("body", ["", " ", "{}", '{"api_key": " "}', '{"api_key": 7}'])
def test_a_file_without_a_key(own_home: Path, body: str) -> None:
    write(own_home, "config.json", body)
    with pytest.raises(NotConfigured, match="^no MiniMax credential was found"):
        find(own_home)


def test_a_broken_file_shows_none_of_it(own_home: Path) -> None:
    write(own_home, "credentials.json", '{"access_token": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(own_home)
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (KEY, "key", KEY),
        (json.dumps({"api_key": KEY, "region": "cn"}), "key", KEY),
        (json.dumps({"access_token": "fake-login"}), "oauth", "fake-login"),
    ],
)
def test_what_may_be_configured(machine: Machine, text: str, kind: str, secret: str) -> None:
    found = accept({"": text}, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, secret)


def test_a_configured_text_without_a_key(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds no key of MiniMax$"):
        accept({"": "{}"}, "x", machine)


# -- which site -------------------------------------------------------------------------------------

GATE = "https://gate.example.com"


@pytest.mark.parametrize(
    ("env", "config", "region", "url"),
    [
        ({}, {}, GLOBAL, "https://api.minimax.io"),
        ({"MINIMAX_REGION": "cn"}, {}, CHINA, "https://api.minimaxi.com"),
        ({"MINIMAX_REGION": "CN"}, {}, CHINA, "https://api.minimaxi.com"),
        ({"MINIMAX_REGION": "global"}, {"region": "cn"}, GLOBAL, "https://api.minimax.io"),
        ({}, {"region": "cn"}, CHINA, "https://api.minimaxi.com"),
        ({}, {"region": "cn", "base_url": GATE}, CHINA, GATE),
        ({}, {"base_url": "https://www.minimaxi.com/"}, CHINA, "https://www.minimaxi.com"),
        ({"MINIMAX_BASE_URL": GATE}, {"region": "cn"}, GLOBAL, GATE),
        ({"MINIMAX_BASE_URL": GATE, "MINIMAX_REGION": "cn"}, {}, CHINA, GATE),
        ({"MINIMAX_REGION": "cn"}, {"base_url": GATE}, CHINA, "https://api.minimaxi.com"),
        ({}, "{broken", GLOBAL, "https://api.minimax.io"),
    ],
)
def test_the_site_of_the_machine(own_home: Path, env: Any, config: Any, region: Any, url: str) -> None:
    write(own_home, "config.json", config)
    ask = make_ask("minimax", make_machine(own_home, {"MINIMAX_CODING_API_KEY": KEY, **env}))
    assert where(ask) == (region, url)


@pytest.mark.parametrize(
    ("given", "base_url", "expected"),
    [
        ({}, None, (GLOBAL, GLOBAL.base_url)),
        ({"region": "cn"}, None, (CHINA, CHINA.base_url)),
        ({"region": "cn"}, GATE, (CHINA, GATE)),
        ({}, CHINA.base_url, (CHINA, CHINA.base_url)),
        ({}, GATE, (GLOBAL, GATE)),
    ],
)
def test_the_site_of_a_service(own_home: Path, given: Any, base_url: Any, expected: Any) -> None:
    """What mmx is set up for is not what a configured key belongs to."""
    write(own_home, "config.json", {"region": "cn", "base_url": "https://other.example.com"})
    machine = make_machine(own_home, {"MINIMAX_BASE_URL": "https://env.example.com"})
    assert where(make_ask("minimax", machine, secret=KEY, given=given, base_url=base_url)) == expected


def test_a_service_s_own_region_goes_before_the_machine_s(own_home: Path) -> None:
    env = {"MINIMAX_CODING_API_KEY": KEY, "MINIMAX_BASE_URL": GATE}
    ask = make_ask("minimax", make_machine(own_home, env), given={"region": "cn"})
    assert where(ask) == (CHINA, CHINA.base_url)


@pytest.mark.parametrize(
    ("env", "config", "message"),
    [
        ({"MINIMAX_REGION": "moon"}, {}, "the region of MiniMax is neither global nor cn"),
        ({}, {"region": "moon"}, "the region of MiniMax is neither global nor cn"),
        ({"MINIMAX_BASE_URL": "http://gate.example.com"}, {}, "^MINIMAX_BASE_URL must be https"),
        ({}, {"base_url": "http://gate.example.com"}, "^base_url of ~/.mmx/config.json must be https"),
    ],
)
def test_a_site_that_no_key_is_sent_to(own_home: Path, env: Any, config: Any, message: str) -> None:
    write(own_home, "config.json", config)
    ask = make_ask("minimax", make_machine(own_home, {"MINIMAX_CODING_API_KEY": KEY, **env}))
    with pytest.raises(ServiceError, match=message):
        fetch(ask)


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    with serve({REMAINS: Reply(ANSWER)}) as server:
        usage = fetch(make_ask("minimax", machine, secret=KEY, base_url=server.url))
    assert usage == parse(ANSWER, region=GLOBAL)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", REMAINS, "")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert "referer" not in seen.headers


@pytest.mark.sockets
@pytest.mark.parametrize(("region", "domain"), [("global", "minimax.io"), ("cn", "minimaxi.com")])
def test_an_older_server_is_asked_by_the_older_path(machine: Machine, region: str, domain: str) -> None:
    with serve({OLDER: Reply(payload("minimax/older"))}) as server:
        ask = make_ask("minimax", machine, secret=KEY, base_url=server.url, given={"region": region})
        usage = fetch(ask)
    assert [quota.id for quota in usage.quotas] == ["MiniMax-M2:interval"]
    assert server.paths() == [REMAINS, OLDER]
    assert server.seen[1].headers["referer"] == f"https://platform.{domain}/"
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(("region", "host"), [(None, "api.minimax.io"), ("cn", "api.minimaxi.com")])
def test_only_the_configured_host_is_asked(
    machine: Machine, no_network: requests_mock.Mocker, region: str | None, host: str
) -> None:
    no_network.get(f"https://{host}{REMAINS}", json=payload("minimax/wrong_key"))
    given = {"region": region} if region else None
    with pytest.raises(AuthError, match="1004"):
        fetch(make_ask("minimax", machine, secret=KEY, given=given))
    assert no_network.call_count == 1


@pytest.mark.sockets
def test_a_login_s_report_says_so(own_home: Path) -> None:
    write(own_home, "credentials.json", {"access_token": "fake-login"})
    with serve({REMAINS: Reply(ANSWER)}) as server:
        usage = fetch(make_ask("minimax", make_machine(own_home), base_url=server.url))
    assert usage.source == "oauth"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "kind", "message"),
    [
        ({REMAINS: Reply({}, 401)}, AuthError, r"MiniMax refused the key \(401\)"),
        ({REMAINS: Reply({}, 403)}, AuthError, r"MiniMax refused the key \(403\)"),
        ({REMAINS: Reply({}, 429)}, RateLimited, "asked us to wait"),
        ({REMAINS: Reply({}, 500)}, Unavailable, "has a problem of its own"),
        ({REMAINS: Reply(b"no")}, PayloadError, "something that is not JSON"),
        ({}, PayloadError, "does not know the usage of a plan"),
        ({OLDER: Reply({}, 401)}, AuthError, r"MiniMax refused the key \(401\)"),
        ({OLDER: Reply({}, 500)}, Unavailable, "has a problem of its own"),
    ],
)
def test_failures(
    machine: Machine, routes: dict[str, Route], kind: type[ProviderError], message: str
) -> None:
    with serve(routes) as server, pytest.raises(ProviderError, match=message) as caught:
        fetch(make_ask("minimax", machine, secret=KEY, base_url=server.url))
    assert caught.value.kind == kind.kind
    if kind is AuthError:
        assert "set the option region: cn" in str(caught.value.hint)
