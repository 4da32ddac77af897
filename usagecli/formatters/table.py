"""The table for people: fitted to the terminal, with bars and colours only there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from usagecli.formatters import rows
from usagecli.pool import pools

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.formatters.rows import Block, Row
    from usagecli.model import Snapshot

_COLORS = {"ok": "green", "low": "yellow", "exhausted": "red", "error": "red"}
_COLUMNS = ("service", "account", "plan", "quota", "scope", "used", "left", "resets", "pace", "status")
_GAP = 2
# Cells of the bar: at most; what it is worth a column of its own; at least.
_WIDE_BAR, _GOOD_BAR, _SHORT_BAR = 20, 10, 5
_BAR_GAP = "  "
# How long service and quota may be where room is short; beside a bar, without it, and at the worst.
_LONG_NAME, _FAIR_NAME, _SHORT_NAME, _STUMP = 24, 14, 12, 8
# How wide the table may be, with account and scope, where nobody says how wide the output is.
_PLAIN_WIDTH = 120
# Where the plan has no column of its own it stands below the service, this far in.
_INDENT = " "
# What messages keep to wrap in, however narrow the terminal.
_LEAST_ROOM = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The columns, the cells of the bar (0: none), and what texts are cut to by column (none: not).

    `below`: a plan without a column widens the service's, instead of standing there where it fits.
    """

    columns: tuple[str, ...]
    bar: int = 0
    below: bool = True
    cut: Mapping[str, int] = field(default_factory=dict)


def render(snapshot: Snapshot, look: Look) -> str:
    """Blocks of rows, errors with their hints, and one line that sums up."""
    blocks = rows.blocks(snapshot, look)
    if not blocks:
        return rows.summary(snapshot)
    footer = [*_incidents(snapshot, look), *_pools(snapshot, look), rows.summary(snapshot)]
    return "\n".join([*_text(blocks, _fitted(blocks, look), look), "", *footer])


# -- the layout -------------------------------------------------------------------------------------


def _fitted(blocks: Sequence[Block], look: Look) -> _Layout:
    """The richest layout that fits: columns go before the bar, the bar before names are cut short."""
    filled = [name for name in _COLUMNS if _is_filled(name, blocks)]
    if look.width is None:
        return _whole(blocks, filled, look)
    layout = _Layout(columns=())
    for layout, least in _choices(filled):
        room = look.width - _width(blocks, layout, look)
        if not look.bars or not least:
            if room >= 0:
                return layout
        elif room - len(_BAR_GAP) >= least:
            return replace(layout, bar=min(_WIDE_BAR, room - len(_BAR_GAP)))
    return layout


def _whole(blocks: Sequence[Block], filled: Sequence[str], look: Look) -> _Layout:
    """All that is of use where no width is given: account and scope only if the rows stay readable."""
    layout = _Layout(columns=())
    for gone in ((), ("account",), ("account", "scope")):
        columns = tuple(name for name in filled if name not in gone)
        layout = _Layout(columns=columns, bar=_GOOD_BAR if look.bars else 0)
        if _width(blocks, layout, look) <= _PLAIN_WIDTH:
            break
    return layout


def _choices(filled: Sequence[str]) -> Iterator[tuple[_Layout, int]]:
    """Layouts from the richest to the poorest, without a bar yet, and the bar that each must have."""
    plain = [name for name in filled if name not in ("account", "plan", "scope", "pace")]
    few = _Layout(columns=tuple(plain), cut={"service": _LONG_NAME, "quota": _LONG_NAME})
    # A scope tells rows apart, and so goes after the pace; the plan also fits below the service.
    scoped = (("account", "pace"),) if "scope" in filled else ()
    for gone in ((), ("account",), *scoped, ("account", "scope")):
        yield _Layout(columns=tuple(name for name in filled if name not in gone)), _GOOD_BAR
    paced = tuple(name for name in filled if name in (*plain, "pace"))
    yield replace(few, columns=paced), _GOOD_BAR
    yield _Layout(columns=tuple(name for name in filled if name in (*plain, "plan"))), _GOOD_BAR
    if paced != few.columns:
        yield replace(few, columns=paced, below=False), _GOOD_BAR
    yield few, _SHORT_BAR
    few = replace(few, below=False)
    for gone, least, bar in (
        ((), _FAIR_NAME, _SHORT_BAR),
        ((), _SHORT_NAME, 0),
        (("used",), _SHORT_NAME, 0),
        (("used", "resets"), _STUMP, 0),
    ):
        columns = tuple(name for name in plain if name not in gone)
        for length in range(_LONG_NAME, least - 1, -1):
            yield replace(few, columns=columns, cut={"service": length, "quota": length}), bar


def _is_filled(name: str, blocks: Sequence[Block]) -> bool:
    if name == "scope":
        return any(row.scope for block in blocks for row in block.rows)
    if name == "pace":
        return any(row.pace != "-" for block in blocks for row in block.rows)
    return name not in ("account", "plan") or any(getattr(block, name) for block in blocks)


def _width(blocks: Sequence[Block], layout: _Layout, look: Look) -> int:
    """Columns of the terminal that the rows take."""
    wide, plain = _service_width(blocks, layout, look), replace(look, color=False)
    lines = [
        _head(wide, layout),
        *(cells for block in blocks for cells in _lines(block, wide, layout, plain)),
    ]
    return sum(max(map(display_width, cells)) + _GAP for cells in zip(*lines, strict=True)) - _GAP


def _service_width(blocks: Sequence[Block], layout: _Layout, look: Look) -> int:
    names = ["service", *(_cut(block.service, "service", layout, look) for block in blocks)]
    if layout.below and "plan" not in layout.columns:
        names += [_INDENT + block.plan for block in blocks if block.plan and block.rows]
    return max(map(display_width, names))


# -- cells ------------------------------------------------------------------------------------------


def _head(wide: int, layout: _Layout) -> list[str]:
    # As wide as the names of services that have a message only.
    return [name.upper().ljust(wide) if name == "service" else name.upper() for name in layout.columns]


def _lines(block: Block, wide: int, layout: _Layout, look: Look) -> Iterator[list[str]]:
    """The cells of the block's lines: a line a row, and one more where the plan needs it.

    `wide`: the columns of the terminal that the service's own has.
    """
    if not block.rows:
        return
    names = [_cut(block.service, "service", layout, look)]
    plan = _INDENT + block.plan
    if block.plan and "plan" not in layout.columns and display_width(plan) <= wide:
        names.append(plan)
    for index in range(max(len(block.rows), len(names))):
        row = block.rows[index] if index < len(block.rows) else None
        told = {
            "service": names[index] if index < len(names) else "",
            "account": block.account if index == 0 else "",
            "plan": block.plan if index == 0 else "",
            **(_row_cells(row, layout, look) if row is not None else {}),
        }
        yield [told.get(name, "") for name in layout.columns]


def _row_cells(row: Row, layout: _Layout, look: Look) -> dict[str, str]:
    used = row.used
    if layout.bar and row.percent is not None:
        used = f"{_styled(_bar(row.percent, layout.bar, look), row.status, look)}{_BAR_GAP}{used}"
    elif layout.bar and used:
        used = " " * layout.bar + _BAR_GAP + used
    return {
        "quota": _cut(row.quota, "quota", layout, look),
        "scope": row.scope,
        "used": used,
        "left": row.left,
        "resets": row.resets,
        "pace": _styled(row.pace, row.urgency, look),
        "status": _styled(row.status or "-", row.status, look),
    }


def _bar(percent: Decimal, cells: int, look: Look) -> str:
    full, empty = ("█", "░") if look.unicode else ("#", ".")
    filled = round(min(percent, Decimal(100)) / 100 * cells)
    # Something is never shown as nothing, nor nearly all as all.
    if percent > 0:
        filled = max(1, filled)
    if percent < 100:
        filled = min(cells - 1, filled)
    return full * filled + empty * (cells - filled)


def _styled(text: str, status: str | None, look: Look) -> str:
    return click.style(text, fg=_COLORS.get(status or "")) if look.color and status else text


def _cut(text: str, name: str, layout: _Layout, look: Look) -> str:
    return clipped(text, layout.cut.get(name, 0), "…" if look.unicode else "~")


# -- lines ------------------------------------------------------------------------------------------


def _text(blocks: Sequence[Block], layout: _Layout, look: Look) -> Iterator[str]:
    """The head, and each service's rows with its messages below them."""
    from tabulate import tabulate

    wide = _service_width(blocks, layout, look)
    owners = [(block, cells) for block in blocks for cells in _lines(block, wide, layout, look)]
    lines: list[str] = []
    if owners:
        head, *lines = tabulate(
            [_head(wide, layout), *(cells for _, cells in owners)],
            tablefmt="plain",
            disable_numparse=True,
            preserve_whitespace=True,
            colalign=tuple("right" if name == "left" else "left" for name in layout.columns),
        ).split("\n")
        yield click.style(head.rstrip(), bold=True) if look.color else head.rstrip()
    for block in blocks:
        own = [line.rstrip() for (owner, _), line in zip(owners, lines, strict=True) if owner is block]
        yield from own
        # A service without rows has only its message, which stands on the service's own line.
        yield from _messages(
            block, wide + _GAP, "" if own else _cut(block.service, "service", layout, look), look
        )


def _messages(block: Block, margin: int, service: str, look: Look) -> Iterator[str]:
    room = max(_LEAST_ROOM, (look.width or 1000) - margin)
    told = [(block.error, "red"), (block.hint, None), *((f"note: {note}", None) for note in block.notes)]
    for text, color in told:
        for part in wrapped(text, room):
            shown = click.style(part, fg=color, dim=color is None or None) if look.color else part
            yield service + " " * (margin - display_width(service)) + shown
            service = ""


def _incidents(snapshot: Snapshot, look: Look) -> Iterator[str]:
    """What vendors say of themselves, where that is trouble."""
    for incident, told in rows.incidents(snapshot, look):
        yield from _below(told, "low" if incident.status == "degraded" else "exhausted", look)


def _pools(snapshot: Snapshot, look: Look) -> Iterator[str]:
    """What the accounts of one provider have together; red where an overage limit is reached."""
    for pool in pools(snapshot.reports, snapshot.credits_per_usd):
        yield from _below(rows.pool_line(pool, look), "exhausted" if pool.overage_reached else None, look)


def _below(told: str, status: str | None, look: Look) -> Iterator[str]:
    """A line below the table, what does not fit in it indented."""
    for index, part in enumerate(wrapped(told, (look.width or 1000) - len(_INDENT))):
        yield _styled(f"{_INDENT}{part}" if index else part, status, look)


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


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most `width` columns, broken at spaces; textwrap counts characters."""
    line = ""
    for word in text.split():
        if line and display_width(f"{line} {word}") > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        while display_width(line) > width:
            head = clipped(line, width, "")
            yield head
            line = line[len(head) :]
    if line:
        yield line


def display_width(text: str) -> int:
    """The columns that a terminal gives the text."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))
