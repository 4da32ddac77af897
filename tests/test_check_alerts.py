"""`usagecli check` with rules: what is printed, what it exits with, and when it says it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import accounts
from tests.alerting import CLOSE, FINE, LOW, RESETS, SHORT, alerting, break_down, leave, write
from tests.cli import Outcome, configure, openrouter, run
from tests.support import NOW, Reply
from usagecli.formatters import Look
from usagecli.machine import here

pytestmark = pytest.mark.sockets
Tick = Callable[..., None]

BELOW_15: dict[str, Any] = {"alerts": [{"below": 15}]}
HIT = f"work weekly limit: 12 % left (alert: below 15 %), {RESETS}\n"
BUILT_IN = f"work weekly limit: low, 5 % left (below 10 %), empty in 6h 44m, {RESETS}\n"
BOTH = BUILT_IN.replace("10 %)", "10 %; alert: below 15 %)")


@pytest.fixture(autouse=True)
def tick(monkeypatch: pytest.MonkeyPatch) -> Tick:
    """Runs see a clock that this moves on, and UTC."""
    at: list[datetime] = [NOW]
    monkeypatch.setattr("usagecli.cli.here", lambda: replace(here(), clock=lambda: at[0], platform="linux"))
    monkeypatch.setattr("usagecli.commands._run.Look", lambda **given: Look(**{**given, "zone": UTC}))

    def move(**by: float) -> None:
        at[0] += timedelta(**by)

    return move


def check(*words: str) -> Outcome:
    return run("check", "--no-cache", *words)


# -- rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "alerts", "words", "code", "out"),
    [
        (FINE, [{"below": 15}], [], 0, ""),
        (SHORT, [], [], 0, ""),
        (SHORT, [{"below": 15}], [], 1, HIT),
        (SHORT, [{"below": 15, "name": "week"}], [], 1, HIT.replace("alert:", "alert week:")),
        (SHORT, [{"below": 15, "services": ["work"]}], [], 1, HIT),
        (SHORT, [{"below": 15, "services": ["openrouter"]}], [], 1, HIT),
        (SHORT, [{"below": 15, "services": ["claude"]}], [], 0, ""),
        (SHORT, [{"below": 15, "quotas": ["key_limit"]}], [], 1, HIT),
        (SHORT, [{"below": 15, "quotas": ["other"]}], [], 0, ""),
        (
            SHORT,
            [{"below_amount": 8}],
            [],
            1,
            f"work weekly limit: $7.20 left (alert: below $8), {RESETS}\n",
        ),
        (LOW, [{"below": 15}], [], 1, BOTH),
        (SHORT, [], ["--below", "15"], 1, HIT),
        (SHORT, [], ["--below", "12"], 0, ""),
        (
            SHORT,
            [],
            ["--below-amount", "8"],
            1,
            f"work weekly limit: $7.20 left (alert: below $8), {RESETS}\n",
        ),
        (SHORT, [], ["--below", "15", "--quota", "key_limit"], 1, HIT),
        (SHORT, [{"below": 15}], ["--below", "15"], 1, HIT),
        (SHORT, [{"below": 15}], ["--exit-zero"], 0, HIT),
        (
            SHORT,
            [],
            ["--low-below", "13"],
            1,
            f"work weekly limit: low, 12 % left (below 13 %), empty in 17h 27m, {RESETS}\n",
        ),
    ],
)
def test_rules_add_to_the_built_in_judgement(
    left: float, alerts: list[Any], words: list[str], code: int, out: str
) -> None:
    with alerting(left, alerts=alerts):
        outcome = check(*words)
    assert (outcome.code, outcome.out, outcome.err) == (code, out, "")


def test_an_option_is_limited_by_the_services_named() -> None:
    with alerting(SHORT, "work", "home"):
        assert check("home", "--below", "15").out == HIT.replace("work", "home")
        assert check("--below", "15").out == HIT + HIT.replace("work", "home")


def test_a_misspelt_quota_is_told() -> None:
    with alerting(FINE) as server:
        outcome = check("--below", "15", "--quota", "key_limti", "--quota", "key_limit")
        server.routes["/key"] = Reply({}, 401)
        silent = check("--below", "15", "--quota", "key_limti")
    told = "Warning: --quota key_limti: no such quota or balance here; did you mean 'key_limit'?\n"
    assert (outcome.code, outcome.out, outcome.err) == (0, "", told)
    # What did not answer may well have it.
    assert silent.err == ""


def test_runs_out_before_reset_follows_the_pace() -> None:
    with alerting(LOW, alerts=[{"runs_out_before_reset": True}]):
        # By Saturday 8:00 five days and eight hours of a week from Monday on are gone, 95 % with them.
        assert check().out == BUILT_IN.replace("10 %)", "10 %; alert: runs out before the reset)")
    with alerting(FINE):
        assert check("--runs-out").out == ""
    with alerting(LOW):
        assert "(below 10 %; alert: runs out before the reset)" in check("--runs-out").out


# -- unknown_for ------------------------------------------------------------------------------------

SILENT = "work: no answer for 2h (alert: unknown for 2h)\n"


@pytest.mark.parametrize("root", [{}, {"history": False}])
@pytest.mark.parametrize("words", [(), ("--once",)])
def test_unknown_for_counts_from_the_last_answer(tick: Tick, words: tuple[str, ...], root: Any) -> None:
    with alerting(FINE, alerts=[{"unknown_for": "2h"}], **root) as server:
        assert check(*words).code == 0
        break_down(server)
        told = []
        for _ in range(3):
            tick(hours=1)
            outcome = check(*words)
            told.append((outcome.code, SILENT in outcome.out))
        assert told[:2] == [(3, False), (1, True)]
        # Once is once; without, every run says how long.
        assert ("no answer for 3h" in outcome.out) is (words == ())
        leave(server, FINE)
        assert check(*words).out == (
            "work: recovered, it answers again (alert: unknown for 2h)\n" if words else ""
        )


@pytest.mark.parametrize("root", [{}, {"history": False}])
def test_of_a_service_that_never_answered_it_counts_from_the_first_failure(tick: Tick, root: Any) -> None:
    with alerting(alerts=[{"unknown_for": "2h"}], **root) as server:
        server.routes["/key"] = Reply({}, 401)
        codes = []
        for _ in range(4):
            codes.append(check().code)
            tick(hours=1)
        assert codes == [3, 3, 1, 1]


def test_what_is_refused_counts_from_the_last_answer_too(tick: Tick) -> None:
    with alerting(FINE, alerts=[{"unknown_for": "2h"}], history=False) as server:
        check()
        server.routes["/key"] = Reply({}, 401)
        told = []
        for _ in range(2):
            tick(hours=1)
            told.append(check().out.splitlines()[1:])
    assert told == [[], [SILENT.strip()]]


def test_a_cached_error_counts_as_one(tick: Tick) -> None:
    with alerting(FINE, alerts=[{"unknown_for": "10m"}]) as server:
        assert run("check").code == 0
        server.routes["/key"] = Reply({}, 429, {"Retry-After": "3600"})
        tick(minutes=5)
        assert run("check").code == 3
        asked = len(server.seen)
        tick(minutes=6)
        outcome = run("check")
        assert (outcome.code, len(server.seen)) == (1, asked)
        assert "work: no answer for 11m (alert: unknown for 10m)\n" in outcome.out


def test_an_answer_in_the_cache_ends_no_silence_that_is_none(tick: Tick) -> None:
    with alerting(FINE, alerts=[{"unknown_for": "1m"}]):
        run("check")
        tick(seconds=50)
        assert (run("check").code, run("check", "--offline").code) == (0, 0)


def test_not_having_asked_is_no_silence(tick: Tick) -> None:
    with alerting(FINE, alerts=[{"unknown_for": "1h"}]):
        check()
        tick(hours=5)
        assert "no answer" not in run("check", "--offline").out


def test_unknown_for_as_an_option(tick: Tick) -> None:
    with alerting(FINE) as server:
        check()
        break_down(server)
        tick(minutes=31)
        outcome = check("--unknown-for", "30m")
    assert outcome.code == 1
    assert outcome.out.endswith("work: no answer for 31m (alert: unknown for 30m)\n")


# -- once -------------------------------------------------------------------------------------------


def test_once_tells_the_news_and_the_exit_code_how_things_are(tick: Tick) -> None:
    told = []
    with alerting(FINE, **BELOW_15) as server:
        for left in (FINE, SHORT, SHORT, CLOSE, SHORT, FINE, FINE):
            leave(server, left)
            outcome = check("--once")
            told.append((outcome.code, outcome.out, outcome.err))
            tick(minutes=5)
    over = "work weekly limit: recovered, 50 % left (alert: below 15 %)\n"
    assert told == [
        (0, "", ""),
        (1, HIT, ""),
        (1, "", ""),
        (0, "", ""),
        (1, "", ""),
        (0, over, ""),
        (0, "", ""),
    ]


def test_a_recovery_names_its_rule_and_is_told_once_a_quota(tick: Tick) -> None:
    told = []
    with alerting(LOW, **BELOW_15) as server:
        for left in (LOW, CLOSE, LOW, FINE):
            leave(server, left)
            told.append(check("--once").out)
            tick(minutes=5)
    assert told == [
        BOTH,
        # 16 % is beyond the built-in threshold, but not yet beyond the rule's.
        "work weekly limit: recovered, 16 % left (below 10 %)\n",
        BUILT_IN,
        "work weekly limit: recovered, 50 % left (below 10 %; alert: below 15 %)\n",
    ]


def test_once_works_without_any_rule(tick: Tick) -> None:
    with accounts("low", "refused"):
        first, second = check("--once"), check("--once")
    assert first.out.count("\n") == 2
    assert (first.code, second.code, second.out) == (1, 1, "")


def test_without_once_nothing_is_remembered() -> None:
    with alerting(SHORT, **BELOW_15):
        assert [check().out for _ in range(2)] == [HIT, HIT]
        assert check("--once").out == HIT


def test_looking_changes_nothing() -> None:
    with alerting(SHORT, **BELOW_15):
        check("--explain")
        assert check("--once").out == HIT


def test_an_unknown_reading_neither_ends_nor_repeats_an_alert(tick: Tick) -> None:
    with alerting(SHORT, **BELOW_15) as server:
        assert check("--once").out == HIT
        break_down(server)
        tick(minutes=5)
        assert HIT not in (told := check("--once")).out
        assert (told.code, told.out.startswith("work: unknown, ")) == (1, True)
        leave(server, SHORT)
        assert check("--once").out == "work: recovered, it answers again\n"


def test_a_rule_that_is_gone_leaves_no_ghost(tick: Tick) -> None:
    with alerting(SHORT, **BELOW_15) as server:
        assert check("--once").out == HIT
        write(server, alerts=[])
        leave(server, FINE)
        assert check("--once").out == ""
        write(server, **BELOW_15)
        assert check("--once").out == ""
        leave(server, SHORT)
        assert check("--once").out == HIT


def test_a_rule_that_is_renamed_is_a_new_one() -> None:
    with alerting(SHORT, **BELOW_15) as server:
        check("--once")
        write(server, alerts=[{"below": 15, "name": "week"}])
        assert check("--once").out == HIT.replace("alert:", "alert week:")
        assert check("--once").out == ""


@pytest.mark.parametrize("words", [(), ("work",)])
def test_a_service_that_is_gone_leaves_no_ghost(words: tuple[str, ...]) -> None:
    with alerting(SHORT, "work", "home", **BELOW_15) as server:
        assert check("--once").out == HIT + HIT.replace("work", "home")
        write(server, "work", **BELOW_15)
        assert check("--once", *words).out == ""
        write(server, "work", "home", **BELOW_15)
        assert check("--once").out == HIT.replace("work", "home")


def test_a_run_over_one_service_leaves_the_others_alone() -> None:
    with alerting(SHORT, "work", "home", **BELOW_15):
        check("--once")
        assert check("--once", "work").out == ""
        assert check("--once", "--account", "home").out == ""
        assert check("--once").out == ""


def test_lines_of_a_crontab_with_other_options_do_not_disturb_each_other() -> None:
    with alerting(SHORT):
        told = [check("--once", *words).out for words in ([], ["--below", "15"]) for _ in range(2)]
        assert told == ["", "", HIT, ""]
        assert [check("--once").out, check("--once", "--below", "15").out] == ["", ""]


def test_another_config_has_alerts_of_its_own() -> None:
    with alerting(SHORT, **BELOW_15) as server:
        check("--once")
        config = run("config", "path").out.strip()
        write(server, **BELOW_15)
        other = config.replace("config.yaml", "other.yaml")
        with open(config) as file, open(other, "w") as copy:
            copy.write(file.read())
        Path(other).chmod(0o600)
        assert run("--config", other, "check", "--once").out == HIT
        assert [check("--once").out, run("--config", other, "check", "--once").out] == ["", ""]


# -- fail-open --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "words", "code"),
    [
        (["refused"], ["--fail-open"], 0),
        (["refused", "fine"], ["--fail-open"], 0),
        (["refused", "low"], ["--fail-open"], 1),
        (["refused"], ["--fail-open", "--json"], 0),
        (["refused"], ["--fail-open", "--format", "nagios"], 0),
        (["spent"], ["--fail-open", "--format", "nagios"], 2),
        (["refused"], [], 3),
    ],
)
def test_fail_open_lets_unknown_pass_and_nothing_else(names: list[str], words: list[str], code: int) -> None:
    with accounts(*names):
        outcome = check(*words)
    assert outcome.code == code
    assert outcome.out != ""


# -- json, explain, nagios --------------------------------------------------------------------------


def test_json_has_the_alerts_beside_what_it_had() -> None:
    with alerting(SHORT, **BELOW_15):
        body = check("--json").document
        whole = run("status", "--json").document
        assert {**body, "alerts": None} == {**whole, "alerts": None}
        (alert,) = body["alerts"]
        assert (alert["event"], alert["rule"]) == (
            "fire",
            {"name": None, "condition": "below", "value": 15.0},
        )
        assert alert["message"] == HIT.strip()
        assert alert["since"] is None
        assert check("--json", "--once").document["alerts"] == [{**alert, "since": alert["at"]}]
        again = check("--json", "--once")
        assert (again.code, again.out) == (1, "")


def test_without_rules_json_has_no_new_key() -> None:
    with alerting(LOW):
        assert "alerts" not in check("--json").document


def test_explain_shows_every_rule_with_its_figure_and_verdict(tick: Tick) -> None:
    rules = [{"name": "week", "below": 15}, {"below_amount": 5}, {"unknown_for": "2h"}]
    with alerting(SHORT, alerts=[*rules, {"below": 5, "quotas": ["wekly"]}]):
        outcome = check("--explain")
        body = check("--explain", "--json").document
    table = [line.split("  ") for line in outcome.out.splitlines()]
    assert (outcome.code, outcome.err) == (1, "")
    assert [[cell.strip() for cell in line if cell.strip()] for line in table] == [
        ["SERVICE", "QUOTA", "RULE", "LEFT", "VERDICT"],
        ["work", "weekly limit", "below 10 %", "12 %", "ok"],
        ["week: below 15 %", "12 %", "alert"],
        ["alert: below $5", "$7.20", "ok"],
        ["-", "alert: unknown for 2h", "-", "ok"],
        ["-", "wekly", "alert: below", "-", "about nothing here"],
    ]
    told = [(v["rule"]["condition"], v["rule"]["value"], v["verdict"]) for v in body["verdicts"]]
    assert told == [
        ("low", 10, "ok"),
        ("below", 15, "alert"),
        ("below_amount", 5, "ok"),
        ("unknown_for", 7200, "ok"),
    ]
    assert [service["service"] for service in body["services"]] == ["work"]


def test_explain_shows_what_failed_and_what_nobody_judges() -> None:
    with accounts("refused", "spent"):
        told = check("--explain").out
    assert [line.split()[-1] for line in told.splitlines()[1:]] == ["unknown", "exhausted"]


def test_explain_does_not_call_a_rule_idle_whose_service_gives_no_answer() -> None:
    with alerting(alerts=[{"below": 15}, {"below": 20, "services": ["codex"]}]) as server:
        break_down(server)
        told = check("--explain").out
    assert [line.split()[-1] for line in told.splitlines()[1:]] == ["unknown", "unknown", "here"]


def test_explain_shows_where_the_pace_leads_and_colours_verdicts() -> None:
    with alerting(LOW, alerts=[{"runs_out_before_reset": True}]) as server:
        words = ("--color", "always", "check", "--no-cache", "--explain")
        told = []
        for left in (LOW, 0, FINE):
            leave(server, left)
            told.append(run(*words).out.splitlines()[-1].split("  ")[-2:])
    yellow, green = "\x1b[33malert\x1b[0m", "\x1b[32mok\x1b[0m"
    assert [[cell.strip() for cell in cells] for cells in told] == [
        ["empty in 6h 44m", yellow],
        ["empty", yellow],
        ["lasts", green],
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_explain_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "usagecli.commands._run.Look", lambda **given: Look(**{**given, "zone": UTC, "width": width})
    )
    lines = run("--demo", "check", "--explain").out.splitlines()
    assert max(map(len, lines)) <= max(width, 60)
    assert lines[0].split() == ["SERVICE", "QUOTA", "RULE", "LEFT", "VERDICT"]


def test_explain_keeps_the_rule_whole_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "usagecli.commands._run.Look", lambda **given: Look(**{**given, "zone": UTC, "width": 80})
    )
    lines = run("--demo", "check", "--explain").out.splitlines()
    for told in ("week: runs out before reset", "wallet: below $50", "outage: unknown for 2h"):
        assert any(told in line for line in lines)
    assert [line.split("  ")[-1] for line in lines if "gpt-5.1" in line] == ["only counts"]


@pytest.mark.parametrize(
    ("left", "service", "told"),
    [(FINE, {"ignore": ["key_limit"]}, "ignored"), (FINE, {}, "ok")],
)
def test_explain_says_why_nobody_judges(left: float, service: dict[str, Any], told: str) -> None:
    with alerting(left) as server:
        configure([{**openrouter(server.url, "work"), **service}])
        lines = check("--explain").out.splitlines()
        body = check("--explain", "--json").document
    assert lines[1].split("  ")[-1] == told
    assert body["verdicts"][0]["verdict"] == ("not judged" if service else "ok")


def test_a_hit_is_a_warning_for_nagios_and_a_line_of_its_details() -> None:
    with alerting(SHORT, **BELOW_15):
        outcome = check("--format", "nagios")
    lines = outcome.out.splitlines()
    assert (outcome.code, lines[0].split(" - ")[0], lines[-1]) == (1, "WARNING", HIT.strip())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quota", "weekly"], "--quota goes with --below, --below-amount or --runs-out"),
        (["--unknown-for", "2 hours"], "expected a time such as 90m, 2h or 1d; did you mean '2h'?"),
        (["--below", "0"], "0 is not in the range 0<x<=100"),
        (["--below", "nan"], "not a valid float"),
        (["--below-amount", "-1"], "is not in the range x>0"),
        (["--once", "--explain"], "--explain shows everything: leave --once out"),
        (["--onec"], "No such option"),
    ],
)
def test_a_wrong_command_line_asks_nobody(words: list[str], message: str) -> None:
    with alerting() as server:
        outcome = run("check", *words)
        assert server.seen == []
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


@pytest.mark.parametrize("option", ["--once", "--explain"])
def test_a_monitoring_system_is_told_the_whole_state(option: str) -> None:
    with alerting():
        outcome = check("--format", "nagios", option)
    assert (outcome.code, outcome.out.startswith("UNKNOWN - a monitoring system wants")) == (3, True)


def test_the_json_of_an_alert_fits_the_schema() -> None:
    with alerting(LOW, alerts=[{"below": 15}]):
        assert len(json.loads(check("--json").out)["alerts"]) == 2
