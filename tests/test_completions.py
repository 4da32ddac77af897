"""Completion: the committed scripts are current, and real shells complete with them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tests.cli import configure, openrouter, run
from tests.process import ROOT, environment, posix
from usagecli import registry
from usagecli.cli import COMMANDS, cli
from usagecli.commands.completions import SHELLS

GATEWAY = "https://gateway.example.com"


def completed(*words: str) -> list[str]:
    """What may come in place of the last word."""
    asked = ShellComplete(cli, {}, "usagecli", "_USAGECLI_COMPLETE")
    return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture
def services() -> None:
    configure(
        [
            openrouter(GATEWAY, "work"),
            openrouter(GATEWAY, "home", enabled=False),
            {"name": "work-codex", "provider": "codex"},
        ]
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_the_committed_script_is_current(shell: str) -> None:
    outcome = run("completions", shell)
    assert (outcome.code, outcome.err) == (0, "")
    committed = (ROOT / "completions" / f"usagecli.{shell}").read_text(encoding="utf-8")
    assert committed == outcome.out


def test_no_script_is_committed_for_another_shell() -> None:
    names = sorted(path.name for path in (ROOT / "completions").iterdir())
    assert names == sorted(f"usagecli.{shell}" for shell in SHELLS)


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["stat"], ["status", "statusline"]),
        (["openr"], ["openrouter"]),
        (["status", "work"], ["work", "work-codex"]),
        (["status", "hom"], ["home"]),
        (["status", "openr"], ["openrouter"]),
        (["check", "work-"], ["work-codex"]),
        (["status", "--account", ""], ["work", "home", "work-codex"]),
        (["openrouter", "--account", ""], ["work", "home"]),
        (["codex", "--account", "w"], ["work-codex"]),
        (["copilot", "--account", ""], []),
        (["providers", "work"], []),
        (["providers", "openr"], ["openrouter"]),
        (["config", "in"], ["init"]),
        (["completions", ""], list(SHELLS)),
        (["status", "--fo"], ["--format"]),
    ],
)
def test_words(words: list[str], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_commands_and_providers() -> None:
    assert completed("") == [*COMMANDS, *registry.names()]


def test_services_without_a_config() -> None:
    assert completed("status", "") == list(registry.names())
    assert completed("status", "--account", "openr") == ["openrouter"]
    assert completed("openrouter", "--account", "") == ["openrouter"]


def test_a_broken_config_is_no_obstacle_while_typing(own_home: Path) -> None:
    configure([{"name": "work"}])
    assert completed("status", "openr") == ["openrouter"]


def test_the_config_that_is_named_in_the_line(tmp_path: Path) -> None:
    path = configure([openrouter(GATEWAY, "elsewhere")])
    path.rename(tmp_path / "other.yaml")
    assert completed("--config", str(tmp_path / "other.yaml"), "status", "else") == ["elsewhere"]


# -- real shells ------------------------------------------------------------------------------------


def in_shell(shell: str, code: str, tmp_path: Path) -> list[str]:
    """The words that a shell prints in which `usagecli` is this checkout's."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed here")
    script = tmp_path / "usagecli"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m usagecli "$@"\n')
    script.chmod(0o755)
    env = environment({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    committed = shlex.quote(str(ROOT / "completions" / f"usagecli.{shell}"))
    quick = {"zsh": ["-f"], "fish": ["--no-config"]}.get(shell, [])
    done = subprocess.run(
        [found, *quick, "-c", code.replace("SCRIPT", committed)],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@posix
@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("shell", "code"),
    [
        (
            "bash",
            """
            source SCRIPT 2>/dev/null
            COMP_WORDS=(usagecli status work); COMP_CWORD=2
            _usagecli_completion usagecli; printf '%s\\n' "${COMPREPLY[@]}"
            """,
        ),
        (
            "zsh",
            """
            compdef() { : }; compadd() { print -l -- $completions }
            source SCRIPT; words=(usagecli status work); CURRENT=3; _usagecli_completion
            """,
        ),
        ("fish", "source SCRIPT; complete --do-complete 'usagecli status work'"),
    ],
    ids=SHELLS,
)
def test_a_real_shell_completes_services(shell: str, code: str, tmp_path: Path) -> None:
    assert in_shell(shell, code, tmp_path) == ["work", "work-codex"]
