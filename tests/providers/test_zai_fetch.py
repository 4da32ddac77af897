"""How Z.ai is asked: where, with what, and what a refusal costs."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from hypothesis import given, settings

from tests import cli
from tests.fuzz import ANY_JSON, mutated
from tests.support import Reply, Route, make_ask, make_machine, payload, serve, utc
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine, here
from usagecli.model import Usage
from usagecli.providers import zai
from usagecli.providers._zai.credentials import CHINA, GLOBAL
from usagecli.providers._zai.usage import parse
from usagecli.providers.zai import fetch

KEY = "0123456789abcdef0123456789abcdef.fake-zai-key-000"
ZAI, BIGMODEL, BIGMODEL_ACCOUNTS = "https://api.z.ai", "https://open.bigmodel.cn", "https://www.bigmodel.cn"
QUOTAS, SUBSCRIPTIONS = "/api/monitor/usage/quota/limit", "/api/biz/subscription/list"
ACCOUNT = "/api/biz/account/query-customer-account-report"
TEAM = {"organization": "org-example", "project": "proj-example"}
NEW_KEY = (
    "make a new key at https://z.ai/manage-apikey/apikey-list; "
    "for a key of BigModel set base_url: https://open.bigmodel.cn"
)
SUBSCRIBE = (
    "subscribe at https://z.ai/subscribe; for a plan of BigModel set base_url: https://open.bigmodel.cn"
)
HTML = Reply(b"<!DOCTYPE html><html>sign in</html>", headers={"Content-Type": "text/html"})


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"zai/{case}"), status, headers)


def html(status: int) -> Reply:
    return Reply(HTML.body, status, HTML.headers)


def told(code: Any, msg: Any = None, **more: Any) -> Reply:
    return Reply({"code": code, "msg": msg, "success": False, **more})


ROUTES: dict[str, Reply] = {
    QUOTAS: recorded("tokens_max"),
    SUBSCRIPTIONS: recorded("subscription"),
    ACCOUNT: recorded("account"),
}
GLOBAL_USAGE = parse(payload("zai/tokens_max")["data"], subscriptions=payload("zai/subscription")["data"])
CHINA_USAGE = parse(
    payload("zai/tokens_max")["data"],
    subscriptions=payload("zai/subscription")["data"],
    account=payload("zai/account")["data"],
)


@pytest.fixture
def chinese(own_home: Path) -> Machine:
    """A machine with a key of mainland China."""
    return make_machine(own_home, {"BIGMODEL_API_KEY": KEY})


def failure(routes: Mapping[str, Route], machine: Machine) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("zai", machine, secret=KEY, base_url=server.url))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_global_region(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(make_ask("zai", machine, secret=KEY, base_url=server.url))
    assert usage == GLOBAL_USAGE
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", QUOTAS, ""),
        ("GET", SUBSCRIPTIONS, ""),
    ]
    for seen in server.seen:
        names = ("authorization", "accept", "accept-language")
        assert [seen.headers[name] for name in names] == [f"Bearer {KEY}", "application/json", "en-US,en"]
        assert not [name for name in seen.headers if name.startswith("bigmodel-")]


@pytest.mark.sockets
def test_a_key_of_china_behind_a_gateway(chinese: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(make_ask("zai", chinese, base_url=server.url))
    assert usage == CHINA_USAGE
    assert server.paths() == [QUOTAS, SUBSCRIPTIONS, ACCOUNT]
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("base_url", "urls", "usage"),
    [
        (ZAI, [ZAI + QUOTAS, ZAI + SUBSCRIPTIONS], GLOBAL_USAGE),
        (BIGMODEL, [BIGMODEL + QUOTAS, BIGMODEL + SUBSCRIPTIONS, BIGMODEL_ACCOUNTS + ACCOUNT], CHINA_USAGE),
    ],
)
def test_the_hosts_of_each_region(
    machine: Machine, no_network: requests_mock.Mocker, base_url: str, urls: list[str], usage: Usage
) -> None:
    for url in urls:
        no_network.get(url, json=next(reply.body for path, reply in ROUTES.items() if url.endswith(path)))
    assert fetch(make_ask("zai", machine, secret=KEY, base_url=base_url)) == usage
    assert [seen.url for seen in no_network.request_history] == urls
    assert {seen.headers["Accept-Language"] for seen in no_network.request_history} == {"en-US,en"}


# -- team accounts ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_team_account(machine: Machine) -> None:
    """Only the quotas know of teams; and a team is of China."""
    with serve(ROUTES) as server:
        usage = fetch(make_ask("zai", machine, secret=KEY, base_url=server.url, given=TEAM))
    assert usage == CHINA_USAGE
    assert [(seen.path, seen.query) for seen in server.seen] == [
        (QUOTAS, "type=2"),
        (SUBSCRIPTIONS, ""),
        (ACCOUNT, ""),
    ]
    names = ("bigmodel-organization", "bigmodel-project")
    assert [[seen.headers.get(name) for name in names] for seen in server.seen] == [
        ["org-example", "proj-example"],
        [None, None],
        [None, None],
    ]


@pytest.mark.parametrize(("given_", "missing"), [("organization", "project"), ("project", "organization")])
def test_half_a_team_is_refused_before_anything_is_sent(machine: Machine, given_: str, missing: str) -> None:
    """It would be answered like an account without any plan."""
    ask = make_ask("zai", machine, secret=KEY, base_url=BIGMODEL, given={given_: TEAM[given_]})
    with pytest.raises(NotConfigured, match=f"needs the option {missing}$") as caught:
        fetch(ask)
    assert caught.value.hint == f"set {missing} under the options of the service"


@pytest.mark.parametrize("base_url", [None, ZAI])
def test_the_global_region_has_no_teams(machine: Machine, base_url: str | None) -> None:
    with pytest.raises(ServiceError, match="for team accounts of open.bigmodel.cn") as caught:
        fetch(make_ask("zai", machine, secret=KEY, base_url=base_url, given=TEAM))
    assert caught.value.hint == "set base_url: https://open.bigmodel.cn, or remove the options"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("env", "given_", "notes"),
    [
        ({"ZAI_API_KEY": KEY}, {}, ()),
        ({"BIGMODEL_API_KEY": KEY}, TEAM, ()),
        (
            {"BIGMODEL_API_KEY": KEY},
            {},
            ("no quota was answered: a team account needs the options organization and project",),
        ),
    ],
)
def test_no_quota_is_an_answer(
    own_home: Path, env: dict[str, str], given_: dict[str, str], notes: tuple[str, ...]
) -> None:
    with serve({**ROUTES, QUOTAS: recorded("no_limits")}) as server:
        usage = fetch(make_ask("zai", make_machine(own_home, env), base_url=server.url, given=given_))
    assert (usage.quotas, usage.notes) == ((), notes)


# -- when the quotas fail ---------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (Reply({}, 401), AuthError, r"Z.ai refused the key \(401\)", NEW_KEY),
        (Reply({}, 403), AuthError, r"Z.ai refused the key \(403\)", NEW_KEY),
        (html(401), AuthError, r"Z.ai refused the key \(401\)", NEW_KEY),
        (recorded("error_1001"), AuthError, r"Z.ai refused the key \(code 1001\)", NEW_KEY),
        (recorded("error_1001", 401), AuthError, r"Z.ai refused the key \(code 1001\)", NEW_KEY),
        (recorded("error_1001", 400), AuthError, r"Z.ai refused the key \(code 1001\)", NEW_KEY),
        (told("1002", "token invalid"), AuthError, r"Z.ai refused the key \(code 1002\)", NEW_KEY),
        (told(1003), AuthError, r"Z.ai refused the key \(code 1003\)", NEW_KEY),
        (told(1004), AuthError, r"Z.ai refused the key \(code 1004\)", NEW_KEY),
        (told(401), AuthError, r"Z.ai refused the key \(code 401\)", NEW_KEY),
        (told(403), AuthError, r"Z.ai refused the key \(code 403\)", NEW_KEY),
        (recorded("error_no_plan"), AuthError, "the key is valid, .* no GLM Coding Plan", SUBSCRIBE),
        (recorded("error_no_plan_chinese"), AuthError, "the key is valid, .* no GLM Coding Plan", SUBSCRIBE),
        (recorded("error_no_plan", 500), AuthError, "the key is valid, .* no GLM Coding Plan", SUBSCRIBE),
        (told(500, "No CODING PLAN", data=None), AuthError, "the key is valid", SUBSCRIBE),
        (
            told(500, "the coding plan is busy", data={}),
            Unavailable,
            "Z.ai refused to answer: the coding plan is busy",
            "try again later",
        ),
        (
            told(1234, "the coding plan is busy"),
            Unavailable,
            "Z.ai refused to answer: the coding plan is busy",
            "try again later",
        ),
        (
            recorded("error_other"),
            Unavailable,
            "Z.ai refused to answer: Internal service error",
            "try again later",
        ),
        (
            told(200, " \x1b[31mno "),
            Unavailable,
            r"Z.ai refused to answer: \[31mno",
            "try again later",
        ),
        (
            Reply({"code": 1005, "success": True, "msg": None, "data": payload("zai/no_limits")["data"]}),
            Unavailable,
            r"Z.ai refused to answer without a reason \(code 1005\)",
            "try again later",
        ),
        (recorded("error_other", 500), Unavailable, r"has a problem of its own \(500\)", "try again later"),
        (html(503), Unavailable, r"has a problem of its own \(503\)", "try again later"),
        (Reply({}, 404), PayloadError, "^\\S+ answered 404", "check base_url"),
        (HTML, PayloadError, "body: .* a web page", None),
        (Reply(b'{"code": 200, "da'), PayloadError, "body: .* not JSON", None),
        (Reply([]), PayloadError, "body: expected an object", None),
        (Reply({"code": 200, "success": True}), PayloadError, "data: expected an object", None),
        (Reply({}), PayloadError, "data: expected an object", None),
        (
            Reply({"code": 200, "success": True, "data": {"level": "pro"}}),
            PayloadError,
            "limits: expected a list",
            None,
        ),
    ],
)
def test_what_failing_quotas_say(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: str | None
) -> None:
    error = failure({**ROUTES, QUOTAS: reply}, machine)
    assert type(error) is kind
    assert re.search(message, error.message)
    assert str(error.hint).startswith(str(hint))


@pytest.mark.sockets
def test_nothing_else_is_asked_once_the_quotas_are_refused(chinese: Machine) -> None:
    routes = {**ROUTES, QUOTAS: recorded("error_no_plan_chinese")}
    with serve(routes) as server, pytest.raises(AuthError, match="BigModel account has no GLM") as caught:
        fetch(make_ask("zai", chinese, base_url=server.url))
    assert server.paths() == [QUOTAS]
    assert caught.value.hint == (
        "subscribe at https://bigmodel.cn (or https://z.ai/subscribe); "
        "for a plan of Z.ai set base_url: https://api.z.ai"
    )


@pytest.mark.sockets
def test_a_refused_key_of_china_says_where_to_make_a_new_one(chinese: Machine) -> None:
    with serve({QUOTAS: recorded("error_1001")}) as server, pytest.raises(AuthError) as caught:
        fetch(make_ask("zai", chinese, base_url=server.url))
    assert caught.value.message == "BigModel refused the key (code 1001)"
    assert caught.value.hint == (
        "make a new key at https://bigmodel.cn/usercenter/proj-mgmt/apikeys; "
        "for a key of Z.ai set base_url: https://api.z.ai"
    )


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "retry_at"),
    [
        (Reply({}, 429, {"Retry-After": "90"}), "2026-11-21T08:01:30"),
        (html(429), None),
        (told(429, "slow down"), None),
    ],
)
def test_how_long_it_asks_us_to_wait(machine: Machine, reply: Reply, retry_at: str | None) -> None:
    error = failure({**ROUTES, QUOTAS: reply}, machine)
    assert type(error) is RateLimited
    assert error.retry_at == (utc(retry_at) if retry_at else None)


@pytest.mark.sockets
def test_a_message_that_repeats_the_key_does_not_show_it(machine: Machine) -> None:
    """Not even where the text is cut within it."""
    for said in (f"no such key: {KEY}", "x" * 180 + KEY):
        error = failure({**ROUTES, QUOTAS: told(500, said)}, machine)
        assert KEY[:12] not in error.message


# -- when another call fails ------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({}, 401), "BigModel refused the key (401)"),
        (recorded("error_1001"), "BigModel refused the key (code 1001)"),
        (recorded("error_other"), "BigModel refused to answer: Internal service error"),
        (html(500), "HOST has a problem of its own (500)"),
        (Reply({}, 429), "HOST asked us to wait (429)"),
        (Reply({}, 404), "HOST answered 404"),
        (HTML, "body: HOST answered with a web page"),
        (Reply([]), "body: expected an object, got a list"),
    ],
)
@pytest.mark.parametrize(
    ("path", "what", "left"),
    [
        (SUBSCRIPTIONS, "the subscription", {"subscriptions": None}),
        (ACCOUNT, "the balance", {"account": None}),
    ],
)
def test_a_failing_call_costs_its_own_entries_only(
    chinese: Machine, reply: Reply, why: str, path: str, what: str, left: dict[str, Any]
) -> None:
    with serve({**ROUTES, path: reply}) as server:
        usage = fetch(make_ask("zai", chinese, base_url=server.url))
    note = f"{what} could not be read: {why}".replace("HOST", server.url.removeprefix("http://"))
    others = {
        "subscriptions": payload("zai/subscription")["data"],
        "account": payload("zai/account")["data"],
        **left,
    }
    assert usage == parse(payload("zai/tokens_max")["data"], notes=(note,), **others)


@pytest.mark.sockets
@pytest.mark.parametrize("body", [{"code": 200, "success": True, "data": None}, {"data": {}}, {}])
def test_answers_that_hold_nothing(chinese: Machine, body: Any) -> None:
    """No subscription is one answer; no balance is none."""
    with serve({**ROUTES, SUBSCRIPTIONS: Reply(body), ACCOUNT: Reply(body)}) as server:
        usage = fetch(make_ask("zai", chinese, base_url=server.url))
    assert usage.plan == {"name": "Max", "renewsAt": None, "status": None}
    assert (usage.balances, usage.notes) == (
        (),
        ("the balance could not be read: the answer lacks a figure",),
    )


@pytest.mark.sockets
def test_calls_that_hang_cost_their_own_entries_only(chinese: Machine) -> None:
    """Together they never take all of the run's time: the quotas are already here."""
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**ROUTES, SUBSCRIPTIONS: hang, ACCOUNT: hang}) as server:
        ask = make_ask("zai", chinese, base_url=server.url, timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert usage.quotas == GLOBAL_USAGE.quotas
    assert [note.partition(" could")[0] for note in usage.notes] == ["the subscription", "the balance"]
    assert all(note.endswith("did not answer in time") for note in usage.notes)
    assert ask.transport.remaining() > 0


# -- the whole way ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_a_user_sees() -> None:
    """Two services of one provider, each with its own key; and no word of a key."""
    with serve({**ROUTES, QUOTAS: recorded("credits_lite_spent")}) as server:
        given_: dict[str, dict[str, Any]] = {"glm": {}, "team": {"options": TEAM}}
        cli.configure(
            [
                {
                    "name": name,
                    "provider": "zai",
                    "credential": {"value": f"{KEY}-{name}"},
                    "base_url": server.url,
                    **more,
                }
                for name, more in given_.items()
            ]
        )
        outcome = cli.run("-v", "zai", "--json")
    glm, team = outcome.documents
    assert outcome.code == 1
    assert [(quota["id"], quota["status"]) for quota in glm["quotas"]] == [
        ("five_hour", "ok"),
        ("weekly", "exhausted"),
    ]
    assert (glm["status"], glm["source"], glm["balances"]) == ("exhausted", "api", [])
    assert glm["plan"]["renewsAt"] == "2026-12-04T00:00:00Z"
    assert [(balance["id"], balance["unit"], balance["amount"]) for balance in team["balances"]] == [
        ("account", "cny", 86.52)
    ]
    shown = "".join(str(body) for body in cli.files_below(here().cache_dir).values())
    assert "GLM Coding Pro" in shown
    assert "fake" not in outcome.out + outcome.err + shown


# -- whatever comes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("region", [GLOBAL, CHINA])
@given(body=mutated(payload("zai/credits_pro")) | mutated(payload("zai/error_no_plan")) | ANY_JSON)
@settings(max_examples=150, deadline=None)
def test_any_envelope(region: Any, body: Any) -> None:
    """It gives what it holds, or one of our errors with a message."""
    try:
        zai._contents(body, region)
    except ProviderError as error:
        assert error.message
        assert error.kind in ("auth", "rate_limited", "unavailable", "invalid_response")
