"""`--output FILE`: the result in a file, whole or not at all, for those who may read it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.accounts import accounts
from tests.cli import configure, run
from tests.process import on_terminal, posix
from usagecli.formatters import FORMATS

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("fixed_clock")]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("command", ["status", "openrouter"])
def test_the_file_is_what_stdout_would_have_been(command: str, format_: str, tmp_path: Path) -> None:
    path = tmp_path / "result"
    with accounts("fine", "low"):
        shown = run(command, "--format", format_)
        outcome = run(command, "--format", format_, "--output", str(path))
    assert (outcome.out, outcome.err, outcome.code) == ("", "", shown.code)
    assert path.read_text(encoding="utf-8") == shown.out != ""
    assert [file.name for file in tmp_path.iterdir()] == ["result"]


@posix
@pytest.mark.parametrize(
    "words",
    [
        ("status", "zai", "--json"),
        ("report", "zai"),
        ("history", "zai", "--json"),
        ("history", "export", "zai"),
    ],
)
def test_who_looks_on_is_told_where_the_result_is(words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "result"
    outcome, shown = on_terminal("--demo", *words, "--output", str(path), stream="stderr")
    assert (outcome.code, outcome.out) == (0, "")
    # The line while answers are awaited wipes itself out.
    assert shown.rpartition("\x1b[K")[2].lstrip("\r") == f"Wrote {path}\n"
    assert path.stat().st_size > 100


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
@pytest.mark.parametrize(
    ("format_", "mode"), [("prometheus", 0o644), ("json", 0o600), ("table", 0o600), ("nagios", 0o600)]
)
def test_metrics_are_for_all_and_the_rest_for_its_owner(
    format_: str, mode: int, mask: int, tmp_path: Path
) -> None:
    path = tmp_path / "result"
    before = os.umask(mask)
    try:
        with accounts("fine"):
            run("status", "-f", format_, "-o", str(path))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


@posix
@pytest.mark.parametrize("format_", ["prometheus", "json"])
def test_a_file_that_is_there_keeps_its_mode(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("old")
    path.chmod(0o640)
    with accounts("fine"):
        run("status", "-f", format_, "-o", str(path))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text(encoding="utf-8") != "old"


@posix
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    with accounts("fine"):
        run("status", "--json", "-o", str(link))
    assert link.is_symlink()
    assert json.loads(real.read_text(encoding="utf-8"))["status"] == "ok"


def test_a_dash_is_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with accounts("fine"):
        assert run("status", "-o", "-").out == run("status").out != ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_folder_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with accounts("fine"):
        run("status", "--json", "-o", "result.json")
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "no" / "result"
    with accounts("fine"):
        outcome = run("status", "-o", str(path))
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"Error: cannot write {path}: No such file or directory\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with accounts("fine"):
        outcome = run("status", "-o", str(tmp_path))
    assert (outcome.code, outcome.err) == (3, f"Error: cannot write {tmp_path}: it is no ordinary file\n")


@posix
def test_a_device_is_never_replaced() -> None:
    with accounts("fine"):
        outcome = run("status", "-o", os.devnull)
    assert (outcome.code, outcome.err) == (3, f"Error: cannot write {os.devnull}: it is no ordinary file\n")
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="neither root nor Windows is kept from writing so"
)
def test_a_folder_that_takes_nothing_is_an_error_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("old")
    tmp_path.chmod(0o500)
    try:
        with accounts("fine"):
            outcome = run("status", "-o", str(path))
    finally:
        tmp_path.chmod(0o700)
    assert (outcome.code, outcome.err) == (3, f"Error: cannot write {path}: Permission denied\n")
    assert path.read_text() == "old"


def test_nothing_found_empties_the_metrics(tmp_path: Path) -> None:
    path = tmp_path / "result.prom"
    path.write_text("usagecli_service_stale 0\n")
    configure([])
    outcome = run("status", "-f", "prometheus", "-o", str(path))
    assert (outcome.code, path.read_text()) == (3, "")
    assert "names no enabled service" in outcome.err
