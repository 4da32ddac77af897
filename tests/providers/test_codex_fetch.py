"""How Codex is asked: where, with which headers, and what a refusal costs."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, d, make_ask, make_machine, payload, serve, utc
from usagecli import credentials, registry
from usagecli.client import Ask
from usagecli.errors import (
    AuthError,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Usage
from usagecli.providers._codex.usage import parse
from usagecli.providers.codex import fetch

TOKEN, PERSONAL = "fake-access-token", "at-fake-personal-token"
PAIR = {"access_token": TOKEN, "account_id": "acc-71d0"}
HTML = b"<!DOCTYPE html><html>checking your browser</html>"
OWN = "https://chatgpt.com/backend-api/wham/usage"
USAGE, RESETS = "/backend-api/wham/usage", "/backend-api/wham/rate-limit-reset-credits"
MONTHLY = "/backend-api/accounts/acc-71d0/spend-controls/current-user/monthly-usage"
WHOAMI = "/auth/v1/user-auth-credential/whoami"


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"codex/{case}"), status, headers)


def html(status: int) -> Reply:
    return Reply(HTML, status, {"Content-Type": "text/html"})


PLUS: dict[str, Route] = {USAGE: recorded("plus"), RESETS: recorded("reset_credits")}
MEMBER: dict[str, Route] = {USAGE: recorded("business_member"), MONTHLY: recorded("monthly_usage")}


def jwt(**claims: Any) -> str:
    """A token with these claims; its signature is nobody's business."""
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"fakehead.{middle}.fakesignature"


def login(home: Path, token: str = TOKEN, **more: Any) -> Path:
    """Write the login that Codex keeps."""
    path = home / ".codex" / "auth.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"tokens": {"access_token": token, "account_id": "acc-71d0", **more}}))
    return path


def make_file_ask(machine: Machine, path: Path, base_url: str) -> Ask:
    """What a fetch is given where the config names the file."""
    ask = make_ask("codex", machine, base_url=base_url)
    service = replace(ask.service, credential={"": CredentialSource("file", str(path))})
    return replace(ask, service=service, credential=credentials.find(registry.get("codex"), service, machine))


def failure(routes: Mapping[str, Route], machine: Machine, secret: Any = TOKEN) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("codex", machine, secret=secret, base_url=f"{server.url}/backend-api"))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- what is sent -----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_requests_of_a_plan(machine: Machine) -> None:
    with serve(PLUS) as server:
        usage = fetch(make_ask("codex", machine, secret=PAIR, base_url=f"{server.url}/backend-api"))
    assert server.paths() == [USAGE, RESETS]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["chatgpt-account-id"] == "acc-71d0"
        assert seen.headers["accept"] == "application/json"
        assert seen.headers["user-agent"] == "codex-cli"
        assert seen.query == ""
        assert "x-openai-fedramp" not in seen.headers
    main, resets = (seen.headers for seen in server.seen)
    assert "originator" not in main
    assert (resets["openai-beta"], resets["originator"]) == ("codex-1", "Codex Desktop")
    assert usage == parse(payload("codex/plus"), now=NOW, resets=payload("codex/reset_credits"))


@pytest.mark.sockets
def test_without_an_account_id_no_header_is_sent(machine: Machine) -> None:
    with serve(PLUS) as server:
        fetch(make_ask("codex", machine, secret=TOKEN, base_url=f"{server.url}/backend-api"))
    assert "chatgpt-account-id" not in server.seen[0].headers


@pytest.mark.sockets
@pytest.mark.parametrize("claim", [True, False, None, "true"])
def test_the_fedramp_header_is_sent_only_where_the_claim_says_so(machine: Machine, claim: Any) -> None:
    token = jwt(**{"https://api.openai.com/auth": {"chatgpt_account_is_fedramp": claim}})
    with serve(PLUS) as server:
        fetch(make_ask("codex", machine, secret=token, base_url=f"{server.url}/backend-api"))
    assert server.seen[0].headers.get("x-openai-fedramp") == ("true" if claim is True else None)


@pytest.mark.sockets
def test_the_option_picks_the_workspace(machine: Machine) -> None:
    with serve(PLUS) as server:
        base_url = f"{server.url}/backend-api"
        fetch(make_ask("codex", machine, secret=PAIR, base_url=base_url, given={"account_id": "acc-other"}))
    assert server.seen[0].headers["chatgpt-account-id"] == "acc-other"


@pytest.mark.sockets
def test_what_the_token_says_stands_in_for_the_answer(machine: Machine) -> None:
    token = jwt(email="token@example.com", **{"https://api.openai.com/auth": {"chatgpt_plan_type": "team"}})
    with serve({USAGE: Reply({})}) as server:
        usage = fetch(make_ask("codex", machine, secret=token, base_url=f"{server.url}/backend-api"))
    assert (usage.account, usage.plan) == ("token@example.com", {"name": "Team", "renewsAt": None})


@pytest.mark.sockets
def test_headers_of_the_answer_stand_in_for_it(machine: Machine) -> None:
    with serve({USAGE: Reply({}, headers={"X-Codex-Primary-Used-Percent": "12"})}) as server:
        usage = fetch(make_ask("codex", machine, secret=PAIR, base_url=f"{server.url}/backend-api"))
    assert [(quota.id, quota.used) for quota in usage.quotas] == [("five_hour", d(12))]
    assert usage.account == "acc-71d0"


# -- where it goes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, OWN),
        ("https://chatgpt.com", OWN),
        ("https://chatgpt.com/", OWN),
        ("https://chatgpt.com/backend-api", OWN),
        ("https://chatgpt.com/backend-api///", OWN),
        ("https://chat.openai.com", "https://chat.openai.com/backend-api/wham/usage"),
        ("https://chatgpt.com.example.com", "https://chatgpt.com.example.com/api/codex/usage"),
        ("https://gateway.example.com/x", "https://gateway.example.com/x/api/codex/usage"),
        ("https://gateway.example.com/backend-api", "https://gateway.example.com/backend-api/wham/usage"),
    ],
)
@pytest.mark.parametrize("told_by", ["config.toml", "base_url"])
def test_the_address_of_the_usage(
    own_home: Path,
    no_network: requests_mock.Mocker,
    base_url: str | None,
    expected: str,
    told_by: str,
) -> None:
    no_network.get(expected, json=payload("codex/free"))
    login(own_home)
    given = None
    if base_url and told_by == "config.toml":
        (own_home / ".codex" / "config.toml").write_text(f'chatgpt_base_url = "{base_url}"\n')
    elif base_url:
        given = base_url.rstrip("/")
    fetch(make_ask("codex", make_machine(own_home), base_url=given))
    assert [request.url for request in no_network.request_history] == [expected]


@pytest.mark.parametrize(
    "text", ["", "chatgpt_base_url = 7\n", "chatgpt_base_url = ' '\n", "not toml", "\xff", "[a]\nb = 1\n"]
)
def test_a_config_of_codex_that_names_no_address(
    own_home: Path, no_network: requests_mock.Mocker, text: str
) -> None:
    no_network.get(OWN, json=payload("codex/free"))
    login(own_home)
    (own_home / ".codex" / "config.toml").write_bytes(text.encode("latin-1"))
    assert fetch(make_ask("codex", make_machine(own_home))).quotas


def test_a_configured_credential_does_not_follow_the_config_of_codex(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    """It need not be of that login; its address is the service's own `base_url`."""
    no_network.get(OWN, json=payload("codex/free"))
    login(own_home)
    (own_home / ".codex" / "config.toml").write_text('chatgpt_base_url = "https://gateway.example.com"\n')
    assert fetch(make_ask("codex", make_machine(own_home), secret=TOKEN)).quotas


@pytest.mark.parametrize("url", ["http://gateway.example.com", "gateway", "https://u:fake@example.com"])
def test_an_address_that_no_token_may_travel_to(own_home: Path, url: str) -> None:
    login(own_home)
    (own_home / ".codex" / "config.toml").write_text(f'chatgpt_base_url = "{url}"\n')
    with pytest.raises(ServiceError, match="^chatgpt_base_url in Codex's config.toml ") as caught:
        fetch(make_ask("codex", make_machine(own_home)))
    assert "fake" not in caught.value.message


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["plus", "business_member"])
def test_other_addresses_are_asked_for_the_usage_alone(machine: Machine, case: str) -> None:
    with serve({"/api/codex/usage": recorded(case)}) as server:
        usage = fetch(make_ask("codex", machine, secret=PAIR, base_url=server.url))
    assert server.paths() == ["/api/codex/usage"]
    assert usage == parse(payload(f"codex/{case}"), now=NOW)


# -- when the main call fails -----------------------------------------------------------------------

EXPIRED = "it has expired or was revoked"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (recorded("error_401", 401), AuthError, rf"Codex refused the token \(401\): {EXPIRED}$"),
        (html(401), AuthError, "401"),
        (
            Reply({"detail": "no"}, 403),
            AuthError,
            rf"\(403\): {EXPIRED}, or the account has no Codex plan$",
        ),
        (html(403), Unavailable, r"127\.0\.0\.1:\d+ showed a challenge for browsers \(403\)"),
        (html(503), Unavailable, r"challenge for browsers \(503\)"),
        (Reply({}, 404), Unavailable, r"knows no Codex usage \(404\)"),
        (recorded("error_429", 429), RateLimited, "429"),
        (Reply({}, 500), Unavailable, "500"),
        (html(502), Unavailable, "502"),
        (Reply({}, 503), Unavailable, r"has a problem of its own \(503\)"),
        (Reply({}, 400), PayloadError, "400"),
        (html(200), PayloadError, "^body: .* a web page"),
        (Reply(b'{"plan_type": "pl'), PayloadError, "^body: .* not JSON"),
        (Reply(b""), PayloadError, "^body: "),
        (Reply([]), PayloadError, "^body: expected an object, got a list"),
        (Reply({"rate_limit": "x"}), PayloadError, "^rate_limit: expected an object or null"),
    ],
)
def test_what_a_refusal_says(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    error = failure({USAGE: reply}, machine)
    assert type(error) is kind
    assert re.search(message, error.message)


@pytest.mark.sockets
@pytest.mark.parametrize(("headers", "until"), [({"Retry-After": "90"}, "2026-11-21T08:01:30"), ({}, None)])
def test_how_long_it_asks_us_to_wait(machine: Machine, headers: dict[str, str], until: str | None) -> None:
    error = failure({USAGE: recorded("error_429", 429, **headers)}, machine)
    assert error.retry_at == (utc(until) if until else None)


@pytest.mark.sockets
def test_a_refused_configured_token_says_where_the_new_one_belongs(machine: Machine) -> None:
    error = failure({USAGE: recorded("error_401", 401)}, machine)
    assert error.hint == "run `codex login`, then replace the token in the config file"


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_says_how_to_renew_it(own_home: Path, status: int) -> None:
    login(own_home)
    with serve({USAGE: recorded("error_401", status)}) as server, pytest.raises(AuthError) as caught:
        fetch(make_ask("codex", make_machine(own_home), base_url=f"{server.url}/backend-api"))
    assert caught.value.hint == "run `codex login`"
    assert server.paths() == [USAGE], "the same token is not tried twice"


@pytest.mark.sockets
@pytest.mark.parametrize("in_config", [True, False])
def test_a_wrong_address_says_where_it_stands(own_home: Path, in_config: bool) -> None:
    login(own_home)
    with serve({}) as server:
        (own_home / ".codex" / "config.toml").write_text(f'chatgpt_base_url = "{server.url}"\n')
        ask = make_ask("codex", make_machine(own_home), base_url=server.url if in_config else None)
        with pytest.raises(Unavailable) as caught:
            fetch(ask)
    place = "the service's base_url" if in_config else "chatgpt_base_url in Codex's config.toml"
    assert caught.value.hint == f"check {place}"


@pytest.mark.sockets
def test_a_redirect_to_another_host_takes_no_token_along(machine: Machine) -> None:
    with serve(PLUS) as other:
        away = Reply({}, 302, {"Location": other.url + USAGE})
        error = failure({USAGE: away}, machine)
        assert other.seen == []
    assert isinstance(error, PayloadError)


# -- a login that was renewed meanwhile -------------------------------------------------------------


def renewing(home: Path, text: str | None) -> Callable[[BaseHTTPRequestHandler], None]:
    """Refuses the first token, at which moment Codex writes another login."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        path = home / ".codex" / "auth.json"
        fresh = handler.headers["Authorization"] == "Bearer fake-new-token"
        if not fresh and text is None:
            path.unlink()
        elif not fresh:
            path.write_text(str(text))
        data = json.dumps(payload("codex/free" if fresh else "codex/error_401")).encode()
        handler.send_response(200 if fresh else 401)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


NEW = json.dumps({"tokens": {"access_token": "fake-new-token"}})


@pytest.mark.sockets
@pytest.mark.parametrize("configured", [True, False])
def test_a_renewed_login_is_tried_once(own_home: Path, configured: bool) -> None:
    """Also where the config names the file."""
    path = login(own_home)
    machine = make_machine(own_home)
    with serve({USAGE: renewing(own_home, NEW)}) as server:
        base_url = f"{server.url}/backend-api"
        usage = fetch(
            make_file_ask(machine, path, base_url)
            if configured
            else make_ask("codex", machine, base_url=base_url)
        )
    assert usage == parse(payload("codex/free"), now=NOW)
    assert [seen.headers["authorization"] for seen in server.seen] == [
        f"Bearer {TOKEN}",
        "Bearer fake-new-token",
    ]
    assert path.read_text() == NEW, "nothing is written"


@pytest.mark.sockets
@pytest.mark.parametrize("text", [None, "", "{", "{}", '{"OPENAI_API_KEY": "sk-fake"}', "same"])
def test_a_login_that_is_not_renewed_stays_refused(own_home: Path, text: str | None) -> None:
    path = login(own_home)
    written = path.read_text() if text == "same" else text
    with serve({USAGE: renewing(own_home, written)}) as server, pytest.raises(AuthError) as caught:
        fetch(make_ask("codex", make_machine(own_home), base_url=f"{server.url}/backend-api"))
    assert server.paths() == [USAGE]
    assert "401" in caught.value.message


@pytest.mark.sockets
def test_a_renewed_login_that_is_refused_too_is_not_tried_for_ever(own_home: Path) -> None:
    login(own_home)
    newer = json.dumps({"tokens": {"access_token": "fake-third-token"}})
    with serve({USAGE: renewing(own_home, newer)}) as server, pytest.raises(AuthError):
        fetch(make_ask("codex", make_machine(own_home), base_url=f"{server.url}/backend-api"))
    assert server.paths() == [USAGE, USAGE]


# -- personal access tokens -------------------------------------------------------------------------


def personal(url: str, home: Path, **env: str) -> Machine:
    return make_machine(
        home, {"CODEX_ACCESS_TOKEN": PERSONAL, "CODEX_AUTHAPI_BASE_URL": f"{url}/auth/", **env}
    )


@pytest.mark.sockets
def test_a_personal_token_asks_first_whose_it_is(own_home: Path) -> None:
    with serve({**PLUS, WHOAMI: recorded("whoami")}) as server:
        machine = personal(server.url, own_home)
        usage = fetch(make_ask("codex", machine, base_url=f"{server.url}/backend-api"))
    assert server.paths() == [WHOAMI, USAGE, RESETS]
    who, main, _ = (seen.headers for seen in server.seen)
    assert who["authorization"] == main["authorization"] == f"Bearer {PERSONAL}"
    assert "chatgpt-account-id" not in who
    assert (main["chatgpt-account-id"], main["x-openai-fedramp"]) == ("acc-pat", "true")
    assert usage.quotas == parse(payload("codex/plus"), now=NOW).quotas


@pytest.mark.sockets
def test_what_it_says_of_the_account_stands_in_for_the_answer(own_home: Path) -> None:
    with serve({USAGE: Reply({}), WHOAMI: recorded("whoami")}) as server:
        machine = personal(server.url, own_home)
        usage = fetch(make_ask("codex", machine, base_url=f"{server.url}/backend-api"))
    assert (usage.account, usage.plan) == ("robot@example.com", {"name": "Team", "renewsAt": None})


@pytest.mark.sockets
@pytest.mark.parametrize("value", [None, 7, ""])
def test_a_personal_token_of_no_account(own_home: Path, value: Any) -> None:
    who = {"email": value, "chatgpt_account_id": value, "chatgpt_account_is_fedramp": value}
    with serve({**PLUS, WHOAMI: Reply(who)}) as server:
        machine = personal(server.url, own_home)
        fetch(make_ask("codex", machine, base_url=f"{server.url}/backend-api"))
    main = server.seen[1].headers
    assert not {"chatgpt-account-id", "x-openai-fedramp"} & set(main)


def test_the_address_that_knows_personal_tokens(own_home: Path, no_network: requests_mock.Mocker) -> None:
    who = "https://auth.openai.com/api/accounts/v1/user-auth-credential/whoami"
    no_network.get(who, json=payload("codex/whoami"))
    no_network.get(OWN, json=payload("codex/free"))
    fetch(make_ask("codex", make_machine(own_home), secret=PERSONAL))
    assert [request.url for request in no_network.request_history] == [who, OWN]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "hint"),
    [
        (Reply({}, 401), AuthError, "make a new personal access token, or run `codex login`"),
        (html(403), Unavailable, "try again later"),
        (Reply({}, 404), Unavailable, "check CODEX_AUTHAPI_BASE_URL"),
        (Reply({}, 500), Unavailable, "try again later"),
        (Reply([]), PayloadError, None),
    ],
)
def test_a_personal_token_that_is_refused(
    own_home: Path, reply: Reply, kind: type[ProviderError], hint: str | None
) -> None:
    with serve({**PLUS, WHOAMI: reply}) as server:
        ask = make_ask("codex", personal(server.url, own_home), base_url=f"{server.url}/backend-api")
        with pytest.raises(ProviderError) as caught:
            fetch(ask)
    assert (type(caught.value), caught.value.hint) == (kind, hint)
    assert server.paths() == [WHOAMI]


def test_a_personal_token_does_not_travel_in_the_clear(own_home: Path) -> None:
    machine = make_machine(own_home, {"CODEX_AUTHAPI_BASE_URL": "http://auth.example.com"})
    with pytest.raises(ServiceError, match="^CODEX_AUTHAPI_BASE_URL must be https"):
        fetch(make_ask("codex", machine, secret=PERSONAL))


# -- when another call fails ------------------------------------------------------------------------


def read(routes: Mapping[str, Route], machine: Machine, **more: Any) -> tuple[Usage, list[str]]:
    with serve(routes) as server:
        usage = fetch(make_ask("codex", machine, secret=PAIR, base_url=f"{server.url}/backend-api", **more))
        return usage, server.paths()


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply", [Reply({}, 401), html(403), Reply({}, 404), Reply({}, 429), Reply({}, 500), html(200), Reply([])]
)
def test_free_resets_without_their_dates(machine: Machine, reply: Reply) -> None:
    """The count is in the main answer: nobody misses a figure."""
    usage, paths = read({**PLUS, RESETS: reply}, machine)
    assert paths[:2] == [USAGE, RESETS]
    assert usage == parse(payload("codex/plus"), now=NOW)


@pytest.mark.sockets
@pytest.mark.parametrize("case", ["free", "plus_weekly_only", "legacy"])
def test_where_no_free_reset_is_told_none_is_asked_for(machine: Machine, case: str) -> None:
    assert read({USAGE: recorded(case)}, machine)[1] == [USAGE]


@pytest.mark.sockets
def test_the_month_of_a_workspace_member(machine: Machine) -> None:
    usage, paths = read(MEMBER, machine)
    assert paths == [USAGE, MONTHLY]
    assert usage == parse(payload("codex/business_member"), now=NOW, monthly=payload("codex/monthly_usage"))


def changed(case: str, **changes: Any) -> Reply:
    return Reply({**payload(f"codex/{case}"), **changes})


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply",
    [
        *(changed("business_member", plan_type=plan) for plan in ("guest", "free", "go", "Plus", "pro")),
        changed("business_member", plan_type="prolite"),
        changed("business_member", spend_control={"individual_limit": {"limit": "400", "used": "1"}}),
        changed("business_member", spend_control={"individual_limit": 250}),
        changed("business_member", individual_limit=250),
        Reply({name: v for name, v in payload("codex/business_member").items() if name != "spend_control"}),
    ],
)
def test_the_month_is_asked_for_only_where_it_may_tell_more(machine: Machine, reply: Reply) -> None:
    assert read({**MEMBER, USAGE: reply}, machine)[1] == [USAGE]


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply",
    [
        changed("business_member", plan_type="edu"),
        changed("business_member", plan_type=None),
        changed("business_member", spend_control=None),
        changed("business_member", spend_control={"individual_limit": {"limit": 0}}),
    ],
)
def test_the_month_is_asked_for_in_any_workspace(machine: Machine, reply: Reply) -> None:
    usage, paths = read({**MEMBER, USAGE: reply}, machine)
    assert paths == [USAGE, MONTHLY]
    assert usage.quotas[-1].id == "spend_control_monthly"


@pytest.mark.sockets
@pytest.mark.parametrize(("account_id", "asked"), [("a/../b", "a%2F..%2Fb"), (None, None)])
def test_the_account_s_id_is_that_of_the_answer_where_none_was_given(
    machine: Machine, account_id: str | None, asked: str | None
) -> None:
    answer = changed("business_member", account_id=account_id)
    with serve({USAGE: answer}) as server:
        fetch(make_ask("codex", machine, secret=TOKEN, base_url=f"{server.url}/backend-api"))
    others = [MONTHLY.replace("acc-71d0", asked)] if asked else []
    assert server.paths() == [USAGE, *others]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({}, 401), Reply({}, 403), html(403), Reply({}, 404), html(200)])
def test_a_workspace_without_such_a_cap(machine: Machine, reply: Reply) -> None:
    usage, _ = read({**MEMBER, MONTHLY: reply}, machine)
    assert usage == parse(payload("codex/business_member"), now=NOW)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "words"), [(Reply({}, 500), "has a problem of its own"), (Reply({}, 429), "asked us to wait")]
)
def test_a_month_that_could_not_be_read_is_said(machine: Machine, reply: Reply, words: str) -> None:
    usage, _ = read({**MEMBER, MONTHLY: reply}, machine)
    assert usage.quotas == parse(payload("codex/business_member"), now=NOW).quotas
    (note,) = usage.notes
    assert re.fullmatch(rf"the month's spend limit could not be read: 127\.0\.0\.1:\d+ {words} .*", note)


@pytest.mark.sockets
@pytest.mark.parametrize(("routes", "path"), [(PLUS, RESETS), (MEMBER, MONTHLY)])
def test_a_call_that_hangs_costs_its_own_entries_only(
    machine: Machine, routes: dict[str, Route], path: str
) -> None:
    """It never takes all of the run's time: the plan's figures are already here."""
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**routes, path: hang}) as server:
        ask = make_ask("codex", machine, secret=PAIR, base_url=f"{server.url}/backend-api", timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert [quota.id for quota in usage.quotas[:2]] == ["five_hour", "weekly"]
    assert ask.transport.remaining() > 0
