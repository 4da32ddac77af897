"""`usagecli services` on a real terminal and in real processes: what shows, what is echoed, what leaks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import KEY, files_below
from tests.keyrings import FileKeyring
from tests.process import environment, posix
from tests.services import BAD, GOOD, OTHER, config_path, written
from tests.support import Reply, serve
from usagecli.machine import here

pytestmark = [pytest.mark.sockets, posix]

SECRETS = (GOOD, BAD, OTHER)


class Terminal:
    """`usagecli ARGS` on a terminal of 80 columns."""

    def __init__(self, *args: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = environment({"TERM": "dumb", "PYTHONUTF8": "1", "COLUMNS": "80"})
            os.execve(sys.executable, [sys.executable, "-m", "usagecli", *args], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))

    def answer(self, question: str, line: str) -> None:
        """Wait until the question stands at the end of what shows, then type the line."""
        while not self.shown.endswith(question):
            assert self._read(), f"no {question!r} after:\n{self.shown}"
        os.write(self.fd, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end: the exit code."""
        while self._read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        import select

        ready, _, _ = select.select([self.fd], [], [], 30)
        try:
            part = os.read(self.fd, 65536) if ready else b""
        except OSError:
            # How Linux says that the other end is closed.
            part = b""
        self.shown += part.decode().replace("\r\n", "\n")
        return bool(part)


def key(handler: Any) -> None:
    """`/key`: 200 for keys that are called good."""
    good = "good" in (handler.headers["Authorization"] or "")
    reply = Reply(KEY if good else {"error": {"code": 401}}, 200 if good else 401)
    handler.send_response(reply.status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(reply.data())))
    handler.end_headers()
    handler.wfile.write(reply.data())


def test_adding_a_service_by_hand() -> None:
    with serve({"/key": key}) as server:
        terminal = Terminal("services", "add", "--base-url", server.url)
        terminal.answer("Provider: ", "openrouter")
        terminal.answer("Name [openrouter]: ", "work")
        terminal.answer("api_key (a key that runs models): ", BAD)
        terminal.answer("management_api_key (a management key, for balance and activity): ", "")
        terminal.answer("api_key (a key that runs models): ", GOOD)
        terminal.answer("management_api_key (a management key, for balance and activity): ", "")
        assert terminal.end() == 0
    shown = terminal.shown
    assert not any(secret in shown for secret in SECRETS)
    providers, rest = shown.split("Provider: openrouter\n")
    assert providers.startswith("Providers: aiand, alibaba, amp, ")
    assert rest.split("Name [openrouter]: work\n")[0].startswith("How to give it access:\n  1. Sign in at ")
    assert rest.split("Name [openrouter]: work\n")[1] == (
        "What you type is not shown. An empty answer: look in the usual places.\n"
        "api_key (a key that runs models): \n"
        "management_api_key (a management key, for balance and activity): \n"
        "work: OpenRouter refused the key (401): it is wrong, deleted, disabled or expired "
        "(make a new key at openrouter.ai/settings/keys); nothing was written\n"
        "What you type is not shown. An empty answer: look in the usual places.\n"
        "api_key (a key that runs models): \n"
        "management_api_key (a management key, for balance and activity): \n"
        "Tried work: openrouter answered.\n"
        "No keyring was used (this machine has no working keyring): "
        "the secret is in a file that only you can read.\n"
        "Added work (openrouter), credential: ~/.config/usagecli/secrets/work.api_key\n"
    )
    assert written()[0]["name"] == "work"


def test_control_c_at_a_secret_leaves_all_as_it_was() -> None:
    terminal = Terminal("services", "add", "--provider", "openrouter", "--name", "work")
    terminal.answer("api_key (a key that runs models): ", "\x03")
    assert terminal.end() == 130
    assert terminal.shown.endswith("Interrupted.\n")
    assert not config_path().exists()


def test_the_table_of_a_terminal_fits_it() -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "usagecli",
            "services",
            "add",
            "--provider",
            "zai",
            "--no-test",
            "--secret-stdin",
        ],
        input="zai-fake-key-that-is-long-enough",
        text=True,
        check=True,
        capture_output=True,
        env=environment(),
    )
    terminal = Terminal("services", "list")
    assert terminal.end() == 0
    assert all(len(line) <= 80 for line in terminal.shown.splitlines())


def processes() -> str:
    """The command lines of everything that runs here."""
    if sys.platform == "linux":
        paths = Path("/proc").glob("[0-9]*/cmdline")
        return "\n".join(_text(path) for path in paths)
    return subprocess.run(["ps", "-axww"], capture_output=True, text=True, check=True).stdout


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace").replace("\0", " ")
    except OSError:
        # It has ended meanwhile.
        return ""


def test_no_process_file_or_log_shows_the_secret() -> None:
    seen: list[str] = []

    def look(handler: Any) -> None:
        seen.append(processes())
        key(handler)

    with serve({"/key": look}) as server:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "usagecli",
                "-v",
                "services",
                "add",
                "--provider",
                "openrouter",
                "--name",
                "work",
            ]
            + ["--base-url", server.url, "--secret-stdin"],
            input=GOOD,
            text=True,
            capture_output=True,
            check=False,
            env=environment(),
        )
    assert (done.returncode, "credential from" in done.stderr) == (0, True)
    assert re.search(r"usagecli -v services add .*--secret-stdin", seen[0])
    assert GOOD not in "".join([*seen, done.stdout, done.stderr])
    holders = [name for name, data in files_below(here().home).items() if GOOD.encode() in data]
    assert holders == [str(Path(".config", "usagecli", "secrets", "work"))]


def test_the_keyring_of_a_real_process(file_keyring: FileKeyring) -> None:
    base = [sys.executable, "-m", "usagecli", "services"]
    add = [*base, "add", "--provider", "zai", "--name", "work", "--secret-stdin", "--no-test"]
    done = subprocess.run(
        add, input="zai-fake", text=True, capture_output=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout) == (0, "Added work (zai), credential: keyring usagecli/work\n")
    assert file_keyring.entries == {"usagecli/work": "zai-fake"}
    subprocess.run([*base, "remove", "work", "--yes"], check=True, capture_output=True, env=environment())
    assert file_keyring.entries == {}
