"""`usagecli report`: where the page goes, who may read it, what the run ends with."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import webbrowser
from pathlib import Path

import pytest

from tests.cli import Outcome, configure, openrouter, run
from tests.process import on_terminal, posix, process, python
from tests.report.pages import Page
from tests.support import NOW
from usagecli.machine import here
from usagecli.storage import history

pytestmark = pytest.mark.sockets


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was sent to."""
    found: list[str] = []

    def open_(url: str) -> bool:
        found.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    return found


def title(text: str) -> str:
    return Page(text).told.partition(" - usagecli ")[0]


class TestDemo:
    def test_it_shows_everything(self) -> None:
        outcome = run("--demo", "report")
        assert (outcome.code, outcome.err) == (1, "")
        found = Page(outcome.out)
        assert found.told.startswith("Something is used up - usagecli Something is used up 15 services")
        assert len(found.all("article")) == 15
        assert len(found.all("svg", class_="trend")) > 15
        assert len(found.all("path", class_="reset")) > 20
        for told in ("3 accounts, 2 active, 1 exhausted", "Claude Code 131.4M tokens", "team auth failed"):
            assert told in found.told

    def test_accounts_are_masked_unless_they_are_asked_for(self) -> None:
        accounts = (
            "dev@example.com",
            "home@example.com",
            "octo-sample",
            "Example Org",
            "wrk_01DEMO",
        )
        masked, shown = run("--demo", "report").out, run("--demo", "report", "--show-accounts").out
        assert [name for name in (*accounts, "123456789012") if name in masked] == []
        assert [name for name in accounts if name not in shown] == []

    def test_some_services(self) -> None:
        outcome = run("--demo", "report", "claude", "zai", "--exit-zero")
        assert outcome.code == 0
        assert title(outcome.out) == "Running low"
        assert len(Page(outcome.out).all("article")) == 2

    def test_no_secret_is_in_it(self) -> None:
        text = run("--demo", "report", "--show-accounts").out
        for secret in ("demo-not-a", "demo_not_a", "sk-or-v1", "sk-ant", "AKIA", "ya29", "127.0.0.1"):
            assert secret not in text


class TestWhere:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def report(self, *args: str) -> Outcome:
        return run("--demo", "report", "zai", *args)

    def test_a_file(self, folder: Path) -> None:
        outcome = self.report("-o", "page.html")
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
        assert title((folder / "page.html").read_text(encoding="ascii")) == "All is well"
        assert os.listdir(folder) == ["page.html"]

    @posix
    def test_it_is_private(self, folder: Path) -> None:
        self.report("-o", "page.html")
        assert stat.S_IMODE((folder / "page.html").stat().st_mode) == 0o600

    @posix
    def test_one_that_is_there_keeps_its_mode(self, folder: Path) -> None:
        (folder / "page.html").write_text("before", encoding="ascii")
        (folder / "page.html").chmod(0o644)
        self.report("-o", "page.html")
        assert stat.S_IMODE((folder / "page.html").stat().st_mode) == 0o644
        assert title((folder / "page.html").read_text(encoding="ascii")) == "All is well"

    def test_a_folder_that_is_not_there(self) -> None:
        outcome = self.report("-o", os.path.join("gone", "page.html"))
        assert (outcome.code, outcome.out) == (3, "")
        assert outcome.err.startswith(f"Error: cannot write {os.path.join('gone', 'page.html')}: ")

    def test_a_pipe_gets_the_page(self, folder: Path) -> None:
        assert title(self.report().out) == "All is well"
        assert title(self.report("-o", "-").out) == "All is well"
        assert os.listdir(folder) == []

    @posix
    def test_a_terminal_gets_a_file(self, folder: Path) -> None:
        outcome, shown = on_terminal("--demo", "report", "zai", stream="stdout")
        assert (outcome.code, shown) == (0, "")
        assert outcome.err == "The page is usagecli-report.html (-o FILE names another, -o - prints it)\n"
        assert title((folder / "usagecli-report.html").read_text(encoding="ascii")) == "All is well"

    @posix
    def test_or_what_it_asked_for(self, folder: Path) -> None:
        outcome, shown = on_terminal("--demo", "report", "zai", "-o", "-", stream="stdout")
        assert (outcome.code, outcome.err) == (0, "")
        assert shown.startswith("<!DOCTYPE html>")
        assert os.listdir(folder) == []

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
    def test_no_encoding_spoils_it(self, encoding: str) -> None:
        outcome = process("--demo", "report", "zai", env={"PYTHONIOENCODING": encoding})
        assert outcome.code == 0
        assert title(outcome.out) == "All is well"


class TestOpen:
    def test_a_file_of_its_own(
        self, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        outcome = run("--demo", "report", "zai", "--open")
        (name,) = os.listdir(tmp_path)
        assert (outcome.code, outcome.out) == (0, "")
        assert outcome.err == f"The page is {tmp_path / name}\n"
        assert opened == [(tmp_path / name).resolve().as_uri()]
        assert title((tmp_path / name).read_text(encoding="ascii")) == "All is well"
        if sys.platform != "win32":
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600

    def test_the_file_that_was_named(
        self, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        outcome = run("--demo", "report", "zai", "--open", "-o", "a b.html")
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
        assert opened == [(tmp_path / "a b.html").resolve().as_uri()]

    def test_without_a_browser(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(webbrowser, "open", lambda url: False)
        path = str(tmp_path / "page.html")
        outcome = run("--demo", "report", "zai", "--open", "-o", path)
        assert (outcome.code, outcome.err) == (
            0,
            f"Warning: no browser could be opened; the page is {path}\n",
        )

    def test_not_with_stdout(self, opened: list[str]) -> None:
        outcome = run("--demo", "report", "--open", "-o", "-")
        assert (outcome.code, outcome.out, opened) == (2, "", [])
        assert "--open needs a file" in outcome.err


class TestOwn:
    def test_nothing_found_is_a_page_that_says_so(self) -> None:
        outcome = run("report")
        assert outcome.code == 3
        assert outcome.err == "No credentials found. Try: usagecli --demo status, or: usagecli providers\n"
        assert title(outcome.out) == "Nothing to report"
        assert not os.path.exists(history.path_of(here()))

    def test_a_wrong_option_writes_nothing(self, tmp_path: Path) -> None:
        assert run("report", "-o", str(tmp_path / "page.html"), "--low-below", "200").code == 2
        assert os.listdir(tmp_path) == []

    def test_an_outage_is_a_page_and_code_3(self) -> None:
        configure([openrouter("http://127.0.0.1:9", options={})], timeout=1)
        outcome = run("report")
        assert outcome.code == 3
        assert title(outcome.out) == "Something is not known"

    @pytest.mark.usefixtures("fixed_clock")
    def test_the_history_of_another_account_is_not_drawn(self) -> None:
        """Of two accounts that a service has had, the one that was read last counts."""
        from tests.snapshots import OPENROUTER, report
        from usagecli.report import recent

        at = NOW.timestamp()
        found = report("router", OPENROUTER)
        with history.opened(here()) as opened:
            opened.record([history.Live("old", NOW.replace(hour=hour), found) for hour in (1, 2, 3)])
            opened.record([history.Live("new", NOW.replace(hour=hour), found) for hour in (4, 5)])
            opened.record([history.Live("new", NOW.replace(hour=6), report("other", OPENROUTER))])
        read = recent.readings(here(), [found], NOW)
        (key,) = read
        assert key == recent.Key("router", "openrouter", "quota", "key_limit")
        assert [reading.at for reading in read[key]] == [at - 4 * 3600, at - 3 * 3600]

    def test_a_damaged_history_stops_no_page(self) -> None:
        path = Path(history.path_of(here()))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no database" * 100)
        outcome = run("report")
        assert title(outcome.out) == "Nothing to report"
        assert "put aside" in outcome.err


@pytest.mark.parametrize("args", [["report", "--help"], ["--demo", "status", "zai"]])
def test_nothing_else_imports_the_template_engine(args: list[str]) -> None:
    told = python(
        "import atexit, sys\n"
        "atexit.register(lambda: print('jinja2' in sys.modules, file=sys.stderr))\n"
        f"sys.argv = ['usagecli', *{args}]\n"
        "from usagecli.cli import main\n"
        "main()"
    )
    assert told.out
    assert told.err == "False\n"
