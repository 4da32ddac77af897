"""The config file: what it can say, and the one line that each mistake gets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON
from tests.support import d, make_machine
from usagecli import config, configreader
from usagecli.config import Config, Keep
from usagecli.errors import ConfigError
from usagecli.machine import Machine
from usagecli.model import CredentialSource

WHOLE = """\
defaults:
  low_below: 15
  max_age: 120
  timeout: 5.5
  credits_per_usd: 0
services:
  - name: work
    provider: codex
    credential:
      command: pass show openai/codex
    base_url: https://gateway.example.com/
    low_below: {default: 20, five_hour: 5}
    low_balance: 5
    ignore: [code_review]
    enabled: false
  - provider: copilot
    credential: {env: WORK_PAT}
    options: {username: octo-sample, monthly_limit: 1500}
"""


def write(machine: Machine, text: str | bytes) -> Path:
    path = Path(machine.config_dir) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def loaded(machine: Machine, text: str | bytes) -> Config:
    write(machine, text)
    return config.load(machine)


def refused(machine: Machine, text: str | bytes) -> str:
    """The message about a wrong file, without its path."""
    path = write(machine, text)
    with pytest.raises(ConfigError) as caught:
        config.load(machine)
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(str(path))
    return caught.value.message.removeprefix(str(path))


def test_no_file_means_defaults(machine: Machine) -> None:
    found = config.load(machine)
    assert (found.exists, found.services, found.max_age_s, found.timeout_s) == (False, None, 60.0, 20.0)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "services:\n", "defaults:\n"])
def test_an_empty_file_means_defaults(machine: Machine, text: str) -> None:
    assert loaded(machine, text).services is None


def test_everything_that_a_file_can_say(machine: Machine) -> None:
    found = loaded(machine, WHOLE)
    assert found.low_below == {"default": d(15)}
    assert (found.max_age_s, found.timeout_s, found.credits_per_usd) == (120.0, 5.5, d(0))
    assert found.services is not None
    work, copilot = found.services
    assert work.credential == {"": CredentialSource("command", "pass show openai/codex")}
    assert work.base_url == "https://gateway.example.com"
    assert work.low_below == {"default": d(20), "five_hour": d(5)}
    assert (work.low_balance, work.ignore, work.enabled) == (d(5), frozenset(["code_review"]), False)
    assert (copilot.name, copilot.enabled) == ("copilot", True)
    assert copilot.options == {"username": "octo-sample", "monthly_limit": d(1500)}


def test_a_credential_of_several_parts(machine: Machine) -> None:
    text = "services: [{provider: codex, credential: {access_token: {env: A}, account_id: {value: acc}}}]"
    found = loaded(machine, text).services
    assert found is not None
    assert found[0].credential == {
        "access_token": CredentialSource("env", "A"),
        "account_id": CredentialSource("value", "acc"),
    }


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("", Keep()),
        ("history:", Keep()),
        ("history: true", Keep()),
        ("history: false", Keep(enabled=False)),
        ("history: {}", Keep()),
        ("history: {full_days: 0, daily_days: 36500}", Keep(full_days=0, hourly_days=180, daily_days=36500)),
    ],
)
def test_what_the_history_keeps(machine: Machine, text: str, keep: Keep) -> None:
    assert loaded(machine, text).history == keep


SERVICE = "services:\n  - name: a\n    provider: openrouter\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: [", ":1: "),
        ("a: b: c\n", ":1: "),
        ("services:\n\t- name: x\n", ":2: a tab stands where YAML wants spaces"),
        ("services:\n  - provider: codex\n\tname: x\n", ":3: a tab stands where YAML wants spaces"),
        ("- a\n", ":1: expected keys such as `services:`"),
        ("just text", ":1: expected keys such as `services:`"),
        (b"\xff\xfe\x00", ": is not UTF-8 text"),
        ("x: !!python/object:os.system {}", ":1: could not determine a constructor"),
        ("x: 2026-13-45\n", ": not valid YAML"),
        ("servces: []", ":1: servces: no such key; did you mean 'services'?"),
        ("defaults:\n  low: 1", ":2: defaults.low: no such key; did you mean 'low_below'?"),
        ("defaults: 5", ":1: defaults: expected keys with values below it"),
        ("defaults:\n  timeout: 0", ":2: defaults.timeout: expected a number above 0"),
        ("defaults:\n  timeout: '5'", ":2: defaults.timeout: expected a number above 0"),
        ("defaults:\n  max_age: -1", ":2: defaults.max_age: expected a number of at least 0"),
        ("defaults:\n  max_age: .nan", ":2: defaults.max_age: expected a number of at least 0"),
        ("defaults:\n  max_age:", ":2: defaults.max_age: expected a number of at least 0"),
        ("defaults:\n  low_below: 101", ":2: defaults.low_below: expected a percentage from 0 to 100"),
        ("defaults:\n  low_below: true", ":2: defaults.low_below: expected a percentage from 0 to 100"),
        ("defaults:\n  low_below: {weekly: x}", ":2: defaults.low_below.weekly: expected a percentage"),
        ("defaults:\n  low_below: 5\n  low_below: 6", ":3: defaults.low_below: is given twice"),
        ("history: yes please", ":1: history: expected false, or a map of full_days, hourly_days"),
        ("history:\n  days: 5", ":2: history.days: no such key; did you mean 'full_days'?"),
        ("history:\n  full_days: -1", ":2: history.full_days: expected a whole number of days, 0 to 36500"),
        ("history:\n  full_days: 1.5", ":2: history.full_days: expected a whole number of days"),
        ("history:\n  daily_days: true", ":2: history.daily_days: expected a whole number of days"),
        ("history:\n  hourly_days: 36501", ":2: history.hourly_days: expected a whole number of days"),
        ("services: {a: b}", ":1: services: expected a list: each service begins with `- `"),
        ("services: [x]", ":1: services[0]: expected keys such as `provider:`"),
        ("services:\n  - name: a", ":2: services[0]: needs a `provider:`"),
        (
            "services:\n  - provider: codx",
            ":2: services[0].provider: unknown provider 'codx'; did you mean 'codex'?",
        ),
        ("services:\n  - provider: 5", ":2: services[0].provider: expected a text (put it in quotes?)"),
        ("services:\n  - provider:", ":2: services[0].provider: expected a text"),
        ("services:\n  - provider: lanternai", ":2: services[0].provider: unknown provider 'lanternai'"),
        (SERVICE + "    nam: b", ":4: services[0].nam: no such key; did you mean 'name'?"),
        (
            SERVICE + "  - name: a\n    provider: codex",
            ":4: services[1].name: the name 'a' is given to two services",
        ),
        (
            "services:\n  - {provider: codex}\n  - {provider: codex}",
            ":3: services[1]: the name 'codex' is given to",
        ),
        (
            "services:\n  - {provider: codex, name: 2026-01-01}",
            ":2: services[0].name: expected a text (put it in",
        ),
        ("services:\n  - {provider: codex, name: ''}", ":2: services[0].name: must not be empty"),
        (
            "services:\n  - {provider: codex, name: -x}",
            ":2: services[0].name: must be one line that does not begin",
        ),
        ('services:\n  - {provider: codex, name: "a\\e[1m"}', ":2: services[0].name: must be one line"),
        (SERVICE + "    enabled: maybe", ":4: services[0].enabled: expected true or false"),
        (SERVICE + "    low_balance: much", ":4: services[0].low_balance: expected a number of at least 0"),
        (SERVICE + "    ignore: weekly", ":4: services[0].ignore: expected a list of quota ids"),
        (SERVICE + "    ignore: [5]", ":4: services[0].ignore[0]: expected a text"),
        (SERVICE + "    options: {monthly_limit: 5}", ":4: services[0].options.monthly_limit: no such key"),
        (
            SERVICE + "    base_url: http://example.com",
            ":4: services[0].base_url: must be https (http only on",
        ),
        (SERVICE + "    base_url: https://u:p@example.com", ":4: services[0].base_url: must hold no user"),
        (
            SERVICE + "    base_url: https://example.com/?a=b",
            ":4: services[0].base_url: must hold no user, query",
        ),
        (SERVICE + "    base_url: nonsense", ":4: services[0].base_url: is not a URL"),
        (SERVICE + "    base_url: http://127.0.0.1.example.com", ":4: services[0].base_url: must be https"),
        (SERVICE + "    credential: secret-text", ":4: services[0].credential: say where the secret is"),
        (SERVICE + "    credential: {}", ":4: services[0].credential: say where the secret is"),
        (SERVICE + "    credential: {evn: X}", ":4: services[0].credential.evn: no such key"),
        (
            SERVICE + "    credential: {env: A, file: b}",
            ":4: services[0].credential: expected exactly one of",
        ),
        (SERVICE + "    credential: {env: ''}", ":4: services[0].credential.env: must not be empty"),
        (
            SERVICE + "    credential: {keyring: nouser}",
            ":4: services[0].credential.keyring: expected SERVICE/USER",
        ),
        (
            SERVICE + '    credential: {command: "a \'b"}',
            ":4: services[0].credential.command: has a quote that",
        ),
        (SERVICE + "    credential: {command: []}", ":4: services[0].credential.command: expected a text"),
        (
            SERVICE + "    credential: {api_key: {}}",
            ":4: services[0].credential.api_key: expected exactly one of",
        ),
        (
            "services:\n  - provider: copilot\n    options: {monthly_limit: many}",
            ":3: services[0].options.monthly_limit: expected a number above 0",
        ),
        (
            "services:\n  - provider: copilot\n    options: {monthly_limit: 0}",
            ":3: services[0].options.monthly_limit: expected a number above 0",
        ),
        (
            "services:\n  - provider: copilot\n    options: {username: [x]}",
            ":3: services[0].options.username: expected a text",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(machine: Machine, text: str | bytes, message: str) -> None:
    assert refused(machine, text).startswith(message)


def test_a_secret_in_the_wrong_place_is_not_repeated(machine: Machine) -> None:
    for wrong in ("{env: sk-or-v1-fake-key}", "sk-or-v1-fake-key", "{value: [sk-or-v1-fake-key]}"):
        assert "fake" not in refused(machine, f"{SERVICE}    credential: {wrong}")


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://x.example"]
)
def test_https_or_loopback_is_a_base_url(machine: Machine, host: str) -> None:
    found = loaded(machine, f"{SERVICE}    base_url: '{host}/'").services
    assert found is not None
    assert found[0].base_url == host


def test_a_named_file_must_exist(machine: Machine) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(machine, "nowhere.yaml")
    other = make_machine(Path(machine.home), {"USAGECLI_CONFIG": "~/gone.yaml"})
    with pytest.raises(ConfigError, match="gone.yaml: there is no such file"):
        config.load(other)


def test_the_option_wins_over_the_variable(machine: Machine) -> None:
    (Path(machine.home) / "a.yaml").write_text("defaults: {max_age: 1}")
    (Path(machine.home) / "b.yaml").write_text("defaults: {max_age: 2}")
    other = make_machine(Path(machine.home), {"USAGECLI_CONFIG": "~/a.yaml"})
    assert config.load(other).max_age_s == 1
    assert config.load(other, "~/b.yaml").max_age_s == 2


def test_a_directory_in_its_place(machine: Machine) -> None:
    (Path(machine.config_dir) / "config.yaml").mkdir(parents=True)
    with pytest.raises(ConfigError, match="is a directory, not a file"):
        config.load(machine)


def test_a_file_too_large_for_a_config(machine: Machine) -> None:
    assert refused(machine, b"#" * 1_000_001) == ": is larger than a config file can be"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_an_unreadable_file(machine: Machine) -> None:
    path = write(machine, "defaults: {}")
    path.chmod(0)
    command = [sys.executable, "-m", "usagecli", "--config", str(path), "config", "validate"]
    if os.geteuid() == 0:
        # Root reads everything, unless the kernel is told not to let it.
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{path}: cannot be read: Permission denied" in done.stderr


def test_deep_nesting_and_endless_aliases_are_refused_quietly(machine: Machine) -> None:
    assert refused(machine, "[" * 5000)
    assert refused(machine, "a: &a [*a]").startswith(":1: a: no such key")
    bomb = "a: &a [x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24)
    )
    assert refused(machine, bomb).startswith(":1: a: no such key")


@settings(max_examples=200, deadline=None)
@given(value=ANY_JSON, key=st.sampled_from(["services", "defaults", "history", *configreader._SERVICE_KEYS]))
def test_any_value_at_any_key_is_read_or_refused(tmp_path_factory: Any, value: Any, key: str) -> None:
    machine = make_machine(tmp_path_factory.mktemp("fuzz"))
    body = (
        {key: value}
        if key in ("services", "defaults", "history")
        else {"services": [{"provider": "codex", key: value}]}
    )
    write(machine, yaml.safe_dump(body))
    try:
        config.load(machine)
    except ConfigError as error:
        assert error.message.startswith(machine.config_dir)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text("{}[]:-&*!|>'\"#%@` \t\nabc", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, data: bytes) -> None:
    machine = make_machine(tmp_path_factory.mktemp("fuzz"))
    write(machine, data)
    try:
        config.load(machine)
    except ConfigError as error:
        assert "\n" not in error.message
