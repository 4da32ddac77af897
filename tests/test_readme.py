"""The README says what the program does: its pictures, its commands, its first lines."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli import run
from usagecli import config, registry
from usagecli.cli import COMMANDS
from usagecli.formatters import FORMATS
from usagecli.machine import here

ROOT = Path(__file__).parent.parent


def read(path: str) -> str:
    """A document of this repository."""
    return (ROOT / path).read_text(encoding="utf-8")


README = read("README.md")
# Resets move with the clock, so a picture shows those of one day.
RESET = r"in (\d+h )?\d+m|in \d+h|[A-Z][a-z]{2} \d\d:\d\d|\d+ [A-Z][a-z]{2}"


def section(title: str) -> str:
    """The text below `## TITLE`, up to the next one."""
    return re.split(r"^## ", README.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def blocks(text: str) -> list[str]:
    """The code blocks of a text."""
    return re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def words(line: str) -> list[str]:
    """What a line of a table says, without bars and resets."""
    return re.sub(RESET, "", re.sub("[█░]", "", line)).split()


@pytest.mark.sockets
def test_the_picture_is_what_the_demo_prints() -> None:
    shown = run("--demo", "status", "codex", "claude", "copilot", "openrouter").out
    lines, told = blocks(README)[0].splitlines(), {frozenset(words(line)) for line in shown.splitlines()}
    table, footer = lines[: lines.index("")], lines[lines.index("") :]
    for line in table[1:]:
        assert any(set(words(line[12:])) <= found for found in told), f"not in the demo: {line}"
    assert words(" ".join(footer)) == words(shown.partition("\n\n")[2])
    assert max(map(len, lines)) <= 80


@pytest.mark.sockets
def test_what_check_says_is_what_it_prints() -> None:
    shown = re.sub(RESET, "", run("--demo", "check").out.strip())
    assert re.sub(RESET, "", blocks(section("cron"))[1].strip()) == shown


def test_the_first_block_of_quick_start_and_of_tests_is_one_line() -> None:
    start, own = blocks(section("Quick start"))[:2]
    assert start.count("\n") == 1
    assert "pip install" in start
    assert "usagecli --demo status" in start
    assert own.strip().endswith("usagecli status")
    assert blocks(section("Tests"))[0].count("\n") == 1


def test_every_command_is_listed_and_no_other() -> None:
    listed = set(re.findall(r"^\| `usagecli (\S+)", section("Commands"), flags=re.MULTILINE))
    assert {re.sub(r"[`|\\].*", "", name) for name in listed} == {*COMMANDS, "PROVIDER"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_named(name: str) -> None:
    assert name in section("Commands")


@pytest.mark.sockets
@pytest.mark.parametrize("line", blocks(section("JSON"))[0].splitlines())
def test_the_keys_of_the_jq_lines_exist(line: str) -> None:
    command, _, _ = line.partition(" | ")
    documents = run("--demo", *shlex.split(command)[1:]).documents
    keys = set(re.findall(r"[.{ ]([a-z][A-Za-z]+)\b", shlex.split(line)[-1])) - {"empty", "min", "select"}
    text = json.dumps(documents)
    assert keys
    for key in keys:
        assert f'"{key}":' in text


def test_every_provider_has_a_row() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", section("Providers"), flags=re.MULTILINE)
    kinds = {name: registry.get(name).descriptor.kind for name in registry.names()}
    assert rows == [name for kind in registry.KINDS for name in kinds if kinds[name] == kind]


# A date and a time of a reading.
MOMENT = r"[A-Z][a-z]{2} \d+ [A-Z][a-z]{2} \d\d:\d\d"


@pytest.mark.sockets
def test_the_history_is_what_the_demo_prints() -> None:
    picture = blocks(section("History"))[0].splitlines()
    shown = run("--demo", "history", "codex", "claude", "amp").out

    def told(line: str) -> list[str]:
        return re.sub(MOMENT, "", re.sub("[▁-█]", "", line)).split()

    printed = [frozenset(told(line)) for line in shown.splitlines()]
    # The outage is told in two lines of the picture, and narrow tables leave columns out.
    wrapped = [*picture[:6], f"{picture[6]} {picture[7].strip()}", *picture[8:]]
    for line in wrapped:
        assert any(set(told(line)) <= found for found in printed), f"not in the demo: {line}"
    assert max(map(len, picture)) <= 80


@pytest.mark.sockets
def test_the_lines_for_cron_and_systemd_record() -> None:
    found = re.findall(r"usagecli (history record.*)$", section("History"), flags=re.MULTILINE)
    assert len(found) == 2
    for words in found:
        outcome = run("--demo", *shlex.split(words))
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_timer(tmp_path: Path) -> None:
    units = {"service": blocks(section("History"))[2], "timer": blocks(section("History"))[3]}
    for kind, text in units.items():
        # What is run need not be installed for the units to be right.
        (tmp_path / f"usagecli-history.{kind}").write_text(
            text.replace("%h/.local/bin/usagecli", "/bin/true")
        )
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(tmp_path / "usagecli-history.timer")],
        # Of a user who is logged in; this one need not be.
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_history_of_the_config_is_what_it_is_without_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(blocks(section("History"))[4], encoding="utf-8")
    assert config.load(here(), str(path)).history == config.Keep()


def test_the_gateway_of_the_readme_works_at_the_first_try(tmp_path: Path) -> None:
    (text,) = blocks(section("Add your own gateway"))
    (tmp_path / "acme.yaml").write_text(text, encoding="utf-8")
    answer = {"credits": {"left": 1234}, "month": {"used": 40, "limit": 100, "resets_at": 1796083200}}
    (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    outcome = run(
        "providers", "try", str(tmp_path / "acme.yaml"), "--payload", str(tmp_path / "answer.json"), "--json"
    )
    assert outcome.code == 0
    assert re.fullmatch(r"Asked: GET /v1/usage\?since=\d{4}-\d\d-01T00:00:00Z\n", outcome.err)
    (quota,), (balance,) = outcome.document["quotas"], outcome.document["balances"]
    assert (quota["used"], quota["limit"], quota["resetsAt"]) == (40, 100, "2026-12-01T00:00:00Z")
    assert balance["amount"] == 12.34


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "docs/alerts.md", "docs/monitoring.md"])
def test_every_link_leads_somewhere(path: str) -> None:
    for target, _, heading in re.findall(r"\]\((?!https?:)([^)#]*)(#([^)]*))?\)", read(path)):
        found = (ROOT / path).parent / target if target else ROOT / path
        assert found.is_file(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in {re.sub(r"[^\w-]", "", t.lower().replace(" ", "-")) for t in titles}, heading


def test_the_alerts_are_right() -> None:
    rules, lines = blocks(section("Alerts"))
    (alert,) = blocks(read("docs/alerts.md"))
    services = "services: [{name: codex:work, provider: codex}]\n"
    found = config.parse("config.yaml", f"{rules}{services}".encode(), here())
    assert len(found.alerts) == 4
    told = json.loads(alert)
    published = json.loads(run("schema").out)
    assert list(told) == published["$defs"]["alert"]["required"]
    assert lines.splitlines()[0] == told["message"]
