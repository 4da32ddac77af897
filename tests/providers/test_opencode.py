"""OpenCode's billing, and its answers put together. The rest: test_opencode_windows.py,
test_opencode_script.py (the parser of its pages), test_opencode_credentials.py, test_opencode_fetch.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Spend, Status, Usage
from usagecli.providers._opencode.usage import Billing, read_billing, usage
from usagecli.providers._opencode.windows import Subscription, read_api, read_page

WORKSPACE = "wrk_01KFAKE0000000000000000001"
FIRST, NEXT_FIRST = utc("2026-11-01T00:00:00"), utc("2026-12-01T00:00:00")
GO_PLAN, ZEN_PLAN = {"name": "Go", "renewsAt": None}, {"name": "Zen", "renewsAt": None}


def page(case: str) -> str:
    """A recorded page, or the answer of a function, whose lines stand in a list."""
    return "\n".join(payload(f"opencode/{case}"))


def api(case: str) -> Subscription:
    return read_api(payload(f"opencode/{case}"))


def windows(case: str) -> Subscription:
    found = read_page(page(case), NOW)
    assert found is not None
    return found


def billing(case: str, now: datetime = NOW) -> Billing:
    return read_billing(page(f"page_billing_{case}"), now)


def five_hour(used: str | int | None, resets_at: str | None, **more: Any) -> Quota:
    return window("five_hour", "5-hour limit", 18000, used, resets_at, **more)


def weekly(used: str | int | None, resets_at: str | None, **more: Any) -> Quota:
    return window("weekly", "Weekly limit", 604800, used, resets_at, **more)


def monthly(used: str | int | None, resets_at: str | None, **more: Any) -> Quota:
    return window("monthly", "Monthly limit", None, used, resets_at, **more)


def window(
    id_: str, label: str, seconds: int | None, used: str | int | None, resets_at: str | None, **more: Any
) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        used=None if used is None else d(used),
        limit=d(100),
        window_seconds=seconds,
        resets_at=utc(resets_at) if resets_at else None,
        **more,
    )


def zen_limit(used: str | None, limit: str | int, *, partial: bool = False) -> Quota:
    return Quota(
        id="zen_monthly",
        label="Zen monthly limit",
        unit="usd",
        used=None if used is None else d(used),
        limit=d(limit),
        resets_at=NEXT_FIRST,
        partial=partial,
    )


def zen(amount: str | None, *, stops: bool = False, judged: bool = True) -> Balance:
    return Balance(
        id="zen",
        label="Zen balance",
        unit="usd",
        amount=None if amount is None else d(amount),
        stops=stops,
        judged=judged,
    )


def spend(amount: str) -> Spend:
    return Spend(id="zen_monthly", label="Zen this month", unit="usd", amount=d(amount), since=FIRST)


def judged(found: Usage, **service: Any) -> tuple[dict[str, Status | None], Status]:
    """The status of every entry, and of the document."""
    told, status = assess.judged(found, Service(name="opencode", provider="opencode", **service))
    statuses = {quota.id: quota.status for quota in told.quotas}
    return statuses | {balance.id: balance.status for balance in told.balances}, status


# -- billing ----------------------------------------------------------------------------------------


def told(**changes: Any) -> Billing:
    facts: dict[str, Any] = {
        "set_up": True,
        "balance": d("18.75"),
        "used": d("4.25"),
        "limit": d(50),
        "go": False,
        "black": None,
        "use_balance": None,
        **changes,
    }
    return Billing(**facts)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("zen", told()),
        ("go", told(go=True)),
        ("overshot", told(balance=d("-0.125"), used=d("5.2"), limit=d(5))),
        ("last_month", told(balance=d(0), used=d(0), limit=None, go=True)),
        ("never", told(set_up=False, balance=d(0), used=None, limit=None)),
        ("black", told(black="Black 100", use_balance=False)),
    ],
)
def test_billing(case: str, expected: Billing) -> None:
    """The word Balance on the page is not the figure."""
    assert billing(case) == expected


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("balance:1875000000", "balance:null", {"balance": None}),
        ("balance:1875000000", "balance:-1", {"balance": d("-0.00000001")}),
        ("balance:1875000000", 'balance:"1875000000"', {}),
        ("balance:1875000000", "balance:NaN", {"balance": None}),
        ("balance:1875000000", "balance:Infinity", {"balance": None}),
        ("monthlyLimit:50", "monthlyLimit:null", {"limit": None}),
        ("monthlyLimit:50", "monthlyLimit:0", {"limit": d(0)}),
        ("monthlyLimit:50", "monthlyLimit:-1", {"limit": None}),
        ("monthlyUsage:425000000", "monthlyUsage:null", {"used": None}),
        ("monthlyUsage:425000000", "monthlyUsage:-1", {"used": None}),
        ('customerID:"cus_fake"', "customerID:null", {"set_up": False}),
        ("lite:null", "lite:$R[32]={}", {"go": True}),
        ("lite:null", "lite:{useBalance:!0}", {"go": True, "use_balance": True}),
        ("liteSubscriptionID:null", 'liteSubscriptionID:"sub_fake"', {"go": True}),
        ("subscription:null", "subscription:{plan:20}", {"black": "Black 20"}),
        (
            "subscription:null",
            "subscription:{plan:null,useBalance:!0}",
            {"black": "Black", "use_balance": True},
        ),
        ("subscriptionPlan:null", 'subscriptionPlan:"200"', {}),  # chosen, and not subscribed to
    ],
)
def test_what_billing_may_say(old: str, new: str, changes: dict[str, Any]) -> None:
    text = page("page_billing_zen")
    assert old in text
    assert read_billing(text.replace(old, new), NOW) == told(**changes)


def test_the_older_plan_by_its_second_name() -> None:
    text = page("page_billing_black").replace('plan:"100"', "plan:null").replace('Plan:"100"', 'Plan:"200"')
    assert read_billing(text, NOW).black == "Black 200"


@pytest.mark.parametrize(
    ("counted_at", "used"),
    [
        ("2026-11-01T00:00:00.000Z", "4.25"),
        ("2026-11-30T23:59:59.999Z", "4.25"),
        ("2026-11-01T00:30:00+01:00", "0"),  # October in UTC
        ("2026-10-31T23:59:59.999Z", "0"),
        ("2025-11-20T18:00:00.000Z", "0"),  # the same month of another year
        ("2026-12-01T00:00:00.000Z", None),
        ("bad", None),
    ],
)
def test_a_month_s_use_counts_in_its_own_month_only(counted_at: str, used: str | None) -> None:
    text = page("page_billing_zen").replace("2026-11-20T18:00:00.000Z", counted_at)
    assert read_billing(text, NOW).used == (None if used is None else d(used))


def test_a_month_s_use_of_no_known_time_is_unknown() -> None:
    text = page("page_billing_zen").replace('$R[31]=new Date("2026-11-20T18:00:00.000Z")', "null")
    assert read_billing(text, NOW).used is None


def test_the_windows_of_go_are_no_billing() -> None:
    with pytest.raises(PayloadError, match="^billing.get: "):
        read_billing(page("page_go"), NOW)


# -- together ---------------------------------------------------------------------------------------

NEVER = "billing was never set up in this workspace: there is no Zen balance"
OTHERS = "another member of the workspace holds Go: its windows are not yours"
CARRIED = "a window is spent: the Zen balance pays for what follows"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "zen",
            Usage(
                quotas=(zen_limit("4.25", 50),),
                balances=(zen("18.75", stops=True),),
                spend=(spend("4.25"),),
                plan=ZEN_PLAN,
            ),
        ),
        (
            "overshot",
            Usage(
                quotas=(zen_limit("5.2", 5),),
                balances=(zen("-0.125", stops=True),),
                spend=(spend("5.2"),),
                plan=ZEN_PLAN,
            ),
        ),
        ("never", Usage(plan=ZEN_PLAN, notes=(NEVER,))),
    ],
)
def test_zen_alone(case: str, expected: Usage) -> None:
    assert usage(now=NOW, billing=billing(case), go=Subscription()) == expected


def test_go_and_zen() -> None:
    found = usage(now=NOW, go=api("go"), billing=billing("go"), workspace=WORKSPACE)
    assert found == Usage(
        quotas=(*api("go").quotas, zen_limit("4.25", 50, partial=True)),
        balances=(zen("18.75"),),
        spend=(spend("4.25"),),
        account=WORKSPACE,
        plan=GO_PLAN,
    )


def test_zen_s_limit_may_be_overshot() -> None:
    found = usage(now=NOW, billing=billing("overshot"))
    assert (found.quotas[0].percent_used, found.quotas[0].remaining) == (d(104), d(0))
    assert judged(found) == ({"zen_monthly": "exhausted", "zen": "exhausted"}, "exhausted")


def test_zen_s_limit_ends_only_what_go_does_not_cover() -> None:
    overshot = billing("overshot")
    assert judged(usage(now=NOW, go=api("go_old"), billing=overshot))[1] == "low"
    assert judged(usage(now=NOW, go=api("go_spent"), billing=overshot))[1] == "exhausted"


@pytest.mark.parametrize(
    ("go", "status", "document"),
    [
        (api("go"), "ok", "ok"),
        (api("go_spent"), "exhausted", "exhausted"),
        (Subscription(), "exhausted", "exhausted"),
        (Subscription(mine=False), "exhausted", "exhausted"),
        (None, None, "ok"),  # there is Go, and what is left of it is not known
    ],
)
def test_an_empty_balance_stops_nothing_while_go_has_room(
    go: Subscription | None, status: Status | None, document: Status
) -> None:
    statuses, whole = judged(usage(now=NOW, go=go, billing=billing("last_month")))
    assert (statuses["zen"], whole) == (status, document)


def test_an_empty_balance_is_judged_where_only_zen_s_limit_stands_beside_it() -> None:
    empty = read_billing(page("page_billing_zen").replace("balance:1875000000", "balance:0"), NOW)
    assert judged(usage(now=NOW, billing=empty)) == ({"zen_monthly": "ok", "zen": "exhausted"}, "exhausted")


def test_a_low_balance_is_the_user_s_to_define() -> None:
    unread = usage(now=NOW, billing=billing("go"))
    assert judged(unread, low_balance=d(20))[0]["zen"] == "low"
    assert judged(unread, low_balance=d(10))[0]["zen"] == "ok"


def test_a_balance_that_is_not_told_is_unknown() -> None:
    text = page("page_billing_zen").replace("balance:1875000000", "balance:{}")
    found = usage(now=NOW, billing=read_billing(text, NOW))
    assert found.balances == (zen(None, stops=True),)
    assert judged(found)[0]["zen"] is None


def spent_with(go_page: str = "page_go_spent", **changes: str) -> Usage:
    """A spent window beside the billing with these changes."""
    text = page("page_billing_go")
    for old, new in changes.items():
        text = text.replace(f"{old}:", f"{old}:{new},was{old}:")
    return usage(now=NOW, go=windows(go_page), billing=read_billing(text, NOW))


def test_a_spent_window_that_the_balance_carries_on_is_low_at_most() -> None:
    found = spent_with()
    assert judged(found) == (
        {"five_hour": "ok", "weekly": "ok", "monthly": "exhausted", "zen_monthly": "ok", "zen": "ok"},
        "low",
    )
    assert found.notes == (CARRIED,)


@pytest.mark.parametrize(
    "changes", [{"balance": "0"}, {"balance": "null"}, {"monthlyLimit": "4"}, {"monthlyLimit": "0"}]
)
def test_nothing_carries_on_without_money_or_above_the_limit(changes: dict[str, str]) -> None:
    found = spent_with(**changes)
    assert (judged(found)[1], found.notes) == ("exhausted", ())


def test_nothing_carries_on_where_the_user_does_not_allow_it() -> None:
    text = page("page_go_spent").replace("useBalance:!0", "useBalance:!1")
    found = usage(now=NOW, go=read_page(text, NOW), billing=billing("go"))
    assert (judged(found)[1], found.notes) == ("exhausted", ())


@pytest.mark.parametrize(("allowed", "document"), [("!0", "low"), ("!1", "exhausted")])
def test_with_a_key_billing_says_whether_the_balance_carries_on(allowed: str, document: Status) -> None:
    text = page("page_billing_go").replace("lite:$R[32]={}", f"lite:$R[32]={{useBalance:{allowed}}}")
    assert judged(usage(now=NOW, go=api("go_spent"), billing=read_billing(text, NOW)))[1] == document


def test_an_open_window_that_the_balance_would_carry_on_needs_no_note() -> None:
    text = page("page_go").replace("useBalance:!1", "useBalance:!0")
    found = usage(now=NOW, go=read_page(text, NOW), billing=billing("go"))
    assert (found.notes, judged(found)[1]) == ((), "ok")


def test_go_of_another_member_is_told_and_not_shown() -> None:
    found = usage(now=NOW, go=windows("page_go_other_member"), billing=billing("go"))
    assert (found.quotas, found.notes, found.plan) == ((zen_limit("4.25", 50),), (OTHERS,), GO_PLAN)


def test_black() -> None:
    found = usage(now=NOW, go=Subscription(), black=windows("server_black"), billing=billing("black"))
    assert found == Usage(
        quotas=(*windows("server_black").quotas, zen_limit("4.25", 50, partial=True)),
        balances=(zen("18.75"),),
        spend=(spend("4.25"),),
        plan={"name": "Black 100", "renewsAt": None},
    )


def test_an_empty_balance_beside_black_that_was_not_read() -> None:
    text = page("page_billing_black").replace("balance:1875000000", "balance:0")
    found = usage(now=NOW, go=Subscription(), billing=read_billing(text, NOW))
    assert found.balances == (zen("0", stops=True, judged=False),)


def test_zen_of_another_workspace_than_the_key_s_is_told() -> None:
    found = usage(now=NOW, go=api("go"), billing=billing("go"), workspace="wrk_01KFAKEOTHER")
    assert found.account == WORKSPACE
    assert found.notes == ("Zen is that of another workspace than the key's: wrk_01KFAKEOTHER",)


def test_without_any_answer_nothing_is_known() -> None:
    assert usage(now=NOW, notes=("a note",)) == Usage(notes=("a note",))
