"""DeepSeek's balance by currency, and the month's cost that a web session adds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog import told
from tests.fuzz import mutated, sound
from tests.support import NOW, Reply, Server, make_ask, make_machine, payload, serve
from usagecli import assess, credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    Unavailable,
)
from usagecli.model import Service, Usage
from usagecli.providers.deepseek import parse, parse_cost

KEY, SESSION = "sk-fake-key", "fake-session"
BALANCE, COST = "/user/balance", "/api/v0/usage/cost"
ENV = {"DEEPSEEK_API_KEY": KEY}
BOTH = {**ENV, "DEEPSEEK_PLATFORM_TOKEN": SESSION}
SERVICE = Service(name="deepseek", provider="deepseek")
SINCE = "2026-11-01T00:00:00Z"


def judged(usage: Usage) -> tuple[list[str | None], str]:
    """The status of every balance, and of the whole."""
    found, status = assess.judged(usage, SERVICE)
    return [balance.status for balance in found.balances], status


def balances(*amounts: tuple[str, str], available: Any = True) -> Any:
    rows = [{"currency": currency, "total_balance": amount} for currency, amount in amounts]
    return {"is_available": available, "balance_infos": rows}


def of(currency: str, amount: Any, **more: Any) -> dict[str, Any]:
    return {"id": currency, "label": "Balance", "unit": currency, "amount": amount, **more}


# -- the balance -----------------------------------------------------------------------------------


def test_each_currency_is_a_balance_of_its_own() -> None:
    usage = parse(payload("deepseek/both_currencies"))
    assert told(usage) == {
        # A leftover of nothing beside money is no shortage.
        "balances": [of("cny", 0, shownOnly=True), of("usd", 18.42)],
        "notes": ["usd: 3.00 granted, 15.42 topped up"],
    }
    assert judged(usage) == ([None, "ok"], "ok")


def test_nothing_left_in_any_currency_is_exhausted() -> None:
    usage = parse(balances(("USD", "0.00"), ("CNY", "-0.50")))
    assert told(usage) == {"balances": [of("usd", 0), of("cny", -0.5)]}
    assert judged(usage) == (["exhausted", "exhausted"], "exhausted")


def test_an_account_that_may_not_call_is_exhausted() -> None:
    usage = parse(payload("deepseek/spent"))
    assert told(usage) == {"balances": [of("usd", 0, exhausted=True)], "exhausted": True}
    assert judged(usage) == (["exhausted"], "exhausted")


def test_money_that_cannot_be_used_is_shown_and_said_so() -> None:
    usage = parse(payload("deepseek/locked"))
    assert told(usage) == {
        "balances": [of("cny", 110, exhausted=True), of("usd", 0, exhausted=True)],
        "notes": ["cny: 10.00 granted, 100.00 topped up", "DeepSeek says that the balance cannot be used"],
        "exhausted": True,
    }
    assert judged(usage) == (["exhausted", "exhausted"], "exhausted")


@pytest.mark.parametrize(
    ("available", "expected"), [(True, {}), (None, {}), (False, {"exhausted": True})], ids=str
)
def test_an_empty_list_is_no_error(available: Any, expected: Any) -> None:
    assert told(parse(balances(available=available))) == expected


def test_of_a_currency_twice_the_first_counts() -> None:
    assert told(parse(balances(("USD", "2"), ("usd", "3"))))["balances"] == [of("usd", 2)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "user/balance: expected an object, got a list"),
        ({"is_available": True}, "balance_infos: expected a list, got nothing"),
        ({"balance_infos": {}}, "balance_infos: expected a list, got an object"),
        ({"balance_infos": ["USD"]}, "balance_infos[0]: expected an object, got text"),
        (
            balances(("USD", "1"), ("CNY", "n/a")),
            "balance_infos[1].total_balance: expected a number, got text",
        ),
        (balances(("USD", "")), "balance_infos[0].total_balance: expected a number, got text"),
        (balances(("", "1")), "balance_infos[0].currency: expected a currency such as USD"),
    ],
)
def test_a_balance_that_cannot_be_read(body: Any, message: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(body)
    assert caught.value.message == message


# -- the month's cost ------------------------------------------------------------------------------


def cost(*currencies: str, amount: Any = "1.5", code: Any = 0, biz_code: Any = 0) -> Any:
    total = [{"model": "deepseek-chat", "usage": [{"type": "RESPONSE_TOKEN", "amount": amount}]}]
    rows = [{"currency": currency, "total": total, "days": []} for currency in currencies]
    return {"code": code, "data": {"biz_code": biz_code, "biz_data": rows}}


def month(unit: str, amount: Any, id_: str = "monthly") -> dict[str, Any]:
    return {"id": id_, "label": "This month", "unit": unit, "amount": amount, "since": SINCE}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The total alone: the days are the same once more.
        (payload("deepseek/cost"), [month("usd", 4)]),
        (cost("CNY", amount=0), [month("cny", 0)]),
        (cost("CNY", "USD"), [month("cny", 1.5), month("usd", 1.5, "monthly_usd")]),
        (cost(), []),
    ],
)
def test_what_the_month_cost(body: Any, expected: Any) -> None:
    assert told(Usage(spend=parse_cost(body, NOW))).get("spend", []) == expected


@pytest.mark.parametrize("code", [40002, 40003])
@pytest.mark.parametrize("where", ["code", "biz_code"])
def test_an_ended_session_is_told_with_status_200(code: int, where: str) -> None:
    codes: dict[str, Any] = {where: code}
    with pytest.raises(AuthError) as caught:
        parse_cost(cost("USD", **codes), NOW)
    assert caught.value.hint == "sign in at https://platform.deepseek.com again and copy userToken"


@pytest.mark.parametrize(
    "body",
    [
        cost("USD", code=500),
        cost("USD", biz_code="?"),
        cost("USD", amount="n/a"),
        {"code": 0, "data": {"biz_code": 0}},
        {"code": 0, "data": {"biz_code": 0, "biz_data": [{"currency": "USD", "total": {}}]}},
        [],
    ],
)
def test_a_cost_that_cannot_be_read(body: Any) -> None:
    with pytest.raises(PayloadError):
        parse_cost(body, NOW)


# -- the credential --------------------------------------------------------------------------------


def found(env: Mapping[str, str], home: Path) -> tuple[str, list[str]]:
    credential = credentials.find(registry.get("deepseek"), SERVICE, make_machine(home, env))
    return credential.secret.reveal(), [secret.reveal() for secret in credential.others.values()]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (ENV, (KEY, [])),
        ({"DEEPSEEK_KEY": "fake-2"}, ("fake-2", [])),
        ({"DEEPSEEK_KEY": "fake-2", **ENV}, (KEY, [])),
        (BOTH, (KEY, [SESSION])),
        ({**ENV, "DEEPSEEK_USER_TOKEN": "fake-3"}, (KEY, ["fake-3"])),
        ({**BOTH, "DEEPSEEK_USER_TOKEN": "fake-3"}, (KEY, [SESSION])),
        # As the page keeps it: what a browser shows is copied whole.
        ({**ENV, "DEEPSEEK_USER_TOKEN": '{"value": "fake-3", "__version": "0"}'}, (KEY, ["fake-3"])),
        ({**ENV, "DEEPSEEK_USER_TOKEN": '"fake-3"'}, (KEY, ["fake-3"])),
        ({**ENV, "DEEPSEEK_USER_TOKEN": '{"value": null}'}, (KEY, ['{"value": null}'])),
    ],
)
def test_where_the_key_and_the_session_stand(env: Any, expected: Any, tmp_path: Path) -> None:
    assert found(env, tmp_path) == expected


def test_a_session_alone_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured):
        found({"DEEPSEEK_PLATFORM_TOKEN": SESSION}, tmp_path)
    with pytest.raises(NotConfigured) as caught:
        configured({"platform_token": SESSION})
    assert caught.value.hint == (
        "add api_key to the credential; make a new key at https://platform.deepseek.com/api_keys"
    )


def configured(parts: Mapping[str, str]) -> Credential:
    accept = registry.get("deepseek").accept
    assert accept is not None
    return accept(parts, "config", make_machine(Path()))


def test_a_configured_key_with_and_without_a_session() -> None:
    assert configured({"": KEY}).others == {}
    for session in (SESSION, json.dumps({"value": SESSION})):
        both = configured({"api_key": KEY, "platform_token": session})
        assert (both.secret.reveal(), both.others["platform_token"].reveal()) == (KEY, SESSION)


# -- asking ----------------------------------------------------------------------------------------


def fetch(routes: Mapping[str, Any], home: Path, env: Mapping[str, str] = BOTH) -> tuple[Usage, Server]:
    with serve(routes) as server:
        ask = make_ask("deepseek", make_machine(home, env), base_url=server.url)
        try:
            return registry.get("deepseek").fetch(ask), server
        finally:
            ask.close()


def balance_route() -> Reply:
    return Reply(payload("deepseek/both_currencies"))


@pytest.mark.sockets
def test_the_key_reads_the_balance_and_the_session_the_cost(tmp_path: Path) -> None:
    usage, server = fetch({BALANCE: balance_route(), COST: Reply(payload("deepseek/cost"))}, tmp_path)
    assert told(usage)["spend"] == [month("usd", 4)]
    assert len(usage.balances) == 2
    asked = [(seen.path, seen.query, seen.headers["authorization"]) for seen in server.seen]
    assert asked == [(BALANCE, "", f"Bearer {KEY}"), (COST, "month=11&year=2026", f"Bearer {SESSION}")]


@pytest.mark.sockets
def test_without_a_session_only_the_balance_is_asked(tmp_path: Path) -> None:
    usage, server = fetch({BALANCE: balance_route()}, tmp_path, ENV)
    assert (usage.spend, server.paths()) == ((), [BALANCE])


SIGN_IN = "; sign in at https://platform.deepseek.com again and copy userToken"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (
            Reply(payload("deepseek/signed_out")),
            f"the month's cost could not be read: DeepSeek's platform refused the web session{SIGN_IN}",
        ),
        (
            Reply({}, 401),
            f"the month's cost could not be read: DeepSeek's platform refused the web session{SIGN_IN}",
        ),
        (
            Reply({"code": 0}),
            "the month's cost could not be read: usage/cost.biz_data: expected a list, got nothing",
        ),
    ],
)
def test_a_cost_that_fails_hides_nothing(reply: Reply, note: str, tmp_path: Path) -> None:
    usage, _ = fetch({BALANCE: balance_route(), COST: reply}, tmp_path)
    assert told(usage) == {
        "balances": [of("cny", 0, shownOnly=True), of("usd", 18.42)],
        "notes": ["usd: 3.00 granted, 15.42 topped up", note],
    }


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthError), (429, RateLimited), (500, Unavailable), (402, PayloadError)]
)
def test_a_balance_that_is_refused(status: int, error: type[ProviderError], tmp_path: Path) -> None:
    with pytest.raises(error):
        fetch({BALANCE: Reply({"error": {}}, status)}, tmp_path)


@given(body=mutated(payload("deepseek/both_currencies")) | mutated(payload("deepseek/locked")))
def test_any_balance_is_read_or_refused(body: Any) -> None:
    try:
        sound(parse(body))
    except PayloadError as error:
        assert ": " in error.message


@given(body=mutated(payload("deepseek/cost")), more=st.booleans())
def test_any_cost_is_read_or_refused(body: Any, more: bool) -> None:
    try:
        sound(Usage(spend=parse_cost([body] if more else body, NOW)))
    except AuthError:
        pass
    except PayloadError as error:
        assert ": " in error.message
