"""Where Codex's login is found, and what its tokens say."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.providers.test_codex_fetch import PERSONAL, TOKEN, jwt
from tests.support import make_machine
from usagecli import credentials, log, registry
from usagecli.credentials import Credential, Secret, claims_of
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._codex import credentials as codex_credentials
from usagecli.providers._codex.credentials import accept, from_auth_json

PAIR = {"CHATGPT_ACCESS_TOKEN": "fake-1", "CHATGPT_ACCOUNT_ID": "acc-env"}
FILE = {"tokens": {"access_token": TOKEN, "account_id": "acc-71d0"}}
AUTH, PROFILE = "https://api.openai.com/auth", "https://api.openai.com/profile"


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("codex"), Service(name="codex", provider="codex"), machine)


def write(home: Path, name: str, body: Any) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body))
    return path


def token_file(token: str) -> dict[str, Any]:
    return {"tokens": {"access_token": token}}


# -- the usual places -------------------------------------------------------------------------------


@pytest.fixture
def keyring_entries(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """The system keyring, as a dictionary."""
    entries: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(codex_credentials, "keyring_text", lambda service, user: entries.get((service, user)))
    return entries


def entry_of(folder: Path) -> tuple[str, str]:
    """The keyring entry of a Codex home: named after its canonical path."""
    digest = hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()
    return "Codex Auth", f"cli|{digest[:16]}"


def use_keyring(folder: Path, store: str = "keyring") -> None:
    write(folder, "config.toml", f'cli_auth_credentials_store = "{store}"\n')


def test_the_usual_places_in_their_order(own_home: Path, keyring_entries: dict[tuple[str, str], str]) -> None:
    """Each is taken away once it was found."""
    variables = {**PAIR, "CODEX_ACCESS_TOKEN": "at-fake-2"}
    first = write(own_home, ".codex/auth.json", token_file("fake-3"))
    second = write(own_home, ".config/codex/auth.json", token_file("fake-4"))
    use_keyring(own_home / ".codex")
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(token_file("fake-5"))
    places: list[tuple[str, str, Callable[[], object]]] = [
        ("fake-1", "CHATGPT_ACCESS_TOKEN", lambda: variables.pop("CHATGPT_ACCESS_TOKEN")),
        ("at-fake-2", "CODEX_ACCESS_TOKEN", lambda: variables.pop("CODEX_ACCESS_TOKEN")),
        ("fake-3", os.path.join("~", ".codex/auth.json"), first.unlink),
        ("fake-4", os.path.join("~", ".config/codex/auth.json"), second.unlink),
        ("fake-5", "keyring (Codex Auth)", keyring_entries.clear),
    ]
    for token, origin, remove in places:
        found = find(make_machine(own_home, variables))
        assert found.secret.reveal() == token
        assert found.origin.replace(os.sep, "/") == origin.replace(os.sep, "/")
        remove()
    with pytest.raises(NotConfigured, match="no Codex .* credential was found"):
        find(make_machine(own_home, variables))


def test_both_variables_are_trimmed(own_home: Path) -> None:
    found = find(make_machine(own_home, {name: f"  {value} \n" for name, value in PAIR.items()}))
    assert (found.secret.reveal(), found.account_id, found.kind) == ("fake-1", "acc-env", "oauth")


@pytest.mark.parametrize("blank", [None, "", " \t"])
@pytest.mark.parametrize("given_name", list(PAIR))
@pytest.mark.parametrize("signed_in", [True, False])
def test_one_variable_of_the_pair_is_ignored_with_a_warning(
    own_home: Path,
    capsys: pytest.CaptureFixture[str],
    given_name: str,
    blank: str | None,
    signed_in: bool,
) -> None:
    missing = next(name for name in PAIR if name != given_name)
    env = {given_name: PAIR[given_name]} | ({missing: blank} if blank is not None else {})
    if signed_in:
        write(own_home, ".codex/auth.json", FILE)
        assert find(make_machine(own_home, env)).secret.reveal() == TOKEN
    else:
        with pytest.raises(NotConfigured):
            find(make_machine(own_home, env))
    assert capsys.readouterr().err == f"Warning: {given_name} is ignored, because {missing} is not set\n"


def test_neither_variable_is_no_warning(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(own_home, ".codex/auth.json", FILE)
    find(make_machine(own_home))
    find(make_machine(own_home, PAIR))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("value", [jwt(sub="agent"), "fake", ""])
def test_an_agent_s_identity_is_no_token(own_home: Path, value: str) -> None:
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"CODEX_ACCESS_TOKEN": value}))


def test_a_personal_token_of_the_environment(own_home: Path) -> None:
    found = find(make_machine(own_home, {"CODEX_ACCESS_TOKEN": PERSONAL}))
    assert (found.secret.reveal(), found.kind, found.origin) == (PERSONAL, "pat", "CODEX_ACCESS_TOKEN")


@pytest.mark.parametrize("spelling", ["{home}/work", "~/work", " ~/work ", "{home}/work,a"])
def test_the_home_that_codex_was_given(own_home: Path, spelling: str) -> None:
    named = spelling.format(home=own_home)
    folder = "work,a" if named.endswith(",a") else "work"
    write(own_home, f"{folder}/auth.json", token_file("fake-work"))
    write(own_home, ".codex/auth.json", token_file("fake-other"))
    assert find(make_machine(own_home, {"CODEX_HOME": named})).secret.reveal() == "fake-work"


def test_where_a_home_is_given_no_other_is_looked_at(
    own_home: Path, keyring_entries: dict[tuple[str, str], str]
) -> None:
    write(own_home, ".codex/auth.json", FILE)
    write(own_home, ".config/codex/auth.json", FILE)
    use_keyring(own_home / ".codex")
    use_keyring(own_home / "work")
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(FILE)
    machine = make_machine(own_home, {"CODEX_HOME": str(own_home / "work")})
    with pytest.raises(NotConfigured):
        find(machine)
    keyring_entries[entry_of(own_home / "work")] = json.dumps(token_file("fake-work"))
    assert find(machine).secret.reveal() == "fake-work"


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_home_is_none(own_home: Path, blank: str) -> None:
    write(own_home, ".config/codex/auth.json", FILE)
    assert find(make_machine(own_home, {"CODEX_HOME": blank})).secret.reveal() == TOKEN


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_home_is_the_same_on_all_platforms(own_home: Path, platform: str) -> None:
    write(own_home, ".codex/auth.json", FILE)
    assert find(make_machine(own_home, platform=platform)).secret.reveal() == TOKEN


# -- the keyring ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ('cli_auth_credentials_store = "keyring"', True),
        ('cli_auth_credentials_store = "auto"', True),
        ('cli_auth_credentials_store = "file"', False),
        ("cli_auth_credentials_store = 7", False),
        ("cli_auth_credentials_store = ", False),
        ("", False),
    ],
)
def test_the_keyring_is_asked_only_where_codex_uses_it(
    own_home: Path, keyring_entries: dict[tuple[str, str], str], config: str, found: bool
) -> None:
    write(own_home, ".codex/config.toml", config)
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(FILE)
    if found:
        assert find(make_machine(own_home)).account_id == "acc-71d0"
    else:
        with pytest.raises(NotConfigured):
            find(make_machine(own_home))


@pytest.mark.skipif(sys.platform == "win32", reason="making a symbolic link needs a privilege there")
def test_the_keyring_entry_is_that_of_the_canonical_home(
    own_home: Path, keyring_entries: dict[tuple[str, str], str]
) -> None:
    use_keyring(own_home / "real")
    (own_home / ".codex").symlink_to(own_home / "real")
    keyring_entries[entry_of(own_home / "real")] = json.dumps(FILE)
    assert find(make_machine(own_home)).secret.reveal() == TOKEN


def test_an_entry_in_hex_digits(own_home: Path, keyring_entries: dict[tuple[str, str], str]) -> None:
    use_keyring(own_home / ".codex")
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(FILE).encode().hex()
    assert find(make_machine(own_home)).account_id == "acc-71d0"


def test_an_entry_is_read_again(own_home: Path, keyring_entries: dict[tuple[str, str], str]) -> None:
    use_keyring(own_home / ".codex", "auto")
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(FILE)
    found = find(make_machine(own_home))
    assert credentials.renewed(found) is None
    keyring_entries[entry_of(own_home / ".codex")] = json.dumps(token_file("fake-new"))
    renewed = credentials.renewed(found)
    assert renewed is not None
    assert renewed.secret.reveal() == "fake-new"


def test_a_keyring_that_does_not_work_is_said(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(service: str, user: str) -> str:
        raise ServiceError("this machine has no working keyring")

    monkeypatch.setattr(codex_credentials, "keyring_text", broken)
    use_keyring(own_home / ".codex")
    with pytest.raises(ServiceError, match="no working keyring"):
        find(make_machine(own_home))


# -- the file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        FILE,
        {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, **FILE, "last_refresh": "2026-11-20T08:00:00Z"},
        {"OPENAI_API_KEY": "sk-fake-key", **FILE},
        {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-fake-key", **FILE},
        {"personal_access_token": PERSONAL, **FILE},
        {"tokens": {"accessToken": f" {TOKEN}\n", "accountId": "acc-71d0", "refreshToken": "fake-refresh"}},
        {"access_token": TOKEN, "account_id": "acc-71d0"},
        {"accessToken": TOKEN, "accountId": "acc-71d0", "tokens": None},
        {"tokens": {"access_token": None, "accessToken": TOKEN, "account_id": "", "accountId": "acc-71d0"}},
    ],
)
@pytest.mark.parametrize("hexed", [False, True])
def test_shapes_of_the_login(body: Any, hexed: bool) -> None:
    text = json.dumps(body)
    found = from_auth_json(text.encode().hex() if hexed else f"\n{text}\n", "~/auth.json")
    assert (found.secret.reveal(), found.kind, found.account_id) == (TOKEN, "oauth", "acc-71d0")


@pytest.mark.parametrize("account_id", [None, "", " ", 7])
def test_a_login_without_an_account_id(account_id: Any) -> None:
    found = from_auth_json(json.dumps({"tokens": {"access_token": TOKEN, "account_id": account_id}}), "x")
    assert found.account_id is None


@pytest.mark.parametrize("tokens", [None, {}, {"access_token": ""}, [], "x", {"refresh_token": "fake-r"}])
def test_a_personal_token_where_no_other_is_usable(tokens: Any) -> None:
    body = {"personal_access_token": PERSONAL, "tokens": tokens, "OPENAI_API_KEY": "sk-fake-key"}
    found = from_auth_json(json.dumps(body), "x")
    assert (found.secret.reveal(), found.kind) == (PERSONAL, "pat")


@pytest.mark.parametrize("tokens", [None, {}, {"access_token": None}])
def test_an_api_key_alone_cannot_read_usage(own_home: Path, tokens: Any) -> None:
    write(own_home, ".codex/auth.json", {"OPENAI_API_KEY": "sk-fake-key", "tokens": tokens})
    with pytest.raises(NotConfigured) as caught:
        find(make_machine(own_home))
    assert caught.value.message.endswith("holds an API key only; usage needs ChatGPT sign-in")
    assert caught.value.hint == "run `codex login`"


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"tokens": {"access_token": "fake-acc',
        "[]",
        '"fake"',
        "{}",
        '{"tokens": []}',
        '{"tokens": {"access_token": ["fake"]}}',
        '{"auth_mode": "agentIdentity", "agent_identity": "fake"}',
        "[" * 100_000,
        "6e6f742068657820fake",
    ],
)
def test_a_login_that_cannot_be_read_is_named(own_home: Path, text: str) -> None:
    write(own_home, ".codex/auth.json", text)
    with pytest.raises(ServiceError) as caught:
        find(make_machine(own_home))
    assert caught.value.message.replace(os.sep, "/").startswith("~/.codex/auth.json ")
    assert caught.value.hint == "run `codex login`"
    assert "fake" not in caught.value.message
    # A later place that works is better than an error.
    write(own_home, ".config/codex/auth.json", FILE)
    assert find(make_machine(own_home)).secret.reveal() == TOKEN


@pytest.mark.skipif(sys.platform == "win32", reason="a directory cannot be told from a denied file there")
def test_a_login_that_is_no_file(own_home: Path) -> None:
    (own_home / ".codex" / "auth.json").mkdir(parents=True)
    with pytest.raises(ServiceError, match="^Codex's login: ~/.codex/auth.json cannot be read"):
        find(make_machine(own_home))


def test_the_tokens_beside_the_one_in_use_are_masked_too(
    own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = {"access_token": TOKEN, "refresh_token": "fake-refresh", "id_token": "fake-identity"}
    write(own_home, ".codex/auth.json", {"tokens": tokens})
    find(make_machine(own_home))
    log.warn("fake-refresh, fake-identity, " + TOKEN)
    assert capsys.readouterr().err == "Warning: ***, ***, ***\n"


def test_nothing_is_written(own_home: Path) -> None:
    path = write(own_home, ".codex/auth.json", FILE)
    before = path.stat()
    find(make_machine(own_home))
    after = path.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    assert os.listdir(path.parent) == ["auth.json"]


# -- what tokens say --------------------------------------------------------------------------------


def login(id_claims: Any = None, access_claims: Any = None, account_id: str | None = None) -> Credential:
    tokens = {
        "access_token": TOKEN if access_claims is None else jwt(**access_claims),
        "id_token": None if id_claims is None else jwt(**id_claims),
        "account_id": account_id,
    }
    return from_auth_json(json.dumps({"tokens": tokens}), "x")


def auth(**claims: Any) -> dict[str, Any]:
    return {AUTH: {f"chatgpt_{name}": value for name, value in claims.items()}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (login(auth(account_id="acc-id"), auth(account_id="acc-access"), "acc-file"), "acc-file"),
        (login(auth(account_id="acc-id"), auth(account_id="acc-access")), "acc-id"),
        (login(auth(), auth(account_id="acc-access")), "acc-access"),
        (login(None, auth(account_id="acc-access")), "acc-access"),
        (login({AUTH: []}, {AUTH: {"chatgpt_account_id": 7}}), None),
        (login(), None),
    ],
)
def test_the_account_id_in_its_order(found: Credential, expected: str | None) -> None:
    assert found.account_id == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (login({"email": "id@example.com"}, {"email": "access@example.com"}), "id@example.com"),
        (login({PROFILE: {"email": "id@example.com"}}, {"email": "access@example.com"}), "id@example.com"),
        (login({"email": 7}, {PROFILE: {"email": "access@example.com"}}), "access@example.com"),
        (login(None, {PROFILE: "x"}), None),
    ],
)
def test_the_email_in_its_order(found: Credential, expected: str | None) -> None:
    assert found.facts["email"] == expected


def test_all_that_the_claims_say() -> None:
    claims = auth(account_id="acc-id", plan_type="team", account_is_fedramp=True, user_id="user-1")
    found = login({"email": "me@example.com"}, claims)
    assert found.facts == {"email": "me@example.com", "plan": "team", "user": "user-1", "fedramp": True}
    assert login({AUTH: {"user_id": "user-2"}}).facts["user"] == "user-2"
    assert login().facts == {"email": None, "plan": None, "user": None, "fedramp": False}


@pytest.mark.parametrize(
    "token", ["", "fake", "a.b", "a.b.c", "a.!!.c", "a.é.c", "a.W10.c", "a.ImZha2Ui.c", "..", jwt() + ".x"]
)
def test_a_token_that_is_no_jwt_is_still_one(token: str) -> None:
    assert claims_of(token) == {}


def test_claims_in_the_url_alphabet() -> None:
    claims = {"email": "ÿþ?>@example.com"}
    token = jwt(**claims)
    assert "_" in token or "-" in token or claims_of(token) == claims
    assert claims_of(token) == claims


@given(st.text(max_size=40), st.dictionaries(st.sampled_from(["email", AUTH, PROFILE]), ANY_JSON))
def test_any_token_is_usable(text: str, claims: dict[str, Any]) -> None:
    for token in (text, f"a.{text}.c", jwt(**claims)):
        found = codex_credentials.from_token(token, "x")
        assert found.secret == Secret(token)


@given(ANY_JSON)
def test_any_login_is_one_or_an_error(body: Any) -> None:
    for found in (body, {"tokens": body}, {"tokens": {"access_token": body, "id_token": body}}):
        try:
            assert from_auth_json(json.dumps(found), "x").secret.reveal()
        except ProviderError as error:
            assert error.hint == "run `codex login`"


# -- a configured credential ------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["", "access_token"])
@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (TOKEN, "oauth", TOKEN),
        (f" {TOKEN}\n", "oauth", TOKEN),
        (PERSONAL, "pat", PERSONAL),
        ("deadbeef", "oauth", "deadbeef"),
        (json.dumps(FILE), "oauth", TOKEN),
        (json.dumps(FILE).encode().hex(), "oauth", TOKEN),
        (json.dumps({"personal_access_token": PERSONAL}), "pat", PERSONAL),
    ],
)
def test_a_configured_credential_in_any_shape(
    machine: Machine, part: str, text: str, kind: str, secret: str
) -> None:
    found = accept({part: text}, "the config file", machine)
    assert (found.kind, found.secret.reveal(), found.origin) == (kind, secret, "the config file")


@pytest.mark.parametrize("text", [TOKEN, PERSONAL, json.dumps(FILE), jwt(**auth(account_id="acc-id"))])
def test_a_configured_account_id_wins(machine: Machine, text: str) -> None:
    parts = {"access_token": text, "account_id": " acc-told "}
    assert accept(parts, "the config file", machine).account_id == "acc-told"


def test_an_account_id_needs_a_token(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^the Codex credential gives no access_token"):
        accept({"account_id": "acc-told"}, "the config file", machine)
