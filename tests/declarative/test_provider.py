"""A descriptor as a provider: its credential, its options, its address, and what goes over the wire."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.declarative.support import SIMPLE, spec_of
from tests.support import NOW, Reply, Server, make_machine, serve
from usagecli import credentials, log, options
from usagecli.client import Ask, Transport
from usagecli.credentials import Credential, Secret
from usagecli.declarative.provider import provider, settled
from usagecli.errors import NotConfigured, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.model import CredentialSource, Service, Usage
from usagecli.registry import Provider
from usagecli.storage.cache import identity

KEY = "fake-key-0123456789"
ENTRY = "balances: {credits: {unit: usd, amount: credits}}\n"


def made(text: str, folder: Path) -> Provider:
    return provider(spec_of(text, folder))


def ask(
    found: Provider,
    home: Path,
    env: Mapping[str, str] | None = None,
    *,
    base_url: str | None = None,
    secret: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Ask:
    machine = make_machine(home, env or {"K": KEY, "ACME_API_KEY": KEY})
    source = {part: CredentialSource("value", text) for part, text in secret.items()} if secret else None
    service = Service(name="acme", provider="acme", credential=source, base_url=base_url, options=given or {})
    return Ask(
        service=service,
        descriptor=found.descriptor,
        credential=credentials.find(found, service, machine),
        options=options.resolve(found.descriptor, service, machine)[0],
        machine=machine,
        transport=Transport(timeout_s=5.0),
    )


def fetch(text: str, server: Server | None, folder: Path, **more: Any) -> Usage:
    found = made(text, folder)
    asked = ask(found, folder, **{"base_url": server.url if server else None, **more})
    try:
        return found.fetch(asked)
    finally:
        asked.close()


# -- what is said of it -----------------------------------------------------------------------------


def test_help_is_derived_from_the_descriptor(tmp_path: Path) -> None:
    text = """\
key: [ACME_API_KEY, ACME_KEY]
key_url: https://acme.example/keys
key_hint: with the scope billing
documented: true
source: https://docs.acme.example/usage
base: {env: ACME_URL, default: https://api.acme.example}
options:
  team: {env: ACME_TEAM, required: true, about: The team's id}
  region: {env: ACME_REGION, default: eu, choices: [eu, us]}
url: /u
balances: {credits: {unit: usd, amount: credits}}
""".replace("about: The team's id", 'about: "The team\'s id"')
    found = made(text, tmp_path).descriptor
    assert found.access == (
        "Make a key (with the scope billing) at https://acme.example/keys.",
        "Put it into the environment as ACME_API_KEY, or name its place in the config.",
        "Set ACME_TEAM, or the same under options in the config.",
    )
    assert found.renew == "make a new key (with the scope billing) at https://acme.example/keys"
    assert (
        found.obtain
        == "make a key (with the scope billing) at https://acme.example/keys, and set ACME_API_KEY"
    )
    assert found.documented == "The vendor documents this. https://docs.acme.example/usage"
    assert found.dashboard == "https://acme.example/keys"
    assert [(option.name, option.env, option.about) for option in found.options] == [
        ("base_url", "ACME_URL", "The address of the server; in the config also base_url. Without it https://api.acme.example."),
        ("team", "ACME_TEAM", "The team's id."),
        ("region", "ACME_REGION", "Region. One of eu, us. Without it eu."),
    ]  # fmt: skip


def test_help_tells_of_a_server_of_one_s_own_where_there_is_no_other(tmp_path: Path) -> None:
    text = "key: K\nbase: {env: ACME_URL}\nurl: /u\nbalances: {credits: {unit: usd, amount: credits}}\n"
    assert made(text, tmp_path).descriptor.access == (
        "Get an API key of Acme.",
        "Put it into the environment as K, or name its place in the config.",
        "Set ACME_URL to the address of the server, or base_url in the config.",
    )


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("key_url: https://acme.example/keys\n", "make a key at https://acme.example/keys, and set K"),
        ("key_hint: of its operator\n", "get a key (of its operator), and set K"),
        ("", "usagecli providers acme says how to get one"),
    ],
)
def test_where_there_is_no_key_the_hint_says_where_one_is_made(said: str, hint: str, tmp_path: Path) -> None:
    found = made(f"key: K\n{said}{SIMPLE.partition(chr(10))[2]}", tmp_path)
    with pytest.raises(NotConfigured) as caught:
        credentials.find(found, Service(name="acme", provider="acme"), make_machine(tmp_path))
    assert caught.value.hint == hint


# -- the credential -----------------------------------------------------------------------------------

PLACES = """\
key:
  - ACME_API_KEY
  - {env: ACME_TOKEN, kind: cli}
  - {file: $ACME_HOME/token}
  - {file: ~/.acme/login.json, at: default.token || token, kind: cli}
url: https://api.acme.example/u
balances: {credits: {unit: usd, amount: credits}}
"""


@pytest.mark.parametrize(
    ("env", "files", "secret", "kind"),
    [
        ({"ACME_API_KEY": "fake-1", "ACME_TOKEN": "fake-2"}, {}, "fake-1", "key"),
        ({"ACME_API_KEY": " ", "ACME_TOKEN": "fake-2"}, {}, "fake-2", "cli"),
        ({"ACME_HOME": "HOME/x"}, {"x/token": "fake-3\n"}, "fake-3", "key"),
        ({}, {".acme/login.json": '{"default": {"token": "fake-4"}, "token": "no"}'}, "fake-4", "cli"),
        ({}, {".acme/login.json": '{"token": "fake-5"}'}, "fake-5", "cli"),
    ],
)
def test_the_key_is_the_first_that_is_there(
    env: dict[str, str], files: dict[str, str], secret: str, kind: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    env = {name: value.replace("HOME", str(tmp_path)) for name, value in env.items()}
    found = ask(made(PLACES, tmp_path), tmp_path, env or {"OTHER": "x"}).credential
    assert (found.secret, found.kind) == (Secret(secret), kind)


@pytest.mark.parametrize("text", ['{"other": 1}', '{"token": 5}', '{"token": " "}'])
def test_a_file_without_the_key_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / ".acme").mkdir()
    (tmp_path / ".acme" / "login.json").write_text(text)
    with pytest.raises(NotConfigured, match="no Acme credential was found"):
        ask(made(PLACES, tmp_path), tmp_path, {"OTHER": "x"})


def test_a_broken_file_is_told_without_its_contents(tmp_path: Path) -> None:
    (tmp_path / ".acme").mkdir()
    (tmp_path / ".acme" / "login.json").write_text('{"token": "fake-6"')
    with pytest.raises(ServiceError) as caught:
        ask(made(PLACES, tmp_path), tmp_path, {"OTHER": "x"})
    assert "fake-6" not in caught.value.message


def test_a_configured_key_has_the_kind_of_its_part(tmp_path: Path) -> None:
    found = made(PLACES, tmp_path)
    assert set(found.descriptor.parts) == {"key", "cli"}
    assert ask(found, tmp_path, secret={"": "fake-7"}).credential.kind == "key"
    assert ask(found, tmp_path, secret={"cli": "fake-7"}).credential.kind == "cli"
    with pytest.raises(ServiceError, match="several kinds"):
        ask(found, tmp_path, secret={"cli": "fake-7", "key": "fake-8"})


# -- options and address -----------------------------------------------------------------------------------


def test_options_have_defaults_choices_and_may_be_needed(tmp_path: Path) -> None:
    spec = spec_of(
        SIMPLE + "options: {team: {required: true, env: T}, region: {default: eu, choices: [eu, us]}}\n",
        tmp_path,
    )
    assert settled(spec, {"team": 5}, "key") == {"team": "5", "region": "eu"}
    with pytest.raises(NotConfigured) as caught:
        settled(spec, {}, "key")
    assert (caught.value.message, caught.value.hint) == (
        "Acme needs the option team",
        "set T, or options in the config",
    )
    with pytest.raises(ServiceError, match="the option region of Acme is none of eu, us"):
        settled(spec, {"team": "t", "region": "mars"}, "key")


def test_an_option_may_be_needed_beside_one_kind_of_key_only(tmp_path: Path) -> None:
    keys = "key: [{env: ACME_TOKEN, kind: token}, {env: ACME_ACCOUNT, kind: account}]\n"
    text = (
        keys
        + "url: https://api.acme.example/u\n"
        + ENTRY
        + "options: {user_id: {required: account, env: ACME_USER}}\n"
    )
    spec = spec_of(text, tmp_path)
    assert settled(spec, {}, "token") == {"user_id": None}
    assert settled(spec, {"user_id": "7"}, "account") == {"user_id": "7"}
    with pytest.raises(NotConfigured, match="Acme needs the option user_id"):
        settled(spec, {}, "account")
    told = "Beside ACME_ACCOUNT set ACME_USER, or the same under options."
    assert made(text, tmp_path).descriptor.access[-1] == told


HOSTED = "key: K\nbase: {env: ACME_URL, cut: [/v1/usage, /v1]}\nurl: /v1/usage\n" + ENTRY


@pytest.mark.sockets
@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/v1/usage"])
def test_a_server_of_one_s_own_in_any_of_its_spellings(tail: str, tmp_path: Path) -> None:
    with serve({"/v1/usage": Reply({"credits": 5})}) as server:
        fetch(HOSTED, None, tmp_path, env={"K": KEY, "ACME_URL": server.url + tail})
        fetch(HOSTED, None, tmp_path, base_url=server.url + tail.rstrip("/"))
    assert server.paths() == ["/v1/usage"] * 2


@pytest.mark.parametrize(
    ("url", "error", "told"),
    [
        (None, NotConfigured, "Acme needs the address of the server"),
        (
            "http://gate.example.com",
            ServiceError,
            "the base URL of Acme must be https (http only on loopback)",
        ),
        (
            "https://u:p@gate.example.com",
            ServiceError,
            "the base URL of Acme must hold no user, query or fragment",
        ),
        (
            "https://gate.example.com?x=1",
            ServiceError,
            "the base URL of Acme must hold no user, query or fragment",
        ),
        ("gate", ServiceError, "the base URL of Acme is not a URL such as https://gateway.example.com"),
    ],
)
def test_an_address_that_cannot_be_used(
    url: str | None, error: type[ProviderError], told: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        fetch(HOSTED, None, tmp_path, env={"K": KEY, **({"ACME_URL": url} if url else {})})
    assert caught.value.message == told


def test_another_address_is_another_account_in_the_cache(tmp_path: Path) -> None:
    found = made(HOSTED, tmp_path)
    keys = set()
    for url in ("https://a.example.com", "https://b.example.com"):
        asked = ask(found, tmp_path, {"K": KEY, "ACME_URL": url})
        keys.add(identity(asked.service, asked.credential, asked.options))
    assert len(keys) == 2


CHOOSE = """\
key: K
base: {choose: "opt('site') == 'cn' && 'china' || 'world'", world: https://a.example.com, china: https://b.example.com}
options: {site: {}}
url: /u
balances: {credits: {unit: usd, amount: credits}}
"""


@pytest.mark.parametrize(("site", "host"), [(None, "a.example.com"), ("cn", "b.example.com")])
def test_the_host_is_one_of_those_written_there(
    site: str | None, host: str, tmp_path: Path, no_network: Any
) -> None:
    no_network.get(f"https://{host}/u", json={"credits": 5})
    fetch(CHOOSE, None, tmp_path, given={"site": site} if site else {})
    assert [request.url for request in no_network.request_history] == [f"https://{host}/u"]


# -- over the wire ------------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        ("Authorization: Token {key}", ("authorization", f"Token {KEY}"), ""),
        ("x-api-key: {key}", ("x-api-key", KEY), ""),
        ("?api_key={key}", None, f"api_key={KEY}"),
        ("none", None, ""),
    ],
)
def test_the_key_travels_as_the_descriptor_says(
    auth: str, header: tuple[str, str] | None, query: str, tmp_path: Path
) -> None:
    with serve({"/v1/usage": Reply({"credits": 5})}) as server:
        fetch(f'{SIMPLE}auth: "{auth}"\n', server, tmp_path)
    (seen,) = server.seen
    told = {name: value for name, value in seen.headers.items() if KEY in value}
    assert told == dict([header] if header else [])
    assert seen.query == query
    assert "authorization" not in seen.headers or header == ("authorization", f"Token {KEY}")


@pytest.mark.sockets
@pytest.mark.parametrize("where", ["/elsewhere", "{other}/v1/usage"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_is_followed(where: str, method: str, tmp_path: Path) -> None:
    with serve({"/v1/usage": Reply({"credits": 5})}) as other, serve({}) as server:
        target = where.replace("{other}", other.url)
        server.routes["/v1/usage"] = Reply({}, 307, {"Location": target})
        with pytest.raises(PayloadError, match="^redirect: "):
            fetch(f"{SIMPLE}method: {method}\n", server, tmp_path)
    assert server.paths() == ["/v1/usage"]
    assert other.seen == []


@pytest.mark.sockets
def test_netrc_and_a_key_in_the_query_stay_out_of_every_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login fake-login password fake-password\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setattr(log, "verbose", True)
    key = "fake/key+with=signs"
    text = f'{SIMPLE}auth: "?api_key={{key}}"\n'
    with serve({"/v1/usage": Reply({}, 500)}) as server, pytest.raises(Unavailable) as caught:
        fetch(text, server, tmp_path, env={"ACME_API_KEY": key})
    with pytest.raises(Unavailable) as gone:
        fetch(text, None, tmp_path, env={"ACME_API_KEY": key}, base_url=server.url)
    assert "authorization" not in server.seen[0].headers
    told = f"{caught.value.message}{gone.value.message}{capsys.readouterr().err}"
    for shape in (key, "fake%2Fkey%2Bwith%3Dsigns", "api_key", "fake-login"):
        assert shape not in told


@pytest.mark.parametrize("key", ["fake key", "fake-ключ", "fake\x7f"])
def test_a_key_that_no_request_carries_is_refused(key: str, tmp_path: Path) -> None:
    found = made(f'{SIMPLE}auth: "?k={{key}}"\n', tmp_path)
    asked = ask(found, tmp_path)
    with pytest.raises(ServiceError) as caught:
        found.fetch(
            Ask(
                service=asked.service,
                descriptor=asked.descriptor,
                credential=Credential(secret=Secret(key), origin="K"),
                options={},
                machine=asked.machine,
                transport=asked.transport,
            )
        )
    assert caught.value.message == "the Acme credential holds characters that no request can carry"


@pytest.mark.sockets
def test_an_optional_request_never_takes_all_the_time(tmp_path: Path) -> None:
    released = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        released.wait(10)

    text = "key: K\nbase: https://a.example\nrequests: {a: {url: /a}, b: {url: /b, optional: true}}\n"
    found = made(text + "balances: {c: {unit: usd, amount: a.c}}\n", tmp_path)
    with serve({"/a": Reply({"c": 1}), "/b": silent}) as server:
        asked = ask(found, tmp_path, base_url=server.url)
        asked.transport.deadline -= 3.4
        usage = found.fetch(asked)
        released.set()
        asked.close()
    assert usage.balances[0].amount == 1
    assert usage.notes[0].startswith("b could not be read: ")
    assert usage.notes[0].endswith("did not answer in time")


def test_now_is_that_of_the_machine(tmp_path: Path) -> None:
    assert ask(made(SIMPLE, tmp_path), tmp_path).now() == NOW
