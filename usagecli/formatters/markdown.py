"""A Markdown table, for a chat, a pull request or a wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usagecli.formatters import rows

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Snapshot

_HEAD = ("Service", "Plan", "Quota", "Used", "Left", "Resets", "Pace", "Status")


def render(snapshot: Snapshot, look: Look) -> str:
    """A row a quota or balance; what went wrong stands in the status."""
    from tabulate import tabulate

    body = []
    for block in rows.blocks(snapshot, look):
        lines = [
            [
                *(block.service, block.plan, row.quota, row.used, row.left),
                *(row.resets, row.pace, row.status or "-"),
            ]
            for row in block.rows
        ]
        if block.error:
            told = f"{block.error} ({block.hint})" if block.hint else block.error
            lines.append([block.service, block.plan, "", "", "", "", "", told])
        body += [[escaped(cell) for cell in line] for line in lines]
    align = ("left", "left", "left", "right", "right", "left", "left", "left")
    table = tabulate(body, _HEAD, tablefmt="pipe", disable_numparse=True, colalign=align if body else None)
    troubles = [escaped(line) for _, line in rows.incidents(snapshot, look)]
    return "\n\n".join([table, *troubles, rows.summary(snapshot)])


def escaped(text: str) -> str:
    """The text as a Markdown cell shows it."""
    for special in "\\|<>[]`*_":
        text = text.replace(special, "\\" + special)
    return text
