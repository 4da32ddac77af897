"""What only a real process shows: pipes, signals, terminals, locales, and what is imported."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from filelock import FileLock

from tests.accounts import accounts, key
from tests.cli import Outcome, configure, files_below, openrouter, run
from tests.process import ROOT, environment, on_terminal, posix, process, python, start
from tests.support import Reply, Server, serve
from usagecli.machine import here


def shell(line: str) -> Outcome:
    """Run a line of sh in this test's home; `usagecli` is this checkout's."""
    command = f'usagecli() {{ {shlex.quote(sys.executable)} -m usagecli "$@"; }}\n{line}'
    done = subprocess.run(
        ["sh", "-c", command],
        env=environment(),
        cwd=os.environ["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def silent() -> Iterator[Server]:
    """A server that takes requests and does not answer, and a config with one service there."""
    done = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        done.wait(30)

    with serve({"/key": wait}) as server:
        configure([openrouter(server.url)])
        try:
            yield server
        finally:
            done.set()


# -- pipes and disks --------------------------------------------------------------------------------


@posix
class TestPipes:
    @pytest.mark.parametrize("words", ["schema", "--help", "providers", "doctor", "-v config path"])
    def test_a_reader_that_goes_away_ends_it_quietly(self, words: str) -> None:
        outcome = shell(f"usagecli {words} 2>err | :; grep -v '^\\[' err")
        assert (outcome.out, outcome.err) == ("", "")

    def test_head(self) -> None:
        outcome = shell("usagecli schema | head -n 1")
        assert (outcome.code, outcome.out, outcome.err) == (0, "{\n", "")

    @pytest.mark.parametrize(
        ("words", "code"),
        [("schema", 0), ("--version", 0), ("--help", 0), ("doctor", 3), ("status nobody", 2)],
    )
    def test_a_closed_stdout(self, words: str, code: int) -> None:
        outcome = shell(f"usagecli {words} >&-")
        assert (outcome.code, outcome.out) == (code, "")
        assert "Traceback" not in outcome.err
        assert (outcome.err == "") is (code != 2)

    @pytest.mark.parametrize(
        ("words", "code"), [("schema", 0), ("--nonsense", 2), ("status", 3), ("-v status --json", 3)]
    )
    def test_a_closed_stderr(self, words: str, code: int) -> None:
        outcome = shell(f"usagecli {words} 2>&-")
        assert (outcome.code, outcome.err) == (code, "")

    def test_a_closed_stdin(self) -> None:
        outcome = shell("usagecli config path <&-")
        assert (outcome.code, outcome.err) == (0, "")

    def test_a_log_whose_reader_has_gone_stops_nothing(self) -> None:
        code = "exec 3>&1; { usagecli -v status codex --offline --json >&3; echo $? >&3; } 2>&1 | :"
        document, exit_code = shell(code).out.splitlines()
        assert json.loads(document)["status"] == "error"
        assert exit_code == "3"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
    @pytest.mark.parametrize("words", ["schema", "--help", "--version", "doctor", "--demo status --json"])
    def test_a_full_disk_is_told(self, words: str) -> None:
        outcome = shell(f"usagecli {words} >/dev/full")
        assert (outcome.code, outcome.err) == (3, "Error: stdout: No space left on device\n")


@posix
@pytest.mark.sockets
def test_without_a_terminal_at_all() -> None:
    with accounts("fine", "low"):
        outcome = process("check", start_new_session=True)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.startswith("low weekly limit: low, 5 % left")


# -- signals ----------------------------------------------------------------------------------------


@posix
@pytest.mark.sockets
@pytest.mark.parametrize(
    ("number", "code", "told"), [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "")]
)
def test_a_signal_in_mid_fetch(silent: Server, number: signal.Signals, code: int, told: str) -> None:
    running = start("status", "--json")
    until = time.monotonic() + 20
    while not silent.seen and time.monotonic() < until:
        time.sleep(0.01)
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out, err.strip()) == (code, "", told)
    # Nothing half-written, and the lock is free for the next run.
    (lock,) = set(files_below(here().cache_dir)) - {"plugins.txt"}
    assert lock.endswith(".lock")
    with FileLock(Path(here().cache_dir) / lock, timeout=0) as held:
        assert held.lock_counter == 1
    silent.routes["/key"] = Reply(key(30))
    assert run("status").code == 0


# -- terminals --------------------------------------------------------------------------------------


@posix
@pytest.mark.sockets
class TestTerminal:
    def test_progress_is_drawn_on_a_terminal_and_gone_without_a_trace(self) -> None:
        def slow(handler: BaseHTTPRequestHandler) -> None:
            time.sleep(0.8)
            data = json.dumps(key(30)).encode()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        with serve({"/key": slow}) as server:
            configure([openrouter(server.url)])
            outcome, shown = on_terminal("status", "--json", "--no-cache", stream="stderr")
            quiet = process("status", "--json", "--no-cache")
        assert (outcome.code, outcome.document["status"]) == (0, "ok")
        assert "waiting for router" in shown
        assert shown.rpartition("\r\x1b[2K")[2] == ""
        assert (quiet.code, quiet.err) == (0, "")

    def test_json_is_indented_on_a_terminal_and_a_line_each_in_a_pipe(self) -> None:
        with accounts("fine", "low"):
            piped = process("openrouter", "--json")
            _, shown = on_terminal("openrouter", "--json", stream="stdout")
            _, snapshot = on_terminal("status", "--json", stream="stdout")
        assert shown == "".join(json.dumps(document, indent=2) + "\n" for document in piped.documents)
        assert len(json.loads(snapshot)["services"]) == 2

    @pytest.mark.parametrize(
        ("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
    )
    def test_bars_and_colours(self, env: dict[str, str], colored: bool) -> None:
        with accounts("low"):
            outcome, shown = on_terminal("status", stream="stdout", env=env)
        assert (outcome.code, outcome.err) == (1, "")
        assert ("\x1b[" in shown) is colored
        assert "█" in shown
        assert all(len(line) <= 80 for line in shown.splitlines() if not colored)


# -- locales ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "C"],
)
@pytest.mark.sockets
def test_an_output_that_carries_ascii_only(env: dict[str, str]) -> None:
    with serve({"/key": Reply(key(3))}) as server:
        configure([openrouter(server.url, "büro-東京", credential={"value": "sk-or-fake"})])
        for words, code in (
            (["status"], 1),
            (["status", "--json"], 1),
            (["check"], 1),
            (["doctor"], 0),
            (["providers", "copilot"], 0),
            (["config", "show"], 0),
            (["status", "größe"], 2),
            (["--color", "always", "status"], 1),
        ):
            outcome = process(*words, env=env)
            assert (outcome.code, "Traceback" in outcome.err) == (code, False)
            if env.get("PYTHONIOENCODING"):
                assert outcome.out.isascii()
        name = process("status", "--json", env=env).document["services"][0]["service"]
    assert name == "büro-東京"


# -- entry points -----------------------------------------------------------------------------------


def test_the_module_is_the_console_script() -> None:
    script = Path(sysconfig.get_path("scripts")) / ("usagecli.exe" if sys.platform == "win32" else "usagecli")
    if not script.exists():
        pytest.skip("the package is not installed here")
    for words in (["--help"], ["config", "path"], ["status"], ["statu"]):
        done = subprocess.run(
            [str(script), *words], env=environment(), capture_output=True, encoding="utf-8", timeout=60
        )
        assert Outcome(done.returncode, done.stdout, done.stderr) == process(*words)


def test_it_runs_from_any_directory(tmp_path: Path) -> None:
    assert process("status", cwd=tmp_path) == process("status", cwd=ROOT)
    assert list(tmp_path.iterdir()) == []


# -- what a start costs -----------------------------------------------------------------------------


def imported(*args: str, env: dict[str, str] | None = None) -> set[str]:
    """Which of the costly packages a run imports."""
    code = (
        "import atexit, sys;"
        "costly = ('requests', 'urllib3', 'tabulate', 'keyring', 'yaml', 'wcwidth', 'filelock', 'sqlite3',"
        "'prometheus_client', 'opentelemetry', 'subprocess', 'jmespath', 'msgspec');"
        "atexit.register(lambda: print(*(n for n in costly if n in sys.modules), file=sys.stderr));"
        f"sys.argv = ['usagecli', *{list(args)!r}];"
        "from usagecli.cli import main; main()"
    )
    return set(python(code, env).err.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["status", "--help"], ["completions", "zsh"]])
def test_help_and_version_import_nothing_costly(words: list[str]) -> None:
    assert imported(*words) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's keychain may be asked")
def test_to_find_no_credentials_imports_nothing_costly() -> None:
    """Every provider is asked where its credentials might be, and most have none."""
    assert imported("status") == set()


def test_completing_a_word_imports_nothing_but_yaml() -> None:
    configure([openrouter("https://gateway.example.com")])
    env = {"_USAGECLI_COMPLETE": "bash_complete", "COMP_WORDS": "usagecli status ", "COMP_CWORD": "2"}
    assert imported(env=env) == {"yaml"}


@pytest.mark.sockets
def test_json_from_a_fresh_cache_imports_nothing_but_yaml() -> None:
    with accounts("fine"):
        run("status")
        assert imported("status", "--json", "--max-age", "3600") == {"yaml"}
        assert imported("status", "--max-age", "3600") == {"yaml", "tabulate", "wcwidth"}


def test_the_console_script_ends_as_the_command_does() -> None:
    """It does not free everything first, and still tells its code and says all that it has to say."""
    for words, code in ((["--version"], 0), (["status", "--offline"], 3), (["nonsense"], 2)):
        plain = process(*words)
        script = python(f"import sys; sys.argv[1:] = {words}\nfrom usagecli.cli import script; script()")
        assert (script.code, script.out) == (code, plain.out)
        assert script.err.replace("-c ", "") == plain.err
    late = python(
        "import atexit, sys; sys.argv[1:] = ['--version']; atexit.register(print, 'cleaned up')\n"
        "from usagecli.cli import script; script()"
    )
    assert late.out.endswith("cleaned up\n")
