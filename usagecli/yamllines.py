"""Values as new lines of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lines(body: Mapping[Any, Any], column: int) -> list[str]:
    """A mapping as lines; what holds mappings itself goes deeper, all else stays on the line of its key."""
    told = []
    for key, value in body.items():
        if isinstance(value, Mapping) and any(isinstance(entry, Mapping) for entry in value.values()):
            told += [f"{' ' * column}{inline(key)}:", *lines(value, column + 2)]
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            told.append(f"{' ' * column}{inline(key)}:")
            for entry in value:
                told += item(entry, column + 2, column + 4)
        else:
            told.append(f"{' ' * column}{inline(key)}: {inline(value, flow=False)}")
    return told


def item(body: Mapping[str, Any], dash: int, column: int) -> list[str]:
    """One item of a list of mappings, with its `-` and its keys at these columns."""
    first, *rest = lines(body, column)
    return [f"{' ' * dash}-{first[dash + 1 :]}", *rest]


def inline(value: Any, *, flow: bool = True, quote: str | None = None) -> str:
    """A value on one line: fit for the inside of `{}` and `[]`, or with fewer quotes for a block.

    `quote` is what a text is to stand in, whether it needs it or not.
    """
    import yaml

    def dump(told: Any, **how: Any) -> str:
        return str(
            yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=float("inf"), **how)
        ).strip()

    if isinstance(value, str) and "\n" in value:
        quote = '"'  # no other style keeps several lines on one
    if flow or quote or isinstance(value, Mapping | list):
        style = quote if isinstance(value, str) else None
        return dump([value], default_flow_style=True, default_style=style)[1:-1]
    return dump({"key": value}).removeprefix("key: ")
