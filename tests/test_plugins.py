"""Providers of other packages: really installed, found, broken, and what finding them costs."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.process import ROOT, process
from tests.support import Reply, serve
from usagecli import plugins, registry
from usagecli.machine import here

POINTS_OF_EXAMPLE = """\
[usagecli.providers]
example = usage_example:add
broken = usage_example:no_such_name
codex = usage_example
"""
GUIDE = (
    (ROOT / "CONTRIBUTING.md")
    .read_text(encoding="utf-8")
    .partition("## Providers in a package of your own\n")[2]
)
# What the guide shows is what is installed here.
CODE = textwrap.dedent(GUIDE.partition("`usage_example.py`, whole:\n\n")[2].partition("\n`fetch` raises")[0])


def test_the_entry_point_of_the_guide_is_the_one_that_works() -> None:
    (point,) = re.findall(r'^    (example = )"(.*)"$', GUIDE, flags=re.MULTILINE)
    assert "".join(point) in POINTS_OF_EXAMPLE.splitlines()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example package, from a wheel."""
    target = tmp_path_factory.mktemp("target")
    wheel = tmp_path_factory.mktemp("source") / "usage_example-1.0-py3-none-any.whl"
    info = "usage_example-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("usage_example.py", CODE)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: usage-example\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/entry_points.txt", POINTS_OF_EXAMPLE)
        file.writestr(f"{info}/RECORD", "")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    done = subprocess.run([*pip, "--target", str(target), str(wheel)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip does not work here: {done.stderr.strip()}")
    return target


@pytest.fixture
def example(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example package on this process's path, gone again after the test."""
    monkeypatch.syspath_prepend(str(installed))
    yield installed
    registry._providers.pop("example", None)
    sys.modules.pop("usage_example", None)


BROKEN = (
    "package usage_example: its provider broken cannot be loaded "
    "(AttributeError: module 'usage_example' has no attribute 'no_such_name')"
)
TAKEN = "package usage_example: the id 'codex' is taken by a built-in provider; choose another"


@pytest.mark.sockets
def test_an_installed_package_adds_a_provider(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "fake-key-of-example")
    with serve({"/credit": Reply({"credit": 7})}) as server:
        config = Path(here().config_dir) / "config.yaml"
        config.parent.mkdir(parents=True)
        config.write_text(f"services: [{{provider: example, base_url: '{server.url}'}}]\n")
        outcome = run("example", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.document["balances"][0]["amount"] == 7
    assert server.seen[0].headers["x-key"] == "fake-key-of-example"
    assert "example" in run("--help").out
    assert "Example (example)" in run("providers", "example").out


def test_it_is_found_like_any_other(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "fake-key-of-example")
    outcome = run("status", "--offline")
    assert "example" in outcome.out
    assert f"Warning: {BROKEN}\n" in outcome.err


def test_in_a_process_of_its_own(installed: Path) -> None:
    path = os.pathsep.join([str(installed), str(Path(__file__).parent.parent)])
    outcome = process("example", "--json", env={"PYTHONPATH": path})
    assert (outcome.code, outcome.document["error"]["kind"]) == (3, "not_configured")


def test_a_broken_one_is_a_warning_that_names_the_package(example: Path) -> None:
    listed = run("providers")
    assert listed.code == 0
    assert "Example" in listed.out
    assert set(listed.err.splitlines()) == {f"Warning: {BROKEN}", f"Warning: {TAKEN}"}
    checked = run("doctor")
    assert BROKEN in checked.out
    assert TAKEN in checked.out
    assert run("codex").err == ""


def test_a_broken_one_that_is_asked_for(example: Path) -> None:
    outcome = run("broken")
    assert (outcome.code, outcome.err) == (2, f"Error: {BROKEN}\n")


def test_no_package_takes_the_place_of_a_built_in(example: Path) -> None:
    run("providers")
    assert registry.get("codex").descriptor.title == "Codex (ChatGPT)"


# -- by hand: what pip need not prove again -------------------------------------------------------------


def package(folder: Path, code: str, points: str, name: str = "usage_other") -> None:
    """A package as pip leaves it."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "entry_points.txt").write_text(points)
    importlib.invalidate_caches()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(registry._providers)
    yield tmp_path
    for name in set(registry._providers) - before:
        del registry._providers[name]
    for name in [name for name in sys.modules if name.startswith("usage_other")]:
        del sys.modules[name]


POINTS = "[console_scripts]\nx = y:z\n\n[usagecli.providers]\n# a comment\nother = usage_other\n"
REGISTERS = CODE.replace('"example"', "NAME") + "\n\n"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise RuntimeError('no\\nmore')", "RuntimeError: no"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("1 +", "SyntaxError: invalid syntax (usage_other.py, line 1)"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("", "LookupError: it registers no provider 'other'"),
    ],
)
def test_whatever_a_package_does_wrong(code: str, told: str, folder: Path) -> None:
    package(folder, code, POINTS)
    outcome = run("providers")
    assert outcome.code == 0
    assert outcome.err == (f"Warning: package usage_other: its provider other cannot be loaded ({told})\n")


def test_what_it_registers_beside_its_own_name_is_taken_back(folder: Path) -> None:
    code = REGISTERS + "NAME = 'other'\nadd()\nNAME = 'zai-two'\nadd()\n"
    package(folder, code, POINTS)
    assert "Example (other)" in run("providers", "other").out
    assert "zai-two" not in registry._providers


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("body = ask", "1 / 0; body = ask"), "failed (ZeroDivisionError)"),
        (("return Usage", "return None and Usage"), "gave no Usage with Decimal figures"),
        (("amount=credit", "amount=7.5"), "gave no Usage with Decimal figures"),
    ],
)
def test_a_bug_in_its_fetch_costs_its_own_report(
    change: tuple[str, str], told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "fake-key-of-example")
    with serve({"/credit": Reply({"credit": 7})}) as server:
        code = REGISTERS.replace(*change).replace("https://api.example.com", server.url)
        package(folder, code + "NAME = 'other'\nadd()\n", POINTS)
        outcome = run("status", "--json")
    (service,) = outcome.document["services"]
    assert outcome.code == 3
    assert service["error"]["message"] == f"other: the package usage_other {told}"


def test_a_change_of_the_packages_is_seen_and_nothing_else_searched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(folder, "", POINTS)
    cache = here().cache_dir
    assert "other" in plugins.Plugins(cache).names()
    real, searched = plugins._search, []

    def counted() -> Iterator[Any]:
        searched.append(1)
        return real()

    monkeypatch.setattr(plugins, "_search", counted)
    assert "other" in plugins.Plugins(cache).names()
    assert searched == []
    shutil.rmtree(folder / "usage_other-1.0.dist-info")
    os.utime(folder, ns=(1, 1))
    assert "other" not in plugins.Plugins(cache).names()
    assert searched == [1]


@pytest.mark.parametrize("text", ["", "x", "\n\n", "a\tb\tc\n", "\xff"])
def test_a_damaged_memory_is_made_anew(text: str, folder: Path) -> None:
    package(folder, "", POINTS)
    cache = Path(here().cache_dir)
    cache.mkdir(parents=True)
    (cache / "plugins.txt").write_text(text, encoding="latin-1")
    assert "other" in plugins.Plugins(str(cache)).names()


def test_without_a_place_to_remember_they_are_found_too(folder: Path, tmp_path: Path) -> None:
    package(folder, "", POINTS)
    (tmp_path / "file").write_text("")
    assert "other" in plugins.Plugins(str(tmp_path / "file" / "cache")).names()


def test_the_working_directory_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "", POINTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    assert "other" not in plugins.Plugins(here().cache_dir).names()


def test_the_demo_has_none(folder: Path) -> None:
    package(folder, "", POINTS)
    assert run("--demo", "other").code == 2
