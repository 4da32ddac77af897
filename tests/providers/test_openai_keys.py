"""Where OpenAI's keys stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import make_machine
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers.openai import accept

ADMIN, KEY = "sk-admin-fake-key", "sk-proj-fake-key"


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("openai"), Service(name="openai", provider="openai"), machine)


def keys(found: Credential) -> tuple[str, str, dict[str, str]]:
    """Kind, key, and the keys beside it."""
    others = {part: secret.reveal() for part, secret in found.others.items()}
    return found.kind, found.secret.reveal(), others


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize(
    ("env", "origin", "expected"),
    [
        ({"OPENAI_ADMIN_KEY": ADMIN}, "OPENAI_ADMIN_KEY", ("admin", ADMIN, {})),
        ({"OPENAI_API_KEY": KEY}, "OPENAI_API_KEY", ("key", KEY, {})),
        (
            {"OPENAI_API_KEY": KEY, "OPENAI_ADMIN_KEY": ADMIN},
            "OPENAI_ADMIN_KEY",
            ("admin", ADMIN, {"api_key": KEY}),
        ),
        # An admin key of whatever form, by its place; and one in the wrong place, by its form.
        ({"OPENAI_ADMIN_KEY": "fake"}, "OPENAI_ADMIN_KEY", ("admin", "fake", {})),
        ({"OPENAI_API_KEY": ADMIN}, "OPENAI_API_KEY", ("admin", ADMIN, {})),
        ({"OPENAI_API_KEY": KEY, "OPENAI_ADMIN_KEY": " "}, "OPENAI_API_KEY", ("key", KEY, {})),
        ({"OPENAI_API_KEY": KEY, "OPENAI_ADMIN_KEY": '""'}, "OPENAI_API_KEY", ("key", KEY, {})),
        ({"OPENAI_API_KEY": "''", "OPENAI_ADMIN_KEY": ADMIN}, "OPENAI_ADMIN_KEY", ("admin", ADMIN, {})),
    ],
)
def test_the_usual_places(
    own_home: Path, platform: str, env: dict[str, str], origin: str, expected: tuple[str, str, dict[str, str]]
) -> None:
    found = find(make_machine(own_home, env, platform=platform))
    assert (found.origin, keys(found)) == (origin, expected)


@pytest.mark.parametrize("env", [{}, {"OPENAI_API_KEY": " ", "OPENAI_ADMIN_KEY": '" "'}])
def test_no_key_is_not_configured(own_home: Path, env: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match=r"looked in OPENAI_ADMIN_KEY, OPENAI_API_KEY\)"):
        find(make_machine(own_home, env))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f" {KEY}\n", KEY),
        (f'"{KEY}"', KEY),
        (f"'{KEY}'", KEY),
        (f' " {KEY} " ', KEY),
        (f"\"'{KEY}'\"", f"'{KEY}'"),
        (f'"{KEY}', f'"{KEY}'),
        (f"\"{KEY}'", f"\"{KEY}'"),
        ('"', '"'),
    ],
)
@pytest.mark.parametrize("name", ["OPENAI_ADMIN_KEY", "OPENAI_API_KEY"])
def test_blanks_and_one_pair_of_quotes_are_trimmed(own_home: Path, name: str, text: str, key: str) -> None:
    assert find(make_machine(own_home, {name: text})).secret.reveal() == key


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"": KEY}, ("key", KEY, {})),
        ({"": ADMIN}, ("admin", ADMIN, {})),
        ({"": f'"{ADMIN}"'}, ("admin", ADMIN, {})),
        ({"": json.dumps({"api_key": KEY})}, ("key", KEY, {})),
        ({"api_key": KEY}, ("key", KEY, {})),
        ({"api_key": ADMIN}, ("admin", ADMIN, {})),
        ({"admin_key": "fake"}, ("admin", "fake", {})),
        ({"api_key": KEY, "admin_key": ADMIN}, ("admin", ADMIN, {"api_key": KEY})),
    ],
)
def test_configured_keys(
    machine: Machine, parts: dict[str, str], expected: tuple[str, str, dict[str, str]]
) -> None:
    found = accept(parts, "the config file", machine)
    assert (found.origin, keys(found)) == ("the config file", expected)


@pytest.mark.parametrize("part", ["", "admin_key", "api_key"])
@pytest.mark.parametrize("text", ["two fake words", '""', "{}", '{"key": 7}', '{"key": "fake', '["fake"]'])
def test_a_configured_text_without_a_key(machine: Machine, part: str, text: str) -> None:
    with pytest.raises(ServiceError, match="^the OpenAI credential ") as caught:
        accept({part: text}, "the config file", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)


def test_a_configured_key_is_not_paired_with_one_of_the_environment(own_home: Path) -> None:
    """It may belong to another account."""
    machine = make_machine(own_home, {"OPENAI_API_KEY": KEY})
    assert keys(accept({"": ADMIN}, "the config file", machine)) == ("admin", ADMIN, {})
