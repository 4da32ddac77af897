"""The README's recipes for the status line: each does what it says, in the program it is for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.process import environment, posix
from tests.support import d
from tests.test_readme import blocks, section
from tests.test_statusline_claude import document
from usagecli.cli import cli
from usagecli.machine import here
from usagecli.model import Quota, Service, Usage
from usagecli.storage.cache import Cache, Entry

TEXT = section("Status line")


def recipe(language: str) -> str:
    """The only block of that language in the section."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which `usagecli` is this checkout's, and the cache knows one service."""
    quota = Quota(id="weekly", label="Weekly limit", unit="percent", used=d(59), limit=d(100))
    now = datetime.now(UTC)
    entry = Entry(usage=Usage(quotas=(quota,)), fetched_at=now, checked_at=now)
    Cache(here().cache_dir).store(Service(name="codex", provider="codex"), "key", entry)
    script = tmp_path / "usagecli"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m usagecli "$@"\n')
    script.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def output(path: str, *command: str, given: str = "") -> str:
    """What a program prints with `usagecli` on its PATH; skips where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    done = subprocess.run(
        command,
        input=given,
        env=environment({"PATH": path, "PYTHONUTF8": "1"}),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_line_of_a_recipe_has_options_that_exist() -> None:
    lines = re.findall(r"usagecli ((?:--color \w+ )?)statusline((?: --[\w-]+)*)", "\n".join(blocks(TEXT)))
    command = cli.get_command(
        cli.make_context("usagecli", ["statusline"], resilient_parsing=True), "statusline"
    )
    assert command is not None
    known = {name for param in command.params for name in param.opts}
    assert len(lines) >= 7
    assert {option for _, options in lines for option in options.split()} <= known


@posix
def test_the_prompt_of_bash(path: str) -> None:
    if int(output(path, "bash", "-c", "echo $BASH_VERSINFO")) < 5:
        pytest.skip("this bash cannot show a prompt without a terminal")
    code = f"PS1='$ '\n{recipe('bash')}echo \"${{PS1@P}}\""
    assert output(path, "bash", "--norc", "-c", code) == "codex 59% $ \n"


@posix
def test_the_prompt_of_zsh(path: str) -> None:
    assert output(path, "zsh", "-f", "-c", f'{recipe("zsh")}print -P "$RPROMPT"') == "codex 59%\n"


@posix
def test_the_prompt_of_fish(path: str) -> None:
    assert output(path, "fish", "--no-config", "-c", f"{recipe('fish')}fish_right_prompt") == "codex 59%\n"


def test_the_module_of_starship_is_toml_and_names_the_command() -> None:
    module = tomllib.loads(recipe("toml"))["custom"]["usagecli"]
    assert module == {"command": "usagecli statusline --short", "when": True}


@posix
def test_the_status_bar_of_tmux(path: str, tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed here")
    config = tmp_path / "tmux.conf"
    config.write_text(recipe("tmux"))
    # Not in the test's own directory: the path of a socket must be short.
    inner, outer = (["tmux", "-u", "-L", f"usagecli-{os.getpid()}-{name}"] for name in ("inner", "outer"))
    env = environment({"PATH": path, "TERM": "xterm", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"})
    start = [*inner, "-f", str(config), "new-session", "sleep 60"]
    subprocess.run(
        [*outer, "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "5", shlex.join(start)],
        env=env,
        check=True,
        timeout=30,
    )
    try:
        until, shown = time.monotonic() + 30, ""
        while "codex" not in shown and time.monotonic() < until:
            time.sleep(0.1)
            done = subprocess.run([*outer, "capture-pane", "-p"], env=env, capture_output=True, timeout=30)
            shown = done.stdout.decode()
    finally:
        for server in (inner, outer):
            subprocess.run([*server, "kill-server"], env=env, capture_output=True, timeout=30)
    assert shown.splitlines()[-1].endswith("codex 59%")


def test_the_setting_of_claude_code_is_json_of_the_known_shape() -> None:
    setting = json.loads(recipe("json"))
    assert set(setting) == {"statusLine"}
    assert setting["statusLine"]["type"] == "command"
    assert shlex.split(setting["statusLine"]["command"])[0] == "usagecli"
    assert setting["statusLine"]["refreshInterval"] >= 1


@posix
def test_the_command_of_claude_code_draws_its_line(path: str) -> None:
    command = json.loads(recipe("json"))["statusLine"]["command"]
    told = output(path, "sh", "-c", command, given=json.dumps(document(94)))
    assert told == "Opus 5 · \x1b[33m5h 94%!\x1b[0m · week 18% · codex 59%\n"


@posix
def test_the_script_feeds_both_and_each_has_a_row(path: str, tmp_path: Path) -> None:
    own = tmp_path / "your-own-status-line"
    own.write_text("#!/bin/sh\necho mine: $(wc -c)\n")
    own.chmod(0o755)
    given = json.dumps(document())
    script = tmp_path / "both.sh"
    script.write_text(recipe("sh"))
    told = output(path, "sh", str(script), given=given)
    assert told.splitlines() == ["Opus 5 · 5h 41% · week 18% · codex 59%", f"mine: {len(given)}"]
