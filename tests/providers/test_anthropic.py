"""What the answers of Anthropic's Admin API report. How it is asked: test_anthropic_fetch.py."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, SCALARS, mutated, places, replaced, sound, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Service, Spend, Usage
from usagecli.providers._anthropic.usage import is_console, limited_workspaces, parse

SERVICE = Service(name="claude-api", provider="anthropic")
FIRST, NEXT = utc("2026-11-01T00:00:00"), utc("2026-12-01T00:00:00")
NOVEMBER_S = 30 * 86400
MONTH: dict[str, Any] = {"unit": "usd", "window_seconds": NOVEMBER_S, "resets_at": NEXT}
WORKSPACE = "wrkspc_01Example"


def pages(*names: str) -> list[Any]:
    return [payload(f"anthropic/{name}") for name in names]


def read(costs: Any = None, **more: Any) -> Usage:
    """A parse of the recorded costs and of what is given beside them."""
    return parse(now=NOW, **{"costs": pages("costs") if costs is None else costs, **more})


def page(*rows: Any) -> dict[str, Any]:
    return {"data": [{"results": list(rows)}], "has_more": False, "next_page": None}


def cost(amount: Any, currency: Any = "USD", **more: Any) -> dict[str, Any]:
    return {"currency": currency, "amount": amount, "workspace_id": None, **more}


def limit(kind: str = "organization", **changes: Any) -> list[Any]:
    row = {"scope": {"type": kind}, "amount": "20000", "currency": "USD", "period": "monthly"}
    return [{"data": [{**row, "is_enabled": True, **changes}]}]


def monthly(amount: str) -> Spend:
    return Spend(id="monthly", label="This month", unit="usd", amount=d(amount), since=FIRST)


def tier(used: str | None, cap: str, **more: Any) -> Quota:
    return Quota(
        id="spend_limit_usage_tier",
        label="Usage tier spend limit",
        used=None if used is None else d(used),
        limit=d(cap),
        **MONTH,
        **more,
    )


def organization(used: str | None, cap: str | None) -> Quota:
    return Quota(
        id="spend_limit_organization",
        label="Organization spend limit",
        used=None if used is None else d(used),
        limit=None if cap is None else d(cap),
        unlimited=cap is None,
        **MONTH,
    )


def workspace(used: str | None, cap: str = "10") -> Quota:
    return Quota(
        id=f"spend_limit_workspace:{WORKSPACE}",
        label=f"Spend limit of {WORKSPACE}",
        scope=WORKSPACE,
        used=None if used is None else d(used),
        limit=d(cap),
        partial=True,
        **MONTH,
    )


def member(id_: str, name: str, used: str, cap: str | None, **more: Any) -> Quota:
    return Quota(
        **{
            "id": id_,
            "label": f"Spend limit of {name}",
            "scope": name,
            "used": d(used),
            "limit": None if cap is None else d(cap),
            "unlimited": cap is None,
            "partial": True,
            **MONTH,
            **more,
        }
    )


TOKENS = Spend(id="tokens", label="Tokens this month", unit="tokens", amount=d(1_327_827), since=FIRST)
MEMBERS = (
    member("member:user_01Example", "ada@example.com", "120.505", "500"),
    member("member:user_02Example", "bob@example.com", "3.10125", None),
    member("member:user_03Example", "cy@example.com", "100", "100"),
    member("member:user_04Example", "di@example.com", "0", "100"),
    member(
        "member:user_01Example:weekly",
        "ada@example.com",
        "10",
        "200",
        window_seconds=604800,
        resets_at=None,
    ),
)
UNSURE = "a member's $0 may also mean that the reading is not available"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"costs": pages("costs")}, Usage(spend=(monthly("127.92375"),))),
        ({"costs": pages("costs_none")}, Usage(spend=(monthly("0"),))),
        ({"costs": pages("costs_described")}, Usage(spend=(monthly("4.4725"),))),
        ({"costs": pages("costs_page_1", "costs_page_2")}, Usage(spend=(monthly("125.005"),))),
        (
            {
                "costs": pages("costs"),
                "tokens": pages("tokens"),
                "limits": pages("limits"),
                "by_workspace": pages("costs_by_workspace"),
                "organization": payload("anthropic/organization"),
            },
            Usage(
                quotas=(organization("127.92375", "200"), tier("127.92375", "1000"), workspace("5.45")),
                spend=(monthly("127.92375"), TOKENS),
                account="Example Org",
            ),
        ),
        (
            {"costs": pages("costs"), "limits": pages("limits_unlimited")},
            Usage(
                quotas=(organization(None, None), tier("127.92375", "100")),
                spend=(monthly("127.92375"),),
            ),
        ),
        (
            {"costs": None, "limits": pages("limits_enterprise"), "members": pages("members")},
            Usage(quotas=(organization(None, "5000"), *MEMBERS), notes=(UNSURE,)),
        ),
        (
            {"costs": None, "tokens": pages("tokens"), "notes": ("the costs were refused",)},
            Usage(spend=(TOKENS,), notes=("the costs were refused",)),
        ),
    ],
)
def test_recorded_answers(given_: dict[str, Any], expected: Usage) -> None:
    assert parse(now=NOW, **given_) == expected


# -- costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "dollars"),
    [("12345.00", "123.45"), ("123.45", "1.2345"), (417.25, "4.1725"), (30, "0.3"), ("-5", "-0.05")],
)
def test_amounts_are_cents(amount: Any, dollars: str) -> None:
    assert read([page(cost(amount))]).spend == (monthly(dollars),)


def test_all_results_of_all_buckets_and_pages_are_added_whatever_their_date() -> None:
    old = {"starting_at": "2025-01-01T00:00:00Z", "results": [cost("100")]}
    odd = [{"data": [old, {"results": [cost("20"), cost("3", workspace_id=WORKSPACE)]}]}, page(cost("4"))]
    assert read(odd).spend == (monthly("1.27"),)


@pytest.mark.parametrize(
    ("currency", "named"), [("EUR", "EUR"), (None, "an unknown currency"), (7, "an unknown currency")]
)
def test_currencies_are_never_added(currency: Any, named: str) -> None:
    usage = read([page(cost("100"), cost("900", currency))])
    assert usage == Usage(spend=(monthly("1"),), notes=(f"costs in {named} are left out",))


NO_AMOUNTS: tuple[Any, ...] = (None, "", "bad", "NaN", "Infinity", True, [], "1e400")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({}, "data"),
        ({"data": None}, "data"),
        ({"data": [None]}, "data[]"),
        ({"data": [{}]}, "results"),
        ({"data": [{"results": None}]}, "results"),
        (page(None), "results[]"),
        *((page(cost(bad)), "amount") for bad in NO_AMOUNTS),
    ],
)
def test_costs_that_cannot_be_read_are_no_sum(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{re.escape(field)}: "):
        read([body])


def test_what_only_describes_a_cost_may_be_missing() -> None:
    recorded = payload("anthropic/costs_described")
    whole = read([recorded])
    for path in places(recorded):
        if path and path[-1] not in (*range(9), "data", "results", "amount", "currency"):
            assert read([replaced(recorded, path, None)]) == whole


# -- tokens -----------------------------------------------------------------------------------------

USE = {"uncached_input_tokens": 1, "cache_read_input_tokens": 20, "output_tokens": 300}


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({}, 321),
        ({"cache_creation": None}, 321),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 4000}}, 4321),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 4000, "ephemeral_1h_input_tokens": 50000}}, 54321),
        ({"cache_creation": {"ephemeral_9d_input_tokens": 4000}}, 321),
        ({"server_tool_use": {"web_search_requests": 9}, "service_tier": "priority"}, 321),
        ({"uncached_input_tokens": "2"}, 322),
    ],
)
def test_every_token_counts_once(changes: dict[str, Any], total: int) -> None:
    usage = read(tokens=[page({**USE, **changes})])
    assert [(entry.id, entry.amount) for entry in usage.spend][1:] == [("tokens", d(total))]


@pytest.mark.parametrize("name", USE)
@pytest.mark.parametrize("value", [None, "NaN", float("inf"), {}])
def test_a_missing_count_is_no_zero(name: str, value: Any) -> None:
    usage = read(tokens=[page({**USE, name: value})])
    assert [entry.id for entry in usage.spend] == ["monthly"]
    assert usage.notes[0].startswith(f"the tokens could not be read: {name}: ")


# -- spend limits -----------------------------------------------------------------------------------


def test_a_limit_may_be_passed() -> None:
    (quota,) = read([page(cost("30000"))], limits=limit()).quotas
    assert (quota.used, quota.limit, quota.remaining) == (d(300), d(200), d(0))
    assert (quota.percent_used, quota.percent_remaining) == (d(150), d(0))


@pytest.mark.parametrize(("cents", "status"), [("20000", "exhausted"), ("19000", "low"), ("100", "ok")])
@pytest.mark.parametrize("kind", ["organization", "usage_tier"])
def test_a_limit_is_judged(kind: str, cents: str, status: str) -> None:
    assert assess.judged(read([page(cost(cents))], limits=limit(kind)), SERVICE)[1] == status


@pytest.mark.parametrize("used", ["1000", "5000"])
def test_a_workspace_at_its_limit_does_not_stop_the_others(used: str) -> None:
    rows = limit("workspace", scope={"type": "workspace", "workspace_id": WORKSPACE}, amount="1000")
    grouped = [page(cost(used, workspace_id=WORKSPACE), cost("90000"))]
    judged, status = assess.judged(read(limits=rows, by_workspace=grouped), SERVICE)
    assert ([quota.status for quota in judged.quotas], status) == (["exhausted"], "low")


def test_a_workspace_without_costs_has_spent_nothing() -> None:
    rows = limit("workspace", scope={"type": "workspace", "workspace_id": "wrkspc_02Example"})
    (quota,) = read(limits=rows, by_workspace=pages("costs_by_workspace")).quotas
    assert quota.used == d(0)


def test_the_default_workspace_has_no_id() -> None:
    (quota,) = read(limits=limit("workspace"), by_workspace=pages("costs_by_workspace")).quotas
    assert (quota.id, quota.scope) == ("spend_limit_workspace:default", "default workspace")
    assert quota.label == "Spend limit of the default workspace"
    assert quota.used == d("122.47375")


@pytest.mark.parametrize("grouped", [None, [{}], [page(cost(None))]])
def test_without_its_own_costs_a_workspace_s_use_is_not_known(grouped: Any) -> None:
    (quota,) = read(limits=pages("limits"), by_workspace=grouped).quotas[2:]
    assert quota == workspace(None)
    assert assess.quota_status(quota, d(10)) is None


def test_broken_costs_of_the_workspaces_are_told() -> None:
    usage = read(limits=pages("limits"), by_workspace=[{}])
    assert usage.notes[0].startswith("the costs of the workspaces could not be read: data: ")
    assert usage.spend == (monthly("127.92375"),)


def test_no_cap_is_unlimited_without_numbers() -> None:
    (quota,) = read(limits=limit(amount=None)).quotas
    assert quota == organization(None, None)
    assert assess.quota_status(quota, d(10)) == "ok"


def test_with_extra_usage_off_nothing_is_free_to_spend() -> None:
    usage = read(limits=pages("limits_disabled"))
    assert [(quota.unlimited, quota.used, quota.limit) for quota in usage.quotas] == [(False, None, None)]
    assert usage.notes == ("extra usage is off for the organization",)


@pytest.mark.parametrize(
    "changes",
    [
        {"period": "daily"},
        {"period": "weekly"},
        {"period": None},
        {"currency": "EUR"},
        {"currency": None},
        {"amount": "-1"},
        {"amount": "much"},
        {"amount": "NaN"},
        {"amount": []},
    ],
)
def test_a_limit_that_the_month_s_dollars_say_nothing_of(changes: dict[str, Any]) -> None:
    usage = read(limits=limit(**changes))
    assert usage.quotas == ()
    assert usage.notes == ("1 of 1 spend limits left out: not monthly, or not in US dollars",)


def test_a_missing_amount_is_not_a_missing_cap() -> None:
    rows = limit()
    del rows[0]["data"][0]["amount"]
    assert read(limits=rows).quotas == ()


@pytest.mark.parametrize("kind", ["user", "seat_tier", "rbac_group", "organization_service", "new", None, 7])
def test_limits_of_other_scopes_are_not_those_of_the_organization(kind: Any) -> None:
    assert read(limits=limit(scope={"type": kind})) == read()


def test_the_first_limit_of_a_scope_counts() -> None:
    rows = limit() + limit(amount="1")
    assert [quota.limit for quota in read(limits=rows).quotas] == [d(200)]


@pytest.mark.parametrize(
    ("cents", "used", "status"), [("0", "0", None), ("0", "1", "exhausted"), (5000.0, "0", "ok")]
)
def test_a_limit_of_nothing(cents: Any, used: str, status: str | None) -> None:
    usage = read([page(cost(used))], limits=limit(amount=cents))
    assert assess.judged(usage, SERVICE)[0].quotas[0].status == status


@pytest.mark.parametrize(
    ("name", "console", "grouped"),
    [("limits", True, True), ("limits_unlimited", True, False), ("limits_enterprise", False, False)],
)
def test_which_sort_of_organization_it_is(name: str, console: bool, grouped: bool) -> None:
    assert (is_console(pages(name)), limited_workspaces(pages(name))) == (console, grouped)


def test_a_workspace_without_a_cap_needs_no_costs_of_its_own() -> None:
    assert not limited_workspaces(limit("workspace", amount=None))


# -- members of an Enterprise organization ----------------------------------------------------------


def effective(**changes: Any) -> list[Any]:
    row = payload("anthropic/members")["data"][0]
    return [{"data": [{**row, **changes}]}]


def test_a_member_at_its_limit_does_not_stop_the_others() -> None:
    judged, status = assess.judged(read(members=pages("members")), SERVICE)
    assert [quota.status for quota in judged.quotas] == ["ok", "ok", "exhausted", "ok", "ok"]
    assert status == "low"


@pytest.mark.parametrize(
    ("actor", "scope", "id_", "name"),
    [
        ({"user_id": "u1", "email_address": "a@example.com"}, {}, "u1", "a@example.com"),
        ({"id": "u1", "email": "a@example.com"}, None, "u1", "a@example.com"),
        ({"id": "u1", "name": "Ada"}, {"user_id": "u2"}, "u1", "Ada"),
        ({"email_address": ""}, {"type": "user", "user_id": "u2"}, "u2", "u2"),
        (None, {"user_id": "u2"}, "u2", "u2"),
    ],
)
def test_who_the_member_is(actor: Any, scope: Any, id_: str, name: str) -> None:
    (quota,) = read(members=effective(actor=actor, scope=scope)).quotas
    assert (quota.id, quota.scope) == (f"member:{id_}", name)


@pytest.mark.parametrize(
    ("period", "seconds", "resets_at"),
    [("monthly", NOVEMBER_S, NEXT), ("weekly", 604800, None), ("daily", 86400, None), (None, None, None)],
)
def test_the_period_of_a_member_s_only_limit(period: Any, seconds: Any, resets_at: Any) -> None:
    (quota,) = read(members=effective(period=period)).quotas
    assert (quota.id, quota.window_seconds, quota.resets_at) == (
        "member:user_01Example",
        seconds,
        resets_at,
    )


@pytest.mark.parametrize("value", [None, "NaN", [], "a lot"])
def test_an_unknown_spend_of_a_member_is_no_zero(value: Any) -> None:
    (quota,) = read(members=effective(period_to_date_spend=value)).quotas
    assert (quota.used, quota.limit, quota.percent_used) == (None, d(500), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": None, "scope": None},
        {"currency": "EUR"},
        {"currency": None},
        {"amount": "x"},
        {"amount": -1},
    ],
)
def test_a_row_that_names_no_member_or_no_limit(changes: dict[str, Any]) -> None:
    usage = read(members=effective(**changes))
    assert (usage.quotas, usage.notes) == ((), ("1 of 1 limits of members could not be read",))


# -- the account ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "account"),
    [
        ({"id": "6f1f", "name": "Example Org"}, "Example Org"),
        ({"id": "6f1f", "name": None}, "6f1f"),
        ({"id": "6f1f", "name": " "}, "6f1f"),
        ({"name": "a\x1b[31m\nb"}, "a [31m b"),
        ({"id": 7}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_account_is_the_organization(body: Any, account: str | None) -> None:
    assert read(organization=body).account == account


# -- any answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["costs", "costs_described", "costs_page_1", "costs_none"])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_costs(case: str, data: st.DataObject) -> None:
    costs = data.draw(mutated(payload(f"anthropic/{case}")))
    survives(lambda: read([costs], limits=pages("limits")))


@given(
    tokens=mutated(payload("anthropic/tokens")) | ANY_JSON,
    limits=mutated(payload("anthropic/limits")) | mutated(payload("anthropic/limits_enterprise")) | ANY_JSON,
    grouped=mutated(payload("anthropic/costs_by_workspace")) | ANY_JSON,
    members=mutated(payload("anthropic/members")) | ANY_JSON,
    organization=mutated(payload("anthropic/organization")) | ANY_JSON,
)
@settings(max_examples=200, deadline=None)
def test_anything_beside_the_costs(
    tokens: Any, limits: Any, grouped: Any, members: Any, organization: Any
) -> None:
    usage = read(
        tokens=[tokens],
        limits=[limits],
        by_workspace=[grouped],
        members=[members],
        organization=organization,
    )
    sound(usage)
    assert usage.spend[0] == monthly("127.92375")


@given(st.lists(SCALARS, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_sum_is_the_sum_of_its_parts_or_none(amounts: list[Any]) -> None:
    usage = survives(lambda: read([page(*map(cost, amounts))]))
    if usage is not None:
        whole = sum((Decimal(str(amount).strip()) for amount in amounts), d(0)) / 100
        assert abs(usage.spend[0].amount - whole) < Decimal("1e-6")
