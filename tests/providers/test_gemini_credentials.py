"""Which Gemini login or key is used, and what its file may look like."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.fuzz import ANY_JSON
from tests.support import make_machine
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.model import Service
from usagecli.providers._gemini import login
from usagecli.providers._gemini.credentials import accept, from_login
from usagecli.providers._gemini.login import client_pair

TOKEN, REFRESH, KEY = "ya29.fake-token", "1//fake-refresh", "AIza-fake-key"
PROVIDER = registry.get("gemini")


def jwt(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"fake.{middle}.fake"


LOGIN = {
    "access_token": TOKEN,
    "refresh_token": REFRESH,
    "id_token": jwt(email="dev@example.com", hd="example.com"),
    "token_type": "Bearer",
    "scope": "https://www.googleapis.com/auth/cloud-platform",
    "expiry_date": 1795250000000,
}


def put(home: Path, body: Any, name: str = "oauth_creds.json") -> Path:
    """A file of Gemini CLI's folder."""
    path = home / ".gemini" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def choose(home: Path, kind: Any) -> None:
    put(home, {"security": {"auth": {"selectedType": kind}}}, "settings.json")


def find(
    home: Path, env: Mapping[str, str] | None = None, *, named: bool = True, **changes: Any
) -> Credential:
    service = Service(name="gemini", provider="gemini", named=named)
    return credentials.find(PROVIDER, service, make_machine(home, env, **changes))


def missing(home: Path, env: Mapping[str, str] | None = None, *, named: bool = True) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        find(home, env, named=named)
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


# -- the file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_login_of_the_cli(own_home: Path, platform: str) -> None:
    path = put(own_home, LOGIN)
    found = find(own_home, platform=platform)
    assert found == Credential(
        secret=Secret(TOKEN),
        origin=os.path.join("~", ".gemini", "oauth_creds.json"),
        kind="oauth",
        account_id="dev@example.com",
        facts={"email": "dev@example.com", "hosted": True},
        others={"refresh_token": Secret(REFRESH)},
    )
    assert json.loads(path.read_text(encoding="utf-8")) == LOGIN


def test_gemini_cli_home_stands_for_the_home_not_for_the_folder(own_home: Path, tmp_path: Path) -> None:
    put(own_home, {"access_token": "ya29.fake-other"})
    put(tmp_path, LOGIN)
    put(tmp_path, {"active": "x@example.com"}, "google_accounts.json")
    found = find(own_home, {"GEMINI_CLI_HOME": str(tmp_path)})
    assert found.secret.reveal() == TOKEN
    assert found.origin == str(tmp_path / ".gemini" / "oauth_creds.json")


@pytest.mark.parametrize(
    ("body", "kind", "secret"),
    [
        ({"refresh_token": REFRESH}, "refresh", REFRESH),
        ({"access_token": None, "refresh_token": REFRESH}, "refresh", REFRESH),
        ({"access_token": " ", "refresh_token": f" {REFRESH}\n"}, "refresh", REFRESH),
        ({"access_token": TOKEN}, "oauth", TOKEN),
        ({"access_token": TOKEN, "refresh_token": 7, "id_token": None, "expiry_date": "x"}, "oauth", TOKEN),
        ({"token": TOKEN, "expires_at": "2026-11-21T07:00:00Z"}, "oauth", TOKEN),
        ({"installed": {"access_token": TOKEN, "refresh_token": REFRESH}}, "oauth", TOKEN),
        ({"installed": {"client_id": "x"}, "token": TOKEN}, "oauth", TOKEN),
        ({"token": {"accessToken": TOKEN, "refreshToken": REFRESH}}, "oauth", TOKEN),
    ],
)
def test_what_may_be_missing_and_how_peers_spell_it(
    own_home: Path, body: Any, kind: str, secret: str
) -> None:
    put(own_home, body)
    found = find(own_home)
    assert (found.kind, found.secret.reveal(), found.account_id) == (kind, secret, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"access_token": "ya29.fake', "is not valid JSON (truncated?)"),
        ("[]", "holds no JSON object"),
        ("{}", "holds no Google login in the known shape"),
        ('{"access_token": null, "refresh_token": ""}', "holds no Google login in the known shape"),
        ('{"access_token": ["ya29.fake"]}', "holds no Google login in the known shape"),
    ],
)
def test_a_broken_file(own_home: Path, text: str, message: str) -> None:
    put(own_home, text)
    error = missing(own_home)
    assert isinstance(error, ServiceError)
    assert error.message == f"{os.path.join('~', '.gemini', 'oauth_creds.json')} {message}"
    assert error.hint == "run `gemini` and log in again"


@pytest.mark.skipif(sys.platform == "win32", reason="modes do not keep the owner out there")
def test_an_unreadable_file(own_home: Path) -> None:
    path = put(own_home, LOGIN)
    path.unlink()
    path.mkdir()
    assert "cannot be read" in missing(own_home).message


def test_nothing_anywhere(own_home: Path) -> None:
    error = missing(own_home)
    assert isinstance(error, NotConfigured)
    assert "~/.gemini/oauth_creds.json" in error.message
    assert "GEMINI_API_KEY" in error.message
    assert error.hint == "usagecli providers gemini says how to get one"


@given(body=ANY_JSON)
def test_any_file_is_a_login_or_an_error(body: Any) -> None:
    try:
        found = from_login(json.dumps(body), "the file")
    except ProviderError as error:
        assert error.message.startswith("the file ")
    else:
        assert found.secret.reveal()


# -- whose it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_token", "accounts", "expected"),
    [
        (jwt(email="dev@example.com"), {"active": "other@example.com"}, "dev@example.com"),
        (jwt(sub="1"), {"active": "other@example.com", "old": []}, "other@example.com"),
        (None, {"active": "other@example.com"}, "other@example.com"),
        ("not-a-jwt", {"active": None, "old": ["old@example.com"]}, None),
        (None, "{broken", None),
        (None, [], None),
        (None, None, None),
    ],
)
def test_the_account(own_home: Path, id_token: str | None, accounts: Any, expected: str | None) -> None:
    put(own_home, {"access_token": TOKEN, "id_token": id_token})
    if accounts is not None:
        put(own_home, accounts, "google_accounts.json")
    found = find(own_home)
    assert (found.facts["email"], found.account_id) == (expected, expected)


@pytest.mark.parametrize(
    ("claims", "hosted"), [({"hd": "example.com"}, True), ({}, False), ({"hd": 1}, False)]
)
def test_a_workspace_is_told_by_its_domain(own_home: Path, claims: Any, hosted: bool) -> None:
    put(own_home, {"access_token": TOKEN, "id_token": jwt(**claims)})
    assert find(own_home).facts["hosted"] is hosted


# -- the other places ---------------------------------------------------------------------------------


def keyring(monkeypatch: pytest.MonkeyPatch, text: str | None) -> list[tuple[str, str]]:
    """A keyring with that one entry; what it was asked for."""
    asked = []

    def get(service: str, user: str) -> str | None:
        asked.append((service, user))
        return text

    monkeypatch.setattr("usagecli.providers._gemini.credentials.keyring_text", get)
    return asked


def test_the_keyring_where_the_cli_is_told_to_use_it(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"serverName": "main-account", "token": {"accessToken": TOKEN, "refreshToken": REFRESH}}
    asked = keyring(monkeypatch, json.dumps(login))
    put(own_home, {"active": "dev@example.com"}, "google_accounts.json")
    found = find(own_home, {"GEMINI_FORCE_ENCRYPTED_FILE_STORAGE": "true"})
    assert asked == [("gemini-cli-oauth", "main-account")]
    assert (found.secret.reveal(), found.origin) == (TOKEN, "keyring (gemini-cli-oauth)")
    assert (found.account_id, found.others) == ("dev@example.com", {"refresh_token": Secret(REFRESH)})


@pytest.mark.parametrize("told", [None, "false", "1"])
def test_otherwise_no_keyring_is_asked(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    asked = keyring(monkeypatch, json.dumps(LOGIN))
    missing(own_home, {"GEMINI_FORCE_ENCRYPTED_FILE_STORAGE": told} if told else None)
    assert asked == []


def test_an_empty_keyring(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, None)
    assert isinstance(missing(own_home, {"GEMINI_FORCE_ENCRYPTED_FILE_STORAGE": "true"}), NotConfigured)


@pytest.mark.parametrize("flag", ["true", "1", "yes"])
def test_a_given_token_is_used_as_it_is(own_home: Path, flag: str) -> None:
    put(own_home, LOGIN)
    env = {
        "GOOGLE_GENAI_USE_GCA": flag,
        "GOOGLE_CLOUD_ACCESS_TOKEN": "ya29.fake-given",
        "GEMINI_API_KEY": KEY,
    }
    found = find(own_home, env)
    assert found == Credential(
        secret=Secret("ya29.fake-given"), origin="GOOGLE_CLOUD_ACCESS_TOKEN", kind="oauth"
    )


@pytest.mark.parametrize("flag", [None, "false", "0", "False"])
def test_a_given_token_without_its_flag_is_not_meant(own_home: Path, flag: str | None) -> None:
    env = {"GOOGLE_CLOUD_ACCESS_TOKEN": TOKEN, **({"GOOGLE_GENAI_USE_GCA": flag} if flag else {})}
    assert isinstance(missing(own_home, env), NotConfigured)


def application(home: Path, body: Any) -> dict[str, str]:
    path = home / "adc.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}


ADC = {"type": "authorized_user", "client_id": "id", "client_secret": "fake", "refresh_token": REFRESH}


def test_application_default_credentials_bring_their_own_client(own_home: Path) -> None:
    found = find(own_home, application(own_home, ADC))
    assert (found.kind, found.account_id) == ("refresh", None)
    assert {name: secret.reveal() for name, secret in found.others.items()} == {
        "refresh_token": REFRESH,
        "client_id": "id",
        "client_secret": "fake",
    }


def test_application_default_credentials_serve_others_too(own_home: Path) -> None:
    """They count only where the service is named, or beside a trace of Gemini CLI."""
    env = application(own_home, ADC)
    assert isinstance(missing(own_home, env, named=False), NotConfigured)
    put(own_home, {}, "settings.json")
    assert find(own_home, env, named=False).kind == "refresh"


def test_a_service_account_is_no_login(own_home: Path) -> None:
    error = missing(own_home, application(own_home, {"type": "service_account", "private_key": "fake"}))
    assert isinstance(error, NotConfigured)
    assert "holds no login of a person but a service_account" in error.message


def test_application_default_credentials_that_are_not_there(own_home: Path) -> None:
    assert isinstance(missing(own_home, {"GOOGLE_APPLICATION_CREDENTIALS": "~/none.json"}), NotConfigured)


# -- keys, and which kind counts ----------------------------------------------------------------------


def test_a_key(own_home: Path) -> None:
    env = {"GEMINI_API_KEY": KEY, "GOOGLE_API_KEY": "AIza-fake-other"}
    assert find(own_home, env) == Credential(secret=Secret(KEY), origin="GEMINI_API_KEY")


def test_google_s_key_serves_others_too(own_home: Path) -> None:
    env = {"GOOGLE_API_KEY": KEY}
    assert find(own_home, env).origin == "GOOGLE_API_KEY"
    assert isinstance(missing(own_home, env, named=False), NotConfigured)


@pytest.mark.parametrize(
    ("selected", "gca", "origin"),
    [
        # Without a choice: the flag, then the key, then the file.
        (None, None, "GEMINI_API_KEY"),
        (None, "true", "oauth_creds.json"),
        (None, "false", "GEMINI_API_KEY"),
        # The choice decides.
        ("oauth-personal", None, "oauth_creds.json"),
        ("gemini-api-key", None, "GEMINI_API_KEY"),
        ("api-key", None, "GEMINI_API_KEY"),
        ("gemini-api-key", "true", "GEMINI_API_KEY"),
        ("something-new", None, "GEMINI_API_KEY"),
        (7, None, "GEMINI_API_KEY"),
    ],
)
def test_login_or_key(own_home: Path, selected: Any, gca: str | None, origin: str) -> None:
    put(own_home, LOGIN)
    if selected is not None:
        choose(own_home, selected)
    env = {"GEMINI_API_KEY": KEY, **({"GOOGLE_GENAI_USE_GCA": gca} if gca else {})}
    assert find(own_home, env).origin.endswith(origin)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({}, "Gemini CLI's settings choose"),
        ({"GOOGLE_GENAI_USE_GCA": "true"}, "GOOGLE_GENAI_USE_GCA chooses"),
    ],
)
def test_a_key_is_no_stand_in_for_a_chosen_login(own_home: Path, env: dict[str, str], why: str) -> None:
    if not env:
        choose(own_home, "oauth-personal")
    error = missing(own_home, {**env, "GEMINI_API_KEY": KEY})
    assert isinstance(error, NotConfigured)
    assert error.message == f"GEMINI_API_KEY is not used: {why} a Google login"
    assert error.hint == "run `gemini` and sign in with Google, or set GEMINI_API_KEY"


@pytest.mark.parametrize("selected", ["gemini-api-key", "api-key"])
def test_a_chosen_key_that_is_not_set(own_home: Path, selected: str) -> None:
    put(own_home, LOGIN)
    choose(own_home, selected)
    error = missing(own_home)
    assert isinstance(error, NotConfigured)
    assert (
        error.message
        == f"Gemini CLI's settings choose an API key ({selected}), and GEMINI_API_KEY is not set"
    )


@pytest.mark.parametrize("selected", ["vertex-ai", "compute-default-credentials", "cloud-shell", "gateway"])
def test_a_choice_that_reports_nothing(own_home: Path, selected: str) -> None:
    put(own_home, LOGIN)
    choose(own_home, selected)
    error = missing(own_home, {"GEMINI_API_KEY": KEY})
    assert isinstance(error, NotConfigured)
    assert error.message == f"Gemini CLI's settings choose {selected}, which reports no quota"


@pytest.mark.parametrize(
    "text",
    [
        '{"security": {"auth": {"selectedType": "oauth-personal"}}, // chosen\n "theme": "https://x"}',
        '/* mine */ {"security": {"auth": {"selectedType": "oauth-personal"}}}',
    ],
)
def test_settings_may_hold_comments(own_home: Path, text: str) -> None:
    put(own_home, LOGIN)
    put(own_home, text, "settings.json")
    assert find(own_home, {"GEMINI_API_KEY": KEY}).kind == "oauth"


@pytest.mark.parametrize("text", ["{broken", "[]", '{"security": []}', '{"security": {"auth": null}}', ""])
def test_settings_that_cannot_be_read_choose_nothing(own_home: Path, text: str) -> None:
    put(own_home, text, "settings.json")
    assert find(own_home, {"GEMINI_API_KEY": KEY}).origin == "GEMINI_API_KEY"


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (KEY, "key", KEY),
        ("fake-key-of-another-form", "key", "fake-key-of-another-form"),
        (TOKEN, "oauth", TOKEN),
        (json.dumps(LOGIN), "oauth", TOKEN),
        (json.dumps({"refresh_token": REFRESH}), "refresh", REFRESH),
    ],
)
def test_a_configured_credential(own_home: Path, text: str, kind: str, secret: str) -> None:
    found = accept({"": text}, "env MINE", make_machine(own_home))
    assert (found.kind, found.secret.reveal(), found.origin) == (kind, secret, "env MINE")


# -- the client that the CLI renews with --------------------------------------------------------------

SOURCE = "const OAUTH_CLIENT_ID = '42-fake.apps.example.com';\nconst OAUTH_CLIENT_SECRET = \"fake-secret\";\n"
PAIR = ("42-fake.apps.example.com", Secret("fake-secret"))


@pytest.fixture(autouse=True)
def no_system_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "SYSTEM_ROOTS", ())


def install(root: Path, name: str, text: str = SOURCE) -> Path:
    path = root / "@google" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_client_of_the_environment_comes_first(own_home: Path) -> None:
    env = {
        "GEMINI_OAUTH_CLIENT_ID": "id",
        "GEMINI_OAUTH_CLIENT_SECRET": "fake-own",
        "GEMINI_OAUTH2_JS_PATH": str(install(own_home, "oauth2.js")),
    }
    assert client_pair(make_machine(own_home, env)) == ("id", Secret("fake-own"))
    assert client_pair(make_machine(own_home, {**env, "GEMINI_OAUTH_CLIENT_SECRET": ""})) == PAIR


@pytest.mark.parametrize(
    "name",
    [
        "gemini-cli-core/dist/src/code_assist/oauth2.js",
        "gemini-cli/node_modules/@google/gemini-cli-core/dist/src/code_assist/oauth2.js",
        "gemini-cli/bundle/chunk-AB12.js",
    ],
)
def test_the_client_of_the_installed_cli(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert client_pair(make_machine(own_home)) is None
    install(own_home / ".npm-global" / "lib" / "node_modules", name)
    assert client_pair(make_machine(own_home)) == PAIR
    install(tmp_path, name, SOURCE.replace("42", "43"))
    monkeypatch.setattr(login, "SYSTEM_ROOTS", (str(tmp_path),))
    assert client_pair(make_machine(tmp_path)) == ("43-fake.apps.example.com", PAIR[1])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_the_program_on_the_path_leads_to_the_cli(own_home: Path, tmp_path: Path) -> None:
    target = install(tmp_path / "lib" / "node_modules", "gemini-cli/bundle/gemini.js", SOURCE)
    target.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gemini").symlink_to(target)
    assert client_pair(make_machine(own_home, {"PATH": str(tmp_path / "bin")})) == PAIR


@pytest.mark.parametrize("folder", ["bin/node_modules", "libexec/lib/node_modules"])
def test_a_script_on_the_path_leads_to_the_packages_beside_it(
    own_home: Path, tmp_path: Path, folder: str
) -> None:
    install(tmp_path / folder, "gemini-cli/bundle/gemini.js")
    script = tmp_path / "bin" / ("gemini.cmd" if sys.platform == "win32" else "gemini")
    script.parent.mkdir(exist_ok=True)
    script.write_text("", encoding="utf-8")
    script.chmod(0o755)
    assert client_pair(make_machine(own_home, {"PATH": str(tmp_path / "bin")})) == PAIR


@pytest.mark.parametrize(
    "text", ["", "OAUTH_CLIENT_ID = '42-fake'", 'OAUTH_CLIENT_SECRET="fake"', "x" * 1000]
)
def test_half_a_client_is_none(own_home: Path, text: str) -> None:
    path = install(own_home, "oauth2.js", text)
    assert client_pair(make_machine(own_home, {"GEMINI_OAUTH2_JS_PATH": str(path)})) is None


def test_a_file_of_the_cli_that_cannot_be_read_holds_none(own_home: Path) -> None:
    assert client_pair(make_machine(own_home, {"GEMINI_OAUTH2_JS_PATH": "~/none.js"})) is None
