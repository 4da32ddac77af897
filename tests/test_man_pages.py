"""The manual pages: current, whole, and in the package where `man` finds them."""

from __future__ import annotations

import glob
import importlib.util
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType

import pytest

from tests.process import ROOT, environment
from usagecli import registry
from usagecli.cli import COMMANDS

SCRIPT = ROOT / "scripts" / "man_pages.py"
PAGES = sorted((ROOT / "man").iterdir())


def test_the_committed_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"],
        env=environment({"PYTHONIOENCODING": "utf-8"}),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, f"run: python scripts/man_pages.py\n{done.stderr}"


def test_every_command_and_every_provider_has_one() -> None:
    names = {path.name for path in PAGES}
    assert {"usagecli.1", *(f"usagecli-{name}.1" for name in (*COMMANDS, *registry.names()))} <= names
    assert {"usagecli-services-add.1", "usagecli-config-init.1"} <= names


def test_a_provider_s_page_says_where_its_login_is_and_what_can_be_set() -> None:
    page = (ROOT / "man" / "usagecli-codex.1").read_text(encoding="utf-8")
    assert "codex login" in page
    assert "CHATGPT_ACCESS_TOKEN + CHATGPT_ACCOUNT_ID" in page
    assert "\\fBhomes\\fP" in page


def test_the_package_carries_them_to_where_man_looks() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    pattern = setup["options.data_files"]["share/man/man1"]
    found = sorted(Path(name).name for name in glob.glob(pattern, root_dir=ROOT))
    assert found == [path.name for path in PAGES]


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed here")
def test_mandoc_has_nothing_to_warn_of() -> None:
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *map(str, PAGES)], capture_output=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- the script -------------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with pages of its own in place of the committed ones."""
    spec = importlib.util.spec_from_file_location("man_pages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.copytree(ROOT / "man", tmp_path / "man")
    monkeypatch.setattr(module, "FOLDER", tmp_path / "man")
    monkeypatch.setattr(sys, "argv", ["man_pages.py"])
    return module


def damage(folder: Path) -> None:
    """A page that is gone, one of another text, and one of no command."""
    (folder / "usagecli-zai.1").unlink()
    changed = folder / "usagecli-codex.1"
    changed.write_text(changed.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    (folder / "usagecli-gone.1").write_text("old\n", encoding="utf-8")


def test_what_is_not_current_is_named_with_the_mend(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    damage(tmp_path / "man")
    monkeypatch.setattr(sys, "argv", ["man_pages.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == (
        "not current: usagecli-codex.1, usagecli-gone.1, usagecli-zai.1; run: python scripts/man_pages.py"
    )
    assert (tmp_path / "man" / "usagecli-gone.1").exists(), "a check writes nothing"


def test_one_run_mends_them_and_leaves_the_others_with_their_dates(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "man"
    kept = folder / "usagecli-status.1"
    text = kept.read_text(encoding="utf-8").splitlines()
    text[0] = '.TH "USAGECLI-STATUS" "1" "2001-02-03"' + text[0].partition('"1" ')[2][12:]
    kept.write_text("\n".join(text) + "\n", encoding="utf-8")
    damage(folder)
    script.main()
    assert capsys.readouterr().out == f"3 of {len(PAGES)} pages changed\n"
    assert {path.name for path in folder.iterdir()} == {path.name for path in PAGES}
    assert '"2001-02-03"' in kept.read_text(encoding="utf-8")
    assert "more\n" not in (folder / "usagecli-codex.1").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("help_", "roff"),
    [
        ("One\nparagraph.\n\nAnother.", "One paragraph.\n.PP\nAnother."),
        ("Kept:\n\n\b\na   b\n.c\n", "Kept:\n.PP\n.nf\na   b\n\\&.c\n.fi"),
        ("--json and C:\\x", "\\-\\-json and C:\\ex"),
        ("'quoted'", "\\&'quoted'"),
    ],
)
def test_help_texts_become_roff(script: ModuleType, help_: str, roff: str) -> None:
    assert script._paragraphs(help_) == roff
