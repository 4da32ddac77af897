"""`usagecli config path|init|show|validate`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import click

from usagecli import assess, config, durations, log, registry, services
from usagecli.actions import NEEDS_APPRISE
from usagecli.cli import App
from usagecli.commands._run import emit
from usagecli.config import Actions, Keep, Rule
from usagecli.errors import ConfigError
from usagecli.model import CredentialSource, Service
from usagecli.policy import DOCUMENTED_ONLY

_TEMPLATE = """\
# usagecli: which services to report, and when they are low.
# Without `services` every provider whose credentials are found on this machine is reported.

defaults:
  low_below: 10    # percent left below which a quota is low
  max_age: 60      # seconds for which a report is reused
  timeout: 20      # seconds that a run may wait for the network

# policy: documented-only   # ask nobody for what its vendor does not document

# services:
#   - name: work                  # shown in tables, used by --account
#     provider: openrouter
#     credential:
#       env: OPENROUTER_WORK_KEY  # or file: PATH, command: COMMAND, keyring: SERVICE/USER
#     low_below: {default: 20, key_limit: 5}
#     low_balance: 5              # dollars left below which the balance is low
#     ignore: [free_model_daily]  # shown, not judged

# alerts:                         # what `usagecli check` tells, too
#   - {quotas: [key_limit], below: 25}
#   - {unknown_for: 2h}
"""


@click.group("config")
def command() -> None:
    """The config file: where it is, a first one, what it says, whether it is right."""


@command.command("path")
@click.pass_obj
def path_(app: App) -> None:
    """Print where the config file is, or would be."""
    emit(config.path_of(app.machine, app.config_path)[0])


@command.command("init")
@click.pass_obj
def init(app: App) -> None:
    """Write a first config file; never overwrites one."""
    from usagecli.storage.files import write_atomic

    path, _ = config.path_of(app.machine, app.config_path)
    if os.path.lexists(path):
        raise ConfigError(f"{path}: is there already; nothing was changed")
    found = [target.service.name for target in services.discover(app.machine)]
    text = _TEMPLATE
    if found:
        text += f"\n# Found on this machine: {', '.join(found)}\n"
    try:
        write_atomic(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    emit(path)


@command.command("validate")
@click.pass_obj
def validate(app: App) -> None:
    """Check the file; a mistake exits 2, with file, line and key."""
    found = config.load(app.machine, app.config_path)
    for source in registry.also:
        for trouble in source.troubles():
            raise ConfigError(trouble)
    if not found.exists:
        emit(f"{found.path}: there is none; what is found on this machine is reported")
        return
    rules = len(found.alerts)
    told = f", {rules} alert rule{'' if rules == 1 else 's'}" if rules else ""
    if any(actions.notify for actions in found.all_actions) and not find_spec("apprise"):
        log.warn(NEEDS_APPRISE)
    emit(f"{found.path}: ok, {services.counted(found)}{told}")


@command.command("show")
@click.pass_obj
def show(app: App) -> None:
    """Print what the file says: defaults filled in, secrets masked."""
    import yaml

    found = config.load(app.machine, app.config_path)
    body: dict[str, Any] = {
        "defaults": {
            "low_below": _thresholds({"default": assess.DEFAULT_LOW_BELOW, **found.low_below}),
            "max_age": _number(found.max_age_s),
            "timeout": _number(found.timeout_s),
            "credits_per_usd": _number(found.credits_per_usd),
        },
        "history": _history(found.history),
    }
    if found.documented_only:
        body["policy"] = DOCUMENTED_ONLY
    if found.services is not None:
        body["services"] = [_service(service) for service in found.services]
    if found.alerts:
        body["alerts"] = [_rule(rule, found.actions) for rule in found.alerts]
    body.update(_actions(found.actions))
    head = f"# {found.path}{'' if found.exists else ' (does not exist)'}"
    emit(f"{head}\n{yaml.safe_dump(body, sort_keys=False, allow_unicode=True)}".rstrip("\n"))


def _history(keep: Keep) -> dict[str, int] | bool:
    ages = asdict(keep)
    return ages if ages.pop("enabled") else False


def _service(service: Service) -> dict[str, Any]:
    body: dict[str, Any] = {"name": service.name, "provider": service.provider}
    if service.credential is not None:
        sources = {part: _source(source) for part, source in service.credential.items()}
        body["credential"] = sources.get("", sources)
    base_url = service.base_url or registry.get(service.provider).descriptor.base_url
    # A server of one's own may be told by a variable only.
    if base_url:
        body["base_url"] = base_url
    if service.low_below:
        body["low_below"] = _thresholds(service.low_below)
    if service.low_balance is not None:
        body["low_balance"] = _number(service.low_balance)
    if service.ignore:
        body["ignore"] = sorted(service.ignore)
    body["enabled"] = service.enabled
    if service.options:
        body["options"] = {
            key: value if isinstance(value, str) else _number(value) for key, value in service.options.items()
        }
    return body


def _rule(rule: Rule, usual: Actions) -> dict[str, Any]:
    """The rule, with what is done about it, be that its own or the usual; of the usual what is not is []."""
    body: dict[str, Any] = {} if rule.name is None else {"name": rule.name}
    if rule.services is not None:
        body["services"] = sorted(rule.services)
    if rule.quotas is not None:
        body["quotas"] = sorted(rule.quotas)
    body[rule.condition] = _value(rule)
    nothing: dict[str, Any] = {key: [] for key in _actions(usual)}
    return {**body, **nothing, **_actions(rule.actions)}


def _value(rule: Rule) -> Any:
    if rule.condition == "runs_out_before_reset":
        return True
    return durations.told(int(rule.value)) if rule.condition == "unknown_for" else _number(rule.value)


def _actions(actions: Actions) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if actions.run is not None:
        body["run"] = _source(CredentialSource("command", actions.run))["command"]
    if actions.notify:
        body["notify"] = [_source(source) for source in actions.notify]
    return body


def _source(source: CredentialSource) -> dict[str, Any]:
    # The arguments of a command may hold a secret, too; its name tells enough.
    if source.kind == "value":
        return {source.kind: "***"}
    if source.kind == "command":
        words = list(source.value) if isinstance(source.value, tuple) else source.value.split()
        return {source.kind: words[0] if len(words) == 1 else f"{words[0]} ***"}
    return {source.kind: source.value}


def _thresholds(found: Mapping[str, Decimal]) -> Any:
    told = {key: _number(value) for key, value in found.items()}
    return told["default"] if list(told) == ["default"] else told


def _number(value: Any) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number
