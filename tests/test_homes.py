"""Whether a machine can hold a descriptor's credential, told from its text: never a miss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.catalog import spec
from tests.support import make_machine
from usagecli import registry
from usagecli.homes import any_home, may_hold


@pytest.mark.parametrize("name", registry.catalog())
def test_no_home_of_the_catalog_is_missed(name: str, tmp_path: Path) -> None:
    bare = make_machine(tmp_path, {"HOME": "x"})
    path = f"{registry.CATALOG}/{name}.yaml"
    assert not any_home(path, bare)
    for key in spec(name).keys:
        if key.env:
            assert any_home(path, make_machine(tmp_path, {key.env: "fake-key"}))


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("key: ACME_API_KEY", False),
        ("key: acme_here", False),
        ("key: [{env: ACME_HERE}]", True),
        ("key: {file: ~/here}", True),
        ("key: {'file': '~/here'}", True),
        ('key:\n  - file: "~/here" # said', True),
        ("key: {file: ~/gone}", False),
        ("key: {file: $ACME_HERE/gone}", True),
        ("key: {file: $ACME_GONE/here}", False),
        ('key: "ACME\\x5fHERE"', True),
    ],
)
def test_a_text_search_finds_what_may_be_there(text: str, there: bool, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("fake-key")
    assert may_hold(text.encode(), make_machine(tmp_path, {"ACME_HERE": "x"})) is there


def test_windows_has_one_case_of_names(tmp_path: Path) -> None:
    windows = make_machine(tmp_path, {"ACME_HERE": "x"}, platform="win32")
    assert may_hold(b"key: acme_here", windows)
    assert not may_hold(b"key: acme_gone", windows)


def test_a_run_reads_no_descriptor_whose_key_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from usagecli import services
    from usagecli.declarative import provider

    read: list[str] = []
    real = provider.load

    def load(path: str) -> Any:
        read.append(Path(path).stem)
        return real(path)

    monkeypatch.setattr(provider, "load", load)
    monkeypatch.delitem(registry._providers, "deepl", raising=False)
    found = services.discover(make_machine(tmp_path, {"DEEPL_API_KEY": "fake-key"}))
    assert [target.service.provider for target in found] == ["deepl"]
    assert read == ["deepl"]
