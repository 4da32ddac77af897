"""The overview of the token logs -> what its panel says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from usagecli import log
from usagecli.formatters import Look
from usagecli.report import charts
from usagecli.report.charts import Column
from usagecli.tokens.answer import answer
from usagecli.tokens.ask import Ask
from usagecli.tokens.progress import shown
from usagecli.tokens.render import Document
from usagecli.tokens.table import TITLES, cost, day, plural, tokens

if TYPE_CHECKING:
    from usagecli.machine import Machine

_CHART_DAYS = 30
_TOP_DAYS = 5
_COUNTS = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "totalTokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A sum: of what, tokens, cost, and what else there is to say."""

    label: str
    tokens: str
    cost: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One of the highest days; `share` is in percent of the highest."""

    day: str
    share: float
    tokens: str
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A row of the daily table: the day, then its figures as texts."""

    day: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Burned:
    """The panel. `columns` are the last days, one after another, and `words` the same as text."""

    tiles: tuple[Tile, ...]
    agents: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    columns_from: str
    columns_to: str
    words: str
    top: tuple[Bar, ...]
    daily: tuple[Day, ...]
    unpriced: str
    prices_date: str


def burned(machine: Machine, look: Look) -> Burned | None:
    """What the agents' logs on this machine say; None where there are none."""
    with shown() as progress:
        found = answer(machine, Ask(format_="json"), Look(now=look.now), progress)
    for line in found.unreadable:
        log.warn(f"{line}: not counted")
    body = json.loads(found.text)
    return panel(body) if body["totals"]["sessions"] else None


def panel(body: Document) -> Burned:
    """The overview document of `usagecli tokens --json` as a panel."""
    days = {date.fromisoformat(row["day"]): row for row in body["daily"]}
    today = date.fromisoformat(body["today"]["day"])
    span = [today - timedelta(days=back) for back in reversed(range(_CHART_DAYS))]
    counts = [days[at]["totalTokens"] if at in days else 0 for at in span]
    top = body["topDays"][:_TOP_DAYS]
    most = top[0]["totalTokens"] if top else 0
    return Burned(
        tiles=tuple(_tiles(body)),
        agents=tuple(_agents(body)),
        columns=tuple(charts.columns(counts)),
        columns_from=day(span[0].isoformat()),
        columns_to=day(today.isoformat()),
        words=f"{tokens(sum(counts))} tokens in {_CHART_DAYS} days, at most {tokens(max(counts))} on one",
        top=tuple(_bar(row, most) for row in top),
        daily=tuple(_row(row) for _, row in sorted(days.items(), reverse=True)),
        unpriced=", ".join(body["unpricedModels"]),
        prices_date=body["pricesDate"],
    )


def _tiles(body: Document) -> list[Tile]:
    year, highest = body["yearToDate"], body["highestDay"]
    tiles = [
        _tile("Today", body["today"], plural(body["today"]["sessions"], "session")),
        _tile("This week", body["week"], plural(body["week"]["sessions"], "session")),
        _tile("Year to date", year, plural(year["days"], "day")),
    ]
    if highest is not None:
        tiles.append(_tile("Highest day", highest, day(highest["day"])))
    return tiles


def _agents(body: Document) -> list[tuple[str, str]]:
    """Each agent with its sums, where there are several."""
    held = body["byProvider"]
    if len(held) < 2:
        return []
    return [(TITLES[name], f"{tokens(row['totalTokens'])} tokens, {cost(row)}") for name, row in held.items()]


def _tile(label: str, row: Document, more: str) -> Tile:
    return Tile(label=label, tokens=tokens(row["totalTokens"]), cost=cost(row), more=more)


def _bar(row: Document, most: int) -> Bar:
    return Bar(
        day=day(row["day"]),
        share=charts.share(row["totalTokens"], most),
        tokens=tokens(row["totalTokens"]),
        cost=cost(row),
    )


def _row(row: Document) -> Day:
    cells = (f"{row['sessions']:,}", *(tokens(row[name]) for name in _COUNTS), cost(row))
    return Day(day=row["day"], cells=cells)
