"""`usagecli --demo`: the whole way against recorded answers, touching nothing of the user's."""

from __future__ import annotations

import errno
import json
import signal
import stat
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli import Outcome, files_below, run, schema
from tests.process import environment, posix, process, python
from usagecli import demo
from usagecli.cli import cli
from usagecli.demo.server import DemoServer, filled

NOW = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
STATES = {"ok", "low", "exhausted", "error"}


def states(outcome: Outcome) -> dict[str, str]:
    """The status of each service of a snapshot."""
    return {service["service"]: service["status"] for service in outcome.document["services"]}


@pytest.fixture
def temporary(tmp_path: Path) -> dict[str, str]:
    """An environment whose temporary directory is empty and watched."""
    (tmp_path / "tmp").mkdir()
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path / "tmp"))


@pytest.mark.sockets
class TestRun:
    def test_status_shows_every_state(self) -> None:
        outcome = run("--demo", "status", "--json")
        assert (outcome.code, outcome.err) == (1, "")
        assert set(states(outcome).values()) == STATES
        assert outcome.document["status"] == "exhausted"
        table = run("--demo", "status")
        assert (table.code, table.err) == (1, "")
        for state in ("ok", "low", "exhausted", "failed"):
            assert f" {state}" in table.out.splitlines()[-1]

    def test_the_source_is_the_demo(self) -> None:
        for service in run("--demo", "status", "--json").document["services"]:
            assert service["source"] == (None if service["status"] == "error" else "demo")

    def test_everything_lies_ahead_and_was_just_read(self) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        for service in run("--demo", "status", "--json").document["services"]:
            for quota in service["quotas"]:
                assert quota["resetsAt"] is None or datetime.fromisoformat(quota["resetsAt"]) > before
            if service["status"] != "error":
                assert datetime.fromisoformat(service["fetchedAt"]) >= before

    def test_copilot_reads_as_in_the_documentation(self) -> None:
        outcome = run("--demo", "copilot", "--json")
        assert (outcome.code, outcome.err) == (1, "")
        assert outcome.document["totals"]["includedRemaining"] == 0
        assert outcome.document["user"] == outcome.document["account"]

    def test_check(self) -> None:
        outcome = run("--demo", "check")
        assert (outcome.code, outcome.err) == (1, "")
        assert [line.split()[0] for line in outcome.out.splitlines()] == [
            "codex:lab",
            "claude",
            "copilot",
            "team:",
        ]

    def test_every_other_command(self) -> None:
        for words, told in (
            (["doctor"], "15 services"),
            (["config", "validate"], "ok, 15 services"),
            (["config", "show"], "value: '***'"),
            (["providers", "openrouter"], "  team (http://127.0.0.1:"),
            (["status", "--format", "csv"], "copilot"),
            (["status", "--format", "markdown"], "copilot"),
            (["openrouter", "--account", "team"], "401"),
        ):
            assert told in run("--demo", *words).out
        assert run("--demo", "doctor").code == 0

    def test_the_cache_of_one_demo_is_not_that_of_the_next(self) -> None:
        assert "-> 200" in run("--demo", "-v", "openrouter").err
        assert "-> 200" in run("--demo", "-v", "openrouter").err

    def test_nothing_is_left_after_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        for words in (["status"], ["status", "--help"], ["status", "nobody"], ["nothing"]):
            run("--demo", *words)
            assert list(tmp_path.iterdir()) == []

    def test_its_files_are_private(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with click.Context(cli) as context:
            machine, path = demo.start(context)
            assert (machine.env, machine.demo) == ({}, True)
            assert Path(path).parent.parent == tmp_path
            if sys.platform != "win32":
                assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == []

    def test_without_a_temporary_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(**given: Any) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(tempfile, "mkdtemp", full)
        outcome = run("--demo", "status")
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err == "Error: the demo needs a temporary directory: No space left on device\n"


class TestProcess:
    def test_nothing_of_the_user_is_read_or_written(
        self, own_home: Path, temporary: dict[str, str], tmp_path: Path
    ) -> None:
        (own_home / ".config" / "usagecli").mkdir(parents=True)
        (own_home / ".config" / "usagecli" / "config.yaml").write_text("services: {broken")
        (own_home / ".codex").mkdir()
        (own_home / ".codex" / "auth.json").write_text("{broken")
        before = files_below(own_home)
        hostile = {
            "USAGECLI_CONFIG": str(tmp_path / "none.yaml"),
            "USAGECLI_CACHE_DIR": str(own_home / "cache"),
            "USAGECLI_DATA_DIR": str(own_home / "data"),
            "OPENROUTER_API_KEY": "sk-or-fake",
            "OPENROUTER_API_URL": "nonsense",
            "COPILOT_MONTHLY_CREDITS": "nonsense",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "REQUESTS_CA_BUNDLE": str(tmp_path / "none.pem"),
        }
        outcome = process("--demo", "status", "--json", env={**temporary, **hostile})
        assert (outcome.code, outcome.err) == (1, "")
        assert list(states(outcome).values()).count("error") == 1
        schema().validate(outcome.document)
        assert files_below(own_home) == before
        assert list(Path(temporary["TMPDIR"]).iterdir()) == []

    @pytest.mark.parametrize("home", ["missing", "a file", "read-only"])
    def test_without_a_home_to_write_to(self, home: str, tmp_path: Path, temporary: dict[str, str]) -> None:
        place = tmp_path / "home"
        if home == "a file":
            place.write_text("")
        elif home == "read-only":
            place.mkdir(mode=0o500)
        given = {"HOME": str(place), "USERPROFILE": str(place)}
        outcome = process("--demo", "status", "--json", env={**temporary, **given})
        assert (outcome.code, outcome.err, set(states(outcome).values())) == (1, "", STATES)
        assert place.exists() is (home != "missing")
        assert files_below(place) == {}

    @posix
    @pytest.mark.parametrize(
        ("number", "code", "told"), [(signal.SIGINT, 130, "Interrupted.\n"), (signal.SIGTERM, 143, "")]
    )
    def test_a_signal_leaves_nothing_behind(
        self, number: signal.Signals, code: int, told: str, temporary: dict[str, str]
    ) -> None:
        import subprocess

        # The recorded answers take for ever, so that the signal meets the run in the middle.
        stalled = (
            "import os, sys, time, usagecli.demo.server as server;"
            "server._answers = lambda service: (open(os.environ['ASKED'], 'w').close(), time.sleep(60));"
            "from usagecli.cli import main; sys.argv[1:] = ['--demo', 'status']; main()"
        )
        asked = Path(temporary["TMPDIR"]).parent / "asked"
        running = subprocess.Popen(
            [sys.executable, "-c", stalled],
            env=environment({**temporary, "ASKED": str(asked)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        folder = Path(temporary["TMPDIR"])
        until = time.monotonic() + 20
        while not asked.exists() and time.monotonic() < until:
            time.sleep(0.01)
        running.send_signal(number)
        out, err = running.communicate(timeout=20)
        assert (running.returncode, out, err.strip("\n")) == (code, "", told.strip("\n"))
        assert list(folder.iterdir()) == []

    def test_it_imports_nothing_that_a_run_does_not_need(self) -> None:
        code = (
            "import sys, atexit;"
            "atexit.register(lambda: print('keyring' in sys.modules, file=sys.stderr));"
            "sys.argv[1:] = ['--demo', 'status', '--json'];"
            "from usagecli.cli import main; main()"
        )
        assert python(code).err == "False\n"


def test_a_run_that_hangs_up_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    server = DemoServer()
    for error in (BrokenPipeError(), ValueError("a bug")):
        try:
            raise error
        except (OSError, ValueError):
            server.handle_error(None, ("127.0.0.1", 1))
    server.server_close()
    err = capsys.readouterr().err
    assert "a bug" in err
    assert "BrokenPipe" not in err


# -- the server -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ("@iso+3600", "2026-11-21T09:00:00+00:00"),
        ("@iso-60", "2026-11-21T07:59:00+00:00"),
        ("@epoch+0", int(NOW.timestamp())),
        ("@next_month", "2026-12-01T00:00:00Z"),
        ("@year", 2026),
        ("@month", 11),
        ("@else", "@else"),
        ("text", "text"),
        (12.5, 12.5),
        (None, None),
        ({"a": ["@month", {"b": "@year"}]}, {"a": [11, {"b": 2026}]}),
    ],
)
def test_instants_are_put_in(recorded: Any, expected: Any) -> None:
    assert filled(recorded, NOW) == expected


@pytest.mark.parametrize("folder", [Path(demo.__file__).parent / "payloads"])
def test_every_recorded_answer_is_json_without_a_real_secret(folder: Path) -> None:
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert all(set(answer) == {"status", "body"} for answer in json.loads(text).values())
        assert "sk-" not in text.replace("sk-or-v1-dem", "")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/openrouter/key", 200),
        ("/openrouter/key?a=b", 200),
        ("/team/key", 401),
        ("/openrouter/other", 404),
        ("/nobody/key", 404),
        ("/team", 404),
        ("/", 404),
        ("/../server/key", 404),
    ],
)
def test_it_answers_by_service_and_path(path: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    import http.client
    import threading

    server = DemoServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        asked = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        asked.request("GET", path)
        answer = asked.getresponse()
        assert answer.status == status
        assert json.loads(answer.read())
        asked.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert capsys.readouterr() == ("", "")
