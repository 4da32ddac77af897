"""What is said of the user's own descriptors: where they are, what they report, what the policy wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import configure, run
from tests.test_own import ACME, write
from usagecli.machine import here

TEXT = ACME.format(url="https://api.acme.example")
MONTH = """\
quotas:
  m: {label: This month, unit: requests, used: u, limit: l}
  n: {label: =x, unit: usd, used: u}
"""


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "fake-key-of-acme")


def folder() -> Path:
    return Path(here().config_dir) / "providers"


@pytest.mark.parametrize("args", [("status", "lanternai"), ("providers", "lanternai")])
def test_an_unknown_provider_is_told_where_ones_own_are(args: tuple[str, ...]) -> None:
    outcome = run(*args)
    assert outcome.code == 2
    assert outcome.err.endswith(f"'lanternai'; your own are looked for as {folder() / '*.yaml'}\n")


def test_in_the_config_too() -> None:
    configure([{"provider": "lanternai"}])
    assert run("status").err.endswith(
        f"unknown provider 'lanternai'; your own are looked for as {folder() / '*.yaml'}\n"
    )


def test_the_other_ending_of_yaml_is_read(key: None) -> None:
    write(TEXT).rename(folder() / "acme.yml")
    assert "Acme Gateway (acme)" in run("providers", "acme").out
    assert "✓ acme" in run("doctor").out


def test_of_both_endings_one_is_read_and_the_other_told(key: None) -> None:
    path = write(TEXT)
    path.with_suffix(".yml").write_text("title: Other\n")
    told = f"{path.with_suffix('.yml')}: is not read: {path} is"
    assert "Acme Gateway (acme)" in run("providers", "acme").out
    assert told in run("doctor").out


def test_the_policy_says_what_to_write_where(key: None) -> None:
    path = write(TEXT)
    config = configure([{"provider": "acme"}])
    config.write_text(f"{config.read_text()}\npolicy: documented-only\n")
    error = run("status", "--json").document["services"][0]["error"]
    assert error["kind"] == "config"
    assert error["hint"] == f"where it is documented, write `documented: true` into {path}"


def test_a_services_name_is_no_command(key: None) -> None:
    write(TEXT)
    configure([{"name": "lan tern", "provider": "acme"}])
    assert (
        "No such command 'lan tern'; it is a service of the config: usagecli status 'lan tern'"
        in " ".join(run("lan tern").err.split())
    )
    assert "it is a service" not in run("--demo", "lan tern").err
    configure([{"provider": "nobody"}])
    assert "No such command 'lan tern'\n" in run("lan tern").err


def test_its_page_names_figures_file_and_address(key: None) -> None:
    write(TEXT + MONTH)
    configure([{"name": "lantern", "provider": "acme", "base_url": "https://lan.example.com"}])
    page = run("providers", "acme").out
    assert page.splitlines()[2] == "This month (requests), quotas, Credits (usd)."
    assert f"\n  Described in {here().short(str(folder() / 'acme.yaml'))}.\n" in page
    assert "\n  lantern (https://lan.example.com): *** from ACME_API_KEY\n" in page
    assert "\n  The descriptor does not say that the vendor documents this.\n" in page
    assert "Described in" not in run("providers", "openrouter").out
