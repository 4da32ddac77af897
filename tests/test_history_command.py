"""`usagecli history` as a user runs it: the table, the document, names, spans and subcommands."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.cli import KEY, Outcome, configure, openrouter, run
from tests.history import DOWN, balance, database, live, quota, record, rows
from tests.process import on_terminal, posix
from tests.support import NOW, golden
from tests.test_completions import completed
from usagecli.commands import history as command
from usagecli.commands.schema import HISTORY_PATH
from usagecli.formatters import Look
from usagecli.formatters.table import display_width
from usagecli.machine import here
from usagecli.model import Service

GATEWAY = "https://gateway.example.com"
OTHER = Service(name="home", provider="openrouter")
EMPTY = (
    "Nothing is recorded yet: every report that usagecli fetches will be; "
    "`usagecli history record` in cron does so evenly\n"
)
pytestmark = pytest.mark.usefixtures("fixed_clock")


def ago(**length: float) -> Any:
    return NOW - timedelta(**length)


@pytest.fixture
def week() -> None:
    """Some readings of two services; one of them was down, and changed its account."""
    configure([openrouter(GATEWAY, "work"), openrouter(GATEWAY, "home")])
    window: dict[str, Any] = {
        "id_": "five_hour",
        "label": "5-hour limit",
        "unit": "percent",
        "window_seconds": 18000,
    }
    record(
        here(),
        live(quota(90, **window, resets_at=ago(days=8)), account="old", at=ago(days=6)),
        *(
            live(quota(used, **window, resets_at=ago(hours=resets)), balance(amount), at=ago(hours=hours))
            for hours, used, resets, amount in (
                (30, 10, 26, 20),
                (28, 60, 26, 15),
                (24, 30, 21, 40),
                (22, 80, 21, 38.5),
            )
        ),
        live(failure=DOWN, now=ago(hours=3)),
        live(failure=DOWN, now=ago(hours=2)),
        live(quota(5), service=OTHER, account="h", at=ago(hours=1)),
    )


def document(*words: str) -> Any:
    outcome = run("history", *words, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.document


def names(*words: str) -> list[str]:
    return [service["service"] for service in document(*words)["services"]]


# -- what it says -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("week")
def test_the_document() -> None:
    body = document("work")
    assert (body["schemaVersion"], body["since"], body["until"]) == (
        1,
        "2026-11-14T08:00:01Z",
        "2026-11-21T08:00:01Z",
    )
    old, new = body["services"]
    assert [(one["account"], one["current"], one["errors"] == []) for one in (old, new)] == [
        (1, False, True),
        (2, True, False),
    ]
    (window,) = new["quotas"]
    samples = window.pop("samples")
    assert window == {
        "id": "five_hour",
        "label": "5-hour limit",
        "scope": None,
        "unit": "percent",
        "windowSeconds": 18000,
        "measure": "used",
        "first": 10.0,
        "last": 80.0,
        "minimum": 10.0,
        "maximum": 80.0,
        "used": 130.0,
        "resets": 1,
    }
    assert samples[0] == {
        "at": "2026-11-20T02:00:00Z",
        "used": 10.0,
        "limit": 100.0,
        "remaining": 90.0,
        "percentUsed": 10.0,
        "resetsAt": "2026-11-20T06:00:00Z",
        "source": "api",
    }
    (money,) = new["balances"]
    assert [one["amount"] for one in money.pop("samples")] == [20.0, 15.0, 40.0, 38.5]
    assert money == {
        "id": "credits",
        "label": "Credits",
        "scope": None,
        "unit": "usd",
        "first": 20.0,
        "last": 38.5,
        "minimum": 15.0,
        "maximum": 40.0,
        "spent": 6.5,
        "toppedUp": 25.0,
    }
    assert new["errors"] == [
        {
            "kind": "unavailable",
            "count": 2,
            "asked": 7,
            "firstAt": "2026-11-21T05:00:00Z",
            "lastAt": "2026-11-21T06:00:00Z",
            "message": "no answer",
        }
    ]


@posix
@pytest.mark.usefixtures("week")
def test_the_table() -> None:
    outcome = run("history")
    assert (outcome.code, outcome.err, outcome.out) == (0, "", golden("history.txt") + "\n")


@pytest.mark.usefixtures("week")
@posix
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_it_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look(now=NOW, width=width, bars=True)
    monkeypatch.setattr(command, "look", lambda app: look)
    lines = run("history").out.splitlines()
    assert max(map(display_width, lines)) <= width
    assert any(set(line) & set("▁▂▃▄▅▆▇█") for line in lines) == (width > 40)
    assert "80 %" in lines[2]


@pytest.mark.usefixtures("week")
@posix
def test_colours_and_marks_on_a_terminal() -> None:
    _, shown = on_terminal("history", "--since", "2026-11-01", "--until", "2026-11-30", stream="stdout")
    assert "\x1b[" in shown
    _, plain = on_terminal(
        "--color", "never", "history", "--since", "2026-11-01", "--until", "2026-11-30", stream="stdout"
    )
    assert "\x1b[" not in plain
    assert "SERVICE" in plain


@pytest.mark.usefixtures("week")
def test_without_unicode_it_is_drawn_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usagecli.commands._run._carries_unicode", lambda: False)
    outcome = run("history")
    assert outcome.out.isascii()
    assert "=" in outcome.out


@pytest.mark.usefixtures("week")
def test_csv() -> None:
    found = list(csv.DictReader(io.StringIO(run("history", "-f", "csv").out)))
    assert [(row["service"], row["account"], row["kind"], row["id"], row["used"]) for row in found] == [
        ("work", "1", "quota", "five_hour", "0.0"),
        ("work", "2", "quota", "five_hour", "130.0"),
        ("work", "2", "balance", "credits", "6.5"),
        ("work", "2", "error", "", ""),
        ("home", "1", "quota", "weekly", "0.0"),
    ]
    assert (found[2]["toppedUp"], found[3]["errorCount"], found[1]["current"]) == ("25.0", "2", "true")


@pytest.mark.usefixtures("week")
def test_markdown() -> None:
    lines = run("history", "-f", "markdown").out.splitlines()
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == [
        "work",
        "5-hour",
        "10 %",
        "80 %",
        "10 %",
        "80 %",
        "130 %",
        "1",
    ]
    assert lines[-1].startswith("- work: unavailable, 2 of 7 times, last ")


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("format_", ["table", "json", "csv", "markdown"])
def test_into_a_file(format_: str, tmp_path: Path) -> None:
    shown = run("history", "-f", format_)
    outcome = run("history", "-f", format_, "-o", str(tmp_path / "out"))
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == shown.out


def test_two_quotas_of_one_label_are_told_apart_by_their_scope() -> None:
    record(here(), live(quota(id_="a", scope="gpt-5"), quota(id_="b", scope="o4")))
    out = run("history").out
    assert "weekly gpt-5" in out
    assert "weekly o4" in out


def test_percentages_alone_are_figures_in_percent() -> None:
    bare: dict[str, Any] = {"used": None, "limit": None, "unit": "usd"}
    record(here(), live(quota(**bare, percent_used=Decimal("12.5"))))
    (found,) = document()["services"][0]["quotas"]
    assert (found["measure"], found["unit"], found["last"]) == ("percent", "percent", 12.5)
    assert "12.5 %" in run("history").out


def test_a_quota_of_which_only_the_rest_is_known() -> None:
    bare: dict[str, Any] = {"used": None, "limit": None, "unit": "credits"}
    record(
        here(),
        live(quota(**bare, remaining=Decimal(30)), at=ago(hours=2)),
        live(quota(**bare, remaining=Decimal(10)), at=ago(hours=1)),
    )
    (found,) = document()["services"][0]["quotas"]
    assert (found["measure"], found["used"], found["last"]) == ("remaining", 20.0, 10.0)
    assert run("history").code == 0


# -- nothing ----------------------------------------------------------------------------------------


def test_nothing_is_recorded_yet() -> None:
    assert run("history") == Outcome(0, "", EMPTY)
    outcome = run("history", "--json")
    assert (outcome.code, outcome.err, outcome.document["services"]) == (0, EMPTY, [])
    assert not database().exists()


@pytest.mark.usefixtures("week")
def test_nothing_was_recorded_in_that_time() -> None:
    outcome = run("history", "--since", "2026-01-01", "--until", "2026-01-02")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith("Nothing was recorded in that time")


def test_a_history_that_is_switched_off_says_so() -> None:
    path = configure([openrouter(GATEWAY)])
    path.write_text(path.read_text() + "history: false\n")
    outcome = run("history")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "Nothing is recorded: ~/.config/usagecli/config.yaml says history: false\n"
    refused = run("history", "record")
    assert (refused.code, rows("outcomes")) == (2, [])
    assert "history: false" in refused.err


# -- names and spans --------------------------------------------------------------------------------


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ["work", "work", "home"]),
        (("home",), ["home"]),
        (("home", "work"), ["work", "work", "home"]),
        (("openrouter",), ["work", "work", "home"]),
        (("openrouter", "--account", "home"), ["home"]),
        (("--account", "work"), ["work", "work"]),
        (("codex",), []),
        (("--days", "1"), ["work", "home"]),
        (("--days", "1", "home"), ["home"]),
        (("home", "--hours", "2"), ["home"]),
        (("--hours", "1", "home", "--days", "3"), None),
        (("--days", "1", "work", "--days", "7"), ["work", "work"]),
        (("--since", "2026-11-21T06:30Z"), ["home"]),
        (("--until", "2026-11-15T12:00Z", "--days", "3"), ["work"]),
    ],
)
def test_what_is_chosen(words: tuple[str, ...], expected: list[str] | None) -> None:
    outcome = run("history", *words, "--json")
    if expected is None:
        assert (outcome.code, "not both" in outcome.err) == (2, True)
    else:
        assert [service["service"] for service in outcome.document["services"]] == expected


@pytest.mark.usefixtures("week")
def test_options_before_a_name_hold_as_those_after_it(tmp_path: Path) -> None:
    before = run("history", "--json", "--days", "1", "-o", str(tmp_path / "before"), "home")
    after = run("history", "home", "--json", "--days", "1", "-o", str(tmp_path / "after"))
    assert before == after == Outcome(0, "", "")
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text() != ""


@pytest.mark.parametrize("called", ["record", "path", "show"])
def test_a_service_that_is_called_like_a_command(called: str) -> None:
    configure([openrouter(GATEWAY, called)])
    record(here(), live(quota(), service=Service(name=called, provider="openrouter")))
    assert names("--account", called) == [called]


def test_one_that_has_gone_from_the_config_is_still_known() -> None:
    record(here(), live(quota()))
    configure([openrouter(GATEWAY, "another")])
    assert names("work") == ["work"]
    assert run("history", "another", "--json").document["services"] == []


def test_the_services_of_a_group() -> None:
    configure([{"provider": "codex", "options": {"homes": ["~/codex/work", "~/codex/private"]}}])
    record(here(), live(quota(), service=Service(name="codex:work", provider="codex")))
    assert names("--account", "codex") == names("codex:work") == names("codex") == ["codex:work"]


@pytest.mark.parametrize("is_recorded", [True, False])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("wrk",), "there is no service or provider 'wrk' in the history; did you mean 'work'?"),
        (("--account", "openrouter"), "there is no service 'openrouter' in the history"),
        (("--days", "0"), "Invalid value for '--days'"),
        (("--since", "soon"), "'soon' is no day such as 2026-11-21"),
        (("--days", "1", "path"), "--days is of no use to `history path`"),
        (("--json", "record"), "--json is of no use to `history record`"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str, is_recorded: bool) -> None:
    configure([openrouter(GATEWAY, "work")])
    if is_recorded:
        record(here(), live(quota()))
    outcome = run("history", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_messages_name_no_command_that_there_is_not() -> None:
    assert run("history", "codex", "--help").out.startswith(
        "Usage: usagecli history [OPTIONS] [SERVICE]...\n"
    )
    refused = run("history", "codex", "--dys", "3")
    assert refused.code == 2
    assert "Try 'usagecli history --help' for help." in refused.err


def test_words_that_may_come_next() -> None:
    configure([openrouter(GATEWAY, "expert"), openrouter(GATEWAY, "home")])
    assert completed("history", "exp") == ["export", "expert"]
    assert completed("history", "home", "exp") == ["expert"]
    assert completed("history", "--account", "ho") == ["home"]
    # A provider is no account, and would be refused.
    assert completed("history", "--account", "openr") == []
    assert completed("history", "home", "--account", "openr") == []
    assert completed("history", "record", "ho") == ["home"]


def test_the_schema_is_printed() -> None:
    assert run("schema", "history").out == Path(HISTORY_PATH).read_text(encoding="utf-8")


# -- subcommands ------------------------------------------------------------------------------------


def gateway(mocker: requests_mock.Mocker, left: float = 41.37, **more: Any) -> None:
    body = {"data": {**KEY["data"], "limit_remaining": left, "usage_weekly": 60 - left}}
    mocker.get(f"{GATEWAY}/key", **(more or {"json": body}))
    for path in ("credits", "activity", "keys"):
        mocker.get(f"{GATEWAY}/{path}", status_code=403, json={})


@pytest.mark.parametrize(
    ("answer", "options", "code"),
    [
        ({}, (), 0),
        ({"left": 2}, (), 1),
        ({"left": 2}, ("--exit-zero",), 0),
        ({"left": 20}, ("--low-below", "50"), 1),
        ({"status_code": 401, "json": {}}, (), 3),
        ({"status_code": 401, "json": {}}, ("--exit-zero",), 0),
    ],
)
def test_record_is_silent_and_exits_as_check(
    answer: Any, options: tuple[str, ...], code: int, no_network: requests_mock.Mocker
) -> None:
    configure([openrouter(GATEWAY)])
    gateway(no_network, **answer)
    assert run("history", "record", *options) == Outcome(code, "", "")
    assert len(rows("outcomes")) == 1


def test_record_of_some_services(no_network: requests_mock.Mocker) -> None:
    configure([openrouter(GATEWAY, "work"), openrouter(GATEWAY, "home"), openrouter(GATEWAY, "record")])
    gateway(no_network)
    run("history", "record", "home")
    run("history", "record", "--account", "record")
    assert [row[1] for row in rows("services")] == ["home", "record"]


@pytest.mark.usefixtures("week")
def test_export_as_csv_and_as_json_lines() -> None:
    lines = [json.loads(line) for line in run("history", "export", "-f", "jsonl").out.splitlines()]
    table = list(csv.DictReader(io.StringIO(run("history", "export").out)))
    assert len(lines) == len(table) == len(rows("samples")) == 10
    assert lines[1] == {
        "at": "2026-11-20T02:00:00Z",
        "service": "work",
        "provider": "openrouter",
        "account": 2,
        "kind": "quota",
        "id": "five_hour",
        "label": "5-hour limit",
        "scope": None,
        "unit": "percent",
        "windowSeconds": 18000,
        "used": 10.0,
        "limit": 100.0,
        "remaining": 90.0,
        "percentUsed": 10.0,
        "resetsAt": "2026-11-20T06:00:00Z",
        "source": "api",
    }
    for line, row in zip(lines, table, strict=True):
        assert {key: "" if value is None else str(value) for key, value in line.items()} == row


@pytest.mark.usefixtures("week")
def test_export_of_one_service_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert run("history", "export", "home", "-f", "jsonl", "-o", str(path)) == Outcome(0, "", "")
    assert [json.loads(line)["service"] for line in path.read_text().splitlines()] == ["home"]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_export_of_nothing(format_: str) -> None:
    assert run("history", "export", "-f", format_) == Outcome(0, "", EMPTY)


def test_prune_says_what_went_and_gives_its_room_back() -> None:
    record(here(), *(live(quota(), at=ago(days=800, minutes=minute)) for minute in range(3000)))
    before = database().stat().st_size
    outcome = run("history", "prune")
    assert (outcome.code, outcome.err) == (0, "")
    size = r"(\d+ KiB|\d\.\d MiB)"
    told = f"6,000 readings and outcomes went; the history takes {size}, and took {size}\n"
    assert re.fullmatch(told, outcome.out)
    assert database().stat().st_size < before / 2
    again = run("history", "prune").out
    assert again == f"nothing to prune; the history takes {database().stat().st_size // 1024} KiB\n"


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0 KiB"),
        (1, "1 KiB"),
        (49_152, "48 KiB"),
        (49_153, "49 KiB"),
        (1_048_575, "1,024 KiB"),
        (1_048_576, "1.0 MiB"),
        (5_400_000_000, "5,149.8 MiB"),
    ],
)
def test_how_a_size_is_told(size: int, told: str) -> None:
    assert command._told(size) == told


def test_prune_without_a_history() -> None:
    assert run("history", "prune") == Outcome(0, "", EMPTY)
    assert not database().exists()


def test_path() -> None:
    assert run("history", "path") == Outcome(0, f"{database()}\n", "")


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("words", "without"),
    [((), "it cannot be shown"), (("export",), "nothing was written"), (("prune",), "it is as it was")],
)
def test_one_that_cannot_be_used_ends_with_3(words: tuple[str, ...], without: str) -> None:
    with closing(sqlite3.connect(database(), isolation_level=None)) as held:
        held.execute("PRAGMA journal_mode = DELETE")
        held.execute("BEGIN EXCLUSIVE")
        outcome = run("history", *words)
        held.execute("ROLLBACK")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"Warning: {database()}: database is locked; {without}\n"
