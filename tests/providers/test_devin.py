"""Devin: what its answers say, how it is asked, and where its logins stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from hypothesis import given

from tests.fuzz import mutated, survives
from tests.support import NOW, Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from tests.vscode import write_state
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
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
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers import _codeium
from usagecli.providers._devin import enterprise, web
from usagecli.providers._devin.credentials import accept
from usagecli.providers.devin import fetch

KEY, LOGIN, BEARER = "cog_fake", "sk-ws-01-fake", "fake-bearer"
STATUS = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
CYCLES, DAILY = "/v3/enterprise/consumption/cycles", "/v3/enterprise/consumption/daily"
LIMITS = "/v3/enterprise/consumption/acu-limits/devin"
TOMORROW, FRIDAY = utc("2026-11-22T08:00:00"), utc("2026-11-27T08:00:00")
FILE = ".local/share/devin/credentials.toml"


def daily(used: str, reset: Any = TOMORROW) -> Quota:
    return Quota(
        id="daily",
        label="Daily limit",
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=86400,
        resets_at=reset,
    )


def weekly(used: str, reset: Any = FRIDAY) -> Quota:
    return Quota(
        id="weekly",
        label="Weekly limit",
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=604800,
        resets_at=reset,
    )


def extra(amount: str) -> Balance:
    return Balance(id="extra_usage", label="Extra usage", unit="usd", amount=d(amount))


PRO = Usage(quotas=(daily("18"), weekly("65")), balances=(extra("12.5"),), plan=plan("Pro"), source="oauth")


def read(
    machine: Machine, routes: Mapping[str, Route], secret: Any = LOGIN, **more: Any
) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("devin", machine, secret=secret, base_url=server.url, **more)), server


def failure(machine: Machine, routes: Mapping[str, Route], secret: Any = LOGIN, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(machine, routes, secret, **more)
    assert "fake" not in caught.value.message
    return caught.value


# -- the plan quota ---------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("status", PRO),
        # A 0 is left out: the week is spent.
        ("status_spent", Usage(quotas=(daily("18"), weekly("100")), plan=plan("Pro"), source="oauth")),
        # Neither percentage nor reset: no such window.
        ("status_trial", Usage(quotas=(weekly("0"),), plan=plan("Trial"), source="oauth")),
    ],
)
def test_a_plan(machine: Machine, case: str, expected: Usage) -> None:
    assert read(machine, {STATUS: Reply(payload(f"devin/{case}"))})[0] == expected


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    _, server = read(machine, {STATUS: Reply(payload("devin/status"))})
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("POST", STATUS, "")
    names = ("content-type", "connect-protocol-version", "accept")
    assert [seen.headers[name] for name in names] == ["application/json", "1", "application/json"]
    assert "authorization" not in seen.headers
    assert seen.json() == {
        "metadata": {
            "apiKey": LOGIN,
            "ideName": "devin",
            "ideVersion": "1.108.2",
            "extensionName": "devin",
            "extensionVersion": "1.108.2",
            "locale": "en",
        }
    }


@pytest.mark.parametrize("url", ["https://server.codeium.com", "https://devin.example.com/"])
def test_the_server_of_the_login(
    own_home: Path, machine: Machine, no_network: requests_mock.Mocker, url: str
) -> None:
    write(own_home, f'windsurf_api_key = "{LOGIN}"\napi_server_url = "{url}"\n')
    no_network.post(url.rstrip("/") + STATUS, json=payload("devin/status"))
    assert fetch(make_ask("devin", machine)) == PRO


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"dailyQuotaRemainingPercent": 82, "dailyQuotaResetAtUnix": "1795334400"}, [daily("18")]),
        ({"dailyQuotaRemainingPercent": "82"}, [daily("18", None)]),
        ({"dailyQuotaRemainingPercent": 0, "dailyQuotaResetAtUnix": 1795334400}, [daily("100")]),
        ({"dailyQuotaResetAtUnix": "1795334400"}, [daily("100")]),
        ({"dailyQuotaRemainingPercent": None, "dailyQuotaResetAtUnix": "1795334400"}, [daily("100")]),
        ({"dailyQuotaRemainingPercent": -5}, [daily("100", None)]),
        ({"dailyQuotaRemainingPercent": 140}, [daily("0", None)]),
        # What cannot be read is not known, and not spent.
        ({"dailyQuotaRemainingPercent": "many", "dailyQuotaResetAtUnix": "1795334400"}, []),
        ({"dailyQuotaResetAtUnix": "0"}, []),
        ({}, []),
    ],
)
def test_a_window(told: dict[str, Any], expected: list[Quota]) -> None:
    assert list(_codeium.quotas(told)) == expected


HIDDEN = {"planInfo": {"hideDailyQuota": True}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {
                "dailyQuotaRemainingPercent": 82,
                "weeklyQuotaRemainingPercent": 35,
                "weeklyQuotaResetAtUnix": 1795766400,
            },
            [weekly("65")],
        ),
        (
            {
                "dailyQuotaRemainingPercent": 82,
                "dailyQuotaResetAtUnix": 1795334400,
                "weeklyQuotaResetAtUnix": 1795766400,
            },
            [weekly("18")],
        ),
        ({"weeklyQuotaResetAtUnix": 1795766400, "dailyQuotaResetAtUnix": 1795334400}, [weekly("100")]),
        ({"dailyQuotaRemainingPercent": 82}, [weekly("18", None)]),
        ({"dailyQuotaResetAtUnix": 1795334400}, []),
    ],
)
def test_a_hidden_daily_quota(told: dict[str, Any], expected: list[Quota]) -> None:
    assert list(_codeium.quotas({**HIDDEN, **told})) == expected


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply({}, 401), AuthError, "refused the login (401)"),
        (Reply({}, 403), AuthError, "refused the login (403)"),
        (Reply({"code": "unauthenticated", "message": "x"}, 400), AuthError, "refused the login (400)"),
        (Reply({"code": "unauthenticated"}), AuthError, "refused the login (200)"),
        (Reply({"code": "internal"}, 400), PayloadError, " answered 4"),
        (Reply({}, 429), RateLimited, "(429)"),
        (Reply({}, 500), Unavailable, "(500)"),
        (Reply({}), PayloadError, "userStatus.planStatus: "),
        (
            Reply({"userStatus": {"planStatus": {"planInfo": {"planName": "Pro"}}}}),
            PayloadError,
            "userStatus",
        ),
        (Reply([]), PayloadError, "body: "),
        (Reply(b"<html>"), PayloadError, "body: "),
    ],
)
def test_refusals(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    error = failure(machine, {STATUS: reply})
    assert (type(error), message in error.message) == (kind, True), error.message
    assert kind is not AuthError or error.hint == "run: devin auth login"


@given(body=mutated(payload("devin/status")["userStatus"]["planStatus"]))
def test_any_plan_status_is_read(body: Any) -> None:
    status = body if isinstance(body, dict) else {}
    survives(lambda: Usage(quotas=_codeium.quotas(status), balances=_codeium.extra_usage(status)))


# -- the website ------------------------------------------------------------------------------------

SITE = Usage(quotas=(daily("18"), weekly("65")), balances=(extra("12.5"),), source="cookie")
WEB = {"bearer_token": BEARER}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("my-org", ["my-org"]),
        ("org/my-org", ["my-org", "org/my-org"]),
        ("organizations/my-org", ["my-org", "org/my-org", "organizations/my-org"]),
    ],
)
@pytest.mark.parametrize("given_", ["my-org", "org/my-org", "https://app.devin.ai/org/my-org"])
def test_the_forms_of_an_organization(machine: Machine, known: str, asked: list[str], given_: str) -> None:
    path = "/api/{}/billing/quota/usage"
    found, server = read(
        machine, {path.format(known): Reply(payload("devin/web"))}, WEB, given={"organization": given_}
    )
    assert found == SITE
    assert server.paths() == [path.format(form) for form in asked]
    for seen in server.seen:
        assert (seen.method, seen.headers["authorization"]) == ("GET", f"Bearer {BEARER}")
        assert seen.headers["x-cog-org-id"] == "my-org"


def test_the_host_of_the_website(own_home: Path, no_network: requests_mock.Mocker) -> None:
    env = {"DEVIN_AUTHORIZATION": f"Bearer {BEARER}", "DEVIN_ORG": "my-org"}
    no_network.get("https://app.devin.ai/api/my-org/billing/quota/usage", json=payload("devin/web"))
    assert fetch(make_ask("devin", make_machine(own_home, env))) == SITE
    assert no_network.request_history[0].headers["Authorization"] == f"Bearer {BEARER}"


@pytest.mark.parametrize(
    ("change", "quotas", "balances"),
    [
        # Below 1 a fraction, from 1 on a percentage.
        ({"daily_percentage": 0.99}, (daily("99"), weekly("65")), ("12.5",)),
        ({"daily_percentage": 1}, (daily("1"), weekly("65")), ("12.5",)),
        ({"daily_percentage": 0}, (daily("0"), weekly("65")), ("12.5",)),
        ({"daily_percentage": 130}, (daily("100"), weekly("65")), ("12.5",)),
        ({"daily_percentage": None}, (weekly("65"),), ("12.5",)),
        ({"hide_daily_quota": True}, (weekly("65"),), ("12.5",)),
        ({"hide_daily_quota": True, "weekly_percentage": None}, (weekly("18"),), ("12.5",)),
        ({"has_quota_allocation": False}, (), ("12.5",)),
        ({"is_quota_plan": False}, (), ("12.5",)),
        ({"overage_balance": None, "overage_balance_cents": 990}, (daily("18"), weekly("65")), ("9.9",)),
        ({"overage_balance": None}, (daily("18"), weekly("65")), ()),
    ],
)
def test_the_website_s_figures(change: dict[str, Any], quotas: Any, balances: tuple[str, ...]) -> None:
    found = web.parse({**payload("devin/web"), **change})
    assert (found.quotas, found.balances) == (quotas, tuple(map(extra, balances)))


@pytest.mark.parametrize("body", [{}, [], {"is_quota_plan": False, "weekly_percentage": 3}])
def test_a_website_without_figures(body: Any) -> None:
    with pytest.raises(PayloadError):
        web.parse(body)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("status", "given_", "kind", "message"),
    [
        (401, "my-org", AuthError, "refused the browser's session (401)"),
        (403, "my-org", AuthError, "refused the browser's session (403)"),
        (404, "my-org", ServiceError, "no such organization"),
        (500, "my-org", Unavailable, "(500)"),
        (429, "my-org", RateLimited, "(429)"),
        (200, "../../a b", ServiceError, "is no id or slug"),
        (200, None, NotConfigured, "the organization is missing"),
    ],
)
def test_the_website_s_refusals(
    machine: Machine, status: int, given_: str | None, kind: type[ProviderError], message: str
) -> None:
    routes = {"/api/my-org/billing/quota/usage": Reply({}, status)}
    error = failure(machine, routes, WEB, given={"organization": given_} if given_ else {}, timeout_s=8)
    assert (type(error), message in error.message) == (kind, True), error.message


@given(body=mutated(payload("devin/web")))
def test_any_answer_of_the_website_is_read_or_refused(body: Any) -> None:
    survives(lambda: web.parse(body))


# -- Enterprise -------------------------------------------------------------------------------------

ENTERPRISE: dict[str, Route] = {
    CYCLES: Reply(payload("devin/cycles")),
    DAILY: Reply(payload("devin/daily")),
    LIMITS: Reply(payload("devin/limits")),
}


def acus(limit: int | None = 1000) -> Quota:
    return Quota(
        id="acu_cycle",
        label="ACUs this cycle",
        unit="credits",
        used=d("412.5"),
        limit=None if limit is None else d(limit),
        window_seconds=30 * 86400,
        resets_at=utc("2026-12-01T08:00:00"),
    )


@pytest.mark.sockets
def test_an_enterprise(machine: Machine) -> None:
    found, server = read(machine, ENTERPRISE, KEY)
    assert found == Usage(quotas=(acus(),))
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", CYCLES, ""),
        ("GET", DAILY, f"time_after=1793520000&time_before={int(NOW.timestamp())}"),
        ("GET", LIMITS, ""),
    ]
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


def test_the_host_of_an_enterprise(own_home: Path, no_network: requests_mock.Mocker) -> None:
    for path, name in ((CYCLES, "cycles"), (DAILY, "daily"), (LIMITS, "limits")):
        no_network.get(f"https://api.devin.ai{path}", json=payload(f"devin/{name}"))
    assert fetch(make_ask("devin", make_machine(own_home, {"DEVIN_API_KEY": KEY}))).quotas == (acus(),)


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (payload("devin/limits"), 1000),
        ({"items": []}, None),
        ({"items": [{"cycle_acu_limit": 50, "scope": "user"}]}, None),
        ({"items": [{"cycle_acu_limit": None, "scope": "enterprise"}]}, None),
        ({"items": [7, {"cycle_acu_limit": "250", "scope": "enterprise"}]}, 250),
        (None, None),
    ],
)
def test_the_cap_of_an_enterprise(limits: Any, limit: int | None) -> None:
    cycle = enterprise.current(payload("devin/cycles"), NOW)
    found = enterprise.parse(payload("devin/daily"), cycle=cycle, limits=limits)
    assert found.quotas == (acus(limit),)
    assert (found.quotas[0].percent_used is None) == (limit is None)


@pytest.mark.parametrize(
    ("at", "reset"),
    [
        ("2026-11-01T08:00:00", "2026-12-01T08:00:00"),
        ("2026-11-01T07:59:59", "2026-11-01T08:00:00"),
        ("2026-12-01T08:00:00", None),
    ],
)
def test_which_cycle_is_this(at: str, reset: str | None) -> None:
    if reset is None:
        with pytest.raises(PayloadError, match="^items: no billing cycle"):
            enterprise.current(payload("devin/cycles"), utc(at))
    else:
        assert enterprise.current(payload("devin/cycles"), utc(at)).before == utc(reset)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "kind", "message", "hint"),
    [
        ({CYCLES: Reply({}, 401)}, AuthError, "(401)", "make a new key"),
        ({CYCLES: Reply({}, 403)}, AuthError, "(403)", "ViewAccountConsumption"),
        ({DAILY: Reply({}, 403)}, AuthError, "(403)", "ViewAccountConsumption"),
        ({CYCLES: Reply({"items": []})}, PayloadError, "items: ", ""),
        ({CYCLES: Reply({})}, PayloadError, "items: ", ""),
        ({DAILY: Reply({})}, PayloadError, "total_acus: ", ""),
        ({DAILY: Reply({}, 429)}, RateLimited, "(429)", ""),
    ],
)
def test_an_enterprise_s_refusals(
    machine: Machine, routes: dict[str, Route], kind: type[ProviderError], message: str, hint: str
) -> None:
    error = failure(machine, {**ENTERPRISE, **routes}, KEY)
    assert (type(error), message in error.message) == (kind, True), error.message
    assert hint in str(error.hint)


@pytest.mark.sockets
def test_without_the_caps_the_use_is_shown(machine: Machine) -> None:
    found, _ = read(machine, {**ENTERPRISE, LIMITS: Reply({}, 403)}, KEY)
    assert found.quotas == (acus(None),)
    assert found.notes == (
        "the cap on ACUs could not be read: Devin refused the API key (403): a permission is missing",
    )


@given(
    cycles=mutated(payload("devin/cycles")),
    daily_=mutated(payload("devin/daily")),
    limits=mutated(payload("devin/limits")),
)
def test_any_enterprise_is_read_or_refused(cycles: Any, daily_: Any, limits: Any) -> None:
    survives(lambda: enterprise.parse(daily_, cycle=enterprise.current(cycles, NOW), limits=limits))


# -- where logins stand -----------------------------------------------------------------------------


def find(machine: Machine, options: Mapping[str, Any] | None = None) -> Credential:
    service = Service(name="devin", provider="devin", options=options or {})
    return credentials.find(registry.get("devin"), service, machine)


def write(home: Path, text: str) -> Path:
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", ".config/Devin"),
        ("darwin", "Library/Application Support/Devin"),
        ("win32", "AppData/Roaming/Devin"),
    ],
)
def test_the_usual_places_in_their_order(own_home: Path, platform: str, folder: str) -> None:
    """Each is taken away once it was found."""
    env = {
        "DEVIN_API_KEY": KEY,
        "DEVIN_BEARER_TOKEN": f"Bearer {BEARER}-1",
        "DEVIN_AUTHORIZATION": f"{BEARER}-2",
        "DEVIN_ORGANIZATION": "my-org",
    }
    file = write(own_home, f'windsurf_api_key = "{LOGIN}-1"')
    state = write_state(
        make_machine(own_home, platform=platform), "Devin", {"windsurfAuthStatus": {"apiKey": f"{LOGIN}-2"}}
    )
    seen = []
    for gone in (
        lambda: env.pop("DEVIN_API_KEY"),
        lambda: env.pop("DEVIN_BEARER_TOKEN"),
        lambda: env.pop("DEVIN_AUTHORIZATION"),
        file.unlink,
        state.unlink,
    ):
        found = find(make_machine(own_home, env, platform=platform))
        seen.append((found.secret.reveal(), found.kind, found.origin.replace("\\", "/")))
        gone()
    assert seen == [
        (KEY, "enterprise", "DEVIN_API_KEY"),
        (f"{BEARER}-1", "web", "DEVIN_BEARER_TOKEN"),
        (f"{BEARER}-2", "web", "DEVIN_AUTHORIZATION"),
        (f"{LOGIN}-1", "login", f"~/{FILE}"),
        (f"{LOGIN}-2", "login", f"~/{folder}/User/globalStorage/state.vscdb"),
    ]
    with pytest.raises(NotConfigured, match="^no Devin credential was found"):
        find(make_machine(own_home, env, platform=platform))


def test_a_key_of_another_kind_is_passed_over(own_home: Path) -> None:
    env = {"DEVIN_API_KEY": "apk_user_fake"}
    with pytest.raises(NotConfigured, match="^no Devin credential"):
        find(make_machine(own_home, env))
    write(own_home, f'windsurf_api_key = "{LOGIN}"')
    assert find(make_machine(own_home, env)).kind == "login"


def test_a_bearer_needs_its_organization(own_home: Path) -> None:
    env = {"DEVIN_BEARER_TOKEN": BEARER}
    with pytest.raises(NotConfigured, match="^DEVIN_BEARER_TOKEN also needs the organization$") as caught:
        find(make_machine(own_home, env))
    assert caught.value.hint == "set DEVIN_ORGANIZATION (option organization) to its id or slug"
    assert find(make_machine(own_home, env), {"organization": "my-org"}).secret.reveal() == BEARER
    write(own_home, f'windsurf_api_key = "{LOGIN}"')
    assert find(make_machine(own_home, env)).kind == "login"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ('""', "https://server.codeium.com"),
        ('"https://devin.example.com/"', "https://devin.example.com"),
        ('"https://devin.example.com/_route/api"', "https://devin.example.com/_route/api"),
        ('"http://devin.example.com"', None),
        ('"http://127.0.0.1:8080"', None),
        ('"ftp://devin.example.com"', None),
        ('"https://user:fake@devin.example.com"', None),
        ("7", None),
    ],
)
def test_the_server_is_reached_by_https(
    own_home: Path, machine: Machine, url: str, server: str | None
) -> None:
    write(own_home, f'windsurf_api_key = "{LOGIN}"\napi_server_url = {url}\n')
    if server is None:
        with pytest.raises(NotConfigured, match="not reached by https$") as caught:
            find(machine)
        assert caught.value.hint == "sign in again: run: devin auth login"
    else:
        assert find(machine).facts == {"server": server}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("windsurf_api_key = 'fake", ServiceError),
        ("", NotConfigured),
        ("windsurf_api_key = 7", NotConfigured),
    ],
)
def test_a_file_without_a_login(
    own_home: Path, machine: Machine, text: str, kind: type[ProviderError]
) -> None:
    write(own_home, text)
    with pytest.raises(kind) as caught:
        find(machine)
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind"), [("{broken", ServiceError), ({}, NotConfigured), ({"apiKey": " "}, NotConfigured)]
)
def test_an_app_without_a_login(machine: Machine, status: Any, kind: type[ProviderError]) -> None:
    write_state(machine, "Devin", {"windsurfAuthStatus": status})
    with pytest.raises(kind):
        find(machine)


@pytest.mark.parametrize(
    ("parts", "kind", "secret"),
    [
        ({"": KEY}, "enterprise", KEY),
        ({"api_key": "fake-of-any-form"}, "enterprise", "fake-of-any-form"),
        ({"bearer_token": f"Bearer {BEARER}"}, "web", BEARER),
        ({"": LOGIN}, "login", LOGIN),
        ({"login_key": LOGIN}, "login", LOGIN),
        ({"": f'windsurf_api_key = "{LOGIN}"'}, "login", LOGIN),
    ],
)
def test_a_configured_credential(machine: Machine, parts: dict[str, str], kind: str, secret: str) -> None:
    found = accept(parts, "env MINE", machine)
    assert (found.kind, found.secret, found.origin) == (kind, Secret(secret), "env MINE")


def test_a_configured_file_without_a_login(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^the file holds no login of Devin$"):
        accept({"": "a = 1"}, "the file", machine)
