"""Perplexity: what its usage page says, how it is asked, and which cookies do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import NOW, Reply, d, make_ask, make_machine, payload, serve, utc
from usagecli import assess, credentials, registry
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, ServiceError, Unavailable
from usagecli.log import mask
from usagecli.machine import Machine
from usagecli.model import Quota, Service, Usage, plan
from usagecli.providers._web import BROWSER
from usagecli.providers.perplexity import accept, fetch, parse

SERVICE = Service(name="perplexity", provider="perplexity")
PATH = "/rest/billing/credits"
RENEWAL = utc("2026-12-01T00:00:00")
TOKEN = "fake-session-token"
HTML = Reply(b"<!DOCTYPE html><html>Just a moment...</html>", 403, {"Content-Type": "text/html"})


def pool(id_: str, label: str, used: int, limit: int) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="credits",
        used=d(used),
        limit=d(limit),
        resets_at=RENEWAL if id_ == "recurring" else None,
    )


def monthly(used: int, limit: int) -> Quota:
    return pool("recurring", "Monthly credits", used, limit)


def bought(used: int, limit: int) -> Quota:
    return pool("purchased", "Bought credits", used, limit)


def promotional(used: int, limit: int) -> Quota:
    return pool("promotional", "Promo credits", used, limit)


def read(**change: Any) -> Usage:
    return parse({**payload("perplexity/pro"), **change}, now=NOW)


def grants(**amounts: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "amount_cents": amount} for kind, amount in amounts.items()]


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        (
            "pro",
            Usage(quotas=(monthly(2900, 4000), promotional(0, 5000)), plan=plan("Pro"), source="cookie"),
            "ok",
        ),
        (
            "max",
            Usage(
                quotas=(monthly(10000, 10000), bought(500, 500), promotional(500, 5000)),
                plan=plan("Max"),
                source="cookie",
            ),
            "exhausted",
        ),
        ("free", Usage(notes=("this account has no credits",), source="cookie"), "ok"),
    ],
)
def test_parse(case: str, expected: Usage, weight: str) -> None:
    assert parse(payload(f"perplexity/{case}"), now=NOW) == expected
    assert assess.judged(expected, SERVICE)[1] == weight


@pytest.mark.parametrize(
    ("usage", "quotas"),
    [
        (0, (monthly(0, 100), bought(0, 50), promotional(0, 20))),
        (100, (monthly(100, 100), bought(0, 50), promotional(0, 20))),
        (130, (monthly(100, 100), bought(30, 50), promotional(0, 20))),
        (160, (monthly(100, 100), bought(50, 50), promotional(10, 20))),
        (999, (monthly(100, 100), bought(50, 50), promotional(20, 20))),
        ("130", (monthly(100, 100), bought(30, 50), promotional(0, 20))),
    ],
)
def test_the_pools_are_used_in_their_order(usage: Any, quotas: tuple[Quota, ...]) -> None:
    # Their place in the answer says nothing.
    rows = grants(promotional=20, purchased=50, recurring=100)
    assert read(credit_grants=rows, total_usage_cents=usage).quotas == quotas


def test_the_spent_monthly_credits_are_exhausted_although_others_pay() -> None:
    usage, weight = assess.judged(
        read(credit_grants=grants(recurring=10, promotional=90), total_usage_cents=12), SERVICE
    )
    assert [quota.status for quota in usage.quotas] == ["exhausted", "ok"]
    assert weight == "exhausted"


@pytest.mark.parametrize(
    ("told", "rows", "limit"),
    [(300, 200, 300), (200, 300, 300), (None, 300, 300), (300, 0, 300)],
)
def test_what_was_bought_is_the_larger_of_two_figures(told: Any, rows: int, limit: int) -> None:
    found = read(
        credit_grants=grants(purchased=rows), current_period_purchased_cents=told, total_usage_cents=0
    )
    assert found.quotas == (bought(0, limit),)


@pytest.mark.parametrize(
    ("expires", "counts"),
    [
        (NOW.timestamp() + 1, True),
        (NOW.timestamp(), False),
        (1790000000, False),
        (None, True),
        ("soon", True),
    ],
)
def test_promotional_credits_expire(expires: Any, counts: bool) -> None:
    rows = [{"type": "promotional", "amount_cents": 40, "expires_at_ts": expires}]
    found = read(credit_grants=rows, total_usage_cents=0)
    assert found.quotas == ((promotional(0, 40),) if counts else ())


def test_monthly_credits_do_not_expire_but_renew() -> None:
    rows = [{"type": "recurring", "amount_cents": 40, "expires_at_ts": 1790000000}]
    assert read(credit_grants=rows, total_usage_cents=0).quotas == (monthly(0, 40),)


@pytest.mark.parametrize(
    ("amount", "name"), [(0, None), (1, "Pro"), (4999.5, "Pro"), (5000, "Max"), (10000, "Max")]
)
def test_the_plan_is_told_by_its_credits(amount: Any, name: str | None) -> None:
    found = read(credit_grants=grants(recurring=amount, promotional=9000))
    assert found.plan == (plan(name) if name else None)


def test_grants_of_other_kinds_are_ignored() -> None:
    rows = [*grants(recurring=10, gift=99), {"type": ["recurring"], "amount_cents": 5}]
    assert read(credit_grants=rows, total_usage_cents=0).quotas == (monthly(0, 10),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credit_grants": None}, "credit_grants"),
        ({"credit_grants": {}}, "credit_grants"),
        ({"credit_grants": [7]}, r"credit_grants\[0\]"),
        ({"credit_grants": grants(recurring=1, purchased="many")}, r"credit_grants\[1\].amount_cents"),
        ({"credit_grants": grants(gift=True)}, r"credit_grants\[0\].amount_cents"),
        ({"total_usage_cents": None}, "total_usage_cents"),
        ({"total_usage_cents": True}, "total_usage_cents"),
        ({"total_usage_cents": -1}, "total_usage_cents"),
        ({"current_period_purchased_cents": "n/a"}, "current_period_purchased_cents"),
    ],
)
def test_parse_names_the_broken_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: expected "):
        read(**change)


@given(body=mutated(payload("perplexity/max")))
def test_any_answer_is_read_or_refused(body: Any) -> None:
    survives(lambda: parse(body, now=NOW))


@given(
    pools=st.tuples(*(st.integers(0, 10**6) for _ in range(3))),
    usage=st.integers(0, 4 * 10**6),
)
def test_no_credit_is_counted_twice(pools: tuple[int, ...], usage: int) -> None:
    rows = grants(recurring=pools[0], purchased=pools[1], promotional=pools[2])
    found = read(credit_grants=rows, total_usage_cents=usage).quotas
    assert sum(quota.used or Decimal(0) for quota in found) == min(usage, sum(pools))


# -- cookies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "sent"),
    [
        (TOKEN, "session_token", TOKEN),
        ("a=1; __Secure-next-auth.session-token=fake-x", "cookie", None),
        ("__Secure-authjs.session-token=fake-x", "cookie", None),
        (
            "Cookie: __Secure-authjs.session-token=fake-x",
            "cookie",
            "__Secure-authjs.session-token=fake-x",
        ),
    ],
)
def test_what_may_be_configured(machine: Machine, text: str, kind: str, sent: str | None) -> None:
    found = accept({"": text}, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, sent or text)


def test_a_header_is_taken_as_it_stands(machine: Machine) -> None:
    found = accept({"cookie": "cookie: a=fake-1"}, "x", machine)
    assert (found.kind, found.secret.reveal()) == ("cookie", "a=fake-1")


def test_every_cookie_of_a_header_is_a_secret(machine: Machine) -> None:
    accept({"cookie": "a=fake-one; b=fake-two"}, "x", machine)
    assert mask("fake-two!") == "***!"


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ({"PERPLEXITY_SESSION_TOKEN": TOKEN, "PERPLEXITY_COOKIE": "a=fake"}, "session_token"),
        ({"PERPLEXITY_COOKIE": "a=fake"}, "cookie"),
        # The cookie was copied with its name.
        ({"PERPLEXITY_SESSION_TOKEN": f"__Secure-authjs.session-token={TOKEN}"}, "cookie"),
    ],
)
def test_the_usual_places(own_home: Path, env: dict[str, str], kind: str) -> None:
    found = credentials.find(registry.get("perplexity"), SERVICE, make_machine(own_home, env))
    assert found.kind == kind


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "cookie"),
    [
        (TOKEN, f"__Secure-next-auth.session-token={TOKEN}"),
        ({"cookie": "cf=fake; __Secure-authjs.session-token=fake"},) * 2,
    ],
)
def test_what_is_asked(machine: Machine, secret: Any, cookie: Any) -> None:
    with serve({PATH: Reply(payload("perplexity/pro"))}) as server:
        usage = fetch(make_ask("perplexity", machine, secret=secret, base_url=server.url))
    assert usage == parse(payload("perplexity/pro"), now=NOW)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", PATH)
    assert parse_qsl(seen.query) == [("version", "2.18"), ("source", "default")]
    wanted = {
        "cookie": cookie if isinstance(cookie, str) else cookie["cookie"],
        "accept": "application/json",
        "origin": "https://www.perplexity.ai",
        "referer": "https://www.perplexity.ai/account/usage",
        "user-agent": BROWSER,
    }
    assert {name: seen.headers[name] for name in wanted} == wanted
    assert "authorization" not in seen.headers


def test_the_host(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://www.perplexity.ai{PATH}", json=payload("perplexity/free"))
    assert fetch(make_ask("perplexity", machine, secret=TOKEN)).quotas == ()


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply({}, 401), AuthError, r"Perplexity refused the cookie \(401\)"),
        (Reply(HTML.body, 401, HTML.headers), AuthError, r"Perplexity refused the cookie \(401\)"),
        (Reply({"error": "no"}, 403), AuthError, r"Perplexity refused the cookie \(403\)"),
        (HTML, Unavailable, r"answered with a web page \(403\)"),
        (Reply(HTML.body, 503, HTML.headers), Unavailable, r"answered with a web page \(503\)"),
        (Reply({}, 503), Unavailable, r"has a problem of its own \(503\)"),
        (Reply({}, 429), RateLimited, r"asked us to wait"),
        (Reply(HTML.body, 200, HTML.headers), PayloadError, "body: .* answered with a web page"),
        (Reply([]), PayloadError, "body: expected an object"),
    ],
)
def test_refusals(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    with serve({PATH: reply}) as server, pytest.raises(ProviderError, match=message) as caught:
        fetch(make_ask("perplexity", machine, secret=TOKEN, base_url=server.url))
    assert type(caught.value) is kind
    if kind is AuthError:
        assert "copy the cookie" in str(caught.value.hint)


def test_a_cookie_that_no_header_carries(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="characters that no HTTP header can carry"):
        fetch(make_ask("perplexity", machine, secret="fake\ntoken"))
