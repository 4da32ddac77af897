"""Where Claude's credential stands: Claude Code's login, a token, a cookie; and in which order."""

from __future__ import annotations

import hashlib
import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.support import make_machine
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._claude.credentials import accept, lacks_scope, renewed
from usagecli.services import discover

TOKEN, SESSION = "sk-ant-oat01-fake-token", "sk-ant-sid01-fake-session"
FILE = ".claude/.credentials.json"
SERVICE = "Claude Code-credentials"
PLAN = {"subscriptionType": "max", "rateLimitTier": "default_claude_max_20x"}


def login(token: Any = TOKEN, **more: Any) -> str:
    """The text of Claude Code's login file."""
    told = {"accessToken": token, "refreshToken": "sk-ant-ort01-fake", "expiresAt": 1795248000000, **more}
    return json.dumps({"claudeAiOauth": told, "mcpOAuth": {}})


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("claude"), Service(name="claude", provider="claude"), machine)


def write(home: Path, text: str, name: str = FILE) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class Keychain(dict[tuple[str, str], str]):
    """Entries by service and user, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def text(self, service: str, user: str) -> str | None:
        self.asked.append((service, user))
        return self.get((service, user))


@pytest.fixture
def keychain(monkeypatch: pytest.MonkeyPatch) -> Keychain:
    found = Keychain()
    monkeypatch.setattr("usagecli.providers._claude.credentials.keyring_text", found.text)
    return found


def mac(home: Path, **env: str) -> Machine:
    return make_machine(home, {"USER": "me", **env}, platform="darwin")


# -- the usual places -------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path, keychain: Keychain) -> None:
    """A stored login wins over the environment; the cookie is last. Each goes once it was found."""
    keychain[SERVICE, "me"] = login("sk-ant-oat01-fake-1")
    file = write(own_home, login("sk-ant-oat01-fake-2"))
    env = {
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-fake-3",
        "CLAUDE_AI_SESSION_KEY": "sk-ant-sid01-fake-4",
    }
    seen = []
    for gone in (keychain.clear, file.unlink, lambda: env.pop("CLAUDE_CODE_OAUTH_TOKEN"), env.clear):
        found = find(mac(own_home, **env))
        seen.append((found.secret.reveal(), found.origin.replace("\\", "/"), found.kind))
        gone()
    assert seen == [
        ("sk-ant-oat01-fake-1", "the macOS keychain", "oauth"),
        ("sk-ant-oat01-fake-2", f"~/{FILE}", "oauth"),
        ("sk-ant-oat01-fake-3", "CLAUDE_CODE_OAUTH_TOKEN", "oauth"),
        ("sk-ant-sid01-fake-4", "CLAUDE_AI_SESSION_KEY", "cookie"),
    ]
    with pytest.raises(NotConfigured, match="^no Claude credential was found"):
        find(mac(own_home, **env))


@pytest.mark.parametrize("name", ["CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_AI_SESSION_KEY"])
def test_a_blank_variable_is_none(own_home: Path, name: str) -> None:
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {name: "  "}))


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_only_macos_keeps_the_login_in_a_keychain(own_home: Path, keychain: Keychain, platform: str) -> None:
    keychain[SERVICE, "me"] = login()
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"USER": "me"}, platform=platform))
    assert keychain.asked == []


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_the_login_file(own_home: Path, keychain: Keychain, platform: str) -> None:
    write(own_home, login(**PLAN, scopes=["user:inference", "user:profile", 3]))
    found = find(make_machine(own_home, {}, platform=platform))
    assert (found.secret.reveal(), found.kind, found.account_id) == (TOKEN, "oauth", None)
    assert found.facts == {**PLAN, "scopes": ["user:inference", "user:profile"]}


def test_the_login_says_nothing_of_the_plan(own_home: Path) -> None:
    write(own_home, login(f" {TOKEN}\n", subscriptionType=None, rateLimitTier=5, scopes="user:profile"))
    found = find(make_machine(own_home))
    assert found.secret.reveal() == TOKEN
    assert found.facts == {"subscriptionType": None, "rateLimitTier": None, "scopes": []}


def test_a_folder_of_its_own(own_home: Path) -> None:
    """Where CLAUDE_CONFIG_DIR is set, no other folder is meant."""
    write(own_home, login("sk-ant-oat01-fake-usual"))
    machine = make_machine(own_home, {"CLAUDE_CONFIG_DIR": str(own_home / "other")})
    with pytest.raises(NotConfigured):
        find(machine)
    write(own_home, login("sk-ant-oat01-fake-other"), "other/.credentials.json")
    assert find(machine).secret.reveal() == "sk-ant-oat01-fake-other"
    machine = make_machine(own_home, {"CLAUDE_CONFIG_DIR": "~/other"})
    assert find(machine).secret.reveal() == "sk-ant-oat01-fake-other"


# -- the keychain -----------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["/Users/me/second", "/Users/me/caf\u00e9", "/Users/me/cafe\u0301"])
def test_a_folder_of_its_own_has_an_entry_of_its_own(own_home: Path, keychain: Keychain, folder: str) -> None:
    digest = hashlib.sha256(unicodedata.normalize("NFC", folder).encode()).hexdigest()[:8]
    keychain[SERVICE, "me"] = login("sk-ant-oat01-fake-usual")
    assert find(mac(own_home, CLAUDE_CONFIG_DIR=folder)).secret.reveal() == "sk-ant-oat01-fake-usual"
    keychain[f"{SERVICE}-{digest}", "me"] = login("sk-ant-oat01-fake-second")
    assert find(mac(own_home, CLAUDE_CONFIG_DIR=folder)).secret.reveal() == "sk-ant-oat01-fake-second"
    own = (f"{SERVICE}-{digest}", "me")
    assert keychain.asked == [own, (SERVICE, "me"), own]


def test_without_a_user_s_name_the_home_s_counts(own_home: Path, keychain: Keychain) -> None:
    keychain[SERVICE, own_home.name] = login()
    assert find(make_machine(own_home, platform="darwin")).secret.reveal() == TOKEN


@pytest.mark.parametrize("shape", [str.upper, str.lower, lambda text: f"{text}\n"])
def test_hex_digits(own_home: Path, keychain: Keychain, shape: Any) -> None:
    keychain[SERVICE, "me"] = shape(login(**PLAN).encode().hex())
    assert find(mac(own_home)).facts["subscriptionType"] == "max"


@pytest.mark.parametrize("text", ["", login(None), "7b22", "{", "[]", json.dumps({"mcpOAuth": {}})])
def test_an_unusable_keychain_entry_leaves_it_to_the_file(
    own_home: Path, keychain: Keychain, text: str
) -> None:
    keychain[SERVICE, "me"] = text
    write(own_home, login())
    assert find(mac(own_home)).origin.replace("\\", "/") == f"~/{FILE}"


def test_a_locked_keychain(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to who asks for Claude; on a Mac without any it is no service that fails."""

    def locked(*_: str) -> str:
        raise ServiceError("the keyring did not answer: KeyringLocked")

    monkeypatch.setattr("usagecli.providers._claude.credentials.keyring_text", locked)
    monkeypatch.setattr("usagecli.registry.names", lambda: ("claude",))
    with pytest.raises(NotConfigured, match="^macOS keychain: the keyring did not answer") as caught:
        find(mac(own_home))
    assert str(caught.value.hint).startswith("unlock it")
    assert discover(mac(own_home)) == []
    write(own_home, login())
    assert [target.credential for target in discover(mac(own_home))] == [find(mac(own_home))]


# -- files that cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("", ServiceError, "is not valid JSON"),
        (login()[:-20], ServiceError, "is not valid JSON"),
        (f'["{TOKEN}"]', ServiceError, "holds no JSON object"),
        (TOKEN, ServiceError, "is not valid JSON"),
        ("[" * 100_000, ServiceError, "is not valid JSON"),
        (login(None), ServiceError, "holds no Claude login in the known shape"),
        (login([TOKEN]), ServiceError, "holds no Claude login in the known shape"),
        (json.dumps({"claudeAiOauth": TOKEN}), ServiceError, "holds no Claude login in the known shape"),
        (json.dumps({"claudeAiOauth": {}}), ServiceError, "holds no Claude login in the known shape"),
        ("{}", NotConfigured, "holds no login"),
        (json.dumps({"claudeAiOauth": None}), NotConfigured, "holds no login"),
        (login(" "), NotConfigured, "holds logins of MCP servers only"),
        (
            json.dumps({"mcpOAuth": {"a|b": {"accessToken": TOKEN}}}),
            NotConfigured,
            "holds logins of MCP servers only",
        ),
    ],
)
def test_a_login_file_that_cannot_be_used(
    own_home: Path, text: str, kind: type[Exception], words: str
) -> None:
    """It is named, unless a later place works; and nothing of it is shown."""
    write(own_home, text)
    with pytest.raises(kind, match=f"credentials.json {words}") as caught:
        find(make_machine(own_home))
    assert isinstance(caught.value, ServiceError | NotConfigured)
    assert "claude" in str(caught.value.hint)
    assert "fake" not in caught.value.message + str(caught.value.hint)
    found = find(make_machine(own_home, {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}))
    assert found.origin == "CLAUDE_CODE_OAUTH_TOKEN"


def test_a_login_file_that_is_no_text(own_home: Path) -> None:
    write(own_home, "").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ServiceError, match="is not text"):
        find(make_machine(own_home))


def test_a_login_file_that_cannot_be_read(own_home: Path) -> None:
    """A folder in its place: what no user, not even root, can read as a file."""
    (own_home / FILE).mkdir(parents=True)
    with pytest.raises(ServiceError, match="^Claude Code's login: .*cannot be read"):
        find(make_machine(own_home))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_login_file_is_read_and_never_written(own_home: Path) -> None:
    path = write(own_home, login())
    path.chmod(0o400)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    find(make_machine(own_home))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [found.name for found in path.parent.iterdir()] == [path.name]


# -- looking again ----------------------------------------------------------------------------------


def test_a_renewed_login_is_found_where_the_old_one_stood(own_home: Path, keychain: Keychain) -> None:
    """In the same place: another one may hold another account."""
    write(own_home, login("sk-ant-oat01-fake-file"))
    from_file = find(mac(own_home))
    keychain[SERVICE, "me"] = login("sk-ant-oat01-fake-old")
    from_keychain = find(mac(own_home))
    assert (renewed(from_file), renewed(from_keychain)) == (None, None)
    keychain[SERVICE, "me"] = login("sk-ant-oat01-fake-new")
    assert renewed(from_file) is None
    found = renewed(from_keychain)
    assert found is not None
    assert found.secret.reveal() == "sk-ant-oat01-fake-new"
    write(own_home, login("sk-ant-oat01-fake-newer"))
    found = renewed(from_file)
    assert found is not None
    assert found.secret.reveal() == "sk-ant-oat01-fake-newer"


@pytest.mark.parametrize("text", [None, "", "{}", "{"])
def test_a_login_that_went_away_is_not_renewed(own_home: Path, text: str | None) -> None:
    path = write(own_home, login())
    found = find(make_machine(own_home))
    path.unlink()
    if text is not None:
        write(own_home, text)
    assert renewed(found) is None


def test_a_variable_is_never_renewed(own_home: Path) -> None:
    assert renewed(find(make_machine(own_home, {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}))) is None


# -- a configured credential ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (TOKEN, "oauth", TOKEN),
        (f" {TOKEN}\n", "oauth", TOKEN),
        ("other-fake-token", "oauth", "other-fake-token"),
        (login(), "oauth", TOKEN),
        (login().encode().hex(), "oauth", TOKEN),
        (SESSION, "cookie", SESSION),
        (f"sessionKey={SESSION}", "cookie", SESSION),
        (f"Cookie: sessionKey={SESSION}", "cookie", SESSION),
        (f"cookie:a=1; sessionKey={SESSION}; lastActiveOrg=b=c", "cookie", SESSION),
        (f"cf_clearance=x; sessionKey={SESSION}", "cookie", SESSION),
        ("Cookie: sessionKey=sk-ant-fake-other", "cookie", "sk-ant-fake-other"),
        ("abcdef012345", "oauth", "abcdef012345"),
    ],
)
def test_what_a_configured_text_is(machine: Machine, text: str, kind: str, secret: str) -> None:
    found = accept({"": text}, "the config file", machine)
    assert (found.kind, found.secret.reveal(), found.origin) == (kind, secret, "the config file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Cookie: a=1; b=fake", "holds no cookie sessionKey"),
        ("Cookie: sessionKey=; b=fake", "holds no cookie sessionKey"),
        ("Cookie: fake", "holds no cookie sessionKey"),
        (login()[:-9], "is not valid JSON"),
    ],
)
def test_a_configured_text_that_cannot_be_used(machine: Machine, text: str, words: str) -> None:
    with pytest.raises(ServiceError, match=f"^the config file {words}") as caught:
        accept({"": text}, "the config file", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (SESSION, SESSION),
        ("sk-ant-fake-other==", "sk-ant-fake-other=="),
        ("fake-bare-value", "fake-bare-value"),
        (f"Cookie: a=1; sessionKey={SESSION}", SESSION),
        (f"a=1; sessionKey={SESSION}", SESSION),
        ("a=1; b=fake", None),
        ("Cookie: fake", None),
    ],
)
def test_the_session_key_of_the_environment(own_home: Path, text: str, secret: str | None) -> None:
    machine = make_machine(own_home, {"CLAUDE_AI_SESSION_KEY": text})
    if secret is None:
        with pytest.raises(ServiceError, match="^CLAUDE_AI_SESSION_KEY holds no cookie sessionKey") as caught:
            find(machine)
        assert "fake" not in caught.value.message
    else:
        found = find(machine)
        assert (found.kind, found.secret.reveal()) == ("cookie", secret)


@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (None, False),
        ([], False),
        ("user:inference", False),
        (["user:inference"], True),
        (["user:inference", "user:profile"], False),
        (["user:office"], False),
    ],
)
def test_what_the_login_says_of_its_scopes(machine: Machine, scopes: Any, lacks: bool) -> None:
    assert lacks_scope(accept({"": login(scopes=scopes)}, "the config file", machine)) == lacks
