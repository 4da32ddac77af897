"""Where OpenCode's key and cookie are found, what may be configured, and how a workspace is named."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_machine
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._opencode.credentials import accept, cookie_header, workspace_id

KEY, COOKIE = "sk-fake-key", "Fe26.2**fake-cookie"
FILE = ".local/share/opencode/auth.json"
ULID = "01KFAKE0000000000000000001"


def api(key: Any = KEY, **more: Any) -> dict[str, Any]:
    return {"type": "api", "key": key, **more}


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("opencode"), Service(name="opencode", provider="opencode"), machine)


def write(home: Path, body: Any, name: str = FILE) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    return path


def facts(found: Credential) -> tuple[str, str, str]:
    return found.secret.reveal(), found.origin.replace("\\", "/"), found.kind


# -- the usual places -------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_usual_places_in_their_order(own_home: Path, platform: str) -> None:
    """Each is taken away once it was found. The file stands in the same place everywhere."""
    env = {"OPENCODE_API_KEY": "sk-fake-1", "OPENCODE_AUTH_COOKIE": "fake-4"}
    both = {"opencode": api("sk-fake-3"), "opencode-go": api("sk-fake-2")}
    write(own_home, both)
    seen = []
    for gone in (
        lambda: env.pop("OPENCODE_API_KEY"),
        lambda: write(own_home, {"opencode": both["opencode"]}),
        lambda: (own_home / FILE).unlink(),
        env.clear,
    ):
        found = find(make_machine(own_home, env, platform=platform))
        seen.append(facts(found))
        beside = {} if found.kind == "cookie" else {"auth_cookie": Secret("fake-4")}
        assert found.others == beside
        gone()
    assert seen == [
        ("sk-fake-1", "OPENCODE_API_KEY", "key"),
        ("sk-fake-2", f"~/{FILE}", "key"),
        ("sk-fake-3", f"~/{FILE}", "zen_key"),
        ("fake-4", "OPENCODE_AUTH_COOKIE", "cookie"),
    ]
    with pytest.raises(NotConfigured, match="^no OpenCode credential was found"):
        find(make_machine(own_home, env, platform=platform))


def test_a_key_without_a_cookie_stands_alone(own_home: Path) -> None:
    found = find(make_machine(own_home, {"OPENCODE_API_KEY": KEY, "OPENCODE_AUTH_COOKIE": " "}))
    assert found.others == {}


@pytest.mark.parametrize("name", ["OPENCODE_API_KEY", "OPENCODE_AUTH_COOKIE"])
def test_a_blank_variable_is_none(own_home: Path, name: str) -> None:
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {name: "  "}))


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"OPENCODE_DATA_DIR": "~/own", "XDG_DATA_HOME": "HOME/xdg"}, "own/auth.json"),
        ({"OPENCODE_DATA_DIR": "HOME/own"}, "own/auth.json"),
        ({"XDG_DATA_HOME": "HOME/xdg"}, "xdg/opencode/auth.json"),
        ({"XDG_DATA_HOME": "xdg"}, FILE),  # a relative one is to be ignored
        ({"OPENCODE_DATA_DIR": " ", "XDG_DATA_HOME": ""}, FILE),
    ],
)
def test_the_data_directory_of_opencode(own_home: Path, env: dict[str, str], name: str) -> None:
    for other in ("own/auth.json", "xdg/opencode/auth.json", FILE):
        write(own_home, {"opencode-go": api("sk-fake-other")}, other)
    write(own_home, {"opencode-go": api()}, name)
    env = {variable: value.replace("HOME/", str(own_home) + os.sep) for variable, value in env.items()}
    assert facts(find(make_machine(own_home, env))) == (KEY, f"~/{name}", "key")


ELSEWHERE: list[Any] = [
    None,
    [],
    KEY,
    {"key": KEY},
    {"type": "oauth", "key": KEY},
    {"type": "oauth", "access": "fake", "refresh": "fake", "expires": 0},
    {"type": "wellknown", "key": KEY, "token": "fake"},
    api(None),
    api(7),
    api(" "),
    api({}),
]


@pytest.mark.parametrize("entry", ELSEWHERE)
def test_an_entry_of_another_shape_is_passed_over(own_home: Path, entry: object) -> None:
    write(own_home, {"opencode-go": entry, "anthropic": api("sk-fake-other"), "opencode": api(f" {KEY}\n")})
    assert facts(find(make_machine(own_home)))[::2] == (KEY, "zen_key")
    write(own_home, {"opencode-go": entry, "opencode": entry, "anthropic": api("sk-fake-other")})
    with pytest.raises(NotConfigured, match="^no OpenCode credential was found"):
        find(make_machine(own_home))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"opencode-go": {"type": "api", "key": "sk-fake', "is not valid JSON"),
        (b"", "is not valid JSON"),
        (b'["sk-fake"]', "holds no JSON object"),
        (b"\xff\xfe", "is not text"),
        (json.dumps({"opencode": api("sk-fake two")}).encode(), "holds spaces"),
    ],
)
def test_a_broken_file_is_told_unless_a_later_place_works(own_home: Path, text: bytes, words: str) -> None:
    write(own_home, text)
    with pytest.raises(ServiceError, match=words) as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    assert find(make_machine(own_home, {"OPENCODE_AUTH_COOKIE": COOKIE})).kind == "cookie"
    assert find(make_machine(own_home, {"OPENCODE_API_KEY": KEY})).kind == "key"


@pytest.mark.skipif(sys.platform == "win32" or getattr(os, "geteuid", lambda: 1)() == 0, reason="modes")
def test_a_file_that_cannot_be_read(own_home: Path) -> None:
    write(own_home, {"opencode-go": api()}).chmod(0)
    with pytest.raises(ServiceError, match="cannot be read"):
        find(make_machine(own_home))


def test_the_file_is_left_as_it_was(own_home: Path) -> None:
    path = write(own_home, b'\xef\xbb\xbf{"opencode-go": {"type": "api", "key": "sk-fake-key"}}')
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert find(make_machine(own_home)).secret.reveal() == KEY
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_key_holds_no_spaces(own_home: Path) -> None:
    with pytest.raises(ServiceError, match="^the OpenCode key from OPENCODE_API_KEY holds spaces") as caught:
        find(make_machine(own_home, {"OPENCODE_API_KEY": f"Bearer {KEY}"}))
    assert "fake" not in caught.value.message


# -- a configured credential ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "secret", "kind", "others"),
    [
        ({"": KEY}, KEY, "key", {}),
        ({"": json.dumps({"opencode-go": api()})}, KEY, "key", {}),
        # Configured: meant for Go, whatever OpenCode calls it.
        ({"": json.dumps({"opencode": api()})}, KEY, "key", {}),
        ({"": COOKIE}, COOKIE, "cookie", {}),
        ({"": "auth=fake"}, "auth=fake", "cookie", {}),
        ({"": "Cookie: auth=fake"}, "Cookie: auth=fake", "cookie", {}),
        ({"": "oc_locale=en; auth=fake"}, "oc_locale=en; auth=fake", "cookie", {}),
        ({"api_key": KEY}, KEY, "key", {}),
        ({"auth_cookie": "fake"}, "fake", "cookie", {}),
        ({"api_key": KEY, "auth_cookie": "fake"}, KEY, "key", {"auth_cookie": Secret("fake")}),
    ],
)
def test_what_may_be_configured(
    machine: Machine, parts: dict[str, str], secret: str, kind: str, others: dict[str, Secret]
) -> None:
    found = accept(parts, "the config file", machine)
    assert (*facts(found), found.others) == (secret, "the config file", kind, others)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("two words", ServiceError, "holds spaces"),
        ('{"opencode', ServiceError, "is not valid JSON"),
        ('{"anthropic": {"type": "api", "key": "sk-fake"}}', NotConfigured, "holds no key of OpenCode"),
    ],
)
def test_a_configured_text_without_a_key(
    machine: Machine, text: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        accept({"": text}, "the config file", machine)
    assert "fake" not in str(caught.value)


# -- the cookie -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (COOKIE, f"auth={COOKIE}"),
        ("fake==", "auth=fake=="),
        ("auth=fake", "auth=fake"),
        ("Cookie: auth=fake", "auth=fake"),
        ("cookie:auth=fake==;", "auth=fake=="),
        ("oc_locale=en; auth=fake; theme=dark", "auth=fake"),
        ("__Host-auth=fake-b", "__Host-auth=fake-b"),
        ("__Host-auth=fake-b; x=1; auth=fake-a", "auth=fake-a; __Host-auth=fake-b"),
        ("auth=; __Host-auth=fake-b", "__Host-auth=fake-b"),
    ],
)
def test_what_is_sent_of_a_cookie(text: str, header: str) -> None:
    """Of a whole header only the two names that carry the session."""
    assert cookie_header(text) == header


@pytest.mark.parametrize(
    "text", ["oc_locale=fake", "Cookie:", "Cookie: fake", "a=fake; authx=fake", "auth=;"]
)
def test_a_header_without_the_session(text: str) -> None:
    with pytest.raises(ServiceError, match="holds no cookie `auth`") as caught:
        cookie_header(text)
    assert "fake" not in caught.value.message


# -- the workspace ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"wrk_{ULID}", f"wrk_{ULID}"),
        (f"  wrk_{ULID} ", f"wrk_{ULID}"),
        (f"WRK_{ULID}", f"wrk_{ULID}"),
        ("wrk_01aBcD", "wrk_01aBcD"),
        (f"https://opencode.ai/workspace/wrk_{ULID}", f"wrk_{ULID}"),
        (f"https://opencode.ai/workspace/WRK_{ULID}/go", f"wrk_{ULID}"),
        (f"HTTPS://OPENCODE.AI/WORKSPACE/WRK_{ULID}?tab=1#x", f"wrk_{ULID}"),
        (f"/workspace/wrk_{ULID}/", f"wrk_{ULID}"),
        ("", None),
        ("wrk_", None),
        (ULID, None),
        (f"my_wrk_{ULID}", None),
        (f"wrk_{ULID}..", None),
        (f"wrk_{ULID} x", None),
        (f"https://opencode.ai/wrk_{ULID}", None),
        (f"https://opencode.ai/auth?to=/workspace/wrk_{ULID}", None),
    ],
)
def test_the_workspace_in_an_id_or_an_address(text: str, expected: str | None) -> None:
    assert workspace_id(text) == expected


@given(st.text(max_size=40))
def test_a_workspace_is_fit_for_a_path(text: str) -> None:
    for id_ in (workspace_id(text), workspace_id(f"wrk_{text}"), workspace_id(f"/workspace/wrk_1{text}")):
        assert id_ is None or (id_.startswith("wrk_") and id_[4:].isalnum() and id_.isascii())
