"""The tables of `usagecli tokens`, and the same figures as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.support import golden
from tests.tokens.logs import (
    OPUS,
    SONNET,
    meta,
    report,
    responses,
    rollout,
    row,
    stamp,
    transcript,
    turn,
    usage,
    uuid7,
)
from usagecli.formatters import Look
from usagecli.formatters.table import display_width
from usagecli.tokens.ask import Ask
from usagecli.tokens.render import render

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UNPRICED = "claude-nova-9"
VIEWS = ("", "daily", "sessions", "projects", "models")


@pytest.fixture(autouse=True)
def logs(own_home: Path) -> None:
    """Two days, both agents, four models (one without a price), two projects."""
    own = [meta("thread-a"), turn(), *responses(120_000, 80_000)]
    rollout(own_home, [*own, *responses(40_000, minutes=1440, before=200_000)])
    child = [meta(uuid7(30, 2), 30, source="exec"), turn("gpt-unheard-of", 30)]
    rollout(own_home, [*child, *responses(9_000, minutes=31)], name="rollout-b")
    # A row of the response before its last one, and one that no model wrote.
    rows = [row("msg_1", usage(100, 2, 5_000, 300)), row("msg_1", usage(100, 400, 5_000, 300), 1)]
    rows += [
        row("msg_2", usage(7, 70, 3_000), 5, model=SONNET, cwd="/home/me/src/a-very-long-name-of-a-project")
    ]
    rows += [row("msg_3", usage(50, 5), 6, model=UNPRICED), row("msg_4", usage(), 7, model="<synthetic>")]
    transcript(own_home, [*rows, b"{half"])


def document(view: str = "", *options: str) -> Any:
    return report(view, "--since", "2026-01-01", "--until", "2026-12-31", *options)


def look(**more: Any) -> Look:
    return Look(now=NOW, zone=UTC, **more)


def table(view: str = "", *options: str, width: int | None = None, **more: Any) -> str:
    """The table of a view, as wide as it may be."""
    ask = Ask(view=view or "overview", breakdown="--breakdown" in options)
    return render(document(view, *options), ask, look(width=width, **more))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [80, 200])
def test_a_table_as_it_should_look(view: str, width: int) -> None:
    options = ("--breakdown",) if view == "daily" else ()
    # Today and this week depend on the day of the test.
    lines = [
        line for line in table(view, *options, width=width).splitlines() if line[:5] not in ("Today", "This ")
    ]
    assert "\n".join(lines) == golden(f"tokens_{view or 'overview'}_{width}.txt")


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("view", VIEWS)
def test_no_line_is_wider_than_the_terminal(view: str, width: int) -> None:
    assert max(map(display_width, table(view, width=width).splitlines())) <= width


def test_a_long_project_is_cut_where_room_is_short() -> None:
    whole = "/home/me/src/a-very-long-name-of-a-project"
    assert whole in table("projects")
    narrow = table("projects", width=80)
    assert whole not in narrow
    assert "…" in narrow
    assert "~" in table("projects", width=80, unicode=False)


def test_bars_are_of_what_the_terminal_carries() -> None:
    assert "█" in table()
    plain = table(unicode=False)
    assert "#" in plain
    assert plain.isascii()


def test_the_longest_bar_is_the_highest_day() -> None:
    bars = [line.count("█") for line in table().splitlines() if "█" in line]
    assert bars[0] == max(bars)
    assert min(bars) >= 1


def test_colours_only_where_they_are_wanted() -> None:
    assert "\x1b[" not in table()
    assert "\x1b[" in table(color=True)


def test_a_cost_that_leaves_something_out_has_a_plus() -> None:
    costs = {line.split()[0]: line.split()[-1] for line in table("models").splitlines()[1:] if line}
    assert costs[UNPRICED] == "-"
    assert costs[OPUS].startswith("$")
    assert not costs[OPUS].endswith("+")
    assert costs["total"].endswith("+")
    assert f"Without a price: {UNPRICED}, gpt-unheard-of" in table("models")


def test_more_days_than_are_shown_are_counted(own_home: Path) -> None:
    rows = [row(f"msg_day_{day}", usage(5, 5), 1440 * -day) for day in range(2, 30)]
    transcript(own_home, rows, name="session-b")
    assert "and 15 more days: usagecli tokens daily" in table()
    assert "more days" not in table("", "--limit", "3")


def test_nothing_in_the_span_is_no_table() -> None:
    body = report("daily", "--since", "2020-01-01", "--until", "2020-01-02")
    assert render(body, Ask(view="daily"), look()) == ""


def test_the_audit_says_why_something_was_not_counted(own_home: Path) -> None:
    told = table("audit", width=60)
    assert str(own_home / ".claude" / "projects" / "-home-me-src-api" / "session-a.jsonl") in told
    words = " ".join(told.split())
    assert "3 of 3 requests counted; 1 repeated; 1 synthetic; 1 damaged; without a price" in words


def test_the_audit_of_a_log_that_is_being_written_or_was_deleted(own_home: Path) -> None:
    growing = transcript(own_home, [row("msg_9", usage(1, 1))], name="session-c", end='\n{"type":"assis')
    assert "its last line is still being written" in table("audit")
    growing.unlink()
    assert "deleted since, kept in the ledger" in table("audit")


def test_the_audit_of_one_file(own_home: Path) -> None:
    path = str(own_home / ".codex" / "sessions" / "2026" / "11" / "20" / "rollout-b.jsonl")
    out = run("tokens", "audit", path).out
    assert "rollout-b.jsonl" in out
    assert "rollout-a.jsonl" not in out
    outcome = run("tokens", "audit", str(own_home / "elsewhere.jsonl"))
    assert outcome.code == 2
    assert "is no log that is counted" in outcome.err


# -- Markdown and CSV -------------------------------------------------------------------------------


def markdown(*words: str) -> list[list[str]]:
    lines = run("tokens", *words, "--timezone", "UTC", "--format", "markdown").out.splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def rows_of_csv(*words: str) -> list[dict[str, str]]:
    out = run("tokens", *words, "--timezone", "UTC", "--format", "csv").out
    return list(csv.DictReader(io.StringIO(out)))


def test_markdown_has_the_rows_and_the_total() -> None:
    head, _, *lines = markdown("daily")
    assert head[0] == "Day"
    assert [line[0] for line in lines] == ["2026-11-20", "2026-11-21", "total"]


def test_markdown_of_the_audit() -> None:
    head, _, *lines = markdown("audit")
    assert head[:4] == ["File", "Lines", "Requests", "Counted"]
    assert len(lines) == 3


def test_a_name_cannot_break_a_markdown_table(own_home: Path) -> None:
    transcript(own_home, [row("msg_8", usage(1, 1), cwd="/src/a|b")], name="session-d")
    out = run("tokens", "projects", "--format", "markdown").out
    assert "/src/a\\|b" in out


def test_csv_has_exact_figures() -> None:
    for view in ("daily", "models", "sessions"):
        expected = report(view)["rows"]
        found = rows_of_csv(view)
        assert [row["totalTokens"] for row in found] == [str(row["totalTokens"]) for row in expected]


def test_csv_of_sessions_names_their_models() -> None:
    models = {row["session"]: row["models"] for row in rows_of_csv("sessions")}
    assert models["session-a"] == f"{UNPRICED} {OPUS} {SONNET}"


def test_csv_broken_down_has_a_row_a_model_below_each_sum() -> None:
    first, *others = rows_of_csv("daily", "--breakdown")
    day = [row for row in others if row["day"] == first["day"]]
    assert first["model"] == ""
    assert {row["model"] for row in day} >= {OPUS, SONNET, UNPRICED}
    assert sum(int(row["totalTokens"]) for row in day) == int(first["totalTokens"])


def test_csv_of_the_audit() -> None:
    found = {Path(row["path"]).name: row for row in rows_of_csv("audit")}
    assert set(found) == {"rollout-a.jsonl", "rollout-b.jsonl", "session-a.jsonl"}
    assert found["session-a.jsonl"]["damagedLines"] == "1"


def test_an_audit_of_nothing(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert run("tokens", "audit", "--format", "csv").out == "path\n"
    assert run("tokens", "audit", "--format", "markdown").code == 0


def test_stamps_are_of_the_last_request() -> None:
    sessions = {row["session"]: row for row in report("sessions")["rows"]}
    assert sessions["thread-a"]["firstAt"] == stamp()[:19] + "Z"
    assert sessions["thread-a"]["lastAt"] == "2026-11-21T08:00:00Z"
