"""`usagecli statusline --from-claude`: the real command with what Claude Code pipes into it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import Outcome, configure, files_below, run
from tests.fuzz import ANY_JSON
from tests.process import environment, on_terminal, posix
from tests.support import d
from usagecli.machine import here
from usagecli.model import Quota, Service, Usage
from usagecli.providers._claude import kept
from usagecli.storage.cache import Cache, Entry

COMMAND = [sys.executable, "-m", "usagecli", "statusline", "--from-claude"]


def window(used: Any, hours: float) -> dict[str, Any]:
    return {"used_percentage": used, "resets_at": int(time.time() + hours * 3600)}


def document(five_hour: Any = 41.7, session: str = "s1", reply: Any = 1, **more: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "model": {"display_name": "Opus 5"},
        "cost": {"total_api_duration_ms": reply},
        "rate_limits": {"five_hour": window(five_hour, 2), "seven_day": window(18.2, 50)},
        **more,
    }


def piped(given_: Any, *args: str) -> Outcome:
    """Run the command in a process of its own with that on stdin: bytes as they are, else as JSON."""
    data = given_ if isinstance(given_, bytes) else json.dumps(given_).encode()
    done = subprocess.run(
        [*COMMAND, *args], input=data, env=environment({"PYTHONUTF8": "1"}), capture_output=True, timeout=60
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def stored() -> kept.Kept | None:
    return kept.load(here())


def heard(name: str, used: int, *, account: str | None = None, age: timedelta = timedelta(0)) -> None:
    """Put a service's report of so long ago into the cache."""
    at = datetime.now(UTC) - age
    quota = Quota(id="weekly", label="Weekly limit", unit="percent", used=d(used), limit=d(100))
    entry = Entry(usage=Usage(quotas=(quota,), account=account), fetched_at=at, checked_at=at)
    Cache(here().cache_dir).store(Service(name=name, provider=name), "key", entry)


def grow_old(minutes: int) -> None:
    """Let what is kept be so much older."""
    path = Path(kept.path_of(here()))
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "at": body["at"] - minutes * 60}))


def sign_in(email: str) -> None:
    path = Path(here().home) / ".claude.json"
    path.write_text(json.dumps({"oauthAccount": {"emailAddress": email}}), encoding="utf-8")


# -- the line ---------------------------------------------------------------------------------------


def test_claude_s_own_windows_come_first_and_then_the_others() -> None:
    sign_in("ada@example.com")
    heard("codex", 59)
    heard("claude", 99, account="ada@example.com", age=timedelta(minutes=1))
    assert piped(document(94)) == Outcome(0, "Opus 5 · 5h 94%! · week 18% · codex 59%\n", "")


def test_the_figures_are_kept_for_the_other_commands() -> None:
    piped(document())
    assert run("statusline").out == "claude 41%\n"
    outcome = run("claude", "--json")
    assert outcome.document["source"] == "local"
    assert [quota["used"] for quota in outcome.document["quotas"]] == [41.7, 18.2]


@pytest.mark.parametrize("body", [{}, {"model": {"display_name": "Opus 5"}}, {"rate_limits": None}])
def test_without_limits_the_kept_ones_are_shown_with_their_age(body: dict[str, Any]) -> None:
    piped(document())
    before = stored()
    grow_old(25)
    told = piped(body)
    assert told.out.removeprefix("Opus 5 · ") == "5h 41% · week 18% (25m)\n"
    after = stored()
    assert before is not None
    assert after is not None
    assert after.usage == before.usage


def test_a_threshold_of_the_config_counts() -> None:
    configure([{"provider": "claude", "low_below": {"five_hour": 60}}])
    assert piped(document()).out == "Opus 5 · 5h 41%! · week 18%\n"


def test_with_a_config_that_does_not_name_claude_its_windows_are_still_shown() -> None:
    configure([{"provider": "codex"}])
    heard("codex", 59)
    assert piped(document()).out == "Opus 5 · 5h 41% · week 18% · codex 59%\n"
    assert run("statusline").out == "codex 59%\n"


def test_short_is_the_tightest_of_all() -> None:
    heard("codex", 59)
    assert piped(document(), "--short").out == "codex 59%\n"
    assert piped(document(70, reply=2), "--short").out == "5h 70%\n"


# -- beside what the cache has ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "age", "expected"),
    [
        ("ada@example.com", timedelta(minutes=5), "claude 41%"),
        ("ada@example.com", timedelta(minutes=-5), "claude 70%"),
        ("eve@example.com", timedelta(minutes=5), "claude 70%"),
        (None, timedelta(minutes=5), "claude 70%"),
    ],
)
def test_the_newer_figures_of_the_same_account_are_shown(
    account: str | None, age: timedelta, expected: str
) -> None:
    sign_in("ada@example.com")
    heard("claude", 70, account=account, age=age)
    piped(document())
    assert run("statusline").out == f"{expected}\n"


def test_newer_ones_of_the_cache_take_the_place_of_old_ones_of_the_same_account() -> None:
    sign_in("ada@example.com")
    piped(document())
    grow_old(25)
    heard("claude", 70, account="ada@example.com", age=timedelta(minutes=1))
    assert piped({}).out == "week 70%\n"


def test_those_of_another_account_stand_beside_them() -> None:
    sign_in("ada@example.com")
    heard("claude", 70, account="eve@example.com")
    assert piped(document()).out == "Opus 5 · 5h 41% · week 18% · claude 70%\n"


def test_a_service_with_a_credential_of_its_own_keeps_its_own_figures() -> None:
    configure([{"provider": "claude", "credential": {"env": "FAKE_KEY"}}])
    heard("claude", 70, age=timedelta(minutes=5))
    assert piped(document()).out == "Opus 5 · 5h 41% · week 18% · claude 70%\n"
    assert run("statusline").out == "claude 70%\n"


# -- whatever stands on stdin -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"rate_limits": {"five_hour": 7}}',
        b'{"rate_limits": ' + b" " * 5_000_000 + b"{}}",
        b"x" * 20_000_000,
    ],
    ids=["empty", "broken", "null", "list", "bytes", "deep", "wrong", "wide", "huge"],
)
def test_any_stdin_gives_one_line_and_exit_0(data: bytes) -> None:
    assert piped(data) == Outcome(0, "-\n", "")
    assert stored() is None


@settings(max_examples=15, deadline=None)
@given(ANY_JSON | st.fixed_dictionaries({"rate_limits": ANY_JSON}))
def test_any_json_gives_one_line_and_exit_0(body: Any) -> None:
    from click.testing import CliRunner

    from usagecli.cli import cli

    result = CliRunner().invoke(cli, ["statusline", "--from-claude"], input=json.dumps(body))
    assert (result.exit_code, result.stdout.count("\n"), result.stderr) == (0, 1, "")


@posix
def test_a_terminal_is_not_waited_for() -> None:
    outcome, _ = on_terminal("statusline", "--from-claude", stream="stdin")
    assert (outcome.code, outcome.out, outcome.err) == (0, "-\n", "")


@posix
def test_a_stdin_that_is_closed_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m usagecli statusline --from-claude <&-', sys.executable],
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"-\n", b"")


def test_no_token_is_read_and_nothing_of_claude_code_s_is_written() -> None:
    sign_in("ada@example.com")
    folder = Path(here().home) / ".claude"
    folder.mkdir()
    (folder / ".credentials.json").write_text('{"claudeAiOauth": {"accessToken": "sk-ant-oat01-fake"}}')
    (folder / "settings.json").write_text('{"statusLine": {"type": "command", "command": "mine"}}')
    before = files_below(folder)
    piped(document())
    assert files_below(folder) == before
    assert all(b"fake" not in data for data in files_below(here().cache_dir).values())


# -- several at once, and one that is killed --------------------------------------------------------


def test_many_sessions_at_once_leave_a_whole_file() -> None:
    running = []
    for number in range(8):
        process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
        assert process.stdin is not None
        process.stdin.write(json.dumps(document(10 + number, f"s{number}")).encode())
        process.stdin.close()
        running.append(process)
    for process in running:
        assert process.stdout is not None
        assert process.stdout.read().count(b"\n") == 1
        process.stdout.close()
        assert process.wait() == 0
    found = stored()
    assert found is not None
    assert found.usage.quotas[0].used in [d(10 + number) for number in range(8)]
    assert [name for name in os.listdir(here().cache_dir) if name.endswith(".tmp")] == []


@posix
@pytest.mark.parametrize("delay_ms", [5, 20, 40, 60, 80, 100, 140])
def test_a_run_that_is_killed_at_any_moment_leaves_a_whole_file(delay_ms: int) -> None:
    piped(document(10))
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment())
    assert process.stdin is not None
    process.stdin.write(json.dumps(document(20, "s2")).encode())
    process.stdin.close()
    time.sleep(delay_ms / 1000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = stored()
    assert found is not None
    assert found.usage.quotas[0].used in (d(10), d(20))


@posix
def test_the_store_is_written_before_the_line() -> None:
    """With a reader that takes nothing, the run hangs in its output: by then the figures are kept."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while os.write(write, b"x" * 65536):
            pass
    except BlockingIOError:
        os.set_blocking(write, True)
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=write, env=environment())
    os.close(write)
    assert process.stdin is not None
    process.stdin.write(json.dumps(document()).encode())
    process.stdin.close()
    try:
        until = time.monotonic() + 30
        while stored() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert stored() is not None
        assert process.poll() is None, "it still waits for its reader"
    finally:
        process.kill()
        process.wait()
        os.close(read)
