"""Alibaba's login, keys and cookies, and how its consoles and `bl` are asked with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests_mock

from tests.process import posix
from tests.support import Reply, Seen, make_ask, make_machine, payload, serve
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
from usagecli.providers._alibaba.credentials import accept
from usagecli.providers._alibaba.usage import (
    parse_coding_plan,
    parse_credits,
    parse_printed_coding_plan,
    parse_token_plan,
)
from usagecli.providers._web import BROWSER
from usagecli.providers.alibaba import fetch

API = "zeldaHttp.apikeyMgr./tokenplan/personal/api/v2/"
CLI, DATA, INFO = "/cli/api.json", "/data/api.json", "/tool/user/info.json"
SIGN_IN = "run: bl auth login --console (it lasts on one device at a time)"
KEY, COOKIE = "sk-sp-fake", "login_aliyunid_csrf=fake-csrf; session=fake-session"
INTERNATIONAL, CHINESE = "modelstudio.console.alibabacloud.com", "bailian.console.aliyun.com"


def answer(name: str) -> Reply:
    return Reply(payload(f"alibaba/{name}"))


TOKEN_PLAN = [answer("token_plan"), answer("subscription")]
SHARES = parse_token_plan(payload("alibaba/token_plan"), subscription=payload("alibaba/subscription"))


def write(home: Path, body: Any) -> Path:
    path = home / ".bailian" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="alibaba", provider="alibaba", named=named)
    return credentials.find(registry.get("alibaba"), service, machine)


def form_of(seen: Seen) -> dict[str, str]:
    return dict(parse_qsl(seen.body.decode()))


# -- credentials ------------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path, tmp_path: Path) -> None:
    env = {
        "DASHSCOPE_API_KEY": "fake-third",
        "ALIBABA_QWEN_API_KEY": "fake-second",
        "ALIBABA_CODING_PLAN_API_KEY": "fake-first",
        "QWEN_CLOUD_COOKIE": "Cookie: a=fake-cookie",
    }
    write(own_home, {"access_token": "fake-login"})
    (tmp_path / "config.json").write_text(json.dumps({"access_token": "fake-moved"}), encoding="utf-8")
    moved = find(make_machine(own_home, {**env, "BAILIAN_CONFIG_DIR": str(tmp_path)}))
    assert moved.secret.reveal() == "fake-moved"
    assert find(make_machine(own_home, env)).secret.reveal() == "fake-login"
    write(own_home, {"api_key": "fake-other"})
    seen = []
    for name in ("ALIBABA_CODING_PLAN_API_KEY", "ALIBABA_QWEN_API_KEY", "DASHSCOPE_API_KEY"):
        seen.append(find(make_machine(own_home, env)))
        del env[name]
    seen.append(find(make_machine(own_home, env)))
    assert [(found.kind, found.secret.reveal()) for found in seen] == [
        ("api_key", "fake-first"),
        ("api_key", "fake-second"),
        ("api_key", "fake-third"),
        ("cookie", "a=fake-cookie"),
    ]


def test_a_key_for_all_of_alibaba_s_models_counts_only_beside_bl(own_home: Path) -> None:
    machine = make_machine(own_home, {"DASHSCOPE_API_KEY": KEY})
    with pytest.raises(NotConfigured, match="^no Alibaba Model Studio credential was found"):
        find(machine, named=False)
    write(own_home, {})
    assert find(machine, named=False).secret.reveal() == KEY


@pytest.mark.parametrize(
    ("body", "token", "facts"),
    [
        ({"access_token": "fake-1"}, "fake-1", {"region": None, "site": None, "agent": None}),
        *(
            (
                {"access_token": "fake-1", "console_switch_agent": told},
                "fake-1",
                {"region": None, "site": None, "agent": agent},
            )
            for told, agent in (
                (1234567890123456, 1234567890123456),
                (" 1234567890123456 ", 1234567890123456),
                (True, None),
                ("me", None),
                (-7, None),
            )
        ),
        (
            {
                "access_token": "fake-1",
                "console_region": "ap-southeast-1",
                "console_site": "international",
                "console_switch_agent": 7,
            },
            "fake-1",
            {"region": "ap-southeast-1", "site": "international", "agent": 7},
        ),
        (
            {"active_config": "work", "access_token": "fake-1", "work": {"access_token": "fake-2"}},
            "fake-2",
            {"region": None, "site": None, "agent": None},
        ),
        (
            {"active_config": "default", "access_token": "fake-1", "work": {"access_token": "fake-2"}},
            "fake-1",
            {"region": None, "site": None, "agent": None},
        ),
    ],
)
def test_the_login_of_the_profile_in_use(own_home: Path, body: Any, token: str, facts: Any) -> None:
    write(own_home, body)
    found = find(make_machine(own_home))
    assert (found.kind, found.secret.reveal(), found.facts) == ("access_token", token, facts)


def test_a_profile_that_is_not_there(own_home: Path) -> None:
    write(own_home, {"active_config": "work", "access_token": "fake-1"})
    with pytest.raises(NotConfigured, match="names a profile that is not there$"):
        find(make_machine(own_home))


@pytest.mark.parametrize("body", ["", {}, {"access_token": " "}, {"access_token": 7}])
def test_a_config_without_a_login(own_home: Path, body: Any) -> None:
    write(own_home, body)
    with pytest.raises(NotConfigured, match="^no Alibaba Model Studio credential was found"):
        find(make_machine(own_home))


def test_a_broken_config_shows_none_of_it(own_home: Path) -> None:
    write(own_home, '{"access_token": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("parts", "kind", "secret"),
    [
        ({"": KEY}, "api_key", KEY),
        ({"api_key": KEY}, "api_key", KEY),
        ({"": COOKIE}, "cookie", COOKIE),
        ({"cookie": f"Cookie: {COOKIE}"}, "cookie", COOKIE),
        ({"access_token": "fake=="}, "access_token", "fake=="),
        ({"": '{"access_token": "fake-1"}'}, "access_token", "fake-1"),
    ],
)
def test_what_may_be_configured(machine: Machine, parts: Any, kind: str, secret: str) -> None:
    found = accept(parts, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, secret)


def test_a_configured_file_without_a_login(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds no console login$"):
        accept({"": "{}"}, "x", machine)


# -- a token plan, with the login -------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked_with_a_login(own_home: Path) -> None:
    write(own_home, {"access_token": "fake-login", "console_switch_agent": 7})
    with serve({CLI: list(TOKEN_PLAN)}) as server:
        usage = fetch(make_ask("alibaba", make_machine(own_home), base_url=server.url))
    assert usage == SHARES
    for seen, what in zip(server.seen, ("usage", "subscription"), strict=True):
        assert (seen.method, seen.path) == ("POST", CLI)
        assert parse_qsl(seen.query) == [
            ("action", "BroadScopeAspnGateway"),
            ("product", "sfm_bailian"),
            ("api", f"{API}{what}"),
        ]
        assert seen.headers["authorization"] == "Bearer fake-login"
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        form = form_of(seen)
        assert json.loads(form.pop("params")) == {
            "Api": f"{API}{what}",
            "V": "1.0",
            "Data": {
                "cornerstoneParam": {
                    "protocol": "V2",
                    "console": "ONE_CONSOLE",
                    "productCode": "p_efm",
                    "switchUserType": 3,
                    "consoleSite": "BAILIAN_ALIYUN",
                    "switchAgent": 7,
                }
            },
        }
        assert form == {"region": "cn-beijing"}


@pytest.mark.parametrize(
    ("config", "given", "host", "action"),
    [
        ({}, {}, "bailian-cs.console.aliyun.com", "BroadScopeAspnGateway"),
        (
            {"console_site": "international"},
            {},
            "bailian-cs.console.alibabacloud.com",
            "BroadScopeAspnGateway",
        ),
        (
            {"console_region": "ap-southeast-1"},
            {},
            "modelstudio-cs.console.aliyun.com",
            "IntlBroadScopeAspnGateway",
        ),
        (
            {"console_region": "ap-southeast-1", "console_site": "international"},
            {},
            "bailian-singapore-cs.alibabacloud.com",
            "IntlBroadScopeAspnGateway",
        ),
        (
            {"console_region": "cn-beijing"},
            {"console_region": "ap-southeast-1", "console_site": "international"},
            "bailian-singapore-cs.alibabacloud.com",
            "IntlBroadScopeAspnGateway",
        ),
    ],
)
def test_the_host_of_region_and_site(
    own_home: Path, no_network: requests_mock.Mocker, config: Any, given: Any, host: str, action: str
) -> None:
    write(own_home, {"access_token": "fake-login", **config})
    no_network.post(f"https://{host}{CLI}", [{"json": reply.body} for reply in TOKEN_PLAN])
    assert fetch(make_ask("alibaba", make_machine(own_home), given=given)) == SHARES
    for request in no_network.request_history:
        assert request.qs["action"] == [action.lower()]
        form = dict(parse_qsl(request.text))
        assert form["region"] == given.get("console_region", config.get("console_region", "cn-beijing"))
        assert "switchAgent" not in form["params"]


def test_an_unknown_region(own_home: Path) -> None:
    write(own_home, {"access_token": "fake-login", "console_region": "moon-1"})
    with pytest.raises(ServiceError, match="are not known to have a gateway"):
        fetch(make_ask("alibaba", make_machine(own_home)))


def failure(machine: Machine, secret: Any, replies: Mapping[str, Any]) -> ProviderError:
    with serve(replies) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("alibaba", machine, secret=secret, base_url=server.url, timeout_s=8))
    return caught.value


LOGIN = {"access_token": "fake-login"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "path", "hint"),
    [
        (LOGIN, CLI, SIGN_IN),
        (KEY, DATA, f"Alibaba often refuses keys; {SIGN_IN}"),
        (
            {"cookie": f"{COOKIE}; sec_token=fake-sec"},
            DATA,
            "copy the cookie of home.qwencloud.com again from a browser that is signed in",
        ),
    ],
)
@pytest.mark.parametrize(
    "reply", [answer("signed_out"), Reply({"statusCode": 403}), Reply({}, 401), Reply({}, 403)]
)
def test_a_refusal(machine: Machine, secret: Any, path: str, hint: str, reply: Reply) -> None:
    error = failure(machine, secret, {path: reply})
    assert (type(error), error.hint) == (AuthError, hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("status", "code"), [(403, "Forbidden.RAM"), (401, "NoPermission"), (400, "NoPermission")]
)
def test_a_missing_permission_with_any_status(machine: Machine, status: int, code: str) -> None:
    error = failure(machine, LOGIN, {CLI: Reply({"code": code, "message": "no"}, status)})
    assert isinstance(error, AuthError)
    assert error.hint == "give it the permission AliyunTokenPlanReadOnlyAccess"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({}, 429), RateLimited),
        (Reply({}, 500), Unavailable),
        (Reply({"data": {"success": False, "errorMsg": "no"}}), Unavailable),
        (Reply({}), PayloadError),
        (Reply([]), PayloadError),
        (Reply(b"<html>"), PayloadError),
        (Reply({}, 404), PayloadError),
    ],
)
@pytest.mark.parametrize(
    ("secret", "path"), [(LOGIN, CLI), (KEY, DATA), ({"cookie": f"{COOKIE}; sec_token=fake"}, DATA)]
)
def test_other_failures(machine: Machine, secret: Any, path: str, reply: Reply, kind: Any) -> None:
    assert type(failure(machine, secret, {path: reply})) is kind


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({}, 500), answer("signed_out")])
def test_a_subscription_that_fails_is_a_note(machine: Machine, reply: Reply) -> None:
    with serve({CLI: [TOKEN_PLAN[0], reply]}) as server:
        usage = fetch(make_ask("alibaba", machine, secret=LOGIN, base_url=server.url))
    assert (usage.quotas, usage.plan) == (SHARES.quotas, None)
    (note,) = usage.notes
    assert note.startswith("the subscription could not be read: ")


@pytest.mark.sockets
@pytest.mark.parametrize(("site", "product"), [(None, "cn"), ("international", "intl")])
def test_a_login_without_a_token_plan_reads_a_coding_plan(
    machine: Machine, site: str | None, product: str
) -> None:
    replies = [answer("token_plan_empty"), Reply({}), answer("coding_plan")]
    with serve({CLI: replies}) as server:
        given = {"console_site": site} if site else None
        usage = fetch(make_ask("alibaba", machine, secret=LOGIN, base_url=server.url, given=given))
    assert usage == replace(parse_coding_plan(payload("alibaba/coding_plan")), source="oauth")
    api = "zeldaEasy.broadscope-bailian.codingPlan.queryCodingPlanInstanceInfoV2"
    assert dict(parse_qsl(server.seen[2].query))["api"] == api
    params = json.loads(form_of(server.seen[2])["params"])
    assert (params["Api"], params["Data"]["queryCodingPlanInstanceInfoRequest"]) == (
        api,
        {"commodityCode": f"sfm_codingplan_public_{product}", "onlyLatestOne": True},
    )


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({}), Reply({}, 500), answer("signed_out")])
def test_a_login_without_any_plan(machine: Machine, reply: Reply) -> None:
    error = failure(machine, LOGIN, {CLI: [answer("token_plan_empty"), Reply({}), reply]})
    assert error.message == "usage: no window of a token plan was answered"


@pytest.mark.sockets
def test_a_valid_subscription_without_limits_asks_for_nothing_more(machine: Machine) -> None:
    with serve({CLI: [answer("token_plan_empty"), answer("subscription")]}) as server:
        usage = fetch(make_ask("alibaba", machine, secret=LOGIN, base_url=server.url))
    assert (usage.quotas, usage.notes) == ((), ("Alibaba told no limits of the plan",))
    assert len(server.seen) == 2


# -- a coding plan, with a key ----------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked_with_a_key(machine: Machine) -> None:
    with serve({DATA: answer("coding_plan")}) as server:
        usage = fetch(make_ask("alibaba", machine, secret=KEY, base_url=server.url))
    assert usage == parse_coding_plan(payload("alibaba/coding_plan"))
    (seen,) = server.seen
    check_coding_plan(dict(parse_qsl(seen.query)), seen.headers, seen.json(), "ap-southeast-1", "intl")


def check_coding_plan(query: Any, headers: Mapping[str, str], body: Any, region: str, product: str) -> None:
    assert query == {
        "action": "zeldaEasy.broadscope-bailian.codingPlan.queryCodingPlanInstanceInfoV2",
        "product": "broadscope-bailian",
        "api": "queryCodingPlanInstanceInfoV2",
        "currentRegionId": region,
    }
    told = {name.lower(): value for name, value in headers.items()}
    assert told["content-type"] == "application/json"
    assert [told[name] for name in ("authorization", "x-api-key", "x-dashscope-api-key")] == [
        f"Bearer {KEY}",
        KEY,
        KEY,
    ]
    product = f"sfm_codingplan_public_{product}"
    assert body == {"queryCodingPlanInstanceInfoRequest": {"commodityCode": product}}


@pytest.mark.parametrize(
    "refused",
    [
        {"status_code": 500},
        {"status_code": 401},
        {"status_code": 429},
        {"text": "<html>"},
        {"json": {}},
        {"json": {"code": "ConsoleNeedLogin"}},
    ],
)
def test_where_the_international_site_fails_the_chinese_one_is_asked(
    machine: Machine, no_network: requests_mock.Mocker, refused: Any
) -> None:
    no_network.post(f"https://{INTERNATIONAL}{DATA}", **refused)
    no_network.post(f"https://{CHINESE}{DATA}", json=payload("alibaba/coding_plan"))
    usage = fetch(make_ask("alibaba", machine, secret=KEY))
    assert usage == parse_coding_plan(payload("alibaba/coding_plan"))
    first, second = no_network.request_history
    for request, region, product in ((first, "ap-southeast-1", "intl"), (second, "cn-beijing", "cn")):
        query = dict(parse_qsl(request.url.partition("?")[2]))
        check_coding_plan(query, request.headers, request.json(), region, product)


def test_where_both_sites_fail_the_first_failure_is_told(
    machine: Machine, no_network: requests_mock.Mocker
) -> None:
    no_network.post(f"https://{INTERNATIONAL}{DATA}", status_code=401)
    no_network.post(f"https://{CHINESE}{DATA}", status_code=500)
    with pytest.raises(AuthError, match=r"\(401\)$"):
        fetch(make_ask("alibaba", machine, secret=KEY))
    assert no_network.call_count == 2


def test_a_base_url_of_the_chinese_site(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.post(f"https://{CHINESE}{DATA}", json=payload("alibaba/coding_plan"))
    fetch(make_ask("alibaba", machine, secret=KEY, base_url=f"https://{CHINESE}"))
    (request,) = no_network.request_history
    assert request.json()["queryCodingPlanInstanceInfoRequest"]["commodityCode"].endswith("_cn")


# -- Qwen Cloud, with a cookie ----------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked_with_a_cookie(machine: Machine) -> None:
    with serve({INFO: answer("user_info"), DATA: list(TOKEN_PLAN)}) as server:
        usage = fetch(make_ask("alibaba", machine, secret={"cookie": COOKIE}, base_url=server.url))
    assert usage == parse_token_plan(
        payload("alibaba/token_plan"), subscription=payload("alibaba/subscription"), source="cookie"
    )
    info, *rest = server.seen
    assert (info.method, info.path) == ("GET", INFO)
    for seen, what in zip(rest, ("usage", "subscription"), strict=True):
        api = f"{API}{what}"
        query = {"action": "IntlBroadScopeAspnGateway", "product": "sfm_bailian", "api": api}
        assert (seen.method, seen.path, dict(parse_qsl(seen.query))) == ("POST", DATA, query)
        form = form_of(seen)
        params = json.loads(form.pop("params"))
        assert form == {
            **query,
            "sec_token": "fake-sec-token",
            "region": "ap-southeast-1",
            "language": "en-US",
        }
        assert params["Api"] == api
        assert params["Data"]["cornerstoneParam"]["consoleSite"] == "QWENCLOUD"
        assert params["Data"].get("commodityCode") == (
            "sfm_tokenplansolo_public_intl" if what == "subscription" else None
        )
    wanted = {
        "cookie": COOKIE,
        "origin": "https://home.qwencloud.com",
        "x-csrf-token": "fake-csrf",
        "x-xsrf-token": "fake-csrf",
        "user-agent": BROWSER,
    }
    for seen in server.seen:
        assert {name: seen.headers[name] for name in wanted} == wanted


def test_the_host_of_qwen_cloud_and_the_token_of_the_cookie(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    answers = [{"json": payload(f"alibaba/{name}")} for name in ("token_plan_empty", "summary")]
    no_network.post(f"https://home.qwencloud.com{DATA}", answers)
    env = {"QWEN_CLOUD_COOKIE": "session=fake-session; sec_token=fake-sec"}
    usage = fetch(make_ask("alibaba", make_machine(own_home, env)))
    assert usage == parse_credits(payload("alibaba/summary"))
    form = dict(parse_qsl(no_network.request_history[1].text))
    assert form == {
        "action": "GetSubscriptionSummary",
        "product": "BssOpenAPI-V3",
        "sec_token": "fake-sec",
        "region": "ap-southeast-1",
        "language": "en-US",
        "params": '{"productCode": "sfm_tokenplansolo_public_intl"}',
    }
    assert all("x-csrf-token" not in request.headers for request in no_network.request_history)


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({"data": {}}), Reply({"data": {"secToken": " "}}), Reply({}, 401)])
def test_a_cookie_without_a_session(machine: Machine, reply: Reply) -> None:
    error = failure(machine, {"cookie": COOKIE}, {INFO: reply})
    assert type(error) is AuthError
    assert str(error.hint).startswith("copy the cookie of home.qwencloud.com again")


# -- what bl prints ---------------------------------------------------------------------------------


def printed(home: Path, folder: Path, script: str) -> Usage:
    program = folder / "bl"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return fetch(make_ask("alibaba", make_machine(home, {"PATH": f"{folder}:/usr/bin:/bin"})))


SHARE = '{"per5HourPercentage": 0.183, "per5HourResetTime": 1795340000000}'
PLAN = '{"instanceType": "lite", "per5Hour": {"usedQuota": 340, "totalQuota": 1200}}'
# Token plans it does not know, coding plans it does.
BOTH = f"""
case "$*" in
  "usage token-plan --output json") echo '{{}}' ;;
  "usage coding-plan --output json") echo '{PLAN}' ;;
  *) exit 9 ;;
esac"""


@posix
def test_what_bl_prints(own_home: Path, tmp_path: Path) -> None:
    script = f"test \"$*\" = 'usage token-plan --output json' && echo '{SHARE}'"
    assert printed(own_home, tmp_path, script) == parse_token_plan(json.loads(SHARE), source="cli")
    assert printed(own_home, tmp_path, BOTH) == parse_printed_coding_plan(json.loads(PLAN))


@posix
@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        (
            """echo '{"error": {"message": "no session", "hint": "bl auth login"}}'; exit 3""",
            AuthError,
            "^bl is not signed in: no session$",
        ),
        (
            """echo '{"error": {"message": "please log in"}}' >&2; exit 3""",
            AuthError,
            "^bl is not signed in: please log in$",
        ),
        ("""echo '{"error": {"message": "timeout"}}'; exit 1""", Unavailable, "with an error: timeout$"),
        ("""echo '{"error": "x"}'; exit 1""", Unavailable, "it gave no reason$"),
        ("exit 2", PayloadError, "^usage: bl printed nothing that can be read$"),
        ("echo usage: bl", PayloadError, "^usage: bl printed nothing that can be read$"),
        ("echo '{}'", PayloadError, "^usage: bl printed no window"),
    ],
)
def test_bl_without_figures(
    own_home: Path, tmp_path: Path, script: str, kind: type[ProviderError], message: str
) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        printed(own_home, tmp_path, script)
    assert type(caught.value) is kind


@posix
def test_bl_counts_only_where_it_is_used(own_home: Path, tmp_path: Path) -> None:
    program = tmp_path / "bl"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    machine = make_machine(own_home, {"PATH": str(tmp_path)})
    with pytest.raises(NotConfigured):
        find(machine, named=False)
    assert find(machine).kind == "program"
    write(own_home, {})
    assert find(machine, named=False).kind == "program"
