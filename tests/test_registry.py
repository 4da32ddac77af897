"""How providers are found: by the name of their file, and none is imported before it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process import python
from usagecli import registry


def test_names_are_those_of_the_files_without_private_ones() -> None:
    names = registry.names()
    assert list(names) == sorted(set(names))
    assert {"claude", "codex", "copilot", "openrouter"} <= set(names)
    assert not any(name.startswith("-") or "_" in name for name in names)


def test_names_of_a_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.py", "a_two.py", "_shared.py", "__init__.py", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "catalog").mkdir()
    for name in ("a.yaml", "d-e.yaml", "notes.txt"):
        (tmp_path / "catalog" / name).write_text("")
    monkeypatch.setattr(registry, "_FOLDER", str(tmp_path))
    monkeypatch.setattr(registry, "CATALOG", str(tmp_path / "catalog"))
    assert registry.names() == ("a", "a-two", "b", "d-e")
    assert registry.catalog() == ("a", "d-e")


def test_names_imports_no_provider() -> None:
    code = (
        "import sys; from usagecli import registry; registry.names();"
        "print([name for name in sys.modules if name.startswith(('usagecli.providers', 'yaml', 'jmespath'))])"
    )
    assert python(code).out == "[]\n"


def test_get_imports_the_one_that_was_asked_for() -> None:
    code = (
        "import sys; from usagecli import registry; registry.get('openrouter');"
        "print('usagecli.providers.openrouter' in sys.modules, 'usagecli.providers.codex' in sys.modules)"
    )
    assert python(code).out == "True False\n"


@pytest.mark.parametrize("name", ["", "nothing", "_openrouter_usage", "../wire", "OpenRouter"])
def test_an_unknown_provider(name: str) -> None:
    with pytest.raises(KeyError):
        registry.get(name)


def test_a_second_provider_of_one_name_is_refused() -> None:
    found = registry.get("openrouter")
    with pytest.raises(ValueError, match="'openrouter' is registered twice"):
        registry.register(found.descriptor)(found.fetch)
    assert registry.get("openrouter") is found
