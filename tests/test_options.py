"""A provider's options: the config, else the environment, else nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.support import d, make_machine
from usagecli import options, registry
from usagecli.model import Service
from usagecli.registry import Option

TEXT = Option(name="username", about="The login.", env="LOGIN")
LIMIT = Option(name="limit", about="The allowance.", env="LIMIT", kind="positive", fallback="300 is used")
BARE = Option(name="cap", about="The cap.", env="CAP", kind="positive")
HIDDEN = Option(name="region", about="The region.")


def resolved(
    home: Path, given_: dict[str, Any], env: dict[str, str], *known: Option
) -> tuple[dict[str, Any], list[str]]:
    from dataclasses import replace

    descriptor = replace(registry.get("openrouter").descriptor, options=known)
    service = Service(name="work", provider="openrouter", options=given_)
    return options.resolve(descriptor, service, make_machine(home, env))


@pytest.mark.parametrize(
    ("given_", "env", "expected", "warnings"),
    [
        ({}, {}, None, []),
        ({}, {"LIMIT": "1500"}, d(1500), []),
        ({}, {"LIMIT": " "}, None, []),
        ({"limit": d(300)}, {"LIMIT": "1500"}, d(300), []),
        ({"limit": d(300)}, {"LIMIT": "many"}, d(300), []),
        ({}, {"LIMIT": "many"}, None, ["LIMIT is not a number above 0: 300 is used"]),
        ({}, {"LIMIT": "0"}, None, ["LIMIT is not a number above 0: 300 is used"]),
        ({}, {"LIMIT": "nan"}, None, ["LIMIT is not a number above 0: 300 is used"]),
    ],
)
def test_the_config_wins_over_the_environment(
    own_home: Path,
    given_: dict[str, Any],
    env: dict[str, str],
    expected: Decimal | None,
    warnings: list[str],
) -> None:
    assert resolved(own_home, given_, env, LIMIT) == ({"limit": expected}, warnings)


def test_every_option_is_there_and_a_wrong_variable_costs_no_other(own_home: Path) -> None:
    env = {"LOGIN": "octo-sample", "CAP": "x", "REGION": "eu"}
    assert resolved(own_home, {}, env, TEXT, BARE, HIDDEN) == (
        {"username": "octo-sample", "cap": None, "region": None},
        ["CAP is not a number above 0: it is ignored"],
    )


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (TEXT, " octo-sample ", "octo-sample"),
        (TEXT, 1234, "1234"),
        (TEXT, "", None),
        (TEXT, 1.5, None),
        (TEXT, ["octo-sample"], None),
        (LIMIT, 300, d(300)),
        (LIMIT, 0.5, d("0.5")),
        (LIMIT, "300", d(300)),
        (LIMIT, 0, None),
        (LIMIT, -1, None),
        (LIMIT, True, None),
        (LIMIT, float("inf"), None),
    ],
)
def test_read(option: Option, value: object, expected: str | Decimal | None) -> None:
    assert options.read(option, value) == expected


@given(ANY_JSON, st.sampled_from([TEXT, LIMIT]))
def test_read_gives_a_sound_value_or_nothing(value: object, option: Option) -> None:
    found = options.read(option, value)
    if option is LIMIT:
        assert found is None or (isinstance(found, Decimal) and found.is_finite() and found > 0)
    else:
        assert found is None or (isinstance(found, str) and found == found.strip() != "")


def test_wanted() -> None:
    assert [options.wanted(option) for option in (TEXT, LIMIT)] == ["a text", "a number above 0"]
