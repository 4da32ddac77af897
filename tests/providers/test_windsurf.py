"""Windsurf: what its app and its answers say, how it is asked, and where its keys stand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from hypothesis import given

from tests.cli import run
from tests.fuzz import mutated, survives
from tests.providers.test_devin import daily, extra, weekly
from tests.support import NOW, Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from tests.vscode import write_state
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError, RateLimited, ServiceError
from usagecli.machine import Machine
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers._windsurf.credentials import accept
from usagecli.providers._windsurf.usage import parse_local, parse_status, parse_team
from usagecli.providers.windsurf import fetch

KEY, SERVICE_KEY = "sk-ws-01-fake", "fake-service-key"
STATUS = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
TEAM = "/api/v1/GetTeamCreditBalance"
CACHED = "windsurf.settings.cachedPlanInfo"
WRITTEN, MONTH_END = utc("2026-11-20T18:30:00"), utc("2026-12-01T00:00:00")
OLD = "as Windsurf was told on 2026-11-20 at 18:30 UTC; what was used elsewhere since is not in it"
LEFT_OUT = "what has been reset since is left out: start Windsurf once"


def credits_(id_: str, label: str, used: str | None, limit: str, reset: Any) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="credits",
        used=None if used is None else d(used),
        limit=d(limit),
        resets_at=reset,
    )


def prompts(used: str | None, limit: str, reset: Any = MONTH_END) -> Quota:
    return credits_("prompt_credits", "Prompt credits", used, limit, reset)


def flex(amount: str | None) -> Balance:
    return Balance(
        id="flex_credits", label="Flex credits", unit="credits", amount=None if amount is None else d(amount)
    )


LOCAL = Usage(
    quotas=(daily("36"), weekly("59"), prompts("125", "500")),
    balances=(flex("75"),),
    plan=plan("Pro"),
    notes=(OLD,),
    source="local",
    as_of=WRITTEN,
)


def local(change: Mapping[str, Any] | None = None, now: Any = NOW) -> Usage:
    return parse_local({**payload("windsurf/cached"), **(change or {})}, now=now, written_at=WRITTEN)


# -- what the app wrote down ------------------------------------------------------------------------


def test_the_app_s_figures() -> None:
    assert local() == LOCAL


@pytest.mark.parametrize(
    ("usage", "quotas", "balances"),
    [
        ({"messages": 50000}, (prompts("0", "500"),), ()),
        (
            {"messages": 0, "flowActions": 150000, "usedFlowActions": 50},
            (credits_("flow_credits", "Flow credits", "0.5", "1500", MONTH_END),),
            (),
        ),
        ({"messages": 100, "usedMessages": "many"}, (prompts(None, "1"),), ()),
        ({"messages": -1}, (), None),
        ({"flexCredits": 10000, "usedFlexCredits": 2500}, (), (flex("75"),)),
        ({"flexCredits": 10000, "remainingFlexCredits": -5}, (), (flex("0"),)),
        ({"flexCredits": 0, "remainingFlexCredits": 0}, (), None),
        ({}, (), None),
    ],
)
def test_credits_in_hundredths(usage: Any, quotas: Any, balances: Any) -> None:
    change = {"quotaUsage": None, "usage": usage}
    if balances is None:
        with pytest.raises(PayloadError, match="^cachedPlanInfo: holds no figures"):
            local(change)
    else:
        found = local(change)
        assert (found.quotas, found.balances) == (quotas, balances)


@pytest.mark.parametrize(
    ("at", "ids"),
    [
        ("2026-11-22T07:59:59", ["daily", "weekly", "prompt_credits"]),
        ("2026-11-22T08:00:00", ["weekly", "prompt_credits"]),
        ("2026-11-27T08:00:00", ["prompt_credits"]),
        ("2026-12-01T00:00:00", []),
    ],
)
def test_a_window_that_was_reset_since_is_left_out(at: str, ids: list[str]) -> None:
    found = local(now=utc(at))
    assert [quota.id for quota in found.quotas] == ids
    assert found.notes == ((OLD,) if len(ids) == 3 else (OLD, LEFT_OUT))


def test_a_percentage_that_is_missing_beside_its_reset_is_0() -> None:
    quotas = local({"quotaUsage": {"weeklyResetAtUnix": 1795766400}}).quotas
    assert quotas[0] == weekly("100")


@pytest.mark.parametrize("info", [[], None, 7, {}])
def test_figures_in_no_known_shape(info: Any) -> None:
    with pytest.raises(PayloadError, match="^cachedPlanInfo: "):
        parse_local(info, now=NOW, written_at=None)


@given(info=mutated(payload("windsurf/cached")))
def test_any_figures_are_read_or_refused(info: Any) -> None:
    survives(lambda: parse_local(info, now=NOW, written_at=WRITTEN))


def written(machine: Machine, info: Any = None, app: str = "Windsurf") -> Path:
    """The app's state, as old as WRITTEN."""
    path = write_state(machine, app, {CACHED: payload("windsurf/cached") if info is None else info})
    os.utime(path, (0, WRITTEN.timestamp()))
    return path


def test_the_app_s_figures_are_asked_of_nobody(machine: Machine) -> None:
    written(machine)
    assert fetch(make_ask("windsurf", machine)) == LOCAL


def test_figures_in_utf_16(machine: Machine) -> None:
    written(machine, '{"planName": "Pro", "usage": {"messages": 100}}'.encode("utf-16-le"))
    assert fetch(make_ask("windsurf", machine)).quotas == (prompts("0", "1", None),)


def test_figures_that_are_no_json(machine: Machine) -> None:
    written(machine, "{broken")
    with pytest.raises(
        PayloadError, match="^cachedPlanInfo: the figures of Windsurf's app are not valid JSON$"
    ):
        fetch(make_ask("windsurf", machine))


def test_the_document_of_the_app_s_figures(own_home: Path, fixed_clock: None) -> None:
    written(make_machine(own_home))
    outcome = run("windsurf", "--json")
    document = outcome.document
    assert (outcome.code, document["source"], document["fetchedAt"]) == (0, "local", "2026-11-20T18:30:00Z")
    assert [quota["percentUsed"] for quota in document["quotas"]] == [36, 59, 25]


# -- the plan from the cloud ------------------------------------------------------------------------


def status(case: str) -> Any:
    return payload(f"windsurf/{case}")["userStatus"]["planStatus"]


MAX = Usage(quotas=(daily("93"), weekly("10")), balances=(extra("0"),), plan=plan("Max"), source="oauth")
OLDER = Usage(quotas=(prompts("125.25", "500"),), balances=(flex("75"),), plan=plan("Pro"), source="oauth")


@pytest.mark.parametrize(("case", "expected"), [("status", MAX), ("status_credits", OLDER)])
def test_a_plan(case: str, expected: Usage) -> None:
    assert parse_status(status(case)) == expected


@pytest.mark.parametrize(
    ("change", "quotas", "balances"),
    [
        # Left out where it is 0.
        ({"usedPromptCredits": None, "usedFlexCredits": None}, (prompts("0", "500"),), (flex("100"),)),
        ({"usedFlexCredits": 99999}, (prompts("125.25", "500"),), (flex("0"),)),
        ({"availableFlexCredits": 0}, (prompts("125.25", "500"),), ()),
        (
            {"availablePromptCredits": -1},
            (replace(prompts("125.25", "0"), limit=None, unlimited=True, remaining=None),),
            (flex("75"),),
        ),
        ({"availablePromptCredits": None}, (), (flex("75"),)),
        # Beside a percentage, or only its reset, credits are of no plan.
        ({"weeklyQuotaRemainingPercent": 35}, (weekly("65", None),), ()),
        ({"dailyQuotaResetAtUnix": "1795334400"}, (daily("100"),), ()),
    ],
)
def test_credits_of_an_older_plan(change: dict[str, Any], quotas: Any, balances: Any) -> None:
    found = parse_status({**status("status_credits"), **change})
    assert (found.quotas, found.balances) == (quotas, balances)


@pytest.mark.parametrize("body", [{}, {"planInfo": {"planName": "Pro"}}])
def test_a_plan_without_figures(body: Any) -> None:
    with pytest.raises(PayloadError, match="^userStatus.planStatus: "):
        parse_status(body)


@pytest.mark.parametrize("case", ["status", "status_credits"])
def test_any_plan_is_read_or_refused(case: str) -> None:
    @given(body=mutated(status(case)))
    def any_plan(body: Any) -> None:
        survives(lambda: parse_status(body if isinstance(body, dict) else {}))

    any_plan()


def read(machine: Machine, routes: Mapping[str, Route], secret: Any = KEY) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("windsurf", machine, secret=secret, base_url=server.url)), server


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    found, server = read(machine, {STATUS: Reply(payload("windsurf/status"))})
    assert found == MAX
    (seen,) = server.seen
    assert (seen.method, seen.headers["connect-protocol-version"]) == ("POST", "1")
    assert seen.headers["content-type"] == "application/json"
    assert seen.json() == {
        "metadata": {
            "apiKey": KEY,
            "ideName": "windsurf",
            "ideVersion": "1.108.2",
            "extensionName": "windsurf",
            "extensionVersion": "1.108.2",
            "locale": "en",
        }
    }


def test_the_hosts(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.post(f"https://server.self-serve.windsurf.com{STATUS}", json=payload("windsurf/status"))
    no_network.post(f"https://server.codeium.com{TEAM}", json=payload("windsurf/team"))
    assert fetch(make_ask("windsurf", machine, secret=KEY)) == MAX
    assert fetch(make_ask("windsurf", machine, secret={"service_key": SERVICE_KEY})) == ADD_ONS


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "path", "reply", "kind", "hint"),
    [
        (KEY, STATUS, Reply({}, 401), AuthError, "sign in again in the Windsurf app"),
        (KEY, STATUS, Reply({}, 403), AuthError, "sign in again in the Windsurf app"),
        (
            KEY,
            STATUS,
            Reply({"code": "unauthenticated"}, 401),
            AuthError,
            "sign in again in the Windsurf app",
        ),
        (KEY, STATUS, Reply({}, 429), RateLimited, None),
        (KEY, STATUS, Reply({}), PayloadError, None),
        (
            {"service_key": SERVICE_KEY},
            TEAM,
            Reply({}, 401),
            AuthError,
            "make a service key with the permission Billing Read (Enterprise only)",
        ),
        (
            {"service_key": SERVICE_KEY},
            TEAM,
            Reply({}, 403),
            AuthError,
            "make a service key with the permission Billing Read (Enterprise only)",
        ),
        ({"service_key": SERVICE_KEY}, TEAM, Reply({}), PayloadError, None),
    ],
)
def test_refusals(
    machine: Machine, secret: Any, path: str, reply: Reply, kind: type[ProviderError], hint: str | None
) -> None:
    with pytest.raises(ProviderError) as caught:
        read(machine, {path: reply}, secret)
    assert (type(caught.value), caught.value.hint) == (kind, hint)
    assert "fake" not in caught.value.message


# -- a team -----------------------------------------------------------------------------------------

ADD_ONS = Usage(quotas=(credits_("addon_credits", "Add-on credits", "900", "4000", MONTH_END),))


@pytest.mark.sockets
def test_a_team(machine: Machine) -> None:
    found, server = read(machine, {TEAM: Reply(payload("windsurf/team"))}, {"service_key": SERVICE_KEY})
    assert found == ADD_ONS
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.json()) == ("POST", TEAM, {"service_key": SERVICE_KEY})
    assert seen.headers["content-type"] == "application/json"
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("limit", [0, None, -5])
def test_a_team_without_add_on_credits(limit: Any) -> None:
    found = parse_team({**payload("windsurf/team"), "addOnCreditsAvailable": limit})
    assert (found.quotas, len(found.notes)) == ((), 1)


@pytest.mark.parametrize(
    "body", [{}, [], {"error": "x"}, {"addOnCreditsAvailable": "x"}, {"addOnCreditsAvailable": True}]
)
def test_an_unreadable_team(body: Any) -> None:
    with pytest.raises(PayloadError):
        parse_team(body)


@given(body=mutated(payload("windsurf/team")))
def test_any_team_is_read_or_refused(body: Any) -> None:
    survives(lambda: parse_team(body))


# -- where keys stand -------------------------------------------------------------------------------


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("windsurf"), Service(name="windsurf", provider="windsurf"), machine)


@pytest.mark.parametrize("app", ["Windsurf", "Windsurf - Next"])
@pytest.mark.parametrize(
    ("platform", "root"),
    [("linux", ".config"), ("darwin", "Library/Application Support"), ("win32", "AppData/Roaming")],
)
def test_the_usual_places_in_their_order(own_home: Path, platform: str, root: str, app: str) -> None:
    """Each is taken away once it was found."""
    env = {"WINDSURF_SERVICE_KEY": SERVICE_KEY, "WINDSURF_API_KEY": f"{KEY}-1"}
    machine = make_machine(own_home, platform=platform)
    path = write_state(
        machine, app, {CACHED: payload("windsurf/cached"), "windsurfAuthStatus": {"apiKey": f"{KEY}-2"}}
    )
    seen = []
    for gone in (
        lambda: env.pop("WINDSURF_SERVICE_KEY"),
        lambda: env.pop("WINDSURF_API_KEY"),
        lambda: write_state(machine, app, {"windsurfAuthStatus": {}}),
        path.unlink,
    ):
        found = find(make_machine(own_home, env, platform=platform))
        seen.append((found.secret.reveal(), found.kind, found.origin.replace("\\", "/")))
        gone()
    state = f"~/{root}/{app}/User/globalStorage/state.vscdb"
    assert seen == [
        (SERVICE_KEY, "team", "WINDSURF_SERVICE_KEY"),
        (f"{KEY}-1", "key", "WINDSURF_API_KEY"),
        (f"{KEY}-2", "login", state),
        ("", "local", state),
    ]
    with pytest.raises(NotConfigured, match="^no Windsurf credential was found"):
        find(make_machine(own_home, env, platform=platform))


def test_a_login_that_cannot_be_read_leaves_the_figures(machine: Machine) -> None:
    write_state(machine, "Windsurf", {"windsurfAuthStatus": "{broken"})
    with pytest.raises(ServiceError, match="is not valid JSON"):
        find(machine)
    written(machine)
    assert find(machine).kind == "local"


def test_a_broken_app_does_not_hide_another(machine: Machine) -> None:
    write_state(machine, "Windsurf", {"windsurfAuthStatus": "{broken"})
    write_state(machine, "Windsurf - Next", {"windsurfAuthStatus": {"apiKey": KEY}})
    assert find(machine).secret.reveal() == KEY


@pytest.mark.parametrize(
    ("parts", "kind", "secret"),
    [
        ({"": KEY}, "key", KEY),
        ({"": f'{{"apiKey": "{KEY}"}}'}, "key", KEY),
        ({"api_key": KEY}, "key", KEY),
        ({"service_key": SERVICE_KEY}, "team", SERVICE_KEY),
    ],
)
def test_a_configured_credential(machine: Machine, parts: dict[str, str], kind: str, secret: str) -> None:
    found = accept(parts, "env MINE", machine)
    assert (found.kind, found.secret.reveal(), found.origin) == (kind, secret, "env MINE")


def test_a_configured_file_without_a_key(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^the file holds no key of Windsurf$"):
        accept({"": "{}"}, "the file", machine)
