"""Which services a run is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import make_machine
from usagecli import services
from usagecli.config import Config
from usagecli.errors import ConfigError
from usagecli.machine import Machine
from usagecli.model import Service

OPENROUTER = {"OPENROUTER_API_KEY": "sk-or-fake"}
COPILOT = {"GITHUB_PAT": "github_pat_fake"}
SERVICES = (
    Service(name="work", provider="codex"),
    Service(name="home", provider="openrouter"),
    Service(name="off", provider="codex", enabled=False),
    # A service may be called like another provider.
    Service(name="claude", provider="openrouter"),
)


def chosen(machine: Machine, *wanted: str, accounts: tuple[str, ...] = (), **config: Any) -> list[str]:
    """The names of the services chosen from SERVICES."""
    found = Config(**{"path": "config.yaml", "services": SERVICES, **config})
    return [target.service.name for target in services.choose(found, machine, wanted, accounts)]


def test_discovery_is_in_order_of_name_and_keeps_the_credential(own_home: Path) -> None:
    found = services.discover(make_machine(own_home, {**OPENROUTER, **COPILOT}))
    assert [target.service for target in found] == [
        Service(name="copilot", provider="copilot", named=False),
        Service(name="openrouter", provider="openrouter", named=False),
    ]
    origins = [target.credential.origin for target in found if target.credential]
    assert origins == ["GITHUB_PAT", "OPENROUTER_API_KEY"]


def test_discovery_of_nothing(machine: Machine) -> None:
    assert services.discover(machine) == []


def test_discovery_keeps_what_is_there_and_unusable(machine: Machine, own_home: Path) -> None:
    (own_home / ".config" / "openrouter").mkdir(parents=True)
    (own_home / ".config" / "openrouter" / "key.json").write_text("{")
    (found,) = services.discover(machine)
    assert (found.service.name, found.credential) == ("openrouter", None)


@pytest.mark.parametrize(
    ("wanted", "accounts", "expected"),
    [
        ((), (), ["work", "home", "claude"]),
        (("home", "work"), (), ["work", "home"]),
        (("work", "work"), (), ["work"]),
        (("openrouter",), (), ["home", "claude"]),
        (("openrouter", "home"), (), ["home", "claude"]),
        (("off",), (), ["off"]),
        (("codex",), (), ["work"]),
        (("codex",), ("off",), ["off"]),
        ((), ("off", "home"), ["home", "off"]),
        (("claude",), (), ["claude"]),
        (("copilot",), (), ["copilot"]),
        (("home", "copilot"), ("copilot",), ["copilot"]),
    ],
)
def test_services_of_the_config(
    machine: Machine, wanted: tuple[str, ...], accounts: tuple[str, ...], expected: list[str]
) -> None:
    assert chosen(machine, *wanted, accounts=accounts) == expected


def test_a_provider_whose_services_are_all_off_is_not_asked(machine: Machine) -> None:
    assert chosen(machine, "codex", services=SERVICES[1:]) == []


def test_without_services_providers_are_named(machine: Machine) -> None:
    assert chosen(machine, "copilot", "codex", "copilot", services=None) == ["copilot", "codex"]


def test_a_provider_that_is_named_may_use_shared_credentials(machine: Machine) -> None:
    config = Config(path="config.yaml")
    assert [target.service.named for target in services.choose(config, machine, ["copilot"])] == [True]


@pytest.mark.parametrize(
    ("wanted", "accounts", "found", "message"),
    [
        (("wrk",), (), SERVICES, "there is no service or provider 'wrk'; did you mean 'work'?"),
        (("work",), ("home",), SERVICES, "there is no service 'home' here; there are: work"),
        (("codx",), (), None, "there is no provider 'codx'; did you mean 'codex'?"),
        ((), ("work",), None, "there is no service 'work' here"),
        ((), ("work",), (), "there is no service 'work' here"),
    ],
)
def test_unknown_names(
    machine: Machine,
    wanted: tuple[str, ...],
    accounts: tuple[str, ...],
    found: tuple[Service, ...] | None,
    message: str,
) -> None:
    with pytest.raises(ConfigError) as caught:
        chosen(machine, *wanted, accounts=accounts, services=found)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "no services: what is found on this machine is reported"),
        ((), "0 services"),
        (SERVICES[:1], "1 service"),
        (SERVICES, "4 services"),
    ],
)
def test_how_many_services_in_words(found: tuple[Service, ...] | None, words: str) -> None:
    assert services.counted(Config(path="config.yaml", services=found)) == words
