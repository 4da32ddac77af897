"""Factory's answers. Logins and requests: test_factory_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Usage, plan
from usagecli.providers._factory.usage import parse


def window(id_: str, label: str, used: str, seconds: int, resets: Any, **more: Any) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=seconds,
        resets_at=resets,
        **more,
    )


def pool(id_: str, used: str, limit: str | None, **more: Any) -> Quota:
    return Quota(
        id=id_,
        label=f"{id_.capitalize()} tokens",
        unit="tokens",
        used=d(used),
        limit=None if limit is None else d(limit),
        resets_at=utc("2026-12-01T00:00:00"),
        **more,
    )


def extra(amount: str) -> Balance:
    return Balance(id="extra_usage", label="Extra usage", unit="usd", amount=d(amount))


LIMITS = Usage(
    quotas=(
        window("five_hour", "5-hour", "21.5", 18000, utc("2026-11-21T12:40:00")),
        window("weekly", "Weekly", "44", 604800, utc("2026-11-26T00:00:00")),
        window("monthly", "Monthly", "60", 2592000, utc("2026-12-10T00:00:00")),
        window("core_five_hour", "Core 5-hour", "3", 18000, utc("2026-11-21T10:15:00"), scope="core"),
    ),
    balances=(extra("12.5"),),
)
SPENT = Usage(
    quotas=(
        # Over, and nothing says that it goes on.
        window("five_hour", "5-hour", "0", 18000, None),
        window("weekly", "Weekly", "100", 604800, utc("2026-11-26T00:00:00")),
    ),
    balances=(extra("0"),),
)
TOKENS = Usage(quotas=(pool("standard", "4000000", "20000000"),), plan=plan("Pro"))
TOKENS_MAX = Usage(
    quotas=(
        pool("standard", "210000000", "200000000"),
        pool("premium", "1234567", None, unlimited=True),
    ),
    plan=plan("Max"),
)


@pytest.mark.parametrize(
    ("limits", "tokens", "expected"),
    [
        ("limits", None, LIMITS),
        ("spent", None, SPENT),
        ("older", "tokens", TOKENS),
        ("older", "tokens_max", TOKENS_MAX),
        # Such an answer is not looked at beside the limits.
        ("limits", "tokens", LIMITS),
    ],
)
def test_parse(limits: str, tokens: str | None, expected: Usage) -> None:
    more = payload(f"factory/{tokens}") if tokens else None
    assert parse(payload(f"factory/{limits}"), tokens=more, now=NOW) == expected


def rated(window_: Any, pool_: str = "standard", **more: Any) -> Usage:
    body = {"usesTokenRateLimitsBilling": True, "limits": {pool_: {"weekly": window_}}, **more}
    return parse(body, now=NOW)


# -- windows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "left", "used", "resets"),
    [
        ("2026-11-21T09:00:00Z", 60, "40", utc("2026-11-21T09:00:00")),
        (1795255200, None, "40", utc("2026-11-21T10:00:00")),
        (1795255200000, None, "40", utc("2026-11-21T10:00:00")),
        (None, 90, "40", utc("2026-11-21T08:01:30")),
        # It is past, but the seconds say that it goes on.
        ("2026-11-21T07:00:00Z", 90, "40", utc("2026-11-21T08:01:30")),
        ("2026-11-21T07:00:00Z", None, "0", None),
        ("2026-11-21T08:00:00Z", None, "0", None),
        ("2026-11-21T07:00:00Z", 0, "0", None),
        (None, None, "40", None),
        (None, 0, "40", None),
        (None, -5, "40", None),
        ("soon", "later", "40", None),
    ],
)
def test_the_reset(end: Any, left: Any, used: str, resets: Any) -> None:
    told = {"usedPercent": 40, "windowEnd": end, "secondsRemaining": left}
    assert rated(told).quotas == (window("weekly", "Weekly", used, 604800, resets),)


@pytest.mark.parametrize("used", [None, "much", True, [], {}])
@pytest.mark.parametrize("name", ["standard", "core"])
def test_a_window_needs_its_share(name: str, used: Any) -> None:
    with pytest.raises(PayloadError, match=rf"^limits\.{name}\.weekly\.usedPercent: expected a number"):
        rated({"usedPercent": used, "secondsRemaining": 5}, name)


@pytest.mark.parametrize(
    "limits", [None, {}, {"standard": None}, {"standard": {}}, {"other": {"weekly": {}}}]
)
def test_no_window_at_all(limits: Any) -> None:
    with pytest.raises(PayloadError, match="^limits: "):
        parse({"usesTokenRateLimitsBilling": True, "limits": limits}, now=NOW)


def test_a_pool_alone_is_enough() -> None:
    assert [quota.id for quota in rated({"usedPercent": 1}, "core").quotas] == ["core_weekly"]


@pytest.mark.parametrize("told", [False, None, "true", 1])
def test_limits_count_only_where_the_flag_is_true(told: Any) -> None:
    body = {**payload("factory/limits"), "usesTokenRateLimitsBilling": told}
    assert parse(body, tokens=payload("factory/tokens"), now=NOW).quotas == TOKENS.quotas


@pytest.mark.parametrize(
    ("standard", "core", "status"), [(100, 0, "exhausted"), (0, 100, "exhausted"), (50, 50, "ok")]
)
def test_each_pool_is_judged_by_itself(standard: int, core: int, status: str) -> None:
    limits = {"standard": {"weekly": {"usedPercent": standard}}, "core": {"weekly": {"usedPercent": core}}}
    body = {
        "usesTokenRateLimitsBilling": True,
        "limits": limits,
        "extraUsageBalanceCents": 5000,
        "overagePreference": "core",
    }
    usage = parse(body, now=NOW)
    assert assess.judged(usage, Service(name="factory", provider="factory"))[1] == status


@pytest.mark.parametrize(("cents", "amount"), [(1250, "12.5"), (0, "0"), ("99", "0.99"), (None, None)])
def test_the_balance(cents: Any, amount: str | None) -> None:
    found = rated({"usedPercent": 1}, extraUsageBalanceCents=cents).balances
    assert found == (() if amount is None else (extra(amount),))


# -- the month's tokens -----------------------------------------------------------------------------


def counted(standard: Any) -> Usage:
    usage = {"endDate": 1796083200000, "standard": standard}
    return parse(payload("factory/older"), tokens={"usage": usage}, now=NOW)


def test_overage_is_not_counted_twice() -> None:
    (found,) = counted({"orgTotalTokensUsed": 120, "orgOverageUsed": 20, "totalAllowance": 100}).quotas
    assert (found.used, found.percent_used, found.remaining) == (d(120), d(120), d(0))


@pytest.mark.parametrize("allowance", [None, 0, -1, "none"])
def test_no_allowance_no_quota(allowance: Any) -> None:
    usage = counted({"orgTotalTokensUsed": 5, "totalAllowance": allowance})
    assert (usage.quotas, usage.notes) == ((), ("the organization has no allowance of tokens",))


@pytest.mark.parametrize(
    ("allowance", "unlimited"),
    [
        (10**12, False),
        (10**12 + 1, True),
        (1e300, True),
        (10**40, True),
        (str(10**12), False),
        (str(2 * 10**12), True),
        (str(2**63 - 1), True),
    ],
)
def test_unlimited(allowance: Any, unlimited: bool) -> None:
    (found,) = counted({"orgTotalTokensUsed": 5, "totalAllowance": allowance}).quotas
    assert (found.unlimited, found.limit is None) == (unlimited, unlimited)


def test_a_ratio_stands_in_for_a_missing_count() -> None:
    (found,) = counted({"usedRatio": 0.25, "totalAllowance": 100}).quotas
    assert (found.used, found.percent_used) == (None, d(25))


@pytest.mark.parametrize("told", [{"orgTotalTokensUsed": -1}, {"usedRatio": -0.5}])
def test_no_use_is_below_0(told: Any) -> None:
    (found,) = counted({"totalAllowance": 100, **told}).quotas
    assert (found.used, found.percent_used, found.limit) == (None, None, d(100))


@pytest.mark.parametrize(
    ("allowance", "name"),
    [(200_000_000, "Max"), (199_999_999, "Pro"), (20_000_000, "Pro"), (19_999_999, None), (10**13, None)],
)
def test_the_plan_by_its_allowance(allowance: int, name: str | None) -> None:
    assert counted({"totalAllowance": allowance}).plan == (plan(name) if name else None)


@pytest.mark.parametrize("tokens", [None, {}, {"usage": None}, {"usage": []}, []])
def test_without_either_nothing_is_known(tokens: Any) -> None:
    with pytest.raises(PayloadError, match="^(body|usage): expected an object"):
        parse(payload("factory/older"), tokens=tokens, now=NOW)


# -- who it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("me", "account", "name", "who"),
    [
        (payload("factory/me"), "eve@example.com", "Team", "ada@example.com"),
        (
            {"organization": {"subscription": {"factoryTier": "enterprise"}}},
            "eve@example.com",
            "enterprise",
            "eve@example.com",
        ),
        ({"organization": {"name": "Example Labs"}}, None, "Pro", "Example Labs"),
        (None, None, "Pro", None),
    ],
)
def test_plan_and_account(me: Any, account: str | None, name: str, who: str | None) -> None:
    usage = parse(payload("factory/older"), tokens=payload("factory/tokens"), me=me, account=account, now=NOW)
    assert (usage.plan, usage.account) == (plan(name), who)


@pytest.mark.parametrize(("limits", "tokens"), [("limits", None), ("spent", None), ("older", "tokens")])
@given(data=st.data())
def test_any_json_anywhere(limits: str, tokens: str | None, data: st.DataObject) -> None:
    body, me = data.draw(mutated(payload(f"factory/{limits}"))), data.draw(ANY_JSON)
    more = data.draw(mutated(payload(f"factory/{tokens}"))) if tokens else None
    survives(lambda: parse(body, tokens=more, me=me, now=NOW))


@given(used=st.integers(0, 100), left=st.integers(1, 10**6))
def test_a_share_is_shown_as_it_is_told(used: int, left: int) -> None:
    (found,) = rated({"usedPercent": used, "secondsRemaining": left}).quotas
    assert (found.percent_used, found.percent_remaining) == (d(used), d(100 - used))
    assert found.resets_at is not None
    assert (found.resets_at - NOW).total_seconds() == left
