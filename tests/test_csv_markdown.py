"""CSV and Markdown: the same figures, for spreadsheets and for chats."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from tests.snapshots import CODEX, COPILOT, REFUSED, look, report, snapshot, usual
from tests.support import golden
from usagecli.formatters import formatter
from usagecli.formatters.csv import COLUMNS
from usagecli.model import Usage


@pytest.mark.parametrize(("name", "file"), [("csv", "usual.csv"), ("markdown", "usual.md")])
def test_the_whole(name: str, file: str) -> None:
    assert formatter(name)(snapshot(*usual()), look()) == golden(file)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_for_every_quota_balance_and_spend() -> None:
    found = rows(formatter("csv")(snapshot(report("codex", CODEX), report("copilot", COPILOT)), look()))
    assert [(row["service"], row["kind"], row["id"]) for row in found] == [
        ("codex", "quota", "five_hour"),
        ("codex", "quota", "weekly"),
        ("codex", "balance", "credits"),
        ("copilot", "quota", "ai_credits"),
        ("copilot", "spend", "overage"),
    ]
    assert found[2]["amount"] == "112.4"
    assert (found[2]["used"], found[2]["scope"]) == ("", "")


def test_csv_has_a_row_for_a_service_without_figures() -> None:
    (row,) = rows(formatter("csv")(snapshot(report("team", failure=REFUSED)), look()))
    assert (row["serviceStatus"], row["kind"], row["errorKind"]) == ("error", "", "auth")


def test_csv_of_nothing_is_its_head() -> None:
    assert formatter("csv")(snapshot(), look()) == ",".join(COLUMNS)


@pytest.mark.parametrize("account", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_csv_cells_are_no_formulas(account: str) -> None:
    (row, *_) = rows(formatter("csv")(snapshot(report("x", replace(CODEX, account=account))), look()))
    assert row["account"] == f"'{account}"


def test_csv_keeps_commas_quotes_and_line_ends() -> None:
    odd = 'a,"b"\nc'
    (row, *_) = rows(formatter("csv")(snapshot(report("x", replace(CODEX, account=odd))), look()))
    assert row["account"] == odd


def test_markdown_lets_no_text_break_its_table() -> None:
    text = formatter("markdown")(snapshot(report("a|b_c`<i>", CODEX)), look())
    assert "| a\\|b\\_c\\`\\<i\\> " in text


def test_markdown_of_nothing() -> None:
    text = formatter("markdown")(snapshot(), look())
    assert text.splitlines()[0].startswith("| Service")
    assert text.endswith("nothing to report")


def test_markdown_of_a_report_without_figures() -> None:
    text = formatter("markdown")(snapshot(report("x", Usage())), look())
    assert text.endswith("1 ok")
