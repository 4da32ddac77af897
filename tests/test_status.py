"""`usagecli status` and the provider commands: what is asked, what is printed, the exit code."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import accounts, key
from tests.cli import Outcome, configure, files_below, openrouter, run
from tests.support import NOW, Reply, serve
from usagecli.machine import here

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("fixed_clock")]

NOTHING_FOUND = "No credentials found. Try: usagecli --demo status, or: usagecli providers\n"


def services(outcome: Outcome) -> list[tuple[str, str]]:
    """Name and status of every service of a snapshot."""
    return [(service["service"], service["status"]) for service in outcome.document["services"]]


# -- exit codes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "code", "status", "summary"),
    [
        (["fine"], 0, "ok", "1 ok"),
        (["fine", "other"], 0, "ok", "2 ok"),
        (["low", "fine"], 1, "low", "1 ok, 1 low"),
        (["spent"], 1, "exhausted", "1 exhausted"),
        (["refused"], 3, "error", "1 failed"),
        (["fine", "refused"], 3, "error", "1 ok, 1 failed"),
        (["refused", "low"], 1, "low", "1 low, 1 failed"),
        (["refused", "low", "spent", "fine"], 1, "exhausted", "1 ok, 1 low, 1 exhausted, 1 failed"),
    ],
)
def test_exit_codes(names: list[str], code: int, status: str, summary: str) -> None:
    with accounts(*names):
        table = run("status")
        document = run("status", "--json")
        forgiven = run("status", "--exit-zero")
    assert (table.code, table.out.splitlines()[-1], table.err) == (code, summary, "")
    assert (document.code, document.document["status"], document.err) == (code, status, "")
    assert [name for name, _ in services(document)] == names
    assert (forgiven.code, forgiven.out) == (0, table.out)


def test_a_service_that_fails_hides_no_other() -> None:
    with accounts("refused", "fine"):
        outcome = run("status", "--json")
    assert services(outcome) == [("refused", "error"), ("fine", "ok")]
    refused, fine = outcome.document["services"]
    assert (refused["error"]["kind"], refused["quotas"]) == ("auth", [])
    assert (fine["error"], fine["quotas"][0]["remaining"]) == (None, 30)


# -- which services ---------------------------------------------------------------------------------


def test_nothing_found_is_one_line_that_says_how_to_begin() -> None:
    for words in (["status"], ["check"], ["status", "--format", "csv"]):
        outcome = run(*words)
        assert (outcome.code, outcome.out, outcome.err) == (3, "", NOTHING_FOUND)
    outcome = run("status", "--json")
    assert (outcome.code, outcome.err, services(outcome)) == (3, NOTHING_FOUND, [])
    assert run("status", "--exit-zero").code == 0


def test_what_is_found_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve({"/key": Reply(key(30))}) as server:
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-fake-key")
        monkeypatch.setenv("OPENROUTER_API_URL", server.url)
        table = run("status")
        document = run("status", "--json")
    assert (table.code, table.err) == (0, "Found on this machine: openrouter (OPENROUTER_API_KEY)\n")
    assert (document.code, document.err, services(document)) == (0, "", [("openrouter", "ok")])


def test_an_unusable_credential_is_found_and_fails(own_home: Path) -> None:
    path = own_home / ".config" / "openrouter" / "key.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"apiKey": ')
    outcome = run("status")
    assert (outcome.code, outcome.err) == (3, "Found on this machine: openrouter (unusable)\n")
    assert outcome.out.splitlines()[-1] == "1 failed"


def test_a_shared_credential_counts_only_beside_a_trace_or_when_named(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "gho_fake")
    assert run("status", "--offline").err == NOTHING_FOUND
    for words in (["status", "copilot"], ["copilot"]):
        assert run(*words, "--offline", "--json").code == 3
        assert "not asked" in run(*words, "--offline").out
    (own_home / ".copilot").mkdir()
    assert services(run("status", "--offline", "--json")) == [("copilot", "error")]


def test_services_are_named_by_name_or_by_provider() -> None:
    with accounts("fine", "low", "other"):
        assert services(run("status", "other", "fine", "--json")) == [("fine", "ok"), ("other", "ok")]
        assert len(services(run("status", "openrouter", "--json"))) == 3
        assert services(run("status", "openrouter", "low", "--account", "low", "--json")) == [("low", "low")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "fin"], "there is no service or provider 'fin'; did you mean 'fine'?"),
        (["status", "opnrouter"], "there is no service or provider 'opnrouter'; did you mean 'openrouter'?"),
        (["check", "fine", "lo"], "there is no service or provider 'lo'; did you mean 'low'?"),
        (["status", "--account", "fin"], "there is no service 'fin' here; did you mean 'fine'?"),
        (["status", "fine", "--account", "low"], "there is no service 'low' here; there are: fine"),
        (["openrouter", "--account", "nobody"], "there is no service 'nobody' here; there are: fine, low"),
        (["codex", "--account", "fine"], "there is no service 'fine' here; there are: codex"),
    ],
)
def test_an_unknown_name_exits_2_and_nobody_is_asked(words: list[str], message: str) -> None:
    with accounts("fine", "low") as server:
        outcome = run(*words)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"Error: {message}\n")
    assert server.seen == []


def test_an_unknown_provider_without_a_config() -> None:
    outcome = run("status", "codx")
    assert (outcome.code, outcome.err) == (2, "Error: there is no provider 'codx'; did you mean 'codex'?\n")


def test_a_provider_without_credentials_is_a_report() -> None:
    outcome = run("openrouter", "--json")
    assert (outcome.code, outcome.err) == (3, "")
    assert outcome.document["error"]["kind"] == "not_configured"
    assert run("status", "openrouter").out.splitlines()[-1] == "1 failed"


def test_a_provider_that_the_config_does_not_name_is_asked_when_named() -> None:
    with accounts("fine"):
        assert services(run("status", "--json")) == [("fine", "ok")]
        assert services(run("status", "fine", "codex", "--json")) == [("fine", "ok"), ("codex", "error")]


def test_a_service_that_is_switched_off_is_asked_by_its_own_name_only() -> None:
    with serve({"/key": Reply(key(30))}) as server:
        path = configure([openrouter(server.url, "on"), openrouter(server.url, "off", enabled=False)])
        assert services(run("status", "--json")) == [("on", "ok")]
        assert [document["service"] for document in run("openrouter", "--json").documents] == ["on"]
        assert services(run("status", "off", "--json")) == [("off", "ok")]
        assert run("openrouter", "--account", "off", "--json").document["service"] == "off"
        configure([openrouter(server.url, "off", enabled=False)])
        asked = len(server.seen)
        outcome = run("status")
        named = run("openrouter", "--json")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"{path} names no enabled service. See: usagecli providers\n"
    assert (named.code, named.out) == (3, "")
    assert named.err == f"{path} names no enabled service of openrouter. See: usagecli providers\n"
    assert len(server.seen) == asked


# -- what is printed --------------------------------------------------------------------------------


def test_a_provider_prints_one_document_per_service_on_one_line_each() -> None:
    with accounts("fine", "low", "other"):
        everything = run("openrouter", "--json")
        some = run("openrouter", "--json", "--account", "other", "--account", "fine")
    assert [document["service"] for document in everything.documents] == ["fine", "low", "other"]
    assert (everything.code, everything.err) == (1, "")
    assert [document["service"] for document in some.documents] == ["fine", "other"]
    assert some.code == 0


def test_status_prints_one_snapshot_always() -> None:
    with accounts("fine", "other"):
        for words in (["status"], ["status", "fine"], ["status", "openrouter"]):
            body = run(*words, "-j").document
            assert set(body) == {"schemaVersion", "status", "fetchedAt", "services", "pools"}
            assert body["fetchedAt"] == "2026-11-21T08:00:00Z"
        assert [pool["accounts"] for pool in run("status", "--json").document["pools"]] == [2]


def test_a_provider_with_one_service_reads_the_same_as_in_a_snapshot() -> None:
    with accounts("fine"):
        assert run("openrouter", "--json").document == run("status", "--json").document["services"][0]


def test_formats() -> None:
    with accounts("fine"):
        assert run("status", "--format", "json").out == run("status", "--json").out
        assert run("status", "-f", "table").out == run("status").out
        assert run("status", "--json", "-f", "csv").out == run("status", "--json").out
        assert len({run("status", "-f", name).out for name in ("table", "json", "csv", "markdown")}) == 4


def test_no_colours_nor_bars_into_a_pipe() -> None:
    with accounts("low"):
        assert "\x1b" not in run("status").out
        assert "█" not in run("status").out


@pytest.mark.parametrize(
    ("words", "env", "colored"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": ""}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
)
def test_color(words: list[str], env: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with accounts("low"):
        assert ("\x1b[" in run(*words, "status").out) is colored


def test_the_log_is_on_stderr_with_secrets_masked() -> None:
    with accounts("fine") as server:
        outcome = run("-v", "status", "--json")
    assert outcome.code == 0
    assert outcome.document["status"] == "ok"
    assert f"GET {server.url}/fine/key -> 200" in outcome.err
    assert "fake-key" not in outcome.out + outcome.err


# -- a wrong config ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"low_bellow": 5}, "services[0].low_bellow: no such key; did you mean 'low_below'?"),
        ({"low_below": 101}, "services[0].low_below: expected a percentage from 0 to 100"),
        (
            {"provider": "opnrouter"},
            "services[0].provider: unknown provider 'opnrouter'; did you mean 'openrouter'?",
        ),
    ],
)
@pytest.mark.parametrize("words", [["status"], ["check"], ["openrouter", "--json"], ["config", "show"]])
def test_a_wrong_config_exits_2_and_nobody_is_asked(
    more: dict[str, Any], message: str, words: list[str]
) -> None:
    with serve({"/key": Reply(key(30))}) as server:
        path = configure([openrouter(server.url, **more)])
        outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {path}:")
    assert outcome.err.endswith(f": {message}\n")
    assert server.seen == []


# -- thresholds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "defaults", "words", "status"),
    [
        ({}, {}, [], "ok"),
        ({}, {"low_below": 60}, [], "low"),
        ({"low_below": 60}, {"low_below": 5}, [], "low"),
        ({"low_below": 5}, {"low_below": 60}, [], "ok"),
        ({"low_below": 5}, {"low_below": 5}, ["--low-below", "60"], "low"),
        ({"low_below": 60}, {"low_below": 60}, ["--low-below", "0"], "ok"),
        ({}, {}, ["--low-below", "50"], "ok"),
        ({}, {}, ["--low-below", "50.1"], "low"),
    ],
)
def test_low_below_of_the_command_line_wins_over_service_and_defaults(
    service: dict[str, Any], defaults: dict[str, Any], words: list[str], status: str
) -> None:
    with serve({"/key": Reply(key(30))}) as server:
        configure([openrouter(server.url, **service)], **defaults)
        assert run("openrouter", "--json", *words).document["quotas"][0]["status"] == status


# -- cache, offline, time ---------------------------------------------------------------------------


def test_a_young_report_is_reused_unless_told_otherwise() -> None:
    with accounts("fine") as server:
        before = run("status", "--json")
        assert server.paths() == ["/fine/key", "/fine/credits"]
        assert run("status", "--json").out == before.out
        assert run("status", "--json", "--max-age", "3600").out == before.out
        assert len(server.seen) == 2
        run("status", "--no-cache")
        assert len(server.seen) == 4


def test_max_age_of_the_config_and_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with accounts("fine", max_age=600) as server:
        run("status")
        later = replace(here(), clock=lambda: NOW + timedelta(seconds=300))
        monkeypatch.setattr("usagecli.cli.here", lambda: later)
        run("status")
        assert len(server.seen) == 2
        run("status", "--max-age", "200")
        assert len(server.seen) == 4


def test_offline_asks_nobody() -> None:
    with accounts("fine") as server:
        empty = run("openrouter", "--offline", "--json")
        assert server.seen == []
        run("status")
        asked = len(server.seen)
        known = run("openrouter", "--offline", "--no-cache", "--json")
        assert len(server.seen) == asked
    assert (empty.code, empty.document["error"]["message"]) == (3, "not asked (--offline)")
    assert (known.code, known.document["stale"]) == (3, True)
    assert known.document["quotas"][0]["remaining"] == 30


def test_timeout_of_the_config_and_of_the_command_line() -> None:
    done = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        done.wait(10)

    with serve({"/key": silent}) as server:
        try:
            configure([openrouter(server.url)], timeout=0.3)
            by_config = run("openrouter", "--json").document["error"]
            configure([openrouter(server.url)], timeout=60)
            by_option = run("openrouter", "--json", "--timeout", "0.2").document["error"]
        finally:
            done.set()
    for error, seconds in ((by_config, 0.3), (by_option, 0.2)):
        told = ("127.0.0.1", f"no answer within {seconds:g} s")
        assert error["kind"] == "unavailable"
        assert error["message"].startswith(told)
        assert error["hint"] == "try again, or give a longer --timeout"


def test_the_variables_that_move_cache_and_data(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USAGECLI_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("USAGECLI_DATA_DIR", str(tmp_path / "data"))
    with accounts("fine"):
        run("status")
    reports = [
        json.loads(body) for name, body in files_below(tmp_path / "cache").items() if name[-5:] == ".json"
    ]
    assert [report["version"] for report in reports] == [1]
    config_only = {Path(here().config_dir) / "config.yaml"}
    assert {own_home / name for name in files_below(own_home)} == config_only
