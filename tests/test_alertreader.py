"""`alerts:`, `run:` and `notify:` of the config file: what they can say, and what each mistake gets."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import run
from tests.fuzz import ANY_JSON
from tests.support import d, make_machine
from usagecli import config
from usagecli.config import Actions, Config, Rule
from usagecli.durations import seconds, told
from usagecli.errors import ConfigError
from usagecli.machine import Machine, here
from usagecli.model import CredentialSource

SERVICES = "services:\n  - name: work\n    provider: codex\n"


def write(machine: Machine, text: str) -> Path:
    path = Path(machine.config_dir) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def loaded(machine: Machine, text: str) -> Config:
    write(machine, text)
    return config.load(machine)


def refused(machine: Machine, text: str) -> str:
    """The message about a wrong file, without its path."""
    path = write(machine, text)
    with pytest.raises(ConfigError) as caught:
        config.load(machine)
    return caught.value.message.removeprefix(str(path))


def test_everything_that_a_rule_can_say(machine: Machine) -> None:
    found = loaded(
        machine,
        f"""{SERVICES}
run: notify-send usage
notify: ntfy://fake-topic
alerts:
  - below: 15
  - {{name: wallet, services: [work, openrouter], quotas: credits, below_amount: 5.5, run: [a, 'b c']}}
  - {{services: codex, runs_out_before_reset: true, notify: []}}
  - {{unknown_for: 2h, notify: [{{env: TOPIC}}, 'json://example.com/fake']}}
""",
    )
    usual = Actions(run="notify-send usage", notify=(CredentialSource("value", "ntfy://fake-topic"),))
    assert found.actions == usual
    assert found.alerts == (
        Rule(condition="below", value=d(15), actions=usual),
        Rule(
            condition="below_amount",
            value=d("5.5"),
            name="wallet",
            services=frozenset(["work", "openrouter"]),
            quotas=frozenset(["credits"]),
            actions=Actions(run=("a", "b c"), notify=usual.notify),
        ),
        Rule(
            condition="runs_out_before_reset", services=frozenset(["codex"]), actions=Actions(run=usual.run)
        ),
        Rule(
            condition="unknown_for",
            value=d(7200),
            actions=Actions(
                run=usual.run,
                notify=(
                    CredentialSource("env", "TOPIC"),
                    CredentialSource("value", "json://example.com/fake"),
                ),
            ),
        ),
    )


@pytest.mark.parametrize("text", ["", "alerts:\n", "alerts: []\n", SERVICES])
def test_no_rule_is_no_rule(machine: Machine, text: str) -> None:
    found = loaded(machine, text)
    assert (found.alerts, found.actions) == ((), Actions())


@pytest.mark.parametrize("name", ["codex:a", "codex", "claude"])
def test_a_rule_may_name_an_account_its_group_and_any_provider(machine: Machine, name: str) -> None:
    services = "services: [{provider: codex, options: {homes: [~/a, ~/b]}}]\n"
    found = loaded(machine, f"{services}alerts: [{{below: 5, services: ['{name}']}}]")
    assert found.alerts[0].services == frozenset([name])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("below: 5, blow: 6", "[0].blow: no such key; did you mean 'below'?"),
        ("belwo: 5", "[0].belwo: no such key; did you mean 'below'?"),
        (
            "name: a",
            "[0]: needs a condition (below, below_amount, runs_out_before_reset, unknown_for)",
        ),
        ("below: 5, unknown_for: 2h", "[0]: has 2 conditions: make a rule of each (below, unknown_for)"),
        ("below: 101", "[0].below: expected a percentage from 0 to 100"),
        ("below: 0", "[0].below: nothing is below 0 %: give more"),
        ("below: '5'", "[0].below: expected a percentage from 0 to 100"),
        ("below: .nan", "[0].below: expected a percentage from 0 to 100"),
        ("below_amount: 0", "[0].below_amount: expected a number above 0"),
        ("below_amount: much", "[0].below_amount: expected a number above 0"),
        ("runs_out_before_reset: false", "[0].runs_out_before_reset: expected true"),
        ("unknown_for: 2", "[0].unknown_for: expected a time such as 90m, 2h or 1d"),
        (
            "unknown_for: 2 hours",
            "[0].unknown_for: expected a time such as 90m, 2h or 1d; did you mean '2h'?",
        ),
        ("unknown_for: 90min", "[0].unknown_for: expected a time such as 90m, 2h or 1d; did you mean '90m'?"),
        ("unknown_for: 1D", "[0].unknown_for: expected a time such as 90m, 2h or 1d; did you mean '1d'?"),
        ("unknown_for: soon", "[0].unknown_for: expected a time such as 90m, 2h or 1d"),
        ("unknown_for: 0h", "[0].unknown_for: expected a time above 0, and of a year at most"),
        ("unknown_for: 99999d", "[0].unknown_for: expected a time above 0, and of a year at most"),
        (
            "unknown_for: 2h, quotas: [weekly]",
            "[0].quotas: unknown_for is about a whole service: leave the quotas out",
        ),
        ("below: 5, services: [wrok]", "[0].services[0]: no such service or provider; did you mean 'work'?"),
        ("below: 5, services: []", "[0].services: must not be empty"),
        ("below: 5, quotas: [7]", "[0].quotas[0]: expected a text (put it in quotes?)"),
        ("below: 5, name: ''", "[0].name: must not be empty"),
        ("below: 5, run: []", "[0].run: must not be empty"),
        ('below: 5, run: "a \'b"', "[0].run: has a quote that is never closed"),
        ("below: 5, notify: {evn: X}", "[0].notify.evn: no such key; did you mean 'env'?"),
        ("below: 5, notify: {env: 'ntfy://fake'}", "[0].notify.env: expected the name of an environment"),
        (
            "below: 5, notify: [fake-topic]",
            "[0].notify[0]: expected an address of apprise such as ntfy://TOPIC, or where",
        ),
    ],
)
def test_a_mistake_is_told_with_line_and_key(machine: Machine, rule: str, message: str) -> None:
    found = refused(machine, f"{SERVICES}alerts:\n  - {{{rule}}}\n")
    assert found.startswith(f":5: alerts{message}")
    assert "fake" not in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alerts: {below: 5}", ":1: alerts: expected a list: each rule begins with `- `"),
        ("alerts: [5]", ":1: alerts[0]: expected keys such as `below:`"),
        (
            "alerts:\n  - below: 5\n  - below: 5\n",
            ":3: alerts[1]: says the same as an earlier rule: give it a `name:`, or leave it out",
        ),
        (
            "alerts:\n  - {below: 5, name: a}\n  - {below: 6, name: a}\n",
            ":3: alerts[1].name: the name 'a' is given to two rules",
        ),
        ("alert: []", ":1: alert: no such key; did you mean 'alerts'?"),
        ("notfy: []", ":1: notfy: no such key; did you mean 'notify'?"),
        ("run: 5", ":1: run: expected a text (put it in quotes?)"),
    ],
)
def test_a_mistake_around_the_rules_is_told(machine: Machine, text: str, message: str) -> None:
    assert refused(machine, text) == message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize(
    "text", ["notify: ntfy://fake", "alerts: [{below: 5, notify: {value: 'ntfy://fake'}}]"]
)
def test_an_address_that_others_can_read_is_refused(machine: Machine, text: str) -> None:
    path = write(machine, text)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="holds a secret and can be read by other users") as caught:
        config.load(machine)
    assert "fake" not in caught.value.message
    path.write_text(text.replace("{value: 'ntfy://fake'}", "{env: A}").replace("ntfy://fake", "{env: A}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    config.load(machine)


@given(value=ANY_JSON, key=st.sampled_from(["services", "quotas", "below", "unknown_for", "run", "notify"]))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_or_refused(value: Any, key: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    machine = make_machine(tmp_path_factory.getbasetemp())
    text = yaml.safe_dump({"alerts": [{"below_amount": 5, key: value}]}).encode()
    try:
        config.parse("config.yaml", text, machine)
    except ConfigError as error:
        assert error.message.startswith("config.yaml")


@given(st.integers(1, 366 * 86400))
def test_a_length_is_told_as_it_is_read(length: int) -> None:
    assert seconds(told(length)) == length


@pytest.mark.parametrize(
    ("text", "length"), [("90m", 5400), ("2h", 7200), ("1d", 86400), ("45s", 45), (" 2 h ", 7200)]
)
def test_lengths(text: str, length: int) -> None:
    assert seconds(text) == length


def test_show_and_validate_know_the_rules() -> None:
    write(
        here(),
        "run: send --token fake\nnotify: [ntfy://fake, {env: TOPIC}]\n"
        "alerts:\n  - {below: 15, name: a, services: [codex], quotas: [weekly, five_hour]}\n"
        "  - {unknown_for: 120m, notify: []}\n  - {runs_out_before_reset: true, run: beep}\n",
    )
    assert run("config", "validate").out.endswith(
        ": ok, no services: what is found on this machine is reported, 3 alert rules\n"
    )
    shown = run("config", "show").out
    usual = {"run": "send ***", "notify": [{"value": "***"}, {"env": "TOPIC"}]}
    body = yaml.safe_load(shown)
    assert body["alerts"] == [
        {"name": "a", "services": ["codex"], "quotas": ["five_hour", "weekly"], "below": 15, **usual},
        {"unknown_for": "2h", "run": "send ***"},
        {"runs_out_before_reset": True, "run": "beep", "notify": usual["notify"]},
    ]
    assert {key: body[key] for key in usual} == usual
    assert "fake" not in shown


@pytest.mark.parametrize("there", [True, False])
def test_validate_says_what_notify_needs(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usagecli.commands.config.find_spec", lambda name: name if there else None)
    write(here(), "alerts: [{below: 5, notify: {env: TOPIC}}]\n")
    outcome = run("config", "validate")
    told = "" if there else "Warning: notify needs the package apprise: pip install 'usagecli[notify]'\n"
    assert (outcome.code, outcome.err) == (0, told)
