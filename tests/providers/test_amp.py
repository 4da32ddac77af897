"""Amp's answers, one by one. The free grant: test_amp_free.py; how it is asked: test_amp_fetch.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support import NOW, d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Refill, Service, Status, Usage
from usagecli.providers._amp.usage import parse, unknown

SERVICE = Service(name="amp", provider="amp")
DAY, MONTH = 86400, 30 * 86400
# Eight in the evening of New York's 21 November, when it is on winter time.
EVENING = utc("2026-11-22T01:00:00")
INDIVIDUAL = ("individual", "Individual credits")


def balance(id_: str, label: str, amount: str | int, *, stops: bool = False) -> Balance:
    return Balance(id=id_, label=label, unit="usd", amount=d(amount), stops=stops)


def percent(id_: str, label: str, used: str | int, **more: Any) -> Quota:
    return Quota(id=id_, label=label, unit="percent", used=d(used), limit=d(100), **more)


def free(used: str | int, **more: Any) -> Quota:
    return percent("free", "Free grant", used, **more)


def plan(name: str) -> dict[str, Any]:
    return {"name": name, "renewsAt": None}


PERIOD: dict[str, Any] = {"window_seconds": MONTH, "resets_at": utc("2026-12-03T00:00:00")}
TIER = Usage(
    quotas=(
        # 38 % from the dollars; the text rounds what is left to 62 %, and of the orb hours to 81 %.
        Quota(id="agent", label="Agent usage", unit="usd", used=d("7.60"), limit=d(20), **PERIOD),
        Quota(id="orb", label="Orb usage", unit="minutes", used=d("8370.0"), limit=d(45000), **PERIOD),
    ),
    balances=(
        balance(*INDIVIDUAL, "4.75"),
        balance("workspace:acme", "Workspace acme", "1031.20"),
    ),
    account="me@example.com",
    plan=plan("Megawatt"),
)
TIER_BARE = Usage(
    quotas=(Quota(id="agent", label="Agent usage", unit="usd", used=d("795.95"), limit=d(2000)),),
    balances=(balance(*INDIVIDUAL, 0),),
    account="Sam Sample",
    plan=plan("Gigawatt"),
)
TIER_ANSI = Usage(
    quotas=(
        Quota(id="agent", label="Agent usage", unit="usd", used=d("18.90"), limit=d(20), **PERIOD),
        Quota(id="orb", label="Orb usage", unit="minutes", used=d(45000), limit=d(45000), **PERIOD),
    ),
    balances=(balance(*INDIVIDUAL, 0),),
    account="login@example.com",
    plan=plan("Megawatt"),
)
SUBSCRIPTION = Usage(
    quotas=(percent("agent", "Agent usage", "7.5"), percent("orb", "Orb usage", 19)),
    balances=(balance(*INDIVIDUAL, "4.75"),),
    account="me@example.com",
    plan=plan("Megawatt"),
)
SUBSCRIPTION_JULY = Usage(
    quotas=(percent("agent", "Agent usage", 48), percent("orb", "Orb usage", 8)),
    balances=(balance(*INDIVIDUAL, "4.75"),),
    account="me@example.com",
    plan=plan("Megawatt"),
)
FREE = Usage(
    quotas=(free(39, window_seconds=DAY, resets_at=EVENING),),
    balances=(balance(*INDIVIDUAL, 0),),
    account="me@example.com",
    plan=plan("Free"),
)
FREE_DOLLARS = Usage(
    quotas=(
        Quota(
            id="free",
            label="Free grant",
            unit="usd",
            used=d("3.38"),
            limit=d(10),
            window_seconds=DAY,
            refill=Refill(amount=d("0.42"), every_seconds=3600),
        ),
    ),
    balances=(balance(*INDIVIDUAL, 0),),
    account="me@example.com",
    plan=plan("Free"),
)
FREE_BOTH = Usage(
    quotas=(
        Quota(
            id="free",
            label="Free grant",
            unit="usd",
            used=d("6.80"),
            limit=d(20),
            window_seconds=DAY,
            refill=Refill(amount=d("0.83"), every_seconds=3600),
        ),
    ),
    account="me@example.com",
    plan=plan("Free"),
)
FREE_SPENT = Usage(
    quotas=(free(100, window_seconds=DAY, resets_at=EVENING),),
    balances=(balance(*INDIVIDUAL, 0, stops=True),),
    account="me@example.com",
    plan=plan("Free"),
)
CREDITS = Usage(
    balances=(
        balance(*INDIVIDUAL, 0),
        balance("workspace:Acme Research Lab", "Workspace Acme Research Lab", "31.20"),
        balance("workspace:lab", "Workspace lab", 0),
    ),
    account="me@example.com",
)
CREDITS_SPENT = Usage(balances=(balance(*INDIVIDUAL, 0, stops=True),), account="me@example.com")


def said(*lines: str) -> dict[str, Any]:
    """An answer with this text."""
    return {"ok": True, "result": {"displayText": "\n".join(lines)}}


def read(*lines: str, now: datetime = NOW) -> Usage:
    return parse(said(*lines), now=now)


def only(*lines: str, now: datetime = NOW) -> Quota:
    """The only quota of a text."""
    (quota,) = read(*lines, now=now).quotas
    return quota


def status(usage: Usage, **service: Any) -> Status:
    return assess.judged(usage, Service(name="amp", provider="amp", **service))[1]


def statuses(usage: Usage) -> list[Status | None]:
    """Of each quota, then of each balance."""
    judged = assess.judged(usage, SERVICE)[0]
    return [entry.status for group in (judged.quotas, judged.balances) for entry in group]


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        ("tier", TIER, "ok"),
        ("tier_bare", TIER_BARE, "ok"),
        ("tier_ansi", TIER_ANSI, "exhausted"),
        ("subscription", SUBSCRIPTION, "low"),
        ("subscription_july", SUBSCRIPTION_JULY, "ok"),
        ("free", FREE, "ok"),
        ("free_dollars", FREE_DOLLARS, "ok"),
        ("free_both", FREE_BOTH, "ok"),
        ("free_spent", FREE_SPENT, "exhausted"),
        ("credits", CREDITS, "ok"),
        ("credits_spent", CREDITS_SPENT, "exhausted"),
    ],
)
def test_parse(case: str, expected: Usage, weight: Status) -> None:
    assert parse(payload(f"amp/{case}"), now=NOW) == expected
    service = {"low_below": {"orb": d(82)}} if case == "subscription" else {}
    assert status(expected, **service) == weight


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ("<html>", "body"),
        ({}, "result"),
        ({"ok": True, "result": None}, "result"),
        ({"ok": True, "result": []}, "result"),
        ({"ok": True, "result": {}}, "result.displayText"),
        ({"ok": True, "result": {"displayText": None}}, "result.displayText"),
        ({"ok": True, "result": {"displayText": 7}}, "result.displayText"),
        (said(""), "result.displayText"),
        (payload("amp/signed_in"), "result.displayText"),
        (payload("amp/new_wording"), "result.displayText"),
    ],
)
def test_parse_names_the_broken_field(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(body, now=NOW)


def test_a_new_wording_is_told_and_its_lines_are_kept_for_the_log() -> None:
    with pytest.raises(PayloadError, match="changed its format") as caught:
        parse(payload("amp/new_wording"), now=NOW)
    assert "amp usage" in str(caught.value.hint)
    assert unknown(payload("amp/new_wording"), now=NOW) == (
        "Megawatt allowance: a good half of it left until 3 December",
        "# Run `amp usage --details` for more detailed information.",
    )


def test_lines_that_are_understood_are_not_unknown() -> None:
    assert unknown(payload("amp/subscription_july"), now=NOW) == ()
    assert unknown(said("\x07 \x1b(B Soon: $5 of \u202e$9", "x" * 300), now=NOW) == (
        "(B Soon: $5 of $9",
        "x" * 200,
    )


# -- the lines' decoration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Individual credits: $1,234.50 remaining",
        "**Individual credits:** $1,234.50 remaining (set up auto-reload to avoid running out) - https://x.y",
        "INDIVIDUAL CREDITS: $1,234.50 REMAINING",
        "individual credits: $1,234.50 USD remaining",
        "Individual credits: 1234.5 USD remaining",
        "  Individual  credits:\t$1,234.50 remaining  ",
        "Individual credits: $ 1,234.50 remaining.",
        "\x1b[1mIndividual credits:\x1b[0m \x1b[38;5;2m$1,234.50\x1b[0m remaining",
        "\x1b]8;;https://ampcode.com/settings\x1b\\Individual credits:\x1b]8;;\x1b\\ $1,234.50 remaining",
        "Unheard of: $3 remaining\r\nIndividual credits: $1,234.50 remaining\r\n",
    ],
)
def test_what_stands_around_the_figures_is_decoration(line: str) -> None:
    assert read(line).balances == (balance(*INDIVIDUAL, "1234.5"),)


@pytest.mark.parametrize(
    "line",
    [
        "Individual credits: remaining",
        "Individual credits: $4.75 spent",
        "Individual credits: $--5 remaining",
        "Individual credits: $ remaining",
        "Individual credits: $٣ remaining",
        f"Individual credits: ${'9' * 30} remaining",
        "No individual credits: $4.75 remaining",
        f"Individual credits: {' ' * 1000}$4.75 remaining",
        "\n" * 20_000 + "Individual credits: $4.75 remaining",
    ],
)
def test_figures_that_cannot_be_read_are_none(line: str) -> None:
    """Neither numbers of no real size, nor what stands too far back for a text of balances."""
    with pytest.raises(PayloadError):
        read(line)


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("me@example.com", "me@example.com"),
        ("me@example.com (acme)", "me@example.com"),
        ("me@example.com (Acme Inc. (EU))", "me@example.com"),
        ("login@example.com (sign in)", "login@example.com"),
        ("Sam Sample", "Sam Sample"),
        ("Sam Sample (acme)", "Sam Sample"),
        ("Sam (Sammy) Sample (acme)", "Sam (Sammy) Sample"),
    ],
)
def test_the_account_is_named_without_its_organisation(name: str, account: str) -> None:
    usage = read(f"Signed in as {name}", "Individual credits: $4.75 remaining")
    assert usage == Usage(balances=(balance(*INDIVIDUAL, "4.75"),), account=account)


# -- paid tiers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "limit", "used", "remaining", "of_it", "expected"),
    [
        ("$19.99", "$20", "0.01", "19.99", "0.05", "ok"),
        ("$2", "$20", "18", "2", "90", "ok"),
        ("$1.99", "$20", "18.01", "1.99", "90.05", "low"),
        ("$0", "$20", "20", "0", "100", "exhausted"),
        ("-$0.50", "$20", "20.50", "0", "102.5", "exhausted"),
        ("$25", "$20", "0", "25", "0", "ok"),
        ("$1,000", "$2,000.00", "1000", "1000", "50", "ok"),
        ("$0", "$0", "0", "0", None, None),
        ("-$1", "$0", "1", "0", None, None),
    ],
)
def test_agent_usage(
    left: str, limit: str, used: str, remaining: str, of_it: str | None, expected: Status | None
) -> None:
    """Percentages come from the dollars, never from the rounded percent; a limit of 0 is not judged."""
    usage = read(f"Amp Megawatt Tier: agent usage {left} of {limit} remaining (50%)")
    (quota,) = usage.quotas
    figures = (quota.used, quota.remaining, quota.percent_used)
    assert figures == (d(used), d(remaining), None if of_it is None else d(of_it))
    assert statuses(usage) == [expected]


@pytest.mark.parametrize(
    ("left", "limit", "used", "remaining", "expected"),
    [
        ("610.5h", "750h", "8370", "36630", "ok"),
        ("1,610.5h", "1,750h", "8370", "96630", "ok"),
        ("0.5h", "750h", "44970", "30", "low"),
        ("0h", "750h", "45000", "0", "exhausted"),
        ("760h", "750h", "0", "45600", "ok"),
        ("0h", "0h", "0", "0", None),
    ],
)
def test_orb_hours_are_minutes(
    left: str, limit: str, used: str, remaining: str, expected: Status | None
) -> None:
    usage = read(f"Amp Megawatt Tier: orb usage {left} of {limit} a1.small orb hours remaining (81%)")
    (quota,) = usage.quotas
    assert (quota.id, quota.unit, quota.used, quota.remaining) == ("orb", "minutes", d(used), d(remaining))
    assert statuses(usage) == [expected]


@pytest.mark.parametrize(
    ("period", "days", "resets_at"),
    [
        (" - period 2026-11-03 to 2026-12-03, resets upon renewal in 12 days", 30, "2026-12-03"),
        (" - period 2026-12-31 to 2027-01-31", 31, "2027-01-31"),
        (" - period 2028-02-01 to 2028-03-01", 29, "2028-03-01"),
        (" - resets upon renewal in 12 days", None, None),
        ("", None, None),
        (" - period 2026-11-03 to 2026-11-31", None, None),
        (" - period 2026-12-03 to 2026-11-03", None, None),
        (" - period 2026-11-03 to 2026-11-03", None, None),
        (" - period of 30 days", None, None),
    ],
)
def test_the_period_gives_window_and_reset(period: str, days: int | None, resets_at: str | None) -> None:
    line = "Amp Megawatt Tier: agent usage $5 of $20 remaining, orb usage 9h of 75h a1.small hours remaining"
    quotas = read(line + period).quotas
    window = None if days is None else days * DAY
    expected = None if resets_at is None else utc(f"{resets_at}T00:00:00")
    assert [(quota.id, quota.window_seconds, quota.resets_at) for quota in quotas] == [
        ("agent", window, expected),
        ("orb", window, expected),
    ]


@pytest.mark.parametrize("head", ["Amp Megawatt Tier", "Amp Megawatt Subscription", "Subscription Megawatt"])
@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ("92.5% other usage and 81% orb usage remaining", {"agent": "7.5", "orb": "19"}),
        ("92.5% agent usage and 81% orb usage remaining", {"agent": "7.5", "orb": "19"}),
        ("0% other usage and 100% orb usage remaining", {"agent": "100", "orb": "0"}),
        ("92.5% other usage remaining", {"agent": "7.5"}),
        ("81% orb usage remaining", {"orb": "19"}),
        ("104% other usage remaining", {"agent": "0"}),
    ],
)
@pytest.mark.parametrize("wait", ["1 day", "12 days", "2 weeks", "1 month"])
def test_older_lines_say_percentages_left(
    head: str, figures: str, expected: dict[str, str], wait: str
) -> None:
    """The wait until the renewal is rounded and moves: it is no reset."""
    usage = read(f"{head}: {figures} - resets upon renewal in {wait}")
    assert {quota.id: quota.used for quota in usage.quotas} == {id_: d(of) for id_, of in expected.items()}
    assert {(q.unit, q.limit, q.window_seconds, q.resets_at) for q in usage.quotas} == {
        ("percent", d(100), None, None)
    }
    assert usage.plan == plan("Megawatt")


@pytest.mark.parametrize(
    "line",
    [
        "Amp Megawatt Tier: agent usage is unlimited",
        "Amp Megawatt Subscription: 20% other usage and 30% orb usage spent",
        "Amp Megawatt Tier: agent usage $-- of $20 remaining",
        f"Amp Megawatt Tier: agent usage $1 of ${'9' * 30} remaining",
        "Subscription: 20% other usage remaining",
        "My Amp Megawatt Tier: agent usage $5 of $20 remaining",
    ],
)
def test_a_tier_without_figures_is_not_known(line: str) -> None:
    with pytest.raises(PayloadError):
        read(line)
    assert read(line, "Individual credits: $4.75 remaining").plan is None


@pytest.mark.parametrize("turned", [False, True])
def test_old_and_new_wording_together_are_one_quota_each(turned: bool) -> None:
    lines = [
        "Amp Megawatt Subscription: 62% other usage and 81% orb usage remaining",
        "Amp Megawatt Tier: agent usage $12.40 of $20 remaining (62%)",
        "Amp Free: 5% remaining",
    ]
    quotas = read(*(reversed(lines) if turned else lines)).quotas
    assert [(quota.id, quota.unit) for quota in quotas] == [
        ("agent", "usd"),
        ("orb", "percent"),
        ("free", "percent"),
    ]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["Amp Megawatt Tier: agent usage $5 of $20 remaining"], "Megawatt"),
        (["Amp Giga Watt Max Tier: agent usage $5 of $20 remaining"], "Giga Watt Max"),
        (["Amp Free: 5% remaining", "Subscription Gigawatt: 9% orb usage remaining"], "Gigawatt"),
        (["Amp Free: 5% remaining"], "Free"),
        (["Amp Free: 5% remaining - see Amp Megawatt Tier: agent usage $5 of $20 remaining"], "Free"),
        (["Individual credits: $4.75 remaining"], None),
    ],
)
def test_the_plan(lines: list[str], name: str | None) -> None:
    assert read(*lines).plan == (plan(name) if name else None)


# -- credits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("acme", "workspace:acme"),
        ("Acme Research Lab", "workspace:Acme Research Lab"),
        ("Acme: Research", "workspace:Acme: Research"),
        ("Individual credits", "workspace:Individual credits"),
    ],
)
def test_a_workspace_is_named(name: str, id_: str) -> None:
    usage = read(f"Workspace {name}: $1,031.20 USD remaining - https://ampcode.com/workspaces/x")
    assert usage == Usage(balances=(balance(id_, f"Workspace {name}", "1031.20"),))


@pytest.mark.parametrize("line", ["Workspace \u200b: $5 remaining", f"Workspace x: ${'9' * 30} remaining"])
def test_a_workspace_without_name_or_figure_is_not_known(line: str) -> None:
    with pytest.raises(PayloadError):
        read(line)


def test_a_balance_is_told_once() -> None:
    usage = read(
        *(f"{what}: ${n} remaining" for n in (1, 2) for what in ("Workspace x", "Individual credits"))
    )
    assert usage.balances == (balance("workspace:x", "Workspace x", 1), balance(*INDIVIDUAL, 1))


NOTHING = "Individual credits: $0 remaining"


@pytest.mark.parametrize(
    ("beside", "expected", "weight"),
    [
        ([], ["exhausted"], "exhausted"),
        (["Amp Free: 50% remaining"], ["ok", "ok"], "ok"),
        (["Amp Free: $5/$10 remaining"], ["ok", "ok"], "ok"),
        (["Amp X Tier: agent usage $5 of $20 remaining"], ["ok", "ok"], "ok"),
        (["Workspace acme: $0.01 remaining"], ["ok", "ok"], "ok"),
        (["Workspace acme: $0 remaining"], ["exhausted", "exhausted"], "exhausted"),
        (["Amp Free: 0% remaining"], ["exhausted", "exhausted"], "exhausted"),
        (["Amp Free: 0% remaining", "Workspace acme: $5 remaining"], ["exhausted", "ok", "ok"], "exhausted"),
        (["Amp Free: $0/$0 remaining"], [None, "exhausted"], "exhausted"),
        (["Amp X Tier: 0% other usage and 3% orb usage remaining"], ["exhausted", "low", "ok"], "exhausted"),
    ],
)
def test_no_credits_are_exhausted_only_where_nothing_else_is_left(
    beside: list[str], expected: list[Status | None], weight: Status
) -> None:
    usage = read(NOTHING, *beside)
    assert (statuses(usage), status(usage)) == (expected, weight)


def test_a_debt_is_shown_as_it_is() -> None:
    usage = read("Individual credits: -$3.10 remaining")
    assert (usage.balances[0].amount, status(usage)) == (d("-3.10"), "exhausted")


def test_few_credits_are_low_where_the_user_says_so() -> None:
    assert status(read(NOTHING, "Workspace acme: $40 remaining"), low_balance=d(5)) == "low"
