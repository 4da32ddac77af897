"""Cells -> the figures of a view: sums by day, week, month, hour, session, project or model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from usagecli.tokens.ask import COMBINED, KEYS, OVERVIEW, SORTS, Ask
from usagecli.tokens.cells import Cell
from usagecli.tokens.events import PICO
from usagecli.tokens.zones import Zone, week_of

_TOP_DAYS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some cells; the cost in picodollars."""

    sessions: frozenset[tuple[str, str]] = frozenset()
    input: int = 0
    read: int = 0
    write: int = 0
    output: int = 0
    reasoning: int = 0
    cost: int = 0
    unpriced: frozenset[str] = frozenset()

    def document(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "sessions": len(self.sessions),
            "inputTokens": self.input,
            "cacheReadTokens": self.read,
            "cacheWriteTokens": self.write,
            "outputTokens": self.output,
            "reasoningTokens": self.reasoning,
            "totalTokens": self.input + self.read + self.write + self.output,
            "cost": round(self.cost / PICO, 6),
            "costComplete": not self.unpriced,
        }


def figures(cells: Sequence[Cell]) -> Figures:
    """The sums over all of them."""
    if not cells:
        return Figures()
    # All of a kind at once: one cell after the other takes three times as long.
    columns: Any = Cell._make(zip(*cells, strict=True))
    return Figures(
        frozenset(zip(columns.provider, columns.session, strict=True)),
        sum(columns.input),
        sum(columns.read),
        sum(columns.write),
        sum(columns.output),
        sum(columns.reasoning),
        sum(columns.cost),
        frozenset(columns.unpriced) - {""},
    )


def chosen(cells: Sequence[Cell], ask: Ask, zone: Zone) -> Iterator[Cell]:
    """The cells that are asked for."""
    provider = None if ask.provider == COMBINED else ask.provider
    day_of, since, until = zone.quarter, ask.since, ask.until
    for cell in cells:
        if provider is not None and cell.provider != provider:
            continue
        if since is not None or until is not None:
            day = day_of(cell.quarter)[0]
            if (since is not None and day < since) or (until is not None and day > until):
                continue
        if ask.models and not any(fnmatchcase(cell.model, model) for model in ask.models):
            continue
        if ask.projects and not any(_is_project(cell.project, name) for name in ask.projects):
            continue
        yield cell


def _is_project(project: str, name: str) -> bool:
    """A project is named by its whole path or the last part of it."""
    return project == name or project.replace("\\", "/").rstrip("/").rpartition("/")[2] == name


def rows(cells: Iterable[Cell], ask: Ask, zone: Zone) -> list[dict[str, Any]]:
    """The rows of a view, sorted and limited as asked."""
    groups = _grouped(cells, _key(ask, zone))
    key = KEYS[ask.view]
    found = []
    for name, held in groups.items():
        more = _session(held) if ask.view == "sessions" else {}
        row = {key: name[-1] if isinstance(name, tuple) else name, **more, **figures(held).document()}
        if ask.breakdown and ask.view != "models":
            row["models"] = breakdown(held)
        found.append(row)
    return arranged(found, ask)


def _grouped(cells: Iterable[Cell], key: Callable[[Cell], Any]) -> dict[Any, list[Cell]]:
    groups: dict[Any, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _key(ask: Ask, zone: Zone) -> Callable[[Cell], Any]:
    day_of, start = zone.quarter, ask.week_starts
    return {
        "daily": lambda cell: day_of(cell.quarter)[0].isoformat(),
        "weekly": lambda cell: week_of(day_of(cell.quarter)[0], start).isoformat(),
        "monthly": lambda cell: day_of(cell.quarter)[0].isoformat()[:7],
        "hours": lambda cell: day_of(cell.quarter)[1],
        "sessions": lambda cell: (cell.provider, cell.session),
        "projects": lambda cell: cell.project,
        "models": lambda cell: cell.model,
    }[ask.view]


def _session(cells: list[Cell]) -> dict[str, Any]:
    """What a session's row has besides its figures. Its project is that of its first request."""
    first = min(cells, key=lambda cell: cell.first)
    return {
        "provider": first.provider,
        "project": first.project,
        "models": sorted({cell.model for cell in cells}),
        "firstAt": instant(first.first),
        "lastAt": instant(max(cell.last for cell in cells)),
    }


def instant(milliseconds: int) -> str:
    """`2026-11-21T08:00:00Z`, fractions of a second cut off."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def breakdown(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The same figures for each model, the one with the most tokens first."""
    groups = _grouped(cells, lambda cell: cell.model)
    found = [{"model": model, **figures(held).document()} for model, held in groups.items()]
    return sorted(found, key=lambda row: (-row["totalTokens"], row["model"]))


def arranged(found: list[dict[str, Any]], ask: Ask) -> list[dict[str, Any]]:
    """The rows in the order that was asked for, no more than that.

    By default times run forward, sessions begin with the latest, all else with the most tokens.
    """
    found.sort(key=lambda row: str(next(iter(row.values()))).zfill(2))
    sort = ask.sort
    if sort is None and ask.view == "sessions":
        found.sort(key=lambda row: row["lastAt"], reverse=True)
    elif sort in SORTS or (sort is None and ask.view in ("projects", "models", OVERVIEW)):
        name = SORTS[sort or "total"]
        found.sort(key=lambda row: -row[name])
    return found[: ask.limit]


def overview(cells: list[Cell], ask: Ask, zone: Zone, today: date) -> dict[str, Any]:
    """The figures of the overview: the year so far, today, this week, and its days, highest first."""
    days = _grouped(cells, lambda cell: zone.quarter(cell.quarter)[0])
    week = week_of(today, ask.week_starts)
    all_days = [{"day": day.isoformat(), **figures(held).document()} for day, held in days.items()]
    if ask.breakdown:
        for row, held in zip(all_days, days.values(), strict=True):
            row["models"] = breakdown(held)
    top = sorted(all_days, key=lambda row: (-row["totalTokens"], row["day"]))
    this_week = [cell for day, held in days.items() if week <= day <= today for cell in held]
    return {
        "yearToDate": {"days": len(days), **figures(cells).document()},
        "today": {"day": today.isoformat(), **figures(days.get(today, [])).document()},
        "week": {
            "since": week.isoformat(),
            "until": today.isoformat(),
            **figures(this_week).document(),
        },
        "highestDay": top[0] if top else None,
        "topDays": [{"rank": rank, **row} for rank, row in enumerate(top[: ask.limit or _TOP_DAYS], 1)],
        "daily": arranged(all_days, ask),
    }
