"""Zed's login in the keychains, and how it is asked with it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring.backend
import keyring.credentials
import pytest
import requests_mock

from tests.keyrings import used
from tests.support import Reply, make_ask, make_machine, payload, serve
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
from usagecli.providers._zed.credentials import accept
from usagecli.providers.zed import fetch, parse

ME = "/client/users/me"
SECRET = {"user_id": "7311", "access_token": "fake-token"}
ENV = {"ZED_USER_ID": "7311", "ZED_ACCESS_TOKEN": "fake-of-env"}
# What Zed keeps is a text of JSON by itself.
TOKEN = '{"version":2,"id":"a","token":"fake-token"}'
SERVER = "https://zed.dev"


def find(machine: Machine, *, named: bool = True) -> Credential:
    return credentials.find(registry.get("zed"), Service(name="zed", provider="zed", named=named), machine)


def told(found: Credential) -> tuple[Any, str, Any]:
    return found.facts["user"], found.secret.reveal(), found.facts["api"]


def write_settings(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(text, encoding="utf-8")


class Bus:
    """A Secret Service on a bus, in place of the library that speaks to one."""

    def __init__(self, *items: tuple[str, bool]) -> None:
        self.items = items
        self.user_id: str | None = "7311"
        self.asked: list[Any] = []

    def dbus_init(self) -> Any:
        return SimpleNamespace(close=lambda: None)

    def search_items(self, _connection: Any, attributes: Any) -> Any:
        self.asked.append(attributes)
        for token, locked in self.items:
            yield SimpleNamespace(
                is_locked=lambda locked=locked: locked,
                get_attributes=lambda: {"url": attributes["url"], "username": self.user_id},
                get_secret=lambda token=token: token.encode(),
            )


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    made = Bus((TOKEN, False))
    monkeypatch.setitem(sys.modules, "secretstorage", made)
    return made


# -- the login --------------------------------------------------------------------------------------


def test_the_variables_come_first(own_home: Path, bus: Bus) -> None:
    assert told(find(make_machine(own_home, ENV))) == ("7311", "fake-of-env", None)
    assert bus.asked == []


@pytest.mark.parametrize("missing", ENV)
def test_one_variable_alone_is_not_enough(own_home: Path, missing: str) -> None:
    env = {name: value for name, value in ENV.items() if name != missing}
    (given,) = env
    with pytest.raises(NotConfigured, match=f"^{given} is set, but {missing} is not$"):
        find(make_machine(own_home, env))


def test_the_secret_service(own_home: Path, bus: Bus) -> None:
    found = find(make_machine(own_home))
    assert told(found) == ("7311", TOKEN, "https://cloud.zed.dev")
    assert (found.account_id, found.origin) == ("7311", "the Secret Service (Zed)")
    assert bus.asked == [{"url": SERVER}]


def test_it_is_left_alone_without_a_trace_of_zed(own_home: Path, bus: Bus) -> None:
    with pytest.raises(NotConfigured):
        find(make_machine(own_home), named=False)
    assert bus.asked == []
    (own_home / ".config" / "zed").mkdir(parents=True)
    assert find(make_machine(own_home), named=False).account_id == "7311"


@pytest.mark.parametrize("items", [[], [(TOKEN, True)]])
def test_nobody_is_asked_to_unlock_it(own_home: Path, bus: Bus, items: list[tuple[str, bool]]) -> None:
    bus.items = tuple(items)
    with pytest.raises(NotConfigured, match="^no Zed credential was found"):
        find(make_machine(own_home))


def test_an_item_of_another_program_s_is_none(own_home: Path, bus: Bus) -> None:
    bus.user_id = None
    with pytest.raises(NotConfigured, match="^no Zed credential was found"):
        find(make_machine(own_home))


def test_a_bus_that_breaks_is_no_bus(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("no bus")

    monkeypatch.setitem(sys.modules, "secretstorage", SimpleNamespace(dbus_init=broken))
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


MAC = """#!/bin/sh
[ "$1 $2 $3" = "find-internet-password -s https://zed.dev" ] || exit 44
if [ "$4" = "-w" ]; then echo fake-token; exit 0; fi
cat <<END
keychain: "/Users/ada/Library/Keychains/login.keychain-db"
attributes:
    "acct"<blob>=ACCOUNT
    "srvr"<blob>="https://zed.dev"
END
"""


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize("account", ['"7311"', '0x37333131  "7311"'])
def test_the_macos_keychain(own_home: Path, account: str) -> None:
    program = own_home / "bin" / "security"
    program.parent.mkdir()
    program.write_text(MAC.replace("ACCOUNT", account), encoding="utf-8")
    program.chmod(0o755)
    mac = make_machine(
        own_home, {"PATH": f"{program.parent}{os.pathsep}/bin{os.pathsep}/usr/bin"}, platform="darwin"
    )
    assert told(find(mac)) == ("7311", "fake-token", "https://cloud.zed.dev")
    write_settings(own_home / ".config" / "zed", '{"server_url": "https://zed.example.com"}')
    with pytest.raises(NotConfigured):
        find(mac)


class Vault(keyring.backend.KeyringBackend):
    """The Credential Manager as the keyring package shows it: bytes taken for UTF-16 where they can be."""

    priority = 1
    token = TOKEN

    def get_credential(self, service: str, username: str | None) -> Any:
        if service != SERVER:
            return None
        data = self.token.encode()
        text = data.decode("utf-16-le") if len(data) % 2 == 0 else data.decode()
        return keyring.credentials.SimpleCredential("7311", text)

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


@pytest.mark.parametrize("token", ["fake-odd", "fake-even"])
def test_the_windows_credential_manager(own_home: Path, token: str) -> None:
    vault = Vault()  # type: ignore[no-untyped-call]
    vault.token = token
    with used(vault):
        found = find(make_machine(own_home, platform="win32"))
    assert told(found) == ("7311", token, "https://cloud.zed.dev")


def test_a_credential_manager_that_refuses(own_home: Path) -> None:
    class Refusing(Vault):
        def get_credential(self, service: str, username: str | None) -> Any:
            raise OSError("access denied")

    refusing = Refusing()  # type: ignore[no-untyped-call]
    with used(refusing), pytest.raises(NotConfigured, match="^no Zed credential was found"):
        find(make_machine(own_home, platform="win32"))


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_no_keychain_at_all(own_home: Path, platform: str) -> None:
    with pytest.raises(NotConfigured, match="^no Zed credential was found"):
        find(make_machine(own_home, platform=platform))


# -- a server of one's own --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "env", "folder"),
    [("linux", {}, ".config/zed"), ("linux", {"XDG_CONFIG_HOME": "HOME/xdg"}, "xdg/zed")],
)
def test_the_settings_name_the_server(
    own_home: Path, bus: Bus, platform: str, env: dict[str, str], folder: str
) -> None:
    env = {name: value.replace("HOME", str(own_home)) for name, value in env.items()}
    write_settings(
        own_home / folder, '// mine\n{"theme": "a // b", "server_url": "https://zed.example.com/",}\n'
    )
    found = find(make_machine(own_home, env, platform=platform))
    assert found.facts["api"] == "https://zed.example.com"
    assert bus.asked == [{"url": "https://zed.example.com"}]


@pytest.mark.parametrize(
    "text",
    [
        '{"server_url": "http://zed.example.com"}',
        '{"server_url": "http://localhost:3000"}',
        '{"server_url": "https://zed.example.com", "credentials_url": "https://zed.dev"}',
        '{"server_url": "https://zed.example.com", "credentials_url": "https://zed.example.com:444"}',
        '{"credentials_url": "https://zed.example.com"}',
        '{"server_url": "https://ada@zed.example.com"}',
    ],
)
@pytest.mark.usefixtures("bus")
def test_a_login_goes_to_its_own_https_server_only(own_home: Path, text: str) -> None:
    write_settings(own_home / ".config" / "zed", text)
    with pytest.raises(ServiceError, match="^(the server_url of )?Zed's settings"):
        find(make_machine(own_home))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"server_url": 7}', '{"server_url": ""}'])
@pytest.mark.usefixtures("bus")
def test_settings_that_name_none(own_home: Path, text: str) -> None:
    write_settings(own_home / ".config" / "zed", text)
    assert find(make_machine(own_home)).facts["api"] == "https://cloud.zed.dev"


# -- a development build ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", [["7311", "fake-token"], [7311, list(b"fake-token")]], ids=["text", "bytes"]
)
@pytest.mark.parametrize(
    ("platform", "folder"),
    [("linux", ".config/zed"), ("darwin", ".config/zed"), ("win32", "AppData/Roaming/Zed")],
)
def test_a_development_login(own_home: Path, platform: str, folder: str, entry: Any) -> None:
    (own_home / folder).mkdir(parents=True)
    path = own_home / folder / "development_credentials"
    path.write_text(json.dumps({SERVER: entry}), encoding="utf-8")
    found = find(make_machine(own_home, platform=platform))
    assert told(found) == ("7311", "fake-token", "https://cloud.zed.dev")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"https://zed.dev": 7}', '{"https://zed.dev": ["7311", [999]]}']
)
def test_a_development_login_in_another_shape_is_none(own_home: Path, text: str) -> None:
    (own_home / ".config/zed").mkdir(parents=True)
    (own_home / ".config/zed/development_credentials").write_text(text, encoding="utf-8")
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


# -- what may be configured -------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [SECRET, {"": "7311 fake-token"}, {"": " 7311  fake-token "}])
def test_a_configured_login(machine: Machine, parts: dict[str, str]) -> None:
    assert told(accept(parts, "the config file", machine)) == ("7311", "fake-token", None)


@pytest.mark.parametrize("parts", [{"": "fake-token"}, {"access_token": "fake-token"}, {"user_id": "7311"}])
def test_half_a_login(machine: Machine, parts: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="^the config file holds no user id and access token of Zed$"):
        accept(parts, "the config file", machine)


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    with serve({ME: Reply(payload("zed/free"))}) as server:
        usage = fetch(make_ask("zed", machine, secret=SECRET, base_url=server.url))
    assert usage == parse(payload("zed/free"))
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", ME, "")
    assert seen.headers["authorization"] == "7311 fake-token"
    assert seen.headers["accept"] == "application/json"


@pytest.mark.usefixtures("bus")
def test_the_host(own_home: Path, no_network: requests_mock.Mocker) -> None:
    no_network.get(f"https://cloud.zed.dev{ME}", json=payload("zed/free"))
    fetch(make_ask("zed", make_machine(own_home, ENV)))
    fetch(make_ask("zed", make_machine(own_home)))
    headers = [request.headers["Authorization"] for request in no_network.request_history]
    assert headers == ["7311 fake-of-env", f"7311 {TOKEN}"]


@pytest.mark.usefixtures("bus")
def test_the_host_of_a_server_of_one_s_own(own_home: Path, no_network: requests_mock.Mocker) -> None:
    write_settings(own_home / ".config" / "zed", '{"server_url": "https://zed.example.com"}')
    no_network.get(f"https://zed.example.com{ME}", json=payload("zed/free"))
    assert fetch(make_ask("zed", make_machine(own_home))).account == "ada"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({}, 401), AuthError),
        (Reply({}, 403), AuthError),
        (Reply({}, 429), RateLimited),
        (Reply({}, 502), Unavailable),
        (Reply({"user": {}}), PayloadError),
    ],
)
def test_refusals(machine: Machine, reply: Reply, kind: type[ProviderError]) -> None:
    with serve({ME: reply}) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("zed", machine, secret=SECRET, base_url=server.url, timeout_s=8))
    assert type(caught.value) is kind
    if kind is AuthError:
        told_ = (caught.value.message, caught.value.hint)
        assert told_ == (f"Zed refused the login ({reply.status})", "sign in again in Zed")


@pytest.mark.sockets
def test_overdue_invoices_are_a_warning_beside_the_report(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve({ME: Reply(payload("zed/pro_unlimited"))}) as server:
        usage = fetch(make_ask("zed", machine, secret=SECRET, base_url=server.url))
    assert usage.quotas[0].unlimited
    assert capsys.readouterr().err == "Warning: zed: Zed has overdue invoices for this account\n"
