"""The rules of judgement, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW, d
from usagecli import assess
from usagecli.errors import ExitCode
from usagecli.model import Balance, Failure, Quota, Report, Service, Status, Usage

SERVICE = Service(name="work", provider="codex")


def quota(**changes: Any) -> Quota:
    return Quota(**{"id": "weekly", "label": "Weekly limit", "unit": "percent", **changes})


def percent(used: str | int, **changes: Any) -> Quota:
    return quota(used=d(used), limit=d(100), **changes)


def balance(amount: str | int | None, **changes: Any) -> Balance:
    found = None if amount is None else d(amount)
    return Balance(**{"id": "credits", "label": "Credits", "unit": "usd", "amount": found, **changes})


@pytest.mark.parametrize(
    ("given_quota", "expected"),
    [
        (percent(28), "ok"),
        (percent(90), "ok"),  # exactly the threshold left is not below it
        (percent("90.000001"), "low"),
        (percent(94), "low"),
        (percent(100), "exhausted"),
        (percent(107), "exhausted"),
        (percent(5, reached=True), "exhausted"),
        (percent(100, judged=False), None),
        (quota(), None),
        (quota(limit=d(100)), None),
        (quota(used=d(5)), None),
        (quota(percent_used=d(95), limit=d(100)), "low"),
        (quota(percent_used=d(100), limit=d(100)), "exhausted"),
        # What is left decides, not a percentage that merely rounds to 0.
        (quota(limit=d(7000), remaining=d("0.4"), percent_used=d(100)), "low"),
        (quota(remaining=d(3)), "ok"),
        (quota(remaining=d(0)), "exhausted"),
        (quota(used=d(0), limit=d(0)), None),
        (quota(used=d(3), limit=d(0)), "exhausted"),
        (quota(limit=d(0), remaining=d(0)), None),
        (quota(unlimited=True, used=d(9000)), "ok"),
        (quota(unlimited=True, judged=False), None),
    ],
)
def test_status_of_a_quota(given_quota: Quota, expected: Status | None) -> None:
    assert assess.quota_status(given_quota, d(10)) == expected


@pytest.mark.parametrize(
    ("given_balance", "floor", "alone", "expected"),
    [
        (balance(5), None, False, "ok"),
        (balance(5), d(5), False, "ok"),
        (balance("4.99"), d(5), False, "low"),
        (balance(0), None, False, "ok"),  # a zero wallet beside an open plan is normal
        (balance(0), d(5), False, "low"),
        (balance(0), None, True, "exhausted"),
        (balance(-3), None, True, "exhausted"),
        (balance(0, stops=True), None, False, "exhausted"),
        (balance(0, stops=False), None, True, "ok"),
        (balance(0, stops=False), d(5), True, "low"),
        (balance(0, judged=False), d(5), True, None),
        (balance(None), d(5), True, None),
        (balance(None, reached=True), None, False, "exhausted"),
        (balance(5, reached=True), None, False, "exhausted"),
        (balance(0, unlimited=True), d(5), True, "ok"),
    ],
)
def test_status_of_a_balance(
    given_balance: Balance, floor: Decimal | None, alone: bool, expected: Status | None
) -> None:
    assert assess.balance_status(given_balance, floor, alone=alone) == expected


@pytest.mark.parametrize(
    ("override", "service", "defaults", "expected"),
    [
        (d(1), {"weekly": d(2)}, {"default": d(4)}, 1),
        (None, {"weekly": d(2), "default": d(3)}, {"default": d(4)}, 2),
        (None, {"default": d(3)}, {"weekly": d(4)}, 3),
        (None, {"five_hour": d(3)}, {"weekly": d(4), "default": d(5)}, 4),
        (None, {}, {"default": d(5)}, 5),
        (None, {}, {}, 10),
        (None, {"default": d(0)}, {}, 0),
    ],
)
def test_thresholds_in_their_order(override: Any, service: Any, defaults: Any, expected: int) -> None:
    found = Service(name="x", provider="codex", low_below=service)
    assert assess.threshold("weekly", override, found, defaults) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(), "ok"),
        (Usage(quotas=(quota(),)), "ok"),
        (Usage(quotas=(percent(5), percent(95))), "low"),
        (Usage(quotas=(percent(100), percent(95))), "exhausted"),
        (Usage(quotas=(percent(5), percent(100, partial=True))), "low"),
        (Usage(quotas=(percent(5),), stopped=True), "exhausted"),
        (Usage(stopped=True), "exhausted"),
        (Usage(quotas=(percent(5),), partly_stopped=True), "low"),
        (Usage(quotas=(percent(100),), partly_stopped=True), "exhausted"),
        (Usage(partly_stopped=True), "low"),
        (Usage(balances=(balance(0),)), "exhausted"),
        (Usage(quotas=(percent(5),), balances=(balance(0),)), "ok"),
        (Usage(quotas=(quota(),), balances=(balance(-1),)), "ok"),
    ],
)
def test_a_document_takes_the_worst_of_its_parts(usage: Usage, expected: Status) -> None:
    assert assess.judged(usage, SERVICE)[1] == expected


def test_a_quota_that_stops_a_part_keeps_its_own_status() -> None:
    usage, status = assess.judged(Usage(quotas=(percent(100, partial=True),)), SERVICE)
    assert (usage.quotas[0].status, status) == ("exhausted", "low")


def test_ignored_entries_are_shown_and_not_judged() -> None:
    service = Service(name="x", provider="codex", ignore=frozenset(["weekly", "credits"]))
    found = Usage(quotas=(percent(100),), balances=(balance(0, stops=True),))
    usage, status = assess.judged(found, service)
    assert (usage.quotas[0].status, usage.balances[0].status, status) == (None, None, "ok")
    assert usage.quotas[0].used == 100


def test_low_balance_of_the_service_counts() -> None:
    service = Service(name="x", provider="openrouter", low_balance=d(20))
    assert assess.judged(Usage(balances=(balance(19),)), service)[1] == "low"


# -- what is derived --------------------------------------------------------------------------------


def test_a_quota_derives_what_was_not_said() -> None:
    found = quota(unit="usd", used=d("341.39"), limit=d(500))
    assert (found.remaining, found.percent_used, found.percent_remaining) == (
        d("158.61"),
        d("68.278"),
        d("31.722"),
    )


def test_use_may_pass_the_limit_and_what_remains_may_not_fall_below_zero() -> None:
    found = quota(used=d("10.72"), limit=d(10))
    assert (found.remaining, found.percent_used, found.percent_remaining) == (d(0), d("107.2"), d(0))


def test_percentages_have_six_decimals_at_most() -> None:
    assert quota(used=d(1), limit=d(3)).percent_used == d("33.333333")


def test_nothing_is_derived_from_nothing() -> None:
    for found in (quota(used=d(5)), quota(limit=d(5)), quota(used=d(0), limit=d(0))):
        assert found.percent_used is None
        assert found.percent_remaining is None


def test_unlimited_has_no_percentages() -> None:
    found = quota(unlimited=True, used=d(5), limit=d(10), percent_used=d(50))
    assert (found.used, found.limit, found.remaining, found.percent_used) == (d(5), None, None, None)


# -- age --------------------------------------------------------------------------------------------


def test_a_window_that_was_reset_since_is_unknown() -> None:
    spent = percent(94, resets_at=NOW + timedelta(minutes=5))
    kept = percent(31, id="other", resets_at=NOW + timedelta(days=3))
    usage = Usage(quotas=(spent, kept), stopped=True, partly_stopped=True, contract={"planType": "plus"})
    later = assess.aged(usage, NOW, NOW + timedelta(minutes=5), {"planType": None})
    assert (later.quotas[0].used, later.quotas[0].percent_used, later.quotas[0].resets_at) == (
        None,
        None,
        None,
    )
    assert later.quotas[0].limit == 100
    assert later.quotas[1] == kept
    assert (later.stopped, later.partly_stopped, later.contract) == (False, False, {"planType": None})
    assert "reset" in later.notes[0]
    assert assess.judged(later, SERVICE)[1] == "ok"


CREDITS = Balance(id="credits", label="Credits", unit="credits", amount=d("112.4"))


def test_a_balance_that_the_answer_is_silent_on_stays() -> None:
    before, silent = Usage(balances=(CREDITS,)), Usage(untold=frozenset(("credits",)))
    found = assess.kept(silent, before, NOW)
    note = "credits are as of 2026-11-21 08:00 UTC: this answer is silent on them"
    assert (found.balances, found.notes) == ((replace(CREDITS, as_of=NOW),), (note,))
    later = assess.kept(silent, found, NOW + timedelta(hours=3))
    assert later == found, "it keeps its own age, however often it is carried on"


@pytest.mark.parametrize(
    ("usage", "before"),
    [
        (Usage(), Usage(balances=(CREDITS,))),
        (Usage(untold=frozenset(("credits",))), None),
        (Usage(untold=frozenset(("credits",))), Usage()),
        (Usage(untold=frozenset(("credits",)), balances=(CREDITS,)), Usage(balances=(CREDITS,))),
        (Usage(untold=frozenset(("prepaid",))), Usage(balances=(CREDITS,))),
    ],
)
def test_otherwise_no_old_balance_comes_back(usage: Usage, before: Usage | None) -> None:
    assert assess.kept(usage, before, NOW) == usage


def test_before_the_reset_nothing_changes() -> None:
    usage = Usage(quotas=(percent(94, resets_at=NOW + timedelta(minutes=5)),), stopped=True)
    assert assess.aged(usage, NOW, NOW + timedelta(minutes=4), {}) is usage


def test_a_reset_that_was_past_when_it_was_read_is_the_providers_word() -> None:
    usage = Usage(quotas=(percent(94, resets_at=NOW - timedelta(minutes=5)),))
    assert assess.aged(usage, NOW, NOW + timedelta(minutes=1), {}) is usage


# -- the whole --------------------------------------------------------------------------------------


def report(status: Status) -> Report:
    return Report(service=SERVICE, status=status)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["ok", "ok"], ExitCode.OK),
        (["ok", "low"], ExitCode.LOW),
        (["exhausted"], ExitCode.LOW),
        (["error", "ok"], ExitCode.UNKNOWN),
        (["error", "low"], ExitCode.LOW),
        ([], ExitCode.UNKNOWN),
    ],
)
def test_exit_codes(statuses: list[Status], code: ExitCode) -> None:
    assert assess.exit_code(report(status) for status in statuses) == code


def test_an_error_ranks_below_low() -> None:
    assert assess.worst(["ok", "error", "low"]) == "low"
    assert assess.worst(["ok", "error"]) == "error"
    assert assess.worst([]) == "ok"


@pytest.mark.parametrize(("used", "expected"), [(50, "error"), (95, "low"), (100, "exhausted")])
def test_old_figures_beside_an_error(used: int, expected: Status) -> None:
    found = assess.report(
        SERVICE,
        usage=Usage(quotas=(percent(used),)),
        fetched_at=NOW,
        stale=True,
        failure=Failure(kind="unavailable", message="no answer"),
        override=None,
        defaults={},
    )
    assert found.status == expected


figures = st.none() | st.decimals(-1000, 10000, places=2)


@given(
    used=figures,
    limit=figures,
    remaining=figures,
    reached=st.booleans(),
    unlimited=st.booleans(),
    below=st.decimals(0, 100, places=1),
)
def test_any_figures_are_judged_soundly(
    used: Any, limit: Any, remaining: Any, reached: bool, unlimited: bool, below: Decimal
) -> None:
    found = quota(used=used, limit=limit, remaining=remaining, reached=reached, unlimited=unlimited)
    status = assess.quota_status(found, below)
    if status == "low":
        assert found.percent_remaining is not None
        assert found.percent_remaining < below
    if status == "exhausted" and not reached:
        assert limit is not None or remaining is not None
