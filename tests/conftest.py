"""Every test has a home of its own, no credentials, and no network but loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.keyrings import FileKeyring, NoKeyring, used
from tests.support import NOW, make_machine
from usagecli import log
from usagecli.credentials import Secret
from usagecli.machine import Machine, here

_KEPT = {
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "COVERAGE_PROCESS_START",
    "COVERAGE_FILE",
    "PYTHONPATH",
}


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an environment without keys, proxies or XDG directories."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.upper() not in _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("TZ", "UTC")
    return home


@pytest.fixture(autouse=True)
def no_keyring(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody reaches the keyring of this machine, in this process or another."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with used(NoKeyring()):
        yield


@pytest.fixture
def file_keyring(no_keyring: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileKeyring]:
    """A keyring that works, here and in processes that are started."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.keyrings.FileKeyring")
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    found = FileKeyring()
    with used(found):
        yield found


@pytest.fixture(autouse=True)
def own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test did to the log, its secrets and warnings does nothing to another's."""
    monkeypatch.setattr(Secret, "known", set())
    monkeypatch.setattr(log, "said", set())
    monkeypatch.setattr(log, "verbose", False)


@pytest.fixture
def machine(own_home: Path) -> Machine:
    """A machine on the test's own home, without any environment; the clock stands at NOW."""
    return make_machine(own_home)


@pytest.fixture
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs see the clock at NOW, and Linux's places for credentials whatever this machine is."""
    fixed: dict[str, Any] = {"clock": lambda: NOW, "platform": "linux"}
    monkeypatch.setattr("usagecli.cli.here", lambda: replace(here(), **fixed))


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Unplanned requests fail. Tests marked `sockets` may use loopback, and nothing else."""
    if request.node.get_closest_marker("sockets"):
        real = socket.socket.connect

        def loopback_only(self: socket.socket, address: Any) -> None:
            host = address[0] if isinstance(address, tuple) else "unix"
            if host not in ("unix", "::1") and not str(host).startswith("127."):
                raise OSError(f"a test tried to reach {host}")
            real(self, address)

        monkeypatch.setattr(socket.socket, "connect", loopback_only)
        yield None
        return
    with requests_mock.Mocker() as mocker:
        yield mocker
