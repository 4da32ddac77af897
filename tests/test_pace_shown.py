"""The pace as people see it: its words, its colour, and which columns give way to it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.snapshots import CODEX, OPENROUTER, OUTAGE, look, percent, report, snapshot
from tests.support import NOW, d
from usagecli.formatters import formatter
from usagecli.formatters.table import render
from usagecli.model import Balance, Quota, Rates, Report, Usage, plan

HOUR, DAY = 3600, 86400


def window(used: str | int, seconds: int = 5 * HOUR, left: float = 0.5, **more: Any) -> Report:
    """A service with one quota, of whose window the share `left` lies ahead."""
    resets_at = NOW + timedelta(seconds=round(seconds * left))
    quota = percent("w", "Window", used, window_seconds=seconds, resets_at=resets_at, **more)
    return report("x", Usage(quotas=(quota,)))


def wallet(amount: int, per_day: float | None) -> Report:
    rates = Rates(balances={} if per_day is None else {"credits": per_day})
    balance = Balance(id="credits", label="Credits", unit="usd", amount=Decimal(amount))
    return report("x", Usage(balances=(balance,), quotas=window(1).usage.quotas), rates=rates)  # type: ignore[union-attr]


def shown(one: Report, row: int, *, color: bool = False) -> str:
    """The cell of the pace in that row of the Markdown, or of the coloured table."""
    if color:
        return render(snapshot(one), look(color=True)).splitlines()[1 + row]
    return formatter("markdown")(snapshot(one), look()).splitlines()[2 + row].split("|")[7].strip()


@pytest.mark.parametrize(
    ("one", "text", "color"),
    [
        (window(30), "lasts", None),
        (window(80), "empty in 37m", "red"),
        (window(60), "empty in 1h 40m", "yellow"),
        (window(60, 7 * DAY), "empty Mon 16:00", "yellow"),
        (window(60, 30 * DAY), "empty 1 Dec", "yellow"),
        # Used up is told by the status.
        (window(100), "-", None),
        (window(30, left=0.99), "-", None),
    ],
)
def test_the_pace_of_a_quota(one: Report, text: str, color: str | None) -> None:
    assert shown(one, 0) == text
    painted = {"red": "\x1b[31m", "yellow": "\x1b[33m"}.get(color or "")
    line = shown(one, 0, color=True)
    assert (f"{painted}{text}\x1b[0m" in line) if painted else (f"m{text}" not in line)


@pytest.mark.parametrize(
    ("amount", "per_day", "text", "color"),
    [
        (60, None, "-", None),
        (60, 0.0, "lasts", None),
        (60, 5.0, "12 days left", None),
        (6000, 5.0, "1,200 days left", None),
        (15, 5.0, "3 days left", None),
        (14, 5.0, "empty in 2d 19h", "yellow"),
        (5, 5.0, "empty in 1d", "red"),
        (1, 8.0, "empty in 3h", "red"),
    ],
)
def test_the_pace_of_a_balance(amount: int, per_day: float | None, text: str, color: str | None) -> None:
    one = wallet(amount, per_day)
    assert shown(one, 1) == text
    painted = {"red": "\x1b[31m", "yellow": "\x1b[33m"}.get(color or "")
    line = shown(one, 1, color=True)
    assert (f"{painted}{text}\x1b[0m" in line) if painted else (f"m{text}" not in line)


def head(*reports: Report, width: int | None) -> list[str]:
    return render(snapshot(*reports), look(width=width, bars=True)).splitlines()[0].split()


BARE = ["SERVICE", "QUOTA", "USED", "LEFT", "RESETS", "STATUS"]
PACED = [*BARE[:-1], "PACE", "STATUS"]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (80, BARE),
        (100, ["SERVICE", "PLAN", *BARE[1:]]),
        (110, PACED),
        (115, ["SERVICE", "PLAN", *PACED[1:]]),
        (200, ["SERVICE", "ACCOUNT", "PLAN", *PACED[1:]]),
        (None, ["SERVICE", "PLAN", *PACED[1:]]),
    ],
)
def test_the_pace_has_a_column_where_there_is_room(width: int | None, columns: list[str]) -> None:
    assert head(report("codex", CODEX, provider="codex"), report("o", OPENROUTER), width=width) == columns


def test_a_scope_stays_longer_than_the_pace() -> None:
    """Rows that differ in their scope alone would be the same without it."""
    usage = Usage(
        quotas=tuple(
            percent(name, "Window", 60, scope=name, window_seconds=DAY, resets_at=NOW + timedelta(hours=12))
            for name in ("north-region-of-the-country", "south-region-of-the-country")
        )
    )
    widths = [head(report("x", usage), width=width) for width in (60, 100, 115, 140)]
    assert [("SCOPE" in found, "PACE" in found) for found in widths] == [
        (False, False),
        (True, False),
        (True, True),
        (True, True),
    ]


def test_a_plan_too_long_for_a_column_gives_way_to_the_pace() -> None:
    long = replace(CODEX, plan=plan("A plan with a name that has room nowhere"))
    assert head(report("codex", long, provider="codex"), width=100) == PACED


def test_without_any_pace_there_is_no_column() -> None:
    assert "PACE" not in head(report("o", OPENROUTER), width=None)


def test_old_figures_have_no_pace() -> None:
    stale = report("codex", CODEX, provider="codex", stale=True, failure=OUTAGE)
    assert "PACE" not in head(stale, width=None)


def test_csv_has_the_pace_at_its_end() -> None:
    reader = csv.DictReader(io.StringIO(formatter("csv")(snapshot(wallet(60, 5.0), window(80)), look())))
    names = (reader.fieldnames or [])[-8:]
    assert [[row[name] for name in names] for row in reader] == [
        ["", "window", "50.0", "2.0", "", "true", "", ""],
        ["", "history", "", "", "2026-12-03T08:00:00Z", "", "5.0", "12.0"],
        ["", "window", "50.0", "160.0", "2026-11-21T08:37:30Z", "false", "", ""],
    ]
    assert names[:2] == ["errorMessage", "paceBasis"]


def test_an_unused_quota_of_the_account_is_no_alarm() -> None:
    quota = Quota(id="w", label="Window", unit="requests", used=d(0), limit=d(10))
    assert shown(report("x", Usage(quotas=(quota,))), 0) == "-"
