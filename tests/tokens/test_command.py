"""`usagecli tokens` as a user runs it: views, options, formats, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli import Outcome, run
from usagecli.commands.schema import TOKENS_PATH

VIEWS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "hours": "hour",
    "sessions": "session",
    "projects": "project",
    "models": "model",
}
CLASSES = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens")


def tokens(*words: str) -> Outcome:
    return run("--demo", "tokens", *words)


def document(*words: str) -> Any:
    """The JSON of the demo's logs, checked against the schema."""
    outcome = tokens(*words, "--json")
    assert outcome.code == 0
    body = json.loads(outcome.out)
    schema = json.loads(Path(TOKENS_PATH).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(body)
    return body


@pytest.mark.parametrize(("view", "key"), VIEWS.items())
def test_a_view(view: str, key: str) -> None:
    body = document(view)
    assert (body["schemaVersion"], body["view"], body["provider"]) == (1, view, "combined")
    assert body["rows"]
    for row in (*body["rows"], body["totals"]):
        assert sum(row[name] for name in CLASSES) == row["totalTokens"]
        assert row["reasoningTokens"] <= row["outputTokens"]
    assert next(iter(body["rows"][0])) == key
    assert sum(row["totalTokens"] for row in body["rows"]) == body["totals"]["totalTokens"]
    assert body["costComplete"] if "costComplete" in body else body["totals"]["costComplete"]


def test_all_views_have_one_total() -> None:
    totals = [document(view)["totals"] for view in VIEWS]
    assert all(total == totals[0] for total in totals)


def test_the_overview() -> None:
    body = document()
    assert {"yearToDate", "today", "week", "highestDay", "topDays", "daily"} <= set(body)
    assert body["highestDay"]["totalTokens"] == max(row["totalTokens"] for row in body["daily"])
    totals = [row["totalTokens"] for row in body["daily"]]
    assert totals == sorted(totals, reverse=True)
    out = tokens().out
    for words in ("Year to date", "Today", "This week", "Highest day", "Top days", "█"):
        assert words in out


@pytest.mark.parametrize("provider", ["codex", "claude"])
def test_one_agent_alone(provider: str) -> None:
    whole, body = document("daily"), document("daily", "--provider", provider)
    assert body["totals"]["totalTokens"] == whole["byProvider"][provider]["totalTokens"]


def test_a_span_of_days() -> None:
    whole = document("daily")["rows"]
    first = whole[1]["day"]
    body = document("daily", "--since", first, "--until", first)
    assert [row["day"] for row in body["rows"]] == [first]
    assert body["rows"][0] == whole[1]
    assert (body["since"], body["until"]) == (first, first)


@pytest.mark.parametrize(
    ("option", "view", "key"), [("--model", "models", "model"), ("--project", "projects", "project")]
)
def test_a_filter(option: str, view: str, key: str) -> None:
    row = document(view)["rows"][0]
    body = document(view, option, row[key])
    assert [found[key] for found in body["rows"]] == [row[key]]
    assert body["totals"]["totalTokens"] == row["totalTokens"]


def test_sorted_and_limited() -> None:
    rows = document("daily", "--sort", "total", "--limit", "3")["rows"]
    whole = sorted((row["totalTokens"] for row in document("daily")["rows"]), reverse=True)
    assert [row["totalTokens"] for row in rows] == whole[:3]


def test_a_breakdown_by_model() -> None:
    for row in document("daily", "--breakdown")["rows"]:
        assert sum(model["totalTokens"] for model in row["models"]) == row["totalTokens"]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_a_zone_moves_days_and_no_tokens(zone: str) -> None:
    body = document("daily", "--timezone", zone)
    assert body["timezone"] == zone
    assert body["totals"]["totalTokens"] == document("models")["totals"]["totalTokens"]


def test_weeks_begin_where_the_user_says() -> None:
    from datetime import date

    for name, number in (("monday", 0), ("sunday", 6)):
        for row in document("weekly", "--week-starts", name)["rows"]:
            assert date.fromisoformat(row["week"]).weekday() == number


def test_csv_and_markdown() -> None:
    rows = list(csv.DictReader(io.StringIO(tokens("models", "--format", "csv").out)))
    assert {row["model"] for row in rows} >= {row["model"] for row in document("models")["rows"]}
    assert tokens("models", "--format", "markdown").out.startswith("| ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("daily", "--since", "yesterdays"), "--since"),
        (("daily", "--timezone", "Mars/Base"), "Mars/Base"),
        (("daily", "--limit", "-1"), "--limit"),
        (("dayly",), "dayly"),
        (("daily", "--prices", "/nonexistent/prices.json"), "prices.json"),
    ],
)
def test_a_wrong_word_is_exit_2(words: tuple[str, ...], message: str) -> None:
    outcome = tokens(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_without_logs_it_says_where_it_looked() -> None:
    outcome = run("tokens")
    assert outcome.code == 0
    assert ".codex" in outcome.err + outcome.out
    assert ".claude" in outcome.err + outcome.out


def test_without_logs_the_json_is_empty() -> None:
    outcome = run("tokens", "daily", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["rows"] == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable here")
def test_a_file_that_cannot_be_read_is_named(own_home: Path) -> None:
    folder = own_home / ".codex" / "sessions"
    folder.mkdir(parents=True)
    (folder / "rollout-x.jsonl").write_text("{}\n", encoding="utf-8")
    (folder / "rollout-x.jsonl").chmod(0)
    outcome = run("tokens", "daily")
    assert outcome.code == 3
    assert "rollout-x.jsonl" in outcome.err


def test_an_unknown_model_is_named_and_its_cost_left_open(own_home: Path) -> None:
    folder = own_home / ".claude" / "projects" / "p"
    folder.mkdir(parents=True)
    usage = {"input_tokens": 5, "output_tokens": 7}
    row = {
        "type": "assistant",
        "timestamp": "2026-11-20T10:00:00.000Z",
        "sessionId": "s",
        "cwd": "/src",
        "message": {"id": "m", "model": "claude-nova-9", "usage": usage},
    }
    (folder / "s.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    body = json.loads(run("tokens", "models", "--json").out)
    assert body["unpricedModels"] == ["claude-nova-9"]
    assert body["totals"]["costComplete"] is False
    assert "claude-nova-9" in run("tokens", "models").out + run("tokens", "models").err


def test_the_audit_says_how_each_file_was_counted() -> None:
    out = tokens("audit").out
    assert "requests counted" in out
    assert "repeated" in out
