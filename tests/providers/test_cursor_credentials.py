"""Where Cursor's session is found, and what may be configured."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_machine
from tests.vscode import jwt, write_state
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._cursor.credentials import accept, from_session

USER = "user_01FAKE"
COOKIE = "WorkosCursorSessionToken"


def token(user: str = USER) -> str:
    return jwt(sub=f"google-oauth2|{user}", exp=1800000000)


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="cursor", provider="cursor", named=named)
    return credentials.find(registry.get("cursor"), service, machine)


def facts(found: Credential) -> tuple[str, str, str | None, str]:
    return found.secret.reveal(), found.kind, found.account_id, found.origin.replace("\\", "/")


def login(path: Path, user: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"accessToken": token(user), "refreshToken": "fake-refresh"}), encoding="utf-8"
    )
    return path


# -- the usual places -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "env", "cli", "editor"),
    [
        ("linux", {}, ".config/cursor", ".config/Cursor"),
        ("linux", {"XDG_CONFIG_HOME": "HOME/xdg"}, "xdg/cursor", "xdg/Cursor"),
        ("darwin", {}, ".cursor", "Library/Application Support/Cursor"),
        ("win32", {"APPDATA": "HOME/roaming"}, "roaming/Cursor", "roaming/Cursor"),
    ],
)
def test_the_usual_places_in_their_order(
    own_home: Path, platform: str, env: dict[str, str], cli: str, editor: str
) -> None:
    """Each is taken away once it was found."""
    env = {name: value.replace("HOME", str(own_home)) for name, value in env.items()}
    env |= {
        "CURSOR_SESSION_TOKEN": f"user_1%3A%3A{token('user_1')}",
        "CURSOR_ACCESS_TOKEN": token("user_2"),
        "CURSOR_TOKEN": token("user_3"),
        "CURSOR_API_KEY": "key_fake",
    }
    machine = make_machine(own_home, env, platform=platform)
    file = login(own_home / cli / "auth.json", "user_4")
    state = write_state(
        machine,
        "Cursor",
        {"cursorAuth/accessToken": token("user_5"), "cursorAuth/cachedEmail": "ada@example.com"},
    )
    seen = []
    for gone in (
        lambda: env.pop("CURSOR_SESSION_TOKEN"),
        lambda: env.pop("CURSOR_ACCESS_TOKEN"),
        lambda: env.pop("CURSOR_TOKEN"),
        file.unlink,
        state.unlink,
        lambda: env.pop("CURSOR_API_KEY"),
    ):
        seen.append(facts(find(make_machine(own_home, env, platform=platform))))
        gone()
    places = [
        ("cookie", "CURSOR_SESSION_TOKEN"),
        ("cookie", "CURSOR_ACCESS_TOKEN"),
        ("cookie", "CURSOR_TOKEN"),
        ("oauth", f"~/{cli}/auth.json"),
        ("oauth", f"~/{editor}/User/globalStorage/state.vscdb"),
    ]
    assert seen == [
        *(
            (f"{COOKIE}=user_{n}%3A%3A{token(f'user_{n}')}", kind, f"user_{n}", origin)
            for n, (kind, origin) in enumerate(places, 1)
        ),
        ("key_fake", "team", None, "CURSOR_API_KEY"),
    ]
    with pytest.raises(NotConfigured, match="^no Cursor credential was found"):
        find(make_machine(own_home, env, platform=platform))


def test_the_editor_knows_the_address(machine: Machine) -> None:
    write_state(
        machine, "Cursor", {"cursorAuth/accessToken": token(), "cursorAuth/cachedEmail": "ada@example.com"}
    )
    found = find(machine)
    assert (found.facts, found.others) == ({"email": "ada@example.com"}, {"jwt": Secret(token())})


@pytest.mark.parametrize("items", [{}, {"cursorAuth/accessToken": ""}, {"cursorAuthStatus": "fake"}])
def test_an_editor_without_a_login(machine: Machine, items: dict[str, str]) -> None:
    write_state(machine, "Cursor", items)
    with pytest.raises(NotConfigured):
        find(machine)


@pytest.mark.parametrize("body", [{}, {"accessToken": " "}, {"accessToken": 7}])
def test_a_login_file_without_a_token(own_home: Path, machine: Machine, body: Any) -> None:
    path = login(own_home / ".config/cursor/auth.json", "x")
    path.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(NotConfigured):
        find(machine)


def test_a_login_file_that_is_cut_off(own_home: Path, machine: Machine) -> None:
    login(own_home / ".config/cursor/auth.json", "x").write_text('{"accessToken": "fake', encoding="utf-8")
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(machine)
    assert "fake" not in caught.value.message


def test_a_login_is_read_again(machine: Machine) -> None:
    path = write_state(machine, "Cursor", {"cursorAuth/accessToken": token("user_1")})
    found = find(machine)
    assert credentials.renewed(found) is None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE ItemTable SET value = ?", (token("user_2"),))
        connection.commit()
    renewed = credentials.renewed(found)
    assert renewed is not None
    assert renewed.account_id == "user_2"


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_macos_keychain(own_home: Path) -> None:
    program = own_home / "bin" / "security"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "find-generic-password -s cursor-access-token -w" ] && echo "{token()}"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    env = {"PATH": str(program.parent)}
    mac = make_machine(own_home, env, platform="darwin")
    assert facts(find(mac)) == (f"{COOKIE}={USER}%3A%3A{token()}", "oauth", USER, "the macOS keychain")
    # It may ask its user something: not where there is no trace of Cursor, and on no other system.
    for machine in (mac, make_machine(own_home, env)):
        with pytest.raises(NotConfigured):
            find(machine, named=False)
    (own_home / ".cursor").mkdir()
    assert find(mac, named=False).account_id == USER
    program.write_text("#!/bin/sh\nexit 44\n", encoding="utf-8")
    with pytest.raises(NotConfigured):
        find(mac)


# -- from a token to a cookie -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{USER}%3A%3A{token()}",
        f"{USER}%3a%3a{token()}",
        f"{USER}::{token()}",
        token(),
        f" {token()}\n",
        f"{COOKIE}={USER}%3A%3A{token()}",
        f"Cookie: theme=dark; {COOKIE}={USER}%3A%3A{token()}; other=1",
        f"cookie: wos-session=fake; {COOKIE}={token()}",
    ],
)
def test_a_session_in_any_form(text: str) -> None:
    assert from_session(text, "env MINE") == Credential(
        secret=Secret(f"{COOKIE}={USER}%3A%3A{token()}"),
        origin="env MINE",
        kind="cookie",
        account_id=USER,
        others={"jwt": Secret(token())},
    )


@pytest.mark.parametrize(
    ("sub", "user"), [("auth0|user_1", "user_1"), ("a|b|user_1", "user_1"), ("user_1", "user_1")]
)
def test_the_user_is_what_stands_last(sub: str, user: str) -> None:
    assert from_session(jwt(sub=sub), "x").account_id == user


@pytest.mark.parametrize("name", ["__Secure-next-auth.session-token", "wos-session", "authjs.session-token"])
def test_other_names_of_the_cookie_are_sent_as_they_are(name: str) -> None:
    found = from_session(f"Cookie: a=b; {name}=fake-value; c=d", "x")
    assert (found.secret.reveal(), found.account_id, found.others) == (f"{name}=fake-value", None, {})


def test_a_header_without_the_cookie() -> None:
    with pytest.raises(ServiceError, match=f"^env MINE holds no cookie {COOKIE}$"):
        from_session("Cookie: theme=dark", "env MINE")


def test_a_token_that_names_nobody_is_sent_alone() -> None:
    found = from_session("fake-opaque", "x")
    assert (found.secret.reveal(), found.account_id, found.others) == (f"{COOKIE}=fake-opaque", None, {})


@given(text=st.text(max_size=40))
def test_any_text_is_a_session_or_an_error(text: str) -> None:
    try:
        found = from_session(text, "x")
    except ServiceError:
        return
    assert found.secret.reveal().partition("=")[1]


# -- what may be configured -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "kind", "secret"),
    [
        ({"": token()}, "cookie", f"{COOKIE}={USER}%3A%3A{token()}"),
        ({"session_token": f"{USER}::{token()}"}, "cookie", f"{COOKIE}={USER}%3A%3A{token()}"),
        ({"access_token": token()}, "cookie", f"{COOKIE}={USER}%3A%3A{token()}"),
        ({"": json.dumps({"accessToken": token()})}, "oauth", f"{COOKIE}={USER}%3A%3A{token()}"),
        ({"admin_key": "fake-of-any-form"}, "team", "fake-of-any-form"),
        ({"": "crsr_fake"}, "team", "crsr_fake"),
        ({"": "key_fake"}, "team", "key_fake"),
    ],
)
def test_a_configured_credential(machine: Machine, parts: dict[str, str], kind: str, secret: str) -> None:
    found = accept(parts, "env MINE", machine)
    assert (found.kind, found.secret.reveal(), found.origin) == (kind, secret, "env MINE")


def test_a_configured_file_without_a_token(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^the file holds no login of Cursor$"):
        accept({"": "{}"}, "the file", machine)
