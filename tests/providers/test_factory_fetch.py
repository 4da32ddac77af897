"""Factory's key and droid's login, and how Factory is asked with them."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import NOW, Reply, Route, make_ask, make_machine, payload, serve
from tests.vscode import jwt
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
from usagecli.model import Service
from usagecli.providers._factory.credentials import accept
from usagecli.providers._factory.usage import parse
from usagecli.providers.factory import fetch

LIMITS, TOKENS, ME = "/api/billing/limits", "/api/organization/subscription/usage", "/api/app/auth/me"
ROUTES: dict[str, Route] = {
    LIMITS: Reply(payload("factory/limits")),
    TOKENS: Reply(payload("factory/tokens")),
    ME: Reply(payload("factory/me")),
}
KEY = "fk-fake"
TOKEN = jwt(email="ada@example.com", org_id="org_01", exp=1600000000)


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("factory"), Service(name="factory", provider="factory"), machine)


def write(home: Path, name: str, text: str) -> Path:
    (home / ".factory").mkdir(exist_ok=True)
    path = home / ".factory" / name
    path.write_text(text, encoding="utf-8")
    return path


def sealed(token: str, key: bytes = b"k" * 32) -> str:
    """A login as droid encrypts it."""
    aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead")
    body = json.dumps({"access_token": token, "refresh_token": "fake-refresh"}).encode()
    whole = aead.AESGCM(key).encrypt(b"i" * 16, body, None)
    return ":".join(b64encode(part).decode() for part in (b"i" * 16, whole[-16:], whole[:-16]))


def write_login(home: Path, token: str = TOKEN) -> Path:
    write(home, "auth.v2.key", b64encode(b"k" * 32).decode() + "\n")
    return write(home, "auth.v2.file", sealed(token) + "\n")


# -- keys and logins --------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    env = {"FACTORY_API_KEY": "fk-fake-env"}
    files = [
        write(own_home, ".env", "FACTORY_API_KEY=fk-fake-file\n"),
        write_login(own_home),
        write(own_home, "auth.encrypted", json.dumps({"access_token": jwt(email="b@example.com")})),
        write(own_home, "auth.json", json.dumps({"access_token": jwt(email="c@example.com")})),
    ]
    seen = [find(make_machine(own_home, env))]
    for path in files:
        seen.append(find(make_machine(own_home)))
        path.unlink()
    assert [(found.kind, found.account_id, found.facts.get("user")) for found in seen] == [
        ("key", None, None),
        ("key", None, None),
        ("oauth", "org_01", "ada@example.com"),
        ("oauth", None, "b@example.com"),
        ("oauth", None, "c@example.com"),
    ]
    assert [found.secret.reveal() for found in seen[:3]] == ["fk-fake-env", "fk-fake-file", TOKEN]
    with pytest.raises(NotConfigured, match="^no Factory credential was found"):
        find(make_machine(own_home))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("FACTORY_API_KEY=fk-fake", KEY),
        ("# mine\nOTHER=1\nexport FACTORY_API_KEY='fk-fake'\n", KEY),
        ('  FACTORY_API_KEY = "fk-fake" # old\r\n', KEY),
        ("FACTORY_API_KEY=fk-fake # old", KEY),
        ("FACTORY_API_KEY=fk-old\nFACTORY_API_KEY=fk-fake\n", KEY),
        ("#FACTORY_API_KEY=fk-fake", None),
        ("MY_FACTORY_API_KEY=fk-fake", None),
        ("FACTORY_API_KEY=", None),
        ("FACTORY_API_KEY=''", None),
        ("FACTORY_API_KEY=# none", None),
    ],
)
def test_the_env_file(own_home: Path, text: str, key: str | None) -> None:
    write(own_home, ".env", text)
    if key is None:
        with pytest.raises(NotConfigured):
            find(make_machine(own_home))
    else:
        assert find(make_machine(own_home)).secret.reveal() == key


@pytest.mark.parametrize(
    ("file", "key"),
    [
        (None, None),
        (None, "not base64!"),
        (None, b64encode(b"x" * 32).decode()),
        (None, b64encode(b"x" * 5).decode()),
        ("a:b", b64encode(b"k" * 32).decode()),
        ("AAAA:AAAA:AAAA", b64encode(b"k" * 32).decode()),
        ("nothing of the kind", b64encode(b"k" * 32).decode()),
    ],
)
def test_a_login_that_cannot_be_decrypted(own_home: Path, file: str | None, key: str | None) -> None:
    path = write_login(own_home)
    if file is not None:
        path.write_text(file, encoding="utf-8")
    if key is None:
        (own_home / ".factory" / "auth.v2.key").unlink()
    else:
        write(own_home, "auth.v2.key", key)
    with pytest.raises(NotConfigured, match="cannot be read with auth.v2.key$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "set FACTORY_API_KEY, or run `droid`, which renews its login"


def test_without_the_package_that_decrypts(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(own_home, "auth.v2.file", "AAAA:AAAA:AAAA")
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(NotConfigured, match="the package that reads it is not installed$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "set FACTORY_API_KEY, or: pip install 'usagecli[factory]'"


def test_an_older_login_may_be_encrypted_too(own_home: Path) -> None:
    write_login(own_home).rename(own_home / ".factory" / "auth.encrypted")
    found = find(make_machine(own_home))
    assert (found.secret.reveal(), found.facts) == (TOKEN, {"user": "ada@example.com"})


@pytest.mark.parametrize("body", ["{}", '{"access_token": " "}', '{"access_token": 7}'])
def test_a_login_without_a_token(own_home: Path, body: str) -> None:
    write(own_home, "auth.json", body)
    with pytest.raises(NotConfigured, match="holds no login of Factory$"):
        find(make_machine(own_home))


def test_a_broken_login_shows_none_of_it(own_home: Path) -> None:
    write(own_home, "auth.json", '{"access_token": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (KEY, "key", KEY),
        (TOKEN, "oauth", TOKEN),
        (json.dumps({"access_token": TOKEN}), "oauth", TOKEN),
    ],
)
def test_what_may_be_configured(machine: Machine, text: str, kind: str, secret: str) -> None:
    found = accept({"": text}, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, secret)


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    with serve(ROUTES) as server:
        usage = fetch(make_ask("factory", machine, secret=KEY, base_url=server.url))
    assert usage == parse(payload("factory/limits"), me=payload("factory/me"), now=NOW)
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", LIMITS, ""),
        ("GET", ME, ""),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {KEY}"
        assert seen.headers["accept"] == "application/json"


@pytest.mark.sockets
def test_an_older_organization_is_asked_for_its_tokens(own_home: Path) -> None:
    write_login(own_home)
    with serve({**ROUTES, LIMITS: Reply(payload("factory/older")), ME: Reply({}, 403)}) as server:
        usage = fetch(make_ask("factory", make_machine(own_home), base_url=server.url))
    assert usage == parse(
        payload("factory/older"),
        tokens=payload("factory/tokens"),
        account="ada@example.com",
        now=NOW,
        source="oauth",
    )
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", LIMITS, ""),
        ("GET", TOKENS, "useCache=true"),
        ("GET", ME, ""),
    ]
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {TOKEN}"}


def test_the_host(machine: Machine, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://api.factory.ai{LIMITS}", json=payload("factory/limits"))
    no_network.get(f"https://api.factory.ai{ME}", status_code=401)
    usage = fetch(make_ask("factory", machine, secret=KEY))
    assert (usage.plan, usage.notes) == (None, ())


def failure(machine: Machine, routes: Mapping[str, Route], secret: str = KEY) -> ProviderError:
    with serve({**ROUTES, **routes}) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("factory", machine, secret=secret, base_url=server.url, timeout_s=8))
    return caught.value


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "status", "message", "hint"),
    [
        (
            KEY,
            401,
            "Factory refused the key (401)",
            "make a new key at https://app.factory.ai/settings/api-keys",
        ),
        (TOKEN, 403, "Factory refused droid's login (403)", "run `droid`, which renews its login"),
    ],
)
def test_a_refusal(machine: Machine, secret: str, status: int, message: str, hint: str) -> None:
    error = failure(machine, {LIMITS: Reply({}, status)}, secret)
    assert (type(error), error.message, error.hint) == (AuthError, message, hint)


@pytest.mark.sockets
def test_tokens_for_managers_only(machine: Machine) -> None:
    refused = Reply({"detail": "Must be manager to get usage for other users"}, 403)
    error = failure(machine, {LIMITS: Reply(payload("factory/older")), TOKENS: refused})
    assert (type(error), error.message) == (
        AuthError,
        "Factory tells an organization's tokens to its managers only (403)",
    )
    assert "manager" in str(error.hint)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "kind"),
    [
        ({LIMITS: Reply({}, 429)}, RateLimited),
        ({LIMITS: Reply({}, 500)}, Unavailable),
        ({LIMITS: Reply([])}, PayloadError),
        ({LIMITS: Reply({"usesTokenRateLimitsBilling": True})}, PayloadError),
        ({LIMITS: Reply(payload("factory/older")), TOKENS: Reply({})}, PayloadError),
        ({LIMITS: Reply(payload("factory/older")), TOKENS: Reply({}, 500)}, Unavailable),
    ],
)
def test_other_failures(machine: Machine, routes: Any, kind: type[ProviderError]) -> None:
    assert type(failure(machine, routes)) is kind


@pytest.mark.sockets
def test_a_plan_that_cannot_be_read_is_a_note(machine: Machine) -> None:
    with serve({**ROUTES, ME: Reply({}, 500)}) as server:
        usage = fetch(make_ask("factory", machine, secret=KEY, base_url=server.url))
    (note,) = usage.notes
    assert note.startswith("the plan could not be read: 127.0.0.1:")
    assert usage.quotas == parse(payload("factory/limits"), now=NOW).quotas


@pytest.mark.sockets
def test_a_login_that_droid_renewed_meanwhile(own_home: Path) -> None:
    write_login(own_home, jwt(email="old@example.com"))
    routes = {**ROUTES, ME: Reply({}, 401), LIMITS: [Reply({}, 401), Reply(payload("factory/limits"))]}
    with serve(routes) as server:
        ask = make_ask("factory", make_machine(own_home), base_url=server.url)
        write_login(own_home, jwt(email="new@example.com"))
        assert fetch(ask).account == "new@example.com"
