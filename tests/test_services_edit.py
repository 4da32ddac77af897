"""`usagecli services edit`, and the questions of `add`, `edit` and `remove` on a terminal."""

from __future__ import annotations

from typing import Any

import pytest
import requests_mock

from tests.cli import Outcome
from tests.keyrings import FileKeyring
from tests.services import (
    BAD,
    GATEWAY,
    GOOD,
    KEPT,
    OTHER,
    answer,
    config_path,
    secret_files,
    services,
    written,
)

pytestmark = pytest.mark.usefixtures("fixed_clock")

ELSEWHERE = "https://elsewhere.example.com"
TEXT = f"""\
# mine
services:
  - name: work   # the one
    provider: openrouter
    base_url: {GATEWAY}
    credential:   # ours
      file: {KEPT}
    low_below: {{default: 20, weekly_limit: 5}}  # dear
  - {{name: pair, provider: openrouter, base_url: {GATEWAY},
     credential: {{api_key: {{env: A}}, management_api_key: {{env: B}}}}}}
  - name: plain
    provider: copilot
    options: {{username: octo-sample, monthly_limit: 300}}
"""


@pytest.fixture(autouse=True)
def asked(no_network: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> requests_mock.Mocker:
    """OpenRouter behind the gateway and elsewhere; both keys of `pair`; the config as TEXT."""
    for base_url in (GATEWAY, ELSEWHERE):
        answer(no_network, base_url)
    monkeypatch.setenv("A", GOOD)
    monkeypatch.setenv("B", GOOD)
    secrets = config_path().parent / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "work").write_text(GOOD)
    (secrets / "work").chmod(0o600)
    config_path().write_text(TEXT)
    return no_network


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there to answer; what they type is the stdin of `services`."""
    monkeypatch.setattr("usagecli.commands._ask.interactive", lambda: True)


def edit(*args: str, stdin: str = "", code: int = 0) -> Outcome:
    outcome = services("edit", *args, stdin=stdin)
    assert outcome.code == code, outcome.err
    return outcome


def typed(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


# -- edit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "before", "after"),
    [
        (["work", "--name", "job"], "name: work ", "name: job "),
        (["work", "--low-below", "15"], "default: 20", "default: 15"),
        (["work", "--base-url", f"{ELSEWHERE}/"], f"base_url: {GATEWAY}\n", f"base_url: {ELSEWHERE}\n"),
        (["work", "--credential", "env:A"], f"file: {KEPT}", "env: A"),
        (["work", "--credential", "env:A", "--low-below", "2.5"], f"file: {KEPT}", "env: A"),
        (["pair", "--low-below", "7"], "{env: B}}}", "{env: B}}, low_below: 7}"),
        (
            ["plain", "--option", "monthly_limit=1500", "--no-test"],
            "monthly_limit: 300",
            "monthly_limit: 1500",
        ),
        (["plain", "--option", "username=", "--no-test"], "username: octo-sample, ", ""),
        (["plain", "--low-below", "5"], "300}\n", "300}\n    low_below: 5\n"),
    ],
)
def test_only_what_was_asked_for_changes(args: list[str], before: str, after: str) -> None:
    outcome = edit(*args)
    expected = TEXT.replace(before, after, 1)
    if "2.5" in args:
        expected = expected.replace("default: 20", "default: 2.5")
    assert config_path().read_text() == expected
    assert outcome.out.startswith(f"Changed {args[0]}")


def test_with_the_last_option_go_the_options() -> None:
    edit("plain", "--option", "username=", "--option", "monthly_limit=", "--no-test")
    assert config_path().read_text() == TEXT[: TEXT.index("    options:")]


def test_a_base_url_is_taken_out() -> None:
    edit("work", "--base-url", "", "--no-test")
    assert config_path().read_text() == TEXT.replace(f"    base_url: {GATEWAY}\n", "", 1)


def test_a_rename_leaves_the_secret_where_it_is() -> None:
    outcome = edit("work", "--name", "job")
    assert outcome.out == f"Changed work, now called job; credential: {KEPT}\n"
    assert secret_files() == {"work": GOOD}
    # So another service of the old name keeps its secret beside.
    services("add", "--provider", "openrouter", "--name", "work", "--secret-stdin", "--no-test", stdin=OTHER)
    assert secret_files() == {"work": GOOD, "work-2": OTHER}


def test_a_service_without_a_name_gets_one() -> None:
    config_path().write_text("services:\n  - provider: copilot\n")
    edit("copilot", "--name", "work")
    assert config_path().read_text() == "services:\n  - provider: copilot\n    name: work\n"


def test_a_new_secret_takes_the_place_of_the_old() -> None:
    outcome = edit("work", "--secret-stdin", stdin=OTHER)
    assert (outcome.out, outcome.err) == (
        f"Changed work; credential: {KEPT}\n",
        "Tried work: openrouter answered.\n",
    )
    assert (secret_files(), config_path().read_text()) == ({"work": OTHER}, TEXT)


def test_a_secret_moves_to_another_store(file_keyring: FileKeyring) -> None:
    edit("work", "--secret-stdin", "--store", "keyring", stdin=OTHER)
    assert config_path().read_text() == TEXT.replace(f"file: {KEPT}", "keyring: usagecli/work")
    assert (file_keyring.entries, secret_files()) == ({"usagecli/work": OTHER}, {})


def test_a_secret_that_gives_way_to_a_place_is_deleted() -> None:
    edit("work", "--credential", "env:A")
    assert secret_files() == {}


def test_a_secret_that_another_service_uses_stays() -> None:
    config_path().write_text(
        TEXT.replace("{api_key: {env: A}, management_api_key: {env: B}}", f"{{file: {KEPT}}}")
    )
    edit("work", "--secret-stdin", stdin=OTHER)
    assert secret_files() == {"work": GOOD, "work-2": OTHER}
    assert [service["credential"]["file"] for service in written()[:2]] == [f"{KEPT}-2", KEPT]


def test_one_part_of_several() -> None:
    edit("pair", "--secret-stdin", stdin=f"management_api_key={OTHER}")
    kept = f"{KEPT.replace('work', 'pair')}.management_api_key"
    assert config_path().read_text() == TEXT.replace("{env: B}", f"{{file: {kept}}}")


def test_a_single_secret_instead_of_parts() -> None:
    edit("pair", "--secret-stdin", stdin=OTHER)
    assert written()[1]["credential"] == {"file": KEPT.replace("work", "pair")}


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (["work", "--secret-stdin"], BAD),
        (["work", "--credential", "env:NOT_SET"], ""),
        (["pair", "--secret-stdin"], f"api_key={BAD}"),
    ],
)
def test_what_is_refused_is_not_written(args: list[str], stdin: str) -> None:
    outcome = edit(*args, stdin=stdin, code=3)
    assert outcome.err.endswith("; nothing was written\n")
    assert (config_path().read_text(), secret_files()) == (TEXT, {"work": GOOD})


def test_where_the_config_cannot_be_written_the_old_secret_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("usagecli.configfile.write_atomic", full)
    edit("work", "--secret-stdin", "--low-below", "5", stdin=OTHER, code=2)
    assert (config_path().read_text(), secret_files()) == (TEXT, {"work": GOOD})


def test_name_and_threshold_are_nobody_elses_business(asked: requests_mock.Mocker) -> None:
    edit("work", "--name", "job", "--low-below", "5")
    assert asked.call_count == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "nothing to change: give an option, such as --name, --option or --secret-stdin"),
        (["--name", "pair"], "there is a service 'pair' already; another name: pair-2"),
        (["--name", "-x"], "--name must be one line that does not begin with `-`"),
        (["--option", "x=1"], "--option x: no such option; openrouter has none"),
        (["--base-url", "nonsense"], "--base-url is not a URL"),
    ],
)
def test_what_is_wrong_is_named(args: list[str], told: str) -> None:
    assert told in edit("work", *args, code=2).err
    assert config_path().read_text() == TEXT


# -- edit on a terminal -----------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_an_empty_answer_changes_nothing(asked: requests_mock.Mocker) -> None:
    outcome = edit("work", stdin=typed("", "", "", "", ""))
    assert outcome.out == "Nothing to change about work\n"
    assert (config_path().read_text(), asked.call_count) == (TEXT, 0)
    assert outcome.err.splitlines() == [
        "An empty answer leaves a value as it is.",
        "Name [work]: ",
        f"Base URL [{GATEWAY}]: ",
        "Low below, in percent [20]: ",
        "What you type is not shown. An empty answer: as before.",
        "api_key (a key that runs models): ",
        "management_api_key (a management key, for balance and activity): ",
    ]


@pytest.mark.usefixtures("terminal")
def test_each_answer_changes_one_value_and_wrong_ones_are_asked_again() -> None:
    outcome = edit("work", stdin=typed("job", "nonsense", ELSEWHERE, "much", "15", "", ""))
    assert config_path().read_text() == (
        TEXT.replace("name: work ", "name: job ").replace(GATEWAY, ELSEWHERE, 1).replace("20,", "15,")
    )
    assert "is not a URL" in outcome.err
    assert "expected a percentage from 0 to 100" in outcome.err


@pytest.mark.usefixtures("terminal")
def test_options_are_asked_for_too(asked: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.get("https://api.github.com/copilot_internal/user", status_code=500)
    monkeypatch.setattr("usagecli.commands._change.check", lambda app, change: None)
    monkeypatch.setattr("usagecli.commands.services.check", lambda app, change: None)
    # Name, base URL, threshold, the four options, the secret.
    outcome = edit("plain", stdin=typed("", "", "", "", "many", "1500", "", "", ""))
    assert config_path().read_text() == TEXT.replace("monthly_limit: 300", "monthly_limit: 1500")
    assert "username (The GitHub login; asked for where it is not given) [octo-sample]: " in outcome.err
    assert "expected a number above 0" in outcome.err


@pytest.mark.usefixtures("terminal")
def test_a_refused_secret_is_asked_for_again() -> None:
    edit("work", stdin=typed("", "", "", BAD, "", OTHER, ""))
    assert written()[0]["credential"] == {"api_key": {"file": f"{KEPT}.api_key"}}
    assert secret_files() == {"work.api_key": OTHER}


# -- add on a terminal ------------------------------------------------------------------------------


@pytest.fixture
def empty() -> None:
    config_path().unlink()


@pytest.mark.usefixtures("terminal", "empty")
def test_add_asks_for_what_is_missing() -> None:
    stdin = typed("openruter", "openrouter", "", GOOD, OTHER)
    outcome = services("add", "--base-url", GATEWAY, stdin=stdin)
    assert (outcome.code, written()[0]["name"]) == (0, "openrouter")
    assert secret_files() == {
        "work": GOOD,
        "openrouter.api_key": GOOD,
        "openrouter.management_api_key": OTHER,
    }
    lines = outcome.err.splitlines()
    assert lines[1:4] == [
        "Provider: openruter",
        "there is no provider 'openruter'; did you mean 'openrouter'?",
        "Provider: openrouter",
    ]
    assert "  1. Sign in at https://openrouter.ai/settings/keys and create a key." in lines
    assert "Name [openrouter]: " in lines
    assert "Tried openrouter: openrouter answered." in lines


@pytest.mark.usefixtures("terminal")
def test_a_taken_name_is_asked_for_again() -> None:
    stdin = typed("work", "-x", "new", GOOD, "")
    outcome = services("add", "--provider", "openrouter", "--base-url", GATEWAY, stdin=stdin)
    assert (outcome.code, [service["name"] for service in written()][-1]) == (0, "new")
    assert "there is a service 'work' already" in outcome.err
    assert "It must be one line that does not begin with `-`" in outcome.err


@pytest.mark.usefixtures("terminal", "empty")
def test_a_refused_secret_of_a_new_service_is_asked_for_again() -> None:
    stdin = typed("", BAD, "", GOOD, "")
    outcome = services("add", "--provider", "openrouter", "--base-url", GATEWAY, stdin=stdin)
    assert (outcome.code, secret_files()["openrouter.api_key"]) == (0, GOOD)
    assert outcome.err.count("OpenRouter refused the key (401)") == 1


@pytest.mark.usefixtures("terminal", "empty")
def test_no_secret_means_the_usual_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", GOOD)
    stdin = typed("", "", "")
    outcome = services("add", "--provider", "openrouter", "--base-url", GATEWAY, stdin=stdin)
    assert outcome.out == "Added openrouter (openrouter), credential: the usual places\n"
    assert "credential" not in written()[0]


@pytest.mark.usefixtures("terminal", "empty")
def test_options_of_a_new_service_are_asked_for() -> None:
    stdin = typed("", "octo-sample", "0", "1500", "", "", "fake-token-of-copilot")
    outcome = services("add", "--provider", "copilot", "--no-test", stdin=stdin)
    assert (outcome.code, written()[0]["options"]) == (0, {"username": "octo-sample", "monthly_limit": 1500})
    assert "expected a number above 0" in outcome.err


@pytest.mark.usefixtures("terminal", "empty")
def test_given_a_place_nothing_is_asked() -> None:
    args = ("--provider", "openrouter", "--base-url", GATEWAY, "--credential", "env:A")
    outcome = services("add", *args)
    assert (outcome.code, outcome.err) == (0, "Tried openrouter: openrouter answered.\n")


@pytest.mark.usefixtures("terminal", "empty")
def test_a_secret_of_stdin_is_asked_for_on_a_terminal() -> None:
    args = ("--provider", "openrouter", "--base-url", GATEWAY, "--secret-stdin")
    assert services("add", *args, stdin=typed(GOOD, "")).code == 0
    assert "there is no secret on stdin" in services("add", *args, "--name", "b", stdin=typed("", "")).err


@pytest.mark.usefixtures("terminal", "empty")
@pytest.mark.parametrize(
    ("answered", "names"), [("", ["zai", "work"]), ("y", ["zai", "work"]), ("n", ["work"])]
)
def test_what_else_is_found_is_asked_about(
    answered: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZAI_API_KEY", "zai-fake")
    args = ("--provider", "openrouter", "--name", "work", "--base-url", GATEWAY, "--credential", "env:A")
    outcome = services("add", *args, stdin=typed(answered))
    assert (outcome.code, [service["name"] for service in written()]) == (0, names)
    assert "List them, too? [Y/n]: " in outcome.err


@pytest.mark.usefixtures("terminal", "empty")
def test_broken_off_nothing_is_written() -> None:
    for stdin in ("", typed("openrouter"), typed("openrouter", "work", GOOD)):
        outcome = services("add", "--base-url", GATEWAY, stdin=stdin)
        assert (outcome.code, config_path().exists()) == (130, False)
        assert outcome.err.endswith("Interrupted.\n")


# -- remove on a terminal ---------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("answered", "told", "left"),
    [
        ("y", "Removed work\n", ["pair", "plain"]),
        ("n", "Nothing was removed\n", ["work", "pair", "plain"]),
        ("", "Nothing was removed\n", ["work", "pair", "plain"]),
    ],
)
def test_remove_asks(answered: str, told: str, left: list[str]) -> None:
    outcome = services("remove", "work", stdin=typed(answered))
    assert (outcome.code, outcome.out) == (0, told)
    assert [service["name"] for service in written()] == left
    assert ("work" in secret_files()) is ("work" in left)
