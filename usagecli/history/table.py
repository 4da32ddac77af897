"""The table of a history, fitted to the terminal, and the same figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from tabulate import tabulate

from usagecli.formatters import rows, units
from usagecli.formatters.markdown import escaped
from usagecli.formatters.table import clipped, display_width, wrapped
from usagecli.history import spark
from usagecli.history.summary import Reading, cells

if TYPE_CHECKING:
    from usagecli.formatters import Look

Document = dict[str, Any]

_COLUMNS = ("service", "quota", "history", "first", "last", "min", "max", "used", "resets")
_LEFT = ("service", "quota", "history")
# Columns go in this order where room is short.
_LESS = ("first", "min", "max", "resets")
_GAP = 2
# Characters of the history: at most, what it is worth a column for, at least, and without a terminal.
_WIDE, _FAIR, _LEAST, _PLAIN = 56, 12, 8, 28
_NAME, _SHORT_NAME, _STUMP = 24, 14, 8
_LEAST_ROOM = 20


class _Line(NamedTuple):
    """One quota or balance; `readings` are those of the figure that is drawn, up to `top`."""

    service: str
    quota: str
    figures: dict[str, str]
    readings: list[Reading]
    top: float
    peaks: bool
    spent: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """One account of a service: its lines, and what went wrong, below them."""

    name: str
    lines: list[_Line]
    told: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    columns: tuple[str, ...]
    spark: int
    cut: int = 0


def render(body: Document, look: Look) -> str:
    """Rows by service, with its errors below; times are those of this machine's zone."""
    blocks = [_block(service, look) for service in body["services"]]
    span = (_epoch(body["since"]), _epoch(body["until"]))
    return "\n".join(_text(blocks, span, look))


def markdown(body: Document, look: Look) -> str:
    """A Markdown table of the same figures."""
    names = [name for name in _COLUMNS if name != "history"]
    lines, told = [], []
    for service in body["services"]:
        block = _block(service, look)
        lines += [[escaped(_cell(line, name)) for name in names] for line in block.lines]
        told += [f"- {escaped(block.name)}: {escaped(text)}" for text in block.told]
    align = tuple("left" if name in _LEFT else "right" for name in names)
    head = [name.capitalize() for name in names]
    table = tabulate(lines, head, tablefmt="pipe", disable_numparse=True, colalign=align if lines else None)
    return "\n".join([table, *(["", *told] if told else [])])


# -- what is said -----------------------------------------------------------------------------------


def _block(service: Document, look: Look) -> _Block:
    name = account_label(service)
    labels = [entry["label"] for entry in (*service["quotas"], *service["balances"])]
    lines = [
        *(_quota(name, _label(quota, labels), quota) for quota in service["quotas"]),
        *(_balance(name, _label(balance, labels), balance) for balance in service["balances"]),
    ]
    return _Block(name, lines, [_error(error, look) for error in service["errors"]])


def account_label(service: Document) -> str:
    """The service's name; where it was another account's before, that is said without naming it."""
    return (
        str(service["service"])
        if service["current"]
        else f"{service['service']} (account {service['account']})"
    )


def _label(entry: Document, labels: Sequence[str]) -> str:
    short = rows.short_label(entry["label"])
    is_shared = labels.count(entry["label"]) > 1
    return f"{short} {entry['scope']}" if is_shared and entry["scope"] else short


def _quota(service: str, label: str, quota: Document) -> _Line:
    measure, unit = quota["measure"], quota["unit"]
    samples = quota["samples"]
    drawn = "percentUsed" if any(sample["percentUsed"] is not None for sample in samples) else measure
    found = _readings(samples, drawn)
    top = 100.0 if drawn == "percentUsed" else max(reading.value for reading in found)
    figures = {
        **_ends(quota, unit),
        "used": _amount(quota["used"], unit),
        "resets": str(quota["resets"] or "-"),
    }
    return _Line(service, label, figures, found, top, measure != "remaining", found[-1].value >= top == 100.0)


def _balance(service: str, label: str, balance: Document) -> _Line:
    unit, found = balance["unit"], _readings(balance["samples"], "amount")
    added = balance["toppedUp"]
    figures = {
        **_ends(balance, unit),
        "used": _amount(balance["spent"], unit),
        "resets": f"+{_amount(added, unit)}" if added else "-",
    }
    return _Line(service, label, figures, found, balance["maximum"], False, balance["last"] <= 0)


def _readings(samples: Sequence[Document], key: str) -> list[Reading]:
    return [Reading(_epoch(sample["at"]), sample[key]) for sample in samples if sample.get(key) is not None]


def _ends(entry: Document, unit: str) -> dict[str, str]:
    names = {"first": "first", "last": "last", "minimum": "min", "maximum": "max"}
    return {short: _amount(entry[name], unit) for name, short in names.items()}


def _amount(value: float, unit: str) -> str:
    return units.amount(Decimal(str(value)), unit)


def _error(error: Document, look: Look) -> str:
    last = datetime.fromisoformat(error["lastAt"]).astimezone(look.zone)
    times = f"{error['count']:,} of {error['asked']:,} times"
    told = f"{error['kind'].replace('_', ' ')}, {times}, last {last:%a} {last.day} {last:%b %H:%M}"
    return f"{told}: {error['message']}" if error["message"] else told


# -- the layout -------------------------------------------------------------------------------------


def _fitted(blocks: Sequence[_Block], look: Look) -> _Layout:
    """The richest layout that fits: first the history is drawn narrower, then columns go, then names
    are cut."""
    if look.width is None:
        return _Layout(columns=_COLUMNS, spark=_PLAIN)
    layout = _Layout(columns=_COLUMNS, spark=0)
    for layout, least in _choices():
        room = look.width - _width(blocks, layout, look)
        if room >= least:
            return _Layout(columns=layout.columns, spark=min(_WIDE, room), cut=layout.cut)
    return _Layout(columns=tuple(name for name in layout.columns if name != "history"), spark=0, cut=_STUMP)


def _choices() -> Iterator[tuple[_Layout, int]]:
    for count in range(len(_LESS) + 1):
        columns = tuple(name for name in _COLUMNS if name not in _LESS[:count])
        yield _Layout(columns=columns, spark=0, cut=_NAME), _FAIR
        yield _Layout(columns=columns, spark=0, cut=_SHORT_NAME), _FAIR
    for cut in range(_SHORT_NAME, _STUMP - 1, -1):
        yield _Layout(columns=columns, spark=0, cut=cut), _LEAST


def _width(blocks: Sequence[_Block], layout: _Layout, look: Look) -> int:
    """Columns of the terminal that the rows take, without their history."""
    lines = [[name.upper() for name in layout.columns if name != "history"]]
    for block in blocks:
        for line in block.lines:
            lines.append([_shown(line, name, layout, look) for name in layout.columns if name != "history"])
    return sum(max(map(display_width, cell)) + _GAP for cell in zip(*lines, strict=True))


def _shown(line: _Line, name: str, layout: _Layout, look: Look) -> str:
    text = _cell(line, name)
    return _cut(text, layout, look) if name in _LEFT else text


def _cut(text: str, layout: _Layout, look: Look) -> str:
    return clipped(text, layout.cut, "…" if look.unicode else "~")


def _cell(line: _Line, name: str) -> str:
    if name == "service":
        return line.service
    return line.quota if name == "quota" else line.figures[name]


# -- lines ------------------------------------------------------------------------------------------


def _text(blocks: Sequence[_Block], span: tuple[int, int], look: Look) -> Iterator[str]:
    layout = _fitted(blocks, look)
    owners = [(block, line) for block in blocks for line in block.lines]
    shown: list[str] = []
    if owners:
        head, *shown = _table(owners, layout, span, look)
        yield click.style(head, bold=True) if look.color else head
    for block in blocks:
        own = [text for (owner, _), text in zip(owners, shown, strict=True) if owner is block]
        yield from own
        yield from _errors(block, layout, look, indent=bool(own))


def _table(
    owners: Sequence[tuple[_Block, _Line]], layout: _Layout, span: tuple[int, int], look: Look
) -> Iterator[str]:
    lines = [[name.upper() for name in layout.columns]]
    before: _Block | None = None
    for block, line in owners:
        told = {name: _shown(line, name, layout, look) for name in layout.columns if name != "history"}
        # The service stands once, where its rows begin.
        told["service"] = "" if block is before else told["service"]
        told["history"] = _drawn(line, layout.spark, span, look)
        lines.append([told[name] for name in layout.columns])
        before = block
    align = tuple("left" if name in _LEFT else "right" for name in layout.columns)
    made = tabulate(lines, tablefmt="plain", disable_numparse=True, preserve_whitespace=True, colalign=align)
    yield from (text.rstrip() for text in made.split("\n"))


def _drawn(line: _Line, count: int, span: tuple[int, int], look: Look) -> str:
    if not count:
        return ""
    drawn = spark.line(cells(line.readings, *span, count, peaks=line.peaks), line.top, unicode=look.unicode)
    return click.style(drawn, fg="red" if line.spent else "green") if look.color else drawn


def _errors(block: _Block, layout: _Layout, look: Look, *, indent: bool) -> Iterator[str]:
    """Below the rows of the service; without any, beside its name."""
    margin = "  " if indent else f"{_cut(block.name, layout, look)}  "
    room = max(_LEAST_ROOM, (look.width or 1000) - display_width(margin))
    for told in block.told:
        for part in wrapped(told, room):
            yield margin + (click.style(part, fg="red") if look.color else part)
            margin = " " * display_width(margin)


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
