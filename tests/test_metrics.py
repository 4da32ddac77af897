"""Metrics: what a snapshot says of itself in the Prometheus text format, and what it keeps to itself."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.cli import run
from tests.snapshots import CODEX, COPILOT, OUTAGE, REFUSED, look, percent, report, snapshot, usual
from tests.support import NOW, d, golden
from usagecli.formatters import formatter
from usagecli.metrics import METRICS, families
from usagecli.model import Balance, Quota, Report, Snapshot, Spend, Usage

# A sample: the metric's name, its labels without the empty ones, its figure.
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def page(*reports: Report) -> str:
    return formatter("prometheus")(snapshot(*reports), look())


def parsed(text: str) -> Found:
    """The samples of a page, as Prometheus's own parser for Python reads them; none twice."""
    found: Found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if value)
            assert (sample.name, labels) not in found
            found[sample.name, labels] = sample.value
    return found


def figures(text: str, name: str) -> list[float]:
    """Every figure of one metric, in the order of the page."""
    return [value for (found, _), value in parsed(text).items() if found == f"usagecli_{name}"]


def key(name: str, **labels: str | None) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"usagecli_{name}", frozenset((label, value) for label, value in labels.items() if value)


# -- the page ---------------------------------------------------------------------------------------


def test_the_whole() -> None:
    assert page(*usual()) == golden("usual.prom")


def test_nothing_to_report_is_an_empty_page() -> None:
    assert page() == ""


def test_percentages_are_ratios_and_instants_seconds() -> None:
    found = parsed(page(report("work", CODEX, provider="codex")))
    of = {"service": "work", "provider": "codex", "quota": "five_hour"}
    assert found[key("quota_used_ratio", **of)] == 0.28
    assert found[key("quota_remaining_ratio", **of)] == 0.72
    assert found[key("quota_window_seconds", **of)] == 18000
    assert found[key("quota_reset_timestamp_seconds", **of)] == (NOW + timedelta(minutes=135)).timestamp()
    assert found[key("quota_used", **of, unit="percent")] == 28
    assert (
        found[key("service_fetched_timestamp_seconds", service="work", provider="codex")] == NOW.timestamp()
    )


def test_a_status_is_one_for_itself_and_zero_for_the_others() -> None:
    found = parsed(page(report("copilot", COPILOT, provider="copilot")))
    of = {"service": "copilot", "provider": "copilot"}
    told = {status: found[key("service_status", **of, status=status)] for status in ("ok", "low", "error")}
    assert told == {"ok": 0, "low": 0, "error": 0}
    assert found[key("service_status", **of, status="exhausted")] == 1
    assert found[key("quota_status", **of, quota="ai_credits", status="exhausted")] == 1
    assert key("quota_status", **of, quota="ai_credits", status="error") not in found


def test_what_nobody_judges_has_no_status() -> None:
    text = page(report("x", Usage(quotas=(percent("weekly", "Weekly limit", 100, judged=False),))))
    assert figures(text, "quota_used_ratio") == [1]
    assert figures(text, "quota_status") == []


def test_what_is_not_known_has_no_sample() -> None:
    bare = Quota(id="weekly", label="Weekly limit", unit="percent")
    wallet = Balance(id="credits", label="Credits", unit="usd")
    names = {name for name, _ in parsed(page(report("x", Usage(quotas=(bare,), balances=(wallet,)))))}
    assert names == {
        f"usagecli_{name}"
        for name in (
            "service_info",
            "service_status",
            "service_fetch_success",
            "service_stale",
            "service_fetched_timestamp_seconds",
            "service_report_age_seconds",
            "quota_unlimited",
            "balance_unlimited",
        )
    }


def test_an_unlimited_quota_has_use_and_no_ratio() -> None:
    endless = Quota(id="chat", label="Chat", unit="requests", used=d(7), unlimited=True)
    text = page(report("x", Usage(quotas=(endless,))))
    assert figures(text, "quota_unlimited") == [1]
    assert figures(text, "quota_used") == [7]
    for name in ("quota_used_ratio", "quota_remaining_ratio", "quota_limit", "quota_remaining"):
        assert figures(text, name) == []


def test_a_service_that_failed_says_so_and_nothing_else() -> None:
    assert parsed(page(report("team", failure=REFUSED))) == {
        key("service_fetch_success", service="team", provider="openrouter"): 0,
        **{
            key("service_status", service="team", provider="openrouter", status=status): status == "error"
            for status in ("ok", "low", "exhausted", "error")
        },
    }


def test_old_figures_are_stale_and_have_their_age() -> None:
    old = NOW - timedelta(minutes=3)
    text = page(report("x", CODEX, failure=OUTAGE, stale=True, fetched_at=old))
    assert figures(text, "service_stale") == [1]
    assert figures(text, "service_fetch_success") == [0]
    assert figures(text, "service_report_age_seconds") == [180]
    assert figures(text, "service_fetched_timestamp_seconds") == [old.timestamp()]
    assert len(figures(text, "quota_used_ratio")) == 2


def test_a_clock_that_was_set_back_makes_no_age_below_zero() -> None:
    text = page(report("x", CODEX, fetched_at=NOW + timedelta(hours=1)))
    assert figures(text, "service_report_age_seconds") == [0]


def test_figures_that_no_number_holds_are_left_out() -> None:
    huge = Usage(spend=(Spend(id="s", label="S", unit="usd", amount=Decimal("1e999")),))
    assert figures(page(report("x", huge)), "spend_amount") == []


# -- what others may read ---------------------------------------------------------------------------


def test_no_account_is_told() -> None:
    text = page(*usual())
    assert "me@example.com" not in text
    assert "octo-sample" not in text


def test_a_member_is_told_by_id_and_not_by_name() -> None:
    member = percent("member:user_01", "Spend limit of Jo Sample", 5, scope="Jo Sample")
    text = page(report("x", Usage(quotas=(member,))))
    assert "Jo" not in text
    assert parsed(text)[
        key("quota_used_ratio", service="x", provider="openrouter", quota="member:user_01")
    ] == pytest.approx(0.05)


def test_an_address_becomes_a_name_that_tells_it_from_others() -> None:
    found = parsed(page(report("me@example.com", CODEX), report("you@example.com", CODEX)))
    names = {dict(labels)["service"] for _, labels in found}
    assert len(names) == 2
    assert all(name.startswith("user-") and "@" not in name and "me" not in name for name in names)
    again = parsed(page(report("me@example.com", CODEX)))
    assert {dict(labels)["service"] for _, labels in again} < names


@pytest.mark.sockets
def test_the_demo_tells_no_account() -> None:
    accounts = [service["account"] for service in run("--demo", "status", "--json").document["services"]]
    text = run("--demo", "status", "--format", "prometheus").out
    assert any(accounts)
    assert [account for account in accounts if account and account in text] == []


# -- any snapshot -----------------------------------------------------------------------------------

NUMBERS = st.none() | st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**15)
TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        'a"b',
        "a\\",
        "a\\n",
        "a\nb",
        "{x=1}",
        "} 1\n",
        "ü東",
        "\ud800",
        "",
        "a@b.example",
        "# HELP x",
        "\r",
        "\x00",
    ]
)
TIMES = st.none() | st.integers(-(10**6), 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
UNITS = st.sampled_from(["percent", "usd", "tokens"])


def quotas() -> st.SearchStrategy[Quota]:
    return st.builds(
        Quota,
        id=TEXTS,
        label=TEXTS,
        unit=UNITS,
        scope=st.none() | TEXTS,
        used=NUMBERS,
        limit=NUMBERS,
        unlimited=st.booleans(),
        window_seconds=st.none() | st.integers(0, 10**7),
        resets_at=TIMES,
        judged=st.booleans(),
    )


def reports() -> st.SearchStrategy[Report]:
    usage = st.builds(
        Usage,
        quotas=st.lists(quotas(), max_size=3).map(tuple),
        balances=st.lists(
            st.builds(Balance, id=TEXTS, label=TEXTS, unit=UNITS, amount=NUMBERS, unlimited=st.booleans()),
            max_size=2,
        ).map(tuple),
        spend=st.lists(
            st.builds(
                Spend, id=TEXTS, label=TEXTS, unit=UNITS, amount=NUMBERS.filter(lambda n: n is not None)
            ),
            max_size=2,
        ).map(tuple),
        plan=st.none() | st.builds(lambda name: {"name": name}, st.none() | TEXTS),
    )
    made: Any = st.builds(
        report,
        TEXTS,
        st.none() | usage,
        stale=st.booleans(),
        failure=st.none() | st.just(OUTAGE),
        fetched_at=TIMES,
    )
    return made  # type: ignore[no-any-return]


def expected(snapshot: Snapshot) -> Iterator[tuple[str, float]]:
    """Name and figure of every amount in a snapshot, found another way than the metrics are."""
    for one in snapshot.reports:
        usage = one.usage or Usage()
        for quota in usage.quotas:
            for name in ("used", "limit", "remaining"):
                if getattr(quota, name) is not None:
                    yield f"usagecli_quota_{name}", float(getattr(quota, name))
            if quota.percent_used is not None:
                yield "usagecli_quota_used_ratio", float(quota.percent_used / 100)
            if quota.resets_at is not None:
                yield "usagecli_quota_reset_timestamp_seconds", quota.resets_at.timestamp()
        for balance in usage.balances:
            if balance.amount is not None:
                yield "usagecli_balance_amount", float(balance.amount)
        for spend in usage.spend:
            yield "usagecli_spend_amount", float(spend.amount)


def told_apart(one: Report, index: int) -> Report:
    """The report with names that no other has, so that no sample is left out for its labels."""
    name = f"{index} {one.service.name}"
    usage = one.usage
    if usage is not None:
        usage = replace(
            usage,
            quotas=tuple(replace(q, id=f"{i} {q.id}") for i, q in enumerate(usage.quotas)),
            balances=tuple(replace(b, id=f"{i} {b.id}") for i, b in enumerate(usage.balances)),
            spend=tuple(replace(s, id=f"{i} {s.id}") for i, s in enumerate(usage.spend)),
        )
    return replace(one, service=replace(one.service, name=name), usage=usage)


@settings(deadline=None, max_examples=150)
@given(st.lists(reports(), max_size=3))
def test_any_snapshot_reads_back_with_its_figures(made: list[Report]) -> None:
    whole = snapshot(*(told_apart(one, index) for index, one in enumerate(made)))
    found = parsed(formatter("prometheus")(whole, look()))
    names = {name for name, _ in expected(whole)}
    assert sorted((name, value) for (name, _), value in found.items() if name in names) == sorted(
        expected(whole)
    )
    assert all(math.isfinite(value) for value in found.values())
    # The labels come back as they went in, whatever they hold.
    assert found == {
        (family.metric.name, frozenset((n, v) for n, v in sample.labels.items() if v)): sample.value
        for family in families(whole)
        for sample in family.samples
    }


@settings(deadline=None, max_examples=50)
@given(st.lists(reports(), max_size=3))
def test_no_sample_stands_twice_even_where_names_do(made: list[Report]) -> None:
    parsed(page(*made))


# -- what Prometheus says ---------------------------------------------------------------------------


def lint(text: str) -> tuple[int, str]:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text.encode(), capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode()


@needs_promtool
def test_promtool_has_no_complaint() -> None:
    endless = Quota(id="chat", label="Chat", unit="requests", used=d(7), unlimited=True)
    everything = page(*usual(), report("x", Usage(quotas=(endless,))), report('a"b\\\n', CODEX))
    assert {line.split()[2] for line in everything.splitlines() if line.startswith("# TYPE")} == {
        metric.name for metric in METRICS
    }
    assert lint(f"{everything}\n") == (0, "")
    code, told = lint("usagecli_used_percent 1\n")
    assert (code != 0, "usagecli_used_percent" in told) == (True, True)
