"""The config file under edit: one at a time, in one step, and nothing lost when something fails."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process import environment, posix
from usagecli import configfile
from usagecli.configfile import editing
from usagecli.errors import ConfigError
from usagecli.machine import Machine

TEXT = "# mine\nservices:\n  - name: work  # the one\n    provider: codex\n"
BODY = {"name": "new", "provider": "zai"}
ADDED = f"{TEXT}  - name: new\n    provider: zai\n"


@pytest.fixture
def path(machine: Machine) -> Path:
    """The config file, written as TEXT."""
    found = Path(machine.config_dir) / "config.yaml"
    found.parent.mkdir(parents=True)
    found.write_text(TEXT)
    found.chmod(0o640)
    return found


def add(machine: Machine, given: str | None = None) -> None:
    with editing(machine, given) as file:
        file.add(BODY)
        file.save()


def refused(change: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        change()
    return caught.value.message


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def leftovers(path: Path) -> set[str]:
    """What stands beside the config."""
    return set(os.listdir(path.parent)) - {"config.yaml", "config.yaml.lock"}


# -- what is written --------------------------------------------------------------------------------


def test_an_edit_keeps_what_stood_there_before(machine: Machine, path: Path) -> None:
    add(machine)
    assert path.read_text() == ADDED
    assert (path.parent / "config.yaml.bak").read_text() == TEXT
    assert leftovers(path) == {"config.yaml.bak"}


@posix
def test_the_mode_stays_and_the_copy_is_private(machine: Machine, path: Path) -> None:
    before = os.umask(0o077)
    try:
        add(machine)
    finally:
        os.umask(before)
    assert mode(path) == 0o640
    assert mode(path.parent / "config.yaml.bak") == 0o600
    assert mode(path.parent / "config.yaml.lock") == 0o600


def test_without_a_change_nothing_is_written(machine: Machine, path: Path) -> None:
    before = path.stat().st_mtime_ns
    with editing(machine, None) as file:
        file.save()
    assert path.stat().st_mtime_ns == before
    assert leftovers(path) == set()


def test_a_new_file_begins_with_a_word_on_itself(machine: Machine) -> None:
    add(machine)
    path = Path(machine.config_dir) / "config.yaml"
    head, _, rest = path.read_text().partition("\n")
    assert head == "# usagecli: which services to report. `usagecli services` edits this file; comments stay."
    assert rest == "\nservices:\n  - name: new\n    provider: zai\n"
    assert leftovers(path) == set()
    if sys.platform != "win32":
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_named_file_that_does_not_exist_is_made(machine: Machine, tmp_path: Path) -> None:
    add(machine, str(tmp_path / "other" / "my.yaml"))
    assert (tmp_path / "other" / "my.yaml").read_text().endswith("provider: zai\n")


@posix
def test_a_link_is_followed(machine: Machine, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "usage.yaml"
    target.parent.mkdir()
    path.rename(target)
    path.symlink_to(target)
    add(machine)
    assert path.is_symlink()
    assert target.read_text() == ADDED
    assert (tmp_path / "dotfiles" / "usage.yaml.bak").read_text() == TEXT


def test_line_ends_and_a_byte_order_mark_stay(machine: Machine, path: Path) -> None:
    before = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    path.write_bytes(before)
    add(machine)
    assert path.read_bytes() == before + b"  - name: new\r\n    provider: zai\r\n"


# -- what is changed --------------------------------------------------------------------------------


def test_a_service_goes_by_its_name_or_its_provider(machine: Machine, path: Path) -> None:
    path.write_text(f"{TEXT}  - provider: zai\n  - {{provider: codex, name: ' padded '}}\n")
    with editing(machine, None) as file:
        assert list(file.bodies()) == ["work", "zai", "padded"]
        file.put("zai", ("enabled",), False)
        file.put("padded", ("low_below",), 5)
        file.drop("work")
        file.drop("zai", ("base_url",))
        file.save()
    assert path.read_text() == (
        "# mine\nservices:\n  - provider: zai\n    enabled: false\n"
        "  - {provider: codex, name: ' padded ', low_below: 5}\n"
    )


def test_the_last_service_takes_its_key_along(machine: Machine, path: Path) -> None:
    with editing(machine, None) as file:
        file.drop("work")
        assert file.config.services is None
        file.save()
    assert path.read_text() == "# mine\n"


def test_what_only_a_person_can_edit_is_said(machine: Machine, path: Path) -> None:
    text = (
        "services:\n  - {provider: codex, low_below: &l {default: 5}}\n  - {provider: zai, low_below: *l}\n"
    )
    path.write_text(text)
    with editing(machine, None) as file:
        told = refused(lambda: file.put("zai", ("low_below", "default"), 9))
    assert told == f"{path}: zai: it is written with an alias; edit the file by hand"
    assert path.read_text() == text


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services:\n\t- provider: codex\n", ":2: a tab stands where YAML wants spaces"),
        ("services: [", ":1: "),
        ("services: [{provider: nobody}]", ":1: services[0].provider: unknown provider"),
        ("- a\n", ":1: expected keys such as `services:`"),
    ],
)
def test_a_broken_file_is_left_alone(machine: Machine, path: Path, text: str, told: str) -> None:
    path.write_text(text)
    assert refused(lambda: add(machine)).startswith(f"{path}{told}")
    assert path.read_text() == text
    assert leftovers(path) == set()


def test_a_file_that_is_not_text_is_left_alone(machine: Machine, path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert refused(lambda: add(machine)) == f"{path}: is not UTF-8 text"
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_what_would_be_a_wrong_file_is_not_written(machine: Machine, path: Path) -> None:
    with editing(machine, None) as file:
        file.add({"name": "work", "provider": "zai"})
        told = refused(file.save)
    assert told.endswith("the name 'work' is given to two services")
    assert path.read_text() == TEXT
    assert leftovers(path) == set()


@posix
def test_a_secret_that_others_can_read_is_refused(machine: Machine, path: Path) -> None:
    path.write_text("services: [{provider: codex, credential: {value: sk-fake}}]")
    path.chmod(0o644)
    assert "chmod 600 ~/.config/usagecli/config.yaml" in refused(lambda: add(machine))


# -- when something fails ---------------------------------------------------------------------------


def test_a_directory_in_its_place(machine: Machine) -> None:
    (Path(machine.config_dir) / "config.yaml").mkdir(parents=True)
    assert refused(lambda: add(machine)).endswith("is a directory, not a file")


def test_a_folder_that_cannot_be_made(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "config.yaml"
    told = refused(lambda: add(machine, str(target)))
    assert told.startswith(f"{target}: cannot be ")


@posix
def test_a_folder_that_cannot_be_written(machine: Machine, path: Path) -> None:
    path.parent.chmod(0o555)
    command = [sys.executable, "-m", "usagecli", "services", "disable", "work"]
    if os.geteuid() == 0:
        # Root writes everywhere, unless the kernel is told not to let it.
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]
    env = environment({"USAGECLI_CONFIG": str(path)})
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    finally:
        path.parent.chmod(0o755)
    assert done.returncode == 2
    assert done.stderr == f"Error: {path}: cannot be written: Permission denied; nothing was changed\n"
    assert path.read_text() == TEXT


def test_a_full_disk_changes_nothing(machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("usagecli.storage.files.os.replace", full)
    told = refused(lambda: add(machine))
    assert told == f"{path}: cannot be written: No space left on device; nothing was changed"
    assert path.read_text() == TEXT
    assert leftovers(path) == set()


@posix
def test_a_disk_that_fills_up_while_it_is_written(machine: Machine, path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "sys.argv[1:] = ['services', 'disable', 'work']; from usagecli.cli import main; main()"
    )
    text = f"{TEXT}# {'x' * 200}\n"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        # Nor may half of a compiled module stay behind.
        env=environment({"USAGECLI_CONFIG": str(path), "PYTHONDONTWRITEBYTECODE": "1"}),
    )
    assert (done.returncode, "cannot be written: File too large" in done.stderr) == (2, True)
    assert path.read_text() == text
    assert leftovers(path) == set()


@posix
def test_killed_before_the_replacement_the_old_file_is_whole(machine: Machine, path: Path) -> None:
    code = (
        "import os, signal, sys; import usagecli.storage.files as f;"
        "f.os.replace = lambda a, b: b.endswith('.bak') or os.kill(os.getpid(), signal.SIGKILL);"
        "sys.argv[1:] = ['services', 'disable', 'work']; from usagecli.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment({"USAGECLI_CONFIG": str(path)})
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == TEXT
    # The lock went with the process.
    add(machine)
    assert path.read_text() == ADDED


# -- at the same time -------------------------------------------------------------------------------


def test_the_second_edit_waits_for_the_first(machine: Machine, path: Path) -> None:
    def second() -> None:
        with editing(machine, None) as file:
            file.put("work", ("enabled",), False)
            file.save()

    thread = threading.Thread(target=second)
    with editing(machine, None) as file:
        thread.start()
        file.add(BODY)
        file.save()
    thread.join(timeout=30)
    assert path.read_text() == ADDED.replace("codex\n", "codex\n    enabled: false\n")


def test_an_edit_that_never_ends_is_told(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configfile, "_PATIENCE_S", 0.05)
    with editing(machine, None):
        told = refused(lambda: add(machine))
    assert told == f"{path}: another usagecli is editing it; try again in a moment"
    assert path.read_text() == TEXT


def test_processes_at_once_lose_nothing(path: Path) -> None:
    names = [f"at-once-{number}" for number in range(4)]
    env = environment({"USAGECLI_CONFIG": str(path), "ZAI_API_KEY": "zai-fake"})
    add = [sys.executable, "-m", "usagecli", "services", "add", "--no-test", "--provider", "zai"]
    running = [
        subprocess.Popen(
            [*add, "--credential", "env:ZAI_API_KEY", "--name", name], env=env, stdout=subprocess.DEVNULL
        )
        for name in names
    ]
    assert [process.wait(timeout=60) for process in running] == [0] * len(names)
    text = path.read_text()
    assert text.startswith(TEXT)
    assert {name for name in names if f"name: {name}\n" in text} == set(names)
