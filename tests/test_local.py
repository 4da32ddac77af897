"""Figures that Codex and Claude Code left on this machine: when a run shows them, and when not."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Outcome, configure, run
from tests.providers.test_claude_statusline import document
from tests.providers.test_codex_rollouts import limits, line, rollout, window
from tests.support import NOW, payload
from usagecli.machine import here
from usagecli.providers._claude import kept
from usagecli.providers._claude.statusline import parse
from usagecli.storage.cache import Cache

CODEX = "https://chatgpt.com/backend-api/wham/usage"
CLAUDE = "https://api.anthropic.com/api/oauth/usage"
ADA = "ada@example.com"

pytestmark = pytest.mark.usefixtures("fixed_clock")


def token() -> str:
    """A token of nobody, with the claims that Codex's login has."""
    claims = {"email": ADA, "https://api.openai.com/auth": {"chatgpt_account_id": "acc-fake"}}
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"fake.{middle}.fake"


def codex_login(home: Path, at: datetime) -> None:
    path = home / ".codex" / "auth.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"tokens": {"access_token": token()}}), encoding="utf-8")
    os.utime(path, (at.timestamp(), at.timestamp()))


def codex_session(home: Path, used: float = 36.5, *, minutes_ago: float = 60) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    rollout(home / ".codex", "a", line(limits(primary=window(used)), at=at))


def claude_login(home: Path, email: str = ADA) -> None:
    (home / ".claude").mkdir(exist_ok=True)
    login = {"claudeAiOauth": {"accessToken": "sk-ant-oat01-fake", "scopes": ["user:profile"]}}
    (home / ".claude" / ".credentials.json").write_text(json.dumps(login), encoding="utf-8")
    (home / ".claude.json").write_text(
        json.dumps({"oauthAccount": {"emailAddress": email}}), encoding="utf-8"
    )


def claude_told(minutes_ago: float = 12) -> None:
    """What Claude Code's status line was handed so long ago."""
    at = NOW - timedelta(minutes=minutes_ago)
    kept.keep(parse(document(), at), here(), at)


def figures(outcome: Outcome) -> tuple[Any, ...]:
    """Source, kind of error, age in minutes, and the first quota's use of the only document."""
    body = outcome.document
    fetched = body["fetchedAt"]
    age = None if fetched is None else (NOW - datetime.fromisoformat(fetched)).total_seconds() / 60
    first = body["quotas"][0]["used"] if body["quotas"] else None
    return body["source"], (body["error"] or {}).get("kind"), body["stale"], age, first


# -- no login ---------------------------------------------------------------------------------------


def test_without_a_login_codex_shows_its_sessions_figures(own_home: Path) -> None:
    codex_session(own_home)
    outcome = run("codex", "--json")
    assert figures(outcome) == ("local", "not_configured", True, 60, 36.5)
    assert outcome.document["account"] is None
    assert outcome.code == 3


def test_without_a_login_claude_shows_what_its_status_line_was_handed(own_home: Path) -> None:
    claude_told()
    outcome = run("claude", "--json")
    assert figures(outcome) == ("local", "not_configured", True, 12, 41.7)
    assert outcome.code == 3


def test_the_table_says_how_old_they_are(own_home: Path) -> None:
    claude_told()
    out = run("claude").out
    assert "41.7 %" in out
    assert "the figures are 12m old" in out
    assert "as Claude Code was told on 2026-11-21 at 07:48 UTC" in out


def test_a_shortage_among_them_exits_1(own_home: Path) -> None:
    codex_session(own_home, 95)
    assert run("codex").code == 1


def test_nobody_is_found_by_them_alone(own_home: Path) -> None:
    codex_session(own_home)
    claude_told()
    assert run("status", "--json").document["services"] == []


# -- a login, and nobody who answers ----------------------------------------------------------------


@pytest.fixture
def logins(own_home: Path) -> Path:
    codex_login(own_home, NOW - timedelta(hours=5))
    claude_login(own_home)
    codex_session(own_home)
    claude_told()
    return own_home


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize(
    ("status", "kind"), [(503, "unavailable"), (500, "unavailable"), (429, "rate_limited")]
)
@pytest.mark.parametrize(
    ("name", "url", "age", "used"), [("codex", CODEX, 60, 36.5), ("claude", CLAUDE, 12, 41.7)]
)
def test_they_stand_in_for_an_answer_that_did_not_come(
    no_network: Any,
    name: str,
    url: str,
    age: int,
    used: float,
    status: int,
    kind: str,
) -> None:
    no_network.get(url, status_code=status)
    outcome = run(name, "--json", "--timeout", "1")
    assert figures(outcome) == ("local", kind, True, age, used)
    assert outcome.document["account"] == ADA


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize(("name", "used"), [("codex", 36.5), ("claude", 41.7)])
def test_offline_they_are_all_there_is(name: str, used: float) -> None:
    outcome = run(name, "--json", "--offline")
    assert figures(outcome)[:3] == ("local", "unavailable", True)
    assert figures(outcome)[4] == used


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize(("name", "url"), [("codex", CODEX), ("claude", CLAUDE)])
def test_a_refused_login_hides_them(no_network: Any, name: str, url: str) -> None:
    no_network.get(url, status_code=401)
    assert figures(run(name, "--json")) == (None, "auth", False, None, None)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize(("name", "url"), [("codex", CODEX), ("claude", CLAUDE)])
def test_an_answer_that_cannot_be_read_hides_them(no_network: Any, name: str, url: str) -> None:
    no_network.get(url, json=[])
    assert figures(run(name, "--json"))[1:] == ("invalid_response", False, None, None)


def live(no_network: Any) -> None:
    no_network.get(CODEX, json=payload("codex/plus"))
    no_network.get(f"{CODEX.removesuffix('usage')}rate-limit-reset-credits", status_code=403)


def test_an_answer_wins_over_newer_figures(logins: Path, no_network: Any) -> None:
    codex_session(logins, 1, minutes_ago=0)
    live(no_network)
    source, kind, stale, age, _ = figures(run("codex", "--json"))
    assert (source, kind, stale, age) == ("oauth", None, False, 0)


def test_a_fresh_answer_in_the_cache_wins_over_newer_figures(logins: Path, no_network: Any) -> None:
    live(no_network)
    run("codex")
    codex_session(logins, 1, minutes_ago=0)
    assert figures(run("codex", "--json"))[0] == "oauth"


@pytest.mark.parametrize(("minutes_ago", "source"), [(-5, "local"), (5, "oauth")])
def test_of_an_old_answer_and_old_figures_the_newer_are_shown(
    logins: Path, no_network: Any, monkeypatch: pytest.MonkeyPatch, minutes_ago: int, source: str
) -> None:
    live(no_network)
    run("codex")
    codex_session(logins, 7, minutes_ago=minutes_ago)
    later(monkeypatch, 30)
    no_network.get(CODEX, status_code=429)
    assert figures(run("codex", "--json"))[:2] == (source, "rate_limited")


def later(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """The clock of the following runs goes on."""
    from dataclasses import replace

    monkeypatch.setattr(
        "usagecli.cli.here",
        lambda: replace(here(), clock=lambda: NOW + timedelta(minutes=minutes), platform="linux"),
    )


def test_they_never_become_the_cache_s(logins: Path, no_network: Any) -> None:
    no_network.get(CODEX, status_code=429)
    run("codex")
    (service,) = Cache(here().cache_dir).services()
    entry = Cache(here().cache_dir).load(service, None)
    assert (service.name, entry.usage) == ("codex", None)


def test_after_a_change_of_account_the_old_one_s_are_not_shown(logins: Path, no_network: Any) -> None:
    codex_login(logins, NOW)
    claude_login(logins, "eve@example.com")
    no_network.get(CODEX, status_code=429)
    no_network.get(CLAUDE, status_code=429)
    for name in ("codex", "claude"):
        assert figures(run(name, "--json"))[1:] == ("rate_limited", False, None, None)


def test_a_service_with_a_credential_of_its_own_does_not_take_them(logins: Path, no_network: Any) -> None:
    configure([{"name": "other", "provider": "codex", "credential": {"value": token()}}])
    no_network.get(CODEX, status_code=429)
    assert figures(run("codex", "--json"))[1:] == ("rate_limited", False, None, None)


def test_every_home_has_its_own(own_home: Path, no_network: Any) -> None:
    for name, used in (("work", 11), ("private", 22)):
        at = NOW - timedelta(minutes=5)
        rollout(own_home / name, "a", line(limits(primary=window(used)), at=at))
    configure([{"provider": "codex", "options": {"homes": ["~/work", "~/private"]}}])
    services = run("status", "--json").document["services"]
    assert [(service["service"], service["quotas"][0]["used"]) for service in services] == [
        ("codex:work", 11),
        ("codex:private", 22),
    ]


def test_nothing_of_the_vendors_is_written(logins: Path) -> None:
    from tests.cli import files_below

    before = {folder: files_below(logins / folder) for folder in (".codex", ".claude")}
    run("codex", "--offline")
    run("claude", "--offline")
    assert {folder: files_below(logins / folder) for folder in (".codex", ".claude")} == before
