"""What every provider promises, whoever wrote it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from tests.cli import run
from tests.process import ROOT
from tests.support import NOW, PAYLOADS
from usagecli import registry
from usagecli.declarative.loader import load
from usagecli.formatters.json import document
from usagecli.model import Report, Service, Usage
from usagecli.registry import Descriptor
from usagecli.urls import check_base_url

each = pytest.mark.parametrize("name", registry.names())
# Those that ask nobody.
ON_THIS_MACHINE = ("jetbrains",)


def descriptor(name: str) -> Descriptor:
    return registry.get(name).descriptor


@cache
def demo() -> dict[str, dict[str, Any]]:
    """A good report of each provider that the demo shows."""
    services = run("--demo", "status", "--json").document["services"]
    return {service["provider"]: service for service in services if service["error"] is None}


def document_keys() -> set[str]:
    """The keys that every document has, whatever the provider."""
    service = Service(name="work", provider="openrouter")
    return set(document(Report(service=service, status="ok", usage=Usage(), fetched_at=NOW)))


@each
def test_the_command_has_a_help(name: str) -> None:
    outcome = run(name, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: usagecli {name} [OPTIONS]\n")


@each
def test_the_file_is_called_like_the_provider(name: str) -> None:
    assert descriptor(name).name == name
    folder = ROOT / "usagecli" / "providers"
    file = f"catalog/{name}.yaml" if name in registry.catalog() else f"{name.replace('-', '_')}.py"
    assert (folder / file).is_file()
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)


@each
def test_the_readme_has_a_row(name: str) -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    first_cells = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert first_cells.count(f"`{name}`") == 1


@each
def test_answers_are_recorded_and_tested(name: str) -> None:
    assert list((PAYLOADS / name).rglob("*.*"))
    # Those of the catalog are tested together: tests/providers/test_catalog.py runs all their answers.
    if name not in registry.catalog():
        assert list((ROOT / "tests" / "providers").glob(f"test_{name.replace('-', '_')}*.py"))


@pytest.mark.parametrize("name", sorted({*registry.names()} - {*registry.catalog()}))
def test_its_parser_meets_any_json(name: str) -> None:
    """Those of the catalog meet it together, in tests/providers/test_catalog.py."""
    found = (ROOT / "tests" / "providers").glob(f"test_{name.replace('-', '_')}*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in found)
    for word in (r"@given\(", r"\bmutated\(", r"\b(survives|sound)\("):
        assert re.search(word, text), f"{name} needs a property-based test of tests/fuzz.py: {word}"


@each
def test_it_says_how_to_get_access(name: str) -> None:
    steps = descriptor(name).access
    assert 2 <= len(steps) <= 4
    for step in steps:
        assert step[0].isupper()
        assert step.endswith(".")


@each
def test_it_says_what_it_is(name: str) -> None:
    found = descriptor(name)
    for text in (found.title, found.reports, found.documented, found.renew):
        assert text == " ".join(text.split()) != ""
    assert found.dashboard.startswith("https://")
    if name in ON_THIS_MACHINE:
        assert found.base_url == ""
    elif found.base_url or name not in registry.catalog():
        assert found.base_url == check_base_url(found.base_url)
        assert found.base_url.startswith("https://")
    else:
        # A server of one's own has no usual address.
        assert "base_url" in [option.name for option in found.options]
    assert found.min_interval >= 60


@each
def test_places_parts_and_options_are_told_apart(name: str) -> None:
    found = descriptor(name)
    places = [place.name for place in found.places]
    options = [option.name for option in found.options]
    assert len(set(places)) == len(places) > 0
    assert len(set(options)) == len(options)
    for word in (*options, *found.parts):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", word)
    for option in found.options:
        assert option.about.endswith(".")
        assert option.kind in ("text", "texts", "positive", "flag")
        assert option.env is None or re.fullmatch(r"[A-Z][A-Z0-9_]*", option.env)


@pytest.mark.parametrize("name", registry.catalog())
def test_the_catalog_says_of_a_source_whether_it_is_the_vendor_s(name: str) -> None:
    found = load(f"{registry.CATALOG}/{name}.yaml", name)
    assert found.source
    assert found.documented is not None
    assert found.reports.endswith(".")
    assert found.key_url or found.key_hint


@each
def test_no_key_means_two_things(name: str) -> None:
    assert document_keys().isdisjoint(descriptor(name).contract)


@each
def test_without_a_credential_it_says_so_in_a_whole_document(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Programs of vendors may be installed here, and would answer.
    monkeypatch.setenv("PATH", "")
    outcome = run(name, "--json")
    assert (outcome.code, outcome.err) == (3, "")
    assert outcome.document["error"]["kind"] == "not_configured"
    assert outcome.document["error"]["hint"]
    assert set(outcome.document) == document_keys() | set(descriptor(name).contract)


@pytest.mark.sockets
def test_the_demo_shows_the_first_providers() -> None:
    assert {"claude", "codex", "copilot", "openrouter"} <= set(demo())


@pytest.mark.sockets
@each
def test_a_failed_report_has_the_keys_of_a_good_one(name: str) -> None:
    if name not in demo():
        pytest.skip("the demo does not show it")
    assert set(demo()[name]) == set(run(name, "--json", "--offline").document)
