"""The table for people: fitted to the terminal, with bars and colours only there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from usagecli.formatters import rows

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.formatters.rows import Block, Row
    from usagecli.model import Snapshot

_COLORS = {"ok": "green", "low": "yellow", "exhausted": "red", "error": "red"}
_GAP = 2
# Cells of the bar, by how much room there is.
_BARS = (20, 10, 5)
_BAR_GAP = "  "
# What a column may shrink to before a row breaks.
_NARROWEST = 8
# Where the plan has no column of its own it stands below the service, this far in.
_INDENT = " "

_Line = list[str]


def render(snapshot: Snapshot, look: Look) -> str:
    """Blocks of rows, errors with their hints, and one line that sums up."""
    found = rows.blocks(snapshot, look)
    parts = []
    if found:
        layout = _fitting(found, look)
        parts += [layout.text(found), ""]
    parts.append(rows.summary(snapshot))
    return "\n".join(parts)


class _Layout:
    """Which columns there are, and how the table looks with them."""

    def __init__(self, look: Look, *, columns: frozenset[str], bar: int, cut: dict[str, int]) -> None:
        self.look = look
        self.columns = columns
        self.bar = bar
        self.cut = cut

    def head(self) -> list[str]:
        names = ["service", "account", "plan", "quota", "scope", "used", "left", "resets", "status"]
        optional = {"account", "plan", "scope"}
        return [name for name in names if name not in optional or name in self.columns]

    def lines(self, blocks: Sequence[Block]) -> Iterator[tuple[Block, _Line]]:
        """The cells of every row, with the block that each belongs to."""
        for block in blocks:
            if not block.rows:
                continue
            names = [block.service]
            if block.plan and "plan" not in self.columns:
                names.append(_INDENT + block.plan)
            for index in range(max(len(block.rows), len(names))):
                row = block.rows[index] if index < len(block.rows) else None
                name = names[index] if index < len(names) else ""
                yield block, [self._cell(column, block, row, name, index) for column in self.head()]

    def _cell(self, name: str, block: Block, row: Row | None, service: str, index: int) -> str:
        if name == "service":
            return self._clip(service, name)
        if name in ("account", "plan"):
            return self._clip(getattr(block, name) if index == 0 else "", name)
        if row is None:
            return ""
        if name == "used":
            return self._used(row)
        if name == "status":
            return self._styled(row.status or "-", row.status)
        return self._clip(getattr(row, name), name)

    def _used(self, row: Row) -> str:
        if not self.bar:
            return row.used
        bar = (
            " " * self.bar
            if row.percent is None
            else self._styled(_bar(row.percent, self.bar, self.look), row.status)
        )
        return f"{bar}{_BAR_GAP}{row.used}".rstrip() if row.used or row.percent is not None else ""

    def _styled(self, text: str, status: str | None) -> str:
        return click.style(text, fg=_COLORS.get(status or "")) if self.look.color and status else text

    def _clip(self, text: str, name: str) -> str:
        return clipped(text, self.cut.get(name, 0), "…" if self.look.unicode else "~")

    def table(self, blocks: Sequence[Block]) -> tuple[str, list[tuple[Block, str]]]:
        """The head, and every row's line with the block that it belongs to."""
        from tabulate import tabulate

        head, lines = self.head(), list(self.lines(blocks))
        names = [name.upper() for name in head]
        # As wide as the names of services that have a message only; tabulate makes a column two
        # wider than its head, too.
        names[0] += _HARD_SPACE * (self.margin(blocks) - _GAP - 2 - len(names[0]))
        text = tabulate(
            [[_solid(cell) for cell in cells] for _, cells in lines],
            names,
            tablefmt="plain",
            disable_numparse=True,
            colalign=tuple("right" if name == "left" else "left" for name in head) if lines else None,
        )
        first, *rest = (line.replace(_HARD_SPACE, " ").rstrip() for line in text.split("\n"))
        return first, [(block, line) for (block, _), line in zip(lines, rest, strict=True)]

    def margin(self, blocks: Sequence[Block]) -> int:
        """Where the second column begins, and with it every message."""
        widest = max(display_width(self._clip(block.service, "service")) for block in blocks)
        return max(widest, len("service") + 2) + _GAP

    def width(self, blocks: Sequence[Block]) -> int:
        """Columns that the rows take."""
        head, lines = self.table(blocks)
        return max(display_width(click.unstyle(line)) for line in (head, *(line for _, line in lines)))

    def text(self, blocks: Sequence[Block]) -> str:
        """The whole table, with each service's messages below its rows."""
        head, lines = self.table(blocks)
        out = [click.style(head, bold=True) if self.look.color else head] if lines else []
        for block in blocks:
            own = [line for owner, line in lines if owner is block]
            # A service without rows has only its message, which stands on the service's own line.
            out += [*own, *self._messages(block, self.margin(blocks), lead=not own)]
        return "\n".join(out)

    def _messages(self, block: Block, margin: int, *, lead: bool) -> Iterator[str]:
        room = max(20, (self.look.width or 1000) - margin)
        service = self._clip(block.service, "service") if lead else ""
        told = [(block.error, "red"), (block.hint, None), *((f"note: {note}", None) for note in block.notes)]
        for text, color in told:
            for part in textwrap.wrap(text, room):
                pad = " " * (margin - display_width(service))
                yield (
                    service
                    + pad
                    + (click.style(part, fg=color, dim=color is None) if self.look.color else part)
                )
                service = ""


# tabulate drops leading blanks; this stands for one until the table is laid out.
_HARD_SPACE = "\ue000"


def _solid(cell: str) -> str:
    bare = cell.lstrip(" ")
    return _HARD_SPACE * (len(cell) - len(bare)) + bare


def _fitting(blocks: Sequence[Block], look: Look) -> _Layout:
    """The richest layout that fits: first columns go, then the widest texts shrink."""
    has = {name: any(getattr(block, name) for block in blocks) for name in ("account", "plan")} | {
        "scope": any(row.scope for block in blocks for row in block.rows)
    }
    choices = [("account", "plan", "scope"), ("plan", "scope"), ("plan",), ()]
    layout = None
    for wanted in choices:
        columns = frozenset(name for name in wanted if has[name])
        for bar in _BARS if look.bars else (0,):
            layout = _Layout(look, columns=columns, bar=bar, cut={})
            if look.width is None or layout.width(blocks) <= look.width:
                return layout
    assert layout is not None
    return _shrunk(layout, blocks)


def _shrunk(layout: _Layout, blocks: Sequence[Block]) -> _Layout:
    """The same columns, their longest texts cut until the rows fit."""
    longest = {
        "service": max(display_width(block.service) for block in blocks),
        "quota": max([0, *(display_width(row.quota) for block in blocks for row in block.rows)]),
    }
    cut = dict(longest)
    width = layout.look.width or 1000
    while layout.width(blocks) > width:
        name = max(cut, key=lambda key: cut[key])
        if cut[name] <= _NARROWEST:
            if not layout.bar:
                break
            layout = _Layout(layout.look, columns=layout.columns, bar=0, cut=cut)
            continue
        cut = {**cut, name: max(_NARROWEST, cut[name] - 1)}
        layout = _Layout(layout.look, columns=layout.columns, bar=layout.bar, cut=cut)
    return layout


def _bar(percent: Decimal, cells: int, look: Look) -> str:
    full, empty = ("█", "░") if look.unicode else ("#", ".")
    filled = round(min(percent, Decimal(100)) / 100 * cells)
    # Something is never shown as nothing, nor nearly all as all.
    if percent > 0:
        filled = max(1, filled)
    if percent < 100:
        filled = min(cells - 1, filled)
    return full * filled + empty * (cells - filled)


def clipped(text: str, width: int, mark: str) -> str:
    """The text in at most `width` columns, its end replaced by the mark; 0 is no limit."""
    if not width or display_width(text) <= width:
        return text
    out = ""
    for char in text:
        if display_width(out + char) > width - len(mark):
            break
        out += char
    return out + mark


def display_width(text: str) -> int:
    """The columns that a terminal gives the text."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))
