"""What `check` remembers of alerts: across runs, beside each other, and where it cannot."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.alerting import CLOSE, FINE, SHORT, alerting, leave
from tests.cli import Outcome, files_below, run
from tests.process import posix, process, python, start
from tests.support import NOW
from usagecli.alerts import Key, Pending, State
from usagecli.machine import Machine, here
from usagecli.model import Failure, Report, Service, Usage
from usagecli.storage import database, history
from usagecli.storage.alerts import Alerts

BELOW_15: dict[str, Any] = {"alerts": [{"below": 15}]}
HIT = "work weekly limit: 12 % left (alert: below 15 %), resets "
WARNED = "alerts are told as if for the first time"


def check(*words: str) -> Outcome:
    return run("check", "--no-cache", "--once", *words)


@pytest.fixture
def path() -> Path:
    return Path(history.path_of(here()))


# -- through the real entry point -------------------------------------------------------------------


@pytest.mark.sockets
def test_an_alert_fires_once_across_five_runs_of_cron_and_recovers() -> None:
    told = []
    with alerting(SHORT, **BELOW_15) as server:
        for left in (SHORT, SHORT, CLOSE, SHORT, SHORT, FINE, FINE):
            leave(server, left)
            outcome = process("check", "--no-cache", "--once")
            told.append((outcome.code, outcome.out, outcome.err))
    assert (told[0][0], told[0][1].startswith(HIT), told[0][1].count("\n")) == (1, True, 1)
    over = "work weekly limit: recovered, 50 % left (alert: below 15 %)\n"
    assert told[1:] == [(1, "", ""), (0, "", ""), (1, "", ""), (1, "", ""), (0, over, ""), (0, "", "")]


@pytest.mark.sockets
def test_runs_beside_each_other_tell_it_once() -> None:
    with alerting(SHORT, **BELOW_15):
        process("status")
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(start("check", "--once")) for _ in range(4)]
            told = [run.communicate(timeout=60) for run in running]
    assert [run.returncode for run in running] == [1] * 4
    assert sum(out.count(HIT) for out, _ in told) == 1
    assert [err for _, err in told] == [""] * 4


# -- where it cannot be remembered ------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another program writes, and does not end."""
    monkeypatch.setattr(history, "_WAIT_S", 0.01)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It can be read and not written."""
    real = database.connect

    def connect(*args: Any, **more: Any) -> sqlite3.Connection:
        opened = real(*args, **more)
        opened.execute("PRAGMA query_only = 1")
        return opened

    with monkeypatch.context() as patched:
        patched.setattr(history, "connect", connect)
        yield


@contextlib.contextmanager
def newer(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A newer usagecli has written it."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
        yield
        other.execute(f"PRAGMA user_version = {len(history.MIGRATIONS)}")


@contextlib.contextmanager
def a_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the file should be is something else."""
    aside = path.with_suffix(".aside")
    path.rename(aside)
    path.mkdir()
    yield
    path.rmdir()
    aside.rename(path)


@pytest.mark.sockets
@pytest.mark.parametrize("spoilt", [locked, read_only, newer, a_folder])
def test_without_a_memory_all_is_told_with_a_warning(
    spoilt: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alerting(SHORT, **BELOW_15):
        assert HIT in check().out
        assert check().out == ""
        with spoilt(path, monkeypatch):
            for _ in range(2):
                outcome = run("check", "--once")
                assert (outcome.code, HIT in outcome.out) == (1, True)
                assert f"Warning: {path}: " in outcome.err
                assert WARNED in outcome.err
        assert check().out == ""


@pytest.mark.sockets
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="all may write everywhere")
def test_of_a_database_that_cannot_be_written_a_warning(path: Path) -> None:
    with alerting(SHORT, **BELOW_15):
        check()
        path.chmod(0o400)
        path.parent.chmod(0o500)
        try:
            outcome = run("check", "--once")
        finally:
            path.parent.chmod(0o700)
            path.chmod(0o600)
    assert (outcome.code, HIT in outcome.out, WARNED in outcome.err) == (1, True, True)


@posix
@pytest.mark.sockets
def test_on_a_full_disk_all_is_told_with_a_warning(path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "sys.argv[1:] = ['check', '--once']; from usagecli.cli import main; main()"
    )
    with alerting(SHORT, **BELOW_15):
        for _ in range(2):
            outcome = python(code, {"PYTHONDONTWRITEBYTECODE": "1"})
            assert (outcome.code, outcome.out.count(HIT)) == (1, 1)
            assert WARNED in outcome.err
            assert "Traceback" not in outcome.err


@pytest.mark.sockets
def test_a_damaged_database_is_put_aside_and_all_begins_anew(path: Path) -> None:
    with alerting(SHORT, **BELOW_15):
        check()
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        path.write_bytes(b"no database at all" * 100)
        outcome = run("check", "--once")
        assert (outcome.code, HIT in outcome.out) == (1, True)
        assert "it was put aside as history.sqlite.broken" in outcome.err
        assert run("check", "--once").out == ""


@pytest.mark.sockets
def test_the_warning_is_the_same_with_a_rule_that_waits(path: Path) -> None:
    path.mkdir(parents=True)
    with alerting(FINE, alerts=[{"unknown_for": "1h"}]):
        outcome = run("check")
    assert (outcome.code, outcome.out, WARNED in outcome.err) == (0, "", True)


@pytest.mark.sockets
def test_an_old_database_gets_the_tables(path: Path) -> None:
    path.parent.mkdir(parents=True)
    first = database.connect(str(path), history.MIGRATIONS[:1], wait_s=1)
    first.execute("INSERT INTO state VALUES ('old', 'kept')")
    first.close()
    with alerting(SHORT, **BELOW_15):
        assert HIT in check().out
        assert check().out == ""
    with contextlib.closing(sqlite3.connect(path)) as opened:
        assert opened.execute("SELECT value FROM state WHERE name = 'old'").fetchall() == [("kept",)]


@pytest.mark.sockets
def test_without_once_actions_or_a_rule_that_waits_no_file_is_made(path: Path) -> None:
    with alerting(SHORT, **BELOW_15, history=False):
        run("check")
    assert not path.exists()


@pytest.mark.sockets
def test_no_secret_is_kept(path: Path) -> None:
    with alerting(SHORT, **BELOW_15, notify="json://127.0.0.1:9/fake-token", run="false fake-word"):
        check()
    assert all(b"fake" not in data for data in files_below(path.parent).values())


# -- the store --------------------------------------------------------------------------------------

KEY = Key("rule", "work", "codex", "quota:weekly")
STATE = State(level="low", since=NOW, resets_at=NOW + timedelta(hours=2))


@pytest.fixture
def opened(machine: Machine) -> Iterator[history.History]:
    with history.opened(machine) as found:
        yield found


def store(opened: history.History, config: str = "a", **later: float) -> Alerts:
    return Alerts(opened.database, config, NOW + timedelta(**later))


def test_states_come_back_as_they_were(opened: history.History) -> None:
    other = KEY._replace(item="")
    store(opened).keep({KEY: STATE, other: State(level="error", since=NOW)})
    assert store(opened).states() == {KEY: STATE, other: State(level="error", since=NOW)}
    assert store(opened, "b").states() == {}
    store(opened).keep({KEY: None})
    assert set(store(opened).states()) == {other}


@pytest.mark.parametrize(
    ("rules", "services", "left"),
    [
        (["rule"], ["work"], True),
        (["rule"], None, True),
        (["other"], ["work"], False),
        (["rule"], ["home"], False),
        ([], [], False),
    ],
)
def test_what_nothing_belongs_to_is_forgotten(
    rules: list[str], services: list[str] | None, left: bool, opened: history.History
) -> None:
    store(opened).keep({KEY: STATE})
    store(opened).queue([Pending(target="t", key=KEY, body="{}")])
    store(opened).forget(rules, services)
    assert bool(store(opened).states()) is left
    assert bool(store(opened).claim(["t"])) is left


def test_a_rule_of_the_command_line_only_grows_old(opened: history.History) -> None:
    store(opened).keep({KEY: STATE}, passing=["rule"])
    store(opened, days=29).forget([], [])
    assert store(opened).states() == {KEY: STATE}
    store(opened, days=31).forget([], [])
    assert store(opened).states() == {}


def test_what_was_claimed_nobody_else_gets(opened: history.History) -> None:
    store(opened).queue([Pending(target=target, key=KEY, body=target) for target in ("t", "u")])
    first, second = store(opened).claim(["t", "u"])
    assert ([first.body, second.body], first.key) == (["t", "u"], KEY)
    assert store(opened, minutes=9).claim(["t", "u"]) == []
    store(opened).settle([first], [second])
    assert store(opened).claim(["t", "u"]) == [second]


def test_what_a_killed_run_claimed_is_free_again_after_a_while(opened: history.History) -> None:
    store(opened).queue([Pending(target="t", key=KEY, body="")])
    claimed = store(opened).claim(["t"])
    assert store(opened, minutes=10).claim(["t"]) == claimed
    # The clock was set back: that claim lies ahead.
    assert store(opened, minutes=-60).claim(["t"]) == claimed


def test_what_no_action_of_the_config_wants_is_dropped(opened: history.History) -> None:
    store(opened).queue([Pending(target="t", key=KEY, body="")])
    assert store(opened).claim(["u"]) == []
    assert store(opened).claim(["t", "u"]) == []


def test_after_a_week_an_action_is_given_up(opened: history.History) -> None:
    store(opened).queue([Pending(target="t", key=KEY, body="")])
    store(opened, days=6).forget(["rule"], None)
    assert len(store(opened).claim(["t"])) == 1
    store(opened, days=8).forget(["rule"], None)
    assert store(opened, days=8).claim(["t"]) == []


def test_silence_is_told_by_what_other_commands_heard(opened: history.History) -> None:
    service = Service(name="work", provider="codex")
    good = Report(service=service, status="ok", usage=Usage(), fetched_at=NOW)
    failure = Failure(kind="auth", message="no")
    bad = Report(service=service, status="error", failure=failure)
    opened.record([history.live("", bad, NOW - timedelta(hours=1)), history.live("", good, NOW)])
    assert store(opened, minutes=5).silent([bad]) == {"work": timedelta(minutes=5)}
    assert store(opened, minutes=9).silent([bad]) == {"work": timedelta(minutes=9)}
    assert store(opened, minutes=9).silent([good]) == {}


def test_what_a_tool_left_on_this_machine_is_no_answer(opened: history.History) -> None:
    failure = Failure(kind="unavailable", message="no")
    left = Report(
        service=Service(name="work", provider="codex"),
        status="error",
        usage=Usage(source="local"),
        fetched_at=NOW,
        stale=True,
        failure=failure,
    )
    assert store(opened, minutes=5).silent([left]) == {"work": timedelta(0)}
    assert store(opened, minutes=7).silent([left]) == {"work": timedelta(minutes=2)}
