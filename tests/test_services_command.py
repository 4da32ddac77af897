"""`usagecli services`: list, remove, enable, disable, test, and what they never do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.cli import configure, openrouter, run
from tests.keyrings import FileKeyring
from tests.process import posix, python
from tests.services import (
    ADD,
    BAD,
    GATEWAY,
    GOOD,
    KEPT,
    OTHER,
    add_work,
    answer,
    config_path,
    listed,
    secret_files,
    services,
    work,
    written,
)
from usagecli.machine import here

pytestmark = pytest.mark.usefixtures("fixed_clock")


@pytest.fixture
def asked(no_network: requests_mock.Mocker) -> requests_mock.Mocker:
    """OpenRouter behind the gateway."""
    answer(no_network)
    return no_network


# -- list -------------------------------------------------------------------------------------------


def test_list_says_all_and_asks_nobody(asked: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    add_work()
    services(*ADD, "--name", "off", "--credential", "env:NOT_SET", "--no-test")
    services("disable", "off")
    services(*ADD, "--name", "slow", "--credential", "command:never-run x", "--no-test")
    before = asked.call_count
    outcome = services("list")
    assert (outcome.code, outcome.err, asked.call_count) == (0, "", before)
    assert outcome.out.splitlines() == [
        "NAME  PROVIDER    ON   CREDENTIAL                                   LAST REPORT",
        "work  openrouter  yes  sk-o…ork, ~/.config/usagecli/secrets/work    ok, 1m ago",
        "off   openrouter  no   the environment variable NOT_SET is not set  -",
        "slow  openrouter  yes  command never-run                            -",
    ]


def test_list_as_json(asked: Any) -> None:
    add_work()
    services(*ADD, "--name", "off", "--credential", "env:NOT_SET", "--no-test")
    credential = {"source": KEPT, "masked": "sk-o…ork", "error": None}
    health = {"status": "ok", "message": None, "checkedAt": "2026-11-21T08:00:00Z"}
    lacking = {
        "source": "env NOT_SET",
        "masked": None,
        "error": "the environment variable NOT_SET is not set",
    }
    unknown = {"status": None, "message": None, "checkedAt": None}
    same = {"provider": "openrouter", "enabled": True}
    assert listed() == [
        {"name": "work", **same, "credential": credential, "health": health},
        {"name": "off", **same, "credential": lacking, "health": unknown},
    ]


def test_the_health_is_that_of_the_last_answer(asked: Any) -> None:
    configure([openrouter(GATEWAY, "work"), openrouter(GATEWAY, "router-good", low_below=70)])
    assert [line["health"]["status"] for line in listed()] == [None, None]
    run("status")
    refused, low = (line["health"] for line in listed())
    assert (refused["status"], low["status"]) == ("auth", "low")
    assert refused["message"].startswith("OpenRouter refused the key (401)")
    told = " ".join(services("list").out.split())
    assert "auth: OpenRouter refused" in told
    assert "low, 1m ago" in told


def test_another_key_has_no_health_yet(asked: Any) -> None:
    add_work()
    (config_path().parent / "secrets" / "work").write_text(OTHER)
    assert listed()[0]["health"]["status"] is None


def test_a_credential_command_is_not_run_for_the_health(asked: Any, tmp_path: Path) -> None:
    add_work()
    text = config_path().read_text()
    config_path().write_text(text.replace(f"file: {KEPT}", "command: never-run"))
    (line,) = listed()
    assert (line["credential"]["source"], line["health"]["status"]) == ("command never-run", "ok")


def test_list_without_services_shows_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", GOOD)
    outcome = services("list")
    assert outcome.err == "No services in the config: this is what is found on this machine.\n"
    assert outcome.out.splitlines()[1].split() == [
        "openrouter",
        "openrouter",
        "yes",
        "sk-o…ork,",
        "OPENROUTER_API_KEY",
        "-",
    ]
    assert listed()[0]["credential"]["source"] == "OPENROUTER_API_KEY"


def test_list_of_nothing() -> None:
    outcome = services("list")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith("No credentials found.")
    assert listed() == []


@pytest.mark.parametrize("length", [1, 16, 60])
def test_the_table_fits_80_columns(length: int, asked: Any) -> None:
    configure([openrouter(GATEWAY, "n" * length), {"name": "z", "provider": "azure-openai"}])
    run("status")
    lines = services("list").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 3


def test_no_word_of_the_table_is_broken_and_a_hidden_secret_is_not_told(
    asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a-folder-with-a-long-name" / "and-one-below-it-that-is-longer"
    folder.mkdir(parents=True)
    (folder / "key").write_text("short")
    (folder / "key").chmod(0o600)
    configure([openrouter(GATEWAY, "work", credential={"file": str(folder / "key")})])
    out = services("list").out
    assert str(folder / "key") in out
    assert "***" not in out


# -- remove -----------------------------------------------------------------------------------------


def test_remove_takes_the_secret_along(asked: Any, file_keyring: FileKeyring) -> None:
    add_work()
    services(*ADD, "--name", "home", "--secret-stdin", "--store", "file", stdin=OTHER)
    outcome = services("remove", "work", "--yes")
    assert (outcome.code, outcome.out, outcome.err) == (0, "Removed work\n", "")
    assert (file_keyring.entries, secret_files()) == ({}, {"home": OTHER})
    services("remove", "home", "-y")
    assert secret_files() == {}


def test_remove_of_the_last_one_begins_anew(asked: Any) -> None:
    add_work()
    outcome = services("remove", "work", "--yes")
    assert outcome.err == "It was the last one: from now on what is found on this machine is reported.\n"
    assert "services:" not in config_path().read_text()


def test_what_others_keep_stays(asked: Any, file_keyring: FileKeyring, own_home: Path) -> None:
    (own_home / "key").write_text(OTHER)
    file_keyring.set_password("vendor", "me", GOOD)
    file_keyring.set_password("usagecli", "shared", GOOD)
    configure(
        [
            openrouter(GATEWAY, "a", credential={"keyring": "vendor/me"}),
            openrouter(GATEWAY, "b", credential={"file": "~/key"}),
            openrouter(GATEWAY, "c", credential={"keyring": "usagecli/shared"}),
            openrouter(GATEWAY, "d", credential={"keyring": "usagecli/shared"}),
        ]
    )
    for name in "abc":
        assert services("remove", name, "--yes").code == 0
    assert file_keyring.entries == {"vendor/me": GOOD, "usagecli/shared": GOOD}
    assert (own_home / "key").exists()
    services("remove", "d", "--yes")
    assert file_keyring.entries == {"vendor/me": GOOD}


def test_remove_needs_a_yes(asked: Any) -> None:
    add_work()
    outcome = services("remove", "work")
    assert (outcome.code, written()) == (2, [work()])
    assert "--yes is needed where there is no terminal to ask on" in outcome.err


# -- enable, disable --------------------------------------------------------------------------------


def test_a_service_is_switched_off_and_on(asked: Any) -> None:
    add_work()
    for command, told, state in (
        ("disable", "work is off\n", False),
        ("disable", "work is already off\n", False),
        ("enable", "work is on\n", True),
        ("enable", "work is already on\n", True),
    ):
        outcome = services(command, "work")
        assert (outcome.code, outcome.out, outcome.err) == (0, told, "")
        assert written()[0]["enabled"] is state


@pytest.mark.parametrize(
    "command", [["enable"], ["disable"], ["remove", "--yes"], ["edit", "--low-below", "5"]]
)
def test_a_name_that_is_not_there(command: list[str], asked: Any) -> None:
    add_work()
    outcome = services(*command, "wrok")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"Error: {config_path()} has no service 'wrok'; did you mean 'work'?\n"


# -- test -------------------------------------------------------------------------------------------


def test_test_asks_now_and_says_with_what(asked: requests_mock.Mocker) -> None:
    add_work()
    services(*ADD, "--name", "off", "--credential", "env:NOT_SET", "--no-test")
    services("disable", "off")
    before = asked.call_count
    outcome = services("test", "work")
    assert (outcome.code, asked.call_count > before) == (0, True)
    assert outcome.err == f"work: openrouter at {GATEWAY}, {KEPT}\n"
    assert outcome.out.splitlines()[1].split()[0] == "work"
    outcome = services("test", "off")
    assert (outcome.code, outcome.err) == (3, f"off: openrouter at {GATEWAY}, env NOT_SET\n")


def test_test_of_a_key_that_is_refused(asked: Any) -> None:
    add_work("--no-test", stdin=BAD)
    outcome = services("test")
    assert (outcome.code, "OpenRouter refused the key (401)" in " ".join(outcome.out.split())) == (3, True)


def test_test_without_any_service(no_network: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    no_network.get(requests_mock.ANY, status_code=404)
    outcome = services("test")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("No credentials found.")
    outcome = services("test", "zai")
    assert outcome.err == "zai: zai at https://api.z.ai, no credential found\n"
    monkeypatch.setenv("ZAI_API_KEY", "zai-fake")
    outcome = services("test", "zai")
    assert outcome.err.startswith("zai: zai at https://api.z.ai, ZAI_API_KEY\n")


# -- start-up, and secrets --------------------------------------------------------------------------


def test_nothing_of_it_is_imported_by_others() -> None:
    configure([openrouter(GATEWAY, "work", credential={"env": "NOT_SET"})])
    heavy = (
        "usagecli.yamltext",
        "usagecli.configfile",
        "usagecli.secretstore",
        "usagecli.commands.services",
        "keyring",
    )
    for words in (["--help"], ["status"], ["doctor"]):
        code = (
            f"import sys; sys.argv[1:] = {words}\nfrom usagecli.cli import main\n"
            "try: main()\n"
            f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
        )
        assert python(code).err.splitlines()[-1] == "[]"


@posix
def test_the_secret_is_in_no_log_and_no_backup(asked: Any) -> None:
    outcome = run("-v", "services", *ADD, "--credential", "env:X", "--no-test")
    assert outcome.code == 0
    add_work()
    services("edit", "work", "--low-below", "5")
    folder = Path(here().home)
    holders = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and GOOD.encode() in path.read_bytes()
    }
    assert holders == {".config/usagecli/secrets/work"}
