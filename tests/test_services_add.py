"""`usagecli services add`, as a script uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock

from tests.cli import run
from tests.keyrings import FileKeyring
from tests.services import (
    ADD,
    BAD,
    GATEWAY,
    GOOD,
    KEPT,
    NO_KEYRING,
    OTHER,
    TRIED,
    add_work,
    answer,
    config_path,
    listed,
    secret_files,
    services,
    work,
    written,
)

pytestmark = pytest.mark.usefixtures("fixed_clock")


@pytest.fixture
def asked(no_network: requests_mock.Mocker) -> requests_mock.Mocker:
    """OpenRouter behind the gateway."""
    answer(no_network)
    return no_network


# -- add --------------------------------------------------------------------------------------------


def test_a_secret_of_stdin_goes_to_the_keyring(asked: Any, file_keyring: FileKeyring) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=f"{GOOD}\n")
    assert (outcome.code, outcome.err) == (0, TRIED)
    assert outcome.out == "Added work (openrouter), credential: keyring usagecli/work\n"
    assert written() == [work(credential={"keyring": "usagecli/work"})]
    assert (file_keyring.entries, secret_files()) == ({"usagecli/work": GOOD}, {})


def test_without_a_keyring_it_goes_to_a_file_and_the_reason_is_said(asked: Any) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=GOOD)
    assert (outcome.code, outcome.err) == (0, TRIED + NO_KEYRING)
    assert outcome.out == f"Added work (openrouter), credential: {KEPT}\n"
    assert (written(), secret_files()) == ([work()], {"work": GOOD})


def test_the_service_then_reports_from_what_was_tried(asked: requests_mock.Mocker) -> None:
    add_work()
    before = asked.call_count
    (document,) = run("openrouter", "--json").documents
    assert (document["service"], document["error"]) == ("work", None)
    assert asked.call_count == before


def test_everything_that_can_be_given(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORK_KEY", GOOD)
    outcome = services(*ADD, "--credential", "env:WORK_KEY", "--low-below", "12.5")
    assert (outcome.code, outcome.out) == (0, "Added openrouter (openrouter), credential: env WORK_KEY\n")
    assert written() == [work(name="openrouter", credential={"env": "WORK_KEY"}, low_below=12.5)]
    told = (
        "--option",
        "username=octo-sample",
        "--option",
        "monthly_limit=1500",
        "--no-test",
        "--low-below",
        "5",
    )
    assert services("add", "--provider", "copilot", "--credential", "env:X", *told).code == 0
    assert written()[1] == {
        "name": "copilot",
        "provider": "copilot",
        "credential": {"env": "X"},
        "options": {"username": "octo-sample", "monthly_limit": 1500},
        "low_below": 5,
    }


def test_options_of_every_kind(own_home: Path) -> None:
    told = ("--option", "cloud=TRUE", "--option", "project=sample-1", "--option", "cloud_service=")
    assert (
        services("add", "--provider", "gemini", "--credential", "command:token", "--no-test", *told).code == 0
    )
    assert written()[0]["options"] == {"cloud": True, "project": "sample-1"}


def test_a_service_that_stands_for_several_accounts(own_home: Path) -> None:
    for name in ("one", "two"):
        (own_home / name).mkdir()
        (own_home / name / "auth.json").write_text(
            '{"OPENAI_API_KEY": null, "tokens": {"access_token": "t-fake"}}'
        )
    homes = ("--option", "homes=~/one, ~/two", "--no-test")
    outcome = services("add", "--provider", "codex", *homes)
    assert (outcome.code, written()) == (
        0,
        [{"name": "codex", "provider": "codex", "options": {"homes": ["~/one", "~/two"]}}],
    )
    assert outcome.err.startswith("No credential was given: codex uses ")
    assert [line["name"] for line in listed()] == ["codex:one", "codex:two"]
    assert services("disable", "codex").code == 0
    told = "has no service 'codex:one'; did you mean 'codex'?\n"
    assert services("remove", "codex:one", "--yes").err.endswith(told)
    outcome = services(
        "add", "--provider", "codex", "--name", "other", "--option", "homes=~/one, ~/gone", "--no-test"
    )
    assert (outcome.code, "give --secret-stdin or --credential" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (["env:KEY"], {"env": "KEY"}),
        (["command:pass show 'my key'"], {"command": "pass show 'my key'"}),
        (["keyring:vendor/me"], {"keyring": "vendor/me"}),
        (["file:~/key"], {"file": "~/key"}),
        (
            ["api_key=env:A", "management_api_key=command:b --x=y"],
            {
                "api_key": {"env": "A"},
                "management_api_key": {"command": "b --x=y"},
            },
        ),
    ],
)
def test_a_place_instead_of_a_secret(given: list[str], held: Any) -> None:
    told = [word for one in given for word in ("--credential", one)]
    assert services(*ADD, *told, "--no-test").code == 0
    assert written() == [work(name="openrouter", credential=held)]


def test_a_file_is_named_from_anywhere(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_home)
    assert services(*ADD, "--credential", "file:key", "--no-test").code == 0
    assert written()[0]["credential"] == {"file": "~/key"}


def test_several_parts_on_stdin(asked: Any, file_keyring: FileKeyring) -> None:
    stdin = f"api_key={GOOD}\n\n management_api_key = {OTHER}=\n"
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=stdin)
    assert outcome.code == 0
    assert written()[0]["credential"] == {
        "api_key": {"keyring": "usagecli/work:api_key"},
        "management_api_key": {"keyring": "usagecli/work:management_api_key"},
    }
    assert file_keyring.entries == {
        "usagecli/work:api_key": GOOD,
        "usagecli/work:management_api_key": f"{OTHER}=",
    }


def test_a_secret_with_an_equals_sign_is_no_part(asked: Any) -> None:
    add_work(stdin=f"{GOOD}=")
    assert secret_files() == {"work": f"{GOOD}="}


def test_the_usual_places_will_do(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", GOOD)
    outcome = services(*ADD, "--name", "work")
    told = "No credential was given: work uses OPENROUTER_API_KEY.\n"
    assert (outcome.code, outcome.err) == (0, told + TRIED)
    assert outcome.out == "Added work (openrouter), credential: the usual places\n"
    assert written() == [{"name": "work", "provider": "openrouter", "base_url": GATEWAY}]


def test_the_file_on_request_though_a_keyring_works(asked: Any, file_keyring: FileKeyring) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", "--store", "file", stdin=GOOD)
    assert (outcome.err, file_keyring.entries, secret_files()) == (TRIED, {}, {"work": GOOD})


def test_a_config_that_is_named(asked: Any, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    outcome = run("--config", str(path), "services", *ADD, "--credential", "env:X", "--no-test")
    assert (outcome.code, written()) == (0, [])
    assert "env: X" in path.read_text()


# -- add: tried before it is written ----------------------------------------------------------------


def test_a_credential_that_is_refused_is_not_written(asked: Any, file_keyring: FileKeyring) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=BAD)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == (
        "Error: work: OpenRouter refused the key (401): it is wrong, deleted, disabled or expired "
        "(make a new key at openrouter.ai/settings/keys); nothing was written\n"
    )
    assert (written(), file_keyring.entries, config_path().exists()) == ([], {}, False)


@pytest.mark.parametrize(
    ("credential", "told"),
    [
        ("env:NOT_SET", "the environment variable NOT_SET is not set (set NOT_SET, or change credential)"),
        (
            "keyring:vendor/me",
            "this machine has no working keyring (use credential: env, file or command instead)",
        ),
    ],
)
def test_a_place_that_holds_nothing_is_refused(asked: Any, credential: str, told: str) -> None:
    outcome = services(*ADD, "--name", "work", "--credential", credential)
    assert (outcome.code, outcome.err) == (3, f"Error: work: {told}; nothing was written\n")
    assert not config_path().exists()


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ({"exc": requests.ConnectionError}, "no connection to gateway.example.com"),
        ({"status_code": 500}, "gateway.example.com"),
        (
            {"status_code": 429, "headers": {"Retry-After": "60"}},
            "gateway.example.com asked us to wait (429)",
        ),
    ],
)
def test_a_provider_that_does_not_answer_is_no_obstacle(
    no_network: requests_mock.Mocker, answered: Any, told: str
) -> None:
    no_network.get(f"{GATEWAY}/key", **answered)
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=BAD)
    assert (outcome.code, written()) == (0, [work()])
    assert outcome.err.startswith(f"work could not be tried: {told}")
    assert "It is written all the same; later: usagecli services test work\n" in outcome.err


@pytest.mark.parametrize("answered", [{"json": {"error": "no such thing"}}, {"status_code": 418}])
def test_an_answer_without_figures_is_not_written(no_network: requests_mock.Mocker, answered: Any) -> None:
    no_network.get(f"{GATEWAY}/key", **answered)
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=GOOD)
    assert (outcome.code, outcome.out, config_path().exists()) == (3, "", False)
    assert outcome.err.startswith("Error: work: openrouter answered, but with no figures: ")
    assert outcome.err.endswith("; nothing was written (--no-test writes it untried)\n")


def test_on_request_nobody_is_asked(no_network: requests_mock.Mocker) -> None:
    add_work("--no-test", stdin=BAD)
    assert (written(), no_network.call_count) == ([work()], 0)


# -- add: what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "--provider is needed where there is no terminal to ask on"),
        (
            ["--provider", "openruter"],
            "--provider: there is no provider 'openruter'; did you mean 'openrouter'?",
        ),
        (["--provider", "openrouter"], "give --secret-stdin or --credential"),
        (["--provider", "openrouter", "--secret-stdin"], "there is no secret on stdin"),
        ([*ADD[1:], "--secret-stdin", "--credential", "env:X"], "give either --secret-stdin or --credential"),
        (
            [*ADD[1:], "--name", "-x", "--credential", "env:X"],
            "--name must be one line that does not begin with `-`",
        ),
        ([*ADD[1:], "--name", "a\nb", "--credential", "env:X"], "--name must be one line"),
        ([*ADD[1:], "--base-url", "http://example.com"], "--base-url must be https (http only on loopback)"),
        ([*ADD[1:], "--option", "x=1"], "--option x: no such option; openrouter has none"),
        (["--provider", "copilot", "--option", "user_name=x"], "no such option; did you mean 'username'?"),
        (["--provider", "copilot", "--option", "username"], "--option: expected KEY=VALUE"),
        (
            ["--provider", "copilot", "--option", "monthly_limit=0"],
            "monthly_limit: expected a number above 0",
        ),
        (["--provider", "gemini", "--option", "cloud=maybe"], "--option cloud: expected true or false"),
        (
            [*ADD[1:], "--low-below", "101", "--credential", "env:X"],
            "'--low-below': 101.0 is not in the range",
        ),
        ([*ADD[1:], "--store", "pocket"], "'pocket' is not one of 'keyring', 'file'"),
        ([*ADD[1:], "--credential", "env:X", "--credential", "env:Y"], "--credential: a part is given twice"),
        (
            [*ADD[1:], "--credential", "env:X", "--credential", "api_key=env:Y"],
            "--credential: name the part of each",
        ),
        ([*ADD[1:], "--credential", "apikey=env:X"], "--credential: no such part; did you mean 'api_key'?"),
        (
            [*ADD[1:], "--credential", "command:a 'b"],
            "--credential command: has a quote that is never closed",
        ),
        ([*ADD[1:], "--credential", "keyring:nouser"], "--credential keyring: expected SERVICE/USER"),
        ([*ADD[1:], "--credential", "env:"], "--credential: expected one of env:..., file:..., command:..."),
        # Secrets in the wrong place are not repeated (`services` looks for that).
        (
            [*ADD[1:], "--credential", f"env:{GOOD}"],
            "--credential env: expected the name of an environment variable",
        ),
        ([*ADD[1:], "--credential", f"value:{GOOD}"], "--credential: expected one of env:..., file:..."),
        ([*ADD[1:], "--credential", GOOD], "--credential: expected one of env:..., file:..."),
    ],
)
def test_what_is_wrong_or_missing_is_named_and_nothing_is_written(args: list[str], told: str) -> None:
    outcome = services("add", *args)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in " ".join(outcome.err.split())
    assert not config_path().exists()


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        (b"\xff\xfe", "what stands on stdin is not text"),
        (b"x" * 1_000_001, "what stands on stdin is too large for a secret"),
        (b" \n", "there is no secret on stdin"),
    ],
)
def test_what_is_no_secret_on_stdin(stdin: bytes, told: str) -> None:
    outcome = services(*ADD, "--secret-stdin", stdin=stdin)
    assert (outcome.code, told in outcome.err, config_path().exists()) == (2, True, False)


def test_a_name_that_is_taken(asked: Any) -> None:
    add_work()
    for number in (2, 3):
        outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=OTHER)
        told = f"Error: there is a service 'work' already; another name: work-{number}\n"
        assert (outcome.code, outcome.err) == (2, told)
        services(*ADD, "--name", f"work-{number}", "--secret-stdin", stdin=OTHER)
    assert [service["name"] for service in written()] == ["work", "work-2", "work-3"]
    assert secret_files() == {"work": GOOD, "work-2": OTHER, "work-3": OTHER}


def test_the_usual_name_where_it_is_taken(asked: Any) -> None:
    for code, told in ((0, ""), (2, "another name: openrouter-2")):
        outcome = services(*ADD, "--secret-stdin", stdin=GOOD)
        assert (outcome.code, told in outcome.err) == (code, True)


def test_a_broken_config_is_refused_before_anything_is_asked() -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text("services: [{provider: nobody}]")
    for args in (ADD, ("edit", "x"), ("remove", "x"), ("enable", "x"), ("list",), ("test",)):
        outcome = services(*args)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"Error: {config_path()}:1: services[0].provider: unknown provider")


def test_where_the_config_cannot_be_written_no_secret_is_kept(
    asked: Any, file_keyring: FileKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("usagecli.configfile.write_atomic", full)
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=GOOD)
    assert outcome.code == 2
    assert outcome.err.endswith(
        "config.yaml: cannot be written: No space left on device; nothing was changed\n"
    )
    assert (file_keyring.entries, secret_files(), written()) == ({}, {}, [])


# -- add: what was reported so far ------------------------------------------------------------------


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of two other providers, and of the same one."""
    for name in ("ZAI_API_KEY", "GITHUB_PAT", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, f"{name}-fake")


FOUND = "Found on this machine, too: copilot, zai. From now on only listed services are reported.\n"


@pytest.mark.usefixtures("found")
def test_the_first_service_says_what_is_no_longer_reported(asked: Any) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", stdin=GOOD)
    assert (
        outcome.err
        == f"{TRIED}{FOUND}Not listed. Later: usagecli services add --provider copilot\n{NO_KEYRING}"
    )
    assert [service["name"] for service in written()] == ["work"]
    # The second changes nothing about that.
    assert "Found" not in services(*ADD, "--name", "home", "--secret-stdin", stdin=OTHER).err


@pytest.mark.usefixtures("found")
def test_what_is_found_goes_along_on_request(asked: Any) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", "--with-found", stdin=GOOD)
    assert outcome.out.splitlines() == [
        "Added copilot (copilot), credential: the usual places",
        "Added zai (zai), credential: the usual places",
        f"Added work (openrouter), credential: {KEPT}",
    ]
    assert written() == [
        {"name": "copilot", "provider": "copilot"},
        {"name": "zai", "provider": "zai"},
        work(),
    ]
