"""The ledger: what was read stays read, what was deleted stays counted, and nothing is ever stale."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.corpus import generate
from tests.cli import run
from tests.process import posix, start
from tests.support import NOW
from tests.tokens.logs import (
    by,
    meta,
    report,
    responses,
    rollout,
    row,
    totals,
    transcript,
    turn,
    usage,
    uuid7,
)
from usagecli.machine import here
from usagecli.tokens import answer, known, ledger, pricing, scan
from usagecli.tokens.ask import BAKED


@pytest.fixture
def place(own_home: Path) -> Path:
    """Where the ledger is."""
    return Path(here().data_dir) / ledger.NAME


@pytest.fixture
def logs(own_home: Path) -> Path:
    """A home with a log of each agent."""
    rollout(own_home, [meta(), turn(), *responses(100)])
    transcript(own_home, [row("msg_1", usage(1000, 100))])
    return own_home


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are."""
    names = []
    real = scan.read

    def watched(found: Any, counting: Any) -> Any:
        names.append(os.path.basename(found.path))
        return real(found, counting)

    monkeypatch.setattr(scan, "read", watched)
    return names


BOTH = (1100, 0, 0, 110)
A, B = "rollout-a.jsonl", "session-a.jsonl"


class TestWhatIsRead:
    def test_unchanged_files_are_not_read_again(self, logs: Path, read: list[str]) -> None:
        for view in ("daily", "models", "daily"):
            assert by(view)
        assert sorted(read) == [A, B]

    def test_an_unchanged_answer_is_not_made_again(self, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = report()
        monkeypatch.setattr(answer, "_made", lambda *given: pytest.fail("made again"))
        assert report() == first

    def test_a_file_that_grew(self, logs: Path, read: list[str]) -> None:
        assert totals() == BOTH
        with transcript(logs, [row("msg_1", usage(1000, 100))]).open("ab") as file:
            file.write(transcript(logs / "other", [row("msg_2", usage(1, 1))]).read_bytes())
        del read[:]
        assert totals() == (1101, 0, 0, 111)
        assert read == [B]

    def test_the_rest_of_a_line_that_was_being_written(self, logs: Path) -> None:
        path = transcript(logs, [row("msg_1", usage(1000, 100)), row("msg_2", usage(1, 1))])
        whole = path.read_bytes()
        for length in range(len(whole) - 200, len(whole), 23):
            path.write_bytes(whole[:length])
            assert totals() == BOTH
        path.write_bytes(whole)
        assert totals() == (1101, 0, 0, 111)

    def test_a_file_that_was_shortened(self, logs: Path) -> None:
        path = rollout(logs, [meta(), turn(), *responses(100, 200)])
        assert totals() == (1300, 0, 0, 130)
        os.truncate(path, len(path.read_bytes().rsplit(b"\n", 2)[0]) + 1)
        assert totals() == BOTH

    def test_a_file_that_was_replaced_by_one_of_its_size(self, logs: Path) -> None:
        assert totals() == BOTH
        path = rollout(logs / "other", [meta(), turn(), *responses(300)])
        os.replace(path, logs / path.relative_to(logs / "other"))
        assert totals() == (1300, 0, 0, 130)

    def test_a_file_that_was_rewritten_with_its_old_times(self, logs: Path) -> None:
        path = rollout(logs, [meta(), turn(), *responses(100)])
        before = path.stat()
        assert totals() == BOTH
        path.write_bytes(path.read_bytes().replace(b"100", b"300"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        if sys.platform == "win32":
            pytest.skip("Windows keeps the time of creation where others keep that of the last change")
        assert totals() == (1300, 0, 0, 110)

    def test_times_that_run_backwards(self, logs: Path) -> None:
        path = rollout(logs, [meta(), turn(), *responses(100)])
        assert totals() == BOTH
        rollout(logs, [meta(), turn(), *responses(300)])
        os.utime(path, (1, 1))
        assert totals() == (1300, 0, 0, 130)

    def test_a_file_that_was_renamed_counts_once(self, logs: Path) -> None:
        assert totals() == BOTH
        for path in list(logs.rglob("*.jsonl")):
            path.rename(path.with_name(f"renamed-{path.name}"))
        assert totals() == BOTH
        assert report()["keptFiles"] == 2
        assert report()["totals"]["sessions"] == 2

    def test_rescan_reads_everything(self, logs: Path, read: list[str]) -> None:
        assert totals() == BOTH
        assert totals("--rescan") == BOTH
        assert sorted(read) == [A, A, B, B]

    def test_files_only_leaves_no_trace(self, logs: Path, read: list[str], place: Path) -> None:
        for _ in range(2):
            assert totals("--files-only") == BOTH
        assert sorted(read) == [A, A, B, B]
        assert not place.exists()

    def test_without_logs_there_is_no_ledger(self, place: Path) -> None:
        assert totals() == (0, 0, 0, 0)
        assert not place.exists()


class TestDeletedLogs:
    def test_they_stay_counted(self, logs: Path, read: list[str]) -> None:
        assert totals() == BOTH
        shutil.rmtree(logs / ".claude")
        del read[:]
        for _ in range(2):
            document = report()
            assert document["totals"]["totalTokens"] == 1210
            assert document["keptFiles"] == 1
        assert read == []
        assert totals("--rescan") == BOTH
        assert totals("--files-only") == (100, 0, 0, 10)

    def test_all_of_them(self, logs: Path) -> None:
        assert totals() == BOTH
        shutil.rmtree(logs / ".claude")
        shutil.rmtree(logs / ".codex")
        assert totals() == BOTH
        assert by("daily", "--timezone", "America/Los_Angeles") == {"2026-11-20": 1210}

    def test_they_are_in_the_audit(self, logs: Path) -> None:
        report()
        shutil.rmtree(logs / ".claude")
        kept = {Path(file["path"]).name: (file["kept"], file["counted"]) for file in report("audit")["files"]}
        assert kept == {A: (False, 1), B: (True, 1)}

    def test_one_that_comes_back_counts_once(self, logs: Path) -> None:
        path = transcript(logs, [row("msg_1", usage(1000, 100))])
        assert totals() == BOTH
        moved = path.rename(logs / "aside")
        assert report()["keptFiles"] == 1
        moved.rename(path)
        assert totals() == BOTH
        assert report()["keptFiles"] == 0

    def test_a_copy_of_one_counts_once(self, logs: Path) -> None:
        path = transcript(logs, [row("msg_1", usage(1000, 100))])
        assert totals() == BOTH
        path.unlink()
        resumed = [row("msg_1", usage(1000, 100), sessionId="b"), row("msg_2", usage(1, 1), 5, sessionId="b")]
        transcript(logs, resumed, "session-b")
        assert by("sessions") == {"session-a": 1100, "session-b": 0} or by("sessions") == {
            "b": 2,
            "session-a": 1100,
            "thread-a": 110,
        }

    def test_a_fork_of_one_is_told_from_it(self, own_home: Path) -> None:
        parent = rollout(own_home, [meta("parent"), *responses(100, 200)], "parent")
        rollout(own_home, [meta("child", 60, forked_from_id="parent"), *responses(100, 200, 50)], "child")
        assert by("sessions") == {"parent": 330, "child": 55}
        parent.unlink()
        assert by("sessions") == {"parent": 330, "child": 55}

    def test_logs_elsewhere_are_neither_deleted_nor_counted(
        self, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert totals() == BOTH
        transcript(tmp_path, [row("msg_5", usage(5, 5))])
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
        monkeypatch.setenv("CODEX_HOME", str(tmp_path / ".codex"))
        assert totals() == (5, 0, 0, 5)
        monkeypatch.delenv("CLAUDE_CONFIG_DIR")
        monkeypatch.delenv("CODEX_HOME")
        assert totals() == BOTH
        assert report()["keptFiles"] == 0


class TestNothingIsStale:
    """Whatever an answer is made of may change between two runs."""

    def test_the_zone(self, own_home: Path) -> None:
        rollout(own_home, [meta(), turn(), *responses(100, minutes=-300)])
        assert list(by("daily")) == ["2026-11-20"]
        assert list(by("daily", "--timezone", "America/Los_Angeles")) == ["2026-11-19"]
        assert list(by("daily")) == ["2026-11-20"]

    def test_the_machines_own_zone(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rollout(own_home, [meta(), turn(), *responses(100, minutes=-300)])
        days = {}
        for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
            monkeypatch.setenv("TZ", zone)
            document = run("tokens", "daily", "--json").document
            days[document["timezone"]] = document["rows"][0]["day"]
        assert days == {"UTC": "2026-11-20", "Asia/Tokyo": "2026-11-20", "America/Los_Angeles": "2026-11-19"}

    def test_the_way_of_telling_requests_apart(self, own_home: Path) -> None:
        for name in "ab":
            transcript(own_home, [row("msg_1", usage(10, 1), sessionId=name)], name)
        for _ in range(2):
            assert totals() == (10, 0, 0, 1)
            assert totals("--dedupe", "session-request") == (20, 0, 0, 2)

    def test_prices_of_the_users_own(self, logs: Path, tmp_path: Path) -> None:
        path = tmp_path / "prices.json"
        costs = []
        for price in (1, 2):
            period = {"input": price * 1000, "output": 0}
            path.write_text(
                f'{{"models": {{"claude-opus-5-5": {{"standard": [{period}]}}}}}}'.replace("'", '"')
            )
            os.utime(path, ns=(price, price))
            options = ("--provider", "claude", "--prices", str(path))
            costs += [report("daily", *options)["totals"]["cost"], report()["totals"]["cost"]]
        assert costs == [1.0, 0.0068, 2.0, 0.0068]

    def test_the_built_in_prices(self, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fork = [meta("child", 60, forked_from_id="thread-a"), turn(), *responses(100, 1000, minutes=60)]
        rollout(logs, fork, "child")
        before = report()["totals"]["cost"]
        table = tmp_path / "prices.json"
        text = Path(BAKED).read_text(encoding="utf-8")
        table.write_text(text.replace('"input":', '"input":1'), encoding="utf-8")
        for module in (pricing, answer, known):
            monkeypatch.setattr(module, "BAKED", str(table))
        fresh = report("daily", "--files-only")["totals"]["cost"]
        assert fresh > before
        assert report()["totals"]["cost"] == fresh
        assert report("models")["totals"]["cost"] == fresh

    def test_what_is_found_anew_below_other_roots(
        self, logs: Path, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = report()["totals"]["cost"]
        table = tmp_path / "prices.json"
        text = Path(BAKED).read_text(encoding="utf-8")
        table.write_text(text.replace('"input":', '"input":1'), encoding="utf-8")
        for module in (pricing, answer, known):
            monkeypatch.setattr(module, "BAKED", str(table))
        monkeypatch.setattr(known, "_READERS", "99")
        monkeypatch.setenv("CODEX_HOME", str(tmp_path))
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
        transcript(tmp_path, [row("msg_5", usage(5, 5))])
        assert totals() == (5, 0, 0, 5)
        monkeypatch.delenv("CODEX_HOME")
        monkeypatch.delenv("CLAUDE_CONFIG_DIR")
        del read[:]
        assert report()["totals"]["cost"] > before
        assert sorted(read) == [A, B]

    def test_other_prices_in_the_first_run(self, logs: Path) -> None:
        fork = [meta("child", 60, forked_from_id="thread-a"), turn(), *responses(100, 1000, minutes=60)]
        rollout(logs, fork, "child")
        report("sessions", "--codex-tier", "priority")
        assert report("sessions") == report("sessions", "--files-only")

    def test_the_version(self, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        report()
        made: list[int] = []
        real = answer._made

        def counted(*given: Any) -> Any:
            made.append(1)
            return real(*given)

        monkeypatch.setattr(answer, "_made", counted)
        report()
        monkeypatch.setattr(answer, "__version__", "99")
        report()
        assert len(made) == 1

    def test_the_readers(self, logs: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        report()
        del read[:]
        monkeypatch.setattr(known, "_READERS", "99")
        report("models")
        assert sorted(read) == [A, B]

    def test_the_day(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rollout(own_home, [meta(), turn(), *responses(100, minutes=0)])
        found = []
        for days in (-1, 0, 45):
            moment = NOW + timedelta(days=days)
            monkeypatch.setattr("usagecli.cli.here", lambda now=moment: replace(here(), clock=lambda: now))
            document = report("")
            found.append(tuple(document[key]["totalTokens"] for key in ("today", "week", "yearToDate")))
        assert found == [(110, 110, 110), (0, 110, 110), (0, 0, 0)]

    @pytest.mark.parametrize(
        "options",
        [
            ("--since", "2026-11-21"),
            ("--until", "2026-11-19"),
            ("--provider", "codex"),
            ("--model", "gpt-*"),
            ("--project", "none"),
            ("--limit", "1"),
            ("--sort", "cost"),
            ("--breakdown",),
            ("--logged-costs",),
            ("--codex-tier", "priority"),
        ],
    )
    def test_any_option(self, logs: Path, options: tuple[str, ...]) -> None:
        rollout(logs, [meta("b"), turn(), *responses(10, minutes=1500)], "b")
        plain = report("sessions")
        with_option = report("sessions", *options)
        assert with_option == report("sessions", *options, "--files-only")
        assert plain == report("sessions") == report("sessions", "--files-only")

    def test_the_format(self, logs: Path) -> None:
        told = {run("tokens", "daily", "--format", name).out for name in ("table", "json", "csv", "markdown")}
        assert len(told) == 4

    def test_a_fork_whose_parent_went_on(self, own_home: Path) -> None:
        rollout(own_home, [meta("parent"), *responses(100)], "parent")
        rollout(own_home, [meta("child", 60, forked_from_id="parent"), *responses(100, 200)], "child")
        assert by("sessions") == {"parent": 110, "child": 220}
        rollout(own_home, [meta("parent"), *responses(100, 200)], "parent")
        assert by("sessions") == {"parent": 330}
        assert report("audit") == report("audit", "--files-only")


# -- the file ---------------------------------------------------------------------------------------


class TestTheFile:
    @posix
    def test_it_is_private(self, logs: Path, place: Path) -> None:
        report()
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert [path.name for path in place.parent.iterdir()] == [ledger.NAME]

    def test_deleted_it_loses_what_the_logs_no_longer_hold(self, logs: Path, place: Path) -> None:
        assert totals() == BOTH
        shutil.rmtree(logs / ".claude")
        place.unlink()
        assert totals() == (100, 0, 0, 10)

    @pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
    def test_a_damaged_one_is_put_aside(self, logs: Path, place: Path, damage: bytes) -> None:
        place.parent.mkdir(parents=True)
        place.write_bytes(damage)
        outcome = run("tokens", "daily", "--json")
        assert outcome.document["totals"]["totalTokens"] == 1210
        assert "put aside as tokens.sqlite.broken, and a new one begun" in outcome.err
        assert place.with_name("tokens.sqlite.broken").read_bytes() == damage
        assert run("tokens", "daily", "--json").err == ""

    def test_one_that_breaks_in_the_middle(self, logs: Path, place: Path) -> None:
        report()
        with closing(sqlite3.connect(place)) as database, database:
            database.execute("DROP TABLE files")
        outcome = run("tokens", "models", "--json")
        assert outcome.document["totals"]["totalTokens"] == 1210
        assert "the ledger could not be read (no such table: files)" in outcome.err

    def test_one_of_a_newer_version_is_left_alone(self, logs: Path, place: Path) -> None:
        report()
        with closing(sqlite3.connect(place)) as database:
            database.execute("PRAGMA user_version = 99")
        before = place.read_bytes()
        outcome = run("tokens", "models", "--json")
        assert outcome.document["totals"]["totalTokens"] == 1210
        assert "written by a newer usagecli" in outcome.err
        assert place.read_bytes() == before

    def test_one_that_another_program_holds(
        self, logs: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        report()
        rollout(logs, [meta("b"), turn(), *responses(1)], "b")
        monkeypatch.setattr(ledger, "_WAIT_S", 0.05)
        with closing(sqlite3.connect(place, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            outcome = run("tokens", "models", "--json")
        assert outcome.document["totals"]["totalTokens"] == 1211
        assert "could not be written (database is locked)" in outcome.err
        assert run("tokens", "models", "--json").err == ""

    def test_a_directory_that_cannot_be_made(self, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (logs / "file").write_text("")
        monkeypatch.setenv("USAGECLI_DATA_DIR", str(logs / "file" / "data"))
        outcome = run("tokens", "models", "--json")
        assert outcome.document["totals"]["totalTokens"] == 1210
        assert "the logs are read without it" in outcome.err

    def test_no_more_answers_are_kept_than_are_useful(self, logs: Path, place: Path) -> None:
        for limit in range(1, ledger._ANSWERS_KEPT + 10):
            report("daily", "--limit", str(limit))
        with closing(sqlite3.connect(place)) as database:
            assert database.execute("SELECT count(*) FROM answers").fetchone() == (ledger._ANSWERS_KEPT,)

    def test_an_answer_made_of_older_records_is_not_kept(self, logs: Path, place: Path) -> None:
        report()
        one, other = ledger.opened(str(place.parent)), ledger.opened(str(place.parent))
        assert one is not None
        assert other is not None
        with closing(one), closing(other):
            root = os.path.realpath(logs / ".claude" / "projects")
            one.records([root])
            other.save(list(other.records([root]).values()), ("theirs", "new"))
            one.save([], ("ours", "old"))
            assert (one.answer("theirs"), one.answer("ours")) == ("new", None)


# -- killed, and several at once --------------------------------------------------------------------


@posix
def test_killed_at_any_moment_the_next_run_is_whole(own_home: Path, place: Path) -> None:
    generate(str(own_home), 1.5)
    expected = report("daily", "--files-only")
    chance = random.Random(1)
    for number in range(14):
        if number % 3 == 0:
            place.unlink(missing_ok=True)
        running = start("tokens", "daily", "--json", "--timezone", "UTC", "--rescan")
        try:
            running.wait(chance.uniform(0.02, 0.5))
        except Exception:  # noqa: BLE001 - still running: that is the point
            running.send_signal(signal.SIGKILL)
        running.communicate()
        if number % 4 == 3:
            assert report("daily") == expected
    assert report("daily") == expected
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_several_runs_at_once(own_home: Path) -> None:
    generate(str(own_home), 0.5)
    expected = report("daily", "--files-only")
    running = [start("tokens", "daily", "--json", "--timezone", "UTC") for _ in range(5)]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        import json

        assert json.loads(out) == expected
    assert report("daily") == expected


# -- any split --------------------------------------------------------------------------------------

CODEX = [
    meta(uuid7(60), 60, forked_from_id="parent"),
    meta("parent", 60),
    turn(turn_id=uuid7(0), minutes=60),
    *responses(100, 200, minutes=60, step=0),
    turn(turn_id=uuid7(61), minutes=61),
    *responses(1000, 2000, minutes=62, before=300),
]
CLAUDE = [row(f"msg_{number // 2}", usage(10, number), number) for number in range(8)]


@pytest.mark.parametrize(("log", "lines"), [(rollout, CODEX), (transcript, CLAUDE)], ids=["codex", "claude"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_log_that_was_split_anywhere_counts_as_in_one_scan(
    own_home: Path, log: Any, lines: list[Any], share: float
) -> None:
    path = log(own_home, lines)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    report("daily")
    path.write_bytes(whole)
    for view in ("sessions", "audit"):
        assert report(view) == report(view, "--files-only")


# -- two processes ----------------------------------------------------------------------------------


@pytest.fixture
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    if not scan._can_fork():
        pytest.skip("this platform, or a thread of the tests, forbids a second process")
    monkeypatch.setattr(scan, "_WORTH_IT", 0)


@pytest.mark.usefixtures("forking")
class TestTwoProcesses:
    def test_they_find_what_one_finds(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        generate(str(own_home), 0.5)
        found = report("daily", "--files-only")
        monkeypatch.setattr(scan, "_WORTH_IT", 1 << 40)
        assert report("daily", "--files-only") == found

    def test_one_that_dies_is_made_up_for(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        generate(str(own_home), 0.2)
        expected = report("daily", "--files-only")

        def die(queue: int, told: int, *more: Any) -> None:
            os.read(queue, 4)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(scan, "_work", die)
        assert report("daily", "--files-only") == expected

    def test_half_an_answer_is_none(self) -> None:
        reading, writing = os.pipe()
        os.write(writing, scan.pack([1, 2])[:-1])
        os.close(writing)
        assert scan._received(reading) == []
        os.close(reading)
