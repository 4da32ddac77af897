"""Where usagecli keeps a secret: the keyring where one works, else a file; nothing is overwritten."""

from __future__ import annotations

import errno
import stat
import sys
from pathlib import Path
from typing import Any

import keyring
import pytest

from tests.keyrings import FileKeyring, ForgetfulKeyring, LockedKeyring, NoKeyring
from tests.process import posix
from tests.support import make_machine
from usagecli import config, credentials, registry
from usagecli.credentials import Secret
from usagecli.errors import ConfigError, ServiceError
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Service
from usagecli.secretstore import SecretStore, is_own
from usagecli.storage.files import write_atomic

SECRET = {"": Secret("sk-fake-one")}


def store(machine: Machine, wanted: str | None = None) -> SecretStore:
    return SecretStore(machine, str(Path(machine.config_dir) / "config.yaml"), wanted)


def folder(machine: Machine) -> Path:
    return Path(machine.config_dir) / "secrets"


def files(machine: Machine) -> dict[str, str]:
    found = folder(machine)
    return {path.name: path.read_text() for path in found.iterdir()} if found.exists() else {}


def secret_file(name: str) -> CredentialSource:
    return CredentialSource("file", f"~/.config/usagecli/secrets/{name}", own=True)


# -- where ------------------------------------------------------------------------------------------


def test_the_keyring_where_one_works(machine: Machine, file_keyring: FileKeyring) -> None:
    kept = store(machine)
    assert kept.keep("work", SECRET, {}) == {"": CredentialSource("keyring", "usagecli/work")}
    assert file_keyring.entries == {"usagecli/work": "sk-fake-one"}
    assert (kept.why, files(machine)) == (None, {})


def test_each_part_has_an_entry(machine: Machine, file_keyring: FileKeyring) -> None:
    found = store(machine).keep("work", {"id": Secret("a-fake"), "secret": Secret("b-fake")}, {})
    assert [source.value for source in found.values()] == ["usagecli/work:id", "usagecli/work:secret"]
    assert file_keyring.entries == {"usagecli/work:id": "a-fake", "usagecli/work:secret": "b-fake"}


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        (NoKeyring, "this machine has no working keyring"),
        (ForgetfulKeyring, "what was stored did not come back"),
        (LockedKeyring, "the keyring did not answer: KeyringLocked"),
    ],
)
def test_a_file_where_no_keyring_works(machine: Machine, file_keyring: Any, backend: Any, why: str) -> None:
    keyring.set_keyring(backend())
    kept = store(machine)
    found = kept.keep("work", {"id": Secret("a-fake"), "secret": Secret("b-fake")}, {})
    assert found == {"id": secret_file("work.id"), "secret": secret_file("work.secret")}
    assert files(machine) == {"work.id": "a-fake", "work.secret": "b-fake"}
    assert kept.why == why


@posix
def test_files_are_for_their_owner_alone(machine: Machine) -> None:
    folder(machine).mkdir(parents=True)
    folder(machine).chmod(0o755)
    store(machine).keep("work", SECRET, {})
    assert stat.S_IMODE(folder(machine).stat().st_mode) == 0o700
    assert stat.S_IMODE((folder(machine) / "work").stat().st_mode) == 0o600


def test_what_is_asked_for_is_used_or_refused(machine: Machine, file_keyring: FileKeyring) -> None:
    assert store(machine, "file").keep("work", SECRET, {}) == {"": secret_file("work")}
    assert file_keyring.entries == {}
    keyring.set_keyring(NoKeyring())
    with pytest.raises(
        ConfigError, match=r"could not be kept \(keyring\): this machine has no working keyring"
    ):
        store(machine, "keyring").keep("home", SECRET, {})
    assert files(machine) == {"work": "sk-fake-one"}


def test_beside_a_config_that_stands_elsewhere(machine: Machine, tmp_path: Path) -> None:
    kept = SecretStore(machine, str(tmp_path / "my.yaml"))
    path = tmp_path / "secrets" / "work"
    assert kept.keep("work", SECRET, {}) == {"": CredentialSource("file", str(path), own=True)}
    assert path.read_text() == "sk-fake-one"


@pytest.mark.parametrize(
    ("name", "file", "entry"),
    [
        ("work", "work", "work"),
        ("Work", "%57ork", "Work"),
        ("a.b", "a%2eb", "a.b"),
        ("a/b", "a%2fb", "a%2fb"),
        ("a:b", "a%3ab", "a%3ab"),
        ("a%2fb", "a%252fb", "a%252fb"),
        ("..", "%2e%2e", ".."),
        ("büro", "b%c3%bcro", "b%c3%bcro"),
        ("me@example.com", "me@example%2ecom", "me@example.com"),
    ],
)
def test_no_two_names_share_an_entry(
    machine: Machine, file_keyring: FileKeyring, name: str, file: str, entry: str
) -> None:
    assert store(machine, "file").keep(name, SECRET, {}) == {"": secret_file(file)}
    assert store(machine, "keyring").keep(name, SECRET, {}) == {
        "": CredentialSource("keyring", f"usagecli/{entry}")
    }


@pytest.mark.parametrize("kind", ["keyring", "file"])
def test_what_is_kept_is_read_by_a_service(machine: Machine, file_keyring: FileKeyring, kind: str) -> None:
    source = store(machine, kind).keep("a/b", SECRET, {})
    service = Service(name="a/b", provider="openrouter", credential=source)
    assert credentials.find(registry.get("openrouter"), service, machine).secret == SECRET[""]


# -- nothing is overwritten -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["keyring", "file"])
def test_an_entry_that_is_there_stays(machine: Machine, file_keyring: FileKeyring, kind: str) -> None:
    told = [str(store(machine, kind).keep("work", SECRET, {})[""].value) for _ in range(3)]
    assert [value.rpartition("/")[2] for value in told] == ["work", "work-2", "work-3"]


@pytest.mark.parametrize("kind", ["keyring", "file"])
def test_a_new_secret_takes_the_place_of_its_own(
    machine: Machine, file_keyring: FileKeyring, kind: str
) -> None:
    before = store(machine, kind).keep("work", SECRET, {})
    assert store(machine).keep("renamed", {"": Secret("sk-fake-two")}, before) == before
    assert [*file_keyring.entries.values(), *files(machine).values()] == ["sk-fake-two"]


def test_another_store_is_another_place(machine: Machine, file_keyring: FileKeyring) -> None:
    before = store(machine).keep("work", SECRET, {})
    assert store(machine, "file").keep("work", SECRET, before) == {"": secret_file("work")}
    assert file_keyring.entries == {"usagecli/work": "sk-fake-one"}


# -- undone, and forgotten --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["keyring", "file"])
def test_undone_all_is_as_before(machine: Machine, file_keyring: FileKeyring, kind: str) -> None:
    before = store(machine, kind).keep("work", SECRET, {})
    was = (file_keyring.entries, files(machine))
    kept = store(machine, kind)
    kept.keep("work", {"": Secret("sk-fake-two")}, before)
    kept.keep("work", {"id": Secret("sk-fake-three")}, {})
    assert (file_keyring.entries, files(machine)) != was
    kept.undo()
    assert (file_keyring.entries, files(machine)) == was


def test_of_several_parts_all_or_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def once(path: str, data: bytes) -> None:
        if path.endswith(".secret"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomic(path, data)

    monkeypatch.setattr("usagecli.secretstore.write_atomic", once)
    with pytest.raises(ConfigError, match=r"could not be kept \(file\): No space left on device"):
        store(machine).keep("work", {"id": Secret("a-fake"), "secret": Secret("b-fake")}, {})
    assert files(machine) == {}


@pytest.mark.parametrize("kind", ["keyring", "file"])
def test_forgotten_it_is_gone(machine: Machine, file_keyring: FileKeyring, kind: str) -> None:
    found = store(machine, kind).keep("work", SECRET, {})
    # A second time there is nothing left to delete, which is no trouble.
    for _ in range(2):
        store(machine).forget(found.values())
    assert (file_keyring.entries, files(machine)) == ({}, {})


def test_what_cannot_be_deleted_is_told(
    machine: Machine, file_keyring: FileKeyring, capsys: pytest.CaptureFixture[str]
) -> None:
    found = store(machine).keep("work", SECRET, {})
    keyring.set_keyring(LockedKeyring())
    store(machine).forget(found.values())
    told = "the secret at keyring usagecli/work is still there: the keyring did not answer: KeyringLocked"
    assert capsys.readouterr().err == f"Warning: {told}\n"


@pytest.mark.parametrize(
    ("source", "own"),
    [
        (CredentialSource("keyring", "usagecli/work"), True),
        (CredentialSource("keyring", "other/work"), False),
        (CredentialSource("keyring", "usagecli2/work"), False),
        (CredentialSource("file", "~/x"), False),
        (CredentialSource("file", "~/x", own=True), True),
        (CredentialSource("env", "usagecli/work"), False),
    ],
)
def test_whose_secret_it_is(source: CredentialSource, own: bool) -> None:
    assert is_own(source) is own


# -- who may read it --------------------------------------------------------------------------------


def listed(machine: Machine, file: str) -> CredentialSource:
    """The source of a config whose only service names that file."""
    path = Path(machine.config_dir) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"services: [{{provider: openrouter, credential: {{file: '{file}'}}}}]")
    (service,) = config.load(machine).services or ()
    assert service.credential is not None
    return service.credential[""]


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("~/.config/usagecli/secrets/work", True),
        ("~/.config/usagecli/secrets/../secrets/work", True),
        ("~/.config/usagecli/secrets/deeper/work", False),
        ("~/.config/usagecli/work", False),
        ("/run/secrets/work", False),
    ],
)
def test_which_files_are_our_own(machine: Machine, file: str, own: bool) -> None:
    assert listed(machine, file).own is own


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_of_ours_that_others_can_read_is_refused(machine: Machine, mode: int) -> None:
    source = store(machine).keep("work", SECRET, {})[""]
    service = Service(name="work", provider="openrouter", credential={"": source})
    (folder(machine) / "work").chmod(mode)
    with pytest.raises(ServiceError) as caught:
        credentials.find(registry.get("openrouter"), service, machine)
    short = "~/.config/usagecli/secrets/work"
    assert caught.value.message == f"{short} holds a secret and can be read by other users"
    assert caught.value.hint == f"chmod 600 {short}"


@posix
def test_a_secret_of_others_is_their_own_concern(machine: Machine) -> None:
    path = Path(machine.home) / "key"
    path.write_text("sk-fake")
    path.chmod(0o644)
    service = Service(name="work", provider="openrouter", credential={"": CredentialSource("file", "~/key")})
    assert credentials.find(registry.get("openrouter"), service, machine).secret == Secret("sk-fake")


@posix
@pytest.mark.parametrize(("mode", "told"), [(0o600, None), (0o640, "chmod 600"), (0o604, "chmod 600")])
def test_a_config_with_a_secret_is_for_its_owner(machine: Machine, mode: int, told: str | None) -> None:
    path = Path(machine.config_dir) / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("services: [{provider: openrouter, credential: {value: sk-fake}}]")
    path.chmod(mode)
    if told is None:
        assert config.load(machine).services
        return
    with pytest.raises(ConfigError, match=f"{path}: holds a secret and can be read by other users; {told}"):
        config.load(machine)
    windows = make_machine(Path(machine.home), platform="win32")
    assert config.load(windows).services


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_config_without_one_may_be_read_by_all(machine: Machine) -> None:
    path = Path(machine.config_dir) / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("services: [{provider: openrouter, credential: {env: KEY}}]")
    path.chmod(0o644)
    assert config.load(machine).services
