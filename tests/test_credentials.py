"""Where secrets come from, what happens when they do not, and that none is ever shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest

from tests.cli import configure, openrouter, run
from tests.support import make_machine
from usagecli import credentials, log, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import AuthError, NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Service

PYTHON = sys.executable


def secret(machine: Machine, kind: str, value: str | tuple[str, ...], provider: str = "openrouter") -> str:
    return find_from(machine, CredentialSource(kind, value), provider).secret.reveal()


def find_from(
    machine: Machine, source: CredentialSource, provider: str = "openrouter"
) -> credentials.Credential:
    service = Service(name="x", provider=provider, credential={"": source})
    return credentials.find(registry.get(provider), service, machine)


def script(machine: Machine, body: str) -> tuple[str, ...]:
    path = Path(machine.home) / "script.py"
    path.write_text(body)
    return (PYTHON, str(path))


def test_from_the_environment(own_home: Path) -> None:
    assert (
        secret(make_machine(own_home, {"WORK_KEY": " sk-or-v1-fake \n"}), "env", "WORK_KEY")
        == "sk-or-v1-fake"
    )


def test_from_a_variable_that_is_not_set(machine: Machine) -> None:
    with pytest.raises(NotConfigured, match="the environment variable WORK_KEY is not set"):
        secret(machine, "env", "WORK_KEY")


def test_from_the_config(machine: Machine) -> None:
    assert secret(machine, "value", "sk-or-v1-fake") == "sk-or-v1-fake"


def test_from_a_file(machine: Machine) -> None:
    (Path(machine.home) / "key").write_text("sk-or-v1-fake\n")
    assert secret(machine, "file", "~/key") == "sk-or-v1-fake"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("sk-or-v1-fake-new", "sk-or-v1-fake-new"), ("sk-or-v1-fake", None), (None, None), ("", None)],
)
def test_a_file_is_read_again_for_a_renewed_secret(
    machine: Machine, text: str | None, expected: str | None
) -> None:
    path = Path(machine.home) / "key"
    path.write_text("sk-or-v1-fake")
    found = find_from(machine, CredentialSource("file", "~/key"))
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    renewed = credentials.renewed(found)
    assert (renewed and renewed.secret.reveal()) == expected


@pytest.mark.parametrize(
    ("now", "refused", "tried"),
    [
        ("fake-new", {"fake-old"}, ["fake-old", "fake-new"]),
        ("fake-new", {"fake-old", "fake-new"}, ["fake-old", "fake-new"]),
        ("fake-old", {"fake-old"}, ["fake-old"]),
        ("fake-new", set(), ["fake-old"]),
    ],
)
def test_a_refused_secret_is_tried_again_once_where_it_is_another_now(
    now: str, refused: set[str], tried: list[str]
) -> None:
    seen = []

    def read(credential: Credential) -> str:
        seen.append(credential.secret.reveal())
        if seen[-1] in refused:
            raise AuthError("refused")
        return seen[-1]

    newer = Credential(secret=Secret(now), origin="x")
    older = Credential(secret=Secret("fake-old"), origin="x", reread=lambda: newer)
    if tried[-1] in refused:
        with pytest.raises(AuthError, match="^refused$"):
            credentials.read_with(older, read)
    else:
        assert credentials.read_with(older, read) == tried[-1]
    assert seen == tried


def test_a_command_is_not_run_again(machine: Machine) -> None:
    """It may ask for a passphrase each time."""
    command = script(machine, "print('sk-or-v1-fake')")
    assert find_from(machine, CredentialSource("command", command)).reread is None


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (None, NotConfigured, "does not exist"),
        (b"", ServiceError, "is empty"),
        (b" \n", ServiceError, "is empty"),
        (b"\xff\xfe", ServiceError, "is not text"),
        (b"x" * 1_000_001, ServiceError, "is too large"),
    ],
)
def test_from_a_file_that_is_none(
    machine: Machine, data: bytes | None, kind: type[ProviderError], message: str
) -> None:
    if data is not None:
        (Path(machine.home) / "key").write_bytes(data)
    with pytest.raises(kind, match=message):
        secret(machine, "file", "~/key")


def test_from_a_directory(machine: Machine) -> None:
    (Path(machine.home) / "key").mkdir()
    with pytest.raises(ServiceError, match="~/key cannot be read"):
        secret(machine, "file", "~/key")


# -- commands ---------------------------------------------------------------------------------------


def test_a_command_gives_its_first_line(machine: Machine) -> None:
    assert secret(machine, "command", script(machine, "print('sk-or-v1-fake\\nuser: me')")) == "sk-or-v1-fake"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows splits a command line by itself")
def test_a_command_line_is_split_without_a_shell(machine: Machine) -> None:
    command = f"""{PYTHON} -c 'import sys; print(sys.argv[1])' "$HOME;echo" """
    assert secret(machine, "command", command) == "$HOME;echo"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "import sys; print('fake-out'); print('fake-err', file=sys.stderr); sys.exit(3)",
            "failed with exit code 3",
        ),
        ("", "printed nothing"),
        ("print('  ')", "printed nothing"),
    ],
)
def test_a_command_that_fails_or_prints_nothing(machine: Machine, body: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        secret(machine, "command", script(machine, body))
    assert "fake" not in caught.value.message + str(caught.value.hint)


def test_a_command_that_hangs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_COMMAND_TIMEOUT_S", 0.5)
    with pytest.raises(ServiceError, match="did not end within"):
        secret(machine, "command", script(machine, "import time; time.sleep(20)"))


@pytest.mark.parametrize("command", ["no-such-program-at-all", ("no-such-program-at-all", "sk-fake")])
def test_a_command_that_is_not_there(machine: Machine, command: str | tuple[str, ...]) -> None:
    with pytest.raises(
        ServiceError, match="the credential command no-such-program-at-all cannot be run"
    ) as caught:
        secret(machine, "command", command)
    assert caught.value.hint == "install no-such-program-at-all, or change `credential` of the service"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no bit that says what may be run")
def test_a_command_that_may_not_be_run(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("no program", encoding="utf-8")
    with pytest.raises(ServiceError, match="the credential command pass cannot be run") as caught:
        secret(machine, "command", (str(tmp_path / "pass"),))
    assert caught.value.hint == "run it by hand to see why, or change `credential` of the service"


def test_a_command_that_hangs_ends_with_the_run(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    configure(
        [
            openrouter(
                "https://example.com", credential={"command": [PYTHON, "-c", "import time; time.sleep(9)"]}
            )
        ]
    )
    outcome = run("openrouter", "--json", "--timeout", "0.5")
    assert outcome.code == 3
    assert outcome.document["error"]["message"] == "no answer within 0.5 s"


def test_a_command_that_fails_is_a_config_error_of_its_service() -> None:
    configure(
        [openrouter("https://example.com", credential={"command": [PYTHON, "-c", "raise SystemExit(1)"]})]
    )
    outcome = run("openrouter", "--json")
    assert (outcome.code, outcome.document["error"]["kind"]) == (3, "config")


# -- the keyring ------------------------------------------------------------------------------------


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that works."""

    priority = 1.0
    entries: ClassVar[dict[tuple[str, str], str]] = {("openai/codex", "me"): "sk-fake-from-keyring"}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


class BrokenKeyring(MemoryKeyring):
    """A keyring that is locked, or worse."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("fake-secret-in-a-message")


@pytest.fixture(autouse=True)
def _own_keyring() -> object:
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def test_from_the_keyring(machine: Machine) -> None:
    assert secret(machine, "keyring", "openai/codex/me") == "sk-fake-from-keyring"


def test_from_a_keyring_without_the_entry(machine: Machine) -> None:
    with pytest.raises(NotConfigured, match="the keyring has no entry openai/other"):
        secret(machine, "keyring", "openai/other")


def test_without_a_keyring(machine: Machine) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    with pytest.raises(ServiceError, match="no working keyring"):
        secret(machine, "keyring", "a/b")


def test_with_a_keyring_that_breaks(machine: Machine) -> None:
    keyring.set_keyring(BrokenKeyring())  # type: ignore[no-untyped-call]
    with pytest.raises(ServiceError, match="the keyring did not answer: KeyringLocked"):
        secret(machine, "keyring", "a/b")


# -- nothing is shown -------------------------------------------------------------------------------


def test_a_secret_shows_itself_nowhere() -> None:
    found = Secret("sk-or-v1-fake-0123456789abcdef")
    assert "fake" not in f"{found} {found!r} {found.masked()}"
    assert found.masked() == "sk-o…def"
    assert Secret("short-fake").masked() == "***"
    assert found == Secret("sk-or-v1-fake-0123456789abcdef")
    assert len({found, Secret("sk-or-v1-fake-0123456789abcdef")}) == 1


def test_the_log_masks_every_secret_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    Secret("fake-inner")
    Secret("fake-inner-and-outer")
    log.warn("got fake-inner-and-outer and fake-inner")
    assert capsys.readouterr().err == "Warning: got *** and ***\n"


def test_a_source_does_not_print_its_value() -> None:
    assert "fake" not in repr(CredentialSource("value", "sk-fake"))


def test_places_are_named_without_their_secrets(machine: Machine) -> None:
    for kind, value, told in (
        ("value", "sk-fake", "the config file"),
        ("command", "pass show fake", "command pass"),
        ("command", ("/usr/bin/pass", "fake"), "command pass"),
        ("file", "~/key", "~/key"),
        ("env", "WORK_KEY", "env WORK_KEY"),
        ("keyring", "a/b", "keyring a/b"),
    ):
        assert credentials.describe(CredentialSource(kind, value), machine) == told
