"""How Amp is asked: with which credential, where, and what a refusal says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, make_ask, make_machine, payload, serve, utc
from usagecli import credentials, log, registry
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
from usagecli.providers._amp import settings
from usagecli.providers._amp.usage import parse
from usagecli.providers.amp import DESCRIPTOR, fetch

TOKEN, SESSION = "sgamp_user_fake_token", "fake-session"
OWN = "https://ampcode.com"
OTHER = "https://amp.example.com"
LOGIN = ".local/share/amp/secrets.json"
HTML = Reply(b"<!DOCTYPE html><html>sign in</html>", headers={"Content-Type": "text/html"})
SELDOM = "ask less often: once in two minutes at most"
RENEW = "run `amp login`, or create a new access token at ampcode.com/settings"
AGAIN = "copy the cookie session of ampcode.com again, or better: run `amp login`"


def recorded(case: str, status: int = 200) -> Reply:
    return Reply(payload(f"amp/{case}"), status)


def page(case: str) -> Reply:
    return Reply(payload(f"amp/{case}").encode(), headers=HTML.headers)


def html(status: int) -> Reply:
    return Reply(HTML.body, status, HTML.headers)


def moved(location: str, status: int = 302) -> Reply:
    return Reply(b"", status, {"Location": location})


def failure(reply: Route, machine: Machine, secret: Any = TOKEN) -> ProviderError:
    """What both requests say, where the server answers this."""
    with (
        serve({"/api/internal": reply, "/settings": reply}) as server,
        pytest.raises(ProviderError) as caught,
    ):
        fetch(make_ask("amp", machine, secret=secret, base_url=server.url))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- the two requests -------------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_balance_is_asked_once_with_the_token(machine: Machine) -> None:
    with serve({"/api/internal": recorded("tier")}) as server:
        usage = fetch(make_ask("amp", machine, secret=TOKEN, base_url=server.url))
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/internal", "userDisplayBalanceInfo")
    assert seen.json() == {"method": "userDisplayBalanceInfo", "params": {}}
    names = ("authorization", "accept", "content-type", "cookie")
    assert [seen.headers.get(name) for name in names] == [
        f"Bearer {TOKEN}",
        "application/json",
        "application/json",
        None,
    ]
    assert usage == parse(payload("amp/tier"), now=NOW)
    assert usage.source == "api"


def test_the_balance_is_asked_of_amp(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.post(f"{OWN}/api/internal?userDisplayBalanceInfo", json=payload("amp/free"))
    fetch(make_ask("amp", make_machine(own_home, {"AMP_API_KEY": TOKEN})))
    assert [seen.headers["Authorization"] for seen in no_network.request_history] == [f"Bearer {TOKEN}"]


@pytest.mark.sockets
def test_the_settings_page_is_read_as_a_browser_does(machine: Machine) -> None:
    with serve({"/settings": page("settings")}) as server:
        usage = fetch(make_ask("amp", machine, secret={"cookie": SESSION}, base_url=server.url))
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query, seen.body) == ("GET", "/settings", "", b"")
    assert seen.headers["cookie"] == f"session={SESSION}"
    assert seen.headers["accept"].startswith("text/html,")
    assert seen.headers["user-agent"].startswith("Mozilla/5.0 ")
    assert "authorization" not in seen.headers
    assert usage == settings.parse(payload("amp/settings"))


@pytest.mark.sockets
def test_a_page_in_no_known_encoding_is_still_read(machine: Machine) -> None:
    body = b"\xff\xfe" + payload("amp/settings").encode()
    with serve({"/settings": Reply(body, headers=HTML.headers)}) as server:
        assert fetch(make_ask("amp", machine, secret={"cookie": SESSION}, base_url=server.url)).quotas


def test_it_is_asked_no_oftener_than_it_allows() -> None:
    assert DESCRIPTOR.min_interval == 120


# -- what a failure says ----------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (Reply({}, 401), AuthError, r"Amp refused the access token \(401\)", RENEW),
        (Reply({}, 403), AuthError, r"Amp refused the access token \(403\)", RENEW),
        (html(403), AuthError, r"Amp refused the access token \(403\)", RENEW),
        (recorded("error_auth"), AuthError, "Amp does not accept the access token", RENEW),
        (recorded("error_auth", 400), AuthError, "Amp does not accept the access token", RENEW),
        (
            recorded("error_other"),
            Unavailable,
            "Amp answered with an error: The balance is not available at the moment.",
            "try again later",
        ),
        (recorded("error_other", 404), Unavailable, "Amp answered with an error: The .*", "try again later"),
        (Reply({}, 429), RateLimited, r".* asked us to wait \(429\)", SELDOM),
        (html(429), RateLimited, r".* asked us to wait \(429\)", SELDOM),
        (html(500), Unavailable, r".* has a problem of its own \(500\)", "try again later"),
        (recorded("error_other", 503), Unavailable, r".* \(503\)", "try again later"),
        (Reply({}, 404), PayloadError, "^\\S+ answered 404", ".*"),
        (Reply({"error": "no such route"}, 404), PayloadError, "^\\S+ answered 404", ".*"),
        (html(404), PayloadError, "^\\S+ answered 404", ".*"),
        (HTML, PayloadError, "body: .* answered with a web page", "None"),
        (Reply(b'{"ok": true, "result": {"displ'), PayloadError, "body: .* not JSON", "None"),
        (Reply([]), PayloadError, "body: expected an object, got a list", "None"),
        (Reply({"ok": True}), PayloadError, "result: expected an object, got nothing", "None"),
        (recorded("new_wording"), PayloadError, ".* Amp has changed its format", "see what `amp usage` .*"),
        (recorded("signed_in"), PayloadError, ".* Amp has changed its format", "see what `amp usage` .*"),
        (moved("/login"), PayloadError, "redirect: .* sends us elsewhere", "check base_url"),
    ],
)
def test_the_balance_is_refused(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str
) -> None:
    error = failure(reply, machine)
    assert type(error) is kind
    assert re.fullmatch(message, error.message)
    assert re.fullmatch(hint, str(error.hint))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"ok": False}, "it gave no reason"),
        ({"ok": False, "error": None}, "it gave no reason"),
        ({"ok": False, "error": {}, **payload("amp/tier")["result"]}, "it gave no reason"),
        ({"ok": False, "error": {"code": "too-bad"}}, "too-bad"),
        ({"ok": False, "error": {"code": 7, "message": "\x1b[31mToo\nbad"}}, "[31mToo bad"),
        ({"ok": False, "error": "too bad"}, "too bad"),
        ({"error": {"message": "too bad"}}, "too bad"),
        ({"ok": False, "error": {"message": f"{TOKEN} is too bad"}}, "*** is too bad"),
    ],
)
def test_the_reason_of_a_refusal_is_told(machine: Machine, body: Any, reason: str) -> None:
    error = failure(Reply(body), machine)
    assert type(error) is Unavailable
    assert error.message == f"Amp answered with an error: {reason}"


@pytest.mark.sockets
@pytest.mark.parametrize(
    "more", [{}, {"ok": True}, {"error": None}, {"error": {}}, {"jsonrpc": "2.0", "id": 1}]
)
def test_an_answer_without_an_error_is_none(machine: Machine, more: dict[str, Any]) -> None:
    with serve({"/api/internal": Reply({"result": payload("amp/free")["result"], **more})}) as server:
        assert fetch(make_ask("amp", machine, secret=TOKEN, base_url=server.url)).quotas


@pytest.mark.sockets
@pytest.mark.parametrize("secret", [TOKEN, {"cookie": SESSION}])
def test_how_long_it_asks_us_to_wait(machine: Machine, secret: Any) -> None:
    error = failure(Reply({}, 429, {"Retry-After": "90"}), machine, secret)
    assert error.retry_at == utc("2026-11-21T08:01:30")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (Reply({}, 401), AuthError, r"Amp refused the cookie \(401\)", AGAIN),
        (html(403), AuthError, r"Amp refused the cookie \(403\)", AGAIN),
        (moved("/login"), AuthError, ".* the cookie has expired", AGAIN),
        (moved("/auth/sign-in?returnTo=%2Fsettings", 307), AuthError, ".* the cookie has expired", AGAIN),
        (moved("/Signin", 303), AuthError, ".* the cookie has expired", AGAIN),
        (moved("https://auth.example.com/log-in"), AuthError, ".* the cookie has expired", AGAIN),
        (moved("https://example.com/?to=/login"), PayloadError, "redirect: .* to another host; .*", ".*"),
        (moved("/authors"), PayloadError, "^\\S+ answered 404", ".*"),
        (html(429), RateLimited, r".* asked us to wait \(429\)", SELDOM),
        (html(500), Unavailable, r".* has a problem of its own \(500\)", "try again later"),
        (html(404), PayloadError, "^\\S+ answered 404", ".*"),
        (HTML, PayloadError, "settings: the page holds no figures of Amp Free.*", "run `amp login`: .*"),
        (page("settings_without"), PayloadError, "settings: the page holds no .*", "run `amp login`: .*"),
        (Reply(b""), PayloadError, "settings: the page holds no figures .*", "run `amp login`: .*"),
    ],
)
def test_the_settings_page_is_refused(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str
) -> None:
    """Signed out is told by where it leads, never by a word of a page."""
    error = failure(reply, machine, {"cookie": SESSION})
    assert type(error) is kind
    assert re.fullmatch(message, error.message)
    assert re.fullmatch(hint, str(error.hint))


@pytest.mark.sockets
def test_a_page_that_moved_on_its_host_is_followed(machine: Machine) -> None:
    with serve({"/settings": moved("/settings/usage"), "/settings/usage": page("settings")}) as server:
        assert fetch(make_ask("amp", machine, secret={"cookie": SESSION}, base_url=server.url)).quotas


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["tier", "new_wording"])
def test_lines_that_are_not_understood_stand_in_the_log(
    machine: Machine, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "verbose", True)
    with serve({"/api/internal": recorded(case)}) as server:
        ask = make_ask("amp", machine, secret=TOKEN, base_url=server.url)
        try:
            fetch(ask)
        except PayloadError:
            assert case == "new_wording"
    logged = capsys.readouterr().err
    assert "amp: not understood: # Run `amp usage --details` for more detailed information.\n" in logged
    assert ("not understood: Megawatt allowance: a good half" in logged) == (case == "new_wording")
    assert "Individual credits" not in logged
    assert "fake" not in logged


# -- where the credential stands --------------------------------------------------------------------


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("amp"), Service(name="amp", provider="amp"), machine)


def write(home: Path, text: str) -> None:
    (home / LOGIN).parent.mkdir(parents=True, exist_ok=True)
    (home / LOGIN).write_text(text, encoding="utf-8")


def login(**tokens: str) -> str:
    """The login file with a token for each of these hosts (`_` for a dot)."""
    return json.dumps({f"apiKey@https://{host.replace('_', '.')}/": token for host, token in tokens.items()})


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_usual_places_in_their_order(own_home: Path, platform: str) -> None:
    """Each is taken away once it was found; the login's is the same on every platform."""
    variables = {"AMP_API_KEY": "fake-1", "AMP_COOKIE": "fake-3"}
    write(own_home, login(ampcode_com="fake-2"))
    expected = [("AMP_API_KEY", "key"), (f"~/{LOGIN}", "login"), ("AMP_COOKIE", "cookie")]
    for number, (origin, kind) in enumerate(expected, 1):
        found = find(make_machine(own_home, variables, platform=platform))
        assert (found.secret.reveal(), found.origin, found.kind) == (f"fake-{number}", origin, kind)
        variables.pop(origin, None)
        (own_home / origin.removeprefix("~/")).unlink(missing_ok=True)
    with pytest.raises(NotConfigured, match="no Amp credential was found"):
        find(make_machine(own_home, variables, platform=platform))


@pytest.mark.parametrize("text", ["", " \n", "{}", '{"apiKey@https://ampcode.com/": " "}'])
def test_a_login_without_a_token_is_passed_over(own_home: Path, text: str) -> None:
    write(own_home, text)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))
    assert find(make_machine(own_home, {"AMP_COOKIE": SESSION})).kind == "cookie"


@pytest.mark.parametrize(
    "body",
    [
        {"apiKey@https://ampcode.com/": 7},
        {"apiKey@https://ampcode.com/": {"token": TOKEN}},
        {"apiKey": TOKEN},
        {"apiKey@": TOKEN},
        {"apiKey@ampcode.com": TOKEN},
        {"apiKey@https://[ampcode.com": TOKEN},
        {"mcp@https://ampcode.com/": TOKEN},
    ],
)
def test_only_tokens_of_a_server_count(own_home: Path, body: dict[str, Any]) -> None:
    write(own_home, json.dumps(body))
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))
    write(own_home, json.dumps({**body, f"apiKey@{OTHER}": " fake-other\n"}))
    assert find(make_machine(own_home)).secret.reveal() == "fake-other"


@pytest.mark.parametrize("text", [login(ampcode_com=TOKEN)[:-1], f'["{TOKEN}"]', "null"])
def test_a_broken_login_is_named_unless_a_later_place_works(own_home: Path, text: str) -> None:
    write(own_home, text)
    with pytest.raises(ServiceError, match=f"^~/{LOGIN} ") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == RENEW
    assert "fake" not in caught.value.message
    assert find(make_machine(own_home, {"AMP_COOKIE": SESSION})).kind == "cookie"


def test_a_login_that_cannot_be_read_is_named(own_home: Path) -> None:
    (own_home / LOGIN).mkdir(parents=True)
    with pytest.raises(ServiceError, match=r"^Amp's login: .*secrets\.json cannot be read"):
        find(make_machine(own_home))


def test_a_login_may_begin_with_a_byte_order_mark(own_home: Path) -> None:
    write(own_home, "\ufeff" + login(ampcode_com=TOKEN))
    assert find(make_machine(own_home)).secret.reveal() == TOKEN


# -- which of a login's tokens ----------------------------------------------------------------------

BOTH = login(amp_example_com="fake-other", ampcode_com="fake-own")


@pytest.mark.parametrize("given", [None, BOTH])
@pytest.mark.parametrize(
    ("base_url", "token"),
    [
        (None, "fake-own"),
        (OWN, "fake-own"),
        (OTHER, "fake-other"),
        ("https://Amp.Example.com/v1", "fake-other"),
    ],
)
def test_each_server_gets_its_own_token(
    own_home: Path, no_network: requests_mock.Mocker, base_url: str | None, token: str, given: str | None
) -> None:
    write(own_home, BOTH)
    no_network.post(requests_mock.ANY, json=payload("amp/free"))
    fetch(make_ask("amp", make_machine(own_home), base_url=base_url, secret=given))
    (seen,) = no_network.request_history
    assert seen.headers["Authorization"] == f"Bearer {token}"
    assert seen.url.lower().startswith((base_url or OWN).lower() + "/api/internal")


@pytest.mark.parametrize(
    ("text", "base_url", "message"),
    [
        (login(ampcode_com=TOKEN), OTHER, "no login for amp.example.com, only for ampcode.com"),
        (login(amp_example_com=TOKEN), None, "no login for ampcode.com, only for amp.example.com"),
        (BOTH, f"{OTHER}:8443", "no login for amp.example.com:8443, only for amp.example.com, ampcode.com"),
        (BOTH, "https://localhost.example.com", "no login for localhost.example.com, only for .*"),
        (
            json.dumps({"apiKey@https://me:fake-word@amp.example.com/": TOKEN}),
            None,
            "no login for ampcode.com, only for amp.example.com",
        ),
    ],
)
def test_no_server_gets_the_token_of_another(
    own_home: Path, no_network: requests_mock.Mocker, text: str, base_url: str | None, message: str
) -> None:
    write(own_home, text)
    with pytest.raises(NotConfigured, match=f"secrets.json holds {message}$") as caught:
        fetch(make_ask("amp", make_machine(own_home), base_url=base_url))
    assert "amp login" in str(caught.value.hint)
    assert "fake" not in caught.value.message
    assert no_network.request_history == []


@pytest.mark.sockets
def test_a_proxy_on_this_machine_stands_for_amp_unless_it_has_a_login(own_home: Path) -> None:
    with serve({"/api/internal": recorded("free")}) as server:
        write(own_home, login(ampcode_com="fake-own"))
        fetch(make_ask("amp", make_machine(own_home), base_url=server.url))
        write(own_home, json.dumps({**json.loads(BOTH), f"apiKey@{server.url}/": "fake-local"}))
        fetch(make_ask("amp", make_machine(own_home), base_url=server.url))
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer fake-own", "Bearer fake-local"]


@pytest.mark.parametrize("base_url", ["http://localhost", "http://127.0.0.1:9", "http://[::1]:9"])
def test_what_this_machine_is(own_home: Path, no_network: requests_mock.Mocker, base_url: str) -> None:
    write(own_home, login(ampcode_com=TOKEN))
    no_network.post(requests_mock.ANY, json=payload("amp/free"))
    fetch(make_ask("amp", make_machine(own_home), base_url=base_url))
    assert len(no_network.request_history) == 1


def test_a_token_of_the_environment_goes_where_the_service_says(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    no_network.post(f"{OTHER}/api/internal", json=payload("amp/free"))
    fetch(make_ask("amp", make_machine(own_home, {"AMP_API_KEY": TOKEN}), base_url=OTHER))
    assert len(no_network.request_history) == 1


# -- configured credentials, and cookies ------------------------------------------------------------


def given(secret: Any, machine: Machine) -> Credential:
    return make_ask("amp", machine, secret=secret).credential


@pytest.mark.parametrize(
    ("secret", "text", "kind"),
    [
        (TOKEN, TOKEN, "key"),
        ({"api_key": TOKEN}, TOKEN, "key"),
        ({"cookie": SESSION, "api_key": TOKEN}, TOKEN, "key"),
        (login(ampcode_com=TOKEN), TOKEN, "login"),
        ({"api_key": login(ampcode_com=TOKEN)}, TOKEN, "login"),
        ({"cookie": SESSION}, SESSION, "cookie"),
        (f"session={SESSION}", SESSION, "cookie"),
        (f"Cookie: a=b; session={SESSION}", SESSION, "cookie"),
    ],
)
def test_a_configured_credential_in_any_shape(machine: Machine, secret: Any, text: str, kind: str) -> None:
    found = given(secret, machine)
    assert (found.secret.reveal(), found.kind, found.origin) == (text, kind, "the config file")


@pytest.mark.parametrize("secret", ["{}", '{"apiKey@https://ampcode.com/": null}', f'{{"x": "{TOKEN}"'])
def test_a_configured_login_without_a_token(machine: Machine, secret: str) -> None:
    with pytest.raises(ServiceError, match="^the config file ") as caught:
        given(secret, machine)
    assert caught.value.hint == RENEW
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "session"),
    [
        (SESSION, SESSION),
        ("ZmFrZS1zZXNzaW9u==", "ZmFrZS1zZXNzaW9u=="),
        (f"session={SESSION}", SESSION),
        ("session=ZmFrZS1zZXNzaW9u==", "ZmFrZS1zZXNzaW9u=="),
        (f"session={SESSION};", SESSION),
        (f"theme=dark; session={SESSION}; other=session", SESSION),
        (f"Cookie: session={SESSION}", SESSION),
        (f"cookie:theme=dark;session={SESSION}", SESSION),
    ],
)
@pytest.mark.parametrize("in_config", [True, False])
def test_a_cookie_in_any_shape(own_home: Path, text: str, session: str, in_config: bool) -> None:
    """Only the session is sent on, whatever else the header holds."""
    machine = make_machine(own_home, {} if in_config else {"AMP_COOKIE": text})
    found = given({"cookie": text} if in_config else None, machine)
    assert (found.secret.reveal(), found.kind) == (session, "cookie")


@pytest.mark.parametrize("text", ["theme=dark", "Cookie: ", "Cookie: fake", "session=; a=fake", "a=fake;b=c"])
def test_a_cookie_of_another_name(own_home: Path, text: str) -> None:
    with pytest.raises(ServiceError, match="AMP_COOKIE holds no cookie named session") as caught:
        find(make_machine(own_home, {"AMP_COOKIE": text}))
    assert caught.value.hint == AGAIN


@pytest.mark.parametrize("secret", ["sgamp fake\nkey", {"cookie": "fake\x7f"}])
def test_a_credential_that_no_header_can_carry(machine: Machine, secret: Any) -> None:
    with pytest.raises(ServiceError, match="no HTTP header can carry") as caught:
        fetch(make_ask("amp", machine, secret=secret))
    assert "fake" not in caught.value.message
