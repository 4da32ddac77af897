"""A descriptor of the user's with a mistake in it stops its own services, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli import configure, run
from tests.support import Reply, serve
from tests.test_own import ACME, SAID, broken, write

KEYS: list[dict[str, Any]] = [
    {},
    {"credential": {"env": "NOT_SET"}},
    {"credential": {"account": {"env": "NOT_SET"}}, "options": {"team": "x"}},
]


@pytest.fixture(params=KEYS)
def lantern(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A service of the broken descriptor, in any form."""
    broken()
    return {"name": "lantern", "provider": "acme", **request.param}


@pytest.mark.sockets
def test_only_its_service_fails(lantern: dict[str, Any]) -> None:
    with serve({"/v1/usage": Reply({"credits": 12.5})}) as server:
        write(ACME.format(url=server.url), "fine")
        configure([lantern, {"provider": "fine", "credential": {"value": "fake-key"}}])
        outcome = run("status", "--json")
    wrong, fine = outcome.document["services"]
    assert (outcome.code, outcome.err) == (3, "")
    assert (wrong["service"], wrong["status"], wrong["error"]["kind"]) == ("lantern", "error", "config")
    assert wrong["error"]["message"].endswith(SAID)
    assert wrong["error"]["hint"] == "correct it; usagecli config validate checks it"
    assert (fine["status"], fine["balances"][0]["amount"]) == ("ok", 12.5)


def test_check_tells_it(lantern: dict[str, Any]) -> None:
    configure([lantern])
    outcome = run("check")
    assert (outcome.code, outcome.out.startswith("lantern: unknown, "), SAID in outcome.out) == (
        3,
        True,
        True,
    )


@pytest.mark.parametrize("args", [("acme",), ("providers", "acme"), ("config", "validate")])
def test_what_is_about_it_alone_refuses(args: tuple[str, ...], lantern: dict[str, Any]) -> None:
    configure([lantern])
    outcome = run(*args)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith(f"{SAID}\n")


def test_the_doctor_says_it_once_with_the_right_mend(lantern: dict[str, Any]) -> None:
    configure([lantern])
    outcome = run("doctor")
    assert (outcome.code, outcome.out.count(SAID)) == (3, 1)
    assert "-> correct or remove it; usagecli config validate checks it\n" in outcome.out
    assert "✗ config" not in outcome.out


@pytest.mark.parametrize("args", [("services", "list"), ("config", "show"), ("services", "test")])
def test_it_can_be_looked_at(args: tuple[str, ...], lantern: dict[str, Any]) -> None:
    configure([lantern])
    outcome = run(*args)
    assert (outcome.code in (0, 3), "lantern" in outcome.out) == (True, True)


def test_it_can_be_taken_out(lantern: dict[str, Any]) -> None:
    path = configure([lantern])
    assert run("services", "remove", "lantern", "--yes").code == 0
    assert "lantern" not in path.read_text()


def test_other_mistakes_of_the_config_are_still_refused(lantern: dict[str, Any]) -> None:
    configure([{**lantern, "nam": "x"}])
    outcome = run("status")
    assert (outcome.code, "nam: no such key" in outcome.err) == (2, True)


def test_once_mended_it_is_asked_again(lantern: dict[str, Any]) -> None:
    configure([{"name": "lantern", "provider": "acme"}])
    assert run("status").code == 3
    write(ACME.format(url="https://api.acme.example"))
    told = json.dumps(run("status", "--json").document)
    assert (SAID in told, "not_configured" in told) == (False, True)
