"""How OpenRouter is asked: with which key, where, and what a refusal costs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import Service, Usage
from usagecli.providers._openrouter.usage import parse
from usagecli.providers.openrouter import accept, fetch

KEY, MANAGEMENT = "sk-or-v1-fake-key", "sk-or-v1-fake-management"
BOTH = {"api_key": KEY, "management_api_key": MANAGEMENT}
BOTH_IN_ENV = {"OPENROUTER_API_KEY": KEY, "OPENROUTER_MANAGEMENT_API_KEY": MANAGEMENT}
OWN = "https://openrouter.ai/api/v1"
HTML = Reply(b"<!DOCTYPE html><html>sign in</html>", headers={"Content-Type": "text/html"})
NEEDED = "the prepaid balance needs a management key"
NOT_USED = "OPENROUTER_MANAGEMENT_API_KEY was not used: it is only sent to openrouter.ai"


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"openrouter/{case}"), status, headers)


def html(status: int) -> Reply:
    return Reply(HTML.body, status, HTML.headers)


# What OpenRouter answers to an ordinary key, and to a management key.
ORDINARY: dict[str, Route] = {
    "/key": recorded("key_weekly"),
    "/credits": recorded("error_403", 403),
    "/activity": recorded("error_403", 403),
    "/keys": recorded("error_403", 403),
}
MANAGED: dict[str, Route] = {
    "/key": recorded("key_weekly"),
    "/credits": recorded("credits"),
    "/activity": recorded("activity"),
    "/keys": recorded("keys"),
}


def bearers(server: Server) -> list[tuple[str, str]]:
    """Path and key of every request."""
    return [(seen.path, seen.headers["authorization"].removeprefix("Bearer ")) for seen in server.seen]


def ids(usage: Usage) -> list[str]:
    return [entry.id for group in (usage.quotas, usage.balances, usage.spend) for entry in group]


def failure(
    routes: Mapping[str, Route], machine: Machine, secret: str | Mapping[str, str] = KEY
) -> ProviderError:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("openrouter", machine, secret=secret, base_url=server.url))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- which key goes where ---------------------------------------------------------------------------


@pytest.mark.sockets
def test_an_ordinary_key(machine: Machine) -> None:
    with serve(ORDINARY) as server:
        usage = fetch(make_ask("openrouter", machine, secret=KEY, base_url=server.url))
    assert usage == parse(payload("openrouter/key_weekly"), now=NOW, notes=(NEEDED,))
    assert bearers(server) == [("/key", KEY), ("/credits", KEY)]
    assert {seen.headers["accept"] for seen in server.seen} == {"application/json"}
    assert {seen.query for seen in server.seen} == {""}


@pytest.mark.sockets
def test_both_keys(machine: Machine) -> None:
    with serve(MANAGED) as server:
        usage = fetch(make_ask("openrouter", machine, secret=BOTH, base_url=server.url))
    assert bearers(server) == [
        ("/key", KEY),
        ("/credits", MANAGEMENT),
        ("/activity", MANAGEMENT),
        ("/keys", MANAGEMENT),
    ]
    assert usage == parse(
        payload("openrouter/key_weekly"),
        now=NOW,
        credits_=payload("openrouter/credits"),
        activity=payload("openrouter/activity"),
        keys=(payload("openrouter/keys"),),
        managed=True,
    )
    assert (usage.account, usage.notes) == ("Build server", ())


@pytest.mark.sockets
@pytest.mark.parametrize("secret", [MANAGEMENT, {"management_api_key": MANAGEMENT}])
def test_a_management_key_alone_is_used_for_everything(machine: Machine, secret: Any) -> None:
    """Also where it stands in the place of an ordinary one: the answer gives it away."""
    with serve({**MANAGED, "/key": recorded("key_management")}) as server:
        usage = fetch(make_ask("openrouter", machine, secret=secret, base_url=server.url))
    assert bearers(server) == [(path, MANAGEMENT) for path in ("/key", "/credits", "/activity", "/keys")]
    assert ids(usage) == ["credits", "last_30_days", "byok_last_30_days"]
    assert usage.notes == ()


@pytest.mark.sockets
def test_an_ordinary_key_in_the_place_of_a_management_key(machine: Machine) -> None:
    """It sees no balance: the zeros that it may get are none."""
    routes = {**ORDINARY, "/credits": recorded("credits_zero")}
    with serve(routes) as server:
        usage = fetch(
            make_ask("openrouter", machine, secret={"management_api_key": KEY}, base_url=server.url)
        )
    assert server.paths() == ["/key", "/credits"]
    assert (usage.balances, usage.notes) == ((), (NEEDED,))
    assert usage.quotas == parse(payload("openrouter/key_weekly"), now=NOW).quotas


@pytest.mark.sockets
def test_zeros_to_both_keys_are_a_balance(machine: Machine) -> None:
    with serve({**MANAGED, "/credits": recorded("credits_zero")}) as server:
        usage = fetch(make_ask("openrouter", machine, secret=BOTH, base_url=server.url))
    assert [balance.amount for balance in usage.balances] == [0]


def mock_own(mocker: requests_mock.Mocker, base: str = OWN) -> None:
    for path, case in {
        "/key": "key_weekly",
        "/credits": "credits",
        "/activity": "activity",
        "/keys": "keys",
    }.items():
        mocker.get(base + path, json=payload(f"openrouter/{case}"))


def asked(mocker: requests_mock.Mocker) -> list[tuple[str, str]]:
    return [(seen.url, seen.headers["Authorization"]) for seen in mocker.request_history]


def test_both_keys_in_the_environment(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_own(no_network)
    usage = fetch(make_ask("openrouter", make_machine(own_home, BOTH_IN_ENV)))
    assert asked(no_network) == [
        (f"{OWN}/key", f"Bearer {KEY}"),
        (f"{OWN}/credits", f"Bearer {MANAGEMENT}"),
        (f"{OWN}/activity", f"Bearer {MANAGEMENT}"),
        (f"{OWN}/keys", f"Bearer {MANAGEMENT}"),
    ]
    assert usage.source == "api"


def test_a_management_key_alone_in_the_environment(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_own(no_network)
    fetch(make_ask("openrouter", make_machine(own_home, {"OPENROUTER_MANAGEMENT_API_KEY": MANAGEMENT})))
    assert asked(no_network)[0] == (f"{OWN}/key", f"Bearer {MANAGEMENT}")


def test_a_configured_key_is_not_paired_with_one_of_the_environment(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    """It may belong to another account."""
    mock_own(no_network)
    fetch(make_ask("openrouter", make_machine(own_home, BOTH_IN_ENV), secret="sk-or-v1-fake-other"))
    assert {bearer for _, bearer in asked(no_network)} == {"Bearer sk-or-v1-fake-other"}


@pytest.mark.parametrize("url", ["https://openrouter.ai/api/v1/", "https://OpenRouter.ai/api/v2"])
def test_openrouter_s_own_host_may_see_the_management_key(
    own_home: Path, no_network: requests_mock.Mocker, url: str
) -> None:
    mock_own(no_network, url.rstrip("/"))
    machine = make_machine(own_home, {**BOTH_IN_ENV, "OPENROUTER_API_URL": url})
    assert fetch(make_ask("openrouter", machine)).balances
    assert f"Bearer {MANAGEMENT}" in {bearer for _, bearer in asked(no_network)}


@pytest.mark.parametrize(
    "url",
    ["https://openrouter.ai.example.com/api/v1", "https://gateway.example.com/openrouter.ai"],
)
def test_no_other_host_sees_the_management_key(
    own_home: Path, no_network: requests_mock.Mocker, url: str
) -> None:
    mock_own(no_network, url)
    machine = make_machine(own_home, {**BOTH_IN_ENV, "OPENROUTER_API_URL": url})
    usage = fetch(make_ask("openrouter", machine))
    assert asked(no_network) == [(f"{url}/key", f"Bearer {KEY}"), (f"{url}/credits", f"Bearer {KEY}")]
    assert usage.notes == (NOT_USED,)


@pytest.mark.sockets
def test_the_management_key_of_the_environment_never_goes_to_a_base_url(own_home: Path) -> None:
    with serve(MANAGED) as server:
        usage = fetch(make_ask("openrouter", make_machine(own_home, BOTH_IN_ENV), base_url=server.url))
    assert bearers(server) == [("/key", KEY), ("/credits", KEY)]
    assert usage.notes == (NOT_USED,)


@pytest.mark.sockets
def test_a_configured_management_key_needs_a_base_url_of_its_own(own_home: Path) -> None:
    """A variable that was set for another program does not redirect it."""
    with serve(MANAGED) as server:
        machine = make_machine(own_home, {"OPENROUTER_API_URL": server.url})
        usage = fetch(make_ask("openrouter", machine, secret=BOTH))
    assert bearers(server) == [("/key", KEY), ("/credits", KEY)]
    assert usage.notes == ("the management key was not used: it is only sent to openrouter.ai",)


@pytest.mark.sockets
@pytest.mark.parametrize("in_config", [True, False])
def test_a_management_key_alone_is_not_sent_elsewhere(own_home: Path, in_config: bool) -> None:
    with serve(MANAGED) as server:
        env = {"OPENROUTER_MANAGEMENT_API_KEY": MANAGEMENT}
        machine = make_machine(own_home, env if in_config else {**env, "OPENROUTER_API_URL": server.url})
        ask = make_ask("openrouter", machine, base_url=server.url if in_config else None)
        with pytest.raises(
            NotConfigured, match="OPENROUTER_MANAGEMENT_API_KEY is only sent to openrouter.ai"
        ):
            fetch(ask)
    assert server.seen == []


@pytest.mark.sockets
def test_the_service_s_base_url_wins_over_the_environment(own_home: Path) -> None:
    machine = make_machine(own_home, {"OPENROUTER_API_URL": "https://gateway.example.com"})
    with serve(ORDINARY) as server:
        fetch(make_ask("openrouter", machine, secret=KEY, base_url=server.url))
    assert server.paths() == ["/key", "/credits"]


@pytest.mark.parametrize(
    "url",
    ["http://gateway.example.com", "gateway", "https://u:fake@example.com", "https://example.com?a=fake"],
)
def test_a_base_url_that_no_key_may_travel_to(own_home: Path, url: str) -> None:
    ask = make_ask("openrouter", make_machine(own_home, {"OPENROUTER_API_URL": url}), secret=KEY)
    with pytest.raises(ServiceError, match="^OPENROUTER_API_URL ") as caught:
        fetch(ask)
    assert "fake" not in caught.value.message


# -- when the main call fails -----------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (recorded("error_401", 401), AuthError, "wrong, deleted, disabled or expired"),
        (recorded("error_403", 403), AuthError, "403"),
        (html(401), AuthError, "401"),
        (html(403), Unavailable, "web page"),
        (Reply({"error": {"code": 402}}, 402), PayloadError, "402"),
        (Reply({"error": {"code": 404}}, 404), PayloadError, "404"),
        (recorded("error_429", 429), RateLimited, "429"),
        (html(500), Unavailable, "500"),
        (Reply({"error": {"code": 500}}, 500), Unavailable, "500"),
        (HTML, PayloadError, "body: .* a web page"),
        (Reply(b'{"data": {"limit": 6'), PayloadError, "body: .* not JSON"),
        (Reply(b""), PayloadError, "body: "),
        (Reply([]), PayloadError, "body: expected an object"),
        (Reply({}), PayloadError, "data: expected an object"),
        (Reply({"data": None}), PayloadError, "data: expected an object"),
    ],
)
def test_what_a_failing_key_call_says(
    machine: Machine, reply: Reply, kind: type[ProviderError], words: str
) -> None:
    """Its failure is the report's, whatever the other calls would give."""
    error = failure({**MANAGED, "/key": reply}, machine, BOTH)
    assert type(error) is kind
    assert re.search(words, error.message)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "page"),
    [(KEY, "settings/keys"), ({"management_api_key": MANAGEMENT}, "settings/management-keys")],
)
def test_a_refused_key_says_where_to_make_a_new_one(machine: Machine, secret: Any, page: str) -> None:
    error = failure({"/key": recorded("error_401", 401)}, machine, secret)
    assert error.hint == f"make a new key at openrouter.ai/{page}"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("headers", "retry_at"),
    [
        ({"Retry-After": "90"}, "2026-11-21T08:01:30"),
        ({"X-RateLimit-Reset": "1795248120000"}, "2026-11-21T08:02:00"),  # milliseconds
        ({"Retry-After": "90", "X-RateLimit-Reset": "1795248120000"}, "2026-11-21T08:01:30"),
        ({"X-RateLimit-Reset": "99999999999999"}, "2026-11-28T08:00:00"),  # never longer than a week
        ({"X-RateLimit-Reset": "1795248000"}, None),  # now
        ({"X-RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_it_asks_us_to_wait(machine: Machine, headers: dict[str, str], retry_at: str | None) -> None:
    error = failure({"/key": recorded("error_429", 429, **headers)}, machine)
    assert error.retry_at == (utc(retry_at) if retry_at else None)


# -- when another call fails ------------------------------------------------------------------------

KEY_ALONE = parse(payload("openrouter/key_weekly"), now=NOW)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (recorded("error_403", 403), NEEDED),
        (recorded("error_401", 401), NEEDED),
        (recorded("credits_zero"), NEEDED),
        (html(403), "credits could not be read: 127.0.0.1:PORT answered with a web page (403)"),
        (html(500), "credits could not be read: 127.0.0.1:PORT has a problem of its own (500)"),
        (recorded("error_429", 429), "credits could not be read: 127.0.0.1:PORT asked us to wait (429)"),
        (HTML, "credits could not be read: body: 127.0.0.1:PORT answered with a web page"),
        (Reply({"data": {}}), "credits could not be read: the answer lacks a figure"),
    ],
)
def test_the_balance_of_an_ordinary_key(machine: Machine, reply: Reply, note: str) -> None:
    with serve({**ORDINARY, "/credits": reply}) as server:
        usage = fetch(make_ask("openrouter", machine, secret=KEY, base_url=server.url))
    assert usage.notes == (note.replace("PORT", server.url.rpartition(":")[2]),)
    assert usage.balances == ()
    assert (usage.quotas, usage.spend, usage.contract) == (
        KEY_ALONE.quotas,
        KEY_ALONE.spend,
        KEY_ALONE.contract,
    )


@pytest.mark.sockets
def test_a_figure_that_an_ordinary_key_does_get_is_shown(machine: Machine) -> None:
    with serve({**ORDINARY, "/credits": recorded("credits")}) as server:
        usage = fetch(make_ask("openrouter", machine, secret=KEY, base_url=server.url))
    assert [str(balance.amount) for balance in usage.balances] == ["32.65"]
    assert usage.notes == ()


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [recorded("error_403", 403), html(500), HTML, Reply({"data": {}})])
@pytest.mark.parametrize(
    ("path", "lost", "note"),
    [
        ("/credits", ["credits"], "credits could not be read: "),
        ("/activity", ["last_30_days", "byok_last_30_days"], "activity could not be read: "),
        ("/keys", [], None),
    ],
)
def test_a_failing_call_costs_its_own_entries_only(
    machine: Machine, reply: Reply, path: str, lost: list[str], note: str | None
) -> None:
    with serve(MANAGED) as server:
        ask = make_ask("openrouter", machine, secret=BOTH, base_url=server.url)
        whole = fetch(ask)
        server.routes[path] = reply
        usage = fetch(ask)
    assert ids(usage) == [entry for entry in ids(whole) if entry not in lost]
    assert len(usage.notes) == (note is not None)
    assert all(told.startswith(str(note)) for told in usage.notes)
    assert usage.account == ("sk-or-v1-fak...9ab" if path == "/keys" else "Build server")


@pytest.mark.sockets
def test_a_call_that_hangs_costs_its_own_entries_only(machine: Machine) -> None:
    """It never takes all of the run's time: the key's figures are already here."""
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    with serve({**ORDINARY, "/credits": hang}) as server:
        ask = make_ask("openrouter", machine, secret=KEY, base_url=server.url, timeout_s=2.0)
        usage = fetch(ask)
        over.set()
    assert usage.quotas == KEY_ALONE.quotas
    assert "did not answer in time" in usage.notes[0]
    assert ask.transport.remaining() > 0


# -- the account's name -----------------------------------------------------------------------------


def page_of(count: int, *more: dict[str, str]) -> Reply:
    rows = [{"name": f"key {n}", "label": f"sk-or-v1-{n:03}...fak"} for n in range(count)]
    return Reply({"data": [*rows, *more]})


NAMED = {"name": "Far back", "label": "sk-or-v1-fak...9ab"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("pages", "offsets", "account"),
    [
        ([page_of(99, NAMED)], [""], "Far back"),
        ([page_of(99)], [""], "sk-or-v1-fak...9ab"),
        ([page_of(100), page_of(100), page_of(0, NAMED)], ["", "offset=100", "offset=200"], "Far back"),
        ([page_of(100), html(500)], ["", "offset=100"], "sk-or-v1-fak...9ab"),
        (
            [page_of(100)],
            ["", "offset=100", "offset=200", "offset=300", "offset=400"],
            "sk-or-v1-fak...9ab",
        ),
    ],
)
def test_pages_of_keys_are_read_until_the_key_is_found(
    machine: Machine, pages: list[Reply], offsets: list[str], account: str
) -> None:
    with serve({**MANAGED, "/keys": pages}) as server:
        usage = fetch(make_ask("openrouter", machine, secret=BOTH, base_url=server.url))
    assert [seen.query for seen in server.seen if seen.path == "/keys"] == offsets
    assert (usage.account, usage.notes) == (account, ())


# -- where the key stands ---------------------------------------------------------------------------

FIRST_FILE, SECOND_FILE = ".config/openrouter/key.json", ".config/openusage/openrouter.json"


def find(machine: Machine) -> Credential:
    return credentials.find(
        registry.get("openrouter"), Service(name="openrouter", provider="openrouter"), machine
    )


def write(home: Path, name: str, text: str) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(text)


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    """Each is taken away once it was found."""
    variables = {
        "OPENROUTER_API_KEY": "sk-or-fake-1",
        "OPENROUTER_KEY": "sk-or-fake-2",
        "ANTHROPIC_AUTH_TOKEN": "sk-or-fake-3",
        "OPENROUTER_MANAGEMENT_API_KEY": "sk-or-fake-6",
    }
    write(own_home, FIRST_FILE, '{"apiKey": "sk-or-fake-4"}')
    write(own_home, SECOND_FILE, '{"apiKey": "sk-or-fake-5"}')
    expected = [
        ("OPENROUTER_API_KEY", "key"),
        ("OPENROUTER_KEY", "key"),
        ("ANTHROPIC_AUTH_TOKEN", "key"),
        (f"~/{FIRST_FILE}", "key"),
        (f"~/{SECOND_FILE}", "key"),
        ("OPENROUTER_MANAGEMENT_API_KEY", "management"),
    ]
    for number, (origin, kind) in enumerate(expected, 1):
        found = find(make_machine(own_home, variables))
        assert (found.secret.reveal(), found.origin, found.kind) == (f"sk-or-fake-{number}", origin, kind)
        others = [secret.reveal() for secret in found.others.values()]
        assert others == ([] if kind == "management" else ["sk-or-fake-6"])
        variables.pop(origin, None)
        (own_home / origin.removeprefix("~/")).unlink(missing_ok=True)
    with pytest.raises(NotConfigured, match="no OpenRouter credential was found"):
        find(make_machine(own_home, variables))


def test_a_token_of_claude_code_is_not_ours(own_home: Path) -> None:
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"ANTHROPIC_AUTH_TOKEN": "sk-ant-fake"}))


KEY_FILES = [
    (json.dumps({"apiKey": KEY}), KEY),
    (json.dumps({"api_key": KEY}), KEY),
    (json.dumps({"key": f" {KEY}\n", "apiKey": None, "api_key": " "}), KEY),
    (f"{KEY}\n", KEY),
    (f"\n  {KEY}", KEY),
]
EMPTY_FILES = ["two words", "line\nline", "{}", '{"apiKey": 7, "token": "sk-or-fake"}']
BROKEN_FILES = [f'{{"apiKey": "{KEY}"', f'["{KEY}"]']


@pytest.mark.parametrize("path", [FIRST_FILE, SECOND_FILE])
@pytest.mark.parametrize(("text", "key"), [("\ufeff" + KEY_FILES[0][0], KEY), *KEY_FILES])
def test_files_of_other_tools(own_home: Path, path: str, text: str, key: str) -> None:
    write(own_home, path, text)
    assert find(make_machine(own_home)).secret.reveal() == key


@pytest.mark.parametrize("text", ["", " \n", *EMPTY_FILES])
def test_a_file_without_a_key_is_passed_over(own_home: Path, text: str) -> None:
    write(own_home, FIRST_FILE, text)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))
    write(own_home, SECOND_FILE, KEY)
    assert find(make_machine(own_home)).origin == f"~/{SECOND_FILE}"


@pytest.mark.parametrize("text", BROKEN_FILES)
def test_a_broken_file_is_named_unless_a_later_one_works(own_home: Path, text: str) -> None:
    write(own_home, FIRST_FILE, text)
    with pytest.raises(ServiceError, match=f"^~/{FIRST_FILE} ") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    write(own_home, SECOND_FILE, KEY)
    assert find(make_machine(own_home)).origin == f"~/{SECOND_FILE}"


@pytest.mark.parametrize("part", ["", "api_key", "management_api_key"])
@pytest.mark.parametrize(("text", "key"), KEY_FILES)
def test_a_configured_key_in_any_shape(machine: Machine, part: str, text: str, key: str) -> None:
    found = accept({part: text}, "the config file", machine)
    assert (found.secret.reveal(), found.origin) == (key, "the config file")
    assert found.kind == ("management" if part == "management_api_key" else "key")
    assert found.others == {}


@pytest.mark.parametrize("part", ["", "api_key", "management_api_key"])
@pytest.mark.parametrize("text", [*EMPTY_FILES, *BROKEN_FILES])
def test_a_configured_text_without_a_key(machine: Machine, part: str, text: str) -> None:
    with pytest.raises(ServiceError, match="^the OpenRouter credential ") as caught:
        accept({part: text}, "the config file", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)
