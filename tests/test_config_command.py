"""`usagecli config path|init|show|validate`."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli import configure, openrouter, run
from usagecli.machine import here

pytestmark = pytest.mark.usefixtures("fixed_clock")


@pytest.fixture
def path() -> Path:
    return Path(here().config_dir) / "config.yaml"


def test_path_of_a_file_that_may_not_exist(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("config", "path").out == f"{path}\n"
    monkeypatch.setenv("USAGECLI_CONFIG", str(tmp_path / "variable.yaml"))
    assert run("config", "path").out == f"{tmp_path / 'variable.yaml'}\n"
    given = run("--config", str(tmp_path / "option.yaml"), "config", "path")
    assert (given.code, given.out, given.err) == (0, f"{tmp_path / 'option.yaml'}\n", "")


# -- init -------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_is_right_and_private(path: Path) -> None:
    outcome = run("config", "init")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{path}\n", "")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("config", "validate").code == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["config.yaml"]


def test_init_shows_services_and_alerts_that_are_right_once_the_comments_go(path: Path) -> None:
    run("config", "init")
    lines = path.read_text().splitlines()
    example = lines.index("# services:")
    path.write_text("\n".join([*lines[:example], *(line[2:] for line in lines[example:])]))
    outcome = run("config", "validate")
    assert (outcome.code, outcome.out) == (0, f"{path}: ok, 1 service, 2 alert rules\n")


def test_init_names_what_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-fake")
    run("config", "init")
    text = path.read_text()
    assert text.splitlines()[-1] == "# Found on this machine: openrouter"
    assert "fake" not in text


def test_init_never_overwrites(path: Path, tmp_path: Path) -> None:
    configure([])
    before = path.read_bytes()
    outcome = run("config", "init")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"Error: {path}: is there already; nothing was changed\n"
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_init_does_not_write_through_a_dangling_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    assert run("config", "init").code == 2
    assert path.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "config.yaml"
    outcome = run("--config", str(target), "config", "init")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {target}: cannot be written: ")


# -- validate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is none; what is found on this machine is reported"),
        ("", "ok, no services: what is found on this machine is reported"),
        ("services: []", "ok, 0 services"),
        ("services: [{provider: codex}]", "ok, 1 service"),
        ("services: [{provider: codex}, {provider: claude}]", "ok, 2 services"),
    ],
)
def test_validate_says_what_the_file_holds(path: Path, text: str | None, told: str) -> None:
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_text(text)
    outcome = run("config", "validate")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{path}: {told}\n", "")


def test_validate_names_file_line_and_key(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("defaults:\n  low_below: 5\nservices:\n  - provider: codex\n    enabled: perhaps\n")
    outcome = run("config", "validate")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"Error: {path}:5: services[0].enabled: expected true or false\n"


# -- show -------------------------------------------------------------------------------------------

DEFAULTS = {"low_below": 10, "max_age": 60, "timeout": 20, "credits_per_usd": 25}
KEPT = {"full_days": 35, "hourly_days": 180, "daily_days": 730}


def test_show_without_a_file(path: Path) -> None:
    outcome = run("config", "show")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0] == f"# {path} (does not exist)"
    assert yaml.safe_load(outcome.out) == {"defaults": DEFAULTS, "history": KEPT}


@pytest.mark.parametrize(
    ("given", "shown"), [("false", False), ("true", KEPT), ("{full_days: 3}", {**KEPT, "full_days": 3})]
)
def test_show_says_what_the_history_keeps(given: str, shown: object) -> None:
    path = configure([])
    path.write_text(f"history: {given}\n")
    assert yaml.safe_load(run("config", "show").out)["history"] == shown


def test_show_says_which_policy_there_is(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("policy: documented-only\n")
    assert yaml.safe_load(run("config", "show").out)["policy"] == "documented-only"


def test_show_fills_in_the_defaults_and_masks_secrets() -> None:
    path = configure(
        [
            {"provider": "codex"},
            openrouter(
                "https://gateway.example.com/",
                "work",
                low_below={"default": 20, "key_limit": 2.5},
                low_balance=5,
                ignore=["b", "a"],
                enabled=False,
            ),
            {"name": "pat", "provider": "copilot", "credential": {"command": "pass show fake-secret"}},
            {"name": "one", "provider": "copilot", "credential": {"command": ["token"]}},
            {
                "name": "file",
                "provider": "copilot",
                "credential": {"file": "~/token"},
                "options": {"username": "octo-sample", "monthly_credits": 1500},
                "low_below": 3,
            },
            {
                "name": "both",
                "provider": "openrouter",
                "credential": {"api_key": {"env": "KEY"}, "management_api_key": {"value": "sk-fake"}},
            },
        ],
        low_below={"weekly": 5},
        timeout=1.5,
    )
    outcome = run("config", "show")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0] == f"# {path}"
    assert "fake" not in outcome.out
    body = yaml.safe_load(outcome.out)
    assert body["defaults"] == {**DEFAULTS, "low_below": {"default": 10, "weekly": 5}, "timeout": 1.5}
    assert {service.pop("name"): service for service in body["services"]} == {
        "codex": {
            "provider": "codex",
            "base_url": "https://chatgpt.com/backend-api",
            "enabled": True,
        },
        "work": {
            "provider": "openrouter",
            "credential": {"value": "***"},
            "base_url": "https://gateway.example.com",
            "low_below": {"default": 20, "key_limit": 2.5},
            "low_balance": 5,
            "ignore": ["a", "b"],
            "enabled": False,
        },
        "pat": {
            "provider": "copilot",
            "credential": {"command": "pass ***"},
            "base_url": "https://api.github.com",
            "enabled": True,
        },
        "one": {
            "provider": "copilot",
            "credential": {"command": "token"},
            "base_url": "https://api.github.com",
            "enabled": True,
        },
        "file": {
            "provider": "copilot",
            "credential": {"file": "~/token"},
            "base_url": "https://api.github.com",
            "low_below": 3,
            "enabled": True,
            "options": {"username": "octo-sample", "monthly_credits": 1500},
        },
        "both": {
            "provider": "openrouter",
            "credential": {"api_key": {"env": "KEY"}, "management_api_key": {"value": "***"}},
            "base_url": "https://openrouter.ai/api/v1",
            "enabled": True,
        },
    }
