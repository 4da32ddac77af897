"""Where Antigravity's login is found, and the client that may renew it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keyring.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.keyrings import FileKeyring, used
from tests.support import make_ask, make_machine, utc
from tests.vscode import jwt, write_state
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import AuthError, NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._antigravity.credentials import accept, from_login
from usagecli.providers._antigravity.login import client_pair
from usagecli.providers._antigravity.proto import field
from usagecli.providers.antigravity import fetch

TOKEN, REFRESH = "ya29.fake-token", "1//fake-refresh"
ID_TOKEN = jwt(email="dev@example.com")
FILES = (
    ".gemini/antigravity-cli/antigravity-oauth-token",
    ".gemini/antigravity/antigravity-oauth-token",
    ".gemini/jetski-standalone-oauth-token",
)
OWN_ID = "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com"
# In two pieces, so that no scanner takes it for a real one.
CLIENT_SECRET = "GOCSPX" + "-fake0000000000000000000fake0"


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="antigravity", provider="antigravity", named=named)
    return credentials.find(registry.get("antigravity"), service, machine)


def write(path: Path, body: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def token(number: int) -> dict[str, Any]:
    return {"token": {"access_token": f"{TOKEN}-{number}"}, "auth_method": "consumer"}


# -- the usual places -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "editor"),
    [
        ("linux", ".config/Antigravity"),
        ("darwin", "Library/Application Support/Antigravity"),
        ("win32", "AppData/Roaming/Antigravity"),
    ],
)
def test_the_usual_places_in_their_order(
    own_home: Path, file_keyring: FileKeyring, platform: str, editor: str
) -> None:
    """Each is taken away once it was found."""
    env = {"ANTIGRAVITY_OAUTH_CREDENTIALS_JSON": json.dumps({"accessToken": f"{TOKEN}-0"})}
    files = [write(own_home / name, token(number)) for number, name in enumerate(FILES, 1)]
    file_keyring.set_password("gemini", "antigravity", json.dumps(token(4)))
    machine = make_machine(own_home, platform=platform)
    state = write_state(
        machine,
        "Antigravity",
        {"antigravityAuthStatus": {"apiKey": f"{TOKEN}-5", "email": "dev@example.com"}},
    )
    rare = write(own_home / ".config/Antigravity/credentials.json", {"access_token": f"{TOKEN}-6"})
    seen = []
    steps: tuple[Callable[[], None], ...] = (
        env.clear,
        *(file.unlink for file in files),
        partial(file_keyring.delete_password, "gemini", "antigravity"),
        state.unlink,
        rare.unlink,
    )
    for gone in steps:
        found = find(make_machine(own_home, env, platform=platform))
        seen.append((found.secret.reveal().rpartition("-")[2], found.origin.replace("\\", "/")))
        gone()
    assert seen == [
        ("0", "ANTIGRAVITY_OAUTH_CREDENTIALS_JSON"),
        *((str(number), f"~/{name}") for number, name in enumerate(FILES, 1)),
        ("4", "keyring (gemini/antigravity)"),
        ("5", f"~/{editor}/User/globalStorage/state.vscdb"),
        ("6", "~/.config/Antigravity/credentials.json"),
    ]
    with pytest.raises(NotConfigured, match="^no Antigravity credential was found"):
        find(make_machine(own_home, env, platform=platform))


def test_the_token_file_below_xdg(own_home: Path) -> None:
    write(own_home / "xdg/antigravity-cli/antigravity-oauth-token", token(1))
    found = find(make_machine(own_home, {"XDG_CONFIG_HOME": str(own_home / "xdg")}))
    assert found.secret.reveal() == f"{TOKEN}-1"
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"XDG_CONFIG_HOME": "xdg"}))


def test_the_keyring_is_asked_only_beside_a_trace(
    own_home: Path, file_keyring: FileKeyring, machine: Machine
) -> None:
    """It may ask its user something."""
    file_keyring.set_password("gemini", "antigravity", TOKEN)
    with pytest.raises(NotConfigured):
        find(machine, named=False)
    (own_home / ".gemini/antigravity").mkdir(parents=True)
    assert find(machine, named=False).secret.reveal() == TOKEN


class Locked(FileKeyring):
    """A keyring that its user does not open."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


def test_a_locked_keyring_is_said_where_nothing_else_is_found(own_home: Path, machine: Machine) -> None:
    with used(Locked()):
        ask = make_ask("antigravity", machine)
        with pytest.raises(AuthError, match="^the keyring .gemini/antigravity. could not be read$") as caught:
            fetch(ask)
        assert caught.value.hint == "unlock the system's keyring, then try again"
        write_state(machine, "Antigravity", {"antigravityAuthStatus": {"apiKey": TOKEN}})
        assert find(machine).secret.reveal() == TOKEN


def test_the_editor_s_login(machine: Machine) -> None:
    write_state(
        machine,
        "Antigravity",
        {"antigravityAuthStatus": {"apiKey": TOKEN, "email": "dev@example.com", "name": "Dev"}},
    )
    found = find(machine)
    assert (found.kind, found.account_id, found.others) == ("oauth", "dev@example.com", {})


def record(*fields: tuple[int, bytes]) -> bytes:
    """A protobuf message of length-delimited fields."""
    return b"".join(varint(number << 3 | 2) + varint(len(data)) + data for number, data in fields)


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


PRO = record((1, b"g1-pro-tier"), (2, b"Google AI Pro"))
# A number, eight bytes and four bytes stand before it.
WHOLE_RECORD = b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + record((7, b"Dev" * 60), (36, PRO))


@pytest.mark.parametrize(
    ("data", "tier"),
    [
        (WHOLE_RECORD, {"id": "g1-pro-tier", "name": "Google AI Pro"}),
        (record((36, record((1, b"free-tier")))), {"id": "free-tier"}),
        (record((35, PRO)), {}),
        (WHOLE_RECORD[:-20], {}),
        (b"", {}),
        (b"\xff" * 30, {}),
        (b"\x0b\x00", {}),
    ],
)
def test_the_plan_in_the_editor_s_own_record(machine: Machine, data: bytes, tier: dict[str, str]) -> None:
    status = {"apiKey": TOKEN, "userStatusProtoBinaryBase64": base64.b64encode(data).decode()}
    write_state(machine, "Antigravity", {"antigravityAuthStatus": status})
    assert find(machine).facts["tier"] == tier


@pytest.mark.parametrize("text", [None, 7, "!", "A"])
def test_a_record_that_is_none(machine: Machine, text: Any) -> None:
    status = {"apiKey": TOKEN, "userStatusProtoBinaryBase64": text}
    write_state(machine, "Antigravity", {"antigravityAuthStatus": status})
    assert find(machine).facts["tier"] == {}


@given(data=st.binary(max_size=60), number=st.integers(0, 40))
def test_any_bytes_are_read(data: bytes, number: int) -> None:
    found = field(data, number)
    assert found is None or found in data


@pytest.mark.parametrize("status", ["", {}, {"apiKey": ""}, {"apiKey": None}])
def test_a_newer_editor_keeps_no_token(machine: Machine, status: Any) -> None:
    write_state(machine, "Antigravity", {"antigravityAuthStatus": status})
    with pytest.raises(NotConfigured):
        find(machine)


def test_a_file_that_is_cut_off(own_home: Path, machine: Machine) -> None:
    write(own_home / FILES[0], '{"token": {"access_token": "fake')
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(machine)
    assert "fake" not in caught.value.message


# -- the forms of a login ---------------------------------------------------------------------------

WHOLE = {
    "token": {
        "access_token": TOKEN,
        "refresh_token": REFRESH,
        "token_type": "Bearer",
        "expiry": "2026-11-21T07:00:00.123456789+00:00",
    },
    "auth_method": "consumer",
    "id_token": ID_TOKEN,
}
FLAT = {"accessToken": TOKEN, "refreshToken": REFRESH, "expiryDate": 1795244400000, "idToken": ID_TOKEN}


def wrapped(body: Any) -> str:
    return f"go-keyring-base64:{base64.b64encode(json.dumps(body).encode()).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WHOLE),
        json.dumps(FLAT),
        json.dumps({"token": FLAT}),
        json.dumps(
            {"token": TOKEN, "refresh_token": REFRESH, "expires_at": 1795244400, "id_token": ID_TOKEN}
        ),
        wrapped(WHOLE),
        f" {wrapped(FLAT)}\n",
    ],
)
def test_a_login_in_any_spelling(text: str) -> None:
    assert from_login(text, "the file") == Credential(
        secret=Secret(TOKEN),
        origin="the file",
        kind="oauth",
        account_id="dev@example.com",
        facts={"expires_at": utc("2026-11-21T07:00:00"), "email": "dev@example.com", "project": None},
        others={"refresh_token": Secret(REFRESH)},
    )


def test_a_serialised_login_says_more() -> None:
    body = {
        **FLAT,
        "idToken": None,
        "email": "me@example.com",
        "projectId": "p-1",
        "clientId": "id",
        "clientSecret": "fake",
    }
    found = from_login(json.dumps(body), "x")
    assert found is not None
    assert (found.account_id, found.facts["project"]) == ("me@example.com", "p-1")
    assert {name: secret.reveal() for name, secret in found.others.items()} == {
        "refresh_token": REFRESH,
        "client_id": "id",
        "client_secret": "fake",
    }


@pytest.mark.parametrize("text", [TOKEN, f"Bearer {TOKEN}", f"bearer  {TOKEN}"])
def test_a_bare_token(text: str) -> None:
    found = from_login(text, "x")
    assert found is not None
    assert (found.secret.reveal(), found.kind, found.others) == (TOKEN, "oauth", {})


def test_a_refresh_token_only() -> None:
    found = from_login(json.dumps({"token": {"refresh_token": REFRESH}}), "x")
    assert found is not None
    assert (found.secret.reveal(), found.kind) == (REFRESH, "refresh")


@pytest.mark.parametrize(
    "text", ["{}", '{"token": {}}', '{"token": {"access_token": " "}}', "", "go-keyring-base64:!"]
)
def test_no_login(machine: Machine, text: str) -> None:
    assert from_login(text, "x") is None
    with pytest.raises(ServiceError, match="^env MINE holds no login of Antigravity$"):
        accept({"": text}, "env MINE", machine)


def test_a_configured_token(machine: Machine) -> None:
    assert accept({"": TOKEN}, "env MINE", machine).secret.reveal() == TOKEN


@given(body=ANY_JSON)
def test_any_text_is_a_login_or_none(body: Any) -> None:
    try:
        found = from_login(json.dumps(body), "the file")
    except ProviderError as error:
        assert error.message.startswith("the file ")
    else:
        assert found is None or found.secret.reveal()


# -- the client that renews -------------------------------------------------------------------------


def program(path: Path, *words: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0\xff" + b"\0".join(words) + b"\0\xff")
    path.chmod(0o755)
    return path


def test_the_client_of_the_environment(own_home: Path) -> None:
    env = {"ANTIGRAVITY_OAUTH_CLIENT_SECRET": CLIENT_SECRET}
    assert client_pair(make_machine(own_home, env)) == (OWN_ID, Secret(CLIENT_SECRET))
    env["ANTIGRAVITY_OAUTH_CLIENT_ID"] = "id"
    assert client_pair(make_machine(own_home, env)) == ("id", Secret(CLIENT_SECRET))
    assert client_pair(make_machine(own_home, {"ANTIGRAVITY_OAUTH_CLIENT_ID": "id"})) is None


@pytest.mark.skipif(os.name == "nt", reason="a program is told by its ending there")
@pytest.mark.parametrize(
    ("words", "id_"),
    [
        ((OWN_ID.encode(), CLIENT_SECRET.encode()), OWN_ID),
        (
            (b"123-abc.apps.googleusercontent.com", CLIENT_SECRET.encode()),
            "123-abc.apps.googleusercontent.com",
        ),
        ((b"123-abc.apps.googleusercontent.com", OWN_ID.encode(), CLIENT_SECRET.encode()), OWN_ID),
        ((OWN_ID.encode(),), None),
        ((CLIENT_SECRET.encode(),), None),
        ((b"GOCSPX-short",), None),
        ((), None),
    ],
)
def test_the_client_in_agy(own_home: Path, words: tuple[bytes, ...], id_: str | None) -> None:
    path = program(own_home / "bin/agy", *words)
    found = client_pair(make_machine(own_home, {"PATH": str(path.parent)}))
    assert found == ((id_, Secret(CLIENT_SECRET)) if id_ else None)


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        (
            "darwin",
            "Applications/Antigravity.app/Contents/Resources/app/extensions/antigravity/bin/language_server_macos_arm",
        ),
        ("darwin", "Applications/Antigravity.app/Contents/Resources/app/out/main.js"),
        ("win32", "AppData/Local/Programs/Antigravity/resources/app/out/main.js"),
    ],
)
def test_the_client_in_the_app(own_home: Path, platform: str, path: str) -> None:
    program(own_home / path, OWN_ID.encode(), CLIENT_SECRET.encode())
    assert client_pair(make_machine(own_home, platform=platform)) == (OWN_ID, Secret(CLIENT_SECRET))
    assert client_pair(make_machine(own_home, platform="freebsd")) is None


def test_an_empty_program_is_no_client(own_home: Path) -> None:
    (own_home / "agy").write_bytes(b"")
    (own_home / "agy").chmod(0o755)
    assert client_pair(make_machine(own_home, {"PATH": str(own_home)})) is None
