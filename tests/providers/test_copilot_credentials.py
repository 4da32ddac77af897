"""Where Copilot's token is found, and which of the two sources it is for."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import make_machine
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._copilot import credentials as own
from usagecli.providers._copilot.credentials import accept

APPS, HOSTS = ".config/github-copilot/apps.json", ".config/github-copilot/hosts.json"
CLI, GH = ".copilot/config.json", ".config/gh/hosts.yml"
APPS_TEXT = '{"github.com:Iv1.fake": {"user": "octo-editor", "oauth_token": "ghu_fake_editor"}}'
HOSTS_TEXT = '{"github.com": {"user": "octo-old", "oauth_token": "gho_fake_old"}}'
CLI_TEXT = (
    "// managed by the program // do not edit\n"
    '{"copilotTokens": {"https://github.com:octo-cli": "gho_fake_cli"}, /* own */ "url": "https://x//y"}\n'
)
GH_TEXT = "github.com:\n    user: octo-gh\n    oauth_token: gho_fake_gh\n    git_protocol: https\n"
GH_WITHOUT_TOKEN = "github.com:\n    user: octo-gh\n    users:\n        octo-gh:\n"
FILES = {
    APPS: (APPS_TEXT, "ghu_fake_editor", "octo-editor"),
    HOSTS: (HOSTS_TEXT, "gho_fake_old", "octo-old"),
    CLI: (CLI_TEXT, "gho_fake_cli", "octo-cli"),
    GH: (GH_TEXT, "gho_fake_gh", "octo-gh"),
}
VARIABLES = ("GITHUB_PAT", "COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring of the test's own, empty at first."""
    entries: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(own, "keyring_text", lambda service, user: entries.get((service, user)))
    return entries


def write(home: Path, name: str, text: str | bytes) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="copilot", provider="copilot", named=named)
    return credentials.find(registry.get("copilot"), service, machine)


def login(found: Credential) -> tuple[str, Any]:
    return found.secret.reveal(), found.facts.get("login")


# -- the usual places, in order ---------------------------------------------------------------------


def test_the_environment_comes_first_in_its_order(own_home: Path) -> None:
    for name, (text, _, _) in FILES.items():
        write(own_home, name, text)
    env = {name: f"gho_fake_{name}" for name in VARIABLES}
    for name in VARIABLES:
        found = find(make_machine(own_home, env))
        assert (found.origin, found.secret.reveal()) == (name, f"gho_fake_{name}")
        assert found.kind == ("pat" if name == "GITHUB_PAT" else "oauth")
        del env[name]


def test_the_files_follow_in_their_order(own_home: Path) -> None:
    for name, (text, _, _) in FILES.items():
        write(own_home, name, text)
    for name, (_, token, user) in FILES.items():
        found = find(make_machine(own_home))
        assert (found.origin, found.kind) == (os.path.join("~", *name.split("/")), "oauth")
        assert login(found) == (token, user)
        (own_home / name).unlink()
    with pytest.raises(NotConfigured, match="^no GitHub Copilot credential was found") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == "usagecli providers copilot says how to get one"


def test_nothing_is_written(own_home: Path) -> None:
    written = {write(own_home, name, text): text for name, (text, _, _) in FILES.items()}
    before = {path: path.stat().st_mtime_ns for path in written}
    find(make_machine(own_home))
    assert {path: path.read_text() for path in written} == written
    assert {path: path.stat().st_mtime_ns for path in written} == before


@pytest.mark.parametrize("name", ["GH_TOKEN", "GITHUB_TOKEN"])
@pytest.mark.parametrize("trace", [".config/github-copilot", ".copilot", "AppData/Local/github-copilot"])
def test_a_shared_variable_counts_beside_a_trace_of_copilot(own_home: Path, name: str, trace: str) -> None:
    machine = make_machine(own_home, {name: "gho_fake_shared"})
    with pytest.raises(NotConfigured):
        find(machine, named=False)
    assert find(machine).origin == name
    (own_home / trace).mkdir(parents=True)
    assert find(machine, named=False).origin == name


@pytest.mark.parametrize("name", ["GH_TOKEN", "GITHUB_TOKEN"])
@pytest.mark.parametrize(("host", "used"), [("github.com", True), ("", True), ("octo.ghe.com", False)])
def test_a_variable_for_another_host_of_gh_is_left_alone(
    own_home: Path, name: str, host: str, used: bool
) -> None:
    write(own_home, HOSTS, HOSTS_TEXT)
    found = find(make_machine(own_home, {name: "gho_fake_shared", "GH_HOST": host}))
    assert found.secret.reveal() == ("gho_fake_shared" if used else "gho_fake_old")


def test_gh_s_login_counts_beside_a_trace_of_copilot(own_home: Path) -> None:
    write(own_home, GH, GH_TEXT)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home), named=False)
    (own_home / ".copilot").mkdir()
    assert login(find(make_machine(own_home), named=False)) == ("gho_fake_gh", "octo-gh")


@pytest.mark.parametrize("name", ["GITHUB_PAT", "COPILOT_GITHUB_TOKEN"])
def test_copilot_s_own_variables_need_no_trace(own_home: Path, name: str) -> None:
    assert find(make_machine(own_home, {name: "gho_fake_own"}), named=False).origin == name


# -- the editors' plug-ins --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"ghe.example.com": {"oauth_token": "gho_fake_enterprise"}}',
        '{"ghe.example.com:Iv1.fake": {"oauth_token": "gho_fake_enterprise"}}',
        '{"github.com.example.com:Iv1": {"oauth_token": "gho_fake_enterprise"}}',
        '{"https://github.com": {"oauth_token": "gho_fake_enterprise"}}',
        '{"octo.ghe.com": {"oauth_token": "gho_fake_enterprise"}}',
        '{"github.com": {"oauth_token": ""}}',
        '{"github.com": {"oauth_token": 5}}',
        '{"github.com": "gho_fake_text"}',
        '{"github.com": null}',
    ],
)
@pytest.mark.parametrize("name", [APPS, HOSTS])
def test_only_a_token_of_github_com_is_taken(own_home: Path, name: str, text: str) -> None:
    write(own_home, name, text)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


def test_the_first_entry_with_a_token_is_taken(own_home: Path) -> None:
    write(
        own_home,
        APPS,
        '{"ghe.example.com:Iv1": {"oauth_token": "gho_fake_enterprise"}, "github.com:Iv1": {"user": "octo"},'
        ' "github.com:Iv2": {"oauth_token": " ghu_fake_second ", "user": 5}}',
    )
    assert login(find(make_machine(own_home))) == ("ghu_fake_second", None)


@pytest.mark.parametrize("name", [APPS, HOSTS, CLI, GH])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"github.com": {"oauth_token": "gho_fake', "is not valid"),
        (b"\xff\xfe\x00fake", "is not text"),
        (b"x" * 1_000_001, "is too large"),
    ],
)
def test_an_unusable_file_is_named_unless_a_later_place_works(
    own_home: Path, name: str, text: bytes, words: str
) -> None:
    write(own_home, name, text)
    with pytest.raises(ServiceError, match=f"~.*{Path(name).name} {words}") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    if name != GH:
        write(own_home, GH, GH_TEXT)
        assert find(make_machine(own_home)).secret.reveal() == "gho_fake_gh"


@pytest.mark.parametrize("name", [APPS, HOSTS, CLI])
def test_a_file_of_another_shape_is_named(own_home: Path, name: str) -> None:
    write(own_home, name, "[]")
    with pytest.raises(ServiceError, match="holds no JSON object"):
        find(make_machine(own_home))


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a file that its owner cannot read",
)
def test_a_file_without_permission_is_named(own_home: Path) -> None:
    write(own_home, APPS, APPS_TEXT).chmod(0)
    with pytest.raises(ServiceError, match="apps.json cannot be read"):
        find(make_machine(own_home))


def test_a_directory_in_a_file_s_place_is_named(own_home: Path) -> None:
    (own_home / APPS).mkdir(parents=True)
    with pytest.raises(ServiceError, match="apps.json cannot be read"):
        find(make_machine(own_home))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (APPS, "sign in to Copilot in the editor again"),
        (CLI, "sign in again: run `copilot`, then `/login`"),
        (GH, "gh auth login"),
    ],
)
def test_a_truncated_file_says_who_writes_it_anew(own_home: Path, name: str, hint: str) -> None:
    write(own_home, name, '{"github.com": [')
    with pytest.raises(ServiceError) as caught:
        find(make_machine(own_home))
    assert caught.value.hint == hint


# -- the Copilot CLI --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLI_TEXT, ("gho_fake_cli", "octo-cli")),
        ('{"copilotTokens": {"https://github.com:octo": "gho_fake_cli"}}', ("gho_fake_cli", "octo")),
        ('{"copilotTokens": {"github.com:octo": "gho_fake_cli"}}', ("gho_fake_cli", "octo")),
        ('{"copilotTokens": {"https://github.com": "gho_fake_cli"}}', ("gho_fake_cli", None)),
        (
            '{"copilotTokens": {"https://octo.ghe.com:octo": "gho_fake_e", "https://github.com:a": "",'
            ' "https://github.com:b": "gho_fake_cli"}}',
            ("gho_fake_cli", "b"),
        ),
        (
            '{"a": "\\" // no comment", "copilotTokens": {"https://github.com:c": "gho_//fake"}}',
            ("gho_//fake", "c"),
        ),
        ('/* one\n two */{"copilotTokens": // x\n {"https://github.com:c": "gho_fake"}}', ("gho_fake", "c")),
    ],
)
def test_the_copilot_cli_s_file(own_home: Path, text: str, expected: tuple[str, str | None]) -> None:
    write(own_home, CLI, text)
    assert login(find(make_machine(own_home))) == expected


@pytest.mark.parametrize(
    "tokens",
    ["null", "[]", '"gho_fake"', '{"https://octo.ghe.com:octo": "gho_fake"}', '{"https://github.com:o": 5}'],
)
def test_a_copilot_cli_without_a_login_of_github_com(own_home: Path, tokens: str) -> None:
    write(own_home, CLI, f'{{"copilotTokens": {tokens}}}')
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


# -- the GitHub CLI ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GH_TEXT, ("gho_fake_gh", "octo-gh")),
        ("ghe.example.com:\n  oauth_token: gho_fake_e\n" + GH_TEXT, ("gho_fake_gh", "octo-gh")),
        # A login may look like a number, a date or a truth value.
        ("github.com: {user: 0123, oauth_token: 2026-11-21}", ("2026-11-21", "0123")),
        ("github.com: {user: on, oauth_token: gho_fake}", ("gho_fake", "on")),
        ("github.com: {oauth_token: gho_fake}", ("gho_fake", None)),
    ],
)
def test_gh_s_file(own_home: Path, text: str, expected: tuple[str, str | None]) -> None:
    write(own_home, GH, text)
    assert login(find(make_machine(own_home))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "github.com:",
        "github.com: gho_fake",
        "ghe.example.com: {oauth_token: gho_fake_enterprise}",
        "- github.com",
        GH_WITHOUT_TOKEN,
    ],
)
def test_gh_without_a_login_of_github_com(own_home: Path, text: str) -> None:
    write(own_home, GH, text)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


def wrapped(token: str) -> str:
    return "go-keyring-base64:" + base64.b64encode(token.encode()).decode()


@pytest.mark.parametrize(
    ("entry", "token"),
    [
        ("gho_fake_ring", "gho_fake_ring"),
        (wrapped("gho_fake_ring"), "gho_fake_ring"),
        ("go-keyring-encoded:" + b"gho_fake_ring".hex(), "gho_fake_ring"),
    ],
)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_gh_s_entry_of_the_keyring(
    own_home: Path, no_keyring: dict[tuple[str, str], str], platform: str, entry: str, token: str
) -> None:
    write(own_home, GH, GH_WITHOUT_TOKEN)
    no_keyring["gh:github.com", "octo-gh"] = entry
    found = find(make_machine(own_home, platform=platform))
    assert (login(found), found.origin) == ((token, "octo-gh"), "gh auth token")


@pytest.mark.parametrize(
    "entry", ["", "go-keyring-base64:é", "go-keyring-base64:/w==", "go-keyring-encoded:xyz"]
)
def test_a_broken_entry_of_the_keyring_is_none(
    own_home: Path, no_keyring: dict[tuple[str, str], str], entry: str
) -> None:
    write(own_home, GH, GH_WITHOUT_TOKEN)
    no_keyring["gh:github.com", "octo-gh"] = entry
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


def test_the_keyring_is_asked_for_nobody_else(own_home: Path, no_keyring: dict[tuple[str, str], str]) -> None:
    no_keyring["gh:github.com", "octo-other"] = "gho_fake_other"
    for text in ("ghe.example.com: {user: octo-other}", GH_WITHOUT_TOKEN, "github.com: {git_protocol: ssh}"):
        write(own_home, GH, text)
        with pytest.raises(NotConfigured):
            find(make_machine(own_home))


def program(folder: Path, script: str) -> dict[str, str]:
    """An environment whose `gh` is this shell script."""
    path = write(folder, "bin/gh", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for gh")
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("text", [GH_WITHOUT_TOKEN, "github.com: {git_protocol: ssh}"])
def test_gh_itself_is_asked_where_no_keyring_tells(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, locked: bool, text: str
) -> None:
    def no_answer(service: str, user: str) -> None:
        if locked:
            raise ServiceError("this machine has no working keyring")

    monkeypatch.setattr(own, "keyring_text", no_answer)
    write(own_home, GH, text)
    env = program(own_home, '[ "$*" = "auth token --hostname github.com" ] && echo gho_fake_program')
    found = find(make_machine(own_home, env))
    assert login(found) == ("gho_fake_program", "octo-gh" if text is GH_WITHOUT_TOKEN else None)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for gh")
@pytest.mark.parametrize("script", ["exit 1", "echo gho_fake; exit 4", "true", "echo"])
def test_a_gh_without_a_token_is_none(own_home: Path, script: str) -> None:
    write(own_home, GH, GH_WITHOUT_TOKEN)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, program(own_home, script)))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for gh")
def test_a_gh_that_hangs_is_none(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_GH_TIMEOUT_S", 0.2)
    write(own_home, GH, GH_WITHOUT_TOKEN)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, program(own_home, "exec sleep 20")))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for gh")
def test_gh_is_not_run_without_a_login_of_its_own(own_home: Path) -> None:
    env = program(own_home, f"touch {own_home}/ran; echo gho_fake")
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, env))
    assert not (own_home / "ran").exists()


# -- other platforms and moved directories ----------------------------------------------------------


@pytest.mark.parametrize("moved", [True, False])
def test_the_places_on_windows(own_home: Path, moved: bool) -> None:
    local, roaming = own_home / "AppData" / "Local", own_home / "AppData" / "Roaming"
    env = {}
    if moved:
        local, roaming = own_home / "Moved", own_home / "Roamed"
        env = {"LOCALAPPDATA": str(local), "APPDATA": str(roaming)}
    machine = make_machine(own_home, env, platform="win32")
    # What stands where it does elsewhere is not looked at here.
    write(own_home, APPS, HOSTS_TEXT)
    write(own_home, GH, "github.com: {oauth_token: gho_fake_elsewhere}")
    write(roaming, "GitHub CLI/hosts.yml", GH_TEXT)
    assert login(find(machine)) == ("gho_fake_gh", "octo-gh")
    write(local, "github-copilot/hosts.json", HOSTS_TEXT)
    assert login(find(machine)) == ("gho_fake_old", "octo-old")
    write(local, "github-copilot/apps.json", APPS_TEXT)
    assert login(find(machine)) == ("ghu_fake_editor", "octo-editor")


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_xdg_config_home_comes_first(own_home: Path, platform: str) -> None:
    machine = make_machine(own_home, {"XDG_CONFIG_HOME": str(own_home / "xdg")}, platform=platform)
    write(own_home, APPS, APPS_TEXT)
    assert login(find(machine)) == ("ghu_fake_editor", "octo-editor")
    write(own_home, "xdg/github-copilot/apps.json", HOSTS_TEXT)
    assert login(find(machine)) == ("gho_fake_old", "octo-old")


def test_a_relative_xdg_config_home_is_ignored(own_home: Path) -> None:
    write(own_home, APPS, APPS_TEXT)
    machine = make_machine(own_home, {"XDG_CONFIG_HOME": "relative"})
    assert find(machine).origin == os.path.join("~", *APPS.split("/"))


@pytest.mark.parametrize("folder", ["~/gh-moved", None])
def test_gh_config_dir_is_the_only_one(own_home: Path, folder: str | None) -> None:
    given = folder or str(own_home / "gh-moved")
    write(own_home, GH, "github.com: {oauth_token: gho_fake_elsewhere}")
    machine = make_machine(own_home, {"GH_CONFIG_DIR": given})
    with pytest.raises(NotConfigured):
        find(machine)
    write(own_home, "gh-moved/hosts.yml", GH_TEXT)
    assert login(find(machine)) == ("gho_fake_gh", "octo-gh")


# -- a configured credential ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("github_pat_fake", "pat"),
        ("gho_fake", "oauth"),
        ("ghu_fake", "oauth"),
        ("ghp_fake", "either"),
        ("0123456789abcdef0123456789abcdeffake0123", "either"),
    ],
)
def test_a_configured_token_is_told_by_its_prefix(machine: Machine, token: str, kind: str) -> None:
    found = accept({"": f" {token}\n"}, "the config file", machine)
    assert (found.secret.reveal(), found.kind, found.origin) == (token, kind, "the config file")
    assert "fake" not in repr(found)


@pytest.mark.parametrize("name", list(FILES))
def test_a_configured_file_of_another_tool(machine: Machine, name: str) -> None:
    text, token, user = FILES[name]
    found = accept({"": text}, "~/somewhere", machine)
    assert (login(found), found.kind, found.origin) == ((token, user), "oauth", "~/somewhere")


def test_a_configured_keyring_entry_of_gh(machine: Machine) -> None:
    found = accept({"": wrapped("gho_fake_ring")}, "keyring gh:github.com/octo", machine)
    assert (found.secret.reveal(), found.kind) == ("gho_fake_ring", "oauth")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "holds no token of github.com"),
        ('{"github.com": {}, "copilotTokens": {}}', "holds no token of github.com"),
        ('{"octo.ghe.com": {"oauth_token": "gho_fake"}}', "holds no token of github.com"),
        ("// nothing but fake\n", "is not valid JSON"),
        ('{"github.com": {"oauth_token": "gho_fake', "is not valid JSON"),
        ("octo.ghe.com:\n  oauth_token: gho_fake\n  user: x", "holds no token of github.com"),
        ("github.com:\n  user: fake\n  more: 1", "holds no token of github.com"),
        ("ghp_fake\nghp_fake_too", "holds no token of github.com"),
        ("github.com: [\n  gho_fake", "is not valid YAML"),
        ("go-keyring-base64:/w==", "holds no token of github.com"),
    ],
)
def test_a_configured_text_without_a_token(machine: Machine, text: str, words: str) -> None:
    with pytest.raises(ServiceError, match=f"^~/somewhere {words}") as caught:
        accept({"": text}, "~/somewhere", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)
