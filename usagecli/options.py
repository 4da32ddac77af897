"""A provider's options: what the config says, else the environment, else nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.model import Service
    from usagecli.registry import Descriptor, Option


def resolve(descriptor: Descriptor, service: Service, machine: Machine) -> tuple[dict[str, Any], list[str]]:
    """Every option of the provider (None where it is not given), and warnings for the user.

    A wrong value in the environment is a warning and counts as not given: unlike a config file,
    it may have been set for another program.
    """
    values: dict[str, Any] = {}
    warnings = []
    for option in descriptor.options:
        value = service.options.get(option.name)
        text = machine.get(option.env) if option.env else None
        if value is None and text is not None:
            value = read(option, text)
            if value is None:
                warnings.append(f"{option.env} is not {wanted(option)}: {option.fallback or 'it is ignored'}")
        values[option.name] = value
    return values, warnings


def read(option: Option, value: Any) -> str | Decimal | bool | tuple[str, ...] | None:
    """The value as the option's kind, or None where it is not of that kind."""
    if option.kind == "texts":
        found = [wire.as_text(entry) for entry in value] if isinstance(value, list) else []
        return tuple(text for text in found if text) if found and all(found) else None
    if option.kind == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if option.kind == "positive":
        number = wire.as_number(value)
        return number if number is not None and number > 0 else None
    return wire.as_text(value if isinstance(value, str) else str(value) if isinstance(value, int) else None)


def wanted(option: Option) -> str:
    """The option's kind, for a message."""
    kinds = {"positive": "a number above 0", "flag": "true or false", "texts": "a list of texts"}
    return kinds.get(option.kind, "a text")
