"""What a run knows of the machine: its directories, a home, an environment."""

from __future__ import annotations

import os
import sys
from datetime import UTC
from pathlib import Path

import pytest

from tests.support import make_machine
from usagecli.machine import Machine, here


def test_a_blank_variable_counts_as_none(own_home: Path) -> None:
    machine = make_machine(own_home, {"A": " x ", "B": " \t", "C": ""})
    assert [machine.get(name) for name in "ABCD"] == ["x", None, None, None]


@pytest.mark.parametrize(
    ("path", "below_home"),
    [("~", ""), ("~/a/b", "a/b"), ("~\\a", "a")],
)
def test_expand_the_home(machine: Machine, path: str, below_home: str) -> None:
    assert machine.expand(path) == os.path.join(machine.home, below_home)


@pytest.mark.parametrize("path", ["/a/b", "a/~", "~other/a", "", "./a"])
def test_expand_leaves_other_paths_alone(machine: Machine, path: str) -> None:
    assert machine.expand(path) == path


def test_short(machine: Machine) -> None:
    inside = os.path.join(machine.home, "a")
    assert machine.short(inside) == os.path.join("~", "a")
    for path in (machine.home, machine.home + "-other", os.path.join(os.sep, "a")):
        assert machine.short(path) == path


def test_short_where_the_root_is_home(machine: Machine) -> None:
    from dataclasses import replace

    assert replace(machine, home=os.sep).short(os.path.join(os.sep, "a")) == os.path.join(os.sep, "a")


def test_the_environment_is_not_in_the_repr(own_home: Path) -> None:
    assert "fake" not in repr(make_machine(own_home, {"KEY": "sk-fake"}))


def test_the_clock_is_aware() -> None:
    assert here().clock().tzinfo is UTC


def on(platform: str, monkeypatch: pytest.MonkeyPatch, **env: str) -> list[str]:
    """Config, cache and data directory of that platform, below the home (`/` for `\\`)."""
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    machine = here()
    found = (machine.config_dir, machine.cache_dir, machine.data_dir)
    return [path.replace(machine.home, "~").replace("\\", "/") for path in found]


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ["~/.config/usagecli", "~/.cache/usagecli", "~/.local/share/usagecli"]),
        (
            "darwin",
            [
                "~/Library/Application Support/usagecli",
                "~/Library/Caches/usagecli",
                "~/Library/Application Support/usagecli",
            ],
        ),
        (
            "win32",
            [
                "~/AppData/Roaming/usagecli",
                "~/AppData/Local/usagecli/Cache",
                "~/AppData/Local/usagecli",
            ],
        ),
    ],
)
def test_directories_of_the_platform(
    platform: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on(platform, monkeypatch) == expected


def test_xdg_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Absolute on every platform; a relative one is to be ignored.
    base = str(tmp_path)
    found = on("linux", monkeypatch, XDG_CONFIG_HOME=base, XDG_CACHE_HOME="relative", XDG_DATA_HOME="")
    assert found == [
        os.path.join(base, "usagecli").replace("\\", "/"),
        "~/.cache/usagecli",
        "~/.local/share/usagecli",
    ]


def test_windows_directories_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    roaming, local = str(tmp_path / "roaming"), str(tmp_path / "local")
    found = on("win32", monkeypatch, APPDATA=roaming, LOCALAPPDATA=local)
    assert found == [
        path.replace("\\", "/")
        for path in (f"{roaming}/usagecli", f"{local}/usagecli/Cache", f"{local}/usagecli")
    ]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_one_variable_moves_each_directory(
    platform: str, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    # Not for `~`: a home's variable has another name on the other platforms.
    cache, data = str(own_home / "cache"), str(own_home / "data")
    found = on(platform, monkeypatch, USAGECLI_CACHE_DIR=f" {cache} ", USAGECLI_DATA_DIR=data)
    assert found[1:] == ["~/cache", "~/data"]


def test_the_variables_know_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on(sys.platform, monkeypatch, USAGECLI_CACHE_DIR="~/c")[1] == "~/c"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    machine = here()
    assert machine.home == os.sep
    for folder in (machine.config_dir, machine.cache_dir, machine.data_dir):
        assert os.path.isabs(folder)
