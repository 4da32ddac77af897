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
            told.append(" " * column + _entry(key, value))
    return told


def item(body: Mapping[str, Any], dash: int, column: int) -> list[str]:
    """One item of a list of mappings, with its `-` and its keys at these columns."""
    first, *rest = lines(body, column)
    return [f"{' ' * dash}-{first[dash + 1 :]}", *rest]


def _entry(key: str, value: Any) -> str:
    """A line of a block, where texts need fewer quotes than inside `{}`."""
    import yaml

    if isinstance(value, Mapping | list) or "\n" in str(value):
        return f"{inline(key)}: {inline(value)}"
    return str(yaml.safe_dump({key: value}, allow_unicode=True, width=float("inf"))).rstrip("\n")


def inline(value: Any) -> str:
    """A value on one line, so that it may stand inside `{}` and `[]`, too."""
    import yaml

    told = yaml.safe_dump(
        [value],
        default_flow_style=True,
        # The only style that keeps a text of several lines on one.
        default_style='"' if isinstance(value, str) and "\n" in value else None,
        allow_unicode=True,
        sort_keys=False,
        width=float("inf"),
    )
    return str(told).strip()[1:-1]
