"""The tables that people read, and the same as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
from tabulate import tabulate

from usagecli.formatters.markdown import escaped
from usagecli.formatters.table import clipped, display_width, wrapped
from usagecli.formatters.units import amount
from usagecli.tokens.ask import AUDIT, KEYS, OVERVIEW, Ask
from usagecli.tokens.render import Document, rows_of, with_models

if TYPE_CHECKING:
    from usagecli.formatters import Look

_COUNTS = {
    "input": "inputTokens",
    "cached": "cacheReadTokens",
    "writes": "cacheWriteTokens",
    "output": "outputTokens",
    "total": "totalTokens",
}
TITLES = {"codex": "Codex", "claude": "Claude Code"}
_WIDE_BAR, _SHORT_BAR = 40, 8
# The overview's days in the table, where no limit says otherwise.
_DAYS_SHOWN = 15
_LEAST_NAME = 8
_GAP = 2


def render(body: Document, ask: Ask, look: Look) -> str:
    """The table of a view; "" where there is nothing."""
    if ask.view == AUDIT:
        return "\n".join(_audit(body, look))
    if not body["totals"]["sessions"]:
        return ""
    if ask.view == OVERVIEW:
        return "\n".join(_overview(body, ask, look))
    return "\n".join([*_table(rows_of(body), body["totals"], ask, look), *_footer(body, look)])


# -- the overview -----------------------------------------------------------------------------------


def _overview(body: Document, ask: Ask, look: Look) -> Iterator[str]:
    yield from _summary(body)
    yield ""
    yield from _chart(body["topDays"], look)
    yield ""
    days = body["daily"]
    shown = days if ask.limit else days[:_DAYS_SHOWN]
    yield from _table(shown, body["totals"], ask, look)
    if len(shown) < len(days):
        yield f"and {len(days) - len(shown)} more days: usagecli tokens daily"
    yield from _footer(body, look)


def _summary(body: Document) -> Iterator[str]:
    year, highest, today, week = (body[key] for key in ("yearToDate", "highestDay", "today", "week"))
    lines = [
        ("Year to date", f"{_told(year)}, {plural(year['days'], 'day')}"),
        ("Today", _told(today)),
        ("This week", f"{_told(week)}, from {day(week['since'])}"),
        ("Highest day", f"{_told(highest)}, {day(highest['day'])}"),
    ]
    providers = body["byProvider"]
    if len(providers) > 1:
        lines[1:1] = [(f"  {TITLES[name]}", _told(held)) for name, held in providers.items()]
    width = max(len(name) for name, _ in lines) + _GAP
    for name, told in lines:
        yield f"{name:{width}}{told}"


def _told(held: Document) -> str:
    return f"{tokens(held['totalTokens'])} tokens, {cost(held)}, {plural(held['sessions'], 'session')}"


def day(text: str) -> str:
    """`Mon 23 Nov` for `2026-11-23`."""
    found = date.fromisoformat(text)
    return f"{found:%a} {found.day} {found:%b}"


def plural(count: int, noun: str) -> str:
    """`1 session`, `1,234 sessions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _chart(days: Sequence[Document], look: Look) -> Iterator[str]:
    """A bar a day, as long as its tokens are many."""
    full = "█" if look.unicode else "#"
    told = [
        (
            f"{row['rank']:>2}  {row['day']}  ",
            f"{tokens(row['totalTokens']):>7}  {plural(row['sessions'], 'session')}",
        )
        for row in days
    ]
    taken = max(len(head) + len(tail) for head, tail in told) + _GAP
    room = min(_WIDE_BAR, max(_SHORT_BAR, (look.width or 80) - taken))
    most = days[0]["totalTokens"]
    title = "Top days"
    yield click.style(title, bold=True) if look.color else title
    for row, (head, tail) in zip(days, told, strict=True):
        # Something is never shown as nothing.
        cells = max(1, round(row["totalTokens"] / most * room))
        bar = click.style(full * cells, fg="green") if look.color else full * cells
        yield f"{head}{bar}{' ' * (room - cells + _GAP)}{tail}"


# -- tables -----------------------------------------------------------------------------------------


def _table(rows: Iterable[Document], totals: Document, ask: Ask, look: Look) -> Iterator[str]:
    head, body, align = _cells(rows, totals, ask)
    names = [index for index, side in enumerate(align) if side == "left"]
    lines = [head, *body]
    if look.width is not None:
        _fit(lines, names, look)
    first, *rest = tabulate(
        lines, tablefmt="plain", disable_numparse=True, preserve_whitespace=True, colalign=align
    ).split("\n")
    yield click.style(first.rstrip(), bold=True) if look.color else first.rstrip()
    yield from (line.rstrip() for line in rest)


def _fit(lines: list[list[str]], names: Sequence[int], look: Look) -> None:
    """Cut the columns of names until the lines fit, the widest first."""
    assert look.width is not None
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    while sum(widths) + _GAP * (len(widths) - 1) > look.width:
        widest = max(names, key=lambda index: widths[index])
        if widths[widest] <= _LEAST_NAME:
            break
        widths[widest] -= 1
    mark = "…" if look.unicode else "~"
    for line in lines:
        for index in names:
            line[index] = clipped(line[index], widths[index], mark)


def _cells(
    rows: Iterable[Document], totals: Document, ask: Ask
) -> tuple[list[str], list[list[str]], list[str]]:
    """The head, the lines with the totals last, and the side that each column stands on."""
    key = KEYS.get(ask.view, "day")
    is_session = key == "session"
    more = ["project", "last"] if is_session else ["sessions"]
    head = [name.upper() for name in (key, *more, *_COUNTS, "cost")]
    align = ["left", *(["left", "left"] if is_session else ["right"]), *["right"] * (len(_COUNTS) + 1)]
    lines = []
    for row in with_models(rows, key) if key != "model" else rows:
        name = f"  {row['model']}" if key != "model" and isinstance(row.get("model"), str) else str(row[key])
        lines.append([name, *_more(row, is_session), *_figures(row)])
    name = plural(totals["sessions"], "session") if is_session else "total"
    lines.append([name, *(["", ""] if is_session else [f"{totals['sessions']:,}"]), *_figures(totals)])
    return head, lines, align


def _more(row: Document, is_session: bool) -> list[str]:
    if not is_session:
        return [f"{row['sessions']:,}"]
    project = row.get("project", "").replace("\\", "/").rstrip("/")
    return [project.rpartition("/")[2] or project, row.get("lastAt", "")[:10]]


def _figures(row: Document) -> list[str]:
    return [*(tokens(row[name]) for name in _COUNTS.values()), cost(row)]


def tokens(count: int) -> str:
    """`12.3M`."""
    return amount(Decimal(count), "tokens")


def cost(row: Document) -> str:
    """`$12.34`; with a `+` where something in it has no price, `-` where nothing has one."""
    if row["costComplete"]:
        return amount(Decimal(str(row["cost"])), "usd")
    return amount(Decimal(str(row["cost"])), "usd") + "+" if row["cost"] else "-"


def _footer(body: Document, look: Look) -> Iterator[str]:
    if body["unpricedModels"]:
        yield ""
        yield from wrapped(f"Without a price: {', '.join(body['unpricedModels'])}", look.width or 1000)


# -- the audit --------------------------------------------------------------------------------------

_WHY = (
    ("repeated", "repeated"),
    ("copied", "copied from another's history"),
    ("doubled", "counted in another file"),
    ("synthetic", "synthetic"),
    ("damagedLines", "damaged"),
)


def _audit(body: Document, look: Look) -> Iterator[str]:
    """Each file with what was counted of it, and why the rest was not."""
    for file in body["files"]:
        yield file["path"]
        told = [f"{file['lines']:,} lines", f"{file['counted']:,} of {file['requests']:,} requests counted"]
        told += [f"{file[key]:,} {why}" for key, why in _WHY if file[key]]
        if file["unfinished"]:
            told.append("its last line is still being written")
        if file["kept"]:
            told.append("deleted since, kept in the ledger")
        if file["unpricedModels"]:
            told.append(f"without a price: {', '.join(file['unpricedModels'])}")
        for line in wrapped("; ".join(told), (look.width or 1000) - _GAP):
            yield f"  {line}"


# -- Markdown ---------------------------------------------------------------------------------------


def markdown(body: Document, ask: Ask) -> str:
    """A Markdown table of the same figures."""
    if ask.view == AUDIT:
        head = ["File", "Lines", "Requests", "Counted", *(why.capitalize() for _, why in _WHY)]
        keys = ("path", "lines", "requests", "counted", *(key for key, _ in _WHY))
        lines = [[str(file[key]) for key in keys] for file in body["files"]]
        align = ["left", *["right"] * (len(keys) - 1)]
    else:
        head, lines, align = _cells(rows_of(body), body["totals"], ask)
        head = [name.capitalize() for name in head]
    table: Any = [[escaped(cell.strip()) for cell in line] for line in lines]
    return tabulate(table, head, tablefmt="pipe", disable_numparse=True, colalign=align if table else None)
