"""Kilo: what its balance and its console say, how they are asked, and where the token stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from usagecli import assess, credentials, registry
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
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers._kilo.usage import State, amount_of, parse, state_of
from usagecli.providers.kilo import accept, fetch

SERVICE = Service(name="kilo", provider="kilo")
BALANCE, PROFILE = "/api/profile/balance", "/api/profile"
STATE = "/api/trpc/user.getCreditBlocks,kiloPass.getState,user.getAutoTopUpPaymentMethod"
TOKEN = "fake-token"
ROUTES: dict[str, Route] = {
    BALANCE: Reply(payload("kilo/balance")),
    STATE: Reply(payload("kilo/state")),
    PROFILE: Reply(payload("kilo/profile")),
}
REFILL, BILLING = utc("2026-12-02T04:00:00"), utc("2027-10-02T04:00:00")
SUBSCRIPTION = payload("kilo/state")[1]["result"]["data"]["subscription"]


def dollars(amount: str | None) -> Balance:
    return Balance(
        id="credits", label="Credits", unit="usd", amount=None if amount is None else d(amount), stops=True
    )


def pass_(used: str, limit: str, resets_at: Any = REFILL) -> Quota:
    return Quota(
        id="kilo_pass", label="Pass credits", unit="usd", used=d(used), limit=d(limit), resets_at=resets_at
    )


WITH_PASS = Usage(
    quotas=(pass_("6.31", "19"),), balances=(dollars("27.4183"),), plan=plan("Kilo Pass Starter")
)


def subscribed(**change: Any) -> Usage:
    """A report with a pass of which some figures are replaced."""
    return parse(d(5), state=State(subscription={**SUBSCRIPTION, **change}))


# -- answers ----------------------------------------------------------------------------------------


def test_a_pass_beside_the_credits() -> None:
    assert parse(amount_of(payload("kilo/balance")), state=state_of(payload("kilo/state"))) == WITH_PASS


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("state", State(total=d("27.4183"), subscription=SUBSCRIPTION)),
        # No blocks, and a real balance all the same.
        ("pay_as_you_go", State(total=d("12.5"))),
        ("refused", State(refused=True)),
    ],
)
def test_the_console_s_batch(case: str, expected: State) -> None:
    assert state_of(payload(f"kilo/{case}")) == expected


@pytest.mark.parametrize("body", [[], [None, 7], [{}], [{"result": None}, {"result": {"data": []}}]])
def test_a_batch_without_contents_says_nothing(body: Any) -> None:
    assert state_of(body) == State()


def test_the_console_counts_in_millionths_of_a_dollar() -> None:
    blocks = {"result": {"data": {"totalBalance_mUsd": "1"}}}
    assert state_of([blocks]).total == d("0.000001")


@pytest.mark.parametrize(
    ("locked", "bonus", "limit"),
    [
        (True, 9.5, "28.5"),
        (None, 9.5, "28.5"),
        (False, 9.5, "19"),
        (True, None, "19"),
        (True, "n/a", "19"),
    ],
)
def test_a_bonus_counts_once_it_is_unlocked(locked: Any, bonus: Any, limit: str) -> None:
    usage = subscribed(isBonusUnlocked=locked, currentPeriodBonusCreditsUsd=bonus)
    assert usage.quotas == (pass_("6.31", limit),)


def test_an_answer_that_does_not_tell_whether_the_bonus_is_locked() -> None:
    told = {name: value for name, value in SUBSCRIPTION.items() if name != "isBonusUnlocked"}
    assert parse(d(5), state=State(subscription=told)).quotas == (pass_("6.31", "28.5"),)


@pytest.mark.parametrize(
    ("refill", "billing", "expected"),
    [
        ("2026-12-02T04:00:00.000Z", "2027-10-02T04:00:00.000Z", REFILL),
        (None, "2027-10-02T04:00:00.000Z", BILLING),
        (None, None, None),
    ],
)
def test_the_reset_is_the_refill_else_the_next_charge(refill: Any, billing: Any, expected: Any) -> None:
    (quota,) = subscribed(refillAt=refill, nextBillingAt=billing).quotas
    assert (quota.resets_at, quota.window_seconds) == (expected, None)


def test_use_beyond_the_pass_is_told_in_full_and_judged_by_itself() -> None:
    usage, weight = assess.judged(subscribed(currentPeriodUsageUsd=38), SERVICE)
    assert (usage.quotas[0].percent_used, usage.quotas[0].status) == (d(200), "exhausted")
    assert (usage.balances[0].status, weight) == ("ok", "exhausted")


@pytest.mark.parametrize(
    ("tier", "status", "name"),
    [
        ("tier_19", "active", "Kilo Pass Starter"),
        ("tier_49", "trialing", "Kilo Pass Pro"),
        ("tier_199", "past_due", "Kilo Pass Expert (past_due)"),
        ("tier_999", "active", "tier_999"),
        ("tier_999", "canceled", "tier_999 (canceled)"),
        ("tier_19", None, "Kilo Pass Starter"),
        (None, "active", None),
    ],
)
def test_the_plan(tier: Any, status: Any, name: str | None) -> None:
    assert subscribed(tier=tier, status=status).plan == (plan(name) if name else None)


def test_without_a_subscription_there_is_neither_plan_nor_quota() -> None:
    assert parse(d("12.5"), state=state_of(payload("kilo/pay_as_you_go"))) == Usage(
        balances=(dollars("12.5"),)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"currentPeriodUsageUsd": None},
        {"currentPeriodUsageUsd": -1},
        {"currentPeriodBaseCreditsUsd": "x"},
        {"currentPeriodBaseCreditsUsd": True},
    ],
)
def test_a_pass_without_figures_is_a_note(change: dict[str, Any]) -> None:
    usage = subscribed(**change)
    assert (usage.quotas, usage.notes) == ((), ("the figures of the Kilo Pass could not be read",))


@pytest.mark.parametrize(
    ("amount", "status", "weight"),
    [("0", "exhausted", "exhausted"), ("-0.4", "exhausted", "exhausted"), ("0.01", "ok", "ok")],
)
def test_at_0_the_work_stops_pass_or_not(amount: str, status: str, weight: str) -> None:
    usage, whole = assess.judged(parse(d(amount), state=State(subscription=SUBSCRIPTION)), SERVICE)
    assert (usage.balances[0].status, usage.quotas[0].status, whole) == (status, "ok", weight)


@pytest.mark.parametrize("body", [[], {}, {"balance": None}, {"balance": True}, {"balance": "NaN"}])
def test_a_balance_in_no_known_shape(body: Any) -> None:
    with pytest.raises(PayloadError, match=r"^(body|balance): expected "):
        amount_of(body)


@given(body=mutated(payload("kilo/state")), balance=mutated(payload("kilo/balance")))
def test_any_answer_is_read_or_refused(body: Any, balance: Any) -> None:
    survives(lambda: parse(amount_of(balance), state=state_of(body)))


@given(millionths=st.integers(-(10**12), 10**12))
def test_the_total_is_exact(millionths: int) -> None:
    total = state_of([{"result": {"data": {"totalBalance_mUsd": millionths}}}]).total
    assert total is not None
    assert total * 10**6 == millionths


# -- asking -----------------------------------------------------------------------------------------


def ask_of(machine: Machine, server: Server, organization: str | None = None) -> Any:
    given_ = {"org_id": organization} if organization else None
    return make_ask("kilo", machine, secret=TOKEN, base_url=server.url, given=given_, timeout_s=8)


def fetched(machine: Machine, routes: Mapping[str, Route], organization: str | None = None) -> Usage:
    with serve({**ROUTES, **routes}) as server:
        return fetch(ask_of(machine, server, organization))


def without_hosts(notes: tuple[str, ...]) -> list[str]:
    return [note.partition(": 127.0.0.1")[0] for note in notes]


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(ask_of(machine, server))
    assert usage == parse(d("27.4183"), state=state_of(payload("kilo/state")), account="ada@example.com")
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("GET", BALANCE),
        ("GET", STATE),
        ("GET", PROFILE),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["accept"] == "application/json"
        assert "x-kilocode-organizationid" not in seen.headers
    query = {name: values[0] for name, values in parse_qs(server.seen[1].query).items()}
    assert query.pop("batch") == "1"
    assert json.loads(query.pop("input")) == {str(i): {"json": None} for i in range(3)}
    assert query == {}


@pytest.mark.sockets
def test_an_organization_is_named_and_its_console_not_asked(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(ask_of(machine, server, "org0"))
    assert usage == Usage(balances=(dollars("27.4183"),), account="ada@example.com")
    assert server.paths() == [BALANCE, PROFILE]
    assert {seen.headers["x-kilocode-organizationid"] for seen in server.seen} == {"org0"}


def test_the_hosts(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://api.kilo.ai{BALANCE}", json=payload("kilo/balance"))
    no_network.get(f"https://app.kilo.ai{STATE}", json=payload("kilo/pay_as_you_go"))
    no_network.get(f"https://api.kilo.ai{PROFILE}", status_code=401)
    usage = fetch(make_ask("kilo", make_machine(own_home, {"KILO_API_KEY": TOKEN})))
    assert usage == Usage(balances=(dollars("27.4183"),))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "notes"),
    [
        (Reply(payload("kilo/refused"), 207), []),
        (Reply({}, 401), []),
        (Reply({}, 403), []),
        (Reply({}, 404), []),
        (Reply({}, 500), ["the Kilo Pass could not be read"]),
        (Reply({}, 429), ["the Kilo Pass could not be read"]),
        (Reply({}), ["the Kilo Pass could not be read: body: expected a list, got an object"]),
    ],
)
def test_a_console_that_fails_hides_nothing(machine: Machine, reply: Reply, notes: list[str]) -> None:
    usage = fetched(machine, {STATE: reply})
    assert (usage.balances, usage.quotas) == ((dollars("27.4183"),), ())
    assert without_hosts(usage.notes) == notes


@pytest.mark.sockets
def test_some_of_the_console_s_procedures_may_fail(machine: Machine) -> None:
    rows = payload("kilo/state")
    rows[0] = {"error": {"data": {"code": "INTERNAL_SERVER_ERROR"}}}
    assert fetched(machine, {STATE: Reply(rows, 207)}).quotas == (pass_("6.31", "19"),)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("code", "notes"),
    [
        ("INTERNAL_SERVER_ERROR", ("the Kilo Pass could not be read: INTERNAL_SERVER_ERROR",)),
        ("NOT_FOUND", ()),
        ("FORBIDDEN", ()),
    ],
)
def test_a_pass_that_fails_alone_is_told(machine: Machine, code: str, notes: tuple[str, ...]) -> None:
    rows = payload("kilo/state")
    rows[1] = {"error": {"data": {"code": code}}}
    usage = fetched(machine, {STATE: Reply(rows, 207)})
    assert (usage.balances, usage.quotas, usage.notes) == ((dollars("27.4183"),), (), notes)


@pytest.mark.sockets
@pytest.mark.parametrize(("status", "noted"), [(401, False), (403, False), (500, True)])
def test_a_profile_that_fails_hides_nothing(machine: Machine, status: int, noted: bool) -> None:
    usage = fetched(machine, {PROFILE: Reply({}, status)})
    assert (usage.balances, usage.account) == ((dollars("27.4183"),), None)
    assert without_hosts(usage.notes) == (["the account could not be read"] if noted else [])


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply", [Reply({}, 500), Reply({"balance": None}), Reply(b"<html>"), Reply({}, 404)]
)
def test_the_console_s_total_serves_where_the_balance_fails(machine: Machine, reply: Reply) -> None:
    usage = fetched(machine, {BALANCE: reply, STATE: Reply(payload("kilo/pay_as_you_go"))})
    assert usage.balances == (dollars("12.5"),)
    (note,) = usage.notes
    assert note.startswith("the credits are the console's total; the balance failed: ")


@pytest.mark.sockets
def test_a_procedure_that_is_refused_alone_takes_nothing_from_the_total(machine: Machine) -> None:
    blocks, *_ = payload("kilo/pay_as_you_go")
    state = Reply([blocks, *payload("kilo/refused")[:1]], 207)
    usage = fetched(machine, {BALANCE: Reply({}, 500), STATE: state})
    assert usage.balances == (dollars("12.5"),)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("balance", "state", "kind"),
    [
        (Reply({}, 401), ROUTES[STATE], AuthError),
        (Reply({}, 403), ROUTES[STATE], AuthError),
        (Reply({}, 429), ROUTES[STATE], RateLimited),
        (Reply({}, 500), Reply(payload("kilo/refused"), 207), AuthError),
        (Reply({}, 500), Reply({}, 401), AuthError),
        (Reply({}, 500), Reply({}, 404), Unavailable),
        (Reply({}, 500), Reply([], 200), Unavailable),
        (Reply([]), Reply({}, 500), PayloadError),
    ],
)
def test_what_is_final(machine: Machine, balance: Reply, state: Reply, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        fetched(machine, {BALANCE: balance, STATE: state})
    assert type(caught.value) is kind
    if kind is AuthError:
        assert caught.value.hint == "copy a new token from https://app.kilo.ai/profile, or run `kilo login`"


@pytest.mark.sockets
@pytest.mark.parametrize("status", [401, 429])
def test_after_a_refusal_nothing_else_is_asked(machine: Machine, status: int) -> None:
    with serve({**ROUTES, BALANCE: Reply({}, status)}) as server, pytest.raises(ProviderError):
        fetch(ask_of(machine, server))
    assert server.paths() == [BALANCE]


@pytest.mark.sockets
def test_an_organization_s_balance_has_no_other_source(machine: Machine) -> None:
    with pytest.raises(Unavailable):
        fetched(machine, {BALANCE: Reply({}, 500)}, "org0")


# -- tokens -----------------------------------------------------------------------------------------


def write_login(home: Path, body: Any) -> None:
    path = home / ".local" / "share" / "kilo" / "auth.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")


def find(home: Path, env: Mapping[str, str] | None = None) -> Credential:
    return credentials.find(registry.get("kilo"), SERVICE, make_machine(home, env))


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    write_login(own_home, {"kilo": {"type": "api", "access": "fake-file"}, "other": {"access": "fake-no"}})
    both = {"KILOCODE_API_KEY": "fake-second", "KILO_API_KEY": "fake-first"}
    seen = [find(own_home, both), find(own_home, {"KILOCODE_API_KEY": "fake-second"}), find(own_home)]
    assert [(found.secret.reveal(), found.kind) for found in seen] == [
        ("fake-first", "key"),
        ("fake-second", "key"),
        ("fake-file", "oauth"),
    ]


@pytest.mark.parametrize("body", [{}, {"kilo": None}, {"kilo": {"access": " "}}, {"kilo": {"access": 7}}])
def test_a_login_of_other_providers_only(own_home: Path, body: Any) -> None:
    write_login(own_home, body)
    with pytest.raises(NotConfigured, match="^no Kilo Code credential was found"):
        find(own_home)


def test_a_broken_login_shows_none_of_it(own_home: Path) -> None:
    write_login(own_home, '{"kilo": {"access": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(own_home)
    assert "fake" not in caught.value.message


@pytest.mark.parametrize("text", [TOKEN, json.dumps({"kilo": {"access": TOKEN}})])
def test_what_may_be_configured(machine: Machine, text: str) -> None:
    assert accept({"": text}, "x", machine).secret.reveal() == TOKEN


def test_a_configured_file_without_a_login(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds no login of Kilo$"):
        accept({"": "{}"}, "x", machine)


def test_the_organization_of_the_environment(own_home: Path) -> None:
    ask = make_ask("kilo", make_machine(own_home, {"KILO_API_KEY": TOKEN, "KILO_ORG_ID": "org7"}))
    assert ask.options == {"org_id": "org7"}


@pytest.mark.sockets
def test_the_login_s_report_says_where_it_comes_from(own_home: Path) -> None:
    write_login(own_home, {"kilo": {"access": TOKEN}})
    with serve(ROUTES) as server:
        usage = fetch(make_ask("kilo", make_machine(own_home), base_url=server.url))
    assert usage.source == "oauth"


@given(profile=ANY_JSON)
def test_any_profile_is_survived(profile: Any) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(f"https://api.kilo.ai{BALANCE}", json=payload("kilo/balance"))
        mocker.get(f"https://app.kilo.ai{STATE}", json=payload("kilo/state"))
        mocker.get(f"https://api.kilo.ai{PROFILE}", text=json.dumps(profile))
        usage = fetch(make_ask("kilo", make_machine(Path("/nowhere")), secret=TOKEN))
    assert usage.balances == (dollars("27.4183"),)
