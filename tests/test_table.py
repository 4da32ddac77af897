"""The table: what it shows, and how it fits the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.snapshots import CLAUDE, CODEX, OUTAGE, look, percent, report, snapshot, usual
from tests.support import NOW, d, golden
from usagecli.formatters.rows import short_label
from usagecli.formatters.table import clipped, display_width, render, wrapped
from usagecli.model import Balance, Failure, Quota, Refill, Spend, Usage

WIDTHS = (40, 45, 50, 60, 70, 80, 100, 120, 200)
LONG = "Abteilung für künstliche Intelligenz und Messwesen"
WIDE = "東京の開発者チーム"


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("table_80.txt", {"width": 80, "bars": True}),
        ("table_100.txt", {"width": 100, "bars": True}),
        ("table_120.txt", {"width": 120, "bars": True}),
        ("table_200.txt", {"width": 200, "bars": True}),
        ("table_60.txt", {"width": 60, "bars": True}),
        ("table_pipe.txt", {}),
        ("table_ascii.txt", {"width": 80, "bars": True, "unicode": False}),
        ("table_color.txt", {"width": 80, "bars": True, "color": True}),
        ("table_color_120.txt", {"width": 120, "bars": True, "color": True}),
    ],
)
def test_the_table(name: str, how: dict[str, Any]) -> None:
    assert render(snapshot(*usual()), look(**how)) == golden(name)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("5-hour limit", "5-hour"),
        ("Weekly limit", "weekly"),
        ("Key limit (monthly)", "monthly limit"),
        ("AI credits", "AI credits"),
        ("GPT-5", "GPT-5"),
        ("Google One AI credits", "Google One AI credits"),
        ("Claude and GPT models", "Claude and GPT models"),
    ],
)
def test_a_label_is_short_and_names_keep_their_capitals(label: str, shown: str) -> None:
    assert short_label(label) == shown


def test_a_pipe_has_the_account_where_the_table_stays_readable() -> None:
    """Without it, and without the scope, where the rows would be longer than 120 columns."""

    def head(length: int) -> list[str]:
        quota = percent("weekly", "Weekly limit", 40, scope="s" * length)
        usage = Usage(account="me@example.com", quotas=(quota,))
        return render(snapshot(report("codex", usage, provider="codex")), look()).splitlines()[0].split()

    names = ["SERVICE", "ACCOUNT", "QUOTA", "SCOPE", "USED", "LEFT", "RESETS", "STATUS"]
    gone = [[], ["ACCOUNT"], ["ACCOUNT", "SCOPE"]]
    assert [head(length) for length in (20, 60, 90)] == [
        [name for name in names if name not in left] for left in gone
    ]


def test_colour_adds_nothing_but_colour() -> None:
    shown = render(snapshot(*usual()), look(width=80, bars=True, color=True))
    assert click.unstyle(shown) == golden("table_80.txt")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["work", LONG, WIDE])
def test_no_line_is_wider_than_the_terminal(width: int, name: str) -> None:
    reports = [*usual(), report(name, replace(CODEX, account=f"{name}@example.com"))]
    shown = render(snapshot(*reports), look(width=width, bars=True))
    assert max(map(display_width, shown.splitlines())) <= width


@pytest.mark.parametrize("name", [LONG, WIDE])
def test_names_stand_whole_where_there_is_room(name: str) -> None:
    reports = [*usual(), report(name, replace(CODEX, account=f"{name}@example.com"))]
    shown = render(snapshot(*reports), look(width=240, bars=True))
    assert name in shown
    assert f"{name}@example.com" in shown


def test_wide_characters_keep_the_columns_in_line() -> None:
    lines = render(snapshot(report(WIDE, CODEX), report("work", CODEX)), look(width=100)).splitlines()
    starts = {display_width(line[: line.index("5-hour")]) for line in lines if "5-hour" in line}
    assert len(starts) == 1


def test_a_plan_that_has_no_room_is_left_out_rather_than_cut() -> None:
    shown = render(snapshot(*usual()), look(width=80, bars=True))
    assert " Max 5x" in shown
    assert "Pay" not in shown


def test_two_windows_of_one_name_are_told_apart_by_length() -> None:
    usage = Usage(
        quotas=(
            percent(
                "spark_five_hour", "GPT-5.3-Codex-Spark", 8, scope="GPT-5.3-Codex-Spark", window_seconds=18000
            ),
            percent(
                "spark_weekly", "GPT-5.3-Codex-Spark", 3, scope="GPT-5.3-Codex-Spark", window_seconds=604800
            ),
        )
    )
    shown = render(snapshot(report("codex", usage)), look())
    assert "GPT-5.3-Codex-Spark (5h)" in shown
    assert "GPT-5.3-Codex-Spark (7d)" in shown
    assert "SCOPE" not in shown, "the label says it already"


def test_a_scope_that_the_label_does_not_say_has_a_column() -> None:
    free = Quota(id="free", label="Free models", unit="requests", scope="東", used=d(7), limit=d(1000))
    head, line, *_ = render(snapshot(report("router", Usage(quotas=(free,)))), look()).splitlines()
    assert head.split() == ["SERVICE", "QUOTA", "SCOPE", "USED", "LEFT", "RESETS", "STATUS"]
    assert "free models  東     7 / 1,000" in line


@pytest.mark.parametrize(
    ("used", "bar"),
    [
        ("0", "░░░░░░░░░░"),
        ("0.01", "█░░░░░░░░░"),
        ("14.9", "█░░░░░░░░░"),
        ("15.1", "██░░░░░░░░"),
        ("99.9", "█████████░"),
        ("100", "██████████"),
        ("107", "██████████"),
    ],
)
def test_a_bar_shows_neither_something_as_nothing_nor_nearly_all_as_all(used: str, bar: str) -> None:
    shown = render(
        snapshot(report("x", Usage(quotas=(percent("w", "Weekly limit", used),)))), look(bars=True)
    )
    assert f"  {bar}  " in shown


UNKNOWN = Quota(id="w", label="Weekly limit", unit="percent", limit=d(100))


@pytest.mark.parametrize(
    ("usage", "cells"),
    [
        (Usage(quotas=(UNKNOWN,)), ["weekly", "-", "-", "-", "-"]),
        (
            Usage(quotas=(Quota(id="k", label="Key limit", unit="usd", unlimited=True, used=d("0.75")),)),
            ["key", "$0.75", "unlimited", "-", "ok"],
        ),
        (
            Usage(quotas=(Quota(id="chat", label="Chat", unit="messages", unlimited=True),)),
            ["chat", "unlimited", "-", "ok"],
        ),
        (
            Usage(quotas=(Quota(id="c", label="AI credits", unit="credits", used=d("12.5")),)),
            ["AI", "credits", "12.5", "-", "-", "-"],
        ),
        (
            Usage(
                quotas=(
                    Quota(
                        id="f",
                        label="Free",
                        unit="usd",
                        used=d(2),
                        limit=d(20),
                        refill=Refill(amount=d("0.83"), every_seconds=3600),
                    ),
                )
            ),
            ["free", "$2", "/", "$20", "$18", "+$0.83/h", "ok"],
        ),
        (
            Usage(
                quotas=(
                    Quota(
                        id="f",
                        label="Free",
                        unit="requests",
                        used=d(0),
                        limit=d(9),
                        refill=Refill(amount=d(3), every_seconds=7200),
                    ),
                )
            ),
            ["free", "0", "/", "9", "9", "+3", "per", "2h", "ok"],
        ),
        (
            Usage(
                quotas=(
                    Quota(
                        id="f",
                        label="Free",
                        unit="requests",
                        used=d(0),
                        limit=d(9),
                        refill=Refill(amount=d(3), every_seconds=12096),
                    ),
                )
            ),
            ["free", "0", "/", "9", "9", "+3", "per", "3h", "21m", "ok"],
        ),
        (
            Usage(
                quotas=(Quota(id="s", label="Spend limit", unit="credits", limit=d(50), percent_used=d(20)),)
            ),
            ["spend", "20", "%", "80", "%", "-", "ok"],
        ),
        (
            Usage(balances=(Balance(id="c", label="Credits", unit="credits", unlimited=True),)),
            ["credits", "unlimited", "-", "ok"],
        ),
        (
            Usage(balances=(Balance(id="p", label="Prepaid", unit="eur", amount=d("-3.5")),)),
            ["prepaid", "-€3.50", "-", "exhausted"],
        ),
        (
            Usage(spend=(Spend(id="m", label="This month", unit="usd", amount=d("341.39")),)),
            ["this", "month", "$341.39", "-", "-", "-"],
        ),
        (Usage(), ["-", "-", "-", "ok"]),
    ],
)
def test_a_row(usage: Usage, cells: list[str]) -> None:
    _, line, *_ = render(snapshot(report("x", usage)), look()).splitlines()
    assert line.split() == ["x", *cells]


def test_nothing_to_report() -> None:
    assert render(snapshot(), look(width=80)) == "nothing to report"


def pooled(*usages: Usage, **changes: Any) -> str:
    """The line on the accounts of codex, where these are what they have."""
    reports = [
        report(f"codex:{name}", usage, provider="codex") for name, usage in zip("abc", usages, strict=False)
    ]
    found = replace(snapshot(*reports), **changes)
    return render(found, look()).splitlines()[-2]


SPENT = replace(CODEX, quotas=(replace(CODEX.quotas[1], used=d(100), percent_used=d(100), remaining=d(0)),))
UNLIMITED = replace(CODEX, balances=(Balance(id="credits", label="Credits", unit="credits", unlimited=True),))


@pytest.mark.parametrize(
    ("usages", "changes", "line"),
    [
        (
            (CODEX, CODEX),
            {},
            "codex: 2 accounts, 2 active; 224.8 credits ($8.99); "
            "fullest: codex:a, weekly 59 %, resets Fri 09:00",
        ),
        (
            (CODEX, SPENT),
            {"credits_per_usd": d(0)},
            "codex: 2 accounts, 1 active, 1 exhausted; 224.8 credits; "
            "fullest: codex:b, weekly 100 %, resets Fri 09:00",
        ),
        (
            (UNLIMITED, replace(CODEX, overage_reached=True)),
            {},
            "codex: 2 accounts, 2 active; 112.4 credits ($4.50), 1 unlimited; an overage limit is reached; "
            "fullest: codex:a, weekly 59 %, resets Fri 09:00",
        ),
        ((Usage(), Usage()), {}, "codex: 2 accounts, 2 active"),
    ],
)
def test_several_accounts_have_a_line_together(
    usages: tuple[Usage, ...], changes: dict[str, Any], line: str
) -> None:
    assert pooled(*usages, **changes) == line


def test_a_pool_whose_overage_limit_is_reached_is_red() -> None:
    reports = [report("a", replace(CODEX, overage_reached=True)), report("b", CODEX)]
    lines = render(snapshot(*reports), look(width=80, color=True)).splitlines()
    told = [line for line in lines if "accounts" in line or "overage" in line]
    assert told
    assert all(line.startswith("\x1b[31m") for line in told)


def test_one_account_has_none() -> None:
    assert "accounts" not in render(snapshot(report("codex", CODEX)), look())


def test_a_service_without_rows_has_its_error_on_its_own_line() -> None:
    failure = Failure(kind="not_configured", message="no key was found", hint="set OPENROUTER_API_KEY")
    shown = render(snapshot(report("openrouter", failure=failure)), look(width=80))
    assert shown.splitlines() == [
        "openrouter  not configured: no key was found",
        "            set OPENROUTER_API_KEY",
        "",
        "1 failed",
    ]


def test_an_old_report_says_its_age_and_when_it_is_asked_again() -> None:
    shown = render(
        snapshot(report("claude", CLAUDE, failure=OUTAGE, stale=True, fetched_at=NOW.replace(hour=5))), look()
    )
    assert "asked us to wait (429); the figures are 3h old" in shown
    assert "asked again in 5m" in shown


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("openrouter", 0, "openrouter"),
        ("openrouter", 10, "openrouter"),
        ("openrouter", 8, "openrou…"),
        (WIDE, 8, "東京の…"),
    ],
)
def test_clipped(text: str, width: int, short: str) -> None:
    assert clipped(text, width, "…") == short
    assert not width or display_width(clipped(text, width, "…")) <= width


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("one two three", ["one two", "three"]),
        ("averyverylongword x", ["averyver", "ylongwor", "d x"]),
        (f"a {WIDE}", ["a", "東京の開", "発者チー", "ム"]),
    ],
)
def test_wrapped(text: str, lines: list[str]) -> None:
    assert list(wrapped(text, 8)) == lines


@given(st.text(alphabet="ab 東京é ", max_size=60), st.integers(2, 30))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    lines = list(wrapped(text, width))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(display_width(line) <= width for line in lines)
