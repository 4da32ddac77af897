"""Mistral: what its answers say, how it is asked, and where keys stand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
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
from usagecli.formatters.units import money
from usagecli.machine import Machine
from usagecli.model import Balance, Quota, Service, Spend, Usage, plan
from usagecli.providers._mistral.usage import parse, parse_console, parse_plan
from usagecli.providers.mistral import accept, fetch

USAGE, WHOAMI = "/v1/admin/usage", "/api/vibe/whoami"
BILLING, CREDITS, VIBE = "/api/billing/v2/usage", "/api/billing/credits", "/api-ui/trpc/billing.vibeUsage"
ADMIN_KEY, KEY = "fake-admin-key", "fake-api-key"
COOKIE = "ory_session_demo=fake-session; csrftoken=fake-csrf"
ROUTES: dict[str, Route] = {
    USAGE: Reply(payload("mistral/usage")),
    WHOAMI: Reply(payload("mistral/whoami")),
    BILLING: Reply(payload("mistral/usage")),
    CREDITS: Reply(payload("mistral/credits")),
    VIBE: Reply(payload("mistral/vibe")),
}
NOT_FOR_KEYS = "Vibe's share of the month is not given to keys: only the web console shows it"


def month(amount: str, unit: str = "eur") -> Spend:
    return Spend(
        id="monthly",
        label="This month",
        unit=unit,
        amount=d(amount),
        since=utc("2026-11-01T00:00:00"),
        until=utc("2026-11-30T23:59:59"),
    )


def credits_(amount: str) -> Balance:
    return Balance(id="credits", label="Credits", unit="eur", amount=d(amount))


SPENT = Usage(spend=(month("0.0391"),))
SHARE = Quota(
    id="vibe_monthly",
    label="Vibe (monthly)",
    unit="percent",
    used=d("41.5"),
    limit=d(100),
    resets_at=utc("2026-12-01T00:00:00"),
)
CONSOLE = Usage(spend=(month("0.0391"),), balances=(credits_("25.25"),), quotas=(SHARE,), source="cookie")


def changed(**change: Any) -> Any:
    return {**payload("mistral/usage"), **change}


def entry(value: Any, metric: str = "m", group: str = "input", **more: Any) -> dict[str, Any]:
    return {"billing_metric": metric, "billing_group": group, "value": value, **more}


def price(told: Any, metric: str = "m", group: str = "input") -> dict[str, Any]:
    return {"billing_metric": metric, "billing_group": group, "price": told}


def spent(entries: list[Any], prices: list[Any]) -> Usage:
    return parse(changed(completion={"models": {"x": {"input": entries}}}, prices=prices))


# -- spend ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # 20000 of 0.0000017 and 1000 of 0.0000051.
        ("usage", SPENT),
        # 1 + 0.1 + 0 + 1 + 0.06 + 0.006 + 0.02 + 0.001 + 4 + 2
        ("every_category", Usage(spend=(month("8.187", "usd"),))),
    ],
)
def test_parse(case: str, expected: Usage) -> None:
    assert parse(payload(f"mistral/{case}")) == expected


def test_an_unused_month_costs_nothing() -> None:
    assert parse(changed(completion={"models": {}})) == Usage(spend=(month("0"),))


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        (entry(1000, value_paid=400), "0.4"),
        (entry(1000, value_paid=0), "0"),
        (entry(1000, value_paid=None), "1"),
        (entry(1000), "1"),
        (entry("1000"), "1"),
    ],
)
def test_what_is_paid_for_counts(told: Any, amount: str) -> None:
    assert spent([told], [price("0.001")]).spend == (month(amount),)


@pytest.mark.parametrize("told", ["5.1E-6", "0.0000051", 5.1e-06, "5.1e-06"])
def test_a_price_is_text_also_with_an_exponent(told: Any) -> None:
    assert spent([entry(1000)], [price(told)]).spend == (month("0.0051"),)


def test_a_price_that_is_not_told_leaves_its_entries_out() -> None:
    usage = spent([entry(1), entry(1, "n")], [price(None, metric="n"), price("2")])
    assert (usage.spend, len(usage.notes)) == ((month("2"),), 1)


def test_a_price_is_that_of_the_same_metric_and_group() -> None:
    rows = [price("9", group="output"), price("9", metric="n"), price("2")]
    assert spent([entry(1)], rows).spend == (month("2"),)


def test_nothing_is_rounded_before_the_end() -> None:
    usage = spent([entry(1)] * 3, [price("0.0000000333")])
    assert usage.spend[0].amount == Decimal("0.0000000999")


@pytest.mark.parametrize(
    ("entries", "spend", "notes"),
    [
        (
            [entry(1), entry(1, "n"), entry(1, "o")],
            (month("2"),),
            ("left out for want of a price: 2 entries of the usage",),
        ),
        ([entry(1), entry(1, "n")], (month("2"),), ("left out for want of a price: 1 entry of the usage",)),
        ([entry(1, "n")], (), ("left out for want of a price: 1 entry of the usage",)),
        ([entry(0, "n")], (month("0"),), ()),
        ([{"billing_metric": "m", "value": 1}], (), ("left out for want of a price: 1 entry of the usage",)),
    ],
)
def test_an_entry_without_a_price_is_left_out_with_a_warning(entries: Any, spend: Any, notes: Any) -> None:
    usage = spent(entries, [price("2")])
    assert (usage.spend, usage.notes) == (spend, notes)


def test_amounts_below_a_cent_are_shown() -> None:
    assert money(spent([entry(1000)], [price("5.1E-6")]).spend[0].amount, "eur") == "€0.0051"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "currency"),
        (changed(currency=None), "currency"),
        (changed(currency="euro"), "currency"),
        (changed(currency="€"), "currency"),
        (changed(prices=None), "prices"),
        (changed(prices={}), "prices"),
        (changed(prices=[7]), r"prices\[0\]"),
        (changed(prices=[price("free")]), r"prices\[0\].price"),
        (changed(ocr=[entry("many")]), "ocr.value"),
        (changed(ocr=[entry(1, value_paid=True)]), "ocr.value_paid"),
        (changed(ocr=[{"billing_metric": "m"}]), "ocr.value"),
    ],
)
def test_parse_names_the_broken_field(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        parse(body)


# -- plan, credits, Vibe ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"), [("INDIVIDUAL", "Individual"), ("FREE", "Free"), ("TEAM_PLUS", "Team Plus")]
)
def test_a_plan_without_figures(name: str, expected: str) -> None:
    assert parse_plan({"plan_type": "CHAT", "plan_name": name}) == Usage(
        plan=plan(expected), notes=(NOT_FOR_KEYS,)
    )


@pytest.mark.parametrize("body", [[], {}, {"plan_name": 7}, {"plan_name": " "}])
def test_no_plan_and_no_figures_is_an_error(body: Any) -> None:
    with pytest.raises(PayloadError, match=r"^(body|plan_name): expected "):
        parse_plan(body)


@pytest.mark.parametrize("whoami", [None, [], {"plan_name": None}])
def test_beside_the_spend_the_plan_may_be_missing(whoami: Any) -> None:
    assert parse(payload("mistral/usage"), whoami=whoami) == SPENT


def test_what_the_console_shows() -> None:
    found = parse_console(
        payload("mistral/usage"), credits_=payload("mistral/credits"), vibe=payload("mistral/vibe")
    )
    assert found == CONSOLE


@pytest.mark.parametrize(
    ("change", "balances"),
    [
        ({}, (credits_("25.25"),)),
        ({"ongoing_usage_balance": 100}, (credits_("0"),)),
        ({"wallet_amount": None}, ()),
        ({"credit_notes_amount": "x"}, ()),
        ({"currency": None}, ()),
        ({"currency": "credits"}, ()),
    ],
)
def test_credits_never_fall_below_0(change: Any, balances: Any) -> None:
    told = {**payload("mistral/credits"), **change}
    assert parse_console(payload("mistral/usage"), credits_=told, vibe=None).balances == balances


@given(usage=mutated(payload("mistral/every_category")), whoami=ANY_JSON)
def test_any_usage_is_read_or_refused(usage: Any, whoami: Any) -> None:
    survives(lambda: parse(usage, whoami=whoami))


@given(whoami=ANY_JSON)
def test_any_plan_is_read_or_refused(whoami: Any) -> None:
    survives(lambda: parse_plan(whoami))


@given(credits_=mutated(payload("mistral/credits")), vibe=mutated(payload("mistral/vibe")))
def test_any_answer_of_the_console_is_read(credits_: Any, vibe: Any) -> None:
    survives(lambda: parse_console(payload("mistral/usage"), credits_=credits_, vibe=vibe))


@given(values=st.lists(st.integers(0, 10**9), max_size=5), cost=st.decimals("0.000001", 1, places=9))
def test_the_spend_is_the_sum_of_values_times_price(values: list[int], cost: Decimal) -> None:
    (found,) = spent([entry(value) for value in values], [price(str(cost))]).spend
    assert found.amount == sum(values) * cost


# -- asking -----------------------------------------------------------------------------------------


def fetched(machine: Machine, secret: Any, routes: Mapping[str, Route]) -> tuple[Usage, Server]:
    with serve({**ROUTES, **routes}) as server:
        return fetch(make_ask("mistral", machine, secret=secret, base_url=server.url)), server


@pytest.mark.sockets
def test_the_admin_api(machine: Machine) -> None:
    usage, server = fetched(machine, {"admin_key": ADMIN_KEY}, {})
    assert usage == SPENT
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", USAGE)
    assert parse_qsl(seen.query) == [("month", "11"), ("year", "2026")]
    assert seen.headers["x-api-key"] == ADMIN_KEY
    assert "authorization" not in seen.headers


@pytest.mark.sockets
def test_one_workspace(machine: Machine) -> None:
    with serve(ROUTES) as server:
        told = {"workspace_id": "ws-1"}
        fetch(make_ask("mistral", machine, secret={"admin_key": ADMIN_KEY}, base_url=server.url, given=told))
    query = [("month", "11"), ("year", "2026"), ("workspace_id", "ws-1")]
    assert parse_qsl(server.seen[0].query) == query


@pytest.mark.sockets
def test_the_plan_beside_an_admin_key(machine: Machine) -> None:
    usage, server = fetched(machine, {"admin_key": ADMIN_KEY, "api_key": KEY}, {})
    assert usage == Usage(spend=(month("0.0391"),), plan=plan("Individual"))
    assert server.paths() == [USAGE, WHOAMI]
    assert server.seen[1].headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in server.seen[1].headers


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [Reply({}, 401), Reply({}, 500), Reply([]), Reply(b"no")])
def test_a_plan_that_fails_beside_an_admin_key_is_not_told(machine: Machine, reply: Reply) -> None:
    usage, _ = fetched(machine, {"admin_key": ADMIN_KEY, "api_key": KEY}, {WHOAMI: reply})
    assert usage == SPENT


@pytest.mark.sockets
def test_an_api_key_alone(machine: Machine) -> None:
    usage, server = fetched(machine, KEY, {})
    assert usage == Usage(plan=plan("Individual"), notes=(NOT_FOR_KEYS,))
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", WHOAMI, "")
    assert seen.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.sockets
def test_the_console(machine: Machine) -> None:
    usage, server = fetched(machine, {"cookie": f"Cookie: {COOKIE}"}, {})
    assert usage == CONSOLE
    assert server.paths() == [BILLING, CREDITS, VIBE]
    for seen in server.seen:
        assert (seen.method, seen.headers["cookie"]) == ("GET", COOKIE)
        assert seen.headers["x-csrftoken"] == "fake-csrf"
        assert "authorization" not in seen.headers
    assert parse_qsl(server.seen[0].query) == [("month", "11"), ("year", "2026")]
    assert parse_qs(server.seen[2].query) == {"batch": ["1"], "input": ['{"0":{"json":null}}']}


@pytest.mark.sockets
def test_parts_of_the_console_that_fail_are_notes(machine: Machine) -> None:
    usage, _ = fetched(machine, {"cookie": COOKIE}, {CREDITS: Reply({}, 500), VIBE: Reply(b"<html>")})
    assert (usage.spend, usage.balances, usage.quotas) == (CONSOLE.spend, (), ())
    assert [note.partition(" could")[0] for note in usage.notes] == ["the credits", "Vibe's share"]


@pytest.mark.sockets
def test_a_cookie_without_a_csrf_token(machine: Machine) -> None:
    _, server = fetched(machine, {"cookie": "ory_session_demo=fake"}, {})
    assert all("x-csrftoken" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize(
    ("secret", "urls"),
    [
        ({"admin_key": ADMIN_KEY, "api_key": KEY}, [f"https://api.mistral.ai{USAGE}", WHOAMI]),
        ({"api_key": KEY}, [WHOAMI]),
        (
            {"cookie": COOKIE},
            [
                f"https://admin.mistral.ai{BILLING}",
                f"https://admin.mistral.ai{CREDITS}",
                f"https://console.mistral.ai{VIBE}",
            ],
        ),
    ],
)
def test_the_hosts(machine: Machine, no_network: requests_mock.Mocker, secret: Any, urls: list[str]) -> None:
    urls = [url if url.startswith("https") else f"https://console.mistral.ai{url}" for url in urls]
    for url in urls:
        path = url.partition("mistral.ai")[2]
        no_network.get(url, json=ROUTES[path].body)  # type: ignore[union-attr]
    fetch(make_ask("mistral", machine, secret=secret))
    assert [request.url.partition("?")[0] for request in no_network.request_history] == urls


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "path", "message", "hint"),
    [
        (
            {"admin_key": ADMIN_KEY},
            USAGE,
            "Mistral refused the Admin key (%d)",
            "an Admin key (Enterprise plans; Mistral gives it out) is needed, not an API key",
        ),
        ({"api_key": KEY}, WHOAMI, "Mistral refused the key (%d)", "make a new key at "),
        (
            {"cookie": COOKIE},
            BILLING,
            "Mistral refused the cookie (%d)",
            "copy the cookie of admin.mistral.ai",
        ),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal(machine: Machine, secret: Any, path: str, message: str, hint: str, status: int) -> None:
    with pytest.raises(AuthError) as caught:
        fetched(machine, secret, {path: Reply({}, status)})
    assert caught.value.message == message % status
    assert str(caught.value.hint).startswith(hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({}, 429), RateLimited),
        (Reply({}, 500), Unavailable),
        (Reply({}, 404), PayloadError),
        (Reply(b"no"), PayloadError),
        (Reply({}), PayloadError),
    ],
)
@pytest.mark.parametrize(
    ("secret", "path"), [({"admin_key": ADMIN_KEY}, USAGE), (KEY, WHOAMI), ({"cookie": COOKIE}, BILLING)]
)
def test_other_failures(
    machine: Machine, reply: Reply, kind: type[ProviderError], secret: Any, path: str
) -> None:
    with pytest.raises(kind):
        fetched(machine, secret, {path: reply})


# -- keys -------------------------------------------------------------------------------------------


def find(home: Path, env: Mapping[str, str] | None = None) -> Credential:
    service = Service(name="mistral", provider="mistral")
    return credentials.find(registry.get("mistral"), service, make_machine(home, env))


def write_env(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / ".env").write_text(text, encoding="utf-8")


def revealed(found: Credential) -> tuple[str, str, str | None]:
    other = found.others.get("api_key")
    return found.kind, found.secret.reveal(), other.reveal() if other else None


def test_the_usual_places_in_their_order(own_home: Path, tmp_path: Path) -> None:
    admin, key = {"MISTRAL_ADMIN_API_KEY": ADMIN_KEY}, {"MISTRAL_API_KEY": KEY}
    with pytest.raises(NotConfigured, match="^no Mistral credential was found"):
        find(own_home)
    assert revealed(find(own_home, admin)) == ("admin_key", ADMIN_KEY, None)
    write_env(own_home / ".vibe", "# mine\nexport MISTRAL_API_KEY='fake-vibe'\n")
    write_env(tmp_path / "vibe", "MISTRAL_API_KEY=fake-moved\n")
    assert revealed(find(own_home, {**admin, **key})) == ("admin_key", ADMIN_KEY, KEY)
    assert revealed(find(own_home, admin)) == ("admin_key", ADMIN_KEY, "fake-vibe")
    assert revealed(find(own_home, key)) == ("api_key", KEY, None)
    assert revealed(find(own_home)) == ("api_key", "fake-vibe", None)
    assert revealed(find(own_home, {"VIBE_HOME": str(tmp_path / "vibe")})) == ("api_key", "fake-moved", None)


def test_an_unreadable_file_does_not_stop_an_admin_key(own_home: Path) -> None:
    (own_home / ".vibe" / ".env").mkdir(parents=True)
    assert revealed(find(own_home, {"MISTRAL_ADMIN_API_KEY": ADMIN_KEY})) == ("admin_key", ADMIN_KEY, None)
    with pytest.raises(ServiceError, match="cannot be read"):
        find(own_home)


@pytest.mark.parametrize(
    ("parts", "origin", "kind"),
    [
        ({"": KEY}, "x", "api_key"),
        ({"": ADMIN_KEY}, "env MISTRAL_ADMIN_API_KEY", "admin_key"),
        ({"": COOKIE}, "x", "cookie"),
        ({"cookie": "a=fake"}, "x", "cookie"),
        ({"api_key": KEY, "admin_key": ADMIN_KEY}, "x", "admin_key"),
    ],
)
def test_what_may_be_configured(machine: Machine, parts: Any, origin: str, kind: str) -> None:
    assert accept(parts, origin, machine).kind == kind
