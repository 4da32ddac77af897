"""Where logs are looked for, and which files there are logs."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.tokens.logs import meta, report, responses, rollout, row, totals, transcript, turn, usage, written
from usagecli.tokens import scan

CODEX: list[Any] = [meta(), turn(), *responses(100)]
CLAUDE: list[Any] = [row("msg_1", usage(1000, 100))]


def codex(path: Path, size: int) -> Path:
    return written(path / "rollout-a.jsonl", [meta(str(path)), turn(), *responses(size)])


def claude(path: Path, size: int) -> Path:
    return written(path / "-p" / "session-a.jsonl", [row(f"msg_{path}", usage(size, size // 10))])


def input_() -> int:
    """The input tokens in all, each log's being its own power of ten."""
    found: int = totals()[0]
    return found


class TestPlaces:
    @pytest.fixture(autouse=True)
    def everywhere(self, own_home: Path) -> None:
        codex(own_home / ".codex" / "sessions" / "2026" / "11" / "20", 10)
        codex(own_home / ".codex" / "archived_sessions", 100)
        claude(own_home / ".claude" / "projects", 1000)
        claude(own_home / ".config" / "claude" / "projects", 10_000)
        claude(own_home / "xdg" / "claude" / "projects", 100_000)
        claude(own_home / "other" / "projects", 1_000_000)
        codex(own_home / "other" / "sessions", 10_000_000)

    def test_by_default(self) -> None:
        assert input_() == 11_110

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("XDG_CONFIG_HOME", "{home}/xdg", 101_110),
            ("CODEX_HOME", "{home}/other", 10_011_000),
            ("CODEX_HOME", "~/other/", 10_011_000),
            ("CODEX_HOME", "{home}/other, ~/.codex", 10_011_110),
            ("CODEX_HOME", "{home}/none", 11_000),
            ("CODEX_HOME", ",", 11_110),
            ("CODEX_USAGE_SESSIONS_ROOT", "{home}/other/sessions", 10_011_000),
            ("CLAUDE_CONFIG_DIR", "{home}/other", 1_000_110),
            ("CLAUDE_CONFIG_DIR", "~/other,~/.claude", 1_001_110),
            ("CLAUDE_CONFIG_DIR", "~/other/projects", 1_000_110),
            ("CODEX_USAGE_CLAUDE_PROJECTS_ROOT", "~/other/projects", 1_000_110),
        ],
    )
    def test_as_a_variable_says(
        self, own_home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: int
    ) -> None:
        monkeypatch.setenv(name, value.replace("{home}", str(own_home)))
        assert input_() == expected

    def test_the_root_itself_goes_before_the_home(
        self, own_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CODEX_HOME", str(own_home / "none"))
        monkeypatch.setenv("CODEX_USAGE_SESSIONS_ROOT", str(own_home / "other" / "sessions"))
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(own_home / "none"))
        monkeypatch.setenv("CODEX_USAGE_CLAUDE_PROJECTS_ROOT", str(own_home / "other" / "projects"))
        assert input_() == 11_000_000


def linked(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("links need a right here that tests do not have")


class TestLinks:
    """Rows without any id show a file that is read twice."""

    ROWS: tuple[Any, ...] = (row(None, usage(1000, 100), requestId=None, uuid=None),)

    @pytest.fixture
    def real(self, own_home: Path) -> Path:
        written(own_home / "real" / "-p" / "session-a.jsonl", self.ROWS)
        return own_home / "real"

    def audited(self) -> list[str]:
        return [file["path"] for file in report("audit")["files"]]

    def test_a_root_that_is_a_link(self, own_home: Path, real: Path) -> None:
        linked(own_home / ".claude" / "projects", real)
        assert totals() == (1000, 0, 0, 100)

    def test_two_roots_that_are_one(self, own_home: Path, real: Path) -> None:
        linked(own_home / ".claude" / "projects", real)
        linked(own_home / ".config" / "claude" / "projects", real)
        assert totals() == (1000, 0, 0, 100)
        assert len(self.audited()) == 1

    def test_a_root_within_another(self, own_home: Path, real: Path) -> None:
        linked(own_home / ".claude" / "projects", real)
        linked(own_home / ".config" / "claude" / "projects", real / "-p")
        assert totals() == (1000, 0, 0, 100)
        assert len(self.audited()) == 1

    def test_a_root_around_another(self, own_home: Path, real: Path) -> None:
        linked(own_home / ".claude" / "projects", real / "-p")
        linked(own_home / ".config" / "claude" / "projects", real)
        assert totals() == (1000, 0, 0, 100)
        assert len(self.audited()) == 1

    def test_a_project_elsewhere(self, own_home: Path, real: Path) -> None:
        linked(own_home / ".claude" / "projects" / "-linked", real / "-p")
        assert totals() == (1000, 0, 0, 100)

    def test_the_same_project_twice(self, own_home: Path, real: Path) -> None:
        for name in ("-one", "-two"):
            linked(own_home / ".claude" / "projects" / name, real / "-p")
        assert len(self.audited()) == 1

    @pytest.mark.parametrize("target", [".", "..", "../.."])
    def test_a_circle(self, own_home: Path, target: str) -> None:
        path = transcript(own_home, CLAUDE)
        linked(path.parent / "circle", (path.parent / target).resolve())
        assert len(self.audited()) == 1
        assert totals() == (1000, 0, 0, 100)

    def test_a_link_to_nothing(self, own_home: Path) -> None:
        path = transcript(own_home, CLAUDE)
        linked(path.parent / "gone.jsonl", own_home / "none")
        assert totals() == (1000, 0, 0, 100)

    def test_a_root_that_became_a_link(self, own_home: Path) -> None:
        path = transcript(own_home, CLAUDE)
        assert totals() == (1000, 0, 0, 100)
        projects = path.parent.parent
        moved = projects.rename(own_home / "elsewhere")
        linked(projects, moved)
        assert totals() == (1000, 0, 0, 100)


@pytest.mark.parametrize("name", ["notes.txt", "a.json", "a.jsonl.bak", "a.jsonl.zst.1234.tmp", "jsonl"])
def test_other_files_are_no_logs(own_home: Path, name: str) -> None:
    path = transcript(own_home, CLAUDE)
    (path.parent / name).write_bytes(path.read_bytes().replace(b"msg_1", b"msg_2"))
    assert len(report("audit")["files"]) == 1


def test_a_file_where_the_root_should_be(own_home: Path) -> None:
    transcript(own_home, CLAUDE)
    (own_home / ".codex").write_text("")
    assert totals() == (1000, 0, 0, 100)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="every name is a text here")
def test_a_name_that_is_no_text(own_home: Path) -> None:
    path = transcript(own_home, CLAUDE)
    Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff.jsonl")).write_bytes(path.read_bytes())
    outcome = run("tokens", "daily", "--json")
    assert outcome.code == 3
    assert outcome.document["totals"]["totalTokens"] == 1100
    assert outcome.document["skipped"]["files"] == 1
    assert "\\xff.jsonl: its name is no text: not counted" in outcome.err


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable here")
def test_a_directory_that_cannot_be_listed_is_named(own_home: Path) -> None:
    transcript(own_home, CLAUDE)
    assert totals() == (1000, 0, 0, 100)
    folder = rollout(own_home, CODEX).parent
    folder.chmod(0)
    try:
        outcome = run("tokens", "daily", "--json")
    finally:
        folder.chmod(0o700)
    assert outcome.code == 3
    assert outcome.document["totals"]["totalTokens"] == 1100
    assert f"{folder}: Permission denied" in outcome.err


# -- compressed rollouts ----------------------------------------------------------------------------


@pytest.fixture
def zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    pytest.skip("no zstd decoder is installed")


def compressed(home: Path, zstd: Any) -> Path:
    """A rollout of 100 tokens of input, compressed alone."""
    plain = rollout(home, CODEX)
    path = plain.with_name(f"{plain.name}.zst")
    path.write_bytes(zstd.compress(plain.read_bytes()))
    plain.unlink()
    return path


class TestCompressed:
    def test_it_counts_like_the_plain_one(self, own_home: Path, zstd: Any) -> None:
        compressed(own_home, zstd)
        assert totals() == (100, 0, 0, 10)

    def test_the_plain_one_goes_before_it(self, own_home: Path, zstd: Any) -> None:
        compressed(own_home, zstd)
        rollout(own_home, [meta(), turn(), *responses(100, 200)])
        assert totals() == (300, 0, 0, 30)
        assert len(report("audit")["files"]) == 1

    def test_it_takes_the_place_of_the_plain_one(self, own_home: Path, zstd: Any) -> None:
        rollout(own_home, CODEX)
        assert totals() == (100, 0, 0, 10)
        compressed(own_home, zstd)
        assert totals() == (100, 0, 0, 10)

    @pytest.mark.parametrize("damage", ["cut", "changed", "none"])
    def test_a_damaged_one_is_named_and_the_rest_counts(self, own_home: Path, zstd: Any, damage: str) -> None:
        transcript(own_home, CLAUDE)
        path = compressed(own_home, zstd)
        whole = path.read_bytes()
        changed = whole[:20] + bytes(20) + whole[40:]
        path.write_bytes({"cut": whole[:-10], "changed": changed, "none": b"no zstd"}[damage])
        outcome = run("tokens", "daily", "--json")
        assert outcome.code == 3
        assert outcome.document["totals"]["totalTokens"] == 1100
        assert f"{path}: cannot be decompressed: " in outcome.err

    def test_without_a_decoder_it_is_said(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        transcript(own_home, CLAUDE)
        for number in range(2):
            written(own_home / ".codex" / "sessions" / f"rollout-{number}.jsonl.zst", [b"anything"])

        def missing() -> None:
            raise ImportError

        monkeypatch.setattr(scan, "_decoder", missing)
        for _ in range(2):
            outcome = run("tokens", "daily", "--json")
            assert outcome.code == 0
            assert outcome.document["totals"]["totalTokens"] == 1100
            assert outcome.document["skipped"]["compressedFiles"] == 2
            assert "2 compressed logs are missing" in outcome.err
            assert "usagecli[zstd]" in outcome.err
