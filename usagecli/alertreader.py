"""`alerts:`, and what is done about them (`run:`, `notify:`), of a config file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import registry
from usagecli.config import Actions, Condition, Rule, check_source, suggestion
from usagecli.durations import seconds
from usagecli.model import CredentialSource

if TYPE_CHECKING:
    from usagecli.configsheet import Sheet
    from usagecli.model import Service
    from usagecli.yamlreader import Path

_CONDITIONS: tuple[Condition, ...] = ("below", "below_amount", "runs_out_before_reset", "unknown_for")
_ACTIONS = ("run", "notify")
# Those of the whole file, and those of a rule.
KEYS = ("alerts", *_ACTIONS)
_RULE_KEYS = ("name", "services", "quotas", *_CONDITIONS, *_ACTIONS)


def rules(sheet: Sheet, value: Any, services: Sequence[Service], usual: Actions) -> tuple[Rule, ...]:
    """The rules, in their order; `usual` are the actions of one that has none. Raises ConfigError."""
    if value is None:
        return ()
    if not isinstance(value, list):
        sheet.fail(("alerts",), "expected a list: each rule begins with `- `")
    names = {name for service in services for name in (service.name, service.group) if name}
    known = tuple(dict.fromkeys([*sorted(names), *registry.names()]))
    found: list[Rule] = []
    for index, body in enumerate(value):
        where: Path = ("alerts", index)
        rule = _rule(sheet, where, body, known, usual)
        if rule.name is not None and any(rule.name == other.name for other in found):
            sheet.fail((*where, "name"), f"the name {rule.name!r} is given to two rules")
        if any(replace(rule, actions=usual) == replace(other, actions=usual) for other in found):
            sheet.fail(where, "says the same as an earlier rule: give it a `name:`, or leave it out")
        found.append(rule)
    return tuple(found)


def actions(sheet: Sheet, where: Path, body: Mapping[str, Any], usual: Actions | None = None) -> Actions:
    """What the mapping says is to be done; of what it does not say, the usual. Raises ConfigError."""
    found = usual or Actions()
    if "run" in body:
        found = replace(found, run=_command(sheet, (*where, "run"), body["run"]))
    if "notify" in body:
        found = replace(found, notify=_addresses(sheet, (*where, "notify"), body["notify"]))
    return found


def _rule(sheet: Sheet, where: Path, body: Any, known: tuple[str, ...], usual: Actions) -> Rule:
    if not isinstance(body, dict):
        sheet.fail(where, "expected keys such as `below:`")
    sheet.keys(where, body, _RULE_KEYS)
    given = [condition for condition in _CONDITIONS if condition in body]
    if len(given) != 1:
        what = f"has {len(given)} conditions: make a rule of each" if given else "needs a condition"
        sheet.fail(where, f"{what} ({', '.join(given or _CONDITIONS)})")
    condition = given[0]
    if condition == "unknown_for" and "quotas" in body:
        sheet.fail((*where, "quotas"), "unknown_for is about a whole service: leave the quotas out")
    services = sheet.optional(where, body, "services", sheet.texts)
    for index, name in enumerate(services or ()):
        if name not in known:
            sheet.fail((*where, "services", index), f"no such service or provider{suggestion(name, known)}")
    quotas = sheet.optional(where, body, "quotas", sheet.texts)
    return Rule(
        condition=condition,
        value=_value(sheet, (*where, condition), condition, body[condition]),
        name=sheet.optional(where, body, "name", sheet.name),
        services=None if services is None else frozenset(services),
        quotas=None if quotas is None else frozenset(quotas),
        actions=actions(sheet, where, body, usual),
    )


def _value(sheet: Sheet, where: Path, condition: Condition, value: Any) -> Decimal:
    if condition == "below":
        percent = sheet.percent(where, value)
        return percent if percent > 0 else sheet.fail(where, "nothing is below 0 %: give more")
    if condition == "below_amount":
        return sheet.amount(where, value, 0, above_zero=True)
    if condition == "unknown_for":
        try:
            return Decimal(seconds(str(value)))
        except ValueError as error:
            sheet.fail(where, str(error))
    if value is not True:
        sheet.fail(where, "expected true")
    return Decimal(0)


def _command(sheet: Sheet, where: Path, value: Any) -> str | tuple[str, ...] | None:
    """A command as a text or its words; none at all is an empty list."""
    if isinstance(value, list):
        return sheet.texts(where, value) if value else None
    text = sheet.text(where, value)
    try:
        check_source("command", text)
    except ValueError as error:
        sheet.fail(where, str(error))
    return text


def _addresses(sheet: Sheet, where: Path, value: Any) -> tuple[CredentialSource, ...]:
    """An address or several, each a text or where it is kept; none at all is an empty list."""
    if not isinstance(value, list):
        return (_address(sheet, where, value),)
    return tuple(_address(sheet, (*where, index), entry) for index, entry in enumerate(value))


def _address(sheet: Sheet, where: Path, value: Any) -> CredentialSource:
    if isinstance(value, dict):
        return sheet.source(where, value)
    text = sheet.text(where, value)
    if not all(text.partition("://")):
        # Never quoted: such an address holds a secret.
        sheet.fail(
            where, "expected an address of apprise such as ntfy://TOPIC, or where it is: env, file ..."
        )
    return CredentialSource("value", text)
