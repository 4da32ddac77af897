"""Several accounts seen as one: whom to use, what is left, who is fullest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.cli import configure, run
from tests.support import NOW, Reply, d, payload, serve, utc
from usagecli import assess
from usagecli.model import Balance, Failure, Quota, Report, Service, Usage
from usagecli.pool import Fullest, Pool, pools
from usagecli.providers._codex.usage import parse

RATE = Decimal(25)
RESET = utc("2026-11-26T02:00:00")


def weekly(used: str | int | None, **changes: Any) -> Quota:
    return Quota(
        **{
            "id": "weekly",
            "label": "Weekly limit",
            "unit": "percent",
            "used": None if used is None else d(used),
            "limit": d(100),
            "window_seconds": 604_800,
            "resets_at": RESET,
            **changes,
        }
    )


def wallet(amount: str | None, **changes: Any) -> Balance:
    found = None if amount is None else d(amount)
    return Balance(**{"id": "credits", "label": "Credits", "unit": "credits", "amount": found, **changes})


def report(name: str, usage: Usage | None = None, *, provider: str = "codex", failed: bool = False) -> Report:
    failure = Failure(kind="unavailable", message="no answer") if failed else None
    return assess.report(
        Service(name=name, provider=provider),
        usage=usage,
        fetched_at=NOW,
        stale=failed,
        failure=failure,
        override=None,
        defaults={},
    )


def pool(*usages: Usage | None, rate: Decimal = RATE) -> Pool:
    """The pool of these accounts; None is one that failed."""
    reports = [report(f"a{n}", usage, failed=usage is None) for n, usage in enumerate(usages)]
    (found,) = pools(reports, rate)
    return found


OPEN, SPENT = Usage(quotas=(weekly(20),)), Usage(quotas=(weekly(100),))
NEARLY = Usage(quotas=(weekly(95),))


# -- who is in it -----------------------------------------------------------------------------------


def test_a_pool_is_of_two_or_more_services_of_a_provider() -> None:
    reports = [
        report("a", OPEN, provider="zai"),
        report("b", OPEN),
        report("c", OPEN, provider="claude"),
        report("d", OPEN),
        report("e", OPEN, provider="zai"),
    ]
    assert [(found.provider, found.accounts) for found in pools(reports, RATE)] == [("zai", 2), ("codex", 2)]
    assert pools([], RATE) == ()


@pytest.mark.parametrize(
    ("usages", "active", "exhausted", "failing"),
    [
        ([OPEN, NEARLY], 2, 0, 0),
        ([OPEN, SPENT], 1, 1, 0),
        ([OPEN, SPENT, None], 1, 1, 1),
        ([None, None], 0, 0, 2),
        ([Usage(), Usage(stopped=True)], 1, 1, 0),
        ([OPEN, Usage(quotas=(weekly(20),), partly_stopped=True)], 2, 0, 0),
    ],
)
def test_an_account_is_active_exhausted_or_failing(
    usages: list[Usage | None], active: int, exhausted: int, failing: int
) -> None:
    found = pool(*usages)
    assert (found.active, found.exhausted, found.failing) == (active, exhausted, failing)
    assert found.accounts == len(usages)


@pytest.mark.parametrize(
    ("case", "exhausted"),
    [
        ("plus", False),
        ("plus_limit_reached", True),
        # The account still works; the pool does better with another one.
        ("pro_monthly", True),
        ("team_spend_reached", False),
        ("enterprise_stopped", True),
    ],
)
def test_codex_accounts_in_a_pool(case: str, exhausted: bool) -> None:
    found = pool(parse(payload("codex/plus"), now=NOW), parse(payload(f"codex/{case}"), now=NOW))
    assert (found.active, found.exhausted) == ((1, 1) if exhausted else (2, 0))


def test_a_spent_model_leaves_the_account_active() -> None:
    model = weekly(100, id="spark_weekly", scope="Spark", partial=True)
    assert pool(OPEN, Usage(quotas=(weekly(20), model))).active == 2


def test_old_figures_of_a_failing_account() -> None:
    reports = [report("a", OPEN), report("b", OPEN, failed=True), report("c", SPENT, failed=True)]
    (found,) = pools(reports, RATE)
    assert (found.active, found.exhausted, found.failing) == (1, 1, 1)


# -- credits ----------------------------------------------------------------------------------------


def with_wallet(amount: str | None, **changes: Any) -> Usage:
    return Usage(quotas=(weekly(20),), balances=(wallet(amount, **changes),))


@pytest.mark.parametrize(
    ("usages", "rate", "credits_", "usd"),
    [
        ([with_wallet("247.50"), with_wallet("100"), OPEN], "25", "347.5", "13.9"),
        ([with_wallet("50"), with_wallet("999", unlimited=True)], "25", "50", "2"),
        ([with_wallet("120"), OPEN], "40", "120", "3"),
        ([with_wallet("120"), OPEN], "0", "120", None),
        ([with_wallet("120"), OPEN], "-25", "120", None),
        ([with_wallet("120"), OPEN], "NaN", "120", None),
        ([with_wallet("120"), OPEN], "Infinity", "120", None),
        ([with_wallet("0", unlimited=True), OPEN], "25", "0", "0"),
        ([with_wallet(None), OPEN], "25", "0", "0"),
        ([OPEN, None], "25", None, None),
    ],
)
def test_the_sum_of_the_credits(
    usages: list[Usage | None], rate: str, credits_: str | None, usd: str | None
) -> None:
    """Unlimited accounts add nothing; where nobody has credits, there is no sum."""
    found = pool(*usages, rate=Decimal(rate))
    assert found.credits == (None if credits_ is None else d(credits_))
    assert found.credits_usd == (None if usd is None else d(usd))


def test_other_balances_are_no_credits() -> None:
    others = (wallet("5", id="reset_credits", unit="requests"), wallet("5", unit="usd"))
    assert pool(OPEN, Usage(quotas=(weekly(20),), balances=others)).credits is None


def test_unlimited_accounts_are_counted() -> None:
    unlimited = with_wallet("0", unlimited=True)
    assert pool(unlimited, OPEN, unlimited).unlimited_accounts == 2
    assert pool(OPEN, OPEN).unlimited_accounts == 0


@pytest.mark.parametrize("reached", [True, False])
def test_an_overage_that_is_reached_anywhere(reached: bool) -> None:
    assert pool(OPEN, Usage(overage_reached=reached), None).overage_reached is reached


# -- the fullest ------------------------------------------------------------------------------------


def fullest(*quotas: Quota | None) -> tuple[str, Decimal] | None:
    """Service and percentage of the fullest of accounts with one quota each."""
    found = pool(*(Usage(quotas=(quota,)) if quota else Usage() for quota in quotas)).fullest
    return None if found is None else (found.report.service.name, found.percent_used)


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ([weekly(40), weekly(92), weekly(64)], ("a1", 92)),
        ([weekly(40), weekly(40)], ("a0", 40)),
        ([weekly("91.4"), weekly("91.5")], ("a1", d("91.5"))),
        # Whatever its figure, a limit that is reached is full.
        ([weekly(99), weekly(64, reached=True)], ("a1", 100)),
        ([weekly(None), weekly(3)], ("a1", 3)),
        ([None, weekly(0)], ("a1", 0)),
        ([weekly(90, window_seconds=18_000), weekly(3)], ("a1", 3)),
        ([weekly(90, scope="code_review"), weekly(3)], ("a1", 3)),
        ([weekly(None), None], None),
    ],
)
def test_the_account_with_the_highest_weekly_use(
    quotas: list[Quota | None], expected: tuple[str, Decimal] | None
) -> None:
    assert fullest(*quotas) == expected


def test_a_failing_account_without_figures_is_passed_over() -> None:
    found = pool(None, OPEN).fullest
    assert found is not None
    assert found.report.service.name == "a1"


def test_when_the_fullest_starts_anew() -> None:
    (left, right) = (report("a", Usage(quotas=(weekly(20),))), report("b", Usage(quotas=(weekly(30),))))
    assert right.usage is not None
    (found,) = pools([left, right], RATE)
    assert found.fullest == Fullest(
        report=right, quota=right.usage.quotas[0], percent_used=d(30), resets_at=RESET
    )
    unknown = pool(Usage(quotas=(weekly(20, resets_at=None),)), Usage()).fullest
    assert unknown is not None
    assert unknown.resets_at is None


@pytest.mark.parametrize("case", ["plus_weekly_only", "free", "pro_monthly"])
def test_the_week_is_told_by_its_length(case: str) -> None:
    """Codex gives it in either slot."""
    found = pool(Usage(), parse(payload(f"codex/{case}"), now=NOW)).fullest
    assert found is not None
    assert found.quota.id == "weekly"


# -- as it is shown ---------------------------------------------------------------------------------


def service(url: str, number: int) -> dict[str, Any]:
    return {
        "name": f"codex-{number}",
        "provider": "codex",
        "credential": {"value": f"fake-token-{number}"},
        "base_url": f"{url}/{number}/backend-api",
    }


@pytest.mark.sockets
def test_the_pool_of_a_snapshot() -> None:
    first = {**payload("codex/plus"), "rate_limit_reset_credits": None}
    second = {**payload("codex/plus_weekly_only"), "email": "work@example.com"}
    second["credits"] = {"has_credits": True, "unlimited": False, "balance": "100"}
    routes = {f"/{n}/backend-api/wham/usage": Reply(body) for n, body in enumerate((first, second))}
    with serve(routes) as server:
        configure([service(server.url, n) for n in range(2)])
        (found,) = run("status", "--json").document["pools"]
    assert found == {
        "provider": "codex",
        "accounts": 2,
        "active": 2,
        "exhausted": 0,
        "failing": 0,
        "credits": 931.25,
        "creditsUsd": 37.25,
        "unlimitedAccounts": 0,
        "overageReached": False,
        "fullest": {
            "service": "codex-0",
            "account": "dev@example.com",
            "quota": "weekly",
            "percentUsed": 64.0,
            "resetsAt": "2026-11-26T02:00:00Z",
        },
    }
