"""`usagecli doctor`: what was found, what is missing, what is wrong, and the mend of each."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Outcome, configure, openrouter, run
from tests.process import posix
from usagecli import __version__, registry
from usagecli.machine import here

pytestmark = pytest.mark.usefixtures("fixed_clock")

GATEWAY = "https://gateway.example.com"


def findings(outcome: Outcome) -> dict[str, tuple[str, str, str]]:
    """Mark, text and mend of each finding by its subject (the last of several)."""
    found: dict[str, tuple[str, str, str]] = {}
    subject = ""
    for line in outcome.out.splitlines():
        if line.lstrip().startswith("-> "):
            mark, told, _ = found[subject]
            found[subject] = (mark, told, line.strip()[3:])
        else:
            mark, subject, told = line.split(None, 2)
            found[subject] = (mark, told, "")
    return found


def doctor(code: int) -> dict[str, tuple[str, str, str]]:
    outcome = run("doctor")
    assert (outcome.code, outcome.err) == (code, "")
    return findings(outcome)


def test_an_empty_machine() -> None:
    found = doctor(3)
    short = Path("~") / Path(here().config_dir).relative_to(here().home) / "config.yaml"
    assert found == {
        "usagecli": (
            "✓",
            f"{__version__} on Python {platform.python_version()}, {sys.platform}",
            "",
        ),
        "config": ("·", f"no file at {short}; none is needed", ""),
        "cache": ("✓", here().short(here().cache_dir), ""),
        "others": (
            "·",
            f"no credentials found for {len(registry.names())} of {len(registry.names())} providers",
            "usagecli providers lists them, usagecli providers ID says how to give one access",
        ),
    }


def test_what_is_found_is_shown_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-fake-key-of-the-environment")
    assert doctor(0)["openrouter"] == ("✓", "sk-o…ent from OPENROUTER_API_KEY", "")


def test_nothing_is_missing_where_everything_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "names", lambda: ("openrouter",))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-fake")
    assert "others" not in doctor(0)


def test_a_credential_that_cannot_be_used(own_home: Path) -> None:
    path = own_home / ".config" / "openrouter" / "key.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"key": ')
    mark, told, mend = doctor(3)["openrouter"]
    assert (mark, "not valid JSON" in told, mend != "") == ("✗", True, True)


def test_a_shared_credential_counts_only_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "gho_fake")
    told = "*** from GH_TOKEN, which other tools share: it counts only when copilot is named"
    found = doctor(3)
    assert found["copilot"] == ("·", told, "usagecli copilot")
    assert f"for {len(registry.names()) - 1} of " in found["others"][1]


def test_the_services_of_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-fake")
    configure(
        [
            openrouter(GATEWAY, "work"),
            openrouter(GATEWAY, "usual", credential={"env": "OPENROUTER_API_KEY"}),
            openrouter(GATEWAY, "gone", credential={"env": "NOT_SET"}),
            openrouter(GATEWAY, "off", enabled=False),
        ]
    )
    found = doctor(3)
    assert found["config"][1].endswith("config.yaml, 4 services")
    assert {name: found[name] for name in ("work", "usual", "gone", "off")} == {
        "work": ("✓", "sk-o…ork from the config file", ""),
        "usual": ("✓", "*** from env OPENROUTER_API_KEY", ""),
        "gone": (
            "✗",
            "the environment variable NOT_SET is not set",
            "set NOT_SET, or change credential",
        ),
        "off": ("·", "switched off in the config (enabled: false)", ""),
    }
    # With services in the config only those matter.
    assert "others" not in found


def test_a_fault_without_a_hint_has_a_mend(own_home: Path) -> None:
    (own_home / "key").write_bytes(b"\xff\xfe")
    configure([openrouter(GATEWAY, "work", credential={"file": "~/key"})])
    assert doctor(3)["work"] == (
        "✗",
        "credential file: ~/key is not text",
        "usagecli providers openrouter says how to give it access",
    )


def test_a_wrong_option_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_PAT", "github_pat_fake")
    monkeypatch.setenv("COPILOT_PRO_MONTHLY_LIMIT", "many")
    mark, told, mend = doctor(3)["copilot"]
    assert (mark, mend) == ("✗", "correct or unset it")
    assert told.startswith("COPILOT_PRO_MONTHLY_LIMIT is not a number above 0")


def test_a_wrong_config_exits_2_and_the_rest_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-fake")
    path = configure([{"name": "work"}])
    found = doctor(2)
    mark, told, mend = found["config"]
    assert (mark, mend) == ("✗", "correct the file; usagecli config validate checks it")
    assert told.startswith(f"{path}:")
    assert found["openrouter"] == ("✓", "*** from OPENROUTER_API_KEY", "")


@posix
def test_a_secret_in_a_config_that_others_can_read() -> None:
    path = configure([openrouter(GATEWAY, "work")])
    path.chmod(0o644)
    mark, told, mend = doctor(2)["config"]
    assert (mark, mend) == ("✗", "correct the file; usagecli config validate checks it")
    assert told.startswith(f"{path}: holds a secret and can be read by other users; chmod 600 ")
    path.chmod(0o600)
    assert doctor(0)["config"][0] == "✓"
    configure([openrouter(GATEWAY, "work", credential={"env": "PATH"})]).chmod(0o644)
    assert doctor(0)["config"][0] == "✓"


def test_who_else_can_read_is_not_judged_on_windows(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    path = configure([openrouter(GATEWAY, "work")])
    path.chmod(0o644)
    monkeypatch.setattr("usagecli.cli.here", lambda: replace(here(), platform="win32"))
    assert doctor(0)["config"][0] == "✓"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("USAGECLI_CACHE_DIR", str(tmp_path / "file" / "cache"))
    mark, told, mend = doctor(3)["cache"]
    assert mark == "✗"
    assert told.startswith(f"{tmp_path / 'file' / 'cache'} cannot be written: ")
    assert "USAGECLI_CACHE_DIR" in mend


def test_proxies_and_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "network" not in doctor(3)
    monkeypatch.setenv("https_proxy", "http://user:fake-password@proxy.example.com")
    assert doctor(3)["network"] == ("✓", "through the proxy of HTTPS_PROXY", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert doctor(3)["network"] == (
        "✗",
        "REQUESTS_CA_BUNDLE names a file that does not exist",
        "correct or unset REQUESTS_CA_BUNDLE",
    )
    (tmp_path / "none.pem").write_text("")
    assert doctor(3)["network"][0] == "✓"


def test_colours_only_where_they_are_wanted() -> None:
    assert "\x1b[32m✓\x1b[0m usagecli" in run("--color", "always", "doctor").out
    assert "\x1b" not in run("doctor").out


def test_words_instead_of_marks_where_the_output_carries_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usagecli.commands._run._carries_unicode", lambda: False)
    outcome = run("--color", "always", "doctor")
    assert [line[:2] for line in outcome.out.splitlines()[:3]] == ["ok", "--", "ok"]


def test_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-fake")
    assert run("doctor").code == 0
    assert set(os.listdir(here().cache_dir)) <= {"plugins.txt"}
