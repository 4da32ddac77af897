"""Kimi's keys and logins, and how its three endpoints are asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, Server, make_ask, make_machine, payload, serve
from tests.vscode import jwt
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
from usagecli.providers._kimi import platform
from usagecli.providers._kimi.code import as_usages, parse, with_balance
from usagecli.providers._kimi.credentials import accept
from usagecli.providers.kimi import fetch

USAGES, BALANCE = "/usages", "/v1/users/me/balance"
CONSOLE = "/apiv2/kimi.gateway.billing.v1.BillingService/GetUsages"
STATS = "/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats"
ROUTES: dict[str, Route] = {
    USAGES: Reply(payload("kimi/counts")),
    CONSOLE: Reply(payload("kimi/console")),
    STATS: Reply(payload("kimi/stats")),
    BALANCE: Reply(payload("kimi/balance")),
}
KEY, PLATFORM_KEY = "sk-kimi-fake", "sk-fake"
OWN = "https://api.kimi.com/coding/v1/usages"
COOKIE = jwt(device_id="d-1", ssid="s-1", sub="u-1")
OPEN_PLATFORM = platform.parse(payload("kimi/balance"), unit="usd")


def find(machine: Machine, **more: Any) -> Credential:
    return credentials.find(registry.get("kimi"), Service(name="kimi", provider="kimi", **more), machine)


def write_login(folder: Path, token: Any) -> Path:
    path = folder / "credentials" / "kimi-code.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"access_token": token, "refresh_token": "fake-refresh", "expires_at": 1600000000.5}
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


# -- keys and logins --------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    names = ("KIMI_CODE_API_KEY", "KIMI_API_KEY", "KIMI_AUTH_TOKEN", "MOONSHOT_API_KEY", "MOONSHOT_KEY")
    env = {name: f"fake-{name}" for name in names}
    newer = write_login(own_home / ".kimi-code", "fake-newer")
    older = write_login(own_home / ".kimi", "fake-older")
    seen = []
    for gone in (
        lambda: env.pop("KIMI_CODE_API_KEY"),
        lambda: env.pop("KIMI_API_KEY"),
        newer.unlink,
        older.unlink,
        lambda: env.pop("KIMI_AUTH_TOKEN"),
        lambda: env.pop("MOONSHOT_API_KEY"),
        lambda: env.pop("MOONSHOT_KEY"),
    ):
        found = find(make_machine(own_home, env))
        others = [secret.reveal() for secret in found.others.values()]
        seen.append((found.kind, found.secret.reveal(), others))
        gone()
    beside = ["fake-MOONSHOT_API_KEY"]
    assert seen == [
        ("code_key", "fake-KIMI_CODE_API_KEY", beside),
        ("code_key", "fake-KIMI_API_KEY", beside),
        ("login", "fake-newer", beside),
        ("login", "fake-older", beside),
        ("auth_token", "fake-KIMI_AUTH_TOKEN", beside),
        ("platform_key", "fake-MOONSHOT_API_KEY", []),
        ("platform_key", "fake-MOONSHOT_KEY", []),
    ]
    with pytest.raises(NotConfigured, match="^no Kimi credential was found"):
        find(make_machine(own_home, env))


@pytest.mark.parametrize("platform_", ["linux", "darwin", "win32"])
@pytest.mark.parametrize(
    ("variable", "usual"), [("KIMI_CODE_HOME", ".kimi-code"), ("KIMI_SHARE_DIR", ".kimi")]
)
def test_logins_stand_alike_on_every_system(
    own_home: Path, platform_: str, variable: str, usual: str
) -> None:
    write_login(own_home / usual, jwt(sub="u-1"))
    found = find(make_machine(own_home, platform=platform_))
    assert (found.kind, found.account_id) == ("login", "u-1")
    write_login(own_home / "own", "fake-own")
    machine = make_machine(own_home, {variable: str(own_home / "own")}, platform=platform_)
    assert find(machine).secret.reveal() == "fake-own"


@pytest.mark.parametrize("token", [None, "", " ", 7])
def test_a_login_without_a_token(own_home: Path, token: Any) -> None:
    write_login(own_home / ".kimi-code", token)
    with pytest.raises(NotConfigured, match="holds no login of Kimi Code$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "run `kimi` once, or `/login` in it"


@pytest.mark.parametrize(
    ("base_url", "is_served"),
    [
        ("https://api.kimi.com/coding/v1", True),
        ("https://api.kimi.ai/coding/v1", True),
        ("https://gateway.example.com", False),
        ("https://api.kimi.com.example.com", False),
        ("http://127.0.0.1:8000", False),
    ],
)
def test_a_login_goes_to_kimi_only(own_home: Path, base_url: str, is_served: bool) -> None:
    write_login(own_home / ".kimi-code", "fake")
    if is_served:
        assert find(make_machine(own_home), base_url=base_url).kind == "login"
    else:
        with pytest.raises(NotConfigured):
            find(make_machine(own_home), base_url=base_url)


@pytest.mark.parametrize(
    ("parts", "origin", "kind", "secret", "beside"),
    [
        ({"": KEY}, "x", "code_key", KEY, []),
        ({"": "fake-of-any-form"}, "x", "code_key", "fake-of-any-form", []),
        ({"": PLATFORM_KEY}, "x", "platform_key", PLATFORM_KEY, []),
        ({"": "fake-of-any-form"}, "env MOONSHOT_API_KEY", "platform_key", "fake-of-any-form", []),
        ({"": COOKIE}, "x", "auth_token", COOKIE, []),
        ({"": f"Cookie: a=b; kimi-auth={COOKIE}; c=d"}, "x", "auth_token", COOKIE, []),
        ({"": f"kimi-auth={COOKIE}"}, "x", "auth_token", COOKIE, []),
        ({"": '{"access_token": "fake"}'}, "x", "login", "fake", []),
        ({"code_key": KEY, "platform_key": PLATFORM_KEY}, "x", "code_key", KEY, [PLATFORM_KEY]),
        ({"auth_token": COOKIE, "platform_key": PLATFORM_KEY}, "x", "auth_token", COOKIE, [PLATFORM_KEY]),
        ({"": KEY, "platform_key": PLATFORM_KEY}, "x", "code_key", KEY, [PLATFORM_KEY]),
        ({"platform_key": PLATFORM_KEY}, "x", "platform_key", PLATFORM_KEY, []),
    ],
)
def test_what_may_be_configured(
    machine: Machine, parts: dict[str, str], origin: str, kind: str, secret: str, beside: list[str]
) -> None:
    found = accept(parts, origin, machine)
    others = [other.reveal() for other in found.others.values()]
    assert (found.kind, found.secret.reveal(), others) == (kind, secret, beside)


def test_a_header_without_the_cookie(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds no cookie kimi-auth$"):
        accept({"": "Cookie: theme=dark"}, "x", machine)


# -- asking -----------------------------------------------------------------------------------------


def read(
    machine: Machine, secret: str | Mapping[str, str], routes: Mapping[str, Route] = ROUTES
) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("kimi", machine, secret=secret, base_url=server.url)), server


@pytest.mark.sockets
def test_a_key(machine: Machine) -> None:
    usage, server = read(machine, KEY)
    assert usage == parse(payload("kimi/counts"), now=NOW)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", USAGES, "")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["accept"] == "application/json"


@pytest.mark.sockets
def test_a_cookie(machine: Machine) -> None:
    usage, server = read(machine, COOKIE)
    expected = as_usages(payload("kimi/console"), payload("kimi/stats"))
    assert usage == parse(expected, now=NOW, source="cookie")
    assert [(seen.method, seen.path, seen.json()) for seen in server.seen] == [
        ("POST", CONSOLE, {"scope": ["FEATURE_CODING"]}),
        ("POST", STATS, {}),
    ]
    for seen in server.seen:
        sent = {name: seen.headers.get(name) for name in SENT}
        assert sent == SENT


SENT = {
    "authorization": f"Bearer {COOKIE}",
    "cookie": f"kimi-auth={COOKIE}",
    "content-type": "application/json",
    "origin": "https://www.kimi.com",
    "referer": "https://www.kimi.com/code/console",
    "connect-protocol-version": "1",
    "x-msh-platform": "web",
    "x-language": "en-US",
    "x-msh-device-id": "d-1",
    "x-msh-session-id": "s-1",
    "x-traffic-id": "u-1",
}


@pytest.mark.sockets
def test_a_cookie_that_names_nobody(machine: Machine) -> None:
    _, server = read(machine, {"auth_token": "fake-cookie"})
    assert not [name for name in server.seen[0].headers if name in ("x-traffic-id", "x-msh-device-id")]


@pytest.mark.sockets
def test_the_console_without_the_pools_is_a_note(machine: Machine) -> None:
    usage, _ = read(machine, COOKIE, {**ROUTES, STATS: Reply({}, 500)})
    (note,) = usage.notes
    assert note.startswith("the membership's pools could not be read: 127.0.0.1:")
    assert usage.quotas == parse(as_usages(payload("kimi/console")), now=NOW).quotas


@pytest.mark.sockets
def test_the_open_platform_alone(machine: Machine) -> None:
    usage, server = read(machine, PLATFORM_KEY)
    assert usage == OPEN_PLATFORM
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.headers["authorization"]) == (
        "GET",
        BALANCE,
        f"Bearer {PLATFORM_KEY}",
    )


def test_the_hosts(own_home: Path, no_network: requests_mock.Mocker) -> None:
    """Each key goes to its own, a login never to an override."""
    no_network.get(OWN, json=payload("kimi/counts"))
    no_network.get(f"https://api.moonshot.ai{BALANCE}", json=payload("kimi/balance"))
    no_network.post(f"https://www.kimi.com{CONSOLE}", json=payload("kimi/console"))
    no_network.post(f"https://www.kimi.com{STATS}", json=payload("kimi/stats"))
    write_login(own_home / ".kimi-code", "fake-login")
    override = {"KIMI_CODE_BASE_URL": "https://gateway.example.com"}
    machine = make_machine(own_home, {"MOONSHOT_API_KEY": PLATFORM_KEY, **override})
    usage = fetch(make_ask("kimi", machine))
    assert usage == with_balance(parse(payload("kimi/counts"), now=NOW, source="oauth"), OPEN_PLATFORM)
    fetch(make_ask("kimi", machine, secret=COOKIE))
    sent = [
        (r.hostname, r.headers["Authorization"].removeprefix("Bearer ")) for r in no_network.request_history
    ]
    assert sent == [
        ("api.kimi.com", "fake-login"),
        ("api.moonshot.ai", PLATFORM_KEY),
        ("www.kimi.com", COOKIE),
        ("www.kimi.com", COOKIE),
    ]


def test_a_key_goes_to_the_override(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get("https://gateway.example.com/kimi/usages", json=payload("kimi/counts"))
    env = {"KIMI_CODE_API_KEY": KEY, "KIMI_CODE_BASE_URL": "https://gateway.example.com/kimi/"}
    assert fetch(make_ask("kimi", make_machine(own_home, env))).quotas


def test_a_configured_login_is_not_sent_elsewhere(machine: Machine) -> None:
    ask = make_ask("kimi", machine, secret='{"access_token": "fake"}', base_url="https://gateway.example.com")
    with pytest.raises(ServiceError, match="^the login of kimi goes to Kimi's own hosts only"):
        fetch(ask)


@pytest.mark.parametrize(
    ("env", "base_url", "host", "unit"),
    [
        ({}, None, "api.moonshot.ai", "usd"),
        ({"MOONSHOT_REGION": "international"}, None, "api.moonshot.ai", "usd"),
        ({"MOONSHOT_REGION": "china"}, None, "api.moonshot.cn", "cny"),
        ({}, "https://api.moonshot.cn/v1", "api.moonshot.cn", "cny"),
    ],
)
def test_the_region_says_host_and_currency(
    own_home: Path,
    no_network: requests_mock.Mocker,
    env: dict[str, str],
    base_url: str | None,
    host: str,
    unit: str,
) -> None:
    no_network.get(f"https://{host}{BALANCE}", json=payload("kimi/balance"))
    machine = make_machine(own_home, {"MOONSHOT_API_KEY": PLATFORM_KEY, **env})
    usage = fetch(make_ask("kimi", machine, base_url=base_url))
    assert usage == platform.parse(payload("kimi/balance"), unit=unit)


def test_an_unknown_region(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^the option region is none of international and china$"):
        fetch(make_ask("kimi", machine, secret=PLATFORM_KEY, given={"region": "mars"}))


def test_a_failing_balance_beside_kimi_code_is_left_out(
    machine: Machine, no_network: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    no_network.get(OWN, json=payload("kimi/counts"))
    no_network.get(f"https://api.moonshot.ai{BALANCE}", status_code=401)
    usage = fetch(make_ask("kimi", machine, secret={"code_key": KEY, "platform_key": PLATFORM_KEY}))
    note = "the Open Platform's balance could not be read: the Kimi Open Platform refused the key (401)"
    assert usage == parse(payload("kimi/counts"), now=NOW, notes=(note,))
    assert capsys.readouterr().err == f"Warning: kimi: {note}\n"


def test_a_failure_of_kimi_code_is_the_service_s(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get(OWN, status_code=401)
    with pytest.raises(AuthError):
        fetch(make_ask("kimi", machine, secret={"code_key": KEY, "platform_key": PLATFORM_KEY}))
    assert len(no_network.request_history) == 1


# -- refusals ---------------------------------------------------------------------------------------


def failure(machine: Machine, secret: Any, reply: Reply) -> ProviderError:
    routes = dict.fromkeys(ROUTES, reply)
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("kimi", machine, secret=secret, base_url=server.url, timeout_s=8))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "reply", "kind", "message"),
    [
        (KEY, Reply({}, 401), AuthError, "Kimi Code refused the key (401)"),
        (KEY, Reply({}, 403), AuthError, "no membership, or the key is one of the Open Platform"),
        (KEY, Reply({}, 404), ServiceError, "is no endpoint of Kimi Code (404)"),
        (KEY, Reply({}, 429), RateLimited, "(429)"),
        (KEY, Reply({}, 503), Unavailable, "(503)"),
        (KEY, Reply({"user": {}}), PayloadError, "usage: "),
        (COOKIE, Reply({}, 401), AuthError, "Kimi refused the cookie (401)"),
        (COOKIE, Reply({"usages": {}}), PayloadError, "usages: "),
        (PLATFORM_KEY, Reply({}, 401), AuthError, "the Kimi Open Platform refused the key (401)"),
        (PLATFORM_KEY, Reply({"code": 9}), Unavailable, "tells no balance (code 9)"),
        (PLATFORM_KEY, Reply({}, 429), RateLimited, "(429)"),
        (PLATFORM_KEY, Reply({}, 500), Unavailable, "(500)"),
    ],
)
def test_refusals(
    machine: Machine, secret: str, reply: Reply, kind: type[ProviderError], message: str
) -> None:
    error = failure(machine, secret, reply)
    assert (type(error), message in error.message) == (kind, True), error.message
    if kind is AuthError:
        assert error.hint


@pytest.mark.sockets
def test_a_refused_platform_key_may_be_of_the_other_region(machine: Machine) -> None:
    hint = str(failure(machine, PLATFORM_KEY, Reply({}, 401)).hint)
    assert "set the option region to china" in hint


def test_a_login_that_kimi_renewed_meanwhile(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(OWN, [{"status_code": 401}, {"json": payload("kimi/counts")}])
    write_login(own_home / ".kimi-code", "fake-old")
    ask = make_ask("kimi", make_machine(own_home))
    write_login(own_home / ".kimi-code", "fake-new")
    assert fetch(ask).source == "oauth"
    assert [r.headers["Authorization"] for r in no_network.request_history] == [
        "Bearer fake-old",
        "Bearer fake-new",
    ]


def test_a_login_that_is_refused_for_good(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(OWN, status_code=401)
    write_login(own_home / ".kimi-code", "fake-old")
    with pytest.raises(AuthError, match="refused the login") as caught:
        fetch(make_ask("kimi", make_machine(own_home)))
    assert caught.value.hint == "run `kimi` once, or `/login` in it"
